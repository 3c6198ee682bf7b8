/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to reset of a card, ISO/IEC 7816-3 clause 8. */
#ifndef CODEC_ATR_H
#define CODEC_ATR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ATR_T0 = 1, /* bits of protocols */
	ATR_T1 = 2,
	ATR_FD_DEFAULT = 0x11, /* Fi 372, Di 1 */
	ATR_HISTORICAL_MAX = 15,
};

struct atr {
	bool inverse;	   /* convention, TS */
	uint8_t fd;	   /* TA1 or ATR_FD_DEFAULT: what the card can do at most */
	uint8_t guard;	   /* TC1: extra guard time N */
	bool specific;	   /* TA2: no choice of protocol, no PPS */
	bool implicit;	   /* ... and fd does not hold there */
	uint8_t protocols; /* ATR_T0 | ATR_T1; other ones are left out */
	uint8_t first;	   /* the one that holds without PPS, as a number: 0, 1, ... 14 */
	uint8_t waiting;   /* T=0, WI of TC2 */
	uint8_t ifsc;	   /* T=1, the first TA: 1 to 254 */
	uint8_t bwi_cwi;   /* T=1, the first TB */
	bool crc;	   /* T=1, the first TC */
	uint8_t classes;   /* of voltage, 1 is A (5 V), 2 is B, 4 is C; 0: it does not say */
	uint8_t historical[ATR_HISTORICAL_MAX];
	size_t historical_len;
};

/* Parses all of it. FUDA_EFORMAT: too short or too long, a wrong check byte or one that is missing,
 * values that are reserved where we use them. */
int atr_parse(const uint8_t *bytes, size_t len, struct atr *ret);

/* Bits per second at clock `khz`, which a reader may claim as it likes, with the rates of TA1 `fd`;
 * 0 if they are reserved, or beyond 32 bits. */
uint32_t atr_rate(uint8_t fd, uint32_t khz);

#endif
