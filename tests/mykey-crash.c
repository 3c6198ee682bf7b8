/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the platform's service busy while somebody kills it, and then sees that all that was answered is
 * true: mykey-crash FOLDER writes the files of a test CA to FOLDER, says "made", and then takes a line
 * from standard input: "SOCKET TERMINAL CONNECTIONS". From then on cards go through their lives, each
 * request repeated until it is answered, until a line "stop" comes. Then each answer is asked for once
 * more: it is the same, or out of date where something was changed for the card behind it. A line
 * "action=count ..." says what must be in the audit trail. Ends with 1 if an answer was wrong or is not
 * what it was. */
#include "tests/load.h"
#include "tests/world.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The life of a card. */
static const struct stage {
	const char *purpose, *path;
	const char *more; /* "%u" is the number of the card */
	int status;
	const char *action; /* in the audit trail; NULL: it changes nothing */
} stages[] = {
	{ "bind", "/v1/mykeys", "", 201, "bind" },
	{ "resolve", "/v1/resolve", "", 200, "resolve" },
	{ "link", "/v1/links", ",\"local_number\":\"L%u\"", 200, "link" },
	{ "change", "/v1/mykeys:change", "", 200, "change" },
	{ "show", "/v1/mykeys:show", "", 200, NULL },
	{ "unlink", "/v1/links:unlink", "", 200, "unlink" },
	{ "expire", "/v1/mykeys:expire", "", 200, "expire" },
	{ "bind", "/v1/mykeys", "", 201, "bind" },
};
enum { STAGES = sizeof(stages) / sizeof(stages[0]), ANSWERS_MAX = 200000, TRIES_AGAIN_US = 50000 };

/* An answer that counts. */
struct known {
	uint32_t card;
	int stage;
	char *body;
};
static struct known *all;
static size_t all_count;

struct worker {
	uint32_t card;
	int stage;
	bool pending; /* the request waits to be sent again */
	struct fuda_buf request;
	int64_t due;
};
static struct worker workers[LOAD_CONNECTIONS];
static const char *socket_path, *terminal;
static uint32_t cards;
static int wrong;
static bool stopping;

static void insist(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "mykey-crash: %s\n", what);
	exit(1);
}

static void key_of(uint32_t card, int stage, char ret[40])
{
	snprintf(ret, 40, "crash-%u-%d", card, stage);
}

/* A request with a fresh challenge. False: the service does not answer now. */
static bool compose(uint32_t card, int stage, struct fuda_buf *ret)
{
	const struct stage *s = &stages[stage];
	struct fuda_buf get = FUDA_BUF_INIT(16384), body = FUDA_BUF_INIT(16384);
	char target[64], key[40], more[64];
	bool good;

	snprintf(target, sizeof(target), "/v1/challenge?purpose=%s", s->purpose);
	snprintf(more, sizeof(more), s->more, card);
	key_of(card, stage, key);
	load_compose("GET", target, terminal, "", "", &get);
	good = load_one(socket_path, get.data, get.len, &body) == 200 && fuda_buf_append(&body, "", 1) == 0 &&
	       world_body(card, s->purpose, (const char *)body.data, more, &body);
	if (good)
		load_compose("POST", s->path, terminal, key, (const char *)body.data, ret);
	fuda_buf_free_public(&get);
	fuda_buf_free_public(&body);
	return good;
}

static bool told_to_stop(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	stopping = stopping || poll(&in, 1, 0) != 0;
	return stopping;
}

static int next(void *arg, int connection, struct load_request *ret)
{
	struct worker *w = &workers[connection];

	(void)arg;
	if (!w->pending) {
		if (told_to_stop() || all_count == ANSWERS_MAX)
			return 0;
		if (w->stage == STAGES) {
			w->stage = 0;
			w->card = cards++;
		}
		if (!compose(w->card, w->stage, &w->request))
			return -1;
		w->due = 0;
	}
	w->pending = false;
	*ret = (struct load_request){ w->request.data, w->request.len, w->due, NULL };
	return 1;
}

static void answered(void *arg, int connection, const struct load_request *request, int status, const char *body,
		     size_t len, int64_t us)
{
	struct worker *w = &workers[connection];

	(void)arg;
	(void)request;
	(void)us;
	if (status == 503 || status == 429) {
		w->pending = true;
		w->due = load_clock() + TRIES_AGAIN_US;
		return;
	}
	if (status != stages[w->stage].status && wrong++ < 10)
		fprintf(stderr, "mykey-crash: card %u, %s: %d %.*s\n", w->card, stages[w->stage].purpose, status,
			(int)len, body);
	all[all_count++] = (struct known){ w->card, w->stage, strndup(body, len) };
	w->stage++;
}

static bool lost(void *arg, int connection, const struct load_request *request)
{
	(void)arg;
	(void)connection;
	(void)request;
	return true;
}

/* Whether something was changed for the card behind answer `i`; its answers are in their order. */
static bool is_outdated(size_t i)
{
	for (size_t j = i + 1; j < all_count; j++)
		if (all[j].card == all[i].card && stages[all[j].stage].action)
			return true;
	return false;
}

static bool is_as_it_was(size_t i, int status, const struct fuda_buf *body)
{
	const struct known *k = &all[i];

	if (is_outdated(i))
		return status == 409 && memmem(body->data, body->len, "answer_outdated", strlen("answer_outdated"));
	return status == stages[k->stage].status && body->len == strlen(k->body) &&
	       memcmp(body->data, k->body, body->len) == 0;
}

/* Each answer again, under its key and with a fresh challenge. */
static void ask_again(void)
{
	struct fuda_buf request = FUDA_BUF_INIT(16384), body = FUDA_BUF_INIT(16384);

	for (size_t i = 0; i < all_count; i++) {
		const struct known *k = &all[i];
		int status = -1;

		if (compose(k->card, k->stage, &request))
			status = load_one(socket_path, request.data, request.len, &body);
		if (!is_as_it_was(i, status, &body) && wrong++ < 10)
			fprintf(stderr, "mykey-crash: card %u, %s: was %s, is %d %.*s\n", k->card,
				stages[k->stage].purpose, k->body, status, (int)body.len, (const char *)body.data);
	}
	fuda_buf_free_public(&request);
	fuda_buf_free_public(&body);
}

static void tell_counts(void)
{
	for (int s = 0; s < STAGES; s++) {
		size_t count = 0;
		bool before = !stages[s].action;

		for (int t = 0; t < s; t++)
			before = before || strcmp(stages[t].purpose, stages[s].purpose) == 0;
		if (before)
			continue;
		for (size_t i = 0; i < all_count; i++)
			count += strcmp(stages[all[i].stage].purpose, stages[s].purpose) == 0;
		printf("%s=%zu ", stages[s].action, count);
	}
	printf("cards=%u answers=%zu wrong=%d\n", cards, all_count, wrong);
}

int main(int argc, char **argv)
{
	static char line[8192], path[4096], certificate[4096];
	struct fuda_buf text = FUDA_BUF_INIT(16384);
	int connections = 0;
	struct load load = { NULL, 0, next, answered, lost, NULL };

	insist(argc == 2, "mykey-crash FOLDER");
	world_make(argv[1], 100);
	all = calloc(ANSWERS_MAX + LOAD_CONNECTIONS, sizeof(*all));
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	puts("made");
	insist(all && fgets(line, sizeof(line), stdin) &&
		       sscanf(line, "%4095s %4095s %d", path, certificate, &connections) == 3 &&
		       connections <= LOAD_CONNECTIONS,
	       "SOCKET TERMINAL CONNECTIONS");
	world_terminal(certificate, &text);
	socket_path = load.socket = path;
	terminal = (const char *)text.data;
	load.connections = connections;
	for (int i = 0; i < connections; i++)
		workers[i] = (struct worker){ .stage = STAGES, .request = FUDA_BUF_INIT(16384) };
	load_run(&load, 0);
	ask_again();
	tell_counts();
	return wrong != 0;
}
