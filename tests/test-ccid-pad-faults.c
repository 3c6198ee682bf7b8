/* SPDX-License-Identifier: Apache-2.0 */
/* What may go wrong while a secret is typed on a CCID reader: one VERIFY at most reaches the card, and none once the
 * entry is over, whoever goes on typing. */
#include <pthread.h>

#include "tests/process.h"
#include "tests/test-ccid-pad.h"

/* Whether the reader works again after the card is switched on anew, and the person can type again. */
static void assert_usable(struct rig *g)
{
	int r = reader_power(g->reader, POWER_ON, g->dl);

	if (r < 0)
		fail_msg("%s: %s", fuda_error_name(r), fuda_context_message(g->ctx));
	rig_expect(g, SELECT_JPKI, "9000");
	rig_expect(g, SELECT_CERT, "9000");
}

/* Keys that are pressed after the entry is over go nowhere. */
static void type_in_vain(struct rig *g)
{
	unsigned long before = rig_verifies(g);

	ccid_model_keys(g->model, "1234E", 0);
	assert_false(ccid_model_waits(g->model));
	rig_expect(g, TRIES_LEFT, "63C3");
	assert_int_equal(rig_verifies(g), before);
	ccid_model_keys(g->model, NULL, 0);
}

/* ---- transfers ---- */

static int job(struct rig *g)
{
	int r = reader_open_with(g->ctx, &driver_ccid, g->rest, g->dl, &g->reader);

	if (r == 0)
		r = rig_send(g, SELECT_JPKI, 0);
	ccid_model_keys(g->model, "1234E", 0);
	return r == 0 ? pad_verify(g) : r;
}

static bool expected(int error, enum usb_mock_fault fault)
{
	switch (fault) {
	case USB_MOCK_UNPLUG:
		return error == FUDA_EREADERGONE;
	case USB_MOCK_LOSE:
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
	rig_clean(&g);
	rig_end(&g);
	return n;
}

static void fault_at(const char *kind, enum usb_mock_fault fault, unsigned n, size_t bytes)
{
	unsigned long verifies;
	struct rig g;
	int r;

	rig_plug_with(&g, ccid_model_new(kind), rig_card);
	usb_mock_fault(fault, n, bytes);
	r = job(&g);
	if (!expected(r, fault))
		fail_msg("%s, fault %d at transfer %u: %s", kind, fault, n, fuda_error_name(r));
	if (r < 0)
		assert_string_not_equal(fuda_context_message(g.ctx), "");
	verifies = rig_verifies(&g);
	assert_true(verifies <= 1);
	if (fault == USB_MOCK_UNPLUG)
		vcard_power(g.card, false);
	else if (g.reader)
		assert_usable(&g);
	assert_int_equal(rig_verifies(&g), verifies);
	reader_close(&g.reader);
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
	for (size_t k = 0; k < PAD_KINDS; k++) {
		unsigned last = transfers_of(pad_kinds[k]);

		for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
			for (unsigned n = 1; n <= last; n++)
				fault_at(pad_kinds[k], faults[i].fault, n, faults[i].bytes);
	}
}

/* ---- answers ---- */

/* What bError stands for, where nothing reached the card. */
static int error_of(const char *kind, unsigned error)
{
	bool blocks = strcmp(kind, "pad-tpdu") == 0;

	if (error == 0xEF || error == 0xF0)
		return 0; /* it says a status word in the card's stead */
	if (error <= 0x7F)
		return FUDA_ENOTSUP;
	if (!blocks && (error == 0xFE || (error >= 0xF5 && error <= 0xF8)))
		return FUDA_EMUTE;
	return FUDA_ETRANSPORT;
}

static void test_each_error(void **state)
{
	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k++)
		for (unsigned error = 0; error <= 255; error++) {
			struct rig g;
			int r;

			pad_begin(&g, pad_kinds[k], rig_card);
			ccid_model_fault(g.model, CCID_ERROR, 1, error);
			ccid_model_keys(g.model, "1234E", 0);
			r = pad_verify(&g);
			if (r != error_of(pad_kinds[k], error))
				fail_msg("%s, error %02X: %s", pad_kinds[k], error, fuda_error_name(r));
			if (r == 0)
				assert_int_equal(pad_status(&g), error == 0xEF ? PAD_CANCELLED : PAD_TIMEOUT);
			else
				assert_string_not_equal(fuda_context_message(g.ctx), "");
			assert_int_equal(rig_verifies(&g), 0);
			if (error <= 0x7F || error == 0xE0 || r == 0) /* by which it says that it did nothing */
				type_in_vain(&g);
			else
				assert_usable(&g);
			assert_int_equal(rig_verifies(&g), 0);
			rig_clean(&g);
			rig_end(&g);
		}
}

static const struct odd {
	enum ccid_fault fault;
	unsigned arg;
	int error;
	const char *only; /* of this kind, or NULL */
} odds[] = {
	{ CCID_STALE, 1, 0, NULL },
	{ CCID_STALE, 20, 0, NULL },
	{ CCID_OTHER_SLOT, 0, 0, NULL },
	{ CCID_EMPTY, 0, 0, NULL },
	{ CCID_PADDED, 1, 0, NULL },
	{ CCID_PADDED, 200, 0, NULL },
	{ CCID_EXTENSIONS, 1, 0, NULL },
	{ CCID_EXTENSIONS, 5000, 0, NULL },
	{ CCID_EXTENSIONS_FOREVER, 0, FUDA_ETRANSPORT, NULL },
	{ CCID_WRONG_SEQ, 0, FUDA_ETRANSPORT, NULL },
	{ CCID_WRONG_TYPE, 0, FUDA_ETRANSPORT, NULL },
	{ CCID_LENGTH, 0xFFFFFFFF, FUDA_ETRANSPORT, NULL },
	{ CCID_LENGTH, 1, FUDA_ETRANSPORT, "pad" },
	{ CCID_LENGTH, 1, FUDA_ETRANSPORT, "pad-short" },
	{ CCID_LENGTH, 1, FUDA_ETRANSPORT, "pad-tpdu-t0" },
	{ CCID_LENGTH, 1, 0, "pad-tpdu" }, /* which asks for the block again */
	{ CCID_CUT, 1, FUDA_ETRANSPORT, NULL },
	{ CCID_CUT, 9, FUDA_ETRANSPORT, NULL },
	{ CCID_CUT, 11, FUDA_ETRANSPORT, NULL },
	{ CCID_NO_DATA, 0, FUDA_ETRANSPORT, "pad" },
	{ CCID_NO_DATA, 0, FUDA_ETRANSPORT, "pad-short" },
	{ CCID_NO_DATA, 0, FUDA_ETRANSPORT, "pad-tpdu-t0" },
	{ CCID_NO_DATA, 0, 0, "pad-tpdu" },
	{ CCID_CHAIN, 1, FUDA_ETRANSPORT, "pad" },
	{ CCID_CHAIN, 0x10, FUDA_ETRANSPORT, "pad" },
	{ CCID_CHAIN, 1, 0, "pad-short" }, /* where it means nothing */
	{ CCID_DEAF, 0, FUDA_ETIMEOUT, NULL },
	{ CCID_NO_ANSWER, 0, FUDA_ETIMEOUT, NULL },
};

static void odd_answer(const char *kind, const struct odd *o)
{
	unsigned long verifies;
	struct rig g;
	int r;

	pad_begin(&g, kind, rig_card);
	ccid_model_fault(g.model, o->fault, 1, o->arg);
	ccid_model_keys(g.model, "1234E", 0);
	r = pad_verify(&g);
	if (r != o->error)
		fail_msg("%s, fault %d (%u): %s", kind, o->fault, o->arg, fuda_error_name(r));
	if (r == 0)
		assert_int_equal(pad_status(&g), 0x9000);
	verifies = rig_verifies(&g);
	assert_true(verifies <= 1);
	assert_usable(&g);
	assert_int_equal(rig_verifies(&g), verifies);
	rig_end(&g);
}

static void test_odd_answers(void **state)
{
	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k++)
		for (size_t i = 0; i < ARRAY_SIZE(odds); i++)
			if (!odds[i].only || strcmp(odds[i].only, pad_kinds[k]) == 0)
				odd_answer(pad_kinds[k], &odds[i]);
}

/* Given up here after the card had it: without a reset the next answers are those to the next commands. */
static void test_in_step(void **state)
{
	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k++) {
		struct rig g;

		pad_begin(&g, pad_kinds[k], rig_card);
		ccid_model_fault(g.model, CCID_NO_ANSWER, 1, 0);
		ccid_model_keys(g.model, "1234E", 0);
		assert_int_equal(pad_verify(&g), FUDA_ETIMEOUT);
		assert_int_equal(rig_verifies(&g), 1);
		rig_expect(&g, TRIES_LEFT, "63C3");
		rig_expect(&g, SELECT_CERT, "9000");
		rig_expect(&g, READ_SHORT, "9000");
		assert_int_equal(rig_verifies(&g), 1);
		rig_clean(&g);
		rig_end(&g);
	}
}

/* What a card does at TPDU level. A block that it wants again cannot be said again: nobody has the PIN. */
static void test_card_faults(void **state)
{
	static const struct {
		enum icc_fault fault;
		unsigned count;
		int error;
		unsigned verifies;
	} cases[] = {
		{ ICC_LOSE_BLOCK, 0, FUDA_ETRANSPORT, 0 },
		{ ICC_DAMAGE_BLOCK, 0, FUDA_ETRANSPORT, 0 },
		{ ICC_LOSE_ANSWER, 0, 0, 1 },
		{ ICC_DAMAGE_ANSWER, 0, 0, 1 },
		{ ICC_BAD_EDC, 0, 0, 1 },
		{ ICC_WRONG_NUMBER, 0, 0, 1 },
		{ ICC_WTX, 1, 0, 1 },
		{ ICC_WTX, 50, 0, 1 },
		{ ICC_WTX_FOREVER, 0, FUDA_ETRANSPORT, 1 },
		{ ICC_IFS, 64, 0, 1 },
		{ ICC_ABORT, 0, FUDA_ETRANSPORT, 1 },
		{ ICC_TOO_MUCH, 0, FUDA_ETRANSPORT, 1 },
		{ ICC_MUTE, 0, FUDA_EMUTE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig g;
		int r;

		pad_begin(&g, "pad-tpdu", rig_card);
		icc_fault(ccid_model_icc(g.model), cases[i].fault, 1, cases[i].count);
		ccid_model_keys(g.model, "1234E", 0);
		r = pad_verify(&g);
		if (r != cases[i].error)
			fail_msg("fault %d: %s", cases[i].fault, fuda_error_name(r));
		assert_int_equal(rig_verifies(&g), cases[i].verifies);
		if (cases[i].error == FUDA_EMUTE)
			assert_usable(&g);
		else
			type_in_vain(&g); /* in step again, and with what it holds */
		assert_int_equal(rig_verifies(&g), cases[i].verifies);
		rig_clean(&g);
		rig_end(&g);
	}
}

static void test_nonsense(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ICC_NONSENSES; i++) {
		struct rig g;

		pad_begin(&g, "pad-tpdu", rig_card);
		icc_fault(ccid_model_icc(g.model), ICC_NONSENSE, 1, i);
		pad_expect(&g, false, "1234E", 0x9000); /* asked for again */
		assert_int_equal(rig_verifies(&g), 1);
		pad_usable(&g);
		rig_clean(&g);
		rig_end(&g);
	}
}

static void test_t0_mute(void **state)
{
	static const enum icc_fault faults[] = { ICC_MUTE, ICC_LOSE_BLOCK, ICC_LOSE_ANSWER };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct rig g;

		pad_begin(&g, "pad-tpdu-t0", rig_card);
		icc_fault(ccid_model_icc(g.model), faults[i], 1, 0);
		ccid_model_keys(g.model, "1234E", 0);
		assert_int_equal(pad_verify(&g), FUDA_EMUTE);
		assert_int_equal(pad_verify(&g), FUDA_EREMOVED);
		assert_int_equal(rig_verifies(&g), faults[i] == ICC_LOSE_ANSWER);
		assert_usable(&g);
		rig_clean(&g);
		rig_end(&g);
	}
}

/* ---- time ---- */

enum { BUDGET_MS = 100, LATE_MS = 2000, /* however busy the machine is */ LONG_MS = 20000, WAIT_MS = 5000 };

/* A person, or a program, that does something while the reader waits for keys. */
struct hand {
	struct rig *g;
	void (*act)(struct rig *g);
};

static void *do_it(void *arg)
{
	struct hand *h = arg;

	for (int ms = 0; ms < WAIT_MS && !ccid_model_waits(h->g->model); ms++)
		pause_ms(1);
	h->act(h->g);
	return NULL;
}

/* pad_verify(), and in the middle of it that. */
static int verify_while(struct rig *g, void (*act)(struct rig *g))
{
	struct hand hand = { g, act };
	pthread_t thread;
	int64_t begin = now_ms();
	int r;

	assert_int_equal(pthread_create(&thread, NULL, do_it, &hand), 0);
	r = pad_verify(g);
	pthread_join(thread, NULL);
	assert_true(now_ms() - begin < LONG_MS);
	return r;
}

static void type(struct rig *g)
{
	ccid_model_keys(g->model, "1234E", 20);
}

static void cancel(struct rig *g)
{
	fuda_deadline_cancel(g->dl);
}

static void take_card(struct rig *g)
{
	ccid_model_insert(g->model, NULL);
}

static void unplug(struct rig *g)
{
	usb_mock_unplug(g->model);
}

static void test_typed_slowly(void **state)
{
	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k++) {
		struct rig g;

		pad_begin_slowly(&g, pad_kinds[k], rig_card);
		ccid_model_asks(g.model, k % 2 ? 5 : 0);
		assert_int_equal(verify_while(&g, type), 0);
		assert_int_equal(pad_status(&g), 0x9000);
		assert_int_equal(rig_verifies(&g), 1);
		rig_clean(&g);
		rig_end(&g);
	}
}

/* The entry is over at the deadline, though the reader asks for more time; the card keeps what it holds. */
static void test_deadline(void **state)
{
	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k++)
		for (unsigned asks = 0; asks <= 3; asks += 3) {
			struct rig g;
			int64_t begin;

			pad_begin_slowly(&g, pad_kinds[k], rig_card);
			ccid_model_asks(g.model, asks);
			rig_expect(&g, SELECT_CERT, "9000");
			fuda_deadline_restart(g.dl, BUDGET_MS);
			begin = now_ms();
			assert_int_equal(pad_verify(&g), FUDA_ETIMEOUT);
			assert_true(now_ms() - begin < BUDGET_MS + LATE_MS);
			assert_int_equal(ccid_model_commands(g.model, 0x72), 1);
			fuda_deadline_restart(g.dl, LONG_MS);
			rig_expect(&g, READ_HEAD, "9000");
			type_in_vain(&g);
			assert_int_equal(rig_verifies(&g), 0);
			ccid_model_asks(g.model, 0);
			pad_usable(&g);
			rig_clean(&g);
			rig_end(&g);
		}
}

/* What comes while it still waits for keys is no answer: it is told to give up, and who goes on typing does so in
 * vain. */
static void test_disturbed(void **state)
{
	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k++) {
		struct rig g;

		pad_begin_slowly(&g, pad_kinds[k], rig_card);
		ccid_model_asks(g.model, 3);
		usb_mock_fault(USB_MOCK_STALL, 2, 0); /* when it asks for more time */
		assert_int_equal(pad_verify(&g), FUDA_ETRANSPORT);
		ccid_model_asks(g.model, 0);
		assert_int_equal(ccid_model_commands(g.model, 0x72), 1);
		type_in_vain(&g);
		pad_usable(&g);
		assert_int_equal(rig_verifies(&g), 1);
		rig_clean(&g);
		rig_end(&g);
	}
}

static void test_cancelled(void **state)
{
	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k++) {
		struct fuda_deadline *over;
		struct rig g;

		pad_begin_slowly(&g, pad_kinds[k], rig_card);
		assert_int_equal(verify_while(&g, cancel), FUDA_ECANCELLED);
		assert_int_equal(pad_verify(&g), FUDA_ECANCELLED); /* from the beginning */
		over = g.dl;
		assert_int_equal(fuda_deadline_new(LONG_MS, &g.dl), 0);
		type_in_vain(&g);
		pad_usable(&g);
		assert_int_equal(ccid_model_commands(g.model, 0x72), 1);
		assert_int_equal(rig_verifies(&g), 1);
		fuda_deadline_free(&over);
		rig_clean(&g);
		rig_end(&g);
	}
}

/* A reader that does not give the entry up: the person is told, and no command goes to the card. */
static void test_stuck(void **state)
{
	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k += 2) {
		struct rig g;

		pad_begin_slowly(&g, pad_kinds[k], rig_card);
		ccid_model_fault(g.model, CCID_DEAD, 1, 0);
		ccid_model_keys(g.model, "1234E", 0);
		fuda_deadline_restart(g.dl, BUDGET_MS);
		assert_int_equal(pad_verify(&g), FUDA_ETIMEOUT);
		assert_non_null(strstr(fuda_context_message(g.ctx), "cancel key"));
		fuda_deadline_restart(g.dl, LONG_MS);
		assert_int_equal(pad_verify(&g), FUDA_EREMOVED);
		assert_int_equal(reader_power(g.reader, POWER_ON, g.dl), FUDA_ETRANSPORT);
		usb_mock_unplug(g.model);
		reader_close(&g.reader);
		vcard_power(g.card, false);
		rig_end(&g);
	}
}

/* A reader that knows nothing of giving up: it is of use again once somebody has ended the entry on its keys. What is
 * typed then cannot be kept from the card. */
static void test_no_abort(void **state)
{
	static const struct {
		const char *kind;
		enum ccid_abort abort;
		const char *keys;
		unsigned verifies;
	} cases[] = {
		{ "pad", CCID_STALLS, "C", 0 },	     { "pad-tpdu", CCID_REFUSES, "C", 0 },
		{ "pad", CCID_REFUSES, "1234E", 1 }, { "pad-tpdu", CCID_STALLS, "1234E", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig g;

		pad_begin_slowly(&g, cases[i].kind, rig_card);
		ccid_model_abort(g.model, cases[i].abort);
		fuda_deadline_restart(g.dl, BUDGET_MS);
		assert_int_equal(pad_verify(&g), FUDA_ETIMEOUT);
		assert_non_null(strstr(fuda_context_message(g.ctx), "cancel key"));
		assert_true(ccid_model_waits(g.model));
		fuda_deadline_restart(g.dl, LONG_MS);
		assert_int_equal(pad_verify(&g), FUDA_EREMOVED);
		ccid_model_keys(g.model, cases[i].keys, 0);
		assert_usable(&g);
		assert_int_equal(rig_verifies(&g), cases[i].verifies);
		rig_clean(&g);
		rig_end(&g);
	}
}

static void test_own_time(void **state)
{
	struct rig g;

	(void)state;
	pad_begin_slowly(&g, "pad", rig_card);
	assert_int_equal(pad_send(&g, false, "0101" "820400" "0404" "02" "01" "0904" "00" "000000", TYPED_VERIFY), 0);
	assert_int_equal(pad_status(&g), PAD_TIMEOUT);
	type_in_vain(&g);
	assert_int_equal(rig_verifies(&g), 0);
	rig_clean(&g);
	rig_end(&g);
}

static void test_taken_away(void **state)
{
	(void)state;
	for (size_t k = 0; k < PAD_KINDS; k++) {
		struct rig g;

		pad_begin_slowly(&g, pad_kinds[k], rig_card);
		assert_int_equal(verify_while(&g, take_card), FUDA_EREMOVED);
		ccid_model_insert(g.model, rig_card);
		ccid_model_keys(g.model, "1234E", 0);
		assert_int_equal(rig_send(&g, SELECT_JPKI, 0), FUDA_EREMOVED);
		assert_usable(&g);
		assert_int_equal(rig_verifies(&g), 0);
		rig_clean(&g);
		rig_end(&g);
		pad_begin_slowly(&g, pad_kinds[k], rig_card);
		assert_int_equal(verify_while(&g, unplug), FUDA_EREADERGONE);
		assert_int_equal(pad_verify(&g), FUDA_EREADERGONE);
		assert_int_equal(rig_verifies(&g), 0);
		reader_close(&g.reader);
		vcard_power(g.card, false);
		rig_end(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_transfer), cmocka_unit_test(test_each_error),
		cmocka_unit_test(test_odd_answers),   cmocka_unit_test(test_card_faults),
		cmocka_unit_test(test_in_step),	      cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_t0_mute),
		cmocka_unit_test(test_typed_slowly),  cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_cancelled),     cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_own_time),      cmocka_unit_test(test_taken_away),
		cmocka_unit_test(test_no_abort),      cmocka_unit_test(test_disturbed),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, rig_setup, rig_teardown);
}
