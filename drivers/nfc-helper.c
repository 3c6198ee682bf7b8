/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nfc-helper.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HELPER "fuda-nfc"

enum {
	KILL_MS = 2000, /* for the kernel to end it; past that it is left to whoever reaps for us */
	LOOK_MS = 2,    /* between looks whether it has ended */
	WORDS_READS = 64, /* chunks of what it wrote that are read at a time */
};

const char *nfc_helper_path;

struct nfc_helper {
	pid_t pid, owner; /* whose child it is: not of a process forked since */
	int fd;  /* of the conversation */
	int err; /* of its complaints */
	char words[NFC_TEXT_MAX + 1];
};

/* ---- where it is ---- */

/* Whether nobody but the user and root could have put it there, or could change it. */
static bool is_ours(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & S_IWOTH) &&
	       access(path, X_OK) == 0;
}

/* Beside this library in a build tree or in an installation that was moved, else at the place
 * configured. (The command fuda looks for its own helper beside itself; what program this library
 * is in, nobody knows.) */
static void find_helper(char *ret, size_t size)
{
	static const struct {
		const char *beside, *helper;
	} places[] = {
		{ "/.libs", "/../" HELPER },
		{ "/lib", "/../libexec/" PACKAGE "/" HELPER },
	};
	char dir[PATH_MAX];
	Dl_info info;
	char *slash = NULL;

	if (dladdr(&nfc_helper_path, &info) && info.dli_fname && realpath(info.dli_fname, dir))
		slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
		size_t len = strlen(dir), tail = strlen(places[i].beside);

		if (len >= tail && strcmp(dir + len - tail, places[i].beside) == 0 &&
		    (size_t)snprintf(ret, size, "%s%s", dir, places[i].helper) < size &&
		    is_ours(ret))
			return;
	}
	snprintf(ret, size, "%s", PKGLIBEXECDIR "/" HELPER);
}

/* ---- start ---- */

enum { ENTRIES_MAX = 8 };

static void free_environment(char *(*environment)[ENTRIES_MAX])
{
	for (size_t i = 0; (*environment)[i]; i++)
		free((*environment)[i]);
}

/* What libnfc is configured by goes along. Its log does not: at higher levels that has the commands
 * in it, and PINs with them. */
static int make_environment(char *(*ret)[ENTRIES_MAX])
{
	static const char *const fixed[] = { "LC_ALL=C", "PATH=/usr/bin:/bin",
					     "LIBNFC_LOG_LEVEL=1" };
	static const char *const passed[] = { "LIBNFC_DEVICE", "LIBNFC_DEFAULT_DEVICE",
					      "LIBNFC_AUTO_SCAN", "LIBNFC_INTRUSIVE_SCAN" };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++, n++) {
		(*ret)[n] = strdup(fixed[i]);
		if (!(*ret)[n])
			return FUDA_ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
		const char *value = secure_getenv(passed[i]);

		if (value && asprintf(&(*ret)[n], "%s=%s", passed[i], value) < 0) {
			(*ret)[n] = NULL;
			return FUDA_ENOMEM;
		}
		n += value != NULL;
	}
	return 0;
}

/* As a session of its own, so that no key pressed at the terminal ends it in the middle of a
 * command. */
static int spawn_with(const char *path, int fd, int err, posix_spawn_file_actions_t *actions,
		      posix_spawnattr_t *attributes, pid_t *ret_pid)
{
	_cleanup_(free_environment) char *environment[ENTRIES_MAX] = { NULL };
	char name[] = HELPER;
	char *const argv[] = { name, NULL };
	sigset_t all, none;
	int r;

	if (make_environment(&environment) < 0)
		return ENOMEM;
	sigfillset(&all);
	sigemptyset(&none);
	r = posix_spawn_file_actions_adddup2(actions, fd, STDIN_FILENO);
	r = r ? r :
		posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	r = r ? r : posix_spawn_file_actions_adddup2(actions, err, STDERR_FILENO);
	r = r ? r : posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	r = r ? r : posix_spawnattr_setsigdefault(attributes, &all);
	r = r ? r : posix_spawnattr_setsigmask(attributes, &none);
	r = r ? r :
		posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF |
							     POSIX_SPAWN_SETSIGMASK |
							     POSIX_SPAWN_SETSID);
	return r ? r : posix_spawn(ret_pid, path, actions, attributes, argv, environment);
}

static int spawn(const char *path, int fd, int err, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	if (posix_spawn_file_actions_init(&actions))
		return ENOMEM;
	if (posix_spawnattr_init(&attributes)) {
		posix_spawn_file_actions_destroy(&actions);
		return ENOMEM;
	}
	r = spawn_with(path, fd, err, &actions, &attributes, ret_pid);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
}

/* A program may have closed its standard descriptors; ours are not to take their places. */
static int lift(int pair[2])
{
	for (int i = 0; i < 2; i++) {
		int fd = pair[i];

		if (fd > STDERR_FILENO)
			continue;
		pair[i] = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		close(fd);
		if (pair[i] < 0)
			return -1;
	}
	return 0;
}

static int explain_start(struct fuda_context *ctx, const char *path, int error)
{
	if (error == ENOENT)
		return ctx_fail(ctx, FUDA_ENOTSUP,
				_("The program %s is not installed, which the reader needs."),
				path);
	if (error == ENOMEM)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	return ctx_fail(ctx, FUDA_EFAILED, _("The program %s cannot be started: %s."), path,
			strerror(error));
}

int nfc_helper_start(struct fuda_context *ctx, struct nfc_helper **ret)
{
	/* Complaints that nobody reads are dropped: who writes them does not wait. */
	int talk[2] = { -1, -1 }, err[2] = { -1, -1 }, error = 0;
	struct nfc_helper *h = calloc(1, sizeof(*h));
	char path[PATH_MAX];

	if (nfc_helper_path)
		snprintf(path, sizeof(path), "%s", nfc_helper_path);
	else
		find_helper(path, sizeof(path));
	if (!h)
		error = ENOMEM;
	else if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) < 0 ||
		 pipe2(err, O_CLOEXEC | O_NONBLOCK) < 0 || lift(talk) < 0 || lift(err) < 0)
		error = errno;
	else
		error = spawn(path, talk[1], err[1], &h->pid);
	if (error) {
		close_pair(talk);
		close_pair(err);
		free(h);
		return explain_start(ctx, path, error);
	}
	close(talk[1]);
	close(err[1]);
	h->owner = getpid();
	h->fd = talk[0];
	h->err = err[0];
	*ret = h;
	return 0;
}

/* ---- talk ---- */

static int receive(struct nfc_helper *h, enum nfc_ask ask, struct fuda_deadline *dl,
		   uint8_t message[NFC_MESSAGE_MAX], struct nfc_answer *ret)
{
	int r = deadline_wait_fd(dl, h->fd, POLLIN);
	ssize_t n;

	if (r < 0)
		return r;
	n = recv(h->fd, message, NFC_MESSAGE_MAX, MSG_TRUNC | MSG_DONTWAIT);
	if (n <= 0)
		return FUDA_EREADERGONE;
	if (n > NFC_MESSAGE_MAX || nfc_answer_parse(ask, message, (size_t)n, ret) < 0)
		return FUDA_ETRANSPORT;
	return 0;
}

/* An answer to no question. */
static bool has_spoken(const struct nfc_helper *h)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

int nfc_helper_ask(struct nfc_helper *h, const struct nfc_request *q, struct fuda_deadline *dl,
		   uint8_t message[NFC_MESSAGE_MAX], bool *ret_sent, struct nfc_answer *ret)
{
	uint8_t request[NFC_MESSAGE_MAX];
	size_t len = nfc_request_build(q, request);
	bool sent = false;
	int r = len ? deadline_check(dl) : FUDA_ETOOBIG;

	if (r == 0 && (h->owner != getpid() || has_spoken(h)))
		r = FUDA_EREADERGONE;
	if (r == 0) {
		/* one message always has room in an empty socket */
		sent = send(h->fd, request, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
		r = sent ? receive(h, q->ask, dl, message, ret) : FUDA_EREADERGONE;
	}
	wipe(request, len);
	*ret_sent = sent;
	return r;
}

void nfc_helper_hang_up(struct nfc_helper *h)
{
	if (h->owner == getpid())
		shutdown(h->fd, SHUT_RDWR);
}

/* Keeps the line that begins last and is not empty. */
static void take_words(struct nfc_helper *h, const char *chunk, size_t len, size_t *used)
{
	for (size_t i = 0; i < len; i++) {
		char c = chunk[i];

		if (c == '\n') {
			*used = 0;
			continue;
		}
		if (*used == sizeof(h->words) - 1)
			continue;
		h->words[(*used)++] = c >= 0x20 && c < 0x7F ? c : ' ';
		h->words[*used] = '\0';
	}
}

const char *nfc_helper_words(struct nfc_helper *h)
{
	char chunk[1024];
	size_t used = 0;
	ssize_t n;

	for (int i = 0; i < WORDS_READS && (n = read(h->err, chunk, sizeof(chunk))) > 0; i++)
		take_words(h, chunk, (size_t)n, &used);
	return h->words;
}

/* ---- the end ---- */

/* Another part of the program may have reaped it. */
static bool ended(const struct nfc_helper *h, int ms, int *ret_status)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };
	pid_t r;

	for (int waited = 0;; waited += LOOK_MS) {
		r = waitpid(h->pid, ret_status, WNOHANG);
		if (r == h->pid || (r < 0 && errno != EINTR))
			return true;
		if (waited >= ms)
			return false;
		nanosleep(&pause, NULL);
	}
}

bool nfc_helper_free(struct nfc_helper **helper, int ms)
{
	struct nfc_helper *h = *helper;
	int status = SIGKILL; /* what is not known is no good end */
	bool mine, over, good;

	if (!h)
		return true;
	mine = h->owner == getpid();
	/* not by closing alone: a process forked since holds the socket open */
	nfc_helper_hang_up(h);
	close(h->fd);
	over = !mine || ended(h, ms, &status);
	good = !mine || (over && WIFEXITED(status));
	if (!over) {
		kill(h->pid, SIGKILL);
		(void)ended(h, KILL_MS, &status);
	}
	close(h->err);
	free(h);
	*helper = NULL;
	return good;
}
