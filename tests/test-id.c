/* SPDX-License-Identifier: Apache-2.0 */
#include "service/id.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tests/cmocka.h"

static void uuids(void **state)
{
	static uint8_t ids[2000][ID_BYTES];
	int64_t before = now_us() / 1000, after;
	unsigned bits[ID_BYTES * 8] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		assert_int_equal(id_new(ids[i]), 0);
	after = now_us() / 1000;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		int64_t ms = 0;

		for (size_t j = 0; j < 6; j++)
			ms = ms << 8 | ids[i][j];
		assert_in_range(ms, before, after);
		assert_int_equal(ids[i][6] >> 4, 7);
		assert_int_equal(ids[i][8] >> 6, 2);
		for (size_t j = 0; j < ID_BYTES * 8; j++)
			bits[j] += ids[i][j / 8] >> (7 - j % 8) & 1;
	}
	/* 74 bits are by chance: each about half of the time (11 standard deviations) */
	for (size_t j = 52; j < 128; j++)
		if (j != 64 && j != 65)
			assert_in_range(bits[j], 750, 1250);
	/* later ones are behind earlier ones */
	assert_true(memcmp(ids[0], ids[1999], 6) <= 0);
}

static void texts(void **state)
{
	/* RFC 9562 A.6 */
	static const uint8_t id[ID_BYTES] = { 0x01, 0x7F, 0x22, 0xE2, 0x79, 0xB0, 0x7C, 0xC3,
					      0x98, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F };
	char text[ID_TEXT];
	uint8_t back[ID_BYTES];

	(void)state;
	id_text(id, text);
	assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
	assert_int_equal(id_parse(text, back), 0);
	assert_memory_equal(back, id, sizeof(id));
}

static void no_uuids(void **state)
{
	static const char *const bad[] = {
		"", "-", "017f22e2", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
		"017F22E2-79B0-7CC3-98C4-DC0C0C07398F", "017f22e279b07cc398c4dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "017f22e2-79b0-7cc3-98c4_dc0c0c07398f",
		"{17f22e2-79b0-7cc3-98c4-dc0c0c07398}", " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398 ", "017f22e2-79b0-7cc3-98c4-dc0c0c07398\n",
		"017f22e-279b0-7cc3-98c4-dc0c0c07398f", "------------------------------------",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398'", "017f22e2 79b0 7cc3 98c4 dc0c0c07398f",
		"+17f22e2-79b0-7cc3-98c4-dc0c0c07398f", "0x7f22e2-79b0-7cc3-98c4-dc0c0c07398f",
	};
	uint8_t id[ID_BYTES], zero[ID_BYTES] = { 0 };

	(void)state;
	memset(id, 0, sizeof(id));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(id_parse(bad[i], id), FUDA_EFORMAT);
	assert_memory_equal(id, zero, sizeof(id));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void mykey_ids(void **state)
{
	static char ids[8000][MYKEY_TEXT];
	unsigned seen[256] = { 0 }, kinds = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_int_equal(mykey_new(ids[i]), 0);
		assert_int_equal(strlen(ids[i]), MYKEY_CHARS);
		assert_int_equal(strspn(ids[i], "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"), MYKEY_CHARS);
		for (size_t j = 0; j < MYKEY_CHARS; j++)
			seen[(unsigned char)ids[i][j]]++;
	}
	/* 2000 of each are expected: 44 is the standard deviation */
	for (size_t c = 0; c < 256; c++) {
		kinds += seen[c] != 0;
		if (seen[c])
			assert_in_range(seen[c], 1600, 2400);
	}
	assert_int_equal(kinds, 32);
	qsort(ids, ARRAY_SIZE(ids), sizeof(ids[0]), by_text);
	for (size_t i = 1; i < ARRAY_SIZE(ids); i++)
		assert_string_not_equal(ids[i], ids[i - 1]);
}

static void wishes(void **state)
{
	static const char *const good[][2] = {
		{ "HANAKO01", "HANAKO01" }, { "hanako01", "HANAKO01" }, { "00000000", "00000000" },
		{ "zZ9I1O0a", "ZZ9I1O0A" },
	};
	static const char *const bad[] = {
		"", "HANAKO0", "HANAKO012", "HANAKO 1", " HANAKO1", "HANAKO1\n", "HANAKO-1", "HANAKO_1", "HANAKO'1",
		"HANAKO;1", "ＡＢ12", "ﾊﾅｺ", "@HANAKO1", "[HANAKO1", "`HANAKO1", "{HANAKO1", "/HANAKO1", ":HANAKO1",
		"HANAKO\xC3\xA9", "\x80\x80\x80\x80\x80\x80\x80\x80",
	};
	char id[MYKEY_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(mykey_wished(good[i][0], id), 0);
		assert_string_equal(id, good[i][1]);
	}
	memcpy(id, "before", 7);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(mykey_wished(bad[i], id), FUDA_EFORMAT);
	assert_string_equal(id, "before");
}

static void clock_of_the_system(void **state)
{
	int64_t a = now_us(), seconds = (int64_t)time(NULL);

	(void)state;
	assert_in_range(a / SECONDS_US, seconds - 1, seconds + 1);
	assert_true(now_us() - a < 10 * SECONDS_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uuids),	   cmocka_unit_test(texts),  cmocka_unit_test(no_uuids),
		cmocka_unit_test(mykey_ids), cmocka_unit_test(wishes), cmocka_unit_test(clock_of_the_system),
	};

	return RUN(tests);
}
