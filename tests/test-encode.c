/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <fuda/encode.h>

#include "tests/cmocka.h"

static void hex_round_trip(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(16);
	char text[33];

	(void)state;
	assert_int_equal(fuda_hex_decode(" 00a4:04 0C\n", &b), 0);
	assert_int_equal(b.len, 4);
	fuda_hex_encode(b.data, b.len, text);
	assert_string_equal(text, "00A4040C");
	fuda_hex_encode(NULL, 0, text);
	assert_string_equal(text, "");
	fuda_buf_free(&b);
}

static void hex_refuses(void **state)
{
	static const char *const bad[] = {
		"0", "0 0", "0g", "g0", "00a", "0x00", "00-", "\xE3\x81"
	};
	struct fuda_buf b = FUDA_BUF_INIT(4);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(fuda_hex_decode(bad[i], &b), FUDA_EFORMAT);
		assert_int_equal(b.len, 0);
	}
	assert_int_equal(fuda_hex_decode("0001020304", &b), FUDA_ETOOBIG);
	assert_int_equal(b.len, 0);
	fuda_buf_free(&b);
}

static void pem_round_trip(void **state)
{
	(void)state;
	for (size_t len = 0; len < 200; len++) {
		struct fuda_buf pem = FUDA_BUF_INIT(1000), back = FUDA_BUF_INIT(1000);
		uint8_t bytes[200];
		const char *at;
		size_t left;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)(i * 7 + len);
		assert_int_equal(fuda_pem_encode("THING", bytes, len, &pem), 0);
		at = (const char *)pem.data;
		left = pem.len;
		assert_int_equal(fuda_pem_decode("THING", &at, &left, &back), 0);
		assert_int_equal(back.len, len);
		if (len)
			assert_memory_equal(back.data, bytes, len);
		assert_int_equal(fuda_pem_decode("THING", &at, &left, &back), FUDA_ENOTFOUND);
		fuda_buf_free(&pem);
		fuda_buf_free(&back);
	}
}

static void pem_refuses(void **state)
{
	static const struct {
		const char *text;
		int error;
	} bad[] = {
		{ "", FUDA_ENOTFOUND },
		{ "-----BEGIN B-----\nAAAA\n-----END B-----\n", FUDA_ENOTFOUND },
		{ "x-----BEGIN A-----\nAAAA\n-----END A-----\n", FUDA_ENOTFOUND },
		{ " -----BEGIN A-----\nAAAA\n-----END A-----\n", FUDA_ENOTFOUND },
		{ "-----BEGIN A-----\nAAAA\n", FUDA_EFORMAT },
		{ "-----BEGIN A-----\nAAA\n-----END A-----\n", FUDA_EFORMAT },
		{ "-----BEGIN A-----\nAA!A\n-----END A-----\n", FUDA_EFORMAT },
		{ "-----BEGIN A-----\nA===\n-----END A-----\n", FUDA_EFORMAT },
		{ "-----BEGIN A-----\nAA=A\n-----END A-----\n", FUDA_EFORMAT },
		{ "-----BEGIN A-----\nAA==AAAA\n-----END A-----\n", FUDA_EFORMAT },
		{ "-----BEGIN A-----\nAB==\n-----END A-----\n", FUDA_EFORMAT },
		{ "-----BEGIN A-----\nAAAA====\n-----END A-----\n", FUDA_EFORMAT },
		{ "-----BEGIN A-----\nAAAAAAAAAAAAAAAAAAAA\n-----END A-----\n", FUDA_ETOOBIG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fuda_buf b = FUDA_BUF_INIT(8);
		const char *at = bad[i].text;
		size_t left = strlen(at);

		assert_int_equal(fuda_pem_decode("A", &at, &left, &b), bad[i].error);
		assert_ptr_equal(at, bad[i].text);
		assert_int_equal(b.len, 0);
		fuda_buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_round_trip),
		cmocka_unit_test(hex_refuses),
		cmocka_unit_test(pem_round_trip),
		cmocka_unit_test(pem_refuses),
	};

	return RUN(tests);
}
