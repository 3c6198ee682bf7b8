/* SPDX-License-Identifier: Apache-2.0 */
/* Databases of SQLite that fail. */
#include "service/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/test-store-faults.h"

static const struct statement how_long = { "SELECT sum(length(b)) FROM kept", 0 };

static const char *file_place(const char *name)
{
	static char place[300];

	snprintf(place, sizeof(place), "sqlite:%s", scratch_path(name));
	return place;
}

/* ---- where it is ---- */

static void refuses_places(void **state)
{
	static char long_place[STORE_WHERE + 1];
	static const struct {
		const char *place;
		int code;
	} rows[] = {
		{ "", FUDA_EINVAL },
		{ "sqlite", FUDA_EINVAL },
		{ "sqlite:", FUDA_EINVAL },
		{ "SQLITE:/tmp/x", FUDA_EINVAL },
		{ "/tmp/x", FUDA_EINVAL },
		{ "mysql://u:s3cret@h/d", FUDA_EINVAL },
		{ "sqlite:/nowhere/at/all", FUDA_ESTORE },
		{ "sqlite:/", FUDA_ESTORE },
		{ "sqlite:/dev/null", FUDA_ESTORE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (try_to_open(rows[i].place, true) != rows[i].code)
			fail_msg("%s: %s", rows[i].place, fuda_context_message(ctx));
		assert_null(strstr(fuda_context_message(ctx), "s3cret"));
		assert_string_not_equal(fuda_context_message(ctx), "");
	}
	assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
	assert_int_equal(try_to_open(file_place("fifo"), true), FUDA_ESTORE);
	memset(long_place, 'a', STORE_WHERE);
	memcpy(long_place, "sqlite:", 7);
	assert_int_equal(try_to_open(long_place, true), FUDA_EINVAL);
	assert_int_equal(try_to_open(file_place("absent"), false), FUDA_ESTORE);
	assert_int_not_equal(access(scratch_path("absent"), F_OK), 0);
}

/* ---- files ---- */

static void shows_nobody_its_files(void **state)
{
	static const char *const names[] = { "db", "db-wal", "db-shm", "copy" };
	mode_t before = umask(0);
	struct stat st;

	(void)state;
	store_close(&store);
	assert_int_equal(unlink(scratch_path("db")), 0);
	store = another();
	do_it(store, KEPT);
	assert_int_equal(store_copy(store, scratch_path("copy")), 0);
	umask(before);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(stat(scratch_path(names[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
}

/* What another process is told that wants to write, and one that reads. */
static int knock(void)
{
	struct store *other = NULL;
	int64_t begin = now_ms();

	if (store_open(ctx, store_place(), true, &other) < 0 || store_begin(other, true) != FUDA_ERETRY)
		return 1;
	if (now_ms() - begin < 4000 || now_ms() - begin > 15000)
		return 2;
	if (!strstr(fuda_context_message(ctx), scratch_path("db")))
		return 3;
	return store_begin(other, false) == 0 && number_of(other, &how_many) == 0 ? 0 : 4;
}

/* ... even if another connection of this one comes and goes (fcntl). */
static void asks_to_try_again_where_it_is_busy(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	do_it(store, KEPT);
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(put_bytes(store, 1, 1), 0);
	assert_int_equal(try_to_open(store_place(), true), 0);
	pid = fork();
	if (pid == 0)
		_exit(knock());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(number_of(store, &how_many), 1);
}

/* Overwrites `len` bytes at `at` of a file, or up to its end. */
static void overwrite(const char *name, off_t at, size_t len)
{
	uint8_t bytes[4096];
	int fd = open(scratch_path(name), O_WRONLY);

	assert_true(fd >= 0);
	memset(bytes, 0xA5, sizeof(bytes));
	for (; len; len -= MIN(len, sizeof(bytes))) {
		assert_true(pwrite(fd, bytes, MIN(len, sizeof(bytes)), at) > 0);
		at += (off_t)MIN(len, sizeof(bytes));
	}
	close(fd);
}

static void fill(size_t rows)
{
	do_it(store, KEPT);
	assert_int_equal(store_begin(store, true), 0);
	for (size_t i = 0; i < rows; i++)
		assert_int_equal(put_bytes(store, (int64_t)i, 1000), 0);
	assert_int_equal(store_commit(store), 0);
}

static void tells_of_damage(void **state)
{
	_cleanup_rows_ struct rows rows = { 0 };
	int64_t number;

	(void)state;
	fill(200);
	store_close(&store);
	overwrite("db", 8192, 100000);
	store = another();
	assert_int_equal(store_run(store, &how_long, NULL, &rows), FUDA_ESTORE);
	assert_says("backup");
	/* what holds everything */
	store_close(&store);
	overwrite("db", 100, 4000);
	assert_int_equal(try_to_open(store_place(), false), FUDA_ESTORE);
	assert_says("backup");
	overwrite("db", 0, 16);
	assert_int_equal(try_to_open(store_place(), true), FUDA_ESTORE);
	assert_says("backup");
	/* and what never was one */
	scratch_write("text",
		      "This is no database, but long enough to be looked at by somebody who thinks it is one. "
		      "It is a text of some length.\n",
		      0600);
	assert_int_equal(try_to_open(file_place("text"), true), FUDA_ESTORE);
	assert_says("backup");
	assert_int_equal(truncate(scratch_path("db"), 5000), 0);
	assert_int_equal(try_to_open(store_place(), false), FUDA_ESTORE);
	assert_int_equal(unlink(scratch_path("db")), 0);
	store = another();
	assert_int_equal(store_version(store, &number), 0);
}

static void tells_of_a_shorter_file(void **state)
{
	(void)state;
	fill(200);
	store_close(&store);
	assert_int_equal(truncate(scratch_path("db"), 40960), 0);
	assert_int_equal(try_to_open(store_place(), true), FUDA_ESTORE);
	assert_says("backup");
}

static void tells_of_a_full_disk(void **state)
{
	int r = 0;
	int64_t id = 0, before;

	(void)state;
	fill(10);
	do_it(store, "PRAGMA max_page_count = 40");
	for (id = 100; r == 0 && id < 1000; id++)
		r = put_bytes(store, id, 8000);
	assert_int_equal(r, FUDA_ESTORE);
	assert_says("room");
	before = number_of(store, &how_many);
	assert_int_equal(before, 10 + id - 101); /* all that were acknowledged, and no other */
	assert_int_equal(put_bytes(store, id, 8000), FUDA_ESTORE);
	do_it(store, "PRAGMA max_page_count = 4000");
	assert_int_equal(put_bytes(store, id, 8000), 0);
	assert_int_equal(number_of(store, &how_many), before + 1);
}

/* In a process of its own: what it ends with. */
static int apart(int (*what)(void))
{
	int status;
	pid_t pid;

	store_close(&store); /* locks are a process's */
	pid = fork();
	if (pid == 0)
		_exit(what());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	store = another();
	return status;
}

static int write_past_the_limit(void)
{
	const struct rlimit limit = { 200000, 200000 };
	struct store *mine = NULL;
	int r = 0;
	int64_t id;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0 || store_open(ctx, store_place(), false, &mine) < 0)
		return 1;
	for (id = 100; r == 0 && id < 1000; id++)
		r = put_bytes(mine, id, 8000);
	if (r != FUDA_ESTORE || !strstr(fuda_context_message(ctx), "disk"))
		return 2;
	if (number_of(mine, &how_many) != 10 + id - 101)
		return 3;
	store_close(&mine);
	return 0;
}

static void tells_of_a_disk_that_fails(void **state)
{
	(void)state;
	fill(10);
	assert_int_equal(apart(write_past_the_limit), 0);
	assert_true(number_of(store, &how_many) > 10);
	assert_int_equal(put_bytes(store, 5000, 8000), 0);
}

/* ---- what the disk does not confirm ---- */

static bool disk_fails;

/* In the place of the library's own. */
int fsync(int fd)
{
	if (disk_fails)
		errno = EIO;
	return disk_fails ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	if (disk_fails)
		errno = EIO;
	return disk_fails ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* COMMIT was written and not confirmed; who goes on does so without it. */
static void knows_not_what_became_of_a_commit(void **state)
{
	(void)state;
	fill(3);
	disk_fails = true;
	assert_int_equal(put_bytes(store, 100, 10), FUDA_EUNSURE);
	disk_fails = false;
	assert_says("not known");
	assert_int_equal(number_of(store, &how_many), 3);
	assert_int_equal(put_bytes(store, 100, 10), 0);
	assert_int_equal(number_of(store, &how_many), 4);
	/* what fails before COMMIT is not done, and known */
	assert_int_equal(store_begin(store, true), 0);
	assert_int_equal(put_bytes(store, 100, 10), FUDA_ESTORE);
	store_rollback(store);
	assert_int_equal(number_of(store, &how_many), 4);
}

static int crash_unconfirmed(void)
{
	struct store *mine = NULL;

	/* with a log that has begun */
	if (store_open(ctx, store_place(), false, &mine) < 0 || put_bytes(mine, 99, 10) < 0)
		return 1;
	disk_fails = true;
	return put_bytes(mine, 100, 10) == FUDA_EUNSURE ? 0 : 2;
}

/* Who dies then may find it done: that is why nobody is told that it was not. */
static void may_be_there_after_a_crash(void **state)
{
	(void)state;
	fill(3);
	assert_int_equal(apart(crash_unconfirmed), 0);
	assert_int_equal(number_of(store, &how_many), 3 + 1 + 1);
}

static int open_as_somebody(void)
{
	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 1;
	if (try_to_open(store_place(), false) != FUDA_ESTORE)
		return 2;
	return strstr(fuda_context_message(ctx), "permissions") ? 0 : 3;
}

static void tells_of_permissions(void **state)
{
	(void)state;
	fill(1);
	store_close(&store);
	assert_int_equal(chmod(scratch, 0755), 0);
	assert_int_equal(chmod(scratch_path("db"), 0444), 0); /* may be read, not written to */
	assert_int_equal(apart(open_as_somebody), 0);
	store_close(&store);
	assert_int_equal(chmod(scratch_path("db"), 0), 0);
	assert_int_equal(apart(open_as_somebody), 0);
	assert_int_equal(chmod(scratch_path("db"), 0600), 0);
}

/* ---- copies ---- */

static atomic_bool stop;
static _Atomic int64_t first;

/* Two rows at a time. */
static void *write_on(void *arg)
{
	struct fuda_context *own;
	struct store *mine = NULL;

	(void)arg;
	if (fuda_context_new(&own) < 0 || store_open(own, store_place(), false, &mine) < 0)
		return NULL;
	for (int64_t id = 1000000 * ++first; !stop; id += 2)
		if (store_begin(mine, true) == 0) {
			(void)put_bytes(mine, id, 8000);
			(void)put_bytes(mine, id + 1, 8000);
			(void)store_commit(mine);
		}
	store_close(&mine);
	fuda_context_free(&own);
	return NULL;
}

static void copies_what_is_in_use(void **state)
{
	pthread_t thread;

	(void)state;
	fill(100);
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, write_on, NULL), 0);
	for (int i = 0; i < 10; i++) {
		static const struct statement check = { "SELECT count(*) FROM pragma_integrity_check"
							" WHERE integrity_check <> 'ok'",
							0 };
		struct store *copy = NULL;

		assert_int_equal(store_copy(store, scratch_path("copy")), 0);
		assert_int_equal(store_open(ctx, file_place("copy"), false, &copy), 0);
		assert_int_equal(number_of(copy, &how_many) % 2, 0);
		assert_true(number_of(copy, &how_many) >= 100);
		assert_int_equal(number_of(copy, &check), 0);
		store_close(&copy);
		assert_int_equal(unlink(scratch_path("copy")), 0);
	}
	stop = true;
	pthread_join(thread, NULL);
}

static void *read_on(void *arg)
{
	struct fuda_context *own;
	struct store *mine = NULL;

	(void)arg;
	if (fuda_context_new(&own) < 0 || store_open(own, store_place(), false, &mine) < 0)
		return NULL;
	while (!stop)
		if (store_begin(mine, false) == 0) {
			(void)store_run(mine, &how_many, NULL, NULL);
			usleep(20000);
			(void)store_commit(mine);
		}
	store_close(&mine);
	fuda_context_free(&own);
	return NULL;
}

/* One always writes, and of several others one always reads: the log is begun anew all the same. */
static void keeps_its_log_short(void **state)
{
	enum { READERS = 4, SECONDS = 10, ENOUGH = 64 << 20, LONG = 40 << 20 };
	pthread_t writer, readers[READERS];
	int64_t longest = 0, written = 0, end = now_ms() + SECONDS * 1000;
	struct stat st;

	(void)state;
	do_it(store, KEPT);
	stop = false;
	assert_int_equal(pthread_create(&writer, NULL, write_on, NULL), 0);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_on, NULL), 0);
	while (written < ENOUGH && longest < LONG && now_ms() < end) {
		usleep(50000);
		written = number_of(store, &how_many) * 8000;
		assert_int_equal(stat(scratch_path("db-wal"), &st), 0);
		longest = MAX(longest, (int64_t)st.st_size);
	}
	stop = true;
	pthread_join(writer, NULL);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	assert_true(longest < LONG);
}

static void refuses_copies(void **state)
{
	(void)state;
	fill(1);
	scratch_write("there", "mine", 0600);
	assert_int_equal(store_copy(store, scratch_path("there")), FUDA_EEXISTS);
	assert_string_equal(scratch_read("there"), "mine");
	assert_int_equal(symlink("nowhere", scratch_path("link")), 0);
	assert_int_equal(store_copy(store, scratch_path("link")), FUDA_EEXISTS);
	assert_int_equal(store_copy(store, scratch_path("no/folder")), FUDA_ESTORE);
	assert_int_equal(store_copy(store, scratch_path("db")), FUDA_EEXISTS);
	assert_int_equal(number_of(store, &how_many), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(refuses_places),
		STORE_TEST(shows_nobody_its_files),
		STORE_TEST(asks_to_try_again_where_it_is_busy),
		STORE_TEST(tells_of_damage),
		STORE_TEST(tells_of_a_shorter_file),
		STORE_TEST(tells_of_a_full_disk),
		STORE_TEST(tells_of_a_disk_that_fails),
		STORE_TEST(knows_not_what_became_of_a_commit),
		STORE_TEST(may_be_there_after_a_crash),
		STORE_TEST(tells_of_permissions),
		STORE_TEST(copies_what_is_in_use),
		STORE_TEST(keeps_its_log_short),
		STORE_TEST(refuses_copies),
		STORE_TEST(runs_out_of_memory),
	};

	return RUN(tests);
}
