/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a secret: for card/pin.c, mykey/ask.c that registers one, and pki/token.c, whose
 * secret is no card's. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdint.h>
#include <fuda/secret.h>

struct fuda_secret {
	size_t len;
	uint8_t bytes[FUDA_SECRET_MAX];
	uint8_t command[FUDA_SECRET_MAX]; /* room to build the command that carries it */
};

#endif
