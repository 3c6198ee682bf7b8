/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/records.h"
#include "tools/report.h"

static const char *with = "pin";
static bool secure_messaging;

static int add_attributes(struct call *call, const struct fuda_text_records *records)
{
	struct fuda_attributes a;
	int r = fuda_text_attributes(call->ctx, records, &a);

	if (r < 0)
		return r;
	report_text(call->report, _("Name"), "name", a.name);
	report_text(call->report, _("Address"), "address", a.address);
	records_birth(call->report, a.birth_date);
	records_sex(call->report, a.sex);
	return 0;
}

static int run(struct call *call)
{
	const struct fuda_text_request request = {
		.attributes = true,
		.with = records_with(with),
		.secure_messaging = secure_messaging,
	};

	return records_text(call, request, add_attributes);
}

static const struct option_spec options[] = {
	{ "with", 'w', "pin|b", N_("the secret that opens them (pin)"), OPTION_CHOICE, &with },
	{ "secure-messaging", 0, NULL, N_("encrypt what is read on its way from the card"),
	  OPTION_SWITCH, &secure_messaging },
	{ NULL },
};

const struct fuda_command command_attributes = {
	.name = "attributes",
	.summary = N_("show name, address, birth date and sex, and whether they are genuine"),
	.synopsis = "",
	.options = options,
	.flags = COMMAND_CARD | COMMAND_PIN | COMMAND_CV,
	.run = run,
};
