/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <fuda/encode.h>

#include "codec/redact.h"
#include "tests/cmocka.h"

static void shows_what_may_be_shown(void **state)
{
	static const struct {
		const char *command, *text;
	} rows[] = {
		{ "00A4040C0AD392F000260100000001", "00A4040C0AD392F000260100000001" },
		{ "00200080", "00200080" },
		{ "002000800431323334", "00200080 <5 bytes>" },
		{ "102000980431323334", "10200098 <5 bytes>" },
		{ "0020008000000431323334", "00200080 <7 bytes>" },
		{ "803200800431323334", "80320080 <5 bytes>" },
		{ "0024018004313233", "00240180 <4 bytes>" },
		{ "00C2000009002000800431323334", "00C20000 <10 bytes>" },
		{ "00", "00" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fuda_buf b = FUDA_BUF_INIT(100);
		char text[REDACT_TEXT_MAX];

		assert_int_equal(fuda_hex_decode(rows[i].command, &b), 0);
		redact_command(b.data, b.len, text);
		assert_string_equal(text, rows[i].text);
		fuda_buf_free(&b);
	}
}

static void cuts_long_commands(void **state)
{
	uint8_t command[300] = { 0x80, 0x2A };
	char text[REDACT_TEXT_MAX];

	(void)state;
	redact_command(command, sizeof(command), text);
	assert_non_null(strstr(text, " <236 bytes>"));
}

static void never_shows_response_data(void **state)
{
	char text[REDACT_TEXT_MAX];

	(void)state;
	redact_response((const uint8_t *)"\x63\xC2", 2, text);
	assert_string_equal(text, "63C2");
	redact_response((const uint8_t *)"name\x90\x00", 6, text);
	assert_string_equal(text, "<4 bytes> 9000");
	redact_response((const uint8_t *)"", 0, text);
	assert_string_equal(text, "<0 bytes without status word>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_what_may_be_shown),
		cmocka_unit_test(cuts_long_commands),
		cmocka_unit_test(never_shows_response_data),
	};

	return RUN(tests);
}
