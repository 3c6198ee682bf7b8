/* SPDX-License-Identifier: Apache-2.0 */
/* Command and response APDUs, ISO 7816-4 clause 5. */
#ifndef CODEC_APDU_H
#define CODEC_APDU_H

#include <stdbool.h>
#include <fuda/buf.h>
#include <fuda/error.h>

#define APDU_COMMAND_MAX  65544 /* header 4, extended Lc 3, data 65535, extended Le 2 */
#define APDU_RESPONSE_MAX 65538 /* data 65536, status word 2 */

struct apdu {
	uint8_t cla, ins, p1, p2;
	const uint8_t *data; /* NULL if lc is 0; not owned */
	size_t lc;	     /* 0 to 65535 */
	size_t le;	     /* 0: no data expected; 1 to 65536 */
	bool extended;	     /* extended length fields */
};

/* Appends the encoded command. FUDA_EINVAL if lc or le do not fit the short form and `extended` is
 * not set; FUDA_ETOOBIG, FUDA_ENOMEM. */
int apdu_build(const struct apdu *a, struct fuda_buf *ret_command);

/* Parses a command; ret->data points into it. FUDA_EFORMAT for anything that is not exactly one of
 * the seven cases. */
int apdu_parse(const uint8_t *command, size_t len, struct apdu *ret);

/* Splits the status word off a response in place: shortens `response` by it. FUDA_EFORMAT under 2
 * bytes. */
int apdu_take_sw(struct fuda_buf *response, uint16_t *ret_sw);

/* Whether the command presents, changes or resets a secret (VERIFY, CHANGE and their kin, or a
 * wrapping that may hide one), in any class, chained or wrapped: DESIGN "The PIN has one door".
 * Short inputs are judged by what is there. The retry query (VERIFY of 4 bytes) counts too. */
bool apdu_is_pin_command(const uint8_t *command, size_t len);

#endif
