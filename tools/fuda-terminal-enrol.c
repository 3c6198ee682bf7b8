/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mykey-common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/prompt.h"
#include "tools/report.h"

enum { POLL_SECONDS_MIN = 1, POLL_SECONDS_FAILED = 10, POLL_SECONDS_MAX = 3600 };

static const char *server, *ca, *code_file;
static bool wait_for_it;

/* ---- the code of the operator ---- */

static int read_code_file(struct call *call, struct line *to)
{
	struct timespec end;
	int fd = open(code_file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;

	if (fd < 0)
		return call_fail(call, FUDA_EFILE, "%s: %s", code_file, strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += session_timeout_ms() / 1000;
	r = line_read(fd, &end, to);
	close(fd);
	if (r == FUDA_ENOTFOUND || (r == 0 && !to->len))
		return call_usage(call, _("%s: there is no code in it"), code_file);
	return r < 0 ? call_fail(call, r, _("%s: the code cannot be read"), code_file) : 0;
}

static int ask_code(struct call *call, struct line *to)
{
	int r;

	if (!prompt_possible())
		return call_usage(call, _("there is no terminal to type the code on: give "
					  "--code-file"));
	r = prompt_line(_("Enter the code that the operator gave you: "), to);
	session_restart(call);
	if (r == FUDA_ECANCELLED)
		return call_fail(call, r, _("cancelled; nothing was sent"));
	return r < 0 ? call_fail(call, r, _("the terminal cannot be read")) : 0;
}

/* As a C string. */
static int get_code(struct call *call, struct line *to)
{
	int r = code_file ? read_code_file(call, to) : ask_code(call, to);

	if (r == 0 && (to->len >= sizeof(to->text) || memchr(to->text, 0, to->len)))
		return call_usage(call, _("that cannot be a code"));
	if (r == 0)
		to->text[to->len] = '\0';
	return r;
}

/* ---- waiting for approval ---- */

static void sleep_until(time_t when)
{
	time_t seconds = when - time(NULL);
	struct timespec left = { .tv_sec = seconds < POLL_SECONDS_MIN ? POLL_SECONDS_MIN :
					   seconds > POLL_SECONDS_MAX ? POLL_SECONDS_MAX :
									seconds };

	while (!session_cancelled() && nanosleep(&left, &left) < 0)
		;
}

/* What may be over by the next time: an operator's answer is worth waiting for. */
static bool passes(int code)
{
	return code == FUDA_EUNREACHABLE || code == FUDA_EWAIT || code == FUDA_ETIMEOUT;
}

static int await_approval(struct call *call, struct fuda_terminal *terminal)
{
	struct fuda_terminal_facts facts;
	int r = fuda_terminal_facts(terminal, &facts), asked = 0;

	while (r == 0 && facts.state <= FUDA_TERMINAL_APPLIED) {
		/* who does not answer or has too much to do is not asked each second */
		sleep_until(asked < 0 ? time(NULL) + POLL_SECONDS_FAILED : facts.retry_at);
		if (session_cancelled())
			return call_fail(call, FUDA_ECANCELLED,
					 _("not waited any longer; 'fuda terminal status', with "
					   "the same --terminal, asks again"));
		session_restart(call);
		r = asked = fuda_terminal_poll(terminal, call->dl);
		if (r == 0 || passes(r))
			r = fuda_terminal_facts(terminal, &facts);
	}
	return r;
}

/* ---- the command ---- */

/* Shown while it waits, so that the person can tell it to the operator. */
static void show_request(struct fuda_terminal *terminal)
{
	struct fuda_terminal_facts f;

	if (fuda_terminal_facts(terminal, &f) < 0 || f.state > FUDA_TERMINAL_APPLIED)
		return;
	fputs(_("Tell the operator this, who approves the terminal after comparing it:\n"), stderr);
	for (size_t i = 0; f.request[i]; i++)
		fprintf(stderr, "%s%c",
			i % 4  ? "" :
			i % 32 ? " " :
			i      ? "\n  " :
				 "  ",
			f.request[i]);
	fputs("\n", stderr);
}

static int enrol(struct call *call, const char *code)
{
	struct fuda_terminal *terminal = NULL;
	struct fuda_terminal_facts facts;
	int r = fuda_terminal_enrol(call->ctx, mykey_terminal, server, ca, code, call->dl,
				    &terminal);

	if (r < 0)
		return r;
	show_request(terminal);
	if (wait_for_it) {
		r = await_approval(call, terminal);
		call->shown = true;
	}
	if (mykey_report_terminal(call, terminal, 0, &facts) == 0 && r == 0 &&
	    facts.state <= FUDA_TERMINAL_APPLIED)
		fputs(_("'fuda terminal status', with the same --terminal, asks whether it is "
			"approved.\n"),
		      stderr);
	fuda_terminal_free(&terminal);
	return r;
}

static int run(struct call *call)
{
	struct line code;
	int r = call_operands(call, 0, 0);

	if (r == 0 && !server)
		r = call_usage(call, _("--server is missing: the service, https://host[:port]"));
	if (r == 0 && !ca)
		r = call_usage(call, _("--ca is missing: the file of the CA that the service's "
				       "certificate is from"));
	if (r < 0)
		return r;
	line_start(&code);
	r = get_code(call, &code);
	if (r == 0)
		r = enrol(call, code.text);
	line_end(&code);
	return r;
}

static const struct option_spec options[] = {
	{ "server", 's', "URL", N_("the service: https://host[:port]"), OPTION_TEXT, &server },
	{ "ca", 0, "FILE", N_("the CA that the service's certificate is from, as PEM"), OPTION_TEXT,
	  &ca },
	{ "code-file", 0, "FILE", N_("read the operator's code from FILE"), OPTION_TEXT,
	  &code_file },
	{ "wait", 0, NULL, N_("wait until an operator approves it"), OPTION_SWITCH, &wait_for_it },
	MYKEY_TERMINAL_OPTION,
	{ NULL },
};

const struct fuda_command command_terminal_enrol = {
	.name = "terminal enrol",
	.summary = N_("make this machine a terminal of a MyKey platform"),
	.synopsis = "--server URL --ca FILE",
	.options = options,
	.flags = COMMAND_ONLINE,
	.run = run,
};
