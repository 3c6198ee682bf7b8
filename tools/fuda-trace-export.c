/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/traces.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *format, *out = "-";

static int write_to(struct call *call, enum fuda_trace_form form, struct file_out *to)
{
	struct traces_out to_fd = { to->fd, 0 };
	struct fuda_trace_sink sink = traces_sink(&to_fd);
	const char *name = strcmp(out, "-") == 0 ? _("standard output") : out;
	int r = fuda_trace_export(call->ctx, traces_path(call->operands[0]), call->dl, form, &sink);

	if (r < 0)
		return traces_ended(call, &to_fd, name, r);
	r = file_out_write(to, "", 0); /* that was all */
	return r < 0 ? call_fail(call, r, "%s: %s", name, strerror(errno)) : 0;
}

static int run(struct call *call)
{
	struct file_out to = FILE_OUT_NONE;
	bool pcapng;
	int r = call_operands(call, 1, 1);

	if (r == 0 && !format)
		r = call_usage(call, _("%s is missing"), "--format pcapng|jsonl");
	if (r < 0)
		return r;
	pcapng = strcmp(format, "pcapng") == 0;
	if (pcapng && strcmp(out, "-") == 0 && isatty(STDOUT_FILENO))
		return call_usage(call, _("pcapng is not for terminals: say -o FILE"));
	call->raw = strcmp(out, "-") == 0;
	r = file_out_open(call, out, &to);
	if (r == 0 && file_out_replaces(&to, call->operands[0]))
		r = call_usage(call, _("%s would replace the trace: say another FILE"), out);
	if (r == 0)
		r = write_to(call, pcapng ? FUDA_TRACE_PCAPNG : FUDA_TRACE_JSON_LINES, &to);
	file_out_close(&to);
	return r;
}

static const struct option_spec options[] = {
	{ "format", 'f', "pcapng|jsonl", N_("for Wireshark, or an object of JSON a line"),
	  OPTION_CHOICE, &format },
	{ "out", 'o', "FILE", N_("write to FILE instead of standard output"), OPTION_TEXT, &out },
	{ NULL },
};

const struct fuda_command command_trace_export = {
	.name = "trace export",
	.summary = N_("write a trace in another form"),
	.synopsis = "FILE --format pcapng|jsonl",
	.options = options,
	.run = run,
	.flags = COMMAND_FILTER,
};
