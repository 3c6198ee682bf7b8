/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of each driver with the software card in it, so that one suite can be run over all of them. */
#ifndef TESTS_STAGE_H
#define TESTS_STAGE_H

#include "reader/driver.h"
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
	/* What stands before the name of the virtual reader and of the faults, as "trace:"; or NULL. */
	const char *above;
};

/* The stage of the driver that the environment (FUDA_TEST_DRIVER) names, or the virtual one. Ends the process
 * with a failure where that driver has none. */
const struct stage *stage(void);
bool stage_is_virtual(void);
/* Whether the next run of a matrix of faults is made: over the bare virtual reader all are, over others, which are
 * slower and have nothing to do with the faults above them, every STAGE_STRIDE-th, a number that no matrix has as
 * a factor. FUDA_TEST_STRIDE in the environment is another stride, 1 for all. */
bool stage_takes(void);
enum { STAGE_STRIDE = 53 };
/* From one to the next of the readings of session.h: all of them over the virtual reader and PC/SC; over others,
 * where each moves hundreds of blocks, number 0 and number 9: the card as it is made, and one with short APDUs alone
 * that says 6Cxx. FUDA_TEST_READINGS=all in the environment: all of them. */
size_t stage_step(void);

/* For main(): runs tests with the reader set up, as cmocka_run_group_tests(). */
#define stage_run(tests, setup, teardown) \
	(stage_begin() ? stage_end(cmocka_run_group_tests_name(__FILE__, tests, setup, teardown)) : 77)
bool stage_begin(void);
int stage_end(int failed);

/* Puts the card of softcard.h in as it is on disk, and returns the name of its reader, with the driver of faults
 * in front if `spec` is not NULL; valid until the next call. */
const char *stage_insert(const char *spec);
/* In the reader that was opened so: the card, whatever is stacked on its reader. */
struct vcard *stage_card(const struct reader *r);
/* Lets it take no longer APDUs than the card's settings max-command and max-response say of its reader. */
void stage_limit(struct reader *r);
/* Whether it still holds what the commands left in it, a verified secret for one, as it has had power since:
 * `expected`, unless the reader does not come to that within seconds. */
bool stage_holds(const struct reader *r, bool expected);
/* Takes it out while the reader is still open: nobody but the caller uses it from here on. */
struct vcard *stage_withdraw(const struct reader *r);
/* Takes it out, if it is still in, and frees it; after closing the reader. */
void stage_remove(void);

/* The time that a job of a test may take over this reader, which takes `ms` on the virtual one. */
int stage_ms(int ms);

#endif
