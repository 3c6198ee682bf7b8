/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPS to one service: its certificate is judged by one CA, redirects and proxies are not
 * followed, an answer has a largest size, and every wait ends with the deadline. */
#ifndef MYKEY_HTTP_H
#define MYKEY_HTTP_H

#include <stdbool.h>
#include <fuda/buf.h>
#include <fuda/context.h>
#include <fuda/deadline.h>
#include <fuda/error.h>

enum {
	HTTPS_ANSWER_MAX = 64 * 1024,
	HTTPS_HEAD_MAX = 16 * 1024,
	HTTPS_CONNECT_MS = 10000,
	HTTPS_WAIT_MAX = 86400, /* of a Retry-After, seconds */
};

struct https;

/* A client of `origin` ("https://host[:port]"). `ca`, `certificate` and `key` are PEM and must
 * outlive it; the latter two are NULL for one that does not say who it is. */
int https_new(struct fuda_context *ctx, const char *origin, const struct fuda_buf *ca,
	      const struct fuda_buf *certificate, const struct fuda_buf *key, struct https **ret);
void https_free(struct https **h);

/* Fields that are NULL are not sent. */
struct https_request {
	const char *target; /* "/path?query" */
	const void *body;   /* NULL: GET; otherwise POST */
	size_t body_len;
	const char *content_type;
	const char
		*transfer_encoding; /* Content-Transfer-Encoding, which EST has: RFC 7030 4.2.1 */
	const char *idempotency_key;
	const char *authorization; /* wiped by who made it */
};

struct https_answer {
	int status;
	char content_type[64]; /* lower case, without parameters; "" if there is none */
	int retry_after;       /* seconds; 0: not said */
	struct fuda_buf body;  /* with HTTPS_ANSWER_MAX */
};
#define HTTPS_ANSWER_NONE ((struct https_answer){ .body = FUDA_BUF_INIT(HTTPS_ANSWER_MAX) })
void https_answer_free(struct https_answer *a);

/* One request and its answer, whatever the status. What may be tried again: FUDA_EUNREACHABLE
 * (there was no connection), FUDA_ETRANSPORT (there was one, which was lost). What may not:
 * FUDA_EVERIFY (it is not the service that the CA says), FUDA_EFORMAT (no HTTP, or an answer that
 * is too big), FUDA_ETIMEOUT, FUDA_ECANCELLED. `ret` is empty before. */
int https_exchange(struct https *h, const struct https_request *request, struct fuda_deadline *dl,
		   struct https_answer *ret);
/* Whether any of the last request can have arrived. */
bool https_sent(const struct https *h);
/* For who does not care: a connection that was lost is as bad as none. */
static inline int https_lost(int code)
{
	return code == FUDA_ETRANSPORT ? FUDA_EUNREACHABLE : code;
}

#endif
