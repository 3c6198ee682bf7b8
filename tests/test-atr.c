/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/atr.h"

#include <fuda/encode.h>
#include <fuda/reader.h>
#include <stdio.h>
#include <string.h>

#include "tests/cmocka.h"

/* "+" at the end is TCK as it should be. */
static int parse(const char *text, struct atr *ret)
{
	struct fuda_buf bytes = FUDA_BUF_INIT(100);
	size_t len = strcspn(text, "+");
	uint8_t check = 0;
	char hex[128];
	int e;

	snprintf(hex, sizeof(hex), "%.*s", (int)len, text);
	assert_int_equal(fuda_hex_decode(hex, &bytes), 0);
	for (size_t i = 1; i < bytes.len; i++)
		check ^= bytes.data[i];
	if (text[len])
		assert_int_equal(fuda_buf_append(&bytes, &check, 1), 0);
	e = atr_parse(bytes.data, bytes.len, ret);
	fuda_buf_free(&bytes);
	return e;
}

/* What holds where it is not said: 8.3, 10.2, 11.4. */
#define USUAL .fd = 0x11, .waiting = 10, .ifsc = 32, .bwi_cwi = 0x4D

static void test_good(void **state)
{
	static const struct {
		const char *text;
		struct atr atr;
	} rows[] = {
		/* cards of readers.md A2: two with contacts, one without */
		{ "3BC5FF8131FB458073C6010000",
		  { .fd = 0x11, .guard = 0xFF, .protocols = ATR_T1, .first = 1, .waiting = 10, .ifsc = 0xFB,
		    .bwi_cwi = 0x45, .historical = { 0x80, 0x73, 0xC6, 0x01 }, .historical_len = 5 } },
		{ "3BE000FF8131FE4514",
		  { .fd = 0x11, .guard = 0xFF, .protocols = ATR_T1, .first = 1, .waiting = 10, .ifsc = 0xFE,
		    .bwi_cwi = 0x45 } },
		{ "3B888001000005E0B381A1007F",
		  { USUAL, .protocols = ATR_T0 | ATR_T1, .historical = { 0, 0, 5, 0xE0, 0xB3, 0x81, 0xA1 },
		    .historical_len = 8 } },
		{ "3B00", { USUAL, .protocols = ATR_T0 } },
		{ "3F00", { USUAL, .inverse = true, .protocols = ATR_T0 } },
		{ "3B800181", { USUAL, .protocols = ATR_T1, .first = 1 } },
		{ "3B1095", { .fd = 0x95, .waiting = 10, .ifsc = 32, .bwi_cwi = 0x4D, .protocols = ATR_T0 } },
		{ "3B804014", { .fd = 0x11, .waiting = 20, .ifsc = 32, .bwi_cwi = 0x4D, .protocols = ATR_T0 } },
		/* TA2: no choice; by the rates of TA1, or not by them; not the first protocol offered */
		{ "3B90951101+", { .fd = 0x95, .specific = true, .protocols = ATR_T1, .first = 1, .waiting = 10,
				   .ifsc = 32, .bwi_cwi = 0x4D } },
		{ "3B90951111+", { .fd = 0x95, .specific = true, .implicit = true, .protocols = ATR_T1, .first = 1,
				   .waiting = 10, .ifsc = 32, .bwi_cwi = 0x4D } },
		{ "3B801001", { USUAL, .specific = true, .protocols = ATR_T0, .first = 1 } },
		{ "3B808171FE4501+", { .fd = 0x11, .protocols = ATR_T1, .first = 1, .waiting = 10, .ifsc = 0xFE,
				       .bwi_cwi = 0x45, .crc = true } },
		/* of two sets of T=1 the first holds; bytes of T=15 are of no protocol */
		{ "3B8080B1FE4571405501+", { .fd = 0x11, .protocols = ATR_T0 | ATR_T1, .waiting = 10, .ifsc = 0xFE,
					     .bwi_cwi = 0x45 } },
		{ "3B80801FC3+", { USUAL, .protocols = ATR_T0, .classes = 3 } },
		/* only protocols that we do not know */
		{ "3B800E+", { USUAL, .first = 14 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct atr *w = &rows[i].atr;
		struct atr a;

		if (parse(rows[i].text, &a) < 0)
			fail_msg("%s is refused", rows[i].text);
		if (a.inverse != w->inverse || a.fd != w->fd || a.guard != w->guard || a.specific != w->specific ||
		    a.implicit != w->implicit || a.protocols != w->protocols || a.first != w->first ||
		    a.waiting != w->waiting || a.ifsc != w->ifsc || a.bwi_cwi != w->bwi_cwi || a.crc != w->crc ||
		    a.classes != w->classes || a.historical_len != w->historical_len ||
		    memcmp(a.historical, w->historical, a.historical_len) != 0)
			fail_msg("%s is read wrongly", rows[i].text);
	}
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"", "3B", "3C00", "3B01", "3B0000", "3B10", "3B80", "3B8040",
		/* TCK: wrong, missing, followed by another */
		"3B888001000005E0B381A1007E", "3B8001", "3B80018100",
		/* TC2, IFSC, BWI that are reserved */
		"3B804000", "3B80811100+", "3B808111FF+", "3B808121A5+",
		/* levels without end, and one byte too many */
		"3B8080808080808080808080808080808080808080808080808080808080808080808080",
		"3B80818181818181818181818181818181818181818181818181818181818181818101+",
	};
	struct atr a = { .fd = 0x77 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse(bad[i], &a) != FUDA_EFORMAT)
			fail_msg("%s is taken", bad[i]);
	assert_int_equal(a.fd, 0x77);
}

/* ISO/IEC 7816-3 tables 7 and 8. */
static void test_rates(void **state)
{
	static const struct {
		uint8_t fd;
		uint32_t rate; /* at 4 MHz */
	} rows[] = {
		{ 0x01, 10752 }, { 0x11, 10752 },  { 0x21, 7168 },   { 0x31, 5376 },   { 0x41, 3584 },	{ 0x51, 2688 },
		{ 0x61, 2150 },	 { 0x91, 7812 },   { 0xA1, 5208 },   { 0xB1, 3906 },   { 0xC1, 2604 },	{ 0xD1, 1953 },
		{ 0x92, 15625 }, { 0x93, 31250 },  { 0x94, 62500 },  { 0x95, 125000 }, { 0x96, 250000 },
		{ 0x97, 500000 }, { 0x98, 93750 }, { 0x99, 156250 },
		{ 0x71, 0 },	 { 0x81, 0 },	   { 0xE1, 0 },	     { 0xF1, 0 },      { 0x90, 0 },	{ 0x9A, 0 },
		{ 0x9F, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(atr_rate(rows[i].fd, 4000), rows[i].rate);
	assert_int_equal(atr_rate(0x97, UINT32_MAX), 0); /* not what is left of it in 32 bits */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}
