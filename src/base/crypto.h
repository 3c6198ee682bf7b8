/* SPDX-License-Identifier: Apache-2.0 */
/* Primitives that are no part of the public API. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>
#include <fuda/hash.h>

/* Digests of one kind, many of them: without what fuda_digest_bytes() has to make for each. One
 * thread at a time. FUDA_ENOMEM. */
struct crypto_hasher;
int crypto_hasher_new(enum fuda_hash hash, struct crypto_hasher **ret);
void crypto_hasher_free(struct crypto_hasher **h);
/* FUDA_EFAILED. */
int crypto_hasher_digest(struct crypto_hasher *h, const void *bytes, size_t len,
			 struct fuda_digest *ret);

#define AES_BLOCK 16

/* AES-128 in CBC mode without padding, of `len` bytes, a multiple of AES_BLOCK; `out` may be `in`.
 * FUDA_EINVAL, FUDA_EFAILED. */
int crypto_aes_cbc(bool encrypt, const uint8_t key[AES_BLOCK], const uint8_t iv[AES_BLOCK],
		   const uint8_t *in, size_t len, uint8_t *out);

/* A public RSA key: big endian numbers, not owned. */
struct rsa_public {
	const uint8_t *modulus, *exponent;
	size_t modulus_len, exponent_len;
};

/* RSAES-OAEP (RFC 8017 7.1) with SHA-256, MGF1 of it and the empty label. Appends as many bytes as
 * the modulus has. FUDA_EINVAL (no such key, or the message is too long for it), FUDA_EFAILED,
 * FUDA_ENOMEM. */
int crypto_rsa_oaep(const struct rsa_public *key, const uint8_t *message, size_t len,
		    struct fuda_buf *ret_ciphertext);

/* SipHash-2-4, a keyed hash of 64 bits: what is known of other hashes does not help to find the key
 * or the hash of anything. A fifth of what HMAC-SHA-256 takes. */
enum { SIPHASH_KEY = 16, SIPHASH_BYTES = 8 };
struct crypto_siphash;
/* FUDA_EFAILED: OpenSSL has none; FUDA_ENOMEM. */
int crypto_siphash_new(const uint8_t key[SIPHASH_KEY], struct crypto_siphash **ret);
/* Wipes the key. */
void crypto_siphash_free(struct crypto_siphash **h);
/* `bytes` may be NULL if `len` is 0. FUDA_EFAILED. */
int crypto_siphash(struct crypto_siphash *h, const uint8_t *bytes, size_t len,
		   uint8_t ret_hash[SIPHASH_BYTES]);

#endif
