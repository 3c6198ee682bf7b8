/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mdoc-common.h"
#include "tools/mykey-phone.h"

static bool mdoc;

static int run(struct call *call)
{
	const struct fuda_mykey_wish wish = { .purpose = FUDA_MYKEY_SHOW };
	int r = call_operands(call, 0, 0);

	if (r == 0)
		r = mykey_phone_options(call, mdoc);
	if (r == 0 && mdoc && (common.pin_file || common.pin_fd >= 0))
		r = call_usage(call, _("a phone is asked without PIN: --pin-file and --pin-fd do "
				       "not go with --mdoc"));
	if (r < 0)
		return r;
	return mdoc ? mykey_run_phone(call, FUDA_MYKEY_SHOW_MDOC) : mykey_run(call, &wish);
}

static const struct option_spec options[] = {
	{ "mdoc", 0, NULL, N_("by the phone that was bound, without card and PIN"), OPTION_SWITCH,
	  &mdoc },
	MYKEY_TERMINAL_OPTION,
	{ NULL },
};

const struct fuda_command command_mykey_show = {
	.name = "mykey show",
	.summary = N_("tell the MyKey ID of the holder of the card"),
	.synopsis = "",
	.options = options,
	.groups = { mdoc_profile_options },
	.flags = MYKEY_FLAGS,
	.run = run,
};
