/* SPDX-License-Identifier: Apache-2.0 */
/* Follows what is selected on a card by the commands that pass, so that it is known what each is
 * about. What cannot be followed counts as not known. */
#ifndef TRACE_FOLLOW_H
#define TRACE_FOLLOW_H

#include "trace/names.h"

struct trace_follow {
	const struct aid *application;      /* NULL: not known */
	uint16_t file;                      /* current EF, 0: none or not known */
	const struct trace_file *continued; /* what a READ left for GET RESPONSE; NULL */
};

enum trace_command_kind {
	TRACE_IS_OTHER,
	TRACE_IS_SELECT, /* of an application or a file */
	TRACE_IS_READ,   /* READ BINARY, READ RECORD */
	TRACE_IS_GET_DATA,
	TRACE_IS_GET_RESPONSE,
	TRACE_IS_CHALLENGE,
	TRACE_IS_TRIES,   /* VERIFY without data: asks for the counter */
	TRACE_IS_VERIFY,  /* a secret is presented */
	TRACE_IS_PIN,     /* another command with secrets: CHANGE and kin, wrapped, or malformed */
	TRACE_IS_SIGN,    /* `80 2A`, INTERNAL AUTHENTICATE */
	TRACE_IS_SECURE,  /* secure messaging: data is enciphered */
	TRACE_IS_SESSION, /* ENVELOPE to a phone: its data is enciphered, and no secret goes to it
			   */
};

#define TRACE_OFFSET_UNKNOWN SIZE_MAX

/* What a command is about. */
struct trace_about {
	enum trace_command_kind kind;
	const char *name;              /* "SELECT", "READ BINARY", ...; "" if not known. Static */
	const struct aid *application; /* that it goes to, or selects; NULL if not known */
	const struct trace_file *file; /* that it selects, reads, uses or goes on reading; NULL if
					* not known */
	size_t offset;                 /* READ: where in the file; TRACE_OFFSET_UNKNOWN */
	const char *secret;            /* TRIES, VERIFY: which one; NULL if not known */
	const struct aid *selects;     /* of a SELECT by AID that is known */
};

/* What `command` is about, as the card stands. Never fails; takes any bytes. */
void trace_about(const struct trace_follow *f, const uint8_t *command, size_t len,
		 struct trace_about *ret);

/* Takes notice that `command` was answered with `sw`. */
void trace_follow(struct trace_follow *f, const uint8_t *command, size_t len, uint16_t sw);
/* The card lost power or was reset, or nothing is known of it any more. */
void trace_follow_reset(struct trace_follow *f);

#endif
