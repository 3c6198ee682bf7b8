/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-vcard: makes software My Number cards, and plays them to vpcd. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <fuda/error.h>

#include "tools/standard.h"
#include "vcard/vcard.h"

#define SETTINGS_MAX 32
#define WHY_SIZE     512
#define RETRY_MS     50
#define SIZE_LIMIT   65536
#define WAIT_LIMIT   86400

enum { EXIT_USAGE = 2 };

#define VPCD_DEFAULT "localhost:35963" /* where Debian's vsmartcard-vpcd listens */

static const char usage_text[] =
	"usage: fuda-vcard make DIR [OPTION]...\n"
	"       fuda-vcard run DIR [OPTION]...\n"
	"       fuda-vcard --help | --version\n"
	"\n"
	"Makes a software My Number card in the new or empty directory DIR, or plays it to vpcd,\n"
	"so that PC/SC programs see it in a reader. For tests: its secrets are in DIR/card.conf.\n"
	"\n"
	"make:\n"
	"  --kind card|android|iphone      kind of token (card)\n"
	"  --secrets FILE                  secrets other than 1234 and ABC123, as in card.conf\n"
	"  --set KEY=VALUE                 key of card.conf (repeatable)\n"
	"  --no-sign-certificate           no certificate and no key for signing\n"
	"  --expired                       certificates that ended a year ago\n"
	"  --auth-certificate-size BYTES   exact size of the authentication certificate\n"
	"  --certificate-file-size BYTES|exact\n"
	"                                  size of the files with certificates\n"
	"  --person FILE                   whose card it is (a sample person)\n"
	"  --photo FILE                    photo, a JP2 file (a drawing)\n"
	"  --photo-size BYTES              exact size of the drawing (6144)\n"
	"  --record-file-step BYTES|exact  files of records have a multiple of so many (256)\n"
	"  --authority CARD                authorities of the software card in directory CARD\n"
	"run:\n"
	"  --vpcd HOST:PORT                where vpcd listens (" VPCD_DEFAULT ")\n"
	"  --wait SECONDS                  wait so long for vpcd (10)\n"
	"  --usage                         print counts of commands and bytes at the end\n";

/* What was asked for is on standard output, or was not given. */
static int told(void)
{
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int help(void)
{
	fputs(usage_text, stdout);
	return told();
}

static int version(void)
{
	puts("fuda-vcard (fudasashi) " PACKAGE_VERSION);
	return told();
}

static int usage_hint(void)
{
	fputs("Try: fuda-vcard --help\n", stderr);
	return EXIT_USAGE;
}

static int usage_error(const char *what, const char *which)
{
	fprintf(stderr, "fuda-vcard: %s%s\n", what, which);
	return usage_hint();
}

static int failed(int code, const char *why)
{
	fprintf(stderr, "fuda-vcard: %s\n", *why ? why : fuda_error_text(code));
	return fuda_error_exit_status(code);
}

static bool is_kind(const char *text)
{
	static const char *const kinds[] = { "card", "android", "iphone" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(text, kinds[i]) == 0)
			return true;
	return false;
}

/* A number from 1 to `max`, or 0 if it is none. */
static unsigned number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoul(text, &end, 10);
	return *end || errno || n > max ? 0 : (unsigned)n;
}

/* The one argument that is left after the options, or NULL. */
static const char *directory(int argc, char **argv)
{
	return optind == argc - 1 ? argv[optind] : NULL;
}

/* What an option of make takes. */
enum form { TEXT, KIND, SIZE, SIZE_OR_EXACT, FLAG, SETTING };

#define WISH(name, form, member) { name, form, offsetof(struct vcard_make, member) }
static const struct wish {
	const char *name;
	enum form form;
	size_t place; /* in struct vcard_make */
} wishes[] = {
	WISH("kind", KIND, kind),
	WISH("secrets", TEXT, secrets),
	WISH("set", SETTING, settings),
	WISH("no-sign-certificate", FLAG, no_sign_certificate),
	WISH("expired", FLAG, expired),
	WISH("auth-certificate-size", SIZE, auth_certificate_size),
	WISH("certificate-file-size", SIZE_OR_EXACT, certificate_file_size),
	WISH("person", TEXT, person),
	WISH("photo", TEXT, photo),
	WISH("photo-size", SIZE, photo_size),
	WISH("record-file-step", SIZE_OR_EXACT, record_file_step),
	WISH("authority", TEXT, authority),
};
enum { WISHES = sizeof(wishes) / sizeof(wishes[0]), FIRST_WISH = 256 };

/* Notes the wish; returns 0, or the exit status for an argument that it does not take. */
static int take_wish(struct vcard_make *what, const struct wish *w, const char *settings[],
		     const char *argument)
{
	void *place = (char *)what + w->place;

	switch (w->form) {
	case KIND:
		if (!is_kind(argument))
			return usage_error("--kind takes card, android or iphone, not ", argument);
		/* fall through */
	case TEXT:
		*(const char **)place = argument;
		return 0;
	case SIZE:
	case SIZE_OR_EXACT:
		*(unsigned *)place = w->form == SIZE_OR_EXACT && strcmp(argument, "exact") == 0 ?
					     VCARD_NO_FILLER :
					     number(argument, SIZE_LIMIT);
		return *(unsigned *)place ? 0 : usage_error("not a size: ", argument);
	case FLAG:
		*(bool *)place = true;
		return 0;
	case SETTING:
		for (size_t i = 0; i < SETTINGS_MAX; i++)
			if (!settings[i]) {
				settings[i] = argument;
				return 0;
			}
		return usage_error("too many settings", "");
	}
	return EXIT_USAGE;
}

static void list_options(struct option options[WISHES + 3])
{
	for (int i = 0; i < WISHES; i++)
		options[i] = (struct option){ wishes[i].name,
					      wishes[i].form == FLAG ? no_argument :
								       required_argument,
					      NULL, FIRST_WISH + i };
	options[WISHES] = (struct option){ "help", no_argument, NULL, 'h' };
	options[WISHES + 1] = (struct option){ "version", no_argument, NULL, 'V' };
	options[WISHES + 2] = (struct option){ 0 };
}

static int command_make(int argc, char **argv)
{
	const char *settings[SETTINGS_MAX + 1] = { NULL }, *dir;
	struct vcard_make what = { .settings = settings };
	struct option options[WISHES + 3];
	char why[WHY_SIZE] = "";
	int option, r;

	list_options(options);
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return help();
		if (option == 'V')
			return version();
		if (option < FIRST_WISH)
			return usage_hint(); /* getopt_long() said what is wrong */
		r = take_wish(&what, &wishes[option - FIRST_WISH], settings, optarg);
		if (r)
			return r;
	}
	dir = directory(argc, argv);
	if (!dir)
		return usage_error("make takes one directory", "");
	r = vcard_make(dir, &what, why, sizeof(why));
	if (r < 0)
		return failed(r, why);
	fprintf(stderr,
		"fuda-vcard: made a software card. PIN and password: %s; test CAs: %s/ca.pem; "
		"settings: %s/card.conf\n",
		what.secrets ? "as you said" : "1234 and ABC123", dir, dir);
	return 0;
}

struct run {
	const char *vpcd;
	unsigned wait;
	bool usage;
};

/* Waits `ms` milliseconds; true if told to stop meanwhile. */
static bool stopped(int stop_fd, int ms)
{
	struct pollfd p = { .fd = stop_fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* Milliseconds until `end`; 0 after it. */
static int time_left(const struct timespec *end)
{
	struct timespec now;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = 1000L * (end->tv_sec - now.tv_sec) + (end->tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 0;
}

/* Whether the connection that `fd` asks for is there, before `end` and before told to stop. */
static bool connected(int fd, const struct addrinfo *a, const struct timespec *end, int stop_fd)
{
	struct pollfd p[] = {
		{ .fd = fd, .events = POLLOUT },
		{ .fd = stop_fd, .events = POLLIN },
	};
	int error = 0;
	socklen_t len = sizeof(error);

	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return true;
	if (errno != EINPROGRESS || poll(p, 2, time_left(end)) <= 0 || !p[0].revents)
		return false;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

/* A connected socket, blocking as usual, or -1. */
static int connect_once(const struct addrinfo *addresses, const struct timespec *end, int stop_fd)
{
	for (const struct addrinfo *a = addresses; a; a = a->ai_next) {
		int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
				a->ai_protocol);

		if (fd < 0)
			continue;
		if (connected(fd, a, end, stop_fd) && fcntl(fd, F_SETFL, 0) == 0)
			return fd;
		close(fd);
	}
	return -1;
}

/* Tries for the time of `run`. Returns a socket, or -1 (also when told to stop). */
static int connect_for(const struct addrinfo *addresses, const struct run *run, int stop_fd)
{
	struct timespec first, end;
	int fd;

	clock_gettime(CLOCK_MONOTONIC, &end);
	first = end;
	end.tv_sec += (time_t)run->wait;
	first.tv_sec += run->wait ? 1 : 0; /* then it is time to say what is waited for */
	fd = connect_once(addresses, &first, stop_fd);
	if (fd < 0 && run->wait && !stopped(stop_fd, 0))
		fprintf(stderr,
			"fuda-vcard: no vpcd at %s (package vsmartcard-vpcd, played by pcscd) yet; "
			"waiting for it, up to %u s\n",
			run->vpcd, run->wait);
	while (fd < 0 && time_left(&end) && !stopped(stop_fd, RETRY_MS))
		fd = connect_once(addresses, &end, stop_fd);
	return fd;
}

/* HOST:PORT, the host in brackets if it has colons itself. NULL after an error message. */
static struct addrinfo *resolve(const char *where)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(where, ':');
	struct addrinfo *ret = NULL;
	size_t len = colon ? (size_t)(colon - where) : 0;
	char host[256];
	int e;

	if (len > 2 && where[0] == '[' && where[len - 1] == ']') {
		where++;
		len -= 2;
	}
	if (!len || len >= sizeof(host) || !number(colon + 1, 65535)) {
		usage_error("not HOST:PORT: ", where);
		return NULL;
	}
	memcpy(host, where, len);
	host[len] = 0;
	e = getaddrinfo(host, colon + 1, &hints, &ret);
	if (e) {
		fprintf(stderr, "fuda-vcard: %s: %s\n", host, gai_strerror(e));
		return NULL;
	}
	return ret;
}

/* SIGTERM and SIGINT become a readable descriptor; -1 if that fails. */
static int stop_descriptor(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int play(struct vcard *v, const struct run *run, const struct addrinfo *addresses)
{
	int stop_fd = stop_descriptor(), fd, r;
	struct vcard_usage u;
	char why[WHY_SIZE];

	if (stop_fd < 0)
		return failed(FUDA_EFAILED, "");
	fd = connect_for(addresses, run, stop_fd);
	if (fd < 0) {
		r = stopped(stop_fd, 0) ? 0 : FUDA_ENOREADER;
		close(stop_fd);
		snprintf(why, sizeof(why),
			 "no vpcd there: nothing listens at %s. Is pcscd running, and the package "
			 "vsmartcard-vpcd installed?",
			 run->vpcd);
		return r < 0 ? failed(r, why) : 0;
	}
	fprintf(stderr,
		"fuda-vcard: connected to %s: the card is in the reader; ^C takes it out\n",
		run->vpcd);
	r = vcard_play(v, fd, stop_fd);
	close(fd);
	close(stop_fd);
	u = vcard_usage(v);
	if (run->usage)
		printf("apdus %lu\nsent %lu\nreceived %lu\nverifies %lu\nlink-ms %.1f\n", u.apdus,
		       u.sent, u.received, u.verifies, (double)u.link_ns / 1e6);
	if (r == FUDA_EREADERGONE)
		return failed(r, "vpcd hung up");
	if (r < 0)
		return failed(r, "");
	return told() == EXIT_SUCCESS ? 0 : failed(FUDA_EFILE, "the usage cannot be written");
}

static int command_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "vpcd", required_argument, NULL, 'v' },
		{ "wait", required_argument, NULL, 'w' },
		{ "usage", no_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct run run = { .vpcd = VPCD_DEFAULT, .wait = 10 };
	struct addrinfo *addresses;
	char why[WHY_SIZE] = "";
	struct vcard *v;
	const char *dir;
	int option, r;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		switch (option) {
		case 'v':
			run.vpcd = optarg;
			break;
		case 'w':
			run.wait = number(optarg, WAIT_LIMIT);
			if (!run.wait && strcmp(optarg, "0") != 0)
				return usage_error("not a number of seconds: ", optarg);
			break;
		case 'u':
			run.usage = true;
			break;
		case 'h':
			return help();
		case 'V':
			return version();
		default:
			return usage_hint(); /* getopt_long() said what is wrong */
		}
	dir = directory(argc, argv);
	if (!dir)
		return usage_error("run takes one directory", "");
	addresses = resolve(run.vpcd);
	if (!addresses)
		return EXIT_USAGE;
	r = vcard_load(dir, &v, why, sizeof(why));
	if (r < 0) {
		freeaddrinfo(addresses);
		return failed(r, why);
	}
	r = play(v, &run, addresses);
	vcard_free(&v);
	freeaddrinfo(addresses);
	return r;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (!standard_descriptors())
		return EXIT_FAILURE;
	if (strcmp(command, "make") == 0)
		return command_make(argc - 1, argv + 1);
	if (strcmp(command, "run") == 0)
		return command_run(argc - 1, argv + 1);
	if (strcmp(command, "-h") == 0 || strcmp(command, "--help") == 0)
		return help();
	if (strcmp(command, "--version") == 0)
		return version();
	if (*command)
		return usage_error("neither 'make' nor 'run': ", command);
	fputs(usage_text, stderr);
	return EXIT_USAGE;
}
