/* SPDX-License-Identifier: Apache-2.0 */
#include "service/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/context.h"
#include "base/file.h"

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define _cleanup_fd_ _cleanup_(close_fd)

static int failed(struct fuda_context *ctx, const char *path)
{
	return ctx_fail(ctx, FUDA_EFILE, _("%s cannot be read or written: %s."), path,
			strerror(errno));
}

static bool ends_amid_a_line(int fd)
{
	struct stat st;
	char last = '\n';

	return fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 &&
	       last != '\n';
}

/* -1 (errno) */
static int open_at_end(const char *path)
{
	const int flags = O_RDWR | O_APPEND | O_CLOEXEC;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0600), why;

	if (fd < 0)
		return errno == EEXIST ? open(path, flags) : fd;
	if (file_give_as_folder(fd, path) == 0)
		return fd;
	why = errno;
	close(fd);
	(void)unlink(path);
	errno = why;
	return -1;
}

/* In one piece: other processes add to the same file. */
int checkpoint_append(struct fuda_context *ctx, const char *path, const struct fuda_buf *line)
{
	_cleanup_fd_ int fd = open_at_end(path);
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(CHECKPOINT_MAX + 2);
	ssize_t n;
	int e = 0;

	if (fd < 0)
		return failed(ctx, path);
	if (ends_amid_a_line(fd))
		e = fuda_buf_append(&text, "\n", 1);
	if (e == 0)
		e = fuda_buf_append(&text, line->data, line->len);
	if (e == 0)
		e = fuda_buf_append(&text, "\n", 1);
	if (e < 0)
		return ctx_fail_code(ctx, e);
	do
		n = write(fd, text.data, text.len);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n < text.len)
		errno = ENOSPC;
	if (n < 0 || (size_t)n < text.len || fdatasync(fd) < 0)
		return failed(ctx, path);
	return 0;
}

/* What is before `end`, as much of it as can matter; -1: before the file's end. */
static int read_end(struct fuda_context *ctx, const char *path, off_t end, struct fuda_buf *ret,
		    off_t *ret_from)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char piece[4096];
	struct stat st;
	ssize_t n;
	int e = 0;

	if (fd < 0)
		return errno == ENOENT ? FUDA_ENOTFOUND : failed(ctx, path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return failed(ctx, path);
	}
	if (end < 0 || end > st.st_size)
		end = st.st_size;
	*ret_from = end > CHECKPOINT_MAX ? end - CHECKPOINT_MAX : 0;
	for (off_t at = *ret_from; e == 0 && at < end; at += n) {
		n = pread(fd, piece, (size_t)MIN((off_t)sizeof(piece), end - at), at);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return failed(ctx, path);
		else
			e = fuda_buf_append(ret, piece, (size_t)n);
	}
	return e;
}

int checkpoint_before_end(struct fuda_context *ctx, const char *path, int64_t *at,
			  struct fuda_buf *ret_line)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(2 * CHECKPOINT_MAX);
	size_t begin, end;
	off_t from;
	int e = read_end(ctx, path, (off_t)*at, &text, &from);

	if (e < 0)
		return e;
	end = text.len;
	while (end && text.data[end - 1] != '\n')
		end--;
	while (end && text.data[end - 1] == '\n')
		end--;
	if (!end)
		return text.len >= CHECKPOINT_MAX ? FUDA_EFORMAT : FUDA_ENOTFOUND;
	for (begin = end; begin && text.data[begin - 1] != '\n';)
		begin--;
	if (!begin && text.len >= CHECKPOINT_MAX)
		return FUDA_EFORMAT;
	if (memchr(text.data + begin, 0, end - begin)) {
		*at = from + (off_t)begin;
		return FUDA_EFORMAT;
	}
	e = fuda_buf_append(ret_line, text.data + begin, end - begin);
	if (e == 0)
		e = fuda_buf_append(ret_line, "", 1);
	if (e == 0)
		*at = from + (off_t)begin;
	return e;
}

int checkpoint_last(struct fuda_context *ctx, const char *path, struct fuda_buf *ret_line)
{
	int64_t at = -1;

	return checkpoint_before_end(ctx, path, &at, ret_line);
}

/* ---- what was lost ---- */

static int copy_rest(struct fuda_context *ctx, int fd, const char *path, int64_t from,
		     const char *side)
{
	_cleanup_fd_ int to = open(side, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char piece[4096];
	off_t at = (off_t)from;
	struct stat st;
	ssize_t n;

	if (to < 0 || fstat(fd, &st) < 0 || (geteuid() == 0 && file_give(to, &st) < 0))
		return failed(ctx, side);
	while ((n = pread(fd, piece, sizeof(piece), at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(ctx, path);
		if (write(to, piece, (size_t)n) != n)
			return failed(ctx, side);
		at += n;
	}
	return fsync(to) < 0 ? failed(ctx, side) : 0;
}

int checkpoint_move(struct fuda_context *ctx, const char *path, int64_t from, const char *side)
{
	_cleanup_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
	int e;

	if (fd < 0)
		return failed(ctx, path);
	e = copy_rest(ctx, fd, path, from, side);
	if (e == 0 && (ftruncate(fd, (off_t)from) < 0 || fsync(fd) < 0))
		e = failed(ctx, path);
	return e;
}
