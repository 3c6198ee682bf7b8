/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of the audit trail, and what is found by them alone: platform.md D4. */
#include "tests/audit-trail.h"

#include <openssl/ecdsa.h>
#include <openssl/x509.h>

/* Our clock, so many microseconds ahead of what it is. */
static int64_t ahead;
int64_t __real_now_us(void);
int64_t __wrap_now_us(void);
int64_t __wrap_now_us(void)
{
	return __real_now_us() + ahead;
}

/* ---- what is signed ---- */

static sqlite3_stmt *checkpoint_row(int64_t number)
{
	sqlite3_stmt *row = prepared("SELECT at, heads, signer, signature FROM audit_checkpoint WHERE number = $1");

	sqlite3_bind_int64(row, 1, number);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	return row;
}

/* The bytes that are signed, as they were meant; verified by OpenSSL alone. */
static size_t signed_bytes(int64_t number, uint8_t out[1024])
{
	static const char label[] = "fuda-audit-checkpoint-1";
	sqlite3_stmt *row = checkpoint_row(number);
	const uint8_t *spki = sqlite3_column_blob(row, 2), *raw = sqlite3_column_blob(row, 3);
	size_t heads = (size_t)sqlite3_column_bytes(row, 1), len = sizeof(label);
	EVP_PKEY *key = d2i_PUBKEY(NULL, &spki, sqlite3_column_bytes(row, 2));
	ECDSA_SIG *sig = ECDSA_SIG_new();
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	int der_len;

	memcpy(out, label, sizeof(label));
	for (int i = 56; i >= 0; i -= 8)
		out[len++] = (uint8_t)(number >> i);
	for (int i = 56; i >= 0; i -= 8)
		out[len++] = (uint8_t)(sqlite3_column_int64(row, 0) >> i);
	assert_true(len + heads <= 1024);
	memcpy(out + len, sqlite3_column_blob(row, 1), heads);
	len += heads;
	assert_non_null(key);
	assert_int_equal(sqlite3_column_bytes(row, 3), 64);
	ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
	der_len = i2d_ECDSA_SIG(sig, &der);
	assert_int_equal(EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestVerify(md, der, (size_t)der_len, out, len), 1);
	OPENSSL_free(der);
	EVP_MD_CTX_free(md);
	ECDSA_SIG_free(sig);
	EVP_PKEY_free(key);
	sqlite3_finalize(row);
	return len;
}

static void signs_the_heads(void **state)
{
	uint8_t first[1024], second[1024], hash[32];
	size_t len;

	(void)state;
	begin_trail(3);
	begin_trail(2);
	checkpoint(NULL);
	len = signed_bytes(1, first);
	/* a version, nothing before it, and two heads of 57 bytes */
	assert_int_equal(len, 24 + 16 + 1 + 32 + 2 * 57);
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(first[41 + i], 0);
	for (int i = 0; i < 2; i++) {
		const uint8_t *head = first + 73 + 57 * i;
		sqlite3_stmt *row = prepared("SELECT hash FROM audit WHERE chain = $1 AND seq = $2");

		assert_int_equal(head[0], 0);
		assert_int_equal(head[24], i ? 3 : 4);
		sqlite3_bind_blob(row, 1, head + 1, 16, SQLITE_STATIC);
		sqlite3_bind_int64(row, 2, head[24]);
		assert_int_equal(sqlite3_step(row), SQLITE_ROW);
		assert_memory_equal(sqlite3_column_blob(row, 0), head + 25, 32);
		sqlite3_finalize(row);
	}
	/* the next one names it by its hash */
	EVP_Digest(first, len, hash, NULL, EVP_sha256(), NULL);
	checkpoint(NULL);
	signed_bytes(2, second);
	assert_memory_equal(second + 41, hash, 32);
	expect(0, "");
	assert_int_equal(totals.checkpoints, 2);
}

static void has_a_time(void **state)
{
	int64_t at = -1, before = now_us();

	(void)state;
	assert_int_equal(audit_last_checkpoint(store, &at), 0);
	assert_int_equal(at, 0);
	begin_trail(1);
	checkpoint(NULL);
	assert_int_equal(audit_last_checkpoint(store, &at), 0);
	assert_true(at >= before && at <= now_us());
}

/* What has not moved for long is left to the checkpoint that told it. */
static void tells_what_moved(void **state)
{
	(void)state;
	begin_trail(3);
	rewrite("UPDATE audit SET at = at - 3 * 86400000000"); /* three days */
	begin_trail(3);
	checkpoint(NULL);
	checkpoint(NULL);
	assert_int_equal(ask("SELECT length(heads) FROM audit_checkpoint WHERE number = 1"), 33 + 2 * 57);
	assert_int_equal(ask("SELECT length(heads) FROM audit_checkpoint WHERE number = 2"), 33 + 57);
	expect(0, "");
	tamper("DELETE FROM audit WHERE seq > 2 AND chain = (SELECT chain FROM audit ORDER BY chain LIMIT 1)");
	expect(1, "1:3 row_missing\n");
}

/* What was signed by a clock that was ahead does not end it: later rows are told of, be the clock right again or not,
 * and those that came between, too. */
static void goes_on_behind_a_wrong_clock(void **state)
{
	static const struct {
		int64_t second, third; /* days that the clock is ahead then */
	} cases[] = { { 3, 0 }, { 400, 0 }, { 0, 0 } };
	const int64_t day = 24 * 3600 * SECONDS_US;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tamper("DELETE FROM audit; DELETE FROM audit_checkpoint");
		ahead = 0;
		begin_trail(2);
		checkpoint(NULL);
		ahead = cases[i].second * day;
		add_rows(2);
		checkpoint(NULL);
		ahead = cases[i].third * day;
		add_rows(2);
		checkpoint(NULL);
		ahead += day + day / 2;
		add_rows(2);
		checkpoint(NULL);
		ahead = 0;
		expect(0, "");
		tamper("DELETE FROM audit WHERE seq > 8");
		expect(1, "1:9 row_missing\n");
		tamper("DELETE FROM audit_checkpoint WHERE number = 4; DELETE FROM audit WHERE seq > 6");
		expect(1, "1:7 row_missing\n");
		tamper("DELETE FROM audit_checkpoint WHERE number = 3; DELETE FROM audit WHERE seq > 4");
		expect(1, "1:5 row_missing\n");
	}
	/* rows of more than a day, while nobody signed */
	tamper("DELETE FROM audit; DELETE FROM audit_checkpoint");
	begin_trail(2);
	checkpoint(NULL);
	ahead = 9 * day;
	checkpoint(NULL);
	ahead = 0;
	begin_trail(2);
	ahead = 3 * day;
	checkpoint(NULL);
	ahead = 0;
	tamper("DELETE FROM audit WHERE seq = 3 AND chain = (SELECT max(chain) FROM audit)");
	expect(1, "2:3 row_missing\n");
}

/* ---- what is found by them ---- */

static void ends(void **state)
{
	(void)state;
	begin_trail(8);
	tamper("DELETE FROM audit WHERE seq = 9");
	expect(0, ""); /* nobody has signed it */
	audit_undo(audit);
	begin_trail(8);
	checkpoint(NULL);
	tamper("DELETE FROM audit WHERE seq = 9");
	expect(1, "2:9 row_missing\n");
	tamper("DELETE FROM audit WHERE seq > 5");
	expect(2, "1:6 row_missing\n2:6 row_missing\n");
	tamper("DELETE FROM audit WHERE chain = (SELECT max(chain) FROM audit)");
	expect(2, "1:6 row_missing\n2:1 row_missing\n");
	tamper("DELETE FROM audit");
	assert_int_equal(verify(), 2);
}

/* In one place it is one finding, whoever finds it. */
static void once(void **state)
{
	(void)state;
	begin_trail(3);
	checkpoint(NULL);
	add_rows(3);
	checkpoint(NULL);
	tamper("DELETE FROM audit WHERE seq = 4");
	expect(1, "1:4 row_missing\n");
	tamper("DELETE FROM audit WHERE seq > 1");
	expect(1, "1:2 row_missing\n");
}

#define SET "UPDATE audit_checkpoint SET "
static void the_checkpoint_itself(void **state)
{
	static const struct {
		const char *change, *found;
		int count;
	} changes[] = {
		{ SET "at = at + 1 WHERE number = 2",
		  "0:2 checkpoint_signature\n0:2 checkpoint_missing\n", 2 },
		{ SET "at = at + 1 WHERE number = 3", "0:3 checkpoint_signature\n", 1 },
		{ SET "signature = zeroblob(64) WHERE number = 2", "0:2 checkpoint_signature\n", 1 },
		{ SET "signature = zeroblob(63) WHERE number = 2", "0:2 checkpoint_signature\n", 1 },
		{ SET "signature = (SELECT signature FROM audit_checkpoint WHERE number = 1)"
		  " WHERE number = 2", "0:2 checkpoint_signature\n", 1 },
		{ SET "signature = 'x' WHERE number = 1", "0:1 checkpoint_signature\n", 1 },
		{ SET "signer = zeroblob(91) WHERE number = 2", "0:2 checkpoint_signature\n", 1 },
		{ SET "signer = x'' WHERE number = 2", "0:2 checkpoint_signature\n", 1 },
		{ SET "heads = substr(heads, 1, 33) WHERE number = 3", "0:3 checkpoint_signature\n", 1 },
		{ SET "heads = x'' WHERE number = 3", "0:3 checkpoint_signature\n", 1 },
		{ SET "heads = 'text' WHERE number = 3", "0:3 checkpoint_signature\n", 1 },
		{ SET "heads = zeroblob(9000000) WHERE number = 3", "0:3 checkpoint_signature\n", 1 },
		{ SET "heads = zeroblob(9000000) WHERE number = 1",
		  "0:1 checkpoint_signature\n0:1 checkpoint_missing\n", 2 },
		{ "DELETE FROM audit_checkpoint WHERE number = 1", "0:1 checkpoint_missing\n", 1 },
		{ "DELETE FROM audit_checkpoint WHERE number = 2", "0:2 checkpoint_missing\n", 1 },
		{ "DELETE FROM audit_checkpoint WHERE number = 2;" SET "number = 2 WHERE number = 3",
		  "0:2 checkpoint_signature\n", 1 },
		{ SET "number = 4 WHERE number = 3",
		  "0:3 checkpoint_missing\n0:4 checkpoint_signature\n", 2 },
	};

	(void)state;
	begin_trail(3);
	for (int i = 0; i < 3; i++)
		checkpoint(NULL);
	tamper("CREATE TABLE kept AS SELECT * FROM audit_checkpoint");
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		tamper(changes[i].change);
		expect(changes[i].count, changes[i].found);
		tamper("DELETE FROM audit_checkpoint; INSERT INTO audit_checkpoint SELECT * FROM kept");
	}
	expect(0, "");
}

/* A signature of another service is worth nothing, right as it is. */
static void signed_by_another(void **state)
{
	struct keys *mine = keys, *others = NULL;
	char folder[128];

	(void)state;
	begin_trail(3);
	checkpoint(NULL);
	snprintf(folder, sizeof(folder), "%s/other", scratch);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(keys_create(ctx, folder), 0);
	assert_int_equal(keys_open(ctx, folder, &others), 0);
	keys = others;
	checkpoint(NULL);
	keys = mine;
	expect(1, "0:2 checkpoint_signature\n");
	keys = others;
	expect(1, "0:1 checkpoint_signature\n");
	keys = mine;
	keys_free(&others);
}

/* ---- what is known outside ---- */

static void compare(const struct fuda_buf *line, int want, const char *found)
{
	struct audit_finding f = { .what = "untouched" };
	char text[128];

	assert_int_equal(audit_compare(store, keys, (const char *)line->data, &f), want);
	snprintf(text, sizeof(text), "%d:%" PRId64 " %s", which(f.chain), f.seq, f.what);
	assert_string_equal(text, found);
}

static void outside(void **state)
{
	struct fuda_buf line = FUDA_BUF_INIT(1 << 20), later = FUDA_BUF_INIT(1 << 20);

	(void)state;
	begin_trail(5);
	checkpoint(&line);
	assert_null(strchr((const char *)line.data, '\n'));
	compare(&line, 0, "0:0 untouched");
	add_rows(5);
	checkpoint(&later);
	compare(&line, 0, "0:0 untouched");
	compare(&later, 0, "0:0 untouched");
	/* the last one taken away with what it covered: nothing within the database tells */
	tamper("DELETE FROM audit_checkpoint WHERE number = 2; DELETE FROM audit WHERE seq > 6");
	expect(0, "");
	compare(&line, 0, "0:0 untouched");
	compare(&later, FUDA_EVERIFY, "0:2 checkpoint_missing");
	/* another one in its place */
	checkpoint(NULL);
	compare(&later, FUDA_EVERIFY, "0:2 checkpoint_missing");
	tamper("DELETE FROM audit WHERE seq > 3");
	compare(&line, FUDA_EVERIFY, "1:4 row_missing");
	tamper("DELETE FROM audit; DELETE FROM audit_checkpoint");
	compare(&line, FUDA_EVERIFY, "0:1 checkpoint_missing");
	fuda_buf_free(&line);
	fuda_buf_free(&later);
}

static void changed_outside(void **state)
{
	static const char *const bad[] = {
		"", "{}", "[]", "null", "{\"checkpoint\":1}", "checkpoint 1",
		"{\"checkpoint\":1,\"at\":1,\"heads\":\"AQ==\",\"signer\":\"AQ==\"}",
		"{\"checkpoint\":\"1\",\"at\":1,\"heads\":\"AQ==\",\"signer\":\"AQ==\",\"signature\":\"AQ==\"}",
		"{\"checkpoint\":1,\"at\":1,\"heads\":\"?\",\"signer\":\"AQ==\",\"signature\":\"AQ==\"}",
		"{\"checkpoint\":1,\"at\":1,\"heads\":\"AQ==\",\"signer\":\"AQ==\",\"signature\":\"AQ==\"} x",
	};
	struct fuda_buf line = FUDA_BUF_INIT(4096), other = FUDA_BUF_INIT(4096);
	struct audit_finding f;
	int refused = 0;

	(void)state;
	begin_trail(2);
	checkpoint(&line);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(audit_compare(store, keys, bad[i], &f), FUDA_EFORMAT);
	for (size_t i = 0; i < line.len - 1; i++) {
		int e;

		assert_int_equal(fuda_buf_set(&other, line.data, line.len), 0);
		other.data[i] = other.data[i] == 'A' ? 'B' : other.data[i] == '1' ? '2' : 'A';
		e = audit_compare(store, keys, (const char *)other.data, &f);
		assert_true(e == FUDA_EFORMAT || e == FUDA_EVERIFY);
		if (e == FUDA_EVERIFY) {
			assert_string_equal(f.what, "checkpoint_signature");
			refused++;
		}
	}
	assert_true(refused > 250);
	compare(&line, 0, "0:0 untouched");
	fuda_buf_free(&line);
	fuda_buf_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(signs_the_heads, setup, teardown),
		cmocka_unit_test_setup_teardown(has_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_what_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_on_behind_a_wrong_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(ends, setup, teardown),
		cmocka_unit_test_setup_teardown(once, setup, teardown),
		cmocka_unit_test_setup_teardown(the_checkpoint_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(signed_by_another, setup, teardown),
		cmocka_unit_test_setup_teardown(outside, setup, teardown),
		cmocka_unit_test_setup_teardown(changed_outside, setup, teardown),
	};

	return RUN(tests);
}
