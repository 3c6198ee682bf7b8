/* SPDX-License-Identifier: Apache-2.0 */
/* Traces as JSON lines (RFC 8259): an object a command, for programs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codec/utf8.h"
#include "trace/export.h"

struct json {
	struct trace_out *o;
	bool more; /* a member stands before */
	char *reader;
	const char *power; /* what was done since the last command, "" if nothing */
};

/* ---- values ---- */

static void write_character(struct trace_out *o, uint32_t ch, const uint8_t *bytes, size_t len)
{
	char escape[16];

	if (ch == '"' || ch == '\\') {
		out_bytes(o, "\\", 1);
		out_bytes(o, bytes, len);
	} else if (utf8_is_control(ch)) { /* none of them is beyond U+FFFF */
		snprintf(escape, sizeof(escape), "\\u%04X", (unsigned)ch);
		out_bytes(o, escape, strlen(escape));
	} else {
		out_bytes(o, bytes, len);
	}
}

static void write_string(struct trace_out *o, const char *text)
{
	struct cursor c = cur_of((const uint8_t *)text, strlen(text));

	out_bytes(o, "\"", 1);
	while (c.left) {
		struct cursor at = c;
		uint32_t ch;

		if (utf8_next(&at, &ch) < 0) {
			out_bytes(o, "\\uFFFD", 6);
			(void)cur_skip(&c, 1);
			continue;
		}
		write_character(o, ch, c.p, c.left - at.left);
		c = at;
	}
	out_bytes(o, "\"", 1);
}

static void raw(struct json *j, const char *text)
{
	out_bytes(j->o, text, strlen(text));
}

static void key(struct json *j, const char *name)
{
	raw(j, j->more ? ",\"" : "\"");
	raw(j, name);
	raw(j, "\":");
	j->more = true;
}

/* What is not known is absent, never empty. */
static void text(struct json *j, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	key(j, name);
	write_string(j->o, value);
}

static void number(struct json *j, const char *name, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	key(j, name);
	raw(j, digits);
}

static void begin(struct json *j, const char *bracket)
{
	raw(j, bracket);
	j->more = false;
}

static void end(struct json *j, const char *bracket)
{
	raw(j, bracket);
	j->more = true;
}

/* ---- bytes ---- */

static void hex(struct json *j, const uint8_t *bytes, size_t len)
{
	char digits[3];

	for (size_t i = 0; i < len && j->o->error == 0; i++) {
		snprintf(digits, sizeof(digits), "%02X", bytes[i]);
		raw(j, digits);
	}
}

/* "??" for each byte that is not known, "*" where their number is not either. */
static void unknown(struct json *j, const struct trace_item *item)
{
	bool fixed = item->kind == TRACE_SECRET || item->kind == TRACE_DATA ||
		     (item->kind == TRACE_ANY && item->min == item->max);

	for (size_t i = 0; fixed && i < MIN(item->min, (size_t)TRACE_BYTES_MAX); i++)
		raw(j, "??");
	if (!fixed)
		raw(j, "*");
}

static void bytes(struct json *j, const char *name, const struct trace_statement *s)
{
	if (!s->count)
		return;
	key(j, name);
	raw(j, "\"");
	for (size_t i = 0; i < s->count; i++) {
		const struct trace_item *item = &s->items[i];

		if (item->kind == TRACE_BYTES || item->kind == TRACE_NAMED)
			hex(j, trace_item_bytes(s, item), item->len);
		else if (item->kind != TRACE_NOTE)
			unknown(j, item);
	}
	raw(j, "\"");
}

/* Where bytes are not shown, and their hash. */
static void hidden(struct json *j, const char *where, const struct trace_statement *s)
{
	static const char *const kinds[] = {
		[TRACE_SECRET] = "secret",
		[TRACE_TYPED] = "typed",
		[TRACE_DATA] = "data",
	};
	size_t at = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct trace_item *item = &s->items[i];
		bool shown = item->kind == TRACE_BYTES || item->kind == TRACE_NAMED;

		if ((size_t)item->kind < ARRAY_SIZE(kinds) && kinds[item->kind]) {
			raw(j, j->more ? "," : "");
			begin(j, "{");
			text(j, "in", where);
			number(j, "at", at);
			number(j, "length", item->min);
			text(j, "kind", kinds[item->kind]);
			if (item->kind == TRACE_DATA) {
				key(j, "hash");
				raw(j, "\"");
				hex(j, item->hash, TRACE_HASH);
				raw(j, "\"");
			}
			end(j, "}");
		}
		at += shown ? item->len : item->kind == TRACE_NOTE ? 0 : item->min;
	}
}

static void statuses(struct json *j, const struct trace_statement *s)
{
	key(j, "sw");
	raw(j, "\"");
	for (size_t i = 0; i < s->status_count; i++) {
		char digits[5];

		snprintf(digits, sizeof(digits), "%04X", s->statuses[i].sw);
		for (size_t n = 0; n < 4; n++)
			if (!(s->statuses[i].mask >> (12 - 4 * n) & 0xF))
				digits[n] = 'x';
		raw(j, i ? "|" : "");
		raw(j, digits);
	}
	raw(j, s->status_count ? "\"" : "xxxx\"");
}

/* ---- commands ---- */

static void about(struct json *j, const struct trace_about *a)
{
	key(j, "about");
	begin(j, "{");
	text(j, "name", a->name);
	text(j, "application",
	     a->selects	    ? a->selects->name :
	     a->application ? a->application->name :
			      NULL);
	text(j, "file", a->file ? a->file->name : NULL);
	text(j, "secret", a->secret);
	end(j, "}");
}

static void outcome(struct json *j, const struct trace_event *event)
{
	const struct trace_statement *s = event->outcome;

	if (!s)
		return;
	if (s->kind == TRACE_FAILURE) {
		text(j, "error", fuda_error_name(s->error));
		return;
	}
	bytes(j, "response", s);
	statuses(j, s);
	if (s->time.kind == TRACE_TIME_TOOK)
		number(j, "time_us", s->time.max_us);
}

static void command(struct json *j, const struct trace_event *event)
{
	bool hides = (event->command_hides | event->data_hides) &
		     (TRACE_HIDES_SECRET | TRACE_HIDES_DATA);

	begin(j, "{");
	number(j, "line", event->what->line);
	text(j, "reader", j->reader);
	text(j, "power", j->power);
	if (event->what->kind == TRACE_VERIFY)
		text(j, "verify", event->what->word);
	else
		bytes(j, "command", event->what);
	if (event->what->kind == TRACE_COMMAND && *event->about.name)
		about(j, &event->about);
	outcome(j, event);
	if (hides) {
		key(j, "hidden");
		begin(j, "[");
		hidden(j, "command", event->what);
		if (event->data)
			hidden(j, "response", event->outcome);
		end(j, "]");
	}
	end(j, "}");
	out_line(j->o);
	j->power = "";
}

static const char *power_word(const char *word)
{
	static const char *const words[] = { "on", "reset", "off" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(word, words[i]) == 0)
			return words[i];
	return "";
}

static int directive(struct json *j, const struct trace_statement *s)
{
	if (s->kind == TRACE_POWER)
		j->power = power_word(s->word);
	if (s->kind != TRACE_READER)
		return 0;
	free(j->reader);
	j->reader = strdup(s->text);
	return j->reader ? 0 : FUDA_ENOMEM;
}

int trace_export_json(struct trace_walk *w, struct trace_out *o)
{
	struct json j = { .o = o, .power = "" };
	const struct trace_event *event;
	int r;

	while ((r = trace_walk_next(w, &event)) > 0) {
		if (event->number)
			command(&j, event);
		else
			r = directive(&j, event->what);
		if (r < 0 || o->error)
			break;
	}
	free(j.reader);
	return r < 0 ? r : o->error;
}
