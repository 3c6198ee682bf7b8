/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of databases that fail. */
#ifndef TESTS_TEST_STORE_FAULTS_H
#define TESTS_TEST_STORE_FAULTS_H

#include <time.h>

#include "tests/scarce.h"
#include "tests/test-store.h"

#define KEPT "CREATE TABLE kept (id BIGINT PRIMARY KEY, b BYTEA)"
static const struct statement put = { "INSERT INTO kept (id, b) VALUES ($1, $2)", 2 };
static const struct statement how_many = { "SELECT count(*) FROM kept", 0 };

static inline int put_bytes(struct store *in, int64_t id, size_t len)
{
	static const uint8_t bytes[8192];

	return store_run(in, &put, (struct datum[]){ INT(id), BYTES(bytes, len) }, NULL);
}

static inline void assert_says(const char *what)
{
	if (!strstr(fuda_context_message(ctx), what))
		fail_msg("\"%s\" is not in \"%s\"", what, fuda_context_message(ctx));
}

static inline int try_to_open(const char *place, bool make)
{
	struct store *other = NULL;
	int r = store_open(ctx, place, make, &other);

	if (r < 0)
		assert_null(other);
	store_close(&other);
	return r;
}

static inline int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline int use(const char *place)
{
	struct store *mine = NULL;
	struct rows rows = { 0 };
	int r = store_open(ctx, place, true, &mine);

	if (r == 0)
		r = store_migrate(mine);
	if (r == 0)
		r = store_begin(mine, true);
	if (r == 0) {
		r = store_queue(mine, &put, (struct datum[]){ INT(1), BYTES("abc", 3) }, NULL);
		if (r == 0)
			r = store_queue(mine, &how_many, NULL, &rows);
		if (r == 0)
			r = store_commit(mine);
	}
	rows_free(&rows);
	store_close(&mine);
	return r;
}

static inline void runs_out_of_memory(void **state)
{
	static const struct statement empty = { "DELETE FROM kept", 0 };
	int r = FUDA_ENOMEM;
	long n;

	(void)state;
	do_it(store, KEPT);
	for (n = 0; r < 0 && n < 1000; n++) {
		before_failure = n;
		r = use(store_place());
		before_failure = -1;
		if (r < 0) {
			assert_int_equal(r, FUDA_ENOMEM);
			assert_int_equal(number_of(store, &how_many), 0);
		}
	}
	assert_true(n > 4);
	assert_int_equal(r, 0);
	assert_int_equal(number_of(store, &how_many), 1);
	assert_int_equal(store_run(store, &empty, NULL, NULL), 0);
}

#endif
