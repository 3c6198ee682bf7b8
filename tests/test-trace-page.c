/* SPDX-License-Identifier: Apache-2.0 */
/* The page fuda-trace(5) says what the program does: its names, its words and limits, its examples. */
#include <fuda/encode.h>
#include <fuda/trace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/cmocka.h"
#include "trace/names.h"
#include "trace/parser.h"

enum { PAGE_MAX = 100000 };

static char page[PAGE_MAX];
static char grammar[PAGE_MAX];
static char folder[] = "/tmp/fuda-test-XXXXXX";
static char example[64];
static struct fuda_context *ctx;

static int setup(void **state)
{
	const char *top = getenv("srcdir");
	char path[4096];
	FILE *f;
	char *from, *to;

	(void)state;
	snprintf(path, sizeof(path), "%s/tools/fuda-trace.5", top ? top : ".");
	f = fopen(path, "r");
	if (!f) {
		print_error("%s cannot be read\n", path);
		return -1;
	}
	page[fread(page, 1, sizeof(page) - 1, f)] = 0;
	fclose(f);
	from = strstr(page, ".Ss Grammar\n");
	to = from ? strstr(from, ".Sh NAMES\n") : NULL;
	if (!to || !mkdtemp(folder))
		return -1;
	snprintf(grammar, sizeof(grammar), "%.*s", (int)(to - from), from);
	snprintf(example, sizeof(example), "%s/example.apdu", folder);
	return fuda_context_new(&ctx);
}

static int teardown(void **state)
{
	(void)state;
	fuda_context_free(&ctx);
	unlink(example);
	return rmdir(folder);
}

/* ---- names ---- */

/* The next row of the tables: "$name", hexadecimal. False behind the last. */
static bool next_row(const char **at, char name[TRACE_NAME_MAX + 1], char hex[64])
{
	const char *row = strstr(*at, "\n.It Li $");

	while (row && sscanf(row, "\n.It Li $%31s Ta %63[0-9A-F] Ta ", name, hex) != 2)
		row = strstr(row + 1, "\n.It Li $");
	if (row)
		*at = row + 1;
	return row != NULL;
}

static void has_all_names(void **state)
{
	const struct trace_constant *c;
	const char *at = strstr(page, "\n.Sh NAMES\n");
	char name[TRACE_NAME_MAX + 1], hex[64], want[64];
	size_t i = 0;

	(void)state;
	for (; (c = trace_constant_at(i)); i++) {
		if (!next_row(&at, name, hex))
			fail_msg("the page lacks $%s", c->name);
		fuda_hex_encode(c->bytes, c->len, want);
		if (strcmp(name, c->name) != 0 || strcmp(hex, want) != 0)
			fail_msg("the page has $%s %s, the program $%s %s", name, hex, c->name, want);
	}
	assert_true(i > 50);
	if (next_row(&at, name, hex))
		fail_msg("the program does not know $%s", name);
}

/* What the program shows of files is what the page lists. */
static void lists_what_is_shown(void **state)
{
	const char *rule = strstr(page, "\n.Sh WHAT A RECORDING SHOWS\n");
	const char *end = rule ? strstr(rule + 1, "\n.Sh ") : NULL;
	const struct trace_file *f;

	(void)state;
	assert_non_null(end);
	for (size_t i = 0; (f = trace_file_at(i)); i++) {
		char name[80];
		const char *there;

		snprintf(name, sizeof(name), "\n.Li $%s.%s", f->application->name, f->name);
		there = strstr(rule, name);
		if ((there && there < end) != (f->privacy == TRACE_PUBLIC))
			fail_msg("the page is wrong about what is shown of $%s.%s", f->application->name, f->name);
	}
}

/* ---- words and limits ---- */

static void has_all_words(void **state)
{
	char quoted[64];

	(void)state;
	for (enum trace_kind kind = 0; kind < TRACE_KINDS; kind++) {
		const char *words = trace_forms[kind].words;

		if (trace_forms[kind].word) {
			snprintf(quoted, sizeof(quoted), "\"%s\"", trace_forms[kind].word);
			if (!strstr(grammar, quoted))
				fail_msg("the grammar lacks %s", quoted);
		}
		for (; words && *words; words += strcspn(words, "|"), words += *words == '|') {
			snprintf(quoted, sizeof(quoted), "\"%.*s\"", (int)strcspn(words, "|"), words);
			if (!strstr(grammar, quoted))
				fail_msg("the grammar lacks %s", quoted);
		}
	}
}

static void tells_limits(void **state)
{
	static const char *const forms[] = {
		"A line has at most %d bytes", "items and %d bytes", "at most %d items", "a name %d characters",
		"%d status words", "an answer to reset %d bytes", "Repetitions are %d at most", "other %d deep",
	};
	static const int limits[] = { TRACE_LINE_MAX, TRACE_BYTES_MAX, TRACE_ITEMS_MAX, TRACE_NAME_MAX,
				      TRACE_STATUSES_MAX, TRACE_ATR_MAX, TRACE_REPEAT_MAX, TRACE_DEPTH_MAX };
	static char flat[PAGE_MAX];

	(void)state;
	strcpy(flat, page);
	for (char *p = flat; (p = strchr(p, '\n'));)
		*p = ' ';
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		char text[128];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), forms[i], limits[i]);
#pragma GCC diagnostic pop
		if (!strstr(flat, text))
			fail_msg("the page does not say: %s", text);
	}
}

/* ---- examples ---- */

/* Writes the block behind `at` to the file `example`, as a formatter shows it. */
static void write_example(const char *at)
{
	static const char begin[] = "\n.Bd -literal -offset indent\n";
	const char *from = strstr(at, begin), *to = from ? strstr(from, "\n.Ed\n") : NULL;
	FILE *f = fopen(example, "w");

	assert_non_null(to);
	assert_non_null(f);
	for (const char *p = from + strlen(begin); p <= to; p++) {
		putc(*p, f);
		if (*p == '\\' && p[1] == 'e')
			p++;
	}
	assert_int_equal(fclose(f), 0);
}

static int append(void *arg, const void *bytes, size_t len)
{
	return fuda_buf_append(arg, bytes, len);
}

static void examples_are_canonical(void **state)
{
	static const char mark[] = "\n.\\\" trace\n";
	size_t count = 0;

	(void)state;
	for (const char *at = page; (at = strstr(at, mark)); at += strlen(mark), count++) {
		struct fuda_buf text = FUDA_BUF_INIT(PAGE_MAX);
		const struct fuda_trace_sink sink = { append, &text };
		struct trace_script *script = NULL;
		struct trace_statement s = TRACE_STATEMENT_INIT;
		char had[PAGE_MAX / 10];
		size_t len;
		FILE *f;
		int r;

		write_example(at);
		if (fuda_trace_format(ctx, example, &sink) < 0)
			fail_msg("%s", fuda_context_message(ctx));
		f = fopen(example, "r");
		len = fread(had, 1, sizeof(had) - 1, f);
		had[len] = 0;
		fclose(f);
		assert_int_equal(fuda_buf_append(&text, "", 1), 0);
		assert_string_equal(had, (const char *)text.data);
		assert_int_equal(trace_script_open(ctx, example, &script), 0);
		while ((r = trace_script_next(script, &s)) > 0)
			continue;
		if (r < 0)
			fail_msg("%s", fuda_context_message(ctx));
		trace_statement_free(&s);
		trace_script_free(&script);
		fuda_buf_free(&text);
	}
	assert_int_equal(count, 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_all_names),
		cmocka_unit_test(lists_what_is_shown),
		cmocka_unit_test(has_all_words),
		cmocka_unit_test(tells_limits),
		cmocka_unit_test(examples_are_canonical),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
