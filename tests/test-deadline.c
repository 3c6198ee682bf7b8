/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

static deadline_word word;

static void *change_later(void *arg)
{
	(void)arg;
	usleep(30000);
	atomic_store(&word, 8);
	deadline_wake_word(&word);
	return NULL;
}

/* Waits for `word` until `thread` does something about it, which takes 30 ms. */
static int wait_word_with(void *(*thread)(void *arg), int deadline_ms, int ms)
{
	struct fuda_deadline *dl;
	double start = seconds();
	pthread_t t;
	int r;

	atomic_store(&word, 7);
	if (fuda_deadline_new(deadline_ms, &dl) < 0 || pthread_create(&t, NULL, thread, dl) != 0)
		return 1;
	r = deadline_wait_word(dl, ms, &word, 7);
	if (seconds() - start >= 5)
		r = 2;
	pthread_join(t, NULL);
	fuda_deadline_free(&dl);
	return r;
}

static void waits_for_a_word(void **state)
{
	(void)state;
	assert_int_equal(wait_word_with(change_later, -1, -1), 0);
	assert_int_equal(wait_word_with(change_later, 10000, -1), 0);
	assert_int_equal(wait_word_with(change_later, 5, -1), FUDA_ETIMEOUT);
	assert_int_equal(wait_word_with(change_later, 15, 10000), FUDA_ETIMEOUT);
	assert_int_equal(wait_word_with(change_later, 10000, 15), FUDA_ETIMEOUT);
	assert_int_equal(wait_word_with(cancel_later, -1, -1), FUDA_ECANCELLED);
	assert_int_equal(wait_word_with(cancel_later, 10000, 10000), FUDA_ECANCELLED);
	atomic_store(&word, 7);
	assert_int_equal(deadline_wait_word(NULL, 0, &word, 7), FUDA_ETIMEOUT);
	assert_int_equal(deadline_wait_word(NULL, 20, &word, 7), FUDA_ETIMEOUT);
	assert_int_equal(deadline_wait_word(NULL, -1, &word, 6), 0);
}

/* Linux before 5.16 has no futex_waitv(); some containers forbid it. */
static void waits_for_a_word_on_old_kernels(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex_waitv, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { ARRAY_SIZE(code), code };
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
			_exit(77);
		_exit(wait_word_with(change_later, -1, -1) != 0 ||
		      wait_word_with(change_later, 15, -1) != FUDA_ETIMEOUT ||
		      wait_word_with(cancel_later, -1, -1) != FUDA_ECANCELLED);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_out),
		cmocka_unit_test(never_runs_out),
		cmocka_unit_test(is_cancelled_from_another_thread),
		cmocka_unit_test(reports_a_descriptor),
		cmocka_unit_test(waits_for_a_word),
		cmocka_unit_test(waits_for_a_word_on_old_kernels),
	};

	return RUN(tests);
}
