/* SPDX-License-Identifier: Apache-2.0 */
/* The driver "rcs380" and an emulated RC-S380: through libusb where umockdev is, or else on a bus in the process. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/rcs380-model.h"
#include "tests/stage.h"

static struct usb_model *model;
static bool by_libusb;
static char name[32];

static const char *begin(void)
{
	uint8_t address;

	model = rcs380_model_new();
	by_libusb = usbfs_possible();
	if (by_libusb) {
		usbfs_begin();
		address = usbfs_plug(model);
	} else {
		usb_mock_begin(true);
		address = usb_mock_plug(model);
	}
	snprintf(name, sizeof(name), "rcs380:1.%u", address);
	return NULL;
}

/* The driver has to keep to the rules. */
static void check(const char *complaint)
{
	if (!complaint)
		return;
	fprintf(stderr, "the emulated RC-S380 complains: %s\n", complaint);
	exit(1);
}

static void end(void)
{
	check(rcs380_model_complaint(model));
	check(picc_complaint(rcs380_model_picc(model)));
	if (by_libusb) {
		usbfs_end();
	} else {
		usb_mock_unplug(model);
		usb_mock_end();
	}
	model->free(model);
}

static void insert(struct vcard *v)
{
	rcs380_model_insert(model, v);
}

static const char *reader(void)
{
	return name;
}

const struct stage stage_rcs380 = { "rcs380", begin, end, insert, reader };
