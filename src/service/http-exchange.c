/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer. Two have it: the library, from the first line to exchange_over(), and
 * from handle() to http_answer() the handler. Who answers first is heard; a connection without an
 * answer when handle() returns is suspended, and resumed by who answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "codec/json.h"
#include "service/http-inside.h"

enum { SWALLOW_MAX = 1 << 20, /* of a body that is refused */ PROBLEM_MAX = 2048,
       SLOWEST = 16 /* bytes a millisecond that a client takes of a long answer */ };

enum stage { HANDLED, SUSPENDED, ANSWERED };

struct exchange {
	struct exchange *prev, *next; /* of those that wait */
	struct listener *listener;
	struct http_connection *connection;
	struct MHD_Connection *mhd;
	struct http_request request;
	struct request_kept kept;
	struct fuda_buf body;
	const struct head_refusal *refused;
	const char *allow;     /* http_not_allowed() */
	const char *challenge; /* http_challenge() */
	uint64_t swallowed;
	bool begun, handed; /* its head was seen; a handler has had it */
	int64_t began_us;
	atomic_bool claimed; /* somebody answers */
	_Atomic enum stage stage;
	atomic_int owners; /* of the memory */
	struct MHD_Response *response;
	int status;
	size_t answer_len;
	const char *target_at; /* in the library's memory; not looked at */
	char target[];
};

static const struct head_refusal too_large = { 413, "body_too_large",
					       "The request's body is too large" },
				 trailers = { 400, "bad_framing",
					      "Trailer fields are not understood here" },
				 overrun = { 503, "unavailable", "The service is out of memory" };

static void release(struct exchange *x)
{
	if (atomic_fetch_sub(&x->owners, 1) > 1)
		return;
	fuda_buf_free(&x->body);
	request_wipe(&x->kept);
	if (x->response)
		MHD_destroy_response(x->response);
	free(x);
}

const struct http_request *http_request(const struct exchange *x)
{
	return &x->request;
}

/* done() is called behind the answer, and sees it. */
void http_caller(struct exchange *x, const uint8_t caller[16])
{
	memcpy(x->request.caller, caller, sizeof(x->request.caller));
}

void http_rule(struct exchange *x, const char *rule)
{
	x->request.rule = rule;
}

void http_challenge(struct exchange *x, const char *challenge)
{
	x->challenge = challenge;
}

/* ---- answers ---- */

static void header(struct MHD_Response *r, const char *name, const char *value)
{
	if (value)
		(void)MHD_add_response_header(r, name, value);
}

static struct MHD_Response *make_response(const struct exchange *x, const struct http_answer *a)
{
	/* which the library does not change, and copies */
	struct MHD_Response *r = MHD_create_response_from_buffer(a->body_len, (void *)a->body,
								 MHD_RESPMEM_MUST_COPY);
	char seconds[16];
	bool last = x->kept.last || x->refused ||
		    atomic_load(&x->listener->http->draining);

	if (!r)
		return NULL;
	snprintf(seconds, sizeof(seconds), "%d", a->retry_after);
	header(r, "Content-Type", a->body_len ? a->content_type : NULL);
	header(r, "Cache-Control", "no-store");
	header(r, "X-Content-Type-Options", "nosniff");
	header(r, "Retry-After", a->retry_after > 0 ? seconds : NULL);
	header(r, "Location", a->location);
	header(r, "Content-Transfer-Encoding", a->transfer_encoding);
	header(r, "Allow", a->status == 405 && x->refused ? "GET, POST, PUT, DELETE" : x->allow);
	header(r, "WWW-Authenticate", a->status == 401 ? x->challenge : NULL);
	header(r, "Connection", last ? "close" : NULL);
	return r;
}

static void make_answer(struct exchange *x, const struct http_answer *a)
{
	static const struct http_answer huge = { .status = 500 };

	if (a->body_len > HTTP_ANSWER_MAX)
		a = &huge;
	x->status = a->status;
	x->request.code = a->code;
	x->answer_len = a->body_len;
	x->response = make_response(x, a);
}

static void make_problem(struct exchange *x, int status, const char *code, const char *title,
			 const char *detail, int retry_after)
{
	_cleanup_buf_ struct fuda_buf body = FUDA_BUF_INIT(PROBLEM_MAX);
	struct http_answer a = { .status = status, .content_type = "application/problem+json",
				 .retry_after = retry_after, .code = code };
	char type[128], instance[33];
	struct json_out out;

	if (!x->kept.trace[0])
		request_make_trace(x->kept.trace);
	snprintf(instance, sizeof(instance), "%.32s", x->kept.trace + 3);
	snprintf(type, sizeof(type), "urn:mykey:problem:%s", code);
	json_begin(&out, &body);
	json_string(&out, "type", type);
	json_string(&out, "title", title);
	json_number(&out, "status", status);
	if (detail)
		json_string(&out, "detail", detail);
	json_string(&out, "code", code);
	json_string(&out, "instance", instance);
	if (json_end(&out) == 0) {
		a.body = body.data;
		a.body_len = body.len;
	}
	make_answer(x, &a);
}

/* Whether the caller is the one who answers. */
static bool claim(struct exchange *x)
{
	struct http *http;

	if (atomic_exchange(&x->claimed, true))
		return false;
	http = x->listener->http;
	pthread_mutex_lock(&http->lock);
	if (x->prev)
		x->prev->next = x->next;
	else
		http->waiting = x->next;
	if (x->next)
		x->next->prev = x->prev;
	pthread_mutex_unlock(&http->lock);
	return true;
}

/* The answer is made. If the connection is suspended already, it is for us to resume it; if not,
 * exchange_step() finds the answer. */
static void deliver(struct exchange *x)
{
	struct http *http = x->listener->http;
	struct MHD_Connection *mhd = x->mhd;

	if (atomic_exchange(&x->stage, ANSWERED) == SUSPENDED)
		MHD_resume_connection(mhd);
	atomic_fetch_sub(&http->unanswered, 1); /* the last that is touched: see http_stop() */
}

void http_answer(struct exchange *x, const struct http_answer *answer)
{
	if (claim(x)) {
		make_answer(x, answer);
		deliver(x);
	}
	release(x);
}

void http_problem(struct exchange *x, int status, const char *code, const char *title,
		  const char *detail, int retry_after)
{
	if (claim(x)) {
		make_problem(x, status, code, title, detail, retry_after);
		deliver(x);
	}
	release(x);
}

void http_not_allowed(struct exchange *x, const char *allow)
{
	x->allow = allow;
	http_problem(x, 405, "method_not_allowed", "This cannot be done here.", NULL, 0);
}

void exchange_give_up(struct http *http)
{
	for (;;) {
		struct exchange *x;

		pthread_mutex_lock(&http->lock);
		x = http->waiting;
		if (x)
			atomic_fetch_add(&x->owners, 1);
		pthread_mutex_unlock(&http->lock);
		if (!x)
			return;
		http_problem(x, 503, "stopping", "The service is stopping", NULL, 1);
	}
}

/* ---- requests ---- */

void *exchange_begin(void *listener, const char *target, struct MHD_Connection *c)
{
	struct listener *l = listener;
	size_t len = strnlen(target, HTTP_TARGET_MAX);
	struct exchange *x = calloc(1, sizeof(*x) + len + 2);

	if (!x)
		return NULL;
	memcpy(x->target, target, len);
	x->target_at = target;
	x->listener = l;
	x->connection = connection_of(c);
	x->mhd = c;
	x->body = FUDA_BUF_INIT(HTTP_BODY_MAX);
	x->kept.certificate = FUDA_BUF_INIT(HTTP_HEADERS_MAX);
	x->request = (struct http_request){ .method = "", .path = "", .query = "",
					    .content_type = "", .idempotency_key = "",
					    .authorization = "", .trace = "" };
	x->began_us = (int64_t)deadline_now_us();
	atomic_store(&x->owners, 1);
	/* what came before is over: this one request has as long as any silence */
	connection_narrow(x->connection, l->http->idle_ms);
	return x;
}

static enum MHD_Result send_answer(struct exchange *x)
{
	struct http *http = x->listener->http;

	connection_limit(x->connection, http->idle_ms + (int64_t)(x->answer_len / SLOWEST));
	if (!x->response)
		return MHD_NO; /* no memory: the connection is closed */
	return MHD_queue_response(x->mhd, (unsigned)x->status, x->response);
}

static enum MHD_Result refuse(struct exchange *x, const struct head_refusal *why)
{
	x->refused = why;
	make_problem(x, why->status, why->code, why->title, NULL, 0);
	return send_answer(x);
}

/* The head is there. An answer now ends the connection: the library reads no body behind it. */
static enum MHD_Result take_head(struct exchange *x, const char *method, const char *version)
{
	struct head head = { .method = method, .version = version, .target = x->target,
			     .target_at = x->target_at };
	const struct head_refusal *why = request_take(x->listener, x->mhd, &head, &x->request,
						      &x->kept);
	char *query;

	x->begun = true;
	if (!why) {
		query = strchr(x->target, '?');
		if (query)
			*query++ = '\0';
		x->request.path = x->target;
		x->request.query = query ? query : "";
	}
	if (!why && x->kept.length > HTTP_BODY_MAX) {
		/* who is not told before he has sent it all would not see the answer */
		x->refused = &too_large;
		if (x->kept.expects || x->kept.length > SWALLOW_MAX)
			why = &too_large;
	}
	if (!why && !x->refused && buf_reserve(&x->body, x->kept.length) < 0)
		why = &overrun;
	return why ? refuse(x, why) : MHD_YES;
}

static enum MHD_Result take_body(struct exchange *x, const char *bytes, size_t *len)
{
	int r = x->refused ? 0 : fuda_buf_append(&x->body, bytes, *len);

	if (r < 0)
		x->refused = r == FUDA_ETOOBIG ? &too_large : &overrun;
	if (x->refused) {
		fuda_buf_free(&x->body);
		x->swallowed += *len;
		if (x->swallowed > SWALLOW_MAX)
			return MHD_NO;
	}
	/* the library's memory, which is not wiped */
	wipe((char *)bytes, *len);
	*len = 0;
	return MHD_YES;
}

/* All of it is there. */
static enum MHD_Result take_end(struct exchange *x)
{
	struct http *http = x->listener->http;
	enum stage stage = HANDLED;

	if (!x->refused && MHD_get_connection_values(x->mhd, MHD_FOOTER_KIND, NULL, NULL) > 0)
		x->refused = &trailers;
	if (x->refused)
		return refuse(x, x->refused);
	x->request.body = x->body.data;
	x->request.body_len = x->body.len;
	x->handed = true;
	connection_limit(x->connection, 0);
	atomic_store(&x->owners, 2);
	atomic_fetch_add(&http->open, 1);
	atomic_fetch_add(&http->unanswered, 1);
	pthread_mutex_lock(&http->lock);
	x->next = http->waiting;
	if (x->next)
		x->next->prev = x;
	http->waiting = x;
	pthread_mutex_unlock(&http->lock);
	http->handle(http->arg, x);
	if (atomic_load(&x->stage) == ANSWERED)
		return send_answer(x);
	MHD_suspend_connection(x->mhd);
	if (!atomic_compare_exchange_strong(&x->stage, &stage, SUSPENDED))
		MHD_resume_connection(x->mhd); /* answered in between */
	return MHD_YES;
}

enum MHD_Result exchange_step(void *listener, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_len, void **exchange)
{
	struct exchange *x = *exchange;

	(void)listener;
	(void)c;
	(void)url;
	if (!x)
		return MHD_NO;
	if (!x->begun)
		return take_head(x, method, version);
	if (*upload_len)
		return take_body(x, upload, upload_len);
	if (!x->handed)
		return take_end(x);
	return atomic_load(&x->stage) == ANSWERED ? send_answer(x) : MHD_YES;
}

void exchange_over(void *listener, struct MHD_Connection *c, void **exchange,
		   enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *exchange;
	struct listener *l = listener;

	(void)c;
	(void)why;
	if (!x)
		return;
	*exchange = NULL;
	/* the next may begin after as long a silence as any, and then has its own time */
	connection_limit(x->connection, 2 * l->http->idle_ms);
	if (x->status && l->http->done)
		l->http->done(l->http->arg, &x->request, x->status,
			      (int64_t)deadline_now_us() - x->began_us);
	if (x->handed)
		atomic_fetch_sub(&l->http->open, 1);
	release(x);
}
