/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/match.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* Bytes compared and lengths tried for one statement. What people write takes some
	 * thousands; ranges behind one another could take for ever. */
	STEPS_MAX = 4000000,
	HASH_STEPS = 1000, /* what a hash costs beyond its bytes */
};

/* ---- captures ---- */

struct capture {
	char name[TRACE_NAME_MAX + 1];
	struct fuda_buf bytes;
	bool lost; /* what was to give it failed, and an earlier value is none either */
};

struct trace_captures {
	struct capture items[TRACE_CAPTURES_MAX];
	size_t count;
};

int trace_captures_new(struct trace_captures **ret)
{
	struct trace_captures *c = calloc(1, sizeof(*c));

	if (!c)
		return FUDA_ENOMEM;
	*ret = c;
	return 0;
}

void trace_captures_free(struct trace_captures **c)
{
	if (!*c)
		return;
	for (size_t i = 0; i < (*c)->count; i++)
		fuda_buf_free(&(*c)->items[i].bytes);
	free(*c);
	*c = NULL;
}

static bool captures(const struct trace_item *item)
{
	return item->kind == TRACE_ANY && *item->name;
}

/* The last item before the one at `end` that captures `name`; `end` if there is none. */
static size_t captured_at(const struct trace_statement *s, size_t end, const char *name)
{
	for (size_t i = end; i-- > 0;)
		if (captures(&s->items[i]) && strcmp(s->items[i].name, name) == 0)
			return i;
	return end;
}

static size_t find(const struct trace_captures *c, const char *name)
{
	size_t i = 0;

	while (i < c->count && strcmp(c->items[i].name, name) != 0)
		i++;
	return i;
}

static const struct capture *captured(const struct trace_captures *c, const char *name)
{
	size_t i = c ? find(c, name) : 0;

	return c && i < c->count && !c->items[i].lost ? &c->items[i] : NULL;
}

/* Where a value goes: a new place, or that of one of the same name. NULL if there is no room. */
static struct capture *place(struct trace_captures *c, const char *name)
{
	size_t i = find(c, name);

	if (i == TRACE_CAPTURES_MAX)
		return NULL;
	if (i == c->count) {
		memcpy(c->items[i].name, name, sizeof(c->items[i].name));
		c->items[i].bytes = FUDA_BUF_INIT(TRACE_BYTES_MAX);
		c->items[i].lost = true;
		c->count++;
	}
	return &c->items[i];
}

static int capture(struct trace_captures *c, const char *name, const uint8_t *bytes, size_t len)
{
	struct capture *to = place(c, name);
	int e = to ? fuda_buf_set(&to->bytes, bytes, len) : FUDA_EINVAL;

	if (e == 0)
		to->lost = false;
	return e;
}

void trace_captures_lose(struct trace_captures *c, const struct trace_statement *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct capture *to = captures(&s->items[i]) ? place(c, s->items[i].name) : NULL;

		if (to)
			to->lost = true;
	}
}

/* The first name that `s` refers to and does not capture itself before, from item `*at` on. */
static const char *next_needed(const struct trace_statement *s, size_t *at)
{
	while (*at < s->count) {
		size_t i = (*at)++;

		if (s->items[i].kind == TRACE_REFER && captured_at(s, i, s->items[i].name) == i)
			return s->items[i].name;
	}
	return NULL;
}

const char *trace_captures_lost(const struct trace_captures *c, const struct trace_statement *s)
{
	const char *name;

	for (size_t i = 0, at; (name = next_needed(s, &i));) {
		at = find(c, name);
		if (at < c->count && c->items[at].lost)
			return name;
	}
	return NULL;
}

const char *trace_captures_unknown(const struct trace_captures *c, const struct trace_statement *s)
{
	const char *name;

	for (size_t i = 0; (name = next_needed(s, &i));)
		if (find(c, name) == c->count)
			return name;
	return NULL;
}

/* ---- matching ---- */

/* An item that can take more than one length, and the one that is being tried. */
struct choice {
	size_t item, at, taken;
};

struct matching {
	const struct trace_statement *s;
	const struct trace_captures *captures;
	struct trace_keyring *keyring;
	const uint8_t *bytes;
	size_t len;
	size_t *starts; /* of each item before `item`: where its bytes begin */
	struct choice *choices;
	size_t choice_count;
	bool refers;	 /* to what may have been captured in it */
	size_t item, at; /* what comes next */
	size_t furthest; /* byte that was come to */
	unsigned long steps;
};

static int step(struct matching *m, size_t steps)
{
	m->steps += steps;
	return m->steps > STEPS_MAX ? FUDA_ETOOBIG : 0;
}

static int mismatch(struct matching *m, size_t at)
{
	m->furthest = MAX(m->furthest, at);
	return 0;
}

/* Steps over `n` bytes of any value. */
static int take(struct matching *m, size_t n)
{
	if (m->len - m->at < n)
		return mismatch(m, m->len);
	m->at += n;
	return 1;
}

static int take_equal(struct matching *m, const uint8_t *bytes, size_t n)
{
	size_t same = 0, there = MIN(n, m->len - m->at);

	while (same < there && m->bytes[m->at + same] == bytes[same])
		same++;
	if (step(m, same) < 0)
		return FUDA_ETOOBIG;
	if (same < n)
		return mismatch(m, m->at + same);
	m->at += n;
	return 1;
}

/* What is referred to was captured by this statement, or before it. */
static int take_captured(struct matching *m, const char *name)
{
	size_t i = captured_at(m->s, m->item, name);
	const struct capture *c;

	if (i < m->item)
		return take_equal(m, m->bytes + m->starts[i], m->starts[i + 1] - m->starts[i]);
	c = captured(m->captures, name);
	return c ? take_equal(m, c->bytes.data, c->bytes.len) : FUDA_EFORMAT;
}

static int take_hashed(struct matching *m, const struct trace_item *item)
{
	const uint8_t *bytes = m->bytes + m->at;
	size_t at = m->at;
	uint8_t hash[TRACE_HASH];
	int e = take(m, item->min);

	if (e <= 0)
		return e;
	if (!m->keyring)
		return FUDA_ENOTSUP;
	if (step(m, item->min + HASH_STEPS) < 0)
		return FUDA_ETOOBIG;
	e = trace_hash(m->keyring, bytes, item->min, hash);
	if (e < 0)
		return e;
	return memcmp(hash, item->hash, sizeof(hash)) == 0 ? 1 : mismatch(m, at);
}

/* The shortest that it can take; longer ones are tried when what follows does not fit. Where it can
 * take all that is left, other choices before it cannot help: it was come to as early as can be. */
static int take_any(struct matching *m, const struct trace_item *item)
{
	if (item->max == SIZE_MAX && !m->refers)
		m->choice_count = 0;
	if (item->max > item->min)
		m->choices[m->choice_count++] = (struct choice){ m->item, m->at, item->min };
	return take(m, item->min);
}

/* 1 if the next item fits, 0 if not. */
static int take_item(struct matching *m)
{
	const struct trace_item *item = &m->s->items[m->item];

	switch (item->kind) {
	case TRACE_BYTES:
	case TRACE_NAMED:
		return take_equal(m, trace_item_bytes(m->s, item), item->len);
	case TRACE_ANY:
		return take_any(m, item);
	case TRACE_REFER:
		return take_captured(m, item->name);
	case TRACE_SECRET:
		return take(m, item->min);
	case TRACE_DATA:
		return take_hashed(m, item);
	case TRACE_TYPED:
		return mismatch(m, m->at);
	case TRACE_NOTE:
		return 1;
	}
	return FUDA_EFORMAT;
}

/* From the next item to the last one. */
static int take_rest(struct matching *m)
{
	while (m->item < m->s->count) {
		int r;

		m->starts[m->item] = m->at;
		if (step(m, 1) < 0)
			return FUDA_ETOOBIG;
		r = take_item(m);
		if (r <= 0)
			return r;
		m->item++;
	}
	m->starts[m->item] = m->at;
	return m->at == m->len ? 1 : mismatch(m, m->at);
}

/* Goes back to the last choice that can take one byte more. 0 if there is none. */
static int try_longer(struct matching *m)
{
	for (; m->choice_count; m->choice_count--) {
		struct choice *c = &m->choices[m->choice_count - 1];

		if (c->taken == m->s->items[c->item].max || m->len - c->at <= c->taken)
			continue;
		c->taken++;
		m->at = c->at + c->taken;
		m->item = c->item + 1;
		return 1;
	}
	return 0;
}

static int run(struct matching *m)
{
	int r;

	do {
		r = take_rest(m);
	} while (r == 0 && try_longer(m));
	return r;
}

static int take_captures(const struct matching *m, struct trace_captures *c)
{
	for (size_t i = 0; i < m->s->count; i++) {
		const struct trace_item *item = &m->s->items[i];
		int e;

		if (!captures(item))
			continue;
		e = capture(c, item->name, m->bytes + m->starts[i],
			    m->starts[i + 1] - m->starts[i]);
		if (e < 0)
			return e;
	}
	return 1;
}

static bool refers(const struct trace_statement *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].kind == TRACE_REFER)
			return true;
	return false;
}

static void free_matching(struct matching *m)
{
	free(m->starts);
	free(m->choices);
}

int trace_match(const struct trace_statement *s, struct trace_captures *c, struct trace_keyring *k,
		const uint8_t *bytes, size_t len, struct trace_departure *ret_where)
{
	static const uint8_t none[1];
	_cleanup_(free_matching) struct matching m = {
		.s = s, .captures = c, .keyring = k, .bytes = len ? bytes : none, .len = len,
		.starts = calloc(s->count + 1, sizeof(*m.starts)),
		.choices = calloc(s->count + 1, sizeof(*m.choices)),
		.refers = refers(s),
	};
	int r;

	if (!m.starts || !m.choices)
		return FUDA_ENOMEM;
	r = run(&m);
	if (r == 1)
		return c ? take_captures(&m, c) : 1;
	if (r == 0 && ret_where)
		ret_where->at = m.furthest;
	return r;
}

bool trace_match_status(const struct trace_statement *response, uint16_t sw)
{
	for (size_t i = 0; i < response->status_count; i++)
		if ((sw & response->statuses[i].mask) == response->statuses[i].sw)
			return true;
	return !response->status_count;
}

bool trace_match_time(const struct trace_statement *response, uint64_t us)
{
	const struct trace_time *t = &response->time;

	return t->kind != TRACE_TIME_WITHIN || (t->min_us <= us && us <= t->max_us);
}

/* ---- filling ---- */

static int fill_item(const struct trace_statement *s, const struct trace_item *item,
		     const struct trace_captures *c, struct fuda_buf *bytes)
{
	const struct capture *from;

	switch (item->kind) {
	case TRACE_BYTES:
	case TRACE_NAMED:
		return fuda_buf_append(bytes, trace_item_bytes(s, item), item->len);
	case TRACE_REFER:
		from = captured(c, item->name);
		return from ? fuda_buf_append(bytes, from->bytes.data, from->bytes.len) :
			      FUDA_EFORMAT;
	case TRACE_NOTE:
		return 0;
	case TRACE_ANY:
	case TRACE_SECRET:
	case TRACE_TYPED:
	case TRACE_DATA:
		return FUDA_EFORMAT;
	}
	return FUDA_EFORMAT;
}

int trace_fill(const struct trace_statement *s, const struct trace_captures *c,
	       struct fuda_buf *ret_bytes)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(ret_bytes->max);
	int e = 0;

	for (size_t i = 0; i < s->count && e == 0; i++)
		e = fill_item(s, &s->items[i], c, &bytes);
	return e < 0 ? e : fuda_buf_append(ret_bytes, bytes.data, bytes.len);
}
