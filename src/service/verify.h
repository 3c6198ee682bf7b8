/* SPDX-License-Identifier: Apache-2.0 */
/* Who signed a challenge: the rules for a JPKI verifier (platform.md B2), in one place. */
#ifndef SERVICE_VERIFY_H
#define SERVICE_VERIFY_H

#include "service/revocation.h"

enum { ISSUER_BYTES = 32, ISSUER_KEY_MAX = 32, SERIAL_MAX = 20 };

/* A card whose certificate and signature are good. */
struct holder {
	char kind[12];                /* "card_auth"; no profile tells those of phones apart yet */
	uint8_t issuer[ISSUER_BYTES]; /* SHA-256 of a byte, the length of the issuing CA's key
				       * identifier, the identifier, and its name in DER */
	uint8_t issuer_key[ISSUER_KEY_MAX]; /* that identifier */
	size_t issuer_key_len;
	uint8_t serial[SERIAL_MAX];
	size_t serial_len;
	enum fuda_world world;
};

struct verdict {
	/* "ok", or the vocabulary of DESIGN.md: "invalid_certificate", "certificate_expired",
	 * "certificate_revoked", "unsupported_certificate", "signature_mismatch", and
	 * "revocation_unknown" (the responder does not know it) and "revocation_info_stale"
	 * (nothing is known now); both: refuse. Static. */
	const char *result;
	const char *rule; /* the rule of <fuda/pki.h> that failed, "" if none */
};

/* Judges certificate (DER) and RSA PKCS#1 v1.5 SHA-256 signature over `digest` at `at`. `trust` is
 * read only: any number of threads. The context is the caller's own. 0 whenever there is a verdict;
 * `ret_holder` is filled if the result is "ok", "certificate_revoked" or one of these two:
 * all else is good then. Without a signature (NULL) the certificate alone is judged: for the tap
 * flow. Without `revocation` (NULL) nothing is asked. FUDA_EINVAL: a digest of another hash;
 * FUDA_ENOMEM, FUDA_EFAILED. */
int verify_holder(struct fuda_context *ctx, const struct fuda_trust *trust,
		  struct revocation *revocation, const uint8_t *der, size_t der_len,
		  const struct fuda_digest *digest, const uint8_t *signature, size_t signature_len,
		  time_t at, struct holder *ret_holder, struct verdict *ret);

/* A CA that issues cards, as `struct holder` has it. */
struct card_issuer {
	uint8_t issuer[ISSUER_BYTES];
	uint8_t key[ISSUER_KEY_MAX];
	size_t key_len;
};
/* Number `i` of them in `trust`, from 0 on. FUDA_ENOTFOUND: past the last; FUDA_EFAILED. */
int verify_issuer(const struct fuda_trust *trust, size_t i, struct card_issuer *ret);

#endif
