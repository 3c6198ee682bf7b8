/* SPDX-License-Identifier: Apache-2.0 */
/* The wallet as a Type 4 Tag with a handover on it, static or negotiated: mdoc.md 1.4. */
#include "vcard/wallet.h"

#include <string.h>

enum { FILE_CONTAINER = 0xE103, FILE_NDEF = 0xE104 };
enum { LENGTH_BYTES = 2 };

/* There are reads before the handover select is ready, if the options say so: mdoc.md 0.8. */
static int show_select(struct wallet *w, bool nfc)
{
	const struct cursor engagement = cur_of(w->engagement.data, w->engagement.len);
	int r = wndef_put_select(engagement, nfc, w->opt->nfc_command, w->opt->nfc_response,
				 &w->select);

	if (r == 0)
		r = fuda_buf_set(&w->message, w->select.data, w->select.len);
	w->nfc = nfc;
	w->step = TAG_DONE;
	w->empty = w->opt->empty_reads;
	return r;
}

int wtag_start(struct wallet *w)
{
	int r = wsession_engage(w);

	w->file = 0;
	w->writing = false;
	w->empty = 0;
	fuda_buf_clear(&w->message);
	w->written_len = 0;
	if (r < 0)
		return r;
	if (w->opt->handover == HANDOVER_STATIC)
		return show_select(w, true);
	w->step = TAG_OFFERS;
	return wndef_put_service(&w->message);
}

uint16_t wtag_select_file(struct wallet *w, const struct apdu *a,
			  _unused_ struct fuda_buf *ret_data)
{
	uint16_t fid;

	if (a->lc != sizeof(fid))
		return 0x6700;
	fid = (uint16_t)(a->data[0] << 8 | a->data[1]);
	if (fid != FILE_CONTAINER && fid != FILE_NDEF)
		return 0x6A82;
	w->file = fid;
	return 0x9000;
}

/* The part of a file that a command asks for. */
static uint16_t part(const uint8_t *file, size_t size, const struct apdu *a,
		     struct fuda_buf *ret_data)
{
	const size_t offset = (size_t)a->p1 << 8 | a->p2;

	if (offset >= size)
		return 0x6B00;
	return fuda_buf_append(ret_data, file + offset, MIN(a->le, size - offset)) < 0 ? 0x6F00 :
											 0x9000;
}

static uint16_t read_ndef(struct wallet *w, const struct apdu *a, struct fuda_buf *ret_data)
{
	_cleanup_buf_ struct fuda_buf file = FUDA_BUF_INIT(NDEF_FILE_MAX);
	const bool ready = !w->writing && !w->empty;
	const size_t len = ready ? w->message.len : 0;
	const uint8_t length[LENGTH_BYTES] = { (uint8_t)(len >> 8), (uint8_t)len };

	if (fuda_buf_append(&file, length, sizeof(length)) < 0 ||
	    fuda_buf_append(&file, w->message.data, len) < 0)
		return 0x6F00;
	if (w->empty && !a->p1 && !a->p2)
		w->empty--;
	return part(file.data, file.len, a, ret_data);
}

uint16_t wtag_read(struct wallet *w, const struct apdu *a, struct fuda_buf *ret_data)
{
	/* mapping 2.0, most bytes of a read and a write, and of the NDEF file its id, size, free
	 * reading, and whether it is written */
	const uint8_t writing = w->opt->handover == HANDOVER_STATIC ? 0xFF : 0x00;
	const uint8_t container[] = { 0x00, 0x0F, 0x20, 0x7F, 0xFF, 0x7F, 0xFF,   0x04,
				      0x06, 0xE1, 0x04, 0x7F, 0xFF, 0x00, writing };

	if (a->lc || !a->le)
		return 0x6700;
	if (!w->file)
		return 0x6986;
	if (w->file == FILE_CONTAINER)
		return part(container, sizeof(container), a, ret_data);
	return read_ndef(w, a, ret_data);
}

/* A message came: what the file shows next. */
static uint16_t take_message(struct wallet *w, struct cursor message)
{
	bool nfc;
	int r;

	fuda_buf_clear(&w->message);
	if (w->step == TAG_OFFERS) {
		if (!wndef_selects_handover(message))
			return 0x6A80;
		w->step = TAG_SELECTED;
		r = wndef_put_status(&w->message);
	} else {
		if (w->step == TAG_DONE)
			return 0x6985;
		if (wndef_read_request(message, &nfc) < 0)
			return 0x6A80;
		r = fuda_buf_set(&w->request, message.p, message.left);
		if (r == 0)
			r = show_select(w, nfc);
	}
	return r < 0 ? 0x6F00 : 0x9000;
}

/* Writing begins with the length, which is 0 until all is there, or with the whole at once (mdoc.md
 * 1.4); the pieces between come in their order. */
uint16_t wtag_update(struct wallet *w, const struct apdu *a, _unused_ struct fuda_buf *ret_data)
{
	const size_t offset = (size_t)a->p1 << 8 | a->p2;
	struct cursor file, message;
	uint16_t len;

	if (!a->lc || a->le)
		return 0x6700;
	if (w->file != FILE_NDEF || w->opt->handover == HANDOVER_STATIC)
		return w->file ? 0x6982 : 0x6986;
	if (!offset && !w->writing)
		w->written_len = 0;
	else if (!w->writing)
		return 0x6985;
	if (offset > w->written_len || a->lc > sizeof(w->written) - offset)
		return 0x6B00;
	memcpy(w->written + offset, a->data, a->lc);
	w->written_len = MAX(w->written_len, offset + a->lc);
	w->writing = true;
	if (offset)
		return 0x9000;
	file = cur_of(w->written, w->written_len);
	if (cur_u16(&file, &len) < 0)
		return 0x6700;
	if (!len) {
		w->written_len = a->lc;
		return 0x9000;
	}
	w->writing = false;
	if (cur_sub(&file, len, &message) < 0 || file.left)
		return 0x6700;
	return take_message(w, message);
}
