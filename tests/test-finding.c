/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/finding.h"

#include <string.h>

#include "tests/cmocka.h"

static const char *shown(const char *detail, size_t len)
{
	static struct fuda_mdoc_findings findings;

	memset(&findings, 0, sizeof(findings));
	finding_add(&findings, FUDA_MDOC_ISSUER_UNKNOWN, "ds", detail, len);
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.found[0].rule, FUDA_MDOC_ISSUER_UNKNOWN);
	assert_string_equal(findings.found[0].of, "ds");
	return findings.found[0].detail;
}

static void details(void **state)
{
	static const char wide[] = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほま"
				   "み";

	(void)state;
	assert_string_equal(shown("", 0), "");
	assert_string_equal(shown("resident_address_unicode", 24), "resident_address_unicode");
	assert_string_equal(shown("氏名", 6), "氏名");
	/* what a terminal would obey, and what is no text */
	assert_string_equal(shown("a\x1b[2Jb", 6), "a\\1B[2Jb");
	assert_string_equal(shown("a\0b", 3), "a\\00b");
	assert_string_equal(shown("\xe2\x80\xae"
				  "x",
				  4),
			    "\\E2\\80\\AEx");
	assert_string_equal(shown("x\xff\xc3", 3), "x\\FF\\C3");
	/* cut between characters */
	assert_int_equal(strlen(shown(wide, sizeof(wide) - 1)), 93);
	assert_memory_equal(shown(wide, sizeof(wide) - 1), wide, 93);
}

static void full(void **state)
{
	struct fuda_mdoc_findings findings = { 0 };

	(void)state;
	for (size_t i = 0; i < FUDA_MDOC_FINDINGS_MAX + 3; i++)
		finding_add(&findings, FUDA_MDOC_CRL_MISSING, "crl", "", 0);
	assert_int_equal(findings.count, FUDA_MDOC_FINDINGS_MAX);
	assert_int_equal(findings.missed, 3);
}

/* Each has a name of its own, in full, a check, and a text; those about certificates a result that
 * is not "ok". */
static void rules(void **state)
{
	unsigned remarks = 0;

	(void)state;
	for (int i = FUDA_MDOC_NONE + 1; i < FUDA_MDOC_RULES; i++) {
		const char *name = fuda_mdoc_rule_name((enum fuda_mdoc_rule)i);

		assert_true(strlen(name) > 3 && strlen(name) < 40);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789"),
				 strlen(name));
		assert_non_null(strchr("CR", fuda_mdoc_rule_check((enum fuda_mdoc_rule)i)[0]));
		assert_true(strlen(fuda_mdoc_rule_text((enum fuda_mdoc_rule)i)) > 20);
		if (fuda_mdoc_rule_result((enum fuda_mdoc_rule)i) == FUDA_RESULT_OK)
			remarks++;
		for (int other = i + 1; other < FUDA_MDOC_RULES; other++)
			assert_string_not_equal(name,
						fuda_mdoc_rule_name((enum fuda_mdoc_rule)other));
	}
	/* what refuses nothing: an unknown state that is let pass, a document that is not shown, an
	 * element that nobody asked for */
	assert_int_equal(remarks, 3);
	assert_string_equal(fuda_mdoc_rule_name(FUDA_MDOC_CERTIFICATE_KEY_USAGE), "certificate_key_"
										  "usage");
	assert_string_equal(fuda_mdoc_rule_check(FUDA_MDOC_CERTIFICATE_REVOKED), "C6");
	assert_int_equal(fuda_mdoc_rule_result(FUDA_MDOC_CERTIFICATE_REVOKED),
			 FUDA_RESULT_CERTIFICATE_REVOKED);
	assert_string_equal(fuda_mdoc_rule_text(FUDA_MDOC_NONE), "");
	assert_string_equal(fuda_mdoc_rule_name(FUDA_MDOC_RULES), "");
}

/* No flood of remarks hides what is wrong. */
static void remarks_give_way(void **state)
{
	struct fuda_mdoc_findings all = { 0 };

	(void)state;
	for (size_t i = 0; i < FUDA_MDOC_FINDINGS_MAX + 8; i++)
		finding_add(&all, FUDA_MDOC_ELEMENT_NOT_REQUESTED, "", "", 0);
	for (size_t i = 0; i < 2; i++)
		finding_add(&all, FUDA_MDOC_DIGEST_MISMATCH, "", "", 0);
	assert_int_equal(all.count, FUDA_MDOC_FINDINGS_MAX);
	assert_int_equal(all.missed, 10);
	assert_int_equal(all.found[0].rule, FUDA_MDOC_DIGEST_MISMATCH);
	assert_int_equal(all.found[1].rule, FUDA_MDOC_DIGEST_MISMATCH);
	assert_int_equal(all.found[2].rule, FUDA_MDOC_ELEMENT_NOT_REQUESTED);
}

/* A name that ends where a string would is not taken for a shorter one. */
static void names(void **state)
{
	static const struct {
		const char *name, *shown;
		size_t len;
	} all[] = {
		{ "mdoc\0evil", "mdoc\\00evil", 9 },
		{ "a\\00", "a\\5C00", 4 },
		{ "\x1B[m\xC2\x85", "\\1B[m\\C2\\85", 5 },
		{ "\xFF"
		  "札",
		  "\\FF札", 4 },
		{ "", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_buf_ struct fuda_buf shown = FUDA_BUF_INIT(64);
		const struct fuda_mdoc_span name = { (const uint8_t *)all[i].name, all[i].len };

		assert_int_equal(fuda_mdoc_name_text(name, &shown), 0);
		assert_int_equal(fuda_buf_append(&shown, "", 1), 0);
		assert_string_equal(shown.data, all[i].shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(details),
		cmocka_unit_test(full),
		cmocka_unit_test(remarks_give_way),
		cmocka_unit_test(rules),
		cmocka_unit_test(names),
	};

	return RUN(tests);
}
