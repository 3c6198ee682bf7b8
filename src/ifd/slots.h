/* SPDX-License-Identifier: Apache-2.0 */
/* The readers that the PC/SC service has opened with us, by its numbers for them. */
#ifndef IFD_SLOTS_H
#define IFD_SLOTS_H

#include <pthread.h>
#include <PCSC/ifdhandler.h>

#include "base/deadline.h"
#include "reader/reader.h"

/* Milliseconds that each call may take at most. */
enum ifd_time {
	CREATE_MS = 5000,    /* start the device; another program may only be looking at it */
	POWER_MS = 5000,     /* a cold reset of a contact card: 1.2 s at each of 3 voltages */
	TRANSMIT_MS = 60000, /* a signature takes seconds; slow links and waiting times more */
	PRESENCE_MS = 2000,  /* one exchange with the card, or looking for both types of card */
	POLL_MS = 250,	     /* between two looks for a card: what feels like at once */
	TYPING_MS = 90000,   /* a PIN on the reader's keys, at least: it may keep its own time */
};

/* A card, as the service is told of it. It must hear of every absence, or it takes another card, or
 * the same one without its verified PIN, for the one that it knew. */
enum card {
	CARD_ABSENT,
	CARD_THERE,
	CARD_LEFT, /* was away or is lost: absent until the service has heard so */
};

/* Where a device is and what it says it is. */
struct place {
	uint8_t bus, address;
	uint16_t vendor, product, release;
};

struct slot {
	pthread_mutex_t lock; /* of all that follows, except where it says atomic */
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct reader *reader; /* NULL: nothing is open here */
	struct place place;
	unsigned number; /* which of the device's slots it is, counted over all its interfaces */
	uint32_t generation; /* counts openings, so that who waited knows that it is another one */
	bool powered;
	enum card card;
	bool told;   /* that it left */
	bool heard;  /* a card was there when the service last asked on its own account */
	bool polled; /* `poller` is the service's thread for this reader: it called slot_wait() */
	pthread_t poller;
	int64_t used_ms;    /* when the card last answered */
	deadline_word bell; /* atomic: wakes the poller */
	atomic_bool stop;   /* the poller shall return */
};

/* A Lun is reader << 16 | slot. Opens the first slot of an interface of the device called `name`;
 * NULL: of the first of those listed in the table of devices. A further slot is one of the reader
 * whose first is open under the same number, whatever `name` says. An IFD_ code. */
RESPONSECODE slot_open(DWORD lun, const char *name);
RESPONSECODE slot_close(DWORD lun);

/* The slot of this number, locked, or NULL if none is open. */
struct slot *slot_take(DWORD lun);
/* Unlocks it. */
void slot_give(struct slot **s);
#define _slot_ _cleanup_(slot_give)

/* The budget for a call, begun now. */
struct fuda_deadline *slot_budget(struct slot *s, int ms);

/* The IFD code of `e`, 0 or FUDA_E...; failures go to the service's log. */
RESPONSECODE slot_code(struct slot *s, int e);

/* IFD_SUCCESS if there is a card that has power, for a command. */
RESPONSECODE slot_ready(const struct slot *s);
/* The code of what came of a command, 0 or FUDA_E...; where the card is in doubt, the poller
 * looks. */
RESPONSECODE slot_done(struct slot *s, int e);

/* The card has just answered. */
void slot_used(struct slot *s);
/* Makes the poller look at once. */
void slot_doubt(struct slot *s);

/* IFD_ICC_PRESENT, IFD_ICC_NOT_PRESENT, or what is wrong. */
RESPONSECODE slot_presence(struct slot *s);

/* Returns as soon as a card came or went since the service last asked for its presence, and after
 * `timeout` milliseconds; other calls get through meanwhile. */
RESPONSECODE slot_wait(DWORD lun, int timeout);
/* Makes the wait that is going on, or else the next one, return. */
RESPONSECODE slot_stop(DWORD lun);

#endif
