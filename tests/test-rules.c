/* SPDX-License-Identifier: Apache-2.0 */
/* What terminals get done for holders of cards. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/rules-stand.h"

static const struct exchange *wish(const struct card *card, const char *id)
{
	char members[64];

	snprintf(members, sizeof(members), ",\"wished\":\"%s\"", id);
	return ask(p, 0, card, "change", members);
}

/* ---- bind, show ---- */

static void binds_once(_unused_ void **state)
{
	const struct exchange *x = ask(p, 0, &hanako, "bind", "");
	char id[MYKEY_TEXT];

	assert_int_equal(x->status, 201);
	assert_string_equal(x->type, "application/json");
	assert_string_equal(member(x, "new"), "true");
	assert_int_equal(strlen(member(x, "issued")), strlen("2026-11-20T00:00:00Z"));
	snprintf(id, sizeof(id), "%s", member(x, "mykey_id"));
	x = ask(p, 1, &hanako, "bind", ""); /* at another terminal */
	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "mykey_id"), id);
	assert_string_equal(member(x, "new"), "false");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'bind'"), 2);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM used_nonce"), 2);
	assert_string_not_equal(bound(&taro), id);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 2);
}

static void shows(_unused_ void **state)
{
	const char *id;
	const struct exchange *x;

	assert_refused(ask(p, 0, &hanako, "show", ""), 404, "not_bound");
	id = bound(&hanako);
	x = ask(p, 0, &hanako, "show", "");
	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "mykey_id"), id);
	assert_string_equal(member(x, "new"), "false");
	assert_refused(ask(p, 0, &taro, "show", ""), 404, "not_bound");
}

static void nothing_without_a_binding(_unused_ void **state)
{
	static const struct {
		const char *purpose, *members;
	} all[] = {
		{ "change", "" },
		{ "change", ",\"wished\":\"ABCD2345\"" },
		{ "expire", "" },
		{ "resolve", ",\"sector\":\"bus\"" },
		{ "link", ",\"sector\":\"bus\",\"local_number\":\"1\"" },
		{ "unlink", ",\"sector\":\"bus\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_refused(ask(p, 0, &hanako, all[i].purpose, all[i].members), 404, "not_bound");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM wish"), 0);
}

/* ---- expire ---- */

static void expired_for_good(_unused_ void **state)
{
	const char *id = bound(&hanako), *other;
	const struct exchange *x = ask(p, 0, &hanako, "expire", "");

	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "mykey_id"), id);
	assert_int_equal(strlen(member(x, "expired")), strlen("2026-11-20T00:00:00Z"));
	assert_refused(ask(p, 0, &hanako, "show", ""), 404, "not_bound");
	assert_refused(ask(p, 0, &hanako, "expire", ""), 409, "already_expired");
	assert_refused(ask(p, 0, &hanako, "change", ""), 409, "already_expired");
	assert_refused(ask(p, 1, &hanako, "resolve", ""), 404, "not_bound");
	assert_refused(ask(p, 1, &hanako, "unlink", ""), 404, "not_bound");
	/* nobody gets it again, its holder neither */
	assert_refused(wish(&taro, id), 404, "not_bound");
	bound(&taro);
	assert_refused(wish(&taro, id), 409, "wish_taken");
	other = bound(&hanako);
	assert_string_not_equal(other, id);
	assert_refused(wish(&hanako, id), 409, "wish_taken");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 2);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey WHERE state = 'expired'"), 1);
}

/* ---- change ---- */

static void wish_is_granted(_unused_ void **state)
{
	const char *id = bound(&hanako);
	const struct exchange *x = wish(&hanako, "hana2345");

	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "mykey_id"), "HANA2345");
	assert_string_equal(member(x, "generated"), "false");
	assert_string_equal(member(ask(p, 0, &hanako, "show", ""), "mykey_id"), "HANA2345");
	assert_refused(wish(&hanako, "HANA2345"), 409, "wish_unchanged");
	assert_refused(wish(&hanako, id), 409, "wish_taken"); /* it was the holder's: it is gone */
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey WHERE state = 'active'"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey WHERE expired IS NOT NULL"), 1);
}

static void wishes_are_counted(_unused_ void **state)
{
	const struct exchange *x;
	const char *id;

	bound(&hanako);
	assert_int_equal(wish(&hanako, "TAKEN234")->status, 200);
	id = bound(&taro);
	for (int left = 2; left >= 1; left--) {
		x = wish(&taro, "TAKEN234");
		assert_refused(x, 409, "wish_taken");
		assert_int_equal(atoi(member(x, "tries_left")), left);
		assert_string_equal(member(x, "type"), "urn:mykey:problem:wish_taken");
		assert_int_equal(atoi(member(x, "status")), 409);
		assert_true(strlen(member(x, "title")) > 10);
	}
	assert_refused(wish(&taro, id), 409, "wish_unchanged"); /* no try */
	x = wish(&taro, "TAKEN234");
	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "generated"), "true");
	assert_string_not_equal(member(x, "mykey_id"), id);
	assert_string_not_equal(member(x, "mykey_id"), "TAKEN234");
	/* and from the beginning */
	assert_int_equal(atoi(member(wish(&taro, "TAKEN234"), "tries_left")), 2);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'wish-taken'"), 3);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'change'"), 2);
}

static void success_forgives(_unused_ void **state)
{
	bound(&hanako);
	assert_int_equal(wish(&hanako, "TAKEN234")->status, 200);
	bound(&taro);
	assert_int_equal(atoi(member(wish(&taro, "TAKEN234"), "tries_left")), 2);
	assert_int_equal(atoi(member(wish(&taro, "TAKEN234"), "tries_left")), 1);
	assert_int_equal(wish(&taro, "TARO2345")->status, 200);
	assert_int_equal(atoi(member(wish(&taro, "TAKEN234"), "tries_left")), 2);
}

static void generates_three_times(_unused_ void **state)
{
	char before[MYKEY_TEXT];

	bound(&hanako);
	assert_int_equal(wish(&hanako, "TAKEN234")->status, 200);
	snprintf(before, sizeof(before), "%s", bound(&taro));
	for (int i = 0; i < 3; i++) {
		const struct exchange *x = ask(p, 0, &taro, "change", "");

		assert_int_equal(x->status, 200);
		assert_string_equal(member(x, "generated"), "true");
		assert_string_not_equal(member(x, "mykey_id"), before);
		snprintf(before, sizeof(before), "%s", member(x, "mykey_id"));
	}
	assert_refused(ask(p, 0, &taro, "change", ""), 409, "generation_limit");
	/* nor by wishing for what is taken */
	assert_refused(wish(&taro, "TAKEN234"), 409, "wish_taken");
	assert_refused(wish(&taro, "TAKEN234"), 409, "wish_taken");
	assert_refused(wish(&taro, "TAKEN234"), 409, "generation_limit");
	assert_refused(wish(&taro, "TAKEN234"), 409, "generation_limit");
	assert_string_equal(bound(&taro), before);
	assert_int_equal(wish(&taro, "TARO2345")->status, 200);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 2 + 3 + 2);
}

/* ---- resolve, link, unlink ---- */

static void each_sector_its_own(_unused_ void **state)
{
	char library[PPID_TEXT], bus[PPID_TEXT], again[PPID_TEXT], other[PPID_TEXT];
	const struct exchange *x;

	bound(&hanako);
	bound(&taro);
	x = ask(p, 0, &hanako, "resolve", ",\"sector\":\"library\"");
	assert_ppid(x, library);
	assert_string_equal(member(x, "new"), "true");
	assert_string_equal(member(x, "sector"), "library");
	assert_null(strstr(x->body, "local_number"));
	assert_ppid(ask(p, 0, &hanako, "resolve", ",\"sector\":\"bus\""), bus);
	x = ask(p, 1, &hanako, "resolve", ""); /* the only one it has */
	assert_ppid(x, again);
	assert_string_equal(member(x, "new"), "false");
	assert_ppid(ask(p, 1, &taro, "resolve", ""), other);
	assert_string_equal(again, library);
	assert_string_not_equal(library, bus);
	assert_string_not_equal(library, other);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link"), 3);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'resolve'"), 4);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'resolve' AND"
				  " data LIKE '%\"new\":true%'"),
			 3);
}

static void sectors_of_others(_unused_ void **state)
{
	bound(&hanako);
	assert_refused(ask(p, 0, &hanako, "resolve", ""), 400, "sector_missing");
	assert_refused(ask(p, 1, &hanako, "resolve", ",\"sector\":\"bus\""), 403, "sector_not_allowed");
	assert_refused(ask(p, 0, &hanako, "resolve", ",\"sector\":\"school\""), 403, "sector_not_allowed");
	assert_refused(ask(p, 1, &hanako, "resolve", ",\"sector\":\"\""), 403, "sector_not_allowed");
	p->terminal[1].sector_count = 0;
	assert_refused(ask(p, 1, &hanako, "resolve", ""), 403, "sector_not_allowed");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link"), 0);
}

static void links_a_number(_unused_ void **state)
{
	char ppid[PPID_TEXT], again[PPID_TEXT];
	const struct exchange *x;

	bound(&hanako);
	x = ask(p, 0, &hanako, "link", LIBRARY("図書 0042"));
	assert_ppid(x, ppid);
	assert_string_equal(member(x, "local_number"), "図書 0042");
	assert_string_equal(member(x, "new"), "true");
	x = ask(p, 1, &hanako, "resolve", "");
	assert_string_equal(member(x, "local_number"), "図書 0042");
	assert_string_equal(member(x, "ppid"), ppid);
	x = ask(p, 0, &hanako, "resolve", ",\"sector\":\"bus\"");
	assert_null(strstr(x->body, "0042")); /* to that library only */
	x = ask(p, 0, &hanako, "link", LIBRARY("図書 0042"));
	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "new"), "false");
	assert_refused(ask(p, 0, &hanako, "link", LIBRARY("0043")), 409, "already_linked");
	x = ask(p, 1, &hanako, "unlink", "");
	assert_ppid(x, again);
	assert_string_equal(again, ppid);
	assert_null(strstr(x->body, "0042"));
	assert_refused(ask(p, 1, &hanako, "unlink", ""), 409, "not_linked");
	assert_null(strstr(ask(p, 1, &hanako, "resolve", "")->body, "local_number"));
	x = ask(p, 0, &hanako, "link", LIBRARY("0043"));
	assert_ppid(x, again);
	assert_string_equal(again, ppid);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link"), 2);
}

static void numbers_are_one_holders(_unused_ void **state)
{
	bound(&hanako);
	bound(&taro);
	assert_int_equal(ask(p, 0, &hanako, "link", LIBRARY("7"))->status, 200);
	assert_refused(ask(p, 0, &taro, "link", LIBRARY("7")), 409, "local_number_taken");
	assert_int_equal(ask(p, 0, &taro, "link", BUS("7"))->status, 200);
	assert_int_equal(ask(p, 0, &taro, "resolve", ",\"sector\":\"library\"")->status, 200);
	assert_refused(ask(p, 0, &taro, "link", LIBRARY("7")), 409, "local_number_taken");
	assert_int_equal(ask(p, 0, &hanako, "unlink", ",\"sector\":\"library\"")->status, 200);
	assert_int_equal(ask(p, 0, &taro, "link", LIBRARY("7"))->status, 200);
	assert_refused(ask(p, 0, &hanako, "link", LIBRARY("7")), 409, "local_number_taken");
}

/* What was linked under the old key stays as it is, and is found. */
static void key_is_rotated(_unused_ void **state)
{
	char before[PPID_TEXT], after[PPID_TEXT], by_new_key[PPID_TEXT];

	bound(&hanako);
	bound(&taro);
	assert_ppid(ask(p, 0, &hanako, "link", LIBRARY("7")), before);
	assert_int_equal(keys_sector_new(p->ctx, p->service.keys, p->library, 2), 0);
	p->terminal[0].sectors[0].key_version = p->terminal[1].sectors[0].key_version = 2;
	assert_ppid(ask(p, 1, &hanako, "resolve", ""), after);
	assert_string_equal(after, before);
	assert_string_equal(member(ask(p, 1, &hanako, "resolve", ""), "local_number"), "7");
	assert_refused(ask(p, 0, &taro, "link", LIBRARY("7")), 409, "local_number_taken");
	assert_ppid(ask(p, 0, &taro, "link", LIBRARY("8")), by_new_key);
	assert_string_equal(member(ask(p, 1, &taro, "resolve", ""), "local_number"), "8");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link WHERE key_version = 2"), 1);
	assert_int_equal(ask(p, 1, &hanako, "unlink", "")->status, 200);
	assert_ppid(ask(p, 0, &hanako, "link", LIBRARY("9")), after);
	assert_string_equal(after, before);
	assert_string_equal(member(ask(p, 1, &hanako, "resolve", ""), "local_number"), "9");
}

/* Derived and stored: who has the sector's key computes the same, who has the other's does not. */
static void pseudonym_needs_the_key(_unused_ void **state)
{
	static const struct statement find = { "SELECT subject FROM link", 0 };
	_cleanup_rows_ struct rows rows = { 0 };
	char ppid[PPID_TEXT], derived[PPID_TEXT], other[PPID_TEXT];
	uint8_t subject[ID_BYTES];

	bound(&hanako);
	assert_ppid(ask(p, 1, &hanako, "resolve", ""), ppid);
	assert_int_equal(store_run(p->store, &find, NULL, &rows), 0);
	assert_int_equal(rows_bytes(&rows, 0, 0, subject, ID_BYTES), 0);
	assert_int_equal(keys_ppid(p->service.keys, p->library, 1, subject, derived), 0);
	assert_int_equal(keys_ppid(p->service.keys, p->bus, 1, subject, other), 0);
	assert_string_equal(derived, ppid);
	assert_string_not_equal(other, ppid);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, stand_setup, stand_teardown)
	const struct CMUnitTest tests[] = {
		T(binds_once),
		T(shows),
		T(nothing_without_a_binding),
		T(expired_for_good),
		T(wish_is_granted),
		T(wishes_are_counted),
		T(success_forgives),
		T(generates_three_times),
		T(each_sector_its_own),
		T(sectors_of_others),
		T(links_a_number),
		T(numbers_are_one_holders),
		T(key_is_rotated),
		T(pseudonym_needs_the_key),
	};

	return RUN(tests);
}
