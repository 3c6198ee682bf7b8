/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <fuda/error.h>

enum {
	MESSAGE_MAX = 65535,
	ATR_TOO_LONG =
		40, /* vpcd takes any ATR as a sign that the card is there, and refuses this one */
};

struct peer {
	pthread_t thread;
	int fd;
	bool answers_reset, powered;
	uint8_t state;
	struct peer_counts counts;
	uint8_t in[MESSAGE_MAX + 2], out[2 + MESSAGE_MAX];
};

static bool receive(int fd, uint8_t *to, size_t len)
{
	int one = 1;

	while (len) {
		ssize_t n;

		setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
		n = recv(fd, to, len, 0);
		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
	}
	return true;
}

/* The answer stands behind two free bytes for its length. */
static void answer(struct peer *p, size_t len)
{
	p->out[0] = (uint8_t)(len >> 8);
	p->out[1] = (uint8_t)len;
	for (size_t sent = 0; sent < len + 2;) {
		ssize_t n = send(p->fd, p->out + sent, len + 2 - sent, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		sent += (size_t)n;
	}
}

static void control(struct peer *p, uint8_t code)
{
	static const uint8_t atr[ATR_TOO_LONG] = { 0x3B, 0x80, 0x80, 0x01, 0x01 };

	switch (code) {
	case 0:
		p->state = 0;
		p->powered = false;
		p->counts.offs++;
		break;
	case 1:
		p->counts.ons++;
		p->powered = true;
		break;
	case 2:
		p->counts.resets++;
		p->powered = true;
		break;
	case 4:
		memcpy(p->out + 2, atr, sizeof(atr));
		answer(p, p->answers_reset ? 5 : ATR_TOO_LONG);
		break;
	}
}

static size_t with_sw(struct peer *p, size_t len)
{
	p->out[2 + len] = 0x90;
	p->out[2 + len + 1] = 0x00;
	return len + 2;
}

/* False: the card leaves. */
static bool command(struct peer *p, size_t len)
{
	size_t n = (size_t)(p->in[2] << 8 | p->in[3]) + 1;

	p->counts.commands++;
	if (!p->powered) {
		answer(p, 1);
		return true;
	}
	switch (p->in[1]) {
	case PEER_PULL:
		return false;
	case PEER_MUTE:
		return true;
	case PEER_BYTE:
		answer(p, 1);
		return true;
	case PEER_LONG:
		memset(p->out + 2, 0x5A, n);
		answer(p, with_sw(p, n));
		return true;
	case PEER_STATE:
		p->out[2] = p->state;
		p->state = p->in[2];
		answer(p, with_sw(p, 1));
		return true;
	}
	if (len > MESSAGE_MAX - 2)
		len = MESSAGE_MAX - 2;
	memcpy(p->out + 2, p->in, len);
	answer(p, with_sw(p, len));
	/* A copy of what was sent is the driver's affair, not ours. */
	explicit_bzero(p->in, len);
	explicit_bzero(p->out, len + 4);
	return true;
}

static void *play(void *arg)
{
	struct peer *p = arg;
	uint8_t head[2];

	while (receive(p->fd, head, 2)) {
		size_t len = (size_t)(head[0] << 8 | head[1]);

		if (!receive(p->fd, p->in, len))
			break;
		if (len == 1)
			control(p, p->in[0]);
		else if (len >= 4 && !command(p, len))
			break;
	}
	shutdown(p->fd, SHUT_RDWR);
	return NULL;
}

struct peer *peer_insert(unsigned port, const char *reader, bool answers_reset)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct peer *p = calloc(1, sizeof(*p));
	char line[200];

	p->answers_reset = answers_reset;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(p->fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    pthread_create(&p->thread, NULL, play, p) != 0) {
		perror("peer");
		abort();
	}
	snprintf(line, sizeof(line), "tests/bare-pcsc card '%s' %d%s", reader,
		 answers_reset ? 5000 : 2000, answers_reset ? "" : " 2>/dev/null");
	if (system(line) != 0 && answers_reset)
		abort();
	return p;
}

void peer_remove(struct peer **p)
{
	if (!*p)
		return;
	shutdown((*p)->fd, SHUT_RDWR);
	pthread_join((*p)->thread, NULL);
	close((*p)->fd);
	free(*p);
	*p = NULL;
}

const struct peer_counts *peer_counts(const struct peer *p)
{
	return &p->counts;
}

int peer_environment(const char *program)
{
	const char *srcdir = getenv("srcdir");
	char script[4096];

	if (getenv("FUDA_TEST_PORT"))
		return 0;
	snprintf(script, sizeof(script), "%s/tests/pcscd-env.sh", srcdir ? srcdir : ".");
	execl("/bin/sh", "sh", script, program, NULL);
	return FUDA_EFAILED;
}

unsigned peer_port(int reader)
{
	return (unsigned)(atoi(getenv("FUDA_TEST_PORT")) + reader);
}
