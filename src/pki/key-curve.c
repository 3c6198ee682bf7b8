/* SPDX-License-Identifier: Apache-2.0 */
/* Keys on curves: ISO 18013-5 9.1.5.2, Table 22. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "base/util.h"
#include "pki/der.h"
#include "pki/key-inside.h"

enum { COSE_OKP = 1, COSE_EC2 = 2 };

enum { COSE_ES256 = -7, COSE_ES384 = -35, COSE_ES512 = -36, COSE_EDDSA = -8 };
#define EC(bytes, bits, number, name)                                               \
	{                                                                           \
		name, bytes, false, FUDA_SHA##bits, COSE_EC2, number, COSE_ES##bits \
	}
#define ED(bytes, number, name)                                              \
	{                                                                    \
		name, bytes, true, FUDA_SHA512, COSE_OKP, number, COSE_EDDSA \
	}
const struct curve_inside curves[CURVES] = {
	[CURVE_P256] = { EC(32, 256, 1, "P-256"), "prime256v1", "1.2.840.10045.3.1.7" },
	[CURVE_P384] = { EC(48, 384, 2, "P-384"), "secp384r1", "1.3.132.0.34" },
	[CURVE_P521] = { EC(66, 512, 3, "P-521"), "secp521r1", "1.3.132.0.35" },
	[CURVE_BRAINPOOL_P256] = { EC(32, 256, 256, "brainpoolP256r1"), "brainpoolP256r1",
				   "1.3.36.3.3.2.8.1.1.7" },
	[CURVE_BRAINPOOL_P320] = { EC(40, 384, 257, "brainpoolP320r1"), "brainpoolP320r1",
				   "1.3.36.3.3.2.8.1.1.9" },
	[CURVE_BRAINPOOL_P384] = { EC(48, 384, 258, "brainpoolP384r1"), "brainpoolP384r1",
				   "1.3.36.3.3.2.8.1.1.11" },
	[CURVE_BRAINPOOL_P512] = { EC(64, 512, 259, "brainpoolP512r1"), "brainpoolP512r1",
				   "1.3.36.3.3.2.8.1.1.13" },
	[CURVE_ED25519] = { ED(32, 6, "Ed25519"), "ED25519", "1.3.101.112" },
	[CURVE_ED448] = { ED(57, 7, "Ed448"), "ED448", "1.3.101.113" },
};

const struct curve_facts *curve_facts(enum curve curve)
{
	return &curves[curve].facts;
}

static void pkey_free(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static void pkey_ctx_free(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

/* OpenSSL sees to it that the point lies on the curve. */
static int load_ec(const struct curve_inside *curve, const uint8_t *point, size_t len,
		   EVP_PKEY **ret)
{
	_cleanup_(pkey_ctx_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)(uintptr_t)curve->group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point,
						  len),
		OSSL_PARAM_construct_end(),
	};

	if (len != 1 + 2 * curve->facts.bytes || *point != POINT_CONVERSION_UNCOMPRESSED)
		return FUDA_EFORMAT;
	if (!ctx)
		return FUDA_ENOMEM;
	if (EVP_PKEY_fromdata_init(ctx) != 1)
		return FUDA_EFAILED;
	return EVP_PKEY_fromdata(ctx, ret, EVP_PKEY_PUBLIC_KEY, params) == 1 ? 0 : FUDA_EFORMAT;
}

/* p - 1 of the fields of RFC 8032, in its order of bytes, lowest first. */
static const uint8_t ed25519_last[] = { 0xEC, [1 ... 30] = 0xFF, 0x7F };
static const uint8_t ed448_last[] = { 0xFE, [1 ... 27] = 0xFF, 0xFE, [29 ... 55] = 0xFF, 0x00 };
/* The points of order 8 of the former; those of order 1, 2 and 4 have 1, -1 and 0 for y. */
static const uint8_t ed25519_eighths[][32] = {
	{ 0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4,
	  0x89, 0xF2, 0xEF, 0x98, 0xF0, 0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6,
	  0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05 },
	{ 0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B,
	  0x76, 0x0D, 0x10, 0x67, 0x0F, 0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39,
	  0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A },
};

static bool is_at_least(const uint8_t *y, const uint8_t *bound, size_t bytes)
{
	while (bytes--)
		if (y[bytes] != bound[bytes])
			return y[bytes] > bound[bytes];
	return true;
}

/* Whether an EdDSA key is the canonical form of a point that is not of small order: under one of
 * those anybody can sign. OpenSSL takes them all. */
static bool is_edwards(enum curve curve, const uint8_t *point, size_t bytes)
{
	static const uint8_t two[KEY_POINT_MAX] = { 2 };
	uint8_t y[KEY_POINT_MAX];

	memcpy(y, point, bytes);
	y[bytes - 1] &= 0x7F; /* the sign of x */
	if (!is_at_least(y, two, bytes) ||
	    is_at_least(y, curve == CURVE_ED25519 ? ed25519_last : ed448_last, bytes))
		return false;
	for (size_t i = 0; curve == CURVE_ED25519 && i < ARRAY_SIZE(ed25519_eighths); i++)
		if (memcmp(y, ed25519_eighths[i], bytes) == 0)
			return false;
	return true;
}

int curve_load(enum curve number, const uint8_t *point, size_t len, EVP_PKEY **ret)
{
	const struct curve_inside *curve = &curves[number];
	int r = 0;

	ERR_set_mark();
	if (!curve->facts.eddsa)
		r = load_ec(curve, point, len, ret);
	else if (len != curve->facts.bytes || !is_edwards(number, point, len))
		r = FUDA_EFORMAT;
	else if (!(*ret = EVP_PKEY_new_raw_public_key_ex(NULL, curve->group, NULL, point, len)))
		r = FUDA_EFAILED;
	ERR_pop_to_mark();
	return r;
}

int key_new_point(enum curve curve, const uint8_t *point, size_t len, struct key **ret)
{
	_cleanup_(pkey_free) EVP_PKEY *pkey = NULL;
	struct key *key;
	int r = curve_load(curve, point, len, &pkey);

	if (r == 0)
		r = key_wrap(&pkey, curve, &key);
	if (r < 0)
		return r;
	memcpy(key->point, point, len);
	key->point_len = len;
	*ret = key;
	return 0;
}

static bool get_coordinate(EVP_PKEY *pkey, const char *name, uint8_t *out, size_t bytes)
{
	BIGNUM *n = NULL;
	bool ok = EVP_PKEY_get_bn_param(pkey, name, &n) == 1 &&
		  BN_bn2binpad(n, out, (int)bytes) == (int)bytes;

	BN_free(n);
	return ok;
}

static enum curve curve_of(EVP_PKEY *pkey)
{
	char group[64] = "";
	size_t len;

	if (EVP_PKEY_is_a(pkey, "EC"))
		EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len);
	for (int i = CURVE_NONE + 1; i < CURVES; i++)
		if (curves[i].facts.eddsa ? EVP_PKEY_is_a(pkey, curves[i].group) == 1 :
					    strcmp(curves[i].group, group) == 0)
			return (enum curve)i;
	return CURVE_NONE;
}

int key_of_pkey(EVP_PKEY *pkey, struct key **ret)
{
	enum curve curve = curve_of(pkey);
	size_t bytes = curves[curve].facts.bytes, len = bytes;
	uint8_t point[KEY_POINT_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
	bool ok;

	if (curve == CURVE_NONE)
		return FUDA_ENOTSUP;
	if (curves[curve].facts.eddsa) {
		ok = EVP_PKEY_get_raw_public_key(pkey, point, &len) == 1;
	} else {
		ok = get_coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_X, point + 1, bytes) &&
		     get_coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, point + 1 + bytes, bytes);
		len = 1 + 2 * bytes;
	}
	return ok ? key_new_point(curve, point, len, ret) : FUDA_EFAILED;
}

/* ---- signatures ---- */

static size_t put_integer(const uint8_t *n, size_t len, uint8_t *out)
{
	bool sign;

	while (len > 1 && !*n) {
		n++;
		len--;
	}
	sign = *n & 0x80;
	out[0] = DER_INTEGER;
	out[1] = (uint8_t)(len + sign);
	out[2] = 0;
	memcpy(out + 2 + sign, n, len);
	return 2 + sign + len;
}

size_t ecdsa_to_der(const uint8_t *raw, size_t bytes, uint8_t ret[ECDSA_DER_MAX])
{
	uint8_t numbers[ECDSA_DER_MAX];
	size_t len = put_integer(raw, bytes, numbers), head = 2;

	len += put_integer(raw + bytes, bytes, numbers + len);
	ret[0] = DER_SEQUENCE;
	if (len > 0x7F) {
		ret[1] = 0x81;
		head = 3;
	}
	ret[head - 1] = (uint8_t)len;
	memcpy(ret + head, numbers, len);
	return head + len;
}

int ecdsa_from_der(struct cursor der, size_t bytes, uint8_t *ret_raw)
{
	struct cursor number[2];
	struct tlv sequence;

	if (tlv_expect(&der, DER_SEQUENCE, &sequence) < 0 || der.left)
		return FUDA_EFORMAT;
	for (int i = 0; i < 2; i++)
		if (der_unsigned(&sequence.value, bytes + 1, &number[i]) < 0 || !*number[i].p ||
		    number[i].left > bytes)
			return FUDA_EFORMAT;
	if (sequence.value.left)
		return FUDA_EFORMAT;
	for (int i = 0; i < 2; i++) {
		size_t zeros = bytes - number[i].left;

		memset(ret_raw + (size_t)i * bytes, 0, zeros);
		memcpy(ret_raw + (size_t)i * bytes + zeros, number[i].p, number[i].left);
	}
	return 0;
}
