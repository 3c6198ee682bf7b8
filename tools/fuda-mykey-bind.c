/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mdoc-common.h"
#include "tools/mykey-phone.h"

static bool mdoc;

static int run(struct call *call)
{
	const struct fuda_mykey_wish wish = { .purpose = FUDA_MYKEY_BIND };
	int r = call_operands(call, 0, 0);

	if (r == 0)
		r = mykey_phone_options(call, mdoc);
	if (r < 0)
		return r;
	return mdoc ? mykey_run_phone(call, FUDA_MYKEY_BIND_MDOC) : mykey_run(call, &wish);
}

static const struct option_spec options[] = {
	{ "mdoc", 0, NULL, N_("bind the mobile credential on the holder's phone as well"),
	  OPTION_SWITCH, &mdoc },
	{ "phone-reader", 0, "NAME", N_("reader for the phone (the same as for the card)"),
	  OPTION_TEXT, &mykey_phone_reader },
	MYKEY_TERMINAL_OPTION,
	{ NULL },
};

const struct fuda_command command_mykey_bind = {
	.name = "mykey bind",
	.summary = N_("give the holder of the card a MyKey ID, or tell the present one"),
	.synopsis = "",
	.options = options,
	.groups = { mdoc_profile_options },
	.flags = MYKEY_FLAGS,
	.run = run,
};
