/* SPDX-License-Identifier: Apache-2.0 */
/* The card's side of ISO/IEC 14443-3 and -4, played on the software card: frames without CRC in, frames out.
 * Emulated from the standard as the fact sheets give it; no real card has been compared. Called from one thread at a
 * time. */
#ifndef TESTS_PICC_H
#define TESTS_PICC_H

#include "vcard/vcard.h"

struct picc_settings {
	bool type_a;
	uint8_t fsci, fwi;     /* codes; 8 is 256 bytes */
	size_t frame_max;      /* the longest frame that it sends, with PCB and CRC; 0: as the reader allowed */
	bool extended_atqb;
	uint8_t historical_len; /* A */
	bool long_uid;	       /* A: 7 bytes, so two cascade levels, instead of 4 */
	bool silent;	       /* does not answer ATTRIB or RATS */
	bool other_protocol;   /* says that it does not speak ISO/IEC 14443-4, and does not */
};

/* What it does to the `n`th frame from now on that reaches it after activation, 1 the next. Several may wait; a fault
 * of PICC_FINE forgets them. */
enum picc_fault {
	PICC_FINE,
	PICC_LOSE_COMMAND,  /* does not hear it */
	PICC_LOSE_ANSWER,   /* hears it, acts on it, and is not heard */
	PICC_GARBLE_ANSWER, /* is heard damaged: the reader's CRC check fails */
	PICC_REPEAT_ANSWER, /* acts on it, and says again what it said last */
	PICC_WTX,	    /* asks for time `count` times, then answers */
	PICC_WTX_FOREVER,
	PICC_WTX_BAD,	  /* WTXM 0, or over 59: that of `count` */
	PICC_WRONG_BLOCK, /* answers with the wrong block number */
	PICC_NONSENSE,	  /* an S-block, an R-block or a PCB that has no place there; `count` chooses */
	PICC_TOO_MUCH,	  /* a response that never ends, in pieces of `count` bytes (full ones if that is too many) */
	PICC_GONE,	  /* leaves the field, once and for all */
	PICC_SWAP,	  /* another card lies there from now on: needs activation */
	PICC_FAULTS
};
#define PICC_NONSENSES 16 /* of PICC_NONSENSE */

struct picc;
struct picc *picc_new(const struct picc_settings *settings); /* NULL: type B, 256 bytes, FWI 4 */
void picc_free(struct picc **p);
/* The card in it, owned by the caller, or NULL: takes the other away. */
void picc_insert(struct picc *p, struct vcard *v);
/* No software card: commands go to `run`, which puts the response into the empty `ret`; an error is a card that has
 * fallen silent. */
typedef int picc_run(void *arg, const uint8_t *command, size_t len, struct fuda_buf *ret);
void picc_play(struct picc *p, picc_run *run, void *arg);
void picc_fault(struct picc *p, enum picc_fault fault, unsigned n, unsigned count);

/* Off takes the power from the card; each time on it has a new PUPI or UID. */
void picc_field(struct picc *p, bool on);

enum picc_said { PICC_SILENT, PICC_ANSWERED, PICC_DAMAGED };
/* One frame from the reader; `bits` counts those of the last byte if not 8 (type A's short frames), `type_a` is
 * the modulation. Appends what was said, if anything. */
enum picc_said picc_frame(struct picc *p, bool type_a, const uint8_t *frame, size_t len, unsigned bits,
			  struct fuda_buf *ret_answer);
/* What the last answer took in simulated microseconds: a reader that does not wait so long has not heard it. */
uint32_t picc_took_us(const struct picc *p);
unsigned long picc_blocks(const struct picc *p); /* frames received since activation */
/* The first thing that the reader did against the protocol since picc_new(), or NULL. */
const char *picc_complaint(const struct picc *p);

#endif
