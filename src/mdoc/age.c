/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/age.h"

#include <stdint.h>

#include "base/cursor.h"
#include "base/util.h"

enum { SECONDS_OF_DAY = 86400, JAPAN = 9 * 3600, YEAR_MAX = 9999 };

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_of(unsigned year, unsigned month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

static int digits(struct cursor *c, size_t count, unsigned *ret)
{
	unsigned v = 0;
	uint8_t b;

	while (count--) {
		if (cur_u8(c, &b) < 0 || b < '0' || b > '9')
			return FUDA_EFORMAT;
		v = v * 10 + (b - '0');
	}
	*ret = v;
	return 0;
}

int day_parse(const char *text, size_t len, struct day *ret)
{
	struct cursor c = cur_of((const uint8_t *)text, len);
	uint8_t dash[2];
	struct day d;

	if (digits(&c, 4, &d.year) < 0 || cur_u8(&c, &dash[0]) < 0 || dash[0] != '-' ||
	    digits(&c, 2, &d.month) < 0 || cur_u8(&c, &dash[1]) < 0 || dash[1] != '-' ||
	    digits(&c, 2, &d.day) < 0 || c.left)
		return FUDA_EFORMAT;
	if (!day_good(&d))
		return FUDA_EFORMAT;
	*ret = d;
	return 0;
}

bool day_good(const struct day *d)
{
	return d->year >= 1 && d->year <= YEAR_MAX && d->month >= 1 && d->month <= 12 &&
	       d->day >= 1 && d->day <= days_of(d->year, d->month);
}

int day_in_japan(time_t at, struct day *ret)
{
	time_t there;
	struct tm tm;

	if (__builtin_add_overflow(at, (time_t)JAPAN, &there) || !gmtime_r(&there, &tm) ||
	    tm.tm_year < 1 - 1900 || tm.tm_year > YEAR_MAX - 1900)
		return FUDA_EINVAL;
	*ret = (struct day){ (unsigned)(tm.tm_year + 1900), (unsigned)tm.tm_mon + 1,
			     (unsigned)tm.tm_mday };
	return 0;
}

time_t day_begins(const struct day *day)
{
	/* the days up to 1 March of the year 0, by which leap days come last */
	unsigned year = day->month > 2 ? day->year : day->year - 1;
	unsigned month = day->month > 2 ? day->month - 3 : day->month + 9;
	int64_t days = (int64_t)year * 365 + year / 4 - year / 100 + year / 400 +
		       (153 * month + 2) / 5 + day->day - 1;

	return (time_t)((days - 719468) * SECONDS_OF_DAY - JAPAN);
}

/* The day whose 0:00 ends so many years of age. */
static struct day birthday(const struct day *birth, unsigned years)
{
	struct day d = { birth->year + years, birth->month, birth->day };

	if (d.month == 2 && d.day == 29 && !is_leap(d.year))
		d.month = 3, d.day = 1;
	return d;
}

time_t age_reached(const struct day *birth, unsigned years)
{
	const struct day d = birthday(birth, years);

	return day_begins(&d);
}

int age_at(const struct day *birth, time_t at, unsigned *ret_years)
{
	struct day today, d;
	unsigned years;

	if (day_in_japan(at, &today) < 0 || at < day_begins(birth))
		return FUDA_EINVAL;
	years = today.year - birth->year;
	d = birthday(birth, years);
	*ret_years = years - (at < day_begins(&d));
	return 0;
}
