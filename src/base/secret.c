/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"

/* A page of its own: locking and advising work on pages. */
static struct fuda_secret *secret_alloc(void)
{
	struct fuda_secret *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED)
		return NULL;
	/* Either may be refused by the system's limits; the secret is then still wiped. */
	(void)mlock(s, sizeof(*s));
	(void)madvise(s, sizeof(*s), MADV_DONTDUMP);
	return s;
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
	if (!*s)
		return;
	wipe(*s, sizeof(**s));
	munmap(*s, sizeof(**s));
	*s = NULL;
}
