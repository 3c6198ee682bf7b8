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
