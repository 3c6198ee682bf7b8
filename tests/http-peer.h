/* SPDX-License-Identifier: Apache-2.0 */
/* A client of sockets, which says what it is told to byte by byte, and a server under it. */
#ifndef TESTS_HTTP_PEER_H
#define TESTS_HTTP_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/deadline.h"
#include "service/http.h"
#include "tests/cmocka.h"

enum { PEER_TEXT = 1 << 17, PEER_WAIT_MS = 20000 };

/* ---- the server ---- */

struct stand {
	struct http *http;
	struct fuda_context *ctx;
	atomic_int handled, done, last_status;
	int delay_ms; /* of what is answered later */
};

/* Answers with what it has seen, as text; "/later" from another thread. */
static void stand_echo(struct exchange *x)
{
	const struct http_request *q = http_request(x);
	static const char type[] = "text/plain";
	char text[2 * HTTP_BODY_MAX];
	struct http_answer a = { .status = 200, .content_type = type, .body = text };

	a.body_len = (size_t)snprintf(text, sizeof(text), "%s|%s|%s|%s|%s|%s|%s|%zu|%zu%s|%.*s", q->method,
				      q->path, q->query, q->content_type, q->idempotency_key,
				      q->authorization, q->trace, q->body_len, q->certificate_len,
				      q->local ? "L" : "", (int)q->body_len,
				      q->body_len ? (const char *)q->body : "");
	http_answer(x, &a);
}

struct stand_later {
	struct exchange *x;
	int ms;
};

static void *stand_answer_later(void *arg)
{
	struct stand_later *later = arg;

	if (later->ms)
		usleep((useconds_t)later->ms * 1000);
	stand_echo(later->x);
	free(later);
	return NULL;
}

static void stand_handle(void *arg, struct exchange *x)
{
	struct stand *s = arg;
	const char *path = http_request(x)->path;

	atomic_fetch_add(&s->handled, 1);
	if (strcmp(path, "/source") == 0) {
		char text[2 * 16 + 1];
		struct http_answer a = { .status = 200, .content_type = "text/plain", .body = text, .body_len = 32 };

		for (size_t i = 0; i < 16; i++)
			snprintf(text + 2 * i, 3, "%02x", http_request(x)->source[i]);
		http_answer(x, &a);
	} else if (strcmp(path, "/problem") == 0) {
		http_problem(x, 422, "no_good", "It is no good", "Say it better.", 7);
	} else if (strcmp(path, "/later") == 0) {
		struct stand_later *later = malloc(sizeof(*later));
		pthread_t thread;

		*later = (struct stand_later){ x, s->delay_ms };
		pthread_create(&thread, NULL, stand_answer_later, later);
		pthread_detach(thread);
	} else {
		stand_echo(x);
	}
}

static void stand_done(void *arg, const struct http_request *request, int status, int64_t us)
{
	struct stand *s = arg;

	assert_non_null(request->method);
	assert_true(us >= 0);
	atomic_store(&s->last_status, status);
	atomic_fetch_add(&s->done, 1);
}

static _unused_ void stand_up_as(struct stand *s, struct http_config *c)
{
	memset(s, 0, sizeof(*s));
	c->handle = stand_handle;
	c->done = stand_done;
	c->arg = s;
	assert_int_equal(fuda_context_new(&s->ctx), 0);
	if (http_start(s->ctx, c, &s->http) != 0)
		fail_msg("%s", fuda_context_message(s->ctx));
}

static _unused_ void stand_up(struct stand *s, const char *address, bool trusted, int threads, int idle)
{
	struct http_listener l = { .address = address, .trusted = trusted };
	struct http_config c = { .listeners = &l, .listener_count = 1, .threads = threads, .connections = 64,
				 .idle_seconds = idle };

	stand_up_as(s, &c);
}

static _unused_ void stand_down(struct stand *s)
{
	http_stop(&s->http);
	assert_null(s->http);
	fuda_context_free(&s->ctx);
}

/* ---- the client ---- */

struct peer {
	int fd;
	char *text; /* what has come and was not taken */
	size_t len;
};

struct answer {
	int status;
	char head[4096], body[PEER_TEXT];
	size_t body_len;
};

static _unused_ struct peer peer_of(int fd)
{
	struct peer p = { .fd = fd, .text = calloc(1, PEER_TEXT) };

	assert_true(fd >= 0);
	assert_non_null(p.text);
	return p;
}

static _unused_ int peer_socket(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static _unused_ struct peer peer_connect(const struct stand *s)
{
	return peer_of(peer_socket(http_port(s->http, 0)));
}

static _unused_ int peer_unix_socket(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static _unused_ void peer_close(struct peer *p)
{
	close(p->fd);
	free(p->text);
	p->text = NULL;
}

/* Whether all of it went out; the other side may have closed. */
static _unused_ bool peer_say_bytes(struct peer *p, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t n = send(p->fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static _unused_ bool peer_say(struct peer *p, const char *text)
{
	return peer_say_bytes(p, text, strlen(text));
}

/* More of what the server says: 1, or 0 at the end, or -1 if nothing came in time. */
static _unused_ int peer_more(struct peer *p, int ms)
{
	struct pollfd fd = { .fd = p->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&fd, 1, ms) != 1)
		return -1;
	n = recv(p->fd, p->text + p->len, PEER_TEXT - 1 - p->len, 0);
	if (n <= 0)
		return 0;
	p->len += (size_t)n;
	p->text[p->len] = '\0';
	return 1;
}

/* Whether the server closes, saying nothing more. */
static _unused_ bool peer_is_closed(struct peer *p, int ms)
{
	return p->len == 0 && peer_more(p, ms) == 0;
}

static _unused_ const char *answer_field(const struct answer *a, const char *name)
{
	static char value[512];
	char line[64];
	const char *at;

	snprintf(line, sizeof(line), "\r\n%s: ", name);
	at = strcasestr(a->head, line);
	if (!at)
		return "";
	at += strlen(line);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
	return value;
}

/* One answer, taken; false if none came. `no_body`: to a HEAD. */
static _unused_ bool peer_answer_of(struct peer *p, struct answer *a, bool no_body)
{
	size_t head, all;
	char *end;

	memset(a, 0, sizeof(*a));
	while (!(end = strstr(p->text, "\r\n\r\n")))
		if (peer_more(p, PEER_WAIT_MS) <= 0)
			return false;
	head = (size_t)(end - p->text) + 4;
	assert_true(head < sizeof(a->head));
	memcpy(a->head, p->text, head);
	assert_int_equal(sscanf(a->head, "HTTP/1.1 %d ", &a->status), 1);
	if (!no_body && a->status >= 200 && a->status != 204)
		a->body_len = (size_t)strtoul(answer_field(a, "Content-Length"), NULL, 10);
	all = head + a->body_len;
	assert_true(a->body_len < sizeof(a->body));
	while (p->len < all)
		if (peer_more(p, PEER_WAIT_MS) <= 0)
			return false;
	memcpy(a->body, p->text + head, a->body_len);
	p->len -= all;
	memmove(p->text, p->text + all, p->len);
	p->text[p->len] = '\0';
	return true;
}

static _unused_ bool peer_answer(struct peer *p, struct answer *a)
{
	return peer_answer_of(p, a, false);
}

/* Says `text`, expects one answer of `status`. */
static _unused_ void peer_asks(struct peer *p, const char *text, int status, struct answer *a)
{
	assert_true(peer_say(p, text));
	if (!peer_answer(p, a))
		fail_msg("no answer to %s", text);
	if (a->status != status)
		print_message("%s\n%s%s\n", text, a->head, a->body);
	assert_int_equal(a->status, status);
}

#endif
