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

/* What people can do about it, where the service cannot know it. */
static const struct {
	const char *code, *text;
} advice[] = {
	{ "challenge_expired", N_("It came too late for the service: nothing was changed. Do it "
				  "again.") },
	{ "terminal_certificate_expired", N_("The certificate of this terminal has expired: remove "
					     "its folder and enrol it anew (fuda terminal "
					     "enrol).") },
	{ "terminal_certificate_invalid", N_("The service does not accept the certificate of this "
					     "terminal: enrol it anew (fuda terminal enrol).") },
	{ "terminal_certificate_missing", N_("This terminal has no certificate yet: fuda terminal "
					     "status tells what it waits for.") },
	{ "terminal_environment", N_("This terminal is enrolled for another environment than that "
				     "of the service.") },
	{ "terminal_not_approved", N_("An operator has yet to approve this terminal: fuda terminal "
				      "status shows what he compares.") },
	{ "terminal_revoked", N_("An operator has revoked this terminal. Ask him; it has to be "
				 "enrolled anew.") },
	{ "terminal_suspended", N_("An operator has suspended this terminal. Ask him.") },
	{ "terminal_unknown", N_("The service does not know this terminal: enrol it anew (fuda "
				 "terminal enrol).") },
	{ "unauthorized", N_("The service does not know this code: it may be mistyped, used or too "
			     "old. Ask the operator for a new one, and say fuda terminal enrol "
			     "again.") },
};

int problem_fail(struct fuda_context *ctx, const struct https_answer *answer,
		 const struct problem *problem)
{
	for (size_t i = 0; i < ARRAY_SIZE(advice); i++)
		if (strcmp(advice[i].code, problem->code) == 0)
			return ctx_fail(ctx, FUDA_EREFUSED, "%s", _(advice[i].text));
	if (!problem->known)
		return ctx_fail(ctx, FUDA_EREFUSED,
				_("What answers is not such a service, or what stands before it "
				  "refuses (HTTP status %d). See the address."),
				answer->status);
	if (*problem->detail)
		return ctx_fail(ctx, FUDA_EREFUSED, _("The service refuses: %s (%s)"),
				problem->detail, problem->code);
	return ctx_fail(ctx, FUDA_EREFUSED, _("The service refuses: %s"), problem->code);
}
