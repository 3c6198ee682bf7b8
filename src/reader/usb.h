/* SPDX-License-Identifier: Apache-2.0 */
/* Devices on the USB, as the drivers of readers use them: one claimed interface, whole transfers,
 * a deadline on each. */
#ifndef READER_USB_H
#define READER_USB_H

#include <fuda/buf.h>
#include <fuda/deadline.h>
#include "base/context.h"

enum {
	USB_INTERFACES_MAX = 8,  /* of one device that are looked at */
	USB_CLASS_BYTES_MAX = 256, /* of class descriptors of one interface */
	USB_TEXT_SIZE = 64,
};

/* One interface, in its first setting. */
struct usb_interface {
	uint8_t number, class, subclass, protocol;
	uint8_t out, in;         /* addresses of the bulk endpoints, 0 where there is none */
	uint8_t interrupt;       /* of the interrupt IN endpoint, or 0 */
	uint16_t out_packet, in_packet, interrupt_packet; /* wMaxPacketSize in bytes */
	/* Descriptors that are not of the USB itself, behind the interface's own and then behind
	 * each of its endpoints: as the device sent them, to be parsed with care. */
	uint8_t extra[USB_CLASS_BYTES_MAX];
	size_t extra_len; /* cut off at the maximum */
};

/* A device that is plugged in. */
struct usb_device {
	uint8_t bus, address;
	uint16_t vendor, product, release; /* bcdDevice */
	struct usb_interface interfaces[USB_INTERFACES_MAX];
	size_t interface_count;
};

/* A view of the bus, which notices what is plugged and unplugged from its opening on. */
struct usb_bus;

/* A device with one interface claimed. Backends put theirs around it. Transfers of one endpoint are
 * made one at a time; an interrupt transfer may wait on one thread while another does bulk. */
struct usb {
	const struct usb_backend *backend;
	struct fuda_context *ctx; /* for failures; of the thread that does bulk */
	struct usb_device device;
	const struct usb_interface *interface; /* in `device` */
	char product[USB_TEXT_SIZE], serial[USB_TEXT_SIZE]; /* ASCII; "" where it says nothing */
	unsigned long transfers; /* bulk transfers that moved, for measurements */
};

/* What carries transfers. One is in use: libusb's, or one that a test has put in its place. All
 * return 0 or FUDA_E..., and say why in the context. FUDA_EREADERGONE once the device is unplugged,
 * FUDA_ETIMEOUT and FUDA_ECANCELLED when the deadline ends a wait: never later than it allows by
 * more than a tenth of a second, whatever the device does. */
struct usb_backend {
	/* No USB at all is a bus without devices. */
	int (*bus_open)(struct fuda_context *ctx, struct usb_bus **ret);
	void (*bus_close)(struct usb_bus *bus);

	/* Calls each(arg, device) for all devices with readable descriptors, until it returns other
	 * than 0; returns that. The device lives until each() returns. */
	int (*list)(struct usb_bus *bus, int (*each)(void *arg, const struct usb_device *device),
		    void *arg);

	/* Waits up to `ms` milliseconds until something was plugged or unplugged since list() last
	 * looked. FUDA_EMUTE if nothing was (nothing is written down then). */
	int (*wait)(struct usb_bus *bus, int ms, struct fuda_deadline *dl);

	/* Opens the device at that place and claims interface `number`; a driver of the kernel is
	 * put aside until the device is plugged in again. FUDA_EACCESS (no permission),
	 * FUDA_EBUSY (another program has it), FUDA_ENOREADER (nothing is there). */
	int (*open)(struct fuda_context *ctx, uint8_t bus, uint8_t address, uint8_t number,
		    struct usb **ret);
	/* Releases and frees; what is still waiting on another thread ends first. */
	void (*close)(struct usb *u);

	/* Sends all of `bytes` in one bulk transfer. With `zlp` a transfer that is a multiple of
	 * the packet size is ended by an empty packet. A stalled endpoint is cleared, and is
	 * FUDA_ETRANSPORT. */
	int (*out)(struct usb *u, const uint8_t *bytes, size_t len, bool zlp,
		   struct fuda_deadline *dl);

	/* Receives one bulk transfer of up to `max` bytes, ended by a short packet, and appends it.
	 * An empty one is a success that appends nothing. Waits `ms` milliseconds at most, -1:
	 * until the deadline; FUDA_EMUTE if nothing came (nothing is written down then, and nothing
	 * is lost that comes later). A stalled endpoint is cleared, and is FUDA_ETRANSPORT. */
	int (*in)(struct usb *u, size_t max, int ms, struct fuda_deadline *dl,
		  struct fuda_buf *ret);

	/* The same of the interrupt endpoint. FUDA_ENOTSUP where there is none. May be called while
	 * another thread does bulk, with a deadline of its own; writes nothing down. */
	int (*interrupt)(struct usb *u, int ms, struct fuda_deadline *dl, struct fuda_buf *ret);

	/* A control transfer to the claimed interface. `type` is bmRequestType; its direction says
	 * whether `len` bytes at `data` are sent or received. Returns the bytes moved. */
	int (*control)(struct usb *u, uint8_t type, uint8_t request, uint16_t value, uint8_t *data,
		       uint16_t len, struct fuda_deadline *dl);
};

/* libusb's; tests put theirs here before they open anything. */
extern const struct usb_backend *usb_backend;
extern const struct usb_backend usb_libusb;

/* Parses "BUS.DEV", two decimal numbers from 1 to 255 (as lsusb has them, leading zeros allowed),
 * and what follows it into ret_rest (NULL: nothing may follow). FUDA_EINVAL. */
int usb_parse_place(const char *text, uint8_t *ret_bus, uint8_t *ret_address,
		    const char **ret_rest);

/* Copies the device that is plugged in at that place. FUDA_ENOREADER if none is (nothing is written
 * down then). */
int usb_find(struct fuda_context *ctx, uint8_t bus, uint8_t address, struct usb_device *ret);

static inline void usb_close(struct usb **u)
{
	if (*u)
		(*u)->backend->close(*u);
	*u = NULL;
}

#endif
