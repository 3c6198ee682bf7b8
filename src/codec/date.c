/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/date.h"

#include <stdio.h>

#include "base/util.h"

int date_digits(struct cursor *c, size_t count, unsigned *ret)
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

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* An unknown year might be a leap year (0 is one by the rule), an unknown month a long one. */
bool date_is_plausible(const struct date *date)
{
	static const unsigned char days[] = { 31, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (date->month >= ARRAY_SIZE(days) || date->day > days[date->month])
		return false;
	return !(date->month == 2 && date->day == 29) || is_leap(date->year);
}

void date_text(const struct date *date, char ret[FUDA_DATE_SIZE])
{
	snprintf(ret, FUDA_DATE_SIZE, "%04u-%02u-%02u", date->year % 10000, date->month % 100,
		 date->day % 100);
}
