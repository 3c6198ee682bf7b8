/* SPDX-License-Identifier: Apache-2.0 */
/* What an OCSP responder says of one certificate (RFC 6960): the question in DER, and the judgement
 * of an answer. Who carries them to and fro is another's business. */
#ifndef PKI_OCSP_H
#define PKI_OCSP_H

#include <fuda/pki.h>

enum {
	OCSP_ANSWER_MAX = 16384, /* bytes */
	OCSP_CLOCK = 300,        /* seconds that the responder's clock may be ahead of ours */
	OCSP_AGE = 86400,        /* seconds since thisUpdate that an answer counts at most, whatever
				  * its nextUpdate says; without one, OCSP_CLOCK */
};

struct ocsp_question;

/* Asks about `cert`, which a CA of `trust` must have issued: CertID with SHA-1, as every responder
 * knows it (RFC 5019 2.1.1; nothing hangs on it that somebody could forge), and a new nonce.
 * FUDA_ENOTFOUND: nobody who is believed issued it; FUDA_EVERIFY, FUDA_ENOTSUP: the CA's signature
 * on it is wrong; FUDA_ENOMEM, FUDA_EFAILED. Keeps neither `trust` nor `cert`. */
int ocsp_question_new(struct fuda_context *ctx, const struct fuda_trust *trust,
		      const struct fuda_cert *cert, struct ocsp_question **ret);
void ocsp_question_free(struct ocsp_question **q);
/* The OCSPRequest; the question's. */
const struct fuda_buf *ocsp_question_der(const struct ocsp_question *q);

struct ocsp_answer {
	enum fuda_revocation revocation; /* good, revoked, or unknown to the responder */
	int reason;                      /* of a revocation: RFC 5280 5.3.1; -1: not said */
	time_t this_update, next_update; /* 0: it says none */
	bool nonce;                      /* it has ours: it was made for this question */
};

/* Judges an OCSPResponse at `at`. It must have exactly one answer for exactly the CertID that was
 * asked for, signed with SHA-256, SHA-384 or SHA-512 (RSA PKCS#1 v1.5 or ECDSA, as strong as
 * RSA-2048 or more) by that CA itself, or by a responder whose certificate that CA itself issued
 * for it (id-kp-OCSPSigning), which is valid at `at` and says id-pkix-ocsp-nocheck: to ask whether
 * it was revoked, too, there is nobody. thisUpdate is not in the future and not too old, nextUpdate
 * not over; a nonce, if there is one, is ours: who signs ahead has none (RFC 5019 4), and then the
 * times alone keep old answers from being played back. What is not so is FUDA_EVERIFY.
 * FUDA_EWAIT: the responder cannot answer now (internalError, tryLater); FUDA_EREFUSED: it does not
 * answer for that CA or certificate (unauthorized); FUDA_EFORMAT, also of its other errors;
 * FUDA_ETOOBIG; FUDA_ENOTSUP: a critical extension; FUDA_ENOMEM. */
int ocsp_judge(struct fuda_context *ctx, const struct ocsp_question *q, const uint8_t *bytes,
	       size_t len, time_t at, struct ocsp_answer *ret);

#endif
