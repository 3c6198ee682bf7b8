/* SPDX-License-Identifier: Apache-2.0 */
/* Commands as a message names them: what they are, and as much of them as may be shown. */
#ifndef TRACE_DESCRIBE_H
#define TRACE_DESCRIBE_H

#include "trace/follow.h"
#include "trace/statement.h"

enum { TRACE_DESCRIPTION = 256 };

/* "SELECT jpki (00 A4 04 0C 0A D3 ...)". Data is shown of commands that only say what they are
 * about; of all others, and of those with a secret, the header. `typed`: `command` has its header
 * alone, the rest is typed on the reader. */
void trace_describe(const struct trace_follow *f, const uint8_t *command, size_t len, bool typed,
		    char out[TRACE_DESCRIPTION]);

/* The same of a statement, TRACE_COMMAND or TRACE_VERIFY, that has bytes which are not known. */
void trace_describe_statement(const struct trace_follow *f, const struct trace_statement *s,
			      char out[TRACE_DESCRIPTION]);

/* Whether the last item of a command is TRACE_TYPED; `ret_before` is how many items stand before
 * it. */
bool trace_is_typed(const struct trace_statement *command, size_t *ret_before);

#endif
