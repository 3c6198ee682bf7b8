/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a terminal: files that are there as a whole or not at all, whenever the power goes.
 */
#ifndef MYKEY_HOME_H
#define MYKEY_HOME_H

#include <limits.h>
#include <stdbool.h>
#include <fuda/buf.h>
#include <fuda/context.h>

struct home {
	int fd; /* -1: not open */
	char path[PATH_MAX];
};
#define HOME_NONE ((struct home){ .fd = -1 })

/* Its files are for its owner alone (mode 0600). */
struct home_file {
	const char *name;
	const struct fuda_buf *bytes;
};

/* FUDA_ENOTFOUND: there is no such folder; FUDA_EFILE. */
int home_open(struct fuda_context *ctx, const char *path, struct home *ret);
/* FUDA_EFILE if others can write to it: they could put another service and CA there. */
int home_check(struct fuda_context *ctx, const struct home *h);
void home_close(struct home *h);

/* Makes the folder `path` with these files, and those above it that are not there. FUDA_EEXISTS:
 * there is one with something in it already; FUDA_EFILE. */
int home_make(struct fuda_context *ctx, const char *path, const struct home_file *files,
	      size_t count);

/* Several processes that use one folder: shared to read, exclusive to change. Until home_unlock()
 * or home_close(); waits only as long as another one moves files. FUDA_EFILE. */
int home_lock(struct fuda_context *ctx, const struct home *h, bool exclusive);
void home_unlock(const struct home *h);

bool home_has(const struct home *h, const char *name);
/* Appends a file. FUDA_ENOTFOUND (without a message), FUDA_EFILE (also one that others may read, if
 * `secret`), FUDA_EFORMAT if there is more than `ret` may hold. */
int home_read(struct fuda_context *ctx, const struct home *h, const char *name, bool secret,
	      struct fuda_buf *ret);
/* Replaces a file, or makes it. FUDA_EFILE. */
int home_write(struct fuda_context *ctx, const struct home *h, const char *name, const void *bytes,
	       size_t len);
/* Gives a file the name of another, which is gone then; nothing if `from` is not there. FUDA_EFILE.
 */
int home_move(struct fuda_context *ctx, const struct home *h, const char *from, const char *to);
/* Overwrites a file and removes it; nothing if it is not there. What a disk keeps of what was
 * overwritten is out of reach. FUDA_EFILE. */
int home_wipe(struct fuda_context *ctx, const struct home *h, const char *name);

#endif
