/* SPDX-License-Identifier: Apache-2.0 */
/* What a running service does from time to time, on a thread of its own: revocation lists and
 * renewed certificates read anew, what expired swept, the heads of the audit trail signed, clocks
 * compared, gauges measured, what is wrong told. */
#ifndef SERVICE_KEEPER_H
#define SERVICE_KEEPER_H

#include "service/service.h"

struct keeper;

struct keeper_config {
	struct service *service;
	/* Something went wrong that somebody should know, or goes well again (then `message` is
	 * ""). `what` is one of a few words; said once, not each time. NULL: nobody is told. */
	void (*told)(void *arg, const char *what, const char *message);
	void *arg;
};

enum {
	KEEPER_CLOCK_SECONDS = 2,
	KEEPER_RESPONDER_SECONDS = 5,
	KEEPER_SWEEP_SECONDS = 10,
	KEEPER_LISTS_SECONDS = 30,
	KEEPER_SLOW_SECONDS = 60,
	KEEPER_CHECKPOINT_SECONDS = 3600
};

/* Starts, and does all of it for the first time. */
int keeper_start(struct fuda_context *ctx, const struct keeper_config *config, struct keeper **ret);
/* Does what reads files now. Any thread. */
void keeper_wake(struct keeper *keeper);
/* Ends its duties, after what it is doing. */
void keeper_rest(struct keeper *keeper);
/* Signs the heads of the audit trail as they are now, unless it does not agree with what was signed
 * before, or the clock is not trusted. Behind keeper_rest(). */
void keeper_sign(struct keeper *keeper);
/* NULL: nothing. */
void keeper_stop(struct keeper **keeper);

#endif
