/* SPDX-License-Identifier: Apache-2.0 */
/* Data transfer by NFC: messages in DO'53', sent in pieces by ENVELOPE and fetched in pieces by GET
 * RESPONSE (mdoc.md 1.4). */
#include "vcard/wallet.h"

#include "codec/tlv.h"

enum {
	CHAINING = 0x10,
	MESSAGE = 0x53,
	WRONG_FIRST = 256, /* bytes of the first piece, with the option wrong-61 */
	WRONG_COUNT = 0x25,
};

/* At most as much as was agreed. With the option wrong-61 as one wallet does it: whatever is left
 * is told as a number that it is not, and then comes at once (mdoc.md 0.9). */
static uint16_t give(struct wallet *w, const struct apdu *a, bool first, struct fuda_buf *ret_data)
{
	_cleanup_buf_ struct fuda_buf rest = FUDA_BUF_INIT(w->pending.max);
	const bool wrong = w->opt->wrong_61;
	size_t most = MIN(a->le, w->opt->nfc_response), len, left;

	if (!w->pending.len)
		return 0x9000;
	if (wrong)
		most = first ? MIN(most, WRONG_FIRST) : APDU_RESPONSE_MAX - 2;
	len = MIN(most, w->pending.len);
	left = w->pending.len - len;
	if (fuda_buf_append(ret_data, w->pending.data, len) < 0 ||
	    fuda_buf_set(&rest, w->pending.data + len, left) < 0 ||
	    fuda_buf_set(&w->pending, rest.data, rest.len) < 0)
		return 0x6F00;
	if (!left)
		return 0x9000;
	if (wrong)
		return 0x6100 | WRONG_COUNT;
	return (uint16_t)(0x6100 | (left < 256 ? left : 0));
}

static int put_message(const struct fuda_buf *message, struct fuda_buf *ret)
{
	const size_t len = message->len;
	uint8_t head[5] = { MESSAGE };
	size_t n = 1;
	int r;

	if (len > 0xFFFF)
		head[n++] = 0x83;
	else if (len > 0xFF)
		head[n++] = 0x82;
	else if (len > 0x7F)
		head[n++] = 0x81;
	for (int shift = 16; shift >= 0; shift -= 8)
		if (!shift || len >> shift)
			head[n++] = (uint8_t)(len >> shift);
	r = fuda_buf_append(ret, head, n);
	return r < 0 ? r : fuda_buf_append(ret, message->data, message->len);
}

static uint16_t answer(struct wallet *w, const struct apdu *a, struct fuda_buf *ret_data)
{
	_cleanup_buf_ struct fuda_buf message = FUDA_BUF_INIT(ANSWER_MAX);
	struct cursor c = cur_of(w->chain.data, w->chain.len);
	struct tlv object;

	if (tlv_next(&c, &object) < 0 || object.tag != MESSAGE || c.left) {
		wsession_end(w);
		return 0x6A80;
	}
	if (wsession_message(w, object.value, &message) < 0 ||
	    (message.len && put_message(&message, &w->pending) < 0)) {
		wsession_end(w);
		return 0x6F00;
	}
	return give(w, a, true, ret_data);
}

uint16_t wtransfer_envelope(struct wallet *w, const struct apdu *a, struct fuda_buf *ret_data)
{
	uint16_t sw;

	if (a->p1 || a->p2)
		return 0x6A86;
	if (!a->lc || a->lc > w->opt->nfc_command)
		return 0x6700;
	fuda_buf_clear(&w->pending);
	if (fuda_buf_append(&w->chain, a->data, a->lc) < 0) {
		wsession_end(w);
		return 0x6700;
	}
	w->chaining = a->cla & CHAINING;
	if (w->chaining)
		return 0x9000;
	sw = answer(w, a, ret_data);
	fuda_buf_free(&w->chain);
	return sw;
}

uint16_t wtransfer_get_response(struct wallet *w, const struct apdu *a, struct fuda_buf *ret_data)
{
	if (a->p1 || a->p2)
		return 0x6A86;
	if (a->lc || !a->le)
		return 0x6700;
	if (!w->pending.len)
		return 0x6985;
	return give(w, a, false, ret_data);
}
