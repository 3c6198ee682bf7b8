/* SPDX-License-Identifier: Apache-2.0 */
/* Primitives with keys: known answers of those who specified them, and what must be refused. */
#include "base/crypto-keys.h"

#include <fuda/encode.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>
#include "codec/base64.h"
#include "tests/cmocka.h"

enum { ROOM = 4096 };

static struct fuda_buf bytes_of(const char *hex)
{
	struct fuda_buf b = FUDA_BUF_INIT(ROOM);

	assert_int_equal(fuda_hex_decode(hex, &b), 0);
	return b;
}

static struct fuda_buf many(uint8_t byte, size_t count)
{
	struct fuda_buf b = FUDA_BUF_INIT(ROOM);

	while (b.len < count)
		assert_int_equal(fuda_buf_append(&b, &byte, 1), 0);
	return b;
}

static struct fuda_buf run_of(uint8_t first, size_t count)
{
	struct fuda_buf b = FUDA_BUF_INIT(ROOM);

	for (; b.len < count; first++)
		assert_int_equal(fuda_buf_append(&b, &first, 1), 0);
	return b;
}

static void expect_bytes(const uint8_t *got, size_t len, const char *hex)
{
	struct fuda_buf want = bytes_of(hex);

	assert_int_equal(len, want.len);
	if (len)
		assert_memory_equal(got, want.data, len);
	fuda_buf_free(&want);
}

#define P(b) PIECE((b).data, (b).len)

/* ---- HMAC and HKDF ---- */

static void expect_hmac(struct fuda_buf key, struct fuda_buf message, const char *hex)
{
	uint8_t mac[HMAC_BYTES];

	/* in one piece, and in all two */
	for (size_t cut = 0; cut <= message.len; cut++) {
		const struct piece pieces[] = { PIECE(message.data, cut),
						PIECE(message.data + cut, message.len - cut) };

		memset(mac, 0, sizeof(mac));
		assert_int_equal(crypto_hmac(P(key), pieces, 2, mac), 0);
		expect_bytes(mac, sizeof(mac), hex);
	}
	fuda_buf_free(&key);
	fuda_buf_free(&message);
}

static struct fuda_buf text(const char *s)
{
	struct fuda_buf b = FUDA_BUF_INIT(ROOM);

	assert_int_equal(fuda_buf_append(&b, s, strlen(s)), 0);
	return b;
}

/* RFC 4231 4 */
static void hmac(void **state)
{
	(void)state;
	expect_hmac(many(0x0B, 20), text("Hi There"),
		    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	expect_hmac(text("Jefe"), text("what do ya want for nothing?"),
		    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	expect_hmac(many(0xAA, 20), many(0xDD, 50),
		    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	expect_hmac(run_of(1, 25), many(0xCD, 50),
		    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
	expect_hmac(many(0xAA, 131), text("Test Using Larger Than Block-Size Key - Hash Key First"),
		    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	expect_hmac(many(0xAA, 131), text("This is a test using a larger than block-size key and a larger than "
					  "block-size data. The key needs to be hashed before being used by the "
					  "HMAC algorithm."),
		    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

/* No key and no bytes: a key of zeros, as RFC 2104 pads it; nothing is left of the key before. */
static void hmac_of_nothing(void **state)
{
	const uint8_t zeros[64] = { 0 };
	uint8_t a[HMAC_BYTES], b[HMAC_BYTES], c[HMAC_BYTES];

	(void)state;
	assert_int_equal(crypto_hmac(PIECE("key", 3), NULL, 0, c), 0);
	assert_int_equal(crypto_hmac(PIECE(NULL, 0), NULL, 0, a), 0);
	assert_int_equal(crypto_hmac(PIECE(zeros, 64), NULL, 0, b), 0);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, c, sizeof(a));
	expect_bytes(a, sizeof(a), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void expect_hkdf(struct fuda_buf key, struct fuda_buf salt, struct fuda_buf info, size_t len, const char *hex)
{
	uint8_t out[128] = { 0 };

	assert_int_equal(crypto_hkdf(P(key), P(salt), P(info), out, len), 0);
	expect_bytes(out, len, hex);
	assert_int_equal(out[len], 0);
	fuda_buf_free(&key);
	fuda_buf_free(&salt);
	fuda_buf_free(&info);
}

/* RFC 5869 A.1 to A.3 */
static void hkdf(void **state)
{
	static uint8_t too_much[255 * 32 + 1];

	(void)state;
	expect_hkdf(many(0x0B, 22), run_of(0, 13), run_of(0xF0, 10), 42,
		    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
	expect_hkdf(run_of(0, 80), run_of(0x60, 80), run_of(0xB0, 80), 82,
		    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
		    "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
	expect_hkdf(many(0x0B, 22), many(0, 0), many(0, 0), 42,
		    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
	assert_int_equal(crypto_hkdf(PIECE("k", 1), PIECE(NULL, 0), PIECE(NULL, 0), too_much, sizeof(too_much)),
			 FUDA_EFAILED);
	assert_int_equal(crypto_hkdf(PIECE("k", 1), PIECE(NULL, 0), PIECE(NULL, 0), too_much, sizeof(too_much) - 1), 0);
}

/* ---- AES-GCM ---- */

#define GCM_KEY	  "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define GCM_IV	  "cafebabefacedbaddecaf888"
#define GCM_PLAIN "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
		  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define GCM_SEALED "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" \
		   "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
#define ZEROS "00000000000000000000000000000000"

/* The test cases 13 to 16 of McGrew and Viega, which NIST took over. */
static void gcm(void **state)
{
	static const struct {
		const char *key, *iv, *bound, *plain, *sealed;
	} cases[] = {
		{ ZEROS ZEROS, "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
		{ ZEROS ZEROS, "000000000000000000000000", "", ZEROS,
		  "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919" },
		{ GCM_KEY, GCM_IV, "", GCM_PLAIN "1aafd255", GCM_SEALED "898015adb094dac5d93471bdec1a502270e3cc6c" },
		{ GCM_KEY, GCM_IV, "feedfacedeadbeeffeedfacedeadbeefabaddad2", GCM_PLAIN,
		  GCM_SEALED "76fc6ece0f4e1768cddf8853bb2d551b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_buf key = bytes_of(cases[i].key), iv = bytes_of(cases[i].iv), out = FUDA_BUF_INIT(ROOM),
				bound = bytes_of(cases[i].bound), plain = bytes_of(cases[i].plain), back = out;
		size_t cut = bound.len / 3;
		const struct piece bounds[] = { PIECE(bound.data, cut),
						PIECE(cut ? bound.data + cut : NULL, bound.len - cut) };

		assert_int_equal(crypto_gcm_seal(key.data, iv.data, bounds, 2, P(plain), &out), 0);
		expect_bytes(out.data, out.len, cases[i].sealed);
		assert_int_equal(crypto_gcm_open(key.data, iv.data, bounds, 2, P(out), &back), 0);
		expect_bytes(back.data, back.len, cases[i].plain);
		fuda_buf_free(&key);
		fuda_buf_free(&iv);
		fuda_buf_free(&bound);
		fuda_buf_free(&plain);
		fuda_buf_free(&out);
		fuda_buf_free(&back);
	}
}

static void gcm_refused(void **state)
{
	struct fuda_buf key = bytes_of(GCM_KEY), iv = bytes_of(GCM_IV), out = FUDA_BUF_INIT(ROOM), none = out,
			sealed = bytes_of(GCM_SEALED "76fc6ece0f4e1768cddf8853bb2d551b"),
			bound = bytes_of("feedfacedeadbeeffeedfacedeadbeefabaddad2"), small = FUDA_BUF_INIT(59);
	const struct piece bounds = P(bound);

	(void)state;
	for (size_t i = 0; i < sealed.len * 8; i++) {
		sealed.data[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(crypto_gcm_open(key.data, iv.data, &bounds, 1, P(sealed), &none), FUDA_EVERIFY);
		sealed.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < sealed.len; len++)
		assert_int_equal(crypto_gcm_open(key.data, iv.data, &bounds, 1, PIECE(sealed.data, len), &none),
				 FUDA_EVERIFY);
	assert_int_equal(crypto_gcm_open(key.data, iv.data, NULL, 0, P(sealed), &none), FUDA_EVERIFY);
	for (size_t i = 0; i < bound.len; i++) {
		bound.data[i] ^= 1;
		assert_int_equal(crypto_gcm_open(key.data, iv.data, &bounds, 1, P(sealed), &none), FUDA_EVERIFY);
		bound.data[i] ^= 1;
	}
	iv.data[0] ^= 1;
	assert_int_equal(crypto_gcm_open(key.data, iv.data, &bounds, 1, P(sealed), &none), FUDA_EVERIFY);
	iv.data[0] ^= 1;
	key.data[31] ^= 1;
	assert_int_equal(crypto_gcm_open(key.data, iv.data, &bounds, 1, P(sealed), &none), FUDA_EVERIFY);
	key.data[31] ^= 1;
	assert_int_equal(crypto_gcm_open(key.data, iv.data, &bounds, 1, P(sealed), &small), FUDA_ETOOBIG);
	assert_int_equal(crypto_gcm_seal(key.data, iv.data, &bounds, 1, P(sealed), &small), FUDA_ETOOBIG);
	assert_int_equal(none.len + small.len, 0);
	assert_int_equal(crypto_gcm_open(key.data, iv.data, &bounds, 1, P(sealed), &out), 0);
	fuda_buf_free(&key);
	fuda_buf_free(&iv);
	fuda_buf_free(&sealed);
	fuda_buf_free(&bound);
	fuda_buf_free(&out);
}

/* ---- key wrap ---- */

/* RFC 5649 4.1 by hand, from AES of single blocks. */
static struct fuda_buf wrap_by_hand(const EVP_CIPHER *aes, const uint8_t *kek, const uint8_t *key, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	struct fuda_buf r = FUDA_BUF_INIT(ROOM);
	uint8_t block[16] = { 0xA6, 0x59, 0x59, 0xA6, 0, 0, (uint8_t)(len >> 8), (uint8_t)len };
	size_t n = (len + 7) / 8;
	int done;

	assert_int_equal(fuda_buf_append(&r, block, 8), 0);
	assert_int_equal(fuda_buf_append(&r, key, len), 0);
	while (r.len % 8)
		assert_int_equal(fuda_buf_append(&r, "", 1), 0);
	assert_int_equal(EVP_EncryptInit_ex(ctx, aes, NULL, kek, NULL), 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	if (n == 1) {
		assert_int_equal(EVP_EncryptUpdate(ctx, r.data, &done, r.data, 16), 1);
	} else {
		for (size_t t = 1; t <= 6 * n; t++) {
			uint8_t *part = r.data + 8 * ((t - 1) % n + 1);

			memcpy(block, r.data, 8);
			memcpy(block + 8, part, 8);
			assert_int_equal(EVP_EncryptUpdate(ctx, block, &done, block, 16), 1);
			block[7] ^= (uint8_t)t;
			block[6] ^= (uint8_t)(t >> 8);
			memcpy(r.data, block, 8);
			memcpy(part, block + 8, 8);
		}
	}
	EVP_CIPHER_CTX_free(ctx);
	return r;
}

/* Its examples have a key of 192 bits: they prove the hand. */
static void wrap(void **state)
{
	struct fuda_buf kek = bytes_of("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"),
			key = bytes_of("c37b7e6492584340bed12207808941155068f738"), hand;

	(void)state;
	hand = wrap_by_hand(EVP_aes_192_ecb(), kek.data, key.data, key.len);
	expect_bytes(hand.data, hand.len, "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a");
	fuda_buf_free(&hand);
	hand = wrap_by_hand(EVP_aes_192_ecb(), kek.data, (const uint8_t *)"ForPasi", 7);
	expect_bytes(hand.data, hand.len, "afbeb0f07dfbf5419200f2ccb50bb24f");
	fuda_buf_free(&hand);
	fuda_buf_free(&kek);
	fuda_buf_free(&key);
	kek = run_of(0x40, 32);
	key = run_of(0, 300);
	for (size_t len = 1; len <= key.len; len++) {
		struct fuda_buf wrapped = FUDA_BUF_INIT(ROOM), back = FUDA_BUF_INIT(ROOM);

		hand = wrap_by_hand(EVP_aes_256_ecb(), kek.data, key.data, len);
		assert_int_equal(crypto_wrap(kek.data, PIECE(key.data, len), &wrapped), 0);
		assert_int_equal(wrapped.len, hand.len);
		assert_memory_equal(wrapped.data, hand.data, hand.len);
		assert_int_equal(crypto_unwrap(kek.data, P(wrapped), &back), 0);
		assert_int_equal(back.len, len);
		assert_memory_equal(back.data, key.data, len);
		fuda_buf_free(&hand);
		fuda_buf_free(&wrapped);
		fuda_buf_free(&back);
	}
	fuda_buf_free(&kek);
	fuda_buf_free(&key);
}

static void wrap_refused(void **state)
{
	static const uint8_t big[8192];
	struct fuda_buf kek = run_of(0x40, 32), key = run_of(0, 32), wrapped = FUDA_BUF_INIT(ROOM),
			none = FUDA_BUF_INIT(ROOM);

	(void)state;
	assert_int_equal(crypto_wrap(kek.data, PIECE(NULL, 0), &none), FUDA_EINVAL);
	assert_int_equal(crypto_wrap(kek.data, PIECE(big, sizeof(big)), &none), FUDA_EINVAL);
	assert_int_equal(crypto_wrap(kek.data, P(key), &wrapped), 0);
	assert_int_equal(wrapped.len, 40);
	for (size_t i = 0; i < wrapped.len * 8; i++) {
		wrapped.data[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(crypto_unwrap(kek.data, P(wrapped), &none), FUDA_EVERIFY);
		wrapped.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < wrapped.len; len++)
		assert_int_equal(crypto_unwrap(kek.data, PIECE(wrapped.data, len), &none), FUDA_EVERIFY);
	assert_int_equal(crypto_unwrap(kek.data, PIECE(big, sizeof(big)), &none), FUDA_EVERIFY);
	kek.data[0] ^= 1;
	assert_int_equal(crypto_unwrap(kek.data, P(wrapped), &none), FUDA_EVERIFY);
	assert_int_equal(none.len, 0);
	fuda_buf_free(&kek);
	fuda_buf_free(&key);
	fuda_buf_free(&wrapped);
}

/* ---- ES256 ---- */

#define SPKI_HEAD "3059301306072a8648ce3d020106082a8648ce3d03010703420004"

/* RFC 7515 A.3 */
static void es256_of_another(void **state)
{
	static const char message[] = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
				      "Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
	static const char x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
			  y[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
			  s[] = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmX"
				"FCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
	struct fuda_buf spki = bytes_of(SPKI_HEAD), signature = FUDA_BUF_INIT(64);

	(void)state;
	assert_int_equal(base64_decode(x, strlen(x), &spki), 0);
	assert_int_equal(base64_decode(y, strlen(y), &spki), 0);
	assert_int_equal(base64_decode(s, strlen(s), &signature), 0);
	assert_int_equal(crypto_ec_verify(P(spki), PIECE(message, strlen(message)), signature.data), 0);
	assert_int_equal(crypto_ec_verify(P(spki), PIECE(message, strlen(message) - 1), signature.data), FUDA_EVERIFY);
	fuda_buf_free(&spki);
	fuda_buf_free(&signature);
}

/* Each half of 32 bytes, also where the number is shorter: one of 128 signatures has such a half. */
static void es256(void **state)
{
	struct fuda_buf key = FUDA_BUF_INIT(ROOM), spki = key, other = key, other_spki = key;
	int zeros = 0;

	(void)state;
	assert_int_equal(crypto_ec_new(&key), 0);
	assert_true(key.len <= EC_PRIVATE_MAX);
	assert_int_equal(crypto_ec_public(P(key), &spki), 0);
	assert_int_equal(spki.len, 91);
	assert_int_equal(crypto_ec_new(&other), 0);
	assert_int_equal(crypto_ec_public(P(other), &other_spki), 0);
	assert_memory_not_equal(spki.data, other_spki.data, spki.len);
	for (int i = 0; i < 3000 && zeros < 2; i++) {
		uint8_t signature[ES256_BYTES];

		assert_int_equal(crypto_ec_sign(P(key), PIECE(&i, sizeof(i)), signature), 0);
		assert_int_equal(crypto_ec_verify(P(spki), PIECE(&i, sizeof(i)), signature), 0);
		assert_int_equal(crypto_ec_verify(P(other_spki), PIECE(&i, sizeof(i)), signature), FUDA_EVERIFY);
		zeros += signature[0] == 0 || signature[32] == 0;
	}
	assert_true(zeros >= 1);
	fuda_buf_free(&key);
	fuda_buf_free(&spki);
	fuda_buf_free(&other);
	fuda_buf_free(&other_spki);
}

static void es256_changed(void **state)
{
	struct fuda_buf key = FUDA_BUF_INIT(ROOM), spki = key;
	uint8_t signature[ES256_BYTES], zeros[ES256_BYTES] = { 0 }, ones[ES256_BYTES];

	(void)state;
	assert_int_equal(crypto_ec_new(&key), 0);
	assert_int_equal(crypto_ec_public(P(key), &spki), 0);
	assert_int_equal(crypto_ec_sign(P(key), PIECE("message", 7), signature), 0);
	for (size_t i = 0; i < sizeof(signature) * 8; i++) {
		signature[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(crypto_ec_verify(P(spki), PIECE("message", 7), signature), FUDA_EVERIFY);
		signature[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	memset(ones, 0xFF, sizeof(ones));
	assert_int_equal(crypto_ec_verify(P(spki), PIECE("message", 7), zeros), FUDA_EVERIFY);
	assert_int_equal(crypto_ec_verify(P(spki), PIECE("message", 7), ones), FUDA_EVERIFY);
	assert_int_equal(crypto_ec_verify(P(spki), PIECE("massage", 7), signature), FUDA_EVERIFY);
	assert_int_equal(crypto_ec_verify(P(spki), PIECE("", 0), signature), FUDA_EVERIFY);
	assert_int_equal(crypto_ec_sign(P(key), PIECE(NULL, 0), signature), 0);
	assert_int_equal(crypto_ec_verify(P(spki), PIECE(NULL, 0), signature), 0);
	fuda_buf_free(&key);
	fuda_buf_free(&spki);
}

static void no_keys(void **state)
{
	static const char *const kinds[] = { "P-384", "secp256k1", "P-224" };
	struct fuda_buf key = FUDA_BUF_INIT(ROOM), spki = key, none = key;
	uint8_t signature[ES256_BYTES] = { 1 }, der[512], *p;
	EVP_PKEY *other;

	(void)state;
	assert_int_equal(crypto_ec_new(&key), 0);
	assert_int_equal(crypto_ec_public(P(key), &spki), 0);
	for (size_t i = 0; i <= ARRAY_SIZE(kinds); i++) {
		int len;

		other = i < ARRAY_SIZE(kinds) ? EVP_EC_gen(kinds[i]) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		assert_non_null(other);
		p = der;
		len = i2d_PUBKEY(other, &p);
		assert_int_equal(crypto_ec_verify(PIECE(der, (size_t)len), PIECE("m", 1), signature), FUDA_EVERIFY);
		p = der;
		len = i2d_PrivateKey(other, &p);
		assert_int_equal(crypto_ec_sign(PIECE(der, (size_t)len), PIECE("m", 1), signature), FUDA_EFORMAT);
		assert_int_equal(crypto_ec_public(PIECE(der, (size_t)len), &none), FUDA_EFORMAT);
		EVP_PKEY_free(other);
	}
	assert_int_equal(crypto_ec_sign(P(key), PIECE("m", 1), signature), 0);
	for (size_t len = 0; len < spki.len; len++)
		assert_int_equal(crypto_ec_verify(PIECE(spki.data, len), PIECE("m", 1), signature), FUDA_EVERIFY);
	for (size_t len = 0; len < key.len; len++)
		assert_int_equal(crypto_ec_public(PIECE(key.data, len), &none), FUDA_EFORMAT);
	assert_int_equal(fuda_buf_append(&spki, "", 1), 0); /* something behind it */
	assert_int_equal(crypto_ec_verify(P(spki), PIECE("m", 1), signature), FUDA_EVERIFY);
	assert_int_equal(none.len, 0);
	fuda_buf_free(&key);
	fuda_buf_free(&spki);
}

/* ---- several at once ---- */

static void *work(void *arg)
{
	const uint8_t key[32] = { *(uint8_t *)arg };
	uint8_t first[HMAC_BYTES] = { 0 }, mac[HMAC_BYTES];

	for (int i = 0; i < 3000; i++) {
		const struct piece piece = PIECE(key, sizeof(key));

		if (crypto_hmac(PIECE(key, sizeof(key)), &piece, 1, mac) < 0)
			return NULL;
		if (i == 0)
			memcpy(first, mac, sizeof(mac));
		if (memcmp(first, mac, sizeof(mac)) != 0)
			return NULL;
	}
	return arg;
}

static void several_at_once(void **state)
{
	static uint8_t numbers[6];
	pthread_t threads[6];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		numbers[i] = (uint8_t)i;
		assert_int_equal(pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *ret;

		assert_int_equal(pthread_join(threads[i], &ret), 0);
		assert_ptr_equal(ret, &numbers[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hmac),		 cmocka_unit_test(hmac_of_nothing), cmocka_unit_test(hkdf),
		cmocka_unit_test(gcm),		 cmocka_unit_test(gcm_refused),	    cmocka_unit_test(wrap),
		cmocka_unit_test(wrap_refused),	 cmocka_unit_test(es256_of_another), cmocka_unit_test(es256),
		cmocka_unit_test(es256_changed), cmocka_unit_test(no_keys),	    cmocka_unit_test(several_at_once),
	};

	return RUN(tests);
}
