/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the writer share: the queue, and the transaction. */
#ifndef SERVICE_WRITER_INSIDE_H
#define SERVICE_WRITER_INSIDE_H

#include "service/writer.h"

/* A task of the batch that is being done. */
struct slot {
	struct task *task;
	int result;
	bool open;  /* it has more to say */
	bool wrote; /* it queued something that changes the database */
};

/* A write whose rows have not been counted yet. */
struct pending {
	struct rows rows;
	bool one; /* it must change one row */
};

/* The connection, its chain and the room for one batch: of whoever is the writer at the time. */
struct transaction {
	struct batch batch;
	struct fuda_context *ctx;
	struct keys *keys;
	char *who;
	bool late;
	struct slot *slots;
	size_t slot_count, slot_max;
	struct slot *current;
	struct pending *pending;
	size_t pending_count, pending_max;
	bool begun;  /* by transaction_begin_now() */
	int down;    /* why the last transaction could not even begin; 0: it could */
	bool failed; /* the last that was heard of the database in the last batch */
	int64_t retries, failures, commit_us; /* of the batch */
};

int transaction_open(const struct writer_config *config, struct writer *writer,
		     struct transaction *ret);
void transaction_close(struct transaction *t);
/* Begins it without a wait for anybody: the next transaction_run() is then of this one. Negative:
 * it has to wait, or cannot begin. */
int transaction_begin_now(struct transaction *t);
/* Nothing was to be done in it. */
void transaction_leave(struct transaction *t);
/* Does the tasks in the slots, each to its result; done() is the caller's to call. */
void transaction_run(struct transaction *t);

/* Where batch_...() find it. */
struct transaction *writer_transaction(struct writer *writer);

#endif
