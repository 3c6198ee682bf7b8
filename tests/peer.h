/* SPDX-License-Identifier: Apache-2.0 */
/* A card that does what a test of readers needs, played to vpcd (readers.md A5). */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Commands that the card knows, by INS; others are answered by the command itself and 9000. */
enum {
	PEER_LONG = 0x02, /* P1 P2 + 1 bytes of 5A, then 9000 */
	PEER_MUTE = 0x03, /* never answered */
	PEER_STATE =
		0x04, /* the state, then 9000; P1 becomes the new state. Power off makes it 0. */
	PEER_BYTE = 0x06, /* one byte */
	PEER_PULL = 0x08, /* the card leaves */
};

struct peer;

/* Puts the card into the reader on `port` and waits until the service has seen it. `answers_reset`
 * false: a card that is mute from the start. */
struct peer *peer_insert(unsigned port, const char *reader, bool answers_reset);
/* Takes it out (NULL-safe, nulls) without waiting until the service has seen it. */
void peer_remove(struct peer **p);

struct peer_counts {
	atomic_int commands, offs, ons, resets;
};
const struct peer_counts *peer_counts(const struct peer *p);

/* Where the private service of pcscd-env.sh is not there, runs this program again inside it.
 * Returns inside only; FUDA_EFAILED if it cannot be. */
int peer_environment(const char *program);

/* The reader's port 0 or 1. */
unsigned peer_port(int reader);

#endif
