/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/age.h"

#include <stdint.h>

#include "base/cursor.h"
#include "base/util.h"

enum { SECONDS_OF_DAY = 86400, JAPAN = 9 * 3600, YEAR_MAX = 9999 };

int day_parse(const char *text, size_t len, struct date *ret)
{
	struct cursor c = cur_of((const uint8_t *)text, len);
	uint8_t dash[2];
	struct date d;

	if (date_digits(&c, 4, &d.year) < 0 || cur_u8(&c, &dash[0]) < 0 || dash[0] != '-' ||
	    date_digits(&c, 2, &d.month) < 0 || cur_u8(&c, &dash[1]) < 0 || dash[1] != '-' ||
	    date_digits(&c, 2, &d.day) < 0 || c.left)
		return FUDA_EFORMAT;
	if (!day_good(&d))
		return FUDA_EFORMAT;
	*ret = d;
	return 0;
}

bool day_good(const struct date *d)
{
	return d->year >= 1 && d->year <= YEAR_MAX && d->month && d->day && date_is_plausible(d);
}

int day_in_japan(time_t at, struct date *ret)
{
	time_t there;
	struct tm tm;

	if (__builtin_add_overflow(at, (time_t)JAPAN, &there) || !gmtime_r(&there, &tm) ||
	    tm.tm_year < 1 - 1900 || tm.tm_year > YEAR_MAX - 1900)
		return FUDA_EINVAL;
	*ret = (struct date){ (unsigned)(tm.tm_year + 1900), (unsigned)tm.tm_mon + 1,
			      (unsigned)tm.tm_mday };
	return 0;
}

time_t day_begins(const struct date *day)
{
	/* the days up to 1 March of the year 0, by which leap days come last */
	unsigned year = day->month > 2 ? day->year : day->year - 1;
	unsigned month = day->month > 2 ? day->month - 3 : day->month + 9;
	int64_t days = (int64_t)year * 365 + year / 4 - year / 100 + year / 400 +
		       (153 * month + 2) / 5 + day->day - 1;

	return (time_t)((days - 719468) * SECONDS_OF_DAY - JAPAN);
}

/* The day whose 0:00 ends so many years of age. */
static struct date birthday(const struct date *birth, unsigned years)
{
	struct date d = { birth->year + years, birth->month, birth->day };

	if (!date_is_plausible(&d)) /* 29 February */
		d.month = 3, d.day = 1;
	return d;
}

time_t age_reached(const struct date *birth, unsigned years)
{
	const struct date d = birthday(birth, years);

	return day_begins(&d);
}

int age_at(const struct date *birth, time_t at, unsigned *ret_years)
{
	struct date today, d;
	unsigned years;

	if (day_in_japan(at, &today) < 0 || at < day_begins(birth))
		return FUDA_EINVAL;
	years = today.year - birth->year;
	d = birthday(birth, years);
	*ret_years = years - (at < day_begins(&d));
	return 0;
}
