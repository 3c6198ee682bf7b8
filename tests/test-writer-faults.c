/* SPDX-License-Identifier: Apache-2.0 */
/* The writer over a database that fails as it is told: what happened once, what not at all, and who
 * is told which. The store and the audit trail here are models of their contracts. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/deadline.h"
#include "base/util.h"
#include "service/writer.h"
#include "tests/cmocka.h"

/* ---- a store ---- */

enum { KEYS = 512, QUEUED = 512, SCRIPT = 32 };
enum { UNSURE_HAPPENED = -1000, UNSURE_LOST = -1001 };

struct queued {
	const struct statement *statement;
	char key[32];
	struct rows *rows;
};

static struct {
	char key[KEYS][32]; /* that are there */
	size_t keys;
	char fresh[KEYS][32]; /* that the transaction makes */
	size_t freshes;
	struct queued queued[QUEUED];
	size_t count;
	int begins[SCRIPT], commits[SCRIPT]; /* what the next ones give */
	size_t began, committed;
	bool open, failed;
	int rollbacks;
} db;

static const struct statement insert = { "INSERT $1", 1 }, damaged = { "DAMAGED $1", 1 },
			      lookup = { "SELECT $1", 1 };

struct store {
	int unused;
};
struct audit {
	size_t rows, mark;
};

static struct {
	int begun, freed, undone;
	size_t durable;	    /* rows of chains that were committed */
	struct audit *open; /* of which the transaction adds to */
} trail;

static bool is_there(char list[KEYS][32], size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], key) == 0)
			return true;
	return false;
}

int store_open(_unused_ struct fuda_context *ctx, _unused_ const char *where, _unused_ bool make,
	       struct store **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return 0;
}

void store_close(struct store **store)
{
	free(*store);
	*store = NULL;
}

int store_begin(_unused_ struct store *store, bool write)
{
	int e = db.began < SCRIPT ? db.begins[db.began] : 0;

	assert_true(write);
	assert_false(db.open);
	db.began++;
	if (e < 0)
		return e;
	db.open = true;
	db.failed = false;
	db.freshes = db.count = 0;
	return 0;
}

int store_patient(_unused_ struct store *store, _unused_ bool patient)
{
	return 0;
}

void store_rollback(_unused_ struct store *store)
{
	db.rollbacks++;
	db.open = false;
	db.freshes = db.count = 0;
}

int store_queue(_unused_ struct store *store, const struct statement *statement,
		const struct datum *params, struct rows *ret)
{
	struct queued *q = &db.queued[db.count++];

	assert_true(db.open && db.count < QUEUED);
	*q = (struct queued){ .statement = statement, .rows = ret };
	memcpy(q->key, params[0].bytes, params[0].len);
	return 0;
}

int store_sync(_unused_ struct store *store)
{
	for (size_t i = 0; i < db.count && !db.failed; i++) {
		struct queued *q = &db.queued[i];
		bool there = is_there(db.key, db.keys, q->key) ||
			     is_there(db.fresh, db.freshes, q->key);

		if (q->statement == &damaged)
			db.failed = true;
		if (q->statement == &lookup)
			q->rows->count = there;
		if (q->statement == &insert) {
			q->rows->changed = !there;
			if (!there)
				memcpy(db.fresh[db.freshes++], q->key, sizeof(q->key));
		}
	}
	db.count = 0;
	return db.failed ? FUDA_ESTORE : 0;
}

static void make_durable(void)
{
	memcpy(db.key[db.keys], db.fresh, db.freshes * sizeof(db.fresh[0]));
	db.keys += db.freshes;
	trail.durable += trail.open ? trail.open->rows - trail.open->mark : 0;
}

int store_commit(_unused_ struct store *store)
{
	int e = db.committed < SCRIPT ? db.commits[db.committed] : 0;

	assert_true(db.open && !db.failed);
	db.committed++;
	db.open = false;
	if (e == 0 || e == UNSURE_HAPPENED)
		make_durable();
	return e == UNSURE_HAPPENED || e == UNSURE_LOST ? FUDA_EUNSURE : e;
}

void rows_free(struct rows *rows)
{
	*rows = (struct rows){ 0 };
}

int audit_begin(_unused_ struct store *store, _unused_ struct keys *keys, _unused_ const char *who,
		struct audit **ret)
{
	trail.begun++;
	*ret = trail.open = calloc(1, sizeof(**ret));
	return 0;
}

int audit_begin_late(struct keys *keys, const char *who, struct audit **ret)
{
	return audit_begin(NULL, keys, who, ret);
}

void audit_free(struct audit **audit)
{
	trail.freed += *audit != NULL;
	free(*audit);
	*audit = trail.open = NULL;
}

int audit_add(struct audit *audit, _unused_ struct store *store,
	      _unused_ const struct audit_entry *entry)
{
	audit->rows++;
	return 0;
}

void audit_mark(struct audit *audit)
{
	audit->mark = audit->rows;
}

void audit_undo(struct audit *audit)
{
	trail.undone++;
	audit->rows = audit->mark;
}

/* ---- tasks ---- */

/* Looks for a key and inserts it if it is not there, which it tells in `found`. */
struct work {
	struct task task;
	char key[32];
	const struct statement *write;
	int refuse;	  /* its step gives this... */
	bool after_write; /* ... behind the write, or before it */
	int refusals;	  /* so often; -1: always */
	bool blind;	  /* takes for granted that the key is not there */
	struct rows read;
	int round;
	atomic_int steps, resets, dones;
	int result;
	bool found;
	deadline_word ended;
};

static int refuse(struct work *w)
{
	if (!w->refuse || !w->refusals)
		return 0;
	w->refusals -= w->refusals > 0;
	return w->refuse;
}

static int step(struct task *task, struct batch *batch)
{
	struct work *w = (struct work *)task;
	struct audit_entry entry = { .actor_kind = "service", .action = "test", .data = "" };
	struct datum key = TEXT(w->key);
	int e = w->after_write ? 0 : refuse(w);

	w->steps++;
	if (e < 0)
		return e;
	if (w->round++ == 0)
		return batch_read(batch, &lookup, &key, &w->read) < 0 ? FUDA_EFAILED : STEP_AGAIN;
	w->found = !w->blind && w->read.count;
	if (w->found)
		return STEP_DONE;
	assert_int_equal(batch_write(batch, w->write ? w->write : &insert, &key), 0);
	assert_int_equal(batch_audit(batch, &entry), 0);
	return refuse(w);
}

static void reset(struct task *task)
{
	struct work *w = (struct work *)task;

	w->resets++;
	w->round = 0;
	w->found = false;
	rows_free(&w->read);
}

static void done(struct task *task, int result)
{
	struct work *w = (struct work *)task;

	w->result = result;
	w->dones++;
	atomic_store(&w->ended, 1);
	deadline_wake_word(&w->ended);
}

static struct work work_on(const char *key)
{
	struct work w = { .task = { .step = step, .reset = reset, .done = done } };

	memcpy(w.key, key, strlen(key));
	return w;
}

static int wait_for(struct work *w)
{
	for (int i = 0; !atomic_load(&w->ended) && i < 100; i++)
		(void)deadline_wait_word(NULL, 100, &w->ended, 0);
	assert_int_equal(w->dones, 1);
	return w->result;
}

/* Holds the writer until it is opened, so that what is submitted meanwhile is one batch. */
struct gate {
	struct work work;
	deadline_word entered, open;
};

static int gate_step(struct task *task, _unused_ struct batch *batch)
{
	struct gate *g = (struct gate *)task;

	atomic_store(&g->entered, 1);
	deadline_wake_word(&g->entered);
	(void)deadline_wait_word(NULL, 10000, &g->open, 0);
	return STEP_DONE;
}

static void *run_gate(void *arg)
{
	struct gate *g = ((void **)arg)[1];

	(void)writer_run(((void **)arg)[0], &g->work.task);
	return NULL;
}

static struct writer *writer;
static struct gate gate;
static pthread_t gatekeeper;
static void *gate_args[2];

static void close_gate(void)
{
	gate = (struct gate){ .work = work_on("gate") };
	gate.work.task.step = gate_step;
	gate_args[0] = writer;
	gate_args[1] = &gate;
	assert_int_equal(pthread_create(&gatekeeper, NULL, run_gate, gate_args), 0);
	while (!atomic_load(&gate.entered))
		(void)deadline_wait_word(NULL, 1000, &gate.entered, 0);
}

static void open_gate(void)
{
	atomic_store(&gate.open, 1);
	deadline_wake_word(&gate.open);
	pthread_join(gatekeeper, NULL);
}

/* `count` tasks as one batch. */
static void run_batch(struct work *works, size_t count)
{
	close_gate();
	for (size_t i = 0; i < count; i++)
		assert_int_equal(writer_submit(writer, &works[i].task), 0);
	open_gate();
	for (size_t i = 0; i < count; i++)
		(void)wait_for(&works[i]);
}

static int setup(_unused_ void **state)
{
	static struct fuda_context *ctx;
	struct writer_config config = { .where = "", .who = "test", .queue = 32, .batch = 16 };

	memset(&db, 0, sizeof(db));
	memset(&trail, 0, sizeof(trail));
	writer = NULL;
	if (!ctx && fuda_context_new(&ctx) < 0)
		return -1;
	return writer_start(ctx, &config, &writer);
}

static int teardown(_unused_ void **state)
{
	writer_stop(&writer, 1000);
	assert_int_equal(trail.begun, trail.freed);
	return 0;
}

static bool durable(const char *key)
{
	return is_there(db.key, db.keys, key);
}

/* The next begin is number `n` from now, and so the commits. */
static void script_commit(size_t n, int result)
{
	db.commits[db.committed + n] = result;
}

/* ---- tests ---- */

static void one_round_for_all(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("b"), work_on("c") };

	run_batch(works, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(works[i].result, 0);
		assert_int_equal(works[i].steps, 2);
		assert_int_equal(works[i].resets, 0);
		assert_true(durable(works[i].key));
	}
	assert_int_equal(db.committed, 2); /* the gate's, and theirs */
	assert_int_equal(trail.durable, 3);
}

/* Two wanted the same, which their claims did not tell: the second finds the first one's. */
static void missed_write_is_looked_at_again(_unused_ void **state)
{
	struct work works[] = { work_on("same"), work_on("other"), work_on("same") };

	run_batch(works, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(works[i].result, 0);
	assert_false(works[0].found);
	assert_true(works[2].found);
	assert_int_equal(db.keys, 2);
	assert_int_equal(trail.durable, 2);
	assert_true(trail.undone >= 1);
}

static void claims_keep_apart(_unused_ void **state)
{
	struct work works[] = { work_on("same"), work_on("other"), work_on("same") };

	for (size_t i = 0; i < 3; i++) {
		works[i].task.claims[0] = i == 1 ? 0 : 77;
		works[i].task.claims[1] = 1000 + i;
		works[i].task.claim_count = 2;
	}
	run_batch(works, 3);
	assert_true(works[2].found);
	assert_int_equal(db.committed, 3);
	assert_int_equal(db.rollbacks, 0); /* nothing was tried in vain */
}

static void hopeless_write_ends(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("taken"), work_on("b") };

	memcpy(db.key[db.keys++], "taken", 6);
	works[1].blind = true;
	run_batch(works, 3);
	assert_int_equal(works[0].result, 0);
	assert_int_equal(works[1].result, FUDA_EWAIT);
	assert_int_equal(works[2].result, 0);
	assert_int_equal(works[1].steps, 2 * (1 + 1 + 8)); /* together, alone, and 8 times more */
	assert_true(durable("a") && durable("b"));
	assert_int_equal(db.keys, 3);
	assert_int_equal(trail.durable, 2);
}

static void damaged_row_fails_alone(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("bad"), work_on("b") };

	works[1].write = &damaged;
	run_batch(works, 3);
	assert_int_equal(works[0].result, 0);
	assert_int_equal(works[1].result, FUDA_ESTORE);
	assert_int_equal(works[2].result, 0);
	assert_int_equal(db.keys, 2);
	assert_int_equal(trail.durable, 2);
}

static void who_wrote_nothing_drops_out(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("no"), work_on("b") };

	works[1].refuse = FUDA_EVERIFY;
	works[1].refusals = -1;
	run_batch(works, 3);
	assert_int_equal(works[1].result, FUDA_EVERIFY);
	assert_int_equal(works[1].steps, 1);
	assert_int_equal(works[0].steps, 2); /* nobody began anew for it */
	assert_int_equal(db.rollbacks, 0);
	assert_int_equal(db.keys, 2);
}

static void who_wrote_is_undone(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("no"), work_on("b") };

	works[1].refuse = FUDA_EVERIFY;
	works[1].refusals = -1;
	works[1].after_write = true;
	run_batch(works, 3);
	assert_int_equal(works[0].result, 0);
	assert_int_equal(works[1].result, FUDA_EVERIFY);
	assert_int_equal(works[2].result, 0);
	assert_false(durable("no"));
	assert_int_equal(db.keys, 2);
	assert_int_equal(trail.durable, 2);
}

static void asks_to_begin_anew(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("later") };

	works[1].refuse = FUDA_ERETRY;
	works[1].refusals = 3;
	run_batch(works, 2);
	assert_int_equal(works[0].result, 0);
	assert_int_equal(works[1].result, 0);
	assert_true(durable("later"));
	assert_int_equal(trail.durable, 2);
}

static void serialisation_failure_at_commit(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("b") };

	script_commit(1, FUDA_ERETRY); /* behind the gate's */
	script_commit(2, FUDA_ERETRY);
	run_batch(works, 2);
	assert_int_equal(works[0].result, 0);
	assert_int_equal(works[1].result, 0);
	assert_int_equal(db.keys, 2);
	assert_int_equal(trail.durable, 2);
	assert_int_equal(trail.begun, 1); /* the same chain */
}

/* The disk is full: for each of them. */
static void commit_that_fails(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("b") };
	struct writer_load load;

	for (size_t i = 1; i <= 3; i++)
		script_commit(i, FUDA_ESTORE);
	run_batch(works, 2);
	assert_int_equal(works[0].result, FUDA_ESTORE);
	assert_int_equal(works[1].result, FUDA_ESTORE);
	assert_int_equal(db.keys, 0);
	assert_int_equal(trail.durable, 0);
	writer_load(writer, &load);
	assert_false(load.healthy);
	assert_int_equal(load.failures, 2);
	/* there is room again */
	works[0] = work_on("a");
	assert_int_equal(writer_run(writer, &works[0].task), 0);
	writer_load(writer, &load);
	assert_true(load.healthy);
	assert_true(durable("a"));
}

/* Nobody is told before it is known, and a new chain begins, behind which no row can be missing. */
static void unsure(int what, bool expect_found)
{
	struct work works[] = { work_on("a"), work_on("b") };

	script_commit(1, what);
	run_batch(works, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(works[i].result, 0);
		assert_int_equal(works[i].found, expect_found);
		assert_true(durable(works[i].key));
	}
	assert_int_equal(db.keys, 2);
	assert_int_equal(trail.durable, 2);
	assert_int_equal(trail.begun, 2);
}

static void unsure_but_happened(_unused_ void **state)
{
	unsure(UNSURE_HAPPENED, true);
}

static void unsure_and_lost(_unused_ void **state)
{
	unsure(UNSURE_LOST, false);
}

static void unsure_of_one(_unused_ void **state)
{
	struct work w = work_on("a");

	script_commit(0, UNSURE_HAPPENED);
	assert_int_equal(writer_run(writer, &w.task), 0);
	assert_true(w.found);
	assert_int_equal(w.dones, 1);
}

/* The database does not come back: said as it is, and only then. */
static void unsure_for_good(_unused_ void **state)
{
	struct work w = work_on("a");

	script_commit(0, UNSURE_LOST);
	for (size_t i = db.began + 1; i < SCRIPT; i++)
		db.begins[i] = FUDA_ESTORE;
	assert_int_equal(writer_run(writer, &w.task), FUDA_EUNSURE);
	assert_int_equal(db.began, 1 + 8);
	assert_int_equal(db.keys, 0);
}

/* What keeps it from looking does not make it known. */
static void unsure_and_busy(_unused_ void **state)
{
	struct work w = work_on("a");

	script_commit(0, UNSURE_LOST);
	for (size_t i = db.began + 1; i < SCRIPT; i++)
		db.begins[i] = FUDA_ERETRY;
	w.task.deadline = (int64_t)deadline_now_us() + 50000;
	assert_int_equal(writer_run(writer, &w.task), FUDA_EUNSURE);
	assert_int_equal(db.keys, 0);
}

/* Of two that were to be tried again one was, and then the database went away: of the other it is known. */
static void unsure_of_the_one_only(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("b") };

	script_commit(1, FUDA_ERETRY);
	script_commit(2, UNSURE_LOST);
	for (size_t i = db.began + 3; i < SCRIPT; i++)
		db.begins[i] = FUDA_ESTORE;
	run_batch(works, 2);
	assert_int_equal(works[0].result, FUDA_EUNSURE);
	assert_int_equal(works[1].result, FUDA_ESTORE);
	assert_int_equal(db.keys, 0);
}

static void unsure_until_it_is_back(_unused_ void **state)
{
	struct work w = work_on("a");

	script_commit(0, UNSURE_LOST);
	db.begins[db.began + 1] = db.begins[db.began + 2] = FUDA_ESTORE;
	assert_int_equal(writer_run(writer, &w.task), 0);
	assert_true(durable("a"));
}

/* One try for all, or a queue would take as long as its tasks together. */
static void no_database(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("b"), work_on("c") };
	size_t before;

	db.begins[1] = FUDA_ESTORE;
	before = db.began;
	run_batch(works, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(works[i].result, FUDA_ESTORE);
		assert_int_equal(works[i].steps, 0);
	}
	assert_int_equal(db.began, before + 2);
}

static void busy_database(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("b") };

	db.begins[1] = db.begins[2] = FUDA_ERETRY;
	run_batch(works, 2);
	assert_int_equal(works[0].result, 0);
	assert_int_equal(works[1].result, 0);
	assert_int_equal(works[0].steps, 2);
}

static void late_is_not_begun(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("late"), work_on("b") };

	works[1].task.deadline = 1;
	run_batch(works, 3);
	assert_int_equal(works[0].result, 0);
	assert_int_equal(works[1].result, FUDA_EWAIT);
	assert_int_equal(works[1].steps, 0);
	assert_int_equal(works[2].result, 0);
}

/* What hangs is not theirs: they have an end of their own. */
static void late_behind_what_hangs(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("late"), work_on("b"), work_on("late too") };
	struct writer_load load;

	close_gate();
	works[1].task.deadline = (int64_t)deadline_now_us() + 100000;
	works[3].task.deadline = works[1].task.deadline;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(writer_submit(writer, &works[i].task), 0);
	assert_int_equal(wait_for(&works[1]), FUDA_EWAIT);
	assert_int_equal(wait_for(&works[3]), FUDA_EWAIT);
	writer_load(writer, &load);
	assert_int_equal(load.waiting, 2);
	assert_int_equal(works[0].dones, 0);
	open_gate();
	for (size_t i = 0; i < 3; i += 2)
		assert_int_equal(wait_for(&works[i]), 0);
}

/* One by one, until it cannot be reached: nobody behind that waits for it again. */
static void goes_away_in_the_middle(_unused_ void **state)
{
	struct work works[] = { work_on("a"), work_on("b"), work_on("c"), work_on("d") };
	struct writer_load load;
	size_t before;

	works[1].refuse = FUDA_ERETRY;
	works[1].refusals = 1;
	works[1].after_write = true;
	db.begins[3] = FUDA_ESTORE; /* the gate, all of them, the first */
	before = db.began;
	run_batch(works, 4);
	assert_int_equal(works[0].result, 0);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(works[i].result, FUDA_ESTORE);
	assert_int_equal(db.began, before + 4);
	writer_load(writer, &load);
	assert_false(load.healthy);
}

/* A row that one of them cannot read says nothing of the database. */
static void healthy_for_all_that(_unused_ void **state)
{
	struct work w = work_on("a");
	struct writer_load load;

	w.refuse = FUDA_ESTORE;
	w.refusals = -1;
	run_batch(&w, 1);
	assert_int_equal(w.result, FUDA_ESTORE);
	writer_load(writer, &load);
	assert_true(load.healthy);
	assert_int_equal(load.failures, 1);
}

static void queue_has_an_end(_unused_ void **state)
{
	struct work works[33];
	struct writer_load load;

	for (size_t i = 0; i < 33; i++) {
		works[i] = work_on("k");
		works[i].key[1] = (char)('A' + i);
	}
	close_gate();
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(writer_submit(writer, &works[i].task), 0);
	assert_int_equal(writer_submit(writer, &works[32].task), FUDA_EWAIT);
	writer_load(writer, &load);
	assert_int_equal(load.waiting, 32);
	assert_int_equal(load.limit, 32);
	assert_false(load.stopping);
	assert_true(load.seconds_to_wait >= 1);
	open_gate();
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(wait_for(&works[i]), 0);
	assert_int_equal(works[32].dones, 0);
	assert_int_equal(db.committed, 3); /* the gate, and two batches of 16 */
	assert_int_equal(writer_submit(writer, &works[32].task), 0);
	assert_int_equal(wait_for(&works[32]), 0);
}

static void *stop(void *arg)
{
	writer_stop(&writer, *(int *)arg);
	return NULL;
}

static void stop_while_gate_is_closed(int ms, int expect)
{
	struct work works[] = { work_on("a"), work_on("b") };
	pthread_t stopper;
	struct writer_load load = { 0 };

	close_gate();
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(writer_submit(writer, &works[i].task), 0);
	assert_int_equal(pthread_create(&stopper, NULL, stop, &ms), 0);
	while (!load.stopping)
		writer_load(writer, &load);
	{
		struct work late = work_on("late");

		assert_int_equal(writer_submit(writer, &late.task), FUDA_EWAIT);
	}
	nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
	open_gate();
	pthread_join(stopper, NULL);
	assert_null(writer);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(wait_for(&works[i]), expect);
	assert_int_equal(db.keys, expect == 0 ? 2 : 0);
}

static void stops_when_all_is_done(_unused_ void **state)
{
	stop_while_gate_is_closed(5000, 0);
}

static void stops_in_time(_unused_ void **state)
{
	stop_while_gate_is_closed(10, FUDA_EWAIT);
}

/* Whatever threads do, each task happens once. */
struct crowd {
	pthread_t thread;
	int number;
};

static void *hammer(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < 40; i++) {
		struct work w = work_on("");

		snprintf(w.key, sizeof(w.key), "%d-%d", c->number, i);
		if (i % 2) {
			assert_int_equal(writer_run(writer, &w.task), 0);
		} else {
			assert_int_equal(writer_submit(writer, &w.task), 0);
			assert_int_equal(wait_for(&w), 0);
		}
	}
	return NULL;
}

static void many_threads(_unused_ void **state)
{
	struct crowd crowd[8];
	struct writer_load load;

	for (int i = 0; i < 8; i++) {
		crowd[i].number = i;
		assert_int_equal(pthread_create(&crowd[i].thread, NULL, hammer, &crowd[i]), 0);
	}
	for (int i = 0; i < 8; i++)
		pthread_join(crowd[i].thread, NULL);
	assert_int_equal(db.keys, 320);
	assert_int_equal(trail.durable, 320);
	writer_load(writer, &load);
	assert_int_equal(load.tasks, 320);
	assert_true(load.batches <= 320);
	assert_int_equal(load.failures, 0);
	assert_int_equal(load.waiting, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(one_round_for_all),
		T(missed_write_is_looked_at_again),
		T(claims_keep_apart),
		T(hopeless_write_ends),
		T(damaged_row_fails_alone),
		T(who_wrote_nothing_drops_out),
		T(who_wrote_is_undone),
		T(asks_to_begin_anew),
		T(serialisation_failure_at_commit),
		T(commit_that_fails),
		T(unsure_but_happened),
		T(unsure_and_lost),
		T(unsure_of_one),
		T(unsure_for_good),
		T(unsure_and_busy),
		T(unsure_of_the_one_only),
		T(unsure_until_it_is_back),
		T(no_database),
		T(busy_database),
		T(late_is_not_begun),
		T(late_behind_what_hangs),
		T(goes_away_in_the_middle),
		T(healthy_for_all_that),
		T(queue_has_an_end),
		T(stops_when_all_is_done),
		T(stops_in_time),
		T(many_threads),
	};

	return RUN(tests);
}
