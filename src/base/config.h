/* SPDX-License-Identifier: Apache-2.0 */
/* The user's configuration folder, ${XDG_CONFIG_HOME:-~/.config}/fuda: fuda(1), FILES. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include "base/context.h"

enum { CONFIG_PATH_MAX = 4096 };

/* Where file `name` of the folder is, whether it is there or not. FUDA_ENOTFOUND: the environment
 * tells of no folder (an absolute XDG_CONFIG_HOME or HOME); FUDA_ETOOBIG. */
int config_path(const char *name, char ret_path[CONFIG_PATH_MAX]);

/* Makes the folder, for the user alone, unless it is there. FUDA_ENOTFOUND, FUDA_ETOOBIG,
 * FUDA_EFILE. */
int config_make_folder(void);

/* Takes a line "key = value" apart, in place and without the blanks around either; `*ret_key` is
 * NULL where there is nothing but blanks, or a comment. FUDA_EFORMAT: it is no such line. */
int config_line(char *line, char **ret_key, char **ret_value);

/* What the file "config" says of `key`, one of those that fuda(1) has: yes or no; false if it, or
 * the file, is not there. FUDA_EFORMAT: the message is "path:line: what is wrong", wherever in the
 * file that is; FUDA_EFILE: it cannot be read. */
int config_flag(struct fuda_context *ctx, const char *key, bool *ret);

/* Makes a file at `path` with these bytes, which only its owner may read: who makes it, or with
 * `replace` whose the one before was. It is there as a whole or not at all; of several who make it
 * at once one succeeds, unless `replace`. FUDA_EBUSY: there is one already; also with `replace`, if
 * it is no file (errno EEXIST); FUDA_EFILE (errno). */
int config_write_private(const char *path, const void *bytes, size_t len, bool replace);

#endif
