/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal in a folder of the test, and a service that plays the other side of EST. */
#ifndef TESTS_TEST_TERMINAL_H
#define TESTS_TEST_TERMINAL_H

#include "tests/mykey-peer.h"
#include "tests/scratch.h"

#include <fuda/encode.h>
#include <fuda/mykey.h>

#include "codec/base64.h"
#include "mykey/terminal.h"

#define UUID    "0192f0a1-7b2c-7d3e-8f40-5a6b7c8d9e0f"
#define OTHER   "0192f0a1-7b2c-7d3e-8f40-5a6b7c8d9e10"
#define CODE    "QWER-7890-ASDF"
#define DER_MAX 16384

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct mykey_peer *peer;

/* What the peer says next, and what it was asked. */
static struct {
	int waits;  /* so many 202 first */
	int status; /* then this, if not 0 */
	const char *head, *type;
	struct peer_certificate certificate;
	int certificates; /* in the answer */
	const char *body; /* instead of them */
	bool drop;
	const char *origin; /* what it calls itself; NULL: its own */
	const char *version; /* instead of all that */
	int version_status;
	void (*api)(const struct peer_request *rq, struct peer_answer *a); /* what is no EST */
	/* seen */
	int versions; /* so often it was asked what it is */
	char target[176], authorization[256];
	uint8_t csr[4096];
	size_t csr_len;
	bool certified;
	uint8_t key[256];
	size_t key_len;
} play;

static inline void note(const struct peer_request *rq)
{
	struct fuda_buf der = FUDA_BUF_INIT(sizeof(play.csr));
	const char *line = strcasestr(rq->head, "\r\nauthorization: ");

	snprintf(play.target, sizeof(play.target), "%s %s", rq->method, rq->target);
	play.authorization[0] = '\0';
	if (line)
		sscanf(line + 17, "%255[^\r]", play.authorization);
	if (base64_decode_lines((const char *)rq->body, rq->body_len, &der) == 0) {
		memcpy(play.csr, der.data, der.len);
		play.csr_len = der.len;
	}
	play.certified = rq->certified;
	memcpy(play.key, rq->key, sizeof(play.key));
	play.key_len = rq->key_len;
	fuda_buf_free(&der);
}

static inline void say_certificates(struct peer_answer *a)
{
	struct fuda_buf certificates[3] = { FUDA_BUF_INIT(DER_MAX), FUDA_BUF_INIT(DER_MAX), FUDA_BUF_INIT(DER_MAX) };
	struct fuda_buf pkcs7 = FUDA_BUF_INIT(DER_MAX), text = FUDA_BUF_INIT(2 * DER_MAX);

	for (int i = 0; i < play.certificates; i++) {
		struct peer_certificate what = play.certificate;

		if (i) { /* those beside it are others' */
			what.other_key = true;
			what.uri = "urn:mykey:terminal:" OTHER;
		}
		peer_issue(play.csr, play.csr_len, &what, &certificates[i]);
	}
	peer_pkcs7(certificates, (size_t)play.certificates, &pkcs7);
	if (base64_encode(pkcs7.data, pkcs7.len, false, &text) < 0)
		abort();
	/* in lines, as most write it */
	for (size_t i = 0, n = 0; i < text.len; i++) {
		a->body[n++] = (char)text.data[i];
		if (i % 64 == 63) {
			a->body[n++] = '\r';
			a->body[n++] = '\n';
		}
		a->body_len = n;
	}
	for (size_t i = 0; i < 3; i++)
		fuda_buf_free(&certificates[i]);
	fuda_buf_free(&pkcs7);
	fuda_buf_free(&text);
}

static inline void say_version(struct peer_answer *a)
{
	a->status = play.version_status;
	if (play.version)
		snprintf(a->body, sizeof(a->body), "%s", play.version);
	else
		snprintf(a->body, sizeof(a->body), "{\"name\":\"a test\",\"version\":\"1\",\"origin\":\"%s\"}",
			 play.origin ? play.origin : peer_origin(peer));
}

static inline void answer(void *arg, const struct peer_request *rq, struct peer_answer *a)
{
	(void)arg;
	if (strcmp(rq->target, "/version") == 0) {
		play.versions++;
		play.certified = rq->certified;
		say_version(a);
		return;
	}
	if (play.api && strncmp(rq->target, "/.well-known/est/", 17) != 0) {
		play.api(rq, a);
		return;
	}
	note(rq);
	a->drop = play.drop;
	if (play.waits > 0) {
		play.waits--;
		a->status = 202;
		snprintf(a->head, sizeof(a->head), "Retry-After: 7\r\n");
		return;
	}
	a->status = play.status;
	if (play.head)
		snprintf(a->head, sizeof(a->head), "%s", play.head);
	a->type = play.type ? play.type : "application/pkcs7-mime; smime-type=certs-only";
	if (play.body)
		snprintf(a->body, sizeof(a->body), "%s", play.body);
	else if (!play.status)
		say_certificates(a);
}

static inline int setup(void **state)
{
	time_t now = time(NULL);

	memset(&play, 0, sizeof(play));
	play.certificates = 1;
	play.certificate = (struct peer_certificate){
		.uri = "urn:mykey:terminal:" UUID,
		.environment = "test",
		.not_before = now - 3600,
		.not_after = now + 90 * 86400,
	};
	if (scratch_setup(state) < 0 || fuda_context_new(&ctx) < 0 || fuda_deadline_new(60000, &dl) < 0)
		return -1;
	scratch_write("ca.pem", peer_ca(), 0600);
	peer = peer_start(PEER_GOOD, answer, NULL);
	return 0;
}

static inline int teardown(void **state)
{
	peer_stop(&peer);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

static inline int enrol(struct fuda_terminal **ret)
{
	return fuda_terminal_enrol(ctx, scratch_path("t"), peer_origin(peer), scratch_path("ca.pem"), CODE, dl, ret);
}

static inline struct fuda_terminal *enrolled(void)
{
	struct fuda_terminal *t = NULL;

	assert_int_equal(enrol(&t), 0);
	return t;
}

static inline struct fuda_terminal_facts facts_of(struct fuda_terminal *t)
{
	struct fuda_terminal_facts f;

	assert_int_equal(fuda_terminal_facts(t, &f), 0);
	return f;
}

static inline enum fuda_terminal_state state_of(struct fuda_terminal *t)
{
	return facts_of(t).state;
}

/* How often it was asked for something else than what it is. */
static inline int est_requests(void)
{
	return peer_requests(peer) - play.versions;
}

static inline void assert_says(const char *text)
{
	if (!strstr(fuda_context_message(ctx), text))
		fail_msg("\"%s\" does not say \"%s\"", fuda_context_message(ctx), text);
}

/* Opens the folder again, as the next call of a program does. */
static inline void reopen(struct fuda_terminal **t)
{
	fuda_terminal_free(t);
	assert_int_equal(fuda_terminal_open(ctx, scratch_path("t"), t), 0);
}

static inline bool there(const char *name)
{
	struct stat st;

	return stat(scratch_path(name), &st) == 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
