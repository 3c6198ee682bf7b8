/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out why it does not work: from the plug to the card, one finding a line. */
#include "tools/fuda.h"
#include "tools/report.h"
#include "tools/secrets.h"

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
	struct fuda_reader_list *readers; /* NULL: there is no list of them */
	bool cards;                       /* one of these has a card */
	size_t readers_seen;              /* on the USB */
	bool service;                     /* the PC/SC service answers */
	bool usable;                      /* a My Number card answers */
	bool authenticates;               /* and its PIN can be used without a second thought */
};

enum finding { FINE, NOTE, PROBLEM };

/* One finding: `check` for programs, `text` and what to do next (NULL: nothing) for people. */
static void found(struct visit *v, enum finding f, const char *check, const char *next,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));
static void found(struct visit *v, enum finding f, const char *check, const char *next,
		  const char *format, ...)
{
	static const char *const words[] = { "ok", "note", "problem" };
	static const char *const labels[] = { N_("ok"), N_("note"), N_("PROBLEM") };
	struct report *one = report_object(v->findings, NULL, NULL, NULL);
	char text[600];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	report_text(one, NULL, "check", check);
	report_text(one, NULL, "finding", words[f]);
	report_text(one, NULL, "message", text);
	report_text(one, NULL, "next", next);
	report_text(v->call->report, _(labels[f]), NULL, text);
	report_text(v->call->report, _("  do"), NULL, next);
}

/* `command` as this user has to call it. */
static const char *as_root(const char *command, char *ret, size_t size)
{
	snprintf(ret, size, "%s%s", geteuid() == 0 ? "" : "sudo ", command);
	return ret;
}

/* How the PC/SC service is started here: `systemctl` where that is there. */
static const char *start_service(const char *systemctl, char *ret, size_t size)
{
	char path[PATH_MAX];

	/* where systemd is the init: sd_booted(3) */
	snprintf(path, sizeof(path), "%s/run/systemd/system", sysroot);
	return as_root(access(path, F_OK) == 0 ? systemctl : "pcscd --foreground", ret, size);
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
	const char *sudo = geteuid() == 0 ? "" : "sudo ";
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
			 _("%smodprobe -r %s; for good: echo 'blacklist %s' | %stee -a "
			   "/etc/modprobe.d/fuda.conf"),
			 sudo, d->grabbed_by, d->grabbed_by, sudo);
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
	if (!v->readers_seen && v->readers && fuda_reader_list_count(v->readers))
		found(v, NOTE, "usb", NULL,
		      _("no card reader is on the USB; the system knows others"));
	else if (!v->readers_seen)
		found(v, PROBLEM, "usb", _("plug in a card reader"),
		      _("no card reader is on the USB, or none that looks like one"));
}

/* ---- the PC/SC service ---- */

#define START   "systemctl start pcscd.socket"
#define RESTART "systemctl restart pcscd.socket pcscd"
#define NO_ACCESS \
	N_("log in at the machine itself, or let polkit allow org.debian.pcsc-lite.access_pcsc")

static void look_for_program(struct visit *v)
{
	static const char *const places[] = { "/usr/sbin/pcscd", "/usr/local/sbin/pcscd" };
	char path[PATH_MAX], command[60];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s%s", sysroot, places[i]);
		if (access(path, X_OK) == 0) {
			found(v, FINE, "pcscd", NULL, _("the PC/SC service is installed"));
			return;
		}
	}
	found(v, PROBLEM, "pcscd", as_root("apt install pcscd", command, sizeof(command)),
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
	char path[PATH_MAX], command[60];
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
		found(v, PROBLEM, "service", start_service(START, command, sizeof(command)),
		      _("the PC/SC service is not started: there is no %s"), path);
	else if (error == EACCES || error == EPERM)
		found(v, PROBLEM, "service", _(NO_ACCESS),
		      _("no permission to talk to the PC/SC service at %s"), path);
	else
		found(v, PROBLEM, "service", start_service(RESTART, command, sizeof(command)),
		      _("the PC/SC service does not answer at %s: %s"), path, strerror(error));
}

/* ---- readers and cards ---- */

#define PUT_IN N_("put a My Number card in it, chip first, or lay it on and leave it there")

/* What to do about a card that cannot be opened, where the message does not say enough. */
static const char *next_for(int code, char *ret, size_t size)
{
	static const struct {
		int code;
		const char *next;
	} steps[] = {
		{ FUDA_EACCESS, NO_ACCESS },
		{ FUDA_EWRONGCARD, N_("put in a My Number card") },
		{ FUDA_ENOCARD, PUT_IN },
		{ FUDA_ENOREADER, N_("'fuda readers' lists the readers that are there") },
		{ FUDA_EINVAL, N_("'fuda readers' lists the readers that are there") },
	};

	if (code == FUDA_ENOSERVICE)
		return start_service(START, ret, size);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i].code == code)
			return _(steps[i].next);
	return NULL;
}

/* Secrets that are blocked, or nearly. */
static void look_at_tries(struct visit *v, struct fuda_card *card)
{
	const char *office = _("the municipal office can reset it");
	const char *reader = fuda_card_reader(card);
	int tries[FUDA_PINS];

	if (secret_tries(card, v->call->dl, tries) < 0) {
		found(v, PROBLEM, "pin", NULL, "%s: %s", reader,
		      fuda_context_message(v->call->ctx));
		return;
	}
	for (int pin = 0; pin < FUDA_PINS; pin++) {
		const char *title = fuda_pin_title((enum fuda_pin)pin);

		if (tries[pin] == 0)
			found(v, PROBLEM, "pin", office, _("%s: the %s is blocked"), reader, title);
		else if (tries[pin] == 1)
			found(v, PROBLEM, "pin",
			      _("be sure of it, and give --use-last-try; or have the municipal "
				"office reset it"),
			      _("%s: only one try of the %s is left"), reader, title);
	}
	if (tries[FUDA_PIN_AUTH] > 1)
		v->authenticates = true;
}

static void look_at_card(struct visit *v, const char *reader)
{
	struct fuda_context *ctx = v->call->ctx;
	struct fuda_card *card = NULL;
	char command[60];
	int r = fuda_card_open(ctx, reader, v->call->dl, &card);

	if (r == 0)
		r = fuda_card_probe(card, v->call->dl);
	if (r == 0) {
		found(v, FINE, "card", NULL, _("%s: a My Number card answers"),
		      fuda_card_reader(card));
		v->usable = true;
		look_at_tries(v, card);
	} else {
		found(v, PROBLEM, "card", next_for(r, command, sizeof(command)), "%s: %s", reader,
		      r == FUDA_EWRONGCARD ? _("the card is not a My Number card") :
					     fuda_context_message(ctx));
	}
	fuda_card_free(&card);
}

static void look_at_reader(struct visit *v, const struct fuda_reader_info *info)
{
	if (!info->card)
		found(v, v->cards ? NOTE : PROBLEM, "card", v->cards ? NULL : _(PUT_IN),
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

static int list_readers(struct visit *v)
{
	const struct fuda_reader_info *info;
	int r = fuda_reader_list_new(v->call->ctx, v->call->dl, &v->readers);

	for (size_t i = 0; r == 0 && (info = fuda_reader_list_get(v->readers, i)); i++)
		v->cards = v->cards || info->card;
	return r;
}

/* `r` came of listing them. */
static void look_at_readers(struct visit *v, int r)
{
	const struct fuda_reader_info *info;

	if (r == FUDA_ENOSERVICE && !v->service)
		return; /* said already */
	if (r < 0) {
		found(v, PROBLEM, "readers", NULL, "%s", fuda_context_message(v->call->ctx));
		return;
	}
	if (!fuda_reader_list_count(v->readers))
		found(v, PROBLEM, "readers", _("plug in a reader, or install its driver (libccid)"),
		      _("no reader is known to the system"));
	for (size_t i = 0; (info = fuda_reader_list_get(v->readers, i)); i++) {
		found(v, FINE, "readers", NULL, _("reader %s"), info->name);
		look_at_reader(v, info);
	}
}

static void look_at_all(struct visit *v)
{
	int r = list_readers(v);

	look_at_usb(v);
	look_for_program(v);
	look_for_service(v);
	look_at_readers(v, r);
	fuda_reader_list_free(&v->readers);
}

static void tell_end(const struct visit *v)
{
	char text[300];

	if (!v->authenticates)
		return;
	if (common.reader)
		snprintf(text, sizeof(text), _("'fuda auth --reader %s' should work"),
			 common.reader);
	report_text(v->call->report, _("In all"), NULL,
		    common.reader ? text : _("'fuda auth' should work"));
}

static int run(struct call *call)
{
	struct visit v = { .call = call };
	int r = call_operands(call, 0, 0);

	if (r < 0)
		return r;
	v.findings = report_list(call->report, NULL, "findings", NULL);
	if (common.reader)
		look_at_card(&v, common.reader);
	else
		look_at_all(&v);
	tell_end(&v);
	call->shown = true;
	if (session_cancelled())
		return call_fail(call, FUDA_ECANCELLED, _("cancelled"));
	if (!v.usable)
		return call_fail(call, FUDA_ENOCARD, _("no usable card was found"));
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
