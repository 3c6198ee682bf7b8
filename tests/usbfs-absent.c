/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of usbfs.c in a build without umockdev. */
#include <stdlib.h>

#include "tests/model.h"

bool usbfs_possible(void)
{
	return false;
}

void usbfs_begin(void)
{
	abort();
}

void usbfs_end(void)
{
	abort();
}

uint8_t usbfs_plug(struct usb_model *m)
{
	(void)m;
	abort();
}

void usbfs_unplug(struct usb_model *m)
{
	(void)m;
	abort();
}
