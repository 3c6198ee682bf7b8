/* SPDX-License-Identifier: Apache-2.0 */
/* The service as others see it: its listeners, the routes, the log, what it does from time to time.
 */
#ifndef SERVICE_SERVER_H
#define SERVICE_SERVER_H

#include "service/service.h"

struct server;

enum { SERVER_ADDRESS = 160 };

struct server_config {
	struct service *service;
	/* A line of the log, one JSON object without its end: a finished request (time, route,
	 * status, us, code, rule, terminal, trace), or an event (time, event, message). Nothing of
	 * requests else is in it. Any thread. NULL: no log. */
	void (*log)(void *arg, const char *line);
	void *arg;
	bool quiet; /* no line for a request that was answered as it should be */
};

/* Listens, and serves. FUDA_EBUSY: an address is taken; FUDA_EFILE. */
int server_start(struct fuda_context *ctx, const struct server_config *config, struct server **ret);
/* Where listener `i` is to be found: "https://127.0.0.1:8443", "unix:/run/x",
 * "http://127.0.0.1:9100" for operations. FUDA_ENOTFOUND past the last one. */
int server_address(const struct server *server, size_t i, char ret[SERVER_ADDRESS]);
/* Reads revocation lists and renewed certificates now. */
void server_reload(struct server *server);
/* Not ready any more, no new connections; waits for what has not been answered as long as the
 * configuration says (drain); ends the service's writer. How many requests were left. */
int server_stop(struct server **server);

/* ---- what its halves share ---- */

struct exchange;
struct http_request;
/* One way in. */
struct side {
	struct server *server;
	struct service *service;
	bool operations; /* of this machine alone */
};
/* Answers one request: struct http_config.handle, with a struct side. */
void route_handle(void *arg, struct exchange *x);
/* The name of the route in metrics and log. Static. */
const char *route_name(const struct http_request *request);
/* Connections and open requests, for the gauges. */
void server_load(struct server *server);

#endif
