/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the driver of the PC/SC service (pcsc-lite). */
#ifndef DRIVERS_PCSC_H
#define DRIVERS_PCSC_H

#include <winscard.h>

#include "reader/driver.h"

enum { PCSC_CLOSE_MS = 2000 }; /* for a worker to end; after that it goes on without the caller */

#define PCSC_TAKEN                                                                           \
	N_("Another program keeps the card for itself. End it, or have it release the card " \
	   "(GnuPG: \"gpgconf --kill scdaemon\"), and try again.")

/* ---- pcsc-error.c: each writes down what happened and returns its code ---- */

/* While a reader is being listed or opened. */
int pcsc_explain_opening(struct fuda_context *ctx, LONG rv);
/* While a connection is in use. */
int pcsc_explain(struct fuda_context *ctx, LONG rv);
/* A wait for the service that ended with `code`. */
int pcsc_interrupted(struct fuda_context *ctx, int code);

/* ---- pcsc-list.c: members of struct driver, and what workers call ---- */

LONG pcsc_establish(SCARDCONTEXT *ret);
int pcsc_list(struct fuda_context *ctx, struct fuda_deadline *dl, struct fuda_reader_list *list);
int pcsc_wait(struct fuda_context *ctx, struct fuda_deadline *dl,
	      const struct fuda_reader_list *known);

/* ---- pcsc-pad.c ---- */

/* What can be done with secrets typed on the reader: control codes, 0 for what cannot. */
struct pcsc_pad {
	bool known; /* it was asked */
	DWORD verify, modify;
};

/* For a worker. SCARD_E_SHARING_VIOLATION: another program has the card for itself just now. */
LONG pcsc_ask_pad(SCARDHANDLE card, struct pcsc_pad *ret);

#endif
