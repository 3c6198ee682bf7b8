/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation: one list for each rule of mdoc.md 2.2, which breaks that and nothing else; and when a
 * list counts. */
#include "mdoc/issuer-list.h"

#include <fuda/encode.h>
#include <stdio.h>

#include "mdoc/revocation.h"
#include "mdoc/trust.h"
#include "tests/mdoc-stand.h"

#define EXTENSION(oid, value) "30{<" oid ">04{" value "}}"

static int add_plan(const struct crl_plan *plan)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	crl_make(plan, &der);
	return fuda_mdoc_trust_add_crl(trust, der.data, der.len);
}

static struct crl_plan plan_with(const char *serial)
{
	static char entries[256];
	struct crl_plan plan = plan_iaca_crl();

	snprintf(entries, sizeof(entries), CRL_ENTRY("05") CRL_ENTRY("%s"), serial);
	plan.field[L_ENTRIES] = entries;
	return plan;
}

/* ---- the profile ---- */

#define RULE(name) FUDA_MDOC_CRL_##name
static const struct change {
	enum fuda_mdoc_rule rule; /* FUDA_MDOC_NONE: none */
	enum crl_field field;
	const char *notation;
} changes[] = {
	{ RULE(VERSION), L_VERSION, "" },
	{ RULE(VERSION), L_VERSION, "020102" },
	{ RULE(ALGORITHMS_DIFFER), L_OUTER_ALGORITHM, ECDSA_SHA256 "" },
	{ RULE(ISSUER), L_ISSUER, DS_NAME },
	{ RULE(ISSUER), L_ISSUER,
	  "30{31{30{<2.5.4.6>13{'JP'}}}31{30{<2.5.4.10>0C{E38386E382B9E38388}}}31{30{<2.5.4.3>13{'"
	  "Test IACA'}}}}" },
	{ RULE(NEXT_UPDATE), L_NEXT, "" },
	{ RULE(PERIOD), L_NEXT, "17{'261101000000Z'}" },
	{ RULE(PERIOD), L_NEXT, "17{'270130000001Z'}" },
	{ FUDA_MDOC_NONE, L_NEXT, "17{'270130000000Z'}" }, /* 90 days */
	{ FUDA_MDOC_NONE, L_ENTRIES, "" },
	{ RULE(AUTHORITY_KEY_ID), L_AKI, "" },
	{ RULE(NUMBER), L_NUMBER, "" },
	{ RULE(EXTENSION), L_EXTRA, EXTENSION("1.2.3", "0500") },
	{ RULE(EXTENSION), L_EXTRA, CRL_POINT("8101FF") }, /* of persons' certificates only */
	{ RULE(EXTENSION), L_EXTRA, "30{<2.5.29.27>0101FF04{020101}}" }, /* of differences */
	{ RULE(EXTENSION), L_EXTRA, EXTENSION("2.5.29.18", "30{81{'iaca@example.jp'}}") },
	{ RULE(ENTRY_EXTENSION), L_ENTRIES, CRL_ENTRY("05") CRL_REASON("07", "01") },
};

/* Such a list clears nobody, in either way; nothing is looked up if that is not wanted. */
static void one_change_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct crl_plan plan = plan_iaca_crl();

		if (changes[i].rule == RULE(ALGORITHMS_DIFFER)) /* what is signed says another */
			plan.field[L_ALGORITHM] = ECDSA_SHA384;
		plan.field[changes[i].field] = changes[i].notation;
		stand_teardown(state);
		stand_setup(state);
		assert_int_equal(add_plan(&plan), 0);
		for (policy.crl = FUDA_MDOC_CRL_SOFT; policy.crl <= FUDA_MDOC_CRL_HARD;
		     policy.crl++) {
			judge_ds();
			if (changes[i].rule == FUDA_MDOC_NONE) {
				assert_good();
				assert_int_equal(verdict.revocation, FUDA_REVOCATION_GOOD);
			} else {
				if (policy.crl == FUDA_MDOC_CRL_HARD)
					assert_found(changes[i].rule, "crl");
				else
					assert_found(FUDA_MDOC_REVOCATION_NOT_KNOWN, "ds");
				assert_int_equal(verdict.revocation, FUDA_REVOCATION_UNKNOWN);
			}
		}
		policy.crl = FUDA_MDOC_CRL_OFF;
		judge_ds();
		assert_good();
		assert_int_equal(verdict.revocation, FUDA_REVOCATION_NOT_CHECKED);
	}
}

static void empty_list(void **state)
{
	const struct fuda_buf none = TEST_BUF;
	struct crl_plan plan = plan_iaca_crl();

	(void)state;
	plan.entries = &none;
	assert_int_equal(add_plan(&plan), 0);
	policy.crl = FUDA_MDOC_CRL_HARD;
	judge_ds();
	assert_found(RULE(EMPTY_LIST), "crl");
}

/* ... but it can revoke. */
static void revokes_though_wrong(void **state)
{
	struct crl_plan plan = plan_with(DS_SERIAL);

	(void)state;
	plan.field[L_EXTRA] = EXTENSION("1.2.3", "0500");
	assert_int_equal(add_plan(&plan), 0);
	policy.crl = FUDA_MDOC_CRL_SOFT;
	policy.at = 1798750000; /* and it is stale */
	judge_ds();
	assert_found(FUDA_MDOC_CERTIFICATE_REVOKED, "ds");
	assert_int_equal(verdict.revocation, FUDA_REVOCATION_REVOKED);
}

/* ---- which are taken ---- */

static void refused(void **state)
{
	static const struct {
		enum crl_field field;
		const char *notation;
		int code;
	} wrong[] = {
		{ L_AKI, "30{<2.5.29.35>04{30{80{0102030405060708}}}}", FUDA_ENOTFOUND },
		{ L_SIGNATURE, "03{0030{020101020101}}", FUDA_EVERIFY },
		{ L_SIGNATURE, "03{00}", FUDA_EVERIFY },
		{ L_SIGNATURE, "03{01$}", FUDA_EFORMAT },
		{ L_SIGNATURE, "", FUDA_EFORMAT },
		{ L_OUTER_ALGORITHM, ECDSA_SHA384, FUDA_EVERIFY },
		{ L_OUTER_ALGORITHM, "30{<1.2.840.10045.4.1>}", FUDA_ENOTSUP },
		{ L_THIS, "", FUDA_EFORMAT }, /* what is then the only time is too late */
		{ L_THIS, "17{'2611190000Z'}", FUDA_EFORMAT },
		{ L_AKI, "30{<2.5.29.35>04{30{}}}", FUDA_EFORMAT },
		{ L_NUMBER, "30{<2.5.29.20>04{0201FF}}", FUDA_EFORMAT },
		{ L_NUMBER, "30{<2.5.29.20>04{020101}}30{<2.5.29.20>04{020101}}", FUDA_EFORMAT },
		{ L_EXTRA, "30{<2.5.29.35>04{30{80{01}}}}", FUDA_EFORMAT },
		{ L_BEHIND, "0500", FUDA_EFORMAT },
		{ L_ENTRIES, "0500", FUDA_EFORMAT },
		{ L_ENTRIES, CRL_REASON("05", "08"), FUDA_ENOTSUP }, /* removeFromCRL */
	};
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct crl_plan plan = plan_iaca_crl();
		int r;

		plan.field[wrong[i].field] = wrong[i].notation;
		if (wrong[i].field == L_THIS && !*wrong[i].notation)
			plan.field[L_NEXT] = "";
		r = add_plan(&plan);
		if (r != wrong[i].code)
			fail_msg("%s: %s", wrong[i].notation, fuda_error_name(r));
		assert_true(fuda_context_message(ctx)[0]);
	}
	assert_int_equal(fuda_mdoc_trust_add_crl(trust, NULL, 0), FUDA_EFORMAT);
	assert_int_equal(fuda_mdoc_trust_add_crl(trust, (const uint8_t *)"x", 1), FUDA_EFORMAT);
	assert_int_equal(fuda_mdoc_trust_add_crl_file(trust, "/nonexistent"), FUDA_EFILE);
	crl_make_with(plan_iaca_crl(), L_NUMBER, "", &der);
	for (size_t len = 1; len < der.len; len++)
		assert_int_equal(fuda_mdoc_trust_add_crl(trust, der.data, len), FUDA_EFORMAT);
	policy.crl = FUDA_MDOC_CRL_HARD;
	judge_ds();
	assert_found(RULE(MISSING), "crl");
}

static void as_pem(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF, pem = TEST_BUF;
	struct crl_plan plan = plan_with(DS_SERIAL);

	(void)state;
	crl_make(&plan, &der);
	assert_int_equal(fuda_pem_encode("X509 CRL", der.data, der.len, &pem), 0);
	assert_int_equal(fuda_mdoc_trust_add_crl(trust, pem.data, pem.len), 0);
	policy.crl = FUDA_MDOC_CRL_SOFT;
	judge_ds();
	assert_found(FUDA_MDOC_CERTIFICATE_REVOKED, "ds");
	assert_string_equal(findings.found[0].detail, DS_SERIAL);
}

/* ---- when they count ---- */

/* From 2026-11-01 to 2027-01-15; the DS from 2026-10-01 to 2027-01-01, so at the end another. */
#define RULE_NOT_KNOWN FUDA_MDOC_REVOCATION_NOT_KNOWN

static void freshness(void **state)
{
	enum { FROM = 1793491200, TO = 1799971200, DAY = 24 * 60 * 60 };
	static const struct {
		enum fuda_mdoc_crl_policy crl;
		time_t at;
		unsigned skew, age;
		enum fuda_revocation revocation;
		enum fuda_mdoc_rule rule;
	} clocks[] = {
		{ FUDA_MDOC_CRL_HARD, FROM, 0, 0, FUDA_REVOCATION_GOOD, FUDA_MDOC_NONE },
		{ FUDA_MDOC_CRL_HARD, FROM - 1, 0, 0, FUDA_REVOCATION_UNKNOWN,
		  RULE(NOT_YET_VALID) },
		{ FUDA_MDOC_CRL_HARD, FROM - 1, 1, 0, FUDA_REVOCATION_GOOD, FUDA_MDOC_NONE },
		{ FUDA_MDOC_CRL_SOFT, FROM - 1, 0, DAY, FUDA_REVOCATION_UNKNOWN, RULE_NOT_KNOWN },
		{ FUDA_MDOC_CRL_HARD, TO, 0, 0, FUDA_REVOCATION_GOOD, FUDA_MDOC_NONE },
		{ FUDA_MDOC_CRL_HARD, TO + 1, 60, 0, FUDA_REVOCATION_UNKNOWN, RULE(EXPIRED) },
		{ FUDA_MDOC_CRL_HARD, TO + DAY, 0, DAY, FUDA_REVOCATION_GOOD, FUDA_MDOC_NONE },
		{ FUDA_MDOC_CRL_HARD, TO + DAY + 1, 60, DAY, FUDA_REVOCATION_UNKNOWN,
		  RULE(EXPIRED) },
		{ FUDA_MDOC_CRL_SOFT, TO + 1, 0, 0, FUDA_REVOCATION_UNKNOWN, RULE_NOT_KNOWN },
		{ FUDA_MDOC_CRL_SOFT, TO + DAY, 0, DAY, FUDA_REVOCATION_GOOD, FUDA_MDOC_NONE },
		{ FUDA_MDOC_CRL_SOFT, TO + DAY + 1, 0, DAY, FUDA_REVOCATION_UNKNOWN,
		  RULE_NOT_KNOWN },
		{ FUDA_MDOC_CRL_OFF, TO + 1, 0, 0, FUDA_REVOCATION_NOT_CHECKED, FUDA_MDOC_NONE },
	};
	struct crl_plan list = plan_iaca_crl();
	struct cert_plan ds = plan_mdoc(CERT_DS);

	(void)state;
	believe_list(trust, &list);
	ds.field[F_VALIDITY] = "30{17{'261001000000Z'}17{'270601000000Z'}}";
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		policy = (struct chain_policy){ .at = clocks[i].at,
						.skew = clocks[i].skew,
						.crl = clocks[i].crl,
						.crl_age = clocks[i].age };
		judge_one(CHAIN_DS, &ds);
		if (clocks[i].rule)
			assert_found(clocks[i].rule,
				     clocks[i].rule == FUDA_MDOC_REVOCATION_NOT_KNOWN ? "ds" :
											"crl");
		else
			assert_good();
		assert_int_equal(verdict.revocation, clocks[i].revocation);
	}
}

/* Without any. */
static void missing(void **state)
{
	struct cert_plan unknown = plan_mdoc_under(CERT_DS, KEY_IACA_NEXT);

	(void)state;
	policy.crl = FUDA_MDOC_CRL_SOFT;
	judge_ds();
	assert_found(FUDA_MDOC_REVOCATION_NOT_KNOWN, "ds");
	assert_string_equal(findings.found[0].detail, "crl_missing");
	assert_int_equal(verdict.revocation, FUDA_REVOCATION_UNKNOWN);
	policy.crl = FUDA_MDOC_CRL_HARD;
	judge_ds();
	assert_found(RULE(MISSING), "crl");
	assert_string_equal(findings.found[0].detail, "C=JP, O=テスト, CN=Test IACA");
	/* of nobody's there is none to ask */
	judge_one(CHAIN_DS, &unknown);
	assert_found(FUDA_MDOC_ISSUER_KEY_UNKNOWN, "ds");
	assert_int_equal(verdict.revocation, FUDA_REVOCATION_UNKNOWN);
}

/* Who is on any list is revoked, whichever is newer: signers and links may be listed apart (mdoc.md
 * 2.2). One from the future hides none that is in force. */
static void newer_and_older(void **state)
{
	static const char *const times[] = { "17{'261031000000Z'}", "17{'261102000000Z'}",
					     "17{'261224000000Z'}" };

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		struct crl_plan plain = plan_iaca_crl(), other = plan_iaca_crl(),
				revoking = plan_with(DS_SERIAL);

		stand_teardown(state);
		stand_setup(state);
		policy.crl = FUDA_MDOC_CRL_HARD;
		other.field[L_THIS] = revoking.field[L_THIS] = times[i];
		believe_list(trust, &plain);
		believe_list(trust, &other);
		judge_ds();
		assert_good();
		believe_list(trust, &revoking); /* though the signer was judged before */
		judge_ds();
		assert_found(FUDA_MDOC_CERTIFICATE_REVOKED, "ds");
		assert_int_equal(add_plan(&plain), 0);
		judge_ds();
		assert_found(FUDA_MDOC_CERTIFICATE_REVOKED, "ds");
	}
}

/* What is wrong with one does not matter where another clears. */
static void wrong_beside_good(void **state)
{
	struct crl_plan plain = plan_iaca_crl(), wrong = plan_iaca_crl();

	(void)state;
	wrong.field[L_NUMBER] = "";
	policy.crl = FUDA_MDOC_CRL_HARD;
	assert_int_equal(add_plan(&wrong), 0);
	judge_ds();
	assert_found(RULE(NUMBER), "crl");
	believe_list(trust, &plain);
	judge_ds();
	assert_good();
	assert_int_equal(verdict.revocation, FUDA_REVOCATION_GOOD);
}

static void too_many(void **state)
{
	struct crl_plan plan = plan_iaca_crl();
	int r = 0;

	(void)state;
	for (unsigned i = 0; r == 0 && i < 100; i++)
		r = add_plan(&plan); /* signed anew each time, so another of the same time */
	assert_int_equal(r, FUDA_ETOOBIG);
	assert_true(trust_list_at(trust, 63) && !trust_list_at(trust, 64));
}

/* Signers and links listed apart, at one time: mdoc.md 2.2. */
static void two_of_one_time(void **state)
{
	struct crl_plan plain = plan_iaca_crl(), revoking = plan_with(DS_SERIAL);

	(void)state;
	policy.crl = FUDA_MDOC_CRL_HARD;
	believe_list(trust, &revoking);
	believe_list(trust, &plain);
	judge_ds();
	assert_found(FUDA_MDOC_CERTIFICATE_REVOKED, "ds");
}

/* Each key has its own list, though the names are one. */
static void two_generations(void **state)
{
	struct cert_plan next = plan_next_root(), ds = plan_mdoc_under(CERT_DS, KEY_IACA_NEXT);
	struct crl_plan list = plan_iaca_crl(), revoking = plan_with(DS_SERIAL);

	(void)state;
	policy.crl = FUDA_MDOC_CRL_HARD;
	believe_mdoc(trust, &next, false);
	believe_list(trust, &revoking);
	judge_one(CHAIN_DS, &ds);
	assert_found(RULE(MISSING), "crl");
	list.field[L_AKI] = mdoc_aki(KEY_IACA_NEXT);
	list.signer = KEY_IACA_NEXT;
	believe_list(trust, &list);
	judge_one(CHAIN_DS, &ds);
	assert_good();
	judge_ds();
	assert_found(FUDA_MDOC_CERTIFICATE_REVOKED, "ds");
}

static void links(void **state)
{
	struct cert_plan link = plan_mdoc(CERT_LINK), ds = plan_mdoc_under(CERT_DS, KEY_IACA_NEXT);
	struct crl_plan old = plan_iaca_crl(), next = plan_iaca_crl(),
			revoking = plan_with(LINK_SERIAL);

	(void)state;
	policy.crl = FUDA_MDOC_CRL_HARD;
	believe_mdoc(trust, &link, false);
	believe_list(trust, &old);
	judge_one(CHAIN_DS, &ds);
	assert_found(RULE(MISSING), "crl"); /* that of the new key */
	next.field[L_AKI] = mdoc_aki(KEY_IACA_NEXT);
	next.signer = KEY_IACA_NEXT;
	believe_list(trust, &next);
	judge_one(CHAIN_DS, &ds);
	assert_good();
	assert_int_equal(verdict.revocation, FUDA_REVOCATION_GOOD);
	revoking.field[L_THIS] = "17{'261102000000Z'}";
	believe_list(trust, &revoking);
	judge_one(CHAIN_DS, &ds);
	assert_found(FUDA_MDOC_CERTIFICATE_REVOKED, "link");
}

/* Of roots with one key, a list is the one's in whose name it is, whichever was added first. */
static void two_names(void **state)
{
	struct cert_plan old = plan_mdoc(CERT_ROOT), root = plan_mdoc(CERT_ROOT);
	struct crl_plan list = plan_iaca_crl();
	struct fuda_mdoc_findings known = { 0 };

	(void)state;
	fuda_mdoc_trust_free(&trust);
	assert_int_equal(fuda_mdoc_trust_new(ctx, &trust), 0);
	old.field[F_SUBJECT] = old.field[F_ISSUER] = READER_CA_NAME;
	believe_mdoc(trust, &old, false);
	believe_mdoc(trust, &root, false);
	believe_list(trust, &list);
	assert_true(cur_equal(trust_list_at(trust, 0)->by->cert->subject, trust_list_at(trust, 0)->list->issuer));
	policy.crl = FUDA_MDOC_CRL_HARD;
	revocation_judge_lists(trust, &policy, &known);
	assert_int_equal(known.count, 0);
	judge_ds();
	assert_good();
}

/* A root that gives itself up. */
static void roots(void **state)
{
	struct crl_plan plan = plan_with("5A10000000000000000000000000000000000001");

	(void)state;
	policy.crl = FUDA_MDOC_CRL_SOFT;
	believe_list(trust, &plan);
	judge_ds();
	assert_found(FUDA_MDOC_CERTIFICATE_REVOKED, "iaca");
}

static void readers(void **state)
{
	struct cert_plan reader = plan_mdoc(CERT_READER);
	struct crl_plan plan = plan_with(READER_SERIAL);

	(void)state;
	plan.field[L_ISSUER] = READER_CA_NAME;
	plan.field[L_AKI] = mdoc_aki(KEY_READER_CA);
	plan.signer = KEY_READER_CA;
	policy.crl = FUDA_MDOC_CRL_HARD;
	judge_one(CHAIN_READER, &reader);
	assert_found(RULE(MISSING), "crl");
	believe_list(trust, &plan);
	judge_one(CHAIN_READER, &reader);
	assert_found(FUDA_MDOC_CERTIFICATE_REVOKED, "reader");
}

/* A CA whose key usage does not let it sign lists. */
static void not_to_list(void **state)
{
	struct cert_plan ca = plan_mdoc(CERT_READER_CA);
	struct crl_plan plan = plan_iaca_crl();

	(void)state;
	fuda_mdoc_trust_free(&trust);
	assert_int_equal(fuda_mdoc_trust_new(ctx, &trust), 0);
	ca.field[F_KU] = KEY_USAGE("03020204");
	believe_mdoc(trust, &ca, true);
	plan.field[L_ISSUER] = READER_CA_NAME;
	plan.field[L_AKI] = mdoc_aki(KEY_READER_CA);
	plan.signer = KEY_READER_CA;
	assert_int_equal(add_plan(&plan), FUDA_ENOTFOUND);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, stand_setup, stand_teardown)
	const struct CMUnitTest tests[] = {
		T(one_change_each), T(empty_list),      T(revokes_though_wrong),
		T(refused),         T(as_pem),          T(freshness),
		T(missing),         T(newer_and_older), T(wrong_beside_good),
		T(two_of_one_time), T(too_many),        T(not_to_list),
		T(two_generations), T(links),           T(roots),
		T(readers),         T(two_names),
	};
#undef T

	return RUN(tests);
}
