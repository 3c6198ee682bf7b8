/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <fuda/buf.h>

#include "tests/cmocka.h"

static void grows_to_its_maximum(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(100);

	(void)state;
	for (uint8_t i = 0; i < 100; i++)
		assert_int_equal(fuda_buf_append(&b, &i, 1), 0);
	for (uint8_t i = 0; i < 100; i++)
		assert_int_equal(b.data[i], i);
	assert_int_equal(fuda_buf_append(&b, "x", 1), FUDA_ETOOBIG);
	assert_int_equal(b.len, 100);
	assert_int_equal(fuda_buf_append(&b, NULL, 0), 0);
	fuda_buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.max, 100);
}

static void sums_do_not_wrap(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(SIZE_MAX);

	(void)state;
	assert_int_equal(fuda_buf_append(&b, "abc", 3), 0);
	assert_int_equal(fuda_buf_append(&b, "abc", SIZE_MAX - 1), FUDA_ETOOBIG);
	assert_int_equal(b.len, 3);
	fuda_buf_free(&b);
}

static void set_replaces_or_leaves(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(4);

	(void)state;
	assert_int_equal(fuda_buf_set(&b, "abcd", 4), 0);
	assert_int_equal(fuda_buf_set(&b, "abcde", 5), FUDA_ETOOBIG);
	assert_memory_equal(b.data, "abcd", 4);
	assert_int_equal(fuda_buf_set(&b, "x", 1), 0);
	assert_int_equal(b.len, 1);
	fuda_buf_free(&b);
}

static void clear_wipes(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(64);

	(void)state;
	assert_int_equal(fuda_buf_append(&b, "secret", 6), 0);
	fuda_buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_memory_equal(b.data, "\0\0\0\0\0\0", 6);
	fuda_buf_free(&b);
}

static void cut_wipes(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(64);

	(void)state;
	buf_cut(&b, 0); /* of nothing */
	assert_int_equal(fuda_buf_append(&b, "kept, secret", 12), 0);
	buf_cut(&b, 12);
	buf_cut(&b, 13); /* it gets no longer */
	assert_int_equal(b.len, 12);
	buf_cut(&b, 4);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "kept\0\0\0\0\0\0\0\0", 12);
	fuda_buf_free(&b);
}

static void compares_in_constant_time(void **state)
{
	(void)state;
	assert_true(equal_ct("abc", "abc", 3));
	assert_false(equal_ct("abc", "abd", 3));
	assert_true(equal_ct("abc", "xyz", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_to_its_maximum),
		cmocka_unit_test(sums_do_not_wrap),
		cmocka_unit_test(set_replaces_or_leaves),
		cmocka_unit_test(clear_wipes),
		cmocka_unit_test(cut_wipes),
		cmocka_unit_test(compares_in_constant_time),
	};

	return RUN(tests);
}
