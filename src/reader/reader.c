/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/redact.h"

#define ENTRY(name) extern const struct driver driver_##name;
#include "drivers.def"
#undef ENTRY

const struct driver *const drivers[] = {
#define ENTRY(name) &driver_##name,
#include "drivers.def"
#undef ENTRY
	NULL,
};

const struct driver *driver_find(const char *name, size_t len)
{
	for (size_t i = 0; drivers[i]; i++)
		if (strlen(drivers[i]->name) == len && strncmp(drivers[i]->name, name, len) == 0)
			return drivers[i];
	return NULL;
}

/* ---- lists ---- */

int reader_list_add(struct fuda_reader_list *list, const char *driver, const char *rest,
		    const struct fuda_reader_info *info)
{
	struct fuda_reader_info *items =
		realloc(list->items, (list->count + 1) * sizeof(*items));
	char *name;

	if (!items)
		return FUDA_ENOMEM;
	list->items = items;
	if (asprintf(&name, "%s:%s", driver, rest) < 0)
		return FUDA_ENOMEM;
	items[list->count] = *info;
	items[list->count++].name = name;
	return 0;
}

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
		if (r < 0 && !failed)
			failed = r;
	}
	if (failed && !list->count)
		return failed;
	*ret = list;
	list = NULL;
	return 0;
}

void fuda_reader_list_free(struct fuda_reader_list **list)
{
	if (!*list)
		return;
	for (size_t i = 0; i < (*list)->count; i++)
		free((char *)(uintptr_t)(*list)->items[i].name);
	free((*list)->items);
	free(*list);
	*list = NULL;
}

size_t fuda_reader_list_count(const struct fuda_reader_list *list)
{
	return list->count;
}

const struct fuda_reader_info *fuda_reader_list_get(const struct fuda_reader_list *list, size_t i)
{
	return i < list->count ? &list->items[i] : NULL;
}

/* ---- open ---- */

static int open_with(struct fuda_context *ctx, const struct driver *driver, const char *rest,
		     struct fuda_deadline *dl, struct reader **ret)
{
	struct reader *r = calloc(1, sizeof(*r));
	int e = FUDA_ENOMEM;

	if (!r)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	r->ctx = ctx;
	r->driver = driver;
	if (asprintf(&r->name, "%s:%s", driver->name, rest) < 0)
		r->name = NULL;
	else
		e = driver->open(r, rest, dl);
	if (e < 0) {
		free(r->name);
		free(r);
		return e;
	}
	*ret = r;
	return 0;
}

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

int reader_open(struct fuda_context *ctx, const char *name, struct fuda_deadline *dl,
		struct reader **ret)
{
	_cleanup_(fuda_reader_list_free) struct fuda_reader_list *list = NULL;
	const char *colon = strchr(name, ':'), *whole = name;
	const struct driver *driver = colon ? driver_find(name, (size_t)(colon - name)) : NULL;
	int r;

	if (!driver) {
		r = fuda_reader_list_new(ctx, dl, &list);
		if (r == 0)
			r = find_by_part(ctx, name, list, &whole);
		if (r < 0 && colon && r != FUDA_EINVAL && r != FUDA_ETIMEOUT &&
		    r != FUDA_ECANCELLED)
			return no_such_driver(ctx, name, (size_t)(colon - name));
		if (r < 0)
			return r;
		name = whole;
		colon = strchr(name, ':');
		driver = driver_find(name, (size_t)(colon - name));
	}
	ctx_step(ctx, _("connect to the card"));
	return open_with(ctx, driver, colon + 1, dl, ret);
}

void reader_close(struct reader **r)
{
	if (!*r)
		return;
	(*r)->driver->close(*r);
	free((*r)->name);
	free(*r);
	*r = NULL;
}

/* ---- use ---- */

static void log_apdu(struct reader *r, const char *mark,
		     void (*redact)(const uint8_t *, size_t, char[REDACT_TEXT_MAX]),
		     const uint8_t *bytes, size_t len)
{
	char text[REDACT_TEXT_MAX];

	if (!ctx_logs(r->ctx, FUDA_LOG_DEBUG))
		return;
	redact(bytes, len, text);
	ctx_log(r->ctx, FUDA_LOG_DEBUG, "%s %s", mark, text);
}

int reader_transmit(struct reader *r, const uint8_t *command, size_t len, unsigned flags,
		    struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	size_t before = ret_response->len;
	int e;

	if (len < 4)
		return ctx_fail(r->ctx, FUDA_EINVAL, _("A command has at least 4 bytes."));
	if (len > r->max_command)
		return ctx_fail(r->ctx, FUDA_ETOOBIG,
				_("The command has %zu bytes; this reader takes at most %zu."), len,
				r->max_command);
	log_apdu(r, ">", redact_command, command, len);
	e = r->driver->transmit(r, command, len, flags, dl, ret_response);
	/* What was not sent for sure is not counted. */
	if (e != FUDA_ERESET) {
		r->apdus++;
		r->sent += len;
	}
	if (e < 0)
		return e;
	r->received += ret_response->len - before;
	if (ret_response->len > before)
		log_apdu(r, "<", redact_response, ret_response->data + before,
			 ret_response->len - before);
	return 0;
}

int reader_power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	if (!r->driver->power)
		return ctx_fail_code(r->ctx, FUDA_ENOTSUP);
	return r->driver->power(r, how, dl);
}

int reader_lock(struct reader *r, bool on, struct fuda_deadline *dl)
{
	return r->driver->lock ? r->driver->lock(r, on, dl) : 0;
}
