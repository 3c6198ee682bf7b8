/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/portrait.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/fuda.h"

#define HELPER "fuda-photo"
enum { SECONDS = 10 };

/* Whether nobody but the user and root could have put it there, or could change it. */
static bool is_ours(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & S_IWOTH) &&
	       access(path, X_OK) == 0;
}

/* Of a build tree (where programs that run in place are in .libs), of a moved installation, of the
 * place configured. */
static void find_helper(char *ret, size_t size)
{
	static const struct {
		const char *beside, *helper;
	} places[] = {
		{ "/.libs", "/../" HELPER },
		{ "", "/" HELPER },
		{ "", "/../libexec/" PACKAGE "/" HELPER },
	};
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	exe[len > 0 ? len : 0] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
		size_t dir = strlen(exe), tail = strlen(places[i].beside);

		if (dir >= tail && strcmp(exe + dir - tail, places[i].beside) == 0 &&
		    (size_t)snprintf(ret, size, "%s%s", exe, places[i].helper) < size &&
		    is_ours(ret))
			return;
	}
	snprintf(ret, size, "%s", PKGLIBEXECDIR "/" HELPER);
}

struct helper {
	pid_t pid;
	int out, err; /* what it writes */
	time_t end;   /* when its time is up, of the monotonic clock */
	char reason[PORTRAIT_REASON_SIZE];
	size_t reason_len;
};

/* Nothing of this program goes along but the three descriptors. */
static int spawn(const char *path, int in, int out, int err, pid_t *ret_pid)
{
	char name[] = HELPER, language[] = "LC_ALL=C", where[] = "PATH=/usr/bin:/bin";
	char *const argv[] = { name, NULL }, *const environment[] = { language, where, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all;
	int r;

	sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions))
		return ENOMEM;
	if (posix_spawnattr_init(&attributes)) {
		posix_spawn_file_actions_destroy(&actions);
		return ENOMEM;
	}
	r = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	r = r ? r : posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	r = r ? r : posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	r = r ? r : posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	r = r ? r : posix_spawnattr_setsigdefault(&attributes, &all);
	r = r ? r : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	r = r ? r : posix_spawn(ret_pid, path, &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* A file in memory, at its beginning. */
static int memory_file(const struct fuda_bytes *bytes)
{
	int fd = memfd_create("photo", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	for (size_t done = 0; done < bytes->len;) {
		ssize_t n = write(fd, bytes->p + done, bytes->len - done);

		if (n < 0 && errno != EINTR) {
			close(fd);
			return -1;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	if (lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int start(const struct fuda_bytes *jp2, struct helper *h)
{
	int in = memory_file(jp2), out[2] = { -1, -1 }, err[2] = { -1, -1 }, r;
	char path[PATH_MAX];

	find_helper(path, sizeof(path));
	r = in < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 ?
		    errno :
		    spawn(path, in, out[1], err[1], &h->pid);
	if (r == ENOENT)
		snprintf(h->reason, sizeof(h->reason), _("the program %s is not installed"),
			 HELPER);
	else if (r)
		snprintf(h->reason, sizeof(h->reason), HELPER ": %s", strerror(r));
	for (size_t i = 0; i < 2; i++) {
		int ours[] = { out[0], err[0] }, its[] = { out[1], err[1] };

		if (its[i] >= 0)
			close(its[i]);
		if (r && ours[i] >= 0)
			close(ours[i]);
	}
	if (in >= 0)
		close(in);
	if (r)
		return FUDA_ENOTSUP;
	h->out = out[0];
	h->err = err[0];
	return 0;
}

/* Takes what there is; gives false at the end. */
static bool take(struct helper *h, struct pollfd *p, struct fuda_buf *png, int *r)
{
	char chunk[4096];
	ssize_t n = read(p->fd, chunk, sizeof(chunk));
	size_t room = sizeof(h->reason) - 1 - h->reason_len;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	if (p->fd == h->out)
		*r = fuda_buf_append(png, chunk, (size_t)n);
	else if (room) {
		size_t len = (size_t)n < room ? (size_t)n : room;

		memcpy(h->reason + h->reason_len, chunk, len);
		h->reason_len += len;
	}
	return true;
}

/* 0, FUDA_ETIMEOUT or FUDA_ECANCELLED. */
static int check_time(const struct helper *h)
{
	struct timespec now;

	if (session_cancelled())
		return FUDA_ECANCELLED;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec >= h->end ? FUDA_ETIMEOUT : 0;
}

/* Reads until it has closed both, in time. */
static int collect(struct helper *h, struct fuda_buf *png)
{
	struct pollfd p[] = { { .fd = h->out, .events = POLLIN },
			      { .fd = h->err, .events = POLLIN } };
	int r = 0;

	while (r == 0 && (p[0].fd >= 0 || p[1].fd >= 0)) {
		r = check_time(h);
		if (r < 0)
			return r;
		if (poll(p, ARRAY_SIZE(p), 200) <= 0)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(p); i++)
			if (p[i].revents && !take(h, &p[i], png, &r))
				p[i].fd = -1;
	}
	return r;
}

/* Its end, and whether it was a good one. */
static int finish(struct helper *h, int r, const struct fuda_buf *png)
{
	static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n' };
	const struct timespec pause = { .tv_nsec = 10000000 };
	pid_t ended = 0;
	int status = 0;

	/* it may have closed both and go on */
	while (r == 0 && (ended = waitpid(h->pid, &status, WNOHANG)) == 0) {
		r = check_time(h);
		if (r == 0)
			nanosleep(&pause, NULL);
	}
	if (ended == 0) {
		kill(h->pid, SIGKILL);
		while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(h->out);
	close(h->err);
	if (r < 0)
		return r;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return FUDA_EFORMAT;
	return png->len >= sizeof(signature) &&
			       memcmp(png->data, signature, sizeof(signature)) == 0 ?
		       0 :
		       FUDA_EFAILED;
}

int portrait_png(const struct fuda_bytes *jp2, struct fuda_buf *ret_png,
		  char ret_reason[PORTRAIT_REASON_SIZE])
{
	_cleanup_buf_ struct fuda_buf png = FUDA_BUF_INIT(PORTRAIT_MAX);
	struct helper h = { .pid = -1 };
	struct timespec now;
	int r = start(jp2, &h);

	clock_gettime(CLOCK_MONOTONIC, &now);
	h.end = now.tv_sec + SECONDS;
	if (r == 0)
		r = finish(&h, collect(&h, &png), &png);
	if (r == 0)
		r = fuda_buf_append(ret_png, png.data, png.len);
	h.reason[strcspn(h.reason, "\n")] = '\0';
	if (r < 0)
		snprintf(ret_reason, PORTRAIT_REASON_SIZE, "%s",
			 h.reason[0] ? h.reason : fuda_error_text(r));
	return r;
}
