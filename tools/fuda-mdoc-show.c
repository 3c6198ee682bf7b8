/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "tools/mdoc-common.h"
#include "tools/report.h"

enum { SHORT = 64, TEXT_MAX = 32 << 20 };

static bool all;

static int run(struct call *call)
{
	_cleanup_buf_ struct fuda_buf cbor = MDOC_BUF, text = FUDA_BUF_INIT(TEXT_MAX);
	const char *kind;
	int r = call_operands(call, 1, 1);

	if (r == 0)
		r = mdoc_read(call, call->operands[0], _("CBOR"), &cbor);
	if (r < 0)
		return r;
	r = fuda_mdoc_diagnose(cbor.data, cbor.len, all ? 0 : SHORT, &text);
	if (r == 0)
		r = fuda_buf_append(&text, "", 1);
	if (r < 0)
		return call_fail(call, r, "%s", fuda_error_text(r));
	kind = fuda_mdoc_kind(cbor.data, cbor.len);
	report_text(call->report, NULL, "kind", kind);
	report_number(call->report, NULL, "bytes", (long)cbor.len);
	report_text(call->report, NULL, "diagnostic", (const char *)text.data);
	if (common.json)
		return 0;
	call->raw = true;
	printf(_("/ %s, %zu bytes /\n"), *kind ? kind : _("not known here"), cbor.len);
	puts((const char *)text.data); /* nothing in it is obeyed by a terminal */
	if (fflush(stdout) || ferror(stdout))
		return call_fail(call, FUDA_EFILE, _("standard output cannot be written"));
	return 0;
}

static const struct option_spec options[] = {
	{ "all", 'a', NULL, N_("byte strings in full"), OPTION_SWITCH, &all },
	{ NULL },
};

const struct fuda_command command_mdoc_show = {
	.name = "mdoc show",
	.summary = N_("show what is in a file of a mobile credential"),
	.synopsis = "FILE",
	.options = options,
	.flags = COMMAND_FILTER,
	.run = run,
};
