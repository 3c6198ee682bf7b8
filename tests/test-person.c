/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/person.h>

#include <stdio.h>
#include <string.h>
#include "tests/cmocka.h"

static struct fuda_context *ctx;

static void my_numbers(void **state)
{
	static const char *const good[] = {
		"123456789018", "876543210989", "537686677188" /* card.md 10 */, "000000000000",
		"999999999996", "000000000019", "000000000060",
	};
	static const char *const bad[] = {
		"",
		"1",
		"12345678901",
		"1234567890188",
		"123456789019",
		"12345678901a",
		" 23456789018",
		"-23456789018",
		"１23456789018",
		"123456789 18",
		"213456789018",
		"123456789108",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!fuda_my_number_valid(good[i]))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (fuda_my_number_valid(bad[i]))
			fail_msg("%s", bad[i]);
}

/* To eleven digits belongs one check digit. */
static void one_check_digit(void **state)
{
	(void)state;
	for (unsigned long long n = 0; n < 100000000000; n += 49999991) {
		char digits[FUDA_MY_NUMBER_SIZE];
		int valid = 0;

		for (unsigned d = 0; d < 10; d++) {
			snprintf(digits, sizeof(digits), "%011llu%u", n, d);
			valid += fuda_my_number_valid(digits);
		}
		assert_int_equal(valid, 1);
	}
}

static void sexes(void **state)
{
	static const struct {
		enum fuda_sex sex;
		const char *name;
	} cases[] = {
		{ FUDA_SEX_MALE, "male" },
		{ FUDA_SEX_FEMALE, "female" },
		{ FUDA_SEX_NOT_APPLICABLE, "not_applicable" },
		{ FUDA_SEX_NOT_KNOWN, "not_known" },
		{ (enum fuda_sex)5, "not_known" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(fuda_sex_name(cases[i].sex), cases[i].name);
}

/* The first and the last day of each era: card.md 4. */
static void eras(void **state)
{
	static const struct {
		const char *date, *digits;
	} cases[] = {
		{ "1980-02-17", "550217" }, { "1868-01-25", "010125" }, { "1912-07-29", "450729" },
		{ "1912-07-30", "010730" }, { "1926-12-24", "151224" }, { "1926-12-25", "011225" },
		{ "1989-01-07", "640107" }, { "1989-01-08", "010108" }, { "2019-04-30", "310430" },
		{ "2019-05-01", "010501" }, { "2026-11-20", "081120" }, { "2000-02-29", "120229" },
		{ "1926-12-31", "011231" }, { "1927-01-01", "020101" }, { "2117-12-31", "991231" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char digits[7];

		assert_int_equal(fuda_era_digits(ctx, cases[i].date, digits), 0);
		assert_string_equal(digits, cases[i].digits);
	}
}

static void refuses_dates(void **state)
{
	static const char *const bad[] = {
		"",
		"1868-01-24",
		"0001-01-01",
		"1980-00-17",
		"1980-02-00",
		"0000-02-17",
		"1980-13-01",
		"1980-02-30",
		"1981-02-29",
		"1900-02-29",
		"1980-04-31",
		"1980-2-17",
		"19800217",
		"1980/02/17",
		"80-02-17",
		"1980-02-17 ",
		" 1980-02-17",
		"1980-02-1x",
		"2118-01-01",
		"9999-12-31",
		"１980-02-17",
		"550217",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char digits[7] = "same";

		if (fuda_era_digits(ctx, bad[i], digits) != FUDA_EINVAL)
			fail_msg("%s", bad[i]);
		assert_string_equal(digits, "same");
		assert_true(strlen(fuda_context_message(ctx)) > 20);
	}
}

static int setup(void **state)
{
	(void)state;
	return fuda_context_new(&ctx);
}

static int teardown(void **state)
{
	(void)state;
	fuda_context_free(&ctx);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(my_numbers),    cmocka_unit_test(one_check_digit),
		cmocka_unit_test(sexes),         cmocka_unit_test(eras),
		cmocka_unit_test(refuses_dates),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
