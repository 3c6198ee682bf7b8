/* SPDX-License-Identifier: Apache-2.0 */
#include "base/deadline.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

struct fuda_deadline {
	int64_t end_ms; /* monotonic; negative: never */
	atomic_bool cancelled;
	int cancel_fd; /* readable once cancelled */
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int fuda_deadline_new(int ms, struct fuda_deadline **ret)
{
	struct fuda_deadline *dl = malloc(sizeof(*dl));

	if (!dl)
		return FUDA_ENOMEM;
	atomic_init(&dl->cancelled, false);
	dl->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (dl->cancel_fd < 0) {
		free(dl);
		return FUDA_EFAILED;
	}
	fuda_deadline_restart(dl, ms);
	*ret = dl;
	return 0;
}

void fuda_deadline_free(struct fuda_deadline **dl)
{
	if (!*dl)
		return;
	close((*dl)->cancel_fd);
	free(*dl);
	*dl = NULL;
}

void fuda_deadline_restart(struct fuda_deadline *dl, int ms)
{
	dl->end_ms = ms < 0 ? -1 : now_ms() + ms;
}

void fuda_deadline_cancel(struct fuda_deadline *dl)
{
	static const uint64_t one = 1;
	int saved = errno;

	atomic_store(&dl->cancelled, true);
	/* It can fail only when the counter is full, and then it is readable as well. */
	if (write(dl->cancel_fd, &one, sizeof(one)) < 0)
		errno = saved;
}

int deadline_left(const struct fuda_deadline *dl)
{
	int64_t left;

	if (dl->end_ms < 0)
		return -1;
	left = dl->end_ms - now_ms();
	if (left < 0)
		return 0;
	return (int)MIN(left, INT_MAX);
}

int deadline_fd(const struct fuda_deadline *dl)
{
	return dl->cancel_fd;
}

int deadline_check(const struct fuda_deadline *dl)
{
	if (atomic_load(&dl->cancelled))
		return FUDA_ECANCELLED;
	return deadline_left(dl) == 0 ? FUDA_ETIMEOUT : 0;
}

int deadline_wait_fd(const struct fuda_deadline *dl, int fd, short events)
{
	struct pollfd p[] = {
		{ .fd = dl->cancel_fd, .events = POLLIN },
		{ .fd = fd, .events = events },
	};

	for (;;) {
		int n = poll(p, ARRAY_SIZE(p), deadline_left(dl));

		if (n < 0 && errno != EINTR)
			return FUDA_EFAILED;
		if (n > 0 && p[0].revents)
			return FUDA_ECANCELLED;
		if (n > 0)
			return 0;
		if (n == 0 && deadline_left(dl) == 0)
			return FUDA_ETIMEOUT;
	}
}

int deadline_sleep(const struct fuda_deadline *dl, int ms)
{
	struct pollfd p = { .fd = dl->cancel_fd, .events = POLLIN };
	int64_t until = now_ms() + ms;

	for (;;) {
		int64_t wait = until - now_ms();
		int left = deadline_left(dl), n;

		if (wait <= 0)
			return 0;
		if (left == 0)
			return FUDA_ETIMEOUT;
		if (left > 0 && left < wait)
			wait = left;
		n = poll(&p, 1, (int)wait);
		if (n > 0)
			return FUDA_ECANCELLED;
		if (n < 0 && errno != EINTR)
			return FUDA_EFAILED;
	}
}
