/* SPDX-License-Identifier: Apache-2.0 */
/* What an application of the card is, and what applications have in common. */
#ifndef APP_APP_H
#define APP_APP_H

#include <fuda/cv.h>
#include <fuda/jpki.h>
#include <fuda/person.h>
#include "base/cursor.h"
#include "card/card.h"

struct app {
	const struct aid *aid;
};

/* ---- kinds of tokens ---- */

enum key_type { KEY_RSA, KEY_EC };

/* What differs between the tokens that answer as a My Number card: card.md 2.3, 6. */
struct token_kind {
	enum fuda_token_kind kind;
	const char *name;
	const char *label; /* of its token information; NULL: none of those known */
	/* The authentication certificate can be read only after its PIN. */
	bool certificate_behind_pin;
	/* It has nothing but the JPKI application. */
	bool jpki_only;
	/* The card's keys, in every application. */
	enum key_type key;
	unsigned key_bits;
};

/* The row of a kind; that of FUDA_TOKEN_UNKNOWN says what is presumed before anything is read. */
const struct token_kind *token_kind(enum fuda_token_kind kind);
const struct token_kind *token_kind_by_label(const char *label);
/* Bytes of a signature by one of its keys. */
size_t token_signature_size(const struct token_kind *kind);

/* ---- jobs ---- */

/* Begins a job in application `aid`. FUDA_ENOTFOUND if the token has no such application, with a
 * message that says what to use instead; FUDA_EWRONGCARD if it is no My Number card. */
int app_begin(struct fuda_card *c, const struct aid *aid, struct fuda_deadline *dl);

/* ---- what a secret opens ---- */

struct app_access {
	enum fuda_pin pin;
	unsigned opens; /* a set of bits of the application's own */
};

/* Whether secret `with` opens all of `wanted`, by a table of `count` rows. FUDA_EINVAL; the message
 * says what does. */
int app_check_access(struct fuda_context *ctx, const struct app_access *rows, size_t count,
		     unsigned wanted, enum fuda_pin with);

/* ---- files ---- */

/* A file with its name for a person. */
struct app_file {
	struct ef ef;
	const char *what; /* N_("the attributes") */
	const char *step; /* N_("read the attributes") */
};

/* As card_read(), with messages that name the object. */
int app_read(struct fuda_card *c, const struct app_file *f, struct fuda_deadline *dl,
	     struct fuda_buf *ret_data);
/* Writes down `error` of reading `f`, which the context already has, in words that name it. */
int app_read_failed(struct fuda_context *ctx, const struct app_file *f, int error);

/* Copies `len` digits as a text. FUDA_EFORMAT. */
int app_take_digits(struct cursor *c, size_t len, char *ret);

/* Basic data: an object FFxx that holds objects numbered from DF(xx+1) on; `municipality` if
 * the fourth of them is one. */
int app_basic(struct fuda_card *c, const struct aid *aid, const struct app_file *f, uint32_t tag,
	      bool municipality, struct fuda_deadline *dl, struct fuda_basic *ret);

/* The key reference in record 1 of EF 0002 of the selected application: card.md 2.4, 2.5. */
int app_key_reference(struct fuda_card *c, struct fuda_deadline *dl, uint8_t ret[16]);

/* ---- the card's own key ---- */

#define DIGEST_INFO_MAX (19 + FUDA_DIGEST_MAX)

/* The DigestInfo of RFC 8017 9.2 for SHA-256, SHA-384 and SHA-512. FUDA_ENOTSUP, FUDA_EINVAL (the
 * digest's length is not its hash's). */
int digest_info(const struct fuda_digest *digest, uint8_t ret[DIGEST_INFO_MAX], size_t *ret_len);

/* Takes what the card answered as a signature by a key of `kind`, of its size or an error. */
int app_take_signature(struct fuda_card *c, const struct token_kind *kind,
		       const struct fuda_buf *answer, struct fuda_buf *ret_signature);

/* Has the selected application sign a challenge with its default key, which asks for no PIN:
 * card.md 3.1. A fresh one for NULL. */
int app_challenge(struct fuda_card *c, const uint8_t *given, struct fuda_deadline *dl,
		  struct fuda_response *ret);

#endif
