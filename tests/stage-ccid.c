/* SPDX-License-Identifier: Apache-2.0 */
/* The driver "ccid" and an emulated reader of the kind that FUDA_TEST_CCID names (ccid-model.h; "extended"): through
 * libusb where umockdev is, or else on a bus in the process. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/ccid-model.h"
#include "tests/stage.h"

static struct usb_model *model;
static char name[32];

static const char *begin(void)
{
	const char *kind = getenv("FUDA_TEST_CCID");

	model = ccid_model_new(kind && *kind ? kind : "extended");
	if (!model)
		return "there is no emulated CCID reader of the kind that FUDA_TEST_CCID names";
	snprintf(name, sizeof(name), "ccid:1.%u", usb_stage_begin(model));
	return NULL;
}

static void end(void)
{
	const char *complaint = ccid_model_complaint(model);

	if (complaint) { /* the driver has to keep to the rules */
		fprintf(stderr, "the emulated CCID reader complains: %s\n", complaint);
		exit(1);
	}
	usb_stage_end(model);
}

static void insert(struct vcard *v)
{
	ccid_model_insert(model, v);
}

static const char *reader(void)
{
	return name;
}

const struct stage stage_ccid = { "ccid", begin, end, insert, reader, NULL };
