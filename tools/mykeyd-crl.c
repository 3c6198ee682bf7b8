/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd crl: the revocation lists of cards and of who issues mobile credentials, who is asked
 * besides, and our own list of terminals. */
#include "service/enrol.h"
#include "service/mdoc-lists.h"
#include "tools/mykeyd-desk.h"

static bool problem; /* with any of them */

static const char *state_of(const struct revocation_state *s)
{
	if (!s->loaded)
		return "missing";
	if (s->stale)
		return "stale";
	return s->half ? "half" : "fresh";
}

/* Whether cards are refused for a list that does not count, whatever else is known. */
static bool lists_decide(const struct config *config)
{
	return config->crl_required && !*config->ocsp;
}

static const char *meaning_of(const struct revocation_state *s, const struct config *config)
{
	bool required = config->crl_required;

	if (*config->ocsp && (!s->loaded || s->stale))
		return s->loaded ? _("too old: the OCSP responder alone is believed") :
				   _("cannot be used: the OCSP responder alone is believed");
	if (!s->loaded)
		return required ? _("cannot be used: cards are refused") :
				  _("cannot be used; cards are accepted (crl_required = no)");
	if (s->stale)
		return required ? _("too old: cards are refused") :
				  _("too old; cards are accepted (crl_required = no)");
	return s->half ? _("past half of its life: fetch a newer one") : _("in force");
}

static void report_dates(struct report *r, bool labels, time_t this_update, time_t next_update)
{
	report_time(r, labels ? _("Made") : NULL, labels ? NULL : "this_update", this_update);
	report_time(r, labels ? _("Next one due") : NULL, labels ? NULL : "next_update",
		    next_update);
}

static void report_list_of_cards(struct call *call, struct report *all,
				 const struct revocation_state *s, const struct config *config)
{
	struct report *one = report_object(all, NULL, NULL, NULL);
	struct report *people = report_object(call->report, s->file, NULL, NULL);
	time_t until = s->facts.next_update + (time_t)config->crl_grace;

	report_text(one, NULL, "file", s->file);
	report_text(one, NULL, "state", state_of(s));
	report_word(people, _("State"), NULL, "-", meaning_of(s, config));
	problem = problem || !s->loaded || s->stale;
	if (!s->loaded)
		return;
	report_text(one, NULL, "issuer", s->facts.issuer);
	report_text(people, _("Issuer"), NULL, s->facts.issuer);
	report_dates(one, false, s->facts.this_update, s->facts.next_update);
	report_dates(people, true, s->facts.this_update, s->facts.next_update);
	report_time(one, NULL, "stale_from", until);
	report_time(people,
		    lists_decide(config) ? _("Cards are refused from") :
					   _("Counts as too old from"),
		    NULL, until);
	report_number(one, NULL, "entries", (long)s->facts.count);
	report_number(people, _("Entries"), NULL, (long)s->facts.count);
}

static int status_of_cards(struct call *call, struct desk *desk)
{
	struct report *all = report_list(call->report, NULL, "cards", NULL);
	const struct config *config = &desk->service->config;
	struct revocation_state s;
	size_t n = 0;

	for (; revocation_state(desk->service->revocation, n, time(NULL), &s) == 0; n++)
		report_list_of_cards(call, all, &s, config);
	if (n == 0 && *config->ocsp) {
		report_word(call->report, _("Lists of cards"), NULL, "-",
			    _("none is named in the configuration: the OCSP responder alone is "
			      "believed"));
	} else if (n == 0) {
		report_word(call->report, _("Lists of cards"), NULL, "-",
			    config->crl_required ? _("none is named in the configuration (crl): "
						     "cards are refused") :
						   _("none is named in the configuration; cards "
						     "are accepted "
						     "(crl_required = no)"));
		problem = problem || config->crl_required;
	}
	return 0;
}

/* ---- of phones ---- */

static void report_ca_of_phones(struct call *call, struct report *all,
				const struct mdoc_ca_state *s)
{
	struct report *one = report_object(all, NULL, NULL, NULL);
	struct report *people = report_object(call->report, s->subject, NULL, NULL);

	report_text(one, NULL, "subject", s->subject);
	report_text(one, NULL, "state", *s->why ? "bad" : "good");
	report_word(people, _("State"), NULL, "-",
		    *s->why ? _("counts for no phone") :
		    s->root ? _("in force") :
			      _("in force, as far as its issuer is"));
	report_text(one, NULL, "reason", s->why);
	report_text(people, _("Because"), NULL, s->why);
	report_time(one, NULL, "not_before", s->not_before);
	report_time(one, NULL, "not_after", s->not_after);
	report_time(people, _("Valid from"), NULL, s->not_before);
	report_time(people, _("Valid until"), NULL, s->not_after);
	problem = problem || *s->why;
}

/* Who issues them, as the files are now. */
static int status_of_issuers(struct call *call, struct fuda_context *ctx,
			     const struct config *config)
{
	_cleanup_(fuda_mdoc_trust_free) struct fuda_mdoc_trust *trust = NULL;
	int r = mdoc_files_read(ctx, config, &trust);
	struct mdoc_ca_state s;
	const char *refused;
	struct report *all;

	if (r < 0)
		return call_fail(call, r, "%s", fuda_context_message(ctx));
	all = report_known_list(call->report, "phone_issuers");
	for (size_t i = 0; mdoc_ca_tell(trust, i, time(NULL), &s) == 0; i++)
		report_ca_of_phones(call, all, &s);
	refused = mdoc_refusal(trust, config, time(NULL));
	if (refused && strcmp(refused, "mdoc_not_served") == 0) {
		report_word(call->report, _("Issuers of phones"), NULL, "-",
			    _("no root is good (mdoc_trust): phones are refused"));
		problem = true;
	}
	return 0;
}

static const char *mdoc_state_of(const struct mdoc_list_state *s)
{
	if (!s->loaded)
		return "missing";
	if (s->flawed)
		return "flawed";
	if (s->stale)
		return "stale";
	return s->half ? "half" : "fresh";
}

static const char *mdoc_meaning_of(const struct mdoc_list_state *s, bool required)
{
	if (!s->loaded)
		return required ? _("cannot be used: phones are refused") :
				  _("cannot be used; phones are accepted (crl_required = no)");
	if (s->flawed)
		return required ? _("can revoke, but clears nobody: phones are refused") :
				  _("can revoke, but clears nobody; phones are accepted "
				    "(crl_required = no)");
	if (s->stale)
		return required ? _("too old: phones are refused") :
				  _("too old; phones are accepted (crl_required = no)");
	return s->half ? _("past half of its life: fetch a newer one") : _("in force");
}

static void report_list_of_phones(struct call *call, struct report *all,
				  const struct mdoc_list_state *s, const struct config *config)
{
	struct report *one = report_object(all, NULL, NULL, NULL);
	struct report *people = report_object(call->report, s->file, NULL, NULL);

	report_text(one, NULL, "file", s->file);
	report_text(one, NULL, "state", mdoc_state_of(s));
	report_word(people, _("State"), NULL, "-", mdoc_meaning_of(s, config->crl_required));
	report_text(one, NULL, "reason", s->why);
	report_text(people, _("Because"), NULL, s->why);
	problem = problem || !s->loaded || s->flawed || s->stale;
	if (!s->loaded)
		return;
	report_text(one, NULL, "issuer", s->issuer);
	report_text(people, _("Issuer"), NULL, s->issuer);
	report_dates(one, false, s->this_update, s->next_update);
	report_dates(people, true, s->this_update, s->next_update);
	report_time(one, NULL, "stale_from", s->next_update + (time_t)config->crl_grace);
	report_number(one, NULL, "entries", (long)s->count);
	report_number(people, _("Entries"), NULL, (long)s->count);
}

static int status_of_phones(struct call *call, struct desk *desk)
{
	const struct config *config = &desk->service->config;
	_cleanup_(fuda_context_free) struct fuda_context *ctx = NULL;
	struct mdoc_list_state s;
	struct report *all;
	int r = 0;

	if (!config->mdoc_trust_count)
		return 0;
	all = report_known_list(call->report, "phones");
	if (!config->mdoc_crl_count) {
		report_word(call->report, _("Lists of phones"), NULL, "-",
			    config->crl_required ? _("none is named in the configuration "
						     "(mdoc_crl): phones are refused") :
						   _("none is named in the configuration; phones "
						     "are accepted (crl_required = no)"));
		problem = problem || config->crl_required;
	}
	/* what is said of cards stays said */
	r = fuda_context_new(&ctx);
	if (r == 0)
		r = status_of_issuers(call, ctx, config);
	for (size_t i = 0; r == 0; i++) {
		r = mdoc_list_state(ctx, config, i, time(NULL), &s);
		if (r == 0)
			report_list_of_phones(call, all, &s, config);
	}
	return r == FUDA_ENOTFOUND ? 0 : r;
}

static int status_of_terminals(struct call *call, struct desk *desk)
{
	_cleanup_rows_ struct rows rows = { 0 };
	struct report *own, *people;
	int r = enrol_newest_crl(desk->store, &rows);
	bool old;

	if (r < 0)
		return r;
	if (rows.count == 0) {
		report_word(call->report, _("List of terminals"), NULL, "-",
			    _("none has been made yet"));
		return 0;
	}
	old = rows_int(&rows, 0, 2) < time(NULL);
	problem = problem || old;
	own = report_object(call->report, NULL, "terminals", NULL);
	people = report_object(call->report, _("List of terminals"), NULL, NULL);
	report_word(people, _("State"), NULL, "-",
		    old ? _("too old: the service that makes it does not run") : _("in force"));
	report_number(own, NULL, "number", (long)rows_int(&rows, 0, 0));
	report_number(people, _("Number"), NULL, (long)rows_int(&rows, 0, 0));
	report_dates(own, false, (time_t)rows_int(&rows, 0, 1), (time_t)rows_int(&rows, 0, 2));
	report_dates(people, true, (time_t)rows_int(&rows, 0, 1), (time_t)rows_int(&rows, 0, 2));
	return 0;
}

/* Asked now, from here: how those fare that serve is told in their logs. */
static void status_of_responder(struct call *call, struct desk *desk)
{
	struct responder *responder = revocation_responder(desk->service->revocation);
	const struct config *config = &desk->service->config;
	struct report *one, *people;
	bool refused, bad;
	int r;

	if (!responder)
		return;
	r = responder_probe(call->ctx, responder);
	refused = r == FUDA_EREFUSED;
	bad = r < 0 && !refused;
	problem = problem || bad;
	one = report_object(call->report, NULL, "responder", NULL);
	people = report_object(call->report, _("OCSP responder"), NULL, NULL);
	report_text(one, NULL, "url", config->ocsp);
	report_text(people, _("Address"), NULL, config->ocsp);
	report_text(one, NULL, "state", bad ? "failed" : refused ? "not_for_cas" : "answers");
	report_word(people, _("State"), NULL, "-",
		    refused               ? _("is there") :
		    !bad                  ? _("answers") :
		    config->ocsp_required ? _("no answer that counts: cards are refused") :
					    _("no answer that counts: the lists alone are "
					      "believed"));
	if (r < 0)
		report_text(people, refused ? _("Note") : _("Because"), NULL,
			    fuda_context_message(call->ctx));
}

/* It is a failure that the service could not work with them, whatever is shown. */
static int status(struct call *call, struct desk *desk)
{
	int r = revocation_refresh(call->ctx, desk->service->revocation);

	problem = r < 0;
	r = status_of_cards(call, desk);
	if (r == 0)
		status_of_responder(call, desk);
	if (r == 0)
		r = status_of_phones(call, desk);
	if (r == 0)
		r = status_of_terminals(call, desk);
	call->shown = true;
	if (r == 0 && problem)
		return *fuda_context_message(call->ctx) ?
			       FUDA_EVERIFY :
			       call_fail(call, FUDA_EVERIFY,
					 _("not all revocation lists can be used"));
	return r;
}

static const struct action actions[] = {
	{ "status", 0, 0, "", "crl-status", 0, NULL, status },
	{ 0 },
};

static int run(struct call *call)
{
	return desk_run(call, actions);
}

const struct fuda_command command_mykeyd_crl = {
	.name = "crl",
	.summary = N_("show which revocation lists are in force"),
	.synopsis = "status",
	.flags = COMMAND_FOLDER,
	.run = run,
};
