/* SPDX-License-Identifier: Apache-2.0 */
/* The NDEF file of an NFC Forum Type 4 Tag, which a phone plays for its engagement: mdoc.md 1.4. */
#ifndef CARD_TAG_H
#define CARD_TAG_H

#include "base/cursor.h"
#include "card/card.h"

struct tag {
	struct fuda_card *card;
	uint32_t epoch;
	/* by its Capability Container: */
	uint16_t fid;               /* of the NDEF file */
	size_t max_read, max_write; /* bytes of data in one command */
	size_t max_message;
	bool writable;
};

/* Selects the application, reads and checks its Capability Container, and selects its NDEF file.
 * Where it is not known whether extended length works here and the tag says that it takes it, the
 * container is read a second time in that form, in which nothing can be lost yet: the tag is begun
 * with anew if it does not answer. FUDA_ENOTFOUND: no such application, in whatever way its
 * selection was refused; FUDA_ENOTSUP: the container is of another version; FUDA_EFORMAT, FUDA_ESW,
 * FUDA_ERESET and the errors of the reader. */
int tag_open(struct fuda_card *c, struct fuda_deadline *dl, struct tag *ret);

/* Appends the message that the file holds, once there is one: looks for it, waits `wait_ms` and
 * looks again, until the deadline, and from look number `looks` on less often. FUDA_EFORMAT,
 * FUDA_ETOOBIG (over the tag's own limit, or the room left in the buffer), FUDA_ESW, FUDA_ETIMEOUT,
 * FUDA_ECANCELLED, FUDA_ERESET. */
int tag_read(const struct tag *tag, int wait_ms, unsigned looks, struct fuda_deadline *dl,
	     struct fuda_buf *ret_message);

/* Writes one. FUDA_ENOTSUP: it cannot be written; FUDA_ETOOBIG, FUDA_ESW, FUDA_ERESET. */
int tag_write(const struct tag *tag, struct cursor message, struct fuda_deadline *dl);

#endif
