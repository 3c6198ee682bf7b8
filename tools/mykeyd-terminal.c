/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd terminal: which terminals there are, and which of them may act. */
#include "service/enrol.h"
#include "tools/mykeyd-desk.h"

#include <stdio.h>
#include <string.h>

static const char *org, *place, *state, *csr_hash, *comment, *reason;
static struct text_list sectors;
static int approvals;

/* ---- codes ---- */

static int code(struct call *call, struct desk *desk)
{
	struct code_request q = { .org = org, .place = place, .sector_count = sectors.count };
	char text[CODE_TEXT];
	int r;

	if (!org || !place || !sectors.count)
		return call_usage(call, _("--org, --place and --sector are needed: whose terminal "
					  "it "
					  "will be, where, and for what"));
	if (sectors.count > TERMINAL_SECTORS)
		return call_usage(call, _("a terminal has 1 to %d sectors"), TERMINAL_SECTORS);
	memcpy(q.sectors, sectors.items, sectors.count * sizeof(q.sectors[0]));
	q.approvals = approvals ? approvals : (int)desk->service->config.approvals;
	r = enrol_make_code(&desk->by, &q, text);
	if (r == 0) {
		report_text(call->report, _("One-time code"), "code", text);
		report_number(call->report, _("Hours that it can be used"), "hours",
			      (long)desk->service->config.code_hours);
		report_number(call->report, _("Approvals that the terminal will need"), "approvals",
			      q.approvals);
	}
	explicit_bzero(text, sizeof(text));
	return r;
}

/* ---- lists ---- */

enum { ID, ORG, PLACE, STATE, ENVIRONMENT, COMMENT, TAP, CREATED, CHANGED, CSR, UNTIL };

static void add_facts(struct report *r, const struct rows *rows, size_t i, bool labels)
{
#define LABEL(text) (labels ? (text) : NULL)
	struct datum csr = rows_get(rows, i, CSR);

	report_text(r, LABEL(_("Terminal")), "id", desk_id(rows, i, ID));
	report_text(r, LABEL(_("State")), "state", desk_text(rows, i, STATE));
	report_text(r, LABEL(_("Organisation")), "organisation", desk_text(rows, i, ORG));
	report_text(r, LABEL(_("Place")), "place", desk_text(rows, i, PLACE));
	report_text(r, LABEL(_("Environment")), "environment", desk_text(rows, i, ENVIRONMENT));
	report_hex(r, LABEL(_("It shows")), "csr_sha256", csr.bytes, csr.len);
	report_flag(r, LABEL(_("May tap")), "tap", rows_int(rows, i, TAP) != 0);
	desk_report_us(r, LABEL(_("Applied")), "created", rows_int(rows, i, CREATED));
	desk_report_us(r, LABEL(_("Changed")), "changed", rows_int(rows, i, CHANGED));
	desk_report_us(r, LABEL(_("Certificate until")), "certificate_until",
		       rows_int(rows, i, UNTIL) * SECONDS_US);
	report_text(r, LABEL(_("Comment")), "comment", desk_text(rows, i, COMMENT));
#undef LABEL
}

static int list(struct call *call, struct desk *desk)
{
	struct report *all = report_known_list(call->report, "terminals");
	uint8_t after[ID_BYTES] = { 0 };
	size_t count, all_count = 0;

	do {
		_cleanup_rows_ struct rows rows = { 0 };
		int r = enrol_terminals(desk->store, after, state ? state : "", &rows);

		if (r < 0)
			return r;
		count = rows.count;
		all_count += count;
		for (size_t i = 0; i < count; i++) {
			add_facts(report_object(all, NULL, NULL, NULL), &rows, i, false);
			desk_line(call->report, desk_id(&rows, i, ID), desk_text(&rows, i, STATE),
				  desk_text(&rows, i, ORG), desk_text(&rows, i, PLACE));
		}
		if (count)
			r = rows_bytes(&rows, count - 1, ID, after, ID_BYTES);
		if (r < 0)
			return r;
	} while (count == ENROL_PAGE);
	if (!all_count)
		desk_tell_empty(state ? _("There are no terminals in this state.") :
					_("There are no terminals."));
	return 0;
}

static int show_sectors(struct call *call, struct desk *desk, const uint8_t id[ID_BYTES])
{
	_cleanup_rows_ struct rows rows = { 0 };
	char names[TERMINAL_SECTORS * (SECTOR_NAME + 2)] = "";
	struct report *all;
	size_t at = 0;
	int r = enrol_terminal_sectors(desk->store, id, &rows);

	if (r < 0)
		return r;
	all = report_known_list(call->report, "sectors");
	for (size_t i = 0; i < rows.count && at < sizeof(names); i++) {
		report_text(all, NULL, NULL, desk_text(&rows, i, 0));
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", at ? ", " : "",
				       desk_text(&rows, i, 0));
	}
	report_word(call->report, _("Sectors"), NULL, "-", names);
	return 0;
}

static int show_certificates(struct call *call, struct desk *desk, const uint8_t id[ID_BYTES])
{
	_cleanup_rows_ struct rows rows = { 0 };
	struct report *all;
	int r = enrol_terminal_certificates(desk->store, id, &rows);

	if (r < 0)
		return r;
	all = report_known_list(call->report, "certificates");
	for (size_t i = 0; i < rows.count; i++) {
		struct report *one = report_object(all, NULL, NULL, NULL);
		struct datum csr = rows_get(&rows, i, 4);

		report_time(one, NULL, "not_before", (time_t)rows_int(&rows, i, 0));
		report_time(one, NULL, "not_after", (time_t)rows_int(&rows, i, 1));
		report_text(one, NULL, "state", desk_text(&rows, i, 2));
		report_hex(one, NULL, "csr_sha256", csr.bytes, csr.len);
	}
	return 0;
}

static int show_decisions(struct call *call, struct desk *desk, const uint8_t id[ID_BYTES])
{
	_cleanup_rows_ struct rows rows = { 0 };
	struct report *all, *people;
	int r = enrol_terminal_decisions(desk->store, id, &rows);

	if (r < 0)
		return r;
	all = report_known_list(call->report, "decisions");
	people = report_object(call->report, _("Decisions"), NULL, NULL);
	for (size_t i = 0; i < rows.count; i++) {
		struct report *one = report_object(all, NULL, NULL, NULL);
		char when[REPORT_TIME];

		report_text(one, NULL, "operator", desk_text(&rows, i, 0));
		report_text(one, NULL, "decision", desk_text(&rows, i, 1));
		report_text(one, NULL, "comment", desk_text(&rows, i, 2));
		desk_report_us(one, NULL, "at", rows_int(&rows, i, 3));
		desk_line(people, desk_text(&rows, i, 1),
			  report_time_text((time_t)(rows_int(&rows, i, 3) / SECONDS_US), when),
			  desk_text(&rows, i, 0), desk_text(&rows, i, 2));
	}
	return 0;
}

static int show(struct call *call, struct desk *desk)
{
	_cleanup_rows_ struct rows rows = { 0 };
	uint8_t id[ID_BYTES];
	int r = desk_take_id(call, desk->operands[0], id);

	if (r == 0)
		r = enrol_terminal(desk->store, id, &rows);
	if (r == 0 && rows.count == 0)
		r = call_fail(call, FUDA_ENOTFOUND, _("there is no such terminal"));
	if (r < 0)
		return r;
	add_facts(call->report, &rows, 0, true);
	r = show_sectors(call, desk, id);
	if (r == 0)
		r = show_certificates(call, desk, id);
	if (r == 0)
		r = show_decisions(call, desk, id);
	return r;
}

/* ---- orders ---- */

static int order(struct call *call, struct desk *desk, enum terminal_act act)
{
	struct terminal_order o = { .act = act,
				    .csr_hash = csr_hash,
				    .comment = comment ? comment : "" };
	struct terminal_outcome outcome;
	int r = desk_take_id(call, desk->operands[0], o.terminal);

	if (r < 0)
		return r;
	if (reason)
		o.reason =
			strcmp(reason, "cessation") == 0 ? REASON_CESSATION : REASON_KEY_COMPROMISE;
	r = enrol_order(&desk->by, &o, &outcome);
	if (r < 0)
		return r;
	report_text(call->report, _("State"), "state", outcome.state);
	if (act == TERMINAL_APPROVE) {
		report_number(call->report, _("Approvals"), "approvals", (long)outcome.approvals);
		report_number(call->report, _("Needed"), "needed", (long)outcome.needed);
	}
	if (act == TERMINAL_TAP_ON || act == TERMINAL_TAP_OFF)
		report_flag(call->report, _("May tap"), "tap", act == TERMINAL_TAP_ON);
	if ((act == TERMINAL_SUSPEND || act == TERMINAL_REVOKE) && !common.json)
		fputs(_("It counts from the terminal's next request on.\n"), stderr);
	return 0;
}

static int approve(struct call *call, struct desk *desk)
{
	if (!csr_hash || !comment)
		return call_usage(call, _("approving takes both --csr-hash, with what the terminal "
					  "shows, so that it is this request and no other, and "
					  "--comment, with how that was seen: it is kept with the "
					  "decision"));
	return order(call, desk, TERMINAL_APPROVE);
}

/* Somebody decided it, so somebody says why. */
static int explained(struct call *call, struct desk *desk, enum terminal_act act)
{
	if (!comment)
		return call_usage(call, _("--comment TEXT is missing: why"));
	return order(call, desk, act);
}

static int hold(struct call *call, struct desk *desk)
{
	return explained(call, desk, TERMINAL_HOLD);
}

static int suspend(struct call *call, struct desk *desk)
{
	return explained(call, desk, TERMINAL_SUSPEND);
}

static int resume(struct call *call, struct desk *desk)
{
	return explained(call, desk, TERMINAL_RESUME);
}

static int revoke(struct call *call, struct desk *desk)
{
	if (!reason || !comment)
		return call_usage(call, _("revoking takes both --reason, cessation or "
					  "key_compromise, which others will read in the list, "
					  "and --comment TEXT: why"));
	return explained(call, desk, TERMINAL_REVOKE);
}

static int tap_on(struct call *call, struct desk *desk)
{
	return explained(call, desk, TERMINAL_TAP_ON);
}

static int tap_off(struct call *call, struct desk *desk)
{
	return explained(call, desk, TERMINAL_TAP_OFF);
}

static const struct action actions[] = {
	{ "code", 0, 0, "org place sector approvals", NULL, 0, NULL, code },
	{ "list", 0, 0, "state", "terminal-list", 0, NULL, list },
	{ "show", 1, 1, "", "terminal-show", 0, NULL, show },
	{ "approve", 1, 1, "csr-hash comment", NULL, 0, NULL, approve },
	{ "hold", 1, 1, "comment", NULL, 0, NULL, hold },
	{ "suspend", 1, 1, "comment", NULL, 0, NULL, suspend },
	{ "resume", 1, 1, "comment", NULL, 0, NULL, resume },
	{ "revoke", 1, 1, "reason comment", NULL, 0, NULL, revoke },
	{ "tap-on", 1, 1, "comment", NULL, 0, NULL, tap_on },
	{ "tap-off", 1, 1, "comment", NULL, 0, NULL, tap_off },
	{ 0 },
};

static int run(struct call *call)
{
	return desk_run(call, actions);
}

static const struct option_spec options[] = {
	{ "org", 0, "NAME", N_("code: the organisation whose terminal it will be"), OPTION_TEXT,
	  &org },
	{ "place", 0, "TEXT", N_("code: where it will stand"), OPTION_TEXT, &place },
	{ "sector", 0, "NAME", N_("code: a sector it will serve; can be repeated"), OPTION_LIST,
	  &sectors },
	{ "approvals", 0, "N", N_("code: how many operators must approve"), OPTION_NUMBER,
	  &approvals, 1, APPROVALS_MAX },
	{ "state", 0, "applied|on_hold|approved|active|suspended|revoked",
	  N_("list: only those in this state"), OPTION_CHOICE, &state },
	{ "csr-hash", 0, "HEX", N_("approve: the beginning of what the terminal shows"),
	  OPTION_TEXT, &csr_hash },
	{ "comment", 0, "TEXT", N_("why; must be given with each decision"), OPTION_TEXT,
	  &comment },
	{ "reason", 0, "cessation|key_compromise", N_("revoke: why"), OPTION_CHOICE, &reason },
	{ NULL },
};

const struct fuda_command command_mykeyd_terminal = {
	.name = "terminal",
	.summary = N_("admit terminals, stop them, and list them"),
	.synopsis = "code | list | show ID | approve ID | hold ID | suspend ID | resume ID | "
		    "revoke ID | tap-on ID | tap-off ID",
	.options = options,
	.flags = COMMAND_FOLDER,
	.run = run,
};
