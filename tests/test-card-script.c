/* SPDX-License-Identifier: Apache-2.0 */
/* What programs that act by scripts do with a card: commands as they are, secrets for themselves, power. */
#include <fuda/encode.h>
#include <fuda/secret.h>

#include "card/pin.h"
#include "tests/mock.h"

#define SELECT_JPKI "00A4040C0AD392F000260100000001"
#define SELECT_TEXT "00A4040C0AD3921000310001010408"
#define SELECT_FACE "00A4040C0AD3921000310001010402"
#define SELECT_ISD  "00A4040C07A0000001510000"
#define QUERY	    "00200098", "63C3"
#define VERIFY	    "002000980431323334", "9000"

static uint16_t transmit(struct mock_card *m, const char *hex)
{
	_cleanup_buf_ struct fuda_buf command = FUDA_BUF_INIT(300), response = FUDA_BUF_INIT(300);
	uint16_t sw;

	assert_int_equal(fuda_hex_decode(hex, &command), 0);
	assert_int_equal(fuda_card_transmit(m->card, command.data, command.len, m->dl, &response), 0);
	assert_int_equal(apdu_take_sw(&response, &sw), 0);
	return sw;
}

static int verify(struct mock_card *m, enum fuda_pin pin, const char *application, const char *text,
		  struct fuda_pin_entry *ret_entry)
{
	struct fuda_secret *s;
	int r;

	assert_int_equal(fuda_secret_new(text, strlen(text), &s), 0);
	*ret_entry = FUDA_PIN_ENTRY(s);
	r = fuda_pin_verify(m->card, pin, application, ret_entry, m->dl);
	fuda_secret_free(&s);
	return r;
}

/* Whether a secret that is presented after these commands has its application selected first. */
static void selects_only_what_is_not_selected(void **state)
{
	static const struct {
		const char *what;
		struct exchange before[4];
		bool selected;
	} rows[] = {
		{ "nothing", { { 0 } }, false },
		{ "the whole AID", { { SELECT_JPKI, "9000" } }, true },
		{ "with a template", { { "00A404000AD392F00026010000000100", "6F009000" } }, true },
		{ "... that has to be fetched", { { "00A404000AD392F00026010000000100", "6110" } }, true },
		{ "a part of it", { { "00A4040C09D392F0002601000000", "9000" } }, false },
		{ "refused", { { SELECT_JPKI, "6A82" } }, false },
		{ "another", { { SELECT_JPKI, "9000" }, { SELECT_TEXT, "9000" } }, false },
		{ "another, refused", { { SELECT_JPKI, "9000" }, { SELECT_TEXT, "6A82" } }, false },
		{ "in another class", { { "10A4040C0AD392F000260100000001", "9000" } }, false },
		{ "and a file",
		  { { SELECT_JPKI, "9000" }, { "00A4020C02000A", "9000" }, { "00B0000000", "309000" } }, true },
		{ "and a file that is not there", { { SELECT_JPKI, "9000" }, { "00A4020C020007", "6A82" } }, true },
		{ "and a signature",
		  { { SELECT_JPKI, "9000" }, { "802A009701AA00", "6982" }, { "0084000008", "009000" } }, true },
		{ "and the master file", { { SELECT_JPKI, "9000" }, { "00A40000", "9000" } }, false },
		{ "and what is not known", { { SELECT_JPKI, "9000" }, { "80A20000", "9000" } }, false },
		{ "and no command at all", { { SELECT_JPKI, "9000" }, { "00B00000000000000000", "6700" } }, false },
		{ "of before a reset", { { SELECT_JPKI, "9000" }, { "00B0000000", "9000", 0, true } }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct exchange script[10] = { 0 };
		struct fuda_pin_entry entry;
		struct mock_card m;
		size_t n = 0;

		print_message("%s\n", rows[i].what);
		while (rows[i].before[n].command) {
			script[n] = rows[i].before[n];
			n++;
		}
		if (!rows[i].selected)
			script[n++] = (struct exchange){ SELECT_JPKI, "9000" };
		script[n++] = (struct exchange){ QUERY };
		script[n++] = (struct exchange){ VERIFY };
		mock_open(&m, script);
		assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
		for (const struct exchange *x = rows[i].before; x->command; x++)
			transmit(&m, x->command);
		assert_int_equal(verify(&m, FUDA_PIN_AUTH, NULL, "1234", &entry), 0);
		assert_int_equal(entry.sw, 0x9000);
		assert_int_equal(m.mock.power_offs, 0);
		fuda_card_end(m.card);
		assert_int_equal(m.mock.power_offs, 1);
		mock_close_card(&m);
	}
}

/* A second secret of an application does not close the first. */
static void presents_several(void **state)
{
	static const struct exchange script[] = {
		{ SELECT_JPKI, "9000" }, { QUERY }, { VERIFY }, { "00B0880003", "8F8F009000" }, { "0020009B", "63C5" },
		{ "0020009B06414243313233", "63C4" }, { SELECT_FACE, "9000" }, { "00200092", "63CA" },
		{ "002000920E3031303130383230333030383038", "9000" }, { 0 },
	};
	struct fuda_pin_entry entry;
	struct mock_card m;

	(void)state;
	mock_open(&m, script);
	assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
	assert_int_equal(verify(&m, FUDA_PIN_AUTH, "jpki", "1234", &entry), 0);
	transmit(&m, "00B0880003");
	assert_int_equal(verify(&m, FUDA_PIN_SIGN, NULL, "abc123", &entry), FUDA_EPINWRONG);
	assert_int_equal(entry.sw, 0x63C4);
	assert_int_equal(entry.tries_after, 4);
	assert_int_equal(verify(&m, FUDA_PIN_B, "face", "01010820300808", &entry), 0);
	fuda_card_end(m.card);
	assert_int_equal(m.mock.verifies, 3);
	assert_int_equal(m.mock.power_offs, 1);
	mock_close_card(&m);
}

static void refuses_secrets(void **state)
{
	static const struct {
		const char *what;
		enum fuda_pin pin;
		const char *application, *text;
		bool job;
		struct exchange script[7];
		int error;
		uint16_t sw;
		unsigned verifies;
	} rows[] = {
		{ "outside a job", FUDA_PIN_AUTH, NULL, "1234", false, { { 0 } }, FUDA_EINVAL, 0, 0 },
		{ "where it is not kept", FUDA_PIN_AUTH, "text", "1234", true, { { 0 } }, FUDA_EINVAL, 0, 0 },
		{ "where nothing is", FUDA_PIN_B, "isd", "01010820300808", true, { { 0 } }, FUDA_EINVAL, 0, 0 },
		{ "no application", FUDA_PIN_B, "", "01010820300808", true, { { 0 } }, FUDA_EINVAL, 0, 0 },
		{ "form", FUDA_PIN_AUTH, NULL, "123", true, { { 0 } }, FUDA_EPINFORM, 0, 0 },
		{ "not on the card", FUDA_PIN_TEXT, NULL, "1234", true, { { SELECT_TEXT, "6A82" } },
		  FUDA_ENOTFOUND, 0, 0 },
		{ "last try", FUDA_PIN_AUTH, NULL, "1234", true, { { SELECT_JPKI, "9000" }, { "00200098", "63C1" } },
		  FUDA_ELASTTRY, 0, 0 },
		{ "blocked", FUDA_PIN_AUTH, NULL, "1234", true, { { SELECT_JPKI, "9000" }, { "00200098", "6984" } },
		  FUDA_EPINBLOCKED, 0, 0 },
		{ "wrong", FUDA_PIN_AUTH, NULL, "1234", true,
		  { { SELECT_JPKI, "9000" }, { QUERY }, { "002000980431323334", "63C2" } }, FUDA_EPINWRONG, 0x63C2, 1 },
		{ "blocked by it", FUDA_PIN_AUTH, NULL, "1234", true,
		  { { SELECT_JPKI, "9000" }, { "00200098", "63C2" }, { "002000980431323334", "63C0" } },
		  FUDA_EPINBLOCKED, 0x63C0, 1 },
		{ "not mended", FUDA_PIN_AUTH, NULL, "1234", true,
		  { { SELECT_JPKI, "9000" }, { QUERY }, { "002000980431323334", "6700" }, { QUERY } },
		  FUDA_ESW, 0x6700, 1 },
		{ "lost", FUDA_PIN_AUTH, NULL, "1234", true,
		  { { SELECT_JPKI, "9000" }, { QUERY }, { "002000980431323334", NULL, FUDA_ETRANSPORT },
		    { SELECT_JPKI, "9000" }, { "00A4020C020018", "9000" }, { "00200098", "63C2" } },
		  FUDA_EUNKNOWN, 0, 1 },
		{ "removed", FUDA_PIN_AUTH, NULL, "1234", true,
		  { { SELECT_JPKI, "9000" }, { QUERY }, { "002000980431323334", NULL, FUDA_EREMOVED },
		    { SELECT_JPKI, NULL, FUDA_EREMOVED } }, FUDA_EUNKNOWN, 0, 1 },
		{ "reset before it", FUDA_PIN_AUTH, NULL, "1234", true,
		  { { SELECT_JPKI, "9000" }, { QUERY }, { "002000980431323334", NULL, FUDA_ERESET, true } },
		  FUDA_ERESET, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fuda_pin_entry entry;
		struct mock_card m;

		print_message("%s\n", rows[i].what);
		mock_open(&m, rows[i].script);
		if (rows[i].job)
			assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
		assert_int_equal(verify(&m, rows[i].pin, rows[i].application, rows[i].text, &entry), rows[i].error);
		assert_string_not_equal(fuda_context_message(m.ctx), "");
		assert_int_equal(entry.sw, rows[i].sw);
		if (rows[i].job)
			fuda_card_end(m.card);
		assert_int_equal(m.mock.verifies, rows[i].verifies);
		assert_int_equal(m.mock.power_offs, rows[i].verifies);
		mock_close_card(&m);
	}
}

/* What has to be typed on a reader that has no keys. */
static void refuses_without_secret(void **state)
{
	struct fuda_pin_entry entry = FUDA_PIN_ENTRY(NULL);
	struct mock_card m;

	(void)state;
	mock_open(&m, &(struct exchange){ 0 });
	assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
	assert_int_equal(fuda_pin_verify(m.card, FUDA_PIN_AUTH, NULL, &entry, m.dl), FUDA_ENOTSUP);
	fuda_card_end(m.card);
	assert_int_equal(m.mock.typed, 0);
	mock_close_card(&m);
}

static void asks_for_counters(void **state)
{
	static const struct {
		uint8_t p2;
		bool five;
		struct exchange script[2];
		int error;
	} rows[] = {
		{ 0x98, false, { { "00200098", "63C3" } }, 0 },
		{ 0x98, true, { { "0020009800", "6700" } }, 0 },
		{ 0x80, false, { { "00200080", "6986" } }, 0 },
		{ 0x1F, false, { { "0020001F", "6A86" } }, 0 },
		{ 0x98, false, { { "00200098", "AABB63C3" } }, 0 },
		{ 0x98, false, { { "00200098", NULL, FUDA_EREMOVED } }, FUDA_EREMOVED },
		/* nobody selects again what the caller selected */
		{ 0x98, false, { { "00200098", NULL, FUDA_ERESET, true } }, FUDA_ERESET },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mock_card m;
		const char *answer = rows[i].script[0].response;
		_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(16);
		char hex[40];

		mock_open(&m, rows[i].script);
		assert_int_equal(fuda_pin_query(m.card, rows[i].p2, rows[i].five, m.dl, &response), rows[i].error);
		fuda_hex_encode(response.data, response.len, hex);
		assert_string_equal(hex, answer ? answer : "");
		assert_int_equal(m.mock.verifies, 0);
		assert_int_equal(m.mock.power_offs, 0);
		mock_close_card(&m);
	}
}

static void powers(void **state)
{
	static const struct exchange script[] = {
		{ SELECT_JPKI, "9000" }, { QUERY }, { VERIFY },	/* then a warm reset */
		{ SELECT_JPKI, "9000" }, { QUERY }, { VERIFY },	/* then a cold one */
		{ "00B0880003", "6986" }, { 0 },
	};
	struct fuda_pin_entry entry;
	struct mock_card m;

	(void)state;
	mock_open(&m, script);
	assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
	assert_int_equal(verify(&m, FUDA_PIN_AUTH, NULL, "1234", &entry), 0);
	assert_int_equal(fuda_card_power(m.card, FUDA_POWER_RESET, m.dl), 0);
	assert_true(m.card->secret_sent); /* it may be verified still: card.md 0.7 */
	assert_int_equal(verify(&m, FUDA_PIN_AUTH, NULL, "1234", &entry), 0);
	assert_int_equal(fuda_card_power(m.card, FUDA_POWER_ON, m.dl), 0);
	assert_false(m.card->secret_sent);
	transmit(&m, "00B0880003");
	fuda_card_end(m.card);
	assert_int_equal(m.mock.power_offs, 0); /* nobody left it verified */
	assert_int_equal(fuda_card_power(m.card, FUDA_POWER_OFF, m.dl), 0);
	assert_int_equal(m.mock.power_offs, 1);
	assert_int_equal(fuda_card_power(m.card, (enum fuda_power)3, m.dl), FUDA_EINVAL);
	assert_int_equal(fuda_card_power(m.card, (enum fuda_power)-1, m.dl), FUDA_EINVAL);
	mock_close_card(&m);
}

/* Off may take effect when the job ends, so what a secret opened is not closed by it before. */
static void off_is_not_forgotten(void **state)
{
	static const struct exchange script[] = { { SELECT_JPKI, "9000" }, { QUERY }, { VERIFY }, { 0 } };
	struct fuda_pin_entry entry;
	struct driver cannot = mock_driver;
	struct mock_card m;

	(void)state;
	mock_open(&m, script);
	assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
	assert_int_equal(verify(&m, FUDA_PIN_AUTH, NULL, "1234", &entry), 0);
	assert_int_equal(fuda_card_power(m.card, FUDA_POWER_OFF, m.dl), 0);
	fuda_card_end(m.card);
	assert_int_equal(m.mock.power_offs, 2);
	cannot.power = NULL;
	m.card->reader->driver = &cannot;
	assert_int_equal(fuda_card_power(m.card, FUDA_POWER_ON, m.dl), FUDA_ENOTSUP);
	m.card->reader->driver = &mock_driver;
	mock_close_card(&m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(selects_only_what_is_not_selected),
		cmocka_unit_test(presents_several),
		cmocka_unit_test(refuses_secrets),
		cmocka_unit_test(refuses_without_secret),
		cmocka_unit_test(asks_for_counters),
		cmocka_unit_test(powers),
		cmocka_unit_test(off_is_not_forgotten),
	};

	return RUN(tests);
}
