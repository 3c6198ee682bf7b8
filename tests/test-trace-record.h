/* SPDX-License-Identifier: Apache-2.0 */
/* A recorder with a key that is always the same, and what it has written. */
#ifndef TESTS_TEST_TRACE_RECORD_H
#define TESTS_TEST_TRACE_RECORD_H

#include <errno.h>
#include <fuda/encode.h>

#include "tests/scratch.h"
#include "trace/record.h"

#define KEY "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n"
#define SELECT_JPKI "00A4040C0AD392F000260100000001"
#define SELECT_TEXT "00A4040C0AD3921000310001010408"

static struct fuda_context *ctx;
static struct trace_recorder *recorder;

static inline int setup(void **state)
{
	if (fuda_context_new(&ctx) < 0 || scratch_setup(state) < 0)
		return -1;
	mkdir(scratch_path("fuda"), 0700);
	scratch_write("fuda/trace.key", KEY, 0600);
	unsetenv("FUDA_TRACE");
	unsetenv("FUDA_TRACE_RAW");
	return 0;
}

static inline int teardown(void **state)
{
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

static inline int clean(void **state)
{
	(void)state;
	trace_recorder_free(&recorder);
	unlink(scratch_path("t"));
	unlink(scratch_path("fuda/config"));
	return 0;
}

static inline void open_recorder(const char *path, bool raw)
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
static inline int exchange_of(struct trace_recorder *r, const char *command, bool typed, const char *response,
			      int error)
{
	_cleanup_buf_ struct fuda_buf c = FUDA_BUF_INIT(70000), a = FUDA_BUF_INIT(70000);

	assert_int_equal(fuda_hex_decode(command, &c), 0);
	if (response)
		assert_int_equal(fuda_hex_decode(response, &a), 0);
	return trace_record_exchange(r, c.data, c.len, typed, a.data, a.len, error, 12345);
}

static inline void exchange(const char *command, const char *response)
{
	assert_int_equal(exchange_of(recorder, command, false, response, 0), 0);
}

/* The trace; its date and program must be right, and are left out. */
static inline const char *written(void)
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
static inline unsigned parses(const char *path)
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

#endif
