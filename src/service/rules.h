/* SPDX-License-Identifier: Apache-2.0 */
/* What terminals may have done for the holder of a card, or of a phone. */
#ifndef SERVICE_RULES_H
#define SERVICE_RULES_H

#include "service/service.h"

struct exchange;

/* One purpose: a route, what a card signs for it, and what is done. */
struct rule {
	const char *purpose; /* "bind", "show", "change", "expire", "resolve", "link", "unlink",
			      * "tap-register", "tap-unregister", "tap-start", "tap", "bind-mdoc",
			      * "show-mdoc", "unbind-mdoc" */
	const char *path;    /* POST; with an Idempotency-Key, as a card that has to sign again
			      * asks for the PIN again */
	bool first; /* its answer is what a secret is asked for: what the terminal may do is looked
		     * up for it, not remembered */
};
/* All of them; a NULL purpose behind the last. */
extern const struct rule rules[];

/* Handles one such request of `terminal`: body, challenge, certificate, signature and what a phone
 * presented are judged on this thread, the rest is the writer's; answers now or later. */
void rule_handle(struct service *service, const struct rule *rule, const struct terminal *terminal,
		 struct exchange *x);
/* GET /v1/challenge?purpose=P, with &sector=S where the request will name one: what that would be
 * refused for is told now. */
void rule_challenge(struct service *service, const struct terminal *terminal, struct exchange *x);

#endif
