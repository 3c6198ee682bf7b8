/* SPDX-License-Identifier: Apache-2.0 */
/* The entry points of the IFD handler in any order, with any arguments, over a driver that fails as the input says:
 * a row of steps of four bytes, which call, reader and a number, and what goes wrong. Linked with
 * --wrap=device_driver. */
#include <PCSC/reader.h>
#include "base/cursor.h"
#include "tests/fuzz/fuzz.h"
#include "tests/ifd-fake.h"

enum { STEPS = 64, ROOM = FAKE_RESPONSE_MAX };

struct step {
	uint8_t call, lun, number, fault;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Good numbers, mostly. */
static DWORD lun_of(const struct step *s)
{
	static const DWORD bad[] = { 16, 0xFFFF, 16 << 16, 0xFFFF0000, (DWORD)-1 };

	if (s->lun >= 0xF0)
		return bad[s->lun % ARRAY_SIZE(bad)];
	return SLOT(s->lun % 3, s->lun & 0x80 ? s->lun / 3 % 4 : 0);
}

/* ---- the calls ---- */

static void call_create(DWORD lun, const struct step *s)
{
	static char odd[][48] = { "usb:054c/06c1", "usb:054c/06c1:libusb-1.0:1:1:0", "/dev/bus/usb/001/001", "1.1",
				  "usb:054c/06c1:libudev:0:/dev/bus/usb/001/001", "rcs380:1.1" };

	if (s->number < 0x80)
		IFDHCreateChannelByName(lun, fake_name(s->number % FAKES));
	else if (s->number < 0xC0)
		IFDHCreateChannelByName(lun, odd[s->number % ARRAY_SIZE(odd)]);
	else
		IFDHCreateChannel(lun, s->number);
}

static void call_close(DWORD lun, const struct step *s)
{
	(void)s;
	IFDHCloseChannel(lun);
}

static void call_power(DWORD lun, const struct step *s)
{
	UCHAR atr[MAX_ATR_SIZE];
	DWORD len = s->number;
	RESPONSECODE code = IFDHPowerICC(lun, IFD_POWER_UP - 1 + s->number % 5, s->number & 0x80 ? NULL : atr,
					 s->number & 0x40 ? NULL : &len);

	must(s->number & 0x40 || len == 0 || (code == IFD_SUCCESS && len <= MAX_ATR_SIZE));
}

static void call_transmit(DWORD lun, const struct step *s)
{
	size_t size = s->number * 5u, room = s->fault * 5u, sent = fakes[0].transmits + fakes[1].transmits;
	UCHAR *command = calloc(1, size + 1), *answer = malloc(room + 1);
	SCARD_IO_HEADER pci = { s->number, s->fault };
	DWORD len = room;
	RESPONSECODE code;

	must(command && answer);
	answer[room] = 0xEE;
	code = IFDHTransmitToICC(lun, pci, command, size, answer, &len, s->call & 0x80 ? NULL : &pci);
	must(answer[room] == 0xEE);
	must(code == IFD_SUCCESS ? len >= 2 && len <= room : len == 0);
	must(fakes[0].transmits + fakes[1].transmits - sent <= 1);
	free(command);
	free(answer);
}

static void call_presence(DWORD lun, const struct step *s)
{
	(void)s;
	IFDHICCPresence(lun);
}

static void call_wait(DWORD lun, const struct step *s)
{
	if (s->number > 0)
		slot_stop(lun);
	slot_wait(lun, s->number == 0xFF ? -1 : s->number * 1000);
}

static void call_attribute(DWORD lun, const struct step *s)
{
	static const DWORD classes[] = { 0x0300, 0x0F00, 0x10100, 0x20100, 0x7A000, 0x90300 };
	DWORD tag = (classes[s->number % ARRAY_SIZE(classes)] & ~(DWORD)0xFF) + s->fault;
	DWORD room = s->number, len = room;
	UCHAR *value = malloc(room + 1);

	must(value != NULL);
	value[room] = 0xEE;
	if (IFDHGetCapabilities(lun, tag, &len, value) == IFD_SUCCESS)
		must(len <= room);
	must(value[room] == 0xEE);
	IFDHSetCapabilities(lun, tag, len, value);
	free(value);
}

static void call_control(DWORD lun, const struct step *s)
{
	DWORD room = s->number % 32, len = 99;
	UCHAR *answer = malloc(room + 1);

	must(answer != NULL);
	answer[room] = 0xEE;
	IFDHControl(lun, SCARD_CTL_CODE(3400) + s->fault, answer, 0, answer, room, &len);
	must(len <= room && answer[room] == 0xEE);
	free(answer);
}

/* Structures of part 10 that are nearly right; the sanitizers see a read beyond. */
static void call_pad(DWORD lun, const struct step *s)
{
	static const UCHAR good[] = { 0x1E, 0x1E, 0x82, 4, 0, 4, 4, 2, 1, 9, 4, 0, 0, 0, 0, 9, 0, 0, 0,
				      0x00, 0x20, 0x00, 0x98, 4, 0xFF, 0xFF, 0xFF, 0xFF };
	unsigned typed = fakes[0].secures + fakes[1].secures;
	DWORD size = s->number & 0x40 ? s->fault % 64 : sizeof(good), room = s->number % 4, len = 99;
	UCHAR *sent = calloc(1, size + 1), answer[4] = { 0, 0, 0, 0xEE };
	RESPONSECODE code;

	must(sent != NULL);
	memcpy(sent, good, size < sizeof(good) ? size : sizeof(good));
	if (size && s->number & 0x80)
		sent[s->fault % size] ^= s->number;
	sent = realloc(sent, size ? size : 1);
	must(sent != NULL);
	code = IFDHControl(lun, fake_feature(s->number & 0x20 ? FEATURE_MODIFY_PIN_DIRECT : FEATURE_VERIFY_PIN_DIRECT),
			   sent, size, answer, room, &len);
	must(code == IFD_SUCCESS ? len == 2 : len == 0);
	must(room > 2 || answer[3] == 0xEE);
	typed = fakes[0].secures + fakes[1].secures - typed;
	must(typed <= 1 && (code != IFD_SUCCESS || typed == 1));
	free(sent);
}

static void call_protocol(DWORD lun, const struct step *s)
{
	IFDHSetProtocolParameters(lun, s->number, s->fault, s->number, s->number, s->number);
}

static void (*const calls[])(DWORD lun, const struct step *s) = {
	call_create, call_close, call_power, call_transmit, call_presence,
	call_wait, call_attribute, call_control, call_protocol, call_pad,
};

/* ---- the reader ---- */

/* One in four steps fails in the driver. */
static void spoil(struct fake *f, uint8_t fault)
{
	int e = fault & 3 ? 0 : -1 - fault / 4 % 30;

	f->attach_error = e;
	f->power_error = e;
	f->transmit_error = e;
	f->present_error = e;
	f->secure_error = e;
	f->typed = fault & 4 ? 0x6401 : 0;
	atomic_store(&f->card, (fault & 0x10) == 0);
	atomic_store(&f->was_away, (fault & 0x30) == 0x20);
	f->response_len = 2 + fault * 4u;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cursor c = cur_of(data, len);
	struct step s;

	fake_setup(NULL);
	fakes[0].pad = 3;
	fakes[1].second = true;
	fakes[1].slots = 2;
	for (int i = 0; i < STEPS; i++) {
		if (cur_u8(&c, &s.call) < 0 || cur_u8(&c, &s.lun) < 0 || cur_u8(&c, &s.number) < 0 ||
		    cur_u8(&c, &s.fault) < 0)
			break;
		spoil(&fakes[s.lun % FAKES], s.fault);
		calls[s.call % ARRAY_SIZE(calls)](lun_of(&s), &s);
	}
	fake_teardown(NULL);
	return 0;
}

static void fuzz_seeds(void)
{
	/* open, look, power, send, wait, attributes, features, off, close */
	fuzz_seed_hex("00000001 04000001 02000101 03000111 05000001 06000103 07000F00 07001F76 02000201 01000001");
	/* two readers; a card that goes and comes */
	fuzz_seed_hex("00000001 00010101 04000001 02000101 04000011 05000111 03000111 04000001 02010101 0301FFFF");
	/* PINs typed, in good and bad ways; a reader of two slots twice */
	fuzz_seed_hex("00000001 04000001 02000101 09000201 09000305 09004201 09008205 09002201 0900021C 09000101");
	fuzz_seed_hex("00010101 00830101 00020101 00A10101 02010101 02830101 09010201 01010001 09830201");
	/* driver errors everywhere */
	fuzz_seed_hex("00000000 00000001 04000004 02000108 0200010D 0300110C 05000014 08000201");
	/* every kind of attribute, with room and without */
	fuzz_seed_hex("00000001 040000C1 02000103 06006003 060061AC 060061AD 060067AE 060067AF 060061B1 060067B2"
		      "060067B3 06006200 06006201 06006802 06006310 06006407 06000003 060001B3 06000807 07001E90"
		      "070000F0");
	/* numbers and names that there are not */
	fuzz_seed_hex("00F00001 00F10001 0000802E 0000C001 01F20001 04F30001 02F40101 03F01111");
}
