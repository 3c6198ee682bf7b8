/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of a holder: what is taken, also from files, and which elements are made of them. */
#include <fuda/encode.h>
#include <stdio.h>

#include "tests/profile-stand.h"

#define NOW 1795305600 /* 2026-11-22 09:00 in Japan */

static const uint8_t codestream[] = { 0xFF, 0x4F, 0xFF, 0x51, 0x00, 0x2F };

static struct fuda_mdoc_attributes *empty(void)
{
	struct fuda_mdoc_attributes *a;

	assert_int_equal(fuda_mdoc_attributes_new(ctx, &a), 0);
	return a;
}

static struct fuda_mdoc_attributes *hanako(void)
{
	static const struct {
		const char *name, *value;
	} all[] = {
		{ "name", "番号　花子" },       { "address", "東京都千代田区霞が関２丁目１番２号" },
		{ "birth_date", "2006-11-22" }, { "sex", "female" },
		{ "local_gov_code", "01100" },  { "individual_number", "123456789018" },
	};
	struct fuda_mdoc_attributes *a = empty();

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_int_equal(fuda_mdoc_attributes_set(ctx, a, all[i].name, all[i].value), 0);
	assert_int_equal(fuda_mdoc_attributes_set_portrait(ctx, a, codestream, sizeof(codestream)),
			 0);
	return a;
}

/* ---- attributes ---- */

static void forms_are_kept(void **state)
{
	static const struct {
		const char *name, *value;
		bool good;
	} cases[] = {
		{ "name", "番号　花子", true },
		{ "name", "", false },
		{ "name", "番号\t花子", false },
		{ "name", "\xE7\x95", false },
		{ "name", "花\xE2\x80\xAE子", false },
		{ "birth_date", "2000-02-29", true },
		{ "birth_date", "2001-02-29", false },
		{ "birth_date", "2001-02-00", false },
		{ "birth_date", "2001年2月1日", false },
		{ "sex", "male", true },
		{ "sex", "not_applicable", true },
		{ "sex", "not_known", true },
		{ "sex", "Male", false },
		{ "sex", "1", false },
		{ "sex", "男", false },
		{ "local_gov_code", "131016", true },
		{ "local_gov_code", "131017", false },
		{ "local_gov_code", "1310", false },
		{ "local_gov_code", "99101", false },
		{ "individual_number", "123456789018", true },
		{ "individual_number", "123456789012", false },
		{ "individual_number", "12345678901", false },
		{ "portrait", "portrait.jp2", false },
		{ "age_over_20", "true", false },
		{ "age_in_years", "20", false },
		{ "licence_number", "A-1", true },
		{ "licence_number", "", false },
		{ "Licence", "A-1", false },
		{ "licence number", "A-1", false },
		{ "_licence", "A-1", false },
		{ "", "A-1", false },
	};
	struct cursor value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_mdoc_attributes *a = empty();

		if (fuda_mdoc_attributes_set(ctx, a, cases[i].name, cases[i].value) !=
		    (cases[i].good ? 0 : FUDA_EINVAL))
			fail_msg("%s = %s", cases[i].name, cases[i].value);
		if (cases[i].good) {
			assert_int_equal(attributes_get(a, cases[i].name, &value), 0);
			assert_int_equal(value.left, strlen(cases[i].value));
			assert_string_equal((const char *)value.p, cases[i].value);
		} else {
			assert_int_equal(attributes_get(a, cases[i].name, &value), FUDA_ENOTFOUND);
			/* messages say nothing of persons */
			assert_true(!*cases[i].value ||
				    !strstr(fuda_context_message(ctx), cases[i].value) ||
				    strlen(cases[i].value) < 5);
		}
		fuda_mdoc_attributes_free(&a);
		assert_null(a);
	}
}

static void each_is_set_once(void **state)
{
	struct fuda_mdoc_attributes *a = empty();
	struct cursor value;
	char name[32];

	(void)state;
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "name", "番号　花子"), 0);
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "name", "番号　太郎"), FUDA_EINVAL);
	assert_int_equal(attributes_get(a, "name", &value), 0);
	assert_string_equal((const char *)value.p, "番号　花子");
	for (int i = 1; i < ATTRIBUTES_MAX; i++) {
		snprintf(name, sizeof(name), "more_%d", i);
		assert_int_equal(fuda_mdoc_attributes_set(ctx, a, name, "x"), 0);
	}
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "sex", "female"), FUDA_EINVAL);
	fuda_mdoc_attributes_free(&a);
}

static void portraits_are_jpeg_2000(void **state)
{
	static const uint8_t jpeg[] = { 0xFF, 0xD8, 0xFF, 0xE0 },
			     jp2[] = { 0, 0, 0, 12, 'j', 'P', ' ', ' ', 13, 10, 0x87, 10, 0, 0 };
	struct fuda_mdoc_attributes *a = empty();
	uint8_t *large = calloc(1, PORTRAIT_MAX + 1);

	(void)state;
	assert_non_null(large);
	memcpy(large, jp2, sizeof(jp2));
	assert_int_equal(fuda_mdoc_attributes_set_portrait(ctx, a, jpeg, sizeof(jpeg)),
			 FUDA_EINVAL);
	assert_int_equal(fuda_mdoc_attributes_set_portrait(ctx, a, jp2, 11), FUDA_EINVAL);
	assert_int_equal(fuda_mdoc_attributes_set_portrait(ctx, a, NULL, 0), FUDA_EINVAL);
	assert_int_equal(fuda_mdoc_attributes_set_portrait(ctx, a, large, PORTRAIT_MAX + 1),
			 FUDA_EINVAL);
	assert_int_equal(fuda_mdoc_attributes_set_portrait(ctx, a, large, PORTRAIT_MAX), 0);
	assert_int_equal(fuda_mdoc_attributes_set_portrait(ctx, a, jp2, sizeof(jp2)), FUDA_EINVAL);
	fuda_mdoc_attributes_free(&a);
	free(large);
}

/* ---- files ---- */

static void files_are_read(void **state)
{
	struct fuda_mdoc_attributes *a = empty();
	struct cursor value;

	(void)state;
	scratch_write("face.j2k", "\xFF\x4F\xFF\x51 and so on", 0600);
	scratch_write("hanako",
		      "# a traditional sample\n\n"
		      "name = 番号　花子\r\n"
		      "  sex=female  \n"
		      "portrait = face.j2k\n"
		      "motto = a = b # c",
		      0600);
	if (fuda_mdoc_attributes_read(ctx, a, scratch_path("hanako")) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	assert_int_equal(attributes_get(a, "name", &value), 0);
	assert_string_equal((const char *)value.p, "番号　花子");
	assert_int_equal(attributes_get(a, "sex", &value), 0);
	assert_string_equal((const char *)value.p, "female");
	assert_int_equal(attributes_get(a, "motto", &value), 0);
	assert_string_equal((const char *)value.p, "a = b # c");
	assert_int_equal(attributes_get(a, "portrait", &value), 0);
	assert_int_equal(value.left, 14);
	/* what is there is not set again, and nothing of the rest is */
	scratch_write("more", "motto2 = x\nname = 番号　太郎\n", 0600);
	assert_int_equal(fuda_mdoc_attributes_read(ctx, a, scratch_path("more")), FUDA_EFORMAT);
	assert_int_equal(attributes_get(a, "motto2", &value), FUDA_ENOTFOUND);
	assert_int_equal(attributes_get(a, "motto", &value), 0);
	fuda_mdoc_attributes_free(&a);
}

static void faults_of_files_are_told_by_their_line(void **state)
{
	static const struct {
		const char *text, *says;
		int code;
	} cases[] = {
		{ "name = a\n\nsex = woman\n", ":3: \"sex\" is", FUDA_EFORMAT },
		{ "# x\nname\n", ":2: A line is", FUDA_EFORMAT },
		{ "sex = male\nsex = male\n", ":2: \"sex\" is set twice", FUDA_EFORMAT },
		{ "individual_number = 123456789012\n", ":1: \"individual_number\" is",
		  FUDA_EFORMAT },
		{ "portrait =\n", ":1: \"portrait\" is", FUDA_EFORMAT },
		{ "portrait = hanako\n", ":1: The portrait is no", FUDA_EFORMAT },
		{ "portrait = nothing\n", "nothing", FUDA_EFILE },
		{ "age_over_18 = true\n", ":1: \"age_over_18\" is", FUDA_EFORMAT },
		{ "Name = a\n", ":1: The name of an attribute has", FUDA_EFORMAT },
		{ "123456789012 = individual_number\n", ":1: The name of an attribute has",
		  FUDA_EFORMAT },
	};
	struct fuda_mdoc_attributes *a = empty();
	struct cursor value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scratch_write("hanako", cases[i].text, 0600);
		if (fuda_mdoc_attributes_read(ctx, a, scratch_path("hanako")) != cases[i].code ||
		    !strstr(fuda_context_message(ctx), cases[i].says))
			fail_msg("%s: %s", cases[i].text, fuda_context_message(ctx));
		assert_null(strstr(fuda_context_message(ctx), "123456789012"));
		assert_int_equal(attributes_get(a, "name", &value), FUDA_ENOTFOUND);
		assert_int_equal(attributes_get(a, "sex", &value), FUDA_ENOTFOUND);
	}
	assert_int_equal(fuda_mdoc_attributes_read(ctx, a, scratch_path("no such file")),
			 FUDA_EFILE);
	assert_int_equal(fuda_mdoc_attributes_read(ctx, a, scratch), FUDA_EFILE);
	fuda_mdoc_attributes_free(&a);
}

/* ---- elements ---- */

static const struct issue_element *find(const struct element_set *set, const char *space,
					const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->elements[i].space, space) == 0 &&
		    strcmp(set->elements[i].name, name) == 0)
			return &set->elements[i];
	return NULL;
}

static void check(const struct element_set *set, const char *space, const char *name,
		  const char *hex)
{
	const struct issue_element *e = find(set, space, name);
	char got[512] = "";

	if (e)
		fuda_hex_encode(e->value.p, e->value.left, got);
	if (strcmp(got, hex) != 0)
		fail_msg("%s: %s, not %s", name, got, hex);
}

static void elements_of_the_tender(void **state)
{
	struct fuda_mdoc_attributes *a = hanako();
	struct element_set set = { 0 };

	(void)state;
	if (profile_elements(ctx, profiles_named(shipped, "tender-r6"), a, NOW, &set) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	assert_int_equal(set.count, 9);
	check(&set, JAPAN, "full_name", "6FE795AAE58FB7E38080E88AB1E5AD90");
	check(&set, JAPAN, "birth_date_unicode", "7132303036E5B9B43131E69C883232E697A5");
	check(&set, JAPAN, "sex_unicode", "63E5A5B3");
	check(&set, JAPAN, "local_gov_code", "19044C"); /* 1100: mdoc.md 0.2 */
	check(&set, JAPAN, "individual_number", "1B0000001CBE991A1A");
	check(&set, JAPAN, "Portrait", "46FF4FFF51002F");
	check(&set, GLOBAL, "age_over_20", "F5");
	check(&set, GLOBAL, "age_in_years", "14");
	element_set_free(&set);
	fuda_mdoc_attributes_free(&a);
}

static void elements_of_what_is_deployed(void **state)
{
	struct fuda_mdoc_attributes *a = hanako();
	struct element_set set = { 0 };

	(void)state;
	if (profile_elements(ctx, profiles_named(shipped, "deployed-2025"), a, NOW, &set) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	assert_int_equal(set.count, 7 + 3 + 8);
	check(&set, JAPAN, "full_name_unicode", "6FE795AAE58FB7E38080E88AB1E5AD90");
	check(&set, JAPAN, "local_gov_code_unicode", "653031313030");
	check(&set, JAPAN, "individual_number_unicode", "6C313233343536373839303138");
	check(&set, JAPAN, "portrait", "46FF4FFF51002F");
	check(&set, GLOBAL, "birth_date", "D903EC6A323030362D31312D3232");
	check(&set, GLOBAL, "sex", "02");
	check(&set, GLOBAL, "age_in_years", "14");
	check(&set, GLOBAL, "age_over_15", "F5");
	check(&set, GLOBAL, "age_over_18", "F5");
	check(&set, GLOBAL, "age_over_20", "F5");
	check(&set, GLOBAL, "age_over_60", "F4");
	check(&set, GLOBAL, "age_over_75", "F4");
	assert_null(find(&set, GLOBAL, "age_over_NN"));
	/* the same set for another moment: a second before the birthday, in Japan */
	assert_int_equal(profile_elements(ctx, profiles_named(shipped, "deployed-2025"), a,
					  1795273199, &set),
			 0);
	assert_int_equal(set.count, 7 + 3 + 8);
	check(&set, GLOBAL, "age_in_years", "13");
	check(&set, GLOBAL, "age_over_18", "F5");
	check(&set, GLOBAL, "age_over_20", "F4");
	element_set_free(&set);
	fuda_mdoc_attributes_free(&a);
}

/* What a verifier makes of what was issued is what it was made of. */
static void elements_are_read_back(void **state)
{
	_cleanup_buf_ struct fuda_buf value = FUDA_BUF_INIT(65536);
	struct fuda_mdoc_attributes *a = hanako();
	struct element_set set = { 0 };

	(void)state;
	for (size_t p = 0; p < profiles_count(shipped); p++) {
		assert_int_equal(profile_elements(ctx, profiles_at(shipped, p), a, NOW, &set), 0);
		for (size_t i = 0; i < set.count; i++) {
			const struct issue_element *made = &set.elements[i];
			char attribute[ATTRIBUTE_NAME_MAX];
			const struct element *e;
			enum element_fault fault;
			struct cursor was;
			struct cbor item;

			fuda_buf_clear(&value);
			assert_int_equal(cbor_read(made->value, &item, NULL), 0);
			assert_int_equal(profiles_read(shipped, text(MNC), text(made->space),
						       text(made->name), &item, false, &e, &value,
						       &fault),
					 0);
			element_attribute(e, text(made->name), attribute);
			if (attributes_get(a, attribute, &was) < 0)
				continue; /* an age */
			assert_int_equal(value.len, was.left);
			assert_memory_equal(value.data, was.p, was.left);
		}
	}
	element_set_free(&set);
	fuda_mdoc_attributes_free(&a);
}

static void types_of_other_documents_are_written(void **state)
{
	struct fuda_mdoc_profiles *all = parse(HEAD "element text tstr text\n"
						    "element number uint number\n"
						    "element yes bool yes\n"
						    "element bytes bstr bytes\n"
						    "element date full-date date\n"
						    "element moment tdate moment\n"
						    "element city tstr local_gov_code digits=6\n"
						    "element place uint local_gov_code digits=6\n"
						    "element missing tstr missing optional\n"
						    "element age uint age_in_years optional\n");
	struct fuda_mdoc_attributes *a = empty();
	struct element_set set = { 0 };

	(void)state;
	assert_non_null(all);
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "text", "x"), 0);
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "number", "18446744073709551615"), 0);
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "yes", "true"), 0);
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "bytes", "CAFE"), 0);
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "date", "2026-11-22"), 0);
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "moment", "2026-11-22T10:00:00Z"), 0);
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "local_gov_code", "01100"), 0);
	if (profile_elements(ctx, profiles_at(all, 0), a, NOW, &set) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	assert_int_equal(set.count, 8);
	check(&set, "s", "text", "6178");
	check(&set, "s", "number", "1BFFFFFFFFFFFFFFFF");
	check(&set, "s", "yes", "F5");
	check(&set, "s", "bytes", "42CAFE");
	check(&set, "s", "date", "D903EC6A323032362D31312D3232");
	check(&set, "s", "moment", "C074323032362D31312D32325431303A30303A30305A");
	check(&set, "s", "city", "66303131303032");
	check(&set, "s", "place", "192AFA");
	element_set_free(&set);
	fuda_mdoc_attributes_free(&a);
	fuda_mdoc_profiles_free(&all);
}

static void what_cannot_be_an_element_is_refused(void **state)
{
	static const struct {
		const char *element, *value;
	} cases[] = {
		{ "uint x", "1x" },
		{ "uint x", "-1" },
		{ "uint x", "18446744073709551616" },
		{ "uint x max=5", "6" },
		{ "bool x", "yes" },
		{ "bstr x", "C" },
		{ "bstr x", "CG" },
		{ "bstr x max=1", "CAFE" },
		{ "full-date x", "2026-11-31" },
		{ "tdate x", "2026-11-22" },
		{ "tdate x", "2026-11-22T10:00:00+09:00" },
		{ "tstr x max=2", "123" },
		{ "tstr x min=4", "123" },
	};
	struct element_set set = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_mdoc_attributes *a = empty();
		struct fuda_mdoc_profiles *all;
		char profile[256];

		snprintf(profile, sizeof(profile), HEAD "element good tstr name\nelement e %s\n",
			 cases[i].element);
		all = parse(profile);
		assert_non_null(all);
		assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "name", "番号　花子"), 0);
		assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "x", cases[i].value), 0);
		if (profile_elements(ctx, profiles_at(all, 0), a, NOW, &set) != FUDA_EINVAL ||
		    set.count || !strstr(fuda_context_message(ctx), "\"x\""))
			fail_msg("%s: %s", cases[i].element, cases[i].value);
		fuda_mdoc_attributes_free(&a);
		fuda_mdoc_profiles_free(&all);
	}
	element_set_free(&set);
}

/* A misspelled name of one that is optional would be let pass otherwise. */
static void what_nothing_is_made_of_is_refused(void **state)
{
	struct fuda_mdoc_profiles *all = parse(HEAD "element name tstr name\n"
						    "element age uint age_in_years optional\n"
						    "element motto tstr motto optional\n");
	struct fuda_mdoc_attributes *a = empty();
	struct element_set set = { 0 };
	char wanted[256];

	(void)state;
	assert_non_null(all);
	scratch_write("hanako", "name = 番号　花子\nbirth_date = 1971-09-01\n\nmoto = secret\n",
		      0600);
	assert_int_equal(fuda_mdoc_attributes_read(ctx, a, scratch_path("hanako")), 0);
	assert_int_equal(profile_elements(ctx, profiles_at(all, 0), a, NOW, &set), FUDA_EINVAL);
	assert_int_equal(set.count, 0);
	snprintf(wanted, sizeof(wanted),
		 "%s:4: The profile p makes nothing of the attribute \"moto\".",
		 scratch_path("hanako"));
	assert_string_equal(fuda_context_message(ctx), wanted);
	fuda_mdoc_attributes_free(&a);

	a = empty();
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "name", "番号　花子"), 0);
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "birth_date", "1971-09-01"), 0);
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "motto", "x"), 0);
	assert_int_equal(profile_elements(ctx, profiles_at(all, 0), a, NOW, &set), 0);
	assert_int_equal(set.count, 3);
	assert_int_equal(fuda_mdoc_attributes_set(ctx, a, "age", "55"), 0); /* the element's */
	assert_int_equal(profile_elements(ctx, profiles_at(all, 0), a, NOW, &set), FUDA_EINVAL);
	assert_string_equal(fuda_context_message(ctx), "The profile p makes nothing of the "
						       "attribute \"age\".");
	element_set_free(&set);
	fuda_mdoc_attributes_free(&a);
	fuda_mdoc_profiles_free(&all);
}

static void what_is_missing_is_named(void **state)
{
	static const char *const names[] = { "name", "address",        "birth_date",
					     "sex",  "local_gov_code", "individual_number" };
	struct fuda_mdoc_attributes *a;
	struct element_set set = { 0 };
	char wanted[64];

	(void)state;
	for (size_t without = 0; without < ARRAY_SIZE(names) + 1; without++) {
		struct fuda_mdoc_attributes *whole = hanako();

		a = empty();
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			struct cursor value;

			assert_int_equal(attributes_get(whole, names[i], &value), 0);
			if (i != without)
				assert_int_equal(fuda_mdoc_attributes_set(ctx, a, names[i],
									  (const char *)value.p),
						 0);
		}
		fuda_mdoc_attributes_free(&whole);
		assert_int_equal(profile_elements(ctx, profiles_named(shipped, "tender-r6"), a, NOW,
						  &set),
				 FUDA_EINVAL);
		snprintf(wanted, sizeof(wanted), "\"%s\" is missing",
			 without < ARRAY_SIZE(names) ? names[without] : "portrait");
		if (!strstr(fuda_context_message(ctx), wanted))
			fail_msg("%s: %s", wanted, fuda_context_message(ctx));
		assert_int_equal(set.count, 0);
		fuda_mdoc_attributes_free(&a);
	}
	a = hanako();
	assert_int_equal(profile_elements(ctx, profiles_named(shipped, "tender-r6"), a, 1000000000,
					  &set),
			 FUDA_EINVAL);
	assert_non_null(strstr(fuda_context_message(ctx), "birth date"));
	fuda_mdoc_attributes_free(&a);
	element_set_free(&set);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_kept),
		cmocka_unit_test(each_is_set_once),
		cmocka_unit_test(portraits_are_jpeg_2000),
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(faults_of_files_are_told_by_their_line),
		cmocka_unit_test(elements_of_the_tender),
		cmocka_unit_test(elements_of_what_is_deployed),
		cmocka_unit_test(elements_are_read_back),
		cmocka_unit_test(types_of_other_documents_are_written),
		cmocka_unit_test(what_cannot_be_an_element_is_refused),
		cmocka_unit_test(what_nothing_is_made_of_is_refused),
		cmocka_unit_test(what_is_missing_is_named),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, profile_setup, profile_teardown);
}
