/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"

enum { SLOTS = 16 };

/* Locking works on pages, and takes longer than all else here: most secrets share pages that are
 * kept; more than fit there have each their own. */
static struct fuda_secret *_Atomic kept;
static atomic_bool taken[SLOTS];
static _Atomic pid_t locked_by; /* a child of fork() does not inherit the lock */

/* Locked and out of core dumps. Either may be refused by the system's limits; what is kept there is
 * then still wiped. MAP_LOCKED costs half of what mlock() does. */
static void *map_locked(size_t size)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS, rights = PROT_READ | PROT_WRITE;
	void *p = mmap(NULL, size, rights, flags | MAP_LOCKED, -1, 0);

	if (p == MAP_FAILED)
		p = mmap(NULL, size, rights, flags, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, size, MADV_DONTDUMP);
	return p;
}

static struct fuda_secret *slots(void)
{
	const size_t size = SLOTS * sizeof(struct fuda_secret);
	struct fuda_secret *all = kept, *none = NULL;
	pid_t self = getpid();

	if (!all) {
		all = map_locked(size);
		if (!all)
			return NULL;
		if (!atomic_compare_exchange_strong(&kept, &none, all)) {
			munmap(all, size); /* another thread was faster */
			all = none;
		}
		locked_by = self;
	}
	if (atomic_exchange(&locked_by, self) != self)
		(void)mlock(all, size);
	return all;
}

static struct fuda_secret *secret_alloc(void)
{
	struct fuda_secret *all = slots();

	for (size_t i = 0; all && i < SLOTS; i++)
		if (!atomic_exchange(&taken[i], true))
			return &all[i];
	return map_locked(sizeof(struct fuda_secret));
}

int fuda_secret_new(const void *bytes, size_t len, struct fuda_secret **ret)
{
	struct fuda_secret *s;

	if (len > FUDA_SECRET_MAX)
		return FUDA_ETOOBIG;
	s = secret_alloc();
	if (!s)
		return FUDA_ENOMEM;
	if (len)
		memcpy(s->bytes, bytes, len);
	s->len = len;
	*ret = s;
	return 0;
}

static int read_line(int fd, struct fuda_secret *s)
{
	for (;;) {
		uint8_t c;
		ssize_t n = read(fd, &c, 1);

		if (n < 0)
			return errno == EINTR ? FUDA_ECANCELLED : FUDA_EFILE;
		if (n == 0)
			return s->len ? 0 : FUDA_EFILE;
		if (c == '\n')
			break;
		if (s->len == FUDA_SECRET_MAX)
			return FUDA_ETOOBIG;
		s->bytes[s->len++] = c;
		wipe(&c, 1);
	}
	if (s->len && s->bytes[s->len - 1] == '\r')
		s->len--;
	return 0;
}

int fuda_secret_read(int fd, struct fuda_secret **ret)
{
	struct fuda_secret *s = secret_alloc();
	int r;

	if (!s)
		return FUDA_ENOMEM;
	r = read_line(fd, s);
	if (r < 0) {
		fuda_secret_free(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void fuda_secret_free(struct fuda_secret **s)
{
	struct fuda_secret *all = kept;

	if (!*s)
		return;
	wipe(*s, sizeof(**s));
	if (all && *s >= all && *s < all + SLOTS)
		taken[*s - all] = false;
	else
		munmap(*s, sizeof(**s));
	*s = NULL;
}
