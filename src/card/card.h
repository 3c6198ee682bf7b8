/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a session: what applications and pin.c build on. */
#ifndef CARD_CARD_H
#define CARD_CARD_H

#include <stdbool.h>
#include <fuda/card.h>
#include "base/context.h"
#include "codec/apdu.h"
#include "codec/names.h"
#include "reader/reader.h"

struct token_kind;

enum extended {
	EXTENDED_UNKNOWN,
	EXTENDED_WORKS,
	EXTENDED_FAILS,
};

struct fuda_card {
	struct fuda_context *ctx;
	struct reader *reader;
	struct fuda_deadline
		*closing; /* time to leave a card in order when the caller's has run out */
	unsigned jobs;		       /* depth of fuda_card_begin() */
	/* what the card holds for us, as long as the reader's epoch is this one: */
	uint32_t epoch;
	const struct aid *application; /* selected in this job, or NULL */
	uint16_t file;		       /* current file, 0 if none or not known */
	bool greeted;		       /* the card has answered a command */
	/* in this job: */
	bool tapped; /* fuda_face_tap() sent its secret: once for each opening */
	bool secret_sent;
	unsigned restores;
	bool chaining; /* in the middle of a chained command */
	/* in this session: */
	enum extended extended;
	const struct token_kind *kind; /* the applications' knowledge, or NULL */
};

/* Makes a session of an open reader, which belongs to it from then on (and is closed on failure).
 */
int card_wrap(struct fuda_context *ctx, struct reader **reader, struct fuda_card **ret);

/* Ends the job of *c, for _cleanup_; nothing if *c is NULL. */
void card_end_cleanup(struct fuda_card **c);
#define _cleanup_job_ _cleanup_(card_end_cleanup)

/* Sends `a`, in pieces by chaining where it is too long for a short APDU and extended length does
 * not work; collects 61xx, repeats after 6Cxx and after 6F00 to the first command since power-up.
 * If another program reset the card, application and file are selected again and the command is
 * repeated, a few times a job and never once a secret was sent (FUDA_ERESET). Appends the data to
 * `ret_data`, gives SW1-SW2, whatever they are. FUDA_EPINCOMMAND: these go through pin.c. */
int card_command(struct fuda_card *c, const struct apdu *a, struct fuda_deadline *dl,
		 struct fuda_buf *ret_data, uint16_t *ret_sw);

/* Selects application `aid`, unless this job has done so. FUDA_ENOTFOUND if it is not on the card.
 */
int card_select(struct fuda_card *c, const struct aid *aid, struct fuda_deadline *dl);

/* Whether the card has it, by the same command; that it has not is no error. A phone may have its
 * application and not let it be selected before it was engaged (6985). */
int card_has(struct fuda_card *c, const struct aid *aid, struct fuda_deadline *dl, bool *ret);

/* Makes `fid` the current file. FUDA_ENOTFOUND, FUDA_ESW. */
int card_select_file(struct fuda_card *c, uint16_t fid, struct fuda_deadline *dl);

/* Selects application and file again. For pin.c, when the answer to a PIN command was lost. */
int card_restore(struct fuda_card *c, struct fuda_deadline *dl);

/* What to do about `error` of a command: if the card was reset before it (FUDA_ERESET), no secret
 * was sent in this job and it is not the umpteenth time, selects again and returns 0: send it
 * again. Otherwise the error. */
int card_recover(struct fuda_card *c, int error, struct fuda_deadline *dl);

enum read_how {
	READ_OBJECT, /* the BER-TLV object that the file starts with, without the filler behind it
		      */
	READ_BYTES,  /* the first `max` bytes, or fewer if the file ends before */
	READ_FILE,   /* the whole file with its filler; what gives `usual` bytes ends there */
};

/* A file, and what is known of it. */
struct ef {
	uint16_t fid; /* 1 to 0x1E */
	enum read_how how;
	size_t usual; /* bytes that it has on all cards known, or on most, or 0 */
	size_t max;   /* most bytes taken */
};

/* Appends what `ef` of the selected application holds: the first piece by short identifier, as
 * large as the file usually is if extended length works or may be tried, the rest in one extended
 * read where that works. FUDA_ENOTFOUND (no such file, or nothing but filler in it),
 * FUDA_ESECURITY, FUDA_ESW, FUDA_EFORMAT (the file ends inside its object), FUDA_ETOOBIG. */
int card_read(struct fuda_card *c, const struct ef *ef, struct fuda_deadline *dl,
	      struct fuda_buf *ret_data);

/* Cuts a file that was read as a whole (READ_OBJECT, READ_FILE) down to what card_read() gives of
 * it. Errors as there. */
int card_cut(struct fuda_card *c, const struct ef *ef, struct fuda_buf *data);

/* Appends record `number` of record file `fid` of the selected application, without taking it
 * apart. FUDA_ENOTFOUND (no such file or record), FUDA_ESECURITY, FUDA_ESW. */
int card_read_record(struct fuda_card *c, uint16_t fid, uint8_t number, struct fuda_deadline *dl,
		     struct fuda_buf *ret_data);

/* Finds out by a read of the free file `fid` whether extended length works, if that is not known:
 * it must never be tried for the first time after a PIN. */
int card_probe_extended(struct fuda_card *c, uint16_t fid, struct fuda_deadline *dl);

/* Takes notice that an answer came which only extended length can give. */
void card_extended_works(struct fuda_card *c);
/* Takes notice that a command with extended length failed: with `error` of the transport (the card
 * is then started afresh), or by what the card answered (0). */
int card_extended_fails(struct fuda_card *c, int error, struct fuda_deadline *dl);

/* Writes down the error that `sw` stands for and returns it; 0 for 9000. */
int card_check_sw(struct fuda_card *c, uint16_t sw);

#endif
