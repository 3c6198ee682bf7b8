/* SPDX-License-Identifier: Apache-2.0 */
/* Power, protocol and parameters of a card in a CCID reader. */
#include "drivers/ccid.h"

#include <string.h>

#include "base/cursor.h"

enum {
	PPSS = 0xFF, /* ISO/IEC 7816-3 9.2 */
	PPS0_HAS_PPS1 = 0x10,
	PPS_SIZE = 4,
	CLASS_A = 1,
	CLASS_B = 2,
	CLASS_C = 4,
	MUTE = 0xFE, /* bError */
	PARITY = 0xFD,
	OVERRUN = 0xFC,
};

/* ---- power ---- */

/* bPowerSelect, 6.1.1, where the reader does not choose. 5 V first, as libccid has it; that a card
 * of class B or C alone comes to no harm by it is from memory of ISO/IEC 7816-3 and unconfirmed. */
static const struct {
	uint8_t select, class;
} voltages[] = { { 1, CLASS_A }, { 2, CLASS_B }, { 3, CLASS_C } };

static int power(struct ccid_slot *s, enum ccid_type type, uint8_t select, struct fuda_deadline *dl,
		 struct ccid_answer *ret)
{
	const struct ccid_command command = { .type = type,
					      .slot = s->number,
					      .specific = { select } };

	return ccid_exchange(s->reader, s->ctx, &command, dl, ret);
}

int ccid_power_off(struct ccid_slot *s, struct fuda_deadline *dl)
{
	_cleanup_answer_ struct ccid_answer answer = CCID_ANSWER_INIT;
	int e = power(s, CCID_POWER_OFF, 0, dl, &answer);

	/* what is not there has no power either */
	if (e == 0 && answer.failed && answer.card == CCID_ACTIVE)
		e = ccid_failure(s->ctx, &answer);
	s->lost = e < 0; /* closing tries again, and no command goes there before */
	if (e == 0)
		s->powered = false;
	return e;
}

static int no_card(struct ccid_slot *s)
{
	return ctx_fail(s->ctx, FUDA_ENOCARD,
			_("There is no card in the reader. Insert it, or lay it on the reader."));
}

static int take_atr(struct ccid_slot *s, const struct fuda_buf *atr)
{
	if (atr->len < 2 || atr->len > sizeof(s->atr))
		return ctx_fail(s->ctx, FUDA_EMUTE,
				_("What the card answers to reset makes no sense. Check that it is "
				  "the right way round, and try again."));
	memcpy(s->atr, atr->data, atr->len);
	s->atr_len = atr->len;
	s->atr_known = atr_parse(s->atr, s->atr_len, &s->card) == 0;
	return 0;
}

/* Resets it at the voltages that the reader knows until it answers. */
static int reset(struct ccid_slot *s, struct fuda_deadline *dl)
{
	const struct ccid_class *class = ccid_class(s->reader);
	bool chosen = (class->features & CCID_AUTO_VOLTAGE) || !class->voltages;
	_cleanup_answer_ struct ccid_answer answer = CCID_ANSWER_INIT;
	int e = 0;

	for (size_t i = 0; i < ARRAY_SIZE(voltages); i++) {
		if (!chosen && !(class->voltages & voltages[i].class))
			continue;
		e = power(s, CCID_POWER_ON, chosen ? 0 : voltages[i].select, dl, &answer);
		if (e < 0)
			return e;
		if (!answer.failed)
			return take_atr(s, &answer.data);
		if (answer.card == CCID_ABSENT)
			return no_card(s);
		e = ccid_failure(s->ctx, &answer);
		if (chosen)
			break;
		/* 6.2.4: off before the next voltage */
		if (power(s, CCID_POWER_OFF, 0, dl, &answer) < 0)
			break;
	}
	return e;
}

/* ---- protocol ---- */

struct agreement {
	int protocol;
	uint8_t fd;
	bool pps; /* it has to be asked for */
};

static bool usable_rate(const struct ccid_slot *s, uint8_t fd)
{
	return ccid_has_rate(s->reader, atr_rate(fd, ccid_class(s->reader)->clock));
}

/* T=1 where there is a choice: it takes any APDU. Without `may_ask` what holds after reset. */
static int choose(struct ccid_slot *s, bool may_ask, struct agreement *ret)
{
	const struct ccid_class *class = ccid_class(s->reader);
	const struct atr *card = &s->card;
	bool fixed = card->specific || !may_ask;
	uint8_t offered = fixed ? (uint8_t)(card->first < 2 ? 1 << card->first : 0)
				: card->protocols;
	struct agreement a = { .fd = ATR_FD_DEFAULT };

	offered &= class->protocols;
	if (!offered)
		return ctx_fail(s->ctx, FUDA_EMUTE,
				_("The reader and the card have no protocol in common."));
	a.protocol = offered & ATR_T1 ? 1 : 0;
	if (card->specific && !card->implicit)
		a.fd = card->fd;
	else if (!fixed && usable_rate(s, card->fd))
		a.fd = card->fd;
	a.pps = !fixed && !(class->features & CCID_AUTO_PPS) &&
		(a.fd != ATR_FD_DEFAULT || a.protocol != card->first);
	*ret = a;
	return 0;
}

/* ISO/IEC 7816-3 9.3: the answer is the request. 1 if it is not. */
static int ask_pps(struct ccid_slot *s, const struct agreement *a, struct fuda_deadline *dl)
{
	uint8_t pps[PPS_SIZE] = { PPSS, (uint8_t)(PPS0_HAS_PPS1 | a->protocol), a->fd };
	_cleanup_answer_ struct ccid_answer answer = CCID_ANSWER_INIT;
	int e;

	pps[3] = pps[0] ^ pps[1] ^ pps[2];
	e = ccid_transfer(s, pps, sizeof(pps), 0, 0, dl, &answer);
	if (e < 0)
		return e;
	return answer.failed || answer.data.len != sizeof(pps) ||
	       memcmp(answer.data.data, pps, sizeof(pps)) != 0;
}

/* 6.1.7, tables 6.1-7 and 6.1-8 */
static size_t build_parameters(const struct ccid_slot *s, const struct agreement *a, uint8_t ret[7])
{
	const struct atr *card = &s->card;
	uint8_t convention = card->inverse ? 2 : 0;

	ret[0] = a->fd;
	ret[1] = a->protocol == 1 ? 0x10 | convention | (card->crc ? 1 : 0) : convention;
	ret[2] = card->guard;
	ret[3] = a->protocol == 1 ? card->bwi_cwi : card->waiting;
	ret[4] = 0; /* the clock is not stopped */
	ret[5] = card->ifsc;
	ret[6] = 0; /* NAD */
	return a->protocol == 1 ? 7 : 5;
}

static int set_parameters(struct ccid_slot *s, const struct agreement *a, struct fuda_deadline *dl)
{
	uint8_t bytes[7];
	const struct ccid_command command = { .type = CCID_SET_PARAMETERS,
					      .slot = s->number,
					      .specific = { (uint8_t)a->protocol },
					      .data = bytes,
					      .len = build_parameters(s, a, bytes) };
	_cleanup_answer_ struct ccid_answer answer = CCID_ANSWER_INIT;
	int e = ccid_exchange(s->reader, s->ctx, &command, dl, &answer);

	if (e < 0)
		return e;
	/* a reader that sets them by itself need not know how to be told */
	if (answer.failed && answer.error == 0 &&
	    (ccid_class(s->reader)->features & CCID_AUTO_PARAMETERS))
		return 0;
	return answer.failed ? ccid_failure(s->ctx, &answer) : 0;
}

/* ---- T=1 ---- */

int ccid_block_failure(struct ccid_slot *s, const struct ccid_answer *a)
{
	int e;

	if (a->card != CCID_ABSENT) {
		if (a->error == MUTE)
			return FUDA_EMUTE;
		if (a->error == PARITY || a->error == OVERRUN)
			return FUDA_EFORMAT;
	}
	e = ccid_failure(s->ctx, a); /* no other error is one of the block */
	return e == FUDA_EMUTE ? FUDA_ETRANSPORT : e;
}

static int carry(void *arg, const uint8_t *block, size_t len, uint8_t multiplier,
		 struct fuda_deadline *dl, struct fuda_buf *ret)
{
	struct ccid_slot *s = arg;
	_cleanup_answer_ struct ccid_answer answer = CCID_ANSWER_INIT;
	int e = ccid_transfer(s, block, len, multiplier > 1 ? multiplier : 0, 0, dl, &answer);

	if (e < 0)
		return e;
	if (answer.failed)
		return ccid_block_failure(s, &answer);
	return fuda_buf_append(ret, answer.data.data, answer.data.len) < 0 ? FUDA_EFORMAT : 0;
}

struct t1_link ccid_link(struct ccid_slot *s)
{
	return (struct t1_link){ .arg = s, .exchange = carry };
}

static void start_t1(struct ccid_slot *s)
{
	const struct ccid_class *class = ccid_class(s->reader);
	const struct t1_link link = ccid_link(s);
	size_t room = class->message_max - CCID_HEADER - (T1_BLOCK_MAX - T1_INF_MAX);
	bool told = s->auto_ifsd || class->no_ifsd;

	t1_start(&s->t1, s->ctx, &link, MIN(s->card.ifsc, room),
		 told ? T1_IFS_START : MIN(class->ifsd, room), s->card.crc);
}

/* ---- all of it ---- */

/* After reset. 1: the card refuses PPS, and has to be reset again. */
static int agree(struct ccid_slot *s, bool may_ask, struct fuda_deadline *dl)
{
	const struct ccid_class *class = ccid_class(s->reader);
	struct agreement a = { 0 };
	int e;

	/* Between a contactless card and its reader there is nothing to be agreed, nor is there
	 * where the reader does all of it. What is no ATR does not matter then. */
	if (s->level != CCID_TPDU && (!s->atr_known || (class->features & CCID_AUTO_NEGOTIATION)))
		return 0;
	if (!s->atr_known)
		return ctx_fail(s->ctx, FUDA_EMUTE,
				_("What the card answers to reset makes no sense. Check that it is "
				  "the right way round, and try again."));
	e = choose(s, may_ask, &a);
	if (e == 0 && !(class->features & CCID_AUTO_NEGOTIATION)) {
		e = a.pps ? ask_pps(s, &a, dl) : 0;
		if (e == 0)
			e = set_parameters(s, &a, dl);
	}
	if (e == 0)
		s->protocol = a.protocol;
	return e;
}

int ccid_power_on(struct ccid_slot *s, bool cold, struct fuda_deadline *dl)
{
	int e = cold ? ccid_power_off(s, dl) : 0;

	s->powered = false;
	s->lost = true; /* until all is agreed */
	if (e == 0)
		e = reset(s, dl);
	if (e == 0)
		e = agree(s, true, dl);
	if (e > 0) { /* 9.1: a card that refuses PPS has to be reset */
		e = ccid_power_off(s, dl);
		if (e == 0)
			e = reset(s, dl);
		if (e == 0)
			e = agree(s, false, dl);
	}
	if (e < 0)
		return e;
	if (s->level == CCID_TPDU && s->protocol == 1)
		start_t1(s);
	s->powered = true;
	s->lost = false;
	return 0;
}
