/* SPDX-License-Identifier: Apache-2.0 */
/* Whether bytes are what a statement says, and the bytes that a statement stands for. */
#ifndef TRACE_MATCH_H
#define TRACE_MATCH_H

#include "trace/record.h"
#include "trace/statement.h"

enum { TRACE_CAPTURES_MAX = 256 /* names */ };

/* What was captured so far. */
struct trace_captures;
int trace_captures_new(struct trace_captures **ret);
void trace_captures_free(struct trace_captures **c);
/* What `s` captures is not there, nor is the value of an earlier time, until it is captured. */
void trace_captures_lose(struct trace_captures *c, const struct trace_statement *s);
/* A name that `s` needs from before and that was lost so; NULL if there is none. */
const char *trace_captures_lost(const struct trace_captures *c, const struct trace_statement *s);
/* A name that `s` needs from before and that nothing was to give yet; NULL if there is none. */
const char *trace_captures_unknown(const struct trace_captures *c, const struct trace_statement *s);

/* Where bytes depart from items. */
struct trace_departure {
	size_t at; /* the first byte that cannot be as it is; the length if more was expected */
};

/* Whether `bytes` are what the items of `s` say: 1, and captures are taken; 0, none are taken, and
 * `ret_where` (unless NULL) says where. A TRACE_DATA fits if the length and, with `k`, the hash
 * fit; without `k` FUDA_ENOTSUP. A TRACE_SECRET fits any bytes of its length, a TRACE_TYPED none.
 * FUDA_EFORMAT: {name} that was not captured; FUDA_ETOOBIG: a pattern that takes too long;
 * FUDA_EINVAL: more than TRACE_CAPTURES_MAX names are captured. */
int trace_match(const struct trace_statement *s, struct trace_captures *c, struct trace_keyring *k,
		const uint8_t *bytes, size_t len, struct trace_departure *ret_where);

bool trace_match_status(const struct trace_statement *response, uint16_t sw);
bool trace_match_time(const struct trace_statement *response, uint64_t us);

/* Appends the bytes that the items stand for. FUDA_EFORMAT if there is one that can be many
 * things, or that is not shown (SECRET, DATA); FUDA_ETOOBIG, FUDA_ENOMEM. */
int trace_fill(const struct trace_statement *s, const struct trace_captures *c,
	       struct fuda_buf *ret_bytes);

#endif
