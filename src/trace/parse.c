/* SPDX-License-Identifier: Apache-2.0 */
/* Words to statements. */
#include "trace/parser.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "trace/names.h"

enum { MICROSECONDS_MAX = 1000000000 }; /* of a time in a trace: 1000 s */

/* ---- opening ---- */

void trace_parser_free(struct trace_parser **parser)
{
	struct trace_parser *p = *parser;

	if (!p)
		return;
	if (p->scan.file)
		fclose(p->scan.file);
	if (!p->lends)
		trace_names_free(&p->names);
	wipe(p->scan.line, sizeof(p->scan.line));
	free(p->scan.path);
	free(p);
	*parser = NULL;
}

static int open_file(struct trace_parser *p, const char *path, FILE *stream)
{
	struct stat st;
	FILE *f = stream ? stream : fopen(path, "rbe");

	p->scan.file = f;
	/* a directory can be opened, and reading it says something else */
	if (f && fileno(f) >= 0 && fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		f = NULL;
	}
	if (!f)
		return ctx_fail(p->scan.ctx, FUDA_EFILE, "%s: %s", path, strerror(errno));
	p->scan.offset = p->scan.next = ftell(f);
	return trace_scan_first_line(&p->scan);
}

int trace_parser_open_with(struct fuda_context *ctx, const char *path, FILE *stream,
			   struct trace_names *names, struct trace_parser **ret)
{
	struct trace_parser *p = calloc(1, sizeof(*p));
	int r = 0;

	if (!p) {
		if (stream)
			fclose(stream);
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	p->scan.ctx = ctx;
	p->lends = names != NULL;
	p->names = names;
	p->scan.path = strdup(path);
	if (!names)
		r = trace_names_new(&p->names);
	if (!p->scan.path || r < 0) {
		p->scan.file = stream;
		r = ctx_fail_code(ctx, FUDA_ENOMEM);
	} else {
		r = open_file(p, path, stream);
	}
	if (r < 0)
		trace_parser_free(&p);
	else
		*ret = p;
	return r;
}

int trace_parser_open(struct fuda_context *ctx, const char *path, FILE *stream,
		      struct trace_parser **ret)
{
	return trace_parser_open_with(ctx, path, stream, NULL, ret);
}

const char *trace_parser_path(const struct trace_parser *p)
{
	return p->scan.path;
}

int trace_fail_at(struct trace_parser *p, unsigned long line, int code, const char *format, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return ctx_fail(p->scan.ctx, code, "%s:%lu: %s", p->scan.path, line, text);
}

int trace_parser_tell(struct trace_parser *p, struct trace_place *ret)
{
	const struct trace_scanner *s = &p->scan;

	if (s->next < 0 || fseek(s->file, 0, SEEK_CUR) < 0)
		return trace_fail_at(p, s->number, FUDA_ENOTSUP,
				     _("What is repeated must be in a file, not come from a pipe."));
	*ret = (struct trace_place){ s->waiting ? s->offset : s->next,
				     s->waiting ? s->number - 1 : s->number, p->repeats };
	return 0;
}

int trace_parser_seek(struct trace_parser *p, const struct trace_place *place)
{
	struct trace_scanner *s = &p->scan;

	if (fseek(s->file, place->offset, SEEK_SET) < 0)
		return trace_fail_at(p, s->number, FUDA_EFILE, "%s", strerror(errno));
	s->next = place->offset;
	s->number = place->line;
	s->waiting = s->over = false;
	p->repeats = place->repeats;
	p->asked = false;
	return 0;
}

/* ---- words ---- */

/* The next word that is no comment; those go to the items. */
static int next_word(struct trace_parser *p, struct trace_statement *ret, struct trace_word *w)
{
	int r;

	while ((r = trace_scan(&p->scan, w)) == 0 && w->kind == TRACE_WORD_NOTE) {
		r = trace_added(p, w, trace_add_note(ret, w->text, w->len));
		if (r < 0)
			break;
	}
	return r;
}

/* Copies a plain word, whatever is longer than the room for it cut off. */
static bool copy_word(const struct trace_word *w, char *ret, size_t size)
{
	if (w->kind != TRACE_WORD_PLAIN)
		return false;
	snprintf(ret, size, "%.*s", (int)w->len, w->text);
	return w->len < size;
}

/* Whether `word` is one of `words`, which have '|' between them. */
static bool one_of(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = words; len && p; p = strchr(p, '|')) {
		p += *p == '|';
		if (strncmp(p, word, len) == 0 && (p[len] == '|' || !p[len]))
			return true;
	}
	return false;
}

static int take_word(struct trace_parser *p, struct trace_statement *ret,
		     const struct trace_form *form, char value[TRACE_NAME_MAX + 1])
{
	struct trace_word w;
	int r = next_word(p, ret, &w);

	if (r < 0)
		return r;
	if (!copy_word(&w, value, TRACE_NAME_MAX + 1) || !one_of(form->words, value))
		return trace_scan_fail(&p->scan, &w, _("Expected one of %s."), form->words);
	return 0;
}

/* ---- shapes ---- */

static int parse_word(struct trace_parser *p, const struct trace_form *form,
		      struct trace_statement *ret)
{
	return take_word(p, ret, form, ret->word);
}

static int parse_failure(struct trace_parser *p, const struct trace_form *form,
			 struct trace_statement *ret)
{
	char word[TRACE_NAME_MAX + 1];
	int r = take_word(p, ret, form, word);

	if (r == 0)
		ret->error = trace_failure_error(word);
	return r;
}

/* "2026-11-21T03:04:05Z": RFC 3339, in UTC, whole seconds. */
static bool is_date(const char *text)
{
	static const char form[] = "0000-00-00T00:00:00Z";
	size_t i = 0;

	for (; form[i] && text[i]; i++)
		if (form[i] >= '0' && form[i] <= '9' ? text[i] < '0' || text[i] > '9' :
						       text[i] != form[i])
			return false;
	return !form[i] && !text[i];
}

static int parse_text(struct trace_parser *p, const struct trace_form *form,
		      struct trace_statement *ret)
{
	char text[TRACE_TEXT_MAX + 1];
	struct trace_word w;
	int r = next_word(p, ret, &w);

	(void)form;
	if (r < 0)
		return r;
	if (w.kind != TRACE_WORD_QUOTED || !w.len)
		return trace_scan_fail(&p->scan, &w, _("Expected a text between quotes."));
	text[trace_unescape(&w, text)] = '\0';
	if (strchr(text, '\t'))
		return trace_scan_fail(&p->scan, &w, _("A tab cannot stand in a text."));
	if (ret->kind == TRACE_DATE && !is_date(text))
		return trace_scan_fail(&p->scan, &w,
				       _("Expected a time in UTC like \"2026-11-21T03:04:05Z\"."));
	return trace_added(p, &w, trace_set_text(ret, text));
}

static int take_number(struct trace_parser *p, struct trace_statement *ret,
		       const struct trace_form *form, unsigned long *value)
{
	struct trace_word w;
	const char *text;
	size_t left;
	uint64_t n;
	int r = next_word(p, ret, &w);

	if (r < 0)
		return r;
	text = w.text;
	left = w.len;
	if (w.kind != TRACE_WORD_PLAIN || !trace_take_number(&text, &left, form->max, &n) ||
	    left || n < form->min)
		return trace_scan_fail(&p->scan, &w, _("Expected a number from %zu to %zu."),
				       form->min, form->max);
	*value = (unsigned long)n;
	return 0;
}

static int parse_number(struct trace_parser *p, const struct trace_form *form,
			struct trace_statement *ret)
{
	return take_number(p, ret, form, &ret->number);
}

static int parse_numbers(struct trace_parser *p, const struct trace_form *form,
			 struct trace_statement *ret)
{
	int r = take_number(p, ret, form, &ret->number);

	return r < 0 ? r : take_number(p, ret, form, &ret->second);
}

/* ---- times ---- */

/* Microseconds of a number that may have decimals; false if it has more of them than the unit. */
static bool take_time(const char **text, size_t *left, uint64_t unit, uint64_t *ret)
{
	uint64_t whole, part = unit;

	if (!trace_take_number(text, left, MICROSECONDS_MAX, &whole))
		return false;
	whole *= unit;
	if (*left > 1 && **text == '.' && (*text)[1] != '.') {
		++*text;
		--*left;
		for (; *left && **text >= '0' && **text <= '9'; ++*text, --*left) {
			if (part == 1)
				return false;
			part /= 10;
			whole += (uint64_t)(**text - '0') * part;
		}
		if (part == unit)
			return false;
	}
	*ret = whole;
	return whole <= MICROSECONDS_MAX;
}

/* The unit at the end of a text, which is taken off with the blanks before it; 0 if there is none.
 */
static uint64_t take_unit(const char *text, size_t *len)
{
	static const struct {
		const char *name;
		uint64_t us;
	} units[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t n = strlen(units[i].name);

		if (*len <= n || memcmp(text + *len - n, units[i].name, n) != 0)
			continue;
		for (*len -= n; *len && text[*len - 1] == ' ';)
			--*len;
		return units[i].us;
	}
	return 0;
}

/* 12.345 ms, <200 ms or 100..200 ms */
static bool take_times(const char *text, size_t len, struct trace_time *ret)
{
	struct trace_time t = { TRACE_TIME_TOOK, 0, 0 };
	uint64_t unit = take_unit(text, &len);

	if (!unit)
		return false;
	if (len && *text == '<') {
		t.kind = TRACE_TIME_WITHIN;
		text++;
		len--;
	}
	if (!take_time(&text, &len, unit, &t.max_us))
		return false;
	if (t.kind == TRACE_TIME_TOOK)
		t.min_us = t.max_us;
	if (t.kind == TRACE_TIME_TOOK && len > 2 && memcmp(text, "..", 2) == 0) {
		t.kind = TRACE_TIME_WITHIN;
		text += 2;
		len -= 2;
		if (!take_time(&text, &len, unit, &t.max_us))
			return false;
	}
	if (len || t.max_us < t.min_us)
		return false;
	*ret = t;
	return true;
}

/* Two words, so that it reads like the times between parentheses. */
static int parse_time(struct trace_parser *p, const struct trace_form *form,
		      struct trace_statement *ret)
{
	char text[2 * TRACE_NAME_MAX + 2];
	struct trace_word first, w;
	int r = next_word(p, ret, &first);
	bool good;

	(void)form;
	if (r < 0)
		return r;
	w = first;
	good = copy_word(&w, text, TRACE_NAME_MAX + 1);
	r = good ? next_word(p, ret, &w) : 0;
	if (r < 0)
		return r;
	if (good) {
		size_t len = strlen(text);

		text[len++] = ' ';
		good = copy_word(&w, text + len, TRACE_NAME_MAX + 1) &&
		       take_times(text, strlen(text), &ret->time) &&
		       ret->time.kind == TRACE_TIME_TOOK;
	}
	return good ? 0 :
		      trace_scan_fail(&p->scan, &first,
				      _("Expected a time up to 1000 s, like 500 ms, with unit us, "
					"ms or s."));
}

/* ---- items ---- */

static int take_items(struct trace_parser *p, struct trace_word *w, struct trace_statement *ret)
{
	int r = 0;

	while (r == 0 && w->kind != TRACE_WORD_END) {
		r = trace_parse_item(p, w, ret);
		if (r == 0)
			r = next_word(p, ret, w);
	}
	return r;
}

/* The bytes that the items are at least and at most; whether one can have any number. */
static bool length(const struct trace_statement *s, size_t *ret_min, size_t *ret_max)
{
	size_t min = 0, max = 0;
	bool any = false;

	for (size_t i = 0; i < s->count; i++) {
		const struct trace_item *it = &s->items[i];

		switch (it->kind) {
		case TRACE_NOTE:
		case TRACE_TYPED:
			break;
		case TRACE_BYTES:
		case TRACE_NAMED:
			any |= it->kind == TRACE_NAMED && !it->len; /* not resolved */
			min += it->len;
			max += it->len;
			break;
		default:
			any |= it->kind == TRACE_REFER || it->max == SIZE_MAX;
			min += it->min;
			max += any ? 0 : it->max;
		}
	}
	*ret_min = min;
	*ret_max = max;
	return any;
}

/* What the form says of them, at the first word of the statement. */
static int check_items(struct trace_parser *p, const struct trace_form *form,
		       const struct trace_statement *s)
{
	struct trace_word w = { .line = s->line, .column = 1 };
	size_t min, max;
	bool any = length(s, &min, &max);

	if (form->literal && trace_literal(s, NULL) < 0)
		return trace_scan_fail(&p->scan, &w,
				       _("Only bytes, texts and names can stand here."));
	if ((!any && max < form->min) || (form->max && min > form->max))
		return form->max ?
			       trace_scan_fail(&p->scan, &w, _("Expected %zu to %zu bytes."),
					       form->min, form->max) :
			       trace_scan_fail(&p->scan, &w, _("Expected at least %zu bytes."),
					       form->min);
	return 0;
}

static int parse_items(struct trace_parser *p, const struct trace_form *form,
		       struct trace_statement *ret)
{
	struct trace_word w;
	int r = next_word(p, ret, &w);

	if (r == 0)
		r = take_items(p, &w, ret);
	return r < 0 ? r : check_items(p, form, ret);
}

static int parse_name(struct trace_parser *p, const struct trace_form *form,
		      struct trace_statement *ret)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(TRACE_BYTES_MAX);
	struct trace_word w, equals;
	int r = next_word(p, ret, &w);

	if (r < 0)
		return r;
	if (w.kind != TRACE_WORD_PLAIN || !trace_is_name(w.text, w.len))
		return trace_scan_fail(&p->scan, &w,
				       _("Expected a name: a small letter, then small letters, "
					 "digits, '.' and '-', at most %d in all."),
				       TRACE_NAME_MAX);
	memcpy(ret->word, w.text, w.len);
	ret->word[w.len] = '\0';
	r = next_word(p, ret, &equals);
	if (r < 0)
		return r;
	if (equals.kind != TRACE_WORD_PLAIN || equals.len != 1 || *equals.text != '=')
		return trace_scan_fail(&p->scan, &equals, _("Expected = behind the name."));
	r = parse_items(p, form, ret);
	if (r == 0)
		r = trace_added(p, &w, trace_literal(ret, &bytes));
	if (r < 0 || !bytes.len) /* made of names that are not resolved */
		return r;
	r = trace_constant(ret->word) ? FUDA_EINVAL :
					trace_names_define(p->names, ret->word, bytes.data,
							   bytes.len);
	if (r == FUDA_EINVAL)
		return trace_scan_fail(&p->scan, &w,
				       _("The name %s stands for something else already."),
				       ret->word);
	return r == FUDA_ETOOBIG ?
		       trace_scan_fail(&p->scan, &w, _("Too many names, or too long ones.")) :
		       trace_added(p, &w, r);
}

/* ---- responses ---- */

/* A status word in hexadecimal, where an x stands for any digit. */
static bool take_pattern(const char *text, size_t len, struct trace_status *ret)
{
	uint16_t sw = 0, mask = 0;

	if (len != 4)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool any = text[i] == 'x' || text[i] == 'X';
		int digit = any ? 0 : trace_hex_digit(text[i]);

		if (digit < 0)
			return false;
		sw = (uint16_t)(sw << 4 | digit);
		mask = (uint16_t)(mask << 4 | (any ? 0 : 15));
	}
	*ret = (struct trace_status){ sw, mask, "" };
	return true;
}

static int take_status(struct trace_parser *p, const struct trace_word *w, const char *text,
		       size_t len, struct trace_statement *ret)
{
	struct trace_status status = { 0, 0xFFFF, "" };
	const uint8_t *bytes;
	size_t n;

	if (ret->status_count == TRACE_STATUSES_MAX)
		return trace_scan_fail(&p->scan, w, _("At most %d status words can be expected."),
				       TRACE_STATUSES_MAX);
	if (len && *text == '$') {
		int r = trace_resolve(p, w, text + 1, len - 1, status.name, &bytes, &n);

		if (r < 0)
			return r;
		if (n == 2)
			status.sw = (uint16_t)(bytes[0] << 8 | bytes[1]);
		else if (n)
			return trace_scan_fail(&p->scan, w, _("The name %s is no status word."),
					       status.name);
	} else if (!take_pattern(text, len, &status)) {
		return trace_scan_fail(&p->scan, w,
				       _("Expected a status word: 4 hexadecimal digits, where x "
					 "stands for any, or $name, and | between several."));
	} else if (!status.mask) {
		return trace_scan_fail(&p->scan, w, _("xxxx is any status word: it stands alone."));
	}
	ret->statuses[ret->status_count++] = status;
	return 0;
}

static int take_statuses(struct trace_parser *p, const struct trace_word *w,
			 struct trace_statement *ret)
{
	const char *text = w->text, *bar;
	size_t left = w->kind == TRACE_WORD_PLAIN ? w->len : 0;
	int r;

	if (left == 4 && strncasecmp(text, "xxxx", 4) == 0)
		return 0;
	while ((bar = left ? memchr(text, '|', left) : NULL)) {
		r = take_status(p, w, text, (size_t)(bar - text), ret);
		if (r < 0)
			return r;
		left -= (size_t)(bar - text) + 1;
		text = bar + 1;
	}
	return take_status(p, w, text, left, ret);
}

static int parse_response(struct trace_parser *p, const struct trace_form *form,
			  struct trace_statement *ret)
{
	struct trace_word w;
	int r = next_word(p, ret, &w);

	if (r == 0)
		r = take_statuses(p, &w, ret);
	if (r == 0)
		r = next_word(p, ret, &w);
	if (r < 0)
		return r;
	if (w.kind == TRACE_WORD_ROUND) {
		if (!take_times(w.text, w.len, &ret->time))
			return trace_scan_fail(&p->scan, &w,
					       _("A time is written (12.345 ms), (<200 ms) or "
						 "(100..200 ms), with unit us, ms or s, up to "
						 "1000 s."));
		r = next_word(p, ret, &w);
	}
	if (r == 0)
		r = take_items(p, &w, ret);
	return r < 0 ? r : check_items(p, form, ret);
}

static int parse_none(struct trace_parser *p, const struct trace_form *form,
		      struct trace_statement *ret)
{
	(void)p;
	(void)form;
	(void)ret;
	return 0;
}

/* ---- statements ---- */

static int (*const shapes[])(struct trace_parser *p, const struct trace_form *form,
			     struct trace_statement *ret) = {
	[TRACE_SHAPE_NONE] = parse_none,
	[TRACE_SHAPE_ITEMS] = parse_items,
	[TRACE_SHAPE_RESPONSE] = parse_response,
	[TRACE_SHAPE_FAILURE] = parse_failure,
	[TRACE_SHAPE_WORD] = parse_word,
	[TRACE_SHAPE_TEXT] = parse_text,
	[TRACE_SHAPE_NUMBER] = parse_number,
	[TRACE_SHAPE_NUMBERS] = parse_numbers,
	[TRACE_SHAPE_TIME] = parse_time,
	[TRACE_SHAPE_NAME] = parse_name,
};

/* What the first word says that the statement is. */
static int find_kind(struct trace_parser *p, const struct trace_word *w, enum trace_kind *ret)
{
	if (w->kind == TRACE_WORD_END || w->kind == TRACE_WORD_NOTE) {
		*ret = TRACE_EMPTY;
		return 0;
	}
	for (enum trace_kind kind = 0; w->kind == TRACE_WORD_PLAIN && kind < TRACE_KINDS; kind++) {
		const char *word = trace_forms[kind].word;

		if (word && strlen(word) == w->len && memcmp(word, w->text, w->len) == 0) {
			*ret = kind;
			return 0;
		}
	}
	if (w->kind == TRACE_WORD_PLAIN && trace_is_name(w->text, w->len))
		return trace_scan_fail(&p->scan, w, _("There is no statement %.*s."), (int)w->len,
				       w->text);
	return trace_scan_fail(&p->scan, w,
			       _("Expected a statement: >, <, ! or a word, and a blank behind it."));
}

/* How it stands among the others. */
static int check_order(struct trace_parser *p, const struct trace_statement *s)
{
	struct trace_word w = { .line = s->line, .column = 1 };

	if ((s->kind == TRACE_RESPONSE || s->kind == TRACE_FAILURE) && !p->asked)
		return trace_scan_fail(&p->scan, &w,
				       _("There is no command before it that this answers."));
	if (s->kind == TRACE_END && !p->repeats)
		return trace_scan_fail(&p->scan, &w, _("There is no repeat that this ends."));
	if (s->kind == TRACE_REPEAT && p->repeats == TRACE_DEPTH_MAX)
		return trace_scan_fail(&p->scan, &w, _("At most %d repeats stand in each other."),
				       TRACE_DEPTH_MAX);
	if (s->kind == TRACE_REPEAT)
		p->begun[p->repeats++] = s->line;
	if (s->kind == TRACE_END)
		p->repeats--;
	if (s->kind != TRACE_EMPTY)
		p->asked = s->kind == TRACE_COMMAND || s->kind == TRACE_VERIFY;
	return 0;
}

static int check_end(struct trace_parser *p)
{
	struct trace_word w = { .column = 1 };

	if (!p->repeats)
		return 0;
	w.line = p->begun[p->repeats - 1];
	return trace_scan_fail(&p->scan, &w, _("The end of this repeat is missing."));
}

int trace_parse(struct trace_parser *p, struct trace_statement *ret)
{
	struct trace_word w;
	enum trace_kind kind = TRACE_EMPTY;
	int r = trace_scan_statement(&p->scan);

	if (r <= 0)
		return r < 0 ? r : check_end(p);
	r = trace_scan(&p->scan, &w);
	if (r == 0)
		r = find_kind(p, &w, &kind);
	if (r < 0)
		return r;
	trace_statement_clear(ret, kind);
	ret->line = w.line;
	if (w.kind == TRACE_WORD_NOTE)
		r = trace_added(p, &w, trace_add_note(ret, w.text, w.len));
	if (r == 0)
		r = shapes[trace_forms[kind].shape](p, &trace_forms[kind], ret);
	if (r == 0)
		r = kind == TRACE_EMPTY ? trace_scan(&p->scan, &w) : next_word(p, ret, &w);
	if (r == 0 && w.kind != TRACE_WORD_END)
		return trace_scan_fail(&p->scan, &w, _("Expected the end of the statement."));
	if (r == 0)
		r = check_order(p, ret);
	return r < 0 ? r : 1;
}
