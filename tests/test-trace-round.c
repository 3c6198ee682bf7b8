/* SPDX-License-Identifier: Apache-2.0 */
/* Any statement: what is formatted and parsed is the same, and what is parsed of a damaged text, too. */
#include <stdlib.h>

#include "tests/cmocka.h"
#include "tests/test-trace.h"
#include "trace/names.h"
#include "trace/parser.h"

enum { TEXT = 1 << 24 };

static struct fuda_context *ctx;

static int setup(void **state)
{
	(void)state;
	return fuda_context_new(&ctx);
}

static int teardown(void **state)
{
	(void)state;
	fuda_context_free(&ctx);
	return 0;
}

/* ---- statements out of nowhere ---- */

static uint64_t seed;

/* The same numbers everywhere (xorshift64*). One below `n`. */
static size_t below(size_t n)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (size_t)((seed * 0x2545F4914F6CDD1D) >> 33) % n;
}

/* What one file has defined so far. */
static struct {
	struct {
		char name[TRACE_NAME_MAX + 1];
		uint8_t bytes[64];
		size_t len;
	} names[16];
	size_t count;
	bool asked;
	unsigned repeats;
} made;

static void put_name(char ret[TRACE_NAME_MAX + 1])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
	size_t len = 1 + below(TRACE_NAME_MAX);

	ret[0] = letters[below(26)];
	for (size_t i = 1; i < len; i++)
		ret[i] = letters[below(sizeof(letters) - 1)];
	ret[len] = '\0';
}

/* A text that can stand between quotes. */
static size_t put_text(char *ret, size_t max)
{
	static const char *const pieces[] = { "a", "Z", " ", "\"", "\\", "#", "<", ">", "(", "{", "$x", "\xE6\x9C\xAD",
					      "\xF0\x9F\x92\xB3", "\xC3\xA9", "0", "|", "..", "*" };
	size_t len = 0;

	for (size_t n = below(max / 4 + 1); n; n--) {
		const char *piece = pieces[below(ARRAY_SIZE(pieces))];

		memcpy(ret + len, piece, strlen(piece));
		len += strlen(piece);
	}
	ret[len] = '\0';
	return len;
}

static void put_note(struct trace_statement *s)
{
	char text[200];
	size_t len = put_text(text, 150);

	if (below(10) == 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "\t.");
	assert_int_equal(trace_add_note(s, text, len), 0);
}

static void put_named(struct trace_statement *s)
{
	size_t n = below(2 * ARRAY_SIZE(made.names));
	const struct trace_constant *c;
	size_t i = 0;

	if (n < made.count) {
		assert_int_equal(trace_add_named(s, made.names[n].name, made.names[n].bytes, made.names[n].len), 0);
		return;
	}
	while (trace_constant_at(i))
		i++;
	c = trace_constant_at(below(i));
	assert_int_equal(trace_add_named(s, c->name, c->bytes, c->len), 0);
}

static void put_literal(struct trace_statement *s)
{
	uint8_t bytes[300];
	char text[200];
	size_t len = 1 + below(below(4) ? 8 : sizeof(bytes));

	switch (below(4)) {
	case 0:
		put_named(s);
		break;
	case 1:
		len = put_text(text, 150);
		assert_int_equal(trace_add_quoted(s, text, len), 0);
		break;
	default:
		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)below(256);
		assert_int_equal(trace_add_bytes(s, bytes, len), 0);
	}
}

static void put_pattern(struct trace_item *it)
{
	it->kind = TRACE_ANY;
	it->min = it->max = 1 + below(3) * below(TRACE_BYTES_MAX / 2);
	switch (below(3)) {
	case 0:
		it->min = 0;
		it->max = SIZE_MAX;
		break;
	case 1:
		it->min = below(it->max + 1);
	}
	if (below(3) == 0)
		put_name(it->name);
}

static void put_item(struct trace_statement *s)
{
	struct trace_item it = { .kind = TRACE_REFER };

	switch (below(8)) {
	case 0:
		put_name(it.name);
		break;
	case 1:
	case 2:
		put_pattern(&it);
		break;
	case 3:
		it.kind = TRACE_SECRET;
		it.min = it.max = below(20);
		break;
	case 4:
		it.kind = TRACE_DATA;
		it.min = it.max = below(TRACE_BYTES_MAX + 1);
		for (size_t i = 0; i < sizeof(it.hash); i++)
			it.hash[i] = (uint8_t)below(256);
		break;
	default:
		put_literal(s);
		return;
	}
	assert_int_equal(trace_add_item(s, &it), 0);
}

static void put_items(struct trace_statement *s, size_t most)
{
	for (size_t n = below(most + 1); n; n--) {
		put_item(s);
		if (below(8) == 0)
			put_note(s);
	}
}

static void put_statuses(struct trace_statement *s)
{
	for (size_t n = below(5); n; n--) {
		struct trace_status st = { (uint16_t)below(65536), 0, "" };

		for (int shift = 0; shift < 16; shift += 4)
			st.mask |= (uint16_t)((below(3) ? 15 : 0) << shift);
		if (!st.mask || below(4) == 0)
			st = (struct trace_status){ 0x6A82, 0xFFFF, "not-found" };
		st.sw &= st.mask;
		s->statuses[s->status_count++] = st;
	}
}

static void put_time(struct trace_time *t)
{
	t->kind = below(3);
	t->max_us = t->kind ? below(below(2) ? 100000 : TRACE_TIME_MAX + 1u) : 0;
	if (below(2))
		t->max_us -= t->max_us % 1000;
	t->min_us = t->kind == TRACE_TIME_TOOK ? t->max_us : t->kind ? below(2) * below(t->max_us + 1) : 0;
}

static void put_word(struct trace_statement *s)
{
	const char *words = trace_forms[s->kind].words;
	char all[100], *word = all;
	size_t count = 1;

	snprintf(all, sizeof(all), "%s", words);
	for (const char *p = words; *p; p++)
		count += *p == '|';
	for (size_t n = below(count); n; n--)
		word = strchr(word, '|') + 1;
	word[strcspn(word, "|")] = '\0';
	if (s->kind == TRACE_FAILURE)
		s->error = trace_failure_error(word);
	else
		memcpy(s->word, word, strlen(word) + 1);
}

static void put_definition(struct trace_statement *s)
{
	struct fuda_buf bytes = FUDA_BUF_INIT(sizeof(made.names[0].bytes));

	put_name(s->word);
	put_literal(s);
	if (trace_constant(s->word) || trace_literal(s, &bytes) < 0 || !bytes.len ||
	    made.count == ARRAY_SIZE(made.names)) {
		trace_statement_clear(s, TRACE_EMPTY);
	} else {
		memcpy(made.names[made.count].name, s->word, sizeof(s->word));
		memcpy(made.names[made.count].bytes, bytes.data, bytes.len);
		made.names[made.count++].len = bytes.len;
	}
	fuda_buf_free(&bytes);
}

static void put_command(struct trace_statement *s)
{
	struct trace_item it = { .kind = TRACE_TYPED };

	assert_int_equal(trace_add_bytes(s, (const uint8_t *)"\x00\xA4\x04\x0C", 4), 0);
	put_items(s, 6);
	if (below(10) == 0)
		assert_int_equal(trace_add_item(s, &it), 0);
}

static void put_facts(struct trace_statement *s)
{
	uint8_t bytes[TRACE_ATR_MAX] = { 0x3B, 0x80 };
	char text[200] = "x";

	switch (trace_forms[s->kind].shape) {
	case TRACE_SHAPE_ITEMS:
		assert_int_equal(trace_add_bytes(s, bytes, s->kind == TRACE_KEY ? 4 : 2 + below(TRACE_ATR_MAX - 1)), 0);
		break;
	case TRACE_SHAPE_WORD:
	case TRACE_SHAPE_FAILURE:
		put_word(s);
		break;
	case TRACE_SHAPE_TEXT:
		put_text(text + 1, 150);
		if (s->kind == TRACE_DATE)
			snprintf(text, sizeof(text), "2026-11-%02zuT03:04:05Z", below(30));
		assert_int_equal(trace_set_text(s, text), 0);
		break;
	case TRACE_SHAPE_NUMBERS:
		s->second = 1 + below(TRACE_BYTES_MAX);
		/* fall through */
	case TRACE_SHAPE_NUMBER:
		s->number = 1 + below(trace_forms[s->kind].max);
		break;
	case TRACE_SHAPE_TIME:
		put_time(&s->time);
		s->time.kind = TRACE_TIME_TOOK;
		s->time.min_us = s->time.max_us;
		break;
	default:
		break;
	}
}

static bool fits(enum trace_kind kind)
{
	if (kind == TRACE_RESPONSE || kind == TRACE_FAILURE)
		return made.asked;
	if (kind == TRACE_END)
		return made.repeats > 0;
	return kind != TRACE_REPEAT || made.repeats < TRACE_DEPTH_MAX;
}

/* Some statement that can stand behind those before. */
static void make(struct trace_statement *s)
{
	enum trace_kind kind;

	do {
		kind = below(2) ? below(TRACE_FAILURE + 1) : below(TRACE_KINDS);
	} while (!fits(kind));
	trace_statement_clear(s, kind);
	if (kind == TRACE_COMMAND) {
		put_command(s);
	} else if (kind == TRACE_RESPONSE) {
		put_statuses(s);
		put_time(&s->time);
		put_items(s, 6);
	} else if (kind == TRACE_NAME) {
		put_definition(s);
	} else {
		put_facts(s);
	}
	if (s->kind == TRACE_EMPTY ? below(2) : below(10) == 0)
		put_note(s);
	made.repeats += (kind == TRACE_REPEAT) - (kind == TRACE_END);
	if (s->kind != TRACE_EMPTY)
		made.asked = kind == TRACE_COMMAND || kind == TRACE_VERIFY;
}

/* A file of some statements. */
static void make_file(struct fuda_buf *text, struct trace_statement *all, size_t count)
{
	memset(&made, 0, sizeof(made));
	assert_int_equal(fuda_buf_append(text, FIRST, strlen(FIRST)), 0);
	for (size_t i = 0; i < count; i++) {
		make(&all[i]);
		assert_int_equal(trace_format(&all[i], text), 0);
	}
	for (; made.repeats; made.repeats--)
		assert_int_equal(fuda_buf_append(text, "end\n", 4), 0);
}

static void check_columns(const struct fuda_buf *text)
{
	size_t columns = 0, line = 0;
	bool note = false;

	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] == '\n') {
			columns = 0;
			line = i + 1;
			note = false;
			continue;
		}
		note = note || text->data[i] == '#' || text->data[i] == '"';
		columns += (text->data[i] & 0xC0) != 0x80;
		if (!note && text->data[i] != ' ' && columns > 100)
			fail_msg("%.*s", (int)(text->len - line), text->data + line);
	}
}

/* ---- there and back ---- */

enum { STATEMENTS = 60, FILES = 300 };

static void round_trip(void **state)
{
	static struct trace_statement all[STATEMENTS];

	(void)state;
	for (size_t i = 0; i < STATEMENTS; i++)
		all[i] = TRACE_STATEMENT_INIT;
	seed = 20261121;
	for (size_t n = 0; n < FILES; n++) {
		struct fuda_buf text = FUDA_BUF_INIT(TEXT), again = FUDA_BUF_INIT(TEXT);
		struct trace_statement s = TRACE_STATEMENT_INIT;
		struct trace_parser *p = NULL;

		make_file(&text, all, STATEMENTS);
		check_columns(&text);
		assert_int_equal(text_open(ctx, text.data, text.len, &p), 0);
		for (size_t i = 0; i < STATEMENTS; i++) {
			if (trace_parse(p, &s) != 1)
				fail_msg("%s in\n%.*s", fuda_context_message(ctx), (int)text.len, text.data);
			if (!same_statement(&s, &all[i])) {
				assert_int_equal(trace_format(&all[i], &again), 0);
				fail_msg("not the same:\n%.*s", (int)again.len, again.data);
			}
		}
		trace_parser_free(&p);
		/* and the text is the same, too */
		assert_int_equal(fuda_buf_append(&again, FIRST, strlen(FIRST)), 0);
		assert_int_equal(text_format(ctx, text.data, text.len, &again), 0);
		assert_int_equal(text.len, again.len);
		assert_memory_equal(text.data, again.data, text.len);
		trace_statement_free(&s);
		fuda_buf_free(&text);
		fuda_buf_free(&again);
	}
	for (size_t i = 0; i < STATEMENTS; i++)
		trace_statement_free(&all[i]);
}

/* What is left of a text after somebody fell asleep on the keyboard is refused, or means one thing. */
static void mutations(void **state)
{
	static const char keys[] = " \n\t#\"<>(){}$=.*-|0Fx9\\\r\xE6\x00\xFF";
	enum { COUNT = 4 };
	static struct trace_statement all[COUNT];
	size_t taken = 0;

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		all[i] = TRACE_STATEMENT_INIT;
	seed = 42;
	for (size_t n = 0; n < 20000; n++) {
		struct fuda_buf text = FUDA_BUF_INIT(TEXT), once = FUDA_BUF_INIT(TEXT), twice = FUDA_BUF_INIT(TEXT);

		make_file(&text, all, COUNT);
		for (size_t i = 1 + below(3); i && text.len > strlen(FIRST); i--)
			text.data[strlen(FIRST) + below(text.len - strlen(FIRST))] =
				(uint8_t)keys[below(sizeof(keys) - 1)];
		assert_int_equal(fuda_buf_append(&once, FIRST, strlen(FIRST)), 0);
		assert_int_equal(fuda_buf_append(&twice, FIRST, strlen(FIRST)), 0);
		if (text_format(ctx, text.data, text.len, &once) == 0) {
			taken++;
			if (text_format(ctx, once.data, once.len, &twice) < 0)
				fail_msg("%s in\n%.*s", fuda_context_message(ctx), (int)once.len, once.data);
			assert_int_equal(once.len, twice.len);
			assert_memory_equal(once.data, twice.data, once.len);
		}
		fuda_buf_free(&text);
		fuda_buf_free(&once);
		fuda_buf_free(&twice);
	}
	for (size_t i = 0; i < COUNT; i++)
		trace_statement_free(&all[i]);
	/* both happens */
	assert_in_range(taken, 1000, 19000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(mutations),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
