/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to and from the mdoc application of a phone: ISO 18013-5 8.3.3.1.2. */
#ifndef CARD_ENVELOPE_H
#define CARD_ENVELOPE_H

#include "base/cursor.h"
#include "card/card.h"

/* The largest message, each way: what mdoc/cbor.h takes. */
enum { ENVELOPE_MAX = 1 << 20 };

/* Bytes of the longest data field of a command and of a response. */
struct envelope_limits {
	size_t command, response;
};

/* What is left of a phone's limits over this reader, and where extended length is not known to work
 * 255 and 256. Whether the phone takes it is said by its limits, so that it is the reader's ability
 * alone that has to be known: by what is remembered of it, or by tag_open(). It is never tried
 * first on a message, which could not be sent again. */
struct envelope_limits envelope_limit(const struct fuda_card *c, struct envelope_limits phone);

/* Sends `message` to application `aid_mdoc`, which must be selected, and appends the one that it
 * answers with, or nothing where it has none. This is the one use of ENVELOPE: the message goes as
 * the content of a data object 53, so that no other command can be inside it. No piece is ever sent
 * twice: FUDA_ERESET if the card lost its state before one. What GET RESPONSE brings is bounded by
 * the length that the answer begins with, as phones are wrong about what is left (61XX) and give
 * more than was asked for (mdoc.md 0.9). FUDA_EFORMAT, FUDA_ETOOBIG, FUDA_ESW and the errors of the
 * reader. */
int card_envelope(struct fuda_card *c, struct envelope_limits limits, struct cursor message,
		  struct fuda_deadline *dl, struct fuda_buf *ret_answer);

#endif
