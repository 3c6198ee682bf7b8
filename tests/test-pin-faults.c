/* SPDX-License-Identifier: Apache-2.0 */
/* A signature on the software card, with every fault at every command: no second VERIFY from any
 * layer, no try lost beyond those reported, outcome unknown when the answer to VERIFY was lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/jpki.h>

#include "base/deadline.h"
#include "card/card.h"
#include "drivers/virtual.h"
#include "tests/cmocka.h"
#include "vcard/vcard.h"

enum { LAST_POSITION = 16, DEADLINE_MS = 150 };

static char dir[64], card_dir[80];
static struct fuda_context *ctx;

static int make_card(void **state)
{
	const struct vcard_make what = { 0 };
	char why[256] = "";

	(void)state;
	/* nothing is remembered from one fault to the next */
	unsetenv("HOME");
	unsetenv("XDG_CACHE_HOME");
	snprintf(dir, sizeof(dir), "/tmp/fuda-test.XXXXXX");
	if (!mkdtemp(dir) || fuda_context_new(&ctx) < 0)
		return -1;
	snprintf(card_dir, sizeof(card_dir), "%s/card", dir);
	if (vcard_make(card_dir, &what, why, sizeof(why)) < 0) {
		print_error("%s\n", why);
		return -1;
	}
	return 0;
}

static int drop_card(void **state)
{
	char command[128];

	(void)state;
	fuda_context_free(&ctx);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

struct outcome {
	int error;
	struct fuda_pin_entry entry;
	unsigned long verifies, apdus;
	size_t signature_len;
};

/* One job on a freshly inserted card. `spec` is a fault or "". */
static struct outcome sign(const char *spec, enum fuda_jpki_object key, const char *pin)
{
	_cleanup_buf_ struct fuda_buf sig = FUDA_BUF_INIT(512), cert = FUDA_BUF_INIT(4096);
	const struct fuda_digest digest = { FUDA_SHA256, 32, { 1 } };
	struct outcome o = { 0 };
	struct fuda_deadline *dl;
	struct fuda_secret *secret;
	struct fuda_card *card = NULL;
	char name[160];

	snprintf(name, sizeof(name), "%s%s%svirtual:%s", *spec ? "fault:" : "", spec,
		 *spec ? ":" : "", card_dir);
	assert_int_equal(fuda_deadline_new(DEADLINE_MS, &dl), 0);
	assert_int_equal(fuda_secret_new(pin, strlen(pin), &secret), 0);
	o.entry = FUDA_PIN_ENTRY(secret);
	o.error = fuda_card_open(ctx, name, dl, &card);
	assert_int_equal(o.error, 0);
	fuda_deadline_restart(dl, DEADLINE_MS);
	o.error = fuda_jpki_sign_digest(card, key, &digest, &o.entry, dl, &sig, &cert);
	{
		const struct reader *r = card->reader->inner ? card->reader->inner : card->reader;

		o.verifies = vcard_usage(virtual_card(r)).verifies;
	}
	o.apdus = fuda_card_apdus(card).count;
	o.signature_len = sig.len;
	fuda_card_free(&card);
	fuda_secret_free(&secret);
	fuda_deadline_free(&dl);
	return o;
}

/* What the card itself says. */
static int counter(enum fuda_pin pin)
{
	struct fuda_pin_counter counters[FUDA_PIN_COUNTERS_MAX];
	struct fuda_deadline *dl;
	struct fuda_card *card;
	char name[96];
	size_t count;
	int tries = FUDA_TRIES_UNKNOWN;

	snprintf(name, sizeof(name), "virtual:%s", card_dir);
	assert_int_equal(fuda_deadline_new(10000, &dl), 0);
	assert_int_equal(fuda_card_open(ctx, name, dl, &card), 0);
	assert_int_equal(fuda_pin_counters(card, dl, counters, &count), 0);
	for (size_t i = 0; i < count; i++)
		if (counters[i].pin == pin)
			tries = counters[i].tries;
	fuda_card_free(&card);
	fuda_deadline_free(&dl);
	return tries;
}

/* A successful use sets the counter back. */
static void reset_counter(enum fuda_jpki_object key)
{
	struct outcome o = sign("", key, key == FUDA_JPKI_AUTH ? "1234" : "ABC123");

	assert_int_equal(o.error, 0);
	assert_int_equal(o.signature_len, 256);
	assert_int_equal(o.verifies, 1);
}

static const char *const kinds[] = {
	"removed", "pulled",  "gone",	 "reset",    "lostreset",  "mute",	  "unreached",
	"truncated", "sw=6F00", "sw=6700", "sw=6982",  "sw=6D00",    "answer=9000",
	"late=50",   "answer=6300", "answer=63C3", "answer=6CFF", "answer=6110", "answer=DEAD9000",
};

struct run {
	enum fuda_jpki_object key;
	enum fuda_pin pin;
	const char *secret;
	bool right;
	int tries;
};

/* Faults that make the card seem to say something about the PIN. */
static bool forges(const char *kind)
{
	return strncmp(kind, "answer=63", 9) == 0 || strcmp(kind, "answer=9000") == 0;
}

static void check_run(const struct run *run, const char *kind, int at, const char *forever)
{
	char spec[64];
	struct outcome o;
	int left;

	snprintf(spec, sizeof(spec), "%s@%d%s", kind, at, forever);
	o = sign(spec, run->key, run->secret);
	left = counter(run->pin);
	if (getenv("VERBOSE"))
		print_message("%-20s %s: %s, %lu VERIFY, tries %d -> %d, card says %d\n", spec,
			      run->right ? "right" : "wrong", fuda_error_name(o.error), o.verifies,
			      o.entry.tries_before, o.entry.tries_after, left);

	/* never a second VERIFY from any layer, and none that is not admitted */
	assert_true(o.verifies <= 1);
	if (o.verifies)
		assert_true(o.entry.sent);
	/* the card lost a try only for a wrong PIN that it has seen */
	assert_int_equal(left, run->tries - (!run->right && o.verifies ? 1 : 0));
	/* what is reported of the counter is so, unless the fault replaced the answer that told it
	 */
	if (o.entry.tries_after != FUDA_TRIES_UNKNOWN && !forges(kind))
		assert_int_equal(o.entry.tries_after, left);
	if (o.entry.tries_before != FUDA_TRIES_UNKNOWN && !forges(kind))
		assert_int_equal(o.entry.tries_before, run->tries);
	/* success is success, and failure says something */
	assert_int_equal(o.signature_len, o.error == 0 ? 256 : 0);
	if (o.error == 0)
		assert_true(run->right && o.verifies == 1);
	else
		assert_string_not_equal(fuda_context_message(ctx), "");
	/* an unknown outcome is one of a PIN that was sent */
	if (o.error == FUDA_EUNKNOWN)
		assert_true(o.entry.sent);
	if (!run->right && o.verifies && left < run->tries)
		reset_counter(run->key);
}

static void torture(const struct run *run)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (int at = 1; at <= LAST_POSITION; at++) {
			check_run(run, kinds[i], at, "");
			/* "mute for ever" waits for two deadlines each time */
			if (strcmp(kinds[i], "mute") != 0 && strncmp(kinds[i], "late", 4) != 0)
				check_run(run, kinds[i], at, "+");
		}
	}
}

static void authentication_right_pin(void **state)
{
	const struct run run = { FUDA_JPKI_AUTH, FUDA_PIN_AUTH, "1234", true, 3 };

	(void)state;
	torture(&run);
}

static void authentication_wrong_pin(void **state)
{
	const struct run run = { FUDA_JPKI_AUTH, FUDA_PIN_AUTH, "4321", false, 3 };

	(void)state;
	torture(&run);
}

static void signature_right_password(void **state)
{
	const struct run run = { FUDA_JPKI_SIGN, FUDA_PIN_SIGN, "ABC123", true, 5 };

	(void)state;
	torture(&run);
}

static void signature_wrong_password(void **state)
{
	const struct run run = { FUDA_JPKI_SIGN, FUDA_PIN_SIGN, "ABC124", false, 5 };

	(void)state;
	torture(&run);
}

/* Each way to lose the answer to VERIFY itself, with what must be known afterwards. */
static void lost_answers(void **state)
{
	static const struct {
		const char *kind;
		bool executed, counter_known;
	} rows[] = {
		{ "removed", false, false },  { "pulled", true, false },   { "gone", false, false },
		{ "reset", false, true },     { "lostreset", true, true }, { "mute", true, true },
		{ "unreached", false, true }, { "truncated", true, true },
	};
	struct outcome plain = sign("", FUDA_JPKI_AUTH, "1234");
	int verify = (int)plain.apdus - 1; /* VERIFY, signature */

	(void)state;
	assert_int_equal(plain.error, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char spec[32];
		struct outcome o;

		print_message("%s\n", rows[i].kind);
		snprintf(spec, sizeof(spec), "%s@%d", rows[i].kind, verify);
		o = sign(spec, FUDA_JPKI_AUTH, "4321");
		assert_int_equal(o.error, FUDA_EUNKNOWN);
		assert_int_equal(fuda_error_exit_status(o.error), 10);
		assert_int_equal(o.verifies, rows[i].executed);
		assert_int_equal(o.entry.tries_before, 3);
		assert_int_equal(o.entry.tries_after,
				 !rows[i].counter_known ? FUDA_TRIES_UNKNOWN :
				 rows[i].executed	? 2 :
							  3);
		if (rows[i].executed)
			reset_counter(FUDA_JPKI_AUTH);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_answers),
		cmocka_unit_test(authentication_right_pin),
		cmocka_unit_test(authentication_wrong_pin),
		cmocka_unit_test(signature_right_password),
		cmocka_unit_test(signature_wrong_password),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, make_card, drop_card);
}
