/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of elements: how they are read, and which elements they have. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/profile-stand.h"

/* ---- profiles ---- */

static void those_of_the_library_are_found(void **state)
{
	const struct profile *deployed = profiles_named(shipped, "deployed-2025"),
			     *tender = profiles_named(shipped, "tender-r6"), *first;

	(void)state;
	assert_int_equal(profiles_count(shipped), 2);
	assert_non_null(deployed);
	assert_non_null(tender);
	assert_null(profiles_named(shipped, "deployed"));
	assert_string_equal(deployed->doctype, MNC);
	first = profile_find(shipped, text(MNC), NULL);
	assert_ptr_equal(first, deployed);
	assert_ptr_equal(profile_find(shipped, text(MNC), first), tender);
	assert_null(profile_find(shipped, text(MNC), tender));
	assert_null(profile_find(shipped, text("org.iso.18013.5.1.mDL"), NULL));
	assert_string_equal(fuda_mdoc_profile_name(shipped, 1), "tender-r6");
	assert_string_equal(fuda_mdoc_profile_doctype(shipped, 1), MNC);
	assert_null(fuda_mdoc_profile_name(shipped, 2));
	assert_null(fuda_mdoc_profile_doctype(shipped, 2));
}

/* mdoc.md 0.1 */
static void elements_are_those_of_the_facts(void **state)
{
	static const struct {
		const char *profile, *space, *name, *attribute;
		enum element_type type;
	} cases[] = {
		{ "deployed-2025", JAPAN, "full_name_unicode", "name", ELEMENT_TSTR },
		{ "deployed-2025", JAPAN, "birth_date_unicode", "birth_date", ELEMENT_TSTR },
		{ "deployed-2025", JAPAN, "resident_address_unicode", "address", ELEMENT_TSTR },
		{ "deployed-2025", JAPAN, "sex_unicode", "sex", ELEMENT_TSTR },
		{ "deployed-2025", JAPAN, "local_gov_code_unicode", "local_gov_code",
		  ELEMENT_TSTR },
		{ "deployed-2025", JAPAN, "individual_number_unicode", "individual_number",
		  ELEMENT_TSTR },
		{ "deployed-2025", JAPAN, "portrait", "portrait", ELEMENT_JPEG2000 },
		{ "deployed-2025", GLOBAL, "birth_date", "birth_date", ELEMENT_FULL_DATE },
		{ "deployed-2025", GLOBAL, "sex", "sex", ELEMENT_UINT },
		{ "deployed-2025", GLOBAL, "age_in_years", "age_in_years", ELEMENT_UINT },
		{ "deployed-2025", GLOBAL, "age_over_20", "age_over_20", ELEMENT_BOOL },
		{ "deployed-2025", GLOBAL, "age_over_13", "age_over_13", ELEMENT_BOOL },
		{ "tender-r6", JAPAN, "full_name", "name", ELEMENT_TSTR },
		{ "tender-r6", JAPAN, "birth_date_unicode", "birth_date", ELEMENT_TSTR },
		{ "tender-r6", JAPAN, "resident_address_unicode", "address", ELEMENT_TSTR },
		{ "tender-r6", JAPAN, "sex_unicode", "sex", ELEMENT_TSTR },
		{ "tender-r6", JAPAN, "local_gov_code", "local_gov_code", ELEMENT_UINT },
		{ "tender-r6", JAPAN, "individual_number", "individual_number", ELEMENT_UINT },
		{ "tender-r6", JAPAN, "Portrait", "portrait", ELEMENT_JPEG2000 },
		{ "tender-r6", GLOBAL, "age_over_20", "age_over_20", ELEMENT_BOOL },
		{ "tender-r6", GLOBAL, "age_in_years", "age_in_years", ELEMENT_UINT },
	};
	static const struct {
		const char *profile, *space, *name;
	} absent[] = {
		{ "deployed-2025", GLOBAL, "full_name_unicode" },
		{ "deployed-2025", JAPAN, "full_name" },
		{ "deployed-2025", JAPAN, "Portrait" },
		{ "deployed-2025", GLOBAL, "age_over_NN" },
		{ "deployed-2025", GLOBAL, "age_over_2" },
		{ "deployed-2025", GLOBAL, "age_over_200" },
		{ "deployed-2025", GLOBAL, "age_over_2x" },
		{ "deployed-2025", JAPAN, "age_over_20" },
		{ "deployed-2025", "", "portrait" },
		{ "deployed-2025", JAPAN, "" },
		{ "deployed-2025", JAPAN, "portrai" },
		{ "tender-r6", JAPAN, "portrait" },
		{ "tender-r6", GLOBAL, "age_over_18" },
		{ "tender-r6", GLOBAL, "birth_date" },
	};
	char attribute[ATTRIBUTE_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct profile *p = profiles_named(shipped, cases[i].profile);
		const struct element *e =
			profile_element(p, text(cases[i].space), text(cases[i].name));

		if (!e || e->type != cases[i].type)
			fail_msg("%s %s", cases[i].profile, cases[i].name);
		element_attribute(e, text(cases[i].name), attribute);
		assert_string_equal(attribute, cases[i].attribute);
	}
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		assert_null(profile_element(profiles_named(shipped, absent[i].profile),
					    text(absent[i].space), text(absent[i].name)));
}

/* Another kind of document is a file. */
static void any_doctype_can_be_added(void **state)
{
	struct fuda_mdoc_profiles *all = parse("fuda-mdoc-profile 1 # of tests\r\n"
					       "# a licence\n"
					       "profile\tlicence\n\n"
					       "  doctype jp.example.licence\n"
					       "namespace jp.example.1\n"
					       "element holder tstr name max=100\n"
					       "element number tstr licence_number min=4 max=4\n"
					       "element points uint points max=100 optional   # so "
					       "far\n"
					       "element active bool active\n"
					       "element mark bstr mark min=2 max=3\n"
					       "element since full-date since\n"
					       "element renewed tdate renewed\n"
					       "element city tstr local_gov_code digits=6\n"
					       "element adult bool age_over_18\n"
					       "element elder_NN bool age_over_NN ages=65,75\n"
					       "namespace jp.example.2\n"
					       "element holder tstr name");
	const struct profile *p;
	const struct element *e;
	char attribute[ATTRIBUTE_NAME_MAX];

	(void)state;
	assert_non_null(all);
	p = profile_find(all, text("jp.example.licence"), NULL);
	assert_non_null(p);
	assert_int_equal(p->element_count, 11);
	e = profile_element(p, text("jp.example.1"), text("points"));
	assert_true(e && e->optional && e->max == 100 && e->kind == ATTRIBUTE_OTHER);
	e = profile_element(p, text("jp.example.1"), text("number"));
	assert_true(e && !e->optional && e->min == 4 && e->max == 4);
	e = profile_element(p, text("jp.example.1"), text("city"));
	assert_true(e && e->digits == 6);
	e = profile_element(p, text("jp.example.1"), text("elder_70"));
	assert_true(e && e->age_count == 2 && e->ages[0] == 65 && e->ages[1] == 75);
	element_attribute(e, text("elder_70"), attribute);
	assert_string_equal(attribute, "age_over_70");
	e = profile_element(p, text("jp.example.1"), text("adult"));
	element_attribute(e, text("adult"), attribute);
	assert_string_equal(attribute, "age_over_18");
	assert_non_null(profile_element(p, text("jp.example.2"), text("holder")));
	fuda_mdoc_profiles_free(&all);
}

/* What is asked for has the name that the profile gives it. */
static void wishes_are_found_by_attributes(void **state)
{
	static const struct {
		const char *profile, *attribute, *space, *name; /* NULL: it has none */
	} cases[] = {
		{ "deployed-2025", "name", JAPAN, "full_name_unicode" },
		{ "deployed-2025", "sex", JAPAN, "sex_unicode" },
		{ "deployed-2025", "age_over_20", GLOBAL, "age_over_20" },
		{ "deployed-2025", "age_over_00", GLOBAL, "age_over_00" },
		{ "deployed-2025", "age_over_99", GLOBAL, "age_over_99" },
		{ "deployed-2025", "age_over_NN", NULL, NULL },
		{ "deployed-2025", "age_over_2", NULL, NULL },
		{ "deployed-2025", "nmae", NULL, NULL },
		{ "deployed", "name", NULL, NULL },
		{ "tender-r6", "age_over_20", GLOBAL, "age_over_20" },
		{ "tender-r6", "age_over_18", GLOBAL, "age_over_18" }, /* 20 may answer it */
		{ "p", "age_over_70", "s", "elder_70" },
		{ "p", "age_over_18", "s", "adult" },
		{ "p", "age_over_20", "s", "elder_20" },
		{ "p", "elder_70", NULL, NULL },
		{ "p", "name", NULL, NULL },
		{ "q", "age_over_18", "s", "adult" },
		{ "q", "age_over_20", NULL, NULL },
	};
	struct fuda_mdoc_profiles *all = NULL;
	struct fuda_mdoc_wish wish;

	(void)state;
	scratch_write("p",
		      HEAD "element elder_NN bool age_over_NN\nelement adult bool age_over_18\n",
		      0600);
	scratch_write("q",
		      "fuda-mdoc-profile 1\nprofile q\ndoctype d\nnamespace s\n"
		      "element adult bool age_over_18\n",
		      0600);
	assert_int_equal(fuda_mdoc_profiles_new(ctx, NULL, &all), 0);
	assert_int_equal(fuda_mdoc_profiles_add(ctx, all, scratch_path("p")), 0);
	assert_int_equal(fuda_mdoc_profiles_add(ctx, all, scratch_path("q")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int e = fuda_mdoc_wish_find(all, cases[i].profile, cases[i].attribute, &wish);

		if (e != (cases[i].name ? 0 : FUDA_ENOTFOUND))
			fail_msg("%s %s: %d", cases[i].profile, cases[i].attribute, e);
		if (e < 0)
			continue;
		assert_string_equal(wish.space, cases[i].space);
		assert_string_equal(wish.name, cases[i].name);
	}
	assert_string_equal(fuda_mdoc_profile_attribute(all, "p", 0), "age_over_NN");
	assert_string_equal(fuda_mdoc_profile_attribute(all, "p", 1), "age_over_18");
	assert_null(fuda_mdoc_profile_attribute(all, "p", 2));
	assert_null(fuda_mdoc_profile_attribute(all, "deployed", 0));
	fuda_mdoc_profiles_free(&all);
	unlink(scratch_path("p"));
	unlink(scratch_path("q"));
}

/* What an element is, whoever says it: each profile of its doctype. */
static void wishes_say_an_attribute(void **state)
{
	static const struct {
		struct fuda_mdoc_wish wish;
		const char *attribute;
		bool says;
	} cases[] = {
		{ { "d", "s", "tax_id", false }, "individual_number", true },
		{ { "d", "s", "tax_id", false }, "name", false },
		{ { "d", "s", "elder_70", false }, "age_over_70", true },
		{ { "d", "s", "elder_70", false }, "age_over_NN", false },
		{ { "d", "s", "label", false }, "name", true },
		{ { "d", "s", "label", false }, "individual_number", true },
		{ { "d", "s", "other", false }, "name", false },
		{ { "d", "t", "tax_id", false }, "individual_number", false },
		{ { "e", "s", "tax_id", false }, "individual_number", false },
		{ { MNC, JAPAN, "individual_number_unicode", false }, "individual_number", true },
	};
	struct fuda_mdoc_profiles *all = NULL;

	(void)state;
	scratch_write("p",
		      HEAD "element elder_NN bool age_over_NN\nelement label tstr name\n"
			   "element tax_id tstr individual_number\n",
		      0600);
	scratch_write("q",
		      "fuda-mdoc-profile 1\nprofile q\ndoctype d\nnamespace s\n"
		      "element label uint individual_number\n",
		      0600);
	assert_int_equal(fuda_mdoc_profiles_new(ctx, NULL, &all), 0);
	assert_int_equal(fuda_mdoc_profiles_add(ctx, all, scratch_path("p")), 0);
	assert_int_equal(fuda_mdoc_profiles_add(ctx, all, scratch_path("q")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (fuda_mdoc_wish_says(all, &cases[i].wish, cases[i].attribute) != cases[i].says)
			fail_msg("%s %s", cases[i].wish.name, cases[i].attribute);
	fuda_mdoc_profiles_free(&all);
	unlink(scratch_path("p"));
	unlink(scratch_path("q"));
}

static void faults_are_told_by_their_line(void **state)
{
	static const struct {
		const char *profile;
		unsigned line;
		const char *says;
	} cases[] = {
		{ "", 1, "begins with" },
		{ "profile p\n", 1, "begins with" },
		{ "fuda-mdoc-profile 2\n", 1, "begins with" },
		{ "fuda-mdoc-profile 1 1\n", 1, "begins with" },
		{ "\nfuda-mdoc-profile 1\n", 1, "begins with" },
		{ "fuda-mdoc-profile 1\ndoctype d\nnamespace s\nelement e tstr name", 4,
		  "\"profile\" is missing" },
		{ "fuda-mdoc-profile 1\nprofile p\nnamespace s\nelement e tstr name", 4,
		  "\"doctype\" is missing" },
		{ HEAD, 5, "no elements" },
		{ HEAD "profile q", 5, "\"profile\" is said twice" },
		{ HEAD "doctype q", 5, "\"doctype\" is said twice" },
		{ HEAD "something else", 5, "no statement \"something\"" },
		{ HEAD "namespace", 5, "not one word" },
		{ HEAD "namespace a b", 5, "not one word" },
		{ HEAD "namespace \xE3\x81\x82", 5, "cannot be a name" },
		{ "fuda-mdoc-profile 1\nelement e tstr name", 2, "none yet" },
		{ HEAD "element e tstr", 5, "a name, a type and an attribute" },
		{ HEAD "\n\nelement \x7F tstr name", 7, "cannot be a name" },
		{ HEAD "element e text name", 5, "no type \"text\"" },
		{ HEAD "element e tstr Name", 5, "name of an attribute" },
		{ HEAD "element e tstr 1name", 5, "name of an attribute" },
		{ HEAD "element e uint name", 5, "cannot be of the type uint" },
		{ HEAD "element e bool birth_date", 5, "cannot be of the type bool" },
		{ HEAD "element e full-date sex", 5, "cannot be of the type full-date" },
		{ HEAD "element e tstr portrait", 5, "cannot be of the type tstr" },
		{ HEAD "element e bstr portrait", 5, "cannot be of the type bstr" },
		{ HEAD "element e bstr-jpeg2000 picture", 5,
		  "cannot be of the type bstr-jpeg2000" },
		{ HEAD "element e uint age_over_20", 5, "cannot be of the type uint" },
		{ HEAD "element e bool age_in_years", 5, "cannot be of the type bool" },
		{ HEAD "element e bool age_over_NN", 5, "ends in NN" },
		{ HEAD "element e tstr name best=1", 5, "no constraint \"best\"" },
		{ HEAD "element e tstr name max", 5, "no constraint \"max\"" },
		{ HEAD "element e tstr name optional=yes", 5, "no constraint \"optional\"" },
		{ HEAD "element e tstr name max=", 5, "no number" },
		{ HEAD "element e tstr name max=-1", 5, "no number" },
		{ HEAD "element e tstr name max=5000", 5, "no number up to 4096" },
		{ HEAD "element e tstr name max=99999999999999999999", 5, "no number" },
		{ HEAD "element e bstr-jpeg2000 portrait max=131073", 5, "no number up to 131072" },
		{ HEAD "element e tstr name max=5 max=5", 5, "\"max\" is said twice" },
		{ HEAD "element e tstr name min=5 max=4", 5, "more than" },
		{ HEAD "element e tstr sex max=5", 5, "\"max\" says nothing" },
		{ HEAD "element e uint sex min=1", 5, "\"min\" says nothing" },
		{ HEAD "element e tstr name digits=5", 5, "\"digits\" says nothing" },
		{ HEAD "element e tstr local_gov_code digits=7", 5, "5 or 6" },
		{ HEAD "element e bool age_over_18 ages=20", 5, "\"ages\" says nothing" },
		{ HEAD "element e_NN bool age_over_NN ages=20,18", 5, "from the lowest" },
		{ HEAD "element e_NN bool age_over_NN ages=20,20", 5, "from the lowest" },
		{ HEAD "element e_NN bool age_over_NN ages=100", 5, "no number up to 99" },
		{ HEAD "element e_NN bool age_over_NN ages=", 5, "no number" },
		{ HEAD "element e tstr name\nelement e uint sex", 6, "there already" },
		{ HEAD "element a_NN bool age_over_NN\nelement a_20 bool age_over_20", 6,
		  "there already" },
		{ HEAD "element a_20 bool age_over_20\nelement a_NN bool age_over_NN", 6,
		  "there already" },
		{ HEAD "element e tstr name 1 2 3 4 5 6 7 8 9 10 11 12 13", 5, "too many words" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_mdoc_profiles *all = NULL;
		char where[128];

		scratch_write("one.profile", cases[i].profile, 0600);
		snprintf(where, sizeof(where), "%s/one.profile:%u: ", scratch, cases[i].line);
		if (fuda_mdoc_profiles_new(ctx, scratch, &all) != FUDA_EFORMAT || all ||
		    strncmp(fuda_context_message(ctx), where, strlen(where)) != 0 ||
		    !strstr(fuda_context_message(ctx), cases[i].says))
			fail_msg("%zu (%s): \"%s\"", i, cases[i].profile,
				 fuda_context_message(ctx));
	}
	unlink(scratch_path("one.profile"));
}

static void limits_are_kept(void **state)
{
	_cleanup_buf_ struct fuda_buf profile = FUDA_BUF_INIT(65536);
	struct fuda_mdoc_profiles *all;
	char line[300], name[200];

	(void)state;
	assert_int_equal(fuda_buf_append(&profile, HEAD, strlen(HEAD)), 0);
	for (unsigned i = 0; i < PROFILE_ELEMENTS_MAX + 1; i++) {
		snprintf(line, sizeof(line), "element e%u tstr name\n", i);
		assert_int_equal(fuda_buf_append(&profile, line, strlen(line)), 0);
		if (i + 1 < PROFILE_ELEMENTS_MAX)
			continue;
		assert_int_equal(fuda_buf_append(&profile, "", 1), 0);
		all = parse((const char *)profile.data);
		assert_true(i < PROFILE_ELEMENTS_MAX ? all != NULL : all == NULL);
		fuda_mdoc_profiles_free(&all);
		profile.len--;
	}
	for (int len = 126; len < 130; len++) {
		snprintf(name, sizeof(name), "%0*d", len, 0);
		snprintf(line, sizeof(line), HEAD "element e%s tstr name\n", name);
		all = parse(line);
		assert_true(len == 126 ? all != NULL : all == NULL);
		fuda_mdoc_profiles_free(&all);
	}
}

static void folders_have_each_profile_once(void **state)
{
	struct fuda_mdoc_profiles *all = NULL;

	(void)state;
	assert_int_equal(fuda_mdoc_profiles_new(ctx, scratch_path("nowhere"), &all), FUDA_EFILE);
	assert_int_equal(fuda_mdoc_profiles_new(ctx, scratch, &all), FUDA_EFILE);
	scratch_write("a.profile", HEAD "element e tstr name\n", 0600);
	scratch_write("b.profile.old", "no profile\n", 0600);
	scratch_write(".c.profile", "no profile\n", 0600);
	assert_int_equal(fuda_mdoc_profiles_new(ctx, scratch, &all), 0);
	assert_int_equal(profiles_count(all), 1);
	assert_int_equal(fuda_mdoc_profiles_add(ctx, all, scratch_path("a.profile")), FUDA_EEXISTS);
	assert_int_equal(fuda_mdoc_profiles_add(ctx, all, scratch_path("b.profile.old")),
			 FUDA_EFORMAT);
	assert_int_equal(fuda_mdoc_profiles_add(ctx, all, scratch_path("nothing")), FUDA_EFILE);
	assert_int_equal(profiles_count(all), 1);
	fuda_mdoc_profiles_free(&all);
	scratch_write("b.profile", HEAD "element e tstr name\n", 0600);
	assert_int_equal(fuda_mdoc_profiles_new(ctx, scratch, &all), FUDA_EEXISTS);
	unlink(scratch_path("a.profile"));
	unlink(scratch_path("b.profile"));
	unlink(scratch_path("b.profile.old"));
	unlink(scratch_path(".c.profile"));
}

/* The examples of fuda-mdoc-profile(5), in the order in which they stand there. */
static void examples_of_the_page_are_good(void **state)
{
	static const char *const names[] = { "library.profile", "holder" };
	const char *top = getenv("srcdir");
	char path[512], line[512], example[4096] = "";
	struct fuda_mdoc_profiles *all = NULL;
	struct fuda_mdoc_attributes *holder;
	struct element_set set = { 0 };
	size_t count = 0;
	bool inside = false;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/tools/fuda-mdoc-profile.5", top ? top : ".");
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, ".Ed", 3) == 0) {
			assert_true(count < ARRAY_SIZE(names));
			scratch_write(names[count++], example, 0600);
			inside = false;
			example[0] = 0;
		}
		if (inside)
			snprintf(example + strlen(example), sizeof(example) - strlen(example), "%s",
				 line);
		inside = inside || strncmp(line, ".Bd", 3) == 0;
	}
	fclose(f);
	assert_int_equal(count, ARRAY_SIZE(names));
	assert_int_equal(fuda_mdoc_attributes_new(ctx, &holder), 0);
	if (fuda_mdoc_profiles_new(ctx, scratch, &all) < 0 ||
	    fuda_mdoc_attributes_read(ctx, holder, scratch_path("holder")) < 0 ||
	    profile_elements(ctx, profiles_named(all, "library-card"), holder, 1795305600, &set) <
		    0)
		fail_msg("%s", fuda_context_message(ctx));
	assert_int_equal(set.count, 5);
	element_set_free(&set);
	fuda_mdoc_attributes_free(&holder);
	fuda_mdoc_profiles_free(&all);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(scratch_path(names[i]));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_of_the_library_are_found),
		cmocka_unit_test(elements_are_those_of_the_facts),
		cmocka_unit_test(any_doctype_can_be_added),
		cmocka_unit_test(wishes_are_found_by_attributes),
		cmocka_unit_test(wishes_say_an_attribute),
		cmocka_unit_test(faults_are_told_by_their_line),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(folders_have_each_profile_once),
		cmocka_unit_test(examples_of_the_page_are_good),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, profile_setup, profile_teardown);
}
