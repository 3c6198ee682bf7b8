/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of commands and responses, which are scripts: fuda-trace(5). */
#ifndef FUDA_TRACE_H
#define FUDA_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>
#include <fuda/context.h>
#include <fuda/deadline.h>
#include <fuda/pin.h>

/* Where text goes. `write` returns 0, or anything else to end it (FUDA_EFILE). No function below
 * keeps more of a trace in memory than a few statements, however long it is. All fail with
 * FUDA_EFILE (the file cannot be read), FUDA_EFORMAT (the message is "path:line:column: what is
 * wrong") and FUDA_ENOMEM. How long they take is up to the trace, a few lines of which may repeat
 * or include for hours: the time of `dl` does not count, but once it is cancelled they end with
 * FUDA_ECANCELLED. NULL: they cannot be cancelled. */
struct fuda_trace_sink {
	int (*write)(void *arg, const void *bytes, size_t len);
	void *arg;
};

/* Begins trace `path`: with its first line, readable for its owner alone. FUDA_EFILE if there is
 * something in it, unless `replace`, and in any case while another recording has it: who has it
 * keeps `ret_fd` open. `raw`: personal records shall be shown in it (secrets never are);
 * FUDA_EINVAL unless the user's configuration has "trace.raw = yes". A trace that could not be
 * written to its end, and may have a hole, is made read-only by whoever writes it. */
int fuda_trace_create(struct fuda_context *ctx, const char *path, bool raw, bool replace,
		      int *ret_fd);

/* Writes the trace in its canonical form. */
int fuda_trace_format(struct fuda_context *ctx, const char *path,
		      const struct fuda_trace_sink *sink);

/* Writes the trace for people: what each command is and is about, what the status word means, what
 * the data is made of. `certificate` writes a certificate as text (lines that end with newlines)
 * where one was read as a whole; NULL: left out. */
struct fuda_trace_show {
	bool brief; /* a line a command */
	int (*certificate)(void *arg, const uint8_t *der, size_t len,
			   const struct fuda_trace_sink *sink);
	void *arg;
};
int fuda_trace_show(struct fuda_context *ctx, const char *path, const struct fuda_deadline *dl,
		    const struct fuda_trace_show *how, const struct fuda_trace_sink *sink);

/* Compares two traces by what happens in them: comments, times, names and the way they are written
 * do not count; what is not shown is compared by length and hash where both were made with one key,
 * or the other shows it and the key is the user's. Writes where they differ. */
struct fuda_trace_comparison {
	unsigned long differences; /* steps that are not the same */
	unsigned long uncompared;  /* values that cannot be compared, but for their lengths, which
				    * are the same; no difference */
};
int fuda_trace_diff(struct fuda_context *ctx, const char *a, const char *b,
		    const struct fuda_deadline *dl, const struct fuda_trace_sink *sink,
		    struct fuda_trace_comparison *ret);

/* For Wireshark (pcapng of ISO 14443, with blocks made up around the APDUs), or an object of JSON a
 * line and command. */
enum fuda_trace_form { FUDA_TRACE_PCAPNG, FUDA_TRACE_JSON_LINES };
int fuda_trace_export(struct fuda_context *ctx, const char *path, const struct fuda_deadline *dl,
		      enum fuda_trace_form form, const struct fuda_trace_sink *sink);

/* What passed, counted. */
struct fuda_trace_summary {
	unsigned long commands;
	unsigned long failures; /* commands that have no response */
	unsigned long readers;	/* times that a reader and its card are told of */
	/* commands with a secret that left, or may have: all but those that a reset of the card
	 * came before ("! reset"), which were not sent */
	unsigned long secrets;
	unsigned long lost;  /* ... of these, those that have no response */
	unsigned long again; /* ... and those that came after one that was lost */
	unsigned long refused; /* ... and those that the card did not answer with 9000 */
	/* ... and those of which nobody knows what came of them: lost, or answered by something
	 * that does not tell (6F00, data) */
	unsigned long unclear;
};
int fuda_trace_summarize(struct fuda_context *ctx, const char *path,
			 const struct fuda_deadline *dl, struct fuda_trace_summary *ret);

/* ---- faults ---- */

/* The kinds of faults that "fault:KIND@N:READER" knows, in order, each with an argument to try it
 * with where it takes one ("sw=6F00"); NULL behind the last, and at once where the library was
 * built without that driver. Static. */
const char *fuda_fault_kind(size_t index);
/* Whether `spec` is what may stand between "fault:" and ":READER": 0, or FUDA_EINVAL with a message
 * that says what is wrong; FUDA_ENOTSUP without that driver. */
int fuda_fault_check(struct fuda_context *ctx, const char *spec);

/* ---- running one ---- */

/* What a script acts on. All return 0 or FUDA_E..., and write to the context why; members that are
 * NULL are not supported. */
struct fuda_trace_target {
	void *arg;
	int (*transmit)(void *arg, const uint8_t *command, size_t len,
			struct fuda_buf *ret_response);
	/* Presents secret `pin` of `application` ("jpki") and returns what fuda_pin_verify() does.
	 * `ret_sw` is what the card answered to it, 0 if it was not sent or the answer was lost. */
	int (*verify)(void *arg, enum fuda_pin pin, const char *application, uint16_t *ret_sw);
	/* VERIFY without data: fuda_pin_query(). */
	int (*query)(void *arg, uint8_t p2, bool five_bytes, struct fuda_buf *ret_response);
	int (*power)(void *arg, const char *how); /* "on", "reset", "off" */
	/* Waits until a card is there, or none. */
	int (*presence)(void *arg, bool there);
	int (*wait)(void *arg, uint64_t us);
};

/* One command, or one directive, and whether it went as the script says. Valid during the call. */
struct fuda_trace_check {
	const char *path;
	unsigned long line;
	const char *what; /* "SELECT jpki" */
	const char *why;  /* what was expected and what came; NULL if it passed */
	uint64_t us;	  /* what it took */
};

/* Reads script `path` to its end without running it, so that a mistake in it is known before
 * anything is sent: also a command with bytes left open, or {name} that no response before gives.
 * Calls `secret` for each secret that will be presented, in order: by "verify", or by a recorded
 * command whose secret the trace does not show; `wrong` where the script expects that it is not
 * the right one. What `secret` returns, if not 0, ends it. FUDA_EPINCOMMAND: there is a command
 * with a secret in it, which is said as "verify" instead. FUDA_EFORMAT: also where there is
 * nothing to run. */
int fuda_trace_secrets(struct fuda_context *ctx, const char *path, const struct fuda_deadline *dl,
		       int (*secret)(void *arg, enum fuda_pin pin, const char *application,
				     bool wrong),
		       void *arg);

/* Runs script `path`. `check` (not NULL) is told of each step. A step that fails does not end the
 * script, unless `stop`; what the target cannot do does, and so does a secret that is not accepted
 * where the script allows that it is, or whose answer was lost, whatever the script says: nobody
 * should spend another try of it. What a step that failed should have captured is not there for the
 * steps after it, which fail too; one of them that would have presented a secret ends the script. 0
 * if all passed; FUDA_EDEPARTED if the card answered something else than the script says;
 * FUDA_EPINCOMMAND as above, before it is sent; FUDA_EUNKNOWN; errors of the target. */
int fuda_trace_run(struct fuda_context *ctx, const char *path, const struct fuda_deadline *dl,
		   const struct fuda_trace_target *target, bool stop,
		   void (*check)(void *arg, const struct fuda_trace_check *check), void *arg);

#endif
