/* SPDX-License-Identifier: Apache-2.0 */
/* Secure messaging of the text application, card.md 3.3: what is read is encrypted on its way. It
 * has no integrity protection, and is known from one source only. */
#ifndef CARD_SM_H
#define CARD_SM_H

#include "base/crypto.h"
#include "card/card.h"

/* A session with the selected application, until another one is selected or the power is off. */
struct sm {
	uint8_t key[AES_BLOCK];
	uint32_t counter; /* of the last command */
};

/* Whether the session can be had here: it takes extended length, which must be known to work before
 * a try is spent for nothing. FUDA_ENOTSUP. */
int sm_check(struct fuda_card *c);

/* Reads the card's public key from `key_file` (object A1) and agrees on a session key. The PIN must
 * be verified. FUDA_ESECURITY, FUDA_ESW, FUDA_EFORMAT, FUDA_ENOTSUP. */
int sm_begin(struct fuda_card *c, const struct ef *key_file, struct fuda_deadline *dl,
	     struct sm *ret);

/* As card_read(), encrypted. */
int sm_read(struct fuda_card *c, struct sm *sm, const struct ef *ef, struct fuda_deadline *dl,
	    struct fuda_buf *ret_data);

/* Wipes the session's key. */
void sm_end(struct sm *sm);

#endif
