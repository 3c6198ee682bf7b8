/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tools/report.h"

enum { FORM_ASKS_MAX = 3 }; /* a secret of the wrong form costs nothing: ask again so often */

enum fuda_pin secret_of_key(enum fuda_jpki_object key)
{
	return key == FUDA_JPKI_SIGN ? FUDA_PIN_SIGN : FUDA_PIN_AUTH;
}

static void block_signals(bool of_terminal, sigset_t *ret_usual)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	if (of_terminal) {
		sigaddset(&ours, SIGQUIT);
		sigaddset(&ours, SIGTSTP);
	}
	sigprocmask(SIG_BLOCK, &ours, ret_usual);
}

/* ---- the terminal ---- */

static volatile sig_atomic_t quit, suspended;

static void on_quit(int number)
{
	(void)number;
	quit = 1;
}

static void on_suspend(int number)
{
	(void)number;
	suspended = 1;
}

/* A terminal that keeps what is typed to itself. */
struct terminal {
	int fd;
	struct termios usual;
	sigset_t usual_mask;
	struct sigaction usual_quit, usual_suspend;
	const char *prompt;
};

static void echo_off(const struct terminal *t)
{
	struct termios silent = t->usual;

	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	silent.c_lflag |= ICANON;
	tcsetattr(t->fd, TCSAFLUSH, &silent);
	dprintf(t->fd, "%s", t->prompt);
}

static void echo_on(const struct terminal *t)
{
	tcsetattr(t->fd, TCSAFLUSH, &t->usual);
	dprintf(t->fd, "\n");
}

/* Stops the program as ^Z would have, with the terminal as it was, and takes up again where it goes
 * on. */
static void suspend(struct terminal *t)
{
	sigset_t only;

	suspended = 0;
	echo_on(t);
	sigaction(SIGTSTP, &t->usual_suspend, NULL);
	sigemptyset(&only);
	sigaddset(&only, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &only, NULL); /* here it stops */
	sigprocmask(SIG_BLOCK, &only, NULL);
	sigaction(SIGTSTP, &(struct sigaction){ .sa_handler = on_suspend }, NULL);
	echo_off(t);
}

/* Signals come only while this waits (or between the two, where the next wait sees them), so that
 * none of them finds the program between echo off and the wait. */
static int terminal_open(struct terminal *t, const char *prompt)
{
	t->fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->fd < 0)
		return FUDA_EFILE;
	if (tcgetattr(t->fd, &t->usual) < 0) {
		close(t->fd);
		return FUDA_EFILE;
	}
	t->prompt = prompt;
	quit = suspended = 0;
	block_signals(true, &t->usual_mask);
	sigaction(SIGQUIT, &(struct sigaction){ .sa_handler = on_quit }, &t->usual_quit);
	sigaction(SIGTSTP, &(struct sigaction){ .sa_handler = on_suspend }, &t->usual_suspend);
	echo_off(t);
	return 0;
}

static void terminal_close(struct terminal *t)
{
	echo_on(t);
	sigaction(SIGQUIT, &t->usual_quit, NULL);
	sigaction(SIGTSTP, &t->usual_suspend, NULL);
	sigprocmask(SIG_SETMASK, &t->usual_mask, NULL);
	close(t->fd);
}

static int terminal_read(struct terminal *t, struct fuda_secret **ret)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	int n, r;

	while (!session_cancelled() && !quit) {
		n = ppoll(&p, 1, NULL, &t->usual_mask);
		if (suspended) {
			suspend(t);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FUDA_EFILE;
		/* A line is there, unless it was ended by ^D: then this may wait for the rest. */
		sigprocmask(SIG_SETMASK, &t->usual_mask, NULL);
		r = fuda_secret_read(t->fd, ret);
		return r == FUDA_EFILE ? FUDA_ECANCELLED : r; /* ^D, or the terminal is gone */
	}
	return FUDA_ECANCELLED;
}

static int prompt(struct call *call, enum fuda_pin pin, int tries, struct fuda_secret **ret)
{
	char text[400], left[100] = "";
	struct terminal t;
	int r;

	if (tries != FUDA_TRIES_UNKNOWN)
		snprintf(left, sizeof(left), ngettext(", %d try left", ", %d tries left", tries),
			 tries);
	snprintf(text, sizeof(text), _("Enter the %s (%s%s): "), fuda_pin_title(pin),
		 fuda_pin_form(pin), left);
	r = terminal_open(&t, text);
	if (r < 0)
		return call_fail(call, r, _("the terminal cannot be opened"));
	r = terminal_read(&t, ret);
	terminal_close(&t);
	if (r == FUDA_ECANCELLED)
		return call_fail(call, r, _("cancelled; nothing was sent to the card"));
	if (r == FUDA_ETOOBIG)
		return call_fail(call, FUDA_EPINFORM,
				 _("that is too long; nothing was sent to the card"));
	return r < 0 ? call_fail(call, r, _("the terminal cannot be read")) : 0;
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

static int ask_person(struct call *call, enum fuda_pin pin, struct fuda_secret **ret)
{
	int tries, r = fuda_pin_tries(call->card, pin, call->dl, &tries);

	if (r == 0)
		r = check_hope(call, pin, tries);
	for (int asked = 1; r == 0; asked++) {
		r = prompt(call, pin, tries, ret);
		if (r < 0)
			break;
		r = fuda_pin_check(call->ctx, pin, *ret);
		if (r != FUDA_EPINFORM)
			break;
		fuda_secret_free(ret);
		fprintf(stderr, "%s\n", fuda_context_message(call->ctx));
		if (asked == FORM_ASKS_MAX)
			return call_fail(call, r,
					 _("given up after %d mistakes in the form of the %s; "
					   "nothing was sent to the card"),
					 asked, fuda_pin_title(pin));
		r = 0;
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

/* Milliseconds until `end`; 0 after it. */
static long time_left(const struct timespec *end)
{
	struct timespec now;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = 1000L * (end->tv_sec - now.tv_sec) + (end->tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? ms : 0;
}

/* Gives 1, 0 at the end of the file, or an error. Signals come only while it waits. */
static int read_byte(int fd, const struct timespec *end, const sigset_t *mask, char *ret)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (!session_cancelled()) {
		long ms = time_left(end);
		struct timespec wait = { ms / 1000, ms % 1000 * 1000000 };
		ssize_t n = ppoll(&p, 1, &wait, mask);

		if (n == 0)
			return FUDA_ETIMEOUT;
		if (n > 0)
			n = read(fd, ret, 1);
		if (n >= 0)
			return (int)n;
		if (errno != EINTR && errno != EAGAIN)
			return FUDA_EFILE;
	}
	return FUDA_ECANCELLED;
}

/* As fuda_secret_read(), but no longer than `end`, however slowly the bytes come. The line has room
 * for a CR. */
static int read_until(int fd, const struct timespec *end, struct fuda_secret **ret)
{
	char line[FUDA_SECRET_MAX + 2];
	sigset_t usual;
	size_t len = 0;
	int r;

	(void)mlock(line, sizeof(line)); /* may be refused by the system's limits */
	block_signals(false, &usual);
	while ((r = read_byte(fd, end, &usual, &line[len])) > 0 && line[len] != '\n')
		if (++len == sizeof(line)) {
			r = FUDA_ETOOBIG;
			break;
		}
	sigprocmask(SIG_SETMASK, &usual, NULL);
	if (r == 0 && !len)
		r = FUDA_EFILE;
	if (len && line[len - 1] == '\r')
		len--;
	if (r >= 0)
		r = fuda_secret_new(line, len, ret);
	explicit_bzero(line, sizeof(line));
	(void)munlock(line, sizeof(line));
	return r < 0 ? r : (int)len;
}

/* Reads a line, the `number`th of this call. One without anything is no wrong secret, but a mistake
 * in the file. */
static int read_line(struct call *call, int fd, int number, struct fuda_secret **ret)
{
	int ms = session_timeout_ms(), r;
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	r = read_until(fd, &end, ret);
	if (r)
		return r < 0 ? r : 0;
	if (common.pin_file)
		return call_usage(call, _("%s: line %d is empty"), common.pin_file, number);
	return call_usage(call, _("file descriptor %d: line %d is empty"), fd, number);
}

static int read_given(struct call *call, enum fuda_pin pin, struct fuda_secret **ret)
{
	static int lines;
	int fd = -1, r = secret_file(call, &fd);

	if (r < 0)
		return r;
	r = read_line(call, fd, ++lines, ret);
	session_restart(call);
	if (r == FUDA_ECANCELLED)
		return call_fail(call, r, _("cancelled; nothing was sent to the card"));
	if (r == FUDA_ETIMEOUT)
		return call_fail(call, r,
				 _("the %s did not come in time; nothing was sent to the card"),
				 fuda_pin_title(pin));
	if (r == FUDA_ETOOBIG)
		return call_fail(call, FUDA_EPINFORM,
				 _("the line with the %s is too long; nothing was sent to the "
				   "card"),
				 fuda_pin_title(pin));
	if (call->usage)
		return r;
	if (r < 0)
		return call_fail(call, r, _("no line with the %s where the secrets come from"),
				 fuda_pin_title(pin));
	return fuda_pin_check(call->ctx, pin, *ret);
}

static bool person_is_there(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return isatty(STDIN_FILENO) || isatty(STDERR_FILENO);
}

int secret_ask(struct call *call, enum fuda_pin pin, struct fuda_secret **ret)
{
	struct fuda_secret *secret = NULL;
	int r;

	if (common.pin_fd >= 0 || common.pin_file)
		r = read_given(call, pin, &secret);
	else if (person_is_there())
		r = ask_person(call, pin, &secret);
	else
		return call_usage(call,
				  _("the %s is needed, and there is no terminal to ask for it: "
				    "give it with --pin-fd or --pin-file"),
				  fuda_pin_title(pin));
	if (r < 0) {
		fuda_secret_free(&secret);
		return r;
	}
	*ret = secret;
	return 0;
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
