/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/describe.h"

#include <stdarg.h>
#include <string.h>

enum { HEADER = 4, SHOWN_MAX = 32 /* bytes */ };

static void add(char out[TRACE_DESCRIPTION], const char *format, ...) _printf_(2, 3);

static void add(char out[TRACE_DESCRIPTION], const char *format, ...)
{
	size_t used = strlen(out);
	va_list ap;

	va_start(ap, format);
	vsnprintf(out + used, TRACE_DESCRIPTION - used, format, ap);
	va_end(ap);
}

/* Which file, application or secret it is about; NULL if that is not known. */
static const char *subject(const struct trace_about *a)
{
	if (a->selects)
		return a->selects->name;
	if (a->secret)
		return a->secret;
	return a->file ? a->file->name : NULL;
}

/* Whether its data, if it has any, only says what it is about. */
static bool is_plain(enum trace_command_kind kind)
{
	switch (kind) {
	case TRACE_IS_SELECT:
	case TRACE_IS_READ:
	case TRACE_IS_GET_DATA:
	case TRACE_IS_GET_RESPONSE:
	case TRACE_IS_CHALLENGE:
	case TRACE_IS_TRIES:
		return true;
	default:
		return false;
	}
}

/* `known`: how many bytes may be shown at most. */
static void describe(const struct trace_follow *f, const uint8_t *command, size_t len, size_t known,
		     bool typed, char out[TRACE_DESCRIPTION])
{
	struct trace_about a;
	size_t shown;

	trace_about(f, command, len, &a);
	shown = MIN(known, typed || !is_plain(a.kind) ? (size_t)HEADER : (size_t)SHOWN_MAX);
	*out = 0;
	add(out, "%s", *a.name ? a.name : _("a command"));
	if (subject(&a))
		add(out, " %s", subject(&a));
	for (size_t i = 0; i < shown; i++)
		add(out, "%s%02X", i ? " " : " (", command[i]);
	if (typed)
		add(out, "%s", _(" <typed>"));
	else if (shown < len)
		add(out, _(" and %zu bytes"), len - shown);
	add(out, "%s", shown ? ")" : "");
}

void trace_describe(const struct trace_follow *f, const uint8_t *command, size_t len, bool typed,
		    char out[TRACE_DESCRIPTION])
{
	describe(f, command, len, len, typed, out);
}

bool trace_is_typed(const struct trace_statement *command, size_t *ret_before)
{
	size_t n = command->count;

	while (n && command->items[n - 1].kind == TRACE_NOTE)
		n--;
	if (!n || command->items[n - 1].kind != TRACE_TYPED)
		return false;
	*ret_before = n - 1;
	return true;
}

void trace_describe_statement(const struct trace_follow *f, const struct trace_statement *s,
			      char out[TRACE_DESCRIPTION])
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(TRACE_BYTES_MAX);
	struct trace_sketch sketch;
	size_t before;

	*out = 0;
	if (s->kind == TRACE_VERIFY)
		add(out, "verify %s", s->word);
	else if (s->kind == TRACE_POWER)
		add(out, "power %s", s->word);
	else if (s->kind != TRACE_COMMAND)
		add(out, "%s", _("a response without a command"));
	else if (trace_sketch(s, &bytes, &sketch) == 0)
		describe(f, bytes.data, bytes.len, sketch.known, trace_is_typed(s, &before), out);
}
