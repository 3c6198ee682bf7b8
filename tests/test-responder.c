/* SPDX-License-Identifier: Apache-2.0 */
/* The OCSP responder: how it is asked, when it is left alone, and what counts then, the lists or it. */
#include "service/responder.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/deadline.h"
#include "base/util.h"
#include "service/http.h"
#include "service/revocation.h"
#include "tests/crls.h"
#include "tests/ocsps.h"
#include "tests/scratch.h"

enum { THREADS = 4, QUESTIONS = 50, PATIENCE_MS = 10000 };

static struct fuda_context *ctx;
static struct fuda_trust *trust;
static struct fuda_cert *card, *listed; /* not on the list of plan_crl(), and on it */
static struct http *http;
static char url[64], list[128];

/* ---- a responder ---- */

enum mode {
	GOOD, REVOKED, UNKNOWN, OLD_GOOD, WRONG, /* signed when they are asked for */
	AHEAD, LONG, LONG_HEAD,
	LATER, SIGNED_QUESTIONS, NOT_FOR_THIS, /* errors of OCSP */
	REDIRECT, BUSY, ERROR, LONG_ERROR,     /* of HTTP */
	NEVER,
};

static atomic_int mode, requests;
static _Atomic(struct exchange *) held;
static struct fuda_buf ahead = TEST_BUF; /* signed before anybody asked */

static void answer(struct exchange *x, enum mode how)
{
	static const char *const statuses[] = {
		[GOOD] = STATUS_GOOD,     [REVOKED] = STATUS_REVOKED, [UNKNOWN] = STATUS_UNKNOWN,
		[OLD_GOOD] = STATUS_GOOD, [WRONG] = STATUS_GOOD,
	};
	_cleanup_buf_ struct fuda_buf der = TEST_BUF, question = TEST_BUF;
	const struct http_request *q = http_request(x);
	struct http_answer a = { .status = 200, .content_type = "application/ocsp-response" };
	struct answer_plan plan = plan_answer();

	assert_int_equal(fuda_buf_set(&question, q->body, q->body_len), 0);
	plan.question = &question;
	plan.field[A_CERT_STATUS] = statuses[how];
	if (how == WRONG)
		plan.signer = KEY_OTHER_CA;
	if (how == OLD_GOOD)
		plan.field[A_THIS] = "18{'20261119225959Z'}";
	answer_make(&plan, &der);
	a.body = der.data;
	a.body_len = der.len;
	http_answer(x, &a);
}

static void answer_otherwise(struct exchange *x, enum mode how)
{
	static const char *const errors[] = { [LATER] = "\x30\3\12\1\3", [SIGNED_QUESTIONS] = "\x30\3\12\1\5",
					      [NOT_FOR_THIS] = "\x30\3\12\1\6" };
	static const int statuses[] = { [REDIRECT] = 302, [BUSY] = 429, [ERROR] = 500, [LONG_ERROR] = 503 };
	static char filler[20001];
	struct http_answer a = { .status = how >= REDIRECT ? statuses[how] : 200,
				 .content_type = "application/ocsp-response", .body = "" };

	memset(filler, 'x', sizeof(filler) - 1);
	if (how == AHEAD) {
		a.body = ahead.data;
		a.body_len = ahead.len;
	} else if (how == LONG || how == LONG_ERROR) {
		a.body = filler;
		a.body_len = sizeof(filler) - 1;
	} else if (how >= LATER && how <= NOT_FOR_THIS) {
		a.body = errors[how];
		a.body_len = 5;
	}
	if (how == REDIRECT)
		a.location = "/elsewhere";
	if (how == LONG_HEAD)
		a.location = filler;
	http_answer(x, &a);
}

static void handle(void *arg, struct exchange *x)
{
	enum mode how = (enum mode)atomic_load(&mode);
	const struct http_request *q = http_request(x);

	(void)arg;
	atomic_fetch_add(&requests, 1);
	if (strcmp(q->method, "POST") != 0 || strcmp(q->path, "/ocsp") != 0 ||
	    strcmp(q->content_type, "application/ocsp-request") != 0)
		how = ERROR;
	if (how == NEVER)
		held = x;
	else if (how <= WRONG)
		answer(x, how);
	else
		answer_otherwise(x, how);
}

static struct responder *responder_of(enum mode how)
{
	struct responder *responder = NULL;

	atomic_store(&mode, how);
	atomic_store(&requests, 0);
	assert_int_equal(responder_new(ctx, url, trust, &responder), 0);
	return responder;
}

static int ask(struct responder *responder)
{
	struct ocsp_answer answer;

	return responder_ask(responder, card, TEST_NOW, &answer);
}

/* ---- asking ---- */

static void tells_what_it_says(void **state)
{
	static const struct {
		enum mode mode;
		enum fuda_revocation revocation;
	} rows[] = {
		{ GOOD, FUDA_REVOCATION_GOOD },
		{ REVOKED, FUDA_REVOCATION_REVOKED },
		{ UNKNOWN, FUDA_REVOCATION_UNKNOWN },
		{ GOOD, FUDA_REVOCATION_GOOD },
	};
	struct responder *responder = responder_of(GOOD);
	struct responder_state s;
	struct ocsp_answer answer;
	int before, after, open;

	(void)state;
	http_load(http, &before, &open);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		atomic_store(&mode, rows[i].mode);
		assert_int_equal(responder_ask(responder, card, TEST_NOW, &answer), 0);
		assert_int_equal(answer.revocation, rows[i].revocation);
	}
	/* over one connection */
	http_load(http, &after, &open);
	assert_true(after <= before + 1);
	responder_state(responder, &s);
	assert_int_equal(s.good, 2);
	assert_int_equal(s.revoked, 1);
	assert_int_equal(s.unknown, 1);
	assert_int_equal(s.failed, 0);
	assert_true(s.us > 0);
	assert_false(s.down);
	assert_string_equal(s.message, "");
	responder_free(&responder);
}

static void takes_nothing_else(void **state)
{
	static const struct {
		enum mode mode;
		int error;
		const char *message;
	} rows[] = {
		{ WRONG, FUDA_EVERIFY, "not signed by the CA" },
		{ LATER, FUDA_EWAIT, "tryLater" },
		{ SIGNED_QUESTIONS, FUDA_EFORMAT, "sigRequired" },
		{ NOT_FOR_THIS, FUDA_EREFUSED, "unauthorized" },
		{ BUSY, FUDA_EUNREACHABLE, "HTTP status 429" },
		{ ERROR, FUDA_EUNREACHABLE, "HTTP status 500" },
		{ LONG_ERROR, FUDA_EUNREACHABLE, "HTTP status 503" },
		{ REDIRECT, FUDA_EFORMAT, "HTTP status 302" },
		{ LONG, FUDA_ETOOBIG, "too long" },
		{ LONG_HEAD, FUDA_ETOOBIG, "too long" },
	};
	struct responder_state s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct responder *responder = responder_of(rows[i].mode);

		assert_int_equal(ask(responder), rows[i].error);
		responder_state(responder, &s);
		if (!strstr(s.message, rows[i].message))
			fail_msg("row %zu: %s", i, s.message);
		assert_null(strstr(s.message, FREE_SERIAL));
		assert_int_equal(s.failed, 1);
		assert_int_equal(requests, 1);
		/* one failure is none */
		atomic_store(&mode, GOOD);
		assert_int_equal(ask(responder), 0);
		responder_free(&responder);
	}
}

static void does_not_wait_for_ever(void **state)
{
	struct responder *responder = responder_of(NEVER);
	int64_t before = deadline_now();

	(void)state;
	assert_int_equal(ask(responder), FUDA_EUNREACHABLE);
	assert_true(deadline_now() - before >= RESPONDER_MS);
	assert_true(deadline_now() - before < PATIENCE_MS);
	answer(held, GOOD); /* to whom it may concern */
	responder_free(&responder);
}

/* A port that is bound, and where nobody listens. */
static void knows_that_nobody_is_there(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct responder *responder = NULL;
	char nowhere[64];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	snprintf(nowhere, sizeof(nowhere), "http://127.0.0.1:%d", ntohs(a.sin_port));
	assert_int_equal(responder_new(ctx, nowhere, trust, &responder), 0);
	assert_int_equal(ask(responder), FUDA_EUNREACHABLE);
	assert_int_equal(responder_probe(ctx, responder), FUDA_EUNREACHABLE);
	assert_non_null(strstr(fuda_context_message(ctx), "does not answer"));
	responder_free(&responder);
	close(fd);
}

/* ---- leaving it alone ---- */

static struct responder_state state_of(struct responder *responder)
{
	struct responder_state s;

	responder_state(responder, &s);
	return s;
}

static void fail_until_it_is_down(struct responder *responder, int failures)
{
	for (int i = 0; i < failures; i++) {
		assert_true(responder_helps(responder));
		assert_false(state_of(responder).down);
		assert_true(ask(responder) < 0);
	}
	assert_true(state_of(responder).down);
	assert_false(responder_helps(responder));
}

static void is_left_alone_while_it_is_away(void **state)
{
	static const enum mode away[] = { ERROR, LONG_ERROR, BUSY, LATER };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(away); i++) {
		struct responder *responder = responder_of(away[i]);

		fail_until_it_is_down(responder, RESPONDER_FAILURES);
		assert_int_equal(ask(responder), FUDA_EWAIT);
		assert_int_equal(requests, RESPONDER_FAILURES);
		assert_int_equal(state_of(responder).failed, RESPONDER_FAILURES);
		assert_false(state_of(responder).wrong);
		responder_free(&responder);
	}
}

static void is_back_once_it_is_there(void **state)
{
	struct responder *responder = responder_of(ERROR);

	(void)state;
	/* who is not there at the first look is down at once */
	assert_int_equal(responder_probe(ctx, responder), FUDA_EUNREACHABLE);
	assert_true(state_of(responder).down);
	assert_int_equal(responder_probe(ctx, responder), FUDA_EUNREACHABLE);
	assert_int_equal(ask(responder), FUDA_EWAIT);
	assert_int_equal(requests, 2);
	/* back, though it is not for CAs: one card shows whether it is for those */
	atomic_store(&mode, NOT_FOR_THIS);
	assert_int_equal(responder_probe(ctx, responder), FUDA_EREFUSED);
	atomic_store(&mode, ERROR);
	fail_until_it_is_down(responder, 1);
	/* likewise if it cannot answer about CAs now */
	atomic_store(&mode, LATER);
	assert_int_equal(responder_probe(ctx, responder), FUDA_EWAIT);
	atomic_store(&mode, GOOD);
	assert_int_equal(ask(responder), 0);
	/* with all its lives */
	atomic_store(&mode, ERROR);
	fail_until_it_is_down(responder, RESPONDER_FAILURES);
	responder_free(&responder);
}

/* What is said of one card, however wrong, keeps nobody from asking about the next; it is told. */
static void is_asked_however_wrong_it_is(void **state)
{
	static const enum mode wrong[] = { WRONG, LONG, REDIRECT, SIGNED_QUESTIONS, NOT_FOR_THIS };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct responder *responder = responder_of(wrong[i]);

		for (int n = 0; n < 2 * RESPONDER_FAILURES; n++) {
			assert_int_equal(state_of(responder).wrong, n >= RESPONDER_FAILURES);
			assert_true(ask(responder) < 0);
		}
		assert_int_equal(requests, 2 * RESPONDER_FAILURES);
		assert_true(responder_helps(responder));
		atomic_store(&mode, GOOD);
		assert_int_equal(ask(responder), 0);
		assert_false(state_of(responder).wrong);
		responder_free(&responder);
	}
}

/* Nobody is asked for a PIN for the sake of one whose answers do not even count for CAs. */
static void is_no_help_if_it_is_wrong_about_cas(void **state)
{
	static const enum mode wrong[] = { WRONG, LONG, REDIRECT, SIGNED_QUESTIONS };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct responder *responder = responder_of(wrong[i]);

		assert_true(responder_probe(ctx, responder) < 0);
		assert_false(responder_helps(responder));
		assert_true(state_of(responder).wrong);
		assert_false(state_of(responder).down);
		assert_string_not_equal(state_of(responder).message, "");
		/* it is for cards, and may be for CAs another time */
		atomic_store(&mode, GOOD);
		assert_int_equal(ask(responder), 0);
		assert_false(responder_helps(responder));
		atomic_store(&mode, NOT_FOR_THIS);
		assert_int_equal(responder_probe(ctx, responder), FUDA_EREFUSED);
		assert_true(responder_helps(responder));
		assert_false(state_of(responder).wrong);
		responder_free(&responder);
	}
}

/* An answer that was kept from before has another nonce, or none; whoever has shown to put in ours must. */
static void must_put_in_the_nonce_that_it_can(void **state)
{
	struct responder *responder = responder_of(AHEAD);
	struct responder_state s;

	(void)state;
	assert_int_equal(ask(responder), 0);
	atomic_store(&mode, GOOD);
	assert_int_equal(ask(responder), 0);
	atomic_store(&mode, AHEAD);
	assert_int_equal(ask(responder), FUDA_EVERIFY);
	responder_state(responder, &s);
	assert_non_null(strstr(s.message, "another question"));
	responder_free(&responder);
}

static void one_question_of_each(void **state)
{
	struct responder *responder = responder_of(GOOD);

	(void)state;
	assert_true(responder_enter(responder, 1));
	assert_false(responder_enter(responder, 1));
	assert_true(responder_enter(responder, 2));
	responder_leave(responder, 1);
	assert_false(responder_enter(responder, 2));
	assert_true(responder_enter(responder, 1));
	responder_leave(responder, 2);
	responder_leave(responder, 1);
	for (uint64_t who = 0; who < 256; who++)
		assert_true(responder_enter(responder, who));
	assert_false(responder_enter(responder, 256));
	responder_leave(responder, 7);
	assert_true(responder_enter(responder, 256));
	responder_free(&responder);
}

static void *ask_often(void *arg)
{
	size_t wrong = 0;

	for (int i = 0; i < QUESTIONS; i++)
		wrong += ask(arg) != 0;
	return (void *)wrong;
}

static void many_ask_at_once(void **state)
{
	struct responder *responder = responder_of(AHEAD);
	struct responder_state s;
	pthread_t threads[THREADS];
	size_t all = 0;

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, responder), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		all += (size_t)wrong;
	}
	assert_int_equal(all, 0);
	responder_state(responder, &s);
	assert_int_equal(s.good, QUESTIONS * THREADS);
	responder_free(&responder);
}

/* ---- the lists, and it ---- */

enum lists { NO_LIST, FRESH, STALE };

static struct revocation *revocation_of(enum lists lists, bool required)
{
	static const char *files[2];
	static struct revocation_config config;
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct revocation *revocation = NULL;
	struct crl_plan plan = plan_crl();
	FILE *f = fopen(list, "wb");

	/* what begins in the future of the real clock would not be taken */
	plan.field[L_THIS] = "17{'250501000000Z'}";
	if (lists == STALE)
		plan.field[L_NEXT] = "17{'261119235959Z'}";
	crl_make(&plan, &der);
	assert_non_null(f);
	assert_int_equal(fwrite(der.data, 1, der.len, f), der.len);
	assert_int_equal(fclose(f), 0);
	files[0] = lists == NO_LIST ? NULL : list;
	config = (struct revocation_config){ .files = files, .responder = url, .responder_required = required };
	assert_int_equal(revocation_new(ctx, &config, trust, &revocation), 0);
	assert_int_equal(revocation_refresh(ctx, revocation), 0);
	atomic_store(&requests, 0);
	return revocation;
}

static void has_the_last_word(void **state)
{
	static const struct {
		enum mode mode;
		enum lists lists;
		bool required;
		const char *answer;
		bool stale;
	} rows[] = {
		{ GOOD, FRESH, false, "good", false },
		{ GOOD, NO_LIST, false, "good", false },
		{ GOOD, STALE, false, "good", false },
		{ GOOD, NO_LIST, true, "good", false },
		{ REVOKED, FRESH, false, "revoked", false },
		{ REVOKED, NO_LIST, true, "revoked", false },
		{ UNKNOWN, FRESH, false, "unknown", false },
		{ UNKNOWN, STALE, true, "unknown", true },
		{ ERROR, FRESH, false, "good", false },
		{ ERROR, FRESH, true, "unknown", false },
		{ ERROR, NO_LIST, false, "unknown", false },
		{ ERROR, STALE, false, "unknown", true },
		{ WRONG, FRESH, false, "good", false },
		{ WRONG, FRESH, true, "unknown", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct revocation *revocation = revocation_of(rows[i].lists, rows[i].required);
		enum fuda_revocation said;
		bool stale = !rows[i].stale, denied;

		atomic_store(&mode, rows[i].mode);
		said = revocation_ask(revocation, card, TEST_NOW, &stale, &denied);
		if (strcmp(fuda_revocation_name(said), rows[i].answer) != 0 || stale != rows[i].stale)
			fail_msg("row %zu: %s, %d", i, fuda_revocation_name(said), stale);
		assert_int_equal(denied, rows[i].mode == UNKNOWN);
		assert_int_equal(requests, 1);
		revocation_free(&revocation);
	}
}

/* What it said once is not forgotten while it is away. */
static void what_is_revoked_stays_so(void **state)
{
	struct revocation *revocation = revocation_of(FRESH, false);
	bool stale, denied;

	(void)state;
	atomic_store(&mode, ERROR);
	assert_int_equal(revocation_ask(revocation, card, TEST_NOW, &stale, &denied), FUDA_REVOCATION_GOOD);
	atomic_store(&mode, REVOKED);
	assert_int_equal(revocation_ask(revocation, card, TEST_NOW, &stale, &denied), FUDA_REVOCATION_REVOKED);
	atomic_store(&mode, ERROR);
	for (int i = 0; i < RESPONDER_FAILURES + 1; i++)
		assert_int_equal(revocation_ask(revocation, card, TEST_NOW, &stale, &denied),
				 FUDA_REVOCATION_REVOKED);
	assert_int_equal(requests, 2 + RESPONDER_FAILURES);
	revocation_free(&revocation);
}

static void who_was_suspended_is_good_again(void **state)
{
	/* an answer of before it was revoked is no later word */
	static const enum mode said[] = { REVOKED, OLD_GOOD, ERROR, GOOD, ERROR };
	static const enum fuda_revocation answer[] = { FUDA_REVOCATION_REVOKED, FUDA_REVOCATION_REVOKED,
						       FUDA_REVOCATION_REVOKED, FUDA_REVOCATION_GOOD,
						       FUDA_REVOCATION_GOOD };
	struct revocation *revocation = revocation_of(FRESH, false);
	bool stale, denied;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		atomic_store(&mode, said[i]);
		assert_int_equal(revocation_ask(revocation, card, TEST_NOW, &stale, &denied), answer[i]);
	}
	revocation_free(&revocation);
}

static void is_not_asked_about_who_is_listed(void **state)
{
	struct revocation *revocation;
	bool stale, denied;

	(void)state;
	for (enum lists l = FRESH; l <= STALE; l++) {
		revocation = revocation_of(l, true);
		atomic_store(&mode, GOOD);
		assert_int_equal(revocation_ask(revocation, listed, TEST_NOW, &stale, &denied),
				 FUDA_REVOCATION_REVOKED);
		assert_int_equal(requests, 0);
		revocation_free(&revocation);
	}
}

static struct fuda_cert *cert_of(const char *serial)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct fuda_cert *cert = NULL;

	cert_make_with(plan_auth(), F_SERIAL, serial, &der);
	return fuda_cert_new(ctx, der.data, der.len, &cert) < 0 ? NULL : cert;
}

static int setup(void **state)
{
	static const struct http_listener listener = { .address = "127.0.0.1:0" };
	struct http_config config = { .listeners = &listener, .listener_count = 1, .threads = THREADS,
				      .connections = 64, .handle = handle };
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
	struct answer_plan plan = plan_answer();

	if (scratch_setup(state) < 0 || fuda_context_new(&ctx) < 0 || fuda_trust_new(ctx, &trust) < 0)
		return -1;
	snprintf(list, sizeof(list), "%s", scratch_path("list.crl"));
	believe(trust, &ca);
	card = cert_of("02{" FREE_SERIAL "}");
	listed = cert_of("020401A2B3C4");
	(void)test_spki(KEY_OTHER_CA); /* keys are made by one thread */
	answer_make(&plan, &ahead);
	if (!card || !listed || http_start(ctx, &config, &http) < 0)
		return -1;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/ocsp", http_port(http, 0));
	return 0;
}

static int teardown(void **state)
{
	http_stop(&http);
	fuda_buf_free(&ahead);
	fuda_cert_free(&card);
	fuda_cert_free(&listed);
	fuda_trust_free(&trust);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_it_says),
		cmocka_unit_test(takes_nothing_else),
		cmocka_unit_test(does_not_wait_for_ever),
		cmocka_unit_test(knows_that_nobody_is_there),
		cmocka_unit_test(is_left_alone_while_it_is_away),
		cmocka_unit_test(is_back_once_it_is_there),
		cmocka_unit_test(is_asked_however_wrong_it_is),
		cmocka_unit_test(is_no_help_if_it_is_wrong_about_cas),
		cmocka_unit_test(must_put_in_the_nonce_that_it_can),
		cmocka_unit_test(one_question_of_each),
		cmocka_unit_test(many_ask_at_once),
		cmocka_unit_test(has_the_last_word),
		cmocka_unit_test(what_is_revoked_stays_so),
		cmocka_unit_test(who_was_suspended_is_good_again),
		cmocka_unit_test(is_not_asked_about_who_is_listed),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
