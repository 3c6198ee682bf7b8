/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, struct fuda_buf *ret)
{
	unsigned char chunk[4096];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0)
			return FUDA_EFILE;
		r = fuda_buf_append(ret, chunk, (size_t)n);
	}
	return r;
}

static int read_path(const char *path, struct fuda_buf *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r, saved;

	if (fd < 0)
		return FUDA_EFILE;
	r = read_all(fd, ret);
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

int file_read(struct call *call, const char *path, struct fuda_buf *ret)
{
	int r = read_path(path, ret);

	if (r == FUDA_ETOOBIG)
		return call_fail(call, r, _("%s: larger than the %zu bytes that it can have"), path,
				 ret->max);
	return r < 0 ? call_fail(call, r, "%s: %s", path, strerror(errno)) : 0;
}

int file_digest(struct call *call, const char *path, enum fuda_hash hash, struct fuda_digest *ret)
{
	bool input = strcmp(path, "-") == 0;
	int fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return call_fail(call, FUDA_EFILE, "%s: %s", path, strerror(errno));
	r = fuda_digest_fd(hash, fd, ret);
	if (r < 0)
		call_fail(call, session_cancelled() ? FUDA_ECANCELLED : r, "%s: %s",
			  input ? _("standard input") : path, strerror(errno));
	if (!input)
		close(fd);
	return r < 0 && session_cancelled() ? FUDA_ECANCELLED : r;
}

static int write_all(int fd, const unsigned char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return FUDA_EFILE;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int write_direct(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY), r;

	if (fd < 0)
		return FUDA_EFILE;
	r = write_all(fd, bytes, len);
	return close(fd) < 0 ? FUDA_EFILE : r;
}

/* The mode that a new file would get. */
static mode_t usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int write_beside(const char *path, const void *bytes, size_t len, mode_t mode)
{
	char temporary[PATH_MAX];
	int fd, r, saved;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >=
	    sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return FUDA_EFILE;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return FUDA_EFILE;
	r = write_all(fd, bytes, len);
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		r = FUDA_EFILE;
	if (close(fd) < 0)
		r = FUDA_EFILE;
	if (r == 0 && rename(temporary, path) == 0)
		return 0;
	saved = errno;
	unlink(temporary);
	errno = saved;
	return FUDA_EFILE;
}

/* Follows links, so that what they point to is replaced and not they themselves. */
static int write_path(const char *path, const void *bytes, size_t len)
{
	char target[PATH_MAX];
	struct stat st;

	if (!realpath(path, target))
		return write_beside(path, bytes, len, usual_mode());
	if (stat(target, &st) < 0)
		return FUDA_EFILE;
	if (!S_ISREG(st.st_mode))
		return write_direct(target, bytes, len);
	return write_beside(target, bytes, len, st.st_mode & 0777);
}

int file_write(struct call *call, const char *path, const void *bytes, size_t len)
{
	int r;

	if (strcmp(path, "-") == 0)
		r = fflush(stdout) ? FUDA_EFILE : write_all(STDOUT_FILENO, bytes, len);
	else
		r = write_path(path, bytes, len);
	return r < 0 ? call_fail(call, r, "%s: %s", path, strerror(errno)) : 0;
}

/* ---- cache ---- */

static bool cache_path(const char *name, char *ret, size_t size)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int len;

	/* a relative one is to be ignored: XDG Base Directory Specification */
	if (cache && *cache == '/')
		len = snprintf(ret, size, "%s/fuda/%s", cache, name);
	else if (home && *home == '/')
		len = snprintf(ret, size, "%s/.cache/fuda/%s", home, name);
	else
		return false;
	return (size_t)len < size;
}

int cache_read(const char *name, struct fuda_buf *ret)
{
	char path[PATH_MAX];

	return cache_path(name, path, sizeof(path)) ? read_path(path, ret) : FUDA_EFILE;
}

void cache_write(const char *name, const void *bytes, size_t len)
{
	char path[PATH_MAX];

	if (!cache_path(name, path, sizeof(path)))
		return;
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	(void)write_beside(path, bytes, len, 0644);
}
