/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, and what a database tells of itself. */
#include "service/schema.h"

#include <pthread.h>
#include <time.h>

#include "tests/test-store.h"

enum { MAKERS = 4 };

/* ---- the schema ---- */

static const struct statement versions = { "SELECT count(*) FROM schema_version", 0 };

static void makes_the_schema(void **state)
{
	int64_t version = 99, newest = 0;
	struct store *other;

	(void)state;
	while (schema_steps[newest])
		newest++;
	assert_int_equal(store_version(store, &version), 0);
	assert_int_equal(version, 0);
	assert_int_equal(store_migrate(store), 0);
	assert_int_equal(store_migrate(store), 0);
	other = another();
	assert_int_equal(store_migrate(other), 0);
	assert_int_equal(store_version(other, &version), 0);
	assert_int_equal(version, newest);
	assert_int_equal(number_of(store, &versions), newest);
	store_close(&other);
}

static void *make_schema(void *arg)
{
	struct fuda_context *own;
	struct store *mine = NULL;
	int *ret = arg;

	if (fuda_context_new(&own) < 0)
		return NULL;
	*ret = store_open(own, store_place(), true, &mine);
	if (*ret == 0)
		*ret = store_migrate(mine);
	store_close(&mine);
	fuda_context_free(&own);
	return NULL;
}

static void makes_the_schema_once(void **state)
{
	static const struct statement subjects = { "SELECT count(*) FROM subject", 0 };
	pthread_t threads[MAKERS];
	int results[MAKERS];

	(void)state;
	for (int i = 0; i < MAKERS; i++) {
		results[i] = FUDA_EFAILED;
		assert_int_equal(pthread_create(&threads[i], NULL, make_schema, &results[i]), 0);
	}
	for (int i = 0; i < MAKERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(results[i], 0);
	}
	assert_int_equal(number_of(store, &subjects), 0);
}

static void works_beside_the_next_version(void **state)
{
	static const struct statement next = { "INSERT INTO schema_version (version) SELECT max(version) + 1 FROM "
					       "schema_version",
					       0 };
	int64_t version, first;

	(void)state;
	assert_int_equal(store_migrate(store), 0);
	assert_int_equal(store_version(store, &first), 0);
	assert_int_equal(store_run(store, &next, NULL, NULL), 0);
	assert_int_equal(store_migrate(store), 0);
	assert_int_equal(store_run(store, &next, NULL, NULL), 0);
	assert_int_equal(store_migrate(store), FUDA_ENOTSUP);
	assert_int_equal(store_version(store, &version), 0);
	assert_int_equal(version, first + 2); /* it was not touched */
}

/* A schema that cannot be made leaves nothing behind. */
static void makes_the_schema_whole_or_not(void **state)
{
	int64_t version = 99;

	(void)state;
	do_it(store, "CREATE TABLE audit (other BIGINT)");
	assert_int_equal(store_migrate(store), FUDA_ESTORE);
	assert_int_equal(store_version(store, &version), 0);
	assert_int_equal(version, 0);
	do_it(store, "CREATE TABLE subject (other BIGINT)"); /* is not there */
	do_it(store, "DROP TABLE subject");
	do_it(store, "DROP TABLE audit");
	assert_int_equal(store_migrate(store), 0);
}

/* One after the other. */
static const struct {
	const char *sql;
	bool taken;
} rules[] = {
	{ "INSERT INTO subject (id, created) VALUES ('s1', 1)", true },
	{ "INSERT INTO subject (id, created) VALUES ('s1', 2)", false },
	/* one active MyKey ID for each subject, and none is issued twice */
	{ "INSERT INTO mykey (id, subject, state, issued) VALUES ('A', 's1', 'active', 1)", true },
	{ "INSERT INTO mykey (id, subject, state, issued) VALUES ('B', 's1', 'active', 1)", false },
	{ "INSERT INTO mykey (id, subject, state, issued) VALUES ('B', 's1', 'expired', 1)", true },
	{ "INSERT INTO mykey (id, subject, state, issued) VALUES ('C', 's1', 'expired', 1)", true },
	{ "INSERT INTO mykey (id, subject, state, issued) VALUES ('B', 's2', 'active', 1)", false },
	{ "UPDATE mykey SET state = 'active' WHERE id = 'C'", false },
	{ "UPDATE mykey SET state = 'expired' WHERE id = 'A'", true },
	{ "UPDATE mykey SET state = 'active' WHERE id = 'C'", true },
	/* one pseudonym for each subject and sector, one holder for each local number */
	{ "INSERT INTO link (sector, ppid, subject, key_version, local_bidx, created, changed)"
	  " VALUES ('x', 'p1', 's1', 1, 'l1', 1, 1)",
	  true },
	{ "INSERT INTO link (sector, ppid, subject, key_version, local_bidx, created, changed)"
	  " VALUES ('x', 'p2', 's1', 1, 'l2', 1, 1)",
	  false },
	{ "INSERT INTO link (sector, ppid, subject, key_version, local_bidx, created, changed)"
	  " VALUES ('x', 'p2', 's2', 1, 'l1', 1, 1)",
	  false },
	{ "INSERT INTO link (sector, ppid, subject, key_version, created, changed)"
	  " VALUES ('x', 'p2', 's2', 1, 1, 1)",
	  true },
	{ "INSERT INTO link (sector, ppid, subject, key_version, created, changed)"
	  " VALUES ('x', 'p3', 's3', 1, 1, 1)",
	  true },
	{ "INSERT INTO link (sector, ppid, subject, key_version, local_bidx, created, changed)"
	  " VALUES ('y', 'p1', 's1', 1, 'l1', 1, 1)",
	  true },
	/* what is referred to is there */
	{ "INSERT INTO sector (id, org, name, kind, key_version, created)"
	  " VALUES ('x', 'o1', 'library', 'k', 1, 1)",
	  false },
	{ "INSERT INTO org (id, name, kind, created) VALUES ('o1', 'town', 'k', 1)", true },
	{ "INSERT INTO sector (id, org, name, kind, key_version, created)"
	  " VALUES ('x', 'o1', 'library', 'k', 1, 1)",
	  true },
	{ "DELETE FROM org WHERE id = 'o1'", false },
	{ "INSERT INTO used_nonce (nonce, expires) VALUES ('n', 1)", true },
	{ "INSERT INTO used_nonce (nonce, expires) VALUES ('n', 1)", false },
	{ "INSERT INTO audit (chain, seq, at, actor_kind, action, data, hash)"
	  " VALUES ('c', 1, 1, 'k', 'a', '{}', 'h')",
	  true },
	{ "INSERT INTO audit (chain, seq, at, actor_kind, action, data, hash)"
	  " VALUES ('c', 1, 1, 'k', 'a', '{}', 'h')",
	  false },
	{ "INSERT INTO idem (terminal, key, request_hash, revision, status, body, expires)"
	  " VALUES ('t', 'k', 'h', 1, 200, NULL, 1)",
	  false },
};

static void has_the_rules_of_the_tables(void **state)
{
	(void)state;
	assert_int_equal(store_migrate(store), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		int r;

		assert_int_equal(store_begin(store, true), 0);
		r = store->driver->execute(store, rules[i].sql);
		if (r == 0)
			r = store_commit(store);
		store_rollback(store);
		if (r != (rules[i].taken ? 0 : FUDA_ESTORE))
			fail_msg("%s: %d %s", rules[i].sql, r, fuda_context_message(ctx));
	}
}

/* ---- about the database ---- */

static void tells_of_itself(void **state)
{
	int64_t before = (int64_t)time(NULL) * 1000000, clock = 0, size = 0;

	(void)state;
	assert_string_equal(store_kind(store), on_postgres ? "postgresql" : "sqlite");
	assert_int_equal(store_clock(store, &clock), 0);
	assert_true(clock >= before && clock <= before + 5000000);
	assert_int_equal(store_migrate(store), 0);
	assert_int_equal(store_size(store, &size), 0);
	assert_true(size > 4096 && size < 1 << 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(makes_the_schema),
		STORE_TEST(makes_the_schema_once),
		STORE_TEST(works_beside_the_next_version),
		STORE_TEST(makes_the_schema_whole_or_not),
		STORE_TEST(has_the_rules_of_the_tables),
		STORE_TEST(tells_of_itself),
	};

	return STORE_RUN(tests);
}
