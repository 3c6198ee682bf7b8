/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mykey-common.h"

#include "tools/report.h"

static bool if_due;

static int renew(struct call *call, struct fuda_terminal *terminal)
{
	struct fuda_terminal_facts facts;
	int r = fuda_terminal_facts(terminal, &facts);
	bool due;

	if (r < 0)
		return r;
	due = facts.state != FUDA_TERMINAL_ACTIVE;
	if (due || !if_due)
		r = fuda_terminal_renew(terminal, call->dl);
	if (r < 0)
		return r;
	report_flag(call->report, _("Renewed"), "renewed", due || !if_due);
	return mykey_report_terminal(call, terminal, 0, &facts);
}

static int run(struct call *call)
{
	struct fuda_terminal *terminal = NULL;
	int r = call_operands(call, 0, 0);

	if (r == 0)
		r = mykey_open_terminal(call, &terminal);
	if (r == 0)
		r = renew(call, terminal);
	fuda_terminal_free(&terminal);
	return r;
}

static const struct option_spec options[] = {
	{ "if-due", 0, NULL, N_("only if two thirds of the certificate's life are over"),
	  OPTION_SWITCH, &if_due },
	MYKEY_TERMINAL_OPTION,
	{ NULL },
};

const struct fuda_command command_terminal_renew = {
	.name = "terminal renew",
	.summary = N_("get a new certificate for this terminal"),
	.synopsis = "",
	.options = options,
	.flags = COMMAND_ONLINE,
	.run = run,
};
