/* SPDX-License-Identifier: Apache-2.0 */
/* A directory that is filled with files of one card, readable for the user alone. */
#ifndef TOOLS_FOLDER_H
#define TOOLS_FOLDER_H

#include "tools/fuda.h"

enum { FOLDER_FILES_MAX = 8, FOLDER_TEMPORARY_SIZE = 64 };

struct folder {
	int fd; /* -1: not open */
	const char *path;
	bool made;		  /* it was not there before, and is empty */
	const char *const *names; /* ends with NULL */
	struct {
		const char *name;
		char temporary[FOLDER_TEMPORARY_SIZE];
	} files[FOLDER_FILES_MAX]; /* that wait for their names */
	size_t count;
};
#define FOLDER_NONE ((struct folder){ .fd = -1 })

/* Opens `path`, made if it is not there, and sees that the files `names` can be written there: a
 * list that ends with NULL, whose last one is the seal. FUDA_EFILE. */
int folder_open(struct call *call, const char *path, const char *const *names, struct folder *ret);
/* Writes a file of that list, under a temporary name as yet. */
int folder_put(struct call *call, struct folder *f, const char *name, const void *bytes,
	       size_t len);
/* Gives the files their names. The others of the list are removed: they are those of another card,
 * or of another reading. */
int folder_commit(struct call *call, struct folder *f);
/* Writes the seal: that it is there means that all else is. */
int folder_seal(struct call *call, struct folder *f, const void *bytes, size_t len);
/* Whether there is a seal: of an earlier reading, until folder_commit() takes it away. */
bool folder_sealed(const struct folder *f);
/* Without folder_commit() all is as before. Nothing to do if it is not open. */
void folder_close(struct folder *f);

#endif
