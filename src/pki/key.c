/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "base/util.h"
#include "pki/der.h"

/* Keys of any size up to here are understood; which are accepted is the profile's matter. */
enum { RSA_BYTES_MAX = 1024, EXPONENT_BYTES_MAX = 8 };

struct kind {
	const char *oid;
	unsigned profile_bits; /* the size that the JPKI uses: card.md 5.1 to 5.3 */
	int (*load)(struct cursor parameters, struct cursor bits, EVP_PKEY **ret);
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

static void pkey_ctx_free(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static int rsa_from(const BIGNUM *n, const BIGNUM *e, EVP_PKEY **ret)
{
	_cleanup_(builder_free) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	_cleanup_(pkey_ctx_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	_cleanup_(params_free) OSSL_PARAM *params = NULL;

	if (!builder || !ctx || !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) ||
	    !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e))
		return FUDA_ENOMEM;
	params = OSSL_PARAM_BLD_to_param(builder);
	if (!params)
		return FUDA_ENOMEM;
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, ret, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return FUDA_EFAILED;
	return 0;
}

/* RSAPublicKey, RFC 8017 A.1.1; its parameters are NULL: RFC 3279 2.3.1. Read here, so that no
 * bytes of an unknown certificate reach another ASN.1 parser. */
static int load_rsa(struct cursor parameters, struct cursor bits, EVP_PKEY **ret)
{
	struct cursor modulus, exponent;
	struct tlv null, sequence;
	_cleanup_(bn_free) BIGNUM *n = NULL;
	_cleanup_(bn_free) BIGNUM *e = NULL;

	if (tlv_expect(&parameters, DER_NULL, &null) < 0 || null.value.left || parameters.left ||
	    tlv_expect(&bits, DER_SEQUENCE, &sequence) < 0 || bits.left ||
	    der_unsigned(&sequence.value, RSA_BYTES_MAX + 1, &modulus) < 0 ||
	    der_unsigned(&sequence.value, EXPONENT_BYTES_MAX, &exponent) < 0 || sequence.value.left)
		return FUDA_EFORMAT;
	n = BN_bin2bn(modulus.p, (int)modulus.left, NULL);
	e = BN_bin2bn(exponent.p, (int)exponent.left, NULL);
	if (!n || !e)
		return FUDA_ENOMEM;
	/* with an exponent of 1 every signature would be the padded digest itself */
	if (!BN_is_odd(n) || !BN_is_odd(e) || BN_is_one(e) || BN_num_bits(n) < 512)
		return FUDA_EFORMAT;
	return rsa_from(n, e, ret);
}

static const struct kind kinds[] = {
	{ "1.2.840.113549.1.1.1", 2048, load_rsa },
};

int key_new(struct cursor *c, struct key **ret)
{
	struct cursor at = *c, parameters, bits;
	struct tlv spki;
	char oid[DER_OID_MAX];
	unsigned unused;
	struct key *key;
	size_t i = 0;
	int r;

	if (tlv_expect(&at, DER_SEQUENCE, &spki) < 0 ||
	    der_algorithm(&spki.value, oid, &parameters) < 0 ||
	    der_bits(&spki.value, &bits, &unused) < 0 || unused || spki.value.left)
		return FUDA_EFORMAT;
	while (i < ARRAY_SIZE(kinds) && strcmp(kinds[i].oid, oid) != 0)
		i++;
	if (i == ARRAY_SIZE(kinds)) {
		*c = at;
		*ret = NULL;
		return 0;
	}
	key = calloc(1, sizeof(*key));
	if (!key)
		return FUDA_ENOMEM;
	key->kind = &kinds[i];
	ERR_set_mark();
	r = key->kind->load(parameters, bits, &key->pkey);
	ERR_pop_to_mark();
	if (r < 0) {
		key_free(&key);
		return r;
	}
	*c = at;
	*ret = key;
	return 0;
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

/* A hash that may be signed: what is not here is refused. */
static const EVP_MD *accepted_hash(const struct fuda_digest *digest)
{
	static const struct {
		enum fuda_hash hash;
		size_t len;
		const EVP_MD *(*md)(void);
	} accepted[] = {
		{ FUDA_SHA256, 32, EVP_sha256 },
		{ FUDA_SHA384, 48, EVP_sha384 },
		{ FUDA_SHA512, 64, EVP_sha512 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++)
		if (accepted[i].hash == digest->hash && accepted[i].len == digest->len)
			return accepted[i].md();
	return NULL;
}

static int set_padding(EVP_PKEY_CTX *ctx, enum fuda_padding padding, const EVP_MD *md)
{
	if (EVP_PKEY_verify_init(ctx) != 1 || EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
		return FUDA_EFAILED;
	if (padding == FUDA_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 ? 0 : FUDA_EFAILED;
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) != 1)
		return FUDA_EFAILED;
	return 0;
}

int key_verify(const struct key *key, enum fuda_padding padding, const struct fuda_digest *digest,
	       const uint8_t *signature, size_t len)
{
	_cleanup_(pkey_ctx_free) EVP_PKEY_CTX *ctx = NULL;
	const EVP_MD *md = accepted_hash(digest);
	int r;

	if (!key || !md)
		return FUDA_ENOTSUP;
	if (len != (size_t)EVP_PKEY_get_size(key->pkey))
		return FUDA_EVERIFY;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	if (!ctx)
		return FUDA_ENOMEM;
	ERR_set_mark();
	r = set_padding(ctx, padding, md);
	if (r == 0 && EVP_PKEY_verify(ctx, signature, len, digest->bytes, digest->len) != 1)
		r = FUDA_EVERIFY;
	ERR_pop_to_mark();
	return r;
}
