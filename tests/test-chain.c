/* SPDX-License-Identifier: Apache-2.0 */
/* Who issued what, and whether he may: checks C2 to C5 of mdoc.md 2.3, and what is remembered. */
#include "mdoc/chain.h"

#include <stdio.h>

#include "mdoc/cose.h"
#include "tests/mdoc-stand.h"
#include "tests/vectors.h"

enum { DAY = 24 * 60 * 60 };
#define JP_NAME(more) "30{31{30{<2.5.4.6>13{'JP'}}}" more "31{30{<2.5.4.3>0C{'Test'}}}}"

static void good_ones(void **state)
{
	struct cert_plan reader = plan_mdoc(CERT_READER);

	(void)state;
	judge_ds();
	assert_good();
	assert_string_equal(verdict.leaf->facts.subject, "C=JP, CN=Test DS");
	assert_string_equal(verdict.root->facts.serial, "5A10000000000000000000000000000000000001");
	assert_string_equal(verdict.country, "JP");
	assert_true(verdict.not_before == verdict.leaf->facts.not_before &&
		    verdict.not_after == verdict.leaf->facts.not_after &&
		    verdict.not_after > TEST_NOW);
	assert_int_equal(verdict.revocation, FUDA_REVOCATION_NOT_CHECKED);
	judge_one(CHAIN_READER, &reader);
	assert_good();
	assert_string_equal(verdict.root->facts.subject, "CN=Test reader CA");
	/* neither is good in the other's place: the roots are apart */
	judge_one(CHAIN_DS, &reader);
	assert_true(has_found(FUDA_MDOC_ISSUER_UNKNOWN, "ds") &&
		    has_found(FUDA_MDOC_CERTIFICATE_PURPOSE, "ds"));
	assert_null(verdict.root);
}

static void no_certificate(void **state)
{
	(void)state;
	judge_plans(CHAIN_DS, NULL, 0);
	assert_found(FUDA_MDOC_CERTIFICATE_MISSING, "ds");
	assert_null(verdict.leaf);
	judge_plans(CHAIN_READER, NULL, 0);
	assert_found(FUDA_MDOC_CERTIFICATE_MISSING, "reader");
}

static void unreadable(void **state)
{
	static const uint8_t junk[] = { 0x30, 0x03, 0x02, 0x01, 0x05 };
	const struct cursor chain[] = { cur_of(junk, sizeof(junk)), cur_of(junk, 0) };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chain); i++) {
		chain_verdict_release(&verdict);
		memset(&findings, 0, sizeof(findings));
		assert_int_equal(chain_judge(trust, CHAIN_DS, &chain[i], 1, &policy, &findings,
					     &verdict),
				 0);
		assert_found(FUDA_MDOC_CERTIFICATE_MALFORMED, "ds");
		assert_null(verdict.leaf);
	}
	assert_string_equal(fuda_context_message(ctx), ""); /* nobody's error */
}

/* mdoc.md 5: what well-known verifiers accept. */
static void wrongly_accepted(void **state)
{
	struct cert_plan plan = plan_mdoc(CERT_DS);

	(void)state;
	plan.field[F_EKU] = PURPOSE("<1.3.6.1.5.5.7.3.1>");
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_CERTIFICATE_PURPOSE, "ds");
	assert_string_equal(findings.found[0].detail, "1.3.6.1.5.5.7.3.1");
	plan.field[F_EKU] = "";
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_CERTIFICATE_NO_PURPOSE, "ds");
	plan = plan_mdoc(CERT_DS);
	plan.field[F_SUBJECT] = "30{31{30{<2.5.4.6>13{'US'}}}31{30{<2.5.4.3>0C{'Test DS'}}}}";
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_COUNTRY_DIFFERS, "ds");
	/* a CA, with all else as a document signer has it */
	plan = plan_mdoc(CERT_DS);
	plan.field[F_BC] = CONSTRAINTS("0101FF020100");
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_CERTIFICATE_CONSTRAINTS, "ds");
	/* the root itself */
	plan = plan_mdoc(CERT_ROOT);
	judge_one(CHAIN_DS, &plan);
	assert_true(has_found(FUDA_MDOC_CERTIFICATE_CONSTRAINTS, "ds") &&
		    has_found(FUDA_MDOC_CERTIFICATE_KEY_USAGE, "ds") &&
		    has_found(FUDA_MDOC_CERTIFICATE_NO_PURPOSE, "ds"));
}

static void purposes_are_configured(void **state)
{
	static const char *const ours[] = { "1.2.392.1", "1.2.392.2", NULL };
	struct cert_plan plan = plan_mdoc(CERT_DS);

	(void)state;
	plan.field[F_EKU] = PURPOSE("<1.2.392.2>");
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_CERTIFICATE_PURPOSE, "ds");
	/* from what is remembered */
	policy.purposes = ours;
	judge_one(CHAIN_DS, &plan);
	assert_good();
	judge_ds();
	assert_found(FUDA_MDOC_CERTIFICATE_PURPOSE, "ds");
}

static void issuers(void **state)
{
	struct cert_plan plan = plan_mdoc_under(CERT_DS, KEY_IACA_NEXT);

	(void)state;
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_ISSUER_KEY_UNKNOWN, "ds");
	assert_null(verdict.root);
	assert_non_null(verdict.leaf);
	/* says that the root signed it */
	plan.field[F_AKI] = mdoc_aki(KEY_IACA);
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_ISSUER_SIGNATURE, "ds");
	/* the name is found, the key is not */
	plan = plan_mdoc(CERT_DS);
	plan.field[F_AKI] = "30{<2.5.29.35>04{30{80{0102030405060708}}}}";
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_ISSUER_KEY_UNKNOWN, "ds");
	/* the same text, in another string type */
	plan = plan_mdoc(CERT_DS);
	plan.field[F_ISSUER] =
		"30{31{30{<2.5.4.6>13{'JP'}}}31{30{<2.5.4.10>0C{E38386E382B9E38388}}}"
		"31{30{<2.5.4.3>13{'Test IACA'}}}}";
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_ISSUER_NAME, "ds");
	/* found by its name, if it does not say the key */
	plan = plan_mdoc(CERT_DS);
	plan.field[F_AKI] = "";
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_CERTIFICATE_AUTHORITY_KEY_ID, "ds");
	/* one byte of what is signed, or of the signature */
	plan = plan_mdoc(CERT_DS);
	plan.field[F_SIGNATURE] = "03{0030{020101020101}}";
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_ISSUER_SIGNATURE, "ds");
	plan.hash = FUDA_SHA384;
	plan.field[F_SIGNATURE] = NULL;
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_ISSUER_SIGNATURE, "ds");
}

/* Each thing that is wrong is told. */
static void several_things(void **state)
{
	struct cert_plan plan = plan_mdoc(CERT_DS);

	(void)state;
	plan.field[F_IAN] = "";
	plan.field[F_SIGNATURE] = "03{0030{020101020101}}";
	policy.at = 1798761601;
	judge_one(CHAIN_DS, &plan);
	assert_int_equal(findings.count, 3);
	assert_true(has_found(FUDA_MDOC_CERTIFICATE_ISSUER_ALT_NAME, "ds") &&
		    has_found(FUDA_MDOC_ISSUER_SIGNATURE, "ds") &&
		    has_found(FUDA_MDOC_CERTIFICATE_EXPIRED, "ds"));
}

static void algorithms(void **state)
{
	static const struct {
		const char *oid;
		enum fuda_hash hash;
	} good[] = { { ECDSA_SHA256, FUDA_SHA256 },
		     { ECDSA_SHA384, FUDA_SHA384 },
		     { ECDSA_SHA512, FUDA_SHA512 } };
	static const enum test_key cas[] = { KEY_P384, KEY_P521, KEY_BRAINPOOL };
	struct cert_plan plan = plan_mdoc(CERT_DS), reader;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		plan.field[F_ALGORITHM] = good[i].oid;
		plan.hash = good[i].hash;
		judge_one(CHAIN_DS, &plan);
		assert_good();
	}
	for (size_t i = 0; i < ARRAY_SIZE(cas); i++) {
		struct cert_plan root = plan_mdoc(CERT_ROOT);

		root.key = root.signer = cas[i];
		root.field[F_SKI] = mdoc_ski(cas[i]);
		believe_mdoc(trust, &root, false);
		plan = plan_mdoc_under(CERT_DS, cas[i]);
		judge_one(CHAIN_DS, &plan);
		assert_good();
	}
	/* not one that is unknown, though the signature is right but for its name */
	plan = plan_mdoc(CERT_DS);
	plan.field[F_ALGORITHM] = "30{<1.2.840.10045.4.3.1>}";
	judge_one(CHAIN_DS, &plan);
	assert_found(FUDA_MDOC_CERTIFICATE_ALGORITHM, "ds");
	/* readers may be under Ed25519 */
	reader = plan_mdoc(CERT_READER_CA);
	reader.key = reader.signer = KEY_ED25519;
	reader.field[F_ALGORITHM] = ED25519;
	reader.field[F_SKI] = mdoc_ski(KEY_ED25519);
	believe_mdoc(trust, &reader, true);
	plan = plan_mdoc_under(CERT_READER, KEY_ED25519);
	plan.field[F_ALGORITHM] = ED25519;
	judge_one(CHAIN_READER, &plan);
	assert_good();
	plan.field[F_SIGNATURE] = "03{00$00}";
	judge_one(CHAIN_READER, &plan);
	assert_found(FUDA_MDOC_ISSUER_SIGNATURE, "reader");
	/* the kinds of signature do not stand for each other */
	plan.field[F_SIGNATURE] = NULL;
	plan.field[F_ALGORITHM] = ECDSA_SHA256;
	judge_one(CHAIN_READER, &plan);
	assert_found(FUDA_MDOC_ISSUER_SIGNATURE, "reader");
}

/* A root that breaks its profile passes nothing on. */
static void bad_roots(void **state)
{
	static const struct {
		enum cert_field field;
		const char *notation;
		enum fuda_mdoc_rule rule;
	} wrong[] = {
		{ F_BC, CONSTRAINTS("0101FF"), FUDA_MDOC_CERTIFICATE_PATH_LENGTH },
		{ F_IAN, "", FUDA_MDOC_CERTIFICATE_ISSUER_ALT_NAME },
		{ F_SIGNATURE, "03{0030{020101020101}}", FUDA_MDOC_ISSUER_SIGNATURE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct cert_plan root = plan_mdoc(CERT_ROOT);

		fuda_mdoc_trust_free(&trust);
		assert_int_equal(fuda_mdoc_trust_new(ctx, &trust), 0);
		root.field[wrong[i].field] = wrong[i].notation;
		believe_mdoc(trust, &root, false);
		judge_ds();
		assert_found(wrong[i].rule, "iaca");
	}
}

static void places(void **state)
{
	static const char tokyo[] = "31{30{<2.5.4.8>0C{'Tokyo'}}}",
			  osaka[] = "31{30{<2.5.4.8>0C{'Osaka'}}}",
			  printed[] = "31{30{<2.5.4.8>13{'Tokyo'}}}";
	static const struct {
		const char *root, *ds;
		bool good;
	} states[] = {
		{ tokyo, tokyo, true }, { tokyo, printed, true }, { tokyo, osaka, false },
		{ tokyo, "", false },   { "", tokyo, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct cert_plan root = plan_mdoc(CERT_ROOT), ds = plan_mdoc(CERT_DS);
		char root_name[512], ds_name[512];

		snprintf(root_name, sizeof(root_name), JP_NAME("%s"), states[i].root);
		snprintf(ds_name, sizeof(ds_name), JP_NAME("%s"), states[i].ds);
		fuda_mdoc_trust_free(&trust);
		assert_int_equal(fuda_mdoc_trust_new(ctx, &trust), 0);
		root.field[F_ISSUER] = root.field[F_SUBJECT] = ds.field[F_ISSUER] = root_name;
		ds.field[F_SUBJECT] = ds_name;
		believe_mdoc(trust, &root, false);
		judge_one(CHAIN_DS, &ds);
		if (states[i].good)
			assert_good();
		else
			assert_found(FUDA_MDOC_STATE_DIFFERS, "ds");
	}
}

/* Of the DS: 2026-10-01 to 2027-01-01; of the root: 2025 to 2034. What was judged before does not
 * count here. */
static void times(void **state)
{
	static const struct {
		time_t at;
		unsigned skew;
		enum fuda_mdoc_rule rule;
	} clocks[] = {
		{ 1790812800, 0, FUDA_MDOC_NONE },
		{ 1790812799, 0, FUDA_MDOC_CERTIFICATE_NOT_YET_VALID },
		{ 1790812740, 60, FUDA_MDOC_NONE },
		{ 1790812739, 60, FUDA_MDOC_CERTIFICATE_NOT_YET_VALID },
		{ 1798761600, 0, FUDA_MDOC_NONE },
		{ 1798761601, 60, FUDA_MDOC_CERTIFICATE_EXPIRED },
	};
	struct cert_plan root = plan_mdoc(CERT_ROOT);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		policy.at = clocks[i].at;
		policy.skew = clocks[i].skew;
		judge_ds();
		if (clocks[i].rule)
			assert_found(clocks[i].rule, "ds");
		else
			assert_good();
	}
	assert_string_equal(findings.found[0].detail, "2027-01-01T00:00:00Z");
	fuda_mdoc_trust_free(&trust);
	assert_int_equal(fuda_mdoc_trust_new(ctx, &trust), 0);
	root.field[F_VALIDITY] = "30{17{'250101000000Z'}17{'261119235959Z'}}";
	believe_mdoc(trust, &root, false);
	policy.at = TEST_NOW;
	judge_ds();
	assert_found(FUDA_MDOC_CERTIFICATE_EXPIRED, "iaca");
}

/* A root whose certificate was made anew for the same key: whichever was added first, one that is in force
 * will do, unless it breaks the profile. */
static void renewed_roots(void **state)
{
	struct cert_plan good = plan_mdoc(CERT_ROOT), old = good, later = good, bad = good;
	const struct {
		const struct cert_plan *first, *second;
		enum fuda_mdoc_rule rule;
	} cases[] = {
		{ &old, &good, FUDA_MDOC_NONE },
		{ &good, &old, FUDA_MDOC_NONE },
		{ &later, &good, FUDA_MDOC_NONE },
		{ &good, &later, FUDA_MDOC_NONE },
		{ &good, &bad, FUDA_MDOC_NONE },
		{ &old, &later, FUDA_MDOC_CERTIFICATE_EXPIRED },
		{ &later, &old, FUDA_MDOC_CERTIFICATE_NOT_YET_VALID },
		{ &old, &bad, FUDA_MDOC_CERTIFICATE_EXPIRED },
	};

	(void)state;
	old.field[F_VALIDITY] = "30{17{'250101000000Z'}17{'261119235959Z'}}";
	later.field[F_VALIDITY] = "30{17{'270101000000Z'}17{'350101000000Z'}}";
	bad.field[F_VALIDITY] = "30{17{'250101000000Z'}17{'480101000000Z'}}";
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fuda_mdoc_trust_free(&trust);
		assert_int_equal(fuda_mdoc_trust_new(ctx, &trust), 0);
		believe_mdoc(trust, cases[i].first, false);
		believe_mdoc(trust, cases[i].second, false);
		policy.at = TEST_NOW;
		judge_ds();
		if (cases[i].rule)
			assert_found(cases[i].rule, "iaca");
		else
			assert_good();
	}
}

/* ---- links ---- */

static void links(void **state)
{
	struct cert_plan ds = plan_mdoc_under(CERT_DS, KEY_IACA_NEXT), link = plan_mdoc(CERT_LINK);
	const struct cert_plan *both[] = { &ds, &link };

	(void)state;
	judge_plans(CHAIN_DS, both, 1);
	assert_found(FUDA_MDOC_ISSUER_KEY_UNKNOWN, "ds");
	judge_plans(CHAIN_DS, both, 2); /* comes along */
	assert_good();
	assert_string_equal(verdict.root->facts.serial, "5A10000000000000000000000000000000000001");
	believe_mdoc(trust, &link, false);
	judge_plans(CHAIN_DS, both, 1); /* was added */
	assert_good();
	assert_string_equal(verdict.root->facts.serial, "5A10000000000000000000000000000000000001");
	judge_plans(CHAIN_DS, both, 2); /* both */
	assert_found(FUDA_MDOC_CERTIFICATE_NOT_NEEDED, "link");
}

static void bad_links(void **state)
{
	static const struct {
		enum cert_field field;
		const char *notation;
		enum fuda_mdoc_rule rule;
	} wrong[] = {
		{ F_VALIDITY, "30{17{'261001000000Z'}17{'340101000001Z'}}",
		  FUDA_MDOC_LINK_OUTLIVES_ROOT },
		{ F_VALIDITY, "30{17{'261001000000Z'}17{'261119000000Z'}}",
		  FUDA_MDOC_CERTIFICATE_EXPIRED },
		{ F_CRL_POINTS, "", FUDA_MDOC_CERTIFICATE_CRL_POINT },
		{ F_BC, "", FUDA_MDOC_CERTIFICATE_NOT_CA },
		{ F_SIGNATURE, "03{0030{020101020101}}", FUDA_MDOC_ISSUER_SIGNATURE },
		{ F_AKI, "30{<2.5.29.35>04{30{80{0102030405060708}}}}",
		  FUDA_MDOC_ISSUER_KEY_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct cert_plan ds = plan_mdoc_under(CERT_DS, KEY_IACA_NEXT),
				 link = plan_mdoc(CERT_LINK);
		const struct cert_plan *both[] = { &ds, &link };

		link.field[wrong[i].field] = wrong[i].notation;
		judge_plans(CHAIN_DS, both, 2);
		assert_found(wrong[i].rule, "link");
	}
}

/* Old with new and new with old, and none of the two is believed. */
static void links_in_a_circle(void **state)
{
	struct cert_plan there = plan_mdoc(CERT_LINK), back = plan_next_root();
	struct cert_plan ds = plan_mdoc_under(CERT_DS, KEY_IACA_NEXT), root = plan_next_root();

	(void)state;
	fuda_mdoc_trust_free(&trust);
	assert_int_equal(fuda_mdoc_trust_new(ctx, &trust), 0);
	back.key = KEY_IACA;
	back.field[F_SKI] = mdoc_ski(KEY_IACA);
	back.field[F_AKI] = mdoc_aki(KEY_IACA_NEXT);
	back.field[F_IAN] = "";
	believe_mdoc(trust, &there, false);
	believe_mdoc(trust, &back, false);
	judge_one(CHAIN_DS, &ds);
	assert_int_equal(findings.count, 2); /* not once for each turn */
	assert_true(has_found(FUDA_MDOC_CERTIFICATE_ISSUER_ALT_NAME, "link") &&
		    has_found(FUDA_MDOC_ISSUER_UNKNOWN, "link"));
	assert_null(verdict.root);
	believe_mdoc(trust, &root, false);
	judge_one(CHAIN_DS, &ds); /* straight to the root */
	assert_good();
	judge_ds(); /* by the link that leads back */
	assert_found(FUDA_MDOC_CERTIFICATE_ISSUER_ALT_NAME, "link");
	assert_string_equal(verdict.root->facts.serial, "5A10000000000000000000000000000000000006");
}

/* A root must not come along, believed or not, and nothing else that is of no use. */
static void superfluous(void **state)
{
	struct cert_plan ds = plan_mdoc(CERT_DS), root = plan_mdoc(CERT_ROOT),
			 other = plan_next_root();
	const struct cert_plan *chain[] = { &ds, &root, &root, &root, &root };
	struct cert_plan under_other = plan_mdoc_under(CERT_DS, KEY_IACA_NEXT);

	(void)state;
	judge_plans(CHAIN_DS, chain, 2);
	assert_found(FUDA_MDOC_CERTIFICATE_NOT_NEEDED, "link");
	chain[1] = &ds;
	judge_plans(CHAIN_DS, chain, 2);
	assert_found(FUDA_MDOC_CERTIFICATE_NOT_NEEDED, "link");
	judge_plans(CHAIN_DS, chain, 5); /* more than are read */
	assert_int_equal(findings.count, 4);
	chain[0] = &under_other;
	chain[1] = &other;
	judge_plans(CHAIN_DS, chain, 2);
	assert_true(has_found(FUDA_MDOC_ISSUER_KEY_UNKNOWN, "ds"));
	assert_null(verdict.root);
}

/* ---- readers ---- */

#define SUB_NAME "30{31{30{<2.5.4.3>0C{'Test sub CA'}}}}"

static void readers_below_others(void **state)
{
	struct cert_plan sub = plan_mdoc(CERT_READER_CA),
			 reader = plan_mdoc_under(CERT_READER, KEY_EC);
	struct cert_plan root = plan_mdoc(CERT_READER_CA);
	const struct cert_plan *chain[] = { &reader, &sub };

	(void)state;
	sub.key = KEY_EC;
	sub.field[F_SUBJECT] = reader.field[F_ISSUER] = SUB_NAME;
	sub.field[F_SKI] = mdoc_ski(KEY_EC);
	sub.field[F_AKI] = mdoc_aki(KEY_READER_CA);
	judge_plans(CHAIN_READER, chain, 2); /* the root allows no CA below it */
	assert_found(FUDA_MDOC_CERTIFICATE_PATH_LENGTH, "reader_ca");
	fuda_mdoc_trust_free(&trust);
	assert_int_equal(fuda_mdoc_trust_new(ctx, &trust), 0);
	root.field[F_BC] = CONSTRAINTS("0101FF020101");
	believe_mdoc(trust, &root, true);
	judge_plans(CHAIN_READER, chain, 2);
	assert_good();
	judge_plans(CHAIN_READER, chain, 1);
	assert_found(FUDA_MDOC_ISSUER_UNKNOWN, "reader");
	/* who is not called a CA is none, and one that is wrong is told though it came along */
	sub.field[F_KU] = KEY_USAGE("03020780");
	judge_plans(CHAIN_READER, chain, 2);
	assert_found(FUDA_MDOC_CERTIFICATE_KEY_USAGE, "reader_ca");
}

static void reader_of_a_reader(void **state)
{
	struct cert_plan first = plan_mdoc(CERT_READER),
			 second = plan_mdoc_under(CERT_READER, KEY_READER);
	const struct cert_plan *chain[] = { &second, &first };

	(void)state;
	second.key = KEY_DS;
	second.field[F_SKI] = mdoc_ski(KEY_DS);
	second.field[F_ISSUER] = READER_NAME;
	judge_plans(CHAIN_READER, chain, 2);
	assert_true(has_found(FUDA_MDOC_CERTIFICATE_NOT_CA, "reader_ca"));
	assert_true(has_found(FUDA_MDOC_CERTIFICATE_KEY_USAGE, "reader_ca"));
}

/* ---- what is remembered ---- */

static void judge_der(const struct fuda_buf *der)
{
	const struct cursor chain = cur_of(der->data, der->len);

	memset(&findings, 0, sizeof(findings));
	assert_int_equal(chain_judge(trust, CHAIN_DS, &chain, 1, &policy, &findings, &verdict), 0);
}

/* Until something is added, even if that has nothing to do with it. */
static void remembered(void **state)
{
	struct cert_plan ds = plan_mdoc(CERT_DS), next = plan_next_root();
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct chain_verdict first, second;

	(void)state;
	cert_make(&ds, &der);
	judge_der(&der);
	first = verdict;
	judge_der(&der);
	second = verdict;
	assert_ptr_equal(second.leaf, first.leaf);
	assert_good();
	believe_mdoc(trust, &next, false);
	judge_der(&der);
	assert_ptr_not_equal(verdict.leaf, first.leaf);
	assert_good();
	chain_verdict_release(&second);
	assert_string_equal(first.leaf->facts.subject, "C=JP, CN=Test DS");
	chain_verdict_release(&first);
}

/* What is wrong is judged each time. */
static void wrong_not_remembered(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct cert_plan plan = plan_mdoc(CERT_DS);

	(void)state;
	plan.field[F_IAN] = "";
	cert_make(&plan, &der);
	for (size_t i = 0; i < 3; i++) {
		struct chain_verdict before = verdict;

		judge_der(&der);
		assert_found(FUDA_MDOC_CERTIFICATE_ISSUER_ALT_NAME, "ds");
		assert_ptr_not_equal(verdict.judged, before.judged);
		chain_verdict_release(&before);
	}
}

/* What was judged in one place is judged anew in the other. */
static void in_both_roles(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct cert_plan ds = plan_mdoc(CERT_DS);
	struct cursor chain;

	(void)state;
	cert_make(&ds, &der);
	judge_der(&der);
	assert_good();
	chain_verdict_release(&verdict);
	chain = cur_of(der.data, der.len);
	assert_int_equal(chain_judge(trust, CHAIN_READER, &chain, 1, &policy, &findings, &verdict),
			 0);
	assert_true(has_found(FUDA_MDOC_ISSUER_UNKNOWN, "reader"));
}

/* Number `i` of many signers. */
static void judge_number(unsigned i)
{
	struct cert_plan plan = plan_mdoc(CERT_DS);
	char serial[64];

	snprintf(serial, sizeof(serial), "02{5A11223344556677%08X}", i);
	plan.field[F_SERIAL] = serial;
	judge_one(CHAIN_DS, &plan);
	assert_good();
}

/* Not the one that came first, but the one that was not wanted for longest. */
static void oldest_goes(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct cert_plan ds = plan_mdoc(CERT_DS);
	struct chain_verdict first;

	(void)state;
	cert_make(&ds, &der);
	judge_der(&der);
	first = verdict;
	verdict = (struct chain_verdict){ 0 };
	for (unsigned i = 0; i < 100; i++) {
		judge_number(i);
		if (i % 20 != 0)
			continue;
		chain_verdict_release(&verdict);
		judge_der(&der);
		assert_ptr_equal(verdict.leaf, first.leaf);
	}
	for (unsigned i = 0; i < 64; i++)
		judge_number(100 + i);
	chain_verdict_release(&verdict);
	judge_der(&der);
	assert_ptr_not_equal(verdict.leaf, first.leaf);
	chain_verdict_release(&first);
}

/* More signers than there is room for; a verdict outlives what was forgotten. */
static void many(void **state)
{
	struct chain_verdict kept = { 0 };

	(void)state;
	for (unsigned i = 0; i < 150; i++) {
		judge_number(i);
		if (i == 0) {
			kept = verdict;
			verdict = (struct chain_verdict){ 0 };
		}
	}
	assert_string_equal(kept.leaf->facts.serial, "5A1122334455667700000000");
	chain_verdict_release(&kept);
	assert_null(kept.leaf);
	chain_verdict_release(&kept);
}

static void annex_d(void **state)
{
	struct cursor ds, reader;

	(void)state;
	vectors_or_skip();
	ds = vector("annexd_ds_cert");
	reader = vector("annexd_reader_cert");
	believe_der(trust, vector("annexd_iaca_root_cert"), false);
	believe_der(trust, vector("annexd_reader_root_cert"), true);
	policy.at = 1609459200; /* 2021-01-01 */
	memset(&findings, 0, sizeof(findings));
	assert_int_equal(chain_judge(trust, CHAIN_DS, &ds, 1, &policy, &findings, &verdict), 0);
	assert_good();
	assert_string_equal(verdict.country, "US");
	chain_verdict_release(&verdict);
	assert_int_equal(chain_judge(trust, CHAIN_READER, &reader, 1, &policy, &findings, &verdict),
			 0);
	assert_good();
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, stand_setup, stand_teardown)
	const struct CMUnitTest tests[] = {
		T(good_ones),
		T(no_certificate),
		T(unreadable),
		T(wrongly_accepted),
		T(purposes_are_configured),
		T(issuers),
		T(several_things),
		T(in_both_roles),
		T(oldest_goes),
		T(algorithms),
		T(bad_roots),
		T(places),
		T(times),
		T(renewed_roots),
		T(links),
		T(bad_links),
		T(links_in_a_circle),
		T(superfluous),
		T(readers_below_others),
		T(reader_of_a_reader),
		T(remembered),
		T(wrong_not_remembered),
		T(many),
		T(annex_d),
	};
#undef T

	return RUN(tests);
}
