/* SPDX-License-Identifier: Apache-2.0 */
/* Files that commands read and write. */
#ifndef TOOLS_FILES_H
#define TOOLS_FILES_H

#include <limits.h>
#include <fuda/hash.h>
#include "tools/fuda.h"

/* Appends the file `path` to `ret`; FUDA_ETOOBIG past its maximum. */
int file_read(struct call *call, const char *path, struct fuda_buf *ret);

/* Writes all of it to an open file. FUDA_EFILE, and errno. */
int file_write_all(int fd, const void *bytes, size_t len);

/* Hashes the file `path`, or standard input for "-". */
int file_digest(struct call *call, const char *path, enum fuda_hash hash, struct fuda_digest *ret);

/* A place to write to: opened before the work, filled after it. */
struct file_out {
	int fd; /* -1: not open */
	char target[PATH_MAX];
	char temporary[PATH_MAX]; /* "" where the target itself is written to */
};
#define FILE_OUT_NONE ((struct file_out){ .fd = -1 })

/* Sees that the file `path` can be written; "-" is standard output. A regular file is not touched
 * yet. */
int file_out_open(struct call *call, const char *path, struct file_out *ret);
/* Puts `len` bytes into it, once: a regular file then holds all of them or is as it was before.
 * What is no regular file (a pipe, a device) takes them as they come. FUDA_EFILE, and errno. */
int file_out_write(struct file_out *o, const void *bytes, size_t len);
/* Closes it; without a write all is as before. Nothing to do if it is not open. */
void file_out_close(struct file_out *o);
/* Whether both are one file, under whatever name. */
bool file_out_same(const struct file_out *a, const struct file_out *b);
/* Whether what is written to `o` would go into the regular file `path` ("-": standard input). */
bool file_out_replaces(const struct file_out *o, const char *path);

/* All three in one. */
int file_write(struct call *call, const char *path, const void *bytes, size_t len);

/* The same of what is about a person: the file is for the user alone, also where one was there that
 * others could read. */
int file_write_private(struct call *call, const char *path, const void *bytes, size_t len);

/* The same in the user's cache, as fuda/<name>; failures are not worth telling. */
int cache_read(const char *name, struct fuda_buf *ret);
void cache_write(const char *name, const void *bytes, size_t len);

#endif
