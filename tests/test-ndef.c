/* SPDX-License-Identifier: Apache-2.0 */
/* NDEF messages: what is taken, what is refused, and what is written. */
#include <fuda/encode.h>

#include "mdoc/ndef.h"
#include "tests/cmocka.h"

static struct fuda_buf bytes = { .max = 4096 };

static struct cursor message(const char *hex)
{
	fuda_buf_clear(&bytes);
	assert_int_equal(fuda_hex_decode(hex, &bytes), 0);
	return cur_of(bytes.data, bytes.len);
}

static bool is(struct cursor c, const char *text)
{
	return c.left == strlen(text) && memcmp(c.p, text, c.left) == 0;
}

static void takes_records(void **state)
{
	struct ndef m;

	(void)state;
	/* short; with an id and a long payload length; empty */
	assert_int_equal(ndef_read(message("9102025473313208" "0400000003026162633A6462"), &m), FUDA_EFORMAT);
	assert_int_equal(ndef_read(message("9102025473" "3132" "0C0300000002026162" "634142" "3334" "500000"), &m), 0);
	assert_int_equal(m.count, 3);
	assert_true(ndef_is(&m.records[0], NDEF_WELL_KNOWN, "Ts"));
	assert_false(ndef_is(&m.records[0], NDEF_EXTERNAL, "Ts"));
	assert_false(ndef_is(&m.records[0], NDEF_WELL_KNOWN, "T"));
	assert_false(ndef_is(&m.records[0], NDEF_WELL_KNOWN, "Tss"));
	assert_true(is(m.records[0].payload, "12"));
	assert_true(is(m.records[0].id, ""));
	assert_true(ndef_is(&m.records[1], NDEF_EXTERNAL, "abc"));
	assert_true(is(m.records[1].id, "AB"));
	assert_true(is(m.records[1].payload, "34"));
	assert_int_equal(m.records[2].form, NDEF_EMPTY);
	/* of unknown type; without payload; an id of no bytes */
	assert_int_equal(ndef_read(message("D5000141"), &m), 0);
	assert_true(is(m.records[0].payload, "A"));
	assert_int_equal(ndef_read(message("D1010054"), &m), 0);
	assert_int_equal(ndef_read(message("D901000054"), &m), 0);
	assert_int_equal(m.count, 1);
}

static void refuses(void **state)
{
	static const struct {
		const char *what, *hex;
	} bad[] = {
		{ "nothing", "" },
		{ "no lengths", "D1" },
		{ "no payload length", "D101" },
		{ "half a payload length", "C101000000" },
		{ "no id length", "D90101" },
		{ "no type", "D10101" },
		{ "payload ends early", "D101025441" },
		{ "id ends early", "D901000254" "41" },
		{ "payload of 4 GB", "C101FFFFFFFF5441" },
		{ "first of several chunks", "B101015441" "5600" "0142" },
		{ "chunked alone", "F101015441" },
		{ "TNF 6, unchanged", "D6000141" },
		{ "TNF 7, reserved", "D701015441" },
		{ "no begin", "5101015441" },
		{ "no end", "9101015441" },
		{ "begins twice", "9101015441" "D101015441" },
		{ "ends twice", "D101015441" "5101015441" },
		{ "bytes behind the end", "D10101544100" },
		{ "empty with a type", "D0010054" },
		{ "empty with an id", "D800000141" },
		{ "empty with a payload", "D0000141" },
		{ "unknown with a type", "D501015441" },
		{ "well-known without type", "D1000141" },
		{ "external without type", "D4000141" },
	};
	struct ndef m = { .count = 77 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		print_message("%s\n", bad[i].what);
		assert_int_equal(ndef_read(message(bad[i].hex), &m), FUDA_EFORMAT);
		assert_int_equal(m.count, 77);
	}
}

/* Sixteen records are taken, seventeen are not. */
static void counts(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(1024);
	const struct ndef_record r = { .form = NDEF_UNKNOWN };
	struct ndef m;

	(void)state;
	for (int n = 16; n <= 17; n++) {
		fuda_buf_clear(&b);
		for (int i = 1; i <= n; i++)
			assert_int_equal(ndef_put(i == 1 ? NDEF_FIRST : i == n ? NDEF_LAST : NDEF_MIDDLE, &r, &b), 0);
		assert_int_equal(ndef_read(cur_of(b.data, b.len), &m), n == 16 ? 0 : FUDA_EFORMAT);
	}
	assert_int_equal(m.count, 16);
	fuda_buf_free(&b);
}

static void writes(void **state)
{
	static const uint8_t text[256] = "abcdefgh";
	static const size_t payloads[] = { 0, 1, 255, 256 };
	struct fuda_buf b = FUDA_BUF_INIT(1024);
	struct ndef_record r = { NDEF_WELL_KNOWN, cur_of(text, 2), { 0 }, cur_of(text, 1) };
	struct ndef m;

	(void)state;
	assert_int_equal(ndef_put(NDEF_ALONE, &r, &b), 0);
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "\xD1\x02\x01" "aba", 6);
	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
		fuda_buf_clear(&b);
		r = (struct ndef_record){ NDEF_EXTERNAL, cur_of(text, 255), cur_of(text, 3),
					  cur_of(text, payloads[i]) };
		assert_int_equal(ndef_put(NDEF_ALONE, &r, &b), 0);
		assert_int_equal(b.len, 2u + (payloads[i] > 255 ? 4 : 1) + 1 + 255 + 3 + payloads[i]);
		assert_int_equal(ndef_read(cur_of(b.data, b.len), &m), 0);
		assert_int_equal(m.records[0].type.left, 255);
		assert_true(is(m.records[0].id, "abc"));
		assert_int_equal(m.records[0].payload.left, payloads[i]);
	}
	fuda_buf_free(&b);
}

static void writes_nothing_too_long(void **state)
{
	static const uint8_t text[256];
	struct fuda_buf b = FUDA_BUF_INIT(10);
	const struct ndef_record bad[] = {
		{ NDEF_WELL_KNOWN, cur_of(text, 256), { 0 }, { 0 } },
		{ NDEF_WELL_KNOWN, cur_of(text, 1), cur_of(text, 256), { 0 } },
		{ NDEF_WELL_KNOWN, cur_of(text, 1), cur_of(text, 1), cur_of(text, 5) }, /* 11 bytes */
	};

	(void)state;
	assert_int_equal(fuda_buf_append(&b, "x", 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(ndef_put(NDEF_ALONE, &bad[i], &b), FUDA_ETOOBIG);
		assert_int_equal(b.len, 1);
	}
	fuda_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_records), cmocka_unit_test(refuses), cmocka_unit_test(counts),
		cmocka_unit_test(writes),	 cmocka_unit_test(writes_nothing_too_long),
	};
	int failed = RUN(tests);

	fuda_buf_free(&bytes);
	return failed;
}
