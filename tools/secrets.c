/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

int secret_not_there(struct call *call, const char *application, int code)
{
	struct fuda_jpki_token token;
	char message[sizeof(call->message)];

	if (code != FUDA_ENOTFOUND || call->message[0])
		return code;
	snprintf(message, sizeof(message), "%s", fuda_context_message(call->ctx));
	if (fuda_jpki_token(call->card, call->dl, &token) == 0 &&
	    (token.kind == FUDA_TOKEN_ANDROID || token.kind == FUDA_TOKEN_IPHONE))
		return call_fail(call, code,
				 _("This is a smartphone, which does not have the application "
				   "\"%s\". Use the My Number card itself."),
				 application);
	return call_fail(call, code, "%s", message);
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
				 _("Only one try of the %s is left; a mistake would block it. "
				   "The PIN was not sent."),
				 fuda_pin_title(pin));
	return 0;
}

/* ---- what is asked for ---- */

/* What a secret is wanted for. HERE: to open something, and the program has to know it. */
enum role { OPENS, HERE, PRESENT, FRESH };

struct wanted {
	enum fuda_pin pin;
	enum role role;
	const char *application; /* which it opens; NULL for a new one */
	int tries;		 /* left; FUDA_TRIES_UNKNOWN for a new one */
	int mistakes;		 /* made in its form */
};

/* What some secrets are made of, all of it printed on the card: card.md 4. */
struct part {
	const char *title, *form; /* N_() */
	const char *what;	  /* N_(); NULL for a birth date */
	size_t digits;		  /* of what is no birth date */
	size_t all;		  /* so many digits are the whole secret, the other parts too */
};
static const struct part parts_of_b[] = {
	{ N_("Birth date"),
	  N_("six digits with the year of the Japanese era, or as 1980-02-17; or all 14 digits"),
	  NULL, 0, 14 },
	{ N_("Year in which the card expires"), N_("4 digits"), N_("year of expiry"), 4, 0 },
	{ N_("Security code"), N_("4 digits"), N_("security code"), 4, 0 },
};
static const struct part parts_of_birth[] = {
	{ N_("Birth date"), N_("six digits with the year of the Japanese era, or as 1980-02-17"),
	  NULL, 0, 0 },
};

static bool composed(enum fuda_pin pin)
{
	return pin == FUDA_PIN_B || pin == FUDA_PIN_BIRTH;
}

/* An input method for Japanese may give forms as wide as an ideograph: U+FF01 to U+FF5E (EF BC 81
 * to EF BD 9E in UTF-8), and the blank U+3000 (E3 80 80). */
static int check_width(struct call *call, const struct line *line, size_t from)
{
	for (size_t i = from; i + 2 < line->len; i++) {
		const unsigned char *p = (const unsigned char *)line->text + i;

		if ((p[0] == 0xEF && (p[1] == 0xBC || p[1] == 0xBD)) ||
		    (p[0] == 0xE3 && p[1] == 0x80 && p[2] == 0x80))
			return call_fail(call, FUDA_EPINFORM,
					 _("There are full-width characters in it: switch the "
					   "input method off and use half-width ones. Nothing was "
					   "sent to the card."));
	}
	return 0;
}

/* The library does not know that a secret is to be new where any would be malformed. */
static int check_form(struct call *call, const struct wanted *w, const struct fuda_secret *secret)
{
	int r = fuda_pin_check(call->ctx, w->pin, secret);

	if (w->role != FRESH)
		return r;
	if (r == FUDA_EPINFORM)
		return call_fail(call, r,
				 _("The new %s must have %s. Nothing was sent to the card."),
				 fuda_pin_title(w->pin), fuda_pin_form(w->pin));
	return r < 0 ? r : fuda_pin_check_new(call->ctx, w->pin, secret);
}

/* Makes the secret of what was typed, and checks its form. */
static int make(struct call *call, const struct wanted *w, const struct line *line,
		struct fuda_secret **ret)
{
	struct fuda_secret *typed, *made;
	int r = check_width(call, line, 0);

	if (r < 0)
		return r;
	r = fuda_secret_new(line->text, line->len, &typed);
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
	r = check_form(call, w, made);
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

/* Whether there are `count` digits from `from` on, and nothing else. */
static bool all_digits(const struct line *line, size_t from, size_t count)
{
	for (size_t i = from; i < line->len; i++)
		if (line->text[i] < '0' || line->text[i] > '9')
			return false;
	return line->len - from == count;
}

/* A mistake in the form costs nothing: says what is wrong. 0 if it may be typed again. */
static int forgive(struct call *call, struct wanted *w)
{
	fprintf(stderr, "%s\n",
		call->message[0] ? call->message : fuda_context_message(call->ctx));
	call->message[0] = '\0';
	if (++w->mistakes < FORM_ASKS_MAX)
		return 0;
	return call_fail(call, FUDA_EPINFORM,
			 _("given up after %d mistakes in the form of the %s; nothing was sent to "
			   "the card"),
			 w->mistakes, fuda_pin_title(w->pin));
}

/* The part of `line` that begins at `from`. */
static int check_part(struct call *call, const struct part *part, const struct line *line,
		      size_t from)
{
	struct fuda_secret *typed, *made;
	int r = check_width(call, line, from);

	if (r < 0 || (part->all && all_digits(line, from, part->all)) ||
	    (part->what && all_digits(line, from, part->digits)))
		return r;
	if (part->what)
		return call_fail(call, FUDA_EPINFORM,
				 _("The %s has %zu digits. Nothing was sent to the card."),
				 _(part->what), part->digits);
	r = fuda_secret_new(line->text + from, line->len - from, &typed);
	if (r < 0)
		return call_fail(call, r, "%s", fuda_error_text(r));
	r = fuda_pin_compose(call->ctx, FUDA_PIN_BIRTH, typed, &made);
	fuda_secret_free(&typed);
	if (r == 0)
		fuda_secret_free(&made);
	return r;
}

/* Asks for a part until it has the right form. */
static int ask_part(struct call *call, struct wanted *w, const struct part *part, const char *text,
		    struct line *to)
{
	const size_t from = to->len;
	int r;

	for (;;) {
		r = ask_line(call, text, to);
		if (r == 0)
			r = check_part(call, part, to, from);
		if (r != FUDA_EPINFORM)
			return r;
		line_cut(to, from);
		r = forgive(call, w);
		if (r < 0)
			return r;
	}
}

/* Asks for the parts one by one, with blanks between them. */
static int ask_parts(struct call *call, struct wanted *w, struct line *to)
{
	const struct part *parts = w->pin == FUDA_PIN_B ? parts_of_b : parts_of_birth;
	size_t count = w->pin == FUDA_PIN_B ? ARRAY_SIZE(parts_of_b) : ARRAY_SIZE(parts_of_birth);
	char text[400], left[100];
	int r = 0;

	fputs(_("This is made of what the card's face shows. The card counts years by Japanese "
		"eras (1980-02-17 is 550217); foreign residents type their six digits as the "
		"municipal office says.\n"),
	      stderr);
	tries_text(w->tries, left, sizeof(left));
	for (size_t i = 0; r == 0 && i < count; i++) {
		snprintf(text, sizeof(text), _("%s (%s%s): "), _(parts[i].title), _(parts[i].form),
			 i ? "" : left);
		if (i && to->len < sizeof(to->text))
			to->text[to->len++] = ' ';
		r = ask_part(call, w, &parts[i], text, to);
		if (r == 0 && parts[i].all && all_digits(to, 0, parts[i].all))
			break;
	}
	return r;
}

static int ask_whole(struct call *call, const struct wanted *w, struct line *to)
{
	static const char *const prompts[] = {
		[OPENS] = N_("Enter the %s (%s%s): "),
		[HERE] = N_("Enter the %s (%s%s): "),
		[PRESENT] = N_("Enter the present %s (%s%s): "),
		[FRESH] = N_("Enter the new %s (%s%s): "),
	};
	const char *form = fuda_pin_form(w->pin);
	char text[400], left[100];

	if (w->pin == FUDA_PIN_SIGN)
		form = _("6 to 16 letters and digits; small letters count as capitals");
	tries_text(w->tries, left, sizeof(left));
	snprintf(text, sizeof(text), _(prompts[w->role]), fuda_pin_title(w->pin), form, left);
	return ask_line(call, text, to);
}

/* A new secret is typed twice, so that nobody locks himself out by a slip. */
static int confirm(struct call *call, const struct wanted *w, const struct line *first)
{
	struct line again;
	int r;

	line_start(&again);
	r = ask_line(call, _("Enter it again: "), &again);
	if (r == 0 && !line_equal(first, &again, w->pin == FUDA_PIN_SIGN))
		r = call_fail(call, FUDA_EPINFORM,
			      _("The two are not the same; nothing was sent to the card."));
	line_end(&again);
	return r;
}

static int ask_once(struct call *call, struct wanted *w, struct fuda_secret **ret)
{
	struct line line;
	int r;

	line_start(&line);
	r = composed(w->pin) ? ask_parts(call, w, &line) : ask_whole(call, w, &line);
	if (r == 0)
		r = make(call, w, &line, ret);
	if (r == 0 && w->role == FRESH) {
		r = confirm(call, w, &line);
		if (r < 0)
			fuda_secret_free(ret);
	}
	line_end(&line);
	return r;
}

/* How many tries are left, and whether that is enough. */
static int look_at_tries(struct call *call, struct wanted *w)
{
	int r = fuda_pin_tries(call->card, w->pin, call->dl, &w->tries);

	if (r < 0)
		return secret_not_there(call, w->application, r);
	return check_hope(call, w->pin, w->tries);
}

static int ask_person(struct call *call, struct wanted *w, struct fuda_secret **ret)
{
	int r = w->role == FRESH ? 0 : look_at_tries(call, w);

	if (r < 0)
		return r;
	do {
		r = ask_once(call, w, ret);
		if (r != FUDA_EPINFORM || w->mistakes == FORM_ASKS_MAX)
			break;
		r = forgive(call, w);
	} while (r == 0);
	session_restart(call);
	return r;
}

/* ---- files ---- */

static bool is_given(void)
{
	return common.pin_fd >= 0 || common.pin_file;
}

/* One file for all the secrets of a call: a line each. */
static int secret_file(struct call *call, int *ret)
{
	static int opened = -1;
	struct stat st;

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
	if (opened >= 0 && fstat(opened, &st) == 0 && S_ISDIR(st.st_mode))
		errno = EISDIR;
	else if (opened >= 0) {
		*ret = opened;
		return 0;
	}
	return call_fail(call, FUDA_EFILE, "%s: %s", common.pin_file, strerror(errno));
}

/* What secrets are read from, for messages. */
static const char *file_name(int fd, char text[60])
{
	snprintf(text, 60, _("file descriptor %d"), fd);
	return common.pin_file ? common.pin_file : text;
}

/* The lines from `from` on, up to an empty one. */
static size_t count_lines(int fd, off_t from)
{
	char part[256], before = '\n';
	size_t lines = 0;
	bool empty = false;
	ssize_t n;

	for (; !empty && (n = pread(fd, part, sizeof(part), from)) > 0; from += n) {
		for (ssize_t i = 0; i < n && !empty; before = part[i++]) {
			empty = before == '\n' && part[i] == '\n';
			lines += before == '\n' && !empty;
		}
	}
	explicit_bzero(part, sizeof(part));
	explicit_bzero(&before, sizeof(before));
	return lines;
}

int secret_expect(struct call *call, size_t count)
{
	char text[60];
	size_t lines;
	off_t from;
	int fd, r;

	if (!count || !is_given())
		return 0;
	r = secret_file(call, &fd);
	if (r < 0)
		return r;
	from = lseek(fd, 0, SEEK_CUR);
	lines = from < 0 ? count : count_lines(fd, from);
	if (lines >= count)
		return 0;
	return call_usage(call,
			  _("%s: lines with secrets: %zu; secrets that are presented: %zu. Give a "
			    "line for each verify, in their order. Nothing was sent to the card."),
			  file_name(fd, text), lines, count);
}

int secret_at_hand(struct call *call, bool *ret)
{
	int fd = -1, r = is_given() ? secret_file(call, &fd) : 0;

	if (r == 0)
		*ret = fd >= 0 && lseek(fd, 0, SEEK_CUR) >= 0;
	return r;
}

/* A line that is not there, or has nothing in it, is no wrong secret, but a mistake in the file. */
static int lacking(struct call *call, const struct wanted *w, int fd, int number, bool missing)
{
	static const char *const formats[2][2] = {
		{ N_("%s: line %d is empty; the %s belongs there"),
		  N_("%s: line %d is missing; the %s belongs there") },
		{ N_("%s: line %d is empty; the new %s belongs there"),
		  N_("%s: line %d is missing; the new %s belongs there") },
	};
	char place[60];

	return call_usage(call, _(formats[w->role == FRESH][missing]), file_name(fd, place), number,
			  fuda_pin_title(w->pin));
}

/* Reads a line, the `number`th of this call. */
static int read_line(struct call *call, const struct wanted *w, int fd, int number, struct line *to)
{
	struct timespec end;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += session_timeout_ms() / 1000;
	r = line_read(fd, &end, to);
	if (r == FUDA_ENOTFOUND || (r == 0 && !to->len))
		return lacking(call, w, fd, number, r < 0);
	return r;
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
		return call_fail(call, code, _("the line with the %s cannot be read"), title);
	}
}

/* Where a secret came from that none can be. */
static int malformed(struct call *call, int fd, int code)
{
	char message[sizeof(call->message)], text[60];

	if (code != FUDA_EPINFORM)
		return code;
	snprintf(message, sizeof(message), "%s",
		 call->message[0] ? call->message : fuda_context_message(call->ctx));
	return call_fail(call, code, "%s: %s", file_name(fd, text), message);
}

static int read_given(struct call *call, const struct wanted *w, struct fuda_secret **ret)
{
	static int lines;
	struct line line;
	int fd = -1, r = secret_file(call, &fd);

	if (r < 0)
		return r;
	line_start(&line);
	r = read_line(call, w, fd, ++lines, &line);
	session_restart(call);
	if (r == 0)
		r = malformed(call, fd, make(call, w, &line, ret));
	else if (!call->usage)
		r = read_failed(call, w->pin, r);
	line_end(&line);
	return r;
}

/* ---- the keys of the reader ---- */

bool secret_on_reader(const struct call *call, enum fuda_pin pin)
{
	return !is_given() && !common.no_pin_pad && pin != FUDA_PIN_SIGN &&
	       fuda_card_has_pin_pad(call->card);
}

/* What is changed is typed here: nobody could say on a reader which of the secrets it asks for. */
static bool on_reader(const struct call *call, const struct wanted *w)
{
	return w->role == OPENS && secret_on_reader(call, w->pin);
}

/* The reader asks for it in the middle of the job, and has no words for it. */
static int point_to_reader(struct call *call, struct wanted *w)
{
	char left[100];
	int r = look_at_tries(call, w);

	if (r < 0)
		return r;
	tries_text(w->tries, left, sizeof(left));
	fprintf(stderr, _("Type the %s on the keys of the reader, and confirm it there (%s%s).\n"),
		fuda_pin_title(w->pin), fuda_pin_form(w->pin), left);
	if (w->pin == FUDA_PIN_B)
		fputs(_("It is the birth date by the Japanese era (1980-02-17 is 550217), the year "
			"in which the card expires, and the security code.\n"),
		      stderr);
	session_restart(call);
	return 0;
}

static int get(struct call *call, struct wanted *w, struct fuda_secret **ret)
{
	if (is_given())
		return read_given(call, w, ret);
	if (on_reader(call, w)) {
		int r = point_to_reader(call, w);

		if (r == 0)
			*ret = NULL;
		return r;
	}
	if (prompt_possible())
		return ask_person(call, w, ret);
	return call_usage(call,
			  _("the %s is needed, and there is no terminal to ask for it: give it "
			    "with --pin-fd or --pin-file"),
			  fuda_pin_title(w->pin));
}

int secret_ask(struct call *call, enum fuda_pin pin, const char *application,
	       struct fuda_secret **ret)
{
	return get(call, &(struct wanted){ pin, OPENS, application, FUDA_TRIES_UNKNOWN, 0 }, ret);
}

int secret_ask_here(struct call *call, enum fuda_pin pin, const char *application,
		    struct fuda_secret **ret)
{
	return get(call, &(struct wanted){ pin, HERE, application, FUDA_TRIES_UNKNOWN, 0 }, ret);
}

int secret_ask_present(struct call *call, enum fuda_pin pin, const char *application,
		       struct fuda_secret **ret)
{
	return get(call, &(struct wanted){ pin, PRESENT, application, FUDA_TRIES_UNKNOWN, 0 }, ret);
}

int secret_ask_new(struct call *call, enum fuda_pin pin, struct fuda_secret **ret)
{
	return get(call, &(struct wanted){ pin, FRESH, NULL, FUDA_TRIES_UNKNOWN, 0 }, ret);
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
