/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and activating a card with the Sony RC-S380, ISO/IEC 14443-3 types B and A at 106 kbit/s.
 */
#ifndef DRIVERS_RCS380_CARD_H
#define DRIVERS_RCS380_CARD_H

#include "drivers/rcs380-chip.h"
#include "reader/contactless.h"

/* These switch the field on and leave it on. Errors of the device are written down; FUDA_ENOCARD,
 * for no answer at all, is not. */

/* Whether anything of that type answers: 0, or FUDA_ENOCARD. */
int rcs380_poll(struct rcs380_chip *c, bool type_a, struct fuda_deadline *dl);

/* Brings the one card of that type to ISO/IEC 14443-4, from a field that was off. FUDA_EMUTE for
 * one that answers and does not get there. */
int rcs380_activate(struct rcs380_chip *c, bool type_a, struct fuda_deadline *dl,
		    struct contactless *ret);

/* Whether a FeliCa card answers, which is none of ours: as rcs380_poll(). */
int rcs380_poll_felica(struct rcs380_chip *c, struct fuda_deadline *dl);

#endif
