/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/report.h"
#include "tools/traces.h"

#include <unistd.h>

/* What is to be compared cannot be: told from what differs by the exit status of wrong usage, as
 * diff(1) does. */
static int trouble(struct call *call, int code)
{
	if (code != FUDA_EFILE && code != FUDA_EFORMAT)
		return code;
	if (call->message[0])
		return FUDA_EINVAL;
	return call_fail(call, FUDA_EINVAL, "%s", fuda_context_message(call->ctx));
}

static int nowhere(void *arg, const void *bytes, size_t len)
{
	(void)arg;
	(void)bytes;
	(void)len;
	return 0;
}

static int run(struct call *call)
{
	struct traces_out out = { STDOUT_FILENO, 0 };
	struct fuda_trace_sink sink = traces_sink(&out);
	struct fuda_trace_comparison found;
	int r = call_operands(call, 2, 2);

	if (r < 0)
		return r;
	if (common.json)
		sink.write = nowhere;
	r = fuda_trace_diff(call->ctx, traces_path(call->operands[0]),
			    traces_path(call->operands[1]), call->dl, &sink, &found);
	call->raw = !common.json;
	if (r < 0)
		return trouble(call, traces_ended(call, &out, _("standard output"), r));
	report_number(call->report, NULL, "differences", (long)found.differences);
	report_number(call->report, NULL, "not_compared", (long)found.uncompared);
	call->shown = true;
	if (!found.differences)
		return 0;
	return call_fail(call, FUDA_EDEPARTED,
			 ngettext("the traces differ in %lu step", "the traces differ in %lu steps",
				  found.differences),
			 found.differences);
}

const struct fuda_command command_trace_diff = {
	.name = "trace diff",
	.summary = N_("compare two traces by what happens in them"),
	.synopsis = "A B",
	.run = run,
	.flags = COMMAND_FILTER,
};
