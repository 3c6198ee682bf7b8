/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/torture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	GRACE_MS = 2000,	 /* from being asked to end to being ended */
	FILE_MAX = 64 << 20,	 /* that a run may write */
	NOT_STARTED = 127,
	ERRORS_MAX = 8192, /* bytes of standard error that are shown */
	UNKNOWN = 10, /* the exit status for an outcome that is not known */
};

/* Why a run did not come to its command. */
struct failure {
	enum { OUTPUT_FAILED = 1, BEFORE_FAILED, INPUT_FAILED, EXEC_FAILED } what;
	int error;
};

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- names ---- */

/* `text` with each "{dir}" and "{reader}" replaced; `reader` may be NULL. */
static char *expand(const char *text, const char *dir, const char *reader)
{
	char *expanded = NULL;
	size_t size;
	FILE *out = open_memstream(&expanded, &size);

	if (!out)
		return NULL;
	while (*text) {
		if (strncmp(text, "{dir}", 5) == 0) {
			fputs(dir, out);
			text += 5;
		} else if (reader && strncmp(text, "{reader}", 8) == 0) {
			fputs(reader, out);
			text += 8;
		} else {
			putc(*text++, out);
		}
	}
	if (fclose(out)) {
		free(expanded);
		return NULL;
	}
	return expanded;
}

/* The trace stands above the faults: it has what the program asks for and what it gets to see, and
 * so each secret that it lets out of its hands. */
static char *reader_name(const struct torture_plan *plan, const struct torture_run *run,
			 const char *dir)
{
	char *inner = expand(plan->reader ? plan->reader : "", dir, NULL), *name = NULL;

	if (inner && run->kind &&
	    asprintf(&name, "trace:fault:%s@%lu:%s", run->kind, run->at, inner) < 0)
		name = NULL;
	else if (inner && !run->kind && asprintf(&name, "trace:%s", inner) < 0)
		name = NULL;
	free(inner);
	return name;
}

/* ---- the child ---- */

static void limit(void)
{
	static const struct {
		int resource;
		rlim_t most;
	} limits[] = {
		/* not 0: who pipes cores to a program gives it those, too; of one byte there is
		 * neither a file nor a pipe (core(5)) */
		{ RLIMIT_CORE, 1 },
		{ RLIMIT_FSIZE, FILE_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit l = { limits[i].most, limits[i].most };

		setrlimit(limits[i].resource, &l);
	}
}

/* As a program is when a shell starts it. */
static void default_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &action, NULL);
}

static bool redirect(const char *folder, const char *name, int fd)
{
	char path[128];
	int file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return file >= 0 && dup2(file, fd) >= 0;
}

static bool take_input(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	return file >= 0 && dup2(file, STDIN_FILENO) >= 0;
}

/* What prepares a run is not under faults itself. */
static bool run_before(const char *before)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", before, (char *)NULL);
		_exit(NOT_STARTED);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

static void set_environment(const struct torture_plan *plan, const struct torture_run *run,
			    const char *folder)
{
	char path[128], fault[128];

	snprintf(path, sizeof(path), "%s/trace", folder);
	setenv("FUDA_TRACE", path, 1);
	unsetenv("FUDA_TRACE_RAW");
	unsetenv("FUDA_FAULT");
	snprintf(path, sizeof(path), "%s/came", folder);
	setenv("FUDA_FAULT_CAME", path, 1);
	if (plan->reader)
		return;
	setenv("LD_PRELOAD", plan->preload, 1);
	snprintf(fault, sizeof(fault), "%s@%lu", run->kind ? run->kind : "", run->at);
	if (run->kind)
		setenv("FUDA_FAULT", fault, 1);
}

__attribute__((noreturn)) static void be_child(const struct torture_plan *plan,
					       const struct torture_run *run, const char *folder,
					       char **argv, int told)
{
	struct failure f = { .what = OUTPUT_FAILED };
	char dir[128];
	ssize_t n;

	setpgid(0, 0);
	default_signals();
	limit();
	snprintf(dir, sizeof(dir), "%s/dir", folder);
	setenv("FUDA_TORTURE_DIR", dir, 1);
	if (redirect(folder, "out", STDOUT_FILENO) && redirect(folder, "err", STDERR_FILENO) &&
	    take_input("/dev/null")) {
		f.what = BEFORE_FAILED;
		if (!plan->before || run_before(plan->before)) {
			f.what = INPUT_FAILED;
			if (!plan->input || take_input(plan->input)) {
				f.what = EXEC_FAILED;
				set_environment(plan, run, folder);
				execvp(argv[0], argv);
			}
		}
	}
	f.error = errno;
	n = write(told, &f, sizeof(f));
	(void)n;
	_exit(NOT_STARTED);
}

/* ---- the parent ---- */

static void free_arguments(char **argv)
{
	for (char **a = argv; a && *a; a++)
		free(*a);
	free(argv);
}

static char **arguments(const struct torture_plan *plan, const char *dir, const char *reader)
{
	size_t count = 0;
	char **argv;

	while (plan->command[count])
		count++;
	argv = calloc(count + 1, sizeof(*argv));
	for (size_t i = 0; argv && i < count; i++) {
		argv[i] = expand(plan->command[i], dir, plan->reader ? reader : NULL);
		if (!argv[i]) {
			free_arguments(argv);
			return NULL;
		}
	}
	return argv;
}

static int fail_system(struct call *call, const char *what)
{
	return call_fail(call, FUDA_EFAILED, "%s: %s", what, strerror(errno));
}

static int spawn(struct call *call, const struct torture_plan *plan, char **argv,
		 struct torture_process *p)
{
	int told[2];

	if (pipe2(told, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail_system(call, "pipe");
	p->pid = fork();
	if (p->pid == 0)
		be_child(plan, p->run, p->folder, argv, told[1]);
	close(told[1]);
	if (p->pid < 0) {
		close(told[0]);
		return fail_system(call, "fork");
	}
	setpgid(p->pid, p->pid); /* whoever comes first */
	p->told = told[0];
	p->begun = now_ms();
	p->end = p->begun + 1000LL * plan->limit_s;
	return 0;
}

int torture_start(struct call *call, const struct torture_plan *plan, struct torture_run *run,
		  size_t number, struct torture_process *ret)
{
	struct torture_process p = { .run = run, .told = -1 };
	char dir[128], **argv;
	int r;

	snprintf(p.folder, sizeof(p.folder), "%s/%zu", plan->place, number);
	snprintf(dir, sizeof(dir), "%s/dir", p.folder);
	if (mkdir(p.folder, 0700) < 0 || mkdir(dir, 0700) < 0)
		return fail_system(call, p.folder);
	p.name = reader_name(plan, run, dir);
	argv = p.name ? arguments(plan, dir, p.name) : NULL;
	r = argv ? spawn(call, plan, argv, &p) : FUDA_ENOMEM;
	free_arguments(argv);
	if (r < 0) {
		free(p.name);
		return r;
	}
	*ret = p;
	return 0;
}

void torture_stop(struct torture_process *p)
{
	if (p->stopped)
		return;
	p->stopped = true;
	p->end = now_ms() + GRACE_MS;
	kill(-p->pid, SIGTERM);
}

bool torture_ended(struct torture_process *p)
{
	siginfo_t info = { .si_pid = 0 };

	/* left as it is, so that its number is nobody else's yet when its children are ended */
	if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
		return true;
	if (now_ms() < p->end)
		return false;
	if (p->stopped) {
		kill(-p->pid, SIGKILL);
	} else {
		p->late = true;
		torture_stop(p);
	}
	return false;
}

/* A child of ours; 0: there is none, or it cannot be known. */
static pid_t any_child(void)
{
	char path[64];
	int pid;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	in = fopen(path, "re");
	if (!in || fscanf(in, "%d", &pid) != 1)
		pid = 0;
	if (in)
		fclose(in);
	return pid;
}

bool torture_adopt(void)
{
	return !any_child() && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

/* Ends what runs have left in sessions of its own, one after the other: their children become ours
 * then. */
static void end_orphans(void)
{
	pid_t pid;

	while ((pid = any_child()) > 0) {
		kill(pid, SIGKILL);
		if (waitpid(pid, NULL, 0) < 0 && errno != EINTR)
			return;
	}
}

/* ---- the judgement ---- */

/* Replaces each `what` in the text. */
static int replace(struct fuda_buf *text, const char *what, const char *instead)
{
	_cleanup_buf_ struct fuda_buf old = *text;
	const uint8_t *from = old.data, *end = old.data + old.len, *found;
	size_t len = strlen(what);
	int r = 0;

	*text = FUDA_BUF_INIT(old.max);
	while (r == 0 && (found = memmem(from, (size_t)(end - from), what, len))) {
		r = fuda_buf_append(text, from, (size_t)(found - from));
		if (r == 0)
			r = fuda_buf_append(text, instead, strlen(instead));
		from = found + len;
	}
	return r < 0 ? r : fuda_buf_append(text, from, (size_t)(end - from));
}

/* Appends the lines of the file that count. */
static int read_lines(const char *path, const regex_t *ignore, struct fuda_buf *ret)
{
	FILE *in = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int r = in ? 0 : FUDA_EFILE;

	while (r == 0 && (len = getline(&line, &size, in)) >= 0)
		if (!ignore || regexec(ignore, line, 0, NULL, 0) != 0)
			r = fuda_buf_append(ret, line, (size_t)len);
	if (line)
		explicit_bzero(line, size);
	free(line);
	if (in)
		fclose(in);
	return r == FUDA_ETOOBIG ? 0 : r;
}

/* What it wrote to standard output, with nothing of the reader's name and the folder in it: these
 * are others in each run. */
static int read_output(const struct torture_plan *plan, const struct torture_process *p,
		       struct fuda_buf *ret)
{
	char path[128];
	int r;

	snprintf(path, sizeof(path), "%s/out", p->folder);
	r = read_lines(path, plan->ignore, ret);
	if (r == 0 && plan->reader && ret->len)
		r = replace(ret, p->name, "{reader}");
	if (r == 0 && ret->len)
		r = replace(ret, p->folder, "{dir}");
	return r;
}

static int fail_started(struct call *call, const struct torture_plan *plan,
			const struct torture_process *p, const struct failure *f)
{
	char path[128];
	_cleanup_buf_ struct fuda_buf said = FUDA_BUF_INIT(600);

	switch (f->what) {
	case EXEC_FAILED:
		return call_fail(call, FUDA_EFILE, "%s: %s", plan->command[0], strerror(f->error));
	case OUTPUT_FAILED:
		return call_fail(call, FUDA_EFILE, "%s: %s", p->folder, strerror(f->error));
	case INPUT_FAILED:
		return call_fail(call, FUDA_EFILE, "%s: %s",
				 plan->input ? plan->input : "/dev/null", strerror(f->error));
	case BEFORE_FAILED:
		break;
	}
	snprintf(path, sizeof(path), "%s/err", p->folder);
	read_lines(path, NULL, &said);
	return call_fail(call, FUDA_EFAILED, _("What --before says failed: %.*s"), (int)said.len,
			 said.len ? (const char *)said.data : "");
}

/* Cuts off what stands behind the last whole line: a program that is killed may have been writing.
 * Where that cannot be done the trace is found to be none. */
static void cut_torn(const char *path)
{
	char tail[4096];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	off_t from = end > (off_t)sizeof(tail) ? end - (off_t)sizeof(tail) : 0;
	ssize_t n = end > 0 ? pread(fd, tail, sizeof(tail), from) : 0;
	const char *last = n > 0 ? memrchr(tail, '\n', (size_t)n) : NULL;

	if (last && last + 1 != tail + n)
		n = ftruncate(fd, from + (last + 1 - tail));
	if (fd >= 0)
		close(fd);
}

/* What passed; nothing if the program never came to a card. */
static int summarize(struct call *call, const struct torture_process *p,
		     struct fuda_trace_summary *ret)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/trace", p->folder);
	memset(ret, 0, sizeof(*ret));
	if (access(path, F_OK) < 0)
		return 0;
	cut_torn(path);
	return fuda_trace_summarize(call->ctx, path, call->dl, ret);
}

/* Whether a secret was sent that might have cost a try more. */
static bool sent_again(const struct torture_plan *plan, const struct torture_run *clean,
		       const struct torture_run *run)
{
	unsigned long most = plan->secrets < 0 ? clean->seen.secrets : (unsigned long)plan->secrets;

	return run->seen.again || run->seen.secrets > most;
}

/* Of a program of this project. */
static bool status_fits(const struct torture_run *run)
{
	return run->status == UNKNOWN ? run->seen.unclear > 0 : run->seen.lost == 0;
}

/* The signal that a run ended with, or 0. Shells, and what is like them, say with their own exit
 * status that what they ran has crashed. */
static int signal_of(int status)
{
	enum { SHELL = 128 };
	static const int crashes[] = { SIGILL,  SIGTRAP, SIGABRT, SIGBUS, SIGFPE,
				       SIGSEGV, SIGSYS,  SIGXCPU, SIGXFSZ };

	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		if (WEXITSTATUS(status) == SHELL + crashes[i])
			return crashes[i];
	return 0;
}

/* The worst first. */
static enum torture_outcome outcome_of(const struct torture_plan *plan,
				       const struct torture_run *clean,
				       const struct torture_run *run, bool same)
{
	if (run != clean && sent_again(plan, clean, run))
		return TORTURE_AGAIN;
	if (run->late)
		return TORTURE_HANG;
	if (run->signal)
		return TORTURE_CRASH;
	if (plan->ours && !status_fits(run))
		return TORTURE_STATUS;
	return run->status == 0 && !same ? TORTURE_DIFFERS : TORTURE_ENDED;
}

/* What the program says of why it does not end well, or comes to no card, without any fault. */
static void show_errors(const struct torture_process *p)
{
	_cleanup_buf_ struct fuda_buf said = FUDA_BUF_INIT(ERRORS_MAX);
	char path[128];

	snprintf(path, sizeof(path), "%s/err", p->folder);
	if (read_lines(path, NULL, &said) < 0 || fuda_buf_append(&said, "", 1) < 0)
		return;
	for (char *line, *rest = (char *)said.data; (line = strsep(&rest, "\n")) && rest;) {
		print_safely(line, stderr);
		putc('\n', stderr);
	}
}

static int judge(struct call *call, const struct torture_plan *plan,
		 const struct torture_run *clean, struct torture_process *p, int status,
		 struct fuda_buf *output)
{
	_cleanup_buf_ struct fuda_buf own = FUDA_BUF_INIT(TORTURE_OUTPUT_MAX);
	struct torture_run *run = p->run;
	bool first = run == clean, same;
	char came[128];
	int r = summarize(call, p, &run->seen);

	if (r == 0)
		r = read_output(plan, p, first ? output : &own);
	if (r < 0)
		return r;
	same = first || (own.len == output->len &&
			 (!own.len || memcmp(own.data, output->data, own.len) == 0));
	snprintf(came, sizeof(came), "%s/came", p->folder);
	run->missed = run->kind && access(came, F_OK) < 0;
	run->ms = now_ms() - p->begun;
	run->late = p->late;
	run->signal = run->late ? 0 : signal_of(status);
	run->status = run->late || run->signal ? 0 : WEXITSTATUS(status);
	run->outcome = outcome_of(plan, clean, run, same);
	if (first && (run->late || run->signal || run->status || !run->seen.commands))
		show_errors(p);
	return 0;
}

int torture_judge(struct call *call, const struct torture_plan *plan,
		  const struct torture_run *clean, struct torture_process *p,
		  struct fuda_buf *output)
{
	struct failure f;
	int status = 0, r;

	kill(-p->pid, SIGKILL); /* what it left running */
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (p->alone)
		end_orphans();
	if (read(p->told, &f, sizeof(f)) == sizeof(f))
		r = fail_started(call, plan, p, &f);
	else if (p->stopped && !p->late) /* by us: that is no end of its own */
		r = 0;
	else
		r = judge(call, plan, clean, p, status, output);
	close(p->told);
	free(p->name);
	torture_remove(p->folder);
	*p = (struct torture_process){ .told = -1 };
	return r;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	remove(path);
	return 0;
}

void torture_remove(const char *folder)
{
	enum { OPEN_AT_ONCE = 16 };

	nftw(folder, remove_one, OPEN_AT_ONCE, FTW_DEPTH | FTW_PHYS);
}
