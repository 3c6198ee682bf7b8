/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/stat.h>

#include "tests/http-peer.h"

static struct answer a; /* too large for a stack */

static void answers(void **state)
{
	struct stand s;
	struct peer p;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 1, 30);
	p = peer_connect(&s);
	peer_asks(&p, "GET /v1/x%20y?purpose=bind&q=%00 HTTP/1.1\r\nHost: a\r\n\r\n", 200, &a);
	assert_string_equal(a.body, "GET|/v1/x%20y|purpose=bind&q=%00|||||0|0|");
	assert_string_equal(answer_field(&a, "Content-Type"), "text/plain");
	assert_string_equal(answer_field(&a, "Cache-Control"), "no-store");
	assert_string_equal(answer_field(&a, "X-Content-Type-Options"), "nosniff");
	assert_string_equal(answer_field(&a, "Server"), "");
	/* on the same connection */
	peer_asks(&p,
		  "POST /p HTTP/1.1\r\nhost:a\r\nCONTENT-TYPE:  Application/JSON ; charset=utf-8\t\r\n"
		  "Idempotency-Key: \"k-1\"\r\nAuthorization: Basic YTpi\r\nContent-Length: 3\r\n"
		  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\nabc",
		  200, &a);
	assert_string_equal(a.body, "POST|/p||application/json|\"k-1\"|Basic YTpi|"
				    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01|3|0|abc");
	peer_asks(&p, "PUT /p? HTTP/1.1\r\nHost: a\r\ntraceparent: 00-0\r\nContent-Length: 0\r\n\r\n", 200, &a);
	assert_string_equal(a.body, "PUT|/p||||||0|0|");
	peer_asks(&p, "DELETE /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 200, &a);
	assert_string_equal(a.body, "DELETE|/p||||||1|0|x");
	peer_asks(&p, "GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, &a);
	assert_true(peer_is_closed(&p, 5000));
	peer_close(&p);
	assert_int_equal(atomic_load(&s.handled), 5);
	stand_down(&s);
	assert_int_equal(atomic_load(&s.done), 5);
}

static void tells_of_problems(void **state)
{
	struct answer *b = &a;
	struct stand s;
	struct peer p;
	const char *at;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 1, 30);
	p = peer_connect(&s);
	peer_asks(&p, "GET /problem HTTP/1.1\r\nHost: a\r\n"
		      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n", 422, b);
	assert_string_equal(b->body,
			    "{\"type\":\"urn:mykey:problem:no_good\",\"title\":\"It is no good\",\"status\":422,"
			    "\"detail\":\"Say it better.\",\"code\":\"no_good\","
			    "\"instance\":\"0af7651916cd43dd8448eb211c80319c\"}");
	assert_string_equal(answer_field(b, "Content-Type"), "application/problem+json");
	assert_string_equal(answer_field(b, "Retry-After"), "7");
	peer_asks(&p, "GET /problem HTTP/1.1\r\nHost: a\r\n\r\n", 422, b);
	at = strstr(b->body, "\"instance\":\"");
	assert_non_null(at);
	assert_int_equal(strspn(at + 12, "0123456789abcdef"), 32);
	peer_close(&p);
	stand_down(&s);
}

static const struct {
	const char *text;
	int status;
	const char *code;
} bad[] = {
	{ "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 405, NULL },
	{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed" },
	{ "PATCH / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed" },
	{ "get / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed" },
	{ "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed" },
	{ "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "version_not_supported" },
	{ "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target" },
	{ "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target" },
	{ "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target" },
	{ "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target" },
	{ "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target" },
	{ "GET /\xe7\x95\xaa HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target" },
	{ "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target" },
	{ "GET / HTTP/1.1\r\n\r\n", 400, "bad_host" },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "bad_host" },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "bad_host" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "bad_host" },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "bad_host" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: x\r\nIdempotency-Key: y\r\n\r\n", 400, "repeated_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nauthorization: x\r\n\r\n", 400, "repeated_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: a/c\r\n\r\n", 400, "repeated_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a b\r\n\r\n", 400, "bad_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: \xe3\x81\x82\r\n\r\n", 400, "bad_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nIdempotency-Key:\r\n\r\n", 400, "bad_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Type: json\r\n\r\n", 400, "bad_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Type: a/b/c\r\n\r\n", 400, "bad_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400, "bad_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", 400, "bad_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n", 400, "bad_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX(y): z\r\n\r\n", 400, "bad_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\n: z\r\n\r\n", 400, "bad_header" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nClient-Cert: :AA==:\r\n\r\n", 400, "client_cert_not_trusted" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nClient-Cert-Pem: x\r\n\r\n", 400, "client_cert_not_trusted" },
	{ "POST / HTTP/1.1\r\nHost: a\r\n"
	  "Expect: 100-continue\r\nContent-Length: 32769\r\n\r\n", 413, "body_too_large" },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n", 413, "body_too_large" },
};

/* Each is answered and ends its connection, and no handler is called. */
static void refuses(void **state)
{
	struct stand s;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 1, 30);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct peer p = peer_connect(&s);
		char code[64];

		assert_true(peer_say(&p, bad[i].text));
		if (!peer_answer_of(&p, &a, !bad[i].code))
			fail_msg("no answer to %s", bad[i].text);
		if (a.status != bad[i].status || !peer_is_closed(&p, 5000))
			fail_msg("%s\n%s%s", bad[i].text, a.head, a.body);
		if (bad[i].code) {
			snprintf(code, sizeof(code), "\"code\":\"%s\"", bad[i].code);
			if (!strstr(a.body, code))
				fail_msg("%s\n%s", bad[i].text, a.body);
			assert_string_equal(answer_field(&a, "Content-Type"), "application/problem+json");
		}
		peer_close(&p);
	}
	assert_int_equal(atomic_load(&s.handled), 0);
	stand_down(&s);
	assert_int_equal(atomic_load(&s.done), ARRAY_SIZE(bad));
}

static void limits(void **state)
{
	static char text[40000], key[80];
	struct stand s;
	struct peer p;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 1, 30);
	p = peer_connect(&s);
	memset(key, 'k', 65);
	/* the longest that may be */
	snprintf(text, sizeof(text),
		 "POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: %.64s\r\nContent-Length: 32768\r\n\r\n%32768s",
		 key, "x");
	peer_asks(&p, text, 200, &a);
	snprintf(text, sizeof(text), "GET /%7000s HTTP/1.1\r\nHost: a\r\nX: %1160s\r\n\r\n", "", "x");
	memset(text + 5, 'a', 7000);
	assert_int_equal(strlen(text), HTTP_HEADERS_MAX);
	peer_asks(&p, text, 200, &a);
	/* ... and one more */
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: %.65s\r\n\r\n", key);
	peer_asks(&p, text, 400, &a);
	peer_close(&p);
	p = peer_connect(&s);
	snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 32769\r\n\r\n%32769s", "x");
	peer_asks(&p, text, 413, &a);
	assert_true(peer_is_closed(&p, 5000));
	peer_close(&p);
	p = peer_connect(&s);
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nX: %8161s\r\n\r\n", "x");
	assert_int_equal(strlen(text), HTTP_HEADERS_MAX + 1);
	peer_asks(&p, text, 431, &a);
	peer_close(&p);
	p = peer_connect(&s); /* more than the library reads */
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nX: %32000s\r\n\r\n", "x");
	if (peer_say(&p, text) && peer_answer(&p, &a))
		assert_int_equal(a.status, 431);
	assert_true(peer_is_closed(&p, 5000));
	peer_close(&p);
	stand_down(&s);
	assert_int_equal(atomic_load(&s.handled), 2);
}

/* Many on few connections, some at once, some later, in one write or in several: nothing stalls. */
static void keeps_alive(const char *path, int threads, int requests, int connections)
{
	struct peer p[16];
	struct stand s;
	char text[256];

	stand_up(&s, "127.0.0.1:0", false, threads, 30);
	snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345", path);
	for (int i = 0; i < connections; i++)
		p[i] = peer_connect(&s);
	for (int n = 0; n < requests; n++) {
		for (int i = 0; i < connections; i++)
			assert_true(peer_say(&p[i], text));
		for (int i = 0; i < connections; i++) {
			assert_true(peer_answer(&p[i], &a));
			assert_int_equal(a.status, 200);
		}
	}
	/* ten of them at once, without waiting */
	for (int i = 0; i < connections; i++)
		for (int n = 0; n < 10; n++)
			assert_true(peer_say(&p[i], text));
	for (int i = 0; i < connections; i++) {
		for (int n = 0; n < 10; n++)
			assert_true(peer_answer(&p[i], &a));
		peer_close(&p[i]);
	}
	assert_int_equal(atomic_load(&s.handled), (requests + 10) * connections);
	stand_down(&s);
	assert_int_equal(atomic_load(&s.done), (requests + 10) * connections);
}

static void keeps_many_alive(void **state)
{
	(void)state;
	keeps_alive("/", 2, 200, 16);
	keeps_alive("/later", 1, 50, 16);
	keeps_alive("/later", 3, 50, 16);
}

static void in_pieces(void **state)
{
	static const char text[] = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345";
	struct stand s;
	struct peer p;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 1, 30);
	p = peer_connect(&s);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		assert_true(peer_say_bytes(&p, text + i, 1));
		usleep(200);
	}
	assert_true(peer_answer(&p, &a));
	assert_string_equal(a.body, "POST|/x||||||5|0|12345");
	peer_close(&p);
	stand_down(&s);
}

/* What an answer may have beside its body, and how long it may be. */
static void handle_special(void *arg, struct exchange *x)
{
	const char *path = http_request(x)->path;
	struct http_answer answer = { .status = 201, .content_type = "application/pkcs10", .body = arg,
				      .body_len = 100000, .retry_after = 600, .location = "/v1/x",
				      .transfer_encoding = "base64" };

	if (strcmp(path, "/evil") == 0)
		answer.location = "/v1/x\r\nX-Evil: 1";
	if (strcmp(path, "/huge") == 0)
		answer.body_len = HTTP_ANSWER_MAX + 1;
	if (strcmp(path, "/code") == 0)
		http_challenge(x, "Basic realm=\"est\"");
	if (strcmp(path, "/401") == 0 || strcmp(path, "/code") == 0)
		answer = (struct http_answer){ .status = 401 };
	if (strcmp(path, "/204") == 0)
		answer = (struct http_answer){ .status = 204 };
	http_answer(x, &answer);
}

static void answers_specially(void **state)
{
	struct http_listener l = { .address = "127.0.0.1:0" };
	struct http_config c = { .listeners = &l, .listener_count = 1, .threads = 1, .connections = 64,
				 .idle_seconds = 30, .handle = handle_special, .arg = calloc(1, 100000) };
	struct stand s = { 0 };
	struct peer p;

	(void)state;
	memset(c.arg, 'z', 100000);
	assert_int_equal(fuda_context_new(&s.ctx), 0);
	assert_int_equal(http_start(s.ctx, &c, &s.http), 0);
	p = peer_connect(&s);
	peer_asks(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 201, &a);
	assert_int_equal(a.body_len, 100000);
	assert_memory_equal(a.body, c.arg, 100000);
	assert_string_equal(answer_field(&a, "Retry-After"), "600");
	assert_string_equal(answer_field(&a, "Location"), "/v1/x");
	assert_string_equal(answer_field(&a, "Content-Transfer-Encoding"), "base64");
	assert_string_equal(answer_field(&a, "WWW-Authenticate"), "");
	peer_asks(&p, "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n", 201, &a);
	assert_string_equal(answer_field(&a, "X-Evil"), "");
	peer_asks(&p, "GET /204 HTTP/1.1\r\nHost: a\r\n\r\n", 204, &a);
	assert_string_equal(answer_field(&a, "Content-Type"), "");
	peer_asks(&p, "GET /401 HTTP/1.1\r\nHost: a\r\n\r\n", 401, &a);
	assert_string_equal(answer_field(&a, "WWW-Authenticate"), "");
	peer_asks(&p, "GET /code HTTP/1.1\r\nHost: a\r\n\r\n", 401, &a);
	assert_string_equal(answer_field(&a, "WWW-Authenticate"), "Basic realm=\"est\"");
	peer_asks(&p, "GET /huge HTTP/1.1\r\nHost: a\r\n\r\n", 500, &a);
	assert_int_equal(a.body_len, 0);
	peer_close(&p);
	http_stop(&s.http);
	fuda_context_free(&s.ctx);
	free(c.arg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers), cmocka_unit_test(answers_specially), cmocka_unit_test(tells_of_problems),
		cmocka_unit_test(refuses),
		cmocka_unit_test(limits), cmocka_unit_test(keeps_many_alive), cmocka_unit_test(in_pieces),
	};

	return RUN(tests);
}
