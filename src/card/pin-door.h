/* SPDX-License-Identifier: Apache-2.0 */
/* Behind the one door for PINs: what pin.c gives to the other pin-*.c, and to nobody else. */
#ifndef CARD_PIN_DOOR_H
#define CARD_PIN_DOOR_H

#include <stdbool.h>

#include "card/card.h"
#include "card/pin.h"

enum {
	PIN_P2_CURRENT = 0x80, /* the secret that is the current file */
	PIN_CLOSING_MS = 3000, /* to find out what a lost answer did, and to set things right */
};

/* A command with a secret in it; what cannot be done to a secret is not `known`. */
struct pin_command {
	uint8_t cla, ins, p1;
	bool known;
};

/* A place where the card keeps a secret. */
struct pin_place {
	enum fuda_pin pin;
	const struct aid *aid;
	uint16_t fid;
	struct pin_command change;
};

/* The `n`-th place of a secret, from 0; NULL if there are not so many. */
const struct pin_place *pin_place(enum fuda_pin pin, size_t n);

/* Makes a secret of the bytes that the card compares out of one that fuda_pin_check() accepts. */
int pin_folded(struct fuda_context *ctx, enum fuda_pin pin, const struct fuda_secret *secret,
	       struct fuda_secret **ret);

/* Makes the secret of a place whose application is selected the current file and reads its counter:
 * FUDA_TRIES_UNKNOWN if the card does not say. FUDA_ENOTFOUND if it has no such secret. */
int pin_read_counter(struct fuda_card *c, const struct pin_place *place, struct fuda_deadline *dl,
		     int *ret_tries);

/* Refuses to spend a try where `tries` are left: what would block the secret or cannot succeed.
 * FUDA_EPINBLOCKED, FUDA_ELASTTRY. */
int pin_check_tries(struct fuda_card *c, enum fuda_pin pin, int tries, bool use_last_try);

/* Whether the card is in the state we left it in and there is time to send it something: what is
 * known to fail beforehand must not become an unknown outcome. FUDA_ERESET, FUDA_ETIMEOUT,
 * FUDA_ECANCELLED. */
int pin_ready(struct fuda_card *c, struct fuda_deadline *dl);

/* The door: sends one command with `secret` for `pin`, once, whatever happens; after it the job
 * ends with the card powered off. It is built in the secret's own locked memory and wiped right
 * after. Any failure means that the card's answer was lost; it may have carried the command out. */
int pin_send(struct fuda_card *c, const struct pin_command *command, uint8_t p2, enum fuda_pin pin,
	     struct fuda_secret *secret, struct fuda_deadline *dl, uint16_t *ret_sw);

/* How many digits the secret has; 0 if not a fixed number, or if it has letters. */
size_t pin_digits(enum fuda_pin pin);

/* The door where the secret is typed on the reader, which pin_check_entry() allows; as pin_send().
 * `*ret_unsent` says that the reader did not send anything, by its own account: FUDA_ETIMEOUT,
 * FUDA_ECANCELLED and FUDA_EPINFORM are the person's then. */
int pin_send_typed(struct fuda_card *c, const struct pin_command *command, uint8_t p2,
		   enum fuda_pin pin, struct fuda_deadline *dl, uint16_t *ret_sw, bool *ret_unsent);

/* After a lost answer: reads the counter again, in its own time. Spends no try. */
int pin_read_again(struct fuda_card *c, const struct pin_place *place, int *ret_tries);

/* VERIFY, for a place whose application is selected and whose counter is `entry->tries_before`:
 * refuses, sends and judges as pin_verify() says. */
int pin_present(struct fuda_card *c, const struct pin_place *place, uint8_t p2,
		struct fuda_pin_entry *entry, struct fuda_deadline *dl);

#endif
