/* SPDX-License-Identifier: Apache-2.0 */
/* What a card signs: platform.md D2. */
#include "mykey/transcript.h"

#include <fuda/encode.h>
#include <openssl/evp.h>
#include <string.h>
#include "tests/cmocka.h"

static const uint8_t terminal[] = { 0x01, 0x91, 0x00, 0x00, 0x00, 0x01, 0x70, 0x00,
				    0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07 };
static const uint8_t nonce[] = "0123456789abcdef";
static const struct transcript plain = { "bind", "https://mykey.example", terminal, nonce, 1800000000 };

/* The same by hand. */
static const char by_hand[] = "6D796B65792D763100"
			      "0004" "62696E64"
			      "0015" "68747470733A2F2F6D796B65792E6578616D706C65"
			      "0010" "01910000000170008000000000000007"
			      "0010" "30313233343536373839616263646566"
			      "0008" "000000006B49D200";

static void bytes_by_hand(void **state)
{
	struct fuda_buf want = FUDA_BUF_INIT(512), got = FUDA_BUF_INIT(512);
	struct fuda_digest digest;
	uint8_t hash[32];

	(void)state;
	assert_int_equal(fuda_hex_decode(by_hand, &want), 0);
	assert_int_equal(transcript_bytes(&plain, &got), 0);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.data, want.data, want.len);
	assert_int_equal(EVP_Digest(want.data, want.len, hash, NULL, EVP_sha256(), NULL), 1);
	assert_int_equal(transcript_digest(&plain, &digest), 0);
	assert_int_equal(digest.hash, FUDA_SHA256);
	assert_int_equal(digest.len, 32);
	assert_memory_equal(digest.bytes, hash, 32);
	fuda_buf_free(&want);
	fuda_buf_free(&got);
}

static void each_part_counts(void **state)
{
	static const uint8_t other[] = "0123456789abcdeg";
	const struct transcript others[] = {
		{ "show", plain.origin, terminal, nonce, plain.expires },
		{ "bind", "https://mykey.example:8443", terminal, nonce, plain.expires },
		{ "bind", plain.origin, other, nonce, plain.expires },
		{ "bind", plain.origin, terminal, other, plain.expires },
		{ "bind", plain.origin, terminal, nonce, plain.expires + 1 },
		{ "bind", plain.origin, terminal, nonce, -plain.expires },
		/* the same characters, cut elsewhere */
		{ "bindh", "ttps://mykey.example", terminal, nonce, plain.expires },
		{ "", "bindhttps://mykey.example", terminal, nonce, plain.expires },
	};
	struct fuda_digest first, digest;

	(void)state;
	assert_int_equal(transcript_digest(&plain, &first), 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(transcript_digest(&others[i], &digest), 0);
		assert_memory_not_equal(digest.bytes, first.bytes, 32);
	}
}

/* 9 + 5 * 2 + 4 + 16 + 16 + 8 = 63 bytes besides the origin */
static void too_long(void **state)
{
	static char origin[100001];
	struct transcript t = plain;
	struct fuda_digest digest = { .len = 7 };
	struct fuda_buf bytes = FUDA_BUF_INIT(1024);

	(void)state;
	t.origin = origin;
	memset(origin, 'o', TRANSCRIPT_MAX - 63);
	assert_int_equal(transcript_digest(&t, &digest), 0);
	digest.len = 7;
	memset(origin, 'o', TRANSCRIPT_MAX - 62);
	assert_int_equal(transcript_digest(&t, &digest), FUDA_ETOOBIG);
	memset(origin, 'o', sizeof(origin) - 1);
	assert_int_equal(transcript_digest(&t, &digest), FUDA_ETOOBIG);
	t = plain;
	t.purpose = origin;
	assert_int_equal(transcript_digest(&t, &digest), FUDA_ETOOBIG);
	assert_int_equal(transcript_bytes(&t, &bytes), FUDA_ETOOBIG);
	assert_int_equal(digest.len, 7);
	assert_int_equal(bytes.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_by_hand),
		cmocka_unit_test(each_part_counts),
		cmocka_unit_test(too_long),
	};

	return RUN(tests);
}
