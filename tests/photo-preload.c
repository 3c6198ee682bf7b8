/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder that was taken over, for t-photo.sh: a library that is loaded into fuda-photo, stands in for functions of
 * openjpeg, and there tries what the variable PHOTO_TRY says. What succeeds is said on standard error. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <openjpeg.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

OPJ_BOOL opj_decode(opj_codec_t *codec, opj_stream_t *stream, opj_image_t *image);
OPJ_BOOL opj_read_header(opj_stream_t *stream, opj_codec_t *codec, opj_image_t **image);
int seccomp_load(const scmp_filter_ctx filter);

static const char *try = "";

static void nothing(void)
{
}

static void open_file(void)
{
	open("/etc/passwd", O_RDONLY);
}

static void read_input(void)
{
	char c;

	if (read(STDIN_FILENO, &c, 1) < 0)
		_exit(99);
}

static void write_elsewhere(void)
{
	if (write(3, "x", 1) < 0)
		_exit(99);
}

static void connect_out(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void new_process(void)
{
	syscall(SYS_fork);
}

static void new_program(void)
{
	execl("/bin/true", "true", (char *)NULL);
}

static void new_thread(void)
{
	syscall(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, NULL);
}

static void kill_parent(void)
{
	kill(getppid(), 0);
}

static void trace(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void make_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void become_code(void)
{
	syscall(SYS_mprotect, &try, 4096, PROT_READ | PROT_EXEC);
}

static void map_file(void)
{
	mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, STDOUT_FILENO, 0);
}

static void more_limits(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_AS, &limit);
}

static void remove_file(void)
{
	unlink("victim");
}

static void memory(void)
{
	static char *volatile p;

	p = malloc((size_t)1 << 30);
	if (!p)
		_exit(42);
	p[0] = 1;
}

static void time_goes_by(void)
{
	for (volatile int i = 0;; i++)
		;
}

static const struct {
	const char *name;
	void (*attempt)(void);
} attempts[] = {
	{ "nothing", nothing },       { "open", open_file },          { "read", read_input },
	{ "write", write_elsewhere }, { "connect", connect_out },     { "fork", new_process },
	{ "exec", new_program },      { "thread", new_thread },       { "kill", kill_parent },
	{ "trace", trace },           { "make-code", make_code },     { "become-code", become_code },
	{ "map-file", map_file },     { "more-limits", more_limits }, { "unlink", remove_file },
	{ "memory", memory },         { "time", time_goes_by },
};

/* Before the environment is cleared. */
static __attribute__((constructor)) void remember(void)
{
	if (getenv("PHOTO_TRY"))
		try = getenv("PHOTO_TRY");
	try = strdup(try);
}

static void attempt(void)
{
	static const char done[] = "succeeded\n";

	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		if (strcmp(attempts[i].name, try) == 0) {
			attempts[i].attempt();
			if (write(STDERR_FILENO, done, sizeof(done) - 1) < 0)
				_exit(99);
		}
}

/* Looked up before the sandbox, as dlsym() may want memory that is code. */
static void *real_decode, *real_header;

static __attribute__((constructor)) void look_up(void)
{
	real_decode = dlsym(RTLD_NEXT, "opj_decode");
	real_header = dlsym(RTLD_NEXT, "opj_read_header");
}

OPJ_BOOL opj_decode(opj_codec_t *codec, opj_stream_t *stream, opj_image_t *image)
{
	OPJ_BOOL (*real)(opj_codec_t *, opj_stream_t *, opj_image_t *);

	attempt();
	memcpy(&real, &real_decode, sizeof(real));
	return real(codec, stream, image);
}

/* The first function that reads the picture. */
OPJ_BOOL opj_read_header(opj_stream_t *stream, opj_codec_t *codec, opj_image_t **image)
{
	OPJ_BOOL (*real)(opj_stream_t *, opj_codec_t *, opj_image_t **);

	if (strncmp(try, "header-", 7) == 0) {
		try += 7;
		attempt();
	}
	memcpy(&real, &real_header, sizeof(real));
	return real(stream, codec, image);
}

/* A kernel without seccomp. */
int seccomp_load(const scmp_filter_ctx filter)
{
	void *p = dlsym(RTLD_NEXT, "seccomp_load");
	int (*real)(const scmp_filter_ctx);

	if (strcmp(try, "no-seccomp") == 0)
		return -ECANCELED;
	memcpy(&real, &p, sizeof(real));
	return real(filter);
}
