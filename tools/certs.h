/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: their facts in reports, whose they are, what a verifier says. */
#ifndef TOOLS_CERTS_H
#define TOOLS_CERTS_H

#include <fuda/jpki.h>
#include <fuda/pki.h>
#include "tools/fuda.h"

/* Adds the facts of a certificate to the fields of `r`. */
void certs_report(struct report *r, const struct fuda_cert *cert);

/* The time that the option `name` has: a day (its first second) or a second, UTC. */
int certs_time(struct call *call, const char *name, const char *text, time_t *ret);

/* Reads a certificate from a file, PEM or DER. */
int certs_load(struct call *call, const char *path, struct fuda_cert **ret);

/* What --trust names, besides the genuine CAs. */
int certs_trust(struct call *call, struct fuda_trust **ret);

enum { CERTS_NOT_FROM_CARD = -1 };

/* Sees that the certificate of the CA of `cert` is at hand if it is a genuine one: from the cache,
 * or else from the card of the call (its object `ca`, unless CERTS_NOT_FROM_CARD). It may stay
 * unknown, which is for the verifier to say. FUDA_ECANCELLED, FUDA_ETIMEOUT, FUDA_ENOMEM. */
int certs_find_issuer(struct call *call, struct fuda_trust *trust, const struct fuda_cert *cert,
		      int ca);

/* Offers a CA certificate that came along, and keeps it in the cache if it issued `cert`. */
void certs_offer(struct fuda_trust *trust, const struct fuda_cert *cert, const struct fuda_buf *ca);

/* Notes in the report whose CA issued the certificate. */
void certs_world(struct call *call, enum fuda_world world);

/* Says whether something was revoked. */
void certs_revocation(struct report *to, enum fuda_revocation revocation);

/* Before the secret that opens `key` is asked for: whether any verifier could take its certificate
 * at `at`, whoever issued it. The certificate is appended to `ret_der`, which stays as it is where
 * the card gives it only for the secret: then nothing is known, which is 0. FUDA_EVERIFY: none
 * could, by its time, kind or profile; the call's verdict says why (no rule: it is malformed, as
 * the context says). */
int certs_foresee(struct call *call, enum fuda_jpki_object key, time_t at,
		  struct fuda_buf *ret_der);
/* Adds to the failure that it ended there, and what else the reason may be. */
void certs_not_asked(struct call *call);

/* What it means if no certificate of the issuer is at hand. */
enum judge_issuer {
	JUDGE_ISSUER,	      /* the certificate is not accepted */
	JUDGE_ISSUER_AT_HAND, /* a signature that fits will do, for who made it himself */
};

/* Judges `cert`, and `signature` unless it is NULL, and makes that the result of the call: world,
 * revocation and failed rule in the report. FUDA_EVERIFY unless all is well. */
int certs_judge(struct call *call, const struct fuda_trust *trust, const struct fuda_cert *cert,
		enum fuda_cert_use use, time_t at, const struct fuda_signed *signature,
		enum judge_issuer issuer);

#endif
