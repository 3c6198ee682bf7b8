/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of http.h share. */
#ifndef SERVICE_HTTP_INSIDE_H
#define SERVICE_HTTP_INSIDE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/deadline.h"
#include "service/http-head.h"
#include "service/http-listen.h"
#include "service/http.h"

enum { HTTP_TARGET_MAX = HTTP_HEADERS_MAX, HTTP_TYPE_MAX = 64, HTTP_TRACE = 56 };

/* One connection. Whoever is on it when its time is over is cut off: the library's own limit counts
 * silence only, and a client that says a byte a second is never silent. */
struct http_connection {
	struct http_connection *prev, *next;
	int fd;
	_Atomic int64_t deadline; /* of deadline_now(); 0: it is we who are waited for */
};

struct listener {
	struct http *http;
	struct MHD_Daemon *daemon;
	struct listen_socket socket;
	bool tls, trusted, quiet; /* no longer listened on */
};

struct http {
	void (*handle)(void *arg, struct exchange *x);
	void (*done)(void *arg, const struct http_request *request, int status, int64_t us);
	void *arg;
	int64_t idle_ms;
	atomic_bool draining;
	atomic_int connections;
	atomic_int open;       /* exchanges that a handler has, or whose answer is on its way */
	atomic_int unanswered; /* those that a handler has */
	deadline_word stopping; /* wakes the sweeper */
	pthread_t sweeper;
	bool sweeps;
	pthread_mutex_t lock; /* of the two lists */
	struct http_connection *list;
	struct exchange *waiting; /* handed to a handler and not answered */
	size_t count;
	struct listener listeners[];
};

/* ---- http-connection.c ---- */

void connection_notify(void *listener, struct MHD_Connection *c, void **context,
		       enum MHD_ConnectionNotificationCode what);
struct http_connection *connection_of(struct MHD_Connection *c);
/* From now on it has `ms` milliseconds; 0: no limit. */
void connection_limit(struct http_connection *c, int64_t ms);
/* The same, if it had more. */
void connection_narrow(struct http_connection *c, int64_t ms);
/* Cuts off those whose time is over, until `stopping`; the thread's main function. */
void *connection_sweep(void *http);

/* ---- http-exchange.c ---- */

/* The three calls of the library in the life of a request: its first line is there; its head, each
 * piece of its body, its end; it is over. */
void *exchange_begin(void *listener, const char *target, struct MHD_Connection *c);
enum MHD_Result exchange_step(void *listener, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_len, void **exchange);
void exchange_over(void *listener, struct MHD_Connection *c, void **exchange,
		   enum MHD_RequestTerminationCode why);
/* Answers 503 to all that a handler still has. What it says later is not heard. */
void exchange_give_up(struct http *http);

/* ---- http-request.c ---- */

/* What came, judged: fills `request` with what is kept by `kept`. NULL, or why it is refused. Of
 * `head` the caller has filled in the request line. */
struct request_kept {
	char idempotency_key[HTTP_IDEMPOTENCY_MAX + 1];
	char authorization[HTTP_AUTHORIZATION_MAX + 1];
	char content_type[HTTP_TYPE_MAX];
	char trace[HTTP_TRACE];
	struct fuda_buf certificate;
	uint64_t length; /* of the body, as far as the head says */
	bool last;	 /* nothing else is read from the connection */
	bool expects;	 /* the client waits for a word before it sends the body */
};
const struct head_refusal *request_take(const struct listener *l, struct MHD_Connection *c,
					struct head *head, struct http_request *request,
					struct request_kept *kept);
void request_wipe(struct request_kept *kept);
/* A traceparent for a request that has none. */
void request_make_trace(char trace[HTTP_TRACE]);

#endif
