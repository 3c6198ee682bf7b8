/* SPDX-License-Identifier: Apache-2.0 */
/* The driver "nfc" when a command goes wrong, time is up, or its helper ends: a PIN is sent once, nothing is left, and
 * the next one works. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include "tests/nfc-stand.h"

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
		assert_false(pn532_field(chip));
		assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), FUDA_EREMOVED);
		assert_int_equal(reader_power(r, POWER_ON, dl), 0);
		answers(SELECT_JPKI, 0x9000);
	} else if (error != FUDA_ETRANSPORT) {
		assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), FUDA_EREADERGONE);
		assert_int_equal(reader_power(r, POWER_ON, dl), FUDA_EREADERGONE);
	}
	reader_close(&r);
	assert_false(pn532_field(chip));
	assert_false(vcard_powered(card));
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

static void open_and_verify(void)
{
	open_reader();
	answers(SELECT_JPKI, 0x9000);
	answers("00A4020C020018", 0x9000);
	assert_int_equal(exchange(r, VERIFY_AUTH, TRANSMIT_ONCE, dl), 0x9000);
}

/* It leaves the field on, and the card with its PIN verified; the driver sees to that. */
static void helper_killed_after_verify(void **state)
{
	(void)state;
	for (int reaped = 0; reaped < 2; reaped++) {
		signal(SIGCHLD, reaped ? SIG_IGN : SIG_DFL);
		open_and_verify();
		kill(only_child(), SIGKILL);
		pause_ms(20);
		assert_true(vcard_powered(card));
		reader_close(&r);
		assert_false(vcard_powered(card));
		assert_false(pn532_field(chip));
	}
	signal(SIGCHLD, SIG_DFL);
	open_and_verify();
	kill(only_child(), SIGKILL);
	pause_ms(20);
	assert_int_equal(exchange(r, SELECT_JPKI, 0, dl), FUDA_EREADERGONE);
	assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
	assert_false(vcard_powered(card));
	assert_int_equal(exchange(r, SELECT_JPKI, 0, dl), FUDA_EREADERGONE);
	reader_close(&r);
	/* and if the chip does not let it, that is told, in bounded time */
	open_and_verify();
	kill(only_child(), SIGKILL);
	pause_ms(20);
	assert_int_equal(exchange(r, SELECT_JPKI, 0, dl), FUDA_EREADERGONE);
	pn532_fault(chip, PN532_DEAD, -1, 1);
	assert_int_equal(reader_power(r, POWER_OFF, dl), FUDA_EREADERGONE);
	reader_close(&r);
	assert_false(vcard_powered(card));
	works_again();
}

/* At closing libnfc leaves out all the rest when the chip does not take its first command. Over SPI and I2C that is
 * enough to have been told to break off a moment before. */
static void chip_fails_at_closing(void **state)
{
	static const int codes[] = { 0x52, 0x32, 0x16 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		for (int fault = PN532_NACK; fault <= PN532_ERROR_FRAME; fault++) {
			open_and_verify();
			pn532_fault(chip, (enum pn532_fault)fault, codes[i], 1);
			reader_close(&r);
			if (pn532_field(chip) || vcard_powered(card))
				fail_msg("command %02X, fault %d: the field stays on", codes[i], fault);
			pn532_fault(chip, PN532_FINE, -1, 0);
		}
	works_again();
}

/* A process that this one forked has the socket, too: it does not keep the helper from its end, and its own end
 * does nothing to it. */
static void forked_meanwhile(void **state)
{
	int64_t start;
	int status;
	pid_t child;

	(void)state;
	open_and_verify();
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		int e = exchange(r, SELECT_JPKI, 0, dl);

		reader_close(&r);
		_exit(e != FUDA_EREADERGONE);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	answers("00A4020C020018", 0x9000);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		for (;;)
			pause();
	start = now_ms();
	reader_close(&r);
	assert_true(now_ms() - start < 1000);
	assert_false(vcard_powered(card));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	works_again();
}

/* The program ends without a word, while one that it forked lives. */
static void program_killed(void **state)
{
	int alive[2];
	pid_t child;

	(void)state;
	assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		close(alive[1]);
		open_and_verify();
		if (fork() == 0) /* until the test closes its end */
			_exit(read(alive[0], &child, 1) != 0);
		kill(getpid(), SIGKILL);
	}
	close(alive[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	for (int ms = 0; ms < 3000 && vcard_powered(card); ms += 20)
		pause_ms(20);
	assert_false(pn532_field(chip));
	assert_false(vcard_powered(card));
	close(alive[1]);
	/* nobody waits for the end of that helper */
	for (int ms = 0; ms < 3000 && reader_open(ctx, name(), dl, &r) == FUDA_EBUSY; ms += 20)
		pause_ms(20);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		TEST(helper_killed_after_verify),
		TEST(chip_fails_at_closing),
		TEST(forked_meanwhile),
		TEST(program_killed),
	};

	return RUN_STAND(tests);
}
