/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/annotate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/apdu.h"
#include "trace/describe.h"

enum {
	HEADER = 4, /* bytes of a command */
	INS_READ_RECORD = 0xB2,
	SW_DONE = 0x9000,
};

/* A statement and the file that it stands in. */
struct placed {
	struct trace_statement s;
	char *path;
};

struct trace_walk {
	struct trace_script *script;
	struct placed slots[3];
	struct placed *what, *outcome, *ahead;
	bool is_ahead; /* `ahead` was read already and is the next event */
	struct trace_follow follow;
	struct fuda_buf command, data;
	struct trace_event event;
	unsigned long commands;
};

int trace_walk_open(struct fuda_context *ctx, const char *path, const struct fuda_deadline *dl,
		    struct trace_walk **ret)
{
	struct trace_walk *w = calloc(1, sizeof(*w));
	int r = w ? trace_script_open(ctx, path, &w->script) : FUDA_ENOMEM;

	if (r < 0) {
		free(w);
		return r == FUDA_ENOMEM ? ctx_fail_code(ctx, r) : r;
	}
	trace_script_heed(w->script, dl, false);
	for (size_t i = 0; i < ARRAY_SIZE(w->slots); i++)
		w->slots[i].s = TRACE_STATEMENT_INIT;
	w->what = &w->slots[0];
	w->outcome = &w->slots[1];
	w->ahead = &w->slots[2];
	w->command = w->data = FUDA_BUF_INIT(TRACE_BYTES_MAX);
	trace_follow_reset(&w->follow);
	*ret = w;
	return 0;
}

void trace_walk_free(struct trace_walk **w)
{
	if (!*w)
		return;
	trace_script_free(&(*w)->script);
	for (size_t i = 0; i < ARRAY_SIZE((*w)->slots); i++) {
		trace_statement_free(&(*w)->slots[i].s);
		free((*w)->slots[i].path);
	}
	fuda_buf_free(&(*w)->command);
	fuda_buf_free(&(*w)->data);
	free(*w);
	*w = NULL;
}

static int read_into(struct trace_walk *w, struct placed *to)
{
	int r = trace_script_next(w->script, &to->s);
	const char *path;

	if (r <= 0)
		return r;
	path = trace_script_path(w->script);
	if (to->path && strcmp(to->path, path) == 0)
		return r;
	free(to->path);
	to->path = strdup(path);
	return to->path ? r : FUDA_ENOMEM;
}

static void exchange(struct placed **a, struct placed **b)
{
	struct placed *kept = *a;

	*a = *b;
	*b = kept;
}

static bool takes_outcome(enum trace_kind kind)
{
	return kind == TRACE_COMMAND || kind == TRACE_VERIFY;
}

static bool is_outcome(enum trace_kind kind)
{
	return kind == TRACE_RESPONSE || kind == TRACE_FAILURE;
}

/* As much of them as there is room for. */
static int fill(const struct trace_statement *s, struct fuda_buf *ret, unsigned *ret_hides)
{
	struct trace_sketch sketch;
	int r;

	fuda_buf_clear(ret);
	r = trace_sketch(s, ret, &sketch);
	if (r == 0)
		*ret_hides = sketch.hides;
	return r;
}

/* The door for secrets selects what the secret belongs to, if that is one application alone. */
static void follow_verify(struct trace_follow *f, const char *secret)
{
	const struct trace_file *file, *found = NULL;
	size_t count = 0;

	for (size_t i = 0; (file = trace_file_at(i)); i++)
		if (file->secret && strcmp(file->secret, secret) == 0) {
			found = file;
			count++;
		}
	trace_follow_reset(f);
	if (count == 1)
		*f = (struct trace_follow){ found->application, found->fid };
}

/* Takes notice of what the event did to the card. A script that leaves the outcome open is taken to
 * mean that it works. */
static void follow_event(struct trace_walk *w)
{
	const struct trace_event *event = &w->event;
	uint16_t sw = event->outcome && event->outcome->status_count ? event->sw : SW_DONE;

	switch (event->what->kind) {
	case TRACE_COMMAND:
		if (event->outcome && event->outcome->kind == TRACE_FAILURE)
			trace_follow_reset(&w->follow);
		else
			trace_follow(&w->follow, w->command.data, w->command.len, sw);
		break;
	case TRACE_VERIFY:
		follow_verify(&w->follow, event->what->word);
		break;
	case TRACE_POWER:
	case TRACE_INSERT:
	case TRACE_REMOVE:
	case TRACE_READER:
		trace_follow_reset(&w->follow);
		break;
	default:
		break;
	}
}

static int annotate_command(struct trace_walk *w)
{
	struct trace_event *event = &w->event;
	int r = fill(event->what, &w->command, &event->command_hides);
	size_t before;

	if (r < 0)
		return r;
	event->command = &w->command;
	trace_about(&w->follow, w->command.data, w->command.len, &event->about);
	/* without its secret VERIFY looks like asking for the counter */
	if (event->about.kind == TRACE_IS_TRIES && trace_is_typed(event->what, &before))
		event->about.kind = TRACE_IS_VERIFY;
	return 0;
}

static int annotate_response(struct trace_walk *w)
{
	struct trace_event *event = &w->event;
	const struct trace_statement *s = event->outcome;

	event->data = &w->data;
	event->sw = s->status_count ? s->statuses[0].sw : 0;
	event->sw_known = s->status_count == 1 && s->statuses[0].mask == 0xFFFF;
	return fill(s, &w->data, &event->data_hides);
}

/* The outcome of `what`, if what comes next is one. */
static int find_outcome(struct trace_walk *w)
{
	int r = read_into(w, w->ahead);

	if (r <= 0)
		return r;
	w->is_ahead = true;
	if (!is_outcome(w->ahead->s.kind))
		return 0;
	exchange(&w->outcome, &w->ahead);
	w->is_ahead = false;
	w->event.outcome = &w->outcome->s;
	return 0;
}

int trace_walk_next(struct trace_walk *w, const struct trace_event **ret)
{
	struct trace_event *event = &w->event;
	int r = 1;

	if (w->is_ahead)
		exchange(&w->what, &w->ahead);
	else
		r = read_into(w, w->what);
	w->is_ahead = false;
	if (r <= 0)
		return r;
	*event = (struct trace_event){ .what = &w->what->s, .path = w->what->path };
	if (is_outcome(event->what->kind))
		return trace_script_fail(w->script, FUDA_EFORMAT,
					 _("a response without a command before it"));
	if (takes_outcome(event->what->kind)) {
		event->number = ++w->commands;
		r = find_outcome(w);
	}
	if (r >= 0 && event->what->kind == TRACE_COMMAND)
		r = annotate_command(w);
	if (r >= 0 && event->outcome && event->outcome->kind == TRACE_RESPONSE)
		r = annotate_response(w);
	if (r < 0)
		return r;
	follow_event(w);
	*ret = event;
	return 1;
}

int trace_ended(struct fuda_context *ctx, int r, int end)
{
	if (r == FUDA_ENOMEM || r == FUDA_ETOOBIG || r == FUDA_EFAILED)
		return ctx_fail_code(ctx, r);
	if (end < 0 && (r == 0 || r == end))
		return end == FUDA_EFILE ?
			       ctx_fail(ctx, end, _("what the trace is written to takes no more")) :
			       ctx_fail_code(ctx, end);
	return r;
}

/* ---- titles ---- */

const char *trace_application_title(const struct aid *application)
{
	static const struct {
		const struct aid *application;
		const char *title;
	} rows[] = {
		{ &aid_jpki, "公的個人認証" },	    { &aid_text, "券面事項入力補助" },
		{ &aid_face, "券面事項確認" },	    { &aid_common, "共通カード" },
		{ &aid_juki, "住民基本台帳" },	    { &aid_isd, "GlobalPlatform ISD" },
		{ &aid_ndef, "NFC Forum NDEF" },    { &aid_mdoc, "ISO 18013-5 mdoc" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].application == application)
			return rows[i].title;
	return "";
}

/* Text of a maximum, cut where that is reached. */
struct title {
	char *text;
	size_t used;
};

static _printf_(2, 3) void add(struct title *t, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(t->text + t->used, TRACE_TITLE_MAX - t->used, format, ap);
	va_end(ap);
	if (n > 0)
		t->used = MIN(t->used + (size_t)n, (size_t)TRACE_TITLE_MAX - 1);
}

static void add_hex(struct title *t, const uint8_t *bytes, size_t len)
{
	enum { SHOWN = 16 };

	for (size_t i = 0; i < MIN(len, (size_t)SHOWN); i++)
		add(t, "%s%02X", i ? "" : " ", bytes[i]);
	if (len > SHOWN)
		add(t, "...");
}

static void add_select(struct title *t, const struct trace_about *about, const struct apdu *a,
		       unsigned hides)
{
	if (a && hides)
		add(t, " <%zu %s>", a->lc,
		    hides & TRACE_HIDES_PATTERN ? "bytes of any value" : "bytes not shown");
	else if (about->selects)
		add(t, " %s", about->selects->name);
	else if (about->file)
		add(t, " %s", about->file->name);
	else if (a)
		add_hex(t, a->data, a->lc);
}

static void add_read(struct title *t, const struct trace_about *about, const struct apdu *a,
		     size_t got)
{
	if (about->file)
		add(t, " %s", about->file->name);
	if (got == SIZE_MAX && a && a->le && a->le != 256 && a->le != 65536)
		got = a->le;
	if (about->offset == TRACE_OFFSET_UNKNOWN) {
		if (a && a->ins == INS_READ_RECORD)
			add(t, " %u", a->p1);
	} else if (got == SIZE_MAX || !got) {
		add(t, " %zu..", about->offset);
	} else {
		add(t, " %zu..%zu", about->offset, about->offset + got - 1);
	}
}

static void add_secret(struct title *t, const struct trace_about *about)
{
	if (about->secret)
		add(t, " %s", about->secret);
	add(t, about->kind == TRACE_IS_TRIES ? _(" (tries left)") : " <secret>");
}

/* `got`: bytes of data in the response, SIZE_MAX if not known. */
static void add_command(struct title *t, const struct trace_event *event, size_t got)
{
	const struct trace_about *about = &event->about;
	const struct fuda_buf *bytes = event->command;
	struct apdu parsed, *a = apdu_parse(bytes->data, bytes->len, &parsed) < 0 ? NULL : &parsed;

	add(t, "%s", about->name);
	if (!*about->name)
		add(t, "command"), add_hex(t, bytes->data, MIN(bytes->len, (size_t)HEADER));
	switch (about->kind) {
	case TRACE_IS_SELECT:
		add_select(t, about, a, event->command_hides);
		break;
	case TRACE_IS_READ:
		add_read(t, about, a, got);
		break;
	case TRACE_IS_GET_DATA:
		if (a)
			add(t, " %02X%02X", a->p1, a->p2);
		break;
	case TRACE_IS_TRIES:
	case TRACE_IS_VERIFY:
	case TRACE_IS_PIN:
		add_secret(t, about);
		break;
	case TRACE_IS_OTHER:
	case TRACE_IS_GET_RESPONSE:
	case TRACE_IS_CHALLENGE:
	case TRACE_IS_SIGN:
	case TRACE_IS_SECURE:
	case TRACE_IS_SESSION:
		if (about->file)
			add(t, " %s", about->file->name);
		break;
	}
}

static void add_wait(struct title *t, uint64_t us)
{
	bool whole = us % 1000 == 0;

	add(t, "wait %llu %s", (unsigned long long)(whole ? us / 1000 : us), whole ? "ms" : "us");
}

void trace_event_title(const struct trace_event *event, char ret[TRACE_TITLE_MAX])
{
	static const char *const words[TRACE_KINDS] = {
		[TRACE_POWER] = "power ", [TRACE_VERIFY] = "verify ", [TRACE_INSERT] = "insert",
		[TRACE_REMOVE] = "remove",
	};
	const struct trace_statement *s = event->what;
	struct title t = { ret, 0 };
	bool known = event->data && event->data->len && !(event->data_hides & TRACE_HIDES_PATTERN);
	size_t got = known ? event->data->len : SIZE_MAX;

	*ret = '\0';
	if (s->kind == TRACE_COMMAND)
		add_command(&t, event, got);
	else if (s->kind == TRACE_WAIT)
		add_wait(&t, s->time.max_us);
	else if (s->kind < TRACE_KINDS && words[s->kind])
		add(&t, "%s%s", words[s->kind], s->word);
}
