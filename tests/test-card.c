/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/mock.h"

#define SELECT_JPKI "00A4040C0AD392F000260100000001"

static const struct apdu challenge = { 0x00, 0x84, 0x00, 0x00, NULL, 0, 8, false };
static const struct apdu sign = { 0x80, 0x2A, 0x00, 0x97, (const uint8_t *)"x", 1, 256, false };

/* Runs `a` in a job with JPKI selected, after the exchanges of `script`. */
static int run(struct mock_card *m, const struct apdu *a, struct fuda_buf *data, uint16_t *sw)
{
	int r = fuda_card_begin(m->card, m->dl);

	assert_int_equal(r, 0);
	r = card_select(m->card, &aid_jpki, m->dl);
	if (r == 0)
		r = card_command(m->card, a, m->dl, data, sw);
	fuda_card_end(m->card);
	return r;
}

/* Scripts that end well. */
static void mends(void **state)
{
	static const struct {
		const char *what;
		const struct apdu *command;
		struct exchange script[8];
		const char *data;
		uint16_t sw;
	} rows[] = {
		{ "plain", &challenge, { { SELECT_JPKI, "9000" }, { "0084000008", "01020304050607089000" } },
		  "0102030405060708", 0x9000 },
		{ "status words are passed on", &challenge, { { SELECT_JPKI, "9000" }, { "0084000008", "6D00" } },
		  "", 0x6D00 },
		{ "6F00 to the first command", &challenge,
		  { { SELECT_JPKI, "6F00" }, { SELECT_JPKI, "9000" }, { "0084000008", "9000" } }, "", 0x9000 },
		{ "6F00 again and again: power off and on, once",
		  &challenge, { { SELECT_JPKI, "6F00" }, { SELECT_JPKI, "6F00" }, { SELECT_JPKI, "6F00" },
				{ SELECT_JPKI, "9000" }, { "0084000008", "9000" } }, "", 0x9000 },
		{ "6F00 later is an answer", &challenge, { { SELECT_JPKI, "9000" }, { "0084000008", "6F00" } },
		  "", 0x6F00 },
		{ "6Cxx", &challenge,
		  { { SELECT_JPKI, "9000" }, { "0084000008", "6C02" }, { "0084000002", "AABB9000" } }, "AABB",
		  0x9000 },
		{ "6C00 is 256", &challenge,
		  { { SELECT_JPKI, "9000" }, { "0084000008", "6C00" }, { "0084000000", "AA9000" } }, "AA",
		  0x9000 },
		{ "6Cxx for ever", &challenge,
		  { { SELECT_JPKI, "9000" }, { "0084000008", "6C02" }, { "0084000002", "6C03" },
		    { "0084000003", "6C02" } }, "", 0x6C02 },
		{ "61xx after a signature", &sign,
		  { { SELECT_JPKI, "9000" }, { "802A0097017800", "AA6102" }, { "00C0000002", "BBCC6101" },
		    { "00C0000001", "DD9000" } }, "AABBCCDD", 0x9000 },
		{ "reset before the command", &challenge,
		  { { SELECT_JPKI, "9000" }, { "0084000008", NULL, FUDA_ERESET, true },
		    { SELECT_JPKI, "9000" }, { "0084000008", "AA9000" } }, "AA", 0x9000 },
		{ "reset, and reset again while selecting", &challenge,
		  { { SELECT_JPKI, "9000" }, { "0084000008", NULL, FUDA_ERESET, true },
		    { SELECT_JPKI, NULL, FUDA_ERESET, true }, { SELECT_JPKI, "6F00" }, { SELECT_JPKI, "9000" },
		    { "0084000008", "AA9000" } }, "AA", 0x9000 },
		{ "reset seen after an answer", &challenge,
		  { { SELECT_JPKI, "9000", 0, true }, { SELECT_JPKI, "9000" }, { "0084000008", "AA9000" } },
		  "AA", 0x9000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(1000), want = FUDA_BUF_INIT(1000);
		struct mock_card m;
		uint16_t sw = 0;

		print_message("%s\n", rows[i].what);
		mock_open(&m, rows[i].script);
		assert_int_equal(run(&m, rows[i].command, &data, &sw), 0);
		assert_int_equal(sw, rows[i].sw);
		assert_int_equal(fuda_hex_decode(rows[i].data, &want), 0);
		assert_int_equal(data.len, want.len);
		if (want.len)
			assert_memory_equal(data.data, want.data, want.len);
		assert_int_equal(m.mock.power_offs, 0);
		mock_close_card(&m);
	}
}

/* Scripts that end in an error, which leaves the output as it was. */
static void gives_up(void **state)
{
	static const struct {
		const char *what;
		struct exchange script[12];
		int error;
	} rows[] = {
		{ "no status word", { { SELECT_JPKI, "9000" }, { "0084000008", "90" } }, FUDA_EFORMAT },
		{ "nothing", { { SELECT_JPKI, "9000" }, { "0084000008", "" } }, FUDA_EFORMAT },
		{ "61xx without data for ever",
		  { { SELECT_JPKI, "9000" }, { "0084000008", "6101" }, { "00C0000001", "6101" } }, FUDA_EFORMAT },
		{ "removed", { { SELECT_JPKI, "9000" }, { "0084000008", NULL, FUDA_EREMOVED } }, FUDA_EREMOVED },
		{ "wrong card", { { SELECT_JPKI, "6A82" } }, FUDA_ENOTFOUND },
		{ "6F00 for ever",
		  { { SELECT_JPKI, "6F00" }, { SELECT_JPKI, "6F00" }, { SELECT_JPKI, "6F00" },
		    { SELECT_JPKI, "6F00" } }, FUDA_ESW },
		{ "application refused", { { SELECT_JPKI, "6283" } }, FUDA_ESW },
		{ "reset again and again",
		  { { SELECT_JPKI, "9000" }, { "0084000008", NULL, FUDA_ERESET, true },
		    { SELECT_JPKI, NULL, FUDA_ERESET, true }, { SELECT_JPKI, NULL, FUDA_ERESET, true },
		    { SELECT_JPKI, NULL, FUDA_ERESET, true } }, FUDA_ERESET },
		{ "reset, and then another card",
		  { { SELECT_JPKI, "9000" }, { "0084000008", NULL, FUDA_ERESET, true }, { SELECT_JPKI, "6A82" } },
		  FUDA_ENOTFOUND },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(1000);
		struct mock_card m;
		uint16_t sw = 0;

		print_message("%s\n", rows[i].what);
		mock_open(&m, rows[i].script);
		assert_int_equal(run(&m, &challenge, &data, &sw), rows[i].error);
		assert_int_equal(sw, 0);
		assert_int_equal(data.len, 0);
		assert_string_not_equal(fuda_context_message(m.ctx), "");
		mock_close_card(&m);
	}
}

/* 61xx that goes on with data stops at the largest response there is. */
static void collects_within_bounds(void **state)
{
	static struct exchange script[400] = { { SELECT_JPKI, "9000" } };
	static char piece[2 * 256 + 5];
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(1000);
	struct mock_card m;
	uint16_t sw;

	(void)state;
	memset(piece, 'A', 512);
	memcpy(piece + 512, "6100", 5);
	script[1] = (struct exchange){ "0084000008", piece, 0, false };
	for (size_t i = 2; i < 300; i++)
		script[i] = (struct exchange){ "00C0000000", piece, 0, false };
	mock_open(&m, script);
	assert_int_equal(run(&m, &challenge, &data, &sw), FUDA_ETOOBIG);
	assert_true(m.mock.next < script + 300);
	m.mock.next = script + 300;
	mock_close_card(&m);
}

static void chains_long_commands(void **state)
{
	static char first[2 * 260 + 1], second[2 * 260 + 1];
	static uint8_t bytes[300];
	const struct apdu a = { 0x80, 0x2A, 0x00, 0x97, bytes, sizeof(bytes), 256, false };
	const struct exchange script[] = {
		{ SELECT_JPKI, "9000" }, { first, "9000" }, { second, "AA9000" }, { 0 }
	};
	const struct exchange refused[] = { { SELECT_JPKI, "9000" }, { first, "6884" }, { 0 } };
	struct mock_card m;
	uint16_t sw;

	(void)state;
	memset(first, '0', 2 * 260);
	memcpy(first, "902A0097FF", 10);
	memset(second, '0', 2 * (5 + 45 + 1));
	memcpy(second, "802A00972D", 10);
	mock_open(&m, script);
	assert_int_equal(run(&m, &a, NULL, &sw), 0);
	assert_int_equal(sw, 0x9000);
	mock_close_card(&m);
	mock_open(&m, refused);
	assert_int_equal(run(&m, &a, NULL, &sw), 0);
	assert_int_equal(sw, 0x6884);
	mock_close_card(&m);
}

/* A reset between the pieces: the rest alone must not be sent as if it were the whole. */
static void does_not_send_half_a_chain(void **state)
{
	static uint8_t bytes[300];
	const struct apdu a = { 0x80, 0x2A, 0x00, 0x97, bytes, sizeof(bytes), 256, false };
	const struct exchange script[] = {
		{ SELECT_JPKI, "9000" }, { "902A0097FF..", "9000" },
		{ "802A00972D..", NULL, FUDA_ERESET, true }, { 0 }
	};
	struct mock_card m;
	uint16_t sw;

	(void)state;
	mock_open(&m, script);
	assert_int_equal(run(&m, &a, NULL, &sw), FUDA_ERESET);
	mock_close_card(&m);
}

static void has_one_door_for_pins(void **state)
{
	static const char *const commands[] = {
		"002000800431323334", "00200080", "1020008004", "803200800431323334", "80540080",
		"0024018004313131",   "002C000000", "00C200000900200080", "FF00000009", "0120008004",
	};
	static const struct exchange none[] = { { 0 } };
	struct fuda_buf rsp = FUDA_BUF_INIT(10);
	struct mock_card m;

	(void)state;
	mock_open(&m, none);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(100);
		struct apdu a = { 0 };
		uint16_t sw;

		assert_int_equal(fuda_hex_decode(commands[i], &b), 0);
		assert_int_equal(fuda_card_transmit(m.card, b.data, b.len, m.dl, &rsp), FUDA_EPINCOMMAND);
		a.cla = b.data[0];
		a.ins = b.data[1];
		assert_int_equal(card_command(m.card, &a, m.dl, NULL, &sw), FUDA_EPINCOMMAND);
	}
	mock_close_card(&m);
}

static void jobs_nest_and_forget(void **state)
{
	static const struct exchange script[] = {
		{ SELECT_JPKI, "9000" }, { SELECT_JPKI, "9000" }, { 0 }
	};
	struct mock_card m;

	(void)state;
	mock_open(&m, script);
	assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
	assert_int_equal(fuda_card_begin(m.card, m.dl), 0);
	assert_int_equal(fuda_card_probe(m.card, m.dl), 0);
	assert_int_equal(fuda_card_probe(m.card, m.dl), 0); /* known in this job */
	fuda_card_end(m.card);
	assert_true(m.mock.locked);
	fuda_card_end(m.card);
	assert_false(m.mock.locked);
	assert_int_equal(fuda_card_probe(m.card, m.dl), 0); /* a new job: asks again */
	mock_close_card(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mends),
		cmocka_unit_test(gives_up),
		cmocka_unit_test(collects_within_bounds),
		cmocka_unit_test(chains_long_commands),
		cmocka_unit_test(does_not_send_half_a_chain),
		cmocka_unit_test(has_one_door_for_pins),
		cmocka_unit_test(jobs_nest_and_forget),
	};

	return RUN(tests);
}
