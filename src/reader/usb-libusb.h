/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files that use libusb share. */
#ifndef READER_USB_LIBUSB_H
#define READER_USB_LIBUSB_H

#include <libusb.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/deadline.h"
#include "reader/usb.h"

enum {
	SLICE_MS = 50, /* a cancel is noticed so much later at most */
	TRANSFER_MAX = 256 * 1024,
	LU_TEXT_MAX = 255,
};

/* ---- usb-libusb.c ---- */

/* What an error of libusb means, and what to do. Tables end with error 0: any other. */
struct failure {
	int error;
	int code;
	const char *text; /* may name the error, as %s */
};
const struct failure *lu_failure(const struct failure *table, int error);
int lu_explain(struct fuda_context *ctx, const struct failure *table, int error);

/* The end of `ms` milliseconds from now; -1, of no time at all, for -1. */
int64_t lu_end_after(int ms);
/* FUDA_EMUTE once the time `end` has come, or as deadline_check(). */
int lu_still_waiting(int64_t end, const struct fuda_deadline *dl);
/* Milliseconds to wait before looking again, `most` at most; `dl` may be NULL. */
int lu_slice(int64_t end, const struct fuda_deadline *dl, int most);
/* Lets libusb do what there is to do, for `ms` milliseconds or until *done. */
void lu_handle_events(libusb_context *context, int ms, int *done);

/* ---- usb-libusb-transfer.c ---- */

/* An endpoint that gives. */
struct source {
	uint8_t address;
	uint8_t type;
	uint16_t packet;
	struct fuda_buf kept; /* packets of a transfer that was taken back before its end */
	bool halted;
};

/* An open device. */
struct claim {
	struct usb usb;
	libusb_context *context;
	libusb_device_handle *handle;
	struct source in, interrupt;
	bool out_halted;
	_Atomic bool closing;
	deadline_word users; /* threads in a transfer */
	_Atomic int stuck;   /* what libusb still uses although nobody waits for it */
};

/* Members of struct usb_backend. */
int lu_out(struct usb *u, const uint8_t *bytes, size_t len, bool zlp, struct fuda_deadline *dl);
int lu_in(struct usb *u, size_t max, int ms, struct fuda_deadline *dl, struct fuda_buf *ret);
int lu_interrupt(struct usb *u, int ms, struct fuda_deadline *dl, struct fuda_buf *ret);
int lu_control(struct usb *u, uint8_t type, uint8_t request, uint16_t value, uint8_t *data,
	       uint16_t len, struct fuda_deadline *dl);

/* The text descriptor with that number, in UTF-16LE; number 0: its languages. Returns its bytes, 0
 * if there is none. Writes nothing down. */
int lu_text(struct claim *c, uint8_t number, uint16_t language, struct fuda_deadline *dl,
	    uint8_t ret[LU_TEXT_MAX]);

#endif
