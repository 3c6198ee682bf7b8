/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys: from files and numbers, what they do, and that they are wiped. */
#include "pki/private.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pki/file.h"
#include "tests/own-stack.h"
#include "tests/vectors.h"

#define BUF FUDA_BUF_INIT(65536)

static struct private_key *new_key(enum curve curve)
{
	struct private_key *key;

	assert_int_equal(private_new(curve, &key), 0);
	return key;
}

/* Whether what the one signs is the other's. */
static bool signs_for(struct private_key *key, const struct key *public)
{
	_cleanup_buf_ struct fuda_buf signature = BUF;
	const struct signer s = private_signer(key);
	struct fuda_digest digest;

	assert_int_equal(fuda_digest_bytes(s.hash, "a", 1, &digest), 0);
	if (s.mode == SIGN_EDDSA) {
		assert_int_equal(s.sign(s.arg, s.mode, (const uint8_t *)"a", 1, &signature), 0);
		return key_verify_message(public, (const uint8_t *)"a", 1, signature.data,
					  signature.len) == 0;
	}
	assert_int_equal(s.sign(s.arg, s.mode, digest.bytes, digest.len, &signature), 0);
	return key_verify_raw(public, &digest, signature.data, signature.len) == 0;
}

static void every_curve(void **state)
{
	struct private_key *none = NULL;

	(void)state;
	for (int i = CURVE_NONE + 1; i < CURVES; i++) {
		_cleanup_buf_ struct fuda_buf pem = BUF;
		struct private_key *key = new_key((enum curve)i), *again;

		assert_int_equal(key_curve(private_public(key)), i);
		assert_int_equal(private_write(key, &pem), 0);
		assert_int_equal(private_read(pem.data, pem.len, &again), 0);
		assert_true(key_equal(private_public(key), private_public(again)));
		assert_true(signs_for(again, private_public(key)));
		assert_true(signs_for(again, private_public(key))); /* and again */
		private_free(&again);
		private_free(&key);
		assert_null(key);
	}
	assert_int_equal(private_new(CURVE_NONE, &none), FUDA_ENOTSUP);
	assert_null(none);
	private_free(&none);
}

/* A key signs in its own way alone. */
static void modes(void **state)
{
	struct private_key *ecdsa = new_key(CURVE_P256), *eddsa = new_key(CURVE_ED25519);
	const struct signer a = private_signer(ecdsa), b = private_signer(eddsa);
	struct fuda_buf signature = BUF, small = FUDA_BUF_INIT(63);
	const uint8_t digest[32] = { 0 };

	(void)state;
	assert_int_equal(a.sign(a.arg, SIGN_EDDSA, digest, 32, &signature), FUDA_ENOTSUP);
	assert_int_equal(b.sign(b.arg, SIGN_ECDSA, digest, 32, &signature), FUDA_ENOTSUP);
	assert_int_equal(signature.len, 0);
	assert_int_equal(a.sign(a.arg, SIGN_ECDSA, digest, 32, &small), FUDA_ETOOBIG);
	assert_int_equal(b.sign(b.arg, SIGN_EDDSA, digest, 32, &small), FUDA_ETOOBIG);
	assert_int_equal(small.len, 0);
	private_free(&ecdsa);
	private_free(&eddsa);
	fuda_buf_free(&signature);
	fuda_buf_free(&small);
}

/* ---- files ---- */

enum form {
	PKCS8_PEM,
	SEC1_PEM,
	PKCS8_DER,
	SEC1_DER,
	PKCS8_ENCRYPTED,
	SEC1_ENCRYPTED,
	DER_ENCRYPTED,
	PUBLIC_PEM
};

static void write_as(EVP_PKEY *pkey, enum form form, struct fuda_buf *ret)
{
	static unsigned char password[] = "password";
	BIO *bio = BIO_new(BIO_s_mem());
	PKCS8_PRIV_KEY_INFO *info;
	char *bytes;
	long len;
	int ok = 0;

	switch (form) {
	case PKCS8_PEM:
		ok = PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
		break;
	case SEC1_PEM:
		ok = PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL);
		break;
	case PKCS8_DER:
		info = EVP_PKEY2PKCS8(pkey);
		ok = i2d_PKCS8_PRIV_KEY_INFO_bio(bio, info);
		PKCS8_PRIV_KEY_INFO_free(info);
		break;
	case SEC1_DER:
		ok = i2d_PrivateKey_bio(bio, pkey);
		break;
	case PKCS8_ENCRYPTED:
		ok = PEM_write_bio_PKCS8PrivateKey(bio, pkey, EVP_aes_128_cbc(), NULL, 0, NULL,
						   password);
		break;
	case SEC1_ENCRYPTED:
		ok = PEM_write_bio_PrivateKey_traditional(bio, pkey, EVP_aes_128_cbc(), password, 8,
							  NULL, NULL);
		break;
	case DER_ENCRYPTED:
		ok = i2d_PKCS8PrivateKey_bio(bio, pkey, EVP_aes_128_cbc(), NULL, 0, NULL, password);
		break;
	case PUBLIC_PEM:
		ok = PEM_write_bio_PUBKEY(bio, pkey);
		break;
	}
	assert_int_equal(ok, 1);
	len = BIO_get_mem_data(bio, &bytes);
	assert_int_equal(fuda_buf_append(ret, bytes, (size_t)len), 0);
	BIO_free(bio);
}

static void forms(void **state)
{
	static const struct {
		enum form form;
		int r;
	} cases[] = {
		{ PKCS8_PEM, 0 },
		{ SEC1_PEM, 0 },
		{ PKCS8_DER, 0 },
		{ SEC1_DER, 0 },
		{ PKCS8_ENCRYPTED, FUDA_ENOTSUP },
		{ SEC1_ENCRYPTED, FUDA_ENOTSUP },
		{ DER_ENCRYPTED, FUDA_ENOTSUP },
		{ PUBLIC_PEM, FUDA_EFORMAT },
	};
	static const char *const groups[] = { "P-256", "P-521", "brainpoolP320r1" };

	(void)state;
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		EVP_PKEY *pkey = EVP_EC_gen(groups[g]);

		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			_cleanup_buf_ struct fuda_buf bytes = BUF;
			struct private_key *key = NULL;

			write_as(pkey, cases[i].form, &bytes);
			assert_int_equal(private_read(bytes.data, bytes.len, &key), cases[i].r);
			assert_int_equal(key != NULL, cases[i].r == 0);
			private_free(&key);
			/* a piece of it is none; the last byte of PEM is the end of its line */
			for (size_t len = 0; len < bytes.len - 1; len += 1 + bytes.len / 13)
				assert_true(private_read(bytes.data, len, &key) < 0);
			assert_null(key);
		}
		EVP_PKEY_free(pkey);
	}
}

static void other_keys(void **state)
{
	EVP_PKEY *const keys[] = { EVP_RSA_gen(2048), EVP_EC_gen("secp256k1"), EVP_EC_gen("P-224"),
				   EVP_PKEY_Q_keygen(NULL, NULL, "X25519") };
	static const enum form both[] = { PKCS8_PEM, PKCS8_DER };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		assert_non_null(keys[i]);
		for (size_t k = 0; k < ARRAY_SIZE(both); k++) {
			_cleanup_buf_ struct fuda_buf bytes = BUF;
			struct private_key *key = NULL;

			write_as(keys[i], both[k], &bytes);
			assert_int_equal(private_read(bytes.data, bytes.len, &key), FUDA_ENOTSUP);
			assert_null(key);
		}
		EVP_PKEY_free(keys[i]);
	}
}

static const char kept[] = "what only its owner knows";

static void *read_secret(void *path)
{
	_cleanup_(fuda_context_free) struct fuda_context *ctx = NULL;
	_cleanup_buf_ struct fuda_buf text = BUF;

	return fuda_context_new(&ctx) == 0 && pki_read_file(ctx, path, &text) == 0 &&
			       text.len == strlen(kept) ?
		       NULL :
		       path;
}

/* What a file held is nowhere on the stack. */
static void nothing_left(void **state)
{
	char path[] = "/tmp/fuda-test.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, kept, strlen(kept)), strlen(kept));
	close(fd);
	assert_null(read_secret(path));
	assert_false(left_on_stack(read_secret, path, kept, strlen(kept)));
	unlink(path);
}

/* The first of several is taken, whatever stands before it. */
static void files(void **state)
{
	static const char parameters[] = "-----BEGIN EC PARAMETERS-----\n"
					 "BggqhkjOPQMBBw==\n"
					 "-----END EC PARAMETERS-----\n";
	static const char words[] = "The key of the counter\n";
	_cleanup_buf_ struct fuda_buf file = BUF, big = BUF;
	EVP_PKEY *first = EVP_EC_gen("P-256"), *second = EVP_EC_gen("P-256");
	struct private_key *key = NULL, *again = NULL, *bad = NULL;
	_cleanup_buf_ struct fuda_buf alone = BUF;

	(void)state;
	assert_int_equal(fuda_buf_append(&file, words, strlen(words)), 0);
	assert_int_equal(fuda_buf_append(&file, parameters, strlen(parameters)), 0);
	write_as(first, PUBLIC_PEM, &file);
	write_as(first, SEC1_PEM, &file);
	write_as(second, PKCS8_PEM, &file);
	write_as(first, PKCS8_PEM, &alone);
	assert_int_equal(private_read(file.data, file.len, &key), 0);
	assert_int_equal(private_read(alone.data, alone.len, &again), 0);
	assert_true(key_equal(private_public(key), private_public(again)));
	while (big.len <= PRIVATE_FILE_MAX)
		write_as(first, PKCS8_PEM, &big);
	assert_int_equal(private_read(big.data, big.len, &bad), FUDA_EFORMAT);
	assert_int_equal(private_read(NULL, 0, &bad), FUDA_EFORMAT);
	assert_int_equal(private_read((const uint8_t *)words, strlen(words), &bad), FUDA_EFORMAT);
	assert_int_equal(private_read((const uint8_t *)"\x30\x80\x00\x00", 4, &bad), FUDA_EFORMAT);
	fuda_buf_clear(&alone);
	write_as(first, PKCS8_DER, &alone);
	assert_int_equal(fuda_buf_append(&alone, "", 1), 0);
	assert_int_equal(private_read(alone.data, alone.len, &bad), FUDA_EFORMAT);
	assert_null(bad);
	private_free(&key);
	private_free(&again);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
}

/* A public half in the file that is another's: what it signed would be nobody's. */
static void halves_of_two_keys(void **state)
{
	_cleanup_buf_ struct fuda_buf one = BUF, two = BUF;
	EVP_PKEY *first = EVP_EC_gen("P-256"), *second = EVP_EC_gen("P-256");
	struct private_key *key = NULL;

	(void)state;
	write_as(first, SEC1_DER, &one);
	write_as(second, SEC1_DER, &two);
	assert_int_equal(one.len, two.len);
	/* the point is what such a file ends with: RFC 5915 3 */
	memcpy(one.data + one.len - 65, two.data + two.len - 65, 65);
	assert_int_equal(private_read(one.data, one.len, &key), FUDA_EFORMAT);
	assert_null(key);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
}

/* ---- numbers ---- */

/* Order of P-256, and its generator: SEC 2 2.4.2. */
#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define LAST  "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"
#define ABOVE "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552"
#define MOST  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define ZERO  "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE   "0000000000000000000000000000000000000000000000000000000000000001"
#define G_X   "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define G_Y   "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"

static void scalars(void **state)
{
	static const struct {
		const char *hex;
		int r;
	} cases[] = {
		{ ONE, 0 },
		{ LAST, 0 },
		{ ZERO, FUDA_EFORMAT },
		{ ORDER, FUDA_EFORMAT },
		{ ABOVE, FUDA_EFORMAT },
		{ MOST, FUDA_EFORMAT },
		{ "01", FUDA_EFORMAT },
		{ "", FUDA_EFORMAT },
		{ "00" ONE, FUDA_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf scalar = BUF;
		struct private_key *key = NULL;

		assert_int_equal(fuda_hex_decode(cases[i].hex, &scalar), 0);
		assert_int_equal(private_from_scalar(CURVE_P256, scalar.data, scalar.len, &key),
				 cases[i].r);
		assert_int_equal(key != NULL, cases[i].r == 0);
		if (key)
			assert_true(signs_for(key, private_public(key)));
		private_free(&key);
	}
}

static void generator(void **state)
{
	_cleanup_buf_ struct fuda_buf one = BUF, expected = BUF;
	struct private_key *key = NULL;
	const uint8_t *point;
	size_t len;

	(void)state;
	assert_int_equal(fuda_hex_decode(ONE, &one), 0);
	assert_int_equal(fuda_hex_decode("04" G_X G_Y, &expected), 0);
	assert_int_equal(private_from_scalar(CURVE_P256, one.data, one.len, &key), 0);
	point = key_point(private_public(key), &len);
	assert_bytes(point, len, cur_of(expected.data, expected.len));
	private_free(&key);
	assert_int_equal(private_from_scalar(CURVE_ED25519, one.data, one.len, &key), FUDA_ENOTSUP);
	assert_int_equal(private_from_scalar(CURVE_NONE, one.data, one.len, &key), FUDA_ENOTSUP);
}

/* ---- agreement ---- */

static void agreement(void **state)
{
	(void)state;
	for (int i = CURVE_P256; i <= CURVE_BRAINPOOL_P512; i++) {
		struct private_key *a = new_key((enum curve)i), *b = new_key((enum curve)i);
		uint8_t of_a[AGREED_MAX], of_b[AGREED_MAX];
		size_t len_a, len_b;

		assert_int_equal(private_agree(a, private_public(b), of_a, &len_a), 0);
		assert_int_equal(private_agree(b, private_public(a), of_b, &len_b), 0);
		assert_int_equal(len_a, curve_facts((enum curve)i)->bytes);
		assert_bytes(of_a, len_a, cur_of(of_b, len_b));
		private_free(&a);
		private_free(&b);
	}
}

/* Each pair of curves that is not one and the same. */
static void no_agreement(void **state)
{
	struct private_key *keys[CURVES] = { NULL };
	uint8_t secret[AGREED_MAX] = { 0 }, untouched[AGREED_MAX] = { 0 };
	size_t len = 99;

	(void)state;
	for (int i = CURVE_P256; i < CURVES; i++)
		keys[i] = new_key((enum curve)i);
	for (int i = CURVE_P256; i < CURVES; i++)
		for (int k = CURVE_P256; k < CURVES; k++)
			if (i != k || curve_facts((enum curve)i)->eddsa)
				assert_int_equal(private_agree(keys[i], private_public(keys[k]),
							       secret, &len),
						 FUDA_EINVAL);
	assert_int_equal(len, 99);
	assert_memory_equal(secret, untouched, sizeof(secret));
	for (int i = CURVE_P256; i < CURVES; i++)
		private_free(&keys[i]);
}

/* The secret keeps its length when it begins with a zero. */
static void short_secret(void **state)
{
	struct private_key *own = new_key(CURVE_P256);
	bool seen = false;

	(void)state;
	for (int i = 0; i < 20000 && !seen; i++) {
		struct private_key *peer = new_key(CURVE_P256);
		uint8_t secret[AGREED_MAX];
		size_t len = 0;

		assert_int_equal(private_agree(own, private_public(peer), secret, &len), 0);
		assert_int_equal(len, 32);
		seen = !secret[0];
		private_free(&peer);
	}
	assert_true(seen);
	private_free(&own);
}

/* ---- wiping ---- */

/* Blocks of OpenSSL as they are freed are looked through for the number, either way round. */
static uint8_t sought[2][32];
static bool seeking;
static unsigned seen_in_freed;

enum { HEAD = 16 };

static void *watched_malloc(size_t len, const char *file, int line)
{
	uint8_t *p = malloc(HEAD + len);

	(void)file, (void)line;
	if (!p)
		return NULL;
	memcpy(p, &len, sizeof(len));
	return p + HEAD;
}

static void watched_free(void *p, const char *file, int line)
{
	uint8_t *whole = p ? (uint8_t *)p - HEAD : NULL;
	size_t len;

	(void)file, (void)line;
	if (!whole)
		return;
	memcpy(&len, whole, sizeof(len));
	for (int i = 0; seeking && i < 2; i++)
		if (memmem(p, len, sought[i], sizeof(sought[i])))
			seen_in_freed++;
	free(whole);
}

static void *watched_realloc(void *old, size_t len, const char *file, int line)
{
	void *p = watched_malloc(len, file, line);
	size_t old_len = 0;

	if (p && old) {
		memcpy(&old_len, (uint8_t *)old - HEAD, sizeof(old_len));
		memcpy(p, old, MIN(len, old_len));
		watched_free(old, file, line);
	}
	return p;
}

static void seek(const uint8_t secret[32])
{
	for (size_t i = 0; i < 32; i++) {
		sought[0][i] = secret[i];
		sought[1][i] = secret[31 - i];
	}
	seen_in_freed = 0;
	seeking = true;
}

/* What OpenSSL 3.0 leaves when it reads keys from files or agrees is its own. */
static void wiped(void **state)
{
	uint8_t scalar[32];
	struct private_key *key;
	void *freed;

	(void)state;
	for (uint8_t i = 0; i < 32; i++)
		scalar[i] = (uint8_t)(i * 7 + 3);
	seek(scalar);
	freed = watched_malloc(32, "", 0); /* that it would be found */
	memcpy(freed, scalar, 32);
	watched_free(freed, "", 0);
	assert_int_equal(seen_in_freed, 1);
	seek(scalar);
	assert_int_equal(private_from_scalar(CURVE_P256, scalar, 32, &key), 0);
	assert_true(signs_for(key, private_public(key)));
	private_free(&key);
	assert_int_equal(seen_in_freed, 0);
	seeking = false;
}

#define N8(b)  b b b b b b b b
#define N24(b) N8(b) N8(b) N8(b)

/* RFC 8032 5.1.3, 5.2.3: under a point of small order anybody signs; two forms of one key are two
 * names of one holder. */
static void edwards_points(void **state)
{
	static const struct {
		const char *what;
		enum curve curve;
		const char *point;
		int error;
	} rows[] = {
		/* RFC 8032 7.1, 7.4 */
		{ "a key", CURVE_ED25519,
		  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", 0 },
		{ "a key of the other curve", CURVE_ED448,
		  "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c706"
		  "1bd6783df1e50f6c"
		  "d1fa1abeafe8256180",
		  0 },
		{ "order 1", CURVE_ED25519, "01" N24("00") "00000000000000", FUDA_EFORMAT },
		{ "... with a sign", CURVE_ED25519, "01" N24("00") "00000000000080", FUDA_EFORMAT },
		{ "order 2", CURVE_ED25519, "ec" N24("ff") "ffffffffffff7f", FUDA_EFORMAT },
		{ "order 4", CURVE_ED25519, "00" N24("00") "00000000000000", FUDA_EFORMAT },
		{ "... the other", CURVE_ED25519, "00" N24("00") "00000000000080", FUDA_EFORMAT },
		{ "order 8", CURVE_ED25519,
		  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		  FUDA_EFORMAT },
		{ "... another", CURVE_ED25519,
		  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		  FUDA_EFORMAT },
		{ "... another", CURVE_ED25519,
		  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		  FUDA_EFORMAT },
		{ "... the last", CURVE_ED25519,
		  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		  FUDA_EFORMAT },
		{ "y of p", CURVE_ED25519, "ed" N24("ff") "ffffffffffff7f", FUDA_EFORMAT },
		{ "y of p + 18", CURVE_ED25519, "ff" N24("ff") "ffffffffffffff", FUDA_EFORMAT },
		{ "y of 3", CURVE_ED25519, "03" N24("00") "00000000000000", 0 },
		{ "y of p - 3", CURVE_ED25519, "ea" N24("ff") "ffffffffffff7f", 0 },
		{ "order 1", CURVE_ED448, "01" N24("00") N24("00") N8("00"), FUDA_EFORMAT },
		{ "order 2", CURVE_ED448,
		  "fe" N24("ff") "ffffff"
				 "fe" N24("ff") "ffffff"
						"00",
		  FUDA_EFORMAT },
		{ "order 4", CURVE_ED448, "00" N24("00") N24("00") N8("00"), FUDA_EFORMAT },
		{ "... the other", CURVE_ED448, "00" N24("00") N24("00") "0000000000000080",
		  FUDA_EFORMAT },
		{ "y of p", CURVE_ED448,
		  "ff" N24("ff") "ffffff"
				 "fe" N24("ff") "ffffff"
						"00",
		  FUDA_EFORMAT },
		{ "y of 2^448", CURVE_ED448, "00" N24("00") N24("00") "0000000000000001",
		  FUDA_EFORMAT },
		{ "y of p - 3", CURVE_ED448,
		  "fc" N24("ff") "ffffff"
				 "fe" N24("ff") "ffffff"
						"80",
		  0 },
		{ "too short", CURVE_ED25519, "03" N24("00") "000000000000", FUDA_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct fuda_buf point = FUDA_BUF_INIT(64);
		struct key *key = NULL;

		print_message("%s\n", rows[i].what);
		assert_int_equal(fuda_hex_decode(rows[i].point, &point), 0);
		assert_int_equal(key_new_point(rows[i].curve, point.data, point.len, &key),
				 rows[i].error);
		key_free(&key);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(edwards_points), cmocka_unit_test(every_curve),
		cmocka_unit_test(modes),          cmocka_unit_test(forms),
		cmocka_unit_test(other_keys),     cmocka_unit_test(files),
		cmocka_unit_test(nothing_left),   cmocka_unit_test(halves_of_two_keys),
		cmocka_unit_test(scalars),        cmocka_unit_test(generator),
		cmocka_unit_test(agreement),      cmocka_unit_test(no_agreement),
		cmocka_unit_test(short_secret),   cmocka_unit_test(wiped),
	};

	/* before OpenSSL allocates anything */
	if (CRYPTO_set_mem_functions(watched_malloc, watched_realloc, watched_free) != 1)
		return 1;
	return RUN(tests);
}
