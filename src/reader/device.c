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
	PLACE_SIZE = 24,  /* of "BUS.DEV/SLOT" */
	SLOTS_MAX = 16,   /* of one device */
	/* For a reader to say whether a card is in it; longer than attach() tries to get one that
	 * another program took a moment ago, which is not to be taken for empty. */
	ASK_MS = 1500,
	POLL_MS = 500,    /* between two such questions while waiting */
};

static const struct driver *const device_drivers[] = {
#define ENTRY(name) &driver_##name,
#include "device-drivers.def"
#undef ENTRY
	NULL,
};

/* ---- which driver ---- */

static bool has_class(const struct usb_device *device, uint8_t class)
{
	for (size_t i = 0; i < device->interface_count; i++)
		if (device->interfaces[i].class == class)
			return true;
	return false;
}

/* Its name, whether this library was built with it or not; NULL: none of ours. */
static const char *driver_name(const struct usb_device *device)
{
	const struct fuda_device *known = fuda_device_find(device->vendor, device->product);

	if (known)
		return known->driver;
	return has_class(device, CLASS_CCID) ? "ccid" : NULL;
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

/* Whether its interfaces can be had. Those of keyboards with a slot for cards and the like stay
 * with the kernel; those of the vendor's, beside one of the CCID class, may be with a browser, that
 * speaks to some readers that way (readers.md A3), and are none of ours. */
static int try_interfaces(struct fuda_context *ctx, const struct usb_device *device)
{
	uint8_t class = has_class(device, CLASS_CCID) ? CLASS_CCID : CLASS_VENDOR;
	int r = 0;

	for (size_t i = 0; r == 0 && i < device->interface_count; i++) {
		const struct usb_interface *f = &device->interfaces[i];
		struct usb *u = NULL;

		if (f->class != class || !f->out || !f->in)
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
	       struct fuda_deadline *dl, struct fuda_reader_info *ret)
{
	int64_t end = deadline_narrow(dl, ASK_MS);
	struct fuda_reader_info info = { 0 };
	struct reader *r = NULL;
	int e = reader_attach(ctx, driver, place, dl, &r);

	if (e == 0) {
		memcpy(info.model, r->model, sizeof(info.model));
		e = driver->present(r, dl, &info.card);
	}
	reader_close(&r);
	deadline_widen(dl, end);
	if (e == FUDA_ETIMEOUT && deadline_check(dl) == 0)
		e = 0;
	if (e < 0)
		return e;
	*ret = info;
	return 0;
}

/* ---- a survey of all ---- */

struct survey {
	const struct driver *driver;
	struct fuda_context *ctx;
	struct fuda_deadline *dl;
	struct usb_bus *bus;
	int patience;			      /* milliseconds for a device that is taken */
	const struct fuda_reader_list *known; /* as which a taken device then counts, or NULL */
	struct fuda_reader_list *list;
};

/* Ends a survey. */
static bool is_final(int code)
{
	return code == FUDA_ETIMEOUT || code == FUDA_ECANCELLED || code == FUDA_ENOMEM;
}

/* The driver says which slots there are. */
static int add_slots(const struct survey *s, const char *place)
{
	int failed = 0;

	for (int slot = 0; slot < SLOTS_MAX; slot++) {
		struct fuda_reader_info info = { 0 };
		char name[PLACE_SIZE];
		int r;

		snprintf(name, sizeof(name), slot ? "%s/%d" : "%s", place, slot);
		r = ask(s->ctx, s->driver, name, s->dl, &info);
		if (slot && (r == FUDA_ENOREADER || r == FUDA_EINVAL))
			break;
		if (r == 0)
			r = reader_list_add(s->list, s->driver->name, name, &info);
		if (r < 0)
			failed = r;
		if (is_final(r))
			break;
	}
	return failed;
}

static int add_known(const struct survey *s, const char *place)
{
	size_t len = strlen(place);
	int r = 0;

	for (size_t i = 0; r == 0 && s->known && i < s->known->count; i++) {
		const char *rest = strchr(s->known->items[i].name, ':') + 1;

		if (strncmp(rest, place, len) == 0 && (!rest[len] || rest[len] == '/'))
			r = reader_list_add(s->list, s->driver->name, rest, &s->known->items[i]);
	}
	return r;
}

static int add_device(const struct survey *s, const struct usb_device *device)
{
	int r = try_device(s->ctx, device, s->patience, s->dl);
	size_t before = s->list->count;
	char place[PLACE_SIZE];

	print_place(device, place);
	if (r == 0)
		r = add_slots(s, place);
	/* taken before, or since */
	return r == FUDA_EBUSY && s->list->count == before ? add_known(s, place) : r;
}

/* Adds the readers that can be asked. FUDA_EACCESS if that was the trouble with one of them. */
static int survey(const struct survey *s)
{
	struct devices *all = NULL;
	bool kept = false;
	int r = find_devices(s->bus, s->driver, &all), failed = 0;

	if (r < 0)
		return ctx_fail_code(s->ctx, r);
	for (size_t i = 0; i < all->count && !is_final(r); i++) {
		r = add_device(s, &all->items[i]);
		if (r != FUDA_EACCESS || failed)
			continue;
		failed = r;
		kept = ctx_keep_error(s->ctx, true); /* whatever comes after it */
	}
	free(all);
	if (failed)
		ctx_keep_error(s->ctx, kept);
	return is_final(r) ? ctx_fail_code(s->ctx, r) : failed;
}

/* ---- list and wait ---- */

/* A device that is taken while the PC/SC service lists readers is taken by that, as a rule, and for
 * long. */
static int patience(const struct fuda_reader_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (strncmp(list->items[i].name, "pcsc:", 5) == 0)
			return 0;
	return TAKEN_MS;
}

int device_list(const struct driver *driver, struct fuda_context *ctx, struct fuda_deadline *dl,
		struct fuda_reader_list *list)
{
	struct survey s = {
		.driver = driver, .ctx = ctx, .dl = dl, .patience = patience(list), .list = list
	};
	int r = usb_backend->bus_open(ctx, &s.bus);

	if (r < 0)
		return r;
	r = survey(&s);
	usb_backend->bus_close(s.bus);
	return r;
}

static bool same(const struct fuda_reader_list *a, const struct fuda_reader_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		size_t k = 0;

		while (k < b->count && strcmp(a->items[i].name, b->items[k].name) != 0)
			k++;
		if (k == b->count || a->items[i].card != b->items[k].card)
			return false;
	}
	return true;
}

/* Whether `s->known` is out of date. What another program has taken meanwhile is as it was. */
static int look(struct survey *s, bool *ret_changed)
{
	_cleanup_(fuda_reader_list_free) struct fuda_reader_list *now = calloc(1, sizeof(*now));
	int r;

	if (!now)
		return ctx_fail_code(s->ctx, FUDA_ENOMEM);
	s->list = now;
	r = survey(s);
	if (r < 0 && r != FUDA_EACCESS)
		return r;
	*ret_changed = !same(now, s->known);
	return 0;
}

int device_wait(const struct driver *driver, struct fuda_context *ctx, struct fuda_deadline *dl,
		const struct fuda_reader_list *known)
{
	struct survey s = { .driver = driver, .ctx = ctx, .dl = dl, .known = known };
	bool changed = false;
	int r = usb_backend->bus_open(ctx, &s.bus);

	if (r < 0)
		return r;
	for (;;) {
		r = look(&s, &changed);
		if (r < 0 || changed)
			break;
		r = usb_backend->wait(s.bus, POLL_MS, dl);
		if (r < 0 && r != FUDA_EMUTE)
			break;
	}
	usb_backend->bus_close(s.bus);
	return r;
}
