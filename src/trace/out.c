/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/utf8.h"

enum { SEND_AT = 16384 };

void out_free(struct trace_out *o)
{
	fuda_buf_free(&o->text);
}

static void send(struct trace_out *o)
{
	if (o->error == 0 && o->text.len &&
	    o->sink->write(o->sink->arg, o->text.data, o->text.len) != 0)
		o->error = FUDA_EFILE;
	fuda_buf_clear(&o->text);
}

int out_end(struct trace_out *o)
{
	send(o);
	return o->error;
}

void out_bytes(struct trace_out *o, const void *bytes, size_t len)
{
	if (o->error == 0)
		o->error = fuda_buf_append(&o->text, bytes, len);
	if (o->text.len >= SEND_AT)
		send(o);
}

void out_line(struct trace_out *o)
{
	out_bytes(o, "\n", 1);
	o->column = 0;
}

static void begin(struct trace_out *o)
{
	while (o->column < o->indent) {
		out_bytes(o, " ", 1);
		o->column++;
	}
}

/* Columns of a character; East Asian Width W and F of Unicode, in whole blocks. */
static size_t width(uint32_t ch)
{
	static const struct {
		uint32_t first, last;
	} wide[] = {
		{ 0x1100, 0x115F },   { 0x2E80, 0xA4CF },   { 0xAC00, 0xD7A3 },
		{ 0xF900, 0xFAFF },   { 0xFE30, 0xFE6F },   { 0xFF00, 0xFF60 },
		{ 0xFFE0, 0xFFE6 },   { 0x1F300, 0x1FAFF }, { 0x20000, 0x3FFFD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wide); i++)
		if (ch >= wide[i].first && ch <= wide[i].last)
			return 2;
	return 1;
}

/* The columns of the first characters of `text`, which end before `most`; `ret_len` is how many
 * bytes these are. Where the language is not written in UTF-8, that is a guess. */
static size_t measure(const char *text, size_t most, size_t *ret_len)
{
	struct cursor c = cur_of((const uint8_t *)text, strlen(text));
	size_t columns = 0, all = c.left;

	*ret_len = 0;
	while (c.left) {
		uint32_t ch;
		size_t more = utf8_next(&c, &ch) < 0 ? 1 : width(ch);

		if (more > most - columns)
			break;
		columns += more;
		*ret_len = all - c.left;
	}
	return columns;
}

size_t out_width(const char *text)
{
	size_t len;

	return measure(text, SIZE_MAX, &len);
}

void out_cut(struct trace_out *o, const char *text, size_t column)
{
	size_t len, columns, room;
	bool cut;

	begin(o);
	room = column > o->column ? column - o->column : 0;
	columns = measure(text, room, &len);
	cut = room && text[len];
	if (cut)
		columns = measure(text, room - 1, &len) + 1;
	out_bytes(o, text, len);
	out_bytes(o, "…", cut ? strlen("…") : 0);
	o->column += columns;
}

void out_text(struct trace_out *o, const char *text)
{
	out_cut(o, text, SIZE_MAX);
}

void out_printf(struct trace_out *o, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	out_text(o, text);
}

/* Goes to a new line if `more` columns do not fit into this one. */
static void make_room(struct trace_out *o, size_t more)
{
	if (o->column > o->indent && o->column + more > OUT_COLUMNS)
		out_line(o);
	begin(o);
}

/* The next character of what may be no UTF-8: its bytes, 1 and '?' if it cannot be shown. */
static size_t next(struct cursor *c, uint32_t *ret)
{
	struct cursor at = *c;
	size_t len = 1;

	if (utf8_next(&at, ret) < 0)
		*ret = 0;
	else
		len = c->left - at.left;
	(void)cur_skip(c, len);
	return utf8_is_control(*ret) ? 0 : len;
}

void out_safe(struct trace_out *o, const void *text, size_t len)
{
	struct cursor c = cur_of(text, len);
	uint32_t ch;

	begin(o);
	while (c.left && o->error == 0) {
		const uint8_t *p = c.p;
		size_t bytes = next(&c, &ch), columns = bytes ? width(ch) : 1;

		make_room(o, columns);
		out_bytes(o, bytes ? (const void *)p : "?", bytes ? bytes : 1);
		o->column += columns;
	}
}

bool out_is_text(const void *text, size_t len)
{
	struct cursor c = cur_of(text, len);
	uint32_t ch;

	while (c.left)
		if (!next(&c, &ch))
			return false;
	return len != 0;
}

void out_word(struct trace_out *o, const char *word)
{
	make_room(o, strlen(word) + 1);
	if (o->column > o->indent)
		out_text(o, " ");
	out_text(o, word);
}

void out_hex(struct trace_out *o, const uint8_t *bytes, size_t len, size_t most)
{
	char word[80];

	for (size_t i = 0; i < MIN(len, most) && o->error == 0; i++) {
		snprintf(word, sizeof(word), "%02X", bytes[i]);
		out_word(o, word);
	}
	snprintf(word, sizeof(word), _("... (%zu bytes)"), len);
	if (len > most)
		out_word(o, word);
}

void out_column(struct trace_out *o, size_t column)
{
	begin(o);
	do
		out_text(o, " ");
	while (o->column < column);
}
