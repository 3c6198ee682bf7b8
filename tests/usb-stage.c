/* SPDX-License-Identifier: Apache-2.0 */
/* Plugs emulated readers in for a program, by way of umockdev:
 *
 *   usb-stage MODEL[:DIR]... -- COMMAND...   runs COMMAND, which sees them, and ends as it does; DIR is the software
 *                                            card that lies in the reader, MODEL is "rcs380" or "ccid-" and a kind of
 *                                            ccid-model.h. 77, and why, where that cannot be done
 *   usb-stage ask WHAT...                    by COMMAND and what it starts: has the stage do WHAT, prints its answer,
 *                                            and ends with 0, or 1 if that begins with "error"
 *
 * WHAT, where N counts the readers from 1:  unplug N   plug N   remove N   insert N DIR
 *   usage N   answers "apdus A verifies V": how many the card that is in has had
 *   place N   answers "BUS.DEV" */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "tests/ccid-model.h"
#include "tests/model.h"
#include "tests/rcs380-model.h"
#include "vcard/vcard.h"

enum { SEATS = 8, LINE = 4096 };

static struct usb_model *make_rcs380(const char *how)
{
	return *how ? NULL : rcs380_model_new();
}

/* A name that ends with "-" is the beginning of several; what follows is for make(). */
static const struct kind {
	const char *name;
	struct usb_model *(*make)(const char *how);
	void (*insert)(struct usb_model *m, struct vcard *v);
} kinds[] = {
	{ "rcs380", make_rcs380, rcs380_model_insert },
	{ "ccid-", ccid_model_new, ccid_model_insert },
};

static struct seat {
	const struct kind *kind;
	struct usb_model *model;
	struct vcard *card;
	bool plugged;
} seats[SEATS];
static size_t seat_count;

/* ---- what is asked: each fills in the answer ---- */

static void take_out(struct seat *s)
{
	s->kind->insert(s->model, NULL);
	vcard_free(&s->card);
}

static void do_insert(struct seat *s, const char *dir, char ret[LINE])
{
	char why[256];

	take_out(s);
	if (vcard_load(dir, &s->card, why, sizeof(why)) < 0) {
		snprintf(ret, LINE, "error %s", why);
		return;
	}
	s->kind->insert(s->model, s->card);
}

static void do_remove(struct seat *s, const char *rest, char ret[LINE])
{
	(void)rest, (void)ret;
	take_out(s);
}

static void do_plug(struct seat *s, const char *rest, char ret[LINE])
{
	(void)rest, (void)ret;
	if (!s->plugged)
		usbfs_plug(s->model);
	s->plugged = true;
}

static void do_unplug(struct seat *s, const char *rest, char ret[LINE])
{
	(void)rest, (void)ret;
	if (s->plugged)
		usbfs_unplug(s->model);
	s->plugged = false;
}

static void do_usage(struct seat *s, const char *rest, char ret[LINE])
{
	struct vcard_usage usage;

	(void)rest;
	if (!s->card) {
		snprintf(ret, LINE, "error no card");
		return;
	}
	usbfs_hold(true);
	usage = vcard_usage(s->card);
	usbfs_hold(false);
	snprintf(ret, LINE, "apdus %lu verifies %lu", usage.apdus, usage.verifies);
}

static void do_place(struct seat *s, const char *rest, char ret[LINE])
{
	(void)rest;
	snprintf(ret, LINE, s->plugged ? "%u.%u" : "error not plugged in", s->model->device.bus,
		 s->model->device.address);
}

static const struct {
	const char *name;
	void (*act)(struct seat *s, const char *rest, char ret[LINE]);
} acts[] = {
	{ "insert", do_insert }, { "remove", do_remove }, { "plug", do_plug },
	{ "unplug", do_unplug }, { "usage", do_usage },	  { "place", do_place },
};

static void answer(const char *line, char ret[LINE])
{
	unsigned n = 0;
	char name[16];
	int end = 0;

	snprintf(ret, LINE, "ok");
	if (sscanf(line, "%15s %u %n", name, &n, &end) < 2 || n < 1 || n > seat_count) {
		snprintf(ret, LINE, "error no such reader");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		if (strcmp(acts[i].name, name) == 0) {
			acts[i].act(&seats[n - 1], line + end, ret);
			return;
		}
	}
	snprintf(ret, LINE, "error no such request");
}

/* ---- the socket: a line in, a line out ---- */

static bool read_line(int fd, char ret[LINE])
{
	size_t n = 0;

	while (n < LINE - 1 && read(fd, ret + n, 1) == 1) {
		if (ret[n] == '\n') {
			ret[n] = 0;
			return true;
		}
		n++;
	}
	return false;
}

static bool write_line(int fd, const char *line)
{
	return write(fd, line, strlen(line)) == (ssize_t)strlen(line) && write(fd, "\n", 1) == 1;
}

static void serve(int listener)
{
	int fd = accept(listener, NULL, NULL);
	char line[LINE], said[LINE];

	if (fd >= 0 && read_line(fd, line)) {
		answer(line, said);
		write_line(fd, said);
	}
	close(fd);
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return a;
}

static int listen_at(const char *path)
{
	struct sockaddr_un a = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 8) < 0)
		perror(path);
	return fd;
}

static int ask(char **words)
{
	const char *path = getenv("FUDA_TEST_STAGE");
	struct sockaddr_un a = address_of(path ? path : "");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char line[LINE] = "";

	for (; *words; words++) {
		size_t n = strlen(line);

		snprintf(line + n, sizeof(line) - n, "%s%s", n ? " " : "", *words);
	}
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || !write_line(fd, line) ||
	    !read_line(fd, line)) {
		perror("the stage does not answer");
		return 1;
	}
	close(fd);
	puts(line);
	return strncmp(line, "error", 5) == 0;
}

/* ---- the play ---- */

/* Finds the kind by its name, and makes one of it. */
static bool make(struct seat *s, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !s->model; i++) {
		size_t len = strlen(kinds[i].name);

		if (strncmp(kinds[i].name, name, len) != 0)
			continue;
		s->kind = &kinds[i];
		s->model = kinds[i].make(name + len);
	}
	return s->model != NULL;
}

/* 0, or the status to end with. */
static int set_up(const char *spec)
{
	struct seat *s = &seats[seat_count];
	char name[64], said[LINE] = "ok";
	size_t len = strcspn(spec, ":");

	snprintf(name, sizeof(name), "%.*s", (int)len, spec);
	if (seat_count == SEATS || !make(s, name)) {
		fprintf(stderr, "no such reader, or too many: %s\n", spec);
		return 2;
	}
	seat_count++;
	if (spec[len])
		do_insert(s, spec + len + 1, said);
	if (strcmp(said, "ok") != 0) {
		fprintf(stderr, "%s: %s\n", spec, said);
		return 1;
	}
	do_plug(s, "", said);
	return 0;
}

static void take_down(void)
{
	for (size_t i = 0; i < seat_count; i++) {
		do_unplug(&seats[i], NULL, NULL);
		take_out(&seats[i]);
		seats[i].model->free(seats[i].model);
	}
	usbfs_end();
}

static pid_t start(char **command, const sigset_t *signals)
{
	pid_t pid = fork();

	if (pid == 0) {
		sigprocmask(SIG_UNBLOCK, signals, NULL);
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	return pid;
}

/* Until the command has ended; returns its status as a shell has it. What would end us is passed on to it. */
static int play(int listener, int signals, pid_t child)
{
	struct pollfd p[] = { { .fd = signals, .events = POLLIN }, { .fd = listener, .events = POLLIN } };
	struct signalfd_siginfo info;
	int status;

	for (;;) {
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return 1;
		if (p[1].revents)
			serve(listener);
		if (!p[0].revents || read(signals, &info, sizeof(info)) != sizeof(info))
			continue;
		if (info.ssi_signo != SIGCHLD)
			kill(child, (int)info.ssi_signo);
		else if (waitpid(child, &status, WNOHANG) == child)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

static int run(char **command, const sigset_t *signals)
{
	char dir[] = "/tmp/fuda-stage.XXXXXX", path[64];
	int listener, status;

	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/stage", dir);
	listener = listen_at(path);
	setenv("FUDA_TEST_STAGE", path, 1);
	status = play(listener, signalfd(-1, signals, SFD_CLOEXEC), start(command, signals));
	close(listener);
	unlink(path);
	rmdir(dir);
	return status;
}

int main(int argc, char **argv)
{
	int i, status = 0;
	sigset_t signals;

	if (argc > 1 && strcmp(argv[1], "ask") == 0)
		return ask(argv + 2);
	usbfs_wrap(argv);
	if (!usbfs_possible()) {
		puts("SKIP: umockdev-wrapper (package umockdev) is not installed");
		return 77;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL); /* before there are threads */
	signal(SIGPIPE, SIG_IGN);
	usbfs_begin();
	for (i = 1; status == 0 && i < argc && strcmp(argv[i], "--") != 0; i++)
		status = set_up(argv[i]);
	if (status == 0 && i + 1 >= argc) {
		fprintf(stderr, "usage: usb-stage MODEL[:DIR]... -- COMMAND...\n");
		status = 2;
	}
	if (status == 0)
		status = run(argv + i + 1, &signals);
	take_down();
	return status;
}
