/* SPDX-License-Identifier: Apache-2.0 */
/* The driver "virtual", as driver.h has it. */
#include "drivers/virtual.h"

#include <fuda/encode.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "reader/reader.h"
#include "tests/cmocka.h"
#include "tests/softcard.h"

static struct fuda_context *ctx;
static struct fuda_deadline *dl;

static int setup(void **state)
{
	return fuda_context_new(&ctx) < 0 || fuda_deadline_new(-1, &dl) < 0 ? -1 :
									      softcard_setup(state);
}

static int teardown(void **state)
{
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return softcard_teardown(state);
}

static const char *name(void)
{
	static char text[128];

	snprintf(text, sizeof(text), "virtual:%s", softcard_dir());
	return text;
}

/* The card after `settings`, in a reader. */
static struct reader *card(const char *settings)
{
	struct reader *r = NULL;

	softcard_write(settings);
	fuda_deadline_restart(dl, -1);
	assert_int_equal(reader_open(ctx, name(), dl, &r), 0);
	return r;
}

static int send(struct reader *r, const char *hex, uint16_t *ret_sw)
{
	struct fuda_buf command = FUDA_BUF_INIT(300), response = FUDA_BUF_INIT(70000);
	int e;

	assert_int_equal(fuda_hex_decode(hex, &command), 0);
	e = reader_transmit(r, command.data, command.len, 0, dl, &response);
	if (e == 0)
		*ret_sw = (uint16_t)(response.data[response.len - 2] << 8 |
				     response.data[response.len - 1]);
	fuda_buf_free(&command);
	fuda_buf_free(&response);
	return e;
}

static void answers(struct reader *r, const char *hex, uint16_t sw)
{
	uint16_t got = 0;

	assert_int_equal(send(r, hex, &got), 0);
	assert_int_equal(got, sw);
}

#define SELECT "00A4040C0AD392F000260100000001"
#define VERIFY "002000980431323334"
#define SIGN   "802A0097015500"

static void opens(void **state)
{
	struct reader *r = card(NULL), *second = NULL;

	(void)state;
	/* what one card takes is not remembered for another */
	assert_non_null(strstr(r->model, softcard_dir()));
	assert_string_equal(r->name, name());
	assert_int_equal(r->atr_len, 13);
	assert_int_equal(r->max_command, 65544);
	assert_int_equal(r->max_response, 65538);
	assert_null(r->driver->list);
	assert_null(r->driver->wait);
	assert_null(r->driver->lock);
	assert_int_equal(r->driver->flags & DRIVER_HARDWARE, 0);
	answers(r, SELECT, 0x9000);
	assert_int_equal(vcard_usage(virtual_card(r)).apdus, 1);
	assert_int_equal(vcard_usage(virtual_card(r)).received, 2);
	assert_true(vcard_usage(virtual_card(r)).link_ns > 0);
	/* one card, one reader */
	assert_int_equal(reader_open(ctx, name(), dl, &second), FUDA_EBUSY);
	assert_non_null(strstr(fuda_context_message(ctx), "in use"));
	assert_null(second);
	reader_close(&r);
	assert_int_equal(reader_open(ctx, name(), dl, &second), 0);
	reader_close(&second);
}

static void does_not_open(void **state)
{
	struct reader *r = NULL;

	(void)state;
	assert_int_equal(reader_open(ctx, "virtual:/nonexistent", dl, &r), FUDA_ENOREADER);
	assert_non_null(strstr(fuda_context_message(ctx), "fuda-vcard make"));
	assert_int_equal(reader_open(ctx, "virtual:", dl, &r), FUDA_ENOREADER);
	softcard_write("past-end = 1234\n");
	assert_int_equal(reader_open(ctx, name(), dl, &r), FUDA_EFORMAT);
	assert_non_null(strstr(fuda_context_message(ctx), "card.conf, line"));
	softcard_write(NULL);
	unlink(softcard_path("card.conf"));
	assert_int_equal(reader_open(ctx, name(), dl, &r), FUDA_EFILE);
	fuda_deadline_restart(dl, 0);
	assert_int_equal(reader_open(ctx, name(), dl, &r), FUDA_ETIMEOUT);
	assert_null(r);
}

static void power(void **state)
{
	struct reader *r = card(NULL);
	uint32_t epoch = r->epoch;

	(void)state;
	answers(r, SELECT, 0x9000);
	answers(r, VERIFY, 0x9000);
	answers(r, SIGN, 0x9000);
	assert_int_equal(reader_power(r, POWER_RESET, dl), 0);
	assert_true(r->epoch > epoch);
	answers(r, SIGN, 0x9000); /* card.md 0.7 */
	epoch = r->epoch;
	assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
	assert_true(r->epoch > epoch);
	assert_false(vcard_powered(virtual_card(r))); /* at once */
	epoch = r->epoch;
	answers(r, SELECT, 0x9000); /* on again by itself */
	assert_int_equal(r->epoch, epoch);
	answers(r, SIGN, 0x6982);
	answers(r, VERIFY, 0x9000);
	assert_int_equal(reader_power(r, POWER_ON, dl), 0);
	assert_true(r->epoch > epoch);
	assert_int_equal(r->atr_len, 13);
	answers(r, SIGN, 0x6A82);
	reader_close(&r);
}

static void limits(void **state)
{
	struct reader *r = card("max-command = 261\nmax-response = 258\natr = 3B00\n");
	uint16_t sw;

	(void)state;
	assert_int_equal(r->max_command, 261);
	assert_int_equal(r->max_response, 258);
	assert_int_equal(r->atr_len, 2);
	answers(r, SELECT, 0x9000);
	answers(r, "00B08A0000", 0x9000);
	assert_int_equal(send(r, "00B08A00000000", &sw), FUDA_ETRANSPORT);
	reader_close(&r);
}

static void *cancel_soon(void *arg)
{
	usleep(50000);
	fuda_deadline_cancel(arg);
	return NULL;
}

static void never_answers(void **state)
{
	struct fuda_deadline *other;
	struct reader *r = card("mute-at = 2\n");
	pthread_t thread;
	uint16_t sw;

	(void)state;
	answers(r, SELECT, 0x9000);
	fuda_deadline_restart(dl, 50);
	assert_int_equal(send(r, VERIFY, &sw), FUDA_ETIMEOUT);
	assert_int_equal(send(r, VERIFY, &sw), FUDA_ETIMEOUT); /* before it is sent */
	fuda_deadline_restart(dl, 50);
	assert_int_equal(send(r, "00200098", &sw), FUDA_ETIMEOUT);
	fuda_deadline_restart(dl, -1);
	assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
	answers(r, SELECT, 0x9000);

	assert_int_equal(fuda_deadline_new(-1, &other), 0);
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, other), 0);
	fuda_deadline_free(&dl);
	dl = other;
	assert_int_equal(send(r, VERIFY, &sw), FUDA_ECANCELLED);
	pthread_join(thread, NULL);
	assert_int_equal(reader_power(r, POWER_RESET, dl), FUDA_ECANCELLED);
	reader_close(&r);
	fuda_deadline_free(&dl);
	assert_int_equal(fuda_deadline_new(-1, &dl), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens),
		cmocka_unit_test(does_not_open),
		cmocka_unit_test(power),
		cmocka_unit_test(limits),
		cmocka_unit_test(never_answers),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
