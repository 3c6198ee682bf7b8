/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fuda/encode.h>
#include <fuda/hash.h>

#include "tools/files.h"

static int fail(struct call *call, const struct folder *f, const char *name)
{
	return call_fail(call, FUDA_EFILE, "%s%s%s: %s", f->path, name ? "/" : "", name ? name : "",
			 strerror(errno));
}

/* Opens a new file of a name that nobody has. */
static int open_temporary(struct folder *f, const char *name, char ret_temporary[])
{
	uint8_t salt[8];
	char hex[2 * sizeof(salt) + 1];

	if (fuda_random(salt, sizeof(salt)) < 0) {
		errno = EAGAIN;
		return -1;
	}
	fuda_hex_encode(salt, sizeof(salt), hex);
	snprintf(ret_temporary, FOLDER_TEMPORARY_SIZE, ".%s.%s", name, hex);
	return openat(f->fd, ret_temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		      0600);
}

/* Files of these names are there, and the seal of an earlier reading is not among them. */
static int check_names(struct call *call, const struct folder *f)
{
	const char *foreign = NULL;
	struct stat st;

	for (const char *const *name = f->names; *name; name++) {
		if (fstatat(f->fd, *name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			errno = EISDIR;
			return fail(call, f, *name);
		}
		foreign = name[1] ? *name : NULL;
	}
	if (!foreign)
		return 0;
	return call_fail(call, FUDA_EFILE,
			 _("%s/%s is there, and nothing says that it comes from an earlier "
			   "reading. Remove it, or name another directory."),
			 f->path, foreign);
}

/* Tries it, as permissions alone do not tell. */
static int probe(struct call *call, struct folder *f)
{
	char temporary[FOLDER_TEMPORARY_SIZE];
	struct stat st;
	int fd, r;

	if (fstat(f->fd, &st) < 0)
		return fail(call, f, NULL);
	if (st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX))
		return call_fail(call, FUDA_EFILE,
				 _("%s: everybody may write there, and could replace the pictures. "
				   "Name another directory."),
				 f->path);
	r = check_names(call, f);
	if (r < 0)
		return r;
	fd = open_temporary(f, "probe", temporary);
	if (fd < 0)
		return fail(call, f, NULL);
	close(fd);
	unlinkat(f->fd, temporary, 0);
	return 0;
}

int folder_open(struct call *call, const char *path, const char *const *names, struct folder *ret)
{
	struct folder f = { .fd = -1, .path = path, .names = names };
	int r;

	f.made = mkdir(path, 0700) == 0;
	if (f.made || errno == EEXIST)
		f.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = f.fd < 0 ? fail(call, &f, NULL) : probe(call, &f);
	if (r < 0)
		folder_close(&f);
	else
		*ret = f;
	return r;
}

int folder_put(struct call *call, struct folder *f, const char *name, const void *bytes, size_t len)
{
	int fd, r;

	if (f->count == FOLDER_FILES_MAX)
		return call_fail(call, FUDA_ETOOBIG, "%s", fuda_error_text(FUDA_ETOOBIG));
	fd = open_temporary(f, name, f->files[f->count].temporary);
	if (fd < 0)
		return fail(call, f, name);
	f->files[f->count++].name = name;
	r = file_write_all(fd, bytes, len);
	if (r == 0 && fsync(fd) < 0)
		r = FUDA_EFILE;
	if (close(fd) < 0)
		r = -1;
	return r < 0 ? fail(call, f, name) : 0;
}

/* The last one first, so that a failure leaves those that the list still has. */
static int name_files(struct call *call, struct folder *f)
{
	for (; f->count; f->count--)
		if (renameat(f->fd, f->files[f->count - 1].temporary, f->fd,
			     f->files[f->count - 1].name) < 0)
			return fail(call, f, f->files[f->count - 1].name);
	f->made = false;
	return 0;
}

static bool put(const struct folder *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->files[i].name, name) == 0)
			return true;
	return false;
}

int folder_commit(struct call *call, struct folder *f)
{
	size_t count = 0;

	while (f->names[count])
		count++;
	while (count--) /* the seal first */
		if (!put(f, f->names[count]) && unlinkat(f->fd, f->names[count], 0) < 0 &&
		    errno != ENOENT)
			return fail(call, f, f->names[count]);
	return name_files(call, f);
}

int folder_seal(struct call *call, struct folder *f, const void *bytes, size_t len)
{
	const char *const *seal = f->names;
	int r;

	while (seal[1])
		seal++;
	r = folder_put(call, f, *seal, bytes, len);
	return r < 0 ? r : name_files(call, f);
}

bool folder_sealed(const struct folder *f)
{
	const char *const *seal = f->names;
	struct stat st;

	if (f->fd < 0)
		return false;
	while (seal[1])
		seal++;
	return fstatat(f->fd, *seal, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

void folder_close(struct folder *f)
{
	if (f->fd >= 0) {
		for (size_t i = 0; i < f->count; i++)
			unlinkat(f->fd, f->files[i].temporary, 0);
		close(f->fd);
	}
	if (f->made)
		rmdir(f->path);
	*f = FOLDER_NONE;
}
