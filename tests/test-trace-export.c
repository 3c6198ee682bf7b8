/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>

#include "base/cursor.h"
#include "tests/tracefile.h"

static int export(const char *text, enum fuda_trace_form form, struct heard *h, char *ret_message)
{
	_cleanup_tracefile_ struct tracefile f = tracefile_of(text, strlen(text));
	struct fuda_trace_sink sink = { heard_write, h };
	struct fuda_context *ctx;
	int r;

	assert_int_equal(fuda_context_new(&ctx), 0);
	r = fuda_trace_export(ctx, f.path, NULL, form, &sink);
	if (ret_message)
		snprintf(ret_message, 1024, "%s", fuda_context_message(ctx));
	fuda_context_free(&ctx);
	return r;
}

#define JPKI	  "> 00 A4 04 0C 0A $jpki\n< 9000\n"
#define CHALLENGE "> 00 84 00 00 02\n"

/* ---- JSON lines ---- */

/* Each line is one object by the strict rules; gives their number. */
static size_t parse_lines(struct heard *h)
{
	size_t n = 0;
	char *next, *text = strdup(heard_text(h));

	assert_non_null(text);
	for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		struct json_tokener *t = json_tokener_new();
		struct json_object *o;

		json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
		o = json_tokener_parse_ex(t, line, (int)strlen(line) + 1);
		if (!json_object_is_type(o, json_type_object))
			fail_msg("%s: %s", json_tokener_error_desc(json_tokener_get_error(t)), line);
		assert_true(json_object_object_get_ex(o, "line", NULL));
		json_object_put(o);
		json_tokener_free(t);
		n++;
	}
	free(text);
	return n;
}

static void writes_json(void **state)
{
	static const struct {
		const char *trace;
		size_t lines;
		const char *says;
	} rows[] = {
		{ "", 0, NULL },
		{ "# comment\npower on\n", 0, NULL },
		{ "> 00 A4 04 0C 0A $jpki\n< 9000 (12.345 ms)\n", 1,
		  "{\"line\":2,\"command\":\"00A4040C0AD392F000260100000001\",\"about\":{\"name\":\"SELECT\","
		  "\"application\":\"jpki\"},\"sw\":\"9000\",\"time_us\":12345}\n" },
		{ JPKI "> 00 B0 86 00 04\n< 9000 \"JPKI\"\n", 2,
		  "{\"line\":4,\"command\":\"00B0860004\",\"about\":{\"name\":\"READ BINARY\",\"application\":\"jpki\","
		  "\"file\":\"token\"},\"response\":\"4A504B49\",\"sw\":\"9000\"}\n" },
		{ JPKI "> 00 20 00 98 04 <secret 4>\n< 63C2\n", 2,
		  "\"command\":\"0020009804????????\",\"about\":{\"name\":\"VERIFY\",\"application\":\"jpki\","
		  "\"file\":\"auth-pin\",\"secret\":\"auth\"},\"sw\":\"63C2\","
		  "\"hidden\":[{\"in\":\"command\",\"at\":5,\"length\":4,\"kind\":\"secret\"}]}\n" },
		{ "> 00 20 00 98 <typed>\n! removed\n", 1, "\"command\":\"00200098*\"" },
		{ "> 00 20 00 98 <typed>\n! removed\n", 1, "\"error\":\"EREMOVED\"" },
		{ CHALLENGE "< 9000 01 <data 2 0011223344556677> 02\n", 1,
		  "\"response\":\"01????02\",\"sw\":\"9000\",\"hidden\":[{\"in\":\"response\",\"at\":1,\"length\":2,"
		  "\"kind\":\"data\",\"hash\":\"0011223344556677\"}]}\n" },
		{ CHALLENGE "< 9000|61xx ..{2} * .. \n", 1, "\"response\":\"????*??\",\"sw\":\"9000|61xx\"}" },
		{ CHALLENGE "< xxxx\n", 1, "\"sw\":\"xxxx\"}" },
		{ CHALLENGE, 1, "\"about\":{\"name\":\"GET CHALLENGE\"}}\n" },
		{ "> 00 FE 00 00\n< 6D00\n", 1, "{\"line\":2,\"command\":\"00FE0000\",\"sw\":\"6D00\"}\n" },
		{ "verify auth\n< 9000\n", 1, "{\"line\":2,\"verify\":\"auth\",\"sw\":\"9000\"}\n" },
		{ "power on\npower reset\n" CHALLENGE "< 9000\n" CHALLENGE "< 9000\n", 2,
		  "\"power\":\"reset\",\"command\"" },
		{ "reader \"a\\\"b\\\\c\"\n" CHALLENGE "< 9000\n", 1, "\"reader\":\"a\\\"b\\\\c\"" },
		{ "reader \"番号 花子/\"\n" CHALLENGE "< 9000\n", 1, "\"reader\":\"番号 花子/\"" },
		{ "repeat 3\n" CHALLENGE "< 9000\nend\n", 3, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_heard_ struct heard h = HEARD;
		char text[2048], message[1024];

		snprintf(text, sizeof(text), FIRST "%s", rows[i].trace);
		if (export(text, FUDA_TRACE_JSON_LINES, &h, message) != 0)
			fail_msg("%s: %s", text, message);
		assert_int_equal(parse_lines(&h), rows[i].lines);
		if (rows[i].says)
			heard_says(&h, rows[i].says);
	}
}

/* ---- pcapng ---- */

static uint32_t le(struct cursor *c, size_t bytes)
{
	uint32_t v = 0;

	assert_int_equal(cur_le(c, bytes, &v), 0);
	return v;
}

/* What a capture holds, once it is found to be one. */
struct capture {
	size_t sections, interfaces, packets, fields_on, fields_off;
	uint64_t first, last; /* microseconds */
	char apdus[4096];     /* as they were put together: "> hex\n< hex\n" */
	char comments[8192];
	struct fuda_buf chained;
	uint8_t next;	    /* number of the next I-block to the card */
	bool waits;	    /* an R(ACK) is due */
	size_t name;	    /* the length of the last one of an interface, if that is what has it */
};

static void read_options(struct cursor c, struct capture *ret)
{
	enum { END = 0, COMMENT = 1, NAME = 2 };
	const uint8_t *p = NULL;

	while (c.left) {
		uint32_t code = le(&c, 2), len = le(&c, 2);

		if (code == END) {
			assert_int_equal(len, 0);
			assert_int_equal(c.left, 0);
			return;
		}
		assert_int_equal(cur_take(&c, len, &p), 0);
		if (code == NAME)
			ret->name = len;
		if (code == COMMENT)
			snprintf(ret->comments + strlen(ret->comments), sizeof(ret->comments) - strlen(ret->comments),
				 "%.*s\n", (int)len, (const char *)p);
		assert_int_equal(cur_skip(&c, -len & 3), 0);
	}
}

/* I-blocks with their numbers and chaining; each but the last is acknowledged with its number, or
 * with the one that the card takes next. */
static void read_block(struct capture *ret, bool to_card, struct cursor c)
{
	uint8_t pcb = 0;

	assert_int_equal(cur_u8(&c, &pcb), 0);
	if ((pcb & 0xF6) == 0xA2) {
		assert_true(ret->waits);
		assert_int_equal(pcb & 1, to_card ? ret->next ^ 1 : ret->next);
		ret->next ^= 1;
		ret->waits = false;
		return;
	}
	assert_int_equal(pcb & 0xEE, 0x02);
	assert_false(ret->waits);
	assert_int_equal(pcb & 1, ret->next);
	assert_in_range(c.left, 0, 253);
	assert_int_equal(fuda_buf_append(&ret->chained, c.p, c.left), 0);
	if (pcb & 0x10) {
		assert_int_equal(c.left, 253);
		ret->waits = true;
		return;
	}
	if (!to_card)
		ret->next ^= 1;
	snprintf(ret->apdus + strlen(ret->apdus), sizeof(ret->apdus) - strlen(ret->apdus), "%s%zu",
		 to_card ? "> " : "< ", ret->chained.len);
	for (size_t i = 0; i < MIN(ret->chained.len, 16u); i++)
		snprintf(ret->apdus + strlen(ret->apdus), sizeof(ret->apdus) - strlen(ret->apdus), " %02X",
			 ret->chained.data[i]);
	strncat(ret->apdus, "\n", sizeof(ret->apdus) - strlen(ret->apdus) - 1);
	fuda_buf_clear(&ret->chained);
}

static void read_event(struct capture *ret, uint8_t event, struct cursor c)
{
	enum { FROM_CARD = 0xFF, TO_CARD = 0xFE, FIELD_OFF = 0xFD, FIELD_ON = 0xFC, CRC = 2 };

	if (event == FIELD_ON || event == FIELD_OFF) {
		assert_int_equal(c.left, 0);
		ret->fields_on += event == FIELD_ON;
		ret->fields_off += event == FIELD_OFF;
		fuda_buf_clear(&ret->chained);
		ret->next = 0;
		ret->waits = false;
		return;
	}
	assert_true(event == TO_CARD || event == FROM_CARD);
	assert_in_range(c.left, 3, 256);
	c.left -= CRC;
	/* REQB, ATQB, ATTRIB, and the answer to that */
	if (*c.p == 0x05 || *c.p == 0x50 || *c.p == 0x1D || *c.p == 0x00)
		return;
	read_block(ret, event == TO_CARD, c);
}

static void read_packet(struct capture *ret, struct cursor c)
{
	uint8_t version = 0, event = 0;
	struct cursor data = { 0 };
	uint64_t at;
	uint32_t len;
	uint16_t inside = 0;

	assert_int_equal(le(&c, 4), ret->interfaces - 1);
	at = (uint64_t)le(&c, 4) << 32;
	at |= le(&c, 4);
	len = le(&c, 4);
	assert_int_equal(le(&c, 4), len);
	assert_int_equal(cur_sub(&c, len, &data), 0);
	assert_int_equal(cur_skip(&c, -len & 3), 0);
	read_options(c, ret);
	assert_int_equal(cur_u8(&data, &version), 0);
	assert_int_equal(version, 0);
	assert_int_equal(cur_u8(&data, &event), 0);
	assert_int_equal(cur_u16(&data, &inside), 0);
	assert_int_equal(inside, data.left);
	if (!ret->packets)
		ret->first = at;
	else
		assert_true(at >= ret->last);
	ret->last = at;
	ret->packets++;
	read_event(ret, event, data);
}

static void read_capture(const struct fuda_buf *bytes, struct capture *ret)
{
	struct cursor c = cur_of(bytes->data, bytes->len);

	*ret = (struct capture){ .chained = FUDA_BUF_INIT(1 << 20) };
	while (c.left) {
		uint32_t type = le(&c, 4), len = le(&c, 4);
		struct cursor body = { 0 };

		assert_true(len >= 12 && len % 4 == 0);
		assert_int_equal(cur_sub(&c, len - 12, &body), 0);
		assert_int_equal(le(&c, 4), len);
		if (type == 0x0A0D0D0A) {
			assert_int_equal(le(&body, 4), 0x1A2B3C4D);
			assert_int_equal(le(&body, 4), 1);
			assert_int_equal(cur_skip(&body, 8), 0);
			read_options(body, ret);
			ret->sections++;
		} else if (type == 1) {
			assert_int_equal(le(&body, 2), 264);
			assert_int_equal(cur_skip(&body, 6), 0);
			read_options(body, ret);
			ret->interfaces++;
		} else {
			assert_int_equal(type, 6);
			read_packet(ret, body);
		}
	}
	fuda_buf_free(&ret->chained);
	assert_int_equal(ret->sections, 1);
	assert_true(ret->interfaces >= 1);
	assert_non_null(strstr(ret->comments, "synthesised"));
}

static void writes_captures(void **state)
{
	static const struct {
		const char *trace;
		size_t interfaces, packets, on, off;
		const char *apdus, *comment;
		uint64_t us; /* from the first to the last; 0: does not matter */
	} rows[] = {
		{ "", 1, 0, 0, 0, "", NULL, 0 },
		{ CHALLENGE "< 9000 0102\n", 1, 7, 1, 0, "> 5 00 84 00 00 02\n< 4 01 02 90 00\n",
		  "The activation is synthesised.", 0 },
		{ CHALLENGE "< 9000 (1.5 ms) 0102\n", 1, 7, 1, 0, NULL, NULL, 1505 },
		{ "power on\n" CHALLENGE "< 9000 0102\npower reset\n" CHALLENGE "< 6985\npower off\n", 1, 16, 2, 2,
		  "> 5 00 84 00 00 02\n< 4 01 02 90 00\n> 5 00 84 00 00 02\n< 2 69 85\n", NULL, 0 },
		{ "power off\npower off\n", 1, 0, 0, 0, NULL, NULL, 0 },
		{ CHALLENGE "! removed\n" CHALLENGE "! mute\n", 1, 14, 2, 2, NULL, "No response: EMUTE.", 0 },
		{ CHALLENGE, 1, 7, 1, 1, "> 5 00 84 00 00 02\n", "The trace has no response.", 0 },
		{ "reader \"a\"\n" CHALLENGE "< 9000\nreader \"b\"\n" CHALLENGE "< 9000\n", 2, 14, 2, 0, NULL,
		  NULL, 0 },
		/* what is not shown is zeros */
		{ "> 00 20 00 98 04 <secret 4>\n< 9000\n", 1, 7, 1, 0, "> 9 00 20 00 98 04 00 00 00 00\n< 2 90 00\n",
		  "The secret is not recorded: zeros stand for it.", 0 },
		{ "> 00 20 00 98 <typed>\n< 9000\n", 1, 7, 1, 0, "> 4 00 20 00 98\n",
		  "The secret is not recorded: zeros stand for it.", 0 },
		{ CHALLENGE "< 9000 <data 2 0011223344556677>\n", 1, 7, 1, 0, "< 4 00 00 90 00\n",
		  "Data is not recorded: zeros stand for it.", 0 },
		{ CHALLENGE "< 6100|9000 ..{1-2}\n", 1, 7, 1, 0, "< 3 00 61 00\n",
		  "The script leaves bytes open: zeros stand for them. The script takes several status words", 0 },
		{ "verify auth\n< 9000\n" CHALLENGE "< 9000\n", 1, 7, 1, 0, NULL, "Here \"verify auth\" is done", 0 },
		/* chaining: 253 bytes a block */
		{ CHALLENGE "< 9000 <data 251 0011223344556677>\n", 1, 7, 1, 0, "< 253 00", NULL, 0 },
		{ CHALLENGE "< 9000 <data 252 0011223344556677>\n", 1, 9, 1, 0, "< 254 00", NULL, 0 },
		{ CHALLENGE "< 9000 (4.0 ms) <data 1573 0011223344556677>\n", 1, 19, 1, 0, "< 1575 00", NULL, 4005 },
		{ "> 80 AE 00 00 00 01 00 <data 256 0011223344556677> 00 00\n< 9000\n", 1, 9, 1, 0,
		  "> 265 80 AE 00 00 00 01 00 00 00 00 00 00 00 00 00 00\n< 2 90 00\n", NULL, 0 },
		{ CHALLENGE "< 9000 <data 65536 0011223344556677>\n", 1, 6 + 2 * 260 - 1, 1, 0, "< 65538 00", NULL, 0 },
		/* time */
		{ CHALLENGE "< 9000\nwait 500 ms\n" CHALLENGE "< 9000\n", 1, 9, 1, 0, NULL, NULL, 500010 },
		{ "date \"2026-11-21T03:04:05Z\"\n" CHALLENGE "< 9000\ndate \"2020-01-01T00:00:00Z\"\n" CHALLENGE
		  "< 9000\n", 1, 9, 1, 0, NULL, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_heard_ struct heard h = HEARD;
		struct capture c;
		char text[2048], message[1024];

		snprintf(text, sizeof(text), FIRST "%s", rows[i].trace);
		if (export(text, FUDA_TRACE_PCAPNG, &h, message) != 0)
			fail_msg("%s: %s", text, message);
		read_capture(&h.bytes, &c);
		if (c.interfaces != rows[i].interfaces || c.packets != rows[i].packets ||
		    c.fields_on != rows[i].on || c.fields_off != rows[i].off)
			fail_msg("%s: %zu interfaces, %zu packets, field on %zu, off %zu", text, c.interfaces,
				 c.packets, c.fields_on, c.fields_off);
		if (rows[i].apdus && !strstr(c.apdus, rows[i].apdus))
			fail_msg("%s: %s", text, c.apdus);
		if (rows[i].comment && !strstr(c.comments, rows[i].comment))
			fail_msg("%s: %s", text, c.comments);
		if (rows[i].us)
			assert_int_equal(c.last - c.first, rows[i].us);
	}
}

/* The longest name that a reader can have, in a script whose characters are not to be cut. */
static void names_readers(void **state)
{
	enum { CHARACTERS = 1333 };
	_cleanup_heard_ struct heard h = HEARD;
	char text[4100] = FIRST "reader \"", message[1024];
	struct capture c;

	(void)state;
	for (int i = 0; i < CHARACTERS; i++)
		strcat(text, "札");
	strcat(text, "\"\n" CHALLENGE "< 9000\n");
	if (export(text, FUDA_TRACE_PCAPNG, &h, message) != 0)
		fail_msg("%s", message);
	read_capture(&h.bytes, &c);
	assert_int_equal(c.name, 3 * CHARACTERS);
}

static void begins_at_the_date(void **state)
{
	static const struct {
		const char *date;
		uint64_t seconds;
	} rows[] = {
		{ "2026-11-21T03:04:05Z", 1795230245 },
		{ "1970-01-01T00:00:01Z", 1 },
		{ "1969-12-31T23:59:59Z", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_heard_ struct heard h = HEARD;
		struct capture c;
		char text[200];

		snprintf(text, sizeof(text), FIRST "date \"%s\"\n" CHALLENGE "< 9000\n", rows[i].date);
		assert_int_equal(export(text, FUDA_TRACE_PCAPNG, &h, NULL), 0);
		read_capture(&h.bytes, &c);
		assert_int_equal(c.first, rows[i].seconds * 1000000);
	}
}

/* ---- both, and what is counted ---- */

static void refuses(void **state)
{
	static const char *const bad[] = {
		"", "fuda-trace 2\n", FIRST "< 9000\n", FIRST CHALLENGE "< 9000\n< 9000\n", FIRST "> 00\n",
		FIRST "> 00 84 00 00 $none\n", FIRST "\x01\n",
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(bad); i++) {
		_cleanup_heard_ struct heard h = HEARD;
		char message[1024];

		assert_int_equal(export(bad[i / 2], i % 2 ? FUDA_TRACE_PCAPNG : FUDA_TRACE_JSON_LINES, &h, message),
				 FUDA_EFORMAT);
		assert_string_not_equal(message, "");
	}
	for (size_t form = 0; form < 2; form++) {
		_cleanup_heard_ struct heard h = HEARD;

		h.most = 5;
		assert_int_equal(export(FIRST JPKI JPKI, (enum fuda_trace_form)form, &h, NULL), FUDA_EFILE);
	}
}

static void counts(void **state)
{
	static const struct {
		const char *trace;
		struct fuda_trace_summary s;
	} rows[] = {
		{ "power on\n", { 0 } },
		{ JPKI CHALLENGE "< 6985\n", { .commands = 2 } },
		{ CHALLENGE "! removed\n" CHALLENGE, { .commands = 2, .failures = 2 } },
		{ "> 00 20 00 98\n< 63C3\n", { .commands = 1 } },
		{ "reader \"a\"\natr 3B 00\n", { .readers = 1 } },
		{ "> 00 20 00 98 04 <secret 4>\n< 63C2\n", { .commands = 1, .secrets = 1, .refused = 1 } },
		{ "> 00 20 00 98 <typed>\n< 6984\nverify auth\n< 63C0\n",
		  { .commands = 2, .secrets = 2, .refused = 2 } },
		{ "> 00 24 01 98 04 <secret 4>\n< 9000\n", { .commands = 1, .secrets = 1 } },
		{ "> 00 20 00 98 <typed>\n< 9000\nverify auth\n< 9000\n", { .commands = 2, .secrets = 2 } },
		/* one that a reset kept from being sent */
		{ "> 00 20 00 98 04 <secret 4>\n! reset\n", { .commands = 1, .failures = 1 } },
		{ "> 00 20 00 98 04 <secret 4>\n! removed\n",
		  { .commands = 1, .failures = 1, .secrets = 1, .lost = 1, .unclear = 1 } },
		{ "> 00 20 00 98 04 <secret 4>\n! timeout\n> 00 20 00 98\n< 63C3\n"
		  "> 00 20 00 98 04 <secret 4>\n< 9000\n",
		  { .commands = 3, .failures = 1, .secrets = 2, .lost = 1, .again = 1, .unclear = 1 } },
		{ "> 00 20 00 98 04 <secret 4>\n",
		  { .commands = 1, .failures = 1, .secrets = 1, .lost = 1, .unclear = 1 } },
		/* answers that do not tell what became of it */
		{ "> 00 24 01 98 04 <secret 4>\n< 6F00\n",
		  { .commands = 1, .secrets = 1, .refused = 1, .unclear = 1 } },
		{ "> 00 24 01 98 04 <secret 4>\n< 9000 <secret 2>\n", { .commands = 1, .secrets = 1, .unclear = 1 } },
		{ "> 00 24 01 98 04 <secret 4>\n< 6985\n", { .commands = 1, .secrets = 1, .refused = 1 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[1024];
		struct fuda_trace_summary s;
		struct fuda_context *ctx;
		struct tracefile f;

		snprintf(text, sizeof(text), FIRST "%s", rows[i].trace);
		f = tracefile_of(text, strlen(text));
		assert_int_equal(fuda_context_new(&ctx), 0);
		assert_int_equal(fuda_trace_summarize(ctx, f.path, NULL, &s), 0);
		fuda_context_free(&ctx);
		tracefile_remove(&f);
		if (memcmp(&s, &rows[i].s, sizeof(s)) != 0)
			fail_msg("%s: %lu commands, %lu failures, %lu secrets, %lu lost, %lu again, "
				 "%lu refused, %lu unclear, %lu readers", text, s.commands, s.failures, s.secrets,
				 s.lost, s.again, s.refused, s.unclear, s.readers);
	}
}

static void does_not_count_what_is_none(void **state)
{
	static const char *const bad[] = { "", FIRST "! removed\n", FIRST CHALLENGE "< 9000\nnonsense\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fuda_trace_summary s = { .commands = 42 };
		struct tracefile f = tracefile_of(bad[i], strlen(bad[i]));
		struct fuda_context *ctx;

		assert_int_equal(fuda_context_new(&ctx), 0);
		assert_int_equal(fuda_trace_summarize(ctx, f.path, NULL, &s), FUDA_EFORMAT);
		assert_int_equal(s.commands, 42);
		fuda_context_free(&ctx);
		tracefile_remove(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_json),
		cmocka_unit_test(writes_captures),
		cmocka_unit_test(names_readers),
		cmocka_unit_test(begins_at_the_date),
		cmocka_unit_test(refuses),
		cmocka_unit_test(counts),
		cmocka_unit_test(does_not_count_what_is_none),
	};

	return RUN(tests);
}
