/* SPDX-License-Identifier: Apache-2.0 */
/* Once, whoever asks at the same time, again, or while something fails: platform.md D4, D5. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "service/sweep.h"
#include "tests/rules-stand.h"

static struct platform *q; /* another process on the same database */

static int setup_two(void **state)
{
	int e = stand_setup(state);

	if (e == 0)
		q = platform_join(p, scratch);
	return e;
}

static int teardown(void **state)
{
	platform_close(&q);
	return stand_teardown(state);
}

static void bind_both(void)
{
	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 201);
	assert_int_equal(ask(p, 0, &taro, "bind", "")->status, 201);
}

static int64_t audit_rows(void)
{
	return COUNT(p, "SELECT COUNT(*) FROM audit WHERE actor_kind = 'terminal'");
}

/* ---- again ---- */

/* The answer was lost: the same bytes again, or a fresh challenge under the same key. */
static void repeated(const char *purpose, const char *members)
{
	struct post post = post_make(p, 0, &taro, purpose, members);
	const struct exchange *first = post_send(&post), *x;
	int64_t rows = audit_rows(), nonces = COUNT(p, "SELECT COUNT(*) FROM used_nonce");

	for (int i = 0; i < 3; i++) {
		x = post_send(&post);
		assert_int_equal(x->status, first->status);
		assert_string_equal(x->body, first->body);
		assert_string_equal(x->type, first->type);
		if (i == 1)
			post_sign_again(&post);
	}
	assert_int_equal(audit_rows(), rows);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM used_nonce"), nonces);
	post_free(&post);
}

static void same_answer_again(_unused_ void **state)
{
	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 201);
	assert_int_equal(ask(p, 0, &hanako, "change", ",\"wished\":\"TAKEN234\"")->status, 200);
	repeated("expire", ""); /* not_bound */
	repeated("bind", "");
	repeated("show", "");
	repeated("resolve", ",\"sector\":\"bus\"");
	repeated("link", LIBRARY("0042"));
	repeated("link", LIBRARY("0043")); /* already_linked */
	repeated("resolve", ",\"sector\":\"library\"");
	repeated("unlink", ",\"sector\":\"library\"");
	repeated("change", ",\"wished\":\"TAKEN234\""); /* a try is counted once */
	assert_int_equal(COUNT(p, "SELECT failed FROM wish WHERE failed > 0"), 1);
	repeated("change", "");
	repeated("change", ",\"wished\":\"TARO2345\"");
	repeated("expire", "");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 2);
}

/* What another terminal has undone since is not said again as if it were so. */
static void answer_that_is_true_no_more(_unused_ void **state)
{
	static const struct {
		const char *purpose, *members, *undone_by, *members_of_that;
	} all[] = {
		{ "bind", "", "expire", "" },
		{ "bind", "", "change", "" }, /* after one that expired */
		{ "link", LIBRARY("1"), "unlink", ",\"sector\":\"library\"" },
		{ "unlink", ",\"sector\":\"library\"", "link", LIBRARY("2") },
		{ "change", ",\"wished\":\"ABCD2345\"", "change", ",\"wished\":\"ABCD2346\"" },
		{ "expire", "", "bind", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct post post = post_make(p, 0, &hanako, all[i].purpose, all[i].members);
		int status = post_send(&post)->status;
		int64_t rows;

		if (strcmp(all[i].purpose, "unlink") == 0 && status == 409) { /* nothing was linked */
			ask(p, 1, &hanako, "link", LIBRARY("0"));
			assert_refused(post_send(&post), 409, "answer_outdated");
			post_free(&post);
			post = post_make(p, 0, &hanako, all[i].purpose, all[i].members);
			status = post_send(&post)->status;
		}
		assert_int_equal(status / 100, 2);
		assert_int_equal(post_send(&post)->status, status);
		assert_int_equal(ask(p, 0, &hanako, all[i].undone_by, all[i].members_of_that)->status / 100, 2);
		rows = audit_rows();
		assert_refused(post_send(&post), 409, "answer_outdated");
		assert_int_equal(audit_rows(), rows);
		post_free(&post);
	}
}

static void same_key_for_another_request(_unused_ void **state)
{
	static const struct {
		const char *purpose, *members;
	} all[] = {
		{ "bind", "" },
		{ "change", "" },
		{ "change", ",\"wished\":\"ABCD2345\"" },
		{ "resolve", ",\"sector\":\"library\"" },
		{ "resolve", ",\"sector\":\"bus\"" },
		{ "link", LIBRARY("1") },
		{ "link", LIBRARY("2") },
		{ "unlink", ",\"sector\":\"library\"" },
	};
	int64_t rows;

	bind_both();
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct post post = post_make(p, 0, &hanako, all[i].purpose, all[i].members);

		snprintf(post.key, sizeof(post.key), "key-of-%zu", i);
		assert_true(post_send(&post)->status < 500);
		post_free(&post);
	}
	rows = audit_rows();
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		for (size_t j = 0; j <= ARRAY_SIZE(all); j++) {
			/* the last: the same for another card */
			size_t what = j == ARRAY_SIZE(all) ? i : j;
			struct post post = post_make(p, 0, what == j ? &hanako : &taro, all[what].purpose,
						     all[what].members);

			if (i != j) {
				snprintf(post.key, sizeof(post.key), "key-of-%zu", i);
				assert_refused(post_send(&post), 422, "idempotency_key_reused");
			}
			post_free(&post);
		}
	}
	assert_int_equal(audit_rows(), rows);
}

/* Keys are each terminal's own. */
static void same_key_of_another_terminal(_unused_ void **state)
{
	struct post a = post_make(p, 0, &hanako, "bind", ""), b = post_make(p, 1, &taro, "bind", "");

	snprintf(a.key, sizeof(a.key), "1");
	snprintf(b.key, sizeof(b.key), "1");
	assert_int_equal(post_send(&a)->status, 201);
	assert_int_equal(post_send(&b)->status, 201);
	post_free(&a);
	post_free(&b);
}

static void keys_live_a_day(_unused_ void **state)
{
	static const struct statement age = { "UPDATE idem SET expires = expires - $1", 1 };
	struct post post = post_make(p, 0, &hanako, "bind", "");

	assert_int_equal(post_send(&post)->status, 201);
	change(p, &age, (struct datum[]){ INT(23 * 3600 * SECONDS_US) });
	assert_int_equal(post_send(&post)->status, 201);
	change(p, &age, (struct datum[]){ INT(2 * 3600 * SECONDS_US) });
	assert_refused(post_send(&post), 403, "challenge_used");
	post_sign_again(&post);
	assert_int_equal(post_send(&post)->status, 200); /* judged anew, in the old one's place */
	assert_int_equal(post_send(&post)->status, 200);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM idem"), 1);
	post_free(&post);
}

/* ---- at once ---- */

/* In one batch; `statuses` are those that must come, in whatever order. */
static void together(struct post *posts, struct exchange *x, size_t count)
{
	platform_hold(p);
	for (size_t i = 0; i < count; i++)
		post_begin(&posts[i], &x[i]);
	platform_release(p);
	for (size_t i = 0; i < count; i++) {
		exchange_wait(&x[i]);
		exchange_free(&x[i]);
		post_free(&posts[i]);
	}
}

static void one_card_twice_in_a_batch(_unused_ void **state)
{
	struct post posts[] = { post_make(p, 0, &hanako, "bind", ""), post_make(p, 0, &taro, "bind", ""),
				post_make(p, 1, &hanako, "bind", "") };
	struct exchange x[3];

	together(posts, x, 3);
	assert_int_equal(x[0].status, 201);
	assert_int_equal(x[1].status, 201);
	assert_int_equal(x[2].status, 200);
	assert_string_equal(member(&x[0], "mykey_id"), member(&x[2], "mykey_id"));
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 2);
}

static void one_challenge_twice_in_a_batch(_unused_ void **state)
{
	struct post posts[] = { post_make(p, 0, &hanako, "bind", ""),
				post_make(p, 0, &hanako, "bind", "") };
	struct exchange x[2];

	memcpy(posts[1].token, posts[0].token, sizeof(posts[0].token));
	fuda_buf_set(&posts[1].signature, posts[0].signature.data, posts[0].signature.len);
	together(posts, x, 2);
	assert_int_equal(x[0].status, 201);
	assert_refused(&x[1], 403, "challenge_used");
}

static void one_wish_twice_in_a_batch(_unused_ void **state)
{
	struct post posts[2];
	struct exchange x[2];

	bind_both();
	posts[0] = post_make(p, 0, &hanako, "change", ",\"wished\":\"ABCD2345\"");
	posts[1] = post_make(p, 0, &taro, "change", ",\"wished\":\"abcd2345\"");
	together(posts, x, 2);
	assert_int_equal(x[0].status, 200);
	assert_refused(&x[1], 409, "wish_taken");
}

static void one_number_twice_in_a_batch(_unused_ void **state)
{
	struct post posts[3];
	struct exchange x[3];

	bind_both();
	/* the second has a link already, which is written anew */
	assert_int_equal(ask(p, 1, &taro, "resolve", "")->status, 200);
	posts[0] = post_make(p, 0, &hanako, "link", LIBRARY("7"));
	posts[1] = post_make(p, 0, &taro, "link", LIBRARY("7"));
	posts[2] = post_make(p, 0, &hanako, "link", BUS("7"));
	together(posts, x, 3);
	assert_int_equal(x[0].status, 200);
	assert_refused(&x[1], 409, "local_number_taken");
	assert_int_equal(x[2].status, 200);
}

/* Two certificates of a long line, of which neither was seen, as they come on two processes that do
 * not see what the other adds: the claims of so long a line have nothing in common. */
static void one_line_twice_in_a_batch(_unused_ void **state)
{
	struct card newest = card_make("0A0A0A0A"), middle = card_make("05050505");
	struct post posts[2];
	struct exchange x[2];

	give_renewals(p, "0A0A0A0A,09090909\n09090909,08080808\n08080808,07070707\n07070707,06060606\n"
			 "06060606,05050505\n05050505,04040404\n04040404,03030303\n03030303,02020202\n"
			 "02020202,01010101\n");
	posts[0] = post_make(p, 0, &middle, "bind", "");
	posts[1] = post_make(p, 0, &newest, "bind", "");
	together(posts, x, 2);
	assert_int_equal(x[0].status, 201);
	assert_int_equal(x[1].status, 200);
	assert_string_equal(member(&x[0], "mykey_id"), member(&x[1], "mykey_id"));
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 1);
	assert_refused(ask(p, 0, &middle, "bind", ""), 403, "certificate_superseded");
	card_free(&newest);
	card_free(&middle);
}

/* A list that leads in a circle: each is in the line of the other, and of itself once. */
static void renewals_in_a_circle(_unused_ void **state)
{
	struct card one = card_make("0A0A0A0A");

	give_renewals(p, "0A0A0A0A,09090909\n09090909,0A0A0A0A\n01A2B3C4,01A2B3C4\n");
	assert_int_equal(ask(p, 0, &one, "bind", "")->status, 201);
	assert_int_equal(ask(p, 0, &one, "bind", "")->status, 200);
	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 201);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential"), 3);
	card_free(&one);
}

/* ---- two processes ---- */

enum { CROWD = 4, CARDS = 6 };

struct crowd {
	pthread_t thread;
	struct platform *p;
	struct card *cards;
	int fresh, known, refused, other;
	void (*work)(struct crowd *c, int i);
};

static void *run(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < CARDS; i++)
		c->work(c, i);
	return NULL;
}

static void bind_one(struct crowd *c, int i)
{
	struct post post = post_make(c->p, 0, &c->cards[i], "bind", "");
	struct exchange x;

	post_begin(&post, &x);
	exchange_wait(&x);
	c->fresh += x.status == 201;
	c->known += x.status == 200;
	c->other += x.status != 200 && x.status != 201;
	exchange_free(&x);
	post_free(&post);
}

static void crowd(void (*work)(struct crowd *c, int i), struct card *cards, struct crowd *ret)
{
	struct crowd all[CROWD] = { 0 };

	*ret = (struct crowd){ 0 };
	for (int i = 0; i < CROWD; i++) {
		all[i] = (struct crowd){ .p = i % 2 ? q : p, .cards = cards, .work = work };
		assert_int_equal(pthread_create(&all[i].thread, NULL, run, &all[i]), 0);
	}
	for (int i = 0; i < CROWD; i++) {
		pthread_join(all[i].thread, NULL);
		ret->fresh += all[i].fresh;
		ret->known += all[i].known;
		ret->refused += all[i].refused;
		ret->other += all[i].other;
	}
}

static void two_processes_one_card(_unused_ void **state)
{
	struct card cards[CARDS];
	struct crowd sum;

	for (int i = 0; i < CARDS; i++) {
		char serial[16];

		snprintf(serial, sizeof(serial), "2200000%u", (unsigned)i % 10);
		cards[i] = card_make(serial);
	}
	crowd(bind_one, cards, &sum);
	assert_int_equal(sum.other, 0);
	assert_int_equal(sum.fresh, CARDS);
	assert_int_equal(sum.known, (CROWD - 1) * CARDS);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), CARDS);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), CARDS);
	assert_int_equal(audit_rows(), CROWD * CARDS);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM used_nonce"), CROWD * CARDS);
	for (int i = 0; i < CARDS; i++)
		card_free(&cards[i]);
}

static void wish_one(struct crowd *c, int i)
{
	char members[64];
	struct post post;
	struct exchange x;

	snprintf(members, sizeof(members), ",\"wished\":\"WISH000%d\"", i);
	post = post_make(c->p, 0, &c->cards[c->p == q], "change", members);
	post_begin(&post, &x);
	exchange_wait(&x);
	c->fresh += x.status == 200;
	c->refused += x.status == 409;
	c->other += x.status != 200 && x.status != 409;
	exchange_free(&x);
	post_free(&post);
}

/* Whatever they wish for: no id is two holders', and none has two. */
static void two_processes_one_wish(_unused_ void **state)
{
	struct card cards[2] = { hanako, taro };
	struct crowd sum;

	bind_both();
	crowd(wish_one, cards, &sum);
	assert_int_equal(sum.other, 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey WHERE state = 'active'"), 2);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey WHERE state = 'expired'"), sum.fresh);
}

/* One request at both: whoever is second gives the first one's answer. */
static void two_processes_same_bytes(_unused_ void **state)
{
	for (int i = 0; i < 10; i++) {
		struct post post = post_make(p, 0, &hanako, "change", i ? "" : ",\"wished\":\"ABCD2345\"");
		struct exchange x[2];

		if (i == 0)
			bind_both();
		post_begin(&post, &x[0]);
		post.p = q;
		post_begin(&post, &x[1]);
		for (int j = 0; j < 2; j++) {
			exchange_wait(&x[j]);
			exchange_free(&x[j]);
		}
		assert_int_equal(x[0].status, i < 4 ? 200 : 409);
		assert_int_equal(x[1].status, x[0].status);
		assert_string_equal(x[1].body, x[0].body);
		post_free(&post);
	}
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'change'"), 4);
}

static void two_processes_one_renewal(_unused_ void **state)
{
	struct card cards[CARDS];
	struct crowd sum;

	for (int i = 0; i < CARDS; i++)
		cards[i] = card_make("0C0C0C0C");
	bind_both();
	give_renewals(p, "0C0C0C0C,01A2B3C4\n");
	give_renewals(q, "0C0C0C0C,01A2B3C4\n");
	crowd(bind_one, cards, &sum);
	assert_int_equal(sum.known, CROWD * CARDS);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'renew'"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential"), 3);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 2);
	for (int i = 0; i < CARDS; i++)
		card_free(&cards[i]);
}

/* The old cards, which nobody has seen, at the one; the new ones at the other. */
static void bind_either(struct crowd *c, int i)
{
	struct post post = post_make(c->p, 0, &c->cards[c->p == q ? i : CARDS + i], "bind", "");
	struct exchange x;

	post_begin(&post, &x);
	exchange_wait(&x);
	c->other += x.status >= 500;
	exchange_free(&x);
	post_free(&post);
}

static void two_processes_old_and_new(_unused_ void **state)
{
	char serial[16], text[CARDS * 32] = "";
	struct card cards[2 * CARDS];
	struct crowd sum;

	for (unsigned i = 0; i < 2 * CARDS; i++) {
		snprintf(serial, sizeof(serial), "3300%04u", i);
		cards[i] = card_make(serial);
		if (i >= CARDS)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s,3300%04u\n", serial,
				 i - CARDS);
	}
	give_renewals(p, text);
	give_renewals(q, text);
	crowd(bind_either, cards, &sum);
	assert_int_equal(sum.other, 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), CARDS);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential WHERE status = 'active'"), CARDS);
	for (int i = 0; i < 2 * CARDS; i++)
		card_free(&cards[i]);
}

/* ---- while something fails ---- */

/* A row that is not what it must be is somebody's own trouble. */
static void damaged_row(_unused_ void **state)
{
	static const struct statement spoil = {
		"UPDATE credential SET subject = $1 WHERE subject = (SELECT subject FROM mykey WHERE id = $2)", 2
	};
	struct post posts[3];
	struct exchange x[3];
	char id[MYKEY_TEXT];

	bind_both();
	snprintf(id, sizeof(id), "%s", member(ask(p, 0, &hanako, "show", ""), "mykey_id"));
	change(p, &spoil, (struct datum[]){ BYTES("short", 5), TEXT(id) });
	posts[0] = post_make(p, 0, &taro, "change", "");
	posts[1] = post_make(p, 0, &hanako, "bind", "");
	posts[2] = post_make(p, 0, &taro, "resolve", ",\"sector\":\"bus\"");
	together(posts, x, 3);
	assert_int_equal(x[0].status, 200);
	assert_refused(&x[1], 503, "database_unavailable");
	assert_true(x[1].retry_after > 0);
	assert_int_equal(x[2].status, 200);
}

/* A number that was sealed under another key, or for another holder, is not given to anybody. */
static void damaged_number(_unused_ void **state)
{
	static const struct statement swap = {
		"UPDATE link SET local_sealed = b.local_sealed FROM link AS b"
		" WHERE b.subject <> link.subject", 0
	};

	bind_both();
	assert_int_equal(ask(p, 0, &hanako, "link", LIBRARY("111111"))->status, 200);
	assert_int_equal(ask(p, 0, &taro, "link", LIBRARY("222222"))->status, 200);
	change(p, &swap, NULL);
	assert_refused(ask(p, 1, &hanako, "resolve", ""), 500, "internal_error");
	assert_refused(ask(p, 1, &taro, "resolve", ""), 500, "internal_error");
	assert_int_equal(ask(p, 0, &hanako, "resolve", ",\"sector\":\"bus\"")->status, 200);
}

/* No file may grow: nothing is acknowledged, and all goes on when there is room again. */
static void disk_is_full(_unused_ void **state)
{
	struct rlimit before, none;
	struct post post = post_make(p, 0, &taro, "bind", "");
	const struct exchange *x;
	struct writer_load load;
	int64_t rows;

	if (on_postgres()) {
		post_free(&post);
		skip(); /* the server's files are another process's */
	}
	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 201);
	rows = audit_rows();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	x = post_send(&post);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_refused(x, 503, "database_unavailable");
	assert_true(x->retry_after > 0);
	writer_load(p->service.writer, &load);
	assert_false(load.healthy);
	assert_int_equal(audit_rows(), rows);
	assert_int_equal(post_send(&post)->status, 201); /* the same bytes: it did not happen */
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 2);
	writer_load(p->service.writer, &load);
	assert_true(load.healthy);
	post_free(&post);
}

/* The answer to a commit that happened is lost, and the database is away for a while behind it. */
static atomic_bool losing, away;
int __real_store_commit(struct store *store);
int __wrap_store_commit(struct store *store);
int __wrap_store_commit(struct store *store)
{
	int e = __real_store_commit(store);

	if (e < 0 || !atomic_exchange(&losing, false))
		return e;
	away = true;
	return FUDA_EUNSURE;
}

int __real_store_begin(struct store *store, bool write);
int __wrap_store_begin(struct store *store, bool write);
int __wrap_store_begin(struct store *store, bool write)
{
	return away ? FUDA_ESTORE : __real_store_begin(store, write);
}

/* "It may have been done" and "nothing was done" are two answers; the same bytes again tell. */
static void answer_of_the_commit_is_lost(_unused_ void **state)
{
	struct post post = post_make(p, 0, &hanako, "bind", ""), other = post_make(p, 0, &taro, "bind", "");
	const struct exchange *x;

	losing = true;
	x = post_send(&post);
	assert_refused(x, 503, "outcome_unknown");
	assert_true(x->retry_after > 0);
	x = post_send(&other);
	assert_refused(x, 503, "database_unavailable");
	assert_true(x->retry_after > 0);
	away = false;
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 1);
	assert_int_equal(post_send(&post)->status, 201);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 1);
	assert_int_equal(post_send(&other)->status, 201);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 2);
	post_free(&post);
	post_free(&other);
}

static void *stop(_unused_ void *arg)
{
	writer_stop(&p->service.writer, 5000);
	return NULL;
}

/* What is in the queue is done; what comes then is told to come again, to another node or later. */
static void stopping(_unused_ void **state)
{
	struct post first = post_make(p, 0, &hanako, "bind", ""), late = post_make(p, 0, &taro, "bind", "");
	struct writer_load load = { 0 };
	const struct exchange *refused;
	struct exchange x;
	pthread_t stopper;

	platform_hold(p);
	post_begin(&first, &x);
	assert_int_equal(pthread_create(&stopper, NULL, stop, NULL), 0);
	while (!load.stopping)
		writer_load(p->service.writer, &load);
	refused = post_send(&late);
	assert_refused(refused, 503, "stopping");
	assert_true(refused->retry_after > 0);
	platform_release(p);
	pthread_join(stopper, NULL);
	exchange_wait(&x);
	assert_int_equal(x.status, 201);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 1);
	exchange_free(&x);
	post_free(&first);
	post_free(&late);
}

/* ---- what is forgotten, and what is never known ---- */

static void swept(_unused_ void **state)
{
	static const struct statement nonce = {
		"INSERT INTO used_nonce (nonce, expires) VALUES ($1, $2)", 2
	};
	static const struct statement answer = {
		"INSERT INTO idem (terminal, key, request_hash, revision, status, body, expires)"
		" VALUES ($1, $2, $1, 1, 200, $1, $3)", 3
	};
	int64_t now = now_us();
	struct sweep sweep;

	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 201);
	for (int i = 0; i < SWEEP_PORTION + 20; i++) {
		uint8_t id[ID_BYTES];

		assert_int_equal(id_new(id), 0);
		change(p, &nonce, (struct datum[]){ BYTES(id, ID_BYTES), INT(now / SECONDS_US - 301) });
		if (i < 10)
			change(p, &answer, (struct datum[]){ BYTES(id, ID_BYTES), TEXT("k"), INT(now - 1) });
	}
	change(p, &nonce, (struct datum[]){ BYTES("just expired", 12), INT(now / SECONDS_US - 200) });
	sweep_init(&sweep);
	assert_int_equal(writer_run(p->service.writer, &sweep.task), 0);
	assert_int_equal(sweep.swept, SWEEP_PORTION + 10);
	assert_true(sweep.more);
	assert_int_equal(writer_run(p->service.writer, &sweep.task), 0);
	assert_int_equal(sweep.swept, 20);
	assert_false(sweep.more);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM used_nonce"), 2);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM idem"), 1);
}

/* Serial, certificate, the holder's name in it, local number: in no byte of the database's files. */
static void database_knows_nobody(_unused_ void **state)
{
	static const char serial[] = "5A17C0DE99887766";
	struct card card = card_make(serial);
	uint8_t bytes[8];
	char id[MYKEY_TEXT], ppid[PPID_TEXT];

	if (on_postgres()) {
		card_free(&card);
		skip(); /* what is stored is the same */
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(sscanf(serial + 2 * i, "%2hhx", &bytes[i]), 1);
	snprintf(id, sizeof(id), "%s", member(ask(p, 0, &card, "bind", ""), "mykey_id"));
	assert_int_equal(ask(p, 0, &card, "link", LIBRARY("LIB-3141592"))->status, 200);
	snprintf(ppid, sizeof(ppid), "%s", member(ask(p, 1, &card, "resolve", ""), "ppid"));
	assert_string_equal(member(ask(p, 1, &card, "resolve", ""), "local_number"), "LIB-3141592");
	/* the search finds what is there */
	assert_true(database_holds(p, id, strlen(id)));
	assert_true(database_holds(p, ppid, strlen(ppid)));
	assert_true(database_holds(p, p->terminal[0].id, ID_BYTES));
	assert_false(database_holds(p, bytes, sizeof(bytes)));
	assert_false(database_holds(p, serial, strlen(serial)));
	assert_false(database_holds(p, "5a17c0de99887766", 16));
	assert_false(database_holds(p, "0A1B2C3D4E5F6G7H8J9K0L1", 23));
	assert_false(database_holds(p, card.der.data + 40, 32));
	assert_false(database_holds(p, "LIB-3141592", 11));
	assert_false(database_holds(p, "3141592", 7));
	card_free(&card);
}

int main(void)
{
#define T(name)	 cmocka_unit_test_setup_teardown(name, stand_setup, teardown)
#define T2(name) cmocka_unit_test_setup_teardown(name, setup_two, teardown)
	const struct CMUnitTest tests[] = {
		T(same_answer_again),
		T(answer_that_is_true_no_more),
		T(same_key_for_another_request),
		T(same_key_of_another_terminal),
		T(keys_live_a_day),
		T(one_card_twice_in_a_batch),
		T(one_challenge_twice_in_a_batch),
		T(one_wish_twice_in_a_batch),
		T(one_number_twice_in_a_batch),
		T(one_line_twice_in_a_batch),
		T(renewals_in_a_circle),
		T2(two_processes_one_card),
		T2(two_processes_one_wish),
		T2(two_processes_same_bytes),
		T2(two_processes_one_renewal),
		T2(two_processes_old_and_new),
		T(damaged_row),
		T(damaged_number),
		T(disk_is_full),
		T(answer_of_the_commit_is_lost),
		T(stopping),
		T(swept),
		T(database_knows_nobody),
	};

	return RUN(tests);
}
