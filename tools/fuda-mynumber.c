/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/records.h"
#include "tools/report.h"

#include <string.h>

static const char *with = "pin";
static bool secure_messaging;

/* Twelve digits that end in their check digit, or an error: nothing else is ever shown. */
static int add_number(struct call *call, const struct fuda_text_records *records)
{
	char digits[FUDA_MY_NUMBER_SIZE];
	int r = fuda_text_my_number(call->ctx, records, digits);

	if (r == 0)
		report_text(call->report, _("My Number"), "individual_number", digits);
	explicit_bzero(digits, sizeof(digits));
	return r;
}

static int run(struct call *call)
{
	const struct fuda_text_request request = {
		.my_number = true,
		.with = records_with(with),
		.secure_messaging = secure_messaging,
	};

	return records_text(call, request, add_number);
}

static const struct option_spec options[] = {
	{ "with", 'w', "pin|a", N_("the secret that opens it (pin)"), OPTION_CHOICE, &with },
	{ "secure-messaging", 0, NULL, N_("encrypt what is read on its way from the card"),
	  OPTION_SWITCH, &secure_messaging },
	{ NULL },
};

const struct fuda_command command_mynumber = {
	.name = "mynumber",
	.summary = N_("show the My Number, and whether it is genuine"),
	.synopsis = "",
	.options = options,
	.flags = COMMAND_CARD | COMMAND_PIN | COMMAND_CV,
	.run = run,
};
