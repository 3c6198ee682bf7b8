/* SPDX-License-Identifier: Apache-2.0 */
/* Ages by Japanese law: from when on somebody is a year older, to the second. */
#include "mdoc/age.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka.h"

static struct date day(const char *text)
{
	struct date d;

	assert_int_equal(day_parse(text, strlen(text), &d), 0);
	return d;
}

/* "2026-11-22 23:59:59" of Japan's clocks, by the library's own calendar. */
static time_t japan(const char *text)
{
	struct tm tm = { 0 };

	assert_int_equal(sscanf(text, "%d-%d-%d %d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
				&tm.tm_hour, &tm.tm_min, &tm.tm_sec),
			 6);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return timegm(&tm) - 9 * 3600;
}

static void days_are_read(void **state)
{
	static const char *const good[] = { "1971-09-01", "2000-02-29", "1996-02-29", "0001-01-01",
					    "9999-12-31" };
	static const char *const bad[] = {
		"",
		"1971-9-01",
		"1971-09-1",
		"1971/09/01",
		"1971-13-01",
		"1971-00-01",
		"1971-09-00",
		"1971-09-31",
		"1900-02-29",
		"2001-02-29",
		"0000-01-01",
		"1971-09-0x",
		"+971-09-01",
		" 1971-09-01",
		"1971-09-01 ",
		"1971-09-011",
		"1971-09-01T",
		"19710901",
	};
	struct date d;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(day_parse(good[i], strlen(good[i]), &d), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(&d, 0xEE, sizeof(d));
		if (day_parse(bad[i], strlen(bad[i]), &d) != FUDA_EFORMAT || d.year != 0xEEEEEEEE)
			fail_msg("taken: \"%s\"", bad[i]);
	}
	assert_int_equal(day_parse("1971-09-01", 9, &d), FUDA_EFORMAT);
}

/* Against the library's calendar, one day after the other through all kinds of years. */
static void days_begin_in_japan(void **state)
{
	const time_t first = japan("1599-12-31 00:00:00");
	struct date d;

	(void)state;
	for (time_t n = 0; n < 366L * 900; n++) {
		time_t at = first + n * 86400;

		assert_int_equal(day_in_japan(at, &d), 0);
		if (!day_good(&d) || day_begins(&d) != at)
			fail_msg("%04u-%02u-%02u", d.year, d.month, d.day);
		assert_int_equal(day_in_japan(at + 86399, &d), 0);
		assert_int_equal(day_begins(&d), at);
	}
	assert_int_equal(day_in_japan(japan("9999-12-31 23:59:59"), &d), 0);
	assert_int_equal(day_in_japan(japan("9999-12-31 23:59:59") + 1, &d), FUDA_EINVAL);
	assert_int_equal(day_in_japan(japan("0001-01-01 00:00:00"), &d), 0);
	assert_int_equal(day_in_japan(japan("0001-01-01 00:00:00") - 1, &d), FUDA_EINVAL);
	assert_int_equal(day_in_japan(INT64_MAX, &d), FUDA_EINVAL);
	assert_int_equal(day_in_japan(INT64_MIN, &d), FUDA_EINVAL);
}

static void years_end_with_the_day_before(void **state)
{
	static const struct {
		const char *birth, *at;
		unsigned years;
	} cases[] = {
		{ "2006-11-22", "2026-11-21 23:59:59", 19 },
		{ "2006-11-22", "2026-11-22 00:00:00", 20 },
		{ "2006-11-22", "2027-11-21 23:59:59", 20 },
		{ "2006-11-22", "2006-11-22 00:00:00", 0 },
		{ "2006-11-22", "2007-11-21 23:59:59", 0 },
		{ "2006-11-22", "2007-11-22 00:00:00", 1 },
		/* the year begins in Japan nine hours before it does in UTC */
		{ "2007-01-01", "2026-12-31 23:59:59", 19 },
		{ "2007-01-01", "2027-01-01 00:00:00", 20 },
		{ "1926-12-25", "2026-12-25 00:00:00", 100 },
		/* 民法 143 II: at the end of 28 February in every year */
		{ "2008-02-29", "2026-02-28 23:59:59", 17 },
		{ "2008-02-29", "2026-03-01 00:00:00", 18 },
		{ "2008-02-29", "2028-02-28 23:59:59", 19 },
		{ "2008-02-29", "2028-02-29 00:00:00", 20 },
		/* no leap year */
		{ "2000-02-29", "2100-02-28 23:59:59", 99 },
		{ "2000-02-29", "2100-03-01 00:00:00", 100 },
		{ "2008-02-28", "2026-02-28 00:00:00", 18 },
		{ "2008-03-01", "2026-02-28 23:59:59", 17 },
		{ "2008-03-01", "2026-03-01 00:00:00", 18 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct date birth = day(cases[i].birth);
		unsigned years;

		assert_int_equal(age_at(&birth, japan(cases[i].at), &years), 0);
		if (years != cases[i].years)
			fail_msg("%s at %s: %u", cases[i].birth, cases[i].at, years);
		assert_true(age_reached(&birth, years) <= japan(cases[i].at));
		assert_true(age_reached(&birth, years + 1) > japan(cases[i].at));
	}
}

static void nobody_is_older_before_it_is_reached(void **state)
{
	const struct date births[] = { day("2000-02-29"), day("2000-03-01"), day("1999-12-31"),
				      day("2001-01-01") };
	unsigned years;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(births); i++)
		for (unsigned n = 1; n < 120; n++) {
			time_t at = age_reached(&births[i], n);

			assert_int_equal(age_at(&births[i], at, &years), 0);
			assert_int_equal(years, n);
			assert_int_equal(age_at(&births[i], at - 1, &years), 0);
			assert_int_equal(years, n - 1);
		}
}

static void nobody_has_an_age_before_the_birth(void **state)
{
	const struct date birth = day("2026-11-22");
	unsigned years = 77;

	(void)state;
	assert_int_equal(age_at(&birth, japan("2026-11-21 23:59:59"), &years), FUDA_EINVAL);
	assert_int_equal(age_at(&birth, INT64_MAX, &years), FUDA_EINVAL);
	assert_int_equal(years, 77);
}

/* The machine's own time zone is not asked. */
static void it_is_japan_everywhere(void **state)
{
	static const char *const zones[] = { "America/New_York", "Pacific/Kiritimati", "UTC",
					     "Asia/Tokyo" };
	const struct date birth = day("2006-11-22");
	unsigned years;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		assert_int_equal(setenv("TZ", zones[i], 1), 0);
		tzset();
		assert_int_equal(age_at(&birth, 1795273199, &years), 0);
		assert_int_equal(years, 19);
		assert_int_equal(age_at(&birth, 1795273200, &years), 0);
		assert_int_equal(years, 20);
	}
	assert_int_equal(unsetenv("TZ"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_are_read),
		cmocka_unit_test(days_begin_in_japan),
		cmocka_unit_test(years_end_with_the_day_before),
		cmocka_unit_test(nobody_is_older_before_it_is_reached),
		cmocka_unit_test(nobody_has_an_age_before_the_birth),
		cmocka_unit_test(it_is_japan_everywhere),
	};

	return RUN(tests);
}
