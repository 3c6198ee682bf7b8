/* SPDX-License-Identifier: Apache-2.0 */
#include "service/responder.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/deadline.h"
#include "pki/trust.h"

enum { HEAD_MAX = 16384, STATUS_OK = 200 };

/* Who carries one question at a time; idle ones keep their connection for the next. */
struct carrier {
	struct carrier *next;
	CURL *easy;
	struct fuda_context *ctx;
	/* of the answer that is coming */
	struct fuda_buf body;
	size_t head;
};

struct responder {
	const char *url;
	const struct fuda_trust *trust;
	struct curl_slist *fields;
	pthread_mutex_t lock; /* of all below */
	struct carrier *idle;
	struct responder_state state;
	unsigned failures; /* in a row */
	int64_t rests_until;
	bool tried; /* somebody is finding out whether it is back */
};

/* ---- a carrier ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode ready;

static void start_curl(void)
{
	ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void carrier_free(struct carrier **c)
{
	if (!*c)
		return;
	curl_easy_cleanup((*c)->easy);
	fuda_context_free(&(*c)->ctx);
	fuda_buf_free_public(&(*c)->body);
	free(*c);
	*c = NULL;
}

static size_t take_body(char *bytes, size_t one, size_t len, void *arg)
{
	struct carrier *c = arg;

	return fuda_buf_append(&c->body, bytes, one * len) == 0 ? one * len : 0;
}

static size_t take_head(char *line _unused_, size_t one, size_t len, void *arg)
{
	struct carrier *c = arg;

	c->head += one * len;
	return c->head > HEAD_MAX ? 0 : one * len;
}

/* Everything that curl would take from its surroundings is said here; but for https the CAs of this
 * machine judge who answers: what counts is signed besides. */
static bool set_up(struct carrier *c, const struct responder *responder)
{
	CURL *e = c->easy;
	bool ok = true;

#define SET(option, value) ok &= curl_easy_setopt(e, option, value) == CURLE_OK
	SET(CURLOPT_URL, responder->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_TIMEOUT_MS, (long)RESPONDER_MS);
	SET(CURLOPT_NOSIGNAL, 1L);   /* other threads are at work */
	SET(CURLOPT_QUICK_EXIT, 1L); /* a look-up that hangs is not waited for */
	SET(CURLOPT_USERAGENT, "fudasashi/" PACKAGE_VERSION);
	SET(CURLOPT_HTTPHEADER, responder->fields);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, c);
	SET(CURLOPT_HEADERFUNCTION, take_head);
	SET(CURLOPT_HEADERDATA, c);
#undef SET
	return ok;
}

static struct carrier *carrier_new(const struct responder *responder)
{
	struct carrier *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->body = FUDA_BUF_INIT(OCSP_ANSWER_MAX);
	c->easy = curl_easy_init();
	if (!c->easy || fuda_context_new(&c->ctx) < 0 || !set_up(c, responder))
		carrier_free(&c);
	return c;
}

static struct carrier *carrier_get(struct responder *responder)
{
	struct carrier *c;

	pthread_mutex_lock(&responder->lock);
	c = responder->idle;
	if (c)
		responder->idle = c->next;
	pthread_mutex_unlock(&responder->lock);
	return c ? c : carrier_new(responder);
}

static void carrier_put(struct responder *responder, struct carrier *c)
{
	fuda_buf_clear(&c->body);
	pthread_mutex_lock(&responder->lock);
	c->next = responder->idle;
	responder->idle = c;
	pthread_mutex_unlock(&responder->lock);
}

/* ---- a responder ---- */

bool responder_url_good(const char *url)
{
	static const char *const schemes[] = { "http://", "https://" };
	const char *host = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
			host = url + strlen(schemes[i]);
	if (!host || !*host || strchr("/:?", *host))
		return false;
	for (const char *p = host; *p; p++)
		if (*p <= ' ' || *p >= 0x7F || strchr("@#\\\"<>^`{|}", *p))
			return false;
	return true;
}

int responder_new(struct fuda_context *ctx, const char *url, const struct fuda_trust *trust,
		  struct responder **ret)
{
	static const char *const fields[] = { "Content-Type: application/ocsp-request",
					      "Accept: application/ocsp-response", "Expect:" };
	struct responder *responder = calloc(1, sizeof(*responder));
	bool ok = responder;

	pthread_once(&once, start_curl);
	for (size_t i = 0; i < ARRAY_SIZE(fields) && ok; i++) {
		struct curl_slist *longer = curl_slist_append(responder->fields, fields[i]);

		ok = longer;
		responder->fields = ok ? longer : responder->fields;
	}
	if (!ok || ready != CURLE_OK || pthread_mutex_init(&responder->lock, NULL) != 0) {
		curl_slist_free_all(responder ? responder->fields : NULL);
		free(responder);
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	responder->url = url;
	responder->trust = trust;
	*ret = responder;
	return 0;
}

void responder_free(struct responder **responder)
{
	struct responder *r = *responder;

	if (!r)
		return;
	for (struct carrier *c = r->idle, *next; c; c = next) {
		next = c->next;
		carrier_free(&c);
	}
	curl_slist_free_all(r->fields);
	pthread_mutex_destroy(&r->lock);
	free(r);
	*responder = NULL;
}

/* ---- whether it is asked ---- */

static bool is_down(const struct responder *responder)
{
	return responder->failures >= RESPONDER_FAILURES;
}

/* Locked. One who asks when it has rested is enough to see whether it is back. */
static bool rests(const struct responder *responder)
{
	return is_down(responder) &&
	       (responder->tried || deadline_now() < responder->rests_until);
}

bool responder_rests(struct responder *responder)
{
	bool resting;

	pthread_mutex_lock(&responder->lock);
	resting = rests(responder);
	pthread_mutex_unlock(&responder->lock);
	return resting;
}

static bool begin(struct responder *responder, bool *ret_try)
{
	bool may;

	pthread_mutex_lock(&responder->lock);
	may = !rests(responder);
	*ret_try = may && is_down(responder);
	responder->tried = responder->tried || *ret_try;
	pthread_mutex_unlock(&responder->lock);
	return may;
}

static void count(struct responder_state *state, const enum fuda_revocation *answer)
{
	if (!answer)
		state->failed++;
	else if (*answer == FUDA_REVOCATION_GOOD)
		state->good++;
	else if (*answer == FUDA_REVOCATION_REVOKED)
		state->revoked++;
	else
		state->unknown++;
}

/* `answer` is NULL, and `message` says why, if there is none that counts. */
static void end(struct responder *responder, bool try, int64_t us,
		const enum fuda_revocation *answer, const char *message)
{
	pthread_mutex_lock(&responder->lock);
	count(&responder->state, answer);
	responder->state.us += us;
	responder->tried = responder->tried && !try;
	if (answer)
		responder->failures = 0;
	else
		responder->failures += !is_down(responder);
	if (!answer)
		snprintf(responder->state.message, sizeof(responder->state.message), "%s", message);
	if (is_down(responder))
		responder->rests_until = deadline_now() + RESPONDER_REST_MS;
	pthread_mutex_unlock(&responder->lock);
}

void responder_state(struct responder *responder, struct responder_state *ret)
{
	pthread_mutex_lock(&responder->lock);
	*ret = responder->state;
	ret->down = is_down(responder);
	pthread_mutex_unlock(&responder->lock);
}

/* ---- asking ---- */

/* The answer is in `c->body` then. */
static int carry(struct carrier *c, const struct fuda_buf *question)
{
	long status = 0;
	CURLcode code;

	fuda_buf_clear(&c->body);
	c->head = 0;
	if (curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, question->data) != CURLE_OK ||
	    curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE, (long)question->len) != CURLE_OK)
		return ctx_fail_code(c->ctx, FUDA_EFAILED);
	code = curl_easy_perform(c->easy);
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, NULL); /* it is gone after this */
	if (code == CURLE_WRITE_ERROR)
		return ctx_fail(c->ctx, FUDA_ETOOBIG,
				_("The OCSP responder's answer is too long."));
	if (code != CURLE_OK)
		return ctx_fail(c->ctx, FUDA_EUNREACHABLE,
				_("The OCSP responder does not answer: %s."),
				curl_easy_strerror(code));
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != STATUS_OK)
		return ctx_fail(c->ctx, FUDA_EREFUSED,
				_("The OCSP responder answers with HTTP status %ld."), status);
	return 0;
}

static int ask(struct responder *responder, struct carrier *c, const struct fuda_cert *cert,
	       time_t at, enum fuda_revocation *ret)
{
	_cleanup_(ocsp_question_free) struct ocsp_question *q = NULL;
	struct ocsp_answer answer;
	int r = ocsp_question_new(c->ctx, responder->trust, cert, &q);

	if (r == 0)
		r = carry(c, ocsp_question_der(q));
	if (r == 0)
		r = ocsp_judge(c->ctx, q, c->body.data, c->body.len, at, &answer);
	if (r == 0)
		*ret = answer.revocation;
	return r;
}

int responder_ask(struct responder *responder, const struct fuda_cert *cert, time_t at,
		  enum fuda_revocation *ret)
{
	enum fuda_revocation answer = FUDA_REVOCATION_UNKNOWN;
	uint64_t before = deadline_now_us();
	struct carrier *c;
	bool try;
	int r = FUDA_ENOMEM;

	if (!begin(responder, &try))
		return FUDA_EWAIT;
	c = carrier_get(responder);
	if (c)
		r = ask(responder, c, cert, at, &answer);
	end(responder, try, (int64_t)(deadline_now_us() - before), r == 0 ? &answer : NULL,
	    c ? fuda_context_message(c->ctx) : fuda_error_text(r));
	if (c)
		carrier_put(responder, c);
	if (r == 0)
		*ret = answer;
	return r;
}

int responder_try(struct fuda_context *ctx, struct responder *responder)
{
	const struct trust_ca *ca;
	struct responder_state state;
	enum fuda_revocation answer;
	int r = FUDA_ENOTFOUND;

	for (size_t i = 0; r < 0 && (ca = trust_ca_at(responder->trust, i)); i++)
		if (ca->use != FUDA_USE_SIGN)
			r = responder_ask(responder, ca->cert, time(NULL), &answer);
	if (r == 0)
		return 0;
	responder_state(responder, &state);
	if (!*state.message)
		return ctx_fail(ctx, r, _("No CA of cards is named: the OCSP responder was not "
					  "asked."));
	return ctx_fail(ctx, r, "%s", state.message);
}
