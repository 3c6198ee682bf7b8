/* SPDX-License-Identifier: Apache-2.0 */
/* Command APDUs over a CCID reader, at the level that it knows. */
#include "drivers/ccid.h"

#include <string.h>

#include "codec/apdu.h"

enum {
	SHORT_COMMAND_MAX = 261,
	SHORT_RESPONSE_MAX = 258,
	T0_HEAD = 5,	   /* CLA INS P1 P2 P3 */
	T0_ROUNDS_MAX = 1024, /* GET RESPONSE in a row */
	PIECES_MAX = 8192,
	INS_GET_RESPONSE = 0xC0,
	SAME_CLASS = 0xFF,
};

/* wLevelParameter, 6.1.4, and bChainParameter, 6.2.1: what a message is of an APDU */
enum { WHOLE = 0, BEGINS = 1, ENDS = 2, GOES_ON = 3, SEND_MORE = 0x10 };

/* Whether length fields of three bytes get through. */
static bool takes_extended(const struct ccid_slot *s)
{
	return s->level == CCID_EXTENDED || (s->level == CCID_TPDU && s->protocol == 1);
}

static size_t room(const struct ccid_slot *s)
{
	return ccid_class(s->reader)->message_max - CCID_HEADER;
}

size_t ccid_max_command(const struct ccid_slot *s)
{
	return takes_extended(s) ? APDU_COMMAND_MAX : MIN(SHORT_COMMAND_MAX, room(s));
}

size_t ccid_max_response(const struct ccid_slot *s)
{
	return takes_extended(s) ? APDU_RESPONSE_MAX : SHORT_RESPONSE_MAX;
}

int ccid_transfer(struct ccid_slot *s, const uint8_t *data, size_t len, uint8_t multiplier,
		  uint16_t level, struct fuda_deadline *dl, struct ccid_answer *ret)
{
	const struct ccid_command command = {
		.type = CCID_TRANSFER,
		.slot = s->number,
		.specific = { multiplier, (uint8_t)level, (uint8_t)(level >> 8) },
		.data = data,
		.len = len,
	};

	return ccid_exchange(s->reader, s->ctx, &command, dl, ret);
}

/* The same where anything but success is the end. */
static int transfer(struct ccid_slot *s, const uint8_t *data, size_t len, uint16_t level,
		    struct fuda_deadline *dl, struct ccid_answer *ret)
{
	int e = ccid_transfer(s, data, len, 0, level, dl, ret);

	return e == 0 && ret->failed ? ccid_failure(s->ctx, ret) : e;
}

int ccid_out_of_turn(struct ccid_slot *s)
{
	return ctx_fail(s->ctx, FUDA_ETRANSPORT,
			_("The reader answers out of turn. Take the card out, put it back and try "
			  "again."));
}

static int take_piece(struct ccid_slot *s, const struct ccid_answer *a, struct fuda_buf *response)
{
	int e = fuda_buf_append(response, a->data.data, a->data.len);

	if (e == FUDA_ETOOBIG)
		return ctx_fail(s->ctx, FUDA_ETRANSPORT,
				_("The response is longer than a card's can be."));
	return e < 0 ? ctx_fail_code(s->ctx, e) : 0;
}

/* ---- short and extended APDU level ---- */

/* The command, in as many messages as it takes; `ret` answers the last. */
static int send_pieces(struct ccid_slot *s, const uint8_t *command, size_t len,
		       struct fuda_deadline *dl, struct ccid_answer *ret)
{
	size_t most = room(s);
	uint16_t level = BEGINS;

	if (len <= most)
		return transfer(s, command, len, WHOLE, dl, ret);
	for (; len > most; level = GOES_ON) {
		int e = transfer(s, command, most, level, dl, ret);

		if (e < 0)
			return e;
		if (ret->data.len || ret->chain != SEND_MORE)
			return ccid_out_of_turn(s);
		command += most;
		len -= most;
	}
	return transfer(s, command, len, ENDS, dl, ret);
}

/* The response, whose first message is `a`. */
static int receive_pieces(struct ccid_slot *s, struct ccid_answer *a, struct fuda_deadline *dl,
			  struct fuda_buf *response)
{
	int e = take_piece(s, a, response);

	if (e < 0 || a->chain == WHOLE || !ccid_class(s->reader)->chains)
		return e;
	if (a->chain != BEGINS)
		return ccid_out_of_turn(s);
	for (int i = 0; i < PIECES_MAX && a->chain != ENDS; i++) {
		e = transfer(s, NULL, 0, SEND_MORE, dl, a);
		if (e == 0 && a->chain != GOES_ON && a->chain != ENDS)
			e = ccid_out_of_turn(s);
		if (e == 0)
			e = take_piece(s, a, response);
		if (e < 0)
			return e;
	}
	return a->chain == ENDS ? 0 : ccid_out_of_turn(s);
}

static int transmit_apdu(struct ccid_slot *s, const uint8_t *command, size_t len,
			 struct fuda_deadline *dl, struct fuda_buf *response)
{
	_cleanup_answer_ struct ccid_answer answer = CCID_ANSWER_INIT;
	int e = send_pieces(s, command, len, dl, &answer);

	return e < 0 ? e : receive_pieces(s, &answer, dl, response);
}

/* ---- T=0 at TPDU level, ISO/IEC 7816-3 12.2 ---- */

/* One TPDU; its data is appended to `response`. */
static int t0_exchange(struct ccid_slot *s, const uint8_t *tpdu, size_t len,
		       struct fuda_deadline *dl, struct fuda_buf *response, uint16_t *ret_sw)
{
	_cleanup_answer_ struct ccid_answer answer = CCID_ANSWER_INIT;
	int e = transfer(s, tpdu, len, WHOLE, dl, &answer);

	if (e < 0)
		return e;
	if (apdu_take_sw(&answer.data, ret_sw) < 0)
		return ccid_out_of_turn(s);
	return take_piece(s, &answer, response);
}

/* The rest of a response of which `sw` says that there is more, 61xx. A card that wants to be asked
 * for another length of it, 6Cxx, is: once, if it gives nothing. */
static int t0_get_response(struct ccid_slot *s, uint8_t cla, struct fuda_deadline *dl,
			   struct fuda_buf *response, uint16_t *sw)
{
	uint8_t own = ccid_class(s->reader)->get_response;
	uint8_t tpdu[T0_HEAD] = { own == SAME_CLASS ? cla : own, INS_GET_RESPONSE };

	for (int i = 0; i < T0_ROUNDS_MAX; i++) {
		size_t before = response->len;
		bool corrected = i > 0 && *sw >> 8 == 0x6C;
		int e;

		if (*sw >> 8 != 0x61 && !corrected)
			break;

		tpdu[4] = (uint8_t)*sw;
		e = t0_exchange(s, tpdu, sizeof(tpdu), dl, response, sw);
		if (e < 0)
			return e;
		if (response->len == before && (corrected || *sw >> 8 == 0x61))
			break; /* or it would never end */
	}
	return 0;
}

/* 12.2.2 to 12.2.5. Once more with the length that the card wants, 6Cxx, goes a command only that
 * brought it no data and may leave more than once. */
static int transmit_t0(struct ccid_slot *s, const uint8_t *command, size_t len, bool once,
		       struct fuda_deadline *dl, struct fuda_buf *response)
{
	uint8_t tpdu[T0_HEAD + 255] = { 0 }, tail[2];
	struct apdu a;
	uint16_t sw;
	size_t n;
	int e;

	if (apdu_parse(command, len, &a) < 0 || a.extended)
		return ctx_fail(s->ctx, FUDA_EINVAL,
				_("The card takes commands of short length only."));
	n = a.lc ? T0_HEAD + a.lc : T0_HEAD;
	/* Le goes only where there is no data; without either, P3 is 0 */
	memcpy(tpdu, command, MIN(len, n));
	e = t0_exchange(s, tpdu, n, dl, response, &sw);
	if (e == 0 && sw >> 8 == 0x6C && !a.lc && !once) {
		tpdu[4] = (uint8_t)sw;
		e = t0_exchange(s, tpdu, n, dl, response, &sw);
	}
	if (e == 0)
		e = t0_get_response(s, a.cla, dl, response, &sw);
	wipe(tpdu, sizeof(tpdu));
	if (e < 0)
		return e;
	tail[0] = (uint8_t)(sw >> 8);
	tail[1] = (uint8_t)sw;
	e = fuda_buf_append(response, tail, sizeof(tail));
	return e < 0 ? ctx_fail_code(s->ctx, FUDA_ETRANSPORT) : 0;
}

/* ---- any ---- */

static bool is_extended(const uint8_t *command, size_t len)
{
	struct apdu a;

	return apdu_parse(command, len, &a) == 0 && a.extended;
}

static int dispatch(struct ccid_slot *s, const uint8_t *command, size_t len, bool once,
		    struct fuda_deadline *dl, struct fuda_buf *response)
{
	if (s->level != CCID_TPDU)
		return transmit_apdu(s, command, len, dl, response);
	if (s->protocol == 1)
		return t1_transmit(&s->t1, command, len, dl, response);
	return transmit_t0(s, command, len, once, dl, response);
}

int ccid_check_command(struct ccid_slot *s, const uint8_t *command, size_t len)
{
	if (len > ccid_max_command(s))
		return ctx_fail(s->ctx, FUDA_ETOOBIG,
				_("The command has %zu bytes; this reader takes at most %zu."), len,
				ccid_max_command(s));
	/* Each reader would refuse it in its way: an answer to who tries whether it works. */
	if (!takes_extended(s) && is_extended(command, len))
		return ctx_fail(s->ctx, FUDA_ETRANSPORT,
				_("This reader takes commands of short length only."));
	return 0;
}

int ccid_transmit(struct ccid_slot *s, const uint8_t *command, size_t len, bool once,
		  struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(ccid_max_response(s));
	int e = ccid_check_command(s, command, len);

	if (e < 0)
		return e;
	e = dispatch(s, command, len, once, dl, &response);
	if (e == 0 && response.len < 2)
		e = ccid_out_of_turn(s);
	if (e == 0) {
		e = fuda_buf_append(ret_response, response.data, response.len);
		return e < 0 ? ctx_fail_code(s->ctx, e) : 0;
	}
	/* Whatever went wrong, how far the card got is not known, unless T=1 brought it back. */
	if (e != FUDA_EREADERGONE)
		s->lost = s->level != CCID_TPDU || s->protocol != 1 || s->t1.lost;
	return e;
}
