/* SPDX-License-Identifier: Apache-2.0 */
/* Which drivers and readers there are, and opening one by its name. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader/reader.h"

#define ENTRY(name) extern const struct driver driver_##name;
#include "drivers.def"
#undef ENTRY

const struct driver *const drivers[] = {
#define ENTRY(name) &driver_##name,
#include "drivers.def"
#undef ENTRY
	NULL,
};

bool fuda_driver_there(const char *name)
{
	return driver_find(name, strlen(name)) != NULL;
}

/* ---- lists ---- */

int fuda_reader_list_new(struct fuda_context *ctx, struct fuda_deadline *dl,
			 struct fuda_reader_list **ret)
{
	_cleanup_(fuda_reader_list_free) struct fuda_reader_list *list = calloc(1, sizeof(*list));
	int failed = 0;

	ctx_step(ctx, _("look for readers"));
	if (!list)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	for (size_t i = 0; drivers[i]; i++) {
		int r = drivers[i]->list ? drivers[i]->list(ctx, dl, list) : 0;

		if (r == FUDA_ETIMEOUT || r == FUDA_ECANCELLED)
			return r;
		/* The last one: that a device may not be used says more than that a service is
		 * missing. */
		if (r < 0)
			failed = r;
	}
	if (failed && !list->count)
		return failed;
	*ret = list;
	list = NULL;
	return 0;
}

size_t fuda_reader_list_count(const struct fuda_reader_list *list)
{
	return list->count;
}

const struct fuda_reader_info *fuda_reader_list_get(const struct fuda_reader_list *list, size_t i)
{
	return i < list->count ? &list->items[i] : NULL;
}

/* ---- names ---- */

/* The one listed reader whose name contains `part`. */
static int find_by_part(struct fuda_context *ctx, const char *part,
			const struct fuda_reader_list *list, const char **ret_name)
{
	const char *found = NULL;

	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->items[i].name;

		if (!strstr(name, part))
			continue;
		if (found)
			return ctx_fail(ctx, FUDA_EINVAL,
					_("\"%s\" fits more than one reader: %s and %s. Give more "
					  "of the name."),
					part, found, name);
		found = name;
	}
	if (!found)
		return ctx_fail(ctx, FUDA_ENOREADER,
				_("There is no reader \"%s\". \"fuda readers\" lists those that "
				  "are there."),
				part);
	*ret_name = found;
	return 0;
}

/* `name` starts with a word and a colon that no driver answers to: perhaps a slip. */
static int no_such_driver(struct fuda_context *ctx, const char *name, size_t len)
{
	char known[128] = "";

	for (size_t i = 0; drivers[i]; i++) {
		size_t used = strlen(known);

		snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "",
			 drivers[i]->name);
	}
	return ctx_fail(ctx, FUDA_ENOREADER,
			_("There is no reader \"%s\", and no driver \"%.*s\" either. There are: "
			  "%s."),
			name, (int)len, name, known);
}

/* The readers could not be listed, which the context says. */
static int not_found(struct fuda_context *ctx, int code, const char *name)
{
	char why[512];

	if (code == FUDA_ETIMEOUT || code == FUDA_ECANCELLED || code == FUDA_ENOMEM)
		return code;
	snprintf(why, sizeof(why), "%s", fuda_context_message(ctx));
	return ctx_fail(ctx, code, _("No reader \"%s\" was found. %s"), name, why);
}

/* What has no driver in front of it is the folder of a software card: better said than that there
 * is no reader, for which a service would be started in vain. */
static bool is_folder(const char *name)
{
	char path[PATH_MAX];

	return fuda_driver_there("virtual") &&
	       (size_t)snprintf(path, sizeof(path), "%s/card.conf", name) < sizeof(path) &&
	       access(path, F_OK) == 0;
}

/* By a name that is not whole: a part of that of a reader which is listed. */
static int find(struct fuda_context *ctx, const char *part, struct fuda_deadline *dl,
		struct fuda_reader_list **ret_list, const char **ret_name)
{
	int r = fuda_reader_list_new(ctx, dl, ret_list);

	r = r < 0 ? not_found(ctx, r, part) : find_by_part(ctx, part, *ret_list, ret_name);
	if ((r == FUDA_ENOREADER || r == FUDA_ENOSERVICE || r == FUDA_EACCESS) && is_folder(part))
		return ctx_fail(ctx, FUDA_ENOREADER,
				_("There is no reader \"%s\". The software card in the folder of "
				  "that name is virtual:%s."),
				part, part);
	return r;
}

int reader_open(struct fuda_context *ctx, const char *name, struct fuda_deadline *dl,
		struct reader **ret)
{
	_cleanup_(fuda_reader_list_free) struct fuda_reader_list *list = NULL;
	const char *colon = strchr(name, ':'), *whole = name;
	const struct driver *driver = colon ? driver_find(name, (size_t)(colon - name)) : NULL;
	int r;

	/* "ccid:" is a part too: no device of a driver that lists them has an empty name */
	if (!driver || (driver->attach && !colon[1])) {
		r = find(ctx, name, dl, &list, &whole);
		if (r < 0 && colon && !driver && r != FUDA_EINVAL && r != FUDA_ETIMEOUT &&
		    r != FUDA_ECANCELLED)
			return no_such_driver(ctx, name, (size_t)(colon - name));
		if (r < 0)
			return r;
		name = whole;
		colon = strchr(name, ':');
		driver = driver_find(name, (size_t)(colon - name));
	}
	ctx_step(ctx, _("connect to the card"));
	return reader_open_with(ctx, driver, colon + 1, dl, ret);
}
