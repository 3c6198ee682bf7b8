/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/deadline.h"
#include "tests/cmocka.h"

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void runs_out(void **state)
{
	struct fuda_deadline *dl;
	double start = seconds();

	(void)state;
	assert_int_equal(fuda_deadline_new(50, &dl), 0);
	assert_int_equal(deadline_check(dl), 0);
	assert_int_equal(deadline_wait_fd(dl, -1, 0), FUDA_ETIMEOUT);
	assert_true(seconds() - start >= 0.049 && seconds() - start < 5);
	assert_int_equal(deadline_check(dl), FUDA_ETIMEOUT);
	assert_int_equal(deadline_left(dl), 0);
	fuda_deadline_restart(dl, 1000);
	assert_int_equal(deadline_check(dl), 0);
	fuda_deadline_free(&dl);
	assert_null(dl);
	fuda_deadline_free(&dl);
}

static void never_runs_out(void **state)
{
	struct fuda_deadline *dl;

	(void)state;
	assert_int_equal(fuda_deadline_new(-1, &dl), 0);
	assert_int_equal(deadline_left(dl), -1);
	assert_int_equal(deadline_check(dl), 0);
	fuda_deadline_free(&dl);
}

static void *cancel_later(void *arg)
{
	usleep(30000);
	fuda_deadline_cancel(arg);
	return NULL;
}

static void is_cancelled_from_another_thread(void **state)
{
	struct fuda_deadline *dl;
	pthread_t t;

	(void)state;
	assert_int_equal(fuda_deadline_new(-1, &dl), 0);
	assert_int_equal(pthread_create(&t, NULL, cancel_later, dl), 0);
	assert_int_equal(deadline_wait_fd(dl, -1, 0), FUDA_ECANCELLED);
	pthread_join(t, NULL);
	/* a cancel stays, also after a restart */
	fuda_deadline_restart(dl, 1000);
	assert_int_equal(deadline_check(dl), FUDA_ECANCELLED);
	fuda_deadline_free(&dl);
}

static void reports_a_descriptor(void **state)
{
	struct fuda_deadline *dl;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fuda_deadline_new(20, &dl), 0);
	assert_int_equal(deadline_wait_fd(dl, ends[0], POLLIN), FUDA_ETIMEOUT);
	fuda_deadline_restart(dl, 1000);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(deadline_wait_fd(dl, ends[0], POLLIN), 0);
	fuda_deadline_free(&dl);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_out),
		cmocka_unit_test(never_runs_out),
		cmocka_unit_test(is_cancelled_from_another_thread),
		cmocka_unit_test(reports_a_descriptor),
	};

	return RUN(tests);
}
