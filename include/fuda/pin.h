/* SPDX-License-Identifier: Apache-2.0 */
/* The card's secrets: what they are called, what they may look like, how many tries they have. */
#ifndef FUDA_PIN_H
#define FUDA_PIN_H

#include <stdbool.h>
#include <stddef.h>
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

/* A secret that a call may use, once, and what came of it. */
struct fuda_pin_entry {
	struct fuda_secret *secret; /* the caller's */
	bool use_last_try; /* allow the try after which the secret would be blocked */
	/* set by the call, FUDA_TRIES_UNKNOWN where not known: */
	int tries_before;
	int tries_after;
	bool sent; /* the secret left for the card */
};

#define FUDA_PIN_ENTRY(s) \
	((struct fuda_pin_entry){ (s), false, FUDA_TRIES_UNKNOWN, FUDA_TRIES_UNKNOWN, false })

#endif
