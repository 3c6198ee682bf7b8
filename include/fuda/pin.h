/* SPDX-License-Identifier: Apache-2.0 */
/* The card's secrets: what they are called, what they may look like, how many tries they have. */
#ifndef FUDA_PIN_H
#define FUDA_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/card.h>
#include <fuda/secret.h>

enum fuda_pin {
	FUDA_PIN_AUTH,	/* 利用者証明用暗証番号: 4 digits */
	FUDA_PIN_SIGN,	/* 署名用パスワード: 6 to 16 of A-Z, 0-9 */
	FUDA_PIN_TEXT,	/* 券面事項入力補助用暗証番号: 4 digits */
	FUDA_PIN_JUKI,	/* 住民基本台帳用暗証番号: 4 digits */
	FUDA_PIN_A,	/* 照合番号A: 12 digits */
	FUDA_PIN_B,	/* 照合番号B: 14 digits */
	FUDA_PIN_BIRTH, /* 生年月日: 6 digits */
	FUDA_PINS,
};

/* The short name used by programs: "auth", "sign", "text", "juki", "a", "b", "birth". Static. */
const char *fuda_pin_name(enum fuda_pin pin);
/* What a person calls it, in the language of LC_MESSAGES. Static. */
const char *fuda_pin_title(enum fuda_pin pin);

/* What it looks like ("4 digits"), likewise. Static. */
const char *fuda_pin_form(enum fuda_pin pin);

/* Whether `secret` could be right by its length and characters (small letters of the sign password
 * count as capitals). 0 or FUDA_EPINFORM; the message says what is expected, never what was given.
 */
int fuda_pin_check(struct fuda_context *ctx, enum fuda_pin pin, const struct fuda_secret *secret);

#define FUDA_TRIES_UNKNOWN (-1)

/* One counter of the card. Some secrets are kept twice, in two applications. */
struct fuda_pin_counter {
	enum fuda_pin pin;
	const char *application; /* "jpki", "text", "face", "common", "juki"; static */
	int tries; /* tries left, 0 if blocked, FUDA_TRIES_UNKNOWN if the card does not say */
};

#define FUDA_PIN_COUNTERS_MAX 16

/* Asks the card for its try counters; spends no try. Secrets whose application is not on the card
 * are left out. `ret_counters` has room for FUDA_PIN_COUNTERS_MAX. */
int fuda_pin_counters(struct fuda_card *card, struct fuda_deadline *dl,
		      struct fuda_pin_counter *ret_counters, size_t *ret_count);

/* The counter of one secret, the lowest where the card keeps several: fewer commands than all of
 * them. Spends no try. FUDA_TRIES_UNKNOWN if the card does not say; FUDA_ENOTFOUND if the secret is
 * not on the card. */
int fuda_pin_tries(struct fuda_card *card, enum fuda_pin pin, struct fuda_deadline *dl,
		   int *ret_tries);

/* Whether secrets can be typed on the keys of the card's reader. Readers that are known to have
 * none, or none that are safe, do not count, whatever they say. */
bool fuda_card_has_pin_pad(const struct fuda_card *card);

/* A secret that a call may use, once, and what came of it. */
struct fuda_pin_entry {
	/* The caller's. NULL: the reader has it typed on its keys, for which the person has to be
	 * asked before; only if fuda_card_has_pin_pad(), and not for the sign password, whose
	 * letters no reader has: FUDA_ENOTSUP. The calls then also fail with FUDA_ECANCELLED,
	 * FUDA_ETIMEOUT or FUDA_EPINFORM if the person cancels, does not type in time, or types too
	 * few or too many digits, and with FUDA_ENOTSUP if the reader does not take what it is
	 * asked, and the counter shows that no try was lost; else with FUDA_EUNKNOWN. Leave the
	 * time for it in the deadline. */
	struct fuda_secret *secret;
	bool use_last_try; /* allow the try after which the secret would be blocked */
	/* set by the call, FUDA_TRIES_UNKNOWN where not known: */
	int tries_before;
	int tries_after;
	bool sent;   /* the secret left for the card, or may have */
	uint16_t sw; /* SW1-SW2 that the card answered to it; 0: none */
	/* The caller's, as the first two: send it only if the counter can be read and shows at
	 * least so many tries, for who spends the tries of somebody else; FUDA_ELASTTRY otherwise,
	 * whatever `use_last_try` says. 0: no such rule. */
	int tries_least;
};

#define FUDA_PIN_ENTRY(s) \
	((struct fuda_pin_entry){ (s), false, FUDA_TRIES_UNKNOWN, FUDA_TRIES_UNKNOWN, false, 0, 0 })

/* Presents the secret `pin`, once, and leaves it verified and its application selected: what it
 * opens can be read by fuda_card_transmit() until the job ends, the card loses power or an
 * application is selected. Only inside a job (fuda_card_begin()), which then ends with the card
 * powered off: FUDA_EINVAL outside. `application` says where ("text", "face"), if the card keeps
 * the secret in two; NULL: the first of them. Nothing is selected again that is selected already,
 * so that several secrets of an application can be verified together. The counter is asked first;
 * a blocked secret and, unless allowed, the last try are refused (FUDA_EPINBLOCKED, FUDA_ELASTTRY),
 * and a counter that cannot be read counts as the last try. FUDA_EINVAL (`application` does not
 * keep it), FUDA_EPINFORM, FUDA_EPINWRONG, FUDA_ENOTFOUND (not on the card), FUDA_ERESET (another
 * program reset the card before; nothing was sent), FUDA_EUNKNOWN (the answer was lost, or does not
 * tell; what the counter says then is in the message), those of `entry->secret`, and those of the
 * transport. */
int fuda_pin_verify(struct fuda_card *card, enum fuda_pin pin, const char *application,
		    struct fuda_pin_entry *entry, struct fuda_deadline *dl);

/* Sends VERIFY without data, which asks for a counter and spends nothing, with the P2 given: 80 for
 * the current file, 80 | the short identifier for another of the selected application. In 4 bytes,
 * or with a length of zero as the 5th. Appends what the card answers (63Cx, 6984, ...) as
 * fuda_card_transmit() does. */
int fuda_pin_query(struct fuda_card *card, uint8_t p2, bool five_bytes, struct fuda_deadline *dl,
		   struct fuda_buf *ret_response);

/* ---- changing a secret ---- */

enum fuda_pin_holds {
	FUDA_PIN_HOLDS_OLD, /* unchanged: the old one, if that was accepted there */
	FUDA_PIN_HOLDS_NEW,
	/* one of the two: the card's answer to the change was lost, or does not tell, or the card
	 * denied afterwards what it had confirmed */
	FUDA_PIN_HOLDS_EITHER,
};

#define FUDA_PIN_COPIES_MAX 2

/* One place where the card keeps the secret. */
struct fuda_pin_copy {
	const char *application; /* static */
	enum fuda_pin_holds holds;
	int tries_before; /* FUDA_TRIES_UNKNOWN where not known */
	int tries_after;
	unsigned sent; /* commands with a secret that left for it */
};

/* What to change, and what came of it. */
struct fuda_pin_change {
	enum fuda_pin pin; /* auth, sign, text or juki; the others cannot be changed */
	const struct fuda_secret *old, *fresh;
	bool use_last_try; /* allow the try after which the secret would be blocked */
	/* The application whose copy alone is changed, as when copies differ; NULL: all. */
	const char *only;
	/* set by the call: */
	struct fuda_pin_copy copies[FUDA_PIN_COPIES_MAX];
	size_t count; /* of copies; 0 if it failed before the card said where */
};

/* Whether `fresh` may become the secret: fuda_pin_check(), and a sign password has both letters and
 * digits. 0 or FUDA_EPINFORM. */
int fuda_pin_check_new(struct fuda_context *ctx, enum fuda_pin pin,
		       const struct fuda_secret *fresh);

/* Changes a secret as one job, and powers the card off. The old one is sent once to each copy
 * before anything is changed. The secret of the resident register lives in two applications that
 * cannot be open at once: the second copy then takes the old secret a second time, and if it cannot
 * be changed, the first is changed back (which takes the new secret, then the old). Nothing is ever
 * sent again because its answer was lost. `change` says for each copy what it holds, whatever
 * happens. 0 when all copies hold the new secret; FUDA_EPINWRONG, FUDA_EPINBLOCKED, FUDA_ELASTTRY,
 * FUDA_EUNKNOWN (an answer was lost, or does not tell), FUDA_ENOTSUP, FUDA_ENOTFOUND (the card has
 * no such secret), FUDA_EPINFORM, FUDA_ESW (the card refused the new one), FUDA_EPINSPLIT (the
 * copies now differ), FUDA_ERESET and those of the transport. */
int fuda_pin_change(struct fuda_card *card, struct fuda_pin_change *change,
		    struct fuda_deadline *dl);

/* Makes the secret out of what is printed on the card. For verification number B and the birth date
 * key `typed` holds the digits themselves, or the birth date (as 1980-02-17, 1980/02/17, 19800217,
 * or its six digits, with the year of the Japanese era or as the foreign resident's office says)
 * and for B also the card's year of expiry and its security code, with blanks between them
 * ("1980-02-17 2035 2285" gives 55021720352285). For verification number A it is the My Number,
 * with blanks or hyphens between groups or without; its check digit must fit. For other secrets it
 * is `typed` as it is. Always a new secret. FUDA_EPINFORM: nothing was sent. */
int fuda_pin_compose(struct fuda_context *ctx, enum fuda_pin pin, const struct fuda_secret *typed,
		     struct fuda_secret **ret);

#endif
