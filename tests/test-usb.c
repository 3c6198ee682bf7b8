/* SPDX-License-Identifier: Apache-2.0 */
/* The USB by libusb: what is plugged in, and opening it. */
#include "tests/talker.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct talker second;

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
	t = soon(cancel);
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
	assert_true(usbfs_kernel_has(&talker.model));
	for (int i = 0; i < 2; i++) { /* it is taken once, for good */
		assert_int_equal(open_interface(0, &u), 0);
		assert_int_equal(open_interface(0, &v), FUDA_EBUSY);
		usb_close(&u);
		assert_false(usbfs_kernel_has(&talker.model));
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

/* How many entries a folder has when the other end of what was closed has noticed that, on its own thread. */
static int settled(const char *path)
{
	int n = entries(path);

	for (int quiet = 0; quiet < 20; quiet++) {
		pause_ms(5);
		if (entries(path) == n)
			continue;
		n = entries(path);
		quiet = 0;
	}
	return n;
}

/* Nothing is left behind: neither memory (the sanitizers see that) nor descriptors nor threads. */
static void test_no_leak(void **state)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(64);
	int fds = 0, threads = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct usb_bus *bus;
		int n = 0;

		if (i == 1) {
			fds = settled("/proc/self/fd");
			threads = settled("/proc/self/task");
		}
		assert_int_equal(usb_backend->bus_open(ctx, &bus), 0);
		assert_int_equal(usb_backend->list(bus, count, &n), 0);
		assert_int_equal(open_interface(0, &u), 0);
		assert_int_equal(usb_backend->in(u, 64, 5, dl, &b), FUDA_EMUTE);
		usb_close(&u);
		usb_backend->bus_close(bus);
		if (i == 0)
			continue;
		assert_int_equal(settled("/proc/self/fd"), fds);
		assert_int_equal(settled("/proc/self/task"), threads);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, talker_plug, talker_end)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_place),
		TEST(test_list),
		TEST(test_hotplug),
		TEST(test_hotplug_deadline),
		TEST(test_open),
		cmocka_unit_test_setup_teardown(test_kernel_driver, plug_taken, talker_end),
		TEST(test_other_program),
		TEST(test_no_leak),
	};

	(void)argc;
	return RUN_WRAPPED(argv, tests);
}
