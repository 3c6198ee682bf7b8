/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a session: what applications and pin.c build on. */
#ifndef CARD_CARD_H
#define CARD_CARD_H

#include <fuda/card.h>
#include "base/context.h"
#include "codec/apdu.h"
#include "reader/reader.h"

enum { AID_MAX = 16, SFI_MAX = 30 };

struct aid {
	uint8_t bytes[AID_MAX];
	size_t len;
};

struct fuda_card {
	struct fuda_context *ctx;
	struct reader *reader;
	const struct aid *current; /* application selected in this job and epoch, or NULL */
	uint32_t epoch;		   /* of the reader when that was so */
	unsigned jobs;		   /* depth of card_job_begin() */
	bool verified;		   /* a secret was sent in this job */
	bool greeted;		   /* the card has answered a command in this epoch */
	int extended;		   /* extended length works: 1, 0, or -1 not known */
};

/* A job: the card is ours alone from begin to end, and the application selected stays so. Jobs nest. The
 * outermost end powers the card off if a secret was sent in it (only then), and unlocks. */
int card_job_begin(struct fuda_card *c, struct fuda_deadline *dl);
void card_job_end(struct fuda_card *c);
/* For _cleanup_: ends the job of *c unless *c is NULL. */
void card_job_cleanup(struct fuda_card **c);
#define _cleanup_job_ _cleanup_(card_job_cleanup)

/* Sends `a` as one command, by chaining where it does not fit a short APDU and extended length does not
 * work; collects 61xx, repeats after 6Cxx and after a first 6F00 since power-up. Appends the data to
 * `ret_data` (may be NULL if none is expected) and gives SW1-SW2. Not for PIN commands (FUDA_EPINCOMMAND).
 * FUDA_ERESET if the card was reset before it and the selection is lost. */
int card_command(struct fuda_card *c, const struct apdu *a, struct fuda_deadline *dl,
		 struct fuda_buf *ret_data, uint16_t *ret_sw);

/* Selects application `aid`, unless it already is in this job. FUDA_ENOTFOUND if it is not on the card. */
int card_select(struct fuda_card *c, const struct aid *aid, struct fuda_deadline *dl);

enum read_how {
	READ_TLV,   /* as long as the BER-TLV object that it starts with; filler is not fetched */
	READ_WHOLE, /* to the end of the file, or `max` bytes */
};

/* Reads file `fid` (1 to 0x1E) of the selected application: by short identifier, header first, the rest in
 * one extended read where that works, else in short ones. At most `max` bytes (FUDA_ETOOBIG).
 * FUDA_ENOTFOUND, FUDA_ESECURITY, FUDA_ESW, FUDA_EFORMAT (an object cut short; filler only is
 * FUDA_ENOTFOUND). */
int card_read(struct fuda_card *c, uint16_t fid, enum read_how how, size_t max,
	      struct fuda_deadline *dl, struct fuda_buf *ret_data);

/* Makes `fid` the current file. FUDA_ENOTFOUND, FUDA_ESW. */
int card_select_file(struct fuda_card *c, uint16_t fid, struct fuda_deadline *dl);

/* The error that status word `sw` stands for, written to the context; `what` is a translated text that says
 * what failed. 0 for 9000. */
int card_check_sw(struct fuda_card *c, uint16_t sw, const char *what);

#endif
