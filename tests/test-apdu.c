/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <fuda/encode.h>

#include "codec/apdu.h"
#include "tests/cmocka.h"

/* The seven cases of ISO 7816-4 5.1 and their corners. */
static const struct {
	const char *hex;
	size_t lc, le;
	bool extended;
} good[] = {
	{ "00200080", 0, 0, false },
	{ "00B0000010", 0, 16, false },
	{ "00B0000000", 0, 256, false },
	{ "00200080 04 31323334", 4, 0, false },
	{ "802A0080 01 AA 00", 1, 256, false },
	{ "802A0080 01 AA 10", 1, 16, false },
	{ "00B00000 000533", 0, 1331, true },
	{ "00B00000 000000", 0, 65536, true },
	{ "80AE0000 000001 AA", 1, 0, true },
	{ "80AE0000 000002 AABB 0000", 2, 65536, true },
	{ "80AE0000 000002 AABB 0100", 2, 256, true },
};

static void parses_and_builds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct fuda_buf in = FUDA_BUF_INIT(100), out = FUDA_BUF_INIT(100);
		struct apdu a;

		assert_int_equal(fuda_hex_decode(good[i].hex, &in), 0);
		assert_int_equal(apdu_parse(in.data, in.len, &a), 0);
		assert_int_equal(a.lc, good[i].lc);
		assert_int_equal(a.le, good[i].le);
		assert_int_equal(a.extended, good[i].extended);
		assert_int_equal(apdu_build(&a, &out), 0);
		assert_int_equal(out.len, in.len);
		assert_memory_equal(out.data, in.data, in.len);
		fuda_buf_free(&in);
		fuda_buf_free(&out);
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"00",
		"0020",
		"002000",
		"00200080 0431",		/* data cut short */
		"00200080 04 31323334 00 00",	/* more than Le */
		"00200080 00 31",		/* extended, cut short */
		"00B00000 0000",		/* extended Le, cut short */
		"00200080 000000 31",		/* Lc 0 with data */
		"00200080 000002 31",		/* data cut short */
		"00200080 000001 31 00",	/* half an extended Le */
		"00200080 000001 31 0000 00",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fuda_buf in = FUDA_BUF_INIT(100);
		struct apdu a;

		assert_int_equal(fuda_hex_decode(bad[i], &in), 0);
		assert_int_equal(apdu_parse(in.data, in.len, &a), FUDA_EFORMAT);
		fuda_buf_free(&in);
	}
}

static void builds_only_what_fits(void **state)
{
	static uint8_t data[65535];
	struct fuda_buf out = FUDA_BUF_INIT(APDU_COMMAND_MAX), small = FUDA_BUF_INIT(6);
	struct apdu a = { 0, 0xB0, 0, 0, data, 256, 0, false }, back;

	(void)state;
	assert_int_equal(apdu_build(&a, &out), FUDA_EINVAL);
	a.lc = 0;
	a.le = 257;
	assert_int_equal(apdu_build(&a, &out), FUDA_EINVAL);
	a.extended = true;
	a.le = 65537;
	assert_int_equal(apdu_build(&a, &out), FUDA_EINVAL);
	a.le = 65536;
	a.lc = sizeof(data);
	assert_int_equal(apdu_build(&a, &small), FUDA_ETOOBIG);
	assert_int_equal(apdu_build(&a, &out), 0);
	assert_int_equal(out.len, APDU_COMMAND_MAX);
	assert_int_equal(apdu_parse(out.data, out.len, &back), 0);
	assert_int_equal(back.lc, 65535);
	assert_int_equal(back.le, 65536);
	fuda_buf_free(&out);
}

static void takes_the_status_word(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(10);
	uint16_t sw = 0;

	(void)state;
	assert_int_equal(apdu_take_sw(&b, &sw), FUDA_EFORMAT);
	assert_int_equal(fuda_buf_append(&b, "\x90", 1), 0);
	assert_int_equal(apdu_take_sw(&b, &sw), FUDA_EFORMAT);
	assert_int_equal(fuda_buf_set(&b, "\xAA\x63\xC2", 3), 0);
	assert_int_equal(apdu_take_sw(&b, &sw), 0);
	assert_int_equal(sw, 0x63C2);
	assert_int_equal(b.len, 1);
	fuda_buf_free(&b);
}

static void knows_pin_commands(void **state)
{
	static const struct {
		const char *hex;
		bool pin;
	} commands[] = {
		{ "00200080", true },   { "0020008004", true },  { "8020", true },
		{ "1020008004", true }, { "0C200080", true },    { "01200080", true },
		{ "00210000", true },   { "00240180", true },    { "002C0000", true },
		{ "0026008004", true }, { "0028008004", true },  { "00C20000", true },
		{ "80320080", true },   { "90320080", true },    { "84320080", true },
		{ "80540080", true },   { "00320080", false },   { "FFC20001", true },
		{ "FF000000", true },   { "FFCA000000", false }, { "00A4040C", false },
		{ "00B00000", false },  { "802A0080", false },   { "00840000", false },
		{ "00", false },        { "", false },           { "00C00000", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct fuda_buf in = FUDA_BUF_INIT(16);

		assert_int_equal(fuda_hex_decode(commands[i].hex, &in), 0);
		assert_int_equal(apdu_is_pin_command(in.data, in.len), commands[i].pin);
		fuda_buf_free(&in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_builds),	 cmocka_unit_test(refuses),
		cmocka_unit_test(builds_only_what_fits), cmocka_unit_test(takes_the_status_word),
		cmocka_unit_test(knows_pin_commands),
	};

	return RUN(tests);
}
