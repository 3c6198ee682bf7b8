/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR: what is read, why the rest is refused, and what is written. */
#include "mdoc/cbor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/vectors.h"

#define BUF FUDA_BUF_INIT(2 * CBOR_MAX)

/* Memory of exactly the size, so that a read past it shows. */
static enum cbor_fault fault_of(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len);
	enum cbor_fault fault = CBOR_GOOD;
	struct cbor item;
	int r;

	if (len)
		memcpy(exact, bytes, len);
	r = cbor_read(cur_of(exact, len), &item, &fault);
	assert_int_equal(r, fault == CBOR_GOOD ? 0 : FUDA_EFORMAT);
	free(exact);
	return fault;
}

static void from_hex(const char *hex, struct fuda_buf *ret)
{
	fuda_buf_clear(ret);
	assert_int_equal(fuda_hex_decode(hex, ret), 0);
}

/* ---- RFC 8949 appendix A ---- */

struct text {
	char chars[1024];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	t->len += (size_t)vsnprintf(t->chars + t->len, sizeof(t->chars) - t->len, format, args);
	va_end(args);
	assert_true(t->len < sizeof(t->chars));
}

static void show(const struct cbor *item, struct text *t);

static void show_content(const struct cbor *item, const char *brackets, struct text *t)
{
	struct cursor c = item->content;
	struct cbor one;
	uint64_t n = 0;

	add(t, "%c", brackets[0]);
	while (cbor_next(&c, &one) == 0) {
		if (n)
			add(t, item->type == CBOR_MAP && n % 2 ? ": " : ", ");
		show(&one, t);
		n++;
	}
	add(t, "%c", brackets[1]);
	assert_int_equal(c.left, 0);
	assert_int_equal(n, item->type == CBOR_MAP   ? 2 * item->number :
			    item->type == CBOR_ARRAY ? item->number :
						       1);
}

static void show_simple(const struct cbor *item, struct text *t)
{
	static const char *const names[] = { "false", "true", "null", "undefined" };

	if (item->number >= CBOR_FALSE && item->number <= CBOR_UNDEFINED)
		add(t, "%s", names[item->number - CBOR_FALSE]);
	else
		add(t, "simple(%" PRIu64 ")", item->number);
}

static void show_float(const struct cbor *item, struct text *t)
{
	double d;

	memcpy(&d, &item->number, sizeof(d));
	if (isnan(d))
		add(t, "NaN");
	else if (isinf(d))
		add(t, d < 0 ? "-Infinity" : "Infinity");
	else
		add(t, "%.17g", d);
}

static void show_string(const struct cbor *item, struct text *t)
{
	if (item->type == CBOR_TEXT) {
		add(t, "\"%.*s\"", (int)item->content.left, (const char *)item->content.p);
		return;
	}
	add(t, "h'");
	for (size_t i = 0; i < item->content.left; i++)
		add(t, "%02x", item->content.p[i]);
	add(t, "'");
}

/* Diagnostic notation. */
static void show(const struct cbor *item, struct text *t)
{
	switch (item->type) {
	case CBOR_UINT:
		add(t, "%" PRIu64, item->number);
		break;
	case CBOR_NEGATIVE:
		if (item->number == UINT64_MAX)
			add(t, "-18446744073709551616");
		else
			add(t, "-%" PRIu64, item->number + 1);
		break;
	case CBOR_BYTES:
	case CBOR_TEXT:
		show_string(item, t);
		break;
	case CBOR_ARRAY:
		show_content(item, "[]", t);
		break;
	case CBOR_MAP:
		show_content(item, "{}", t);
		break;
	case CBOR_TAG:
		add(t, "%" PRIu64, item->number);
		show_content(item, "()", t);
		break;
	case CBOR_SIMPLE:
		show_simple(item, t);
		break;
	case CBOR_FLOAT:
		show_float(item, t);
		break;
	}
}

static const struct {
	const char *hex, *shown;
} shown[] = {
	{ "00", "0" },
	{ "01", "1" },
	{ "0a", "10" },
	{ "17", "23" },
	{ "1818", "24" },
	{ "1819", "25" },
	{ "1864", "100" },
	{ "1903e8", "1000" },
	{ "1a000f4240", "1000000" },
	{ "1b000000e8d4a51000", "1000000000000" },
	{ "1bffffffffffffffff", "18446744073709551615" },
	{ "c249010000000000000000", "2(h'010000000000000000')" },
	{ "3bffffffffffffffff", "-18446744073709551616" },
	{ "c349010000000000000000", "3(h'010000000000000000')" },
	{ "20", "-1" },
	{ "29", "-10" },
	{ "3863", "-100" },
	{ "3903e7", "-1000" },
	{ "f90000", "0" },
	{ "f98000", "-0" },
	{ "f93c00", "1" },
	{ "fb3ff199999999999a", "1.1000000000000001" },
	{ "f93e00", "1.5" },
	{ "f97bff", "65504" },
	{ "fa47c35000", "100000" },
	{ "fa7f7fffff", "3.4028234663852886e+38" },
	{ "fb7e37e43c8800759c", "1.0000000000000001e+300" },
	{ "f90001", "5.9604644775390625e-08" },
	{ "f90400", "6.103515625e-05" },
	{ "f9c400", "-4" },
	{ "fbc010666666666666", "-4.0999999999999996" },
	{ "f97c00", "Infinity" },
	{ "f97e00", "NaN" },
	{ "f9fc00", "-Infinity" },
	{ "fa7f800000", "Infinity" },
	{ "fa7fc00000", "NaN" },
	{ "faff800000", "-Infinity" },
	{ "fb7ff0000000000000", "Infinity" },
	{ "fb7ff8000000000000", "NaN" },
	{ "fbfff0000000000000", "-Infinity" },
	{ "f4", "false" },
	{ "f5", "true" },
	{ "f6", "null" },
	{ "f7", "undefined" },
	{ "f0", "simple(16)" },
	{ "f8ff", "simple(255)" },
	{ "c074323031332d30332d32315432303a30343a30305a", "0(\"2013-03-21T20:04:00Z\")" },
	{ "c11a514b67b0", "1(1363896240)" },
	{ "c1fb41d452d9ec200000", "1(1363896240.5)" },
	{ "d74401020304", "23(h'01020304')" },
	{ "d818456449455446", "24(h'6449455446')" },
	{ "d82076687474703a2f2f7777772e6578616d706c652e636f6d", "32(\"http://"
								"www.example.com\")" },
	{ "40", "h''" },
	{ "4401020304", "h'01020304'" },
	{ "60", "\"\"" },
	{ "6161", "\"a\"" },
	{ "6449455446", "\"IETF\"" },
	{ "62225c", "\"\"\\\"" },
	{ "62c3bc", "\"\u00fc\"" },
	{ "63e6b0b4", "\"\u6c34\"" },
	{ "64f0908591", "\"\U00010151\"" },
	{ "80", "[]" },
	{ "83010203", "[1, 2, 3]" },
	{ "8301820203820405", "[1, [2, 3], [4, 5]]" },
	{ "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
	  "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, "
	  "22, 23, 24, 25]" },
	{ "a0", "{}" },
	{ "a201020304", "{1: 2, 3: 4}" },
	{ "a26161016162820203", "{\"a\": 1, \"b\": [2, 3]}" },
	{ "826161a161626163", "[\"a\", {\"b\": \"c\"}]" },
	{ "a56161614161626142616361436164614461656145", "{\"a\": \"A\", \"b\": \"B\", "
							"\"c\": \"C\", \"d\": \"D\", "
							"\"e\": \"E\"}" },
	/* longer than needed is not wrong: RFC 8949 3 */
	{ "1800", "0" },
	{ "1b0000000000000001", "1" },
	{ "3a00000000", "-1" },
	{ "590001ff", "h'ff'" },
	{ "7b000000000000000161", "\"a\"" },
	{ "9a0000000101", "[1]" },
	{ "b900011800f5", "{0: true}" },
	{ "d9001840", "24(h'')" },
	/* negative zeros, least and greatest of each width */
	{ "f98001", "-5.9604644775390625e-08" },
	{ "f903ff", "6.0975551605224609e-05" },
	{ "fa00000001", "1.4012984643248171e-45" },
	{ "fa007fffff", "1.1754942106924411e-38" },
	{ "fa00800000", "1.1754943508222875e-38" },
	{ "fa80000000", "-0" },
	{ "fb423cbe991a140000", "123456789012" },
};

static void examples(void **state)
{
	_cleanup_buf_ struct fuda_buf bytes = BUF;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		struct text t = { "", 0 };
		struct cbor item;

		from_hex(shown[i].hex, &bytes);
		assert_int_equal(fault_of(bytes.data, bytes.len), CBOR_GOOD);
		assert_int_equal(cbor_read(cur_of(bytes.data, bytes.len), &item, NULL), 0);
		show(&item, &t);
		assert_string_equal(t.chars, shown[i].shown);
		ASSERT_CUR(item.whole, cur_of(bytes.data, bytes.len));
	}
}

/* The bits of a NaN stay, widened. */
static void not_numbers(void **state)
{
	static const struct {
		const char *hex;
		uint64_t bits;
	} cases[] = {
		{ "f97e01", 0x7FF8040000000000 },
		{ "f9fc01", 0xFFF0040000000000 },
		{ "fa7f800001", 0x7FF0000020000000 },
		{ "fb7ff0000000000001", 0x7FF0000000000001 },
	};
	_cleanup_buf_ struct fuda_buf bytes = BUF;
	struct cbor item;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		from_hex(cases[i].hex, &bytes);
		assert_int_equal(cbor_read(cur_of(bytes.data, bytes.len), &item, NULL), 0);
		assert_int_equal(item.type, CBOR_FLOAT);
		assert_true(item.number == cases[i].bits);
	}
}

/* ---- refused ---- */

static const struct {
	const char *hex;
	enum cbor_fault fault;
} refused[] = {
	{ "", CBOR_TRUNCATED },
	{ "18", CBOR_TRUNCATED },
	{ "19ff", CBOR_TRUNCATED },
	{ "1a000000", CBOR_TRUNCATED },
	{ "1b00000000000000", CBOR_TRUNCATED },
	{ "f8", CBOR_TRUNCATED },
	{ "f97e", CBOR_TRUNCATED },
	{ "41", CBOR_TRUNCATED },
	{ "62c3", CBOR_TRUNCATED },
	{ "8201", CBOR_TRUNCATED },
	{ "a1", CBOR_TRUNCATED },
	{ "a101", CBOR_TRUNCATED },
	{ "c0", CBOR_TRUNCATED },
	{ "d818", CBOR_TRUNCATED },
	/* what is claimed and not there costs nothing */
	{ "5b8000000000000000", CBOR_TRUNCATED },
	{ "5bffffffffffffffff", CBOR_TRUNCATED },
	{ "7b800000000000000061", CBOR_TRUNCATED },
	{ "9b800000000000000001", CBOR_TRUNCATED },
	{ "9bffffffffffffffff", CBOR_TRUNCATED },
	{ "bb80000000000000000102", CBOR_TRUNCATED },
	{ "bbffffffffffffffff", CBOR_TRUNCATED },
	{ "0000", CBOR_TRAILING },
	{ "8000", CBOR_TRAILING },
	{ "a0f6", CBOR_TRAILING },
	{ "c00000", CBOR_TRAILING },
	{ "00ff", CBOR_TRAILING },
	{ "1c", CBOR_RESERVED },
	{ "1d", CBOR_RESERVED },
	{ "1e", CBOR_RESERVED },
	{ "1f", CBOR_RESERVED },
	{ "3f", CBOR_RESERVED },
	{ "5c", CBOR_RESERVED },
	{ "7e", CBOR_RESERVED },
	{ "9d", CBOR_RESERVED },
	{ "bc", CBOR_RESERVED },
	{ "dc", CBOR_RESERVED },
	{ "df00", CBOR_RESERVED },
	{ "fc", CBOR_RESERVED },
	{ "fd", CBOR_RESERVED },
	{ "fe", CBOR_RESERVED },
	{ "ff", CBOR_RESERVED },
	{ "81ff", CBOR_RESERVED },
	{ "a1ff00", CBOR_RESERVED },
	{ "f800", CBOR_RESERVED },
	{ "f814", CBOR_RESERVED },
	{ "f818", CBOR_RESERVED },
	{ "f81f", CBOR_RESERVED },
	/* appendix A's of indefinite length */
	{ "5f42010243030405ff", CBOR_INDEFINITE },
	{ "7f657374726561646d696e67ff", CBOR_INDEFINITE },
	{ "9fff", CBOR_INDEFINITE },
	{ "9f018202039f0405ffff", CBOR_INDEFINITE },
	{ "83018202039f0405ff", CBOR_INDEFINITE },
	{ "bf61610161629f0203ffff", CBOR_INDEFINITE },
	{ "826161bf61626163ff", CBOR_INDEFINITE },
	{ "61ff", CBOR_NOT_UTF8 },
	{ "62c0af", CBOR_NOT_UTF8 },
	{ "61c3", CBOR_NOT_UTF8 },
	{ "63eda080", CBOR_NOT_UTF8 },
	{ "64f4908080", CBOR_NOT_UTF8 },
	{ "a161ff00", CBOR_NOT_UTF8 },
	{ "a14000", CBOR_KEY },
	{ "a18000", CBOR_KEY },
	{ "a1a000", CBOR_KEY },
	{ "a1c00000", CBOR_KEY },
	{ "a1f500", CBOR_KEY },
	{ "a1f600", CBOR_KEY },
	{ "a1f93c0000", CBOR_KEY },
	{ "a201000100", CBOR_DUPLICATE },
	{ "a20100180100", CBOR_DUPLICATE },
	{ "a220001b000000000000000000", CBOR_GOOD }, /* -1 and 0 */
	{ "a220003b000000000000000000", CBOR_DUPLICATE },
	{ "a2616100616100", CBOR_DUPLICATE },
	{ "a261610078016100", CBOR_DUPLICATE },
	{ "a260006000", CBOR_DUPLICATE },
	{ "a3616100616200616100", CBOR_DUPLICATE },
	{ "a46001620102026161006162f6", CBOR_GOOD },
	{ "81a2010001f5", CBOR_DUPLICATE },
	{ "a101a201000100", CBOR_DUPLICATE },
	{ "a201a1010002a10100", CBOR_GOOD }, /* not in the same map */
	{ "a30100616100181800", CBOR_GOOD },
	{ "a201006101f5", CBOR_GOOD }, /* 1 and the text of the same byte */
};

static void faults(void **state)
{
	_cleanup_buf_ struct fuda_buf bytes = BUF;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		from_hex(refused[i].hex, &bytes);
		if (fault_of(bytes.data, bytes.len) != refused[i].fault)
			fail_msg("%s: %s", refused[i].hex,
				 cbor_fault_text(fault_of(bytes.data, bytes.len)));
	}
	for (int i = CBOR_GOOD + 1; i <= CBOR_TOO_LONG; i++)
		assert_true(strlen(cbor_fault_text((enum cbor_fault)i)) > 0);
}

/* ---- limits ---- */

/* `deep` heads, each around one item, then `last`. */
static enum cbor_fault nested(size_t deep, const char *head, const char *last)
{
	_cleanup_buf_ struct fuda_buf bytes = BUF;

	for (size_t i = 0; i < deep; i++)
		assert_int_equal(fuda_hex_decode(head, &bytes), 0);
	assert_int_equal(fuda_hex_decode(last, &bytes), 0);
	return fault_of(bytes.data, bytes.len);
}

static void depth(void **state)
{
	static const char *const heads[] = { "81", "a100", "d818" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		assert_int_equal(nested(CBOR_DEPTH_MAX - 1, heads[i], "00"), CBOR_GOOD);
		assert_int_equal(nested(CBOR_DEPTH_MAX, heads[i], "00"), CBOR_TOO_DEEP);
		assert_int_equal(nested(100000, heads[i], "00"), CBOR_TOO_DEEP);
	}
	assert_int_equal(nested(CBOR_DEPTH_MAX - 1, "81", "80"), CBOR_GOOD);
	assert_int_equal(nested(CBOR_DEPTH_MAX, "81", "80"), CBOR_TOO_DEEP);
}

static void put_pairs(struct cbor_out *out, uint64_t pairs)
{
	cbor_put_map(out, pairs);
	for (uint64_t i = pairs; i > 0; i--) {
		cbor_put_uint(out, i);
		cbor_put_null(out);
	}
}

static void items(void **state)
{
	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		_cleanup_buf_ struct fuda_buf array = BUF, map = BUF, deep = BUF;
		struct cbor_out a = CBOR_OUT(&array), m = CBOR_OUT(&map), d = CBOR_OUT(&deep);
		enum cbor_fault expected = more ? CBOR_TOO_MANY : CBOR_GOOD;

		cbor_put_array(&a, CBOR_ITEMS_MAX - 1 + more);
		for (unsigned i = 0; i < CBOR_ITEMS_MAX - 1 + more; i++)
			cbor_put_null(&a);
		assert_int_equal(fault_of(array.data, array.len), expected);

		put_pairs(&m, (CBOR_ITEMS_MAX - 1) / 2 + more);
		assert_int_equal(fault_of(map.data, map.len), expected);

		/* keys of many maps at once */
		for (unsigned i = 1; i < CBOR_DEPTH_MAX - 1; i++) {
			cbor_put_map(&d, 1);
			cbor_put_uint(&d, 0);
		}
		put_pairs(&d, (CBOR_ITEMS_MAX - 1 - 2 * (CBOR_DEPTH_MAX - 2)) / 2 + more);
		assert_int_equal(fault_of(deep.data, deep.len), expected);
	}
}

static void length(void **state)
{
	uint8_t *bytes = calloc(1, CBOR_MAX + 1);
	struct cbor item;
	enum cbor_fault fault;

	(void)state;
	bytes[0] = 0x5A;
	for (unsigned i = 0; i < 4; i++)
		bytes[1 + i] = (uint8_t)((CBOR_MAX - 5) >> (24 - 8 * i));
	assert_int_equal(cbor_read(cur_of(bytes, CBOR_MAX), &item, &fault), 0);
	assert_int_equal(item.content.left, CBOR_MAX - 5);
	assert_int_equal(cbor_read(cur_of(bytes, CBOR_MAX + 1), &item, &fault), FUDA_EFORMAT);
	assert_int_equal(fault, CBOR_TOO_LONG);
	free(bytes);
}

static void every_prefix(void **state)
{
	static const char *const names[] = { "annexd_device_response", "annexd_device_request",
					     "annexd_device_engagement" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct cursor whole = vector(names[i]);

		assert_int_equal(fault_of(whole.p, whole.left), CBOR_GOOD);
		for (size_t len = 0; len < whole.left; len++)
			assert_int_equal(fault_of(whole.p, len), CBOR_TRUNCATED);
	}
}

/* ---- what is there, taken out ---- */

static struct cbor item_of(const char *hex)
{
	static struct fuda_buf kept[64];
	static size_t count;
	struct fuda_buf *bytes = &kept[count++ % ARRAY_SIZE(kept)];
	struct cbor item;

	fuda_buf_free(bytes);
	*bytes = BUF;
	from_hex(hex, bytes);
	assert_int_equal(cbor_read(cur_of(bytes->data, bytes->len), &item, NULL), 0);
	return item;
}

static void free_items(void)
{
	for (int i = 0; i < 64; i++)
		item_of("00");
}

/* Each of these takes an item of one kind, within its range; nothing is changed otherwise. */
static void numbers(void **state)
{
	const struct cbor five = item_of("05"), minus = item_of("24"), text = item_of("6135");
	const struct cbor most = item_of("1b7fffffffffffffff");
	const struct cbor least = item_of("3b7fffffffffffffff");
	const struct cbor above = item_of("1b8000000000000000");
	const struct cbor below = item_of("3b8000000000000000");
	uint64_t u = 99;
	int64_t n = 99;

	(void)state;
	assert_int_equal(cbor_uint(&five, 4, &u), FUDA_EFORMAT);
	assert_int_equal(cbor_uint(&minus, UINT64_MAX, &u), FUDA_EFORMAT);
	assert_int_equal(cbor_uint(&text, UINT64_MAX, &u), FUDA_EFORMAT);
	assert_int_equal(u, 99);
	assert_int_equal(cbor_uint(&five, 5, &u), 0);
	assert_int_equal(u, 5);
	assert_int_equal(cbor_int(&above, &n), FUDA_EFORMAT);
	assert_int_equal(cbor_int(&below, &n), FUDA_EFORMAT);
	assert_int_equal(cbor_int(&text, &n), FUDA_EFORMAT);
	assert_int_equal(n, 99);
	assert_int_equal(cbor_int(&minus, &n), 0);
	assert_int_equal(n, -5);
	assert_int_equal(cbor_int(&most, &n), 0);
	assert_true(n == INT64_MAX);
	assert_int_equal(cbor_int(&least, &n), 0);
	assert_true(n == INT64_MIN);
}

static void kinds(void **state)
{
	const struct cbor yes = item_of("f5"), null = item_of("f6"), one = item_of("01");
	const struct cbor bytes = item_of("4161"), text = item_of("6161");
	const struct cbor date = item_of("c06161"), float_ = item_of("f93c00");
	struct cursor string = { 0 };
	struct cbor inner = { 0 };
	bool b = false;

	(void)state;
	assert_int_equal(cbor_bool(&null, &b), FUDA_EFORMAT);
	assert_int_equal(cbor_bool(&one, &b), FUDA_EFORMAT);
	assert_int_equal(cbor_bool(&float_, &b), FUDA_EFORMAT);
	assert_int_equal(cbor_bool(&yes, &b), 0);
	assert_true(b);
	assert_int_equal(cbor_bytes(&text, &string), FUDA_EFORMAT);
	assert_int_equal(cbor_text(&bytes, &string), FUDA_EFORMAT);
	assert_int_equal(cbor_text(&date, &string), FUDA_EFORMAT);
	assert_null(string.p);
	assert_int_equal(cbor_text(&text, &string), 0);
	assert_true(cbor_is_text(&text, "a") && !cbor_is_text(&text, "ab"));
	assert_false(cbor_is_text(&text, "") || cbor_is_text(&bytes, "a"));
	assert_true(cbor_is_null(&null) && !cbor_is_null(&yes) && !cbor_is_null(&one));
	assert_int_equal(cbor_tag(&date, 1, &inner), FUDA_EFORMAT);
	assert_int_equal(cbor_tag(&text, 0, &inner), FUDA_EFORMAT);
	assert_int_equal(cbor_tag(&date, 0, &inner), 0);
	assert_true(cbor_is_text(&inner, "a"));
}

static void versions(void **state)
{
	static const struct {
		const char *hex;
		bool ok;
	} cases[] = {
		{ "63312e30", true },    { "63312e31", true },  { "64312e3135", true },
		{ "63322e30", false },   { "6131", false },     { "62312e", false },
		{ "6431302e30", false }, { "43312e30", false }, { "f93c00", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct cbor item = item_of(cases[i].hex);

		assert_int_equal(cbor_is_version_1(&item), cases[i].ok);
	}
}

static void embedded(void **state)
{
	static const struct {
		const char *hex;
		int r;
	} cases[] = {
		{ "d81843820102", 0 },
		{ "d9001843820102", 0 },
		{ "d81840", FUDA_EFORMAT },           /* nothing in it */
		{ "d8184401020304", FUDA_EFORMAT },   /* more than one */
		{ "d818428201", FUDA_EFORMAT },       /* less */
		{ "d81845a201000100", FUDA_EFORMAT }, /* a key twice */
		{ "d818639fff00", FUDA_EFORMAT },     /* no byte string */
		{ "d81701", FUDA_EFORMAT },           /* another tag */
		{ "43820102", FUDA_EFORMAT },         /* none */
		{ "d818d81843820102", FUDA_EFORMAT }, /* twice */
		{ "d8185081818181818181818181818181818101", 0 },
	};
	struct cbor inner;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		struct cbor item;

		from_hex(cases[i].hex, &bytes);
		if (cbor_read(cur_of(bytes.data, bytes.len), &item, NULL) == 0)
			assert_int_equal(cbor_embedded(&item, &inner), cases[i].r);
		else
			assert_int_equal(cases[i].r, FUDA_EFORMAT);
	}
}

static void values(void **state)
{
	/* {"a": 1, 2: {"a": 3}, -1: 4, "b": 5} */
	const struct cbor map = item_of("a461610102a16161032004616205");
	const struct cbor array = item_of("826161f6");
	struct cbor value = { .number = 99 };

	(void)state;
	assert_int_equal(cbor_get(&map, "a", &value), 0);
	assert_int_equal(value.number, 1);
	assert_int_equal(cbor_get(&map, "b", &value), 0);
	assert_int_equal(value.number, 5);
	assert_int_equal(cbor_get_int(&map, -1, &value), 0);
	assert_int_equal(value.number, 4);
	assert_int_equal(cbor_get_int(&map, 2, &value), 0);
	assert_int_equal(cbor_get(&value, "a", &value), 0);
	assert_int_equal(value.number, 3);
	assert_int_equal(cbor_get(&map, "c", &value), FUDA_ENOTFOUND);
	assert_int_equal(cbor_get_int(&map, 1, &value), FUDA_ENOTFOUND);
	assert_int_equal(cbor_get(&array, "a", &value), FUDA_EFORMAT);
	assert_int_equal(cbor_get_int(&array, 0, &value), FUDA_EFORMAT);
	assert_int_equal(value.number, 3);
}

static void members(void **state)
{
	const struct cbor good = item_of("a3616101616202617a03"), empty = item_of("a0");
	const struct cbor array = item_of("80"), turned = item_of("a3616304616205616106");
	struct cbor a, b, c;
	bool has_b, has_c;
	const struct cbor_member strict[] = {
		{ "a", &a, NULL },
		{ "d", &b, NULL },
		{ "e", &c, NULL },
	};
	const struct cbor_member wanted[] = {
		{ "a", &a, NULL },
		{ "b", &b, &has_b },
		{ "c", &c, &has_c },
	};
	const char *missing = "?";

	(void)state;
	assert_int_equal(cbor_members(&good, wanted, ARRAY_SIZE(wanted), &missing), 0);
	assert_null(missing);
	assert_int_equal(a.number, 1);
	assert_true(has_b && !has_c);
	assert_int_equal(b.number, 2);
	/* in whatever order they come, the first of those wanted is the one that is missed */
	assert_int_equal(cbor_members(&turned, wanted, ARRAY_SIZE(wanted), &missing), 0);
	assert_true(a.number == 6 && has_b && b.number == 5 && has_c && c.number == 4);
	assert_int_equal(cbor_members(&turned, strict, ARRAY_SIZE(strict), &missing), FUDA_EFORMAT);
	assert_string_equal(missing, "d");
	assert_int_equal(cbor_members(&empty, wanted, ARRAY_SIZE(wanted), &missing), FUDA_EFORMAT);
	assert_string_equal(missing, "a");
	assert_int_equal(cbor_members(&array, wanted, ARRAY_SIZE(wanted), &missing), FUDA_EFORMAT);
	assert_null(missing);
	assert_int_equal(cbor_members(&empty, wanted, ARRAY_SIZE(wanted), NULL), FUDA_EFORMAT);
}

/* ---- writing ---- */

static void assert_hex(const struct fuda_buf *b, const char *hex)
{
	_cleanup_buf_ struct fuda_buf expected = BUF;

	from_hex(hex, &expected);
	ASSERT_BUF(b, cur_of(expected.data, expected.len));
}

static void heads(void **state)
{
	static const struct {
		uint64_t number;
		const char *hex; /* behind the major type */
	} cases[] = {
		{ 0, "00" },
		{ 23, "17" },
		{ 24, "1818" },
		{ 255, "18ff" },
		{ 256, "190100" },
		{ 65535, "19ffff" },
		{ 65536, "1a00010000" },
		{ UINT32_MAX, "1affffffff" },
		{ 1ull << 32, "1b0000000100000000" },
		{ 123456789012, "1b0000001cbe991a14" }, /* not a float: mdoc.md 0, 3 */
		{ INT64_MAX, "1b7fffffffffffffff" },
		{ UINT64_MAX, "1bffffffffffffffff" },
	};
	static void (*const writers[])(struct cbor_out *,
				       uint64_t) = { cbor_put_uint, cbor_put_array, cbor_put_map,
						     cbor_put_tag };
	static const uint8_t majors[] = { 0, 4, 5, 6 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf expected = BUF, b = BUF;
		struct cbor_out out = CBOR_OUT(&b);

		from_hex(cases[i].hex, &expected);
		for (size_t k = 0; k < ARRAY_SIZE(writers); k++) {
			expected.data[0] = (uint8_t)((expected.data[0] & 0x1F) | majors[k] << 5);
			fuda_buf_clear(&b);
			writers[k](&out, cases[i].number);
			ASSERT_BUF(&b, cur_of(expected.data, expected.len));
		}
		if (cases[i].number > INT64_MAX)
			continue;
		fuda_buf_clear(&b);
		cbor_put_int(&out, (int64_t)cases[i].number);
		expected.data[0] &= 0x1F;
		ASSERT_BUF(&b, cur_of(expected.data, expected.len));
		fuda_buf_clear(&b);
		cbor_put_int(&out, -1 - (int64_t)cases[i].number);
		expected.data[0] |= 0x20;
		ASSERT_BUF(&b, cur_of(expected.data, expected.len));
		assert_int_equal(out.failed, 0);
	}
}

static void written(void **state)
{
	_cleanup_buf_ struct fuda_buf b = BUF;
	struct cbor_out out = CBOR_OUT(&b);

	(void)state;
	cbor_put_array(&out, 10);
	cbor_put_bytes(&out, "\x01\x02", 2);
	cbor_put_bytes(&out, NULL, 0);
	cbor_put_text(&out, "");
	cbor_put_text(&out, "\u756a\u53f7\u82b1\u5b50");
	cbor_put_bool(&out, false);
	cbor_put_bool(&out, true);
	cbor_put_null(&out);
	cbor_put_embedded(&out, cur_of((const uint8_t *)"\xA0", 1));
	cbor_put_tdate(&out, 1795132800);
	cbor_put_full_date(&out, "1971-09-01");
	assert_int_equal(out.failed, 0);
	assert_hex(&b, "8a"
		       "420102"
		       "40"
		       "60"
		       "6ce795aae58fb7e88ab1e5ad90"
		       "f4"
		       "f5"
		       "f6"
		       "d81841a0"
		       "c074323032362d31312d32305430303a30303a30305a"
		       "d903ec6a313937312d30392d3031");
	assert_int_equal(fault_of(b.data, b.len), CBOR_GOOD);
}

static void dates(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text; /* NULL: refused */
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ 951782400, "2000-02-29T00:00:00Z" },
		{ 4294967296, "2106-02-07T06:28:16Z" },
		{ -30610224000, "1000-01-01T00:00:00Z" },
		{ -30610224001, NULL },
		{ 253402300799, "9999-12-31T23:59:59Z" },
		{ 253402300800, NULL },
		{ INT64_MAX, NULL },
		{ INT64_MIN, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf b = BUF;
		struct cbor_out out = CBOR_OUT(&b);
		struct cbor item, text;

		cbor_put_tdate(&out, cases[i].seconds);
		if (!cases[i].text) {
			assert_int_equal(out.failed, FUDA_EINVAL);
			assert_int_equal(b.len, 0);
			continue;
		}
		assert_int_equal(cbor_read(cur_of(b.data, b.len), &item, NULL), 0);
		assert_int_equal(cbor_tag(&item, 0, &text), 0);
		assert_true(cbor_is_text(&text, cases[i].text));
	}
}

/* What failed first stays, and nothing follows it. */
static void failures(void **state)
{
	struct fuda_buf small = FUDA_BUF_INIT(4), b = BUF;
	struct cbor_out out = CBOR_OUT(&b);

	(void)state;
	cbor_put_text(&out, "\xFF");
	assert_int_equal(out.failed, FUDA_EFORMAT);
	cbor_put_tdate(&out, INT64_MAX);
	cbor_put_uint(&out, 1);
	cbor_put_raw(&out, cur_of((const uint8_t *)"\x00", 1));
	assert_int_equal(out.failed, FUDA_EFORMAT);
	assert_int_equal(b.len, 0);

	out = CBOR_OUT(&small);
	cbor_put_uint(&out, 1);
	cbor_put_bytes(&out, "abcd", 4);
	assert_int_equal(out.failed, FUDA_ETOOBIG);
	cbor_put_text(&out, "\xFF");
	cbor_put_null(&out);
	assert_int_equal(out.failed, FUDA_ETOOBIG);
	assert_true(small.len <= 2);
	fuda_buf_free(&small);
	fuda_buf_free(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples), cmocka_unit_test(not_numbers),
		cmocka_unit_test(faults),   cmocka_unit_test(depth),
		cmocka_unit_test(items),    cmocka_unit_test(length),
		cmocka_unit_test(numbers),  cmocka_unit_test(kinds),
		cmocka_unit_test(versions), cmocka_unit_test(embedded),
		cmocka_unit_test(values),   cmocka_unit_test(members),
		cmocka_unit_test(heads),    cmocka_unit_test(written),
		cmocka_unit_test(dates),    cmocka_unit_test(failures),
	};
	static const struct CMUnitTest of_vectors[] = { cmocka_unit_test(every_prefix) };
	int failed = RUN(tests);

	free_items();
	if (failed)
		return failed;
	vectors_or_skip();
	return RUN(of_vectors);
}
