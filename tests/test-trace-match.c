/* SPDX-License-Identifier: Apache-2.0 */
/* What patterns fit and what they do not, what they capture, and that none takes for ever. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "tests/cmocka.h"
#include "trace/match.h"

static struct fuda_context *ctx;
static struct trace_captures *captures;
static struct trace_keyring *keyring;
static char home[] = "/tmp/fuda-match.XXXXXX";

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(home));
	setenv("HOME", home, 1);
	unsetenv("XDG_CONFIG_HOME");
	assert_int_equal(fuda_context_new(&ctx), 0);
	return trace_keyring_open(ctx, &keyring);
}

static int tear_down(void **state)
{
	static const char *const names[] = { "/.config/fuda/trace.key", "/.config/fuda", "/.config", "" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[sizeof(home) + 64];

		snprintf(path, sizeof(path), "%s%s", home, names[i]);
		remove(path);
	}
	trace_keyring_free(&keyring);
	fuda_context_free(&ctx);
	return 0;
}

static int captures_new(void **state)
{
	(void)state;
	return trace_captures_new(&captures);
}

static int captures_free(void **state)
{
	(void)state;
	trace_captures_free(&captures);
	return 0;
}

/* The statement `text`; a response stands behind a command. */
static void parse(const char *text, struct trace_statement *ret)
{
	struct trace_parser *parser;
	bool response = *text == '<';
	char *whole;

	assert_true(asprintf(&whole, "%s\n%s%s\n", TRACE_FIRST_LINE, response ? "> 00 84 00 00\n" : "", text) > 0);
	assert_int_equal(trace_parser_open(ctx, "test", fmemopen(whole, strlen(whole), "r"), &parser), 0);
	if ((response && trace_parse(parser, ret) != 1) || trace_parse(parser, ret) != 1)
		fail_msg("%s: %s", text, fuda_context_message(ctx));
	trace_parser_free(&parser);
	free(whole);
}

/* Whether the bytes (hexadecimal) are what the statement says. */
static int match(const char *text, const char *hex, struct trace_keyring *k, size_t *ret_at)
{
	_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(70000);
	struct trace_departure where = { SIZE_MAX };
	int r;

	parse(text, &s);
	assert_int_equal(fuda_hex_decode(hex, &bytes), 0);
	r = trace_match(&s, captures, k, bytes.data, bytes.len, &where);
	*ret_at = where.at;
	return r;
}

/* How often `text` stands in a row. */
static char *repeated(const char *before, const char *text, size_t times, const char *behind)
{
	char *ret = calloc(1, strlen(before) + times * strlen(text) + strlen(behind) + 1), *p = ret;

	p = stpcpy(p, before);
	while (times--)
		p = stpcpy(p, text);
	stpcpy(p, behind);
	return ret;
}

static const char fits[][2][100] = {
	{ "> 00 A4 00 00", "00A40000" },
	{ "> 00A4 0000 # comment", "00A40000" },
	{ "> 00 A4 04 0C 0A $jpki", "00A4040C0AD392F000260100000001" },
	{ "< 9000", "" },
	{ "< 9000 \"\"", "" },
	{ "< 9000 \"JPKI\" 20", "4A504B4920" },
	{ "< 9000 \"札\"", "E69CAD" },
	{ "< 9000 ..", "00" },
	{ "< 9000 ..{3}", "010203" },
	{ "< 9000 ..{0}", "" },
	{ "< 9000 ..{0-0} 01", "01" },
	{ "< 9000 ..{1-3}", "01" },
	{ "< 9000 ..{1-3}", "010203" },
	{ "< 9000 *", "" },
	{ "< 9000 *", "0102030405" },
	{ "< 9000 * *", "01" },
	{ "< 9000 * 01", "0101" },
	{ "< 9000 * 01 02 *", "01010201" },
	{ "< 9000 01 * 01", "010101" },
	{ "< 9000 ..{0-2} 01 ..{2-3} 02", "000001FFFF02" },
	{ "< 9000 ..{0-2} 01 01 ..{0-1}", "010101" },
	{ "< 9000 {x=..{2}} {x}", "AABBAABB" },
	{ "< 9000 {x=*} 00 {x}", "AABB00AABB" },
	{ "< 9000 {x=*} {x}", "0102030102 03" },
	{ "< 9000 {x=..{1-9}} * {x}", "010203" "05" "010203" },
	{ "< 9000 {x=*} {y=*} {x} {y}", "0101" },
	{ "< 9000 {x=..} {x=..} {x}", "010202" },
	{ "> 00 20 00 98 04 <secret 4>", "002000980431323334" },
	{ "> 00 20 00 98 <secret 5>", "002000980431323334" },
};

static const struct {
	char pattern[100], bytes[100];
	size_t at;
} unfit[] = {
	{ "> 00 A4 00 00", "00A40001", 3 },
	{ "> 00 A4 00 00", "00A400", 3 },
	{ "> 00 A4 00 00", "00A4000000", 4 },
	{ "> 00 A4 00 00", "", 0 },
	{ "> 00 A4 04 0C 0A $jpki", "00A4040C0AD392F000260100000002", 14 },
	{ "< 9000", "00", 0 },
	{ "< 9000 \"JPKI\"", "4A504B69", 3 },
	{ "< 9000 ..", "", 0 },
	{ "< 9000 ..", "0102", 1 },
	{ "< 9000 ..{3}", "0102", 2 },
	{ "< 9000 ..{1-3}", "01020304", 3 },
	{ "< 9000 ..{1-3}", "", 0 },
	{ "< 9000 ..{1-3} 05", "01020304", 3 },
	{ "< 9000 * 01", "00", 1 },
	{ "< 9000 * 01 02", "0101", 2 },
	{ "< 9000 ..{0-2} 01 ..{2-3} 02", "0000000100FF02", 2 },
	{ "< 9000 {x=..{2}} {x}", "AABBAABA", 3 },
	{ "< 9000 {x=..{2}} {x}", "AABBAA", 3 },
	{ "< 9000 {x=*} 00 {x}", "AA00BB", 3 },
	{ "> 00 20 00 98 04 <secret 4>", "0020009804313233", 8 },
	{ "> 00 20 00 98 04 <secret 4>", "00200098043132333435", 9 },
	{ "> 00 20 00 99 04 <secret 4>", "002000980431323334", 3 },
	{ "> 00 20 00 98 <typed>", "00200098", 4 },
	{ "> 00 20 00 98 <typed>", "002000980431323334", 4 },
	{ "> 00 20 00 98 04 <data 4 0000000000000000>", "002000980431323334", 5 },
	{ "> 00 20 00 98 04 <data 4 0000000000000000>", "0020009804313233", 8 },
};

static void fitting(void **state)
{
	size_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fits); i++)
		if (match(fits[i][0], fits[i][1], keyring, &at) != 1)
			fail_msg("%s does not fit %s", fits[i][0], fits[i][1]);
}

static void not_fitting(void **state)
{
	size_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unfit); i++) {
		int r = match(unfit[i].pattern, unfit[i].bytes, keyring, &at);

		if (r != 0 || at != unfit[i].at)
			fail_msg("%s and %s: %d, at %zu instead of %zu", unfit[i].pattern, unfit[i].bytes, r, at,
				 unfit[i].at);
	}
}

static void fill_as(const char *text, int result, const char *hex)
{
	_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(70000);
	char got[200];
	int r;

	parse(text, &s);
	assert_int_equal(fuda_buf_append(&bytes, "\xEE", 1), 0);
	r = trace_fill(&s, captures, &bytes);
	if (r != result)
		fail_msg("%s: %d instead of %d", text, r, result);
	fuda_hex_encode(bytes.data, bytes.len, got);
	assert_string_equal(got + 2, hex);
}

/* The shortest that is possible is taken, from the left. */
static void capturing(void **state)
{
	size_t at;

	(void)state;
	assert_int_equal(match("< 9000 {a=*} 01 {b=*}", "02010301", NULL, &at), 1);
	fill_as("< 9000 {a} FF {b}", 0, "02FF0301");
	assert_int_equal(match("< 9000 {a=..{1-4}} {b=..{1-4}}", "0102030405", NULL, &at), 1);
	fill_as("< 9000 {a} FF {b}", 0, "01FF02030405");
	/* what does not fit captures nothing; what fits replaces */
	assert_int_equal(match("< 9000 {a=..{4}} 09", "0102030408", NULL, &at), 0);
	fill_as("< 9000 {a}", 0, "01");
	assert_int_equal(match("< 9000 {a=..{0}}", "", NULL, &at), 1);
	fill_as("< 9000 AA {a} BB", 0, "AABB");
	/* and is compared afterwards */
	assert_int_equal(match("< 9000 {b} {a}", "02030405", NULL, &at), 1);
	assert_int_equal(match("< 9000 {b} {a}", "02030406", NULL, &at), 0);
	assert_int_equal(at, 3);
	assert_int_equal(match("< 9000 {never}", "00", NULL, &at), FUDA_EFORMAT);
	assert_int_equal(match("< 9000 {later} {later=..}", "0000", NULL, &at), FUDA_EFORMAT);
}

static void too_many_captures(void **state)
{
	char text[40];
	size_t at;
	int r = 1;

	(void)state;
	for (int i = 0; i < 300 && r == 1; i++) {
		snprintf(text, sizeof(text), "< 9000 {c%d=..}", i);
		r = match(text, "00", NULL, &at);
	}
	assert_int_equal(r, FUDA_EINVAL);
	assert_int_equal(match("< 9000 {c0=..}", "01", NULL, &at), 1);
	fill_as("< 9000 {c0}", 0, "01");
}

static void filling(void **state)
{
	static const char *const not_one[] = { "< 9000 ..", "< 9000 *", "< 9000 00 ..{0}", "< 9000 {x=..}",
					       "< 9000 {unknown}", "< 9000 00 <secret 1>",
					       "< 9000 <data 1 0011223344556677>", "> 00 20 00 98 <typed>" };

	(void)state;
	fill_as("> 00 A4 04 0C 0A $jpki # select", 0, "00A4040C0AD392F000260100000001");
	fill_as("< 9000", 0, "");
	fill_as("< 9000 \"A\" 00", 0, "4100");
	for (size_t i = 0; i < ARRAY_SIZE(not_one); i++)
		fill_as(not_one[i], FUDA_EFORMAT, "");
}

static void filling_too_much(void **state)
{
	_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(3);

	(void)state;
	parse("> 00 A4 00 00", &s);
	assert_int_equal(trace_fill(&s, captures, &bytes), FUDA_ETOOBIG);
	assert_int_equal(bytes.len, 0);
}

static void hashes(void **state)
{
	uint8_t hash[TRACE_HASH];
	char hex[2 * TRACE_HASH + 1], text[100];
	size_t at;

	(void)state;
	assert_int_equal(trace_hash(keyring, (const uint8_t *)"\1\2\3", 3, hash), 0);
	fuda_hex_encode(hash, sizeof(hash), hex);
	snprintf(text, sizeof(text), "> 00 D6 00 00 03 <data 3 %s>", hex);
	assert_int_equal(match(text, "00D6000003010203", keyring, &at), 1);
	assert_int_equal(match(text, "00D6000003010204", keyring, &at), 0);
	assert_int_equal(at, 5);
	assert_int_equal(match(text, "00D6000003010203", NULL, &at), FUDA_ENOTSUP);
	/* other bytes are a reason without it */
	assert_int_equal(match(text, "00D7000003010203", NULL, &at), 0);
	snprintf(text, sizeof(text), "< 9000 * <data 3 %s> *", hex);
	assert_int_equal(match(text, "FFFF010203FF", keyring, &at), 1);
}

/* Seconds that it takes to find out that there is no end to it, or that it does not fit. */
static double patience(const char *text, const char *bytes, int result)
{
	clock_t start = clock();
	size_t at;
	int r = match(text, bytes, NULL, &at);

	assert_int_equal(r, result);
	return (double)(clock() - start) / CLOCKS_PER_SEC;
}

static void impossible(void **state)
{
	char *zeros = repeated("", "00", 60000, "");
	char *stars = repeated("< 9000", " *\n  00", 60, " FF");
	char *ranges = repeated("< 9000", " ..{0-9}", 11, " FF");
	char *same = repeated("< 9000 {x=*}", " {x}", 20, " FF");

	(void)state;
	/* a choice before "*" is final */
	assert_true(patience(stars, zeros, 0) < 5);
	assert_true(patience(ranges, zeros, FUDA_ETOOBIG) < 5);
	assert_true(patience(same, zeros, FUDA_ETOOBIG) < 5);
	free(stars);
	free(ranges);
	free(same);
	free(zeros);
}

static void longest(void **state)
{
	char *bytes = repeated("AA", "00", 65000, "BB");

	(void)state;
	assert_true(patience("< 9000 * BB", bytes, 1) < 5);
	assert_true(patience("< 9000 AA {x=*} BB", bytes, 1) < 5);
	assert_true(patience("< 9000 ..{65002}", bytes, 1) < 5);
	assert_true(patience("< 9000 ..{1-65001}", bytes, 0) < 5);
	free(bytes);
}

static void statuses(void **state)
{
	static const struct {
		const char *text;
		uint16_t sw;
		bool fits;
	} table[] = {
		{ "< 9000", 0x9000, true },	 { "< 9000", 0x9001, false },
		{ "< 9000|61xx", 0x61FF, true }, { "< 9000|61xx", 0x6200, false },
		{ "< 63Cx", 0x63C0, true },	 { "< 63Cx", 0x63D0, false },
		{ "< xxxx", 0x0000, true },	 { "< $ok", 0x9000, true },
		{ "< $ok", 0x6982, false },	 { "< 6982|6983|6984", 0x6984, true },
		{ "< 6982|6983|6984", 0x6985, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;

		parse(table[i].text, &s);
		assert_int_equal(trace_match_status(&s, table[i].sw), table[i].fits);
	}
}

static void times(void **state)
{
	static const struct {
		const char *text;
		uint64_t us;
		bool fits;
	} table[] = {
		{ "< 9000", 99999999, true },		     { "< 9000 (12.345 ms)", 99999999, true },
		{ "< 9000 (<200 ms)", 199999, true },	     { "< 9000 (<200 ms)", 200001, false },
		{ "< 9000 (100..200 ms)", 100000, true },    { "< 9000 (100..200 ms)", 200000, true },
		{ "< 9000 (100..200 ms)", 99999, false },    { "< 9000 (100..200 ms)", 200001, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;

		parse(table[i].text, &s);
		assert_int_equal(trace_match_time(&s, table[i].us), table[i].fits);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, captures_new, captures_free)
	static const struct CMUnitTest tests[] = {
		TEST(fitting), TEST(not_fitting), TEST(capturing), TEST(too_many_captures), TEST(filling),
		TEST(filling_too_much), TEST(hashes), TEST(impossible), TEST(longest), TEST(statuses), TEST(times),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, set_up, tear_down);
}
