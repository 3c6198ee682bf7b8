/* SPDX-License-Identifier: Apache-2.0 */
/* What sysfs says of a device that is played: its descriptors, and the files that udev and programs read. */
#include "tests/usbfs.h"

#include <stdio.h>
#include <string.h>

static void put(GString *to, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		g_string_append_printf(to, "%02X", bytes[i]);
}

static size_t put_endpoint(GString *to, uint8_t address, uint8_t type, uint16_t packet)
{
	const uint8_t d[] = { 7, 5, address, type, packet & 0xFF, packet >> 8, type == 3 ? 16 : 0 };

	if (!address)
		return 0;
	put(to, d, sizeof(d));
	return sizeof(d);
}

static unsigned endpoints_of(const struct usb_interface *f)
{
	return (unsigned)(!!f->out + !!f->in + !!f->interrupt);
}

static size_t put_interface(GString *to, const struct usb_interface *f)
{
	const uint8_t d[] = { 9, 4, f->number, 0, (uint8_t)endpoints_of(f), f->class, f->subclass, f->protocol, 0 };
	size_t n = sizeof(d) + f->extra_len;

	put(to, d, sizeof(d));
	put(to, f->extra, f->extra_len);
	n += put_endpoint(to, f->out, 2, f->out_packet);
	n += put_endpoint(to, f->in, 2, f->in_packet);
	return n + put_endpoint(to, f->interrupt, 3, f->interrupt_packet);
}

/* The descriptors of the device and of its one configuration (USB 2.0, 9.6), in hexadecimal. */
static GString *descriptors(const struct usb_model *m)
{
	const struct usb_device *u = &m->device;
	const uint8_t device[] = { 18, 1, 0, 2, 0, 0, 0, 64, u->vendor & 0xFF, u->vendor >> 8, u->product & 0xFF,
				   u->product >> 8, u->release & 0xFF, u->release >> 8, 0,
				   m->product ? TEXT_PRODUCT : 0, m->serial ? TEXT_SERIAL : 0, 1 };
	GString *all = g_string_new(NULL), *interfaces = g_string_new(NULL);
	size_t n = 9;

	for (size_t i = 0; i < u->interface_count; i++)
		n += put_interface(interfaces, &u->interfaces[i]);
	put(all, device, sizeof(device));
	put(all, (uint8_t[]){ 9, 2, n & 0xFF, (uint8_t)(n >> 8), (uint8_t)u->interface_count, 1, 0, 0x80, 50 }, 9);
	g_string_append(all, interfaces->str);
	g_string_free(interfaces, TRUE);
	return all;
}

void usbfs_node(uint8_t address, char ret[32])
{
	snprintf(ret, 32, "/dev/bus/usb/001/%03u", address);
}

void usbfs_path(uint8_t address, char ret[64])
{
	snprintf(ret, 64, "/devices/pci0000:00/0000:00:14.0/usb1/1-%u", address);
}

void usbfs_interface_path(uint8_t address, const struct usb_interface *f, char ret[64])
{
	snprintf(ret, 64, "/devices/pci0000:00/0000:00:14.0/usb1/1-%u/1-%u:1.%u", address, address, f->number);
}

static void describe_interface(GString *to, const struct usb_model *m, const struct usb_interface *f)
{
	const struct usb_device *u = &m->device;
	char path[64];

	usbfs_interface_path(u->address, f, path);
	g_string_append_printf(to, "P: %s\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_interface\n", path);
	if (m->kernel_driver)
		g_string_append_printf(to, "E: DRIVER=%s\n", m->kernel_driver);
	g_string_append_printf(to, "E: PRODUCT=%x/%x/%x\nE: INTERFACE=%u/%u/%u\n", u->vendor, u->product, u->release,
			       f->class, f->subclass, f->protocol);
	g_string_append_printf(to, "A: bInterfaceNumber=%02x\\n\nA: bAlternateSetting= 0\\n\n", f->number);
	g_string_append_printf(to, "A: bNumEndpoints=%02x\\n\n", endpoints_of(f));
	g_string_append_printf(to, "A: bInterfaceClass=%02x\\n\nA: bInterfaceSubClass=%02x\\n\n", f->class,
			       f->subclass);
	g_string_append_printf(to, "A: bInterfaceProtocol=%02x\\n\n", f->protocol);
	if (m->kernel_driver)
		g_string_append_printf(to, "L: driver=../../../../../../bus/usb/drivers/%s\n", m->kernel_driver);
	g_string_append(to, "\n");
}

GString *usbfs_describe(const struct usb_model *m)
{
	const struct usb_device *u = &m->device;
	GString *text = g_string_new(NULL), *hex = descriptors(m);
	char path[64], node[32];

	usbfs_path(u->address, path);
	usbfs_node(u->address, node);
	g_string_append_printf(text, "P: %s\nN: %s\n", path, node + strlen("/dev/"));
	g_string_append_printf(text, "E: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nE: DRIVER=usb\nE: DEVNAME=%s\n", node);
	g_string_append_printf(text, "E: BUSNUM=001\nE: DEVNUM=%03u\nE: PRODUCT=%x/%x/%x\n", u->address, u->vendor,
			       u->product, u->release);
	g_string_append_printf(text, "A: idVendor=%04x\\n\nA: idProduct=%04x\\n\nA: bcdDevice=%04x\\n\n", u->vendor,
			       u->product, u->release);
	g_string_append_printf(text, "A: busnum=1\\n\nA: devnum=%u\\n\nA: speed=12\\n\n", u->address);
	g_string_append(text, "A: bConfigurationValue=1\\n\nA: bNumConfigurations=1\\n\n");
	g_string_append(text, "A: bDeviceClass=00\\n\n");
	if (m->product)
		g_string_append_printf(text, "A: product=%s\\n\n", m->product);
	if (m->serial)
		g_string_append_printf(text, "A: serial=%s\\n\n", m->serial);
	g_string_append_printf(text, "H: descriptors=%s\n\n", hex->str);
	for (size_t i = 0; i < u->interface_count; i++)
		describe_interface(text, m, &u->interfaces[i]);
	g_string_free(hex, TRUE);
	return text;
}
