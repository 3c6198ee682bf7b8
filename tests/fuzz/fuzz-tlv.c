/* SPDX-License-Identifier: Apache-2.0 */
/* BER-TLV: objects lie inside their input, and what is DER is BER with the same meaning. */
#include "codec/tlv.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"3000",
		"300A0401AA5F4E0355DF21",
		"DF2182000155",
		"30820005040355AA55",
		"9F8101020304",
		"308400000003040155",
		"FF200CDF2108000E002000590064DF2200",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed_hex(seeds[i]);
}

static void inside(const struct cursor *part, const uint8_t *data, size_t len)
{
	if (part->left && (part->p < data || part->left > len || part->p > data + len - part->left))
		abort();
}

/* Reads every byte of every object, down to a depth. */
static unsigned walk(struct cursor c, const uint8_t *data, size_t len, int depth)
{
	unsigned sum = 0;
	struct tlv t, der;
	size_t total;

	while (c.left) {
		struct cursor strict = c, before = c;
		int d = tlv_next_der(&strict, &der);

		if (tlv_next(&c, &t) < 0) {
			if (d == 0 || c.left != before.left)
				abort();
			break;
		}
		inside(&t.value, data, len);
		inside(&t.whole, data, len);
		if (d == 0 && (der.tag != t.tag || der.value.left != t.value.left))
			abort();
		if (tlv_total(before.p, before.left, &total) < 0 || total != t.whole.left)
			abort();
		for (size_t i = 0; i < t.value.left; i++)
			sum += t.value.p[i];
		if (depth)
			sum += walk(t.value, data, len, depth - 1);
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static volatile unsigned sink;

	sink = walk(cur_of(data, len), data, len, 4);
	(void)sink;
	return 0;
}
