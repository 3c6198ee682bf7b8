/* SPDX-License-Identifier: Apache-2.0 */
/* A platform of each test's own, and the cards of two holders. */
#ifndef TESTS_RULES_STAND_H
#define TESTS_RULES_STAND_H

#include <stdio.h>
#include <string.h>

#include "tests/platform.h"
#include "tests/scratch.h"

static struct platform *p;
static struct card hanako, taro;
static const char *never_told; /* what no refusal may say; NULL: nothing */

static inline int stand_setup(void **state)
{
	if (scratch_setup(state) < 0)
		return -1;
	p = platform_open(scratch);
	hanako = card_make("01A2B3C4");
	taro = card_make("01A2B3C5");
	platform_revocation(FUDA_REVOCATION_GOOD, false);
	return 0;
}

static inline int stand_teardown(void **state)
{
	assert_true(audited(p) > 0);
	card_free(&hanako);
	card_free(&taro);
	platform_close(&p);
	return scratch_teardown(state);
}

static inline void assert_refused(const struct exchange *x, int status, const char *code)
{
	assert_string_equal(x->code, code);
	assert_int_equal(x->status, status);
	assert_string_equal(x->type, "application/problem+json");
	if (never_told)
		assert_null(strstr(x->body, never_told));
}

/* The MyKey ID that the card is bound to from here on. Static. */
static inline const char *bound(const struct card *card)
{
	static char ids[8][MYKEY_TEXT];
	static unsigned next;
	char *id = ids[next++ % 8];
	const struct exchange *x = ask(p, 0, card, "bind", "");

	assert_true(x->status == 200 || x->status == 201);
	snprintf(id, MYKEY_TEXT, "%s", member(x, "mykey_id"));
	assert_int_equal(strlen(id), MYKEY_CHARS);
	return id;
}

/* Members of a request about a local number. */
#define LIBRARY(number) ",\"sector\":\"library\",\"local_number\":\"" number "\""
#define BUS(number)	",\"sector\":\"bus\",\"local_number\":\"" number "\""

/* The pseudonym that was told. */
static inline void assert_ppid(const struct exchange *x, char ret[PPID_TEXT])
{
	assert_int_equal(x->status, 200);
	snprintf(ret, PPID_TEXT, "%s", member(x, "ppid"));
	assert_int_equal(strlen(ret), PPID_TEXT - 1);
	assert_int_equal(strspn(ret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
			 PPID_TEXT - 1);
}

/* What is known of renewed certificates, in the form of "csv:". */
static inline void give_renewals(struct platform *to, const char *text)
{
	char where[128];

	scratch_write("renewed.csv", text, 0600);
	snprintf(where, sizeof(where), "csv:%s", scratch_path("renewed.csv"));
	renewal_close(&to->service.renewal);
	if (renewal_open(to->ctx, where, &to->service.renewal) < 0)
		fail_msg("%s", fuda_context_message(to->ctx));
}

#endif
