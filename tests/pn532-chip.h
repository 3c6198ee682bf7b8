/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the emulated PN532: pn532-chip.c carries out commands, pn532.c is the line that brings them. */
#ifndef TESTS_PN532_CHIP_H
#define TESTS_PN532_CHIP_H

#include <pthread.h>

#include "tests/pn532.h"

enum {
	DATA_MAX = 265,	 /* of an extended frame: TFI, code and 263 more */
	RECEIVED_MAX = 2048,
	RESPONSE_MAX = 65538,
	STATUS_TIMEOUT = 0x01,
	STATUS_MORE = 0x40, /* of a response */
	IN_DATA_EXCHANGE = 0x40,
};

struct pn532 {
	int master, slave, stop;
	char path[64];
	pthread_t thread;
	pthread_mutex_t lock;

	uint8_t in[RECEIVED_MAX];
	size_t in_len;
	bool awake, field, patient; /* calls cards for ever */
	uint8_t registers[0x10000];

	struct vcard *card;
	bool active, halted;
	uint8_t pupi; /* the part that changes */
	enum pn532_kind kind;
	uint8_t rest[RESPONSE_MAX]; /* of a response */
	size_t rest_at, rest_len;

	enum pn532_fault fault;
	int fault_code;
	unsigned fault_in;
	void (*on_fault)(void);
	struct pn532_counts counts;
};

struct answer {
	uint8_t bytes[DATA_MAX - 2];
	size_t len;
	bool none; /* the chip goes on waiting for a card */
};

/* Notes what the host did wrong. */
void pn532_violation(struct pn532 *p, const char *what, unsigned detail);
/* The field is off, or the card away. */
void pn532_lose_power(struct pn532 *p);

/* Whether it is a command, with as much behind it as belongs there. */
bool pn532_knows(const uint8_t *command, size_t len);
void pn532_add_byte(struct answer *a, uint8_t byte);
/* Carries out one of these. */
void pn532_carry_out(struct pn532 *p, const uint8_t *command, size_t len, struct answer *ret);

#endif
