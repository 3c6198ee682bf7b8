/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of replaying: traces in files, and what is said of them. */
#ifndef TESTS_REPLAY_H
#define TESTS_REPLAY_H

#include <stdio.h>
#include <string.h>

#include "tests/cmocka.h"
#include "trace/statement.h"

static struct fuda_context *ctx;

/* Writes a trace of these statements. */
static inline void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fprintf(f, "%s\n%s", TRACE_FIRST_LINE, text) > 0);
	assert_int_equal(fclose(f), 0);
}

/* The last message has this in it. */
static inline void says(const char *what)
{
	if (!strstr(fuda_context_message(ctx), what))
		fail_msg("\"%s\" does not say \"%s\"", fuda_context_message(ctx), what);
}

#endif
