/* SPDX-License-Identifier: Apache-2.0 */
/* Replaying by command, in any order: all exchanges of the trace in a table. */
#include "trace/replay-inside.h"

#include <stdlib.h>
#include <string.h>

#include "trace/describe.h"

enum {
	BUCKETS = 4096,
	PATTERNS = BUCKETS, /* the bucket of commands that are not bytes alone */
	KEPT_MAX = 256 * 1024 * 1024, /* bytes of memory */
};

/* What a command goes to: the same bytes read another file after another SELECT. */
struct place {
	const struct aid *application; /* NULL: not known */
	const struct trace_file *file;
	uint16_t fid; /* where `file` is not known and may matter */
};

struct kept {
	struct kept *next;	 /* of the same bucket */
	struct kept *next_in_trace;
	struct trace_statement command, response;
	struct place place;
	char *path;
	bool used;
};

struct bucket {
	struct kept *unused, **end; /* in the order of the trace */
	struct kept *used;	    /* the last one first */
};

struct replay_index {
	struct bucket buckets[BUCKETS + 1];
	struct kept *first, **end;
	const struct kept *unused; /* or one before that */
	const struct kept *last;   /* that answered */
	size_t size;
};

/* ---- where commands go ---- */

static struct place place_of(const struct trace_follow *f, const struct trace_about *a)
{
	bool of_file = !a->file && a->kind != TRACE_IS_SELECT && a->kind != TRACE_IS_GET_DATA &&
		       a->kind != TRACE_IS_CHALLENGE;

	return (struct place){ a->application, a->file, of_file ? f->file : 0 };
}

static bool has_file(const struct place *p)
{
	return p->file || p->fid;
}

/* As far as both are known. */
static bool same_place(const struct place *a, const struct place *b)
{
	if (!a->application || !b->application)
		return true;
	if (!has_file(a) || !has_file(b))
		return a->application == b->application;
	return a->application == b->application && a->file == b->file && a->fid == b->fid;
}

static bool exact_place(const struct place *a, const struct place *b)
{
	return a->application == b->application && a->file == b->file && a->fid == b->fid;
}

/* FNV-1a */
static size_t bucket_of(const uint8_t *bytes, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ bytes[i]) * 16777619u;
	return h % BUCKETS;
}

/* ---- the table ---- */

static void free_kept(struct kept **k)
{
	if (!*k)
		return;
	trace_statement_free(&(*k)->command);
	trace_statement_free(&(*k)->response);
	free((*k)->path);
	free(*k);
	*k = NULL;
}

void replay_index_free(struct replay_index **index)
{
	if (!*index)
		return;
	for (struct kept *k = (*index)->first, *next; k; k = next) {
		next = k->next_in_trace;
		free_kept(&k);
	}
	free(*index);
	*index = NULL;
}

static size_t size_of(const struct trace_statement *s)
{
	return sizeof(*s) + s->room * sizeof(*s->items) + s->bytes.cap;
}

/* Takes the next statement of the trace out of the replay. */
static void take_statement(struct trace_replay *r, struct trace_statement *ret)
{
	*ret = r->next;
	r->next = TRACE_STATEMENT_INIT;
	replay_pass(r);
}

/* Notes where the command goes, and what is selected after it. */
static void place_kept(struct trace_follow *f, struct kept *k, const struct fuda_buf *command)
{
	struct trace_about a;

	trace_about(f, command->data, command->len, &a);
	k->place = place_of(f, &a);
	if (k->response.kind == TRACE_FAILURE)
		trace_follow_reset(f);
	else if (k->response.status_count == 1)
		trace_follow(f, command->data, command->len, k->response.statuses[0].sw);
}

static int put(struct trace_replay *r, struct replay_index *x, struct trace_follow *f,
	       struct kept *k)
{
	_cleanup_buf_ struct fuda_buf command = FUDA_BUF_INIT(TRACE_BYTES_MAX);
	bool literal = k->command.kind == TRACE_COMMAND && trace_literal(&k->command, NULL) == 0;
	struct trace_sketch sketch;
	int e = trace_sketch(&k->command, &command, &sketch);
	struct bucket *b;

	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	x->size += size_of(&k->command) + size_of(&k->response) + sizeof(*k);
	if (x->size > KEPT_MAX)
		return trace_script_fail(r->script, FUDA_ETOOBIG,
					 _("the trace is too long to be replayed in any order; "
					   "replay it in its own"));
	if (k->command.kind == TRACE_COMMAND)
		place_kept(f, k, &command);
	b = &x->buckets[literal ? bucket_of(command.data, command.len) : (size_t)PATTERNS];
	*b->end = k;
	b->end = &k->next;
	*x->end = k;
	x->end = &k->next_in_trace;
	return 0;
}

/* Reads the command that comes next and its response. */
static int keep(struct trace_replay *r, struct replay_index *x, struct trace_follow *f)
{
	_cleanup_(free_kept) struct kept *k = calloc(1, sizeof(*k));
	int e;

	if (!k)
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	k->path = strdup(trace_script_path(r->script));
	if (!k->path)
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	take_statement(r, &k->command);
	k->response = TRACE_STATEMENT_INIT;
	e = replay_peek(r);
	if (e < 0)
		return e;
	if (e == 1 && (r->next.kind == TRACE_RESPONSE || r->next.kind == TRACE_FAILURE))
		take_statement(r, &k->response);
	else
		k->response.line = k->command.line;
	e = put(r, x, f, k);
	if (e == 0)
		k = NULL;
	return e;
}

static int read_all(struct trace_replay *r, struct replay_index *x)
{
	struct trace_follow f = { 0 };
	int e;

	while ((e = replay_peek(r)) == 1) {
		if (r->next.kind == TRACE_COMMAND || r->next.kind == TRACE_VERIFY) {
			e = keep(r, x, &f);
			if (e < 0)
				return e;
			continue;
		}
		if (r->next.kind == TRACE_POWER)
			trace_follow_reset(&f);
		replay_pass(r);
	}
	return e;
}

int replay_index_open(struct trace_replay *r, struct replay_index **ret)
{
	_cleanup_(replay_index_free) struct replay_index *x = calloc(1, sizeof(*x));
	int e;

	if (!x)
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	for (size_t i = 0; i < ARRAY_SIZE(x->buckets); i++)
		x->buckets[i].end = &x->buckets[i].unused;
	x->end = &x->first;
	e = read_all(r, x);
	if (e < 0)
		return e;
	x->unused = x->first;
	*ret = x;
	x = NULL;
	return 0;
}

/* ---- answers ---- */

/* Finds the first of the list that `c` is: 1, and `ret` is where the list points to it; 0 if there
 * is none. What cannot be compared is not it. */
static int find(struct trace_replay *r, struct kept **list, const struct replay_command *c,
		const struct place *place,
		bool (*fits)(const struct place *a, const struct place *b), struct kept ***ret)
{
	struct trace_departure where;

	for (; *list; list = &(*list)->next) {
		int e = 0;

		if (fits(&(*list)->place, place))
			e = replay_fits(r, &(*list)->command, c, &where);
		if (e < 0 && !replay_is_open(e))
			return e;
		if (e == 1) {
			*ret = list;
			return 1;
		}
	}
	return 0;
}

static struct kept *use(struct bucket *b, struct kept **at)
{
	struct kept *k = *at;

	*at = k->next;
	if (!*at)
		b->end = at;
	k->next = b->used;
	b->used = k;
	k->used = true;
	return k;
}

/* The exchange that answers: 1; 0 if there is none. */
static int answer_at(struct trace_replay *r, const struct replay_command *c,
		     bool (*fits)(const struct place *a, const struct place *b),
		     const struct kept **ret)
{
	struct replay_index *x = r->index;
	struct place place = place_of(&r->follow, &c->about);
	struct bucket *const where[] = { &x->buckets[bucket_of(c->bytes, c->len)],
					 &x->buckets[PATTERNS] };
	struct kept **at;
	int e = 0;

	for (size_t i = 0; i < ARRAY_SIZE(where) && e == 0; i++) {
		e = find(r, &where[i]->unused, c, &place, fits, &at);
		if (e == 1)
			*ret = use(where[i], at);
	}
	for (size_t i = 0; i < ARRAY_SIZE(where) && e == 0; i++) {
		e = find(r, &where[i]->used, c, &place, fits, &at);
		if (e == 1)
			*ret = *at;
	}
	return e;
}

/* ... where it was recorded, before one of which that is not known. */
static int answer(struct trace_replay *r, const struct replay_command *c, const struct kept **ret)
{
	int e = answer_at(r, c, exact_place, ret);

	return e == 0 ? answer_at(r, c, same_place, ret) : e;
}

int replay_index_command(struct trace_replay *r, const struct replay_command *c,
			 struct fuda_buf *ret_response, uint64_t *ret_us)
{
	struct replay_index *x = r->index;
	const struct kept *before = x->last;
	char came[TRACE_DESCRIPTION];
	int e = answer(r, c, &x->last);

	if (e < 0)
		return e;
	if (e == 1)
		return replay_respond(r, &x->last->response, x->last->path, c, ret_response,
				      ret_us);
	trace_describe(&r->follow, c->bytes, c->len, c->typed, came);
	if (!before)
		return replay_end(r, FUDA_EDEPARTED, trace_script_path(r->script), 0,
				  _("The program sent %s, which is nowhere in the trace."), came);
	return replay_end(r, FUDA_EDEPARTED, before->path, before->command.line,
			  _("After this the program sent %s, which is nowhere in the trace."),
			  came);
}

/* The first that was never asked for. */
static const struct kept *left(struct replay_index *x)
{
	while (x->unused && x->unused->used)
		x->unused = x->unused->next_in_trace;
	return x->unused;
}

bool replay_index_over(struct replay_index *x)
{
	return !left(x);
}

int replay_index_finish(struct trace_replay *r)
{
	const struct kept *k = left(r->index);
	char expected[TRACE_DESCRIPTION];
	struct trace_follow f = { 0 };

	if (!k)
		return 0;
	f.application = k->place.application;
	f.file = k->place.file ? k->place.file->fid : k->place.fid;
	f.continued = k->place.file;
	trace_describe_statement(&f, &k->command, expected);
	return replay_end(r, FUDA_EDEPARTED, k->path, k->command.line,
			  _("The program ended and never sent %s."), expected);
}
