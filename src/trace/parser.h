/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read and write statements have in common. */
#ifndef TRACE_PARSER_H
#define TRACE_PARSER_H

#include "trace/scan.h"
#include "trace/statement.h"

/* ---- how statements are written ---- */

enum trace_shape {
	TRACE_SHAPE_NONE,     /* the word alone */
	TRACE_SHAPE_ITEMS,    /* items */
	TRACE_SHAPE_RESPONSE, /* statuses (time) items */
	TRACE_SHAPE_FAILURE,  /* what failed */
	TRACE_SHAPE_WORD,     /* one of `words` */
	TRACE_SHAPE_TEXT,     /* "text" */
	TRACE_SHAPE_NUMBER,   /* a number */
	TRACE_SHAPE_NUMBERS,  /* two */
	TRACE_SHAPE_TIME,     /* 500 ms */
	TRACE_SHAPE_NAME,     /* name = items */
};

struct trace_form {
	const char *word; /* the first of the statement; NULL: EMPTY */
	enum trace_shape shape;
	const char *words; /* that may follow, with '|' between them */
	size_t min, max;   /* bytes of all items, or the numbers; max 0: no end */
	bool literal;      /* the items are known bytes ... */
	bool packed;       /* ... which are written without blanks */
};

extern const struct trace_form trace_forms[TRACE_KINDS];

/* What stands for a failure: "removed" for FUDA_EREMOVED, "failed" for what has no word of its own.
 * Never NULL. */
const char *trace_failure_word(int error);
/* The other way round; 0 if there is no such word. */
int trace_failure_error(const char *word);

/* ---- names that files define ---- */

struct trace_names;

int trace_names_new(struct trace_names **ret);
void trace_names_free(struct trace_names **n);
/* The same bytes a second time are no redefinition, for files that are included, and lines that are
 * run, more than once. FUDA_EINVAL if it has other bytes, FUDA_ETOOBIG, FUDA_ENOMEM. */
int trace_names_define(struct trace_names *n, const char *name, const uint8_t *bytes, size_t len);
/* The bytes, which stay where they are until the next name is defined; false if there is none. */
bool trace_names_find(const struct trace_names *n, const char *name, const uint8_t **ret_bytes,
		      size_t *ret_len);

/* ---- the parser ---- */

struct trace_parser {
	struct trace_scanner scan;
	struct trace_names *names;
	bool lends;       /* the names are somebody else's */
	bool unresolved;  /* names that are not known pass, as names without bytes */
	bool asked;       /* the statement before is one that is answered */
	unsigned repeats; /* that have not ended */
	unsigned long begun[TRACE_DEPTH_MAX]; /* the lines of those */
};

/* As trace_parser_open(), with the names of somebody else, if that is not NULL. */
int trace_parser_open_with(struct fuda_context *ctx, const char *path, FILE *stream,
			   struct trace_names *names, struct trace_parser **ret);

/* ---- parts of statements ---- */

/* What is behind the first word of a statement, by its shape. */
extern int (*const trace_shapes[])(struct trace_parser *p, const struct trace_form *form,
				   struct trace_statement *ret);
/* The next word that is no comment; those become items. */
int trace_next_word(struct trace_parser *p, struct trace_statement *ret, struct trace_word *w);

/* Adds the item that a word is. */
int trace_parse_item(struct trace_parser *p, const struct trace_word *w,
		     struct trace_statement *ret);
/* Writes down what an adder returned at a word. Returns 0 or the error. */
int trace_added(struct trace_parser *p, const struct trace_word *w, int r);

/* Whether `text` can be a name: a to z, then these, digits, '.' and '-'. */
bool trace_is_name(const char *text, size_t len);
/* What name `text`, without the $, stands for, built in or defined; the bytes stay where they are
 * until the next name is defined. */
int trace_resolve(struct trace_parser *p, const struct trace_word *w, const char *text, size_t len,
		  char ret_name[TRACE_NAME_MAX + 1], const uint8_t **ret_bytes, size_t *ret_len);

/* Takes a decimal number without leading zeros off the beginning; false if there is none up to
 * `max`. */
bool trace_take_number(const char **text, size_t *left, uint64_t max, uint64_t *ret);
int trace_hex_digit(char c); /* < 0: it is none */
/* False if these are not `len` / 2 bytes in hexadecimal. */
bool trace_take_hex(const char *text, size_t len, uint8_t *ret_bytes);
/* A time with its unit: "12.345 ms", "<200 ms" or "100..200 ms". */
bool trace_take_times(const char *text, size_t len, struct trace_time *ret);
/* The text between quotes without its escapes, which is never longer; returns its length. */
size_t trace_unescape(const struct trace_word *w, char *ret);

#endif
