/* SPDX-License-Identifier: Apache-2.0 */
/* The card's side of ISO/IEC 14443-3 and -4, played on the software card: frames without CRC in, frames out.
 * Emulated from the standard as the fact sheets give it; no real card has been compared. */
#ifndef TESTS_PICC_H
#define TESTS_PICC_H

#include "vcard/vcard.h"

struct picc_settings {
	bool type_a;
	uint8_t fsci, fwi;     /* codes; 8 is 256 bytes */
	size_t frame_max;      /* the longest frame that it sends, with PCB and CRC; 0: as the reader allowed */
	bool extended_atqb;
	uint8_t historical_len; /* A */
};

/* What it does to the `n`th frame from now on that reaches it after activation, 1 the next. */
enum picc_fault {
	PICC_FINE,
	PICC_LOSE_COMMAND,  /* does not hear it */
	PICC_LOSE_ANSWER,   /* hears it, acts on it, and is not heard */
	PICC_GARBLE_ANSWER, /* is heard damaged: the reader's CRC check fails */
	PICC_REPEAT_ANSWER, /* says again what it said last instead */
	PICC_WTX,           /* asks for time `count` times, then answers */
	PICC_WTX_FOREVER,
	PICC_WTX_BAD,       /* WTXM 0, or over 59 */
	PICC_WRONG_BLOCK,   /* answers with the wrong block number */
	PICC_NONSENSE,      /* an S-block, an R-block or a PCB that has no place there; `count` chooses */
	PICC_TOO_MUCH,      /* a chain that never ends */
	PICC_GONE,          /* leaves the field, once and for all */
	PICC_SWAP,          /* another card lies there from now on: needs activation */
};

struct picc;
struct picc *picc_new(const struct picc_settings *settings); /* NULL: type B, 256 bytes, FWI 4 */
void picc_free(struct picc **p);
/* The card in it, owned by the caller, or NULL: takes the other away. */
void picc_insert(struct picc *p, struct vcard *v);
void picc_fault(struct picc *p, enum picc_fault fault, unsigned n, unsigned count);

void picc_field(struct picc *p, bool on);

enum picc_said { PICC_SILENT, PICC_ANSWERED, PICC_DAMAGED };
/* One frame from the reader; `bits` counts those of the last byte if not 8 (type A's short frames), `type_a` is
 * the modulation. `us` is what the answer took in simulated time, over FWT it counts as PICC_SILENT to a reader
 * that does not wait so long. */
enum picc_said picc_frame(struct picc *p, bool type_a, const uint8_t *frame, size_t len, unsigned bits,
			  struct fuda_buf *ret_answer);
unsigned long picc_blocks(const struct picc *p); /* frames received since activation */

#endif
