/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of reader events, on a private service with virtual readers. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "reader/reader.h"
#include "tests/cmocka.h"
#include "tests/peer.h"
#include "tests/process.h"

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct fuda_reader_watch *watch;
static struct fuda_reader_event event;
static struct peer *peer;
static pid_t pcscd;

static pid_t service(void)
{
	return pcscd ? pcscd : atoi(getenv("FUDA_TEST_PCSCD_PID"));
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	assert_int_equal(fuda_deadline_new(5000, &dl), 0);
	assert_int_equal(fuda_reader_watch_new(ctx, &watch), 0);
	return 0;
}

static void await_empty(void)
{
	for (int i = 0; i < 300 && system("tests/bare-pcsc card ' 00 00' 1 2>/dev/null") == 0; i++)
		pause_ms(20);
}

static void take_out(void)
{
	peer_remove(&peer);
	await_empty();
}

/* The watch begins after what was done so far. */
static void watch_anew(void)
{
	fuda_reader_watch_free(&watch);
	assert_int_equal(fuda_reader_watch_new(ctx, &watch), 0);
}

static void put_in(void)
{
	peer = peer_insert(peer_port(0), " 00 00", true);
}

static int tear_down(void **state)
{
	(void)state;
	kill(service(), SIGCONT);
	fuda_reader_watch_free(&watch);
	assert_null(watch);
	fuda_reader_watch_free(&watch);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	if (peer)
		take_out();
	return 0;
}

static void next(enum fuda_reader_event_kind kind, const char *end_of_name)
{
	size_t len;

	fuda_deadline_restart(dl, 5000);
	assert_int_equal(fuda_reader_watch_next(watch, dl, &event), 0);
	assert_int_equal(event.kind, kind);
	len = strlen(event.reader.name);
	assert_true(strncmp(event.reader.name, "pcsc:", 5) == 0);
	assert_string_equal(event.reader.name + len - strlen(end_of_name), end_of_name);
}

static void nothing_for(int ms)
{
	int64_t start = now_ms();

	memset(&event, 0x77, sizeof(event));
	fuda_deadline_restart(dl, ms);
	assert_int_equal(fuda_reader_watch_next(watch, dl, &event), FUDA_ETIMEOUT);
	assert_in_range(now_ms() - start + 10, ms, ms + 500);
	assert_int_equal(event.kind, 0x77777777); /* untouched */
}

static void begin(void)
{
	next(FUDA_READER_ADDED, " 00 00");
	next(FUDA_READER_ADDED, " 00 01");
}

static void test_empty_readers(void **state)
{
	(void)state;
	begin();
	assert_false(event.reader.card);
	nothing_for(300);
	nothing_for(0);
}

static void test_card_there_already(void **state)
{
	(void)state;
	put_in();
	watch_anew();
	next(FUDA_READER_ADDED, " 00 00");
	next(FUDA_CARD_INSERTED, " 00 00");
	assert_true(event.reader.card);
	assert_int_equal(event.reader.atr_len, 5);
	next(FUDA_READER_ADDED, " 00 01");
	nothing_for(200);
}

static void test_card_comes_and_goes(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 2; i++) {
		put_in();
		next(FUDA_CARD_INSERTED, " 00 00");
		assert_int_equal(event.reader.atr_len, 5);
		take_out();
		next(FUDA_CARD_REMOVED, " 00 00");
	}
	nothing_for(200);
}

static void *put_in_later(void *arg)
{
	(void)arg;
	pause_ms(300);
	put_in();
	return NULL;
}

static void test_told_while_waiting(void **state)
{
	int64_t start = now_ms();
	pthread_t thread;

	(void)state;
	begin();
	assert_int_equal(pthread_create(&thread, NULL, put_in_later, NULL), 0);
	next(FUDA_CARD_INSERTED, " 00 00");
	/* pcscd looks every 400 ms */
	assert_in_range(now_ms() - start, 290, 1500);
	pthread_join(thread, NULL);
}

static void test_nothing_is_lost_while_nobody_asks(void **state)
{
	(void)state;
	begin();
	put_in();
	take_out();
	next(FUDA_CARD_INSERTED, " 00 00");
	assert_true(event.reader.card);
	next(FUDA_CARD_REMOVED, " 00 00");
	put_in();
	next(FUDA_CARD_INSERTED, " 00 00");
	take_out();
	put_in();
	next(FUDA_CARD_REMOVED, " 00 00");
	next(FUDA_CARD_INSERTED, " 00 00");
	assert_int_equal(event.reader.atr_len, 5);
	nothing_for(200);
}

/* That a program connects to a card is no event. */
static void test_use_is_no_event(void **state)
{
	struct reader *r = NULL;

	(void)state;
	put_in();
	watch_anew();
	next(FUDA_READER_ADDED, " 00 00");
	next(FUDA_CARD_INSERTED, " 00 00");
	next(FUDA_READER_ADDED, " 00 01");
	assert_int_equal(reader_open(ctx, "pcsc: 00 00", dl, &r), 0);
	nothing_for(300);
	reader_close(&r);
	nothing_for(300);
}

static void *cancel_later(void *arg)
{
	pause_ms(200);
	fuda_deadline_cancel(arg);
	return NULL;
}

static void test_cancel(void **state)
{
	int64_t start;
	pthread_t thread;

	(void)state;
	begin();
	start = now_ms();
	fuda_deadline_restart(dl, -1);
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, dl), 0);
	assert_int_equal(fuda_reader_watch_next(watch, dl, &event), FUDA_ECANCELLED);
	assert_in_range(now_ms() - start, 190, 700);
	pthread_join(thread, NULL);
	assert_int_equal(fuda_reader_watch_next(watch, dl, &event), FUDA_ECANCELLED);
}

static void test_service_hangs(void **state)
{
	(void)state;
	begin();
	kill(service(), SIGSTOP);
	nothing_for(300);
	nothing_for(0);
	kill(service(), SIGCONT);
	put_in();
	next(FUDA_CARD_INSERTED, " 00 00");
}

static void test_service_goes_and_comes_back(void **state)
{
	(void)state;
	put_in();
	watch_anew();
	next(FUDA_READER_ADDED, " 00 00");
	next(FUDA_CARD_INSERTED, " 00 00");
	next(FUDA_READER_ADDED, " 00 01");
	kill(service(), SIGKILL);
	next(FUDA_CARD_REMOVED, " 00 00");
	next(FUDA_READER_REMOVED, " 00 00");
	next(FUDA_READER_REMOVED, " 00 01");
	nothing_for(300);
	peer_remove(&peer);
	/* A stream may also begin without a service. */
	watch_anew();
	nothing_for(300);
	pcscd = fork();
	if (pcscd == 0) {
		execl(getenv("FUDA_TEST_PCSCD"), "pcscd", NULL);
		_exit(127);
	}
	begin();
	put_in();
	next(FUDA_CARD_INSERTED, " 00 00");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty_readers),
		TEST(test_card_there_already),
		TEST(test_card_comes_and_goes),
		TEST(test_told_while_waiting),
		TEST(test_nothing_is_lost_while_nobody_asks),
		TEST(test_use_is_no_event),
		TEST(test_cancel),
		TEST(test_service_hangs),
		TEST(test_service_goes_and_comes_back),
	};
	int failed;

	(void)argc;
	if (peer_environment(argv[0]) < 0)
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (pcscd > 0) {
		kill(pcscd, SIGTERM);
		waitpid(pcscd, NULL, 0);
	}
	return failed;
}
