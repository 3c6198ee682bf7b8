/* SPDX-License-Identifier: Apache-2.0 */
/* Primitives that work with keys of one's own: for the platform's service. All of these may be
 * called by several threads at once, and keep no key after they return. */
#ifndef BASE_CRYPTO_KEYS_H
#define BASE_CRYPTO_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>

enum {
	AES256_KEY = 32,
	GCM_NONCE = 12,
	GCM_TAG = 16,
	HMAC_BYTES = 32,
	ES256_BYTES = 64,
	EC_PRIVATE_MAX = 160, /* bytes of a private key of P-256 */
};

/* Bytes that are not owned; NULL if there are none. */
struct piece {
	const void *bytes;
	size_t len;
};
#define PIECE(p, length) ((struct piece){ (p), (length) })

/* HMAC-SHA-256 (RFC 2104) of all pieces, one behind the other. FUDA_EFAILED. */
int crypto_hmac(struct piece key, const struct piece *pieces, size_t count,
		uint8_t ret[HMAC_BYTES]);
/* HKDF-SHA-256 (RFC 5869). FUDA_EFAILED, also for more than 255 hashes. */
int crypto_hkdf(struct piece key, struct piece salt, struct piece info, uint8_t *out, size_t len);

/* AES-256-GCM (NIST SP 800-38D): appends the ciphertext and the tag. `bound` is authenticated too.
 * FUDA_EINVAL (too long), FUDA_EFAILED, FUDA_ETOOBIG, FUDA_ENOMEM. */
int crypto_gcm_seal(const uint8_t key[AES256_KEY], const uint8_t nonce[GCM_NONCE],
		    const struct piece *bound, size_t bound_count, struct piece plain,
		    struct fuda_buf *ret_sealed);
/* The reverse: appends nothing unless all is right. FUDA_EVERIFY: it is not. */
int crypto_gcm_open(const uint8_t key[AES256_KEY], const uint8_t nonce[GCM_NONCE],
		    const struct piece *bound, size_t bound_count, struct piece sealed,
		    struct fuda_buf *ret_plain);

/* AES-256 key wrap with padding (RFC 5649): appends. Unwrapping: FUDA_EVERIFY. */
int crypto_wrap(const uint8_t kek[AES256_KEY], struct piece key, struct fuda_buf *ret_wrapped);
int crypto_unwrap(const uint8_t kek[AES256_KEY], struct piece wrapped, struct fuda_buf *ret_key);

/* A new key of P-256: appends the private key, DER of at most EC_PRIVATE_MAX bytes. */
int crypto_ec_new(struct fuda_buf *ret_private);
/* Its public half: appends a DER SubjectPublicKeyInfo. FUDA_EFORMAT: no such key. */
int crypto_ec_public(struct piece private_key, struct fuda_buf *ret_spki);
/* ES256 (RFC 7518 3.4): r and s, 32 bytes each. FUDA_EFORMAT: no such key. */
int crypto_ec_sign(struct piece private_key, struct piece message, uint8_t ret[ES256_BYTES]);
/* FUDA_EVERIFY, also for anything that is no key of P-256. */
int crypto_ec_verify(struct piece spki, struct piece message, const uint8_t signature[ES256_BYTES]);

#endif
