/* SPDX-License-Identifier: Apache-2.0 */
/* What a card signs (platform.md D2), and the key by which a phone presents for it. */
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

/* ---- the reader's key ---- */

/* So many numbers are none of the curve, whatever they are. */
static int bad_numbers;

int __wrap_private_from_scalar(enum curve curve, const uint8_t *scalar, size_t len,
			       struct private_key **ret);
int __real_private_from_scalar(enum curve curve, const uint8_t *scalar, size_t len,
			       struct private_key **ret);
int __wrap_private_from_scalar(enum curve curve, const uint8_t *scalar, size_t len,
			       struct private_key **ret)
{
	return bad_numbers-- > 0 ? FUDA_EFORMAT : __real_private_from_scalar(curve, scalar, len, ret);
}

static void point_of(const struct transcript *t, uint8_t ret[65])
{
	_cleanup_(private_free) struct private_key *key = NULL;
	const uint8_t *point;
	size_t len;

	assert_int_equal(transcript_reader_key(t, &key), 0);
	assert_int_equal(key_curve(private_public(key)), CURVE_P256);
	point = key_point(private_public(key), &len);
	assert_int_equal(len, 65);
	memcpy(ret, point, len);
}

/* Points that another program computed of the bytes by hand, by counter. */
static void reader_keys_by_hand(void **state)
{
	static const char *const points[] = {
		"04CB974B97D5339883BD32CB64D333A6A3B36B7600D02AF7CF440A541F97DC067C"
		"B59FE01449D7CAF22C74EB067138794F50F218CB73DA48B6FAB01413E1B34D31",
		"04659C2A9B50F4AF9C956FBA7AABED04735C291AA3E5ED24A1C1A42A940FDFB0F0"
		"EA92A153AE803269661F50E5F9FFE5F442388B2F43F81073943E3259BEC90BE2",
		"0467419DC82CC58DB5492988DC02DAE820FC802F25185A0955C35B0635ACD55F98"
		"BE784E1C95237ACAB9BF66202A836385B407751EE572BCDDB235008663875BCC",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		struct fuda_buf want = FUDA_BUF_INIT(65);
		uint8_t point[65];

		bad_numbers = (int)i;
		point_of(&plain, point);
		assert_int_equal(fuda_hex_decode(points[i], &want), 0);
		assert_memory_equal(point, want.data, sizeof(point));
		fuda_buf_free(&want);
	}
}

static void each_part_makes_another_key(void **state)
{
	static const uint8_t other[] = "0123456789abcdeg";
	const struct transcript others[] = {
		{ "show", plain.origin, terminal, nonce, plain.expires },
		{ "bind", "https://mykey.example:8443", terminal, nonce, plain.expires },
		{ "bind", plain.origin, other, nonce, plain.expires },
		{ "bind", plain.origin, terminal, other, plain.expires },
		{ "bind", plain.origin, terminal, nonce, plain.expires + 1 },
	};
	uint8_t first[65], point[65];

	(void)state;
	point_of(&plain, first);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		point_of(&others[i], point);
		assert_memory_not_equal(point, first, sizeof(point));
	}
}

static void no_reader_key(void **state)
{
	static char origin[TRANSCRIPT_MAX + 1];
	struct transcript t = plain;
	struct private_key *key = NULL;

	(void)state;
	memset(origin, 'o', TRANSCRIPT_MAX);
	t.origin = origin;
	assert_int_equal(transcript_reader_key(&t, &key), FUDA_ETOOBIG);
	bad_numbers = 256;
	assert_int_equal(transcript_reader_key(&plain, &key), FUDA_EFAILED);
	assert_null(key);
	bad_numbers = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_by_hand),
		cmocka_unit_test(each_part_counts),
		cmocka_unit_test(too_long),
		cmocka_unit_test(reader_keys_by_hand),
		cmocka_unit_test(each_part_makes_another_key),
		cmocka_unit_test(no_reader_key),
	};

	return RUN(tests);
}
