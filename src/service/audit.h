/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail: one hash chain for each process that writes, each row in the transaction of what
 * it tells. No audit, no effect. No name, serial, number or certificate is ever in it. */
#ifndef SERVICE_AUDIT_H
#define SERVICE_AUDIT_H

#include "service/id.h"
#include "service/keys.h"
#include "service/store.h"

/* One chain and its head. */
struct audit;

enum { AUDIT_HASH = 32, AUDIT_DATA = 512, AUDIT_WORD = 32 };

/* One row. Texts are short words of [a-z_-]; `data` is a JSON object, at most AUDIT_DATA bytes and
 * without control characters. */
struct audit_entry {
	const char *actor_kind; /* "terminal", "operator", "service" */
	const uint8_t *actor;   /* ID_BYTES; NULL: nobody in particular */
	const char *action;     /* "bind", "terminal-approve", ... */
	const uint8_t *object;  /* ID_BYTES; NULL: none */
	const char *data;       /* "" if there is no more to say */
};

/* Begins a new chain, whose first row says who begins it, and with which keystore, in its own
 * transaction. FUDA_EINVAL: `who` is no short text. */
int audit_begin(struct store *store, struct keys *keys, const char *who, struct audit **ret);
/* The same, but that row comes with the first that is added, in the transaction of that one: who
 * adds none leaves no chain. */
int audit_begin_late(struct keys *keys, const char *who, struct audit **ret);
void audit_free(struct audit **audit);
/* Queues one row (store_queue()) and moves the head in memory. FUDA_EINVAL: no such row may be. */
int audit_add(struct audit *audit, struct store *store, const struct audit_entry *entry);
/* The head is where it was at the last mark: after a transaction that did not happen; or stays:
 * after one that did. A transaction's fate being unknown (FUDA_EUNSURE), the chain is left and a
 * new one begun (audit_begin()), so that no row can be missing unseen. */
void audit_mark(struct audit *audit);
void audit_undo(struct audit *audit);

/* What a row is hashed over: SHA-256(previous hash || canonical bytes), the canonical bytes being
 * each field behind its kind and length; before the first row there are zeros. The hash is plain,
 * the checkpoints are signed: who may write into the database and changes a row, and all that
 * follow it in their chain, is found by the first checkpoint that was signed behind it. */

struct audit_finding {
	uint8_t chain[ID_BYTES]; /* zeros: the checkpoint itself */
	int64_t seq;             /* of the first row that is wrong or missing; or the checkpoint's
				  * number */
	const char *what;        /* "row_changed", "row_missing", "no_beginning",
				  * "checkpoint_head" (not what was signed), "checkpoint_signature",
				  * "checkpoint_missing" (or another one in its place); static */
	bool lost;               /* audit_compare(): the checkpoint and rows are missing and none
				  * was changed, as in a backup of before it */
};
struct audit_totals {
	int64_t chains, rows, checkpoints;
};
/* Walks all chains and checkpoints in constant memory. `found` is told each finding; 0 if there was
 * none, FUDA_EVERIFY if there were; the totals are told with both. */
int audit_verify(struct store *store, struct keys *keys,
		 void (*found)(void *arg, const struct audit_finding *finding), void *arg,
		 struct audit_totals *ret);

/* Signs the heads of all chains (ES256) into the table of checkpoints, and gives the same as JSON
 * for a place outside: appends one object, without the line's end. Heads that have not moved since
 * a day before the checkpoint before it (the last one that is not from the future) are left to that
 * one, whose hash it has, and so on: the last one stands for all. FUDA_ERETRY: another process made
 * one at the same time. */
int audit_checkpoint(struct store *store, struct keys *keys, struct fuda_buf *ret_json);
/* Checks such a line from outside against the database: FUDA_EVERIFY, and the first finding;
 * FUDA_EFORMAT: no such line. */
int audit_compare(struct store *store, struct keys *keys, const char *json,
		  struct audit_finding *ret);
/* The time of the last checkpoint, microseconds; 0: none. */
int audit_last_checkpoint(struct store *store, int64_t *ret_us);
/* The last checkpoint as the same JSON, appended, and its number; 0, and nothing appended: none. */
int audit_last_line(struct store *store, int64_t *ret_number, struct fuda_buf *ret_json);

/* What rows can tell of (`action`), in the order of the alphabet; NULL behind the last. */
extern const char *const audit_actions[];

/* Rows as JSON lines, in the order of time, to `out`, with the names of operators besides
 * their ids; only those of `action`, `object` and times that are given (NULL, NULL, 0: all; `until`
 * is not included). Constant memory. What `out` returns ends it unless it is 0. */
struct audit_query {
	const char *action;
	const uint8_t *object; /* ID_BYTES */
	int64_t from, until;   /* microseconds */
};
int audit_query(struct store *store, const struct audit_query *query,
		int (*out)(void *arg, const char *line), void *arg);

/* Deletes whole chain beginnings older than `before` (microseconds), after a checkpoint that covers
 * and allows them; at least 400 days are kept: FUDA_EINVAL. What is left verifies. It goes in
 * steps: stopped or failed, some are gone and the same can be said again. */
int audit_prune(struct store *store, struct keys *keys, int64_t before, int64_t *ret_deleted);

#endif
