/* SPDX-License-Identifier: Apache-2.0 */
/* A service made of its parts, without sockets: rules, writer, keys, a database, a CA of cards, and
 * exchanges that are no more than what a handler sees of them. */
#ifndef TESTS_PLATFORM_H
#define TESTS_PLATFORM_H

#include "base/deadline.h"
#include "service/challenge.h"
#include "service/http.h"
#include "service/renewal.h"
#include "service/rules.h"
#include "service/service.h"
#include "tests/certs.h"

enum { PLATFORM_TERMINALS = 2 };

struct platform {
	struct service service;
	struct fuda_context *ctx;
	struct store *store;	     /* to look at what the writer wrote */
	/* [0] serves "library" and "bus", [1] "library" */
	struct terminal terminal[PLATFORM_TERMINALS];
	uint8_t library[ID_BYTES], bus[ID_BYTES];
	char where[1024];
};

/* In the empty folder `folder`; the database too, unless FUDA_TEST_POSTGRES is the place of one that
 * may be emptied. */
struct platform *platform_open(const char *folder);
/* Another process on the same database: its own connection, writer and chain. */
struct platform *platform_join(const struct platform *other, const char *folder);
void platform_close(struct platform **p);
/* Another CA of cards, valid now; a file in `folder` is written for that. */
void platform_trust(struct platform *p, const char *folder, struct cert_plan plan);

bool on_postgres(void);

/* A card: a certificate with this serial number (hexadecimal) and the key of all holders. */
struct card {
	struct fuda_buf der;
	enum test_key key;
};
struct card card_make(const char *serial);
/* The same with one field of the certificate otherwise, and signed by `signer`. */
struct card card_with(const char *serial, enum cert_field field, const char *notation);
struct card card_of(struct cert_plan plan);
void card_free(struct card *card);
/* A certificate plan of this serial that is valid now. */
struct cert_plan card_plan(const char *serial);

/* One request, and what it was answered with. */
struct exchange {
	struct http_request request;
	struct fuda_buf sent; /* the request's body */
	char key[128], query[64];
	deadline_word answered;
	int answers;
	int status, retry_after;
	char code[64], detail[256], type[64];
	char body[4096];
};

/* What is posted: made by post_make(), to be changed as a test likes. */
struct post {
	struct platform *p;
	const struct rule *rule;
	const struct terminal *terminal;
	char token[CHALLENGE_TOKEN];
	struct fuda_buf signature;
	const struct card *card;
	char key[128];		/* Idempotency-Key; "": none */
	const char *members;	/* behind the others: ",\"wished\":\"...\""; "" */
	const char *content_type;
	const char *trace;
};
/* With a fresh challenge, signed by the card, under a key of its own. */
struct post post_make(struct platform *p, size_t terminal, const struct card *card,
		      const char *purpose, const char *members);
/* Another challenge, signed: for a repetition whose first answer was lost. */
void post_sign_again(struct post *post);
/* With a challenge made for another purpose, terminal or time. */
void post_sign_for(struct post *post, const char *purpose, const uint8_t terminal[ID_BYTES],
		   int64_t now);
void post_free(struct post *post);
/* Hands it to the rules, and does not wait. post_hook() (NULL: none) is called just before. */
extern void (*post_hook)(void);
void post_begin(struct post *post, struct exchange *x);
/* Whatever is posted, in the place of the body. */
const struct exchange *post_raw(struct post *post, const void *body, size_t len);
/* Waits for the answer (ten seconds at most). */
void exchange_wait(struct exchange *x);
void exchange_free(struct exchange *x);
/* Both. Valid until the next call. */
const struct exchange *post_send(struct post *post);
/* All of it: a fresh request, sent. */
const struct exchange *ask(struct platform *p, size_t terminal, const struct card *card,
			   const char *purpose, const char *members);

/* The text member `name` of an answer, "" if it is not there. Valid until the next call but three. */
const char *member(const struct exchange *x, const char *name);
/* How many rows `sql` ("SELECT COUNT(*) ...") tells of; static text. */
int64_t count(struct platform *p, const struct statement *statement);
#define COUNT(p, text)                                                  \
	({                                                              \
		static const struct statement count_this = { text, 0 }; \
		count(p, &count_this);                                  \
	})
/* The audit trail is whole; how many rows it has. */
int64_t audited(struct platform *p);
/* Whether the bytes are anywhere in the database's files. */
bool database_holds(const struct platform *p, const void *bytes, size_t len);
/* Puts another value in the database's place. */
void change(struct platform *p, const struct statement *statement, const struct datum *params);

/* Holds the writer, so that what is posted meanwhile is one batch, or fills the queue. */
void platform_hold(struct platform *p);
void platform_release(struct platform *p);
/* What is known of all certificates that are asked about from now on; unknown, and not stale: the
 * responder does not know them. */
void platform_revocation(enum fuda_revocation known, bool stale);
/* The service's, if there is one: nobody asks it. */
extern struct responder *platform_responder;

/* How often metrics_result() was told `result` so far. */
int results_told(const char *result);

#endif
