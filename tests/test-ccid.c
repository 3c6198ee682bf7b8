/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test-ccid.h"

#include <stdlib.h>

#include "drivers/ccid.h"

static const char *const kinds[] = { "extended", "two-endpoints", "short",   "chains",	    "tpdu",
				     "tpdu-crc", "tpdu-t0",	  "manual",  "tpdu-vendor", "slots" };

static bool is_extended(const char *kind)
{
	return strcmp(kind, "short") != 0 && strcmp(kind, "chains") != 0 && strcmp(kind, "tpdu-t0") != 0;
}

static bool present(struct rig *g)
{
	bool there;

	assert_int_equal(driver_ccid.present(g->reader, g->dl, &there), 0);
	return there;
}

/* ---- work ---- */

static void test_work(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct rig g;

		rig_begin(&g, kinds[i]);
		assert_true(g.reader->atr_len >= 3);
		assert_true(g.reader->model[0]);
		assert_int_equal(g.reader->max_command, is_extended(kinds[i]) ? APDU_COMMAND_MAX : 261);
		assert_int_equal(g.reader->max_response, is_extended(kinds[i]) ? APDU_RESPONSE_MAX : 258);
		rig_expect(&g, SELECT_JPKI, "9000");
		rig_expect(&g, SELECT_CERT, "9000");
		rig_expect(&g, READ_HEAD, "9000");
		assert_int_equal(g.response.len, 6);
		rig_expect(&g, READ_SHORT, "9000");
		assert_int_equal(g.response.len, 258);
		if (is_extended(kinds[i])) {
			assert_int_equal(rig_send(&g, READ_EXTENDED, 0), 0);
			assert_true(g.response.len > 1000);
		} else {
			assert_int_equal(rig_send(&g, READ_EXTENDED, 0), FUDA_ETRANSPORT);
			rig_expect(&g, READ_HEAD, "9000"); /* nothing is lost by that */
		}
		rig_expect(&g, VERIFY_AUTH, "9000");
		assert_int_equal(rig_verifies(&g), 1);
		rig_clean(&g);
		rig_end(&g);
	}
}

/* A command of the longest that there is, in as many pieces as it takes; the card has its own view of it. */
static void test_long_command(void **state)
{
	static const char *const able[] = { "extended", "tpdu", "manual" };
	uint8_t *command = calloc(1, APDU_COMMAND_MAX);

	(void)state;
	assert_non_null(command);
	command[1] = 0x2A;
	command[5] = command[6] = 0xFF;
	for (size_t i = 0; i < ARRAY_SIZE(able); i++) {
		struct rig g;

		rig_begin(&g, able[i]);
		assert_int_equal(reader_transmit(g.reader, command, 7 + 65535, 0, g.dl, &g.response), 0);
		assert_int_equal(g.response.len, 2);
		rig_clean(&g);
		rig_end(&g);
	}
	free(command);
}

/* One message each way for a command, where it fits. */
static void test_messages(void **state)
{
	unsigned long before;
	struct rig g;

	(void)state;
	rig_begin(&g, "extended");
	before = ccid_model_commands(g.model, -1);
	rig_expect(&g, SELECT_JPKI, "9000");
	assert_int_equal(ccid_model_commands(g.model, -1), before + 1);
	assert_int_equal(ccid_model_commands(g.model, 0x61), 0); /* it does that by itself */
	rig_end(&g);
}

static void test_power(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint32_t epoch;
		struct rig g;

		rig_begin(&g, kinds[i]);
		rig_expect(&g, SELECT_JPKI, "9000");
		rig_expect(&g, VERIFY_AUTH, "9000");
		epoch = g.reader->epoch;
		assert_int_equal(reader_power(g.reader, POWER_OFF, g.dl), 0);
		assert_false(vcard_powered(g.card));
		assert_true(g.reader->epoch != epoch);
		rig_expect(&g, SELECT_JPKI, "9000"); /* on again by itself */
		assert_int_equal(reader_power(g.reader, POWER_RESET, g.dl), 0);
		rig_expect(&g, SELECT_JPKI, "9000");
		assert_int_equal(reader_power(g.reader, POWER_ON, g.dl), 0);
		rig_expect(&g, SELECT_JPKI, "9000");
		fuda_deadline_cancel(g.dl); /* a card is not left on because the time is up */
		assert_int_equal(reader_power(g.reader, POWER_OFF, g.dl), 0);
		assert_false(vcard_powered(g.card));
		rig_clean(&g);
		rig_end(&g);
	}
}

static void test_voltages(void **state)
{
	struct rig g;

	(void)state;
	for (unsigned v = 1; v <= 3; v++) {
		rig_plug(&g, ccid_model_new("manual"), "");
		ccid_model_voltage(g.model, v);
		rig_open(&g);
		rig_expect(&g, SELECT_JPKI, "9000");
		rig_clean(&g);
		rig_end(&g);
	}
	rig_plug(&g, ccid_model_new("manual"), "");
	ccid_model_voltage(g.model, 4); /* none of the reader's */
	assert_int_equal(reader_open_with(g.ctx, &driver_ccid, g.rest, g.dl, &g.reader), FUDA_EMUTE);
	rig_end(&g);
}

/* PPS: asked for where the host has to, and done without where the card refuses or the reader has no such rate. */
static void test_pps(void **state)
{
	static const struct icc_settings refuses = { .both = true, .fd = 0x95, .refuses_pps = true };
	static const struct icc_settings crc = { .both = true, .fd = 0x11, .crc = true };
	static const uint32_t slow[] = { 10752, 21505 };
	struct rig g;

	(void)state;
	rig_plug(&g, ccid_model_new_with("manual", &refuses), "");
	rig_open(&g);
	assert_int_equal(g.reader->max_command, 261); /* T=0, which is first */
	rig_expect(&g, SELECT_JPKI, "9000");
	rig_clean(&g);
	rig_end(&g);
	rig_plug(&g, ccid_model_new_with("manual", &crc), "");
	ccid_model_rates(g.model, slow, ARRAY_SIZE(slow));
	rig_open(&g);
	assert_int_equal(g.reader->max_command, APDU_COMMAND_MAX);
	rig_expect(&g, SELECT_JPKI, "9000");
	rig_clean(&g);
	rig_end(&g);
}

/* ---- T=0 ---- */

/* 6Cxx repeats what brought nothing and is no PIN command. */
static void test_6c(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, "tpdu-t0");
	rig_expect(&g, SELECT_JPKI, "9000");
	rig_expect(&g, SELECT_CERT, "9000");
	icc_fault(ccid_model_icc(g.model), ICC_6C, 1, 4);
	rig_expect(&g, READ_SHORT, "9000");
	assert_int_equal(g.response.len, 6);
	icc_fault(ccid_model_icc(g.model), ICC_6C, 1, 4);
	assert_int_equal(rig_send(&g, READ_SHORT, TRANSMIT_ONCE), 0);
	assert_int_equal(g.response.len, 2);
	icc_fault(ccid_model_icc(g.model), ICC_6C, 1, 4);
	rig_expect(&g, "0020008000", "6C04"); /* the query of a counter, and a PIN command by its name */
	icc_fault(ccid_model_icc(g.model), ICC_6C, 1, 4);
	rig_expect(&g, VERIFY_AUTH, "6C04");
	assert_int_equal(rig_verifies(&g), 0);
	rig_clean(&g);
	rig_end(&g);
}

/* A response of which the card wants to be asked for less than it said. */
static void test_6c_later(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, "tpdu-t0");
	rig_expect(&g, SELECT_JPKI, "9000");
	rig_expect(&g, "00A4020C020018", "9000");
	rig_expect(&g, VERIFY_AUTH, "9000");
	rig_expect(&g, "00A4020C020017", "9000");
	icc_fault(ccid_model_icc(g.model), ICC_6C, 2, 100);
	rig_expect(&g,
		   "802A008033"
		   "3031300D060960864801650304020105000420"
		   "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
		   "00",
		   "9000");
	assert_int_equal(g.response.len, 258);
	assert_int_equal(rig_verifies(&g), 1);
	rig_clean(&g);
	rig_end(&g);
}

/* A card that keeps its power may keep a PIN verified: nothing more is sent to it, and closing tries again. */
static void test_keeps_power(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, "extended");
	rig_expect(&g, SELECT_JPKI, "9000");
	ccid_model_fault(g.model, CCID_ERROR, 1, 0xFB);
	assert_int_equal(reader_power(g.reader, POWER_OFF, g.dl), FUDA_ETRANSPORT);
	assert_true(vcard_powered(g.card));
	assert_int_equal(rig_send(&g, SELECT_JPKI, 0), FUDA_EREMOVED);
	reader_close(&g.reader);
	assert_false(vcard_powered(g.card));
	rig_end(&g);
}

/* ---- insertion and removal ---- */

static void test_present(void **state)
{
	static const char *const both[] = { "extended", "two-endpoints", "tpdu" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		struct rig g;

		rig_plug(&g, ccid_model_new(both[i]), "");
		assert_int_equal(reader_attach(g.ctx, &driver_ccid, g.rest, g.dl, &g.reader), 0);
		assert_false(vcard_powered(g.card));
		assert_true(present(&g));
		assert_int_equal(reader_power(g.reader, POWER_ON, g.dl), 0);
		assert_true(present(&g));
		rig_expect(&g, SELECT_JPKI, "9000");
		ccid_model_insert(g.model, NULL);
		assert_false(present(&g));
		assert_false(present(&g));
		assert_int_equal(rig_send(&g, SELECT_JPKI, 0), FUDA_EREMOVED);
		assert_int_equal(reader_power(g.reader, POWER_ON, g.dl), FUDA_ENOCARD);
		ccid_model_insert(g.model, g.card);
		assert_true(present(&g));
		assert_int_equal(reader_power(g.reader, POWER_ON, g.dl), 0);
		ccid_model_insert(g.model, g.card); /* away and back between two looks */
		assert_false(present(&g));
		assert_int_equal(rig_send(&g, SELECT_JPKI, 0), FUDA_EREMOVED);
		assert_true(present(&g));
		assert_int_equal(reader_power(g.reader, POWER_ON, g.dl), 0);
		rig_expect(&g, SELECT_JPKI, "9000");
		rig_clean(&g);
		rig_end(&g);
	}
}

/* A card that was swapped gets no command that was meant for the other. */
static void test_swapped(void **state)
{
	static const char *const both[] = { "extended", "tpdu", "tpdu-t0", "short" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		struct rig g;

		rig_begin(&g, both[i]);
		rig_expect(&g, SELECT_JPKI, "9000");
		ccid_model_insert(g.model, g.card);
		assert_int_equal(rig_send(&g, WRONG_AUTH, TRANSMIT_ONCE), FUDA_EMUTE);
		assert_int_equal(rig_send(&g, WRONG_AUTH, TRANSMIT_ONCE), FUDA_EREMOVED);
		assert_int_equal(rig_verifies(&g), 0);
		rig_end(&g);
	}
}

static void test_no_card(void **state)
{
	struct rig g;

	(void)state;
	rig_plug(&g, ccid_model_new("extended"), "");
	ccid_model_insert(g.model, NULL);
	assert_int_equal(reader_open_with(g.ctx, &driver_ccid, g.rest, g.dl, &g.reader), FUDA_ENOCARD);
	assert_string_not_equal(fuda_context_message(g.ctx), "");
	rig_end(&g);
}

/* ---- slots and names ---- */

static void test_slots(void **state)
{
	struct reader *second = NULL, *third = NULL;
	struct fuda_deadline *soon;
	char rest[40];
	struct rig g;

	(void)state;
	rig_begin(&g, "slots");
	snprintf(rest, sizeof(rest), "%s/1", g.rest);
	assert_int_equal(reader_attach(g.ctx, &driver_ccid, rest, g.dl, &second), 0);
	assert_int_equal(second->driver->power(second, POWER_ON, g.dl), FUDA_ENOCARD);
	rig_expect(&g, SELECT_JPKI, "9000");
	assert_int_equal(fuda_deadline_new(150, &soon), 0);
	assert_int_equal(reader_attach(g.ctx, &driver_ccid, rest, soon, &third), FUDA_ETIMEOUT); /* taken */
	fuda_deadline_free(&soon);
	reader_close(&second);
	assert_int_equal(reader_attach(g.ctx, &driver_ccid, rest, g.dl, &second), 0);
	reader_close(&g.reader); /* the other one stays */
	assert_int_equal(second->driver->power(second, POWER_ON, g.dl), FUDA_ENOCARD);
	reader_close(&second);
	rig_clean(&g);
	rig_end(&g);
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		"/1", "/17", "/99999999999", "/", "/x", "/1x", "/-1", ".1", " ",
	};
	struct reader *r = NULL;
	char name[64];
	struct rig g;

	(void)state;
	rig_plug(&g, ccid_model_new("extended"), "");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(name, sizeof(name), "%s%s", g.rest, bad[i]);
		assert_int_equal(reader_attach(g.ctx, &driver_ccid, name, g.dl, &r), FUDA_ENOREADER);
		assert_non_null(strstr(fuda_context_message(g.ctx), name)); /* what was given */
	}
	assert_int_equal(reader_attach(g.ctx, &driver_ccid, "", g.dl, &r), FUDA_ENOREADER);
	assert_int_equal(reader_attach(g.ctx, &driver_ccid, "1.99", g.dl, &r), FUDA_ENOREADER);
	snprintf(name, sizeof(name), "%s/0", g.rest);
	assert_int_equal(reader_attach(g.ctx, &driver_ccid, name, g.dl, &r), 0);
	reader_close(&r);
	usb_mock_take(g.model, true);
	assert_int_equal(reader_attach(g.ctx, &driver_ccid, g.rest, g.dl, &r), FUDA_EBUSY);
	rig_end(&g);
}

static void test_unplugged(void **state)
{
	struct rig g;
	bool there;

	(void)state;
	rig_begin(&g, "extended");
	usb_mock_unplug(g.model);
	assert_int_equal(rig_send(&g, SELECT_JPKI, 0), FUDA_EREADERGONE);
	assert_int_equal(rig_send(&g, SELECT_JPKI, 0), FUDA_EREADERGONE);
	assert_int_equal(driver_ccid.present(g.reader, g.dl, &there), FUDA_EREADERGONE);
	reader_close(&g.reader);
	vcard_power(g.card, false); /* the reader has no power either */
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_work),	 cmocka_unit_test(test_long_command), cmocka_unit_test(test_messages),
		cmocka_unit_test(test_power),	 cmocka_unit_test(test_voltages),     cmocka_unit_test(test_pps),
		cmocka_unit_test(test_6c),	 cmocka_unit_test(test_6c_later),    cmocka_unit_test(test_keeps_power),
		cmocka_unit_test(test_present),      cmocka_unit_test(test_swapped),
		cmocka_unit_test(test_no_card),	 cmocka_unit_test(test_slots),	      cmocka_unit_test(test_names),
		cmocka_unit_test(test_unplugged),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softcard_setup, softcard_teardown);
}
