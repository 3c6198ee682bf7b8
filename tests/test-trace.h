/* SPDX-License-Identifier: Apache-2.0 */
/* Statements out of text in memory, and whether two are the same. */
#ifndef TESTS_TEST_TRACE_H
#define TESTS_TEST_TRACE_H

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "trace/statement.h"

#define FIRST TRACE_FIRST_LINE "\n"

/* A parser of `len` bytes, called "t". */
static inline int text_open(struct fuda_context *ctx, const void *text, size_t len, struct trace_parser **ret)
{
	FILE *f = len ? fmemopen((void *)(uintptr_t)text, len, "rb") : fopen("/dev/null", "rb");

	return f ? trace_parser_open(ctx, "t", f, ret) : FUDA_ENOMEM;
}

/* Parses all of a text and appends what the statements are in their canonical form, without the first line. What
 * was parsed before an error is appended, too. Returns 0 or the error. */
static inline int text_format(struct fuda_context *ctx, const void *text, size_t len, struct fuda_buf *ret)
{
	struct trace_statement s = TRACE_STATEMENT_INIT;
	struct trace_parser *p = NULL;
	int r = text_open(ctx, text, len, &p);

	if (r < 0)
		return r;
	while ((r = trace_parse(p, &s)) > 0) {
		r = trace_format(&s, ret);
		if (r < 0)
			break;
	}
	trace_statement_free(&s);
	trace_parser_free(&p);
	return r;
}

static inline bool same_item(const struct trace_statement *a, const struct trace_item *x,
			     const struct trace_statement *b, const struct trace_item *y)
{
	return x->kind == y->kind && x->len == y->len && x->min == y->min && x->max == y->max &&
	       x->quoted == y->quoted && strcmp(x->name, y->name) == 0 &&
	       memcmp(x->hash, y->hash, sizeof(x->hash)) == 0 &&
	       (!x->len || memcmp(a->bytes.data + x->at, b->bytes.data + y->at, x->len) == 0);
}

static inline bool same_statuses(const struct trace_statement *a, const struct trace_statement *b)
{
	bool same = a->status_count == b->status_count;

	for (size_t i = 0; same && i < a->status_count; i++)
		same = a->statuses[i].sw == b->statuses[i].sw && a->statuses[i].mask == b->statuses[i].mask &&
		       strcmp(a->statuses[i].name, b->statuses[i].name) == 0;
	return same;
}

/* But for the line. */
static inline bool same_statement(const struct trace_statement *a, const struct trace_statement *b)
{
	bool same = a->kind == b->kind && a->count == b->count && same_statuses(a, b) &&
		    a->time.kind == b->time.kind && a->time.min_us == b->time.min_us &&
		    a->time.max_us == b->time.max_us && a->error == b->error && strcmp(a->word, b->word) == 0 &&
		    !a->text == !b->text && (!a->text || strcmp(a->text, b->text) == 0) &&
		    a->number == b->number && a->second == b->second;

	for (size_t i = 0; same && i < a->count; i++)
		same = same_item(a, &a->items[i], b, &b->items[i]);
	return same;
}

#endif
