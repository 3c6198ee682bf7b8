/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/key.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/encode.h>

#include "tests/certs.h"
#include "tests/cmocka.h"

static struct key *key_of(enum test_key key)
{
	_cleanup_buf_ struct fuda_buf spki = TEST_BUF;
	struct key *ret = NULL;
	struct cursor c;

	der_write(&spki, "$", test_spki(key));
	c = cur_of(spki.data, spki.len);
	assert_int_equal(key_new(&c, &ret), 0);
	assert_int_equal(c.left, 0);
	return ret;
}

static void kinds(void **state)
{
	static const struct {
		enum test_key key;
		unsigned bits; /* as far as it is understood */
		bool profile;
	} cases[] = {
		{ KEY_HOLDER, 2048, true },
		{ KEY_SMALL, 1024, false },
		{ KEY_EC, 256, false }, /* P-256: of mobile credentials, not of the JPKI */
		{ KEY_P384, 384, true }, /* announced: card.md 7 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct key *key = key_of(cases[i].key);

		assert_int_equal(key_bits(key), cases[i].bits);
		assert_int_equal(key_in_profile(key), cases[i].profile);
		assert_int_equal(key_is_rsa_2048(key), cases[i].key == KEY_HOLDER);
		key_free(&key);
		assert_null(key);
		key_free(&key);
	}
}

/* RSA keys under which anybody can sign, or nobody. */
static void refuses_bad_rsa(void **state)
{
	static const struct {
		const char *last, *exponent; /* the last byte of the modulus */
		int r;
	} cases[] = {
		{ "01", "02{010001}", 0 },
		{ "01", "020103", 0 },
		{ "01", "020101", FUDA_EFORMAT },
		{ "01", "020100", FUDA_EFORMAT },
		{ "01", "020104", FUDA_EFORMAT },
		{ "01", "0201FF", FUDA_EFORMAT },
		{ "01", "02{00FFFFFFFFFFFFFFFF}", FUDA_EFORMAT },
		{ "01", "040101", FUDA_EFORMAT },
		{ "01", "0201030500", FUDA_EFORMAT },
		{ "00", "02{010001}", FUDA_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf modulus = TEST_BUF;
		_cleanup_buf_ struct fuda_buf numbers = TEST_BUF;
		_cleanup_buf_ struct fuda_buf spki = TEST_BUF;
		struct key *key = NULL;
		struct cursor c;

		for (int n = 0; n < 255; n++)
			der_write(&modulus, "CC");
		der_write(&modulus, cases[i].last);
		der_write(&numbers, "02{00$}", &modulus);
		der_write(&numbers, cases[i].exponent);
		der_write(&spki, "30{30{<1.2.840.113549.1.1.1>0500}03{00 30{$}}}", &numbers);
		c = cur_of(spki.data, spki.len);
		assert_int_equal(key_new(&c, &key), cases[i].r);
		assert_int_equal(c.left, cases[i].r == 0 ? 0 : spki.len);
		assert_int_equal(key_bits(key), cases[i].r == 0 ? 2048 : 0);
		key_free(&key);
	}
}

static void refuses_malformed(void **state)
{
	static const char *const bad[] = {
		"",
		"0500",
		"30{}",
		"30{30{<1.2.840.113549.1.1.1>0500}}",
		"30{30{<1.2.840.113549.1.1.1>0500}03{00}}",
		"30{30{<1.2.840.113549.1.1.1>0500}03{00 30{}}}",
		"30{30{<1.2.840.113549.1.1.1>0500}03{00 30{020103020103}}}",
		"30{30{<1.2.840.113549.1.1.1>0500}04{00 30{}}}",
		"30{30{<1.2.840.113549.1.1.1>0500}03{01 30{}}}",
		"30{30{<1.2.3>}03{00}0500}",
		"30{30{}03{00}}",
		"30{<1.2.840.113549.1.1.1>03{00}}",
	};
	static const char *const parameters[] = { "", "050100", "0500 0500", "020101" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad) + ARRAY_SIZE(parameters); i++) {
		_cleanup_buf_ struct fuda_buf spki = TEST_BUF;
		_cleanup_buf_ struct fuda_buf inside = TEST_BUF;
		struct key *key = NULL;
		struct cursor c;

		if (i < ARRAY_SIZE(bad)) {
			der_write(&spki, bad[i]);
		} else {
			der_write(&inside, "<1.2.840.113549.1.1.1>");
			der_write(&inside, parameters[i - ARRAY_SIZE(bad)]);
			der_write(&spki, "30{30{$}03{00 30{0203010001020103}}}", &inside);
		}
		c = cur_of(spki.data, spki.len);
		assert_int_equal(key_new(&c, &key), FUDA_EFORMAT);
		assert_null(key);
	}
}

static struct fuda_digest digest_of(enum fuda_hash hash, const char *text)
{
	struct fuda_digest digest;

	assert_int_equal(fuda_digest_bytes(hash, text, strlen(text), &digest), 0);
	return digest;
}

/* What the holder's key says to a signature. */
static int verify(enum fuda_padding padding, const struct fuda_digest *digest,
		  const struct fuda_buf *signature)
{
	struct key *key = key_of(KEY_HOLDER);
	int r = key_verify(key, padding, digest, signature->data, signature->len);

	key_free(&key);
	return r;
}

static void judges_signatures(void **state)
{
	static const struct {
		enum fuda_hash hash;
		enum fuda_padding padding;
		int r;
	} cases[] = {
		{ FUDA_SHA256, FUDA_PKCS1, 0 },
		{ FUDA_SHA384, FUDA_PKCS1, 0 },
		{ FUDA_SHA512, FUDA_PKCS1, 0 },
		{ FUDA_SHA256, FUDA_PSS, 0 },
		{ FUDA_SHA384, FUDA_PSS, 0 },
		{ FUDA_SHA512, FUDA_PSS, 0 },
		{ FUDA_SHA1, FUDA_PKCS1, FUDA_ENOTSUP },
		{ FUDA_SHA1, FUDA_PSS, FUDA_ENOTSUP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
		struct fuda_digest digest = digest_of(cases[i].hash, "challenge");
		enum fuda_padding padding = cases[i].padding;

		test_sign(KEY_HOLDER, padding, &digest, &signature);
		assert_int_equal(verify(padding, &digest, &signature), cases[i].r);
		if (cases[i].r < 0)
			continue;
		assert_int_equal(verify(padding == FUDA_PSS ? FUDA_PKCS1 : FUDA_PSS, &digest,
					&signature),
				 FUDA_EVERIFY);
		digest.len--;
		assert_int_equal(verify(padding, &digest, &signature), FUDA_ENOTSUP);
		digest = digest_of(cases[i].hash, "another challenge");
		assert_int_equal(verify(padding, &digest, &signature), FUDA_EVERIFY);
		digest = digest_of(cases[i].hash == FUDA_SHA256 ? FUDA_SHA512 : FUDA_SHA256,
				   "challenge");
		assert_int_equal(verify(padding, &digest, &signature), FUDA_EVERIFY);
	}
}

static void refuses_signatures(void **state)
{
	static const enum test_key others[] = { KEY_AUTH_CA, KEY_SMALL };
	struct fuda_digest digest = digest_of(FUDA_SHA256, "challenge");
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
	struct key *key = key_of(KEY_HOLDER), *ec = key_of(KEY_EC);
	uint8_t bytes[257] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		test_sign(others[i], FUDA_PKCS1, &digest, &signature);
		assert_int_equal(verify(FUDA_PKCS1, &digest, &signature), FUDA_EVERIFY);
	}
	test_sign(KEY_HOLDER, FUDA_PKCS1, &digest, &signature);
	memcpy(bytes, signature.data, 256);
	for (size_t len = 0; len <= 257; len++)
		assert_int_equal(key_verify(key, FUDA_PKCS1, &digest, bytes, len),
				 len == 256 ? 0 : FUDA_EVERIFY);
	for (size_t i = 0; i < 256; i++) {
		bytes[i] ^= 1;
		assert_int_equal(key_verify(key, FUDA_PKCS1, &digest, bytes, 256), FUDA_EVERIFY);
		bytes[i] ^= 1;
	}
	assert_int_equal(key_verify(ec, FUDA_PKCS1, &digest, bytes, 256), FUDA_EVERIFY);
	assert_int_equal(key_verify(NULL, FUDA_PKCS1, &digest, bytes, 256), FUDA_ENOTSUP);
	memset(bytes, 0, sizeof(bytes)); /* what OpenSC 0.23 reports as success: card.md 8.1 */
	assert_int_equal(key_verify(key, FUDA_PKCS1, &digest, bytes, 256), FUDA_EVERIFY);
	assert_int_equal(key_verify(key, FUDA_PSS, &digest, bytes, 256), FUDA_EVERIFY);
	memset(bytes, 0xFF, sizeof(bytes));
	assert_int_equal(key_verify(key, FUDA_PKCS1, &digest, bytes, 256), FUDA_EVERIFY);
	key_free(&key);
	key_free(&ec);
}

/* Blocks that a lax reader of PKCS#1 v1.5 takes for good: RFC 8017 8.2.2 compares whole blocks. */
static void insists_on_digest_info(void **state)
{
	static const struct {
		const char *info; /* before the digest */
		int r;
		size_t behind; /* bytes behind the digest, taken from the padding */
		uint8_t type;
	} cases[] = {
		{ "3031300D060960864801650304020105000420", 0, 0, 1 },
		{ "302F300B06096086480165030402010420", FUDA_EVERIFY, 0, 1 }, /* no NULL */
		{ "3031300D060960864801650304020105000420", FUDA_EVERIFY, 100, 1 },
		{ "3031300D060960864801650304020105000420", FUDA_EVERIFY, 0, 2 },
		{ "3031300D060960864801650304020205000420", FUDA_EVERIFY, 0, 1 }, /* SHA-384 */
		{ "308131300D060960864801650304020105000420", FUDA_EVERIFY, 0, 1 },
		{ "", FUDA_EVERIFY, 0, 1 }, /* the bare digest */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf info = TEST_BUF;
		_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
		struct fuda_digest digest = digest_of(FUDA_SHA256, "challenge");
		uint8_t block[256];
		size_t at;

		assert_int_equal(fuda_hex_decode(cases[i].info, &info), 0);
		memset(block, 0xFF, sizeof(block));
		at = sizeof(block) - cases[i].behind - 32 - info.len;
		block[0] = 0;
		block[1] = cases[i].type;
		block[at - 1] = 0;
		if (info.len)
			memcpy(block + at, info.data, info.len);
		memcpy(block + at + info.len, digest.bytes, 32);
		test_raw(KEY_HOLDER, block, sizeof(block), &signature);
		assert_int_equal(verify(FUDA_PKCS1, &digest, &signature), cases[i].r);
	}
}

/* ---- the card's own form: card.md 2.6 ---- */

static void card_keys(void **state)
{
	static const struct {
		const char *notation; /* $ is 256 bytes, odd */
		int r;
		unsigned bits;
	} cases[] = {
		{ "90{010001}91{$}", 0, 2048 },
		{ "90{03}91{$}", 0, 2048 },
		{ "90{010001}91{$$}", 0, 4096 },
		{ "", FUDA_EFORMAT, 0 },
		{ "90{010001}", FUDA_EFORMAT, 0 },
		{ "91{$}", FUDA_EFORMAT, 0 },
		{ "91{$}90{010001}", FUDA_EFORMAT, 0 },
		{ "90{010001}91{$}00", FUDA_EFORMAT, 0 },
		{ "90{010001}90{010001}91{$}", FUDA_EFORMAT, 0 },
		{ "90{010001}91 8300 0100 $", FUDA_EFORMAT, 0 },
		{ "90 8103 010001 91{$}", FUDA_EFORMAT, 0 },
		{ "90{010001}92{$}", FUDA_EFORMAT, 0 },
		{ "90{}91{$}", FUDA_EFORMAT, 0 },
		{ "90{00}91{$}", FUDA_EFORMAT, 0 },
		{ "90{01}91{$}", FUDA_EFORMAT, 0 },
		{ "90{010000}91{$}", FUDA_EFORMAT, 0 },
		{ "90{010001010101010101}91{$}", FUDA_EFORMAT, 0 },
		{ "90{010001}91{}", FUDA_EFORMAT, 0 },
		{ "90{010001}91{00$}", FUDA_EFORMAT, 0 },
		{ "90{00010001}91{$}", FUDA_EFORMAT, 0 },
		{ "90{010001}91{01}", FUDA_EFORMAT, 0 },
		{ "90{010001}91{$00}", FUDA_EFORMAT, 0 },
		{ "90{010001}91{$$$$01}", FUDA_EFORMAT, 0 },
	};
	_cleanup_buf_ struct fuda_buf modulus = TEST_BUF;

	(void)state;
	while (modulus.len < 256)
		der_write(&modulus, "CD");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf value = TEST_BUF;
		struct key *key = NULL;

		der_write(&value, cases[i].notation, &modulus, &modulus, &modulus, &modulus);
		if (key_new_card(cur_of(value.data, value.len), &key) != cases[i].r)
			fail_msg("%s", cases[i].notation);
		assert_int_equal(key_bits(key), cases[i].bits);
		assert_int_equal(key_is_rsa_2048(key), cases[i].bits == 2048);
		key_free(&key);
	}
}

/* The same key in both forms, and another. */
static void same_keys(void **state)
{
	_cleanup_buf_ struct fuda_buf value = TEST_BUF;
	struct key *a = key_of(KEY_HOLDER), *b = NULL, *other = key_of(KEY_AUTH_CA);
	struct key *ec = key_of(KEY_P384);

	(void)state;
	test_card_key(KEY_HOLDER, &value);
	assert_int_equal(value.len, 265);
	assert_int_equal(key_new_card(cur_of(value.data, value.len), &b), 0);
	assert_true(key_equal(a, b));
	assert_false(key_equal(a, other));
	assert_false(key_equal(a, ec));
	assert_true(key_equal(ec, ec));
	key_free(&a);
	key_free(&b);
	key_free(&other);
	key_free(&ec);
}

/* Any DigestInfo, such as the one with three digests (card.md 4): all of it counts. */
static void bare_digest_info(void **state)
{
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
	struct key *key = key_of(KEY_HOLDER), *ec = key_of(KEY_P384);
	uint8_t info[115];

	(void)state;
	for (size_t i = 0; i < sizeof(info); i++)
		info[i] = (uint8_t)(i + 1);
	test_sign_info(KEY_HOLDER, info, sizeof(info), &signature);
	assert_int_equal(key_verify_info(key, info, sizeof(info), signature.data, 256), 0);
	for (size_t i = 0; i < sizeof(info); i++) {
		info[i] ^= 0x80;
		assert_int_equal(key_verify_info(key, info, sizeof(info), signature.data, 256),
				 FUDA_EVERIFY);
		info[i] ^= 0x80;
		assert_int_equal(key_verify_info(key, info, i, signature.data, 256), FUDA_EVERIFY);
		assert_int_equal(key_verify_info(key, info + i + 1, sizeof(info) - i - 1,
						 signature.data, 256),
				 FUDA_EVERIFY);
	}
	for (size_t i = 0; i < 256; i++) {
		signature.data[i] ^= 4;
		assert_int_equal(key_verify_info(key, info, sizeof(info), signature.data, 256),
				 FUDA_EVERIFY);
		signature.data[i] ^= 4;
		assert_int_equal(key_verify_info(key, info, sizeof(info), signature.data, i),
				 FUDA_EVERIFY);
	}
	assert_int_equal(key_verify_info(ec, info, sizeof(info), signature.data, 256),
			 FUDA_EVERIFY);
	assert_int_equal(key_verify_info(NULL, info, sizeof(info), signature.data, 256),
			 FUDA_ENOTSUP);
	key_free(&key);
	key_free(&ec);
}

/* ---- without memory ---- */

static unsigned long allocations_left = -1ul;

static bool may_allocate(void)
{
	if (allocations_left == 0)
		return false;
	allocations_left--;
	return true;
}

static void *scarce_malloc(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return may_allocate() ? malloc(size) : NULL;
}

static void *scarce_realloc(void *p, size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return may_allocate() ? realloc(p, size) : NULL;
}

static void plain_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	free(p);
}

static void run_out(enum test_key test_key, enum fuda_padding padding,
		    const struct fuda_digest *digest, const struct fuda_buf *signature, bool forged)
{
	enum { ENOUGH = 1000 };
	const struct fuda_buf *spki = test_spki(test_key);
	unsigned long failed = 0;

	for (unsigned long n = 0; n <= ENOUGH; n++) {
		struct cursor c = cur_of(spki->data, spki->len);
		struct key *key = NULL;
		int r;

		allocations_left = n;
		r = key_new(&c, &key);
		if (r == 0)
			r = key_verify(key, padding, digest, signature->data, signature->len);
		allocations_left = -1ul;
		failed += r == FUDA_ENOMEM || r == FUDA_EFAILED;
		assert_false(forged && r == 0);
		if (n == ENOUGH)
			assert_int_equal(r, forged ? FUDA_EVERIFY : 0);
		key_free(&key);
	}
	assert_true(failed > 0);
}

/* OpenSSL runs out of memory at each of its allocations, and stays out: never a good verdict on a
 * forgery, never a crash. It does not say why a signature did not verify, so a good one may seem
 * forged. */
static void out_of_memory(void **state)
{
	static const struct {
		enum test_key key;
		enum fuda_padding padding;
		enum fuda_hash hash;
	} kinds[] = {
		{ KEY_HOLDER, FUDA_PKCS1, FUDA_SHA256 },
		{ KEY_P384, FUDA_ECDSA, FUDA_SHA384 },
	};

	(void)state;
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
		struct fuda_digest digest = digest_of(kinds[kind].hash, "challenge");

		test_sign(kinds[kind].key, kinds[kind].padding, &digest, &signature);
		run_out(kinds[kind].key, kinds[kind].padding, &digest, &signature, false);
		signature.data[signature.len - 1] ^= 1;
		run_out(kinds[kind].key, kinds[kind].padding, &digest, &signature, true);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(refuses_bad_rsa),
		cmocka_unit_test(refuses_malformed),
		cmocka_unit_test(judges_signatures),
		cmocka_unit_test(refuses_signatures),
		cmocka_unit_test(insists_on_digest_info),
		cmocka_unit_test(card_keys),
		cmocka_unit_test(same_keys),
		cmocka_unit_test(bare_digest_info),
		cmocka_unit_test(out_of_memory),
	};

	/* before the library allocates anything */
	if (!CRYPTO_set_mem_functions(scarce_malloc, scarce_realloc, plain_free))
		return 1;
	return RUN(tests);
}
