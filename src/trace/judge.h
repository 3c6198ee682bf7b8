/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what came is what a script says, and if not, why in words that show nothing personal. */
#ifndef TRACE_JUDGE_H
#define TRACE_JUDGE_H

#include "trace/follow.h"
#include "trace/match.h"

enum { TRACE_WHY_MAX = 600 };

/* What came of one command. */
struct trace_came {
	const uint8_t *data; /* of the response, without SW1-SW2 */
	size_t len;
	uint16_t sw;
	int error;   /* in place of a response: FUDA_E... */
	int refusal; /* what the response to a secret means, 0 if that is accepted */
	uint64_t us;
	bool presented; /* the command had a secret: what it answered to a lost one is not known */
	const struct trace_about *about;
};

/* Judges by `expected`, a TRACE_RESPONSE or TRACE_FAILURE. 1: as it says, and captures are taken.
 * 0: not; `ret_why` tells what was expected and what came: bytes of the response only where the
 * script has all of them literally and the file is no personal one. `k` as trace_match() takes it.
 * FUDA_ENOMEM. */
int trace_judge(const struct trace_statement *expected, struct trace_captures *c,
		struct trace_keyring *k, const struct trace_came *came,
		char ret_why[TRACE_WHY_MAX]);

/* The words of a status word: "6982 (security status not satisfied)". */
void trace_status_words(uint16_t sw, char *ret, size_t size);
/* A time: "12.345 ms". */
void trace_time_words(uint64_t us, char *ret, size_t size);

#endif
