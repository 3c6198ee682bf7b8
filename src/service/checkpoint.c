/* SPDX-License-Identifier: Apache-2.0 */
#include "service/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/context.h"

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

/* In one piece: other processes add to the same file. */
int checkpoint_append(struct fuda_context *ctx, const char *path, const struct fuda_buf *line)
{
	_cleanup_fd_ int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
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

/* The end of the file, as much of it as can matter. */
static int read_end(struct fuda_context *ctx, const char *path, struct fuda_buf *ret)
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
	if (st.st_size > CHECKPOINT_MAX && lseek(fd, st.st_size - CHECKPOINT_MAX, SEEK_SET) < 0)
		return failed(ctx, path);
	while (e == 0 && (n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno != EINTR)
			return failed(ctx, path);
		if (n > 0)
			e = fuda_buf_append(ret, piece, (size_t)n);
	}
	/* grown meanwhile, past what a line may have */
	return e == FUDA_ETOOBIG ? FUDA_EFORMAT : e;
}

int checkpoint_last(struct fuda_context *ctx, const char *path, struct fuda_buf *ret_line)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(2 * CHECKPOINT_MAX);
	size_t begin, end;
	int e = read_end(ctx, path, &text);

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
	if (memchr(text.data + begin, 0, end - begin) || (!begin && text.len >= CHECKPOINT_MAX))
		return FUDA_EFORMAT;
	e = fuda_buf_append(ret_line, text.data + begin, end - begin);
	return e < 0 ? e : fuda_buf_append(ret_line, "", 1);
}
