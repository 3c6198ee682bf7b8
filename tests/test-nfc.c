/* SPDX-License-Identifier: Apache-2.0 */
/* The driver "nfc" over the real libnfc, to an emulated PN532 with the software card on it. */
#include <pthread.h>
#include <signal.h>

#include "card/card.h"
#include "tests/pn532.h"
#include "tests/softcard.h"
#include "tests/test-nfc.h"

enum {
	SOON_MS = 100, /* after a deadline or a cancel */
	SLACK_MS = 150, /* of a machine that does other things too */
	EXCHANGE = 0x40,
};

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct pn532 *chip;
static struct vcard *card;
static int descriptors_before;
static struct pn532_counts before;
static struct reader *r; /* closed after a test that failed, too */

static int setup(void **state)
{
	nfc_helper_path = "./fuda-nfc";
	return fuda_context_new(&ctx) < 0 || fuda_deadline_new(-1, &dl) < 0 ? -1 : softcard_setup(state);
}

static int teardown(void **state)
{
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return softcard_teardown(state);
}

/* A chip and a card for each test. */
static int begin(void **state)
{
	(void)state;
	fuda_deadline_free(&dl);
	assert_int_equal(fuda_deadline_new(10000, &dl), 0);
	assert_true(deadline_fd(dl) >= 0); /* which it may make when it is first waited for */
	chip = pn532_new();
	assert_non_null(chip);
	softcard_write(NULL);
	card = softcard_load();
	pn532_insert(chip, card);
	before = pn532_counts(chip);
	descriptors_before = descriptors();
	return 0;
}

/* However it went, nothing is left, the field is off, and the host has said nothing that it may not say. */
static int end(void **state)
{
	struct pn532_counts counts;

	(void)state;
	reader_close(&r);
	counts = pn532_counts(chip);
	assert_no_child();
	assert_int_equal(descriptors(), descriptors_before);
	assert_string_equal(counts.violation, "");
	pn532_free(&chip);
	softcard_free(&card);
	return 0;
}

static const char *name(void)
{
	static char text[128];

	snprintf(text, sizeof(text), "nfc:pn532_uart:%s", pn532_path(chip));
	return text;
}

static void open_reader(void)
{
	if (reader_open(ctx, name(), dl, &r) < 0)
		fail_msg("%s", fuda_context_message(ctx));
}

static void does_not_open(const char *reader, int error, const char *says)
{
	struct reader *none = NULL;

	assert_int_equal(reader_open(ctx, reader, dl, &none), error);
	assert_null(none);
	if (!strstr(fuda_context_message(ctx), says))
		fail_msg("message without \"%s\": %s", says, fuda_context_message(ctx));
	assert_no_child();
	assert_int_equal(descriptors(), descriptors_before);
}

static void answers(const char *hex, int sw)
{
	int e = exchange(r, hex, 0, dl);

	if (e != sw)
		fail_msg("%s: %X %s", hex, e, e < 0 ? fuda_context_message(ctx) : "");
}

static unsigned long verifies(void)
{
	return pn532_counts(chip).verifies;
}

/* As if nothing had been. */
static void works_again(void)
{
	assert_no_child();
	fuda_deadline_restart(dl, 10000);
	open_reader();
	answers(SELECT_JPKI, 0x9000);
	reader_close(&r);
	assert_false(pn532_field(chip));
	assert_false(vcard_powered(card));
}

/* How many commands the chip gets until the reader is open; the first time there are more registers to set. */
static unsigned long commands_of_opening(void)
{
	unsigned long n;

	works_again();
	before = pn532_counts(chip);
	open_reader();
	n = pn532_counts(chip).commands - before.commands;
	reader_close(&r);
	assert_in_range(n, 10, 40);
	return n;
}

/* ---- what works ---- */

#define SIGN "802A0080" "33" DIGEST_INFO "00"

static void serves_a_card(void **state)
{
	/* as pcsc-tools' list has it of a My Number card: readers.md A2 */
	static const uint8_t atr[] = { 0x3B, 0x88, 0x80, 0x01, 0, 0, 5, 0xE0, 0xB3, 0x81, 0xA1, 0, 0x7F };

	(void)state;
	open_reader();
	assert_string_equal(r->name, name());
	assert_string_equal(r->model, "libnfc pn532_uart");
	assert_int_equal(r->atr_len, sizeof(atr));
	assert_memory_equal(r->atr, atr, sizeof(atr));
	assert_int_equal(r->max_command, 261);
	assert_int_equal(r->max_response, 258);
	assert_null(r->driver->list);
	assert_null(r->driver->lock);
	assert_true(r->driver->flags & DRIVER_HARDWARE);
	answers(SELECT_JPKI, 0x9000);
	answers("00A4020C020018", 0x9000);
	assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), 0x9000);
	answers("00A4020C020017", 0x9000);
	answers(SIGN, 0x9000);
	answers("00A4020C02000A", 0x9000);
	answers("00B0000000", 0x9000); /* 256 bytes */
	assert_int_equal(verifies(), 1);
	assert_int_equal(vcard_usage(card).verifies, 1);
	reader_close(&r);
	assert_false(pn532_field(chip));
	assert_false(vcard_powered(card));
	works_again();
}

static void type_a(void **state)
{
	static const uint8_t atr[] = { 0x3B, 0x82, 0x80, 0x01, 'J', 'P', 0x19 };

	(void)state;
	pn532_set_kind(chip, PN532_A);
	open_reader();
	assert_int_equal(r->atr_len, sizeof(atr));
	assert_memory_equal(r->atr, atr, sizeof(atr));
	answers(SELECT_JPKI, 0x9000);
	reader_close(&r);
}

/* Which one libnfc takes by itself is for its configuration to say. */
static void default_device(void **state)
{
	struct reader *second = NULL;
	char place[128];

	(void)state;
	snprintf(place, sizeof(place), "pn532_uart:%s", pn532_path(chip));
	setenv("LIBNFC_DEVICE", place, 1);
	if (reader_open(ctx, "nfc:", dl, &r) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	assert_string_equal(r->name, "nfc:");
	answers(SELECT_JPKI, 0x9000);
	/* it is taken for others, too */
	assert_int_equal(reader_open(ctx, name(), dl, &second), FUDA_EBUSY);
	answers(SELECT_JPKI, 0x9000);
	unsetenv("LIBNFC_DEVICE");
}

static void power(void **state)
{
	uint32_t epoch;

	(void)state;
	open_reader();
	for (int deaf = 0; deaf < 2; deaf++) {
		answers(SELECT_JPKI, 0x9000);
		answers("00A4020C020018", 0x9000);
		answers(VERIFY_AUTH, 0x9000);
		epoch = r->epoch;
		assert_int_equal(reader_power(r, POWER_RESET, dl), 0);
		assert_int_equal(r->epoch, epoch + 1);
		/* a card that does not hear the call is switched off and on */
		answers("00A4020C020017", deaf ? 0x6A82 : 0x9000);
		if (!deaf)
			answers(SIGN, 0x9000);
		assert_int_equal(reader_power(r, POWER_ON, dl), 0);
		assert_int_equal(r->epoch, epoch + 2);
		answers(SELECT_JPKI, 0x9000);
		answers("00A4020C020017", 0x9000);
		answers(SIGN, 0x6982);
		assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
		assert_int_equal(r->epoch, epoch + 3);
		assert_false(pn532_field(chip));
		assert_false(vcard_powered(card));
		assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
		/* the next command powers it on */
		r->atr_len = 0;
		answers(SELECT_JPKI, 0x9000);
		assert_int_equal(r->atr_len, 13);
		pn532_set_kind(chip, PN532_B_DEAF);
	}
	reader_close(&r);
}

static void sizes(void **state)
{
	uint8_t command[300] = { 0x00, 0x00, 0x00, 0x00, 0xFF };
	struct fuda_buf response = FUDA_BUF_INIT(300);

	(void)state;
	open_reader();
	assert_int_equal(r->driver->transmit(r, command, 261, 0, dl, &response), 0);
	assert_int_equal(pn532_counts(chip).longest, 261);
	assert_int_equal(response.len, 2);
	for (size_t len = 262; len <= 265; len++) {
		assert_int_equal(reader_transmit(r, command, len, 0, dl, &response), FUDA_ETOOBIG);
		/* whatever stands before the driver */
		assert_int_equal(r->driver->transmit(r, command, len, 0, dl, &response), FUDA_ETOOBIG);
	}
	assert_int_equal(r->driver->transmit(r, command, 3, 0, dl, &response), FUDA_ETOOBIG);
	assert_int_equal(pn532_counts(chip).exchanges, 1);
	assert_int_equal(response.len, 2);
	answers(SELECT_JPKI, 0x9000);
	fuda_buf_free(&response);
	reader_close(&r);
}

/* The card's floor sends what is longer in pieces, and asks for no more than comes through. */
static void chains(void **state)
{
	static const uint8_t data[600] = { 0x7F };
	const struct apdu a = { 0x00, 0xCA, 0x00, 0x00, data, sizeof(data), 256, false };
	struct fuda_card *c = NULL;
	struct fuda_buf file = FUDA_BUF_INIT(4000);
	uint16_t sw = 0;

	(void)state;
	open_reader();
	assert_int_equal(card_wrap(ctx, &r, &c), 0);
	r = NULL; /* the card's now */
	assert_int_equal(fuda_card_begin(c, dl), 0);
	assert_int_equal(card_command(c, &a, dl, NULL, &sw), 0);
	assert_int_equal(pn532_counts(chip).longest, 260);
	assert_true(pn532_counts(chip).exchanges <= 3);
	fuda_card_end(c);
	fuda_card_free(&c);
	fuda_buf_free(&file);
}

/* ---- what does not open ---- */

static void no_card(void **state)
{
	int64_t start = now_ms();

	(void)state;
	pn532_insert(chip, NULL);
	does_not_open(name(), FUDA_ENOCARD, "no card");
	assert_true(now_ms() - start < 2000);
	assert_false(pn532_field(chip));
}

static void no_card_of_ours(void **state)
{
	static const struct {
		enum pn532_kind kind;
		const char *says;
	} kinds[] = {
		{ PN532_B_PLAIN, "14443-4" },
		{ PN532_A_PLAIN, "14443-4" },
		{ PN532_A_BAD_ATS, "cannot be understood" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		pn532_set_kind(chip, kinds[i].kind);
		does_not_open(name(), FUDA_EMUTE, kinds[i].says);
		assert_false(pn532_field(chip));
	}
	pn532_set_kind(chip, PN532_B);
	works_again();
}

static void no_device(void **state)
{
	static const char *const names[] = {
		"nfc:nonsense", "nfc:nonsense:/dev/null", "nfc:pn532_uart", "nfc:pn532_uart:",
		"nfc:pn532_uart:/dev/null", "nfc:pn532_uart:/nonexistent", "nfc:pn532_uart:/etc",
		"nfc:pn532_uart:/dev/null:fast", "nfc:::", "nfc:%s%n", "nfc:pn532_uart:\n",
	};
	char text[2000] = "nfc:";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		does_not_open(names[i], FUDA_ENOREADER, "no device");
	memset(text + 4, 'x', 1000);
	does_not_open(text, FUDA_ENOREADER, "no device");
	memset(text + 4, 'x', 1001);
	does_not_open(text, FUDA_ENOREADER, "so long");
}

static void taken(void **state)
{
	struct reader *second = NULL;

	(void)state;
	open_reader();
	assert_int_equal(reader_open(ctx, name(), dl, &second), FUDA_EBUSY);
	assert_non_null(strstr(fuda_context_message(ctx), "Another program"));
	answers(SELECT_JPKI, 0x9000);
	reader_close(&r);
	works_again();
}

/* A device that says nothing, for libnfc's time and for ours. */
static void silent_device(void **state)
{
	int64_t start = now_ms();

	(void)state;
	pn532_fault(chip, PN532_DEAD, -1, 1);
	does_not_open(name(), FUDA_ENOREADER, "no device");
	assert_true(now_ms() - start < 5000);
	works_again();
	pn532_fault(chip, PN532_DEAD, -1, 1);
	fuda_deadline_restart(dl, 200);
	start = now_ms();
	does_not_open(name(), FUDA_ETIMEOUT, "in time");
	assert_in_range(now_ms() - start, 150, 200 + SOON_MS + SLACK_MS);
	works_again();
	fuda_deadline_restart(dl, 0);
	before = pn532_counts(chip);
	does_not_open(name(), FUDA_ETIMEOUT, "in time");
	assert_int_equal(pn532_counts(chip).commands, before.commands);
}

/* Each command of opening fails once, in each way. libnfc overlooks some of it. */
static void faults_while_opening(void **state)
{
	static const enum pn532_fault faults[] = { PN532_ERROR_FRAME, PN532_BAD_CODE, PN532_BAD_LENGTH, PN532_NOISE,
						   PN532_NACK };
	unsigned long steps = commands_of_opening();

	(void)state;
	for (unsigned n = 1; n <= steps; n++) {
		pn532_fault(chip, faults[n % ARRAY_SIZE(faults)], -1, n);
		fuda_deadline_restart(dl, 3000);
		if (reader_open(ctx, name(), dl, &r) == 0)
			reader_close(&r);
		else
			assert_string_not_equal(fuda_context_message(ctx), "");
		assert_no_child();
		assert_int_equal(descriptors(), descriptors_before);
	}
	pn532_fault(chip, PN532_FINE, -1, 0);
	works_again();
}

/* ---- what goes wrong at a command ---- */

/* The software card after its PIN was to be verified with this fault. It never is asked twice, nor again by
 * itself; power makes it work. */
static void verify_fails(enum pn532_fault fault, int error, bool heard)
{
	unsigned long asked = verifies(), done = vcard_usage(card).verifies;
	uint32_t epoch;
	int64_t start;
	int e;

	open_reader();
	epoch = r->epoch;
	answers(SELECT_JPKI, 0x9000);
	answers("00A4020C020018", 0x9000);
	pn532_fault(chip, fault, EXCHANGE, 1);
	fuda_deadline_restart(dl, 400);
	start = now_ms();
	e = exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl);
	if (e != error)
		fail_msg("fault %d: %s: %s", fault, fuda_error_name(e), fuda_context_message(ctx));
	assert_true(now_ms() - start < 400 + SOON_MS + SLACK_MS);
	pn532_fault(chip, PN532_FINE, -1, 0);
	fuda_deadline_restart(dl, 10000);
	if (strstr(fuda_context_message(ctx), "31323334"))
		fail_msg("a secret in %s", fuda_context_message(ctx));
	if (error == FUDA_ETRANSPORT && fault != PN532_LONG) {
		assert_int_equal(r->epoch, epoch + 1);
		assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), FUDA_EREMOVED);
		assert_int_equal(reader_power(r, POWER_ON, dl), 0);
		answers(SELECT_JPKI, 0x9000);
	} else if (error != FUDA_ETRANSPORT) {
		assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), FUDA_EREADERGONE);
		assert_int_equal(reader_power(r, POWER_ON, dl), FUDA_EREADERGONE);
	}
	reader_close(&r);
	assert_int_equal(verifies() - asked, 1);
	assert_int_equal(vcard_usage(card).verifies - done, heard);
}

static void faults_of_a_command(void **state)
{
	static const struct {
		enum pn532_fault fault;
		int error;
		bool heard;
	} faults[] = {
		{ PN532_LOST, FUDA_ETRANSPORT, false },
		{ PN532_UNHEARD, FUDA_ETRANSPORT, true },
		{ PN532_CRC, FUDA_ETRANSPORT, true },
		{ PN532_RELEASED, FUDA_ETRANSPORT, false },
		{ PN532_ODD_STATUS, FUDA_ETRANSPORT, true },
		{ PN532_ONE_BYTE, FUDA_ETRANSPORT, true },
		{ PN532_LONG, FUDA_ETRANSPORT, true },
		{ PN532_ENDLESS, FUDA_ETRANSPORT, true },
		{ PN532_NACK, FUDA_ETRANSPORT, false },
		{ PN532_ERROR_FRAME, FUDA_ETRANSPORT, false },
		{ PN532_BAD_SUM, FUDA_ETRANSPORT, true },
		{ PN532_BAD_LENGTH, FUDA_ETRANSPORT, true },
		{ PN532_BAD_START, FUDA_ETRANSPORT, true },
		{ PN532_BAD_CODE, FUDA_ETRANSPORT, true },
		{ PN532_BAD_END, FUDA_ETRANSPORT, true },
		{ PN532_NOISE, FUDA_ETRANSPORT, false },
		{ PN532_DEAD, FUDA_ETIMEOUT, false },
		{ PN532_SILENT, FUDA_ETIMEOUT, false },
		{ PN532_STUCK, FUDA_ETIMEOUT, true },
		{ PN532_CUT, FUDA_ETIMEOUT, true },
		{ PN532_NAD, FUDA_EREADERGONE, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		verify_fails(faults[i].fault, faults[i].error, faults[i].heard);
		if (faults[i].error != FUDA_ETRANSPORT)
			works_again();
	}
}

/* libnfc reads what the chip did not say; whatever comes of it, we live on. */
static void answer_without_status(void **state)
{
	int e;

	(void)state;
	open_reader();
	answers(SELECT_JPKI, 0x9000);
	pn532_fault(chip, PN532_EMPTY_ANSWER, EXCHANGE, 1);
	fuda_deadline_restart(dl, 1000);
	e = exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl);
	assert_true(e == FUDA_ETRANSPORT || e == FUDA_EREADERGONE);
	reader_close(&r);
	assert_int_equal(verifies(), 1);
	works_again();
}

/* What libnfc said at its end is told. */
static void abort_is_told(void **state)
{
	(void)state;
	open_reader();
	pn532_fault(chip, PN532_NAD, EXCHANGE, 1);
	assert_int_equal(exchange(r, SELECT_JPKI, 0, dl), FUDA_EREADERGONE);
	assert_non_null(strstr(fuda_context_message(ctx), "ended"));
	assert_int_equal(reader_power(r, POWER_OFF, dl), FUDA_EREADERGONE);
	reader_close(&r);
	works_again();
}

static void card_taken_away(void **state)
{
	(void)state;
	open_reader();
	answers(SELECT_JPKI, 0x9000);
	pn532_insert(chip, NULL);
	assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), FUDA_EREMOVED);
	assert_non_null(strstr(fuda_context_message(ctx), "removed"));
	assert_int_equal(reader_power(r, POWER_ON, dl), FUDA_ENOCARD);
	/* and back: nothing is sent before it has power */
	pn532_insert(chip, card);
	before = pn532_counts(chip);
	assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), FUDA_EREMOVED);
	assert_int_equal(pn532_counts(chip).commands, before.commands);
	assert_int_equal(reader_power(r, POWER_ON, dl), 0);
	answers(SELECT_JPKI, 0x9000);
	/* in place of it another */
	pn532_insert(chip, NULL);
	pn532_insert(chip, card);
	assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), FUDA_ETRANSPORT);
	assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), FUDA_EREMOVED);
	assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
	answers(SELECT_JPKI, 0x9000);
	assert_int_equal(vcard_usage(card).verifies, 0);
	reader_close(&r);
}

static void card_falls_mute(void **state)
{
	(void)state;
	pn532_insert(chip, NULL);
	softcard_free(&card);
	softcard_write("mute-at = 2\n");
	card = softcard_load();
	pn532_insert(chip, card);
	open_reader();
	answers(SELECT_JPKI, 0x9000);
	assert_int_equal(exchange(r, "00A4020C020018", 0, dl), FUDA_ETRANSPORT);
	assert_int_equal(reader_power(r, POWER_ON, dl), 0);
	answers(SELECT_JPKI, 0x9000);
	reader_close(&r);
}

/* ---- time, and the end of things ---- */

static void *cancel(void *arg)
{
	pause_ms(50);
	fuda_deadline_cancel(dl);
	return arg;
}

/* The card's verified PIN goes, though the chip was in the middle of something. */
static void cancelled(void **state)
{
	pthread_t thread;
	int64_t start;

	(void)state;
	open_reader();
	answers(SELECT_JPKI, 0x9000);
	answers("00A4020C020018", 0x9000);
	pn532_fault(chip, PN532_STUCK, EXCHANGE, 1);
	fuda_deadline_restart(dl, -1);
	start = now_ms();
	assert_int_equal(pthread_create(&thread, NULL, cancel, NULL), 0);
	assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), FUDA_ECANCELLED);
	assert_in_range(now_ms() - start, 40, 50 + SOON_MS);
	pthread_join(thread, NULL);
	start = now_ms();
	/* as the card's floor does it, in a time of its own */
	assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
	assert_false(pn532_field(chip));
	assert_false(vcard_powered(card));
	reader_close(&r);
	assert_true(now_ms() - start < 1500);
	assert_int_equal(vcard_usage(card).verifies, 1);
	/* cancelled stays cancelled */
	does_not_open(name(), FUDA_ECANCELLED, "");
}

static void closed_in_the_middle(void **state)
{
	(void)state;
	open_reader();
	answers(SELECT_JPKI, 0x9000);
	answers("00A4020C020018", 0x9000);
	assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), 0x9000);
	pn532_fault(chip, PN532_SILENT, EXCHANGE, 1);
	fuda_deadline_restart(dl, 100);
	assert_int_equal(exchange(r, SELECT_JPKI, 0, dl), FUDA_ETIMEOUT);
	reader_close(&r);
	assert_false(vcard_powered(card));
	works_again();
}

static void kill_helper(void)
{
	pid_t pid = only_child();

	if (pid > 0)
		kill(pid, SIGKILL);
}

/* At each command that the chip receives. */
static void helper_killed(void **state)
{
	unsigned long steps = commands_of_opening() + 1;

	(void)state;
	pn532_on_fault(chip, kill_helper);
	for (unsigned n = 1; n <= steps; n++) {
		pn532_fault(chip, PN532_STUCK, -1, n);
		fuda_deadline_restart(dl, 5000);
		if (n < steps) {
			does_not_open(name(), FUDA_EREADERGONE, "ended");
		} else {
			open_reader();
			assert_int_equal(exchange(r, SELECT_JPKI, 0, dl), FUDA_EREADERGONE);
			assert_int_equal(exchange(r, SELECT_JPKI, 0, dl), FUDA_EREADERGONE);
			reader_close(&r);
		}
		works_again();
	}
	pn532_on_fault(chip, NULL);
	works_again();
}

static void helper_killed_between(void **state)
{
	(void)state;
	open_reader();
	kill(only_child(), SIGKILL);
	pause_ms(20);
	before = pn532_counts(chip);
	assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), FUDA_EREADERGONE);
	assert_int_equal(pn532_counts(chip).commands, before.commands);
	reader_close(&r);
	works_again();
	open_reader();
	kill(only_child(), SIGTERM);
	pause_ms(50);
	assert_int_equal(reader_power(r, POWER_RESET, dl), FUDA_EREADERGONE);
	assert_int_equal(reader_power(r, POWER_ON, dl), FUDA_EREADERGONE);
	reader_close(&r);
	works_again();
}

/* Another part of the program may reap all children. */
static void helper_reaped_by_others(void **state)
{
	(void)state;
	signal(SIGCHLD, SIG_IGN);
	open_reader();
	answers(SELECT_JPKI, 0x9000);
	reader_close(&r);
	open_reader();
	kill(only_child(), SIGTERM);
	assert_int_equal(exchange(r, SELECT_JPKI, 0, dl), FUDA_EREADERGONE);
	reader_close(&r);
	signal(SIGCHLD, SIG_DFL);
	works_again();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(serves_a_card),
		TEST(type_a),
		TEST(default_device),
		TEST(power),
		TEST(sizes),
		TEST(chains),
		TEST(no_card),
		TEST(no_card_of_ours),
		TEST(no_device),
		TEST(taken),
		TEST(silent_device),
		TEST(faults_while_opening),
		TEST(faults_of_a_command),
		TEST(answer_without_status),
		TEST(abort_is_told),
		TEST(card_taken_away),
		TEST(card_falls_mute),
		TEST(cancelled),
		TEST(closed_in_the_middle),
		TEST(helper_killed),
		TEST(helper_killed_between),
		TEST(helper_reaped_by_others),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
