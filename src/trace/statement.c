/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/statement.h"

#include <stdlib.h>
#include <string.h>

#include "codec/utf8.h"

void trace_statement_clear(struct trace_statement *s, enum trace_kind kind)
{
	fuda_buf_clear(&s->bytes);
	free(s->text);
	s->kind = kind;
	s->line = 0;
	s->count = 0;
	s->status_count = 0;
	s->time = (struct trace_time){ TRACE_TIME_NONE, 0, 0 };
	s->error = 0;
	s->word[0] = '\0';
	s->text = NULL;
	s->number = s->second = 0;
}

void trace_statement_free(struct trace_statement *s)
{
	trace_statement_clear(s, TRACE_EMPTY);
	fuda_buf_free(&s->bytes);
	free(s->items);
	s->items = NULL;
	s->room = 0;
}

int trace_add_item(struct trace_statement *s, const struct trace_item *item)
{
	if (s->count == TRACE_ITEMS_MAX)
		return FUDA_ETOOBIG;
	if (s->count == s->room) {
		size_t room = s->room ? s->room * 2 : 8;
		struct trace_item *items = realloc(s->items, room * sizeof(*items));

		if (!items)
			return FUDA_ENOMEM;
		s->items = items;
		s->room = room;
	}
	s->items[s->count++] = *item;
	return 0;
}

/* An item and what it points to, or neither. */
static int add_with_bytes(struct trace_statement *s, struct trace_item *item, const void *bytes)
{
	int r = buf_reserve(&s->bytes, item->len);

	item->at = s->bytes.len;
	if (r == 0)
		r = trace_add_item(s, item);
	return r < 0 ? r : fuda_buf_append(&s->bytes, bytes, item->len);
}

int trace_add_bytes(struct trace_statement *s, const uint8_t *bytes, size_t len)
{
	struct trace_item *last = s->count ? &s->items[s->count - 1] : NULL;
	struct trace_item item = { .kind = TRACE_BYTES, .len = len };
	int r;

	if (!len)
		return 0;
	if (!last || last->kind != TRACE_BYTES || last->quoted)
		return add_with_bytes(s, &item, bytes);
	r = fuda_buf_append(&s->bytes, bytes, len);
	if (r == 0)
		last->len += len;
	return r;
}

/* Bytes of a text as it is written between quotes. */
static size_t written(const uint8_t *text, size_t len)
{
	size_t n = len;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '"' || text[i] == '\\';
	return n;
}

/* Whether the next character may stand in a text. */
static bool may_stand(struct cursor *c, bool tabs)
{
	uint32_t ch;

	return utf8_next(c, &ch) == 0 && (!utf8_is_control(ch) || (tabs && ch == '\t'));
}

int trace_add_quoted(struct trace_statement *s, const void *text, size_t len)
{
	struct trace_item item = { .kind = TRACE_BYTES, .len = len, .quoted = true };
	struct cursor c = cur_of(text, len);

	while (c.left)
		if (!may_stand(&c, false))
			return FUDA_EFORMAT;
	return written(text, len) > TRACE_TEXT_MAX ? FUDA_ETOOBIG : add_with_bytes(s, &item, text);
}

int trace_add_named(struct trace_statement *s, const char *name, const uint8_t *bytes, size_t len)
{
	struct trace_item item = { .kind = TRACE_NAMED, .len = len };
	size_t length = strlen(name);

	if (length > TRACE_NAME_MAX)
		return FUDA_ETOOBIG;
	memcpy(item.name, name, length);
	return add_with_bytes(s, &item, bytes);
}

/* What a text cannot hold becomes a question mark, a byte each. */
static void make_text(uint8_t *text, size_t len, bool tabs)
{
	struct cursor c = cur_of(text, len);

	while (c.left) {
		struct cursor next = c;

		if (!may_stand(&next, tabs)) {
			text[len - c.left] = '?';
			next = c;
			(void)cur_skip(&next, 1);
		}
		c = next;
	}
}

int trace_add_note(struct trace_statement *s, const void *text, size_t len)
{
	struct trace_item item = { .kind = TRACE_NOTE };
	const char *characters = text;
	int r;

	while (len && (characters[len - 1] == ' ' || characters[len - 1] == '\t'))
		len--;
	item.len = len;
	r = len > TRACE_TEXT_MAX ? FUDA_ETOOBIG : add_with_bytes(s, &item, text);
	if (r == 0 && len)
		make_text(s->bytes.data + item.at, len, true);
	return r;
}

int trace_set_text(struct trace_statement *s, const char *text)
{
	size_t len = strlen(text);
	char *copy;

	if (written((const uint8_t *)text, len) > TRACE_TEXT_MAX)
		return FUDA_ETOOBIG;
	copy = strdup(text);
	if (!copy)
		return FUDA_ENOMEM;
	make_text((uint8_t *)copy, len, false);
	free(s->text);
	s->text = copy;
	return 0;
}

int trace_literal(const struct trace_statement *s, struct fuda_buf *ret_bytes)
{
	size_t total = 0;
	int r;

	for (size_t i = 0; i < s->count; i++) {
		const struct trace_item *it = &s->items[i];

		if (it->kind == TRACE_NOTE)
			continue;
		if (it->kind != TRACE_BYTES && it->kind != TRACE_NAMED)
			return FUDA_EFORMAT;
		total += it->len;
	}
	if (!ret_bytes)
		return 0;
	r = buf_reserve(ret_bytes, total);
	for (size_t i = 0; r == 0 && i < s->count; i++)
		if (s->items[i].kind != TRACE_NOTE)
			r = fuda_buf_append(ret_bytes, trace_item_bytes(s, &s->items[i]),
					    s->items[i].len);
	return r;
}

int trace_sketch(const struct trace_statement *s, struct fuda_buf *ret_bytes,
		 struct trace_sketch *ret)
{
	static const unsigned hides[] = {
		[TRACE_BYTES] = 0,
		[TRACE_NAMED] = 0,
		[TRACE_ANY] = TRACE_HIDES_PATTERN,
		[TRACE_REFER] = TRACE_HIDES_PATTERN,
		[TRACE_SECRET] = TRACE_HIDES_SECRET,
		[TRACE_TYPED] = TRACE_HIDES_SECRET,
		[TRACE_DATA] = TRACE_HIDES_DATA,
		[TRACE_NOTE] = 0,
	};
	size_t before = ret_bytes->len, known = SIZE_MAX;
	unsigned all = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct trace_item *it = &s->items[i];
		size_t room = ret_bytes->max - ret_bytes->len;
		size_t n = MIN(hides[it->kind] ? it->min : it->len, room);
		int r = buf_reserve(ret_bytes, n);

		if (r < 0)
			return r;
		all |= hides[it->kind];
		if (hides[it->kind])
			known = MIN(known, ret_bytes->len - before);
		if (!n || it->kind == TRACE_NOTE)
			continue;
		if (hides[it->kind])
			memset(ret_bytes->data + ret_bytes->len, 0, n);
		else
			memcpy(ret_bytes->data + ret_bytes->len, trace_item_bytes(s, it), n);
		ret_bytes->len += n;
	}
	*ret = (struct trace_sketch){ MIN(known, ret_bytes->len - before), all };
	return 0;
}
