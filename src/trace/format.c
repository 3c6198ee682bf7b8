/* SPDX-License-Identifier: Apache-2.0 */
/* Statements to text, in the one form that they have. */
#include "trace/parser.h"

#include <fuda/encode.h>
#include <fuda/trace.h>

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum {
	COLUMNS = 100,
	DATA_BYTES = 32, /* on a line of data alone */
};

struct writer {
	struct fuda_buf *out;
	size_t column; /* characters on the line */
	size_t bytes;  /* of data on a line of data alone ... */
	bool mixed;    /* ... which this one is not */
	bool fresh;    /* nothing but blanks is on the line yet */
	bool packed;   /* no blanks between bytes */
	int error;
};

static void put(struct writer *w, const char *text, size_t len)
{
	if (w->error == 0)
		w->error = fuda_buf_append(w->out, text, len);
	for (size_t i = 0; i < len; i++)
		w->column += ((uint8_t)text[i] & 0xC0) != 0x80;
}

static void new_line(struct writer *w)
{
	put(w, "\n  ", 3);
	w->column = 2;
	w->bytes = 0;
	w->mixed = false;
	w->fresh = true;
}

static size_t characters(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((uint8_t)text[i] & 0xC0) != 0x80;
	return n;
}

/* A word, on the next line if it does not fit. */
static void put_word(struct writer *w, const char *text, size_t len)
{
	if (!w->fresh && w->column + 1 + characters(text, len) > COLUMNS)
		new_line(w);
	if (!w->fresh)
		put(w, " ", 1);
	put(w, text, len);
	w->fresh = false;
	w->mixed = true;
}

static void put_string(struct writer *w, const char *text)
{
	put_word(w, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void put_format(struct writer *w, const char *format,
							     ...)
{
	char text[128];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	put_string(w, text);
}

static const char digits[] = "0123456789ABCDEF";

/* What stands in every line of a recording is made without printf, which takes ten times as long:
 * appends to `out` the number with at least `width` digits. */
static size_t decimal(char *out, uint64_t number, size_t width)
{
	char reversed[20];
	size_t n = 0;

	do
		reversed[n++] = digits[number % 10];
	while ((number /= 10) || n < width);
	for (size_t i = 0; i < n; i++)
		out[i] = reversed[n - 1 - i];
	return n;
}

/* Bytes in capitals, a line at a time. */
static void put_bytes(struct writer *w, const uint8_t *bytes, size_t len)
{
	while (len) {
		size_t blank = w->fresh ? 0 : 1;
		size_t room = w->column < COLUMNS ? (COLUMNS - w->column + 1 - blank) / 3 : 0;
		char text[COLUMNS + 1];
		size_t n = 0;

		if (!w->mixed)
			room = MIN(room, (size_t)DATA_BYTES - w->bytes);
		if (!room) {
			new_line(w);
			continue;
		}
		room = MIN(room, len);
		for (size_t i = 0; i < room; i++) {
			if (i ? !w->packed : blank)
				text[n++] = ' ';
			text[n++] = digits[bytes[i] >> 4];
			text[n++] = digits[bytes[i] & 15];
		}
		put(w, text, n);
		w->fresh = false;
		w->bytes += room;
		bytes += room;
		len -= room;
	}
}

/* Between quotes, as one word. */
static void put_quoted(struct writer *w, const char *text, size_t len)
{
	char quoted[2 * TRACE_TEXT_MAX + 2];
	size_t n = 0;

	if (len > TRACE_TEXT_MAX) {
		w->error = FUDA_ETOOBIG;
		return;
	}
	quoted[n++] = '"';
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"' || text[i] == '\\')
			quoted[n++] = '\\';
		quoted[n++] = text[i];
	}
	quoted[n++] = '"';
	put_word(w, quoted, n);
}

static void put_note(struct writer *w, const char *text, size_t len)
{
	if (w->column && !w->fresh)
		put(w, "  ", 2);
	put(w, "# ", len ? 2 : 1);
	put(w, text, len);
}

static void put_any(struct writer *w, const struct trace_item *it)
{
	char text[80] = "*";

	if (it->min == 1 && it->max == 1)
		snprintf(text, sizeof(text), "..");
	else if (it->min == it->max)
		snprintf(text, sizeof(text), "..{%zu}", it->min);
	else if (it->max != SIZE_MAX)
		snprintf(text, sizeof(text), "..{%zu-%zu}", it->min, it->max);
	if (it->name[0])
		put_format(w, "{%s=%s}", it->name, text);
	else
		put_string(w, text);
}

static void put_hash(struct writer *w, const struct trace_item *it)
{
	char text[64] = "<data ";
	size_t n = strlen(text);

	n += decimal(text + n, it->min, 1);
	text[n++] = ' ';
	fuda_hex_encode(it->hash, sizeof(it->hash), text + n);
	n += 2 * sizeof(it->hash);
	text[n++] = '>';
	put_word(w, text, n);
}

static void put_item(struct writer *w, const struct trace_statement *s, const struct trace_item *it)
{
	const uint8_t *bytes = trace_item_bytes(s, it);

	switch (it->kind) {
	case TRACE_BYTES:
		if (it->quoted)
			put_quoted(w, (const char *)bytes, it->len);
		else
			put_bytes(w, bytes, it->len);
		break;
	case TRACE_NAMED:
		put_format(w, "$%s", it->name);
		break;
	case TRACE_ANY:
		put_any(w, it);
		break;
	case TRACE_REFER:
		put_format(w, "{%s}", it->name);
		break;
	case TRACE_SECRET:
		put_format(w, "<secret %zu>", it->min);
		break;
	case TRACE_TYPED:
		put_string(w, "<typed>");
		break;
	case TRACE_DATA:
		put_hash(w, it);
		break;
	case TRACE_NOTE:
		put_note(w, (const char *)bytes, it->len);
	}
}

static void put_items(struct writer *w, const struct trace_statement *s)
{
	for (size_t i = 0; i < s->count; i++) {
		put_item(w, s, &s->items[i]);
		if (s->items[i].kind == TRACE_NOTE && i + 1 < s->count)
			new_line(w);
	}
}

/* ---- what stands before the items ---- */

static void put_statuses(struct writer *w, const struct trace_statement *s)
{
	char text[TRACE_STATUSES_MAX * (TRACE_NAME_MAX + 3) + 1] = "xxxx";
	size_t n = 0;

	for (size_t i = 0; i < s->status_count; i++) {
		const struct trace_status *status = &s->statuses[i];

		if (i)
			text[n++] = '|';
		if (status->name[0])
			n += (size_t)snprintf(text + n, sizeof(text) - n, "$%s", status->name);
		for (int shift = 12; !status->name[0] && shift >= 0; shift -= 4)
			text[n++] = (status->mask >> shift) & 15 ?
					    digits[(status->sw >> shift) & 15] :
					    'x';
		text[n] = '\0';
	}
	put_string(w, text);
}

/* Whole milliseconds, or three decimals. */
static const char *milliseconds(char ret[32], uint64_t us)
{
	if (us % 1000)
		snprintf(ret, 32, "%" PRIu64 ".%03" PRIu64, us / 1000, us % 1000);
	else
		snprintf(ret, 32, "%" PRIu64, us / 1000);
	return ret;
}

static void put_took(struct writer *w, uint64_t us)
{
	char text[64] = "(";
	size_t n = 1 + decimal(text + 1, us / 1000, 1);

	text[n++] = '.';
	n += decimal(text + n, us % 1000, 3);
	memcpy(text + n, " ms)", 4);
	put_word(w, text, n + 4);
}

static void put_time(struct writer *w, const struct trace_time *t)
{
	char min[32], max[32];

	switch (t->kind) {
	case TRACE_TIME_NONE:
		return;
	case TRACE_TIME_TOOK:
		put_took(w, MIN(t->max_us, (uint64_t)TRACE_TIME_MAX));
		return;
	case TRACE_TIME_WITHIN:
		if (t->min_us)
			put_format(w, "(%s..%s ms)", milliseconds(min, t->min_us),
				   milliseconds(max, t->max_us));
		else
			put_format(w, "(<%s ms)", milliseconds(max, t->max_us));
	}
}

static void put_head(struct writer *w, const struct trace_statement *s,
		     const struct trace_form *form)
{
	char text[32];

	put_string(w, form->word);
	switch (form->shape) {
	case TRACE_SHAPE_NONE:
	case TRACE_SHAPE_ITEMS:
		break;
	case TRACE_SHAPE_RESPONSE:
		put_statuses(w, s);
		put_time(w, &s->time);
		break;
	case TRACE_SHAPE_FAILURE:
		put_string(w, trace_failure_word(s->error));
		break;
	case TRACE_SHAPE_WORD:
		put_string(w, s->word);
		break;
	case TRACE_SHAPE_TEXT:
		put_quoted(w, s->text ? s->text : "", s->text ? strlen(s->text) : 0);
		break;
	case TRACE_SHAPE_NUMBER:
		put_format(w, "%lu", s->number);
		break;
	case TRACE_SHAPE_NUMBERS:
		put_format(w, "%lu", s->number);
		put_format(w, "%lu", s->second);
		break;
	case TRACE_SHAPE_TIME:
		put_format(w, "%s ms", milliseconds(text, s->time.max_us));
		break;
	case TRACE_SHAPE_NAME:
		put_string(w, s->word);
		put_string(w, "=");
	}
}

int trace_format(const struct trace_statement *s, struct fuda_buf *ret_text)
{
	const struct trace_form *form = &trace_forms[s->kind];
	struct writer w = { .out = ret_text, .fresh = true };
	size_t before = ret_text->len;

	if (form->word)
		put_head(&w, s, form);
	w.packed = form->packed;
	put_items(&w, s);
	put(&w, "\n", 1);
	if (w.error < 0)
		buf_cut(ret_text, before);
	return w.error;
}

/* ---- a whole file ---- */

static int send(struct fuda_context *ctx, const struct fuda_trace_sink *sink,
		const struct fuda_buf *text)
{
	return sink->write(sink->arg, text->data, text->len) == 0 ? 0 :
								    ctx_fail_code(ctx, FUDA_EFILE);
}

/* Several empty lines become one, and those at the end none. */
static int format_all(struct fuda_context *ctx, struct trace_parser *p,
		      const struct fuda_trace_sink *sink)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(16 * TRACE_BYTES_MAX);
	_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;
	bool empty = false;
	int r;

	while ((r = trace_parse(p, &s)) > 0) {
		if (s.kind == TRACE_EMPTY && !s.count) {
			empty = true;
			continue;
		}
		fuda_buf_clear(&text);
		r = empty ? fuda_buf_append(&text, "\n", 1) : 0;
		empty = false;
		if (r == 0)
			r = trace_format(&s, &text);
		r = r < 0 ? ctx_fail_code(ctx, r) : send(ctx, sink, &text);
		if (r < 0)
			return r;
	}
	return r;
}

int fuda_trace_format(struct fuda_context *ctx, const char *path,
		      const struct fuda_trace_sink *sink)
{
	static const char first[] = TRACE_FIRST_LINE "\n";
	const struct fuda_buf line = { (uint8_t *)(uintptr_t)first, strlen(first), 0, 0 };
	struct trace_parser *p;
	int r = trace_parser_open(ctx, path, NULL, &p);

	if (r < 0)
		return r;
	/* it is about how it is written: names may come from the file that includes this one */
	p->unresolved = true;
	r = send(ctx, sink, &line);
	if (r == 0)
		r = format_all(ctx, p, sink);
	trace_parser_free(&p);
	return r;
}
