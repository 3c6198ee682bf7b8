/* SPDX-License-Identifier: Apache-2.0 */
/* What the stages of USB readers have in common: where their device is plugged in. */
#include "tests/model.h"

static bool by_libusb;

uint8_t usb_stage_begin(struct usb_model *m)
{
	by_libusb = usbfs_possible();
	if (by_libusb) {
		usbfs_begin();
		return usbfs_plug(m);
	}
	usb_mock_begin(true);
	return usb_mock_plug(m);
}

void usb_stage_end(struct usb_model *m)
{
	if (by_libusb) {
		usbfs_end();
	} else {
		usb_mock_unplug(m);
		usb_mock_end();
	}
	m->free(m);
}
