/* SPDX-License-Identifier: Apache-2.0 */
/* What reads traces while each allocation fails once: it is said, and nothing is left behind. */
#include "tests/scarce.h"
#include "tests/tracefile.h"

static const char trace[] = FIRST
	"key 1A2B3C4D\nreader \"a\"\natr 3B 00\npower on\n> 00 A4 04 0C 0A $jpki\n< 9000 (1.0 ms)\n"
	"> 00 B0 8A 00 04\n< 9000 30060201\n> 00 B0 00 04 04\n< 9000 01020102\n"
	"> 00 20 00 98 04 <secret 4>\n< 63C2\n> 00 84 00 00 02\n< 9000 <data 2 0011223344556677>\n";
static const char other[] = FIRST "key 1A2B3C4D\n> 00 A4 04 0C 0A $text\n< 9000\n! removed\n";
static const char another[] = FIRST "key 1A2B3C4D\n> 00 A4 04 0C 0A $text\n< 6A82 (1.0 ms) 0102\n";

static char first_path[64], second_path[64];

static int certificate(void *arg, const uint8_t *der, size_t len, const struct fuda_trace_sink *sink)
{
	(void)arg;
	(void)der;
	(void)len;
	return sink->write(sink->arg, "text\n", 5);
}

static int show(struct fuda_context *ctx)
{
	struct fuda_trace_show how = { false, certificate, NULL };

	return fuda_trace_show(ctx, first_path, NULL, &how, &nowhere);
}

static int diff(struct fuda_context *ctx)
{
	struct fuda_trace_comparison found;

	return fuda_trace_diff(ctx, first_path, second_path, NULL, &nowhere, &found);
}

static int pcapng(struct fuda_context *ctx)
{
	return fuda_trace_export(ctx, first_path, NULL, FUDA_TRACE_PCAPNG, &nowhere);
}

static int json(struct fuda_context *ctx)
{
	return fuda_trace_export(ctx, first_path, NULL, FUDA_TRACE_JSON_LINES, &nowhere);
}

static int summarize(struct fuda_context *ctx)
{
	struct fuda_trace_summary s;

	return fuda_trace_summarize(ctx, first_path, NULL, &s);
}

static void say_so(void **state)
{
	int (*const readers[])(struct fuda_context *ctx) = { show, diff, pcapng, json, summarize };
	_cleanup_tracefile_ struct tracefile a = tracefile_of(trace, sizeof(trace) - 1);
	_cleanup_tracefile_ struct tracefile b = tracefile_of(another, sizeof(another) - 1);

	(void)state;
	snprintf(first_path, sizeof(first_path), "%s", a.path);
	snprintf(second_path, sizeof(second_path), "%s", b.path);
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		int r = FUDA_ENOMEM, failures = 0;

		for (long n = 0; r == FUDA_ENOMEM; n++) {
			struct fuda_context *ctx;

			assert_int_equal(fuda_context_new(&ctx), 0);
			before_failure = n;
			r = readers[i](ctx);
			before_failure = -1;
			if (r == FUDA_ENOMEM)
				assert_string_not_equal(fuda_context_message(ctx), "");
			failures += r == FUDA_ENOMEM;
			fuda_context_free(&ctx);
			if (r != 0 && r != FUDA_ENOMEM)
				fail_msg("reader %zu, allocation %ld: %s", i, n, fuda_error_name(r));
		}
		assert_in_range(failures, 5, 1000);
	}
}

/* Many things are wrong at once: no memory, and a trace that is none. */
static void say_one_of_them(void **state)
{
	_cleanup_tracefile_ struct tracefile a = tracefile_of(other, sizeof(other) - 1);

	(void)state;
	snprintf(first_path, sizeof(first_path), "%s", a.path);
	for (long n = 0; n < 100; n++) {
		struct fuda_context *ctx;
		int r;

		assert_int_equal(fuda_context_new(&ctx), 0);
		before_failure = n;
		r = show(ctx);
		before_failure = -1;
		assert_true(r == FUDA_ENOMEM || r == FUDA_EFORMAT);
		assert_string_not_equal(fuda_context_message(ctx), "");
		fuda_context_free(&ctx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(say_so),
		cmocka_unit_test(say_one_of_them),
	};

	return RUN(tests);
}
