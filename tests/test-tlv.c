/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/encode.h>

#include "codec/tlv.h"
#include "tests/cmocka.h"

static void takes_objects(void **state)
{
	static const struct {
		const char *hex;
		uint32_t tag;
		size_t len;
		bool der;
	} good[] = {
		{ "3000", 0x30, 0, true },
		{ "040155", 0x04, 1, true },
		{ "5F4E0155", 0x5F4E, 1, true },
		{ "DF210155", 0xDF21, 1, true },
		{ "9F81010155", 0x9F8101, 1, true },
		{ "04810155", 0x04, 1, false },	    /* length not minimal */
		{ "0482000155", 0x04, 1, false },
		{ "048400000001AA", 0x04, 1, false },
		{ "1F1E0155", 0x1F1E, 1, false },   /* tag 30 fits one byte */
		{ "1F80010155", 0x1F8001, 1, false }, /* leading zero digit in the tag */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct fuda_buf b = FUDA_BUF_INIT(20);
		struct cursor c;
		struct tlv t;

		assert_int_equal(fuda_hex_decode(good[i].hex, &b), 0);
		c = cur_of(b.data, b.len);
		assert_int_equal(tlv_next_der(&c, &t), good[i].der ? 0 : FUDA_EFORMAT);
		c = cur_of(b.data, b.len);
		assert_int_equal(tlv_next(&c, &t), 0);
		assert_int_equal(t.tag, good[i].tag);
		assert_int_equal(t.value.left, good[i].len);
		assert_int_equal(t.whole.left, b.len);
		assert_int_equal(c.left, 0);
		fuda_buf_free(&b);
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = {
		"",	    "30",	"3001",	      "5F",	     "5F4E", "5F4E02AA",
		"3080",
		"3082FF",   "30850000000001AA", "1F8181810100", "30FF",	 "9F",	 "9FFF",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fuda_buf b = FUDA_BUF_INIT(20);
		struct cursor c;
		struct tlv t;

		assert_int_equal(fuda_hex_decode(bad[i], &b), 0);
		c = cur_of(b.data, b.len);
		assert_int_equal(tlv_next(&c, &t), FUDA_EFORMAT);
		assert_int_equal(tlv_next_der(&c, &t), FUDA_EFORMAT);
		assert_int_equal(c.left, b.len);
		fuda_buf_free(&b);
	}
}

/* JICSAP simple-TLV: card.md 2.4. */
static void takes_simple_objects(void **state)
{
	static const struct {
		const char *hex;
		size_t len, left;
		int error;
	} rows[] = {
		{ "0100", 0, 0, 0 },
		{ "0102AABB", 2, 0, 0 },
		{ "FE0155", 1, 0, 0 },
		{ "0102AABBCC", 2, 1, 0 },
		{ "01FF0002AABB", 2, 0, 0 },
		{ "01FF0000", 0, 0, 0 },
		{ "", 0, 0, FUDA_EFORMAT },
		{ "01", 0, 1, FUDA_EFORMAT },
		{ "0000", 0, 2, FUDA_EFORMAT },
		{ "FF00", 0, 2, FUDA_EFORMAT },
		{ "0102AA", 0, 3, FUDA_EFORMAT },
		{ "01FF", 0, 2, FUDA_EFORMAT },
		{ "01FF00", 0, 3, FUDA_EFORMAT },
		{ "01FF0002AA", 0, 5, FUDA_EFORMAT },
		{ "01FFFFFFAA", 0, 5, FUDA_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fuda_buf b = FUDA_BUF_INIT(20);
		struct cursor c;
		struct tlv t;

		assert_int_equal(fuda_hex_decode(rows[i].hex, &b), 0);
		c = cur_of(b.data, b.len);
		assert_int_equal(tlv_next_simple(&c, &t), rows[i].error);
		assert_int_equal(c.left, rows[i].left);
		if (rows[i].error == 0) {
			assert_int_equal(t.tag, b.data[0]);
			assert_int_equal(t.value.left, rows[i].len);
			assert_int_equal(t.whole.left, b.len - rows[i].left);
		}
		fuda_buf_free(&b);
	}
}

static void expects_a_tag(void **state)
{
	static const uint8_t bytes[] = { 0x04, 0x01, 0xAA };
	struct cursor c = cur_of(bytes, sizeof(bytes));
	struct tlv t;

	(void)state;
	assert_int_equal(tlv_expect(&c, 0x30, &t), FUDA_EFORMAT);
	assert_int_equal(c.left, 3);
	assert_int_equal(tlv_expect(&c, 0x04, &t), 0);
	assert_int_equal(c.left, 0);
}

static void tells_the_total(void **state)
{
	static const uint8_t header[] = { 0x30, 0x82, 0x06, 0x2F };
	size_t total = 0;

	(void)state;
	assert_int_equal(tlv_total(header, sizeof(header), &total), 0);
	assert_int_equal(total, 1587);
	for (size_t len = 0; len < sizeof(header); len++)
		assert_int_equal(tlv_total(header, len, &total), FUDA_EFORMAT);
	assert_int_equal(tlv_total((const uint8_t *)"\x30\x84\xFF\xFF\xFF\xFF", 6, &total), 0);
	assert_true(total == 0xFFFFFFFFu + (size_t)6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_objects),
		cmocka_unit_test(refuses),
		cmocka_unit_test(takes_simple_objects),
		cmocka_unit_test(expects_a_tag),
		cmocka_unit_test(tells_the_total),
	};

	return RUN(tests);
}
