/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the recorder: what it refuses to write to, disks that are full, several at once. */
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <fuda/trace.h>

#include "tests/test-trace-record.h"

/* Whatever there is that is no trace of ours stays as it is. */
static void refuses_files(void **state)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
		{ "hello\n", FUDA_EFORMAT },
		{ "\n", FUDA_EFORMAT },
		{ "fuda-trace", FUDA_EFORMAT },
		{ "fuda-trace 2\n", FUDA_EFORMAT },
		{ "fuda-trace 12\n", FUDA_EFORMAT },
		{ "fuda-trace 1", FUDA_EFORMAT },
		{ " fuda-trace 1\n", FUDA_EFORMAT },
		{ "fuda-trace 1 \n", FUDA_EFORMAT },
		{ "fuda-trace 1\n> 00 84 00 00 08", FUDA_EFORMAT }, /* torn */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		scratch_write("t", rows[i].text, 0600);
		assert_int_equal(trace_recorder_open(ctx, scratch_path("t"), false, &recorder), rows[i].code);
		assert_string_equal(scratch_read("t"), rows[i].text);
	}
	unlink(scratch_path("t"));
	scratch_write("real", "fuda-trace 1\n", 0600);
	assert_int_equal(symlink("real", scratch_path("t")), 0);
	assert_int_equal(trace_recorder_open(ctx, scratch_path("t"), false, &recorder), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), "symbolic link"));
	assert_string_equal(scratch_read("real"), "fuda-trace 1\n");
	assert_int_equal(trace_recorder_open(ctx, scratch, false, &recorder), FUDA_EFILE);
	assert_int_equal(trace_recorder_open(ctx, scratch_path("no/such"), false, &recorder), FUDA_EFILE);
	assert_int_equal(trace_recorder_open(ctx, "", false, &recorder), FUDA_EFILE);
	if (geteuid() == 0) {
		assert_int_equal(chown(scratch_path("real"), 1, 1), 0);
		assert_int_equal(trace_recorder_open(ctx, scratch_path("real"), false, &recorder), FUDA_EFILE);
		assert_non_null(strstr(fuda_context_message(ctx), "another user"));
	}
	assert_null(recorder);
}

static void goes_on_with_a_trace(void **state)
{
	(void)state;
	scratch_write("t", "fuda-trace 1\r\n# mine\n", 0644);
	open_recorder(scratch_path("t"), false);
	exchange("0084000001", "019000");
	assert_string_equal(written(), "fuda-trace 1\r\n# mine\nkey F412A49C\n"
				       "> 00 84 00 00 01\n< 9000 (12.345 ms) 01\n");
	trace_recorder_free(&recorder);
	/* an empty file is begun; so is one that somebody emptied meanwhile */
	scratch_write("t", "", 0600);
	open_recorder(scratch_path("t"), false);
	assert_int_equal(trace_record_facts(recorder, &facts), 0);
	assert_int_equal(truncate(scratch_path("t"), 0), 0);
	exchange("0084000001", "019000");
	assert_string_equal(written(), HEAD FACTS "> 00 84 00 00 01\n< 9000 (12.345 ms) 01\n");
}

static void creates(void **state)
{
	struct stat st;
	int fd, other;

	(void)state;
	umask(0);
	assert_int_equal(fuda_trace_create(ctx, scratch_path("t"), false, false, &fd), 0);
	assert_string_equal(scratch_read("t"), "fuda-trace 1\n");
	assert_int_equal(stat(scratch_path("t"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	open_recorder(scratch_path("t"), false);
	exchange("0084000001", "019000");
	trace_recorder_free(&recorder);
	/* nobody takes it from the one who has it */
	assert_int_equal(fuda_trace_create(ctx, scratch_path("t"), false, true, &other), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), "another recording"));
	close(fd);
	assert_int_equal(fuda_trace_create(ctx, scratch_path("t"), false, false, &fd), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), "there already"));
	assert_non_null(strstr(scratch_read("t"), "00 84"));
	assert_int_equal(fuda_trace_create(ctx, scratch_path("t"), false, true, &fd), 0);
	assert_string_equal(scratch_read("t"), "fuda-trace 1\n");
	assert_int_equal(fuda_trace_create(ctx, scratch_path("fuda"), false, true, &fd), FUDA_EFILE);
	assert_int_equal(fuda_trace_create(ctx, "/dev/full", false, true, &fd), FUDA_EFILE);
	assert_int_equal(fuda_trace_create(ctx, scratch_path("no/such"), false, false, &fd), FUDA_EFILE);
}

static void obeys_the_environment(void **state)
{
	static const char *const bad[] = { "yes", "2", "11", " 1" };

	(void)state;
	setenv("FUDA_TRACE", scratch_path("t"), 1);
	assert_int_equal(trace_recorder_open_environment(ctx, &recorder), 0);
	trace_recorder_free(&recorder);
	assert_non_null(strstr(scratch_read("t"), "fuda-trace 1\n"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		setenv("FUDA_TRACE_RAW", bad[i], 1);
		assert_int_equal(trace_recorder_open_environment(ctx, &recorder), FUDA_EINVAL);
	}
	setenv("FUDA_TRACE_RAW", "1", 1);
	assert_int_equal(trace_recorder_open_environment(ctx, &recorder), FUDA_EINVAL);
	scratch_write("fuda/config", "trace.raw = yes\n", 0600);
	assert_int_equal(trace_recorder_open_environment(ctx, &recorder), 0);
	exchange("00B0810000", "31329000");
	assert_non_null(strstr(written(), "31 32"));
	trace_recorder_free(&recorder);
	setenv("FUDA_TRACE_RAW", "0", 1);
	assert_int_equal(trace_recorder_open_environment(ctx, &recorder), 0);
	exchange("00B0810000", "33349000");
	assert_null(strstr(written(), "33 34"));
	unsetenv("FUDA_TRACE_RAW");
	unsetenv("FUDA_TRACE");
}

/* Without a file it goes to standard error. */
static void writes_to_standard_error(void **state)
{
	int saved = dup(STDERR_FILENO), fd = open(scratch_path("t"), O_RDWR | O_CREAT, 0644);

	(void)state;
	assert_true(saved >= 0 && fd >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	setenv("FUDA_TRACE", "", 1);
	assert_int_equal(trace_recorder_open_environment(ctx, &recorder), 0);
	unsetenv("FUDA_TRACE");
	exchange("0084000001", "019000");
	assert_int_equal(write(STDERR_FILENO, "# by the program\n", 17), 17);
	exchange("0084000001", "029000");
	trace_recorder_free(&recorder);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	close(fd);
	assert_string_equal(written(), HEAD "> 00 84 00 00 01\n< 9000 (12.345 ms) 01\n# by the program\n"
					    "> 00 84 00 00 01\n< 9000 (12.345 ms) 02\n");
	/* which may be closed */
	saved = dup(STDERR_FILENO);
	close(STDERR_FILENO);
	assert_int_equal(trace_recorder_open(ctx, NULL, false, &recorder), FUDA_EFILE);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
}

/* ---- disks that are full ---- */

static void a_full_disk_is_an_error(void **state)
{
	(void)state;
	if (access("/dev/full", W_OK) == 0) {
		assert_int_equal(trace_recorder_open(ctx, "/dev/full", false, &recorder), FUDA_EFILE);
		assert_non_null(strstr(fuda_context_message(ctx), "/dev/full"));
	}
	assert_null(recorder);
}

/* In the middle of an exchange: what is in the file stays whole, and nothing is written any more, even if there is
 * room again: the trace would have a hole. */
static void a_disk_that_fills_up(void **state)
{
	struct rlimit limit, narrow;
	struct stat st;
	unsigned done = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, SIG_IGN);
	open_recorder(scratch_path("t"), false);
	assert_int_equal(trace_record_facts(recorder, &facts), 0);
	narrow = limit;
	narrow.rlim_cur = 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &narrow), 0);
	while (exchange_of(recorder, "0084000001", false, "019000", 0) == 0)
		assert_true(++done < 100);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_true(done > 5);
	assert_int_equal(parses(scratch_path("t")), done);
	assert_int_equal(stat(scratch_path("t"), &st), 0);
	assert_int_equal(exchange_of(recorder, "0084000001", false, "019000", 0), FUDA_EFILE);
	assert_int_equal(trace_record_power(recorder, "off"), FUDA_EFILE);
	assert_int_equal(trace_record_facts(recorder, &facts), FUDA_EFILE);
	assert_int_equal(parses(scratch_path("t")), done);
	/* nobody else is kept from writing */
	trace_recorder_free(&recorder);
	open_recorder(scratch_path("t"), false);
	exchange("0084000001", "029000");
	assert_int_equal(parses(scratch_path("t")), done + 1);
	signal(SIGXFSZ, SIG_DFL);
}

static void a_pipe_that_nobody_reads(void **state)
{
	int pipes[2], saved = dup(STDERR_FILENO);

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(dup2(pipes[1], STDERR_FILENO), STDERR_FILENO);
	open_recorder(NULL, false);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(exchange_of(recorder, "0084000001", false, "019000", 0), FUDA_EFILE);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	signal(SIGPIPE, SIG_DFL);
}

/* ---- several at once ---- */

/* Where another one has written in between, it is said again whose the rest is. */
static void two_recorders_take_turns(void **state)
{
	struct trace_recorder *other = NULL;
	struct trace_facts its = facts;
	const char *text;

	(void)state;
	its.reader = "ccid:001.002";
	open_recorder(scratch_path("t"), false);
	assert_int_equal(trace_recorder_open(ctx, scratch_path("t"), false, &other), 0);
	assert_int_equal(trace_record_facts(recorder, &facts), 0);
	exchange(SELECT_JPKI, "9000");
	assert_int_equal(trace_record_facts(other, &its), 0);
	assert_int_equal(exchange_of(other, SELECT_TEXT, false, "9000", 0), 0);
	exchange("00B0860000", "31329000");
	exchange("00B0860000", "33349000");
	assert_int_equal(exchange_of(other, "00B0860000", false, "35369000", 0), 0);
	trace_recorder_free(&other);
	text = written();
	/* each knows what is selected on its own card */
	assert_string_equal(strstr(text, "> 00 A4 04 0C 0A D3 92 10"),
			    "> 00 A4 04 0C 0A D3 92 10 00 31 00 01 01 04 08\n< 9000 (12.345 ms)\n"
			    "key F412A49C\n" FACTS
			    "> 00 B0 86 00 00\n< 9000 (12.345 ms) 31 32\n"
			    "> 00 B0 86 00 00\n< 9000 (12.345 ms) 33 34\n"
			    "key F412A49C\nreader \"ccid:001.002\"\natr 3B 80 80 01 01\nprotocol T=1\n"
			    "sizes 65544 65538\npad both\n"
			    "> 00 B0 86 00 00\n< 9000 (12.345 ms) <data 2 433B8ED17641FB6D>\n");
	parses(scratch_path("t"));
}

enum { PROCESSES = 4, EACH = 500 };

/* With a recorder of its own, or the one of its parent. */
static void record_many(char name, struct trace_recorder *r)
{
	char reader[] = "reader X", command[] = "008400000X";
	struct trace_facts its = facts;

	reader[7] = command[9] = name;
	its.reader = reader;
	if ((!r && trace_recorder_open(ctx, scratch_path("t"), false, &r) < 0) || trace_record_facts(r, &its) < 0)
		_exit(1);
	for (int i = 0; i < EACH; i++)
		if (exchange_of(r, command, false, "AABBCC9000", 0) < 0)
			_exit(1);
	_exit(0);
}

/* Processes that write at once: there is one first line, and every exchange stands behind its own reader. */
static void processes_share_a_file(void **state)
{
	_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;
	unsigned counts[PROCESSES] = { 0 };
	struct trace_parser *p;
	int status, reader = -1;

	(void)state;
	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0)
			record_many((char)('1' + i), recorder);
	for (int i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(parses(scratch_path("t")), PROCESSES * EACH);
	assert_null(strstr(scratch_read("t") + 1, TRACE_FIRST_LINE));
	assert_int_equal(trace_parser_open(ctx, scratch_path("t"), NULL, &p), 0);
	while (trace_parse(p, &s) > 0) {
		if (s.kind == TRACE_READER)
			reader = s.text[7] - '1';
		if (s.kind != TRACE_COMMAND)
			continue;
		assert_in_range(reader, 0, PROCESSES - 1);
		assert_int_equal(s.bytes.data[4], reader + 1);
		counts[reader]++;
	}
	trace_parser_free(&p);
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(counts[i], EACH);
}

static void children_share_a_file(void **state)
{
	open_recorder(scratch_path("t"), false);
	processes_share_a_file(state);
}

/* What the parent has selected may not be so any more when its child reads. */
static void a_child_knows_nothing(void **state)
{
	int status;

	(void)state;
	open_recorder(scratch_path("t"), false);
	assert_int_equal(trace_record_facts(recorder, &facts), 0);
	exchange(SELECT_JPKI, "9000");
	exchange("00B0860000", "31329000");
	if (fork() == 0)
		_exit(exchange_of(recorder, "00B0860000", false, "33349000", 0) < 0);
	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
	assert_non_null(strstr(written(), ") 31 32\n"));
	assert_null(strstr(written(), ") 33 34\n"));
	assert_int_equal(parses(scratch_path("t")), 3);
}

static int take_turn(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &l);
}

/* Another program in the middle of writing is waited for, but not for ever. */
static void waits_for_its_turn(void **state)
{
	int fd, status, ready[2];

	(void)state;
	open_recorder(scratch_path("t"), false);
	assert_int_equal(pipe(ready), 0);
	if (fork() == 0) {
		fd = open(scratch_path("t"), O_WRONLY);
		if (take_turn(fd) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		usleep(200000);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &status, 1), 1);
	exchange("0084000001", "019000");
	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
	close(ready[0]);
	close(ready[1]);
	fd = open(scratch_path("t"), O_WRONLY);
	assert_int_equal(take_turn(fd), 0);
	assert_int_equal(exchange_of(recorder, "0084000001", false, "029000", 0), FUDA_EFILE);
	assert_int_equal(exchange_of(recorder, "0084000001", false, "029000", 0), FUDA_EFILE); /* at once */
	close(fd);
	assert_int_equal(parses(scratch_path("t")), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(refuses_files, clean),
		cmocka_unit_test_teardown(goes_on_with_a_trace, clean),
		cmocka_unit_test_teardown(creates, clean),
		cmocka_unit_test_teardown(obeys_the_environment, clean),
		cmocka_unit_test_teardown(writes_to_standard_error, clean),
		cmocka_unit_test_teardown(a_full_disk_is_an_error, clean),
		cmocka_unit_test_teardown(a_disk_that_fills_up, clean),
		cmocka_unit_test_teardown(a_pipe_that_nobody_reads, clean),
		cmocka_unit_test_teardown(two_recorders_take_turns, clean),
		cmocka_unit_test_teardown(processes_share_a_file, clean),
		cmocka_unit_test_teardown(children_share_a_file, clean),
		cmocka_unit_test_teardown(a_child_knows_nothing, clean),
		cmocka_unit_test_teardown(waits_for_its_turn, clean),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
