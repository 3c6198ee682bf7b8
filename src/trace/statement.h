/* SPDX-License-Identifier: Apache-2.0 */
/* The language of fuda-trace(5): one statement as a value, out of text and back into text. */
#ifndef TRACE_STATEMENT_H
#define TRACE_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <fuda/buf.h>
#include <fuda/deadline.h>
#include "base/context.h"

#define TRACE_FIRST_LINE "fuda-trace 1"

enum {
	TRACE_LINE_MAX = 4096,	     /* bytes of a line without its end */
	TRACE_TEXT_MAX = 4000,	     /* bytes of a comment, or between quotes, as written */
	TRACE_ITEMS_MAX = 4096,	     /* of a statement */
	TRACE_BYTES_MAX = 262144,    /* of a statement: literal bytes and texts together */
	TRACE_NAME_MAX = 31,	     /* characters of a name */
	TRACE_STATUSES_MAX = 16,     /* of a response */
	TRACE_HASH = 8,		     /* bytes of the keyed hash of what is not shown */
	TRACE_REPEAT_MAX = 1000000,  /* times, with the repeats around it */
	TRACE_DEPTH_MAX = 8,	     /* of include, and of repeat */
	TRACE_ATR_MAX = 33,	     /* bytes: ISO 7816-3 8.2.1 */
	TRACE_TIME_MAX = 1000000000, /* microseconds; what took longer is written as this */
};

/* What bytes are, or may be: the parts of commands, responses and names. */
enum trace_item_kind {
	TRACE_BYTES,  /* 00 A4: literal; also "text" */
	TRACE_NAMED,  /* $jpki: the bytes that the name stands for, `name` without the $ */
	TRACE_ANY,    /* .. or ..{n} or ..{n-m} or *: from `min` to `max` bytes of any value; as
		       * {name=..{n}} it is captured: `name` is not empty */
	TRACE_REFER,  /* {name}: what was captured before */
	TRACE_SECRET, /* <secret n>: `min` bytes that are never shown */
	TRACE_TYPED,  /* <typed>: a secret that was typed on the reader */
	TRACE_DATA,   /* <data n HASH>: `min` bytes that are not shown, and their keyed hash */
	TRACE_NOTE,   /* # comment, up to the end of the line: its text without "# "; no bytes */
};

struct trace_item {
	enum trace_item_kind kind;
	size_t at, len;			/* BYTES, NAMED, NOTE: where in the statement's `bytes` */
	size_t min, max;		/* ANY, SECRET, DATA; 0 and SIZE_MAX: * */
	char name[TRACE_NAME_MAX + 1];	/* NAMED, ANY, REFER */
	uint8_t hash[TRACE_HASH];	/* DATA */
	bool quoted;			/* BYTES: written as "text" */
};

enum trace_kind {
	TRACE_EMPTY,	/* an empty line, or one that is a comment: `items` holds at most a NOTE */
	/* what passed */
	TRACE_COMMAND,	/* > items */
	TRACE_RESPONSE, /* < statuses (time) items */
	TRACE_FAILURE,	/* ! word, in place of a response: `error` */
	/* what is done */
	TRACE_POWER,	/* power on|reset|off: `word` */
	TRACE_VERIFY,	/* verify auth|...: `word` is the name of the secret */
	TRACE_WAIT,	/* wait 500 ms: `time` */
	TRACE_INSERT, TRACE_REMOVE,
	/* how it is written */
	TRACE_INCLUDE,	/* include "file": `text` */
	TRACE_REPEAT,	/* repeat N: `number` */
	TRACE_END,
	TRACE_NAME,	/* name word = items: `word` */
	/* where it passed: these hold until the next of their kind */
	TRACE_READER,	/* reader "name": `text`; begins what passed over this reader */
	TRACE_ATR,	/* atr items (literal) */
	TRACE_PROTOCOL, /* protocol T=0|T=1|T=CL: `word` */
	TRACE_SIZES,	/* sizes COMMAND RESPONSE, the most bytes of each: `number`, `second` */
	TRACE_PAD,	/* pad verify|modify|both: `word` */
	TRACE_PROGRAM,	/* program "name": `text` */
	TRACE_DATE,	/* date "2026-11-20T09:00:00Z": `text` */
	TRACE_TOKEN,	/* token card|android|iphone: `word` */
	TRACE_KEY,	/* key XXXXXXXX: which key the hashes were made with: items (4 bytes) */
	TRACE_KINDS,
};

/* SW1-SW2 that a response may have: `sw` under `mask`, whose nibbles are F or 0 (63Cx). */
struct trace_status {
	uint16_t sw, mask;
	char name[TRACE_NAME_MAX + 1]; /* $name, or "" */
};

struct trace_time {
	enum { TRACE_TIME_NONE, TRACE_TIME_TOOK, TRACE_TIME_WITHIN } kind;
	uint64_t min_us, max_us; /* TOOK: both the same; WITHIN: (<200 ms) has min 0 */
};

/* One statement. Made by trace_parse() or by hand; given back with trace_statement_free(). */
struct trace_statement {
	enum trace_kind kind;
	unsigned long line; /* its first, from 1 */
	struct trace_item *items;
	size_t count, room;
	struct fuda_buf bytes; /* what items point into */
	struct trace_status statuses[TRACE_STATUSES_MAX];
	size_t status_count; /* 0 where any will do: written "xxxx" */
	struct trace_time time;
	int error; /* FAILURE: FUDA_EREMOVED, ... */
	char word[TRACE_NAME_MAX + 1];
	char *text; /* owned; UTF-8, no control characters */
	unsigned long number, second;
};

#define TRACE_STATEMENT_INIT ((struct trace_statement){ .bytes = FUDA_BUF_INIT(TRACE_BYTES_MAX) })
#define _cleanup_statement_  _cleanup_(trace_statement_free)

/* Wipes and frees what it holds; it can then be used again. */
void trace_statement_free(struct trace_statement *s);
/* Empties it and keeps the memory, for the next one. */
void trace_statement_clear(struct trace_statement *s, enum trace_kind kind);

/* Adders for who writes traces. FUDA_ENOMEM, FUDA_ETOOBIG; the statement is then as it was. */

/* Bytes in hexadecimal; those behind such bytes are one item with them. */
int trace_add_bytes(struct trace_statement *s, const uint8_t *bytes, size_t len);
/* "text". FUDA_EFORMAT if the bytes are no UTF-8 or hold what cannot be written between quotes:
 * then they are bytes. */
int trace_add_quoted(struct trace_statement *s, const void *text, size_t len);
/* $name, which stands for these bytes. */
int trace_add_named(struct trace_statement *s, const char *name, const uint8_t *bytes, size_t len);
/* # text, without the blanks at its end. What a comment cannot hold becomes '?', as in
 * trace_set_text(). */
int trace_add_note(struct trace_statement *s, const void *text, size_t len);
/* Any of the others, which have no bytes in the statement. */
int trace_add_item(struct trace_statement *s, const struct trace_item *item);
/* Characters that a text cannot hold (control characters, what is no UTF-8) become '?'. */
int trace_set_text(struct trace_statement *s, const char *text);

/* The bytes of one that is BYTES, NAMED or NOTE; NULL where it has none, as empty texts do. */
static inline const uint8_t *trace_item_bytes(const struct trace_statement *s,
					      const struct trace_item *item)
{
	return item->len ? s->bytes.data + item->at : NULL;
}

/* Whether all of its bytes are known without captures: then appends them to `ret_bytes` if that is
 * not NULL. FUDA_EFORMAT if not, FUDA_ENOMEM, FUDA_ETOOBIG. */
int trace_literal(const struct trace_statement *s, struct fuda_buf *ret_bytes);

/* Why bytes of a statement are not known; bits. */
enum trace_hides {
	TRACE_HIDES_SECRET = 1,	 /* <secret n>, <typed> */
	TRACE_HIDES_DATA = 2,	 /* <data n HASH> */
	TRACE_HIDES_PATTERN = 4, /* what a script leaves open */
};

struct trace_sketch {
	size_t known;	/* bytes before the first that is not known */
	unsigned hides; /* enum trace_hides */
};

/* Appends its bytes, in the place of those that are not known as many zeros as there are at least;
 * of all that as much as fits into `ret_bytes`. FUDA_ENOMEM. */
int trace_sketch(const struct trace_statement *s, struct fuda_buf *ret_bytes,
		 struct trace_sketch *ret);

/* ---- text to statements ---- */

/* A file being read, with the names that it defined so far. Memory does not grow with the file. */
struct trace_parser;

/* Opens file `path`; or takes `stream` (then it is owned by the parser), which messages call
 * `path`. FUDA_EFILE, FUDA_EFORMAT (the first line is not TRACE_FIRST_LINE), FUDA_ENOMEM. */
int trace_parser_open(struct fuda_context *ctx, const char *path, FILE *stream,
		      struct trace_parser **ret);
void trace_parser_free(struct trace_parser **p);
/* The path, for messages. Owned by the parser. */
const char *trace_parser_path(const struct trace_parser *p);

/* Parses the next statement into `ret`, which is cleared first. 1; 0 at the end of the file.
 * FUDA_EFORMAT: the message is "path:line:column: what is wrong", and there is no going on;
 * FUDA_EFILE, FUDA_ENOMEM. */
int trace_parse(struct trace_parser *p, struct trace_statement *ret);

/* Writes down an error at a statement of `p`: "path:line: text". Returns `code`. */
int trace_fail_at(struct trace_parser *p, unsigned long line, int code, const char *format, ...)
	_printf_(4, 5);

/* For repeat: where the next statement stands, and going back there. FUDA_ENOTSUP if the file
 * cannot go back (a pipe); FUDA_EFILE. */
struct trace_place {
	long offset;
	unsigned long line; /* the one before */
	unsigned repeats;   /* that have not ended */
};
int trace_parser_tell(struct trace_parser *p, struct trace_place *ret);
int trace_parser_seek(struct trace_parser *p, const struct trace_place *place);

/* ---- statements to text ---- */

/* Appends the canonical form of one statement, with its newline: bytes in capitals with a blank
 * between, as many a line as fit into 100 columns (32 on lines of data alone), continued on lines
 * that begin with two blanks; a comment ends its line. Bytes that a built-in name stands for
 * (an AID in SELECT) are named only where the statement names them. Parsing it gives the same
 * statement. FUDA_ENOMEM, FUDA_ETOOBIG; `ret_text` is then as it was. */
int trace_format(const struct trace_statement *s, struct fuda_buf *ret_text);

/* ---- a script as it runs: include and repeat carried out ---- */

struct trace_script;

/* Opens `path` to be read statement by statement. Errors of
 * trace_parser_open(). */
int trace_script_open(struct fuda_context *ctx, const char *path, struct trace_script **ret);
void trace_script_free(struct trace_script **s);
/* Has trace_script_next() fail with FUDA_ECANCELLED from when `dl` is cancelled, and if `time_too`
 * with FUDA_ETIMEOUT when its time is over: a few lines may repeat or include for hours. NULL: not
 * any more. */
void trace_script_heed(struct trace_script *s, const struct fuda_deadline *dl, bool time_too);
/* As trace_parse(); gives no EMPTY, INCLUDE, REPEAT, END nor NAME, and resolves nothing twice:
 * included files see the names of the including one and add to them. Errors also: an include that
 * goes round or too deep, repeat without end. */
int trace_script_next(struct trace_script *s, struct trace_statement *ret);
/* "path:line: text" at the statement given last. Returns `code`. */
int trace_script_fail(struct trace_script *s, int code, const char *format, ...) _printf_(3, 4);
/* Path and line of the statement given last. */
const char *trace_script_path(const struct trace_script *s);
unsigned long trace_script_line(const struct trace_script *s);

#endif
