/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the emulated CCID readers, among themselves. */
#ifndef TESTS_CCID_INSIDE_H
#define TESTS_CCID_INSIDE_H

#include <pthread.h>

#include "base/util.h"
#include "tests/ccid-model.h"

enum {
	HEAD = 10,
	SLOTS = 2,
	MESSAGE_MAX = HEAD + 65544,
	TYPES = 256,
	LEVEL_TPDU = 0x10000,
	LEVEL_SHORT = 0x20000,
	LEVEL_EXTENDED = 0x40000,
	NEGOTIATES = 0x40, /* all by itself */
	AUTO_VOLTAGE = 0x08,
	FAILED = 0x40,
	EXTENSION = 0x80,
	MUTE = 0xFE,
	PARITY = 0xFD,
};

struct kind {
	const char *name, *product;
	uint16_t vendor, id;
	uint8_t class, slots, voltages, protocols;
	uint32_t clock, rate, ifsd, features, message;
	bool no_interrupt, chains;
	struct icc_settings card;
	uint8_t pins; /* bPINSupport */
	uint16_t display;
	bool one_message, no_message, all_indices; /* what it wants otherwise than others */
};

/* A slot and the APDU that is on its way in it. */
struct slot {
	struct vcard *card;
	struct icc *icc; /* at TPDU level */
	bool changed, powered, parameters;
	struct fuda_buf command, response;
	size_t given; /* bytes of the response that the host has */
};

/* Its keys, and the command that waits for them. */
struct pad {
	char keys[64];
	bool by_itself; /* they come from elsewhere, anew each time */
	unsigned delay, asks; /* milliseconds until they are pressed; between requests for time */
	uint8_t held[HEAD + 400];
	size_t held_len;
	int64_t begun, asked;
};

struct model {
	struct usb_model usb;
	pthread_mutex_t lock;
	const struct kind *kind;
	struct slot slots[SLOTS];
	struct fuda_buf out; /* messages to the host, each behind its length in 4 bytes */
	size_t at;	     /* bytes of the first that it has */
	const char *complaint;
	enum ccid_abort abort;
	bool spoken_to, notice, aborting, waiting, dead, endless;
	uint8_t last_seq, abort_seq;
	unsigned voltage;
	uint8_t rates[64];
	size_t rates_len;
	enum ccid_fault fault;
	unsigned fault_in, fault_arg;
	unsigned long commands[TYPES], all;
	struct pad pad;
};

/* A message to the host. */
struct message {
	uint8_t type, slot, seq, status, error, chain;
	const uint8_t *data;
	size_t len;
};

static inline void complain(struct model *m, const char *what)
{
	if (!m->complaint)
		m->complaint = what;
}

static inline void fail_with(struct message *t, uint8_t error)
{
	t->status |= FAILED;
	t->error = error;
}

/* ---- ccid-model-slot.c ---- */

uint8_t slot_status(const struct slot *s);
/* Loses the APDU that is on its way. */
void slot_forget(struct slot *s);
/* Does what the message asks for; the answer goes into `t` and `data`. */
void slot_obey(struct model *m, const uint8_t *b, size_t len, struct message *t, struct fuda_buf *data);
/* s->command is whole. */
void slot_carry_out(struct model *m, struct slot *s, struct message *t, struct fuda_buf *data);
/* What the card said to a block or TPDU. */
void slot_heard(enum icc_said said, struct message *t, struct fuda_buf *data);

/* ---- ccid-model-pad.c ---- */

void pad_hold(struct model *m, const uint8_t *b, size_t len);
void pad_drop(struct model *m);
/* Whether the command that is held can go on: keys have been pressed, time is over, or the card is away. */
bool pad_due(const struct model *m);
/* Whether the reader asks for time now. */
bool pad_asks(struct model *m);
void pad_obey(struct model *m, struct slot *s, const uint8_t *b, size_t len, struct message *t, struct fuda_buf *data);

#endif
