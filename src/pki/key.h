/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys out of certificates and records, and signatures under them. */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include <stdbool.h>
#include <fuda/pki.h>
#include "base/cursor.h"

struct key;

/* The curves of ISO 18013-5 (9.1.5.2, Table 22), and what is no curve. */
enum curve {
	CURVE_NONE, /* RSA */
	CURVE_P256,
	CURVE_P384,
	CURVE_P521,
	CURVE_BRAINPOOL_P256,
	CURVE_BRAINPOOL_P320,
	CURVE_BRAINPOOL_P384,
	CURVE_BRAINPOOL_P512,
	CURVE_ED25519, /* for signatures alone, as Ed448 */
	CURVE_ED448,
	CURVES
};
struct curve_facts {
	const char *name; /* as OpenSSL calls it */
	size_t bytes;     /* of a coordinate, or of the whole public key of Ed25519 and Ed448 */
	bool eddsa;
	enum fuda_hash hash; /* that goes with it: RFC 9053 2.1 and ISO 18013-5 9.1.2.4 */
	int64_t cose_type,
		cose_curve;     /* RFC 9053 7.1, ISO 18013-5 Table 22 for the brainpool ones */
	int64_t cose_algorithm; /* of signatures: RFC 9053 2 */
};
const struct curve_facts *curve_facts(enum curve curve);
/* Bytes of a public key as it is kept: 04, x, y; or as it is, for EdDSA. */
enum { KEY_POINT_MAX = 1 + 2 * 66 };

/* Takes a SubjectPublicKeyInfo. `*ret` is NULL if the key is of a kind that is not known here,
 * which is no error. FUDA_EFORMAT, FUDA_ENOMEM, FUDA_EFAILED. */
int key_new(struct cursor *c, struct key **ret);
/* Takes all of `c`, an RSA key as the card's records have it: 90 exponent, 91 modulus, both
 * without leading zeros, card.md 2.6. FUDA_EFORMAT, FUDA_ENOMEM, FUDA_EFAILED. */
int key_new_card(struct cursor c, struct key **ret);
/* A point of its curve, both coordinates as long as the curve's: as 04, x, y; an EdDSA key as it
 * is. FUDA_EFORMAT: another length, or not on the curve; FUDA_ENOMEM, FUDA_EFAILED. */
int key_new_point(enum curve curve, const uint8_t *point, size_t len, struct key **ret);
void key_free(struct key **key);

/* CURVE_NONE for RSA and NULL. */
enum curve key_curve(const struct key *key);
/* Its point as key_new_point() takes it; owned by the key; NULL for RSA. */
const uint8_t *key_point(const struct key *key, size_t *ret_len);

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

/* Judges ECDSA in DER. The digest's hash is any of SHA-2: what goes with what is the caller's to
 * say. Errors as key_verify(). */
int key_verify_ecdsa(const struct key *key, const struct fuda_digest *digest,
		     const uint8_t *signature, size_t len);
/* The same for r and s, each as long as the curve's order in whole bytes, as JOSE and COSE write
 * them. */
int key_verify_raw(const struct key *key, const struct fuda_digest *digest,
		   const uint8_t *signature, size_t len);
/* Judges a signature of the message itself: EdDSA (RFC 8032). Errors as key_verify(). */
int key_verify_message(const struct key *key, const uint8_t *message, size_t message_len,
		       const uint8_t *signature, size_t len);

/* The same for PKCS#1 v1.5 over `info` as it is: for a DigestInfo that no standard hash makes. */
int key_verify_info(const struct key *key, const uint8_t *info, size_t info_len,
		    const uint8_t *signature, size_t len);

#endif
