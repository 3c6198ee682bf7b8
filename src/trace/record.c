/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <fuda/trace.h>

#include "base/config.h"
#include "codec/apdu.h"

#define FIRST TRACE_FIRST_LINE "\n"

enum {
	TEXT_MAX = 1 << 20, /* of an exchange: a byte is three characters */
	OTHERS = 077, /* what others may do with a file */
	KEY_ID = 4,
	LOCK_MS = 3000, /* for others who write to the file; each takes microseconds */
	/* bytes of the file that stand for what is locked */
	LOCK_TURN = 0, /* writing an exchange */
	LOCK_WHOLE = 1, /* a recording, from its beginning to its end */
};

struct trace_recorder {
	struct fuda_context *ctx;
	char *path; /* NULL: standard error */
	int fd;
	dev_t device; /* of the file that it is */
	ino_t inode;
	pid_t process; /* that writes */
	bool shared; /* it is a file that other processes may write to as well */
	bool raw;
	int failed; /* what it ended with; nothing is written any more */
	off_t end;  /* of what was written last, -1: nothing was */
	bool dated;

	struct trace_keyring *keyring;
	struct trace_follow follow;
	bool doubts; /* that responses are those to their commands */
	bool echoes; /* the card has more to say to a secret: GET RESPONSE fetches it */

	/* what holds from here on, and whether the trace says so */
	struct trace_facts facts;
	uint8_t atr[TRACE_ATR_MAX];
	bool has_facts, told;

	struct trace_statement statement;
	struct fuda_buf text;
};

/* ---- opening ---- */

static int may_be_raw(struct fuda_context *ctx)
{
	char path[CONFIG_PATH_MAX];
	bool raw = false;
	int e = config_flag(ctx, "trace.raw", &raw);

	if (e < 0 || raw)
		return e;
	if (config_path("config", path) < 0)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("Personal records are never shown in traces where there is no "
				  "home directory."));
	return ctx_fail(ctx, FUDA_EINVAL,
			_("Personal records are shown in traces only if %s has the line: trace.raw "
			  "= yes"),
			path);
}

static int fail_errno(struct fuda_context *ctx, const char *path)
{
	return ctx_fail(ctx, FUDA_EFILE, _("The trace %s cannot be written: %s"),
			path ? path : _("on standard error"), strerror(errno));
}

/* Nobody else may have a hand in it, nor read what is raw. */
static int check_owner(struct trace_recorder *r, const struct stat *st)
{
	if (st->st_uid != geteuid())
		return ctx_fail(r->ctx, FUDA_EFILE,
				_("The trace %s belongs to another user. Choose another file."),
				r->path);
	if (r->raw && st->st_mode & OTHERS)
		return ctx_fail(r->ctx, FUDA_EFILE,
				_("Others can read the trace %s, which shall show personal "
				  "records. First do: chmod 600 %s"),
				r->path, r->path);
	return 0;
}

/* Of the open file, which children share. Sets errno. */
static int set_lock(int fd, short type, off_t which)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = which, .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &l);
}

static void unlock_file(int fd)
{
	(void)set_lock(fd, F_UNLCK, LOCK_TURN);
}

/* Keeps others from writing. Sets errno. */
static int lock_file(int fd)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int ms = 0; set_lock(fd, F_WRLCK, LOCK_TURN) < 0; ms++) {
		if ((errno != EAGAIN && errno != EACCES && errno != EINTR) || ms == LOCK_MS)
			return -1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* That it is a trace, and ends with a whole line. */
static int check_content(struct trace_recorder *r, off_t size)
{
	char text[sizeof(FIRST)] = "", last = 0;
	size_t len = strlen(TRACE_FIRST_LINE);

	if (size == 0)
		return 0;
	if (pread(r->fd, text, sizeof(text) - 1, 0) < 0 || pread(r->fd, &last, 1, size - 1) < 0)
		return fail_errno(r->ctx, r->path);
	if (strncmp(text, TRACE_FIRST_LINE, len) != 0 || (text[len] != '\n' && text[len] != '\r'))
		return ctx_fail(r->ctx, FUDA_EFORMAT,
				_("%s:1:1: The file is no trace; nothing was written to it. Choose "
				  "another file."),
				r->path);
	if (last != '\n')
		return ctx_fail(r->ctx, FUDA_EFORMAT,
				_("The trace %s ends within a line; nothing was written to it. "
				  "Choose another file."),
				r->path);
	return 0;
}

static int know_file(struct trace_recorder *r, struct stat *ret)
{
	if (fstat(r->fd, ret) < 0)
		return fail_errno(r->ctx, r->path);
	r->device = ret->st_dev;
	r->inode = ret->st_ino;
	r->shared = S_ISREG(ret->st_mode);
	return 0;
}

static int open_file(struct trace_recorder *r, const char *path)
{
	struct stat st;
	int e;

	r->path = strdup(path);
	if (!r->path)
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	r->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (r->fd < 0 && errno == ELOOP)
		return ctx_fail(r->ctx, FUDA_EFILE,
				_("The trace %s is a symbolic link. Name the file itself."), path);
	if (r->fd < 0)
		return fail_errno(r->ctx, path);
	e = know_file(r, &st);
	if (e == 0 && !S_ISCHR(st.st_mode))
		e = check_owner(r, &st);
	if (e < 0 || !r->shared)
		return e;
	if (lock_file(r->fd) < 0)
		return fail_errno(r->ctx, path);
	e = fstat(r->fd, &st) < 0 ? fail_errno(r->ctx, path) : check_content(r, st.st_size);
	unlock_file(r->fd);
	return e;
}

static int open_standard_error(struct trace_recorder *r)
{
	struct stat st;
	int e;

	r->fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	e = r->fd < 0 ? fail_errno(r->ctx, NULL) : know_file(r, &st);
	r->shared = false;
	return e;
}

/* ---- writing ---- */

static int say(struct trace_recorder *r)
{
	return trace_format(&r->statement, &r->text);
}

static int say_text(struct trace_recorder *r, enum trace_kind kind, const char *text)
{
	int e;

	trace_statement_clear(&r->statement, kind);
	e = trace_set_text(&r->statement, text);
	return e < 0 ? e : say(r);
}

static int say_word(struct trace_recorder *r, enum trace_kind kind, const char *word)
{
	size_t len = strlen(word);

	trace_statement_clear(&r->statement, kind);
	if (len > TRACE_NAME_MAX)
		return FUDA_EINVAL;
	memcpy(r->statement.word, word, len + 1);
	return say(r);
}

static int say_bytes(struct trace_recorder *r, enum trace_kind kind, const uint8_t *bytes,
		     size_t len)
{
	int e;

	trace_statement_clear(&r->statement, kind);
	e = trace_add_bytes(&r->statement, bytes, len);
	return e < 0 ? e : say(r);
}

static int say_date(struct trace_recorder *r)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	if (r->dated || !gmtime_r(&now, &tm) ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return 0;
	r->dated = true;
	return say_text(r, TRACE_DATE, text);
}

/* Whose trace it is from here on. */
static int say_who(struct trace_recorder *r)
{
	const char *program = program_invocation_short_name;
	int e = program && *program ? say_text(r, TRACE_PROGRAM, program) : 0;

	if (e == 0)
		e = say_date(r);
	if (e == 0)
		e = say_bytes(r, TRACE_KEY, trace_keyring_id(r->keyring), KEY_ID);
	return e;
}

static int say_facts(struct trace_recorder *r)
{
	static const char *const pads[] = { NULL, "verify", "modify", "both" };
	const struct trace_facts *f = &r->facts;
	int e = say_text(r, TRACE_READER, f->reader);

	if (e == 0 && f->atr_len)
		e = say_bytes(r, TRACE_ATR, f->atr, f->atr_len);
	if (e == 0 && f->protocol)
		e = say_word(r, TRACE_PROTOCOL, f->protocol);
	if (e == 0) {
		trace_statement_clear(&r->statement, TRACE_SIZES);
		r->statement.number = f->max_command;
		r->statement.second = f->max_response;
		e = say(r);
	}
	if (e == 0 && f->pad > 0 && f->pad < ARRAY_SIZE(pads))
		e = say_word(r, TRACE_PAD, pads[f->pad]);
	return e;
}

/* Nothing is written any more: the trace may have a hole. Others learn it from the file, which is
 * made read-only, as that works on a full disk and whatever the program has closed. */
static int break_off(struct trace_recorder *r, int e)
{
	struct stat st;

	r->failed = e;
	if (r->shared && lstat(r->path, &st) == 0 && st.st_dev == r->device &&
	    st.st_ino == r->inode && chmod(r->path, st.st_mode & 07555) < 0)
		ctx_log(r->ctx, FUDA_LOG_INFO, "the trace cannot be made read-only");
	return e;
}

void trace_record_break_off(struct trace_recorder *r)
{
	if (!r->failed)
		(void)break_off(r, FUDA_EFILE);
}

/* A child has its parent's lock, until it has opened the file itself; where it may not, they take
 * no turns. What the parent has selected may not be so any more. */
static void become_a_child(struct trace_recorder *r)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	int fd;

	trace_record_forget(r);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", r->fd);
	fd = r->shared ? open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY) : -1;
	if (fd < 0)
		return;
	close(r->fd);
	r->fd = fd;
}

/* Keeps others from writing. Programs that close whatever is open may have a file of their own
 * there by now. */
static int take_file(struct trace_recorder *r, struct stat *ret)
{
	if (fstat(r->fd, ret) < 0)
		return fail_errno(r->ctx, r->path);
	if (ret->st_dev != r->device || ret->st_ino != r->inode)
		return ctx_fail(r->ctx, FUDA_EFILE,
				_("The trace %s cannot be written: this program has closed it."),
				r->path ? r->path : _("on standard error"));
	if (r->process != getpid())
		become_a_child(r);
	if (r->shared && (lock_file(r->fd) < 0 || fstat(r->fd, ret) < 0))
		return fail_errno(r->ctx, r->path);
	if (!r->shared)
		ret->st_size = r->end;
	return 0;
}

/* Says what is to be said before what comes: all of it where another process has written in
 * between, or this is another one. */
static int begin(struct trace_recorder *r)
{
	struct stat st;
	int e = 0;

	if (r->failed)
		return r->failed;
	fuda_buf_clear(&r->text);
	e = take_file(r, &st);
	if (e < 0)
		return break_off(r, e);
	if (r->shared ? st.st_size == 0 : r->end < 0)
		e = fuda_buf_append(&r->text, FIRST, strlen(FIRST));
	if (r->end < 0 || st.st_size != r->end || r->process != getpid()) {
		if (e == 0)
			e = say_who(r);
		r->told = false;
	}
	r->end = st.st_size;
	r->process = getpid();
	if (e == 0 && r->has_facts && !r->told)
		e = say_facts(r);
	r->told = r->has_facts;
	return e;
}

/* At once, or not at all. */
static int write_text(struct trace_recorder *r)
{
	ssize_t n;

	do
		n = write(r->fd, r->text.data, r->text.len);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n == r->text.len)
		return 0;
	if (n >= 0)
		errno = ENOSPC; /* what else would cut it short */
	(void)fail_errno(r->ctx, r->path);
	if (n > 0 && r->shared && ftruncate(r->fd, r->end) < 0)
		ctx_log(r->ctx, FUDA_LOG_INFO, "the trace ends within a line");
	return FUDA_EFILE;
}

/* Writes what was said since begin(), unless that went wrong. Once wrong, always wrong. */
static int end(struct trace_recorder *r, int e)
{
	if (r->failed)
		return r->failed;
	if (e < 0 && e != FUDA_EFILE) /* which was said */
		(void)ctx_fail_code(r->ctx, e);
	if (e == 0 && r->text.len)
		e = write_text(r);
	if (e == 0)
		r->end = MAX(r->end, 0) + (off_t)r->text.len;
	fuda_buf_clear(&r->text);
	if (r->shared)
		unlock_file(r->fd);
	return e < 0 ? break_off(r, e) : 0;
}

/* ---- the recorder ---- */

int trace_recorder_open(struct fuda_context *ctx, const char *path, bool raw,
			struct trace_recorder **ret)
{
	_cleanup_(trace_recorder_free) struct trace_recorder *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	r->ctx = ctx;
	r->fd = -1;
	r->raw = raw;
	r->end = -1;
	r->process = getpid();
	r->statement = TRACE_STATEMENT_INIT;
	r->text = FUDA_BUF_INIT(TEXT_MAX);
	e = raw ? may_be_raw(ctx) : 0;
	if (e == 0)
		e = trace_keyring_open(ctx, &r->keyring);
	if (e == 0)
		e = path ? open_file(r, path) : open_standard_error(r);
	if (e == 0)
		e = end(r, begin(r));
	if (e < 0)
		return e;
	*ret = r;
	r = NULL;
	return 0;
}

int trace_recorder_open_environment(struct fuda_context *ctx, struct trace_recorder **ret)
{
	const char *path = secure_getenv("FUDA_TRACE"), *raw = secure_getenv("FUDA_TRACE_RAW");
	bool is_raw = raw && strcmp(raw, "1") == 0;

	if (raw && *raw && !is_raw && strcmp(raw, "0") != 0)
		return ctx_fail(ctx, FUDA_EINVAL, _("FUDA_TRACE_RAW in the environment is 1, or is "
						    "not there."));
	return trace_recorder_open(ctx, path && *path ? path : NULL, is_raw, ret);
}

static void free_facts(struct trace_facts *f)
{
	free((char *)(uintptr_t)f->reader);
	free((char *)(uintptr_t)f->protocol);
	*f = (struct trace_facts){ 0 };
}

void trace_recorder_free(struct trace_recorder **r)
{
	if (!*r)
		return;
	if ((*r)->fd >= 0)
		close((*r)->fd);
	trace_keyring_free(&(*r)->keyring);
	trace_statement_free(&(*r)->statement);
	fuda_buf_free(&(*r)->text);
	free_facts(&(*r)->facts);
	free((*r)->path);
	free(*r);
	*r = NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_facts(const struct trace_facts *a, const struct trace_facts *b)
{
	return same_text(a->reader, b->reader) && same_text(a->protocol, b->protocol) &&
	       a->max_command == b->max_command && a->max_response == b->max_response &&
	       a->pad == b->pad && a->atr_len == b->atr_len &&
	       (a->atr_len == 0 || memcmp(a->atr, b->atr, a->atr_len) == 0);
}

static int keep_facts(struct trace_recorder *r, const struct trace_facts *facts)
{
	struct trace_facts copy = *facts;

	if (facts->atr_len > sizeof(r->atr) || !facts->reader)
		return ctx_fail_code(r->ctx, FUDA_EINVAL);
	copy.reader = strdup(facts->reader);
	copy.protocol = facts->protocol ? strdup(facts->protocol) : NULL;
	if (!copy.reader || (facts->protocol && !copy.protocol)) {
		free_facts(&copy);
		return ctx_fail_code(r->ctx, FUDA_ENOMEM);
	}
	if (facts->atr_len)
		memmove(r->atr, facts->atr, facts->atr_len);
	copy.atr = r->atr;
	free_facts(&r->facts);
	r->facts = copy;
	r->has_facts = true;
	r->told = false;
	return 0;
}

int trace_record_facts(struct trace_recorder *r, const struct trace_facts *facts)
{
	int e;

	trace_record_forget(r);
	if (r->failed || (r->has_facts && same_facts(&r->facts, facts)))
		return r->failed;
	e = keep_facts(r, facts);
	return end(r, e < 0 ? e : begin(r));
}

void trace_record_forget(struct trace_recorder *r)
{
	trace_follow_reset(&r->follow);
}

void trace_record_doubt(struct trace_recorder *r)
{
	r->doubts = true;
}

int trace_record_power(struct trace_recorder *r, const char *how)
{
	int e;

	trace_record_forget(r);
	e = begin(r);
	if (e == 0)
		e = say_word(r, TRACE_POWER, how);
	return end(r, e);
}

/* What a response is about that may not be the one to this command. */
static void forget_about(struct trace_about *about)
{
	about->file = NULL;
	if (about->kind == TRACE_IS_SELECT || about->kind == TRACE_IS_CHALLENGE)
		about->kind = TRACE_IS_OTHER;
}

/* The command, and in `ret_about` what it is about. */
static int say_command(struct trace_recorder *r, const uint8_t *command, size_t len, bool typed,
		       struct trace_about *ret_about)
{
	const struct trace_item secret = { .kind = TRACE_TYPED };
	int e;

	trace_about(&r->follow, command, len, ret_about);
	if (typed) { /* the header alone asks for tries otherwise */
		ret_about->kind = TRACE_IS_PIN;
		trace_statement_clear(&r->statement, TRACE_COMMAND);
		e = trace_add_bytes(&r->statement, command, len);
		if (e == 0)
			e = trace_add_item(&r->statement, &secret);
	} else {
		e = trace_redact_command(r->keyring, ret_about, r->raw, command, len,
					 &r->statement);
	}
	return e < 0 ? e : say(r);
}

static int say_response(struct trace_recorder *r, const struct trace_about *about,
			const uint8_t *response, size_t len, uint64_t us)
{
	int e = trace_redact_response(r->keyring, about, r->raw && !r->echoes, response, len,
				      &r->statement);

	if (e < 0)
		return e;
	us = MIN(us, (uint64_t)TRACE_TIME_MAX);
	r->statement.time = (struct trace_time){ TRACE_TIME_TOOK, us, us };
	return say(r);
}

static bool has_more(const uint8_t *response, size_t len)
{
	return len >= 2 && response[len - 2] == 0x61; /* ISO 7816-4 5.1.3 */
}

static int say_failure(struct trace_recorder *r, int error)
{
	trace_statement_clear(&r->statement, TRACE_FAILURE);
	r->statement.error = error;
	return say(r);
}

int trace_record_exchange(struct trace_recorder *r, const uint8_t *command, size_t len, bool typed,
			  const uint8_t *response, size_t response_len, int error, uint64_t us)
{
	struct trace_about about;
	int e = begin(r);

	if (error == 0 && response_len < 2)
		error = FUDA_ETRANSPORT; /* which is no response */
	if (e == 0)
		e = say_command(r, command, len, typed, &about);
	if (e == 0 && r->doubts)
		forget_about(&about);
	if (e == 0)
		e = error ? say_failure(r, error) :
			    say_response(r, &about, response, response_len, us);
	r->echoes = !error && has_more(response, response_len) &&
		    (r->echoes || apdu_is_pin_command(command, len));
	if (error)
		trace_record_forget(r);
	else
		trace_follow(&r->follow, command, len,
			     (uint16_t)(response[response_len - 2] << 8 |
					response[response_len - 1]));
	return end(r, e);
}

/* ---- a trace to begin with ---- */

/* What is locked may have got another name while we waited. */
static int check_free(struct fuda_context *ctx, const char *path, int fd, bool replace)
{
	struct stat st, named;

	if (fstat(fd, &st) < 0)
		return fail_errno(ctx, path);
	if (!S_ISREG(st.st_mode))
		return ctx_fail(ctx, FUDA_EFILE, _("%s is there already, and no file."), path);
	if (set_lock(fd, F_WRLCK, LOCK_WHOLE) < 0 || lstat(path, &named) < 0 ||
	    named.st_ino != st.st_ino || named.st_dev != st.st_dev)
		return ctx_fail(ctx, FUDA_EFILE,
				_("%s is being written by another recording. Wait for its end, or "
				  "choose another file."),
				path);
	if (st.st_size && !replace)
		return ctx_fail(ctx, FUDA_EFILE,
				_("%s is there already: a recording that was broken off has left "
				  "it. Keep it under another name, delete it, or replace it "
				  "(--force)."),
				path);
	return 0;
}

int fuda_trace_create(struct fuda_context *ctx, const char *path, bool raw, bool replace,
		      int *ret_fd)
{
	int e = raw ? may_be_raw(ctx) : 0, fd;

	if (e < 0)
		return e;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0 && errno == EACCES && replace && unlink(path) == 0) /* broken off: read-only */
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(ctx, path);
	e = check_free(ctx, path, fd, replace);
	if (e == 0 && (ftruncate(fd, 0) < 0 || fchmod(fd, 0600) < 0 ||
		       write(fd, FIRST, strlen(FIRST)) != (ssize_t)strlen(FIRST)))
		e = fail_errno(ctx, path);
	if (e < 0)
		close(fd);
	else
		*ret_fd = fd;
	return e;
}
