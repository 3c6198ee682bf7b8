/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/fuda.h"
#include "tools/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/encode.h>

enum { COMMAND_MAX = 65544 }; /* extended length: 4 + 3 + 65535 + 2 bytes */

static int show(struct call *call, struct report *list, const struct fuda_buf *response)
{
	const uint8_t *sw = response->data + response->len - 2;
	struct report *one;
	char text[2 * 2 + 1];
	int failed = 0;

	if (sw[0] != 0x90)
		fprintf(stderr, "fuda: %02X%02X: %s\n", sw[0], sw[1],
			fuda_status_text((uint16_t)(sw[0] << 8 | sw[1])));
	if (common.json) {
		one = report_object(list, NULL, NULL, NULL);
		report_hex(one, NULL, "data", response->data, response->len - 2);
		fuda_hex_encode(sw, 2, text);
		report_text(one, NULL, "sw", text);
		return 0;
	}
	for (size_t i = 0; i < response->len; i++)
		failed |= printf("%02X", response->data[i]) < 0;
	failed |= putchar('\n') == EOF || fflush(stdout);
	return failed ? call_fail(call, FUDA_EFILE, _("standard output cannot be written")) : 0;
}

/* `number`: which one of those given, for a mistake; its text may hold a secret. */
static int exchange(struct call *call, struct report *list, const char *hex, size_t number,
		    bool lines)
{
	_cleanup_buf_ struct fuda_buf command = FUDA_BUF_INIT(COMMAND_MAX);
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);
	int r = fuda_hex_decode(hex, &command);

	if (r == 0 && command.len < 4)
		return call_usage(call, lines ? _("line %zu is too short: a command APDU has 4 "
						  "bytes at least") :
					  _("argument %zu is too short: a command APDU has 4 bytes "
					    "at least"),
				  number);
	if (r < 0)
		return call_usage(call, lines ? _("line %zu is not a command APDU in hexadecimal") :
					  _("argument %zu is not a command APDU in hexadecimal"),
				  number);
	r = fuda_card_transmit(call->card, command.data, command.len, call->dl, &response);
	return r < 0 ? r : show(call, list, &response);
}

/* A line a command; empty lines and comments (#) do nothing. */
static int exchange_lines(struct call *call, struct report *list)
{
	char *line = NULL;
	size_t size = 0, number = 0;
	ssize_t len;
	int r = 0;

	while (r == 0 && (len = getline(&line, &size, stdin)) >= 0) {
		number++;
		if (len && line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (!line[strspn(line, " \t\r")] || *line == '#')
			continue;
		session_restart(call);
		r = exchange(call, list, line, number, true);
	}
	if (r == 0 && ferror(stdin))
		r = session_cancelled() ? call_fail(call, FUDA_ECANCELLED, _("cancelled")) :
					  call_fail(call, FUDA_EFILE, "%s: %s", _("standard input"),
						    strerror(errno));
	free(line);
	return r;
}

/* All at once and undisturbed; only what comes from standard input may take its time. */
static int exchange_operands(struct call *call, struct report *list)
{
	int r = fuda_card_begin(call->card, call->dl);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < call->operand_count; i++)
		r = exchange(call, list, call->operands[i], i + 1, false);
	fuda_card_end(call->card);
	return r;
}

static int run(struct call *call)
{
	struct report *list;
	int r = call_operands(call, 1, 4096);
	bool lines = r == 0 && strcmp(call->operands[0], "-") == 0;

	if (r == 0 && lines)
		r = call_operands(call, 1, 1);
	if (r == 0)
		r = call_open_card(call);
	if (r < 0)
		return r;
	call->raw = !common.json;
	list = report_list(call->report, NULL, "responses", NULL);
	return lines ? exchange_lines(call, list) : exchange_operands(call, list);
}

const struct fuda_command command_apdu = {
	.name = "apdu",
	.summary = N_("send command APDUs as they are (no PIN commands)"),
	.synopsis = "HEX...|-",
	.flags = COMMAND_CARD,
	.run = run,
};
