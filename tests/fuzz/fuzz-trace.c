/* SPDX-License-Identifier: Apache-2.0 */
/* Traces: whatever is taken means one thing, and its canonical form says the same. */
#include <fuda/error.h>
#include <glob.h>
#include <stdbool.h>

#include "tests/fuzz/fuzz.h"
#include "tests/test-trace.h"

enum { TEXT = 64 * FUZZ_MAX };

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		FIRST "# x\nprogram \"p\"\ndate \"2026-11-21T03:04:05Z\"\nkey 1A2B3C4D\nreader \"pcsc:V\"\n"
		"atr 3B 80 80 01 01\nprotocol T=1\nsizes 65544 65538\npad verify\ntoken card\npower on\n",
		FIRST "> 00 A4 04 0C 0A $jpki\n< 9000 (12.345 ms)\n> 00 B0 00 00 20\n"
		"< 9000|61xx (<200 ms) \"JPKI\" 20 {rest=..{4}} ..{2-8} * {rest}\n  AA BB  # more\n",
		FIRST "> 00 20 00 98 04 <secret 4>\n< 63C2\n> 00 20 00 98 <typed>\n! removed\nverify auth\n< xxxx *\n",
		FIRST "name x = 00 \"\\\"\\\\\" $ok\nrepeat 2\nrepeat 3\n> $x $jpki.token ..\n"
		"< $ok <data 4 0123456789ABCDEF>\nend\nend\nwait 1.5 ms\ninsert\nremove\ninclude \"a\"\n",
	};
	const char *top = getenv("srcdir");
	char path[4096];
	glob_t files;

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed(seeds[i], strlen(seeds[i]));
	/* the traces of the suite, as far as they are there and short enough */
	snprintf(path, sizeof(path), "%s/tests/traces/*/*.apdu", top ? top : ".");
	if (glob(path, 0, NULL, &files) != 0)
		return;
	for (size_t i = 0; i < files.gl_pathc && fuzz_count < FUZZ_SEEDS_MAX; i++) {
		static uint8_t bytes[FUZZ_MAX];
		FILE *f = fopen(files.gl_pathv[i], "rb");
		size_t len = f ? fread(bytes, 1, sizeof(bytes), f) : 0;

		if (f)
			fclose(f);
		if (len && len < sizeof(bytes))
			fuzz_seed(bytes, len);
	}
	globfree(&files);
}

/* Parses all of `text` and of its canonical form `canonical`, statement by statement. */
static void compare(struct fuda_context *ctx, const struct fuda_buf *text, const struct fuda_buf *canonical)
{
	struct trace_statement a = TRACE_STATEMENT_INIT, b = TRACE_STATEMENT_INIT;
	struct trace_parser *p = NULL, *q = NULL;
	int r;

	if (text_open(ctx, text->data, text->len, &p) < 0 || text_open(ctx, canonical->data, canonical->len, &q) < 0)
		abort();
	while ((r = trace_parse(p, &a)) > 0)
		if (trace_parse(q, &b) != 1 || !same_statement(&a, &b))
			abort();
	if (r < 0 || trace_parse(q, &b) != 0)
		abort();
	trace_parser_free(&p);
	trace_parser_free(&q);
	trace_statement_free(&a);
	trace_statement_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct fuda_context *ctx;
	struct fuda_buf text = { (uint8_t *)(uintptr_t)data, len, len, len };
	_cleanup_buf_ struct fuda_buf once = FUDA_BUF_INIT(TEXT), twice = FUDA_BUF_INIT(TEXT);

	if (!ctx && fuda_context_new(&ctx) < 0)
		abort();
	if (fuda_buf_append(&once, FIRST, strlen(FIRST)) < 0 || fuda_buf_append(&twice, FIRST, strlen(FIRST)) < 0)
		abort();
	if (text_format(ctx, data, len, &once) < 0)
		return 0;
	compare(ctx, &text, &once);
	if (text_format(ctx, once.data, once.len, &twice) < 0 || once.len != twice.len ||
	    memcmp(once.data, twice.data, once.len) != 0)
		abort();
	return 0;
}
