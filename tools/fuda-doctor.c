/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out why it does not work: from the plug to the card, one finding a line. */
#include "tools/fuda.h"
#include "tools/report.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <fuda/reader.h>

static const char *sysroot = "";

struct visit {
	struct call *call;
	struct report *findings;
	size_t readers_seen; /* on the USB */
	bool service;        /* the PC/SC service answers */
	bool usable;         /* a My Number card answers */
};

enum finding { FINE, PROBLEM };

/* One finding: `check` for programs, `text` and what to do next (NULL: nothing) for people. */
static void found(struct visit *v, enum finding f, const char *check, const char *next,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));
static void found(struct visit *v, enum finding f, const char *check, const char *next,
		  const char *format, ...)
{
	struct report *one = report_object(v->findings, NULL, NULL, NULL);
	char text[600];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	report_text(one, NULL, "check", check);
	report_text(one, NULL, "finding", f == FINE ? "ok" : "problem");
	report_text(one, NULL, "message", text);
	report_text(one, NULL, "next", next);
	report_text(v->call->report, f == FINE ? _("ok") : _("PROBLEM"), NULL, text);
	report_text(v->call->report, f == FINE ? "" : _("  do"), NULL, next);
}

/* ---- the USB ---- */

/* Kernel drivers that take readers for themselves. readers.md A6, A7 */
static const char *const grabbers[] = { "port100", "pn533_usb" };

/* Readers that are no CCID device, and what to expect of them. */
static const struct {
	const char *vendor, *product, *name, *next;
} special_readers[] = {
	{ "054c", "06c1", "Sony RC-S380/S",
	  N_("there is no PC/SC driver for this reader; use a reader of the CCID class") },
	{ "054c", "06c3", "Sony RC-S380/P",
	  N_("there is no PC/SC driver for this reader; use a reader of the CCID class") },
	{ "054c", "02e1", "Sony RC-S330/RC-S360/RC-S370",
	  N_("there is no PC/SC driver for this reader; use a reader of the CCID class") },
	{ "04e6", "511a", "NTT Com SCR3310", NULL },
	{ "04e6", "5120", "NTT Com SCR331DI", NULL },
};

/* Reads the first line of a file under `dir`; "" if there is none. */
static void read_attribute(const char *dir, const char *name, char *ret, size_t size)
{
	char path[PATH_MAX];
	FILE *f;

	ret[0] = '\0';
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return;
	f = fopen(path, "re");
	if (!f)
		return;
	if (!fgets(ret, (int)size, f))
		ret[0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	fclose(f);
}

/* Which of the grabbers drives the interface at `dir`, NULL if none. */
static const char *grabber_of(const char *dir)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *driver;
	ssize_t len;

	if ((size_t)snprintf(path, sizeof(path), "%s/driver", dir) >= sizeof(path))
		return NULL;
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return NULL;
	target[len] = '\0';
	driver = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
	for (size_t i = 0; i < ARRAY_SIZE(grabbers); i++)
		if (strcmp(driver, grabbers[i]) == 0)
			return grabbers[i];
	return NULL;
}

struct usb_device {
	char vendor[8], product[8], name[200];
	bool ccid;
	const char *grabbed_by; /* NULL if nobody did */
};

/* What the interfaces of the device at `dir` (".../1-2") say: they are beside it as "1-2:1.0". */
static void look_at_interfaces(const char *devices, const char *name, struct usb_device *d)
{
	DIR *dir = opendir(devices);
	size_t len = strlen(name);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char path[PATH_MAX], class[8];

		if (strncmp(e->d_name, name, len) != 0 || e->d_name[len] != ':')
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", devices, e->d_name) >=
		    sizeof(path))
			continue;
		read_attribute(path, "bInterfaceClass", class, sizeof(class));
		d->ccid = d->ccid || strcmp(class, "0b") == 0;
		if (grabber_of(path))
			d->grabbed_by = grabber_of(path);
	}
	if (dir)
		closedir(dir);
}

static void judge_device(struct visit *v, const struct usb_device *d)
{
	const char *next = NULL;
	char advice[300];
	bool known = d->ccid || d->grabbed_by;

	for (size_t i = 0; i < ARRAY_SIZE(special_readers); i++)
		if (strcmp(d->vendor, special_readers[i].vendor) == 0 &&
		    strcmp(d->product, special_readers[i].product) == 0) {
			known = true;
			next = special_readers[i].next;
		}
	if (!known)
		return;
	v->readers_seen++;
	if (d->grabbed_by && !next) {
		snprintf(advice, sizeof(advice),
			 _("sudo modprobe -r %s; for good: echo 'blacklist %s' | sudo tee "
			   "/etc/modprobe.d/fuda.conf"),
			 d->grabbed_by, d->grabbed_by);
		found(v, PROBLEM, "usb", advice, _("%s (%s:%s) is held by the kernel module %s"),
		      d->name, d->vendor, d->product, d->grabbed_by);
		return;
	}
	found(v, next ? PROBLEM : FINE, "usb", next ? _(next) : NULL, _("%s (%s:%s) is plugged in"),
	      d->name, d->vendor, d->product);
}

static void look_at_usb(struct visit *v)
{
	char devices[PATH_MAX];
	struct dirent *e;
	DIR *dir;

	snprintf(devices, sizeof(devices), "%s/sys/bus/usb/devices", sysroot);
	dir = opendir(devices);
	while (dir && (e = readdir(dir))) {
		struct usb_device d = { .ccid = false };
		char path[PATH_MAX];

		if ((size_t)snprintf(path, sizeof(path), "%s/%s", devices, e->d_name) >=
		    sizeof(path))
			continue;
		read_attribute(path, "idVendor", d.vendor, sizeof(d.vendor));
		read_attribute(path, "idProduct", d.product, sizeof(d.product));
		read_attribute(path, "product", d.name, sizeof(d.name));
		if (!d.vendor[0] || e->d_name[0] == '.')
			continue;
		if (!d.name[0])
			snprintf(d.name, sizeof(d.name), "%s", _("USB device"));
		look_at_interfaces(devices, e->d_name, &d);
		judge_device(v, &d);
	}
	if (dir)
		closedir(dir);
	if (!v->readers_seen)
		found(v, PROBLEM, "usb", _("plug in a card reader"),
		      _("no card reader is on the USB, or none that looks like one"));
}

/* ---- the PC/SC service ---- */

static void look_for_program(struct visit *v)
{
	static const char *const places[] = { "/usr/sbin/pcscd", "/usr/local/sbin/pcscd" };
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s%s", sysroot, places[i]);
		if (access(path, X_OK) == 0) {
			found(v, FINE, "pcscd", NULL, _("the PC/SC service is installed"));
			return;
		}
	}
	found(v, PROBLEM, "pcscd", "sudo apt install pcscd",
	      _("the PC/SC service (pcscd) is not installed"));
}

/* Knocks at the socket; the outcome is that of connect(). */
static int knock(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, saved;

	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
	    sizeof(address.sun_path))
		return ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	saved = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
	close(fd);
	return saved;
}

static void look_for_service(struct visit *v)
{
	const char *given = getenv("PCSCLITE_CSOCK_NAME");
	char path[PATH_MAX];
	int error;

	if (given && *given)
		snprintf(path, sizeof(path), "%s", given);
	else
		snprintf(path, sizeof(path), "%s/run/pcscd/pcscd.comm", sysroot);
	error = knock(path);
	v->service = !error;
	if (!error)
		found(v, FINE, "service", NULL, _("the PC/SC service answers at %s"), path);
	else if (error == ENOENT)
		found(v, PROBLEM, "service", "sudo systemctl enable --now pcscd.socket",
		      _("the PC/SC service is not started: there is no %s"), path);
	else if (error == EACCES || error == EPERM)
		found(v, PROBLEM, "service",
		      _("log in at the machine itself, or let polkit allow "
			"org.debian.pcsc-lite.access_pcsc"),
		      _("no permission to talk to the PC/SC service at %s"), path);
	else
		found(v, PROBLEM, "service", "sudo systemctl restart pcscd.socket pcscd",
		      _("the PC/SC service does not answer at %s: %s"), path, strerror(error));
}

/* ---- readers and cards ---- */

static void look_at_card(struct visit *v, const char *reader)
{
	struct fuda_context *ctx = v->call->ctx;
	struct fuda_card *card = NULL;
	int r = fuda_card_open(ctx, reader, v->call->dl, &card);

	if (r == 0)
		r = fuda_card_probe(card, v->call->dl);
	if (r == 0) {
		found(v, FINE, "card", NULL, _("%s: a My Number card answers"),
		      fuda_card_reader(card));
		v->usable = true;
	} else if (r == FUDA_EWRONGCARD) {
		found(v, PROBLEM, "card", _("put in a My Number card"),
		      _("%s: the card is not a My Number card"), reader);
	} else {
		found(v, PROBLEM, "card", NULL, "%s: %s", reader, fuda_context_message(ctx));
	}
	fuda_card_free(&card);
}

static void look_at_reader(struct visit *v, const struct fuda_reader_info *info)
{
	if (!info->card)
		found(v, PROBLEM, "card",
		      _("put a My Number card in it, chip first, or lay it on and leave it there"),
		      _("%s: no card"), info->name);
	else if (info->mute)
		found(v, PROBLEM, "card",
		      _("turn the card over, or take it out and put it in again"),
		      _("%s: the card does not answer"), info->name);
	else if (info->exclusive)
		found(v, PROBLEM, "card", _("close the other program (often gpg's scdaemon)"),
		      _("%s: another program keeps the card for itself"), info->name);
	else
		look_at_card(v, info->name);
}

static void look_at_readers(struct visit *v)
{
	struct fuda_reader_list *list;
	const struct fuda_reader_info *info;
	int r = fuda_reader_list_new(v->call->ctx, v->call->dl, &list);

	if (r == FUDA_ENOSERVICE && !v->service)
		return; /* said already */
	if (r < 0) {
		found(v, PROBLEM, "readers", NULL, "%s", fuda_context_message(v->call->ctx));
		return;
	}
	if (!fuda_reader_list_count(list))
		found(v, PROBLEM, "readers", _("plug in a reader, or install its driver (libccid)"),
		      _("no reader is known to the system"));
	for (size_t i = 0; (info = fuda_reader_list_get(list, i)); i++) {
		found(v, FINE, "readers", NULL, _("reader %s"), info->name);
		look_at_reader(v, info);
	}
	fuda_reader_list_free(&list);
}

static int run(struct call *call)
{
	struct visit v = { .call = call };
	int r = call_operands(call, 0, 0);

	if (r < 0)
		return r;
	v.findings = report_list(call->report, NULL, "findings", NULL);
	if (common.reader) {
		look_at_card(&v, common.reader);
	} else {
		look_at_usb(&v);
		look_for_program(&v);
		look_for_service(&v);
		look_at_readers(&v);
	}
	call->shown = true;
	if (session_cancelled())
		return call_fail(call, FUDA_ECANCELLED, _("cancelled"));
	if (!v.usable)
		return call_fail(call, FUDA_ENOCARD, _("no card can be used yet"));
	return 0;
}

static const struct option_spec options[] = {
	{ "sysroot", 0, "DIR", NULL, OPTION_TEXT, &sysroot },
	{ NULL },
};

const struct fuda_command command_doctor = {
	.name = "doctor",
	.summary = N_("find out why it does not work"),
	.synopsis = "",
	.options = options,
	.flags = COMMAND_CARD,
	.run = run,
};
