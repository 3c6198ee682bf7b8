/* SPDX-License-Identifier: Apache-2.0 */
#include "service/keystore-file.h"

#include <errno.h>
#include <fcntl.h>
#include <fuda/encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"
#include "base/context.h"
#include "base/file.h"
#include "base/util.h"

enum {
	OTHERS = S_IRWXG | S_IRWXO,
	PIECE_BYTES = 4096,
	KEK_TEXT = 2 * AES256_KEY + 1, /* with the line's end */
	LOCK_TRIES = 200,
	LOCK_WAIT_MS = 50,
};

void keyfile_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int cannot(struct fuda_context *ctx, const char *format, const char *path)
{
	char message[CONFIG_PATH_MAX + 256];

	snprintf(message, sizeof(message), "%s: %s", path, strerror(errno));
	return ctx_fail(ctx, FUDA_EFILE, format, message);
}

/* ---- reading ---- */

static int open_key(struct fuda_context *ctx, const char *path, int *ret_fd, struct stat *ret_st)
{
	_cleanup_(keyfile_close) int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && errno == ELOOP)
		return ctx_fail(ctx, FUDA_EFILE,
				_("%s is a link; keys are only read from the file "
				  "itself."),
				path);
	if (fd < 0 || fstat(fd, ret_st) < 0)
		return ctx_fail(ctx, FUDA_EFILE, _("%s cannot be read: %s"), path, strerror(errno));
	if (!S_ISREG(ret_st->st_mode))
		return ctx_fail(ctx, FUDA_EFILE, _("%s is no file."), path);
	if (ret_st->st_mode & OTHERS)
		return ctx_fail(ctx, FUDA_EACCESS,
				_("Others may read %s. If nobody can have done so: chmod 600 %s"),
				path, path);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int read_all(int fd, struct fuda_buf *ret)
{
	uint8_t piece[PIECE_BYTES];
	ssize_t n;
	int e = 0;

	while (e == 0 && (n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		e = n < 0 ? FUDA_EFILE : fuda_buf_append(ret, piece, (size_t)n);
	}
	wipe(piece, sizeof(piece));
	return e;
}

int keyfile_read(struct fuda_context *ctx, const char *path, struct fuda_buf *ret,
		 struct stat *ret_st)
{
	_cleanup_(keyfile_close) int fd = -1;
	struct stat st;
	int e = open_key(ctx, path, &fd, &st);

	if (e < 0)
		return e;
	e = read_all(fd, ret);
	if (e == FUDA_EFILE)
		return ctx_fail(ctx, e, _("%s cannot be read: %s"), path, strerror(errno));
	if (e == FUDA_ETOOBIG)
		return ctx_fail(ctx, FUDA_EFORMAT, _("%s is too long."), path);
	if (e < 0)
		return ctx_fail_code(ctx, e);
	*ret_st = st;
	return 0;
}

int keyfile_kek(struct fuda_context *ctx, const char *path, uint8_t ret[AES256_KEY])
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(KEK_TEXT),
				      key = FUDA_BUF_INIT(AES256_KEY);
	struct stat st;
	int e = keyfile_read(ctx, path, &text, &st);

	if (e < 0)
		return e;
	if (text.len == KEK_TEXT && text.data[KEK_TEXT - 1] == '\n') {
		text.data[KEK_TEXT - 1] = 0;
		e = fuda_hex_decode((const char *)text.data, &key);
	}
	if (e == FUDA_ENOMEM)
		return ctx_fail_code(ctx, e);
	if (e < 0 || key.len != AES256_KEY)
		return ctx_fail(ctx, FUDA_EFORMAT, _("%s is no key. Restore it from a backup."),
				path);
	memcpy(ret, key.data, AES256_KEY);
	return 0;
}

/* ---- writing ---- */

/* A name in a folder is durable when the folder is. */
static int sync_folder(const char *path)
{
	_cleanup_(keyfile_close) int fd = -1;
	char folder[CONFIG_PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = slash ? snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path) :
			snprintf(folder, sizeof(folder), ".");

	if (n < 0 || (size_t)n >= sizeof(folder))
		return FUDA_EFILE;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? FUDA_EFILE : 0;
}

int keyfile_is_there(struct fuda_context *ctx, const char *path)
{
	return ctx_fail(ctx, FUDA_EBUSY,
			_("%s is there already. A service's keys are made once; without them, what "
			  "its database holds is lost."),
			path);
}

/* A new file beside `path` with these bytes; its name. */
static int write_beside(const char *path, const struct fuda_buf *bytes, const struct stat *owner,
			char ret_fresh[CONFIG_PATH_MAX])
{
	_cleanup_(keyfile_close) int fd = -1;
	int n = snprintf(ret_fresh, CONFIG_PATH_MAX, "%s.XXXXXX", path), e = 0;

	if (n < 0 || n >= CONFIG_PATH_MAX) {
		errno = ENAMETOOLONG;
		return FUDA_EFILE;
	}
	fd = mkostemp(ret_fresh, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return FUDA_EFILE;
	if (owner)
		e = file_give(fd, owner);
	if (e == 0)
		e = file_write(fd, bytes->data, bytes->len);
	if (e == 0 && fsync(fd) < 0)
		e = FUDA_EFILE;
	if (e < 0) {
		int why = errno;

		(void)unlink(ret_fresh);
		errno = why;
	}
	return e;
}

static int put(struct fuda_context *ctx, const char *path, const struct fuda_buf *bytes,
	       const struct stat *was)
{
	char fresh[CONFIG_PATH_MAX];
	int e = write_beside(path, bytes, was, fresh), why;

	if (e < 0)
		return cannot(ctx, _("A key could not be written: %s"), path);
	if (was)
		e = rename(fresh, path) < 0 ? FUDA_EFILE : 0;
	else
		e = link(fresh, path) < 0 ? FUDA_EFILE : 0;
	why = errno;
	if (e < 0 || !was)
		(void)unlink(fresh);
	errno = why;
	if (e < 0 && errno == EEXIST)
		return keyfile_is_there(ctx, path);
	if (e == 0)
		e = sync_folder(path);
	return e < 0 ? cannot(ctx, _("A key could not be written: %s"), path) : 0;
}

int keyfile_make(struct fuda_context *ctx, const char *path, const struct fuda_buf *bytes)
{
	return put(ctx, path, bytes, NULL);
}

int keyfile_replace(struct fuda_context *ctx, const char *path, const struct fuda_buf *bytes,
		    const struct stat *was, struct stat *ret_st)
{
	int e = put(ctx, path, bytes, was);

	if (e == 0 && lstat(path, ret_st) < 0)
		*ret_st = (struct stat){ 0 };
	return e;
}

int keyfile_lock(struct fuda_context *ctx, const char *path, int *ret_fd)
{
	_cleanup_(keyfile_close) int fd = -1;
	const struct timespec wait = { .tv_nsec = LOCK_WAIT_MS * 1000000L };
	struct stat st;
	int e = open_key(ctx, path, &fd, &st);

	if (e < 0)
		return e;
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return cannot(ctx, _("A file could not be locked: %s"), path);
		if (i == LOCK_TRIES)
			return ctx_fail(ctx, FUDA_ETIMEOUT,
					_("Another program keeps %s locked. Try again later."),
					path);
		(void)nanosleep(&wait, NULL);
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}
