/* SPDX-License-Identifier: Apache-2.0 */
/* Two readers for the IFD handler whose driver does as a test tells it. */
#ifndef TESTS_IFD_FAKE_H
#define TESTS_IFD_FAKE_H

#include <semaphore.h>

#include "ifd/slots.h"
#include "tests/cmocka.h"

enum { FAKES = 2, FAKE_COMMAND_MAX = 1000, FAKE_RESPONSE_MAX = 1200 };

#define LUN(n)	 ((DWORD)(n) << 16)
#define SLOT(n, s) (LUN(n) | (DWORD)(s))
#define FAKE_OFF (IFD_ICC_NOT_PRESENT) /* no look was taken, and no power given */

struct fake {
	/* what it shall do */
	atomic_int attach_error, power_error, transmit_error, present_error, secure_error;
	atomic_bool card; /* one is there */
	atomic_bool was_away; /* present() says once that none is */
	bool nameless;
	bool second;   /* it has a second interface */
	uint8_t slots; /* of each interface; 0: one, of which nothing is said */
	unsigned pad;
	uint16_t display;
	const char *serial; /* or NULL */
	uint16_t typed;	    /* the status word of what is typed; 0: 9000 */
	size_t response_len; /* 0: 2 */
	sem_t *entered, *leave; /* transmit() posts the one and waits for the other */
	/* what was done with it */
	uint8_t address;
	atomic_uint attached, transmits, presents, secures;
	unsigned taken; /* a bit for each slot */
	bool modify;
	size_t asked_len; /* of the structure that secure() had */
	int patience;	  /* milliseconds that it was given */
	unsigned powers;
	enum power last_power;
	unsigned flags;
};
extern struct fake fakes[FAKES];
extern bool fake_driverless;
extern const uint8_t fake_atr[FUDA_ATR_MAX];

/* Plugs both in, with cards; closes everything and unplugs them. */
int fake_setup(void **state);
int fake_teardown(void **state);
/* What pcscd calls it, valid until the next call. */
char *fake_name(unsigned i);

/* Opens fake `i` as number `n`; powers the card in number `n`. */
void fake_open(unsigned n, unsigned i);
void fake_power(unsigned n);
/* Sends a command of `len` bytes with room for `room`; checks what must always hold. */
RESPONSECODE fake_transmit(unsigned n, size_t len, size_t room);
/* The control code of a feature of part 10. */
DWORD fake_feature(unsigned feature);

#endif
