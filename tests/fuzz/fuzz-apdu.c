/* SPDX-License-Identifier: Apache-2.0 */
/* Command APDUs: what parses is rebuilt to the same bytes, and no secret shows. */
#include <stdbool.h>

#include "codec/apdu.h"
#include "codec/redact.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"00200080", "00B0000000", "002000800431323334", "802A008001AA00", "00B00000000533",
		"80AE0000000001AA", "80AE0000000002AABB0100", "00C2000009002000800431323334",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed_hex(seeds[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuda_buf out = FUDA_BUF_INIT(APDU_COMMAND_MAX);
	char text[REDACT_TEXT_MAX];
	struct apdu a;

	redact_command(data, len, text);
	if (strlen(text) >= sizeof(text))
		abort();
	if (apdu_is_pin_command(data, len) && len > 4 && strlen(text) > 8 + 32)
		abort(); /* header and a count */
	redact_response(data, len, text);
	if (apdu_parse(data, len, &a) == 0 &&
	    (apdu_build(&a, &out) < 0 || out.len != len || memcmp(out.data, data, len) != 0))
		abort();
	fuda_buf_free(&out);
	return 0;
}
