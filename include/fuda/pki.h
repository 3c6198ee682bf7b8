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
	char subject[512];	 /* RFC 4514 order reversed: "C=JP, O=..., CN=..." as encoded */
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

/* Parses the DER certificate in `der`, which is copied; bytes behind it are FUDA_EFORMAT, as is whatever
 * is malformed, nested too deep or too long; the message names the part. */
int fuda_cert_new(struct fuda_context *ctx, const uint8_t *der, size_t len, struct fuda_cert **ret);
void fuda_cert_free(struct fuda_cert **cert);
const struct fuda_cert_facts *fuda_cert_facts(const struct fuda_cert *cert);
const uint8_t *fuda_cert_der(const struct fuda_cert *cert, size_t *ret_len);

/* ---- trust ---- */

/* Which CAs are believed: the genuine ones of the JPKI, recognised by the SHA-256 fingerprint of their
 * certificate, and test CAs that the user names. */
struct fuda_trust;
int fuda_trust_new(struct fuda_context *ctx, struct fuda_trust **ret);
void fuda_trust_free(struct fuda_trust **trust);
/* Adds every certificate of a PEM file as a test CA. FUDA_EFILE, FUDA_EFORMAT, FUDA_ENOTFOUND (none). */
int fuda_trust_add_file(struct fuda_trust *trust, const char *path);
/* Offers a CA certificate of any origin, for instance from the card: it is kept if its fingerprint is that of a
 * genuine CA, otherwise ignored. FUDA_EFORMAT if it is malformed. */
int fuda_trust_offer(struct fuda_trust *trust, const uint8_t *der, size_t len);
/* Whether the certificate of the CA that issued `cert`, as its key identifier names it, is at hand. */
bool fuda_trust_has_issuer(const struct fuda_trust *trust, const struct fuda_cert *cert);
/* Whether that key identifier is one of a genuine CA, so that it pays to look for its certificate. */
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

/* The words that reports use: "ok", "invalid_certificate", ...; "production", ...; "not_checked", ... Static. */
const char *fuda_result_name(enum fuda_result result);
const char *fuda_world_name(enum fuda_world world);
const char *fuda_revocation_name(enum fuda_revocation revocation);

struct fuda_verdict {
	enum fuda_result result;
	enum fuda_world world;		 /* whose CA issued it; unknown if nobody's we believe */
	enum fuda_revocation revocation; /* JPKI revocation lists are open to licensed verifiers only */
	const char *rule; /* the rule that failed, one word ("issuer_unknown"); "" if ok; static */
};

/* What the failed rule means and what to do, in the language of LC_MESSAGES; "" for "". Static. */
const char *fuda_rule_text(const char *rule);

enum fuda_padding { FUDA_PKCS1, FUDA_PSS };

struct fuda_signed {
	struct fuda_digest digest; /* of what was signed */
	enum fuda_padding padding;
	const uint8_t *signature;
	size_t signature_len;
};

/* Judges `cert` for `use` at time `at`: issuer by key identifier and signature, profile, validity. And
 * then `signed_`, if it is not NULL, under its key. 0 whenever there is a verdict, whatever it says;
 * FUDA_ENOMEM, FUDA_EFAILED otherwise. */
int fuda_verify(const struct fuda_trust *trust, const struct fuda_cert *cert, enum fuda_cert_use use,
		time_t at, const struct fuda_signed *signed_, struct fuda_verdict *ret);

#endif
