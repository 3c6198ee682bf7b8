/* SPDX-License-Identifier: Apache-2.0 */
/* Load for the platform's service, on this machine only: requests over its trusted unix socket on many
 * connections, each one's next request sent when its last one was answered. */
#ifndef TESTS_LOAD_H
#define TESTS_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <fuda/buf.h>

enum { LOAD_CONNECTIONS = 256, LOAD_ANSWER = 8192 };

/* One request: bytes that stay until it is answered. */
struct load_request {
	const uint8_t *bytes;
	size_t len;
	int64_t due; /* microseconds on load_clock(); 0: at once */
	void *own;   /* the caller's */
};

struct load {
	const char *socket;
	int connections;
	/* The next request of `connection`: 1; 0: none any more; -1: none now, ask again soon. */
	int (*next)(void *arg, int connection, struct load_request *ret);
	/* The answer: status and body, and how long it took. */
	void (*answered)(void *arg, int connection, const struct load_request *request, int status,
			 const char *body, size_t len, int64_t us);
	/* The connection broke before the answer: true to send the same again on a new one. */
	bool (*lost)(void *arg, int connection, const struct load_request *request);
	void *arg;
};

/* Microseconds, monotonic. */
int64_t load_clock(void);
/* Runs until no connection has anything to send, or until load_clock() says `end` (0: no end). Whether
 * all was answered. */
bool load_run(const struct load *load, int64_t end);
/* One request and its answer, on a connection of its own; -1: no answer. `ret_body` is replaced. */
int load_one(const char *socket, const uint8_t *request, size_t len, struct fuda_buf *ret_body);
/* A whole HTTP request with the terminal's certificate (base64 of its DER); "" for no key, no body.
 * Replaces the content of `ret`. */
void load_compose(const char *method, const char *target, const char *certificate, const char *key,
		  const char *body, struct fuda_buf *ret);

#endif
