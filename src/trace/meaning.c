/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/meaning.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { HEX_SHOWN = 20 /* bytes: with what stands around them less than a line */ };

/* ---- bytes ---- */

/* Each part begins with its kind and a number, so that no two lists of parts are the same bytes. */
static int add_number(struct fuda_buf *b, char part, uint64_t number)
{
	uint8_t bytes[9] = { (uint8_t)part };

	for (size_t i = sizeof(bytes); i > 1; i--, number >>= 8)
		bytes[i - 1] = (uint8_t)number;
	return fuda_buf_append(b, bytes, sizeof(bytes));
}

static bool is_literal(const struct trace_item *item)
{
	return item->kind == TRACE_BYTES || item->kind == TRACE_NAMED;
}

static bool is_open(const struct trace_item *item)
{
	return item->kind == TRACE_ANY && !*item->name;
}

static size_t plus(size_t a, size_t b)
{
	return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* Items from `*i` on that are bytes: one run, in however many words, texts and names. */
static int add_literals(const struct trace_statement *s, size_t *i, struct fuda_buf *b,
			size_t *ret_len)
{
	size_t len = 0, end = *i;
	int r;

	for (; end < s->count && is_literal(&s->items[end]); end++)
		len += s->items[end].len;
	r = len ? add_number(b, 'L', len) : 0;
	for (; r == 0 && *i < end; ++*i)
		r = fuda_buf_append(b, trace_item_bytes(s, &s->items[*i]), s->items[*i].len);
	*i = end;
	*ret_len = len;
	return r;
}

/* ... that may be anything: one run, too. */
static int add_opens(const struct trace_statement *s, size_t *i, struct fuda_buf *b,
		     size_t *ret_len)
{
	size_t min = 0, max = 0;
	int r;

	for (; *i < s->count && is_open(&s->items[*i]); ++*i) {
		min = plus(min, s->items[*i].min);
		max = plus(max, s->items[*i].max);
	}
	*ret_len = min;
	r = add_number(b, 'A', min);
	return r < 0 ? r : add_number(b, 'Z', max);
}

static int add_other(const struct trace_item *item, bool hashes, struct fuda_buf *b)
{
	int r = add_number(b, (char)('0' + item->kind), item->min);

	if (r == 0 && item->kind == TRACE_ANY)
		r = add_number(b, 'Z', item->max);
	if (r == 0 && (item->kind == TRACE_ANY || item->kind == TRACE_REFER))
		r = fuda_buf_append(b, item->name, strlen(item->name) + 1);
	if (r == 0 && item->kind == TRACE_DATA && hashes)
		r = fuda_buf_append(b, item->hash, TRACE_HASH);
	return r;
}

static int digest_items(const struct trace_statement *s, bool hashes, struct fuda_buf *scratch,
			struct trace_meant_bytes *ret, struct fuda_digest *ret_digest)
{
	int r = 0;

	fuda_buf_clear(scratch);
	ret->len = 0;
	ret->hides = false;
	for (size_t i = 0; r == 0 && i < s->count;) {
		const struct trace_item *item = &s->items[i];
		size_t len = 0;

		if (is_literal(item)) {
			r = add_literals(s, &i, scratch, &len);
		} else if (is_open(item)) {
			r = add_opens(s, &i, scratch, &len);
		} else {
			ret->hides |= item->kind == TRACE_DATA;
			len = item->min;
			r = item->kind == TRACE_NOTE ? 0 : add_other(item, hashes, scratch);
			i++;
		}
		ret->len = plus(ret->len, len);
	}
	return r < 0 ? r : fuda_digest_bytes(FUDA_SHA256, scratch->data, scratch->len, ret_digest);
}

static int mean_bytes(const struct trace_statement *s, struct fuda_buf *scratch,
		      struct trace_meant_bytes *ret)
{
	int r = digest_items(s, true, scratch, ret, &ret->with_hashes);

	ret->without = ret->with_hashes;
	if (r == 0 && ret->hides)
		r = digest_items(s, false, scratch, ret, &ret->without);
	return r;
}

/* `s` is what a trace has of these bytes that hides their data. */
static int mean_hidden(const struct trace_statement *s, struct fuda_buf *scratch,
		       struct trace_meant_bytes *ret)
{
	struct trace_meant_bytes hidden;
	int r = mean_bytes(s, scratch, &hidden);

	if (r < 0)
		return r;
	ret->hidden = hidden.with_hashes;
	ret->hidden_without = hidden.without;
	return 0;
}

static int mean_hidden_command(struct trace_keyring *k, const struct fuda_buf *command,
			       struct fuda_buf *scratch, struct trace_meant_bytes *ret)
{
	_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;
	const struct trace_about nothing = { .name = "" };
	int r = trace_redact_command(k, &nothing, false, command->data, command->len, &s);

	return r < 0 ? r : mean_hidden(&s, scratch, ret);
}

static int mean_hidden_data(struct trace_keyring *k, const struct fuda_buf *data,
			    struct fuda_buf *scratch, struct trace_meant_bytes *ret)
{
	_cleanup_statement_ struct trace_statement s = TRACE_STATEMENT_INIT;
	struct trace_item item = { .kind = TRACE_DATA, .min = data->len, .max = data->len };
	int r = trace_hash(k, data->data, data->len, item.hash);

	if (r == 0)
		r = trace_add_item(&s, &item);
	return r < 0 ? r : mean_hidden(&s, scratch, ret);
}

/* ---- texts ---- */

/* What does not fit is cut, and that is seen. */
static _printf_(2, 3) void show(char text[MEANING_SHOWN], const char *format, ...)
{
	static const char cut[] = "...";
	size_t used = strlen(text);
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text + used, MEANING_SHOWN - used, format, ap);
	va_end(ap);
	if (n >= 0 && used + (size_t)n >= MEANING_SHOWN)
		memcpy(text + MEANING_SHOWN - sizeof(cut), cut, sizeof(cut));
}

/* The beginning of `len` bytes, or at least so many. */
static void show_bytes(char text[MEANING_SHOWN], const struct trace_statement *s, size_t len)
{
	size_t left = HEX_SHOWN;

	for (size_t i = 0; i < s->count && left; i++) {
		const struct trace_item *item = &s->items[i];

		if (item->kind == TRACE_SECRET)
			show(text, " <secret %zu>", item->min);
		else if (item->kind == TRACE_TYPED)
			show(text, " <typed>");
		else if (item->kind == TRACE_DATA)
			show(text, " <data %zu %02X%02X%02X%02X...>", item->min, item->hash[0],
			     item->hash[1], item->hash[2], item->hash[3]);
		else if (item->kind == TRACE_ANY)
			show(text, item->min == item->max ? " ..{%zu}" : " ..{%zu-}", item->min);
		else if (item->kind == TRACE_REFER)
			show(text, " {%s}", item->name);
		for (size_t n = 0; is_literal(item) && n < item->len && left; n++, left--)
			show(text, " %02X", s->bytes.data[item->at + n]);
	}
	if (len > HEX_SHOWN && !left)
		show(text, " "), show(text, _("... (%zu bytes)"), len);
}

static void show_outcome(const struct trace_event *event, char text[MEANING_SHOWN])
{
	const struct trace_statement *s = event->outcome;

	if (s->kind == TRACE_FAILURE) {
		show(text, "! %s", fuda_error_text(s->error));
		return;
	}
	if (!s->status_count)
		show(text, "< xxxx");
	for (size_t i = 0; i < s->status_count; i++)
		show(text, "%s%04X", i ? "|" : "< ", s->statuses[i].sw);
	if (s->items && s->count)
		show_bytes(text, s, event->data->len);
	else if (event->sw_known)
		show(text, " %s", fuda_status_text(event->sw));
}

/* ---- events ---- */

bool trace_means_something(const struct trace_event *event)
{
	static const bool counts[TRACE_KINDS] = {
		[TRACE_COMMAND] = true, [TRACE_POWER] = true,  [TRACE_VERIFY] = true,
		[TRACE_WAIT] = true,	[TRACE_INSERT] = true, [TRACE_REMOVE] = true,
	};

	return event->what->kind < TRACE_KINDS && counts[event->what->kind];
}

static int mean_statuses(const struct trace_statement *s, struct fuda_digest *ret)
{
	uint32_t sorted[TRACE_STATUSES_MAX] = { 0 };

	for (size_t i = 0; i < s->status_count; i++) {
		uint32_t one = (uint32_t)s->statuses[i].mask << 16 | s->statuses[i].sw;
		size_t at = i;

		for (; at && sorted[at - 1] > one; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = one;
	}
	return fuda_digest_bytes(FUDA_SHA256, sorted, sizeof(sorted), ret);
}

/* What is known of a response from its first byte on. */
static void take_sample(const struct trace_event *event, struct trace_meaning *m)
{
	const struct trace_statement *s = event->outcome;

	for (size_t i = 0; i < s->count && is_literal(&s->items[i]); i++) {
		size_t len = MIN(s->items[i].len, sizeof(m->sample) - m->sample_len);

		if (len)
			memcpy(m->sample + m->sample_len, trace_item_bytes(s, &s->items[i]), len);
		m->sample_len += len;
	}
}

static int mean_outcome(const struct trace_event *event, struct trace_keyring *keyring,
			struct fuda_buf *scratch, struct trace_meaning *m)
{
	int r;

	if (!event->outcome) {
		show(m->outcome_shown, "%s", _("no response in the trace"));
		return 0;
	}
	m->outcome = event->outcome->kind;
	m->error = event->outcome->error;
	show_outcome(event, m->outcome_shown);
	if (m->outcome != TRACE_RESPONSE)
		return 0;
	take_sample(event, m);
	r = mean_bytes(event->outcome, scratch, &m->response);
	if (r == 0 && keyring && event->data->len && !event->data_hides)
		r = mean_hidden_data(keyring, event->data, scratch, &m->response);
	return r < 0 ? r : mean_statuses(event->outcome, &m->statuses);
}

int trace_meaning(const struct trace_event *event, const uint8_t *key,
		  struct trace_keyring *keyring, struct fuda_buf *scratch,
		  struct trace_meaning *ret)
{
	struct trace_meaning *m = ret;
	int r = 0;

	memset(m, 0, sizeof(*m));
	m->kind = event->what->kind;
	m->line = event->what->line;
	m->key_known = key != NULL;
	if (key)
		memcpy(m->key, key, sizeof(m->key));
	m->key_own = key && keyring &&
		     memcmp(key, trace_keyring_id(keyring), sizeof(m->key)) == 0;
	trace_event_title(event, m->title);
	if (m->kind == TRACE_COMMAND) {
		m->file = event->about.file;
		m->selects = event->about.kind == TRACE_IS_SELECT;
		memcpy(m->header, event->command->data,
		       MIN(event->command->len, sizeof(m->header)));
		show(m->command_shown, ">");
		show_bytes(m->command_shown, event->what, event->command->len);
		r = mean_bytes(event->what, scratch, &m->command);
		if (r == 0 && keyring && !event->command_hides)
			r = mean_hidden_command(keyring, event->command, scratch, &m->command);
	}
	return r == 0 && event->number ? mean_outcome(event, keyring, scratch, m) : r;
}

/* ---- comparing ---- */

static bool same_digest(const struct fuda_digest *a, const struct fuda_digest *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* How hashes of what two traces hide, or what one of them does, can be compared. */
struct keys {
	bool same, own_a, own_b;
};

static struct keys keys_of(const struct trace_meaning *a, const struct trace_meaning *b)
{
	return (struct keys){
		.same = a->key_known && b->key_known &&
			memcmp(a->key, b->key, sizeof(a->key)) == 0,
		.own_a = a->key_own,
		.own_b = b->key_own,
	};
}

static bool same_bytes(const struct trace_meant_bytes *a, const struct trace_meant_bytes *b,
		       struct keys keys, unsigned long *by_length)
{
	bool same;

	if (a->hides == b->hides && (!a->hides || keys.same))
		return same_digest(&a->with_hashes, &b->with_hashes);
	if (!a->hides && keys.own_b && same_digest(&a->hidden_without, &b->without))
		return same_digest(&a->hidden, &b->with_hashes);
	if (!b->hides && keys.own_a && same_digest(&b->hidden_without, &a->without))
		return same_digest(&b->hidden, &a->with_hashes);
	same = a->hides && b->hides ? same_digest(&a->without, &b->without) : a->len == b->len;
	if (same && by_length)
		++*by_length;
	return same;
}

/* What both show from their beginning on, however much of the rest is hidden. */
static bool same_beginning(const struct trace_meaning *a, const struct trace_meaning *b)
{
	return memcmp(a->sample, b->sample, MIN(a->sample_len, b->sample_len)) == 0;
}

bool trace_same_command(const struct trace_meaning *a, const struct trace_meaning *b,
			unsigned long *by_length)
{
	if (a->kind != b->kind || memcmp(a->header, b->header, sizeof(a->header)) != 0)
		return false;
	if (a->file && b->file && a->file != b->file)
		return false;
	if (a->kind != TRACE_COMMAND)
		return strcmp(a->title, b->title) == 0;
	return same_bytes(&a->command, &b->command, keys_of(a, b), by_length);
}

bool trace_same_outcome(const struct trace_meaning *a, const struct trace_meaning *b,
			unsigned long *by_length)
{
	if (a->outcome != b->outcome)
		return false;
	if (a->outcome != TRACE_RESPONSE)
		return a->error == b->error;
	return same_digest(&a->statuses, &b->statuses) && same_beginning(a, b) &&
	       same_bytes(&a->response, &b->response, keys_of(a, b), by_length);
}
