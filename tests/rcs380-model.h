/* SPDX-License-Identifier: Apache-2.0 */
/* The Sony RC-S380 as a test plays it: strict, and with a card of picc.h on it. Made from readers.md A2 as the
 * driver is, but sharing no line with it; no real device has been compared. */
#ifndef TESTS_RCS380_MODEL_H
#define TESTS_RCS380_MODEL_H

#include "tests/model.h"
#include "tests/picc.h"

/* With no card. `settings` as for picc_new(). The functions below may be called while it is played. */
struct usb_model *rcs380_model_new_with(const struct picc_settings *settings);
struct usb_model *rcs380_model_new(void);

/* As picc_insert(). When it returns the card that was in is used no more. */
void rcs380_model_insert(struct usb_model *m, struct vcard *v);
/* The card's side. */
struct picc *rcs380_model_picc(struct usb_model *m);
/* A FeliCa card lies there instead. */
void rcs380_model_felica(struct usb_model *m, bool there);

/* What the device does to the `n`th command from now on, 1 the next. */
enum rcs380_fault {
	RCS380_FINE,
	RCS380_DEAF,	     /* says nothing at all to it */
	RCS380_NO_ACK,	     /* says the answer alone */
	RCS380_NO_ANSWER,    /* does it, and says the ACK alone, until the host breaks it off */
	RCS380_ERROR_FRAME,  /* instead of the ACK */
	RCS380_ERROR_ANSWER, /* an error frame instead of the answer */
	RCS380_ACK_TWICE,
	RCS380_BAD_START,
	RCS380_BAD_LENGTH,   /* the checksum of the length */
	RCS380_BAD_DATA,     /* the checksum of the data */
	RCS380_BAD_END,	     /* the postamble */
	RCS380_LENGTH,	     /* says that `arg` bytes of data are there (checksum right) */
	RCS380_WRONG_CODE,   /* that of another answer */
	RCS380_WRONG_SIDE,   /* a command instead of an answer */
	RCS380_CUT,	     /* the payload of the answer, to `arg` bytes */
	RCS380_PADDED,	     /* `arg` bytes more in the payload */
	RCS380_STATUS,	     /* `arg` as status, and nothing behind it */
	RCS380_ENDS_EARLY,   /* the frame after `arg` bytes, for ever */
	/* What is unusual but harmless. */
	RCS380_SPLIT,	 /* ACK and answer in transfers of `arg` bytes */
	RCS380_TOGETHER, /* ACK and answer in one transfer */
	RCS380_TRAILING, /* `arg` bytes behind the answer, in the same transfer */
	RCS380_STALE,	 /* first an answer that belongs to an older command */
	RCS380_EMPTY,	 /* first an empty transfer */
	/* and not */
	RCS380_STALE_FOREVER,
	RCS380_EMPTY_FOREVER,
	RCS380_LATE, /* NO_ANSWER; but when broken off, it says the answer nevertheless */
};
void rcs380_model_fault(struct usb_model *m, enum rcs380_fault fault, unsigned n, unsigned arg);
/* The same to all of them, from now on; RCS380_FINE ends it. */
void rcs380_model_always(struct usb_model *m, enum rcs380_fault fault, unsigned arg);

/* What the host has done that it must not do, or NULL. */
const char *rcs380_model_complaint(struct usb_model *m);
/* How often it had this command; -1: any. */
unsigned long rcs380_model_commands(struct usb_model *m, int code);
/* How often the host has broken off whatever runs. */
unsigned long rcs380_model_acks(struct usb_model *m);
/* How long the last InCommRF had the device wait, in 0.1 ms. */
unsigned rcs380_model_wait(struct usb_model *m);
bool rcs380_model_field(struct usb_model *m);

#endif
