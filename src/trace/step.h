/* SPDX-License-Identifier: Apache-2.0 */
/* What a script sends to the card: one command or one secret. */
#ifndef TRACE_STEP_H
#define TRACE_STEP_H

#include <fuda/pin.h>

#include "trace/follow.h"
#include "trace/match.h"

enum { TRACE_WHAT_MAX = 160 };

struct trace_secret {
	const char *name;
	enum fuda_pin pin;
	const struct aid *home;
};

struct trace_step {
	/* what is transmitted, or its beginning if `unfilled`; not of a `secret` */
	struct fuda_buf command;
	bool query;    /* VERIFY without data */
	bool unfilled; /* some of its bytes are not known: not captured, or not shown */
	const struct trace_secret *secret; /* is presented; NULL: it is a command */
	const struct aid *place;	   /* ... in this application */
	struct trace_about about;
	char what[TRACE_WHAT_MAX]; /* for people */
	const char *refusal;	   /* why it is none */
};

#define TRACE_STEP_INIT ((struct trace_step){ .command = FUDA_BUF_INIT(TRACE_BYTES_MAX) })

/* What a step is made of. */
struct trace_maker {
	const struct trace_statement *statement; /* TRACE_COMMAND, TRACE_VERIFY */
	const struct trace_captures *captures;
	const struct trace_follow *follow;
};

/* A command with a secret that is not shown becomes that secret. FUDA_EPINCOMMAND (a command with a
 * secret that is written out, or one that cannot be understood), FUDA_EFORMAT: `ret->refusal` says
 * why. FUDA_ENOMEM, FUDA_ETOOBIG. To be freed in any case. */
int trace_step_make(const struct trace_maker *m, struct trace_step *ret);
void trace_step_free(struct trace_step *s);

/* The file of `secret` in `application`; NULL if it has none there. */
const struct trace_file *trace_secret_file(const struct trace_secret *secret,
					   const struct aid *application);
/* Whether a statement has an item of this kind. */
bool trace_has(const struct trace_statement *s, enum trace_item_kind kind);

#endif
