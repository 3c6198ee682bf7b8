/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers between sessions where extended length APDUs work. */
#ifndef CARD_EXTENDED_H
#define CARD_EXTENDED_H

#include "card/card.h"

/* What was found last time with this model of reader and this kind of card (its ATR). */
enum extended extended_recall(const struct reader *r);

/* Remembers it in the user's cache directory; without one, or on failure, nothing is remembered.
 * Readers without a model name are not. */
void extended_remember(const struct reader *r, enum extended what);

#endif
