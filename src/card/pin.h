/* SPDX-License-Identifier: Apache-2.0 */
/* The one door for PINs. */
#ifndef CARD_PIN_H
#define CARD_PIN_H

#include <fuda/pin.h>
#include "card/card.h"

/* Presents the secret of `entry` for `pin` in its application, which becomes the selected one. Must
 * be called inside a job, which then ends with the card powered off. Checks the form, reads the
 * counter (refusing a blocked secret, and the last try unless allowed: an unreadable counter counts
 * as that), sends VERIFY once and never again, and reports the counter before and after.
 * FUDA_EPINFORM, FUDA_EPINBLOCKED, FUDA_ELASTTRY, FUDA_EPINWRONG, FUDA_EUNKNOWN (the answer was
 * lost; the counter was read again where possible). */
int pin_verify(struct fuda_card *c, enum fuda_pin pin, struct fuda_pin_entry *entry,
	       struct fuda_deadline *dl);

/* The same in application `aid`, for the verification numbers, which two applications keep. */
int pin_verify_in(struct fuda_card *c, enum fuda_pin pin, const struct aid *aid,
		  struct fuda_pin_entry *entry, struct fuda_deadline *dl);

#endif
