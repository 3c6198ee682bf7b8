/* SPDX-License-Identifier: Apache-2.0 */
/* The signed heads of the audit trail outside of the database: a file to which a line is added each
 * time. */
#ifndef SERVICE_CHECKPOINT_H
#define SERVICE_CHECKPOINT_H

#include <fuda/buf.h>
#include <fuda/context.h>

enum { CHECKPOINT_MAX = 1 << 20 };

/* Adds one line (without its end), durably; the file is made if need be, for the owner alone; by
 * root, for whose the folder is. What a crash left unfinished before it becomes a line of its own.
 * FUDA_EFILE. */
int checkpoint_append(struct fuda_context *ctx, const char *path, const struct fuda_buf *line);
/* The last line that is whole, with a NUL for its end. FUDA_ENOTFOUND: no such file, or no such
 * line; FUDA_EFILE; FUDA_EFORMAT: it is longer than CHECKPOINT_MAX, or has a NUL in it. */
int checkpoint_last(struct fuda_context *ctx, const char *path, struct fuda_buf *ret_line);
/* The same of the last one that is whole before the byte `*at` (-1: all of the file), which is then
 * where that line begins; also if it has a NUL in it. */
int checkpoint_before_end(struct fuda_context *ctx, const char *path, int64_t *at,
			  struct fuda_buf *ret_line);
/* Moves what is from the byte `from` on to a new file, for its owner alone. Stopped amid it, it is
 * in both. FUDA_EFILE: also if there is such a file. */
int checkpoint_move(struct fuda_context *ctx, const char *path, int64_t from, const char *side);

#endif
