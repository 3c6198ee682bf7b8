/* SPDX-License-Identifier: Apache-2.0 */
/* Files with keys: whole or not there, durable, and for nobody's eyes but the owner's. */
#ifndef SERVICE_KEYSTORE_FILE_H
#define SERVICE_KEYSTORE_FILE_H

#include <sys/stat.h>
#include <fuda/buf.h>
#include <fuda/context.h>
#include "base/crypto-keys.h"

/* Reads a whole file. FUDA_EACCESS: others than its owner may read it; FUDA_EFILE: it is not there,
 * or no regular file (nor is a link to one). */
int keyfile_read(struct fuda_context *ctx, const char *path, struct fuda_buf *ret,
		 struct stat *ret_st);
/* Reads a key-encryption key. FUDA_EFORMAT, and as above. */
int keyfile_kek(struct fuda_context *ctx, const char *path, uint8_t ret[AES256_KEY]);

/* Makes a file that is not there. FUDA_EBUSY: it is, with the message of keyfile_is_there(). */
int keyfile_make(struct fuda_context *ctx, const char *path, const struct fuda_buf *bytes);
int keyfile_is_there(struct fuda_context *ctx, const char *path);
/* Puts another one in the place of the file that had `was`, and keeps its owner. What the new one
 * has is zeros if that cannot be told. */
int keyfile_replace(struct fuda_context *ctx, const char *path, const struct fuda_buf *bytes,
		    const struct stat *was, struct stat *ret_st);

/* Locks a file against others who do the same, until it is closed. FUDA_ETIMEOUT after 10 seconds.
 */
int keyfile_lock(struct fuda_context *ctx, const char *path, int *ret_fd);
void keyfile_close(int *fd);

#endif
