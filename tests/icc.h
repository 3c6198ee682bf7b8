/* SPDX-License-Identifier: Apache-2.0 */
/* The card's side of ISO/IEC 7816-3, T=1 and T=0, played on the software card: what a reader at TPDU level carries.
 * Emulated from the standard; no real card has been compared. Strict: what the reader does wrong is a complaint. */
#ifndef TESTS_ICC_H
#define TESTS_ICC_H

#include "vcard/vcard.h"

struct icc_settings {
	bool t0;	 /* T=0 and nothing else */
	bool both;	 /* T=0 first, and T=1 by PPS */
	bool crc;	 /* T=1 */
	uint8_t ifsc;	 /* T=1; 0: 254 */
	uint8_t fd;	 /* TA1; 0: none */
	bool refuses_pps;
};

/* What it does to the `n`th block (or TPDU) from now on that reaches it, 1 the next. */
enum icc_fault {
	ICC_FINE,
	ICC_LOSE_BLOCK,	    /* does not hear it */
	ICC_LOSE_ANSWER,    /* hears it, acts on it, and is not heard */
	ICC_DAMAGE_BLOCK,   /* hears it damaged, and asks for it again */
	ICC_DAMAGE_ANSWER,  /* is heard with wrong parity */
	ICC_BAD_EDC,	    /* is heard with a wrong LRC or CRC */
	ICC_REPEAT_ANSWER,  /* says again what it said last instead */
	ICC_WRONG_NUMBER,   /* numbers its block wrongly */
	ICC_WTX,	    /* asks for time `count` times, then answers */
	ICC_WTX_FOREVER,
	ICC_IFS,	    /* takes blocks of `count` bytes from here on, then answers */
	ICC_ABORT,	    /* ends the chain */
	ICC_NONSENSE,	    /* number `count` of the blocks that have no place there */
	ICC_TOO_MUCH,	    /* a chain that never ends */
	ICC_MUTE,	    /* hears and says nothing more until it is reset */
	ICC_6C,		    /* T=0: wants Le `count`, and has not acted */
};
enum { ICC_NONSENSES = 15 };

struct icc;
struct icc *icc_new(const struct icc_settings *settings); /* NULL: T=1 and nothing else, LRC */
void icc_free(struct icc **c);
/* The card in it, owned by the caller, without power; or NULL. */
void icc_insert(struct icc *c, struct vcard *v);
void icc_fault(struct icc *c, enum icc_fault fault, unsigned n, unsigned count);

/* Reset, cold or warm; appends the ATR. */
void icc_reset(struct icc *c, bool cold, struct fuda_buf *ret_atr);
void icc_off(struct icc *c);

enum icc_said { ICC_SILENT, ICC_ANSWERED, ICC_DAMAGED };
/* One block, TPDU or PPS request; `multiplier` is that of the waiting time that the reader grants. */
enum icc_said icc_say(struct icc *c, const uint8_t *bytes, size_t len, unsigned multiplier, struct fuda_buf *ret);

/* The same of an I-block that the reader puts together: its head, what is in it, and what ends it. */
enum icc_said icc_say_typed(struct icc *c, const uint8_t head[3], const uint8_t *inf, size_t len, struct fuda_buf *ret);
bool icc_uses_t1(const struct icc *c);

/* What the reader did wrong first, or NULL. */
const char *icc_complaint(const struct icc *c);
unsigned long icc_blocks(const struct icc *c); /* since reset */
unsigned long icc_repeats(const struct icc *c); /* I-blocks that came twice, for whatever reason */

#endif
