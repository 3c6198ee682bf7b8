/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the audit trail share. */
#ifndef SERVICE_AUDIT_INSIDE_H
#define SERVICE_AUDIT_INSIDE_H

#include "base/util.h"
#include "service/audit.h"

/* The columns of a row, as they are selected, inserted and hashed; the hash is over those before.
 */
#define AUDIT_COLUMNS "chain, seq, at, actor_kind, actor, action, object, data, hash"
enum {
	COL_CHAIN,
	COL_SEQ,
	COL_AT,
	COL_ACTOR_KIND,
	COL_ACTOR,
	COL_ACTION,
	COL_OBJECT,
	COL_DATA,
	COL_HASH,
	AUDIT_COLS
};

enum { CANONICAL_MAX = 4096, PRUNE_DAYS = 400 };
#define DAY_US (24 * 3600 * SECONDS_US)

/* The hash of a row whose fields are `row`[0] to [COL_HASH - 1]. FUDA_ETOOBIG: no row of ours is so
 * long. */
int audit_hash(const uint8_t prev[AUDIT_HASH], const struct datum row[COL_HASH],
	       uint8_t ret[AUDIT_HASH]);

/* ---- checkpoints ---- */

/* Up to where a chain is told of. */
struct mark {
	bool prune; /* and that it may be forgotten up to there */
	uint8_t chain[ID_BYTES];
	int64_t seq;
	uint8_t hash[AUDIT_HASH];
};
enum { MARK_BYTES = 1 + ID_BYTES + 8 + AUDIT_HASH, HEADS_MAX = 4 << 20 };
int mark_put(struct fuda_buf *heads, const struct mark *mark);
struct cursor;
int mark_take(struct cursor *c, struct mark *ret);

/* One checkpoint. `heads` begins with a version and the hash of the checkpoint before it. */
struct checkpoint {
	int64_t number, at;
	struct datum heads, signer, signature;
};
/* The marks of it. FUDA_EFORMAT. */
int checkpoint_marks(const struct checkpoint *cp, struct cursor *ret_marks);
/* What is signed, and the hash of it, by which the next one names it. */
int checkpoint_hash(const struct checkpoint *cp, uint8_t ret[AUDIT_HASH]);
const uint8_t *checkpoint_before(const struct checkpoint *cp);
/* FUDA_EVERIFY: it is not signed with our key. */
int checkpoint_check(struct keys *keys, const struct checkpoint *cp);
/* A row of `SELECT number, at, heads, signer, signature`. */
struct checkpoint checkpoint_of(const struct rows *rows, size_t row);
/* Makes one that has `more` marks besides the heads; their bytes stand in `more`. */
int checkpoint_make(struct store *store, struct keys *keys, const struct fuda_buf *more,
		    int64_t *ret_number, struct fuda_buf *ret_json);

/* The last row of the first chain behind `chain`. FUDA_ENOTFOUND: there is none. */
int audit_next_head(struct store *store, const struct fuda_buf *behind, struct mark *ret,
		    int64_t *ret_at);

/* ---- checking ---- */

/* Where findings go. */
struct audit_check {
	struct store *store;
	struct keys *keys;
	void (*found)(void *arg, const struct audit_finding *finding);
	void *arg;
	struct audit_totals totals;
	bool any;
	struct audit_finding told[64]; /* the last ones: each is told once */
	size_t told_next;
};
void check_found(struct audit_check *check, const uint8_t *chain, int64_t seq, const char *what);
/* Checks the marks of a checkpoint against the rows. */
int check_marks(struct audit_check *check, struct cursor marks);

#endif
