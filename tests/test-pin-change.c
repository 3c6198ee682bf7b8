/* SPDX-License-Identifier: Apache-2.0 */
/* Changing secrets, answer by answer. What happens on faults is in test-pin-change-faults.c. */
#include <fuda/pin.h>
#include <fuda/secret.h>

#include "tests/mock.h"

#define OK	      "9000"
#define SELECT_JPKI   { "00A4040C0AD392F000260100000001", OK }
#define SELECT_TEXT   { "00A4040C0AD3921000310001010408", OK }
#define OPEN_AUTH     SELECT_JPKI, { "00A4020C020018", OK }
#define OPEN_TEXT     SELECT_TEXT, { "00A4020C020011", OK }
#define JUKI	      "00A4040C0AD3921000310001010401"
#define COMMON	      "00A4040C0AD3921000310001010100"
#define FILE_001C     { "00A4020C02001C", OK }
#define OPEN_JUKI     { JUKI, OK }, FILE_001C
#define OPEN_COMMON   { COMMON, OK }, FILE_001C
#define QUERY	      "00200080"
#define VERIFY_OLD    "002000800431323334"
#define VERIFY_NEW    "002000800435363738"
#define CHANGE_NEW    "803200800435363738"
#define CHANGE_OLD    "803200800431323334"
#define ISO_NEW	      "002401800435363738"
/* the counters of both copies of the juki secret, which are read before anything is sent */
#define COUNTERS(common, juki) OPEN_COMMON, { QUERY, common }, OPEN_JUKI, { QUERY, juki }
/* up to where the (first) change can be made */
#define AUTH_OPENED OPEN_AUTH, { QUERY, "63C3" }, { VERIFY_OLD, OK }
#define JUKI_OPENED COUNTERS("63C3", "63C3"), { VERIFY_OLD, OK }, OPEN_COMMON, { VERIFY_OLD, OK }
/* up to where one copy holds the new secret, and the other is selected */
#define HALFWAY JUKI_OPENED, { CHANGE_NEW, OK }, OPEN_JUKI
/* changing it back */
#define BACK	{ VERIFY_NEW, OK }, { CHANGE_OLD, OK }
#define LOST	FUDA_ETRANSPORT
#define O	FUDA_PIN_HOLDS_OLD
#define N	FUDA_PIN_HOLDS_NEW
#define E	FUDA_PIN_HOLDS_EITHER

struct row {
	const char *what;
	enum fuda_pin pin;
	struct exchange script[32];
	int error;
	bool last_try;
	size_t count;
	struct {
		enum fuda_pin_holds holds;
		int before, after;
		unsigned sent;
	} copies[FUDA_PIN_COPIES_MAX];
	const char *says; /* part of the message, or NULL */
};

static struct fuda_secret *secret(const char *text)
{
	struct fuda_secret *s;

	assert_int_equal(fuda_secret_new(text, strlen(text), &s), 0);
	return s;
}

static void run(const struct row *row, const char *old_text, const char *new_text)
{
	struct fuda_secret *old = secret(old_text), *fresh = secret(new_text);
	struct fuda_pin_change change = { row->pin, old, fresh, row->last_try, .count = 99 };
	struct mock_card m;
	unsigned sent = 0;

	print_message("%s\n", row->what);
	mock_open(&m, row->script);
	assert_int_equal(fuda_pin_change(m.card, &change, m.dl), row->error);
	if (row->says && !strstr(fuda_context_message(m.ctx), row->says))
		fail_msg("\"%s\" does not say \"%s\"", fuda_context_message(m.ctx), row->says);
	if (row->error < 0 && *old_text)
		assert_null(strstr(fuda_context_message(m.ctx), old_text));
	assert_int_equal(change.count, row->count);
	for (size_t i = 0; i < change.count; i++) {
		assert_int_equal(change.copies[i].holds, row->copies[i].holds);
		assert_int_equal(change.copies[i].tries_before, row->copies[i].before);
		assert_int_equal(change.copies[i].tries_after, row->copies[i].after);
		assert_int_equal(change.copies[i].sent, row->copies[i].sent);
		sent += change.copies[i].sent;
	}
	assert_int_equal(m.mock.verifies + m.mock.changes, sent);
	/* powered off if and only if a secret was sent */
	assert_int_equal(m.mock.power_offs, sent > 0);
	mock_close_card(&m);
	fuda_secret_free(&old);
	fuda_secret_free(&fresh);
}

#define RUN_ROWS(rows, old, new)                               \
	do {                                                   \
		for (size_t i_ = 0; i_ < ARRAY_SIZE(rows); i_++) \
			run(&(rows)[i_], old, new);            \
	} while (0)

static void changes_what_is_kept_once(void **state)
{
	static const struct row rows[] = {
		{ "auth", FUDA_PIN_AUTH,
		  { AUTH_OPENED, { ISO_NEW, OK } },
		  0, false, 1, { { N, 3, 3, 2 } }, NULL },
		{ "text", FUDA_PIN_TEXT,
		  { OPEN_TEXT, { QUERY, "63C1" }, { VERIFY_OLD, OK }, { ISO_NEW, OK } },
		  0, true, 1, { { N, 1, 3, 2 } }, NULL },
		{ "wrong", FUDA_PIN_TEXT,
		  { OPEN_TEXT, { QUERY, "63C3" }, { VERIFY_OLD, "63C2" } },
		  FUDA_EPINWRONG, false, 1, { { O, 3, 2, 1 } }, "2 tries are left. Nothing was changed." },
		{ "last try", FUDA_PIN_TEXT,
		  { OPEN_TEXT, { QUERY, "63C1" } },
		  FUDA_ELASTTRY, false, 1, { { O, 1, 1, 0 } }, "Only one try" },
		{ "last try wrong", FUDA_PIN_TEXT,
		  { OPEN_TEXT, { QUERY, "63C1" }, { VERIFY_OLD, "63C0" } },
		  FUDA_EPINBLOCKED, true, 1, { { O, 1, 0, 1 } }, "blocked now" },
		{ "blocked", FUDA_PIN_AUTH,
		  { OPEN_AUTH, { QUERY, "6984" } },
		  FUDA_EPINBLOCKED, true, 1, { { O, 0, 0, 0 } }, "blocked" },
		{ "unreadable counter counts as the last try", FUDA_PIN_AUTH,
		  { OPEN_AUTH, { QUERY, "6D00" } },
		  FUDA_ELASTTRY, false, 1, { { O, -1, -1, 0 } }, NULL },
		{ "refused", FUDA_PIN_AUTH,
		  { AUTH_OPENED, { ISO_NEW, "6A80" } },
		  FUDA_ESW, false, 1, { { O, 3, 3, 2 } }, "6A80" },
		{ "not mended: 6700", FUDA_PIN_AUTH,
		  { AUTH_OPENED, { ISO_NEW, "6700" } },
		  FUDA_ESW, false, 1, { { O, 3, 3, 2 } }, NULL },
		{ "an answer that says nothing: 6581", FUDA_PIN_AUTH,
		  { AUTH_OPENED, { ISO_NEW, "6581" },
		    OPEN_AUTH, { "00200098", "63C3" } },
		  FUDA_EUNKNOWN, false, 1, { { E, 3, 3, 2 } }, "does not tell" },
		{ "an answer that says nothing: data", FUDA_PIN_AUTH,
		  { AUTH_OPENED, { ISO_NEW, "009000" },
		    OPEN_AUTH, { "00200098", "63C3" } },
		  FUDA_EUNKNOWN, false, 1, { { E, 3, 3, 2 } }, "was lost" },
		{ "not mended: 6C04 says nothing", FUDA_PIN_AUTH,
		  { AUTH_OPENED, { ISO_NEW, "6C04" },
		    OPEN_AUTH, { "00200098", "63C3" } },
		  FUDA_EUNKNOWN, false, 1, { { E, 3, 3, 2 } }, NULL },
		{ "not mended: 6F00 says nothing", FUDA_PIN_AUTH,
		  { AUTH_OPENED, { ISO_NEW, "6F00" },
		    OPEN_AUTH, { "00200098", "63C3" } },
		  FUDA_EUNKNOWN, false, 1, { { E, 3, 3, 2 } }, NULL },
		{ "answer to the change lost", FUDA_PIN_AUTH,
		  { AUTH_OPENED, { ISO_NEW, NULL, LOST },
		    OPEN_AUTH, { "00200098", "63C3" } },
		  FUDA_EUNKNOWN, false, 1, { { E, 3, 3, 2 } }, "Use the new one first" },
		{ "answer to the change lost, and the card with it", FUDA_PIN_AUTH,
		  { AUTH_OPENED,
		    { ISO_NEW, NULL, FUDA_EREMOVED }, { "00A4040C0AD392F000260100000001", NULL, FUDA_EREMOVED } },
		  FUDA_EUNKNOWN, false, 1, { { E, 3, -1, 2 } }, "was lost" },
		{ "answer to VERIFY lost: not changed", FUDA_PIN_AUTH,
		  { OPEN_AUTH, { QUERY, "63C3" }, { VERIFY_OLD, NULL, LOST },
		    OPEN_AUTH, { "00200098", "63C3" } },
		  FUDA_EUNKNOWN, false, 1, { { O, 3, 3, 1 } }, "Nothing was changed" },
		{ "reset before the counter", FUDA_PIN_AUTH,
		  { OPEN_AUTH, { QUERY, NULL, FUDA_ERESET, true }, SELECT_JPKI,
		    { "00A4020C020018", OK }, { QUERY, "63C3" }, { VERIFY_OLD, OK }, { ISO_NEW, OK } },
		  0, false, 1, { { N, 3, 3, 2 } }, NULL },
		{ "reset behind VERIFY: known to fail, not sent", FUDA_PIN_AUTH,
		  { OPEN_AUTH, { QUERY, "63C3" }, { VERIFY_OLD, OK, 0, true } },
		  FUDA_ERESET, false, 1, { { O, 3, 3, 1 } }, "Nothing was changed" },
		{ "no such application", FUDA_PIN_TEXT, { { "00A4040C0AD3921000310001010408", "6A82" } },
		  FUDA_ENOTFOUND, false, 0, { { 0 } }, "has no" },
		{ "no such file", FUDA_PIN_TEXT, { SELECT_TEXT, { "00A4020C020011", "6A82" } },
		  FUDA_ENOTFOUND, false, 0, { { 0 } }, "has no" },
		{ "card gone", FUDA_PIN_TEXT, { SELECT_TEXT, { "00A4020C020011", NULL, FUDA_EREMOVED } },
		  FUDA_EREMOVED, false, 0, { { 0 } }, "the card was removed. Nothing was changed." },
	};

	(void)state;
	RUN_ROWS(rows, "1234", "5678");
}

static void changes_both_copies_or_none(void **state)
{
	static const struct row rows[] = {
		{ "both", FUDA_PIN_JUKI, { HALFWAY, { VERIFY_OLD, OK }, { CHANGE_NEW, OK } },
		  0, false, 2, { { N, 3, 3, 3 }, { N, 3, 3, 2 } }, NULL },
		{ "wrong in the first", FUDA_PIN_JUKI, { COUNTERS("63C3", "63C3"), { VERIFY_OLD, "63C2" } },
		  FUDA_EPINWRONG, false, 2, { { O, 3, 2, 1 }, { O, 3, 3, 0 } }, "Nothing was changed" },
		{ "wrong in the second", FUDA_PIN_JUKI,
		  { COUNTERS("63C3", "63C3"), { VERIFY_OLD, OK }, OPEN_COMMON, { VERIFY_OLD, "63C2" } },
		  FUDA_EPINWRONG, false, 2, { { O, 3, 3, 1 }, { O, 3, 2, 1 } }, "two different ones" },
		{ "wrong in the second, which is blocked by it", FUDA_PIN_JUKI,
		  { COUNTERS("63C1", "63C3"), { VERIFY_OLD, OK }, OPEN_COMMON, { VERIFY_OLD, "63C0" } },
		  FUDA_EPINBLOCKED, true, 2, { { O, 3, 3, 1 }, { O, 1, 0, 1 } }, "two different ones" },
		{ "last try of the second", FUDA_PIN_JUKI, { COUNTERS("63C1", "63C3") },
		  FUDA_ELASTTRY, false, 2, { { O, 3, 3, 0 }, { O, 1, 1, 0 } }, NULL },
		{ "second blocked", FUDA_PIN_JUKI, { COUNTERS("6984", "63C3") },
		  FUDA_EPINBLOCKED, true, 2, { { O, 3, 3, 0 }, { O, 0, 0, 0 } }, NULL },
		{ "first blocked", FUDA_PIN_JUKI, { COUNTERS("63C3", "63C0") },
		  FUDA_EPINBLOCKED, true, 2, { { O, 0, 0, 0 }, { O, 3, 3, 0 } }, NULL },
		{ "only one application", FUDA_PIN_JUKI,
		  { { COMMON, "6A82" }, OPEN_JUKI, { QUERY, "63C2" }, { VERIFY_OLD, OK }, { CHANGE_NEW, OK } },
		  0, false, 1, { { N, 2, 3, 2 } }, NULL },
		{ "only the other application", FUDA_PIN_JUKI,
		  { OPEN_COMMON, { QUERY, "63C1" }, { JUKI, "6A82" } },
		  FUDA_ELASTTRY, false, 1, { { O, 1, 1, 0 } }, "Only one try" },
		{ "no application", FUDA_PIN_JUKI, { { COMMON, "6A82" }, { JUKI, "6A82" } },
		  FUDA_ENOTFOUND, false, 0, { { 0 } }, "has no" },
		{ "refused in the second application", FUDA_PIN_JUKI,
		  { JUKI_OPENED, { CHANGE_NEW, "6A80" } },
		  FUDA_ESW, false, 2, { { O, 3, 3, 1 }, { O, 3, 3, 2 } }, "Nothing was changed" },
	};

	(void)state;
	RUN_ROWS(rows, "1234", "5678");
}

static void changes_back(void **state)
{
	static const struct row rows[] = {
		{ "refused: changed back", FUDA_PIN_JUKI,
		  { HALFWAY, { VERIFY_OLD, OK }, { CHANGE_NEW, "6985" }, OPEN_COMMON, BACK },
		  FUDA_ESW, false, 2, { { O, 3, 3, 3 }, { O, 3, 3, 4 } }, "changed back" },
		{ "not verified: changed back", FUDA_PIN_JUKI,
		  { HALFWAY, { VERIFY_OLD, "63C2" }, OPEN_COMMON, BACK },
		  FUDA_EPINWRONG, false, 2, { { O, 3, 2, 2 }, { O, 3, 3, 4 } }, "changed back" },
		{ "not selected: changed back, at the third attempt", FUDA_PIN_JUKI,
		  { JUKI_OPENED, { CHANGE_NEW, OK },
		    { JUKI, NULL, FUDA_ERESET, true }, { COMMON, NULL, LOST }, { COMMON, NULL, FUDA_ERESET, true },
		    OPEN_COMMON, BACK },
		  FUDA_ERESET, false, 2, { { O, 3, 3, 1 }, { O, 3, 3, 4 } }, "changed back" },
		{ "changing back refused: split", FUDA_PIN_JUKI,
		  { HALFWAY, { VERIFY_OLD, OK }, { CHANGE_NEW, "6985" }, OPEN_COMMON, { VERIFY_NEW, OK },
		    { CHANGE_OLD, "6985" } },
		  FUDA_EPINSPLIT, false, 2, { { O, 3, 3, 3 }, { N, 3, 3, 4 } },
		  "\"juki\" holds the old one, and \"common\" the new one" },
		{ "the new one is not known: split", FUDA_PIN_JUKI,
		  { HALFWAY, { VERIFY_OLD, OK }, { CHANGE_NEW, "6985" }, OPEN_COMMON, { VERIFY_NEW, "63C2" } },
		  FUDA_EPINSPLIT, false, 2, { { O, 3, 3, 3 }, { E, 3, 2, 3 } }, "which was to be changed back" },
		{ "the second change did not leave: changed back", FUDA_PIN_JUKI,
		  { HALFWAY, { VERIFY_OLD, OK }, { CHANGE_NEW, NULL, FUDA_ERESET, true }, OPEN_COMMON, BACK },
		  FUDA_ERESET, false, 2, { { O, 3, 3, 2 }, { O, 3, 3, 4 } }, "changed back" },
		{ "the card is gone: split", FUDA_PIN_JUKI,
		  { JUKI_OPENED, { CHANGE_NEW, OK },
		    { JUKI, NULL, FUDA_EREMOVED }, { COMMON, NULL, FUDA_EREMOVED }, { COMMON, NULL, FUDA_EREMOVED },
		    { COMMON, NULL, FUDA_EREMOVED } },
		  FUDA_EPINSPLIT, false, 2, { { O, 3, 3, 1 }, { N, 3, 3, 2 } }, "--only" },
		{ "answer lost while changing back", FUDA_PIN_JUKI,
		  { HALFWAY, { VERIFY_OLD, OK }, { CHANGE_NEW, "6985" }, OPEN_COMMON, { VERIFY_NEW, OK },
		    { CHANGE_OLD, NULL, LOST }, OPEN_COMMON, { "0020009C", "63C3" } },
		  FUDA_EUNKNOWN, false, 2, { { O, 3, 3, 3 }, { E, 3, 3, 4 } }, "the old one or the new one" },
	};

	(void)state;
	RUN_ROWS(rows, "1234", "5678");
}

static void sends_nothing_after_a_lost_answer(void **state)
{
	static const struct row rows[] = {
		{ "of the first VERIFY", FUDA_PIN_JUKI,
		  { COUNTERS("63C3", "63C3"), { VERIFY_OLD, NULL, LOST }, OPEN_JUKI, { "0020009C", "63C2" } },
		  FUDA_EUNKNOWN, false, 2, { { O, 3, 2, 1 }, { O, 3, 3, 0 } }, "Nothing was changed" },
		{ "of the second VERIFY", FUDA_PIN_JUKI,
		  { COUNTERS("63C3", "63C3"), { VERIFY_OLD, OK }, OPEN_COMMON, { VERIFY_OLD, NULL, LOST }, OPEN_COMMON,
		    { "0020009C", "63C3" } },
		  FUDA_EUNKNOWN, false, 2, { { O, 3, 3, 1 }, { O, 3, 3, 1 } }, "Nothing was changed" },
		{ "of the first change", FUDA_PIN_JUKI,
		  { JUKI_OPENED, { CHANGE_NEW, NULL, LOST },
		    OPEN_COMMON, { "0020009C", "63C3" } },
		  FUDA_EUNKNOWN, false, 2, { { O, 3, 3, 1 }, { E, 3, 3, 2 } },
		  "\"juki\" holds the old one, and \"common\" the old one or the new one" },
		{ "of the third VERIFY", FUDA_PIN_JUKI,
		  { HALFWAY, { VERIFY_OLD, NULL, LOST }, OPEN_JUKI, { "0020009C", "63C3" } },
		  FUDA_EUNKNOWN, false, 2, { { O, 3, 3, 2 }, { N, 3, 3, 2 } }, "\"common\" the new one" },
		{ "of the second change", FUDA_PIN_JUKI,
		  { HALFWAY, { VERIFY_OLD, OK }, { CHANGE_NEW, NULL, LOST }, OPEN_JUKI, { "0020009C", "63C3" } },
		  FUDA_EUNKNOWN, false, 2, { { E, 3, 3, 3 }, { N, 3, 3, 2 } },
		  "\"juki\" holds the old one or the new one, and \"common\" the new one." },
		{ "of the second change, in its own way", FUDA_PIN_JUKI,
		  { HALFWAY, { VERIFY_OLD, OK }, { CHANGE_NEW, "6581" }, OPEN_JUKI, { "0020009C", "63C3" } },
		  FUDA_EUNKNOWN, false, 2, { { E, 3, 3, 3 }, { N, 3, 3, 2 } }, "does not tell" },
	};

	(void)state;
	RUN_ROWS(rows, "1234", "5678");
}

static void folds_the_sign_password(void **state)
{
	static const struct row row = {
		"small letters", FUDA_PIN_SIGN,
		{ SELECT_JPKI, { "00A4020C02001B", OK }, { QUERY, "63C5" }, { "0020008006414243313233", OK },
		  { "00240180085859" "5A313233" "3435", OK } },
		0, false, 1, { { N, 5, 5, 2 } }, NULL
	};

	(void)state;
	run(&row, "aBc123", "xyZ12345");
}

static void sends_nothing_that_cannot_be(void **state)
{
	static const struct {
		enum fuda_pin pin;
		const char *old, *fresh;
		int error;
	} rows[] = {
		{ FUDA_PIN_AUTH, "123", "5678", FUDA_EPINFORM },
		{ FUDA_PIN_AUTH, "1234", "567", FUDA_EPINFORM },
		{ FUDA_PIN_AUTH, "1234", "", FUDA_EPINFORM },
		{ FUDA_PIN_AUTH, "1234", "56789", FUDA_EPINFORM },
		{ FUDA_PIN_AUTH, "1234", "567a", FUDA_EPINFORM },
		{ FUDA_PIN_AUTH, "1234", "1234", FUDA_EPINFORM },
		{ FUDA_PIN_JUKI, "1234", "1234", FUDA_EPINFORM },
		{ FUDA_PIN_SIGN, "ABC123", "abc123", FUDA_EPINFORM }, /* the same to the card */
		{ FUDA_PIN_SIGN, "ABC123", "ABCDEF", FUDA_EPINFORM },
		{ FUDA_PIN_SIGN, "ABC123", "123456", FUDA_EPINFORM },
		{ FUDA_PIN_SIGN, "ABC123", "AB12", FUDA_EPINFORM },
		{ FUDA_PIN_SIGN, "ABC123", "ABC 124", FUDA_EPINFORM },
		{ FUDA_PIN_SIGN, "ABC123", "ABCDEF12345678901", FUDA_EPINFORM },
		{ FUDA_PIN_A, "123456789012", "123456789013", FUDA_ENOTSUP },
		{ FUDA_PIN_B, "55021720352285", "55021720352286", FUDA_ENOTSUP },
		{ FUDA_PIN_BIRTH, "550217", "550218", FUDA_ENOTSUP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row row = {
			rows[i].fresh, rows[i].pin, { { 0 } }, rows[i].error, true, 0, { { 0 } }, NULL
		};

		run(&row, rows[i].old, rows[i].fresh);
	}
}

static void knows_what_may_be_new(void **state)
{
	static const struct {
		enum fuda_pin pin;
		const char *text;
		bool good;
	} rows[] = {
		{ FUDA_PIN_AUTH, "0000", true },   { FUDA_PIN_AUTH, "000", false },
		{ FUDA_PIN_JUKI, "9876", true },   { FUDA_PIN_JUKI, "987x", false },
		{ FUDA_PIN_SIGN, "a12345", true }, { FUDA_PIN_SIGN, "12345Z", true },
		{ FUDA_PIN_SIGN, "123456", false }, { FUDA_PIN_SIGN, "abcdef", false },
		{ FUDA_PIN_SIGN, "ABC-12", false }, { FUDA_PIN_SIGN, "", false },
	};
	struct fuda_context *ctx;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fuda_secret *s = secret(rows[i].text);

		assert_int_equal(fuda_pin_check_new(ctx, rows[i].pin, s), rows[i].good ? 0 : FUDA_EPINFORM);
		fuda_secret_free(&s);
	}
	fuda_context_free(&ctx);
}

/* What is known to fail before the change is sent leaves nothing unknown. */
static void time_out_before_the_secret(void **state)
{
	static const struct exchange script[] = {
		OPEN_AUTH, { QUERY, "63C3" }, { 0 }
	};
	struct fuda_secret *old = secret("1234"), *fresh = secret("5678");
	struct fuda_pin_change change = { FUDA_PIN_AUTH, old, fresh, false, .count = 0 };
	struct mock_card m;

	(void)state;
	mock_open(&m, script);
	fuda_deadline_cancel(m.dl);
	assert_int_equal(fuda_pin_change(m.card, &change, m.dl), FUDA_ECANCELLED);
	assert_int_equal(change.copies[0].sent, 0);
	assert_int_equal(change.copies[0].tries_after, 3);
	assert_int_equal(m.mock.power_offs, 0);
	mock_close_card(&m);
	fuda_secret_free(&old);
	fuda_secret_free(&fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_what_is_kept_once),
		cmocka_unit_test(changes_both_copies_or_none),
		cmocka_unit_test(changes_back),
		cmocka_unit_test(sends_nothing_after_a_lost_answer),
		cmocka_unit_test(folds_the_sign_password),
		cmocka_unit_test(sends_nothing_that_cannot_be),
		cmocka_unit_test(knows_what_may_be_new),
		cmocka_unit_test(time_out_before_the_secret),
	};

	return RUN(tests);
}
