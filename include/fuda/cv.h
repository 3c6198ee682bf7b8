/* SPDX-License-Identifier: Apache-2.0 */
/* Card verifiable certificates (CV certificates), under which the card's records are signed, and
 * whose authority keys are believed: card.md 2.8. */
#ifndef FUDA_CV_H
#define FUDA_CV_H

#include <fuda/buf.h>
#include <fuda/context.h>
#include <fuda/pki.h>

#define FUDA_CV_ID	16 /* bytes of a key id */
#define FUDA_CV_ID_TEXT 33
/* Room for a CV certificate with its 7F21 header; genuine ones have 568 bytes. */
#define FUDA_CV_MAX 1024

/* A key id for people: "6000023/001" where it has that form, otherwise hexadecimal. */
void fuda_cv_id_text(const uint8_t id[FUDA_CV_ID], char ret_text[FUDA_CV_ID_TEXT]);

struct fuda_cv_facts {
	uint8_t issuer[FUDA_CV_ID], subject[FUDA_CV_ID];
	unsigned key_bits;
};

/* Reads a CV certificate, with the 7F21 header (as files of the card have it) or without (as GET
 * DATA gives it). Bytes behind it are FUDA_EFORMAT, as is whatever is malformed; the message names
 * the part. */
int fuda_cv_facts(struct fuda_context *ctx, const struct fuda_buf *cv, struct fuda_cv_facts *ret);

/* The authority keys that are believed: those that the user gives, as none is on the card and none
 * is published officially. */
struct fuda_cv_trust;
int fuda_cv_trust_new(struct fuda_context *ctx, struct fuda_cv_trust **ret);
void fuda_cv_trust_free(struct fuda_cv_trust **trust);
/* Adds every key of a PEM file, or none of them on failure: "PUBLIC KEY" blocks, each with a line
 * "Key-Id: HEX" (32 digits) before it that says whose it is. FUDA_EFILE, FUDA_EFORMAT (a block
 * without its line too), FUDA_ENOTFOUND (none), FUDA_ETOOBIG (more than 64 keys in all). */
int fuda_cv_trust_add_file(struct fuda_cv_trust *trust, const char *path);

/* Judges a chain: `chain[0]` is issued by an authority, each other one by the one before it. The
 * verdict's `rule` is one of those of fuda_text_verify() that are about certificates. 0 whenever
 * there is a verdict; FUDA_EFORMAT for a malformed certificate, FUDA_EINVAL for an empty chain. */
int fuda_cv_verify(const struct fuda_cv_trust *trust, const struct fuda_buf *chain, size_t count,
		   struct fuda_verdict *ret);

/*
 * The rules by which records are judged, in the order in which they are tried. That the authority
 * is not known comes last: it means that everything else fits.
 *
 *	certificate_key		unsupported_certificate	the CV certificate's key is not RSA-2048
 *	record_signature	signature_mismatch	a record not signed by the certificate's key
 *	record_digest		signature_mismatch	a file that is not the integrity record's
 *	record_keys		signature_mismatch	records name different keys of the card
 *	challenge_signature	signature_mismatch	the card does not have the key: a copy
 *	authority_signature	invalid_certificate	not issued by the authority that it names
 *	authority_unknown	invalid_certificate	no key of that authority is believed
 *
 * `world` is that of the authority's key id, once its signature is verified; it can be believed as
 * far as the file with the authority's key can. fuda_rule_text() explains them.
 */

/* A challenge and the card's signature of it (PKCS#1 v1.5, SHA-256), which only the holder of the
 * key can make: a copy of the records cannot. */
struct fuda_response {
	uint8_t challenge[32];
	struct fuda_buf signature;
};

#endif
