/* SPDX-License-Identifier: Apache-2.0 */
#include "ifd/slots.h"

#include <PCSC/debuglog.h>
#include <stdio.h>
#include <string.h>

#include "ifd/names.h"
#include "reader/device.h"

/* pcscd's; other programs that load us may have none. */
#pragma weak log_msg

enum {
	READERS = PCSCLITE_MAX_READERS_CONTEXTS,
	SLOTS = 16, /* of a reader; the service has no place for more of all readers together */
	SLOT_MASK = 0xFFFF,
	CANDIDATES = 16, /* devices that one name may mean */
};

static struct slot slots[READERS][SLOTS] = {
	[0 ... READERS - 1] = { [0 ... SLOTS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER } }
};

static struct slot *slot_at(DWORD lun)
{
	DWORD reader = lun >> 16, n = lun & SLOT_MASK;

	return reader < READERS && n < SLOTS ? &slots[reader][n] : NULL;
}

struct slot *slot_take(DWORD lun)
{
	struct slot *s = slot_at(lun);

	if (!s)
		return NULL;
	pthread_mutex_lock(&s->lock);
	if (s->reader)
		return s;
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

void slot_give(struct slot **s)
{
	if (*s)
		pthread_mutex_unlock(&(*s)->lock);
}

struct fuda_deadline *slot_budget(struct slot *s, int ms)
{
	fuda_deadline_restart(s->dl, ms);
	return s->dl;
}

/* ---- failures ---- */

static const RESPONSECODE codes[] = {
#define X(name, text, status, pkcs11, ifd) ifd,
#include <fuda/err.def>
#undef X
};

static RESPONSECODE code_of(int e)
{
	size_t i = (size_t)-e - 1; /* they count down from -1 */

	if (e == 0)
		return IFD_SUCCESS;
	return i < ARRAY_SIZE(codes) ? codes[i] : IFD_COMMUNICATION_ERROR;
}

RESPONSECODE slot_code(struct slot *s, int e)
{
	if (e < 0 && log_msg)
		log_msg(PCSC_LOG_ERROR, "fuda: %s", fuda_context_message(s->ctx));
	return code_of(e);
}

static void log_line(void *arg, const char *line)
{
	(void)arg;
	log_msg(PCSC_LOG_DEBUG, "fuda: %s", line);
}

/* ---- opening ---- */

struct candidate {
	struct place place;
	const struct driver *driver;
};

struct search {
	const struct ifd_name *name; /* NULL: any that is listed */
	struct candidate found[CANDIDATES];
	size_t count;
};

static bool has_interface(const struct usb_device *d, int number)
{
	for (size_t i = 0; i < d->interface_count; i++)
		if (d->interfaces[i].number == number)
			return true;
	return false;
}

static bool is_meant(const struct ifd_name *n, const struct usb_device *d)
{
	if (!n)
		return fuda_device_find(d->vendor, d->product) != NULL;
	return (!n->has_ids || (n->vendor == d->vendor && n->product == d->product)) &&
	       (!n->has_place || (n->bus == d->bus && n->address == d->address)) &&
	       (n->interface < 0 || has_interface(d, n->interface));
}

static int consider(void *arg, const struct usb_device *d)
{
	struct search *search = arg;
	const struct driver *driver;

	if (!is_meant(search->name, d))
		return 0;
	driver = device_driver(d);
	if (!driver || !driver->attach)
		return 0;
	search->found[search->count++] = (struct candidate){
		{ d->bus, d->address, d->vendor, d->product, d->release }, driver
	};
	return search->count == CANDIDATES;
}

static int find(struct slot *s, struct search *search)
{
	struct usb_bus *bus;
	int e = usb_backend->bus_open(s->ctx, &bus);

	if (e < 0)
		return e;
	e = usb_backend->list(bus, consider, search);
	usb_backend->bus_close(bus);
	return MIN(e, 0);
}

/* Drivers count slots over all interfaces of a device: "BUS.DEV", "BUS.DEV/1", ... */
static int attach_number(struct slot *s, const struct candidate *c, unsigned n)
{
	char rest[sizeof("255.255/4294967295")];
	int e;

	if (n == 0)
		snprintf(rest, sizeof(rest), "%u.%u", c->place.bus, c->place.address);
	else
		snprintf(rest, sizeof(rest), "%u.%u/%u", c->place.bus, c->place.address, n);
	e = reader_attach(s->ctx, c->driver, rest, s->dl, &s->reader);
	if (e < 0)
		return e;
	s->place = c->place;
	s->number = n;
	return 0;
}

/* The first slot of an interface that nobody has: pcscd comes once for each interface, and then for
 * its further slots. */
static int attach_to(struct slot *s, const struct candidate *c)
{
	bool kept = false;
	int e = FUDA_EBUSY;

	for (unsigned n = 0; n < READERS * SLOTS && e == FUDA_EBUSY; n++) {
		if (n == 1) /* what the first says, if there is no other */
			kept = ctx_keep_error(s->ctx, true);
		e = attach_number(s, c, n);
		if (e == 0 && s->reader->slot > 0) {
			reader_close(&s->reader);
			e = FUDA_EBUSY;
		} else if (n > 0 && (e == FUDA_ENOREADER || e == FUDA_EINVAL)) {
			e = FUDA_EBUSY;
			break;
		}
	}
	ctx_keep_error(s->ctx, kept);
	return e;
}

static int attach_further(struct slot *s, DWORD lun)
{
	_slot_ struct slot *first = slot_take(lun & ~(DWORD)SLOT_MASK);
	DWORD n = lun & SLOT_MASK;

	if (!first || n >= first->reader->slots)
		return ctx_fail(s->ctx, FUDA_ENOREADER, _("The reader has no such slot."));
	return attach_number(s,
			     &(struct candidate){ first->place, first->reader->driver },
			     first->number + (unsigned)n);
}

/* Opens the first that lets itself be opened: of twins, others may have been opened before. */
static int attach(struct slot *s, const struct ifd_name *name)
{
	struct search search = { .name = name };
	int e = find(s, &search);

	if (e < 0)
		return e;
	e = ctx_fail(s->ctx, FUDA_ENOREADER, _("No such reader is plugged in."));
	for (size_t i = 0; i < search.count && e < 0; i++)
		e = attach_to(s, &search.found[i]);
	return e;
}

/* Ends what slot_open() began; the generation goes up for who still waits. */
static void clear(struct slot *s)
{
	reader_close(&s->reader);
	fuda_deadline_free(&s->dl);
	fuda_context_free(&s->ctx);
	s->generation++;
	s->powered = s->told = s->heard = s->polled = false;
	s->card = CARD_ABSENT;
	s->used_ms = 0;
	atomic_store(&s->stop, false);
}

static int open_slot(struct slot *s, DWORD lun, const char *text)
{
	struct ifd_name name;
	int e = fuda_context_new(&s->ctx);

	if (e == 0)
		e = fuda_deadline_new(CREATE_MS, &s->dl);
	if (e < 0)
		return e;
	if (log_msg)
		fuda_context_set_log(s->ctx, FUDA_LOG_DEBUG, log_line, NULL);
	if (lun & SLOT_MASK)
		return attach_further(s, lun);
	if (text && ifd_name_parse(text, &name) < 0)
		return ctx_fail(s->ctx, FUDA_ENOREADER,
				_("'%s' does not name a device on the USB."), text);
	return attach(s, text ? &name : NULL);
}

RESPONSECODE slot_open(DWORD lun, const char *name)
{
	struct slot *s = slot_at(lun);
	RESPONSECODE code = IFD_COMMUNICATION_ERROR;

	if (!s)
		return IFD_COMMUNICATION_ERROR;
	pthread_mutex_lock(&s->lock);
	if (!s->reader) {
		int e = open_slot(s, lun, name);

		code = s->ctx ? slot_code(s, e) : code_of(e);
		if (e < 0)
			clear(s);
	}
	pthread_mutex_unlock(&s->lock);
	return code;
}

RESPONSECODE slot_close(DWORD lun)
{
	_slot_ struct slot *s = slot_take(lun);

	if (!s)
		return IFD_COMMUNICATION_ERROR;
	clear(s);
	slot_doubt(s);
	return IFD_SUCCESS;
}

/* ---- commands ---- */

RESPONSECODE slot_ready(const struct slot *s)
{
	if (s->powered)
		return IFD_SUCCESS;
	return s->card == CARD_THERE ? IFD_COMMUNICATION_ERROR : IFD_ICC_NOT_PRESENT;
}

RESPONSECODE slot_done(struct slot *s, int e)
{
	if (e < 0)
		slot_doubt(s);
	else
		slot_used(s);
	return slot_code(s, e);
}

/* ---- presence ---- */

void slot_used(struct slot *s)
{
	s->used_ms = deadline_now();
}

void slot_doubt(struct slot *s)
{
	s->used_ms = 0;
	atomic_fetch_add(&s->bell, 1);
	deadline_wake_word(&s->bell);
}

/* Asks the driver; once the card left, not again before the service knows. */
static int look(struct slot *s)
{
	bool there;
	int e;

	if (s->card == CARD_LEFT)
		return 0;
	e = s->reader->driver->present(s->reader, slot_budget(s, PRESENCE_MS), &there);
	if (e < 0)
		return e;
	if (there) {
		s->card = CARD_THERE;
	} else if (s->card == CARD_THERE) {
		s->card = CARD_LEFT;
		s->told = s->powered = false;
	}
	return 0;
}

/* The service asks on several threads: for its clients before it powers the card, and on that of
 * the reader before and after it waits. Only what that one heard makes it tell its clients that a
 * card was removed, and it may ask more than once before it acts, so that the card stays away until
 * it waits again. */
RESPONSECODE slot_presence(struct slot *s)
{
	int e = look(s);

	if (e < 0)
		return slot_code(s, e);
	if (!s->polled || pthread_equal(s->poller, pthread_self())) {
		s->heard = s->card == CARD_THERE;
		s->told = true;
	}
	if (s->card == CARD_THERE)
		return IFD_ICC_PRESENT;
	if (!s->polled)
		s->card = CARD_ABSENT;
	return IFD_ICC_NOT_PRESENT;
}

/* Waits `ms` milliseconds or for the bell, unlocked. */
static void rest(struct slot *s, int ms)
{
	uint32_t bell = atomic_load(&s->bell);

	if (atomic_load(&s->stop))
		return;
	pthread_mutex_unlock(&s->lock);
	deadline_wait_word(NULL, ms, &s->bell, bell);
	pthread_mutex_lock(&s->lock);
}

RESPONSECODE slot_wait(DWORD lun, int timeout)
{
	_slot_ struct slot *s = slot_take(lun);
	int64_t end = deadline_now() + MAX(timeout, 0);
	uint32_t generation;

	if (!s)
		return IFD_NO_SUCH_DEVICE;
	generation = s->generation;
	s->polled = true;
	s->poller = pthread_self();
	if (s->card == CARD_LEFT && s->told)
		s->card = CARD_ABSENT;
	while (!atomic_exchange(&s->stop, false)) {
		int64_t now = deadline_now();
		int e = 0;

		/* A card that answers others is there: no need to disturb it. */
		if (now - s->used_ms >= POLL_MS)
			e = look(s);
		if (e < 0)
			return slot_code(s, e);
		if ((s->card == CARD_THERE) != s->heard || now >= end)
			break;
		rest(s, (int)MIN(end - now, POLL_MS));
		if (!s->reader || s->generation != generation)
			return IFD_NO_SUCH_DEVICE;
	}
	return IFD_SUCCESS;
}

RESPONSECODE slot_stop(DWORD lun)
{
	struct slot *s = slot_at(lun);

	if (!s)
		return IFD_COMMUNICATION_ERROR;
	atomic_store(&s->stop, true);
	atomic_fetch_add(&s->bell, 1);
	deadline_wake_word(&s->bell);
	return IFD_SUCCESS;
}
