/* SPDX-License-Identifier: Apache-2.0 */
#include "service/sweep.h"

#include "base/util.h"
#include "service/id.h"

/* By a sub-select, which both databases take; DELETE ... LIMIT is an extension. */
static const struct statement forget_nonces = { "DELETE FROM used_nonce WHERE (expires, nonce) IN"
						" (SELECT expires, nonce FROM used_nonce WHERE "
						"expires < $1 ORDER BY expires, nonce LIMIT 500)",
						1 };
static const struct statement forget_answers = { "DELETE FROM idem WHERE (terminal, key) IN"
						 " (SELECT terminal, key FROM idem WHERE expires < "
						 "$1 ORDER BY expires LIMIT 500)",
						 1 };

static int step(struct task *task, struct batch *batch)
{
	struct sweep *s = (struct sweep *)task;
	int64_t seconds = batch->now / SECONDS_US - SWEEP_NONCE_GRACE;
	int e;

	if (s->round++ > 0)
		return STEP_DONE;
	/* not batch_sweep(), which does not tell how many they were */
	e = batch_read(batch, &forget_nonces, (struct datum[]){ INT(seconds) }, &s->nonces);
	if (e == 0)
		e = batch_read(batch, &forget_answers, (struct datum[]){ INT(batch->now) },
			       &s->answers);
	return e < 0 ? e : STEP_AGAIN;
}

static void reset(struct task *task)
{
	struct sweep *s = (struct sweep *)task;

	rows_free(&s->nonces);
	rows_free(&s->answers);
	s->round = 0;
}

static void done(struct task *task, int result)
{
	struct sweep *s = (struct sweep *)task;

	s->swept = result < 0 ? 0 : s->nonces.changed + s->answers.changed;
	s->more = result == 0 &&
		  (s->nonces.changed >= SWEEP_PORTION || s->answers.changed >= SWEEP_PORTION);
	reset(task);
}

void sweep_init(struct sweep *sweep)
{
	*sweep = (struct sweep){ .task = { .step = step, .reset = reset, .done = done } };
}
