/* SPDX-License-Identifier: Apache-2.0 */
/* ISO/IEC 14443-4, the side of the reader: APDUs in blocks over frames of a contactless card. */
#ifndef READER_ISODEP_H
#define READER_ISODEP_H

#include <stdbool.h>
#include <fuda/buf.h>
#include "base/context.h"
#include "base/deadline.h"

/* What carries a frame to the card and brings one back; CRC and framing are below it. */
struct isodep_link {
	void *arg;
	/* Sends `len` bytes once, waits `us` microseconds for an answer and appends it to the empty
	 * `ret`. FUDA_EMUTE: nothing came in that time; FUDA_EFORMAT: something came that was
	 * damaged. Neither is written down. Any other error ends the exchange and is. */
	int (*exchange)(void *arg, const uint8_t *frame, size_t len, uint32_t us,
			struct fuda_deadline *dl, struct fuda_buf *ret);
	size_t frame_max; /* bytes of a frame that it carries each way, without CRC; 16 or more */
};

struct isodep {
	struct fuda_context *ctx;
	struct isodep_link link;
	size_t fsc;      /* the longest frame that the card takes, with PCB and CRC */
	uint32_t fwt_us; /* how long it may take to answer one */
	bool has_cid;
	uint8_t cid;
	uint8_t block; /* current block number of the reader */
	bool lost;     /* the card is out of step or away; only a new activation helps */
	unsigned long frames; /* exchanged, for measurements */
};

/* After activation. `fsc` and `fwt_us` as the card gave them (struct contactless). */
void isodep_start(struct isodep *d, struct fuda_context *ctx, const struct isodep_link *link,
		  size_t fsc, uint32_t fwt_us);

/* Sends one command and appends the response. What the protocol defines as safe is repeated at the
 * level of blocks (R(NAK), R(ACK), a block that the card, asked, says it did not get); the command
 * never is. FUDA_ETRANSPORT, FUDA_EMUTE: the card is lost, was deselected, and must be activated
 * anew, which is the caller's to do and to report; also for what it says out of turn, a response
 * under 2 bytes or over ret_response->max, and waiting times asked for without end. FUDA_EREMOVED
 * if it was lost before (nothing was sent). FUDA_ETIMEOUT, FUDA_ECANCELLED and the link's own
 * errors lose it too, once anything was sent. */
int isodep_transmit(struct isodep *d, const uint8_t *command, size_t len, struct fuda_deadline *dl,
		    struct fuda_buf *ret_response);

/* Asks whether the card is still there, without disturbing it. 0 with *ret; an answer that is not
 * in step loses the card, as does none. FUDA_ETIMEOUT, FUDA_ECANCELLED and the link's own errors,
 * as above. */
int isodep_present(struct isodep *d, struct fuda_deadline *dl, bool *ret);

/* Takes leave of the card, if it is not lost; it is then. */
void isodep_deselect(struct isodep *d, struct fuda_deadline *dl);

#endif
