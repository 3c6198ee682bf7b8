/* SPDX-License-Identifier: Apache-2.0 */
/* Signed heads of the audit trail: platform.md D4. */
#include <fuda/hash.h>
#include <string.h>

#include "base/cursor.h"
#include "codec/json.h"
#include "service/audit-inside.h"

enum {
	LAYOUT = 1,
	HEADER = 1 + AUDIT_HASH,
	SIGNATURE = 64,
	SPKI_MAX = 256,
	MAKE_TRIES = 5,
};

static const struct statement last_one = {
	"SELECT number, at, heads, signer, signature FROM audit_checkpoint"
	" ORDER BY number DESC LIMIT 1",
	0,
};
/* Of a checkpoint from the future the time says nothing: a clock was wrong. */
static const struct statement last_time = {
	"SELECT at FROM audit_checkpoint WHERE at <= $1 ORDER BY number DESC LIMIT 1",
	1,
};
static const struct statement by_number = {
	"SELECT number, at, heads, signer, signature FROM audit_checkpoint WHERE number = $1",
	1,
};
static const struct statement insert = {
	"INSERT INTO audit_checkpoint (number, at, heads, signer, signature)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
	5,
};
/* Each chain by itself, by its key alone: all rows are too many to look at each hour. */
static const struct statement next_head = {
	"SELECT chain, seq, at, hash FROM audit WHERE chain ="
	" (SELECT chain FROM audit WHERE chain > $1 ORDER BY chain LIMIT 1)"
	" ORDER BY seq DESC LIMIT 1",
	1,
};

/* ---- bytes ---- */

static int put_number(struct fuda_buf *to, int64_t value)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
	return fuda_buf_append(to, bytes, sizeof(bytes));
}

int mark_put(struct fuda_buf *heads, const struct mark *mark)
{
	const uint8_t kind = mark->prune;
	int e = buf_reserve(heads, MARK_BYTES);

	if (e == 0)
		e = fuda_buf_append(heads, &kind, 1);
	if (e == 0)
		e = fuda_buf_append(heads, mark->chain, sizeof(mark->chain));
	if (e == 0)
		e = put_number(heads, mark->seq);
	return e < 0 ? e : fuda_buf_append(heads, mark->hash, sizeof(mark->hash));
}

int mark_take(struct cursor *c, struct mark *ret)
{
	struct mark m = { 0 };
	uint8_t kind;
	uint32_t high, low;

	if (cur_u8(c, &kind) < 0 || kind > 1 || cur_copy(c, m.chain, sizeof(m.chain)) < 0 ||
	    cur_uint(c, 4, &high) < 0 || cur_uint(c, 4, &low) < 0 ||
	    cur_copy(c, m.hash, sizeof(m.hash)) < 0)
		return FUDA_EFORMAT;
	m.prune = kind;
	m.seq = (int64_t)((uint64_t)high << 32 | low);
	*ret = m;
	return 0;
}

int checkpoint_marks(const struct checkpoint *cp, struct cursor *ret_marks)
{
	struct cursor c = cur_of(cp->heads.bytes, cp->heads.len);
	uint8_t version;

	if (cp->heads.kind != DATUM_BYTES || cur_u8(&c, &version) < 0 || version != LAYOUT ||
	    cur_skip(&c, AUDIT_HASH) < 0 || c.left % MARK_BYTES)
		return FUDA_EFORMAT;
	*ret_marks = c;
	return 0;
}

const uint8_t *checkpoint_before(const struct checkpoint *cp)
{
	return (const uint8_t *)cp->heads.bytes + 1;
}

static int signed_bytes(const struct checkpoint *cp, struct fuda_buf *ret)
{
	static const char label[] = "fuda-audit-checkpoint-1"; /* with its NUL */
	int e = fuda_buf_append(ret, label, sizeof(label));

	if (e == 0)
		e = put_number(ret, cp->number);
	if (e == 0)
		e = put_number(ret, cp->at);
	return e < 0 ? e : fuda_buf_append(ret, cp->heads.bytes, cp->heads.len);
}

int checkpoint_hash(const struct checkpoint *cp, uint8_t ret[AUDIT_HASH])
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(2 * HEADS_MAX);
	struct fuda_digest digest;
	int e = signed_bytes(cp, &bytes);

	if (e == 0)
		e = fuda_digest_bytes(FUDA_SHA256, bytes.data, bytes.len, &digest);
	if (e == 0)
		memcpy(ret, digest.bytes, AUDIT_HASH);
	return e;
}

int checkpoint_check(struct keys *keys, const struct checkpoint *cp)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(2 * HEADS_MAX);
	_cleanup_buf_ struct fuda_buf signer = FUDA_BUF_INIT(SPKI_MAX);
	struct cursor marks;
	int e = keys_signer(keys, &signer);

	if (e < 0)
		return e;
	if (checkpoint_marks(cp, &marks) < 0 || cp->heads.len > HEADS_MAX + HEADER ||
	    cp->signer.kind != DATUM_BYTES || cp->signer.len != signer.len ||
	    memcmp(cp->signer.bytes, signer.data, signer.len) != 0 ||
	    cp->signature.kind != DATUM_BYTES || cp->signature.len != SIGNATURE)
		return FUDA_EVERIFY;
	e = signed_bytes(cp, &bytes);
	return e < 0 ? e :
		       keys_check(signer.data, signer.len, bytes.data, bytes.len,
				  cp->signature.bytes);
}

struct checkpoint checkpoint_of(const struct rows *rows, size_t row)
{
	return (struct checkpoint){
		.number = rows_int(rows, row, 0),
		.at = rows_int(rows, row, 1),
		.heads = rows_get(rows, row, 2),
		.signer = rows_get(rows, row, 3),
		.signature = rows_get(rows, row, 4),
	};
}

/* ---- making ---- */

int audit_next_head(struct store *store, const struct fuda_buf *behind, struct mark *ret,
		    int64_t *ret_at)
{
	_cleanup_rows_ struct rows rows = { 0 };
	struct mark m = { 0 };
	int e = store_run(store, &next_head,
			  &BYTES(behind->len ? (const void *)behind->data : "", behind->len),
			  &rows);

	if (e < 0)
		return e;
	if (!rows.count)
		return FUDA_ENOTFOUND;
	e = rows_bytes(&rows, 0, 0, m.chain, sizeof(m.chain));
	if (e == 0)
		e = rows_bytes(&rows, 0, 3, m.hash, sizeof(m.hash));
	if (e < 0)
		return e;
	m.seq = rows_int(&rows, 0, 1);
	*ret_at = rows_int(&rows, 0, 2);
	*ret = m;
	return 0;
}

/* Adds the heads that were moved at `since` or later. */
static int gather(struct store *store, int64_t since, struct fuda_buf *heads)
{
	_cleanup_buf_ struct fuda_buf behind = FUDA_BUF_INIT(ID_BYTES);
	struct mark m;
	int64_t at;
	int e;

	while ((e = audit_next_head(store, &behind, &m, &at)) == 0) {
		if (at >= since)
			e = mark_put(heads, &m);
		if (e == 0)
			e = fuda_buf_set(&behind, m.chain, sizeof(m.chain));
		if (e < 0)
			return e;
	}
	return e == FUDA_ENOTFOUND ? 0 : e;
}

/* Since when what moved is still to be told of. Clocks may differ by a day before a head could be
 * left out; what was moved behind a checkpoint that one made which was further ahead stays in. */
static int find_since(struct store *store, int64_t now, int64_t *ret)
{
	_cleanup_rows_ struct rows rows = { 0 };
	int e = store_run(store, &last_time, &INT(now), &rows);

	if (e < 0)
		return e;
	*ret = INT64_MIN;
	if (rows.count && rows_int(&rows, 0, 0) >= INT64_MIN + DAY_US)
		*ret = rows_int(&rows, 0, 0) - DAY_US;
	return 0;
}

/* What follows the last one: its number and the beginning of its heads. */
static int follow(struct store *store, struct checkpoint *ret, struct fuda_buf *heads)
{
	_cleanup_rows_ struct rows rows = { 0 };
	const uint8_t version = LAYOUT;
	uint8_t before[AUDIT_HASH] = { 0 };
	struct checkpoint last;
	int e = store_run(store, &last_one, NULL, &rows);

	if (e < 0)
		return e;
	ret->number = 1;
	ret->at = now_us();
	if (rows.count) {
		last = checkpoint_of(&rows, 0);
		if (last.number >= INT64_MAX)
			return FUDA_ESTORE;
		ret->number = last.number + 1;
		e = checkpoint_hash(&last, before);
	}
	if (e == 0)
		e = fuda_buf_append(heads, &version, 1);
	return e < 0 ? e : fuda_buf_append(heads, before, sizeof(before));
}

static int as_json(const struct checkpoint *cp, struct fuda_buf *ret)
{
	struct json_out out;

	json_begin(&out, ret);
	json_number(&out, "checkpoint", cp->number);
	json_number(&out, "at", cp->at);
	json_base64(&out, "heads", cp->heads.bytes, cp->heads.len);
	json_base64(&out, "signer", cp->signer.bytes, cp->signer.len);
	json_base64(&out, "signature", cp->signature.bytes, cp->signature.len);
	return json_end(&out);
}

/* FUDA_ERETRY also if another one has got its number. */
static int keep(struct store *store, const struct checkpoint *cp)
{
	_cleanup_rows_ struct rows rows = { 0 };
	const struct datum params[] = { INT(cp->number), INT(cp->at), cp->heads, cp->signer,
					cp->signature };
	int e = store_run(store, &insert, params, &rows);

	if (e < 0)
		return e;
	return rows.changed == 1 ? 0 : FUDA_ERETRY;
}

static int make_one(struct store *store, struct keys *keys, const struct fuda_buf *more,
		    int64_t *ret_number, struct fuda_buf *ret_json)
{
	_cleanup_buf_ struct fuda_buf heads = FUDA_BUF_INIT(HEADS_MAX + HEADER);
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(2 * HEADS_MAX);
	_cleanup_buf_ struct fuda_buf signer = FUDA_BUF_INIT(SPKI_MAX);
	_cleanup_buf_ struct fuda_buf json = FUDA_BUF_INIT(2 * HEADS_MAX);
	uint8_t signature[SIGNATURE];
	struct checkpoint cp;
	int64_t since;
	int e = follow(store, &cp, &heads);

	if (e == 0)
		e = find_since(store, cp.at, &since);
	if (e == 0)
		e = gather(store, since, &heads);
	if (e == 0 && more)
		e = fuda_buf_append(&heads, more->data, more->len);
	if (e == 0)
		e = keys_signer(keys, &signer);
	if (e < 0)
		return e;
	cp.heads = BYTES(heads.data, heads.len);
	cp.signer = BYTES(signer.data, signer.len);
	cp.signature = BYTES(signature, sizeof(signature));
	e = signed_bytes(&cp, &bytes);
	if (e == 0)
		e = keys_sign(keys, bytes.data, bytes.len, signature);
	if (e == 0)
		e = as_json(&cp, &json);
	if (e == 0)
		e = keep(store, &cp);
	if (e == 0 && ret_json)
		e = fuda_buf_append(ret_json, json.data, json.len);
	if (e == 0)
		*ret_number = cp.number;
	return e;
}

int checkpoint_make(struct store *store, struct keys *keys, const struct fuda_buf *more,
		    int64_t *ret_number, struct fuda_buf *ret_json)
{
	int e = FUDA_ERETRY;

	for (int tries = 0; e == FUDA_ERETRY && tries < MAKE_TRIES; tries++)
		e = make_one(store, keys, more, ret_number, ret_json);
	return e;
}

int audit_checkpoint(struct store *store, struct keys *keys, struct fuda_buf *ret_json)
{
	int64_t number;

	return checkpoint_make(store, keys, NULL, &number, ret_json);
}

int audit_last_checkpoint(struct store *store, int64_t *ret_us)
{
	_cleanup_rows_ struct rows rows = { 0 };
	int e = store_run(store, &last_one, NULL, &rows);

	if (e < 0)
		return e;
	*ret_us = rows.count ? checkpoint_of(&rows, 0).at : 0;
	return 0;
}

int audit_last_line(struct store *store, int64_t *ret_number, struct fuda_buf *ret_json)
{
	_cleanup_rows_ struct rows rows = { 0 };
	_cleanup_buf_ struct fuda_buf json = FUDA_BUF_INIT(2 * HEADS_MAX);
	struct checkpoint last = { 0 };
	int e = store_run(store, &last_one, NULL, &rows);

	if (e == 0 && rows.count) {
		last = checkpoint_of(&rows, 0);
		e = as_json(&last, &json);
	}
	if (e == 0)
		e = fuda_buf_append(ret_json, json.data, json.len);
	if (e == 0)
		*ret_number = last.number;
	return e;
}

/* ---- comparing ---- */

static void keep_first(void *arg, const struct audit_finding *finding)
{
	struct audit_finding *first = arg;

	if (!first->what) {
		*first = *finding;
		first->lost = true;
	}
	first->lost = first->lost && (strcmp(finding->what, "row_missing") == 0 ||
				      strcmp(finding->what, "checkpoint_missing") == 0);
}

/* What came from outside, and the buffers that hold it. */
struct line {
	struct checkpoint cp;
	struct fuda_buf heads, signer, signature;
};

static void line_free(struct line *l)
{
	fuda_buf_free(&l->heads);
	fuda_buf_free(&l->signer);
	fuda_buf_free(&l->signature);
}

static int read_line(const char *json, struct line *l)
{
	const struct json_field fields[] = {
		{ "checkpoint", JSON_NUMBER, true, &l->cp.number, 0, NULL },
		{ "at", JSON_NUMBER, true, &l->cp.at, 0, NULL },
		{ "heads", JSON_BASE64, true, &l->heads, 0, NULL },
		{ "signer", JSON_BASE64, true, &l->signer, 0, NULL },
		{ "signature", JSON_BASE64, true, &l->signature, 0, NULL },
	};
	const char *member, *why;
	int e = json_read(json, strlen(json), fields, ARRAY_SIZE(fields), &member, &why);

	if (e < 0)
		return e == FUDA_ENOMEM ? e : FUDA_EFORMAT;
	l->cp.heads = BYTES(l->heads.data, l->heads.len);
	l->cp.signer = BYTES(l->signer.data, l->signer.len);
	l->cp.signature = BYTES(l->signature.data, l->signature.len);
	return 0;
}

/* Whether the database has the same one under its number. */
static int same_one(struct store *store, const struct checkpoint *cp, bool *ret)
{
	_cleanup_rows_ struct rows rows = { 0 };
	uint8_t ours[AUDIT_HASH], theirs[AUDIT_HASH];
	struct checkpoint there;
	int e = store_run(store, &by_number, &INT(cp->number), &rows);

	if (e < 0)
		return e;
	*ret = false;
	if (!rows.count)
		return 0;
	there = checkpoint_of(&rows, 0);
	e = checkpoint_hash(cp, ours);
	if (e == 0)
		e = checkpoint_hash(&there, theirs);
	if (e == 0)
		*ret = memcmp(ours, theirs, sizeof(ours)) == 0;
	return e;
}

int audit_compare(struct store *store, struct keys *keys, const char *json,
		  struct audit_finding *ret)
{
	_cleanup_(line_free) struct line l = { .heads = FUDA_BUF_INIT(HEADS_MAX + HEADER),
					       .signer = FUDA_BUF_INIT(SPKI_MAX),
					       .signature = FUDA_BUF_INIT(SIGNATURE) };
	struct audit_finding first = { .what = NULL };
	struct audit_check check = {
		.store = store, .keys = keys, .found = keep_first, .arg = &first
	};
	struct cursor marks;
	bool same;
	int e = read_line(json, &l);

	if (e < 0)
		return e;
	e = checkpoint_check(keys, &l.cp);
	if (e == FUDA_EVERIFY)
		check_found(&check, NULL, l.cp.number, "checkpoint_signature");
	if (e == 0)
		e = same_one(store, &l.cp, &same);
	if (e == 0 && !same)
		check_found(&check, NULL, l.cp.number, "checkpoint_missing");
	if (e == 0)
		e = checkpoint_marks(&l.cp, &marks);
	if (e == 0)
		e = check_marks(&check, marks);
	if (e < 0 && e != FUDA_EVERIFY)
		return e;
	if (!check.any)
		return 0;
	*ret = first;
	return FUDA_EVERIFY;
}
