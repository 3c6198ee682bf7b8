/* SPDX-License-Identifier: Apache-2.0 */
/* What the drivers of devices cost, on emulated ones on a bus in this process; called by bench.sh.
 *
 *   devices DRIVER DIR N   with the card in DIR, N times GET CHALLENGE, a command and an answer of one block each;
 *                          prints the USB transfers of all of them. In a profile, measured_transmit() is the whole
 *                          of them, and measured_out() and measured_in() are what lies below the driver. */
#include <stdio.h>
#include <stdlib.h>

#include "reader/reader.h"
#include "reader/usb.h"
#include "tests/stage.h"

_Noreturn static void die(const char *why)
{
	fprintf(stderr, "devices: %s\n", why);
	exit(1);
}

static unsigned long transfers;
static struct usb_backend measured;
static const struct usb_backend *below;

__attribute__((noinline)) static int measured_out(struct usb *u, const uint8_t *bytes, size_t len, bool zlp,
						  struct fuda_deadline *dl)
{
	transfers++;
	return below->out(u, bytes, len, zlp, dl);
}

__attribute__((noinline)) static int measured_in(struct usb *u, size_t max, int ms, struct fuda_deadline *dl,
						 struct fuda_buf *ret)
{
	int r = below->in(u, max, ms, dl, ret);

	transfers += r == 0;
	return r;
}

__attribute__((noinline)) static int measured_transmit(struct reader *r, struct fuda_deadline *dl,
						       struct fuda_buf *ret)
{
	static const uint8_t challenge[] = { 0x00, 0x84, 0x00, 0x00, 0x08 };

	return r->driver->transmit(r, challenge, sizeof(challenge), 0, dl, ret);
}

static void measure(const char *reader, long count)
{
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct reader *r;

	if (fuda_context_new(&ctx) < 0 || fuda_deadline_new(60000, &dl) < 0)
		die("no memory");
	if (reader_open(ctx, reader, dl, &r) < 0)
		die(fuda_context_message(ctx));
	transfers = 0;
	for (long i = 0; i < count; i++) {
		struct fuda_buf answer = FUDA_BUF_INIT(300);

		if (measured_transmit(r, dl, &answer) < 0)
			die(fuda_context_message(ctx));
		if (answer.len != 10)
			die("no challenge");
		fuda_buf_free(&answer);
	}
	printf("%lu\n", transfers);
	reader_close(&r);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
}

int main(int argc, char **argv)
{
	char why[256] = "";
	struct vcard *card;

	if (argc != 4) {
		fprintf(stderr, "usage: devices DRIVER DIR N\n");
		return 2;
	}
	setenv("FUDA_TEST_DRIVER", argv[1], 1);
	if (vcard_load(argv[2], &card, why, sizeof(why)) < 0)
		die(why);
	if (!stage_begin())
		return 77;
	below = usb_backend;
	measured = *below;
	measured.out = measured_out;
	measured.in = measured_in;
	usb_backend = &measured;
	stage()->insert(card);
	measure(stage()->reader(), strtol(argv[3], NULL, 10));
	stage()->insert(NULL);
	usb_backend = below;
	vcard_free(&card);
	return stage_end(0);
}
