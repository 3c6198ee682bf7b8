/* SPDX-License-Identifier: Apache-2.0 */
/* The software My Number card: APDU in, APDU out. The one header of this internal library. */
#ifndef VCARD_VCARD_H
#define VCARD_VCARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>

struct vcard;

/* Loads the card personalised in directory `dir` and takes its lock, so that a card is in one
 * reader at a time. The card is without power. FUDA_ENOREADER (no such directory), FUDA_EBUSY
 * (played elsewhere), FUDA_EFORMAT, FUDA_EFILE; `ret_why` (at least 256 bytes) then says what, in
 * English. */
int vcard_load(const char *dir, struct vcard **ret, char *ret_why, size_t why_size);
/* Removes the power, wipes and frees. NULL-safe, nulls the pointer. */
void vcard_free(struct vcard **v);

/* On (from off: a cold reset; a card with power keeps its state), off, or reset (warm: PIN states
 * and selection stay, card.md 0.7; without power it is a cold one). */
void vcard_power(struct vcard *v, bool on);
void vcard_reset(struct vcard *v);
bool vcard_powered(const struct vcard *v);
const uint8_t *vcard_atr(const struct vcard *v, size_t *ret_len);

/* Answers one command APDU: replaces the content of `ret_response` by data and SW1-SW2. Counters
 * are on disk before the answer is given. FUDA_ENOMEM, FUDA_ETOOBIG (more than the buffer's
 * maximum; the command was carried out), FUDA_ENOCARD (no power), FUDA_EMUTE (option mute-at:
 * there is no answer to this command nor to any other until the power is off; none of them is
 * carried out). */
int vcard_transmit(struct vcard *v, const uint8_t *command, size_t len,
		   struct fuda_buf *ret_response);

/* Bytes of the longest command and response of the reader that the card pretends to be in. */
size_t vcard_max_command(const struct vcard *v);
size_t vcard_max_response(const struct vcard *v);

/* What went through since vcard_load(). */
struct vcard_usage {
	unsigned long apdus, sent, received;
	unsigned long verifies; /* VERIFY commands with a secret in them */
	unsigned long since_power; /* APDUs since it was last switched on */
	uint64_t link_ns;	/* time on a contactless link of 106 kbit/s, by linktime.h */
};
struct vcard_usage vcard_usage(const struct vcard *v);

/* Any card that can be played to vpcd. */
struct vpcd_card {
	void *arg;
	void (*power)(void *arg, bool on);
	void (*reset)(void *arg);
	/* Owned by the card, valid until the next call. */
	const uint8_t *(*atr)(void *arg, size_t *ret_len);
	/* Answers one command APDU by data and SW1-SW2 in `ret_response`, which is empty.
	 * FUDA_EMUTE: there is no answer, and the other side waits; FUDA_ENOCARD: no power. Any
	 * other error ends the play with it. */
	int (*transmit)(void *arg, const uint8_t *command, size_t len,
			struct fuda_buf *ret_response);
};

/* As vcard_play(), any card. */
int vpcd_play(const struct vpcd_card *card, int fd, int stop_fd);

/* Plays the card on the connected stream socket `fd` with the protocol of vpcd (readers.md A5),
 * until `stop_fd` becomes readable (returns 0) or the other side hangs up (FUDA_EREADERGONE).
 * FUDA_ETRANSPORT, FUDA_ENOMEM. Neither descriptor is closed. */
int vcard_play(struct vcard *v, int fd, int stop_fd);

#define VCARD_NO_FILLER 1

/* What to personalise; zero is a sensible choice everywhere. */
struct vcard_make {
	const char *kind;	     /* "card" (also for NULL), "android", "iphone", "wallet" */
	const char *const
		*settings; /* "KEY=VALUE" of card.conf but kind and secrets; ends with NULL */
	const char *secrets;	     /* file with secret.NAME = VALUE lines of card.conf, or NULL */
	/* Exact DER length of the user authentication certificate (the CPS text is made longer),
	 * or 0. */
	unsigned auth_certificate_size;
	/* Bytes of each file with a certificate; VCARD_NO_FILLER: those of the certificate; 0:
	 * those of the certificate rounded up to 256, and at least one byte more. */
	unsigned certificate_file_size;
	bool no_sign_certificate;
	/* certificates that ended a year ago or more; of a wallet the credential, ten days ago */
	bool expired;

	/* Of cards and wallets; other phones have none of it but the person in the certificate for
	 * signing. */
	const char *person; /* file with a person as fuda-vcard(1) has it; NULL: the sample */
	const char *photo;  /* JP2 file of at most 28000 bytes; NULL: a drawing */
	unsigned photo_size; /* exact bytes of the drawing, 600 to 28000; 0: 6144 */
	/* Directory of a card (of a wallet, if this is one) whose CAs, authorities and municipality
	 * sign this one too; NULL: new ones. */
	const char *authority;
	/* The files of the attributes, the face and the picture of the My Number are filled with FF
	 * to the next multiple of so many bytes and at least by one; VCARD_NO_FILLER: not at all;
	 * 0: 256. */
	unsigned record_file_step;
};

/* Makes a personalised card in the new or empty directory `dir`; leaves nothing behind if that
 * fails. FUDA_EINVAL (an impossible wish), FUDA_EFILE, FUDA_EFORMAT, FUDA_EFAILED, FUDA_ENOMEM;
 * `ret_why` as above. */
int vcard_make(const char *dir, const struct vcard_make *what, char *ret_why, size_t why_size);

/* A new engagement of the wallet in a directory, in place of one that nobody took up, as a QR code
 * shows it: appends "mdoc:..." (ISO 18013-5 8.2.2.3). It is good for one session with the wallet,
 * wherever that is played. FUDA_ENOREADER, FUDA_EFILE, FUDA_EFORMAT, FUDA_EINVAL (a card, not a
 * wallet), FUDA_EFAILED, FUDA_ENOMEM; `ret_why` as above. */
int vcard_qr(const char *wallet, struct fuda_buf *ret_uri, char *ret_why, size_t why_size);
/* Appends it as a picture of the code, a PNG. FUDA_ENOTSUP: built without libqrencode;
 * FUDA_EFAILED, FUDA_ENOMEM. */
int vcard_qr_png(const char *uri, struct fuda_buf *ret_png);

/* Appends, in PEM, a revocation list of the CA that issued the authentication certificate of the
 * card in directory `authority`, good for `days`: on it are those of the cards in the directories
 * `revoked` (NULL behind the last one), which must be of the same CA. Of wallets it is the IACA,
 * and the Document Signer's certificates. FUDA_EFILE, FUDA_EFORMAT,
 * FUDA_EINVAL, FUDA_EFAILED, FUDA_ENOMEM; `ret_why` as above. */
int vcard_crl(const char *authority, const char *const *revoked, unsigned days,
	      struct fuda_buf *ret_pem, char *ret_why, size_t why_size);

#endif
