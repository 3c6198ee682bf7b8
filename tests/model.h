/* SPDX-License-Identifier: Apache-2.0 */
/* A USB device as a test plays it: to our drivers in the process (usb-mock.c), or to libusb, and so to
 * any program, by way of umockdev (usbfs.c). */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include <stdbool.h>
#include <sys/types.h>

#include "reader/usb.h"

enum model_result {
	MODEL_NOTHING = -1, /* nothing to say yet: the host waits */
	MODEL_STALL = -2,
	MODEL_GONE = -3, /* unplugged */
};

struct usb_model {
	struct usb_device device; /* what its descriptors say; bus and address are set by who plays it */
	const char *product, *serial;
	const char *kernel_driver; /* that holds it at first, or NULL */
	bool empty_packet; /* the transfer that out() is told of is ended by one where it needs it */
	uint8_t interface; /* number of the one that the call is for; set by usb-mock.c alone */
	/* Called from one thread at a time. One transfer of the host: the whole of it, however many packets. */
	int (*out)(struct usb_model *m, const uint8_t *bytes, size_t len); /* 0 or a model_result */
	/* Fills up to `max` bytes (all of a packet boundary's worth that is there) and returns how many; 0 is an
	 * empty packet; or a model_result. What does not fit is for the next call. */
	ssize_t (*in)(struct usb_model *m, uint8_t *ret, size_t max);
	ssize_t (*interrupt)(struct usb_model *m, uint8_t *ret, size_t max); /* NULL: no such endpoint */
	ssize_t (*control)(struct usb_model *m, uint8_t type, uint8_t request, uint16_t value, uint8_t *data,
			   uint16_t len); /* NULL: stalls */
	void (*free)(struct usb_model *m);
};

/* ---- usb-mock.c: the bus in this process ---- */

/* Puts a bus of models in the place of libusb's; time does not pass on it: who would wait in vain is told at
 * once that nothing came, unless `real_time`. */
void usb_mock_begin(bool real_time);
void usb_mock_end(void);
/* Plugs it in (the model stays the caller's) and returns its address on bus 1. */
uint8_t usb_mock_plug(struct usb_model *m);
void usb_mock_unplug(struct usb_model *m);
/* Another program has claimed it. */
void usb_mock_take(struct usb_model *m, bool taken);
/* Faults: transfer number `n` from now (1 is the next, in either direction) ends so, after `bytes` of it. */
enum usb_mock_fault { USB_MOCK_FINE, USB_MOCK_UNPLUG, USB_MOCK_STALL, USB_MOCK_SHORT, USB_MOCK_LOSE, USB_MOCK_EMPTY };
void usb_mock_fault(enum usb_mock_fault fault, unsigned n, size_t bytes);

/* ---- usbfs.c: the same to libusb ---- */

/* Whether the process runs under umockdev-wrapper, so that the following work. */
bool usbfs_possible(void);
/* Starts the program anew under that where it does not run so yet; returns where it cannot be. */
void usbfs_wrap(char **argv);
/* A thread plays the models to every program that is started with the environment of this process. */
void usbfs_begin(void);
void usbfs_end(void);
uint8_t usbfs_plug(struct usb_model *m);
void usbfs_unplug(struct usb_model *m);
/* Whether the driver m->kernel_driver of the kernel has it. */
bool usbfs_kernel_has(const struct usb_model *m);
/* While held, no model is called. */
void usbfs_hold(bool on);
/* The kernel as it was, for which libusb makes several transfers of a long one (over 16 KiB; a model then hears a
 * long one of the host in pieces); and one that does not let go of a transfer that is taken back. */
enum usbfs_manner { USBFS_USUAL, USBFS_SPLITS, USBFS_HANGS };
void usbfs_manner(enum usbfs_manner manner);

/* ---- either: through libusb where umockdev is, or else on a bus in the process ---- */

/* Plugs it in alone; the address that it has then. */
uint8_t usb_stage_begin(struct usb_model *m);
/* Ends that, and frees it. */
void usb_stage_end(struct usb_model *m);

#endif
