/* SPDX-License-Identifier: Apache-2.0 */
/* Events of two drivers in one stream: a private PC/SC service, and an emulated RC-S380 on a bus in this process. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader/reader.h"
#include "tests/cmocka.h"
#include "tests/peer.h"
#include "tests/process.h"
#include "tests/rcs380-model.h"
#include "tests/softcard.h"

enum { SOON_MS = 5000 };

#define PCSC "pcsc:"
#define USB  "rcs380:"

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct fuda_reader_watch *watch;
static struct usb_model *device;
static struct peer *peer;

static pid_t service(void)
{
	return atoi(getenv("FUDA_TEST_PCSCD_PID"));
}

static int set_up(void **state)
{
	(void)state;
	usb_mock_begin(true);
	device = rcs380_model_new();
	assert_int_equal(fuda_context_new(&ctx), 0);
	assert_int_equal(fuda_deadline_new(SOON_MS, &dl), 0);
	return 0;
}

static void await_empty(void)
{
	for (int i = 0; i < 300 && system("tests/bare-pcsc card ' 00 00' 1 2>/dev/null") == 0; i++)
		pause_ms(20);
}

static int tear_down(void **state)
{
	(void)state;
	kill(service(), SIGCONT);
	fuda_reader_watch_free(&watch);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	if (peer) {
		peer_remove(&peer);
		await_empty();
	}
	usb_mock_end();
	device->free(device);
	return 0;
}

static void begin(void)
{
	assert_int_equal(fuda_reader_watch_new(ctx, &watch), 0);
}

/* The next event of readers of this driver; those of others come in between as they like, and are counted. */
static unsigned others;
static void next(const char *driver, enum fuda_reader_event_kind kind)
{
	struct fuda_reader_event event;

	fuda_deadline_restart(dl, SOON_MS);
	do {
		assert_int_equal(fuda_reader_watch_next(watch, dl, &event), 0);
		others++;
	} while (strncmp(event.reader.name, driver, strlen(driver)) != 0);
	others--;
	assert_int_equal(event.kind, kind);
}

static void nothing_for(int ms)
{
	struct fuda_reader_event event;

	fuda_deadline_restart(dl, ms);
	assert_int_equal(fuda_reader_watch_next(watch, dl, &event), FUDA_ETIMEOUT);
}

/* Both drivers have told what was there. */
static void all_of_the_beginning(void)
{
	for (int i = 0; i < 3; i++) {
		struct fuda_reader_event event;

		fuda_deadline_restart(dl, SOON_MS);
		assert_int_equal(fuda_reader_watch_next(watch, dl, &event), 0);
		assert_int_equal(event.kind, FUDA_READER_ADDED);
	}
	nothing_for(300);
}

static void put_in_both(struct vcard *v)
{
	peer = peer_insert(peer_port(0), " 00 00", true);
	rcs380_model_insert(device, v);
}

static void test_all_comes_in_one_stream(void **state)
{
	struct vcard *v;

	(void)state;
	softcard_write("");
	v = softcard_load();
	usb_mock_plug(device);
	begin();
	all_of_the_beginning();
	others = 0;
	put_in_both(v);
	next(USB, FUDA_CARD_INSERTED);
	if (!others)
		next(PCSC, FUDA_CARD_INSERTED);
	others = 0;
	peer_remove(&peer);
	await_empty();
	rcs380_model_insert(device, NULL);
	next(USB, FUDA_CARD_REMOVED);
	if (!others)
		next(PCSC, FUDA_CARD_REMOVED);
	usb_mock_unplug(device);
	next(USB, FUDA_READER_REMOVED);
	nothing_for(700);
	usb_mock_plug(device);
	next(USB, FUDA_READER_ADDED);
	softcard_free(&v);
}

/* It goes with its card. */
static void test_unplugged_with_its_card(void **state)
{
	struct vcard *v;

	(void)state;
	softcard_write("");
	v = softcard_load();
	rcs380_model_insert(device, v);
	usb_mock_plug(device);
	begin();
	next(USB, FUDA_READER_ADDED);
	next(USB, FUDA_CARD_INSERTED);
	usb_mock_unplug(device);
	next(USB, FUDA_CARD_REMOVED);
	next(USB, FUDA_READER_REMOVED);
	rcs380_model_insert(device, NULL);
	softcard_free(&v);
}

/* A service that hangs keeps neither the other readers back nor the end. */
static void test_service_hangs(void **state)
{
	int64_t start;

	(void)state;
	begin();
	next(PCSC, FUDA_READER_ADDED);
	next(PCSC, FUDA_READER_ADDED);
	kill(service(), SIGSTOP);
	usb_mock_plug(device);
	next(USB, FUDA_READER_ADDED);
	usb_mock_unplug(device);
	next(USB, FUDA_READER_REMOVED);
	start = now_ms();
	fuda_reader_watch_free(&watch);
	assert_true(now_ms() - start < 1000);
	/* nor a beginning */
	usb_mock_plug(device);
	begin();
	next(USB, FUDA_READER_ADDED);
	start = now_ms();
	fuda_reader_watch_free(&watch);
	assert_true(now_ms() - start < 1000);
}

/* While another program works with it, it is the reader that it was. */
static void test_taken_and_given_back(void **state)
{
	(void)state;
	usb_mock_plug(device);
	begin();
	all_of_the_beginning();
	usb_mock_take(device, true);
	nothing_for(1300);
	usb_mock_take(device, false);
	nothing_for(700);
}

/* Whoever does not ask misses nothing, and nothing runs over. */
static void test_nobody_asks(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 10; i++) {
		usb_mock_plug(device);
		pause_ms(120);
		usb_mock_unplug(device);
		pause_ms(120);
	}
	for (int i = 0; i < 3; i++) { /* at the least */
		next(USB, FUDA_READER_ADDED);
		next(USB, FUDA_READER_REMOVED);
	}
}

static void test_no_service(void **state)
{
	(void)state;
	kill(service(), SIGKILL);
	begin();
	nothing_for(300);
	usb_mock_plug(device);
	next(USB, FUDA_READER_ADDED);
	usb_mock_unplug(device);
	next(USB, FUDA_READER_REMOVED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_comes_in_one_stream),
		TEST(test_unplugged_with_its_card),
		TEST(test_service_hangs),
		TEST(test_taken_and_given_back),
		TEST(test_nobody_asks),
		TEST(test_no_service), /* the last: it does not come back */
	};

	(void)argc;
	if (peer_environment(argv[0]) < 0)
		return 77;
	return cmocka_run_group_tests_name(__FILE__, tests, softcard_setup, softcard_teardown);
}
