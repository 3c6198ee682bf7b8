/* SPDX-License-Identifier: Apache-2.0 */
/* Two readers for the IFD handler whose driver does as a test tells it. */
#ifndef TESTS_IFD_FAKE_H
#define TESTS_IFD_FAKE_H

#include <semaphore.h>

#include "ifd/slots.h"
#include "tests/cmocka.h"

enum { FAKES = 2, FAKE_COMMAND_MAX = 1000, FAKE_RESPONSE_MAX = 1200 };

#define LUN(n)	 ((DWORD)(n) << 16)
#define FAKE_OFF (IFD_ICC_NOT_PRESENT) /* no look was taken, and no power given */

struct fake {
	/* what it shall do */
	atomic_int attach_error, power_error, transmit_error, present_error;
	atomic_bool card; /* one is there */
	atomic_bool was_away; /* present() says once that none is */
	bool nameless;
	bool second; /* it has a second slot */
	size_t response_len; /* 0: 2 */
	sem_t *entered, *leave; /* transmit() posts the one and waits for the other */
	/* what was done with it */
	uint8_t address;
	atomic_uint attached, transmits, presents;
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

#endif
