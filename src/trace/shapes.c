/* SPDX-License-Identifier: Apache-2.0 */
/* Words to what follows the first word of a statement. */
#include "trace/parser.h"

#include <string.h>
#include <strings.h>

#include "trace/names.h"

/* ---- words ---- */

int trace_next_word(struct trace_parser *p, struct trace_statement *ret, struct trace_word *w)
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

	if (!len || strchr(word, '|'))
		return false;
	for (const char *p = words; p; p = strchr(p, '|')) {
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
	int r = trace_next_word(p, ret, &w);

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
	int r = trace_next_word(p, ret, &w);

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
	int r = trace_next_word(p, ret, &w);

	if (r < 0)
		return r;
	text = w.text;
	left = w.len;
	if (w.kind != TRACE_WORD_PLAIN || !trace_take_number(&text, &left, form->max, &n) || left ||
	    n < form->min)
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

/* With a blank before the unit or without, as between parentheses. */
static int parse_time(struct trace_parser *p, const struct trace_form *form,
		      struct trace_statement *ret)
{
	char text[2 * TRACE_NAME_MAX + 3];
	struct trace_word first, w;
	int r = trace_next_word(p, ret, &first);
	size_t len;

	(void)form;
	if (r < 0)
		return r;
	if (copy_word(&first, text, TRACE_NAME_MAX + 1)) {
		len = strlen(text);
		if (trace_take_times(text, len, &ret->time) && ret->time.kind == TRACE_TIME_TOOK)
			return 0;
		text[len++] = ' ';
		r = trace_next_word(p, ret, &w);
		if (r < 0)
			return r;
		if (copy_word(&w, text + len, TRACE_NAME_MAX + 1) &&
		    trace_take_times(text, strlen(text), &ret->time) &&
		    ret->time.kind == TRACE_TIME_TOOK)
			return 0;
	}
	return trace_scan_fail(&p->scan, &first,
			       _("Expected a time up to 1000 s, like 500 ms, with unit us, ms or "
				 "s."));
}

/* ---- items ---- */

/* Whether the item that was added last may stand there. */
static int check_item(struct trace_parser *p, const struct trace_word *w,
		      const struct trace_form *form, const struct trace_statement *s)
{
	enum trace_item_kind kind = s->items[s->count - 1].kind;

	if (form->literal && kind != TRACE_BYTES && kind != TRACE_NAMED)
		return trace_scan_fail(&p->scan, w,
				       _("Only bytes in hexadecimal, \"text\" and $name can stand "
					 "here."));
	if (kind == TRACE_TYPED && s->kind != TRACE_COMMAND)
		return trace_scan_fail(&p->scan, w,
				       _("Only the secret of a command is typed on the reader."));
	return 0;
}

static int take_items(struct trace_parser *p, struct trace_word *w, const struct trace_form *form,
		      struct trace_statement *ret)
{
	bool typed = false;
	int r = 0;

	while (r == 0 && w->kind != TRACE_WORD_END) {
		if (typed)
			return trace_scan_fail(&p->scan, w, _("Nothing can follow <typed>."));
		r = trace_parse_item(p, w, ret);
		if (r == 0)
			r = check_item(p, w, form, ret);
		if (r < 0)
			return r;
		typed = ret->items[ret->count - 1].kind == TRACE_TYPED;
		r = trace_next_word(p, ret, w);
	}
	return r;
}

/* The bytes that the items are at least and at most; SIZE_MAX: nobody knows. */
static void total(const struct trace_statement *s, size_t *ret_min, size_t *ret_max)
{
	size_t min = 0, max = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct trace_item *it = &s->items[i];
		bool literal = it->kind == TRACE_BYTES || it->kind == TRACE_NAMED;
		bool open = it->kind == TRACE_REFER || it->max == SIZE_MAX ||
			    (it->kind == TRACE_NAMED && !it->len); /* not resolved */
		size_t most = literal ? it->len : it->max;

		if (it->kind == TRACE_NOTE)
			continue;
		min += literal ? it->len : it->min;
		max = open || max > SIZE_MAX - most ? SIZE_MAX : max + most;
	}
	*ret_min = min;
	*ret_max = max;
}

/* How many bytes there may be, told at the first word of the statement. */
static int check_total(struct trace_parser *p, const struct trace_form *form,
		       const struct trace_statement *s)
{
	struct trace_word w = { .line = s->line, .column = 1 };
	size_t min, max;

	total(s, &min, &max);
	if (max >= form->min && (!form->max || min <= form->max))
		return 0;
	if (form->min == form->max)
		return trace_scan_fail(&p->scan, &w, _("Expected %zu bytes."), form->min);
	if (form->max)
		return trace_scan_fail(&p->scan, &w, _("Expected %zu to %zu bytes."), form->min,
				       form->max);
	return trace_scan_fail(&p->scan, &w, _("Expected at least %zu bytes."), form->min);
}

static int parse_items(struct trace_parser *p, const struct trace_form *form,
		       struct trace_statement *ret)
{
	struct trace_word w;
	int r = trace_next_word(p, ret, &w);

	if (r == 0)
		r = take_items(p, &w, form, ret);
	return r < 0 ? r : check_total(p, form, ret);
}

static int parse_name(struct trace_parser *p, const struct trace_form *form,
		      struct trace_statement *ret)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(TRACE_BYTES_MAX);
	struct trace_word w, equals;
	size_t min, max;
	int r = trace_next_word(p, ret, &w);

	if (r < 0)
		return r;
	if (w.kind != TRACE_WORD_PLAIN || !trace_is_name(w.text, w.len))
		return trace_scan_fail(&p->scan, &w,
				       _("Expected a name: a small letter, then small letters, "
					 "digits, '.' and '-', at most %d in all."),
				       TRACE_NAME_MAX);
	memcpy(ret->word, w.text, w.len);
	ret->word[w.len] = '\0';
	r = trace_next_word(p, ret, &equals);
	if (r < 0)
		return r;
	if (equals.kind != TRACE_WORD_PLAIN || equals.len != 1 || *equals.text != '=')
		return trace_scan_fail(&p->scan, &equals, _("Expected = behind the name."));
	r = parse_items(p, form, ret);
	if (r < 0)
		return r;
	total(ret, &min, &max);
	if (max == SIZE_MAX) /* made of names that are not resolved: it is not either */
		return 0;
	r = trace_added(p, &w, trace_literal(ret, &bytes));
	if (r < 0)
		return r;
	r = trace_constant(ret->word) ?
		    FUDA_EINVAL :
		    trace_names_define(p->names, ret->word, bytes.data, bytes.len);
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
	int r = trace_next_word(p, ret, &w);

	if (r == 0)
		r = take_statuses(p, &w, ret);
	if (r == 0)
		r = trace_next_word(p, ret, &w);
	if (r < 0)
		return r;
	if (w.kind == TRACE_WORD_ROUND) {
		if (!trace_take_times(w.text, w.len, &ret->time))
			return trace_scan_fail(&p->scan, &w,
					       _("A time is written (12.345 ms), (<200 ms) or "
						 "(100..200 ms), with unit us, ms or s, up to "
						 "1000 s."));
		r = trace_next_word(p, ret, &w);
	}
	if (r == 0)
		r = take_items(p, &w, form, ret);
	return r < 0 ? r : check_total(p, form, ret);
}

static int parse_none(struct trace_parser *p, const struct trace_form *form,
		      struct trace_statement *ret)
{
	(void)p;
	(void)form;
	(void)ret;
	return 0;
}

/* ---- all of them ---- */

int (*const trace_shapes[])(struct trace_parser *p, const struct trace_form *form,
			    struct trace_statement *ret) = {
	[TRACE_SHAPE_NONE] = parse_none,         [TRACE_SHAPE_ITEMS] = parse_items,
	[TRACE_SHAPE_RESPONSE] = parse_response, [TRACE_SHAPE_FAILURE] = parse_failure,
	[TRACE_SHAPE_WORD] = parse_word,         [TRACE_SHAPE_TEXT] = parse_text,
	[TRACE_SHAPE_NUMBER] = parse_number,     [TRACE_SHAPE_NUMBERS] = parse_numbers,
	[TRACE_SHAPE_TIME] = parse_time,         [TRACE_SHAPE_NAME] = parse_name,
};
