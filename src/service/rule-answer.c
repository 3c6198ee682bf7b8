/* SPDX-License-Identifier: Apache-2.0 */
/* What requests are answered with. */
#include <string.h>

#include "base/util.h"
#include "service/rule-request.h"

enum { RETRY_DATABASE = 5, RETRY_REVOCATION = 300, RETRY_STOPPING = 5 };

/* All refusals of the rules, and of those who may not ask. English on the wire, whatever the
 * service speaks at home: the client has its own words for each code. */
static const struct {
	const char *code;
	int status;
	const char *title;
} refusals[] = {
	/* who asks */
	{ "terminal_unknown", 401, "This service did not give the terminal's certificate." },
	{ "terminal_certificate_invalid", 401, "The terminal's certificate is not good." },
	{ "terminal_certificate_expired", 401, "The terminal's certificate has expired." },
	{ "terminal_environment", 401, "The terminal belongs to another environment." },
	{ "terminal_suspended", 401, "The terminal is suspended." },
	{ "terminal_revoked", 401, "The terminal was revoked." },
	{ "terminal_not_approved", 401, "The terminal was not approved." },
	/* the request */
	{ "unsupported_media_type", 415, "The body must be application/json." },
	{ "idempotency_key_missing", 400, "The header Idempotency-Key is missing." },
	{ "idempotency_key_malformed", 400,
	  "Idempotency-Key must be 1 to 64 letters, digits, \"-\" and \"_\"." },
	{ "idempotency_key_reused", 422,
	  "This Idempotency-Key was used for another request before." },
	{ "answer_outdated", 409,
	  "It was answered before, and something was changed for this holder since." },
	{ "request_malformed", 400, "The body is not what this request takes." },
	{ "purpose_unknown", 400, "There is no challenge for this purpose." },
	{ "wish_malformed", 400, "A MyKey ID is 8 letters and digits." },
	{ "local_number_malformed", 400,
	  "A local number is 1 to 64 characters without control characters." },
	{ "sector_missing", 400, "This terminal serves several sectors: name one." },
	{ "sector_not_allowed", 403, "This terminal does not serve such a sector." },
	/* the challenge */
	{ "challenge_malformed", 400, "This is no challenge." },
	{ "challenge_foreign", 403, "The challenge was not made for this terminal and purpose." },
	{ "challenge_expired", 403, "The challenge has expired: get a new one." },
	{ "challenge_used", 403, "The challenge was used already: get a new one." },
	/* the card: DESIGN.md has the words */
	{ "invalid_certificate", 403, "The certificate is not valid." },
	{ "certificate_expired", 403, "The certificate has expired." },
	{ "certificate_revoked", 403, "The certificate has been revoked." },
	{ "unsupported_certificate", 403,
	  "This is no certificate for user authentication of a card." },
	{ "signature_mismatch", 403, "The signature is not the card's over this challenge." },
	{ "revocation_info_stale", 503,
	  "Whether the certificate has been revoked is not known at present." },
	{ "revocation_unknown", 403, "The OCSP responder does not know the certificate." },
	{ "certificate_superseded", 403, "A newer certificate has taken its place." },
	{ "renewal_ambiguous", 403, "Which certificate this one took the place of is not clear." },
	/* the holder */
	{ "not_bound", 404, "This holder has no MyKey ID." },
	{ "already_expired", 409, "The MyKey ID has expired already." },
	{ "wish_taken", 409, "This MyKey ID is taken: wish for another one." },
	{ "wish_unchanged", 409, "This is the present MyKey ID." },
	{ "generation_limit", 409, "No more MyKey IDs are made for this holder." },
	{ "local_number_taken", 409, "This number is linked to another holder in this sector." },
	{ "already_linked", 409,
	  "Another number is linked in this sector: unlink that one first." },
	{ "not_linked", 409, "No number is linked in this sector." },
	/* the tap */
	{ "tap_not_allowed", 403, "This terminal may not serve holders without their PIN." },
	{ "tap_not_registered", 404, "This card is not registered for use without a PIN." },
	{ "tap_malformed", 400, "The birth date's key or the number of its tries is malformed." },
	{ "tap_record_invalid", 403,
	  "The age record is not that of the card that answered, or not genuine." },
	{ "tap_limit", 429, "This card was tried too often within an hour: use it with its PIN." },
	{ "not_linked_here", 404,
	  "The holder is not known in this sector yet: resolve with the PIN first." },
	/* the phone */
	{ "mdoc_not_served", 403, "This service does not take mobile credentials." },
	{ "mdoc_malformed", 400,
	  "The transcript is no SessionTranscript of a face to face session." },
	{ "mdoc_foreign", 403, "The phone did not present its credential for this challenge." },
	{ "mdoc_doctype", 403, "This is not the kind of credential that this service takes." },
	{ "mdoc_mac_refused", 403,
	  "The phone proves itself by a MAC, which the terminal could have made as well." },
	{ "mdoc_unasked", 403, "More of the credential is shown than a single age_over_NN." },
	{ "mdoc_invalid", 403, "The mobile credential is not valid." },
	{ "mdoc_unsupported", 403, "The mobile credential is of a kind that is not known here." },
	{ "mdoc_expired", 403, "The mobile credential has expired." },
	{ "mdoc_revoked", 403, "The certificate of its issuer has been revoked." },
	{ "mdoc_mismatch", 403,
	  "A signature is wrong: the issuer's, or the phone's over this session." },
	{ "mdoc_revocation_stale", 503,
	  "No revocation list is in force for the issuer of the phone's credential." },
	{ "mdoc_status_unchecked", 403,
	  "Whether this credential was revoked stands in a status list, which is not read here." },
	{ "mdoc_not_bound", 404, "This phone is bound to nobody: bind it with the card first." },
	{ "mdoc_taken", 409, "This phone is bound to another holder: unbind it first, by itself." },
	/* the service */
	{ "queue_full", 429, "Too much is being asked at once: try again later." },
	{ "database_unavailable", 503, "The database is not available: try again later." },
	{ "outcome_unknown", 503,
	  "Whether it was done is not known: ask again with the same Idempotency-Key." },
	{ "stopping", 503, "The service is stopping: try again." },
	{ "internal_error", 500, "The service failed." },
};

static size_t find(const char *bytes, size_t len)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(refusals) - 1 &&
	       (strlen(refusals[i].code) != len || memcmp(refusals[i].code, bytes, len) != 0))
		i++;
	return i;
}

const char *answer_code(const char *bytes, size_t len)
{
	const char *code = refusals[find(bytes, len)].code;

	return strlen(code) == len && memcmp(code, bytes, len) == 0 ? code : NULL;
}

const char *answer_title(const char *code)
{
	return refusals[find(code, strlen(code))].title;
}

int answer_status(const char *code)
{
	return refusals[find(code, strlen(code))].status;
}

void answer_problem(struct exchange *x, const char *code, const char *detail, int retry_after)
{
	if (strcmp(code, "revocation_info_stale") == 0 ||
	    strcmp(code, "mdoc_revocation_stale") == 0)
		retry_after = RETRY_REVOCATION;
	if (strcmp(code, "tap_limit") == 0)
		retry_after = TAP_WINDOW;
	if (strcmp(code, "queue_full") == 0 && !retry_after)
		retry_after = 1;
	http_problem(x, answer_status(code), code, answer_title(code), detail, retry_after);
}

/* Why the writer did not do it. */
static void answer_failure(struct request *r, int result)
{
	struct writer_load load;

	switch (result) {
	case FUDA_EWAIT:
		writer_load(r->service->writer, &load);
		if (load.stopping)
			answer_problem(r->x, "stopping", NULL, RETRY_STOPPING);
		else
			answer_problem(r->x, "queue_full", NULL, load.seconds_to_wait);
		return;
	case FUDA_ESTORE: /* nothing was done */
		answer_problem(r->x, "database_unavailable", NULL, RETRY_DATABASE);
		return;
	case FUDA_EUNSURE: /* the same request again tells */
		answer_problem(r->x, "outcome_unknown", NULL, RETRY_DATABASE);
		return;
	default:
		answer_problem(r->x, "internal_error", NULL, 0);
	}
}

void answer_request(struct request *r, int result)
{
	struct http_answer answer = { .status = r->status,
				      .content_type = r->status < 400 ? "application/json" :
									"application/problem+json",
				      .body = r->body.data,
				      .body_len = r->body.len };

	/* the one refusal that has more to say than its code: rule-id.c */
	if (r->status >= 400)
		answer.code = "wish_taken";
	if (result < 0)
		answer_failure(r, result);
	else if (r->code)
		answer_problem(r->x, r->code, r->detail, 0);
	else
		http_answer(r->x, &answer);
}
