/* SPDX-License-Identifier: Apache-2.0 */
/* A service of the platform that a test plays: TLS on loopback, one connection at a time, and answers
 * as bad as they may be. */
#ifndef TESTS_MYKEY_PEER_H
#define TESTS_MYKEY_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <fuda/buf.h>

struct peer_request {
	char method[8], target[160];
	char head[8192]; /* all its lines */
	uint8_t body[32768];
	size_t body_len;
	bool certified;   /* the client showed a certificate */
	uint8_t key[256]; /* its SubjectPublicKeyInfo */
	size_t key_len;
};

/* What is sent. Zero is an empty 200. */
struct peer_answer {
	int status;       /* 0: 200 */
	const char *type; /* NULL: application/json */
	char head[512];   /* more lines, each with CR LF */
	char body[200000];
	size_t body_len; /* 0: strlen(body) */
	bool drop;       /* nothing at all: the connection is closed */
	bool cut;        /* the last byte does not come */
	bool raw;        /* the body is all that is sent, then the connection is closed */
	int delay_ms;    /* before it */
};

struct mykey_peer;
/* Answers a request, on the peer's thread. */
typedef void (*peer_handler)(void *arg, const struct peer_request *request, struct peer_answer *ret);

enum peer_kind {
	PEER_GOOD,
	PEER_OTHER_CA,   /* its certificate is from a CA that nobody named */
	PEER_FORGED,     /* ... names the CA, which did not sign it */
	PEER_OTHER_HOST, /* ... for another host */
	PEER_EXPIRED,
	PEER_OLD_TLS, /* TLS 1.1 at most */
	PEER_NO_TLS,
};
struct mykey_peer *peer_start(enum peer_kind kind, peer_handler handle, void *arg);
void peer_stop(struct mykey_peer **peer);
/* "https://127.0.0.1:PORT" */
const char *peer_origin(const struct mykey_peer *peer);
/* How many requests there were, and connections. */
int peer_requests(struct mykey_peer *peer);
int peer_connections(struct mykey_peer *peer);

/* ---- its CA, one for all peers of a process ---- */

/* PEM */
const char *peer_ca(void);

struct peer_certificate {
	const char *uri;         /* NULL: none */
	const char *environment; /* NULL: none */
	time_t not_before, not_after;
	bool other_key; /* not the request's */
};
/* Replaces the content of `ret_der` by a certificate for the request (DER). */
void peer_issue(const uint8_t *csr, size_t len, const struct peer_certificate *what, struct fuda_buf *ret_der);
/* A certs-only PKCS #7 of these certificates and the CA's (DER). */
void peer_pkcs7(const struct fuda_buf *certificates, size_t count, struct fuda_buf *ret_der);

#endif
