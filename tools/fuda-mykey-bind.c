/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mykey-common.h"

static int run(struct call *call)
{
	const struct fuda_mykey_wish wish = { .purpose = FUDA_MYKEY_BIND };
	int r = call_operands(call, 0, 0);

	return r < 0 ? r : mykey_run(call, &wish);
}

static const struct option_spec options[] = {
	MYKEY_TERMINAL_OPTION,
	{ NULL },
};

const struct fuda_command command_mykey_bind = {
	.name = "mykey bind",
	.summary = N_("give the holder of the card a MyKey ID, or tell the present one"),
	.synopsis = "",
	.options = options,
	.flags = MYKEY_FLAGS,
	.run = run,
};
