/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/rcs380-card.h"

#include "base/deadline.h"

enum {
	ANSWER_US =
		30000, /* to anything of the activation, as nfcpy waits; FWT of ATQB is 0.6 ms */
	ATQB_MIN = 12,
	UID_PART = 5, /* four bytes and their check byte */
	CASCADE = 0x88,
	SAK_CASCADE = 0x04, /* the UID is not complete */
	SAK_ISO14443_4 = 0x20,
	SENSF_MIN = 18, /* of its answer, with the length byte */
};

/* Numbers of InSetProtocol. */
enum {
	GUARD_TIME, /* ms of field before the first frame */
	ADD_CRC,
	CHECK_CRC,
	ADD_PARITY = 4,
	VALID_BITS = 7, /* of the last byte */
};

struct technology {
	uint8_t rf[4];
	uint8_t protocol[38];
};

/* Type B: readers.md A2, the same for finding, ATTRIB and ISO 14443-4. */
static const struct technology type_b = {
	{ 0x03, 0x07, 0x0F, 0x07 },
	{ 0x00, 0x14, 0x01, 0x01, 0x02, 0x01, 0x03, 0x00, 0x04, 0x00, 0x05, 0x00, 0x06,
	  0x00, 0x07, 0x08, 0x08, 0x00, 0x09, 0x01, 0x0A, 0x01, 0x0B, 0x01, 0x0C, 0x01,
	  0x0E, 0x04, 0x0F, 0x00, 0x10, 0x00, 0x11, 0x00, 0x12, 0x00, 0x13, 0x06 },
};

/* Type A, for the short frame of REQA: the lists of nfcpy (sense_tta) and of the Linux driver
 * port100 say the same of it and of what comes after it; unconfirmed on hardware. */
static const struct technology type_a_short = {
	{ 0x02, 0x03, 0x0F, 0x03 },
	{ 0x00, 0x06, 0x01, 0x00, 0x02, 0x00, 0x03, 0x00, 0x04, 0x00, 0x05, 0x01, 0x06,
	  0x00, 0x07, 0x07, 0x08, 0x00, 0x09, 0x00, 0x0A, 0x00, 0x0B, 0x00, 0x0C, 0x00,
	  0x0E, 0x04, 0x0F, 0x00, 0x10, 0x00, 0x11, 0x00, 0x12, 0x00, 0x13, 0x06 },
};
static const uint8_t whole_bytes[] = { VALID_BITS, 8, ADD_PARITY, 1 };
static const uint8_t without_crc[] = { ADD_CRC, 0, CHECK_CRC, 0 };
static const uint8_t with_crc[] = { ADD_CRC, 1, CHECK_CRC, 1 };

/* FeliCa at 212 kbit/s: nfcpy (sense_ttf); unconfirmed on hardware. */
static const struct technology felica = {
	{ 0x01, 0x01, 0x0F, 0x01 },
	{ 0x00, 0x18, 0x01, 0x01, 0x02, 0x01, 0x03, 0x00, 0x04, 0x00, 0x05, 0x00, 0x06,
	  0x00, 0x07, 0x08, 0x08, 0x00, 0x09, 0x00, 0x0A, 0x00, 0x0B, 0x00, 0x0C, 0x00,
	  0x0E, 0x04, 0x0F, 0x00, 0x10, 0x00, 0x11, 0x00, 0x12, 0x00, 0x13, 0x06 },
};

static int set(struct rcs380_chip *c, const struct technology *t, struct fuda_deadline *dl)
{
	int e = rcs380_set_rf(c, t->rf, dl);

	return e < 0 ? e : rcs380_set_protocol(c, t->protocol, sizeof(t->protocol), dl);
}

/* ---- finding ---- */

/* Sends what every card of a kind answers. Damage is an answer too: of several cards, or of one
 * that is far away. */
static int call(struct rcs380_chip *c, const uint8_t *frame, size_t len, struct fuda_deadline *dl,
		struct fuda_buf *ret)
{
	int e = rcs380_exchange(c, frame, len, ANSWER_US, dl, ret);

	return e == FUDA_EMUTE ? FUDA_ENOCARD : e == FUDA_EFORMAT ? 0 : e;
}

static int call_b(struct rcs380_chip *c, struct fuda_deadline *dl, struct fuda_buf *ret_atqb)
{
	/* all families, the longer ATQB is welcome, one slot: as nfcpy asks */
	static const uint8_t reqb[] = { 0x05, 0x00, 0x10 };
	int e = set(c, &type_b, dl);

	return e < 0 ? e : call(c, reqb, sizeof(reqb), dl, ret_atqb);
}

static int call_a(struct rcs380_chip *c, struct fuda_deadline *dl, struct fuda_buf *ret_atqa)
{
	static const uint8_t reqa[] = { 0x26 };
	int e = set(c, &type_a_short, dl);

	return e < 0 ? e : call(c, reqa, sizeof(reqa), dl, ret_atqa);
}

int rcs380_poll(struct rcs380_chip *c, bool type_a, struct fuda_deadline *dl)
{
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(RCS380_CARD_FRAME_MAX);

	return type_a ? call_a(c, dl, &answer) : call_b(c, dl, &answer);
}

int rcs380_poll_felica(struct rcs380_chip *c, struct fuda_deadline *dl)
{
	static const uint8_t sensf[] = { 0x06, 0x00, 0xFF, 0xFF, 0x01, 0x00 };
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(RCS380_CARD_FRAME_MAX);
	int e = set(c, &felica, dl);

	if (e == 0)
		e = call(c, sensf, sizeof(sensf), dl, &answer);
	if (e < 0)
		return e;
	return answer.len >= SENSF_MIN && answer.data[1] == 0x01 ? 0 : FUDA_ENOCARD;
}

/* ---- activating ---- */

static int mute(struct rcs380_chip *c)
{
	return ctx_fail(c->ctx, FUDA_EMUTE,
			_("There is a card on the reader, but it does not answer as it should. "
			  "Leave one card alone on the reader, lay it flat in the middle and try "
			  "again."));
}

static int not_ours(struct rcs380_chip *c)
{
	return ctx_fail(c->ctx, FUDA_EMUTE,
			_("The card on the reader cannot be a My Number card: it does not take "
			  "commands (ISO/IEC 14443-4). Take it off and try again."));
}

/* One exchange of the activation. */
static int ask(struct rcs380_chip *c, const uint8_t *frame, size_t len, uint32_t us,
	       struct fuda_deadline *dl, struct fuda_buf *ret)
{
	int e;

	fuda_buf_clear(ret);
	e = rcs380_exchange(c, frame, len, us, dl, ret);
	return e == FUDA_EMUTE || e == FUDA_EFORMAT ? mute(c) : e;
}

static int activate_b(struct rcs380_chip *c, struct fuda_deadline *dl, struct contactless *ret)
{
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(RCS380_CARD_FRAME_MAX);
	uint8_t attrib[ATTRIB_SIZE];
	struct contactless card;
	int e = call_b(c, dl, &answer);

	if (e < 0)
		return e;
	if (contactless_parse_atqb(answer.data, answer.len, &card) < 0)
		return mute(c);
	if (!card.iso14443_4)
		return not_ours(c);
	contactless_attrib(&card, false, attrib);
	e = ask(c, attrib, sizeof(attrib), MAX(card.fwt_us, ANSWER_US), dl, &answer);
	if (e < 0)
		return e;
	if (contactless_parse_attrib(answer.data, answer.len, &card) < 0)
		return mute(c);
	*ret = card;
	return 0;
}

/* One cascade level: a single card tells a part of its UID and is chosen by it. */
static int choose(struct rcs380_chip *c, uint8_t level, struct fuda_deadline *dl,
		  struct fuda_buf *answer, bool *ret_more, uint8_t *ret_sak)
{
	uint8_t select[2 + UID_PART] = { level, 0x20 };
	struct cursor cur;
	uint8_t check = 0, sak;
	int e = rcs380_set_protocol(c, without_crc, sizeof(without_crc), dl);

	if (e == 0)
		e = ask(c, select, 2, ANSWER_US, dl, answer);
	if (e < 0)
		return e;
	cur = cur_of(answer->data, answer->len);
	if (cur_copy(&cur, select + 2, UID_PART) < 0 || cur.left)
		return mute(c);
	for (size_t i = 0; i < UID_PART; i++)
		check ^= select[2 + i];
	if (check)
		return mute(c);
	e = rcs380_set_protocol(c, with_crc, sizeof(with_crc), dl);
	select[1] = 0x70;
	if (e == 0)
		e = ask(c, select, sizeof(select), ANSWER_US, dl, answer);
	if (e < 0)
		return e;
	cur = cur_of(answer->data, answer->len);
	if (cur_u8(&cur, &sak) < 0 || cur.left)
		return mute(c);
	*ret_more = sak & SAK_CASCADE;
	if (*ret_more != (select[2] == CASCADE))
		return mute(c);
	*ret_sak = sak;
	return 0;
}

static int activate_a(struct rcs380_chip *c, struct fuda_deadline *dl, struct contactless *ret)
{
	static const uint8_t levels[] = { 0x93, 0x95, 0x97 };
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(RCS380_CARD_FRAME_MAX);
	uint8_t rats[RATS_SIZE], sak = 0;
	struct contactless card;
	bool more = true;
	int e = call_a(c, dl, &answer);

	if (e < 0)
		return e;
	e = rcs380_set_protocol(c, whole_bytes, sizeof(whole_bytes), dl);
	for (size_t i = 0; e == 0 && more && i < sizeof(levels); i++)
		e = choose(c, levels[i], dl, &answer, &more, &sak);
	if (e < 0)
		return e;
	if (more)
		return mute(c);
	if (!(sak & SAK_ISO14443_4))
		return not_ours(c);
	contactless_rats(false, rats);
	e = ask(c, rats, sizeof(rats), ANSWER_US, dl, &answer);
	if (e < 0)
		return e;
	if (contactless_parse_ats(answer.data, answer.len, &card) < 0)
		return mute(c);
	*ret = card;
	return 0;
}

int rcs380_activate(struct rcs380_chip *c, bool type_a, struct fuda_deadline *dl,
		    struct contactless *ret)
{
	struct contactless card;
	int e = type_a ? activate_a(c, dl, &card) : activate_b(c, dl, &card);

	/* what it asks for before the first command: ISO/IEC 14443-4 5.2.5 */
	if (e == 0 && card.sfgt_us && deadline_sleep(dl, (int)(card.sfgt_us / 1000) + 1) < 0)
		e = ctx_fail_code(c->ctx, deadline_check(dl));
	if (e == 0)
		*ret = card;
	return e;
}
