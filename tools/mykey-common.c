/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mykey-common.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/certs.h"
#include "tools/prompt.h"
#include "tools/report.h"
#include "tools/secrets.h"

/* A challenge is good for two minutes, and a person may take longer. */
enum { FRESH_SECONDS = 2 };

const char *mykey_terminal;

/* ---- the terminal ---- */

int mykey_open_terminal(struct call *call, struct fuda_terminal **ret)
{
	int r = fuda_terminal_open(call->ctx, mykey_terminal, ret);

	if (r == FUDA_ENOTFOUND && !mykey_terminal)
		snprintf(call->remark, sizeof(call->remark), "%s",
			 _("Without --terminal it is the user's own folder. 'fuda terminal enrol' "
			   "makes this machine a terminal; --terminal DIR names the folder of "
			   "one."));
	else if (r == FUDA_ENOTFOUND)
		snprintf(call->remark, sizeof(call->remark), "%s",
			 _("'fuda terminal enrol' makes this machine a terminal; --terminal names "
			   "the folder of one."));
	return r;
}

/* The hash of the request in groups of four: two people read it to each other. */
static void grouped(const char *hex, char *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; hex[i] && n + 3 < size; i++) {
		if (i && i % 4 == 0)
			ret[n++] = ' ';
		ret[n++] = hex[i];
	}
	ret[n] = '\0';
}

static const char *state_text(enum fuda_terminal_state state)
{
	static const char *const texts[] = {
		[FUDA_TERMINAL_NONE] = N_("the service has not answered yet"),
		[FUDA_TERMINAL_APPLIED] = N_("waits for an operator to approve it"),
		[FUDA_TERMINAL_ACTIVE] = N_("ready"),
		[FUDA_TERMINAL_RENEWAL_DUE] = N_("ready; the certificate should be renewed"),
		[FUDA_TERMINAL_EXPIRED] = N_("the certificate has expired"),
		[FUDA_TERMINAL_SUSPENDED] = N_("suspended by an operator"),
		[FUDA_TERMINAL_REVOKED] = N_("revoked by an operator"),
	};

	return _(texts[state]);
}

/* Of a terminal with a certificate in force, what is known here is not what counts. */
static void tell_state(struct report *to, enum fuda_terminal_state state, int asked)
{
	char text[200];

	if (asked == 0 || (state != FUDA_TERMINAL_ACTIVE && state != FUDA_TERMINAL_RENEWAL_DUE))
		snprintf(text, sizeof(text), "%s", state_text(state));
	else
		snprintf(text, sizeof(text),
			 asked == FUDA_EREFUSED ? _("%s; the service refuses") :
						  _("%s; the service gave no answer"),
			 state == FUDA_TERMINAL_ACTIVE ? _("the certificate is in force") :
							 _("the certificate is in force and should "
							   "be renewed"));
	report_word(to, _("State"), "state", fuda_terminal_state_name(state), text);
}

/* A list for programs, even if there are none. */
static void report_sectors(struct report *to, const char *names)
{
	struct report *list = report_known_list(to, "sectors");
	char name[64];

	report_word(to, _("Sectors"), NULL, "-", names);
	for (size_t len; *names; names += len + (names[len] == ' ')) {
		len = strcspn(names, " ");
		snprintf(name, sizeof(name), "%.*s", (int)len, names);
		report_text(list, NULL, NULL, name);
	}
}

int mykey_report_terminal(struct call *call, struct fuda_terminal *terminal, int asked,
			  struct fuda_terminal_facts *ret)
{
	struct fuda_terminal_facts f;
	struct report *to = call->report;
	char hex[2 * FUDA_FINGERPRINT];
	int r = fuda_terminal_facts(terminal, &f);

	if (r < 0)
		return r;
	tell_state(to, f.state, asked);
	report_text(to, _("Service"), "server", f.server);
	report_text(to, _("Terminal"), "terminal", f.id);
	report_text(to, _("Environment"), "environment", f.environment);
	report_text(to, _("Organisation"), "organisation", f.organisation);
	report_text(to, _("Place"), "place", f.place);
	if (*f.place) {
		report_sectors(to, f.sectors);
		report_flag(to, _("Without PIN"), "tap", f.tap);
	}
	if (!*f.id) {
		grouped(f.request, hex, sizeof(hex));
		report_word(to, _("Request"), "request", f.request, hex);
		if (f.retry_at)
			report_time(to, NULL, "retry_at", f.retry_at);
	} else {
		report_time(to, _("Valid from"), "not_before", f.not_before);
		report_time(to, _("Valid until"), "not_after", f.not_after);
	}
	*ret = f;
	return 0;
}

/* What a person should do about the terminal is said beside the work. */
static void mind_renewal(struct fuda_terminal *terminal)
{
	struct fuda_terminal_facts f;

	if (fuda_terminal_facts(terminal, &f) == 0 && f.state == FUDA_TERMINAL_RENEWAL_DUE)
		fputs(_("fuda: The certificate of this terminal should be renewed: fuda terminal "
			"renew.\n"),
		      stderr);
}

/* ---- waiting ---- */

/* Before a person the wait is his to end; otherwise the time of the call counts. */
static bool told_to_wait(void *arg, int seconds)
{
	struct call *call = arg;

	fprintf(stderr,
		ngettext("The service asks to wait: %d second (^C ends)\n",
			 "The service asks to wait: %d seconds (^C ends)\n", (unsigned)seconds),
		seconds);
	if (isatty(STDERR_FILENO))
		fuda_deadline_restart(call->dl, 1000 * seconds + session_timeout_ms());
	return true;
}

/* ---- the holder ---- */

void mykey_signed_free(struct mykey_signed *s)
{
	fuda_buf_free(&s->signature);
	fuda_buf_free(&s->certificate);
}

static time_t uptime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

int mykey_challenge(struct call *call, struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
		    struct mykey_signed *s)
{
	int r = fuda_mykey_challenge(mykey, wish, call->dl, &s->digest);

	s->since = uptime();
	session_restart(call);
	return r;
}

/* The certificate is not even good enough to ask for the PIN. */
static int refuse_unasked(struct call *call)
{
	const char *result = fuda_result_name(call->verdict.result);
	const char *text = fuda_rule_text(call->verdict.rule);

	report_text(call->report, NULL, "result", result);
	certs_not_asked(call);
	return call_fail(call, FUDA_EVERIFY, "%s (%s)",
			 *text ? text : fuda_context_message(call->ctx), result);
}

int mykey_open_card(struct call *call, struct mykey_signed *s)
{
	int r = call_open_card(call);

	call->world_told = true; /* the service judges the certificate */
	/* the clocks of both sides are nearly the same: else the challenge was not taken */
	if (r == 0)
		r = certs_foresee(call, FUDA_JPKI_AUTH, time(NULL), &s->certificate);
	return r == FUDA_EVERIFY ? refuse_unasked(call) : r;
}

int mykey_freshen(struct call *call, struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
		  struct mykey_signed *s)
{
	return uptime() - s->since < FRESH_SECONDS ? 0 : mykey_challenge(call, mykey, wish, s);
}

int mykey_sign(struct call *call, struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
	       struct fuda_secret *secret, struct mykey_signed *s)
{
	struct fuda_pin_entry entry = FUDA_PIN_ENTRY(secret);
	int r = mykey_freshen(call, mykey, wish, s);

	if (r < 0) {
		fuda_secret_free(&secret);
		return r;
	}
	entry.use_last_try = common.use_last_try;
	r = fuda_jpki_sign_digest(call->card, FUDA_JPKI_AUTH, &s->digest, &entry, call->dl,
				  &s->signature, s->certificate.len ? NULL : &s->certificate);
	fuda_secret_free(&secret);
	return secret_outcome(call, FUDA_PIN_AUTH, &entry, r);
}

/* Refusals of certificate, credential or signature: exit status 6, as verifying ends with. */
static bool is_verdict(const char *result)
{
	static const char *const verdicts[] = {
		"invalid_certificate",    "unsupported_certificate",
		"certificate_expired",    "certificate_revoked",
		"certificate_superseded", "signature_mismatch",
		"revocation_unknown",     "mdoc_invalid",
		"mdoc_unsupported",       "mdoc_expired",
		"mdoc_revoked",           "mdoc_mismatch",
		"mdoc_status_unchecked",
	};

	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
		if (strcmp(verdicts[i], result) == 0)
			return true;
	return false;
}

static void report_answer(struct call *call, const struct fuda_mykey_wish *wish,
			  const struct fuda_mykey_answer *a)
{
	struct report *to = call->report;
	bool id = *a->mykey_id;

	report_text(to, _("MyKey ID"), "mykey_id", a->mykey_id);
	if (id && (wish->purpose == FUDA_MYKEY_BIND || wish->purpose == FUDA_MYKEY_BIND_MDOC))
		report_flag(to, _("New"), "new", a->fresh);
	if (id && wish->purpose == FUDA_MYKEY_CHANGE)
		report_flag(to, _("Made by the service"), "generated", a->generated);
	report_text(to, _("Issued"), "issued", a->issued);
	report_text(to, _("Expired"), "expired", a->expired);
	report_text(to, _("Sector"), "sector", a->sector);
	report_text(to, _("Pseudonym"), "ppid", a->ppid);
	report_text(to, _("Number there"), "local_number", a->local_number);
	report_text(to, NULL, "amr", a->amr);
	if (a->tries_left >= 0)
		report_number(to, _("Wishes left"), "tries_left", a->tries_left);
	if (a->retry_after)
		report_number(to, NULL, "retry_after", a->retry_after);
}

int mykey_judge(struct call *call, const struct fuda_mykey_wish *wish,
		const struct fuda_mykey_answer *a, int code)
{
	report_answer(call, wish, a);
	if (code == 0 || !*a->result)
		return code;
	report_text(call->report, NULL, "result", a->result);
	if (a->tries_left > 0)
		snprintf(call->remark, sizeof(call->remark),
			 ngettext("%d more wish may be tried.", "%d more wishes may be tried.",
				  (unsigned)a->tries_left),
			 a->tries_left);
	if (code != FUDA_EREFUSED || !is_verdict(a->result))
		return code;
	return call_fail(call, FUDA_EVERIFY, "%s", fuda_context_message(call->ctx));
}

int mykey_ask(struct call *call, struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish,
	      const struct mykey_signed *s)
{
	struct fuda_mykey_answer answer = { .tries_left = -1 };
	int r;

	session_restart(call);
	r = fuda_mykey_ask(mykey, wish, s->certificate.len ? &s->certificate : NULL,
			   s->signature.len ? &s->signature : NULL, call->dl, &answer);
	r = mykey_judge(call, wish, &answer, r);
	explicit_bzero(&answer, sizeof(answer));
	return r;
}

int mykey_sign_by_pin(struct call *call, struct fuda_mykey *mykey,
		      const struct fuda_mykey_wish *wish, struct mykey_signed *s)
{
	struct fuda_secret *secret;
	int r = mykey_challenge(call, mykey, wish, s);

	if (r == 0)
		r = mykey_open_card(call, s);
	if (r == 0)
		r = secret_ask(call, FUDA_PIN_AUTH, "jpki", &secret);
	return r < 0 ? r : mykey_sign(call, mykey, wish, secret, s);
}

static int work(struct call *call, struct fuda_mykey *mykey, const struct fuda_mykey_wish *wish)
{
	_cleanup_(mykey_signed_free) struct mykey_signed s = MYKEY_SIGNED_INIT;
	int r = mykey_sign_by_pin(call, mykey, wish, &s);

	return r < 0 ? r : mykey_ask(call, mykey, wish, &s);
}

int mykey_run(struct call *call, const struct fuda_mykey_wish *wish)
{
	return mykey_run_by(call, wish, work);
}

/* A phone is no card, and is asked otherwise. */
static void point_to_phones(struct call *call, enum fuda_mykey_purpose purpose)
{
	call->hinted = purpose == FUDA_MYKEY_SHOW || purpose == FUDA_MYKEY_BIND ||
		       purpose == FUDA_MYKEY_BIND_MDOC;
	if (purpose == FUDA_MYKEY_SHOW)
		snprintf(call->remark, sizeof(call->remark), "%s",
			 _("If it is a phone that was bound, 'fuda mykey show --mdoc' asks it."));
	else if (purpose == FUDA_MYKEY_BIND_MDOC)
		snprintf(call->remark, sizeof(call->remark),
			 _("The card comes first, then the phone. If it is the phone that lies on "
			   "%s, the two are swapped: --reader names the card's reader, "
			   "--phone-reader the phone's."),
			 call->card ? fuda_card_reader(call->card) : _("the reader"));
	else if (purpose == FUDA_MYKEY_BIND)
		snprintf(call->remark, sizeof(call->remark), "%s",
			 _("If it is a phone: 'fuda mykey bind --mdoc' binds it, the card first "
			   "and then the phone, on the reader of --phone-reader if it names "
			   "one."));
}

int mykey_run_by(struct call *call, const struct fuda_mykey_wish *wish,
		 int (*how)(struct call *call, struct fuda_mykey *mykey,
			    const struct fuda_mykey_wish *wish))
{
	struct fuda_terminal *terminal = NULL;
	struct fuda_mykey *mykey = NULL;
	int r = mykey_open_terminal(call, &terminal);

	if (r == 0)
		r = fuda_mykey_new(terminal, &mykey);
	if (r == 0) {
		fuda_mykey_on_wait(mykey, told_to_wait, call);
		r = how(call, mykey, wish);
	}
	if (r == 0)
		mind_renewal(terminal);
	if (r == FUDA_EWRONGCARD)
		point_to_phones(call, wish->purpose);
	fuda_mykey_free(&mykey);
	fuda_terminal_free(&terminal);
	return r;
}

/* ---- confirming ---- */

int mykey_confirm(struct call *call, const char *text, bool yes)
{
	struct line line;
	bool agreed;
	int r;

	if (yes)
		return 0;
	if (!prompt_possible())
		return call_usage(call, _("this cannot be undone: say --yes"));
	line_start(&line);
	r = prompt_line(text, &line);
	agreed = r == 0 && line.len == 3 && strncasecmp(line.text, "yes", 3) == 0;
	line_end(&line);
	session_restart(call);
	return agreed ? 0 : call_fail(call, FUDA_ECANCELLED, _("cancelled; nothing was changed"));
}
