/* SPDX-License-Identifier: Apache-2.0 */
/* Values of elements as they are received: which pass, and what they say. */
#include <fuda/encode.h>
#include <stdio.h>

#include "tests/own-stack.h"
#include "tests/profile-stand.h"

/* Reads a value in hexadecimal digits by an element; "" if it is refused, with its fault. */
static const char *read_value(const struct element *e, const char *hex, bool allow_float,
			      enum element_fault *ret_fault)
{
	static char shown[1024];
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(4096), value = FUDA_BUF_INIT(1000);
	struct cbor item;
	int r;

	assert_int_equal(fuda_hex_decode(hex, &bytes), 0);
	assert_int_equal(cbor_read(cur_of(bytes.data, bytes.len), &item, NULL), 0);
	r = element_read(e, &item, allow_float, &value, ret_fault);
	assert_int_equal(r, *ret_fault == ELEMENT_GOOD ? 0 : FUDA_EFORMAT);
	assert_true(r == 0 || value.len == 0);
	snprintf(shown, sizeof(shown), "%.*s", (int)value.len, (const char *)value.data);
	return shown;
}

/* Of text: its head is written here. */
static const char *text_hex(const char *t)
{
	static char hex[2048];
	size_t len = strlen(t);
	int n = snprintf(hex, sizeof(hex), "79%04zX", len);

	assert_true(len < 1000);
	fuda_hex_encode((const uint8_t *)t, len, hex + n);
	return hex;
}

#define G ELEMENT_GOOD
#define T ELEMENT_WRONG_TYPE
#define F ELEMENT_WRONG_FORM
#define C ELEMENT_WRONG_CHECK_DIGIT
#define R ELEMENT_OUT_OF_RANGE

static void texts_are_judged(void **state)
{
	static const struct {
		const char *name, *value, *wanted;
		enum element_fault fault;
	} cases[] = {
		{ "full_name_unicode", "番号　花子", "番号　花子", G },
		{ "full_name_unicode", "葛\xF3\xA0\x84\x80城", "葛\xF3\xA0\x84\x80城",
		  G }, /* IVS */
		{ "full_name_unicode", "", "", R },
		{ "full_name_unicode", "番号\n花子", "", ELEMENT_HAS_CONTROLS },
		{ "full_name_unicode", "番号\xE2\x80\xAE花子", "", ELEMENT_HAS_CONTROLS },
		{ "birth_date_unicode", "1971年9月1日", "1971-09-01", G },
		{ "birth_date_unicode", "2000年3月31日", "2000-03-31", G },
		{ "birth_date_unicode", "2000年12月01日", "2000-12-01", G },
		{ "birth_date_unicode", "2000年2月29日", "2000-02-29", G },
		{ "birth_date_unicode", "2001年2月29日", "", F },
		{ "birth_date_unicode", "2001年0月1日", "", F },
		{ "birth_date_unicode", "2001年1月0日", "", F },
		{ "birth_date_unicode", "971年9月1日", "", F },
		{ "birth_date_unicode", "01971年9月1日", "", F },
		{ "birth_date_unicode", "1971年009月1日", "", F },
		{ "birth_date_unicode", "昭和46年9月1日", "", F },
		{ "birth_date_unicode", "1971-09-01", "", F },
		{ "birth_date_unicode", "1971年9月1日 ", "", F },
		{ "birth_date_unicode", "1971年9月1", "", F },
		{ "birth_date_unicode", "1971年9月", "", F },
		{ "birth_date_unicode", "１９７１年９月１日", "", F },
		{ "birth_date_unicode", "", "", F },
		{ "sex_unicode", "男", "male", G },
		{ "sex_unicode", "女", "female", G },
		{ "sex_unicode", "適用不能", "not_applicable", G },
		{ "sex_unicode", "不明", "not_known", G },
		{ "sex_unicode", "男性", "", F },
		{ "sex_unicode", "1", "", F },
		{ "sex_unicode", "", "", F },
		{ "local_gov_code_unicode", "13101", "13101", G },
		{ "local_gov_code_unicode", "131016", "131016", G },
		{ "local_gov_code_unicode", "01100", "01100", G },
		{ "local_gov_code_unicode", "011002", "011002", G },
		{ "local_gov_code_unicode", "131017", "", C },
		{ "local_gov_code_unicode", "48101", "", F },
		{ "local_gov_code_unicode", "00101", "", F },
		{ "local_gov_code_unicode", "1310", "", F },
		{ "local_gov_code_unicode", "1310100", "", F },
		{ "local_gov_code_unicode", "1310a", "", F },
		{ "local_gov_code_unicode", "", "", F },
		{ "individual_number_unicode", "123456789018", "123456789018", G },
		{ "individual_number_unicode", "012345678901", "", C },
		{ "individual_number_unicode", "123456789012", "", C },
		{ "individual_number_unicode", "12345678901", "", F },
		{ "individual_number_unicode", "1234567890188", "", F },
		{ "individual_number_unicode", "12345678901x", "", F },
		{ "individual_number_unicode", "1234 5678 9018", "", F },
	};
	const struct profile *p = profiles_named(shipped, "deployed-2025");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct element *e = profile_element(p, text(JAPAN), text(cases[i].name));
		enum element_fault fault;
		const char *got = read_value(e, text_hex(cases[i].value), false, &fault);

		if (fault != cases[i].fault || (fault == G && strcmp(got, cases[i].wanted) != 0))
			fail_msg("%s %s: %d \"%s\"", cases[i].name, cases[i].value, fault, got);
	}
}

static void other_types_are_judged(void **state)
{
	static const struct {
		const char *profile, *space, *name, *hex, *wanted;
		enum element_fault fault;
	} cases[] = {
		{ "deployed-2025", JAPAN, "full_name_unicode", "4161", "", T },
		{ "deployed-2025", JAPAN, "full_name_unicode", "01", "", T },
		{ "deployed-2025", JAPAN, "full_name_unicode", "F6", "", T },
		{ "deployed-2025", JAPAN, "individual_number_unicode", "1B0000001CBE991A1A", "",
		  T },
		{ "deployed-2025", GLOBAL, "sex", "00", "not_known", G },
		{ "deployed-2025", GLOBAL, "sex", "01", "male", G },
		{ "deployed-2025", GLOBAL, "sex", "1802", "female", G },
		{ "deployed-2025", GLOBAL, "sex", "09", "not_applicable", G },
		{ "deployed-2025", GLOBAL, "sex", "03", "", F },
		{ "deployed-2025", GLOBAL, "sex", "0A", "", R },
		{ "deployed-2025", GLOBAL, "sex", "20", "", T },
		{ "deployed-2025", GLOBAL, "sex", "6131", "", T },
		{ "deployed-2025", GLOBAL, "age_in_years", "00", "0", G },
		{ "deployed-2025", GLOBAL, "age_in_years", "1836", "54", G },
		{ "deployed-2025", GLOBAL, "age_in_years", "1896", "150", G },
		{ "deployed-2025", GLOBAL, "age_in_years", "1897", "", R },
		{ "deployed-2025", GLOBAL, "age_over_20", "F5", "true", G },
		{ "deployed-2025", GLOBAL, "age_over_20", "F4", "false", G },
		{ "deployed-2025", GLOBAL, "age_over_20", "01", "", T },
		{ "deployed-2025", GLOBAL, "age_over_20", "F6", "", T },
		/* 1004("1971-09-01") */
		{ "deployed-2025", GLOBAL, "birth_date", "D903EC6A313937312D30392D3031",
		  "1971-09-01", G },
		{ "deployed-2025", GLOBAL, "birth_date", "D903EC6A313937312D30392D3331", "", F },
		{ "deployed-2025", GLOBAL, "birth_date", "D903EC69313937312D30392D31", "", F },
		{ "deployed-2025", GLOBAL, "birth_date", "6A313937312D30392D3031", "", T },
		{ "deployed-2025", GLOBAL, "birth_date", "C06A313937312D30392D3031", "", T },
		{ "deployed-2025", GLOBAL, "birth_date", "D903EC01", "", T },
		/* 0.2: zeros come back */
		{ "tender-r6", JAPAN, "local_gov_code", "19332D", "13101", G },
		{ "tender-r6", JAPAN, "local_gov_code", "19044C", "01100", G },
		{ "tender-r6", JAPAN, "local_gov_code", "1A0001FFC9", "", C },
		{ "tender-r6", JAPAN, "local_gov_code", "1A0001FFC8", "131016", G },
		/* 011002, of which a number has lost the zero: it is a code of five digits */
		{ "tender-r6", JAPAN, "local_gov_code", "192AFA", "11002", G },
		{ "tender-r6", JAPAN, "local_gov_code", "1903E7", "", F },
		{ "tender-r6", JAPAN, "local_gov_code", "00", "", F },
		{ "tender-r6", JAPAN, "local_gov_code", "1A000F4240", "", R },
		{ "tender-r6", JAPAN, "local_gov_code", "653133313031", "", T },
		{ "tender-r6", JAPAN, "individual_number", "1B0000001CBE991A1A", "123456789018",
		  G },
		{ "tender-r6", JAPAN, "individual_number", "1B0000001CBE991A14", "", C },
		{ "tender-r6", JAPAN, "individual_number", "00", "000000000000", G },
		{ "tender-r6", JAPAN, "individual_number", "1B000000E8D4A51000", "", R },
		/* 0.3: what @auth0/mdl writes */
		{ "tender-r6", JAPAN, "individual_number", "FB423CBE991A140000", "",
		  ELEMENT_IS_FLOAT },
		{ "tender-r6", JAPAN, "individual_number", "FB423CBE991A1A0000", "",
		  ELEMENT_IS_FLOAT },
		{ "tender-r6", JAPAN, "individual_number", "FB3FF8000000000000", "", T },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct profile *p = profiles_named(shipped, cases[i].profile);
		const struct element *e =
			profile_element(p, text(cases[i].space), text(cases[i].name));
		enum element_fault fault;
		const char *got = read_value(e, cases[i].hex, false, &fault);

		if (fault != cases[i].fault || (fault == G && strcmp(got, cases[i].wanted) != 0))
			fail_msg("%s %s: %d \"%s\"", cases[i].name, cases[i].hex, fault, got);
	}
}

/* mdoc.md 0.3: only where it is allowed, and only what is an integer. */
static void floats_are_an_exception(void **state)
{
	static const struct {
		const char *hex, *wanted;
		enum element_fault fault;
	} cases[] = {
		{ "FB423CBE991A1A0000", "123456789018", G },
		{ "FB423CBE991A140000", "", C },
		{ "FB423CBE991A1A2000", "", T }, /* a half more */
		{ "FBC23CBE991A1A0000", "", T }, /* less than zero */
		{ "FB8000000000000000", "000000000000", G },
		{ "F90000", "000000000000", G },
		{ "F97E00", "", T },
		{ "F97C00", "", T },
		{ "F9FC00", "", T },
		{ "FB4340000000000000", "", R },
		{ "FB4340000000000001", "", T },
		{ "FB7FEFFFFFFFFFFFFF", "", T },
	};
	const struct element *e = profile_element(profiles_named(shipped, "tender-r6"), text(JAPAN),
						  text("individual_number"));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum element_fault fault;
		const char *got = read_value(e, cases[i].hex, true, &fault);

		if (fault != cases[i].fault || (fault == G && strcmp(got, cases[i].wanted) != 0))
			fail_msg("%s: %d \"%s\"", cases[i].hex, fault, got);
	}
}

static void pictures_are_jpeg_2000(void **state)
{
	static const struct {
		const char *hex;
		enum element_fault fault;
	} cases[] = {
		{ "4E0000000C6A5020200D0A870A0000", G },
		{ "4C0000000C6A5020200D0A870A", G },
		{ "45FF4FFF5100", G },
		{ "44FF4FFF51", G },
		{ "43FF4FFF", ELEMENT_NOT_JPEG2000 },
		{ "4B0000000C6A5020200D0A87", ELEMENT_NOT_JPEG2000 },
		{ "4400FF4FFF", ELEMENT_NOT_JPEG2000 },
		{ "45FFD8FFE000", ELEMENT_NOT_JPEG2000 },
		{ "40", R },
		{ "6461616161", T },
	};
	const struct element *e = profile_element(profiles_named(shipped, "tender-r6"), text(JAPAN),
						  text("Portrait"));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum element_fault fault;

		if (read_value(e, cases[i].hex, false, &fault), fault != cases[i].fault)
			fail_msg("%s: %d", cases[i].hex, fault);
	}
}

static void limits_of_elements_are_kept(void **state)
{
	struct fuda_mdoc_profiles *all = parse(HEAD "element t tstr some min=2 max=3\n"
						    "element u uint number min=5 max=300\n"
						    "element b bstr mark min=1 max=2\n"
						    "element d tdate when\n"
						    "element p bstr-jpeg2000 portrait max=5\n");
	static const struct {
		const char *name, *hex, *wanted;
		enum element_fault fault;
	} cases[] = {
		{ "t", "63E38182", "", R },
		{ "t", "66E38182E38182", "ああ", G },
		{ "t", "69E38182E38182E38182", "あああ", G },
		{ "t", "6461616161", "", R },
		{ "u", "04", "", R },
		{ "u", "05", "5", G },
		{ "u", "19012C", "300", G },
		{ "u", "19012D", "", R },
		{ "u", "FA43960000", "", ELEMENT_IS_FLOAT },
		{ "b", "40", "", R },
		{ "b", "4100", "00", G },
		{ "b", "42CAFE", "CAFE", G },
		{ "b", "43CAFE00", "", R },
		{ "b", "6161", "", T },
		{ "d", "C074323032362D31312D32325431303A30303A30305A", "2026-11-22T10:00:00Z", G },
		{ "d", "C074323032362D31312D32325432333A35393A35395A", "2026-11-22T23:59:59Z", G },
		{ "d", "C074323032362D31312D32325432343A30303A30305A", "", F },
		{ "d", "C074323032362D31312D32325431303A36303A30305A", "", F },
		{ "d", "C074323032362D31312D33315431303A30303A30305A", "", F },
		{ "d", "C074323032362D31312D32322031303A30303A30305A", "", F },
		{ "d", "C07818323032362D31312D32325431303A30303A30302E3030305A", "", F },
		{ "d", "C0781932303236 2D31312D32325431303A30303A30302B30303A3030", "", F },
		{ "d", "74323032362D31312D32325431303A30303A30305A", "", T },
		{ "d", "C100", "", T },
		{ "p", "45FF4FFF5100", "", G },
		{ "p", "46FF4FFF510000", "", R },
	};

	(void)state;
	assert_non_null(all);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct element *e =
			profile_element(profiles_at(all, 0), text("s"), text(cases[i].name));
		enum element_fault fault;
		const char *got = read_value(e, cases[i].hex, false, &fault);

		if (fault != cases[i].fault ||
		    (fault == G && *cases[i].wanted && strcmp(got, cases[i].wanted) != 0))
			fail_msg("%s %s: %d \"%s\"", cases[i].name, cases[i].hex, fault, got);
	}
	fuda_mdoc_profiles_free(&all);
}

/* It is enough to be good for one of the profiles of a doctype. */
static void all_profiles_of_a_doctype_judge(void **state)
{
	_cleanup_buf_ struct fuda_buf value = FUDA_BUF_INIT(100);
	struct fuda_mdoc_profiles *all = parse(HEAD "element e tstr sex\n");
	const struct element *e = (const struct element *)&value;
	static const uint8_t one[] = { 0x01 }, man[] = { 0x63, 0xE7, 0x94, 0xB7 }, yes[] = { 0xF5 };
	enum element_fault fault;
	struct cbor item;

	(void)state;
	assert_non_null(all);
	scratch_write("q",
		      "fuda-mdoc-profile 1\nprofile q\ndoctype d\nnamespace s\nelement e uint "
		      "sex\n",
		      0600);
	scratch_write("r",
		      "fuda-mdoc-profile 1\nprofile r\ndoctype other\nnamespace s\nelement f uint "
		      "sex\n",
		      0600);
	assert_int_equal(fuda_mdoc_profiles_add(ctx, all, scratch_path("q")), 0);
	assert_int_equal(fuda_mdoc_profiles_add(ctx, all, scratch_path("r")), 0);
	assert_int_equal(cbor_read(cur_of(one, sizeof(one)), &item, NULL), 0);
	assert_int_equal(profiles_read(all, text("d"), text("s"), text("e"), &item, false, &e,
				       &value, &fault),
			 0);
	assert_int_equal(e->type, ELEMENT_UINT);
	assert_memory_equal(value.data, "male", 4);
	assert_int_equal(cbor_read(cur_of(man, sizeof(man)), &item, NULL), 0);
	assert_int_equal(profiles_read(all, text("d"), text("s"), text("e"), &item, false, &e,
				       &value, &fault),
			 0);
	assert_int_equal(e->type, ELEMENT_TSTR);
	assert_int_equal(value.len, 8);
	assert_int_equal(cbor_read(cur_of(yes, sizeof(yes)), &item, NULL), 0);
	assert_int_equal(profiles_read(all, text("d"), text("s"), text("e"), &item, false, &e,
				       &value, &fault),
			 FUDA_EFORMAT);
	assert_int_equal(e->type, ELEMENT_TSTR);
	assert_int_equal(fault, ELEMENT_WRONG_TYPE);
	assert_int_equal(profiles_read(all, text("d"), text("s"), text("f"), &item, false, &e,
				       &value, &fault),
			 FUDA_ENOTFOUND);
	assert_null(e);
	assert_int_equal(profiles_read(all, text("x"), text("s"), text("e"), &item, false, &e,
				       &value, &fault),
			 FUDA_ENOTFOUND);
	assert_int_equal(value.len, 8);
	fuda_mdoc_profiles_free(&all);
	unlink(scratch_path("q"));
	unlink(scratch_path("r"));
}

static void check_digits_of_municipalities(void **state)
{
	/* 北海道, 札幌市, 東京都, 千代田区, 大阪市, 沖縄県 */
	static const char *const codes[] = { "010006", "011002", "130001",
					     "131016", "271004", "470007" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		assert_int_equal(local_gov_check_digit(codes[i]), codes[i][5]);
		assert_true(local_gov_code_good(codes[i], 6));
	}
}

/* ---- what is kept of them ---- */

static void *read_number(void *arg)
{
	const struct element *e = arg;
	_cleanup_buf_ struct fuda_buf value = FUDA_BUF_INIT(1000);
	/* 123456789018 */
	static const uint8_t bytes[] = { 0x1B, 0, 0, 0, 0x1C, 0xBE, 0x99, 0x1A, 0x1A };
	enum element_fault fault;
	struct cbor item;

	if (cbor_read(cur_of(bytes, sizeof(bytes)), &item, NULL) < 0 ||
	    element_read(e, &item, false, &value, &fault) < 0 || value.len != 12 ||
	    memcmp(value.data, "123456789018", 12) != 0)
		return arg;
	return NULL;
}

/* A My Number that was a number is wiped where its digits were made. */
static void numbers_leave_nothing(void **state)
{
	static struct element e = { .kind = ATTRIBUTE_INDIVIDUAL_NUMBER,
				    .type = ELEMENT_UINT,
				    .max = UINT64_MAX };

	(void)state;
	assert_null(read_number(&e));
	assert_false(left_on_stack(read_number, &e, "3456789018", 10));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_judged),
		cmocka_unit_test(other_types_are_judged),
		cmocka_unit_test(floats_are_an_exception),
		cmocka_unit_test(pictures_are_jpeg_2000),
		cmocka_unit_test(limits_of_elements_are_kept),
		cmocka_unit_test(all_profiles_of_a_doctype_judge),
		cmocka_unit_test(check_digits_of_municipalities),
		cmocka_unit_test(numbers_leave_nothing),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, profile_setup, profile_teardown);
}
