/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/contactless.h"

#include <string.h>
#include "base/cursor.h"
#include "base/util.h"

enum {
	ATQB_START = 0x50,
	ATTRIB_START = 0x1D,
	RATS_START = 0xE0,

	FSDI_256 = 8, /* CONTACTLESS_FSD */
	FSDI_128 = 7,
	/* A, of an ATS without T0 or TB1: from memory of the standard, in no fact of readers.md;
	 * no card was seen that leaves them out. */
	FSCI_DEFAULT = 2,
	FWI_DEFAULT = 4,
	TIME_CODE_RFU = 15, /* of FWI and SFGI */

	HAS_TA = 0x10, /* in T0 */
	HAS_TB = 0x20,
	HAS_TC = 0x40,
	NAD_B = 0x02, /* FO, in the third byte of protocol info */
	CID_B = 0x01,
	NAD_A = 0x01, /* in TC1 */
	CID_A = 0x02,
};

static size_t frame_size(unsigned code)
{
	static const uint16_t sizes[] = { 16, 24, 32, 40, 48, 64, 96, 128, 256 };

	/* larger ones came with later editions; we do not send what they allow */
	return sizes[MIN(code, ARRAY_SIZE(sizes) - 1)];
}

/* 4096/fc * 2^code and the tolerance of 49152/fc, in microseconds rounded up; fc is 13.56 MHz. */
static uint32_t frame_time_us(unsigned code)
{
	uint32_t periods = (4096U << code) + 49152;

	return (periods * 100ULL + 1355) / 1356;
}

static void take_times(struct contactless *c, unsigned fwi, unsigned sfgi)
{
	c->fwt_us = frame_time_us(fwi == TIME_CODE_RFU ? FWI_DEFAULT : fwi);
	c->sfgt_us = sfgi == 0 || sfgi == TIME_CODE_RFU ? 0 : frame_time_us(sfgi);
}

int contactless_parse_atqb(const uint8_t *atqb, size_t len, struct contactless *ret)
{
	struct cursor c = cur_of(atqb, len);
	struct contactless card = { 0 };
	uint8_t start, extended = 0;

	if (cur_u8(&c, &start) < 0 || start != ATQB_START ||
	    cur_copy(&c, card.pupi, sizeof(card.pupi)) < 0 ||
	    cur_copy(&c, card.application, sizeof(card.application)) < 0 ||
	    cur_copy(&c, card.protocol, sizeof(card.protocol)) < 0)
		return FUDA_EFORMAT;
	if (c.left && cur_u8(&c, &extended) < 0)
		return FUDA_EFORMAT;
	if (c.left)
		return FUDA_EFORMAT;
	card.fsc = frame_size(card.protocol[1] >> 4);
	card.iso14443_4 = card.protocol[1] & 1;
	/* That SFGI is the high half of the thirteenth byte, as it is the low one of TB1, is from
	 * memory of the standard and unconfirmed: if wrong, we wait in vain before the first
	 * command. */
	take_times(&card, card.protocol[2] >> 4, extended >> 4);
	card.nad = card.protocol[2] & NAD_B;
	card.cid = card.protocol[2] & CID_B;
	*ret = card;
	return 0;
}

void contactless_attrib(const struct contactless *c, bool small, uint8_t ret[ATTRIB_SIZE])
{
	const uint8_t attrib[ATTRIB_SIZE] = {
		ATTRIB_START, c->pupi[0], c->pupi[1], c->pupi[2], c->pupi[3],
		0x00,			     /* TR0, TR1, SOF, EOF as they are */
		small ? FSDI_128 : FSDI_256, /* 106 kbit/s both ways */
		0x01,			     /* ISO/IEC 14443-4 */
		0x00,			     /* CID */
	};

	memcpy(ret, attrib, sizeof(attrib));
}

int contactless_parse_attrib(const uint8_t *answer, size_t len, struct contactless *c)
{
	struct cursor cur = cur_of(answer, len);
	uint8_t first;

	/* what follows is a higher layer's response, for which nobody asked */
	if (cur_u8(&cur, &first) < 0 || (first & 0x0F) != 0)
		return FUDA_EFORMAT;
	c->mbli = first >> 4;
	return 0;
}

void contactless_rats(bool small, uint8_t ret[RATS_SIZE])
{
	ret[0] = RATS_START;
	ret[1] = (uint8_t)((small ? FSDI_128 : FSDI_256) << 4); /* CID 0 */
}

/* The bytes T0 to TC1 of which each may be missing (ISO/IEC 14443-4 5.2). */
static int take_format(struct cursor *c, struct contactless *card)
{
	uint8_t t0 = FSCI_DEFAULT, ta, tb = FWI_DEFAULT << 4, tc = CID_A;

	if (c->left && cur_u8(c, &t0) < 0)
		return FUDA_EFORMAT;
	if (((t0 & HAS_TA) && cur_u8(c, &ta) < 0) || ((t0 & HAS_TB) && cur_u8(c, &tb) < 0) ||
	    ((t0 & HAS_TC) && cur_u8(c, &tc) < 0))
		return FUDA_EFORMAT;
	card->fsc = frame_size(t0 & 0x0F);
	take_times(card, tb >> 4, tb & 0x0F);
	card->nad = tc & NAD_A;
	card->cid = tc & CID_A;
	return 0;
}

int contactless_parse_ats(const uint8_t *ats, size_t len, struct contactless *ret)
{
	struct contactless card = { .type_a = true, .iso14443_4 = true };
	struct cursor c = cur_of(ats, len);
	uint8_t tl;

	if (cur_u8(&c, &tl) < 0 || tl != len || take_format(&c, &card) < 0)
		return FUDA_EFORMAT;
	/* An ATS may have more of them, an ATR cannot. */
	card.historical_len = MIN(c.left, sizeof(card.historical));
	if (cur_copy(&c, card.historical, card.historical_len) < 0)
		return FUDA_EFORMAT;
	*ret = card;
	return 0;
}

/* PC/SC part 3, 3.1.3.2.3.1 */
size_t contactless_atr(const struct contactless *c, uint8_t ret[FUDA_ATR_MAX])
{
	uint8_t b[8];
	const uint8_t *historical = c->type_a ? c->historical : b;
	size_t n = c->type_a ? c->historical_len : sizeof(b);
	uint8_t check = 0;

	memcpy(b, c->application, 4);
	memcpy(b + 4, c->protocol, 3);
	b[7] = (uint8_t)(c->mbli << 4);
	ret[0] = 0x3B;
	ret[1] = (uint8_t)(0x80 | n);
	ret[2] = 0x80;
	ret[3] = 0x01;
	memcpy(ret + 4, historical, n);
	for (size_t i = 1; i < 4 + n; i++)
		check ^= ret[i];
	ret[4 + n] = check;
	return 4 + n + 1;
}
