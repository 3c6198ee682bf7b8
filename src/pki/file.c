/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/file.h"

#include <errno.h>
#include <fcntl.h>
#include <fuda/encode.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/context.h"
#include "pki/cert.h"

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
	uint8_t piece[4096]; /* of a private key, maybe */
	struct stat st;
	ssize_t n;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return cannot_read(ctx, path);
	if (!S_ISREG(st.st_mode))
		return ctx_fail(ctx, FUDA_EFILE, _("%s is not a regular file."), path);
	while (r == 0 && (n = read(fd, piece, sizeof(piece))) > 0)
		r = fuda_buf_append(&text, piece, (size_t)n);
	wipe(piece, sizeof(piece));
	if (r == 0 && n < 0)
		return cannot_read(ctx, path);
	if (r == 0)
		r = fuda_buf_append(ret_text, text.data, text.len);
	if (r == FUDA_ETOOBIG)
		return ctx_fail(ctx, FUDA_EFORMAT,
				_("%s is too long to be a file of keys or certificates."), path);
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}

/* The last failure again, with the place in the file in front. */
static int failed_in(struct fuda_context *ctx, int code, const char *path, int number)
{
	char why[512];

	snprintf(why, sizeof(why), "%s", fuda_context_message(ctx));
	return ctx_fail(ctx, code, _("Certificate %d of %s: %s"), number, path, why);
}

int pki_each_certificate(struct fuda_context *ctx, const char *path, const struct fuda_buf *file,
			 int (*add)(void *arg, const uint8_t *der, size_t len), void *arg)
{
	const char *text = file->len ? (const char *)file->data : "";
	size_t left = file->len;

	for (int count = 0;; count++) {
		_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(CERT_MAX);
		int r = fuda_pem_decode("CERTIFICATE", &text, &left, &der);

		if (r == FUDA_ENOTFOUND && count)
			return 0;
		if (r == FUDA_ENOTFOUND)
			return ctx_fail(ctx, r,
					_("%s holds no certificate; PEM is expected "
					  "(\"-----BEGIN CERTIFICATE-----\")."),
					path);
		if (r == FUDA_ENOMEM)
			return ctx_fail_code(ctx, r);
		if (r < 0)
			return ctx_fail(ctx, FUDA_EFORMAT,
					_("Certificate %d of %s is not good PEM, or too long."),
					count + 1, path);
		r = add(arg, der.data, der.len);
		if (r < 0)
			return failed_in(ctx, r, path, count + 1);
	}
}
