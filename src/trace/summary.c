/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/trace.h>
#include <string.h>

#include "trace/annotate.h"
#include "trace/match.h"

enum { SW_OK = 0x9000 };

static bool has_secret(const struct trace_event *event)
{
	if (event->about.kind == TRACE_IS_SESSION)
		return false;
	return event->what->kind == TRACE_VERIFY || event->command_hides & TRACE_HIDES_SECRET ||
	       event->about.kind == TRACE_IS_VERIFY || event->about.kind == TRACE_IS_PIN;
}

/* Whether the answer says what came of a secret: accepted, wrong, or not carried out (ISO 7816-4
 * 5.1.3; 6F says nothing). None to a secret has data. */
static bool tells(const struct trace_statement *answer)
{
	static const uint8_t refusals[] = { 0x63, 0x64, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6D, 0x6E };

	if (!answer || answer->kind != TRACE_RESPONSE || !answer->status_count || answer->count)
		return false;
	return trace_match_status(answer, SW_OK) ||
	       memchr(refusals, answer->statuses[0].sw >> 8, sizeof(refusals));
}

static void count(const struct trace_event *event, struct fuda_trace_summary *s)
{
	bool failed = event->outcome && event->outcome->kind == TRACE_FAILURE;

	s->commands++;
	s->failures += failed || !event->outcome;
	if (!has_secret(event) || (failed && event->outcome->error == FUDA_ERESET))
		return;
	s->again += s->lost != 0;
	s->secrets++;
	s->lost += failed || !event->outcome;
	s->unclear += !tells(event->outcome);
	s->refused += event->outcome && event->outcome->kind == TRACE_RESPONSE &&
		      !trace_match_status(event->outcome, SW_OK);
}

int fuda_trace_summarize(struct fuda_context *ctx, const char *path,
			 const struct fuda_deadline *dl,
			 struct fuda_trace_summary *ret)
{
	struct fuda_trace_summary s = { 0 };
	const struct trace_event *event;
	struct trace_walk *w;
	int r = trace_walk_open(ctx, path, dl, &w);

	if (r < 0)
		return r;
	while ((r = trace_walk_next(w, &event)) > 0)
		if (event->number)
			count(event, &s);
		else
			s.readers += event->what->kind == TRACE_READER;
	trace_walk_free(&w);
	if (r == 0)
		*ret = s;
	return trace_ended(ctx, r, 0);
}
