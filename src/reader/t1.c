/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/t1.h"

#include "base/cursor.h"

enum {
	HEAD = 3,	  /* NAD PCB LEN, 11.3.1 */
	TRIES = 3,	  /* 11.6.3.2 rules 7.4.2 and 7.4.3: one and two repeats */
	REQUESTS_MAX = 1000, /* S-blocks of the card in a row */
};

/* PCB, 11.3.2.2 */
enum {
	PCB_S = 0xC0,	  /* and the bit of R-blocks */
	PCB_R = 0x80,
	PCB_I_NUMBER = 0x40,
	PCB_I_MORE = 0x20,
	PCB_I_RFU = 0x1F,
	PCB_R_NUMBER = 0x10,
	PCB_R_RFU = 0x20,
	PCB_S_RESPONSE = 0x20,
	R_EDC = 1, /* the block had an error of parity or EDC */
	R_OTHER = 2,
};

enum { S_RESYNCH = 0xC0, S_IFS = 0xC1, S_ABORT = 0xC2, S_WTX = 0xC3 };

struct block {
	uint8_t pcb;
	struct cursor inf;
};

enum kind { KIND_I, KIND_R, KIND_S };

static enum kind kind_of(const struct block *b)
{
	if (!(b->pcb & PCB_R))
		return KIND_I;
	return (b->pcb & PCB_S) == PCB_S ? KIND_S : KIND_R;
}

/* ---- bytes ---- */

static uint8_t lrc(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum ^= *p++;
	return sum;
}

/* The one of ISO/IEC 13239 in the form in which libccid's T=1 has it, high byte first and not
 * inverted. No card of today asks for it; not compared with any. */
static uint16_t crc(const uint8_t *p, size_t len)
{
	uint16_t sum = 0xFFFF;

	while (len--) {
		sum ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			sum = (uint16_t)(sum >> 1 ^ (sum & 1 ? 0x8408 : 0));
	}
	return sum;
}

static size_t edc_size(const struct t1 *t)
{
	return t->crc ? 2 : 1;
}

static void edc(const struct t1 *t, const uint8_t *block, size_t len, uint8_t ret[2])
{
	uint16_t sum = t->crc ? crc(block, len) : (uint16_t)(lrc(block, len) << 8);

	ret[0] = (uint8_t)(sum >> 8);
	ret[1] = (uint8_t)sum;
}

/* Returns the length of the block. */
static size_t build(const struct t1 *t, uint8_t pcb, const uint8_t *inf, size_t len,
		    uint8_t ret[T1_BLOCK_MAX])
{
	uint8_t code[2];

	ret[0] = 0; /* NAD: one source, one destination */
	ret[1] = pcb;
	ret[2] = (uint8_t)len;
	if (len)
		memcpy(ret + HEAD, inf, len);
	edc(t, ret, HEAD + len, code);
	memcpy(ret + HEAD + len, code, edc_size(t));
	return HEAD + len + edc_size(t);
}

/* Whether PCB and LEN are ones of the standard, whatever the moment. */
static bool well_formed(const struct block *b)
{
	switch (kind_of(b)) {
	case KIND_I: /* a chain of nothing would never end */
		return !(b->pcb & PCB_I_RFU) && (b->inf.left || !(b->pcb & PCB_I_MORE));
	case KIND_R:
		return !(b->pcb & PCB_R_RFU) && !b->inf.left;
	default:
		break;
	}
	switch (b->pcb & ~PCB_S_RESPONSE) {
	case S_RESYNCH:
	case S_ABORT:
		return !b->inf.left;
	case S_IFS:
		return b->inf.left == 1 && b->inf.p[0] >= 1 && b->inf.p[0] <= T1_INF_MAX;
	case S_WTX:
		return b->inf.left == 1 && b->inf.p[0] >= 1;
	default:
		return false;
	}
}

/* 0, R_EDC or R_OTHER */
static int parse(const struct t1 *t, const struct fuda_buf *bytes, struct block *ret)
{
	struct cursor c = cur_of(bytes->data, bytes->len);
	uint8_t nad, len, code[2];
	const uint8_t *sent;
	struct block b;

	if (cur_u8(&c, &nad) < 0 || cur_u8(&c, &b.pcb) < 0 || cur_u8(&c, &len) < 0 ||
	    cur_sub(&c, len, &b.inf) < 0 || cur_take(&c, edc_size(t), &sent) < 0 || c.left)
		return R_OTHER;
	edc(t, bytes->data, HEAD + len, code);
	if (memcmp(sent, code, edc_size(t)) != 0)
		return R_EDC;
	if (nad != 0 || len > T1_INF_MAX || !well_formed(&b))
		return R_OTHER;
	*ret = b;
	return 0;
}

/* ---- one block each way ---- */

struct turn {
	uint8_t out[T1_BLOCK_MAX];
	size_t len;
	uint8_t multiplier; /* of the waiting time for the answer */
	struct fuda_buf answer;
	struct block block; /* in `answer` */
	bool mute; /* the last one was no answer */
};

static void end_turn(struct turn *turn)
{
	wipe(turn->out, sizeof(turn->out));
	fuda_buf_free(&turn->answer);
}

static void say(const struct t1 *t, struct turn *turn, uint8_t pcb, const uint8_t *inf, size_t len)
{
	turn->len = build(t, pcb, inf, len, turn->out);
}

/* What came in turn->answer, and how, into turn->block. 0, R_EDC or R_OTHER; an error ends the
 * session with the card. */
static int hear(struct t1 *t, struct turn *turn, int e)
{
	t->blocks++;
	turn->mute = e == FUDA_EMUTE;
	if (e == FUDA_EMUTE)
		return R_OTHER;
	if (e == FUDA_EFORMAT)
		return R_EDC;
	if (e < 0) {
		t->lost = true;
		return e;
	}
	return parse(t, &turn->answer, &turn->block);
}

/* Sends turn->out and hears the answer. */
static int swap(struct t1 *t, struct turn *turn, struct fuda_deadline *dl)
{
	int e = deadline_check(dl);

	fuda_buf_clear(&turn->answer);
	if (e < 0)
		ctx_fail_code(t->ctx, e);
	else
		e = t->link.exchange(t->link.arg, turn->out, turn->len, turn->multiplier, dl,
				     &turn->answer);
	turn->multiplier = 1; /* 11.6.3.2 rule 3: for one block */
	return hear(t, turn, e);
}

/* Says an S-block until it is answered by its like. 0; 1: it is not; errors of swap(). */
static int request(struct t1 *t, struct turn *turn, uint8_t pcb, const uint8_t *inf, size_t len,
		   struct fuda_deadline *dl)
{
	for (int i = 0; i < TRIES; i++) {
		int e;

		say(t, turn, pcb, inf, len);
		e = swap(t, turn, dl);
		if (e < 0)
			return e;
		if (e == 0 && turn->block.pcb == (pcb | PCB_S_RESPONSE) &&
		    (!len || turn->block.inf.p[0] == inf[0]))
			return 0;
	}
	return 1;
}

static void begin_numbering(struct t1 *t)
{
	t->ns = t->nr = 0;
	t->ifsc = t->first_ifsc;
	t->ifsd = T1_IFS_START;
}

/* 11.6.3.2 rule 6. 0: both sides begin anew. */
static int resynch(struct t1 *t, struct turn *turn, struct fuda_deadline *dl)
{
	int e = request(t, turn, S_RESYNCH, NULL, 0, dl);

	if (e < 0)
		return e;
	if (e == 0) {
		begin_numbering(t);
		t->astray = false;
		return 0;
	}
	t->lost = true;
	if (turn->mute)
		return ctx_fail(t->ctx, FUDA_EMUTE,
				_("The card stopped answering. Take it out, put it back and try "
				  "again."));
	return ctx_fail(t->ctx, FUDA_ETRANSPORT,
			_("What the card says cannot be understood. Clean its contacts, put it "
			  "back and try again."));
}

/* 11.4.2. A card that does not take it keeps to short blocks. */
static int announce_ifsd(struct t1 *t, struct turn *turn, struct fuda_deadline *dl)
{
	uint8_t ifsd = (uint8_t)t->wanted_ifsd;
	int e;

	if (t->ifsd == t->wanted_ifsd)
		return 0;
	e = request(t, turn, S_IFS, &ifsd, 1, dl);
	if (e > 0) {
		e = resynch(t, turn, dl);
		t->wanted_ifsd = t->ifsd;
	}
	if (e == 0)
		t->ifsd = t->wanted_ifsd;
	return e;
}

/* ---- a command and its response ---- */

struct passage {
	struct t1 *t;
	struct turn turn;
	const uint8_t *command; /* NULL: the reader has it */
	size_t left, piece; /* bytes of it not acknowledged; of those in the block on its way */
	struct fuda_buf *response;
	bool receiving; /* the response has begun */
	int failures;	/* since something last got through */
	int requests;
};

enum outcome { GO_ON, DONE, GIVE_UP };

static void say_piece(struct passage *p)
{
	struct t1 *t = p->t;
	uint8_t pcb = (uint8_t)(t->ns ? PCB_I_NUMBER : 0);

	if (p->piece < p->left)
		pcb |= PCB_I_MORE;
	say(t, &p->turn, pcb, p->command, p->piece);
}

/* R(N(R)): what we expect next, and what was wrong before that. */
static void say_expected(struct passage *p, int error)
{
	say(p->t, &p->turn, (uint8_t)(PCB_R | (p->t->nr ? PCB_R_NUMBER : 0) | error), NULL, 0);
}

/* Rule 7: what came is of no use. */
static enum outcome fault(struct passage *p, int error)
{
	if (++p->failures >= TRIES)
		return GIVE_UP;
	say_expected(p, error);
	return GO_ON;
}

static void progress(struct passage *p)
{
	p->failures = p->requests = 0;
}

static enum outcome take_i(struct passage *p)
{
	const struct block *b = &p->turn.block;
	struct t1 *t = p->t;

	if (!!(b->pcb & PCB_I_NUMBER) != t->nr || (!p->receiving && p->piece < p->left))
		return fault(p, R_OTHER);
	if (fuda_buf_append(p->response, b->inf.p, b->inf.left) < 0)
		return GIVE_UP;
	if (!p->receiving) /* rule 2.1: it acknowledges our last block */
		t->ns ^= 1;
	p->receiving = true;
	t->nr ^= 1;
	progress(p);
	if (!(b->pcb & PCB_I_MORE))
		return DONE;
	say_expected(p, 0);
	return GO_ON;
}

static enum outcome take_r(struct passage *p)
{
	bool current = !!(p->turn.block.pcb & PCB_R_NUMBER) == p->t->ns;

	if (p->receiving) /* it did not understand our R-block */
		return fault(p, 0);
	if (current) { /* rule 7.1, on its side: the same block once more */
		if (++p->failures >= TRIES || !p->command)
			return GIVE_UP;
	} else {
		if (p->piece == p->left)
			return fault(p, R_OTHER);
		p->command += p->piece; /* rule 5: the next piece */
		p->left -= p->piece;
		p->piece = MIN(p->left, p->t->ifsc);
		p->t->ns ^= 1;
		progress(p);
	}
	say_piece(p);
	return GO_ON;
}

static enum outcome take_s(struct passage *p)
{
	const struct block *b = &p->turn.block;
	uint8_t inf = b->inf.left ? b->inf.p[0] : 0, pcb = b->pcb;

	/* a response to nothing; and RESYNCH is the reader's, rule 6.1 */
	if ((pcb & PCB_S_RESPONSE) || pcb == S_RESYNCH)
		return fault(p, R_OTHER);
	if (++p->requests > REQUESTS_MAX)
		return GIVE_UP;
	say(p->t, &p->turn, pcb | PCB_S_RESPONSE, &inf, b->inf.left);
	if (pcb == S_WTX)
		p->turn.multiplier = inf;
	if (pcb == S_IFS) /* never more than the reader can carry, as at the start */
		p->t->ifsc = MIN(inf, MAX(p->t->first_ifsc, T1_IFS_START));
	return GO_ON;
}

static enum outcome take(struct passage *p)
{
	switch (kind_of(&p->turn.block)) {
	case KIND_I:
		return take_i(p);
	case KIND_R:
		return take_r(p);
	default:
		return take_s(p);
	}
}

/* Rule 9: the card ends the chain. It has the last word on that; then both begin anew. */
static int aborted(struct passage *p, struct fuda_deadline *dl)
{
	int e;

	say(p->t, &p->turn, S_ABORT | PCB_S_RESPONSE, NULL, 0);
	e = swap(p->t, &p->turn, dl);
	if (e >= 0)
		e = resynch(p->t, &p->turn, dl);
	if (e < 0)
		return e;
	return ctx_fail(p->t->ctx, FUDA_ETRANSPORT,
			_("The card broke off the command. Try again."));
}

/* The command has left, and what became of it is not known. */
static int give_up(struct passage *p, struct fuda_deadline *dl)
{
	int e = resynch(p->t, &p->turn, dl);

	if (e < 0)
		return e;
	return ctx_fail(p->t->ctx, FUDA_ETRANSPORT,
			_("The command did not get through to the card and back. Leave the card "
			  "still and try again."));
}

/* From the answer to the first block on, which was heard as `e`. */
static int go_on(struct passage *p, int e, struct fuda_deadline *dl)
{
	for (;;) {
		enum outcome outcome;

		if (e < 0)
			return e;
		if (e == 0 && p->turn.block.pcb == S_ABORT)
			return aborted(p, dl);
		outcome = e > 0 ? fault(p, e) : take(p);
		if (outcome != GO_ON)
			return outcome == DONE ? 0 : give_up(p, dl);
		e = swap(p->t, &p->turn, dl);
	}
}

static int run(struct passage *p, struct fuda_deadline *dl)
{
	p->piece = MIN(p->left, p->t->ifsc);
	say_piece(p);
	return go_on(p, swap(p->t, &p->turn, dl), dl);
}

/* `e` is what came of it. */
static int end(struct passage *p, int e, struct fuda_buf *ret_response)
{
	end_turn(&p->turn);
	if (e < 0)
		return e;
	e = fuda_buf_append(ret_response, p->response->data, p->response->len);
	return e < 0 ? ctx_fail_code(p->t->ctx, e) : 0;
}

/* All that has to be said before a command. */
static int prepare(struct t1 *t, struct turn *turn, struct fuda_deadline *dl)
{
	int e = 0;

	if (t->lost)
		return ctx_fail(t->ctx, FUDA_EREMOVED,
				_("The connection to the card was lost. Start again."));
	if (t->astray)
		e = resynch(t, turn, dl);
	return e == 0 ? announce_ifsd(t, turn, dl) : e;
}

#define TURN_INIT { .multiplier = 1, .answer = FUDA_BUF_INIT(T1_BLOCK_MAX) }

int t1_transmit(struct t1 *t, const uint8_t *command, size_t len, struct fuda_deadline *dl,
		struct fuda_buf *ret_response)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(ret_response->max -
							       ret_response->len);
	struct passage p = {
		.t = t, .turn = TURN_INIT, .command = command, .left = len, .response = &response
	};
	int e = prepare(t, &p.turn, dl);

	if (e == 0)
		e = run(&p, dl);
	return end(&p, e, ret_response);
}

/* ---- a command that is typed ---- */

int t1_typed_begin(struct t1 *t, size_t len, struct fuda_deadline *dl, uint8_t ret_head[3])
{
	struct turn turn = TURN_INIT;
	int e = prepare(t, &turn, dl);

	end_turn(&turn);
	if (e < 0)
		return e;
	if (len > t->ifsc)
		return ctx_fail(t->ctx, FUDA_ETOOBIG,
				_("The command has %zu bytes; this card takes at most %zu of those "
				  "that are typed on the reader."),
				len, t->ifsc);
	ret_head[0] = 0; /* NAD, as in build() */
	ret_head[1] = t->ns ? PCB_I_NUMBER : 0;
	ret_head[2] = (uint8_t)len;
	return 0;
}

int t1_typed_end(struct t1 *t, size_t len, int result, const struct fuda_buf *answer,
		 struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(ret_response->max -
							       ret_response->len);
	struct passage p = {
		.t = t, .turn = TURN_INIT, .left = len, .piece = len, .response = &response
	};
	int e = result;

	if (e == 0 && fuda_buf_append(&p.turn.answer, answer->data, answer->len) < 0)
		e = FUDA_EFORMAT; /* longer than a block */
	e = go_on(&p, hear(t, &p.turn, e), dl);
	return end(&p, e, ret_response);
}

void t1_typed_unknown(struct t1 *t)
{
	t->astray = true;
}

void t1_start(struct t1 *t, struct fuda_context *ctx, const struct t1_link *link, size_t ifsc,
	      size_t ifsd, bool crc)
{
	*t = (struct t1){ .ctx = ctx,
			  .link = *link,
			  .crc = crc,
			  .first_ifsc = ifsc,
			  .wanted_ifsd = ifsd };
	begin_numbering(t);
}
