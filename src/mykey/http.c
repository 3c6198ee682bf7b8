/* SPDX-License-Identifier: Apache-2.0 */
#include "mykey/http.h"

#include <curl/curl.h>
#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/deadline.h"

enum { LOOK_MS = 1000, URL_MAX = 1024, HEADER_MAX = 512 };

struct https {
	struct fuda_context *ctx;
	char *origin;
	CURLM *multi;
	CURL *easy;
	bool sent;
	/* of the exchange that is going on */
	struct https_answer *answer;
	size_t head;
	bool too_big;
};

static void slist_free(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

/* ---- what comes ---- */

static size_t take_body(char *bytes, size_t one, size_t len, void *arg)
{
	struct https *h = arg;

	if (fuda_buf_append(&h->answer->body, bytes, one * len) == 0)
		return one * len;
	h->too_big = true;
	return 0;
}

static size_t take_head(char *line _unused_, size_t one, size_t len, void *arg)
{
	struct https *h = arg;

	h->head += one * len;
	h->too_big |= h->head > HTTPS_HEAD_MAX;
	return h->too_big ? 0 : one * len;
}

static void take_type(CURL *easy, char ret[64])
{
	const char *type = NULL;
	size_t len;

	*ret = '\0';
	if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type) != CURLE_OK || !type)
		return;
	len = strcspn(type, "; \t");
	for (size_t i = 0; i < len && i < 63; i++) {
		ret[i] = (char)tolower((unsigned char)type[i]);
		ret[i + 1] = '\0';
	}
}

static int take_wait(CURL *easy)
{
	curl_off_t seconds = 0;

	if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds < 0)
		return 0;
	return (int)MIN(seconds, (curl_off_t)HTTPS_WAIT_MAX);
}

static bool was_sent(CURL *easy)
{
	curl_off_t us = 0;

	/* when TCP and TLS were there and the request could go out */
	return curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &us) != CURLE_OK || us > 0;
}

/* ---- a client ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode ready;

static void start_curl(void)
{
	ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static CURLcode set_blob(CURL *easy, CURLoption option, const struct fuda_buf *pem)
{
	struct curl_blob blob = { pem->data, pem->len, CURL_BLOB_NOCOPY };

	return curl_easy_setopt(easy, option, &blob);
}

/* Everything that curl would take from its surroundings is said here. */
static bool set_up(struct https *h, const struct fuda_buf *ca, const struct fuda_buf *certificate,
		   const struct fuda_buf *key)
{
	CURL *e = h->easy;
	bool ok = true;

#define SET(option, value) ok &= curl_easy_setopt(e, option, value) == CURLE_OK
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)HTTPS_CONNECT_MS);
	SET(CURLOPT_QUICK_EXIT, 1L); /* a look-up that hangs is not waited for */
	/* On a connection that was there before, curl would send again by itself what may have
	 * arrived, and not tell; nor does one wait at the service for a PIN to be typed. */
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_USERAGENT, "fudasashi/" PACKAGE_VERSION);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, h);
	SET(CURLOPT_HEADERFUNCTION, take_head);
	SET(CURLOPT_HEADERDATA, h);
	SET(CURLOPT_SSLCERTTYPE, "PEM");
	SET(CURLOPT_SSLKEYTYPE, "PEM");
#undef SET
	ok &= set_blob(e, CURLOPT_CAINFO_BLOB, ca) == CURLE_OK;
	if (certificate)
		ok &= set_blob(e, CURLOPT_SSLCERT_BLOB, certificate) == CURLE_OK;
	if (key)
		ok &= set_blob(e, CURLOPT_SSLKEY_BLOB, key) == CURLE_OK;
	return ok;
}

int https_new(struct fuda_context *ctx, const char *origin, const struct fuda_buf *ca,
	      const struct fuda_buf *certificate, const struct fuda_buf *key, struct https **ret)
{
	_cleanup_(https_free) struct https *h = calloc(1, sizeof(*h));

	pthread_once(&once, start_curl);
	if (!h)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	h->ctx = ctx;
	h->origin = strdup(origin);
	h->multi = ready == CURLE_OK ? curl_multi_init() : NULL;
	h->easy = h->multi ? curl_easy_init() : NULL;
	if (!h->origin || !h->easy || !set_up(h, ca, certificate, key))
		return ctx_fail_code(ctx, FUDA_EFAILED);
	*ret = h;
	h = NULL;
	return 0;
}

void https_free(struct https **h)
{
	if (!*h)
		return;
	curl_easy_cleanup((*h)->easy);
	curl_multi_cleanup((*h)->multi);
	free((*h)->origin);
	free(*h);
	*h = NULL;
}

void https_answer_free(struct https_answer *a)
{
	fuda_buf_free(&a->body);
}

bool https_sent(const struct https *h)
{
	return h->sent;
}

/* ---- an exchange ---- */

static bool add_field(struct curl_slist **list, const char *name, const char *value)
{
	char line[HEADER_MAX];
	struct curl_slist *longer = NULL;

	if (!value)
		return true;
	/* "Name:" would have curl leave the field out */
	if ((size_t)snprintf(line, sizeof(line), "%s:%s%s", name, *value ? " " : "", value) <
	    sizeof(line))
		longer = curl_slist_append(*list, line);
	wipe(line, sizeof(line));
	if (longer)
		*list = longer;
	return longer;
}

static bool set_request(struct https *h, const struct https_request *rq, const char *url,
			struct curl_slist **fields)
{
	CURL *e = h->easy;
	bool ok = add_field(fields, "Expect", "") && add_field(fields, "Accept", "*/*") &&
		  add_field(fields, "Content-Type", rq->content_type) &&
		  add_field(fields, "Content-Transfer-Encoding", rq->transfer_encoding) &&
		  add_field(fields, "Idempotency-Key", rq->idempotency_key) &&
		  add_field(fields, "Authorization", rq->authorization);

	ok = ok && curl_easy_setopt(e, CURLOPT_URL, url) == CURLE_OK &&
	     curl_easy_setopt(e, CURLOPT_HTTPHEADER, *fields) == CURLE_OK;
	if (!rq->body)
		return ok && curl_easy_setopt(e, CURLOPT_HTTPGET, 1L) == CURLE_OK;
	return ok && curl_easy_setopt(e, CURLOPT_POST, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_POSTFIELDS, rq->body) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)rq->body_len) == CURLE_OK;
}

static CURLcode outcome(struct https *h)
{
	CURLcode code = CURLE_FAILED_INIT;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)))
		if (m->msg == CURLMSG_DONE && m->easy_handle == h->easy)
			code = m->data.result;
	return code;
}

/* Runs the transfer to its end, or to that of the deadline. */
static int transfer(struct https *h, const struct fuda_deadline *dl, CURLcode *ret_code)
{
	struct curl_waitfd cancel = { .fd = deadline_fd(dl), .events = CURL_WAIT_POLLIN };
	int running = 1, r = 0;

	if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK)
		return FUDA_EFAILED;
	while (r == 0) {
		int left = deadline_left(dl);

		r = deadline_check(dl);
		if (r == 0 && curl_multi_perform(h->multi, &running) != CURLM_OK)
			r = FUDA_EFAILED;
		if (!running)
			break;
		if (r == 0)
			(void)curl_multi_poll(h->multi, &cancel, 1,
					      left < 0 || left > LOOK_MS ? LOOK_MS : left, NULL);
	}
	h->sent = was_sent(h->easy);
	*ret_code = outcome(h);
	curl_multi_remove_handle(h->multi, h->easy);
	return r;
}

/* Why there is no answer. */
static const struct {
	CURLcode curl;
	int code;
	const char *text;
} failures[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, FUDA_EUNREACHABLE,
	  N_("%s cannot be reached: nobody knows that name. Is the network there?") },
	{ CURLE_COULDNT_CONNECT, FUDA_EUNREACHABLE,
	  N_("%s cannot be reached. Is the network there, and the service running?") },
	{ CURLE_OPERATION_TIMEDOUT, FUDA_EUNREACHABLE,
	  N_("%s does not answer. Is the network there, and the service running?") },
	{ CURLE_PEER_FAILED_VERIFICATION, FUDA_EVERIFY,
	  N_("What answers as %s is not the service: its certificate is not from this terminal's "
	     "CA, for another name, or not valid now. Nothing was sent. Check the address, the CA "
	     "file, and the clock of this machine.") },
	{ CURLE_SSL_CACERT_BADFILE, FUDA_EVERIFY,
	  N_("The CA file of this terminal cannot be used; %s was not asked. Put the file back "
	     "that the operator gave (ca.pem in the terminal's folder).") },
	{ CURLE_SSL_CERTPROBLEM, FUDA_EVERIFY,
	  N_("The certificate or key of this terminal cannot be used; %s was not asked. Enrol this "
	     "terminal anew in another folder.") },
	{ CURLE_SSL_CONNECT_ERROR, FUDA_EUNREACHABLE,
	  N_("%s is not the service, does not speak TLS 1.2 or later, or does not accept this "
	     "terminal's certificate. Nothing was sent. Check the address, and tell the "
	     "operator.") },
	{ CURLE_UNSUPPORTED_PROTOCOL, FUDA_EFORMAT,
	  N_("What answers as %s does not speak HTTP. Check the address.") },
	{ CURLE_WEIRD_SERVER_REPLY, FUDA_EFORMAT,
	  N_("What answers as %s does not speak HTTP. Check the address.") },
	{ CURLE_OUT_OF_MEMORY, FUDA_ENOMEM, N_("There is not enough memory to ask %s.") },
};

static int explain(struct https *h, CURLcode code)
{
	if (h->too_big)
		return ctx_fail(h->ctx, FUDA_EFORMAT,
				_("The answer of %s is longer than any of the service can be. "
				  "Check the address."),
				h->origin);
	ctx_log(h->ctx, FUDA_LOG_INFO, "%s", curl_easy_strerror(code));
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (failures[i].curl == code && !(h->sent && code == CURLE_OPERATION_TIMEDOUT))
			return ctx_fail(h->ctx, failures[i].code, _(failures[i].text), h->origin);
	return ctx_fail(h->ctx, h->sent ? FUDA_ETRANSPORT : FUDA_EUNREACHABLE,
			_("The connection to %s was lost. Try again."), h->origin);
}

static int over(struct https *h, int code)
{
	if (code == FUDA_ETIMEOUT)
		return ctx_fail(h->ctx, code, _("%s did not answer in time. Try again."),
				h->origin);
	return ctx_fail_code(h->ctx, code);
}

int https_exchange(struct https *h, const struct https_request *request, struct fuda_deadline *dl,
		   struct https_answer *ret)
{
	_cleanup_(slist_free) struct curl_slist *fields = NULL;
	_cleanup_(https_answer_free) struct https_answer a = HTTPS_ANSWER_NONE;
	char url[URL_MAX];
	CURLcode code = CURLE_OK;
	long status = 0;
	int r;

	h->answer = &a;
	h->head = 0;
	h->too_big = h->sent = false;
	if ((size_t)snprintf(url, sizeof(url), "%s%s", h->origin, request->target) >= sizeof(url))
		return ctx_fail_code(h->ctx, FUDA_EINVAL);
	r = set_request(h, request, url, &fields) ? transfer(h, dl, &code) : FUDA_ENOMEM;
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, NULL); /* they are gone after this */
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, NULL);
	if (r < 0)
		return over(h, r);
	if (code != CURLE_OK)
		return explain(h, code);
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	take_type(h->easy, a.content_type);
	a.retry_after = take_wait(h->easy);
	a.status = (int)status;
	*ret = a;
	a = HTTPS_ANSWER_NONE;
	return 0;
}
