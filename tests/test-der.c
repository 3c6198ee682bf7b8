/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/der.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/certs.h"
#include "tests/cmocka.h"

/* Memory of exactly the size of what `notation` says, so that reading past it is seen. */
struct sample {
	uint8_t *bytes;
	size_t len;
};

static struct sample sample_of(const char *notation)
{
	_cleanup_buf_ struct fuda_buf b = TEST_BUF;
	struct sample s;

	der_write(&b, notation);
	s.len = b.len;
	s.bytes = malloc(b.len ? b.len : 1);
	assert_non_null(s.bytes);
	if (b.len)
		memcpy(s.bytes, b.data, b.len);
	return s;
}

/* What was not taken stays, and the cursor with it. */
static void assert_untouched(const struct cursor *c, const struct sample *s)
{
	assert_ptr_equal(c->p, s->bytes);
	assert_int_equal(c->left, s->len);
}

static void booleans(void **state)
{
	static const struct {
		const char *der;
		int r;
		bool value;
	} cases[] = {
		{ "0101FF", 0, true },    { "010100", 0, false },       { "010101", FUDA_EFORMAT },
		{ "0100", FUDA_EFORMAT }, { "0102FFFF", FUDA_EFORMAT }, { "0201FF", FUDA_EFORMAT },
		{ "0101", FUDA_EFORMAT }, { "", FUDA_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample s = sample_of(cases[i].der);
		struct cursor c = cur_of(s.bytes, s.len);
		bool value = !cases[i].value;

		assert_int_equal(der_boolean(&c, &value), cases[i].r);
		assert_int_equal(value, cases[i].r == 0 ? cases[i].value : !cases[i].value);
		if (cases[i].r < 0)
			assert_untouched(&c, &s);
		free(s.bytes);
	}
}

static void integers(void **state)
{
	static const struct {
		const char *der;
		int r;             /* of der_integer() */
		int r_unsigned;    /* of der_unsigned() with at most 3 bytes */
		const char *value; /* of the latter */
	} cases[] = {
		{ "020100", 0, 0, "00" },
		{ "02017F", 0, 0, "7F" },
		{ "02020080", 0, 0, "80" },
		{ "0203010000", 0, 0, "010000" },
		{ "020300FFFF", 0, 0, "FFFF" },
		{ "020400FFFFFF", 0, FUDA_ETOOBIG, NULL },
		{ "020180", 0, FUDA_EFORMAT, NULL },
		{ "0202FF7F", 0, FUDA_EFORMAT, NULL },
		{ "0200", FUDA_EFORMAT, FUDA_EFORMAT, NULL },
		{ "0202007F", FUDA_EFORMAT, FUDA_EFORMAT, NULL },
		{ "0202FF80", FUDA_EFORMAT, FUDA_EFORMAT, NULL },
		{ "02020000", FUDA_EFORMAT, FUDA_EFORMAT, NULL },
		{ "02810101", FUDA_EFORMAT, FUDA_EFORMAT, NULL },
		{ "0A0101", FUDA_EFORMAT, FUDA_EFORMAT, NULL },
		{ "020201", FUDA_EFORMAT, FUDA_EFORMAT, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample s = sample_of(cases[i].der);
		struct cursor c = cur_of(s.bytes, s.len), value = { NULL, 0 };

		assert_int_equal(der_integer(&c, &value), cases[i].r);
		c = cur_of(s.bytes, s.len);
		assert_int_equal(der_unsigned(&c, 3, &value), cases[i].r_unsigned);
		if (cases[i].value) {
			struct sample want = sample_of(cases[i].value);

			assert_int_equal(c.left, 0);
			assert_int_equal(value.left, want.len);
			assert_memory_equal(value.p, want.bytes, want.len);
			free(want.bytes);
		} else {
			assert_untouched(&c, &s);
		}
		free(s.bytes);
	}
}

static void object_identifiers(void **state)
{
	static const struct {
		const char *der;
		const char *text; /* NULL: `r` */
		int r;
	} cases[] = {
		{ "0603550403", "2.5.4.3", 0 },
		{ "060A2A83088C9B5508050501", "1.2.392.200149.8.5.5.1", 0 },
		{ "060127", "0.39", 0 },
		{ "06014F", "1.39", 0 },
		{ "060150", "2.0", 0 },
		{ "06028837", "2.999", 0 },
		{ "060955FFFFFFFFFFFFFF7F", "2.5.72057594037927935", 0 },
		{ "060A55FFFFFFFFFFFFFFFF7F", "2.5.9223372036854775807", 0 },
		{ "060B5581FFFFFFFFFFFFFFFF7F", NULL, FUDA_ETOOBIG },
		{ "0600", NULL, FUDA_EFORMAT },
		{ "0603550483", NULL, FUDA_EFORMAT },   /* ends inside a number */
		{ "060455800403", NULL, FUDA_EFORMAT }, /* leading zero */
		{ "0602 8001", NULL, FUDA_EFORMAT },
		{ "0D03550403", NULL, FUDA_EFORMAT },
		{ "0604550403", NULL, FUDA_EFORMAT },
		/* 63 characters fit, 64 do not */
		{ "06{2A 0101010101010101 0101010101010101 0101010101010101 010101010101}",
		  "1.2.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", 0 },
		{ "06{2A 0101010101010101 0101010101010101 0101010101010101 0101010101 0A}", NULL,
		  FUDA_ETOOBIG },
		{ "06{2A 0101010101010101 0101010101010101 0101010101010101 0101010101010101 01}",
		  NULL, FUDA_ETOOBIG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample s = sample_of(cases[i].der);
		struct cursor c = cur_of(s.bytes, s.len);
		char text[DER_OID_MAX] = "before";

		assert_int_equal(der_oid(&c, text), cases[i].r);
		assert_string_equal(text, cases[i].text ? cases[i].text : "before");
		if (cases[i].r < 0)
			assert_untouched(&c, &s);
		free(s.bytes);
	}
}

static void bit_strings(void **state)
{
	static const struct {
		const char *der;
		int r, r_named;
		uint32_t named;
	} cases[] = {
		{ "03020780", 0, 0, 1 },
		{ "030206C0", 0, 0, 3 },
		{ "030200C0", 0, 0, 3 }, /* trailing zero bits */
		{ "0303070080", 0, 0, 1 << 8 },
		{ "030100", 0, 0, 0 },
		{ "03050080000001", 0, 0, 1u | 1u << 31 },
		{ "0306008000000000", 0, FUDA_ETOOBIG, 0 },
		{ "0300", FUDA_EFORMAT, FUDA_EFORMAT, 0 },
		{ "030101", FUDA_EFORMAT, FUDA_EFORMAT, 0 },
		{ "03020880", FUDA_EFORMAT, FUDA_EFORMAT, 0 },
		{ "03020781", FUDA_EFORMAT, FUDA_EFORMAT, 0 }, /* an unused bit is set */
		{ "23060304 00800000", FUDA_EFORMAT, FUDA_EFORMAT, 0 },
		{ "0303 0780", FUDA_EFORMAT, FUDA_EFORMAT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample s = sample_of(cases[i].der);
		struct cursor c = cur_of(s.bytes, s.len), bytes;
		unsigned unused;
		uint32_t named = 0xABCD;

		assert_int_equal(der_bits(&c, &bytes, &unused), cases[i].r);
		c = cur_of(s.bytes, s.len);
		assert_int_equal(der_named_bits(&c, &named), cases[i].r_named);
		assert_int_equal(named, cases[i].r_named == 0 ? cases[i].named : 0xABCD);
		free(s.bytes);
	}
}

static void times(void **state)
{
	static const struct {
		const char *der;
		time_t value; /* -1: refused */
	} cases[] = {
		{ "17{'261120000000Z'}", TEST_NOW },
		{ "18{'20261120000000Z'}", TEST_NOW },
		{ "17{'700101000000Z'}", 0 },
		{ "17{'500101000000Z'}", -631152000 },
		{ "17{'491231235959Z'}", 2524607999 },
		{ "18{'20500101000000Z'}", 2524608000 },
		{ "17{'240229000000Z'}", 1709164800 },
		{ "18{'99991231235959Z'}", 253402300799 },
		{ "17{'230229000000Z'}", -1 },
		{ "17{'260431000000Z'}", -1 },
		{ "17{'261320000000Z'}", -1 },
		{ "17{'260020000000Z'}", -1 },
		{ "17{'261100000000Z'}", -1 },
		{ "17{'261132000000Z'}", -1 },
		{ "17{'261120240000Z'}", -1 },
		{ "17{'261120006000Z'}", -1 },
		{ "17{'261120000060Z'}", -1 },
		{ "17{'2611200000Z'}", -1 },
		{ "17{'261120000000'}", -1 },
		{ "17{'261120000000+0900'}", -1 },
		{ "17{'261120000000ZZ'}", -1 },
		{ "17{'261120000000z'}", -1 },
		{ "17{' 61120000000Z'}", -1 },
		{ "17{'-11120000000Z'}", -1 },
		{ "17{'20261120000000Z'}", -1 },
		{ "18{'261120000000Z'}", -1 },
		{ "18{'20261120000000.5Z'}", -1 },
		{ "18{'20261120000000'}", -1 },
		{ "16{'261120000000Z'}", -1 },
		{ "170D'261120'", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample s = sample_of(cases[i].der);
		struct cursor c = cur_of(s.bytes, s.len);
		time_t value = -1;
		int r = der_time(&c, &value);

		if (cases[i].value == -1) {
			assert_int_equal(r, FUDA_EFORMAT);
			assert_untouched(&c, &s);
		} else {
			assert_int_equal(r, 0);
			assert_int_equal(c.left, 0);
		}
		assert_true(value == cases[i].value);
		free(s.bytes);
	}
}

static void texts(void **state)
{
	static const struct {
		const char *der;
		const char *text; /* NULL: FUDA_EFORMAT */
	} cases[] = {
		{ "13{'JPKI (1.0), A+B:=?/-'''}", "JPKI (1.0)\\, A\\+B:=?/-" },
		{ "13{}", "" },
		{ "0C{E585ACE79A84 F09FAAAA}", "公的🪪" },
		{ "16{'a@b_c'}", "a@b_c" },
		{ "16{'a\\b\"c'}", "a\\\\b\\\"c" },
		{ "0C{'a'0A'b'}", "a\\0Ab" },
		{ "0C{'a'00'b'}", "a\\00b" },
		{ "16{1B'[2J'7F}", "\\1B[2J\\7F" },
		{ "0C{C285}", "\\C2\\85" },               /* NEL */
		{ "0C{E280AE'moc'}", "\\E2\\80\\AEmoc" }, /* right-to-left override */
		{ "0C{E281A6 E280A8 D89C}", "\\E2\\81\\A6\\E2\\80\\A8\\D8\\9C" },
		{ "0C{EFBFBF F48FBFBF}", "\xEF\xBF\xBF\xF4\x8F\xBF\xBF" },
		{ "13{'a@b'}", NULL },
		{ "13{'a'00}", NULL },
		{ "13{C3A9}", NULL },
		{ "16{80}", NULL },
		{ "0C{80}", NULL },
		{ "0C{C3}", NULL },
		{ "0C{C341}", NULL },
		{ "0C{C080}", NULL }, /* NUL in two bytes */
		{ "0C{C1BF}", NULL },
		{ "0C{E08080}", NULL },
		{ "0C{E09FBF}", NULL },
		{ "0C{F0808080}", NULL },
		{ "0C{EDA080}", NULL }, /* a surrogate */
		{ "0C{EDBFBF}", NULL },
		{ "0C{F4908080}", NULL }, /* past U+10FFFF */
		{ "0C{F888808080}", NULL },
		{ "0C{FF}", NULL },
		{ "0C{E585}", NULL },
		{ "14{'T61'}", NULL },
		{ "1E{0041}", NULL },
		{ "2C{0C0141}", NULL },
		{ "0C05'abc'", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample s = sample_of(cases[i].der);
		struct cursor c = cur_of(s.bytes, s.len);
		char text[64] = "before ", want[64];
		int r = der_text(&c, ",+\"", text, sizeof(text));

		assert_int_equal(r, cases[i].text ? 0 : FUDA_EFORMAT);
		snprintf(want, sizeof(want), "before %s", cases[i].text ? cases[i].text : "");
		assert_string_equal(text, want);
		if (r < 0)
			assert_untouched(&c, &s);
		free(s.bytes);
	}
}

/* To the last byte, in each way in which characters are written. */
static void text_room(void **state)
{
	static const struct {
		const char *der;
		size_t needs; /* with its NUL */
	} cases[] = {
		{ "0C{'abcd'}", 5 }, { "0C{E585AC}", 4 }, { "0C{'ab'0A}", 6 },
		{ "0C{'a,'}", 4 },   { "0C{C285}", 7 },   { "0C{}", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample s = sample_of(cases[i].der);

		for (size_t size = 1; size < 9; size++) {
			char *text = calloc(1, size);
			struct cursor c = cur_of(s.bytes, s.len);

			assert_non_null(text);
			assert_int_equal(der_text(&c, ",", text, size),
					 size >= cases[i].needs ? 0 : FUDA_ETOOBIG);
			assert_int_equal(strlen(text),
					 size >= cases[i].needs ? cases[i].needs - 1 : 0);
			free(text);
		}
		free(s.bytes);
	}
}

#define ATTRIBUTE(oid, value) "30{<" oid ">" value "}"

static void names(void **state)
{
	static const struct {
		const char *der;
		const char *text; /* NULL: refused */
	} cases[] = {
		{ "30{}", "" },
		{ "30{31{" ATTRIBUTE("2.5.4.6", "13{'JP'}") "}31{" ATTRIBUTE("2.5.4.10",
									     "0C{'JPKI'}") "}}",
		  "C=JP, O=JPKI" },
		{ "30{31{" ATTRIBUTE("2.5.4.3", "0C{'a, O=b'}") "}}", "CN=a\\, O\\=b" },
		{ "30{31{" ATTRIBUTE("2.5.4.3", "0C{'a'}") ATTRIBUTE("2.5.4.5", "13{'1'}") "}}",
		  "CN=a+serialNumber=1" },
		{ "30{31{" ATTRIBUTE("2.5.4.99", "0C{'x'}") "}}", "2.5.4.99=x" },
		{ "30{31{" ATTRIBUTE("2.5.4.3", "0C{'a'0A'CN=b'}") "}}", "CN=a\\0ACN\\=b" },
		{ "30{31{}}", NULL },
		{ "30{30{" ATTRIBUTE("2.5.4.3", "0C{'a'}") "}}", NULL },
		{ "30{31{31{<2.5.4.3>0C{'a'}}}}", NULL },
		{ "30{31{30{<2.5.4.3>}}}", NULL },
		{ "30{31{30{0C{'a'}}}}", NULL },
		{ "30{31{30{<2.5.4.3>0C{'a'}0500}}}", NULL },
		{ "30{31{30{<2.5.4.3>0201 05}}}", NULL },
		{ "31{}", NULL },
		{ "3001", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample s = sample_of(cases[i].der);
		struct cursor c = cur_of(s.bytes, s.len);
		char text[DER_NAME_MAX] = "before";
		int r = der_name(&c, text);

		if (cases[i].text)
			assert_int_equal(r, 0);
		else
			assert_int_equal(r, FUDA_EFORMAT);
		assert_string_equal(text, cases[i].text ? cases[i].text : "before");
		free(s.bytes);
	}
}

/* Names that are longer than their text may be: by their values, their joints, their types. */
static void long_names(void **state)
{
	static const char *const parts[] = { ATTRIBUTE("2.5.4.3", "0C{'aaaaaaaaaaaaa'}"),
					     ATTRIBUTE("2.5.4.3", "0C{}"),
					     ATTRIBUTE("1.2.3.4.5.6.7.8.9.10.11", "0C{}") };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char notation[8192] = "30{";
		size_t good = 0;

		for (size_t n = 1; n <= 120; n++) {
			char whole[sizeof(notation) + 2], text[DER_NAME_MAX];
			size_t used = strlen(notation);
			struct sample s;
			struct cursor c;
			int r;

			snprintf(notation + used, sizeof(notation) - used, "31{%s}", parts[i]);
			snprintf(whole, sizeof(whole), "%s}", notation);
			s = sample_of(whole);
			c = cur_of(s.bytes, s.len);
			r = der_name(&c, text);
			assert_true(r == 0 || r == FUDA_ETOOBIG);
			assert_true(r < 0 || good == n - 1); /* never again once it is too long */
			good += r == 0;
			free(s.bytes);
		}
		assert_true(good > 10 && good < 120);
	}
}

static void checks_depth(void **state)
{
	(void)state;
	for (size_t depth = 1; depth <= 100; depth++) {
		_cleanup_buf_ struct fuda_buf b = TEST_BUF;

		for (size_t i = 0; i < depth; i++) {
			_cleanup_buf_ struct fuda_buf inner = TEST_BUF;

			assert_int_equal(fuda_buf_append(&inner, b.data, b.len), 0);
			fuda_buf_clear(&b);
			der_write(&b, "30{$}", &inner);
		}
		assert_int_equal(der_check(cur_of(b.data, b.len)),
				 depth <= DER_DEPTH_MAX ? 0 : FUDA_EFORMAT);
	}
}

static void checks_all_the_way(void **state)
{
	static const struct {
		const char *der;
		int r;
	} cases[] = {
		{ "", 0 },
		{ "30{020101 A0{0500}}0500", 0 },
		{ "0402 3001", 0 }, /* primitive: not looked into */
		{ "3004020101", FUDA_EFORMAT },
		{ "3080020101 0000", FUDA_EFORMAT },
		{ "30{3080 0000}", FUDA_EFORMAT },
		{ "30{0281 0101}", FUDA_EFORMAT },
		{ "30{1F0100}", FUDA_EFORMAT },
		{ "30{02}", FUDA_EFORMAT },
		{ "30{30{30{3001}}}", FUDA_EFORMAT },
		{ "30{}05", FUDA_EFORMAT },
		{ "3084FFFFFFFF00", FUDA_EFORMAT },
		{ "308500000000 0000", FUDA_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample s = sample_of(cases[i].der);

		assert_int_equal(der_check(cur_of(s.bytes, s.len)), cases[i].r);
		free(s.bytes);
	}
}

static void algorithms(void **state)
{
	static const struct {
		const char *der;
		int r;
		size_t parameters;
	} cases[] = {
		{ "30{<1.2.840.113549.1.1.11>0500}", 0, 2 },
		{ "30{<1.2.840.113549.1.1.11>}", 0, 0 },
		{ "30{}", FUDA_EFORMAT, 0 },
		{ "30{0500}", FUDA_EFORMAT, 0 },
		{ "31{<1.2.3>}", FUDA_EFORMAT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample s = sample_of(cases[i].der);
		struct cursor c = cur_of(s.bytes, s.len), parameters = { NULL, 0 };
		char oid[DER_OID_MAX];

		assert_int_equal(der_algorithm(&c, oid, &parameters), cases[i].r);
		assert_int_equal(parameters.left, cases[i].parameters);
		free(s.bytes);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(booleans),
		cmocka_unit_test(integers),
		cmocka_unit_test(object_identifiers),
		cmocka_unit_test(bit_strings),
		cmocka_unit_test(times),
		cmocka_unit_test(texts),
		cmocka_unit_test(text_room),
		cmocka_unit_test(names),
		cmocka_unit_test(long_names),
		cmocka_unit_test(checks_depth),
		cmocka_unit_test(checks_all_the_way),
		cmocka_unit_test(algorithms),
	};

	return RUN(tests);
}
