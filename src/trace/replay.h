/* SPDX-License-Identifier: Apache-2.0 */
/* A trace that answers. */
#ifndef TRACE_REPLAY_H
#define TRACE_REPLAY_H

#include "trace/record.h"

struct trace_replay;

/* Opens `path`: what passed over its first `reader`; that of others is left out. `loose`: each
 * command is answered as the next unused time that it stands in the trace, wherever that is, or
 * else as the last time; commands that are bytes come before patterns. It then has to go to the
 * same application and file, where it is known what these are. The whole trace is kept in memory,
 * up to a maximum. Otherwise commands must come in the order of the trace, of which nothing is
 * kept. FUDA_EFILE, FUDA_EFORMAT, FUDA_ETOOBIG, FUDA_ENOMEM; those of `dl`, which is
 * heeded as below. */
int trace_replay_open(struct fuda_context *ctx, const char *path, bool loose,
		      const struct fuda_deadline *dl, struct trace_replay **ret);
void trace_replay_free(struct trace_replay **r);
/* What is read of the trace from here on has to be read within `dl`, or the trace has ended for
 * good: a few lines may repeat or include for hours. NULL: without end. */
void trace_replay_heed(struct trace_replay *r, const struct fuda_deadline *dl);

/* Reader, ATR, ... as of what the trace says up to here (if loose: last), defaults where it does
 * not. Owned. */
const struct trace_facts *trace_replay_facts(const struct trace_replay *r);

/* Answers one command: appends the recorded response with SW1-SW2. A failure of the trace (!) is
 * returned as that error. FUDA_EDEPARTED: the program does something else than the trace says; the
 * message is "path:line: ..." with what was expected and what came (secrets left out). Also where
 * the response is not shown in the trace. Once departed, always departed. `ret_us`: how long it
 * took when it was recorded, 0 if not known. `typed`: `command` has its header alone. */
int trace_replay_command(struct trace_replay *r, const uint8_t *command, size_t len, bool typed,
			 struct fuda_buf *ret_response, uint64_t *ret_us);
/* The power is changed: "on", "reset", "off". FUDA_EDEPARTED as above; never if loose. "on" before
 * the first command is passed over where only one of both has it. */
int trace_replay_power(struct trace_replay *r, const char *how);
/* Power changes of the trace pass by themselves, as where a service in between decides them. */
void trace_replay_ignore_power(struct trace_replay *r);
/* Whether nothing of the trace is left to be asked for, or it ended early. */
bool trace_replay_over(struct trace_replay *r);
/* Whether the program did all that the trace says: 0, or FUDA_EDEPARTED with the first that was
 * never asked for. */
int trace_replay_finish(struct trace_replay *r);
/* The message of what ended it, FUDA_EDEPARTED or another error; "" if nothing did. */
const char *trace_replay_why(const struct trace_replay *r);

#endif
