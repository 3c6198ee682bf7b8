/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mdoc-common.h"
#include "tools/mykey-phone.h"

static bool mdoc;

static int run(struct call *call)
{
	int r = call_operands(call, 0, 0);

	if (r == 0 && !mdoc)
		r = call_usage(call, _("say --mdoc: a phone is unbound, a card stays bound"));
	return r < 0 ? r : mykey_run_phone(call, FUDA_MYKEY_UNBIND_MDOC);
}

static const struct option_spec options[] = {
	{ "mdoc", 0, NULL, N_("the mobile credential on the phone, without card and PIN"),
	  OPTION_SWITCH, &mdoc },
	MYKEY_TERMINAL_OPTION,
	{ NULL },
};

const struct fuda_command command_mykey_unbind = {
	.name = "mykey unbind",
	.summary = N_("take a phone off the holder that it is bound to"),
	.synopsis = "--mdoc",
	.options = options,
	.groups = { mdoc_profile_options },
	.flags = COMMAND_CARD,
	.run = run,
};
