/* SPDX-License-Identifier: Apache-2.0 */
/* What may go wrong between a CCID reader and us: no second VERIFY, no hang, the right error, and a reader that can
 * be used again. */

#include "tests/process.h"
#include "tests/test-ccid.h"

static const char *const kinds[] = { "extended", "short", "tpdu", "tpdu-t0" };

/* Whether the reader works again after the card is switched on anew. */
static void assert_usable(struct rig *g)
{
	int r = reader_power(g->reader, POWER_ON, g->dl);

	if (r < 0)
		fail_msg("%s: %s", fuda_error_name(r), fuda_context_message(g->ctx));
	rig_expect(g, SELECT_JPKI, "9000");
}

/* ---- transfers ---- */

/* Opening, selecting, and one try with a wrong PIN. */
static int job(struct rig *g)
{
	static const char *const before[] = { SELECT_JPKI, SELECT_CERT, READ_SHORT, "00A4020C020018" };
	int r = reader_open_with(g->ctx, &driver_ccid, g->rest, g->dl, &g->reader);

	for (size_t i = 0; i < ARRAY_SIZE(before) && r == 0; i++)
		r = rig_send(g, before[i], 0);
	return r == 0 ? rig_send(g, WRONG_AUTH, TRANSMIT_ONCE) : r;
}

static bool expected(int error, enum usb_mock_fault fault)
{
	switch (fault) {
	case USB_MOCK_UNPLUG:
		return error == FUDA_EREADERGONE;
	case USB_MOCK_LOSE: /* and nothing comes any more */
		return error == FUDA_ETIMEOUT || error == 0;
	case USB_MOCK_EMPTY:
		return error == 0;
	default:
		return error == FUDA_ETRANSPORT || error == 0;
	}
}

static unsigned transfers_of(const char *kind)
{
	unsigned n;
	struct rig g;

	rig_plug_with(&g, ccid_model_new(kind), rig_card);
	assert_int_equal(job(&g), 0);
	n = 2 * (unsigned)ccid_model_commands(g.model, -1);
	assert_int_equal(rig_verifies(&g), 1);
	rig_end(&g);
	return n;
}

static void fault_at(const char *kind, enum usb_mock_fault fault, unsigned n, size_t bytes)
{
	struct rig g;
	int r;

	rig_plug_with(&g, ccid_model_new(kind), rig_card);
	usb_mock_fault(fault, n, bytes);
	r = job(&g);
	if (!expected(r, fault))
		fail_msg("%s, fault %d at transfer %u: %s", kind, fault, n, fuda_error_name(r));
	if (r < 0)
		assert_string_not_equal(fuda_context_message(g.ctx), "");
	assert_true(rig_verifies(&g) <= 1);
	if (g.reader && fault != USB_MOCK_UNPLUG)
		assert_usable(&g);
	assert_true(rig_verifies(&g) <= 1);
	if (fault == USB_MOCK_UNPLUG)
		vcard_power(g.card, false);
	reader_close(&g.reader);
	if (vcard_powered(g.card))
		fail_msg("%s, fault %d at transfer %u: the card is left with power", kind, fault, n);
	rig_end(&g);
}

static void test_each_transfer(void **state)
{
	static const struct {
		enum usb_mock_fault fault;
		size_t bytes;
	} faults[] = {
		{ USB_MOCK_UNPLUG, 0 }, { USB_MOCK_UNPLUG, 1000 }, { USB_MOCK_STALL, 0 }, { USB_MOCK_SHORT, 1 },
		{ USB_MOCK_SHORT, 9 },	{ USB_MOCK_SHORT, 11 },	   { USB_MOCK_LOSE, 0 },  { USB_MOCK_EMPTY, 0 },
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		unsigned last = transfers_of(kinds[k]);

		for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
			for (unsigned n = 1; n <= last; n++)
				fault_at(kinds[k], faults[i].fault, n, faults[i].bytes);
	}
}

/* ---- answers ---- */

static void begin_verify(struct rig *g, const char *kind)
{
	rig_plug_with(g, ccid_model_new(kind), rig_card);
	rig_open(g);
	rig_expect(g, SELECT_JPKI, "9000");
	rig_expect(g, "00A4020C020018", "9000");
}

static void test_each_error(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (unsigned error = 0; error <= 255; error++) {
			struct rig g;
			int r;

			begin_verify(&g, kinds[k]);
			ccid_model_fault(g.model, CCID_ERROR, 1, error);
			r = rig_send(&g, WRONG_AUTH, TRANSMIT_ONCE);
			/* at block level mute and parity have their remedy */
			if (strcmp(kinds[k], "tpdu") == 0 && error >= 0xFC && error <= 0xFE)
				assert_int_equal(r, 0);
			else if (r >= 0)
				fail_msg("%s, error %02X: no error", kinds[k], error);
			if (error == 0xFE && strcmp(kinds[k], "tpdu") != 0)
				assert_int_equal(r, FUDA_EMUTE);
			assert_int_equal(rig_verifies(&g), r == 0);
			assert_usable(&g);
			assert_int_equal(rig_verifies(&g), r == 0);
			rig_clean(&g);
			rig_end(&g);
		}
}

struct odd {
	enum ccid_fault fault;
	unsigned arg;
	int error;
	const char *only; /* of this kind, or NULL */
};

static const struct odd odds[] = {
	{ CCID_STALE, 1, 0, NULL },
	{ CCID_STALE, 20, 0, NULL },
	{ CCID_OTHER_SLOT, 0, 0, NULL },
	{ CCID_EMPTY, 0, 0, NULL },
	{ CCID_PADDED, 1, 0, NULL },
	{ CCID_PADDED, 200, 0, NULL },
	{ CCID_EXTENSIONS, 1, 0, NULL },
	{ CCID_EXTENSIONS, 1000, 0, NULL },
	{ CCID_EXTENSIONS_FOREVER, 0, FUDA_ETRANSPORT, NULL },
	{ CCID_WRONG_SEQ, 0, FUDA_ETRANSPORT, NULL },
	{ CCID_WRONG_TYPE, 0, FUDA_ETRANSPORT, NULL },
	{ CCID_LENGTH, 13, FUDA_ETRANSPORT, "short" },
	{ CCID_LENGTH, 0xFFFFFFFF, FUDA_ETRANSPORT, NULL },
	{ CCID_LENGTH, 1, FUDA_ETRANSPORT, "short" },
	{ CCID_LENGTH, 0, FUDA_ETRANSPORT, "extended" },
	{ CCID_CUT, 1, FUDA_ETRANSPORT, NULL },
	{ CCID_CUT, 9, FUDA_ETRANSPORT, NULL },
	{ CCID_CUT, 11, FUDA_ETRANSPORT, NULL },
	{ CCID_NO_DATA, 0, FUDA_ETRANSPORT, "extended" },
	{ CCID_NO_DATA, 0, FUDA_ETRANSPORT, "short" },
	{ CCID_NO_DATA, 0, FUDA_ETRANSPORT, "tpdu-t0" },
	{ CCID_NO_DATA, 0, 0, "tpdu" }, /* which asks for the block again */
	{ CCID_CHAIN, 2, FUDA_ETRANSPORT, "extended" },
	{ CCID_CHAIN, 3, FUDA_ETRANSPORT, "extended" },
	{ CCID_CHAIN, 0x10, FUDA_ETRANSPORT, "extended" },
	{ CCID_CHAIN, 0xFF, FUDA_ETRANSPORT, "extended" },
	{ CCID_CHAIN, 1, 0, "short" }, /* where it means nothing */
	{ CCID_ENDLESS, 0, FUDA_ETRANSPORT, "extended" },
	{ CCID_DEAF, 0, FUDA_ETIMEOUT, NULL },
	{ CCID_NO_ANSWER, 0, FUDA_ETIMEOUT, NULL },
};

static void odd_answer(const char *kind, const struct odd *o)
{
	struct rig g;
	int r;

	begin_verify(&g, kind);
	ccid_model_fault(g.model, o->fault, 1, o->arg);
	r = rig_send(&g, WRONG_AUTH, TRANSMIT_ONCE);
	if (r != o->error)
		fail_msg("%s, fault %d (%u): %s", kind, o->fault, o->arg, fuda_error_name(r));
	assert_true(rig_verifies(&g) <= 1);
	assert_usable(&g);
	assert_true(rig_verifies(&g) <= 1);
	rig_end(&g);
}

static void test_odd_answers(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < ARRAY_SIZE(odds); i++)
			if (!odds[i].only || strcmp(odds[i].only, kinds[k]) == 0)
				odd_answer(kinds[k], &odds[i]);
}

/* The same while it is opened and asked. */
static void test_odd_openings(void **state)
{
	static const enum ccid_fault faults[] = { CCID_WRONG_TYPE, CCID_WRONG_SEQ, CCID_NO_DATA, CCID_DEAF,
						  CCID_EXTENSIONS_FOREVER };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
			for (unsigned n = 1; n <= 4; n++) {
				struct rig g;
				int r;

				rig_plug_with(&g, ccid_model_new(kinds[k]), rig_card);
				ccid_model_fault(g.model, faults[i], n, 0);
				r = reader_open_with(g.ctx, &driver_ccid, g.rest, g.dl, &g.reader);
				assert_int_equal(r < 0, g.reader == NULL);
				if (r < 0)
					assert_string_not_equal(fuda_context_message(g.ctx), "");
				reader_close(&g.reader);
				ccid_model_fault(g.model, CCID_FINE, 0, 0);
				rig_open(&g);
				rig_expect(&g, SELECT_JPKI, "9000");
				rig_end(&g);
			}
}

/* What a card does at TPDU level, through the reader. */
static void test_card_faults(void **state)
{
	static const struct {
		enum icc_fault fault;
		unsigned count;
		int error;
	} cases[] = {
		{ ICC_LOSE_ANSWER, 0, 0 },
		{ ICC_DAMAGE_ANSWER, 0, 0 },
		{ ICC_BAD_EDC, 0, 0 },
		{ ICC_WTX, 3, 0 },
		{ ICC_WTX_FOREVER, 0, FUDA_ETRANSPORT },
		{ ICC_ABORT, 0, FUDA_ETRANSPORT },
		{ ICC_TOO_MUCH, 0, FUDA_ETRANSPORT },
		{ ICC_MUTE, 0, FUDA_EMUTE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig g;

		begin_verify(&g, "tpdu");
		icc_fault(ccid_model_icc(g.model), cases[i].fault, 1, cases[i].count);
		assert_int_equal(rig_send(&g, WRONG_AUTH, TRANSMIT_ONCE), cases[i].error);
		assert_int_equal(rig_verifies(&g), cases[i].fault != ICC_MUTE);
		assert_usable(&g);
		assert_int_equal(rig_verifies(&g), cases[i].fault != ICC_MUTE);
		rig_clean(&g);
		rig_end(&g);
	}
}

static void test_t0_mute(void **state)
{
	struct rig g;

	(void)state;
	begin_verify(&g, "tpdu-t0");
	icc_fault(ccid_model_icc(g.model), ICC_LOSE_ANSWER, 1, 0);
	assert_int_equal(rig_send(&g, WRONG_AUTH, TRANSMIT_ONCE), FUDA_EMUTE);
	assert_int_equal(rig_verifies(&g), 1);
	assert_int_equal(rig_send(&g, WRONG_AUTH, TRANSMIT_ONCE), FUDA_EREMOVED);
	assert_usable(&g);
	assert_int_equal(rig_verifies(&g), 1);
	rig_end(&g);
}

/* ---- time ---- */

enum { BUDGET_MS = 100, LATE_MS = 2000 }; /* however busy the machine is */

/* The wait ends at the deadline, and the reader gives the command up, or is told to when it is next used. */
static void test_deadline(void **state)
{
	static const struct {
		enum ccid_fault fault;
		bool usable;
	} cases[] = { { CCID_DEAF, true }, { CCID_NO_ANSWER, true }, { CCID_DEAD, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t begin;
		struct rig g;

		begin_verify(&g, "extended");
		reader_close(&g.reader);
		usb_mock_end();
		usb_mock_begin(true);
		snprintf(g.rest, sizeof(g.rest), "1.%u", usb_mock_plug(g.model));
		rig_open(&g);
		rig_expect(&g, SELECT_JPKI, "9000");
		ccid_model_fault(g.model, cases[i].fault, 1, 0);
		fuda_deadline_restart(g.dl, BUDGET_MS);
		begin = now_ms();
		assert_int_equal(rig_send(&g, WRONG_AUTH, TRANSMIT_ONCE), FUDA_ETIMEOUT);
		assert_true(now_ms() - begin < BUDGET_MS + LATE_MS);
		assert_true(rig_verifies(&g) <= 1);
		fuda_deadline_restart(g.dl, 5000);
		assert_int_equal(rig_send(&g, WRONG_AUTH, TRANSMIT_ONCE), FUDA_EREMOVED);
		if (cases[i].usable)
			assert_usable(&g);
		else
			assert_int_equal(reader_power(g.reader, POWER_ON, g.dl), FUDA_ETRANSPORT);
		if (!cases[i].usable)
			usb_mock_unplug(g.model);
		reader_close(&g.reader);
		vcard_power(g.card, false);
		rig_end(&g);
	}
}

static void test_cancelled(void **state)
{
	static const char *const both[] = { "extended", "tpdu" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		struct rig g;

		begin_verify(&g, both[i]);
		fuda_deadline_cancel(g.dl);
		assert_int_equal(rig_send(&g, WRONG_AUTH, TRANSMIT_ONCE), FUDA_ECANCELLED);
		assert_int_equal(rig_verifies(&g), 0);
		rig_clean(&g);
		rig_end(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_transfer), cmocka_unit_test(test_each_error),
		cmocka_unit_test(test_odd_answers),   cmocka_unit_test(test_odd_openings),
		cmocka_unit_test(test_card_faults),   cmocka_unit_test(test_t0_mute),
		cmocka_unit_test(test_deadline),      cmocka_unit_test(test_cancelled),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, rig_setup, rig_teardown);
}
