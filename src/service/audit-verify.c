/* SPDX-License-Identifier: Apache-2.0 */
/* platform.md E2: what was changed in the audit trail is found where it was. */
#include <string.h>

#include "base/cursor.h"
#include "service/audit-inside.h"

enum { PAGE = 256, AT_ONCE = 64, CHAIN_BYTES_MAX = 4096 };

static const struct statement page = {
	"SELECT " AUDIT_COLUMNS " FROM audit WHERE (chain, seq) > ($1, $2)"
	" AND seq <= 9223372036854775807 ORDER BY chain, seq LIMIT $3",
	3,
};
/* What that does not come to. SQLite takes values of any type: texts and numbers are before all
 * bytes, and texts behind all numbers. */
static const struct statement strays = {
	"SELECT chain, seq FROM audit WHERE chain <= $1 OR seq > 9223372036854775807 LIMIT 64",
	1,
};
static const struct statement pruned_of = {
	"SELECT seq, hash FROM audit_pruned WHERE chain = $1",
	1,
};
static const struct statement pruned_page = {
	"SELECT chain, seq, hash, checkpoint FROM audit_pruned WHERE chain > $1"
	" ORDER BY chain LIMIT $2",
	2,
};
static const struct statement checkpoint_at = {
	"SELECT number, at, heads, signer, signature FROM audit_checkpoint WHERE number = $1",
	1,
};
static const struct statement next_checkpoint = {
	"SELECT number, at, heads, signer, signature FROM audit_checkpoint WHERE number > $1"
	" ORDER BY number LIMIT 1",
	1,
};
static const struct statement what_is_there = {
	"SELECT (SELECT hash FROM audit WHERE chain = $1 AND seq = $2),"
	" (SELECT seq FROM audit WHERE chain = $1 ORDER BY seq DESC LIMIT 1),"
	" (SELECT seq FROM audit_pruned WHERE chain = $1),"
	" (SELECT hash FROM audit_pruned WHERE chain = $1)",
	2,
};

/* ---- findings ---- */

void check_found(struct audit_check *check, const uint8_t *chain, int64_t seq, const char *what)
{
	struct audit_finding f = { .seq = seq, .what = what };

	if (chain)
		memcpy(f.chain, chain, sizeof(f.chain));
	for (size_t i = 0; i < ARRAY_SIZE(check->told); i++)
		if (check->told[i].what == what && check->told[i].seq == seq &&
		    memcmp(check->told[i].chain, f.chain, sizeof(f.chain)) == 0)
			return;
	check->told[check->told_next++ % ARRAY_SIZE(check->told)] = f;
	check->any = true;
	if (check->found)
		check->found(check->arg, &f);
}

static int64_t behind(int64_t seq)
{
	return seq < INT64_MAX ? seq + 1 : seq;
}

static bool is_hash(const struct datum *value)
{
	return value->kind == DATUM_BYTES && value->len == AUDIT_HASH;
}

/* ---- the rows ---- */

/* Where the walk is. Behind a row that was changed, it may go on from what the row has or from what
 * it should have: whichever was changed, the next row is not at fault. */
struct walk {
	struct audit_check *check;
	struct fuda_buf chain; /* as the database has it */
	int64_t seq;           /* of the row before */
	int64_t expected;
	bool known, known_other; /* whether these are: */
	uint8_t prev[AUDIT_HASH], other[AUDIT_HASH];
};

static void walk_free(struct walk *w)
{
	fuda_buf_free(&w->chain);
}

/* A finding in this chain; an id that is none is told as zeros. */
static void found(struct walk *w, int64_t seq, const char *what)
{
	check_found(w->check, w->chain.len == ID_BYTES ? w->chain.data : NULL, seq, what);
}

static int begin_chain(struct walk *w, const struct datum *chain)
{
	_cleanup_rows_ struct rows rows = { 0 };
	struct datum hash;
	int e = fuda_buf_set(&w->chain, chain->bytes, chain->len);

	if (e == 0)
		e = store_run(w->check->store, &pruned_of, &BYTES(chain->bytes, chain->len), &rows);
	if (e < 0)
		return e;
	w->check->totals.chains++;
	w->expected = 1;
	w->known = true;
	w->known_other = false;
	memset(w->prev, 0, sizeof(w->prev));
	if (!rows.count)
		return 0;
	hash = rows_get(&rows, 0, 1);
	w->expected = behind(rows_int(&rows, 0, 0));
	w->known = is_hash(&hash);
	if (w->known)
		memcpy(w->prev, hash.bytes, sizeof(w->prev));
	return 0;
}

/* Whether the row has the hash that follows `prev`; `ret` is that hash. */
static int follows(const uint8_t *prev, const struct datum *row, uint8_t ret[AUDIT_HASH],
		   bool *ret_so)
{
	int e = audit_hash(prev, row, ret);

	*ret_so = e == 0 && is_hash(&row[COL_HASH]) &&
		  memcmp(row[COL_HASH].bytes, ret, AUDIT_HASH) == 0;
	if (e == FUDA_ETOOBIG) { /* no row of ours */
		memset(ret, 0, AUDIT_HASH);
		return 0;
	}
	return e;
}

static int check_hash(struct walk *w, const struct datum *row)
{
	uint8_t hash[AUDIT_HASH], other[AUDIT_HASH];
	bool right = !w->known && !w->known_other;
	int e = 0;

	if (w->known)
		e = follows(w->prev, row, hash, &right);
	if (e == 0 && w->known_other && !right)
		e = follows(w->other, row, other, &right);
	if (e < 0)
		return e;
	if (!right)
		found(w, w->seq, "row_changed");
	w->known_other = !right;
	if (!right)
		memcpy(w->other, w->known ? hash : other, sizeof(hash));
	w->known = is_hash(&row[COL_HASH]);
	if (w->known)
		memcpy(w->prev, row[COL_HASH].bytes, sizeof(w->prev));
	return 0;
}

static int check_row(struct walk *w, const struct datum *row)
{
	const struct datum *chain = &row[COL_CHAIN];
	bool first = chain->len != w->chain.len ||
		     (chain->len && memcmp(chain->bytes, w->chain.data, chain->len) != 0);
	int e = 0;

	if (first || !w->check->totals.chains)
		e = begin_chain(w, chain);
	if (e < 0)
		return e;
	w->seq = row[COL_SEQ].number;
	if (w->seq != w->expected) {
		found(w, MIN(w->seq, w->expected), first ? "no_beginning" : "row_missing");
		w->known = w->known_other = false;
	}
	w->check->totals.rows++;
	w->expected = behind(w->seq);
	return check_hash(w, row);
}

static int check_rows(struct audit_check *check)
{
	_cleanup_(walk_free) struct walk w = { .check = check,
					       .chain = FUDA_BUF_INIT(CHAIN_BYTES_MAX),
					       .seq = INT64_MIN };
	size_t count = PAGE;

	while (count == PAGE) {
		_cleanup_rows_ struct rows rows = { 0 };
		const struct datum from[] = {
			BYTES(w.chain.len ? (const void *)w.chain.data : "", w.chain.len),
			INT(w.seq),
			INT(PAGE),
		};
		int e = store_run(check->store, &page, from, &rows);

		for (size_t i = 0; e == 0 && i < rows.count; i++) {
			struct datum row[AUDIT_COLS];

			for (size_t j = 0; j < AUDIT_COLS; j++)
				row[j] = rows_get(&rows, i, j);
			e = check_row(&w, row);
		}
		if (e < 0)
			return e;
		count = rows.count;
	}
	return 0;
}

/* Rows that stand outside all chains, and that a query would show nevertheless. */
static int check_strays(struct audit_check *check)
{
	_cleanup_rows_ struct rows rows = { 0 };
	int e = store_run(check->store, &strays, &BYTES("", 0), &rows);

	for (size_t i = 0; e == 0 && i < rows.count; i++) {
		struct datum chain = rows_get(&rows, i, 0);

		check_found(check,
			    chain.kind == DATUM_BYTES && chain.len == ID_BYTES ? chain.bytes : NULL,
			    rows_int(&rows, i, 1), "row_changed");
	}
	return e;
}

/* ---- what was signed ---- */

/* `there`: what the database has of the mark's chain. */
static void check_mark(struct audit_check *check, const struct mark *m, const struct rows *there)
{
	struct datum hash = rows_get(there, 0, 0), pruned_hash = rows_get(there, 0, 3);
	int64_t last = rows_int(there, 0, 1), pruned = rows_int(there, 0, 2);

	if (hash.kind == DATUM_NULL && pruned > m->seq)
		return;
	if (hash.kind == DATUM_NULL && pruned == m->seq && m->seq > 0)
		hash = pruned_hash;
	if (hash.kind == DATUM_NULL)
		check_found(check, m->chain, MIN(behind(MAX(last, pruned)), m->seq), "row_missing");
	else if (!is_hash(&hash) || memcmp(hash.bytes, m->hash, AUDIT_HASH) != 0)
		check_found(check, m->chain, m->seq, "checkpoint_head");
}

/* Asks for some marks in one round trip. */
static int check_some(struct audit_check *check, const struct mark *marks, size_t count)
{
	struct rows rows[AT_ONCE] = { 0 };
	int e = store_begin(check->store, false);

	if (e < 0)
		return e;
	for (size_t i = 0; e == 0 && i < count; i++) {
		const struct datum params[] = { BYTES(marks[i].chain, ID_BYTES),
						INT(marks[i].seq) };

		e = store_queue(check->store, &what_is_there, params, &rows[i]);
	}
	if (e == 0)
		e = store_commit(check->store);
	else
		store_rollback(check->store);
	for (size_t i = 0; i < count; i++) {
		if (e == 0)
			check_mark(check, &marks[i], &rows[i]);
		rows_free(&rows[i]);
	}
	return e;
}

int check_marks(struct audit_check *check, struct cursor c)
{
	while (c.left) {
		struct mark marks[AT_ONCE];
		size_t count = 0;
		int e = 0;

		while (e == 0 && c.left && count < AT_ONCE)
			e = mark_take(&c, &marks[count++]);
		if (e == 0)
			e = check_some(check, marks, count);
		if (e < 0)
			return e;
	}
	return 0;
}

/* Checks one checkpoint, and that it follows the one with hash `prev`; then `prev` is its own. */
static int check_checkpoint(struct audit_check *check, const struct checkpoint *cp,
			    uint8_t prev[AUDIT_HASH])
{
	struct cursor marks;
	int e = checkpoint_check(check->keys, cp);

	if (e == FUDA_EVERIFY) {
		check_found(check, NULL, cp->number, "checkpoint_signature");
		e = checkpoint_hash(cp, prev);
		return e == FUDA_ETOOBIG ? 0 : e;
	}
	if (e < 0)
		return e;
	if (memcmp(checkpoint_before(cp), prev, AUDIT_HASH) != 0)
		check_found(check, NULL, cp->number - 1, "checkpoint_missing");
	e = checkpoint_hash(cp, prev);
	if (e == 0)
		e = checkpoint_marks(cp, &marks);
	return e < 0 ? e : check_marks(check, marks);
}

static int check_checkpoints(struct audit_check *check)
{
	uint8_t prev[AUDIT_HASH] = { 0 };
	int64_t number = 0;

	for (;;) {
		_cleanup_rows_ struct rows rows = { 0 };
		struct checkpoint cp;
		int e = store_run(check->store, &next_checkpoint, &INT(number), &rows);

		if (e < 0)
			return e;
		if (!rows.count)
			return 0;
		cp = checkpoint_of(&rows, 0);
		if (cp.number != behind(number))
			check_found(check, NULL, behind(number), "checkpoint_missing");
		e = check_checkpoint(check, &cp, prev);
		if (e < 0)
			return e;
		number = cp.number;
		check->totals.checkpoints++;
	}
}

/* ---- what was pruned ---- */

/* Whether a checkpoint allows that a chain begins behind `seq`, where it has this hash. */
static bool allows(const struct checkpoint *cp, const uint8_t *chain, int64_t seq,
		   const struct datum *hash)
{
	struct cursor c;
	struct mark m;

	if (checkpoint_marks(cp, &c) < 0)
		return false;
	while (c.left && mark_take(&c, &m) == 0)
		if (m.prune && memcmp(m.chain, chain, ID_BYTES) == 0)
			return m.seq > seq ||
			       (m.seq == seq && memcmp(m.hash, hash->bytes, AUDIT_HASH) == 0);
	return false;
}

/* One row of audit_pruned. Up to the mark, what is left leads to what was signed. */
static int check_pruned_row(struct audit_check *check, const struct rows *rows, size_t i)
{
	_cleanup_rows_ struct rows found = { 0 };
	struct datum chain = rows_get(rows, i, 0), hash = rows_get(rows, i, 2);
	int64_t seq = rows_int(rows, i, 1);
	struct checkpoint cp;
	bool ok = false;
	int e = store_run(check->store, &checkpoint_at, &INT(rows_int(rows, i, 3)), &found);

	if (e < 0)
		return e;
	if (found.count && chain.len == ID_BYTES && is_hash(&hash)) {
		cp = checkpoint_of(&found, 0);
		e = checkpoint_check(check->keys, &cp);
		if (e < 0 && e != FUDA_EVERIFY)
			return e;
		ok = e == 0 && allows(&cp, chain.bytes, seq, &hash);
	}
	if (!ok)
		check_found(check, chain.len == ID_BYTES ? chain.bytes : NULL, 1, "no_beginning");
	return 0;
}

static int check_pruned(struct audit_check *check)
{
	_cleanup_buf_ struct fuda_buf chain = FUDA_BUF_INIT(CHAIN_BYTES_MAX);
	size_t count = PAGE;

	while (count == PAGE) {
		_cleanup_rows_ struct rows rows = { 0 };
		struct datum last;
		const struct datum from[] = {
			BYTES(chain.len ? (const void *)chain.data : "", chain.len),
			INT(PAGE),
		};
		int e = store_run(check->store, &pruned_page, from, &rows);

		for (size_t i = 0; e == 0 && i < rows.count; i++)
			e = check_pruned_row(check, &rows, i);
		count = rows.count;
		if (e == 0 && count) {
			last = rows_get(&rows, count - 1, 0);
			e = fuda_buf_set(&chain, last.bytes, last.len);
		}
		if (e < 0)
			return e;
	}
	return 0;
}

int audit_verify(struct store *store, struct keys *keys,
		 void (*found_one)(void *arg, const struct audit_finding *finding), void *arg,
		 struct audit_totals *ret)
{
	struct audit_check check = { .store = store, .keys = keys, .found = found_one, .arg = arg };
	int e = check_rows(&check);

	if (e == 0)
		e = check_strays(&check);
	if (e == 0)
		e = check_pruned(&check);
	if (e == 0)
		e = check_checkpoints(&check);
	if (e < 0)
		return e;
	*ret = check.totals;
	return check.any ? FUDA_EVERIFY : 0;
}
