/* SPDX-License-Identifier: Apache-2.0 */
/* $XDG_CACHE_HOME/fuda/extended: a line "yes|no ATR model" for each pair met. */
#include "card/extended.h"

#include <fcntl.h>
#include <fuda/encode.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

enum { FILE_MAX = 65536, PATH_LENGTH = 4096, KEY_LENGTH = 256 };

static void close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static int cache_path(char out[PATH_LENGTH], bool make)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;

	if (cache && *cache == '/')
		n = snprintf(out, PATH_LENGTH, "%s", cache);
	else if (home && *home == '/')
		n = snprintf(out, PATH_LENGTH, "%s/.cache", home);
	else
		return FUDA_EFILE;
	if (n < 0 || n > PATH_LENGTH - 32)
		return FUDA_EFILE;
	if (make)
		(void)mkdir(out, 0700);
	n += snprintf(out + n, 32, "/fuda");
	if (make)
		(void)mkdir(out, 0700);
	snprintf(out + n, 32, "/extended");
	return 0;
}

static int line_key(const struct reader *r, char out[KEY_LENGTH])
{
	char atr[2 * FUDA_ATR_MAX + 1];

	if (!*r->model)
		return FUDA_ENOTFOUND;
	fuda_hex_encode(r->atr, r->atr_len, atr);
	snprintf(out, KEY_LENGTH, " %s %s\n", *atr ? atr : "-", r->model);
	return 0;
}

static void free_text(char **text)
{
	free(*text);
}

/* The whole file, in one piece: it is read whenever a card is opened. NULL if there is none. */
static char *read_cache(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text = NULL;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX)
		text = malloc((size_t)st.st_size + 1);
	if (text) {
		n = read(fd, text, (size_t)st.st_size);
		text[n < 0 ? 0 : n] = 0;
	}
	close(fd);
	return text;
}

/* Whether the line that has `at` inside is `word` up to there. */
static bool starts_line(const char *text, const char *at, const char *word)
{
	size_t len = strlen(word), before = (size_t)(at - text);

	return before >= len && memcmp(at - len, word, len) == 0 &&
	       (before == len || at[-1 - (ptrdiff_t)len] == '\n');
}

enum extended extended_recall(const struct reader *r)
{
	char path[PATH_LENGTH], key[KEY_LENGTH];
	_cleanup_(free_text) char *text = NULL;

	if (line_key(r, key) < 0 || cache_path(path, false) < 0)
		return EXTENDED_UNKNOWN;
	text = read_cache(path);
	for (char *at = text; at && (at = strstr(at, key)); at++) {
		if (starts_line(text, at, "yes"))
			return EXTENDED_WORKS;
		if (starts_line(text, at, "no"))
			return EXTENDED_FAILS;
	}
	return EXTENDED_UNKNOWN;
}

/* Copies the lines of the file at `path` that are not about `key`. */
static void copy_others(const char *path, const char *key, FILE *out)
{
	char line[KEY_LENGTH + 8];
	_cleanup_(close_file) FILE *f = fopen(path, "re");
	long room = FILE_MAX;

	while (f && room > 0 && fgets(line, sizeof(line), f)) {
		char *rest = strchr(line, ' ');

		if (rest && strcmp(rest, key) != 0)
			fputs(line, out);
		room -= (long)strlen(line);
	}
}

void extended_remember(const struct reader *r, enum extended what)
{
	char path[PATH_LENGTH], fresh[PATH_LENGTH + 8], key[KEY_LENGTH];
	FILE *out;
	int fd;
	bool good;

	if (what == EXTENDED_UNKNOWN || line_key(r, key) < 0 || cache_path(path, true) < 0)
		return;
	snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path);
	fd = mkostemp(fresh, O_CLOEXEC);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		if (fd >= 0)
			close(fd);
		return;
	}
	copy_others(path, key, out);
	fprintf(out, "%s%s", what == EXTENDED_WORKS ? "yes" : "no", key);
	good = !ferror(out);
	good = fclose(out) == 0 && good;
	if (!good || rename(fresh, path) < 0)
		(void)unlink(fresh);
}
