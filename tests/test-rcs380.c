/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the RC-S380 against an emulated one: what it does with a card that comes, stays and goes. */
#include "tests/process.h"
#include "tests/test-rcs380.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/deadline.h"

enum {
	IN_SET_RF = 0x00,
	IN_SET_PROTOCOL = 0x02,
	IN_COMM_RF = 0x04,
	SWITCH_RF = 0x06,
};

#define SIGN "802A0097015500"

/* ---- attaching ---- */

static void attaches(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL, false);
	rig_expect(&g, rig_attach(&g), 0);
	assert_string_equal(g.r->model, "Sony RC-S380/P");
	assert_int_equal(g.r->max_command, APDU_COMMAND_MAX);
	assert_int_equal(g.r->max_response, APDU_RESPONSE_MAX);
	assert_int_equal(rcs380_model_commands(g.m, -1), 4);
	assert_int_equal(rcs380_model_commands(g.m, IN_COMM_RF), 0);
	assert_false(rcs380_model_field(g.m));
	assert_false(vcard_powered(g.v));
	rig_end(&g);
}

static void attaches_only_what_it_knows(void **state)
{
	static const char *const names[] = { "",     "1",   "1.",   ".1",     "1.0",	 "0.1", "1.1 ",
					     "1.1.", "a.b", "1.99", "256.1", "1.256", "-1.1", "2.1" };
	struct rig g;

	(void)state;
	rig_begin(&g, NULL, false);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(g.rest, sizeof(g.rest), "%s", names[i]);
		rig_expect(&g, rig_attach(&g), FUDA_ENOREADER);
	}
	usb_mock_unplug(g.m);
	g.m->device.product = 0x0DC8; /* another reader of Sony's */
	rig_plug(&g);
	rig_expect(&g, rig_attach(&g), FUDA_ENOREADER);
	usb_mock_unplug(g.m);
	g.m->device.product = 0x06C1;
	g.m->device.interfaces[0].in = 0;
	rig_plug(&g);
	rig_expect(&g, rig_attach(&g), FUDA_ENOREADER);
	assert_int_equal(rcs380_model_commands(g.m, -1), 0);
	usb_mock_unplug(g.m);
	g.m->device.interfaces[0].in = 0x81;
	rig_plug(&g);
	rig_expect(&g, rig_attach(&g), 0);
	rig_end(&g);
}

static void waits_for_others_a_while(void **state)
{
	struct reader *other = NULL;
	struct rig g;
	long began;

	(void)state;
	rig_begin(&g, NULL, false);
	usb_mock_take(g.m, true);
	began = now_ms();
	rig_expect(&g, rig_attach(&g), FUDA_EBUSY);
	assert_in_range(now_ms() - began, 900, 5000);
	fuda_deadline_restart(g.dl, 60);
	rig_expect(&g, rig_attach(&g), FUDA_ETIMEOUT);
	fuda_deadline_restart(g.dl, 10000);
	usb_mock_take(g.m, false);
	rig_expect(&g, rig_attach(&g), 0);
	fuda_deadline_restart(g.dl, 60);
	assert_true(reader_attach(g.ctx, g.r->driver, g.rest, g.dl, &other) < 0);
	assert_null(other);
	fuda_deadline_restart(g.dl, 10000);
	rig_expect(&g, rig_power(&g, POWER_ON), 0);
	rig_end(&g);
}

static void left_in_the_middle_by_another(void **state)
{
	static const uint8_t command[] = { 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0x02, 0x00, 0xFE, 0xD6, 0x20, 0x0A, 0x00 };
	struct rig g;

	(void)state;
	rig_begin(&g, NULL, false);
	assert_int_equal(g.m->out(g.m, command, sizeof(command)), 0);
	rig_open(&g);
	rig_ask(&g, SELECT_JPKI, "9000");
	rig_end(&g);
}

/* ---- activating ---- */

static void expect_atr(struct rig *g, const char *expected)
{
	char hex[2 * FUDA_ATR_MAX + 1];

	fuda_hex_encode(g->r->atr, g->r->atr_len, hex);
	assert_string_equal(hex, expected);
}

static void activates_type_b(void **state)
{
	/* with the FWI of a card that others have seen: readers.md A2 */
	const struct picc_settings settings = { .fsci = 8, .fwi = 10 };
	struct rig g;

	(void)state;
	rig_begin(&g, &settings, false);
	rig_open(&g);
	expect_atr(&g, "3B888001000005E0B381A1007F");
	assert_true(vcard_powered(g.v));
	rig_ask(&g, SELECT_JPKI, "9000");
	rig_ask(&g, VERIFY_AUTH, "9000");
	rig_end(&g);
}

static void activates_whatever_its_atqb(void **state)
{
	struct picc_settings settings = { .extended_atqb = true };

	(void)state;
	for (settings.fsci = 0; settings.fsci <= 8; settings.fsci++) {
		for (settings.fwi = 0; settings.fwi <= 14; settings.fwi += 7) {
			struct rig g;

			rig_begin(&g, &settings, false);
			rig_open(&g);
			rig_ask(&g, SELECT_JPKI, "9000");
			rig_end(&g);
		}
	}
}

static void activates_type_a(void **state)
{
	struct picc_settings settings = { .type_a = true, .fsci = 8, .fwi = 4 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct rig g;

		settings.long_uid = i & 1;
		settings.historical_len = i & 2 ? 3 : 0;
		rig_begin(&g, &settings, false);
		rig_open(&g);
		expect_atr(&g, i & 2 ? "3B83800180818281" : "3B80800101");
		rig_ask(&g, SELECT_JPKI, "9000");
		rig_ask(&g, VERIFY_AUTH, "9000");
		rig_end(&g);
	}
}

static void tries_first_what_was_there(void **state)
{
	const struct picc_settings settings = { .type_a = true, .fsci = 8, .fwi = 4 };
	unsigned long before;
	struct rig g;

	(void)state;
	rig_begin(&g, &settings, false);
	rig_open(&g);
	assert_int_equal(rcs380_model_commands(g.m, IN_SET_RF), 2);
	before = rcs380_model_commands(g.m, SWITCH_RF);
	rig_expect(&g, rig_power(&g, POWER_RESET), 0);
	assert_int_equal(rcs380_model_commands(g.m, IN_SET_RF), 3);
	assert_int_equal(rcs380_model_commands(g.m, SWITCH_RF), before + 1);
	rig_end(&g);
}

static void finds_no_card(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL, false);
	rcs380_model_insert(g.m, NULL);
	rig_expect(&g, rig_attach(&g), 0);
	rig_expect(&g, rig_power(&g, POWER_ON), FUDA_ENOCARD);
	assert_false(rcs380_model_field(g.m));
	rig_expect(&g, rig_send(&g, SELECT_JPKI, 0, NULL, 0), FUDA_EREMOVED);
	rcs380_model_felica(g.m, true);
	rig_expect(&g, rig_power(&g, POWER_ON), FUDA_EMUTE);
	rig_says(&g, "FeliCa");
	assert_false(rcs380_model_field(g.m));
	rcs380_model_felica(g.m, false);
	rcs380_model_insert(g.m, g.v);
	rig_expect(&g, rig_send(&g, SELECT_JPKI, 0, NULL, 0), FUDA_EREMOVED);
	rig_expect(&g, rig_power(&g, POWER_ON), 0);
	rig_ask(&g, SELECT_JPKI, "9000");
	rig_end(&g);
}

static void refuses_other_cards(void **state)
{
	static const struct {
		struct picc_settings settings;
		const char *says;
	} cards[] = {
		{ { .fsci = 8, .silent = true }, "does not answer" },
		{ { .fsci = 8, .other_protocol = true }, "14443-4" },
		{ { .type_a = true, .fsci = 8, .silent = true }, "does not answer" },
		{ { .type_a = true, .fsci = 8, .other_protocol = true }, "14443-4" },
		{ { .type_a = true, .long_uid = true, .fsci = 8, .other_protocol = true }, "14443-4" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cards); i++) {
		bool there = false;
		struct rig g;

		rig_begin(&g, &cards[i].settings, false);
		rig_expect(&g, rig_attach(&g), 0);
		rig_expect(&g, rig_power(&g, POWER_ON), FUDA_EMUTE);
		rig_says(&g, cards[i].says);
		assert_false(rcs380_model_field(g.m));
		rig_expect(&g, rig_present(&g, &there), 0);
		assert_true(there);
		rig_end(&g);
	}
}

/* ---- power ---- */

static void loses_its_state_without_power(void **state)
{
	struct rig g;
	uint32_t epoch;
	long began;

	(void)state;
	rig_begin(&g, NULL, false);
	rig_open(&g);
	rig_ask(&g, SELECT_JPKI, "9000");
	rig_ask(&g, VERIFY_AUTH, "9000");
	rig_ask(&g, SIGN, "9000");
	for (int i = 0; i < 3; i++) {
		const enum power how[] = { POWER_ON, POWER_RESET, POWER_OFF };

		epoch = g.r->epoch;
		began = now_ms();
		rig_expect(&g, rig_power(&g, how[i]), 0);
		assert_true(g.r->epoch > epoch);
		assert_int_equal(rcs380_model_field(g.m), how[i] != POWER_OFF);
		assert_int_equal(vcard_powered(g.v), how[i] != POWER_OFF);
		rig_ask(&g, SELECT_JPKI, "9000"); /* switches on by itself */
		rig_ask(&g, SIGN, "6982");
		rig_ask(&g, VERIFY_AUTH, "9000");
		assert_true(now_ms() - began >= 6); /* 5.1 ms without field */
	}
	rig_end(&g);
	assert_null(g.r);
}

static void closing_takes_the_power(void **state)
{
	unsigned long acks;
	struct rig g;

	(void)state;
	rig_begin(&g, NULL, false);
	rig_open(&g);
	acks = rcs380_model_acks(g.m);
	reader_close(&g.r);
	assert_false(rcs380_model_field(g.m));
	assert_false(vcard_powered(g.v));
	assert_int_equal(rcs380_model_acks(g.m), acks + 1); /* readers.md A2: the last word */
	rig_open(&g);
	rig_end(&g);
}

static void time_over_still_switches_off(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL, false);
	rig_open(&g);
	fuda_deadline_cancel(g.dl);
	rig_expect(&g, rig_power(&g, POWER_ON), FUDA_ECANCELLED);
	assert_true(rcs380_model_field(g.m));
	rig_expect(&g, rig_send(&g, SELECT_JPKI, 0, NULL, 0), FUDA_ECANCELLED);
	rig_expect(&g, rig_power(&g, POWER_OFF), 0);
	assert_false(rcs380_model_field(g.m));
	rig_end(&g);
}

/* ---- commands ---- */

static void three_transfers_a_block(void **state)
{
	static const char *const commands[] = { SELECT_JPKI, "00A4020C02000A", "00B0000000", "00B00000000000",
						VERIFY_AUTH };
	struct rig g;

	(void)state;
	rig_begin(&g, NULL, false);
	rig_open(&g);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		unsigned long transfers = rig_transfers(&g), blocks = picc_blocks(g.picc);
		unsigned long commands_before = rcs380_model_commands(g.m, -1);

		rig_ask(&g, commands[i], "9000");
		blocks = picc_blocks(g.picc) - blocks;
		assert_true(i != 3 || blocks > 4);
		assert_true(i == 3 || blocks <= 2);
		assert_int_equal(rcs380_model_commands(g.m, -1) - commands_before, blocks);
		assert_int_equal(rig_transfers(&g) - transfers, 3 * blocks);
	}
	rig_end(&g);
}

/* Answers with what it was sent. */
static int echo(void *arg, const uint8_t *command, size_t len, struct fuda_buf *ret)
{
	(void)arg;
	return fuda_buf_append(ret, command, MIN(len, 65536));
}

static void any_length_both_ways(void **state)
{
	static const uint8_t sizes[] = { 0, 5, 8 };
	static uint8_t bytes[APDU_COMMAND_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8));
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		struct picc_settings settings = { .type_a = s == 1, .fsci = sizes[s], .fwi = 4 };
		struct rig g;

		rig_begin(&g, &settings, false);
		picc_play(g.picc, echo, NULL);
		rig_open(&g);
		for (size_t len = 4; len <= sizeof(bytes); len += len < 600 ? 1 : 16236) {
			struct fuda_buf answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);

			rig_expect(&g, reader_transmit(g.r, bytes, len, 0, g.dl, &answer), 0);
			assert_int_equal(answer.len, MIN(len, 65536));
			assert_memory_equal(answer.data, bytes, answer.len);
			fuda_buf_free(&answer);
		}
		rig_end(&g);
	}
}

static int one_byte(void *arg, const uint8_t *command, size_t len, struct fuda_buf *ret)
{
	(void)arg;
	(void)command;
	return fuda_buf_append(ret, "\x90", len > 0);
}

static void answers_have_a_status_word(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL, false);
	picc_play(g.picc, one_byte, NULL);
	rig_open(&g);
	rig_expect(&g, rig_send(&g, "00A40000", 0, NULL, 0), FUDA_ETRANSPORT);
	rig_end(&g);
}

static void waits_as_the_card_asks(void **state)
{
	static const struct {
		uint8_t fwi;
		unsigned least, most; /* 0.1 ms */
	} times[] = { { 0, 40, 60 }, { 4, 85, 105 }, { 10, 3130, 3200 }, { 14, 49520, 49600 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		const struct picc_settings settings = { .fsci = 8, .fwi = times[i].fwi };
		struct rig g;

		rig_begin(&g, &settings, false);
		rig_open(&g);
		rig_ask(&g, SELECT_JPKI, "9000");
		assert_in_range(rcs380_model_wait(g.m), times[i].least, times[i].most);
		picc_fault(g.picc, PICC_WTX, 1, 3);
		rig_ask(&g, SELECT_JPKI, "9000");
		/* FWT times WTXM, no longer than the longest FWT */
		assert_true(rcs380_model_wait(g.m) > times[i].least);
		assert_in_range(rcs380_model_wait(g.m), times[i].least, 49600);
		rig_end(&g);
	}
}

/* ---- presence ---- */

static void expect_present(struct rig *g, bool expected)
{
	bool there = !expected;

	rig_expect(g, rig_present(g, &there), 0);
	assert_int_equal(there, expected);
}

static void sees_cards_come_and_go(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL, false);
	rig_expect(&g, rig_attach(&g), 0);
	for (int i = 0; i < 2; i++) {
		expect_present(&g, true);
		expect_present(&g, true);
		assert_false(rcs380_model_field(g.m));
		rcs380_model_insert(g.m, NULL);
		expect_present(&g, false);
		expect_present(&g, false);
		assert_false(rcs380_model_field(g.m));
		rcs380_model_insert(g.m, g.v);
	}
	rig_end(&g);
}

static void asks_a_card_with_power(void **state)
{
	unsigned long before;
	struct rig g;

	(void)state;
	rig_begin(&g, NULL, false);
	rig_open(&g);
	rig_ask(&g, SELECT_JPKI, "9000");
	rig_ask(&g, VERIFY_AUTH, "9000");
	before = rcs380_model_commands(g.m, -1);
	expect_present(&g, true); /* it has just answered */
	assert_int_equal(rcs380_model_commands(g.m, -1), before);
	deadline_sleep(g.dl, 310);
	expect_present(&g, true);
	assert_int_equal(rcs380_model_commands(g.m, -1), before + 1);
	rig_ask(&g, SIGN, "9000"); /* undisturbed */
	rig_end(&g);
}

static void a_lost_card_is_absent_once(void **state)
{
	unsigned long before;
	struct rig g;

	(void)state;
	for (int swap = 0; swap < 2; swap++) {
		for (int used = 0; used < 2; used++) {
			rig_begin(&g, NULL, false);
			rig_open(&g);
			rig_ask(&g, SELECT_JPKI, "9000");
			rcs380_model_insert(g.m, swap ? g.v : NULL); /* the same in the eyes of the reader: a new one */
			if (used) {
				rig_expect(&g, rig_send(&g, VERIFY_AUTH, TRANSMIT_ONCE, NULL, 0),
					   swap ? FUDA_EMUTE : FUDA_EREMOVED);
				assert_false(rcs380_model_field(g.m));
			} else {
				deadline_sleep(g.dl, 310);
			}
			before = rcs380_model_commands(g.m, IN_COMM_RF);
			if (used)
				rig_expect(&g, rig_send(&g, VERIFY_AUTH, TRANSMIT_ONCE, NULL, 0), FUDA_EREMOVED);
			assert_int_equal(rcs380_model_commands(g.m, IN_COMM_RF), before);
			expect_present(&g, false);
			rig_expect(&g, rig_send(&g, VERIFY_AUTH, TRANSMIT_ONCE, NULL, 0), FUDA_EREMOVED);
			expect_present(&g, swap);
			rcs380_model_insert(g.m, g.v);
			expect_present(&g, true);
			rig_expect(&g, rig_send(&g, VERIFY_AUTH, TRANSMIT_ONCE, NULL, 0), FUDA_EREMOVED);
			rig_expect(&g, rig_power(&g, POWER_ON), 0);
			rig_ask(&g, SELECT_JPKI, "9000");
			assert_int_equal(rig_verifies(&g), 0);
			rig_end(&g);
		}
	}
}

/* A card that may take five seconds for a frame is gone all the same. */
static void asks_no_longer_than_it_has_to(void **state)
{
	const struct picc_settings settings = { .fsci = 8, .fwi = 14 };
	struct rig g;
	long began;

	(void)state;
	rig_begin(&g, &settings, true);
	rig_open(&g);
	rcs380_model_insert(g.m, NULL);
	deadline_sleep(g.dl, 310);
	began = now_ms();
	expect_present(&g, false);
	assert_in_range(now_ms() - began, 0, 2500);
	assert_false(rcs380_model_field(g.m));
	rig_end(&g);
}

/* ---- time ---- */

static void *cancel_later(void *arg)
{
	const struct timespec t = { .tv_nsec = 50 * 1000000 };

	nanosleep(&t, NULL);
	fuda_deadline_cancel(arg);
	return NULL;
}

/* A reader that hangs, at any command. */
static void ends_in_time(void **state)
{
	static const enum rcs380_fault faults[] = { RCS380_DEAF, RCS380_NO_ANSWER, RCS380_LATE };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(faults); i++) {
		bool cancel = i & 1;
		unsigned long acks;
		pthread_t thread;
		struct rig g;
		long began;
		int e;

		rig_begin(&g, NULL, true);
		rig_open(&g);
		rig_ask(&g, SELECT_JPKI, "9000");
		rcs380_model_fault(g.m, faults[i / 2], 1, 0);
		acks = rcs380_model_acks(g.m);
		began = now_ms();
		fuda_deadline_restart(g.dl, cancel ? 10000 : 50);
		if (cancel)
			assert_int_equal(pthread_create(&thread, NULL, cancel_later, g.dl), 0);
		e = rig_send(&g, VERIFY_AUTH, TRANSMIT_ONCE, NULL, 0);
		assert_in_range(now_ms() - began, 40, 500);
		rig_expect(&g, e, cancel ? FUDA_ECANCELLED : FUDA_ETIMEOUT);
		assert_int_equal(rcs380_model_acks(g.m), acks + 1); /* what runs was broken off at once */
		if (cancel)
			pthread_join(thread, NULL);
		fuda_deadline_free(&g.dl);
		assert_int_equal(fuda_deadline_new(10000, &g.dl), 0);
		rig_expect(&g, rig_send(&g, VERIFY_AUTH, TRANSMIT_ONCE, NULL, 0), FUDA_EREMOVED);
		assert_int_equal(rig_verifies(&g), faults[i / 2] != RCS380_DEAF);
		rig_expect(&g, rig_power(&g, POWER_ON), 0);
		rig_ask(&g, SELECT_JPKI, "9000");
		rig_ask(&g, VERIFY_AUTH, "9000");
		rig_end(&g);
	}
}

/* ---- several ---- */

static void two_readers(void **state)
{
	struct rig g;
	struct usb_model *other = rcs380_model_new();
	struct vcard *v;
	struct reader *first;
	char why[256], rest[16];

	(void)state;
	rig_begin(&g, NULL, false);
	assert_int_equal(vcard_load(softcard_other(NULL), &v, why, sizeof(why)), 0);
	rcs380_model_insert(other, v);
	rig_open(&g);
	first = g.r;
	snprintf(rest, sizeof(rest), "1.%d", usb_mock_plug(other));
	rig_expect(&g, reader_attach(g.ctx, first->driver, rest, g.dl, &g.r), 0);
	rig_expect(&g, rig_power(&g, POWER_ON), 0);
	for (int i = 0; i < 3; i++) {
		struct reader *r = g.r;

		rig_ask(&g, SELECT_JPKI, "9000");
		g.r = first;
		first = r;
	}
	assert_int_equal(vcard_usage(v).apdus + vcard_usage(g.v).apdus, 3);
	/* g.r is the first reader now */
	usb_mock_unplug(other);
	rig_ask(&g, SELECT_JPKI, "9000");
	reader_close(&first);
	rcs380_model_insert(other, NULL);
	assert_null(rcs380_model_complaint(other));
	other->free(other);
	vcard_free(&v);
	rig_end(&g);
}

static void unplugged_and_back(void **state)
{
	bool there = true;
	struct rig g;

	(void)state;
	rig_begin(&g, NULL, false);
	rig_open(&g);
	usb_mock_unplug(g.m);
	rig_expect(&g, rig_send(&g, SELECT_JPKI, 0, NULL, 0), FUDA_EREADERGONE);
	rig_expect(&g, rig_power(&g, POWER_ON), FUDA_EREADERGONE);
	rig_expect(&g, rig_present(&g, &there), FUDA_EREADERGONE);
	rig_expect(&g, rig_power(&g, POWER_OFF), FUDA_EREADERGONE);
	reader_close(&g.r);
	rig_expect(&g, rig_attach(&g), FUDA_ENOREADER);
	rig_plug(&g);
	rig_open(&g);
	rig_ask(&g, SELECT_JPKI, "9000");
	rig_end(&g);
}

static void is_listed(void **state)
{
	struct fuda_reader_list *list = NULL;
	struct rig g;
	char name[32];

	(void)state;
	for (int card = 0; card < 2; card++) {
		rig_begin(&g, NULL, false);
		if (!card)
			rcs380_model_insert(g.m, NULL);
		list = calloc(1, sizeof(*list));
		rig_expect(&g, driver_find("rcs380", 6)->list(g.ctx, g.dl, list), 0);
		assert_int_equal(list->count, 1);
		assert_int_equal(list->items[0].card, card);
		snprintf(name, sizeof(name), "%s", strchr(list->items[0].name, ':') + 1);
		fuda_reader_list_free(&list);
		memcpy(g.rest, name, sizeof(g.rest)); /* what is listed can be attached */
		rig_expect(&g, rig_attach(&g), 0);
		rig_end(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attaches),
		cmocka_unit_test(attaches_only_what_it_knows),
		cmocka_unit_test(waits_for_others_a_while),
		cmocka_unit_test(left_in_the_middle_by_another),
		cmocka_unit_test(activates_type_b),
		cmocka_unit_test(activates_whatever_its_atqb),
		cmocka_unit_test(activates_type_a),
		cmocka_unit_test(tries_first_what_was_there),
		cmocka_unit_test(finds_no_card),
		cmocka_unit_test(refuses_other_cards),
		cmocka_unit_test(loses_its_state_without_power),
		cmocka_unit_test(closing_takes_the_power),
		cmocka_unit_test(time_over_still_switches_off),
		cmocka_unit_test(three_transfers_a_block),
		cmocka_unit_test(any_length_both_ways),
		cmocka_unit_test(answers_have_a_status_word),
		cmocka_unit_test(waits_as_the_card_asks),
		cmocka_unit_test(sees_cards_come_and_go),
		cmocka_unit_test(asks_a_card_with_power),
		cmocka_unit_test(a_lost_card_is_absent_once),
		cmocka_unit_test(asks_no_longer_than_it_has_to),
		cmocka_unit_test(ends_in_time),
		cmocka_unit_test(two_readers),
		cmocka_unit_test(unplugged_and_back),
		cmocka_unit_test(is_listed),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softcard_setup, softcard_teardown);
}
