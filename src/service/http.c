/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and stopping. Requests are in http-exchange.c. */
#include "service/http.h"

#include <gnutls/gnutls.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/context.h"
#include "base/util.h"
#include "service/http-inside.h"

enum { THREADS_MAX = 64, CONNECTIONS = 1000, IDLE_SECONDS = 30, OPTIONS_MAX = 16,
       /* for the head and the answer's head; a body is copied out piece by piece. The library reads
	* up to half of it at a time. */
       CONNECTION_MEMORY = 32768,
       LAST_WORDS_MS = 1000, LOOK_MS = 5 };

/* TLS 1.2 with whole handshakes and 1.3; no session is resumed (the library keeps none and gives
 * out no tickets), so each has shown its certificate itself. */
static const char priorities[] = "NORMAL:-VERS-TLS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

struct options {
	struct MHD_OptionItem items[OPTIONS_MAX];
	size_t count;
};

static void option(struct options *o, enum MHD_OPTION what, intptr_t value, const void *pointer)
{
	if (o->count < OPTIONS_MAX - 1)
		o->items[o->count++] =
			(struct MHD_OptionItem){ what, value, (void *)(uintptr_t)pointer };
	o->items[o->count] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
}

/* What the library would say only by not starting. */
static int check_tls(struct fuda_context *ctx, const struct http_config *c)
{
	gnutls_certificate_credentials_t credentials;
	int r;

	if (!c->tls_certificate || !c->tls_key)
		return ctx_fail(ctx, FUDA_EINVAL, _("TLS needs a certificate and its key"));
	if (gnutls_certificate_allocate_credentials(&credentials) != 0)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	r = gnutls_certificate_set_x509_key_mem(
		credentials,
		&(gnutls_datum_t){ (void *)(uintptr_t)c->tls_certificate,
				   (unsigned)strlen(c->tls_certificate) },
		&(gnutls_datum_t){ (void *)(uintptr_t)c->tls_key, (unsigned)strlen(c->tls_key) },
		GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(credentials);
	return r == 0 ? 0 : ctx_fail(ctx, FUDA_EFORMAT,
				     _("the certificate for TLS and its key cannot be used: %s"),
				     gnutls_strerror(r));
}

static int thread_count(const struct http_config *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return (int)MIN(MAX(c->threads > 0 ? c->threads : cores, 1L), (long)THREADS_MAX);
}

static int start_listener(struct fuda_context *ctx, const struct http_config *c,
			  struct listener *l)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
	int threads = thread_count(c);
	int connections = c->connections > 0 ? c->connections : CONNECTIONS;
	struct options o = { .count = 0 };

	option(&o, MHD_OPTION_LISTEN_SOCKET, l->socket.fd, NULL);
	option(&o, MHD_OPTION_CONNECTION_LIMIT, MAX(connections, threads), NULL);
	option(&o, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL);
	option(&o, MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)(l->http->idle_ms / 1000), NULL);
	if (c->per_address > 0)
		option(&o, MHD_OPTION_PER_IP_CONNECTION_LIMIT, c->per_address, NULL);
	if (threads > 1)
		option(&o, MHD_OPTION_THREAD_POOL_SIZE, threads, NULL);
	option(&o, MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)exchange_begin, l);
	option(&o, MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_over, l);
	option(&o, MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_notify, l);
	if (l->tls) {
		flags |= MHD_USE_TLS;
		option(&o, MHD_OPTION_HTTPS_MEM_CERT, 0, c->tls_certificate);
		option(&o, MHD_OPTION_HTTPS_MEM_KEY, 0, c->tls_key);
		option(&o, MHD_OPTION_HTTPS_PRIORITIES, 0, priorities);
		if (c->tls_client_ca)
			option(&o, MHD_OPTION_HTTPS_MEM_TRUST, 0, c->tls_client_ca);
	}
	l->daemon = MHD_start_daemon(flags, 0, NULL, NULL, exchange_step, l, MHD_OPTION_ARRAY,
				     o.items, MHD_OPTION_END);
	return l->daemon ? 0 : ctx_fail(ctx, FUDA_EFAILED, _("the HTTP server did not start"));
}

/* The thread takes no signals: those are for the program's own. */
static int start_sweeper(struct fuda_context *ctx, struct http *http)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&http->sweeper, NULL, connection_sweep, http);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	http->sweeps = r == 0;
	return r == 0 ? 0 : ctx_fail_code(ctx, FUDA_ENOMEM);
}

static int start(struct fuda_context *ctx, const struct http_config *c, struct http *http)
{
	sigset_t all, before;
	int r = 0;

	for (size_t i = 0; i < c->listener_count; i++) {
		struct listener *l = &http->listeners[i];

		*l = (struct listener){ .http = http, .socket = LISTEN_NONE,
					.tls = c->listeners[i].tls,
					.trusted = c->listeners[i].trusted };
		http->count++;
		r = l->tls ? check_tls(ctx, c) : 0;
		if (r == 0)
			r = listen_open(ctx, c->listeners[i].address, &l->socket);
		/* a header field that is believed must not come over a network */
		if (r == 0 && l->trusted && !l->socket.path[0])
			r = ctx_fail(ctx, FUDA_EINVAL, _("only a unix socket can be trusted"));
		if (r < 0)
			return r;
	}
	r = start_sweeper(ctx, http);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (size_t i = 0; r == 0 && i < http->count; i++)
		r = start_listener(ctx, c, &http->listeners[i]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int http_start(struct fuda_context *ctx, const struct http_config *config, struct http **ret)
{
	struct http *http = calloc(1, sizeof(*http) +
					      config->listener_count * sizeof(http->listeners[0]));
	int r;

	if (!http)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	http->handle = config->handle;
	http->done = config->done;
	http->arg = config->arg;
	http->idle_ms = (config->idle_seconds > 0 ? config->idle_seconds : IDLE_SECONDS) *
			(int64_t)1000;
	pthread_mutex_init(&http->lock, NULL);
	r = start(ctx, config, http);
	if (r < 0) {
		http_stop(&http);
		return r;
	}
	*ret = http;
	return 0;
}

int http_port(const struct http *http, size_t i)
{
	return i < http->count ? http->listeners[i].socket.port : 0;
}

void http_load(const struct http *http, int *ret_connections, int *ret_open)
{
	*ret_connections = atomic_load(&http->connections);
	*ret_open = atomic_load(&http->open);
}

/* ---- stopping ---- */

static void quiet(struct http *http)
{
	atomic_store(&http->draining, true);
	for (size_t i = 0; i < http->count; i++) {
		struct listener *l = &http->listeners[i];

		if (l->quiet || !l->daemon)
			continue;
		l->quiet = true;
		(void)MHD_quiesce_daemon(l->daemon);
		listen_end(&l->socket);
	}
}

/* Waits until `count` is 0, `ms` at most, or -1. What it is then. Looked at now and then: to be
 * woken would cost each request a call of the system, and this is done once. */
static int until_none(const atomic_int *count, int ms)
{
	int64_t end = deadline_now() + ms;
	deadline_word never = 0;
	int n;

	while ((n = atomic_load(count)) > 0 && (ms < 0 || deadline_now() < end))
		(void)deadline_wait_word(NULL, LOOK_MS, &never, 0);
	return n;
}

int http_drain(struct http *http, int ms)
{
	quiet(http);
	return until_none(&http->open, ms);
}

void http_stop(struct http **http)
{
	struct http *h = *http;

	if (!h)
		return;
	quiet(h);
	exchange_give_up(h);
	/* each has an answerer by now, who is done with the library in a moment */
	(void)until_none(&h->unanswered, -1);
	(void)until_none(&h->open, LAST_WORDS_MS);
	for (size_t i = 0; i < h->count; i++)
		if (h->listeners[i].daemon)
			MHD_stop_daemon(h->listeners[i].daemon);
	atomic_store(&h->stopping, 1);
	deadline_wake_word(&h->stopping);
	if (h->sweeps)
		pthread_join(h->sweeper, NULL);
	for (size_t i = 0; i < h->count; i++)
		listen_close(&h->listeners[i].socket);
	pthread_mutex_destroy(&h->lock);
	free(h);
	*http = NULL;
}
