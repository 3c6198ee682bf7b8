/* SPDX-License-Identifier: Apache-2.0 */
/* One transaction for several tasks, and what becomes of them when it fails. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <fuda/hash.h>

#include "base/context.h"
#include "base/deadline.h"
#include "service/id.h"
#include "service/writer-inside.h"

enum {
	TRIES = 8,
	ROUNDS = 64, /* of one task: more is a task that never ends */
	WRITES = 16, /* of one task in one round, on the average of a batch */
	WRITES_MIN = 256,
	PAUSE_MAX = 256,     /* milliseconds before the last try */
	BEGIN_US = 10000000, /* each try to begin may wait for others itself */
};

/* ---- what tasks call ---- */

static int queue_write(struct batch *batch, const struct statement *statement,
		       const struct datum *params, bool one)
{
	struct transaction *t = writer_transaction(batch->writer);
	struct pending *p;

	if (t->pending_count == t->pending_max) /* alone there is room */
		return t->slot_count > 1 ? FUDA_ERETRY : FUDA_ETOOBIG;
	p = &t->pending[t->pending_count++];
	*p = (struct pending){ .one = one };
	t->current->wrote = true;
	return store_queue(batch->store, statement, params, &p->rows);
}

int batch_write(struct batch *batch, const struct statement *statement, const struct datum *params)
{
	return queue_write(batch, statement, params, true);
}

int batch_sweep(struct batch *batch, const struct statement *statement, const struct datum *params)
{
	return queue_write(batch, statement, params, false);
}

int batch_read(struct batch *batch, const struct statement *statement, const struct datum *params,
	       struct rows *ret)
{
	return store_queue(batch->store, statement, params, ret);
}

int batch_audit(struct batch *batch, const struct audit_entry *entry)
{
	writer_transaction(batch->writer)->current->wrote = true;
	return audit_add(batch->audit, batch->store, entry);
}

/* ---- the connection ---- */

static int begin_chain(struct transaction *t)
{
	return t->late ? audit_begin_late(t->keys, t->who, &t->batch.audit) :
			 audit_begin(t->batch.store, t->keys, t->who, &t->batch.audit);
}

int transaction_open(const struct writer_config *config, struct writer *writer,
		     struct transaction *ret)
{
	int e;

	ret->keys = config->keys;
	ret->late = config->late;
	ret->slot_max = MAX(config->batch, 1);
	ret->pending_max = MAX(ret->slot_max * WRITES, WRITES_MIN);
	ret->who = strdup(config->who);
	ret->slots = calloc(ret->slot_max, sizeof(*ret->slots));
	ret->pending = calloc(ret->pending_max, sizeof(*ret->pending));
	if (!ret->who || !ret->slots || !ret->pending)
		return FUDA_ENOMEM;
	e = fuda_context_new(&ret->ctx);
	if (e == 0)
		e = store_open(ret->ctx, config->where, false, &ret->batch.store);
	if (e == 0)
		e = begin_chain(ret);
	ret->batch.writer = writer;
	return e;
}

void transaction_close(struct transaction *t)
{
	audit_free(&t->batch.audit);
	store_close(&t->batch.store);
	fuda_context_free(&t->ctx);
	free(t->who);
	free(t->slots);
	free(t->pending);
	*t = (struct transaction){ 0 };
}

/* ---- one transaction ---- */

static void pause_before(int tries)
{
	uint8_t random = 0;
	int most = MIN(PAUSE_MAX, 2 << tries);
	struct timespec pause;

	(void)fuda_random(&random, 1);
	pause = (struct timespec){ 0, (1 + random * most / 255) * 1000000L };
	nanosleep(&pause, NULL);
}

int transaction_begin_now(struct transaction *t)
{
	/* a chain may have to be begun in the database, too */
	int e = t->batch.audit ? store_patient(t->batch.store, false) : FUDA_ERETRY;

	if (e < 0)
		return e;
	e = store_begin(t->batch.store, true);
	(void)store_patient(t->batch.store, true);
	t->begun = e == 0;
	return e;
}

void transaction_leave(struct transaction *t)
{
	if (t->begun)
		store_rollback(t->batch.store);
	t->begun = false;
}

static int begin_once(struct transaction *t)
{
	int e = 0;

	if (t->begun) {
		t->begun = false;
		return 0;
	}
	/* left after a commit of which nobody knows: no audit, no effect */
	if (!t->batch.audit)
		e = begin_chain(t);
	return e < 0 ? e : store_begin(t->batch.store, true);
}

/* What the database itself failed with. A row that a task cannot read is the task's own trouble. */
static int note(struct transaction *t, int e)
{
	t->failed = t->failed || e == FUDA_ESTORE || e == FUDA_EUNSURE;
	return e;
}

/* That somebody else writes, or the connection is gone, is no task's fault. */
static int begin(struct transaction *t)
{
	uint64_t until = deadline_now_us() + BEGIN_US;
	int e = begin_once(t);

	for (int tries = 0; e == FUDA_ERETRY && tries < TRIES && deadline_now_us() < until;
	     tries++) {
		pause_before(tries);
		t->retries++;
		e = begin_once(t);
	}
	t->down = e == FUDA_ERETRY ? FUDA_EWAIT : e;
	if (e < 0)
		return note(t, t->down);
	audit_mark(t->batch.audit);
	t->batch.now = now_us();
	return 0;
}

/* Lets all tasks step, and gives their failure if one cannot drop out for what it wrote. */
static int step_all(struct transaction *t, struct slot *slots, size_t count, bool *ret_more)
{
	*ret_more = false;
	for (struct slot *s = slots; s < slots + count; s++) {
		int e;

		if (!s->open)
			continue;
		t->current = s;
		e = s->task->step(s->task, &t->batch);
		s->open = e == STEP_AGAIN;
		*ret_more = *ret_more || s->open;
		if (e < 0 && (s->wrote || e == FUDA_ERETRY))
			return e;
		s->result = MIN(e, 0);
	}
	return 0;
}

/* One round trip; all rows that should have been written were, or FUDA_ERETRY. */
static int sync_all(struct transaction *t)
{
	int e = store_sync(t->batch.store);

	for (struct pending *p = t->pending; p < t->pending + t->pending_count; p++)
		if (e == 0 && p->one && p->rows.changed != 1)
			e = FUDA_ERETRY;
	return e;
}

static void forget_pending(struct transaction *t)
{
	for (size_t i = 0; i < t->pending_count; i++)
		rows_free(&t->pending[i].rows);
	t->pending_count = 0;
}

static int commit(struct transaction *t)
{
	uint64_t from = deadline_now_us();
	int e = note(t, store_commit(t->batch.store));

	t->failed = t->failed && e < 0;
	t->commit_us += (int64_t)(deadline_now_us() - from);
	/* its rows are there or not: nothing may be appended to either */
	if (e == FUDA_EUNSURE)
		audit_free(&t->batch.audit);
	return e;
}

static int attempt(struct transaction *t, struct slot *slots, size_t count)
{
	bool more = true;
	int e = begin(t);

	if (e < 0)
		return e;
	for (int i = 0; e == 0 && more; i++) {
		e = i < ROUNDS ? step_all(t, slots, count, &more) : FUDA_EFAILED;
		if (e == 0)
			e = note(t, sync_all(t));
		if (e < 0)
			store_rollback(t->batch.store);
		forget_pending(t);
	}
	if (e == 0)
		e = commit(t);
	if (e < 0 && t->batch.audit)
		audit_undo(t->batch.audit);
	return e;
}

/* ---- one at a time ---- */

static void open_slot(struct slot *s)
{
	s->open = true;
	s->wrote = false;
	s->result = 0;
}

static bool is_late(const struct task *task)
{
	return task->deadline && task->deadline <= (int64_t)deadline_now_us();
}

/* Goes on with one task after a transaction that failed with `e`. Where it may have happened the
 * task looks itself, by its idempotency row, and the database going away is no reason to stop; as
 * long as it could not look, nobody knows, whatever keeps it from that. */
static void run_alone(struct transaction *t, struct slot *s, int e)
{
	bool unsure = e == FUDA_EUNSURE;
	int most = t->down ? 1 : TRIES;

	for (s->task->tries = 0;
	     e == FUDA_ERETRY || e == FUDA_EUNSURE ||
	     (unsure && (e == FUDA_ESTORE || e == FUDA_EWAIT));
	     s->task->tries++) {
		if (s->task->tries == most || is_late(s->task)) {
			e = FUDA_EWAIT;
			break;
		}
		pause_before(s->task->tries);
		t->retries++;
		s->task->reset(s->task);
		open_slot(s);
		e = attempt(t, s, 1);
		unsure = unsure || e == FUDA_EUNSURE;
	}
	if (e < 0)
		s->result = e;
	if (unsure && s->result < 0)
		s->result = FUDA_EUNSURE;
}

/* Once the database cannot be reached there is no try for those that are left, and no wait. */
static void run_singly(struct transaction *t, int e)
{
	bool unsure = e == FUDA_EUNSURE;

	for (struct slot *s = t->slots; s < t->slots + t->slot_count; s++) {
		s->task->reset(s->task);
		open_slot(s);
		if (s > t->slots && (t->down || is_late(s->task))) {
			s->result = unsure ? FUDA_EUNSURE : t->down ? t->down : FUDA_EWAIT;
			continue;
		}
		/* what is not known must be asked with patience: run_alone() does */
		run_alone(t, s, e == FUDA_EUNSURE ? e : attempt(t, s, 1));
	}
}

void transaction_run(struct transaction *t)
{
	int e;

	t->retries = t->failures = t->commit_us = 0;
	t->failed = false;
	for (size_t i = 0; i < t->slot_count; i++)
		open_slot(&t->slots[i]);
	e = attempt(t, t->slots, t->slot_count);
	if (e < 0 && t->slot_count == 1) {
		run_alone(t, t->slots, e);
	} else if (e < 0 && t->down) {
		/* not for any of them */
		for (size_t i = 0; i < t->slot_count; i++)
			t->slots[i].result = e;
	} else if (e < 0) {
		t->retries++;
		run_singly(t, e);
	}
	for (size_t i = 0; i < t->slot_count; i++)
		t->failures += t->slots[i].result < 0;
}
