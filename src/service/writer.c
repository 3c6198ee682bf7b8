/* SPDX-License-Identifier: Apache-2.0 */
/* The queue, and who is the writer: one thread at a time, the writer's own or a submitter's. */
#include "service/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/context.h"
#include "base/deadline.h"
#include "service/id.h"
#include "service/sweep.h"
#include "service/writer-inside.h"

enum {
	CLAIMS = ARRAY_SIZE(((struct task *)0)->claims),
	LOOK_AHEAD = 4, /* how many batches of the queue are looked at for one */
	SWEEP_US = 60 * 1000000,
	SWEEP_LATE_US = 300 * 1000000, /* then even a busy writer sweeps */
	INLINE_US = 20000,
	WATCH_US = 500000,
	OWNERS_LOG = 10,
	SHARES = 8, /* of the queue, which an owner has one of when there is not room for all */
	QUEUE_MAX = 1 << 20,
	BATCH_MAX = 4096,
};

struct writer {
	pthread_mutex_t lock; /* all down to `load`; the rest is the writer's, whoever that is */
	pthread_cond_t work, rest, late;
	struct task *first, **last;
	size_t waiting, limit;
	uint32_t owned[1 << OWNERS_LOG]; /* of those that wait, by owner; who fall together share */
	bool busy; /* somebody is the writer */
	bool blocked; /* the thread waits for the end of that */
	bool stopping, ended;
	int64_t submitted, sweep_at; /* monotonic: the last task; the next sweep */
	int64_t task_us;             /* what a task costs, averaged */
	struct writer_load load;
	struct transaction transaction;
	struct sweep sweep;
	uint64_t *claims;    /* of the batch: an open hash, 0 is a free place */
	size_t claim_places; /* as many as this batch can need */
	pthread_t thread, watch;
};

struct transaction *writer_transaction(struct writer *writer)
{
	return &writer->transaction;
}

static int64_t clock_us(void)
{
	return (int64_t)deadline_now_us();
}

/* ---- whose tasks (platform.md C7) ---- */

static uint32_t *owned_by(struct writer *w, const struct task *task)
{
	return &w->owned[task->owner * UINT64_C(0x9E3779B97F4A7C15) >> (64 - OWNERS_LOG)];
}

/* Whether there is room for one more of this owner. Locked. */
static bool has_room(struct writer *w, const struct task *task)
{
	if (w->waiting >= w->limit)
		return false;
	return !task->owner || w->waiting * 2 < w->limit ||
	       *owned_by(w, task) < MAX(w->limit / SHARES, (size_t)1);
}

/* It waits no more. Locked. */
static void count_out(struct writer *w, const struct task *task)
{
	w->waiting--;
	if (task->owner)
		--*owned_by(w, task);
}

/* ---- which tasks ---- */

/* A power of two; half of them stay free. */
static size_t claim_places(size_t tasks)
{
	size_t places = 16;

	while (places < tasks * CLAIMS * 2)
		places *= 2;
	return places;
}

/* Where `claim` is in the table, or would be. */
static uint64_t *claim_place(struct writer *w, uint64_t claim)
{
	size_t i = (claim * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (w->claim_places - 1);

	while (w->claims[i] && w->claims[i] != claim)
		i = (i + 1) & (w->claim_places - 1);
	return &w->claims[i];
}

static uint64_t claim_of(const struct task *task, size_t i)
{
	return task->claims[i] ? task->claims[i] : 1;
}

/* Whether none of them is taken; takes them then. */
static bool take_claims(struct writer *w, const struct task *task)
{
	size_t count = MIN(task->claim_count, (size_t)CLAIMS);

	for (size_t i = 0; i < count; i++)
		if (*claim_place(w, claim_of(task, i)))
			return false;
	for (size_t i = 0; i < count; i++)
		*claim_place(w, claim_of(task, i)) = claim_of(task, i);
	return true;
}

/* Moves tasks from the queue to the slots, those whose time is over to `ret_late`. Locked. */
static void take_batch(struct writer *w, struct task **ret_late)
{
	struct transaction *t = &w->transaction;
	struct task **at = &w->first, *task;
	int64_t now = clock_us();

	*ret_late = NULL;
	t->slot_count = 0;
	w->claim_places = claim_places(MIN(w->waiting, t->slot_max));
	memset(w->claims, 0, w->claim_places * sizeof(*w->claims));
	for (size_t seen = 0;
	     (task = *at) && t->slot_count < t->slot_max && seen < t->slot_max * LOOK_AHEAD;
	     seen++) {
		bool late = task->deadline && task->deadline <= now;

		if (!late && !take_claims(w, task)) {
			at = &task->next;
			continue;
		}
		*at = task->next;
		count_out(w, task);
		task->next = late ? *ret_late : NULL;
		if (late)
			*ret_late = task;
		else
			t->slots[t->slot_count++].task = task;
	}
	if (!*at)
		w->last = at;
}

/* All whose time is over. Locked. */
static struct task *take_late(struct writer *w)
{
	struct task **at = &w->first, *task, *late = NULL;
	int64_t now = clock_us();

	while ((task = *at)) {
		if (!task->deadline || task->deadline > now) {
			at = &task->next;
			continue;
		}
		*at = task->next;
		count_out(w, task);
		task->next = late;
		late = task;
	}
	w->last = at;
	return late;
}

/* The next is taken before done(), which may free the task. */
static void end_all(struct task *task, int result)
{
	while (task) {
		struct task *next = task->next;

		task->done(task, result);
		task = next;
	}
}

/* ---- doing them ---- */

/* Does what is in the slots and says so; not locked, but the writer. Gives what it took. */
static int64_t run_slots(struct writer *w)
{
	struct transaction *t = &w->transaction;
	int64_t from = clock_us();

	transaction_run(t);
	return clock_us() - from;
}

static void count_batch(struct writer *w, int64_t us)
{
	const struct transaction *t = &w->transaction;
	int64_t each = us / (int64_t)t->slot_count;

	w->load.batches++;
	w->load.tasks += (int64_t)t->slot_count;
	w->load.retries += t->retries;
	w->load.failures += t->failures;
	w->load.commit_us += t->commit_us;
	w->load.healthy = !t->failed;
	w->task_us = w->task_us ? (w->task_us * 7 + each) / 8 : each;
}

/* Is the writer for one batch, which is in the slots. Called locked, with `busy` set by the caller;
 * returns locked, `busy` no more. */
static void be_writer(struct writer *w, struct task *late)
{
	struct transaction *t = &w->transaction;
	int64_t us = 0;

	pthread_mutex_unlock(&w->lock);
	end_all(late, FUDA_EWAIT);
	if (t->slot_count)
		us = run_slots(w);
	else
		transaction_leave(t);
	pthread_mutex_lock(&w->lock);
	if (t->slot_count)
		count_batch(w, us);
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < t->slot_count; i++)
		t->slots[i].task->done(t->slots[i].task, t->slots[i].result);
	pthread_mutex_lock(&w->lock);
	w->busy = false;
	if (w->first || w->blocked)
		pthread_cond_signal(&w->work);
	if (!w->first)
		pthread_cond_broadcast(&w->rest);
}

static void be_sweeper(struct writer *w)
{
	w->transaction.slots[0].task = &w->sweep.task;
	w->transaction.slot_count = 1;
	be_writer(w, NULL);
	w->sweep_at = clock_us() + (w->sweep.more ? 0 : SWEEP_US);
}

static void wait_for_work(struct writer *w)
{
	int64_t us = w->sweep_at;
	struct timespec until = { us / 1000000, us % 1000000 * 1000 };

	/* Who is busy says when that ends; but to be woken behind each request of a quiet service,
	 * only to find nothing to do, would cost two switches each. */
	w->blocked = w->busy || w->stopping;
	if (w->blocked)
		pthread_cond_wait(&w->work, &w->lock);
	else
		pthread_cond_timedwait(&w->work, &w->lock, &until);
	w->blocked = false;
}

static void *serve(void *arg)
{
	struct writer *w = arg;
	struct task *late;

	pthread_mutex_lock(&w->lock);
	while (!w->ended) {
		int64_t due = w->sweep_at + (w->first ? SWEEP_LATE_US : 0);
		bool sweep = !w->stopping && clock_us() >= due;

		if (w->busy || (!w->first && !sweep)) {
			wait_for_work(w);
			continue;
		}
		w->busy = true;
		if (sweep) {
			be_sweeper(w);
			continue;
		}
		take_batch(w, &late);
		be_writer(w, late);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* While somebody is the writer for longer than tasks can wait: a database that hangs is given a
 * minute, and who waits behind that has not so much. */
static void *watch(void *arg)
{
	struct writer *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->ended) {
		int64_t us = clock_us() + WATCH_US;
		struct timespec until = { us / 1000000, us % 1000000 * 1000 };
		struct task *late = w->busy ? take_late(w) : NULL;

		if (!late) {
			(void)pthread_cond_timedwait(&w->late, &w->lock, &until);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		end_all(late, FUDA_EWAIT);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- for everybody ---- */

/* Whether a batch can begin on this thread without a wait for anybody; `busy` then. Locked, and not
 * meanwhile. */
static bool begins_now(struct writer *w)
{
	int e;

	w->busy = true;
	pthread_mutex_unlock(&w->lock);
	e = transaction_begin_now(&w->transaction);
	pthread_mutex_lock(&w->lock);
	if (e == 0)
		return true;
	w->busy = false;
	pthread_cond_broadcast(&w->rest);
	return false;
}

static int submit(struct writer *w, struct task *task, bool waits)
{
	int64_t now = clock_us(), idle;

	task->next = NULL;
	task->tries = 0;
	pthread_mutex_lock(&w->lock);
	if (w->stopping || !has_room(w, task)) {
		pthread_mutex_unlock(&w->lock);
		return FUDA_EWAIT;
	}
	idle = now - w->submitted;
	w->submitted = now;
	*w->last = task;
	w->last = &task->next;
	w->waiting++;
	if (task->owner)
		++*owned_by(w, task);
	/* Two switches between threads are saved by who waits anyway, and by who comes to a quiet
	 * service whose database keeps nobody waiting. Not by others: the one thread that serves
	 * all connections would always be committing for the one request, and never collect a
	 * batch; or, worse, it would wait for a lock or a network. */
	if (!w->busy && w->waiting == 1 && (waits || (idle > INLINE_US && begins_now(w)))) {
		struct task *late;

		w->busy = true;
		take_batch(w, &late);
		be_writer(w, late);
	} else if (!w->busy) {
		pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->lock);
	return 0;
}

int writer_submit(struct writer *writer, struct task *task)
{
	return submit(writer, task, false);
}

/* A task that stands for another, whose end somebody waits for. */
struct stand_in {
	struct task task, *real;
	int result;
	deadline_word ended;
};

static int stand_in_step(struct task *task, struct batch *batch)
{
	struct task *real = ((struct stand_in *)task)->real;

	return real->step(real, batch);
}

static void stand_in_reset(struct task *task)
{
	struct task *real = ((struct stand_in *)task)->real;

	real->reset(real);
}

static void stand_in_done(struct task *task, int result)
{
	struct stand_in *s = (struct stand_in *)task;

	s->result = result;
	atomic_store(&s->ended, 1);
	deadline_wake_word(&s->ended);
}

int writer_run(struct writer *writer, struct task *task)
{
	struct stand_in s = { .task = *task, .real = task };
	int e;

	s.task.step = stand_in_step;
	s.task.reset = stand_in_reset;
	s.task.done = stand_in_done;
	e = submit(writer, &s.task, true);
	if (e < 0)
		return e;
	while (!atomic_load(&s.ended))
		(void)deadline_wait_word(NULL, -1, &s.ended, 0);
	if (task->done)
		task->done(task, s.result);
	return s.result;
}

void writer_load(struct writer *writer, struct writer_load *ret)
{
	pthread_mutex_lock(&writer->lock);
	*ret = writer->load;
	ret->waiting = writer->waiting;
	ret->limit = writer->limit;
	ret->stopping = writer->stopping;
	ret->seconds_to_wait =
		(int)MIN(1 + (int64_t)writer->waiting * writer->task_us / SECONDS_US, 600);
	pthread_mutex_unlock(&writer->lock);
}

/* ---- beginning and end ---- */

/* Times are of the monotonic clock: somebody may set the other one. */
static int make_locks(struct writer *w)
{
	pthread_condattr_t attr;
	int failed;

	if (pthread_condattr_init(&attr) != 0)
		return FUDA_ENOMEM;
	failed = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) ||
		 pthread_mutex_init(&w->lock, NULL) || pthread_cond_init(&w->work, &attr) ||
		 pthread_cond_init(&w->rest, &attr) || pthread_cond_init(&w->late, &attr);
	pthread_condattr_destroy(&attr);
	return failed ? FUDA_EFAILED : 0;
}

static void free_writer(struct writer *w)
{
	transaction_close(&w->transaction);
	free(w->claims);
	free(w);
}

/* With all signals blocked: they are for the program's own threads. */
static int start_threads(struct writer *w)
{
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&w->thread, NULL, serve, w);
	if (!failed && pthread_create(&w->watch, NULL, watch, w) != 0) {
		pthread_mutex_lock(&w->lock);
		w->ended = true;
		pthread_cond_broadcast(&w->work);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
		failed = 1;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed ? FUDA_EFAILED : 0;
}

static int prepare(struct writer *w, const struct writer_config *config)
{
	w->limit = MIN(MAX(config->queue, 1), (size_t)QUEUE_MAX);
	w->last = &w->first;
	w->load.healthy = true;
	w->sweep_at = clock_us() + SWEEP_US;
	sweep_init(&w->sweep);
	w->claims = calloc(claim_places(config->batch), sizeof(*w->claims));
	return w->claims ? make_locks(w) : FUDA_ENOMEM;
}

int writer_start(struct fuda_context *ctx, const struct writer_config *config, struct writer **ret)
{
	struct writer *w;
	int e;

	if (config->batch > BATCH_MAX)
		return ctx_fail_code(ctx, FUDA_EINVAL);
	w = calloc(1, sizeof(*w));
	if (!w)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	e = prepare(w, config);
	if (e == 0)
		e = transaction_open(config, w, &w->transaction);
	if (e == 0)
		e = start_threads(w);
	if (e < 0) {
		const char *why =
			w->transaction.ctx ? fuda_context_message(w->transaction.ctx) : "";

		if (*why)
			ctx_fail(ctx, e, "%s", why);
		else
			ctx_fail_code(ctx, e);
		free_writer(w);
		return e;
	}
	*ret = w;
	return 0;
}

/* Until nothing waits and nobody writes, but not beyond `ms`. Locked. */
static void drain(struct writer *w, int ms)
{
	int64_t us = clock_us() + (int64_t)ms * 1000;
	struct timespec until = { us / 1000000, us % 1000000 * 1000 };

	while ((w->first || w->busy) && pthread_cond_timedwait(&w->rest, &w->lock, &until) == 0)
		;
}

void writer_stop(struct writer **writer, int ms)
{
	struct writer *w = *writer;
	struct task *left;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	drain(w, ms);
	left = w->first;
	w->first = NULL;
	w->last = &w->first;
	w->waiting = 0;
	memset(w->owned, 0, sizeof(w->owned));
	w->ended = true;
	pthread_cond_broadcast(&w->work);
	pthread_cond_broadcast(&w->late);
	/* a batch that is being done comes to its end: the database has its own limit of time */
	while (w->busy)
		pthread_cond_wait(&w->rest, &w->lock);
	pthread_mutex_unlock(&w->lock);
	end_all(left, FUDA_EWAIT);
	pthread_join(w->thread, NULL);
	pthread_join(w->watch, NULL);
	pthread_cond_destroy(&w->late);
	pthread_cond_destroy(&w->rest);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free_writer(w);
	*writer = NULL;
}
