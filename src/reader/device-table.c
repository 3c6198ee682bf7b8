/* SPDX-License-Identifier: Apache-2.0 */
/* The table of readers, made from udev/devices. */
#include <fuda/device.h>

#include "base/util.h"

static const struct fuda_device devices[] = {
#define DEVICE(v, p, n, d, m) { .vendor = v, .product = p, .name = n, .driver = d, .module = m },
#include "devices.def"
};

const struct fuda_device *fuda_device_get(size_t i)
{
	return i < ARRAY_SIZE(devices) ? &devices[i] : NULL;
}

const struct fuda_device *fuda_device_find(uint16_t vendor, uint16_t product)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (devices[i].vendor == vendor && devices[i].product == product)
			return &devices[i];
	return NULL;
}
