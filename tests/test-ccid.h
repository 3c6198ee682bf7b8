/* SPDX-License-Identifier: Apache-2.0 */
/* A CCID reader on a bus of this process, with the software card in it. */
#ifndef TESTS_TEST_CCID_H
#define TESTS_TEST_CCID_H

#include <fuda/encode.h>
#include <stdio.h>
#include <string.h>

#include "codec/apdu.h"
#include "reader/reader.h"
#include "tests/ccid-model.h"
#include "tests/cmocka.h"
#include "tests/softcard.h"

extern const struct driver driver_ccid;

/* One card for all tests of a program, and its group fixtures: making it takes time. Its secrets
 * get blocked on the way, which is nothing to the reader. */
static struct vcard *rig_card;

static inline int rig_setup(void **state)
{
	int r = softcard_setup(state);

	softcard_write("");
	rig_card = softcard_load();
	return r;
}

static inline int rig_teardown(void **state)
{
	softcard_free(&rig_card);
	return softcard_teardown(state);
}

struct rig {
	struct usb_model *model;
	struct vcard *card;
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct reader *reader;
	struct fuda_buf response;
	char rest[32];
	bool shared; /* the card is somebody's who keeps it */
	unsigned long verifies; /* that it had before */
};

/* Plugged in with this card, which stays the caller's, not opened. */
static inline void rig_plug_with(struct rig *g, struct usb_model *model, struct vcard *card)
{
	*g = (struct rig){ .model = model, .response = FUDA_BUF_INIT(APDU_RESPONSE_MAX), .card = card, .shared = true };
	assert_non_null(model);
	g->verifies = vcard_usage(card).verifies;
	usb_mock_begin(false);
	snprintf(g->rest, sizeof(g->rest), "1.%u", usb_mock_plug(model));
	ccid_model_insert(model, g->card);
	assert_int_equal(fuda_context_new(&g->ctx), 0);
	assert_int_equal(fuda_deadline_new(20000, &g->dl), 0);
}

/* Plugged in with a new card. */
static inline void rig_plug(struct rig *g, struct usb_model *model, const char *conf)
{
	softcard_write(conf);
	rig_plug_with(g, model, softcard_load());
	g->shared = false;
}

/* How many VERIFY the card has had. */
static inline unsigned long rig_verifies(const struct rig *g)
{
	return vcard_usage(g->card).verifies - g->verifies;
}

static inline void rig_open(struct rig *g)
{
	int r = reader_open_with(g->ctx, &driver_ccid, g->rest, g->dl, &g->reader);

	if (r < 0)
		fail_msg("%s: %s", fuda_error_name(r), fuda_context_message(g->ctx));
}

static inline void rig_begin(struct rig *g, const char *kind)
{
	rig_plug(g, ccid_model_new(kind), "");
	rig_open(g);
}

/* Not for what has broken the rules on purpose. */
static inline void rig_clean(struct rig *g)
{
	const char *what = ccid_model_complaint(g->model);

	if (what)
		fail_msg("the reader complains: %s", what);
}

static inline void rig_end(struct rig *g)
{
	reader_close(&g->reader);
	assert_false(vcard_powered(g->card));
	usb_mock_end();
	g->model->free(g->model);
	if (!g->shared)
		softcard_free(&g->card);
	fuda_buf_free(&g->response);
	fuda_deadline_free(&g->dl);
	fuda_context_free(&g->ctx);
}

static inline int rig_send(struct rig *g, const char *hex, unsigned flags)
{
	struct fuda_buf command = FUDA_BUF_INIT(APDU_COMMAND_MAX);
	int r;

	assert_int_equal(fuda_hex_decode(hex, &command), 0);
	fuda_buf_clear(&g->response);
	r = reader_transmit(g->reader, command.data, command.len, flags, g->dl, &g->response);
	fuda_buf_free(&command);
	if (r < 0)
		assert_int_equal(g->response.len, 0);
	return r;
}

/* Sends it; the answer ends so. */
static inline void rig_expect(struct rig *g, const char *hex, const char *ending)
{
	struct fuda_buf end = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	int r = rig_send(g, hex, 0);

	if (r < 0)
		fail_msg("%s: %s", fuda_error_name(r), fuda_context_message(g->ctx));
	assert_int_equal(fuda_hex_decode(ending, &end), 0);
	assert_true(g->response.len >= end.len);
	assert_memory_equal(g->response.data + g->response.len - end.len, end.data, end.len);
	fuda_buf_free(&end);
}

#define SELECT_CERT   "00A4020C02000A"
#define READ_HEAD     "00B0000004"
#define READ_SHORT    "00B0000000"
#define READ_EXTENDED "00B00000000B00"

#endif
