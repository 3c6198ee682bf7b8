/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum {
	FILE_MAX = 65536,
	TAIL = 32, /* room behind the name of a folder */
	SHOWN_MAX = 40,
};

/* All that there is to say. A key that is mistyped shall not count as one that is absent. */
static const char *const flags[] = {
	"trace.raw",
};

/* ---- where it is ---- */

/* The folder above ours. */
static int parent(char out[CONFIG_PATH_MAX])
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n;

	if (config && *config == '/')
		n = snprintf(out, CONFIG_PATH_MAX, "%s", config);
	else if (home && *home == '/')
		n = snprintf(out, CONFIG_PATH_MAX, "%s/.config", home);
	else
		return FUDA_ENOTFOUND;
	return n < 0 || n >= CONFIG_PATH_MAX - TAIL ? FUDA_ETOOBIG : 0;
}

int config_path(const char *name, char ret_path[CONFIG_PATH_MAX])
{
	char folder[CONFIG_PATH_MAX];
	int e = parent(folder), n;

	if (e < 0)
		return e;
	n = snprintf(ret_path, CONFIG_PATH_MAX, "%s/fuda/%s", folder, name);
	return n < 0 || n >= CONFIG_PATH_MAX ? FUDA_ETOOBIG : 0;
}

static int make_folder(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return 0;
	return errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : FUDA_EFILE;
}

int config_make_folder(void)
{
	char path[CONFIG_PATH_MAX];
	int e = parent(path);

	if (e == 0)
		e = make_folder(path);
	if (e == 0)
		e = config_path("", path);
	return e < 0 ? e : make_folder(path);
}

/* ---- writing ---- */

/* ... if nothing has it. FAT has no links, and NFS does not rename like this. */
static int put_where_nothing_is(const char *fresh, const char *path)
{
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_NOREPLACE) == 0 ||
	    (errno != EEXIST && link(fresh, path) == 0))
		return 0;
	return errno == EEXIST ? FUDA_EBUSY : FUDA_EFILE;
}

/* Gives the file `fresh` the name `path`. */
static int put_in_place(const char *fresh, const char *path, bool replace)
{
	struct stat st;

	if (!replace)
		return put_where_nothing_is(fresh, path);
	/* a device is not to be lost by what replaces it */
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
		errno = EEXIST;
		return FUDA_EBUSY;
	}
	return rename(fresh, path) == 0 ? 0 : FUDA_EFILE;
}

int config_write_private(const char *path, const void *bytes, size_t len, bool replace)
{
	char fresh[CONFIG_PATH_MAX];
	int n = snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path), fd, e = 0, why;
	struct stat was;

	if (n < 0 || (size_t)n >= sizeof(fresh)) {
		errno = ENAMETOOLONG;
		return FUDA_EFILE;
	}
	fd = mkostemp(fresh, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return FUDA_EFILE;
	if (replace && stat(path, &was) == 0)
		e = file_give(fd, &was);
	if (e == 0)
		e = file_write(fd, bytes, len);
	if (close(fd) < 0 && e == 0)
		e = FUDA_EFILE;
	if (e == 0)
		e = put_in_place(fresh, path, replace);
	why = errno;
	(void)unlink(fresh); /* gone already where it was renamed */
	errno = why;
	return e;
}

/* ---- reading ---- */

/* The file "config" as it is read. */
struct reading {
	struct fuda_context *ctx;
	const char *path;
	unsigned line;
	bool seen[ARRAY_SIZE(flags)], value[ARRAY_SIZE(flags)];
};

static void free_text(char **text)
{
	free(*text);
}

/* The whole file as text. FUDA_ENOTFOUND: there is none. */
static int read_file(const char *path, char **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text;
	ssize_t n = -1;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? FUDA_ENOTFOUND : FUDA_EFILE;
	text = malloc(FILE_MAX + 1);
	errno = EINVAL; /* of what is no file */
	if (text && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, text, FILE_MAX + 1);
	close(fd);
	if (!text)
		return FUDA_ENOMEM;
	if (n < 0 || n > FILE_MAX || memchr(text, 0, (size_t)n)) {
		free(text);
		return n < 0 ? FUDA_EFILE : FUDA_EFORMAT;
	}
	text[n] = 0;
	*ret = text;
	return 0;
}

/* Cuts blanks off both ends. */
static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len && strchr(" \t\r", text[len - 1]))
		text[--len] = 0;
	return text;
}

static int flag_called(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (strcmp(flags[i], key) == 0)
			return (int)i;
	return -1;
}

static int take_flag(struct reading *r, const char *key, const char *value)
{
	int flag = flag_called(key);

	if (flag < 0)
		return ctx_fail(r->ctx, FUDA_EFORMAT, _("%s:%u: There is no key \"%.*s\"."),
				r->path, r->line, SHOWN_MAX, key);
	if (r->seen[flag])
		return ctx_fail(r->ctx, FUDA_EFORMAT, _("%s:%u: \"%s\" is said twice."), r->path,
				r->line, key);
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return ctx_fail(r->ctx, FUDA_EFORMAT, _("%s:%u: \"%s\" is yes or no."), r->path,
				r->line, key);
	r->seen[flag] = true;
	r->value[flag] = value[0] == 'y';
	return 0;
}

int config_line(char *line, char **ret_key, char **ret_value)
{
	char *value;

	line = trim(line);
	if (!*line || *line == '#') {
		*ret_key = NULL;
		return 0;
	}
	value = strchr(line, '=');
	if (!value)
		return FUDA_EFORMAT;
	*value++ = 0;
	*ret_key = trim(line);
	*ret_value = trim(value);
	return 0;
}

static int take_line(struct reading *r, char *line)
{
	char *key, *value;

	r->line++;
	if (config_line(line, &key, &value) < 0)
		return ctx_fail(r->ctx, FUDA_EFORMAT, _("%s:%u: A line is \"key = value\"."),
				r->path, r->line);
	return key ? take_flag(r, key, value) : 0;
}

int config_flag(struct fuda_context *ctx, const char *key, bool *ret)
{
	_cleanup_(free_text) char *text = NULL;
	char path[CONFIG_PATH_MAX];
	struct reading r = { .ctx = ctx, .path = path };
	int e = config_path("config", path), flag = flag_called(key);

	if (flag < 0)
		return ctx_fail_code(ctx, FUDA_EINVAL);
	if (e == 0)
		e = read_file(path, &text);
	if (e == FUDA_ENOTFOUND) {
		*ret = false;
		return 0;
	}
	if (e == FUDA_EFORMAT)
		return ctx_fail(ctx, e, _("%s:1: This is no text of at most %d bytes."), path,
				FILE_MAX);
	if (e == FUDA_EFILE)
		return ctx_fail(ctx, e, _("%s cannot be read: %s"), path, strerror(errno));
	if (e < 0)
		return ctx_fail_code(ctx, e);
	for (char *next = text; next && e == 0;)
		e = take_line(&r, strsep(&next, "\n"));
	if (e == 0)
		*ret = r.value[flag];
	return e;
}
