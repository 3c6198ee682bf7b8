/* SPDX-License-Identifier: Apache-2.0 */
/* What the PC/SC service calls a device. */
#ifndef IFD_NAMES_H
#define IFD_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* Which devices are meant: those that agree with all that is known. */
struct ifd_name {
	bool has_ids, has_place;
	uint16_t vendor, product;
	uint8_t bus, address;
	int interface; /* -1: not said */
};

/* Parses what pcscd makes of a device (<PCSC/ifdhandler.h>, IFDHCreateChannelByName):
 *
 *   usb:VVVV/PPPP                                    hexadecimal
 *   usb:VVVV/PPPP:libudev:IF:/dev/bus/usb/BBB/DDD    decimal, as udev names the node
 *   usb:VVVV/PPPP:libusb-1.0:BUS:DEV:IF              decimal
 *   usb:VVVV/PPPP:ANYTHING:...                       as without: what is not understood is ignored
 *
 * or a person as DEVICENAME in reader.conf:
 *
 *   /dev/bus/usb/BBB/DDD
 *   BUS.DEV
 *
 * FUDA_EINVAL for anything else, so also for a place that is malformed: another device must not be
 * taken for the one that was meant. */
int ifd_name_parse(const char *text, struct ifd_name *ret);

#endif
