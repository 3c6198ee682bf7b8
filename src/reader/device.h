/* SPDX-License-Identifier: Apache-2.0 */
/* Readers on the USB for which this library has a driver: what udev/devices says of them, listing
 * and waiting. */
#ifndef READER_DEVICE_H
#define READER_DEVICE_H

#include <fuda/device.h>
#include "reader/driver.h"
#include "reader/usb.h"

/* The driver that serves this device, or NULL: the one that the table names, or that of the CCID
 * class for a device that has an interface of it. */
const struct driver *device_driver(const struct usb_device *device);

/* Adds the readers of a driver that has attach(): each is asked whether a card is in it, unless
 * another program has it (as a rule the PC/SC service, which lists it itself: then it is left out).
 * FUDA_EACCESS if there is one that this user may not open. */
int device_list(const struct driver *driver, struct fuda_context *ctx, struct fuda_deadline *dl,
		struct fuda_reader_list *list);

/* As wait() of a driver. */
int device_wait(const struct driver *driver, struct fuda_context *ctx, struct fuda_deadline *dl,
		const struct fuda_reader_list *known);

#endif
