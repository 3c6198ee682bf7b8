/* SPDX-License-Identifier: Apache-2.0 */
/* The OCSP responder: asked over HTTP about one card at a time, left alone as long as it does not
 * answer, and watched for answers that do not count. */
#ifndef SERVICE_RESPONDER_H
#define SERVICE_RESPONDER_H

#include "pki/ocsp.h"

enum {
	RESPONDER_MS = 2000,    /* that a question takes at most, all in all */
	RESPONDER_FAILURES = 3, /* in a row: then nobody but responder_probe() asks it */
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
 * most. All errors: there is no answer that counts; responder_state() tells why; FUDA_EWAIT: it is
 * left alone now, or says that it cannot answer now. Any thread. */
int responder_ask(struct responder *responder, const struct fuda_cert *cert, time_t at,
		  struct ocsp_answer *ret);

/* Asks for the certificates of CAs that issue cards, whether it is left alone or not: who is there
 * again is asked about the next card, and who is not is left alone at once. 0: an answer counts, if
 * only about one of them, as it may serve no other; FUDA_EREFUSED: it is there, and not for CAs;
 * FUDA_ENOTFOUND: there is no CA to ask about; all others: no answer counts. The context tells. */
int responder_probe(struct fuda_context *ctx, struct responder *responder);

/* Whether `who` may bring a question: one at a time of each, so that nobody keeps others waiting by
 * a responder that is slow. Then responder_leave() is called when it has its answer. Any thread. */
bool responder_enter(struct responder *responder, uint64_t who);
void responder_leave(struct responder *responder, uint64_t who);

/* Whether a card can hope for it: it is not left alone, and its answers about CAs do not all fail
 * to count. Any thread. */
bool responder_helps(struct responder *responder);

struct responder_state {
	int64_t good, revoked, unknown, failed; /* questions about cards, by what came */
	int64_t us;                             /* that all of them took */
	bool asked;                             /* it was: what follows counts */
	bool down;                              /* it is left alone */
	bool wrong;                             /* RESPONDER_FAILURES answers about cards in a row
						 * do not count, or those about CAs */
	char message[RESPONDER_MESSAGE_MAX];    /* why the last one failed; "" */
};
void responder_state(struct responder *responder, struct responder_state *ret);

#endif
