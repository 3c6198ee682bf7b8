/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd mykey: holders of MyKey IDs. */
#include "service/join.h"
#include "tools/mykeyd-desk.h"

#include <string.h>

static const char *keep, *comment;

static int join(struct call *call, struct desk *desk)
{
	struct join_outcome out;
	enum join_keep which = !keep                      ? JOIN_KEEP_NONE :
			       strcmp(keep, "older") == 0 ? JOIN_KEEP_OLDER :
							    JOIN_KEEP_NEWER;
	int r = operator_join(&desk->by, desk->operands[0], desk->operands[1], which,
			      comment ? comment : "", &out);

	if (r < 0)
		return r;
	report_flag(call->report, _("Joined"), "joined", out.joined);
	if (!out.joined) {
		report_number(call->report, _("Approvals"), "approvals", 1);
		report_number(call->report, _("Needed"), "needed", 2);
		return 0;
	}
	report_text(call->report, _("MyKey ID"), "mykey_id", out.stays);
	report_text(call->report, _("Expired"), "expired", out.ended);
	report_number(call->report, _("Sectors that came with the newer"), "links",
		      (long)out.links);
	report_number(call->report, _("Pseudonyms that ended"), "dropped", (long)out.dropped);
	return 0;
}

static const struct action actions[] = {
	{ "join", 2, 2, "keep comment", NULL, 0, NULL, join },
	{ 0 },
};

static int run(struct call *call)
{
	return desk_run(call, actions);
}

static const struct option_spec options[] = {
	{ "keep", 0, "older|newer", N_("whose pseudonym stays where a sector knows both"),
	  OPTION_CHOICE, &keep },
	{ "comment", 0, "TEXT", N_("why"), OPTION_TEXT, &comment },
	{ NULL },
};

const struct fuda_command command_mykeyd_mykey = {
	.name = "mykey",
	.summary = N_("join two holders who are one person"),
	.synopsis = "join ID ID",
	.options = options,
	.flags = COMMAND_FOLDER,
	.run = run,
};
