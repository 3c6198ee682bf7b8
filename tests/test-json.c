/* SPDX-License-Identifier: Apache-2.0 */
/* a type there, a function here */
#define json_bool their_bool
#include <json-c/json.h>
#undef json_bool
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "tests/cmocka.h"

struct values {
	char s[16];
	struct fuda_buf b;
	int64_t n;
	bool t;
	bool has_s, has_b, has_n, has_t;
};

typedef int reader(const void *, size_t, const struct json_field *, size_t, const char **, const char **);

static int read_with(reader *read, struct values *v, const char *text, size_t len, const char *required,
		     const char **ret_member, const char **ret_why)
{
	const struct json_field fields[] = {
		{ "s", JSON_STRING, strchr(required, 's'), v->s, sizeof(v->s), &v->has_s },
		{ "b", JSON_BASE64, strchr(required, 'b'), &v->b, 0, &v->has_b },
		{ "n", JSON_NUMBER, strchr(required, 'n'), &v->n, 0, &v->has_n },
		{ "t", JSON_BOOL, strchr(required, 't'), &v->t, 0, &v->has_t },
	};
	char *exact = malloc(len); /* so that a byte behind it is seen */
	int r;

	memset(v, 0, sizeof(*v));
	v->b = FUDA_BUF_INIT(24);
	memcpy(exact, text, len);
	*ret_member = *ret_why = NULL;
	r = read(exact, len, fields, ARRAY_SIZE(fields), ret_member, ret_why);
	free(exact);
	return r;
}

static void takes(void **state)
{
	static const struct {
		const char *text;
		const char *has; /* members */
		const char *s, *b;
		int64_t n;
		bool t;
	} good[] = {
		{ "{}", "", "", "", 0, false },
		{ " \t\r\n{ } \n", "", "", "", 0, false },
		{ "{\"s\":\"x\",\"b\":\"Zm9v\",\"n\":-12,\"t\":true}", "sbnt", "x", "foo", -12, true },
		{ "{ \"t\" : false , \"s\" : \"\" }", "ts", "", "", 0, false },
		{ "{\"s\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "s", "\"\\/\b\f\n\r\t", "", 0, false },
		{ "{\"s\":\"\\u756a\\u53f7A\"}", "s", "番号A", "", 0, false },
		{ "{\"s\":\"番号\"}", "s", "番号", "", 0, false },
		{ "{\"s\":\"\\ud842\\uDFB7\xf0\xa0\xae\xb7\"}", "s", "𠮷𠮷", "", 0, false },
		{ "{\"s\":\"\\u007f\x7f\\uffff\"}", "s", "\x7f\x7f\xef\xbf\xbf", "", 0, false },
		{ "{\"s\":\"123456789012345\"}", "s", "123456789012345", "", 0, false },
		{ "{\"\\u0073\":\"k\"}", "s", "k", "", 0, false },
		{ "{\"b\":\"\\/w==\"}", "b", "", "\xff", 0, false },
		{ "{\"b\":\"_w\"}", "b", "", "\xff", 0, false },
		{ "{\"b\":\"Zm\\u0039v\"}", "b", "", "foo", 0, false },
		{ "{\"b\":\"\"}", "b", "", "", 0, false },
		{ "{\"n\":0}", "n", "", "", 0, false },
		{ "{\"n\":9223372036854775807}", "n", "", "", INT64_MAX, false },
		{ "{\"n\":-9223372036854775808}", "n", "", "", INT64_MIN, false },
		{ "{\"n\":-9223372036854775807}", "n", "", "", -INT64_MAX, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		for (int some = 0; some < 2; some++) {
			const char *member, *why;
			struct values v;
			int r = read_with(some ? json_read_some : json_read, &v, good[i].text,
					  strlen(good[i].text), good[i].has, &member, &why);

			if (r != 0)
				print_message("%s: %s\n", good[i].text, why);
			assert_int_equal(r, 0);
			assert_string_equal(v.s, good[i].s);
			assert_int_equal(v.b.len, strlen(good[i].b));
			assert_true(!v.b.len || memcmp(v.b.data, good[i].b, v.b.len) == 0);
			assert_int_equal(v.n, good[i].n);
			assert_int_equal(v.t, good[i].t);
			assert_int_equal(v.has_s, strchr(good[i].has, 's') != NULL);
			assert_int_equal(v.has_b, strchr(good[i].has, 'b') != NULL);
			assert_int_equal(v.has_n, strchr(good[i].has, 'n') != NULL);
			assert_int_equal(v.has_t, strchr(good[i].has, 't') != NULL);
			fuda_buf_free(&v.b);
		}
	}
}

static const struct {
	const char *text, *member, *why;
	bool some_too; /* as a client reads it, also */
} bad[] = {
	{ "", "", "syntax", true },
	{ " ", "", "syntax", true },
	{ "{", "", "syntax", true },
	{ "}", "", "syntax", true },
	{ "[]", "", "syntax", true },
	{ "null", "", "syntax", true },
	{ "\"s\"", "", "syntax", true },
	{ "\xef\xbb\xbf{}", "", "syntax", true },
	{ "{}{}", "", "syntax", true },
	{ "{},", "", "syntax", true },
	{ "{}//", "", "syntax", true },
	{ "{\"t\":true,}", "", "syntax", true },
	{ "{,\"t\":true}", "", "syntax", true },
	{ "{\"t\":true \"n\":1}", "t", "syntax", true },
	{ "{\"t\" true}", "t", "syntax", true },
	{ "{t:true}", "", "syntax", true },
	{ "{'t':true}", "", "syntax", true },
	{ "{\"t\":true", "t", "syntax", true },
	{ "{\"t\":tru}", "t", "syntax", true },
	{ "{\"t\":truE}", "t", "syntax", true },
	{ "{\"t\":trueish}", "t", "syntax", true },
	{ "{\"t\":True}", "t", "syntax", true },
	{ "{\"t\":}", "t", "syntax", true },
	{ "{\"t\":/**/true}", "t", "syntax", true },
	{ "{\"t\":1}", "t", "wrong_kind", true },
	{ "{\"t\":null}", "t", "wrong_kind", true },
	{ "{\"t\":\"true\"}", "t", "wrong_kind", true },
	{ "{\"n\":\"1\"}", "n", "wrong_kind", true },
	{ "{\"n\":1.0}", "n", "wrong_kind", true },
	{ "{\"n\":1e2}", "n", "wrong_kind", true },
	{ "{\"n\":-0}", "n", "wrong_kind", true },
	{ "{\"n\":9223372036854775808}", "n", "wrong_kind", true },
	{ "{\"n\":-9223372036854775809}", "n", "wrong_kind", true },
	{ "{\"n\":18446744073709551617}", "n", "wrong_kind", true },
	{ "{\"n\":99999999999999999999999999999}", "n", "wrong_kind", true },
	{ "{\"n\":01}", "n", "syntax", true },
	{ "{\"n\":-}", "n", "syntax", true },
	{ "{\"n\":+1}", "n", "syntax", true },
	{ "{\"n\":.5}", "n", "syntax", true },
	{ "{\"n\":1.}", "n", "syntax", true },
	{ "{\"n\":1e}", "n", "syntax", true },
	{ "{\"n\":0x10}", "n", "syntax", true },
	{ "{\"n\":NaN}", "n", "syntax", true },
	{ "{\"n\":1 2}", "n", "syntax", true },
	{ "{\"s\":\"1234567890123456\"}", "s", "too_long", true },
	{ "{\"s\":\"12345678901234番\"}", "s", "too_long", true },
	{ "{\"s\":\"123456789012345\\u0041\"}", "s", "too_long", true },
	{ "{\"s\":\"x}", "s", "syntax", true },
	{ "{\"s\":\"x\ny\"}", "s", "syntax", true },
	{ "{\"s\":\"\\x41\"}", "s", "syntax", true },
	{ "{\"s\":\"\\'\"}", "s", "syntax", true },
	{ "{\"s\":\"\\u12\"}", "s", "syntax", true },
	{ "{\"s\":\"\\u12g4\"}", "s", "syntax", true },
	{ "{\"s\":\"\\", "s", "syntax", true },
	{ "{\"s\":\"\\u0000\"}", "s", "wrong_kind", true },
	{ "{\"s\":\"\\ud842\"}", "s", "not_utf8", true },
	{ "{\"s\":\"\\ud842x\"}", "s", "not_utf8", true },
	{ "{\"s\":\"\\ud842\\n\"}", "s", "not_utf8", true },
	{ "{\"s\":\"\\ud842\\u0041\"}", "s", "not_utf8", true },
	{ "{\"s\":\"\\ud842\\ud842\"}", "s", "not_utf8", true },
	{ "{\"s\":\"\\udfb7\"}", "s", "not_utf8", true },
	{ "{\"s\":\"\xc0\xaf\"}", "s", "not_utf8", true },
	{ "{\"s\":\"\xed\xa0\x80\"}", "s", "not_utf8", true },
	{ "{\"s\":\"\xf4\x90\x80\x80\"}", "s", "not_utf8", true },
	{ "{\"s\":\"\x80\"}", "s", "not_utf8", true },
	{ "{\"s\":\"\xe7\x95\"}", "s", "not_utf8", true },
	{ "{\"\xff\":1}", "", "not_utf8", true },
	{ "{\"s\":1}", "s", "wrong_kind", true },
	{ "{\"s\":{}}", "s", "nested", true },
	{ "{\"s\":[\"x\"]}", "s", "nested", true },
	{ "{\"b\":[[[[[[[[[[[[", "b", "nested", true },
	{ "{\"b\":\"Zm9\"}", "b", "wrong_kind", true },
	{ "{\"b\":\"Zm 9v\"}", "b", "wrong_kind", true },
	{ "{\"b\":\"Zm9v\\n\"}", "b", "wrong_kind", true },
	{ "{\"b\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", "b", "too_long", true },
	{ "{\"b\":\"AAAA", "b", "syntax", true },
	{ "{\"b\":\"AA\\\"", "b", "syntax", true },
	{ "{\"n\":1,\"n\":1}", "n", "duplicate_member", true },
	{ "{\"n\":1,\"\\u006e\":2}", "n", "duplicate_member", true },
	{ "{\"x\":1}", "", "unknown_member", false },
	{ "{\"n\":1,\"N\":2}", "", "unknown_member", false },
	{ "{\"\":1}", "", "unknown_member", false },
	{ "{\"s\\u0000\":\"x\"}", "", "unknown_member", true },
	{ "{\"x\":{\"n\":1}}", "", "unknown_member", false },
	{ "{\"x\":[[[[[[[[[]]]]]]]]]}", "", "nested", true },
	{ "{\"x\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}}", "", "nested", true },
	{ "{\"x\":[1,]}", "", "syntax", true },
	{ "{\"x\":[1 2]}", "", "syntax", true },
	{ "{\"x\":[}", "", "syntax", true },
	{ "{\"x\":{]}", "", "syntax", true },
	{ "{\"x\":{\"a\"}}", "", "syntax", true },
	{ "{\"x\":{1:2}}", "", "syntax", true },
	{ "{\"x\":nul}", "", "syntax", true },
	{ "{\"x\":01}", "", "syntax", true },
	{ "{\"x\":\"\xff\"}", "", "not_utf8", true },
	{ "{\"x\":\"\\ud800\"}", "", "not_utf8", true },
	{ "{\"x\":", "", "syntax", true },
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		for (int some = 0; some < 2; some++) {
			const char *member, *why;
			struct values v;
			int r = read_with(some ? json_read_some : json_read, &v, bad[i].text,
					  strlen(bad[i].text), "", &member, &why);
			/* what stands in a member that nobody asked for, the strict reader never sees */
			bool unseen = !some && strncmp(bad[i].text, "{\"x\"", 4) == 0;

			fuda_buf_free(&v.b);
			if (some && !bad[i].some_too) {
				assert_int_equal(r, 0);
				continue;
			}
			if (r != FUDA_EFORMAT || (!unseen && strcmp(why, bad[i].why) != 0))
				print_message("%s: %d %s\n", bad[i].text, r, why ? why : "");
			assert_int_equal(r, FUDA_EFORMAT);
			assert_string_equal(why, unseen ? "unknown_member" : bad[i].why);
			assert_string_equal(member, bad[i].member);
		}
	}
}

static void asks_for_what_is_required(void **state)
{
	const char *member, *why;
	struct values v;

	(void)state;
	assert_int_equal(read_with(json_read, &v, "{\"s\":\"x\",\"t\":true}", 18, "sn", &member, &why), FUDA_EFORMAT);
	assert_string_equal(member, "n");
	assert_string_equal(why, "missing_member");
	assert_int_equal(read_with(json_read_some, &v, "{\"q\":1}", 7, "t", &member, &why), FUDA_EFORMAT);
	assert_string_equal(member, "t");
	assert_string_equal(why, "missing_member");
}

static void skips_for_a_client(void **state)
{
	static const char text[] =
		"{\"x\":null,\"y\":[1,-2.5e+3,\"a\\u0000\",{\"s\":\"no\"},[],{}],\"s\":\"yes\","
		"\"z\":{\"a\":{\"a\":[{\"a\":[{\"a\":[{}]}]}]}},"
		"\"a name that is much longer than any of ours, and is skipped all the same\":false,\"n\":7}";
	const char *member, *why;
	struct values v;

	(void)state;
	assert_int_equal(read_with(json_read_some, &v, text, strlen(text), "sn", &member, &why), 0);
	assert_string_equal(v.s, "yes");
	assert_int_equal(v.n, 7);
}

/* No text of any depth takes more than a little stack, nor more than a look at it. */
static void deep_and_huge(void **state)
{
	size_t len = 4 << 20;
	char *text = malloc(len);
	const char *member, *why;
	struct values v;

	(void)state;
	assert_non_null(text);
	memset(text, '[', len);
	memcpy(text, "{\"x\":", 5);
	assert_int_equal(read_with(json_read_some, &v, text, len, "", &member, &why), FUDA_EFORMAT);
	assert_string_equal(why, "nested");
	memcpy(text, "{\"s\":", 5);
	assert_int_equal(read_with(json_read, &v, text, len, "", &member, &why), FUDA_EFORMAT);
	assert_string_equal(why, "nested");
	memset(text + 5, 'A', len - 5);
	text[5] = '"';
	text[len - 2] = '"';
	text[len - 1] = '}';
	assert_int_equal(read_with(json_read, &v, text, len, "", &member, &why), FUDA_EFORMAT);
	assert_string_equal(why, "too_long");
	text[2] = 'b';
	assert_int_equal(read_with(json_read, &v, text, len, "", &member, &why), FUDA_EFORMAT);
	assert_string_equal(why, "too_long");
	text[10] = '\\';
	text[11] = '/';
	assert_int_equal(read_with(json_read, &v, text, len, "", &member, &why), FUDA_EFORMAT);
	assert_string_equal(why, "too_long");
	free(text);
}

/* ---- against json-c ---- */

static struct json_object *parse_theirs(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(16);
	struct json_object *o;
	bool whole;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len);
	whole = json_tokener_get_error(tok) == json_tokener_success;
	json_tokener_free(tok);
	if (!whole || !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return NULL;
	}
	return o;
}

static void assert_same(const struct values *v, struct json_object *theirs)
{
	struct json_object *o;

	assert_int_equal(json_object_object_get_ex(theirs, "s", &o), v->has_s);
	if (v->has_s) {
		assert_true(json_object_is_type(o, json_type_string));
		assert_string_equal(json_object_get_string(o), v->s);
	}
	assert_int_equal(json_object_object_get_ex(theirs, "n", &o), v->has_n);
	if (v->has_n) {
		assert_true(json_object_is_type(o, json_type_int));
		assert_int_equal(json_object_get_int64(o), v->n);
	}
	assert_int_equal(json_object_object_get_ex(theirs, "t", &o), v->has_t);
	if (v->has_t) {
		assert_true(json_object_is_type(o, json_type_boolean));
		assert_int_equal(json_object_get_boolean(o), v->t);
	}
	assert_int_equal(json_object_object_get_ex(theirs, "b", &o), v->has_b);
	if (v->has_b) {
		struct fuda_buf b = FUDA_BUF_INIT(24);
		const char *text = json_object_get_string(o);

		assert_int_equal(base64_decode(text, strlen(text), &b), 0);
		assert_int_equal(b.len, v->b.len);
		assert_true(!b.len || memcmp(b.data, v->b.data, b.len) == 0);
		fuda_buf_free(&b);
	}
}

static uint64_t state_of_random = 88172645463325252u;

static size_t random_below(size_t n)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return (size_t)(state_of_random % n);
}

/* A piece of one text put into another, a byte changed, some cut out. */
static size_t mutate(char *text, size_t len, size_t max)
{
	static const char *const pieces[] = {
		"\"", "\\u0041", "\\", ",", ":", "{", "}", "[", "]", "0", "-", "1.5", "e3", "true", "null", " ",
		"\"n\":5", "\"s\":\"q\"", "\"x\":{\"y\":[1]}", "\\ud842\\udfb7", "\xe7\x95\xaa", "\xff", "\\/", "\t",
		"9223372036854775807", "=", "\n", "\\u0000", "/", "",
	};
	size_t at = random_below(len + 1);
	const char *piece = pieces[random_below(ARRAY_SIZE(pieces))];
	size_t cut = random_below(3) ? 0 : random_below(MIN(len - at, 6) + 1);
	size_t put = strlen(piece);

	if (random_below(4) == 0 && at < len) {
		text[at] = (char)(random_below(2) ? text[at] ^ (1 << random_below(8)) : (int)random_below(256));
		return len;
	}
	if (len - cut + put > max)
		return len;
	memmove(text + at + put, text + at + cut, len - at - cut);
	memcpy(text + at, piece, put);
	return len - cut + put;
}

/* What we accept, json-c accepts too, and with the same values; so what stands behind us and reads it
 * with another reader never sees another text. */
static void nothing_that_json_c_refuses(void **state)
{
	static const char *const seeds[] = {
		"{\"s\":\"x\",\"b\":\"Zm9v\",\"n\":-12,\"t\":true}",
		" { \"n\" : 9007199254740993 , \"s\" : \"\\u756a\\ud842\\udfb7\" } ",
		"{\"s\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"t\":false}",
		"{\"b\":\"_-8\",\"x\":{\"y\":[1,2.5,null,\"z\"],\"t\":true}}",
		"{\"n\":-9223372036854775808,\"b\":\"\\/w==\"}",
		"{}",
	};
	int accepted[2] = { 0, 0 };

	(void)state;
	for (int round = 0; round < 60000; round++) {
		char text[256];
		const char *seed = seeds[random_below(ARRAY_SIZE(seeds))], *member, *why;
		size_t len = strlen(seed);
		int some = (int)random_below(2);
		struct json_object *theirs;
		struct values v;

		memcpy(text, seed, len);
		for (size_t n = 1 + random_below(2); n; n--)
			len = mutate(text, len, sizeof(text));
		if (read_with(some ? json_read_some : json_read, &v, text, len, "", &member, &why) == 0) {
			theirs = parse_theirs(text, len);
			if (!theirs)
				print_message("we alone: %.*s\n", (int)len, text);
			assert_non_null(theirs);
			assert_same(&v, theirs);
			json_object_put(theirs);
			accepted[some]++;
		}
		fuda_buf_free(&v.b);
	}
	assert_true(accepted[0] > 1000 && accepted[1] > 2000);
}

/* ---- writing ---- */

static void writes(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(512);
	struct json_object *o, *m;
	struct json_out out;
	const char text[] = "\"\\/\n\x01\x7f番号\xe2\x80\xae𠮷";

	(void)state;
	json_begin(&out, &b);
	json_string(&out, "s", text);
	json_number(&out, "n", INT64_MIN);
	json_bool(&out, "t", true);
	json_bool(&out, "f", false);
	json_base64(&out, "b", "\xff\xef", 2);
	json_base64(&out, "e", NULL, 0);
	json_string(&out, "q\"", "");
	assert_int_equal(json_end(&out), 0);
	assert_int_equal(fuda_buf_append(&b, "", 1), 0);
	assert_string_equal((char *)b.data,
			    "{\"s\":\"\\\"\\\\/\\u000A\\u0001\\u007F番号\\u202E𠮷\",\"n\":-9223372036854775808,"
			    "\"t\":true,\"f\":false,\"b\":\"/+8=\",\"e\":\"\",\"q\\\"\":\"\"}");
	o = parse_theirs((char *)b.data, b.len - 1);
	assert_non_null(o);
	assert_true(json_object_object_get_ex(o, "s", &m));
	assert_string_equal(json_object_get_string(m), text);
	json_object_put(o);
	fuda_buf_free(&b);

	json_begin(&out, &b);
	assert_int_equal(json_end(&out), 0);
	assert_int_equal(b.len, 2);
	assert_memory_equal(b.data, "{}", 2);
	fuda_buf_free(&b);
}

static void writes_no_more_than_it_may(void **state)
{
	static const char whole[] = "{\"s\":\"ab\",\"n\":1,\"b\":\"AA==\"}";
	struct json_out out;

	(void)state;
	for (size_t max = 0; max <= strlen(whole); max++) {
		struct fuda_buf b = FUDA_BUF_INIT(max);

		json_begin(&out, &b);
		json_string(&out, "s", "ab");
		json_number(&out, "n", 1);
		json_base64(&out, "b", "", 1);
		assert_int_equal(json_end(&out), max < strlen(whole) ? FUDA_ETOOBIG : 0);
		fuda_buf_free(&b);
	}
	{
		struct fuda_buf b = FUDA_BUF_INIT(64);

		json_begin(&out, &b);
		json_string(&out, "s", "a\xff");
		json_number(&out, "n", 1);
		assert_int_equal(json_end(&out), FUDA_EFORMAT);
		fuda_buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes), cmocka_unit_test(refuses), cmocka_unit_test(asks_for_what_is_required),
		cmocka_unit_test(skips_for_a_client), cmocka_unit_test(deep_and_huge),
		cmocka_unit_test(nothing_that_json_c_refuses), cmocka_unit_test(writes),
		cmocka_unit_test(writes_no_more_than_it_may),
	};

	return RUN(tests);
}
