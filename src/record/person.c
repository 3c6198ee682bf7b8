/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/person.h>

#include <stdio.h>

#include "base/context.h"
#include "codec/date.h"

/* 番号法施行令 5: the digits from the right, without the check digit, weigh 2 to 7 and again 2
 * to 6. */
bool fuda_my_number_valid(const char *digits)
{
	enum { COUNT = FUDA_MY_NUMBER_SIZE - 1 };
	unsigned sum = 0, rest;

	if (strlen(digits) != COUNT || strspn(digits, "0123456789") != COUNT)
		return false;
	for (unsigned n = 0; n < COUNT - 1; n++)
		sum += (unsigned)(digits[COUNT - 2 - n] - '0') * (2 + n % 6);
	rest = sum % 11;
	return (unsigned)(digits[COUNT - 1] - '0') == (rest <= 1 ? 0 : 11 - rest);
}

const char *fuda_sex_name(enum fuda_sex sex)
{
	switch (sex) {
	case FUDA_SEX_MALE:
		return "male";
	case FUDA_SEX_FEMALE:
		return "female";
	case FUDA_SEX_NOT_APPLICABLE:
		return "not_applicable";
	default:
		return "not_known";
	}
}

/* "1980-02-17", all of it. */
static int parse(const char *text, struct date *ret)
{
	struct cursor c = cur_of((const uint8_t *)text, strlen(text));
	uint8_t dash[2];

	if (date_digits(&c, 4, &ret->year) < 0 || cur_u8(&c, &dash[0]) < 0 ||
	    date_digits(&c, 2, &ret->month) < 0 || cur_u8(&c, &dash[1]) < 0 ||
	    date_digits(&c, 2, &ret->day) < 0 || c.left || dash[0] != '-' || dash[1] != '-')
		return FUDA_EFORMAT;
	return date_is_plausible(ret) ? 0 : FUDA_EFORMAT;
}

static bool before(const struct date *a, const struct date *b)
{
	if (a->year != b->year)
		return a->year < b->year;
	return a->month != b->month ? a->month < b->month : a->day < b->day;
}

/* card.md 4 */
static const struct date eras[] = {
	{ 2019, 5, 1 },   /* 令和 */
	{ 1989, 1, 8 },   /* 平成 */
	{ 1926, 12, 25 }, /* 昭和 */
	{ 1912, 7, 30 },  /* 大正 */
	{ 1868, 1, 25 },  /* 明治 */
};

int fuda_era_digits(struct fuda_context *ctx, const char *date, char ret_digits[7])
{
	struct date d;
	size_t era = 0;
	unsigned year;

	if (parse(date, &d) < 0 || !d.year || !d.month || !d.day)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("Not a whole date. Write it as 1980-02-17, or enter six digits "
				  "with the year of the Japanese era."));
	while (era < ARRAY_SIZE(eras) && before(&d, &eras[era]))
		era++;
	if (era == ARRAY_SIZE(eras))
		return ctx_fail(ctx, FUDA_EINVAL,
				_("The date lies before the Meiji era (1868-01-25)."));
	year = d.year - eras[era].year + 1;
	if (year > 99)
		return ctx_fail(ctx, FUDA_EINVAL, _("The era of this date is not known."));
	snprintf(ret_digits, 7, "%02u%02u%02u", year % 100, d.month % 100, d.day % 100);
	return 0;
}
