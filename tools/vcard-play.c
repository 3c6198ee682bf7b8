/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to vpcd and playing to it, whatever the card is. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <fuda/error.h>

#include "tools/vcard.h"

#define RETRY_MS   50
#define WAIT_LIMIT 86400
#define ASKED_MS   3000 /* in which vpcd has asked for the card */

bool play_stopped(int stop_fd, int ms)
{
	struct pollfd p = { .fd = stop_fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

static struct timespec time_in(unsigned seconds)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (time_t)seconds;
	return t;
}

/* Milliseconds until `end`; 0 after it. */
static int time_left(const struct timespec *end)
{
	struct timespec now;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = 1000L * (end->tv_sec - now.tv_sec) + (end->tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 0;
}

/* Whether the connection that `fd` asks for is there, before `end` and before told to stop; else
 * errno says why, ETIMEDOUT where nobody answered at all. */
static bool connected(int fd, const struct addrinfo *a, const struct timespec *end, int stop_fd)
{
	struct pollfd p[] = {
		{ .fd = fd, .events = POLLOUT },
		{ .fd = stop_fd, .events = POLLIN },
	};
	int error = ETIMEDOUT;
	socklen_t len = sizeof(error);

	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return true;
	if (errno != EINPROGRESS)
		return false;
	if (poll(p, 2, time_left(end)) > 0 && p[0].revents &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0)
		return true;
	errno = error;
	return false;
}

/* A connected socket, blocking as usual, or -1. `ret_silent`: at one of the addresses nobody
 * answered, be it yes or no. */
static int connect_once(const struct addrinfo *addresses, const struct timespec *end, int stop_fd,
			bool *ret_silent)
{
	*ret_silent = false;
	for (const struct addrinfo *a = addresses; a; a = a->ai_next) {
		int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
				a->ai_protocol);

		if (fd < 0)
			continue;
		if (connected(fd, a, end, stop_fd) && fcntl(fd, F_SETFL, 0) == 0)
			return fd;
		*ret_silent |= errno == ETIMEDOUT;
		close(fd);
	}
	return -1;
}

/* Tries until `end`. A socket; FUDA_ENOREADER: nothing listens (also when told to stop);
 * FUDA_EBUSY: vpcd, which takes one card at a time and lets others wait, does not answer. */
static int connect_until(const struct timespec *end, const struct play *play, int stop_fd)
{
	struct timespec first = time_in(play->wait ? 1 : 0); /* then it is time to say something */
	bool silent;
	int fd = connect_once(play->addresses, &first, stop_fd, &silent);

	if (fd < 0 && play->wait && !play_stopped(stop_fd, 0))
		fprintf(stderr,
			"fuda-vcard: %s at %s (package vsmartcard-vpcd, played by pcscd) yet; "
			"waiting for it, up to %u s\n",
			silent ? "no answer of vpcd" : "no vpcd", play->vpcd, play->wait);
	while (fd < 0 && time_left(end) && !play_stopped(stop_fd, RETRY_MS))
		fd = connect_once(play->addresses, end, stop_fd, &silent);
	return fd >= 0 ? fd : silent ? FUDA_EBUSY : FUDA_ENOREADER;
}

struct addrinfo *play_resolve(const char *where)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(where, ':');
	struct addrinfo *ret = NULL;
	size_t len = colon ? (size_t)(colon - where) : 0;
	char host[256];
	int e;

	if (len > 2 && where[0] == '[' && where[len - 1] == ']') {
		where++;
		len -= 2;
	}
	if (!len || len >= sizeof(host) || !number(colon + 1, 65535)) {
		usage_error("not HOST:PORT: ", where);
		return NULL;
	}
	memcpy(host, where, len);
	host[len] = 0;
	e = getaddrinfo(host, colon + 1, &hints, &ret);
	if (e) {
		fprintf(stderr, "fuda-vcard: %s: %s\n", host, gai_strerror(e));
		return NULL;
	}
	return ret;
}

int play_stop(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int play_option(struct play *play, int option, const char *argument)
{
	switch (option) {
	case 'v':
		play->vpcd = argument;
		return 0;
	case 'w':
		play->wait = number(argument, WAIT_LIMIT);
		if (play->wait || strcmp(argument, "0") == 0)
			return 0;
		return usage_error("not a number of seconds: ", argument);
	default:
		return usage_hint(); /* getopt_long() said what is wrong */
	}
}

/* Whether the other side asks for something within `ms`, as vpcd does several times a second: by
 * messages that are short. */
static bool asks(int fd, int stop_fd, int ms)
{
	struct pollfd p[] = { { fd, POLLIN, 0 }, { stop_fd, POLLIN, 0 } };
	unsigned char first;

	return poll(p, 2, ms) > 0 && !p[1].revents &&
	       recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && first == 0;
}

/* Waits for vpcd to ask for the card: until `end`, and at least as long as a free reader takes. */
static int await_question(const struct play *play, int fd, int stop_fd, const struct timespec *end)
{
	if (!asks(fd, stop_fd, ASKED_MS) && !play_stopped(stop_fd, 0) && time_left(end)) {
		fprintf(stderr,
			"fuda-vcard: %s does not ask for a card. Is another one in its reader, or "
			"is it a program other than vpcd? \"fuda readers\" shows what pcscd has; "
			"waiting for it, up to %u s\n",
			play->vpcd, play->wait);
		(void)asks(fd, stop_fd, time_left(end));
	}
	return asks(fd, stop_fd, 0) || play_stopped(stop_fd, 0) ? 0 : FUDA_EBUSY;
}

int play_card(const struct play *play, int stop_fd,
	      int (*card)(void *arg, int fd, int stop_fd), void *arg)
{
	const struct timespec end = time_in(play->wait);
	int fd = connect_until(&end, play, stop_fd), r;

	if (fd < 0)
		return play_stopped(stop_fd, 0) ? 0 : fd;
	r = await_question(play, fd, stop_fd, &end);
	if (r == 0 && asks(fd, stop_fd, 0))
		fprintf(stderr,
			"fuda-vcard: connected to %s: the card is in the reader; ^C takes it out\n",
			play->vpcd);
	if (r == 0)
		r = card(arg, fd, stop_fd);
	close(fd);
	return r;
}

int play_failed(const struct play *play, int code)
{
	const char *colon = strrchr(play->vpcd, ':');
	char why[WHY_SIZE];

	if (code == FUDA_EREADERGONE)
		return failed(code, "vpcd hung up");
	if (code != FUDA_ENOREADER && code != FUDA_EBUSY)
		return failed(code, "");
	if (code == FUDA_EBUSY)
		snprintf(why, sizeof(why),
			 "%s does not ask for a card. Probably another one is in this reader: take "
			 "that out, or use vpcd's second reader, at the next port: --vpcd %.*s:%u",
			 play->vpcd, (int)(colon - play->vpcd), play->vpcd,
			 number(colon + 1, 65535) + 1);
	else
		snprintf(why, sizeof(why),
			 "no vpcd there: nothing listens at %s. Is pcscd running, and the package "
			 "vsmartcard-vpcd installed?",
			 play->vpcd);
	return failed(code, why);
}
