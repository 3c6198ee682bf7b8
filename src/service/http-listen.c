/* SPDX-License-Identifier: Apache-2.0 */
#include "service/http-listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 511, ADDRESS_MAX = 128 };

static int fail(struct fuda_context *ctx, int code, const char *address, int error)
{
	if (code == FUDA_EBUSY)
		return ctx_fail(ctx, code, _("%s is in use already; is the service running?"),
				address);
	return ctx_fail(ctx, code, _("cannot listen on %s: %s"), address, strerror(error));
}

/* ---- TCP ---- */

/* "[ADDRESS]:PORT" or "ADDRESS:PORT" in two. */
static int split(const char *address, char host[ADDRESS_MAX], char port[ADDRESS_MAX])
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t)(colon - address) : 0;
	bool brackets = len > 2 && address[0] == '[' && address[len - 1] == ']';
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;

	if (!len || len >= ADDRESS_MAX || (!brackets && memchr(address, ':', len)))
		return FUDA_EINVAL;
	if (!digits || digits > 5 || colon[1 + digits] || strtoul(colon + 1, NULL, 10) > 65535)
		return FUDA_EINVAL;
	snprintf(host, ADDRESS_MAX, "%.*s", (int)(brackets ? len - 2 : len), address + brackets);
	snprintf(port, ADDRESS_MAX, "%s", colon + 1);
	return 0;
}

static int port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} name = { 0 };
	socklen_t len = sizeof(name);

	if (getsockname(fd, &name.any, &len) < 0)
		return 0;
	return ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
}

static int open_tcp(struct fuda_context *ctx, const char *address, struct listen_socket *s)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
					.ai_socktype = SOCK_STREAM };
	char host[ADDRESS_MAX], port[ADDRESS_MAX];
	struct addrinfo *found = NULL;
	const int on = 1;
	int error = 0;

	if (split(address, host, port) < 0 || getaddrinfo(host, port, &hints, &found) != 0)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("\"%s\" is no address to listen on: that is ADDRESS:PORT in "
				  "numbers, or unix:PATH"),
				address);
	s->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (found->ai_family == AF_INET6 &&
	     setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(s->fd, found->ai_addr, found->ai_addrlen) < 0 || listen(s->fd, BACKLOG) < 0)
		error = errno;
	freeaddrinfo(found);
	if (error)
		return fail(ctx, error == EADDRINUSE ? FUDA_EBUSY : FUDA_EFILE, address, error);
	s->port = port_of(s->fd);
	return 0;
}

/* ---- unix sockets ---- */

/* Whether someone listens there: 0, or the error of connect(). */
static int listened(const struct sockaddr_un *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;

	if (fd < 0)
		return errno;
	if (connect(fd, (const struct sockaddr *)name, sizeof(*name)) < 0)
		error = errno;
	close(fd);
	return error;
}

/* Removes the file of a socket that nobody listens on. */
static int remove_stale(const struct sockaddr_un *name, int *ret_error)
{
	struct stat st;

	if (lstat(name->sun_path, &st) < 0) {
		*ret_error = errno;
		return errno == ENOENT ? 0 : FUDA_EFILE;
	}
	*ret_error = ENOTSOCK;
	if (!S_ISSOCK(st.st_mode))
		return FUDA_EFILE;
	if (listened(name) != ECONNREFUSED)
		return FUDA_EBUSY;
	if (unlink(name->sun_path) == 0)
		return 0;
	*ret_error = errno;
	return FUDA_EFILE;
}

/* PATH.lock, held as long as PATH is ours: between finding that nobody listens and listening,
 * nobody else does the same. The file stays; to remove it would let two hold two locks. */
static int take_lock(struct listen_socket *s, int *ret_error)
{
	char path[sizeof(s->path) + 8];

	snprintf(path, sizeof(path), "%s.lock", s->path);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	*ret_error = errno;
	return s->lock >= 0 && errno == EWOULDBLOCK ? FUDA_EBUSY : FUDA_EFILE;
}

static int open_unix(struct fuda_context *ctx, const char *address, const char *path,
		     struct listen_socket *s)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct stat st;
	int error = ENAMETOOLONG, r;

	if (!*path || strlen(path) >= sizeof(name.sun_path))
		return fail(ctx, FUDA_EINVAL, address, error);
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	snprintf(s->path, sizeof(s->path), "%s", path);
	r = take_lock(s, &error);
	if (r == 0)
		r = remove_stale(&name, &error);
	if (r < 0)
		return fail(ctx, r, address, error);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* whoever connects before listen() is refused, so that nobody comes in by the first mode */
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		return fail(ctx, errno == EADDRINUSE ? FUDA_EBUSY : FUDA_EFILE, address, errno);
	if (lstat(path, &st) < 0)
		return fail(ctx, FUDA_EFILE, address, errno);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	if (chmod(path, 0660) < 0 || listen(s->fd, BACKLOG) < 0)
		return fail(ctx, FUDA_EFILE, address, errno);
	return 0;
}

/* ---- both ---- */

int listen_open(struct fuda_context *ctx, const char *address, struct listen_socket *ret)
{
	static const char unix_prefix[] = "unix:";
	bool is_unix = strncmp(address, unix_prefix, sizeof(unix_prefix) - 1) == 0;
	struct listen_socket s = LISTEN_NONE;
	int r = is_unix ? open_unix(ctx, address, address + sizeof(unix_prefix) - 1, &s) :
			  open_tcp(ctx, address, &s);

	if (r < 0) {
		listen_close(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void listen_end(struct listen_socket *s)
{
	/* what is in the queue is refused at once, not when the process ends */
	if (s->fd >= 0)
		(void)shutdown(s->fd, SHUT_RDWR);
}

void listen_close(struct listen_socket *s)
{
	struct stat st;

	if (s->fd >= 0)
		close(s->fd);
	if (s->ino && lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		(void)unlink(s->path);
	if (s->lock >= 0)
		close(s->lock);
	*s = LISTEN_NONE;
}
