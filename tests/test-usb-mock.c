/* SPDX-License-Identifier: Apache-2.0 */
/* The bus of models behaves as the interface promises, and breaks as it is told to. */
#include "tests/cmocka.h"
#include "tests/model.h"
#include "tests/process.h"

#include <pthread.h>
#include <string.h>

#include "base/deadline.h"

/* A device that says again what it heard last, once. */
struct echo {
	struct usb_model model;
	uint8_t said[256];
	size_t len;
	bool full;
	int outs, next; /* `next`: how the next call of either kind ends, if not 0 */
};

static int echo_out(struct usb_model *m, const uint8_t *bytes, size_t len)
{
	struct echo *e = (struct echo *)m;

	e->outs++;
	assert_in_range(len, 0, sizeof(e->said));
	memcpy(e->said, bytes, len);
	e->len = len;
	e->full = true;
	return e->next;
}

static ssize_t echo_in(struct usb_model *m, uint8_t *ret, size_t max)
{
	struct echo *e = (struct echo *)m;
	size_t n = MIN(max, e->len);

	if (e->next)
		return e->next;
	if (!e->full)
		return MODEL_NOTHING;
	memcpy(ret, e->said, n);
	memmove(e->said, e->said + n, e->len - n);
	e->len -= n;
	e->full = e->len > 0;
	return (ssize_t)n;
}

static ssize_t echo_interrupt(struct usb_model *m, uint8_t *ret, size_t max)
{
	assert_true(m && max >= 2);
	memcpy(ret, "\x50\x03", 2);
	return 2;
}

static ssize_t echo_control(struct usb_model *m, uint8_t type, uint8_t request, uint16_t value, uint8_t *data,
			    uint16_t len)
{
	(void)m;
	if (type != 0xA1 || len < 3)
		return MODEL_STALL;
	memcpy(data, (uint8_t[]){ request, value & 0xFF, value >> 8 }, 3);
	return 3;
}

static struct echo echo_make(void)
{
	return (struct echo){ .model = {
		.device = { .vendor = 0x1234, .product = 0x5678, .interface_count = 1,
			    .interfaces = { { .number = 2, .class = 0xFF, .out = 2, .in = 0x81, .interrupt = 0x83,
					      .out_packet = 64, .in_packet = 64, .interrupt_packet = 8 } } },
		.product = "Echo", .serial = "0001",
		.out = echo_out, .in = echo_in, .interrupt = echo_interrupt, .control = echo_control,
	} };
}

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct echo echo;
static struct usb *u;

static int begin(void **state)
{
	(void)state;
	fuda_context_new(&ctx);
	fuda_deadline_new(10000, &dl);
	echo = echo_make();
	usb_mock_begin(false);
	return usb_backend->open(ctx, 1, usb_mock_plug(&echo.model), 2, &u);
}

static int end(void **state)
{
	(void)state;
	usb_close(&u);
	usb_mock_end();
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return 0;
}

static int say(const char *text)
{
	return usb_backend->out(u, (const uint8_t *)text, strlen(text), true, dl);
}

static int hear(size_t max, const char *text)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(1024);
	int r = usb_backend->in(u, max, 10, dl, &b);

	if (r < 0) {
		assert_null(b.data);
		return r;
	}
	assert_int_equal(b.len, strlen(text));
	assert_memory_equal(b.len ? (const char *)b.data : "", text, b.len);
	return 0;
}

static void test_moves(void **state)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(64);
	uint8_t data[4];

	(void)state;
	assert_string_equal(u->product, "Echo");
	assert_string_equal(u->serial, "0001");
	assert_int_equal(u->interface->number, 2);
	assert_int_equal(hear(64, ""), FUDA_EMUTE);
	assert_int_equal(say("hello"), 0);
	assert_int_equal(hear(3, "hel"), 0);
	assert_int_equal(hear(64, "lo"), 0);
	assert_int_equal(hear(64, ""), FUDA_EMUTE);
	assert_int_equal(u->transfers, 3);
	assert_int_equal(usb_backend->interrupt(u, 10, dl, &b), 0);
	assert_int_equal(b.len, 2);
	assert_int_equal(usb_backend->control(u, 0xA1, 3, 0x0102, data, sizeof(data), dl), 3);
	assert_memory_equal(data, "\x03\x02\x01", 3);
	assert_int_equal(usb_backend->control(u, 0x21, 3, 0, data, sizeof(data), dl), FUDA_ETRANSPORT);
}

static void test_waits_in_vain(void **state)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(64);

	(void)state;
	assert_int_equal(usb_backend->in(u, 64, -1, dl, &b), FUDA_ETIMEOUT);
	assert_int_equal(usb_backend->in(u, 64, 60000, dl, &b), FUDA_ETIMEOUT); /* over the deadline */
	fuda_deadline_cancel(dl);
	assert_int_equal(usb_backend->in(u, 64, 10, dl, &b), FUDA_ECANCELLED);
	assert_int_equal(say("x"), FUDA_ECANCELLED);
	assert_int_equal(echo.outs, 0);
}

static void test_faults(void **state)
{
	(void)state;
	usb_mock_fault(USB_MOCK_STALL, 1, 0);
	assert_int_equal(say("a"), FUDA_ETRANSPORT);
	usb_mock_fault(USB_MOCK_SHORT, 1, 1);
	assert_int_equal(say("ab"), FUDA_ETRANSPORT);
	usb_mock_fault(USB_MOCK_LOSE, 1, 0);
	assert_int_equal(say("abc"), 0);
	assert_int_equal(echo.outs, 0);
	assert_int_equal(hear(64, ""), FUDA_EMUTE);

	usb_mock_fault(USB_MOCK_SHORT, 2, 2);
	assert_int_equal(say("abc"), 0);
	assert_int_equal(hear(64, "ab"), 0);
	usb_mock_fault(USB_MOCK_EMPTY, 2, 0);
	assert_int_equal(say("abc"), 0);
	assert_int_equal(hear(64, ""), 0);
	assert_int_equal(hear(64, "abc"), 0);
	usb_mock_fault(USB_MOCK_LOSE, 2, 0);
	assert_int_equal(say("abc"), 0);
	assert_int_equal(hear(64, ""), FUDA_EMUTE);
	usb_mock_fault(USB_MOCK_STALL, 2, 0);
	assert_int_equal(say("abc"), 0);
	assert_int_equal(hear(64, ""), FUDA_ETRANSPORT);
	usb_mock_fault(USB_MOCK_STALL, 1, 0);
	usb_mock_fault(USB_MOCK_FINE, 1, 0);
	assert_int_equal(say("abc"), 0);
}

static void test_unplugs(void **state)
{
	(void)state;
	usb_mock_fault(USB_MOCK_UNPLUG, 1, 3); /* after all of it */
	assert_int_equal(say("abc"), FUDA_EREADERGONE);
	assert_int_equal(echo.outs, 1);
	assert_int_equal(say("abc"), FUDA_EREADERGONE);
	assert_int_equal(hear(64, ""), FUDA_EREADERGONE);
	assert_int_equal(echo.outs, 1);
}

static void test_model_goes(void **state)
{
	(void)state;
	echo.next = MODEL_STALL;
	assert_int_equal(hear(64, ""), FUDA_ETRANSPORT);
	echo.next = MODEL_GONE;
	assert_int_equal(hear(64, ""), FUDA_EREADERGONE);
	echo.next = 0;
	assert_int_equal(say("a"), FUDA_EREADERGONE);
}

static int count(void *arg, const struct usb_device *device)
{
	(void)device;
	return ++*(int *)arg == 2 ? 7 : 0;
}

static void test_bus(void **state)
{
	struct echo second = echo_make();
	struct usb *other = NULL;
	struct usb_bus *b;
	int n = 0;

	(void)state;
	assert_int_equal(usb_backend->bus_open(ctx, &b), 0);
	assert_int_equal(usb_backend->wait(b, 10, dl), FUDA_EMUTE);
	usb_mock_plug(&second.model);
	assert_int_not_equal(second.model.device.address, echo.model.device.address);
	assert_int_equal(usb_backend->wait(b, 10, dl), 0);
	assert_int_equal(usb_backend->list(b, count, &n), 7);
	assert_int_equal(usb_backend->wait(b, 10, dl), FUDA_EMUTE);

	assert_int_equal(usb_backend->open(ctx, 1, echo.model.device.address, 2, &other), FUDA_EBUSY);
	assert_int_equal(usb_backend->open(ctx, 1, second.model.device.address, 1, &other), FUDA_ENOREADER);
	assert_int_equal(usb_backend->open(ctx, 2, second.model.device.address, 2, &other), FUDA_ENOREADER);
	assert_int_equal(usb_backend->open(ctx, 1, 99, 2, &other), FUDA_ENOREADER);
	usb_mock_take(&second.model, true);
	assert_int_equal(usb_backend->open(ctx, 1, second.model.device.address, 2, &other), FUDA_EBUSY);
	usb_mock_take(&second.model, false);
	assert_int_equal(usb_backend->open(ctx, 1, second.model.device.address, 2, &other), 0);
	usb_mock_unplug(&second.model);
	assert_int_equal(usb_backend->wait(b, 10, dl), 0);
	usb_close(&other);
	usb_backend->bus_close(b);
}

static void *cancel_soon(void *arg)
{
	pause_ms(30);
	fuda_deadline_cancel(arg);
	return NULL;
}

static void test_real_time(void **state)
{
	_cleanup_buf_ struct fuda_buf b = FUDA_BUF_INIT(64);
	struct echo second = echo_make();
	struct usb *other = NULL;
	pthread_t t;
	int64_t start;

	(void)state;
	usb_close(&u);
	usb_mock_end();
	usb_mock_begin(true);
	assert_int_equal(usb_backend->open(ctx, 1, usb_mock_plug(&second.model), 2, &other), 0);
	start = now_ms();
	assert_int_equal(usb_backend->in(other, 64, 20, dl, &b), FUDA_EMUTE);
	assert_true(now_ms() - start >= 20);
	pthread_create(&t, NULL, cancel_soon, dl);
	assert_int_equal(usb_backend->in(other, 64, -1, dl, &b), FUDA_ECANCELLED);
	pthread_join(t, NULL);
	usb_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_moves, begin, end),
		cmocka_unit_test_setup_teardown(test_waits_in_vain, begin, end),
		cmocka_unit_test_setup_teardown(test_faults, begin, end),
		cmocka_unit_test_setup_teardown(test_unplugs, begin, end),
		cmocka_unit_test_setup_teardown(test_model_goes, begin, end),
		cmocka_unit_test_setup_teardown(test_bus, begin, end),
		cmocka_unit_test_setup_teardown(test_real_time, begin, end),
	};

	return RUN(tests);
}
