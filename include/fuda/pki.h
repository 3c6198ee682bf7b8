/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and signatures of the JPKI, judged as a relying party does. */
#ifndef FUDA_PKI_H
#define FUDA_PKI_H

#include <stdbool.h>
#include <time.h>
#include <fuda/buf.h>
#include <fuda/context.h>
#include <fuda/hash.h>

/* ---- certificates ---- */

enum fuda_cert_use { FUDA_USE_UNKNOWN, FUDA_USE_AUTH, FUDA_USE_SIGN, FUDA_USE_CA };

/* Texts are UTF-8, "" where absent. */
struct fuda_cert_facts {
	enum fuda_cert_use use;	 /* by its policy and key usage */
	char serial[64];	 /* hexadecimal, no leading zeros beyond whole bytes */
	/* "C=JP, O=..., CN=...": RFC 4514 in the order encoded. Here as in all texts, a backslash
	 * and what a terminal would obey stand behind a backslash, the latter as hexadecimal bytes.
	 */
	char subject[512];
	char issuer[512];
	time_t not_before, not_after;
	uint8_t sha256[32];	 /* fingerprint of the DER */
	unsigned key_bits;
	char policy[64];	 /* first certificate policy, dotted */
	uint8_t ski[32], aki[32]; /* key identifiers */
	size_t ski_len, aki_len;
	/* signature certificates only (JPKI profile, otherNames 1.2.392.200149.8.5.5.x) */
	char name[512], address[1024];
	char birth[10];		 /* EYYYYMMDD as encoded: era digit, Gregorian year */
	char sex[2];		 /* 1 male, 2 female, 3 unknown */
};

struct fuda_cert;

/* Parses the DER certificate in `der`, which is copied; bytes behind it are FUDA_EFORMAT, as is
 * whatever is malformed, nested too deep or too long; the message names the part. */
int fuda_cert_new(struct fuda_context *ctx, const uint8_t *der, size_t len, struct fuda_cert **ret);
void fuda_cert_free(struct fuda_cert **cert);
const struct fuda_cert_facts *fuda_cert_facts(const struct fuda_cert *cert);
const uint8_t *fuda_cert_der(const struct fuda_cert *cert, size_t *ret_len);

/* ---- trust ---- */

/* Which CAs are believed: the genuine ones of the JPKI, recognised by the SHA-256 fingerprint of
 * their certificate, and test CAs that the user names. */
struct fuda_trust;
int fuda_trust_new(struct fuda_context *ctx, struct fuda_trust **ret);
void fuda_trust_free(struct fuda_trust **trust);
/* Adds every certificate of a PEM file as a test CA, or none of them on failure. One that is
 * genuine stays genuine. FUDA_EFILE, FUDA_EFORMAT, FUDA_ENOTFOUND (none), FUDA_ETOOBIG (more than
 * 64 CAs in all). */
int fuda_trust_add_file(struct fuda_trust *trust, const char *path);
/* Offers a CA certificate of any origin, for instance from the card: it is kept if its fingerprint
 * is that of a genuine CA, otherwise ignored. FUDA_EFORMAT if it is malformed. */
int fuda_trust_offer(struct fuda_trust *trust, const uint8_t *der, size_t len);
/* Whether the certificate of the CA that issued `cert`, as its key identifier names it, is at hand.
 */
bool fuda_trust_has_issuer(const struct fuda_trust *trust, const struct fuda_cert *cert);
/* Whether that key identifier is one of a genuine CA, so that it pays to look for its certificate.
 */
bool fuda_trust_knows_issuer(const struct fuda_cert *cert);

/* ---- verification ---- */

enum fuda_result {
	FUDA_RESULT_OK,
	FUDA_RESULT_INVALID_CERTIFICATE,
	FUDA_RESULT_UNSUPPORTED_CERTIFICATE,
	FUDA_RESULT_CERTIFICATE_EXPIRED,
	FUDA_RESULT_CERTIFICATE_REVOKED,
	FUDA_RESULT_SIGNATURE_MISMATCH,
	FUDA_RESULT_REVOCATION_UNKNOWN,
};
enum fuda_world { FUDA_WORLD_UNKNOWN, FUDA_WORLD_PRODUCTION, FUDA_WORLD_TEST };
enum fuda_revocation {
	FUDA_REVOCATION_NOT_CHECKED,
	FUDA_REVOCATION_GOOD,
	FUDA_REVOCATION_REVOKED,
	FUDA_REVOCATION_UNKNOWN,
};

/* The words that reports use: "ok", "invalid_certificate", ...; "production", ...; "not_checked",
 * ... Static. */
const char *fuda_result_name(enum fuda_result result);
const char *fuda_world_name(enum fuda_world world);
const char *fuda_revocation_name(enum fuda_revocation revocation);

struct fuda_verdict {
	enum fuda_result result;
	enum fuda_world world;		 /* whose CA issued it; unknown if nobody's we believe */
	enum fuda_revocation revocation;
	const char *rule; /* the rule that failed, one word ("issuer_unknown"); "" if ok; static */
};

/* The rules in the order in which they are tried, and the results that their failure gives:
 *
 *	issuer_unknown			invalid_certificate	no believed CA has that key id
 *	profile_signature_algorithm	unsupported_certificate	not RSA with SHA-2, nor
 *									ECDSA with SHA-384
 *	issuer_key			unsupported_certificate	not RSA-2048, nor P-384
 *	issuer_signature		invalid_certificate	not made by the key of that CA
 *	issuer_not_ca			invalid_certificate	no CA:TRUE, keyCertSign
 *	issuer_name			invalid_certificate	issuer's name is another
 *	issuer_use			invalid_certificate	e.g. auth by the sign CA
 *	issuer_expired			certificate_expired	the CA's own validity
 *	issuer_not_yet_valid		invalid_certificate
 *	profile_critical_extension	unsupported_certificate	critical and not understood
 *	profile_basic_constraints	invalid_certificate	CA for a person's, or not
 *	profile_use			invalid_certificate	auth for sign, or sign for auth
 *	profile_key_usage		invalid_certificate	card.md 5.2, 5.3
 *	profile_extended_key_usage	invalid_certificate	auth without clientAuth
 *	profile_policy			unsupported_certificate	none of 1.2.392.200149.8.5.1.*
 *	profile_key			unsupported_certificate	not RSA-2048, nor P-384
 *	expired				certificate_expired
 *	not_yet_valid			invalid_certificate
 *	signature_algorithm		signature_mismatch	SHA-1, or a digest of wrong length,
 *									or with P-384 not SHA-384
 *	signature_mismatch		signature_mismatch
 *
 * What the failed rule means and what to do, in the language of LC_MESSAGES; "" for "". Static. */
const char *fuda_rule_text(const char *rule);

/* How a key signs: RSA by PKCS#1 v1.5 or PSS, P-384 by ECDSA with SHA-384 (in DER). */
enum fuda_padding { FUDA_PKCS1, FUDA_PSS, FUDA_ECDSA };

struct fuda_signed {
	struct fuda_digest digest; /* of what was signed */
	enum fuda_padding padding;
	const uint8_t *signature;
	size_t signature_len;
};

/* Judges `cert` for `use` at time `at`: issuer by key identifier and signature, profile, validity.
 * And then `signed_`, if it is not NULL, under its key: PKCS#1 v1.5 with its DigestInfo, or PSS
 * with MGF1 of the same hash and a salt as long as the digest. FUDA_USE_UNKNOWN stands for the use
 * that the certificate itself names; FUDA_USE_CA judges a CA certificate, which is good if it is
 * believed. Without `trust` (NULL) the rules about the issuer are left out and the world is
 * unknown: for who made the signature himself and has no CA at hand. 0 whenever there is a verdict,
 * whatever it says; FUDA_ENOMEM, FUDA_EFAILED otherwise. */
int fuda_verify(const struct fuda_trust *trust, const struct fuda_cert *cert,
		enum fuda_cert_use use, time_t at, const struct fuda_signed *signed_,
		struct fuda_verdict *ret);

#endif
