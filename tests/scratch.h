/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test's own, which is the user's configuration folder as well. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cmocka.h"

static char scratch[64];

/* "FOLDER/name"; the last four stay valid. */
static inline const char *scratch_path(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
	return path;
}

static inline int scratch_setup(void **state)
{
	(void)state;
	snprintf(scratch, sizeof(scratch), "/tmp/fuda-test.XXXXXX");
	if (!mkdtemp(scratch))
		return -1;
	setenv("XDG_CONFIG_HOME", scratch, 1);
	return 0;
}

static inline int scratch_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline int scratch_teardown(void **state)
{
	(void)state;
	return nftw(scratch, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void scratch_write(const char *name, const char *text, mode_t mode)
{
	int fd = open(scratch_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* What is in it; valid until the next call. */
static inline const char *scratch_read(const char *name)
{
	static char text[1 << 20];
	int fd = open(scratch_path(name), O_RDONLY);
	ssize_t n;

	if (fd < 0)
		fail_msg("there is no file %s", name);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0 && n < (ssize_t)sizeof(text) - 1);
	close(fd);
	text[n] = 0;
	return text;
}

#endif
