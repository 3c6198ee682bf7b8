/* SPDX-License-Identifier: Apache-2.0 */
/* Who is known again after a renewal, of one generation of the CA or of two. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/rules-stand.h"

/* A, then C; of B, in between, nobody heard. */
static void person_stays_after_renewal(_unused_ void **state)
{
	struct card b = card_make("0B0B0B0B"), c = card_make("0C0C0C0C");
	char id[MYKEY_TEXT], ppid[PPID_TEXT], after[PPID_TEXT];

	snprintf(id, sizeof(id), "%s", bound(&hanako));
	assert_ppid(ask(p, 0, &hanako, "link", LIBRARY("7")), ppid);
	give_renewals(p, "0c0C0c0C,0B0B0B0B # newest\n\n0B0B0B0B,01A2B3C4\n");
	assert_string_equal(member(ask(p, 0, &c, "show", ""), "mykey_id"), id);
	assert_ppid(ask(p, 1, &c, "resolve", ""), after);
	assert_string_equal(after, ppid);
	assert_string_equal(member(ask(p, 1, &c, "resolve", ""), "local_number"), "7");
	assert_string_equal(bound(&c), id);
	assert_refused(ask(p, 0, &hanako, "show", ""), 403, "certificate_superseded");
	assert_refused(ask(p, 0, &hanako, "bind", ""), 403, "certificate_superseded");
	assert_refused(ask(p, 0, &b, "bind", ""), 403, "certificate_superseded");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential WHERE status = 'active'"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential WHERE supersedes IS NOT NULL"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'renew'"), 1);
	card_free(&b);
	card_free(&c);
}

/* The old one comes while the new one is known, or the pairs come too late: nobody is taken over. */
static void renewal_in_no_order(_unused_ void **state)
{
	struct card c = card_make("0C0C0C0C");
	const char *first = bound(&hanako), *second = bound(&c);

	give_renewals(p, "0C0C0C0C,01A2B3C4\n");
	assert_string_equal(bound(&c), second); /* both are somebody: an operator has to say */
	assert_string_equal(bound(&hanako), first);
	card_free(&c);
}

static void chain_has_an_end(_unused_ void **state)
{
	char text[512] = "", serial[16];
	struct card ninth = card_make("11000008"), tenth = card_make("11000009");
	const char *id;
	size_t n = 0;

	for (int i = 1; i < 10; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "1100000%d,1100000%d\n", i, i - 1);
	snprintf(serial, sizeof(serial), "11000000");
	card_free(&hanako);
	hanako = card_make(serial);
	id = bound(&hanako);
	give_renewals(p, text);
	assert_refused(ask(p, 0, &tenth, "show", ""), 404, "not_bound"); /* nine steps */
	assert_string_equal(member(ask(p, 0, &ninth, "show", ""), "mykey_id"), id);
	assert_string_equal(member(ask(p, 0, &tenth, "show", ""), "mykey_id"), id); /* one now */
	card_free(&ninth);
	card_free(&tenth);
}

static void circle_of_renewals_ends(_unused_ void **state)
{
	give_renewals(p, "01A2B3C4,01A2B3C5\n01A2B3C5,01A2B3C4\n");
	assert_refused(ask(p, 0, &hanako, "show", ""), 404, "not_bound");
	bound(&hanako);
	assert_refused(ask(p, 0, &taro, "show", ""), 403, "certificate_superseded");
	assert_int_equal(ask(p, 0, &hanako, "show", "")->status, 200);
}

static void renewals_are_read_strictly(_unused_ void **state)
{
	static const char *const bad[] = { "0A0B",	   "0A0B,",	      ",0A0B",
					   "0A0B,0A0G",	   "A0B,0A0B",	      "0A0B;0A0C",
					   "0A0B,0A0C,0D", "0A 0B,0A0C",      "00,0A",
					   "\"0A\",\"0B\"", "0A,0B\n0A,0C\n", "0A,0B\n0A",
					   ":0A,0B",	      "0A0B:,0A0C",
					   "0A:0A:0B,0C",  "0A:0B",	      "0A0:0B,0C",
					   "0A:0B,0G:0C",  "0A:0B,0C\n0B,0D\n", "0A:0B,0C\n0A:0B,0D\n",
					   "0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F2021:0B,0C",
					   "0A,0B\n0A01,0A0C" /* whose end is missing */ };
	struct renewal *r = NULL;
	struct numbered found = { 0 }, presented = { 0 };
	char where[128];

	give_renewals(p, " 00FF01,02\t\r\n#\n03,04\n");
	snprintf(where, sizeof(where), "csv:%s", scratch_path("renewed.csv"));
	assert_int_equal(serial_of((const uint8_t *)"\xFF\x01", 2, &presented.serial), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[128];

		snprintf(text, sizeof(text), "%s%s", bad[i], i + 1 < ARRAY_SIZE(bad) ? "\n" : "");
		scratch_write("renewed.csv", text, 0600);
		assert_int_equal(renewal_open(p->ctx, where, &r), FUDA_EFORMAT);
		assert_non_null(strstr(fuda_context_message(p->ctx), "renewed.csv:"));
		/* the one in force stays */
		assert_int_equal(renewal_refresh(p->ctx, p->service.renewal), FUDA_EFORMAT);
		assert_int_equal(renewal_find(p->service.renewal, &presented, &found), 0);
		assert_int_equal(found.serial.bytes[0], 2);
	}
	scratch_write("renewed.csv", "FF01,05\n", 0600);
	assert_int_equal(renewal_refresh(p->ctx, p->service.renewal), 0);
	assert_int_equal(renewal_find(p->service.renewal, &presented, &found), 0);
	assert_int_equal(found.serial.bytes[0], 5);
	assert_int_equal(unlink(scratch_path("renewed.csv")), 0);
	assert_int_equal(renewal_refresh(p->ctx, p->service.renewal), FUDA_EFILE);
	assert_int_equal(mkfifo(scratch_path("renewed.csv"), 0600), 0); /* which nobody writes to */
	assert_int_equal(renewal_refresh(p->ctx, p->service.renewal), FUDA_EFILE);
	assert_int_equal(unlink(scratch_path("renewed.csv")), 0);
	assert_int_equal(renewal_find(p->service.renewal, &presented, &found), 0);
	assert_int_equal(renewal_open(p->ctx, where, &r), FUDA_EFILE);
	assert_int_equal(renewal_open(p->ctx, "http://x", &r), FUDA_EINVAL);
	assert_int_equal(renewal_open(p->ctx, "csv", &r), FUDA_EINVAL);
	assert_int_equal(renewal_open(p->ctx, "", &r), 0);
	assert_null(r);
	assert_int_equal(renewal_find(NULL, &presented, &found), FUDA_ENOTFOUND);
}

/* ---- two generations of the CA ---- */

#define OTHER_NAME "30{31{30{<2.5.4.6>13{'JP'}}}31{30{<2.5.4.10>0C{'JPKI-TEST-2'}}}}"

/* A newer CA, which issues as `newer_card()` says: with another key, and another name if `renamed`. */
static bool renamed;

static void trust_newer(void)
{
	struct cert_plan plan = plan_ca(FUDA_USE_AUTH, KEY_OTHER_CA);

	if (renamed)
		plan.field[F_ISSUER] = plan.field[F_SUBJECT] = OTHER_NAME;
	platform_trust(p, scratch, plan);
}

static struct card newer_card(const char *serial)
{
	struct cert_plan plan = card_plan(serial);

	plan.signer = KEY_OTHER_CA;
	if (renamed)
		plan.field[F_ISSUER] = OTHER_NAME;
	return card_of(plan);
}

static int setup_newer(void **state)
{
	int e = stand_setup(state);

	if (e == 0)
		trust_newer();
	return e;
}

static int setup_same_name(void **state)
{
	renamed = false;
	return setup_newer(state);
}

static int setup_new_name(void **state)
{
	renamed = true;
	return setup_newer(state);
}

/* "ISSUER:" of the CA that has this key, as a file says it. */
#define FROM_OLDER test_key_id(KEY_AUTH_CA)
#define FROM_NEWER test_key_id(KEY_OTHER_CA)

static void give_pair(const char *fresh_issuer, const char *fresh, const char *old_issuer, const char *old)
{
	char text[256];

	snprintf(text, sizeof(text), "%s%s%s,%s%s%s\n", fresh_issuer, *fresh_issuer ? ":" : "", fresh,
		 old_issuer, *old_issuer ? ":" : "", old);
	give_renewals(p, text);
}

/* An old card and a new one of the newer CA are one person by the pair that was given. */
static void assert_stays(const char *old_issuer, const char *fresh_issuer)
{
	struct card fresh = newer_card("0C0C0C0C");
	const char *id = bound(&hanako);

	give_pair(fresh_issuer, "0C0C0C0C", old_issuer, "01A2B3C4");
	assert_string_equal(bound(&fresh), id);
	assert_refused(ask(p, 0, &hanako, "show", ""), 403, "certificate_superseded");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential"), 2);
	card_free(&fresh);
}

static void stays_with_another_ca(_unused_ void **state)
{
	assert_stays(FROM_OLDER, "");
}

/* That only one of the two is known by that number does not say that it is that one. */
static void known_one_is_not_guessed(_unused_ void **state)
{
	struct card fresh = newer_card("0C0C0C0C");
	const char *id = bound(&hanako);

	give_pair("", "0C0C0C0C", "", "01A2B3C4");
	assert_refused(ask(p, 0, &fresh, "bind", ""), 403, "renewal_ambiguous");
	assert_refused(ask(p, 0, &fresh, "show", ""), 403, "renewal_ambiguous");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential"), 1);
	assert_string_equal(bound(&hanako), id);
	card_free(&fresh);
}

static void stays_with_the_ca_that_is_said(_unused_ void **state)
{
	assert_stays(FROM_OLDER, FROM_NEWER);
}

/* Of both CAs somebody is known by that number: an operator has to say which. */
static void one_of_two_is_not_guessed(_unused_ void **state)
{
	struct card fresh = newer_card("0C0C0C0C"), other = newer_card("01A2B3C4");
	const char *first = bound(&hanako), *second = bound(&other);

	assert_string_not_equal(first, second);
	give_pair("", "0C0C0C0C", "", "01A2B3C4");
	assert_refused(ask(p, 0, &fresh, "bind", ""), 403, "renewal_ambiguous");
	assert_refused(ask(p, 0, &fresh, "show", ""), 403, "renewal_ambiguous");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 2);
	assert_string_equal(bound(&hanako), first);
	assert_string_equal(bound(&other), second);
	give_pair("", "0C0C0C0C", FROM_OLDER, "01A2B3C4");
	assert_string_equal(bound(&fresh), first);
	assert_string_equal(bound(&other), second);
	card_free(&fresh);
	card_free(&other);
}

/* With its number but of the other CA somebody else comes: who was passed over is not he. */
static void equal_numbers_are_two_people(_unused_ void **state)
{
	struct card fresh = newer_card("0C0C0C0C"), other = newer_card("01A2B3C4");
	const char *id;

	give_pair("", "0C0C0C0C", "", "01A2B3C4");
	id = bound(&fresh);
	assert_string_not_equal(bound(&other), id);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 2);
	card_free(&fresh);
	card_free(&other);
}

/* Once the CA is said, the old card that was never seen is the same person's. */
static void old_one_comes_later(_unused_ void **state)
{
	struct card fresh = newer_card("0C0C0C0C"), other = newer_card("01A2B3C4");

	give_pair(FROM_NEWER, "0C0C0C0C", FROM_OLDER, "01A2B3C4");
	bound(&fresh);
	assert_refused(ask(p, 0, &hanako, "bind", ""), 403, "certificate_superseded");
	assert_int_equal(ask(p, 0, &other, "bind", "")->status, 201);
	card_free(&fresh);
	card_free(&other);
}

/* A pair is about the CA that it names, and no other. */
static void pair_of_the_other_ca(_unused_ void **state)
{
	struct card fresh = newer_card("0C0C0C0C");
	const char *id = bound(&hanako);

	give_pair(FROM_OLDER, "0C0C0C0C", FROM_OLDER, "01A2B3C4");
	assert_string_not_equal(bound(&fresh), id);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 2);
	card_free(&fresh);
}

/* Of a CA that is not trusted any more nothing can be found: that is no reason for a new person. */
static void issuer_that_nobody_trusts(_unused_ void **state)
{
	struct card fresh = newer_card("0C0C0C0C");

	give_pair("", "0C0C0C0C", test_key_id(KEY_SIGN_CA), "01A2B3C4");
	assert_refused(ask(p, 0, &fresh, "bind", ""), 403, "renewal_ambiguous");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 0);
	card_free(&fresh);
}

/* Where the line parts, and both ways may lead to somebody. */
static void line_that_parts(_unused_ void **state)
{
	struct card fresh = newer_card("0C0C0C0C");
	char text[512];

	snprintf(text, sizeof(text), "0C0C0C0C,0B0B0B0B\n%s:0B0B0B0B,01A2B3C4\n%s:0B0B0B0B,01A2B3C5\n",
		 FROM_OLDER, FROM_NEWER);
	bound(&hanako);
	bound(&taro);
	give_renewals(p, text);
	assert_refused(ask(p, 0, &fresh, "bind", ""), 403, "renewal_ambiguous");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 2);
	card_free(&fresh);
}

/* Through three renewals: who is known is not guessed while the CA of one in between is not said. */
static void line_through_both(_unused_ void **state)
{
	struct card fresh = newer_card("0C0C0C0C");
	const char *id = bound(&hanako);
	char text[512];

	give_renewals(p, "0C0C0C0C,0B0B0B0B\n0B0B0B0B,0A0A0A0A\n0A0A0A0A,01A2B3C4\n");
	assert_refused(ask(p, 0, &fresh, "bind", ""), 403, "renewal_ambiguous");
	snprintf(text, sizeof(text), "0C0C0C0C,0B0B0B0B\n0B0B0B0B,0A0A0A0A\n0A0A0A0A,%s:01A2B3C4\n", FROM_OLDER);
	give_renewals(p, text);
	assert_refused(ask(p, 0, &fresh, "bind", ""), 403, "renewal_ambiguous");
	assert_string_equal(bound(&hanako), id);
	snprintf(text, sizeof(text), "0C0C0C0C,%s:0B0B0B0B\n0B0B0B0B,%s:0A0A0A0A\n0A0A0A0A,%s:01A2B3C4\n",
		 FROM_NEWER, FROM_OLDER, FROM_OLDER);
	give_renewals(p, text);
	assert_string_equal(bound(&fresh), id);
	card_free(&fresh);
}

/* A pair that does not say the CA of the old one, and one of another CA's certificate of that number:
 * who comes first is not taken for the holder of what the other pair names, nor does that pass it over. */
static void hop_over_unsure(_unused_ void **state)
{
	struct card fresh = newer_card("0C0C0C0C"), third = newer_card("0D0D0D0D");
	char text[512];
	const char *id;

	snprintf(text, sizeof(text), "%s:0C0C0C0C,0B0B0B0B\n%s:0D0D0D0D,0B0B0B0B\n%s:0B0B0B0B,%s:01A2B3C4\n",
		 FROM_NEWER, FROM_NEWER, FROM_OLDER, FROM_OLDER);
	give_renewals(p, text);
	assert_int_equal(ask(p, 0, &third, "bind", "")->status, 201);
	id = bound(&hanako);
	assert_refused(ask(p, 0, &fresh, "bind", ""), 403, "renewal_ambiguous");
	assert_refused(ask(p, 0, &fresh, "show", ""), 403, "renewal_ambiguous");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential"), 2);
	assert_string_equal(bound(&hanako), id);
	card_free(&fresh);
	card_free(&third);
}

/* More CAs than there is room for: not told for sure. */
static void too_many_issuers(_unused_ void **state)
{
	struct card fresh = newer_card("0C0C0C0C");
	const char *id = bound(&hanako);

	for (unsigned i = 0; i < 38; i++) {
		struct cert_plan plan = plan_ca(FUDA_USE_AUTH, KEY_OTHER_CA);
		char name[96];

		snprintf(name, sizeof(name), "30{31{30{<2.5.4.10>0C{'CA-%02u'}}}}", i);
		plan.field[F_ISSUER] = plan.field[F_SUBJECT] = name;
		platform_trust(p, scratch, plan);
	}
	give_pair("", "0C0C0C0C", "", "01A2B3C5");
	assert_refused(ask(p, 0, &fresh, "bind", ""), 403, "renewal_ambiguous");
	give_pair("", "0C0C0C0C", FROM_OLDER, "01A2B3C4");
	assert_string_equal(bound(&fresh), id);
	card_free(&fresh);
}

int main(void)
{
#define T(name)	 cmocka_unit_test_setup_teardown(name, stand_setup, stand_teardown)
#define T2(name)                                                                   \
	cmocka_unit_test_setup_teardown(name, setup_same_name, stand_teardown),    \
		cmocka_unit_test_setup_teardown(name, setup_new_name, stand_teardown)
	const struct CMUnitTest tests[] = {
		T(person_stays_after_renewal),
		T(renewal_in_no_order),
		T(chain_has_an_end),
		T(circle_of_renewals_ends),
		T(renewals_are_read_strictly),
		T2(known_one_is_not_guessed),
		T2(stays_with_another_ca),
		T2(stays_with_the_ca_that_is_said),
		T2(one_of_two_is_not_guessed),
		T2(equal_numbers_are_two_people),
		T2(old_one_comes_later),
		T2(pair_of_the_other_ca),
		T2(issuer_that_nobody_trusts),
		T2(line_that_parts),
		T2(line_through_both),
		T2(hop_over_unsure),
		T2(too_many_issuers),
	};

	return RUN(tests);
}
