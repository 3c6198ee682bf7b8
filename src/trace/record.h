/* SPDX-License-Identifier: Apache-2.0 */
/* Writing down what passes, without what must not be shown. */
#ifndef TRACE_RECORD_H
#define TRACE_RECORD_H

#include "trace/follow.h"
#include "trace/statement.h"

/* ---- what must not be shown ---- */

/* Makes the keyed hashes. One key a user (the file trace.key in the user's configuration folder,
 * 32 bytes in hexadecimal, made at first use, for the user alone), so that traces of one user can
 * be compared and nobody else can try values. */
struct trace_keyring;
int trace_keyring_open(struct fuda_context *ctx, struct trace_keyring **ret);
/* The same, but makes no key: FUDA_ENOTFOUND if there is none yet. */
int trace_keyring_find(struct fuda_context *ctx, struct trace_keyring **ret);
void trace_keyring_free(struct trace_keyring **k);
/* Which key it is: four bytes that tell nothing about it. */
const uint8_t *trace_keyring_id(const struct trace_keyring *k);
int trace_hash(struct trace_keyring *k, const uint8_t *bytes, size_t len,
	       uint8_t ret_hash[TRACE_HASH]);

/* Makes the statements of one command and of its response: secrets always become SECRET, and what
 * is not known to be harmless DATA, unless `raw`. `response` has its SW1-SW2 at its end. The rule
 * is a list of what may be shown, not of what may not. */
int trace_redact_command(struct trace_keyring *k, const struct trace_about *about, bool raw,
			 const uint8_t *command, size_t len, struct trace_statement *ret);
int trace_redact_response(struct trace_keyring *k, const struct trace_about *about, bool raw,
			  const uint8_t *response, size_t len, struct trace_statement *ret);

/* ---- the recorder ---- */

struct trace_recorder;

/* What a reader and its card are, as the trace says it. */
struct trace_facts {
	const char *reader;
	const uint8_t *atr;
	size_t atr_len;
	const char *protocol; /* "T=1", ...; NULL: not known */
	size_t max_command, max_response;
	unsigned pad; /* enum reader_pad */
};

/* Appends to file `path` (made, with its first line, if it is not there or empty; only its owner
 * may read it), or to standard error if `path` is NULL. Each exchange is written at once, so that
 * processes can share a file. `raw` shows personal records, never secrets; it needs "trace.raw =
 * yes" in the user's configuration: FUDA_EINVAL without. FUDA_EFILE, FUDA_EFORMAT (a file that is
 * no trace), FUDA_ENOMEM. */
int trace_recorder_open(struct fuda_context *ctx, const char *path, bool raw,
			struct trace_recorder **ret);
/* With what FUDA_TRACE (the path) and FUDA_TRACE_RAW ("1") in the environment say. */
int trace_recorder_open_environment(struct fuda_context *ctx, struct trace_recorder **ret);
void trace_recorder_free(struct trace_recorder **r);

/* A card was connected to, or connected again; writes what differs from what was written last, and
 * forgets what is selected. */
int trace_record_facts(struct trace_recorder *r, const struct trace_facts *facts);
/* Another program may have used the card: what is selected is not known, and what is read not
 * shown, until something is selected again. */
void trace_record_forget(struct trace_recorder *r);
/* From here on a response may be the one to another command, and its status word may not be the
 * card's: nothing tells what it is, and none is shown. */
void trace_record_doubt(struct trace_recorder *r);
/* One command and what came of it: `response`, or `error` (FUDA_E...) if that is not 0. `typed`:
 * the secret was typed on the reader, `command` has its header alone. Whoever sent it has failed
 * if this fails: a trace with a hole is none. */
int trace_record_exchange(struct trace_recorder *r, const uint8_t *command, size_t len, bool typed,
			  const uint8_t *response, size_t response_len, int error, uint64_t us);
/* What else is sent is not recorded, which the file says by being read-only from here on, as after
 * every failure of these. */
void trace_record_break_off(struct trace_recorder *r);
/* The card's power was changed: "on", "reset", "off". */
int trace_record_power(struct trace_recorder *r, const char *how);

#endif
