/* SPDX-License-Identifier: Apache-2.0 */
/* The entry points of the IFD handler over the drivers that it is built of: emulated RC-S380s with software cards.
 * What pcscd does with them is in tests/t-ifd.sh. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "ifd/slots.h"
#include "tests/cmocka.h"
#include "tests/rcs380-model.h"
#include "tests/softcard.h"

enum { READERS = 2, ANSWER_MAX = 65548 };

#define LUN(n) ((DWORD)(n) << 16)

static struct usb_model *models[READERS];
static uint8_t addresses[READERS];
static struct vcard *cards[READERS]; /* of two persons */
static char *other;		     /* the directory of the second */

static int setup_all(void **state)
{
	int e = softcard_setup(state);

	if (e == 0)
		other = strdup(softcard_other(NULL));
	return e;
}

static int teardown_all(void **state)
{
	free(other);
	return softcard_teardown(state);
}

static int setup(void **state)
{
	char why[256];

	(void)state;
	usb_mock_begin(false);
	softcard_write(NULL);
	cards[0] = softcard_load();
	assert_int_equal(vcard_load(other, &cards[1], why, sizeof(why)), 0);
	for (unsigned n = 0; n < READERS; n++) {
		models[n] = rcs380_model_new();
		rcs380_model_insert(models[n], cards[n]);
		addresses[n] = usb_mock_plug(models[n]);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned n = 0; n < READERS; n++) {
		IFDHCloseChannel(LUN(n));
		if (rcs380_model_complaint(models[n]))
			fail_msg("%s", rcs380_model_complaint(models[n]));
		rcs380_model_insert(models[n], NULL);
		usb_mock_unplug(models[n]);
		models[n]->free(models[n]);
	}
	vcard_free(&cards[1]);
	softcard_free(&cards[0]);
	usb_mock_end();
	return 0;
}

/* ---- what pcscd does ---- */

static RESPONSECODE create(unsigned n)
{
	const struct usb_device *d = &models[n]->device;
	char name[80];

	snprintf(name, sizeof(name), "usb:%04x/%04x:libudev:0:/dev/bus/usb/001/%03u", d->vendor, d->product,
		 addresses[n]);
	return IFDHCreateChannelByName(LUN(n), name);
}

static RESPONSECODE power(unsigned n, DWORD how)
{
	UCHAR atr[MAX_ATR_SIZE];
	DWORD len = sizeof(atr);
	RESPONSECODE code = IFDHPowerICC(LUN(n), how, atr, &len);

	if (code != IFD_SUCCESS || how == IFD_POWER_DOWN)
		assert_int_equal(len, 0);
	else /* PC/SC part 3: contactless, and what ATQB said */
		assert_memory_equal(atr, "\x3B\x88\x80\x01", 4);
	return code;
}

/* Sends `command` (hexadecimal); its status word goes to *ret_sw if it is answered. */
static RESPONSECODE send(unsigned n, const char *command, unsigned *ret_sw)
{
	struct fuda_buf bytes = FUDA_BUF_INIT(ANSWER_MAX);
	UCHAR *answer = malloc(ANSWER_MAX);
	SCARD_IO_HEADER pci = { 1, sizeof(pci) };
	DWORD len = ANSWER_MAX;
	RESPONSECODE code;

	assert_non_null(answer);
	assert_int_equal(fuda_hex_decode(command, &bytes), 0);
	code = IFDHTransmitToICC(LUN(n), pci, bytes.data, bytes.len, answer, &len, &pci);
	if (code == IFD_SUCCESS) {
		assert_in_range(len, 2, ANSWER_MAX);
		*ret_sw = (unsigned)answer[len - 2] << 8 | answer[len - 1];
	} else {
		assert_int_equal(len, 0);
	}
	fuda_buf_free(&bytes);
	free(answer);
	return code;
}

static void expect_sw(unsigned n, const char *command, unsigned sw)
{
	unsigned got = 0;

	assert_int_equal(send(n, command, &got), IFD_SUCCESS);
	assert_int_equal(got, sw);
}

static void start(unsigned n)
{
	assert_int_equal(create(n), IFD_SUCCESS);
	assert_int_equal(IFDHICCPresence(LUN(n)), IFD_ICC_PRESENT);
	assert_int_equal(power(n, IFD_POWER_UP), IFD_SUCCESS);
}

static unsigned long verifies(unsigned n)
{
	return vcard_usage(cards[n]).verifies;
}

#define SIGN	"802A008033" DIGEST_INFO "00"
#define KEY	"00A4020C020017"

/* ---- tests ---- */

static void test_session(void **state)
{
	unsigned long before;
	unsigned sw;

	(void)state;
	start(0);
	expect_sw(0, SELECT_JPKI, 0x9000);
	expect_sw(0, VERIFY_AUTH, 0x9000);
	expect_sw(0, KEY, 0x9000);
	expect_sw(0, SIGN, 0x9000);
	assert_int_equal(verifies(0), 1);
	/* a long answer in one */
	expect_sw(0, "00A4020C02000A", 0x9000);
	expect_sw(0, "00B00000000000", 0x9000);
	/* what the reader cannot carry does not leave */
	before = vcard_usage(cards[0]).apdus;
	assert_int_equal(send(0, "00B0", &sw), IFD_COMMUNICATION_ERROR);
	assert_int_equal(vcard_usage(cards[0]).apdus, before);
}

/* pcscd switches off a card that nobody has used for a while, and on again for the next who connects: as another card
 * to look at (its PUPI is random), without what was verified. */
static void test_idle(void **state)
{
	(void)state;
	start(0);
	expect_sw(0, SELECT_JPKI, 0x9000);
	expect_sw(0, VERIFY_AUTH, 0x9000);
	assert_int_equal(power(0, IFD_POWER_DOWN), IFD_SUCCESS);
	assert_false(vcard_powered(cards[0]));
	assert_int_equal(IFDHICCPresence(LUN(0)), IFD_ICC_PRESENT);
	assert_int_equal(slot_wait(LUN(0), 0), IFD_SUCCESS);
	assert_int_equal(IFDHICCPresence(LUN(0)), IFD_ICC_PRESENT);
	assert_int_equal(power(0, IFD_POWER_UP), IFD_SUCCESS);
	expect_sw(0, SELECT_JPKI, 0x9000);
	expect_sw(0, "00200098", 0x63C3);
	expect_sw(0, KEY, 0x9000);
	expect_sw(0, SIGN, 0x6982);
	/* so does a reset */
	expect_sw(0, VERIFY_AUTH, 0x9000);
	assert_int_equal(power(0, IFD_RESET), IFD_SUCCESS);
	expect_sw(0, SELECT_JPKI, 0x9000);
	expect_sw(0, KEY, 0x9000);
	expect_sw(0, SIGN, 0x6982);
	assert_int_equal(verifies(0), 2);
}

static void test_no_card(void **state)
{
	(void)state;
	rcs380_model_insert(models[0], NULL);
	assert_int_equal(create(0), IFD_SUCCESS);
	assert_int_equal(IFDHICCPresence(LUN(0)), IFD_ICC_NOT_PRESENT);
	assert_int_equal(power(0, IFD_POWER_UP), IFD_ERROR_POWER_ACTION);
	assert_int_equal(power(0, IFD_RESET), IFD_ERROR_POWER_ACTION);
	assert_int_equal(power(0, IFD_POWER_DOWN), IFD_SUCCESS);
	assert_int_equal(IFDHICCPresence(LUN(0)), IFD_ICC_NOT_PRESENT);
	rcs380_model_felica(models[0], true);
	assert_int_equal(power(0, IFD_POWER_UP), IFD_ERROR_POWER_ACTION);
	rcs380_model_felica(models[0], false);
	rcs380_model_insert(models[0], cards[0]);
	assert_int_equal(IFDHICCPresence(LUN(0)), IFD_ICC_PRESENT);
	assert_int_equal(power(0, IFD_POWER_UP), IFD_SUCCESS);
}

/* Neither a card that was lifted and put back nor another one is taken for the one that was there. */
static void test_swapped(void **state)
{
	unsigned sw;

	(void)state;
	start(0);
	expect_sw(0, SELECT_JPKI, 0x9000);
	expect_sw(0, VERIFY_AUTH, 0x9000);
	for (int i = 0; i < 2; i++) {
		rcs380_model_insert(models[0], NULL);
		rcs380_model_insert(models[0], cards[0]);
		if (i == 0) /* found by who uses it, or by who looks; by the latter not before the former stops */
			assert_int_not_equal(send(0, "00200098", &sw), IFD_SUCCESS);
		else
			usleep(400000);
		assert_int_equal(IFDHICCPresence(LUN(0)), IFD_ICC_NOT_PRESENT);
		assert_int_equal(send(0, "00200098", &sw), IFD_ICC_NOT_PRESENT);
		assert_int_equal(IFDHICCPresence(LUN(0)), IFD_ICC_PRESENT);
		assert_int_equal(send(0, "00200098", &sw), IFD_COMMUNICATION_ERROR);
		assert_int_equal(power(0, IFD_POWER_UP), IFD_SUCCESS);
		expect_sw(0, SELECT_JPKI, 0x9000);
		expect_sw(0, "00200098", 0x63C3);
	}
	assert_int_equal(verifies(0), 1);
}

/* Whatever happens to VERIFY on its way, the card sees it at most once, and what it answered arrives or an error. */
static void test_verify_once(void **state)
{
	static const struct {
		enum picc_fault fault;
		unsigned count;
		bool lost;
	} faults[] = {
		{ PICC_LOSE_COMMAND, 1, false }, { PICC_LOSE_ANSWER, 1, false }, { PICC_GARBLE_ANSWER, 1, false },
		{ PICC_WTX, 3, false },		 { PICC_WTX_FOREVER, 1, true },	 { PICC_WTX_BAD, 0, true },
		{ PICC_TOO_MUCH, 200, true },	 { PICC_GONE, 1, true },	 { PICC_SWAP, 1, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		unsigned long before = verifies(0);
		unsigned sw = 0;

		start(0);
		expect_sw(0, SELECT_JPKI, 0x9000);
		picc_fault(rcs380_model_picc(models[0]), faults[i].fault, 1, faults[i].count);
		if (faults[i].lost) {
			if (send(0, VERIFY_AUTH, &sw) == IFD_SUCCESS)
				fail_msg("fault %zu: answered %04X", i, sw);
			assert_int_equal(IFDHICCPresence(LUN(0)), IFD_ICC_NOT_PRESENT);
		} else {
			assert_int_equal(send(0, VERIFY_AUTH, &sw), IFD_SUCCESS);
			assert_int_equal(sw, 0x9000);
		}
		if (verifies(0) - before > 1)
			fail_msg("fault %zu: VERIFY arrived %lu times", i, verifies(0) - before);
		assert_int_equal(IFDHCloseChannel(LUN(0)), IFD_SUCCESS);
		picc_fault(rcs380_model_picc(models[0]), PICC_FINE, 1, 1);
		rcs380_model_insert(models[0], NULL);
		rcs380_model_insert(models[0], cards[0]);
	}
}

/* ---- unplugged ---- */

static bool is_known(RESPONSECODE code)
{
	return code == IFD_SUCCESS || code == IFD_ICC_PRESENT || code == IFD_ICC_NOT_PRESENT ||
	       code == IFD_NO_SUCH_DEVICE || code == IFD_ERROR_POWER_ACTION || code == IFD_COMMUNICATION_ERROR;
}

/* The life of a reader; whatever fails, all of it is called. */
static void live(void)
{
	RESPONSECODE codes[9];
	unsigned sw;

	codes[0] = create(0);
	if (codes[0] != IFD_SUCCESS) {
		assert_int_equal(codes[0], IFD_NO_SUCH_DEVICE);
		return;
	}
	codes[1] = IFDHICCPresence(LUN(0));
	codes[2] = power(0, IFD_POWER_UP);
	codes[3] = send(0, SELECT_JPKI, &sw);
	codes[4] = send(0, VERIFY_AUTH, &sw);
	codes[5] = power(0, IFD_RESET);
	codes[6] = slot_wait(LUN(0), 0);
	codes[7] = power(0, IFD_POWER_DOWN);
	codes[8] = IFDHICCPresence(LUN(0));
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		assert_true(is_known(codes[i]));
	assert_int_equal(IFDHCloseChannel(LUN(0)), IFD_SUCCESS);
}

static void test_unplugged_at_each_transfer(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; n < 1000; n += 1 + n / 16) {
		unsigned long before = verifies(0);

		usb_mock_fault(USB_MOCK_UNPLUG, n, n % 3);
		live();
		assert_true(verifies(0) - before <= 1);
		usb_mock_fault(USB_MOCK_FINE, 0, 0);
		if (create(0) == IFD_SUCCESS) /* it was not unplugged before the end */
			break;
		usb_mock_unplug(models[0]);
		addresses[0] = usb_mock_plug(models[0]);
	}
	assert_in_range(n, 20, 999);
}

static void test_unplugged_for_good(void **state)
{
	UCHAR bytes[64];
	DWORD len = sizeof(bytes);
	unsigned sw;

	(void)state;
	start(0);
	usb_mock_unplug(models[0]);
	assert_int_equal(send(0, SELECT_JPKI, &sw), IFD_NO_SUCH_DEVICE);
	assert_int_equal(IFDHICCPresence(LUN(0)), IFD_NO_SUCH_DEVICE);
	assert_int_equal(slot_wait(LUN(0), 60000), IFD_NO_SUCH_DEVICE);
	assert_int_equal(power(0, IFD_POWER_UP), IFD_NO_SUCH_DEVICE);
	assert_int_equal(IFDHGetCapabilities(LUN(0), TAG_IFD_SLOTS_NUMBER, &len, bytes), IFD_SUCCESS);
	assert_int_equal(IFDHCloseChannel(LUN(0)), IFD_SUCCESS);
	assert_int_equal(create(0), IFD_NO_SUCH_DEVICE);
	addresses[0] = usb_mock_plug(models[0]);
	start(0);
}

static void test_taken(void **state)
{
	(void)state;
	usb_mock_take(models[0], true);
	assert_int_equal(create(0), IFD_COMMUNICATION_ERROR);
	usb_mock_take(models[0], false);
	assert_int_equal(create(0), IFD_SUCCESS);
}

/* ---- two readers at once ---- */

static void *use(void *arg)
{
	unsigned n = *(unsigned *)arg;

	for (int i = 0; i < 10; i++) {
		expect_sw(n, SELECT_JPKI, 0x9000);
		expect_sw(n, VERIFY_AUTH, 0x9000);
		expect_sw(n, KEY, 0x9000);
		expect_sw(n, SIGN, 0x9000);
		assert_int_equal(power(n, IFD_RESET), IFD_SUCCESS);
	}
	return NULL;
}

static void *poll_for_cards(void *arg)
{
	unsigned n = *(unsigned *)arg;

	slot_wait(LUN(n), 60000);
	return NULL;
}

static void test_two_readers(void **state)
{
	unsigned args[READERS] = { 0, 1 };
	pthread_t users[READERS], pollers[READERS];

	(void)state;
	for (unsigned n = 0; n < READERS; n++) {
		start(n);
		assert_int_equal(pthread_create(&pollers[n], NULL, poll_for_cards, &args[n]), 0);
	}
	for (unsigned n = 0; n < READERS; n++)
		assert_int_equal(pthread_create(&users[n], NULL, use, &args[n]), 0);
	for (unsigned n = 0; n < READERS; n++)
		pthread_join(users[n], NULL);
	for (unsigned n = 0; n < READERS; n++) {
		assert_int_equal(slot_stop(LUN(n)), IFD_SUCCESS);
		pthread_join(pollers[n], NULL);
		assert_int_equal(IFDHICCPresence(LUN(n)), IFD_ICC_PRESENT);
		assert_int_equal(verifies(n), 10);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_session),
		T(test_idle),
		T(test_no_card),
		T(test_swapped),
		T(test_verify_once),
		T(test_unplugged_at_each_transfer),
		T(test_unplugged_for_good),
		T(test_taken),
		T(test_two_readers),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup_all, teardown_all);
}
