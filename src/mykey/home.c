/* SPDX-License-Identifier: Apache-2.0 */
#include "mykey/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/context.h"
#include "base/file.h"

enum { NAME_SIZE = 64 };

static void fd_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int fail_file(struct fuda_context *ctx, const struct home *h, const char *name)
{
	return ctx_fail(ctx, FUDA_EFILE, "%s/%s: %s", h->path, name, strerror(errno));
}

/* ---- the folder ---- */

static int open_folder(const char *path, struct home *ret)
{
	struct home h = HOME_NONE;

	if ((size_t)snprintf(h.path, sizeof(h.path), "%s", path) >= sizeof(h.path)) {
		errno = ENAMETOOLONG;
		return FUDA_EFILE;
	}
	h.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h.fd < 0)
		return errno == ENOENT ? FUDA_ENOTFOUND : FUDA_EFILE;
	*ret = h;
	return 0;
}

int home_open(struct fuda_context *ctx, const char *path, struct home *ret)
{
	int r = open_folder(path, ret);

	if (r == FUDA_ENOTFOUND)
		return ctx_fail(ctx, r, _("%s: there is no such folder."), path);
	return r < 0 ? ctx_fail(ctx, r, "%s: %s", path, strerror(errno)) : 0;
}

int home_check(struct fuda_context *ctx, const struct home *h)
{
	struct stat st;

	if (fstat(h->fd, &st) < 0)
		return ctx_fail(ctx, FUDA_EFILE, "%s: %s", h->path, strerror(errno));
	if (st.st_mode & 022)
		return ctx_fail(ctx, FUDA_EFILE,
				_("%s can be written to by others, who could name another service "
				  "there. If nobody did, chmod 700 it; otherwise enrol this "
				  "terminal anew."),
				h->path);
	return 0;
}

void home_close(struct home *h)
{
	fd_close(&h->fd);
	h->fd = -1;
}

/* Those above `path`. */
static int make_parents(const char *path)
{
	char above[PATH_MAX];

	snprintf(above, sizeof(above), "%s", path);
	for (char *slash = strchr(above + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(above, 0700) < 0 && errno != EEXIST)
			return FUDA_EFILE;
		*slash = '/';
	}
	return 0;
}

/* That the name of a file, or the lack of it, outlives the machine's power. */
static int sync_above(const char *path)
{
	char above[PATH_MAX];
	char *slash;
	_cleanup_(fd_close) int fd = -1;

	snprintf(above, sizeof(above), "%s", path);
	slash = strrchr(above, '/');
	if (slash == above)
		slash[1] = '\0';
	else if (slash)
		*slash = '\0';
	fd = open(slash ? above : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? FUDA_EFILE : 0;
}

static void remove_files(const char *path, const struct home_file *files, size_t count)
{
	char name[PATH_MAX + 2 * NAME_SIZE];

	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, files[i].name);
		unlink(name);
	}
	rmdir(path);
}

/* All files under another name first, so that the folder comes with them. */
static int make_beside(struct fuda_context *ctx, const char *fresh, const char *path,
		       const struct home_file *files, size_t count)
{
	struct home h = HOME_NONE;
	int r = home_open(ctx, fresh, &h);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = home_write(ctx, &h, files[i].name, files[i].bytes->data, files[i].bytes->len);
	home_close(&h);
	if (r < 0)
		return r;
	/* takes the place of an empty folder, too */
	if (rename(fresh, path) == 0 && sync_above(path) == 0)
		return 0;
	if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
		return ctx_fail(ctx, FUDA_EEXISTS,
				_("%s is there already, and is no terminal's folder. Name another "
				  "one."),
				path);
	return ctx_fail(ctx, FUDA_EFILE, "%s: %s", path, strerror(errno));
}

int home_make(struct fuda_context *ctx, const char *path, const struct home_file *files,
	      size_t count)
{
	char plain[PATH_MAX], fresh[PATH_MAX + 8];
	size_t len = strlen(path);
	int r;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (!len || len >= sizeof(plain))
		return ctx_fail(ctx, FUDA_EINVAL, _("This cannot be the name of a folder."));
	snprintf(plain, sizeof(plain), "%.*s", (int)len, path);
	snprintf(fresh, sizeof(fresh), "%s.XXXXXX", plain);
	if (make_parents(plain) < 0 || !mkdtemp(fresh))
		return ctx_fail(ctx, FUDA_EFILE, "%s: %s", plain, strerror(errno));
	r = make_beside(ctx, fresh, plain, files, count);
	if (r < 0)
		remove_files(fresh, files, count);
	return r;
}

/* ---- several processes ---- */

int home_lock(struct fuda_context *ctx, const struct home *h, bool exclusive)
{
	while (flock(h->fd, exclusive ? LOCK_EX : LOCK_SH) < 0)
		if (errno != EINTR)
			return ctx_fail(ctx, FUDA_EFILE, "%s: %s", h->path, strerror(errno));
	return 0;
}

void home_unlock(const struct home *h)
{
	(void)flock(h->fd, LOCK_UN);
}

/* ---- files ---- */

bool home_has(const struct home *h, const char *name)
{
	struct stat st;

	return fstatat(h->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int read_all(int fd, struct fuda_buf *ret)
{
	uint8_t piece[4096];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? FUDA_EFILE : fuda_buf_append(ret, piece, (size_t)n);
	}
	wipe(piece, sizeof(piece));
	return r;
}

int home_read(struct fuda_context *ctx, const struct home *h, const char *name, bool secret,
	      struct fuda_buf *ret)
{
	_cleanup_(fd_close) const int fd =
		openat(h->fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(ret->max);
	struct stat st;
	int r;

	if (fd < 0 && errno == ENOENT)
		return FUDA_ENOTFOUND;
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_file(ctx, h, name);
	if (!S_ISREG(st.st_mode))
		return ctx_fail(ctx, FUDA_EFILE, _("%s/%s is not a regular file."), h->path, name);
	if (secret && st.st_mode & 077)
		return ctx_fail(ctx, FUDA_EFILE,
				_("%s/%s can be read by others: it is a secret. If nobody had it, "
				  "chmod 600 it; otherwise enrol this terminal anew."),
				h->path, name);
	r = read_all(fd, &bytes);
	if (r == 0)
		r = fuda_buf_append(ret, bytes.data, bytes.len);
	if (r == FUDA_EFILE)
		return fail_file(ctx, h, name);
	if (r == FUDA_ETOOBIG)
		return ctx_fail(ctx, FUDA_EFORMAT, _("%s/%s is too long."), h->path, name);
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}

/* The whole of it, on the disk. */
static int write_file(const struct home *h, const char *name, const void *bytes, size_t len)
{
	_cleanup_(fd_close) int fd = -1;

	if (unlinkat(h->fd, name, 0) < 0 && errno != ENOENT)
		return FUDA_EFILE;
	fd = openat(h->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || file_write(fd, bytes, len) < 0 || fsync(fd) < 0)
		return FUDA_EFILE;
	return 0;
}

static int write_and_rename(const struct home *h, const char *name, const void *bytes, size_t len)
{
	char fresh[NAME_SIZE];
	int r, why;

	snprintf(fresh, sizeof(fresh), ".%s.%ld", name, (long)getpid());
	r = write_file(h, fresh, bytes, len);
	if (r == 0 && (renameat(h->fd, fresh, h->fd, name) < 0 || fsync(h->fd) < 0))
		r = FUDA_EFILE;
	why = errno;
	(void)unlinkat(h->fd, fresh, 0); /* gone already where it was renamed */
	errno = why;
	return r;
}

int home_write(struct fuda_context *ctx, const struct home *h, const char *name, const void *bytes,
	       size_t len)
{
	return write_and_rename(h, name, bytes, len) < 0 ? fail_file(ctx, h, name) : 0;
}

int home_move(struct fuda_context *ctx, const struct home *h, const char *from, const char *to)
{
	if (renameat(h->fd, from, h->fd, to) < 0)
		return errno == ENOENT ? 0 : fail_file(ctx, h, from);
	return fsync(h->fd) < 0 ? fail_file(ctx, h, to) : 0;
}

static int overwrite(int fd)
{
	static const uint8_t zeros[256];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return FUDA_EFILE;
	for (off_t left = st.st_size; left > 0; left -= (off_t)sizeof(zeros))
		if (file_write(fd, zeros, (size_t)MIN(left, (off_t)sizeof(zeros))) < 0)
			return FUDA_EFILE;
	return fsync(fd) < 0 ? FUDA_EFILE : 0;
}

int home_wipe(struct fuda_context *ctx, const struct home *h, const char *name)
{
	_cleanup_(fd_close) const int fd = openat(h->fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || overwrite(fd) < 0 || unlinkat(h->fd, name, 0) < 0 || fsync(h->fd) < 0)
		return fail_file(ctx, h, name);
	return 0;
}
