/* SPDX-License-Identifier: Apache-2.0 */
/* The OCSP responder: asked over HTTP about one card at a time, and left alone for a while when it
 * does not answer. */
#ifndef SERVICE_RESPONDER_H
#define SERVICE_RESPONDER_H

#include "pki/ocsp.h"

enum {
	RESPONDER_MS = 2000,         /* that a question takes at most, all in all */
	RESPONDER_FAILURES = 3,      /* in a row: then it is not asked ... */
	RESPONDER_REST_MS = 10000,   /* ... for so long, and then once */
	RESPONDER_MESSAGE_MAX = 256,
};

struct responder;

/* Whether it is http://HOST/... or https://HOST/... without anything that means more than it looks
 * like, a password among it. */
bool responder_url_good(const char *url);

/* Asks nobody yet. `url` (of that form) and `trust` must outlive it. */
int responder_new(struct fuda_context *ctx, const char *url, const struct fuda_trust *trust,
		  struct responder **ret);
void responder_free(struct responder **responder);

/* What it says of `cert` at `at`: good, revoked, or unknown to it. Waits for it RESPONDER_MS at
 * most. FUDA_EWAIT: it is left alone now. All other errors: it was asked, and there is no answer
 * that counts; responder_state() tells why. Any thread. */
int responder_ask(struct responder *responder, const struct fuda_cert *cert, time_t at,
		  enum fuda_revocation *ret);

/* Whether it answers as it must: asks for the certificates of the CAs that issue cards themselves,
 * until there is an answer that counts, whatever it says. Otherwise the context tells why. */
int responder_try(struct fuda_context *ctx, struct responder *responder);

/* Whether it is left alone now. Any thread. */
bool responder_rests(struct responder *responder);

struct responder_state {
	int64_t good, revoked, unknown, failed; /* questions, by what came of them */
	int64_t us;                             /* that all of them took */
	bool down;                              /* the last RESPONDER_FAILURES failed */
	char message[RESPONDER_MESSAGE_MAX];    /* why the last one did; "": none has yet */
};
void responder_state(struct responder *responder, struct responder_state *ret);

#endif
