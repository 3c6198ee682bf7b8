/* SPDX-License-Identifier: Apache-2.0 */
/* The readers that the project knows by their USB numbers. */
#ifndef FUDA_DEVICE_H
#define FUDA_DEVICE_H

#include <stddef.h>
#include <stdint.h>

struct fuda_device {
	uint16_t vendor, product;
	const char *name;   /* maker and model */
	const char *driver; /* of this library, "rcs380" for one, whose readers are called
			     * rcs380:BUS.DEV (and, of several slots, /SLOT behind it from the
			     * second, 1, on); "pcsc" where the PC/SC service's own drivers are
			     * all there is */
	const char *module; /* of the Linux kernel that takes the device for itself, or NULL */
};

/* Number `i` of the table from 0, or NULL past the end. */
const struct fuda_device *fuda_device_get(size_t i);
/* The entry of this device, or NULL. */
const struct fuda_device *fuda_device_find(uint16_t vendor, uint16_t product);

#endif
