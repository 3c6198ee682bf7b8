/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of shapes that two readers see differently, and clients that take their time. */
#include "tests/http-peer.h"

static struct answer a; /* too large for a stack */

#define SMUGGLED "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
#define HEAD	 "POST / HTTP/1.1\r\nHost: a\r\n"

struct shape {
	const char *text;
	size_t len; /* 0: ended by NUL */
};
#define SHAPE(text)    { text, 0 }
#define SHAPE_NUL(text) { text, sizeof(text) - 1 }

/* What stands behind the head of each would be a request by one reading, and is none by another. */
static const struct shape shapes[] = {
	SHAPE(HEAD "Content-Length: 0\r\nContent-Length: 36\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 0\r\nContent-Length: 0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 0, 0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 0,36\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: +0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: -0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 0x0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 0 0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 0;\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length:\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: \r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: \"0\"\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 0.\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 18446744073709551616\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 36893488147419103232\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length : 0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length\t: 0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD " Content-Length: 36\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: identity\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chun ked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding:\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding\x01: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "X: y\r\n\tz\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length:\r\n 36\r\n\r\n" SMUGGLED),
	/* libmicrohttpd 0.9.75 puts what is folded behind the name */
	SHAPE(HEAD "Content-: 36\r\n Length\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "X-: chunked\r\n\tY\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Host: b\r\n -x\r\n\r\n" SMUGGLED),
	SHAPE("POST / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "X: y\r\rZ: z\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 0\n\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 0\r\n\n" SMUGGLED),
	SHAPE(HEAD "Content-Length: 0\n\r\n" SMUGGLED),
	SHAPE("POST / HTTP/1.1\nHost: a\r\nContent-Length: 0\r\n\r\n" SMUGGLED),
	SHAPE("POST / HTTP/1.1\r\rHost: a\r\nContent-Length: 0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "no colon\r\n\r\n" SMUGGLED),
	SHAPE_NUL(HEAD "X: y\0Content-Length: 36\r\n\r\n" SMUGGLED),
	SHAPE_NUL(HEAD "X: y\0\0Content-Length: 36\r\nZ: z\r\n\r\n" SMUGGLED),
	SHAPE_NUL(HEAD "X: y\0\0\0\0Content-Length: 36\r\n\r\n" SMUGGLED),
	SHAPE_NUL(HEAD "X: y\r\n\0\0Content-Length: 36\r\n\r\n" SMUGGLED),
	SHAPE_NUL(HEAD "X: y\0x\n\n" SMUGGLED),
	SHAPE_NUL(HEAD "X\0: y\r\n\r\n" SMUGGLED),
	SHAPE_NUL(HEAD "Content-Length: 0\0 36\r\n\r\n" SMUGGLED),
	SHAPE_NUL("POST /\0x HTTP/1.1\r\nHost: a\r\n\r\n" SMUGGLED),
	SHAPE_NUL("POST\0 / HTTP/1.1\r\nHost: a\r\n\r\n" SMUGGLED),
	SHAPE("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	SHAPE("POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	      SMUGGLED),
	SHAPE("GET /\r\n\r\n" SMUGGLED),
	SHAPE("GET / HTTP/0.9\r\nHost: a\r\n\r\n" SMUGGLED),
	SHAPE("GET / HTTP/2.0\r\nHost: a\r\n\r\n" SMUGGLED),
	SHAPE("GET / http/1.1\r\nHost: a\r\n\r\n" SMUGGLED),
	SHAPE("GET / HTTP/1.1 \r\nHost: a\r\n\r\n" SMUGGLED),
	SHAPE("GET / HTTP/1.1 x\r\nHost: a\r\n\r\n" SMUGGLED),
	SHAPE("GET / HTTP/01.1\r\nHost: a\r\n\r\n" SMUGGLED),
	SHAPE("GET\r\n\r\n" SMUGGLED),
	SHAPE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" SMUGGLED),
	SHAPE_NUL("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" SMUGGLED),
	/* bodies in chunks */
	SHAPE(HEAD "Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\n\r\n 1\r\nx\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\n\r\n\r\nx\r\n0\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 36\r\n\r\n" SMUGGLED),
	SHAPE(HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n X: y\r\n\r\n" SMUGGLED),
	/* more than one head has */
	SHAPE(HEAD "Content-Length: 36\r\nContent-Length: 36\r\nTransfer-Encoding: chunked\r\n\r\n" SMUGGLED),
};

/* Whether `text` may be answered: by the only reading that is left, and then nothing is read behind. */
static bool may_be_answered(const char *text)
{
	return strstr(text, "chunked\r\n\r\n1") != NULL && !strstr(text, "Content-Length") &&
	       !strstr(text, ": chunked\r\nTransfer");
}

/* All that is said to each, until the connection is closed: nothing but one refusal. (That of
 * libmicrohttpd 0.9.75 itself may come twice, and cut.) */
static void nothing_is_smuggled(void **state)
{
	int by_us = 0, answered = 0;
	struct stand s;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 1, 10);
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct peer p = peer_connect(&s);
		size_t len = shapes[i].len ? shapes[i].len : strlen(shapes[i].text);
		int before = atomic_load(&s.handled), more;

		assert_true(peer_say_bytes(&p, shapes[i].text, len));
		do
			more = peer_more(&p, 3000);
		while (more > 0);
		if (more < 0)
			fail_msg("not closed after %s\nbut said: %s", shapes[i].text, p.text);
		by_us += strstr(p.text, "urn:mykey:problem:") != NULL;
		if (strstr(p.text, "HTTP/1.1 200 ")) {
			answered++;
			if (!may_be_answered(shapes[i].text) || !strstr(p.text, "\r\nConnection: close\r\n"))
				fail_msg("%s\nis answered: %s", shapes[i].text, p.text);
		}
		if (atomic_load(&s.handled) - before > (strstr(p.text, "HTTP/1.1 200 ") != NULL) ||
		    strstr(p.text, "smuggled"))
			fail_msg("%s\nis more than one: %s", shapes[i].text, p.text);
		peer_close(&p);
	}
	stand_down(&s);
	print_message("%zu shapes: %d refused by us, %d answered\n", ARRAY_SIZE(shapes), by_us, answered);
	assert_true(by_us > 40 && answered <= 2);
}

/* What is a little unusual, and plain. */
static void takes(void **state)
{
	static const struct {
		const char *text, *body;
		bool last;
	} good[] = {
		{ HEAD "Content-Length: 0\r\n\r\n", "POST|/||||||0|0|", false },
		{ HEAD "Content-Length:\t00003\r\n\r\nabc", "POST|/||||||3|0|abc", false },
		{ HEAD "X:\r\nContent-Length: 1\r\nY: \t\r\n\r\nx", "POST|/||||||1|0|x", false },
		{ HEAD "X: \xe7\x95\xaa\r\n\r\n", "POST|/||||||0|0|", false },
		{ "\r\n" HEAD "\r\n", "POST|/||||||0|0|", false },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "POST|/||||||0|0|", true },
		{ HEAD "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0A;x=y\r\n0123456789\r\n00\r\n\r\n",
		  "POST|/||||||13|0|abc0123456789", true },
		{ HEAD "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx", "POST|/||||||1|0|x", false },
		{ "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "GET|/||||||0|0|", true },
	};
	struct stand s;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 1, 5);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct peer p = peer_connect(&s);
		bool more;

		assert_true(peer_say(&p, good[i].text) && peer_say(&p, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"));
		assert_true(peer_answer(&p, &a));
		if (a.status == 100)
			assert_true(peer_answer(&p, &a));
		if (a.status != 200 || strcmp(a.body, good[i].body) != 0)
			fail_msg("%s\n%s%s", good[i].text, a.head, a.body);
		more = peer_answer(&p, &a);
		if (more == good[i].last)
			fail_msg("%s\nthe next was%s answered", good[i].text, more ? "" : " not");
		assert_true(!more || strstr(a.body, "/next"));
		peer_close(&p);
	}
	stand_down(&s);
}

/* ---- slow clients ---- */

enum { SOON_MS = 3500 /* of a limit of one second, on a slow machine */ };

static const char slow_good[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
static const char slow_head[] = "GET / HTTP/1.1\r\nHost: a\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char slow_body[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\naaaaaaaaaaaaaaaaaaaaaaa"
				"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/* Those who say the text a byte each 50 ms, at once and after a request. */
static void ends_the_slow(void **state)
{
	struct {
		const char *at_once, *text;
		struct peer p;
		bool ended;
	} slow[] = {
		{ "", "", { 0 }, false },	  { "", slow_head, { 0 }, false },
		{ "", slow_body, { 0 }, false },  { slow_good, "", { 0 }, false },
		{ slow_good, slow_head, { 0 }, false }, { slow_good, slow_body, { 0 }, false },
	};
	size_t left = ARRAY_SIZE(slow);
	int64_t start;
	struct stand s;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 1, 1);
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
		slow[i].p = peer_connect(&s);
		if (*slow[i].at_once)
			peer_asks(&slow[i].p, slow[i].at_once, 200, &a);
	}
	start = deadline_now();
	while (left && deadline_now() - start < SOON_MS) {
		usleep(50000);
		for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
			if (slow[i].ended)
				continue;
			if (*slow[i].text)
				(void)peer_say_bytes(&slow[i].p, slow[i].text++, 1);
			slow[i].ended = peer_more(&slow[i].p, 0) == 0;
			left -= slow[i].ended;
			if (slow[i].ended && deadline_now() - start < 500)
				fail_msg("%zu: ended after %d ms", i, (int)(deadline_now() - start));
		}
	}
	assert_int_equal(left, 0);
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++)
		peer_close(&slow[i].p);
	stand_down(&s);
}

static void handle_long(void *arg, struct exchange *x)
{
	http_answer(x, &(struct http_answer){ .status = 200, .content_type = "text/plain", .body = arg,
					      .body_len = 16 << 20 });
}

/* Who asks for much and does not take it. */
static void ends_who_does_not_listen(void **state)
{
	struct http_listener l = { .address = "127.0.0.1:0" };
	struct http_config c = { .listeners = &l, .listener_count = 1, .threads = 1, .connections = 64,
				 .idle_seconds = 1, .handle = handle_long, .arg = calloc(1, 16 << 20) };
	int connections = 1, open = 1;
	struct stand s = { 0 };
	struct peer p;

	(void)state;
	assert_int_equal(fuda_context_new(&s.ctx), 0);
	assert_int_equal(http_start(s.ctx, &c, &s.http), 0);
	p = peer_connect(&s);
	assert_true(peer_say(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_int_equal(peer_more(&p, PEER_WAIT_MS), 1); /* the first of it */
	for (int i = 0; i < 100 && connections; i++) {
		usleep(50000);
		http_load(s.http, &connections, &open);
	}
	assert_int_equal(connections, 0);
	assert_int_equal(open, 0);
	peer_close(&p);
	http_stop(&s.http);
	fuda_context_free(&s.ctx);
	free(c.arg);
}

/* We may take longer than a client may. */
static void waits_for_itself(void **state)
{
	struct stand s;
	struct peer p;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 1, 1);
	s.delay_ms = 2500;
	p = peer_connect(&s);
	peer_asks(&p, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n", 200, &a);
	peer_asks(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, &a);
	peer_close(&p);
	stand_down(&s);
}

/* Sixty who hang on do not keep others out; whoever goes away in the middle leaves nothing. */
static void serves_beside_the_slow(void **state)
{
	struct peer slow[60], p;
	struct stand s;
	int connections = 1, open = 1;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 2, 30);
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
		slow[i] = peer_connect(&s);
		assert_true(peer_say(&slow[i], i % 2 ? HEAD "Content-Length: 9\r\n\r\nx" : "GE"));
	}
	p = peer_connect(&s);
	for (int i = 0; i < 100; i++)
		peer_asks(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, &a);
	for (int i = 0; i < 200 && open; i++) {
		usleep(5000);
		http_load(s.http, &connections, &open);
	}
	assert_int_equal(connections, 61);
	assert_int_equal(open, 0);
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++)
		peer_close(&slow[i]);
	peer_asks(&p, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n", 200, &a);
	peer_close(&p);
	for (int i = 0; i < 200 && connections; i++) {
		usleep(20000);
		http_load(s.http, &connections, &open);
	}
	assert_int_equal(connections, 0);
	assert_int_equal(atomic_load(&s.handled), 101);
	stand_down(&s);
	assert_int_equal(atomic_load(&s.done), 101);
}

/* Who goes away while he is waited for. */
static void answers_nobody(void **state)
{
	struct stand s;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 2, 30);
	s.delay_ms = 50;
	for (int i = 0; i < 30; i++) {
		struct peer p = peer_connect(&s);

		assert_true(peer_say(&p, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"));
		if (i % 2)
			usleep(30000);
		peer_close(&p);
	}
	for (int i = 0; i < 200 && atomic_load(&s.done) < 30; i++)
		usleep(20000);
	assert_int_equal(atomic_load(&s.handled), 30);
	assert_int_equal(atomic_load(&s.done), 30);
	stand_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_smuggled), cmocka_unit_test(takes), cmocka_unit_test(ends_the_slow),
		cmocka_unit_test(ends_who_does_not_listen),
		cmocka_unit_test(waits_for_itself), cmocka_unit_test(serves_beside_the_slow),
		cmocka_unit_test(answers_nobody),
	};

	return RUN(tests);
}
