/* SPDX-License-Identifier: Apache-2.0 */
/* What a service says when it does not do what it was asked: RFC 9457, with a code for programs. */
#ifndef MYKEY_PROBLEM_H
#define MYKEY_PROBLEM_H

#include "mykey/http.h"

struct problem {
	char code[48];    /* the service's, or "http_404" if it said none */
	bool known;       /* it said one */
	char detail[256]; /* a sentence for people, "" if there is none */
	int tries_left;   /* -1: not said */
};

/* Whether an answer asks to wait: the seconds, or 0. */
int problem_wait(const struct https_answer *answer);

/* Reads an answer that is not what was asked for. */
void problem_read(const struct https_answer *answer, struct problem *ret);
/* Writes it down as FUDA_EREFUSED with what to do about it, and returns that. */
int problem_fail(struct fuda_context *ctx, const struct https_answer *answer,
		 const struct problem *problem);
/* The same as FUDA_EWAIT, for one that asks to wait so long. */
int problem_fail_wait(struct fuda_context *ctx, const struct problem *problem, int seconds);

#endif
