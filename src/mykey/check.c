/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this terminal may act, and what it is for. */
#include <string.h>

#include "base/context.h"
#include "mykey/ask.h"

static bool not_now(_unused_ void *arg, _unused_ int seconds)
{
	return false;
}

/* By a challenge, which nobody has to sign: it says all that is asked of a terminal. */
static int ask_challenge(struct fuda_mykey *m, struct fuda_deadline *dl)
{
	const struct fuda_mykey_wish wish = { .purpose = FUDA_MYKEY_SHOW };
	struct fuda_digest digest;

	return fuda_mykey_challenge(m, &wish, dl, &digest);
}

static int ask_self(struct fuda_mykey *m, struct fuda_deadline *dl)
{
	_cleanup_(https_answer_free) struct https_answer a = HTTPS_ANSWER_NONE;
	struct fuda_terminal *t = m->terminal;
	int r = ask_get(m, "/v1/terminal", dl, &a);

	if (r < 0)
		return r;
	r = answer_terminal(&a, t->facts.id, &t->self);
	return r < 0 ? ask_says(m, r,
				_("The answer of %s cannot be understood: tell the operator.")) :
		       0;
}

int fuda_terminal_check(struct fuda_terminal *terminal, struct fuda_deadline *dl)
{
	static const struct {
		const char *code;
		enum fuda_terminal_state state;
	} states[] = {
		{ "terminal_suspended", FUDA_TERMINAL_SUSPENDED },
		{ "terminal_revoked", FUDA_TERMINAL_REVOKED },
		{ "terminal_certificate_expired", FUDA_TERMINAL_EXPIRED },
	};
	struct fuda_mykey m = { .terminal = terminal, .ctx = terminal->ctx, .wait = not_now };
	int r;

	terminal->told = FUDA_TERMINAL_NONE;
	terminal->self = (struct terminal_self){ .tap = false };
	r = ask_challenge(&m, dl);
	if (r == 0)
		r = ask_self(&m, dl);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (r == FUDA_EREFUSED && strcmp(states[i].code, m.refused) == 0)
			terminal->told = states[i].state;
	wipe(&m, sizeof(m));
	return r;
}
