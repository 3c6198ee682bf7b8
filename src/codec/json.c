/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/util.h"
#include "codec/base64.h"
#include "codec/utf8.h"

enum { MEMBER_MAX = 64, DEPTH_MAX = 8, FIELDS_MAX = 64 };

struct reader {
	struct cursor c;
	const struct json_field *fields;
	size_t count;
	bool some;	/* unknown members are skipped */
	uint64_t seen;	/* a bit for each field */
	const char *member, *why;
};

/* Where the characters of a string go: no further than its room. */
struct text {
	char *to; /* NULL: nowhere */
	size_t room, len;
	bool cut; /* is more than its room */
	bool may_be_cut;
};

static int bad(struct reader *r, const char *why)
{
	r->why = why;
	return FUDA_EFORMAT;
}

static void skip_blanks(struct reader *r)
{
	while (r->c.left && (*r->c.p == ' ' || *r->c.p == '\t' || *r->c.p == '\n' ||
			     *r->c.p == '\r'))
		(void)cur_skip(&r->c, 1);
}

/* The next character that is no blank, or 0; it is not taken. */
static uint8_t peek(struct reader *r)
{
	skip_blanks(r);
	return r->c.left ? *r->c.p : 0;
}

static int take(struct reader *r, char ch)
{
	return peek(r) == (uint8_t)ch ? cur_skip(&r->c, 1) : bad(r, "syntax");
}

/* ---- strings ---- */

static int put(struct reader *r, struct text *t, const void *bytes, size_t len)
{
	if (!t->to)
		return 0;
	if (t->cut || len > t->room - t->len) {
		t->cut = true;
		return t->may_be_cut ? 0 : bad(r, "too_long");
	}
	memcpy(t->to + t->len, bytes, len);
	t->len += len;
	return 0;
}

static int put_character(struct reader *r, struct text *t, uint32_t ch)
{
	char utf8[4];
	size_t len = ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;
	static const uint8_t leads[] = { 0, 0x00, 0xC0, 0xE0, 0xF0 };

	/* in a name too: other readers end it there, and find one of another meaning */
	if (!ch && t->to)
		return bad(r, t->may_be_cut ? "unknown_member" : "wrong_kind");
	for (size_t i = len - 1; i > 0; i--, ch >>= 6)
		utf8[i] = (char)(0x80 | (ch & 0x3F));
	utf8[0] = (char)(leads[len] | ch);
	return put(r, t, utf8, len);
}

/* The four digits behind "\u". */
static int hex4(struct reader *r, uint32_t *ret)
{
	const uint8_t *p;
	uint32_t v = 0;

	if (cur_take(&r->c, 4, &p) < 0)
		return bad(r, "syntax");
	for (int i = 0; i < 4; i++) {
		uint8_t d = p[i];

		if (d >= '0' && d <= '9')
			d -= '0';
		else if ((d | 0x20) >= 'a' && (d | 0x20) <= 'f')
			d = (uint8_t)((d | 0x20) - 'a' + 10);
		else
			return bad(r, "syntax");
		v = v << 4 | d;
	}
	*ret = v;
	return 0;
}

static int read_unicode(struct reader *r, struct text *t)
{
	uint32_t ch, low;
	const uint8_t *p;
	int n = hex4(r, &ch);

	if (n < 0)
		return n;
	if (ch >= 0xDC00 && ch <= 0xDFFF)
		return bad(r, "not_utf8");
	if (ch >= 0xD800 && ch <= 0xDBFF) {
		if (cur_take(&r->c, 2, &p) < 0 || p[0] != '\\' || p[1] != 'u')
			return bad(r, "not_utf8");
		n = hex4(r, &low);
		if (n < 0)
			return n;
		if (low < 0xDC00 || low > 0xDFFF)
			return bad(r, "not_utf8");
		ch = 0x10000 + ((ch - 0xD800) << 10) + (low - 0xDC00);
	}
	return put_character(r, t, ch);
}

static int read_escape(struct reader *r, struct text *t)
{
	static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	uint8_t ch;
	const char *at;

	if (cur_skip(&r->c, 1) < 0 || cur_u8(&r->c, &ch) < 0)
		return bad(r, "syntax");
	if (ch == 'u')
		return read_unicode(r, t);
	at = ch ? strchr(escapes, ch) : NULL;
	return at ? put(r, t, &meant[at - escapes], 1) : bad(r, "syntax");
}

/* Plain ASCII; what ends a run of it is a quote, a backslash, a control character or UTF-8. */
static inline bool is_plain(uint8_t ch)
{
	return ch >= 0x20 && ch < 0x7F && ch != '"' && ch != '\\';
}

/* How many bytes stand before the next that is not plain. */
static size_t plain_run(const struct cursor *c)
{
	size_t n = 0;

	/* in blocks, where the compiler can look at many at once */
	for (unsigned all = 1; c->left - n >= 16; n += 16) {
		for (size_t i = 0; i < 16; i++)
			all &= is_plain(c->p[n + i]);
		if (!all)
			break;
	}
	while (n < c->left && is_plain(c->p[n]))
		n++;
	return n;
}

/* A string from its first quote to its last; what is kept of it gets a NUL. */
static int read_string(struct reader *r, struct text *t)
{
	int n = take(r, '"');

	while (n == 0) {
		const uint8_t *run = r->c.p;
		struct cursor next;
		uint32_t ch;
		size_t len = plain_run(&r->c);

		(void)cur_skip(&r->c, len);
		n = len ? put(r, t, run, len) : 0;
		if (n < 0)
			break;
		if (!r->c.left || *r->c.p < 0x20)
			return bad(r, "syntax");
		if (*r->c.p == '"')
			break;
		if (*r->c.p == '\\') {
			n = read_escape(r, t);
			continue;
		}
		next = r->c;
		if (utf8_next(&next, &ch) < 0)
			return bad(r, "not_utf8");
		n = put(r, t, r->c.p, r->c.left - next.left);
		r->c = next;
	}
	if (n < 0)
		return n;
	if (t->to)
		t->to[t->len] = '\0';
	return cur_skip(&r->c, 1);
}

/* ---- values ---- */

/* An integer as RFC 8259 6 spells it; `*ret_whole` says whether it is one, and of 64 bits.
 * Fractions and exponents are numbers too, though none of ours. */
static int read_number(struct reader *r, int64_t *ret, bool *ret_whole)
{
	bool minus = r->c.left && *r->c.p == '-', whole = true;
	struct cursor *c = &r->c;
	uint64_t v = 0;
	size_t digits = 0;
	bool zero;

	if (minus)
		(void)cur_skip(c, 1);
	zero = c->left && *c->p == '0';
	for (; c->left && *c->p >= '0' && *c->p <= '9'; digits++, (void)cur_skip(c, 1)) {
		uint64_t d = (uint64_t)(*c->p - '0');

		whole = whole && v <= ((uint64_t)INT64_MAX + minus - d) / 10;
		v = v * 10 + d;
	}
	if (!digits || (zero && digits > 1))
		return bad(r, "syntax");
	for (int part = 0; part < 2; part++) {
		if (!c->left || (part == 0 ? *c->p != '.' : (*c->p | 0x20) != 'e'))
			continue;
		whole = false;
		(void)cur_skip(c, 1);
		if (part == 1 && c->left && (*c->p == '+' || *c->p == '-'))
			(void)cur_skip(c, 1);
		for (digits = 0; c->left && *c->p >= '0' && *c->p <= '9'; digits++)
			(void)cur_skip(c, 1);
		if (!digits)
			return bad(r, "syntax");
	}
	*ret_whole = whole && !(minus && !v);
	*ret = minus ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

static int read_word(struct reader *r, const char *word)
{
	const uint8_t *p;

	if (cur_take(&r->c, strlen(word), &p) < 0 || memcmp(p, word, strlen(word)) != 0)
		return bad(r, "syntax");
	return 0;
}

static int read_base64(struct reader *r, struct fuda_buf *to)
{
	_cleanup_buf_ struct fuda_buf plain = FUDA_BUF_INIT(r->c.left);
	struct cursor text = r->c;
	struct text t = { 0 };
	size_t len;
	int n;

	(void)cur_skip(&text, 1);
	len = plain_run(&text);
	fuda_buf_clear(to);
	if (len < text.left && text.p[len] == '"') {
		(void)cur_skip(&r->c, len + 2);
		n = base64_decode((const char *)text.p, len, to);
	} else { /* with escapes: some write "\/" */
		n = buf_reserve(&plain, r->c.left);
		if (n < 0)
			return n;
		t = (struct text){ .to = (char *)plain.data, .room = r->c.left - 1 };
		n = read_string(r, &t);
		plain.len = t.len;
		if (n < 0)
			return n;
		n = base64_decode((const char *)plain.data, plain.len, to);
	}
	if (n == FUDA_EFORMAT || n == FUDA_ETOOBIG)
		return bad(r, n == FUDA_ETOOBIG ? "too_long" : "wrong_kind");
	return n;
}

static int read_integer(struct reader *r, int64_t *to)
{
	int64_t v;
	bool whole;
	int n = read_number(r, &v, &whole);

	if (n < 0)
		return n;
	if (!whole)
		return bad(r, "wrong_kind");
	*to = v;
	return 0;
}

static int read_bool(struct reader *r, bool *to)
{
	bool v = *r->c.p == 't';
	int n = read_word(r, v ? "true" : "false");

	if (n == 0)
		*to = v;
	return n;
}

/* By the first character: what kind of value it is, as a letter. */
static char kind_of(uint8_t ch)
{
	if (ch == '-' || (ch >= '0' && ch <= '9'))
		return '0';
	if (ch == '[' || ch == '{')
		return '[';
	return ch == 't' || ch == 'f' ? 't' : ch == '"' || ch == 'n' ? (char)ch : 0;
}

static int read_value(struct reader *r, const struct json_field *f)
{
	static const char kinds[] = { [JSON_STRING] = '"', [JSON_BASE64] = '"',
				      [JSON_NUMBER] = '0', [JSON_BOOL] = 't' };
	char kind = kind_of(peek(r));
	struct text t = { .to = f->to, .room = f->size ? f->size - 1 : 0 };

	if (!kind)
		return bad(r, "syntax");
	if (kind != kinds[f->kind])
		return bad(r, kind == '[' ? "nested" : "wrong_kind");
	switch (f->kind) {
	case JSON_STRING:
		return f->size ? read_string(r, &t) : FUDA_EINVAL;
	case JSON_BASE64:
		return read_base64(r, f->to);
	case JSON_NUMBER:
		return read_integer(r, f->to);
	default:
		return read_bool(r, f->to);
	}
}

/* A value of any kind, to its end. `depth`: how many may still begin inside one another. */
static int skip_value(struct reader *r, int depth)
{
	struct text nowhere = { 0 };
	uint8_t first = peek(r);
	char end = first == '{' ? '}' : ']';
	int64_t number;
	bool whole;
	int n;

	switch (kind_of(first)) {
	case '"':
		return read_string(r, &nowhere);
	case '0':
		return read_number(r, &number, &whole);
	case 't':
		return read_word(r, first == 't' ? "true" : "false");
	case 'n':
		return read_word(r, "null");
	case '[':
		break;
	default:
		return bad(r, "syntax");
	}
	if (!depth)
		return bad(r, "nested");
	n = cur_skip(&r->c, 1);
	if (peek(r) == (uint8_t)end)
		return cur_skip(&r->c, 1);
	for (;;) {
		if (n == 0 && first == '{') {
			n = read_string(r, &nowhere);
			if (n == 0)
				n = take(r, ':');
		}
		if (n == 0)
			n = skip_value(r, depth - 1);
		if (n < 0 || peek(r) == (uint8_t)end)
			break;
		n = take(r, ',');
	}
	return n < 0 ? n : cur_skip(&r->c, 1);
}

/* ---- objects ---- */

static int read_member(struct reader *r)
{
	char name[MEMBER_MAX];
	struct text t = { .to = name, .room = sizeof(name) - 1, .may_be_cut = true };
	size_t i = 0;
	int n;

	r->member = "";
	n = read_string(r, &t);
	if (n < 0)
		return n;
	while (i < r->count && (t.cut || strcmp(r->fields[i].name, name) != 0))
		i++;
	if (i == r->count) {
		if (!r->some)
			return bad(r, "unknown_member");
		n = take(r, ':');
		return n < 0 ? n : skip_value(r, DEPTH_MAX);
	}
	r->member = r->fields[i].name;
	if (r->seen >> i & 1)
		return bad(r, "duplicate_member");
	r->seen |= (uint64_t)1 << i;
	n = take(r, ':');
	return n < 0 ? n : read_value(r, &r->fields[i]);
}

static int read_object(struct reader *r)
{
	int n = take(r, '{');

	if (n == 0 && peek(r) != '}')
		do
			n = read_member(r);
		while (n == 0 && peek(r) == ',' && cur_skip(&r->c, 1) == 0);
	if (n < 0)
		return n;
	n = take(r, '}');
	if (n < 0)
		return n;
	r->member = "";
	skip_blanks(r);
	if (r->c.left)
		return bad(r, "syntax");
	for (size_t i = 0; i < r->count; i++) {
		bool there = r->seen >> i & 1;

		if (r->fields[i].present)
			*r->fields[i].present = there;
		if (!there && r->fields[i].required) {
			r->member = r->fields[i].name;
			return bad(r, "missing_member");
		}
	}
	return 0;
}

static int read_all(const void *text, size_t len, const struct json_field *fields, size_t count,
		    bool some, const char **ret_member, const char **ret_why)
{
	struct reader r = { .c = cur_of(text, len), .fields = fields, .count = count,
			    .some = some, .member = "", .why = "" };
	int n = count > FIELDS_MAX ? FUDA_EINVAL : read_object(&r);

	if (n == FUDA_EFORMAT) {
		*ret_member = r.member;
		*ret_why = r.why;
	}
	return n;
}

int json_read(const void *text, size_t len, const struct json_field *fields, size_t count,
	      const char **ret_member, const char **ret_why)
{
	return read_all(text, len, fields, count, false, ret_member, ret_why);
}

int json_read_some(const void *text, size_t len, const struct json_field *fields, size_t count,
		   const char **ret_member, const char **ret_why)
{
	return read_all(text, len, fields, count, true, ret_member, ret_why);
}

/* ---- writing ---- */

static void put_out(struct json_out *out, const void *bytes, size_t len)
{
	if (!out->failed)
		out->failed = fuda_buf_append(out->to, bytes, len);
}

static void write_string(struct json_out *out, const char *text)
{
	struct cursor c = cur_of((const uint8_t *)text, strlen(text));
	char escape[16];

	put_out(out, "\"", 1);
	while (c.left && !out->failed) {
		struct cursor next = c;
		size_t run = plain_run(&c);
		uint32_t ch;

		if (run) {
			put_out(out, c.p, run);
			(void)cur_skip(&c, run);
			continue;
		}
		if (utf8_next(&next, &ch) < 0) {
			out->failed = FUDA_EFORMAT;
			return;
		}
		if (ch == '"' || ch == '\\') {
			put_out(out, "\\", 1);
			put_out(out, c.p, 1);
		} else if (utf8_is_control(ch)) { /* none of them is beyond U+FFFF */
			snprintf(escape, sizeof(escape), "\\u%04X", (unsigned)ch);
			put_out(out, escape, strlen(escape));
		} else {
			put_out(out, c.p, c.left - next.left);
		}
		c = next;
	}
	put_out(out, "\"", 1);
}

static void key(struct json_out *out, const char *name)
{
	if (out->some)
		put_out(out, ",", 1);
	out->some = true;
	write_string(out, name);
	put_out(out, ":", 1);
}

void json_begin(struct json_out *out, struct fuda_buf *to)
{
	*out = (struct json_out){ .to = to };
	put_out(out, "{", 1);
}

void json_string(struct json_out *out, const char *name, const char *value)
{
	key(out, name);
	write_string(out, value);
}

void json_number(struct json_out *out, const char *name, int64_t value)
{
	char text[32];

	key(out, name);
	snprintf(text, sizeof(text), "%" PRId64, value);
	put_out(out, text, strlen(text));
}

void json_bool(struct json_out *out, const char *name, bool value)
{
	key(out, name);
	put_out(out, value ? "true" : "false", value ? 4 : 5);
}

void json_base64(struct json_out *out, const char *name, const void *bytes, size_t len)
{
	key(out, name);
	put_out(out, "\"", 1);
	if (!out->failed)
		out->failed = base64_encode(bytes, len, false, out->to);
	put_out(out, "\"", 1);
}

int json_end(struct json_out *out)
{
	put_out(out, "}", 1);
	return out->failed;
}
