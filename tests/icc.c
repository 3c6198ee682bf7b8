/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/icc.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "codec/apdu.h"

enum { IFS_START = 32, BLOCK_MAX = 3 + 254 + 2, WTX = 3, S_IFS_REQUEST = 0xC1, S_WTX_REQUEST = 0xC3 };

struct icc {
	struct icc_settings set;
	struct vcard *card;
	const char *complaint;
	bool mute, chosen_t1, spoken_to;
	/* T=1 */
	uint8_t nr, ns; /* expected of the reader; of our block that is to come or on its way */
	bool sending;	/* our block `ns` is on its way */
	size_t ifsc, ifsd;
	struct fuda_buf command, response;
	size_t sent;	      /* bytes of the response before the piece on its way */
	size_t piece;	      /* bytes of that */
	uint8_t last[BLOCK_MAX]; /* what we said last */
	size_t last_len;
	uint8_t asked;	      /* our S-block that waits for an answer, or 0 */
	unsigned waits;	      /* times that we will still ask for */
	bool wait_forever, endless, aborted, wrong_number;
	unsigned granted;     /* multiplier due for the next answer */
	struct fuda_buf held; /* what we say when that is over */
	/* T=0 */
	struct fuda_buf rest; /* for GET RESPONSE */
	uint8_t t0_sw[2];
	/* faults */
	enum icc_fault fault;
	unsigned fault_in, fault_count;
	unsigned long blocks, repeats;
};

static void complain(struct icc *c, const char *what)
{
	if (!c->complaint)
		c->complaint = what;
}

/* ---- blocks ---- */

/* Written anew, so that a mistake of the reader's side is not made on both. */
static size_t edc_of(const struct icc *c, const uint8_t *p, size_t len, uint8_t ret[2])
{
	unsigned sum = 0xFFFF;

	ret[0] = 0;
	if (!c->set.crc) {
		for (size_t i = 0; i < len; i++)
			ret[0] ^= p[i];
		return 1;
	}
	for (size_t i = 0; i < len * 8; i++) {
		unsigned bit = (p[i / 8] >> (i % 8) ^ sum) & 1;

		sum = sum >> 1 ^ (bit ? 0x8408u : 0);
	}
	ret[0] = (uint8_t)(sum >> 8);
	ret[1] = (uint8_t)sum;
	return 2;
}

static void say(struct icc *c, uint8_t pcb, const uint8_t *inf, size_t len, struct fuda_buf *ret)
{
	uint8_t b[BLOCK_MAX] = { 0, pcb, (uint8_t)len };

	if (len)
		memcpy(b + 3, inf, len);
	fuda_buf_clear(ret);
	fuda_buf_append(ret, b, 3 + len + edc_of(c, b, 3 + len, b + 3 + len));
}

static void say_r(struct icc *c, int error, struct fuda_buf *ret)
{
	say(c, (uint8_t)(0x80 | c->nr << 4 | error), NULL, 0, ret);
}

/* The piece of the response from c->sent on. */
static void say_i(struct icc *c, struct fuda_buf *ret)
{
	uint8_t number = c->wrong_number ? c->ns ^ 1 : c->ns;
	bool more;

	c->piece = MIN(c->response.len - c->sent, c->ifsd);
	more = c->endless || c->sent + c->piece < c->response.len;
	c->sending = true;
	say(c, (uint8_t)(number << 6 | (more ? 0x20 : 0)), c->response.data + c->sent, c->piece, ret);
	c->wrong_number = false;
}

static void begin(struct icc *c)
{
	c->nr = c->ns = 0;
	c->sending = c->endless = c->wait_forever = c->aborted = c->wrong_number = false;
	c->ifsc = c->set.ifsc ? c->set.ifsc : 254;
	c->ifsd = IFS_START;
	c->asked = 0;
	c->waits = c->granted = 0;
	c->last_len = c->sent = c->piece = 0;
	fuda_buf_clear(&c->command);
	fuda_buf_clear(&c->response);
}

/* ---- what the reader says ---- */

/* false: not heard */
static bool carry_out(struct icc *c)
{
	fuda_buf_clear(&c->response);
	if (vcard_transmit(c->card, c->command.data, c->command.len, &c->response) < 0)
		c->mute = true;
	fuda_buf_clear(&c->command);
	c->sent = 0;
	c->endless = c->fault == ICC_TOO_MUCH && !c->fault_in;
	if (c->endless)
		c->fault = ICC_FINE;
	return !c->mute;
}

static bool hear_i(struct icc *c, const uint8_t *b, struct fuda_buf *ret)
{
	if (b[1] & 0x1F)
		complain(c, "I-block with reserved bits");
	if (b[2] > c->ifsc)
		complain(c, "I-block over IFSC");
	if ((b[1] >> 6 & 1) != c->nr) {
		c->repeats++;
		complain(c, "I-block that came before");
		say_r(c, 2, ret);
		return true;
	}
	if (c->sending && (c->endless || c->sent + c->piece < c->response.len))
		complain(c, "I-block within our chain");
	if (c->sending) { /* it acknowledges ours */
		c->ns ^= 1;
		c->sending = false;
	}
	c->nr ^= 1;
	fuda_buf_append(&c->command, b + 3, b[2]);
	if (b[1] & 0x20) {
		say_r(c, 0, ret);
		return true;
	}
	if (!carry_out(c))
		return false;
	say_i(c, ret);
	return true;
}

static void hear_r(struct icc *c, const uint8_t *b, struct fuda_buf *ret)
{
	bool same = (b[1] >> 4 & 1) == c->ns;

	if ((b[1] & 0x20) || b[2])
		complain(c, "R-block with reserved bits or INF");
	if (c->asked) { /* ours was not understood */
		fuda_buf_set(ret, c->last, c->last_len);
	} else if (c->sending && same) {
		say_i(c, ret);
	} else if (c->sending && !same && (c->endless || c->sent + c->piece < c->response.len)) {
		if (c->sent + 2 * c->piece <= c->response.len || !c->endless)
			c->sent += c->piece;
		c->ns ^= 1;
		say_i(c, ret);
	} else {
		say_r(c, 0, ret);
	}
}

/* The answer that waited, or the next wish for time. */
static void go_on(struct icc *c, struct fuda_buf *ret)
{
	static const uint8_t times = WTX;

	if (c->waits || c->wait_forever) {
		if (c->waits)
			c->waits--;
		c->asked = S_WTX_REQUEST;
		say(c, S_WTX_REQUEST, &times, 1, ret);
		return;
	}
	fuda_buf_set(ret, c->held.data, c->held.len);
}

static void hear_s_response(struct icc *c, const uint8_t *b, unsigned multiplier, struct fuda_buf *ret)
{
	if (!c->asked || b[1] != (c->asked | 0x20) || b[2] != c->last[2] ||
	    (b[2] && b[3] != c->last[3]))
		complain(c, "S-response to nothing");
	if (c->asked == S_WTX_REQUEST && multiplier != WTX)
		complain(c, "time asked for and not granted");
	c->asked = 0;
	if (c->aborted) {
		c->aborted = false;
		say_r(c, 0, ret);
		return;
	}
	go_on(c, ret);
}

static void hear_s(struct icc *c, const uint8_t *b, unsigned multiplier, struct fuda_buf *ret)
{
	switch (b[1]) {
	case 0xC0: /* RESYNCH */
		begin(c);
		say(c, 0xE0, NULL, 0, ret);
		return;
	case 0xC1:
		if (b[2] != 1 || b[3] == 0 || b[3] == 0xFF) {
			complain(c, "IFSD that is none");
			say_r(c, 2, ret);
			return;
		}
		c->ifsd = b[3];
		say(c, 0xE1, b + 3, 1, ret);
		return;
	case 0xE1:
	case 0xE2:
	case 0xE3:
		hear_s_response(c, b, multiplier, ret);
		return;
	default:
		complain(c, "S-block that a reader does not send");
		say_r(c, 2, ret);
	}
}

/* ---- what may go wrong ---- */

static void ask(struct icc *c, uint8_t pcb, uint8_t value, size_t len, struct fuda_buf *ret)
{
	fuda_buf_set(&c->held, ret->data, ret->len);
	c->asked = pcb;
	say(c, pcb, &value, len, ret);
}

/* Blocks with right EDC that have no place as an answer to an I-block. */
static void say_nonsense(struct icc *c, unsigned which, struct fuda_buf *ret)
{
	static const struct {
		uint8_t bytes[5];
		size_t len;
	} all[ICC_NONSENSES] = {
		{ { 0, 0xC0, 0 }, 3 },		/* RESYNCH is the reader's */
		{ { 0, 0xE0, 0 }, 3 },		/* responses to nothing */
		{ { 0, 0xE1, 1, 32 }, 4 },
		{ { 0, 0xE3, 1, 1 }, 4 },
		{ { 0, 0xC4, 0 }, 3 },		/* VPP, of the past */
		{ { 0, 0xC3, 0 }, 3 },		/* WTX without times */
		{ { 0, 0xC3, 1, 0 }, 4 },
		{ { 0, 0xC1, 1, 0 }, 4 },	/* IFS that are none */
		{ { 0, 0xC1, 1, 255 }, 4 },
		{ { 0, 0xA0, 0 }, 3 },		/* reserved bits */
		{ { 0, 0x01, 2, 0x90, 0 }, 5 },
		{ { 0, 0x80, 1, 0 }, 4 },	/* R with INF */
		{ { 0x12, 0x00, 2, 0x90, 0 }, 5 }, /* NAD */
		{ { 0, 0x00, 5, 0x90, 0 }, 5 }, /* LEN too large, too small */
		{ { 0, 0x00, 1, 0x90, 0 }, 5 },
	};
	uint8_t edc[2];
	size_t n;

	fuda_buf_set(ret, all[which].bytes, all[which].len);
	n = edc_of(c, ret->data, ret->len, edc);
	fuda_buf_append(ret, edc, n);
}

/* Has the answer in `ret`, as it should be. */
static enum icc_said break_answer(struct icc *c, enum icc_fault fault, struct fuda_buf *ret)
{
	switch (fault) {
	case ICC_LOSE_ANSWER:
		return ICC_SILENT;
	case ICC_DAMAGE_ANSWER:
		return ICC_DAMAGED;
	case ICC_BAD_EDC:
		ret->data[ret->len - 1] ^= 0x01;
		break;
	case ICC_WTX_FOREVER:
	case ICC_WTX:
		fuda_buf_set(&c->held, ret->data, ret->len);
		c->waits = c->fault_count;
		c->wait_forever = fault == ICC_WTX_FOREVER;
		go_on(c, ret);
		break;
	case ICC_IFS:
		c->ifsc = c->fault_count;
		ask(c, S_IFS_REQUEST, (uint8_t)c->ifsc, 1, ret);
		break;
	case ICC_ABORT:
		c->aborted = true;
		ask(c, 0xC2, 0, 0, ret);
		break;
	case ICC_NONSENSE:
		say_nonsense(c, c->fault_count, ret);
		break;
	default:
		break;
	}
	return ICC_ANSWERED;
}

static enum icc_fault next_fault(struct icc *c)
{
	if (!c->fault_in || --c->fault_in)
		return ICC_FINE;
	return c->fault;
}

static bool understood(struct icc *c, const uint8_t *b, size_t len)
{
	uint8_t edc[2];
	size_t n;

	if (len < 4 || len < 3u + b[2])
		return false;
	n = edc_of(c, b, 3 + b[2], edc);
	return len == 3 + b[2] + n && memcmp(b + 3 + b[2], edc, n) == 0 && b[0] == 0 && b[2] != 0xFF;
}

static enum icc_said hear_block(struct icc *c, const uint8_t *b, size_t len, unsigned multiplier, struct fuda_buf *ret)
{
	enum icc_fault fault = next_fault(c);
	bool said = true;
	enum icc_said how;

	if (fault == ICC_MUTE)
		c->mute = true;
	if (fault == ICC_LOSE_BLOCK || c->mute)
		return ICC_SILENT;
	if (fault == ICC_REPEAT_ANSWER && c->last_len) {
		fuda_buf_set(ret, c->last, c->last_len);
		return ICC_ANSWERED;
	}
	if (fault == ICC_DAMAGE_BLOCK) {
		say_r(c, 1, ret);
		return ICC_ANSWERED;
	}
	c->wrong_number = fault == ICC_WRONG_NUMBER;
	if (!understood(c, b, len)) {
		complain(c, "a block that is none");
		say_r(c, 1, ret);
	} else if (!(b[1] & 0x80)) {
		said = hear_i(c, b, ret);
	} else if ((b[1] & 0xC0) == 0x80) {
		hear_r(c, b, ret);
	} else {
		hear_s(c, b, multiplier, ret);
	}
	if (!said)
		return ICC_SILENT;
	how = break_answer(c, fault, ret);
	if (how != ICC_ANSWERED || fault != ICC_BAD_EDC) {
		c->last_len = MIN(ret->len, sizeof(c->last));
		memcpy(c->last, ret->data, c->last_len);
	}
	return how;
}

/* ---- T=0 ---- */

enum { INS_VERIFY = 0x20 };

/* Commands that answer data though the TPDU cannot say how much is wanted. */
static bool wants_le(uint8_t ins)
{
	return ins == 0x2A || ins == 0x88;
}

static void t0_sw(struct fuda_buf *ret, unsigned sw)
{
	const uint8_t bytes[] = { (uint8_t)(sw >> 8), (uint8_t)sw };

	fuda_buf_append(ret, bytes, 2);
}

static void t0_get_response(struct icc *c, uint8_t p3, struct fuda_buf *ret)
{
	size_t n = p3 ? p3 : 256u;

	if (n > c->rest.len) {
		complain(c, "GET RESPONSE for more than there is");
		t0_sw(ret, 0x6C00 | (c->rest.len & 0xFF));
		return;
	}
	fuda_buf_append(ret, c->rest.data, n);
	memmove(c->rest.data, c->rest.data + n, c->rest.len - n);
	c->rest.len -= n;
	if (c->rest.len)
		t0_sw(ret, 0x6100 | (unsigned)MIN(c->rest.len, 255u));
	else
		fuda_buf_append(ret, c->t0_sw, 2);
}

static enum icc_said hear_tpdu(struct icc *c, const uint8_t *b, size_t len, struct fuda_buf *ret)
{
	enum icc_fault fault = next_fault(c);
	struct fuda_buf command = FUDA_BUF_INIT(APDU_COMMAND_MAX), answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	int r;

	if (fault == ICC_MUTE)
		c->mute = true;
	if (fault == ICC_LOSE_BLOCK || c->mute)
		return ICC_SILENT;
	if (len < 5 || (len > 5 && len != 5u + b[4]))
		complain(c, "a TPDU that is none");
	if (fault == ICC_6C) {
		t0_sw(ret, 0x6C00 | c->fault_count);
		return ICC_ANSWERED;
	}
	if (b[1] == 0xC0 && c->rest.len) {
		t0_get_response(c, b[4], ret);
		return ICC_ANSWERED;
	}
	fuda_buf_clear(&c->rest);
	fuda_buf_append(&command, b, b[1] == INS_VERIFY && !b[4] ? 4 : len); /* P3 of a command without data or Le */
	if (len > 5 && wants_le(b[1]))
		fuda_buf_append(&command, "", 1);
	r = vcard_transmit(c->card, command.data, command.len, &answer);
	c->mute = r < 0;
	if (r == 0 && len > 5 && answer.len > 2) {
		memcpy(c->t0_sw, answer.data + answer.len - 2, 2);
		fuda_buf_set(&c->rest, answer.data, answer.len - 2);
		t0_sw(ret, 0x6100 | (unsigned)MIN(c->rest.len, 255u));
	} else if (r == 0) {
		fuda_buf_append(ret, answer.data, answer.len);
	}
	fuda_buf_free(&command);
	fuda_buf_free(&answer);
	return c->mute || fault == ICC_LOSE_ANSWER ? ICC_SILENT :
	       fault == ICC_DAMAGE_ANSWER	   ? ICC_DAMAGED :
						     ICC_ANSWERED;
}

/* ---- PPS ---- */

static enum icc_said hear_pps(struct icc *c, const uint8_t *b, size_t len, struct fuda_buf *ret)
{
	if (len != 4 || (b[0] ^ b[1] ^ b[2] ^ b[3]) || !(b[1] & 0x10) || (b[1] & 0x0F) > 1)
		complain(c, "a PPS that is none");
	if (c->set.refuses_pps) {
		c->mute = true;
		return ICC_SILENT;
	}
	c->chosen_t1 = (b[1] & 0x0F) == 1;
	fuda_buf_append(ret, b, len);
	return ICC_ANSWERED;
}

enum icc_said icc_say(struct icc *c, const uint8_t *bytes, size_t len, unsigned multiplier, struct fuda_buf *ret)
{
	bool first = !c->spoken_to;

	c->spoken_to = true;
	c->blocks++;
	if (!c->card || !vcard_powered(c->card) || c->mute)
		return ICC_SILENT;
	if (first && len && bytes[0] == 0xFF)
		return hear_pps(c, bytes, len, ret);
	return c->chosen_t1 ? hear_block(c, bytes, len, multiplier, ret) : hear_tpdu(c, bytes, len, ret);
}

bool icc_uses_t1(const struct icc *c)
{
	return c->chosen_t1;
}

enum icc_said icc_say_typed(struct icc *c, const uint8_t head[3], const uint8_t *inf, size_t len, struct fuda_buf *ret)
{
	uint8_t b[BLOCK_MAX];
	size_t n = 3 + len;

	if (len > 254)
		return ICC_SILENT;
	memcpy(b, head, 3);
	memcpy(b + 3, inf, len);
	n += edc_of(c, b, n, b + n);
	return icc_say(c, b, n, 1, ret);
}

/* ---- power ---- */

/* 3B, T0, TA1, TB1, TC1, TDs; T=1's own; TCK. */
static void build_atr(const struct icc *c, struct fuda_buf *ret)
{
	uint8_t a[33] = { 0x3B }, check = 0;
	size_t n = 2;

	a[1] = 0x80 | (c->set.fd ? 0x10 : 0);
	if (c->set.fd)
		a[n++] = c->set.fd;
	if (c->set.t0 || c->set.both)
		a[n++] = c->set.both ? 0x80 : 0x00; /* TD1: T=0 */
	else
		a[n++] = 0x81; /* TD1: T=1 */
	if (!c->set.t0) {
		a[n++] = (uint8_t)((c->set.crc ? 0x71 : 0x31)); /* TD2: T=1 */
		a[n++] = c->set.ifsc ? c->set.ifsc : 254;
		a[n++] = 0x45;
		if (c->set.crc)
			a[n++] = 0x01;
	}
	if (!c->set.t0) {
		for (size_t i = 1; i < n; i++)
			check ^= a[i];
		a[n++] = check;
	}
	fuda_buf_append(ret, a, n);
}

void icc_reset(struct icc *c, bool cold, struct fuda_buf *ret_atr)
{
	if (cold)
		vcard_power(c->card, false);
	if (vcard_powered(c->card))
		vcard_reset(c->card);
	vcard_power(c->card, true);
	begin(c);
	c->mute = c->spoken_to = false;
	c->chosen_t1 = !c->set.t0 && !c->set.both;
	c->blocks = 0;
	build_atr(c, ret_atr);
}

void icc_off(struct icc *c)
{
	if (c->card)
		vcard_power(c->card, false);
	begin(c);
}

struct icc *icc_new(const struct icc_settings *settings)
{
	struct icc *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	if (settings)
		c->set = *settings;
	c->command = FUDA_BUF_INIT(APDU_COMMAND_MAX);
	c->response = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	c->rest = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	c->held = FUDA_BUF_INIT(BLOCK_MAX);
	begin(c);
	return c;
}

void icc_free(struct icc **c)
{
	if (!*c)
		return;
	fuda_buf_free(&(*c)->command);
	fuda_buf_free(&(*c)->response);
	fuda_buf_free(&(*c)->rest);
	fuda_buf_free(&(*c)->held);
	free(*c);
	*c = NULL;
}

void icc_insert(struct icc *c, struct vcard *v)
{
	if (c->card)
		vcard_power(c->card, false);
	c->card = v;
	if (v)
		vcard_power(v, false);
	begin(c);
}

void icc_fault(struct icc *c, enum icc_fault fault, unsigned n, unsigned count)
{
	c->fault = fault;
	c->fault_in = n;
	c->fault_count = count;
}

const char *icc_complaint(const struct icc *c)
{
	return c->complaint;
}

unsigned long icc_blocks(const struct icc *c)
{
	return c->blocks;
}

unsigned long icc_repeats(const struct icc *c)
{
	return c->repeats;
}
