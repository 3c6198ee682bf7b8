/* SPDX-License-Identifier: Apache-2.0 */
/* The one door for PINs. */
#ifndef CARD_PIN_H
#define CARD_PIN_H

#include <fuda/pin.h>
#include "card/card.h"

/* Before the first command of a job: whether `entry` can be used for `pin`. The form of its secret,
 * FUDA_EPINFORM; where it is to be typed on the reader, whether that is possible, FUDA_ENOTSUP. */
int pin_check_entry(struct fuda_card *c, enum fuda_pin pin, const struct fuda_pin_entry *entry);

/* Presents the secret of `entry` for `pin` in application `aid`, which becomes the selected one;
 * NULL is the one that keeps it, or the first of two. Must be called inside a job, which then ends
 * with the card powered off. Checks the form, reads the counter (refusing a blocked secret, and the
 * last try unless allowed: an unreadable counter counts as that), sends VERIFY once and never
 * again, and reports the counter before and after. FUDA_EINVAL (that application does not keep it),
 * FUDA_EPINFORM, FUDA_EPINBLOCKED, FUDA_ELASTTRY, FUDA_EPINWRONG, FUDA_ERESET (it did not leave),
 * FUDA_EUNKNOWN (the answer was lost; the counter was read again where possible). Of a secret that
 * is typed on the reader also FUDA_ENOTSUP, and FUDA_ECANCELLED, FUDA_ETIMEOUT or FUDA_EPINFORM if
 * the entry ended without a command by all that is known: the counter, read again, is what it was.
 */
int pin_verify(struct fuda_card *c, enum fuda_pin pin, const struct aid *aid,
	       struct fuda_pin_entry *entry, struct fuda_deadline *dl);

#endif
