/* SPDX-License-Identifier: Apache-2.0 */
#include "base/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/util.h"

/* Who frees is decided by one atomic exchange: out of BUSY, either the thread moves to IDLE (the
 * caller gets the result) or the caller moves to ABANDONED (the thread cleans up). */
enum { IDLE, BUSY, ABANDONED };

struct worker {
	pthread_t thread;
	sem_t wake;  /* a job is there */
	int done_fd; /* eventfd: the job is done */
	_Atomic int state;
	void (*job)(void *own); /* NULL: release and end */
	void *own;
	void (*release)(void *own);
};

static void destroy(struct worker *w)
{
	sem_destroy(&w->wake);
	close(w->done_fd);
	free(w);
}

static void *serve(void *arg)
{
	static const uint64_t one = 1;
	struct worker *w = arg;
	void (*job)(void *own);

	for (;;) {
		int busy = BUSY;

		while (sem_wait(&w->wake) < 0)
			;
		job = w->job;
		(job ? job : w->release)(w->own);
		if (!atomic_compare_exchange_strong(&w->state, &busy, IDLE))
			break;
		while (write(w->done_fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
		if (!job)
			return NULL; /* the caller joins and destroys */
	}
	if (job)
		w->release(w->own);
	destroy(w);
	return NULL;
}

/* With all signals blocked: the program's handlers run on the program's threads. */
static int start_thread(struct worker *w)
{
	pthread_attr_t attr;
	sigset_t all;
	int failed;

	sigfillset(&all);
	if (pthread_attr_init(&attr) != 0)
		return FUDA_EFAILED;
	failed = pthread_attr_setsigmask_np(&attr, &all) ||
		 pthread_create(&w->thread, &attr, serve, w);
	pthread_attr_destroy(&attr);
	return failed ? FUDA_EFAILED : 0;
}

int worker_new(void *own, void (*release)(void *own), struct worker **ret)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return FUDA_ENOMEM;
	w->own = own;
	w->release = release;
	w->done_fd = eventfd(0, EFD_CLOEXEC);
	if (w->done_fd < 0) {
		free(w);
		return FUDA_EFAILED;
	}
	sem_init(&w->wake, 0, 0);
	if (start_thread(w) < 0) {
		destroy(w);
		return FUDA_EFAILED;
	}
	*ret = w;
	return 0;
}

static void begin(struct worker *w, void (*job)(void *own))
{
	w->job = job;
	atomic_store(&w->state, BUSY);
	sem_post(&w->wake);
}

/* Takes the signal of the end of a job, which is there or about to come. */
static void take_done(struct worker *w)
{
	uint64_t n;

	while (read(w->done_fd, &n, sizeof(n)) < 0 && errno == EINTR)
		;
}

/* The wait for the end of the job ended with `waited`; abandons the worker unless it has just got
 * ready. */
static int end(struct worker **w, int waited)
{
	pthread_t thread = (*w)->thread;
	int busy = BUSY;

	if (waited < 0 && atomic_compare_exchange_strong(&(*w)->state, &busy, ABANDONED)) {
		pthread_detach(thread);
		*w = NULL;
		return waited;
	}
	take_done(*w);
	return 0;
}

static int wait_for(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, ms);
	while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : FUDA_ETIMEOUT;
}

int worker_run(struct worker **w, void (*job)(void *own), const struct fuda_deadline *dl)
{
	int r = deadline_check(dl);

	if (r < 0)
		return r;
	begin(*w, job);
	return end(w, deadline_wait_fd(dl, (*w)->done_fd, POLLIN));
}

int worker_run_for(struct worker **w, void (*job)(void *own), int ms)
{
	begin(*w, job);
	return end(w, wait_for((*w)->done_fd, ms));
}

void worker_free(struct worker **w, int ms)
{
	if (!*w || worker_run_for(w, NULL, ms) < 0)
		return;
	pthread_join((*w)->thread, NULL);
	destroy(*w);
	*w = NULL;
}
