/* SPDX-License-Identifier: Apache-2.0 */
/* Devices on the USB by libusb 1.0.
 *
 * All transfers are asynchronous, so that each can be taken back at any time; libusb cannot wait
 * for our event that cancels, and so it waits in slices. Each open device has a context of libusb
 * to itself, and one that hangs holds up no other. */
#include "reader/usb.h"

#include <libusb.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/deadline.h"
#include "base/worker.h"

enum {
	SLICE_MS = 50,	  /* a cancel is noticed so much later at most */
	COMPARE_MS = 500, /* between lists, where libusb does not tell what is plugged */
	CANCEL_MS = 40,	  /* for a transfer to end after it was taken back */
	CLOSE_MS = 1000,  /* the same at close, before memory is given up for it */
	PAUSE_MS = 10,	  /* after an error of libusb's own waiting */
	TEXTS_MS = 400,	  /* for what the device calls itself */
	TRANSFER_MAX = 256 * 1024,
	DESCRIPTOR_MAX = 255,
};

/* ---- what went wrong, and what to do ---- */

struct failure {
	int error; /* of libusb; 0: any other */
	int code;
	const char *text;
};

#define UNPLUGGED N_("The reader was unplugged.")

static const struct failure opening[] = {
	{ LIBUSB_ERROR_ACCESS, FUDA_EACCESS,
	  N_("This user may not use the reader. The udev rules of fudasashi give access to who "
	     "sits at the machine and to a group; \"fuda doctor\" says which line mends it.") },
	{ LIBUSB_ERROR_BUSY, FUDA_EBUSY,
	  N_("Another program has this reader, as a rule the PC/SC service (pcscd). Use it through "
	     "that (pcsc:), or end the other program and try again.") },
	{ LIBUSB_ERROR_NO_DEVICE, FUDA_ENOREADER, N_("There is no such device on the USB.") },
	{ LIBUSB_ERROR_NOT_FOUND, FUDA_ENOREADER, N_("There is no such device on the USB.") },
	{ LIBUSB_ERROR_NO_MEM, FUDA_ENOMEM, N_("out of memory") },
	{ 0, FUDA_EFAILED, N_("The USB does not open the reader (%s). Plug it in anew.") },
};

static const struct failure using[] = {
	{ LIBUSB_ERROR_NO_DEVICE, FUDA_EREADERGONE, UNPLUGGED },
	{ LIBUSB_ERROR_NO_MEM, FUDA_ENOMEM, N_("out of memory") },
	{ 0, FUDA_ETRANSPORT,
	  N_("The reader did not take or give what was due on the USB (%s). Try again; if that "
	     "does not help, unplug it and plug it in anew.") },
};

static const struct failure *failure_of(const struct failure *table, int error)
{
	while (table->error && table->error != error)
		table++;
	return table;
}

static int explain(struct fuda_context *ctx, const struct failure *table, int error)
{
	const struct failure *f = failure_of(table, error);

	return ctx_fail(ctx, f->code, _(f->text), libusb_error_name(error));
}

/* As an error of libusb, how a transfer ended. */
static int error_of(enum libusb_transfer_status status)
{
	switch (status) {
	case LIBUSB_TRANSFER_COMPLETED:
		return 0;
	case LIBUSB_TRANSFER_STALL:
		return LIBUSB_ERROR_PIPE;
	case LIBUSB_TRANSFER_NO_DEVICE:
		return LIBUSB_ERROR_NO_DEVICE;
	case LIBUSB_TRANSFER_OVERFLOW:
		return LIBUSB_ERROR_OVERFLOW;
	default:
		return LIBUSB_ERROR_IO;
	}
}

/* ---- time ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The end of `ms` milliseconds from now; -1, of no time at all, for -1. */
static int64_t end_after(int ms)
{
	return ms < 0 ? -1 : now_ms() + ms;
}

/* FUDA_EMUTE once the time `end` has come, or as deadline_check(). */
static int still_waiting(int64_t end, const struct fuda_deadline *dl)
{
	int r = deadline_check(dl);

	if (r < 0)
		return r;
	return end >= 0 && now_ms() >= end ? FUDA_EMUTE : 0;
}

/* Milliseconds to wait before looking again; `dl` may be NULL. */
static int slice(int64_t end, const struct fuda_deadline *dl, int most)
{
	int left = dl ? deadline_left(dl) : -1;
	int64_t ms = left < 0 ? most : MIN(left, most);

	if (end >= 0)
		ms = MIN(ms, end - now_ms());
	return (int)MAX(ms, 0);
}

/* Lets libusb do what there is to do, for `ms` milliseconds or until *done. */
static void handle_events(libusb_context *context, int ms, int *done)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	int r = libusb_handle_events_timeout_completed(context, &tv, done);

	if (r < 0 && r != LIBUSB_ERROR_INTERRUPTED) {
		const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };

		nanosleep(&pause, NULL);
	}
}

/* ---- devices ---- */

static void add_extra(struct usb_interface *to, const unsigned char *extra, int len)
{
	size_t room = sizeof(to->extra) - to->extra_len;

	if (len <= 0)
		return;
	memcpy(to->extra + to->extra_len, extra, MIN((size_t)len, room));
	to->extra_len += MIN((size_t)len, room);
}

/* The first endpoint of each kind counts. */
static void add_endpoint(struct usb_interface *to, const struct libusb_endpoint_descriptor *e)
{
	bool in = e->bEndpointAddress & LIBUSB_ENDPOINT_IN;
	int type = e->bmAttributes & LIBUSB_TRANSFER_TYPE_MASK;
	uint8_t *address = NULL;
	uint16_t *packet = NULL;

	if (type == LIBUSB_TRANSFER_TYPE_BULK) {
		address = in ? &to->in : &to->out;
		packet = in ? &to->in_packet : &to->out_packet;
	} else if (type == LIBUSB_TRANSFER_TYPE_INTERRUPT && in) {
		address = &to->interrupt;
		packet = &to->interrupt_packet;
	}
	if (address && !*address) {
		*address = e->bEndpointAddress;
		*packet = e->wMaxPacketSize & 0x7FF;
	}
	add_extra(to, e->extra, e->extra_length);
}

static void describe_interface(const struct libusb_interface_descriptor *from,
			       struct usb_interface *to)
{
	*to = (struct usb_interface){
		.number = from->bInterfaceNumber,
		.class = from->bInterfaceClass,
		.subclass = from->bInterfaceSubClass,
		.protocol = from->bInterfaceProtocol,
	};
	add_extra(to, from->extra, from->extra_length);
	for (int i = 0; i < from->bNumEndpoints; i++)
		add_endpoint(to, &from->endpoint[i]);
}

static int describe(libusb_device *from, struct usb_device *ret)
{
	struct libusb_device_descriptor d;
	struct libusb_config_descriptor *config;
	int r = libusb_get_device_descriptor(from, &d);

	if (r == 0)
		r = libusb_get_active_config_descriptor(from, &config);
	if (r < 0)
		return r;
	*ret = (struct usb_device){
		.bus = libusb_get_bus_number(from),
		.address = libusb_get_device_address(from),
		.vendor = d.idVendor,
		.product = d.idProduct,
		.release = d.bcdDevice,
	};
	for (int i = 0; i < config->bNumInterfaces; i++)
		if (config->interface[i].num_altsetting > 0 &&
		    ret->interface_count < USB_INTERFACES_MAX)
			describe_interface(&config->interface[i].altsetting[0],
					   &ret->interfaces[ret->interface_count++]);
	libusb_free_config_descriptor(config);
	return 0;
}

/* ---- the bus ---- */

struct usb_bus {
	struct fuda_context *ctx;
	libusb_context *context; /* NULL: there is no USB */
	bool hotplug;            /* libusb tells what is plugged and unplugged */
	int changed;             /* as it told */
	uint32_t sum;            /* over the last list, where it does not */
};

static int LIBUSB_CALL on_change(libusb_context *context, libusb_device *device,
				 libusb_hotplug_event event, void *arg)
{
	struct usb_bus *b = arg;

	(void)context, (void)device, (void)event;
	b->changed = 1;
	return 0;
}

/* Any error but that of memory comes of there being no USB: no /dev/bus/usb, no netlink. */
static int start(libusb_context **ret)
{
	int r = libusb_init(ret);

	if (r == 0)
		libusb_set_option(*ret, LIBUSB_OPTION_LOG_LEVEL, LIBUSB_LOG_LEVEL_NONE);
	return r;
}

static uint32_t sum_of(libusb_device **devices, ssize_t count)
{
	uint32_t sum = (uint32_t)count;

	for (ssize_t i = 0; i < count; i++)
		sum = sum * 31 + libusb_get_bus_number(devices[i]) * 256u +
		      libusb_get_device_address(devices[i]);
	return sum;
}

static uint32_t sum_now(struct usb_bus *b)
{
	libusb_device **devices;
	ssize_t count = libusb_get_device_list(b->context, &devices);
	uint32_t sum;

	if (count < 0)
		return b->sum;
	sum = sum_of(devices, count);
	libusb_free_device_list(devices, 1);
	return sum;
}

static int lu_bus_open(struct fuda_context *ctx, struct usb_bus **ret)
{
	struct usb_bus *b = calloc(1, sizeof(*b));
	int r = b ? start(&b->context) : LIBUSB_ERROR_NO_MEM;

	if (r == LIBUSB_ERROR_NO_MEM) {
		free(b);
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	b->ctx = ctx;
	if (r < 0)
		b->context = NULL;
	else if (libusb_has_capability(LIBUSB_CAP_HAS_HOTPLUG))
		b->hotplug = libusb_hotplug_register_callback(
				     b->context,
				     LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED |
					     LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT,
				     0, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY,
				     LIBUSB_HOTPLUG_MATCH_ANY, on_change, b, NULL) == 0;
	if (b->context && !b->hotplug)
		b->sum = sum_now(b);
	*ret = b;
	return 0;
}

static void lu_bus_close(struct usb_bus *b)
{
	if (b->context)
		libusb_exit(b->context); /* and forgets the callback */
	free(b);
}

static int lu_list(struct usb_bus *b, int (*each)(void *arg, const struct usb_device *device),
		   void *arg)
{
	libusb_device **devices;
	ssize_t count;
	int r = 0;

	if (!b->context)
		return 0;
	/* What libusb has to tell by now is in the list. */
	handle_events(b->context, 0, NULL);
	b->changed = 0;
	count = libusb_get_device_list(b->context, &devices);
	if (count < 0)
		return explain(b->ctx, opening, (int)count);
	b->sum = sum_of(devices, count);
	for (ssize_t i = 0; i < count && r == 0; i++) {
		struct usb_device device;

		if (describe(devices[i], &device) == 0)
			r = each(arg, &device);
	}
	libusb_free_device_list(devices, 1);
	return r;
}

static int lu_wait(struct usb_bus *b, int ms, struct fuda_deadline *dl)
{
	int64_t end = end_after(ms);

	for (;;) {
		int r = still_waiting(end, dl);

		int pause = r < 0 ? 0 : slice(end, dl, b->hotplug ? SLICE_MS : COMPARE_MS);

		if (b->hotplug) /* also without time to wait for it */
			handle_events(b->context, pause, &b->changed);
		else if (b->context)
			b->changed = sum_now(b) != b->sum;
		if (b->changed && r != FUDA_ECANCELLED)
			return 0;
		if (r == 0 && !b->hotplug)
			r = deadline_sleep(dl, pause);
		if (r == FUDA_EMUTE)
			return r;
		if (r < 0)
			return ctx_fail_code(b->ctx, r);
	}
}

/* ---- an open device ---- */

/* An endpoint that gives. */
struct source {
	uint8_t address;
	uint8_t type;
	uint16_t packet;
	struct fuda_buf kept; /* packets of a transfer that was taken back before its end */
	bool halted;
};

struct claim {
	struct usb usb;
	libusb_context *context;
	libusb_device_handle *handle;
	struct source in, interrupt;
	bool out_halted;
	_Atomic bool closing;
	deadline_word users; /* threads in a transfer */
	_Atomic int stuck;   /* what libusb still uses although nobody waits for it */
};

enum state { PENDING, DONE, ABANDONED };

struct transfer {
	struct claim *claim;
	struct libusb_transfer *t;
	int done;	   /* what libusb looks at */
	_Atomic int state; /* the last of the two who have to do with it frees it */
	size_t size;
	uint8_t bytes[];
};

static void transfer_free(struct transfer *x)
{
	if (!x)
		return;
	libusb_free_transfer(x->t);
	wipe(x->bytes, x->size); /* commands may have secrets in them */
	free(x);
}

static void LIBUSB_CALL on_end(struct libusb_transfer *t)
{
	struct transfer *x = t->user_data;

	if (atomic_exchange(&x->state, DONE) == ABANDONED) {
		atomic_fetch_sub(&x->claim->stuck, 1);
		transfer_free(x);
		return;
	}
	x->done = 1;
}

static struct transfer *transfer_new(struct claim *c, uint8_t endpoint, uint8_t type, size_t size)
{
	struct transfer *x = size <= TRANSFER_MAX ? calloc(1, sizeof(*x) + size) : NULL;

	if (!x)
		return NULL;
	x->claim = c;
	x->size = size;
	x->t = libusb_alloc_transfer(0);
	if (!x->t) {
		free(x);
		return NULL;
	}
	libusb_fill_bulk_transfer(x->t, c->handle, endpoint, x->bytes, (int)size, on_end, x, 0);
	x->t->type = type;
	return x;
}

/* 0 when it has ended, or as still_waiting(). */
static int wait_for(struct transfer *x, int64_t end, struct fuda_deadline *dl)
{
	while (!x->done) {
		int r = x->claim->closing ? FUDA_ECANCELLED : still_waiting(end, dl);

		if (r < 0)
			return r;
		handle_events(x->claim->context, slice(end, dl, SLICE_MS), &x->done);
	}
	return 0;
}

/* Takes it back. It may end well even so. */
static void take_back(struct transfer *x)
{
	int64_t end = end_after(CANCEL_MS);

	libusb_cancel_transfer(x->t);
	while (!x->done && now_ms() < end)
		handle_events(x->claim->context, slice(end, NULL, CANCEL_MS), &x->done);
}

/* Gives it up: libusb frees it when it ends. NULL then; itself if it ended just now. */
static struct transfer *abandon(struct transfer *x)
{
	int pending = PENDING;

	atomic_fetch_add(&x->claim->stuck, 1);
	if (atomic_compare_exchange_strong(&x->state, &pending, ABANDONED))
		return NULL;
	atomic_fetch_sub(&x->claim->stuck, 1);
	return x;
}

static int submit_and_wait(struct transfer **x, int64_t end, struct fuda_deadline *dl,
			   int *ret_error)
{
	int r;

	*ret_error = libusb_submit_transfer((*x)->t);
	if (*ret_error < 0)
		return 0;
	r = wait_for(*x, end, dl);
	if (r < 0)
		take_back(*x);
	if (!(*x)->done)
		*x = abandon(*x);
	if (!*x)
		return r;
	/* It may have ended well even though its time was over. */
	if (r < 0 && (*x)->t->status == LIBUSB_TRANSFER_CANCELLED)
		return r;
	*ret_error = error_of((*x)->t->status);
	return 0;
}

/* Carries it out. Its time being over is an error of ours; else *ret_error is 0, and it has ended
 * well, or one of libusb's. *x is NULL if it does not end. */
static int run(struct transfer **x, int64_t end, struct fuda_deadline *dl, int *ret_error)
{
	struct claim *c = (*x)->claim;
	int r = deadline_check(dl);

	*ret_error = 0;
	atomic_fetch_add(&c->users, 1);
	if (c->closing)
		r = FUDA_ECANCELLED;
	else if (c->stuck)
		*ret_error = LIBUSB_ERROR_BUSY; /* what is to come would be out of step */
	if (r == 0 && *ret_error == 0)
		r = submit_and_wait(x, end, dl, ret_error);
	atomic_fetch_sub(&c->users, 1);
	deadline_wake_word(&c->users);
	return r;
}

/* ---- stalls ---- */

/* The kernel clears them in a call that waits for the device, which nobody can take back. */
struct clearing {
	libusb_device_handle *handle;
	uint8_t endpoint;
};

static void job_clear(void *own)
{
	struct clearing *k = own;

	libusb_clear_halt(k->handle, k->endpoint);
}

/* Tries to, as long as there is time; or else before the next transfer. */
static void clear(struct claim *c, uint8_t endpoint, bool *halted, struct fuda_deadline *dl)
{
	struct clearing *k = *halted ? malloc(sizeof(*k)) : NULL;
	struct worker *w;

	if (!k)
		return;
	*k = (struct clearing){ c->handle, endpoint };
	if (worker_new(k, free, &w) < 0) {
		free(k);
		return;
	}
	if (worker_run(&w, job_clear, dl) == 0)
		*halted = false;
	else if (!w)
		atomic_fetch_add(&c->stuck, 1);
	worker_free(&w, CANCEL_MS);
}

/* ---- transfers ---- */

/* Written down, an error of ours or else one of libusb's. */
static int fail(struct claim *c, int r, int error)
{
	if (r == FUDA_EMUTE || (r == 0 && error == 0))
		return r;
	if (r == FUDA_ETIMEOUT)
		return ctx_fail(c->usb.ctx, r, _("The reader or the card did not answer in time."));
	if (r < 0)
		return ctx_fail_code(c->usb.ctx, r);
	return explain(c->usb.ctx, using, error);
}

static int lu_out(struct usb *u, const uint8_t *bytes, size_t len, bool zlp,
		  struct fuda_deadline *dl)
{
	struct claim *c = (struct claim *)u;
	uint8_t endpoint = u->interface->out;
	struct transfer *x;
	int r, error = 0;

	if (!endpoint)
		return ctx_fail_code(u->ctx, FUDA_ENOTSUP);
	x = transfer_new(c, endpoint, LIBUSB_TRANSFER_TYPE_BULK, len);
	if (!x)
		return ctx_fail_code(u->ctx, FUDA_ENOMEM);
	clear(c, endpoint, &c->out_halted, dl);
	if (len)
		memcpy(x->bytes, bytes, len);
	if (zlp)
		x->t->flags |= LIBUSB_TRANSFER_ADD_ZERO_PACKET;
	r = run(&x, -1, dl, &error);
	if (r == 0 && error == 0 && x->t->actual_length != x->t->length)
		error = LIBUSB_ERROR_IO;
	transfer_free(x);
	if (error == LIBUSB_ERROR_PIPE) {
		c->out_halted = true;
		clear(c, endpoint, &c->out_halted, dl);
	}
	if (r == 0 && error == 0)
		u->transfers++;
	return fail(c, r, error);
}

/* Packets of a transfer that was taken back before its end. */
static int keep(struct source *s, const struct transfer *x)
{
	return fuda_buf_append(&s->kept, x->bytes, (size_t)x->t->actual_length);
}

/* All of a transfer that has ended. */
static int take(struct source *s, size_t max, const struct transfer *x, struct fuda_buf *ret)
{
	size_t len = (size_t)x->t->actual_length, all = s->kept.len + len;
	int r = all > max ? FUDA_ETOOBIG : buf_reserve(ret, all);

	if (r == 0)
		r = fuda_buf_append(ret, s->kept.data, s->kept.len);
	if (r == 0)
		r = fuda_buf_append(ret, x->bytes, len);
	fuda_buf_clear(&s->kept);
	return r;
}

static int receive(struct claim *c, struct source *s, size_t max, int ms, struct fuda_deadline *dl,
		   struct fuda_buf *ret, int *ret_error)
{
	size_t room = max > s->kept.len ? max - s->kept.len : 1, packet = MAX(s->packet, 1);
	int64_t end = end_after(ms);
	struct transfer *x;
	int r;

	*ret_error = 0;
	if (!s->address)
		return FUDA_ENOTSUP;
	/* Whole packets, or one that does not fit is lost with all the rest. */
	x = transfer_new(c, s->address, s->type, (room + packet - 1) / packet * packet);
	if (!x)
		return FUDA_ENOMEM;
	clear(c, s->address, &s->halted, dl);
	r = run(&x, end, dl, ret_error);
	if (*ret_error)
		fuda_buf_clear(&s->kept);
	else if (r == 0)
		r = take(s, max, x, ret);
	else if (x && keep(s, x) < 0)
		r = FUDA_ENOMEM;
	transfer_free(x);
	if (*ret_error == LIBUSB_ERROR_PIPE) {
		s->halted = true;
		clear(c, s->address, &s->halted, dl);
	}
	return r;
}

static int lu_in(struct usb *u, size_t max, int ms, struct fuda_deadline *dl, struct fuda_buf *ret)
{
	struct claim *c = (struct claim *)u;
	int error, r = receive(c, &c->in, max, ms, dl, ret, &error);

	if (r == 0 && error == 0)
		u->transfers++;
	return fail(c, r, error);
}

static int lu_interrupt(struct usb *u, int ms, struct fuda_deadline *dl, struct fuda_buf *ret)
{
	struct claim *c = (struct claim *)u;
	int error, r = receive(c, &c->interrupt, c->interrupt.packet, ms, dl, ret, &error);

	return r == 0 && error ? failure_of(using, error)->code : r;
}

/* A control transfer to anything; bytes moved, or an error of ours, or 0 with one of libusb's. */
static int control(struct claim *c, uint8_t type, uint8_t request, uint16_t value, uint16_t index,
		   uint8_t *data, uint16_t len, struct fuda_deadline *dl, int *ret_error)
{
	bool in = type & LIBUSB_ENDPOINT_IN;
	struct transfer *x = transfer_new(c, 0, LIBUSB_TRANSFER_TYPE_CONTROL,
					  LIBUSB_CONTROL_SETUP_SIZE + (size_t)len);
	int r;

	*ret_error = 0;
	if (!x)
		return FUDA_ENOMEM;
	libusb_fill_control_setup(x->bytes, type, request, value, index, len);
	if (!in && len)
		memcpy(x->bytes + LIBUSB_CONTROL_SETUP_SIZE, data, len);
	r = run(&x, -1, dl, ret_error);
	if (r == 0 && *ret_error == 0) {
		r = MIN(x->t->actual_length, len);
		if (in && r)
			memcpy(data, x->bytes + LIBUSB_CONTROL_SETUP_SIZE, (size_t)r);
	}
	transfer_free(x);
	return r;
}

static int lu_control(struct usb *u, uint8_t type, uint8_t request, uint16_t value, uint8_t *data,
		      uint16_t len, struct fuda_deadline *dl)
{
	struct claim *c = (struct claim *)u;
	int error, r = control(c, type, request, value, u->interface->number, data, len, dl,
			       &error);

	return r > 0 ? r : fail(c, r, error);
}

/* ---- opening and closing ---- */

/* A text of the device in its first language, as ASCII; "" if it has none. */
static void read_text(struct claim *c, uint8_t number, uint8_t language[2],
		      struct fuda_deadline *dl, char ret[USB_TEXT_SIZE])
{
	uint8_t d[DESCRIPTOR_MAX];
	size_t n = 0;
	int len, error;

	if (!number)
		return;
	len = control(c, LIBUSB_ENDPOINT_IN, LIBUSB_REQUEST_GET_DESCRIPTOR,
		      (uint16_t)(LIBUSB_DT_STRING << 8 | number),
		      (uint16_t)(language[1] << 8 | language[0]), d, sizeof(d), dl, &error);
	if (len < 2 || d[1] != LIBUSB_DT_STRING)
		return;
	len = MIN(len, d[0]);
	for (int i = 2; i + 1 < len && n < USB_TEXT_SIZE - 1; i += 2)
		ret[n++] = d[i + 1] == 0 && d[i] >= 0x20 && d[i] < 0x7F ? (char)d[i] : '?';
	ret[n] = 0;
}

static void read_texts(struct claim *c)
{
	uint8_t languages[DESCRIPTOR_MAX];
	struct libusb_device_descriptor d;
	struct fuda_deadline *dl;
	int error;

	if (fuda_deadline_new(TEXTS_MS, &dl) < 0)
		return;
	if (libusb_get_device_descriptor(libusb_get_device(c->handle), &d) == 0 &&
	    control(c, LIBUSB_ENDPOINT_IN, LIBUSB_REQUEST_GET_DESCRIPTOR, LIBUSB_DT_STRING << 8, 0,
		    languages, sizeof(languages), dl, &error) >= 4) {
		read_text(c, d.iProduct, languages + 2, dl, c->usb.product);
		read_text(c, d.iSerialNumber, languages + 2, dl, c->usb.serial);
	}
	fuda_deadline_free(&dl);
}

/* Finds the device, and opens it. */
static int open_place(struct claim *c, uint8_t bus, uint8_t address)
{
	libusb_device **devices;
	ssize_t count = libusb_get_device_list(c->context, &devices);
	int r = LIBUSB_ERROR_NO_DEVICE;

	if (count < 0)
		return (int)count;
	for (ssize_t i = 0; i < count; i++) {
		if (libusb_get_bus_number(devices[i]) != bus ||
		    libusb_get_device_address(devices[i]) != address)
			continue;
		r = describe(devices[i], &c->usb.device);
		if (r == 0)
			r = libusb_open(devices[i], &c->handle);
		break;
	}
	libusb_free_device_list(devices, 1);
	return r;
}

static int claim_interface(struct claim *c, uint8_t number)
{
	const struct usb_device *d = &c->usb.device;
	const struct usb_interface *f = NULL;

	for (size_t i = 0; i < d->interface_count; i++)
		if (d->interfaces[i].number == number)
			f = &d->interfaces[i];
	if (!f)
		return LIBUSB_ERROR_NOT_FOUND;
	c->usb.interface = f;
	c->in = (struct source){ .address = f->in, .type = LIBUSB_TRANSFER_TYPE_BULK,
				 .packet = f->in_packet, .kept = FUDA_BUF_INIT(TRANSFER_MAX) };
	c->interrupt = (struct source){ .address = f->interrupt,
					.type = LIBUSB_TRANSFER_TYPE_INTERRUPT,
					.packet = f->interrupt_packet,
					.kept = FUDA_BUF_INIT(TRANSFER_MAX) };
	libusb_set_auto_detach_kernel_driver(c->handle, 1);
	return libusb_claim_interface(c->handle, number);
}

static void let_go(struct claim *c)
{
	if (c->handle)
		libusb_close(c->handle);
	if (c->context)
		libusb_exit(c->context);
	free(c);
}

static int lu_open(struct fuda_context *ctx, uint8_t bus, uint8_t address, uint8_t number,
		   struct usb **ret)
{
	struct claim *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	c->usb.backend = &usb_libusb;
	c->usb.ctx = ctx;
	r = start(&c->context);
	if (r < 0) {
		c->context = NULL;
		r = r == LIBUSB_ERROR_NO_MEM ? r : LIBUSB_ERROR_NO_DEVICE;
	} else {
		r = open_place(c, bus, address);
	}
	if (r == 0)
		r = claim_interface(c, number);
	if (r < 0) {
		let_go(c);
		return explain(ctx, opening, r);
	}
	read_texts(c);
	*ret = &c->usb;
	return 0;
}

static void lu_close(struct usb *u)
{
	struct claim *c = (struct claim *)u;
	int64_t end = end_after(CLOSE_MS);
	uint32_t users;

	c->closing = true;
	libusb_interrupt_event_handler(c->context);
	while ((users = c->users))
		deadline_wait_word(NULL, -1, &c->users, users);
	while (c->stuck && now_ms() < end)
		handle_events(c->context, slice(end, NULL, SLICE_MS), NULL);
	fuda_buf_free(&c->in.kept);
	fuda_buf_free(&c->interrupt.kept);
	if (c->stuck) /* never free what libusb still uses */
		return;
	libusb_release_interface(c->handle, u->interface->number);
	let_go(c);
}

const struct usb_backend usb_libusb = {
	.bus_open = lu_bus_open,
	.bus_close = lu_bus_close,
	.list = lu_list,
	.wait = lu_wait,
	.open = lu_open,
	.close = lu_close,
	.out = lu_out,
	.in = lu_in,
	.interrupt = lu_interrupt,
	.control = lu_control,
};
