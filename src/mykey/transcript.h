/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of which a card signs the SHA-256, made alike by client and service:
 *
 *	"mykey-v1" 00 | purpose | origin | terminal | nonce | expiry
 *
 * each of the last five behind its length in two bytes, big endian; the expiry is eight bytes,
 *seconds since 1970, big endian; the terminal is its UUID's 16 bytes. A card never signs a hash
 *that somebody sent: the client makes it from the parts, of which it knows all but nonce and expiry
 *itself. */
#ifndef MYKEY_TRANSCRIPT_H
#define MYKEY_TRANSCRIPT_H

#include <stdint.h>
#include <fuda/buf.h>
#include <fuda/hash.h>

enum { TRANSCRIPT_MAX = 512, TRANSCRIPT_TERMINAL = 16, TRANSCRIPT_NONCE = 16 };

struct transcript {
	const char *purpose, *origin;
	const uint8_t *terminal; /* TRANSCRIPT_TERMINAL bytes */
	const uint8_t *nonce;    /* TRANSCRIPT_NONCE bytes */
	int64_t expires;
};
/* The bytes themselves, appended. FUDA_ETOOBIG if they would be more than TRANSCRIPT_MAX;
 * FUDA_ENOMEM.
 */
int transcript_bytes(const struct transcript *t, struct fuda_buf *ret);
/* FUDA_ETOOBIG if it would be longer than TRANSCRIPT_MAX; FUDA_ENOMEM, FUDA_EFAILED. */
int transcript_digest(const struct transcript *t, struct fuda_digest *ret);

#endif
