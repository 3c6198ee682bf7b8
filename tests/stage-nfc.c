/* SPDX-License-Identifier: Apache-2.0 */
/* The driver "nfc", through libnfc and a pseudo-terminal to an emulated PN532. */
#include <stdio.h>

#include "drivers/nfc-helper.h"
#include "tests/pn532.h"
#include "tests/stage.h"

static struct pn532 *chip;
static char name[128];

static const char *begin(void)
{
	chip = pn532_new();
	if (!chip)
		return "no pseudo-terminal is to be had";
	nfc_helper_path = "./fuda-nfc";
	snprintf(name, sizeof(name), "nfc:pn532_uart:%s", pn532_path(chip));
	return NULL;
}

static void end(void)
{
	pn532_free(&chip);
}

static void insert(struct vcard *v)
{
	pn532_insert(chip, v);
}

static const char *reader(void)
{
	return name;
}

const struct stage stage_nfc = { "nfc", begin, end, insert, reader, NULL };
