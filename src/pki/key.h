/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys out of certificates and records, and signatures under them. */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include <stdbool.h>
#include <fuda/pki.h>
#include "base/cursor.h"

struct key;

/* Takes a SubjectPublicKeyInfo. `*ret` is NULL if the key is of a kind that is not known here,
 * which is no error. FUDA_EFORMAT, FUDA_ENOMEM, FUDA_EFAILED. */
int key_new(struct cursor *c, struct key **ret);
/* Takes all of `c`, an RSA key as the card's records have it: 90 exponent, 91 modulus, both
 * without leading zeros, card.md 2.6. FUDA_EFORMAT, FUDA_ENOMEM, FUDA_EFAILED. */
int key_new_card(struct cursor c, struct key **ret);
void key_free(struct key **key);

unsigned key_bits(const struct key *key);

/* Whether kind and size are what the JPKI uses or has announced. False for NULL. */
bool key_in_profile(const struct key *key);
/* Whether it is RSA with 2048 bits, as everything is under which today's cards sign: card.md 4.
 * False for NULL. */
bool key_is_rsa_2048(const struct key *key);
/* Whether both are the same key. */
bool key_equal(const struct key *a, const struct key *b);

/* Judges a signature of `digest`: PKCS#1 v1.5 with exactly the DER DigestInfo, PSS with MGF1 of the
 * same hash and a salt as long as it, or ECDSA in DER. 0; FUDA_EVERIFY if it is not one, of any
 * length, or if keys of this kind do not sign so; FUDA_ENOTSUP if the hash is not accepted (SHA-1,
 * or another than that of the curve) or the key is NULL; FUDA_ENOMEM, FUDA_EFAILED. OpenSSL does
 * not say that it ran out of memory while verifying: that is FUDA_EVERIFY too. */
int key_verify(const struct key *key, enum fuda_padding padding, const struct fuda_digest *digest,
	       const uint8_t *signature, size_t len);

/* The same for PKCS#1 v1.5 over `info` as it is: for a DigestInfo that no standard hash makes. */
int key_verify_info(const struct key *key, const uint8_t *info, size_t info_len,
		    const uint8_t *signature, size_t len);

#endif
