/* SPDX-License-Identifier: Apache-2.0 */
/* Forgetting what requests left behind and no request can need any more. */
#ifndef SERVICE_SWEEP_H
#define SERVICE_SWEEP_H

#include "service/writer.h"

enum { SWEEP_PORTION = 500, SWEEP_NONCE_GRACE = 300 };

/* One portion: at most SWEEP_PORTION nonces that expired SWEEP_NONCE_GRACE seconds ago (the clock
 * of another node may be late), and as many answers of repeated requests. */
struct sweep {
	struct task task;
	struct rows nonces, answers;
	int round;
	int64_t swept; /* rows, of the last one that succeeded */
	bool more;     /* the portion was full: there may be more */
};
void sweep_init(struct sweep *sweep);

#endif
