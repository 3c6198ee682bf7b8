/* SPDX-License-Identifier: Apache-2.0 */
/* A script as it runs: include and repeat carried out. */
#include "trace/parser.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/deadline.h"

struct loop {
	struct trace_place body;
	unsigned long times;
	unsigned long left; /* of these, this one included */
};

/* A file and what is repeated in it. */
struct level {
	struct trace_parser *parser;
	dev_t device;
	ino_t inode;
	struct loop loops[TRACE_DEPTH_MAX];
	size_t count; /* of loops */
};

struct trace_script {
	struct fuda_context *ctx;
	struct trace_names *names;
	struct level levels[TRACE_DEPTH_MAX];
	size_t depth;        /* of levels; the last is read */
	struct trace_parser *given; /* of the statement given last */
	struct trace_parser *left;  /* ... if that file has ended since */
	unsigned long times; /* that what is read is repeated, all loops together */
	unsigned long line;  /* of the statement given last */
	const struct fuda_deadline *heeded; /* NULL: none */
	bool heeds_time;
};

static struct level *current(struct trace_script *s)
{
	return &s->levels[s->depth - 1];
}

/* At a statement that includes or repeats. */
static int fail_here(struct trace_script *s, const struct trace_statement *at, const char *why)
{
	struct trace_word w = { .line = at->line, .column = 1 };

	return trace_scan_fail(&current(s)->parser->scan, &w, "%s", why);
}

static int enter(struct trace_script *s, const char *path, FILE *stream)
{
	struct level level = { 0 };
	struct stat st;
	int r = trace_parser_open_with(s->ctx, path, stream, s->names, &level.parser);

	if (r < 0)
		return r;
	if (fstat(fileno(level.parser->scan.file), &st) == 0) {
		level.device = st.st_dev;
		level.inode = st.st_ino;
	}
	s->levels[s->depth++] = level;
	return 0;
}

/* The file that is read has ended. */
static void leave(struct trace_script *s)
{
	struct trace_parser *p = s->levels[--s->depth].parser;

	if (p == s->given)
		s->left = p;
	else
		trace_parser_free(&p);
}

/* A statement of the file that is read is given. */
static void give(struct trace_script *s, const struct trace_statement *statement)
{
	trace_parser_free(&s->left);
	s->given = current(s)->parser;
	s->line = statement->line;
}

int trace_script_open(struct fuda_context *ctx, const char *path, struct trace_script **ret)
{
	struct trace_script *s = calloc(1, sizeof(*s));
	int r = s ? trace_names_new(&s->names) : FUDA_ENOMEM;

	if (r < 0) {
		free(s);
		return ctx_fail_code(ctx, r);
	}
	s->ctx = ctx;
	s->times = 1;
	r = enter(s, path, NULL);
	if (r < 0)
		trace_script_free(&s);
	else
		*ret = s;
	return r;
}

void trace_script_free(struct trace_script **script)
{
	struct trace_script *s = *script;

	if (!s)
		return;
	while (s->depth)
		leave(s);
	trace_parser_free(&s->left);
	trace_names_free(&s->names);
	free(s);
	*script = NULL;
}

/* ---- include ---- */

static void free_text(char **text)
{
	free(*text);
}

/* A relative path is meant from the folder of the file that includes. */
static char *beside(const char *including, const char *path)
{
	const char *slash = strrchr(including, '/');
	size_t folder = *path != '/' && slash ? (size_t)(slash - including) + 1 : 0;
	char *full = malloc(folder + strlen(path) + 1);

	if (full) {
		memcpy(full, including, folder);
		memcpy(full + folder, path, strlen(path) + 1);
	}
	return full;
}

/* Whether what was opened may be included. */
static int check_include(struct trace_script *s, const struct trace_statement *at, int fd)
{
	struct stat st;

	if (fd < 0)
		return fail_here(s, at, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return fail_here(s, at, _("What is included must be a file."));
	for (size_t i = 0; i < s->depth; i++)
		if (s->levels[i].device == st.st_dev && s->levels[i].inode == st.st_ino)
			return fail_here(s, at, _("This includes itself."));
	return 0;
}

static int include(struct trace_script *s, const struct trace_statement *at)
{
	_cleanup_(free_text) char *path = NULL;
	FILE *f;
	int fd, r;

	if (s->depth == TRACE_DEPTH_MAX)
		return fail_here(s, at, _("Too many files that include each other."));
	path = beside(trace_parser_path(current(s)->parser), at->text);
	if (!path)
		return ctx_fail_code(s->ctx, FUDA_ENOMEM);
	/* without waiting, should it be a pipe */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	r = check_include(s, at, fd);
	f = r == 0 ? fdopen(fd, "rb") : NULL;
	if (!f) {
		if (fd >= 0)
			close(fd);
		return r < 0 ? r : ctx_fail_code(s->ctx, FUDA_ENOMEM);
	}
	return enter(s, path, f);
}

/* ---- repeat ---- */

static int begin_loop(struct trace_script *s, const struct trace_statement *at)
{
	struct level *l = current(s);
	struct loop *loop = &l->loops[l->count];
	int r = trace_parser_tell(l->parser, &loop->body);

	if (r < 0)
		return r;
	if (at->number > TRACE_REPEAT_MAX / s->times)
		return fail_here(s, at,
				 _("This would be repeated too often, with what it stands in."));
	s->times *= at->number;
	loop->times = loop->left = at->number;
	l->count++;
	return 0;
}

static int end_loop(struct trace_script *s)
{
	struct level *l = current(s);
	struct loop *loop = &l->loops[l->count - 1];

	if (--loop->left)
		return trace_parser_seek(l->parser, &loop->body);
	s->times /= loop->times;
	l->count--;
	return 0;
}

/* ---- statements ---- */

/* What is carried out here; 1 if it is for the caller. */
static int carry_out(struct trace_script *s, const struct trace_statement *statement)
{
	switch (statement->kind) {
	case TRACE_EMPTY:
	case TRACE_NAME:
		return 0;
	case TRACE_INCLUDE:
		return include(s, statement);
	case TRACE_REPEAT:
		return begin_loop(s, statement);
	case TRACE_END:
		return end_loop(s);
	default:
		return 1;
	}
}

void trace_script_heed(struct trace_script *s, const struct fuda_deadline *dl, bool time_too)
{
	s->heeded = dl;
	s->heeds_time = time_too;
}

static int check_heeded(const struct trace_script *s)
{
	int r = s->heeded ? deadline_check(s->heeded) : 0;

	return r == FUDA_ETIMEOUT && !s->heeds_time ? 0 : r;
}

int trace_script_next(struct trace_script *s, struct trace_statement *ret)
{
	int r = 0;

	while (r == 0) {
		r = check_heeded(s);
		if (r < 0)
			return ctx_fail_code(s->ctx, r);
		r = trace_parse(current(s)->parser, ret);
		if (r > 0) {
			r = carry_out(s, ret);
			if (r > 0)
				give(s, ret);
		} else if (r == 0) {
			if (s->depth == 1)
				return 0;
			leave(s);
		}
	}
	return r;
}

const char *trace_script_path(const struct trace_script *s)
{
	return trace_parser_path(s->given ? s->given : s->levels[0].parser);
}

unsigned long trace_script_line(const struct trace_script *s)
{
	return s->line;
}

int trace_script_fail(struct trace_script *s, int code, const char *format, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return trace_fail_at(current(s)->parser, s->line, code, "%s", text);
}
