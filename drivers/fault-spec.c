/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/fault.h"

#include <errno.h>
#include <fuda/encode.h>
#include <fuda/trace.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/apdu.h"

enum {
	LATE_MAX = 3600000, /* ms */
	KINDS_TEXT_MAX = 400,
};

/* ---- arguments: what stands behind "=", NULL if nothing does ---- */

/* A decimal number without sign, blank or leading zero; `*ret_end` points behind it. */
static int parse_number(const char *text, unsigned long max, const char **ret_end,
			unsigned long *ret)
{
	unsigned long value;
	char *end;

	if (*text < '1' || *text > '9')
		return FUDA_EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || value > max)
		return FUDA_EINVAL;
	*ret_end = end;
	*ret = value;
	return 0;
}

static int parse_whole(const char *text, unsigned long max, unsigned long *ret)
{
	const char *end;
	int e = text ? parse_number(text, max, &end, ret) : FUDA_EINVAL;

	return e < 0 || *end ? FUDA_EINVAL : 0;
}

static int parse_none(const char *argument, struct fault *f _unused_)
{
	return argument ? FUDA_EINVAL : 0;
}

static int parse_ms(const char *argument, struct fault *f)
{
	return parse_whole(argument, LATE_MAX, &f->number);
}

static int parse_seed(const char *argument, struct fault *f)
{
	return parse_whole(argument, ULONG_MAX, &f->number);
}

static int parse_more(const char *argument, struct fault *f)
{
	return parse_whole(argument, APDU_RESPONSE_MAX, &f->number);
}

/* One byte is left of an answer if nobody says how many. */
static int parse_left(const char *argument, struct fault *f)
{
	f->number = 1;
	return argument ? parse_more(argument, f) : 0;
}

static int parse_answer(const char *argument, struct fault *f)
{
	int e = argument ? fuda_hex_decode(argument, &f->answer) : FUDA_EINVAL;

	if (e == FUDA_ENOMEM)
		return e;
	return e < 0 || f->answer.len < 2 ? FUDA_EINVAL : 0;
}

static int parse_sw(const char *argument, struct fault *f)
{
	int e = parse_answer(argument, f);

	return e == 0 && f->answer.len != 2 ? FUDA_EINVAL : e;
}

static const struct {
	const char *name;
	const char *argument;				      /* as people are told of it */
	const char *example;				      /* with an argument if it takes one */
	int (*parse)(const char *argument, struct fault *f); /* FUDA_EINVAL, FUDA_ENOMEM */
} kinds[] = {
	[FAULT_REMOVED] = { "removed", "", "removed", parse_none },
	[FAULT_PULLED] = { "pulled", "", "pulled", parse_none },
	[FAULT_GONE] = { "gone", "", "gone", parse_none },
	[FAULT_RESET] = { "reset", "", "reset", parse_none },
	[FAULT_LOSTRESET] = { "lostreset", "", "lostreset", parse_none },
	[FAULT_MUTE] = { "mute", "", "mute", parse_none },
	[FAULT_UNREACHED] = { "unreached", "", "unreached", parse_none },
	[FAULT_TRUNCATED] = { "truncated", "[=BYTES]", "truncated=4", parse_left },
	[FAULT_GARBLED] = { "garbled", "=SEED", "garbled=1", parse_seed },
	[FAULT_OVERSIZED] = { "oversized", "=BYTES", "oversized=16", parse_more },
	[FAULT_DUPLICATED] = { "duplicated", "", "duplicated", parse_none },
	[FAULT_SW] = { "sw", "=XXXX", "sw=6F00", parse_sw },
	[FAULT_ANSWER] = { "answer", "=HEX", "answer=9000", parse_answer },
	[FAULT_LATE] = { "late", "=MS", "late=50", parse_ms },
};
_Static_assert(ARRAY_SIZE(kinds) == FAULT_KINDS, "each kind has its line");

const char *fuda_fault_kind(size_t index)
{
	return index < ARRAY_SIZE(kinds) ? kinds[index].example : NULL;
}

static void name_kinds(char text[KINDS_TEXT_MAX])
{
	size_t len = 0;

	*text = 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && len < KINDS_TEXT_MAX; i++)
		len += (size_t)snprintf(text + len, KINDS_TEXT_MAX - len, "%s%s%s", i ? ", " : "",
					kinds[i].name, kinds[i].argument);
}

/* ---- one fault ---- */

/* N, N+, or ~SEED/PERCENT. */
static int parse_when(const char *text, struct fault *f)
{
	unsigned long percent = 100;
	const char *end;

	f->from = 1;
	f->to = ULONG_MAX;
	if (*text == '~') {
		if (parse_number(text + 1, ULONG_MAX, &end, &f->seed) < 0 || *end != '/' ||
		    parse_whole(end + 1, 100, &percent) < 0)
			return FUDA_EINVAL;
	} else if (parse_number(text, ULONG_MAX, &end, &f->from) < 0) {
		return FUDA_EINVAL;
	} else if (strcmp(end, "+") != 0) {
		if (*end)
			return FUDA_EINVAL;
		f->to = f->from;
	}
	f->percent = (unsigned)percent;
	return 0;
}

static int find_kind(const char *name, enum fault_kind *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0) {
			*ret = (enum fault_kind)i;
			return 0;
		}
	return FUDA_EINVAL;
}

/* Parses one KIND[=ARGUMENT]@WHEN, cutting `text` up. */
static int parse_fault(char *text, struct fault *f)
{
	char *at = strchr(text, '@'), *argument;
	int e;

	if (!at)
		return FUDA_EINVAL;
	*at = 0;
	argument = strchr(text, '=');
	if (argument)
		*argument++ = 0;
	e = find_kind(text, &f->kind);
	if (e == 0)
		e = parse_when(at + 1, f);
	return e < 0 ? e : kinds[f->kind].parse(argument, f);
}

/* ---- the list ---- */

static void free_text(char **text)
{
	free(*text);
}

int fault_parse(struct fuda_context *ctx, const char *spec, struct fault_list *ret)
{
	_cleanup_(free_text) char *copy = strdup(spec);
	char known[KINDS_TEXT_MAX];

	if (!copy)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	for (char *next = copy; next;) {
		char *text = strsep(&next, ",");
		char shown[64];
		int e;

		snprintf(shown, sizeof(shown), "%s", text);
		if (ret->count == FAULTS_MAX)
			return ctx_fail(ctx, FUDA_EINVAL, _("At most %d faults can be given."),
					FAULTS_MAX);
		ret->items[ret->count].answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
		e = parse_fault(text, &ret->items[ret->count++]);
		if (e == FUDA_ENOMEM)
			return ctx_fail_code(ctx, e);
		name_kinds(known);
		if (e < 0)
			return ctx_fail(ctx, e,
					_("\"%s\" is no fault. It is KIND@N, KIND@N+ or "
					  "KIND@~SEED/PERCENT, where KIND is one of %s."),
					shown, known);
	}
	return 0;
}

void fault_list_free(struct fault_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		fuda_buf_free(&l->items[i].answer);
	l->count = 0;
}

int fuda_fault_check(struct fuda_context *ctx, const char *spec)
{
	_cleanup_(fault_list_free) struct fault_list list = { .count = 0 };

	return fault_parse(ctx, spec, &list);
}

uint64_t fault_random(uint64_t seed, uint64_t n)
{
	uint64_t x = seed + n * 0x9E3779B97F4A7C15;

	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
	x = (x ^ x >> 27) * 0x94D049BB133111EB;
	return x ^ x >> 31;
}

static bool rules(const struct fault *f, unsigned long n)
{
	return f->from <= n && n <= f->to &&
	       (f->percent == 100 || fault_random(f->seed, n) % 100 < f->percent);
}

const struct fault *fault_at(const struct fault_list *l, unsigned long n)
{
	for (size_t i = 0; i < l->count; i++)
		if (rules(&l->items[i], n))
			return &l->items[i];
	return NULL;
}

bool fault_list_has(const struct fault_list *l, enum fault_kind kind)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->items[i].kind == kind)
			return true;
	return false;
}
