/* SPDX-License-Identifier: Apache-2.0 */
#include "service/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <fuda/encode.h>

#include "base/context.h"
#include "codec/json.h"
#include "pki/file.h"
#include "service/http.h"
#include "service/id.h"
#include "service/keeper.h"

enum { LINE_MAX_BYTES = 2048, TIME_TEXT = 32 };

struct server {
	struct server_config config;
	struct service *service;
	struct side terminals, operations;
	struct http *http, *operations_http;
	struct keeper *keeper;
};

/* ---- the log ---- */

static void time_text(int64_t us, char ret[TIME_TEXT])
{
	time_t seconds = us / SECONDS_US;
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(ret, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ret + n, TIME_TEXT - n, ".%03dZ", (int)(us % SECONDS_US / 1000));
}

static void log_line(struct server *s, struct fuda_buf *line, struct json_out *out)
{
	if (json_end(out) == 0 && fuda_buf_append(line, "", 1) == 0)
		s->config.log(s->config.arg, (const char *)line->data);
}

static void on_event(void *arg, const char *what, const char *message)
{
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(LINE_MAX_BYTES);
	struct server *s = arg;
	char time[TIME_TEXT];
	struct json_out out;

	if (!s->config.log)
		return;
	time_text(now_us(), time);
	json_begin(&out, &line);
	json_string(&out, "time", time);
	json_string(&out, "event", what);
	json_string(&out, "message", *message ? message : "ok");
	log_line(s, &line, &out);
}

static void log_request(struct server *s, const struct http_request *request, const char *route,
			int status, int64_t us)
{
	static const uint8_t nobody[sizeof(request->caller)];
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(LINE_MAX_BYTES);
	char time[TIME_TEXT], id[ID_TEXT];
	struct json_out out;

	time_text(now_us(), time);
	json_begin(&out, &line);
	json_string(&out, "time", time);
	json_string(&out, "route", route);
	json_number(&out, "status", status);
	json_number(&out, "us", us);
	if (request->code)
		json_string(&out, "code", request->code);
	if (request->rule)
		json_string(&out, "rule", request->rule);
	if (memcmp(request->caller, nobody, sizeof(nobody)) != 0) {
		id_text(request->caller, id);
		json_string(&out, "terminal", id);
	}
	if (*request->trace)
		json_string(&out, "trace", request->trace);
	log_line(s, &line, &out);
}

static void on_done(void *arg, const struct http_request *request, int status, int64_t us)
{
	struct side *side = arg;
	const char *route = route_name(request);

	metrics_request(side->service->metrics, route, status, request->code, us);
	/* who asks every few seconds whether all is well needs no line for it */
	if (side->server->config.log && !side->operations &&
	    (status >= 400 || !side->server->config.quiet))
		log_request(side->server, request, route, status, us);
}

/* ---- listeners ---- */

/* A PEM file, with a NUL. */
static int read_text(struct fuda_context *ctx, const char *path, struct fuda_buf *ret)
{
	int e = pki_read_file(ctx, path, ret);

	if (e == 0)
		e = fuda_buf_append(ret, "", 1);
	return e;
}

static bool is_unix(const char *address)
{
	return strncmp(address, "unix:", 5) == 0;
}

/* When the first certificate of a PEM text ends, for the gauges; 0: it does not say. */
static time_t note_end(struct server *s, const char *text, enum metrics_gauge gauge)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(PKI_FILE_MAX);
	_cleanup_(fuda_cert_free) struct fuda_cert *cert = NULL;
	size_t left = strlen(text);

	if (fuda_pem_decode("CERTIFICATE", &text, &left, &der) == 0 &&
	    fuda_cert_new(s->service->ctx, der.data, der.len, &cert) == 0)
		metrics_set(s->service->metrics, gauge, fuda_cert_facts(cert)->not_after);
	return cert ? fuda_cert_facts(cert)->not_after : 0;
}

static int listen_for_terminals(struct fuda_context *ctx, struct server *s)
{
	_cleanup_buf_ struct fuda_buf certificate = FUDA_BUF_INIT(PKI_FILE_MAX),
				      key = FUDA_BUF_INIT(PKI_FILE_MAX),
				      client_ca = FUDA_BUF_INIT(PKI_FILE_MAX);
	const struct config *c = &s->service->config;
	struct http_listener listeners[CONFIG_LIST];
	struct http_config config = {
		.listeners = listeners,
		.listener_count = c->listen_count,
		.threads = (int)c->threads,
		.connections = (int)c->connections,
		.per_address = (int)c->per_address,
		.idle_seconds = (int)c->idle,
		.handle = route_handle,
		.done = on_done,
		.arg = &s->terminals,
	};
	char path[CONFIG_TEXT + 8];
	bool tls = false;
	int e = 0;

	for (size_t i = 0; i < c->listen_count; i++) {
		bool local = is_unix(c->listen[i]);

		tls = tls || !local;
		listeners[i] = (struct http_listener){ c->listen[i], !local, local };
	}
	snprintf(path, sizeof(path), "%s/ca.pem", c->folder);
	if (tls) {
		e = read_text(ctx, c->tls_certificate, &certificate);
		if (e == 0)
			e = read_text(ctx, c->tls_key, &key);
		if (e == 0)
			e = read_text(ctx, path, &client_ca);
		if (e < 0)
			return e;
		config.tls_certificate = (const char *)certificate.data;
		config.tls_key = (const char *)key.data;
		config.tls_client_ca = (const char *)client_ca.data;
		s->service->tls_ends = note_end(s, config.tls_certificate, GAUGE_TLS_ENDS);
		(void)note_end(s, config.tls_client_ca, GAUGE_CA_ENDS);
	}
	return http_start(ctx, &config, &s->http);
}

static int listen_for_operations(struct fuda_context *ctx, struct server *s)
{
	struct http_listener listener = { .address = s->service->config.operations };
	struct http_config config = {
		.listeners = &listener,
		.listener_count = 1,
		.threads = 1,
		.connections = 16,
		.idle_seconds = 10,
		.handle = route_handle,
		.done = on_done,
		.arg = &s->operations,
	};

	return *listener.address ? http_start(ctx, &config, &s->operations_http) : 0;
}

int server_start(struct fuda_context *ctx, const struct server_config *config, struct server **ret)
{
	struct server *s = calloc(1, sizeof(*s));
	struct keeper_config keeper = { config->service, on_event, s };
	int e;

	if (!s)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	s->config = *config;
	s->service = config->service;
	s->terminals = (struct side){ s, s->service, false };
	s->operations = (struct side){ s, s->service, true };
	e = listen_for_operations(ctx, s);
	if (e == 0)
		e = listen_for_terminals(ctx, s);
	if (e == 0)
		e = keeper_start(ctx, &keeper, &s->keeper);
	if (e < 0) {
		bool kept = ctx_keep_error(ctx, true);

		http_stop(&s->http);
		http_stop(&s->operations_http);
		ctx_keep_error(ctx, kept);
		free(s);
		return e;
	}
	*ret = s;
	return 0;
}

/* `address` with the port that it turned out to be. */
static void shown(const char *scheme, const char *address, int port, char ret[SERVER_ADDRESS])
{
	const char *colon = strrchr(address, ':');

	snprintf(ret, SERVER_ADDRESS, "%s://%.*s:%d", scheme, (int)(colon - address), address,
		 port);
}

int server_address(const struct server *server, size_t i, char ret[SERVER_ADDRESS])
{
	const struct config *c = &server->service->config;

	if (i < c->listen_count && is_unix(c->listen[i]))
		snprintf(ret, SERVER_ADDRESS, "%s", c->listen[i]);
	else if (i < c->listen_count)
		shown("https", c->listen[i], http_port(server->http, i), ret);
	else if (i == c->listen_count && *c->operations)
		shown("http", c->operations, http_port(server->operations_http, 0), ret);
	else
		return FUDA_ENOTFOUND;
	return 0;
}

void server_reload(struct server *server)
{
	keeper_wake(server->keeper);
}

void server_load(struct server *server)
{
	int connections, open;

	http_load(server->http, &connections, &open);
	metrics_set(server->service->metrics, GAUGE_CONNECTIONS, connections);
	metrics_set(server->service->metrics, GAUGE_REQUESTS_OPEN, open);
}

static int64_t ms_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Once `stopping` is seen by all handlers that could use the writer, it can be ended; what it gives
 * up it answers, so that the terminals' listeners end behind it. */
int server_stop(struct server **server)
{
	struct server *s = *server;
	int64_t end;
	bool away;
	int left;

	if (!s)
		return 0;
	end = ms_now() + s->service->config.drain * 1000;
	atomic_store(&s->service->health.stopping, true);
	left = http_drain(s->http, (int)(s->service->config.drain * 1000));
	http_stop(&s->operations_http);
	keeper_rest(s->keeper);
	away = service_database_away(s->service);
	writer_stop(&s->service->writer, (int)MAX(end - ms_now(), 0));
	http_stop(&s->http);
	/* until the next start nobody would notice that the last rows went missing */
	if (!away)
		keeper_sign(s->keeper);
	keeper_stop(&s->keeper);
	free(s);
	*server = NULL;
	return left;
}
