/* SPDX-License-Identifier: Apache-2.0 */
/* An emulated RC-S380 on a bus in this process, the software card on it, and the driver that serves it. */
#ifndef TESTS_TEST_RCS380_H
#define TESTS_TEST_RCS380_H

#include <stdio.h>
#include <string.h>
#include <fuda/encode.h>

#include "codec/apdu.h"
#include "drivers/rcs380-chip.h"
#include "reader/reader.h"
#include "tests/cmocka.h"
#include "tests/rcs380-model.h"
#include "tests/softcard.h"

struct rig {
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct usb_model *m;
	struct picc *picc;
	struct vcard *v;
	struct reader *r;
	char rest[16];
	unsigned long verifies; /* that the card had before */
};

/* Kept from one rig to the next, if not NULL. */
static struct vcard *rig_card;

static inline void rig_plug(struct rig *g)
{
	snprintf(g->rest, sizeof(g->rest), "1.%d", usb_mock_plug(g->m));
}

/* With the card of softcard.h on it, for everything within ten seconds. */
static inline void rig_begin(struct rig *g, const struct picc_settings *settings, bool real_time)
{
	*g = (struct rig){ 0 };
	usb_mock_begin(real_time);
	assert_int_equal(fuda_context_new(&g->ctx), 0);
	assert_int_equal(fuda_deadline_new(10000, &g->dl), 0);
	g->m = rcs380_model_new_with(settings);
	g->picc = rcs380_model_picc(g->m);
	g->v = rig_card ? rig_card : softcard_load();
	g->verifies = vcard_usage(g->v).verifies;
	rcs380_model_insert(g->m, g->v);
	rig_plug(g);
}

static inline void rig_end(struct rig *g)
{
	reader_close(&g->r);
	if (rcs380_model_complaint(g->m))
		fail_msg("%s", rcs380_model_complaint(g->m));
	if (picc_complaint(g->picc))
		fail_msg("%s", picc_complaint(g->picc));
	rcs380_model_insert(g->m, NULL);
	if (!rig_card)
		softcard_free(&g->v);
	usb_mock_unplug(g->m);
	g->m->free(g->m);
	fuda_deadline_free(&g->dl);
	fuda_context_free(&g->ctx);
	usb_mock_end();
}

/* Fails with what the library says unless `e` is `expected`, with a message where it is an error. */
static inline void rig_expect(const struct rig *g, int e, int expected)
{
	if (e != expected)
		fail_msg("%s, not %s: %s", fuda_error_name(e), fuda_error_name(expected),
			 e < 0 ? fuda_context_message(g->ctx) : "");
	if (e < 0)
		assert_string_not_equal(fuda_context_message(g->ctx), "");
}

static inline void rig_says(const struct rig *g, const char *what)
{
	if (!strstr(fuda_context_message(g->ctx), what))
		fail_msg("message without \"%s\": %s", what, fuda_context_message(g->ctx));
}

static inline int rig_attach(struct rig *g)
{
	return reader_attach(g->ctx, driver_find("rcs380", 6), g->rest, g->dl, &g->r);
}

static inline int rig_power(struct rig *g, enum power how)
{
	return reader_power(g->r, how, g->dl);
}

/* Attached and powered. */
static inline void rig_open(struct rig *g)
{
	rig_expect(g, rig_attach(g), 0);
	rig_expect(g, rig_power(g, POWER_ON), 0);
}

static inline int rig_present(struct rig *g, bool *ret)
{
	return g->r->driver->present(g->r, g->dl, ret);
}

/* Sends `command` (hexadecimal); the answer is in *ret_hex (NULL: of no interest) if it came. */
static inline int rig_send(struct rig *g, const char *command, unsigned flags, char *ret_hex, size_t size)
{
	struct fuda_buf bytes = FUDA_BUF_INIT(APDU_COMMAND_MAX), answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	int e;

	assert_int_equal(fuda_hex_decode(command, &bytes), 0);
	e = reader_transmit(g->r, bytes.data, bytes.len, flags, g->dl, &answer);
	if (e == 0 && ret_hex) {
		assert_true(answer.len * 2 < size);
		fuda_hex_encode(answer.data, answer.len, ret_hex);
	}
	if (e < 0)
		assert_int_equal(answer.len, 0);
	fuda_buf_free(&bytes);
	fuda_buf_free(&answer);
	return e;
}

/* Sends it and expects this status word. */
static inline void rig_ask(struct rig *g, const char *command, const char *sw)
{
	static char hex[2 * APDU_RESPONSE_MAX + 1];

	rig_expect(g, rig_send(g, command, 0, hex, sizeof(hex)), 0);
	assert_string_equal(hex + strlen(hex) - 4, sw);
}

/* VERIFY commands that the card had. */
static inline unsigned long rig_verifies(const struct rig *g)
{
	return vcard_usage(g->v).verifies - g->verifies;
}

/* Transfers so far: the driver's data begin with the chip. */
static inline unsigned long rig_transfers(const struct rig *g)
{
	return ((const struct rcs380_chip *)g->r->priv)->usb->transfers;
}

#endif
