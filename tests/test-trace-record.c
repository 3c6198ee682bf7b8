/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorder writes, and what it refuses to write to. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <fuda/encode.h>
#include <fuda/trace.h>

#include "tests/scratch.h"
#include "trace/record.h"

#define KEY "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n"
#define SELECT_JPKI "00A4040C0AD392F000260100000001"
#define SELECT_TEXT "00A4040C0AD3921000310001010408"

static struct fuda_context *ctx;
static struct trace_recorder *recorder;

static int setup(void **state)
{
	if (fuda_context_new(&ctx) < 0 || scratch_setup(state) < 0)
		return -1;
	mkdir(scratch_path("fuda"), 0700);
	scratch_write("fuda/trace.key", KEY, 0600);
	unsetenv("FUDA_TRACE");
	unsetenv("FUDA_TRACE_RAW");
	return 0;
}

static int teardown(void **state)
{
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

static int clean(void **state)
{
	(void)state;
	trace_recorder_free(&recorder);
	unlink(scratch_path("t"));
	unlink(scratch_path("fuda/config"));
	return 0;
}

static void open_recorder(const char *path, bool raw)
{
	if (trace_recorder_open(ctx, path, raw, &recorder) < 0)
		fail_msg("%s", fuda_context_message(ctx));
}

static const uint8_t atr[] = { 0x3B, 0x80, 0x80, 0x01, 0x01 };
static const struct trace_facts facts = {
	.reader = "pcsc:Virtual PCD 00 00",
	.atr = atr,
	.atr_len = sizeof(atr),
	.protocol = "T=1",
	.max_command = 65544,
	.max_response = 65538,
	.pad = 3,
};

/* An exchange, or a failure where `response` is NULL. */
static int exchange_of(struct trace_recorder *r, const char *command, bool typed, const char *response, int error)
{
	_cleanup_buf_ struct fuda_buf c = FUDA_BUF_INIT(70000), a = FUDA_BUF_INIT(70000);

	assert_int_equal(fuda_hex_decode(command, &c), 0);
	if (response)
		assert_int_equal(fuda_hex_decode(response, &a), 0);
	return trace_record_exchange(r, c.data, c.len, typed, a.data, a.len, error, 12345);
}

static void exchange(const char *command, const char *response)
{
	assert_int_equal(exchange_of(recorder, command, false, response, 0), 0);
}

/* The trace; its date and program must be right, and are left out. */
static const char *written(void)
{
	static char text[1 << 20];
	const char *p = scratch_read("t");
	size_t n = 0;

	for (size_t len; *p; p += len) {
		len = strcspn(p, "\n") + 1;
		if (strncmp(p, "date ", 5) == 0) {
			assert_int_equal(len, strlen("date \"2026-11-21T03:04:05Z\"\n"));
			assert_memory_equal(p + 10, "-", 1);
			assert_memory_equal(p + 16, "T", 1);
			continue;
		}
		if (strncmp(p, "program ", 8) == 0) {
			assert_non_null(strstr(p, program_invocation_short_name));
			continue;
		}
		memcpy(text + n, p, len);
		n += len;
	}
	text[n] = 0;
	return text;
}

/* All of it is in the language, in its one form. */
static unsigned parses(const char *path)
{
	_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(1 << 20);
	struct trace_parser *p;
	unsigned exchanges = 0;
	int r;

	assert_int_equal(trace_parser_open(ctx, path, NULL, &p), 0);
	assert_int_equal(fuda_buf_append(&text, TRACE_FIRST_LINE "\n", 13), 0);
	while ((r = trace_parse(p, &s)) > 0) {
		exchanges += s.kind == TRACE_RESPONSE || s.kind == TRACE_FAILURE;
		assert_int_equal(trace_format(&s, &text), 0);
	}
	if (r < 0)
		fail_msg("%s", fuda_context_message(ctx));
	trace_parser_free(&p);
	if (strcmp(path, scratch_path("t")) == 0) {
		assert_int_equal(fuda_buf_append(&text, "", 1), 0);
		assert_string_equal(scratch_read("t"), (const char *)text.data);
	}
	return exchanges;
}

#define HEAD "fuda-trace 1\nkey F412A49C\n"
#define FACTS                                                                                                          \
	"reader \"pcsc:Virtual PCD 00 00\"\natr 3B 80 80 01 01\nprotocol T=1\nsizes 65544 65538\npad both\n"

static void records(void **state)
{
	(void)state;
	open_recorder(scratch_path("t"), false);
	assert_string_equal(scratch_read("t") + strlen(TRACE_FIRST_LINE "\n"), strstr(scratch_read("t"), "program"));
	assert_int_equal(trace_record_facts(recorder, &facts), 0);
	assert_int_equal(trace_record_power(recorder, "on"), 0);
	exchange(SELECT_JPKI, "9000");
	exchange("00B0860004", "4A504B499000");
	exchange("00B0860008", "6B00");
	exchange("00200098", "63C3");
	exchange("002000980431323334", "63C2");
	exchange("802A009702AABB00", "AABB9000");
	exchange("0084000003", "0102039000");
	exchange(SELECT_TEXT, "9000");
	exchange("00B0810000", "FF100C319000");
	assert_int_equal(trace_record_power(recorder, "off"), 0);
	assert_string_equal(written(), HEAD FACTS
		"power on\n"
		"> 00 A4 04 0C 0A D3 92 F0 00 26 01 00 00 00 01\n"
		"< 9000 (12.345 ms)\n"
		"> 00 B0 86 00 04\n"
		"< 9000 (12.345 ms) 4A 50 4B 49\n"
		"> 00 B0 86 00 08\n"
		"< 6B00 (12.345 ms)\n"
		"> 00 20 00 98\n"
		"< 63C3 (12.345 ms)\n"
		"> 00 20 00 98 04 <secret 4>\n"
		"< 63C2 (12.345 ms)\n"
		"> 80 2A 00 97 02 <data 2 EAD726174294B86F> 00\n"
		"< 9000 (12.345 ms) <data 2 EAD726174294B86F>\n"
		"> 00 84 00 00 03\n"
		"< 9000 (12.345 ms) 01 02 03\n"
		"> 00 A4 04 0C 0A D3 92 10 00 31 00 01 01 04 08\n"
		"< 9000 (12.345 ms)\n"
		"> 00 B0 81 00 00\n"
		"< 9000 (12.345 ms) <data 4 17A42A67C45DA701>\n"
		"power off\n");
	assert_int_equal(parses(scratch_path("t")), 9);
}

static void records_failures(void **state)
{
	static const struct {
		int error;
		const char *word;
	} rows[] = {
		{ FUDA_EREMOVED, "removed" }, { FUDA_EREADERGONE, "gone" },   { FUDA_ERESET, "reset" },
		{ FUDA_ETIMEOUT, "timeout" }, { FUDA_ECANCELLED, "cancelled" }, { FUDA_EMUTE, "mute" },
		{ FUDA_ETRANSPORT, "lost" },  { FUDA_ENOMEM, "failed" },
	};
	char expected[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		open_recorder(scratch_path("t"), false);
		assert_int_equal(exchange_of(recorder, "0084000008", false, NULL, rows[i].error), 0);
		snprintf(expected, sizeof(expected), HEAD "> 00 84 00 00 08\n! %s\n", rows[i].word);
		assert_string_equal(written(), expected);
		clean(NULL);
	}
	/* a response that is none; and one that came with an error, which says nothing */
	open_recorder(scratch_path("t"), false);
	assert_int_equal(exchange_of(recorder, "0084000008", false, NULL, 0), 0);
	assert_int_equal(exchange_of(recorder, "0084000008", false, "90", 0), 0);
	assert_int_equal(exchange_of(recorder, "00B0810000", false, "313233349000", FUDA_EREMOVED), 0);
	assert_string_equal(written(), HEAD "> 00 84 00 00 08\n! lost\n> 00 84 00 00 08\n! lost\n"
					    "> 00 B0 81 00 00\n! removed\n");
	/* what failed may have changed what is selected */
	exchange(SELECT_JPKI, "9000");
	assert_int_equal(exchange_of(recorder, SELECT_TEXT, false, NULL, FUDA_EMUTE), 0);
	exchange("00B0820000", "31329000");
	assert_null(strstr(written(), "31 32"));
}

static void records_what_is_typed(void **state)
{
	(void)state;
	open_recorder(scratch_path("t"), false);
	assert_int_equal(exchange_of(recorder, "00200098", true, "63C2", 0), 0);
	assert_int_equal(exchange_of(recorder, "00200098", true, "31329000", 0), 0);
	assert_int_equal(exchange_of(recorder, "00200098", true, NULL, FUDA_ETIMEOUT), 0);
	assert_string_equal(written(), HEAD "> 00 20 00 98 <typed>\n< 63C2 (12.345 ms)\n"
					    "> 00 20 00 98 <typed>\n< 9000 (12.345 ms) <data 2 57AEC481A830BF00>\n"
					    "> 00 20 00 98 <typed>\n! timeout\n");
	parses(scratch_path("t"));
}

/* Facts are said where they change, and whatever was selected is forgotten. */
static void says_facts_once(void **state)
{
	struct trace_facts other = facts;

	(void)state;
	open_recorder(scratch_path("t"), false);
	assert_int_equal(trace_record_facts(recorder, &facts), 0);
	exchange(SELECT_JPKI, "9000");
	assert_int_equal(trace_record_facts(recorder, &facts), 0);
	exchange("00B0860000", "31329000");
	exchange(SELECT_JPKI, "9000");
	trace_record_forget(recorder);
	exchange("00B0860000", "31329000");
	exchange(SELECT_JPKI, "9000");
	assert_int_equal(trace_record_power(recorder, "reset"), 0);
	exchange("00B0860000", "31329000");
	assert_null(strstr(written(), "31 32"));
	assert_null(strstr(strstr(written(), "reader") + 1, "reader"));
	other.atr_len = 0;
	other.protocol = NULL;
	other.pad = 0;
	assert_int_equal(trace_record_facts(recorder, &other), 0);
	assert_string_equal(strstr(written(), "power reset"),
			    "power reset\n> 00 B0 86 00 00\n< 9000 (12.345 ms) <data 2 57AEC481A830BF00>\n"
			    "reader \"pcsc:Virtual PCD 00 00\"\nsizes 65544 65538\n");
	/* what names of readers cannot hold */
	other.reader = "pcsc:\"a\\b\" \n\xFF\x1B[1m";
	assert_int_equal(trace_record_facts(recorder, &other), 0);
	assert_non_null(strstr(written(), "reader \"pcsc:\\\"a\\\\b\\\" ???[1m\"\n"));
	parses(scratch_path("t"));
	other.atr_len = 34;
	assert_int_equal(trace_record_facts(recorder, &other), FUDA_EINVAL);
	other.atr_len = 0;
	other.reader = NULL;
	assert_int_equal(trace_record_facts(recorder, &other), FUDA_EINVAL);
}

static void shows_what_is_personal_if_raw(void **state)
{
	struct stat st;

	(void)state;
	scratch_write("fuda/config", "trace.raw = yes\n", 0600);
	open_recorder(scratch_path("t"), true);
	exchange(SELECT_TEXT, "9000");
	exchange("00B0810000", "FF100C319000");
	exchange("002000910431323334", "9000");
	assert_non_null(strstr(written(), "FF 10 0C 31\n"));
	assert_non_null(strstr(written(), "> 00 20 00 91 04 <secret 4>\n"));
	assert_int_equal(stat(scratch_path("t"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	trace_recorder_free(&recorder);
	/* not into what others can read */
	assert_int_equal(chmod(scratch_path("t"), 0640), 0);
	assert_int_equal(trace_recorder_open(ctx, scratch_path("t"), true, &recorder), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), "chmod 600"));
	/* not without the configuration, and then nothing is made */
	unlink(scratch_path("t"));
	scratch_write("fuda/config", "trace.raw = no\n", 0600);
	assert_int_equal(trace_recorder_open(ctx, scratch_path("t"), true, &recorder), FUDA_EINVAL);
	assert_non_null(strstr(fuda_context_message(ctx), "trace.raw = yes"));
	unlink(scratch_path("fuda/config"));
	assert_int_equal(trace_recorder_open(ctx, scratch_path("t"), true, &recorder), FUDA_EINVAL);
	assert_int_equal(fuda_trace_create(ctx, scratch_path("t"), true, false), FUDA_EINVAL);
	scratch_write("fuda/config", "trace.raw = maybe\n", 0600);
	assert_int_equal(trace_recorder_open(ctx, scratch_path("t"), true, &recorder), FUDA_EFORMAT);
	assert_int_equal(access(scratch_path("t"), F_OK), -1);
	assert_null(recorder);
}

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

	(void)state;
	umask(0);
	assert_int_equal(fuda_trace_create(ctx, scratch_path("t"), false, false), 0);
	assert_string_equal(scratch_read("t"), "fuda-trace 1\n");
	assert_int_equal(stat(scratch_path("t"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	open_recorder(scratch_path("t"), false);
	exchange("0084000001", "019000");
	trace_recorder_free(&recorder);
	assert_int_equal(fuda_trace_create(ctx, scratch_path("t"), false, false), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), "there already"));
	assert_non_null(strstr(scratch_read("t"), "00 84"));
	assert_int_equal(fuda_trace_create(ctx, scratch_path("t"), false, true), 0);
	assert_string_equal(scratch_read("t"), "fuda-trace 1\n");
	assert_int_equal(fuda_trace_create(ctx, scratch_path("fuda"), false, true), FUDA_EFILE);
	assert_int_equal(fuda_trace_create(ctx, "/dev/full", false, true), FUDA_EFILE);
	assert_int_equal(fuda_trace_create(ctx, scratch_path("no/such"), false, false), FUDA_EFILE);
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

enum { PROCESSES = 4, EACH = 100 };

static void record_many(char name)
{
	char reader[] = "reader X", command[] = "008400000X";
	struct trace_facts its = facts;
	struct trace_recorder *r;

	reader[7] = command[9] = name;
	its.reader = reader;
	if (trace_recorder_open(ctx, scratch_path("t"), false, &r) < 0 || trace_record_facts(r, &its) < 0)
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
			record_many((char)('1' + i));
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

/* ---- sizes ---- */

/* The longest command and the longest response that there are, all shown. */
static void takes_the_longest(void **state)
{
	uint8_t *command = calloc(1, 65544), *response = calloc(1, 65538);

	(void)state;
	assert_non_null(command);
	assert_non_null(response);
	command[1] = 0xDA;
	command[5] = command[6] = 0xFF;
	response[65536] = 0x90;
	scratch_write("fuda/config", "trace.raw = yes\n", 0600);
	open_recorder(scratch_path("t"), true);
	assert_int_equal(trace_record_exchange(recorder, command, 65544, false, response, 65538, 0, UINT64_MAX), 0);
	assert_int_equal(parses(scratch_path("t")), 1);
	free(command);
	free(response);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(records, clean),
		cmocka_unit_test_teardown(records_failures, clean),
		cmocka_unit_test_teardown(records_what_is_typed, clean),
		cmocka_unit_test_teardown(says_facts_once, clean),
		cmocka_unit_test_teardown(shows_what_is_personal_if_raw, clean),
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
		cmocka_unit_test_teardown(takes_the_longest, clean),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
