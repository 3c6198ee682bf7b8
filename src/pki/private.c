/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/private.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/util.h"
#include "pki/der.h"
#include "pki/key-inside.h"

struct private_key {
	EVP_PKEY *pkey;
	struct key *public;
	EVP_PKEY_CTX *signing; /* made at the first ECDSA signature */
};

static void pkey_free(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static void pkey_ctx_free(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static void bio_free(BIO **bio)
{
	BIO_free(*bio);
}

static int wrap(EVP_PKEY **pkey, struct private_key **ret)
{
	_cleanup_(private_free) struct private_key *key = calloc(1, sizeof(*key));
	int r;

	if (!key)
		return FUDA_ENOMEM;
	key->pkey = *pkey;
	*pkey = NULL;
	r = key_of_pkey(key->pkey, &key->public);
	if (r < 0)
		return r;
	*ret = key;
	key = NULL;
	return 0;
}

void private_free(struct private_key **key)
{
	if (!*key)
		return;
	EVP_PKEY_CTX_free((*key)->signing);
	EVP_PKEY_free((*key)->pkey); /* OpenSSL wipes private numbers */
	key_free(&(*key)->public);
	free(*key);
	*key = NULL;
}

const struct key *private_public(const struct private_key *key)
{
	return key->public;
}

/* ---- where they come from ---- */

int private_new(enum curve number, struct private_key **ret)
{
	const struct curve_inside *curve = &curves[number];
	_cleanup_(pkey_free) EVP_PKEY *pkey = NULL;
	int r;

	if (number == CURVE_NONE)
		return FUDA_ENOTSUP;
	ERR_set_mark();
	pkey = curve->facts.eddsa ? EVP_PKEY_Q_keygen(NULL, NULL, curve->group) :
				    EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve->group);
	ERR_pop_to_mark();
	r = pkey ? wrap(&pkey, ret) : FUDA_EFAILED;
	/* nothing is wrong with what was made here */
	return r == FUDA_ENOTSUP || r == FUDA_EFORMAT ? FUDA_EFAILED : r;
}

/* ---- a scalar: OpenSSL wants the point too ---- */

struct numbers {
	EC_GROUP *group;
	EC_POINT *point;
	BIGNUM *scalar;
	OSSL_PARAM_BLD *builder;
	OSSL_PARAM *params;
};

static void numbers_free(struct numbers *n)
{
	OSSL_PARAM_free(n->params);
	OSSL_PARAM_BLD_free(n->builder);
	BN_clear_free(n->scalar);
	EC_POINT_free(n->point);
	EC_GROUP_free(n->group);
}

static bool in_range(const struct numbers *n)
{
	return !BN_is_zero(n->scalar) && BN_cmp(n->scalar, EC_GROUP_get0_order(n->group)) < 0;
}

/* Parameters of both halves; FUDA_EFORMAT: the scalar is no key of the curve. */
static int compute(const struct curve_inside *curve, const uint8_t *scalar, struct numbers *n)
{
	uint8_t point[KEY_POINT_MAX];
	size_t len;

	n->group = EC_GROUP_new_by_curve_name(OBJ_sn2nid(curve->group));
	n->point = n->group ? EC_POINT_new(n->group) : NULL;
	n->scalar = BN_secure_new(); /* or its copy among the parameters would not be wiped */
	n->builder = OSSL_PARAM_BLD_new();
	if (!n->point || !n->scalar || !n->builder ||
	    !BN_bin2bn(scalar, (int)curve->facts.bytes, n->scalar))
		return FUDA_ENOMEM;
	if (!in_range(n))
		return FUDA_EFORMAT;
	BN_set_flags(n->scalar, BN_FLG_CONSTTIME);
	if (EC_POINT_mul(n->group, n->point, n->scalar, NULL, NULL, NULL) != 1)
		return FUDA_EFAILED;
	len = EC_POINT_point2oct(n->group, n->point, POINT_CONVERSION_UNCOMPRESSED, point,
				 sizeof(point), NULL);
	if (!len ||
	    !OSSL_PARAM_BLD_push_utf8_string(n->builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group,
					     0) ||
	    !OSSL_PARAM_BLD_push_octet_string(n->builder, OSSL_PKEY_PARAM_PUB_KEY, point, len) ||
	    !OSSL_PARAM_BLD_push_BN(n->builder, OSSL_PKEY_PARAM_PRIV_KEY, n->scalar))
		return FUDA_EFAILED;
	n->params = OSSL_PARAM_BLD_to_param(n->builder);
	return n->params ? 0 : FUDA_ENOMEM;
}

int private_from_scalar(enum curve number, const uint8_t *scalar, size_t len,
			struct private_key **ret)
{
	const struct curve_inside *curve = &curves[number];
	_cleanup_(pkey_ctx_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	_cleanup_(numbers_free) struct numbers n = { 0 };
	_cleanup_(pkey_free) EVP_PKEY *pkey = NULL;
	int r;

	if (number == CURVE_NONE || curve->facts.eddsa)
		return FUDA_ENOTSUP;
	if (len != curve->facts.bytes)
		return FUDA_EFORMAT;
	ERR_set_mark();
	r = compute(curve, scalar, &n);
	if (r == 0 && (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
		       EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, n.params) != 1))
		r = FUDA_EFAILED;
	ERR_pop_to_mark();
	return r < 0 ? r : wrap(&pkey, ret);
}

/* ---- files ---- */

/* Nobody is asked: an encrypted key is refused. */
static int no_password(_unused_ char *buf, _unused_ int size, _unused_ int writing, void *arg)
{
	*(bool *)arg = true;
	return -1;
}

/* EncryptedPrivateKeyInfo: RFC 5958 3. */
static bool is_encrypted(struct cursor der)
{
	struct tlv all, part;

	return tlv_expect(&der, DER_SEQUENCE, &all) == 0 && !der.left &&
	       tlv_expect(&all.value, DER_SEQUENCE, &part) == 0 &&
	       tlv_expect(&all.value, DER_OCTET_STRING, &part) == 0 && !all.value.left;
}

/* Whether the public half that the file has is the private one's. What is no key on a curve is left
 * to wrap(). */
static bool is_pair(EVP_PKEY *pkey)
{
	_cleanup_(pkey_ctx_free) EVP_PKEY_CTX *ctx = NULL;

	if (!EVP_PKEY_is_a(pkey, "EC"))
		return true;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	return ctx && EVP_PKEY_pairwise_check(ctx) == 1;
}

int private_read(const uint8_t *bytes, size_t len, struct private_key **ret)
{
	_cleanup_(bio_free) BIO *bio = NULL;
	_cleanup_(pkey_free) EVP_PKEY *pkey = NULL;
	bool encrypted = false, good = true;

	if (!len || len > PRIVATE_FILE_MAX)
		return FUDA_EFORMAT;
	bio = BIO_new_mem_buf(bytes, (int)len);
	if (!bio)
		return FUDA_ENOMEM;
	ERR_set_mark();
	pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted);
	if (!pkey && !encrypted) {
		const unsigned char *p = bytes;

		pkey = d2i_AutoPrivateKey(NULL, &p, (long)len);
		good = p == bytes + len;
		encrypted = !pkey && is_encrypted(cur_of(bytes, len));
	}
	good = good && pkey && is_pair(pkey);
	ERR_pop_to_mark();
	if (!good)
		return encrypted ? FUDA_ENOTSUP : FUDA_EFORMAT;
	return wrap(&pkey, ret);
}

int private_write(const struct private_key *key, struct fuda_buf *ret_pem)
{
	_cleanup_(bio_free) BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	long len;

	if (!bio)
		return FUDA_ENOMEM;
	if (PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1)
		return FUDA_EFAILED;
	len = BIO_get_mem_data(bio, &text);
	return len > 0 ? fuda_buf_append(ret_pem, text, (size_t)len) : FUDA_EFAILED;
}

/* ---- what is done with them ---- */

static int sign_ecdsa(struct private_key *key, struct cursor digest, struct fuda_buf *ret)
{
	size_t bytes = curves[key->public->curve].facts.bytes, len = ECDSA_DER_MAX;
	uint8_t der[ECDSA_DER_MAX], raw[2 * 66];

	if (!key->signing) {
		_cleanup_(pkey_ctx_free) EVP_PKEY_CTX *ctx =
			EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);

		if (!ctx || EVP_PKEY_sign_init(ctx) != 1)
			return FUDA_EFAILED;
		key->signing = ctx;
		ctx = NULL;
	}
	if (EVP_PKEY_sign(key->signing, der, &len, digest.p, digest.left) != 1 ||
	    ecdsa_from_der(cur_of(der, len), bytes, raw) < 0)
		return FUDA_EFAILED;
	return fuda_buf_append(ret, raw, 2 * bytes);
}

static void md_ctx_free(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static int sign_eddsa(struct private_key *key, struct cursor message, struct fuda_buf *ret)
{
	_cleanup_(md_ctx_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[2 * 57];
	size_t len = sizeof(signature);

	if (!ctx)
		return FUDA_ENOMEM;
	if (EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL) != 1 ||
	    EVP_DigestSign(ctx, signature, &len, message.p, message.left) != 1)
		return FUDA_EFAILED;
	return fuda_buf_append(ret, signature, len);
}

static int sign(void *arg, enum signer_mode mode, const uint8_t *input, size_t len,
		struct fuda_buf *ret_signature)
{
	struct private_key *key = arg;
	bool eddsa = curves[key->public->curve].facts.eddsa;
	int r;

	if (eddsa != (mode == SIGN_EDDSA))
		return FUDA_ENOTSUP;
	ERR_set_mark();
	r = eddsa ? sign_eddsa(key, cur_of(input, len), ret_signature) :
		    sign_ecdsa(key, cur_of(input, len), ret_signature);
	ERR_pop_to_mark();
	return r;
}

struct signer private_signer(struct private_key *key)
{
	const struct curve_facts *facts = &curves[key->public->curve].facts;

	return (struct signer){
		.sign = sign,
		.arg = key,
		.mode = facts->eddsa ? SIGN_EDDSA : SIGN_ECDSA,
		.hash = facts->hash,
		.cose = facts->cose_algorithm,
	};
}

int private_agree(const struct private_key *own, const struct key *peer,
		  uint8_t ret_secret[AGREED_MAX], size_t *ret_len)
{
	_cleanup_(pkey_ctx_free) EVP_PKEY_CTX *ctx = NULL;
	uint8_t secret[AGREED_MAX];
	size_t len = sizeof(secret);
	int r = 0;

	if (own->public->curve != peer->curve || curves[peer->curve].facts.eddsa)
		return FUDA_EINVAL;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own->pkey, NULL);
	if (!ctx)
		return FUDA_ENOMEM;
	ERR_set_mark();
	if (EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, peer->pkey) != 1 ||
	    EVP_PKEY_derive(ctx, secret, &len) != 1)
		r = FUDA_EFAILED;
	ERR_pop_to_mark();
	if (r == 0) {
		memcpy(ret_secret, secret, len);
		*ret_len = len;
	}
	wipe(secret, sizeof(secret));
	return r;
}
