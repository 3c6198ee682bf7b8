/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges: what a card signs, and how the service knows its own again without keeping them. */
#ifndef SERVICE_CHALLENGE_H
#define SERVICE_CHALLENGE_H

#include <fuda/hash.h>
#include "pki/private.h"
#include "service/keys.h"

enum { NONCE_BYTES = 16, CHALLENGE_LIFE = 120, CHALLENGE_TOKEN = 96, PURPOSE_MAX = 16 };

struct challenge {
	char purpose[PURPOSE_MAX];  /* "bind", "show", ... */
	uint8_t terminal[ID_BYTES]; /* to whom it was given */
	uint8_t nonce[NONCE_BYTES];
	int64_t expires; /* seconds since 1970 */
};

/* A new one, which expires CHALLENGE_LIFE seconds after `now` (seconds). The token is text
 * (base64url): nonce, expiry, and a MAC over purpose, origin, terminal, nonce and expiry. */
int challenge_make(struct keys *keys, const char *purpose, const char *origin,
		   const uint8_t terminal[ID_BYTES], int64_t now, char ret_token[CHALLENGE_TOKEN],
		   struct challenge *ret);

/* Reads a token that `terminal` brings for `purpose`. FUDA_EFORMAT: no token; FUDA_EVERIFY: not
 * made here for this purpose, origin and terminal; FUDA_ETIMEOUT: it has expired. */
int challenge_read(struct keys *keys, const char *token, const char *purpose, const char *origin,
		   const uint8_t terminal[ID_BYTES], int64_t now, struct challenge *ret);

/* SHA-256 of what the card signs (mykey/transcript.h). */
int challenge_digest(const struct challenge *challenge, const char *origin,
		     struct fuda_digest *ret);
/* The key of a reader by which a phone presents for it (ibid.). */
int challenge_reader_key(const struct challenge *challenge, const char *origin,
			 struct private_key **ret);

#endif
