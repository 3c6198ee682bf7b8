/* SPDX-License-Identifier: Apache-2.0 */
/* Words to statements. */
#include "trace/parser.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "codec/apdu.h"

/* ---- opening ---- */

void trace_parser_free(struct trace_parser **parser)
{
	struct trace_parser *p = *parser;

	if (!p)
		return;
	if (p->scan.file)
		fclose(p->scan.file);
	if (!p->lends)
		trace_names_free(&p->names);
	wipe(p->scan.line, sizeof(p->scan.line));
	free(p->scan.path);
	free(p);
	*parser = NULL;
}

static int open_file(struct trace_parser *p, const char *path, FILE *stream)
{
	struct stat st;
	FILE *f = stream ? stream : fopen(path, "rbe");

	p->scan.file = f;
	/* a directory can be opened, and reading it says something else */
	if (f && fileno(f) >= 0 && fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		f = NULL;
	}
	if (!f)
		return ctx_fail(p->scan.ctx, FUDA_EFILE, "%s: %s", path, strerror(errno));
	p->scan.offset = p->scan.next = ftell(f);
	return trace_scan_first_line(&p->scan);
}

int trace_parser_open_with(struct fuda_context *ctx, const char *path, FILE *stream,
			   struct trace_names *names, struct trace_parser **ret)
{
	struct trace_parser *p = calloc(1, sizeof(*p));
	int r = 0;

	if (!p) {
		if (stream)
			fclose(stream);
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	p->scan.ctx = ctx;
	p->lends = names != NULL;
	p->names = names;
	p->scan.path = strdup(path);
	if (!names)
		r = trace_names_new(&p->names);
	if (!p->scan.path || r < 0) {
		p->scan.file = stream;
		r = ctx_fail_code(ctx, FUDA_ENOMEM);
	} else {
		r = open_file(p, path, stream);
	}
	if (r < 0)
		trace_parser_free(&p);
	else
		*ret = p;
	return r;
}

int trace_parser_open(struct fuda_context *ctx, const char *path, FILE *stream,
		      struct trace_parser **ret)
{
	return trace_parser_open_with(ctx, path, stream, NULL, ret);
}

const char *trace_parser_path(const struct trace_parser *p)
{
	return p->scan.path;
}

int trace_fail_at(struct trace_parser *p, unsigned long line, int code, const char *format, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return ctx_fail(p->scan.ctx, code, "%s:%lu: %s", p->scan.path, line, text);
}

int trace_parser_tell(struct trace_parser *p, struct trace_place *ret)
{
	const struct trace_scanner *s = &p->scan;
	unsigned long line = s->waiting ? s->number - 1 : s->number;

	if (s->next < 0 || fseek(s->file, 0, SEEK_CUR) < 0)
		return trace_fail_at(p, line, FUDA_ENOTSUP,
				     _("What is repeated must be in a file, not come from a "
				       "pipe."));
	*ret = (struct trace_place){ s->waiting ? s->offset : s->next, line, p->repeats };
	return 0;
}

int trace_parser_seek(struct trace_parser *p, const struct trace_place *place)
{
	struct trace_scanner *s = &p->scan;

	if (fseek(s->file, place->offset, SEEK_SET) < 0)
		return trace_fail_at(p, s->number, FUDA_EFILE, "%s", strerror(errno));
	s->next = place->offset;
	s->number = place->line;
	s->waiting = s->over = false;
	p->repeats = place->repeats;
	p->asked = false;
	return 0;
}

/* ---- statements ---- */

/* What the first word says that the statement is. */
static int find_kind(struct trace_parser *p, const struct trace_word *w, enum trace_kind *ret)
{
	if (w->kind == TRACE_WORD_END || w->kind == TRACE_WORD_NOTE) {
		*ret = TRACE_EMPTY;
		return 0;
	}
	for (enum trace_kind kind = 0; w->kind == TRACE_WORD_PLAIN && kind < TRACE_KINDS; kind++) {
		const char *word = trace_forms[kind].word;

		if (word && strlen(word) == w->len && memcmp(word, w->text, w->len) == 0) {
			*ret = kind;
			return 0;
		}
	}
	if (w->kind == TRACE_WORD_PLAIN && trace_is_name(w->text, w->len))
		return trace_scan_fail(&p->scan, w, _("There is no statement %.*s."), (int)w->len,
				       w->text);
	return trace_scan_fail(&p->scan, w,
			       _("Expected a statement: >, <, ! or a word, and a blank behind "
				 "it."));
}

/* How it stands among the others. */
static int check_order(struct trace_parser *p, const struct trace_statement *s)
{
	struct trace_word w = { .line = s->line, .column = 1 };

	if ((s->kind == TRACE_RESPONSE || s->kind == TRACE_FAILURE) && !p->asked)
		return trace_scan_fail(&p->scan, &w,
				       _("There is no command before it that this answers."));
	if (s->kind == TRACE_END && !p->repeats)
		return trace_scan_fail(&p->scan, &w, _("There is no repeat that this ends."));
	if (s->kind == TRACE_REPEAT && p->repeats == TRACE_DEPTH_MAX)
		return trace_scan_fail(&p->scan, &w, _("At most %d repeats stand in each other."),
				       TRACE_DEPTH_MAX);
	if (s->kind == TRACE_REPEAT)
		p->begun[p->repeats++] = s->line;
	if (s->kind == TRACE_END)
		p->repeats--;
	if (s->kind != TRACE_EMPTY)
		p->asked = s->kind == TRACE_COMMAND || s->kind == TRACE_VERIFY;
	return 0;
}

/* Header and lengths of a command with a secret, and nothing else that can be read: whoever shows a
 * trace would show it. A recording has nothing else either. */
static int check_secret(struct trace_parser *p, const struct trace_statement *s)
{
	enum { HEADER = 4, SHORT = 5, EXTENDED = 7 };
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(TRACE_BYTES_MAX);
	struct trace_word w = { .line = s->line, .column = 1 };
	struct trace_sketch sketch;
	size_t literal = 0;
	bool lengths;
	int r = trace_sketch(s, &bytes, &sketch);

	if (r < 0)
		return trace_added(p, &w, r);
	if (!apdu_is_pin_command(bytes.data, bytes.len))
		return 0;
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].kind == TRACE_BYTES || s->items[i].kind == TRACE_NAMED)
			literal += s->items[i].len;
	lengths = sketch.hides && (sketch.known == SHORT ||
				   (sketch.known == EXTENDED && !bytes.data[HEADER]));
	if (literal == sketch.known &&
	    (literal <= HEADER || lengths || (literal == SHORT && !bytes.data[HEADER])))
		return 0;
	return trace_scan_fail(&p->scan, &w,
			       _("Secrets do not stand in traces. Write \"verify\" and the name of "
				 "the secret, or <secret 4> for one of 4 bytes."));
}

static int check_end(struct trace_parser *p)
{
	struct trace_word w = { .column = 1 };

	if (!p->repeats)
		return 0;
	w.line = p->begun[p->repeats - 1];
	return trace_scan_fail(&p->scan, &w, _("The end of this repeat is missing."));
}

int trace_parse(struct trace_parser *p, struct trace_statement *ret)
{
	struct trace_word w;
	enum trace_kind kind = TRACE_EMPTY;
	int r = trace_scan_statement(&p->scan);

	if (r <= 0)
		return r < 0 ? r : check_end(p);
	r = trace_scan(&p->scan, &w);
	if (r == 0)
		r = find_kind(p, &w, &kind);
	if (r < 0)
		return r;
	trace_statement_clear(ret, kind);
	ret->line = w.line;
	if (w.kind == TRACE_WORD_NOTE)
		r = trace_added(p, &w, trace_add_note(ret, w.text, w.len));
	if (r == 0)
		r = trace_shapes[trace_forms[kind].shape](p, &trace_forms[kind], ret);
	if (r == 0)
		r = kind == TRACE_EMPTY ? trace_scan(&p->scan, &w) : trace_next_word(p, ret, &w);
	if (r == 0 && w.kind != TRACE_WORD_END)
		return trace_scan_fail(&p->scan, &w, _("Expected the end of the statement."));
	if (r == 0)
		r = check_order(p, ret);
	if (r == 0 && kind == TRACE_COMMAND)
		r = check_secret(p, ret);
	return r < 0 ? r : 1;
}
