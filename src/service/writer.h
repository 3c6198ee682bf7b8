/* SPDX-License-Identifier: Apache-2.0 */
/* The one writer of a process: takes all that waits, does it in one transaction (group commit), and
 * answers nobody before it is durable. */
#ifndef SERVICE_WRITER_H
#define SERVICE_WRITER_H

#include "service/audit.h"
#include "service/store.h"

struct writer;
struct task;

/* One transaction that several tasks share. */
struct batch {
	struct store *store;
	struct audit *audit;
	int64_t now; /* microseconds */
	struct writer *writer;
};

enum { STEP_DONE = 0, STEP_AGAIN = 1 };

/* A task is a part of a larger struct, which its functions find with container_of or a cast. All of
 * them are called on the writer's thread, one at a time. */
struct task {
	/* Queues what it has to read or write, and returns; what it read is there at the next call.
	 * STEP_AGAIN: call again after a round trip; STEP_DONE: this was all. All tasks of a batch
	 * step side by side, so that a batch costs as many round trips as its longest task.
	 * Negative: this task fails, and its own queued statements with it; FUDA_ERETRY: it begins
	 * anew. */
	int (*step)(struct task *task, struct batch *batch);
	/* Forgets what it read: the transaction did not happen, step() begins anew. */
	void (*reset)(struct task *task);
	/* The end: 0 (durable), or why not. FUDA_EUNSURE: it may have happened. FUDA_EWAIT: the
	 * service is stopping, the time is over, or others were faster too often. */
	void (*done)(struct task *task, int result);
	/* What no two tasks of one batch may have in common (nonce, idempotency key, credential,
	 * wished id, local number): the later one waits for the next batch. Hashes of whatever
	 * length cut to 64 bits. */
	uint64_t claims[6];
	size_t claim_count;
	/* Whose it is, of the terminals that ask: bits of its id. 0: nobody's that matters. */
	uint64_t owner;
	/* Microseconds on the monotonic clock; 0: none. Not begun by then, it ends with FUDA_EWAIT
	 * within a second, on another thread if the writer is at something else. */
	int64_t deadline;
	struct task *next; /* the writer's */
	int tries;         /* the writer's */
};

/* A write that must change one row: if it does not (somebody else was faster) nothing of the batch
 * happens, and all its tasks begin anew, one at a time. */
int batch_write(struct batch *batch, const struct statement *statement, const struct datum *params);
/* A write of which it does not matter how much it changes. */
int batch_sweep(struct batch *batch, const struct statement *statement, const struct datum *params);
/* A reading. `ret` belongs to the task, and is there until its done() or reset(), which free it. */
int batch_read(struct batch *batch, const struct statement *statement, const struct datum *params,
	       struct rows *ret);
int batch_audit(struct batch *batch, const struct audit_entry *entry);

struct writer_config {
	const char *where; /* store_open() */
	struct keys *keys;
	const char *who; /* audit_begin() */
	size_t queue;    /* tasks that may wait */
	size_t batch;    /* tasks of one transaction at most */
	bool late;       /* its chain begins with the first row that a task adds */
};
/* Opens its own connection and begins its chain. */
int writer_start(struct fuda_context *ctx, const struct writer_config *config, struct writer **ret);
/* Gives a task to the writer, fairly: once half of the queue is full, an owner who has an eighth of
 * it waiting gets no more in. done() will be called, on another thread or, if nothing else was to
 * be done for a while and nobody has to be waited for (SQLite), on this one before it returns.
 * FUDA_EWAIT: the queue is full, for this owner or for all, or the writer is stopping: done() is
 * not called. Any thread. */
int writer_submit(struct writer *writer, struct task *task);
/* Submits and waits, for the task's turn however long that is. done() (NULL: none) is called before
 * it returns. Gives the result. */
int writer_run(struct writer *writer, struct task *task);
/* Does what waits, up to `ms`; the rest ends with FUDA_EWAIT. */
void writer_stop(struct writer **writer, int ms);

struct writer_load {
	size_t waiting, limit;
	int64_t batches, tasks, retries, failures; /* since the start */
	int64_t commit_us;                         /* of all commits together */
	bool healthy;        /* the last batch did not fail for the database */
	bool stopping;       /* it takes no task any more */
	int seconds_to_wait; /* about how long a new task would wait, 1 at least */
};
void writer_load(struct writer *writer, struct writer_load *ret);

#endif
