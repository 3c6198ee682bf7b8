/* SPDX-License-Identifier: Apache-2.0 */
/* The driver that replays traces: what a caller sees of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "reader/pad.h"
#include "reader/reader.h"
#include "tests/replay.h"
#include "trace/statement.h"

static char folder[] = "/tmp/fuda-replay.XXXXXX";
static struct fuda_deadline *dl;

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(fuda_context_new(&ctx), 0);
	return fuda_deadline_new(20000, &dl);
}

static int tear_down(void **state)
{
	static const char *const names[] = { "t", "loose:t" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		remove(names[i]);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return rmdir(folder);
}

#define JPKI   "00A4040C0AD392F000260100000001"
#define FILE_6 "00A4020C020006"
#define READ   "00B0000004"

#define SHORT_TRACE                                   \
	"> 00 A4 04 0C 0A $jpki\n< 9000 (1.234 ms)\n" \
	"> 00 A4 02 0C 02 00 06\n< 9000\n"            \
	"> 00 B0 00 00 04\n< 9000 \"JPKI\"\n"

static struct reader *r;
static struct fuda_buf answer;
static char logged[4096];

static void note(void *arg, const char *line)
{
	(void)arg;
	strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
}

static int driver_set_up(void **state)
{
	(void)state;
	answer = FUDA_BUF_INIT(70000);
	*logged = 0;
	fuda_context_set_log(ctx, FUDA_LOG_INFO, note, NULL);
	return 0;
}

static int driver_tear_down(void **state)
{
	(void)state;
	reader_close(&r);
	fuda_buf_free(&answer);
	fuda_context_set_log(ctx, FUDA_LOG_OFF, NULL, NULL);
	return 0;
}

static int transmit(const char *hex)
{
	_cleanup_buf_ struct fuda_buf command = FUDA_BUF_INIT(70000);

	assert_int_equal(fuda_hex_decode(hex, &command), 0);
	fuda_buf_clear(&answer);
	return reader_transmit(r, command.data, command.len, TRANSMIT_ONCE, dl, &answer);
}

static int open_reader(const char *trace, const char *name)
{
	write_file("t", trace);
	reader_close(&r);
	return reader_open(ctx, name, dl, &r);
}

static void a_reader(void **state)
{
	(void)state;
	assert_int_equal(open_reader("atr 3B 01 02\nsizes 300 10\n" SHORT_TRACE "power off\n", "replay:t"), 0);
	assert_int_equal(r->atr_len, 3);
	assert_int_equal(r->max_command, 300);
	assert_string_equal(r->model, "");
	assert_int_equal(transmit(JPKI), 0);
	assert_int_equal(transmit(FILE_6), 0);
	assert_int_equal(transmit(READ), 0);
	assert_int_equal(answer.len, 6);
	assert_int_equal(r->epoch, 0);
	assert_int_equal(reader_power(r, POWER_OFF, dl), 0);
	assert_int_equal(r->epoch, 1);
	reader_close(&r);
	assert_string_equal(logged, "");
	/* each time anew, also where its name has a colon */
	assert_int_equal(rename("t", "loose:t"), 0);
	assert_int_equal(reader_open(ctx, "replay:./loose:t", dl, &r), 0);
	assert_int_equal(transmit(JPKI), 0);
	assert_int_equal(transmit(READ), FUDA_EDEPARTED);
	says("./loose:t:6: The trace has SELECT token");
	assert_int_equal(reader_power(r, POWER_OFF, dl), FUDA_EDEPARTED);
	reader_close(&r);
	assert_int_equal(open_reader(SHORT_TRACE, "replay:loose:t"), 0);
	assert_int_equal(transmit(READ), 0);
	assert_int_equal(reader_power(r, POWER_RESET, dl), 0);
	assert_int_equal(transmit("00840000"), FUDA_EDEPARTED);
}

/* What was not asked for is told, and changes no error. */
static void an_early_end(void **state)
{
	(void)state;
	assert_int_equal(open_reader(SHORT_TRACE, "replay:t"), 0);
	assert_int_equal(transmit(JPKI), 0);
	assert_int_equal(ctx_fail(ctx, FUDA_EVERIFY, "as it was"), FUDA_EVERIFY);
	*logged = 0;
	reader_close(&r);
	assert_non_null(strstr(logged, "t:4: The program ended; the trace goes on with SELECT token"));
	assert_string_equal(fuda_context_message(ctx), "as it was");
}

static void failures(void **state)
{
	(void)state;
	assert_int_equal(open_reader("> 00 84 00 00\n! reset\n> 00 84 00 00\n! removed\n> 00 84 00 00\n< 9000\n", "repl"
														  "ay:"
														  "t"),
			 0);
	assert_int_equal(transmit("00840000"), FUDA_ERESET);
	assert_int_equal(r->epoch, 1);
	assert_int_equal(transmit("00840000"), FUDA_EREMOVED);
	assert_int_equal(transmit("00840000"), FUDA_EREMOVED);
	assert_int_equal(reader_power(r, POWER_ON, dl), FUDA_EREMOVED);
	assert_int_equal(open_reader("> 00 84 00 00\n! gone\n", "replay:t"), 0);
	assert_int_equal(transmit("00840000"), FUDA_EREADERGONE);
	assert_int_equal(transmit("00840000"), FUDA_EREADERGONE);
	/* longer than the reader takes */
	assert_int_equal(open_reader("sizes 300 4\n> 00 84 00 00\n< 9000 01 02 03\n", "replay:t"), 0);
	assert_int_equal(transmit("00840000"), FUDA_ETRANSPORT);
	assert_int_equal(answer.len, 0);
	assert_int_equal(transmit("008400"), FUDA_EINVAL);
}

static void refused(void **state)
{
	(void)state;
	assert_int_equal(reader_open(ctx, "replay:", dl, &r), FUDA_ENOREADER);
	assert_int_equal(reader_open(ctx, "replay:loose:", dl, &r), FUDA_ENOREADER);
	assert_int_equal(reader_open(ctx, "replay:nowhere", dl, &r), FUDA_EFILE);
	assert_int_equal(open_reader("> 00\n", "replay:t"), FUDA_EFORMAT);
	assert_null(r);
}

static void deadlines(void **state)
{
	struct fuda_deadline *none;

	(void)state;
	assert_int_equal(fuda_deadline_new(0, &none), 0);
	write_file("t", SHORT_TRACE);
	assert_int_equal(reader_open(ctx, "replay:t", none, &r), FUDA_ETIMEOUT);
	assert_int_equal(reader_open(ctx, "replay:t", dl, &r), 0);
	assert_int_equal(reader_transmit(r, (const uint8_t *)"\0\x84\0\0", 4, 0, none, &answer), FUDA_ETIMEOUT);
	assert_int_equal(reader_power(r, POWER_RESET, none), FUDA_ETIMEOUT);
	assert_int_equal(transmit(JPKI), 0); /* which was not touched by this */
	fuda_deadline_cancel(none);
	assert_int_equal(reader_transmit(r, (const uint8_t *)"\0\x84\0\0", 4, 0, none, &answer), FUDA_ECANCELLED);
	fuda_deadline_free(&none);
}

static void typed(void **state)
{
	static const uint8_t command[] = { 0x00, 0x20, 0x00, 0x98, 0x04, 0xFF, 0xFF, 0xFF, 0xFF };
	const struct pad_entry e = { .min = 4, .max = 4, .command = command, .len = sizeof(command) };
	_cleanup_buf_ struct fuda_buf structure = FUDA_BUF_INIT(PAD_STRUCTURE_MAX);

	(void)state;
	assert_int_equal(pad_build_verify(&e, &structure), 0);
	assert_int_equal(open_reader("pad verify\n> 00 20 00 98 <typed>\n< 9000\n> 00 20 00 98 <typed>\n< 6401\n"
				     "> 00 20 00 98\n< 63C3\n",
				     "replay:t"),
			 0);
	assert_int_equal(reader_secure(r, false, structure.data, structure.len, dl, &answer), 0);
	assert_memory_equal(answer.data, "\x90\x00", 2);
	fuda_buf_clear(&answer);
	assert_int_equal(reader_secure(r, false, structure.data, structure.len, dl, &answer), 0);
	assert_memory_equal(answer.data, "\x64\x01", 2);
	assert_int_equal(reader_secure(r, true, structure.data, structure.len, dl, &answer), FUDA_ENOTSUP);
	assert_int_equal(reader_secure(r, false, structure.data, structure.len, dl, &answer), FUDA_EDEPARTED);
	assert_int_equal(open_reader("> 00 20 00 98 <typed>\n< 9000\n", "replay:t"), 0);
	assert_int_equal(reader_secure(r, false, structure.data, structure.len, dl, &answer), FUDA_ENOTSUP);
}

/* Nobody gets a trace instead of a card without asking for it. */
static void not_listed(void **state)
{
	(void)state;
	assert_null(driver_find("replay", 6)->list);
	assert_false(driver_find("replay", 6)->flags & DRIVER_HARDWARE);
}

int main(void)
{
#define DRIVER(f) cmocka_unit_test_setup_teardown(f, driver_set_up, driver_tear_down)
	static const struct CMUnitTest tests[] = {
		DRIVER(a_reader),
		DRIVER(an_early_end),
		DRIVER(failures),
		DRIVER(refused),
		DRIVER(deadlines),
		DRIVER(typed),
		DRIVER(not_listed),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, set_up, tear_down);
}
