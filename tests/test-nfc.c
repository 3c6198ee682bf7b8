/* SPDX-License-Identifier: Apache-2.0 */
/* The driver "nfc": what works, and what does not open. */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "card/card.h"
#include "tests/nfc-stand.h"

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

/* The user is told so. Root is stopped by nothing but the loss of a capability, which the helper then has not. */
static void not_allowed(void **state)
{
	(void)state;
	if (geteuid() == 0 && prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) < 0)
		skip();
	assert_int_equal(chmod(pn532_path(chip), 0), 0);
	before = pn532_counts(chip);
	does_not_open(name(), FUDA_EACCESS, "may not use");
	assert_int_equal(pn532_counts(chip).commands, before.commands);
	assert_int_equal(chmod(pn532_path(chip), 0600), 0);
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
		TEST(not_allowed),
		TEST(silent_device),
		TEST(faults_while_opening),
	};

	return RUN_STAND(tests);
}
