/* SPDX-License-Identifier: Apache-2.0 */
#include "service/store.h"

#include <pthread.h>

#include "tests/test-store.h"

#define VALUES_TABLE "CREATE TABLE kept (id BIGINT PRIMARY KEY, n BIGINT, b BYTEA, t TEXT)"
static const struct statement put = { "INSERT INTO kept (id, n, b, t) VALUES ($1, $2, $3, $4)", 4 };
static const struct statement get = { "SELECT n, b, t FROM kept WHERE id = $1", 1 };
static const struct statement how_many = { "SELECT count(*) FROM kept", 0 };

static int put_number(struct store *in, int64_t id, int64_t n)
{
	return store_queue(in, &put, (struct datum[]){ INT(id), INT(n), NONE, NONE }, NULL);
}

/* ---- values ---- */

static void assert_same(struct datum is, struct datum should_be)
{
	assert_int_equal(is.kind, should_be.kind);
	assert_int_equal(is.number, should_be.number);
	assert_int_equal(is.len, should_be.len);
	if (is.len)
		assert_memory_equal(is.bytes, should_be.bytes, is.len);
}

static void keeps_values(void **state)
{
	static char large[3 << 20];
	const struct datum rows[][3] = {
		{ NONE, NONE, NONE },
		{ INT(0), BYTES("", 0), TEXT("") },
		{ INT(0), BYTES(NULL, 0), { DATUM_TEXT, 0, NULL, 0 } }, /* empty, and not NULL */
		{ INT(INT64_MAX), BYTES("\0\xff\0", 3), TEXT("番号花子") },
		{ INT(INT64_MIN), BYTES("x", 1), TEXT("'; DROP TABLE kept; -- \"\\' $1 %s\n\t") },
		{ INT(-1), BYTES(large, sizeof(large)), { DATUM_TEXT, 0, large, sizeof(large) } },
		{ INT(4711), BYTES("123", 3), TEXT("123") }, /* it stays a text */
		{ INT(1), NONE, TEXT("\xf0\x9f\x82\xa1\xc3\xa4") },
		{ NONE, BYTES("\xc0\x80", 2), NONE }, /* bytes may be anything */
	};

	(void)state;
	memset(large, 'a', sizeof(large));
	do_it(store, VALUES_TABLE);
	assert_int_equal(store_begin(store, true), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct datum params[] = { INT((int64_t)i), rows[i][0], rows[i][1], rows[i][2] };

		assert_int_equal(store_queue(store, &put, params, NULL), 0);
	}
	assert_int_equal(store_commit(store), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_rows_ struct rows got = { 0 };

		assert_int_equal(store_run(store, &get, &INT((int64_t)i), &got), 0);
		assert_int_equal(got.count, 1);
		assert_int_equal(got.columns, 3);
		assert_int_equal(got.changed, 0);
		for (size_t j = 0; j < 3; j++)
			assert_same(rows_get(&got, 0, j), rows[i][j]);
	}
	assert_int_equal(number_of(store, &how_many), ARRAY_SIZE(rows));
}

static void refuses_values(void **state)
{
	static const struct statement many = { "SELECT 1", STORE_PARAMS + 1 };
	const struct datum bad[] = {
		{ DATUM_TEXT, 0, "a\0b", 3 },
		TEXT("\xff"),
		TEXT("\xc0\x80"),
		TEXT("\xed\xa0\x80"),
		{ DATUM_TEXT, 0, "\xe7\x95", 2 },
		{ DATUM_BYTES, 0, "", (size_t)STORE_ROWS_BYTES + 1 },
		{ DATUM_TEXT, 0, "", (size_t)-1 },
	};

	(void)state;
	do_it(store, VALUES_TABLE);
	assert_int_equal(store_begin(store, true), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(store_queue(store, &put, (struct datum[]){ INT(1), NONE, NONE, bad[i] }, NULL),
				 FUDA_EINVAL);
	assert_int_equal(store_queue(store, &many, NULL, NULL), FUDA_EINVAL);
	/* nothing of it left for the database */
	assert_int_equal(store_sync(store), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(number_of(store, &how_many), 0);
}

static void copies_values_exactly(void **state)
{
	static const struct statement row = { "SELECT b, t, n, b, t FROM kept ORDER BY id", 0 };
	_cleanup_rows_ struct rows rows = { 0 };
	char out[4] = "zzz";

	(void)state;
	do_it(store, VALUES_TABLE);
	do_it(store, "INSERT INTO kept (id, n, t) VALUES (1, NULL, 'abc')");
	assert_int_equal(store_run(store, &put, (struct datum[]){ INT(2), INT(5), BYTES("xyz", 3), TEXT("") }, NULL),
			 0);
	assert_int_equal(store_run(store, &row, NULL, &rows), 0);
	assert_int_equal(rows_bytes(&rows, 0, 0, out, 0), FUDA_ESTORE); /* NULL */
	assert_int_equal(rows_bytes(&rows, 0, 1, out, 3), FUDA_ESTORE); /* a text */
	assert_int_equal(rows_bytes(&rows, 1, 0, out, 2), FUDA_ESTORE);
	assert_int_equal(rows_bytes(&rows, 1, 0, out, 4), FUDA_ESTORE);
	assert_int_equal(rows_text(&rows, 0, 1, out, 3), FUDA_ESTORE); /* no room for its NUL */
	assert_int_equal(rows_text(&rows, 1, 0, out, 4), FUDA_ESTORE); /* bytes */
	assert_int_equal(rows_text(&rows, 1, 2, out, 4), FUDA_ESTORE); /* a number */
	assert_string_equal(out, "zzz");
	assert_int_equal(rows_bytes(&rows, 1, 0, out, 3), 0);
	assert_string_equal(out, "xyz");
	assert_int_equal(rows_text(&rows, 0, 1, out, 4), 0);
	assert_string_equal(out, "abc");
	assert_int_equal(rows_text(&rows, 1, 1, out, 4), 0);
	assert_string_equal(out, "");
	assert_int_equal(rows_int(&rows, 0, 2), 0);
	assert_int_equal(rows_int(&rows, 1, 2), 5);
	/* what is not there is nothing */
	assert_int_equal(rows_get(&rows, 2, 0).kind, DATUM_NULL);
	assert_int_equal(rows_get(&rows, 0, 5).kind, DATUM_NULL);
	assert_int_equal(rows_int(&rows, 99, 99), 0);
}

static void knows_no_fractions(void **state)
{
	static const struct statement half = { "SELECT 0.5", 0 };
	_cleanup_rows_ struct rows rows = { 0 };

	(void)state;
	assert_int_equal(store_run(store, &half, NULL, &rows), FUDA_ESTORE);
	assert_null(rows.data);
}

/* ---- statements ---- */

static void counts_changes(void **state)
{
	static const struct statement add = { "INSERT INTO kept (id, n) VALUES ($1, $2) ON CONFLICT DO NOTHING "
					      "RETURNING n, id",
					      2 };
	static const struct statement quiet = { "INSERT INTO kept (id, n) VALUES ($1, $2) ON CONFLICT DO NOTHING", 2 };
	static const struct statement raise = { "UPDATE kept SET n = n + $1 WHERE n >= $2", 2 };
	static const struct statement drop = { "DELETE FROM kept WHERE id > $1", 1 };
	static const struct {
		const struct statement *statement;
		int64_t first, second;
		int64_t changed, rows;
	} steps[] = {
		{ &add, 1, 10, 1, 1 },    { &add, 1, 11, 0, 0 },   { &quiet, 2, 20, 1, 0 },
		{ &quiet, 2, 20, 0, 0 },  { &quiet, 3, 30, 1, 0 }, { &raise, 1, 20, 2, 0 },
		{ &raise, 1, 100, 0, 0 }, { &drop, 1, 0, 2, 0 },   { &drop, 1, 0, 0, 0 },
	};
	struct rows rows[ARRAY_SIZE(steps)] = { 0 };

	(void)state;
	do_it(store, VALUES_TABLE);
	assert_int_equal(store_begin(store, true), 0);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		assert_int_equal(store_queue(store, steps[i].statement,
					     (struct datum[]){ INT(steps[i].first), INT(steps[i].second) }, &rows[i]),
				 0);
	assert_int_equal(store_sync(store), 0);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		assert_int_equal(rows[i].changed, steps[i].changed);
		assert_int_equal(rows[i].count, steps[i].rows);
	}
	assert_int_equal(rows_int(&rows[0], 0, 0), 10);
	assert_int_equal(rows_int(&rows[0], 0, 1), 1);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		rows_free(&rows[i]);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(number_of(store, &how_many), 1);
}

static void prepares_once(void **state)
{
	(void)state;
	do_it(store, VALUES_TABLE);
	for (int64_t i = 0; i < 20; i++) {
		assert_int_equal(store_begin(store, true), 0);
		for (int64_t j = 0; j < 5; j++)
			assert_int_equal(put_number(store, i * 5 + j, j), 0);
		if (i % 2)
			assert_int_equal(store_commit(store), 0);
		else
			store_rollback(store);
	}
	assert_int_equal(number_of(store, &how_many), 50);
	assert_int_equal(store->prepared_count, 2);
}

/* A parameter that was NULL first has a kind later. */
static void takes_kinds_as_they_come(void **state)
{
	static const struct statement find = { "SELECT id FROM kept WHERE COALESCE(n, 5) = COALESCE($1, 5)", 1 };
	const struct datum of[] = { NONE, INT(5), INT(INT64_MAX), NONE, INT(6) };
	static const size_t found[] = { 1, 1, 1, 1, 0 };

	(void)state;
	do_it(store, VALUES_TABLE);
	assert_int_equal(store_run(store, &put, (struct datum[]){ INT(1), NONE, NONE, NONE }, NULL), 0);
	assert_int_equal(store_run(store, &put, (struct datum[]){ INT(2), INT(INT64_MAX), BYTES("", 0), TEXT("") },
				   NULL),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		_cleanup_rows_ struct rows rows = { 0 };

		assert_int_equal(store_run(store, &find, &of[i], &rows), 0);
		assert_int_equal(rows.count, found[i]);
	}
}

static void refuses_statements(void **state)
{
	static const struct statement wrong_count = { "SELECT n FROM kept WHERE id = $1", 0 };
	static const struct statement disorder = { "SELECT n FROM kept WHERE id = $2 AND n = $1", 2 };
	static const struct statement no_table = { "SELECT 1 FROM nowhere", 0 };
	static const struct statement no_sql = { "SELEKT", 0 };
	struct statement moving = { "SELECT n FROM kept", 0 };

	(void)state;
	do_it(store, VALUES_TABLE);
	if (on_postgres) {
		/* one kind for each parameter */
		assert_int_equal(store_run(store, &get, &TEXT("1"), NULL), FUDA_ESTORE);
	} else {
		assert_int_equal(store_run(store, &disorder, (struct datum[]){ INT(1), INT(2) }, NULL), FUDA_EINVAL);
		assert_int_equal(store_run(store, &wrong_count, NULL, NULL), FUDA_EINVAL);
	}
	assert_true(store_run(store, &wrong_count, NULL, NULL) < 0);
	assert_int_equal(store_run(store, &no_table, NULL, NULL), FUDA_ESTORE);
	assert_non_null(strstr(fuda_context_message(ctx), "nowhere"));
	do_it(store, "CREATE TABLE nowhere (n BIGINT)");
	assert_int_equal(store_run(store, &no_table, NULL, NULL), 0);
	assert_int_equal(store_run(store, &no_sql, NULL, NULL), FUDA_ESTORE);
	/* two that share an address, one after the other, are taken for a mistake and not for each other */
	assert_int_equal(store_run(store, &moving, NULL, NULL), 0);
	moving.sql = "SELECT id FROM kept";
	assert_int_equal(store_run(store, &moving, NULL, NULL), FUDA_EINVAL);
	assert_int_equal(number_of(store, &how_many), 0);
}

static void bounds_statements(void **state)
{
	static struct statement all[STORE_STATEMENTS];
	int r = 0, i;

	(void)state;
	for (i = 0; i < STORE_STATEMENTS && r == 0; i++) {
		all[i].sql = "SELECT 1";
		r = store_run(store, &all[i], NULL, NULL);
	}
	assert_int_equal(r, FUDA_ETOOBIG);
	assert_true(i > STORE_STATEMENTS / 2);
	assert_int_equal(store_run(store, &all[0], NULL, NULL), 0);
}

static void bounds_rows(void **state)
{
	static const struct statement twice = {
		"INSERT INTO kept (id, n) SELECT id + 10000, 1 FROM kept RETURNING id", 0
	};
	static const struct statement some = { "SELECT id FROM kept WHERE id < $1 ORDER BY id", 1 };
	static const struct statement wide = { "SELECT 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24",
					       0 };
	static const struct statement too_wide = { "SELECT "
						   "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25",
						   0 };
	struct rows rows = { 0 };

	(void)state;
	do_it(store, VALUES_TABLE);
	assert_int_equal(store_begin(store, true), 0);
	for (int64_t i = 0; i <= STORE_ROWS; i++)
		assert_int_equal(put_number(store, i, i), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_run(store, &some, &INT(STORE_ROWS), &rows), 0);
	assert_int_equal(rows.count, STORE_ROWS);
	assert_int_equal(rows_int(&rows, STORE_ROWS - 1, 0), STORE_ROWS - 1);
	rows_free(&rows);
	assert_int_equal(store_run(store, &some, &INT(STORE_ROWS + 1), &rows), FUDA_ETOOBIG);
	assert_null(rows.data);
	assert_int_equal(store_run(store, &some, &INT(1), &rows), 0);
	assert_int_equal(rows.count, 1);
	rows_free(&rows);
	/* what cannot be told did not happen */
	assert_int_equal(store_run(store, &twice, NULL, &rows), FUDA_ETOOBIG);
	assert_int_equal(store_run(store, &wide, NULL, &rows), 0);
	assert_int_equal(rows_int(&rows, 0, 23), 24);
	rows_free(&rows);
	assert_int_equal(store_run(store, &too_wide, NULL, &rows), FUDA_ETOOBIG);
	assert_int_equal(number_of(store, &how_many), STORE_ROWS + 1);
}

/* More than the buffers between us and a server hold, both ways at once. */
static void carries_much(void **state)
{
	static const struct statement echo = { "INSERT INTO kept (id, b) VALUES ($1, $2) RETURNING b", 2 };
	static struct rows rows[1500];
	static uint8_t bytes[16384];

	(void)state;
	do_it(store, VALUES_TABLE);
	assert_int_equal(store_begin(store, true), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bytes[0] = (uint8_t)i;
		assert_int_equal(store_queue(store, &echo,
					     (struct datum[]){ INT((int64_t)i), BYTES(bytes, sizeof(bytes)) },
					     &rows[i]),
				 0);
	}
	assert_int_equal(store_sync(store), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct datum value = rows_get(&rows[i], 0, 0);

		assert_int_equal(value.len, sizeof(bytes));
		assert_int_equal(*(const uint8_t *)value.bytes, (uint8_t)i);
		rows_free(&rows[i]);
	}
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(number_of(store, &how_many), ARRAY_SIZE(rows));
}

/* ---- transactions ---- */

static void rolls_back(void **state)
{
	(void)state;
	do_it(store, VALUES_TABLE);
	assert_int_equal(store_begin(store, true), 0);
	store_rollback(store);
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(put_number(store, 1, 1), 0);
	store_rollback(store); /* queued */
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(put_number(store, 2, 1), 0);
	assert_int_equal(store_sync(store), 0);
	assert_int_equal(put_number(store, 3, 1), 0);
	store_rollback(store); /* done, and queued */
	store_rollback(store); /* there is none */
	assert_int_equal(number_of(store, &how_many), 0);
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(store_commit(store), 0);
}

static void rolls_back_what_failed(void **state)
{
	struct rows before = { 0 }, behind = { 0 };

	(void)state;
	do_it(store, VALUES_TABLE);
	for (int way = 0; way < 3; way++) {
		assert_int_equal(store_begin(store, true), 0);
		assert_int_equal(put_number(store, 7, 1), 0);
		assert_int_equal(store_sync(store), 0);
		assert_int_equal(store_queue(store, &how_many, NULL, &before), 0);
		assert_int_equal(put_number(store, 7, 1), 0); /* the failure comes later */
		assert_int_equal(store_queue(store, &how_many, NULL, &behind), 0);
		if (way < 2) {
			assert_int_equal(store_sync(store), FUDA_ESTORE);
			assert_int_equal(store_sync(store), FUDA_ESTORE);
			assert_int_equal(put_number(store, 8, 1), 0); /* of no use */
		}
		if (way == 0)
			store_rollback(store);
		else
			assert_int_equal(store_commit(store), FUDA_ESTORE);
		rows_free(&before);
		assert_null(behind.data);
		assert_int_equal(number_of(store, &how_many), 0);
	}
	/* nor is anybody kept waiting for who does not say rollback */
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(put_number(store, 1, 1), 0);
	assert_int_equal(store_sync(store), 0);
	assert_int_equal(put_number(store, 1, 1), 0);
	assert_int_equal(store_sync(store), FUDA_ESTORE);
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(put_number(store, 1, 1), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(number_of(store, &how_many), 1);
}

static void says_what_rule_was_broken(void **state)
{
	static const char secret[] = "4711-0815";

	(void)state;
	do_it(store, "CREATE TABLE strict (t TEXT PRIMARY KEY)");
	for (int i = 0; i < 2; i++) {
		static const struct statement add = { "INSERT INTO strict (t) VALUES ($1)", 1 };

		assert_int_equal(store_run(store, &add, &TEXT(secret), NULL), i ? FUDA_ESTORE : 0);
	}
	assert_non_null(strstr(fuda_context_message(ctx), "strict"));
	assert_null(strstr(fuda_context_message(ctx), secret));
}

static void keeps_the_order_of_calls(void **state)
{
	(void)state;
	do_it(store, VALUES_TABLE);
	assert_int_equal(store_queue(store, &how_many, NULL, NULL), FUDA_EINVAL);
	assert_int_equal(store_sync(store), FUDA_EINVAL);
	assert_int_equal(store_commit(store), FUDA_EINVAL);
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(store_begin(store, true), FUDA_EINVAL);
	assert_int_equal(store_copy(store, scratch_path("copy")), on_postgres ? FUDA_EINVAL : FUDA_EINVAL);
	assert_int_equal(put_number(store, 1, 1), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(number_of(store, &how_many), 1);
}

static void only_reads_where_it_says_so(void **state)
{
	(void)state;
	do_it(store, VALUES_TABLE);
	assert_int_equal(store_begin(store, false), 0);
	assert_int_equal(put_number(store, 1, 1), 0);
	assert_int_equal(store_commit(store), FUDA_EINVAL);
	assert_int_equal(store_begin(store, false), 0);
	assert_int_equal(number_of(store, &how_many), 0);
	assert_int_equal(store_commit(store), 0);
}

static void sees_nothing_of_others_before_the_end(void **state)
{
	struct store *other = another();

	(void)state;
	do_it(store, VALUES_TABLE);
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(put_number(store, 1, 1), 0);
	assert_int_equal(store_sync(store), 0);
	assert_int_equal(number_of(other, &how_many), 0); /* nor waits for it */
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(number_of(other, &how_many), 1);
	store_close(&other);
	store_close(&other);
}

/* ---- several at once ---- */

enum { WRITERS = 4, ROUNDS = 25 };

/* Adds up in a row of all and a row of its own. */
static void *add_up(void *arg)
{
	static const struct statement add = { "UPDATE kept SET n = n + 1 WHERE id = $1", 1 };
	struct fuda_context *own;
	struct store *mine = NULL;
	int r, *ret = arg;

	if (fuda_context_new(&own) < 0)
		return NULL;
	r = store_open(own, store_place(), false, &mine);
	for (int i = 0; i < ROUNDS && r == 0; i++) {
		do {
			r = store_begin(mine, true);
			if (r == 0) {
				(void)store_queue(mine, &add, &INT(0), NULL);
				r = store_commit(mine);
			}
		} while (r == FUDA_ERETRY);
	}
	*ret = r;
	store_close(&mine);
	fuda_context_free(&own);
	return NULL;
}

static void lets_several_write(void **state)
{
	static const struct statement sum = { "SELECT n FROM kept WHERE id = 0", 0 };
	pthread_t threads[WRITERS];
	int results[WRITERS];

	(void)state;
	do_it(store, VALUES_TABLE);
	do_it(store, "INSERT INTO kept (id, n) VALUES (0, 0)");
	for (int i = 0; i < WRITERS; i++) {
		results[i] = FUDA_EFAILED;
		assert_int_equal(pthread_create(&threads[i], NULL, add_up, &results[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(results[i], 0);
	}
	assert_int_equal(number_of(store, &sum), WRITERS * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(keeps_values),
		STORE_TEST(refuses_values),
		STORE_TEST(copies_values_exactly),
		STORE_TEST(knows_no_fractions),
		STORE_TEST(counts_changes),
		STORE_TEST(prepares_once),
		STORE_TEST(takes_kinds_as_they_come),
		STORE_TEST(refuses_statements),
		STORE_TEST(bounds_statements),
		STORE_TEST(bounds_rows),
		STORE_TEST(carries_much),
		STORE_TEST(rolls_back),
		STORE_TEST(rolls_back_what_failed),
		STORE_TEST(says_what_rule_was_broken),
		STORE_TEST(keeps_the_order_of_calls),
		STORE_TEST(only_reads_where_it_says_so),
		STORE_TEST(sees_nothing_of_others_before_the_end),
		STORE_TEST(lets_several_write),
	};

	return STORE_RUN(tests);
}
