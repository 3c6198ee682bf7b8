/* SPDX-License-Identifier: Apache-2.0 */
/* A trace for people. */
#include <inttypes.h>
#include <string.h>
#include <fuda/encode.h>

#include "codec/tlv.h"
#include "trace/annotate.h"
#include "trace/dissect.h"

enum {
	INDENT = 6,	    /* of what belongs to a command */
	INDENT_DATA = 8,
	STATUS_COLUMN = 50, /* in lines of --brief */
	TIME_COLUMN = 86,   /* ... and where the time stands, to the right */
	BYTES_WIDTH = 18,   /* of what is said of a response's length */
	COMMAND_MAX = 96,   /* bytes that are written out */
	CHUNK_MAX = 24,	    /* ... of a piece of a file that is shown as a whole later */
	JOINED_MAX = 65536, /* bytes of a file */
};

/* A file as it is read piece by piece. */
struct joined {
	const struct trace_file *file;
	struct fuda_buf bytes; /* from its beginning */
	bool shown;
};

struct show {
	const struct fuda_trace_show *how;
	struct trace_out out;
	struct joined joined;
	unsigned long commands;
	uint64_t sent, received, us;
};

/* ---- parts of statements ---- */

/* Items as the language writes them, but that bytes are hexadecimal. */
static void write_item(struct trace_out *o, const struct trace_statement *s,
		       const struct trace_item *item)
{
	char word[TRACE_NAME_MAX + 64], hash[2 * TRACE_HASH + 1];

	switch (item->kind) {
	case TRACE_BYTES:
	case TRACE_NAMED:
		out_hex(o, trace_item_bytes(s, item), item->len, COMMAND_MAX);
		return;
	case TRACE_SECRET:
		snprintf(word, sizeof(word), "<secret %zu>", item->min);
		break;
	case TRACE_TYPED:
		snprintf(word, sizeof(word), "<typed>");
		break;
	case TRACE_DATA:
		fuda_hex_encode(item->hash, TRACE_HASH, hash);
		snprintf(word, sizeof(word), "<data %zu %s>", item->min, hash);
		break;
	case TRACE_REFER:
		snprintf(word, sizeof(word), "{%s}", item->name);
		break;
	case TRACE_ANY:
		if (item->max == SIZE_MAX && !item->min)
			snprintf(word, sizeof(word), "*");
		else if (item->min == item->max)
			snprintf(word, sizeof(word), "..{%zu}", item->min);
		else
			snprintf(word, sizeof(word), "..{%zu-%zu}", item->min, item->max);
		break;
	case TRACE_NOTE:
		return;
	}
	out_word(o, word);
}

static void write_items(struct trace_out *o, const struct trace_statement *s)
{
	size_t indent = o->indent;

	o->indent = MAX(o->column, indent);
	for (size_t i = 0; i < s->count && o->error == 0; i++)
		write_item(o, s, &s->items[i]);
	o->indent = indent;
	out_line(o);
}

static void write_time(struct trace_out *o, const struct trace_statement *response)
{
	char text[40];

	if (!response || response->time.kind != TRACE_TIME_TOOK)
		return;
	snprintf(text, sizeof(text), "%" PRIu64 ".%03u ms", response->time.max_us / 1000,
		 (unsigned)(response->time.max_us % 1000));
	out_column(o, OUT_COLUMNS - MIN(strlen(text), (size_t)OUT_COLUMNS - TIME_COLUMN - 1));
	out_cut(o, text, OUT_COLUMNS);
}

/* "(jpki: certificate for authentication)", as far as it is known and if it fits. */
static void write_place(struct trace_out *o, const struct trace_about *about)
{
	const struct aid *application = about->selects ? about->selects : about->application;
	const char *title = trace_application_title(about->selects);
	const char *meaning = about->file && about->file->meaning ? _(about->file->meaning) : "";
	char text[256];

	if (*title)
		snprintf(text, sizeof(text), " (%s)", title);
	else if (application && *meaning)
		snprintf(text, sizeof(text), " (%s: %s)", application->name, meaning);
	else if (application)
		snprintf(text, sizeof(text), " (%s)", application->name);
	else
		return;
	if (o->column + out_width(text) <= TIME_COLUMN)
		out_text(o, text);
}

/* ---- files that are read piece by piece ---- */

static bool is_whole(const struct joined *j)
{
	size_t total;

	return tlv_total(j->bytes.data, j->bytes.len, &total) == 0 && total <= j->bytes.len;
}

/* What is read next may be of another card. */
static void forget(struct joined *j)
{
	fuda_buf_clear(&j->bytes);
	j->file = NULL;
}

static bool begins_card(enum trace_kind kind)
{
	return kind == TRACE_READER || kind == TRACE_POWER || kind == TRACE_INSERT ||
	       kind == TRACE_REMOVE;
}

/* Adds what was read. True once, when all of it is there. */
static bool join(struct joined *j, const struct trace_file *file, size_t offset,
		 const struct fuda_buf *data)
{
	if (j->file != file || offset == 0) {
		fuda_buf_clear(&j->bytes);
		j->file = file;
		j->shown = false;
	}
	if (offset > j->bytes.len || offset + data->len <= j->bytes.len ||
	    fuda_buf_append(&j->bytes, data->data + (j->bytes.len - offset),
			    data->len - (j->bytes.len - offset)) < 0 ||
	    j->shown || !is_whole(j))
		return false;
	j->shown = true;
	return true;
}

/* Text of the certificate's writer, a line at a time and indented. */
static int write_indented(void *arg, const void *bytes, size_t len)
{
	struct trace_out *o = arg;
	const char *text = bytes;

	while (len && o->error == 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		if (n)
			out_safe(o, text, n);
		if (end)
			out_line(o);
		text += n + (end != NULL);
		len -= n + (end != NULL);
	}
	return o->error;
}

static void write_whole(struct show *s, const struct trace_about *about)
{
	struct fuda_trace_sink sink = { write_indented, &s->out };
	size_t total;

	if (about->file->holds != TRACE_HOLDS_X509) {
		trace_dissect(&s->out, about, 0, s->joined.bytes.data, s->joined.bytes.len);
		return;
	}
	if (!s->how->certificate ||
	    tlv_total(s->joined.bytes.data, s->joined.bytes.len, &total) < 0)
		return;
	if (s->how->certificate(s->how->arg, s->joined.bytes.data, total, &sink) < 0 &&
	    s->out.error == 0) {
		out_text(&s->out, _("a certificate that cannot be read"));
		out_line(&s->out);
	}
	if (s->out.column)
		out_line(&s->out);
}

/* ---- commands ---- */

/* Whether bytes of a response are shown, if all of its items have one length. */
static bool is_known(const void *arg, size_t at, size_t n)
{
	const struct trace_statement *s = arg;
	size_t start = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct trace_item *item = &s->items[i];
		bool shown = item->kind == TRACE_BYTES || item->kind == TRACE_NAMED;
		size_t len = shown ? item->len : item->min;

		if (!shown && start < at + n && at < start + len)
			return false;
		start += len;
	}
	return true;
}

static void write_data(struct show *s, const struct trace_event *event)
{
	struct trace_out *o = &s->out;
	bool placed = event->about.offset != TRACE_OFFSET_UNKNOWN;
	size_t offset = placed ? event->about.offset : 0;

	o->indent = INDENT_DATA;
	if (!event->data->len && !event->data_hides) {
		return;
	} else if (event->data_hides) {
		if (event->data_hides & TRACE_HIDES_PATTERN ||
		    !trace_dissect_fields(o, &event->about, offset, event->data->data,
					  event->data->len, is_known, event->outcome))
			write_items(o, event->outcome);
	} else if (placed && event->about.file && event->about.file->holds != TRACE_HOLDS_BYTES) {
		bool whole = join(&s->joined, event->about.file, offset, event->data);

		if (!whole || s->joined.bytes.len != event->data->len) {
			out_hex(o, event->data->data, event->data->len, CHUNK_MAX);
			out_line(o);
		}
		if (whole)
			write_whole(s, &event->about);
	} else {
		trace_dissect(o, &event->about, offset, event->data->data, event->data->len);
	}
}

enum { OUTCOME_MAX = 256 };

static void say_statuses(const struct trace_statement *s, char ret[OUTCOME_MAX])
{
	size_t used = 0;

	if (!s->status_count)
		snprintf(ret, OUTCOME_MAX, "xxxx");
	for (size_t i = 0; i < s->status_count; i++) {
		char digits[5];

		snprintf(digits, sizeof(digits), "%04X", s->statuses[i].sw);
		for (size_t n = 0; n < 4; n++)
			if (!(s->statuses[i].mask >> (12 - 4 * n) & 0xF))
				digits[n] = 'x';
		used += (size_t)snprintf(ret + used, OUTCOME_MAX - used, "%s%s", i ? "|" : "",
					 digits);
	}
}

/* What a status word means, to whom it is said. */
static void say_meaning(const struct trace_event *event, char ret[OUTCOME_MAX])
{
	bool tries = (event->sw & 0xFFF0) == 0x63C0; /* card.md 3 */
	enum trace_command_kind kind = event->about.kind;
	unsigned left = event->sw & 0xF;

	if (tries && kind == TRACE_IS_TRIES)
		snprintf(ret, OUTCOME_MAX, _("tries left: %u"), left);
	else if (tries && (kind == TRACE_IS_VERIFY || kind == TRACE_IS_PIN))
		snprintf(ret, OUTCOME_MAX, _("wrong; tries left: %u"), left);
	else
		snprintf(ret, OUTCOME_MAX, "%s", fuda_status_text(event->sw));
}

static void write_outcome(struct trace_out *o, const struct trace_event *event, size_t column)
{
	const struct trace_statement *s = event->outcome;
	char text[OUTCOME_MAX];

	if (!s) {
		snprintf(text, sizeof(text), "%s", _("no response in the trace"));
	} else if (s->kind == TRACE_FAILURE) {
		snprintf(text, sizeof(text), "! %s", fuda_error_text(s->error));
	} else {
		say_statuses(s, text);
		out_cut(o, text, column);
		if (!event->sw_known)
			return;
		out_cut(o, "  ", column);
		say_meaning(event, text);
	}
	out_cut(o, text, column);
}

static void write_details(struct show *s, const struct trace_event *event)
{
	struct trace_out *o = &s->out;

	o->indent = INDENT;
	if (event->what->kind == TRACE_COMMAND) {
		out_text(o, "> ");
		write_items(o, event->what);
	}
	out_text(o, event->outcome && event->outcome->kind == TRACE_RESPONSE ? "< " : "");
	write_outcome(o, event, OUT_COLUMNS - BYTES_WIDTH);
	if (event->data && event->data->len)
		out_printf(o, _(", %zu bytes"), event->data->len);
	out_line(o);
	if (event->data && event->what->kind == TRACE_COMMAND)
		write_data(s, event);
	o->indent = 0;
}

static void write_command(struct show *s, const struct trace_event *event)
{
	struct trace_out *o = &s->out;
	char title[TRACE_TITLE_MAX];

	trace_event_title(event, title);
	out_printf(o, "%5lu ", event->number);
	if (s->how->brief) {
		out_cut(o, title, STATUS_COLUMN - 1);
		out_column(o, STATUS_COLUMN);
		write_outcome(o, event, TIME_COLUMN - 1);
	} else {
		out_cut(o, title, TIME_COLUMN);
		write_place(o, &event->about);
	}
	write_time(o, event->outcome);
	out_line(o);
	if (!s->how->brief)
		write_details(s, event);
}

/* What is done, or where it passed: as it is written. */
static int write_directive(struct show *s, const struct trace_event *event)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(8 * TRACE_BYTES_MAX);
	int r = trace_format(event->what, &text);

	for (size_t at = 0, end; r == 0 && at < text.len; at = end + 1) {
		for (end = at; end < text.len && text.data[end] != '\n';)
			end++;
		if (end > at)
			out_safe(&s->out, text.data + at, end - at);
		out_line(&s->out);
	}
	return r;
}

static void count(struct show *s, const struct trace_event *event)
{
	s->commands++;
	s->sent += event->command ? event->command->len : 0;
	s->received += event->data && event->command ? event->data->len + 2 : 0;
	if (event->outcome && event->outcome->time.kind == TRACE_TIME_TOOK)
		s->us += event->outcome->time.max_us;
}

static void write_totals(struct show *s)
{
	out_line(&s->out);
	out_printf(&s->out,
		   dngettext(TEXT_DOMAIN,
			     "%lu command, %" PRIu64 " bytes sent, %" PRIu64 " received",
			     "%lu commands, %" PRIu64 " bytes sent, %" PRIu64 " received",
			     s->commands),
		   s->commands, s->sent, s->received);
	if (s->us)
		out_printf(&s->out, _(", %" PRIu64 ".%03u ms"), s->us / 1000,
			   (unsigned)(s->us % 1000));
	out_line(&s->out);
}

static int show_events(struct show *s, struct trace_walk *w)
{
	const struct trace_event *event;
	int r;

	while ((r = trace_walk_next(w, &event)) > 0) {
		if (event->number) {
			count(s, event);
			write_command(s, event);
		} else {
			if (begins_card(event->what->kind))
				forget(&s->joined);
			r = write_directive(s, event);
		}
		if (r < 0 || s->out.error)
			return r < 0 ? r : s->out.error;
	}
	if (r == 0)
		write_totals(s);
	return r;
}

int fuda_trace_show(struct fuda_context *ctx, const char *path, const struct fuda_deadline *dl,
		    const struct fuda_trace_show *how,
		    const struct fuda_trace_sink *sink)
{
	struct show s = { .how = how, .out = TRACE_OUT(sink) };
	struct trace_walk *w;
	int r = trace_walk_open(ctx, path, dl, &w), end;

	if (r < 0)
		return r;
	s.joined.bytes = FUDA_BUF_INIT(JOINED_MAX);
	r = show_events(&s, w);
	trace_walk_free(&w);
	end = out_end(&s.out); /* what was before an error is worth seeing */
	out_free(&s.out);
	fuda_buf_free(&s.joined.bytes);
	return trace_ended(ctx, r, end);
}
