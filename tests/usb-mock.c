/* SPDX-License-Identifier: Apache-2.0 */
/* A bus of models in this process, in the place of libusb's. */
#include "tests/model.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/deadline.h"
#include "base/util.h"

enum {
	PLACES = 16,
	TRANSFER_MAX = 256 * 1024,
	ASK_MS = 2, /* between two questions to a model that has nothing to say, in real time */
};

/* Where a model is plugged in; `id` tells it from those that were there before. */
struct place {
	struct usb_model *model; /* NULL: nothing is */
	unsigned id;
	uint8_t address;
	uint8_t claimed; /* bits of interfaces */
	bool taken;
};

struct usb_bus {
	struct fuda_context *ctx;
	unsigned seen; /* of bus.changes at the last look */
};

struct mock {
	struct usb usb;
	unsigned id;
};

static struct {
	pthread_mutex_t lock; /* of all that follows, and of the models */
	const struct usb_backend *before;
	struct place places[PLACES];
	unsigned changes, last_id, open;
	uint8_t last_address;
	bool real_time;
	enum usb_mock_fault fault;
	unsigned fault_in; /* transfers until then; 0: none is to come */
	size_t fault_bytes;
} bus = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- places ---- */

static struct place *place_of(const struct usb_model *m)
{
	for (size_t i = 0; i < PLACES; i++)
		if (bus.places[i].model == m)
			return &bus.places[i];
	return NULL;
}

static struct place *place_at(uint8_t address)
{
	for (size_t i = 0; i < PLACES; i++)
		if (bus.places[i].model && bus.places[i].address == address)
			return &bus.places[i];
	return NULL;
}

static struct place *place_by_id(unsigned id)
{
	for (size_t i = 0; i < PLACES; i++)
		if (bus.places[i].model && bus.places[i].id == id)
			return &bus.places[i];
	return NULL;
}

static void unplug(struct place *p)
{
	*p = (struct place){ 0 };
	bus.changes++;
}

/* ---- transfers ---- */

/* What is to go wrong with the bulk transfer that takes place now. Waiting for a device that has nothing to say is
 * none; to be lost, what it says must be there. */
static enum usb_mock_fault next_fault(void)
{
	if (!bus.fault_in || --bus.fault_in)
		return USB_MOCK_FINE;
	return bus.fault;
}

static int fail(struct usb *u, int code)
{
	return ctx_fail_code(u->ctx, code);
}

/* As an error, what a model or a fault has done. */
static int ended(struct place *p, ssize_t result)
{
	if (result == MODEL_GONE)
		unplug(p);
	return result == MODEL_GONE ? FUDA_EREADERGONE : FUDA_ETRANSPORT;
}

static int send_locked(struct mock *m, const uint8_t *bytes, size_t len, bool zlp)
{
	struct place *p = place_by_id(m->id);
	enum usb_mock_fault fault;
	int r = 0;

	if (!p)
		return FUDA_EREADERGONE;
	fault = next_fault();
	if (fault == USB_MOCK_STALL || (fault == USB_MOCK_SHORT && bus.fault_bytes < len))
		return FUDA_ETRANSPORT;
	if (fault == USB_MOCK_UNPLUG && bus.fault_bytes < len)
		return ended(p, MODEL_GONE);
	p->model->empty_packet = zlp;
	p->model->interface = m->usb.interface->number;
	if (fault != USB_MOCK_LOSE)
		r = p->model->out(p->model, bytes, len);
	if (fault == USB_MOCK_UNPLUG)
		r = MODEL_GONE; /* it has heard all of it before */
	if (r < 0)
		return ended(p, r);
	m->usb.transfers++;
	return 0;
}

static int mock_out(struct usb *u, const uint8_t *bytes, size_t len, bool zlp,
		    struct fuda_deadline *dl)
{
	int r = deadline_check(dl);

	if (r == 0) {
		pthread_mutex_lock(&bus.lock);
		r = send_locked((struct mock *)u, bytes, len, zlp);
		pthread_mutex_unlock(&bus.lock);
	}
	return r < 0 ? fail(u, r) : 0;
}

/* FUDA_EMUTE while there is nothing. */
static int receive_locked(struct mock *m, uint8_t *bytes, size_t max, size_t *ret_len)
{
	struct place *p = place_by_id(m->id);
	enum usb_mock_fault fault;
	ssize_t n;

	if (!p)
		return FUDA_EREADERGONE;
	if (bus.fault_in == 1 && bus.fault == USB_MOCK_EMPTY) {
		bus.fault_in = 0;
		m->usb.transfers++;
		*ret_len = 0;
		return 0;
	}
	p->model->interface = m->usb.interface->number;
	n = p->model->in(p->model, bytes, max);
	if (n == MODEL_NOTHING)
		return FUDA_EMUTE;
	fault = next_fault();
	if (n >= 0 && fault == USB_MOCK_LOSE)
		return FUDA_EMUTE;
	if (n >= 0 && fault == USB_MOCK_UNPLUG)
		n = MODEL_GONE;
	if (n >= 0 && fault == USB_MOCK_STALL)
		n = MODEL_STALL;
	if (n < 0)
		return ended(p, n);
	if (fault == USB_MOCK_SHORT)
		n = (ssize_t)MIN((size_t)n, bus.fault_bytes);
	m->usb.transfers++;
	*ret_len = (size_t)n;
	return 0;
}

static int interrupt_locked(struct mock *m, uint8_t *bytes, size_t max, size_t *ret_len)
{
	struct place *p = place_by_id(m->id);
	ssize_t n;

	if (!p)
		return FUDA_EREADERGONE;
	p->model->interface = m->usb.interface->number;
	n = p->model->interrupt ? p->model->interrupt(p->model, bytes, max) : MODEL_NOTHING;
	if (n == MODEL_NOTHING)
		return FUDA_EMUTE;
	if (n < 0)
		return ended(p, n);
	*ret_len = (size_t)n;
	return 0;
}

static void pause_a_moment(void)
{
	const struct timespec t = { .tv_nsec = ASK_MS * 1000000 };

	nanosleep(&t, NULL);
}

/* Asks until there is something, `ms` milliseconds (-1: for ever) or the deadline are over. */
static int ask(struct mock *m, int (*once)(struct mock *, uint8_t *, size_t, size_t *), uint8_t *bytes,
	       size_t max, int ms, struct fuda_deadline *dl, size_t *ret_len)
{
	int64_t end = deadline_now() + ms;
	int r;

	for (;;) {
		r = deadline_check(dl);
		if (r < 0)
			return r;
		pthread_mutex_lock(&bus.lock);
		r = once(m, bytes, max, ret_len);
		pthread_mutex_unlock(&bus.lock);
		if (r != FUDA_EMUTE)
			return r;
		if (!bus.real_time) /* he would wait until one of the two */
			return ms < 0 || (deadline_left(dl) >= 0 && deadline_left(dl) < ms) ? FUDA_ETIMEOUT : r;
		if (ms >= 0 && deadline_now() >= end)
			return r;
		pause_a_moment();
	}
}

static int receive(struct mock *m, int (*once)(struct mock *, uint8_t *, size_t, size_t *), size_t max, int ms,
		   struct fuda_deadline *dl, struct fuda_buf *ret)
{
	uint8_t *bytes;
	size_t len = 0;
	int r;

	assert(max > 0 && max <= TRANSFER_MAX);
	bytes = malloc(max); /* of exactly that size, for the sanitizer to see who writes beyond */
	if (!bytes)
		return FUDA_ENOMEM;
	r = ask(m, once, bytes, max, ms, dl, &len);
	if (r == 0)
		r = fuda_buf_append(ret, bytes, len);
	wipe(bytes, max);
	free(bytes);
	return r;
}

static int mock_in(struct usb *u, size_t max, int ms, struct fuda_deadline *dl, struct fuda_buf *ret)
{
	int r = receive((struct mock *)u, receive_locked, max, ms, dl, ret);

	return r < 0 && r != FUDA_EMUTE ? fail(u, r) : r;
}

static int mock_interrupt(struct usb *u, int ms, struct fuda_deadline *dl, struct fuda_buf *ret)
{
	if (!u->interface->interrupt)
		return FUDA_ENOTSUP;
	return receive((struct mock *)u, interrupt_locked, MAX(u->interface->interrupt_packet, 1), ms, dl, ret);
}

static int mock_control(struct usb *u, uint8_t type, uint8_t request, uint16_t value, uint8_t *data, uint16_t len,
			struct fuda_deadline *dl)
{
	int r = deadline_check(dl);
	struct place *p;
	ssize_t n;

	if (r < 0)
		return fail(u, r);
	pthread_mutex_lock(&bus.lock);
	p = place_by_id(((struct mock *)u)->id);
	if (p)
		p->model->interface = u->interface->number;
	if (!p)
		n = FUDA_EREADERGONE;
	else if (!p->model->control)
		n = FUDA_ETRANSPORT;
	else if ((n = p->model->control(p->model, type, request, value, data, len)) < 0)
		n = ended(p, n);
	pthread_mutex_unlock(&bus.lock);
	return n < 0 ? fail(u, (int)n) : (int)n;
}

/* ---- the bus ---- */

static int mock_bus_open(struct fuda_context *ctx, struct usb_bus **ret)
{
	struct usb_bus *b = calloc(1, sizeof(*b));

	if (!b)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	pthread_mutex_lock(&bus.lock);
	b->ctx = ctx;
	b->seen = bus.changes;
	bus.open++;
	pthread_mutex_unlock(&bus.lock);
	*ret = b;
	return 0;
}

static void mock_bus_close(struct usb_bus *b)
{
	pthread_mutex_lock(&bus.lock);
	bus.open--;
	pthread_mutex_unlock(&bus.lock);
	free(b);
}

static int mock_list(struct usb_bus *b, int (*each)(void *arg, const struct usb_device *device), void *arg)
{
	struct usb_device devices[PLACES];
	size_t count = 0;
	int r = 0;

	/* each() may open what it is shown. */
	pthread_mutex_lock(&bus.lock);
	b->seen = bus.changes;
	for (size_t i = 0; i < PLACES; i++)
		if (bus.places[i].model)
			devices[count++] = bus.places[i].model->device;
	pthread_mutex_unlock(&bus.lock);
	for (size_t i = 0; i < count && r == 0; i++)
		r = each(arg, &devices[i]);
	return r;
}

static int mock_wait(struct usb_bus *b, int ms, struct fuda_deadline *dl)
{
	int64_t end = deadline_now() + ms;

	for (;;) {
		int r = deadline_check(dl);
		bool changed;

		if (r < 0)
			return ctx_fail_code(b->ctx, r);
		pthread_mutex_lock(&bus.lock);
		changed = b->seen != bus.changes;
		pthread_mutex_unlock(&bus.lock);
		if (changed)
			return 0;
		if (!bus.real_time || (ms >= 0 && deadline_now() >= end))
			return FUDA_EMUTE;
		pause_a_moment();
	}
}

static int claim_locked(struct mock *m, uint8_t address, uint8_t number)
{
	struct place *p = place_at(address);
	const struct usb_device *device;

	if (!p)
		return FUDA_ENOREADER;
	m->usb.device = p->model->device;
	device = &m->usb.device;
	for (size_t i = 0; i < device->interface_count; i++)
		if (device->interfaces[i].number == number)
			m->usb.interface = &device->interfaces[i];
	if (!m->usb.interface)
		return FUDA_ENOREADER;
	if (p->taken || p->claimed & 1u << number)
		return FUDA_EBUSY;
	p->claimed |= (uint8_t)(1u << number);
	m->id = p->id;
	if (p->model->product)
		strncpy(m->usb.product, p->model->product, USB_TEXT_SIZE - 1);
	if (p->model->serial)
		strncpy(m->usb.serial, p->model->serial, USB_TEXT_SIZE - 1);
	return 0;
}

static int mock_open(struct fuda_context *ctx, uint8_t bus_number, uint8_t address, uint8_t number, struct usb **ret)
{
	struct mock *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	m->usb.backend = usb_backend; /* this one */
	m->usb.ctx = ctx;
	pthread_mutex_lock(&bus.lock);
	r = bus_number == 1 && number < 8 ? claim_locked(m, address, number) : FUDA_ENOREADER;
	if (r == 0)
		bus.open++;
	pthread_mutex_unlock(&bus.lock);
	if (r < 0) {
		free(m);
		return ctx_fail_code(ctx, r);
	}
	*ret = &m->usb;
	return 0;
}

static void mock_close(struct usb *u)
{
	struct mock *m = (struct mock *)u;
	struct place *p;

	pthread_mutex_lock(&bus.lock);
	p = place_by_id(m->id);
	if (p)
		p->claimed &= (uint8_t)~(1u << u->interface->number);
	bus.open--;
	pthread_mutex_unlock(&bus.lock);
	free(m);
}

static const struct usb_backend mock_backend = {
	.bus_open = mock_bus_open,
	.bus_close = mock_bus_close,
	.list = mock_list,
	.wait = mock_wait,
	.open = mock_open,
	.close = mock_close,
	.out = mock_out,
	.in = mock_in,
	.interrupt = mock_interrupt,
	.control = mock_control,
};

/* ---- for tests ---- */

void usb_mock_begin(bool real_time)
{
	assert(usb_backend != &mock_backend);
	if (getenv("FUDA_TEST_LIBUSB")) { /* set by driver.sh: this is not what the test is for */
		fputs("a bus in the process, where libusb was to be tested\n", stderr);
		exit(1);
	}
	bus.before = usb_backend;
	bus.real_time = real_time;
	usb_backend = &mock_backend;
}

void usb_mock_end(void)
{
	assert(bus.open == 0); /* who opened has closed */
	usb_backend = bus.before;
	memset(bus.places, 0, sizeof(bus.places));
	bus.fault_in = 0;
	bus.changes++;
}

uint8_t usb_mock_plug(struct usb_model *m)
{
	struct place *p;

	pthread_mutex_lock(&bus.lock);
	p = place_of(NULL);
	assert(p && !place_of(m));
	do
		bus.last_address = bus.last_address == 127 ? 1 : (uint8_t)(bus.last_address + 1);
	while (place_at(bus.last_address));
	*p = (struct place){ .model = m, .id = ++bus.last_id, .address = bus.last_address };
	m->device.bus = 1;
	m->device.address = p->address;
	bus.changes++;
	pthread_mutex_unlock(&bus.lock);
	return m->device.address;
}

void usb_mock_unplug(struct usb_model *m)
{
	struct place *p;

	pthread_mutex_lock(&bus.lock);
	p = place_of(m);
	if (p)
		unplug(p);
	pthread_mutex_unlock(&bus.lock);
}

void usb_mock_take(struct usb_model *m, bool taken)
{
	struct place *p;

	pthread_mutex_lock(&bus.lock);
	p = place_of(m);
	if (p)
		p->taken = taken;
	pthread_mutex_unlock(&bus.lock);
}

void usb_mock_fault(enum usb_mock_fault fault, unsigned n, size_t bytes)
{
	pthread_mutex_lock(&bus.lock);
	bus.fault = fault;
	bus.fault_in = fault == USB_MOCK_FINE ? 0 : n;
	bus.fault_bytes = bytes;
	pthread_mutex_unlock(&bus.lock);
}
