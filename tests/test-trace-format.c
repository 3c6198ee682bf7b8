/* SPDX-License-Identifier: Apache-2.0 */
/* Statements to text: the canonical form, and that it says what the statement said. */
#include <fuda/encode.h>
#include <fuda/trace.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/test-trace.h"
#include "trace/names.h"
#include "trace/parser.h"

enum { TEXT = 1 << 24 };

static struct fuda_context *ctx;

static int setup(void **state)
{
	(void)state;
	return fuda_context_new(&ctx);
}

static int teardown(void **state)
{
	(void)state;
	fuda_context_free(&ctx);
	return 0;
}

/* ---- by hand ---- */

static void is_written(const struct trace_statement *s, const char *want)
{
	struct fuda_buf out = FUDA_BUF_INIT(TEXT);

	assert_int_equal(trace_format(s, &out), 0);
	assert_int_equal(fuda_buf_append(&out, "", 1), 0);
	assert_string_equal((char *)out.data, want);
	fuda_buf_free(&out);
}

static void bytes_of_lines(void **state)
{
	struct trace_statement s = TRACE_STATEMENT_INIT;
	uint8_t bytes[300];
	struct fuda_buf out = FUDA_BUF_INIT(TEXT);
	size_t lines = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	trace_statement_clear(&s, TRACE_COMMAND);
	/* in pieces, which are one */
	for (size_t i = 0; i < sizeof(bytes); i += 3)
		assert_int_equal(trace_add_bytes(&s, bytes + i, 3), 0);
	assert_int_equal(trace_add_bytes(&s, NULL, 0), 0);
	assert_int_equal(s.count, 1);
	assert_int_equal(trace_format(&s, &out), 0);
	for (const char *p = (char *)out.data, *end = p + out.len; p < end; lines++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		/* "> " and 33 bytes, then two blanks and 32 */
		if (newline + 1 < end)
			assert_int_equal(newline - p, lines ? 97 : 100);
		p = newline + 1;
	}
	assert_int_equal(lines, 10);
	fuda_buf_free(&out);
	trace_statement_free(&s);
}

#define TENS   "0123456789"
#define FORTY  TENS TENS TENS TENS
#define EIGHTY FORTY FORTY
#define KANJI  "\xE6\x9C\xAD\xE6\x9C\xAD\xE6\x9C\xAD\xE6\x9C\xAD"
#define BYTES  "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F"

static void wraps(void **state)
{
	static const struct {
		const char *text, *want; /* behind "> 00 00 00 00" */
	} rows[] = {
		/* a word that fits exactly, and one that does not */
		{ "\"" EIGHTY "0123\"", " \"" EIGHTY "0123\"\n" },
		{ "\"" EIGHTY "01234\"", "\n  \"" EIGHTY "01234\"\n" },
		/* characters count, not their bytes */
		{ "\"" KANJI KANJI FORTY TENS TENS "\" 01 02 03", " \"" KANJI KANJI FORTY TENS TENS "\" 01 02 03\n" },
		/* bytes behind a word that reaches the end of the line, or almost */
		{ "\"" EIGHTY "0123\" 01", " \"" EIGHTY "0123\"\n  01\n" },
		{ "\"" EIGHTY "0\" 01 02", " \"" EIGHTY "0\" 01\n  02\n" },
		{ "\"" EIGHTY "01\" 01 02", " \"" EIGHTY "01\"\n  01 02\n" },
		/* 32 bytes on a line of bytes alone, also where there is room for more */
		{ "# x\n " BYTES BYTES " 20 $ok", "  # x\n  " BYTES " " BYTES "\n  20 $ok\n" },
		/* more if it is not alone */
		{ "# x\n \"\" " BYTES BYTES " 20", "  # x\n  \"\" " BYTES " " BYTES "\n  20\n" },
		{ "# x\n .. " BYTES "\n  0001 0203", "  # x\n  .. " BYTES " 00 01 02 03\n" },
		/* a comment stays where it is, however long */
		{ "# " EIGHTY EIGHTY, "  # " EIGHTY EIGHTY "\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static const char head[] = "> 00 00 00 00";
		_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(TEXT);
		char text[512];
		int len = snprintf(text, sizeof(text), FIRST "%s %s", head, rows[i].text);

		if (text_format(ctx, text, (size_t)len, &out) < 0)
			fail_msg("%s", fuda_context_message(ctx));
		assert_int_equal(fuda_buf_append(&out, "", 1), 0);
		assert_memory_equal(out.data, head, strlen(head));
		assert_string_equal((char *)out.data + strlen(head), rows[i].want);
	}
}

static void made_by_hand(void **state)
{
	struct trace_statement s = TRACE_STATEMENT_INIT;
	struct trace_item item = { .kind = TRACE_ANY, .min = 2, .max = 2, .name = "c" };
	const struct trace_constant *jpki = trace_constant("jpki");

	(void)state;
	is_written(&s, "\n");
	trace_statement_clear(&s, TRACE_COMMAND);
	assert_int_equal(trace_add_bytes(&s, (const uint8_t *)"\x00\xA4\x04\x0C\x0A", 5), 0);
	assert_int_equal(trace_add_named(&s, "jpki", jpki->bytes, jpki->len), 0);
	assert_int_equal(trace_add_quoted(&s, "a\"", 2), 0);
	assert_int_equal(trace_add_item(&s, &item), 0);
	assert_int_equal(trace_add_note(&s, "so\nit is\xFF \t", 11), 0);
	is_written(&s, "> 00 A4 04 0C 0A $jpki \"a\\\"\" {c=..{2}}  # so?it is?\n");
	trace_statement_clear(&s, TRACE_FAILURE);
	s.error = FUDA_EREMOVED;
	is_written(&s, "! removed\n");
	s.error = FUDA_ENOMEM;
	is_written(&s, "! failed\n");
	trace_statement_clear(&s, TRACE_READER);
	is_written(&s, "reader \"\"\n");
	assert_int_equal(trace_set_text(&s, "a\n> 00 20\t\"\\\xC0\xAE"), 0);
	is_written(&s, "reader \"a?> 00 20?\\\"\\\\??\"\n");
	trace_statement_clear(&s, TRACE_RESPONSE);
	s.time = (struct trace_time){ TRACE_TIME_TOOK, UINT64_MAX, UINT64_MAX };
	is_written(&s, "< xxxx (1000000.000 ms)\n");
	s.statuses[s.status_count++] = (struct trace_status){ 0x6100, 0xFF00, "" };
	s.statuses[s.status_count++] = (struct trace_status){ 0x9000, 0xFFFF, "ok" };
	s.time = (struct trace_time){ TRACE_TIME_WITHIN, 0, 1 };
	is_written(&s, "< 61xx|$ok (<0.001 ms)\n");
	trace_statement_free(&s);
	is_written(&s, "\n");
}

/* Adders that refuse leave the statement as it was, and so does the formatter the text. */
static void refuses(void **state)
{
	static const char *const no_texts[] = { "\n", "a\tb", "\xC0\x80", "\xE2\x80\xAE", "\x7F", "\xFF" };
	static char long_text[TRACE_TEXT_MAX + 2];
	static uint8_t bytes[TRACE_BYTES_MAX];
	struct trace_statement s = TRACE_STATEMENT_INIT;
	const struct trace_item item = { .kind = TRACE_ANY };
	struct fuda_buf small = FUDA_BUF_INIT(10);

	(void)state;
	trace_statement_clear(&s, TRACE_COMMAND);
	for (size_t i = 0; i < ARRAY_SIZE(no_texts); i++)
		assert_int_equal(trace_add_quoted(&s, no_texts[i], strlen(no_texts[i])), FUDA_EFORMAT);
	memset(long_text, '"', sizeof(long_text) - 1);
	assert_int_equal(trace_add_quoted(&s, long_text, TRACE_TEXT_MAX / 2 + 1), FUDA_ETOOBIG);
	assert_int_equal(trace_add_note(&s, long_text, TRACE_TEXT_MAX + 1), FUDA_ETOOBIG);
	assert_int_equal(trace_set_text(&s, long_text), FUDA_ETOOBIG);
	assert_int_equal(trace_add_named(&s, "abcdefghijklmnopqrstuvwxyzabcdef", bytes, 1), FUDA_ETOOBIG);
	assert_int_equal(trace_add_bytes(&s, bytes, sizeof(bytes)), 0);
	assert_int_equal(trace_add_bytes(&s, bytes, 1), FUDA_ETOOBIG);
	assert_int_equal(trace_add_quoted(&s, "x", 1), FUDA_ETOOBIG);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.items[0].len, sizeof(bytes));
	assert_null(s.text);
	assert_int_equal(fuda_buf_append(&small, "ab", 2), 0);
	assert_int_equal(trace_format(&s, &small), FUDA_ETOOBIG);
	assert_int_equal(small.len, 2);
	assert_memory_equal(small.data, "ab", 2);
	trace_statement_clear(&s, TRACE_COMMAND);
	for (size_t i = 0; i < TRACE_ITEMS_MAX; i++)
		assert_int_equal(trace_add_item(&s, &item), 0);
	assert_int_equal(trace_add_item(&s, &item), FUDA_ETOOBIG);
	assert_int_equal(trace_add_bytes(&s, bytes, 1), FUDA_ETOOBIG);
	assert_int_equal(s.count, TRACE_ITEMS_MAX);
	assert_int_equal(s.bytes.len, 0);
	fuda_buf_free(&small);
	trace_statement_free(&s);
}

static void literal(void **state)
{
	struct trace_statement s = TRACE_STATEMENT_INIT;
	struct fuda_buf out = FUDA_BUF_INIT(6), small = FUDA_BUF_INIT(3);
	struct trace_item item = { .kind = TRACE_REFER, .name = "x" };

	(void)state;
	trace_statement_clear(&s, TRACE_ATR);
	assert_int_equal(trace_literal(&s, &out), 0);
	assert_int_equal(out.len, 0);
	assert_int_equal(trace_add_bytes(&s, (const uint8_t *)"\x3B", 1), 0);
	assert_int_equal(trace_add_note(&s, "no byte", 7), 0);
	assert_int_equal(trace_add_quoted(&s, "a", 1), 0);
	assert_int_equal(trace_add_named(&s, "ok", (const uint8_t *)"\x90\x00", 2), 0);
	assert_int_equal(trace_literal(&s, NULL), 0);
	assert_int_equal(trace_literal(&s, &out), 0);
	assert_int_equal(out.len, 4);
	assert_memory_equal(out.data, "\x3B\x61\x90\x00", 4);
	assert_int_equal(trace_literal(&s, &small), FUDA_ETOOBIG);
	assert_int_equal(small.len, 0);
	for (enum trace_item_kind kind = TRACE_BYTES; kind <= TRACE_NOTE; kind++) {
		if (kind == TRACE_BYTES || kind == TRACE_NAMED || kind == TRACE_NOTE)
			continue;
		item.kind = kind;
		trace_statement_clear(&s, TRACE_ATR);
		assert_int_equal(trace_add_item(&s, &item), 0);
		assert_int_equal(trace_literal(&s, NULL), FUDA_EFORMAT);
		assert_int_equal(trace_literal(&s, &out), FUDA_EFORMAT);
		assert_int_equal(out.len, 4);
	}
	fuda_buf_free(&out);
	trace_statement_free(&s);
}

/* The two tables of failures have the same words. */
static void failures(void **state)
{
	const char *words = trace_forms[TRACE_FAILURE].words;
	size_t count = 0;

	(void)state;
	for (int code = FUDA_EDEPARTED; code < 0; code++)
		count += trace_failure_error(trace_failure_word(code)) == code;
	assert_int_equal(count, 8);
	assert_int_equal(trace_failure_error("on"), 0);
	for (; *words; words += strcspn(words, "|"), words += *words == '|') {
		char word[32];

		snprintf(word, sizeof(word), "%.*s", (int)strcspn(words, "|"), words);
		assert_string_equal(trace_failure_word(trace_failure_error(word)), word);
		count--;
	}
	assert_int_equal(count, 0);
}

/* ---- a whole file ---- */

static int append(void *arg, const void *bytes, size_t len)
{
	return fuda_buf_append(arg, bytes, len);
}

static int refuse(void *arg, const void *bytes, size_t len)
{
	int *left = arg;

	(void)bytes;
	(void)len;
	return (*left)-- ? 0 : -1;
}

static void whole_files(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} rows[] = {
		{ "", "" },
		{ "\n\n\n", "" },
		{ "\n\ninsert\n\n\n\nremove\n\n", "\ninsert\n\nremove\n" },
		{ "# x\n\n# y", "# x\n\n# y\n" },
		{ "include \"elsewhere\"\n> $there 00\nname x = $there\n> $x\n< $sw",
		  "include \"elsewhere\"\n> $there 00\nname x = $there\n> $x\n< $sw\n" },
		{ "> $there\n< $sw $x", "> $there\n< $sw $x\n" },
		{ "name x = $there\n> $x", "name x = $there\n> $x\n" },
		{ "name x = 90 $there\nverify a\n< $x", "name x = 90 $there\nverify a\n< $x\n" },
		{ "name x = 90 $there\nname x = 90 $here", "name x = 90 $there\nname x = 90 $here\n" },
		{ "name x = 00\nname x = 01", NULL },
		{ "> 00", NULL },
		{ "insert\nwhat", NULL },
	};
	char path[] = "/tmp/fuda-test-XXXXXX";
	int fd = mkstemp(path), times;
	struct fuda_trace_sink broken = { refuse, &times };

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fuda_buf out = FUDA_BUF_INIT(TEXT);
		const struct fuda_trace_sink sink = { append, &out };
		FILE *f = fopen(path, "w");
		int r;

		assert_non_null(f);
		fprintf(f, FIRST "%s", rows[i].text);
		fclose(f);
		r = fuda_trace_format(ctx, path, &sink);
		if (!rows[i].want) {
			assert_int_equal(r, FUDA_EFORMAT);
		} else {
			assert_int_equal(r, 0);
			assert_int_equal(fuda_buf_append(&out, "", 1), 0);
			assert_memory_equal(out.data, FIRST, strlen(FIRST));
			assert_string_equal((char *)out.data + strlen(FIRST), rows[i].want);
		}
		fuda_buf_free(&out);
	}
	for (int fail_at = 0; fail_at < 2; fail_at++) {
		times = fail_at;
		assert_int_equal(fuda_trace_format(ctx, path, &broken), FUDA_EFILE);
	}
	unlink(path);
	times = 1;
	assert_int_equal(fuda_trace_format(ctx, path, &broken), FUDA_EFILE);
	assert_int_equal(times, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_lines), cmocka_unit_test(wraps),    cmocka_unit_test(made_by_hand),
		cmocka_unit_test(refuses),        cmocka_unit_test(literal),  cmocka_unit_test(failures),
		cmocka_unit_test(whole_files),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
