/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <fuda/encode.h>

enum {
	SHOWN = 8, /* bytes of what differs */
	NIBBLES = 4,
};

void trace_status_words(uint16_t sw, char *ret, size_t size)
{
	snprintf(ret, size, "%04X (%s)", sw, fuda_status_text(sw));
}

void trace_time_words(uint64_t us, char *ret, size_t size)
{
	snprintf(ret, size, "%" PRIu64 ".%03" PRIu64 " ms", us / 1000, us % 1000);
}

/* "9000|61xx" */
static void statuses(const struct trace_statement *s, char *ret, size_t size)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t used = 0;

	*ret = '\0';
	for (size_t i = 0; i < s->status_count && used + NIBBLES + 2 < size; i++) {
		const struct trace_status *one = &s->statuses[i];

		if (i)
			ret[used++] = '|';
		for (int shift = 12; shift >= 0; shift -= 4)
			ret[used++] = one->mask >> shift & 0xF ? hex[one->sw >> shift & 0xF] : 'x';
		ret[used] = '\0';
	}
}

/* ---- data ---- */

/* Whether every byte is written down; then the response may be compared with them in words. */
static bool all_literal(const struct trace_statement *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].kind != TRACE_BYTES && s->items[i].kind != TRACE_NAMED &&
		    s->items[i].kind != TRACE_NOTE)
			return false;
	return true;
}

static bool may_be_shown(const struct trace_about *about)
{
	switch (about->kind) {
	case TRACE_IS_SELECT:
	case TRACE_IS_CHALLENGE:
		return true;
	case TRACE_IS_READ:
		return about->file && about->file->privacy == TRACE_PUBLIC &&
		       !about->file->personal.len;
	default:
		return false;
	}
}

/* Up to so many bytes from `at` on. */
static void excerpt(const uint8_t *bytes, size_t len, size_t at, char ret[2 * SHOWN + 4])
{
	size_t shown = MIN(len - at, (size_t)SHOWN);

	fuda_hex_encode(bytes + at, shown, ret);
	if (at + shown < len)
		memcpy(ret + 2 * shown, "...", 4);
	if (!shown)
		memcpy(ret, "-", 2);
}

/* The bytes differ at `at`. */
static void say_data(const struct trace_statement *expected, const struct trace_came *came,
		     size_t at, char why[TRACE_WHY_MAX])
{
	_cleanup_buf_ struct fuda_buf literal = FUDA_BUF_INIT(TRACE_BYTES_MAX);
	char wanted[2 * SHOWN + 4], is[2 * SHOWN + 4];
	bool known = all_literal(expected) && trace_literal(expected, &literal) == 0;

	if (known && may_be_shown(came->about) && at <= literal.len && at <= came->len) {
		excerpt(literal.data, literal.len, at, wanted);
		excerpt(came->data, came->len, at, is);
		snprintf(why, TRACE_WHY_MAX,
			 _("the data differs from offset %zu on: %s expected, %s came (%zu bytes "
			   "expected, %zu came)"),
			 at, wanted, is, literal.len, came->len);
	} else if (known && literal.len != came->len) {
		snprintf(why, TRACE_WHY_MAX,
			 _("the data differs from offset %zu on (%zu bytes expected, %zu came)"),
			 at, literal.len, came->len);
	} else if (at == came->len) {
		snprintf(why, TRACE_WHY_MAX, _("%zu bytes of data came, and more are expected"),
			 came->len);
	} else {
		snprintf(why, TRACE_WHY_MAX,
			 _("the data differs from offset %zu on (%zu bytes came)"), at, came->len);
	}
}

static int judge_data(const struct trace_statement *expected, struct trace_captures *c,
		      struct trace_keyring *k, const struct trace_came *came,
		      char why[TRACE_WHY_MAX])
{
	struct trace_departure where = { 0 };
	int r = trace_match(expected, c, k, came->data, came->len, &where);

	switch (r) {
	case 1:
		return 1;
	case 0:
		say_data(expected, came, where.at, why);
		return 0;
	case FUDA_ENOTSUP:
		snprintf(why, TRACE_WHY_MAX,
			 _("what is not shown in the trace was hashed with the key of another "
			   "user: write ..{%zu} where any data of that length will do"),
			 came->len);
		return 0;
	case FUDA_EFORMAT:
		snprintf(why, TRACE_WHY_MAX, "%s",
			 _("it refers to something that was not captured before"));
		return 0;
	case FUDA_ETOOBIG:
		snprintf(why, TRACE_WHY_MAX, "%s",
			 _("comparing the data with this pattern takes too long: make it simpler"));
		return 0;
	case FUDA_EINVAL:
		snprintf(why, TRACE_WHY_MAX,
			 _("the script captures more than %d names: use one again that is not "
			   "needed any more"),
			 TRACE_CAPTURES_MAX);
		return 0;
	default:
		return r;
	}
}

/* ---- all of it ---- */

/* Whether card or reader failed: what this side kept back, or had no memory for, is no test of
 * them. */
static bool is_theirs(int error)
{
	static const int errors[] = {
		FUDA_EFAILED,	  FUDA_EFORMAT, FUDA_ENOSERVICE, FUDA_ENOREADER,
		FUDA_EREADERGONE, FUDA_EBUSY,	FUDA_ENOCARD,	 FUDA_EREMOVED,
		FUDA_EMUTE,	  FUDA_ERESET,	FUDA_ETRANSPORT, FUDA_ETIMEOUT,
	};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i] == error)
			return true;
	return false;
}

static int judge_failure(const struct trace_statement *expected, const struct trace_came *came,
			 char why[TRACE_WHY_MAX])
{
	/* Of a command with a secret the door says only that its answer was lost. */
	bool lost = came->presented && came->error == FUDA_EUNKNOWN;
	char status[200];

	if (came->error == expected->error || lost ||
	    (expected->error == FUDA_EFAILED && is_theirs(came->error)))
		return 1;
	if (came->error) {
		snprintf(why, TRACE_WHY_MAX, _("expected: %s; but: %s"),
			 fuda_error_text(expected->error), fuda_error_text(came->error));
	} else {
		trace_status_words(came->sw, status, sizeof(status));
		snprintf(why, TRACE_WHY_MAX, _("expected: %s; %s came"),
			 fuda_error_text(expected->error), status);
	}
	return 0;
}

static void say_status(const struct trace_statement *expected, const struct trace_came *came,
		       char why[TRACE_WHY_MAX])
{
	char wanted[TRACE_STATUSES_MAX * (NIBBLES + 1) + 2], status[200];

	statuses(expected, wanted, sizeof(wanted));
	trace_status_words(came->sw, status, sizeof(status));
	snprintf(why, TRACE_WHY_MAX, _("%s expected, %s came"), wanted, status);
}

static void say_time(const struct trace_statement *expected, const struct trace_came *came,
		     char why[TRACE_WHY_MAX])
{
	char took[40], min[40], max[40];

	trace_time_words(came->us, took, sizeof(took));
	trace_time_words(expected->time.min_us, min, sizeof(min));
	trace_time_words(expected->time.max_us, max, sizeof(max));
	if (expected->time.min_us)
		snprintf(why, TRACE_WHY_MAX, _("it took %s, and %s to %s are expected"), took, min,
			 max);
	else
		snprintf(why, TRACE_WHY_MAX, _("it took %s, and less than %s is expected"), took,
			 max);
}

int trace_judge(const struct trace_statement *expected, struct trace_captures *c,
		struct trace_keyring *k, const struct trace_came *came, char ret_why[TRACE_WHY_MAX])
{
	if (expected->kind == TRACE_FAILURE)
		return judge_failure(expected, came, ret_why);
	if (came->error) {
		snprintf(ret_why, TRACE_WHY_MAX, "%s", fuda_error_text(came->error));
		return 0;
	}
	if (!trace_match_status(expected, came->sw)) {
		say_status(expected, came, ret_why);
		return 0;
	}
	if (!trace_match_time(expected, came->us)) {
		say_time(expected, came, ret_why);
		return 0;
	}
	return judge_data(expected, c, k, came, ret_why);
}
