/* SPDX-License-Identifier: Apache-2.0 */
/* One certificate for each rule of mdoc.md 2.1, which breaks that and nothing else. */
#include "mdoc/cert-profile.h"

#include <stdlib.h>
#include <string.h>

#include "tests/cmocka.h"
#include "tests/mdoc-certs.h"
#include "tests/vectors.h"

static struct fuda_context *ctx;
static struct fuda_mdoc_findings findings;
static struct cert_profile profile;

/* From memory of exactly that size. Whether it could be read. */
static bool judge(enum cert_role role, const uint8_t *der, size_t len)
{
	struct fuda_cert *cert = NULL;
	uint8_t *exact = malloc(len ? len : 1);
	bool read;

	assert_non_null(exact);
	if (len)
		memcpy(exact, der, len);
	memset(&findings, 0, sizeof(findings));
	assert_int_equal(cert_profile_judge(ctx, role, cur_of(exact, len), &findings, &profile,
					    &cert),
			 0);
	free(exact);
	read = cert != NULL;
	fuda_cert_free(&cert);
	assert_true(read || findings.count);
	return read;
}

static void judge_plan(enum cert_role role, const struct cert_plan *plan)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	cert_make(plan, &der);
	judge(role, der.data, der.len);
}

static void assert_good(enum cert_role role)
{
	if (findings.count)
		fail_msg("%s: %s (%s)", cert_role_name(role),
			 fuda_mdoc_rule_name(findings.found[0].rule), findings.found[0].detail);
}

static void assert_one(enum cert_role role, enum fuda_mdoc_rule rule, const char *what)
{
	for (size_t i = 0; i < findings.count; i++)
		if (findings.found[i].rule != rule)
			fail_msg("%s, %s: %s instead of %s", cert_role_name(role), what,
				 fuda_mdoc_rule_name(findings.found[i].rule),
				 fuda_mdoc_rule_name(rule));
	if (findings.count != 1)
		fail_msg("%s, %s: %zu times %s", cert_role_name(role), what, findings.count,
			 fuda_mdoc_rule_name(rule));
	assert_string_equal(findings.found[0].of, cert_role_name(role));
}

static void good_ones(void **state)
{
	static const char *const purposes[CERT_ROLES] = {
		[CERT_ROOT] = "",
		[CERT_LINK] = "",
		[CERT_DS] = "1.0.18013.5.1.2",
		[CERT_READER] = "1.0.18013.5.1.6",
		[CERT_READER_CA] = "",
	};

	(void)state;
	for (enum cert_role role = 0; role < CERT_ROLES; role++) {
		struct cert_plan plan = plan_mdoc(role);

		judge_plan(role, &plan);
		assert_good(role);
		assert_string_equal(profile.purpose, purposes[role]);
		assert_string_equal(profile.country, role == CERT_READER_CA ? "" : "JP");
		if (role != CERT_DS && role != CERT_READER)
			assert_int_equal(profile.path_length, 0);
	}
}

/* ---- one change each ---- */

enum {
	ROOT = 1 << CERT_ROOT,
	LINK = 1 << CERT_LINK,
	DS = 1 << CERT_DS,
	READER = 1 << CERT_READER,
	READER_CA = 1 << CERT_READER_CA,
	IACA = ROOT | LINK,
	CAS = IACA | READER_CA,
	LEAVES = DS | READER,
	ALL = CAS | LEAVES,
};

#define RULE(name)                     FUDA_MDOC_CERTIFICATE_##name
#define GOOD                           FUDA_MDOC_NONE
#define CRITICAL_EXTENSION(oid, value) "30{<" oid ">0101FF04{" value "}}"
#define EXTENSION(oid, value)          "30{<" oid ">04{" value "}}"
#define NAME(attributes)               "30{" attributes "}"
#define ATTRIBUTE(oid, value)          "31{30{<2.5.4." oid ">" value "}}"
#define DAYS(from, to)                 "30{17{'" from "000000Z'}17{'" to "000000Z'}}"

static const struct change {
	enum fuda_mdoc_rule rule;
	unsigned roles;
	enum cert_field field;
	const char *notation;
} changes[] = {
	/* version: v1, v2, v4 */
	{ RULE(VERSION), ALL, F_VERSION, "" },
	{ RULE(VERSION), ALL, F_VERSION, "A0{020101}" },
	{ RULE(VERSION), ALL, F_VERSION, "A0{020103}" },
	/* serial number */
	{ RULE(SERIAL), ALL, F_SERIAL, "020100" },
	{ RULE(SERIAL), ALL, F_SERIAL, "02{80112233445566778899}" },
	{ RULE(SERIAL), ALL, F_SERIAL,
	  "02{5A1000000000000000000000000000000000000001}" }, /* 21 octets */
	{ RULE(SERIAL), ALL, F_SERIAL,
	  "02{00FA10000000000000000000000000000000000001}" }, /* with its sign */
	{ GOOD, ALL, F_SERIAL, "02{7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF}" },
	{ RULE(SERIAL_SHORT), ROOT | LINK | LEAVES, F_SERIAL, "020101" },
	{ RULE(SERIAL_SHORT), ROOT | LINK | LEAVES, F_SERIAL, "02{112233445566}" },
	{ RULE(SERIAL_SHORT), ROOT | LINK | LEAVES, F_SERIAL, "02{00FFEEDDCCBBAA}" },
	{ GOOD, ALL, F_SERIAL, "02{11223344556677}" },
	{ GOOD, READER_CA, F_SERIAL, "020101" },
	/* algorithms */
	{ RULE(ALGORITHM), ALL, F_ALGORITHM, "30{<1.2.840.10045.4.1>}" },   /* ECDSA with SHA-1 */
	{ RULE(ALGORITHM), ALL, F_ALGORITHM, "30{<1.2.840.10045.4.3.1>}" }, /* SHA-224 */
	{ RULE(ALGORITHM), ALL, F_ALGORITHM, "30{<1.2.840.113549.1.1.11>0500}" }, /* RSA */
	{ RULE(ALGORITHM), ALL, F_ALGORITHM, "30{<1.2.840.10045.4.3.2>0500}" },
	{ RULE(ALGORITHM), IACA | DS, F_ALGORITHM, ED25519 },
	{ GOOD, READER | READER_CA, F_ALGORITHM, ED25519 },
	{ GOOD, ALL, F_ALGORITHM, ECDSA_SHA384 },
	{ GOOD, ALL, F_ALGORITHM, ECDSA_SHA512 },
	{ RULE(ALGORITHMS_DIFFER), ALL, F_OUTER_ALGORITHM, ECDSA_SHA384 },
	{ RULE(ALGORITHMS_DIFFER), ALL, F_OUTER_ALGORITHM, "30{<1.2.840.10045.4.3.2>0500}" },
	/* names */
	{ RULE(COUNTRY), DS, F_SUBJECT, NAME(ATTRIBUTE("3", "0C{'DS'}")) },
	{ RULE(COUNTRY), LEAVES, F_SUBJECT,
	  NAME(ATTRIBUTE("6", "0C{'JP'}") ATTRIBUTE("3", "0C{'DS'}")) },
	{ RULE(COUNTRY), LEAVES, F_SUBJECT,
	  NAME(ATTRIBUTE("6", "13{'jp'}") ATTRIBUTE("3", "0C{'DS'}")) },
	{ RULE(COUNTRY), LEAVES, F_SUBJECT,
	  NAME(ATTRIBUTE("6", "13{'JPN'}") ATTRIBUTE("3", "0C{'DS'}")) },
	{ RULE(COUNTRY), LEAVES, F_SUBJECT,
	  NAME(ATTRIBUTE("6", "13{'J1'}") ATTRIBUTE("3", "0C{'DS'}")) },
	{ RULE(COUNTRY), LEAVES, F_SUBJECT,
	  NAME(ATTRIBUTE("6", "13{'JP'}") ATTRIBUTE("6", "13{'US'}") ATTRIBUTE("3", "0C{'DS'}")) },
	{ GOOD, READER, F_SUBJECT, NAME(ATTRIBUTE("3", "0C{'reader'}")) },
	{ RULE(COMMON_NAME), LEAVES, F_SUBJECT,
	  NAME(ATTRIBUTE("6", "13{'JP'}") ATTRIBUTE("10", "0C{'DS'}")) },
	{ RULE(COMMON_NAME), LEAVES, F_SUBJECT,
	  NAME(ATTRIBUTE("6", "13{'JP'}") ATTRIBUTE("3", "0C{}")) },
	{ RULE(NAME_FORM), LEAVES, F_SUBJECT,
	  NAME(ATTRIBUTE("6", "13{'JP'}") ATTRIBUTE("3", "16{'DS'}")) }, /* IA5String */
	{ RULE(NAME_FORM), LEAVES, F_SUBJECT,
	  NAME(ATTRIBUTE("6", "13{'JP'}") ATTRIBUTE("3", "0C{'DS'}")
		       ATTRIBUTE("10", "14{'T'}")) }, /* Teletex */
	{ RULE(NAME_FORM), LEAVES, F_SUBJECT,
	  NAME("31{30{<2.5.4.6>13{'JP'}}}31{30{<2.5.4.3>13{'DS'}}30{<2.5.4.10>1E{0044}}"
	       "}") }, /* BMPString */
	{ GOOD, LEAVES, F_SUBJECT,
	  NAME("31{30{<2.5.4.3>13{'DS'}}30{<2.5.4.10>0C{E69DB1E4BAAC}}}31{30{<2.5.4.6>13{'JP'}}"
	       "}") },
	{ RULE(SELF_ISSUED), IACA, F_ISSUER, DS_NAME },
	{ RULE(SELF_ISSUED), IACA, F_ISSUER, /* the same text in another string type */
	  "30{31{30{<2.5.4.6>13{'JP'}}}31{30{<2.5.4.10>0C{E38386E382B9E38388}}}"
	  "31{30{<2.5.4.3>13{'Test IACA'}}}}" },
	{ GOOD, READER_CA, F_ISSUER, DS_NAME },
	/* validity */
	{ RULE(VALIDITY), ALL, F_VALIDITY, DAYS("261002", "261001") },
	{ GOOD, ALL, F_VALIDITY, DAYS("261001", "261001") },
	{ RULE(VALIDITY_LONG), IACA, F_VALIDITY, DAYS("260101", "460102") },
	{ GOOD, CAS, F_VALIDITY, DAYS("260101", "460101") },
	{ GOOD, READER_CA, F_VALIDITY, "30{17{'260101000000Z'}18{'20660101000000Z'}}" },
	{ RULE(VALIDITY_LONG), DS, F_VALIDITY, DAYS("260101", "270404") },
	{ RULE(VALIDITY_LONG), DS, F_VALIDITY, "30{17{'260101000000Z'}17{'270403000001Z'}}" },
	{ GOOD, DS, F_VALIDITY, DAYS("260101", "270403") }, /* 457 days */
	{ RULE(VALIDITY_LONG), READER, F_VALIDITY, DAYS("260101", "290403") },
	{ GOOD, READER, F_VALIDITY, DAYS("260101", "290402") }, /* 1187 days */
	/* forbidden extensions */
	{ RULE(FORBIDDEN), ALL, F_EXTRA, EXTENSION("2.5.29.33", "30{30{<1.2.3><1.2.4>}}") },
	{ RULE(FORBIDDEN), ALL, F_EXTRA,
	  CRITICAL_EXTENSION("2.5.29.30", "30{A0{30{30{82{'jp'}}}}}") },
	{ RULE(FORBIDDEN), ALL, F_EXTRA, CRITICAL_EXTENSION("2.5.29.36", "30{800100}") },
	{ RULE(FORBIDDEN), ALL, F_EXTRA, CRITICAL_EXTENSION("2.5.29.54", "020100") },
	{ RULE(FORBIDDEN), ALL, F_EXTRA, EXTENSION("2.5.29.46", "30{" CRL_URI "}") },
	/* further ones, and which are critical */
	{ GOOD, ALL, F_EXTRA, EXTENSION("1.2.3.4", "0500") },
	{ RULE(CRITICAL), ALL, F_EXTRA, CRITICAL_EXTENSION("1.2.3.4", "0500") },
	{ RULE(CRITICAL), ALL, F_EXTRA, CRITICAL_EXTENSION("2.5.29.17", "30{81{'x@example.jp'}}") },
	{ RULE(CRITICAL), IACA | DS, F_IAN,
	  CRITICAL_EXTENSION("2.5.29.18", "30{81{'x@example.jp'}}") },
	{ RULE(CRITICAL), IACA | LEAVES, F_CRL_POINTS,
	  CRITICAL_EXTENSION("2.5.29.31", "30{" CRL_URI "}") },
	{ RULE(NOT_CRITICAL), CAS, F_KU, EXTENSION("2.5.29.15", "03020106") },
	{ RULE(NOT_CRITICAL), LEAVES, F_KU, EXTENSION("2.5.29.15", "03020780") },
	{ RULE(NOT_CRITICAL), CAS, F_BC, EXTENSION("2.5.29.19", "30{0101FF020100}") },
	{ RULE(NOT_CRITICAL), DS, F_EKU, EXTENSION("2.5.29.37", "30{<1.0.18013.5.1.2>}") },
	{ RULE(NOT_CRITICAL), READER, F_EKU, EXTENSION("2.5.29.37", "30{<1.0.18013.5.1.6>}") },
	/* key identifiers */
	{ RULE(SUBJECT_KEY_ID), ALL, F_SKI, "" },
	{ RULE(SUBJECT_KEY_ID), IACA | LEAVES, F_SKI,
	  EXTENSION("2.5.29.14", "04{0102030405060708}") },
	{ GOOD, READER_CA, F_SKI, EXTENSION("2.5.29.14", "04{0102030405060708}") },
	{ RULE(AUTHORITY_KEY_ID), LINK | LEAVES, F_AKI, "" },
	{ RULE(AUTHORITY_KEY_ID), LINK | LEAVES, F_AKI,
	  EXTENSION("2.5.29.35", "30{A1{82{'x'}}820101}") },
	{ RULE(AUTHORITY_KEY_ID), ROOT, F_AKI, EXTENSION("2.5.29.35", "30{80{0102030405060708}}") },
	{ GOOD, READER_CA, F_AKI, EXTENSION("2.5.29.35", "30{80{0102030405060708}}") },
	/* key usage */
	{ RULE(KEY_USAGE), ALL, F_KU, "" },
	{ RULE(KEY_USAGE), CAS, F_KU, KEY_USAGE("03020102") },  /* CRLs only */
	{ RULE(KEY_USAGE), IACA, F_KU, KEY_USAGE("03020204") }, /* certificates only */
	{ RULE(KEY_USAGE), IACA, F_KU, KEY_USAGE("03020186") }, /* and signatures */
	{ GOOD, READER_CA, F_KU, KEY_USAGE("03020204") },
	{ GOOD, READER_CA, F_KU, KEY_USAGE("03020186") },
	{ RULE(KEY_USAGE), LEAVES, F_KU, KEY_USAGE("030206C0") }, /* and nonRepudiation */
	{ RULE(KEY_USAGE), LEAVES, F_KU, KEY_USAGE("03020640") },
	{ RULE(KEY_USAGE), LEAVES, F_KU, KEY_USAGE("03020106") },
	/* basic constraints */
	{ RULE(NOT_CA), CAS, F_BC, "" },
	{ RULE(NOT_CA), CAS, F_BC, CONSTRAINTS("") },
	{ RULE(NOT_CA), CAS, F_BC, CONSTRAINTS("010100") },
	{ RULE(CONSTRAINTS), LEAVES, F_BC, CONSTRAINTS("") },
	{ RULE(CONSTRAINTS), LEAVES, F_BC, EXTENSION("2.5.29.19", "30{}") },
	{ RULE(CONSTRAINTS), LEAVES, F_BC, CONSTRAINTS("0101FF020100") },
	{ RULE(PATH_LENGTH), IACA, F_BC, CONSTRAINTS("0101FF") },
	{ RULE(PATH_LENGTH), IACA, F_BC, CONSTRAINTS("0101FF020101") },
	{ GOOD, READER_CA, F_BC, CONSTRAINTS("0101FF") },
	/* extended key usage */
	{ RULE(NO_PURPOSE), LEAVES, F_EKU, "" },
	{ RULE(PURPOSE), LEAVES, F_EKU, PURPOSE("<1.0.18013.5.1.2><1.0.18013.5.1.6>") },
	{ RULE(CA_PURPOSE), IACA, F_EKU, PURPOSE("<1.0.18013.5.1.2>") },
	{ RULE(CA_PURPOSE), ROOT, F_EKU, PURPOSE("<1.0.18013.5.1.4>") },
	{ GOOD, LINK, F_EKU, PURPOSE("<1.0.18013.5.1.4>") },
	{ GOOD, READER_CA, F_EKU, PURPOSE("<1.0.18013.5.1.6>") },
	/* places */
	{ RULE(ISSUER_ALT_NAME), IACA | DS, F_IAN, "" },
	{ GOOD, READER | READER_CA, F_IAN, "" },
	{ RULE(ISSUER_ALT_NAME), IACA | LEAVES, F_IAN, ISSUER_ALT("82{'example.jp'}") },
	{ RULE(ISSUER_ALT_NAME), IACA | LEAVES, F_IAN, ISSUER_ALT("81{}") },
	{ RULE(ISSUER_ALT_NAME), IACA | LEAVES, F_IAN, ISSUER_ALT("") },
	{ GOOD, ALL, F_IAN, ISSUER_ALT("82{'example.jp'}86{'https://example.jp/'}") },
	{ RULE(CRL_POINT), IACA | DS, F_CRL_POINTS, "" },
	{ GOOD, READER | READER_CA, F_CRL_POINTS, "" },
	{ RULE(CRL_POINT), IACA | LEAVES, F_CRL_POINTS, CRL_POINTS_AT("") },
	{ RULE(CRL_POINT), IACA | LEAVES, F_CRL_POINTS, CRL_POINTS_AT("30{}") },
	{ RULE(CRL_POINT), IACA | LEAVES, F_CRL_POINTS,
	  CRL_POINTS_AT("30{A0{A0{A4{" DS_NAME "}}}}") },
	{ RULE(CRL_POINT), IACA | LEAVES, F_CRL_POINTS,
	  CRL_POINTS_AT("30{A0{A1{30{<2.5.4.3>0C{'x'}}}}}") },
	{ RULE(CRL_POINT), IACA | LEAVES, F_CRL_POINTS,
	  CRL_POINTS_AT("30{A0{A0{86{'http://crl.example.jp/'}}}81020106}") }, /* some reasons */
	{ RULE(CRL_POINT), IACA | LEAVES, F_CRL_POINTS,
	  CRL_POINTS_AT("30{A0{A0{86{'http://crl.example.jp/'}}}A2{A4{" DS_NAME
			"}}}") }, /* another issuer */
	{ RULE(CRL_POINT), IACA | LEAVES, F_CRL_POINTS, CRL_POINTS_AT(CRL_URI "30{82{'x'}}") },
	{ GOOD, ALL, F_CRL_POINTS, CRL_POINTS_AT(CRL_URI CRL_URI) },
	{ GOOD, ALL, F_CRL_POINTS,
	  CRL_POINTS_AT("30{A0{A0{82{'example.com'}}}}") }, /* as in Annex D */
	/* what is no certificate */
	{ RULE(MALFORMED), ALL, F_VALIDITY, "30{17{'2610010000Z'}17{'270101000000Z'}}" },
	{ RULE(MALFORMED), ALL, F_BEHIND, "0500" },
	{ RULE(MALFORMED), ALL, F_SIGNATURE, "03{01$}" },
	{ RULE(MALFORMED), ALL, F_SIGNATURE, "" },
	{ RULE(MALFORMED), ALL, F_EXTRA, EXTENSION("2.5.29.14", "04{01}") }, /* twice */
	{ RULE(MALFORMED), ALL, F_EXTRA, EXTENSION("1.2.3", "0500") EXTENSION("1.2.3", "0500") },
};

static void one_change_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		for (enum cert_role role = 0; role < CERT_ROLES; role++) {
			const struct change *change = &changes[i];
			struct cert_plan plan = plan_mdoc(role);

			if (!(change->roles & 1u << role))
				continue;
			plan.field[change->field] = change->notation;
			judge_plan(role, &plan);
			if (change->rule == GOOD)
				assert_good(role);
			else
				assert_one(role, change->rule, change->notation);
		}
}

/* The names of a root are its issuer's too. */
static void roots_with_other_names(void **state)
{
	static const struct {
		enum fuda_mdoc_rule rule;
		const char *name;
	} names[] = {
		{ RULE(COUNTRY), NAME(ATTRIBUTE("3", "0C{'IACA'}")) },
		{ RULE(COUNTRY), NAME(ATTRIBUTE("6", "13{'Jp'}") ATTRIBUTE("3", "0C{'IACA'}")) },
		{ RULE(COMMON_NAME), NAME(ATTRIBUTE("6", "13{'JP'}")) },
		{ RULE(NAME_FORM), NAME(ATTRIBUTE("6", "13{'JP'}") ATTRIBUTE("3", "16{'IACA'}")) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (enum cert_role role = CERT_ROOT; role <= CERT_LINK; role++) {
			struct cert_plan plan = plan_mdoc(role);

			plan.field[F_SUBJECT] = plan.field[F_ISSUER] = names[i].name;
			judge_plan(role, &plan);
			assert_one(role, names[i].rule, names[i].name);
		}
}

static void keys(void **state)
{
	static const struct {
		enum test_key key;
		unsigned bad; /* roles that must not have it */
	} kinds[] = {
		{ KEY_EC, 0 },        { KEY_P384, 0 },       { KEY_P521, 0 },
		{ KEY_BRAINPOOL, 0 }, { KEY_ED25519, IACA }, { KEY_HOLDER, ALL }, /* RSA */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (enum cert_role role = 0; role < CERT_ROLES; role++) {
			struct cert_plan plan = plan_mdoc(role);

			plan.key = kinds[i].key;
			plan.field[F_SKI] = mdoc_ski(kinds[i].key);
			judge_plan(role, &plan);
			if (kinds[i].bad & 1u << role)
				assert_one(role, RULE(KEY), "key");
			else
				assert_good(role);
		}
}

/* A point in the short form, and one on a curve that is not accepted. */
static void other_points(void **state)
{
	(void)state;
	for (enum cert_role role = 0; role < CERT_ROLES; role++) {
		struct cert_plan plan = plan_mdoc(role);

		plan.field[F_SKI] =
			EXTENSION("2.5.29.14", "04{67F94AC1CF094805FAE82A39C210B6816C5C62A5}");
		plan.field[F_KEY] =
			"30{30{<1.2.840.10045.2.1><1.2.840.10045.3.1.7>}"
			"03{0002AABBCCDDAABBCCDDAABBCCDDAABBCCDDAABBCCDDAABBCCDDAABBCCDDAABBCCDD}}";
		judge_plan(role, &plan);
		assert_one(role, RULE(POINT), "compressed");
		/* secp256k1 */
		plan.field[F_SKI] =
			EXTENSION("2.5.29.14", "04{CA0BE3CBFF0C8D21C9F18C7217E5D2E0A1F707B4}");
		plan.field[F_KEY] = "30{30{<1.2.840.10045.2.1><1.3.132.0.10>}0304000401FF}";
		judge_plan(role, &plan);
		assert_one(role, RULE(KEY), "secp256k1");
	}
}

/* A rule says what it is that breaks it. */
static void details(void **state)
{
	static const struct {
		enum cert_field field;
		const char *notation, *detail;
	} wrong[] = {
		{ F_EXTRA, EXTENSION("2.5.29.33", "30{30{<1.2.3><1.2.4>}}"), "policy mappings" },
		{ F_EXTRA, CRITICAL_EXTENSION("1.2.3.4", "0500"), "1.2.3.4" },
		{ F_KU, EXTENSION("2.5.29.15", "03020780"), "key usage" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct cert_plan plan = plan_mdoc(CERT_DS);

		plan.field[wrong[i].field] = wrong[i].notation;
		judge_plan(CERT_DS, &plan);
		assert_string_equal(findings.found[0].detail, wrong[i].detail);
	}
}

/* Cut anywhere, and with anything behind it, it is none. */
static void damaged(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct cert_plan plan = plan_mdoc(CERT_DS);

	(void)state;
	cert_make(&plan, &der);
	for (size_t len = 0; len < der.len; len++) {
		assert_false(judge(CERT_DS, der.data, len));
		assert_one(CERT_DS, RULE(MALFORMED), "cut");
	}
	assert_int_equal(fuda_buf_append(&der, "", 1), 0);
	assert_false(judge(CERT_DS, der.data, der.len));
	assert_one(CERT_DS, RULE(MALFORMED), "longer");
}

/* What others take for a document signer: mdoc.md 5. */
static void wrongly_accepted(void **state)
{
	struct cert_plan plan = plan_mdoc(CERT_ROOT);
	bool constraints = false, usage = false;

	(void)state;
	judge_plan(CERT_DS, &plan);
	for (size_t i = 0; i < findings.count; i++) {
		constraints |= findings.found[i].rule == RULE(CONSTRAINTS);
		usage |= findings.found[i].rule == RULE(KEY_USAGE);
	}
	assert_true(constraints && usage);
}

static void annex_d(void **state)
{
	static const struct {
		const char *name;
		enum cert_role role;
	} given[] = {
		{ "annexd_iaca_root_cert", CERT_ROOT },
		{ "annexd_ds_cert", CERT_DS },
		{ "annexd_reader_root_cert", CERT_READER_CA },
		{ "annexd_reader_cert", CERT_READER },
	};

	(void)state;
	vectors_or_skip();
	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		struct cursor der = vector(given[i].name);

		assert_true(judge(given[i].role, der.p, der.left));
		assert_good(given[i].role);
	}
}

static int setup(void **state)
{
	(void)state;
	return fuda_context_new(&ctx);
}

static int teardown(void **state)
{
	(void)state;
	fuda_context_free(&ctx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(one_change_each),
		cmocka_unit_test(roots_with_other_names),
		cmocka_unit_test(keys),
		cmocka_unit_test(other_points),
		cmocka_unit_test(details),
		cmocka_unit_test(damaged),
		cmocka_unit_test(wrongly_accepted),
		cmocka_unit_test(annex_d),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
