/* SPDX-License-Identifier: Apache-2.0 */
/* How a call ends: what it found is printed, and why it failed. */
#include "tools/program.h"
#include "tools/report.h"

#include <stdio.h>
#include <string.h>

static void add_apdus(struct call *call)
{
	struct fuda_apdu_count n = call->apdus;
	struct report *apdus;
	char shown[160];

	if (call->card) {
		struct fuda_apdu_count last = fuda_card_apdus(call->card);

		n.count += last.count;
		n.sent += last.sent;
		n.received += last.received;
	}
	snprintf(shown, sizeof(shown), _("%lu (%lu bytes sent, %lu received)"), n.count, n.sent,
		 n.received);
	apdus = report_object(call->report, _("APDUs"), "apdus", shown);
	report_number(apdus, NULL, "count", (long)n.count);
	report_number(apdus, NULL, "sent", (long)n.sent);
	report_number(apdus, NULL, "received", (long)n.received);
}

/* The word for programs, and what it means to people. */
static void add_verdict(struct call *call)
{
	static const char *const meanings[] = {
		[FUDA_RESULT_INVALID_CERTIFICATE] = N_("the certificate is not accepted"),
		[FUDA_RESULT_UNSUPPORTED_CERTIFICATE] = N_("a kind of certificate not known here"),
		[FUDA_RESULT_CERTIFICATE_EXPIRED] = N_("the certificate has expired"),
		[FUDA_RESULT_CERTIFICATE_REVOKED] = N_("the certificate is revoked"),
		[FUDA_RESULT_SIGNATURE_MISMATCH] = N_("the signature does not fit"),
		[FUDA_RESULT_REVOCATION_UNKNOWN] = N_("not known whether it is revoked"),
	};
	enum fuda_result result = call->verdict.result;
	const char *word = fuda_result_name(result);
	char shown[200];

	if (result == FUDA_RESULT_OK)
		snprintf(shown, sizeof(shown), "%s", word);
	else if (strcmp(call->verdict.rule, "authority_unknown") == 0)
		snprintf(shown, sizeof(shown), _("%s (%s)"), word,
			 _("signatures fit, but who signed is not known"));
	else
		snprintf(shown, sizeof(shown), _("%s (%s)"), word,
			 _(call->refused ? call->refused : meanings[result]));
	report_word(call->report, _("Result"), "result", word, shown);
}

/* `result` is ok, or what was wrong with a certificate or signature; a failure before there was a
 * verdict has none. */
void call_conclude(struct call *call, int code)
{
	if (call->concluded)
		return;
	call->concluded = true;
	if (call->card && !call->world_told)
		report_text(call->report, NULL, "world", fuda_world_name(FUDA_WORLD_UNKNOWN));
	if (call->card || call->apdus.count)
		add_apdus(call);
	if (call->judged)
		add_verdict(call);
	else if (code == 0)
		report_text(call->report, NULL, "result", fuda_result_name(FUDA_RESULT_OK));
}

static const char *message_of(const struct call *call, int code)
{
	if (call->message[0])
		return call->message;
	if (call->ctx && fuda_context_message(call->ctx)[0])
		return fuda_context_message(call->ctx);
	return fuda_error_text(code);
}

static void add_failure(struct call *call, int code)
{
	bool librarys = !call->message[0] && call->ctx;
	char message[sizeof(call->message) + sizeof(call->remark)], sw[8];

	snprintf(message, sizeof(message), "%s%s%s", message_of(call, code),
		 call->remark[0] ? " " : "", call->remark);
	report_text(call->report, NULL, "error", fuda_error_name(code));
	report_text(call->report, NULL, "message", message);
	if (!librarys)
		return;
	report_text(call->report, NULL, "step", fuda_context_step(call->ctx));
	snprintf(sw, sizeof(sw), "%04X", fuda_context_sw(call->ctx));
	if (fuda_context_sw(call->ctx))
		report_text(call->report, NULL, "sw", sw);
}

/* Whether a person is helped by what was being done, because the message cannot know. */
static bool step_matters(int code)
{
	enum { FAILED = 1, TIME = 8, UNKNOWN = 10 };
	int status = fuda_error_exit_status(code);

	return status == FAILED || status == TIME || status == UNKNOWN;
}

static void tell_failure(const struct call *call, int code)
{
	const char *step = call->message[0] || !call->ctx ? "" : fuda_context_step(call->ctx);
	const char *hint = program.hint && !call->hinted ? program.hint(code) : NULL;
	char doing[200];

	fprintf(stderr, "%s: ", program.name);
	print_safely(message_of(call, code), stderr);
	if (*step && step_matters(code)) {
		snprintf(doing, sizeof(doing), _(" (%s)"), step);
		print_safely(doing, stderr);
	}
	putc('\n', stderr);
	if (call->remark[0]) {
		print_safely(call->remark, stderr);
		putc('\n', stderr);
	}
	if (hint)
		fprintf(stderr, "%s\n", _(hint));
	if (call->usage)
		fprintf(stderr, _("'%s %s --help' explains the command.\n"), program.name,
			call->command->name);
}

int program_finish(struct call *call, int code)
{
	int r = 0;

	if (!call->report)
		return fuda_error_exit_status(code);
	call_conclude(call, code);
	if (code < 0)
		add_failure(call, code);
	if (common.json && !call->raw)
		r = report_print_json(call->report, stdout);
	else if (!common.json && !call->raw && (code == 0 || call->shown))
		r = report_print_text(call->report, stdout);
	else if (fflush(stdout))
		r = FUDA_EFILE;
	if (code < 0)
		tell_failure(call, code);
	if (r < 0)
		fprintf(stderr, _("%s: the report cannot be written: %s\n"), program.name,
			fuda_error_text(r));
	if (r < 0 && code == 0)
		fprintf(stderr, _("%s: what the command was to do is done.\n"), program.name);
	return call->status ? call->status : fuda_error_exit_status(code < 0 ? code : r);
}
