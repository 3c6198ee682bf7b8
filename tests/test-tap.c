/* SPDX-License-Identifier: Apache-2.0 */
/* Taps: what registers for them, what releases a birth date's key, and what a card has to show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "tests/records.h"
#include "tests/rules-stand.h"

#define BIRTH	   "550217"
#define BIRTH_DATE "19800217"

static struct test_card face;

static int setup(void **state)
{
	int e = stand_setup(state);

	if (e == 0)
		p->terminal[0].tap = true;
	face = card_taro();
	never_told = BIRTH;
	return e;
}

static int teardown(void **state)
{
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE data LIKE '%" BIRTH "%'"), 0);
	if (!on_postgres()) {
		assert_false(database_holds(p, BIRTH, strlen(BIRTH)));
		assert_false(database_holds(p, BIRTH_DATE, strlen(BIRTH_DATE)));
	}
	return stand_teardown(state);
}

/* What the card's face key makes of a digest of 32 bytes that it is given as a challenge. */
static void answer_of(enum test_key key, const struct fuda_digest *given, struct fuda_buf *ret)
{
	struct fuda_digest digest;

	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, given->bytes, given->len, &digest), 0);
	test_sign(key, FUDA_PKCS1, &digest, ret);
}

static void digest_of(const char *token, const char *purpose, const struct terminal *terminal,
		      struct fuda_digest *ret)
{
	struct challenge challenge;

	assert_int_equal(challenge_read(p->service.keys, token, purpose, p->service.config.origin, terminal->id,
					now_us() / SECONDS_US, &challenge),
			 0);
	assert_int_equal(challenge_digest(&challenge, p->service.config.origin, ret), 0);
}

/* ---- registering ---- */

/* What is brought, to be spoilt. */
struct brought {
	const char *birth, *tries;
	struct test_card face;
	enum test_key prover;
	bool other_age; /* the certificate is another authority's */
};

static struct brought good(void)
{
	return (struct brought){ BIRTH, "3", face, face.key, false };
}

static void put(struct fuda_buf *to, const char *name, const struct fuda_buf *bytes)
{
	char start[32];

	snprintf(start, sizeof(start), ",\"%s\":\"", name);
	assert_int_equal(fuda_buf_append(to, start, strlen(start)), 0);
	assert_int_equal(base64_encode(bytes->data, bytes->len, false, to), 0);
	assert_int_equal(fuda_buf_append(to, "\"", 1), 0);
}

static void members_of(const struct brought *b, const struct fuda_digest *digest, struct fuda_buf *ret)
{
	_cleanup_(fuda_face_records_free) struct fuda_face_records records;
	_cleanup_buf_ struct fuda_buf proof = TEST_BUF;
	char start[96];

	face_make(&b->face, &records);
	if (b->other_age) {
		struct record_plan plan = plan_age(&b->face);

		plan_set(&plan, 0, "'19800218'"); /* and not signed again */
		plan_make(&plan, &records.age);
		plan_free(&plan);
	}
	answer_of(b->prover, digest, &proof);
	snprintf(start, sizeof(start), ",\"birth\":\"%s\",\"tries\":%s", b->birth, b->tries);
	assert_int_equal(fuda_buf_append(ret, start, strlen(start)), 0);
	put(ret, "record", &records.age);
	put(ret, "cv", &records.certificate);
	put(ret, "proof", &proof);
	assert_int_equal(fuda_buf_append(ret, "", 1), 0);
}

static struct post registration(size_t terminal, const struct card *card, const struct brought *b,
				struct fuda_buf *ret_members)
{
	struct post post = post_make(p, terminal, card, "tap-register", "");
	struct fuda_digest digest;

	digest_of(post.token, "tap-register", post.terminal, &digest);
	members_of(b, &digest, ret_members);
	post.members = (const char *)ret_members->data;
	return post;
}

static const struct exchange *register_with(size_t terminal, const struct card *card, const struct brought *b)
{
	_cleanup_buf_ struct fuda_buf members = TEST_BUF;
	struct post post = registration(terminal, card, b, &members);
	const struct exchange *x = post_send(&post);

	post_free(&post);
	return x;
}

static void registered(const struct card *card)
{
	struct brought b = good();
	const struct exchange *x = ask(p, 0, card, "bind", "");

	assert_true(x->status == 200 || x->status == 201);
	x = register_with(0, card, &b);
	assert_string_equal(x->code, "");
	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "registered"), "true");
}

/* ---- the two steps ---- */

static void put_start(struct fuda_buf *body, const struct card *card, const char *members)
{
	assert_int_equal(fuda_buf_append(body, "{\"certificate\":\"", 16), 0);
	assert_int_equal(base64_encode(card->der.data, card->der.len, false, body), 0);
	assert_int_equal(fuda_buf_append(body, "\"", 1), 0);
	assert_int_equal(fuda_buf_append(body, members, strlen(members)), 0);
	assert_int_equal(fuda_buf_append(body, "}", 1), 0);
}

static const struct exchange *start_with(size_t terminal, const struct card *card, const char *members)
{
	_cleanup_buf_ struct fuda_buf body = TEST_BUF;
	struct post post = post_make(p, terminal, card, "tap-start", "");
	const struct exchange *x;

	put_start(&body, card, members);
	x = post_raw(&post, body.data, body.len);
	post_free(&post);
	return x;
}

static const struct exchange *start(size_t terminal, const struct card *card)
{
	return start_with(terminal, card, ",\"sector\":\"library\"");
}

static void resolved(const struct card *card)
{
	assert_int_equal(ask(p, 0, card, "resolve", ",\"sector\":\"library\"")->status, 200);
}

/* The second step, with what the first gave. */
static struct post second(const struct exchange *first, size_t terminal, const struct card *card,
			  enum test_key key, const char *members)
{
	struct post post = post_make(p, terminal, card, "tap", members);
	struct fuda_digest digest;

	snprintf(post.token, sizeof(post.token), "%s", member(first, "challenge"));
	digest_of(post.token, "tap", &p->terminal[0], &digest);
	answer_of(key, &digest, &post.signature);
	return post;
}

static const struct exchange *finish(const struct exchange *first, size_t terminal, const struct card *card,
				     enum test_key key, const char *members)
{
	struct post post = second(first, terminal, card, key, members);
	const struct exchange *x = post_send(&post);

	post_free(&post);
	return x;
}

static const struct exchange *tap(const struct card *card)
{
	const struct exchange *x = start(0, card);

	assert_string_equal(x->code, "");
	return finish(x, 0, card, face.key, ",\"sector\":\"library\"");
}

/* ---- tests ---- */

static void taps(_unused_ void **state)
{
	const struct exchange *x;
	char ppid[PPID_TEXT];

	registered(&hanako);
	x = ask(p, 0, &hanako, "resolve", ",\"sector\":\"library\"");
	snprintf(ppid, sizeof(ppid), "%s", member(x, "ppid"));
	x = start(0, &hanako);
	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "birth"), BIRTH);
	assert_string_equal(member(x, "tries"), "3");
	assert_string_equal(member(x, "purpose"), "tap");
	assert_string_equal(member(x, "origin"), p->service.config.origin);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'tap-start'"), 1);
	x = finish(x, 0, &hanako, face.key, ",\"sector\":\"library\"");
	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "ppid"), ppid);
	assert_string_equal(member(x, "amr"), "hwk");
	assert_null(strstr(x->body, "local_number"));
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'tap'"), 1);
	ask(p, 0, &hanako, "link", ",\"sector\":\"library\",\"local_number\":\"1200345\"");
	x = tap(&hanako);
	assert_string_equal(member(x, "local_number"), "1200345");
	assert_string_equal(member(x, "ppid"), ppid);
}

static void no_consent_to_a_new_sector(_unused_ void **state)
{
	const struct exchange *x;

	registered(&hanako);
	/* the key is not let go for nothing */
	assert_refused(start(0, &hanako), 404, "not_linked_here");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link"), 0);
	ask(p, 0, &hanako, "resolve", ",\"sector\":\"bus\"");
	for (int i = 0; i < 4; i++)
		assert_refused(start(0, &hanako), 404, "not_linked_here");
	assert_refused(start_with(0, &hanako, ""), 400, "sector_missing");
	assert_refused(start_with(0, &hanako, ",\"sector\":\"taxes\""), 403, "sector_not_allowed");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'tap-start'"), 0);
	/* nor does the second step know another sector than the first */
	x = start_with(0, &hanako, ",\"sector\":\"bus\"");
	assert_int_equal(x->status, 200);
	assert_refused(finish(x, 0, &hanako, face.key, ",\"sector\":\"library\""), 404, "not_linked_here");
	resolved(&hanako);
	x = start(0, &hanako);
	assert_refused(finish(x, 0, &hanako, face.key, ",\"sector\":\"taxes\""), 403, "sector_not_allowed");
	x = start(0, &hanako);
	assert_refused(finish(x, 0, &hanako, face.key, ""), 400, "sector_missing");
}

static void only_where_it_is_on(_unused_ void **state)
{
	struct exchange asked = { .request = { .method = "GET", .path = "/v1/challenge" } };
	struct brought b = good();
	const struct exchange *x;

	registered(&hanako);
	resolved(&hanako);
	assert_refused(start(1, &hanako), 403, "tap_not_allowed");
	assert_refused(register_with(1, &hanako, &b), 403, "tap_not_allowed");
	x = start(0, &hanako);
	assert_refused(finish(x, 1, &hanako, face.key, ""), 403, "tap_not_allowed");
	p->terminal[1].tap = true;
	/* a challenge of another terminal */
	assert_refused(finish(x, 1, &hanako, face.key, ""), 403, "challenge_foreign");
	p->terminal[0].tap = false;
	assert_refused(finish(x, 0, &hanako, face.key, ",\"sector\":\"library\""), 403, "tap_not_allowed");
	assert_refused(start(0, &hanako), 403, "tap_not_allowed");
	/* before anybody types a PIN */
	asked.request.query = "purpose=tap-register";
	rule_challenge(&p->service, &p->terminal[0], &asked);
	assert_string_equal(asked.code, "tap_not_allowed");
	assert_int_equal(asked.status, 403);
	asked = (struct exchange){ .request = asked.request };
	rule_challenge(&p->service, &p->terminal[1], &asked);
	assert_int_equal(asked.status, 200);
	/* who was let in may go, wherever he is */
	x = ask(p, 0, &hanako, "tap-unregister", "");
	assert_int_equal(x->status, 200);
	assert_string_equal(member(x, "registered"), "false");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM tap"), 0);
	assert_refused(ask(p, 0, &hanako, "tap-unregister", ""), 404, "tap_not_registered");
}

/* The challenge of a tap is given with what releases the key, and not otherwise. */
static void no_challenge_besides(_unused_ void **state)
{
	static const char *const queries[] = { "purpose=tap", "purpose=tap-start", "purpose=tap-", "purpose=" };

	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		struct exchange x = { .request = { .method = "GET", .query = queries[i] } };

		rule_challenge(&p->service, &p->terminal[0], &x);
		assert_string_equal(x.code, "purpose_unknown");
	}
	registered(&hanako);
}

static void registrations_refused(_unused_ void **state)
{
	static const char *const births[] = { "", "55021", "55021a", "５０２１７", "-50217", " 55021" };
	static const char *const tries[] = { "0", "1", "16", "-3", "99999999999" };
	struct brought b = good();

	assert_refused(register_with(0, &hanako, &b), 404, "not_bound");
	ask(p, 0, &hanako, "bind", "");
	for (size_t i = 0; i < ARRAY_SIZE(births); i++) {
		const struct exchange *x;

		b.birth = births[i];
		x = register_with(0, &hanako, &b);
		assert_int_equal(x->status, 400);
		assert_true(strcmp(x->code, "tap_malformed") == 0 || strcmp(x->code, "request_malformed") == 0);
	}
	b = good();
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		b.tries = tries[i];
		assert_refused(register_with(0, &hanako, &b), 400, "tap_malformed");
	}
	b = good();
	b.prover = KEY_OTHER_CARD; /* a copy of a record, in the hand of another card */
	assert_refused(register_with(0, &hanako, &b), 403, "tap_record_invalid");
	b = good();
	b.other_age = true; /* a record that nobody signed */
	assert_refused(register_with(0, &hanako, &b), 403, "tap_record_invalid");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM tap"), 0);
	ask(p, 0, &hanako, "expire", "");
	b = good();
	assert_refused(register_with(0, &hanako, &b), 404, "not_bound");
}

/* Where the operator has named authorities, the record must be of one of them. */
static void authorities(_unused_ void **state)
{
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
	struct config *config = &p->service.config;
	struct brought b = good();

	ask(p, 0, &hanako, "bind", "");
	config->cv_trust_count = 1;
	snprintf(config->cv_trust[0], CONFIG_TEXT, "%s/cv.pem", scratch);
	assert_refused(register_with(0, &hanako, &b), 500, "internal_error"); /* there is no such file */
	put_authority(&pem, KEY_AUTHORITY, "'6000023' 0805 '009' 00000001");
	write_file(config->cv_trust[0], &pem);
	assert_refused(register_with(0, &hanako, &b), 403, "tap_record_invalid");
	fuda_buf_clear(&pem);
	put_authority(&pem, b.face.authority, b.face.issuer);
	write_file(config->cv_trust[0], &pem);
	assert_int_equal(register_with(0, &hanako, &b)->status, 200);
}

static void nobody_registered(_unused_ void **state)
{
	const struct exchange *x;

	assert_refused(start(0, &hanako), 404, "tap_not_registered");
	ask(p, 0, &hanako, "bind", "");
	assert_refused(start(0, &hanako), 404, "tap_not_registered");
	registered(&hanako);
	assert_refused(start(0, &taro), 404, "tap_not_registered");
	/* what one card began another does not end */
	registered(&taro);
	resolved(&hanako);
	x = start(0, &hanako);
	ask(p, 0, &hanako, "tap-unregister", "");
	assert_refused(finish(x, 0, &hanako, face.key, ",\"sector\":\"library\""), 404, "tap_not_registered");
	/* nothing is kept when the MyKey ID goes */
	assert_int_equal(ask(p, 0, &taro, "expire", "")->status, 200);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM tap"), 0);
	assert_refused(start(0, &taro), 404, "tap_not_registered");
}

static void certificates_refused(_unused_ void **state)
{
	static const struct {
		enum fuda_revocation known;
		bool stale;
		int status;
		const char *code;
	} lists[] = {
		{ FUDA_REVOCATION_REVOKED, false, 403, "certificate_revoked" },
		{ FUDA_REVOCATION_NOT_CHECKED, true, 503, "revocation_info_stale" },
		{ FUDA_REVOCATION_UNKNOWN, false, 403, "revocation_unknown" },
	};
	struct card other = card_with("01A2B3C4", F_VALIDITY, "30{17{'200101000000Z'}17{'210101000000Z'}}");
	const struct exchange *x;

	registered(&hanako);
	ask(p, 0, &hanako, "resolve", ",\"sector\":\"library\"");
	assert_refused(start(0, &other), 403, "certificate_expired");
	card_free(&other);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		x = start(0, &hanako);
		assert_int_equal(x->status, 200);
		platform_revocation(lists[i].known, lists[i].stale);
		assert_refused(start(0, &hanako), lists[i].status, lists[i].code);
		assert_refused(finish(x, 0, &hanako, face.key, ",\"sector\":\"library\""), lists[i].status,
			       lists[i].code);
		platform_revocation(FUDA_REVOCATION_GOOD, false);
	}
}

static void signatures_refused(_unused_ void **state)
{
	const struct exchange *first, *x;
	struct fuda_digest digest;
	struct post post;

	registered(&hanako);
	ask(p, 0, &hanako, "resolve", ",\"sector\":\"library\"");
	/* another card's face; the holder's key, which takes a PIN; nothing; bytes; another digest */
	for (int i = 0; i < 5; i++) {
		const enum test_key keys[] = { KEY_OTHER_CARD, hanako.key, KEY_CARD, KEY_CARD, KEY_CARD };

		if (i == 3)
			registered(&hanako); /* which forgets the starts */
		first = start(0, &hanako);
		assert_int_equal(first->status, 200);
		post = second(first, 0, &hanako, keys[i], ",\"sector\":\"library\"");
		if (i == 2)
			fuda_buf_clear(&post.signature);
		if (i == 3)
			post.signature.data[7] ^= 1;
		if (i == 4) { /* the transcript itself, and not its hash */
			digest_of(post.token, "tap", post.terminal, &digest);
			test_sign(KEY_CARD, FUDA_PKCS1, &digest, &post.signature);
		}
		assert_refused(post_send(&post), 403, "signature_mismatch");
		post_free(&post);
	}
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'tap-failed'"), 4);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'tap'"), 0);
	x = finish(start(0, &hanako), 0, &hanako, face.key, ",\"sector\":\"library\"");
	assert_int_equal(x->status, 200);
}

static void once(_unused_ void **state)
{
	const struct exchange *x;
	struct post post;

	registered(&hanako);
	ask(p, 0, &hanako, "resolve", ",\"sector\":\"library\"");
	post = second(start(0, &hanako), 0, &hanako, face.key, ",\"sector\":\"library\"");
	assert_int_equal(post_send(&post)->status, 200);
	/* the same again is answered as it was, and done once */
	x = post_send(&post);
	assert_int_equal(x->status, 200);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'tap'"), 1);
	snprintf(post.key, sizeof(post.key), "another");
	assert_refused(post_send(&post), 403, "challenge_used");
	/* nor is it good for anything else, nor anything else for it */
	post_sign_for(&post, "resolve", post.terminal->id, now_us() / SECONDS_US);
	assert_refused(post_send(&post), 403, "challenge_foreign");
	post_sign_for(&post, "tap", post.terminal->id, now_us() / SECONDS_US - 300);
	assert_refused(post_send(&post), 403, "challenge_expired");
	post_free(&post);
}

/* What a start gives is kept nowhere: the same again is judged again, and told of again. */
static void starts_are_not_kept(_unused_ void **state)
{
	_cleanup_buf_ struct fuda_buf body = TEST_BUF;
	struct post post;

	registered(&hanako);
	resolved(&hanako);
	post = post_make(p, 0, &hanako, "tap-start", "");
	put_start(&body, &hanako, ",\"sector\":\"library\"");
	for (int i = 0; i < 2; i++)
		assert_int_equal(post_raw(&post, body.data, body.len)->status, 200);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'tap-start'"), 2);
	assert_int_equal(COUNT(p, "SELECT starts FROM tap"), 2);
	/* bind, registration and resolving */
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM idem"), 3);
	ask(p, 0, &hanako, "tap-unregister", "");
	assert_refused(post_raw(&post, body.data, body.len), 404, "tap_not_registered");
	registered(&hanako);
	assert_int_equal(post_raw(&post, body.data, body.len)->status, 200);
	ask(p, 0, &hanako, "expire", "");
	assert_refused(post_raw(&post, body.data, body.len), 404, "tap_not_registered");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'tap-start'"), 3);
	*post.key = 0;
	assert_refused(post_raw(&post, body.data, body.len), 400, "idempotency_key_missing");
	post_free(&post);
}

/* With the certificate the registration goes, and what was kept of it. */
static void not_after_a_renewal(_unused_ void **state)
{
	struct card renewed = card_make("01A2B3D0");

	registered(&hanako);
	resolved(&hanako);
	give_renewals(p, "01A2B3D0,01A2B3C4\n");
	assert_int_equal(ask(p, 0, &renewed, "show", "")->status, 200);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM tap"), 0);
	assert_refused(ask(p, 0, &renewed, "tap-unregister", ""), 404, "tap_not_registered");
	registered(&renewed);
	assert_int_equal(tap(&renewed)->status, 200);
	/* whichever of the holder's certificates it was for */
	change(p, &(const struct statement){ "UPDATE tap SET bidx = subject || subject", 0 }, NULL);
	assert_string_equal(member(ask(p, 0, &renewed, "tap-unregister", ""), "registered"), "false");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM tap"), 0);
	card_free(&renewed);
}

/* A holder has two cards where two records were found to be one person's (join.h). */
static void another_card_stays(_unused_ void **state)
{
	static const struct statement joined[] = {
		{ "UPDATE credential SET subject = (SELECT subject FROM tap ORDER BY created LIMIT 1)", 0 },
		{ "UPDATE tap SET subject = (SELECT subject FROM tap ORDER BY created LIMIT 1)", 0 },
	};
	struct card renewed = card_make("01A2B3D0");

	registered(&hanako);
	registered(&taro);
	resolved(&hanako);
	for (size_t i = 0; i < ARRAY_SIZE(joined); i++)
		change(p, &joined[i], NULL);
	assert_int_equal(tap(&taro)->status, 200);
	give_renewals(p, "01A2B3D0,01A2B3C4\n");
	assert_int_equal(ask(p, 0, &renewed, "show", "")->status, 200);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM tap"), 1);
	assert_int_equal(tap(&taro)->status, 200);
	assert_refused(start(0, &renewed), 404, "tap_not_registered");
	assert_refused(start(0, &hanako), 403, "certificate_superseded");
	/* and the end that either card asks for is that of both */
	registered(&renewed);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM tap"), 2);
	assert_int_equal(ask(p, 0, &renewed, "tap-unregister", "")->status, 200);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM tap"), 0);
	card_free(&renewed);
}

static void limited(_unused_ void **state)
{
	static const struct statement earlier = { "UPDATE tap SET since = since - 3600000000", 0 };
	static const struct statement future = { "UPDATE tap SET since = since + 86400000000", 0 };
	const struct exchange *x;

	registered(&hanako);
	registered(&taro);
	resolved(&hanako);
	resolved(&taro);
	p->terminal[1].tap = true;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(start(i % 2, &hanako)->status, 200);
	x = start(0, &hanako);
	assert_refused(x, 429, "tap_limit");
	assert_true(x->retry_after > 0);
	assert_refused(start(1, &hanako), 429, "tap_limit"); /* wherever */
	assert_int_equal(start(0, &taro)->status, 200);	     /* others go on */
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'tap-start'"), 4);
	change(p, &future, NULL);
	assert_int_equal(start(1, &hanako)->status, 200); /* by a clock that was wrong */
	change(p, &earlier, NULL);
	/* an hour later; and a success forgets what was before it */
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(tap(&hanako)->status, 200);
}

static void another_card_of_hers(_unused_ void **state)
{
	struct brought b = good();

	registered(&hanako);
	ask(p, 0, &hanako, "resolve", ",\"sector\":\"library\"");
	/* registered again, by a card with another face: what was before is gone */
	b.face = card_hanako();
	b.prover = b.face.key;
	assert_int_equal(register_with(0, &hanako, &b)->status, 200);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM tap"), 1);
	assert_refused(tap(&hanako), 403, "signature_mismatch");
	assert_int_equal(finish(start(0, &hanako), 0, &hanako, b.face.key, ",\"sector\":\"library\"")->status, 200);
}

/* What is sealed belongs to its card: moved to another's row it opens no more. */
static void rows_changed(_unused_ void **state)
{
	static const struct statement moved = {
		"UPDATE tap SET sealed = (SELECT sealed FROM tap ORDER BY created LIMIT 1)", 0
	};

	registered(&hanako);
	registered(&taro);
	resolved(&hanako);
	resolved(&taro);
	change(p, &moved, NULL);
	assert_int_equal(start(0, &hanako)->status, 200);
	assert_refused(start(0, &taro), 500, "internal_error");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'tap-start'"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(taps),
		T(no_consent_to_a_new_sector),
		T(only_where_it_is_on),
		T(no_challenge_besides),
		T(registrations_refused),
		T(authorities),
		T(nobody_registered),
		T(certificates_refused),
		T(signatures_refused),
		T(once),
		T(starts_are_not_kept),
		T(not_after_a_renewal),
		T(another_card_stays),
		T(limited),
		T(another_card_of_hers),
		T(rows_changed),
	};

	return RUN(tests);
}
