/* SPDX-License-Identifier: Apache-2.0 */
/* The one door for PINs. */
#ifndef CARD_PIN_H
#define CARD_PIN_H

#include <fuda/pin.h>
#include "card/card.h"

/* Presents the secret of `entry` for `pin` in application `aid`, which becomes the selected one;
 * NULL is the one that keeps it, or the first of two. Must be called inside a job, which then ends
 * with the card powered off. Checks the form, reads the counter (refusing a blocked secret, and the
 * last try unless allowed: an unreadable counter counts as that), sends VERIFY once and never
 * again, and reports the counter before and after. FUDA_EINVAL (that application does not keep it),
 * FUDA_EPINFORM, FUDA_EPINBLOCKED, FUDA_ELASTTRY, FUDA_EPINWRONG, FUDA_ERESET (it did not leave),
 * FUDA_EUNKNOWN (the answer was lost; the counter was read again where possible). */
int pin_verify(struct fuda_card *c, enum fuda_pin pin, const struct aid *aid,
	       struct fuda_pin_entry *entry, struct fuda_deadline *dl);

#endif
