/* SPDX-License-Identifier: Apache-2.0 */
/* What may go wrong between the driver of the RC-S380 and the device, at every step: the right error, never a hang,
 * never a second VERIFY, and afterwards everything works. No time passes here: deadline_sleep() is replaced. */
#include "tests/test-rcs380.h"

#include "base/deadline.h"

int __wrap_deadline_sleep(const struct fuda_deadline *dl, int ms);
int __wrap_deadline_sleep(const struct fuda_deadline *dl, int ms)
{
	(void)ms;
	return deadline_check(dl);
}

/* ---- what is done when it happens ---- */

static int attach(struct rig *g)
{
	return rig_attach(g);
}

static int activate(struct rig *g)
{
	return rig_power(g, POWER_ON);
}

/* Of several blocks each way: FSC is 64 bytes. */
static int command(struct rig *g)
{
	return rig_send(g, "00B00000C8", 0, NULL, 0);
}

static int verify(struct rig *g)
{
	return rig_send(g, VERIFY_AUTH, TRANSMIT_ONCE, NULL, 0);
}

static int off(struct rig *g)
{
	return rig_power(g, POWER_OFF);
}

static int look(struct rig *g)
{
	bool there;

	return rig_present(g, &there);
}

static void nothing(struct rig *g)
{
	(void)g;
}

static void attached(struct rig *g)
{
	rig_expect(g, rig_attach(g), 0);
}

static void selected(struct rig *g)
{
	rig_open(g);
	rig_ask(g, SELECT_JPKI, "9000");
	rig_ask(g, "00A4020C02000A", "9000");
}

static const struct step {
	const char *name;
	void (*before)(struct rig *g);
	int (*run)(struct rig *g);
	bool type_a;
} steps[] = {
	{ "attach", nothing, attach, false },	  { "type B", attached, activate, false },
	{ "type A", attached, activate, true },	  { "command", selected, command, false },
	{ "VERIFY", selected, verify, false },	  { "off", selected, off, false },
	{ "presence", attached, look, false },	  { "VERIFY, type A", selected, verify, true },
};
enum {
	TYPE_B = 1,
	TYPE_A = 2,
	VERIFY = 4,
	VERIFY_A = 7,
};

static void begin(struct rig *g, const struct step *s)
{
	const struct picc_settings settings = { .type_a = s->type_a, .fsci = 5, .frame_max = 64, .fwi = 4 };

	rig_begin(g, &settings, false);
	s->before(g);
}

/* Nobody was told that more was done than was. */
static void check_verifies(struct rig *g, const struct step *s, int e)
{
	unsigned long n = rig_verifies(g);

	assert_true(n <= 1);
	assert_true(s->run != verify || e < 0 || n == 1);
}

/* As it should: without being plugged in anew, unless it was pulled. */
static void works_again(struct rig *g, bool gone)
{
	if (gone) {
		reader_close(&g->r);
		rig_plug(g);
	}
	if (!g->r)
		rig_expect(g, rig_attach(g), 0);
	rig_expect(g, rig_power(g, POWER_ON), 0);
	rig_ask(g, SELECT_JPKI, "9000");
	rig_ask(g, VERIFY_AUTH, "9000");
}

/* ---- the bus ---- */

/* Bulk transfers of the step when all is well. */
static unsigned transfers_of(const struct step *s)
{
	unsigned long before;
	struct rig g;

	begin(&g, s);
	before = g.r ? rig_transfers(&g) : 0;
	rig_expect(&g, s->run(&g), 0);
	before = rig_transfers(&g) - before;
	rig_end(&g);
	return (unsigned)before;
}

static const struct {
	const char *name;
	enum usb_mock_fault fault;
	size_t bytes;
	int expected;
} bus_faults[] = {
	{ "unplugged before", USB_MOCK_UNPLUG, 0, FUDA_EREADERGONE },
	{ "unplugged after", USB_MOCK_UNPLUG, 9999, FUDA_EREADERGONE },
	{ "stall", USB_MOCK_STALL, 0, FUDA_ETRANSPORT },
	{ "cut to 1 byte", USB_MOCK_SHORT, 1, FUDA_ETRANSPORT },
	{ "cut to 5 bytes", USB_MOCK_SHORT, 5, FUDA_ETRANSPORT },
	{ "lost", USB_MOCK_LOSE, 0, FUDA_ETRANSPORT },
	{ "empty before", USB_MOCK_EMPTY, 0, 0 },
};

/* The very first transfer of attaching breaks off what another program may have begun: it is not missed where
 * nothing was. */
static bool may_be_missed(const struct step *s, enum usb_mock_fault fault, unsigned n)
{
	return s->run == attach && n == 1 && fault == USB_MOCK_LOSE;
}

static void at_every_transfer(void **state)
{
	(void)state;
	for (size_t s = 0; s < VERIFY_A; s++) {
		unsigned count = transfers_of(&steps[s]);

		assert_true(count >= 3);
		for (size_t f = 0; f < ARRAY_SIZE(bus_faults); f++) {
			for (unsigned n = 1; n <= count; n++) {
				struct rig g;
				int e;

				begin(&g, &steps[s]);
				usb_mock_fault(bus_faults[f].fault, n, bus_faults[f].bytes);
				e = steps[s].run(&g);
				if (e != bus_faults[f].expected && !may_be_missed(&steps[s], bus_faults[f].fault, n))
					print_message("%s, transfer %u, %s\n", steps[s].name, n, bus_faults[f].name);
				if (!may_be_missed(&steps[s], bus_faults[f].fault, n))
					rig_expect(&g, e, bus_faults[f].expected);
				usb_mock_fault(USB_MOCK_FINE, 0, 0);
				check_verifies(&g, &steps[s], e);
				works_again(&g, bus_faults[f].fault == USB_MOCK_UNPLUG);
				rig_end(&g);
			}
		}
	}
}

/* ---- the device ---- */

static const struct {
	const char *name;
	enum rcs380_fault fault;
	unsigned arg;
	int expected;
	unsigned commands; /* bits of those to which it matters, from the left; 0: all */
} device_faults[] = {
	{ "deaf", RCS380_DEAF, 0, FUDA_ETRANSPORT, 0 },
	{ "no ACK", RCS380_NO_ACK, 0, FUDA_ETRANSPORT, 0 },
	{ "no answer", RCS380_NO_ANSWER, 0, FUDA_ETRANSPORT, 0 },
	{ "late answer", RCS380_LATE, 0, FUDA_ETRANSPORT, 0 },
	{ "error frame", RCS380_ERROR_FRAME, 0, FUDA_ETRANSPORT, 0 },
	{ "error frame as answer", RCS380_ERROR_ANSWER, 0, FUDA_ETRANSPORT, 0 },
	{ "ACK twice", RCS380_ACK_TWICE, 0, FUDA_ETRANSPORT, 0 },
	{ "bad start", RCS380_BAD_START, 0, FUDA_ETRANSPORT, 0 },
	{ "bad LCS", RCS380_BAD_LENGTH, 0, FUDA_ETRANSPORT, 0 },
	{ "bad DCS", RCS380_BAD_DATA, 0, FUDA_ETRANSPORT, 0 },
	{ "bad postamble", RCS380_BAD_END, 0, FUDA_ETRANSPORT, 0 },
	{ "length 0", RCS380_LENGTH, 0, FUDA_ETRANSPORT, 0 },
	{ "length 1", RCS380_LENGTH, 1, FUDA_ETRANSPORT, 0 },
	{ "length 1003", RCS380_LENGTH, 1003, FUDA_ETRANSPORT, 0 },
	{ "length 1004", RCS380_LENGTH, 1004, FUDA_ETRANSPORT, 0 },
	{ "length 65535", RCS380_LENGTH, 65535, FUDA_ETRANSPORT, 0 },
	{ "wrong code", RCS380_WRONG_CODE, 0, FUDA_ETRANSPORT, 0 },
	{ "wrong side", RCS380_WRONG_SIDE, 0, FUDA_ETRANSPORT, 0 },
	{ "no payload", RCS380_CUT, 0, FUDA_ETRANSPORT, 0 },
	{ "status 7", RCS380_STATUS, 7, FUDA_ETRANSPORT, 1 },
	{ "ends after 0", RCS380_ENDS_EARLY, 0, FUDA_ETRANSPORT, 0 },
	{ "ends after 4", RCS380_ENDS_EARLY, 4, FUDA_ETRANSPORT, 0 },
	{ "ends after 5", RCS380_ENDS_EARLY, 5, FUDA_ETRANSPORT, 0 },
	{ "ends after 9", RCS380_ENDS_EARLY, 9, FUDA_ETRANSPORT, 0 },
	{ "stale for ever", RCS380_STALE_FOREVER, 0, FUDA_ETRANSPORT, 0 },
	{ "empty for ever", RCS380_EMPTY_FOREVER, 0, FUDA_ETRANSPORT, 0 },
	{ "split by 1", RCS380_SPLIT, 1, 0, 0 },
	{ "split by 5", RCS380_SPLIT, 5, 0, 0 },
	{ "split by 64", RCS380_SPLIT, 64, 0, 0 },
	{ "together", RCS380_TOGETHER, 0, 0, 0 },
	{ "trailing 1", RCS380_TRAILING, 1, 0, 0 },
	{ "trailing 40", RCS380_TRAILING, 40, 0, 0 },
	{ "stale first", RCS380_STALE, 0, 0, 0 },
	{ "empty first", RCS380_EMPTY, 0, 0, 0 },
};

static unsigned commands_of(const struct step *s)
{
	unsigned long before;
	struct rig g;

	begin(&g, s);
	before = rcs380_model_commands(g.m, -1);
	rig_expect(&g, s->run(&g), 0);
	before = rcs380_model_commands(g.m, -1) - before;
	rig_end(&g);
	return (unsigned)before;
}

static void at_every_command(void **state)
{
	(void)state;
	for (size_t s = 0; s < VERIFY_A; s++) {
		unsigned count = commands_of(&steps[s]);

		for (size_t f = 0; f < ARRAY_SIZE(device_faults); f++) {
			for (unsigned n = 1; n <= count; n++) {
				unsigned long air;
				struct rig g;
				int e, expected = device_faults[f].expected;

				begin(&g, &steps[s]);
				air = rcs380_model_commands(g.m, 0x04);
				rcs380_model_fault(g.m, device_faults[f].fault, n, device_faults[f].arg);
				e = steps[s].run(&g);
				air = rcs380_model_commands(g.m, 0x04) - air;
				if (device_faults[f].commands && (air || s >= 1))
					expected = e; /* means something else on the air, and in versions: below */
				if (device_faults[f].commands && s == 0 && (n == 2 || n == 3))
					expected = e;
				if (e != expected)
					print_message("%s, command %u, %s\n", steps[s].name, n, device_faults[f].name);
				rig_expect(&g, e, expected);
				rcs380_model_fault(g.m, RCS380_FINE, 0, 0);
				check_verifies(&g, &steps[s], e);
				works_again(&g, false);
				rig_end(&g);
			}
		}
	}
}

/* ---- the air ---- */

static void statuses(void **state)
{
	static const struct {
		uint32_t status;
		bool again; /* asked for by R(NAK), once; or else */
		int expected;
		const char *says;
	} table[] = {
		{ 0x00000080, true, FUDA_EMUTE, "stopped answering" },
		{ 0x00000001, true, FUDA_ETRANSPORT, "cannot be understood" },
		{ 0x00000002, true, FUDA_ETRANSPORT, "cannot be understood" },
		{ 0x00000004, true, FUDA_ETRANSPORT, "cannot be understood" },
		{ 0x00000008, true, FUDA_ETRANSPORT, "cannot be understood" },
		{ 0x00000010, true, FUDA_ETRANSPORT, "cannot be understood" },
		{ 0x80000000, true, FUDA_ETRANSPORT, "cannot be understood" },
		{ 0x00000084, true, FUDA_ETRANSPORT, "cannot be understood" },
		{ 0x00000040, false, FUDA_ETRANSPORT, "hot" },
		{ 0x00000044, false, FUDA_ETRANSPORT, "hot" },
		{ 0x00000200, false, FUDA_ETRANSPORT, "another reader" },
		{ 0x00000400, false, FUDA_ETRANSPORT, "field" },
		{ 0x00000800, false, FUDA_ETRANSPORT, "cannot send" },
		{ 0x00000100, false, FUDA_ETRANSPORT, "00000100" },
		{ 0x00010000, false, FUDA_ETRANSPORT, "00010000" },
		{ 0xFFFFFFFF, false, FUDA_ETRANSPORT, "hot" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		for (int always = 0; always < 2; always++) {
			struct rig g;
			int e, expected = table[i].again && !always ? 0 : table[i].expected;

			begin(&g, &steps[VERIFY]);
			if (always)
				rcs380_model_always(g.m, RCS380_STATUS, table[i].status);
			else
				rcs380_model_fault(g.m, RCS380_STATUS, 1, table[i].status);
			e = verify(&g);
			rig_expect(&g, e, expected);
			if (e < 0)
				rig_says(&g, table[i].says);
			rcs380_model_always(g.m, RCS380_FINE, 0);
			assert_int_equal(rig_verifies(&g), 1);
			works_again(&g, false);
			rig_end(&g);
		}
	}
}

/* Answers of the card that cannot be, in frames that can. */
static void nonsense_of_the_card(void **state)
{
	static const struct {
		enum rcs380_fault fault;
		unsigned arg;
		int expected[2]; /* of a VERIFY; of an activation, at its last command */
	} table[] = {
		{ RCS380_CUT, 1, { FUDA_ETRANSPORT, FUDA_ETRANSPORT } },
		{ RCS380_CUT, 3, { FUDA_ETRANSPORT, FUDA_ETRANSPORT } },
		{ RCS380_CUT, 4, { FUDA_ETRANSPORT, FUDA_ETRANSPORT } },
		{ RCS380_CUT, 5, { 0, FUDA_EMUTE } },
		{ RCS380_PADDED, 600, { 0, FUDA_EMUTE } },
		{ RCS380_STATUS, 0x80, { 0, FUDA_EMUTE } },
		{ RCS380_STATUS, 0x04, { 0, FUDA_EMUTE } },
		{ RCS380_STATUS, 0x08, { 0, FUDA_EMUTE } },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(table); i++) {
		const struct step *s = &steps[i & 1 ? TYPE_B : VERIFY];
		unsigned n = i & 1 ? commands_of(s) : 1;
		struct rig g;
		int e;

		begin(&g, s);
		rcs380_model_fault(g.m, table[i / 2].fault, n, table[i / 2].arg);
		e = s->run(&g);
		rig_expect(&g, e, table[i / 2].expected[i & 1]);
		check_verifies(&g, s, e);
		works_again(&g, false);
		rig_end(&g);
	}
}

/* Each command of activating type A in turn is not answered, or not as it should be. */
static void type_a_falls_silent(void **state)
{
	static const unsigned status[] = { 0x80, 0x04, 0x08 };
	unsigned count = commands_of(&steps[TYPE_A]);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(status); i++) {
		for (unsigned n = 1; n <= count; n++) {
			struct rig g;
			int e;

			begin(&g, &steps[TYPE_A]);
			rcs380_model_fault(g.m, RCS380_STATUS, n, status[i]);
			e = activate(&g);
			assert_true(e == FUDA_EMUTE || e == FUDA_ENOCARD || e == FUDA_ETRANSPORT || e == 0);
			if (e < 0)
				assert_false(rcs380_model_field(g.m));
			rcs380_model_fault(g.m, RCS380_FINE, 0, 0);
			works_again(&g, false);
			rig_end(&g);
		}
	}
}

/* What the protocol allows the card: the table of ISO-DEP has its own tests, here it goes through the device. */
static void faults_of_the_card(void **state)
{
	static const struct {
		enum picc_fault fault;
		unsigned count;
		int expected;
	} table[] = {
		{ PICC_LOSE_COMMAND, 0, 0 },	      { PICC_LOSE_ANSWER, 0, 0 },
		{ PICC_GARBLE_ANSWER, 0, 0 },	      { PICC_WTX, 3, 0 },
		{ PICC_WTX_FOREVER, 0, FUDA_ETRANSPORT }, { PICC_WTX_BAD, 0, FUDA_ETRANSPORT },
		{ PICC_WTX_BAD, 60, FUDA_ETRANSPORT },  { PICC_TOO_MUCH, 0, FUDA_ETRANSPORT },
		{ PICC_GONE, 0, FUDA_EREMOVED },	      { PICC_SWAP, 0, FUDA_EMUTE },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(table); i++) {
		const struct step *s = &steps[i & 1 ? VERIFY_A : VERIFY];
		struct rig g;
		int e;

		begin(&g, s);
		picc_fault(g.picc, table[i / 2].fault, 1, table[i / 2].count);
		e = s->run(&g);
		rig_expect(&g, e, table[i / 2].expected);
		check_verifies(&g, s, e);
		if (e < 0)
			rig_expect(&g, verify(&g), FUDA_EREMOVED);
		rcs380_model_insert(g.m, g.v);
		works_again(&g, false);
		rig_end(&g);
	}
}

static int setup(void **state)
{
	int r = softcard_setup(state);

	rig_card = softcard_load();
	return r;
}

static int teardown(void **state)
{
	softcard_free(&rig_card);
	return softcard_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_every_transfer),   cmocka_unit_test(at_every_command),
		cmocka_unit_test(statuses),	       cmocka_unit_test(nonsense_of_the_card),
		cmocka_unit_test(type_a_falls_silent), cmocka_unit_test(faults_of_the_card),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
