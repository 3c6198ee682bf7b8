/* SPDX-License-Identifier: Apache-2.0 */
/* Words to items: what commands and responses are made of. */
#include "trace/parser.h"

#include <string.h>

#include "base/cursor.h"
#include "trace/names.h"

bool trace_is_name(const char *text, size_t len)
{
	if (!len || len > TRACE_NAME_MAX || text[0] < 'a' || text[0] > 'z')
		return false;
	for (size_t i = 1; i < len; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') ||
		      text[i] == '.' || text[i] == '-'))
			return false;
	return true;
}

bool trace_take_number(const char **text, size_t *left, uint64_t max, uint64_t *ret)
{
	const char *p = *text;
	size_t n = 0;
	uint64_t v = 0;

	for (; n < *left && p[n] >= '0' && p[n] <= '9'; n++) {
		v = v * 10 + (uint64_t)(p[n] - '0');
		if (v > max)
			return false;
	}
	if (!n || (n > 1 && p[0] == '0'))
		return false;
	*text += n;
	*left -= n;
	*ret = v;
	return true;
}

int trace_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool trace_take_hex(const char *text, size_t len, uint8_t *ret_bytes)
{
	for (size_t i = 0; i < len; i += 2) {
		int high = trace_hex_digit(text[i]);
		int low = i + 1 < len ? trace_hex_digit(text[i + 1]) : -1;

		if (high < 0 || low < 0)
			return false;
		ret_bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int trace_added(struct trace_parser *p, const struct trace_word *w, int r)
{
	if (r == FUDA_ETOOBIG)
		return trace_scan_fail(&p->scan, w,
				       _("A statement has at most %d bytes and %d parts."),
				       TRACE_BYTES_MAX, TRACE_ITEMS_MAX);
	return r < 0 ? ctx_fail_code(p->scan.ctx, r) : 0;
}

static int expected(struct trace_parser *p, const struct trace_word *w)
{
	return trace_scan_fail(&p->scan, w,
			       _("Expected bytes in hexadecimal, \"text\", $name, .., ..{n}, "
				 "..{n-m}, *, {name=..}, {name}, <secret n>, <typed>, "
				 "<data n hash> or a comment (#)."));
}

static int take_bytes(struct trace_parser *p, const struct trace_word *w,
		      struct trace_statement *ret)
{
	uint8_t bytes[TRACE_LINE_MAX / 2];

	if (w->len % 2)
		return trace_scan_fail(&p->scan, w,
				       _("A byte in hexadecimal has two digits, and these words "
					 "have an odd number of them."));
	if (!trace_take_hex(w->text, w->len, bytes))
		return expected(p, w);
	return trace_added(p, w, trace_add_bytes(ret, bytes, w->len / 2));
}

size_t trace_unescape(const struct trace_word *w, char *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < w->len; i++) {
		i += w->text[i] == '\\';
		ret[n++] = w->text[i];
	}
	return n;
}

static int take_quoted(struct trace_parser *p, const struct trace_word *w,
		       struct trace_statement *ret)
{
	char text[TRACE_TEXT_MAX];
	size_t len = trace_unescape(w, text);
	int r = trace_add_quoted(ret, text, len);

	if (r == FUDA_EFORMAT)
		return trace_scan_fail(&p->scan, w, _("A tab cannot stand in a text."));
	return trace_added(p, w, r);
}

int trace_resolve(struct trace_parser *p, const struct trace_word *w, const char *text, size_t len,
		  char ret_name[TRACE_NAME_MAX + 1], const uint8_t **ret_bytes, size_t *ret_len)
{
	const struct trace_constant *constant;

	if (!trace_is_name(text, len))
		return trace_scan_fail(&p->scan, w,
				       _("A name begins with a small letter, and small letters, "
					 "digits, '.' and '-' follow, at most %d in all."),
				       TRACE_NAME_MAX);
	memcpy(ret_name, text, len);
	ret_name[len] = '\0';
	constant = trace_constant(ret_name);
	if (constant) {
		*ret_bytes = constant->bytes;
		*ret_len = constant->len;
	} else if (!trace_names_find(p->names, ret_name, ret_bytes, ret_len)) {
		if (!p->unresolved)
			return trace_scan_fail(&p->scan, w,
					       _("The name %s is not known; it has to be defined "
						 "before (name %s = ...)."),
					       ret_name, ret_name);
		*ret_bytes = NULL;
		*ret_len = 0;
	}
	return 0;
}

static int take_named(struct trace_parser *p, const struct trace_word *w,
		      struct trace_statement *ret)
{
	char name[TRACE_NAME_MAX + 1];
	const uint8_t *bytes;
	size_t len;
	int r = trace_resolve(p, w, w->text + 1, w->len - 1, name, &bytes, &len);

	return r < 0 ? r : trace_added(p, w, trace_add_named(ret, name, bytes, len));
}

/* .., ..{n}, ..{n-m} or *, and nothing behind it. */
static bool take_pattern(const char *text, size_t len, struct trace_item *ret)
{
	uint64_t min, max;

	if (len == 1 && text[0] == '*') {
		ret->min = 0;
		ret->max = SIZE_MAX;
		return true;
	}
	if (len < 2 || memcmp(text, "..", 2) != 0)
		return false;
	if (len == 2) {
		ret->min = ret->max = 1;
		return true;
	}
	if (text[2] != '{' || text[len - 1] != '}')
		return false;
	text += 3;
	len -= 4;
	if (!trace_take_number(&text, &len, TRACE_BYTES_MAX, &min))
		return false;
	max = min;
	if (len && *text == '-') {
		text++;
		len--;
		if (!trace_take_number(&text, &len, TRACE_BYTES_MAX, &max))
			return false;
	}
	if (len || max < min)
		return false;
	ret->min = (size_t)min;
	ret->max = (size_t)max;
	return true;
}

static int take_any(struct trace_parser *p, const struct trace_word *w, struct trace_statement *ret)
{
	struct trace_item item = { .kind = TRACE_ANY };

	if (!take_pattern(w->text, w->len, &item))
		return trace_scan_fail(&p->scan, w,
				       _("Bytes of any value are written .., ..{n}, ..{n-m} with "
					 "n at most m and m at most %d, or *."),
				       TRACE_BYTES_MAX);
	return trace_added(p, w, trace_add_item(ret, &item));
}

static int take_braces(struct trace_parser *p, const struct trace_word *w,
		       struct trace_statement *ret)
{
	struct trace_item item = { .kind = TRACE_REFER };
	const char *equals = memchr(w->text, '=', w->len);
	size_t end = w->len - 1;
	size_t name = (equals ? (size_t)(equals - w->text) : end) - 1;
	bool good = w->len >= 3 && w->text[end] == '}' && trace_is_name(w->text + 1, name);

	if (good && equals) {
		item.kind = TRACE_ANY;
		good = take_pattern(equals + 1, end - name - 2, &item);
	}
	if (!good)
		return trace_scan_fail(&p->scan, w,
				       _("What is captured is written {name=..}, {name=..{n}}, "
					 "{name=..{n-m}} or {name=*}, and given back {name}."));
	memcpy(item.name, w->text + 1, name);
	return trace_added(p, w, trace_add_item(ret, &item));
}

/* A word of what stands between angle brackets. */
static bool take_part(struct cursor *c, const char **ret, size_t *ret_len)
{
	size_t n = 0;

	while (c->left && trace_is_blank((char)*c->p))
		(void)cur_skip(c, 1);
	while (n < c->left && !trace_is_blank((char)c->p[n]))
		n++;
	*ret = (const char *)c->p;
	*ret_len = n;
	(void)cur_skip(c, n);
	return n > 0;
}

static bool is(const char *part, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(part, word, len) == 0;
}

static bool take_length(struct cursor *c, struct trace_item *item)
{
	const char *part;
	size_t len;
	uint64_t n;

	if (!take_part(c, &part, &len) || !trace_take_number(&part, &len, TRACE_BYTES_MAX, &n) ||
	    len)
		return false;
	item->min = item->max = (size_t)n;
	return true;
}

static bool take_hidden(struct cursor *c, struct trace_item *item)
{
	const char *part;
	size_t len;

	if (!take_part(c, &part, &len))
		return false;
	if (is(part, len, "typed"))
		item->kind = TRACE_TYPED;
	else if (is(part, len, "secret") && take_length(c, item))
		item->kind = TRACE_SECRET;
	else if (is(part, len, "data") && take_length(c, item) && take_part(c, &part, &len) &&
		 len == 2 * sizeof(item->hash) && trace_take_hex(part, len, item->hash))
		item->kind = TRACE_DATA;
	else
		return false;
	return !take_part(c, &part, &len);
}

static int take_angle(struct trace_parser *p, const struct trace_word *w,
		      struct trace_statement *ret)
{
	struct cursor c = cur_of((const uint8_t *)w->text, w->len);
	struct trace_item item = { .kind = TRACE_BYTES };

	if (!take_hidden(&c, &item))
		return trace_scan_fail(&p->scan, w,
				       _("Bytes that are not shown are written <secret n>, <typed> "
					 "or <data n hash>, where n is at most %d and the hash "
					 "has %d digits."),
				       TRACE_BYTES_MAX, 2 * TRACE_HASH);
	return trace_added(p, w, trace_add_item(ret, &item));
}

int trace_parse_item(struct trace_parser *p, const struct trace_word *w,
		     struct trace_statement *ret)
{
	switch (w->kind) {
	case TRACE_WORD_QUOTED:
		return take_quoted(p, w, ret);
	case TRACE_WORD_ANGLE:
		return take_angle(p, w, ret);
	case TRACE_WORD_PLAIN:
		break;
	default:
		return expected(p, w);
	}
	switch (w->text[0]) {
	case '$':
		return take_named(p, w, ret);
	case '{':
		return take_braces(p, w, ret);
	case '.':
	case '*':
		return take_any(p, w, ret);
	default:
		return trace_hex_digit(w->text[0]) < 0 ? expected(p, w) : take_bytes(p, w, ret);
	}
}
