/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/report.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tools/fuda.h"
#include <fuda/encode.h>

struct report *report_new(void)
{
	struct report *r = calloc(1, sizeof(*r));

	if (r)
		r->kind = REPORT_OBJECT;
	return r;
}

static void wipe_text(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
}

void report_free(struct report **r)
{
	struct report *next;

	if (!*r)
		return;
	for (struct report *child = (*r)->first; child; child = next) {
		next = child->next;
		report_free(&child);
	}
	free((*r)->label);
	free((*r)->key);
	wipe_text(&(*r)->text); /* may be personal */
	wipe_text(&(*r)->shown);
	free(*r);
	*r = NULL;
}

/* Bytes of the UTF-8 character that starts at `s`, 0 if none does (RFC 3629 section 4). */
static size_t utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char first, last, second_min, second_max;
		size_t len;
	} forms[] = {
		{ 0x01, 0x7F, 0, 0, 1 },       { 0xC2, 0xDF, 0x80, 0xBF, 2 },
		{ 0xE0, 0xE0, 0xA0, 0xBF, 3 }, { 0xE1, 0xEC, 0x80, 0xBF, 3 },
		{ 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 },
		{ 0xF0, 0xF0, 0x90, 0xBF, 4 }, { 0xF1, 0xF3, 0x80, 0xBF, 4 },
		{ 0xF4, 0xF4, 0x80, 0x8F, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t n = 1;

		if (*s < forms[i].first || *s > forms[i].last)
			continue;
		if (forms[i].len > 1 && (s[1] < forms[i].second_min || s[1] > forms[i].second_max))
			return 0;
		while (++n < forms[i].len)
			if ((s[n] & 0xC0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

/* A copy of `text` in which bytes that are not UTF-8, nor `people` can read in their encoding,
 * became question marks. */
static char *mended(const char *text, bool people)
{
	char *copy = strdup(text);

	for (char *p = copy; p && *p;) {
		int local = people ? mblen(p, MB_CUR_MAX) : 0;
		size_t len = local > 0 ? (size_t)local : utf8_length((unsigned char *)p);

		if (!len)
			*p = '?';
		p += len ? len : 1;
	}
	return copy;
}

static bool set(char **to, const char *text, bool people)
{
	if (!text)
		return true;
	*to = mended(text, people);
	return *to != NULL;
}

static struct report *add(struct report *r, enum report_kind kind, const char *label,
			  const char *key, const char *shown)
{
	struct report *field;

	if (!r)
		return NULL;
	field = calloc(1, sizeof(*field));
	if (!field || !set(&field->label, label, true) || !set(&field->key, key, false) ||
	    !set(&field->shown, shown, true)) {
		report_free(&field);
		r->broken = true;
		return NULL;
	}
	field->kind = kind;
	if (r->last)
		r->last->next = field;
	else
		r->first = field;
	r->last = field;
	return field;
}

void report_word(struct report *r, const char *label, const char *key, const char *word,
		 const char *shown)
{
	struct report *field;

	if (!word || !*word)
		return;
	field = add(r, REPORT_TEXT, label, key, shown);
	if (field && !set(&field->text, word, false))
		r->broken = true;
}

void report_text(struct report *r, const char *label, const char *key, const char *value)
{
	report_word(r, label, key, value, NULL);
}

void report_number(struct report *r, const char *label, const char *key, long value)
{
	struct report *field = add(r, REPORT_NUMBER, label, key, NULL);

	if (field)
		field->number = value;
}

void report_flag(struct report *r, const char *label, const char *key, bool value)
{
	struct report *field = add(r, REPORT_FLAG, label, key, value ? _("yes") : _("no"));

	if (field)
		field->number = value;
}

void report_hex(struct report *r, const char *label, const char *key, const uint8_t *bytes,
		size_t len)
{
	char *text;

	if (!r || !len)
		return;
	text = malloc(2 * len + 1);
	if (!text) {
		r->broken = true;
		return;
	}
	fuda_hex_encode(bytes, len, text);
	report_text(r, label, key, text);
	free(text);
}

const char *report_time_text(time_t value, char ret[REPORT_TIME])
{
	struct tm tm;

	if (!gmtime_r(&value, &tm) || !strftime(ret, REPORT_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm))
		*ret = '\0';
	return ret;
}

void report_time(struct report *r, const char *label, const char *key, time_t value)
{
	char text[REPORT_TIME];

	if (*report_time_text(value, text))
		report_text(r, label, key, text);
}

struct report *report_object(struct report *r, const char *label, const char *key,
			     const char *shown)
{
	return add(r, REPORT_OBJECT, label, key, shown);
}

struct report *report_list(struct report *r, const char *label, const char *key, const char *shown)
{
	return add(r, REPORT_LIST, label, key, shown);
}

struct report *report_known_list(struct report *r, const char *key)
{
	struct report *list = add(r, REPORT_LIST, NULL, key, NULL);

	if (list)
		list->known = true;
	return list;
}

/* ---- text ---- */

/* Columns that `text` takes on a terminal. */
static int width(const char *text)
{
	wchar_t wide[256];
	size_t n = mbstowcs(wide, text, ARRAY_SIZE(wide));
	int columns = n < ARRAY_SIZE(wide) ? wcswidth(wide, n) : -1;

	return columns >= 0 ? columns : (int)strlen(text);
}

/* How many bytes the character has that a terminal would obey instead of showing it: 0 if it would
 * not. C0, DEL, and in UTF-8: C1, line separators, marks that change the direction of text. */
static size_t obeyed(const unsigned char *p)
{
	static const struct {
		const char *lead;
		unsigned char first, last;
	} ranges[] = {
		{ "\xC2", 0x80, 0x9F },     { "\xD8", 0x9C, 0x9C },     { "\xE2\x80", 0x8E, 0x8F },
		{ "\xE2\x80", 0xA8, 0xAE }, { "\xE2\x81", 0xA6, 0xA9 },
	};

	if (*p < 0x20 || *p == 0x7F)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		size_t len = strlen(ranges[i].lead);

		if (strncmp((const char *)p, ranges[i].lead, len) == 0 &&
		    p[len] >= ranges[i].first && p[len] <= ranges[i].last)
			return len + 1;
	}
	return 0;
}

void print_safely(const char *text, FILE *out)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		size_t len = obeyed(p);

		putc(len ? '?' : *p, out);
		p += len ? len - 1 : 0;
	}
}

static bool nested(const struct report *r)
{
	return r->kind >= REPORT_OBJECT && !r->shown;
}

/* Whether there is something for people in it. */
static bool visible(const struct report *r)
{
	bool any = !nested(r);

	for (const struct report *f = r->first; f && !any; f = f->next)
		any = f->label && visible(f);
	return any;
}

static void print_fields(const struct report *r, int indent, FILE *out)
{
	int column = 0;

	for (const struct report *f = r->first; f; f = f->next)
		if (f->label && !nested(f) && width(f->label) > column)
			column = width(f->label);
	for (const struct report *f = r->first; f; f = f->next) {
		if (!f->label || !visible(f))
			continue;
		fprintf(out, "%*s", indent, "");
		print_safely(f->label, out);
		if (nested(f)) {
			putc('\n', out);
			print_fields(f, indent + 2, out);
			continue;
		}
		fprintf(out, "%*s", column - width(f->label) + 2, "");
		if (f->shown || f->text)
			print_safely(f->shown ? f->shown : f->text, out);
		else
			fprintf(out, "%ld", f->number);
		putc('\n', out);
	}
}

static bool broken(const struct report *r)
{
	bool any = r->broken;

	for (const struct report *f = r->first; f && !any; f = f->next)
		any = broken(f);
	return any;
}

int report_print_text(const struct report *r, FILE *out)
{
	if (broken(r))
		return FUDA_ENOMEM;
	print_fields(r, 0, out);
	return fflush(out) || ferror(out) ? FUDA_EFILE : 0;
}
