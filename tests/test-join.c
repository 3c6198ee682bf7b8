/* SPDX-License-Identifier: Apache-2.0 */
/* Two subjects that are one person: what stays, what ends, and who may say so. */
#include <pthread.h>
#include <stdlib.h>

#include "service/join.h"
#include "tests/rules-stand.h"

static char first[MYKEY_TEXT], second[MYKEY_TEXT];

static struct acting as(const char *name)
{
	struct acting by = { .service = &p->service, .ctx = p->ctx, .uid = 4711 };

	snprintf(by.operator, sizeof(by.operator), "%s", name);
	return by;
}

/* Three operators, sectors as the platform's terminals serve them, and two holders. */
static int setup(void **state)
{
	static const struct statement add_org = { "INSERT INTO org (id, name, kind, created) VALUES ($1, 'Town', "
						  "'municipality', 0)", 1 };
	static const struct statement add_sector = { "INSERT INTO sector (id, org, name, kind, key_version, created)"
						     " VALUES ($1, $2, $3, 'general', 1, 0)", 3 };
	int e = stand_setup(state);
	struct acting jiro;
	struct datum org;

	if (e < 0)
		return e;
	jiro = as("jiro");
	assert_int_equal(operator_add(&jiro, "jiro", ROLE_ADMIN | ROLE_APPROVER), 0);
	assert_int_equal(operator_add(&jiro, "saburo", ROLE_APPROVER), 0);
	assert_int_equal(operator_add(&jiro, "shiro", ROLE_REGISTRAR | ROLE_AUDITOR), 0);
	org = BYTES(p->library, ID_BYTES);
	change(p, &add_org, &org);
	change(p, &add_sector, (struct datum[]){ BYTES(p->library, ID_BYTES), org, TEXT("library") });
	change(p, &add_sector, (struct datum[]){ BYTES(p->bus, ID_BYTES), org, TEXT("bus") });
	snprintf(first, sizeof(first), "%s", bound(&hanako));
	snprintf(second, sizeof(second), "%s", bound(&taro));
	return 0;
}

static int say(const char *who, enum join_keep keep, struct join_outcome *ret)
{
	struct acting by = as(who);

	return operator_join(&by, first, second, keep, "the same person", ret);
}

/* Both operators. */
static struct join_outcome join(enum join_keep keep)
{
	struct join_outcome out = { 0 };

	if (say("jiro", keep, &out) < 0)
		fail_msg("%s", fuda_context_message(p->ctx));
	assert_false(out.joined);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 2);
	if (say("saburo", keep, &out) < 0)
		fail_msg("%s", fuda_context_message(p->ctx));
	assert_true(out.joined);
	return out;
}

/* Nothing is left of the one, and all is the other's. */
static void assert_one(void)
{
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 2);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential"), 2);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential WHERE status = 'active'"), 2);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential WHERE subject NOT IN (SELECT id FROM subject)"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey WHERE subject NOT IN (SELECT id FROM subject)"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link WHERE subject NOT IN (SELECT id FROM subject)"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM wish WHERE subject NOT IN (SELECT id FROM subject)"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'mykey-join' AND object IN"
				  " (SELECT id FROM subject) AND data LIKE '%joined%'"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'mykey-join' AND object NOT IN"
				  " (SELECT id FROM subject) AND data LIKE '%into%'"), 1);
}

/* Either card is the person's, whichever came first. */
static void joins(_unused_ void **state)
{
	char library[PPID_TEXT], bus[PPID_TEXT], after[PPID_TEXT];
	struct join_outcome out;

	assert_ppid(ask(p, 0, &hanako, "link", LIBRARY("L-1")), library);
	assert_ppid(ask(p, 0, &taro, "link", BUS("B-1")), bus);
	out = join(JOIN_KEEP_NONE);
	assert_string_equal(out.stays, first);
	assert_string_equal(out.ended, second);
	assert_int_equal(out.links, 1);
	assert_int_equal(out.dropped, 0);
	assert_one();
	assert_string_equal(bound(&taro), first);
	assert_ppid(ask(p, 1, &taro, "resolve", ""), after);
	assert_string_equal(after, library);
	assert_string_equal(member(ask(p, 1, &taro, "resolve", ""), "local_number"), "L-1");
	assert_ppid(ask(p, 0, &taro, "resolve", ",\"sector\":\"bus\""), after);
	assert_string_equal(after, bus);
	assert_string_equal(member(ask(p, 0, &taro, "resolve", ",\"sector\":\"bus\""), "local_number"), "B-1");
	assert_string_equal(bound(&hanako), first);
	assert_string_equal(member(ask(p, 0, &hanako, "resolve", ",\"sector\":\"bus\""), "local_number"), "B-1");
	assert_refused(ask(p, 0, &taro, "link", BUS("B-2")), 409, "already_linked");
	assert_int_equal(ask(p, 0, &taro, "unlink", ",\"sector\":\"bus\"")->status, 200);
	assert_int_equal(say("jiro", JOIN_KEEP_NONE, &out), FUDA_EEXISTS);
}

/* A card that another one had taken the place of does not come back. */
static void replaced_card_stays_so(_unused_ void **state)
{
	struct card fresh = card_make("0C0C0C0C");

	give_renewals(p, "0C0C0C0C,01A2B3C4\n");
	assert_string_equal(bound(&fresh), first);
	join(JOIN_KEEP_NONE);
	assert_refused(ask(p, 0, &hanako, "show", ""), 403, "certificate_superseded");
	assert_string_equal(bound(&fresh), first);
	assert_string_equal(bound(&taro), first);
	card_free(&fresh);
}

/* What was said to one card is true no more after the other was used. */
static void either_card_changes_it(_unused_ void **state)
{
	struct post post;

	join(JOIN_KEEP_NONE);
	post = post_make(p, 0, &taro, "change", ",\"wished\":\"ABCD2345\"");
	assert_int_equal(post_send(&post)->status, 200);
	assert_int_equal(post_send(&post)->status, 200);
	assert_int_equal(ask(p, 0, &hanako, "change", ",\"wished\":\"ABCD2346\"")->status, 200);
	assert_refused(post_send(&post), 409, "answer_outdated");
	assert_string_equal(bound(&taro), "ABCD2346");
	assert_string_equal(bound(&hanako), "ABCD2346");
	post_free(&post);
}

/* An id that ended is nobody's any more, and never will be. */
static void ended_id_is_not_issued_again(_unused_ void **state)
{
	char members[64];

	join(JOIN_KEEP_NONE);
	snprintf(members, sizeof(members), ",\"wished\":\"%s\"", second);
	assert_refused(ask(p, 0, &taro, "change", members), 409, "wish_taken");
	assert_string_equal(bound(&taro), first);
}

static void sector_that_knows_both(void **state)
{
	static const enum join_keep keeps[] = { JOIN_KEEP_OLDER, JOIN_KEEP_NEWER };

	for (size_t i = 0; i < ARRAY_SIZE(keeps); i++) {
		char ppids[2][PPID_TEXT], after[PPID_TEXT];
		struct join_outcome out;

		assert_ppid(ask(p, 0, &hanako, "link", LIBRARY("L-1")), ppids[0]);
		assert_ppid(ask(p, 0, &taro, "link", LIBRARY("L-2")), ppids[1]);
		assert_int_equal(say("jiro", JOIN_KEEP_NONE, &out), FUDA_EREFUSED);
		assert_non_null(strstr(fuda_context_message(p->ctx), "library"));
		assert_null(strstr(fuda_context_message(p->ctx), "bus"));
		assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'refused' AND data LIKE "
					  "'%conflict%'"), 1);
		assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM approval"), 0);
		/* who says something else does not say the same */
		assert_int_equal(say("jiro", keeps[!i], &out), 0);
		assert_int_equal(say("saburo", keeps[i], &out), 0);
		assert_false(out.joined);
		assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link"), 2);
		assert_int_equal(say("jiro", keeps[i], &out), 0);
		assert_true(out.joined);
		assert_int_equal(out.dropped, 1);
		assert_one();
		assert_ppid(ask(p, 1, &taro, "resolve", ""), after);
		assert_string_equal(after, ppids[i]);
		assert_string_equal(member(ask(p, 1, &taro, "resolve", ""), "local_number"), i ? "L-2" : "L-1");
		assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link"), 1);
		if (i == 0) { /* again, from the beginning */
			assert_int_equal(stand_teardown(state), 0);
			assert_int_equal(setup(state), 0);
		}
	}
}

/* The words of one operator twice, of one who may not, of one who was dropped, and of last week. */
static void takes_two(_unused_ void **state)
{
	static const struct statement age = { "UPDATE approval SET at = at - 604801000000", 0 };
	struct acting jiro = as("jiro");
	struct join_outcome out;

	assert_int_equal(say("jiro", JOIN_KEEP_NONE, &out), 0);
	assert_int_equal(say("jiro", JOIN_KEEP_NONE, &out), 0);
	assert_false(out.joined);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM approval"), 1);
	assert_int_equal(say("shiro", JOIN_KEEP_NONE, &out), FUDA_EREFUSED);
	assert_int_equal(say("nobody", JOIN_KEEP_NONE, &out), FUDA_EREFUSED);
	change(p, &age, NULL);
	assert_int_equal(say("saburo", JOIN_KEEP_NONE, &out), 0);
	assert_false(out.joined);
	assert_int_equal(operator_drop(&jiro, "saburo"), 0);
	assert_int_equal(say("jiro", JOIN_KEEP_NONE, &out), 0);
	assert_false(out.joined);
	assert_int_equal(operator_add(&jiro, "saburo", ROLE_AUDITOR), 0);
	assert_int_equal(say("jiro", JOIN_KEEP_NONE, &out), 0);
	assert_false(out.joined);
	assert_int_equal(operator_drop(&jiro, "saburo"), 0);
	assert_int_equal(operator_add(&jiro, "saburo", ROLE_APPROVER), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 2);
	assert_int_equal(say("saburo", JOIN_KEEP_NONE, &out), 0);
	assert_true(out.joined);
	assert_one();
}

static void names_nobody(_unused_ void **state)
{
	static const struct {
		const char *one, *other;
		int code;
	} rows[] = {
		{ "", "", FUDA_EINVAL },
		{ "ABCDEFG", "ABCDEFGH", FUDA_EINVAL },
		{ "ABCDEFGH", "ABCDEFG'", FUDA_EINVAL },
		{ "ABCDEFG0", "ABCDEFG1", FUDA_ENOTFOUND },
	};
	struct acting by = as("jiro");
	struct join_outcome out;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(operator_join(&by, rows[i].one, rows[i].other, JOIN_KEEP_NONE, "", &out),
				 rows[i].code);
	assert_int_equal(operator_join(&by, first, "ABCDEFG1", JOIN_KEEP_NONE, "", &out), FUDA_ENOTFOUND);
	assert_int_equal(operator_join(&by, first, first, JOIN_KEEP_NONE, "", &out), FUDA_EEXISTS);
	assert_int_equal(operator_join(&by, first, second, JOIN_KEEP_NONE, "a\nb", &out), FUDA_EINVAL);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM approval"), 0);
}

/* Who let the older id expire goes on with the newer; the tries of both are spent. */
static void older_has_none(_unused_ void **state)
{
	struct join_outcome out;
	char members[64];

	snprintf(members, sizeof(members), ",\"wished\":\"%s\"", first);
	assert_refused(ask(p, 0, &taro, "change", members), 409, "wish_taken");
	assert_int_equal(ask(p, 0, &hanako, "expire", "")->status, 200);
	out = join(JOIN_KEEP_NONE);
	assert_string_equal(out.stays, second);
	assert_string_equal(out.ended, "");
	assert_one();
	assert_string_equal(bound(&taro), second);
	assert_refused(ask(p, 0, &taro, "change", members), 409, "wish_taken");
	assert_int_equal(COUNT(p, "SELECT failed FROM wish"), 2);
}

/* ---- while it is used ---- */

struct job {
	pthread_t thread;
	struct post *post;
	int result;
	bool joined;
	deadline_word ended;
};

static void *run_join(void *arg)
{
	struct job *job = arg;
	struct join_outcome out = { 0 };

	job->result = say("saburo", JOIN_KEEP_NONE, &out);
	job->joined = out.joined;
	atomic_store(&job->ended, 1);
	return NULL;
}

static void *run_post(void *arg)
{
	struct job *job = arg;
	struct exchange x;

	post_begin(job->post, &x);
	exchange_wait(&x);
	job->result = x.status;
	exchange_free(&x);
	atomic_store(&job->ended, 1);
	return NULL;
}

/* Whether so many come to wait for others in the database, before the job has ended. */
static bool wait_for_waiters(struct platform *q, struct job *job, int64_t waiters)
{
	for (int i = 0; i < 1000 && !atomic_load(&job->ended); i++) {
		if (COUNT(q, "SELECT COUNT(*) FROM pg_locks WHERE NOT granted") >= waiters)
			return true;
		(void)deadline_wait_word(NULL, 10, &job->ended, 0);
	}
	return false;
}

static void begin_nonce(const struct post *post)
{
	static const struct statement add = { "INSERT INTO used_nonce (expires, nonce) VALUES ($1, $2)", 2 };
	struct challenge challenge;
	struct datum row[2];

	assert_int_equal(challenge_read(p->service.keys, post->token, post->rule->purpose, p->service.config.origin,
					post->terminal->id, now_us() / SECONDS_US, &challenge),
			 0);
	assert_int_equal(store_begin(p->store, true), 0);
	row[0] = INT(challenge.expires);
	row[1] = BYTES(challenge.nonce, NONCE_BYTES);
	assert_int_equal(store_run(p->store, &add, row, NULL), 0);
}

/* A request of the newer's card has read whose it is, and waits for somebody who has its challenge, when
 * the two are joined by another process: what it adds is the joined person's. */
static void while_it_is_used(const char *purpose, const char *members, int status)
{
	struct platform *q = platform_join(p, scratch);
	struct post post = post_make(q, 0, &taro, purpose, members);
	struct job asking = { .post = &post }, joining = { 0 };
	struct join_outcome out;
	bool asking_waits, joining_waits;

	assert_int_equal(say("jiro", JOIN_KEEP_NONE, &out), 0);
	begin_nonce(&post);
	assert_int_equal(pthread_create(&asking.thread, NULL, run_post, &asking), 0);
	asking_waits = wait_for_waiters(q, &asking, 1);
	assert_int_equal(pthread_create(&joining.thread, NULL, run_join, &joining), 0);
	joining_waits = wait_for_waiters(q, &joining, 2);
	store_rollback(p->store);
	pthread_join(asking.thread, NULL);
	pthread_join(joining.thread, NULL);
	assert_true(asking_waits);
	assert_true(joining_waits);
	assert_int_equal(asking.result, status);
	assert_int_equal(joining.result, 0);
	assert_true(joining.joined);
	post_free(&post);
	platform_close(&q);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey WHERE subject NOT IN (SELECT id FROM subject)"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link WHERE subject NOT IN (SELECT id FROM subject)"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM wish WHERE subject NOT IN (SELECT id FROM subject)"), 0);
}

static void while_a_sector_asks(_unused_ void **state)
{
	if (!on_postgres())
		skip(); /* nobody writes there beside another */
	while_it_is_used("resolve", ",\"sector\":\"bus\"", 200);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link"), 1);
	assert_string_equal(bound(&taro), first);
}

static void while_an_id_is_issued(_unused_ void **state)
{
	if (!on_postgres())
		skip();
	assert_int_equal(ask(p, 0, &taro, "expire", "")->status, 200);
	while_it_is_used("bind", "", 201);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey WHERE state = 'active'"), 1);
	assert_string_equal(bound(&taro), first);
}

/* The try that was spent is the joined person's. */
static void while_a_wish_is_taken(_unused_ void **state)
{
	char members[64];

	if (!on_postgres())
		skip();
	snprintf(members, sizeof(members), ",\"wished\":\"%s\"", first);
	while_it_is_used("change", members, 409);
	assert_int_equal(COUNT(p, "SELECT failed FROM wish"), 1);
	assert_string_equal(bound(&taro), first);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, stand_teardown)
	const struct CMUnitTest tests[] = {
		T(joins),
		T(replaced_card_stays_so),
		T(either_card_changes_it),
		T(ended_id_is_not_issued_again),
		T(sector_that_knows_both),
		T(takes_two),
		T(names_nobody),
		T(older_has_none),
		T(while_a_sector_asks),
		T(while_an_id_is_issued),
		T(while_a_wish_is_taken),
	};

	return RUN(tests);
}
