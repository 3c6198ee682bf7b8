/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "base/util.h"
#include "pki/der.h"
#include "pki/key-inside.h"

/* Keys of any size up to here are understood; which are accepted is the profile's matter. */
enum { RSA_BYTES_MAX = 1024, EXPONENT_BYTES_MAX = 8 };

/* A key in a record: card.md 2.6. */
enum { CARD_EXPONENT = 0x90, CARD_MODULUS = 0x91 };

static void bn_free(BIGNUM **bn)
{
	BN_free(*bn);
}

static void builder_free(OSSL_PARAM_BLD **builder)
{
	OSSL_PARAM_BLD_free(*builder);
}

static void params_free(OSSL_PARAM **params)
{
	OSSL_PARAM_free(*params);
}

static void pkey_free(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static void pkey_ctx_free(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

/* Takes a filled builder. */
static int public_key(const char *type, OSSL_PARAM_BLD *builder, EVP_PKEY **ret)
{
	_cleanup_(pkey_ctx_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	_cleanup_(params_free) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);

	if (!ctx || !params)
		return FUDA_ENOMEM;
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, ret, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return FUDA_EFAILED;
	return 0;
}

/* Both numbers without sign. */
static int rsa_from(struct cursor modulus, struct cursor exponent, EVP_PKEY **ret)
{
	_cleanup_(builder_free) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	_cleanup_(bn_free) BIGNUM *n = BN_bin2bn(modulus.p, (int)modulus.left, NULL);
	_cleanup_(bn_free) BIGNUM *e = BN_bin2bn(exponent.p, (int)exponent.left, NULL);

	if (!builder || !n || !e)
		return FUDA_ENOMEM;
	/* with an exponent of 1 every signature would be the padded digest itself */
	if (!BN_is_odd(n) || !BN_is_odd(e) || BN_is_one(e) || BN_num_bits(n) < 512)
		return FUDA_EFORMAT;
	if (!OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) ||
	    !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e))
		return FUDA_ENOMEM;
	return public_key("RSA", builder, ret);
}

/* RSAPublicKey, RFC 8017 A.1.1; its parameters are NULL: RFC 3279 2.3.1. Read here, so that no
 * bytes of an unknown certificate reach another ASN.1 parser. */
static int load_rsa(struct cursor parameters, struct cursor bits, struct key **ret)
{
	_cleanup_(pkey_free) EVP_PKEY *pkey = NULL;
	struct cursor modulus, exponent;
	struct tlv null, sequence;
	int r;

	if (tlv_expect(&parameters, DER_NULL, &null) < 0 || null.value.left || parameters.left ||
	    tlv_expect(&bits, DER_SEQUENCE, &sequence) < 0 || bits.left ||
	    der_unsigned(&sequence.value, RSA_BYTES_MAX + 1, &modulus) < 0 ||
	    der_unsigned(&sequence.value, EXPONENT_BYTES_MAX, &exponent) < 0 || sequence.value.left)
		return FUDA_EFORMAT;
	r = rsa_from(modulus, exponent, &pkey);
	return r < 0 ? r : key_wrap(&pkey, CURVE_NONE, ret);
}

static enum curve curve_by_oid(const char *oid)
{
	for (int i = CURVE_NONE + 1; i < CURVES; i++)
		if (strcmp(curves[i].oid, oid) == 0)
			return (enum curve)i;
	return CURVE_NONE;
}

/* ECPoint, RFC 5480 2.2, uncompressed. A curve given by its numbers instead of its name is refused:
 * RFC 5480 2.1.1. */
static int load_ec(struct cursor parameters, struct cursor bits, struct key **ret)
{
	char oid[DER_OID_MAX];
	enum curve curve;

	if (der_oid(&parameters, oid) < 0 || parameters.left)
		return FUDA_EFORMAT;
	curve = curve_by_oid(oid);
	return curve == CURVE_NONE ? FUDA_ENOTSUP : key_new_point(curve, bits.p, bits.left, ret);
}

int key_wrap(EVP_PKEY **pkey, enum curve curve, struct key **ret)
{
	struct key *key = calloc(1, sizeof(*key));

	if (!key)
		return FUDA_ENOMEM;
	key->curve = curve;
	key->pkey = *pkey;
	*pkey = NULL;
	*ret = key;
	return 0;
}

static const struct {
	const char *oid;
	int (*load)(struct cursor parameters, struct cursor bits, struct key **ret);
} kinds[] = {
	{ "1.2.840.113549.1.1.1", load_rsa },
	{ "1.2.840.10045.2.1", load_ec },
};

/* FUDA_ENOTSUP for a key that may be good but is not known here. Those of EdDSA have an algorithm
 * for each curve, without parameters: RFC 8410 3. */
static int load(const char *oid, struct cursor parameters, struct cursor bits, struct key **ret)
{
	enum curve curve = curve_by_oid(oid);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].oid, oid) == 0)
			return kinds[i].load(parameters, bits, ret);
	if (curve == CURVE_NONE || !curves[curve].facts.eddsa)
		return FUDA_ENOTSUP;
	return parameters.left ? FUDA_EFORMAT : key_new_point(curve, bits.p, bits.left, ret);
}

int key_new(struct cursor *c, struct key **ret)
{
	struct cursor at = *c, parameters, bits;
	struct key *key = NULL;
	struct tlv spki;
	char oid[DER_OID_MAX];
	unsigned unused;
	int r;

	if (tlv_expect(&at, DER_SEQUENCE, &spki) < 0 ||
	    der_algorithm(&spki.value, oid, &parameters) < 0 ||
	    der_bits(&spki.value, &bits, &unused) < 0 || unused || spki.value.left)
		return FUDA_EFORMAT;
	ERR_set_mark();
	r = load(oid, parameters, bits, &key);
	ERR_pop_to_mark();
	if (r < 0 && r != FUDA_ENOTSUP)
		return r;
	*ret = key;
	*c = at;
	return 0;
}

static bool is_shortest(struct cursor number)
{
	uint8_t first = 0;

	return cur_u8(&number, &first) == 0 && first != 0;
}

int key_new_card(struct cursor c, struct key **ret)
{
	_cleanup_(pkey_free) EVP_PKEY *pkey = NULL;
	struct tlv exponent, modulus;
	int r;

	if (tlv_expect(&c, CARD_EXPONENT, &exponent) < 0 ||
	    tlv_expect(&c, CARD_MODULUS, &modulus) < 0 || c.left ||
	    exponent.value.left > EXPONENT_BYTES_MAX || modulus.value.left > RSA_BYTES_MAX ||
	    !is_shortest(exponent.value) || !is_shortest(modulus.value))
		return FUDA_EFORMAT;
	ERR_set_mark();
	r = rsa_from(modulus.value, exponent.value, &pkey);
	ERR_pop_to_mark();
	return r < 0 ? r : key_wrap(&pkey, CURVE_NONE, ret);
}

void key_free(struct key **key)
{
	if (!*key)
		return;
	EVP_PKEY_free((*key)->pkey);
	free(*key);
	*key = NULL;
}

unsigned key_bits(const struct key *key)
{
	return key ? (unsigned)EVP_PKEY_get_bits(key->pkey) : 0;
}

enum curve key_curve(const struct key *key)
{
	return key ? key->curve : CURVE_NONE;
}

const uint8_t *key_point(const struct key *key, size_t *ret_len)
{
	*ret_len = key->point_len;
	return key->curve == CURVE_NONE ? NULL : key->point;
}

/* RSA is what the JPKI uses: card.md 5.1 to 5.3. P-384 is what the next generation of the card is
 * announced to use (card.md 7); that it is judged now, before a CA issues it, costs nothing: a CA
 * must be believed first. */
bool key_in_profile(const struct key *key)
{
	return key_is_rsa_2048(key) || key_curve(key) == CURVE_P384;
}

bool key_is_rsa_2048(const struct key *key)
{
	return key && key->curve == CURVE_NONE && key_bits(key) == 2048;
}

bool key_equal(const struct key *a, const struct key *b)
{
	if (a->curve != b->curve)
		return false;
	if (a->curve == CURVE_NONE)
		return EVP_PKEY_eq(a->pkey, b->pkey) == 1;
	/* a point has one form here: not compressed */
	return a->point_len == b->point_len && memcmp(a->point, b->point, a->point_len) == 0;
}

/* ---- signatures ---- */

/* The hashes that are accepted. */
static const struct {
	enum fuda_hash hash;
	size_t len;
	const EVP_MD *(*md)(void);
} hashes[] = {
	{ FUDA_SHA256, 32, EVP_sha256 },
	{ FUDA_SHA384, 48, EVP_sha384 },
	{ FUDA_SHA512, 64, EVP_sha512 },
};

static const EVP_MD *accepted_hash(const struct fuda_digest *digest)
{
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		if (hashes[i].hash == digest->hash && hashes[i].len == digest->len)
			return hashes[i].md();
	return NULL;
}

/* For ECDSA there is nothing to set: what is signed is the digest as it is. */
static int set_padding(EVP_PKEY_CTX *ctx, enum fuda_padding padding, const EVP_MD *md)
{
	if (padding == FUDA_ECDSA)
		return 0;
	if (md && EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
		return FUDA_EFAILED;
	if (padding == FUDA_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 ? 0 : FUDA_EFAILED;
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) != 1)
		return FUDA_EFAILED;
	return 0;
}

/* Without a hash: PKCS#1 v1.5 over `signed_` as it is. */
static int verify(const struct key *key, enum fuda_padding padding, const EVP_MD *md,
		  struct cursor signed_, struct cursor signature)
{
	_cleanup_(pkey_ctx_free) EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	int r;

	if (!ctx)
		return FUDA_ENOMEM;
	ERR_set_mark();
	r = EVP_PKEY_verify_init(ctx) == 1 ? set_padding(ctx, padding, md) : FUDA_EFAILED;
	if (r == 0 &&
	    EVP_PKEY_verify(ctx, signature.p, signature.left, signed_.p, signed_.left) != 1)
		r = FUDA_EVERIFY;
	ERR_pop_to_mark();
	return r;
}

static bool signs_ecdsa(const struct key *key)
{
	return key->curve != CURVE_NONE && !curves[key->curve].facts.eddsa;
}

/* The form of a signature is checked before OpenSSL sees it. */
static bool is_signature(const struct key *key, const uint8_t *signature, size_t len)
{
	uint8_t raw[2 * 66];

	if (key->curve == CURVE_NONE)
		return len == (size_t)EVP_PKEY_get_size(key->pkey);
	return ecdsa_from_der(cur_of(signature, len), curves[key->curve].facts.bytes, raw) == 0;
}

int key_verify(const struct key *key, enum fuda_padding padding, const struct fuda_digest *digest,
	       const uint8_t *signature, size_t len)
{
	const EVP_MD *md = accepted_hash(digest);

	if (!key)
		return FUDA_ENOTSUP;
	if (padding == FUDA_ECDSA ? !signs_ecdsa(key) : key->curve != CURVE_NONE)
		return FUDA_EVERIFY;
	/* of the curve's own strength */
	if (!md || (padding == FUDA_ECDSA && digest->hash != curves[key->curve].facts.hash))
		return FUDA_ENOTSUP;
	if (!is_signature(key, signature, len))
		return FUDA_EVERIFY;
	return verify(key, padding, md, cur_of(digest->bytes, digest->len), cur_of(signature, len));
}

int key_verify_ecdsa(const struct key *key, const struct fuda_digest *digest,
		     const uint8_t *signature, size_t len)
{
	if (!key || !accepted_hash(digest))
		return FUDA_ENOTSUP;
	if (!signs_ecdsa(key) || !is_signature(key, signature, len))
		return FUDA_EVERIFY;
	return verify(key, FUDA_ECDSA, NULL, cur_of(digest->bytes, digest->len),
		      cur_of(signature, len));
}

int key_verify_raw(const struct key *key, const struct fuda_digest *digest,
		   const uint8_t *signature, size_t len)
{
	uint8_t der[ECDSA_DER_MAX];

	if (key && (!signs_ecdsa(key) || len != 2 * curves[key->curve].facts.bytes))
		return FUDA_EVERIFY;
	return key_verify_ecdsa(key, digest, der, key ? ecdsa_to_der(signature, len / 2, der) : 0);
}

static void md_ctx_free(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

int key_verify_message(const struct key *key, const uint8_t *message, size_t message_len,
		       const uint8_t *signature, size_t len)
{
	_cleanup_(md_ctx_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = 0;

	if (!ctx)
		return FUDA_ENOMEM;
	if (!key)
		return FUDA_ENOTSUP;
	if (!curves[key->curve].facts.eddsa || len != 2 * curves[key->curve].facts.bytes)
		return FUDA_EVERIFY;
	ERR_set_mark();
	if (EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL) != 1)
		r = FUDA_EFAILED;
	else if (EVP_DigestVerify(ctx, signature, len, message, message_len) != 1)
		r = FUDA_EVERIFY;
	ERR_pop_to_mark();
	return r;
}

int key_verify_info(const struct key *key, const uint8_t *info, size_t info_len,
		    const uint8_t *signature, size_t len)
{
	if (!key)
		return FUDA_ENOTSUP;
	if (key->curve != CURVE_NONE || !is_signature(key, signature, len))
		return FUDA_EVERIFY;
	return verify(key, FUDA_PKCS1, NULL, cur_of(info, info_len), cur_of(signature, len));
}
