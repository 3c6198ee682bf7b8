/* SPDX-License-Identifier: Apache-2.0 */
#include "card/envelope.h"

#include "codec/tlv.h"

enum {
	TAG_MESSAGE = 0x53,
	HEADER_MAX = 5, /* of a data object of up to ENVELOPE_MAX bytes */
	SHORT_LC = 255,
	SHORT_LE = 256,
	SHORT_COMMAND = 261,   /* with header, Lc, 255 bytes and Le */
	EXTENDED_OVERHEAD = 9, /* header 4, Lc 3, Le 2 */
	SW_BYTES = 2,
};

struct envelope_limits envelope_limit(const struct fuda_card *c, struct envelope_limits phone)
{
	const struct reader *r = c->reader;

	if (c->extended != EXTENDED_WORKS || r->max_command <= SHORT_COMMAND ||
	    r->max_response < SHORT_LE + SW_BYTES)
		return (struct envelope_limits){ SHORT_LC, SHORT_LE };
	return (struct envelope_limits){
		MAX(MIN(phone.command, r->max_command - EXTENDED_OVERHEAD), (size_t)SHORT_LC),
		MAX(MIN(phone.response, r->max_response - SW_BYTES), (size_t)SHORT_LE),
	};
}

/* ---- sending ---- */

/* Sends `a` for the only time. Appends the data. */
static int send_once(struct fuda_card *c, const struct apdu *a, struct fuda_deadline *dl,
		     struct fuda_buf *ret_data, uint16_t *ret_sw)
{
	_cleanup_buf_ struct fuda_buf command = FUDA_BUF_INIT(APDU_COMMAND_MAX);
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	int r = apdu_build(a, &command);

	if (r < 0)
		return ctx_fail_code(c->ctx, r);
	if (c->epoch != c->reader->epoch)
		return ctx_fail_code(c->ctx, FUDA_ERESET);
	r = reader_transmit(c->reader, command.data, command.len, TRANSMIT_ONCE, dl, &response);
	if (r < 0)
		return r;
	if (apdu_take_sw(&response, ret_sw) < 0)
		return ctx_fail(c->ctx, FUDA_EFORMAT, _("The card's answer has no status word."));
	r = fuda_buf_append(ret_data, response.data, response.len);
	return r < 0 ? ctx_fail_code(c->ctx, r) : 0;
}

static int wrap(struct cursor message, struct fuda_buf *ret)
{
	uint8_t header[HEADER_MAX] = { TAG_MESSAGE };
	size_t bytes = message.left > 0xFFFF ? 3 : message.left > 0xFF ? 2 : 1, len = 1;
	int r;

	if (message.left > 0x7F)
		header[len++] = (uint8_t)(0x80 + bytes);
	while (bytes--)
		header[len++] = (uint8_t)(message.left >> 8 * bytes);
	r = buf_reserve(ret, len + message.left);
	if (r == 0)
		r = fuda_buf_append(ret, header, len);
	return r < 0 ? r : fuda_buf_append(ret, message.p, message.left);
}

/* Sends the object in pieces, of which the last asks for the answer. */
static int send_pieces(struct fuda_card *c, struct envelope_limits limits, struct cursor object,
		       struct fuda_deadline *dl, struct fuda_buf *ret_data, uint16_t *ret_sw)
{
	enum { CLA_CHAINED = 0x10, ENVELOPE = 0xC3 };
	int r = 0;

	do {
		struct apdu a = { .ins = ENVELOPE, .lc = MIN(object.left, limits.command) };

		if (cur_take(&object, a.lc, &a.data) < 0)
			return FUDA_EFORMAT;
		a.cla = object.left ? CLA_CHAINED : 0x00;
		a.le = object.left ? 0 : limits.response;
		a.extended = a.lc > SHORT_LC || a.le > SHORT_LE;
		r = send_once(c, &a, dl, ret_data, ret_sw);
		if (r == 0 && object.left)
			r = card_check_sw(c, *ret_sw);
	} while (r == 0 && object.left);
	return r;
}

/* ---- receiving ---- */

/* How long the object that `data` begins is; 0 if too little of it is there to tell. */
static int object_size(struct fuda_card *c, const struct fuda_buf *data, size_t *ret)
{
	size_t total = 0;

	if (data->len && data->data[0] != TAG_MESSAGE)
		return ctx_fail(c->ctx, FUDA_EFORMAT,
				_("What the phone answers is not a message of its mobile "
				  "documents."));
	if (data->len && tlv_total(data->data, data->len, &total) < 0 && data->len >= HEADER_MAX)
		return ctx_fail(c->ctx, FUDA_EFORMAT, _("What the phone answers is malformed."));
	if (total > ENVELOPE_MAX + HEADER_MAX)
		return ctx_fail(c->ctx, FUDA_ETOOBIG,
				_("The phone's answer claims to have %zu bytes."), total);
	*ret = total;
	return 0;
}

/* Fetches the rest of what the last ENVELOPE was answered with, until the object is complete. */
static int fetch(struct fuda_card *c, struct envelope_limits limits, struct fuda_deadline *dl,
		 struct fuda_buf *data, uint16_t sw)
{
	const struct apdu get = { .ins = 0xC0,
				  .le = limits.response,
				  .extended = limits.response > SHORT_LE };
	size_t total = 0, before;
	int r = object_size(c, data, &total);

	while (r == 0 && sw >> 8 == 0x61 && (!total || data->len < total)) {
		before = data->len;
		r = send_once(c, &get, dl, data, &sw);
		if (r == 0 && sw >> 8 == 0x61 && data->len == before)
			return ctx_fail_sw(c->ctx, FUDA_EFORMAT, sw,
					   _("The phone announces data that it does not give."));
		if (r == 0)
			r = object_size(c, data, &total);
	}
	if (r == 0 && sw >> 8 != 0x61)
		r = card_check_sw(c, sw);
	if (r < 0)
		return r;
	if (data->len != total)
		return ctx_fail(c->ctx, FUDA_EFORMAT,
				_("The phone's answer has %zu bytes where it says %zu."), data->len,
				total);
	return 0;
}

int card_envelope(struct fuda_card *c, struct envelope_limits limits, struct cursor message,
		  struct fuda_deadline *dl, struct fuda_buf *ret_answer)
{
	_cleanup_buf_ struct fuda_buf object = FUDA_BUF_INIT(ENVELOPE_MAX + HEADER_MAX);
	/* one response more than what can be right, to be told apart from it */
	_cleanup_buf_ struct fuda_buf data =
		FUDA_BUF_INIT(ENVELOPE_MAX + HEADER_MAX + APDU_RESPONSE_MAX);
	struct cursor at;
	struct tlv t;
	uint16_t sw;
	int r = wrap(message, &object);

	if (r < 0 || c->application != &aid_mdoc)
		return ctx_fail_code(c->ctx, r < 0 ? r : FUDA_EPINCOMMAND);
	r = send_pieces(c, limits, cur_of(object.data, object.len), dl, &data, &sw);
	if (r == 0)
		r = fetch(c, limits, dl, &data, sw);
	if (r < 0 || !data.len)
		return r;
	at = cur_of(data.data, data.len);
	if (tlv_next(&at, &t) < 0 || at.left)
		return ctx_fail_code(c->ctx, FUDA_EFORMAT);
	r = fuda_buf_append(ret_answer, t.value.p, t.value.left);
	return r < 0 ? ctx_fail_code(c->ctx, r) : 0;
}
