/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused, with which code, and that nothing happened then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "tests/rules-stand.h"

/* No request has left a trace. */
static void assert_untouched(void)
{
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM credential"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM used_nonce"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM idem"), 0);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE actor_kind = 'terminal'"), 0);
}

/* ---- the challenge ---- */

static void replayed(_unused_ void **state)
{
	static const char *const purposes[] = { "bind", "show", "expire", "change" };

	for (size_t i = 0; i < ARRAY_SIZE(purposes); i++) {
		struct post post = post_make(p, 0, &hanako, purposes[i], "");
		int64_t before;

		assert_true(post_send(&post)->status < 300 || i == 3);
		before = COUNT(p, "SELECT COUNT(*) FROM audit");
		snprintf(post.key, sizeof(post.key), "another-%zu", i);
		assert_refused(post_send(&post), 403, "challenge_used");
		assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit"), before);
		post_free(&post);
	}
}

/* Also when what it was for was refused. */
static void refusal_spends_it(_unused_ void **state)
{
	struct post post = post_make(p, 0, &hanako, "expire", "");

	assert_refused(post_send(&post), 404, "not_bound");
	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 201);
	snprintf(post.key, sizeof(post.key), "another");
	assert_refused(post_send(&post), 403, "challenge_used");
	assert_int_equal(ask(p, 0, &hanako, "show", "")->status, 200);
	post_free(&post);
}

static void expired(_unused_ void **state)
{
	struct post post = post_make(p, 0, &hanako, "bind", "");
	int64_t now = now_us() / SECONDS_US;

	post_sign_for(&post, "bind", post.terminal->id, now - CHALLENGE_LIFE - 1);
	assert_refused(post_send(&post), 403, "challenge_expired");
	assert_untouched();
	post_sign_for(&post, "bind", post.terminal->id, now - CHALLENGE_LIFE + 30);
	assert_int_equal(post_send(&post)->status, 201);
	post_free(&post);
}

static void foreign(_unused_ void **state)
{
	struct post post = post_make(p, 0, &hanako, "bind", "");
	int64_t now = now_us() / SECONDS_US;

	for (const struct rule *rule = rules + 1; rule->purpose; rule++) {
		post_sign_for(&post, rule->purpose, post.terminal->id, now);
		assert_refused(post_send(&post), 403, "challenge_foreign");
	}
	post_sign_for(&post, "bind", p->terminal[1].id, now);
	assert_refused(post_send(&post), 403, "challenge_foreign");
	assert_untouched();
	post_free(&post);
}

static void no_challenge(_unused_ void **state)
{
	static const char *const bad[] = {
		"", "A", "AAAA", "====", "..", "' OR 1=1 --", "\\r\\nX-Y: z", "\\u3042",
	};
	struct post post = post_make(p, 0, &hanako, "bind", "");
	size_t len = strlen(post.token);
	char token[CHALLENGE_TOKEN];

	memcpy(token, post.token, sizeof(token));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(post.token, sizeof(post.token), "%s", bad[i]);
		assert_refused(post_send(&post), 400, "challenge_malformed");
	}
	/* whatever character of it is another one */
	for (size_t i = 0; i < len; i++) {
		const struct exchange *x;

		memcpy(post.token, token, sizeof(token));
		post.token[i] = post.token[i] == 'A' ? 'B' : 'A';
		x = post_send(&post);
		assert_true(x->status == 400 || x->status == 403);
		assert_memory_equal(x->code, "challenge_", 10);
	}
	assert_untouched();
	memcpy(post.token, token, sizeof(token));
	assert_int_equal(post_send(&post)->status, 201);
	post_free(&post);
}

/* ---- the card ---- */

static void wrong_certificates(_unused_ void **state)
{
	static const struct {
		enum cert_field field;
		const char *notation, *code;
	} all[] = {
		{ F_VALIDITY, "30{17{'150101000000Z'}17{'200101000000Z'}}", "certificate_expired" },
		{ F_SIGNATURE, "03{00 00}", "invalid_certificate" },
		{ F_POLICY, "", "unsupported_certificate" },
		{ F_KU, "", "invalid_certificate" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct card card = card_with("01A2B3C4", all[i].field, all[i].notation);
		const struct exchange *x = ask(p, 0, &card, "bind", "");

		if (strcmp(x->code, all[i].code) != 0)
			fail_msg("%zu: %s", i, x->code);
		assert_int_equal(x->status, 403);
		card_free(&card);
	}
	assert_untouched();
}

static void other_kinds_and_issuers(_unused_ void **state)
{
	const struct exchange *x;
	struct cert_plan plan = card_plan("01A2B3C4");
	struct card card;

	plan.signer = KEY_OTHER_CA;
	card = card_of(plan);
	x = ask(p, 0, &card, "bind", "");
	assert_refused(x, 403, "invalid_certificate");
	assert_string_equal(x->request.rule, "issuer_unknown"); /* for the log */
	card_free(&card);
	plan = plan_sign();
	plan.field[F_VALIDITY] = card_plan("01").field[F_VALIDITY];
	card = card_of(plan);
	assert_int_equal(ask(p, 0, &card, "bind", "")->status, 403);
	card_free(&card);
	plan = card_plan("01A2B3C4");
	plan.key = KEY_EC;
	card = card_of(plan);
	x = ask(p, 0, &card, "bind", "");
	assert_refused(x, 403, "unsupported_certificate");
	assert_string_equal(x->request.rule, "profile_key");
	card_free(&card);
	assert_untouched();
}

static void wrong_signatures(_unused_ void **state)
{
	struct post post = post_make(p, 0, &hanako, "bind", ""), other;
	struct card not_his = hanako;

	post.signature.data[100] ^= 1;
	assert_refused(post_send(&post), 403, "signature_mismatch");
	/* another challenge's */
	other = post_make(p, 0, &hanako, "bind", "");
	fuda_buf_set(&post.signature, other.signature.data, other.signature.len);
	assert_refused(post_send(&post), 403, "signature_mismatch");
	post_free(&other);
	/* another key's */
	not_his.key = KEY_CARD;
	other = post_make(p, 0, &not_his, "bind", "");
	assert_refused(post_send(&other), 403, "signature_mismatch");
	post_free(&other);
	fuda_buf_clear(&post.signature);
	assert_refused(post_send(&post), 403, "signature_mismatch");
	post_free(&post);
	assert_untouched();
	assert_true(results_told("signature_mismatch") >= 3);
}

/* One at a time of each terminal waits for the responder. */
static void question_under_way(_unused_ void **state)
{
	uint64_t owner;
	const struct exchange *x;

	assert_int_equal(responder_new(p->ctx, "http://localhost/", p->service.trust, &platform_responder), 0);
	memcpy(&owner, p->terminal[0].id + ID_BYTES - sizeof(owner), sizeof(owner));
	assert_true(responder_enter(platform_responder, owner));
	x = ask(p, 0, &hanako, "bind", "");
	assert_refused(x, 429, "queue_full");
	assert_int_equal(x->retry_after, 1);
	assert_untouched();
	assert_int_equal(ask(p, 1, &hanako, "bind", "")->status, 201);
	responder_leave(platform_responder, owner);
	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 200);
	responder_free(&platform_responder);
}

static void revocation(_unused_ void **state)
{
	const struct exchange *x;

	platform_revocation(FUDA_REVOCATION_REVOKED, false);
	assert_refused(ask(p, 0, &hanako, "bind", ""), 403, "certificate_revoked");
	/* what is not known is refused, and may be asked again */
	platform_revocation(FUDA_REVOCATION_NOT_CHECKED, true);
	x = ask(p, 0, &hanako, "bind", "");
	assert_refused(x, 503, "revocation_info_stale");
	assert_true(x->retry_after > 0);
	assert_untouched();
	/* who the responder does not know, is refused for good */
	platform_revocation(FUDA_REVOCATION_UNKNOWN, false);
	x = ask(p, 0, &hanako, "bind", "");
	assert_refused(x, 403, "revocation_unknown");
	assert_int_equal(x->retry_after, 0);
	assert_untouched();
	platform_revocation(FUDA_REVOCATION_NOT_CHECKED, true);
	/* unless the operator said so; who is known to be revoked is refused all the same */
	p->service.config.crl_required = false;
	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 201);
	platform_revocation(FUDA_REVOCATION_REVOKED, false);
	assert_refused(ask(p, 0, &taro, "bind", ""), 403, "certificate_revoked");
	p->service.revocation = NULL;
	assert_int_equal(ask(p, 0, &taro, "bind", "")->status, 201);
}

/* ---- the form ---- */

static void headers(_unused_ void **state)
{
	static const char *const types[] = { "", "text/plain", "application/jsonp", "application/json2",
					     "application/x-www-form-urlencoded" };
	static const char *const keys[] = {
		"a b", "a'b", "a;b", "\"a\"", "a/b", "a.b", "a:b", "a%0d%0ab",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	for (const struct rule *rule = rules; rule->purpose; rule++) {
		struct post post = post_make(p, 0, &hanako, rule->purpose, "");

		*post.key = 0;
		assert_refused(post_send(&post), 400, "idempotency_key_missing");
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			snprintf(post.key, sizeof(post.key), "%s", keys[i]);
			assert_refused(post_send(&post), 400, "idempotency_key_malformed");
		}
		for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
			post.content_type = types[i];
			assert_refused(post_send(&post), 415, "unsupported_media_type");
		}
		post_free(&post);
	}
	assert_untouched();
}

static void bodies(_unused_ void **state)
{
	static const struct {
		const char *body, *detail;
	} all[] = {
		{ "", "" },
		{ "{", "" },
		{ "null", "" },
		{ "[]", "" },
		{ "{}", "missing_member" },
		{ "{\"challenge\":1}", "challenge: wrong_kind" },
		{ "{\"challenge\":\"a\",\"challenge\":\"a\"}", "challenge: duplicate_member" },
		{ "{\"challenge\":\"a\",\"certificate\":\"!\"}", "certificate: " },
		{ "{\"challenge\":\"a\",\"certificate\":{}}", "certificate: " },
		{ "{\"challenge\":\"a\",\"certificate\":\"\",\"signature\":\"\",\"x\":1}", "unknown_member" },
		{ "{\"wished\":\"ABCD2345\"}", "unknown_member" },
		{ "{\"local_number\":\"1\"}", "unknown_member" },
		{ "{\"x'; DROP TABLE mykey\":1}", "unknown_member" },
		{ "{\"challenge\":\"\xFF\"}", "not_utf8" },
		{ "{\"challenge\":\"a\"} {}", "syntax" },
		{ "{\"challenge\":\"\\u0000\"}", "challenge" },
		{ "{\"challenge\":\"\\uD800\"}", "" },
		{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "" },
		{ "{\"challenge\":[[[[[[[[[[[[[[[[[[[[[[[", "" },
	};
	struct post post = post_make(p, 0, &hanako, "bind", "");

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		const struct exchange *x = post_raw(&post, all[i].body, strlen(all[i].body));

		assert_refused(x, 400, "request_malformed");
		if (!strstr(x->detail, all[i].detail))
			fail_msg("%s: %s", all[i].body, x->detail);
		assert_null(strstr(x->body, "DROP")); /* in our words only */
	}
	post_free(&post);
	assert_untouched();
}

static void too_much(_unused_ void **state)
{
	static char text[HTTP_BODY_MAX];
	struct post post = post_make(p, 0, &hanako, "bind", "");
	int n = snprintf(text, sizeof(text), "{\"challenge\":\"%s\",\"signature\":\"AAAA\",\"certificate\":\"",
			 post.token);

	memset(text + n, 'A', sizeof(text) - (size_t)n);
	memcpy(text + sizeof(text) - 2, "\"}", 2);
	assert_refused(post_raw(&post, text, sizeof(text)), 400, "request_malformed");
	n = snprintf(text, sizeof(text), "{\"challenge\":\"");
	memset(text + n, 'A', sizeof(text) - (size_t)n);
	memcpy(text + sizeof(text) - 2, "\"}", 2);
	assert_refused(post_raw(&post, text, sizeof(text)), 400, "request_malformed");
	memset(text, '[', sizeof(text));
	assert_refused(post_raw(&post, text, sizeof(text)), 400, "request_malformed");
	post_free(&post);
	assert_untouched();
}

static void wishes(_unused_ void **state)
{
	static const char *const bad[] = { "",		"ABCD234",   "ABCD23456", "ABCD 234",  "ABCD-234",
					   "ABCD234'",	"\\u3042BC", "ABCD234\\n", "ABCD234%", "1 OR 1=1",
					   "ＡBCD234" };
	char members[64];

	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 201);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(members, sizeof(members), ",\"wished\":\"%s\"", bad[i]);
		assert_refused(ask(p, 0, &hanako, "change", members), 400, "wish_malformed");
	}
	assert_refused(ask(p, 0, &hanako, "change", ",\"wished\":null"), 400, "request_malformed");
	assert_refused(ask(p, 0, &hanako, "change", ",\"wished\":12345678"), 400, "request_malformed");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM wish"), 0);
}

static void local_numbers(_unused_ void **state)
{
	static const char *const bad[] = { "",		"\\n",	   "a\\r\\nX: y", "a\\tb", "\\u007F",
					   "\\u0085",	"\\u2028", "\\u202Ea",	 "a\\u001b[2J" };
	char members[512] = ",\"local_number\":\"";
	size_t n = strlen(members);

	assert_int_equal(ask(p, 1, &hanako, "bind", "")->status, 201);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(members + n, sizeof(members) - n, "%s\"", bad[i]);
		assert_refused(ask(p, 1, &hanako, "link", members), 400, "local_number_malformed");
	}
	assert_refused(ask(p, 1, &hanako, "link", ""), 400, "request_malformed");
	/* 65 characters; of 64, each may have four bytes */
	for (int i = 0; i < 65; i++)
		snprintf(members + n + i, sizeof(members) - n - (size_t)i, "7\"");
	assert_refused(ask(p, 1, &hanako, "link", members), 400, "local_number_malformed");
	for (size_t i = 0; i < 64; i++)
		snprintf(members + n + i * 4, sizeof(members) - n - i * 4, "𠮷\"");
	assert_int_equal(ask(p, 1, &hanako, "link", members)->status, 200);
	assert_int_equal(strlen(member(ask(p, 1, &hanako, "resolve", ""), "local_number")), 256);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link"), 1);
}

/* ---- injection ---- */

static const char *const hostile[] = {
	"'; DROP TABLE mykey; --",
	"' OR '1'='1",
	"1); DELETE FROM audit; --",
	"$1", "?1", "%s%n%x", "../../etc/passwd", "<script>", "${jndi:x}", "`id`", "NULL",
	"\\u0027 OR 1=1", "\\\\'; --",
};

/* Comes back as data where a field is free, and is refused elsewhere; the tables are there. */
static void hostile_strings(_unused_ void **state)
{
	assert_int_equal(ask(p, 1, &hanako, "bind", "")->status, 201);
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		char members[128];
		struct post post;

		snprintf(members, sizeof(members), ",\"local_number\":\"%s\"", hostile[i]);
		assert_int_equal(ask(p, 1, &hanako, "link", members)->status, 200);
		assert_int_equal(ask(p, 1, &hanako, "unlink", "")->status, 200);
		snprintf(members, sizeof(members), ",\"sector\":\"%s\"", hostile[i]);
		assert_refused(ask(p, 1, &hanako, "resolve", members), 403, "sector_not_allowed");
		snprintf(members, sizeof(members), ",\"wished\":\"%s\"", hostile[i]);
		assert_refused(ask(p, 1, &hanako, "change", members), 400, "wish_malformed");
		snprintf(members, sizeof(members), ",\"%s\":\"1\"", hostile[i]);
		assert_refused(ask(p, 1, &hanako, "bind", members), 400, "request_malformed");
		post = post_make(p, 1, &hanako, "bind", "");
		snprintf(post.token, sizeof(post.token), "%s", hostile[i]);
		assert_refused(post_send(&post), 400, "challenge_malformed");
		post_sign_again(&post);
		if (i != 10) { /* NULL is a key like any other */
			snprintf(post.key, sizeof(post.key), "%s", hostile[i]);
			assert_refused(post_send(&post), 400, "idempotency_key_malformed");
		}
		post_free(&post);
	}
	assert_int_equal(ask(p, 1, &hanako, "bind", "")->status, 200);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 1);
}

/* ---- asking for challenges ---- */

static void challenges(_unused_ void **state)
{
	static const char *const bad[] = { "",		    "purpose=",	      "purpose=tax",  "purpose=bind2",
					   "purpose=BIND",  "purpose=bind&x", "x&purpose=bind", "purpose=bind%00",
					   "Purpose=bind",  "purpose=' OR 1", "purpose=bind&sector=library",
					   "purpose=resolve&", "purpose=resolve&x=library",
					   "sector=library&purpose=resolve" };
	static const struct {
		const char *query, *code;
		int status;
	} sectors[] = {
		{ "purpose=resolve", "sector_missing", 400 },
		{ "purpose=link&sector=", "sector_not_allowed", 403 },
		{ "purpose=link&sector=taxes", "sector_not_allowed", 403 },
		{ "purpose=unlink&sector=librar%79", "sector_not_allowed", 403 },
		{ "purpose=unlink&sector=library&sector=bus", "sector_not_allowed", 403 },
	};
	struct exchange x = { .request = { .method = "GET", .query = "" } };
	struct challenge challenge;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		x.request.query = bad[i];
		rule_challenge(&p->service, &p->terminal[0], &x);
		assert_refused(&x, 400, "purpose_unknown");
	}
	for (size_t i = 0; i < ARRAY_SIZE(sectors); i++) {
		x.request.query = sectors[i].query;
		rule_challenge(&p->service, &p->terminal[0], &x);
		assert_refused(&x, sectors[i].status, sectors[i].code);
	}
	x.request.query = "purpose=resolve"; /* its only one */
	rule_challenge(&p->service, &p->terminal[1], &x);
	assert_int_equal(x.status, 200);
	p->terminal[0].tap = true;
	p->service.config.mdoc_trust_count = 1;
	for (const struct rule *rule = rules; rule->purpose; rule++) {
		uint8_t id[ID_BYTES];

		/* a tap has its challenge otherwise: test-tap.c */
		if (strcmp(rule->path, "/v1/tap") == 0 || strcmp(rule->path, "/v1/tap:start") == 0)
			continue;
		snprintf(x.query, sizeof(x.query), "purpose=%s%s", rule->purpose,
			 strcmp(rule->purpose, "resolve") == 0 || strstr(rule->purpose, "link") ?
				 "&sector=bus" : "");
		x.request.query = x.query;
		rule_challenge(&p->service, &p->terminal[0], &x);
		assert_int_equal(x.status, 200);
		assert_string_equal(member(&x, "purpose"), rule->purpose);
		assert_string_equal(member(&x, "origin"), p->service.config.origin);
		assert_int_equal(id_parse(member(&x, "terminal"), id), 0);
		assert_memory_equal(id, p->terminal[0].id, ID_BYTES);
		assert_int_equal(challenge_read(p->service.keys, member(&x, "challenge"), rule->purpose,
						p->service.config.origin, p->terminal[0].id,
						now_us() / SECONDS_US, &challenge),
				 0);
		assert_int_equal(atoll(member(&x, "expires")), challenge.expires);
	}
	assert_untouched();
}

/* ---- the service ---- */

enum { QUEUE = 256, SHARE = QUEUE / 8 };

/* Posts the same again and again, each time as another request, until there is no more room. */
static size_t flood(struct post *post, struct exchange *waiting, size_t from)
{
	size_t i = from;

	for (;; i++) {
		assert_true(i <= QUEUE);
		snprintf(post->key, sizeof(post->key), "k%zu", i);
		post_begin(post, &waiting[i]);
		if (atomic_load(&waiting[i].answered))
			break;
	}
	assert_refused(&waiting[i], 429, "queue_full");
	assert_true(waiting[i].retry_after >= 1);
	exchange_free(&waiting[i]);
	return i - from;
}

/* More than may wait is told to wait, before it is anybody's: first the terminal that floods, while others
 * are served. */
static void queue_is_full(_unused_ void **state)
{
	static struct exchange waiting[QUEUE + 1];
	struct terminal terminals[5];
	struct post posts[ARRAY_SIZE(terminals)];
	size_t posted;

	for (size_t i = 0; i < ARRAY_SIZE(terminals); i++) {
		terminals[i] = p->terminal[0];
		terminals[i].id[ID_BYTES - 1] = (uint8_t)i; /* which never fall together */
		posts[i] = post_make(p, 0, &hanako, "bind", "");
		posts[i].terminal = &terminals[i];
		post_sign_again(&posts[i]);
	}
	platform_hold(p);
	posted = flood(&posts[0], waiting, 0);
	assert_int_equal(posted, QUEUE / 2);
	for (size_t i = 1; i < ARRAY_SIZE(posts); i++) {
		assert_int_equal(flood(&posts[i], waiting, posted), SHARE);
		posted += SHARE;
	}
	assert_int_equal(posted, QUEUE);
	assert_int_equal(flood(&posts[0], waiting, posted), 0);
	platform_release(p);
	for (size_t i = 0; i < posted; i++) {
		/* one challenge for all of a terminal's */
		bool first = i == 0 || (i >= QUEUE / 2 && i % SHARE == 0);

		exchange_wait(&waiting[i]);
		assert_int_equal(waiting[i].status, i == 0 ? 201 : first ? 200 : 403);
		exchange_free(&waiting[i]);
	}
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 1);
	/* what waits no more does not posted */
	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 200);
	for (size_t i = 0; i < ARRAY_SIZE(posts); i++)
		post_free(&posts[i]);
}

/* Another process took the terminal's right away after it was asked whose request this is: in the same
 * transaction nothing is done, nor told again; and nothing is spent by it. */
static void terminal_no_more(_unused_ void **state)
{
	static const struct {
		struct statement take, give;
		const char *code;
	} rows[] = {
		{ { "UPDATE terminal SET state = 'suspended'", 0 },
		  { "UPDATE terminal SET state = 'active'", 0 },
		  "terminal_suspended" },
		{ { "UPDATE terminal SET state = 'revoked'", 0 },
		  { "UPDATE terminal SET state = 'active'", 0 },
		  "terminal_revoked" },
		{ { "UPDATE terminal SET state = 'on_hold'", 0 },
		  { "UPDATE terminal SET state = 'active'", 0 },
		  "terminal_not_approved" },
		{ { "UPDATE certificate SET state = 'revoked'", 0 },
		  { "UPDATE certificate SET state = 'valid'", 0 },
		  "terminal_revoked" },
		{ { "UPDATE certificate SET serial = key_hash || serial", 0 },
		  { "UPDATE certificate SET serial = key_hash", 0 },
		  "terminal_unknown" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct post post = post_make(p, 0, &hanako, "bind", "");
		int64_t before = COUNT(p, "SELECT COUNT(*) FROM idem");

		change(p, &rows[i].take, NULL);
		assert_refused(post_send(&post), 401, rows[i].code);
		assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), i > 0);
		assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM idem"), before);
		assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM audit WHERE action = 'refused'"), 2 * i + 1);
		change(p, &rows[i].give, NULL);
		assert_int_equal(post_send(&post)->status, i ? 200 : 201);
		/* what was answered once is not told again either */
		change(p, &rows[i].take, NULL);
		assert_refused(post_send(&post), 401, rows[i].code);
		change(p, &rows[i].give, NULL);
		assert_int_equal(post_send(&post)->status, i ? 200 : 201);
		post_free(&post);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, stand_setup, stand_teardown)
	const struct CMUnitTest tests[] = {
		T(replayed),
		T(refusal_spends_it),
		T(expired),
		T(foreign),
		T(no_challenge),
		T(wrong_certificates),
		T(other_kinds_and_issuers),
		T(wrong_signatures),
		T(question_under_way),
		T(revocation),
		T(headers),
		T(bodies),
		T(too_much),
		T(wishes),
		T(local_numbers),
		T(hostile_strings),
		T(challenges),
		T(queue_is_full),
		T(terminal_no_more),
	};

	return RUN(tests);
}
