/* SPDX-License-Identifier: Apache-2.0 */
/* Characters of a trace to words, one at a time: inside of the parser. */
#ifndef TRACE_SCAN_H
#define TRACE_SCAN_H

#include "trace/statement.h"

enum trace_word_kind {
	TRACE_WORD_END,    /* of the statement */
	TRACE_WORD_PLAIN,  /* up to a blank */
	TRACE_WORD_QUOTED, /* "...": what is between, escapes as they stand */
	TRACE_WORD_ROUND,  /* (...): what is between */
	TRACE_WORD_ANGLE,  /* <...>: what is between; not as the first of a statement */
	TRACE_WORD_NOTE,   /* # ...: what comes behind the blank, without blanks at the end */
};

struct trace_word {
	enum trace_word_kind kind;
	const char *text; /* not terminated; valid until the next word is scanned */
	size_t len;
	unsigned long line, column; /* from 1; columns are characters */
};

struct trace_scanner {
	struct fuda_context *ctx;
	FILE *file;
	char *path;
	char line[TRACE_LINE_MAX + 1];
	size_t len, at;        /* of the line, and where the next word is sought */
	unsigned long number;  /* of the line, from 1 */
	long offset;           /* in the file, of the line; < 0: not known */
	long next;             /* ... and of the one behind it */
	bool waiting;          /* the line is not yet part of a statement */
	bool over;             /* ... there is none: the file has ended */
	bool first;            /* the next word is the first of a statement */
	struct trace_word end; /* of the statement, once it was reached; its line is 0 before */
	/* columns are counted on from the last word */
	size_t counted;
	unsigned long column;
};

static inline bool trace_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Begins the next statement. 1, or 0 at the end of the file. FUDA_EFORMAT, FUDA_EFILE. */
int trace_scan_statement(struct trace_scanner *s);
/* The next word of it. FUDA_EFORMAT, FUDA_EFILE. */
int trace_scan(struct trace_scanner *s, struct trace_word *ret);
/* Reads the first line of the file. */
int trace_scan_first_line(struct trace_scanner *s);

/* "path:line:column: text" at a word. Always FUDA_EFORMAT. */
int trace_scan_fail(struct trace_scanner *s, const struct trace_word *w, const char *format, ...)
	_printf_(3, 4);

#endif
