/* SPDX-License-Identifier: Apache-2.0 */
/* Listing and waiting for readers on the USB, on a bus in this process with readers that are played by a driver
 * of the test's. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader/device.h"
#include "reader/reader.h"
#include "tests/cmocka.h"
#include "tests/model.h"
#include "tests/process.h"

enum { READERS = 3, SLOTS = 3 };

/* A reader: its device, and what its driver is to say of it. */
static struct played {
	struct usb_model model;
	uint8_t address;
	unsigned slots;
	bool card[SLOTS];
	int attach_fails, present_fails; /* with this */
	bool hangs;			 /* until the deadline */
	bool taken;			 /* since we tried; asked for a second, as attach() does */
	unsigned attached, asked;
} played[READERS];

static unsigned open_readers;
static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct fuda_reader_list *list;
static struct usb_backend backend; /* the mock's, with another open() */
static const struct usb_backend *mock;
static int open_fails; /* with this, of the device at this address */
static uint8_t open_fails_at;
static unsigned opened;

/* ---- what is played ---- */

static struct played *at(uint8_t address)
{
	for (size_t i = 0; i < READERS; i++)
		if (played[i].address == address)
			return &played[i];
	return NULL;
}

static int fake_attach(struct reader *r, const char *rest, struct fuda_deadline *d)
{
	unsigned slot = 0;
	const char *tail;
	uint8_t bus, address;
	struct played *p;

	assert_int_equal(usb_parse_place(rest, &bus, &address, &tail), 0);
	assert_int_equal(bus, 1);
	p = at(address);
	assert_non_null(p);
	if (*tail)
		assert_int_equal(sscanf(tail, "/%u", &slot), 1);
	if (slot >= p->slots)
		return ctx_fail(r->ctx, FUDA_ENOREADER, "no such slot");
	p->attached++;
	if (p->hangs)
		return ctx_fail_code(r->ctx, deadline_wait_fd(d, -1, 0));
	if (p->taken && deadline_sleep(d, 1000) < 0)
		return ctx_fail_code(r->ctx, deadline_check(d));
	if (p->taken)
		return ctx_fail(r->ctx, FUDA_EBUSY, "taken");
	if (p->attach_fails)
		return ctx_fail(r->ctx, p->attach_fails, "attach fails");
	r->priv = &p->card[slot];
	snprintf(r->model, sizeof(r->model), "Model %u", p->address);
	open_readers++;
	return 0;
}

static int fake_present(struct reader *r, struct fuda_deadline *d, bool *ret)
{
	struct played *p = played;

	(void)d;
	while ((bool *)r->priv < p->card || (bool *)r->priv >= p->card + SLOTS)
		p++;
	p->asked++;
	if (p->present_fails)
		return ctx_fail(r->ctx, p->present_fails, "present fails");
	*ret = *(bool *)r->priv;
	return 0;
}

static void fake_close(struct reader *r)
{
	(void)r;
	open_readers--;
}

static const struct driver fake = {
	.name = "ccid", .attach = fake_attach, .present = fake_present, .close = fake_close
};

static int open_or_fail(struct fuda_context *c, uint8_t bus, uint8_t address, uint8_t number, struct usb **ret)
{
	opened++;
	if (open_fails && address == open_fails_at)
		return ctx_fail(c, open_fails, "open fails");
	return mock->open(c, bus, address, number, ret);
}

static struct played *plug(size_t i)
{
	struct played *p = &played[i];

	p->slots = 1;
	p->model.device = (struct usb_device){ .vendor = 0x1234, .product = (uint16_t)i, .interface_count = 1 };
	p->model.device.interfaces[0] = (struct usb_interface){
		.class = 0x0B, .out = 0x02, .in = 0x81, .out_packet = 64, .in_packet = 64
	};
	p->address = usb_mock_plug(&p->model);
	return p;
}

static int set_up(void **state)
{
	(void)state;
	memset(played, 0, sizeof(played));
	open_fails = 0;
	opened = open_readers = 0;
	usb_mock_begin(true);
	mock = usb_backend;
	backend = *mock;
	backend.open = open_or_fail;
	usb_backend = &backend;
	assert_int_equal(fuda_context_new(&ctx), 0);
	assert_int_equal(fuda_deadline_new(5000, &dl), 0);
	list = calloc(1, sizeof(*list));
	assert_non_null(list);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(open_readers, 0);
	fuda_reader_list_free(&list);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	usb_backend = mock;
	usb_mock_end();
	return 0;
}

static void list_is(int result, size_t count)
{
	fuda_reader_list_free(&list);
	list = calloc(1, sizeof(*list));
	assert_non_null(list);
	assert_int_equal(device_list(&fake, ctx, dl, list), result);
	assert_int_equal(list->count, count);
}

static const struct fuda_reader_info *listed(const struct played *p, const char *slot)
{
	char name[32];

	snprintf(name, sizeof(name), "ccid:001.%03u%s", p->address, slot);
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	fail_msg("%s is not listed", name);
	return NULL;
}

/* ---- which driver ---- */

static void test_driver_of_device(void **state)
{
	static const struct {
		uint16_t vendor, product;
		uint8_t class;
		const char *driver; /* NULL: none of ours */
	} rows[] = {
		{ 0x054c, 0x06c1, 0xFF, "rcs380" }, { 0x054c, 0x06c3, 0xFF, "rcs380" },
		{ 0x054c, 0x0dc8, 0x0B, "ccid" },   { 0x04e6, 0x511a, 0xFF, "ccid" },
		{ 0x1234, 0x5678, 0x0B, "ccid" },   { 0x1234, 0x5678, 0xFF, NULL },
		{ 0x1234, 0x5678, 0x03, NULL },	    { 0x054c, 0x06c2, 0xFF, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct usb_device d = { .vendor = rows[i].vendor, .product = rows[i].product, .interface_count = 1 };
		const struct driver *driver;

		d.interfaces[0].class = rows[i].class;
		driver = device_driver(&d);
		assert_int_equal(driver != NULL, rows[i].driver != NULL);
		if (driver)
			assert_string_equal(driver->name, rows[i].driver);
	}
}

/* ---- listing ---- */

static void test_no_device(void **state)
{
	(void)state;
	list_is(0, 0);
}

static void test_readers_and_cards(void **state)
{
	(void)state;
	plug(0);
	plug(1)->card[0] = true;
	list_is(0, 2);
	assert_false(listed(&played[0], "")->card);
	assert_true(listed(&played[1], "")->card);
	assert_int_equal(listed(&played[1], "")->atr_len, 0);
	assert_memory_equal(listed(&played[1], "")->model, "Model ", 6);
	assert_string_not_equal(listed(&played[0], "")->model, listed(&played[1], "")->model);
	assert_int_equal(played[1].asked, 1);
	usb_mock_unplug(&played[0].model);
	list_is(0, 1);
	listed(&played[1], "");
}

static void test_slots(void **state)
{
	(void)state;
	plug(0)->slots = SLOTS;
	played[0].card[1] = true;
	plug(1);
	list_is(0, 4);
	assert_false(listed(&played[0], "")->card);
	assert_true(listed(&played[0], "/1")->card);
	assert_false(listed(&played[0], "/2")->card);
}

static void test_devices_of_others_are_left_alone(void **state)
{
	struct usb_interface *f = plug(0)->model.device.interfaces;

	(void)state;
	usb_mock_unplug(&played[0].model);
	f->class = 0x03;
	played[0].address = usb_mock_plug(&played[0].model);
	list_is(0, 0);
	assert_int_equal(opened, 0);
	/* a keyboard with a slot: its keys stay with the kernel */
	usb_mock_unplug(&played[0].model);
	f[1] = f[0];
	f[1].number = 1;
	f[1].class = 0x0B;
	played[0].model.device.interface_count = 2;
	played[0].address = usb_mock_plug(&played[0].model);
	list_is(0, 1);
	assert_int_equal(opened, 1);
	/* an interface of the vendor's beside it may be with another program */
	usb_mock_unplug(&played[0].model);
	f[0].class = 0xFF;
	played[0].address = usb_mock_plug(&played[0].model);
	list_is(0, 1);
	assert_int_equal(opened, 2);
}

static void *release_later(void *model)
{
	pause_ms(100);
	usb_mock_take(model, false);
	return NULL;
}

static void test_taken_by_another(void **state)
{
	const struct fuda_reader_info pcsc = { 0 };
	pthread_t thread;
	int64_t start;

	(void)state;
	plug(0);
	plug(1);
	usb_mock_take(&played[0].model, true);
	list_is(0, 1);
	listed(&played[1], "");
	assert_int_equal(played[0].attached, 0);
	/* who is only looking is waited for */
	assert_int_equal(pthread_create(&thread, NULL, release_later, &played[0].model), 0);
	list_is(0, 2);
	pthread_join(thread, NULL);
	/* but not the PC/SC service, which lists it itself */
	usb_mock_take(&played[0].model, true);
	assert_int_equal(reader_list_add(list, "pcsc", "A Reader 00 00", &pcsc), 0);
	start = now_ms();
	assert_int_equal(device_list(&fake, ctx, dl, list), 0);
	assert_true(now_ms() - start < 200);
	assert_int_equal(list->count, 2 + 1 + 1);
	/* taken between two steps of ours */
	usb_mock_take(&played[0].model, false);
	played[0].attach_fails = FUDA_EBUSY;
	list_is(0, 1);
	played[0].attach_fails = 0;
	played[0].taken = true; /* for as long as that takes: it is not one without a card */
	list_is(0, 1);
	listed(&played[1], "");
}

static void test_not_allowed(void **state)
{
	(void)state;
	plug(0);
	plug(1);
	open_fails = FUDA_EACCESS;
	open_fails_at = played[0].address;
	list_is(FUDA_EACCESS, 1);
	listed(&played[1], "");
	/* what fails after it does not hide it */
	played[1].attach_fails = FUDA_EREADERGONE;
	list_is(FUDA_EACCESS, 0);
	assert_string_equal(fuda_context_message(ctx), "open fails");
	/* and does not stay */
	ctx_fail(ctx, FUDA_EFAILED, "another");
	assert_string_equal(fuda_context_message(ctx), "another");
}

static void test_what_fails_is_left_out(void **state)
{
	static const int attach[] = { FUDA_EREADERGONE, FUDA_ENOREADER, FUDA_ETRANSPORT };

	(void)state;
	plug(0);
	plug(1);
	for (size_t i = 0; i < ARRAY_SIZE(attach); i++) {
		played[0].attach_fails = attach[i];
		list_is(0, 1);
		played[0].attach_fails = 0;
		played[0].present_fails = attach[i];
		list_is(0, 1);
		played[0].present_fails = 0;
	}
	list_is(0, 2);
}

/* It is there, but does not say: a second and a half at most. */
static void test_a_reader_that_hangs(void **state)
{
	int64_t start = now_ms();

	(void)state;
	plug(0)->hangs = true;
	plug(1);
	list_is(0, 2);
	assert_in_range(now_ms() - start, 1400, 3000);
	assert_false(listed(&played[0], "")->card);
	assert_in_range(deadline_left(dl), 1500, 3700); /* of the 5 seconds: it was given back */
	start = now_ms();
	fuda_deadline_restart(dl, 200);
	list_is(FUDA_ETIMEOUT, 0);
	assert_true(now_ms() - start < 700);
	fuda_deadline_restart(dl, -1);
	fuda_deadline_cancel(dl);
	list_is(FUDA_ECANCELLED, 0);
}

/* ---- waiting ---- */

static void *act(void *arg)
{
	pause_ms(200);
	(*(void (**)(void))arg)();
	return NULL;
}

/* What wait() says while `action` is done beside it, and that it says so in time. */
static void waits(void (*action)(void), int ms, int expected)
{
	int64_t start = now_ms();
	pthread_t thread;

	fuda_deadline_restart(dl, ms);
	assert_int_equal(pthread_create(&thread, NULL, act, &action), 0);
	assert_int_equal(device_wait(&fake, ctx, dl, list), expected);
	assert_in_range(now_ms() - start, 190, 2500);
	pthread_join(thread, NULL);
	fuda_deadline_restart(dl, 5000);
}

/* The action is news, also to who asks only after it; then so many are listed. */
static void is_news(void (*action)(void), size_t count)
{
	int64_t start;

	waits(action, 5000, 0);
	start = now_ms();
	assert_int_equal(device_wait(&fake, ctx, dl, list), 0);
	assert_true(now_ms() - start < 500);
	list_is(0, count);
}

static void card_comes(void)
{
	played[0].card[0] = true;
}

static void card_goes(void)
{
	played[0].card[0] = false;
}

static void taken(void)
{
	usb_mock_take(&played[0].model, true);
}

static void plug_second(void)
{
	plug(1);
}

static void unplug_first(void)
{
	usb_mock_unplug(&played[0].model);
}

static void nothing(void)
{
}

static void test_waits(void **state)
{
	(void)state;
	plug(0);
	list_is(0, 1);
	is_news(card_comes, 1);
	assert_true(listed(&played[0], "")->card);
	is_news(card_goes, 1);
	is_news(plug_second, 2);
	is_news(unplug_first, 1);
	waits(nothing, 1200, FUDA_ETIMEOUT);
}

/* A reader that another program works with is still the reader that it was. */
static void test_taken_is_no_news(void **state)
{
	(void)state;
	plug(0)->card[0] = true;
	plug(1);
	list_is(0, 2);
	waits(taken, 1200, FUDA_ETIMEOUT);
	usb_mock_take(&played[0].model, false);
	played[0].attach_fails = FUDA_EBUSY; /* taken between two steps of ours */
	waits(nothing, 600, FUDA_ETIMEOUT);
	played[0].attach_fails = 0;
	played[0].card[0] = false;
	assert_int_equal(device_wait(&fake, ctx, dl, list), 0);
}

static void test_wait_ends(void **state)
{
	int64_t start;

	(void)state;
	plug(0);
	list_is(0, 1);
	start = now_ms();
	fuda_deadline_restart(dl, 100);
	assert_int_equal(device_wait(&fake, ctx, dl, list), FUDA_ETIMEOUT);
	assert_true(now_ms() - start < 400);
	fuda_deadline_restart(dl, -1);
	fuda_deadline_cancel(dl);
	assert_int_equal(device_wait(&fake, ctx, dl, list), FUDA_ECANCELLED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_driver_of_device),
		TEST(test_no_device),
		TEST(test_readers_and_cards),
		TEST(test_slots),
		TEST(test_devices_of_others_are_left_alone),
		TEST(test_taken_by_another),
		TEST(test_not_allowed),
		TEST(test_what_fails_is_left_out),
		TEST(test_a_reader_that_hangs),
		TEST(test_waits),
		TEST(test_taken_is_no_news),
		TEST(test_wait_ends),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}
