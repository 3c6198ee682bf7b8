/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out why it does not work: from the plug to the card, one finding a line. The USB is in
 * doctor-usb.c. */
#include "tools/doctor.h"
#include "tools/report.h"
#include "tools/secrets.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <fuda/mdoc.h>

enum { PHONE_MS = 3000 }; /* one that needs longer is not ready */

static const char *sysroot = "";

/* ---- what the parts share ---- */

void found(struct visit *v, enum finding f, const char *check, const char *next,
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

bool system_path(char ret[PATH_MAX], const char *format, ...)
{
	size_t len = strlen(sysroot);
	va_list ap;
	int n;

	if (len >= PATH_MAX)
		return false;
	memcpy(ret, sysroot, len);
	va_start(ap, format);
	n = vsnprintf(ret + len, PATH_MAX - len, format, ap);
	va_end(ap);
	return n >= 0 && (size_t)n < PATH_MAX - len;
}

bool system_has(const char *path)
{
	char whole[PATH_MAX];

	return system_path(whole, "%s", path) && access(whole, F_OK) == 0;
}

void system_line(const char *path, char *ret, size_t size)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(ret, (int)size, f))
		ret[0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	if (f)
		fclose(f);
}

const char *sudo(void)
{
	return geteuid() == 0 ? "" : "sudo ";
}

const char *start_service(bool anew, char ret[COMMAND_SIZE])
{
	/* where systemd is the init: sd_booted(3) */
	const char *command = !system_has("/run/systemd/system") ? "pcscd --foreground" :
			      anew ? "systemctl restart pcscd.socket pcscd" :
				     "systemctl start pcscd.socket";

	snprintf(ret, COMMAND_SIZE, "%s%s", sudo(), command);
	return ret;
}

/* ---- the PC/SC service ---- */

#define NO_ACCESS                                                                                \
	N_("log in at the machine itself, or let polkit allow org.debian.pcsc-lite.access_pcsc " \
	   "and org.debian.pcsc-lite.access_card")

/* What is wrong with the service is no problem to who has a reader without it. */
static enum finding of_service(const struct visit *v)
{
	return v->direct ? NOTE : PROBLEM;
}

static void look_for_program(struct visit *v)
{
	static const char *const places[] = { "/usr/sbin/pcscd", "/usr/local/sbin/pcscd" };
	char path[PATH_MAX], command[COMMAND_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (system_path(path, "%s", places[i]) && access(path, X_OK) == 0) {
			found(v, FINE, "pcscd", NULL, _("the PC/SC service is installed"));
			return;
		}
	snprintf(command, sizeof(command), "%sapt install pcscd", sudo());
	found(v, of_service(v), "pcscd", command, _("the PC/SC service (pcscd) is not installed"));
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

/* Where the service is, and how it takes a knock. */
static int knock_at_service(const char **ret_place)
{
	const char *given = getenv("PCSCLITE_CSOCK_NAME");
	char path[PATH_MAX];

	*ret_place = given && *given ? given : "/run/pcscd/pcscd.comm";
	if (*ret_place == given)
		return knock(given);
	return system_path(path, "%s", *ret_place) ? knock(path) : ENAMETOOLONG;
}

/* `error` came of knocking there. */
static void look_at_service(struct visit *v, const char *place, int error)
{
	char command[COMMAND_SIZE];

	if (!error)
		found(v, FINE, "service", NULL, _("the PC/SC service answers at %s"), place);
	else if (error == ENOENT)
		found(v, of_service(v), "service", start_service(false, command),
		      _("the PC/SC service is not started: there is no %s"), place);
	else if (error == EACCES || error == EPERM)
		found(v, of_service(v), "service", _(NO_ACCESS),
		      _("no permission to talk to the PC/SC service at %s"), place);
	else
		found(v, of_service(v), "service", start_service(true, command),
		      _("the PC/SC service does not answer at %s: %s"), place, strerror(error));
}

/* ---- readers and cards ---- */

#define PUT_IN N_("put a My Number card in it, chip first, or lay it on and leave it there")

/* What to do about a card that cannot be opened, where the message does not say enough. */
static const char *next_for(int code, const char *reader, char ret[COMMAND_SIZE])
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
		return start_service(false, ret);
	if (strncmp(reader, "nfc:", 4) == 0)
		return NULL; /* neither listed nor polkit's */
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

/* Whether what is no My Number card can be asked by 'fuda mdoc request'. The engagement ends when
 * the phone is let go. */
static bool is_phone(struct fuda_card *card)
{
	_cleanup_(fuda_deadline_free) struct fuda_deadline *dl = NULL;
	_cleanup_(fuda_mdoc_phone_free) struct fuda_mdoc_phone *phone = NULL;

	return fuda_deadline_new(PHONE_MS, &dl) == 0 &&
	       fuda_mdoc_phone_engage(card, dl, &phone) == 0;
}

static void look_at_card(struct visit *v, const char *reader)
{
	struct fuda_context *ctx = v->call->ctx;
	struct fuda_card *card = NULL;
	char command[COMMAND_SIZE];
	int r = fuda_card_open(ctx, reader, v->call->dl, &card);

	if (r == 0)
		r = fuda_card_probe(card, v->call->dl);
	if (r == 0) {
		found(v, FINE, "card", NULL, _("%s: a My Number card answers"),
		      fuda_card_reader(card));
		v->usable = true;
		look_at_tries(v, card);
	} else if (r == FUDA_EWRONGCARD && card && is_phone(card)) {
		found(v, FINE, "card", _("'fuda mdoc request' asks it"),
		      _("%s: a phone that offers mobile documents"), fuda_card_reader(card));
		v->usable = true;
	} else {
		found(v, PROBLEM, "card", next_for(r, reader, command), "%s: %s", reader,
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

	for (size_t i = 0; r == 0 && (info = fuda_reader_list_get(v->readers, i)); i++) {
		v->cards = v->cards || info->card;
		v->direct = v->direct || strncmp(info->name, "pcsc:", 5) != 0;
	}
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
		found(v, PROBLEM, "readers",
		      v->can_pcsc ? _("plug in a reader, or install its driver (libccid)") :
				    _("plug in a reader"),
		      _("no reader is known to the system"));
	for (size_t i = 0; (info = fuda_reader_list_get(v->readers, i)); i++) {
		found(v, FINE, "readers", NULL, _("reader %s"), info->name);
		look_at_reader(v, info);
	}
}

/* What this does not look for may be what somebody has. */
static void tell_named_only(struct visit *v)
{
	if (!v->readers_seen && !(v->readers && fuda_reader_list_count(v->readers)) &&
	    fuda_driver_there("nfc"))
		found(v, NOTE, "port", _("name it: --reader nfc:pn532_uart:/dev/ttyUSB0"),
		      _("an NFC chip on a serial port is used only when it is named"));
}

static void look_at_all(struct visit *v)
{
	int r = list_readers(v), error = ENOENT;
	const char *place = "";

	v->can_pcsc = fuda_driver_there("pcsc");
	if (v->can_pcsc)
		error = knock_at_service(&place);
	v->service = !error;
	look_at_usb(v);
	if (v->can_pcsc) {
		look_for_program(v);
		look_at_service(v, place, error);
	}
	look_at_readers(v, r);
	tell_named_only(v);
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
	if (!common.reader)
		look_at_all(&v);
	else if (look_at_port(&v, common.reader))
		look_at_card(&v, common.reader);
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
