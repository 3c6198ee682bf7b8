/* SPDX-License-Identifier: Apache-2.0 */
/* A request of a terminal for the holder of a card, from its bytes to its answer. */
#ifndef SERVICE_RULE_REQUEST_H
#define SERVICE_RULE_REQUEST_H

#include "codec/json.h"
#include "service/challenge.h"
#include "service/http.h"
#include "service/rule-mdoc.h"
#include "service/rule-tap.h"
#include "service/rules.h"
#include "service/verify.h"

enum {
	RENEWALS = 8, /* so many are followed back */
	CHAIN = 40,   /* the certificate that was presented, and what it may have renewed */
	LOCAL_CHARS = 64,
	LOCAL_TEXT = LOCAL_CHARS * 4 + 1,
	WISH_TEXT = 64, /* room for what is no wish, to say so */
	ANSWER_MAX = 2048,
};

struct request;

/* What is done for a purpose. */
struct deed {
	const char *purpose;
	/* Members of the body besides those that all have. */
	bool sector, wish, number;
	/* Only at a terminal that may tap. */
	bool tap;
	/* It registers for that: rule-tap.h. */
	bool enters;
	/* The holder signs nothing: the certificate is read, and the card answers by another key,
	 * or not at all. */
	bool by_card;
	/* The holder's phone presents for the challenge, too: rule-mdoc.h. */
	bool mdoc;
	/* ... and it alone: there is no card. */
	bool by_mdoc;
	/* It begins what another purpose ends: no challenge is brought, one is given. */
	bool starts;
	/* It makes what others need: a subject with an active MyKey ID. */
	bool makes;
	/* Queues what act() needs to know of the subject. NULL: nothing. */
	int (*read)(struct request *r, struct batch *batch);
	/* Queues the effect and makes the answer, or refuses. */
	int (*act)(struct request *r, struct batch *batch);
};
extern const struct deed deed_bind, deed_show, deed_change, deed_expire, deed_resolve, deed_link,
	deed_unlink, deed_tap_register, deed_tap_unregister, deed_tap_start, deed_tap,
	deed_bind_mdoc, deed_show_mdoc, deed_unbind_mdoc;

struct request {
	struct task task;
	struct service *service;
	struct exchange *x;
	const struct rule *rule;
	const struct deed *deed;
	const char *detail; /* of a refusal; static, or `text` */
	char text[96];

	/* what was asked: judged before the writer sees it */
	uint8_t terminal[ID_BYTES];
	uint8_t serial[CA_SERIAL]; /* of its certificate */
	char key[HTTP_IDEMPOTENCY_MAX + 1];
	char token[CHALLENGE_TOKEN * 2];
	struct fuda_buf certificate, signature;
	char sector_name[SECTOR_NAME];
	bool has_sector, wishes;
	struct terminal_sector sector;
	char wish_text[WISH_TEXT];
	char wished[MYKEY_TEXT];
	char number[LOCAL_TEXT];
	uint8_t number_bidx[BLIND_BYTES];
	struct tap_brought brought;
	struct fuda_buf tap; /* what will be sealed of it */
	struct mdoc_brought presented;
	uint8_t phone[BLIND_BYTES]; /* blind index of its device key */
	struct challenge challenge;
	struct holder holder;
	/* Blind indexes: of the certificate that was presented, and of what it renewed, renewal by
	 * renewal; of one whose issuer is not said it is that of each CA which may have been it.
	 * Or that of the phone alone. */
	uint8_t bidx[CHAIN][BLIND_BYTES];
	uint8_t renewal[CHAIN]; /* which one; 0: none, it was presented */
	size_t chain;
	bool unclear;              /* what was before the last of them is not told for sure */
	uint8_t hash[BLIND_BYTES]; /* of what was asked, keyed */

	/* what the writer found */
	int (*next)(struct request *r, struct batch *batch);
	struct rows states, idem, nonce, credential[CHAIN], own, other;
	int64_t revision; /* of the credential, with what this request changes; 0: there is none */
	bool bound;       /* the subject is known */
	uint8_t subject[ID_BYTES];
	char mykey[MYKEY_TEXT]; /* the active one; "": none */
	int64_t issued;

	/* the answer: a refusal's code, or status and body */
	const char *code;
	int status;
	struct fuda_buf body;
	bool secret; /* the body holds what the database may not know */
};

void request_free(struct request *r);

/* Refuses with one of the codes of the table in rule-answer.c. Gives 0. */
int request_refuse(struct request *r, const char *code);
/* The answer from here on: members are written to `ret`, request_end() gives what failed. */
void request_answer(struct request *r, int status, struct json_out *ret);
/* RFC 3339, UTC, of microseconds. */
enum { TIME_TEXT = 32 };
void request_time(int64_t us, char ret[TIME_TEXT]);

/* One row for the audit trail: who did what to the subject. `data` as in struct audit_entry. */
int request_audit(struct request *r, struct batch *batch, const char *action, const char *data);

/* For what changes something of a subject that was there: the credential gets its next revision,
 * and stays the subject's until all is done. Otherwise that was joined to another one (join.h), and
 * the request begins anew. */
int request_change(struct request *r, struct batch *batch);

/* Issues `id`, or a random one for NULL, to the subject, which has no active one. */
int request_issue(struct request *r, struct batch *batch, const char *id);

/* Makes the certificate that was presented a credential of the subject, in the place of the one
 * whose id is `supersedes` (NULL: of none). */
int request_credential(struct request *r, struct batch *batch, const uint8_t *supersedes);
/* Lets the certificates of the chain before `end` that were never seen be the subject's too, and
 * out of date: whoever comes with one of them later is not taken for a new person. Not those of
 * which the CA is not known: with their numbers somebody else may come. */
int request_pass_over(struct request *r, struct batch *batch, size_t end);

/* ---- rule-bind.c ---- */

/* Makes subject and MyKey ID where there is none, and answers with the ID; the trail says `action`.
 * `changes`: so does something else about the subject. */
int request_bind(struct request *r, struct batch *batch, const char *action, bool changes);
/* Answers with it if there is one. */
int request_show(struct request *r, struct batch *batch);

/* ---- rule-link.c: the link of the subject in the sector, if there is one ---- */

/* Reads it into `own`. */
int request_read_link(struct request *r, struct batch *batch);
/* Answers with the pseudonym of the link that was read, and the number that is linked; the trail
 * says `action`. `amr` (RFC 8176): how the holder was known. */
int request_tell_link(struct request *r, struct batch *batch, const char *action, const char *amr);

/* Seals a number that is linked to `from` for `to`; `version` is that of the sector's key. */
int link_reseal(struct keys *keys, const uint8_t sector[ID_BYTES], int version,
		const uint8_t from[ID_BYTES], const uint8_t to[ID_BYTES], struct datum sealed,
		struct fuda_buf *ret);

/* ---- rule-answer.c: towards HTTP ---- */

/* Sends the problem `code` of the table. */
void answer_problem(struct exchange *x, const char *code, const char *detail, int retry_after);
const char *answer_title(const char *code);
int answer_status(const char *code);
/* The code as it stands in the table, static; NULL: there is none like it. */
const char *answer_code(const char *bytes, size_t len);
/* Sends the answer of a request whose task ended with `result`. */
void answer_request(struct request *r, int result);

/* ---- rule-request.c: the task ---- */

void request_task(struct request *r);

#endif
