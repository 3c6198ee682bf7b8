/* SPDX-License-Identifier: Apache-2.0 */
/* However long a trace is, those that read it need no more memory for it. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/tracefile.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0 /* the sanitizer keeps what was given back */
#endif

enum { SHORT = 1 << 20, LONG = 8 << 20, MORE_MAX = 1024 /* kilobytes */ };

static const char exchanges[] =
	"> 00 A4 04 0C 0A $jpki\n< 9000 (0.5 ms)\n"
	"> 00 B0 8A 00 00 00 00\n< 9000 (30.0 ms) <data 1573 0011223344556677>\n"
	"> 00 20 00 98 04 <secret 4>\n< 63C2\n# and so on\n"
	"> 00 84 00 00 20\n< 9000 (4.0 ms)\n"
	"  000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n";

static struct tracefile long_trace(size_t len)
{
	struct tracefile f = tracefile_of(FIRST, strlen(FIRST));
	FILE *out = fopen(f.path, "a");

	assert_non_null(out);
	for (size_t at = 0; at < len; at += sizeof(exchanges) - 1)
		assert_true(fputs(exchanges, out) >= 0);
	assert_int_equal(fclose(out), 0);
	return f;
}

static int show(struct fuda_context *ctx, const char *path)
{
	struct fuda_trace_show how = { false, NULL, NULL };

	return fuda_trace_show(ctx, path, NULL, &how, &nowhere);
}

static int diff(struct fuda_context *ctx, const char *path)
{
	struct fuda_trace_comparison found;
	int r = fuda_trace_diff(ctx, path, path, NULL, &nowhere, &found);

	return r < 0 ? r : (int)found.differences;
}

static int pcapng(struct fuda_context *ctx, const char *path)
{
	return fuda_trace_export(ctx, path, NULL, FUDA_TRACE_PCAPNG, &nowhere);
}

static int json(struct fuda_context *ctx, const char *path)
{
	return fuda_trace_export(ctx, path, NULL, FUDA_TRACE_JSON_LINES, &nowhere);
}

static int summarize(struct fuda_context *ctx, const char *path)
{
	struct fuda_trace_summary s;

	return fuda_trace_summarize(ctx, path, NULL, &s);
}

/* The most memory that a process needs for it, in kilobytes. */
static long memory(int (*read)(struct fuda_context *ctx, const char *path), const char *path)
{
	struct rusage usage;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct fuda_context *ctx;

		_exit(fuda_context_new(&ctx) < 0 || read(ctx, path) != 0);
	}
	assert_int_equal(wait4(pid, &status, 0, &usage), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return usage.ru_maxrss;
}

static void is_constant(void **state)
{
	int (*const readers[])(struct fuda_context *ctx, const char *path) = { show, diff, pcapng, json, summarize };
	_cleanup_tracefile_ struct tracefile small = long_trace(SHORT), big = long_trace(LONG);

	(void)state;
	if (SANITIZED)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		long less = memory(readers[i], small.path), more = memory(readers[i], big.path);

		if (more > less + MORE_MAX)
			fail_msg("reader %zu: %ld KB for 1 MB, %ld KB for 8 MB", i, less, more);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_constant),
	};

	return RUN(tests);
}
