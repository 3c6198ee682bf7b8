/* SPDX-License-Identifier: Apache-2.0 */
/* A session with a card. */
#ifndef FUDA_CARD_H
#define FUDA_CARD_H

#include <fuda/buf.h>
#include <fuda/context.h>
#include <fuda/deadline.h>

struct fuda_card;

/* Bytes of the largest response this library takes: 65536 and the status word. */
#define FUDA_RESPONSE_MAX 65538

/* Connects to the card in `reader`: its name, a unique part of its name, or NULL for the first
 * reader that holds a My Number card (found by its JPKI application, never by ATR); if only one
 * reader holds a card that one is taken without asking the card. FUDA_ENOREADER, FUDA_ENOCARD,
 * FUDA_EMUTE, FUDA_EBUSY, FUDA_EWRONGCARD (several cards, none of them a My Number card),
 * FUDA_ENOSERVICE, FUDA_EACCESS, FUDA_EINVAL (more than one reader matches), FUDA_ETIMEOUT,
 * FUDA_ECANCELLED. */
int fuda_card_open(struct fuda_context *ctx, const char *reader, struct fuda_deadline *dl,
		   struct fuda_card **ret);

/* Closes the connection. The card keeps its power unless a job that verified a secret ends here. */
void fuda_card_free(struct fuda_card **card);

/* The full name of the reader, "driver:rest". Owned by the card. */
const char *fuda_card_reader(const struct fuda_card *card);

/* The answer to reset; NULL if the reader gives none. Owned by the card. */
const uint8_t *fuda_card_atr(const struct fuda_card *card, size_t *ret_len);

/* What passed between reader and card since fuda_card_open(), in APDUs and their bytes. */
struct fuda_apdu_count {
	unsigned long count;
	unsigned long sent;
	unsigned long received;
};
struct fuda_apdu_count fuda_card_apdus(const struct fuda_card *card);

/* Checks that the card has the JPKI application. FUDA_EWRONGCARD if not. */
int fuda_card_probe(struct fuda_card *card, struct fuda_deadline *dl);

/* Keeps other programs away from the card from begin to end: a job. Jobs nest. The calls of this
 * library that talk to the card are jobs of their own; use these to make one of several. The
 * outermost end powers the card off if a secret was sent to it meanwhile (only then), so that
 * nobody finds it verified. Keep jobs short. */
int fuda_card_begin(struct fuda_card *card, struct fuda_deadline *dl);
void fuda_card_end(struct fuda_card *card);

enum fuda_power {
	FUDA_POWER_ON,	  /* cold: the card starts afresh, with nothing selected or verified */
	FUDA_POWER_RESET, /* warm: nothing is selected; what was verified may stay so */
	FUDA_POWER_OFF,	  /* at the latest when the job ends; the next command powers it on */
};

/* Changes the power of the card. Others see a card that was reset. FUDA_ENOTSUP if the reader
 * cannot, FUDA_ENOCARD, FUDA_EREMOVED, FUDA_EMUTE. */
int fuda_card_power(struct fuda_card *card, enum fuda_power how, struct fuda_deadline *dl);

/* Sends one command APDU of `len` bytes as it is and appends what the card answers, data and
 * SW1-SW2, to `ret_response`. PIN commands (VERIFY, CHANGE and their kin, in any class, chained or
 * wrapped) are refused with FUDA_EPINCOMMAND before anything is sent: see <fuda/pin.h>. A status
 * word is not an error here. */
int fuda_card_transmit(struct fuda_card *card, const uint8_t *command, size_t len,
		       struct fuda_deadline *dl, struct fuda_buf *ret_response);

#endif
