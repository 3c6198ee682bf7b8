/* SPDX-License-Identifier: Apache-2.0 */
/* Two traces by what happens in them, one event after the other; at a difference both are looked
 * ahead in, so far and no farther, and aligned by their longest common subsequence there. */
#include <stdlib.h>
#include <string.h>

#include "trace/meaning.h"
#include "trace/out.h"

enum {
	WINDOW = 64, /* events that are looked ahead */
};

struct side {
	const char *path;
	char mark;
	struct trace_walk *walk;
	struct trace_meaning *window; /* a ring */
	size_t first, count;
	bool ended;
	bool key_known;
	struct fuda_buf key, scratch;
	struct trace_keyring *keyring; /* of both sides; NULL: there is none to be had */
};

struct diff {
	struct side a, b;
	struct trace_out out;
	unsigned long differences, by_length;
};

/* ---- windows ---- */

static struct trace_meaning *at(const struct side *s, size_t i)
{
	return &s->window[(s->first + i) % WINDOW];
}

static void drop(struct side *s, size_t n)
{
	s->first = (s->first + n) % WINDOW;
	s->count -= n;
}

static int take_key(struct side *s, const struct trace_statement *statement)
{
	int r;

	fuda_buf_clear(&s->key);
	r = trace_literal(statement, &s->key);
	s->key_known = r == 0 && s->key.len == sizeof(at(s, 0)->key);
	return r == FUDA_ENOMEM ? r : 0;
}

/* Sees that `n` events are in the window, if there are so many. */
static int look_ahead(struct side *s, size_t n)
{
	const struct trace_event *event;
	int r;

	while (s->count < n && !s->ended) {
		r = trace_walk_next(s->walk, &event);
		if (r < 0)
			return r;
		s->ended = r == 0;
		if (r > 0 && event->what->kind == TRACE_KEY)
			r = take_key(s, event->what);
		if (r > 0 && trace_means_something(event)) {
			r = trace_meaning(event, s->key_known ? s->key.data : NULL, s->keyring,
					  &s->scratch, at(s, s->count));
			s->count += r == 0;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int side_open(struct side *s, struct fuda_context *ctx, const char *path,
		     const struct fuda_deadline *dl, char mark)
{
	s->path = path;
	s->mark = mark;
	s->key = FUDA_BUF_INIT(TRACE_BYTES_MAX);
	s->scratch = FUDA_BUF_INIT(MEANING_SCRATCH);
	s->window = calloc(WINDOW, sizeof(*s->window));
	return s->window ? trace_walk_open(ctx, path, dl, &s->walk) :
			   ctx_fail_code(ctx, FUDA_ENOMEM);
}

static void side_close(struct side *s)
{
	trace_walk_free(&s->walk);
	if (s->window)
		wipe(s->window, WINDOW * sizeof(*s->window));
	free(s->window);
	fuda_buf_free(&s->key);
	fuda_buf_free(&s->scratch);
}

/* ---- what is written ---- */

static void write_line(struct trace_out *o, char mark, const char *text)
{
	out_printf(o, "%c ", mark);
	out_safe(o, text, strlen(text));
	out_line(o);
}

/* "@@ -12 +14 @@ SELECT jpki": lines, and what it is. */
static void write_head(struct diff *d, const struct trace_meaning *a, const struct trace_meaning *b)
{
	struct trace_out *o = &d->out;

	if (!d->differences) {
		out_printf(o, "--- ");
		out_safe(o, d->a.path, strlen(d->a.path));
		out_line(o);
		out_printf(o, "+++ ");
		out_safe(o, d->b.path, strlen(d->b.path));
		out_line(o);
	}
	out_printf(o, "@@");
	if (a)
		out_printf(o, " -%lu", a->line);
	if (b)
		out_printf(o, " +%lu", b->line);
	out_printf(o, " @@ ");
	out_safe(o, (a ? a : b)->title, strlen((a ? a : b)->title));
	out_line(o);
	d->differences++;
}

/* An event that only one of them has. */
static void write_single(struct diff *d, const struct side *s, const struct trace_meaning *m)
{
	write_head(d, s == &d->a ? m : NULL, s == &d->a ? NULL : m);
	write_line(&d->out, s->mark, *m->command_shown ? m->command_shown : m->title);
	if (*m->outcome_shown)
		write_line(&d->out, s->mark, m->outcome_shown);
}

/* From which byte on the responses are others, as far as that is known. */
static void write_place(struct trace_out *o, const struct trace_meaning *a,
			const struct trace_meaning *b)
{
	size_t i = 0, len = MIN(a->sample_len, b->sample_len);

	if (a->outcome != TRACE_RESPONSE || b->outcome != TRACE_RESPONSE)
		return;
	while (i < len && a->sample[i] == b->sample[i])
		i++;
	if (a->response.len != b->response.len)
		out_printf(o, _("  %zu bytes and %zu bytes"), a->response.len, b->response.len);
	else if (i < len)
		out_printf(o, _("  of %zu bytes, byte %zu is %02X and %02X"), a->response.len, i,
			   a->sample[i], b->sample[i]);
	else if (i)
		out_printf(o, _("  of %zu bytes, the first %zu are the same"), a->response.len, i);
	if (o->column)
		out_line(o);
}

/* An event that both have, each in its way. */
static void write_pair(struct diff *d, const struct trace_meaning *a,
		       const struct trace_meaning *b)
{
	struct trace_out *o = &d->out;
	bool same_command = trace_same_command(a, b, NULL);
	bool same_outcome = trace_same_outcome(a, b, NULL);

	write_head(d, a, b);
	if (same_command) {
		write_line(o, ' ', *a->command_shown ? a->command_shown : a->title);
	} else {
		write_line(o, d->a.mark, *a->command_shown ? a->command_shown : a->title);
		write_line(o, d->b.mark, *b->command_shown ? b->command_shown : b->title);
	}
	if (same_outcome) {
		write_line(o, ' ', a->outcome_shown);
		return;
	}
	write_line(o, d->a.mark, a->outcome_shown);
	write_line(o, d->b.mark, b->outcome_shown);
	write_place(o, a, b);
}

/* ---- comparing ---- */

/* Where both agree again: the first pair of the longest common subsequence of what is in the
 * windows. Both ends where they have nothing in common and both traces end there. */
static bool find_agreement(const struct diff *d, size_t *ret_i, size_t *ret_j)
{
	uint8_t common[WINDOW + 1][WINDOW + 1] = { 0 }; /* how much, from there on */
	size_t i, j;

	for (i = d->a.count; i-- > 0;)
		for (j = d->b.count; j-- > 0;)
			common[i][j] = trace_same_command(at(&d->a, i), at(&d->b, j), NULL) ?
					       common[i + 1][j + 1] + 1 :
					       MAX(common[i + 1][j], common[i][j + 1]);
	i = j = 0;
	if (common[0][0])
		while (!trace_same_command(at(&d->a, i), at(&d->b, j), NULL))
			common[i + 1][j] >= common[i][j + 1] ? i++ : j++;
	*ret_i = common[0][0] ? i : d->a.count;
	*ret_j = common[0][0] ? j : d->b.count;
	return common[0][0] || (d->a.ended && d->b.ended);
}

/* Of the same header and file, but not the same. What is selected is what a SELECT is about. */
static bool alike(const struct trace_meaning *a, const struct trace_meaning *b)
{
	return a->kind == b->kind && memcmp(a->header, b->header, sizeof(a->header)) == 0 &&
	       a->file == b->file && (a->file || !a->selects);
}

/* Writes `i` events of one and `j` of the other, and drops them. */
static void write_apart(struct diff *d, size_t i, size_t j)
{
	size_t both = 0;

	while (both < MIN(i, j) && alike(at(&d->a, both), at(&d->b, both))) {
		write_pair(d, at(&d->a, both), at(&d->b, both));
		both++;
	}
	for (size_t k = both; k < i; k++)
		write_single(d, &d->a, at(&d->a, k));
	for (size_t k = both; k < j; k++)
		write_single(d, &d->b, at(&d->b, k));
	drop(&d->a, i);
	drop(&d->b, j);
}

/* One side has ended: so much of the rest of the other is written as a window holds. */
static int write_rest(struct diff *d, struct side *s)
{
	unsigned long more = 0;
	int r = look_ahead(s, WINDOW);

	if (r < 0)
		return r;
	while (s->count && d->out.error == 0) {
		write_single(d, s, at(s, 0));
		drop(s, 1);
	}
	while ((r = look_ahead(s, 1)) == 0 && s->count) {
		drop(s, 1);
		more++;
	}
	if (more)
		out_printf(&d->out, _("... and %lu more in %s"), more,
			   s->mark == '-' ? _("the first trace") : _("the second trace"));
	if (d->out.column)
		out_line(&d->out);
	d->differences += more;
	return r;
}

/* They agree nowhere near: that is said, and the end of it. */
static int give_up(struct diff *d)
{
	write_pair(d, at(&d->a, 0), at(&d->b, 0));
	out_printf(&d->out,
		   _("The traces do not agree again within %d steps; no more of them is compared."),
		   WINDOW);
	out_line(&d->out);
	drop(&d->a, d->a.count);
	drop(&d->b, d->b.count);
	d->a.ended = d->b.ended = true;
	return 0;
}

static int compare_heads(struct diff *d)
{
	const struct trace_meaning *a = at(&d->a, 0), *b = at(&d->b, 0);
	size_t i, j;
	int r;

	if (trace_same_command(a, b, &d->by_length)) {
		if (!trace_same_outcome(a, b, &d->by_length))
			write_pair(d, a, b);
		drop(&d->a, 1);
		drop(&d->b, 1);
		return 0;
	}
	r = look_ahead(&d->a, WINDOW);
	if (r == 0)
		r = look_ahead(&d->b, WINDOW);
	if (r < 0)
		return r;
	if (find_agreement(d, &i, &j))
		write_apart(d, i, j);
	else if (alike(a, b))
		write_apart(d, 1, 1);
	else
		return give_up(d);
	return 0;
}

static int compare(struct diff *d)
{
	int r = 0;

	while (r == 0 && d->out.error == 0) {
		r = look_ahead(&d->a, 1);
		if (r == 0)
			r = look_ahead(&d->b, 1);
		if (r < 0 || (!d->a.count && !d->b.count))
			break;
		if (d->a.count && d->b.count)
			r = compare_heads(d);
		else
			r = write_rest(d, d->a.count ? &d->a : &d->b);
	}
	if (r == 0 && d->by_length) {
		out_printf(&d->out,
			   dngettext(TEXT_DOMAIN,
				     "%lu value was compared by its length alone: it is not "
				     "shown, and its hash has no key.",
				     "%lu values were compared by their lengths alone: they are "
				     "not shown, and their hashes have no key.",
				     d->by_length),
			   d->by_length);
		out_line(&d->out);
	}
	return r;
}

/* Without the user's key what one trace alone hides cannot be compared, which is said. */
static int open_keyring(struct diff *d, struct fuda_context *ctx)
{
	int r = trace_keyring_find(ctx, &d->a.keyring);

	d->b.keyring = d->a.keyring;
	return r == FUDA_ENOMEM ? r : 0;
}

int fuda_trace_diff(struct fuda_context *ctx, const char *a, const char *b,
		    const struct fuda_deadline *dl, const struct fuda_trace_sink *sink,
		    struct fuda_trace_comparison *ret)
{
	struct diff d = { .out = TRACE_OUT(sink) };
	int r = side_open(&d.a, ctx, a, dl, '-'), end;

	if (r == 0)
		r = side_open(&d.b, ctx, b, dl, '+');
	if (r == 0)
		r = open_keyring(&d, ctx);
	if (r == 0)
		r = compare(&d);
	end = out_end(&d.out);
	r = trace_ended(ctx, r, end);
	out_free(&d.out);
	side_close(&d.a);
	side_close(&d.b);
	trace_keyring_free(&d.a.keyring);
	if (r == 0)
		*ret = (struct fuda_trace_comparison){ d.differences, d.by_length };
	return r;
}
