/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/redact.h"
#include "reader/pad.h"

/* ---- open ---- */

/* With the driver's `begin`. */
static int start(struct fuda_context *ctx, const struct driver *driver, const char *rest,
		 int (*begin)(struct reader *r, const char *rest, struct fuda_deadline *dl),
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
		e = begin(r, rest, dl);
	if (e < 0) {
		free(r->name);
		free(r);
		return e;
	}
	*ret = r;
	return 0;
}

int reader_attach(struct fuda_context *ctx, const struct driver *driver, const char *rest,
		  struct fuda_deadline *dl, struct reader **ret)
{
	return start(ctx, driver, rest, driver->attach, dl, ret);
}

int reader_open_with(struct fuda_context *ctx, const struct driver *driver, const char *rest,
		     struct fuda_deadline *dl, struct reader **ret)
{
	_cleanup_(reader_close) struct reader *r = NULL;
	int e;

	if (!driver->attach)
		return start(ctx, driver, rest, driver->open, dl, ret);
	e = reader_attach(ctx, driver, rest, dl, &r);
	if (e == 0)
		e = driver->power(r, POWER_ON, dl);
	if (e < 0)
		return e;
	*ret = r;
	r = NULL;
	return 0;
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

void reader_stand_on(struct reader *r, const struct reader *inner)
{
	r->inner = inner;
	memcpy(r->model, inner->model, sizeof(r->model));
	memcpy(r->serial, inner->serial, sizeof(r->serial));
	memcpy(r->atr, inner->atr, sizeof(r->atr));
	r->atr_len = inner->atr_len;
	r->pad = inner->driver->secure ? inner->pad : 0;
	r->display = inner->display;
	r->slot = inner->slot;
	r->slots = inner->slots;
	r->max_command = inner->max_command;
	r->max_response = inner->max_response;
	r->epoch = inner->epoch;
	r->lies = inner->lies;
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

/* After a command of `len` bytes that ended with `e`; what was not sent for sure is not counted. */
static int account(struct reader *r, int e, size_t len, const struct fuda_buf *response,
		   size_t before)
{
	if (e != FUDA_ERESET) {
		r->apdus++;
		r->sent += len;
	}
	if (e < 0)
		return e;
	r->received += response->len - before;
	if (response->len > before)
		log_apdu(r, "<", redact_response, response->data + before, response->len - before);
	return 0;
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
	return account(r, e, len, ret_response, before);
}

int reader_secure(struct reader *r, bool modify, const uint8_t *structure, size_t len,
		  struct fuda_deadline *dl, struct fuda_buf *ret_response)
{
	unsigned needed = modify ? READER_PAD_MODIFY : READER_PAD_VERIFY;
	size_t before = ret_response->len;
	struct pad_entry entry;
	int e;

	if (!r->driver->secure || !(r->pad & needed))
		return ctx_fail(r->ctx, FUDA_ENOTSUP,
				_("This reader has no keys for PINs, or none that may be used."));
	if (pad_parse(modify, structure, len, &entry) < 0)
		return ctx_fail(r->ctx, FUDA_EINVAL,
				_("What the reader is asked to have typed makes no sense."));
	log_apdu(r, "> (typed on the reader)", redact_command, entry.command, entry.len);
	e = r->driver->secure(r, modify, structure, len, dl, ret_response);
	return account(r, e, entry.len, ret_response, before);
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
