/* SPDX-License-Identifier: Apache-2.0 */
/* The software My Number card: APDU in, APDU out. The one header of this internal library. */
#ifndef VCARD_VCARD_H
#define VCARD_VCARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>

struct vcard;

/* Loads the card personalised in directory `dir` and takes its lock, so that a card is in one reader at a
 * time. The card is without power. FUDA_ENOREADER (no such directory), FUDA_EBUSY (played elsewhere),
 * FUDA_EFORMAT, FUDA_EFILE; `ret_why` (at least 256 bytes) then says what, in English. */
int vcard_load(const char *dir, struct vcard **ret, char *ret_why, size_t why_size);
/* Removes the power and frees. NULL-safe, nulls the pointer. */
void vcard_free(struct vcard **v);

/* On, off, or reset (warm: PIN states and selection stay as card.md 0.7 says). */
void vcard_power(struct vcard *v, bool on);
void vcard_reset(struct vcard *v);
const uint8_t *vcard_atr(const struct vcard *v, size_t *ret_len);

/* Answers one command APDU: replaces the content of `ret_response` by data and SW1-SW2. Never fails but
 * for FUDA_ENOMEM, FUDA_ENOCARD (no power); counters are on disk before the answer is given. */
int vcard_transmit(struct vcard *v, const uint8_t *command, size_t len, struct fuda_buf *ret_response);

/* What went through since vcard_load(). link_ns: time on a contactless link of the rate set, by the model of
 * linktime.h. */
struct vcard_usage {
	unsigned long apdus, sent, received, verifies;
};
struct vcard_usage vcard_usage(const struct vcard *v);

/* Makes a personalised card in the new or empty directory `dir`. */
struct vcard_make {
	const char *kind; /* "card", "android", "iphone" */
	/* further fields as needed, all with a sensible meaning of zero */
	unsigned auth_certificate_size;	  /* exact DER length wanted (padded in the CPS text), 0 = natural */
	unsigned certificate_file_size;	  /* physical size of certificate files, 0 = no fixed size */
	bool no_sign_certificate;
};
int vcard_make(const char *dir, const struct vcard_make *what, char *ret_why, size_t why_size);

#endif
