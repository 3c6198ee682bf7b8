/* SPDX-License-Identifier: Apache-2.0 */
/* Events, found by comparing what each driver lists with what it listed before. Each driver is
 * followed on a thread of its own, so that one whose service hangs or is missing does not stop the
 * others; what they find comes out in the order in which it was found. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/worker.h"
#include "reader/driver.h"

enum {
	PAUSE_MS = 1000,  /* between looks at a service that is not there */
	QUEUE_MAX = 256,  /* events that nobody has fetched; then the drivers are left alone */
	FAREWELL_MS = 800, /* for all threads together to end */
};

struct entry {
	struct fuda_reader_event event; /* its name is owned */
	struct entry *next;
};

/* Where the threads meet. Freed by the last of its holders. */
struct hub {
	_Atomic int holders;
	pthread_mutex_t lock; /* of the queue */
	struct entry *first, **last;
	_Atomic size_t queued; /* entries */
	_Atomic int failed;    /* why a thread gave up, or 0 */
	deadline_word news;    /* counts changes of all this */
};

/* One driver that lists, and its thread's own. */
struct source {
	const struct driver *driver;
	struct hub *hub;
	struct fuda_context *ctx; /* nobody hears of a driver's troubles */
	struct fuda_deadline *dl; /* never runs out; cancelled at the end */
	struct fuda_reader_list *known;
};

/* A thread as the watch sees it. */
struct follower {
	struct worker *worker; /* NULL: abandoned, and `source` with it */
	struct source *source;
};

struct fuda_reader_watch {
	struct fuda_context *ctx;
	struct hub *hub;
	struct follower *followers;
	size_t follower_count;
	struct entry *current; /* what was handed out last */
};

/* ---- the queue ---- */

static void tell(struct hub *h)
{
	atomic_fetch_add(&h->news, 1);
	deadline_wake_word(&h->news);
}

static void entry_free(struct entry **e)
{
	if (!*e)
		return;
	free((char *)(uintptr_t)(*e)->event.reader.name);
	free(*e);
	*e = NULL;
}

static struct hub *hub_new(void)
{
	struct hub *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	if (pthread_mutex_init(&h->lock, NULL) != 0) {
		free(h);
		return NULL;
	}
	atomic_init(&h->holders, 1);
	h->last = &h->first;
	return h;
}

static void hub_drop(struct hub *h)
{
	if (!h || atomic_fetch_sub(&h->holders, 1) != 1)
		return;
	for (struct entry *e = h->first, *next; e; e = next) {
		next = e->next;
		entry_free(&e);
	}
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static int put(struct hub *h, enum fuda_reader_event_kind kind, const struct fuda_reader_info *info)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return FUDA_ENOMEM;
	e->event = (struct fuda_reader_event){ kind, *info };
	e->event.reader.name = strdup(info->name);
	if (!e->event.reader.name) {
		free(e);
		return FUDA_ENOMEM;
	}
	pthread_mutex_lock(&h->lock);
	*h->last = e;
	h->last = &e->next;
	h->queued++;
	pthread_mutex_unlock(&h->lock);
	tell(h);
	return 0;
}

/* NULL: there is none. */
static struct entry *take(struct hub *h)
{
	struct entry *e;

	pthread_mutex_lock(&h->lock);
	e = h->first;
	if (e) {
		h->first = e->next;
		if (!h->first)
			h->last = &h->first;
		h->queued--;
	}
	pthread_mutex_unlock(&h->lock);
	if (e)
		tell(h);
	return e;
}

/* ---- comparing ---- */

static const struct fuda_reader_info *find(const struct fuda_reader_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	return NULL;
}

/* The card of one reader. Where the state is the same and the count of events is not, two events
 * were missed. */
static int compare_card(struct hub *h, const struct fuda_reader_info *before,
			const struct fuda_reader_info *now)
{
	bool card = before->card;
	int flips = card != now->card ? 1 : before->events != now->events ? 2 : 0, r = 0;

	for (; r == 0 && flips > 0; flips--) {
		struct fuda_reader_info info = card ? *before : *now;

		card = !card;
		if (card && !now->card) {
			/* It was there for a moment; nothing is known of it. */
			info.card = true;
			info.atr_len = 0;
		}
		r = put(h, card ? FUDA_CARD_INSERTED : FUDA_CARD_REMOVED, &info);
	}
	return r;
}

static int compare_reader(struct hub *h, const struct fuda_reader_info *before,
			  const struct fuda_reader_info *now)
{
	int r;

	if (before)
		return compare_card(h, before, now);
	r = put(h, FUDA_READER_ADDED, now);
	return r == 0 && now->card ? put(h, FUDA_CARD_INSERTED, now) : r;
}

static int compare(struct hub *h, const struct fuda_reader_list *before,
		   const struct fuda_reader_list *now)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < before->count; i++) {
		const struct fuda_reader_info *gone = &before->items[i];

		if (find(now, gone->name))
			continue;
		if (gone->card)
			r = put(h, FUDA_CARD_REMOVED, gone);
		if (r == 0)
			r = put(h, FUDA_READER_REMOVED, gone);
	}
	for (size_t i = 0; r == 0 && i < now->count; i++)
		r = compare_reader(h, find(before, now->items[i].name), &now->items[i]);
	return r;
}

/* ---- the thread of a driver ---- */

static bool is_end(int code)
{
	return code == FUDA_ECANCELLED || code == FUDA_ETIMEOUT || code == FUDA_ENOMEM;
}

/* Lists its readers. A service that is not there has none; what was found beside a failure
 * counts. */
static int look(struct source *s)
{
	_cleanup_(fuda_reader_list_free) struct fuda_reader_list *now = calloc(1, sizeof(*now));
	struct fuda_reader_list *before = s->known;
	int r = now ? s->driver->list(s->ctx, s->dl, now) : FUDA_ENOMEM;

	if (is_end(r))
		return r;
	r = compare(s->hub, before, now);
	s->known = now;
	now = before;
	return r;
}

static int wait_for_room(struct source *s)
{
	for (;;) {
		uint32_t n = atomic_load(&s->hub->news);
		int r;

		if (s->hub->queued < QUEUE_MAX)
			return 0;
		r = deadline_wait_word(s->dl, -1, &s->hub->news, n);
		if (r < 0)
			return r;
	}
}

/* A driver that cannot tell of changes is listed once. */
static int follow(struct source *s)
{
	for (;;) {
		int r = look(s);

		if (r == 0)
			r = wait_for_room(s);
		if (r < 0 || !s->driver->wait)
			return r;
		r = s->driver->wait(s->ctx, s->dl, s->known);
		if (r < 0 && !is_end(r))
			r = deadline_sleep(s->dl, PAUSE_MS);
		if (r < 0)
			return r;
	}
}

static void job_follow(void *own)
{
	struct source *s = own;
	int r = follow(s), none = 0;

	if (r == 0 || r == FUDA_ECANCELLED)
		return;
	atomic_compare_exchange_strong(&s->hub->failed, &none, r);
	tell(s->hub);
}

static void release_source(void *own)
{
	struct source *s = own;

	fuda_reader_list_free(&s->known);
	fuda_deadline_free(&s->dl);
	fuda_context_free(&s->ctx);
	hub_drop(s->hub);
	free(s);
}

/* ---- the watch ---- */

static int start(struct fuda_reader_watch *w, const struct driver *driver)
{
	struct follower *f = &w->followers[w->follower_count];
	struct source *s = calloc(1, sizeof(*s));
	int r = FUDA_ENOMEM;

	if (!s)
		return r;
	s->driver = driver;
	s->hub = w->hub;
	atomic_fetch_add(&s->hub->holders, 1);
	s->known = calloc(1, sizeof(*s->known));
	if (s->known && fuda_context_new(&s->ctx) == 0 && fuda_deadline_new(-1, &s->dl) == 0)
		r = worker_new(s, release_source, &f->worker);
	if (r < 0) {
		release_source(s);
		return r;
	}
	f->source = s;
	w->follower_count++;
	worker_begin(f->worker, job_follow);
	return 0;
}

int fuda_reader_watch_new(struct fuda_context *ctx, struct fuda_reader_watch **ret)
{
	_cleanup_(fuda_reader_watch_free) struct fuda_reader_watch *w = calloc(1, sizeof(*w));
	size_t n = 0;
	int r = 0;

	while (drivers[n])
		n++;
	if (!w || !(w->hub = hub_new()) || !(w->followers = calloc(n + 1, sizeof(*w->followers))))
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	w->ctx = ctx;
	for (size_t i = 0; r == 0 && i < n; i++)
		if (drivers[i]->list)
			r = start(w, drivers[i]);
	if (r < 0)
		return ctx_fail_code(ctx, r);
	*ret = w;
	w = NULL;
	return 0;
}

/* Those that do not end in time are abandoned, and free what is theirs when they do. */
static void end_followers(struct fuda_reader_watch *w)
{
	struct fuda_deadline *dl = NULL;
	bool timed = fuda_deadline_new(FAREWELL_MS, &dl) == 0;

	for (size_t i = 0; i < w->follower_count; i++)
		fuda_deadline_cancel(w->followers[i].source->dl);
	for (size_t i = 0; i < w->follower_count; i++) {
		struct follower *f = &w->followers[i];
		int left = timed ? deadline_left(dl) : 0;

		if (worker_finish(&f->worker, left) == 0)
			worker_free(&f->worker, left);
	}
	fuda_deadline_free(&dl);
}

void fuda_reader_watch_free(struct fuda_reader_watch **w)
{
	if (!*w)
		return;
	end_followers(*w);
	hub_drop((*w)->hub);
	entry_free(&(*w)->current);
	free((*w)->followers);
	free(*w);
	*w = NULL;
}

int fuda_reader_watch_next(struct fuda_reader_watch *w, struct fuda_deadline *dl,
			   struct fuda_reader_event *ret)
{
	struct entry *e;

	ctx_step(w->ctx, _("watch the readers"));
	for (;;) {
		uint32_t n = atomic_load(&w->hub->news);
		int r;

		e = take(w->hub);
		if (e)
			break;
		r = atomic_load(&w->hub->failed);
		if (r == 0)
			r = deadline_wait_word(dl, -1, &w->hub->news, n);
		if (r < 0)
			return ctx_fail_code(w->ctx, r);
	}
	entry_free(&w->current);
	w->current = e;
	*ret = e->event;
	return 0;
}
