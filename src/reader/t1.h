/* SPDX-License-Identifier: Apache-2.0 */
/* ISO/IEC 7816-3 clause 11, T=1, the side of the reader: APDUs in blocks. */
#ifndef READER_T1_H
#define READER_T1_H

#include <stdbool.h>
#include <fuda/buf.h>
#include "base/context.h"
#include "base/deadline.h"

enum {
	T1_INF_MAX = 254,		   /* 11.3.2.3: LEN FF is reserved */
	T1_BLOCK_MAX = 3 + T1_INF_MAX + 2, /* NAD PCB LEN, INF, CRC */
	T1_IFS_START = 32,		   /* 11.4.2: IFSC and IFSD where nobody says otherwise */
};

/* What carries a block, from NAD to the last byte of the error detection code. */
struct t1_link {
	void *arg;
	/* Sends `len` bytes once, waits `multiplier` times the block waiting time for an answer and
	 * appends it to the empty `ret`. FUDA_EMUTE: nothing came in that time; FUDA_EFORMAT:
	 * something came that was damaged (parity). Neither is written down. Any other error ends
	 * the exchange and is. */
	int (*exchange)(void *arg, const uint8_t *block, size_t len, uint8_t multiplier,
			struct fuda_deadline *dl, struct fuda_buf *ret);
};

struct t1 {
	struct fuda_context *ctx;
	struct t1_link link;
	bool crc;
	size_t ifsc, first_ifsc; /* bytes of INF that the card takes; as its ATR says */
	size_t ifsd, wanted_ifsd; /* bytes of INF that it may send: as told; as it shall know */
	uint8_t ns, nr; /* number of the next I-block of ours; of the one expected from the card */
	bool lost; /* the card is out of step or away; only a reset of it helps */
	bool astray; /* it may be out of step: to be brought back before the next command */
	unsigned long blocks; /* exchanged, for measurements */
};

/* After a reset of the card. `ifsc` is its own or less if the reader cannot carry as much, `ifsd`
 * what the card is told before the first command; T1_IFS_START: nothing. */
void t1_start(struct t1 *t, struct fuda_context *ctx, const struct t1_link *link, size_t ifsc,
	      size_t ifsd, bool crc);

/* Sends one command and appends the response. Blocks are repeated where the protocol asks for it
 * (R-blocks, a block that the card says it did not get; 11.6.3.2 rule 7); the command never is:
 * where that does not help the card is brought back into step by RESYNCH and the command is lost.
 * FUDA_ETRANSPORT then, also for a chain that the card aborts, a response over ret_response->max
 * and waiting times asked for without end; FUDA_EMUTE if the card said nothing at all any more.
 * FUDA_EREMOVED if it was lost before (nothing was sent). FUDA_ETIMEOUT, FUDA_ECANCELLED and the
 * link's own errors lose it. */
int t1_transmit(struct t1 *t, const uint8_t *command, size_t len, struct fuda_deadline *dl,
		struct fuda_buf *ret_response);

/* A command that the reader puts together, of a secret that is typed on it, and sends in one block.
 * This is the head (NAD PCB LEN) for that, with `len` bytes of command; all that has to be said to
 * the card before is. FUDA_ETOOBIG: it does not go into one block. Other errors as t1_transmit().
 * Nothing has changed as long as the block does not leave. */
int t1_typed_begin(struct t1 *t, size_t len, struct fuda_deadline *dl, uint8_t ret_head[3]);
/* What came of that block, with its `answer`: as the link's exchange() has it. Goes on as
 * t1_transmit(), but for what only saying the block again would mend: that ends it. */
int t1_typed_end(struct t1 *t, size_t len, int result, const struct fuda_buf *answer,
		 struct fuda_deadline *dl, struct fuda_buf *ret_response);
/* Instead of t1_typed_end(): whether it left is not known. The next command begins with RESYNCH. */
void t1_typed_unknown(struct t1 *t);

#endif
