/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that are listened on. */
#ifndef SERVICE_HTTP_LISTEN_H
#define SERVICE_HTTP_LISTEN_H

#include <sys/stat.h>
#include <sys/un.h>
#include "base/context.h"

struct listen_socket {
	int fd;	  /* -1: none */
	int port; /* of TCP, else 0 */
	/* of a unix socket: its file, and the lock that whoever replaces it holds */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int lock;
	dev_t dev;
	ino_t ino;
};

#define LISTEN_NONE ((struct listen_socket){ .fd = -1, .lock = -1 })

/* Listens on "ADDRESS:PORT" (numbers only; an IPv6 address in brackets; port 0: any) or
 * "unix:PATH", whose file gets mode 0660. The file of a socket that nobody listens on any more is
 * replaced, never another one; of two processes that try at once, one gets it. FUDA_EBUSY: taken;
 * FUDA_EINVAL: no such address; FUDA_EFILE. */
int listen_open(struct fuda_context *ctx, const char *address, struct listen_socket *ret);

/* From now on nobody can connect; who has is served on. */
void listen_end(struct listen_socket *s);

/* Closes it and removes its file if it is still this one. */
void listen_close(struct listen_socket *s);

#endif
