/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto-keys.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

#include "base/util.h"

/* ---- algorithms: looked up once, as that takes longer than most of what is done with them ---- */

static struct {
	EVP_MAC_CTX *hmac; /* has its hash, but no key: to be copied */
	EVP_KDF *hkdf;
	EVP_CIPHER *gcm, *wrap;
} algorithms;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static OSSL_PARAM sha256_param(const char *name)
{
	static char sha256[] = "SHA256";

	return OSSL_PARAM_construct_utf8_string(name, sha256, 0);
}

static void look_up(void)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	const OSSL_PARAM params[] = {
		sha256_param(OSSL_MAC_PARAM_DIGEST),
		OSSL_PARAM_construct_end(),
	};

	algorithms.hmac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (algorithms.hmac && EVP_MAC_CTX_set_params(algorithms.hmac, params) != 1) {
		EVP_MAC_CTX_free(algorithms.hmac);
		algorithms.hmac = NULL;
	}
	algorithms.hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	algorithms.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	algorithms.wrap = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
}

static bool ready(void)
{
	return pthread_once(&once, look_up) == 0 && algorithms.hmac && algorithms.hkdf &&
	       algorithms.gcm && algorithms.wrap;
}

/* ---- HMAC and HKDF ---- */

static void mac_free(EVP_MAC_CTX **mac)
{
	EVP_MAC_CTX_free(*mac);
}

int crypto_hmac(struct piece key, const struct piece *pieces, size_t count, uint8_t ret[HMAC_BYTES])
{
	_cleanup_(mac_free) EVP_MAC_CTX *mac = NULL;
	uint8_t out[HMAC_BYTES];
	size_t n;

	if (!ready())
		return FUDA_EFAILED;
	mac = EVP_MAC_CTX_dup(algorithms.hmac);
	/* without bytes it would take no key at all */
	if (!mac || EVP_MAC_init(mac, key.len ? key.bytes : "", key.len, NULL) != 1)
		return FUDA_EFAILED;
	for (size_t i = 0; i < count; i++)
		if (pieces[i].len && EVP_MAC_update(mac, pieces[i].bytes, pieces[i].len) != 1)
			return FUDA_EFAILED;
	if (EVP_MAC_final(mac, out, &n, sizeof(out)) != 1 || n != sizeof(out))
		return FUDA_EFAILED;
	memcpy(ret, out, sizeof(out));
	return 0;
}

static void kdf_free(EVP_KDF_CTX **kdf)
{
	EVP_KDF_CTX_free(*kdf);
}

static OSSL_PARAM bytes_param(const char *name, struct piece piece)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)piece.bytes, piece.len);
}

int crypto_hkdf(struct piece key, struct piece salt, struct piece info, uint8_t *out, size_t len)
{
	_cleanup_(kdf_free) EVP_KDF_CTX *kdf = ready() ? EVP_KDF_CTX_new(algorithms.hkdf) : NULL;
	OSSL_PARAM params[5] = {
		sha256_param(OSSL_KDF_PARAM_DIGEST),
		bytes_param(OSSL_KDF_PARAM_KEY, key),
	};
	size_t n = 2;

	if (salt.len)
		params[n++] = bytes_param(OSSL_KDF_PARAM_SALT, salt);
	if (info.len)
		params[n++] = bytes_param(OSSL_KDF_PARAM_INFO, info);
	params[n] = OSSL_PARAM_construct_end();
	return kdf && EVP_KDF_derive(kdf, out, len, params) == 1 ? 0 : FUDA_EFAILED;
}

/* ---- AES ---- */

static void cipher_free(EVP_CIPHER_CTX **ctx)
{
	EVP_CIPHER_CTX_free(*ctx);
}

/* A context for AES-GCM that has seen what is bound; NULL on failure. */
static EVP_CIPHER_CTX *gcm_begin(int encrypt, const uint8_t *key, const uint8_t *nonce,
				 const struct piece *bound, size_t bound_count)
{
	EVP_CIPHER_CTX *ctx = ready() ? EVP_CIPHER_CTX_new() : NULL;
	int n, ok = ctx && EVP_CipherInit_ex2(ctx, algorithms.gcm, key, nonce, encrypt, NULL) == 1;

	for (size_t i = 0; ok && i < bound_count; i++)
		ok = bound[i].len <= INT_MAX &&
		     (!bound[i].len ||
		      EVP_CipherUpdate(ctx, NULL, &n, bound[i].bytes, (int)bound[i].len) == 1);
	if (ok)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

int crypto_gcm_seal(const uint8_t key[AES256_KEY], const uint8_t nonce[GCM_NONCE],
		    const struct piece *bound, size_t bound_count, struct piece plain,
		    struct fuda_buf *ret_sealed)
{
	_cleanup_(cipher_free) EVP_CIPHER_CTX *ctx = NULL;
	_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(INT_MAX);
	uint8_t tag[GCM_TAG], none[1];
	int n = 0, e;

	if (plain.len > INT_MAX - GCM_TAG)
		return FUDA_EINVAL;
	e = buf_reserve(&out, plain.len + GCM_TAG);
	if (e < 0)
		return e;
	ctx = gcm_begin(1, key, nonce, bound, bound_count);
	if (!ctx ||
	    (plain.len && (EVP_EncryptUpdate(ctx, out.data, &n, plain.bytes, (int)plain.len) != 1 ||
			   (size_t)n != plain.len)) ||
	    EVP_EncryptFinal_ex(ctx, none, &n) != 1 || n != 0 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, tag) != 1)
		return FUDA_EFAILED;
	out.len = plain.len;
	e = fuda_buf_append(&out, tag, sizeof(tag));
	return e < 0 ? e : fuda_buf_append(ret_sealed, out.data, out.len);
}

int crypto_gcm_open(const uint8_t key[AES256_KEY], const uint8_t nonce[GCM_NONCE],
		    const struct piece *bound, size_t bound_count, struct piece sealed,
		    struct fuda_buf *ret_plain)
{
	_cleanup_(cipher_free) EVP_CIPHER_CTX *ctx = NULL;
	_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(INT_MAX);
	uint8_t tag[GCM_TAG], none[1];
	const uint8_t *bytes = sealed.bytes;
	size_t len;
	int n = 0, e;

	if (sealed.len < GCM_TAG || sealed.len > INT_MAX)
		return FUDA_EVERIFY;
	len = sealed.len - GCM_TAG;
	memcpy(tag, bytes + len, sizeof(tag));
	e = buf_reserve(&out, len + 1);
	if (e < 0)
		return e;
	ctx = gcm_begin(0, key, nonce, bound, bound_count);
	if (!ctx || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag) != 1 ||
	    (len &&
	     (EVP_DecryptUpdate(ctx, out.data, &n, bytes, (int)len) != 1 || (size_t)n != len)))
		return FUDA_EFAILED;
	out.len = len; /* so that it is wiped */
	if (EVP_DecryptFinal_ex(ctx, none, &n) != 1)
		return FUDA_EVERIFY;
	return fuda_buf_append(ret_plain, out.data, out.len);
}

/* What wrapping or unwrapping gives, and the block that OpenSSL may write besides. */
enum { WRAPPED_MAX = 4096, WRAP_MORE = 16 };

static int wrap(int encrypt, const uint8_t *kek, struct piece in, struct fuda_buf *ret)
{
	_cleanup_(cipher_free) EVP_CIPHER_CTX *ctx = ready() ? EVP_CIPHER_CTX_new() : NULL;
	uint8_t out[WRAPPED_MAX + WRAP_MORE];
	int n = 0, e;

	if (!ctx || EVP_CipherInit_ex2(ctx, algorithms.wrap, kek, NULL, encrypt, NULL) != 1)
		return FUDA_EFAILED;
	if (EVP_CipherUpdate(ctx, out, &n, in.bytes, (int)in.len) != 1 || n <= 0)
		e = encrypt ? FUDA_EFAILED : FUDA_EVERIFY;
	else
		e = fuda_buf_append(ret, out, (size_t)n);
	wipe(out, sizeof(out));
	return e;
}

int crypto_wrap(const uint8_t kek[AES256_KEY], struct piece key, struct fuda_buf *ret_wrapped)
{
	return !key.len || key.len > WRAPPED_MAX - WRAP_MORE ? FUDA_EINVAL :
							       wrap(1, kek, key, ret_wrapped);
}

int crypto_unwrap(const uint8_t kek[AES256_KEY], struct piece wrapped, struct fuda_buf *ret_key)
{
	return wrapped.len < 16 || wrapped.len % 8 || wrapped.len > WRAPPED_MAX ?
		       FUDA_EVERIFY :
		       wrap(0, kek, wrapped, ret_key);
}

/* ---- ES256 ---- */

enum { ES256_HALF = ES256_BYTES / 2, ES256_DER_MAX = 80, SPKI_MAX = 256 };

static void key_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void md_free(EVP_MD_CTX **md)
{
	EVP_MD_CTX_free(*md);
}

static void sig_free(ECDSA_SIG **sig)
{
	ECDSA_SIG_free(*sig);
}

/* Whether it is one of P-256; others sign otherwise. */
static bool is_p256(EVP_PKEY *key)
{
	char group[32];

	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       strcmp(group, "prime256v1") == 0;
}

/* `key`, read up to `end`, if it is a whole one of P-256, or NULL. */
static EVP_PKEY *whole_key(EVP_PKEY *key, const uint8_t *end, struct piece der)
{
	if (key && end == (const uint8_t *)der.bytes + der.len && is_p256(key))
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static EVP_PKEY *private_of(struct piece der)
{
	const uint8_t *p = der.bytes;
	EVP_PKEY *key;

	if (!der.len || der.len > EC_PRIVATE_MAX)
		return NULL;
	key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &p, (long)der.len);
	return whole_key(key, p, der);
}

static EVP_PKEY *public_of(struct piece spki)
{
	const uint8_t *p = spki.bytes;
	EVP_PKEY *key;

	if (!spki.len || spki.len > SPKI_MAX)
		return NULL;
	key = d2i_PUBKEY(NULL, &p, (long)spki.len);
	return whole_key(key, p, spki);
}

int crypto_ec_new(struct fuda_buf *ret_private)
{
	_cleanup_(key_free) EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t der[EC_PRIVATE_MAX], *p = der;
	int len = key ? i2d_PrivateKey(key, NULL) : 0, e;

	if (len <= 0 || len > EC_PRIVATE_MAX || i2d_PrivateKey(key, &p) != len)
		return FUDA_EFAILED;
	e = fuda_buf_append(ret_private, der, (size_t)len);
	wipe(der, sizeof(der));
	return e;
}

int crypto_ec_public(struct piece private_key, struct fuda_buf *ret_spki)
{
	_cleanup_(key_free) EVP_PKEY *key = private_of(private_key);
	uint8_t der[SPKI_MAX], *p = der;
	int len;

	if (!key)
		return FUDA_EFORMAT;
	len = i2d_PUBKEY(key, NULL);
	if (len <= 0 || len > SPKI_MAX || i2d_PUBKEY(key, &p) != len)
		return FUDA_EFAILED;
	return fuda_buf_append(ret_spki, der, (size_t)len);
}

int crypto_ec_sign(struct piece private_key, struct piece message, uint8_t ret[ES256_BYTES])
{
	_cleanup_(key_free) EVP_PKEY *key = private_of(private_key);
	_cleanup_(md_free) EVP_MD_CTX *md = EVP_MD_CTX_new();
	_cleanup_(sig_free) ECDSA_SIG *sig = NULL;
	uint8_t der[ES256_DER_MAX], raw[ES256_BYTES];
	const uint8_t *p = der;
	size_t len = sizeof(der);

	if (!key)
		return FUDA_EFORMAT;
	if (!md || EVP_DigestSignInit_ex(md, NULL, "SHA256", NULL, NULL, key, NULL) != 1 ||
	    EVP_DigestSign(md, der, &len, message.len ? message.bytes : der, message.len) != 1)
		return FUDA_EFAILED;
	sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	if (!sig || BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, ES256_HALF) != ES256_HALF ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + ES256_HALF, ES256_HALF) != ES256_HALF)
		return FUDA_EFAILED;
	memcpy(ret, raw, sizeof(raw));
	return 0;
}

/* The DER that OpenSSL wants of r and s; its length, or -1. */
static int signature_der(const uint8_t signature[ES256_BYTES], uint8_t der[ES256_DER_MAX])
{
	_cleanup_(sig_free) ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, ES256_HALF, NULL);
	BIGNUM *s = BN_bin2bn(signature + ES256_HALF, ES256_HALF, NULL);
	int len;

	if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return -1;
	}
	len = i2d_ECDSA_SIG(sig, NULL);
	return len > 0 && len <= ES256_DER_MAX && i2d_ECDSA_SIG(sig, &der) == len ? len : -1;
}

int crypto_ec_verify(struct piece spki, struct piece message, const uint8_t signature[ES256_BYTES])
{
	_cleanup_(key_free) EVP_PKEY *key = public_of(spki);
	_cleanup_(md_free) EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t der[ES256_DER_MAX];
	int len = signature_der(signature, der);

	if (!md || len < 0)
		return FUDA_EFAILED;
	if (!key)
		return FUDA_EVERIFY;
	if (EVP_DigestVerifyInit_ex(md, NULL, "SHA256", NULL, NULL, key, NULL) != 1)
		return FUDA_EFAILED;
	return EVP_DigestVerify(md, der, (size_t)len, message.len ? message.bytes : der,
				message.len) == 1 ?
		       0 :
		       FUDA_EVERIFY;
}
