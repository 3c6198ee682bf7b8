/* SPDX-License-Identifier: Apache-2.0 */
/* Devices on the USB by libusb 1.0: what is there, opening it and closing it. Each open device has
 * a context of libusb to itself, and one that hangs holds up no other. */
#include "reader/usb-libusb.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	COMPARE_MS = 500, /* between lists, where libusb does not tell what is plugged */
	PAUSE_MS = 10,	  /* after an error of libusb's own waiting */
	CLOSE_MS = 1000,  /* for transfers that were given up to end, before memory is given up */
	TEXTS_MS = 400,	  /* for what the device calls itself */
};

/* ---- what went wrong, and what to do ---- */

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
	{ 0, FUDA_EFAILED,
	  N_("The USB does not open the reader (%s). Unplug it and plug it in again.") },
};

const struct failure *lu_failure(const struct failure *table, int error)
{
	while (table->error && table->error != error)
		table++;
	return table;
}

int lu_explain(struct fuda_context *ctx, const struct failure *table, int error)
{
	const struct failure *f = lu_failure(table, error);

	return ctx_fail(ctx, f->code, _(f->text), libusb_error_name(error));
}

/* ---- time ---- */

int64_t lu_end_after(int ms)
{
	return ms < 0 ? -1 : deadline_now() + ms;
}

int lu_still_waiting(int64_t end, const struct fuda_deadline *dl)
{
	int r = deadline_check(dl);

	if (r < 0)
		return r;
	return end >= 0 && deadline_now() >= end ? FUDA_EMUTE : 0;
}

int lu_slice(int64_t end, const struct fuda_deadline *dl, int most)
{
	int left = dl ? deadline_left(dl) : -1;
	int64_t ms = left < 0 ? most : MIN(left, most);

	if (end >= 0)
		ms = MIN(ms, end - deadline_now());
	return (int)MAX(ms, 0);
}

void lu_handle_events(libusb_context *context, int ms, int *done)
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
	lu_handle_events(b->context, 0, NULL);
	b->changed = 0;
	count = libusb_get_device_list(b->context, &devices);
	if (count < 0)
		return lu_explain(b->ctx, opening, (int)count);
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
	int64_t end = lu_end_after(ms);

	for (;;) {
		int r = lu_still_waiting(end, dl);

		int pause = r < 0 ? 0 : lu_slice(end, dl, b->hotplug ? SLICE_MS : COMPARE_MS);

		if (b->hotplug) /* also without time to wait for it */
			lu_handle_events(b->context, pause, &b->changed);
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

/* ---- opening and closing ---- */

/* What it says of itself, as ASCII; "" if nothing. */
static void read_text(struct claim *c, uint8_t number, uint16_t language, struct fuda_deadline *dl,
		      char ret[USB_TEXT_SIZE])
{
	uint8_t text[LU_TEXT_MAX];
	int len = number ? lu_text(c, number, language, dl, text) : 0, n = 0;

	for (int i = 0; i + 1 < len && n < USB_TEXT_SIZE - 1; i += 2)
		ret[n++] = !text[i + 1] && text[i] >= 0x20 && text[i] < 0x7F ? (char)text[i] : '?';
	ret[n] = 0;
}

/* In the first of its languages. */
static void read_texts(struct claim *c)
{
	struct libusb_device_descriptor d;
	uint8_t languages[LU_TEXT_MAX];
	struct fuda_deadline *dl;
	uint16_t language;

	if (fuda_deadline_new(TEXTS_MS, &dl) < 0)
		return;
	if (libusb_get_device_descriptor(libusb_get_device(c->handle), &d) == 0 &&
	    lu_text(c, 0, 0, dl, languages) >= 2) {
		language = (uint16_t)(languages[1] << 8 | languages[0]);
		read_text(c, d.iProduct, language, dl, c->usb.product);
		read_text(c, d.iSerialNumber, language, dl, c->usb.serial);
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
	int r;

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
	r = libusb_claim_interface(c->handle, number);
	/* Not back at release: the kernel's driver would talk to the reader between any two uses of
	 * ours, twice a second while we look for cards. */
	libusb_set_auto_detach_kernel_driver(c->handle, 0);
	return r;
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
		return lu_explain(ctx, opening, r);
	}
	read_texts(c);
	*ret = &c->usb;
	return 0;
}

static void lu_close(struct usb *u)
{
	struct claim *c = (struct claim *)u;
	int64_t end = lu_end_after(CLOSE_MS);
	uint32_t users;

	c->closing = true;
	libusb_interrupt_event_handler(c->context);
	while ((users = c->users))
		deadline_wait_word(NULL, -1, &c->users, users);
	while (c->stuck && deadline_now() < end)
		lu_handle_events(c->context, lu_slice(end, NULL, SLICE_MS), NULL);
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
