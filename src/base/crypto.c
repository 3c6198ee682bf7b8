/* SPDX-License-Identifier: Apache-2.0 */
/* The one door to cryptographic primitives. */
#include "base/crypto.h"

#include <errno.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/util.h"

static const struct {
	const char *name;
	const EVP_MD *(*md)(void);
} hashes[] = {
	[FUDA_SHA1] = { "sha1", EVP_sha1 },
	[FUDA_SHA256] = { "sha256", EVP_sha256 },
	[FUDA_SHA384] = { "sha384", EVP_sha384 },
	[FUDA_SHA512] = { "sha512", EVP_sha512 },
};

/* The same, looked up once: what hashes[].md() gives is looked up anew with each digest. NULL: it
 * could not be. */
static EVP_MD *found[ARRAY_SIZE(hashes)];

static void find_hashes(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		found[i] = EVP_MD_fetch(NULL, EVP_MD_get0_name(hashes[i].md()), NULL);
}

static const EVP_MD *md_of(enum fuda_hash hash)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, find_hashes);
	return found[hash] ? found[hash] : hashes[hash].md();
}

const char *fuda_hash_name(enum fuda_hash hash)
{
	return hashes[hash].name;
}

int fuda_hash_by_name(const char *name, enum fuda_hash *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (strcasecmp(hashes[i].name, name) == 0) {
			*ret = (enum fuda_hash)i;
			return 0;
		}
	}
	return FUDA_ENOTSUP;
}

static int finish(EVP_MD_CTX *md, enum fuda_hash hash, struct fuda_digest *ret)
{
	struct fuda_digest d = { .hash = hash };
	unsigned len;

	if (EVP_DigestFinal_ex(md, d.bytes, &len) != 1)
		return FUDA_EFAILED;
	d.len = len;
	*ret = d;
	return 0;
}

static void md_free(EVP_MD_CTX **md)
{
	EVP_MD_CTX_free(*md);
}

int fuda_digest_bytes(enum fuda_hash hash, const void *bytes, size_t len, struct fuda_digest *ret)
{
	_cleanup_(md_free) EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (!md || EVP_DigestInit_ex(md, md_of(hash), NULL) != 1 ||
	    EVP_DigestUpdate(md, bytes, len) != 1)
		return FUDA_EFAILED;
	return finish(md, hash, ret);
}

int fuda_digest_fd(enum fuda_hash hash, int fd, struct fuda_digest *ret)
{
	_cleanup_(md_free) EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t piece[65536];
	ssize_t n;

	if (!md || EVP_DigestInit_ex(md, md_of(hash), NULL) != 1)
		return FUDA_EFAILED;
	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			return FUDA_ECANCELLED;
		if (n < 0)
			return FUDA_EFILE;
		if (EVP_DigestUpdate(md, piece, (size_t)n) != 1)
			return FUDA_EFAILED;
	}
	return finish(md, hash, ret);
}

struct crypto_hasher {
	enum fuda_hash hash;
	EVP_MD_CTX *md;
};

int crypto_hasher_new(enum fuda_hash hash, struct crypto_hasher **ret)
{
	struct crypto_hasher *h = calloc(1, sizeof(*h));

	if (!h)
		return FUDA_ENOMEM;
	h->hash = hash;
	h->md = EVP_MD_CTX_new();
	if (!h->md) {
		free(h);
		return FUDA_ENOMEM;
	}
	*ret = h;
	return 0;
}

void crypto_hasher_free(struct crypto_hasher **h)
{
	if (!*h)
		return;
	EVP_MD_CTX_free((*h)->md);
	free(*h);
	*h = NULL;
}

int crypto_hasher_digest(struct crypto_hasher *h, const void *bytes, size_t len,
			 struct fuda_digest *ret)
{
	if (EVP_DigestInit_ex(h->md, md_of(h->hash), NULL) != 1 ||
	    EVP_DigestUpdate(h->md, bytes, len) != 1)
		return FUDA_EFAILED;
	return finish(h->md, h->hash, ret);
}

int fuda_random(void *out, size_t len)
{
	/* RAND_bytes() does not survive that OpenSSL could not initialise itself. */
	if (OPENSSL_init_crypto(0, NULL) != 1)
		return FUDA_EFAILED;
	return RAND_bytes(out, (int)len) == 1 ? 0 : FUDA_EFAILED;
}

/* ---- keyed hash ---- */

struct crypto_siphash {
	EVP_MAC_CTX *mac;
	uint8_t key[SIPHASH_KEY];
};

static void mac_free(EVP_MAC **mac)
{
	EVP_MAC_free(*mac);
}

int crypto_siphash_new(const uint8_t key[SIPHASH_KEY], struct crypto_siphash **ret)
{
	_cleanup_(mac_free) EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	struct crypto_siphash *h = calloc(1, sizeof(*h));
	size_t size = SIPHASH_BYTES; /* it can make 16 */
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end(),
	};

	if (!h)
		return FUDA_ENOMEM;
	memcpy(h->key, key, sizeof(h->key));
	h->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	if (!h->mac || EVP_MAC_CTX_set_params(h->mac, params) != 1) {
		crypto_siphash_free(&h);
		return FUDA_EFAILED;
	}
	*ret = h;
	return 0;
}

void crypto_siphash_free(struct crypto_siphash **h)
{
	if (!*h)
		return;
	EVP_MAC_CTX_free((*h)->mac);
	wipe((*h)->key, sizeof((*h)->key));
	free(*h);
	*h = NULL;
}

int crypto_siphash(struct crypto_siphash *h, const uint8_t *bytes, size_t len,
		   uint8_t ret_hash[SIPHASH_BYTES])
{
	uint8_t hash[SIPHASH_BYTES];
	size_t n;

	if (EVP_MAC_init(h->mac, h->key, sizeof(h->key), NULL) != 1 ||
	    (len && EVP_MAC_update(h->mac, bytes, len) != 1) ||
	    EVP_MAC_final(h->mac, hash, &n, sizeof(hash)) != 1 || n != sizeof(hash))
		return FUDA_EFAILED;
	memcpy(ret_hash, hash, sizeof(hash));
	return 0;
}

/* ---- AES ---- */

static void cipher_free(EVP_CIPHER_CTX **ctx)
{
	EVP_CIPHER_CTX_free(*ctx);
}

int crypto_aes_cbc(bool encrypt, const uint8_t key[AES_BLOCK], const uint8_t iv[AES_BLOCK],
		   const uint8_t *in, size_t len, uint8_t *out)
{
	_cleanup_(cipher_free) EVP_CIPHER_CTX *ctx = NULL;
	int done = 0;

	if (len % AES_BLOCK || len > INT_MAX)
		return FUDA_EINVAL;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx || EVP_CipherInit_ex(ctx, EVP_aes_128_cbc(), NULL, key, iv, encrypt) != 1 ||
	    EVP_CIPHER_CTX_set_padding(ctx, 0) != 1 ||
	    EVP_CipherUpdate(ctx, out, &done, in, (int)len) != 1 || (size_t)done != len)
		return FUDA_EFAILED;
	return 0;
}

/* ---- RSA ---- */

enum { RSA_BYTES_MIN = 256, RSA_BYTES_MAX = 512, EXPONENT_MAX = 4, OAEP_BYTES = 66 };

static void key_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void key_ctx_free(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static void number_free(BIGNUM **n)
{
	BN_free(*n);
}

static void builder_free(OSSL_PARAM_BLD **builder)
{
	OSSL_PARAM_BLD_free(*builder);
}

static void params_free(OSSL_PARAM **params)
{
	OSSL_PARAM_free(*params);
}

/* What OpenSSL would take, but no card has. */
static bool sane_key(const struct rsa_public *key)
{
	return key->modulus_len >= RSA_BYTES_MIN && key->modulus_len <= RSA_BYTES_MAX &&
	       key->modulus[0] & 0x80 && key->modulus[key->modulus_len - 1] & 1 &&
	       key->exponent_len >= 1 && key->exponent_len <= EXPONENT_MAX &&
	       key->exponent[key->exponent_len - 1] & 1 &&
	       !(key->exponent_len == 1 && key->exponent[0] == 1);
}

static EVP_PKEY *rsa_key(const struct rsa_public *key)
{
	_cleanup_(number_free) BIGNUM *n = BN_bin2bn(key->modulus, (int)key->modulus_len, NULL);
	_cleanup_(number_free) BIGNUM *e = BN_bin2bn(key->exponent, (int)key->exponent_len, NULL);
	_cleanup_(builder_free) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	_cleanup_(params_free) OSSL_PARAM *params = NULL;
	_cleanup_(key_ctx_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *made = NULL;

	if (!n || !e || !builder || !ctx ||
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return NULL;
	params = OSSL_PARAM_BLD_to_param(builder);
	if (!params || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return made;
}

int crypto_rsa_oaep(const struct rsa_public *key, const uint8_t *message, size_t len,
		    struct fuda_buf *ret_ciphertext)
{
	_cleanup_(key_free) EVP_PKEY *pkey = NULL;
	_cleanup_(key_ctx_free) EVP_PKEY_CTX *ctx = NULL;
	uint8_t out[RSA_BYTES_MAX];
	size_t out_len = sizeof(out);

	if (!sane_key(key) || len > key->modulus_len - OAEP_BYTES)
		return FUDA_EINVAL;
	pkey = rsa_key(key);
	ctx = pkey ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;
	if (!ctx || EVP_PKEY_encrypt_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) != 1 ||
	    EVP_PKEY_encrypt(ctx, out, &out_len, message, len) != 1)
		return FUDA_EFAILED;
	return fuda_buf_append(ret_ciphertext, out, out_len);
}
