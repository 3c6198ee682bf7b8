/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader/reader.h"

#define ENTRY(name) extern const struct driver driver_##name;
#include "device-drivers.def"
#undef ENTRY

enum {
	CLASS_CCID = 0x0B,
	CLASS_VENDOR = 0xFF,
	DEVICES_MAX = 32, /* of one driver that are listed */
	TAKEN_MS = 250,   /* for another program that is only looking */
	PAUSE_MS = 50,    /* between two attempts meanwhile */
	PLACE_SIZE = 16,  /* of "BUS.DEV" */
	ASK_MS = 1000,    /* for a reader to say whether a card is in it */
	POLL_MS = 500,    /* between two such questions while waiting */
};

static const struct driver *const device_drivers[] = {
#define ENTRY(name) &driver_##name,
#include "device-drivers.def"
#undef ENTRY
	NULL,
};

/* ---- which driver ---- */

/* Its name, whether this library was built with it or not; NULL: none of ours. */
static const char *driver_name(const struct usb_device *device)
{
	const struct fuda_device *known = fuda_device_find(device->vendor, device->product);

	if (known)
		return known->driver;
	for (size_t i = 0; i < device->interface_count; i++)
		if (device->interfaces[i].class == CLASS_CCID)
			return "ccid";
	return NULL;
}

const struct driver *device_driver(const struct usb_device *device)
{
	const char *name = driver_name(device);

	for (size_t i = 0; name && device_drivers[i]; i++)
		if (strcmp(device_drivers[i]->name, name) == 0)
			return device_drivers[i];
	return NULL;
}

/* ---- what is plugged in ---- */

struct devices {
	const char *driver; /* whose */
	struct usb_device items[DEVICES_MAX];
	size_t count;
};

static int take(void *arg, const struct usb_device *device)
{
	struct devices *all = arg;
	const char *name = driver_name(device);

	if (name && strcmp(name, all->driver) == 0 && all->count < DEVICES_MAX)
		all->items[all->count++] = *device;
	return 0;
}

static int find_devices(struct usb_bus *bus, const struct driver *driver, struct devices **ret)
{
	struct devices *all = calloc(1, sizeof(*all));
	int r;

	if (!all)
		return FUDA_ENOMEM;
	all->driver = driver->name;
	r = usb_backend->list(bus, take, all);
	if (r < 0) {
		free(all);
		return r;
	}
	*ret = all;
	return 0;
}

static void print_place(const struct usb_device *device, char ret[PLACE_SIZE])
{
	snprintf(ret, PLACE_SIZE, "%03u.%03u", device->bus, device->address);
}

/* ---- asking one ---- */

/* Whether its interfaces can be had. Those of keyboards with a slot for cards and the like stay with
 * the kernel. */
static int try_interfaces(struct fuda_context *ctx, const struct usb_device *device)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < device->interface_count; i++) {
		const struct usb_interface *f = &device->interfaces[i];
		struct usb *u = NULL;

		if ((f->class != CLASS_CCID && f->class != CLASS_VENDOR) || !f->out || !f->in)
			continue;
		r = usb_backend->open(ctx, device->bus, device->address, f->number, &u);
		usb_close(&u);
	}
	return r;
}

/* FUDA_EBUSY when another program keeps it for longer than `ms` milliseconds. */
static int try_device(struct fuda_context *ctx, const struct usb_device *device, int ms,
		      struct fuda_deadline *dl)
{
	for (;; ms -= PAUSE_MS) {
		int r = try_interfaces(ctx, device), e;

		if (r != FUDA_EBUSY || ms < PAUSE_MS)
			return r;
		e = deadline_sleep(dl, PAUSE_MS);
		if (e < 0)
			return ctx_fail_code(ctx, e);
	}
}

/* Asks the reader, and leaves it as it was. A reader that does not say is taken for empty. */
static int ask(struct fuda_context *ctx, const struct driver *driver, const char *place,
	       struct fuda_deadline *dl, bool *ret_card)
{
	int64_t end = deadline_narrow(dl, ASK_MS);
	struct reader *r = NULL;
	bool card = false;
	int e = reader_attach(ctx, driver, place, dl, &r);

	if (e == 0)
		e = driver->present(r, dl, &card);
	reader_close(&r);
	deadline_widen(dl, end);
	if (e == FUDA_ETIMEOUT && deadline_check(dl) == 0)
		e = 0;
	if (e < 0)
		return e;
	*ret_card = card;
	return 0;
}

/* ---- listing ---- */

/* A device that is lost to another program while the PC/SC service lists readers is lost to that, as a
 * rule, and for long. */
static int patience(const struct fuda_reader_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (strncmp(list->items[i].name, "pcsc:", 5) == 0)
			return 0;
	return TAKEN_MS;
}

/* Ends a listing. */
static bool is_final(int code)
{
	return code == FUDA_ETIMEOUT || code == FUDA_ECANCELLED || code == FUDA_ENOMEM;
}

/* Adds the readers that can be asked. */
static int add_readers(struct usb_bus *bus, const struct driver *driver, struct fuda_context *ctx,
		       struct fuda_deadline *dl, struct fuda_reader_list *list)
{
	struct devices *all = NULL;
	int ms = patience(list), failed = 0;
	int r = find_devices(bus, driver, &all);

	if (r < 0)
		return ctx_fail_code(ctx, r);
	for (size_t i = 0; i < all->count && !is_final(r); i++) {
		const struct usb_device *d = &all->items[i];
		struct fuda_reader_info info = { 0 };
		char place[PLACE_SIZE];

		print_place(d, place);
		r = try_device(ctx, d, ms, dl);
		if (r == 0)
			r = ask(ctx, driver, place, dl, &info.card);
		if (r == 0)
			r = reader_list_add(list, driver->name, place, &info);
		if (r == FUDA_EACCESS && !failed) {
			failed = r;
			ctx_keep_error(ctx, true); /* whatever comes after it */
		}
	}
	free(all);
	ctx_keep_error(ctx, false);
	return is_final(r) ? ctx_fail_code(ctx, r) : failed;
}

int device_list(const struct driver *driver, struct fuda_context *ctx, struct fuda_deadline *dl,
		struct fuda_reader_list *list)
{
	struct usb_bus *bus;
	int r = usb_backend->bus_open(ctx, &bus);

	if (r < 0)
		return r;
	r = add_readers(bus, driver, ctx, dl, list);
	usb_backend->bus_close(bus);
	return r;
}

/* ---- waiting ---- */

static const struct fuda_reader_info *find_known(const struct fuda_reader_list *known,
						 const char *place)
{
	for (size_t i = 0; i < known->count; i++)
		if (strcmp(strchr(known->items[i].name, ':') + 1, place) == 0)
			return &known->items[i];
	return NULL;
}

/* Whether `known` is out of date. What another program has taken meanwhile is as it was. */
static int look(struct usb_bus *bus, const struct driver *driver, struct fuda_context *ctx,
		struct fuda_deadline *dl, const struct fuda_reader_list *known, bool *ret_changed)
{
	struct devices *all = NULL;
	bool changed = false;
	size_t seen = 0;
	int r = find_devices(bus, driver, &all);

	if (r < 0)
		return ctx_fail_code(ctx, r);
	for (size_t i = 0; i < all->count && !changed && !is_final(r); i++) {
		const struct fuda_reader_info *before;
		char place[PLACE_SIZE];
		bool card = false;

		print_place(&all->items[i], place);
		before = find_known(known, place);
		seen += before != NULL;
		r = try_device(ctx, &all->items[i], 0, dl);
		if (r == 0)
			r = ask(ctx, driver, place, dl, &card);
		if (r == 0)
			changed = !before || before->card != card;
		else if (r != FUDA_EBUSY)
			changed = before;
	}
	free(all);
	if (is_final(r))
		return ctx_fail_code(ctx, r);
	*ret_changed = changed || seen != known->count;
	return 0;
}

int device_wait(const struct driver *driver, struct fuda_context *ctx, struct fuda_deadline *dl,
		const struct fuda_reader_list *known)
{
	struct usb_bus *bus;
	bool changed = false;
	int r = usb_backend->bus_open(ctx, &bus);

	if (r < 0)
		return r;
	for (;;) {
		r = look(bus, driver, ctx, dl, known, &changed);
		if (r < 0 || changed)
			break;
		r = usb_backend->wait(bus, POLL_MS, dl);
		if (r < 0 && r != FUDA_EMUTE)
			break;
	}
	usb_backend->bus_close(bus);
	return r;
}
