/* SPDX-License-Identifier: Apache-2.0 */
#include "base/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/deadline.h"
#include "base/util.h"

/* Who frees is decided by one atomic exchange: out of BUSY, either the thread moves to IDLE (the
 * caller gets the result) or the caller moves to ABANDONED (the thread cleans up). Each of the two
 * sleeps while the state is the other's. */
enum { IDLE, BUSY, ABANDONED };

struct worker {
	pthread_t thread;
	deadline_word state;
	void (*job)(void *own); /* NULL: release and end */
	void *own;
	void (*release)(void *own);
};

static void *serve(void *arg)
{
	struct worker *w = arg;
	uint32_t busy = BUSY;
	void (*job)(void *own);

	do {
		(void)deadline_wait_word(NULL, -1, &w->state, IDLE);
		job = w->job;
		(job ? job : w->release)(w->own);
		busy = BUSY;
		if (!atomic_compare_exchange_strong(&w->state, &busy, IDLE)) {
			if (job)
				w->release(w->own);
			free(w);
			return NULL;
		}
		if (job)
			deadline_wake_word(&w->state);
	} while (job);
	return NULL; /* the caller joins and frees */
}

/* With all signals blocked: the program's handlers run on the program's threads. */
static int start_thread(struct worker *w)
{
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&w->thread, NULL, serve, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed ? FUDA_EFAILED : 0;
}

int worker_new(void *own, void (*release)(void *own), struct worker **ret)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return FUDA_ENOMEM;
	w->own = own;
	w->release = release;
	if (start_thread(w) < 0) {
		free(w);
		return FUDA_EFAILED;
	}
	*ret = w;
	return 0;
}

void worker_begin(struct worker *w, void (*job)(void *own))
{
	w->job = job;
	atomic_store(&w->state, BUSY);
	deadline_wake_word(&w->state);
}

/* Abandons the worker, unless it has just got ready. */
static bool abandon(struct worker **w)
{
	pthread_t thread = (*w)->thread;
	uint32_t busy = BUSY;

	if (!atomic_compare_exchange_strong(&(*w)->state, &busy, ABANDONED))
		return false;
	pthread_detach(thread);
	*w = NULL;
	return true;
}

static int finish(struct worker **w, const struct fuda_deadline *dl, int ms)
{
	int r = deadline_wait_word(dl, ms, &(*w)->state, BUSY);

	return r < 0 && abandon(w) ? r : 0;
}

int worker_finish(struct worker **w, int ms)
{
	return finish(w, NULL, ms);
}

int worker_run(struct worker **w, void (*job)(void *own), const struct fuda_deadline *dl)
{
	int r = deadline_check(dl);

	if (r < 0)
		return r;
	worker_begin(*w, job);
	return finish(w, dl, -1);
}

int worker_run_for(struct worker **w, void (*job)(void *own), int ms)
{
	worker_begin(*w, job);
	return finish(w, NULL, ms);
}

void worker_free(struct worker **w, int ms)
{
	struct timespec until;

	if (!*w)
		return;
	worker_begin(*w, NULL);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	if (pthread_clockjoin_np((*w)->thread, NULL, CLOCK_MONOTONIC, &until) != 0) {
		if (abandon(w))
			return;
		pthread_join((*w)->thread, NULL);
	}
	free(*w);
	*w = NULL;
}
