/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program and records what passes between it and the card. */
#include "tools/fuda.h"
#include "tools/preload.h"
#include "tools/report.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fuda/trace.h>

#define FILE_DEFAULT "fuda-trace.apdu"
#define PLACE        "{reader}"

enum { STATUS_CANNOT_RUN = 126, STATUS_NOT_FOUND = 127, STATUS_SIGNAL = 128 }; /* as shells do */

static struct {
	const char *reader, *output;
	bool raw, force;
} options;

extern char **environ;

/* ---- its arguments ---- */

static bool has_place(const struct call *call)
{
	for (size_t i = 0; i < call->operand_count; i++)
		if (strstr(call->operands[i], PLACE))
			return true;
	return false;
}

/* A copy of `argument` with "trace:READER" for each {reader}; NULL: no memory. */
static char *fill_in(const char *argument)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (const char *p = argument, *place; p; p = place ? place + strlen(PLACE) : NULL) {
		place = strstr(p, PLACE);
		fwrite(p, 1, place ? (size_t)(place - p) : strlen(p), out);
		if (place)
			fprintf(out, "trace:%s", options.reader);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static void free_arguments(char ***argv)
{
	for (char **p = *argv; p && *p; p++)
		free(*p);
	free(*argv);
}

static char **make_arguments(const struct call *call)
{
	char **argv = calloc(call->operand_count + 1, sizeof(*argv));

	for (size_t i = 0; argv && i < call->operand_count; i++) {
		argv[i] = fill_in(call->operands[i]);
		if (!argv[i]) {
			free_arguments(&argv);
			return NULL;
		}
	}
	return argv;
}

/* ---- the program ---- */

static volatile sig_atomic_t child;

/* What the terminal sends it has got as well. */
static void forward(int number, siginfo_t *info, void *ucontext)
{
	int saved = errno;

	(void)ucontext;
	if (child && info->si_code <= 0)
		kill((pid_t)child, number);
	errno = saved;
}

static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };

/* Signals wait until it is known where they go; the program has them as it would without us. */
static int start(char **argv)
{
	struct sigaction action = { .sa_sigaction = forward, .sa_flags = SA_SIGINFO | SA_RESTART };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t signals, before, usual;
	pid_t pid;
	int e;

	sigemptyset(&signals);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGXFSZ);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&signals, forwarded[i]);
	sigprocmask(SIG_BLOCK, &signals, &before);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaction(forwarded[i], &action, NULL);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	posix_spawnattr_setsigmask(&attributes, &before);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	e = common.json ? posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO) :
			  0;
	e = e ? e : posix_spawnp(&pid, argv[0], &files, &attributes, argv, environ);
	child = e ? 0 : (sig_atomic_t)pid;
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return e;
}

/* Its exit status. No signal is sent to a process that may be another one by now. */
static int wait_for_end(void)
{
	pid_t pid = (pid_t)child;
	siginfo_t info;
	int status = 0;

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	child = 0;
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? STATUS_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The trace grows beside the file that it becomes, so that what stood there is lost only to one in
 * which there is something. */
static char *growing_name(void)
{
	char *name;

	return asprintf(&name, "%s.part", options.output) < 0 ? NULL : name;
}

static int run_program(struct call *call)
{
	_cleanup_(free_arguments) char **argv = make_arguments(call);
	int e;

	if (!argv)
		return FUDA_ENOMEM;
	e = start(argv);
	if (e) {
		call->status = e == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
		return call_fail(call, FUDA_EFILE, "%s: %s", argv[0], strerror(e));
	}
	call->status = wait_for_end();
	return 0;
}

/* ---- the command ---- */

static void tell(const struct fuda_trace_summary *s, bool place)
{
	if (s->commands) {
		fprintf(stderr,
			ngettext("fuda: %lu command is recorded in %s.\n",
				 "fuda: %lu commands are recorded in %s.\n", s->commands),
			s->commands, options.output);
		return;
	}
	fputs(_("fuda: No command to a card was recorded. "), stderr);
	if (s->readers)
		fprintf(stderr, _("%s tells of the card alone.\n"), options.output);
	else if (place)
		fputs(_("Perhaps the program did not get as far as the card.\n"), stderr);
	else
		fputs(_("Perhaps the program did not get as far as the card, does not use PC/SC "
			"(if it is fuda with another reader, give {reader} as its reader), or lets "
			"no library in: statically linked or setuid.\n"),
		      stderr);
}

static int conclude(struct call *call, const char *growing, int fd, bool place)
{
	struct fuda_trace_summary s;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return call_fail(call, FUDA_EFILE, "%s: %s", growing, strerror(errno));
	if (!(st.st_mode & S_IWUSR)) /* as whoever could not write on has left it */
		return call_fail(call, FUDA_EFILE,
				 _("The trace could not be written to its end, and may have a "
				   "hole: what there is of it is in %s"),
				 growing);
	r = fuda_trace_summarize(call->ctx, growing, call->dl, &s);
	if (r < 0)
		return r;
	if (s.readers && rename(growing, options.output) < 0)
		return call_fail(call, FUDA_EFILE, _("The trace is in %s: %s: %s"), growing,
				 options.output, strerror(errno));
	if (!s.readers)
		unlink(growing);
	report_text(call->report, NULL, "file", s.readers ? options.output : NULL);
	report_number(call->report, NULL, "commands", (long)s.commands);
	report_number(call->report, NULL, "failures", (long)s.failures);
	report_number(call->report, NULL, "status", call->status);
	tell(&s, place);
	return 0;
}

static int check(struct call *call, bool place)
{
	int r = call_operands(call, 1, SIZE_MAX);

	if (r < 0)
		return r;
	if (options.output && strcmp(options.output, "-") == 0)
		return call_usage(call, _("standard output is the program's: give the trace a "
					  "FILE"));
	if (options.output && !*options.output)
		return call_usage(call, _("the name of the FILE is empty"));
	if (place && !options.reader)
		return call_usage(call, _("what shall %s be? Give it with --reader"), PLACE);
	if (!place && options.reader)
		return call_usage(call,
				  _("--reader is what %s in the command stands for, and it "
				    "is not there"),
				  PLACE);
	return 0;
}

static void warn(void)
{
	if (options.raw)
		fprintf(stderr,
			_("fuda: %s will show what the card holds about its owner: name, address, "
			  "My Number, face. Keep it as you would keep the card. (PINs are never "
			  "shown.)\n"),
			options.output);
}

static int record(struct call *call, const char *growing, bool place)
{
	int r = place ? 0 : preload_library(call, NULL), fd;

	if (r == 0)
		r = fuda_trace_create(call->ctx, growing, options.raw, options.force, &fd);
	if (r < 0)
		return r;
	r = preload_trace(call, growing, options.raw);
	if (r == 0) {
		warn();
		call->raw = !common.json;
		r = run_program(call);
	}
	if (r < 0)
		unlink(growing);
	else
		r = conclude(call, growing, fd, place);
	close(fd); /* until here no other recording takes the file */
	return r;
}

/* Only a file is replaced: a device would be lost, and of a link it is what it points to. */
static int choose_output(struct call *call, char room[PATH_MAX])
{
	struct stat st;

	if (!options.output)
		options.output = FILE_DEFAULT;
	if (stat(options.output, &st) < 0)
		return 0;
	if (!S_ISREG(st.st_mode))
		return call_fail(call, FUDA_EFILE, _("%s is there already, and no file."),
				 options.output);
	if (!options.force)
		return call_fail(call, FUDA_EFILE,
				 _("%s is there already. Choose another file (-o), or replace it "
				   "(--force)."),
				 options.output);
	if (lstat(options.output, &st) == 0 && S_ISLNK(st.st_mode) &&
	    realpath(options.output, room))
		options.output = room;
	return 0;
}

static int run(struct call *call)
{
	bool place = has_place(call);
	char *growing, room[PATH_MAX];
	int r = check(call, place);

	if (r == 0)
		r = choose_output(call, room);
	if (r < 0)
		return r;
	growing = growing_name();
	r = growing ? record(call, growing, place) : FUDA_ENOMEM;
	free(growing);
	return r;
}

static const struct option_spec table[] = {
	{ "reader", 'r', "NAME", N_("reader that {reader} in the command stands for"), OPTION_TEXT,
	  &options.reader },
	{ "out", 'o', "FILE", N_("write the trace to FILE (fuda-trace.apdu)"), OPTION_TEXT,
	  &options.output },
	{ "raw", 0, NULL, N_("record what is personal, too (never PINs)"), OPTION_SWITCH,
	  &options.raw },
	{ "force", 0, NULL, N_("replace FILE if it is there"), OPTION_SWITCH, &options.force },
	{ NULL },
};

const struct fuda_command command_trace_record = {
	.name = "trace record",
	.summary = N_("run a program and record what passes between it and the card"),
	.synopsis = "COMMAND [ARGUMENT]...",
	.options = table,
	.run = run,
	.flags = COMMAND_RUNS,
};
