/* SPDX-License-Identifier: Apache-2.0 */
/* Replaying while each allocation fails once: it is said, and no answer is half of one. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/scarce.h"
#include "tests/test-trace.h"
#include "trace/replay.h"

static const char text[] = FIRST "reader \"one\"\natr 3B 00\npad both\n"
				 "> 00 84 00 00 {n=..}\n< 9000 {n} \"abc\"\n> 00 88 00 00 * {n}\n! removed\n";
static const uint8_t first[] = { 0x00, 0x84, 0x00, 0x00, 0x03 }, second[] = { 0x00, 0x88, 0x00, 0x00, 0x01, 0x03 };
static const uint8_t answer[] = { 0x03, 'a', 'b', 'c', 0x90, 0x00 };

static char path[] = "/tmp/fuda-test-XXXXXX";

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

/* All of it; the first error. */
static int play(struct fuda_context *ctx, bool loose)
{
	_cleanup_(trace_replay_free) struct trace_replay *t = NULL;
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(100);
	uint64_t us;
	int e = trace_replay_open(ctx, path, loose, NULL, &t);

	if (e < 0)
		return e;
	e = trace_replay_command(t, first, sizeof(first), false, &response, &us);
	assert_int_equal(response.len, e < 0 ? 0 : sizeof(answer));
	if (e < 0)
		return e;
	assert_memory_equal(response.data, answer, sizeof(answer));
	e = trace_replay_command(t, second, sizeof(second), false, &response, &us);
	return e == FUDA_EREMOVED ? trace_replay_finish(t) : e;
}

static void each_fails(bool loose)
{
	struct fuda_context *ctx;
	long n = 0, left;
	int e;

	assert_int_equal(fuda_context_new(&ctx), 0);
	do {
		before_failure = n++;
		e = play(ctx, loose);
		left = before_failure;
		before_failure = -1;
		assert_int_equal(e, left < 0 ? FUDA_ENOMEM : 0);
		assert_true(n < 10000);
	} while (left < 0);
	assert_true(n > 10);
	fuda_context_free(&ctx);
}

static void in_order(void **state)
{
	(void)state;
	each_fails(false);
}

static void in_any_order(void **state)
{
	(void)state;
	each_fails(true);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(in_order), cmocka_unit_test(in_any_order) };

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
