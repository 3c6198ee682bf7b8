/* SPDX-License-Identifier: Apache-2.0 */
/* What a contactless card says of itself: a byte that chooses, and the answer. Whatever parses has limits that
 * blocks can be made by, and an ATR that fits. */
#include "reader/contactless.h"
#include "base/cursor.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"00 50 01020304 000005E0 B381A1",	   "00 50 01020304 000014E0 B3819100",
		"00 50 FFFFFFFF FFFFFFFF FFFFFFFF",	   "01 00",
		"01 F0 9000",				   "02 01",
		"02 06 78 33 80 02 80",			   "02 05 08 112233",
		"02 14 78 80 80 02 0102030405060708090A0B0C0D0E0F",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed_hex(seeds[i]);
}

static void check(const struct contactless *c)
{
	uint8_t atr[FUDA_ATR_MAX], sum = 0;
	size_t len = contactless_atr(c, atr);

	if (len < 5 || len > 20 || atr[0] != 0x3B || (atr[1] & 0x0F) != len - 5)
		abort();
	for (size_t i = 1; i < len; i++)
		sum ^= atr[i];
	if (sum)
		abort();
	if (c->fsc < 16 || c->fsc > 256 || c->fwt_us < 3900 || c->fwt_us > 4953000 || c->sfgt_us > 4953000)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cursor c = cur_of(data, len);
	struct contactless card = { .fsc = 16, .fwt_us = 4000 };
	uint8_t which;
	int e;

	if (cur_u8(&c, &which) < 0)
		return 0;
	switch (which % 3) {
	case 0:
		e = contactless_parse_atqb(c.p, c.left, &card);
		break;
	case 1:
		e = contactless_parse_attrib(c.p, c.left, &card);
		break;
	default:
		e = contactless_parse_ats(c.p, c.left, &card);
	}
	if (e == 0)
		check(&card);
	else if (e != FUDA_EFORMAT)
		abort();
	return 0;
}
