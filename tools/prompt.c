/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "tools/fuda.h"

/* ---- lines ---- */

void line_start(struct line *line)
{
	(void)mlock(line, sizeof(*line)); /* may be refused by the system's limits */
	line->len = 0;
}

void line_end(struct line *line)
{
	explicit_bzero(line, sizeof(*line));
	(void)munlock(line, sizeof(*line));
}

void line_cut(struct line *line, size_t len)
{
	explicit_bzero(line->text + len, sizeof(line->text) - len);
	line->len = len;
}

static char folded(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

bool line_equal(const struct line *a, const struct line *b, bool fold)
{
	bool equal = a->len == b->len;

	for (size_t i = 0; equal && i < a->len; i++)
		equal = fold ? folded(a->text[i]) == folded(b->text[i]) : a->text[i] == b->text[i];
	return equal;
}

/* Takes one byte more; gives 1 at the end of the line, 0 before it. */
static int add(struct line *to, char byte)
{
	if (byte == '\n') {
		if (to->len && to->text[to->len - 1] == '\r')
			to->len--;
		return 1;
	}
	if (to->len == sizeof(to->text))
		return FUDA_ETOOBIG;
	to->text[to->len++] = byte;
	return 0;
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

/* A line is there, unless it was ended by ^D: then this may wait for the rest. */
static int take_line(const struct terminal *t, struct line *to)
{
	char byte;
	int r = 0;

	sigprocmask(SIG_SETMASK, &t->usual_mask, NULL);
	while (r == 0)
		/* ^D, the terminal is gone, or a signal */
		r = read(t->fd, &byte, 1) == 1 ? add(to, byte) : FUDA_ECANCELLED;
	explicit_bzero(&byte, sizeof(byte));
	return r < 0 ? r : 0;
}

static int terminal_read(struct terminal *t, struct line *to)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };

	while (!session_cancelled() && !quit) {
		int n = ppoll(&p, 1, NULL, &t->usual_mask);

		if (suspended)
			suspend(t);
		else if (n < 0 && errno != EINTR)
			return FUDA_EFILE;
		else if (n > 0)
			return take_line(t, to);
	}
	return FUDA_ECANCELLED;
}

int prompt_line(const char *text, struct line *to)
{
	struct terminal t;
	int r = terminal_open(&t, text);

	if (r < 0)
		return r;
	r = terminal_read(&t, to);
	terminal_close(&t);
	return r;
}

bool prompt_possible(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return isatty(STDIN_FILENO) || isatty(STDERR_FILENO);
}

/* ---- files ---- */

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

int line_read(int fd, const struct timespec *end, struct line *to)
{
	size_t before = to->len;
	sigset_t usual;
	char byte = 0;
	int r, n;

	block_signals(false, &usual);
	do {
		n = read_byte(fd, end, &usual, &byte);
		r = n < 0 ? n : add(to, n ? byte : '\n'); /* the last line may lack its end */
	} while (r == 0);
	sigprocmask(SIG_SETMASK, &usual, NULL);
	explicit_bzero(&byte, sizeof(byte));
	if (r < 0)
		return r;
	return n == 0 && to->len == before ? FUDA_ENOTFOUND : 0;
}
