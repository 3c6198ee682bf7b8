/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/fuda.h"
#include "tools/report.h"

#include <stdio.h>
#include <string.h>
#include <fuda/pin.h>

#include "tools/secrets.h"

static int run(struct call *call)
{
	int r = call_operands(call, 0, 1);

	if (r < 0)
		return r;
	if (call->operand_count && strcmp(call->operands[0], "status") != 0)
		return call_usage(call, _("unknown action '%s': say 'fuda pin status'"),
				  call->operands[0]);
	r = call_open_card(call);
	return r < 0 ? r : secret_report_tries(call, call->report);
}

const struct fuda_command command_pin = {
	.name = "pin",
	.summary = N_("tell how many tries are left for each secret"),
	.synopsis = "[status]",
	.flags = COMMAND_CARD,
	.run = run,
};
