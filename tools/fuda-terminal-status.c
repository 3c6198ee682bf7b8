/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mykey-common.h"

#include <stdio.h>

#include "tools/report.h"

/* Once it has its certificate, the service is asked whether it still may act. */
static int ask(struct call *call, struct fuda_terminal *terminal)
{
	struct fuda_terminal_facts facts;
	int r = fuda_terminal_poll(terminal, call->dl);

	if (r == 0)
		r = fuda_terminal_facts(terminal, &facts);
	if (r == 0 &&
	    (facts.state == FUDA_TERMINAL_ACTIVE || facts.state == FUDA_TERMINAL_RENEWAL_DUE))
		r = fuda_terminal_check(terminal, call->dl);
	return r;
}

/* What the service said of this terminal; "": it was not asked whether that may act. */
static const char *answer_word(int asked, enum fuda_terminal_state state)
{
	if (asked < 0)
		return asked == FUDA_EREFUSED ? "refuses" : "none";
	return state == FUDA_TERMINAL_ACTIVE || state == FUDA_TERMINAL_RENEWAL_DUE ? "accepts" : "";
}

static int run(struct call *call)
{
	struct fuda_terminal *terminal = NULL;
	struct fuda_terminal_facts facts;
	int r = call_operands(call, 0, 0), asked;

	if (r == 0)
		r = mykey_open_terminal(call, &terminal);
	if (r < 0)
		return r;
	/* what is known here is shown even if the service cannot be asked */
	asked = ask(call, terminal);
	call->shown = true;
	r = mykey_report_terminal(call, terminal, asked, &facts);
	if (r == 0)
		report_text(call->report, NULL, "answer", answer_word(asked, facts.state));
	if (r == 0 && asked == 0 && facts.state == FUDA_TERMINAL_RENEWAL_DUE)
		fputs(_("Renew the certificate with 'fuda terminal renew'.\n"), stderr);
	if (r == 0 && asked == 0 && facts.state == FUDA_TERMINAL_APPLIED)
		fputs(_("Tell the operator the request's hash, who approves the terminal after "
			"comparing it.\n"),
		      stderr);
	if (r == 0 && facts.state == FUDA_TERMINAL_EXPIRED)
		asked = call_fail(call, FUDA_EREFUSED,
				  _("The certificate of this terminal has expired, if this "
				    "machine's clock is right: then remove its folder and enrol "
				    "it anew (fuda terminal enrol)."));
	fuda_terminal_free(&terminal);
	return r < 0 ? r : asked;
}

static const struct option_spec options[] = {
	MYKEY_TERMINAL_OPTION,
	{ NULL },
};

const struct fuda_command command_terminal_status = {
	.name = "terminal status",
	.summary = N_("tell whether this machine is a terminal of a MyKey platform"),
	.synopsis = "",
	.options = options,
	.flags = COMMAND_ONLINE,
	.run = run,
};
