/* SPDX-License-Identifier: Apache-2.0 */
/* PINs typed on the keys of a reader: the structures of PC/SC part 10 that ask for it. */
#ifndef READER_PAD_H
#define READER_PAD_H

#include <stdbool.h>
#include <fuda/buf.h>

/* Status words that a reader gives in the card's stead, after which nothing was sent to the card:
 * part 10, 2.6.6. Cards know them as well. */
enum pad_status {
	PAD_TIMEOUT = 0x6400,	/* nothing typed in time */
	PAD_CANCELLED = 0x6401, /* by its keys */
	PAD_UNEQUAL = 0x6402,	/* a new secret and its confirmation */
	PAD_LENGTH = 0x6403,	/* too few digits, or too many */
};

enum {
	PAD_COMMAND_MIN = 4,
	PAD_COMMAND_MAX = 261,			/* a short APDU */
	PAD_STRUCTURE_MAX = 24 + PAD_COMMAND_MAX, /* to change a secret */
	PAD_MESSAGES = 3,
	PAD_PROLOGUE = 3,
};

/* PIN_VERIFY_STRUCTURE or PIN_MODIFY_STRUCTURE. The fields are as the standard has them where it
 * does not say otherwise here; what it names bits of is the reader's firmware to understand. */
struct pad_entry {
	uint8_t timeout, timeout2; /* seconds to the first key, and then; 0: the reader's own */
	uint8_t format, block, length_format;
	uint8_t min, max; /* digits */
	uint8_t validation;
	uint8_t messages; /* 0 to 3, or FF: the reader's own */
	uint16_t language;
	uint8_t indices[PAD_MESSAGES]; /* to verify: only the first */
	uint8_t prologue[PAD_PROLOGUE];
	/* to change: */
	bool modify;
	uint8_t old_offset, new_offset, confirm;
	const uint8_t *command; /* in which the reader puts what is typed */
	size_t len;
};

/* Appends PIN_VERIFY_STRUCTURE. */
int pad_build_verify(const struct pad_entry *e, struct fuda_buf *ret);

/* Takes apart what any program may have made up; ret->command points into `structure`.
 * FUDA_EFORMAT: lengths that do not agree, a command that is none or too long, more digits at least
 * than at most, a number of messages that there is not. */
int pad_parse(bool modify, const uint8_t *structure, size_t len, struct pad_entry *ret);

/* Whether the reader says that it has keys for PINs and they are not to be used: it has none, or
 * tells the computer what is typed on them. */
bool pad_is_false(uint16_t vendor, uint16_t product);

#endif
