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

/* Keys of any size up to here are understood; which are accepted is the profile's matter. */
enum { RSA_BYTES_MAX = 1024, EXPONENT_BYTES_MAX = 8 };

/* A key in a record: card.md 2.6. */
enum { CARD_EXPONENT = 0x90, CARD_MODULUS = 0x91 };

struct kind {
	const char *oid;
	/* The size that is accepted. RSA is what the JPKI uses: card.md 5.1 to 5.3. P-384 is what
	 * the next generation of the card is announced to use (card.md 7); that it is judged now,
	 * before a CA issues it, costs nothing: a CA must be believed first. */
	unsigned profile_bits;
	/* FUDA_ENOTSUP for a key that may be good but is not known here. */
	int (*load)(struct cursor parameters, struct cursor bits, EVP_PKEY **ret);
	/* Whether the bytes are the form of a signature by this key, before OpenSSL sees them. */
	bool (*is_signature)(const EVP_PKEY *pkey, const uint8_t *signature, size_t len);
};

struct key {
	const struct kind *kind;
	EVP_PKEY *pkey;
};

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
static int load_rsa(struct cursor parameters, struct cursor bits, EVP_PKEY **ret)
{
	struct cursor modulus, exponent;
	struct tlv null, sequence;

	if (tlv_expect(&parameters, DER_NULL, &null) < 0 || null.value.left || parameters.left ||
	    tlv_expect(&bits, DER_SEQUENCE, &sequence) < 0 || bits.left ||
	    der_unsigned(&sequence.value, RSA_BYTES_MAX + 1, &modulus) < 0 ||
	    der_unsigned(&sequence.value, EXPONENT_BYTES_MAX, &exponent) < 0 || sequence.value.left)
		return FUDA_EFORMAT;
	return rsa_from(modulus, exponent, ret);
}

static bool is_rsa_signature(const EVP_PKEY *pkey, const uint8_t *signature _unused_, size_t len)
{
	return len == (size_t)EVP_PKEY_get_size(pkey);
}

/* The curves that are known, by their names: RFC 5480 2.1.1.1. */
static const struct curve {
	const char *oid, *name;
	size_t bytes; /* of a coordinate */
} curves[] = {
	{ "1.3.132.0.34", "P-384", 48 },
};

/* ECPoint, RFC 5480 2.2, uncompressed; OpenSSL sees to it that it lies on the curve. A curve given
 * by its numbers instead of its name is refused: RFC 5480 2.1.1. */
static int load_ec(struct cursor parameters, struct cursor bits, EVP_PKEY **ret)
{
	_cleanup_(builder_free) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	const struct curve *curve = curves;
	const struct cursor point = bits;
	char oid[DER_OID_MAX];
	uint8_t form;
	int r;

	if (!builder)
		return FUDA_ENOMEM;
	if (der_oid(&parameters, oid) < 0 || parameters.left)
		return FUDA_EFORMAT;
	while (curve < curves + ARRAY_SIZE(curves) && strcmp(curve->oid, oid) != 0)
		curve++;
	if (curve == curves + ARRAY_SIZE(curves))
		return FUDA_ENOTSUP;
	if (cur_u8(&bits, &form) < 0 || form != POINT_CONVERSION_UNCOMPRESSED ||
	    bits.left != 2 * curve->bytes)
		return FUDA_EFORMAT;
	if (!OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->name, 0) ||
	    !OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.p,
					      point.left))
		return FUDA_ENOMEM;
	r = public_key("EC", builder, ret);
	return r == FUDA_EFAILED ? FUDA_EFORMAT : r; /* it is the point that OpenSSL refuses */
}

/* Ecdsa-Sig-Value, RFC 5480 A: two positive numbers in DER. That they are below the order of the
 * curve is checked with the signature. */
static bool is_ecdsa_signature(const EVP_PKEY *pkey, const uint8_t *signature, size_t len)
{
	struct cursor c = cur_of(signature, len), number;
	size_t max = (size_t)EVP_PKEY_get_bits(pkey) / 8 + 1;
	struct tlv sequence;
	uint8_t first;

	if (tlv_expect(&c, DER_SEQUENCE, &sequence) < 0 || c.left)
		return false;
	for (int i = 0; i < 2; i++)
		if (der_unsigned(&sequence.value, max, &number) < 0 ||
		    cur_u8(&number, &first) < 0 || first == 0)
			return false;
	return sequence.value.left == 0;
}

enum { KIND_RSA, KIND_EC };
static const struct kind kinds[] = {
	[KIND_RSA] = { "1.2.840.113549.1.1.1", 2048, load_rsa, is_rsa_signature },
	[KIND_EC] = { "1.2.840.10045.2.1", 384, load_ec, is_ecdsa_signature },
};

static int make(const struct kind *kind, EVP_PKEY **pkey, struct key **ret)
{
	struct key *key = calloc(1, sizeof(*key));

	if (!key)
		return FUDA_ENOMEM;
	key->kind = kind;
	key->pkey = *pkey;
	*pkey = NULL;
	*ret = key;
	return 0;
}

int key_new(struct cursor *c, struct key **ret)
{
	_cleanup_(pkey_free) EVP_PKEY *pkey = NULL;
	struct cursor at = *c, parameters, bits;
	struct tlv spki;
	char oid[DER_OID_MAX];
	unsigned unused;
	size_t i = 0;
	int r = FUDA_ENOTSUP;

	if (tlv_expect(&at, DER_SEQUENCE, &spki) < 0 ||
	    der_algorithm(&spki.value, oid, &parameters) < 0 ||
	    der_bits(&spki.value, &bits, &unused) < 0 || unused || spki.value.left)
		return FUDA_EFORMAT;
	while (i < ARRAY_SIZE(kinds) && strcmp(kinds[i].oid, oid) != 0)
		i++;
	ERR_set_mark();
	if (i < ARRAY_SIZE(kinds))
		r = kinds[i].load(parameters, bits, &pkey);
	ERR_pop_to_mark();
	if (r == 0)
		r = make(&kinds[i], &pkey, ret);
	else if (r == FUDA_ENOTSUP)
		r = 0, *ret = NULL;
	if (r == 0)
		*c = at;
	return r;
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
	return r < 0 ? r : make(&kinds[KIND_RSA], &pkey, ret);
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

bool key_in_profile(const struct key *key)
{
	return key && key_bits(key) == key->kind->profile_bits;
}

bool key_is_rsa_2048(const struct key *key)
{
	return key && key->kind == &kinds[KIND_RSA] && key_bits(key) == 2048;
}

bool key_equal(const struct key *a, const struct key *b)
{
	return a->kind == b->kind && EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

/* What may be signed by what: nothing that is not here is accepted. */
static const struct scheme {
	const struct kind *kind;
	enum fuda_padding padding;
	enum fuda_hash hash;
	size_t len;
	const EVP_MD *(*md)(void);
} schemes[] = {
	{ &kinds[KIND_RSA], FUDA_PKCS1, FUDA_SHA256, 32, EVP_sha256 },
	{ &kinds[KIND_RSA], FUDA_PKCS1, FUDA_SHA384, 48, EVP_sha384 },
	{ &kinds[KIND_RSA], FUDA_PKCS1, FUDA_SHA512, 64, EVP_sha512 },
	{ &kinds[KIND_RSA], FUDA_PSS, FUDA_SHA256, 32, EVP_sha256 },
	{ &kinds[KIND_RSA], FUDA_PSS, FUDA_SHA384, 48, EVP_sha384 },
	{ &kinds[KIND_RSA], FUDA_PSS, FUDA_SHA512, 64, EVP_sha512 },
	{ &kinds[KIND_EC], FUDA_ECDSA, FUDA_SHA384, 48,
	  EVP_sha384 }, /* of the curve's own strength */
};

/* FUDA_EVERIFY if such keys do not sign so at all, FUDA_ENOTSUP if not with this hash. */
static int find_scheme(const struct key *key, enum fuda_padding padding,
		       const struct fuda_digest *digest, const struct scheme **ret)
{
	int r = FUDA_EVERIFY;

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		const struct scheme *s = &schemes[i];

		if (s->kind != key->kind || s->padding != padding)
			continue;
		r = FUDA_ENOTSUP;
		if (s->hash == digest->hash && s->len == digest->len) {
			*ret = s;
			return 0;
		}
	}
	return r;
}

static int set_scheme(EVP_PKEY_CTX *ctx, const struct scheme *scheme)
{
	const EVP_MD *md = scheme->md();

	if (EVP_PKEY_verify_init(ctx) != 1 || EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
		return FUDA_EFAILED;
	switch (scheme->padding) {
	case FUDA_PKCS1:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 ? 0 : FUDA_EFAILED;
	case FUDA_PSS:
		if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
		    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) != 1 ||
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) != 1)
			return FUDA_EFAILED;
		return 0;
	case FUDA_ECDSA:
		return 0;
	}
	return FUDA_EFAILED;
}

/* Without a scheme: PKCS#1 v1.5 over `signed_` as it is. */
static int verify(const struct key *key, const struct scheme *scheme, struct cursor signed_,
		  struct cursor signature)
{
	_cleanup_(pkey_ctx_free) EVP_PKEY_CTX *ctx = NULL;
	int r = 0;

	if (!key->kind->is_signature(key->pkey, signature.p, signature.left))
		return FUDA_EVERIFY;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	if (!ctx)
		return FUDA_ENOMEM;
	ERR_set_mark();
	if (scheme)
		r = set_scheme(ctx, scheme);
	else if (EVP_PKEY_verify_init(ctx) != 1 ||
		 EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)
		r = FUDA_EFAILED;
	if (r == 0 &&
	    EVP_PKEY_verify(ctx, signature.p, signature.left, signed_.p, signed_.left) != 1)
		r = FUDA_EVERIFY;
	ERR_pop_to_mark();
	return r;
}

int key_verify(const struct key *key, enum fuda_padding padding, const struct fuda_digest *digest,
	       const uint8_t *signature, size_t len)
{
	const struct scheme *scheme = NULL;
	int r = key ? find_scheme(key, padding, digest, &scheme) : FUDA_ENOTSUP;

	return r < 0 ? r :
		       verify(key, scheme, cur_of(digest->bytes, digest->len),
			      cur_of(signature, len));
}

int key_verify_info(const struct key *key, const uint8_t *info, size_t info_len,
		    const uint8_t *signature, size_t len)
{
	if (!key)
		return FUDA_ENOTSUP;
	if (key->kind != &kinds[KIND_RSA])
		return FUDA_EVERIFY;
	return verify(key, NULL, cur_of(info, info_len), cur_of(signature, len));
}
