/* SPDX-License-Identifier: Apache-2.0 */
/* The driver "rcs380" and an emulated RC-S380: through libusb where umockdev is, or else on a bus in the process. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/rcs380-model.h"
#include "tests/stage.h"

static struct usb_model *model;
static char name[32];

static const char *begin(void)
{
	model = rcs380_model_new();
	snprintf(name, sizeof(name), "rcs380:1.%u", usb_stage_begin(model));
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
	usb_stage_end(model);
}

static void insert(struct vcard *v)
{
	rcs380_model_insert(model, v);
}

static const char *reader(void)
{
	return name;
}

const struct stage stage_rcs380 = { "rcs380", begin, end, insert, reader, NULL };
