/* SPDX-License-Identifier: Apache-2.0 */
/* Events, found by comparing what the drivers list with what they listed before. */
#include <stdlib.h>
#include <string.h>

#include "reader/driver.h"

enum { PAUSE_MS = 1000 }; /* between looks at a service that is not there */

/* One driver that lists. */
struct source {
	const struct driver *driver;
	struct fuda_reader_list *before; /* what events point into, together with `now` */
	struct fuda_reader_list *now;
	bool due; /* to be listed before the next wait */
};

struct fuda_reader_watch {
	struct fuda_context *ctx;
	struct source *sources;
	size_t source_count;
	struct fuda_reader_event *events; /* those not reported yet begin at `next` */
	size_t event_count, next;
};

int fuda_reader_watch_new(struct fuda_context *ctx, struct fuda_reader_watch **ret)
{
	_cleanup_(fuda_reader_watch_free) struct fuda_reader_watch *w = calloc(1, sizeof(*w));
	size_t n = 0;

	while (drivers[n])
		n++;
	if (!w || !(w->sources = calloc(n + 1, sizeof(*w->sources))))
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	w->ctx = ctx;
	for (size_t i = 0; i < n; i++) {
		struct source *s = &w->sources[w->source_count];

		if (!drivers[i]->list)
			continue;
		w->source_count++;
		s->driver = drivers[i];
		s->due = true;
		s->before = calloc(1, sizeof(*s->before));
		s->now = calloc(1, sizeof(*s->now));
		if (!s->before || !s->now)
			return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	*ret = w;
	w = NULL;
	return 0;
}

void fuda_reader_watch_free(struct fuda_reader_watch **w)
{
	if (!*w)
		return;
	for (size_t i = 0; (*w)->sources && i < (*w)->source_count; i++) {
		fuda_reader_list_free(&(*w)->sources[i].before);
		fuda_reader_list_free(&(*w)->sources[i].now);
	}
	free((*w)->sources);
	free((*w)->events);
	free(*w);
	*w = NULL;
}

/* ---- comparing ---- */

static int report(struct fuda_reader_watch *w, enum fuda_reader_event_kind kind,
		  const struct fuda_reader_info *info)
{
	struct fuda_reader_event *e = realloc(w->events, (w->event_count + 1) * sizeof(*w->events));

	if (!e)
		return FUDA_ENOMEM;
	w->events = e;
	w->events[w->event_count++] = (struct fuda_reader_event){ kind, *info };
	return 0;
}

static const struct fuda_reader_info *find(const struct fuda_reader_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	return NULL;
}

/* The card of one reader. Where the state is the same and the count of events is not, two events
 * were missed. */
static int compare_card(struct fuda_reader_watch *w, const struct fuda_reader_info *before,
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
		r = report(w, card ? FUDA_CARD_INSERTED : FUDA_CARD_REMOVED, &info);
	}
	return r;
}

static int compare_reader(struct fuda_reader_watch *w, const struct fuda_reader_info *before,
			  const struct fuda_reader_info *now)
{
	int r;

	if (before)
		return compare_card(w, before, now);
	r = report(w, FUDA_READER_ADDED, now);
	return r == 0 && now->card ? report(w, FUDA_CARD_INSERTED, now) : r;
}

static int compare(struct fuda_reader_watch *w, const struct source *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->before->count; i++) {
		const struct fuda_reader_info *gone = &s->before->items[i];

		if (find(s->now, gone->name))
			continue;
		if (gone->card)
			r = report(w, FUDA_CARD_REMOVED, gone);
		if (r == 0)
			r = report(w, FUDA_READER_REMOVED, gone);
	}
	for (size_t i = 0; r == 0 && i < s->now->count; i++)
		r = compare_reader(w, find(s->before, s->now->items[i].name), &s->now->items[i]);
	return r < 0 ? ctx_fail_code(w->ctx, r) : 0;
}

/* ---- looking and waiting ---- */

static bool is_end_of_wait(int code)
{
	return code == FUDA_ETIMEOUT || code == FUDA_ECANCELLED || code == FUDA_ENOMEM;
}

/* Lists the readers of one source. A service that is not there has none. */
static int look(struct fuda_reader_watch *w, struct source *s, struct fuda_deadline *dl)
{
	_cleanup_(fuda_reader_list_free) struct fuda_reader_list *list = calloc(1, sizeof(*list));
	int r;

	if (!list)
		return ctx_fail_code(w->ctx, FUDA_ENOMEM);
	r = s->driver->list(w->ctx, dl, list);
	if (is_end_of_wait(r))
		return r;
	if (r < 0) {
		fuda_reader_list_free(&list);
		list = calloc(1, sizeof(*list));
		if (!list)
			return ctx_fail_code(w->ctx, FUDA_ENOMEM);
	}
	fuda_reader_list_free(&s->before);
	s->before = s->now;
	s->now = list;
	list = NULL;
	s->due = false;
	return compare(w, s);
}

static int look_where_due(struct fuda_reader_watch *w, struct fuda_deadline *dl)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->source_count; i++)
		if (w->sources[i].due)
			r = look(w, &w->sources[i], dl);
	return r;
}

/* Waits on the first driver that can; the others have been listed once. */
static int wait_for_change(struct fuda_reader_watch *w, struct fuda_deadline *dl)
{
	struct source *s = w->sources, *end = w->sources + w->source_count;
	int r;

	while (s < end && !s->driver->wait)
		s++;
	if (s == end) {
		r = deadline_wait_fd(dl, -1, 0);
		return ctx_fail_code(w->ctx, r);
	}
	r = s->driver->wait(w->ctx, dl, s->now);
	if (is_end_of_wait(r))
		return r;
	s->due = true;
	if (r == 0)
		return 0;
	r = deadline_sleep(dl, PAUSE_MS);
	return r < 0 ? ctx_fail_code(w->ctx, r) : 0;
}

int fuda_reader_watch_next(struct fuda_reader_watch *w, struct fuda_deadline *dl,
			   struct fuda_reader_event *ret)
{
	int r = 0;

	ctx_step(w->ctx, _("watch the readers"));
	for (;;) {
		if (w->next < w->event_count) {
			*ret = w->events[w->next++];
			return 0;
		}
		/* Only now may the lists go that the events point into. */
		w->next = w->event_count = 0;
		r = look_where_due(w, dl);
		if (r == 0 && w->event_count == 0)
			r = wait_for_change(w, dl);
		if (r < 0)
			return r;
	}
}
