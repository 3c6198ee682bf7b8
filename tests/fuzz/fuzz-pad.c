/* SPDX-License-Identifier: Apache-2.0 */
/* Structures of PC/SC part 10, in both forms: the first byte says which. What parses lies in its structure, and what is
 * to be verified builds again into the same bytes. */
#include <fuda/buf.h>

#include "reader/pad.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"00 1E1E820400 0404 0201 0904 00 000000 09000000 0020009804FFFFFFFF",
		"00 0000890804 0C04 02FF 0904 00 00400B 05000000 0020000100",
		"01 1E1E820400 0004 0404 03 0203 0904 000102 000000 0D000000 0024009808FFFFFFFFFFFFFFFF",
		"01 0000820000 0000 0804 01 0200 1104 000000 000000 05000000 8032008000",
		"00 1E1E820E00 0E0E 0201 0904 00 000000 13000000 002000950EFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
		"00", "01",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed_hex(seeds[i]);
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void build_again(const struct pad_entry *e, const uint8_t *structure, size_t len)
{
	struct fuda_buf b = FUDA_BUF_INIT(PAD_STRUCTURE_MAX);

	must(pad_build_verify(e, &b) == 0);
	must(b.len == len && memcmp(b.data, structure, len) == 0);
	fuda_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pad_entry e;
	bool modify;

	if (len == 0)
		return 0;
	modify = data[0] & 1;
	if (pad_parse(modify, data + 1, len - 1, &e) < 0)
		return 0;
	must(e.len >= PAD_COMMAND_MIN && e.len <= PAD_COMMAND_MAX && e.command + e.len == data + len);
	must(e.min <= e.max && e.modify == modify);
	must(len - 1 == e.len + (modify ? 24 : 19));
	if (!modify)
		build_again(&e, data + 1, len - 1);
	return 0;
}
