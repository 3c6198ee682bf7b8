/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mykey-common.h"

static const char *sector;

static int run(struct call *call)
{
	struct fuda_mykey_wish wish = { .purpose = FUDA_MYKEY_LINK, .sector = sector };
	int r = call_operands(call, 1, 1);

	if (r < 0)
		return r;
	wish.local_number = call->operands[0];
	return mykey_run(call, &wish);
}

static const struct option_spec options[] = {
	MYKEY_SECTOR_OPTION(&sector),
	MYKEY_TERMINAL_OPTION,
	{ NULL },
};

const struct fuda_command command_mykey_link = {
	.name = "mykey link",
	.summary = N_("link the holder's number in a sector, such as that of a library card"),
	.synopsis = "NUMBER",
	.options = options,
	.flags = MYKEY_FLAGS,
	.run = run,
};
