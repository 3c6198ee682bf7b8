/* SPDX-License-Identifier: Apache-2.0 */
/* What "fault:SPEC:READER" is asked to break, and when.
 *
 * SPEC is a list of KIND@WHEN or KIND=ARGUMENT@WHEN with commas between. WHEN is N, the number of
 * the command since the reader was opened, from 1; "N+", all from N on; or "~SEED/PERCENT", each
 * with that chance, the same ones for the same seed. The first that fits a command rules it. */
#ifndef DRIVERS_FAULT_H
#define DRIVERS_FAULT_H

#include "base/context.h"

enum fault_kind {
	FAULT_REMOVED,	  /* the card pulled before the command reaches it */
	FAULT_PULLED,	  /* executed, then pulled before the answer */
	FAULT_GONE,	  /* the reader unplugged before the command */
	FAULT_RESET,	  /* another program reset the card before */
	FAULT_LOSTRESET,  /* executed; a reset took the answer */
	FAULT_MUTE,	  /* executed, and no answer ever comes */
	FAULT_UNREACHED,  /* lost on the way to the card */
	FAULT_TRUNCATED,  /* executed; the first `number` bytes of the answer come back */
	FAULT_GARBLED,	  /* executed; bits of the answer are flipped as seed `number` says */
	FAULT_OVERSIZED,  /* executed; `number` bytes too many stand before the status word */
	FAULT_DUPLICATED, /* executed; the answer to the command before comes once more */
	FAULT_SW,	  /* not executed; status word `answer` instead */
	FAULT_ANSWER,	  /* executed; `answer` instead */
	FAULT_LATE, /* executed; the answer comes `number` ms later. What time extensions (WTX, T=1
		     * S-blocks) of a card amount to above the reader: themselves they are not seen
		     * there */
	FAULT_KINDS,
};

struct fault {
	enum fault_kind kind;
	unsigned long from, to; /* numbers of commands */
	unsigned percent;	/* of these, by `seed`; 100: all */
	unsigned long seed;
	unsigned long number;
	struct fuda_buf answer;
};

enum { FAULTS_MAX = 32 };

struct fault_list {
	struct fault items[FAULTS_MAX];
	size_t count;
};

/* Parses `spec` into `ret`, which is empty. FUDA_EINVAL, FUDA_ENOMEM; then too, what it holds is
 * given back with fault_list_free(). */
int fault_parse(struct fuda_context *ctx, const char *spec, struct fault_list *ret);
void fault_list_free(struct fault_list *l);

/* The fault that rules command `n`, or NULL. */
const struct fault *fault_at(const struct fault_list *l, unsigned long n);
bool fault_list_has(const struct fault_list *l, enum fault_kind kind);

/* The `n`-th number of a seed, all of its bits as good as random. */
uint64_t fault_random(uint64_t seed, uint64_t n);

#endif
