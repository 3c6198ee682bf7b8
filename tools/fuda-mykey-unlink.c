/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mykey-common.h"

static const char *sector;

static int run(struct call *call)
{
	const struct fuda_mykey_wish wish = { .purpose = FUDA_MYKEY_UNLINK, .sector = sector };
	int r = call_operands(call, 0, 0);

	return r < 0 ? r : mykey_run(call, &wish);
}

static const struct option_spec options[] = {
	MYKEY_SECTOR_OPTION(&sector),
	MYKEY_TERMINAL_OPTION,
	{ NULL },
};

const struct fuda_command command_mykey_unlink = {
	.name = "mykey unlink",
	.summary = N_("unlink the number of the holder in a sector"),
	.synopsis = "",
	.options = options,
	.flags = MYKEY_FLAGS,
	.run = run,
};
