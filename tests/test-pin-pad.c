/* SPDX-License-Identifier: Apache-2.0 */
/* The one door for PINs where they are typed on the reader, answer by answer: at most one VERIFY, the tries that the
 * card has, and no word of nothing having been sent where that is not certain. */
#include <fuda/jpki.h>
#include <fuda/secret.h>
#include <fuda/text.h>

#include "card/pin.h"
#include "tests/mock.h"

#define SELECT_JPKI "00A4040C0AD392F000260100000001"
#define SELECT_TEXT "00A4040C0AD3921000310001010408"
#define SELECT_FACE "00A4040C0AD3921000310001010402"
#define SELECT_EF   "00A4020C020018"
#define QUERY	    "00200098"
#define BEGIN	    { SELECT_JPKI, "9000" }, { QUERY, "63C3" }
#define AGAIN	    { SELECT_JPKI, "9000" }, { SELECT_EF, "9000" }
/* readers.md A5, behind the two times: ASCII to the left, 4 digits, a key ends it, the first message, 0409; 9 bytes */
#define PAD "PAD 82040004040201090400000000090000000020009804FFFFFFFF"
#define PAD_CURRENT_FILE "PAD 82040004040201090400000000090000000020008004FFFFFFFF"

#define NOTHING_SENT "Nothing was sent to the card. Tries left, as before: 3."

enum { SECONDS = 10 };

struct row {
	const char *what;
	struct exchange script[10];
	int error, before, after;
	unsigned typed;
	bool sent; /* or may have been */
	bool last_try;
	const char *says; /* part of the message, or NULL */
};

static void open_pad(struct mock_card *m, const struct exchange *script)
{
	mock_open(m, script);
	m->card->reader->pad = READER_PAD_VERIFY;
	assert_true(fuda_card_has_pin_pad(m->card));
}

static void run(const struct row *row, enum fuda_pin pin)
{
	struct fuda_pin_entry entry = FUDA_PIN_ENTRY(NULL);
	struct mock_card m;
	const char *said;

	print_message("%s\n", row->what);
	entry.use_last_try = row->last_try;
	open_pad(&m, row->script);
	fuda_deadline_restart(m.dl, SECONDS * 1000);
	assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
	assert_int_equal(pin_verify(m.card, pin, NULL, &entry, m.dl), row->error);
	said = fuda_context_message(m.ctx);
	if (row->says && !strstr(said, row->says))
		fail_msg("\"%s\" does not say \"%s\"", said, row->says);
	if (row->error && row->sent && strstr(said, "othing was sent"))
		fail_msg("\"%s\" is not certain", said);
	fuda_card_end(m.card);
	assert_int_equal(entry.tries_before, row->before);
	assert_int_equal(entry.tries_after, row->after);
	assert_int_equal(m.mock.verifies, 0); /* on the computer nothing was typed */
	assert_int_equal(m.mock.typed, row->typed);
	assert_int_equal(entry.sent, row->sent);
	/* powered off whenever a secret may have reached it */
	assert_int_equal(m.mock.power_offs, row->typed);
	mock_close_card(&m);
}

static const struct row answers[] = {
	{ "right", { BEGIN, { PAD, "9000" } }, 0, 3, 3, 1, true },
	{ "right after a mistake", { { SELECT_JPKI, "9000" }, { QUERY, "63C2" }, { PAD, "9000" } }, 0, 2, 3, 1, true },
	{ "wrong", { BEGIN, { PAD, "63C2" } }, FUDA_EPINWRONG, 3, 2, 1, true, .says = "2 tries" },
	{ "wrong, one left",
	  { { SELECT_JPKI, "9000" }, { QUERY, "63C2" }, { PAD, "63C1" } }, FUDA_EPINWRONG, 2, 1, 1, true,
	  .says = "1 try" },
	{ "wrong without a number", { BEGIN, { PAD, "6300" }, { QUERY, "63C2" } }, FUDA_EPINWRONG, 3, 2, 1, true },
	{ "wrong though it says otherwise",
	  { BEGIN, { PAD, "6A80" }, { QUERY, "63C2" } }, FUDA_EPINWRONG, 3, 2, 1, true },
	{ "blocked, 63C0", { { SELECT_JPKI, "9000" }, { QUERY, "63C0" } }, FUDA_EPINBLOCKED, 0, 0, 0, false },
	{ "blocked, 6984", { { SELECT_JPKI, "9000" }, { QUERY, "6984" } }, FUDA_EPINBLOCKED, 0, 0, 0, false, true },
	{ "blocked in between", { BEGIN, { PAD, "6984" } }, FUDA_EPINBLOCKED, 3, 0, 1, true },
	{ "last try refused", { { SELECT_JPKI, "9000" }, { QUERY, "63C1" } }, FUDA_ELASTTRY, 1, 1, 0, false },
	{ "last try allowed", { { SELECT_JPKI, "9000" }, { QUERY, "63C1" }, { PAD, "9000" } }, 0, 1, 3, 1, true, true },
	{ "last try wrong", { { SELECT_JPKI, "9000" }, { QUERY, "63C1" }, { PAD, "63C0" } }, FUDA_EPINBLOCKED, 1, 0, 1,
	  true, true },
	{ "last try not typed",
	  { { SELECT_JPKI, "9000" }, { QUERY, "63C1" }, { PAD, "6401" }, AGAIN, { QUERY, "63C1" } },
	  FUDA_ECANCELLED, 1, 1, 1, false, true, "as before: 1." },
	{ "unreadable counter counts as the last try",
	  { { SELECT_JPKI, "9000" }, { QUERY, "6D00" }, { SELECT_EF, "9000" }, { "00200080", "6D00" } },
	  FUDA_ELASTTRY, -1, -1, 0, false },
	{ "no short identifiers",
	  { { SELECT_JPKI, "9000" }, { QUERY, "6A86" }, { SELECT_EF, "9000" }, { "00200080", "63C3" },
	    { PAD_CURRENT_FILE, "9000" } }, 0, 3, 3, 1, true },
	{ "not mended: 6C10", { BEGIN, { PAD, "6C10" }, { QUERY, "63C3" } }, FUDA_ESW, 3, 3, 1, true },
	{ "not mended: 6700", { BEGIN, { PAD, "6700" }, { QUERY, "63C3" } }, FUDA_ESW, 3, 3, 1, true },
	{ "not mended: 6F00", { BEGIN, { PAD, "6F00" }, { QUERY, "63C3" } }, FUDA_ESW, 3, 3, 1, true },
	{ "6F00 and no counter", { BEGIN, { PAD, "6F00" }, { QUERY, "6F00" } }, FUDA_EUNKNOWN, 3, -1, 1, true,
	  .says = "may have been spent" },
	{ "unequal, though there is nothing to compare",
	  { BEGIN, { PAD, "6402" }, { QUERY, "63C3" } }, FUDA_ESW, 3, 3, 1, true },
	{ "a status of readers that nobody knows",
	  { BEGIN, { PAD, "6404" }, { QUERY, "63C2" } }, FUDA_EPINWRONG, 3, 2, 1, true },
};

/* What the reader says in the card's stead; the card has the last word. */
static const struct row entries[] = {
	{ "not in time", { BEGIN, { PAD, "6400" }, AGAIN, { QUERY, "63C3" } }, FUDA_ETIMEOUT, 3, 3, 1, false,
	  .says = NOTHING_SENT },
	{ "cancelled", { BEGIN, { PAD, "6401" }, AGAIN, { QUERY, "63C3" } }, FUDA_ECANCELLED, 3, 3, 1, false,
	  .says = NOTHING_SENT },
	{ "wrong length", { BEGIN, { PAD, "6403" }, AGAIN, { QUERY, "63C3" } }, FUDA_EPINFORM, 3, 3, 1, false,
	  .says = NOTHING_SENT },
	{ "not in time, but a try is gone",
	  { BEGIN, { PAD, "6400" }, AGAIN, { QUERY, "63C2" } }, FUDA_EUNKNOWN, 3, 2, 1, true, .says = "from 3 to 2" },
	{ "cancelled, but a try is gone",
	  { BEGIN, { PAD, "6401" }, AGAIN, { QUERY, "63C2" } }, FUDA_EUNKNOWN, 3, 2, 1, true, .says = "from 3 to 2" },
	{ "wrong length, but a try is gone",
	  { BEGIN, { PAD, "6403" }, AGAIN, { QUERY, "63C2" } }, FUDA_EUNKNOWN, 3, 2, 1, true, .says = "from 3 to 2" },
	{ "cancelled, but the last try is gone",
	  { BEGIN, { PAD, "6401" }, AGAIN, { QUERY, "63C0" } }, FUDA_EUNKNOWN, 3, 0, 1, true, .says = "from 3 to 0" },
	{ "cancelled, but it was right",
	  { { SELECT_JPKI, "9000" }, { QUERY, "63C2" }, { PAD, "6401" }, AGAIN, { QUERY, "63C3" } },
	  FUDA_EUNKNOWN, 2, 3, 1, true, .says = "No try was lost" },
	{ "cancelled, the counter not known before",
	  { { SELECT_JPKI, "9000" }, { QUERY, "6300" }, { SELECT_EF, "9000" }, { "00200080", "6300" },
	    { PAD_CURRENT_FILE, "6401" }, AGAIN, { QUERY, "63C2" } },
	  FUDA_EUNKNOWN, -1, 2, 1, true, true, "not known" },
	{ "cancelled, the counter not known after",
	  { BEGIN, { PAD, "6401" }, AGAIN, { QUERY, "6300" }, { SELECT_EF, "9000" }, { "00200080", "6300" } },
	  FUDA_EUNKNOWN, 3, -1, 1, true, .says = "fuda pin status" },
	{ "cancelled, and the card taken out", { BEGIN, { PAD, "6401" }, { SELECT_JPKI, NULL, FUDA_EREMOVED } },
	  FUDA_EUNKNOWN, 3, -1, 1, true, .says = "fuda pin status" },
};

static const struct row faults[] = {
	{ "lost", { BEGIN, { PAD, NULL, FUDA_ETRANSPORT }, AGAIN, { QUERY, "63C3" } }, FUDA_EUNKNOWN, 3, 3, 1, true,
	  .says = "No try was lost" },
	{ "lost, try gone",
	  { BEGIN, { PAD, NULL, FUDA_ETRANSPORT }, AGAIN, { QUERY, "63C2" } }, FUDA_EUNKNOWN, 3, 2, 1, true,
	  .says = "from 3 to 2" },
	{ "mute", { BEGIN, { PAD, NULL, FUDA_EMUTE }, AGAIN, { QUERY, "63C2" } }, FUDA_EUNKNOWN, 3, 2, 1, true },
	{ "cut short", { BEGIN, { PAD, "63" }, AGAIN, { QUERY, "63C2" } }, FUDA_EUNKNOWN, 3, 2, 1, true },
	{ "nothing", { BEGIN, { PAD, "" }, AGAIN, { QUERY, "63C3" } }, FUDA_EUNKNOWN, 3, 3, 1, true },
	{ "too much", { BEGIN, { PAD, "319000" }, AGAIN, { QUERY, "63C3" } }, FUDA_EUNKNOWN, 3, 3, 1, true },
	{ "too much of a cancel",
	  { BEGIN, { PAD, "006401" }, AGAIN, { QUERY, "63C3" } }, FUDA_EUNKNOWN, 3, 3, 1, true },
	{ "removed",
	  { BEGIN, { PAD, NULL, FUDA_EREMOVED }, { SELECT_JPKI, NULL, FUDA_EREMOVED } }, FUDA_EUNKNOWN, 3, -1, 1,
	  true },
	{ "unplugged",
	  { BEGIN, { PAD, NULL, FUDA_EREADERGONE }, { SELECT_JPKI, NULL, FUDA_EREADERGONE } }, FUDA_EUNKNOWN, 3,
	  -1, 1, true },
	{ "reset before: it did not leave, and nobody is asked again", { BEGIN, { PAD, NULL, FUDA_ERESET, true } },
	  FUDA_ERESET, 3, 3, 0, false },
	{ "reset before the counter",
	  { { SELECT_JPKI, "9000" }, { QUERY, NULL, FUDA_ERESET, true }, BEGIN, { PAD, "9000" } }, 0, 3, 3, 1, true },
	{ "reset after",
	  { BEGIN, { PAD, NULL, FUDA_ETRANSPORT, true }, AGAIN, { QUERY, "63C2" } }, FUDA_EUNKNOWN, 3, 2, 1, true },
	{ "time over while it is typed",
	  { BEGIN, { PAD, NULL, FUDA_ETIMEOUT }, AGAIN, { QUERY, "63C3" } }, FUDA_ETIMEOUT, 3,
	  3, 1, true, .says = "No try was lost: 3" },
	{ "cancelled here while it is typed", { BEGIN, { PAD, NULL, FUDA_ECANCELLED }, AGAIN, { QUERY, "63C3" } },
	  FUDA_ECANCELLED, 3, 3, 1, true, .says = "No try was lost: 3" },
	{ "time over, a try gone",
	  { BEGIN, { PAD, NULL, FUDA_ETIMEOUT }, AGAIN, { QUERY, "63C2" } }, FUDA_EUNKNOWN, 3, 2, 1,
	  true, .says = "from 3 to 2" },
	{ "time over, and it was right",
	  { { SELECT_JPKI, "9000" }, { QUERY, "63C2" }, { PAD, NULL, FUDA_ETIMEOUT }, AGAIN, { QUERY, "63C3" } },
	  FUDA_EUNKNOWN, 2, 3, 1, true },
	{ "not to the reader's liking",
	  { BEGIN, { PAD, NULL, FUDA_ENOTSUP }, AGAIN, { QUERY, "63C3" } }, FUDA_ENOTSUP, 3, 3, 1, true,
	  .says = "--no-pin-pad" },
	{ "not to its liking, but a try is gone",
	  { BEGIN, { PAD, NULL, FUDA_ENOTSUP }, AGAIN, { QUERY, "63C2" } }, FUDA_EUNKNOWN, 3, 2, 1, true,
	  .says = "from 3 to 2" },
	{ "time over, and the reader with it",
	  { BEGIN, { PAD, NULL, FUDA_ETIMEOUT }, { SELECT_JPKI, NULL, FUDA_EREADERGONE } },
	  FUDA_EUNKNOWN, 3, -1, 1, true },
	{ "counter lost",
	  { { SELECT_JPKI, "9000" }, { QUERY, NULL, FUDA_EREMOVED } }, FUDA_EREMOVED, -1, -1, 0, false },
	{ "no such file",
	  { { SELECT_JPKI, "9000" }, { QUERY, "6A82" }, { SELECT_EF, "6A82" } }, FUDA_ENOTFOUND, -1, -1, 0, false },
};

static void judges_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		run(&answers[i], FUDA_PIN_AUTH);
}

static void believes_the_counter(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		run(&entries[i], FUDA_PIN_AUTH);
}

static void survives_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		run(&faults[i], FUDA_PIN_AUTH);
}

/* The others of digits: the reader is told how many. */
static void asks_for_every_number(void **state)
{
	static const struct {
		enum fuda_pin pin;
		struct row row;
	} rows[] = {
		{ FUDA_PIN_TEXT, { "text", { { SELECT_TEXT, "9000" }, { "00200091", "63C3" },
			{ "PAD 82040004040201090400000000090000000020009104FFFFFFFF", "9000" } }, 0, 3, 3, 1, true } },
		{ FUDA_PIN_A, { "A", { { SELECT_TEXT, "9000" }, { "00200094", "63CA" },
			{ "PAD 820C000C0C020109040000000011000000002000940CFFFFFFFFFFFFFFFFFFFFFFFF", "9000" } },
			0, 10, 10, 1, true } },
		{ FUDA_PIN_B, { "B", { { SELECT_TEXT, "9000" }, { "00200095", "63CA" },
			{ "PAD 820E000E0E020109040000000013000000002000950EFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "9000" } },
			0, 10, 10, 1, true } },
		{ FUDA_PIN_BIRTH, { "birth", { { SELECT_FACE, "9000" }, { "00200091", "63CA" },
			{ "PAD 820600060602010904000000000B0000000020009106FFFFFFFFFFFF", "63C9" } },
			FUDA_EPINWRONG, 10, 9, 1, true } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run(&rows[i].row, rows[i].pin);
}

/* ---- refused before the first command ---- */

static const struct exchange nothing[] = { { 0 } };

static void refuse(struct mock_card *m, enum fuda_pin pin, const char *says)
{
	struct fuda_pin_entry entry = FUDA_PIN_ENTRY(NULL);

	assert_int_equal(fuda_card_begin(m->card, m->dl), 0);
	assert_int_equal(pin_verify(m->card, pin, NULL, &entry, m->dl), FUDA_ENOTSUP);
	fuda_card_end(m->card);
	if (!strstr(fuda_context_message(m->ctx), says))
		fail_msg("%s", fuda_context_message(m->ctx));
	assert_false(entry.sent);
	assert_int_equal(entry.tries_before, FUDA_TRIES_UNKNOWN);
	assert_int_equal(m->mock.typed, 0);
	assert_int_equal(m->mock.power_offs, 0);
}

static void refuses_letters(void **state)
{
	struct mock_card m;

	(void)state;
	open_pad(&m, nothing);
	refuse(&m, FUDA_PIN_SIGN, "letters");
	mock_close_card(&m);
}

static void refuses_without_keys(void **state)
{
	static const unsigned useless[] = { 0, READER_PAD_MODIFY };
	struct driver none = mock_driver;
	struct mock_card m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(useless); i++) {
		mock_open(&m, nothing);
		m.card->reader->pad = useless[i];
		assert_false(fuda_card_has_pin_pad(m.card));
		refuse(&m, FUDA_PIN_AUTH, "no keys");
		mock_close_card(&m);
	}
	none.secure = NULL;
	open_pad(&m, nothing);
	m.card->reader->driver = &none;
	assert_false(fuda_card_has_pin_pad(m.card));
	refuse(&m, FUDA_PIN_AUTH, "no keys");
	mock_close_card(&m);
}

/* By the functions that use a secret, too: before they begin. */
static void refuses_in_time(void **state)
{
	const struct fuda_digest digest = { FUDA_SHA256, 32, { 1 } };
	_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(1000), cert = FUDA_BUF_INIT(4096);
	struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
	struct fuda_pin_entry entry = FUDA_PIN_ENTRY(NULL);
	const struct fuda_text_request request = { .attributes = true, .with = FUDA_PIN_TEXT, .pin = &entry };
	struct mock_card m;

	(void)state;
	mock_open(&m, nothing);
	assert_int_equal(fuda_jpki_sign_digest(m.card, FUDA_JPKI_AUTH, &digest, &entry, m.dl, &signature, &cert),
			 FUDA_ENOTSUP);
	assert_int_equal(fuda_text_read(m.card, &request, m.dl, &records), FUDA_ENOTSUP);
	m.card->reader->pad = READER_PAD_VERIFY;
	assert_int_equal(fuda_jpki_sign_digest(m.card, FUDA_JPKI_SIGN, &digest, &entry, m.dl, &signature, &cert),
			 FUDA_ENOTSUP);
	assert_int_equal(m.mock.typed, 0);
	mock_close_card(&m);
}

/* ---- time ---- */

/* The reader is to give up before we do. */
static void tells_how_long(void **state)
{
	static const struct exchange script[] = { BEGIN, { PAD, "9000" }, { 0 } };
	static const struct {
		int ms;
		uint8_t least, most;
	} rows[] = {
		{ 60000, 50, 57 }, { 5000, 1, 2 }, { 3600000, 255, 255 }, { -1, 30, 30 }, { 1000, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fuda_pin_entry entry = FUDA_PIN_ENTRY(NULL);
		struct mock_card m;

		open_pad(&m, script);
		fuda_deadline_restart(m.dl, rows[i].ms);
		assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
		assert_int_equal(pin_verify(m.card, FUDA_PIN_AUTH, NULL, &entry, m.dl), 0);
		fuda_card_end(m.card);
		assert_in_range(m.mock.patience, rows[i].least, rows[i].most);
		mock_close_card(&m);
	}
}

/* Nobody is asked for what could not be used. */
static void asks_nobody_too_late(void **state)
{
	static const struct exchange script[] = { BEGIN, { 0 } };

	(void)state;
	for (int late = 0; late < 2; late++) {
		struct fuda_pin_entry entry = FUDA_PIN_ENTRY(NULL);
		struct mock_card m;

		open_pad(&m, script);
		assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
		if (late)
			fuda_deadline_restart(m.dl, 0);
		else
			fuda_deadline_cancel(m.dl);
		assert_int_equal(pin_verify(m.card, FUDA_PIN_AUTH, NULL, &entry, m.dl),
				 late ? FUDA_ETIMEOUT : FUDA_ECANCELLED);
		fuda_card_end(m.card);
		assert_false(entry.sent);
		assert_int_equal(entry.tries_after, 3);
		assert_int_equal(m.mock.typed, 0);
		mock_close_card(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_answers),
		cmocka_unit_test(believes_the_counter),
		cmocka_unit_test(survives_faults),
		cmocka_unit_test(asks_for_every_number),
		cmocka_unit_test(refuses_letters),
		cmocka_unit_test(refuses_without_keys),
		cmocka_unit_test(refuses_in_time),
		cmocka_unit_test(tells_how_long),
		cmocka_unit_test(asks_nobody_too_late),
	};

	return RUN(tests);
}
