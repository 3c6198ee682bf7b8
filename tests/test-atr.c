/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to reset: those of cards that are met (readers.md A2), what each byte stands for, and what is none. */
#include "codec/atr.h"

#include <fuda/encode.h>
#include <fuda/reader.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tests/cmocka.h"

static int parse(const char *hex, struct atr *ret)
{
	struct fuda_buf b = FUDA_BUF_INIT(256);
	uint8_t *exact;
	int r;

	assert_int_equal(fuda_hex_decode(hex, &b), 0);
	exact = malloc(b.len ? b.len : 1); /* for the sanitizer to see who reads beyond */
	assert_non_null(exact);
	memcpy(exact, b.data, b.len);
	r = atr_parse(exact, b.len, ret);
	free(exact);
	fuda_buf_free(&b);
	return r;
}

/* ---- cards ---- */

static void test_cards(void **state)
{
	static const struct {
		const char *atr;
		uint8_t protocols, first, fd, ifsc, bwi_cwi;
		size_t historical_len;
	} cards[] = {
		/* contactless, by PC/SC part 3 */
		{ "3B888001" "000005E0B381A100" "7F", 3, 0, 0x11, 32, 0x4D, 8 },
		{ "3B888001" "000014E0B3819100" "5E", 3, 0, 0x11, 32, 0x4D, 8 },
		{ "3B888001" "000041E0B381A100" "3B", 3, 0, 0x11, 32, 0x4D, 8 },
		{ "3B888001" "000000009181C100" "D8", 3, 0, 0x11, 32, 0x4D, 8 },
		{ "3B808001" "01", 3, 0, 0x11, 32, 0x4D, 0 },
		/* with contacts */
		{ "3BDA13FF8131FB46" "8012392F31C173C601C0" "3B", 2, 1, 0x13, 0xFB, 0x46, 10 },
		{ "3BE000FF8131FE45" "14", 2, 1, 0x11, 0xFE, 0x45, 0 },
		/* without any interface byte: T=0 */
		{ "3B00", 1, 0, 0x11, 32, 0x4D, 0 },
		{ "3B02" "1450", 1, 0, 0x11, 32, 0x4D, 2 },
	};
	struct atr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cards); i++) {
		if (parse(cards[i].atr, &a) < 0)
			fail_msg("%s: refused", cards[i].atr);
		assert_int_equal(a.protocols, cards[i].protocols);
		assert_int_equal(a.first, cards[i].first);
		assert_int_equal(a.fd, cards[i].fd);
		assert_int_equal(a.ifsc, cards[i].ifsc);
		assert_int_equal(a.bwi_cwi, cards[i].bwi_cwi);
		assert_int_equal(a.historical_len, cards[i].historical_len);
		assert_false(a.inverse || a.specific || a.implicit || a.crc);
	}
}

static void test_historical(void **state)
{
	static const uint8_t bytes[] = { 0x80, 0x12, 0x39, 0x2F, 0x31, 0xC1, 0x73, 0xC6, 0x01, 0xC0 };
	struct atr a;

	(void)state;
	assert_int_equal(parse("3BDA13FF8131FB468012392F31C173C601C03B", &a), 0);
	assert_memory_equal(a.historical, bytes, sizeof(bytes));
}

/* ---- bytes ---- */

static void test_first_level(void **state)
{
	struct atr a;

	(void)state;
	assert_int_equal(parse("3F70" "95" "00" "05", &a), 0); /* TA1, TB1 of the past, TC1 */
	assert_true(a.inverse);
	assert_int_equal(a.fd, 0x95);
	assert_int_equal(a.guard, 5);
	assert_int_equal(a.waiting, 10);
}

static void test_second_level(void **state)
{
	struct atr a;

	(void)state;
	assert_int_equal(parse("3B80" "10" "00", &a), 0); /* TA2: T=0 and nothing else, by TA1 */
	assert_true(a.specific);
	assert_false(a.implicit);
	assert_int_equal(a.first, 0);
	assert_int_equal(parse("3B80" "10" "10", &a), 0); /* by itself */
	assert_true(a.specific && a.implicit);
	assert_int_equal(parse("3B80" "40" "14", &a), 0); /* TC2 */
	assert_int_equal(a.waiting, 0x14);
	assert_int_equal(parse("3B80" "91" "81" "21" "4D" "FC", &a), 0); /* TA2: T=1; then TB3 */
	assert_true(a.specific);
	assert_int_equal(a.first, 1);
}

/* The first bytes of T=1 are the ones that hold, and those of T=15 are of none. */
static void test_further_levels(void **state)
{
	struct atr a;

	(void)state;
	assert_int_equal(parse("3B80" "81" "71" "20" "36" "01" "67", &a), 0);
	assert_int_equal(a.ifsc, 0x20);
	assert_int_equal(a.bwi_cwi, 0x36);
	assert_true(a.crc);
	assert_int_equal(parse("3B80" "81" "91" "20" "11" "40" "E1", &a), 0); /* TA3, and TA4 */
	assert_int_equal(a.ifsc, 0x20);
	assert_int_equal(parse("3B80" "80" "1F" "C7" "D8", &a), 0); /* T=0, and T=15 with classes A, B and C */
	assert_int_equal(a.protocols, ATR_T0);
	assert_int_equal(a.classes, 7);
	assert_int_equal(parse("3B80" "81" "1F" "43" "5D", &a), 0);
	assert_int_equal(a.classes, 3);
	assert_int_equal(a.protocols, ATR_T1);
}

/* ---- what is none ---- */

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"", "3B", "00", "3B01", "3A00", "FF00", "0000",
		"3B0000",		/* one byte too many */
		"3B10", "3B20", "3B40",	/* interface bytes that are not there */
		"3B80", "3B8080", "3B808011",
		"3B0214",		/* nor all historical bytes */
		"3B8081", "3B8001",	/* nor the check byte */
		"3B800180",		/* or a wrong one */
		"3BE000FF8131FE4515", "3BE000FF8131FE451400",
		"3B8880010000" "41E0B381A1003C",
		"3B80" "81" "11" "00" "90", /* IFSC 0 and FF */
		"3B80" "81" "11" "FF" "6F",
		"3B80" "81" "21" "A4" "04", /* BWI 10 */
		"3B80" "40" "00",	/* WI 0 */
		"3B0F" "0102030405060708090A0B0C0D0E0F" "10",
		"3B9F95801FC38031E073FE211367981FF301C0FE" "3B9F95801FC38031E073FE2113", /* longer than one can be */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct atr a, before;

		memset(&a, 0xA5, sizeof(a));
		memcpy(&before, &a, sizeof(a));
		if (parse(bad[i], &a) != FUDA_EFORMAT)
			fail_msg("%s: taken", bad[i]);
		assert_memory_equal(&a, &before, sizeof(a));
	}
}

/* TDs that announce each other, beyond all that one can hold. */
static void test_endless(void **state)
{
	uint8_t bytes[FUDA_ATR_MAX + 1];
	struct atr a;

	(void)state;
	memset(bytes, 0x81, sizeof(bytes));
	bytes[0] = 0x3B;
	for (size_t len = 0; len <= sizeof(bytes); len++)
		assert_int_equal(atr_parse(bytes, len, &a), FUDA_EFORMAT);
}

/* Each bit of a genuine one is covered by its check byte, but for the first byte, which has its two values. */
static void test_each_bit(void **state)
{
	uint8_t bytes[] = { 0x3B, 0xDA, 0x13, 0xFF, 0x81, 0x31, 0xFB, 0x46, 0x80, 0x12,
			    0x39, 0x2F, 0x31, 0xC1, 0x73, 0xC6, 0x01, 0xC0, 0x3B };
	struct atr a;

	(void)state;
	assert_int_equal(atr_parse(bytes, sizeof(bytes), &a), 0);
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (bit == 2)
			assert_int_equal(atr_parse(bytes, sizeof(bytes), &a), 0); /* 3F */
		else
			assert_int_equal(atr_parse(bytes, sizeof(bytes), &a), FUDA_EFORMAT);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* ---- rates ---- */

static void test_rates(void **state)
{
	static const struct {
		uint8_t fd;
		uint32_t khz, rate;
	} rates[] = {
		{ 0x11, 4000, 10752 }, { 0x95, 4000, 125000 }, { 0x18, 4800, 154838 }, { 0x97, 4800, 600000 },
		{ 0x11, 0, 0 },	       { 0x10, 4000, 0 },	{ 0x1A, 4000, 0 },	{ 0x1F, 4000, 0 },
		{ 0x71, 4000, 0 },     { 0x81, 4000, 0 },	{ 0xE1, 4000, 0 },	{ 0xFF, 4000, 0 },
		{ 0x97, UINT32_MAX, (uint32_t)((uint64_t)UINT32_MAX * 1000 * 64 / 512) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++)
		assert_int_equal(atr_rate(rates[i].fd, rates[i].khz), rates[i].rate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cards),	     cmocka_unit_test(test_historical),
		cmocka_unit_test(test_first_level),  cmocka_unit_test(test_second_level),
		cmocka_unit_test(test_further_levels), cmocka_unit_test(test_bad),
		cmocka_unit_test(test_endless),	     cmocka_unit_test(test_each_bit),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}
