/* SPDX-License-Identifier: Apache-2.0 */
#include "base/deadline.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

struct fuda_deadline {
	int64_t end_ms; /* monotonic; negative: never */
	deadline_word cancelled;
	_Atomic int cancel_fd; /* readable once cancelled; -1 until somebody waits with it */
};

uint64_t deadline_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int64_t deadline_now(void)
{
	return (int64_t)(deadline_now_us() / 1000);
}

int fuda_deadline_new(int ms, struct fuda_deadline **ret)
{
	struct fuda_deadline *dl = malloc(sizeof(*dl));

	if (!dl)
		return FUDA_ENOMEM;
	atomic_init(&dl->cancelled, 0);
	atomic_init(&dl->cancel_fd, -1);
	fuda_deadline_restart(dl, ms);
	*ret = dl;
	return 0;
}

void fuda_deadline_free(struct fuda_deadline **dl)
{
	if (!*dl)
		return;
	if ((*dl)->cancel_fd >= 0)
		close((*dl)->cancel_fd);
	free(*dl);
	*dl = NULL;
}

void fuda_deadline_restart(struct fuda_deadline *dl, int ms)
{
	dl->end_ms = ms < 0 ? -1 : deadline_now() + ms;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

int64_t deadline_narrow(struct fuda_deadline *dl, int ms)
{
	int64_t end = dl->end_ms;

	dl->end_ms = earlier(end, deadline_now() + ms);
	return end;
}

void deadline_widen(struct fuda_deadline *dl, int64_t end)
{
	dl->end_ms = end;
}

static void make_readable(int fd)
{
	static const uint64_t one = 1;
	int saved = errno;

	/* It can fail only when the counter is full, and then it is readable as well. */
	if (write(fd, &one, sizeof(one)) < 0)
		errno = saved;
}

void fuda_deadline_cancel(struct fuda_deadline *dl)
{
	int fd;

	atomic_store(&dl->cancelled, 1);
	deadline_wake_word(&dl->cancelled);
	fd = atomic_load(&dl->cancel_fd);
	if (fd >= 0)
		make_readable(fd);
}

int deadline_left(const struct fuda_deadline *dl)
{
	int64_t left;

	if (dl->end_ms < 0)
		return -1;
	left = dl->end_ms - deadline_now();
	if (left < 0)
		return 0;
	return (int)MIN(left, INT_MAX);
}

int deadline_fd(const struct fuda_deadline *dl)
{
	struct fuda_deadline *d = (struct fuda_deadline *)(uintptr_t)dl;
	int none = -1, fd = atomic_load(&d->cancel_fd);

	if (fd >= 0)
		return fd;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return FUDA_EFAILED;
	if (!atomic_compare_exchange_strong(&d->cancel_fd, &none, fd)) {
		close(fd); /* another thread was faster */
		return none;
	}
	/* Either he who cancels sees the descriptor, or we see that he has. */
	if (atomic_load(&d->cancelled))
		make_readable(fd);
	return fd;
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
		{ .fd = deadline_fd(dl), .events = POLLIN },
		{ .fd = fd, .events = events },
	};

	if (p[0].fd < 0)
		return FUDA_EFAILED;
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
	struct pollfd p = { .fd = deadline_fd(dl), .events = POLLIN };
	int64_t until = deadline_now() + ms;

	if (p.fd < 0)
		return FUDA_EFAILED;
	for (;;) {
		int64_t wait = until - deadline_now();
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

/* ---- words ---- */

enum {
	SOON_MS = 10, /* most waits are over by then */
	LOOK_MS = 20, /* between looks at the deadline, where the kernel cannot watch two words */
};

static struct timespec time_at(int64_t ms)
{
	return (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
}

/* Sleeps until a change of `word` from `value`, until the time `until` (negative: never), or for no
 * reason. */
static void sleep_on_one(const deadline_word *word, uint32_t value, int64_t until)
{
	struct timespec end = time_at(until);

	(void)syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, until < 0 ? NULL : &end,
		      NULL, FUTEX_BITSET_MATCH_ANY);
}

/* The same, or until cancelled. false: not with this kernel (Linux before 5.16, or forbidden). */
static bool sleep_on_two(const struct fuda_deadline *dl, const deadline_word *word, uint32_t value,
			 int64_t until)
{
	struct futex_waitv words[] = {
		{ value, (uintptr_t)word, FUTEX_32 | FUTEX_PRIVATE_FLAG, 0 },
		{ 0, (uintptr_t)&dl->cancelled, FUTEX_32 | FUTEX_PRIVATE_FLAG, 0 },
	};
	struct timespec end = time_at(until);

	return syscall(SYS_futex_waitv, words, ARRAY_SIZE(words), 0, until < 0 ? NULL : &end,
		       CLOCK_MONOTONIC) >= 0 ||
	       errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT;
}

int deadline_wait_word(const struct fuda_deadline *dl, int ms, const deadline_word *word,
		       uint32_t value)
{
	int64_t start = deadline_now(), until = ms < 0 ? -1 : start + ms;
	bool first = true;

	if (dl)
		until = earlier(until, dl->end_ms);
	for (; atomic_load(word) == value; first = false) {
		if (dl && atomic_load(&dl->cancelled))
			return FUDA_ECANCELLED;
		if (until >= 0 && deadline_now() >= until)
			return FUDA_ETIMEOUT;
		if (!dl)
			sleep_on_one(word, value, until);
		else if (first) /* costs a good deal less than two words */
			sleep_on_one(word, value, earlier(until, start + SOON_MS));
		else if (!sleep_on_two(dl, word, value, until))
			sleep_on_one(word, value, earlier(until, deadline_now() + LOOK_MS));
	}
	return 0;
}

void deadline_wake_word(const deadline_word *word)
{
	int saved = errno;

	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX);
	errno = saved;
}
