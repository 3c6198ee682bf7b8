/* SPDX-License-Identifier: Apache-2.0 */
/* What writers of files have in common. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fuda/error.h>

/* Writes all of it, whatever portions the system takes. FUDA_EFILE (errno). */
static inline int file_write(int fd, const void *bytes, size_t len)
{
	for (const uint8_t *at = bytes; len;) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return FUDA_EFILE;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Gives a new file to whom `owner` belongs: who is root, as by sudo, shall not take away from a
 * service what it reads and writes as a user of its own. FUDA_EFILE (errno). */
static inline int file_give(int fd, const struct stat *owner)
{
	return owner->st_uid == geteuid() || fchown(fd, owner->st_uid, owner->st_gid) == 0 ?
		       0 :
		       FUDA_EFILE;
}

/* The same by the folder of `path`, for a file that root makes in it. FUDA_EFILE (errno). */
static inline int file_give_as_folder(int fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	struct stat st;
	int n = slash ? snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path) :
			snprintf(folder, sizeof(folder), ".");

	if (geteuid() != 0)
		return 0;
	if (n < 0 || (size_t)n >= sizeof(folder)) {
		errno = ENAMETOOLONG;
		return FUDA_EFILE;
	}
	return stat(folder, &st) < 0 ? FUDA_EFILE : file_give(fd, &st);
}

#endif
