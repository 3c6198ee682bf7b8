/* SPDX-License-Identifier: Apache-2.0 */
/* Where is listened, who is believed there, and how it ends. */
#include <fuda/encode.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "codec/base64.h"
#include "service/http-listen.h"
#include "tests/http-peer.h"
#include "tests/scratch.h"

static struct answer a; /* too large for a stack */

static const char *unix_address(const char *name)
{
	static char address[300];

	snprintf(address, sizeof(address), "unix:%s", scratch_path(name));
	return address;
}

/* ---- certificates in header fields ---- */

static void believes_its_proxy(void **state)
{
	static const char pem[] = "-----BEGIN%20CERTIFICATE-----%0AMAMCAQU%3D%0A-----END%20CERTIFICATE-----%0A";
	char text[512];
	struct stand s;
	struct peer p;

	(void)state;
	stand_up(&s, unix_address("t.sock"), true, 1, 30);
	p = peer_of(peer_unix_socket(scratch_path("t.sock")));
	peer_asks(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, &a);
	assert_string_equal(a.body, "GET|/||||||0|0L|");
	peer_asks(&p, "GET / HTTP/1.1\r\nHost: a\r\nClient-Cert: :MAMCAQU=:\r\n\r\n", 200, &a);
	assert_string_equal(a.body, "GET|/||||||0|5|");
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nClient-Cert-Pem: %s\r\n\r\n", pem);
	peer_asks(&p, text, 200, &a);
	assert_string_equal(a.body, "GET|/||||||0|5|");
	peer_asks(&p, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n", 200, &a);
	assert_string_equal(a.body, "GET|/||||||0|0|");
	peer_asks(&p, "GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=192.0.2.1\r\n\r\n", 200, &a);
	assert_string_equal(a.body, "GET|/||||||0|0|");
	peer_close(&p);
	stand_down(&s);
}

/* Who sent it is what the proxy itself has added; elsewhere it is who is connected. */
static void knows_its_source(void **state)
{
	static const char nobody[] = "00000000000000000000000000000000", local[] = "00000000000000000000ffff7f000001";
	static const struct {
		const char *field, *source;
	} rows[] = {
		{ "X-Forwarded-For: 192.0.2.1", "00000000000000000000ffffc0000201" },
		{ "X-Forwarded-For: 198.51.100.7, 192.0.2.1", "00000000000000000000ffffc0000201" },
		{ "X-Forwarded-For: x,\t192.0.2.1 ", "00000000000000000000ffffc0000201" },
		{ "X-Forwarded-For: 2001:db8:1:2:3:4:5:6", "20010db8000100020000000000000000" },
		{ "X-Forwarded-For: ::ffff:192.0.2.1", "00000000000000000000ffffc0000201" },
		{ "X-Forwarded-For: 192.0.2.1,", nobody },
		{ "X-Forwarded-For:", nobody },
		{ "X-Forwarded-For: 192.0.2.1:80", nobody },
		{ "X-Forwarded-For: 192.0.2.256", nobody },
		{ "X-Forwarded-For: [2001:db8::1]", nobody },
		{ "X-Forwarded-For: 1234567890123456789012345678901234567890123456789", nobody },
		{ "X-Real-IP: 192.0.2.1", nobody },
		{ "Forwarded: for=192.0.2.1", nobody },
	};
	char text[256];
	struct stand s;
	struct peer p;

	(void)state;
	stand_up(&s, unix_address("t.sock"), true, 1, 30);
	p = peer_of(peer_unix_socket(scratch_path("t.sock")));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "GET /source HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", rows[i].field);
		peer_asks(&p, text, 200, &a);
		assert_string_equal(a.body, rows[i].source);
	}
	peer_close(&p);
	stand_down(&s);
	stand_up(&s, "127.0.0.1:0", false, 1, 30);
	p = peer_of(peer_socket(http_port(s.http, 0)));
	peer_asks(&p, "GET /source HTTP/1.1\r\nHost: a\r\n\r\n", 200, &a);
	assert_string_equal(a.body, local);
	peer_asks(&p, "GET /source HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n", 200, &a);
	assert_string_equal(a.body, local);
	peer_close(&p);
	stand_down(&s);
}

static void believes_no_nonsense(void **state)
{
	static const char *const bad[] = {
		"Client-Cert: :MAMCAQU=:\r\nClient-Cert: :MAMCAQU=:",
		"Client-Cert: MAMCAQU=", "Client-Cert: :MAMCAQU=", "Client-Cert: MAMCAQU=:", "Client-Cert: ::",
		"Client-Cert: :", "Client-Cert:", "Client-Cert: :MAMCAQU=:,:MAMCAQU=:", "Client-Cert: :MAM CAQU=:",
		"Client-Cert: :MAMCAQ*=:", "Client-Cert: \"MAMCAQU=\"", "Client-Cert: :MAMCAQU=:;a=b",
		("Client-Cert: :MAMCAQU=:\r\nClient-Cert-Pem: -----BEGIN%20CERTIFICATE-----%0AMAMCAQU%3D%0A"
		 "-----END%20CERTIFICATE-----%0A"),
		"Client-Cert-Pem: MAMCAQU=", "Client-Cert-Pem:", "Client-Cert-Pem: %", "Client-Cert-Pem: -----%4",
		"Client-Cert-Pem: -----%zz", "Client-Cert-Pem: -----% 1",
		"Client-Cert-Pem: -----BEGIN%20CERTIFICATE-----%0AMAMCAQU%3D%0A-----END%20CERTIFICATE-----%0Ax",
		"Client-Cert-Pem: x%0A-----BEGIN%20CERTIFICATE-----%0AMAMCAQU%3D%0A-----END%20CERTIFICATE-----",
		"Client-Cert-Pem: -----BEGIN%20CERTIFICATE-----%0AMAMCAQU%3D%0A",
		"Client-Cert-Pem: -----BEGIN%20PRIVATE%20KEY-----%0AMAMCAQU%3D%0A-----END%20PRIVATE%20KEY-----",
		"Client-Cert-Pem: -----BEGIN CERTIFICATE-----%0AMAMCAQU%3D%0A-----END%20CERTIFICATE-----",
	};
	char text[1024];
	struct stand s;

	(void)state;
	stand_up(&s, unix_address("t.sock"), true, 1, 30);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct peer p = peer_of(peer_unix_socket(scratch_path("t.sock")));

		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", bad[i]);
		peer_asks(&p, text, 400, &a);
		assert_true(peer_is_closed(&p, 5000));
		peer_close(&p);
	}
	assert_int_equal(atomic_load(&s.handled), 0);
	stand_down(&s);
	/* nor is any of it believed on a socket that is not trusted */
	stand_up(&s, unix_address("t.sock"), false, 1, 30);
	for (int i = 0; i < 2; i++) {
		struct peer p = peer_of(peer_unix_socket(scratch_path("t.sock")));

		peer_asks(&p, i ? "GET / HTTP/1.1\r\nHost: a\r\nclient-cert: :MAMCAQU=:\r\n\r\n" :
				  "GET / HTTP/1.1\r\nHost: a\r\nclient-cert-pem:\r\n\r\n", 400, &a);
		peer_close(&p);
	}
	assert_int_equal(atomic_load(&s.handled), 0);
	stand_down(&s);
}

/* ---- sockets ---- */

static int try_listen(const char *address, bool trusted)
{
	struct http_listener l = { .address = address, .trusted = trusted };
	struct http_config c = { .listeners = &l, .listener_count = 1, .threads = 1, .handle = stand_handle };
	struct fuda_context *ctx;
	struct http *http = NULL;
	int r;

	assert_int_equal(fuda_context_new(&ctx), 0);
	r = http_start(ctx, &c, &http);
	assert_true(r == 0 ? http != NULL : http == NULL && *fuda_context_message(ctx));
	http_stop(&http);
	fuda_context_free(&ctx);
	return r;
}

static void no_addresses(void **state)
{
	static const char *const bad[] = {
		"", ":", "127.0.0.1", "127.0.0.1:", "localhost:0", "127.0.0.1:http", "::1:0", "[::1]", "[::1:0", "[]:0",
		"127.0.0.1:65536", "127.0.0.1:-1", "256.0.0.1:0", "unix:", "127.0.0.1:0 ", ":8443",
		("unix:/tmp/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (try_listen(bad[i], false) != FUDA_EINVAL)
			fail_msg("%s", bad[i]);
	assert_int_equal(try_listen("unix:/nonexistent/x.sock", true), FUDA_EFILE);
	assert_int_equal(try_listen("127.0.0.1:0", true), FUDA_EINVAL);
	assert_int_equal(try_listen("127.0.0.1:0", false), 0);
	assert_int_equal(try_listen("[::1]:0", false), 0);
}

static void one_at_an_address(void **state)
{
	char address[64];
	struct stand s;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 1, 30);
	snprintf(address, sizeof(address), "127.0.0.1:%d", http_port(s.http, 0));
	assert_int_equal(try_listen(address, false), FUDA_EBUSY);
	stand_down(&s);
	assert_int_equal(try_listen(address, false), 0);
	stand_up(&s, unix_address("one.sock"), true, 1, 30);
	assert_int_equal(try_listen(unix_address("one.sock"), true), FUDA_EBUSY);
	assert_true(peer_unix_socket(scratch_path("one.sock")) >= 0); /* it is still there */
	stand_down(&s);
	assert_int_equal(try_listen(unix_address("one.sock"), true), 0);
}

static void socket_files(void **state)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct stand s;
	struct stat st;
	int fd;

	(void)state;
	stand_up(&s, unix_address("f.sock"), true, 1, 30);
	assert_int_equal(lstat(scratch_path("f.sock"), &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	stand_down(&s);
	assert_int_equal(lstat(scratch_path("f.sock"), &st), -1);

	/* one that is left over is replaced */
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", scratch_path("f.sock"));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(try_listen(unix_address("f.sock"), true), FUDA_EBUSY);
	close(fd);
	assert_int_equal(lstat(scratch_path("f.sock"), &st), 0);
	assert_int_equal(try_listen(unix_address("f.sock"), true), 0);

	/* nothing else is */
	fd = open(scratch_path("f.sock"), O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(try_listen(unix_address("f.sock"), true), FUDA_EFILE);
	assert_int_equal(lstat(scratch_path("f.sock"), &st), 0);
	assert_int_equal(st.st_size, 1);
	assert_int_equal(unlink(scratch_path("f.sock")), 0);
	assert_int_equal(symlink(scratch_path("other"), scratch_path("f.sock")), 0);
	assert_int_equal(try_listen(unix_address("f.sock"), true), FUDA_EFILE);
	assert_int_equal(unlink(scratch_path("f.sock")), 0);

	/* one that somebody else has put there since is not removed */
	stand_up(&s, unix_address("f.sock"), true, 1, 30);
	assert_int_equal(unlink(scratch_path("f.sock")), 0);
	fd = open(scratch_path("f.sock"), O_CREAT | O_WRONLY, 0600);
	close(fd);
	stand_down(&s);
	assert_int_equal(unlink(scratch_path("f.sock")), 0);
}

/* Of many processes that begin at once, one listens, and its socket is the file's. */
static void one_of_many(void **state)
{
	enum { MANY = 8 };
	int go[2], report[2], listening = 0;
	char result[MANY];
	pid_t child[MANY];

	(void)state;
	for (int round = 0; round < 5; round++) {
		assert_int_equal(pipe(go), 0);
		assert_int_equal(pipe(report), 0);
		for (int i = 0; i < MANY; i++) {
			child[i] = fork();
			if (child[i] == 0) {
				struct listen_socket l = LISTEN_NONE;
				struct fuda_context *ctx;
				char c;

				close(go[1]);
				close(report[0]);
				(void)!read(go[0], &c, 1); /* its end */
				c = fuda_context_new(&ctx) == 0 && listen_open(ctx, unix_address("m.sock"), &l) == 0 ?
					    'y' : 'n';
				(void)!write(report[1], &c, 1);
				pause();
				_exit(0);
			}
		}
		close(go[0]);
		close(report[1]);
		close(go[1]);
		for (size_t got = 0; got < MANY;) {
			ssize_t n = read(report[0], result + got, MANY - got);

			assert_true(n > 0);
			got += (size_t)n;
		}
		listening = 0;
		for (int i = 0; i < MANY; i++)
			listening += result[i] == 'y';
		assert_int_equal(listening, 1);
		{
			int fd = peer_unix_socket(scratch_path("m.sock"));

			assert_true(fd >= 0);
			close(fd);
		}
		/* all of them die without a word; the next round finds the file */
		for (int i = 0; i < MANY; i++)
			kill(child[i], SIGKILL);
		for (int i = 0; i < MANY; i++)
			assert_int_equal(waitpid(child[i], NULL, 0), child[i]);
		close(report[0]);
	}
}

/* ---- the end ---- */

struct held {
	_Atomic(struct exchange *) x;
};

static void hold(void *arg, struct exchange *x)
{
	struct held *h = arg;

	atomic_store(&h->x, x);
}

static void up_to_hold(struct stand *s, struct held *h)
{
	struct http_listener l = { .address = "127.0.0.1:0" };
	struct http_config c = { .listeners = &l, .listener_count = 1, .threads = 2, .connections = 8,
				 .idle_seconds = 30, .handle = hold, .arg = h };

	memset(s, 0, sizeof(*s));
	atomic_store(&h->x, NULL);
	assert_int_equal(fuda_context_new(&s->ctx), 0);
	assert_int_equal(http_start(s->ctx, &c, &s->http), 0);
}

static void wait_held(struct held *h)
{
	for (int i = 0; i < 1000 && !atomic_load(&h->x); i++)
		usleep(5000);
	assert_non_null(atomic_load(&h->x));
	usleep(20000); /* suspended, or about to be */
}

static void drains(void **state)
{
	struct stand s;
	struct peer p, idle;
	int port, connections, open;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 2, 30);
	port = http_port(s.http, 0);
	s.delay_ms = 400;
	idle = peer_connect(&s);
	peer_asks(&idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, &a);
	assert_string_equal(answer_field(&a, "Connection"), "");
	p = peer_connect(&s);
	assert_true(peer_say(&p, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"));
	for (int i = 0; i < 1000 && atomic_load(&s.handled) < 2; i++)
		usleep(5000);
	http_load(s.http, &connections, &open);
	assert_int_equal(connections, 2);
	assert_int_equal(open, 1);
	assert_int_equal(http_drain(s.http, 20), 1);
	assert_int_equal(peer_socket(port), -1);
	/* who is there is served, and told to come back elsewhere */
	peer_asks(&idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, &a);
	assert_string_equal(answer_field(&a, "Connection"), "close");
	assert_int_equal(http_drain(s.http, 10000), 0);
	assert_true(peer_answer(&p, &a));
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_field(&a, "Connection"), "close");
	peer_close(&p);
	peer_close(&idle);
	stand_down(&s);
}

static void stops_with_an_answer(void **state)
{
	struct http_answer late = { .status = 200, .content_type = "text/plain", .body = "late", .body_len = 4 };
	struct held h;
	struct stand s;
	struct peer p;

	(void)state;
	up_to_hold(&s, &h);
	p = peer_connect(&s);
	assert_true(peer_say(&p, "POST /x HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\n"
				 "Content-Length: 3\r\n\r\nabc"));
	wait_held(&h);
	stand_down(&s);
	assert_true(peer_answer(&p, &a));
	assert_int_equal(a.status, 503);
	assert_non_null(strstr(a.body, "\"code\":\"stopping\""));
	assert_true(peer_is_closed(&p, 5000));
	peer_close(&p);
	/* whoever has it still may read it, and answer to nobody */
	assert_string_equal(http_request(atomic_load(&h.x))->authorization, "Basic YTpi");
	assert_memory_equal(http_request(atomic_load(&h.x))->body, "abc", 3);
	http_answer(atomic_load(&h.x), &late);
}

static void *answer_soon(void *arg)
{
	struct held *h = arg;
	struct http_answer late = { .status = 200, .content_type = "text/plain", .body = "late", .body_len = 4 };

	http_answer(atomic_load(&h->x), &late);
	return NULL;
}

/* Both at once: one of the two answers comes, whole. */
static void stops_while_it_is_answered(void **state)
{
	int seen[2] = { 0, 0 };

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct held h;
		struct stand s;
		struct peer p;
		pthread_t thread;

		up_to_hold(&s, &h);
		p = peer_connect(&s);
		assert_true(peer_say(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
		for (int n = 0; n < 1000000 && !atomic_load(&h.x); n++)
			usleep(10);
		pthread_create(&thread, NULL, answer_soon, &h);
		if (i % 4)
			usleep((useconds_t)(i % 4 * 20));
		stand_down(&s);
		pthread_join(thread, NULL);
		assert_true(peer_answer(&p, &a));
		assert_true(a.status == 503 || a.status == 200);
		seen[a.status == 200]++;
		peer_close(&p);
	}
	print_message("503: %d, 200: %d\n", seen[0], seen[1]);
}

/* A connection that nobody speaks on, and one in the middle of a word, do not hold it up. */
static void stops_at_once(void **state)
{
	struct peer p[3];
	struct stand s;
	int64_t start;

	(void)state;
	stand_up(&s, "127.0.0.1:0", false, 2, 30);
	for (int i = 0; i < 3; i++)
		p[i] = peer_connect(&s);
	assert_true(peer_say(&p[1], "GET / HT"));
	assert_true(peer_say(&p[2], "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nx"));
	usleep(50000);
	start = deadline_now();
	stand_down(&s);
	assert_true(deadline_now() - start < 3000);
	for (int i = 0; i < 3; i++) {
		assert_true(peer_is_closed(&p[i], 1000));
		peer_close(&p[i]);
	}
}

static void limits_connections(void **state)
{
	struct http_listener l = { .address = "127.0.0.1:0" };
	struct http_config c = { .listeners = &l, .listener_count = 1, .threads = 1, .connections = 64,
				 .per_address = 3, .idle_seconds = 30 };
	struct peer p[4];
	struct stand s;

	(void)state;
	stand_up_as(&s, &c);
	for (int i = 0; i < 3; i++) {
		p[i] = peer_connect(&s);
		peer_asks(&p[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, &a);
	}
	p[3] = peer_connect(&s);
	(void)peer_say(&p[3], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_true(peer_is_closed(&p[3], 5000));
	peer_close(&p[0]);
	peer_close(&p[3]);
	usleep(100000);
	p[0] = peer_connect(&s);
	peer_asks(&p[0], "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, &a);
	for (int i = 0; i < 3; i++)
		peer_close(&p[i]);
	stand_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(believes_its_proxy), cmocka_unit_test(believes_no_nonsense),
		cmocka_unit_test(knows_its_source),
		cmocka_unit_test(no_addresses), cmocka_unit_test(one_at_an_address), cmocka_unit_test(socket_files),
		cmocka_unit_test(one_of_many), cmocka_unit_test(drains), cmocka_unit_test(stops_with_an_answer),
		cmocka_unit_test(stops_while_it_is_answered), cmocka_unit_test(stops_at_once),
		cmocka_unit_test(limits_connections),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, scratch_setup, scratch_teardown);
}
