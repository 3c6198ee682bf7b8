/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: who is on them, and for how long. */
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/util.h"
#include "service/http-inside.h"

enum { SWEEP_MIN_MS = 50, SWEEP_MAX_MS = 1000 };

static const union MHD_ConnectionInfo *info(struct MHD_Connection *c,
					    enum MHD_ConnectionInfoType what)
{
	return MHD_get_connection_info(c, what);
}

struct http_connection *connection_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *i = info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return i ? i->socket_context : NULL;
}

void connection_limit(struct http_connection *c, int64_t ms)
{
	if (c)
		atomic_store_explicit(&c->deadline, ms ? deadline_now() + ms : 0,
				      memory_order_relaxed);
}

void connection_narrow(struct http_connection *c, int64_t ms)
{
	int64_t had = c ? atomic_load_explicit(&c->deadline, memory_order_relaxed) : 0;

	if (c && (!had || had > deadline_now() + ms))
		connection_limit(c, ms);
}

static void started(struct listener *l, struct MHD_Connection *mhd, void **context)
{
	const union MHD_ConnectionInfo *fd = info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *tls = info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	struct http_connection *c = calloc(1, sizeof(*c));
	struct http *http = l->http;

	atomic_fetch_add(&http->connections, 1);
	/* asked for, whoever our CA is; never required: the handler refuses, and says why */
	if (l->tls && tls)
		gnutls_certificate_server_set_request(tls->tls_session, GNUTLS_CERT_REQUEST);
	*context = c;
	if (!c || !fd) { /* nobody would watch over it */
		if (fd)
			(void)shutdown(fd->connect_fd, SHUT_RDWR);
		return;
	}
	c->fd = fd->connect_fd;
	connection_limit(c, http->idle_ms);
	pthread_mutex_lock(&http->lock);
	c->next = http->list;
	if (c->next)
		c->next->prev = c;
	http->list = c;
	pthread_mutex_unlock(&http->lock);
}

/* The library closes the socket after this: as long as one is listed, its number is its own. */
static void closed(struct listener *l, struct http_connection *c)
{
	struct http *http = l->http;

	if (c) {
		pthread_mutex_lock(&http->lock);
		if (c->prev)
			c->prev->next = c->next;
		else if (http->list == c)
			http->list = c->next;
		if (c->next)
			c->next->prev = c->prev;
		pthread_mutex_unlock(&http->lock);
		free(c);
	}
	atomic_fetch_sub(&http->connections, 1);
}

void connection_notify(void *listener, struct MHD_Connection *c, void **context,
		       enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		started(listener, c, context);
	else
		closed(listener, *context);
}

void *connection_sweep(void *arg)
{
	struct http *http = arg;
	int64_t every = MIN(MAX(http->idle_ms / 4, (int64_t)SWEEP_MIN_MS), (int64_t)SWEEP_MAX_MS);

	while (deadline_wait_word(NULL, (int)every, &http->stopping, 0) == FUDA_ETIMEOUT) {
		int64_t now = deadline_now();

		pthread_mutex_lock(&http->lock);
		for (struct http_connection *c = http->list; c; c = c->next) {
			int64_t end = atomic_load_explicit(&c->deadline, memory_order_relaxed);

			/* the library sees an end of file, and closes */
			if (end && end <= now)
				(void)shutdown(c->fd, SHUT_RDWR);
		}
		pthread_mutex_unlock(&http->lock);
	}
	return NULL;
}
