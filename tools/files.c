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
	if (r < 0 && session_cancelled())
		r = call_fail(call, FUDA_ECANCELLED,
			      call->command->flags & COMMAND_CARD ?
				      _("cancelled; nothing was sent to the card") :
				      _("cancelled"));
	else if (r < 0)
		call_fail(call, r, "%s: %s", input ? _("standard input") : path, strerror(errno));
	if (!input)
		close(fd);
	return r;
}

int file_write_all(int fd, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno != EINTR)
			return FUDA_EFILE;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* The mode that a new file would get. */
static mode_t usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

/* Opens a new file beside `o->target`, which takes its place in the end. */
static int open_beside(struct file_out *o, mode_t mode)
{
	if ((size_t)snprintf(o->temporary, sizeof(o->temporary), "%s.XXXXXX", o->target) >=
	    sizeof(o->temporary)) {
		o->temporary[0] = '\0';
		errno = ENAMETOOLONG;
		return FUDA_EFILE;
	}
	o->fd = mkostemp(o->temporary, O_CLOEXEC);
	if (o->fd < 0)
		o->temporary[0] = '\0';
	return o->fd < 0 || fchmod(o->fd, mode) < 0 ? FUDA_EFILE : 0;
}

/* The real path of a file that is not there yet. What is there, and leads nowhere, is a link. */
static int new_target(const char *path, char ret[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char dir[PATH_MAX];
	struct stat st;
	size_t len;

	if (errno != ENOENT || !*name)
		return FUDA_EFILE;
	if (lstat(path, &st) == 0) {
		errno = ELOOP;
		return FUDA_EFILE;
	}
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(name - path) : 1, slash ? path : ".");
	if (!realpath(dir, ret))
		return FUDA_EFILE;
	len = strlen(ret);
	if ((size_t)snprintf(ret + len, PATH_MAX - len, "/%s", name) < PATH_MAX - len)
		return 0;
	errno = ENAMETOOLONG;
	return FUDA_EFILE;
}

/* Follows links, so that what they point to is replaced and not they themselves; one that leads
 * nowhere is refused (ELOOP), because nobody said what to make of it. `private`: whatever mode the
 * file there has. */
static int open_path(struct file_out *o, const char *path, bool private)
{
	struct stat st = { .st_mode = S_IFREG | usual_mode() };

	if (strlen(path) >= sizeof(o->target)) {
		errno = ENAMETOOLONG;
		return FUDA_EFILE;
	}
	if (realpath(path, o->target) ? stat(o->target, &st) : new_target(path, o->target))
		return FUDA_EFILE;
	if (S_ISREG(st.st_mode))
		return open_beside(o, private ? 0600 : st.st_mode & 0777);
	o->fd = open(o->target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return o->fd < 0 ? FUDA_EFILE : 0;
}

static int out_open(struct call *call, const char *path, bool private, struct file_out *ret)
{
	struct file_out o = FILE_OUT_NONE;
	int r;

	if (strcmp(path, "-") == 0) {
		o.fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
		r = o.fd < 0 ? FUDA_EFILE : 0;
	} else {
		r = open_path(&o, path, private);
	}
	if (r < 0) {
		call_fail(call, r, "%s: %s", path,
			  errno == ELOOP ? _("a link that leads nowhere") : strerror(errno));
		file_out_close(&o);
		return r;
	}
	*ret = o;
	return 0;
}

int file_out_open(struct call *call, const char *path, struct file_out *ret)
{
	return out_open(call, path, false, ret);
}

int file_out_write(struct file_out *o, const void *bytes, size_t len)
{
	int r = fflush(stdout) ? FUDA_EFILE : file_write_all(o->fd, bytes, len);

	if (r == 0 && o->temporary[0] && fsync(o->fd) < 0)
		r = FUDA_EFILE;
	if (close(o->fd) < 0)
		r = FUDA_EFILE;
	o->fd = -1;
	if (r == 0 && o->temporary[0]) {
		r = rename(o->temporary, o->target) < 0 ? FUDA_EFILE : 0;
		if (r == 0)
			o->temporary[0] = '\0';
	}
	return r;
}

void file_out_close(struct file_out *o)
{
	int saved = errno;

	if (o->fd >= 0)
		close(o->fd);
	if (o->temporary[0])
		unlink(o->temporary);
	*o = FILE_OUT_NONE;
	errno = saved;
}

bool file_out_replaces(const struct file_out *o, const char *path)
{
	struct stat a, b;
	int r = strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &a) : stat(path, &a);

	if (r == 0)
		r = o->temporary[0] ? stat(o->target, &b) : fstat(o->fd, &b);
	return r == 0 && S_ISREG(b.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool file_out_same(const struct file_out *a, const struct file_out *b)
{
	return a->target[0] && strcmp(a->target, b->target) == 0;
}

static int write_out(struct call *call, const char *path, bool private, const void *bytes,
		     size_t len)
{
	struct file_out o = FILE_OUT_NONE;
	int r = out_open(call, path, private, &o);

	if (r < 0)
		return r;
	r = file_out_write(&o, bytes, len);
	file_out_close(&o);
	return r < 0 ? call_fail(call, r, "%s: %s", path, strerror(errno)) : 0;
}

int file_write(struct call *call, const char *path, const void *bytes, size_t len)
{
	return write_out(call, path, false, bytes, len);
}

int file_write_private(struct call *call, const char *path, const void *bytes, size_t len)
{
	return write_out(call, path, true, bytes, len);
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
	struct file_out o = FILE_OUT_NONE;

	if (!cache_path(name, o.target, sizeof(o.target)))
		return;
	for (char *slash = strchr(o.target + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(o.target, 0700);
		*slash = '/';
	}
	if (open_beside(&o, 0644) == 0)
		(void)file_out_write(&o, bytes, len);
	file_out_close(&o);
}
