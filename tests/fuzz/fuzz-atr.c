/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to reset: what parses is of a size that a card may send, and its values are ones that can be used. */
#include <fuda/reader.h>

#include "codec/atr.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"3BE000FF8131FE4514", "3B8880010000000000000000", "3B888001000041E0B381A1003B", "3B8000",
		"3BC5FF8131FB458073C6010000", "3BDA13FF8131FB468012392F31C173C601C03B", "3B00", "3F00",
		"3BF01300FF9131FE45011F05", "3BE000FF8171FE45010154",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed_hex(seeds[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct atr a;

	if (atr_parse(data, len, &a) < 0)
		return 0;
	if (len < 2 || len > FUDA_ATR_MAX || (data[0] != 0x3B && data[0] != 0x3F))
		abort();
	if (a.ifsc < 1 || a.ifsc > 254 || !a.waiting || a.bwi_cwi >> 4 > 9 || a.first > 15 || a.classes > 7 ||
	    a.historical_len != (data[1] & 0x0F) || (a.implicit && !a.specific))
		abort();
	if (atr_rate(a.fd, 5000) > 5000u * 1000 * 64 / 372)
		abort();
	return 0;
}
