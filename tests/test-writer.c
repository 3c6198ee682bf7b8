/* SPDX-License-Identifier: Apache-2.0 */
/* The writer over a real database and a real audit trail: durable before anybody is told, beside
 * others who write, and what it says when it cannot begin. tests/test-writer-faults.c has the rest. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/deadline.h"
#include "service/writer.h"
#include "tests/scratch.h"

enum { WORKS = 40 };

static struct fuda_context *ctx, *writers_ctx;
static struct keys *keys;
static struct store *store; /* another connection */
static struct writer *writer;
static char where[128];

static const struct statement insert = {
	"INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", 2
};
static const struct statement break_it = { "INSERT INTO setting (name, value) VALUES ($1, NULL)", 1 };

/* Writes one setting; what is there at the time of done(), another connection sees. */
struct work {
	struct task task;
	char name[32];
	const struct statement *statement;
	int result, dones;
	int64_t seen; /* rows of that name when it was told */
	deadline_word ended;
};

static int64_t number(const struct statement *statement, const struct datum *params)
{
	_cleanup_rows_ struct rows rows = { 0 };

	if (store_run(store, statement, params, &rows) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	return rows_int(&rows, 0, 0);
}

static int64_t settings(void)
{
	static const struct statement all = { "SELECT COUNT(*) FROM setting WHERE name LIKE 'w-%'", 0 };

	return number(&all, NULL);
}

static int step(struct task *task, struct batch *batch)
{
	struct work *w = (struct work *)task;
	struct audit_entry entry = { .actor_kind = "service", .action = "test", .data = "{}" };
	int e = batch_write(batch, w->statement ? w->statement : &insert,
			    (struct datum[]){ TEXT(w->name), BYTES("x", 1) });

	if (e == 0)
		e = batch_audit(batch, &entry);
	return e < 0 ? e : STEP_DONE;
}

static void reset(_unused_ struct task *task)
{
}

static void done(struct task *task, int result)
{
	static const struct statement find = { "SELECT COUNT(*) FROM setting WHERE name = $1", 1 };
	struct work *w = (struct work *)task;

	w->seen = number(&find, (struct datum[]){ TEXT(w->name) });
	w->result = result;
	w->dones++;
	atomic_store(&w->ended, 1);
	deadline_wake_word(&w->ended);
}

static struct work work_on(int i)
{
	struct work w = { .task = { .step = step, .reset = reset, .done = done } };

	snprintf(w.name, sizeof(w.name), "w-%d", i);
	return w;
}

static void wait_for(struct work *w)
{
	for (int i = 0; !atomic_load(&w->ended) && i < 100; i++)
		(void)deadline_wait_word(NULL, 100, &w->ended, 0);
	assert_int_equal(w->dones, 1);
}

static int start(const char *place, size_t batch, struct writer **ret)
{
	struct writer_config config = { .where = place, .keys = keys, .who = "test", .queue = WORKS, .batch = batch };

	return writer_start(writers_ctx, &config, ret);
}

static int setup(void **state)
{
	if (scratch_setup(state) < 0 || fuda_context_new(&ctx) < 0 || fuda_context_new(&writers_ctx) < 0)
		return -1;
	snprintf(where, sizeof(where), "sqlite:%s/db", scratch);
	assert_int_equal(keys_create(ctx, scratch), 0);
	assert_int_equal(keys_open(ctx, scratch, &keys), 0);
	assert_int_equal(store_open(ctx, where, true, &store), 0);
	assert_int_equal(store_migrate(store), 0);
	assert_int_equal(start(where, 16, &writer), 0);
	return 0;
}

static int teardown(void **state)
{
	struct audit_totals totals;

	writer_stop(&writer, 1000);
	assert_int_equal(audit_verify(store, keys, NULL, NULL, &totals), 0);
	store_close(&store);
	keys_free(&keys);
	fuda_context_free(&ctx);
	fuda_context_free(&writers_ctx);
	return scratch_teardown(state);
}

static int64_t audited(void)
{
	static const struct statement all = { "SELECT COUNT(*) FROM audit WHERE action = 'test'", 0 };

	return number(&all, NULL);
}

static void durable_before_it_is_told(_unused_ void **state)
{
	struct work works[WORKS];
	struct writer_load load;

	for (int i = 0; i < WORKS; i++) {
		works[i] = work_on(i);
		assert_int_equal(writer_submit(writer, &works[i].task), 0);
	}
	for (int i = 0; i < WORKS; i++) {
		wait_for(&works[i]);
		assert_int_equal(works[i].result, 0);
		assert_int_equal(works[i].seen, 1);
	}
	assert_int_equal(settings(), WORKS);
	assert_int_equal(audited(), WORKS);
	writer_load(writer, &load);
	assert_int_equal(load.tasks, WORKS);
	assert_true(load.commit_us > 0);
	assert_true(load.healthy);
}

/* A statement that the database refuses takes nobody with it, and the chain has no gap. */
static void refused_statement(_unused_ void **state)
{
	struct work works[WORKS];

	for (int i = 0; i < WORKS; i++) {
		works[i] = work_on(i);
		works[i].statement = i % 7 == 3 ? &break_it : NULL;
		assert_int_equal(writer_submit(writer, &works[i].task), 0);
	}
	for (int i = 0; i < WORKS; i++) {
		wait_for(&works[i]);
		assert_int_equal(works[i].result, i % 7 == 3 ? FUDA_ESTORE : 0);
		assert_int_equal(works[i].seen, i % 7 != 3);
	}
	assert_int_equal(settings(), WORKS - 6);
	assert_int_equal(audited(), WORKS - 6);
}

static void *hold_lock(void *arg)
{
	struct fuda_context *own = NULL;
	struct store *other = NULL;

	assert_int_equal(fuda_context_new(&own), 0);
	assert_int_equal(store_open(own, where, false, &other), 0);
	assert_int_equal(store_begin(other, true), 0);
	atomic_store((deadline_word *)arg, 1);
	deadline_wake_word(arg);
	nanosleep(&(struct timespec){ 0, 300000000 }, NULL);
	store_rollback(other);
	store_close(&other);
	fuda_context_free(&own);
	return NULL;
}

static void waits_for_others_who_write(_unused_ void **state)
{
	struct work w = work_on(1);
	deadline_word locked = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, hold_lock, &locked), 0);
	while (!atomic_load(&locked))
		(void)deadline_wait_word(NULL, 1000, &locked, 0);
	assert_int_equal(writer_run(writer, &w.task), 0);
	pthread_join(thread, NULL);
	assert_int_equal(settings(), 1);
}

/* Who submits serves others, too: a lock that somebody else has is waited for on the writer's own thread. */
static void keeps_nobody_waiting(_unused_ void **state)
{
	struct work quiet = work_on(1), held = work_on(2);
	struct fuda_context *own = NULL;
	struct store *other = NULL;

	assert_int_equal(writer_submit(writer, &quiet.task), 0);
	assert_int_equal(quiet.dones, 1); /* on this thread */
	assert_int_equal(fuda_context_new(&own), 0);
	assert_int_equal(store_open(own, where, false, &other), 0);
	assert_int_equal(store_begin(other, true), 0);
	nanosleep(&(struct timespec){ 0, 50000000 }, NULL); /* for a while nothing was to be done */
	assert_int_equal(writer_submit(writer, &held.task), 0);
	assert_int_equal(atomic_load(&held.ended), 0);
	store_rollback(other);
	wait_for(&held);
	assert_int_equal(held.result, 0);
	assert_int_equal(settings(), 2);
	store_close(&other);
	fuda_context_free(&own);
}

/* Several writers, as several processes have them: each its chain, nobody waits for good. */
struct other {
	pthread_t thread;
	int first;
	int failures;
};

static void *write_beside(void *arg)
{
	struct other *o = arg;
	struct fuda_context *own = NULL;
	struct writer_config config = { .where = where, .keys = keys, .who = "other", .queue = 4, .batch = 4 };
	struct writer *w = NULL;

	assert_int_equal(fuda_context_new(&own), 0);
	assert_int_equal(writer_start(own, &config, &w), 0);
	for (int i = 0; i < 20; i++) {
		struct work work = work_on(o->first + i);

		work.task.done = NULL; /* writer_run() takes none as well */
		o->failures += writer_run(w, &work.task) < 0;
	}
	writer_stop(&w, 1000);
	fuda_context_free(&own);
	return NULL;
}

static void writers_side_by_side(_unused_ void **state)
{
	struct other others[3];

	for (int i = 0; i < 3; i++) {
		others[i] = (struct other){ .first = 100 * (i + 1) };
		assert_int_equal(pthread_create(&others[i].thread, NULL, write_beside, &others[i]), 0);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(others[i].thread, NULL);
		assert_int_equal(others[i].failures, 0);
	}
	assert_int_equal(settings(), 60);
	assert_int_equal(audited(), 60);
}

static void says_why_it_cannot_begin(_unused_ void **state)
{
	struct writer *w = NULL;
	char nowhere[160];

	snprintf(nowhere, sizeof(nowhere), "sqlite:%s/none/db", scratch);
	assert_int_equal(start(nowhere, 16, &w), FUDA_ESTORE);
	assert_true(*fuda_context_message(writers_ctx) != 0);
	assert_int_equal(start("mysql:x", 16, &w), FUDA_EINVAL);
	assert_int_equal(start(where, 1 << 20, &w), FUDA_EINVAL);
	assert_null(w);
	/* a database without the tables has no audit trail */
	snprintf(nowhere, sizeof(nowhere), "sqlite:%s/empty", scratch);
	scratch_write("empty", "", 0600);
	assert_int_equal(start(nowhere, 16, &w), FUDA_ESTORE);
	assert_null(w);
	writer_stop(&w, 0); /* which is no writer */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(durable_before_it_is_told),
		T(refused_statement),
		T(waits_for_others_who_write),
		T(keeps_nobody_waiting),
		T(writers_side_by_side),
		T(says_why_it_cannot_begin),
	};

	return RUN(tests);
}
