/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/base64.h"
#include "tests/cmocka.h"

/* RFC 4648 10, and what tells the alphabets apart. */
static const struct {
	const char *bytes, *plain, *url;
} pairs[] = {
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xfb\xff\xbf", "+/+/", "-_-_" },
	{ "\xff\xef", "/+8=", "_-8" },
	{ "\xff", "/w==", "_w" },
};

static void writes_and_reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		size_t len = strlen(pairs[i].bytes);

		for (int url = 0; url < 2; url++) {
			const char *text = url ? pairs[i].url : pairs[i].plain;
			struct fuda_buf out = FUDA_BUF_INIT(1 + strlen(text)), back = FUDA_BUF_INIT(1 + len);

			assert_int_equal(fuda_buf_append(&out, "-", 1), 0);
			assert_int_equal(base64_encode(pairs[i].bytes, len, url, &out), 0);
			assert_int_equal(out.len, 1 + strlen(text));
			assert_memory_equal(out.data + 1, text, strlen(text));
			assert_int_equal(fuda_buf_append(&back, "-", 1), 0);
			assert_int_equal(base64_decode(text, strlen(text), &back), 0);
			assert_int_equal(back.len, 1 + len);
			assert_memory_equal(back.data + 1, pairs[i].bytes, len);
			fuda_buf_free(&out);
			fuda_buf_free(&back);
		}
	}
}

/* Bytes of every value and texts of every length, in both alphabets, come back. */
static void every_byte(void **state)
{
	uint8_t bytes[256 + 3];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + 13);
	for (size_t len = 0; len <= sizeof(bytes); len++)
		for (int url = 0; url < 2; url++) {
			struct fuda_buf text = FUDA_BUF_INIT(512), back = FUDA_BUF_INIT(len);

			assert_int_equal(base64_encode(bytes, len, url, &text), 0);
			assert_int_equal(text.len, url ? (len * 4 + 2) / 3 : (len + 2) / 3 * 4);
			assert_int_equal(base64_decode((char *)text.data, text.len, &back), 0);
			assert_int_equal(back.len, len);
			assert_true(!len || memcmp(back.data, bytes, len) == 0);
			fuda_buf_free(&text);
			fuda_buf_free(&back);
		}
}

static void takes_what_may_vary(void **state)
{
	static const char *const good[] = { "Zm9vYg", "Zm9vYg==", "_-8=", "_-8", "AAAA" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct fuda_buf b = FUDA_BUF_INIT(8);

		assert_int_equal(base64_decode(good[i], strlen(good[i]), &b), 0);
		fuda_buf_free(&b);
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = {
		"A",	   "AAAAA",	"=",	 "==",	   "===",   "====",   "A=",    "A===",	 "AA=",
		"AAA==",   "AAAA=",	"AAAA==", "AA==AAAA", "AA=A", "=AAA",  "AA==AA==", "+_8=", "-_+/",
		"AAAA-+==", "/w",	"/+8",	 "Zh==",   "Zh",    "Zm9=",   "Zm9",   "AA A",	 "AAA A",
		"AAAA\n",  " AAAA",	"AA.A",	 "AA,A",   "AA\\A", "AA\xffx", ("AA\x80" "A"), "AAAA====",
		"あA", "AAA\x7f", "@AAA", "[AAA", "`AAA", "{AAA", ":AAA",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fuda_buf b = FUDA_BUF_INIT(64);

		assert_int_equal(fuda_buf_append(&b, "-", 1), 0);
		assert_int_equal(base64_decode(bad[i], strlen(bad[i]), &b), FUDA_EFORMAT);
		assert_int_equal(b.len, 1);
		fuda_buf_free(&b);
	}
	{ /* each byte but the 66 and '=' */
		int refused = 0;

		for (int ch = 0; ch < 256; ch++) {
			char text[4] = { 'A', (char)ch, 'A', 'A' };
			struct fuda_buf b = FUDA_BUF_INIT(64);

			refused += base64_decode(text, 4, &b) != 0;
			fuda_buf_free(&b);
		}
		assert_int_equal(refused, 256 - 66);
	}
}

static void keeps_to_the_maximum(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(3), t = FUDA_BUF_INIT(7);

	(void)state;
	assert_int_equal(base64_decode("Zm9vYg==", 8, &b), FUDA_ETOOBIG);
	assert_int_equal(b.len, 0);
	assert_int_equal(base64_decode("Zm9v", 4, &b), 0);
	assert_int_equal(base64_decode("Zg", 2, &b), FUDA_ETOOBIG);
	assert_int_equal(b.len, 3);
	assert_int_equal(base64_encode("foob", 4, false, &t), FUDA_ETOOBIG);
	assert_int_equal(base64_encode("foob", 4, true, &t), 0);
	assert_int_equal(t.len, 6);
	fuda_buf_free(&b);
	fuda_buf_free(&t);
}

static void lines(void **state)
{
	static const char *const good[] = { "Zm9v\r\nYmFy\r\n", "Zm9vYmFy", " Z m9vYmF\ty", "Zm9v\nYm\nFy\n\n" };
	static const char *const bad[] = { "Zm9v\vYmFy", "Zm9v-", "Zm9v\r\nYmFyA", "Zg=\n=\nZg==" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct fuda_buf b = FUDA_BUF_INIT(6);

		assert_int_equal(base64_decode_lines(good[i], strlen(good[i]), &b), 0);
		assert_int_equal(b.len, 6);
		assert_memory_equal(b.data, "foobar", 6);
		fuda_buf_free(&b);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fuda_buf b = FUDA_BUF_INIT(64);

		assert_int_equal(base64_decode_lines(bad[i], strlen(bad[i]), &b), FUDA_EFORMAT);
		assert_int_equal(b.len, 0);
		fuda_buf_free(&b);
	}
	{
		struct fuda_buf b = FUDA_BUF_INIT(64);

		assert_int_equal(base64_decode_lines("\r\n", 2, &b), 0);
		assert_int_equal(base64_decode_lines("", 0, &b), 0);
		assert_int_equal(b.len, 0);
		fuda_buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_and_reads), cmocka_unit_test(every_byte),
		cmocka_unit_test(takes_what_may_vary), cmocka_unit_test(refuses),
		cmocka_unit_test(keeps_to_the_maximum), cmocka_unit_test(lines),
	};

	return RUN(tests);
}
