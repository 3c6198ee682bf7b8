/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/scratch.h"
#include "tests/tracefile.h"

static int diff(const char *a, const char *b, struct heard *h, struct fuda_trace_comparison *ret,
		char *ret_message)
{
	_cleanup_tracefile_ struct tracefile fa = tracefile_of(a, strlen(a));
	_cleanup_tracefile_ struct tracefile fb = tracefile_of(b, strlen(b));
	struct fuda_trace_sink sink = { heard_write, h };
	struct fuda_context *ctx;
	int r;

	assert_int_equal(fuda_context_new(&ctx), 0);
	r = fuda_trace_diff(ctx, fa.path, fb.path, NULL, &sink, ret);
	if (ret_message)
		snprintf(ret_message, 1024, "%s", fuda_context_message(ctx));
	fuda_context_free(&ctx);
	return r;
}

/* Compares both ways; gives how many differences there are. */
static size_t differences(const char *a, const char *b, struct heard *h)
{
	_cleanup_heard_ struct heard other = HEARD;
	char whole_a[8192], whole_b[8192], message[1024] = "";
	struct fuda_trace_comparison there = { 99, 0 }, back = { 98, 0 };
	size_t n;

	snprintf(whole_a, sizeof(whole_a), FIRST "%s", a);
	snprintf(whole_b, sizeof(whole_b), FIRST "%s", b);
	if (diff(whole_a, whole_b, h, &there, message) != 0)
		fail_msg("%s and %s: %s", a, b, message);
	assert_int_equal(diff(whole_b, whole_a, &other, &back, NULL), 0);
	n = there.differences;
	if (n != back.differences || there.uncompared != back.uncompared)
		fail_msg("%s and %s: %zu differences, and %lu the other way", a, b, n, back.differences);
	if (!n == (h->bytes.len && strncmp(heard_text(h), "---", 3) == 0))
		fail_msg("%s and %s: %zu differences, but: %s", a, b, n, heard_text(h));
	return n;
}

#define CHALLENGE "> 00 84 00 00 02\n"
#define KEY_1     "key 11111111\n"
#define KEY_2     "key 22222222\n"
/* the bytes 01 02, hidden by the key that by_own_key() has */
#define KEY_OWN   "key F412A49C\n"
#define HASH_0102 "15200ECC02A10706"
#define OWN_0102  "< 9000 <data 2 " HASH_0102 ">\n"
#define HIDDEN_A  "< 9000 <data 2 AAAAAAAAAAAAAAAA>\n"
#define HIDDEN_B  "< 9000 <data 2 BBBBBBBBBBBBBBBB>\n"

static void same(void **state)
{
	static const struct {
		const char *a, *b;
	} rows[] = {
		{ "", "" },
		{ "", "# comment\n\n" },
		{ CHALLENGE "< 9000 0102\n", "> 00840000 02 # comment\n< 9000 (3 ms) 01 02\n" },
		{ CHALLENGE "< 9000 \"AB\" 43\n", CHALLENGE "< 9000 41\n  42 \"C\"\n" },
		{ "> 00 A4 04 0C 0A $jpki\n< $ok\n", "> 00A4040C 0A D392F000260100000001\n< 9000\n" },
		{ "name x = 0102\n" CHALLENGE "< 9000 $x\n", CHALLENGE "< 9000 0102\n" },
		{ CHALLENGE "< 9000|61xx ..{2}\n", CHALLENGE "< 61xx|9000 .. ..\n" },
		{ CHALLENGE "< 9000 .. ..{1-2}\n", CHALLENGE "< 9000 ..{2-3}\n" },
		{ "repeat 2\n" CHALLENGE "< 9000 0102\nend\n",
		  CHALLENGE "< 9000 0102\n" CHALLENGE "< 9000 0102\n" },
		/* where it passed does not count */
		{ "reader \"a\"\natr 3B 00\nprotocol T=0\n", "reader \"b\"\ndate \"2026-11-21T03:04:05Z\"\n" },
		{ "power on\n> 00 20 00 98 04 <secret 4>\n! removed\n",
		  "power on\n> 00 20 00 98 04 <secret 4>\n! removed\n" },
		/* hashes of one key, the same */
		{ KEY_1 CHALLENGE HIDDEN_A, KEY_1 CHALLENGE HIDDEN_A },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_heard_ struct heard h = HEARD;
		size_t n = differences(rows[i].a, rows[i].b, &h);

		if (n || h.bytes.len)
			fail_msg("%s and %s: %s", rows[i].a, rows[i].b, heard_text(&h));
	}
}

static void not_the_same(void **state)
{
	static const struct {
		const char *a, *b;
		size_t count;
		const char *says;
	} rows[] = {
		{ CHALLENGE "< 9000 000102030405060708090A0B0C0D0E0F1011121314\n", CHALLENGE "< 9000\n", 1,
		  " 12 13 ... (21 bytes)\n" },
		{ CHALLENGE "< 9000 000102030405060708090A0B0C0D0E0F10111213\n", CHALLENGE "< 9000\n", 1, " 12 13\n" },
		{ CHALLENGE "< 9000 {a=..} {b=..} {c=..} {d=..} {e=..} {f=..} {g=..} {h=..} {i=..} {j=..} {k=..}"
		  " {l=..} {m=..} {n=..} {o=..} {p=..} {q=..} {r=..} {s=..} {t=..}\n",
		  CHALLENGE "< 9000\n", 1, "...\n" },
		{ CHALLENGE "< 9000 0102\n", "", 1, "- > 00 84 00 00 02\n- < 9000 01 02\n" },
		{ CHALLENGE "< 9000 0102\n", CHALLENGE "< 9000 0103\n", 1,
		  "@@ -2 +2 @@ GET CHALLENGE\n  > 00 84 00 00 02\n- < 9000 01 02\n+ < 9000 01 03\n"
		  "  of 2 bytes, byte 1 is 02 and 03\n" },
		{ CHALLENGE "< 9000 0102\n", CHALLENGE "< 9000 010203\n", 1, "  2 bytes and 3 bytes\n" },
		{ CHALLENGE "< 9000 0102\n", CHALLENGE "< 6985\n", 1, "+ < 6985 conditions of use not met\n" },
		{ CHALLENGE "< 9000\n", CHALLENGE "< 9000|6100\n", 1, "+ < 9000|6100\n" },
		{ CHALLENGE "< 6100\n", CHALLENGE "< 61xx\n", 1, NULL },
		{ CHALLENGE "< 9000\n", CHALLENGE "< xxxx\n", 1, "+ < xxxx\n" },
		{ CHALLENGE "< 9000\n", CHALLENGE "! removed\n", 1, "+ ! the card was removed\n" },
		{ CHALLENGE "! timeout\n", CHALLENGE "! removed\n", 1, NULL },
		{ CHALLENGE "< 9000\n", CHALLENGE, 1, "+ no response in the trace\n" },
		{ CHALLENGE "< 9000 *\n", CHALLENGE "< 9000 ..{2}\n", 1, NULL },
		{ "> 00 20 00 98 04 <secret 4>\n< 9000\n", "> 00 20 00 98 06 <secret 6>\n< 9000\n", 1,
		  "- > 00 20 00 98 04 <secret 4>\n+ > 00 20 00 98 06 <secret 6>\n  < 9000" },
		{ "> 00 20 00 98 04 <secret 4>\n< 9000\n", "> 00 20 00 98 <typed>\n< 9000\n", 1, NULL },
		{ "power on\n", "power off\n", 1, "- power on\n" },
		{ "verify auth\n< 9000\n", "verify sign\n< 9000\n", 1, NULL },
		{ "wait 5 ms\n", "wait 6 ms\n", 1, NULL },
		{ "wait 500 us\n", "wait 900 us\n", 1, "- wait 500 us\n+ wait 900 us\n" },
		/* hashes of one key, not the same; of no key, or of two: lengths that are not */
		{ KEY_1 CHALLENGE HIDDEN_A, KEY_1 CHALLENGE HIDDEN_B, 1, "<data 2 AAAAAAAA...>" },
		{ KEY_1 CHALLENGE HIDDEN_A, KEY_2 CHALLENGE "< 9000 <data 3 AAAAAAAAAAAAAAAA>\n", 1, NULL },
		{ CHALLENGE HIDDEN_A, CHALLENGE "< 9000 010203\n", 1, NULL },
		{ CHALLENGE "< 9000 01 <data 2 AAAAAAAAAAAAAAAA>\n",
		  CHALLENGE "< 9000 02 <data 2 BBBBBBBBBBBBBBBB>\n", 1, NULL },
		{ CHALLENGE "< 9000 01 <data 2 AAAAAAAAAAAAAAAA>\n", CHALLENGE "< 9000 020304\n", 1,
		  "of 3 bytes, byte 0 is 01 and 02" },
		/* the key that holds is the last one */
		{ KEY_2 KEY_1 CHALLENGE HIDDEN_A, KEY_1 CHALLENGE HIDDEN_B, 1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_heard_ struct heard h = HEARD;
		size_t n = differences(rows[i].a, rows[i].b, &h);

		if (n != rows[i].count)
			fail_msg("%s and %s: %zu: %s", rows[i].a, rows[i].b, n, heard_text(&h));
		if (rows[i].says)
			heard_says(&h, rows[i].says);
	}
}

/* What one trace shows and the other hides is compared by the key that made the hash, if it is the user's. */
static void by_own_key(void **state)
{
	static const struct {
		const char *a, *b;
		size_t count;
		bool not_compared;
	} rows[] = {
		{ KEY_OWN CHALLENGE OWN_0102, CHALLENGE "< 9000 0102\n", 0, false },
		{ KEY_OWN CHALLENGE OWN_0102, CHALLENGE "< 9000 0103\n", 1, false },
		{ KEY_OWN CHALLENGE OWN_0102, CHALLENGE "< 9000 010203\n", 1, false },
		{ KEY_OWN CHALLENGE OWN_0102, KEY_1 CHALLENGE "< 9000 0102\n", 0, false },
		{ KEY_OWN CHALLENGE OWN_0102, CHALLENGE "< 9000 ..{2}\n", 0, true },
		{ KEY_OWN CHALLENGE "< 9000 00 <data 2 " HASH_0102 ">\n", CHALLENGE "< 9000 000102\n", 0, true },
		{ KEY_OWN CHALLENGE "< 9000 00 <data 2 " HASH_0102 ">\n", CHALLENGE "< 9000 010102\n", 1, false },
		{ KEY_1 CHALLENGE OWN_0102, CHALLENGE "< 9000 0102\n", 0, true },
		{ KEY_OWN "> 80 2A 00 80 02 <data 2 " HASH_0102 "> 00\n< 6985\n",
		  "> 80 2A 00 80 02 0102 00\n< 6985\n", 0, false },
		{ KEY_OWN "> 80 2A 00 80 02 <data 2 " HASH_0102 "> 00\n< 6985\n",
		  "> 80 2A 00 80 02 0102 10\n< 6985\n", 0, true },
		{ KEY_OWN "> 80 2A 00 80 02 <data 2 " HASH_0102 "> 00\n< 6985\n",
		  "> 80 2A 00 80 02 0202 00\n< 6985\n", 1, false },
	};

	(void)state;
	assert_int_equal(mkdir(scratch_path("fuda"), 0700), 0);
	scratch_write("fuda/trace.key", "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n", 0600);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_heard_ struct heard h = HEARD;

		assert_int_equal(differences(rows[i].a, rows[i].b, &h), rows[i].count);
		(rows[i].not_compared ? heard_says : heard_says_not)(&h, "compared by");
	}
}

/* What cannot be compared is compared by its length, and that is said. */
static void by_length(void **state)
{
	static const struct {
		const char *a, *b;
		const char *count;
	} rows[] = {
		{ KEY_1 CHALLENGE HIDDEN_A, KEY_2 CHALLENGE HIDDEN_B, "1 value was" },
		{ CHALLENGE HIDDEN_A, CHALLENGE HIDDEN_A, "1 value was" },
		{ CHALLENGE HIDDEN_A, CHALLENGE "< 9000 0102\n", "1 value was" },
		{ CHALLENGE "< 9000 01 <data 2 AAAAAAAAAAAAAAAA>\n", CHALLENGE "< 9000 010203\n", "1 value was" },
		{ KEY_1 CHALLENGE HIDDEN_A CHALLENGE HIDDEN_A, CHALLENGE HIDDEN_B CHALLENGE HIDDEN_B, "2 values were" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_heard_ struct heard h = HEARD;

		assert_int_equal(differences(rows[i].a, rows[i].b, &h), 0);
		heard_says(&h, rows[i].count);
	}
}

/* `count` different commands from number `from` on. */
static void commands(char *text, size_t size, unsigned from, unsigned count)
{
	size_t at = strlen(text);

	for (unsigned i = from; i < from + count; i++)
		at += (size_t)snprintf(text + at, size - at, "> 00 B0 %02X %02X 00\n< 9000\n", i >> 8, i & 0xFF);
}

static void finds_its_way_back(void **state)
{
	static const struct {
		unsigned before, only_a, only_b, after;
	} rows[] = {
		{ 5, 1, 0, 5 }, { 0, 3, 0, 5 },  { 5, 0, 60, 5 }, { 5, 2, 2, 5 },	 { 1, 4, 1, 1 },
		{ 2, 0, 10, 0 }, { 0, 0, 40, 1 }, { 70, 30, 20, 70 }, { 3, 0, 100, 0 }, { 3, 10, 10, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_heard_ struct heard h = HEARD;
		char a[8192] = "", b[8192] = "";
		size_t n;

		commands(a, sizeof(a), 0, rows[i].before);
		commands(b, sizeof(b), 0, rows[i].before);
		commands(a, sizeof(a), 0x1000, rows[i].only_a);
		commands(b, sizeof(b), 0x2000, rows[i].only_b);
		commands(a, sizeof(a), 0x300, rows[i].after);
		commands(b, sizeof(b), 0x300, rows[i].after);
		n = differences(a, b, &h);
		/* nothing is told to belong together that does not: one of each is two */
		if (n != rows[i].only_a + rows[i].only_b)
			fail_msg("row %zu: %zu: %s", i, n, heard_text(&h));
		heard_says_not(&h, "no more of them");
	}
}

/* Other data in commands of the same header is one difference. */
static void pairs_what_is_alike(void **state)
{
	_cleanup_heard_ struct heard h = HEARD;

	(void)state;
	assert_int_equal(differences(CHALLENGE "< 9000\n> 80 2A 00 80 02 0102 00\n< 9000 01\n" CHALLENGE "< 9000\n",
				     CHALLENGE "< 9000\n> 80 2A 00 80 02 0103 00\n< 9000 02\n" CHALLENGE "< 9000\n",
				     &h), 1);
	heard_says(&h, "- > 80 2A 00 80 02 01 02 00\n+ > 80 2A 00 80 02 01 03 00\n- < 9000 01\n+ < 9000 02\n");
}

#define JPKI	  "> 00A4040C0A $jpki\n< 9000\n"
#define SELECT(f) "> 00A4020C02 $jpki." f "\n< 9000\n"
#define READ(b)	  "> 00B0000002\n< 9000 " b "\n"

/* A file is not told to be another one, nor what was read there, even if the bytes of the command are the same. */
static void keeps_files_apart(void **state)
{
	static const struct {
		const char *a, *b;
		size_t count;
		const char *says;
	} rows[] = {
		{ JPKI SELECT("token") READ("0102") SELECT("availability") READ("0304") SELECT("auth-key"),
		  JPKI SELECT("token") READ("0102") SELECT("auth-certificate") READ("0506") SELECT("auth-key"), 4,
		  "@@ -8 @@ SELECT availability\n- > 00 A4 02 0C 02 00 08\n- < 9000 done\n@@ -10 @@" },
		/* what is the same in all is not where they agree most */
		{ JPKI CHALLENGE "< 9000\n" SELECT("token") READ("01") SELECT("availability") READ("02"),
		  JPKI SELECT("token") READ("01") SELECT("availability") READ("02") CHALLENGE "< 9000\n", 2, NULL },
		/* of one file, another part */
		{ JPKI "> 00B0860002\n< 9000 0102\n", JPKI "> 00B0860001\n< 9000 01\n", 1, "@@ -4 +4 @@" },
		/* files that are not known */
		{ "> 00A4000C023F00\n< 9000\n", "> 00A4000C022F00\n< 9000\n", 2, "@@ -2 @@" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_heard_ struct heard h = HEARD;
		size_t n = differences(rows[i].a, rows[i].b, &h);

		if (n != rows[i].count)
			fail_msg("row %zu: %zu: %s", i, n, heard_text(&h));
		if (rows[i].says)
			heard_says(&h, rows[i].says);
	}
}

static void gives_up(void **state)
{
	_cleanup_heard_ struct heard h = HEARD;
	char a[8192] = "", b[8192] = "";

	(void)state;
	commands(a, sizeof(a), 0x1000, 100);
	commands(b, sizeof(b), 0x2000, 100);
	assert_int_equal(differences(a, b, &h), 1);
	heard_says(&h, "The traces do not agree again within 64 steps; no more of them is compared.\n");
}

/* What is only in one of them is written up to a length, and counted on. */
static void ends_early(void **state)
{
	_cleanup_heard_ struct heard h = HEARD;
	char b[8192] = "";

	(void)state;
	commands(b, sizeof(b), 0, 100);
	assert_int_equal(differences("", b, &h), 100);
	heard_says(&h, "... and 36 more in the second trace\n");
}

static void refuses(void **state)
{
	static const struct {
		const char *a, *b;
		int error;
	} rows[] = {
		{ "", FIRST, FUDA_EFORMAT },
		{ FIRST, "", FUDA_EFORMAT },
		{ FIRST "< 9000\n", FIRST, FUDA_EFORMAT },
		{ FIRST, FIRST CHALLENGE "< 9000\n< 9000\n", FUDA_EFORMAT },
		{ FIRST CHALLENGE "< 9000\n", FIRST CHALLENGE "< 9000\nnonsense\n", FUDA_EFORMAT },
	};
	_cleanup_heard_ struct heard h = HEARD;
	struct fuda_trace_sink sink = { heard_write, &h };
	struct fuda_context *ctx;
	struct fuda_trace_comparison n = { 42, 43 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char message[1024];

		assert_int_equal(diff(rows[i].a, rows[i].b, &h, &n, message), rows[i].error);
		assert_string_not_equal(message, "");
	}
	assert_int_equal(fuda_context_new(&ctx), 0);
	assert_int_equal(fuda_trace_diff(ctx, "/nowhere/a", "/nowhere/b", NULL, &sink, &n), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), "/nowhere/a"));
	fuda_context_free(&ctx);
	assert_int_equal(n.differences, 42);
	assert_int_equal(n.uncompared, 43);
	h.most = 1;
	fuda_buf_clear(&h.bytes);
	assert_int_equal(diff(FIRST CHALLENGE "< 9000\n", FIRST, &h, &n, NULL), FUDA_EFILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same),
		cmocka_unit_test(not_the_same),
		cmocka_unit_test_setup_teardown(by_own_key, scratch_setup, scratch_teardown),
		cmocka_unit_test(by_length),
		cmocka_unit_test(finds_its_way_back),
		cmocka_unit_test(pairs_what_is_alike),
		cmocka_unit_test(keeps_files_apart),
		cmocka_unit_test(gives_up),
		cmocka_unit_test(ends_early),
		cmocka_unit_test(refuses),
	};

	return RUN(tests);
}
