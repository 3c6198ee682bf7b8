/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of the driver "nfc" over the real libnfc, to an emulated PN532 with the software card on it; one for each
 * test of a program. */
#ifndef TESTS_NFC_STAND_H
#define TESTS_NFC_STAND_H

#include "tests/pn532.h"
#include "tests/softcard.h"
#include "tests/test-nfc.h"

enum {
	SOON_MS = 100, /* after a deadline or a cancel */
	SLACK_MS = 150, /* of a machine that does other things too */
	EXCHANGE = 0x40,
};

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct pn532 *chip;
static struct vcard *card;
static int descriptors_before;
static struct pn532_counts before;
static struct reader *r; /* closed after a test that failed, too */

static inline int setup(void **state)
{
	nfc_helper_path = "./fuda-nfc";
	return fuda_context_new(&ctx) < 0 || fuda_deadline_new(-1, &dl) < 0 ? -1 : softcard_setup(state);
}

static inline int teardown(void **state)
{
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return softcard_teardown(state);
}

/* A chip and a card for each test. */
static inline int begin(void **state)
{
	(void)state;
	fuda_deadline_free(&dl);
	assert_int_equal(fuda_deadline_new(10000, &dl), 0);
	assert_true(deadline_fd(dl) >= 0); /* which it may make when it is first waited for */
	chip = pn532_new();
	assert_non_null(chip);
	softcard_write(NULL);
	card = softcard_load();
	pn532_insert(chip, card);
	before = pn532_counts(chip);
	descriptors_before = descriptors();
	return 0;
}

/* However it went, nothing is left, the field is off, and the host has said nothing that it may not say. */
static inline int end(void **state)
{
	struct pn532_counts counts;

	(void)state;
	reader_close(&r);
	counts = pn532_counts(chip);
	assert_no_child();
	assert_int_equal(descriptors(), descriptors_before);
	assert_string_equal(counts.violation, "");
	pn532_free(&chip);
	softcard_free(&card);
	return 0;
}

static inline const char *name(void)
{
	static char text[128];

	snprintf(text, sizeof(text), "nfc:pn532_uart:%s", pn532_path(chip));
	return text;
}

static inline void open_reader(void)
{
	if (reader_open(ctx, name(), dl, &r) < 0)
		fail_msg("%s", fuda_context_message(ctx));
}

static inline void does_not_open(const char *reader, int error, const char *says)
{
	struct reader *none = NULL;

	assert_int_equal(reader_open(ctx, reader, dl, &none), error);
	assert_null(none);
	if (!strstr(fuda_context_message(ctx), says))
		fail_msg("message without \"%s\": %s", says, fuda_context_message(ctx));
	assert_no_child();
	assert_int_equal(descriptors(), descriptors_before);
}

static inline void answers(const char *hex, int sw)
{
	int e = exchange(r, hex, 0, dl);

	if (e != sw)
		fail_msg("%s: %X %s", hex, e, e < 0 ? fuda_context_message(ctx) : "");
}

static inline unsigned long verifies(void)
{
	return pn532_counts(chip).verifies;
}

/* As if nothing had been. */
static inline void works_again(void)
{
	assert_no_child();
	fuda_deadline_restart(dl, 10000);
	open_reader();
	answers(SELECT_JPKI, 0x9000);
	reader_close(&r);
	assert_false(pn532_field(chip));
	assert_false(vcard_powered(card));
}

/* How many commands the chip gets until the reader is open; the first time there are more registers to set. */
static inline unsigned long commands_of_opening(void)
{
	unsigned long n;

	works_again();
	before = pn532_counts(chip);
	open_reader();
	n = pn532_counts(chip).commands - before.commands;
	reader_close(&r);
	assert_in_range(n, 10, 40);
	return n;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
#define RUN_STAND(tests) cmocka_run_group_tests_name(__FILE__, tests, setup, teardown)

#endif
