/* SPDX-License-Identifier: Apache-2.0 */
/* ISO-DEP over a link to the card's side of it (picc.h). Time is simulated: nobody waits. */
#ifndef TESTS_ISODEP_H
#define TESTS_ISODEP_H

#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "reader/contactless.h"
#include "reader/isodep.h"
#include "tests/picc.h"

struct air {
	struct picc *picc;
	bool type_a;
	uint64_t us; /* simulated time */
	unsigned long frames;
	/* at this frame (1 the first since air_start(), 0 never), after the card has heard it */
	unsigned long stop_at;
	enum { STOP_CANCEL, STOP_TIME, STOP_READER } stop;
	int stopped;
};

static inline int air_stop(struct air *air, struct fuda_deadline *dl)
{
	switch (air->stop) {
	case STOP_CANCEL:
		fuda_deadline_cancel(dl);
		return FUDA_ECANCELLED;
	case STOP_TIME:
		fuda_deadline_restart(dl, 0);
		return FUDA_ETIMEOUT;
	default:
		return FUDA_EREADERGONE;
	}
}

static inline int air_exchange(void *arg, const uint8_t *frame, size_t len, uint32_t us, struct fuda_deadline *dl,
			       struct fuda_buf *ret)
{
	struct air *air = arg;
	enum picc_said said = picc_frame(air->picc, air->type_a, frame, len, 8, ret);
	bool late = said != PICC_SILENT && picc_took_us(air->picc) > us;

	air->us += said == PICC_SILENT || late ? us : picc_took_us(air->picc);
	if (++air->frames == air->stop_at)
		return air->stopped = air_stop(air, dl);
	if (said == PICC_SILENT || late) {
		fuda_buf_clear(ret);
		return FUDA_EMUTE;
	}
	return said == PICC_DAMAGED ? FUDA_EFORMAT : 0;
}

/* One frame of activation. Whether it was answered. */
static inline bool air_ask(struct air *air, const uint8_t *frame, size_t len, unsigned bits, struct fuda_buf *ret)
{
	fuda_buf_clear(ret);
	return picc_frame(air->picc, air->type_a, frame, len, bits, ret) == PICC_ANSWERED;
}

static inline bool air_activate_b(struct air *air, struct fuda_buf *answer, struct contactless *ret)
{
	uint8_t attrib[ATTRIB_SIZE];

	if (!air_ask(air, (const uint8_t[]){ 0x05, 0x00, 0x18 }, 3, 8, answer) ||
	    contactless_parse_atqb(answer->data, answer->len, ret) < 0)
		return false;
	contactless_attrib(ret, false, attrib);
	return air_ask(air, attrib, sizeof(attrib), 8, answer) &&
	       contactless_parse_attrib(answer->data, answer->len, ret) == 0;
}

static inline bool air_activate_a(struct air *air, struct fuda_buf *answer, struct contactless *ret)
{
	uint8_t rats[RATS_SIZE], select[7] = { 0x93, 0x70 };

	if (!air_ask(air, (const uint8_t[]){ 0x52 }, 1, 7, answer))
		return false;
	do {
		if (!air_ask(air, (const uint8_t[]){ select[0], 0x20 }, 2, 8, answer) || answer->len != 5)
			return false;
		memcpy(select + 2, answer->data, 5);
		if (!air_ask(air, select, sizeof(select), 8, answer) || answer->len != 1)
			return false;
		select[0] += 2;
	} while (answer->data[0] & 0x04);
	contactless_rats(false, rats);
	return air_ask(air, rats, sizeof(rats), 8, answer) &&
	       contactless_parse_ats(answer->data, answer->len, ret) == 0;
}

/* The field off and on, and activation. Whether that worked. */
static inline bool air_start(struct air *air, struct fuda_context *ctx, struct isodep *ret)
{
	struct fuda_buf answer = FUDA_BUF_INIT(256);
	struct isodep_link link = { air, air_exchange, CONTACTLESS_FSD - 2 };
	struct contactless c;
	bool good;

	picc_field(air->picc, false);
	picc_field(air->picc, true);
	air->frames = 0;
	good = air->type_a ? air_activate_a(air, &answer, &c) : air_activate_b(air, &answer, &c);
	fuda_buf_free(&answer);
	if (good)
		isodep_start(ret, ctx, &link, c.fsc, c.fwt_us);
	return good;
}

/* A card that gives back what it got, from the fifth byte on and again as often as need be, in as many bytes as the
 * first four say, and a status word. Counts. */
static inline int air_echo(void *arg, const uint8_t *command, size_t len, struct fuda_buf *ret)
{
	unsigned *count = arg;
	size_t n = (size_t)command[0] << 24 | command[1] << 16 | command[2] << 8 | command[3];

	++*count;
	for (size_t i = 0; i < n; i++)
		if (fuda_buf_append(ret, command + 4 + i % (len - 4), 1) < 0)
			abort();
	return fuda_buf_append(ret, "\x90\x00", 2);
}

/* A command of `len` bytes (5 or more) for it. */
static inline void air_command(size_t len, size_t answer, struct fuda_buf *ret)
{
	const uint8_t head[] = { (uint8_t)(answer >> 24), (uint8_t)(answer >> 16), (uint8_t)(answer >> 8),
				 (uint8_t)answer };

	fuda_buf_clear(ret);
	if (fuda_buf_append(ret, head, sizeof(head)) < 0)
		abort();
	for (size_t i = 4; i < len; i++)
		if (fuda_buf_append(ret, (const uint8_t[]){ (uint8_t)(i * 31 + (i >> 8)) }, 1) < 0)
			abort();
}

/* Whether that is its answer to this. */
static inline bool air_is_answer(const struct fuda_buf *command, size_t answer, const struct fuda_buf *response)
{
	if (response->len != answer + 2 || memcmp(response->data + answer, "\x90\x00", 2) != 0)
		return false;
	for (size_t i = 0; i < answer; i++)
		if (response->data[i] != command->data[4 + i % (command->len - 4)])
			return false;
	return true;
}

#endif
