/* SPDX-License-Identifier: Apache-2.0 */
/* Plays models of devices to libusb: the files of sysfs, the uevents and the device node are umockdev's, what the
 * kernel answers to ioctls of that node (linux/usbdevice_fs.h) is said here. Emulated: no real device was compared.
 *
 * All ioctls, of all programs, are answered on the one thread of the testbed; the models are called there. */
#include "tests/usbfs.h"

#include <assert.h>
#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <umockdev.h>
#include <unistd.h>

#include "base/util.h"

enum {
	PLACES = 16,
	LATER = 1000,  /* instead of a result: answered after a pause */
	PAUSE_MS = 1,  /* before a program that looks again for what is not there is told; it would ask without end */
	CAPABILITIES = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
		       USBDEVFS_CAP_BULK_SCATTER_GATHER | USBDEVFS_CAP_REAP_AFTER_DISCONNECT,
	SPLITTING = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_BULK_CONTINUATION | USBDEVFS_CAP_REAP_AFTER_DISCONNECT,
};

/* Where a model is plugged in. */
struct place {
	struct usb_model *model; /* NULL: nothing is */
	uint8_t address;
	bool driver; /* the kernel's has it */
	UMockdevIoctlClient *holders[USB_INTERFACES_MAX]; /* who claimed the interface with that place in the list */
	uint32_t halted; /* bits of endpoints: number, and 16 more for IN */
	uint32_t cut;	 /* a long transfer ended early; its continuations are refused */
};

/* A transfer that a program has begun and not yet taken back. */
struct urb {
	struct urb *next;
	struct place *place;
	UMockdevIoctlClient *client; /* which outlives it */
	UMockdevIoctlData *data, *buffer; /* a struct usbdevfs_urb, and its buffer, or NULL if that is empty */
	bool done;
	bool discarded; /* but not let go of */
};

static struct {
	pthread_mutex_t lock; /* of all that follows, and of the models */
	UMockdevTestbed *testbed;
	UMockdevIoctlBase *handler;
	struct place places[PLACES];
	struct urb *urbs; /* in the order in which they were begun */
	uint8_t last_address;
	enum usbfs_manner manner;
	unsigned open; /* nodes that programs have open */
	UMockdevIoctlClient *served; /* who has just taken a transfer back, and now asks whether there is another */
} fs = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- transfers ---- */

static struct usbdevfs_urb *inside(const struct urb *u)
{
	return (struct usbdevfs_urb *)(void *)u->data->data;
}

static uint32_t endpoint_bit(uint8_t address)
{
	return 1u << ((address & 0x0F) + (address & 0x80 ? 16 : 0));
}

static void end_urb(struct urb *u, int status, size_t len)
{
	inside(u)->status = status;
	inside(u)->actual_length = (int)len;
	u->done = true;
	u->place = NULL;
}

static void free_urb(struct urb *u)
{
	struct urb **p = &fs.urbs;

	while (*p != u)
		p = &(*p)->next;
	*p = u->next;
	g_object_unref(u->data);
	free(u);
}

/* Nobody hears of the model any more. What programs have begun ends, as with the kernel. */
static void forget(struct place *p)
{
	for (struct urb *u = fs.urbs; u; u = u->next)
		if (u->place == p)
			end_urb(u, -ESHUTDOWN, 0);
	*p = (struct place){ 0 };
}

static ssize_t give_text(const char *text, uint8_t *data, size_t max)
{
	uint8_t d[2 + 2 * USB_TEXT_SIZE] = { 2, 3 };

	if (!text)
		return MODEL_STALL;
	for (; *text && d[0] < sizeof(d); d[0] = (uint8_t)(d[0] + 2))
		d[d[0]] = (uint8_t)*text++;
	memcpy(data, d, MIN(max, d[0]));
	return (ssize_t)MIN(max, d[0]);
}

/* The requests that every device knows are answered here. */
static ssize_t control(struct usb_model *m, uint8_t *setup, size_t room)
{
	uint16_t value = (uint16_t)(setup[2] | setup[3] << 8), len = (uint16_t)(setup[6] | setup[7] << 8);
	uint8_t *data = setup + 8;

	len = (uint16_t)MIN(len, room);
	if (setup[0] == 0x80 && setup[1] == 6 && value == 0x0300) {
		memcpy(data, "\x04\x03\x09\x04", MIN(len, 4));
		return MIN(len, 4);
	}
	if (setup[0] == 0x80 && setup[1] == 6 && value >> 8 == 3)
		return give_text((value & 0xFF) == TEXT_PRODUCT ? m->product :
				 (value & 0xFF) == TEXT_SERIAL  ? m->serial :
								  NULL,
				 data, len);
	return m->control ? m->control(m, setup[0], setup[1], value, data, len) : MODEL_STALL;
}

static ssize_t ask(struct usb_model *m, const struct usbdevfs_urb *urb, uint8_t *bytes)
{
	size_t len = (size_t)urb->buffer_length;
	ssize_t n;

	if (urb->type == USBDEVFS_URB_TYPE_CONTROL)
		return len < 8 ? MODEL_STALL : control(m, bytes, len - 8);
	if (urb->type == USBDEVFS_URB_TYPE_INTERRUPT)
		return m->interrupt ? m->interrupt(m, bytes, len) : MODEL_NOTHING;
	if (urb->endpoint & 0x80)
		return m->in(m, bytes, len);
	m->empty_packet = urb->flags & USBDEVFS_URB_ZERO_PACKET;
	n = m->out(m, bytes, len);
	return n < 0 ? n : (ssize_t)len;
}

/* A transfer in several parts has ended with a short packet: the parts that wait are not needed. */
static void cut(struct place *p, uint32_t bit)
{
	p->cut |= bit;
	for (struct urb *u = fs.urbs; u; u = u->next)
		if (u->place == p && !u->done && endpoint_bit(inside(u)->endpoint) == bit &&
		    inside(u)->flags & USBDEVFS_URB_BULK_CONTINUATION)
			end_urb(u, -ECONNRESET, 0);
}

static void serve(struct urb *u)
{
	struct place *p = u->place;
	struct usbdevfs_urb *urb = inside(u);
	uint32_t bit = endpoint_bit(urb->endpoint);
	uint8_t none;
	ssize_t n;

	if (urb->type != USBDEVFS_URB_TYPE_CONTROL && p->halted & bit) {
		end_urb(u, -EPIPE, 0);
		return;
	}
	n = ask(p->model, urb, u->buffer ? u->buffer->data : &none);
	if (n == MODEL_GONE) {
		forget(p);
	} else if (n == MODEL_STALL) {
		if (urb->type != USBDEVFS_URB_TYPE_CONTROL)
			p->halted |= bit;
		end_urb(u, -EPIPE, 0);
	} else if (n >= 0 && n < urb->buffer_length && urb->flags & USBDEVFS_URB_SHORT_NOT_OK) {
		end_urb(u, -EREMOTEIO, (size_t)n);
		cut(p, bit);
	} else if (n >= 0) {
		end_urb(u, 0, (size_t)n);
	}
}

/* The first of each endpoint is served; the others are in line. */
static void serve_all(struct place *p)
{
	uint32_t waiting = 0;

	for (struct urb *u = fs.urbs; u; u = u->next) {
		uint32_t bit = endpoint_bit(inside(u)->endpoint);

		if (u->discarded && !u->done && fs.manner != USBFS_HANGS)
			end_urb(u, -ENOENT, 0);
		if (u->done || u->place != p || waiting & bit)
			continue;
		if (!u->discarded)
			serve(u);
		if (!u->done)
			waiting |= bit;
	}
}

/* ---- ioctls: a result, or an error of errno.h negative ---- */

struct call {
	UMockdevIoctlClient *client;
	UMockdevIoctlData *arg;
	struct place *place; /* NULL: unplugged */
};

/* What the argument points to. */
static void *argument(const struct call *c, size_t size)
{
	UMockdevIoctlData *d = umockdev_ioctl_data_resolve(c->arg, 0, size, NULL);
	void *data = d ? d->data : NULL;

	if (d)
		g_object_unref(d); /* the argument holds it as well */
	return data;
}

static long get_capabilities(struct call *c)
{
	uint32_t capabilities = fs.manner == USBFS_SPLITS ? SPLITTING : CAPABILITIES;
	void *p = argument(c, sizeof(capabilities));

	if (!p)
		return -EFAULT;
	memcpy(p, &capabilities, sizeof(capabilities));
	return 0;
}

/* The place in the list of interface `number`, or -ENOENT. */
static int find_interface(const struct call *c, unsigned number)
{
	const struct usb_device *u = &c->place->model->device;

	for (size_t i = 0; i < u->interface_count; i++)
		if (u->interfaces[i].number == number)
			return (int)i;
	return -ENOENT;
}

static long claim(struct call *c, unsigned number)
{
	int i = find_interface(c, number);

	if (i < 0)
		return i;
	if (c->place->driver || (c->place->holders[i] && c->place->holders[i] != c->client))
		return -EBUSY;
	c->place->holders[i] = c->client;
	return 0;
}

static long claim_interface(struct call *c)
{
	unsigned *number = argument(c, sizeof(*number));

	return number ? claim(c, *number) : -EFAULT;
}

static long release_interface(struct call *c)
{
	unsigned *number = argument(c, sizeof(*number));
	int i = number ? find_interface(c, *number) : -EFAULT;

	if (i < 0)
		return i;
	if (c->place->holders[i] != c->client)
		return -EINVAL;
	c->place->holders[i] = NULL;
	return 0;
}

static long disconnect_claim(struct call *c)
{
	struct usbdevfs_disconnect_claim *d = argument(c, sizeof(*d));
	bool driver = c->place->driver;
	long r;

	if (!d)
		return -EFAULT;
	c->place->driver = false;
	r = claim(c, d->interface);
	if (r < 0)
		c->place->driver = driver;
	return r;
}

static long get_driver(struct call *c)
{
	struct usbdevfs_getdriver *d = argument(c, sizeof(*d));
	int i = d ? find_interface(c, d->interface) : -EFAULT;
	const char *name = c->place->driver ? c->place->model->kernel_driver : "usbfs";

	if (i < 0)
		return i;
	if (!c->place->driver && !c->place->holders[i])
		return -ENODATA;
	snprintf(d->driver, sizeof(d->driver), "%s", name);
	return 0;
}

/* To the driver of an interface: that it be bound, or not. */
static long driver_ioctl(struct call *c)
{
	struct usbdevfs_ioctl *d = argument(c, sizeof(*d));
	int i = d ? find_interface(c, (unsigned)d->ifno) : -EFAULT;
	bool was = c->place->driver;

	if (i < 0)
		return i;
	if (d->ioctl_code == (int)USBDEVFS_DISCONNECT) {
		c->place->driver = false;
		return was ? 0 : -ENODATA;
	}
	if (d->ioctl_code != (int)USBDEVFS_CONNECT)
		return -ENOTTY;
	if (was || c->place->holders[i])
		return -EBUSY;
	c->place->driver = c->place->model->kernel_driver != NULL;
	return c->place->driver;
}

static long clear_halt(struct call *c)
{
	unsigned *endpoint = argument(c, sizeof(*endpoint));

	if (!endpoint)
		return -EFAULT;
	c->place->halted &= ~endpoint_bit((uint8_t)*endpoint);
	return 0;
}

static long nothing_to_do(struct call *c)
{
	(void)c;
	return 0;
}

static long submit(struct call *c)
{
	UMockdevIoctlData *data = umockdev_ioctl_data_resolve(c->arg, 0, sizeof(struct usbdevfs_urb), NULL);
	UMockdevIoctlData *buffer = NULL;
	struct urb **last = &fs.urbs, *u;
	struct usbdevfs_urb *urb;
	uint32_t bit;

	if (!data)
		return -EFAULT;
	urb = (struct usbdevfs_urb *)(void *)data->data;
	if (urb->buffer_length > 0)
		buffer = umockdev_ioctl_data_resolve(data, offsetof(struct usbdevfs_urb, buffer),
						     (size_t)urb->buffer_length, NULL);
	if (buffer)
		g_object_unref(buffer); /* `data` holds it as well */
	else if (urb->buffer_length > 0) { /* as when the program is being killed */
		g_object_unref(data);
		return -EFAULT;
	}
	bit = endpoint_bit(urb->endpoint);
	if (!(urb->flags & USBDEVFS_URB_BULK_CONTINUATION))
		c->place->cut &= ~bit;
	u = c->place->cut & bit ? NULL : calloc(1, sizeof(*u));
	if (!u) {
		g_object_unref(data);
		return -EREMOTEIO;
	}
	u->data = data;
	u->client = c->client;
	u->place = c->place;
	u->buffer = buffer;
	while (*last)
		last = &(*last)->next;
	*last = u;
	serve_all(c->place);
	return 0;
}

/* The address of a transfer in the program's memory is what it is known by. */
static long discard(struct call *c)
{
	gulong address;

	memcpy(&address, c->arg->data, sizeof(address));
	for (struct urb *u = fs.urbs; u; u = u->next) {
		if (u->done || u->client != c->client || u->data->client_addr != address)
			continue;
		if (fs.manner != USBFS_HANGS)
			end_urb(u, -ENOENT, 0);
		else
			u->discarded = true;
		return 0;
	}
	return -EINVAL;
}

static long reap(struct call *c)
{
	UMockdevIoctlData *pointer;

	if (c->place)
		serve_all(c->place);
	for (struct urb *u = fs.urbs; u; u = u->next) {
		if (!u->done || u->client != c->client)
			continue;
		pointer = umockdev_ioctl_data_resolve(c->arg, 0, sizeof(gpointer), NULL);
		if (!pointer)
			return -EFAULT;
		umockdev_ioctl_data_set_ptr(pointer, 0, u->data);
		g_object_unref(pointer);
		free_urb(u);
		fs.served = c->client;
		return 0;
	}
	if (!c->place)
		return -ENODEV;
	if (fs.served != c->client)
		return LATER;
	fs.served = NULL;
	return -EAGAIN;
}

static const struct {
	gulong request;
	long (*answer)(struct call *c);
	bool also_gone; /* when the device is unplugged */
} ioctls[] = {
	{ USBDEVFS_GET_CAPABILITIES, get_capabilities },
	{ USBDEVFS_CLAIMINTERFACE, claim_interface },
	{ USBDEVFS_RELEASEINTERFACE, release_interface },
	{ USBDEVFS_DISCONNECT_CLAIM, disconnect_claim },
	{ USBDEVFS_GETDRIVER, get_driver },
	{ USBDEVFS_IOCTL, driver_ioctl },
	{ USBDEVFS_CLEAR_HALT, clear_halt },
	{ USBDEVFS_RESETEP, clear_halt },
	{ USBDEVFS_RESET, nothing_to_do },
	{ USBDEVFS_SETCONFIGURATION, nothing_to_do },
	{ USBDEVFS_SETINTERFACE, nothing_to_do },
	{ USBDEVFS_SUBMITURB, submit },
	{ USBDEVFS_DISCARDURB, discard, true },
	{ USBDEVFS_REAPURB, reap, true },
	{ USBDEVFS_REAPURBNDELAY, reap, true },
};

static gboolean answer_later(gpointer arg)
{
	if (umockdev_ioctl_client_get_connected(arg))
		umockdev_ioctl_client_complete(arg, -1, EAGAIN);
	return G_SOURCE_REMOVE;
}

static struct place *place_of_node(const char *node)
{
	char name[32];

	for (size_t i = 0; i < PLACES; i++) {
		usbfs_node(fs.places[i].address, name);
		if (fs.places[i].model && strcmp(name, node) == 0)
			return &fs.places[i];
	}
	return NULL;
}

static gboolean on_ioctl(UMockdevIoctlBase *handler, UMockdevIoctlClient *client, gpointer arg)
{
	struct call c = { .client = client, .arg = umockdev_ioctl_client_get_arg(client) };
	gulong request = umockdev_ioctl_client_get_request(client);
	long r = -ENOTTY;

	(void)handler, (void)arg;
	pthread_mutex_lock(&fs.lock);
	c.place = place_of_node(umockdev_ioctl_client_get_devnode(client));
	for (size_t i = 0; i < ARRAY_SIZE(ioctls); i++)
		if (ioctls[i].request == request)
			r = c.place || ioctls[i].also_gone ? ioctls[i].answer(&c) : -ENODEV;
	pthread_mutex_unlock(&fs.lock);
	OPENSSL_thread_stop(); /* the thread may never end, and what a card made on it would look leaked */
	if (r == LATER) {
		GSource *source = g_timeout_source_new(PAUSE_MS);
		GMainContext *context = g_main_context_ref_thread_default();

		g_source_set_callback(source, answer_later, g_object_ref(client), g_object_unref);
		g_source_attach(source, context);
		g_source_unref(source);
		g_main_context_unref(context);
		return TRUE;
	}
	umockdev_ioctl_client_complete(client, r < 0 ? -1 : r, r < 0 ? (gint)-r : 0);
	return TRUE;
}

/* A program has closed the node, or has ended. Of umockdev's signals none says so. */
static void on_closed(gpointer arg, GObject *client)
{
	struct urb *next;

	(void)arg;
	pthread_mutex_lock(&fs.lock);
	fs.open--;
	if ((GObject *)fs.served == client)
		fs.served = NULL;
	for (struct urb *u = fs.urbs; u; u = next) {
		next = u->next;
		if ((GObject *)u->client == client)
			free_urb(u);
	}
	for (size_t i = 0; i < PLACES; i++)
		for (size_t f = 0; f < USB_INTERFACES_MAX; f++)
			if ((GObject *)fs.places[i].holders[f] == client)
				fs.places[i].holders[f] = NULL;
	pthread_mutex_unlock(&fs.lock);
}

static void on_opened(UMockdevIoctlBase *handler, UMockdevIoctlClient *client, gpointer arg)
{
	(void)handler, (void)arg;
	pthread_mutex_lock(&fs.lock);
	fs.open++;
	pthread_mutex_unlock(&fs.lock);
	g_object_weak_ref(G_OBJECT(client), on_closed, NULL);
}

/* ---- for tests ---- */

bool usbfs_possible(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	bool found = false;

	while (maps && !found && fgets(line, sizeof(line), maps))
		found = strstr(line, "/libumockdev-preload.so") != NULL;
	if (maps)
		fclose(maps);
	return found;
}

void usbfs_wrap(char **argv)
{
	const char *options = getenv("ASAN_OPTIONS");
	const char **wrapped;
	size_t count = 0;
	char more[512];

	if (usbfs_possible() || getenv("FUDA_TEST_WRAPPED"))
		return;
	snprintf(more, sizeof(more), "%s%sverify_asan_link_order=0", options ? options : "", options ? ":" : "");
	setenv("ASAN_OPTIONS", more, 1);
	setenv("FUDA_TEST_WRAPPED", "1", 1);
	while (argv[count])
		count++;
	wrapped = calloc(count + 2, sizeof(*wrapped));
	assert(wrapped);
	wrapped[0] = "umockdev-wrapper";
	memcpy(wrapped + 1, argv, count * sizeof(*argv));
	execvp(wrapped[0], (char **)(uintptr_t)wrapped);
	free(wrapped); /* it is not installed */
}

void usbfs_begin(void)
{
	assert(usbfs_possible() && !fs.testbed);
	fs.manner = USBFS_USUAL;
	fs.open = 0;
	fs.testbed = umockdev_testbed_new();
	fs.handler = umockdev_ioctl_base_new();
	g_signal_connect(fs.handler, "handle-ioctl", G_CALLBACK(on_ioctl), NULL);
	g_signal_connect(fs.handler, "client-connected", G_CALLBACK(on_opened), NULL);
}

/* A program that ended a moment ago is noticed a moment later. */
static void wait_until_closed(void)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	unsigned open = 1;

	for (int i = 0; i < 50 && open; i++) {
		usbfs_hold(true);
		open = fs.open;
		usbfs_hold(false);
		if (open)
			nanosleep(&pause, NULL);
	}
}

void usbfs_end(void)
{
	wait_until_closed();
	for (size_t i = 0; i < PLACES; i++)
		if (fs.places[i].model)
			usbfs_unplug(fs.places[i].model);
	g_clear_object(&fs.testbed);
	g_clear_object(&fs.handler);
}

uint8_t usbfs_plug(struct usb_model *m)
{
	struct place *p = fs.places;
	char node[32];
	GString *text;

	pthread_mutex_lock(&fs.lock);
	while (p->model)
		assert(++p < fs.places + PLACES);
	assert(fs.last_address < 127);
	m->device.bus = 1;
	m->device.address = ++fs.last_address;
	*p = (struct place){ .model = m, .address = m->device.address, .driver = m->kernel_driver != NULL };
	pthread_mutex_unlock(&fs.lock);
	usbfs_node(m->device.address, node);
	text = usbfs_describe(m);
	if (!umockdev_testbed_attach_ioctl(fs.testbed, node, fs.handler, NULL) ||
	    !umockdev_testbed_add_from_string(fs.testbed, text->str, NULL))
		abort();
	g_string_free(text, TRUE);
	return m->device.address;
}

bool usbfs_kernel_has(const struct usb_model *m)
{
	bool has = false;

	pthread_mutex_lock(&fs.lock);
	for (size_t i = 0; i < PLACES; i++)
		has |= fs.places[i].model == m && fs.places[i].driver;
	pthread_mutex_unlock(&fs.lock);
	return has;
}

/* As programs hear of it: what was in it first. */
static void remove_files(const struct usb_device *u)
{
	char path[80] = "/sys";

	for (size_t i = 0; i < u->interface_count; i++) {
		usbfs_interface_path(u->address, &u->interfaces[i], path + 4);
		umockdev_testbed_uevent(fs.testbed, path, "remove");
	}
	usbfs_path(u->address, path + 4);
	umockdev_testbed_uevent(fs.testbed, path, "remove");
	umockdev_testbed_remove_device(fs.testbed, path);
}

void usbfs_unplug(struct usb_model *m)
{
	bool found = false;

	pthread_mutex_lock(&fs.lock);
	for (size_t i = 0; i < PLACES; i++) {
		if (fs.places[i].model != m)
			continue;
		forget(&fs.places[i]);
		found = true;
	}
	pthread_mutex_unlock(&fs.lock);
	if (found)
		remove_files(&m->device);
}

void usbfs_hold(bool on)
{
	if (on)
		pthread_mutex_lock(&fs.lock);
	else
		pthread_mutex_unlock(&fs.lock);
}

void usbfs_manner(enum usbfs_manner manner)
{
	usbfs_hold(true);
	fs.manner = manner;
	usbfs_hold(false);
}
