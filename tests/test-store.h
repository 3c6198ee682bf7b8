/* SPDX-License-Identifier: Apache-2.0 */
/* An empty database for each test, of one kind after the other: SQLite, and PostgreSQL where FUDA_TEST_POSTGRES is the
 * place of one that may be emptied. */
#ifndef TESTS_TEST_STORE_H
#define TESTS_TEST_STORE_H

#include <string.h>
#include <fuda/error.h>

#include "service/store-inside.h"
#include "tests/scratch.h"

static struct fuda_context *ctx;
static struct store *store;
static bool on_postgres;

/* The place of the database; valid until the test ends. */
static inline const char *store_place(void)
{
	static char place[1024];

	if (on_postgres)
		return getenv("FUDA_TEST_POSTGRES");
	snprintf(place, sizeof(place), "sqlite:%s/db", scratch);
	return place;
}

/* Another connection; it shares the context, as it shares the thread. */
static inline struct store *another(void)
{
	struct store *other = NULL;

	if (store_open(ctx, store_place(), true, &other) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	return other;
}

/* Statements of a test, in a transaction of their own. */
static inline void do_it(struct store *in, const char *sql)
{
	assert_int_equal(store_begin(in, true), 0);
	if (in->driver->execute(in, sql) < 0 || store_commit(in) < 0)
		fail_msg("%s: %s", sql, fuda_context_message(ctx));
}

static inline int store_setup(void **state)
{
	if (fuda_context_new(&ctx) < 0 || scratch_setup(state) < 0)
		return -1;
	store = another();
	if (on_postgres) {
		do_it(store, "DROP SCHEMA public CASCADE");
		do_it(store, "CREATE SCHEMA public");
	}
	return 0;
}

static inline int store_teardown(void **state)
{
	store_close(&store);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

static inline int64_t number_of(struct store *in, const struct statement *statement)
{
	_cleanup_rows_ struct rows rows = { 0 };

	if (store_run(in, statement, NULL, &rows) < 0)
		fail_msg("%s: %s", statement->sql, fuda_context_message(ctx));
	assert_int_equal(rows.count, 1);
	return rows_int(&rows, 0, 0);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
/* Runs the tests over each kind there is. */
#define STORE_RUN(tests) store_run_tests(tests, ARRAY_SIZE(tests))
static inline int store_run_tests(const struct CMUnitTest *tests, size_t count)
{
	int failed = _cmocka_run_group_tests("sqlite", tests, count, NULL, NULL);

	if (!getenv("FUDA_TEST_POSTGRES"))
		return failed;
	on_postgres = true;
	return failed + _cmocka_run_group_tests("postgresql", tests, count, NULL, NULL);
}

#endif
