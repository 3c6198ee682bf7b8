/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of each driver with the software card in it, so that one suite can be run over all of them. */
#ifndef TESTS_STAGE_H
#define TESTS_STAGE_H

#include "vcard/vcard.h"

struct stage {
	const char *driver; /* whose reader it is */
	/* Sets up the reader, once a process. NULL, or why that cannot be done here (the suite is skipped). */
	const char *(*begin)(void);
	void (*end)(void);
	/* Puts this card in, which stays the caller's, in place of the one that is in; NULL: takes it out. The
	 * driver does not take it for the old one (its next power-up starts afresh). When it returns the old card
	 * is no longer used by any thread. */
	void (*insert)(struct vcard *v);
	/* Its whole name, "driver:rest"; NULL: "virtual", which opens the directory by itself. */
	const char *(*reader)(void);
};

extern const struct stage stage_virtual, stage_pcsc, stage_rcs380, stage_ccid, stage_nfc;

/* The stage of the driver that the environment (FUDA_TEST_DRIVER) names, or the virtual one. */
const struct stage *stage(void);

#endif
