/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a profile: fuda-mdoc-profile(5). */
#ifndef MDOC_PROFILE_PARSE_H
#define MDOC_PROFILE_PARSE_H

#include "mdoc/profile.h"

enum { PROFILE_NAME_MAX = 128 }; /* of profiles, doctypes, namespaces, elements; with its NUL */

/* One as it was read; its texts point into the file's. */
struct profile_file {
	struct profile profile;
	struct element elements[PROFILE_ELEMENTS_MAX];
	char *text;
};

/* FUDA_EFORMAT: the message is "path:line: what is wrong"; FUDA_ENOMEM. */
int profile_parse(struct fuda_context *ctx, const char *path, struct cursor text,
		  struct profile_file **ret);
void profile_file_free(struct profile_file **file);

#endif
