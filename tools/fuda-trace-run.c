/* SPDX-License-Identifier: Apache-2.0 */
/* Runs scripts against a card: what they act on is a card, the person before it, and the clock. */
#include "tools/fuda.h"
#include "tools/report.h"
#include "tools/results.h"
#include "tools/secrets.h"

#include <fcntl.h>
#include <fuda/reader.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum {
	SECRETS_MAX = 64, /* of a script, asked for before it runs */
	LOOK_MS = 20,	  /* between looks at a program that runs */
	GRACE_MS = 2000,  /* from being asked to end to being ended */
};

static bool tap, stop;
static const char *junit, *on_insert, *on_remove;

/* A script on its card. */
struct stand {
	struct call *call;
	char *reader; /* the full name of the card's */
	bool job;
	struct {
		enum fuda_pin pin;
		const char *application; /* static */
		bool wrong;
		struct fuda_secret *secret;
	} secrets[SECRETS_MAX];
	size_t asked, used;
};

/* Why a callback of the library fails; the words are the library's from then on. */
static int fail(struct stand *s, int code, const char *text)
{
	return fuda_context_fail(s->call->ctx, code, text);
}

/* ---- commands ---- */

static int ready(struct stand *s)
{
	session_restart(s->call);
	if (!s->call->card)
		return fail(s, FUDA_EREMOVED, _("there is no card: the script has it removed"));
	return 0;
}

static int do_transmit(void *arg, const uint8_t *command, size_t len, struct fuda_buf *ret_response)
{
	struct stand *s = arg;
	int r = ready(s);

	return r < 0 ? r :
		       fuda_card_transmit(s->call->card, command, len, s->call->dl, ret_response);
}

static int do_verify(void *arg, enum fuda_pin pin, const char *application, uint16_t *ret_sw)
{
	struct stand *s = arg;
	struct fuda_pin_entry entry;
	int r = ready(s);

	if (r < 0)
		return r;
	/* what was captured, or not selected, may lead elsewhere than what was read through */
	if (s->used == s->asked || s->secrets[s->used].pin != pin ||
	    strcmp(s->secrets[s->used].application, application) != 0)
		return fail(s, FUDA_EDEPARTED,
			    _("another secret is needed than the script lets expect"));
	entry = FUDA_PIN_ENTRY(s->secrets[s->used].secret);
	entry.use_last_try = common.use_last_try;
	r = fuda_pin_verify(s->call->card, pin, application, &entry, s->call->dl);
	fuda_secret_free(&s->secrets[s->used++].secret);
	*ret_sw = entry.sw;
	return r;
}

static int do_query(void *arg, uint8_t p2, bool five_bytes, struct fuda_buf *ret_response)
{
	struct stand *s = arg;
	int r = ready(s);

	return r < 0 ? r :
		       fuda_pin_query(s->call->card, p2, five_bytes, s->call->dl, ret_response);
}

static int do_power(void *arg, const char *how)
{
	static const struct {
		const char *word;
		enum fuda_power how;
	} words[] = {
		{ "on", FUDA_POWER_ON },
		{ "reset", FUDA_POWER_RESET },
		{ "off", FUDA_POWER_OFF },
	};
	struct stand *s = arg;
	int r = ready(s);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].word, how) == 0)
			return fuda_card_power(s->call->card, words[i].how, s->call->dl);
	return r < 0 ? r : fail(s, FUDA_EINVAL, fuda_error_text(FUDA_EINVAL));
}

static int do_wait(void *arg, uint64_t us)
{
	struct stand *s = arg;
	struct timespec left = { .tv_sec = (time_t)(us / 1000000),
				 .tv_nsec = (long)(us % 1000000) * 1000 };

	while (!session_cancelled() && nanosleep(&left, &left) < 0)
		;
	return session_cancelled() ? fail(s, FUDA_ECANCELLED, _("cancelled")) : 0;
}

/* ---- insert and remove ---- */

/* Starts a command of the shell, in a process group of its own. What it prints is talk, and no part
 * of our report; it does not ignore the signals that we do, and has nothing that secrets are read
 * from. */
static int start_shell(const char *command, pid_t *ret)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, strdup(command), NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t usual;
	int r = argv[2] ? posix_spawn_file_actions_init(&actions) : -1;

	if (r == 0) {
		sigemptyset(&usual);
		sigaddset(&usual, SIGPIPE);
		sigaddset(&usual, SIGXFSZ);
		posix_spawnattr_init(&attributes);
		posix_spawnattr_setsigdefault(&attributes, &usual);
		posix_spawnattr_setflags(&attributes,
					 POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
		r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						     0);
		if (r == 0 && common.pin_fd > STDERR_FILENO)
			r = posix_spawn_file_actions_addclose(&actions, common.pin_fd);
		if (r == 0)
			r = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO,
							     STDOUT_FILENO);
		if (r == 0)
			r = posix_spawn(ret, "/bin/sh", &actions, &attributes, argv, environ);
		posix_spawnattr_destroy(&attributes);
		posix_spawn_file_actions_destroy(&actions);
	}
	free(argv[2]);
	return r;
}

/* Whether it ends within `ms`, or until we are told to end. It is left as it is, so that its number
 * is nobody else's yet. */
static bool ends_within(pid_t pid, int ms, bool heed)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };
	siginfo_t info = { .si_pid = 0 };

	for (; ms > 0 && !(heed && session_cancelled()); ms -= LOOK_MS) {
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* Runs a command of the shell to its end, or ends it with all that it started. */
static int run_shell(struct stand *s, const char *command)
{
	pid_t pid;
	int status = 0;
	bool ended;

	if (start_shell(command, &pid))
		return fail(s, FUDA_EFAILED, _("the shell cannot be started"));
	ended = ends_within(pid, session_timeout_ms(), true);
	if (!ended) {
		kill(-pid, SIGTERM);
		ends_within(pid, GRACE_MS, false);
		kill(-pid, SIGKILL);
	}
	if (waitpid(pid, &status, 0) < 0)
		status = -1;
	if (session_cancelled())
		return fail(s, FUDA_ECANCELLED, _("cancelled"));
	if (!ended)
		return fail(s, FUDA_ETIMEOUT,
			    _("the command of --on-insert or --on-remove took too long and was "
			      "ended: --timeout gives it more time"));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return fail(s, FUDA_EFAILED,
			    _("the command of --on-insert or --on-remove failed"));
	return 0;
}

/* Whether `name`, of a card, is the reader that is listed as `listed`, or stands on it. */
static bool stands_on(const char *name, const char *listed)
{
	size_t len = strlen(name), inner = strlen(listed);

	return inner <= len && strcmp(name + len - inner, listed) == 0 &&
	       (inner == len || name[len - inner - 1] == ':');
}

/* Waits for the events that say that a card is there, or none. */
static int await(struct stand *s, bool there)
{
	struct fuda_reader_watch *w;
	struct fuda_reader_event event;
	int r = fuda_reader_watch_new(s->call->ctx, &w);
	bool done = false;

	while (r == 0 && !done) {
		r = fuda_reader_watch_next(w, s->call->dl, &event);
		if (r == 0 && stands_on(s->reader, event.reader.name))
			done = there ? event.kind == FUDA_CARD_INSERTED || event.reader.card :
				       event.kind == FUDA_CARD_REMOVED ||
					       event.kind == FUDA_READER_REMOVED ||
					       !event.reader.card;
	}
	fuda_reader_watch_free(&w);
	return r;
}

/* Whether a reader can tell of cards that come and go. */
static int is_listed(struct stand *s, bool *ret)
{
	struct fuda_reader_list *list;
	const struct fuda_reader_info *info;
	int r = fuda_reader_list_new(s->call->ctx, s->call->dl, &list);

	*ret = false;
	if (r == FUDA_ETIMEOUT || r == FUDA_ECANCELLED || r == FUDA_ENOMEM)
		return r;
	for (size_t i = 0; r == 0 && (info = fuda_reader_list_get(list, i)); i++)
		*ret |= stands_on(s->reader, info->name);
	if (r == 0)
		fuda_reader_list_free(&list);
	return 0;
}

static int begin_job(struct stand *s)
{
	int r = fuda_card_begin(s->call->card, s->call->dl);

	s->job = r == 0;
	return r;
}

static void end_job(struct stand *s)
{
	if (s->job && s->call->card)
		fuda_card_end(s->call->card);
	s->job = false;
}

static int do_presence(void *arg, bool there)
{
	struct stand *s = arg;
	const char *command = there ? on_insert : on_remove;
	bool listed;
	int r;

	session_restart(s->call);
	end_job(s);
	fuda_card_free(&s->call->card);
	r = is_listed(s, &listed);
	if (r == 0 && !listed && !command)
		return fail(s, FUDA_ENOTSUP,
			    there ? _("this reader does not tell when a card comes: give "
				      "--on-insert") :
				    _("this reader does not tell when a card goes: give "
				      "--on-remove"));
	if (r == 0 && command)
		r = run_shell(s, command);
	else if (r == 0)
		fputs(there ? _("Insert the card, or lay it on.\n") : _("Remove the card.\n"),
		      stderr);
	if (r == 0 && listed)
		r = await(s, there);
	if (r == 0 && there)
		r = fuda_card_open(s->call->ctx, s->reader, s->call->dl, &s->call->card);
	return r == 0 && there ? begin_job(s) : r;
}

/* ---- a script ---- */

static int note_secret(void *arg, enum fuda_pin pin, const char *application, bool wrong)
{
	struct stand *s = arg;

	if (s->asked == SECRETS_MAX)
		return fail(s, FUDA_ETOOBIG,
			    _("the script presents more secrets than can be asked for at once: "
			      "make several scripts of it"));
	s->secrets[s->asked].pin = pin;
	s->secrets[s->asked].application = application;
	s->secrets[s->asked++].wrong = wrong;
	return 0;
}

/* Before anything is sent: PINs are at hand before the card is held. */
static int ask_secrets(struct stand *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->asked; i++) {
		if (s->secrets[i].wrong && common.pin_fd < 0 && !common.pin_file)
			fputs(_("The script expects that the next one is not accepted.\n"), stderr);
		r = secret_ask(s->call, s->secrets[i].pin, s->secrets[i].application,
			       &s->secrets[i].secret);
	}
	return r;
}

static int run_on_card(struct stand *s, const char *path, struct results *results)
{
	static const struct fuda_trace_target target = {
		.transmit = do_transmit,
		.verify = do_verify,
		.query = do_query,
		.power = do_power,
		.presence = do_presence,
		.wait = do_wait,
	};
	struct fuda_trace_target at = target;
	int r;

	at.arg = s;
	session_restart(s->call);
	r = begin_job(s);
	if (r == 0)
		r = fuda_card_power(s->call->card, FUDA_POWER_ON, s->call->dl);
	if (r == 0)
		r = fuda_trace_run(s->call->ctx, path, s->call->dl, &at, stop, results_step,
				   results);
	end_job(s);
	return r;
}

/* The same card for all scripts, of which the one before may have had it removed. */
static int open_card(struct call *call, char **reader)
{
	int r;

	if (call->card)
		return 0;
	if (*reader)
		return fuda_card_open(call->ctx, *reader, call->dl, &call->card);
	r = call_open_card(call);
	if (r == 0)
		*reader = strdup(fuda_card_reader(call->card));
	return r == 0 && !*reader ? FUDA_ENOMEM : r;
}

static int run_script(struct call *call, char **reader, const char *path, struct results *results)
{
	struct stand s = { .call = call };
	int r;

	results_script(results, path);
	r = fuda_trace_secrets(call->ctx, path, call->dl, note_secret, &s);
	if (r == 0)
		r = open_card(call, reader);
	s.reader = *reader;
	if (r == 0)
		r = ask_secrets(&s);
	if (r == 0)
		r = run_on_card(&s, path, results);
	for (size_t i = 0; i < s.asked; i++)
		fuda_secret_free(&s.secrets[i].secret);
	results_script_end(results, r);
	return r;
}

/* A script is read through before it is run: a pipe would be empty then. */
static int check_file(struct call *call, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return 0; /* what else is wrong with it is said by who reads it */
	return call_fail(call, FUDA_EFILE,
			 _("%s: a script is read more than once, so it has to be a file: write it "
			   "to one, and run that"),
			 path);
}

/* A mistake in any of them is known before a card is waited for, and what is lacking before
 * anything is sent. */
static int read_scripts(struct call *call, struct results *results)
{
	size_t secrets = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < call->operand_count; i++) {
		struct stand s = { .call = call };

		r = check_file(call, call->operands[i]);
		if (r == 0)
			r = fuda_trace_secrets(call->ctx, call->operands[i], call->dl, note_secret,
					       &s);
		secrets += s.asked;
		if (r < 0) {
			results_script(results, call->operands[i]);
			results_script_end(results, r);
		}
	}
	session_restart(call);
	return r < 0 ? r : secret_expect(call, secrets);
}

static int run_scripts(struct call *call, struct results *results)
{
	char *reader = NULL;
	int r = 0, failed = 0;

	for (size_t i = 0; r == 0 && i < call->operand_count; i++) {
		r = run_script(call, &reader, call->operands[i], results);
		if (r == FUDA_EDEPARTED && !stop) {
			failed = r;
			r = 0;
		}
	}
	free(reader);
	return r < 0 ? r : failed;
}

static int run(struct call *call)
{
	struct results results;
	int r = call_operands(call, 1, 4096);

	if (r == 0 && tap && common.json)
		r = call_usage(call, _("--tap and --json exclude each other"));
	if (r == 0)
		r = results_start(call, tap, junit, &results);
	if (r < 0)
		return r;
	r = read_scripts(call, &results);
	if (r == 0)
		r = run_scripts(call, &results);
	return results_end(&results, r);
}

static const struct option_spec options[] = {
	{ "tap", 0, NULL, N_("print each step by the Test Anything Protocol"), OPTION_SWITCH,
	  &tap },
	{ "junit", 0, "FILE", N_("write each step to FILE as JUnit does"), OPTION_TEXT, &junit },
	{ "stop", 0, NULL, N_("end at the first step that fails"), OPTION_SWITCH, &stop },
	{ "on-insert", 0, "COMMAND", N_("have this command of the shell insert the card"),
	  OPTION_TEXT, &on_insert },
	{ "on-remove", 0, "COMMAND", N_("have this command of the shell remove the card"),
	  OPTION_TEXT, &on_remove },
	{ NULL },
};

const struct fuda_command command_trace_run = {
	.name = "trace run",
	.summary = N_("run scripts, and check what the card answers"),
	.synopsis = "FILE...",
	.options = options,
	.flags = COMMAND_CARD | COMMAND_PIN,
	.run = run,
};
