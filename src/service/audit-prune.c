/* SPDX-License-Identifier: Apache-2.0 */
/* How long the audit trail is kept: platform.md E3. */
#include <string.h>

#include "base/cursor.h"
#include "service/audit-inside.h"

enum { STEP_ROWS = 5000, STEP_TRIES = 5 };

static const struct statement first_young = {
	"SELECT seq FROM audit WHERE chain = $1 AND at >= $2 ORDER BY seq LIMIT 1",
	2,
};
static const struct statement last_before = {
	"SELECT seq, hash FROM audit WHERE chain = $1 AND seq < $2 ORDER BY seq DESC LIMIT 1",
	2,
};
static const struct statement first_of = {
	"SELECT seq FROM audit WHERE chain = $1 ORDER BY seq LIMIT 1",
	1,
};
static const struct statement hash_of = {
	"SELECT hash FROM audit WHERE chain = $1 AND seq = $2",
	2,
};
static const struct statement delete_up_to = {
	"DELETE FROM audit WHERE chain = $1 AND seq <= $2",
	2,
};
static const struct statement remember = {
	"INSERT INTO audit_pruned (chain, seq, hash, checkpoint) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq, hash = excluded.hash,"
	" checkpoint = excluded.checkpoint",
	4,
};

/* ---- what may go ---- */

/* The last row of `head`'s chain before the first one that is not older than `before`.
 * FUDA_ENOTFOUND: there is none. */
static int last_old(struct store *store, const struct mark *head, int64_t before, struct mark *ret)
{
	_cleanup_rows_ struct rows young = { 0 }, old = { 0 };
	struct mark m = *head;
	int e = store_run(store, &first_young,
			  (struct datum[]){ BYTES(m.chain, ID_BYTES), INT(before) }, &young);

	m.prune = true;
	if (e == 0 && young.count) {
		m.seq = rows_int(&young, 0, 0);
		e = store_run(store, &last_before,
			      (struct datum[]){ BYTES(m.chain, ID_BYTES), INT(m.seq) }, &old);
		if (e == 0 && !old.count)
			return FUDA_ENOTFOUND;
		if (e == 0) {
			m.seq = rows_int(&old, 0, 0);
			e = rows_bytes(&old, 0, 1, m.hash, sizeof(m.hash));
		}
	}
	if (e == 0)
		*ret = m;
	return e;
}

static int gather(struct store *store, int64_t before, struct fuda_buf *ret_marks)
{
	_cleanup_buf_ struct fuda_buf behind = FUDA_BUF_INIT(ID_BYTES);
	struct mark head, old;
	int64_t at;
	int e;

	while ((e = audit_next_head(store, &behind, &head, &at)) == 0) {
		e = last_old(store, &head, before, &old);
		if (e == 0)
			e = mark_put(ret_marks, &old);
		if (e == 0 || e == FUDA_ENOTFOUND)
			e = fuda_buf_set(&behind, head.chain, sizeof(head.chain));
		if (e < 0)
			return e;
	}
	return e == FUDA_ENOTFOUND ? 0 : e;
}

/* ---- letting it go ---- */

/* The end of the next step towards `m`, with its hash. FUDA_ENOTFOUND: nothing is left of it. */
static int next_step(struct store *store, const struct mark *m, struct mark *ret)
{
	_cleanup_rows_ struct rows first = { 0 }, hash = { 0 };
	struct mark step = *m;
	int64_t seq;
	int e = store_run(store, &first_of, &BYTES(m->chain, ID_BYTES), &first);

	if (e < 0)
		return e;
	if (!first.count || rows_int(&first, 0, 0) > m->seq)
		return FUDA_ENOTFOUND;
	seq = rows_int(&first, 0, 0);
	if (m->seq - seq >= STEP_ROWS)
		step.seq = seq + STEP_ROWS - 1;
	e = store_run(store, &hash_of, (struct datum[]){ BYTES(m->chain, ID_BYTES), INT(step.seq) },
		      &hash);
	if (e < 0)
		return e;
	if (!hash.count) /* what was tampered with is not to be forgotten */
		return FUDA_EVERIFY;
	e = rows_bytes(&hash, 0, 0, step.hash, sizeof(step.hash));
	if (e == 0)
		*ret = step;
	return e;
}

static int take_step(struct store *store, const struct mark *step, int64_t checkpoint,
		     int64_t *deleted)
{
	_cleanup_rows_ struct rows gone = { 0 };
	int e = store_begin(store, true);

	if (e < 0)
		return e;
	e = store_queue(store, &remember,
			(struct datum[]){ BYTES(step->chain, ID_BYTES), INT(step->seq),
					  BYTES(step->hash, AUDIT_HASH), INT(checkpoint) },
			NULL);
	if (e == 0)
		e = store_queue(store, &delete_up_to,
				(struct datum[]){ BYTES(step->chain, ID_BYTES), INT(step->seq) },
				&gone);
	if (e < 0) {
		store_rollback(store);
		return e;
	}
	e = store_commit(store);
	if (e == 0)
		*deleted += gone.changed;
	return e;
}

static int prune_to(struct store *store, const struct mark *m, int64_t checkpoint, int64_t *deleted)
{
	struct mark step;
	int e, tries = 0;

	while ((e = next_step(store, m, &step)) == 0) {
		e = take_step(store, &step, checkpoint, deleted);
		if (e == 0)
			tries = 0;
		else if (e != FUDA_ERETRY || ++tries == STEP_TRIES)
			return e;
	}
	return e == FUDA_ENOTFOUND ? 0 : e;
}

int audit_prune(struct store *store, struct keys *keys, int64_t before, int64_t *ret_deleted)
{
	_cleanup_buf_ struct fuda_buf marks = FUDA_BUF_INIT(HEADS_MAX);
	int64_t checkpoint, deleted = 0;
	struct cursor c;
	int e = before > now_us() - PRUNE_DAYS * DAY_US ? FUDA_EINVAL : 0;

	if (e == 0)
		e = gather(store, before, &marks);
	if (e == 0 && marks.len)
		e = checkpoint_make(store, keys, &marks, &checkpoint, NULL);
	if (e < 0)
		return e;
	c = cur_of(marks.data, marks.len);
	while (e == 0 && c.left) {
		struct mark m;

		e = mark_take(&c, &m);
		if (e == 0)
			e = prune_to(store, &m, checkpoint, &deleted);
	}
	if (e == 0)
		*ret_deleted = deleted;
	return e;
}
