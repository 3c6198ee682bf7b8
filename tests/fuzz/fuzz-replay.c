/* SPDX-License-Identifier: Apache-2.0 */
/* Traces that are replayed: whatever they say, each command is answered or refused, a refusal is for good, and
 * no byte of a secret is told. The input is the trace; the program sends its commands, and others between. */
#include <fuda/error.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "tests/fuzz/fuzz.h"
#include "trace/describe.h"
#include "trace/replay.h"

#define FIRST TRACE_FIRST_LINE "\n"

static struct fuda_context *ctx;

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		FIRST "reader \"a\"\natr 3B 00\nsizes 261 258\npad both\npower on\n"
		      "> 00 A4 04 0C 0A $jpki\n< 9000 (1.000 ms)\n> 00 B0 00 00 04\n< 9000 \"JPKI\"\npower off\n",
		FIRST "> 00 20 00 98 04 <secret 4>\n< 63C2\n> 00 20 00 98 <typed>\n< 9000\nverify auth\n< 9000\n",
		FIRST "> 00 84 00 00 {n=..}\n< 9000 {n} 00\n> 00 88 00 00 * {n}\n! reset\n"
		      "> 00 84 00 00 ..{0-4} 00\n! removed\n",
		FIRST "repeat 3\n> 00 84 00 00 08\n< 9000 ..{8}\nend\n> 00 84 00 00\n",
		FIRST "key 1A2B3C4D\n> 00 D6 00 00 01 <data 1 0011223344556677>\n< 9000\n"
		      "> 00 84 00 00\n< 9000 <data 8 0011223344556677>\n",
		FIRST "reader \"a\"\n> 00 84 00 00\n< 6D00\nreader \"b\"\n> 00 B0 00 00\n< 9000|61xx *\n",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed(seeds[i], strlen(seeds[i]));
}

/* One command; once it ended, it ends all in the same way. */
static void send(struct trace_replay *t, const uint8_t *command, size_t len, bool typed)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(TRACE_BYTES_MAX + 2);
	bool ended = *trace_replay_why(t) != 0;
	uint64_t us;
	int e = trace_replay_command(t, command, len, typed, &response, &us);

	if (e > 0 || (e == 0) != (response.len >= 2) || (ended && e == 0))
		abort();
	if (e == FUDA_EDEPARTED && strcmp(trace_replay_why(t), fuda_context_message(ctx)) != 0)
		abort();
}

/* The program does what the trace says, with zeros where that is open, and sometimes something else. */
static void follow(struct trace_replay *t, struct trace_script *s, size_t salt)
{
	struct trace_statement next = TRACE_STATEMENT_INIT;
	static const uint8_t pin[] = { 0x00, 0x20, 0x00, 0x98, 0x04, 0xD1, 0xD2, 0xD3, 0xD4 };

	for (size_t n = 1; n < 64 && trace_script_next(s, &next) == 1; n++) {
		_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(TRACE_BYTES_MAX);
		struct trace_sketch sketch;
		size_t before = 0;
		bool typed;

		if (next.kind == TRACE_POWER)
			(void)trace_replay_power(t, next.word);
		if (next.kind != TRACE_COMMAND || trace_sketch(&next, &bytes, &sketch) < 0)
			continue;
		typed = trace_is_typed(&next, &before);
		send(t, bytes.data, typed && bytes.len > 4 ? 4 : bytes.len, typed);
		if ((n + salt) % 7 == 0)
			send(t, pin, sizeof(pin), false);
		if (strstr(trace_replay_why(t), "D1 D2 D3 D4"))
			abort();
	}
	trace_statement_free(&next);
}

static void replay(const char *path, bool loose, size_t salt)
{
	struct trace_replay *t = NULL;
	struct trace_script *s = NULL;

	if (trace_replay_open(ctx, path, loose, NULL, &t) < 0)
		return;
	if (salt % 3 == 0)
		trace_replay_ignore_power(t);
	if (trace_script_open(ctx, path, &s) < 0)
		abort();
	follow(t, s, salt);
	(void)trace_replay_over(t);
	if (trace_replay_finish(t) > 0)
		abort();
	trace_script_free(&s);
	trace_replay_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);
	char path[32];

	if (!ctx && fuda_context_new(&ctx) < 0)
		abort();
	/* no key, and none made */
	setenv("XDG_CONFIG_HOME", "/dev/null", 1); /* where nobody, root included, can make a folder */
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	replay(path, false, len);
	replay(path, true, len);
	close(fd);
	return 0;
}
