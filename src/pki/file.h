/* SPDX-License-Identifier: Apache-2.0 */
/* Files of keys and certificates that the user names. */
#ifndef PKI_FILE_H
#define PKI_FILE_H

#include <fuda/buf.h>
#include <fuda/context.h>

/* Longer ones are refused. */
#define PKI_FILE_MAX (256 * 1024)

/* Appends the content of a regular file. FUDA_EFILE; FUDA_EFORMAT if there is more than `ret_text`
 * may hold; FUDA_ENOMEM. */
int pki_read_file(struct fuda_context *ctx, const char *path, struct fuda_buf *ret_text);

/* Gives each PEM block "CERTIFICATE" of the file that was read to `add`, whose first failure ends
 * it: the message then says which one it was. FUDA_ENOTFOUND: there is none; FUDA_EFORMAT,
 * FUDA_ENOMEM. */
int pki_each_certificate(struct fuda_context *ctx, const char *path, const struct fuda_buf *file,
			 int (*add)(void *arg, const uint8_t *der, size_t len), void *arg);

#endif
