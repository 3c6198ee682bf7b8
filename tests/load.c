/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void insist(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	abort();
}

int64_t load_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void load_compose(const char *method, const char *target, const char *certificate, const char *key, const char *body,
		  struct fuda_buf *ret)
{
	char head[8192];
	int len = snprintf(head, sizeof(head),
			   "%s %s HTTP/1.1\r\nHost: localhost\r\nClient-Cert: :%s:\r\n%s%s%s"
			   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
			   method, target, certificate, key[0] ? "Idempotency-Key: " : "", key, key[0] ? "\r\n" : "",
			   strlen(body));

	insist(len > 0 && (size_t)len < sizeof(head), "a head that long");
	fuda_buf_clear(ret);
	insist(fuda_buf_append(ret, head, (size_t)len) == 0 && fuda_buf_append(ret, body, strlen(body)) == 0, "memory");
}

/* ---- answers ---- */

struct answer {
	char bytes[LOAD_ANSWER + 1];
	size_t len;
};

/* The value of a header field of the head, or -1. */
static long length_of(const char *head, const char *end)
{
	for (const char *line = head; line && line < end; line = strstr(line, "\r\n")) {
		line += line == head ? 0 : 2;
		if (strncasecmp(line, "content-length:", 15) == 0)
			return strtol(line + 15, NULL, 10);
	}
	return -1;
}

/* Whether the answer is whole: its status and body. -1: it is no answer. */
static int answer_whole(struct answer *a, int *ret_status, const char **ret_body, size_t *ret_len)
{
	const char *end;
	long length;

	a->bytes[a->len] = 0;
	end = strstr(a->bytes, "\r\n\r\n");
	if (!end)
		return a->len == LOAD_ANSWER ? -1 : 0;
	length = length_of(a->bytes, end);
	if (strncmp(a->bytes, "HTTP/1.1 ", 9) != 0 || length < 0 || length > LOAD_ANSWER - (end + 4 - a->bytes))
		return -1;
	if (a->len < (size_t)(end + 4 - a->bytes + length))
		return 0;
	*ret_status = (int)strtol(a->bytes + 9, NULL, 10);
	*ret_body = end + 4;
	*ret_len = (size_t)length;
	return 1;
}

/* ---- connections ---- */

static int connect_to(const char *path, bool wait)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	insist(fd >= 0, "socket");
	insist((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) < sizeof(address.sun_path),
	       "a path that long");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	if (!wait)
		insist(fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
	return fd;
}

int load_one(const char *socket, const uint8_t *request, size_t len, struct fuda_buf *ret_body)
{
	struct answer a = { .len = 0 };
	const char *body;
	size_t body_len;
	int status = -1, fd = connect_to(socket, true), whole = 0;

	if (fd < 0)
		return -1;
	if (send(fd, request, len, MSG_NOSIGNAL) == (ssize_t)len)
		while (whole == 0) {
			ssize_t n = recv(fd, a.bytes + a.len, LOAD_ANSWER - a.len, 0);

			if (n <= 0)
				break;
			a.len += (size_t)n;
			whole = answer_whole(&a, &status, &body, &body_len);
		}
	close(fd);
	if (whole != 1)
		return -1;
	fuda_buf_clear(ret_body);
	insist(fuda_buf_append(ret_body, body, body_len) == 0, "memory");
	return status;
}

enum state { ST_FREE, ST_DUE, ST_SENDING, ST_WAITING, ST_BROKEN, ST_OVER };

struct connection {
	int fd; /* -1: none */
	enum state state;
	struct load_request request;
	size_t sent;
	int64_t begun, retry;
	struct answer answer;
};

struct pool {
	const struct load *load;
	int epoll;
	int64_t now;
	struct connection *all;
	bool whole;
};

static void watch(struct pool *p, struct connection *c, int how, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.u32 = (uint32_t)(c - p->all) };

	insist(epoll_ctl(p->epoll, how, c->fd, &e) == 0, "epoll_ctl");
}

static void broken(struct pool *p, struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->retry = p->now + 20000;
	if (c->state != ST_FREE && c->state != ST_DUE)
		c->state = p->load->lost(p->load->arg, (int)(c - p->all), &c->request) ? ST_BROKEN : ST_FREE;
}

static void send_more(struct pool *p, struct connection *c)
{
	ssize_t n = send(c->fd, c->request.bytes + c->sent, c->request.len - c->sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		broken(p, c);
		return;
	}
	c->sent += n > 0 ? (size_t)n : 0;
	if (c->sent == c->request.len) {
		c->state = ST_WAITING;
		watch(p, c, EPOLL_CTL_MOD, EPOLLIN);
	} else {
		watch(p, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
	}
}

static void begin(struct pool *p, struct connection *c)
{
	if (c->fd < 0) {
		c->fd = connect_to(p->load->socket, false);
		if (c->fd < 0) {
			c->state = ST_BROKEN;
			c->retry = p->now + 20000;
			return;
		}
		watch(p, c, EPOLL_CTL_ADD, EPOLLIN);
	}
	c->state = ST_SENDING;
	c->sent = 0;
	c->answer.len = 0;
	c->begun = load_clock();
	send_more(p, c);
}

static void receive(struct pool *p, struct connection *c)
{
	ssize_t n = recv(c->fd, c->answer.bytes + c->answer.len, LOAD_ANSWER - c->answer.len, 0);
	const char *body;
	size_t len;
	int status, whole;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		broken(p, c);
		return;
	}
	c->answer.len += (size_t)n;
	whole = c->state == ST_WAITING ? answer_whole(&c->answer, &status, &body, &len) : -1;
	if (whole < 0) {
		broken(p, c);
	} else if (whole) {
		c->state = ST_FREE;
		p->load->answered(p->load->arg, (int)(c - p->all), &c->request, status, body, len,
				  load_clock() - (c->request.due ? c->request.due : c->begun));
	}
}

/* What connections without an answer to wait for do next. False: all have come to their end. */
static bool go_on(struct pool *p)
{
	bool some = false;

	p->now = load_clock();
	for (int i = 0; i < p->load->connections; i++) {
		struct connection *c = p->all + i;
		int r;

		if (c->state == ST_FREE) {
			r = p->load->next(p->load->arg, i, &c->request);
			c->state = r > 0 ? ST_DUE : r < 0 ? ST_FREE : ST_OVER;
		}
		if ((c->state == ST_DUE && c->request.due <= p->now) || (c->state == ST_BROKEN && c->retry <= p->now))
			begin(p, c);
		some = some || c->state != ST_OVER;
	}
	return some;
}

bool load_run(const struct load *load, int64_t end)
{
	struct pool p = { .load = load, .epoll = epoll_create1(EPOLL_CLOEXEC), .whole = true };
	struct epoll_event events[64];

	p.all = calloc((size_t)load->connections, sizeof(*p.all));
	insist(p.all && p.epoll >= 0 && load->connections <= LOAD_CONNECTIONS, "connections");
	for (int i = 0; i < load->connections; i++)
		p.all[i].fd = -1;
	while (go_on(&p)) {
		int n = epoll_wait(p.epoll, events, 64, 1);

		p.now = load_clock();
		if (end && p.now >= end) {
			p.whole = false;
			break;
		}
		for (int i = 0; i < n; i++) {
			struct connection *c = p.all + events[i].data.u32;

			if (c->state == ST_SENDING && (events[i].events & EPOLLOUT))
				send_more(&p, c);
			if (c->fd >= 0 && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
				receive(&p, c);
		}
	}
	for (int i = 0; i < load->connections; i++)
		if (p.all[i].fd >= 0)
			close(p.all[i].fd);
	close(p.epoll);
	free(p.all);
	return p.whole;
}
