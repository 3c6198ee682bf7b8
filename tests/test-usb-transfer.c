/* SPDX-License-Identifier: Apache-2.0 */
/* The USB by libusb: transfers, in time and out of it. */
#include "tests/talker.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int send(const void *bytes, size_t len)
{
	return usb_backend->out(u, bytes, len, true, dl);
}

static void hear(size_t max, int ms, const void *bytes, size_t len)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(BIG + 1);

	assert_int_equal(fuda_buf_append(&b, "!", 1), 0);
	assert_int_equal(usb_backend->in(u, max, ms, dl, &b), 0);
	assert_int_equal(b.len, len + 1);
	assert_memory_equal(b.data + 1, bytes, len);
}

static int hear_nothing(size_t max, int ms)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(BIG);
	int r = usb_backend->in(u, max, ms, dl, &b);

	assert_int_not_equal(r, 0);
	assert_int_equal(b.len, 0);
	return r;
}

static void test_moves(void **state)
{
	static uint8_t big[BIG];

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t i = 0; i < 5; i++) {
		static const size_t sizes[] = { 1, 63, 64, 16385, BIG };

		assert_int_equal(send(big, sizes[i]), 0);
		assert_int_equal(talker.heard_len, sizes[i]);
		assert_memory_equal(talker.heard, big, sizes[i]);
		assert_true(talker.model.empty_packet);
		say(&talker, big, sizes[i]);
		hear(BIG, -1, big, sizes[i]);
	}
	assert_int_equal(u->transfers, 10);
	assert_int_equal(usb_backend->out(u, big, 64, false, dl), 0);
	assert_false(talker.model.empty_packet);
	assert_int_equal(send("", 0), 0);
	assert_int_equal(talker.heard_len, 0);
	say(&talker, "", 0);
	hear(64, 10, "", 0);
}

static void test_too_much(void **state)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(4);
	uint8_t packet[64] = { 1, 2, 3 };

	(void)state;
	/* What was not asked for is an error, not somebody else's memory. */
	say(&talker, packet, sizeof(packet));
	assert_int_equal(hear_nothing(10, 100), FUDA_ETOOBIG);
	say(&talker, packet, sizeof(packet));
	assert_int_equal(usb_backend->in(u, 64, 100, dl, &b), FUDA_ETOOBIG);
	assert_int_equal(b.len, 0);
	say(&talker, "abc", 3);
	hear(64, 100, "abc", 3);
}

/* What came of a long transfer before its time was over is not lost. */
static void test_in_parts(void **state)
{
	static uint8_t big[BIG];

	(void)state;
	usb_close(&u);
	usbfs_manner(USBFS_SPLITS);
	assert_int_equal(open_interface(0, &u), 0);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 5 + i / 256);
	say(&talker, big, BIG);
	hear(BIG, 1000, big, BIG);
	say(&talker, big, 16384 + 100);
	hear(BIG, 1000, big, 16384 + 100);
	say(&talker, big, 100);
	hear(BIG, 1000, big, 100);

	say(&talker, big, 16384);
	assert_int_equal(hear_nothing(BIG, 20), FUDA_EMUTE);
	say(&talker, big + 16384, 16384);
	assert_int_equal(hear_nothing(BIG, 20), FUDA_EMUTE);
	say(&talker, big + 32768, 100);
	hear(BIG, 1000, big, 32768 + 100);
	/* if it does not fit it is gone, with what follows in order */
	say(&talker, big, 16384);
	assert_int_equal(hear_nothing(BIG, 20), FUDA_EMUTE);
	say(&talker, "abc", 3);
	assert_int_equal(hear_nothing(64, 1000), FUDA_ETOOBIG);
	say(&talker, "abc", 3);
	hear(64, 1000, "abc", 3);
}

/* A transfer that does not end when it is taken back holds nobody up, and nothing passes it. */
static void test_hangs(void **state)
{
	int64_t start;
	int status;
	pid_t pid;

	(void)state;
	usbfs_manner(USBFS_HANGS);
	start = now_ms();
	assert_int_equal(hear_nothing(64, 20), FUDA_EMUTE);
	assert_true(now_ms() - start < 20 + LATE_MS + SLOW_MS);
	say(&talker, "abc", 3);
	assert_int_equal(hear_nothing(64, 20), FUDA_ETRANSPORT);
	assert_int_equal(send("abc", 3), FUDA_ETRANSPORT);
	usbfs_manner(USBFS_USUAL);
	for (int i = 0; i < 100 && send("abc", 3) < 0; i++)
		pause_ms(5);
	hear(64, 100, "abc", 3);
	usb_close(&u);

	/* It is left alone even when all is closed; in a program that ends without being asked what it lost. */
	usbfs_manner(USBFS_HANGS);
	pid = fork();
	if (pid == 0) {
		if (open_interface(0, &u) < 0 || hear_nothing(64, 20) != FUDA_EMUTE)
			_exit(1);
		start = now_ms();
		usb_close(&u);
		_exit(now_ms() - start < 2000 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void *speak_soon(void *arg)
{
	pause_ms(30);
	say(&talker, "late", 4);
	return arg;
}

static void test_waits(void **state)
{
	int64_t start = now_ms();
	pthread_t t;

	(void)state;
	assert_int_equal(hear_nothing(64, 0), FUDA_EMUTE);
	assert_int_equal(hear_nothing(64, 20), FUDA_EMUTE);
	assert_true(now_ms() - start >= 20);
	assert_string_equal(fuda_context_message(ctx), "");
	t = soon(speak_soon);
	hear(300, 5000, "late", 4);
	pthread_join(t, NULL);
	/* what comes between two calls is for the second */
	assert_int_equal(hear_nothing(64, 1), FUDA_EMUTE);
	say(&talker, "later", 5);
	hear(64, 100, "later", 5);
}

static void test_deadline(void **state)
{
	int64_t start;

	(void)state;
	fuda_deadline_restart(dl, 40);
	start = now_ms();
	assert_int_equal(hear_nothing(64, -1), FUDA_ETIMEOUT);
	assert_true(now_ms() - start >= 40);
	assert_true(now_ms() - start < 40 + LATE_MS + SLOW_MS);
	assert_int_equal(hear_nothing(64, 1000), FUDA_ETIMEOUT);
	fuda_deadline_restart(dl, 40);
	talker.deaf = true;
	assert_int_equal(send("abc", 3), FUDA_ETIMEOUT);
	assert_string_not_equal(fuda_context_message(ctx), "");
	fuda_deadline_restart(dl, 40);
	assert_int_equal(usb_backend->control(u, 0xA1, 0x7E, 0, (uint8_t[3]){ 0 }, 3, dl), FUDA_ETIMEOUT);
	/* and goes on as if nothing had been */
	fuda_deadline_restart(dl, 5000);
	talker.deaf = false;
	assert_int_equal(send("abc", 3), 0);
	assert_int_equal(talker.outs, 1);
}

static void test_cancel(void **state)
{
	int64_t start = now_ms();
	pthread_t t = soon(cancel);

	(void)state;
	assert_int_equal(hear_nothing(64, -1), FUDA_ECANCELLED);
	assert_true(now_ms() - start < 30 + LATE_MS + SLOW_MS);
	pthread_join(t, NULL);
	assert_int_equal(send("abc", 3), FUDA_ECANCELLED);
	assert_int_equal(hear_nothing(64, 10), FUDA_ECANCELLED);
	assert_int_equal(usb_backend->control(u, 0xA1, 3, 0, (uint8_t[3]){ 0 }, 3, dl), FUDA_ECANCELLED);
}

static void test_stall(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		fails_next(MODEL_STALL);
		assert_int_equal(send("abc", 3), FUDA_ETRANSPORT);
		assert_non_null(strstr(fuda_context_message(ctx), "PIPE"));
		assert_int_equal(send("abc", 3), 0);
		fails_next(MODEL_STALL);
		assert_int_equal(hear_nothing(64, 100), FUDA_ETRANSPORT);
		say(&talker, "abc", 3);
		hear(64, 100, "abc", 3);
	}
}

static void test_control(void **state)
{
	uint8_t data[3] = { 0 };

	(void)state;
	assert_int_equal(usb_backend->control(u, 0xA1, 2, 0x0304, data, 3, dl), 3);
	assert_memory_equal(data, "\x02\x04\x03", 3);
	assert_int_equal(usb_backend->control(u, 0xA1, 2, 0, data, 1, dl), 1);
	assert_int_equal(usb_backend->control(u, 0x21, 1, 0, (uint8_t *)(uintptr_t)"xyz", 3, dl), 3);
	assert_memory_equal(talker.control, "xyz", 3);
	assert_int_equal(usb_backend->control(u, 0x21, 1, 0x0100, NULL, 0, dl), 0);
	assert_int_equal(usb_backend->control(u, 0xA1, 0x7F, 0, data, 3, dl), FUDA_ETRANSPORT);
	assert_int_equal(usb_backend->control(u, 0xA1, 2, 0x0304, data, 3, dl), 3);
}

/* ---- two threads ---- */

static struct fuda_deadline *alarm_dl;

static void *wait_for_alarm(void *arg)
{
	struct fuda_buf b = FUDA_BUF_INIT(8);

	*(int *)arg = usb_backend->interrupt(u, -1, alarm_dl, &b);
	if (*(int *)arg == 0)
		*(int *)arg = (int)b.len;
	fuda_buf_free(&b);
	return NULL;
}

static void test_interrupt(void **state)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(8);
	struct usb *v = NULL;
	pthread_t t;
	int r = 1;

	(void)state;
	assert_int_equal(fuda_deadline_new(5000, &alarm_dl), 0);
	assert_int_equal(usb_backend->interrupt(u, 0, dl, &b), FUDA_EMUTE);
	raise_alarm();
	assert_int_equal(usb_backend->interrupt(u, 1000, dl, &b), 0);
	assert_int_equal(b.len, 2);
	pthread_create(&t, NULL, wait_for_alarm, &r);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(send("abc", 3), 0);
		say(&talker, "de", 2);
		hear(64, 1000, "de", 2);
	}
	raise_alarm();
	pthread_join(t, NULL);
	assert_int_equal(r, 2);
	/* who waits when it is closed comes back first */
	pthread_create(&t, NULL, wait_for_alarm, &r);
	pause_ms(20);
	usb_close(&u);
	pthread_join(t, NULL);
	assert_int_equal(r, FUDA_ECANCELLED);
	fuda_deadline_free(&alarm_dl);
	assert_int_equal(open_interface(3, &v), 0);
	assert_int_equal(usb_backend->interrupt(v, 0, dl, &b), FUDA_ENOTSUP);
	usb_close(&v);
}

/* ---- unplugged ---- */

static int do_in(void)
{
	return hear_nothing(64, -1);
}

static int do_interrupt(void)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(8);

	return usb_backend->interrupt(u, -1, dl, &b);
}

static int do_out(void)
{
	talker.deaf = true;
	return send("abc", 3);
}

static int do_control(void)
{
	return usb_backend->control(u, 0xA1, 0x7E, 0, (uint8_t[3]){ 0 }, 3, dl);
}

static void unplug_during(int (*what)(void))
{
	pthread_t t = soon(unplug_talker);
	int64_t start = now_ms();

	assert_int_equal(what(), FUDA_EREADERGONE);
	assert_true(now_ms() - start < 2000);
	pthread_join(t, NULL);
	assert_int_equal(what(), FUDA_EREADERGONE);
	usb_close(&u);
	talker_init(&talker);
	usbfs_plug(&talker.model);
	assert_int_equal(open_interface(0, &u), 0);
}

static void test_unplugged(void **state)
{
	(void)state;
	unplug_during(do_in);
	unplug_during(do_out);
	unplug_during(do_control);
	unplug_during(do_interrupt);
	fails_next(MODEL_GONE);
	assert_int_equal(send("abc", 3), FUDA_EREADERGONE);
	assert_int_equal(send("abc", 3), FUDA_EREADERGONE);
	assert_int_equal(talker.outs, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, talker_open, talker_end)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_moves),
		TEST(test_too_much),
		TEST(test_in_parts),
		TEST(test_hangs),
		TEST(test_waits),
		TEST(test_deadline),
		TEST(test_cancel),
		TEST(test_stall),
		TEST(test_control),
		TEST(test_interrupt),
		TEST(test_unplugged),
	};

	(void)argc;
	return RUN_WRAPPED(argv, tests);
}
