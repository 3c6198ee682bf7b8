/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/cmocka.h"
#include "trace/names.h"
#include "trace/parser.h"

static void constants(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "jpki", "\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01", 10 },
		{ "text", "\xD3\x92\x10\x00\x31\x00\x01\x01\x04\x08", 10 },
		{ "face", "\xD3\x92\x10\x00\x31\x00\x01\x01\x04\x02", 10 },
		{ "common", "\xD3\x92\x10\x00\x31\x00\x01\x01\x01\x00", 10 },
		{ "juki", "\xD3\x92\x10\x00\x31\x00\x01\x01\x04\x01", 10 },
		{ "isd", "\xA0\x00\x00\x01\x51\x00\x00", 7 },
		{ "ndef", "\xD2\x76\x00\x00\x85\x01\x01", 7 },
		{ "mdoc", "\xA0\x00\x00\x02\x48\x04\x00", 7 },
		{ "jpki.token", "\x00\x06", 2 },
		{ "jpki.auth-certificate", "\x00\x0A", 2 },
		{ "jpki.sign-pin", "\x00\x1B", 2 },
		{ "text.attributes", "\x00\x02", 2 },
		{ "juki.pin", "\x00\x1C", 2 },
		{ "ok", "\x90\x00", 2 },
		{ "not-found", "\x6A\x82", 2 },
		{ "blocked", "\x69\x84", 2 },
	};
	static const char *const none[] = {
		"", "j", "jpk", "jpki.", "jpki.toke", "jpki.tokens", "JPKI", "$jpki", "token", "isd.token", " ok",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct trace_constant *c = trace_constant(rows[i].name);

		assert_non_null(c);
		assert_string_equal(c->name, rows[i].name);
		assert_int_equal(c->len, rows[i].len);
		assert_memory_equal(c->bytes, rows[i].bytes, rows[i].len);
	}
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_null(trace_constant(none[i]));
}

/* No name stands for two things, and each can be written. */
static void constants_are_names(void **state)
{
	const struct trace_constant *c;
	size_t n = 0;

	(void)state;
	for (; (c = trace_constant_at(n)); n++) {
		assert_true(trace_is_name(c->name, strlen(c->name)));
		assert_ptr_equal(trace_constant(c->name), c);
		assert_true(c->len >= 2);
	}
	assert_null(trace_constant_at(n));
	assert_null(trace_constant_at(SIZE_MAX));
}

static void files(void **state)
{
	const struct trace_file *f;
	char name[2 * TRACE_NAME_MAX];
	size_t n = 0;

	(void)state;
	for (; (f = trace_file_at(n)); n++) {
		const struct trace_constant *c;

		assert_ptr_equal(trace_file(f->application, f->fid), f);
		/* card.md 2.1: all can be addressed by short identifier */
		assert_in_range(f->fid, 1, 0x1E);
		assert_true(f->meaning[0]);
		snprintf(name, sizeof(name), "%s.%s", f->application->name, f->name);
		c = trace_constant(name);
		assert_non_null(c);
		assert_int_equal(c->bytes[0] << 8 | c->bytes[1], f->fid);
		if (f->privacy == TRACE_PERSONAL)
			assert_int_equal(f->personal.len, 0);
	}
	assert_null(trace_file_at(n));
	assert_null(trace_file(&aid_jpki, 0));
	assert_null(trace_file(&aid_jpki, 0x0003));
	assert_null(trace_file(&aid_jpki, 0x0106));
	assert_null(trace_file(&aid_isd, 0x0001));
	assert_null(trace_file(NULL, 0x0001));
}

/* The whole list: whoever adds to it has thought about it twice. */
static void what_is_public(void **state)
{
	static const struct {
		const struct aid *application;
		uint16_t fid;
		size_t hidden;
	} rows[] = {
		{ &aid_jpki, 0x0002, 0 },
		{ &aid_jpki, 0x0006, 16 },
		{ &aid_jpki, 0x0008, 0 },
		{ &aid_jpki, 0x000B, 0 },
	};
	const struct trace_file *f;
	size_t at = 0;

	(void)state;
	for (size_t i = 0; (f = trace_file_at(i)); i++) {
		if (f->privacy != TRACE_PUBLIC)
			continue;
		assert_true(at < ARRAY_SIZE(rows));
		assert_ptr_equal(f->application, rows[at].application);
		assert_int_equal(f->fid, rows[at].fid);
		assert_int_equal(f->personal.len, rows[at].hidden);
		assert_null(f->secret);
		at++;
	}
	assert_int_equal(at, ARRAY_SIZE(rows));
}

/* card.md 3.2 */
static void secrets(void **state)
{
	static const struct {
		const struct aid *application;
		uint16_t fid;
		const char *secret;
	} rows[] = {
		{ &aid_jpki, 0x0018, "auth" }, { &aid_jpki, 0x001B, "sign" }, { &aid_text, 0x0011, "text" },
		{ &aid_text, 0x0014, "a" },    { &aid_text, 0x0015, "b" },    { &aid_face, 0x0011, "birth" },
		{ &aid_face, 0x0012, "b" },    { &aid_face, 0x0013, "a" },    { &aid_common, 0x001C, "juki" },
		{ &aid_juki, 0x001C, "juki" },
	};
	const struct trace_file *f;
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(trace_file(rows[i].application, rows[i].fid)->secret, rows[i].secret);
	for (size_t i = 0; (f = trace_file_at(i)); i++)
		count += f->secret != NULL;
	assert_int_equal(count, ARRAY_SIZE(rows));
}

static void applications(void **state)
{
	static const struct aid *const all[] = { &aid_jpki, &aid_text, &aid_face, &aid_common,
						 &aid_juki, &aid_isd,  &aid_ndef, &aid_mdoc };
	uint8_t longer[AID_MAX + 1] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		assert_ptr_equal(trace_application(all[i]->bytes, all[i]->len), all[i]);
		memcpy(longer, all[i]->bytes, all[i]->len);
		assert_null(trace_application(longer, all[i]->len + 1));
	}
	/* beginnings: of one alone, and of several */
	assert_ptr_equal(trace_application(aid_jpki.bytes, 3), &aid_jpki);
	assert_null(trace_application(aid_jpki.bytes, 2));
	assert_ptr_equal(trace_application(aid_isd.bytes, 4), &aid_isd);
	assert_null(trace_application(aid_isd.bytes, 3));
	assert_ptr_equal(trace_application(aid_common.bytes, 9), &aid_common);
	assert_null(trace_application(aid_common.bytes, 8));
	assert_null(trace_application(aid_text.bytes, 9));
	assert_null(trace_application(aid_jpki.bytes, 0));
	assert_null(trace_application(NULL, 0));
	assert_null(trace_application((const uint8_t *)"\xD4", 1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants), cmocka_unit_test(constants_are_names),
		cmocka_unit_test(files),     cmocka_unit_test(what_is_public),
		cmocka_unit_test(secrets),   cmocka_unit_test(applications),
	};

	return RUN(tests);
}
