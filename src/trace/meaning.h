/* SPDX-License-Identifier: Apache-2.0 */
/* What an event of a trace means, in a size that does not depend on it: for comparing. */
#ifndef TRACE_MEANING_H
#define TRACE_MEANING_H

#include <fuda/hash.h>
#include "trace/annotate.h"
#include "trace/record.h"

enum {
	MEANING_SHOWN = 98,   /* bytes of texts, with the NUL: a line */
	MEANING_SAMPLE = 512, /* bytes of a response */
};

/* Bytes as a statement gives them, however they are written there. */
struct trace_meant_bytes {
	struct fuda_digest with_hashes; /* what is hidden by its length and hash */
	struct fuda_digest without;	/* ... by its length alone */
	size_t len;			/* of all of them, the least that there may be */
	bool hides;			/* <data n HASH> is among them */
	/* of bytes that are all shown: both digests of what a trace has that hides their data */
	struct fuda_digest hidden, hidden_without;
};

struct trace_meaning {
	enum trace_kind kind;	 /* COMMAND, VERIFY, or what is done */
	enum trace_kind outcome; /* RESPONSE, FAILURE; EMPTY: there is none */
	struct trace_meant_bytes command, response;
	uint8_t header[4];	     /* of the command; zeros for what is no command */
	const struct trace_file *file; /* that the command is about; NULL: not known, or none */
	bool selects;		     /* it is a SELECT */
	struct fuda_digest statuses; /* of a response; in no order */
	int error;		     /* of a failure */
	bool key_known, key_own; /* own: that of the keyring */
	uint8_t key[4];		 /* of the hashes */
	/* for people, UTF-8 */
	unsigned long line;
	char title[TRACE_TITLE_MAX];
	char command_shown[MEANING_SHOWN], outcome_shown[MEANING_SHOWN];
	uint8_t sample[MEANING_SAMPLE]; /* of the response, as much as is known from its start */
	size_t sample_len;
};

/* Whether an event counts at all: what passed or was done, not where it passed. */
bool trace_means_something(const struct trace_event *event);

/* `key`: four bytes that say with which key hashes were made, NULL if not known; `keyring` makes
 * hashes of what is shown, unless it is NULL; `scratch` is for use inside. FUDA_ENOMEM,
 * FUDA_ETOOBIG, FUDA_EFAILED. */
int trace_meaning(const struct trace_event *event, const uint8_t *key,
		  struct trace_keyring *keyring, struct fuda_buf *scratch,
		  struct trace_meaning *ret);

/* Whether the commands, the outcomes, are the same; what is known to read another file is another
 * command. What is hidden is compared by its hash: with
 * another that was made with the same key, or with that of what is shown if it is the keyring's;
 * else by its length, and then, if they are the same, `by_length` (unless NULL) is counted up. */
bool trace_same_command(const struct trace_meaning *a, const struct trace_meaning *b,
			unsigned long *by_length);
bool trace_same_outcome(const struct trace_meaning *a, const struct trace_meaning *b,
			unsigned long *by_length);

/* What `scratch` must have room for. */
enum { MEANING_SCRATCH = 2 * TRACE_BYTES_MAX + 64 * TRACE_ITEMS_MAX };

#endif
