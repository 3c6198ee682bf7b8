/* SPDX-License-Identifier: Apache-2.0 */
/* An audit trail of a test's own, and one who tampers with it: by SQL, past the service. */
#ifndef TESTS_AUDIT_TRAIL_H
#define TESTS_AUDIT_TRAIL_H

#include <fuda/error.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <sqlite3.h>

#include "service/audit.h"
#include "tests/scratch.h"

static struct fuda_context *ctx;
static struct store *store;
static struct keys *keys;
static struct audit *audit;
static struct audit_totals totals;
static char findings[8192];
static sqlite3 *db;
static const uint8_t somebody[ID_BYTES] = "somebody's id..", thing[ID_BYTES] = "a thing's id...";
static const struct audit_entry an_entry = { "terminal", somebody, "bind", thing, "{\"result\":\"ok\"}" };

static inline int setup(void **state)
{
	char where[128];

	if (fuda_context_new(&ctx) < 0 || scratch_setup(state) < 0)
		return -1;
	snprintf(where, sizeof(where), "sqlite:%s", scratch_path("db"));
	if (keys_create(ctx, scratch) < 0 || keys_open(ctx, scratch, &keys) < 0)
		return -1;
	if (store_open(ctx, where, true, &store) < 0 || store_migrate(store) < 0)
		return -1;
	return sqlite3_open(scratch_path("db"), &db) == SQLITE_OK ? 0 : -1;
}

static inline int teardown(void **state)
{
	sqlite3_close(db);
	audit_free(&audit);
	store_close(&store);
	keys_free(&keys);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

/* ---- past the service ---- */

static inline void tamper(const char *text)
{
	char *why = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", text, why);
}

static inline sqlite3_stmt *prepared(const char *text)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	return stmt;
}

static inline int64_t ask(const char *text)
{
	sqlite3_stmt *stmt = prepared(text);
	int64_t n;

	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static inline void hash_number(EVP_MD_CTX *md, uint64_t value, int bytes)
{
	uint8_t out[8];

	for (int i = bytes; i > 0; i--, value >>= 8)
		out[i - 1] = (uint8_t)value;
	assert_int_equal(EVP_DigestUpdate(md, out, (size_t)bytes), 1);
}

/* What a row is hashed over, from what audit.h says. */
static inline void hash_row(const uint8_t prev[AUDIT_HASH], sqlite3_stmt *row, uint8_t ret[AUDIT_HASH])
{
	static const char kinds[] = { [SQLITE_NULL] = 'n', [SQLITE_INTEGER] = 'i', [SQLITE_BLOB] = 'b',
				      [SQLITE_TEXT] = 't' };
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	assert_int_equal(EVP_DigestInit_ex(md, EVP_sha256(), NULL), 1);
	EVP_DigestUpdate(md, prev, AUDIT_HASH);
	for (int i = 0; i < 8; i++) {
		int kind = sqlite3_column_type(row, i);

		EVP_DigestUpdate(md, kinds + kind, 1);
		if (kind == SQLITE_INTEGER)
			hash_number(md, (uint64_t)sqlite3_column_int64(row, i), 8);
		if (kind == SQLITE_BLOB || kind == SQLITE_TEXT) {
			hash_number(md, (uint64_t)sqlite3_column_bytes(row, i), 4);
			EVP_DigestUpdate(md, sqlite3_column_blob(row, i), (size_t)sqlite3_column_bytes(row, i));
		}
	}
	EVP_DigestFinal_ex(md, ret, NULL);
	EVP_MD_CTX_free(md);
}

/* Changes the last chain, and makes the hashes of all its rows fit. */
static inline void rewrite(const char *change)
{
	sqlite3_stmt *row, *put = prepared("UPDATE audit SET hash = $1 WHERE seq = $2 AND chain ="
					   " (SELECT max(chain) FROM audit)");
	uint8_t hash[AUDIT_HASH] = { 0 };

	tamper("BEGIN");
	tamper(change);
	for (int64_t seq = 1;; seq++) {
		row = prepared("SELECT * FROM audit WHERE seq = $1 AND chain = (SELECT max(chain) FROM audit)");
		sqlite3_bind_int64(row, 1, seq);
		if (sqlite3_step(row) != SQLITE_ROW)
			break;
		hash_row(hash, row, hash);
		sqlite3_finalize(row);
		sqlite3_bind_blob(put, 1, hash, sizeof(hash), SQLITE_TRANSIENT);
		sqlite3_bind_int64(put, 2, seq);
		assert_int_equal(sqlite3_step(put), SQLITE_DONE);
		sqlite3_reset(put);
	}
	sqlite3_finalize(row);
	sqlite3_finalize(put);
	tamper("COMMIT");
}

/* ---- the service ---- */

static inline void add_rows(int count)
{
	assert_int_equal(store_begin(store, true), 0);
	for (int i = 0; i < count; i++)
		assert_int_equal(audit_add(audit, store, &an_entry), 0);
	assert_int_equal(store_commit(store), 0);
	audit_mark(audit);
}

/* A new chain with `count` rows behind its first one. */
static inline void begin_trail(int count)
{
	static int number;
	char who[32];

	number = audit ? number + 1 : 1;
	snprintf(who, sizeof(who), "test %d", number);
	audit_free(&audit);
	usleep(2000); /* so that its id is behind the one before it */
	assert_int_equal(audit_begin(store, keys, who, &audit), 0);
	add_rows(count);
}

static inline void checkpoint(struct fuda_buf *ret_json)
{
	struct fuda_buf json = FUDA_BUF_INIT(1 << 20);

	assert_int_equal(audit_checkpoint(store, keys, &json), 0);
	assert_int_equal(fuda_buf_append(&json, "", 1), 0);
	if (ret_json)
		assert_int_equal(fuda_buf_set(ret_json, json.data, json.len), 0);
	fuda_buf_free(&json);
}

/* Which chain it is, in their order: 0 if none. */
static inline int which(const uint8_t chain[ID_BYTES])
{
	sqlite3_stmt *stmt = prepared("SELECT count(*) FROM (SELECT chain FROM audit UNION"
				      " SELECT chain FROM audit_pruned UNION SELECT $1) WHERE chain <= $1");
	static const uint8_t none[ID_BYTES];
	int n;

	sqlite3_bind_blob(stmt, 1, chain, ID_BYTES, SQLITE_TRANSIENT);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return memcmp(chain, none, ID_BYTES) == 0 ? 0 : n;
}

static inline void note(void *arg, const struct audit_finding *f)
{
	size_t used = strlen(findings);

	++*(int *)arg;
	snprintf(findings + used, sizeof(findings) - used, "%d:%" PRId64 " %s\n", which(f->chain), f->seq, f->what);
}

static inline int verify(void)
{
	int count = 0, e;

	findings[0] = 0;
	totals = (struct audit_totals){ 0 };
	e = audit_verify(store, keys, note, &count, &totals);
	if (e != 0 && e != FUDA_EVERIFY)
		fail_msg("%s: %s", fuda_error_name(e), fuda_context_message(ctx));
	assert_int_equal(e == FUDA_EVERIFY, count > 0);
	return count;
}

/* `count` findings and no other, as "CHAIN:SEQ WHAT" in lines. */
static inline void expect(int count, const char *lines)
{
	int n = verify();

	assert_string_equal(findings, lines);
	assert_int_equal(n, count);
}

/* The first of them; what was done changes what is behind it as well. */
static inline void expect_first(const char *line)
{
	assert_true(verify() > 0);
	if (strncmp(findings, line, strlen(line)) != 0)
		fail_msg("%s instead of %s", findings, line);
}

#endif
