/* SPDX-License-Identifier: Apache-2.0 */
/* A thread for calls that cannot be interrupted, serving one caller who can: at his deadline he
 * walks away, and the thread cleans up after itself when the call returns. */
#ifndef BASE_WORKER_H
#define BASE_WORKER_H

#include <fuda/deadline.h>

struct worker;

/* Starts the thread, with all signals blocked. `own` belongs to the worker from here on (not on
 * failure): release(own) is called once, on its thread, when the worker ends. Others may touch
 * `own` only while no job runs. FUDA_ENOMEM, FUDA_EFAILED. */
int worker_new(void *own, void (*release)(void *own), struct worker **ret);

/* Runs job(own) on the thread and waits for it. If it takes longer than `dl` allows, the worker is
 * abandoned: FUDA_ETIMEOUT or FUDA_ECANCELLED, *w is NULL and `own` out of reach; the thread calls
 * release(own) and frees everything as soon as the job returns. With *w not NULL the same errors
 * say that the job was not begun. */
int worker_run(struct worker **w, void (*job)(void *own), const struct fuda_deadline *dl);

/* The same with a budget of `ms` milliseconds that cannot be cancelled: for what must be done even
 * if the caller's deadline is over. */
int worker_run_for(struct worker **w, void (*job)(void *own), int ms);

/* The two halves of that: begins job(own) and returns at once; waits for it to end. */
void worker_begin(struct worker *w, void (*job)(void *own));
int worker_finish(struct worker **w, int ms);

/* Ends the worker. Waits for release(own) up to `ms` milliseconds, then leaves it to the thread. */
void worker_free(struct worker **w, int ms);

#endif
