/* SPDX-License-Identifier: Apache-2.0 */
/* A library for LD_PRELOAD that stands between a program and libpcsclite: it writes down what
 * passes, and breaks it where it is told to. What is not broken reaches the program as it is.
 *
 * What it knows is shared by all threads of the program and guarded by one mutex, the monitor. It
 * is never held while a function of libpcsclite runs, as that may wait for another thread of the
 * program to end its transaction. Instead, commands of one reader take turns, so that they are
 * written down in the order in which the card got them. */
#ifndef PRELOAD_PRELOAD_H
#define PRELOAD_PRELOAD_H

#include <stdbool.h>

#include "preload/real.h"
#include "reader/driver.h"

/* ---- monitor.c ---- */

void monitor_enter(void);
void monitor_leave(void);
void monitor_leave_at_end(const bool *entered);
/* Among the declarations of a block: inside the monitor up to its end. */
#define MONITOR _cleanup_(monitor_leave_at_end) _unused_ bool entered = (monitor_enter(), true)

enum { OTHERS_MAX = 8 };

/* What a reader said that it can do, whichever connection of the program asked: control codes. */
struct features {
	DWORD verify, modify; /* of the keys for PINs; 0: none, or not asked for */
	DWORD others[OTHERS_MAX]; /* of what cannot be written down */
	size_t other_count;
};

/* A reader, for as long as the process lives. */
struct slot {
	char name[MAX_READERNAME];
	struct features features;
	bool busy;         /* a command of this process is on its way */
	SCARDHANDLE owner; /* of the transaction of this process, where `depth` is not 0 */
	unsigned depth;
	uint8_t room[MAX_BUFFER_SIZE_EXTENDED]; /* for the response on its way */
	struct slot *next;
};

/* What the program got from SCardConnect(). */
struct connection {
	SCARDHANDLE handle;
	SCARDCONTEXT context;
	struct slot *slot;
	DWORD share, protocols; /* as it asked for them */
	DWORD active;           /* the protocol that it got */
	uint8_t atr[MAX_ATR_SIZE];
	size_t atr_len;
	bool known; /* what reader and card are; the trace may have to be told it again */
	bool reset; /* the program was told that the card was reset, and did not reconnect yet */
	uint32_t epoch; /* of the card, as the program knows it */
	struct connection *next;
};

/* All of these inside the monitor. */
struct connection *connection_find(SCARDHANDLE handle);
/* Keeps a copy, in place of an older one of the same handle. FUDA_ENOMEM. */
int connection_put(const struct connection *c);
void connection_drop(SCARDHANDLE handle);
void connection_drop_context(SCARDCONTEXT context);
/* The slot of that name, made if need be; NULL: no memory. */
struct slot *slot_called(const char *name);

/* Waits for commands and transactions of other threads with this reader, giving up the monitor. */
void turn_take(struct slot *s, SCARDHANDLE handle);
void turn_give(struct slot *s);
/* The same for a transaction, which may hold several commands. */
void transaction_take(struct slot *s, SCARDHANDLE handle);
void transaction_give(struct slot *s, SCARDHANDLE handle);
/* libpcsclite let it begin, whoever we thought had one. */
void transaction_begun(struct slot *s, SCARDHANDLE handle);

/* The connection as it is now; false where it is none that we know, as after a mistake of the
 * program, which libpcsclite shall find. Outside of the monitor. */
bool connection_copy(SCARDHANDLE handle, struct connection *ret);

/* ---- stack.c: the readers that commands go through, and the trace ---- */

extern const struct driver driver_preload;

/* One command on its way. */
struct passage {
	struct connection c; /* as it was when the command came */
	const SCARD_IO_REQUEST *send_pci;
	SCARD_IO_REQUEST *receive_pci;
	const uint8_t *bytes; /* the command; or the structure that has a secret typed */
	size_t len;
	const uint8_t *header; /* of the command that a structure has, or NULL: `bytes` is one */
	DWORD control;         /* of that structure */
	bool modify;
	/* how it ended below, if it came there */
	bool called;
	LONG rv;
	int error;
	DWORD received;
	uint8_t stub; /* a response of one byte, which is none */
};

/* Inside the monitor. Opens the trace and what breaks it, once; SCARD_F_INTERNAL_ERROR if that is
 * not possible, which was said on standard error. */
LONG stack_open(void);
/* What has become of the card on purpose: SCARD_S_SUCCESS, SCARD_W_REMOVED_CARD,
 * SCARD_E_READER_UNAVAILABLE, and with a connection SCARD_W_RESET_CARD. Real events of the card are
 * not known here. */
LONG stack_state(const struct connection *c);
/* Whether anything is broken on purpose. */
bool stack_breaks(void);
/* What a new connection knows. */
uint32_t stack_epoch(void);

/* Sends `p` on its way when it is its turn, writes it down, and appends what the program gets.
 * Outside of the monitor. */
LONG stack_pass(struct passage *p, struct fuda_buf *ret_response);
/* Hands a response over to the program, after a call that ended with `rv`: as libpcsclite does,
 * which says how long one is that does not fit, and keeps it. */
LONG stack_hand_over(LONG rv, const struct fuda_buf *response, void *room, DWORD size,
		     DWORD *ret_len);
/* Inside the monitor, as what follows. A new connection, whose card the trace tells of. */
LONG stack_note_connection(const struct connection *c);
/* The program changed the power of the card of `c`, or another one did: "on", "reset", "off". What
 * is done is done: if it cannot be written down no more commands are sent. */
void stack_note_power(const struct connection *c, const char *how);
/* Another program may have used the card. */
void stack_note_others(void);
/* Says `text` on standard error. */
void stack_say(const char *text);

#endif
