/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the Sony RC-S380 over USB: one transfer out, its ACK and its answer in. No command is
 * ever sent a second time.
 *
 * All from readers.md A2: facts about nfcpy and the Linux driver port100; unconfirmed on hardware.
 */
#ifndef DRIVERS_RCS380_CHIP_H
#define DRIVERS_RCS380_CHIP_H

#include <stdbool.h>
#include "base/cursor.h"
#include "reader/usb.h"

enum {
	/* Bytes of a frame of a card each way, without CRC: what nfcpy uses. */
	RCS380_CARD_FRAME_MAX = 290,
};

struct rcs380_chip {
	struct fuda_context *ctx;
	struct usb *usb;
	struct fuda_deadline *own; /* for what must be done though the caller's time is over */
	struct fuda_buf received;
	size_t used;  /* bytes of it */
	bool in_step; /* nothing of the last command is to come */
};

/* Takes over `usb` (not on failure) and readies the device; the field is off. FUDA_ETRANSPORT if
 * something else is behind it. */
int rcs380_chip_start(struct rcs380_chip *c, struct fuda_context *ctx, struct usb *usb,
		      struct fuda_deadline *dl);
/* Switches the field off and closes. */
void rcs380_chip_end(struct rcs380_chip *c);

/* Those that follow write down every failure. When one of them ends early, by deadline or by an
 * error, the device is told to break the command off, and is brought back in step by the next
 * one. */

/* No field: a card loses its power. Within a second, whatever the caller's time. */
int rcs380_field_off(struct rcs380_chip *c);

/* InSetRF with four bytes; InSetProtocol with pairs of number and value. */
int rcs380_set_rf(struct rcs380_chip *c, const uint8_t rf[4], struct fuda_deadline *dl);
int rcs380_set_protocol(struct rcs380_chip *c, const uint8_t *pairs, size_t len,
			struct fuda_deadline *dl);

/* As exchange() of struct isodep_link; `arg` is the chip. It switches the field on. */
int rcs380_exchange(void *arg, const uint8_t *frame, size_t len, uint32_t us,
		    struct fuda_deadline *dl, struct fuda_buf *ret);

#endif
