/* SPDX-License-Identifier: Apache-2.0 */
#include "ifd/names.h"

#include <string.h>

#include "base/util.h"
#include "reader/usb.h"

#define NODE "/dev/bus/usb/"

enum { ID_DIGITS = 4, PLACE_DIGITS = 3, PLACE_MAX = 255, INTERFACE_MAX = 255 };

/* Takes `word` off the front of *p, if it is there. */
static bool skip(const char **p, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*p, word, len) != 0)
		return false;
	*p += len;
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Takes a number of 1 to `digits` digits off the front of *p. */
static bool number(const char **p, int base, int digits, unsigned least, unsigned most,
		   unsigned *ret)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < digits; i++) {
		int d = digit((*p)[i]);

		if (d < 0 || d >= base)
			break;
		n = n * (unsigned)base + (unsigned)d;
	}
	if (i == 0 || n < least || n > most)
		return false;
	*p += i;
	*ret = n;
	return true;
}

static bool ids(const char **p, struct ifd_name *ret)
{
	const char *start = *p;
	unsigned vendor, product;

	if (!number(p, 16, ID_DIGITS, 0, UINT16_MAX, &vendor) || *p - start != ID_DIGITS ||
	    !skip(p, "/"))
		return false;
	start = *p;
	if (!number(p, 16, ID_DIGITS, 0, UINT16_MAX, &product) || *p - start != ID_DIGITS)
		return false;
	ret->has_ids = true;
	ret->vendor = (uint16_t)vendor;
	ret->product = (uint16_t)product;
	return true;
}

/* BUS, `separator`, DEV */
static bool place(const char **p, const char *separator, struct ifd_name *ret)
{
	unsigned bus, address;

	if (!number(p, 10, PLACE_DIGITS, 1, PLACE_MAX, &bus) || !skip(p, separator) ||
	    !number(p, 10, PLACE_DIGITS, 1, PLACE_MAX, &address))
		return false;
	ret->has_place = true;
	ret->bus = (uint8_t)bus;
	ret->address = (uint8_t)address;
	return true;
}

static bool interface(const char **p, struct ifd_name *ret)
{
	unsigned n;

	if (!number(p, 10, PLACE_DIGITS, 0, INTERFACE_MAX, &n))
		return false;
	ret->interface = (int)n;
	return true;
}

static bool parse(const char *p, struct ifd_name *ret)
{
	if (!skip(&p, "usb:"))
		return skip(&p, NODE) ? place(&p, "/", ret) && !*p : place(&p, ".", ret) && !*p;
	if (!ids(&p, ret))
		return false;
	if (skip(&p, ":libudev:"))
		return interface(&p, ret) && skip(&p, ":" NODE) && place(&p, "/", ret) && !*p;
	if (skip(&p, ":libusb-1.0:"))
		return place(&p, ":", ret) && skip(&p, ":") && interface(&p, ret) && !*p;
	return !*p || *p == ':';
}

int ifd_name_parse(const char *text, struct ifd_name *ret)
{
	struct ifd_name name = { .interface = -1 };

	if (!parse(text, &name))
		return FUDA_EINVAL;
	*ret = name;
	return 0;
}
