/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP in: libmicrohttpd, with what it is too kind about refused, and answers that come later. */
#ifndef SERVICE_HTTP_H
#define SERVICE_HTTP_H

#include <stdbool.h>
#include <fuda/buf.h>
#include <fuda/context.h>

enum { HTTP_BODY_MAX = 32768, HTTP_HEADERS_MAX = 8192, HTTP_IDEMPOTENCY_MAX = 64,
       HTTP_AUTHORIZATION_MAX = 256, HTTP_ANSWER_MAX = 64 << 20 };

struct http;
struct exchange; /* one request and its answer */

/* What a handler sees. Valid until it answers. */
struct http_request {
	const char *method;	   /* "GET", "POST", "PUT", "DELETE": others never come so far */
	const char *path;	   /* as sent: no decoding; without the query */
	const char *query;	   /* behind '?', "" if there is none */
	const char *content_type;  /* "" if absent; lower case, without parameters */
	const char *idempotency_key; /* "" if absent; printable ASCII without blanks */
	const char *authorization; /* "" if absent */
	/* W3C traceparent if well-formed, or ""; a problem makes one, whose id it names */
	const char *trace;
	const uint8_t *body;
	size_t body_len;
	/* The client's, DER, unjudged; NULL: none. Of the TLS session or, on the trusted socket
	 * only, of the header field Client-Cert (RFC 9440) or Client-Cert-Pem (what nginx calls
	 * $ssl_client_escaped_cert); elsewhere either of them is refused (400). */
	const uint8_t *certificate;
	size_t certificate_len;
	/* By the trusted socket, without a Client-Cert and not by a proxy (no Forwarded,
	 * X-Forwarded-For, X-Real-IP, Via): operations. */
	bool local;
	/* Who sent it, as far as an address tells: IPv6, or IPv4 mapped into it, of the connection
	 * or, on the trusted socket only, the last of X-Forwarded-For; of IPv6 the 64 bits of the
	 * net, as one machine has as many addresses as it likes. All 0: not known. */
	uint8_t source[16];
	uint8_t caller[16]; /* http_caller(); all 0: nobody that is known */
	/* For done(): the code of the problem that it was answered with; NULL: with none. */
	const char *code;
	const char *rule; /* for the log: http_rule(); NULL: none */
};

/* How a request ends: status, type, body (copied), and seconds for Retry-After (0: none). Called
 * once for each exchange, on any thread, from inside the handler or later. */
struct http_answer {
	int status;
	const char *content_type; /* static */
	const void *body;
	size_t body_len;
	int retry_after;
	const char *location; /* NULL: none */
	const char *transfer_encoding; /* value of Content-Transfer-Encoding (EST), NULL: none */
	const char *code; /* of the problem that the body is, static; NULL: it is none */
};
void http_answer(struct exchange *x, const struct http_answer *answer);
const struct http_request *http_request(const struct exchange *x);
/* Notes whose request it turned out to be, for done() and the log. From the handler, before it
 * answers. */
void http_caller(struct exchange *x, const uint8_t caller[16]);
/* Notes which rule a certificate or record failed, static: for the log, and nobody else. From the
 * handler, before it answers. */
void http_rule(struct exchange *x, const char *rule);

/* A problem (RFC 9457): type urn:mykey:problem:CODE, title, status, detail, and the members code,
 * instance (the trace or a random id, to find it in the log). `code` is of [a-z_] and static;
 * `detail` is a sentence for people, NULL for none; neither ever has anything of the request in it.
 */
void http_problem(struct exchange *x, int status, const char *code, const char *title,
		  const char *detail, int retry_after);
/* What a 401 to this request says in WWW-Authenticate, static: "Basic realm=\"est\"". Called before
 * it is answered. Without it there is none: no scheme of HTTP stands for a certificate of TLS. */
void http_challenge(struct exchange *x, const char *challenge);
/* The problem 405, "method_not_allowed", with what is allowed (RFC 9110 15.5.6), static: "GET". */
void http_not_allowed(struct exchange *x, const char *allow);

struct http_listener {
	const char *address;  /* "127.0.0.1:8443", "[::1]:8443", "unix:/run/fuda/mykeyd.sock" */
	bool tls;	      /* with client certificates asked for, and not required */
	bool trusted;	      /* a unix socket whose peer may say Client-Cert */
};

struct http_config {
	const struct http_listener *listeners;
	size_t listener_count;
	int threads;		 /* of each listener; 0: as many as cores */
	int connections;	 /* at most, of each listener */
	int per_address;	 /* connections of one address at most; 0: no limit */
	/* A connection that says nothing for so long is closed; so is one that takes longer than
	 * this for a whole request, or much longer for taking its answer. */
	int idle_seconds;
	const char *tls_certificate, *tls_key; /* PEM, with NUL; not needed after http_start() */
	/* PEM: named to clients; who is no client of it is the handler's to refuse. NULL: none. */
	const char *tls_client_ca;
	/* Called on a thread of the pool when a request is whole; answers now or later. */
	void (*handle)(void *arg, struct exchange *x);
	/* Every exchange that was answered, for metrics and the log, on a thread of the pool; never
	 * twice for one. `us`: from its first line to the end of its answer. Of those that were
	 * refused before a handler was called, method and path are "" where they were not ours. */
	void (*done)(void *arg, const struct http_request *request, int status, int64_t us);
	void *arg;
};

/* Refused before a handler is called, and answered with a problem: methods, versions and targets
 * that are not ours (400, 405, 505), a head over HTTP_HEADERS_MAX (431), a body over
 * HTTP_BODY_MAX (413), two Content-Length, Content-Length beside Transfer-Encoding, a
 * Transfer-Encoding that is not exactly "chunked", control characters or obsolete folding in
 * header fields, no or two Host fields (400), two of a header that may come once (400). After
 * those whose framing is doubtful the connection is closed. FUDA_EBUSY: an address is taken;
 * FUDA_EFILE. */
int http_start(struct fuda_context *ctx, const struct http_config *config, struct http **ret);
/* The port of listener `i`, for "address:0". */
int http_port(const struct http *http, size_t i);
/* No new connections; waits up to `ms` for exchanges that have not been answered. How many are
 * left. */
int http_drain(struct http *http, int ms);
/* What has not been answered is answered 503; answering it later does nothing, and is allowed even
 * after this returns. */
void http_stop(struct http **http);
/* Connections now, and exchanges not answered yet. */
void http_load(const struct http *http, int *ret_connections, int *ret_open);

#endif
