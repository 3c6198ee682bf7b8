/* SPDX-License-Identifier: Apache-2.0 */
/* The JPKI application (公的個人認証): certificates, user authentication, digital signature. */
#ifndef FUDA_JPKI_H
#define FUDA_JPKI_H

#include <fuda/card.h>
#include <fuda/hash.h>
#include <fuda/pin.h>

enum fuda_jpki_object {
	FUDA_JPKI_AUTH,	   /* user authentication key and certificate (利用者証明用) */
	FUDA_JPKI_SIGN,	   /* digital signature key and certificate (署名用) */
	FUDA_JPKI_AUTH_CA, /* the certificate of the authentication CA on the card */
	FUDA_JPKI_SIGN_CA, /* the certificate of the signature CA on the card */
};

/* Largest certificate file taken from a card, in bytes. */
#define FUDA_CERTIFICATE_MAX 4096

/* Reads a certificate as DER, without the filler of its file. The signature certificate, and on
 * smartphone tokens the authentication certificate too, can be read only after their PIN: without
 * `pin` (NULL) that gives FUDA_ESECURITY; with it the PIN is sent only if the card asks.
 * FUDA_ENOTFOUND if the card holds no such certificate (known before a try is spent, where the card
 * says so). */
int fuda_jpki_certificate(struct fuda_card *card, enum fuda_jpki_object which,
			  struct fuda_pin_entry *pin, struct fuda_deadline *dl,
			  struct fuda_buf *ret_der);

enum fuda_token_kind { FUDA_TOKEN_UNKNOWN, FUDA_TOKEN_CARD, FUDA_TOKEN_ANDROID, FUDA_TOKEN_IPHONE };

/* "card", "android", "iphone", "unknown"; static. */
const char *fuda_token_kind_name(enum fuda_token_kind kind);

/* The token information file, a serialised CK_TOKEN_INFO; texts without their padding. */
struct fuda_jpki_token {
	enum fuda_token_kind kind;
	char label[33];
	char manufacturer[33];
	char model[17];
	char serial[17]; /* not known to be unique per card */
	uint32_t flags;
	uint32_t pin_min, pin_max;
	char hardware_version[3];
	char firmware_version[3];
};
int fuda_jpki_token(struct fuda_card *card, struct fuda_deadline *dl, struct fuda_jpki_token *ret);

/* Whether the certificates are there, by the card's availability record. */
enum fuda_presence { FUDA_PRESENCE_UNKNOWN, FUDA_PRESENT, FUDA_ABSENT };
struct fuda_jpki_availability {
	enum fuda_presence sign;
	enum fuda_presence auth;
};
/* A card without the record (not established for smartphones) gives UNKNOWN, not an error. */
int fuda_jpki_availability(struct fuda_card *card, struct fuda_deadline *dl,
			   struct fuda_jpki_availability *ret);

/* What the card does with the input (P1 of its signature command). Signatures are RSA-2048. */
enum fuda_jpki_scheme {
	FUDA_JPKI_PADDED,       /* input of 1 to 245 bytes, padded by PKCS#1 v1.5 as it is */
	FUDA_JPKI_MESSAGE_BARE, /* message of 1 to 255 bytes: SHA-256, padded without its name */
	FUDA_JPKI_SHA256,       /* SHA-256 digest: PKCS#1 v1.5 */
	FUDA_JPKI_MESSAGE_SHA256, /* message of 1 to 255 bytes: SHA-256, PKCS#1 v1.5 */
	FUDA_JPKI_PSS_SHA256,     /* SHA-256 digest: PSS with MGF1-SHA-256 and 32 bytes of salt */
	FUDA_JPKI_PSS_MESSAGE,    /* message of 1 to 255 bytes: SHA-256, PSS as above */
};

struct fuda_jpki_input {
	enum fuda_jpki_object key; /* FUDA_JPKI_AUTH or FUDA_JPKI_SIGN */
	enum fuda_jpki_scheme scheme;
	const uint8_t *bytes;
	size_t len;
};

/* Signs as one job: [certificate,] counter, VERIFY, signature, and power off so that nobody finds
 * the PIN verified. `ret_certificate` may be NULL; otherwise the certificate of the key is appended
 * to it, read in the same job, before the PIN where the card allows. A signature is as long as the
 * key or it is an error. The buffers must have room for FUDA_SIGNATURE_MAX and FUDA_CERTIFICATE_MAX
 * bytes (FUDA_BUF_INIT()): FUDA_ETOOBIG before anything is sent. */
int fuda_jpki_sign(struct fuda_card *card, const struct fuda_jpki_input *input,
		   struct fuda_pin_entry *pin, struct fuda_deadline *dl,
		   struct fuda_buf *ret_signature, struct fuda_buf *ret_certificate);

/* Signs `digest` by PKCS#1 v1.5 with its DigestInfo (SHA-256, SHA-384, SHA-512), otherwise as
 * fuda_jpki_sign(). FUDA_ENOTSUP for SHA-1, FUDA_EINVAL for a digest whose length is not its
 * hash's. */
int fuda_jpki_sign_digest(struct fuda_card *card, enum fuda_jpki_object key,
			  const struct fuda_digest *digest, struct fuda_pin_entry *pin,
			  struct fuda_deadline *dl, struct fuda_buf *ret_signature,
			  struct fuda_buf *ret_certificate);

#endif
