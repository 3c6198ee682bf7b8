/* SPDX-License-Identifier: Apache-2.0 */
/* Times in traces: 12.345 ms, <200 ms, 100..200 ms. */
#include "trace/parser.h"

#include <string.h>

/* Microseconds of a number that may have decimals; false if it has more of them than the unit. */
static bool take_time(const char **text, size_t *left, uint64_t unit, uint64_t *ret)
{
	uint64_t whole, part = unit;

	if (!trace_take_number(text, left, TRACE_TIME_MAX, &whole))
		return false;
	whole *= unit;
	if (*left > 1 && **text == '.' && (*text)[1] != '.') {
		++*text;
		--*left;
		for (; *left && **text >= '0' && **text <= '9'; ++*text, --*left) {
			if (part == 1)
				return false;
			part /= 10;
			whole += (uint64_t)(**text - '0') * part;
		}
		if (part == unit)
			return false;
	}
	*ret = whole;
	return whole <= TRACE_TIME_MAX;
}

/* The unit at the end of a text, which is taken off with the blanks before it; 0 if there is none.
 */
static uint64_t take_unit(const char *text, size_t *len)
{
	static const struct {
		const char *name;
		uint64_t us;
	} units[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t n = strlen(units[i].name);

		if (*len <= n || memcmp(text + *len - n, units[i].name, n) != 0)
			continue;
		for (*len -= n; *len && trace_is_blank(text[*len - 1]);)
			--*len;
		return units[i].us;
	}
	return 0;
}

bool trace_take_times(const char *text, size_t len, struct trace_time *ret)
{
	struct trace_time t = { TRACE_TIME_TOOK, 0, 0 };
	uint64_t unit = take_unit(text, &len);

	if (!unit)
		return false;
	if (len && *text == '<') {
		t.kind = TRACE_TIME_WITHIN;
		text++;
		len--;
	}
	if (!take_time(&text, &len, unit, &t.max_us))
		return false;
	if (t.kind == TRACE_TIME_TOOK)
		t.min_us = t.max_us;
	if (t.kind == TRACE_TIME_TOOK && len > 2 && memcmp(text, "..", 2) == 0) {
		t.kind = TRACE_TIME_WITHIN;
		text += 2;
		len -= 2;
		if (!take_time(&text, &len, unit, &t.max_us))
			return false;
	}
	if (len || t.max_us < t.min_us)
		return false;
	*ret = t;
	return true;
}
