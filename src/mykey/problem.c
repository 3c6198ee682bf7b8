/* SPDX-License-Identifier: Apache-2.0 */
#include "mykey/problem.h"

#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "codec/json.h"

enum {
	DETAIL_MAX = 2048,
	WAIT_DEFAULT = 5, /* seconds, where a 429 does not say */
};

int problem_wait(const struct https_answer *answer)
{
	if (answer->status == 429 && !answer->retry_after)
		return WAIT_DEFAULT;
	return answer->status == 429 || answer->status == 503 ? answer->retry_after : 0;
}

/* Only [a-z0-9_], so that it can stand in a report. */
static bool is_code(const char *text)
{
	return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* As much of a sentence as there is room for, whole characters of UTF-8. */
static void shorten(const char *text, char *ret, size_t size)
{
	size_t len = strlen(text);

	if (len >= size) {
		len = size - 1;
		while (len && ((unsigned char)text[len] & 0xC0) == 0x80)
			len--;
	}
	snprintf(ret, size, "%.*s", (int)len, text);
}

static bool read_body(const struct https_answer *answer, struct problem *p)
{
	char code[sizeof(p->code)] = "", detail[DETAIL_MAX] = "", title[DETAIL_MAX] = "";
	int64_t tries = -1;
	const struct json_field fields[] = {
		{ "code", JSON_STRING, true, code, sizeof(code), NULL },
		{ "detail", JSON_STRING, false, detail, sizeof(detail), NULL },
		{ "title", JSON_STRING, false, title, sizeof(title), NULL },
		{ "tries_left", JSON_NUMBER, false, &tries, 0, NULL },
	};
	const char *member, *why;

	if (strcmp(answer->content_type, "application/problem+json") != 0 ||
	    json_read_some(answer->body.data, answer->body.len, fields, ARRAY_SIZE(fields), &member,
			   &why) < 0 ||
	    !is_code(code))
		return false;
	memcpy(p->code, code, sizeof(code));
	shorten(*detail ? detail : title, p->detail, sizeof(p->detail));
	p->tries_left = tries >= 0 && tries <= 1000 ? (int)tries : -1;
	return true;
}

void problem_read(const struct https_answer *answer, struct problem *ret)
{
	struct problem p = { .tries_left = -1 };

	p.known = read_body(answer, &p);
	if (!p.known)
		snprintf(p.code, sizeof(p.code), "http_%d", answer->status);
	*ret = p;
}

/* What it means at the counter, and what people can do about it. The service's own words, which are
 * English, are for codes that are not here: of mistakes in a request, which people do not make. */
static const struct {
	const char *code, *text;
} texts[] = {
	/* the terminal */
	{ "terminal_certificate_expired", N_("The certificate of this terminal has expired: remove "
					     "its folder and enrol it "
					     "anew (fuda terminal enrol).") },
	{ "terminal_certificate_invalid", N_("The service does not accept the certificate of this "
					     "terminal: enrol it anew "
					     "(fuda terminal enrol).") },
	{ "terminal_certificate_missing", N_("This terminal has no certificate yet: fuda terminal "
					     "status tells what it waits "
					     "for.") },
	{ "terminal_environment", N_("This terminal is enrolled for another environment than that "
				     "of the service: enrol it anew there (fuda terminal enrol), "
				     "or ask the operator which service it belongs to.") },
	{ "terminal_not_approved", N_("An operator has yet to approve this terminal: fuda terminal "
				      "status shows what to "
				      "compare.") },
	{ "terminal_revoked", N_("An operator has revoked this terminal: ask the operator. To "
				 "enrol it anew, remove its folder (~/.config/fuda/terminal, or "
				 "what --terminal names), or name another one by --terminal, then "
				 "fuda terminal enrol.") },
	{ "terminal_suspended", N_("An operator has suspended this terminal: ask the operator, who "
				   "can let it go on.") },
	{ "terminal_unknown", N_("The service does not know this terminal: ask the operator. To "
				 "enrol it anew, remove its folder (~/.config/fuda/terminal, or "
				 "what --terminal names), or name another one by --terminal, then "
				 "fuda terminal enrol.") },
	{ "too_early", N_("It is too early to renew the certificate, which is renewed in the "
			  "second half of its life: use the one there is until then (fuda terminal "
			  "renew --if-due).") },
	{ "too_many_certificates", N_("This terminal has had too many certificates at once: use "
				      "the one it has, and "
				      "tell the operator.") },
	{ "too_many_guesses", N_("Too many wrong codes came to the service: try again in a "
				 "minute.") },
	{ "unauthorized", N_("The service does not know this code: it may be mistyped, used or too "
			     "old. Ask "
			     "the operator for a new one, and run fuda terminal enrol again.") },
	/* the challenge */
	{ "challenge_expired", N_("It came too late for the service: nothing was changed. Do it "
				  "again.") },
	{ "challenge_foreign", N_("The service does not take its own challenge for this: nothing "
				  "was changed. Do it "
				  "again; if it stays so, tell the operator.") },
	{ "challenge_malformed", N_("The service does not know its own challenge: nothing was "
				    "changed. Do it again; "
				    "if it stays so, tell the operator.") },
	{ "challenge_used", N_("The service has seen this challenge before: nothing was changed. "
			       "Do it again.") },
	/* the card */
	{ "certificate_expired", N_("The card's certificate has expired: the holder gets a new one "
				    "at the municipal "
				    "office.") },
	{ "certificate_revoked", N_("The card's certificate was revoked, as after a loss or a "
				    "move: the holder should "
				    "ask at the municipal office.") },
	{ "certificate_superseded", N_("A newer certificate has taken the place of this card's: "
				       "use the holder's new "
				       "card.") },
	{ "invalid_certificate", N_("The service does not trust the card's certificate. Check "
				    "whether other cards are "
				    "taken; the service's log tells the operator the rule that "
				    "failed.") },
	{ "renewal_ambiguous", N_("Which of the holder's earlier certificates this one took the "
				  "place of is not clear: "
				  "tell the operator.") },
	{ "revocation_unknown", N_("Those who issued the card do not know its certificate: the "
				   "holder asks at the municipal office.") },
	{ "revocation_info_stale", N_("Whether the card's certificate was revoked, the service "
				      "does not know at "
				      "present, and serves nobody until it does. Try again later, "
				      "and tell the "
				      "operator.") },
	{ "signature_mismatch", N_("The signature is not the card's over the service's challenge. "
				   "Do it again; if it "
				   "stays so, tell the operator.") },
	{ "unsupported_certificate", N_("The card's certificate is of a kind that the service does "
					"not take: it must be that for user authentication of a My "
					"Number card. If it is such a card, tell the operator: the "
					"service's log has the rule that failed.") },
	/* the holder */
	{ "already_expired", N_("The holder's MyKey ID has expired already, and nothing was "
				"changed: fuda mykey bind gives a new one.") },
	{ "already_linked", N_("Another number of the holder is linked in this sector: unlink that "
			       "one first "
			       "(fuda mykey unlink).") },
	{ "generation_limit", N_("The service makes no more MyKey IDs for this holder. One that "
				 "nobody has had can still be wished for (fuda mykey change "
				 "--wish).") },
	{ "local_number_taken", N_("This number is linked to another holder in this sector: check "
				   "whether it is "
				   "mistyped.") },
	{ "not_bound", N_("This holder has no MyKey ID: fuda mykey bind gives one.") },
	{ "not_linked", N_("The holder has no number linked in this sector: there is nothing to "
			   "unlink. fuda mykey link links one.") },
	{ "sector_missing", N_("This terminal serves several sectors: name one by --sector.") },
	{ "sector_not_allowed", N_("This terminal does not serve such a sector: ask the operator "
				   "for which ones it "
				   "is.") },
	{ "wish_taken", N_("This MyKey ID is taken: wish for another one.") },
	{ "wish_unchanged", N_("This is the holder's present MyKey ID already: wish for another "
			       "one, or leave it.") },
	/* the tap */
	{ "not_linked_here", N_("The holder is not known in this sector yet: fuda mykey resolve "
				"with the PIN "
				"comes first.") },
	{ "tap_limit", N_("This card was tried too often within an hour: use it with its PIN.") },
	{ "tap_not_allowed", N_("This terminal may not serve holders without their PIN: ask the "
				"operator, who can allow it.") },
	{ "tap_not_registered", N_("This card is not registered for use without its PIN: fuda "
				   "mykey tap --register "
				   "does that.") },
	{ "tap_record_invalid", N_("The card's age record is not that of the card that answered, "
				   "or not genuine: use the card with its PIN.") },
	/* the phone */
	{ "mdoc_doctype", N_("This is not the kind of credential that the service takes: the "
			     "holder picks the My Number card on the phone. Do it again.") },
	{ "mdoc_expired", N_("The credential on the phone has expired: its holder has the phone "
			     "renew it, for which it must be online. Then do it again.") },
	{ "mdoc_foreign", N_("What the phone showed is not for the service's challenge: nothing "
			     "was "
			     "changed. Do it again; if it stays so, tell the operator.") },
	{ "mdoc_invalid", N_("The service does not trust the credential on the phone. Check "
			     "whether "
			     "other phones are taken; the service's log tells the operator the "
			     "rule "
			     "that failed.") },
	{ "mdoc_mac_refused", N_("The phone proves itself by a MAC, which a terminal could have "
				 "made "
				 "as well, so that the service cannot take it: use the card.") },
	{ "mdoc_mismatch", N_("The credential on the phone is forged or was changed, or the phone "
			      "signed something else. Do it again; if it stays so, tell the "
			      "operator.") },
	{ "mdoc_not_bound", N_("This phone is bound to nobody, or its credential was renewed "
			       "since: "
			       "fuda mykey bind --mdoc binds it with the card.") },
	{ "mdoc_not_served", N_("The service takes no mobile credentials: use the card.") },
	{ "mdoc_revocation_stale", N_("The service has no revocation list in force for the issuer "
				      "of the phone's credential, and takes no such phone until "
				      "it has one. Use the card, and tell the operator.") },
	{ "mdoc_revoked", N_("The certificate by which the credential on the phone was issued has "
			     "been revoked: its holder has the phone renew the credential. Use the "
			     "card until then.") },
	{ "mdoc_status_unchecked", N_("Whether the credential on the phone was revoked stands in "
				      "a list on the network that the service does not read, so "
				      "that it cannot take it: use the card.") },
	{ "mdoc_taken", N_("This phone is bound to another holder: check whose phone it is. If it "
			   "is this holder's, it was bound with a wrong card: fuda mykey unbind "
			   "--mdoc takes it off, by the phone alone, and then bind it again.") },
	{ "mdoc_unasked", N_("More of the credential was shown than this is for. Nothing was "
			     "changed: tell the operator which program asked.") },
	{ "mdoc_unsupported", N_("The credential on the phone is of a kind that the service does "
				 "not know yet: use the card, and tell the operator, to whom the "
				 "service's log tells the rule that failed.") },
	/* the service */
	{ "answer_outdated", N_("The service had answered this before, and something was changed "
				"for the holder since: see by fuda mykey show or resolve what is "
				"there, and do it again if it is still wanted.") },
	{ "audit_broken", N_("The service's audit trail is broken, and it serves nobody: tell the "
			     "operator.") },
	{ "clock_untrusted", N_("The service's clock is wrong, and it serves nobody until it is "
				"right: tell the "
				"operator.") },
	{ "database_unavailable", N_("The service has no database at present: nothing was done. "
				     "Try again.") },
	{ "idempotency_key_reused", N_("The service has another request under the same key: "
				       "nothing was changed. Do it "
				       "again.") },
	{ "internal_error", N_("The service failed: try again, and tell the operator if it stays "
			       "so.") },
	{ "outcome_unknown", N_("The service does not know whether it was done: do the same again "
				"with the same card, or see by fuda mykey show or resolve.") },
	{ "not_found", N_("What answers knows nothing of what this program asks: it is another "
			  "service, or one of another version. Check the address, and tell the "
			  "operator.") },
	{ "queue_full", N_("Too much is being asked of the service at once: nothing was done. Try "
			   "again.") },
	{ "stopping", N_("The service is stopping: nothing was done. Try again.") },
	{ "unavailable", N_("The service cannot answer at present: try again, and tell the "
			    "operator if it stays so.") },
};

static const char *text_of(const struct problem *problem)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(texts[i].code, problem->code) == 0)
			return _(texts[i].text);
	return NULL;
}

int problem_fail(struct fuda_context *ctx, const struct https_answer *answer,
		 const struct problem *problem)
{
	const char *text = text_of(problem);

	if (text)
		return ctx_fail(ctx, FUDA_EREFUSED, "%s (%s)", text, problem->code);
	if (!problem->known && answer->status >= 502 && answer->status <= 504)
		return ctx_fail(ctx, FUDA_EREFUSED,
				_("What stands before the service cannot reach it at present (HTTP "
				  "status %d). Try again, and tell the operator if it stays so."),
				answer->status);
	if (!problem->known)
		return ctx_fail(ctx, FUDA_EREFUSED,
				_("What answers is not such a service, or what stands before it "
				  "refuses (HTTP status %d). Check the address."),
				answer->status);
	if (*problem->detail)
		return ctx_fail(ctx, FUDA_EREFUSED,
				_("The service refuses: %s (%s). Tell the operator."),
				problem->detail, problem->code);
	return ctx_fail(ctx, FUDA_EREFUSED, _("The service refuses: %s. Tell the operator."),
			problem->code);
}

int problem_fail_wait(struct fuda_context *ctx, const struct problem *problem, int seconds)
{
	const char *text = text_of(problem);

	if (!text)
		return ctx_fail(ctx, FUDA_EWAIT, _("The service asks to wait: try again in %d s."),
				seconds);
	return ctx_fail(ctx, FUDA_EWAIT, _("%s The service asks to wait %d s."), text, seconds);
}
