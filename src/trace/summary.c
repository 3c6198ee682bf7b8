/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/trace.h>

#include "trace/annotate.h"

static bool has_secret(const struct trace_step *step)
{
	return step->what->kind == TRACE_VERIFY || step->command_hides & TRACE_HIDES_SECRET ||
	       step->about.kind == TRACE_IS_VERIFY || step->about.kind == TRACE_IS_PIN;
}

static void count(const struct trace_step *step, struct fuda_trace_summary *s)
{
	bool failed = step->outcome && step->outcome->kind == TRACE_FAILURE;

	s->commands++;
	s->failures += failed || !step->outcome;
	if (!has_secret(step) || (failed && step->outcome->error == FUDA_ERESET))
		return;
	s->again += s->lost != 0;
	s->secrets++;
	s->lost += failed || !step->outcome;
}

int fuda_trace_summarize(struct fuda_context *ctx, const char *path,
			 struct fuda_trace_summary *ret)
{
	struct fuda_trace_summary s = { 0 };
	const struct trace_step *step;
	struct trace_walk *w;
	int r = trace_walk_open(ctx, path, &w);

	if (r < 0)
		return r;
	while ((r = trace_walk_next(w, &step)) > 0)
		if (step->number)
			count(step, &s);
	trace_walk_free(&w);
	if (r == 0)
		*ret = s;
	return r;
}
