/* SPDX-License-Identifier: Apache-2.0 */
/* The USB by libusb, on devices that umockdev and this program play. */
#include "tests/cmocka.h"
#include "tests/model.h"
#include "tests/process.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/context.h"
#include "base/deadline.h"

enum {
	BIG = 65536 + 10,
	LATE_MS = 100, /* by so much a wait may outlast its deadline (reader/usb.h) */
	SLOW_MS = 150, /* and a busy machine is slower still */
};

/* A device that keeps what it is told, and says what the test has it say. */
struct talker {
	struct usb_model model;
	pthread_mutex_t lock;
	uint8_t heard[BIG], says[BIG];
	size_t heard_len, says_len;
	bool speaks;	    /* `says` is there to be fetched */
	bool alarm;	    /* and 50 03 at the interrupt endpoint */
	bool deaf;	    /* takes nothing */
	int outs, next;	    /* `next`: how the next bulk transfer ends, if not 0 */
	uint8_t control[3]; /* request and value of the last */
};

static int talker_out(struct usb_model *m, const uint8_t *bytes, size_t len)
{
	struct talker *t = (struct talker *)m;
	int r;

	pthread_mutex_lock(&t->lock);
	r = t->deaf ? MODEL_NOTHING : t->next;
	if (r == 0) {
		t->heard_len = MIN(len, sizeof(t->heard));
		memcpy(t->heard, bytes, t->heard_len);
		t->outs++;
	}
	if (!t->deaf)
		t->next = 0;
	pthread_mutex_unlock(&t->lock);
	return r;
}

static ssize_t talker_in(struct usb_model *m, uint8_t *ret, size_t max)
{
	struct talker *t = (struct talker *)m;
	ssize_t r;

	pthread_mutex_lock(&t->lock);
	r = t->next ? t->next : t->speaks ? (ssize_t)MIN(max, t->says_len) : MODEL_NOTHING;
	if (r >= 0) {
		memcpy(ret, t->says, (size_t)r);
		memmove(t->says, t->says + r, t->says_len - (size_t)r);
		t->says_len -= (size_t)r;
		t->speaks = t->says_len > 0;
	}
	t->next = 0;
	pthread_mutex_unlock(&t->lock);
	return r;
}

static ssize_t talker_interrupt(struct usb_model *m, uint8_t *ret, size_t max)
{
	struct talker *t = (struct talker *)m;
	bool alarm;

	pthread_mutex_lock(&t->lock);
	alarm = t->alarm;
	t->alarm = false;
	pthread_mutex_unlock(&t->lock);
	if (!alarm)
		return MODEL_NOTHING;
	memcpy(ret, "\x50\x03", MIN(max, 2));
	return 2;
}

static ssize_t talker_control(struct usb_model *m, uint8_t type, uint8_t request, uint16_t value, uint8_t *data,
			      uint16_t len)
{
	struct talker *t = (struct talker *)m;

	if (request == 0x7F)
		return MODEL_STALL;
	if (request == 0x7E)
		return MODEL_NOTHING;
	if (!(type & 0x80)) {
		memcpy(t->control, data, MIN(len, sizeof(t->control)));
		return len;
	}
	memcpy(data, (uint8_t[]){ request, value & 0xFF, value >> 8 }, MIN(len, 3));
	return MIN(len, 3);
}

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct talker talker, second;
static struct usb *u;

static void talker_init(struct talker *t)
{
	*t = (struct talker){
		.model = { .device = { .vendor = 0x1234, .product = 0x5678, .release = 0x0102, .interface_count = 2,
				       .interfaces = { { .number = 0, .class = 0x0B, .extra = { 4, 0x21, 1, 2 },
							 .extra_len = 4, .out = 2, .in = 0x81, .interrupt = 0x83,
							 .out_packet = 64, .in_packet = 64, .interrupt_packet = 8 },
						       { .number = 3, .class = 0xFF, .out = 4, .in = 0x85,
							 .out_packet = 64, .in_packet = 64 } } },
			   .product = "Talker", .serial = "0815", .out = talker_out, .in = talker_in,
			   .interrupt = talker_interrupt, .control = talker_control },
	};
	pthread_mutex_init(&t->lock, NULL);
}

static void say(struct talker *t, const void *bytes, size_t len)
{
	pthread_mutex_lock(&t->lock);
	memcpy(t->says, bytes, len);
	t->says_len = len;
	t->speaks = true;
	pthread_mutex_unlock(&t->lock);
}

static void fails_next(int how)
{
	pthread_mutex_lock(&talker.lock);
	talker.next = how;
	pthread_mutex_unlock(&talker.lock);
}

static int plug_only(void **state)
{
	(void)state;
	fuda_context_new(&ctx);
	fuda_deadline_new(10000, &dl);
	talker_init(&talker);
	usbfs_begin();
	usbfs_plug(&talker.model);
	return 0;
}

static int open_interface(uint8_t number, struct usb **ret)
{
	return usb_backend->open(ctx, 1, talker.model.device.address, number, ret);
}

static int begin(void **state)
{
	return plug_only(state) < 0 ? -1 : open_interface(0, &u);
}

static int end(void **state)
{
	(void)state;
	usb_close(&u);
	usbfs_end();
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return 0;
}

/* ---- places ---- */

static void test_parse_place(void **state)
{
	static const struct {
		const char *text;
		uint8_t bus, address;
		const char *rest; /* NULL: it is refused */
	} places[] = {
		{ "1.2", 1, 2, "" },	   { "001.002", 1, 2, "" }, { "255.255", 255, 255, "" },
		{ "3.4.1", 3, 4, ".1" },   { "3.4 x", 3, 4, " x" },
		/* refused */
		{ "" },	    { "1" },	 { "1." },     { ".2" },    { "0.2" },	  { "1.0" },
		{ "256.1" }, { "1.256" }, { "1,2" },	{ "-1.2" },  { "+1.2" },	  { " 1.2" },
		{ "1. 2" },  { "0001.2" }, { "1.0002" }, { "a.2" },   { "1.b" },	  { "0x1.2" },
		{ "1.000" }, { "1..2" },  { "1.-2" },	{ "99999999999.1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		uint8_t bus = 77, address = 78;
		const char *rest = "untouched";
		int r = usb_parse_place(places[i].text, &bus, &address, &rest);

		assert_int_equal(r, places[i].rest ? 0 : FUDA_EINVAL);
		assert_int_equal(bus, places[i].rest ? places[i].bus : 77);
		assert_int_equal(address, places[i].rest ? places[i].address : 78);
		assert_string_equal(rest, places[i].rest ? places[i].rest : "untouched");
		r = usb_parse_place(places[i].text, &bus, &address, NULL);
		assert_int_equal(r, places[i].rest && !*places[i].rest ? 0 : FUDA_EINVAL);
	}
}

/* ---- the bus ---- */

static int find(void *arg, const struct usb_device *device)
{
	if (device->address != talker.model.device.address)
		return 0;
	*(struct usb_device *)arg = *device;
	return 42;
}

static int count(void *arg, const struct usb_device *device)
{
	(void)device;
	++*(int *)arg;
	return 0;
}

static void test_list(void **state)
{
	struct usb_device d = { 0 };
	const struct usb_interface *f = d.interfaces;
	struct usb_bus *bus;
	int n = 0;

	(void)state;
	talker_init(&second);
	usbfs_plug(&second.model);
	assert_int_equal(usb_backend->bus_open(ctx, &bus), 0);
	assert_int_equal(usb_backend->list(bus, count, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(usb_backend->list(bus, find, &d), 42);
	usb_backend->bus_close(bus);
	assert_int_equal(d.bus, 1);
	assert_int_equal(d.vendor, 0x1234);
	assert_int_equal(d.product, 0x5678);
	assert_int_equal(d.release, 0x0102);
	assert_int_equal(d.interface_count, 2);
	assert_int_equal(f->class, 0x0B);
	assert_int_equal(f->out, 2);
	assert_int_equal(f->in, 0x81);
	assert_int_equal(f->interrupt, 0x83);
	assert_int_equal(f->in_packet, 64);
	assert_int_equal(f->interrupt_packet, 8);
	assert_int_equal(f->extra_len, 4);
	assert_memory_equal(f->extra, "\x04\x21\x01\x02", 4);
	assert_int_equal(f[1].number, 3);
	assert_int_equal(f[1].interrupt, 0);
}

static void *plug_second(void *arg)
{
	pause_ms(30);
	talker_init(&second);
	usbfs_plug(&second.model);
	return arg;
}

static void *unplug_second(void *arg)
{
	pause_ms(30);
	usbfs_unplug(&second.model);
	return arg;
}

static void *unplug_first(void *arg)
{
	pause_ms(30);
	usbfs_unplug(&talker.model);
	return arg;
}

static void *cancel_soon(void *arg)
{
	pause_ms(30);
	fuda_deadline_cancel(dl);
	return arg;
}

/* Does `what` soon, on another thread. */
static pthread_t soon(void *(*what)(void *))
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, what, NULL), 0);
	return t;
}

static void test_hotplug(void **state)
{
	struct usb_bus *bus;
	pthread_t t;
	int64_t start;
	int n = 0;

	(void)state;
	assert_int_equal(usb_backend->bus_open(ctx, &bus), 0);
	assert_int_equal(usb_backend->list(bus, count, &n), 0);
	start = now_ms();
	assert_int_equal(usb_backend->wait(bus, 20, dl), FUDA_EMUTE);
	assert_true(now_ms() - start >= 20);
	t = soon(plug_second);
	assert_int_equal(usb_backend->wait(bus, -1, dl), 0);
	assert_int_equal(usb_backend->wait(bus, 0, dl), 0); /* until it has been looked at */
	pthread_join(t, NULL);
	n = 0;
	assert_int_equal(usb_backend->list(bus, count, &n), 0);
	assert_int_equal(n, 2);
	t = soon(unplug_second);
	assert_int_equal(usb_backend->wait(bus, 5000, dl), 0);
	pthread_join(t, NULL);
	n = 0;
	assert_int_equal(usb_backend->list(bus, count, &n), 0);
	assert_int_equal(n, 1);
	t = soon(cancel_soon);
	start = now_ms();
	assert_int_equal(usb_backend->wait(bus, -1, dl), FUDA_ECANCELLED);
	assert_true(now_ms() - start < LATE_MS + SLOW_MS);
	pthread_join(t, NULL);
	usb_backend->bus_close(bus);
}

static void test_hotplug_deadline(void **state)
{
	struct usb_bus *bus;

	(void)state;
	assert_int_equal(usb_backend->bus_open(ctx, &bus), 0);
	fuda_deadline_restart(dl, 30);
	assert_int_equal(usb_backend->wait(bus, -1, dl), FUDA_ETIMEOUT);
	assert_int_equal(usb_backend->wait(bus, 1000, dl), FUDA_ETIMEOUT);
	assert_string_not_equal(fuda_context_message(ctx), "");
	usb_backend->bus_close(bus);
}

/* ---- opening ---- */

static void test_open(void **state)
{
	struct usb *v = NULL;

	(void)state;
	assert_int_equal(open_interface(0, &u), 0);
	assert_string_equal(u->product, "Talker");
	assert_string_equal(u->serial, "0815");
	assert_int_equal(u->device.address, talker.model.device.address);
	assert_int_equal(u->interface->number, 0);

	assert_int_equal(open_interface(0, &v), FUDA_EBUSY);
	assert_non_null(strstr(fuda_context_message(ctx), "pcsc:"));
	assert_int_equal(open_interface(7, &v), FUDA_ENOREADER);
	assert_int_equal(usb_backend->open(ctx, 1, 99, 0, &v), FUDA_ENOREADER);
	assert_int_equal(usb_backend->open(ctx, 9, talker.model.device.address, 0, &v), FUDA_ENOREADER);
	assert_null(v);
	/* two readers in one device */
	assert_int_equal(open_interface(3, &v), 0);
	assert_int_equal(v->interface->number, 3);
	usb_close(&v);
	usb_close(&u);
	assert_int_equal(open_interface(0, &u), 0);
	usbfs_unplug(&talker.model);
	assert_int_equal(open_interface(3, &v), FUDA_ENOREADER);
}

static int plug_taken(void **state)
{
	(void)state;
	fuda_context_new(&ctx);
	fuda_deadline_new(10000, &dl);
	talker_init(&talker);
	talker.model.kernel_driver = "port100";
	talker.model.product = "\xE3\x82\xAB" "A reader whose name is a good deal longer than anybody would ever read";
	talker.model.serial = NULL;
	usbfs_begin();
	usbfs_plug(&talker.model);
	return 0;
}

static void test_kernel_driver(void **state)
{
	struct usb *v = NULL;

	(void)state;
	for (int i = 0; i < 2; i++) { /* it is given back at close, and taken again */
		assert_int_equal(open_interface(0, &u), 0);
		assert_int_equal(open_interface(0, &v), FUDA_EBUSY);
		usb_close(&u);
	}
	assert_int_equal(open_interface(0, &u), 0);
	assert_string_equal(u->serial, "");
	assert_int_equal(strlen(u->product), USB_TEXT_SIZE - 1);
	assert_non_null(strstr(u->product, "A reader"));
}

/* Another program has it, and then has ended without a word. */
static void test_other_program(void **state)
{
	int has[2], end_it[2], status;
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(has) + pipe(end_it), 0);
	pid = fork();
	if (pid == 0) {
		if (open_interface(0, &u) == 0 && write(has[1], "x", 1) == 1)
			(void)!read(end_it[0], &c, 1);
		_exit(0);
	}
	assert_int_equal(read(has[0], &c, 1), 1);
	assert_int_equal(open_interface(0, &u), FUDA_EBUSY);
	assert_int_equal(write(end_it[1], "x", 1), 1);
	waitpid(pid, &status, 0);
	for (int i = 0; i < 100 && open_interface(0, &u) < 0; i++)
		pause_ms(10);
	assert_non_null(u);
	close(has[0]), close(has[1]), close(end_it[0]), close(end_it[1]);
}

/* ---- transfers ---- */

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
		say(&talker, big, sizes[i]);
		hear(BIG, -1, big, sizes[i]);
	}
	assert_int_equal(u->transfers, 10);
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
	pthread_t t = soon(cancel_soon);

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

static void raise_alarm(void)
{
	pthread_mutex_lock(&talker.lock);
	talker.alarm = true;
	pthread_mutex_unlock(&talker.lock);
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
	pthread_t t = soon(unplug_first);
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

/* Nothing is left behind: neither memory (the sanitizers see that) nor descriptors nor threads. */
static void test_no_leak(void **state)
{
	int fds, threads;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct usb_bus *bus;
		int n = 0;

		if (i == 1) {
			fds = entries("/proc/self/fd");
			threads = entries("/proc/self/task");
		}
		assert_int_equal(usb_backend->bus_open(ctx, &bus), 0);
		assert_int_equal(usb_backend->list(bus, count, &n), 0);
		assert_int_equal(open_interface(0, &u), 0);
		assert_int_equal(hear_nothing(64, 5), FUDA_EMUTE);
		usb_close(&u);
		usb_backend->bus_close(bus);
		if (i == 0)
			continue;
		for (int k = 0; k < 100 && entries("/proc/self/task") > threads; k++)
			pause_ms(5);
		assert_int_equal(entries("/proc/self/fd"), fds);
		assert_int_equal(entries("/proc/self/task"), threads);
	}
}

#define TEST(f)	     cmocka_unit_test_setup_teardown(f, begin, end)
#define UNOPENED(f)  cmocka_unit_test_setup_teardown(f, plug_only, end)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_place),
		UNOPENED(test_list),
		UNOPENED(test_hotplug),
		UNOPENED(test_hotplug_deadline),
		UNOPENED(test_open),
		cmocka_unit_test_setup_teardown(test_kernel_driver, plug_taken, end),
		UNOPENED(test_other_program),
		TEST(test_moves),
		TEST(test_too_much),
		TEST(test_waits),
		TEST(test_deadline),
		TEST(test_cancel),
		TEST(test_stall),
		TEST(test_control),
		TEST(test_interrupt),
		TEST(test_unplugged),
		UNOPENED(test_no_leak),
	};

	(void)argc;
	usbfs_wrap(argv);
	if (!usbfs_possible()) {
		puts("SKIP: umockdev-wrapper (package umockdev) is not installed");
		return 77;
	}
	return RUN(tests);
}
