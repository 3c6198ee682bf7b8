/* SPDX-License-Identifier: Apache-2.0 */
/* fuda doctor: readers on the USB, and what keeps them from being used. */
#include "tools/doctor.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICES "/sys/bus/usb/devices"

/* ---- as the kernel shows it ---- */

/* Whether this module of the kernel takes readers for itself. */
static bool takes_readers(const char *module)
{
	const struct fuda_device *d;

	for (size_t i = 0; (d = fuda_device_get(i)); i++)
		if (d->module && strcmp(d->module, module) == 0)
			return true;
	return false;
}

static void read_attribute(const char *device, const char *name, char *ret, size_t size)
{
	char path[PATH_MAX];

	ret[0] = '\0';
	if (system_path(path, DEVICES "/%s/%s", device, name))
		system_line(path, ret, size);
}

static unsigned read_number(const char *device, const char *name)
{
	char text[8];

	read_attribute(device, name, text, sizeof(text));
	return (unsigned)strtoul(text, NULL, 10);
}

/* What drives the interface, "" if nothing does. */
static void read_driver(const char *interface, char *ret, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *name;
	ssize_t len;

	ret[0] = '\0';
	if (!system_path(path, DEVICES "/%s/driver", interface))
		return;
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return;
	target[len] = '\0';
	name = strrchr(target, '/');
	snprintf(ret, size, "%.*s", (int)size - 1, name ? name + 1 : target);
}

/* What the interfaces of a device ("1-2") say: they are beside it as "1-2:1.0". */
static void look_at_interfaces(const char *device, struct usb_reader *d, bool *ret_ccid)
{
	char devices[PATH_MAX];
	size_t len = strlen(device);
	struct dirent *e;
	DIR *dir;

	if (!system_path(devices, DEVICES))
		return;
	dir = opendir(devices);
	while (dir && (e = readdir(dir))) {
		char class[8], driver[40];

		if (strncmp(e->d_name, device, len) != 0 || e->d_name[len] != ':')
			continue;
		read_attribute(e->d_name, "bInterfaceClass", class, sizeof(class));
		*ret_ccid = *ret_ccid || strcmp(class, "0b") == 0;
		read_driver(e->d_name, driver, sizeof(driver));
		if (takes_readers(driver))
			snprintf(d->module, sizeof(d->module), "%s", driver);
		d->claimed = d->claimed || strcmp(driver, "usbfs") == 0;
	}
	if (dir)
		closedir(dir);
}

/* False if the device is no reader. */
static bool read_device(const char *device, struct usb_reader *ret)
{
	struct usb_reader d = { .known = NULL };
	char vendor[8], product[8], *end;
	unsigned long v, p;
	bool ccid = false;

	read_attribute(device, "idVendor", vendor, sizeof(vendor));
	read_attribute(device, "idProduct", product, sizeof(product));
	v = strtoul(vendor, &end, 16);
	if (end == vendor || *end || v > UINT16_MAX)
		return false;
	p = strtoul(product, &end, 16);
	if (end == product || *end || p > UINT16_MAX)
		return false;
	snprintf(d.id, sizeof(d.id), "%04lx:%04lx", v, p);
	d.known = fuda_device_find((uint16_t)v, (uint16_t)p);
	look_at_interfaces(device, &d, &ccid);
	if (!d.known && !ccid && !d.module[0])
		return false;
	d.driver = d.known ? d.known->driver : "ccid";
	read_attribute(device, "product", d.name, sizeof(d.name));
	if (!d.name[0])
		snprintf(d.name, sizeof(d.name), "%s", d.known ? d.known->name : _("USB device"));
	d.bus = read_number(device, "busnum");
	d.address = read_number(device, "devnum");
	read_attribute(device, "dev", d.number, sizeof(d.number));
	*ret = d;
	return true;
}

/* ---- judged ---- */

/* Whether this build has no driver for it, and cannot reach the PC/SC service or that has none. */
static bool is_nobodys(const struct visit *v, const struct usb_reader *d)
{
	return !fuda_driver_there(d->driver) &&
	       !(v->can_pcsc && (strcmp(d->driver, "ccid") == 0 || service_serves(d)));
}

/* Without a driver there is nothing more to say of it. */
static void tell_nobodys(struct visit *v, const struct usb_reader *d)
{
	static const struct {
		const char *driver, *part, *package;
	} parts[] = {
		{ "rcs380", "usb", "libusb-1.0-0-dev" },
		{ "ccid", "usb", "libusb-1.0-0-dev" },
		{ "nfc", "nfc", "libnfc-dev" },
		{ "pcsc", "pcsc", "libpcsclite-dev" },
	};
	char next[200] = "";

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcmp(parts[i].driver, d->driver) == 0)
			snprintf(next, sizeof(next),
				 _("install %s, configure without --disable-%s, and build again"),
				 parts[i].package, parts[i].part);
	found(v, PROBLEM, "usb", next, _("this fuda was built without the driver for the %s"),
	      d->name);
}

/* Nothing of ours or of others uses it while the kernel has it, unless it takes it back. */
static void look_at_module(struct visit *v, const struct usb_reader *d)
{
	char next[300];

	if (strcmp(d->driver, "rcs380") == 0) {
		found(v, FINE, "usb", NULL, _("%s (%s) is plugged in"), d->name, d->id);
		if (is_nobodys(v, d))
			return;
		found(v, NOTE, "usb", NULL,
		      _("the kernel module %s holds it, and lets go of it whenever it is used"),
		      d->module);
		return;
	}
	snprintf(next, sizeof(next),
		 _("%smodprobe -r %s; for good: echo 'blacklist %s' | %stee -a "
		   "/etc/modprobe.d/fudasashi.conf"),
		 sudo(), d->module, d->module, sudo());
	found(v, PROBLEM, "usb", next, _("%s (%s) is held by the kernel module %s"), d->name, d->id,
	      d->module);
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* Whether the PC/SC service lists an RC-S380: by the name that our bundle gives it. */
static bool service_lists_it(const struct visit *v)
{
	const struct fuda_reader_info *info;

	for (size_t i = 0; v->readers && (info = fuda_reader_list_get(v->readers, i)); i++)
		if (starts_with(info->name, "pcsc:") && strstr(info->name, "RC-S380"))
			return true;
	return false;
}

/* Programs other than fuda need a driver that the service loads. */
static void look_at_service_driver(struct visit *v, const struct usb_reader *d)
{
	char command[COMMAND_SIZE];
	bool own = strcmp(d->driver, "rcs380") == 0;

	if (!service_serves(d) && own) {
		found(v, NOTE, "usb",
		      _("install ifd-fuda.bundle ('make install' does), and restart the service"),
		      _("programs that use PC/SC do not see the %s: its driver for the PC/SC "
			"service is not installed"),
		      d->name);
	} else if (!service_serves(d) && strcmp(d->driver, "ccid") == 0 && v->service) {
		snprintf(command, sizeof(command), "%sapt install libccid", sudo());
		found(v, PROBLEM, "usb", command,
		      _("the PC/SC service has no driver for readers of the CCID class"));
	} else if (own && service_serves(d) && v->service && v->readers && !service_lists_it(v)) {
		found(v, NOTE, "usb", start_service(true, command),
		      _("the PC/SC service has a driver for the %s, but does not list it"),
		      d->name);
	}
}

static void judge(struct visit *v, const struct usb_reader *d)
{
	v->readers_seen++;
	if (d->module[0])
		look_at_module(v, d);
	else
		found(v, FINE, "usb", NULL, _("%s (%s) is plugged in"), d->name, d->id);
	if (is_nobodys(v, d)) {
		tell_nobodys(v, d);
		return;
	}
	look_at_access(v, d);
	if (v->can_pcsc)
		look_at_service_driver(v, d);
	if (strcmp(d->driver, "nfc") == 0)
		found(v, NOTE, "usb", _("name it: --reader nfc:"),
		      _("an NFC chip such as %s is used only when named"), d->name);
}

/* ---- all of them ---- */

enum { DEVICES_MAX = 256, DEVICE_NAME_SIZE = 32 };

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Names of devices, in their order. */
static size_t find_devices(char ret[DEVICES_MAX][DEVICE_NAME_SIZE])
{
	char path[PATH_MAX];
	struct dirent *e;
	size_t count = 0;
	DIR *dir = system_path(path, DEVICES) ? opendir(path) : NULL;

	while (dir && count < DEVICES_MAX && (e = readdir(dir))) {
		/* interfaces have a colon */
		if (e->d_name[0] == '.' || strchr(e->d_name, ':') ||
		    strlen(e->d_name) >= DEVICE_NAME_SIZE)
			continue;
		memcpy(ret[count++], e->d_name, strlen(e->d_name) + 1);
	}
	if (dir)
		closedir(dir);
	qsort(ret, count, DEVICE_NAME_SIZE, compare);
	return count;
}

void look_at_usb(struct visit *v)
{
	char names[DEVICES_MAX][DEVICE_NAME_SIZE];
	struct usb_reader d;
	size_t count = find_devices(names);

	for (size_t i = 0; i < count; i++)
		if (read_device(names[i], &d))
			judge(v, &d);
	if (!v->readers_seen && v->readers && fuda_reader_list_count(v->readers))
		found(v, NOTE, "usb", NULL,
		      _("no card reader is on the USB; the system knows others"));
	else if (!v->readers_seen)
		found(v, PROBLEM, "usb", _("plug in a card reader"),
		      _("no card reader is on the USB, or none that looks like one"));
}
