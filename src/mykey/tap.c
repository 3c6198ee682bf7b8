/* SPDX-License-Identifier: Apache-2.0 */
/* The first step of a tap. */
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "codec/json.h"
#include "mykey/ask.h"

enum { BIRTH_DIGITS = 6 };

/* What the service releases. */
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
	struct released *to = a->to;
	int r = ask_take_challenge(a->m, FUDA_MYKEY_TAP, answer, &to->digest);

	if (r < 0)
		return r;
	r = read_release(answer, to);
	a->m->challenged = r == 0;
	return r < 0 ? ask_says(a->m, r, _("The answer of %s cannot be understood.")) : 0;
}

static int make_body(struct asking *a, const struct fuda_buf *certificate)
{
	struct json_out out;

	json_begin(&out, &a->body);
	json_base64(&out, "certificate", certificate->data, certificate->len);
	return json_end(&out);
}

int fuda_mykey_tap_start(struct fuda_mykey *m, const struct fuda_buf *certificate,
			 struct fuda_deadline *dl, struct fuda_mykey_answer *ret,
			 struct fuda_secret **ret_birth, int *ret_tries,
			 struct fuda_digest *ret_digest)
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
	r = ask_check_terminal(m);
	if (r == 0)
		r = asking_start(&a, make_body(&a, certificate));
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
