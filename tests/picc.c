/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/picc.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/util.h"
#include "codec/apdu.h"

#define FAULTS_MAX 16
#define CRC_SIZE   2
#define FRAME_MAX  (256 - CRC_SIZE)
#define WTXM	   5
#define FWT_MAX_US 4949000

static const size_t frame_sizes[] = { 16, 24, 32, 40, 48, 64, 96, 128, 256 };

/* readers.md A2; type A by ISO/IEC 14443-3 6. */
enum state {
	OFF,	  /* no field */
	IDLE,	  /* waits for REQ or WUP */
	READY,	  /* A: anticollision; B: ATTRIB is due */
	SELECTED, /* A: RATS is due */
	PROTOCOL, /* ISO/IEC 14443-4 */
	HALT,	  /* listens to WUP only */
};

struct fault {
	enum picc_fault fault;
	unsigned long at; /* of `blocks` */
	unsigned count;
};

struct picc {
	struct picc_settings set;
	struct vcard *card;
	picc_run *run; /* instead of the card */
	void *run_arg;
	enum state state;
	bool was_halted; /* where it goes back to if activation fails */
	bool field, gone;
	uint32_t random;
	uint8_t id[7]; /* PUPI or UID */
	unsigned level; /* of the cascade, levels that are done */
	const char *complaint;
	uint32_t took_us;

	/* since activation */
	unsigned long blocks;
	struct fault faults[FAULTS_MAX];
	size_t fsd;
	uint8_t cid; /* 0: none */
	uint8_t block; /* current number */
	bool mute;	     /* the card in it does not answer any more */
	bool chaining;	     /* the response has more */
	bool chain_known;    /* and the reader has heard so */
	struct fuda_buf command, response;
	size_t given;	 /* of the response */
	struct fuda_buf said; /* what it said last */
	bool endless;
	size_t endless_piece;
	/* while it waits for more time */
	unsigned long wtx_left; /* requests yet to come, the one that was said included */
	uint8_t wtxm; /* 0: did not ask since the last I-block */
	struct fuda_buf held; /* what it says then */
};

/* ---- life ---- */

struct picc *picc_new(const struct picc_settings *settings)
{
	static const struct picc_settings usual = { .fsci = 8, .fwi = 4 };
	struct picc *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->set = settings ? *settings : usual;
	p->random = 0x2545F491;
	p->command = FUDA_BUF_INIT(APDU_COMMAND_MAX);
	p->response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	p->said = FUDA_BUF_INIT(FRAME_MAX);
	p->held = FUDA_BUF_INIT(FRAME_MAX);
	return p;
}

static void end_protocol(struct picc *p, enum state state)
{
	p->state = state;
	p->was_halted = state == HALT;
	p->mute = p->chaining = p->endless = false;
	p->wtx_left = 0;
	fuda_buf_free(&p->command);
	fuda_buf_free(&p->response);
	fuda_buf_free(&p->said);
	fuda_buf_free(&p->held);
	if (p->card)
		vcard_power(p->card, false);
}

void picc_free(struct picc **p)
{
	if (!*p)
		return;
	end_protocol(*p, OFF);
	free(*p);
	*p = NULL;
}

/* The same ids in every run, and each time others. A random UID of 4 bytes begins with 08. */
static void new_id(struct picc *p)
{
	for (size_t i = 0; i < sizeof(p->id); i++) {
		p->random = p->random * 1664525 + 1013904223;
		p->id[i] = (uint8_t)(p->random >> 24);
	}
	if (p->set.type_a)
		p->id[0] = p->set.long_uid ? 0x04 : 0x08;
}

void picc_insert(struct picc *p, struct vcard *v)
{
	end_protocol(p, p->field ? IDLE : OFF);
	p->card = v;
	p->run = NULL;
	p->gone = false;
	new_id(p);
	picc_fault(p, PICC_FINE, 0, 0);
}

void picc_play(struct picc *p, picc_run *run, void *arg)
{
	picc_insert(p, NULL);
	p->run = run;
	p->run_arg = arg;
}

void picc_field(struct picc *p, bool on)
{
	if (on == p->field)
		return;
	p->field = on;
	end_protocol(p, on ? IDLE : OFF);
	new_id(p);
}

void picc_fault(struct picc *p, enum picc_fault fault, unsigned n, unsigned count)
{
	if (fault == PICC_FINE)
		memset(p->faults, 0, sizeof(p->faults));
	for (size_t i = 0; i < FAULTS_MAX && fault != PICC_FINE; i++) {
		if (p->faults[i].fault == PICC_FINE) {
			p->faults[i] = (struct fault){ fault, p->blocks + n, count };
			return;
		}
	}
}

uint32_t picc_took_us(const struct picc *p)
{
	return p->took_us;
}

unsigned long picc_blocks(const struct picc *p)
{
	return p->blocks;
}

const char *picc_complaint(const struct picc *p)
{
	return p->complaint;
}

static enum picc_said complain(struct picc *p, const char *what)
{
	if (!p->complaint)
		p->complaint = what;
	return PICC_SILENT;
}

static uint32_t fwt_us(const struct picc *p)
{
	return (uint32_t)(4096.0 / 13.56 * (1 << p->set.fwi));
}

static size_t fsc(const struct picc *p)
{
	return frame_sizes[MIN(p->set.fsci, 8)];
}

static enum picc_said say(struct picc *p, const uint8_t *bytes, size_t len, struct fuda_buf *ret)
{
	if (fuda_buf_set(&p->said, bytes, len) < 0 || fuda_buf_append(ret, bytes, len) < 0)
		abort();
	return PICC_ANSWERED;
}

/* ---- activation ---- */

static enum picc_said begin_protocol(struct picc *p, unsigned fsdi, uint8_t cid)
{
	if (p->set.silent || p->set.other_protocol)
		return PICC_SILENT;
	if (fsdi > 8)
		return complain(p, "frame size that is reserved");
	p->fsd = p->set.frame_max ? MIN(p->set.frame_max, frame_sizes[fsdi]) : frame_sizes[fsdi];
	p->cid = cid;
	p->block = 1; /* rule C */
	for (size_t i = 0; i < FAULTS_MAX; i++) /* count on from here */
		p->faults[i].at -= p->blocks;
	p->blocks = 0;
	p->state = PROTOCOL;
	if (p->card)
		vcard_power(p->card, true);
	return PICC_ANSWERED;
}

static enum picc_said fall_back(struct picc *p)
{
	p->state = p->was_halted ? HALT : IDLE;
	return PICC_SILENT;
}

static enum picc_said refuse(struct picc *p, const char *what)
{
	complain(p, what);
	return fall_back(p);
}

/* REQB, WUPB */
static enum picc_said request_b(struct picc *p, struct cursor c, struct fuda_buf *ret)
{
	uint8_t atqb[13] = { 0x50 }, afi, param;

	if (cur_u8(&c, &afi) < 0 || cur_u8(&c, &param) < 0 || c.left)
		return complain(p, "REQB of a wrong length");
	if (afi || (param & 0x07))
		return complain(p, "REQB for other cards, or for slots");
	if (p->state == HALT && !(param & 0x08))
		return PICC_SILENT;
	p->was_halted = p->state == HALT || (p->state == READY && p->was_halted);
	p->state = READY;
	memcpy(atqb + 1, p->id, 4);
	memcpy(atqb + 5, "\x00\x00\x05\xE0", 4); /* as of the card: readers.md A2 */
	atqb[9] = 0xB3;
	atqb[10] = (uint8_t)(p->set.fsci << 4 | !p->set.other_protocol);
	atqb[11] = (uint8_t)(p->set.fwi << 4 | 0x01);
	return say(p, atqb, p->set.extended_atqb && (param & 0x10) ? 13 : 12, ret);
}

static enum picc_said attrib(struct picc *p, struct cursor c, struct fuda_buf *ret)
{
	uint8_t pupi[4], param[4];

	if (cur_copy(&c, pupi, 4) < 0 || cur_copy(&c, param, 4) < 0 || c.left)
		return complain(p, "ATTRIB of a wrong length");
	if (memcmp(pupi, p->id, 4) != 0)
		return complain(p, "ATTRIB with another PUPI");
	if (param[0] || param[1] >> 4 || param[2] != 1 || param[3] > 14)
		return complain(p, "ATTRIB with wishes that are not met");
	if (begin_protocol(p, param[1] & 0x0F, param[3]) != PICC_ANSWERED)
		return PICC_SILENT;
	return say(p, &p->cid, 1, ret);
}

static enum picc_said activation_b(struct picc *p, struct cursor c, struct fuda_buf *ret)
{
	uint8_t first;

	if (cur_u8(&c, &first) < 0)
		return complain(p, "empty frame");
	if (first == 0x05)
		return request_b(p, c, ret);
	if (p->state == READY && first == 0x1D)
		return attrib(p, c, ret);
	if (p->state == READY && first == 0x50 && c.left == 4 && memcmp(c.p, p->id, 4) == 0) {
		p->state = HALT;
		return say(p, (const uint8_t[]){ 0x00 }, 1, ret);
	}
	return p->state == READY ? complain(p, "frame without place in activation") : PICC_SILENT;
}

/* The five bytes of a cascade level: four of the UID, the first of which is the cascade tag where more
 * levels follow, and their check byte. */
static void level_bytes(const struct picc *p, uint8_t ret[5])
{
	if (p->set.long_uid && p->level == 0) {
		ret[0] = 0x88;
		memcpy(ret + 1, p->id, 3);
	} else {
		memcpy(ret, p->id + (p->set.long_uid ? 3 : 0), 4);
	}
	ret[4] = ret[0] ^ ret[1] ^ ret[2] ^ ret[3];
}

/* ANTICOLLISION, SELECT; `bits` of anticollision are whole bytes here, as there is one card. */
static enum picc_said select_a(struct picc *p, const uint8_t *frame, size_t len, struct fuda_buf *ret)
{
	uint8_t mine[5], sak = p->set.other_protocol ? 0x08 : 0x20;

	level_bytes(p, mine);
	if (len == 2 && frame[1] == 0x20)
		return say(p, mine, 5, ret);
	if (len != 7 || frame[1] != 0x70)
		return refuse(p, "SELECT that is neither empty nor whole");
	if (memcmp(frame + 2, mine, 5) != 0)
		return refuse(p, "SELECT of another UID");
	if (p->set.long_uid && p->level == 0) {
		p->level = 1;
		sak = 0x04;
	} else {
		p->state = SELECTED;
	}
	return say(p, &sak, 1, ret);
}

static enum picc_said rats(struct picc *p, uint8_t param, struct fuda_buf *ret)
{
	uint8_t ats[5 + 15] = { 0, (uint8_t)(0x70 | p->set.fsci), 0x00, (uint8_t)(p->set.fwi << 4), 0x02 };

	if ((param & 0x0F) > 14)
		return complain(p, "RATS with a CID that is reserved");
	if (begin_protocol(p, param >> 4, param & 0x0F) != PICC_ANSWERED)
		return fall_back(p);
	ats[0] = (uint8_t)(5 + MIN(p->set.historical_len, 15));
	for (size_t i = 5; i < ats[0]; i++)
		ats[i] = (uint8_t)(0x80 + i - 5);
	return say(p, ats, ats[0], ret);
}

static enum picc_said activation_a(struct picc *p, const uint8_t *frame, size_t len, unsigned bits,
				   struct fuda_buf *ret)
{
	static const uint8_t atqa[2][2] = { { 0x04, 0x00 }, { 0x44, 0x00 } };

	if (bits == 7 && len == 1 && (frame[0] == 0x52 || (frame[0] == 0x26 && p->state == IDLE)) &&
	    (p->state == IDLE || p->state == HALT)) {
		p->was_halted = p->state == HALT;
		p->state = READY;
		p->level = 0;
		return say(p, atqa[p->set.long_uid], 2, ret);
	}
	if (p->state == IDLE || p->state == HALT)
		return PICC_SILENT;
	if (bits == 8 && p->state == READY && len >= 2 && frame[0] == (p->level ? 0x95 : 0x93))
		return select_a(p, frame, len, ret);
	if (bits == 8 && p->state == SELECTED && len == 2 && frame[0] == 0xE0)
		return rats(p, frame[1], ret);
	if (bits == 8 && len == 2 && frame[0] == 0x50 && frame[1] == 0x00) {
		p->state = HALT;
		return PICC_SILENT;
	}
	/* a second REQA or WUPA is how readers begin again */
	return bits == 7 ? fall_back(p) : refuse(p, "frame without place in activation");
}

/* ---- blocks ---- */

static size_t inf_max(const struct picc *p)
{
	return p->fsd - CRC_SIZE - (p->cid ? 2 : 1);
}

static void make_block(const struct picc *p, uint8_t pcb, const uint8_t *inf, size_t len, struct fuda_buf *ret)
{
	const uint8_t head[] = { p->cid ? pcb | 0x08 : pcb, p->cid };

	if (fuda_buf_set(ret, head, p->cid ? 2 : 1) < 0 || fuda_buf_append(ret, inf, len) < 0)
		abort();
}

/* The next piece of the response. */
static void make_piece(struct picc *p, struct fuda_buf *ret)
{
	static const uint8_t filler[FRAME_MAX];
	size_t n = MIN(p->response.len - p->given, inf_max(p));

	if (p->endless) {
		p->chaining = true;
		make_block(p, 0x12 | p->block, filler, MIN(p->endless_piece, inf_max(p)), ret);
		return;
	}
	p->chaining = p->given + n < p->response.len;
	make_block(p, (p->chaining ? 0x12 : 0x02) | p->block, p->response.data + p->given, n, ret);
	p->given += n;
}

static enum picc_said i_block(struct picc *p, uint8_t pcb, struct cursor inf, struct fuda_buf *ret)
{
	if ((pcb & 1) == p->block)
		complain(p, "I-block again that had been heard");
	if (p->chaining)
		complain(p, "I-block while the response has more");
	p->block ^= 1; /* rule D */
	p->wtxm = 0;
	p->chaining = p->chain_known = false;
	if (fuda_buf_append(&p->command, inf.p, inf.left) < 0)
		return complain(p, "command that is too long");
	if (pcb & 0x10) {
		make_block(p, 0xA2 | p->block, NULL, 0, ret);
		return PICC_ANSWERED;
	}
	p->given = 0;
	fuda_buf_clear(&p->response);
	if (p->run)
		p->mute = p->run(p->run_arg, p->command.data, p->command.len, &p->response) < 0;
	else
		p->mute = vcard_transmit(p->card, p->command.data, p->command.len, &p->response) < 0;
	fuda_buf_clear(&p->command);
	if (p->mute)
		return PICC_SILENT;
	make_piece(p, ret);
	return PICC_ANSWERED;
}

static enum picc_said r_block(struct picc *p, uint8_t pcb, struct fuda_buf *ret)
{
	bool nak = pcb & 0x10;

	if (nak && p->chaining && p->chain_known)
		complain(p, "R(NAK) while the response has more");
	if (!nak && !p->chaining && !p->chain_known && !p->wtx_left)
		complain(p, "R(ACK) while the response has no more");
	if ((pcb & 1) == p->block || p->wtx_left) { /* rule 11 */
		if (fuda_buf_set(ret, p->said.data, p->said.len) < 0)
			abort();
		return PICC_ANSWERED;
	}
	if (nak) { /* rule 12 */
		make_block(p, 0xA2 | p->block, NULL, 0, ret);
		return PICC_ANSWERED;
	}
	if (!p->chaining)
		return PICC_SILENT;
	p->chain_known = true;
	p->block ^= 1; /* rule E */
	make_piece(p, ret); /* rule 13 */
	return PICC_ANSWERED;
}

static void ask_for_time(struct picc *p, struct fuda_buf *ret)
{
	make_block(p, 0xF2, &p->wtxm, 1, ret);
}

static enum picc_said s_block(struct picc *p, uint8_t pcb, struct cursor inf, struct fuda_buf *ret)
{
	uint8_t wtxm;

	if (pcb == 0xC2 && !inf.left) {
		make_block(p, 0xC2, NULL, 0, ret);
		p->took_us = 4000;
		return PICC_ANSWERED;
	}
	if (pcb != 0xF2 || !p->wtxm)
		return complain(p, "S-block without place");
	if (!p->wtx_left) /* it has been heard already, and the reader has not heard that */
		return PICC_SILENT;
	if (cur_u8(&inf, &wtxm) < 0 || inf.left || wtxm != p->wtxm)
		return complain(p, "answer to WTX that is not its echo");
	p->took_us = MIN(fwt_us(p) * p->wtxm, FWT_MAX_US) / 10 * 9;
	if (--p->wtx_left) {
		ask_for_time(p, ret);
		return PICC_ANSWERED;
	}
	if (fuda_buf_set(ret, p->held.data, p->held.len) < 0)
		abort();
	fuda_buf_clear(&p->held);
	return ret->len ? PICC_ANSWERED : PICC_SILENT;
}

/* Acts on a block and makes the answer in `ret`. */
static enum picc_said block(struct picc *p, struct cursor c, struct fuda_buf *ret)
{
	uint8_t pcb, cid;

	if (c.left + CRC_SIZE > fsc(p))
		return complain(p, "frame longer than the card takes");
	if (cur_u8(&c, &pcb) < 0)
		return complain(p, "empty frame");
	if (!(pcb & 0x08) != !p->cid || (p->cid && (cur_u8(&c, &cid) < 0 || cid != p->cid)))
		return complain(p, "block with a CID that is not the card's");
	pcb &= ~0x08;
	if ((pcb & 0xEE) == 0x02 && p->wtx_left)
		return complain(p, "I-block while the card asks for time");
	if ((pcb & 0xEE) == 0x02)
		return i_block(p, pcb, c, ret);
	if ((pcb & 0xEE) == 0xA2 && !c.left)
		return r_block(p, pcb, ret);
	if ((pcb & 0xCF) == 0xC2)
		return s_block(p, pcb, c, ret);
	return complain(p, "PCB that does not exist");
}

/* ---- faults ---- */

static struct fault fault_of_frame(struct picc *p)
{
	for (size_t i = 0; i < FAULTS_MAX; i++) {
		struct fault f = p->faults[i];

		if (f.fault != PICC_FINE && f.at == p->blocks) {
			p->faults[i].fault = PICC_FINE;
			return f;
		}
	}
	return (struct fault){ .fault = PICC_FINE };
}

static void nonsense(const struct picc *p, unsigned which, struct fuda_buf *ret)
{
	uint8_t b = p->block;
	const struct {
		uint8_t len, bytes[4];
	} table[PICC_NONSENSES] = {
		{ 0, { 0 } },
		{ 1, { 0xC2 } },		    /* takes leave unasked */
		{ 1, { 0xF2 } },		    /* WTX without WTXM */
		{ 3, { 0xF2, 0x01, 0x01 } },	    /* and with two */
		{ 1, { 0xB2 | b } },		    /* cards have no R(NAK) */
		{ 1, { 0xB2 | (b ^ 1) } },
		{ 2, { 0xA2 | b, 0x00 } },	    /* R(ACK) with INF */
		{ 1, { 0xA0 | b } },		    /* reserved bits */
		{ 3, { b, 0x90, 0x00 } },
		{ 3, { 0x22 | b, 0x90, 0x00 } },
		{ 3, { 0x42 | b, 0x90, 0x00 } },
		{ 2, { 0xD2, 0x00 } },
		{ 4, { 0x0A | b, 0x00, 0x90, 0x00 } }, /* CID */
		{ 4, { 0x06 | b, 0x00, 0x90, 0x00 } }, /* NAD */
		{ 4, { 0x0A | b, 0x07, 0x90, 0x00 } }, /* another card's */
		{ 1, { 0xA2 | (b ^ 1) } },	    /* "I did not get it", unasked */
	};

	if (fuda_buf_set(ret, table[which % PICC_NONSENSES].bytes, table[which % PICC_NONSENSES].len) < 0)
		abort();
}

static enum picc_said not_there(struct picc *p, enum picc_fault fault)
{
	end_protocol(p, IDLE);
	p->gone = fault == PICC_GONE;
	new_id(p);
	return PICC_SILENT;
}

/* What is heard of `answer`, the true one, which is changed into that. */
static enum picc_said spoil(struct picc *p, struct fault f, const struct fuda_buf *before, struct fuda_buf *answer)
{
	uint8_t inf = 0;

	switch (f.fault) {
	case PICC_LOSE_ANSWER:
		fuda_buf_clear(answer);
		return PICC_SILENT;
	case PICC_GARBLE_ANSWER:
		answer->data[answer->len / 2] ^= 0x10;
		return PICC_DAMAGED;
	case PICC_REPEAT_ANSWER:
		if (fuda_buf_set(answer, before->data, before->len) < 0)
			abort();
		break;
	case PICC_WRONG_BLOCK:
		answer->data[0] ^= 1;
		break;
	case PICC_NONSENSE:
		nonsense(p, f.count, answer);
		break;
	case PICC_WTX_BAD:
		inf = (uint8_t)(f.count & 0x3F);
		make_block(p, 0xF2, &inf, 1, answer);
		break;
	default:
		break;
	}
	return PICC_ANSWERED;
}

/* Holds the answer back. A request for time takes the place of an I-block or R(ACK) (rule 9), not of another. */
static void delay(struct picc *p, struct fault f, struct fuda_buf *answer)
{
	if (p->wtx_left || (answer->data[0] & 0xC0) == 0xC0)
		return;
	if (fuda_buf_set(&p->held, answer->data, answer->len) < 0)
		abort();
	p->wtx_left = f.fault == PICC_WTX ? f.count : (unsigned long)-1;
	p->wtxm = WTXM;
	ask_for_time(p, answer);
}

static enum picc_said protocol(struct picc *p, struct cursor c, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(FRAME_MAX), before = FUDA_BUF_INIT(FRAME_MAX);
	bool deselect = c.left == (p->cid ? 2 : 1) && (c.p[0] & ~0x08) == 0xC2;
	enum picc_said said;
	struct fault f;

	p->blocks++;
	p->took_us = fwt_us(p) / 2;
	f = fault_of_frame(p);
	if (f.fault == PICC_GONE || f.fault == PICC_SWAP)
		return not_there(p, f.fault);
	if (f.fault == PICC_LOSE_COMMAND || p->mute)
		return PICC_SILENT;
	if (f.fault == PICC_TOO_MUCH) {
		p->endless = true;
		p->endless_piece = f.count;
	}
	said = block(p, c, &answer);
	if (said != PICC_ANSWERED)
		return said;
	if ((f.fault == PICC_WTX && f.count) || f.fault == PICC_WTX_FOREVER)
		delay(p, f, &answer);
	if (fuda_buf_set(&before, p->said.data, p->said.len) < 0 ||
	    fuda_buf_set(&p->said, answer.data, answer.len) < 0)
		abort();
	said = spoil(p, f, &before, &answer);
	if (fuda_buf_append(ret, answer.data, answer.len) < 0)
		abort();
	if (deselect)
		end_protocol(p, HALT);
	return said;
}

enum picc_said picc_frame(struct picc *p, bool type_a, const uint8_t *frame, size_t len, unsigned bits,
			  struct fuda_buf *ret_answer)
{
	p->took_us = 0;
	if ((!p->card && !p->run) || !p->field || p->gone || type_a != p->set.type_a)
		return PICC_SILENT;
	if (p->state == PROTOCOL)
		return protocol(p, cur_of(frame, len), ret_answer);
	if (type_a)
		return activation_a(p, frame, len, bits, ret_answer);
	return activation_b(p, cur_of(frame, len), ret_answer);
}
