/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mykey-common.h"

static bool yes;

static int run(struct call *call)
{
	const struct fuda_mykey_wish wish = { .purpose = FUDA_MYKEY_EXPIRE };
	int r = call_operands(call, 0, 0);

	if (r == 0)
		r = mykey_confirm(call,
				  _("The MyKey ID will never be issued again to anybody. Type yes "
				    "to have it expire: "),
				  yes);
	return r < 0 ? r : mykey_run(call, &wish);
}

static const struct option_spec options[] = {
	{ "yes", 'y', NULL, N_("do not ask"), OPTION_SWITCH, &yes },
	MYKEY_TERMINAL_OPTION,
	{ NULL },
};

const struct fuda_command command_mykey_expire = {
	.name = "mykey expire",
	.summary = N_("have the MyKey ID of the holder of the card expire"),
	.synopsis = "",
	.options = options,
	.flags = MYKEY_FLAGS,
	.run = run,
};
