/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of which a card signs the SHA-256, made alike by client and service:
 *
 *	"mykey-v1" 00 | purpose | origin | terminal | nonce | expiry
 *
 * each of the last five behind its length in two bytes, big endian; the expiry is eight bytes,
 * seconds since 1970, big endian; the terminal is its UUID's 16 bytes. A card never signs a hash
 * that somebody sent: the client makes it from the parts, of which it knows all but nonce and
 * expiry itself.
 *
 * A phone cannot be asked to sign a challenge: it signs the transcript of its session with a
 * reader, in which the reader's part is an ephemeral key (ISO 18013-5 9.1.5.1). So that key is made
 * of the challenge: it is the P-256 key whose private number is
 *
 *	HKDF-SHA-256(key: these bytes, no salt,
 *		     info: "mykey-v1 mdoc reader" and a counter in one byte), 32 bytes
 *
 * with the first counter from 0 on that gives a number of the curve. The service makes it again and
 * sees by the key in a transcript that a phone presented for this challenge: not before it was
 * given, not at another terminal, nor for another purpose. It is made of the bytes and not of their
 * hash: a card is sent the hash through the air, and who overhears that could make the key and read
 * the phone's session. The nonce is known to the terminal and the service alone. */
#ifndef MYKEY_TRANSCRIPT_H
#define MYKEY_TRANSCRIPT_H

#include <stdint.h>
#include <fuda/buf.h>
#include <fuda/hash.h>
#include "pki/private.h"

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
/* The reader's ephemeral key for a phone. Errors likewise. */
int transcript_reader_key(const struct transcript *t, struct private_key **ret);

#endif
