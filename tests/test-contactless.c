/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/encode.h>
#include <string.h>

#include "reader/contactless.h"
#include "tests/cmocka.h"

static struct fuda_buf bytes(const char *hex)
{
	struct fuda_buf b = FUDA_BUF_INIT(300);

	assert_int_equal(fuda_hex_decode(hex, &b), 0);
	return b;
}

/* readers.md A2: frame sizes by code, FWT = 4096/fc * 2^FWI and 49152/fc. */
static const struct {
	const char *hex;
	size_t fsc;
	uint32_t fwt_us, sfgt_us;
	bool iso14443_4, nad, cid;
} atqbs[] = {
	{ "50 01020304 000005E0 B381A1", 256, 312940, 0, true, false, true },
	{ "50 01020304 000005E0 B381A100", 256, 312940, 0, true, false, true },
	{ "50 01020304 000014E0 B38191", 256, 158283, 0, true, false, true },
	{ "50 FFFFFFFF 00000000 000000", 16, 3927, 0, false, false, false },
	{ "50 00000000 FFFFFFFF 001142", 24, 8458, 0, true, true, false },
	{ "50 00000000 00000000 0021E3", 32, 4952657, 0, true, true, true },
	{ "50 00000000 00000000 00310C", 40, 3927, 0, true, false, false },
	{ "50 00000000 00000000 004140", 48, 8458, 0, true, false, false },
	{ "50 00000000 00000000 005140", 64, 8458, 0, true, false, false },
	{ "50 00000000 00000000 006140", 96, 8458, 0, true, false, false },
	{ "50 00000000 00000000 007140", 128, 8458, 0, true, false, false },
	{ "50 00000000 00000000 008040", 256, 8458, 0, false, false, false },
	/* codes that are reserved, or of later editions */
	{ "50 00000000 00000000 0091F0", 256, 8458, 0, true, false, false },
	{ "50 00000000 00000000 00C140", 256, 8458, 0, true, false, false },
	{ "50 00000000 00000000 00F140", 256, 8458, 0, true, false, false },
	/* the byte of an extended one */
	{ "50 00000000 00000000 008140 0F", 256, 8458, 0, true, false, false },
	{ "50 00000000 00000000 008140 40", 256, 8458, 8458, true, false, false },
	{ "50 00000000 00000000 008140 E0", 256, 8458, 4952657, true, false, false },
	{ "50 00000000 00000000 008140 F0", 256, 8458, 0, true, false, false },
};

static void atqb(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(atqbs); i++) {
		struct fuda_buf b = bytes(atqbs[i].hex);
		struct contactless c;

		assert_int_equal(contactless_parse_atqb(b.data, b.len, &c), 0);
		assert_false(c.type_a);
		assert_memory_equal(c.pupi, b.data + 1, 4);
		assert_memory_equal(c.application, b.data + 5, 4);
		assert_memory_equal(c.protocol, b.data + 9, 3);
		assert_int_equal(c.fsc, atqbs[i].fsc);
		assert_int_equal(c.fwt_us, atqbs[i].fwt_us);
		assert_int_equal(c.sfgt_us, atqbs[i].sfgt_us);
		assert_int_equal(c.iso14443_4, atqbs[i].iso14443_4);
		assert_int_equal(c.nad, atqbs[i].nad);
		assert_int_equal(c.cid, atqbs[i].cid);
		fuda_buf_free(&b);
	}
}

static const char *const bad_atqbs[] = {
	"",
	"50",
	"50 01020304 000005E0",
	"50 01020304 000005E0 B381",	     /* too short by one */
	"50 01020304 000005E0 B381A1 00 00", /* too long by one */
	"51 01020304 000005E0 B381A1",
	"05 01020304 000005E0 B381A1",
	"00 01020304 000005E0 B381A1 00",
	"01020304 000005E0 B381A1 00 00",
};

static void bad_atqb(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_atqbs); i++) {
		struct fuda_buf b = bytes(bad_atqbs[i]);
		struct contactless c, before;

		memset(&c, 0xA5, sizeof(c));
		before = c;
		assert_int_equal(contactless_parse_atqb(b.data, b.len, &c), FUDA_EFORMAT);
		assert_memory_equal(&c, &before, sizeof(c));
		fuda_buf_free(&b);
	}
}

static void attrib(void **state)
{
	const struct contactless c = { .pupi = { 1, 2, 3, 4 } };
	uint8_t got[ATTRIB_SIZE];

	(void)state;
	contactless_attrib(&c, false, got);
	assert_memory_equal(got, "\x1D\x01\x02\x03\x04\x00\x08\x01\x00", ATTRIB_SIZE);
	contactless_attrib(&c, true, got);
	assert_memory_equal(got, "\x1D\x01\x02\x03\x04\x00\x07\x01\x00", ATTRIB_SIZE);
}

static void answer_to_attrib(void **state)
{
	struct contactless c = { .mbli = 3 };

	(void)state;
	assert_int_equal(contactless_parse_attrib((const uint8_t *)"\x00", 1, &c), 0);
	assert_int_equal(c.mbli, 0);
	assert_int_equal(contactless_parse_attrib((const uint8_t *)"\xF0", 1, &c), 0);
	assert_int_equal(c.mbli, 15);
	assert_int_equal(contactless_parse_attrib((const uint8_t *)"\x20\x90\x00", 3, &c), 0);
	assert_int_equal(c.mbli, 2);
	assert_int_equal(contactless_parse_attrib(NULL, 0, &c), FUDA_EFORMAT);
	assert_int_equal(contactless_parse_attrib((const uint8_t *)"\x01", 1, &c), FUDA_EFORMAT);
	assert_int_equal(contactless_parse_attrib((const uint8_t *)"\x4F", 1, &c), FUDA_EFORMAT);
	assert_int_equal(c.mbli, 2);
}

static void rats(void **state)
{
	uint8_t got[RATS_SIZE];

	(void)state;
	contactless_rats(false, got);
	assert_memory_equal(got, "\xE0\x80", RATS_SIZE);
	contactless_rats(true, got);
	assert_memory_equal(got, "\xE0\x70", RATS_SIZE);
}

static const struct {
	const char *hex;
	size_t fsc;
	uint32_t fwt_us, sfgt_us;
	bool nad, cid;
	size_t historical;
} atses[] = {
	{ "01", 32, 8458, 0, false, true, 0 }, /* all by default */
	{ "02 08", 256, 8458, 0, false, true, 0 },
	{ "02 88", 256, 8458, 0, false, true, 0 }, /* a reserved bit */
	{ "03 15 80", 64, 8458, 0, false, true, 0 },
	{ "03 25 A4", 64, 312940, 8458, false, true, 0 },
	{ "03 25 FF", 64, 8458, 0, false, true, 0 },
	{ "03 45 00", 64, 8458, 0, false, false, 0 },
	{ "03 45 01", 64, 8458, 0, true, false, 0 },
	{ "05 78 80 A0 02", 256, 312940, 0, false, true, 0 },
	{ "05 08 112233", 256, 8458, 0, false, true, 3 },
	{ "06 78 33 80 02 80", 256, 80954, 0, false, true, 1 },
	{ "14 78 80 80 02 0102030405060708090A0B0C0D0E0F", 256, 80954, 0, false, true, 15 },
	{ "15 78 80 80 02 0102030405060708090A0B0C0D0E0F10", 256, 80954, 0, false, true, 15 },
};

static void ats(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(atses); i++) {
		struct fuda_buf b = bytes(atses[i].hex);
		struct contactless c;

		assert_int_equal(contactless_parse_ats(b.data, b.len, &c), 0);
		assert_true(c.type_a);
		assert_true(c.iso14443_4);
		assert_int_equal(c.fsc, atses[i].fsc);
		assert_int_equal(c.fwt_us, atses[i].fwt_us);
		assert_int_equal(c.sfgt_us, atses[i].sfgt_us);
		assert_int_equal(c.nad, atses[i].nad);
		assert_int_equal(c.cid, atses[i].cid);
		assert_int_equal(c.historical_len, atses[i].historical);
		for (size_t k = 0; k < c.historical_len; k++)
			assert_int_equal(c.historical[k], b.data[b.len > 20 ? 5 + k : b.len - c.historical_len + k]);
		fuda_buf_free(&b);
	}
}

static const char *const bad_atses[] = {
	"",		  "00",	      "00 08",
	"02",		  "01 08",    "03 08",
	"02 18",	  "02 28",    "02 48",	       /* bytes said and missing */
	"03 38 80",	  "04 78 80 80", "05 78 80 80",
	"FF 78 80 80 02", "04 78 80 80 02",	       /* the length is another */
	"06 78 80 80 02",
};

static void bad_ats(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_atses); i++) {
		struct fuda_buf b = bytes(bad_atses[i]);
		struct contactless c, before;

		memset(&c, 0xA5, sizeof(c));
		before = c;
		assert_int_equal(contactless_parse_ats(b.data, b.len, &c), FUDA_EFORMAT);
		assert_memory_equal(&c, &before, sizeof(c));
		fuda_buf_free(&b);
	}
}

/* The first four are those that readers report: readers.md A2. */
static const struct {
	const char *activation, *answer, *atr;
} atrs[] = {
	{ "50 01020304 000005E0 B381A1", "00", "3B8880010000 05E0B381A1007F" },
	{ "50 01020304 000014E0 B38191", "00", "3B8880010000 14E0B38191005E" },
	{ "50 01020304 000041E0 B381A1", "00", "3B8880010000 41E0B381A1003B" },
	{ "50 01020304 00000000 9181C1", "00", "3B8880010000 00009181C100D8" },
	{ "50 01020304 000005E0 B381A1", "30", "3B8880010000 05E0B381A1304F" },
	{ "01", NULL, "3B8080 0101" },
	{ "05 08 112233", NULL, "3B838001112233 02" },
	{ "14 78 80 80 02 0102030405060708090A0B0C0D0E0F", NULL,
	  "3B8F80010102030405060708090A0B0C0D0E0F 0E" },
};

static void atr(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(atrs); i++) {
		struct fuda_buf b = bytes(atrs[i].activation), answer = FUDA_BUF_INIT(300), want = bytes(atrs[i].atr);
		uint8_t got[FUDA_ATR_MAX];
		struct contactless c;

		if (atrs[i].answer) {
			answer = bytes(atrs[i].answer);
			assert_int_equal(contactless_parse_atqb(b.data, b.len, &c), 0);
			assert_int_equal(contactless_parse_attrib(answer.data, answer.len, &c), 0);
		} else {
			assert_int_equal(contactless_parse_ats(b.data, b.len, &c), 0);
		}
		assert_int_equal(contactless_atr(&c, got), want.len);
		assert_memory_equal(got, want.data, want.len);
		fuda_buf_free(&b);
		fuda_buf_free(&answer);
		fuda_buf_free(&want);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(atqb),
		cmocka_unit_test(bad_atqb),
		cmocka_unit_test(attrib),
		cmocka_unit_test(answer_to_attrib),
		cmocka_unit_test(rats),
		cmocka_unit_test(ats),
		cmocka_unit_test(bad_ats),
		cmocka_unit_test(atr),
	};

	return RUN(tests);
}
