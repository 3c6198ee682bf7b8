/* SPDX-License-Identifier: Apache-2.0 */
/* A CCID reader with keys on a bus of this process, and what it is asked to have typed. */
#ifndef TESTS_TEST_CCID_PAD_H
#define TESTS_TEST_CCID_PAD_H

#include "reader/pad.h"
#include "tests/test-ccid.h"

enum { PAD_KINDS = 4 };
static const char *const pad_kinds[PAD_KINDS] = { "pad", "pad-short", "pad-tpdu", "pad-tpdu-t0" };

/* The PIN for user authentication, four digits. */
#define TYPED_VERIFY "0020009804FFFFFFFF"
#define TYPED_CHANGE "0024019804FFFFFFFF"
#define TRIES_LEFT   "00200098"

/* PIN_VERIFY_STRUCTURE and PIN_MODIFY_STRUCTURE up to ulDataLength, by part 10: 30 s each; a new PIN is typed twice */
#define PAD_VERIFY "1E1E" "82" "04" "00" "0404" "02" "01" "0904" "00" "000000"
#define PAD_MODIFY "1E1E" "82" "04" "00" "0000" "0404" "01" "02" "02" "0904" "000100" "000000"

/* On the reader `model`, with the card's application selected. */
static inline void pad_begin(struct rig *g, const char *kind, struct vcard *card)
{
	rig_plug_with(g, ccid_model_new(kind), card);
	ccid_model_keys(g->model, NULL, 0);
	rig_open(g);
	rig_expect(g, SELECT_JPKI, "9000");
}

/* The same where time passes. */
static inline void pad_begin_slowly(struct rig *g, const char *kind, struct vcard *card)
{
	rig_plug_with(g, ccid_model_new(kind), card);
	usb_mock_end();
	usb_mock_begin(true);
	snprintf(g->rest, sizeof(g->rest), "1.%u", usb_mock_plug(g->model));
	ccid_model_keys(g->model, NULL, 0);
	rig_open(g);
	rig_expect(g, SELECT_JPKI, "9000");
}

/* `head` is what stands before ulDataLength. */
static inline int pad_send(struct rig *g, bool modify, const char *head, const char *command)
{
	struct fuda_buf structure = FUDA_BUF_INIT(1024), apdu = FUDA_BUF_INIT(512);
	uint8_t n[4] = { 0 };
	int r;

	assert_int_equal(fuda_hex_decode(command, &apdu), 0);
	assert_int_equal(fuda_hex_decode(head, &structure), 0);
	n[0] = (uint8_t)apdu.len;
	n[1] = (uint8_t)(apdu.len >> 8);
	fuda_buf_append(&structure, n, sizeof(n));
	fuda_buf_append(&structure, apdu.data, apdu.len);
	fuda_buf_clear(&g->response);
	r = reader_secure(g->reader, modify, structure.data, structure.len, g->dl, &g->response);
	fuda_buf_free(&structure);
	fuda_buf_free(&apdu);
	if (r < 0)
		assert_int_equal(g->response.len, 0);
	return r;
}

static inline int pad_verify(struct rig *g)
{
	return pad_send(g, false, PAD_VERIFY, TYPED_VERIFY);
}

static inline unsigned pad_status(const struct rig *g)
{
	assert_int_equal(g->response.len, 2);
	return (unsigned)g->response.data[0] << 8 | g->response.data[1];
}

/* Types `keys`, and expects this status word. */
static inline void pad_expect(struct rig *g, bool modify, const char *keys, unsigned sw)
{
	int r;

	ccid_model_keys(g->model, keys, 0);
	r = modify ? pad_send(g, true, PAD_MODIFY, TYPED_CHANGE) : pad_verify(g);
	if (r < 0)
		fail_msg("%s: %s: %s", keys, fuda_error_name(r), fuda_context_message(g->ctx));
	if (pad_status(g) != sw)
		fail_msg("%s: %04X, not %04X", keys, pad_status(g), sw);
}

/* The card can be used on, with what it holds, and its keys too. */
static inline void pad_usable(struct rig *g)
{
	unsigned long before = rig_verifies(g);

	rig_expect(g, TRIES_LEFT, "63C3");
	pad_expect(g, false, "1234E", 0x9000);
	assert_int_equal(rig_verifies(g), before + 1);
	rig_expect(g, SELECT_CERT, "9000");
}

#endif
