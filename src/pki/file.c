/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/context.h"

static void fd_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int cannot_read(struct fuda_context *ctx, const char *path)
{
	return ctx_fail(ctx, FUDA_EFILE, _("Cannot read %s: %s."), path, strerror(errno));
}

int pki_read_file(struct fuda_context *ctx, const char *path, struct fuda_buf *ret_text)
{
	/* What is no regular file could keep us waiting. */
	_cleanup_(fd_close) const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(ret_text->max);
	uint8_t piece[4096];
	struct stat st;
	ssize_t n;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return cannot_read(ctx, path);
	if (!S_ISREG(st.st_mode))
		return ctx_fail(ctx, FUDA_EFILE, _("%s is not a regular file."), path);
	while (r == 0 && (n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0)
			return cannot_read(ctx, path);
		r = fuda_buf_append(&text, piece, (size_t)n);
	}
	if (r == 0)
		r = fuda_buf_append(ret_text, text.data, text.len);
	if (r == FUDA_ETOOBIG)
		return ctx_fail(ctx, FUDA_EFORMAT,
				_("%s is too long to be a file of keys or certificates."), path);
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}
