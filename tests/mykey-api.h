/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal with its certificate, and a service that answers what it asks as it is told to. */
#ifndef TESTS_MYKEY_API_H
#define TESTS_MYKEY_API_H

#include "tests/process.h"
#include "tests/test-terminal.h"

enum { REPLIES = 8, ALL = 16 };

#define GOOD_BIND "{\"mykey_id\":\"KAWA2SEM\",\"new\":true,\"issued\":\"2026-11-21T23:00:00Z\"}"

/* How the service answers, in order; the last one again and again. */
static struct {
	struct {
		int status;
		const char *type, *head, *body;
		bool challenge; /* a good one; what follows is instead of its parts */
		const char *origin, *terminal, *nonce, *more;
		int expires; /* from now; 0: 120 */
		bool drop, cut;
		int delay_ms, fill; /* so many blanks behind the body */
	} replies[REPLIES];
	int count, next;
	/* what was seen */
	struct {
		char target[168], key[80], type[64];
		char body[16384];
		bool certified;
	} seen[ALL];
	int asked;
} api;

static inline void field_of(const char *head, const char *name, char *ret)
{
	const char *line = strcasestr(head, name);

	*ret = '\0';
	if (line)
		sscanf(line + strlen(name), " %63[^\r]", ret);
}

static inline void say(const struct peer_request *rq, struct peer_answer *a)
{
	int i = api.next < api.count - 1 ? api.next++ : api.count - 1, n = api.asked++ % ALL;
	char own[64];

	snprintf(api.seen[n].target, sizeof(api.seen[n].target), "%s %s", rq->method, rq->target);
	field_of(rq->head, "\r\nidempotency-key:", api.seen[n].key);
	field_of(rq->head, "\r\ncontent-type:", api.seen[n].type);
	snprintf(api.seen[n].body, sizeof(api.seen[n].body), "%.*s", (int)rq->body_len, (const char *)rq->body);
	api.seen[n].certified = rq->certified;
	a->status = api.replies[i].status;
	a->type = api.replies[i].type;
	a->drop = api.replies[i].drop;
	a->cut = api.replies[i].cut;
	a->delay_ms = api.replies[i].delay_ms;
	if (api.replies[i].head)
		snprintf(a->head, sizeof(a->head), "%s", api.replies[i].head);
	if (api.replies[i].body)
		snprintf(a->body, sizeof(a->body), "%s", api.replies[i].body);
	snprintf(own, sizeof(own), "%s", peer_origin(peer));
	if (api.replies[i].challenge)
		snprintf(a->body, sizeof(a->body),
			 "{\"challenge\":\"a-token_1\",\"nonce\":\"%s\",\"expires\":%lld,\"origin\":\"%s\","
			 "\"terminal\":\"%s\"%s}",
			 api.replies[i].nonce ? api.replies[i].nonce : "AAECAwQFBgcICQoLDA0ODw",
			 (long long)time(NULL) + (api.replies[i].expires ? api.replies[i].expires : 120),
			 api.replies[i].origin ? api.replies[i].origin : own,
			 api.replies[i].terminal ? api.replies[i].terminal : UUID,
			 api.replies[i].more ? api.replies[i].more : "");
	if (api.replies[i].fill) {
		memset(a->body + strlen(a->body), ' ', (size_t)api.replies[i].fill);
	}
}

/* ---- the frame ---- */

static struct fuda_terminal *terminal;
static struct fuda_mykey *mykey;
static struct fuda_buf certificate = FUDA_BUF_INIT(64), signature = FUDA_BUF_INIT(64);
static struct fuda_mykey_answer got;

/* What is not known of one request is kept for the next, which is a test of its own. */
static bool keeping;

static inline int setup_client(void **state)
{
	if (setup(state) < 0)
		return -1;
	memset(&api, 0, sizeof(api));
	memset(&got, 0, sizeof(got));
	play.api = say;
	keeping = false;
	terminal = enrolled();
	fuda_buf_set(&certificate, "\x30\x03\x02\x01\xFF", 5);
	fuda_buf_set(&signature, "\xFB\xEF\xBE", 3);
	return fuda_mykey_new(terminal, &mykey);
}

static inline int teardown_client(void **state)
{
	fuda_mykey_free(&mykey);
	fuda_terminal_free(&terminal);
	fuda_buf_free(&certificate);
	fuda_buf_free(&signature);
	return teardown(state);
}

static inline int challenge(enum fuda_mykey_purpose purpose, struct fuda_digest *ret)
{
	const struct fuda_mykey_wish wish = { .purpose = purpose };

	return fuda_mykey_challenge(mykey, &wish, dl, ret);
}

/* Before a request whose time is short: what is slow here is not what is tested. */
static void (*before_asking)(void);

/* With a good challenge before it. */
static inline int ask_wish(const struct fuda_mykey_wish *wish)
{
	struct fuda_digest digest;

	memset(&got, 0, sizeof(got));
	if (!keeping)
		(void)unlink(scratch_path("t/unsure"));
	if (fuda_mykey_challenge(mykey, wish, dl, &digest) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	if (before_asking)
		before_asking();
	before_asking = NULL;
	return fuda_mykey_ask(mykey, wish, &certificate, &signature, dl, &got);
}

static inline int ask(enum fuda_mykey_purpose purpose)
{
	return ask_wish(&(struct fuda_mykey_wish){ .purpose = purpose, .local_number = "1200345" });
}

/* The replies from `n` on. */
#define REPLY(...)                                                  \
	do {                                                        \
		__typeof__(api.replies[0]) all[] = { __VA_ARGS__ }; \
		memcpy(api.replies, all, sizeof(all));              \
		api.count = (int)ARRAY_SIZE(all);                   \
		api.next = api.asked = 0;                           \
	} while (0)
#define CHALLENGE                 \
	{                         \
		.challenge = true \
	}
#define PROBLEM(code_) \
	"{\"type\":\"urn:mykey:problem:" code_ "\",\"title\":\"T\",\"status\":403,\"code\":\"" code_ "\"}"
#define PROBLEM_TYPE "application/problem+json"

static int64_t begun_at;

static inline void little_time(void)
{
	fuda_deadline_restart(dl, 700);
	begun_at = now_ms();
}

#define CLIENT(f) cmocka_unit_test_setup_teardown(f, setup_client, teardown_client)

#endif
