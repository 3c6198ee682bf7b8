/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/scan.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "codec/utf8.h"

int trace_scan_fail(struct trace_scanner *s, const struct trace_word *w, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return ctx_fail(s->ctx, FUDA_EFORMAT, "%s:%lu:%lu: %s", s->path, w->line, w->column, text);
}

/* ---- lines ---- */

/* The place at byte `at` of the line, which is never before the one asked for last. */
static struct trace_word place(struct trace_scanner *s, size_t at)
{
	for (; s->counted < at; s->counted++)
		s->column += ((uint8_t)s->line[s->counted] & 0xC0) != 0x80;
	return (struct trace_word){ .line = s->number, .column = s->column };
}

static int check_characters(struct trace_scanner *s)
{
	struct cursor c = cur_of((const uint8_t *)s->line, s->len);

	while (c.left) {
		struct trace_word w;
		size_t at = s->len - c.left;
		uint32_t ch;

		if (utf8_next(&c, &ch) < 0) {
			w = place(s, at);
			return trace_scan_fail(s, &w, _("This is not UTF-8."));
		}
		if (utf8_is_control(ch) && ch != '\t') {
			w = place(s, at);
			return trace_scan_fail(s, &w,
					       _("A control character (U+%04X) cannot stand in a "
						 "trace."),
					       (unsigned)ch);
		}
	}
	return 0;
}

/* Takes the bytes up to the end of a line. 1; 0 if there are none. */
static int take_line(struct trace_scanner *s, bool *ret_plain)
{
	bool plain = true;
	size_t len = 0;
	int c;

	while ((c = getc_unlocked(s->file)) != EOF && c != '\n') {
		if (len == sizeof(s->line))
			break;
		s->line[len++] = (char)c;
		plain = plain && ((c >= ' ' && c < 0x7F) || c == '\t');
	}
	if (c == EOF && ferror(s->file))
		return ctx_fail(s->ctx, FUDA_EFILE, "%s: %s", s->path, strerror(errno));
	s->next += (long)len + (c == '\n');
	if (c == '\n' && len && s->line[len - 1] == '\r')
		len--;
	s->len = len;
	*ret_plain = plain;
	return len || c == '\n';
}

/* 1, or 0 at the end of the file. */
static int read_line(struct trace_scanner *s)
{
	bool plain = true;
	int r;

	s->offset = s->next;
	s->counted = s->at = 0;
	s->column = 1;
	r = take_line(s, &plain);
	if (r <= 0)
		return r;
	s->number++;
	if (s->len > TRACE_LINE_MAX) {
		struct trace_word w = { .line = s->number, .column = 1 };

		return trace_scan_fail(s, &w,
				       _("A line has at most %d bytes; continue it on lines "
					 "that begin with a blank."),
				       TRACE_LINE_MAX);
	}
	/* the carriage return before a newline is gone, and not plain either */
	r = plain ? 0 : check_characters(s);
	return r < 0 ? r : 1;
}

int trace_scan_first_line(struct trace_scanner *s)
{
	static const char mark[] = "\xEF\xBB\xBF";
	struct trace_word w = { .line = 1, .column = 1 };
	int r = read_line(s);

	if (r < 0)
		return r;
	if (r && s->len >= strlen(mark) && memcmp(s->line, mark, strlen(mark)) == 0)
		return trace_scan_fail(s, &w,
				       _("The file begins with a byte order mark; save it "
					 "as UTF-8 without one."));
	if (r && s->len == strlen(TRACE_FIRST_LINE) &&
	    memcmp(s->line, TRACE_FIRST_LINE, s->len) == 0)
		return 0;
	return trace_scan_fail(s, &w, _("This is no trace: its first line is not \"%s\"."),
			       TRACE_FIRST_LINE);
}

/* ---- statements and words ---- */

static size_t skip_blanks(const struct trace_scanner *s, size_t at)
{
	while (at < s->len && trace_is_blank(s->line[at]))
		at++;
	return at;
}

/* A line of blanks alone ends a statement as an empty one does. */
static bool continues(const struct trace_scanner *s)
{
	return s->len && trace_is_blank(s->line[0]) && skip_blanks(s, 0) < s->len;
}

int trace_scan_statement(struct trace_scanner *s)
{
	if (!s->waiting && !s->over) {
		int r = read_line(s);

		if (r < 0)
			return r;
		s->over = r == 0;
	}
	if (s->over)
		return 0;
	s->waiting = false;
	s->first = true;
	s->end.line = 0;
	if (continues(s)) {
		struct trace_word w = place(s, 0);

		return trace_scan_fail(s, &w,
				       _("A line that begins with a blank continues the "
					 "statement before it, and there is none."));
	}
	/* nothing is continued either */
	if (skip_blanks(s, 0) == s->len)
		s->end = place(s, 0);
	return 1;
}

/* Goes on to the next word, on the next line if that continues the statement. 1, or 0 if there is
 * none. */
static int next_place(struct trace_scanner *s)
{
	struct trace_word end;
	int r;

	s->at = skip_blanks(s, s->at);
	if (s->at < s->len)
		return 1;
	end = place(s, s->len);
	r = read_line(s);
	if (r < 0)
		return r;
	s->over = r == 0;
	if (r && continues(s)) {
		s->at = skip_blanks(s, 0);
		return 1;
	}
	s->waiting = r;
	s->end = end;
	return 0;
}

/* The end of what was opened with the character before `at`: where `close` stands. */
static int find_close(struct trace_scanner *s, struct trace_word *w, char close)
{
	size_t end = s->at + 1;

	for (; end < s->len && s->line[end] != close; end++) {
		if (close != '"' || s->line[end] != '\\')
			continue;
		end++;
		if (end < s->len && s->line[end] != '"' && s->line[end] != '\\') {
			*w = place(s, end - 1);
			return trace_scan_fail(s, w,
					       _("Only \\\" and \\\\ may follow a backslash."));
		}
	}
	if (end >= s->len)
		return trace_scan_fail(s, w, _("The closing %c is missing on this line."), close);
	w->text = s->line + s->at + 1;
	w->len = end - s->at - 1;
	s->at = end + 1;
	if (s->at < s->len && !trace_is_blank(s->line[s->at])) {
		*w = place(s, s->at);
		return trace_scan_fail(s, w, _("A blank is missing after the closing %c."), close);
	}
	return 0;
}

static void take_note(struct trace_scanner *s, struct trace_word *w)
{
	size_t from = s->at + 1, end = s->len;

	if (from < end && s->line[from] == ' ')
		from++;
	while (end > from && trace_is_blank(s->line[end - 1]))
		end--;
	w->text = s->line + from;
	w->len = end - from;
	s->at = s->len;
}

static void take_plain(struct trace_scanner *s, struct trace_word *w)
{
	size_t end = s->at;

	while (end < s->len && !trace_is_blank(s->line[end]))
		end++;
	w->text = s->line + s->at;
	w->len = end - s->at;
	s->at = end;
}

static enum trace_word_kind kind_of(const struct trace_scanner *s)
{
	switch (s->line[s->at]) {
	case '#':
		return TRACE_WORD_NOTE;
	case '"':
		return TRACE_WORD_QUOTED;
	case '(':
		return TRACE_WORD_ROUND;
	case '<':
		return s->first ? TRACE_WORD_PLAIN : TRACE_WORD_ANGLE;
	default:
		return TRACE_WORD_PLAIN;
	}
}

int trace_scan(struct trace_scanner *s, struct trace_word *ret)
{
	static const char closes[] = {
		[TRACE_WORD_QUOTED] = '"',
		[TRACE_WORD_ROUND] = ')',
		[TRACE_WORD_ANGLE] = '>',
	};
	struct trace_word w;
	int r = s->end.line ? 0 : next_place(s);

	if (r < 0)
		return r;
	if (r == 0) {
		*ret = s->end;
		return 0;
	}
	w = place(s, s->at);
	w.kind = kind_of(s);
	s->first = false;
	if (w.kind == TRACE_WORD_NOTE)
		take_note(s, &w);
	else if (w.kind == TRACE_WORD_PLAIN)
		take_plain(s, &w);
	else if (find_close(s, &w, closes[w.kind]) < 0)
		return FUDA_EFORMAT;
	if (w.len > TRACE_TEXT_MAX && w.kind != TRACE_WORD_PLAIN)
		return trace_scan_fail(s, &w, _("A text has at most %d bytes."), TRACE_TEXT_MAX);
	*ret = w;
	return 0;
}
