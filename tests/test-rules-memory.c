/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation of each request fails once: it is answered once all the same, nothing is half done,
 * and the same bytes succeed as soon as there is memory again. */
#include <stdio.h>
#include <string.h>

#include "tests/scarce.h"
/* behind it: a name of its own */
#include "tests/rules-stand.h"

static long failure; /* which allocation */

static int teardown(void **state)
{
	post_hook = NULL;
	return stand_teardown(state);
}

static void begin_to_fail(void)
{
	before_failure = failure;
}

static int64_t effects(const char *action)
{
	static const struct statement find = { "SELECT COUNT(*) FROM audit WHERE action = $1", 1 };
	_cleanup_rows_ struct rows rows = { 0 };

	assert_int_equal(store_run(p->store, &find, (struct datum[]){ TEXT(action) }, &rows), 0);
	return rows_int(&rows, 0, 0);
}

/* Asks until no allocation was left to fail; `undo` (NULL: nothing) makes the next one count again. */
static void starve(const char *purpose, const char *members, int status, const char *undo)
{
	int refusals = 0;
	bool failed = true;

	for (failure = 0; failed; failure++) {
		struct post post = post_make(p, 0, &hanako, purpose, members);
		int64_t before = effects(purpose);
		const struct exchange *x;

		post_hook = begin_to_fail;
		x = post_send(&post);
		failed = before_failure < 0;
		before_failure = -1;
		post_hook = NULL;
		if (x->status != status && x->status != 500 && x->status != 503)
			fail_msg("%s, allocation %ld: %d %s", purpose, failure, x->status, x->code);
		assert_int_equal(effects(purpose) - before, x->status == status);
		refusals += x->status != status;
		x = post_send(&post);
		assert_int_equal(x->status, status);
		assert_int_equal(effects(purpose) - before, 1);
		if (undo)
			assert_int_equal(ask(p, 0, &hanako, undo,
					     strcmp(undo, "bind") == 0 ? "" : ",\"sector\":\"bus\"")->status / 100,
					 2);
		post_free(&post);
	}
	assert_true(refusals > 5);
	assert_true(failure > refusals);
}

static void bind_starves(_unused_ void **state)
{
	/* the first makes the person; from then on the id is there */
	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 201);
	starve("bind", "", 200, NULL);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey"), 1);
}

static void expire_and_bind_starve(_unused_ void **state)
{
	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 201);
	starve("expire", "", 200, "bind");
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM subject"), 1);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM mykey WHERE state = 'active'"), 1);
}

static void link_starves(_unused_ void **state)
{
	assert_int_equal(ask(p, 0, &hanako, "bind", "")->status, 201);
	starve("link", ",\"sector\":\"bus\",\"local_number\":\"0042\"", 200, "unlink");
	starve("resolve", ",\"sector\":\"bus\"", 200, NULL);
	assert_int_equal(COUNT(p, "SELECT COUNT(*) FROM link"), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, stand_setup, teardown)
	const struct CMUnitTest tests[] = {
		T(bind_starves),
		T(expire_and_bind_starve),
		T(link_starves),
	};

	return RUN(tests);
}
