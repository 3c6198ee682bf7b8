/* SPDX-License-Identifier: Apache-2.0 */
/* What a command found out: built once, printed as text for people or as JSON for programs. */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum report_kind { REPORT_TEXT, REPORT_NUMBER, REPORT_FLAG, REPORT_OBJECT, REPORT_LIST };

/* A field, or a tree of them. Read by report.c and json.c only. */
struct report {
	enum report_kind kind;
	char *label; /* for people, translated; NULL: only in JSON */
	char *key;   /* for programs; NULL: only in text, or a member of a list */
	char *text;  /* REPORT_TEXT */
	char *shown; /* what people see instead of the value or the members; NULL: those */
	long number; /* REPORT_NUMBER, REPORT_FLAG */
	bool known;  /* REPORT_LIST: that it is empty is known, so that it is there */
	bool broken; /* something did not fit into memory */
	struct report *first, *last, *next;
};

struct report *report_new(void);
void report_free(struct report **r);

/* Adders copy what they are given. They do nothing where `r` or the value is NULL or the value is
 * an empty text: unknown is absent, never empty. Without memory they note it, and printing fails.
 * Text that is not UTF-8 is mended; what people see may be in their encoding instead. */
void report_text(struct report *r, const char *label, const char *key, const char *value);
/* A word for programs that people see as `shown`. */
void report_word(struct report *r, const char *label, const char *key, const char *word,
		 const char *shown);
void report_number(struct report *r, const char *label, const char *key, long value);
void report_flag(struct report *r, const char *label, const char *key, bool value);
void report_hex(struct report *r, const char *label, const char *key, const uint8_t *bytes,
		size_t len);
/* UTC, as 2026-11-20T14:59:59Z; "" if there is no such year. Returns `ret`. */
enum { REPORT_TIME = 40 };
const char *report_time_text(time_t value, char ret[REPORT_TIME]);
void report_time(struct report *r, const char *label, const char *key, time_t value);
/* Nested fields, and a list (whose members have no key). People see `shown` if it is not NULL. */
struct report *report_object(struct report *r, const char *label, const char *key,
			     const char *shown);
struct report *report_list(struct report *r, const char *label, const char *key, const char *shown);
/* A list that is in JSON even if nothing is added to it, because that is then known. */
struct report *report_known_list(struct report *r, const char *key);

/* Both return 0, FUDA_ENOMEM, or FUDA_EFILE if `out` does not take it. */
int report_print_text(const struct report *r, FILE *out);
int report_print_json(const struct report *r, FILE *out);

/* Prints what came from outside, control characters replaced so that it cannot play with a
 * terminal. */
void print_safely(const char *text, FILE *out);

#endif
