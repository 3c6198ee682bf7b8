/* SPDX-License-Identifier: Apache-2.0 */
/* The two sides of the driver "nfc", each against another side that cannot be trusted: the driver against a helper
 * that this program plays itself, and the helper fuda-nfc against requests of all kinds. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test-nfc.h"

extern char **environ;

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static int descriptors_before;

/* ---- a helper as bad as may be ---- */

/* The connection string says what it answers to one request after the other, in hexadecimal between commas; "-"
 * ends it, "!" lets it wait for ever whatever happens, "~" says nothing, "*" talks without end, "+" says the next
 * without being asked. */
static void play_word(const char *word, size_t len)
{
	static const char chatter[] = "one line\nerror\t\x1b[31mtoo\xFF much\n\n";
	uint8_t bytes[2000];
	size_t n = 0;

	switch (len ? word[0] : '~') {
	case '-':
		_exit(write(STDERR_FILENO, chatter, sizeof(chatter) - 1) < 0);
	case '!':
		signal(SIGTERM, SIG_IGN);
		for (;;)
			pause();
	case '*':
		for (int i = 0; i < 10000; i++)
			if (write(STDERR_FILENO, chatter, sizeof(chatter) - 1) < 0)
				break;
		return;
	case '~':
		return;
	case 'L': /* longer than any message may be */
		memset(bytes, 0, sizeof(bytes));
		n = 1025;
		break;
	default:
		for (; 2 * n + 1 < len; n++)
			(void)sscanf(word + 2 * n, "%2hhx", &bytes[n]);
	}
	(void)!send(STDIN_FILENO, bytes, n, MSG_NOSIGNAL);
}

static int play_helper(void)
{
	char request[NFC_MESSAGE_MAX + 1] = "", script[NFC_MESSAGE_MAX + 1] = "";
	const char *at = script;

	while (recv(STDIN_FILENO, request, sizeof(request) - 1, 0) > 0) {
		size_t len;

		if (!*script)
			snprintf(script, sizeof(script), "%.*s", NFC_PLACE_MAX, request + 1);
		do {
			bool more = *at == '+';

			at += more;
			len = strcspn(at, ",+");
			play_word(at, len);
			at += len;
			if (*at == '+')
				continue;
			break;
		} while (true);
		at += *at == ',';
		memset(request, 0, sizeof(request));
	}
	return 0;
}

/* ---- the driver ---- */

static int setup(void **state)
{
	(void)state;
	fuda_deadline_free(&dl);
	assert_int_equal(fuda_deadline_new(5000, &dl), 0);
	assert_true(deadline_fd(dl) >= 0);
	nfc_helper_path = "/proc/self/exe";
	descriptors_before = descriptors();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_no_child();
	assert_int_equal(descriptors(), descriptors_before);
	return 0;
}

#define NAME "00504E353332"				  /* "PN532" */
#define CARD "004250123456780000" "05E0B381A1"		  /* as readers.md A2 has it */
#define FINE NAME "," CARD

static int open_script(const char *script, struct reader **ret)
{
	char name[NFC_PLACE_MAX + 8];

	snprintf(name, sizeof(name), "nfc:%s", script);
	return reader_open(ctx, name, dl, ret);
}

static void opens(void **state)
{
	struct reader *r = NULL;

	(void)state;
	assert_int_equal(open_script(FINE ",009000,0061119000", &r), 0);
	assert_string_equal(r->model, "libnfc PN532");
	assert_int_equal(exchange(r, "00A40000", 0, dl), 0x9000);
	assert_int_equal(exchange(r, "00A40000", 0, dl), 0x9000);
	reader_close(&r);
	/* of type A, and with an empty name */
	assert_int_equal(open_script("00,00410578778102", &r), 0);
	assert_int_equal(r->atr_len, 5);
	reader_close(&r);
}

static void bad_openings(void **state)
{
	static const struct {
		const char *script;
		int error;
	} bad[] = {
		{ "-", FUDA_EREADERGONE },
		{ "", FUDA_ETIMEOUT },
		{ "L", FUDA_ETRANSPORT },
		{ "09", FUDA_ETRANSPORT },
		{ "FF", FUDA_ETRANSPORT },
		{ "01", FUDA_ENOREADER },
		{ "016E6F", FUDA_ENOREADER },
		{ "02", FUDA_EACCESS },
		{ "03", FUDA_EBUSY },
		{ "08", FUDA_EREADERGONE },
		{ NAME ",-", FUDA_EREADERGONE },
		{ NAME ",~", FUDA_ETIMEOUT },
		{ NAME ",L", FUDA_ETRANSPORT },
		{ NAME ",00", FUDA_ETRANSPORT },
		{ NAME ",0042", FUDA_ETRANSPORT },
		{ NAME ",00425012345678000005E0B381", FUDA_ETRANSPORT },
		{ NAME "," CARD "00", FUDA_ETRANSPORT },
		{ NAME ",00435012345678000005E0B381A1", FUDA_ETRANSPORT },
		{ NAME ",00425112345678000005E0B381A1", FUDA_EMUTE },
		{ NAME ",00425012345678000005E0B380A1", FUDA_EMUTE },
		{ NAME ",0041", FUDA_EMUTE },
		{ NAME ",004105787781", FUDA_EMUTE },
		{ NAME ",04", FUDA_ENOCARD },
		{ NAME ",08", FUDA_EREADERGONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct reader *r = NULL;
		int e;

		fuda_deadline_restart(dl, bad[i].error == FUDA_ETIMEOUT ? 100 : 5000);
		e = open_script(bad[i].script, &r);
		if (e != bad[i].error)
			fail_msg("%s: %s %s", bad[i].script, fuda_error_name(e), fuda_context_message(ctx));
		assert_string_not_equal(fuda_context_message(ctx), "");
		assert_no_child();
	}
}

static void bad_answers(void **state)
{
	static const struct {
		const char *script;
		int error;
	} bad[] = {
		{ "00", FUDA_ETRANSPORT },
		{ "0090", FUDA_ETRANSPORT },
		{ "L", FUDA_ETRANSPORT },
		{ "FF9000", FUDA_ETRANSPORT },
		{ "-", FUDA_EREADERGONE },
		{ "~", FUDA_ETIMEOUT },
		{ "05", FUDA_EREMOVED },
		{ "06", FUDA_ETRANSPORT },
		{ "0652462045", FUDA_ETRANSPORT },
		{ "07", FUDA_ETRANSPORT },
		{ "08", FUDA_EREADERGONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct reader *r = NULL;
		char script[200];

		fuda_deadline_restart(dl, 5000);
		snprintf(script, sizeof(script), FINE ",%s,009000", bad[i].script);
		assert_int_equal(open_script(script, &r), 0);
		fuda_deadline_restart(dl, bad[i].error == FUDA_ETIMEOUT ? 100 : 5000);
		assert_int_equal(exchange(r, "00A40000", TRANSMIT_ONCE, dl), bad[i].error);
		assert_string_not_equal(fuda_context_message(ctx), "");
		/* whatever it would say next, it is not asked for a command again; but one whose response was
		 * too long has done no harm */
		fuda_deadline_restart(dl, 5000);
		if (strcmp(bad[i].script, "07") != 0)
			assert_true(exchange(r, "00A40000", TRANSMIT_ONCE, dl) < 0);
		else
			assert_int_equal(exchange(r, "00A40000", TRANSMIT_ONCE, dl), 0x9000);
		reader_close(&r);
		assert_no_child();
	}
}

/* An answer that nobody asked for is not taken for the next one. */
static void answers_in_advance(void **state)
{
	struct reader *r = NULL;

	(void)state;
	assert_int_equal(open_script(FINE ",009000+006982,009000", &r), 0);
	assert_int_equal(exchange(r, "00A40000", 0, dl), 0x9000);
	pause_ms(30);
	assert_int_equal(exchange(r, "00200098", TRANSMIT_ONCE, dl), FUDA_EREADERGONE);
	reader_close(&r);
}

static void words(void **state)
{
	struct reader *r = NULL;

	(void)state;
	assert_int_equal(open_script("-", &r), FUDA_EREADERGONE);
	/* the last line, without what a terminal would act on */
	assert_non_null(strstr(fuda_context_message(ctx), "(error  [31mtoo  much)"));
	assert_null(strchr(fuda_context_message(ctx), 0x1B));
	assert_int_equal(open_script("0100" "1B0A25736E", &r), FUDA_ENOREADER);
	assert_null(strchr(fuda_context_message(ctx), 0x1B));
	assert_non_null(strstr(fuda_context_message(ctx), "%sn"));
	/* nobody has to read them */
	assert_int_equal(open_script("*", &r), FUDA_ETIMEOUT);
}

/* One that neither ends nor answers is killed. */
static void stubborn(void **state)
{
	struct reader *r = NULL;
	int64_t start;

	(void)state;
	assert_int_equal(open_script(FINE ",!", &r), 0);
	fuda_deadline_restart(dl, 50);
	start = now_ms();
	assert_int_equal(exchange(r, "00A40000", 0, dl), FUDA_ETIMEOUT);
	assert_true(now_ms() - start < 900); /* before it is killed */
	reader_close(&r);
	assert_in_range(now_ms() - start, 1000, 3000);
	fuda_deadline_restart(dl, 100);
	start = now_ms();
	assert_int_equal(open_script("!", &r), FUDA_ETIMEOUT);
	assert_true(now_ms() - start < 1000);
}

static void not_installed(void **state)
{
	struct reader *r = NULL;

	(void)state;
	nfc_helper_path = "/nonexistent/fuda-nfc";
	assert_int_equal(open_script("", &r), FUDA_ENOTSUP);
	assert_non_null(strstr(fuda_context_message(ctx), "not installed"));
	nfc_helper_path = "/etc/passwd";
	assert_int_equal(open_script("", &r), FUDA_EFAILED);
	assert_non_null(strstr(fuda_context_message(ctx), "/etc/passwd"));
}

/* Only what it needs goes along: 0, 1 and 2, and of the environment libnfc's. Its standard descriptors may be
 * those that the program has closed. */
static void inherits_nothing(void **state)
{
	struct reader *r = NULL;
	char path[64];
	int extra = open("/dev/null", O_RDONLY), saved = dup(STDIN_FILENO);
	ssize_t n;
	char environment[4096];
	int fd;

	(void)state;
	setenv("FUDA_SECRET", "x", 1);
	setenv("LIBNFC_LOG_LEVEL", "3", 1);
	setenv("LIBNFC_DEVICE", "pn532_uart:/dev/null", 1);
	close(STDIN_FILENO);
	assert_int_equal(open_script(FINE, &r), 0);
	assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	close(saved);
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)only_child());
	assert_int_equal(entries(path), 2 + 3);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)only_child());
	fd = open(path, O_RDONLY);
	n = read(fd, environment, sizeof(environment) - 1);
	close(fd);
	assert_true(n > 0);
	for (ssize_t i = 0; i < n; i++)
		environment[i] = environment[i] ? environment[i] : ' ';
	environment[n] = '\0';
	assert_null(strstr(environment, "FUDA_SECRET"));
	assert_non_null(strstr(environment, "LIBNFC_DEVICE=pn532_uart:/dev/null"));
	assert_non_null(strstr(environment, "LIBNFC_LOG_LEVEL=1"));
	assert_null(strstr(environment, "LIBNFC_LOG_LEVEL=3"));
	/* no key at the terminal reaches it */
	assert_int_not_equal(getsid(only_child()), getsid(0));
	reader_close(&r);
	close(extra);
	unsetenv("FUDA_SECRET");
	unsetenv("LIBNFC_LOG_LEVEL");
	unsetenv("LIBNFC_DEVICE");
}

/* ---- fuda-nfc ---- */

struct real {
	pid_t pid;
	int fd;
};

static void real_start(struct real *h)
{
	char name[] = "fuda-nfc";
	char *const argv[] = { name, NULL };
	posix_spawn_file_actions_t actions;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pair[1], STDIN_FILENO);
	assert_int_equal(posix_spawn(&h->pid, "./fuda-nfc", &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(pair[1]);
	h->fd = pair[0];
}

static int real_end(struct real *h)
{
	int status;

	close(h->fd);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The bytes of the answer, or 0 if it hangs up. */
static ssize_t real_ask(struct real *h, const char *hex, uint8_t answer[NFC_MESSAGE_MAX])
{
	struct fuda_buf request = FUDA_BUF_INIT(2000);
	struct pollfd p = { .fd = h->fd, .events = POLLIN };

	assert_int_equal(fuda_hex_decode(hex, &request), 0);
	assert_int_equal(send(h->fd, request.data, request.len, MSG_NOSIGNAL), request.len);
	fuda_buf_free(&request);
	assert_int_equal(poll(&p, 1, 10000), 1);
	return recv(h->fd, answer, NFC_MESSAGE_MAX, 0);
}

static void out_of_turn(void **state)
{
	static const char *const early[] = { "01", "02", "03", "040000138800A40000" };
	uint8_t answer[NFC_MESSAGE_MAX];
	struct real h;

	(void)state;
	real_start(&h);
	for (size_t i = 0; i < ARRAY_SIZE(early); i++) {
		assert_true(real_ask(&h, early[i], answer) > 1);
		assert_int_equal(answer[0], NFC_SAID_FAILED);
	}
	assert_true(real_ask(&h, "006E6F6E65", answer) >= 1);
	assert_int_equal(answer[0], NFC_SAID_NO_DEVICE);
	/* once and for all */
	assert_true(real_ask(&h, "006E6F6E65", answer) > 1);
	assert_int_equal(answer[0], NFC_SAID_FAILED);
	assert_true(real_ask(&h, "01", answer) > 1);
	assert_int_equal(answer[0], NFC_SAID_FAILED);
	assert_int_equal(real_end(&h), 0);
}

static void bad_requests(void **state)
{
	static const char *const bad[] = {
		"05", "FF", "0100", "0200", "0300", "006100", "04", "0400001388", "040000138800A400",
		"0400000000" "00A40000", "0480000000" "00A40000",
	};
	uint8_t answer[NFC_MESSAGE_MAX];
	char long_one[2 * 1100 + 1];
	struct real h;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		real_start(&h);
		assert_int_equal(real_ask(&h, bad[i], answer), 0);
		assert_int_equal(real_end(&h), 1);
	}
	for (size_t len = 1002; len <= 1100; len += 49) { /* a place of 1001 bytes; longer than any message */
		memset(long_one, '6', sizeof(long_one));
		memset(long_one, '0', 2);
		long_one[2 * len] = '\0';
		real_start(&h);
		assert_int_equal(real_ask(&h, long_one, answer), 0);
		assert_int_equal(real_end(&h), 1);
	}
}

/* A command that libnfc's buffer would not hold never gets to it. */
static void long_command(void **state)
{
	char hex[2 * (5 + 263) + 1] = "0400001388";
	uint8_t answer[NFC_MESSAGE_MAX];
	struct real h;

	(void)state;
	for (size_t len = 261; len <= 263; len++) {
		memset(hex + 10, '0', 2 * len);
		hex[10 + 2 * len] = '\0';
		real_start(&h);
		assert_int_equal(real_ask(&h, hex, answer) > 0, len <= NFC_COMMAND_MAX);
		assert_int_equal(real_end(&h), len > NFC_COMMAND_MAX);
	}
}

static void by_hand(void **state)
{
	(void)state;
	assert_int_equal(WEXITSTATUS(system("./fuda-nfc </dev/null 2>/dev/null")), 2);
	assert_int_equal(WEXITSTATUS(system("./fuda-nfc <&- 2>/dev/null")), 2);
	assert_int_equal(WEXITSTATUS(system("./fuda-nfc something 2>/dev/null")), 2);
	assert_int_equal(WEXITSTATUS(system("./fuda-nfc --help | grep -q 'Part of libfuda'")), 0);
	assert_int_equal(WEXITSTATUS(system("./fuda-nfc --version | grep -q '^fuda-nfc '")), 0);
	assert_int_equal(WEXITSTATUS(system("./fuda-nfc --help >/dev/full")), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(opens),
		TEST(bad_openings),
		TEST(bad_answers),
		TEST(answers_in_advance),
		TEST(words),
		TEST(stubborn),
		TEST(not_installed),
		TEST(inherits_nothing),
		TEST(out_of_turn),
		TEST(bad_requests),
		TEST(long_command),
		TEST(by_hand),
	};
	int failed;

	if (argc && strcmp(argv[0], "fuda-nfc") == 0) /* as the driver calls it */
		return play_helper();
	if (fuda_context_new(&ctx) < 0)
		return 1;
	failed = cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return failed;
}
