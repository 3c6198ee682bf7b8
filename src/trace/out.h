/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people on its way to a sink: columns, and nothing that a terminal obeys. */
#ifndef TRACE_OUT_H
#define TRACE_OUT_H

#include <fuda/trace.h>
#include "base/util.h"

enum { OUT_COLUMNS = 100 };

/* Failures stay: after one, nothing is written, and out_end() returns it. */
struct trace_out {
	const struct fuda_trace_sink *sink;
	struct fuda_buf text;
	size_t column; /* of the next character, from 0 */
	size_t indent; /* what lines begin with, also those that go on below */
	int error;
};

#define TRACE_OUT(to) \
	((struct trace_out){ .sink = (to), .text = FUDA_BUF_INIT(1 << 20) })
#define _cleanup_out_ _cleanup_(out_free)

void out_free(struct trace_out *o);
/* Sends what is left. 0, FUDA_EFILE (the sink takes no more), FUDA_ENOMEM. */
int out_end(struct trace_out *o);

/* Text of this project or its translation; lines are not broken. */
void out_text(struct trace_out *o, const char *text);
void out_printf(struct trace_out *o, const char *format, ...) _printf_(2, 3);
/* As much of it as ends before `column`, for one line; where something is left out "…" says so. */
void out_cut(struct trace_out *o, const char *text, size_t column);
/* Columns of such text. */
size_t out_width(const char *text);
/* Text from outside: what is not UTF-8 or what a terminal obeys becomes '?'; lines that get too
 * long go on below. */
void out_safe(struct trace_out *o, const void *text, size_t len);
/* Whether it can be shown as it is: UTF-8 without such characters, and not empty. */
bool out_is_text(const void *text, size_t len);
/* A word of ASCII that is not broken, with a blank before it; or else below. */
void out_word(struct trace_out *o, const char *word);
/* A word a byte, "00 A4 ...", with at most `most` bytes and the number of those left out. */
void out_hex(struct trace_out *o, const uint8_t *bytes, size_t len, size_t most);
/* Blanks up to `column`, at least one. */
void out_column(struct trace_out *o, size_t column);
void out_line(struct trace_out *o);
/* Bytes as they are; for what is no text. */
void out_bytes(struct trace_out *o, const void *bytes, size_t len);

#endif
