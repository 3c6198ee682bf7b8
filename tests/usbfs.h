/* SPDX-License-Identifier: Apache-2.0 */
/* Between the two files that play devices to libusb. */
#ifndef TESTS_USBFS_H
#define TESTS_USBFS_H

#include "tests/model.h"

#include <glib.h> /* behind util.h, whose MIN it replaces by the same */

/* Numbers of its texts. */
enum { TEXT_PRODUCT = 1, TEXT_SERIAL = 2 };

/* "/dev/bus/usb/...", and places in sysfs without "/sys". */
void usbfs_node(uint8_t address, char ret[32]);
void usbfs_path(uint8_t address, char ret[64]);
void usbfs_interface_path(uint8_t address, const struct usb_interface *f, char ret[64]);

/* The device and its interfaces as umockdev wants to have them. */
GString *usbfs_describe(const struct usb_model *m);

#endif
