/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual reader with a recorder on it. In the end the trace must be one, with nothing in it that it
 * shall not show. */
#include "tests/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/softcard.h"
#include "trace/statement.h"

static char folder[64], path[96];

static const char *begin(void)
{
	snprintf(folder, sizeof(folder), "/tmp/fuda-stage.XXXXXX");
	if (!mkdtemp(folder))
		return "there is no place for a trace";
	snprintf(path, sizeof(path), "%s/trace.apdu", folder);
	setenv("FUDA_TRACE", path, 1);
	setenv("XDG_CONFIG_HOME", folder, 1);
	unsetenv("FUDA_TRACE_RAW");
	return NULL;
}

/* Values of the card that are long enough not to come about by themselves. */
static const char *const hidden[] = {
	SAMPLE_NAME, SAMPLE_ADDRESS, SAMPLE_MY_NUMBER, SAMPLE_B, SAMPLE_SIGN, OTHER_NAME, OTHER_MY_NUMBER, OTHER_B,
};

static bool shows(const struct trace_statement *s, const char *value)
{
	return s->bytes.len && memmem(s->bytes.data, s->bytes.len, value, strlen(value));
}

/* Counts the exchanges; -1 if it is no trace, or shows too much. */
static int check(struct fuda_context *ctx)
{
	_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;
	struct trace_parser *p;
	int exchanges = 0, r = trace_parser_open(ctx, path, NULL, &p);

	if (r < 0)
		return -1;
	while ((r = trace_parse(p, &s)) > 0) {
		exchanges += s.kind == TRACE_RESPONSE || s.kind == TRACE_FAILURE;
		for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
			if (shows(&s, hidden[i])) {
				trace_fail_at(p, s.line, FUDA_EFAILED, "a value of the card is shown");
				r = -1;
			}
		}
		if (r < 0)
			break;
	}
	trace_parser_free(&p);
	return r < 0 ? -1 : exchanges;
}

static void end(void)
{
	struct fuda_context *ctx;
	char command[128];
	int exchanges;

	if (fuda_context_new(&ctx) < 0)
		exit(1);
	exchanges = check(ctx);
	if (exchanges <= 0) {
		print_error("%s: %s\n", path, exchanges ? fuda_context_message(ctx) : "nothing was recorded");
		exit(1);
	}
	print_message("The trace is one, of %d exchanges.\n", exchanges);
	fuda_context_free(&ctx);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		exit(1);
}

const struct stage stage_trace = { "trace", begin, end, NULL, NULL, "trace:" };
