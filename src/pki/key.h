/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys out of certificates, and signatures under them. */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include <stdbool.h>
#include <fuda/pki.h>
#include "base/cursor.h"

struct key;

/* Takes a SubjectPublicKeyInfo. `*ret` is NULL if the key is of a kind that is not known here,
 * which is no error. FUDA_EFORMAT, FUDA_ENOMEM, FUDA_EFAILED. */
int key_new(struct cursor *c, struct key **ret);
void key_free(struct key **key);

unsigned key_bits(const struct key *key);

/* Whether kind and size are what the JPKI uses. False for NULL. */
bool key_in_profile(const struct key *key);

/* Judges a signature of `digest`: PKCS#1 v1.5 with exactly the DER DigestInfo, or PSS with MGF1 of
 * the same hash and a salt as long as it. 0; FUDA_EVERIFY if it is not one, of any length;
 * FUDA_ENOTSUP if the hash is not accepted (SHA-1) or the key is NULL; FUDA_ENOMEM, FUDA_EFAILED.
 * OpenSSL does not say that it ran out of memory while verifying: that is FUDA_EVERIFY too. */
int key_verify(const struct key *key, enum fuda_padding padding, const struct fuda_digest *digest,
	       const uint8_t *signature, size_t len);

#endif
