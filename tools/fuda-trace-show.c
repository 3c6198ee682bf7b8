/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/report.h"
#include "tools/traces.h"

#include <unistd.h>

static bool brief;

static int run(struct call *call)
{
	const struct fuda_trace_show how = { brief, traces_certificate, call };
	struct traces_out out = { STDOUT_FILENO, 0 };
	struct fuda_trace_sink sink = traces_sink(&out);
	const char *path;
	int r = call_operands(call, 1, 1);

	if (r < 0)
		return r;
	path = traces_path(call->operands[0]);
	if (common.json) /* the report follows, as the last line */
		r = fuda_trace_export(call->ctx, path, call->dl, FUDA_TRACE_JSON_LINES, &sink);
	else
		r = fuda_trace_show(call->ctx, path, call->dl, &how, &sink);
	call->raw = !common.json;
	return traces_ended(call, &out, _("standard output"), r);
}

static const struct option_spec options[] = {
	{ "brief", 'b', NULL, N_("a line a command"), OPTION_SWITCH, &brief },
	{ NULL },
};

const struct fuda_command command_trace_show = {
	.name = "trace show",
	.summary = N_("say what the commands of a trace are, and the data made of"),
	.synopsis = "FILE",
	.options = options,
	.run = run,
	.flags = COMMAND_FILTER,
};
