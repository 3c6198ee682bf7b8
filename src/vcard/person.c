/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard/person.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/hash.h>
#include "codec/utf8.h"
#include "vcard/internal.h"

#define LINE_SIZE 1024 /* room for the longest address and its key */

/* A value's form: 0 if it is taken. */
struct field {
	const char *key, *form; /* what a value looks like */
	int (*parse)(const char *value, size_t size, char *ret);
	size_t place, size; /* of the member of struct person */
};

uint32_t person_next_character(const char **text)
{
	struct cursor c = cur_of((const uint8_t *)*text, strlen(*text));
	uint32_t ch;

	if (!c.left || utf8_next(&c, &ch) < 0)
		return 0;
	*text = (const char *)c.p;
	return ch;
}

/* Text without control characters, of at most as many characters as there is room for. */
static int parse_text(const char *value, size_t size, char *ret)
{
	struct cursor c = cur_of((const uint8_t *)value, strlen(value));
	uint32_t ch;

	for (size_t left = (size - 1) / UTF8_LEN; c.left; left--)
		if (!left || utf8_next(&c, &ch) < 0 || ch < ' ' || (ch >= 0x7F && ch < 0xA0))
			return FUDA_EFORMAT;
	snprintf(ret, size, "%s", value);
	return 0;
}

static int parse_name(const char *value, size_t size, char *ret)
{
	return *value ? parse_text(value, size, ret) : FUDA_EFORMAT;
}

/* As many digits as there is room for. */
static int parse_digits(const char *value, size_t size, char *ret)
{
	if (strlen(value) != size - 1 || strspn(value, "0123456789") != size - 1)
		return FUDA_EFORMAT;
	memcpy(ret, value, size);
	return 0;
}

/* The last digit follows from the others by weights 2 to 7 from the right: 番号法施行令. */
static int parse_my_number(const char *value, size_t size, char *ret)
{
	unsigned sum = 0, rest;

	if (parse_digits(value, size, ret) < 0)
		return FUDA_EFORMAT;
	for (unsigned n = 1; n <= 11; n++)
		sum += (unsigned)(value[11 - n] - '0') * (n <= 6 ? n + 1 : n - 5);
	rest = sum % 11;
	return value[11] - '0' == (rest <= 1 ? 0 : (int)(11 - rest)) ? 0 : FUDA_EFORMAT;
}

static unsigned two_digits(const char *p)
{
	return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

static unsigned days_of(unsigned year, unsigned month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* YYYY-MM-DD, where month and day, or the day, may be 00. */
static int parse_birth_date(const char *value, size_t size, char *ret)
{
	char digits[9];
	unsigned year, month, day;

	if (strlen(value) != 10 || value[4] != '-' || value[7] != '-')
		return FUDA_EFORMAT;
	snprintf(digits, sizeof(digits), "%.4s%.2s%.2s", value, value + 5, value + 8);
	if (parse_digits(digits, size, ret) < 0)
		return FUDA_EFORMAT;
	year = two_digits(digits) * 100 + two_digits(digits + 2);
	month = two_digits(digits + 4);
	day = two_digits(digits + 6);
	if (!year || month > 12 || (day && (!month || day > days_of(year, month))))
		return FUDA_EFORMAT;
	return 0;
}

static bool known(const char *date)
{
	return memcmp(date + 4, "00", 2) != 0 && memcmp(date + 6, "00", 2) != 0;
}

static int parse_date(const char *value, size_t size, char *ret)
{
	return parse_birth_date(value, size, ret) == 0 && known(ret) ? 0 : FUDA_EFORMAT;
}

static int parse_sex(const char *value, size_t size, char *ret)
{
	static const struct {
		const char *name, *digit;
	} sexes[] = {
		{ "male", "1" }, { "female", "2" }, { "not_applicable", "9" }, { "not_known", "0" }
	};

	for (size_t i = 0; i < ARRAY_SIZE(sexes); i++)
		if (strcmp(value, sexes[i].name) == 0) {
			memcpy(ret, sexes[i].digit, size);
			return 0;
		}
	return FUDA_EFORMAT;
}

#define FIELD(name, parse, form)                                                                  \
	{                                                                                         \
#name, form, parse, offsetof(struct person, name), sizeof(((struct person *)NULL)->name)  \
	}

static const struct field fields[] = {
	FIELD(name, parse_name, "1 to 100 characters of UTF-8"),
	FIELD(address, parse_text, "up to 200 characters of UTF-8"),
	FIELD(birth_date, parse_birth_date, "YYYY-MM-DD; month and day not known are 00"),
	FIELD(birth_key, parse_digits, "6 digits"),
	FIELD(sex, parse_sex, "male, female, not_applicable or not_known"),
	FIELD(my_number, parse_my_number, "12 digits, the last one the check digit"),
	FIELD(security_code, parse_digits, "4 digits"),
	FIELD(expiry, parse_date, "YYYY-MM-DD"),
	FIELD(municipality, parse_digits, "5 digits"),
	FIELD(serial, parse_digits, "15 digits"),
};

/* card.md 4, latest first */
static const struct era {
	const char *from;
	char digit; /* in certificates: card.md 5.3 */
} eras[] = {
	{ "20190501", '5' }, { "19890108", '4' }, { "19261225", '3' },
	{ "19120730", '2' }, { "18680125", '1' },
};

static const struct era *era_of(const char *date)
{
	for (size_t i = 0; i < ARRAY_SIZE(eras); i++)
		if (memcmp(date, eras[i].from, 8) >= 0)
			return &eras[i];
	return NULL;
}

/* The six digits of a date that is known and has an era, or FUDA_EFORMAT. */
static int era_key(const char *date, char ret_key[7])
{
	const struct era *era = known(date) ? era_of(date) : NULL;
	unsigned year;

	if (!era)
		return FUDA_EFORMAT;
	year = (two_digits(date) - two_digits(era->from)) * 100 + two_digits(date + 2) -
	       two_digits(era->from + 2) + 1;
	snprintf(ret_key, 7, "%02u%.4s", year % 100, date + 4);
	return 0;
}

char person_era(const struct person *p)
{
	const struct era *era = era_of(p->birth_date);
	char key[7];

	if (!era || era_key(p->birth_date, key) < 0 || strcmp(key, p->birth_key) != 0)
		return '0';
	return era->digit;
}

void person_b(const struct person *p, char ret_b[PERSON_B_SIZE])
{
	snprintf(ret_b, PERSON_B_SIZE, "%s%.4s%s", p->birth_key, p->expiry, p->security_code);
}

int person_sample(struct person *ret)
{
	struct person p = {
		.name = "山田　太郎",
		.address = "東京都千代田区霞が関２丁目１番２号",
		.birth_date = "19900515",
		.birth_key = "020515",
		.sex = "1",
		.my_number = "123456789018",
		.security_code = "1470",
		.expiry = "20350515",
		.municipality = "13101",
		.serial = "4",
	};
	uint8_t random[14];

	if (fuda_random(random, sizeof(random)) < 0)
		return FUDA_EFAILED;
	for (size_t i = 0; i < sizeof(random); i++)
		p.serial[i + 1] = (char)('0' + random[i] % 10);
	*ret = p;
	return 0;
}

/* One line; `seen` has a bit for each field that was set before. Says what is wrong in `ret_wrong`,
 * without the value, which may be a My Number. */
static int parse_line(struct person *p, char *line, unsigned *seen, char *ret_wrong, size_t size)
{
	char *key = vconf_trim(line), *value;
	const struct field *f = fields;

	if (!*key || *key == '#')
		return 0;
	value = strchr(key, '=');
	if (!value)
		return explain(ret_wrong, size, FUDA_EFORMAT, "no '='");
	*value++ = 0;
	key = vconf_trim(key);
	while (f < fields + ARRAY_SIZE(fields) && strcmp(f->key, key) != 0)
		f++;
	if (f == fields + ARRAY_SIZE(fields))
		return explain(ret_wrong, size, FUDA_EFORMAT, "no such key");
	if (*seen & 1U << (f - fields))
		return explain(ret_wrong, size, FUDA_EFORMAT, "the key %s is there twice", f->key);
	*seen |= 1U << (f - fields);
	if (f->parse(vconf_trim(value), f->size, (char *)p + f->place) == 0)
		return 0;
	return explain(ret_wrong, size, FUDA_EFORMAT, "this value is not allowed: %s = %s", f->key,
		       f->form);
}

static bool was_seen(unsigned seen, size_t place)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].place == place)
			return seen & 1U << i;
	return false;
}

int person_parse(struct person *ret, const char *name, const char *text, size_t len, char *ret_why,
		 size_t why_size)
{
	struct person p = *ret;
	unsigned seen = 0;

	for (unsigned number = 1; len; number++) {
		const char *end = memchr(text, '\n', len);
		size_t line_len = end ? (size_t)(end - text) : len;
		char line[LINE_SIZE], wrong[160] = "too long, or not text";
		int r = FUDA_EFORMAT;

		if (line_len < sizeof(line) && !memchr(text, 0, line_len)) {
			memcpy(line, text, line_len);
			line[line_len] = 0;
			r = parse_line(&p, line, &seen, wrong, sizeof(wrong));
		}
		if (r < 0)
			return explain(ret_why, why_size, FUDA_EFORMAT, "%s, line %u: %s", name,
				       number, wrong);
		text += line_len + (end != NULL);
		len -= line_len + (end != NULL);
	}
	if (!was_seen(seen, offsetof(struct person, birth_key)) &&
	    era_key(p.birth_date, p.birth_key) < 0)
		return explain(ret_why, why_size, FUDA_EFORMAT,
			       "%s: this birth date has no digits of a Japanese era; give "
			       "birth_key",
			       name);
	*ret = p;
	return 0;
}
