/* SPDX-License-Identifier: Apache-2.0 */
/* The driver trace: on a reader that the test plays: what it passes on, and when nothing is sent. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <fuda/encode.h>

#include "codec/apdu.h"
#include "reader/pad.h"
#include "reader/reader.h"
#include "tests/scratch.h"

#define READ	    "00B0860002"
#define SELECT_JPKI "00A4040C0AD392F000260100000001"
#define VERIFY	    "002000980431323334"

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct reader *r; /* the one that records */

/* The reader below it. */
static struct {
	struct reader *reader;
	unsigned opened, closed, sent, typed;
	unsigned flags;
	bool locked, power_off, modify;
	int error;	      /* of the next call */
	const char *response; /* to all commands */
} below;

/* ---- the reader below ---- */

static int play_answer(struct fuda_buf *ret_response)
{
	int e = below.error;

	below.error = 0;
	if (e < 0)
		return ctx_fail_code(ctx, e);
	return fuda_hex_decode(below.response, ret_response);
}

static int play_transmit(struct reader *inner, const uint8_t *command, size_t len, unsigned flags,
			 struct fuda_deadline *deadline, struct fuda_buf *ret_response)
{
	(void)command;
	(void)len;
	assert_ptr_equal(deadline, dl);
	assert_ptr_equal(inner, below.reader);
	below.sent++;
	below.flags = flags;
	return play_answer(ret_response);
}

static int play_secure(struct reader *inner, bool modify, const uint8_t *structure, size_t len,
		       struct fuda_deadline *deadline, struct fuda_buf *ret_response)
{
	struct pad_entry e;

	(void)inner;
	(void)deadline;
	assert_int_equal(pad_parse(modify, structure, len, &e), 0);
	below.typed++;
	below.modify = modify;
	return play_answer(ret_response);
}

static int play_power(struct reader *inner, enum power how, struct fuda_deadline *deadline)
{
	int e = below.error;

	(void)deadline;
	below.error = 0;
	if (e < 0)
		return ctx_fail_code(ctx, e);
	below.power_off = how == POWER_OFF;
	inner->epoch++;
	return 0;
}

static int play_lock(struct reader *inner, bool on, struct fuda_deadline *deadline)
{
	int e = below.error;

	(void)inner;
	(void)deadline;
	below.error = 0;
	if (e < 0)
		return ctx_fail_code(ctx, e);
	assert_int_not_equal(below.locked, on);
	below.locked = on;
	return 0;
}

static void play_close(struct reader *inner)
{
	(void)inner;
	below.closed++;
}

static struct driver played;

/* In place of the one that trace: calls. */
int __wrap_reader_open(struct fuda_context *context, const char *name, struct fuda_deadline *deadline,
		       struct reader **ret);

int __wrap_reader_open(struct fuda_context *context, const char *name, struct fuda_deadline *deadline,
		       struct reader **ret)
{
	struct reader *made = calloc(1, sizeof(*made));

	(void)deadline;
	assert_non_null(made);
	if (strcmp(name, "played:") != 0) {
		free(made);
		return ctx_fail_code(context, FUDA_ENOREADER);
	}
	*made = (struct reader){ .ctx = context, .driver = &played, .name = strdup(name), .model = "model",
				 .serial = "serial", .pad = READER_PAD_VERIFY | READER_PAD_MODIFY, .display = 0x0210,
				 .slot = 1, .slots = 2, .atr = { 0x3B, 0x00 }, .atr_len = 2, .max_command = 300,
				 .max_response = 258, .epoch = 7 };
	below.reader = made;
	below.opened++;
	*ret = made;
	return 0;
}

/* ---- the tests' frame ---- */

static int setup(void **state)
{
	signal(SIGXFSZ, SIG_IGN);
	return fuda_context_new(&ctx) < 0 || fuda_deadline_new(10000, &dl) < 0 ? -1 : scratch_setup(state);
}

static int teardown(void **state)
{
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

extern const struct driver driver_trace;

static int open_named(const char *rest)
{
	return reader_open_with(ctx, &driver_trace, rest, dl, &r);
}

static int begin(void **state)
{
	(void)state;
	played = (struct driver){ "played", 0, NULL, NULL, NULL, NULL, NULL, play_close, play_power, play_transmit,
				  play_secure, play_lock };
	memset(&below, 0, sizeof(below));
	below.response = "9000";
	setenv("FUDA_TRACE", scratch_path("t"), 1);
	return open_named("played:");
}

static int finish(void **state)
{
	(void)state;
	reader_close(&r);
	unlink(scratch_path("t"));
	return below.opened != below.closed;
}

static int send(const char *hex, const char *expected)
{
	_cleanup_buf_ struct fuda_buf command = FUDA_BUF_INIT(400), response = FUDA_BUF_INIT(400);
	char text[800];
	int e;

	assert_int_equal(fuda_hex_decode(hex, &command), 0);
	e = reader_transmit(r, command.data, command.len, TRANSMIT_ONCE, dl, &response);
	fuda_hex_encode(response.data, response.len, text);
	assert_string_equal(text, expected);
	return e;
}

static bool shows(const char *text)
{
	return strstr(scratch_read("t"), text);
}

/* ---- tests ---- */

static void passes_everything_on(void **state)
{
	(void)state;
	assert_string_equal(r->name, "trace:played:");
	assert_string_equal(r->model, "");
	assert_string_equal(r->serial, "serial");
	assert_int_equal(r->pad, READER_PAD_VERIFY | READER_PAD_MODIFY);
	assert_int_equal(r->display, 0x0210);
	assert_int_equal(r->slot, 1);
	assert_int_equal(r->slots, 2);
	assert_int_equal(r->max_command, 300);
	assert_int_equal(r->max_response, 258);
	assert_int_equal(r->epoch, 7);
	assert_ptr_equal(r->inner, below.reader);
	assert_int_equal(r->driver->flags & DRIVER_HARDWARE, 0);
	assert_null(r->driver->list);
	below.response = "31329000";
	assert_int_equal(send(VERIFY, "31329000"), 0);
	assert_int_equal(below.flags, TRANSMIT_ONCE);
	assert_int_equal(below.sent, 1);
	assert_true(shows("reader \"played:\"\natr 3B 00\nsizes 300 258\npad both\n"));
	assert_true(shows("> 00 20 00 98 04 <secret 4>\n< 9000 ("));
	assert_int_equal(reader_lock(r, true, dl), 0);
	assert_true(below.locked);
	assert_int_equal(reader_power(r, POWER_RESET, dl), 0);
	assert_int_equal(r->epoch, 8);
	assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
	assert_true(below.power_off);
	assert_true(shows("power reset\npower off\n"));
	assert_int_equal(reader_lock(r, false, dl), 0);
	assert_false(below.locked);
}

static void passes_errors_on(void **state)
{
	static const int errors[] = { FUDA_EREMOVED, FUDA_EREADERGONE, FUDA_ERESET, FUDA_ETIMEOUT, FUDA_ETRANSPORT };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		below.error = errors[i];
		assert_int_equal(send(VERIFY, ""), errors[i]);
		assert_string_equal(fuda_context_message(ctx), fuda_error_text(errors[i]));
		below.error = errors[i];
		assert_int_equal(reader_power(r, POWER_ON, dl), errors[i]);
		below.error = errors[i];
		assert_int_equal(reader_lock(r, true, dl), errors[i]);
	}
	assert_int_equal(below.sent, ARRAY_SIZE(errors)); /* each once */
	assert_true(shows("! removed\n"));
	assert_true(shows("! reset\n"));
	assert_false(shows("power"));
	assert_int_equal(send(READ, "9000"), 0);
	/* a response that the caller has no room for */
	below.response = "31323334353637389000";
	_cleanup_buf_ struct fuda_buf little = FUDA_BUF_INIT(4);
	assert_int_equal(reader_transmit(r, (const uint8_t *)"\0\xB0\0\0", 4, 0, dl, &little), FUDA_ETOOBIG);
	assert_int_equal(little.len, 0);
}

/* The card is another one, or begins anew: so it is said. */
static void notices_a_reset(void **state)
{
	(void)state;
	assert_int_equal(reader_lock(r, true, dl), 0);
	assert_int_equal(send(SELECT_JPKI, "9000"), 0);
	below.reader->epoch++;
	below.reader->atr[1] = 0x01;
	below.error = FUDA_ERESET;
	assert_int_equal(send(READ, ""), FUDA_ERESET);
	assert_int_equal(r->epoch, 8);
	assert_int_equal(r->atr[1], 1);
	assert_true(shows("! reset\nreader \"played:\"\natr 3B 01\n"));
	below.response = "31329000";
	assert_int_equal(send(READ, "31329000"), 0);
	assert_false(shows("31 32"));
	assert_int_equal(reader_lock(r, false, dl), 0);
	below.reader->epoch++;
	below.reader->atr[1] = 0x02;
	assert_int_equal(reader_lock(r, true, dl), 0);
	assert_int_equal(r->epoch, 9);
	assert_true(shows("atr 3B 02\n"));
	assert_int_equal(reader_lock(r, false, dl), 0);
}

/* Where others can use the card in between, what is selected is known as long as they are kept away. */
static void knows_what_others_may_have_done(void **state)
{
	(void)state;
	assert_int_equal(reader_lock(r, true, dl), 0);
	assert_int_equal(send(SELECT_JPKI, "9000"), 0);
	below.response = "41429000";
	assert_int_equal(send(READ, "41429000"), 0);
	assert_true(shows("41 42"));
	assert_int_equal(reader_lock(r, false, dl), 0);
	below.response = "43449000";
	assert_int_equal(send(READ, "43449000"), 0);
	assert_int_equal(reader_lock(r, true, dl), 0);
	assert_int_equal(send(READ, "43449000"), 0);
	assert_int_equal(reader_lock(r, false, dl), 0);
	below.response = "9000";
	assert_int_equal(send(SELECT_JPKI, "9000"), 0);
	below.response = "43449000";
	assert_int_equal(send(READ, "43449000"), 0);
	assert_false(shows("43 44"));
	/* where there are no others, it is known anyway */
	reader_close(&r);
	played.lock = NULL;
	assert_int_equal(open_named("played:"), 0);
	below.response = "9000";
	assert_int_equal(send(SELECT_JPKI, "9000"), 0);
	below.response = "43449000";
	assert_int_equal(send(READ, "43449000"), 0);
	assert_true(shows("43 44"));
	assert_int_equal(reader_lock(r, true, dl), 0);
}

/* What failed may have been done. */
static void knows_nothing_after_failures(void **state)
{
	(void)state;
	assert_int_equal(reader_lock(r, true, dl), 0);
	assert_int_equal(send(SELECT_JPKI, "9000"), 0);
	below.error = FUDA_EMUTE;
	assert_int_equal(reader_power(r, POWER_RESET, dl), FUDA_EMUTE);
	below.response = "43449000";
	assert_int_equal(send(READ, "43449000"), 0);
	below.error = FUDA_ETRANSPORT;
	assert_int_equal(reader_lock(r, false, dl), FUDA_ETRANSPORT);
	below.response = "9000";
	assert_int_equal(send(SELECT_JPKI, "9000"), 0);
	below.response = "43449000";
	assert_int_equal(send(READ, "43449000"), 0);
	assert_false(shows("43 44"));
}

static void records_what_is_typed(void **state)
{
	static const uint8_t template[] = { 0x00, 0x20, 0x00, 0x98, 0x04, 0xFF, 0xFF, 0xFF, 0xFF };
	const struct pad_entry entry = { .timeout = 10, .format = 0x82, .min = 4, .max = 4, .messages = 1,
					 .command = template, .len = sizeof(template) };
	_cleanup_buf_ struct fuda_buf structure = FUDA_BUF_INIT(PAD_STRUCTURE_MAX), response = FUDA_BUF_INIT(300);

	(void)state;
	assert_int_equal(pad_build_verify(&entry, &structure), 0);
	below.response = "63C2";
	assert_int_equal(reader_secure(r, false, structure.data, structure.len, dl, &response), 0);
	assert_int_equal(response.len, 2);
	assert_int_equal(below.typed, 1);
	assert_false(below.modify);
	assert_true(shows("> 00 20 00 98 <typed>\n< 63C2 ("));
	below.error = FUDA_ETIMEOUT;
	assert_int_equal(reader_secure(r, false, structure.data, structure.len, dl, &response), FUDA_ETIMEOUT);
	assert_true(shows("> 00 20 00 98 <typed>\n! timeout\n"));
	assert_int_equal(reader_secure(r, false, structure.data, structure.len - 1, dl, &response), FUDA_EINVAL);
	assert_int_equal(below.typed, 2);
	assert_false(shows("FF FF"));
	/* a reader without keys has none here either */
	reader_close(&r);
	played.secure = NULL;
	assert_int_equal(open_named("played:"), 0);
	assert_int_equal(r->pad, 0);
	assert_int_equal(reader_secure(r, false, structure.data, structure.len, dl, &response), FUDA_ENOTSUP);
}

/* Files may grow by this many bytes; 0: again as they like. */
static void limit_files(unsigned bytes)
{
	static struct rlimit before;
	struct rlimit limit;
	struct stat st;

	if (bytes) {
		assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
		assert_int_equal(stat(scratch_path("t"), &st), 0);
		limit = before;
		limit.rlim_cur = (rlim_t)st.st_size + bytes;
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, bytes ? &limit : &before), 0);
}

/* A command whose trace is lost has failed, and is the last; but the card is not left with power, nor locked. */
static void stops_where_it_cannot_record(void **state)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(300);
	uint8_t structure[40] = { 0 };

	(void)state;
	assert_int_equal(reader_lock(r, true, dl), 0);
	limit_files(10);
	below.response = "31329000";
	assert_int_equal(send(VERIFY, ""), FUDA_EFILE);
	assert_int_equal(below.sent, 1);
	limit_files(0);
	assert_int_equal(send(VERIFY, ""), FUDA_EFILE);
	assert_int_equal(send(READ, ""), FUDA_EFILE);
	assert_int_equal(below.sent, 1);
	assert_true(reader_secure(r, false, structure, sizeof(structure), dl, &response) < 0);
	assert_int_equal(below.typed, 0);
	assert_int_equal(reader_power(r, POWER_OFF, dl), FUDA_EFILE);
	assert_true(below.power_off);
	assert_int_equal(reader_lock(r, false, dl), 0);
	assert_false(below.locked);
	assert_false(shows("secret"));
	assert_int_equal(scratch_read("t")[strlen(scratch_read("t")) - 1], '\n');
}

/* What cannot be said about a card that was locked means that it is not. */
static void does_not_keep_a_lock_that_failed(void **state)
{
	(void)state;
	limit_files(10);
	below.reader->epoch++;
	below.reader->atr[1] = 0x55;
	assert_int_equal(reader_lock(r, true, dl), FUDA_EFILE);
	assert_false(below.locked);
	limit_files(0);
}

static void does_not_open(void **state)
{
	struct reader *good = r;

	(void)state;
	r = NULL;
	assert_int_equal(open_named(""), FUDA_ENOREADER);
	assert_int_equal(open_named("nosuch:"), FUDA_ENOREADER);
	/* the trace comes first: no card gets power for nothing */
	setenv("FUDA_TRACE", scratch_path("no/such"), 1);
	assert_int_equal(open_named("played:"), FUDA_EFILE);
	setenv("FUDA_TRACE", "/dev/full", 1);
	assert_true(access("/dev/full", W_OK) < 0 || open_named("played:") == FUDA_EFILE);
	setenv("FUDA_TRACE_RAW", "1", 1);
	assert_int_equal(open_named("played:"), FUDA_EINVAL);
	unsetenv("FUDA_TRACE_RAW");
	assert_int_equal(below.opened, 1);
	/* and what was opened is closed where it goes wrong after that: there is room to say which program it is, and
	 * not which reader */
	setenv("FUDA_TRACE", scratch_path("t"), 1);
	limit_files(100);
	assert_int_equal(open_named("played:"), FUDA_EFILE);
	limit_files(0);
	assert_int_equal(below.opened, 2);
	assert_int_equal(below.closed, 1);
	assert_null(r);
	r = good;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(passes_everything_on, begin, finish),
		cmocka_unit_test_setup_teardown(passes_errors_on, begin, finish),
		cmocka_unit_test_setup_teardown(notices_a_reset, begin, finish),
		cmocka_unit_test_setup_teardown(knows_what_others_may_have_done, begin, finish),
		cmocka_unit_test_setup_teardown(knows_nothing_after_failures, begin, finish),
		cmocka_unit_test_setup_teardown(records_what_is_typed, begin, finish),
		cmocka_unit_test_setup_teardown(stops_where_it_cannot_record, begin, finish),
		cmocka_unit_test_setup_teardown(does_not_keep_a_lock_that_failed, begin, finish),
		cmocka_unit_test_setup_teardown(does_not_open, begin, finish),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
