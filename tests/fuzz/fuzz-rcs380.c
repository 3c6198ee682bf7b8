/* SPDX-License-Identifier: Apache-2.0 */
/* What an RC-S380 may send: transfers, made of bytes as they come or of well-formed answers to what it was asked, so
 * that the air is reached too. The driver must end, whatever they are, and never send a PIN command twice. */
#include <stdbool.h>

#include "base/deadline.h"
#include "reader/reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/model.h"

int __wrap_deadline_sleep(const struct fuda_deadline *dl, int ms);
int __wrap_deadline_sleep(const struct fuda_deadline *dl, int ms)
{
	(void)ms;
	return deadline_check(dl);
}

/* The first byte of each piece of the input: how it is sent. */
#define STRAY 0x80 /* even if nothing should be */
enum kind {
	RAW,	/* length, bytes */
	ANSWER, /* length, payload: as ACK and answer to the last command */
	AIR,	/* length, frame: as the answer of a card */
	STATUS, /* one byte: the answer to a command without more */
	ACK,
	KINDS
};

struct device {
	struct usb_model model;
	const uint8_t *input;
	size_t left;
	uint8_t code; /* of the last command */
	uint8_t said[2048];
	size_t len, used;
	bool quiet; /* was told to break off */
	bool asked; /* the last frame to the card was an R(NAK): a block may be sent again then */
	unsigned verifies;
};

static const uint8_t ack[] = { 0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00 };
static const uint8_t verify[] = { 0x00, 0x20, 0x00, 0x98, 0x04, '1', '2', '3', '4' };

static int hear(struct usb_model *m, const uint8_t *bytes, size_t len)
{
	struct device *d = (struct device *)m;

	d->quiet = len <= 10;
	if (d->quiet)
		return 0;
	d->code = bytes[9];
	for (size_t i = 0; i + sizeof(verify) <= len; i++)
		d->verifies += memcmp(bytes + i, verify, sizeof(verify)) == 0 && !d->asked;
	d->asked = d->code == 0x04 && (bytes[12] & 0xFE) == 0xB2;
	return 0;
}

static uint8_t next(struct device *d)
{
	if (!d->left)
		return 0;
	d->left--;
	return *d->input++;
}

static void say(struct device *d, const void *bytes, size_t len)
{
	if (len)
		memcpy(d->said + d->len, bytes, len);
	d->len += len;
}

static void say_answer(struct device *d, const uint8_t *first, size_t first_len, const uint8_t *bytes, size_t len)
{
	size_t n = 2 + first_len + len;
	uint8_t head[] = { 0x00, 0x00, 0xFF, 0xFF, 0xFF, (uint8_t)n, (uint8_t)(n >> 8), 0, 0xD7,
			   (uint8_t)(d->code + 1) };
	uint8_t sum = (uint8_t)(head[8] + head[9]), tail[2] = { 0 };

	head[7] = (uint8_t)(0 - head[5] - head[6]);
	for (size_t i = 0; i < first_len; i++)
		sum = (uint8_t)(sum + first[i]);
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	tail[0] = (uint8_t)(0 - sum);
	say(d, ack, sizeof(ack));
	say(d, head, sizeof(head));
	say(d, first, first_len);
	say(d, bytes, len);
	say(d, tail, sizeof(tail));
}

static void make_transfer(struct device *d)
{
	static const uint8_t well[] = { 0, 0, 0, 0, 8 };
	uint8_t kind = (next(d) & ~STRAY) % KINDS, status;
	size_t len = kind == STATUS || kind == ACK ? 0 : next(d);
	const uint8_t *bytes;

	if (len > d->left)
		len = d->left;
	bytes = d->input;
	d->input += len;
	d->left -= len;
	d->len = d->used = 0;
	switch (kind) {
	case RAW:
		say(d, bytes, len);
		break;
	case ANSWER:
		say_answer(d, NULL, 0, bytes, len);
		break;
	case AIR:
		say_answer(d, well, d->code == 0x04 ? sizeof(well) : 1, bytes, len);
		break;
	case STATUS:
		status = next(d);
		say_answer(d, NULL, 0, (const uint8_t[]){ status, 0, 0, 0 }, d->code == 0x04 ? 4 : 1);
		break;
	default:
		say(d, ack, sizeof(ack));
	}
}

static ssize_t talk(struct usb_model *m, uint8_t *ret, size_t max)
{
	struct device *d = (struct device *)m;
	size_t n;

	if (d->used == d->len && (!d->left || (d->quiet && !(*d->input & STRAY))))
		return MODEL_NOTHING;
	if (d->used == d->len)
		make_transfer(d);
	n = d->len - d->used < max ? d->len - d->used : max;
	memcpy(ret, d->said + d->used, n);
	d->used += n;
	return (ssize_t)n;
}

static void use(struct reader *r, struct fuda_deadline *dl)
{
	struct fuda_buf answer = FUDA_BUF_INIT(65538);
	static const uint8_t select[] = { 0x00, 0xA4, 0x04, 0x0C, 0x02, 0x3F, 0x00 };
	bool there;

	r->driver->present(r, dl, &there);
	reader_power(r, POWER_ON, dl);
	reader_transmit(r, select, sizeof(select), 0, dl, &answer);
	reader_transmit(r, verify, sizeof(verify), TRANSMIT_ONCE, dl, &answer);
	r->driver->present(r, dl, &there);
	reader_power(r, POWER_OFF, dl);
	reader_transmit(r, select, sizeof(select), 0, dl, &answer);
	fuda_buf_free(&answer);
}

static void fuzz_seeds(void)
{
	/* attaching; then each command of looking for a card and of activating it */
#define START "0300" "01021101" "01020001" "0300"
#define OFF   "0300"
#define SET   "0300" "0300"
#define NO_B  OFF SET "0380"
#define B     OFF SET "020C5011223344000005E0B38141"
#define A     OFF SET "02020400"
#define UID   "0300" "0300" "02050801020308" "0300" "020120" "02050578804002"
#define OK    "0203029000" "0203039000"
	static const char *const seeds[] = {
		START,
		START NO_B OFF SET "0380" OFF, /* no card */
		START B OFF B "020100" OK OFF,
		START B OFF B "020100" "0202F203" "0203029000" "0203139000" "0203029000" OFF,
		START NO_B A OFF NO_B A UID OK OFF,
		"0006" "0000FF00FF00" "000D" "0000FFFFFF0300FDD72B00FE00",
		"00050000FFFFFF",
		"00FF",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed_hex(seeds[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct device d = {
		.model = { .device = { .vendor = 0x054C,
				       .product = 0x06C1,
				       .interfaces = { { .class = 0xFF, .out = 2, .in = 0x81, .in_packet = 64 } },
				       .interface_count = 1 },
			   .out = hear,
			   .in = talk },
		.input = data,
		.left = len,
	};
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct reader *r = NULL;
	char rest[16];

	if (fuda_context_new(&ctx) < 0 || fuda_deadline_new(60000, &dl) < 0)
		abort();
	usb_mock_begin(false);
	snprintf(rest, sizeof(rest), "1.%d", usb_mock_plug(&d.model));
	if (reader_attach(ctx, driver_find("rcs380", 6), rest, dl, &r) == 0)
		use(r, dl);
	reader_close(&r);
	if (d.verifies > 1)
		abort();
	usb_mock_unplug(&d.model);
	usb_mock_end();
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return 0;
}
