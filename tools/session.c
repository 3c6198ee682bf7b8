/* SPDX-License-Identifier: Apache-2.0 */
/* One call of a command: its time, its signals, its card, its failure. */
#include "tools/program.h"
#include "tools/report.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct fuda_deadline *cancel_target;
static volatile sig_atomic_t cancelled;

static void on_signal(int number)
{
	cancelled = number;
	fuda_deadline_cancel(cancel_target);
}

/* Without SA_RESTART: reads from a terminal or a pipe shall end as well. */
static void handle(void (*handler)(int))
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = handler };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
}

static void log_line(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s: ", program.name);
	print_safely(line, stderr);
	putc('\n', stderr);
}

int session_timeout_ms(void)
{
	return 1000 * (common.timeout ? common.timeout : TIMEOUT_DEFAULT);
}

int session_start(struct call *call)
{
	int r = fuda_context_new(&call->ctx);

	if (r < 0)
		return r;
	fuda_context_set_log(call->ctx,
			     common.verbose > 1 ? FUDA_LOG_DEBUG :
			     common.verbose > 0 ? FUDA_LOG_INFO :
						  FUDA_LOG_OFF,
			     log_line, NULL);
	r = fuda_deadline_new(session_timeout_ms(), &call->dl);
	if (r < 0)
		return r;
	cancel_target = call->dl;
	/* that nobody reads on is seen where it is written, not amid a job of the card */
	if (!(call->command->flags & COMMAND_FILTER))
		signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	handle(on_signal);
	return 0;
}

void session_finish(struct call *call)
{
	fuda_card_free(&call->card);
	if (call->dl)
		handle(SIG_DFL);
	fuda_deadline_free(&call->dl);
	fuda_context_free(&call->ctx);
}

bool session_cancelled(void)
{
	return cancelled;
}

void session_dies(void)
{
	handle(SIG_DFL);
}

bool session_interrupted(void)
{
	return cancelled == SIGINT;
}

void session_restart(struct call *call)
{
	fuda_deadline_restart(call->dl, session_timeout_ms());
}

int call_open_card(struct call *call)
{
	int r = fuda_card_open(call->ctx, common.reader, call->dl, &call->card);

	if (r < 0)
		return r;
	report_text(call->report, _("Reader"), "reader", fuda_card_reader(call->card));
	return 0;
}

void call_close_card(struct call *call)
{
	struct fuda_apdu_count n = fuda_card_apdus(call->card);

	call->apdus.count += n.count;
	call->apdus.sent += n.sent;
	call->apdus.received += n.received;
	fuda_card_free(&call->card);
}

int call_operands(struct call *call, size_t min, size_t max)
{
	if (call->operand_count < min)
		return call_usage(call, _("something is missing: %s %s %s"), program.name,
				  call->command->name, call->command->synopsis);
	if (call->operand_count > max)
		return call_usage(call, _("unexpected argument '%s'"), call->operands[max]);
	return 0;
}

int call_fail(struct call *call, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(call->message, sizeof(call->message), format, ap);
	va_end(ap);
	return code;
}

int call_usage(struct call *call, const char *format, ...)
{
	va_list ap;

	if (call->usage)
		return FUDA_EINVAL; /* the first mistake is the one worth telling */
	call->usage = true;
	va_start(ap, format);
	vsnprintf(call->message, sizeof(call->message), format, ap);
	va_end(ap);
	return FUDA_EINVAL;
}
