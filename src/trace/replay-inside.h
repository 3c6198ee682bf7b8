/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ways of replaying have in common. */
#ifndef TRACE_REPLAY_INSIDE_H
#define TRACE_REPLAY_INSIDE_H

#include "trace/match.h"
#include "trace/replay.h"

enum { REPLAY_WHY = 1024, REPLAY_ATR_MAX = 33 };

struct replay_index;

struct trace_replay {
	struct fuda_context *ctx;
	struct trace_script *script;
	/* the trace, up to what comes next of its first reader */
	struct trace_statement next; /* a command, a response, a failure, a change of power */
	bool has_next;
	bool elsewhere; /* what follows passed over another reader */
	/* what is known of the first reader and its card */
	struct trace_facts facts;
	char *reader;
	uint8_t atr[REPLAY_ATR_MAX];
	char protocol[TRACE_NAME_MAX + 1];
	uint8_t key[4]; /* which one the hashes of the trace were made with */
	bool has_key;
	/* the program */
	struct trace_captures *captures;
	struct trace_keyring *keyring; /* NULL until needed */
	struct trace_follow follow;
	bool begun;	   /* a command came */
	bool ignore_power; /* of the trace */
	struct replay_index *index; /* loose; else NULL */
	int ended;		    /* why nothing is answered any more, or 0 */
	char why[REPLAY_WHY];
};

/* A command of the program. */
struct replay_command {
	const uint8_t *bytes;
	size_t len;
	bool typed;
	struct trace_about about;
};

/* Makes sure that r->next is what comes next: 1; 0 at the end. Errors of trace_parse(). */
int replay_peek(struct trace_replay *r);
/* r->next is used. */
void replay_pass(struct trace_replay *r);

/* Writes down that it ends here with `code`, "path:line: text". */
int replay_end(struct trace_replay *r, int code, const char *path, unsigned long line,
	       const char *format, ...) _printf_(5, 6);
/* Ends with the code of a function that wrote to the context what is wrong. */
int replay_broken(struct trace_replay *r, int code);

/* Whether `c` is what statement `s`, a command or verify, says: 1 or 0, as trace_match(). Errors
 * but those of replay_is_open() are in the context. */
int replay_fits(struct trace_replay *r, const struct trace_statement *s,
		const struct replay_command *c, struct trace_departure *ret_where);

/* Whether error `e` means that these two cannot be compared, and no more than that. */
bool replay_is_open(int e);

/* Gives the response or failure `s`, which stands at `path`, as that of `c`. */
int replay_respond(struct trace_replay *r, const struct trace_statement *s, const char *path,
		   const struct replay_command *c, struct fuda_buf *ret_response,
		   uint64_t *ret_us);

/* Reads all of the trace. */
int replay_index_open(struct trace_replay *r, struct replay_index **ret);
void replay_index_free(struct replay_index **index);
int replay_index_command(struct trace_replay *r, const struct replay_command *c,
			 struct fuda_buf *ret_response, uint64_t *ret_us);
bool replay_index_over(struct replay_index *index);
int replay_index_finish(struct trace_replay *r);

#endif
