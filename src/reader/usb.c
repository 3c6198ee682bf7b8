/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/usb.h"

#include <ctype.h>
#include <stdlib.h>

const struct usb_backend *usb_backend = &usb_libusb;

static int parse_number(const char **text, uint8_t *ret)
{
	unsigned n = 0;
	int digits = 0;

	for (; isdigit((unsigned char)**text) && digits < 3; digits++)
		n = n * 10 + (unsigned)(*(*text)++ - '0');
	if (!digits || n < 1 || n > UINT8_MAX || isdigit((unsigned char)**text))
		return FUDA_EINVAL;
	*ret = (uint8_t)n;
	return 0;
}

int usb_parse_place(const char *text, uint8_t *ret_bus, uint8_t *ret_address, const char **ret_rest)
{
	uint8_t bus, address;

	if (parse_number(&text, &bus) < 0 || *text++ != '.' || parse_number(&text, &address) < 0)
		return FUDA_EINVAL;
	if (!ret_rest && *text)
		return FUDA_EINVAL;
	*ret_bus = bus;
	*ret_address = address;
	if (ret_rest)
		*ret_rest = text;
	return 0;
}

static int take_it(void *arg, const struct usb_device *device)
{
	struct usb_device *it = arg;

	if (device->bus != it->bus || device->address != it->address)
		return 0;
	*it = *device;
	return 1;
}

int usb_find(struct fuda_context *ctx, uint8_t bus, uint8_t address, struct usb_device *ret)
{
	struct usb_device device = { .bus = bus, .address = address };
	struct usb_bus *b;
	int e = usb_backend->bus_open(ctx, &b);

	if (e < 0)
		return e;
	e = usb_backend->list(b, take_it, &device);
	usb_backend->bus_close(b);
	if (e <= 0)
		return e < 0 ? e : FUDA_ENOREADER;
	*ret = device;
	return 0;
}
