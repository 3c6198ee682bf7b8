/* SPDX-License-Identifier: Apache-2.0 */
/* A thread for calls that hang: who waits, who walks away, and who frees. */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/worker.h"
#include "tests/cmocka.h"
#include "tests/process.h"

/* What a worker owns: `release` frees it, so that a use after that is seen by the sanitizers. */
struct own {
	long ms; /* how long the job takes; -1: until `gate` is readable */
	int gate[2];
	int runs;
};

static atomic_int releases;
static struct fuda_deadline *dl;

static void pause_us(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

static void job(void *arg)
{
	struct own *own = arg;
	char c;

	if (own->ms < 0)
		assert_int_equal(read(own->gate[0], &c, 1), 1);
	else if (own->ms > 0)
		pause_us(own->ms * 1000);
	own->runs++;
}

static void release(void *arg)
{
	struct own *own = arg;

	close(own->gate[0]);
	free(own);
	releases++;
}

static struct worker *start(long ms, struct own **ret)
{
	struct worker *w = NULL;

	*ret = calloc(1, sizeof(**ret));
	(*ret)->ms = ms;
	assert_int_equal(pipe((*ret)->gate), 0);
	assert_int_equal(worker_new(*ret, release, &w), 0);
	return w;
}

static int usage(void)
{
	return entries("/proc/self/task") * 1000 + entries("/proc/self/fd");
}

static int set_up(void **state)
{
	(void)state;
	releases = 0;
	return fuda_deadline_new(10000, &dl);
}

static int tear_down(void **state)
{
	(void)state;
	fuda_deadline_free(&dl);
	return 0;
}

static void await_releases(int wanted, int use)
{
	for (int i = 0; i < 5000 && (releases != wanted || usage() != use); i++)
		pause_us(1000);
	assert_int_equal(releases, wanted);
	assert_int_equal(usage(), use);
}

static void test_runs(void **state)
{
	int before = usage();
	struct own *own;
	struct worker *w = start(0, &own);

	(void)state;
	close(own->gate[1]);
	for (int i = 1; i <= 100; i++) {
		assert_int_equal(i % 2 ? worker_run(&w, job, dl) : worker_run_for(&w, job, 5000),
				 0);
		assert_int_equal(own->runs, i);
	}
	worker_free(&w, 5000);
	assert_null(w);
	await_releases(1, before);
	worker_free(&w, 5000);
	assert_int_equal(releases, 1);
}

static void test_never_used(void **state)
{
	struct own *own;
	struct worker *w = start(0, &own);

	(void)state;
	close(own->gate[1]);
	worker_free(&w, 5000);
	assert_int_equal(releases, 1);
}

/* Nothing is begun when it is too late already, and the worker stays. */
static void test_not_begun(void **state)
{
	struct own *own;
	struct worker *w = start(0, &own);

	(void)state;
	close(own->gate[1]);
	fuda_deadline_restart(dl, 0);
	assert_int_equal(worker_run(&w, job, dl), FUDA_ETIMEOUT);
	assert_non_null(w);
	fuda_deadline_cancel(dl);
	assert_int_equal(worker_run(&w, job, dl), FUDA_ECANCELLED);
	assert_non_null(w);
	assert_int_equal(own->runs, 0);
	worker_free(&w, 5000);
	assert_int_equal(releases, 1);
}

/* Left at the deadline; it ends by itself when the call returns, and not before. */
static void test_abandoned(void **state)
{
	int before = usage(), gate;
	struct own *own;
	struct worker *w = start(-1, &own);

	(void)state;
	gate = own->gate[1];
	fuda_deadline_restart(dl, 50);
	assert_int_equal(worker_run(&w, job, dl), FUDA_ETIMEOUT);
	assert_null(w);
	pause_us(50000);
	assert_int_equal(releases, 0);
	assert_int_equal(write(gate, "", 1), 1);
	close(gate);
	await_releases(1, before);
}

static void test_grace(void **state)
{
	int before = usage(), gate;
	struct own *own;
	struct worker *w = start(-1, &own);

	(void)state;
	gate = own->gate[1];
	assert_int_equal(worker_run_for(&w, job, 30), FUDA_ETIMEOUT);
	assert_null(w);
	assert_int_equal(write(gate, "", 1), 1);
	close(gate);
	await_releases(1, before);
}

static void slow_release(void *arg)
{
	pause_us(200000);
	release(arg);
}

static void test_release_takes_long(void **state)
{
	int before = usage();
	struct own *own = calloc(1, sizeof(*own));
	struct worker *w;

	(void)state;
	assert_int_equal(pipe(own->gate), 0);
	close(own->gate[1]);
	assert_int_equal(worker_new(own, slow_release, &w), 0);
	worker_free(&w, 10);
	assert_null(w);
	assert_int_equal(releases, 0);
	await_releases(1, before);
}

static void *cancel_later(void *arg)
{
	pause_us(50000);
	fuda_deadline_cancel(arg);
	return NULL;
}

static void test_cancelled(void **state)
{
	int before = usage(), gate;
	struct own *own;
	struct worker *w = start(-1, &own);
	pthread_t thread;

	(void)state;
	gate = own->gate[1];
	fuda_deadline_restart(dl, -1);
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, dl), 0);
	assert_int_equal(worker_run(&w, job, dl), FUDA_ECANCELLED);
	assert_null(w);
	pthread_join(thread, NULL);
	assert_int_equal(write(gate, "", 1), 1);
	close(gate);
	await_releases(1, before);
}

/* Jobs that end at the very moment when patience does: whoever wins, everything is freed once. */
static void test_race(void **state)
{
	enum { ROUNDS = 300 };
	int before = usage(), abandoned = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct own *own;
		struct worker *w = start(1, &own);

		close(own->gate[1]);
		if (worker_run_for(&w, job, 1) < 0)
			abandoned++;
		else
			assert_int_equal(own->runs, 1);
		worker_free(&w, i % 2);
	}
	print_message("%d of %d abandoned\n", abandoned, ROUNDS);
	await_releases(ROUNDS, before);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_runs),      TEST(test_never_used), TEST(test_not_begun),
		TEST(test_abandoned), TEST(test_grace),      TEST(test_release_takes_long),
		TEST(test_cancelled), TEST(test_race),
	};

	return RUN(tests);
}
