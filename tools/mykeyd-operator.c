/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd operator: which system users may do what. */
#include "tools/mykeyd-desk.h"

#include <pwd.h>

static const char *roles;

static int add(struct call *call, struct desk *desk)
{
	const char *name = desk->operands[0];
	unsigned set = 0;
	int r;

	if (!roles || roles_parse(roles, &set) < 0)
		return call_usage(call, _("--roles takes some of admin, registrar, approver and "
					  "auditor, with commas between them"));
	if (operator_name_good(name) && !getpwnam(name))
		return call_fail(call, FUDA_ENOTFOUND,
				 _("this machine has no user '%s': operators are its users"), name);
	r = operator_add(&desk->by, name, set);
	if (r == 0)
		report_text(call->report, _("Operator added"), "name", name);
	return r;
}

static int drop(struct call *call, struct desk *desk)
{
	int r = operator_drop(&desk->by, desk->operands[0]);

	if (r == 0)
		report_text(call->report, _("Operator dropped"), "name", desk->operands[0]);
	return r;
}

static int list(struct call *call, struct desk *desk)
{
	_cleanup_rows_ struct rows rows = { 0 };
	struct report *all;
	int r = operator_operators(desk->store, &rows);

	if (r < 0)
		return r;
	all = report_known_list(call->report, "operators");
	for (size_t i = 0; i < rows.count; i++) {
		struct report *one = report_object(all, NULL, NULL, NULL);

		report_text(one, NULL, "id", desk_id(&rows, i, 0));
		report_text(one, NULL, "name", desk_text(&rows, i, 1));
		report_text(one, NULL, "roles", desk_text(&rows, i, 2));
		report_text(one, NULL, "state", desk_text(&rows, i, 3));
		desk_report_us(one, NULL, "since", rows_int(&rows, i, 4));
		desk_line(call->report, desk_text(&rows, i, 1), desk_text(&rows, i, 2),
			  desk_text(&rows, i, 3), NULL);
	}
	return 0;
}

static const struct action actions[] = {
	{ "add", 1, 1, "roles", NULL, 0, NULL, add },
	{ "drop", 1, 1, "", NULL, 0, NULL, drop },
	{ "list", 0, 0, "", "operator-list", 0, NULL, list },
	{ 0 },
};

static int run(struct call *call)
{
	return desk_run(call, actions);
}

static const struct option_spec options[] = {
	{ "roles", 0, "ROLES", N_("what the user may do: admin,registrar,approver,auditor"),
	  OPTION_TEXT, &roles },
	{ NULL },
};

const struct fuda_command command_mykeyd_operator = {
	.name = "operator",
	.summary = N_("add, drop or list who may run the service"),
	.synopsis = "add USER | drop USER | list",
	.options = options,
	.flags = COMMAND_FOLDER,
	.run = run,
};
