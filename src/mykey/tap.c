/* SPDX-License-Identifier: Apache-2.0 */
/* The first step of a tap, and what comes before it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "codec/json.h"
#include "mykey/ask.h"

#define FILE_TAPPED "tapped"
enum { BIRTH_DIGITS = 6, TAPPED_MAX = 8192, TAPPED_LINE = 512 };

/* ---- once for each time that a card comes ---- */

/* A line for each reader: the count of insertions and removals when the key was sent, and its name.
 */
static bool is_of(const char *line, const char *reader)
{
	size_t digits = strspn(line, "0123456789");

	return digits && line[digits] == ' ' && strcmp(line + digits + 1, reader) == 0;
}

/* Copies the lines of all other readers; whether `own` is among the rest. */
static bool copy_others(struct fuda_buf *text, const char *reader, const char *own,
			struct fuda_buf *to)
{
	bool found = false;

	for (char *next = (char *)text->data, *line; (line = strsep(&next, "\n"));) {
		found |= strcmp(line, own) == 0;
		if (*line && !is_of(line, reader) &&
		    fuda_buf_append(to, line, strlen(line)) == 0)
			(void)fuda_buf_append(to, "\n", 1);
	}
	return found;
}

/* The folder is locked. */
static int note(struct fuda_terminal *t, const char *reader, const char *own, bool claims)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(TAPPED_MAX + 1);
	_cleanup_buf_ struct fuda_buf fresh = FUDA_BUF_INIT(TAPPED_MAX);
	int r = home_read(t->ctx, &t->home, FILE_TAPPED, false, &text);

	if (r == 0 || r == FUDA_ENOTFOUND)
		r = fuda_buf_append(&text, "", 1);
	if (r < 0)
		return r;
	if (copy_others(&text, reader, own, &fresh) && claims)
		return ctx_fail(t->ctx, FUDA_EPINCOMMAND,
				_("This card was used without a PIN already: take it away first. "
				  "Nothing was sent."));
	if (fresh.len + strlen(own) + 1 > TAPPED_MAX)
		fuda_buf_clear(&fresh); /* of more readers than anybody has */
	if (claims && (fuda_buf_append(&fresh, own, strlen(own)) < 0 ||
		       fuda_buf_append(&fresh, "\n", 1) < 0))
		return ctx_fail_code(t->ctx, FUDA_ENOMEM);
	return fresh.len ? home_write(t->ctx, &t->home, FILE_TAPPED, fresh.data, fresh.len) :
			   home_wipe(t->ctx, &t->home, FILE_TAPPED);
}

static int change(struct fuda_mykey *m, const char *reader, uint32_t events, bool claims)
{
	struct fuda_terminal *t = m->terminal;
	char own[TAPPED_LINE];
	int r;

	if (!events || (size_t)snprintf(own, sizeof(own), "%" PRIu32 " %s", events, reader) >=
			       sizeof(own))
		return 0;
	r = home_lock(t->ctx, &t->home, true);
	if (r == 0)
		r = note(t, reader, own, claims);
	home_unlock(&t->home);
	return r;
}

int fuda_mykey_tap_claim(struct fuda_mykey *mykey, const char *reader, uint32_t events)
{
	ctx_step(mykey->ctx, _("have the card sign a challenge"));
	return change(mykey, reader, events, true);
}

void fuda_mykey_tap_release(struct fuda_mykey *mykey, const char *reader, uint32_t events)
{
	bool kept = ctx_keep_error(mykey->ctx, true);

	(void)change(mykey, reader, events, false);
	ctx_keep_error(mykey->ctx, kept);
}

/* ---- what the service releases ---- */

struct released {
	struct fuda_secret *birth;
	int64_t tries;
	struct fuda_digest digest;
};

static int read_release(const struct https_answer *answer, struct released *ret)
{
	char birth[BIRTH_DIGITS + 1] = "";
	int64_t tries = 0;
	const struct json_field fields[] = {
		{ "birth", JSON_STRING, true, birth, sizeof(birth), NULL },
		{ "tries", JSON_NUMBER, true, &tries, 0, NULL },
	};
	const char *member, *why;
	int r = json_read_some(answer->body.data, answer->body.len, fields, ARRAY_SIZE(fields),
			       &member, &why);

	/* with fewer the first mistake could be the last */
	if (r == 0 && (strlen(birth) != BIRTH_DIGITS ||
		       strspn(birth, "0123456789") != BIRTH_DIGITS || tries < 2 || tries > 15))
		r = FUDA_EFORMAT;
	if (r == 0)
		r = fuda_secret_new(birth, BIRTH_DIGITS, &ret->birth);
	if (r == 0)
		ret->tries = tries;
	wipe(birth, sizeof(birth));
	return r;
}

static int take_release(struct asking *a, const struct https_answer *answer)
{
	const struct fuda_mykey_wish tap = { .purpose = FUDA_MYKEY_TAP };
	struct released *to = a->to;
	int r = ask_take_challenge(a->m, &tap, answer, &to->digest);

	if (r < 0)
		return r;
	r = read_release(answer, to);
	a->m->challenged = r == 0;
	return r < 0 ? ask_says(a->m, r,
				_("The answer of %s cannot be understood: tell the operator.")) :
		       0;
}

static int make_body(struct asking *a, const struct fuda_buf *certificate, const char *sector)
{
	struct json_out out;

	json_begin(&out, &a->body);
	json_base64(&out, "certificate", certificate->data, certificate->len);
	if (sector)
		json_string(&out, "sector", sector);
	return json_end(&out);
}

int fuda_mykey_tap_start(struct fuda_mykey *m, const struct fuda_buf *certificate,
			 const char *sector, struct fuda_deadline *dl,
			 struct fuda_mykey_answer *ret, struct fuda_secret **ret_birth,
			 int *ret_tries, struct fuda_digest *ret_digest)
{
	static const struct purpose purpose = { "tap-start", "/v1/tap:start", false, false, false };
	struct released released = { 0 };
	_cleanup_(asking_free) struct asking a = {
		.m = m,
		.purpose = &purpose,
		.dl = dl,
		.body = FUDA_BUF_INIT(ASKING_BODY),
		.take = take_release,
		.to = &released,
	};
	struct fuda_mykey_answer answer = { .tries_left = -1 };
	int r;

	ctx_step(m->ctx, _("get a challenge from the service"));
	m->challenged = false;
	m->ends = 0;
	r = ask_check_terminal(m);
	if (r == 0)
		r = asking_start(&a, make_body(&a, certificate, sector));
	if (r == 0)
		r = asking_run(&a, &answer);
	if (r < 0) {
		if (*answer.result || answer.retry_after)
			*ret = answer;
		return r;
	}
	*ret_birth = released.birth;
	*ret_tries = (int)released.tries;
	*ret_digest = released.digest;
	return 0;
}
