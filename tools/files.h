/* SPDX-License-Identifier: Apache-2.0 */
/* Files that commands read and write. */
#ifndef TOOLS_FILES_H
#define TOOLS_FILES_H

#include <fuda/hash.h>
#include "tools/fuda.h"

/* Appends the file `path` to `ret`; FUDA_ETOOBIG past its maximum. */
int file_read(struct call *call, const char *path, struct fuda_buf *ret);

/* Hashes the file `path`, or standard input for "-". */
int file_digest(struct call *call, const char *path, enum fuda_hash hash, struct fuda_digest *ret);

/* Puts `len` bytes into the file `path`, which then holds all of them or is as it was before; "-"
 * is standard output. What is there and no regular file (a pipe, a device) is written to. */
int file_write(struct call *call, const char *path, const void *bytes, size_t len);

/* The same in the user's cache, as fuda/<name>; failures are not worth telling. */
int cache_read(const char *name, struct fuda_buf *ret);
void cache_write(const char *name, const void *bytes, size_t len);

#endif
