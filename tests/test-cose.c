/* SPDX-License-Identifier: Apache-2.0 */
/* COSE: signatures and MACs of every algorithm, their headers, and keys. */
#include "mdoc/cose.h"

#include <stdlib.h>

#include "tests/vectors.h"

#define BUF FUDA_BUF_INIT(65536)

static const struct piece payload[] = { PIECE("\xD8\x18\x43", 3), PIECE("\xA1\x01\x02", 3) };
static const struct piece other[] = { PIECE("\xD8\x18\x43", 3), PIECE("\xA1\x01\x03", 3) };

static struct private_key *new_key(enum curve curve)
{
	struct private_key *key;

	assert_int_equal(private_new(curve, &key), 0);
	return key;
}

static struct cbor item_of(const struct fuda_buf *b)
{
	struct cbor item;

	assert_int_equal(cbor_read(cur_of(b->data, b->len), &item, NULL), 0);
	return item;
}

static struct cose sign1_of(const struct fuda_buf *b)
{
	const struct cbor item = item_of(b);
	struct cose cose;

	assert_int_equal(cose_sign1_read(&item, &cose), 0);
	return cose;
}

/* ---- signatures ---- */

static void make_sign1(struct private_key *key, bool detached, struct fuda_buf *ret)
{
	const struct signer signer = private_signer(key);
	struct cbor_out out = CBOR_OUT(ret);

	assert_int_equal(cose_sign1_put(&out, &signer, NULL, 0, payload, 2, detached), 0);
}

static void assert_spoilt(const struct cose *good, const struct key *key)
{
	uint8_t signature[FUDA_SIGNATURE_MAX];
	struct cose spoilt = *good;

	memcpy(signature, good->signature.p, good->signature.left);
	spoilt.signature.p = signature;
	for (size_t at = 0; at < good->signature.left; at += good->signature.left / 8) {
		signature[at] ^= 1;
		assert_int_equal(cose_sign1_verify(&spoilt, key, payload, 2), FUDA_EVERIFY);
		signature[at] ^= 1;
	}
	for (size_t len = 0; len < good->signature.left; len++) {
		spoilt.signature.left = len;
		assert_int_equal(cose_sign1_verify(&spoilt, key, payload, 2), FUDA_EVERIFY);
	}
	spoilt.signature.left = good->signature.left;
	assert_int_equal(cose_sign1_verify(&spoilt, key, payload, 2), 0);
}

static void every_curve(void **state)
{
	(void)state;
	for (int i = CURVE_NONE + 1; i < CURVES; i++) {
		_cleanup_buf_ struct fuda_buf attached = BUF, detached = BUF;
		struct private_key *key = new_key((enum curve)i), *wrong = new_key((enum curve)i);
		const struct key *public = private_public(key);
		struct cose a, d;

		make_sign1(key, false, &attached);
		make_sign1(key, true, &detached);
		a = sign1_of(&attached);
		d = sign1_of(&detached);
		assert_true(!a.detached && d.detached);
		assert_int_equal(a.algorithm, curve_facts((enum curve)i)->cose_algorithm);
		assert_int_equal(a.payload.left, 6);
		assert_int_equal(cose_sign1_verify(&a, public, NULL, 0), 0);
		assert_int_equal(cose_sign1_verify(&d, public, payload, 2), 0);
		assert_int_equal(cose_sign1_verify(&d, public, other, 2), FUDA_EVERIFY);
		assert_int_equal(cose_sign1_verify(&d, public, payload, 1), FUDA_EVERIFY);
		assert_int_equal(cose_sign1_verify(&d, private_public(wrong), payload, 2),
				 FUDA_EVERIFY);
		assert_int_equal(cose_sign1_verify(&a, private_public(wrong), NULL, 0),
				 FUDA_EVERIFY);
		assert_spoilt(&d, public);
		private_free(&key);
		private_free(&wrong);
	}
}

/* Only what was said to be signed counts, not what came with the signature. */
static void payloads(void **state)
{
	_cleanup_buf_ struct fuda_buf attached = BUF, detached = BUF;
	struct private_key *key = new_key(CURVE_P256);
	const struct key *public = private_public(key);
	struct cose a, d;

	(void)state;
	make_sign1(key, false, &attached);
	make_sign1(key, true, &detached);
	a = sign1_of(&attached);
	d = sign1_of(&detached);
	assert_int_equal(cose_sign1_verify(&a, public, other, 2), FUDA_EVERIFY);
	assert_int_equal(cose_sign1_verify(&a, public, payload, 2), FUDA_EVERIFY);
	assert_int_equal(cose_sign1_verify(&d, public, NULL, 0), FUDA_EVERIFY);
	private_free(&key);
}

/* ISO 18013-5 9.1.2.4: an algorithm goes with its curves and no other. */
static void algorithms(void **state)
{
	static const struct {
		int64_t algorithm;
		unsigned curves;
	} cases[] = {
		{ COSE_ES256, 1 << CURVE_P256 | 1 << CURVE_BRAINPOOL_P256 },
		{ COSE_ES384,
		  1 << CURVE_P384 | 1 << CURVE_BRAINPOOL_P320 | 1 << CURVE_BRAINPOOL_P384 },
		{ COSE_ES512, 1 << CURVE_P521 | 1 << CURVE_BRAINPOOL_P512 },
		{ COSE_EDDSA, 1 << CURVE_ED25519 | 1 << CURVE_ED448 },
		{ COSE_HMAC_256, 0 },
		{ 0, 0 },
		{ -37, 0 },  /* PS256 */
		{ -257, 0 }, /* RS256 */
		{ -47, 0 },  /* ES256K */
	};

	(void)state;
	for (int i = CURVE_NONE + 1; i < CURVES; i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		struct private_key *key = new_key((enum curve)i);
		struct cose cose;

		make_sign1(key, true, &bytes);
		cose = sign1_of(&bytes);
		for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
			bool fits = cases[k].curves >> i & 1;

			cose.algorithm = cases[k].algorithm;
			assert_int_equal(cose_fits(cose.algorithm, private_public(key)), fits);
			assert_int_equal(cose_sign1_verify(&cose, private_public(key), payload, 2),
					 fits ? 0 : FUDA_ENOTSUP);
		}
		assert_int_equal(cose_sign1_verify(&cose, NULL, payload, 2), FUDA_ENOTSUP);
		private_free(&key);
	}
}

/* Order of P-256: SEC 2 2.4.2. */
#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define ZERO  "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE   "0000000000000000000000000000000000000000000000000000000000000001"
#define MOST  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static void numbers(void **state)
{
	static const char *const cases[] = {
		"",
		"00",
		ZERO ZERO,
		ZERO ONE,
		ONE ZERO,
		ORDER ONE,
		ONE ORDER,
		ORDER ORDER,
		MOST MOST,
		ONE,
		ONE ONE,
		ONE ONE "00",
		"00" ONE ONE,
		ONE ONE ONE ONE,
		"3006020101020101", /* DER */
	};
	struct private_key *key = new_key(CURVE_P256);
	struct cose cose = { .algorithm = COSE_ES256, .detached = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf signature = BUF;

		assert_int_equal(fuda_hex_decode(cases[i], &signature), 0);
		cose.signature = cur_of(signature.data, signature.len);
		assert_int_equal(cose_sign1_verify(&cose, private_public(key), payload, 2),
				 FUDA_EVERIFY);
	}
	private_free(&key);
}

/* Numbers that begin with a high bit, or with zeros, which stay. */
static void first_bytes(void **state)
{
	struct private_key *key = new_key(CURVE_P256);
	unsigned high = 0, zeros = 0;

	(void)state;
	for (int i = 0; i < 20000 && !(high && zeros); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		struct cose cose;
		bool is_zero;

		make_sign1(key, true, &bytes);
		cose = sign1_of(&bytes);
		assert_int_equal(cose.signature.left, 64);
		is_zero = !cose.signature.p[0] || !cose.signature.p[32];
		if (is_zero || !high)
			assert_int_equal(cose_sign1_verify(&cose, private_public(key), payload, 2),
					 0);
		zeros += is_zero;
		high += cose.signature.p[0] & cose.signature.p[32] & 0x80;
	}
	assert_true(high && zeros);
	private_free(&key);
}

/* RFC 8032 7.1, test 2: a signature of the byte 72. */
static void known_eddsa(void **state)
{
	_cleanup_buf_ struct fuda_buf point = BUF, signature = BUF;
	struct key *key;

	(void)state;
	assert_int_equal(fuda_hex_decode("3d4017c3e843895a92b70aa74d1b7ebc"
					 "9c982ccf2ec4968cc0cd55f12af4660c",
					 &point),
			 0);
	assert_int_equal(fuda_hex_decode("92a009a9f0d4cab8720e820b5f642540"
					 "a2b27b5416503f8fb3762223ebdb69da"
					 "085ac1e43e15996e458f3613d0f11d8c"
					 "387b2eaeb4302aeeb00d291612bb0c00",
					 &signature),
			 0);
	assert_int_equal(key_new_point(CURVE_ED25519, point.data, point.len, &key), 0);
	assert_int_equal(key_verify_message(key, (const uint8_t *)"\x72", 1, signature.data,
					    signature.len),
			 0);
	assert_int_equal(key_verify_message(key, (const uint8_t *)"\x73", 1, signature.data,
					    signature.len),
			 FUDA_EVERIFY);
	key_free(&key);
}

/* ---- headers ---- */

static int read_hex(const char *hex, bool mac, struct cose *ret)
{
	static struct fuda_buf bytes = BUF; /* what is read points into it */
	struct cbor item;

	fuda_buf_clear(&bytes);
	assert_int_equal(fuda_hex_decode(hex, &bytes), 0);
	item = item_of(&bytes);
	return mac ? cose_mac0_read(&item, ret) : cose_sign1_read(&item, ret);
}

static void headers(void **state)
{
	static const struct {
		const char *protected, *unprotected;
		int r;
		size_t certificates;
	} cases[] = {
		{ "43a10126", "a0", 0, 0 },
		{ "44a1013822", "a0", 0, 0 },
		{ "47b9000118013806", "a0", 0, 0 }, /* longer than needed */
		/* the algorithm: under protection, once, a number */
		{ "40", "a0", FUDA_EFORMAT, 0 },
		{ "41a0", "a0", FUDA_EFORMAT, 0 },
		{ "40", "a10126", FUDA_EFORMAT, 0 },
		{ "41a0", "a10126", FUDA_EFORMAT, 0 },
		{ "43a10126", "a10126", FUDA_EFORMAT, 0 },
		{ "43a10126", "a1180126", FUDA_EFORMAT, 0 },
		{ "43a10126", "a1013822", FUDA_EFORMAT, 0 },
		{ "45a201260126", "a0", FUDA_EFORMAT, 0 },
		{ "48a101654553323536", "a0", FUDA_EFORMAT, 0 },
		{ "43a101f6", "a0", FUDA_EFORMAT, 0 },
		/* what must be understood, and is not: RFC 9052 3.1 */
		{ "46a20126028104", "a0", FUDA_EFORMAT, 0 },
		{ "43a10126", "a1028104", FUDA_EFORMAT, 0 },
		/* other headers are let pass, once */
		{ "43a10126", "a104f7", 0, 0 },
		{ "43a10126", "a1044131", 0, 0 },
		{ "43a10126", "a1617801", 0, 0 },
		{ "46a20126617801", "a1617901", 0, 0 },
		{ "46a20126617801", "a1617802", FUDA_EFORMAT, 0 },
		{ "45a201260401", "a104f7", FUDA_EFORMAT, 0 },
		/* no maps */
		{ "00", "a0", FUDA_EFORMAT, 0 },
		{ "a10126", "a0", FUDA_EFORMAT, 0 },
		{ "4100", "a0", FUDA_EFORMAT, 0 },
		{ "4180", "a0", FUDA_EFORMAT, 0 },
		{ "44a1012600", "a0", FUDA_EFORMAT, 0 },
		{ "42a101", "a0", FUDA_EFORMAT, 0 },
		{ "43a10126", "80", FUDA_EFORMAT, 0 },
		{ "43a10126", "41a0", FUDA_EFORMAT, 0 },
		{ "43a10126", "f6", FUDA_EFORMAT, 0 },
		/* x5chain: RFC 9360 2 */
		{ "43a10126", "a1182141aa", 0, 1 },
		{ "43a10126", "a118218241aa41bb", 0, 2 },
		{ "43a10126", "a118218441aa41bb41cc41dd", 0, 4 },
		{ "47a20126182141aa", "a0", 0, 1 },
		{ "47a20126182141aa", "a1182141aa", FUDA_EFORMAT, 0 },
		{ "43a10126", "a1182180", FUDA_EFORMAT, 0 },
		{ "43a10126", "a118218141aa", FUDA_EFORMAT, 0 },
		{ "43a10126", "a118218541aa41bb41cc41dd41ee", FUDA_EFORMAT, 0 },
		{ "43a10126", "a118218241aa6162", FUDA_EFORMAT, 0 },
		{ "43a10126", "a118218241aaf6", FUDA_EFORMAT, 0 },
		{ "43a10126", "a118216161", FUDA_EFORMAT, 0 },
		{ "43a10126", "a11821f6", FUDA_EFORMAT, 0 },
		{ "43a10126", "a11821a0", FUDA_EFORMAT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cose cose = { .algorithm = 99 };
		char hex[256];

		snprintf(hex, sizeof(hex), "84%s%s41004100", cases[i].protected,
			 cases[i].unprotected);
		if (read_hex(hex, false, &cose) != cases[i].r)
			fail_msg("%s", hex);
		assert_int_equal(cose.chain_count, cases[i].certificates);
		assert_true((cose.algorithm == 99) == (cases[i].r < 0));
	}
}

static void frames(void **state)
{
	static const struct {
		const char *hex;
		int sign1, mac0;
	} cases[] = {
		{ "8443a10126a0f64100", 0, 0 },
		{ "8443a10126a041004100", 0, 0 },
		{ "8443a10126a04040", 0, 0 },
		{ "d28443a10126a0f64100", 0, FUDA_EFORMAT },
		{ "d18443a10105a0f64100", FUDA_EFORMAT, 0 },
		{ "d2d28443a10126a0f64100", FUDA_EFORMAT, FUDA_EFORMAT },
		{ "d8628443a10126a0f64100", FUDA_EFORMAT, FUDA_EFORMAT }, /* COSE_Sign */
		{ "8343a10126a0f6", FUDA_EFORMAT, FUDA_EFORMAT },
		{ "8543a10126a0f6410000", FUDA_EFORMAT, FUDA_EFORMAT },
		{ "8443a10126a0f74100", FUDA_EFORMAT, FUDA_EFORMAT },
		{ "8443a10126a061614100", FUDA_EFORMAT, FUDA_EFORMAT },
		{ "8443a10126a0f66161", FUDA_EFORMAT, FUDA_EFORMAT },
		{ "8443a10126a0f6f6", FUDA_EFORMAT, FUDA_EFORMAT },
		{ "a0", FUDA_EFORMAT, FUDA_EFORMAT },
		{ "f6", FUDA_EFORMAT, FUDA_EFORMAT },
		{ "44840126a0", FUDA_EFORMAT, FUDA_EFORMAT },
	};
	struct cose cose;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(read_hex(cases[i].hex, false, &cose), cases[i].sign1);
		assert_int_equal(read_hex(cases[i].hex, true, &cose), cases[i].mac0);
	}
}

static void chains_are_written(void **state)
{
	static const struct cursor chain[] = { { (const uint8_t *)"\x30\x00", 2 },
					       { (const uint8_t *)"\x30\x01", 2 },
					       { (const uint8_t *)"\x30\x02", 2 } };
	struct private_key *key = new_key(CURVE_P256);
	const struct signer signer = private_signer(key);

	(void)state;
	for (size_t count = 0; count <= ARRAY_SIZE(chain); count++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		struct cbor_out out = CBOR_OUT(&bytes);
		struct cose cose;

		assert_int_equal(cose_sign1_put(&out, &signer, chain, count, payload, 2, true), 0);
		cose = sign1_of(&bytes);
		assert_int_equal(cose.chain_count, count);
		for (size_t i = 0; i < count; i++)
			ASSERT_CUR(cose.chain[i], chain[i]);
		assert_int_equal(cose_sign1_verify(&cose, private_public(key), payload, 2), 0);
	}
	private_free(&key);
}

/* ---- MACs ---- */

static void macs(void **state)
{
	static const uint8_t key[HMAC_BYTES] = "0123456789abcdef0123456789abcde";
	static const uint8_t wrong[HMAC_BYTES] = "0123456789abcdef0123456789abcdf";
	_cleanup_buf_ struct fuda_buf bytes = BUF;
	struct cbor_out out = CBOR_OUT(&bytes);
	struct cose cose, spoilt;
	struct cbor item;
	uint8_t tag[HMAC_BYTES + 1] = { 0 };

	(void)state;
	assert_int_equal(cose_mac0_put(&out, key, payload, 2), 0);
	item = item_of(&bytes);
	assert_int_equal(cose_mac0_read(&item, &cose), 0);
	assert_true(cose.detached);
	assert_int_equal(cose.chain_count, 0);
	assert_int_equal(cose_mac0_verify(&cose, key, payload, 2), 0);
	assert_int_equal(cose_mac0_verify(&cose, key, other, 2), FUDA_EVERIFY);
	assert_int_equal(cose_mac0_verify(&cose, wrong, payload, 2), FUDA_EVERIFY);
	assert_int_equal(cose_mac0_verify(&cose, key, NULL, 0), FUDA_EVERIFY);
	spoilt = cose;
	memcpy(tag, cose.signature.p, HMAC_BYTES);
	spoilt.signature.p = tag;
	for (size_t len = 0; len <= sizeof(tag); len++) { /* also the 8 bytes of HMAC 256/64 */
		spoilt.signature.left = len;
		assert_int_equal(cose_mac0_verify(&spoilt, key, payload, 2),
				 len == HMAC_BYTES ? 0 : FUDA_EVERIFY);
	}
	spoilt = cose;
	for (int64_t algorithm = -8; algorithm < 8; algorithm++) {
		spoilt.algorithm = algorithm;
		assert_int_equal(cose_mac0_verify(&spoilt, key, payload, 2),
				 algorithm == COSE_HMAC_256 ? 0 : FUDA_ENOTSUP);
	}
	spoilt = cose;
	spoilt.detached = false;
	assert_int_equal(cose_mac0_verify(&spoilt, key, payload, 2), FUDA_EVERIFY);
}

/* ---- what fails ---- */

static int removed(void *arg, enum signer_mode mode, const uint8_t *input, size_t len,
		   struct fuda_buf *ret)
{
	(void)arg, (void)mode, (void)input, (void)len, (void)ret;
	return FUDA_EREMOVED;
}

static void failures(void **state)
{
	const struct signer token = { removed, NULL, SIGN_ECDSA, FUDA_SHA256, COSE_ES256 };
	struct private_key *key = new_key(CURVE_P256);
	const struct signer signer = private_signer(key);
	static const uint8_t mac_key[HMAC_BYTES];
	struct fuda_buf small = FUDA_BUF_INIT(70), bytes = BUF;
	struct cbor_out out = CBOR_OUT(&bytes);

	(void)state;
	assert_int_equal(cose_sign1_put(&out, &token, NULL, 0, payload, 2, true), FUDA_EREMOVED);
	assert_int_equal(out.failed, FUDA_EREMOVED);
	assert_int_equal(cose_sign1_put(&out, &signer, NULL, 0, payload, 2, true), FUDA_EREMOVED);
	assert_int_equal(cose_mac0_put(&out, mac_key, payload, 2), FUDA_EREMOVED);
	assert_int_equal(cose_key_put(&out, private_public(key)), FUDA_EREMOVED);
	assert_int_equal(bytes.len, 0);
	out = CBOR_OUT(&small);
	assert_int_equal(cose_sign1_put(&out, &signer, NULL, 0, payload, 2, true), FUDA_ETOOBIG);
	fuda_buf_free(&small);
	fuda_buf_free(&bytes);
	private_free(&key);
}

/* ---- keys ---- */

static void keys_of_every_curve(void **state)
{
	(void)state;
	for (int i = CURVE_NONE + 1; i < CURVES; i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		struct cbor_out out = CBOR_OUT(&bytes);
		struct private_key *key = new_key((enum curve)i);
		struct cbor item, y;
		struct key *again;

		assert_int_equal(cose_key_put(&out, private_public(key)), 0);
		item = item_of(&bytes);
		assert_int_equal(cose_key_read(&item, &again), 0);
		assert_true(key_equal(again, private_public(key)));
		assert_int_equal(key_curve(again), i);
		assert_int_equal(cbor_get_int(&item, -3, &y) == 0,
				 !curve_facts((enum curve)i)->eddsa);
		key_free(&again);
		private_free(&key);
	}
}

static void leading_zeros(void **state)
{
	bool done = false;

	(void)state;
	for (int i = 0; i < 20000 && !done; i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		struct cbor_out out = CBOR_OUT(&bytes);
		struct private_key *key = new_key(CURVE_P256);
		struct cbor item, x;
		struct key *again;

		assert_int_equal(cose_key_put(&out, private_public(key)), 0);
		item = item_of(&bytes);
		assert_int_equal(cbor_get_int(&item, -2, &x), 0);
		assert_int_equal(x.content.left, 32);
		done = !x.content.p[0];
		if (done) {
			assert_int_equal(cose_key_read(&item, &again), 0);
			assert_true(key_equal(again, private_public(key)));
			key_free(&again);
		}
		private_free(&key);
	}
	assert_true(done);
}

/* The generator of P-256: SEC 2 2.4.2. */
#define G_X "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define G_Y "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"

static void keys(void **state)
{
	static const struct {
		const char *hex;
		int r;
	} cases[] = {
		{ "a401022001215820" G_X "225820" G_Y, 0 },
		{ "a4225820" G_Y "200121590020" G_X "0102", 0 }, /* another order */
		{ "a601022001215820" G_X "225820" G_Y "0241310326", 0 },
		/* a point that is not there, or not in full */
		{ "a401022001215820" G_X "225820" ONE, FUDA_EFORMAT },
		{ "a401022001215820" G_Y "225820" G_X, FUDA_EFORMAT },
		{ "a401022001215820" ZERO "225820" ZERO, FUDA_EFORMAT },
		{ "a401022001215820" MOST "225820" G_Y, FUDA_EFORMAT },
		{ "a401022001215820" G_X "22f5", FUDA_EFORMAT },
		{ "a401022001215820" G_X "22f4", FUDA_EFORMAT },
		{ "a301022001215820" G_X, FUDA_EFORMAT },
		{ "a301022001225820" G_Y, FUDA_EFORMAT },
		{ "a40102200121582100" G_X "225820" G_Y, FUDA_EFORMAT },
		{ "a401022001215820" G_X "22582100" G_Y, FUDA_EFORMAT },
		{ "a401022001214101225820" G_Y, FUDA_EFORMAT },
		{ "a401022001214022"
		  "40",
		  FUDA_EFORMAT },
		{ "a401022001216161225820" G_Y, FUDA_EFORMAT },
		/* a private one is nobody's to send */
		{ "a501022001215820" G_X "225820" G_Y "235820" ONE, FUDA_EFORMAT },
		{ "a501022001215820" G_X "225820" G_Y "23f6", FUDA_EFORMAT },
		/* of another curve or type than the point is, or that is not known */
		{ "a401022002215820" G_X "225820" G_Y, FUDA_EFORMAT },
		{ "a40102201901"
		  "00215820" G_X "225820" G_Y,
		  FUDA_EFORMAT },
		{ "a401022006215820" G_X "225820" G_Y, FUDA_ENOTSUP },
		{ "a401022008215820" G_X "225820" G_Y, FUDA_ENOTSUP }, /* secp256k1 */
		{ "a401022000215820" G_X "225820" G_Y, FUDA_ENOTSUP },
		{ "a401012001215820" G_X "225820" G_Y, FUDA_ENOTSUP },
		{ "a401032001215820" G_X "225820" G_Y, FUDA_ENOTSUP },
		{ "a301012004215820" G_X, FUDA_ENOTSUP }, /* X25519 */
		{ "a20104205820" ONE, FUDA_EFORMAT },     /* symmetric */
		{ "a301012006215820" G_X, 0 },
		{ "a30101200621581f"
		  "17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
		  FUDA_EFORMAT },
		{ "a201012006", FUDA_EFORMAT },
		{ "a32001215820" G_X "225820" G_Y, FUDA_EFORMAT },
		{ "a30102215820" G_X "225820" G_Y, FUDA_EFORMAT },
		{ "a4016245432001215820" G_X "225820" G_Y, FUDA_EFORMAT },
		{ "a0", FUDA_EFORMAT },
		{ "80", FUDA_EFORMAT },
		{ "f6", FUDA_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		struct key *key = NULL;
		struct cbor item;
		int r;

		assert_int_equal(fuda_hex_decode(cases[i].hex, &bytes), 0);
		item = item_of(&bytes);
		r = cose_key_read(&item, &key);
		if (r != cases[i].r)
			fail_msg("%s: %d", cases[i].hex, r);
		assert_int_equal(key != NULL, r == 0);
		key_free(&key);
	}
}

/* The example of RFC 9679 6: what a key is written as is what its thumbprint is made of. */
static void thumbprint(void **state)
{
	static const char hex[] =
		"a40102200121582065eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"
		"2258201e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c";
	_cleanup_buf_ struct fuda_buf given = BUF, made = BUF, expected = BUF;
	struct cbor_out out = CBOR_OUT(&made);
	struct fuda_digest digest;
	struct key *key = NULL;
	struct cbor item;

	(void)state;
	assert_int_equal(fuda_hex_decode(hex, &given), 0);
	assert_int_equal(fuda_hex_decode("496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669"
					 "da253ec",
					 &expected),
			 0);
	item = item_of(&given);
	assert_int_equal(cose_key_read(&item, &key), 0);
	assert_int_equal(cose_key_put(&out, key), 0);
	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, made.data, made.len, &digest), 0);
	ASSERT_BUF(&expected, cur_of(digest.bytes, digest.len));
	key_free(&key);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_curve),
		cmocka_unit_test(payloads),
		cmocka_unit_test(algorithms),
		cmocka_unit_test(numbers),
		cmocka_unit_test(first_bytes),
		cmocka_unit_test(known_eddsa),
		cmocka_unit_test(headers),
		cmocka_unit_test(frames),
		cmocka_unit_test(chains_are_written),
		cmocka_unit_test(macs),
		cmocka_unit_test(failures),
		cmocka_unit_test(keys_of_every_curve),
		cmocka_unit_test(leading_zeros),
		cmocka_unit_test(keys),
		cmocka_unit_test(thumbprint),
	};

	return RUN(tests);
}
