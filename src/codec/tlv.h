/* SPDX-License-Identifier: Apache-2.0 */
/* BER-TLV as cards and DER use it: definite lengths, tags of up to 3 bytes. */
#ifndef CODEC_TLV_H
#define CODEC_TLV_H

#include "base/cursor.h"

struct tlv {
	uint32_t tag;	      /* its bytes as a number: 0x30, 0x5F4E, 0xDF21 */
	struct cursor value;
	struct cursor whole; /* tag, length and value */
};

/* Takes the next object. FUDA_EFORMAT: end of data inside an object, indefinite length, length of
 * over 4 bytes, tag of over 3 bytes; the cursor is then unchanged. Lengths need not be minimal, as
 * cards differ; tlv_next_der() insists on it, and on minimal tag bytes. */
int tlv_next(struct cursor *c, struct tlv *ret);
int tlv_next_der(struct cursor *c, struct tlv *ret);

/* As tlv_next_der(), and the tag must be `tag`, bytes for bytes. Those of the card need not be
 * minimal: FF10 to FF1E could do with one (card.md 2.6). */
int tlv_expect(struct cursor *c, uint32_t tag, struct tlv *ret);

/* Takes the next simple-TLV object (ISO 7816-4 5.2.1, card.md 2.4): a tag of one byte, which is
 * neither 00 nor FF, and a length of one byte, or of FF and two bytes. FUDA_EFORMAT as above. */
int tlv_next_simple(struct cursor *c, struct tlv *ret);

/* Total bytes of the object whose beginning is `start`: what a file with filler must be read to.
 * FUDA_EFORMAT if `start` (at least 2 bytes for short lengths, up to 9) does not tell. */
int tlv_total(const uint8_t *start, size_t len, size_t *ret_total);

#endif
