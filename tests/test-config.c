/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/scratch.h"

static struct fuda_context *ctx;

/* What a file system cannot do, in libc's stead. */
static bool no_links, no_rename;

int link(const char *from, const char *to)
{
	if (no_links) {
		errno = EPERM;
		return -1;
	}
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
	if (no_rename) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

static int setup(void **state)
{
	return fuda_context_new(&ctx) < 0 ? -1 : scratch_setup(state);
}

static int teardown(void **state)
{
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

static void finds_the_folder(void **state)
{
	static const struct {
		const char *config, *home;
		int code;
		const char *path;
	} rows[] = {
		{ "/a", "/home/x", 0, "/a/fuda/config" },
		{ NULL, "/home/x", 0, "/home/x/.config/fuda/config" },
		{ "", "/home/x", 0, "/home/x/.config/fuda/config" },
		{ "relative", "/home/x", 0, "/home/x/.config/fuda/config" }, /* as the XDG specification says */
		{ NULL, NULL, FUDA_ENOTFOUND, "" },
		{ "relative", "home", FUDA_ENOTFOUND, "" },
		{ "", "", FUDA_ENOTFOUND, "" },
	};
	char path[CONFIG_PATH_MAX] = "", longer[CONFIG_PATH_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsetenv("XDG_CONFIG_HOME");
		unsetenv("HOME");
		if (rows[i].config)
			setenv("XDG_CONFIG_HOME", rows[i].config, 1);
		if (rows[i].home)
			setenv("HOME", rows[i].home, 1);
		path[0] = 0;
		assert_int_equal(config_path("config", path), rows[i].code);
		assert_string_equal(path, rows[i].path);
	}
	assert_int_equal(config_make_folder(), FUDA_ENOTFOUND);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = 0;
	setenv("XDG_CONFIG_HOME", longer, 1);
	assert_int_equal(config_path("config", path), FUDA_ETOOBIG);
	longer[CONFIG_PATH_MAX - 40] = 0;
	setenv("XDG_CONFIG_HOME", longer, 1);
	assert_int_equal(config_path("config", path), 0);
	assert_int_equal(config_path("a-name-that-does-not-fit-into-what-is-left", path), FUDA_ETOOBIG);
	setenv("XDG_CONFIG_HOME", scratch, 1);
}

static void makes_the_folder(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(config_make_folder(), 0);
	assert_int_equal(config_make_folder(), 0);
	assert_int_equal(stat(scratch_path("fuda"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* both of them */
	setenv("XDG_CONFIG_HOME", scratch_path("new"), 1);
	assert_int_equal(config_make_folder(), 0);
	assert_int_equal(stat(scratch_path("new"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	setenv("XDG_CONFIG_HOME", scratch_path("no/such"), 1);
	assert_int_equal(config_make_folder(), FUDA_EFILE);
	setenv("XDG_CONFIG_HOME", "/dev/null", 1);
	assert_int_equal(config_make_folder(), FUDA_EFILE);
	setenv("XDG_CONFIG_HOME", scratch, 1);
}

static void reads_flags(void **state)
{
	static const struct {
		const char *text;
		bool raw;
	} rows[] = {
		{ "", false },
		{ "\n\n", false },
		{ "trace.raw = yes\n", true },
		{ "trace.raw=yes", true },
		{ "  trace.raw\t=  yes \r\n", true },
		{ "# trace.raw = yes\n", false },
		{ "  # a comment\ntrace.raw = no\n", false },
		{ "# \xE6\x97\xA5\n\ntrace.raw = yes\n# end", true },
	};
	bool raw;

	(void)state;
	assert_int_equal(config_make_folder(), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		scratch_write("fuda/config", rows[i].text, 0600);
		raw = !rows[i].raw;
		assert_int_equal(config_flag(ctx, "trace.raw", &raw), 0);
		assert_int_equal(raw, rows[i].raw);
	}
	/* no file, no folder, no home */
	unlink(scratch_path("fuda/config"));
	raw = true;
	assert_int_equal(config_flag(ctx, "trace.raw", &raw), 0);
	assert_false(raw);
	setenv("XDG_CONFIG_HOME", scratch_path("none"), 1);
	assert_int_equal(config_flag(ctx, "trace.raw", &raw), 0);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("HOME");
	assert_int_equal(config_flag(ctx, "trace.raw", &raw), 0);
	setenv("XDG_CONFIG_HOME", scratch, 1);
}

static void refuses_what_it_does_not_know(void **state)
{
	static const struct {
		const char *text, *where;
	} rows[] = {
		{ "trace.raw\n", "config:1: " },
		{ "\ntrace.raw yes\n", "config:2: " },
		{ "trace.raw = ja\n", "config:1: " },
		{ "trace.raw = Yes\n", "config:1: " },
		{ "trace.raw = \n", "config:1: " },
		{ "trace.raw = yes # really\n", "config:1: " },
		{ "trace.raw == yes\n", "config:1: " },
		{ "trace.rw = yes\n", "config:1: " },
		{ "trace.raw = yes\ntrace.raw = yes\n", "config:2: " },
		{ "trace.raw = no\n\n\ntrace.raw = yes\n", "config:4: " },
		{ "= yes\n", "config:1: " },
		{ "trace.raw = yes\nother = 1\n", "config:2: " },
		{ "[trace]\nraw = yes\n", "config:1: " },
		{ "trace.raw \f= yes\n", "config:1: " },
	};
	char *big = malloc(70000);
	bool raw = true;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		scratch_write("fuda/config", rows[i].text, 0600);
		assert_int_equal(config_flag(ctx, "trace.raw", &raw), FUDA_EFORMAT);
		if (!strstr(fuda_context_message(ctx), rows[i].where))
			fail_msg("%s: %s", rows[i].text, fuda_context_message(ctx));
	}
	assert_true(raw); /* untouched */
	assert_non_null(big);
	memset(big, '\n', 70000);
	big[70000 - 1] = 0;
	scratch_write("fuda/config", big, 0600);
	assert_int_equal(config_flag(ctx, "trace.raw", &raw), FUDA_EFORMAT);
	free(big);
	unlink(scratch_path("fuda/config"));
	assert_int_equal(mkdir(scratch_path("fuda/config"), 0700), 0);
	assert_int_equal(config_flag(ctx, "trace.raw", &raw), FUDA_EFILE);
	rmdir(scratch_path("fuda/config"));
	assert_int_equal(mkfifo(scratch_path("fuda/config"), 0600), 0);
	assert_int_equal(config_flag(ctx, "trace.raw", &raw), FUDA_EFILE); /* and does not wait */
	unlink(scratch_path("fuda/config"));
	/* a key that the table lacks is a mistake of the program */
	assert_int_equal(config_flag(ctx, "trace.row", &raw), FUDA_EINVAL);
}

static void refuses_binary_files(void **state)
{
	int fd = open(scratch_path("fuda/config"), O_WRONLY | O_CREAT, 0600);
	bool raw;

	(void)state;
	assert_int_equal(write(fd, "trace.raw = yes\n\0\n", 18), 18);
	close(fd);
	assert_int_equal(config_flag(ctx, "trace.raw", &raw), FUDA_EFORMAT);
	unlink(scratch_path("fuda/config"));
}

static void writes_private_files(void **state)
{
	struct stat st;

	(void)state;
	umask(0);
	assert_int_equal(config_write_private(scratch_path("a"), "one", 3, false), 0);
	assert_int_equal(stat(scratch_path("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(config_write_private(scratch_path("a"), "two", 3, false), FUDA_EBUSY);
	assert_string_equal(scratch_read("a"), "one");
	assert_int_equal(config_write_private(scratch_path("a"), "two", 3, true), 0);
	assert_string_equal(scratch_read("a"), "two");
	/* a link is replaced, not followed; and not followed where nothing is to be replaced */
	assert_int_equal(symlink("a", scratch_path("link")), 0);
	assert_int_equal(config_write_private(scratch_path("link"), "x", 1, false), FUDA_EBUSY);
	assert_int_equal(config_write_private(scratch_path("link"), "x", 1, true), 0);
	assert_string_equal(scratch_read("a"), "two");
	assert_int_equal(lstat(scratch_path("link"), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	/* what is no file stays */
	assert_int_equal(mkfifo(scratch_path("pipe"), 0600), 0);
	assert_int_equal(config_write_private(scratch_path("pipe"), "x", 1, true), FUDA_EBUSY);
	assert_int_equal(config_write_private(scratch_path("fuda"), "x", 1, true), FUDA_EBUSY);
	assert_int_equal(config_write_private(scratch_path("no/such"), "x", 1, false), FUDA_EFILE);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(config_write_private("/proc/version", "x", 1, true), FUDA_EFILE);
}

/* What root replaces, as by sudo, stays who had it. */
static void replaces_for_the_owner(void **state)
{
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(config_write_private(scratch_path("its"), "one", 3, false), 0);
	assert_int_equal(chown(scratch_path("its"), 4711, 4712), 0);
	assert_int_equal(config_write_private(scratch_path("its"), "two", 3, true), 0);
	assert_string_equal(scratch_read("its"), "two");
	assert_int_equal(stat(scratch_path("its"), &st), 0);
	assert_int_equal(st.st_uid, 4711);
	assert_int_equal(st.st_gid, 4712);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* FAT, NFS: a new file never takes the place of another. And what can do neither. */
static void writes_on_any_file_system(void **state)
{
	const char *path = scratch_path("file");

	(void)state;
	for (int i = 0; i < 2; i++) {
		no_links = i == 0;
		no_rename = i == 1;
		assert_int_equal(config_write_private(path, "one", 3, false), 0);
		assert_int_equal(config_write_private(path, "two", 3, false), FUDA_EBUSY);
		assert_string_equal(scratch_read("file"), "one");
		unlink(path);
	}
	no_links = no_rename = true;
	assert_int_equal(config_write_private(path, "one", 3, false), FUDA_EFILE);
	assert_int_equal(errno, EPERM);
	assert_int_equal(access(path, F_OK), -1);
	no_links = no_rename = false;
}

/* Several at once: one makes it, and nothing else is left. */
static void one_of_several_makes_it(void **state)
{
	enum { PROCESSES = 8 };
	unsigned made = 0, entries = 0;
	int status;

	(void)state;
	assert_int_equal(mkdir(scratch_path("race"), 0700), 0);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			int e = config_write_private(scratch_path("race/key"), "key", 3, false);

			_exit(e == 0 ? 0 : e == FUDA_EBUSY ? 1 : 2);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		made += WEXITSTATUS(status) == 0;
	}
	assert_int_equal(made, 1);
	assert_string_equal(scratch_read("race/key"), "key");
	unlink(scratch_path("race/key"));
	entries = rmdir(scratch_path("race")) != 0;
	assert_int_equal(entries, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_folder),
		cmocka_unit_test(makes_the_folder),
		cmocka_unit_test(reads_flags),
		cmocka_unit_test(refuses_what_it_does_not_know),
		cmocka_unit_test(refuses_binary_files),
		cmocka_unit_test(writes_private_files),
		cmocka_unit_test(replaces_for_the_owner),
		cmocka_unit_test(writes_on_any_file_system),
		cmocka_unit_test(one_of_several_makes_it),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
