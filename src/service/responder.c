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
	unsigned failures;    /* in a row */
	unsigned wrong;       /* answers about cards in a row that do not count */
	bool useless;         /* so were those about the CAs themselves */
	bool nonces;          /* it can answer with ours: then it must */
	uint64_t inside[256]; /* who has a question under way; as many as there may be threads */
	size_t inside_count;
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

/* Where `who` is, or could be. Locked. */
static size_t place_of(const struct responder *responder, uint64_t who)
{
	size_t i = 0;

	while (i < responder->inside_count && responder->inside[i] != who)
		i++;
	return i;
}

bool responder_enter(struct responder *responder, uint64_t who)
{
	bool free;

	pthread_mutex_lock(&responder->lock);
	free = responder->inside_count < ARRAY_SIZE(responder->inside) &&
	       place_of(responder, who) == responder->inside_count;
	if (free)
		responder->inside[responder->inside_count++] = who;
	pthread_mutex_unlock(&responder->lock);
	return free;
}

void responder_leave(struct responder *responder, uint64_t who)
{
	pthread_mutex_lock(&responder->lock);
	responder->inside[place_of(responder, who)] =
		responder->inside[responder->inside_count - 1];
	responder->inside_count--;
	pthread_mutex_unlock(&responder->lock);
}

/* It cannot be asked. */
static bool is_away(int code)
{
	return code == FUDA_EUNREACHABLE || code == FUDA_ETIMEOUT;
}

/* It could not be asked, for reasons of ours. */
static bool is_ours(int code)
{
	return code == FUDA_ENOMEM || code == FUDA_EFAILED;
}

/* A question about a card ended with `code`. What is said of one card, however wrong, is no reason
 * not to ask about others. Locked. */
static void judge_card(struct responder *responder, int code)
{
	if (is_ours(code))
		return;
	responder->state.asked = true;
	if (is_away(code) || code == FUDA_EWAIT) {
		responder->failures += !is_down(responder);
		return;
	}
	responder->failures = 0;
	if (code == 0)
		responder->wrong = 0;
	else if (responder->wrong < RESPONDER_FAILURES)
		responder->wrong++;
}

static bool is_wrong(const struct responder *responder)
{
	return responder->useless || responder->wrong >= RESPONDER_FAILURES;
}

bool responder_helps(struct responder *responder)
{
	bool helps;

	pthread_mutex_lock(&responder->lock);
	helps = !is_down(responder) && !responder->useless;
	pthread_mutex_unlock(&responder->lock);
	return helps;
}

void responder_state(struct responder *responder, struct responder_state *ret)
{
	pthread_mutex_lock(&responder->lock);
	*ret = responder->state;
	ret->down = is_down(responder);
	ret->wrong = is_wrong(responder);
	pthread_mutex_unlock(&responder->lock);
}

/* ---- asking ---- */

/* What is said by who stands before it, or by itself, when it cannot answer. */
static bool is_passing(long status)
{
	return status == 408 || status == 429 || status >= 500;
}

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
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status && status != STATUS_OK)
		return ctx_fail(c->ctx, is_passing(status) ? FUDA_EUNREACHABLE : FUDA_EFORMAT,
				_("The OCSP responder answers with HTTP status %ld."), status);
	if (code == CURLE_WRITE_ERROR)
		return ctx_fail(c->ctx, FUDA_ETOOBIG,
				_("The OCSP responder's answer is too long."));
	return code == CURLE_OK ? 0 :
				  ctx_fail(c->ctx, FUDA_EUNREACHABLE,
					   _("The OCSP responder does not answer: %s."),
					   curl_easy_strerror(code));
}

static int ask(struct responder *responder, struct carrier *c, const struct fuda_cert *cert,
	       time_t at, struct ocsp_answer *ret)
{
	_cleanup_(ocsp_question_free) struct ocsp_question *q = NULL;
	int r = ocsp_question_new(c->ctx, responder->trust, cert, &q);

	if (r == 0)
		r = carry(c, ocsp_question_der(q));
	return r < 0 ? r : ocsp_judge(c->ctx, q, c->body.data, c->body.len, at, ret);
}

/* Who can sign for a question, and signs something else, may be somebody who kept it. Locked. */
static int check_nonce(struct responder *responder, struct fuda_context *ctx,
		       const struct ocsp_answer *answer)
{
	responder->nonces = responder->nonces || answer->nonce;
	return answer->nonce == responder->nonces ?
		       0 :
		       ctx_fail(ctx, FUDA_EVERIFY,
				_("The OCSP responder's answer was made for another question."));
}

/* Why there is no answer that counts. Locked. */
static void tell(struct responder *responder, int code, const struct carrier *c)
{
	snprintf(responder->state.message, sizeof(responder->state.message), "%s",
		 c ? fuda_context_message(c->ctx) : fuda_error_text(code));
}

/* Locked. */
static void count(struct responder_state *state, int code, enum fuda_revocation answer)
{
	if (code < 0)
		state->failed++;
	else if (answer == FUDA_REVOCATION_GOOD)
		state->good++;
	else if (answer == FUDA_REVOCATION_REVOKED)
		state->revoked++;
	else
		state->unknown++;
}

int responder_ask(struct responder *responder, const struct fuda_cert *cert, time_t at,
		  struct ocsp_answer *ret)
{
	uint64_t before = deadline_now_us();
	struct ocsp_answer answer;
	struct carrier *c;
	int r;

	pthread_mutex_lock(&responder->lock);
	r = is_down(responder) ? FUDA_EWAIT : 0;
	pthread_mutex_unlock(&responder->lock);
	if (r < 0)
		return r;
	c = carrier_get(responder);
	r = c ? ask(responder, c, cert, at, &answer) : FUDA_ENOMEM;
	pthread_mutex_lock(&responder->lock);
	if (r == 0)
		r = check_nonce(responder, c->ctx, &answer);
	judge_card(responder, r);
	count(&responder->state, r, r < 0 ? FUDA_REVOCATION_UNKNOWN : answer.revocation);
	responder->state.us += (int64_t)(deadline_now_us() - before);
	if (r < 0)
		tell(responder, r, c);
	else
		*ret = answer;
	pthread_mutex_unlock(&responder->lock);
	if (c)
		carrier_put(responder, c);
	return r;
}

/* ---- looking whether it is there ---- */

struct probe {
	bool there, counts, refused;
	int bad; /* the first error, but for FUDA_EREFUSED */
	char message[RESPONDER_MESSAGE_MAX];
};

/* False: there is nobody to ask about the next. */
static bool probe_ca(struct responder *responder, struct carrier *c, const struct trust_ca *ca,
		     struct probe *p)
{
	struct ocsp_answer answer;
	int e = ask(responder, c, ca->cert, time(NULL), &answer);

	p->there = p->there || !(is_away(e) || is_ours(e));
	p->counts = p->counts || e == 0;
	p->refused = p->refused || e == FUDA_EREFUSED;
	if (e < 0 && e != FUDA_EREFUSED && !p->bad) {
		p->bad = e;
		snprintf(p->message, sizeof(p->message), "%s", fuda_context_message(c->ctx));
	}
	return !is_away(e) && !is_ours(e);
}

static void judge_probe(struct responder *responder, const struct probe *p)
{
	pthread_mutex_lock(&responder->lock);
	responder->state.asked = true;
	if (!p->there)
		responder->failures = RESPONDER_FAILURES;
	else if (is_down(responder)) /* the next card shows whether it lasts */
		responder->failures = RESPONDER_FAILURES - 1;
	responder->useless = p->there && !p->counts && p->bad && p->bad != FUDA_EWAIT;
	if (p->bad && !p->counts)
		memcpy(responder->state.message, p->message, sizeof(p->message));
	pthread_mutex_unlock(&responder->lock);
}

int responder_probe(struct fuda_context *ctx, struct responder *responder)
{
	struct carrier *c = carrier_get(responder);
	struct probe p = { 0 };
	const struct trust_ca *ca;
	bool on = true;

	if (!c)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	for (size_t i = 0; on && (ca = trust_ca_at(responder->trust, i)); i++)
		on = ca->use == FUDA_USE_SIGN || probe_ca(responder, c, ca, &p);
	carrier_put(responder, c);
	if (p.there || is_away(p.bad))
		judge_probe(responder, &p);
	if (p.counts)
		return 0;
	if (p.bad)
		return ctx_fail(ctx, p.bad, "%s", p.message);
	return p.refused ? ctx_fail(ctx, FUDA_EREFUSED,
				    _("The OCSP responder does not answer for the CAs themselves: "
				      "cards will show whether it does for them.")) :
			   ctx_fail(ctx, FUDA_ENOTFOUND,
				    _("No CA of cards is named: the OCSP responder was not "
				      "asked."));
}
