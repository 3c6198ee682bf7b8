/* SPDX-License-Identifier: Apache-2.0 */
/* Traces as those see them who read them: whatever a file holds, it is shown without anything that a
 * terminal obeys and in 100 columns, is the same as itself, is exported, and counted; all of them take
 * it or none. */
#include <stdbool.h>
#include <sys/mman.h>
#include <fuda/trace.h>

#include "codec/utf8.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"power on\n> 00 A4 04 0C 0A $jpki\n< 9000 (12.345 ms)\n> 00 B0 86 00 20\n"
		"< 9000 \"JPKIAPICCTOKEN2                 \"\n",
		"> 00 B0 86 00 20\n< 9000 \"\"\n",
		"date \"2026-11-21T03:04:05Z\"\nkey 1A2B3C4D\nreader \"pcsc:x\"\natr 3B 80 80 01 01\n"
		"> 00 20 00 98 04 <secret 4>\n< 63C2\n> 00 20 00 98 <typed>\n! removed\nverify auth\n< 9000\n",
		"> 00 A4 04 0C 0A $jpki\n< 9000\n> 00 B0 8A 00 04\n< 9000 30060201\n> 00 B0 00 04 04\n"
		"< 9000 01020102\n",
		"> 00 A4 04 0C 0A $text\n< 9000\n> 00 B0 82 00 1A\n"
		"< 9000 FF20 17 DF2108 000E 0020 0029 0034 DF22 09 \"太郎xyz\"\n",
		"> 00 A4 04 0C 0A $face\n< 9000\n> 00 B0 84 00 30\n< 9000 7F2125 5F4E22\n"
		"  3630303030323308 0530303100000000 3133313031323108 0530303000000000 9000\n",
		"> 00 84 00 00 00\n< 9000|61xx|$ok (<200 ms) ..{2} {x=..{4}} ..{2-8} * AA BB # note\n"
		"> 00 84 00 00 04 {x}\n< xxxx *\n",
		"name x = 00 01 \"abc\" $jpki\n> 80 2A 00 80 02 $x 00\n< 9000 <data 256 0011223344556677>\n"
		"wait 500 ms\nremove\ninsert\npower off\n",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), "fuda-trace 1\n%s", seeds[i]);
		fuzz_seed(text, strlen(text));
	}
}

enum { COLUMNS = 100, OUTPUT_MAX = 1 << 22 };

struct seen {
	size_t len, column;
	bool text;
};

/* No line is longer than the columns, with a byte a column, which most characters are longer than. */
static int see(void *arg, const void *bytes, size_t len)
{
	struct seen *s = arg;
	struct cursor c = cur_of(bytes, len);
	uint32_t ch;

	s->len += len;
	while (s->text && c.left) {
		if (utf8_next(&c, &ch) < 0 || (ch != '\n' && utf8_is_control(ch)))
			abort();
		s->column = ch == '\n' ? 0 : s->column + 1;
		if (s->column > COLUMNS)
			abort();
	}
	return s->len > OUTPUT_MAX ? -1 : 0;
}

static int certificate(void *arg, const uint8_t *der, size_t len, const struct fuda_trace_sink *sink)
{
	(void)arg;
	return len && der[0] == 0xFF ? -1 : sink->write(sink->arg, "a line\n", 7);
}

/* They take the same traces, but for what is too much to write. */
static void agree(int *all, int r)
{
	if (r == FUDA_EFILE || *all == FUDA_EFILE)
		return;
	if (*all > 0)
		*all = r;
	if (*all != r)
		abort();
}

static void read_all(struct fuda_context *ctx, const char *path)
{
	struct seen seen = { .text = true };
	struct fuda_trace_sink sink = { see, &seen };
	struct fuda_trace_show how = { false, certificate, NULL };
	struct fuda_trace_summary summary;
	struct fuda_trace_comparison found = { 0 };
	int all = 1;

	agree(&all, fuda_trace_show(ctx, path, NULL, &how, &sink));
	how = (struct fuda_trace_show){ .brief = true };
	seen = (struct seen){ .text = true };
	agree(&all, fuda_trace_show(ctx, path, NULL, &how, &sink));
	seen = (struct seen){ .text = true };
	agree(&all, fuda_trace_diff(ctx, path, path, NULL, &sink, &found));
	if (found.differences)
		abort();
	seen = (struct seen){ .text = false };
	agree(&all, fuda_trace_export(ctx, path, NULL, FUDA_TRACE_PCAPNG, &sink));
	if (all == 0 && seen.len % 4)
		abort();
	agree(&all, fuda_trace_export(ctx, path, NULL, FUDA_TRACE_JSON_LINES, &sink));
	agree(&all, fuda_trace_summarize(ctx, path, NULL, &summary));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char path[64];
	struct fuda_context *ctx;
	int fd;

	/* what is repeated a million times takes its time, and what is included is not the input's */
	if (memmem(data, len, "repeat", 6) || memmem(data, len, "include", 7))
		return 0;
	fd = memfd_create("trace", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		fuzz_die("memfd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fuda_context_new(&ctx) == 0)
		read_all(ctx, path);
	fuda_context_free(&ctx);
	close(fd);
	return 0;
}
