/* SPDX-License-Identifier: Apache-2.0 */
/* Traces while each allocation fails once: it is said, nothing is lost, and nothing half done remains. */
#include <fuda/trace.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/scarce.h"
#include "tests/test-trace.h"

static const char text[] = FIRST "# x\nprogram \"p\"\nname x = 00 A4 04 0C\nname y = $x 00\n"
	"> $x .. ..{1-2} * {a=..} {a} <secret 1> \"a\" <typed>  # c\n< 9000|63Cx (<1 ms) \"b\" 00  # d\n"
	"repeat 2\ninsert\nend\n";

static struct fuda_context *ctx;
static char main_path[] = "/tmp/fuda-test-XXXXXX", other_path[] = "/tmp/fuda-test-XXXXXX";

static void put(char *path, const char *what, const char *more)
{
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	assert_non_null(f);
	assert_true(fprintf(f, "%s%s", what, more) > 0);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	char include[100];

	(void)state;
	put(other_path, text, "");
	snprintf(include, sizeof(include), "include \"%s\"\n", other_path);
	put(main_path, text, include);
	return fuda_context_new(&ctx);
}

static int teardown(void **state)
{
	(void)state;
	fuda_context_free(&ctx);
	return unlink(main_path) | unlink(other_path);
}

static int append(void *arg, const void *bytes, size_t len)
{
	return fuda_buf_append(arg, bytes, len);
}

static int format(struct fuda_buf *ret)
{
	const struct fuda_trace_sink sink = { append, ret };

	return fuda_trace_format(ctx, main_path, &sink);
}

static int run(struct fuda_buf *ret)
{
	struct trace_statement s = TRACE_STATEMENT_INIT;
	struct trace_script *script = NULL;
	int r = trace_script_open(ctx, main_path, &script);

	while (r == 0 && (r = trace_script_next(script, &s)) > 0)
		r = trace_format(&s, ret);
	trace_script_free(&script);
	trace_statement_free(&s);
	return r;
}

static void each_once(int (*what)(struct fuda_buf *ret))
{
	struct fuda_buf whole = FUDA_BUF_INIT(10000);
	long n = 0;
	int r;

	assert_int_equal(what(&whole), 0);
	do {
		/* its own memory is there */
		struct fuda_buf out = FUDA_BUF_INIT(10000);

		assert_int_equal(fuda_buf_append(&out, whole.data, whole.len), 0);
		fuda_buf_clear(&out);
		before_failure = n++;
		r = what(&out);
		if (r < 0) {
			assert_int_equal(r, FUDA_ENOMEM);
			assert_string_equal(fuda_context_message(ctx), fuda_error_text(FUDA_ENOMEM));
			/* what was said is the beginning of what there was to say */
			assert_true(out.len <= whole.len);
			assert_memory_equal(out.data, whole.data, out.len);
		} else {
			assert_int_equal(out.len, whole.len);
		}
		fuda_buf_free(&out);
	} while (before_failure < 0);
	before_failure = -1;
	/* it was tried at some places */
	assert_in_range(n, 10, 1000);
	fuda_buf_free(&whole);
}

static void formatting(void **state)
{
	(void)state;
	each_once(format);
}

static void running(void **state)
{
	(void)state;
	each_once(run);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(formatting),
		cmocka_unit_test(running),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
