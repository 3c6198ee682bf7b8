/* SPDX-License-Identifier: Apache-2.0 */
#include "service/store.h"

#include <fuda/error.h>

#include "tests/scratch.h"

static struct fuda_context *ctx;
static struct store *store;

static int setup(void **state)
{
	char where[128];

	if (fuda_context_new(&ctx) < 0 || scratch_setup(state) < 0)
		return -1;
	snprintf(where, sizeof(where), "sqlite:%s", scratch_path("db"));
	return store_open(ctx, where, true, &store) < 0 || store_migrate(store) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	store_close(&store);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

static void keeps_a_setting(void **state)
{
	static const struct statement put = { "INSERT INTO setting (name, value) VALUES ($1, $2)", 2 };
	static const struct statement get = { "SELECT value FROM setting WHERE name = $1", 1 };
	_cleanup_rows_ struct rows rows = { 0 };
	char value[3];

	(void)state;
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(store_queue(store, &put, (struct datum[]){ TEXT("a"), BYTES("xyz", 3) }, NULL), 0);
	assert_int_equal(store_sync(store), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_run(store, &get, &TEXT("a"), &rows), 0);
	assert_int_equal(rows.count, 1);
	assert_int_equal(rows_bytes(&rows, 0, 0, value, 3), 0);
	assert_memory_equal(value, "xyz", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_a_setting, setup, teardown),
	};

	return RUN(tests);
}
