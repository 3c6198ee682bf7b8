/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the one door for PINs, answer by answer. What happens on faults is in test-pin-faults.c. */
#include <fuda/secret.h>

#include "card/pin.h"
#include "tests/mock.h"

#define SELECT_JPKI "00A4040C0AD392F000260100000001"
#define SELECT_TEXT "00A4040C0AD3921000310001010408"
#define SELECT_FACE "00A4040C0AD3921000310001010402"
#define QUERY	    "00200098"
#define VERIFY	    "002000980431323334"

static struct fuda_secret *secret(const char *text)
{
	struct fuda_secret *s;

	assert_int_equal(fuda_secret_new(text, strlen(text), &s), 0);
	return s;
}

struct row {
	const char *what;
	struct exchange script[10];
	int error, before, after;
	unsigned verifies;
	bool last_try;
	const char *says; /* part of the message, or NULL */
};

static void run(const struct row *row, enum fuda_pin pin, const char *text)
{
	struct fuda_secret *s = secret(text);
	struct fuda_pin_entry entry = FUDA_PIN_ENTRY(s);
	struct mock_card m;

	print_message("%s\n", row->what);
	entry.use_last_try = row->last_try;
	mock_open(&m, row->script);
	assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
	assert_int_equal(pin_verify(m.card, pin, NULL, &entry, m.dl), row->error);
	if (row->says && !strstr(fuda_context_message(m.ctx), row->says))
		fail_msg("\"%s\" does not say \"%s\"", fuda_context_message(m.ctx), row->says);
	fuda_card_end(m.card);
	assert_int_equal(entry.tries_before, row->before);
	assert_int_equal(entry.tries_after, row->after);
	assert_int_equal(m.mock.verifies, row->verifies);
	assert_int_equal(entry.sent, row->verifies > 0);
	/* powered off if and only if the secret was sent */
	assert_int_equal(m.mock.power_offs, row->verifies > 0);
	mock_close_card(&m);
	fuda_secret_free(&s);
}

static void follows_the_rules(void **state)
{
	static const struct row rows[] = {
		{ "right", { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, "9000" } }, 0, 3, 3, 1, false },
		{ "right after a mistake", { { SELECT_JPKI, "9000" }, { QUERY, "63C2" }, { VERIFY, "9000" } },
		  0, 2, 3, 1, false },
		{ "wrong", { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, "63C2" } },
		  FUDA_EPINWRONG, 3, 2, 1, false },
		{ "last try refused", { { SELECT_JPKI, "9000" }, { QUERY, "63C1" } }, FUDA_ELASTTRY, 1, 1, 0, false },
		{ "last try allowed", { { SELECT_JPKI, "9000" }, { QUERY, "63C1" }, { VERIFY, "9000" } }, 0, 1, 3,
		  1, true },
		{ "last try wrong", { { SELECT_JPKI, "9000" }, { QUERY, "63C1" }, { VERIFY, "63C0" } },
		  FUDA_EPINBLOCKED, 1, 0, 1, true },
		{ "blocked, 63C0", { { SELECT_JPKI, "9000" }, { QUERY, "63C0" } }, FUDA_EPINBLOCKED, 0, 0, 0, false },
		{ "blocked, 6984", { { SELECT_JPKI, "9000" }, { QUERY, "6984" } }, FUDA_EPINBLOCKED, 0, 0, 0, true },
		{ "blocked, 6983", { { SELECT_JPKI, "9000" }, { QUERY, "6983" } }, FUDA_EPINBLOCKED, 0, 0, 0, true },
		{ "blocked in between", { { SELECT_JPKI, "9000" }, { QUERY, "63C2" }, { VERIFY, "6984" } },
		  FUDA_EPINBLOCKED, 2, 0, 1, false },
		{ "counter in 5 bytes",
		  { { SELECT_JPKI, "9000" }, { QUERY, "6700" }, { QUERY "00", "63C3" }, { VERIFY, "9000" } },
		  0, 3, 3, 1, false },
		{ "no short identifiers",
		  { { SELECT_JPKI, "9000" }, { QUERY, "6A86" }, { "00A4020C020018", "9000" }, { "00200080", "63C3" },
		    { "002000800431323334", "9000" } }, 0, 3, 3, 1, false },
		{ "unreadable counter counts as the last try",
		  { { SELECT_JPKI, "9000" }, { QUERY, "6D00" }, { "00A4020C020018", "9000" }, { "00200080", "6D00" } },
		  FUDA_ELASTTRY, -1, -1, 0, false },
		{ "a counter that says 9000 is unreadable",
		  { { SELECT_JPKI, "9000" }, { QUERY, "9000" }, { "00A4020C020018", "9000" }, { "00200080", "9000" } },
		  FUDA_ELASTTRY, -1, -1, 0, false },
		{ "unreadable counter, allowed",
		  { { SELECT_JPKI, "9000" }, { QUERY, "6300" }, { "00A4020C020018", "9000" }, { "00200080", "6300" },
		    { "002000800431323334", "9000" } }, 0, -1, 3, 1, true },
		{ "no such file", { { SELECT_JPKI, "9000" }, { QUERY, "6A82" }, { "00A4020C020018", "6A82" } },
		  FUDA_ENOTFOUND, -1, -1, 0, false },
		{ "counter lost", { { SELECT_JPKI, "9000" }, { QUERY, NULL, FUDA_EREMOVED } }, FUDA_EREMOVED, -1, -1, 0,
		  false },
		{ "reset before the counter",
		  { { SELECT_JPKI, "9000" }, { QUERY, NULL, FUDA_ERESET, true }, { SELECT_JPKI, "9000" },
		    { QUERY, "63C3" }, { VERIFY, "9000" } }, 0, 3, 3, 1, false },
		{ "6Cxx to VERIFY is not mended",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, "6C10" }, { QUERY, "63C3" } },
		  FUDA_ESW, 3, 3, 1, false },
		{ "6700 to VERIFY is not mended",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, "6700" }, { QUERY, "63C3" } },
		  FUDA_ESW, 3, 3, 1, false, "did not check" },
		{ "6A80 to VERIFY, but a try is gone: wrong",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, "6A80" }, { QUERY, "63C2" } },
		  FUDA_EPINWRONG, 3, 2, 1, false, "2 tries" },
		{ "answer lost, counter not known before: no claim that no try was lost",
		  { { SELECT_JPKI, "9000" }, { QUERY, "6300" }, { "00A4020C020018", "9000" }, { "00200080", "6300" },
		    { "002000800431323334", NULL, FUDA_ETRANSPORT }, { SELECT_JPKI, "9000" },
		    { "00A4020C020018", "9000" }, { QUERY, "63C2" } },
		  FUDA_EUNKNOWN, -1, 2, 1, true, "not known" },
		{ "answer lost, try gone",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, NULL, FUDA_ETRANSPORT },
		    { SELECT_JPKI, "9000" }, { "00A4020C020018", "9000" }, { QUERY, "63C2" } },
		  FUDA_EUNKNOWN, 3, 2, 1, false, "from 3 to 2" },
		{ "6F00 to VERIFY is not mended",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, "6F00" }, { QUERY, "63C3" } },
		  FUDA_ESW, 3, 3, 1, false, "no try was spent" },
		{ "6F00 to VERIFY, counter not known after it: no claim that it was not checked",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, "6F00" }, { QUERY, "6F00" } },
		  FUDA_EUNKNOWN, 3, -1, 1, false, "may have been spent" },
		{ "no status word at all, and the card is gone: the same",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, "D11C" }, { QUERY, NULL, FUDA_EREMOVED } },
		  FUDA_EUNKNOWN, 3, -1, 1, false, "may have been spent" },
		{ "6F00 to VERIFY, counter not known before it: the same",
		  { { SELECT_JPKI, "9000" }, { QUERY, "6300" }, { "00A4020C020018", "9000" }, { "00200080", "6300" },
		    { "002000800431323334", "6F00" }, { "00200080", "63C2" } },
		  FUDA_EUNKNOWN, -1, 2, 1, true, "may have been spent" },
		{ "6985 to VERIFY, counter not known after it: not checked",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, "6985" }, { QUERY, "6F00" } },
		  FUDA_ESW, 3, -1, 1, false },
		{ "wrong without a number",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, "6300" }, { QUERY, "63C2" } },
		  FUDA_EPINWRONG, 3, 2, 1, false },
		{ "answer cut short: unknown",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, "63" }, { SELECT_JPKI, "9000" },
		    { "00A4020C020018", "9000" }, { QUERY, "63C2" } }, FUDA_EUNKNOWN, 3, 2, 1, false },
		{ "answer lost: unknown, counter read again",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, NULL, FUDA_ETRANSPORT },
		    { SELECT_JPKI, "9000" }, { "00A4020C020018", "9000" }, { QUERY, "63C3" } },
		  FUDA_EUNKNOWN, 3, 3, 1, false, "No try was lost" },
		{ "reset before it: it did not leave, and is not sent again",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, NULL, FUDA_ERESET, true } },
		  FUDA_ERESET, 3, 3, 0, false },
		{ "removed: unknown, and nothing can be read",
		  { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, NULL, FUDA_EREMOVED },
		    { SELECT_JPKI, NULL, FUDA_EREMOVED } }, FUDA_EUNKNOWN, 3, -1, 1, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run(&rows[i], FUDA_PIN_AUTH, "1234");
}

/* What a person at a pin pad may be told of these is not for a secret that this computer sent. */
static void stays_unknown(void **state)
{
	static const int errors[] = { FUDA_ETIMEOUT, FUDA_ECANCELLED, FUDA_ENOTSUP, FUDA_EPINFORM };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		const struct row row = {
			fuda_error_name(errors[i]),
			{ { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { VERIFY, NULL, errors[i] },
			  { SELECT_JPKI, "9000" }, { "00A4020C020018", "9000" }, { QUERY, "63C3" } },
			FUDA_EUNKNOWN, 3, 3, 1, false, "was lost"
		};

		run(&row, FUDA_PIN_AUTH, "1234");
	}
}

static void folds_the_sign_password(void **state)
{
	static const struct row row = {
		"small letters", { { SELECT_JPKI, "9000" }, { "0020009B", "63C5" },
				   { "0020009B06414243313233", "9000" } }, 0, 5, 5, 1, false
	};

	(void)state;
	run(&row, FUDA_PIN_SIGN, "aBc123");
}

static void never_sends_what_cannot_be_right(void **state)
{
	static const struct {
		enum fuda_pin pin;
		const char *text;
		bool good;
	} rows[] = {
		{ FUDA_PIN_AUTH, "1234", true },      { FUDA_PIN_AUTH, "", false },
		{ FUDA_PIN_AUTH, "123", false },      { FUDA_PIN_AUTH, "12345", false },
		{ FUDA_PIN_AUTH, "123a", false },     { FUDA_PIN_AUTH, "12 4", false },
		{ FUDA_PIN_AUTH, "\xEF\xBC\x91", false }, { FUDA_PIN_SIGN, "ABC123", true },
		{ FUDA_PIN_SIGN, "abc123", true },    { FUDA_PIN_SIGN, "ABCDEF1234567890", true },
		{ FUDA_PIN_SIGN, "ABCDEF12345678901", false }, { FUDA_PIN_SIGN, "ABC12", false },
		{ FUDA_PIN_SIGN, "ABC 123", false },  { FUDA_PIN_SIGN, "ABC-123", false },
		{ FUDA_PIN_SIGN, "ABC12\xC3\xA9", false }, { FUDA_PIN_TEXT, "1234", true },
		{ FUDA_PIN_A, "123456789012", true }, { FUDA_PIN_A, "12345678901", false },
		{ FUDA_PIN_B, "55021720352285", true }, { FUDA_PIN_B, "5502172035228", false },
		{ FUDA_PIN_BIRTH, "550217", true },   { FUDA_PIN_BIRTH, "19800217", false },
	};
	static const struct exchange none[] = { { 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fuda_secret *s = secret(rows[i].text);
		struct mock_card m;

		mock_open(&m, none);
		assert_int_equal(fuda_pin_check(m.ctx, rows[i].pin, s), rows[i].good ? 0 : FUDA_EPINFORM);
		if (!rows[i].good) {
			struct fuda_pin_entry entry = FUDA_PIN_ENTRY(s);

			/* and no APDU leaves for it */
			assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
			assert_int_equal(pin_verify(m.card, rows[i].pin, NULL, &entry, m.dl), FUDA_EPINFORM);
			fuda_card_end(m.card);
			if (*rows[i].text)
				assert_null(strstr(fuda_context_message(m.ctx), rows[i].text));
		}
		mock_close_card(&m);
		fuda_secret_free(&s);
	}
}

/* Two applications keep the verification numbers, under different files: card.md 2.6, 2.7. */
static void verifies_where_it_is_told(void **state)
{
	static const struct {
		enum fuda_pin pin;
		const struct aid *aid;
		const char *text;
		struct exchange script[4];
		int error, after;
	} rows[] = {
		{ FUDA_PIN_A, &aid_text, "123456789018",
		  { { SELECT_TEXT, "9000" }, { "00200094", "63CA" }, { "002000940C..", "9000" } }, 0, 10 },
		{ FUDA_PIN_A, &aid_face, "123456789018",
		  { { SELECT_FACE, "9000" }, { "00200093", "63CA" }, { "002000930C..", "9000" } }, 0, 10 },
		{ FUDA_PIN_B, &aid_text, "55021720352285",
		  { { SELECT_TEXT, "9000" }, { "00200095", "63CA" }, { "002000950E..", "9000" } }, 0, 10 },
		{ FUDA_PIN_B, &aid_face, "55021720352285",
		  { { SELECT_FACE, "9000" }, { "00200092", "63C1" } }, FUDA_ELASTTRY },
		{ FUDA_PIN_B, &aid_face, "55021720352285", { { SELECT_FACE, "6A82" } },
		  FUDA_ENOTFOUND },
		{ FUDA_PIN_BIRTH, &aid_face, "550217",
		  { { SELECT_FACE, "9000" }, { "00200091", "63CA" }, { "0020009106..", "63C9" } },
		  FUDA_EPINWRONG },
		/* how many tries there are when it was right is not known */
		{ FUDA_PIN_BIRTH, &aid_face, "550217",
		  { { SELECT_FACE, "9000" }, { "00200091", "63C2" }, { "0020009106..", "9000" } },
		  0, FUDA_TRIES_UNKNOWN },
		{ FUDA_PIN_A, &aid_face, "123456789018",
		  { { SELECT_FACE, "9000" }, { "00200093", "63C2" }, { "002000930C..", "9000" } }, 0, 10 },
		/* where it is not kept nothing is sent */
		{ FUDA_PIN_BIRTH, &aid_text, "550217", { { 0 } }, FUDA_EINVAL },
		{ FUDA_PIN_AUTH, &aid_text, "1234", { { 0 } }, FUDA_EINVAL },
		{ FUDA_PIN_TEXT, &aid_jpki, "1234", { { 0 } }, FUDA_EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fuda_secret *s = secret(rows[i].text);
		struct fuda_pin_entry entry = FUDA_PIN_ENTRY(s);
		struct mock_card m;

		mock_open(&m, rows[i].script);
		assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
		assert_int_equal(pin_verify(m.card, rows[i].pin, rows[i].aid, &entry, m.dl), rows[i].error);
		if (rows[i].error == 0)
			assert_int_equal(entry.tries_after, rows[i].after);
		fuda_card_end(m.card);
		mock_close_card(&m);
		fuda_secret_free(&s);
	}
}

/* Time that has run out before VERIFY is no unknown outcome. */
static void does_not_send_too_late(void **state)
{
	static const struct exchange script[] = { { SELECT_JPKI, "9000" }, { QUERY, "63C3" }, { 0 } };
	struct fuda_secret *s = secret("1234");
	struct fuda_pin_entry entry = FUDA_PIN_ENTRY(s);
	struct mock_card m;

	(void)state;
	mock_open(&m, script);
	fuda_deadline_cancel(m.dl);
	assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
	assert_int_equal(pin_verify(m.card, FUDA_PIN_AUTH, NULL, &entry, m.dl), FUDA_ECANCELLED);
	fuda_card_end(m.card);
	assert_false(entry.sent);
	assert_int_equal(entry.tries_after, 3);
	assert_int_equal(m.mock.power_offs, 0);
	mock_close_card(&m);
	fuda_secret_free(&s);
}

static void lists_all_counters(void **state)
{
	static const struct exchange script[] = {
		{ SELECT_JPKI, "9000" },
		{ "00200098", "63C3" },
		{ "0020009B", "6984" },
		{ "00A4040C0AD3921000310001010408", "9000" },
		{ "00200091", "63C3" },
		{ "00200094", "63CA" },
		{ "00200095", "6D00" },
		{ "00A4020C020015", "6985" }, /* one that does not tell hides none of the others */
		{ "00A4040C0AD3921000310001010402", "6A82" },
		{ "00A4040C0AD3921000310001010401", "9000" },
		{ "0020009C", "63C2" },
		{ "00A4040C0AD3921000310001010100", "9000" },
		{ "0020009C", "63C3" },
		{ 0 },
	};
	static const struct {
		const char *pin, *application;
		int tries;
	} want[] = {
		{ "auth", "jpki", 3 }, { "sign", "jpki", 0 }, { "text", "text", 3 },   { "a", "text", 10 },
		{ "b", "text", -1 },   { "juki", "juki", 2 }, { "juki", "common", 3 },
	};
	struct fuda_pin_counter counters[FUDA_PIN_COUNTERS_MAX];
	struct mock_card m;
	size_t count = 0;

	(void)state;
	mock_open(&m, script);
	assert_int_equal(fuda_pin_counters(m.card, m.dl, counters, &count), 0);
	assert_int_equal(count, ARRAY_SIZE(want));
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(fuda_pin_name(counters[i].pin), want[i].pin);
		assert_string_equal(counters[i].application, want[i].application);
		assert_int_equal(counters[i].tries, want[i].tries);
	}
	assert_int_equal(m.mock.power_offs, 0);
	mock_close_card(&m);
}

static void asks_for_one_secret(void **state)
{
	static const struct exchange auth[] = { { SELECT_JPKI, "9000" }, { QUERY, "63C2" }, { 0 } };
	static const struct exchange juki[] = {
		{ "00A4040C0AD3921000310001010401", "9000" }, { "0020009C", "63C3" },
		{ "00A4040C0AD3921000310001010100", "9000" }, { "0020009C", "63C1" }, { 0 }
	};
	static const struct exchange absent[] = { { "00A4040C0AD3921000310001010408", "6A82" }, { 0 } };
	static const struct {
		const struct exchange *script;
		enum fuda_pin pin;
		int error, tries;
	} rows[] = {
		{ auth, FUDA_PIN_AUTH, 0, 2 },
		{ juki, FUDA_PIN_JUKI, 0, 1 },
		{ absent, FUDA_PIN_TEXT, FUDA_ENOTFOUND, -7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mock_card m;
		int tries = -7;

		mock_open(&m, rows[i].script);
		assert_int_equal(fuda_pin_tries(m.card, rows[i].pin, m.dl, &tries), rows[i].error);
		assert_int_equal(tries, rows[i].tries);
		mock_close_card(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_rules),
		cmocka_unit_test(stays_unknown),
		cmocka_unit_test(folds_the_sign_password),
		cmocka_unit_test(never_sends_what_cannot_be_right),
		cmocka_unit_test(verifies_where_it_is_told),
		cmocka_unit_test(does_not_send_too_late),
		cmocka_unit_test(lists_all_counters),
		cmocka_unit_test(asks_for_one_secret),
	};

	return RUN(tests);
}
