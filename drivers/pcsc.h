/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the driver of the PC/SC service (pcsc-lite). */
#ifndef DRIVERS_PCSC_H
#define DRIVERS_PCSC_H

#include <stdatomic.h>
#include <winscard.h>

#include "base/worker.h"
#include "codec/apdu.h"
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

/* ---- pcsc-session.c ---- */

/* Lets the caller know that an abandoned worker is done. The last of the two frees it. */
struct pcsc_farewell {
	deadline_word said;
	_Atomic int holders;
};

/* What the worker of an open reader owns. */
struct pcsc_session {
	char name[MAX_READERNAME];  /* of the reader: as asked for, then as it is */
	char other[MAX_READERNAME]; /* a second reader that fits the name asked for */
	SCARDCONTEXT context;
	SCARDHANDLE card;
	DWORD protocol;
	bool has_context, connected;
	bool locked;          /* inside a transaction */
	bool off;             /* the card is to be switched off at the end of the transaction */
	bool stale;           /* we switched the card off; winscard wants a reconnect first */
	bool closing;         /* by the caller, not because he went away */
	bool secret;          /* one was sent in this transaction */
	struct pcsc_farewell *farewell;
	LONG gone;            /* why it is no longer connected */
	LONG rv;              /* how the job ended */
	bool lost;            /* the job found that another program had reset the card */
	struct pcsc_pad pad;
	DWORD initialization; /* of pcsc_job_power() */
	DWORD control;        /* code of pcsc_job_secure() */
	DWORD patience;       /* of pcsc_job_transmit(): milliseconds to find out what went wrong */
	uint8_t atr[MAX_ATR_SIZE];
	DWORD atr_len;
	struct fuda_buf command; /* wiped as soon as SCardTransmit() is back */
	DWORD response_len;
	uint8_t response[APDU_RESPONSE_MAX]; /* wiped as soon as it is handed over */
};

/* A worker with its session, for the reader called `name` or one whose name has that in it, and
 * what the caller may wait for when he abandons them; he then drops it. */
int pcsc_session_new(const char *name, struct worker **ret_worker, struct pcsc_session **ret,
		     struct pcsc_farewell **ret_farewell);
void pcsc_farewell_drop(struct pcsc_farewell *f);

/* For the worker, whose own is the session: each leaves in `rv` how it ended. */
void pcsc_job_open(void *own);
void pcsc_job_transmit(void *own);
void pcsc_job_secure(void *own);
void pcsc_job_lock(void *own);
void pcsc_job_unlock(void *own);
void pcsc_job_power(void *own);
void pcsc_job_off(void *own); /* outside a transaction */

/* The model is the name without what tells equal readers apart: the numbers, and a serial number in
 * parentheses or brackets. */
void pcsc_set_model(char model[128], const char *name);

#endif
