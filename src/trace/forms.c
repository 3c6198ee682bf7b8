/* SPDX-License-Identifier: Apache-2.0 */
/* How each statement is written: fuda-trace(5) as a table. */
#include "trace/parser.h"

#include <string.h>

const struct trace_form trace_forms[TRACE_KINDS] = {
	[TRACE_EMPTY] = { NULL, TRACE_SHAPE_NONE },
	[TRACE_COMMAND] = { ">", TRACE_SHAPE_ITEMS, .min = 4 },
	[TRACE_RESPONSE] = { "<", TRACE_SHAPE_RESPONSE },
	[TRACE_FAILURE] = { "!", TRACE_SHAPE_FAILURE,
			    "removed|gone|reset|timeout|cancelled|mute|lost|failed" },
	[TRACE_POWER] = { "power", TRACE_SHAPE_WORD, "on|reset|off" },
	[TRACE_VERIFY] = { "verify", TRACE_SHAPE_WORD, "auth|sign|text|juki|a|b|birth" },
	[TRACE_WAIT] = { "wait", TRACE_SHAPE_TIME },
	[TRACE_INSERT] = { "insert", TRACE_SHAPE_NONE },
	[TRACE_REMOVE] = { "remove", TRACE_SHAPE_NONE },
	[TRACE_INCLUDE] = { "include", TRACE_SHAPE_TEXT },
	[TRACE_REPEAT] = { "repeat", TRACE_SHAPE_NUMBER, .min = 1, .max = TRACE_REPEAT_MAX },
	[TRACE_END] = { "end", TRACE_SHAPE_NONE },
	[TRACE_NAME] = { "name", TRACE_SHAPE_NAME, .min = 1, .literal = true },
	[TRACE_READER] = { "reader", TRACE_SHAPE_TEXT },
	[TRACE_ATR] = { "atr", TRACE_SHAPE_ITEMS, .min = 2, .max = TRACE_ATR_MAX, .literal = true },
	[TRACE_PROTOCOL] = { "protocol", TRACE_SHAPE_WORD, "T=0|T=1|T=CL" },
	[TRACE_SIZES] = { "sizes", TRACE_SHAPE_NUMBERS, .min = 1, .max = TRACE_BYTES_MAX },
	[TRACE_PAD] = { "pad", TRACE_SHAPE_WORD, "verify|modify|both" },
	[TRACE_PROGRAM] = { "program", TRACE_SHAPE_TEXT },
	[TRACE_DATE] = { "date", TRACE_SHAPE_TEXT },
	[TRACE_TOKEN] = { "token", TRACE_SHAPE_WORD, "card|android|iphone" },
	[TRACE_KEY] = { "key", TRACE_SHAPE_ITEMS, .min = 4, .max = 4, .literal = true,
			.packed = true },
};

static const struct {
	int error;
	const char *word;
} failures[] = {
	{ FUDA_EREMOVED, "removed" }, { FUDA_EREADERGONE, "gone" },     { FUDA_ERESET, "reset" },
	{ FUDA_ETIMEOUT, "timeout" }, { FUDA_ECANCELLED, "cancelled" }, { FUDA_EMUTE, "mute" },
	{ FUDA_ETRANSPORT, "lost" },  { FUDA_EFAILED, "failed" },
};

const char *trace_failure_word(int error)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(failures) - 1 && failures[i].error != error)
		i++;
	return failures[i].word;
}

int trace_failure_error(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (strcmp(failures[i].word, word) == 0)
			return failures[i].error;
	return 0;
}
