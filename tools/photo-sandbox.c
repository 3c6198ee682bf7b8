/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox: limits of the process, and an allow-list of system calls. */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <fuda/error.h>

#include "tools/photo.h"
#include "tools/sanitized.h"

/* Ends what takes too long, as a failure and not as a crash. */
static void too_long(int signal)
{
	static const char text[] = "fuda-photo: the picture takes too long to decode\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)signal;
	(void)n;
	_exit(EXIT_FAILURE);
}

static bool limit_time(void)
{
	struct sigaction act = { .sa_handler = too_long };

	if (sigaction(SIGXCPU, &act, NULL) < 0 || sigaction(SIGALRM, &act, NULL) < 0)
		return false;
	alarm(PHOTO_WALL_SECONDS);
	return true;
}

static bool limit_resources(void)
{
	static const struct {
		int resource;
		rlim_t soft, hard;
	} limits[] = {
		{ RLIMIT_CPU, PHOTO_CPU_SECONDS, PHOTO_CPU_SECONDS + 1 },
		{ RLIMIT_FSIZE, PHOTO_OUTPUT_MAX, PHOTO_OUTPUT_MAX },
		{ RLIMIT_CORE, 0, 0 },
		{ RLIMIT_NPROC, 0, 0 },
		{ RLIMIT_NOFILE, 0, 0 },
		{ RLIMIT_MEMLOCK, 0, 0 },
		/* the address sanitizer reserves terabytes */
		{ RLIMIT_AS, SANITIZED ? RLIM_INFINITY : PHOTO_MEMORY_MAX,
		  SANITIZED ? RLIM_INFINITY : PHOTO_MEMORY_MAX },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit old, new = { limits[i].soft, limits[i].hard };

		/* whoever started us may have allowed less */
		if (getrlimit(limits[i].resource, &old) < 0)
			return false;
		if (new.rlim_max > old.rlim_max)
			new.rlim_max = old.rlim_max;
		if (new.rlim_cur > old.rlim_cur)
			new.rlim_cur = old.rlim_cur;
		if (setrlimit(limits[i].resource, &new) < 0)
			return false;
	}
	return true;
}

#define ANY	     { { 0 } }
#define FD(n)	     SCMP_A0_32(SCMP_CMP_EQ, (n))
/* memory of our own that cannot become code */
#define NOT_CODE     SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)
#define ANONYMOUS    SCMP_A3_32(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)

struct allowed {
	int syscall;
	unsigned count;
	struct scmp_arg_cmp args[2];
};

static const struct allowed needed[] = {
	{ SCMP_SYS(write), 1, { FD(STDOUT_FILENO) } },
	{ SCMP_SYS(write), 1, { FD(STDERR_FILENO) } },
	{ SCMP_SYS(brk), 0, ANY },
	{ SCMP_SYS(mmap), 2, { NOT_CODE, ANONYMOUS } },
	{ SCMP_SYS(mmap2), 2, { NOT_CODE, ANONYMOUS } },
	{ SCMP_SYS(mremap), 0, ANY },
	{ SCMP_SYS(munmap), 0, ANY },
	{ SCMP_SYS(madvise), 0, ANY },
	{ SCMP_SYS(exit), 0, ANY },
	{ SCMP_SYS(exit_group), 0, ANY },
#if SANITIZED
	{ SCMP_SYS(futex), 0, ANY },
	{ SCMP_SYS(getpid), 0, ANY },
	{ SCMP_SYS(gettid), 0, ANY },
	{ SCMP_SYS(mprotect), 1, { NOT_CODE } },
	{ SCMP_SYS(rt_sigprocmask), 0, ANY },
	{ SCMP_SYS(sched_yield), 0, ANY },
	{ SCMP_SYS(sigaltstack), 0, ANY },
#endif
};

static bool filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	bool ok = filter && seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
					     SCMP_ACT_KILL_PROCESS) == 0;

	for (size_t i = 0; ok && i < sizeof(needed) / sizeof(needed[0]); i++)
		ok = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, needed[i].syscall,
					    needed[i].count, needed[i].args) == 0;
	ok = ok && seccomp_load(filter) == 0;
	if (filter)
		seccomp_release(filter);
	return ok;
}

int photo_sandbox(void)
{
	if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0 || close(STDIN_FILENO) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    !limit_time() || !limit_resources() || !filter_calls())
		return FUDA_ENOTSUP;
	return 0;
}
