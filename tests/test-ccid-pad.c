/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that are typed on the keys of an emulated CCID reader. */
#include "tests/test-ccid-pad.h"

/* ---- what a reader has ---- */

static void test_features(void **state)
{
	static const struct {
		const char *kind, *serial;
		unsigned pad;
		uint16_t display;
		uint8_t slots;
	} cases[] = {
		{ "pad", "PAD-0001", 3, 0, 0 },		{ "pad-short", "PAD-0001", 3, 0x0211, 0 },
		{ "pad-tpdu", "PAD-0001", 3, 0x0210, 0 }, { "pad-tpdu-t0", "PAD-0001", 3, 0, 0 },
		{ "pad-false", "PAD-0001", 0, 0, 0 },	{ "extended", "", 0, 0, 0 },
		{ "tpdu", "", 0, 0, 0 },		{ "slots", "", 0, 0, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig g;

		pad_begin(&g, cases[i].kind, rig_card);
		assert_int_equal(g.reader->pad, cases[i].pad);
		assert_int_equal(g.reader->display, cases[i].display);
		assert_string_equal(g.reader->serial, cases[i].serial);
		assert_int_equal(g.reader->slot, 0);
		assert_int_equal(g.reader->slots, cases[i].slots);
		rig_clean(&g);
		rig_end(&g);
	}
}

static void test_second_slot(void **state)
{
	struct reader *second = NULL;
	char rest[40];
	struct rig g;

	(void)state;
	pad_begin(&g, "slots", rig_card);
	snprintf(rest, sizeof(rest), "%s/1", g.rest);
	assert_int_equal(reader_attach(g.ctx, &driver_ccid, rest, g.dl, &second), 0);
	assert_int_equal(second->slot, 1);
	assert_int_equal(second->slots, 2);
	reader_close(&second);
	rig_end(&g);
}

/* Without keys, or with such that the computer sees, the reader is not even asked. */
static void test_no_keys(void **state)
{
	static const char *const none[] = { "pad-false", "extended", "short", "tpdu", "slots" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		struct rig g;

		pad_begin(&g, none[i], rig_card);
		ccid_model_keys(g.model, "1234E", 0);
		assert_int_equal(pad_verify(&g), FUDA_ENOTSUP);
		assert_int_equal(pad_send(&g, true, PAD_MODIFY, TYPED_CHANGE), FUDA_ENOTSUP);
		assert_int_equal(ccid_model_commands(g.model, 0x69), 0);
		rig_expect(&g, SELECT_CERT, "9000");
		rig_end(&g);
	}
}

/* Half a pad is none for the other half. */
static void test_half_a_pad(void **state)
{
	struct rig g;

	(void)state;
	pad_begin(&g, "pad", rig_card);
	ccid_model_keys(g.model, "1234E1234E", 0);
	g.reader->pad = READER_PAD_VERIFY;
	assert_int_equal(pad_send(&g, true, PAD_MODIFY, TYPED_CHANGE), FUDA_ENOTSUP);
	g.reader->pad = READER_PAD_MODIFY;
	assert_int_equal(pad_verify(&g), FUDA_ENOTSUP);
	assert_int_equal(ccid_model_commands(g.model, 0x69), 0);
	rig_end(&g);
}

/* ---- typing ---- */

static void test_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < PAD_KINDS; i++) {
		struct rig g;

		pad_begin(&g, pad_kinds[i], rig_card);
		pad_expect(&g, false, "0000E", 0x63C2);
		pad_expect(&g, false, "1234E", 0x9000);
		pad_expect(&g, false, "1234E", 0x9000);
		rig_expect(&g, SELECT_CERT, "9000");
		pad_expect(&g, false, "1111E", 0x63C2);
		rig_expect(&g, VERIFY_AUTH, "9000");
		assert_int_equal(ccid_model_commands(g.model, 0x69), 4);
		assert_int_equal(rig_verifies(&g), 5);
		rig_expect(&g, SELECT_CERT, "9000");
		rig_expect(&g, READ_SHORT, "9000");
		rig_clean(&g);
		rig_end(&g);
	}
}

static void test_modify(void **state)
{
	(void)state;
	for (size_t i = 0; i < PAD_KINDS; i++) {
		struct rig g;

		pad_begin(&g, pad_kinds[i], rig_card);
		pad_expect(&g, true, "4321E4321E", 0x6982); /* before the old one */
		pad_expect(&g, false, "1234E", 0x9000);
		pad_expect(&g, true, "4321E4321E", 0x9000);
		pad_expect(&g, false, "1234E", 0x63C2);
		pad_expect(&g, false, "4321E", 0x9000);
		pad_expect(&g, true, "1234E1234E", 0x9000);
		pad_expect(&g, false, "1234E", 0x9000);
		rig_clean(&g);
		rig_end(&g);
	}
}

/* Nothing reaches the card, which knows nothing of it. */
static void test_nothing_sent(void **state)
{
	static const struct {
		bool modify;
		const char *keys;
		unsigned sw;
	} cases[] = {
		{ false, "C", PAD_CANCELLED },	  { false, "123C", PAD_CANCELLED },
		{ false, "T", PAD_TIMEOUT },	  { false, "1234T", PAD_TIMEOUT },
		{ false, "E", PAD_LENGTH },	  { false, "123E", PAD_LENGTH },
		{ false, "12345E", PAD_LENGTH },  { true, "C", PAD_CANCELLED },
		{ true, "4321EC", PAD_CANCELLED }, { true, "4321ET", PAD_TIMEOUT },
		{ true, "4321E4322E", PAD_UNEQUAL }, { true, "1E1E", PAD_LENGTH },
		{ true, "4321E432E", PAD_LENGTH },
	};

	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k++) {
		struct rig g;

		pad_begin(&g, pad_kinds[k], rig_card);
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			unsigned long apdus = vcard_usage(g.card).apdus;

			pad_expect(&g, cases[i].modify, cases[i].keys, cases[i].sw);
			assert_int_equal(vcard_usage(g.card).apdus, apdus);
			pad_usable(&g);
		}
		rig_clean(&g);
		rig_end(&g);
	}
}

/* ---- what may be asked ---- */

/* The fields reach the reader as it can take them: the model complains, or refuses, where they do not. */
static void test_adapted(void **state)
{
	static const char *const heads[] = {
		"1E1E820400" "0404" "02" "00" "0904" "00" "000000", /* no message */
		"1E1E820400" "0404" "02" "FF" "0904" "00" "000000", /* its own */
		"1E1E820400" "0404" "02" "03" "0904" "00" "000000",
		"1E1E820400" "0404" "00" "01" "0904" "00" "000000", /* ends that are reserved */
		"1E1E820400" "0404" "FF" "01" "0904" "00" "000000",
		"0000820400" "0404" "02" "01" "0904" "00" "000000", /* no time, and another's prologue */
		"1E1E820400" "0404" "02" "01" "0904" "00" "FFFFFF",
	};
	static const char *const changes[] = {
		"1E1E820400" "0000" "0404" "01" "02" "00" "0904" "000102" "000000",
		"1E1E820400" "0000" "0404" "01" "02" "01" "0904" "000102" "000000",
		"1E1E820400" "0000" "0404" "01" "02" "03" "0904" "000102" "000000",
		"1E1E820400" "0000" "0404" "01" "02" "FF" "0904" "000102" "000000",
		"1E1E820400" "0000" "0404" "01" "00" "02" "0904" "000102" "000000",
	};

	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k++) {
		struct rig g;

		pad_begin(&g, pad_kinds[k], rig_card);
		for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
			ccid_model_keys(g.model, "1234E", 0);
			assert_int_equal(pad_send(&g, false, heads[i], TYPED_VERIFY), 0);
			assert_int_equal(pad_status(&g), 0x9000);
		}
		for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
			ccid_model_keys(g.model, "1234E1234E", 0);
			assert_int_equal(pad_send(&g, true, changes[i], TYPED_CHANGE), 0);
			assert_int_equal(pad_status(&g), 0x9000);
		}
		rig_clean(&g);
		rig_end(&g);
	}
}

/* What makes no sense does not get to the reader; what it does not know is refused by it, and nothing is lost. */
static void test_refused(void **state)
{
	static const struct {
		const char *head, *command;
		int error;
		bool asked; /* the reader is */
	} cases[] = {
		{ "1E1E820400" "0405" "02" "01" "0904" "00" "000000", TYPED_VERIFY, FUDA_EINVAL, false }, /* 5 to 4 */
		{ "1E1E820400" "0404" "02" "04" "0904" "00" "000000", TYPED_VERIFY, FUDA_EINVAL, false },
		{ "1E1E820400" "0404" "02" "01" "0904" "00" "0000", TYPED_VERIFY, FUDA_EINVAL, false },
		{ PAD_VERIFY, "002000", FUDA_EINVAL, false },
		{ PAD_VERIFY, "", FUDA_EINVAL, false },
		{ "1E1E810400" "0404" "02" "01" "0904" "00" "000000", TYPED_VERIFY, FUDA_ENOTSUP, true }, /* BCD */
		{ "1E1E824400" "0404" "02" "01" "0904" "00" "000000", TYPED_VERIFY, FUDA_ENOTSUP, true },
		{ "1E1E820404" "0404" "02" "01" "0904" "00" "000000", TYPED_VERIFY, FUDA_ENOTSUP, true },
		{ PAD_VERIFY, "0020009802FFFF", FUDA_ENOTSUP, true }, /* no room for four digits */
	};

	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k++) {
		struct rig g;

		pad_begin(&g, pad_kinds[k], rig_card);
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			unsigned long asked = ccid_model_commands(g.model, 0x69), verifies = rig_verifies(&g);

			ccid_model_keys(g.model, "1234E", 0);
			assert_int_equal(pad_send(&g, false, cases[i].head, cases[i].command), cases[i].error);
			assert_string_not_equal(fuda_context_message(g.ctx), "");
			assert_int_equal(ccid_model_commands(g.model, 0x69), asked + cases[i].asked);
			assert_int_equal(rig_verifies(&g), verifies);
			pad_usable(&g);
		}
		rig_clean(&g);
		rig_end(&g);
	}
}

/* A command of 5 + n bytes. */
static void long_command(size_t n, char ret[2 * 261 + 1])
{
	int at = snprintf(ret, 11, "00200098%02zX", n);

	for (size_t i = 0; i < n; i++)
		at += snprintf(ret + at, 3, "FF");
}

/* What does not go into one message, or one block, or is no command for this level. */
static void test_too_long(void **state)
{
	static const struct icc_settings short_blocks = { .ifsc = 32 };
	static const struct {
		const char *kind;
		const struct icc_settings *settings;
		size_t fits, not; /* Lc */
	} cases[] = {
		{ "pad", NULL, 255, 0 },
		{ "pad-short", NULL, 241, 242 },
		{ "pad-tpdu", NULL, 241, 242 },
		{ "pad-tpdu", &short_blocks, 27, 28 },
		{ "pad-tpdu-t0", NULL, 240, 242 }, /* it says 270; those of this maker are taken for 271 */
	};
	char command[2 * 261 + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig g;

		rig_plug_with(&g, ccid_model_new_with(cases[i].kind, cases[i].settings), rig_card);
		rig_open(&g);
		rig_expect(&g, SELECT_JPKI, "9000");
		long_command(cases[i].fits, command);
		ccid_model_keys(g.model, "C", 0);
		assert_int_equal(pad_send(&g, false, PAD_VERIFY, command), 0);
		assert_int_equal(pad_status(&g), PAD_CANCELLED);
		long_command(cases[i].not, command);
		if (cases[i].not)
			assert_int_equal(pad_send(&g, false, PAD_VERIFY, command), FUDA_ETOOBIG);
		assert_int_equal(ccid_model_commands(g.model, 0x69), 1);
		pad_usable(&g);
		rig_clean(&g);
		rig_end(&g);
	}
}

static void test_extended_form(void **state)
{
	struct rig g;

	(void)state;
	pad_begin(&g, "pad-short", rig_card);
	assert_int_equal(pad_send(&g, false, PAD_VERIFY, "00200098" "000004" "FFFFFFFF"), FUDA_ETRANSPORT);
	assert_int_equal(ccid_model_commands(g.model, 0x69), 0);
	pad_usable(&g);
	rig_end(&g);
}

/* A PIN that makes up all the data of a command: SPRx32 would pad it, and a try be lost. */
static void test_padded(void **state)
{
	static const char *const kinds[] = { "pad", "pad-short", "pad-tpdu-t0" };
	static const char head[] = "1E1E820000" "0404" "02" "01" "0904" "00" "000000";

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		bool pads = strcmp(kinds[k], "pad-tpdu-t0") == 0;
		struct rig g;

		pad_begin(&g, kinds[k], rig_card);
		ccid_model_keys(g.model, "1234E", 0);
		assert_int_equal(pad_send(&g, false, head, "00200098"), pads ? FUDA_ENOTSUP : 0);
		assert_int_equal(ccid_model_commands(g.model, 0x69), !pads);
		assert_int_equal(rig_verifies(&g), !pads);
		pad_usable(&g);
		rig_end(&g);
	}
}

/* ---- power ---- */

static void test_power(void **state)
{
	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k++) {
		struct rig g;

		pad_begin(&g, pad_kinds[k], rig_card);
		assert_int_equal(reader_power(g.reader, POWER_OFF, g.dl), 0);
		pad_expect(&g, false, "1234E", 0x6A82); /* on again by itself, and nothing is selected */
		rig_expect(&g, SELECT_JPKI, "9000");
		pad_usable(&g);
		ccid_model_insert(g.model, NULL);
		ccid_model_keys(g.model, "1234E", 0);
		assert_int_equal(pad_verify(&g), FUDA_EREMOVED);
		assert_int_equal(pad_verify(&g), FUDA_EREMOVED);
		ccid_model_insert(g.model, rig_card);
		assert_int_equal(pad_verify(&g), FUDA_EREMOVED); /* not to the next card unasked */
		assert_int_equal(reader_power(g.reader, POWER_ON, g.dl), 0);
		rig_expect(&g, SELECT_JPKI, "9000");
		pad_usable(&g);
		rig_end(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_features),     cmocka_unit_test(test_second_slot),
		cmocka_unit_test(test_no_keys),	     cmocka_unit_test(test_half_a_pad),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_modify),	     cmocka_unit_test(test_nothing_sent),
		cmocka_unit_test(test_adapted),	     cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_long),     cmocka_unit_test(test_extended_form),
		cmocka_unit_test(test_padded),	     cmocka_unit_test(test_power),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, rig_setup, rig_teardown);
}
