/* SPDX-License-Identifier: Apache-2.0 */
/* What a contactless card says of itself at activation (ISO/IEC 14443-3 and -4), and the ATR that
 * PC/SC part 3 makes of it. Pure bytes; CRCs are below. */
#ifndef READER_CONTACTLESS_H
#define READER_CONTACTLESS_H

#include <stdbool.h>
#include <fuda/reader.h>

enum {
	CONTACTLESS_FSD = 256, /* the longest frame that the reader takes, as ATTRIB and RATS say */
	ATTRIB_SIZE = 9,       /* 1D PUPI param1..4; no higher layer command */
	RATS_SIZE = 2,
	HISTORICAL_MAX = 15,
};

struct contactless {
	bool type_a;
	uint8_t pupi[4];        /* B: for this session only, card.md and readers.md A2 */
	uint8_t application[4]; /* B */
	uint8_t protocol[3];    /* B: protocol info, its first three bytes */
	uint8_t mbli;           /* B: of the answer to ATTRIB */
	uint8_t historical[HISTORICAL_MAX]; /* A */
	size_t historical_len;
	size_t fsc;      /* the longest frame that the card takes, with PCB and CRC, in bytes */
	uint32_t fwt_us; /* frame waiting time with its tolerance, in microseconds */
	uint32_t sfgt_us; /* to wait after activation before the first frame */
	bool iso14443_4; /* it speaks that at all */
	bool cid, nad;   /* it knows them; we use neither */
};

/* ATQB, 12 or 13 bytes. FUDA_EFORMAT. */
int contactless_parse_atqb(const uint8_t *atqb, size_t len, struct contactless *ret);
/* Frames up to CONTACTLESS_FSD, or up to 128 bytes with `small`; 106 kbit/s, CID 0. */
void contactless_attrib(const struct contactless *c, bool small, uint8_t ret[ATTRIB_SIZE]);
/* The answer to ATTRIB: one byte or more. FUDA_EFORMAT also for a CID other than 0. */
int contactless_parse_attrib(const uint8_t *answer, size_t len, struct contactless *c);

void contactless_rats(bool small, uint8_t ret[RATS_SIZE]);
/* ATS, with its length byte. FUDA_EFORMAT. */
int contactless_parse_ats(const uint8_t *ats, size_t len, struct contactless *ret);

/* Returns the length. */
size_t contactless_atr(const struct contactless *c, uint8_t ret[FUDA_ATR_MAX]);

#endif
