/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/profile.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/context.h"
#include "mdoc/profile-parse.h"
#include "pki/file.h"

#define SUFFIX  ".profile"
#define SHIPPED "deployed-2025" SUFFIX

struct fuda_mdoc_profiles {
	struct profile_file *files[PROFILES_MAX];
	size_t count;
};

/* ---- what is known ---- */

size_t profiles_count(const struct fuda_mdoc_profiles *all)
{
	return all->count;
}

const struct profile *profiles_at(const struct fuda_mdoc_profiles *all, size_t index)
{
	return index < all->count ? &all->files[index]->profile : NULL;
}

const struct profile *profiles_named(const struct fuda_mdoc_profiles *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->files[i]->profile.name, name) == 0)
			return &all->files[i]->profile;
	return NULL;
}

const char *fuda_mdoc_profile_name(const struct fuda_mdoc_profiles *profiles, size_t index)
{
	const struct profile *p = profiles_at(profiles, index);

	return p ? p->name : NULL;
}

const char *fuda_mdoc_profile_doctype(const struct fuda_mdoc_profiles *profiles, size_t index)
{
	const struct profile *p = profiles_at(profiles, index);

	return p ? p->doctype : NULL;
}

const char *fuda_mdoc_profile_attribute(const struct fuda_mdoc_profiles *profiles,
					const char *profile, size_t index)
{
	const struct profile *p = profiles_named(profiles, profile);

	return p && index < p->element_count ? p->elements[index].attribute : NULL;
}

static bool is(struct cursor text, const char *name)
{
	return text.left == strlen(name) && memcmp(text.p, name, text.left) == 0;
}

const struct profile *profile_find(const struct fuda_mdoc_profiles *all, struct cursor doctype,
				   const struct profile *after)
{
	bool found = !after;

	for (size_t i = 0; i < all->count; i++) {
		const struct profile *p = &all->files[i]->profile;

		if (found && is(doctype, p->doctype))
			return p;
		found = found || p == after;
	}
	return NULL;
}

/* "age_over_NN" as any age. */
static bool is_of_family(const struct element *element, struct cursor name)
{
	size_t prefix = strlen(element->name) - 2;

	return element_is_family(element) && name.left == prefix + 2 &&
	       memcmp(name.p, element->name, prefix) == 0 && name.p[prefix] >= '0' &&
	       name.p[prefix] <= '9' && name.p[prefix + 1] >= '0' && name.p[prefix + 1] <= '9';
}

const struct element *profile_element(const struct profile *profile, struct cursor space,
				      struct cursor name)
{
	for (size_t i = 0; i < profile->element_count; i++) {
		const struct element *e = &profile->elements[i];

		if (!is(space, e->space))
			continue;
		if (element_is_family(e) ? is_of_family(e, name) : is(name, e->name))
			return e;
	}
	return NULL;
}

void element_attribute(const struct element *element, struct cursor name,
		       char ret[ATTRIBUTE_NAME_MAX])
{
	size_t len = strlen(element->attribute);

	snprintf(ret, ATTRIBUTE_NAME_MAX, "%s", element->attribute);
	if (is_of_family(element, name))
		memcpy(ret + len - 2, name.p + name.left - 2, 2);
}

int profiles_read(const struct fuda_mdoc_profiles *all, struct cursor doctype, struct cursor space,
		  struct cursor name, const struct cbor *value, bool allow_float,
		  const struct element **ret_element, struct fuda_buf *ret_value,
		  enum element_fault *ret_fault)
{
	const struct element *first = NULL;
	enum element_fault fault = ELEMENT_GOOD;

	for (const struct profile *p = profile_find(all, doctype, NULL); p;
	     p = profile_find(all, doctype, p)) {
		const struct element *e = profile_element(p, space, name);
		enum element_fault f;
		int r;

		if (!e)
			continue;
		r = element_read(e, value, allow_float, ret_value, &f);
		if (r != FUDA_EFORMAT) {
			*ret_element = e;
			*ret_fault = f;
			return r;
		}
		if (!first)
			fault = f;
		first = first ? first : e;
	}
	*ret_element = first;
	*ret_fault = fault;
	return first ? FUDA_EFORMAT : FUDA_ENOTFOUND;
}

/* ---- where they come from ---- */

int fuda_mdoc_profiles_add(struct fuda_context *ctx, struct fuda_mdoc_profiles *profiles,
			   const char *path)
{
	_cleanup_(profile_file_free) struct profile_file *file = NULL;
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(PROFILE_FILE_MAX);
	int e = pki_read_file(ctx, path, &text);

	if (e == 0)
		e = profile_parse(ctx, path, cur_of(text.data, text.len), &file);
	if (e < 0)
		return e;
	if (profiles_named(profiles, file->profile.name))
		return ctx_fail(ctx, FUDA_EEXISTS, _("%s: There is a profile %s already."), path,
				file->profile.name);
	if (profiles->count == PROFILES_MAX)
		return ctx_fail(ctx, FUDA_ETOOBIG, _("%s: There are more than %d profiles."), path,
				PROFILES_MAX);
	profiles->files[profiles->count++] = file;
	file = NULL;
	return 0;
}

/* Where those of the library are: a moved installation, and a build tree (its programs are in it,
 * in tests or in .libs), before the place configured. */
static void shipped_folder(char *ret, size_t size)
{
	static const struct {
		const char *beside, *folder;
	} places[] = {
		{ "/tests/.libs", "/../../mdoc" },  { "/.libs", "/../mdoc" },
		{ "/tests", "/../mdoc" },           { "", "/mdoc" },
		{ "", "/../share/fudasashi/mdoc" },
	};
	char exe[PATH_MAX], file[PATH_MAX + 64];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	exe[len > 0 ? len : 0] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
		size_t dir = strlen(exe), tail = strlen(places[i].beside);

		if (dir < tail || strcmp(exe + dir - tail, places[i].beside) != 0 ||
		    (size_t)snprintf(ret, size, "%s%s", exe, places[i].folder) >= size)
			continue;
		if ((size_t)snprintf(file, sizeof(file), "%s/" SHIPPED, ret) < sizeof(file) &&
		    access(file, R_OK) == 0)
			return;
	}
	snprintf(ret, size, "%s", PKGDATADIR "/mdoc");
}

static int is_profile(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), tail = sizeof(SUFFIX) - 1;

	return len > tail && entry->d_name[0] != '.' &&
	       strcmp(entry->d_name + len - tail, SUFFIX) == 0;
}

struct listing {
	struct dirent **entries;
	int count;
};

static void listing_free(struct listing *l)
{
	while (l->count > 0)
		free(l->entries[--l->count]);
	free(l->entries);
}

static int read_folder(struct fuda_context *ctx, struct fuda_mdoc_profiles *profiles,
		       const char *folder)
{
	_cleanup_(listing_free) struct listing l = { 0 };
	char path[PATH_MAX];
	int e = 0;

	/* by the names' bytes, so that the order is the same everywhere */
	l.count = scandir(folder, &l.entries, is_profile, alphasort);
	if (l.count < 0)
		return ctx_fail(ctx, FUDA_EFILE, _("Cannot read %s: %s."), folder, strerror(errno));
	if (l.count == 0)
		return ctx_fail(ctx, FUDA_EFILE, _("There are no files *%s in %s."), SUFFIX,
				folder);
	for (int i = 0; i < l.count && e == 0; i++) {
		int n = snprintf(path, sizeof(path), "%s/%s", folder, l.entries[i]->d_name);

		e = n < 0 || (size_t)n >= sizeof(path) ?
			    ctx_fail_code(ctx, FUDA_ETOOBIG) :
			    fuda_mdoc_profiles_add(ctx, profiles, path);
	}
	return e;
}

int fuda_mdoc_profiles_new(struct fuda_context *ctx, const char *folder,
			   struct fuda_mdoc_profiles **ret)
{
	_cleanup_(fuda_mdoc_profiles_free) struct fuda_mdoc_profiles *all = calloc(1, sizeof(*all));
	char shipped[PATH_MAX + 64];
	int e;

	if (!all)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	if (!folder)
		shipped_folder(shipped, sizeof(shipped));
	e = read_folder(ctx, all, folder ? folder : shipped);
	if (e < 0)
		return e;
	*ret = all;
	all = NULL;
	return 0;
}

void fuda_mdoc_profiles_free(struct fuda_mdoc_profiles **profiles)
{
	if (!*profiles)
		return;
	for (size_t i = 0; i < (*profiles)->count; i++)
		profile_file_free(&(*profiles)->files[i]);
	free(*profiles);
	*profiles = NULL;
}
