/* SPDX-License-Identifier: Apache-2.0 */
#include "service/checkpoint.h"

#include "tests/scratch.h"

static struct fuda_context *ctx;

static int setup(void **state)
{
	return fuda_context_new(&ctx) < 0 ? -1 : scratch_setup(state);
}

static int teardown(void **state)
{
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

static int append_to(const char *name, const char *text)
{
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(4096);

	assert_int_equal(fuda_buf_append(&line, text, strlen(text)), 0);
	return checkpoint_append(ctx, scratch_path(name), &line);
}

static int append(const char *text)
{
	return append_to("file", text);
}

static void is_last(const char *want)
{
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(CHECKPOINT_MAX + 1);

	assert_int_equal(checkpoint_last(ctx, scratch_path("file"), &line), 0);
	assert_string_equal((const char *)line.data, want);
}

static void is_none(int code)
{
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(CHECKPOINT_MAX + 1);

	assert_int_equal(checkpoint_last(ctx, scratch_path("file"), &line), code);
	assert_int_equal(line.len, 0);
}

static void adds_lines(void **state)
{
	struct stat st;

	(void)state;
	is_none(FUDA_ENOTFOUND);
	assert_int_equal(append("one"), 0);
	is_last("one");
	assert_int_equal(append("two"), 0);
	is_last("two");
	assert_string_equal(scratch_read("file"), "one\ntwo\n");
	assert_int_equal(stat(scratch_path("file"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* Root's, as by sudo, would be a file that the service cannot open any more. */
static void gives_what_root_makes(void **state)
{
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(scratch_path("its"), 0700), 0);
	assert_int_equal(chown(scratch_path("its"), 4711, 4712), 0);
	assert_int_equal(append_to("its/file", "one"), 0);
	assert_int_equal(stat(scratch_path("its/file"), &st), 0);
	assert_int_equal(st.st_uid, 4711);
	assert_int_equal(st.st_gid, 4712);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(chown(scratch_path("its/file"), 4713, 4714), 0);
	assert_int_equal(append_to("its/file", "two"), 0);
	assert_string_equal(scratch_read("its/file"), "one\ntwo\n");
	assert_int_equal(checkpoint_move(ctx, scratch_path("its/file"), 4, scratch_path("its/side")), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(stat(scratch_path(i ? "its/file" : "its/side"), &st), 0);
		assert_int_equal(st.st_uid, 4713);
		assert_int_equal(st.st_gid, 4714);
	}
}

/* A crash amid a line: what was whole before it counts, and what comes is a line of its own. */
static void survives_an_unfinished_line(void **state)
{
	(void)state;
	scratch_write("file", "one\nhal", 0600);
	is_last("one");
	assert_int_equal(append("two"), 0);
	is_last("two");
	assert_string_equal(scratch_read("file"), "one\nhal\ntwo\n");
	scratch_write("file", "hal", 0600);
	is_none(FUDA_ENOTFOUND);
	scratch_write("file", "", 0600);
	is_none(FUDA_ENOTFOUND);
	scratch_write("file", "\n\n", 0600);
	is_none(FUDA_ENOTFOUND);
	scratch_write("file", "one\n\n\n", 0600);
	is_last("one");
}

static void fill(size_t before, size_t len)
{
	FILE *f = fopen(scratch_path("file"), "w");

	assert_non_null(f);
	for (size_t i = 0; i < before; i++)
		assert_int_equal(fputc(i % 50 == 49 ? '\n' : 'x', f) < 0, 0);
	fputc('\n', f);
	for (size_t i = 0; i < len; i++)
		fputc('y', f);
	fputc('\n', f);
	fclose(f);
}

static void reads_the_end_of_a_long_file(void **state)
{
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(CHECKPOINT_MAX + 1);

	(void)state;
	fill(3 * (size_t)CHECKPOINT_MAX, 1000);
	assert_int_equal(checkpoint_last(ctx, scratch_path("file"), &line), 0);
	assert_int_equal(line.len, 1001);
	fill(10, 2 * (size_t)CHECKPOINT_MAX);
	is_none(FUDA_EFORMAT);
}

static void refuses(void **state)
{
	static const char nul[] = "on\0e\n";
	FILE *f = fopen(scratch_path("file"), "w");

	(void)state;
	assert_non_null(f);
	assert_int_equal(fwrite(nul, 1, sizeof(nul) - 1, f), sizeof(nul) - 1);
	fclose(f);
	is_none(FUDA_EFORMAT);
	remove(scratch_path("file"));
	assert_int_equal(mkdir(scratch_path("file"), 0700), 0);
	is_none(FUDA_EFILE);
	assert_int_equal(append("one"), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), "file"));
}

static void tells_a_full_disk(void **state)
{
	_cleanup_buf_ struct fuda_buf line = FUDA_BUF_INIT(16);

	(void)state;
	assert_int_equal(fuda_buf_append(&line, "one", 3), 0);
	assert_int_equal(checkpoint_append(ctx, "/dev/full", &line), FUDA_EFILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(adds_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_what_root_makes, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_an_unfinished_line, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_the_end_of_a_long_file, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_a_full_disk, setup, teardown),
	};

	return RUN(tests);
}
