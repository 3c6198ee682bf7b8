/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/atr.h"

#include <fuda/reader.h>

#include "base/cursor.h"
#include "base/util.h"

enum {
	TS_DIRECT = 0x3B,
	TS_INVERSE = 0x3F,
	HAS_TA = 0x10,
	HAS_TB = 0x20,
	HAS_TC = 0x40,
	HAS_TD = 0x80,
	GLOBAL = 15, /* "T=15": interface bytes of no protocol, 8.2.3 */
	IMPLICIT = 0x10,
	IFSC_DEFAULT = 32,	/* 11.4.2 */
	BWI_CWI_DEFAULT = 0x4D, /* 11.4.3: BWI 4, CWI 13 */
	BWI_MAX = 9,
	WI_DEFAULT = 10, /* 10.2 */
};

/* Interface bytes TAi to TDi. */
struct level {
	int i;
	uint8_t present; /* HAS_... */
	uint8_t ta, tb, tc, td;
};

struct parser {
	struct cursor c;
	bool check;	/* TCK is there, 8.2.5 */
	bool seen_t1;	/* the first bytes of T=1 are the ones that hold, 11.4.1 */
	bool seen_global;
};

/* `presence` is T0 or the TD before. */
static int take_level(struct cursor *c, int i, uint8_t presence, struct level *ret)
{
	struct level l = { .i = i, .present = presence & 0xF0 };

	if (((presence & HAS_TA) && cur_u8(c, &l.ta) < 0) ||
	    ((presence & HAS_TB) && cur_u8(c, &l.tb) < 0) ||
	    ((presence & HAS_TC) && cur_u8(c, &l.tc) < 0) ||
	    ((presence & HAS_TD) && cur_u8(c, &l.td) < 0))
		return FUDA_EFORMAT;
	*ret = l;
	return 0;
}

static void apply_first(struct atr *a, const struct level *l)
{
	if (l->present & HAS_TA)
		a->fd = l->ta;
	if (l->present & HAS_TC)
		a->guard = l->tc;
}

static int apply_second(struct atr *a, const struct level *l)
{
	if (l->present & HAS_TA) {
		a->specific = true;
		a->implicit = l->ta & IMPLICIT;
		a->first = l->ta & 0x0F;
	}
	if (l->present & HAS_TC) {
		if (l->tc == 0) /* 10.2: reserved */
			return FUDA_EFORMAT;
		a->waiting = l->tc;
	}
	return 0;
}

static int apply_t1(struct atr *a, const struct level *l)
{
	if (l->present & HAS_TA) {
		if (l->ta == 0 || l->ta == 0xFF)
			return FUDA_EFORMAT;
		a->ifsc = l->ta;
	}
	if (l->present & HAS_TB) {
		if (l->tb >> 4 > BWI_MAX)
			return FUDA_EFORMAT;
		a->bwi_cwi = l->tb;
	}
	if (l->present & HAS_TC)
		a->crc = l->tc & 1;
	return 0;
}

/* Level 3 and up belong to the protocol that the TD before them names. */
static int apply_further(struct parser *p, struct atr *a, const struct level *l, uint8_t protocol)
{
	if (protocol == 1 && !p->seen_t1) {
		p->seen_t1 = true;
		return apply_t1(a, l);
	}
	if (protocol == GLOBAL && !p->seen_global) {
		p->seen_global = true;
		if (l->present & HAS_TA) /* 8.3: X of the clock stop in the high bits */
			a->classes = l->ta & 0x07;
	}
	return 0;
}

/* A TD announces a protocol, and TCK with all but T=0. */
static void announce(struct parser *p, struct atr *a, const struct level *l)
{
	uint8_t protocol = l->td & 0x0F;

	if (protocol == 0)
		a->protocols |= ATR_T0;
	else
		p->check = true;
	if (protocol == 1)
		a->protocols |= ATR_T1;
	if (l->i == 1)
		a->first = protocol;
}

static int parse_interface(struct parser *p, uint8_t presence, struct atr *a)
{
	struct level l = { .td = presence };
	int i = 0, e = 0;

	do {
		uint8_t protocol = l.td & 0x0F;

		if (take_level(&p->c, ++i, l.td, &l) < 0)
			return FUDA_EFORMAT;
		if (i == 1)
			apply_first(a, &l);
		else if (i == 2)
			e = apply_second(a, &l);
		else
			e = apply_further(p, a, &l, protocol);
		if (e < 0)
			return e;
		if (l.present & HAS_TD)
			announce(p, a, &l);
	} while (l.present & HAS_TD);
	return 0;
}

static bool check_byte_fits(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 1; i < len; i++) /* all but TS */
		sum ^= bytes[i];
	return sum == 0;
}

int atr_parse(const uint8_t *bytes, size_t len, struct atr *ret)
{
	struct parser p = { .c = cur_of(bytes, len) };
	struct atr a = { .fd = ATR_FD_DEFAULT,
			 .waiting = WI_DEFAULT,
			 .ifsc = IFSC_DEFAULT,
			 .bwi_cwi = BWI_CWI_DEFAULT };
	uint8_t ts, t0;

	if (len > FUDA_ATR_MAX || cur_u8(&p.c, &ts) < 0 || cur_u8(&p.c, &t0) < 0 ||
	    (ts != TS_DIRECT && ts != TS_INVERSE))
		return FUDA_EFORMAT;
	a.inverse = ts == TS_INVERSE;
	if (parse_interface(&p, t0, &a) < 0)
		return FUDA_EFORMAT;
	if (!a.protocols && !p.check) /* 8.2.3: T=0 where no TD says otherwise */
		a.protocols = ATR_T0;
	a.historical_len = t0 & 0x0F;
	if (cur_copy(&p.c, a.historical, a.historical_len) < 0 || p.c.left != (p.check ? 1 : 0) ||
	    (p.check && !check_byte_fits(bytes, len)))
		return FUDA_EFORMAT;
	*ret = a;
	return 0;
}

uint32_t atr_rate(uint8_t fd, uint32_t khz)
{
	/* tables 7 and 8; 0 is reserved */
	static const uint16_t f[16] = { 372, 372, 558, 744,  1116, 1488, 1860, 0,
					0,   512, 768, 1024, 1536, 2048, 0,    0 };
	static const uint8_t d[16] = { 0, 1, 2, 4, 8, 16, 32, 64, 12, 20 };
	uint64_t rate;

	if (!f[fd >> 4] || !d[fd & 0x0F])
		return 0;
	rate = (uint64_t)khz * 1000 * d[fd & 0x0F] / f[fd >> 4];
	return rate > UINT32_MAX ? 0 : (uint32_t)rate;
}
