/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/prompt.h"
#include "tools/report.h"

enum { FORM_ASKS_MAX = 3 }; /* a secret of the wrong form costs nothing: ask again so often */

enum fuda_pin secret_of_key(enum fuda_jpki_object key)
{
	return key == FUDA_JPKI_SIGN ? FUDA_PIN_SIGN : FUDA_PIN_AUTH;
}

/* ---- tries ---- */

struct counters {
	struct fuda_pin_counter all[FUDA_PIN_COUNTERS_MAX];
	size_t count;
};

/* The lowest counter of `pin`, which is the one that blocks first. */
static int lowest(const struct counters *c, enum fuda_pin pin)
{
	int tries = FUDA_TRIES_UNKNOWN;

	for (size_t i = 0; i < c->count; i++)
		if (c->all[i].pin == pin && c->all[i].tries != FUDA_TRIES_UNKNOWN &&
		    (tries == FUDA_TRIES_UNKNOWN || c->all[i].tries < tries))
			tries = c->all[i].tries;
	return tries;
}

int secret_tries(struct fuda_card *card, struct fuda_deadline *dl, int ret_tries[FUDA_PINS])
{
	struct counters c = { .count = 0 };
	int r = fuda_pin_counters(card, dl, c.all, &c.count);

	for (int pin = 0; r == 0 && pin < FUDA_PINS; pin++)
		ret_tries[pin] = lowest(&c, (enum fuda_pin)pin);
	return r;
}

static void report_lowest(struct report *to, enum fuda_pin pin, int tries)
{
	char shown[100];

	if (tries == FUDA_TRIES_UNKNOWN)
		return;
	if (tries)
		snprintf(shown, sizeof(shown), ngettext("%d try left", "%d tries left", tries),
			 tries);
	else
		snprintf(shown, sizeof(shown), "%s", _("blocked"));
	report_number(to, NULL, fuda_pin_name(pin), tries);
	report_word(to, fuda_pin_title(pin), NULL, "-", shown);
}

int secret_report_tries(struct call *call, struct report *to)
{
	struct counters c = { .count = 0 };
	struct report *list;
	int r = fuda_pin_counters(call->card, call->dl, c.all, &c.count);

	if (r < 0)
		return r;
	for (int pin = 0; pin < FUDA_PINS; pin++)
		report_lowest(to, (enum fuda_pin)pin, lowest(&c, (enum fuda_pin)pin));
	list = report_list(to, NULL, "counters", NULL);
	for (size_t i = 0; i < c.count; i++) {
		struct report *one = report_object(list, NULL, NULL, NULL);

		report_text(one, NULL, "secret", fuda_pin_name(c.all[i].pin));
		report_text(one, NULL, "application", c.all[i].application);
		if (c.all[i].tries != FUDA_TRIES_UNKNOWN)
			report_number(one, NULL, "tries", c.all[i].tries);
	}
	return 0;
}

/* Whether it makes sense to type the secret at all. */
static int check_hope(struct call *call, enum fuda_pin pin, int tries)
{
	if (tries == 0)
		return call_fail(call, FUDA_EPINBLOCKED,
				 _("The %s is blocked. It can be reset at the municipal office."),
				 fuda_pin_title(pin));
	if (tries == 1 && !common.use_last_try)
		return call_fail(call, FUDA_ELASTTRY,
				 _("Only one try of the %s is left; a mistake would block it. It "
				   "was not sent."),
				 fuda_pin_title(pin));
	return 0;
}

/* ---- what is asked for ---- */

/* A secret that is wanted: the one that the card holds, or a new one in its place. */
struct wanted {
	enum fuda_pin pin;
	bool fresh;
	int tries; /* left; FUDA_TRIES_UNKNOWN for a new one */
};

/* What some secrets are made of, all of it printed on the card: card.md 4. */
struct part {
	const char *title, *form; /* N_() */
	size_t all;		  /* so many digits are the whole secret, the other parts too */
};
static const struct part parts_of_b[] = {
	{ N_("Birth date"), N_("as 1980-02-17 or six digits; or all 14 digits"), 14 },
	{ N_("Year in which the card expires"), N_("4 digits"), 0 },
	{ N_("Security code"), N_("4 digits"), 0 },
};
static const struct part parts_of_birth[] = {
	{ N_("Birth date"), N_("as 1980-02-17 or six digits"), 0 },
};

static bool composed(enum fuda_pin pin)
{
	return pin == FUDA_PIN_B || pin == FUDA_PIN_BIRTH;
}

/* Makes the secret of what was typed, and checks its form. */
static int make(struct call *call, const struct wanted *w, const struct line *line,
		struct fuda_secret **ret)
{
	struct fuda_secret *typed, *made;
	int r = fuda_secret_new(line->text, line->len, &typed);

	if (r == FUDA_ETOOBIG)
		return call_fail(call, FUDA_EPINFORM,
				 _("that is too long for the %s; nothing was sent to the card"),
				 fuda_pin_title(w->pin));
	if (r < 0)
		return call_fail(call, r, "%s", fuda_error_text(r));
	r = fuda_pin_compose(call->ctx, w->pin, typed, &made);
	fuda_secret_free(&typed);
	if (r < 0)
		return r;
	r = (w->fresh ? fuda_pin_check_new : fuda_pin_check)(call->ctx, w->pin, made);
	if (r < 0)
		fuda_secret_free(&made);
	else
		*ret = made;
	return r;
}

/* ---- a person ---- */

static int ask_line(struct call *call, const char *text, struct line *to)
{
	int r = prompt_line(text, to);

	if (r == FUDA_ECANCELLED)
		return call_fail(call, r, _("cancelled; nothing was sent to the card"));
	if (r == FUDA_ETOOBIG)
		return call_fail(call, FUDA_EPINFORM,
				 _("that is too long; nothing was sent to the card"));
	return r < 0 ? call_fail(call, r, _("the terminal cannot be read")) : 0;
}

/* ", 3 tries left", or nothing. */
static void tries_text(int tries, char *ret, size_t size)
{
	*ret = '\0';
	if (tries != FUDA_TRIES_UNKNOWN)
		snprintf(ret, size, ngettext(", %d try left", ", %d tries left", tries), tries);
}

static bool all_digits(const struct line *line, size_t count)
{
	for (size_t i = 0; i < line->len; i++)
		if (line->text[i] < '0' || line->text[i] > '9')
			return false;
	return line->len == count;
}

/* Asks for the parts one by one, with blanks between them. */
static int ask_parts(struct call *call, const struct wanted *w, struct line *to)
{
	const struct part *parts = w->pin == FUDA_PIN_B ? parts_of_b : parts_of_birth;
	size_t count = w->pin == FUDA_PIN_B ? ARRAY_SIZE(parts_of_b) : ARRAY_SIZE(parts_of_birth);
	char text[400], left[100];
	int r = 0;

	fputs(_("This is made of what the card's face shows. The card counts years by Japanese "
		"eras (1980-02-17 is 550217); foreign residents type their six digits as the card "
		"or the office has them.\n"),
	      stderr);
	tries_text(w->tries, left, sizeof(left));
	for (size_t i = 0; r == 0 && i < count; i++) {
		snprintf(text, sizeof(text), "%s (%s%s): ", _(parts[i].title), _(parts[i].form),
			 i ? "" : left);
		if (i && to->len < sizeof(to->text))
			to->text[to->len++] = ' ';
		r = ask_line(call, text, to);
		if (r == 0 && parts[i].all && all_digits(to, parts[i].all))
			break;
	}
	return r;
}

static int ask_whole(struct call *call, const struct wanted *w, struct line *to)
{
	char text[400], left[100];

	tries_text(w->tries, left, sizeof(left));
	snprintf(text, sizeof(text), w->fresh ? _("Enter the new %s (%s%s): ") :
						_("Enter the %s (%s%s): "),
		 fuda_pin_title(w->pin), fuda_pin_form(w->pin), left);
	return ask_line(call, text, to);
}

/* A new secret is typed twice, so that nobody locks himself out by a slip. */
static int confirm(struct call *call, const struct line *first)
{
	struct line again;
	int r;

	line_start(&again);
	r = ask_line(call, _("Enter it again: "), &again);
	if (r == 0 && !line_equal(first, &again))
		r = call_fail(call, FUDA_EPINFORM,
			      _("The two are not the same; nothing was sent to the card."));
	line_end(&again);
	return r;
}

static int ask_once(struct call *call, const struct wanted *w, struct fuda_secret **ret)
{
	struct line line;
	int r;

	line_start(&line);
	r = composed(w->pin) ? ask_parts(call, w, &line) : ask_whole(call, w, &line);
	if (r == 0)
		r = make(call, w, &line, ret);
	if (r == 0 && w->fresh) {
		r = confirm(call, &line);
		if (r < 0)
			fuda_secret_free(ret);
	}
	line_end(&line);
	return r;
}

static int ask_person(struct call *call, struct wanted *w, struct fuda_secret **ret)
{
	int r = w->fresh ? 0 : fuda_pin_tries(call->card, w->pin, call->dl, &w->tries);

	if (r == 0 && !w->fresh)
		r = check_hope(call, w->pin, w->tries);
	if (r < 0)
		return r;
	for (int asked = 1;; asked++) {
		r = ask_once(call, w, ret);
		if (r != FUDA_EPINFORM)
			break;
		fprintf(stderr, "%s\n",
			call->message[0] ? call->message : fuda_context_message(call->ctx));
		call->message[0] = '\0';
		if (asked < FORM_ASKS_MAX)
			continue;
		r = call_fail(call, r,
			      _("given up after %d mistakes in the form of the %s; nothing was "
				"sent to the card"),
			      asked, fuda_pin_title(w->pin));
		break;
	}
	session_restart(call);
	return r;
}

/* ---- files ---- */

/* One file for all the secrets of a call: a line each. */
static int secret_file(struct call *call, int *ret)
{
	static int opened = -1;

	if (common.pin_fd >= 0 && common.pin_file)
		return call_usage(call, _("--pin-fd and --pin-file exclude each other"));
	if (common.pin_fd >= 0) {
		if (fcntl(common.pin_fd, F_GETFD) < 0)
			return call_usage(call, _("file descriptor %d of --pin-fd is not open"),
					  common.pin_fd);
		*ret = common.pin_fd;
		return 0;
	}
	if (opened < 0)
		/* non-blocking: else a FIFO is waited for before there is a deadline */
		opened = open(common.pin_file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (opened < 0)
		return call_fail(call, FUDA_EFILE, "%s: %s", common.pin_file, strerror(errno));
	*ret = opened;
	return 0;
}

/* Reads a line, the `number`th of this call. One without anything is no wrong secret, but a mistake
 * in the file. */
static int read_line(struct call *call, int fd, int number, struct line *to)
{
	struct timespec end;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += session_timeout_ms() / 1000;
	r = line_read(fd, &end, to);
	if (r < 0 || to->len)
		return r;
	if (common.pin_file)
		return call_usage(call, _("%s: line %d is empty"), common.pin_file, number);
	return call_usage(call, _("file descriptor %d: line %d is empty"), fd, number);
}

static int read_failed(struct call *call, enum fuda_pin pin, int code)
{
	const char *title = fuda_pin_title(pin);

	switch (code) {
	case FUDA_ECANCELLED:
		return call_fail(call, code, _("cancelled; nothing was sent to the card"));
	case FUDA_ETIMEOUT:
		return call_fail(call, code,
				 _("the %s did not come in time; nothing was sent to the card"),
				 title);
	case FUDA_ETOOBIG:
		return call_fail(call, FUDA_EPINFORM,
				 _("the line with the %s is too long; nothing was sent to the "
				   "card"),
				 title);
	default:
		return call_fail(call, code, _("no line with the %s where the secrets come from"),
				 title);
	}
}

static int read_given(struct call *call, const struct wanted *w, struct fuda_secret **ret)
{
	static int lines;
	struct line line;
	int fd = -1, r = secret_file(call, &fd);

	if (r < 0)
		return r;
	line_start(&line);
	r = read_line(call, fd, ++lines, &line);
	session_restart(call);
	if (r == 0)
		r = make(call, w, &line, ret);
	else if (!call->usage)
		r = read_failed(call, w->pin, r);
	line_end(&line);
	return r;
}

static int get(struct call *call, struct wanted *w, struct fuda_secret **ret)
{
	if (common.pin_fd >= 0 || common.pin_file)
		return read_given(call, w, ret);
	if (prompt_possible())
		return ask_person(call, w, ret);
	return call_usage(call,
			  _("the %s is needed, and there is no terminal to ask for it: give it "
			    "with --pin-fd or --pin-file"),
			  fuda_pin_title(w->pin));
}

int secret_ask(struct call *call, enum fuda_pin pin, struct fuda_secret **ret)
{
	return get(call, &(struct wanted){ pin, false, FUDA_TRIES_UNKNOWN }, ret);
}

int secret_ask_new(struct call *call, enum fuda_pin pin, struct fuda_secret **ret)
{
	return get(call, &(struct wanted){ pin, true, FUDA_TRIES_UNKNOWN }, ret);
}

int secret_outcome(struct call *call, enum fuda_pin pin, const struct fuda_pin_entry *entry,
		   int code)
{
	report_text(call->report, NULL, "secret", fuda_pin_name(pin));
	if (entry->tries_before != FUDA_TRIES_UNKNOWN)
		report_number(call->report, NULL, "tries_before", entry->tries_before);
	if (entry->tries_after != FUDA_TRIES_UNKNOWN)
		report_number(call->report, code == 0 ? _("Tries left") : NULL, "tries_after",
			      entry->tries_after);
	return code;
}
