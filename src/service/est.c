/* SPDX-License-Identifier: Apache-2.0 */
#include "service/est.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "codec/base64.h"
#include "service/enrol.h"
#include "service/http.h"
#include "service/meter.h"

enum { CERTIFICATE_DER = 8192, TEXT_MAX = 32768, BUSY_SECONDS = 2, CRL_DAY = 24 * 3600 };

#define BASE_PATH  "/.well-known/est/"
#define CERTS_ONLY "application/pkcs7-mime; smime-type=certs-only" /* RFC 7030 4.2.3 */

/* ---- answers ---- */

static const struct problem {
	int status;
	const char *code, *title, *detail;
} problems[] = {
	/* of a wrong code nothing is told: not whether there was one, nor what became of it */
	[APPLICATION_UNKNOWN] = { 401, "unauthorized", "Not authorized", NULL },
	[APPLICATION_SUSPENDED] = { 403, "terminal_suspended", "The terminal is suspended", NULL },
	[APPLICATION_REVOKED] = { 403, "terminal_revoked", "The terminal was revoked", NULL },
	[APPLICATION_EARLY] = { 403, "too_early", "Too early to renew",
				"A certificate is renewed in the second half of its life." },
	[APPLICATION_TOO_MANY] = { 403, "too_many_certificates", "Too many certificates",
				   "Use one that was issued before." },
};

static const struct problem malformed = { 400, "bad_request", "Not a request",
					  "The body is a PKCS#10 request in base64: P-256, "
					  "signed with SHA-256." };
static const struct problem bad_type = { 415, "unsupported_media_type", "Not a request",
					 "The type is application/pkcs10." };
static const struct problem no_terminal = { 401, "terminal_unknown", "Not authorized",
					    "This takes the terminal's certificate." };

static void refuse(struct exchange *x, const struct problem *p)
{
	http_problem(x, p->status, p->code, p->title, p->detail, 0);
}

/* What keeps the service itself from answering, in the words that other requests are told it by. */
static void fail(struct service *service, struct exchange *x, int error)
{
	struct writer_load load = { 0 };

	if (error == FUDA_EWAIT)
		writer_load(service->writer, &load);
	if (error == FUDA_EWAIT && load.stopping)
		http_problem(x, 503, "stopping", "The service is stopping: try again.", NULL,
			     BUSY_SECONDS);
	else if (error == FUDA_EWAIT)
		http_problem(x, 429, "queue_full",
			     "Too much is being asked at once: try again later.", NULL,
			     load.seconds_to_wait);
	else if (error == FUDA_ESTORE)
		http_problem(x, 503, "database_unavailable",
			     "The database is not available: try again later.", NULL, BUSY_SECONDS);
	else if (error == FUDA_EUNSURE)
		http_problem(x, 503, "outcome_unknown",
			     "Whether it was done is not known: send the same request again.", NULL,
			     BUSY_SECONDS);
	else if (error == FUDA_EVERIFY && atomic_load(&service->health.clock))
		http_problem(x, 503, "clock_untrusted", "The service's clock cannot be trusted.",
			     NULL, BUSY_SECONDS);
	else if (error == FUDA_EVERIFY)
		http_problem(x, 503, "audit_broken", "The service's audit trail is broken.", NULL,
			     0);
	else
		http_problem(x, 500, "internal_error", "The service failed.", NULL, 0);
}

/* Bytes in base64, as EST has them: RFC 8951 3. */
static void answer_base64(struct service *service, struct exchange *x, const char *type,
			  const struct fuda_buf *bytes)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(TEXT_MAX);
	struct http_answer answer = { 200, type, NULL, 0, 0, NULL, "base64" };
	int r = base64_encode(bytes->data, bytes->len, false, &text);

	if (r < 0) {
		fail(service, x, r);
		return;
	}
	answer.body = text.data;
	answer.body_len = text.len;
	http_answer(x, &answer);
}

static void answer_certificate(struct service *service, struct fuda_context *ctx,
			       struct exchange *x, const struct fuda_buf *certificate)
{
	_cleanup_buf_ struct fuda_buf package = FUDA_BUF_INIT(CERTIFICATE_DER);
	int r = ca_pkcs7(ctx, certificate, 1, &package);

	if (r < 0)
		fail(service, x, r);
	else
		answer_base64(service, x, CERTS_ONLY, &package);
}

/* ---- what anybody may have ---- */

static void handle_cacerts(struct service *service, struct exchange *x)
{
	_cleanup_buf_ struct fuda_buf certificate = FUDA_BUF_INIT(CERTIFICATE_DER);
	struct fuda_context *ctx;
	size_t len;
	const uint8_t *der = ca_certificate(service->ca, &len);
	int r = fuda_buf_append(&certificate, der, len);

	if (r == 0)
		r = fuda_context_new(&ctx);
	if (r < 0) {
		fail(service, x, r);
		return;
	}
	answer_certificate(service, ctx, x, &certificate);
	fuda_context_free(&ctx);
}

/* CsrAttrs ::= SEQUENCE OF { ecdsa-with-SHA256, { id-ecPublicKey, SET { prime256v1 } } }: RFC 7030
 * 4.5.2 */
static void handle_csrattrs(struct service *service, struct exchange *x)
{
	static uint8_t der[] = {
		0x30, 0x21, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02,
		0x30, 0x15, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x31,
		0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07,
	};

	answer_base64(service, x, "application/csrattrs",
		      &(struct fuda_buf){ .data = der, .len = sizeof(der) });
}

/* ---- the list of terminals that count no more ---- */

struct list_request {
	struct crl_renewal renewal; /* first */
	struct exchange *x;
};

static void answer_list(struct exchange *x, const struct fuda_buf *der)
{
	struct http_answer answer = { 200, "application/pkix-crl", der->data, der->len, 0, NULL,
				      NULL };

	http_answer(x, &answer);
}

/* The last one there is, as long as it counts; `error`: why there is none newer. */
static void send_list(struct service *service, struct exchange *x, int error)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(HTTP_ANSWER_MAX);
	int64_t made = 0;
	int r = terminals_crl(service->terminals, &der, &made);

	if (r == 0 && made + CA_CRL_DAYS * CRL_DAY > now_us() / SECONDS_US)
		answer_list(x, &der);
	else
		fail(service, x, error ? error : r);
}

static void list_made(struct task *task, int result)
{
	struct list_request *q = (struct list_request *)task;

	send_list(q->renewal.service, q->x, result);
	crl_renewal_free(&q->renewal);
	free(q);
}

/* FUDA_EVERIFY: it has times in it, and is an effect (D5). */
static int make_list(struct service *service, struct exchange *x)
{
	struct list_request *q;
	int r;

	if (atomic_load(&service->health.clock) || atomic_load(&service->health.audit))
		return FUDA_EVERIFY;
	q = calloc(1, sizeof(*q));
	if (!q)
		return FUDA_ENOMEM;
	r = crl_renewal_init(&q->renewal, service);
	q->x = x;
	q->renewal.task.done = list_made;
	if (r == 0)
		r = writer_submit(service->writer, &q->renewal.task);
	if (r < 0) {
		crl_renewal_free(&q->renewal);
		free(q);
	}
	return r;
}

/* One that is a day old, of seven, is made anew by who asks for it first; or one from the future,
 * which a wrong clock made. */
static void handle_list(struct service *service, struct exchange *x)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(HTTP_ANSWER_MAX);
	int64_t made = 0, now = now_us() / SECONDS_US;
	int r = terminals_crl(service->terminals, &der, &made);

	if (r == 0 && now - made < CRL_DAY && made <= now + CLOCK_TOLERANCE_US / SECONDS_US) {
		answer_list(x, &der);
		return;
	}
	if (r == 0 || r == FUDA_ENOTFOUND)
		r = make_list(service, x);
	if (r < 0)
		send_list(service, x, r);
}

/* ---- certificates ---- */

struct request {
	struct application application; /* first */
	struct exchange *x;
	bool guess; /* it took a turn of the meter, which it keeps if the code was wrong */
	size_t turn;
};

static void free_request(struct request *q)
{
	application_free(&q->application);
	free(q);
}

static void application_done(struct task *task, int result)
{
	static const struct http_answer wait = {
		.status = 202, .content_type = "text/plain", .body = "", .retry_after = EST_RETRY
	};
	struct request *q = (struct request *)task;
	struct application *a = &q->application;

	if (q->guess && (result < 0 || a->end != APPLICATION_UNKNOWN))
		meter_give_back(terminals_guesses(a->service->terminals), q->turn);
	if (result < 0)
		fail(a->service, q->x, result);
	else if (a->end == APPLICATION_ISSUED)
		answer_certificate(a->service, a->ctx, q->x, &a->certificate);
	else if (a->end == APPLICATION_WAITS)
		http_answer(q->x, &wait);
	else
		refuse(q->x, &problems[a->end]);
	free_request(q);
}

/* The body: a PKCS#10 request in base64. */
static int read_request(const struct http_request *http, struct application *a)
{
	int r = base64_decode_lines((const char *)http->body, http->body_len, &a->request);

	return r < 0 ? r : csr_check(a->ctx, a->request.data, a->request.len, &a->csr);
}

/* Takes what both kinds have in common; NULL: it is answered. */
static struct request *take_request(struct service *service, struct exchange *x)
{
	const struct http_request *http = http_request(x);
	struct request *q;
	int r;

	if (strcmp(http->content_type, "application/pkcs10") != 0) {
		refuse(x, &bad_type);
		return NULL;
	}
	q = calloc(1, sizeof(*q));
	r = q ? application_init(&q->application, service) : FUDA_ENOMEM;
	if (r == 0)
		r = read_request(http, &q->application);
	if (r == 0) {
		q->x = x;
		q->application.task.done = application_done;
		return q;
	}
	if (r == FUDA_ENOMEM || r == FUDA_EFAILED)
		fail(service, x, r);
	else
		refuse(x, &malformed);
	if (q)
		free_request(q);
	return NULL;
}

static void submit(struct request *q)
{
	struct service *service = q->application.service;
	int r;

	application_ready(&q->application);
	r = writer_submit(service->writer, &q->application.task);
	if (r < 0)
		application_done(&q->application.task, r);
}

/* "Basic " and base64 of NAME:PASSWORD (RFC 7617 2), of which the name does not matter. */
static int read_code(struct service *service, const char *authorization, uint8_t ret[BLIND_BYTES])
{
	static const char scheme[] = "Basic ";
	_cleanup_buf_ struct fuda_buf both = FUDA_BUF_INIT(HTTP_AUTHORIZATION_MAX);
	const char *colon, *text = authorization + sizeof(scheme) - 1;

	if (strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0 ||
	    base64_decode(text, strlen(text), &both) < 0 || both.len == 0)
		return FUDA_EFORMAT;
	colon = memchr(both.data, ':', both.len);
	if (!colon++)
		return FUDA_EFORMAT;
	return code_blind(service->keys, colon,
			  both.len - (size_t)(colon - (const char *)both.data), ret);
}

static void handle_enroll(struct service *service, struct exchange *x)
{
	struct meter *guesses = terminals_guesses(service->terminals);
	struct request *q;
	int wait, r;

	/* RFC 9110 11.6.1; a one-time code is said as a password: RFC 7030 3.2.3 */
	http_challenge(x, "Basic realm=\"est\"");
	if (!*http_request(x)->authorization) {
		refuse(x, &problems[APPLICATION_UNKNOWN]);
		return;
	}
	q = take_request(service, x);
	if (!q)
		return;
	if (meter_take(guesses, now_us() / SECONDS_US, http_request(x)->source, &q->turn, &wait) <
	    0) {
		http_problem(x, 429, "too_many_guesses", "Too many wrong codes", NULL, wait);
		free_request(q);
		return;
	}
	q->guess = true;
	r = read_code(service, http_request(x)->authorization, q->application.code);
	if (r == 0) {
		submit(q);
		return;
	}
	q->application.end = APPLICATION_UNKNOWN;
	application_done(&q->application.task, r == FUDA_EFORMAT ? 0 : r);
}

static void handle_reenroll(struct service *service, struct exchange *x)
{
	const struct http_request *http = http_request(x);
	struct terminal terminal;
	const char *code;
	struct request *q;
	int r;

	if (!http->certificate) {
		refuse(x, &no_terminal);
		return;
	}
	r = terminal_ask(service->terminals, http->certificate, http->certificate_len,
			 now_us() / SECONDS_US, &terminal, &code);
	if (r == FUDA_EREFUSED)
		http_problem(x, 401, code, "Not authorized", NULL, 0);
	else if (r < 0)
		fail(service, x, r);
	if (r < 0)
		return;
	http_caller(x, terminal.id);
	q = take_request(service, x);
	if (!q)
		return;
	q->application.renewal = true;
	memcpy(q->application.terminal, terminal.id, ID_BYTES);
	memcpy(q->application.serial, terminal.serial, CA_SERIAL);
	submit(q);
}

/* ---- which ---- */

static const struct route {
	const char *path, *method;
	void (*handle)(struct service *service, struct exchange *x);
} routes[] = {
	{ BASE_PATH "cacerts", "GET", handle_cacerts },
	{ BASE_PATH "csrattrs", "GET", handle_csrattrs },
	{ BASE_PATH "simpleenroll", "POST", handle_enroll },
	{ BASE_PATH "simplereenroll", "POST", handle_reenroll },
	{ "/crl/terminals.crl", "GET", handle_list },
};

static const struct route *route_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		if (strcmp(path, routes[i].path) == 0)
			return &routes[i];
	return NULL;
}

bool est_serves(const char *path)
{
	return route_of(path) != NULL;
}

void est_handle(struct service *service, struct exchange *x)
{
	const struct http_request *http = http_request(x);
	const struct route *route = route_of(http->path);

	if (!route)
		http_problem(x, 404, "not_found", "Not found", NULL, 0);
	else if (strcmp(http->method, route->method) != 0)
		http_not_allowed(x, route->method);
	else
		route->handle(service, x);
}
