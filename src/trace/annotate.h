/* SPDX-License-Identifier: Apache-2.0 */
/* What passed in a trace, an event at a time, each with what can be said about it. */
#ifndef TRACE_ANNOTATE_H
#define TRACE_ANNOTATE_H

#include "trace/follow.h"
#include "trace/statement.h"

/* A command with what came of it, or something that is done. */
struct trace_event {
	const struct trace_statement *what;    /* any kind but RESPONSE, FAILURE and EMPTY */
	const struct trace_statement *outcome; /* RESPONSE or FAILURE to it; NULL: there is none */
	const char *path;		       /* where it stands: the trace or an included file */
	unsigned long number;		       /* of a COMMAND or VERIFY, from 1 */
	/* of a COMMAND */
	struct trace_about about;
	const struct fuda_buf *command; /* its bytes, zeros for those that are not known */
	unsigned command_hides;		/* enum trace_hides */
	/* of a RESPONSE */
	const struct fuda_buf *data; /* without status word, likewise */
	unsigned data_hides;
	bool sw_known; /* it can only be one */
	uint16_t sw;   /* that, or the first that it may be */
};

struct trace_walk;

/* Opens `path`; include and repeat are carried out, until
 * `dl` is cancelled, unless that is NULL. Errors of trace_script_open(). */
int trace_walk_open(struct fuda_context *ctx, const char *path, const struct fuda_deadline *dl,
		    struct trace_walk **ret);
void trace_walk_free(struct trace_walk **w);
/* The next event, valid until the next call. 1; 0 at the end; errors of trace_script_next(). */
int trace_walk_next(struct trace_walk *w, const struct trace_event **ret);

/* How reading a trace ended: `r`, or, if that is 0, `end`, which is what became of its output; with
 * its message. */
int trace_ended(struct fuda_context *ctx, int r, int end);

enum { TRACE_TITLE_MAX = 160 };
/* What an event is: commands in the words of the standards and of scripts, which are the same in
 * every language ("SELECT jpki", "READ BINARY auth-certificate 0..255", "VERIFY auth <secret>"),
 * directives as they are written. Printable ASCII. */
void trace_event_title(const struct trace_event *event, char ret[TRACE_TITLE_MAX]);

/* What the application is called where it is issued; "" if not known. Static, UTF-8. */
const char *trace_application_title(const struct aid *application);

#endif
