/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd sector: within which holders have one pseudonym each. */
#include "tools/mykeyd-desk.h"

static const char *kind, *org;

static int add(struct call *call, struct desk *desk)
{
	uint8_t id[ID_BYTES];
	int r;

	if (!org)
		return call_usage(call, _("--org NAME is missing: whose sector it is"));
	r = operator_add_sector(&desk->by, desk->operands[0], org, kind ? kind : "general", id);
	if (r < 0)
		return r;
	report_text(call->report, _("Sector"), "name", desk->operands[0]);
	desk_report_id(call->report, _("Id"), "id", id);
	return 0;
}

static int list(struct call *call, struct desk *desk)
{
	_cleanup_rows_ struct rows rows = { 0 };
	struct report *all;
	int r = operator_sectors(desk->store, &rows);

	if (r < 0)
		return r;
	all = report_known_list(call->report, "sectors");
	for (size_t i = 0; i < rows.count; i++) {
		struct report *one = report_object(all, NULL, NULL, NULL);

		report_text(one, NULL, "id", desk_id(&rows, i, 0));
		report_text(one, NULL, "name", desk_text(&rows, i, 1));
		report_text(one, NULL, "kind", desk_text(&rows, i, 2));
		report_text(one, NULL, "organisation", desk_text(&rows, i, 3));
		report_number(one, NULL, "key_version", (long)rows_int(&rows, i, 4));
		desk_report_us(one, NULL, "created", rows_int(&rows, i, 5));
		desk_line(call->report, desk_text(&rows, i, 1), desk_text(&rows, i, 3),
			  desk_text(&rows, i, 2), NULL);
	}
	if (!rows.count)
		desk_tell_empty(_("There are no sectors."));
	return 0;
}

static const struct action actions[] = {
	{ "add", 1, 1, "org kind", NULL, 0, NULL, add },
	{ "list", 0, 0, "", "sector-list", 0, NULL, list },
	{ 0 },
};

static int run(struct call *call)
{
	return desk_run(call, actions);
}

static const struct option_spec options[] = {
	{ "org", 0, "NAME", N_("the organisation whose sector it is"), OPTION_TEXT, &org },
	{ "kind", 0, "KIND", N_("what it is: a word (general)"), OPTION_TEXT, &kind },
	{ NULL },
};

const struct fuda_command command_mykeyd_sector = {
	.name = "sector",
	.summary = N_("add a sector with its key, or list them"),
	.synopsis = "add NAME | list",
	.options = options,
	.flags = COMMAND_FOLDER,
	.run = run,
};
