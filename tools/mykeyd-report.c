/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd report: what a day had. */
#include "service/daily.h"
#include "service/tls.h"
#include "tools/mykeyd-desk.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY = 24 * 3600 };
static const char *date;

/* The day that was yesterday in Japan, unless one is named. */
static int take_day(struct call *call, int64_t *ret_us, char ret_text[16])
{
	time_t now = time(NULL) + JAPAN_SECONDS - DAY;
	struct tm tm;
	int r;

	if (gmtime_r(&now, &tm))
		strftime(ret_text, 16, "%Y-%m-%d", &tm);
	if (date && strlen(date) > strlen("2026-11-21")) /* a time of that day is no day */
		return call_usage(call, _("'%s' is no day like 2026-11-21"), date);
	if (date)
		snprintf(ret_text, 16, "%s", date);
	r = desk_take_time(call, date ? date : ret_text, ret_us);
	if (r == 0 && *ret_us > (int64_t)time(NULL) * SECONDS_US)
		return call_usage(call, _("%s has not come yet"), date);
	return r;
}

static void report_terminals(struct call *call, const struct daily *d)
{
	static const char *const labels[DAILY_STATES] = {
		N_("Terminals that applied"), N_("Terminals on hold"),   N_("Terminals approved"),
		N_("Terminals active"),       N_("Terminals suspended"), N_("Terminals revoked"),
	};
	struct report *terminals = report_object(call->report, NULL, "terminals", NULL);

	for (size_t i = 0; i < DAILY_STATES; i++) {
		char text[24];

		report_number(terminals, NULL, daily_states[i], (long)d->terminals[i]);
		snprintf(text, sizeof(text), "%ld", (long)d->terminals[i]);
		report_word(call->report, _(labels[i]), NULL, "-", text);
	}
}

/* So that who reads this each day hears of it in time. */
static void report_tls(struct call *call, struct desk *desk)
{
	struct ca_server tls;

	if (tls_read(desk->service, &tls) < 0)
		return;
	report_time(call->report, _("Certificate for TLS until"), "tls_until", tls.not_after);
	if (!common.json && tls.not_after - time(NULL) < (time_t)TLS_WARN_DAYS * DAY)
		fprintf(stderr,
			_("The certificate for TLS ends soon: 'fuda-mykeyd tls renew --folder %s' "
			  "makes "
			  "a new one.\n"),
			mykeyd_folder());
}

static int daily(struct call *call, struct desk *desk)
{
	struct daily d;
	char day[16] = "";
	int64_t from;
	int r = take_day(call, &from, day);

	if (r == 0)
		r = daily_count(desk->store, from, from + DAY * SECONDS_US, &d);
	if (r < 0)
		return r;
	report_text(call->report, _("Day (Japan)"), "day", day);
	report_number(call->report, _("MyKey IDs issued"), "mykeys_issued", (long)d.issued);
	report_number(call->report, _("MyKey IDs expired"), "mykeys_expired", (long)d.expired);
	report_number(call->report, _("New holders"), "holders_new", (long)d.subjects);
	report_number(call->report, _("New pseudonyms"), "pseudonyms_new", (long)d.linked);
	report_number(call->report, _("Refusals in the audit trail"), "refusals", (long)d.refused);
	report_number(call->report, _("MyKey IDs active now"), "mykeys_active", (long)d.active);
	report_terminals(call, &d);
	report_tls(call, desk);
	return 0;
}

static const struct action actions[] = {
	{ "daily", 0, 0, "date", "report-daily", ROLE_AUDITOR, NULL, daily },
	{ 0 },
};

static int run(struct call *call)
{
	return desk_run(call, actions);
}

static const struct option_spec options[] = {
	{ "date", 0, "YYYY-MM-DD", N_("the day, in Japan (yesterday)"), OPTION_TEXT, &date },
	{ NULL },
};

const struct fuda_command command_mykeyd_report = {
	.name = "report",
	.summary = N_("count what happened on a day"),
	.synopsis = "daily",
	.options = options,
	.flags = COMMAND_FOLDER,
	.run = run,
};
