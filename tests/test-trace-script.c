/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts as they run: include and repeat carried out. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/test-trace.h"

enum { OUT = 1 << 20 };

static struct fuda_context *ctx;
static char folder[] = "/tmp/fuda-test-XXXXXX";

static int setup(void **state)
{
	char path[64];

	(void)state;
	if (!mkdtemp(folder) || chdir(folder) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/inner", folder);
	return mkdir(path, 0700) < 0 ? -1 : fuda_context_new(&ctx);
}

static void empty(const char *path)
{
	DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));) {
		char name[512];

		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		(void)unlink(name);
	}
	if (d)
		closedir(d);
}

static int teardown(void **state)
{
	(void)state;
	fuda_context_free(&ctx);
	empty("inner");
	empty(".");
	return rmdir("inner") < 0 || chdir("/") < 0 ? -1 : rmdir(folder);
}

/* Writes the file `name`, with the first line. */
static void put(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_true(fprintf(f, FIRST "%s", text) > 0);
	assert_int_equal(fclose(f), 0);
}

/* Runs "main.apdu"; a line a statement, "path:line: statement". */
static int run(struct fuda_buf *ret)
{
	struct trace_statement s = TRACE_STATEMENT_INIT;
	struct trace_script *script = NULL;
	int r = trace_script_open(ctx, "main.apdu", &script);

	if (r < 0)
		return r;
	while ((r = trace_script_next(script, &s)) > 0) {
		char where[300];
		int len = snprintf(where, sizeof(where), "%s:%lu: ", trace_script_path(script),
				   trace_script_line(script));

		assert_int_equal(trace_script_line(script), s.line);
		assert_int_equal(fuda_buf_append(ret, where, (size_t)len), 0);
		assert_int_equal(trace_format(&s, ret), 0);
	}
	trace_statement_free(&s);
	trace_script_free(&script);
	trace_script_free(&script);
	return r;
}

static void gives(const char *want)
{
	_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(OUT);

	if (run(&out) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	assert_int_equal(fuda_buf_append(&out, "", 1), 0);
	assert_string_equal((char *)out.data, want);
}

static void fails(int code, const char *message)
{
	_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(OUT);

	assert_int_equal(run(&out), code);
	if (strncmp(fuda_context_message(ctx), message, strlen(message)) != 0)
		fail_msg("expected %s\ngot %s", message, fuda_context_message(ctx));
}

static void plain(void **state)
{
	(void)state;
	put("main.apdu", "");
	gives("");
	put("main.apdu", "# x\n\nreader \"r\"\n> 00 00 00 00\n# y\n< 9000\nname x = 00\ninsert\n");
	gives("main.apdu:4: reader \"r\"\nmain.apdu:5: > 00 00 00 00\nmain.apdu:7: < 9000\nmain.apdu:9: insert\n");
}

static void repeats(void **state)
{
	(void)state;
	put("main.apdu", "repeat 2\ninsert\nend\nremove");
	gives("main.apdu:3: insert\nmain.apdu:3: insert\nmain.apdu:5: remove\n");
	put("main.apdu", "repeat 1\ninsert\nend");
	gives("main.apdu:3: insert\n");
	put("main.apdu", "repeat 2\nrepeat 3\n# x\ninsert\n  # y\nend # z\nremove\nend\n\n");
	gives("main.apdu:5: insert  # y\nmain.apdu:5: insert  # y\nmain.apdu:5: insert  # y\nmain.apdu:8: remove\n"
	      "main.apdu:5: insert  # y\nmain.apdu:5: insert  # y\nmain.apdu:5: insert  # y\nmain.apdu:8: remove\n");
	/* without anything in them, one behind the other, and names that are defined again and again */
	put("main.apdu", "repeat 100\nend\nrepeat 2\nname x = 01\nend\nrepeat 2\nremove\nend");
	gives("main.apdu:8: remove\nmain.apdu:8: remove\n");
}

static void repeats_often_enough(void **state)
{
	struct trace_statement s = TRACE_STATEMENT_INIT;
	struct trace_script *script = NULL;
	size_t count = 0;
	int r;

	(void)state;
	put("main.apdu", "repeat 200\nrepeat 50\ninsert\nend\nend\n");
	assert_int_equal(trace_script_open(ctx, "main.apdu", &script), 0);
	while ((r = trace_script_next(script, &s)) > 0)
		count++;
	assert_int_equal(r, 0);
	assert_int_equal(count, 10000);
	trace_statement_free(&s);
	trace_script_free(&script);
}

static void refuses_repeats(void **state)
{
	(void)state;
	put("main.apdu", "repeat 1001\nrepeat 1000\ninsert\nend\nend\n");
	fails(FUDA_EFORMAT, "main.apdu:3:1: This would be repeated too often");
	put("main.apdu", "repeat 100\nrepeat 100\nrepeat 101\ninsert\nend\nend\nend\n");
	fails(FUDA_EFORMAT, "main.apdu:4:1: This would be repeated too often");
	/* what is over does not count */
	put("main.apdu", "repeat 1000\nend\nrepeat 100\nrepeat 10000\nend\nrepeat 10001\nend\nend\n");
	fails(FUDA_EFORMAT, "main.apdu:7:1: This would be repeated too often");
	put("main.apdu", "repeat 2\ninsert\n");
	fails(FUDA_EFORMAT, "main.apdu:2:1: The end of this repeat is missing.");
	put("main.apdu", "end\n");
	fails(FUDA_EFORMAT, "main.apdu:2:1: There is no repeat that this ends.");
	/* across files neither begins nor ends */
	put("main.apdu", "repeat 2\ninclude \"a\"\n");
	put("a", "end\n");
	fails(FUDA_EFORMAT, "a:2:1: There is no repeat that this ends.");
	put("main.apdu", "include \"a\"\nend\n");
	put("a", "repeat 2\n");
	fails(FUDA_EFORMAT, "a:2:1: The end of this repeat is missing.");
	/* files do not hide it */
	put("main.apdu", "repeat 1001\ninclude \"a\"\nend\n");
	put("a", "repeat 1000\nend\n");
	fails(FUDA_EFORMAT, "a:2:1: This would be repeated too often");
}

static void includes(void **state)
{
	(void)state;
	put("main.apdu", "insert\ninclude \"a\"\nremove\n> $x $y\n");
	put("a", "name x = 01 02\ninclude \"inner/b\" # so\nremove\n");
	put("inner/b", "name y = 03 $x\ninclude \"c\"\n> $y $x\n");
	put("inner/c", "# nothing\n");
	gives("main.apdu:2: insert\ninner/b:4: > $y $x\na:4: remove\nmain.apdu:4: remove\nmain.apdu:5: > $x $y\n");
	/* more than once, with the names in it */
	put("main.apdu", "include \"a\"\ninclude \"./a\"\nrepeat 2\ninclude \"inner/../a\"\nend\n");
	put("a", "name x = 01\ninsert\n");
	gives("a:3: insert\n./a:3: insert\ninner/../a:3: insert\ninner/../a:3: insert\n");
	/* one from the folder of another, and by its whole path */
	put("main.apdu", "include \"inner/b\"\n");
	put("inner/b", "include \"../a\"\n");
	gives("inner/../a:3: insert\n");
}

static void refuses_includes(void **state)
{
	char text[100];

	(void)state;
	put("main.apdu", "\ninclude \"nowhere\"\n");
	fails(FUDA_EFORMAT, "main.apdu:3:1: No such file");
	put("main.apdu", "include \"main.apdu\"\n");
	fails(FUDA_EFORMAT, "main.apdu:2:1: This includes itself.");
	put("main.apdu", "include \"a\"\n");
	put("a", "include \"inner/../main.apdu\"\n");
	fails(FUDA_EFORMAT, "a:2:1: This includes itself.");
	(void)unlink("link");
	assert_int_equal(symlink("main.apdu", "link"), 0);
	put("main.apdu", "include \"link\"\n");
	fails(FUDA_EFORMAT, "main.apdu:2:1: This includes itself.");
	put("main.apdu", "include \"inner\"\n");
	fails(FUDA_EFORMAT, "main.apdu:2:1: What is included must be a file.");
	put("main.apdu", "include \"/dev/null\"\n");
	fails(FUDA_EFORMAT, "main.apdu:2:1: What is included must be a file.");
	/* opening it must not wait for a writer */
	assert_int_equal(mkfifo("pipe", 0600), 0);
	put("main.apdu", "include \"pipe\"\n");
	fails(FUDA_EFORMAT, "main.apdu:2:1: What is included must be a file.");
	put("main.apdu", "include \"a\"\n");
	put("a", "> 00 84 00\n");
	fails(FUDA_EFORMAT, "a:2:1: Expected at least 4 bytes.");
	put("a", "< 9000\n");
	put("main.apdu", "> 00 84 00 00\ninclude \"a\"\n");
	fails(FUDA_EFORMAT, "a:2:1: There is no command");
	put("a", "name x = 02\n");
	put("main.apdu", "name x = 01\ninclude \"a\"\n");
	fails(FUDA_EFORMAT, "a:2:6: The name x stands for something else already.");
	put("main.apdu", "include \"a\"\nname x = 01\n");
	fails(FUDA_EFORMAT, "main.apdu:3:6: The name x stands for something else already.");
	put("main.apdu", "> $x $x $x $x\ninclude \"a\"\n");
	fails(FUDA_EFORMAT, "main.apdu:2:3: The name x is not known");
	for (int i = 1; i < 9; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%d", i);
		snprintf(text, sizeof(text), "include \"d%d\"\n", i + 1);
		put(name, text);
	}
	put("main.apdu", "include \"d1\"\n");
	fails(FUDA_EFORMAT, "d7:2:1: Too many files that include each other.");
	put("d7", "insert\n");
	gives("d7:2: insert\n");
}

/* Scripts come through pipes, too, as long as nothing has to go back. */
static void pipes(void **state)
{
	struct trace_script *script = NULL;
	struct trace_statement s = TRACE_STATEMENT_INIT;
	char path[32];
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_true(dprintf(fds[1], FIRST "insert\nrepeat 2\nend\n") > 0);
	close(fds[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
	assert_int_equal(trace_script_open(ctx, path, &script), 0);
	assert_int_equal(trace_script_next(script, &s), 1);
	assert_int_equal(trace_script_next(script, &s), FUDA_ENOTSUP);
	assert_non_null(strstr(fuda_context_message(ctx), ":3: What is repeated must be in a file"));
	trace_script_free(&script);
	trace_statement_free(&s);
	close(fds[0]);
}

static void opens(void **state)
{
	struct trace_script *script = NULL;
	struct trace_statement s = TRACE_STATEMENT_INIT;
	FILE *f;

	(void)state;
	assert_int_equal(trace_script_open(ctx, "nowhere", &script), FUDA_EFILE);
	assert_int_equal(trace_script_open(ctx, ".", &script), FUDA_EFILE);
	f = fopen("other", "w");
	assert_non_null(f);
	fputs("something else\n", f);
	fclose(f);
	assert_int_equal(trace_script_open(ctx, "other", &script), FUDA_EFORMAT);
	assert_null(script);
	put("main.apdu", "\ninsert\n");
	assert_int_equal(trace_script_open(ctx, "main.apdu", &script), 0);
	assert_int_equal(trace_script_next(script, &s), 1);
	assert_int_equal(trace_script_fail(script, FUDA_EDEPARTED, "%s", "no"), FUDA_EDEPARTED);
	assert_string_equal(fuda_context_message(ctx), "main.apdu:3: no");
	assert_int_equal(trace_script_next(script, &s), 0);
	assert_int_equal(trace_script_next(script, &s), 0);
	trace_script_free(&script);
	trace_statement_free(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(repeats),
		cmocka_unit_test(repeats_often_enough),
		cmocka_unit_test(refuses_repeats),
		cmocka_unit_test(includes),
		cmocka_unit_test(refuses_includes),
		cmocka_unit_test(pipes),
		cmocka_unit_test(opens),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
