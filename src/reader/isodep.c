/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/isodep.h"

#include <string.h>
#include "base/cursor.h"
#include "reader/contactless.h"

/* readers.md A2; rules by their numbers and letters are those of ISO/IEC 14443-4 7.5. */
enum {
	/* bits of the first byte of a block (PCB) */
	NUMBER = 0x01,
	CID = 0x08,
	MORE = 0x10, /* of an I-block: chaining; of an R-block: NAK */

	I_BLOCK = 0x02,
	R_ACK = 0xA2,
	R_NAK = R_ACK | MORE,
	S_DESELECT = 0xC2,
	S_WTX = 0xF2,

	WTXM = 0x3F,
	WTXM_MAX = 59,

	CRC_SIZE = 2,
	STATUS_SIZE = 2,
	REPEATS_MAX = 2, /* of one block */
	FWT_MAX_US = 4949000,
	/* 65536/fc, and the tolerance of 49152/fc: from memory of the standard, in no fact of
	 * readers.md and unconfirmed on hardware; if it is too short, the card loses its power
	 * instead. */
	DESELECT_US = 8459,
	/* Time that a card may ask for on end: far more than any command of it takes, but not for
	 * ever where there is no deadline. */
	WTX_SUM_MAX_US = 120 * 1000 * 1000,
};

/* A block as it is sent: PCB, CID, INF. */
struct frame {
	uint8_t bytes[CONTACTLESS_FSD];
	size_t len;
};

/* A block as it came, without its CID. */
struct block {
	uint8_t pcb;
	struct cursor inf;
};

/* What goes on with the card. */
enum phase {
	SENDING,   /* a piece of a command that has more: R(ACK) is due */
	SENT,	   /* the last piece: the response is due */
	RECEIVING, /* R(ACK) to a piece of the response: the next is due */
	ASKING,	   /* R(NAK) out of order, to hear whether it is there */
};

/* One block of ours until the one that is due after it. */
struct turn {
	enum phase phase;
	struct fuda_deadline *dl;
	struct frame time; /* our answer to the card's request for more */
	uint32_t us;	   /* to wait for the next frame */
	uint64_t sum_us;   /* that it has asked for in this turn */
};

void isodep_start(struct isodep *d, struct fuda_context *ctx, const struct isodep_link *link,
		  size_t fsc, uint32_t fwt_us)
{
	*d = (struct isodep){
		.ctx = ctx,
		.link = *link,
		.fsc = MIN(fsc, CONTACTLESS_FSD),
		.fwt_us = fwt_us,
	};
}

/* ---- blocks ---- */

static void make_block(const struct isodep *d, uint8_t pcb, const uint8_t *inf, size_t len,
		       struct frame *ret)
{
	ret->len = 0;
	ret->bytes[ret->len++] = d->has_cid ? pcb | CID : pcb;
	if (d->has_cid)
		ret->bytes[ret->len++] = d->cid;
	if (len)
		memcpy(ret->bytes + ret->len, inf, len);
	ret->len += len;
}

/* Bytes of INF that go into one I-block. */
static size_t inf_max(const struct isodep *d)
{
	return MIN(d->fsc - CRC_SIZE, d->link.frame_max) - (d->has_cid ? 2 : 1);
}

/* FUDA_EFORMAT for what is no block or not for us. The card uses a CID if we do; a NAD, which
 * nobody uses, makes a PCB that is never due. */
static int parse_block(const struct isodep *d, const struct fuda_buf *answer, struct block *ret)
{
	struct cursor c = cur_of(answer->data, answer->len);
	uint8_t pcb, cid;

	if (cur_u8(&c, &pcb) < 0 || !(pcb & CID) != !d->has_cid)
		return FUDA_EFORMAT;
	if (d->has_cid && (cur_u8(&c, &cid) < 0 || cid != d->cid))
		return FUDA_EFORMAT;
	*ret = (struct block){ pcb & ~CID, c };
	return 0;
}

static bool is_i_block(const struct isodep *d, const struct block *b)
{
	return (b->pcb & ~MORE) == (I_BLOCK | d->block);
}

static bool is_ack(const struct block *b, uint8_t number)
{
	return b->pcb == (R_ACK | number) && !b->inf.left;
}

/* Whether the block is what this phase waits for. */
static bool is_due(const struct isodep *d, enum phase phase, const struct block *b)
{
	switch (phase) {
	case SENDING:
		return is_ack(b, d->block);
	case ASKING: /* "your last block did not come", as it never was sent: rule 12 */
		return is_ack(b, d->block ^ NUMBER);
	default:
		return is_i_block(d, b);
	}
}

/* ---- one block and the answer to it ---- */

/* The card cannot be used any more. Where it may still listen it is told. Who only asked whether it
 * is there gets FUDA_ENOCARD, for which nothing is written down. */
static int lose(struct isodep *d, const struct turn *t, int code, const char *text)
{
	isodep_deselect(d, t->dl);
	return t->phase == ASKING ? FUDA_ENOCARD : ctx_fail(d->ctx, code, "%s", text);
}

static int give_up(struct isodep *d, const struct turn *t, int why)
{
	if (why == FUDA_EMUTE)
		return lose(d, t, FUDA_EMUTE,
			    _("The card stopped answering. Leave it still on the reader and try "
			      "again."));
	return lose(d, t, FUDA_ETRANSPORT,
		    _("The card cannot be understood. Lay it flat on the reader, away from metal "
		      "and other cards, and try again."));
}

/* One frame each way. FUDA_EMUTE, FUDA_EFORMAT: as the link has it, the card may be heard yet.
 * After any other error it is lost. */
static int exchange(struct isodep *d, const struct frame *frame, uint32_t us,
		    struct fuda_deadline *dl, struct fuda_buf *ret)
{
	int e = deadline_check(dl);

	if (e < 0) {
		d->lost = true;
		return ctx_fail_code(d->ctx, e);
	}
	fuda_buf_clear(ret);
	d->frames++;
	e = d->link.exchange(d->link.arg, frame->bytes, frame->len, us, dl, ret);
	if (e < 0 && e != FUDA_EMUTE && e != FUDA_EFORMAT)
		d->lost = true;
	return e;
}

/* Grants the time that the card asks for: makes t->time and t->us. Its power level bits are not
 * ours to answer. */
static int grant_time(struct isodep *d, struct turn *t, const struct block *b)
{
	struct cursor c = b->inf;
	uint8_t inf, wtxm;

	if (cur_u8(&c, &inf) < 0 || c.left)
		return FUDA_EFORMAT;
	wtxm = inf & WTXM;
	if (wtxm < 1 || wtxm > WTXM_MAX)
		return lose(d, t, FUDA_ETRANSPORT,
			    _("The card asked for a waiting time that does not exist. Take it off "
			      "the reader, put it back and try again."));
	t->us = (uint32_t)MIN((uint64_t)d->fwt_us * wtxm, MAX(d->fwt_us, FWT_MAX_US));
	t->sum_us += t->us;
	if (t->sum_us > WTX_SUM_MAX_US)
		return lose(d, t, FUDA_ETRANSPORT,
			    _("The card keeps asking for more time. Take it off the reader, put it "
			      "back and try again."));
	make_block(d, S_WTX, &wtxm, 1, &t->time);
	return 0;
}

/* Sends a block and brings back the one that is due after it, which lies in `answer`. Rules 3 to 7:
 * time is granted; what is lost or damaged is asked for again; a block of ours is repeated only
 * when the card, asked, says that it did not get it, so that no doubled answer of it can make us
 * send a command twice. One that has asked for time to carry it out has got it, whatever it says
 * later. */
static int talk(struct isodep *d, enum phase phase, const struct frame *first,
		struct fuda_deadline *dl, struct fuda_buf *answer, struct block *ret)
{
	struct turn t = { .phase = phase, .dl = dl, .us = d->fwt_us };
	const struct frame *frame = first;
	unsigned repeats = 0;
	struct frame again;

	make_block(d, (phase == RECEIVING ? R_ACK : R_NAK) | d->block, NULL, 0, &again);
	for (;;) {
		int e = exchange(d, frame, t.us, dl, answer);

		t.us = d->fwt_us;
		if (e == 0)
			e = parse_block(d, answer, ret);
		if (e == 0 && ret->pcb == S_WTX) {
			e = grant_time(d, &t, ret);
			if (e == 0) {
				frame = &t.time;
				repeats = 0;
				continue;
			}
		}
		if (e == 0 && is_due(d, phase, ret))
			return 0;
		if (e == 0 && frame == &again && !t.sum_us &&
		    (phase == SENDING || phase == SENT) && is_ack(ret, d->block ^ NUMBER)) {
			frame = first; /* rule 6 */
			continue;
		}
		if (d->lost)
			return e;
		if (repeats++ == REPEATS_MAX)
			return give_up(d, &t, e);
		frame = &again;
	}
}

/* ---- a command and its response ---- */

static int send_command(struct isodep *d, const uint8_t *command, size_t len,
			struct fuda_deadline *dl, struct fuda_buf *answer, struct block *ret)
{
	struct frame frame;
	size_t most = inf_max(d);
	int e;

	do {
		size_t n = MIN(len, most);
		bool more = len > n;

		make_block(d, I_BLOCK | (more ? MORE : 0) | d->block, command, n, &frame);
		command += n;
		len -= n;
		e = talk(d, more ? SENDING : SENT, &frame, dl, answer, ret);
		if (e == 0)
			d->block ^= NUMBER; /* rule B */
	} while (e == 0 && len);
	wipe(frame.bytes, sizeof(frame.bytes));
	return e;
}

/* `b` is the first piece; it lies in `answer`. */
static int receive_response(struct isodep *d, struct block b, struct fuda_deadline *dl,
			    struct fuda_buf *answer, struct fuda_buf *response)
{
	const struct turn t = { .phase = RECEIVING, .dl = dl };
	struct frame ack;

	for (;;) {
		bool more = b.pcb & MORE;
		int e = fuda_buf_append(response, b.inf.p, b.inf.left);

		if (e == FUDA_ENOMEM)
			return lose(d, &t, e, fuda_error_text(e));
		if (e < 0)
			return lose(d, &t, FUDA_ETRANSPORT,
				    _("The response is longer than the reader can take."));
		/* pieces of nothing could go on for ever; a response has a status word */
		if (more ? !b.inf.left : response->len < STATUS_SIZE)
			return give_up(d, &t, FUDA_EFORMAT);
		if (!more)
			return 0;
		make_block(d, R_ACK | d->block, NULL, 0, &ack);
		e = talk(d, RECEIVING, &ack, dl, answer, &b);
		if (e < 0)
			return e;
		d->block ^= NUMBER;
	}
}

/* As room for a frame of the card. */
#define ANSWER_INIT(d) FUDA_BUF_INIT((d)->link.frame_max)

int isodep_transmit(struct isodep *d, const uint8_t *command, size_t len, struct fuda_deadline *dl,
		    struct fuda_buf *ret_response)
{
	_cleanup_buf_ struct fuda_buf answer = ANSWER_INIT(d);
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(ret_response->max -
							       ret_response->len);
	struct block b;
	int e = deadline_check(dl);

	if (d->lost)
		return ctx_fail(d->ctx, FUDA_EREMOVED,
				_("The contact with the card was lost. Put it on the reader "
				  "again."));
	if (e < 0) /* nothing was sent: the card is not lost by it */
		return ctx_fail_code(d->ctx, e);
	e = send_command(d, command, len, dl, &answer, &b);
	if (e == 0)
		e = receive_response(d, b, dl, &answer, &response);
	if (e < 0)
		return e;
	e = fuda_buf_append(ret_response, response.data, response.len);
	return e < 0 ? ctx_fail_code(d->ctx, e) : 0;
}

int isodep_present(struct isodep *d, struct fuda_deadline *dl, bool *ret)
{
	_cleanup_buf_ struct fuda_buf answer = ANSWER_INIT(d);
	struct frame nak;
	struct block b;
	int e = deadline_check(dl);

	if (d->lost) {
		*ret = false;
		return 0;
	}
	if (e < 0)
		return ctx_fail_code(d->ctx, e);
	make_block(d, R_NAK | d->block, NULL, 0, &nak);
	e = talk(d, ASKING, &nak, dl, &answer, &b);
	if (e < 0 && e != FUDA_ENOCARD)
		return e;
	*ret = e == 0;
	return 0;
}

void isodep_deselect(struct isodep *d, struct fuda_deadline *dl)
{
	_cleanup_buf_ struct fuda_buf answer = ANSWER_INIT(d);
	struct frame frame;
	struct block b;

	make_block(d, S_DESELECT, NULL, 0, &frame);
	for (int i = 0; i <= REPEATS_MAX && !d->lost; i++) { /* rule 8 */
		if (exchange(d, &frame, DESELECT_US, dl, &answer) == 0 &&
		    parse_block(d, &answer, &b) == 0 && b.pcb == S_DESELECT && !b.inf.left)
			break;
	}
	d->lost = true;
}
