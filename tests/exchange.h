/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler is called with, without HTTP: a request as written down here, and the answer as it is
 * given, with what follows of it on whatever thread. */
#ifndef TESTS_EXCHANGE_H
#define TESTS_EXCHANGE_H

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "service/http.h"
#include "base/util.h"

struct exchange {
	struct http_request request;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int answers;
	int status, retry_after;
	const char *type, *encoding, *challenge;
	char code[64];
	struct fuda_buf body;
};

#define EXCHANGE(method_, path_)                                                                  \
	{                                                                                         \
		.request = { .method = method_, .path = path_, .query = "", .content_type = "",   \
			     .idempotency_key = "", .authorization = "", .trace = "" },           \
		.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER,           \
		.type = "", .encoding = "", .body = FUDA_BUF_INIT(HTTP_ANSWER_MAX),                \
	}

static void exchange_end(struct exchange *x, int status, int retry_after, const void *body, size_t len)
{
	pthread_mutex_lock(&x->lock);
	x->answers++;
	x->status = status;
	x->retry_after = retry_after;
	if (fuda_buf_set(&x->body, body, len) < 0)
		x->status = -1;
	pthread_cond_signal(&x->changed);
	pthread_mutex_unlock(&x->lock);
}

void http_answer(struct exchange *x, const struct http_answer *answer)
{
	x->type = answer->content_type;
	x->encoding = answer->transfer_encoding ? answer->transfer_encoding : "";
	exchange_end(x, answer->status, answer->retry_after, answer->body, answer->body_len);
}

const struct http_request *http_request(const struct exchange *x)
{
	return &x->request;
}

void http_caller(struct exchange *x, const uint8_t caller[16])
{
	memcpy(x->request.caller, caller, sizeof(x->request.caller));
}

void http_problem(struct exchange *x, int status, const char *code, const char *title, const char *detail,
		  int retry_after)
{
	x->type = "application/problem+json";
	snprintf(x->code, sizeof(x->code), "%s", code);
	(void)detail;
	exchange_end(x, status, retry_after, title, strlen(title));
}

void http_rule(struct exchange *x, const char *rule)
{
	x->request.rule = rule;
}

void http_challenge(struct exchange *x, const char *challenge)
{
	x->challenge = challenge;
}

void http_not_allowed(struct exchange *x, const char *allow)
{
	http_problem(x, 405, "method_not_allowed", allow, NULL, 0);
}

/* Until it is answered. */
static inline void exchange_wait(struct exchange *x)
{
	pthread_mutex_lock(&x->lock);
	while (!x->answers)
		pthread_cond_wait(&x->changed, &x->lock);
	pthread_mutex_unlock(&x->lock);
}

static inline void exchange_free(struct exchange *x)
{
	fuda_buf_free(&x->body);
}

#endif
