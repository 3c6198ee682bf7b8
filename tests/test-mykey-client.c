/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminal asks for a holder: what it lets a card sign, what it sends, and what it makes of
 * whatever comes. */
#include "tests/mykey-api.h"

#include <pthread.h>

#include "codec/json.h"

/* ---- what a card signs ---- */

static void what_is_signed(void **state)
{
	/* made by hand of the contract: transcript.h */
	uint8_t bytes[256] = "mykey-v1", id[] = { 0x01, 0x92, 0xF0, 0xA1, 0x7B, 0x2C, 0x7D, 0x3E,
						  0x8F, 0x40, 0x5A, 0x6B, 0x7C, 0x8D, 0x9E, 0x0F };
	const char *origin = peer_origin(peer);
	struct fuda_digest digest, expected;
	size_t n = 9;
	time_t until;

	(void)state;
	REPLY(CHALLENGE);
	assert_int_equal(challenge(FUDA_MYKEY_RESOLVE, &digest), 0);
	bytes[n++] = 0;
	bytes[n++] = 7;
	memcpy(bytes + n, "resolve", 7);
	n += 7;
	bytes[n++] = 0;
	bytes[n++] = (uint8_t)strlen(origin);
	memcpy(bytes + n, origin, strlen(origin));
	n += strlen(origin);
	bytes[n++] = 0;
	bytes[n++] = 16;
	memcpy(bytes + n, id, 16);
	n += 16;
	bytes[n++] = 0;
	bytes[n++] = 16;
	for (uint8_t i = 0; i < 16; i++)
		bytes[n++] = i;
	bytes[n++] = 0;
	bytes[n++] = 8;
	/* the second in which the peer made it */
	for (until = time(NULL) + 120; until > time(NULL) + 110; until--) {
		for (int i = 0; i < 8; i++)
			bytes[n + (size_t)i] = (uint8_t)((uint64_t)until >> (56 - 8 * i));
		assert_int_equal(fuda_digest_bytes(FUDA_SHA256, bytes, n + 8, &expected), 0);
		if (memcmp(expected.bytes, digest.bytes, 32) == 0)
			break;
	}
	assert_memory_equal(expected.bytes, digest.bytes, 32);
	assert_int_equal(digest.hash, FUDA_SHA256);
	assert_string_equal(api.seen[0].target, "GET /v1/challenge?purpose=resolve");
	assert_true(api.seen[0].certified);
}

static void bad_challenges(void **state)
{
	static const __typeof__(api.replies[0]) cases[] = {
		{ .challenge = true, .origin = "https://127.0.0.1" },
		{ .challenge = true, .origin = "https://elsewhere.example" },
		{ .challenge = true, .origin = "" },
		{ .challenge = true, .terminal = OTHER },
		{ .challenge = true, .terminal = "" },
		{ .challenge = true, .expires = 400 },
		{ .challenge = true, .expires = -400 },
		{ .challenge = true, .nonce = "AAECAwQFBgcICQoLDA0O" },
		{ .challenge = true, .nonce = "AAECAwQFBgcICQoLDA0ODxA" },
		{ .challenge = true, .nonce = "" },
		{ .challenge = true, .more = ",\"terminal\":\"" UUID "\"" },
		{ .challenge = true, .more = ",\"origin\":null" },
		{ .challenge = true, .more = "," },
		{ .challenge = true, .type = "text/html" },
		{ .challenge = true, .fill = 70000 },
		{ .challenge = true, .cut = true },
		{ .body = "" },
		{ .body = "{}" },
		{ .body = "[]" },
		{ .body = "{\"challenge\":\"x\"}" },
		{ .drop = true },
		{ .challenge = true, .status = 302, .head = "Location: https://127.0.0.1/\r\n" },
		{ .challenge = true, .status = 201 },
		{ .challenge = true, .status = 204 },
		{ .status = 404, .type = PROBLEM_TYPE, .body = PROBLEM("purpose_unknown") },
		{ .status = 401, .type = PROBLEM_TYPE, .body = PROBLEM("terminal_suspended") },
		{ .status = 500, .type = "text/html", .body = "<h1>Oops</h1>" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_digest digest = { .len = 77 };
		int r;

		REPLY(cases[i]);
		r = challenge(FUDA_MYKEY_BIND, &digest);
		if (r >= 0 || digest.len != 77)
			fail_msg("case %zu: %d", i, r);
		if (!*fuda_context_message(ctx))
			fail_msg("case %zu: no message", i);
		/* and nothing can be asked with it */
		assert_int_equal(fuda_mykey_ask(mykey, &(struct fuda_mykey_wish){ .purpose = FUDA_MYKEY_BIND },
						&certificate, &signature, dl, &got),
				 FUDA_EINVAL);
	}
	/* clocks may differ a little, and more may be said */
	REPLY({ .challenge = true, .expires = -200 });
	assert_int_equal(challenge(FUDA_MYKEY_BIND, &(struct fuda_digest){ 0 }), 0);
	REPLY({ .challenge = true, .expires = 290, .more = ",\"hint\":{\"a\":[1,null]}" });
	assert_int_equal(challenge(FUDA_MYKEY_BIND, &(struct fuda_digest){ 0 }), 0);
}

#define SELF(id, sectors)                                                                                             \
	"{\"terminal\":\"" id "\",\"organisation\":\"city\",\"place\":\"counter\",\"sectors\":" sectors ",\"tap\":true}"

/* What people are told to do where it is not the service that refuses. */
static void what_to_do(void **state)
{
	static const struct {
		__typeof__(api.replies[0]) reply;
		const char *says;
	} cases[] = {
		{ { .challenge = true, .origin = "https://elsewhere.example" }, "tell the operator" },
		{ { .challenge = true, .terminal = OTHER }, "tell the operator" },
		{ { .challenge = true, .expires = 400 }, "Check this one, or else tell the operator" },
		{ { .challenge = true, .fill = 70000 }, "Check the address" },
		{ { .body = "<h1>It works!</h1>", .type = "text/html" }, "check the address" },
		{ { .drop = true }, "Try again" },
		{ { .status = 404, .type = "text/html" }, "Check the address" },
		{ { .status = 502, .type = "text/html" }, "(HTTP status 502). Try again, and tell the operator" },
		{ { .status = 504, .type = "text/html" }, "Try again, and tell the operator" },
		{ { .status = 400, .type = PROBLEM_TYPE, .body = PROBLEM("request_malformed") },
		  "(request_malformed). Tell the operator" },
		{ { .status = 400, .type = PROBLEM_TYPE, .body = "{\"code\":\"x\"}" }, "x. Tell the operator" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		REPLY(cases[i].reply);
		assert_true(challenge(FUDA_MYKEY_BIND, &(struct fuda_digest){ 0 }) < 0);
		assert_says(cases[i].says);
	}
}

/* Whether the terminal may act: nothing is waited for, and what an operator said is kept. */
static void checked(void **state)
{
	static const struct {
		__typeof__(api.replies[0]) reply;
		int code;
		enum fuda_terminal_state then;
	} cases[] = {
		{ { .status = 401, .type = PROBLEM_TYPE, .body = PROBLEM("terminal_suspended") },
		  FUDA_EREFUSED,
		  FUDA_TERMINAL_SUSPENDED },
		{ { .status = 401, .type = PROBLEM_TYPE, .body = PROBLEM("terminal_revoked") },
		  FUDA_EREFUSED,
		  FUDA_TERMINAL_REVOKED },
		{ { .status = 401, .type = PROBLEM_TYPE, .body = PROBLEM("terminal_certificate_expired") },
		  FUDA_EREFUSED,
		  FUDA_TERMINAL_EXPIRED },
		{ { .status = 401, .type = PROBLEM_TYPE, .body = PROBLEM("terminal_unknown") },
		  FUDA_EREFUSED,
		  FUDA_TERMINAL_ACTIVE },
		{ { .status = 503, .head = "Retry-After: 1\r\n" }, FUDA_EWAIT, FUDA_TERMINAL_ACTIVE },
		{ { .challenge = true, .origin = "https://elsewhere.example" }, FUDA_EVERIFY, FUDA_TERMINAL_ACTIVE },
		{ { .challenge = true, .terminal = OTHER }, FUDA_EVERIFY, FUDA_TERMINAL_ACTIVE },
		{ { .body = "{}" }, FUDA_EFORMAT, FUDA_TERMINAL_ACTIVE },
		{ { .drop = true }, FUDA_EUNREACHABLE, FUDA_TERMINAL_ACTIVE },
	};

	static const struct {
		__typeof__(api.replies[0]) reply;
		int code;
		enum fuda_terminal_state then;
	} selves[] = {
		{ { .body = SELF(UUID, "\"bus library\"") }, 0, FUDA_TERMINAL_ACTIVE },
		{ { .body = SELF(OTHER, "\"bus library\"") }, FUDA_EFORMAT, FUDA_TERMINAL_ACTIVE },
		{ { .body = SELF(UUID, "[\"bus\"]") }, FUDA_EFORMAT, FUDA_TERMINAL_ACTIVE },
		{ { .body = SELF(UUID, "\"b") }, FUDA_EFORMAT, FUDA_TERMINAL_ACTIVE },
		{ { .body = "{}" }, FUDA_EFORMAT, FUDA_TERMINAL_ACTIVE },
		{ { .status = 404, .type = PROBLEM_TYPE, .body = PROBLEM("not_found") },
		  FUDA_EREFUSED,
		  FUDA_TERMINAL_ACTIVE },
		{ { .status = 401, .type = PROBLEM_TYPE, .body = PROBLEM("terminal_suspended") },
		  FUDA_EREFUSED,
		  FUDA_TERMINAL_SUSPENDED },
		{ { .status = 503, .head = "Retry-After: 1\r\n" }, FUDA_EWAIT, FUDA_TERMINAL_ACTIVE },
		{ { .drop = true }, FUDA_EUNREACHABLE, FUDA_TERMINAL_ACTIVE },
	};
	struct fuda_terminal_facts facts;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		REPLY(cases[i].reply);
		if (fuda_terminal_check(terminal, dl) != cases[i].code)
			fail_msg("case %zu: %s", i, fuda_context_message(ctx));
		assert_int_equal(state_of(terminal), cases[i].then);
		assert_int_equal(api.asked, 1);
		assert_string_equal(api.seen[0].target, "GET /v1/challenge?purpose=show");
	}
	for (size_t i = 0; i < ARRAY_SIZE(selves); i++) {
		REPLY({ .challenge = true }, selves[i].reply);
		if (fuda_terminal_check(terminal, dl) != selves[i].code)
			fail_msg("self %zu: %s", i, fuda_context_message(ctx));
		assert_int_equal(state_of(terminal), selves[i].then);
		assert_int_equal(api.asked, 2);
		assert_string_equal(api.seen[1].target, "GET /v1/terminal");
		assert_int_equal(fuda_terminal_facts(terminal, &facts), 0);
		assert_string_equal(facts.place, selves[i].code ? "" : "counter");
		assert_string_equal(facts.organisation, selves[i].code ? "" : "city");
		assert_string_equal(facts.sectors, selves[i].code ? "" : "bus library");
		assert_int_equal(facts.tap, !selves[i].code);
	}
	assert_string_equal(fuda_terminal_state_name(FUDA_TERMINAL_SUSPENDED), "suspended");
	assert_string_equal(fuda_terminal_state_name(FUDA_TERMINAL_REVOKED), "revoked");
}

static void without_certificate(void **state)
{
	(void)state;
	fuda_mykey_free(&mykey);
	fuda_terminal_free(&terminal);
	assert_int_equal(unlink(scratch_path("t/certificate.pem")), 0);
	assert_int_equal(fuda_terminal_open(ctx, scratch_path("t"), &terminal), 0);
	assert_int_equal(fuda_mykey_new(terminal, &mykey), 0);
	REPLY(CHALLENGE);
	assert_int_equal(challenge(FUDA_MYKEY_BIND, &(struct fuda_digest){ 0 }), FUDA_EREFUSED);
	assert_says("no certificate yet");
	assert_int_equal(api.asked, 0);
}

/* ---- what is sent ---- */

static void requests(void **state)
{
	static const struct {
		struct fuda_mykey_wish wish;
		const char *target, *body;
		bool id;
		const char *query; /* of the challenge */
	} cases[] = {
		{ { .purpose = FUDA_MYKEY_BIND, .wished = "W", .sector = "S", .local_number = "N" },
		  "POST /v1/mykeys",
		  "",
		  true,
		  "?purpose=bind" },
		{ { .purpose = FUDA_MYKEY_SHOW }, "POST /v1/mykeys:show", "", true },
		{ { .purpose = FUDA_MYKEY_CHANGE }, "POST /v1/mykeys:change", "", true },
		{ { .purpose = FUDA_MYKEY_CHANGE, .wished = "KAWASEMI" },
		  "POST /v1/mykeys:change",
		  ",\"wished\":\"KAWASEMI\"",
		  true },
		{ { .purpose = FUDA_MYKEY_EXPIRE }, "POST /v1/mykeys:expire", "", true },
		{ { .purpose = FUDA_MYKEY_RESOLVE }, "POST /v1/resolve", "", false },
		{ { .purpose = FUDA_MYKEY_RESOLVE, .sector = "lib\"rary", .local_number = "N" },
		  "POST /v1/resolve",
		  ",\"sector\":\"lib\\\"rary\"",
		  false,
		  "?purpose=resolve&sector=lib%22rary" },
		{ { .purpose = FUDA_MYKEY_LINK, .sector = "library", .local_number = "12\"\xE7\x95\xAA" },
		  "POST /v1/links",
		  ",\"sector\":\"library\",\"local_number\":\"12\\\"\xE7\x95\xAA\"",
		  false },
		{ { .purpose = FUDA_MYKEY_UNLINK, .sector = "library" },
		  "POST /v1/links:unlink",
		  ",\"sector\":\"library\"",
		  false,
		  "?purpose=unlink&sector=library" },
	};
	char last[80] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *answer = cases[i].id ? GOOD_BIND :
						   "{\"sector\":\"library\",\"ppid\":\"p\",\"new\":false,"
						   "\"local_number\":\"1200345\"}";

		REPLY(CHALLENGE, { .body = answer });
		if (ask_wish(&cases[i].wish) != 0)
			fail_msg("case %zu: %s", i, fuda_context_message(ctx));
		assert_string_equal(api.seen[1].target, cases[i].target);
		if (cases[i].query)
			assert_string_equal(strchr(api.seen[0].target, '?'), cases[i].query);
		if (!strstr(api.seen[1].body, cases[i].body))
			fail_msg("case %zu: %s", i, api.seen[1].body);
		assert_non_null(strstr(api.seen[1].body, "\"challenge\":\"a-token_1\""));
		assert_non_null(strstr(api.seen[1].body, "\"certificate\":\"MAMCAf"));
		assert_null(strstr(api.seen[1].body, "\"N\""));
		assert_string_equal(api.seen[1].type, "application/json");
		assert_true(api.seen[1].certified);
		assert_int_equal(strlen(api.seen[1].key), 32);
		assert_string_not_equal(last, api.seen[1].key);
		snprintf(last, sizeof(last), "%s", api.seen[1].key);
		assert_string_equal(got.result, "ok");
		assert_string_equal(got.mykey_id, cases[i].id ? "KAWA2SEM" : "");
		assert_int_equal(got.fresh, cases[i].id);
		assert_string_equal(got.ppid, cases[i].id ? "" : "p");
		assert_string_equal(got.local_number, cases[i].id ? "" : "1200345");
		assert_int_equal(got.tries_left, -1);
	}
}

/* What cannot be is known before the service is asked, and before the card is. */
static void impossible_wishes(void **state)
{
	static const char too_long[] = "1234567890123456789012345678901234567890123456789012345678901234x";
	const struct fuda_mykey_wish wishes[] = {
		{ .purpose = FUDA_MYKEY_CHANGE, .wished = "" },
		{ .purpose = FUDA_MYKEY_CHANGE, .wished = "KAWASEM" },
		{ .purpose = FUDA_MYKEY_CHANGE, .wished = "KAWASEMII" },
		{ .purpose = FUDA_MYKEY_CHANGE, .wished = "KAWA-EMI" },
		{ .purpose = FUDA_MYKEY_CHANGE, .wished = "KAWASE\xC3\xA9" },
		{ .purpose = FUDA_MYKEY_LINK },
		{ .purpose = FUDA_MYKEY_LINK, .local_number = "" },
		{ .purpose = FUDA_MYKEY_LINK, .local_number = "\xFF" },
		{ .purpose = FUDA_MYKEY_LINK, .local_number = "12\n3" },
		{ .purpose = FUDA_MYKEY_LINK, .local_number = too_long },
		{ .purpose = FUDA_MYKEY_RESOLVE, .sector = "" },
		{ .purpose = FUDA_MYKEY_UNLINK, .sector = "\xE2\x80\xAE" },
	};
	struct fuda_digest digest;

	(void)state;
	REPLY(CHALLENGE, { .body = GOOD_BIND });
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++)
		if (fuda_mykey_challenge(mykey, &wishes[i], dl, &digest) != FUDA_EINVAL)
			fail_msg("case %zu", i);
	assert_int_equal(api.asked, 0);
}

static void a_challenge_is_for_one_purpose(void **state)
{
	struct fuda_digest digest;

	(void)state;
	REPLY(CHALLENGE, { .body = GOOD_BIND });
	assert_int_equal(challenge(FUDA_MYKEY_SHOW, &digest), 0);
	assert_int_equal(fuda_mykey_ask(mykey, &(struct fuda_mykey_wish){ .purpose = FUDA_MYKEY_EXPIRE }, &certificate,
					&signature, dl, &got),
			 FUDA_EINVAL);
	/* and for one request */
	REPLY(CHALLENGE, { .body = GOOD_BIND });
	assert_int_equal(ask(FUDA_MYKEY_BIND), 0);
	assert_int_equal(fuda_mykey_ask(mykey, &(struct fuda_mykey_wish){ .purpose = FUDA_MYKEY_BIND }, &certificate,
					&signature, dl, &got),
			 FUDA_EINVAL);
	assert_int_equal(api.asked, 2);
}

/* ---- once more ---- */

static void same_request(int first, int last)
{
	for (int i = first + 1; i <= last; i++) {
		assert_string_equal(api.seen[first].body, api.seen[i].body);
		assert_string_equal(api.seen[first].key, api.seen[i].key);
		assert_string_equal(api.seen[first].target, api.seen[i].target);
	}
}

static void lost_answers(void **state)
{
	(void)state;
	REPLY(CHALLENGE, { .drop = true }, { .body = GOOD_BIND, .cut = true },
	      { .status = 502, .type = "text/html", .body = "<h1>Bad Gateway</h1>" },
	      { .status = 409, .type = PROBLEM_TYPE, .body = PROBLEM("request_in_progress") }, { .body = GOOD_BIND });
	assert_int_equal(ask(FUDA_MYKEY_BIND), 0);
	assert_int_equal(api.asked, 6);
	same_request(1, 5);
	assert_string_equal(got.mykey_id, "KAWA2SEM");
}

static void time_is_over(void **state)
{
	static const struct {
		enum fuda_mykey_purpose purpose;
		int code;
	} cases[] = {
		{ FUDA_MYKEY_BIND, FUDA_EUNSURE },
		{ FUDA_MYKEY_LINK, FUDA_EUNSURE },
		{ FUDA_MYKEY_SHOW, FUDA_EUNREACHABLE }, /* nothing to be unsure of */
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		REPLY(CHALLENGE, { .drop = true });
		fuda_deadline_restart(dl, 60000);
		before_asking = little_time;
		assert_int_equal(ask(cases[i].purpose), cases[i].code);
		assert_in_range(now_ms() - begun_at, 500, 3000);
		assert_in_range(api.asked, 2, 8);
		same_request(1, api.asked - 1);
		assert_string_equal(got.result, "");
	}
	/* an answer that does not come */
	REPLY(CHALLENGE, { .body = GOOD_BIND, .delay_ms = 2500 });
	fuda_deadline_restart(dl, 60000);
	before_asking = little_time;
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EUNSURE);
	assert_true(now_ms() - begun_at < 2400);
	REPLY({ .challenge = true, .delay_ms = 1000 });
	fuda_deadline_restart(dl, 300);
	assert_int_equal(challenge(FUDA_MYKEY_BIND, &(struct fuda_digest){ 0 }), FUDA_ETIMEOUT);
}

static void nobody_there(void **state)
{
	struct fuda_digest digest;

	(void)state;
	REPLY(CHALLENGE);
	assert_int_equal(challenge(FUDA_MYKEY_BIND, &digest), 0);
	peer_stop(&peer);
	fuda_deadline_restart(dl, 800);
	/* it never was sent */
	assert_int_equal(fuda_mykey_ask(mykey, &(struct fuda_mykey_wish){ .purpose = FUDA_MYKEY_BIND }, &certificate,
					&signature, dl, &got),
			 FUDA_EUNREACHABLE);
	assert_says("cannot be reached");
	fuda_deadline_restart(dl, 800);
	assert_int_equal(challenge(FUDA_MYKEY_BIND, &digest), FUDA_EUNREACHABLE);
}

/* ---- waiting ---- */

static struct {
	int calls, seconds, most;
	bool cancel;
} waits;

static bool on_wait(void *arg, int seconds)
{
	assert_ptr_equal(arg, &waits);
	waits.seconds = seconds;
	if (waits.cancel)
		fuda_deadline_cancel(dl);
	return ++waits.calls <= waits.most;
}

static void told_to_wait(void **state)
{
	int64_t begun = now_ms();

	(void)state;
	memset(&waits, 0, sizeof(waits));
	waits.most = 9;
	fuda_mykey_on_wait(mykey, on_wait, &waits);
	REPLY({ .status = 503, .head = "Retry-After: 1\r\n" }, CHALLENGE,
	      { .status = 429, .head = "Retry-After: 1\r\n", .type = PROBLEM_TYPE, .body = PROBLEM("queue_full") },
	      { .body = GOOD_BIND });
	assert_int_equal(ask(FUDA_MYKEY_BIND), 0);
	assert_int_equal(waits.calls, 2);
	assert_int_equal(waits.seconds, 1);
	assert_in_range(now_ms() - begun, 1990, 6000);
	same_request(2, 3);
	/* the caller ends it */
	waits.most = 0;
	REPLY(CHALLENGE, { .status = 429, .head = "Retry-After: 77\r\n" });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EWAIT);
	assert_int_equal(waits.seconds, 77);
	assert_int_equal(got.retry_after, 77);
	REPLY({ .status = 503, .head = "Retry-After: 300\r\n" });
	assert_int_equal(challenge(FUDA_MYKEY_BIND, &(struct fuda_digest){ 0 }), FUDA_EWAIT);
	/* longer than there is time for; after an answer that was lost that is no answer either */
	waits.most = 99;
	REPLY(CHALLENGE, { .status = 429, .head = "Retry-After: 300\r\n" });
	begun = now_ms();
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EWAIT);
	assert_true(now_ms() - begun < 2000);
	REPLY(CHALLENGE, { .drop = true }, { .status = 429, .head = "Retry-After: 300\r\n" });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EUNSURE);
	/* whether the service says that it may have been done */
	fuda_deadline_restart(dl, 20000);
	REPLY(CHALLENGE, { .status = 503, .head = "Retry-After: 30\r\n" });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EUNSURE);
	REPLY(CHALLENGE, { .status = 503,
			   .type = PROBLEM_TYPE,
			   .head = "Retry-After: 30\r\n",
			   .body = PROBLEM("outcome_unknown") });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EUNSURE);
	assert_string_equal(got.result, "outcome_unknown");
	/* or that it was not */
	REPLY(CHALLENGE, { .status = 503,
			   .type = PROBLEM_TYPE,
			   .head = "Retry-After: 30\r\n",
			   .body = PROBLEM("database_unavailable") });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EWAIT);
	assert_string_equal(got.result, "database_unavailable");
	assert_says("nothing was done");
	REPLY(CHALLENGE, { .status = 503,
			   .type = PROBLEM_TYPE,
			   .head = "Retry-After: 30\r\n",
			   .body = PROBLEM("stopping") });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EWAIT);
	/* ^C meanwhile */
	waits.cancel = true;
	REPLY(CHALLENGE, { .status = 429, .head = "Retry-After: 1\r\n" });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_ECANCELLED);
	assert_says("asked to wait: nothing was done");
	fuda_deadline_free(&dl);
	assert_int_equal(fuda_deadline_new(20000, &dl), 0);
	REPLY({ .status = 429, .head = "Retry-After: 1\r\n" });
	assert_int_equal(challenge(FUDA_MYKEY_SHOW, &(struct fuda_digest){ 0 }), FUDA_ECANCELLED);
	assert_says("asked to wait: nothing was done");
	/* where something was sent before that is not said */
	fuda_deadline_free(&dl);
	assert_int_equal(fuda_deadline_new(20000, &dl), 0);
	REPLY(CHALLENGE, { .drop = true }, { .status = 429, .head = "Retry-After: 1\r\n" });
	assert_int_equal(ask(FUDA_MYKEY_SHOW), FUDA_ECANCELLED);
	assert_string_equal(fuda_context_message(ctx), "Cancelled while the service asked to wait.");
	fuda_deadline_free(&dl);
	assert_int_equal(fuda_deadline_new(20000, &dl), 0);
	REPLY(CHALLENGE, { .drop = true }, { .status = 429, .head = "Retry-After: 1\r\n" });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EUNSURE);
}

static void *cancel_soon(void *arg)
{
	(void)arg;
	pause_ms(800);
	fuda_deadline_cancel(dl);
	return NULL;
}

static pthread_t canceller;

static void start_canceller(void)
{
	assert_int_equal(pthread_create(&canceller, NULL, cancel_soon, NULL), 0);
	begun_at = now_ms();
}

static void cancelled(void **state)
{
	(void)state;
	REPLY(CHALLENGE, { .body = GOOD_BIND, .delay_ms = 2500 });
	before_asking = start_canceller;
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EUNSURE);
	assert_true(now_ms() - begun_at < 2400);
	pthread_join(canceller, NULL);
}

/* ---- refusals ---- */

static void refusals(void **state)
{
	static const struct {
		int status;
		const char *type, *body;
		const char *result, *message;
		int tries, code;
	} cases[] = {
		{ 403, PROBLEM_TYPE, PROBLEM("certificate_revoked"), "certificate_revoked", "T", -1, FUDA_EREFUSED },
		{ 403, PROBLEM_TYPE, PROBLEM("challenge_expired"), "challenge_expired", "T", -1, FUDA_EREFUSED },
		{ 401, PROBLEM_TYPE, PROBLEM("terminal_revoked"), "terminal_revoked", "T", -1, FUDA_EREFUSED },
		{ 409, PROBLEM_TYPE, "{\"code\":\"wish_taken\",\"detail\":\"Taken.\",\"tries_left\":2}", "wish_taken",
		  "Taken.", 2, FUDA_EREFUSED },
		{ 409, PROBLEM_TYPE, "{\"code\":\"wish_taken\",\"tries_left\":-1}", "wish_taken", "", -1,
		  FUDA_EREFUSED },
		{ 409, PROBLEM_TYPE, "{\"code\":\"x\",\"tries_left\":4000000000}", "x", "", -1, FUDA_EREFUSED },
		{ 500, PROBLEM_TYPE, PROBLEM("internal_error"), "internal_error", "T", -1, FUDA_EREFUSED },
		{ 400, "text/html", "<p>", "http_400", "", -1, FUDA_EREFUSED },
		{ 400, PROBLEM_TYPE, "{\"code\":\"A\"}", "http_400", "", -1, FUDA_EREFUSED },
		{ 400, PROBLEM_TYPE, "{\"code\":\"\"}", "http_400", "", -1, FUDA_EREFUSED },
		{ 400, PROBLEM_TYPE, "{\"code\":\"a\",\"code\":\"b\"}", "http_400", "", -1, FUDA_EREFUSED },
		{ 400, PROBLEM_TYPE, "{\"code\":\"a_code_that_is_longer_than_any_that_there_is_room_for_here\"}",
		  "http_400", "", -1, FUDA_EREFUSED },
		{ 307, NULL, "", "http_307", "", -1, FUDA_EREFUSED },
		{ 204, NULL, "", "http_204", "", -1, FUDA_EREFUSED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		REPLY(CHALLENGE, { .status = cases[i].status, .type = cases[i].type, .body = cases[i].body });
		if (ask(FUDA_MYKEY_BIND) != cases[i].code)
			fail_msg("case %zu: %s", i, fuda_context_message(ctx));
		assert_string_equal(got.result, cases[i].result);
		assert_string_equal(got.message, cases[i].message);
		assert_int_equal(got.tries_left, cases[i].tries);
		assert_string_equal(got.mykey_id, "");
		assert_int_equal(api.asked, 2);
	}
	/* a reason that will not be over soon is not waited for */
	REPLY(CHALLENGE, { .status = 503,
			   .type = PROBLEM_TYPE,
			   .head = "Retry-After: 3\r\n",
			   .body = PROBLEM("revocation_info_stale") });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EREFUSED);
	assert_string_equal(got.result, "revocation_info_stale");
	assert_int_equal(got.retry_after, 3);
}

/* What follows an answer that was lost: only what the service looked up tells. */
static void refused_after_loss(void **state)
{
	static const struct {
		int status;
		const char *body, *result;
	} first_judged[] = {
		{ 403, PROBLEM("certificate_revoked"), "certificate_revoked" },
		{ 403, PROBLEM("revocation_unknown"), "revocation_unknown" },
		{ 403, PROBLEM("certificate_expired"), "certificate_expired" },
		{ 403, PROBLEM("signature_mismatch"), "signature_mismatch" },
		{ 503, PROBLEM("revocation_info_stale"), "revocation_info_stale" },
		{ 500, PROBLEM("internal_error"), "internal_error" },
		{ 501, PROBLEM("audit_broken"), "audit_broken" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(first_judged); i++) {
		REPLY(CHALLENGE, { .drop = true },
		      { .status = first_judged[i].status,
			.type = PROBLEM_TYPE,
			.head = "Retry-After: 3\r\n",
			.body = first_judged[i].body });
		assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EUNSURE);
		assert_string_equal(got.result, first_judged[i].result);
	}
	REPLY(CHALLENGE, { .drop = true },
	      { .status = 403, .type = PROBLEM_TYPE, .body = PROBLEM("certificate_superseded") });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EREFUSED);
	REPLY(CHALLENGE, { .drop = true },
	      { .status = 403, .type = PROBLEM_TYPE, .body = PROBLEM("challenge_expired") });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EUNSURE);
	assert_string_equal(got.result, "challenge_expired");
	REPLY(CHALLENGE, { .drop = true }, { .status = 404, .type = "text/html" });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EUNSURE);
	REPLY(CHALLENGE, { .drop = true }, { .status = 404, .type = PROBLEM_TYPE, .body = PROBLEM("not_bound") });
	assert_int_equal(ask(FUDA_MYKEY_EXPIRE), FUDA_EREFUSED);
	assert_string_equal(got.result, "not_bound");
}

static void long_detail(void **state)
{
	char body[2200];
	int n = snprintf(body, sizeof(body), "{\"code\":\"x\",\"detail\":\"a");

	(void)state;
	while (n < 1900)
		n += snprintf(body + n, sizeof(body) - (size_t)n, "\xE3\x81\x82");
	snprintf(body + n, sizeof(body) - (size_t)n, "\"}");
	REPLY(CHALLENGE, { .status = 400, .type = PROBLEM_TYPE, .body = body });
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EREFUSED);
	/* whole characters of it */
	assert_int_equal(strlen(got.message), 1 + 3 * 84);
}

static void answers_that_make_no_sense(void **state)
{
	static const __typeof__(api.replies[0]) cases[] = {
		{ .body = "" },
		{ .body = "{}" },
		{ .body = "{\"mykey_id\":\"\"}" },
		{ .body = "{\"mykey_id\":7}" },
		{ .body = "{\"mykey_id\":\"A MyKey ID of over fifteen\"}" },
		{ .body = "{\"mykey_id\":\"A\",\"mykey_id\":\"B\"}" },
		{ .body = "{\"mykey_id\":\"A\",\"new\":\"yes\"}" },
		{ .body = "{\"mykey_id\":\"A\\u0000B\"}" },
		{ .body = "{\"mykey_id\":\"\xFF\"}" },
		{ .body = GOOD_BIND "}" },
		{ .body = GOOD_BIND, .type = "text/plain" },
		{ .body = GOOD_BIND, .fill = 66000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		REPLY(CHALLENGE, cases[i]);
		if (ask(FUDA_MYKEY_BIND) != FUDA_EUNSURE)
			fail_msg("case %zu", i);
		assert_string_equal(got.mykey_id, "");
		REPLY(CHALLENGE, cases[i]);
		assert_int_equal(ask(FUDA_MYKEY_SHOW), FUDA_EFORMAT);
	}
	/* a pseudonym without one */
	REPLY(CHALLENGE, { .body = "{\"sector\":\"s\",\"ppid\":\"\"}" });
	assert_int_equal(ask(FUDA_MYKEY_RESOLVE), FUDA_EUNSURE);
	REPLY(CHALLENGE, { .body = "{\"ppid\":\"p\"}" });
	assert_int_equal(ask(FUDA_MYKEY_LINK), FUDA_EUNSURE);
}

/* ---- who answers ---- */

static void impostors(void **state)
{
	static const struct {
		enum peer_kind kind;
		int code;
	} cases[] = {
		{ PEER_OTHER_CA, FUDA_EVERIFY },    { PEER_OTHER_HOST, FUDA_EVERIFY },
		{ PEER_EXPIRED, FUDA_EVERIFY },     { PEER_OLD_TLS, FUDA_EUNREACHABLE },
		{ PEER_NO_TLS, FUDA_EUNREACHABLE }, { PEER_FORGED, FUDA_EUNREACHABLE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mykey_peer *other = peer_start(cases[i].kind, answer, NULL);
		char conf[128];

		fuda_mykey_free(&mykey);
		fuda_terminal_free(&terminal);
		snprintf(conf, sizeof(conf), "server = %s\n", peer_origin(other));
		scratch_write("t/terminal.conf", conf, 0600);
		assert_int_equal(fuda_terminal_open(ctx, scratch_path("t"), &terminal), 0);
		assert_int_equal(fuda_mykey_new(terminal, &mykey), 0);
		REPLY(CHALLENGE);
		fuda_deadline_restart(dl, 5000);
		if (challenge(FUDA_MYKEY_BIND, &(struct fuda_digest){ 0 }) != cases[i].code)
			fail_msg("case %zu: %s", i, fuda_context_message(ctx));
		assert_int_equal(peer_requests(other), 0);
		fuda_mykey_free(&mykey);
		fuda_terminal_free(&terminal);
		peer_stop(&other);
	}
}

/* What curl would take from the surroundings. */
static void surroundings(void **state)
{
	(void)state;
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	setenv("SSL_CERT_FILE", "/nonexistent", 1);
	REPLY(CHALLENGE, { .body = GOOD_BIND });
	assert_int_equal(ask(FUDA_MYKEY_BIND), 0);
	unsetenv("https_proxy");
	unsetenv("ALL_PROXY");
	unsetenv("SSL_CERT_FILE");
}

static bool counted(void *arg, _unused_ int seconds)
{
	++*(int *)arg;
	return true;
}

static void much_time(void)
{
	fuda_deadline_restart(dl, 3600000);
}

/* What the card has signed is good for two minutes: nobody asked until it is not. */
static void no_wait_past_the_challenge(void **state)
{
	int asked = 0;

	(void)state;
	fuda_mykey_on_wait(mykey, counted, &asked);
	REPLY(CHALLENGE,
	      { .status = 429, .type = PROBLEM_TYPE, .head = "Retry-After: 121\r\n", .body = PROBLEM("queue_full") });
	before_asking = much_time;
	begun_at = now_ms();
	assert_int_equal(ask(FUDA_MYKEY_BIND), FUDA_EWAIT);
	assert_true(now_ms() - begun_at < 60000);
	assert_int_equal(got.retry_after, 121);
	assert_int_equal(asked, 0);
	assert_int_equal(api.asked, 2);
	/* one that comes in time is waited for */
	REPLY(CHALLENGE,
	      { .status = 429, .type = PROBLEM_TYPE, .head = "Retry-After: 1\r\n", .body = PROBLEM("queue_full") },
	      { .body = GOOD_BIND });
	assert_int_equal(ask(FUDA_MYKEY_BIND), 0);
	assert_int_equal(asked, 1);
	/* before there is a challenge there is nothing that ends */
	fuda_mykey_on_wait(mykey, NULL, NULL);
	REPLY({ .status = 503,
		.type = PROBLEM_TYPE,
		.head = "Retry-After: 300\r\n",
		.body = PROBLEM("revocation_info_stale") });
	assert_int_equal(challenge(FUDA_MYKEY_BIND, &(struct fuda_digest){ 0 }), FUDA_EREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLIENT(what_is_signed),
		CLIENT(bad_challenges),
		CLIENT(what_to_do),
		CLIENT(checked),
		CLIENT(without_certificate),
		CLIENT(requests),
		CLIENT(impossible_wishes),
		CLIENT(a_challenge_is_for_one_purpose),
		CLIENT(lost_answers),
		CLIENT(time_is_over),
		CLIENT(nobody_there),
		CLIENT(told_to_wait),
		CLIENT(cancelled),
		CLIENT(refusals),
		CLIENT(refused_after_loss),
		CLIENT(long_detail),
		CLIENT(answers_that_make_no_sense),
		CLIENT(impostors),
		CLIENT(surroundings),
		CLIENT(no_wait_past_the_challenge),
	};

	return RUN(tests);
}
