/* SPDX-License-Identifier: Apache-2.0 */
/* A session with the service from inside, and requests that are sent until they are answered. */
#ifndef MYKEY_ASK_H
#define MYKEY_ASK_H

#include "mykey/answer.h"

enum { ASKING_KEY = 16, ASKING_BODY = 32768 };

struct fuda_mykey {
	struct fuda_terminal *terminal;
	struct fuda_context *ctx;
	fuda_mykey_wait wait;
	void *arg;
	/* the challenge that was got last */
	bool challenged;
	enum fuda_mykey_purpose purpose;
	char token[ANSWER_TOKEN];
	uint8_t nonce[TRANSCRIPT_NONCE];
	int64_t expires;
	int64_t ends; /* when the service takes it no more (deadline_now()); 0: there was none */
	char refused[48]; /* the code of what was not given last: ask_get(); "" */
};

struct purpose {
	const char *name, *path;
	bool changes;  /* there is something to be unsure of */
	bool id, ppid; /* that its answer must have */
	bool phone;    /* one presents for the challenge, */
	bool alone;    /* ... and there is no card */
};

const struct purpose *ask_purpose(enum fuda_mykey_purpose purpose);

/* One request, however often it is sent. */
struct asking {
	struct fuda_mykey *m;
	const struct purpose *purpose;
	struct fuda_deadline *dl;
	struct fuda_buf body;
	char key[2 * ASKING_KEY + 1];
	bool unsure; /* it may have arrived, and there was no answer */
	int pause;   /* ms, before the next time */
	/* Takes an answer of 200 or 201. */
	int (*take)(struct asking *a, const struct https_answer *answer);
	void *to; /* take()'s */
};
void asking_free(struct asking *a);
/* Gives it its key, once its body was made with the result `body`. */
int asking_start(struct asking *a, int body);
/* Sends it until there is an answer, which take() takes; `ret` is filled if it is a refusal. */
int asking_run(struct asking *a, struct fuda_mykey_answer *ret);
/* Nothing more is tried: whether it was done is known or not. */
int asking_give_up(struct asking *a, int code);

/* What would be refused anyway, for a reason that is known here. */
int ask_check_terminal(struct fuda_mykey *m);
/* GETs `target` until the answer is one of 200. */
int ask_get(struct fuda_mykey *m, const char *target, struct fuda_deadline *dl,
	    struct https_answer *ret);
/* Takes a challenge for what `wish` says, once it is known to be good for nothing but what is
 * wanted here and now. */
int ask_take_challenge(struct fuda_mykey *m, const struct fuda_mykey_wish *wish,
		       const struct https_answer *a, struct fuda_digest *ret);
/* Writes down `code`, with a text about the service, whose origin stands for %s. */
int ask_says(struct fuda_mykey *m, int code, const char *text);

#endif
