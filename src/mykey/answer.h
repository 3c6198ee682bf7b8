/* SPDX-License-Identifier: Apache-2.0 */
/* What the service says when it does what it was asked: JSON, of which more members than these are
 * no mistake. */
#ifndef MYKEY_ANSWER_H
#define MYKEY_ANSWER_H

#include <fuda/mykey.h>
#include "mykey/http.h"
#include "mykey/terminal.h"
#include "mykey/transcript.h"

enum { ANSWER_TOKEN = 256, ANSWER_DOCTYPE = 256 };

/* A challenge, as it was offered. */
struct answer_challenge {
	char token[ANSWER_TOKEN]; /* for the service to know it again */
	char origin[TERMINAL_ORIGIN], terminal[FUDA_TERMINAL_ID];
	uint8_t nonce[TRANSCRIPT_NONCE];
	int64_t expires;
	char doctype[ANSWER_DOCTYPE]; /* that a phone has to show; "" if it is not said */
};
/* FUDA_EFORMAT. */
int answer_challenge(const struct https_answer *answer, struct answer_challenge *ret);

/* What the terminal `id` is told of itself. FUDA_EFORMAT: also if it is about another one. */
int answer_terminal(const struct https_answer *answer, const char *id, struct terminal_self *ret);

/* What became of the holder's wish; `id` and `ppid` say whether there must be a MyKey ID or a
 * pseudonym in it. FUDA_EFORMAT. */
int answer_wish(const struct https_answer *answer, bool id, bool ppid,
		struct fuda_mykey_answer *ret);

#endif
