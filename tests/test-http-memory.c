/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP where each allocation of ours fails once: an answer that says so, or none; and the next request is
 * as good as any. */
#include "codec/base64.h"
#include "codec/json.h"
#include "tests/http-peer.h"
#include "tests/scarce.h"

static struct answer a; /* too large for a stack */

/* Answers without an allocation of its own. */
static void handle(void *arg, struct exchange *x)
{
	const struct http_request *q = http_request(x);

	(void)arg;
	if (strcmp(q->path, "/problem") == 0)
		http_problem(x, 422, "no_good", "It is no good", NULL, 0);
	else
		http_answer(x, &(struct http_answer){ .status = 200, .content_type = "text/plain", .body = q->body,
						      .body_len = q->body_len });
}

static struct http_listener listener = { .address = "127.0.0.1:0" };
static struct http_config config = { .listeners = &listener, .listener_count = 1, .threads = 1, .connections = 8,
				     .idle_seconds = 30, .handle = handle };

static void starts(void **state)
{
	struct fuda_context *ctx;
	int failed = 0;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	for (long n = 0; n < 20; n++) {
		struct http *http = NULL;
		int r;

		before_failure = n;
		r = http_start(ctx, &config, &http);
		before_failure = -1;
		assert_true(r == 0 || r == FUDA_ENOMEM || r == FUDA_EFAILED);
		assert_true((r == 0) == (http != NULL));
		failed += r != 0;
		http_stop(&http);
	}
	assert_true(failed > 0 && failed < 20);
	fuda_context_free(&ctx);
}

/* How many of the answers, each with one allocation failing, were `status`. */
static int asked(struct http *http, const char *text, int status, int *ret_others)
{
	int good = 0;

	*ret_others = 0;
	for (long n = 0; n < 12; n++) {
		struct peer p = peer_of(peer_socket(http_port(http, 0)));

		before_failure = n;
		assert_true(peer_say(&p, text));
		if (!peer_answer(&p, &a))
			*ret_others += 1; /* closed */
		else if (a.status == status)
			good++;
		else if (a.status == 503 || a.status == 500)
			*ret_others += 1;
		else
			fail_msg("%ld: %s%s", n, a.head, a.body);
		before_failure = -1;
		peer_close(&p);
		/* and all is well again */
		p = peer_of(peer_socket(http_port(http, 0)));
		peer_asks(&p, text, status, &a);
		peer_close(&p);
	}
	return good;
}

static void serves(void **state)
{
	struct fuda_context *ctx;
	struct http *http = NULL;
	int others;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	assert_int_equal(http_start(ctx, &config, &http), 0);
	assert_true(asked(http, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200, &others) > 0);
	assert_true(others >= 2); /* the exchange, its body */
	assert_true(asked(http, "GET /problem HTTP/1.1\r\nHost: a\r\n\r\n", 422, &others) > 0);
	assert_true(others >= 1);
	(void)asked(http, "GET / HTTP/1.1\r\n\r\n", 400, &others);
	assert_true(others >= 1);
	http_stop(&http);
	fuda_context_free(&ctx);
}

static void reads_and_writes_json(void **state)
{
	static const char text[] = "{\"a\":\"Zm9v\",\"b\":\"\\/w==\"}";
	int failed = 0;

	(void)state;
	for (long n = 0; n < 8; n++) {
		struct fuda_buf x = FUDA_BUF_INIT(64), y = FUDA_BUF_INIT(64), out = FUDA_BUF_INIT(1024);
		const struct json_field fields[] = {
			{ "a", JSON_BASE64, true, &x, 0, NULL },
			{ "b", JSON_BASE64, true, &y, 0, NULL },
		};
		const char *member, *why;
		struct json_out o;
		int r;

		before_failure = n;
		r = json_read(text, strlen(text), fields, 2, &member, &why);
		before_failure = -1;
		assert_true(r == 0 || r == FUDA_ENOMEM);
		failed += r != 0;
		before_failure = n;
		json_begin(&o, &out);
		json_base64(&o, "a", text, sizeof(text));
		json_string(&o, "s", text);
		r = json_end(&o);
		before_failure = -1;
		assert_true(r == 0 || r == FUDA_ENOMEM);
		failed += r != 0;
		before_failure = n;
		fuda_buf_clear(&y);
		r = base64_decode_lines("Zm\n9v", 5, &y);
		before_failure = -1;
		assert_true(r == 0 || r == FUDA_ENOMEM);
		failed += r != 0;
		fuda_buf_free(&x);
		fuda_buf_free(&y);
		fuda_buf_free(&out);
	}
	assert_true(failed >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts), cmocka_unit_test(serves), cmocka_unit_test(reads_and_writes_json),
	};

	return RUN(tests);
}
