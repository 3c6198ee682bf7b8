/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/pki.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "pki/trust.h"
#include "tests/certs.h"
#include "tests/cmocka.h"

static struct fuda_context *ctx;
static char path[] = "/tmp/test-verify-XXXXXX";

/* Believes these CAs. */
static struct fuda_trust *trust_in(const struct cert_plan *cas, size_t count)
{
	struct fuda_trust *trust = NULL;
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	for (size_t i = 0; i < count; i++) {
		_cleanup_buf_ struct fuda_buf der = TEST_BUF;
		_cleanup_buf_ struct fuda_buf text = TEST_BUF;

		cert_make(&cas[i], &der);
		assert_int_equal(fuda_pem_encode("CERTIFICATE", der.data, der.len, &text), 0);
		assert_int_equal(fwrite(text.data, 1, text.len, f), text.len);
	}
	assert_int_equal(fclose(f), 0);
	assert_int_equal(fuda_trust_new(ctx, &trust), 0);
	if (fuda_trust_add_file(trust, path) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	return trust;
}

/* Both CAs of the test world. */
static struct fuda_trust *usual_trust(void)
{
	struct cert_plan cas[] = { plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA),
				   plan_ca(FUDA_USE_SIGN, KEY_SIGN_CA) };

	return trust_in(cas, ARRAY_SIZE(cas));
}

static struct fuda_cert *cert_of(const struct cert_plan *plan)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct fuda_cert *cert = NULL;

	cert_make(plan, &der);
	if (fuda_cert_new(ctx, der.data, der.len, &cert) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	return cert;
}

static struct fuda_verdict judge(const struct fuda_trust *trust, const struct cert_plan *plan,
				 enum fuda_cert_use use, time_t at)
{
	struct fuda_cert *cert = cert_of(plan);
	struct fuda_verdict verdict = { 0 };

	assert_int_equal(fuda_verify(trust, cert, use, at, NULL, &verdict), 0);
	fuda_cert_free(&cert);
	return verdict;
}

static void assert_rule(struct fuda_verdict verdict, enum fuda_result result, const char *rule)
{
	assert_string_equal(verdict.rule, rule);
	assert_int_equal(verdict.result, result);
	assert_int_equal(verdict.revocation, FUDA_REVOCATION_NOT_CHECKED);
	if (!rule[0])
		assert_string_equal(fuda_rule_text(rule), "");
	else
		assert_true(strlen(fuda_rule_text(rule)) > 20);
}

static void accepts(void **state)
{
	struct cert_plan auth = plan_auth(), sign = plan_sign();
	struct cert_plan ca = plan_ca(FUDA_USE_SIGN, KEY_SIGN_CA);
	const struct {
		const struct cert_plan *plan;
		enum fuda_cert_use use;
	} cases[] = {
		{ &auth, FUDA_USE_AUTH },    { &auth, FUDA_USE_UNKNOWN }, { &sign, FUDA_USE_SIGN },
		{ &sign, FUDA_USE_UNKNOWN }, { &ca, FUDA_USE_CA },        { &ca, FUDA_USE_UNKNOWN },
	};
	struct fuda_trust *trust = usual_trust();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_verdict v = judge(trust, cases[i].plan, cases[i].use, TEST_NOW);

		assert_rule(v, FUDA_RESULT_OK, "");
		assert_int_equal(v.world, FUDA_WORLD_TEST);
	}
	fuda_trust_free(&trust);
}

/* Validity includes both its seconds: RFC 5280 4.1.2.5. */
static void keeps_time(void **state)
{
	static const struct {
		time_t at;
		enum fuda_result result;
		const char *rule;
	} cases[] = {
		{ 1743465599, FUDA_RESULT_INVALID_CERTIFICATE, "not_yet_valid" },
		{ 1743465600, FUDA_RESULT_OK, "" },
		{ 1901285999, FUDA_RESULT_OK, "" },
		{ 1901286000, FUDA_RESULT_CERTIFICATE_EXPIRED, "expired" },
		/* before and after the CA itself */
		{ 0, FUDA_RESULT_INVALID_CERTIFICATE, "issuer_not_yet_valid" },
		{ 2004706799, FUDA_RESULT_CERTIFICATE_EXPIRED, "expired" },
		{ 2005052400, FUDA_RESULT_CERTIFICATE_EXPIRED, "issuer_expired" },
	};
	struct fuda_trust *trust = usual_trust();
	struct cert_plan plan = plan_auth();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_rule(judge(trust, &plan, FUDA_USE_AUTH, cases[i].at), cases[i].result,
			    cases[i].rule);
	fuda_trust_free(&trust);
}

/* Each rule of the profile, broken once; each certificate is rightly signed by its CA. */
static const struct {
	enum fuda_cert_use use;
	enum cert_field field;
	const char *der;
	enum fuda_result result;
	const char *rule;
} broken[] = {
	{ FUDA_USE_AUTH, F_AKI, "", FUDA_RESULT_INVALID_CERTIFICATE, "issuer_unknown" },
	{ FUDA_USE_AUTH, F_AKI, "30{<2.5.29.35>04{30{8001AA}}}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "issuer_unknown" },
	{ FUDA_USE_AUTH, F_ALGORITHM, "30{<1.2.840.113549.1.1.10>30{}}",
	  FUDA_RESULT_UNSUPPORTED_CERTIFICATE, "profile_signature_algorithm" },
	{ FUDA_USE_AUTH, F_ALGORITHM, "30{<1.2.840.113549.1.1.11>020101}",
	  FUDA_RESULT_UNSUPPORTED_CERTIFICATE, "profile_signature_algorithm" },
	{ FUDA_USE_AUTH, F_ALGORITHM, "30{<1.2.840.113549.1.1.12>0500}",
	  FUDA_RESULT_INVALID_CERTIFICATE, "issuer_signature" },
	{ FUDA_USE_AUTH, F_SIGNATURE, "03{00AABBCC}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "issuer_signature" },
	{ FUDA_USE_AUTH, F_SIGNATURE, "03{00}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "issuer_signature" },
	{ FUDA_USE_AUTH, F_SIGNATURE, "03{00$00}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "issuer_signature" },
	{ FUDA_USE_AUTH, F_SIGNATURE, "03{0000$}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "issuer_signature" },
	{ FUDA_USE_AUTH, F_ISSUER, "30{31{30{<2.5.4.3>0C{'x'}}}}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "issuer_name" },
	{ FUDA_USE_AUTH, F_EXTRA, "30{<1.2.3.4>0101FF04{0500}}",
	  FUDA_RESULT_UNSUPPORTED_CERTIFICATE, "profile_critical_extension" },
	{ FUDA_USE_AUTH, F_EXTRA, "30{<2.5.29.30>0101FF04{30{}}}",
	  FUDA_RESULT_UNSUPPORTED_CERTIFICATE, "profile_critical_extension" },
	{ FUDA_USE_AUTH, F_BC, "30{<2.5.29.19>04{30{0101FF}}}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "profile_basic_constraints" },
	{ FUDA_USE_SIGN, F_BC, "30{<2.5.29.19>04{30{0101FF}}}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "profile_basic_constraints" },
	{ FUDA_USE_AUTH, F_KU, "", FUDA_RESULT_INVALID_CERTIFICATE, "profile_key_usage" },
	{ FUDA_USE_AUTH, F_KU, "30{<2.5.29.15>04{030204B0}}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "profile_key_usage" },
	{ FUDA_USE_AUTH, F_KU, "30{<2.5.29.15>04{03020520}}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "profile_key_usage" },
	{ FUDA_USE_AUTH, F_KU, "30{<2.5.29.15>04{03020284}}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "profile_key_usage" }, /* keyCertSign */
	{ FUDA_USE_SIGN, F_KU, "30{<2.5.29.15>04{03020640}}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "profile_key_usage" },
	{ FUDA_USE_SIGN, F_KU, "30{<2.5.29.15>04{030205E0}}", FUDA_RESULT_INVALID_CERTIFICATE,
	  "profile_key_usage" },
	{ FUDA_USE_AUTH, F_EKU, "", FUDA_RESULT_INVALID_CERTIFICATE, "profile_extended_key_usage" },
	{ FUDA_USE_AUTH, F_EKU, "30{<2.5.29.37>04{30{<1.3.6.1.5.5.7.3.1>}}}",
	  FUDA_RESULT_INVALID_CERTIFICATE, "profile_extended_key_usage" },
	{ FUDA_USE_AUTH, F_EKU, "30{<2.5.29.37>04{30{<2.5.29.37.0>}}}",
	  FUDA_RESULT_INVALID_CERTIFICATE, "profile_extended_key_usage" },
	{ FUDA_USE_AUTH, F_POLICY, "", FUDA_RESULT_UNSUPPORTED_CERTIFICATE, "profile_policy" },
	{ FUDA_USE_SIGN, F_POLICY, "30{<2.5.29.32>04{30{30{<2.5.29.32.0>}}}}",
	  FUDA_RESULT_UNSUPPORTED_CERTIFICATE, "profile_policy" },
	{ FUDA_USE_SIGN, F_POLICY, "30{<2.5.29.32>04{30{30{<1.2.392.200149.8.5.2.1>}}}}",
	  FUDA_RESULT_UNSUPPORTED_CERTIFICATE, "profile_policy" },
};

static void insists_on_profile(void **state)
{
	struct fuda_trust *trust = usual_trust();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct cert_plan plan = broken[i].use == FUDA_USE_AUTH ? plan_auth() : plan_sign();
		struct fuda_verdict v;

		plan.field[broken[i].field] = broken[i].der;
		for (int asked = 0; asked <= 1; asked++) {
			/* without CA:TRUE asked for, nothing may become a CA by saying so */
			if (!asked && broken[i].field == F_BC)
				continue;
			v = judge(trust, &plan, asked ? broken[i].use : FUDA_USE_UNKNOWN, TEST_NOW);
			if (strcmp(v.rule, broken[i].rule) != 0)
				fail_msg("case %zu: %s, not %s", i, v.rule, broken[i].rule);
			assert_rule(v, broken[i].result, broken[i].rule);
		}
	}
	fuda_trust_free(&trust);
}

/* The kinds of certificates in each other's places. */
static void tells_uses_apart(void **state)
{
	struct fuda_trust *trust = usual_trust();
	struct cert_plan auth = plan_auth(), sign = plan_sign();
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);

	(void)state;
	assert_rule(judge(trust, &auth, FUDA_USE_SIGN, TEST_NOW), FUDA_RESULT_INVALID_CERTIFICATE,
		    "profile_use");
	assert_rule(judge(trust, &sign, FUDA_USE_AUTH, TEST_NOW), FUDA_RESULT_INVALID_CERTIFICATE,
		    "profile_use");
	assert_rule(judge(trust, &sign, FUDA_USE_CA, TEST_NOW), FUDA_RESULT_INVALID_CERTIFICATE,
		    "profile_basic_constraints");
	assert_rule(judge(trust, &ca, FUDA_USE_AUTH, TEST_NOW), FUDA_RESULT_INVALID_CERTIFICATE,
		    "profile_basic_constraints");
	assert_rule(judge(trust, &ca, FUDA_USE_SIGN, TEST_NOW), FUDA_RESULT_INVALID_CERTIFICATE,
		    "profile_basic_constraints");
	/* an authentication certificate that the signature CA made, and the other way round */
	auth.signer = KEY_SIGN_CA;
	sign.signer = KEY_AUTH_CA;
	auth.field[F_ISSUER] = plan_sign().field[F_ISSUER];
	sign.field[F_ISSUER] = plan_auth().field[F_ISSUER];
	assert_rule(judge(trust, &auth, FUDA_USE_AUTH, TEST_NOW), FUDA_RESULT_INVALID_CERTIFICATE,
		    "issuer_use");
	assert_rule(judge(trust, &sign, FUDA_USE_SIGN, TEST_NOW), FUDA_RESULT_INVALID_CERTIFICATE,
		    "issuer_use");
	fuda_trust_free(&trust);
}

/* A CA that does not say what it issues may issue both. */
static void one_ca_for_both(void **state)
{
	static const char name[] = "30{31{30{<2.5.4.3>0C{'Test CA'}}}}";
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_OTHER_CA);
	struct cert_plan plans[] = { plan_auth(), plan_sign() };
	struct fuda_trust *trust;

	(void)state;
	ca.field[F_SUBJECT] = ca.field[F_ISSUER] = name;
	trust = trust_in(&ca, 1);
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		plans[i].signer = KEY_OTHER_CA;
		plans[i].field[F_ISSUER] = name;
		assert_rule(judge(trust, &plans[i], FUDA_USE_UNKNOWN, TEST_NOW), FUDA_RESULT_OK,
			    "");
	}
	fuda_trust_free(&trust);
}

/* The same name in another string type. */
static void compares_names_as_text(void **state)
{
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA), plan = plan_auth();
	struct fuda_trust *trust;

	(void)state;
	ca.field[F_SUBJECT] = "30{31{30{<2.5.4.3>0C{'Test CA'}}}}";
	plan.field[F_ISSUER] = "30{31{30{<2.5.4.3>13{'Test CA'}}}}";
	trust = trust_in(&ca, 1);
	assert_rule(judge(trust, &plan, FUDA_USE_AUTH, TEST_NOW), FUDA_RESULT_OK, "");
	fuda_trust_free(&trust);
}

/* Issuers that are named with --trust and must not be. */
static void insists_on_issuer(void **state)
{
	static const struct {
		enum cert_field field;
		const char *der;
		enum fuda_result result;
		const char *rule;
	} cases[] = {
		{ F_BC, "", FUDA_RESULT_INVALID_CERTIFICATE, "issuer_not_ca" },
		{ F_BC, "30{<2.5.29.19>0101FF04{30{}}}", FUDA_RESULT_INVALID_CERTIFICATE,
		  "issuer_not_ca" },
		{ F_KU, "", FUDA_RESULT_INVALID_CERTIFICATE, "issuer_not_ca" },
		{ F_KU, "30{<2.5.29.15>0101FF04{03020780}}", FUDA_RESULT_INVALID_CERTIFICATE,
		  "issuer_not_ca" },
		{ F_KU, "30{<2.5.29.15>0101FF04{03020102}}", FUDA_RESULT_INVALID_CERTIFICATE,
		  "issuer_not_ca" }, /* cRLSign alone */
		{ F_SUBJECT, "30{31{30{<2.5.4.3>0C{'x'}}}}", FUDA_RESULT_INVALID_CERTIFICATE,
		  "issuer_name" },
		{ F_VALIDITY, "30{17{'150101000000Z'}17{'261119235959Z'}}",
		  FUDA_RESULT_CERTIFICATE_EXPIRED, "issuer_expired" },
		{ F_VALIDITY, "30{17{'261120000001Z'}17{'360101000000Z'}}",
		  FUDA_RESULT_INVALID_CERTIFICATE, "issuer_not_yet_valid" },
	};
	struct cert_plan plan = plan_auth();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
		struct fuda_trust *trust;

		ca.field[cases[i].field] = cases[i].der;
		trust = trust_in(&ca, 1);
		assert_rule(judge(trust, &plan, FUDA_USE_AUTH, TEST_NOW), cases[i].result,
			    cases[i].rule);
		fuda_trust_free(&trust);
	}
}

static void insists_on_keys(void **state)
{
	static const enum test_key keys[] = { KEY_SMALL, KEY_EC, KEY_P521, KEY_BRAINPOOL,
					      KEY_ED25519 };
	struct fuda_trust *trust = usual_trust();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct cert_plan plan = plan_auth(), ca = plan_ca(FUDA_USE_AUTH, keys[i]);
		struct fuda_trust *weak = trust_in(&ca, 1);

		plan.key = keys[i];
		assert_rule(judge(trust, &plan, FUDA_USE_AUTH, TEST_NOW),
			    FUDA_RESULT_UNSUPPORTED_CERTIFICATE, "profile_key");
		plan = plan_auth();
		plan.signer = keys[i];
		assert_rule(judge(weak, &plan, FUDA_USE_AUTH, TEST_NOW),
			    FUDA_RESULT_UNSUPPORTED_CERTIFICATE, "issuer_key");
		fuda_trust_free(&weak);
	}
	fuda_trust_free(&trust);
}

/* What mobile credentials are signed with is not accepted here, though it is known. */
static void mobile_credentials_are_others(void **state)
{
	static const struct {
		enum test_key key;
		const char *algorithm;
		enum fuda_hash hash;
	} cas[] = {
		{ KEY_EC, "30{<1.2.840.10045.4.3.2>}", FUDA_SHA256 },
		{ KEY_P521, "30{<1.2.840.10045.4.3.4>}", FUDA_SHA512 },
		{ KEY_ED25519, "30{<1.3.101.112>}", FUDA_SHA256 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cas); i++) {
		struct cert_plan plan = plan_auth(), ca = plan_ca(FUDA_USE_AUTH, cas[i].key);
		struct fuda_trust *trust;

		ca.field[F_ALGORITHM] = plan.field[F_ALGORITHM] = cas[i].algorithm;
		ca.hash = plan.hash = cas[i].hash;
		plan.signer = cas[i].key;
		trust = trust_in(&ca, 1);
		assert_rule(judge(trust, &plan, FUDA_USE_AUTH, TEST_NOW),
			    FUDA_RESULT_UNSUPPORTED_CERTIFICATE, "profile_signature_algorithm");
		fuda_trust_free(&trust);
	}
}

#define ALGORITHM_ECDSA "30{<1.2.840.10045.4.3.3>}"

/* The next generation's keys (card.md 7), for the CA, the holder, or both. */
static void p384(void **state)
{
	static const char message[] = "challenge";

	(void)state;
	for (int which = 1; which <= 3; which++) {
		enum test_key ca_key = which & 1 ? KEY_P384 : KEY_AUTH_CA;
		struct cert_plan ca = plan_ca(FUDA_USE_AUTH, ca_key), plan = plan_auth();
		_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
		struct fuda_signed s = { .padding = which & 2 ? FUDA_ECDSA : FUDA_PKCS1 };
		struct fuda_verdict v;
		struct fuda_trust *trust;
		struct fuda_cert *cert;

		plan.signer = ca_key;
		plan.key = which & 2 ? KEY_P384 : KEY_HOLDER;
		ca.hash = plan.hash = FUDA_SHA384;
		ca.field[F_ALGORITHM] = plan.field[F_ALGORITHM] =
			which & 1 ? ALGORITHM_ECDSA : "30{<1.2.840.113549.1.1.12>0500}";
		trust = trust_in(&ca, 1);
		assert_rule(judge(trust, &plan, FUDA_USE_AUTH, TEST_NOW), FUDA_RESULT_OK, "");
		/* a signature by the holder */
		cert = cert_of(&plan);
		assert_int_equal(fuda_digest_bytes(FUDA_SHA384, message, sizeof(message),
						   &s.digest),
				 0);
		test_sign(plan.key, s.padding, &s.digest, &signature);
		s.signature = signature.data;
		s.signature_len = signature.len;
		assert_int_equal(fuda_verify(trust, cert, FUDA_USE_AUTH, TEST_NOW, &s, &v), 0);
		assert_rule(v, FUDA_RESULT_OK, "");
		signature.data[signature.len - 1] ^= 1;
		assert_int_equal(fuda_verify(trust, cert, FUDA_USE_AUTH, TEST_NOW, &s, &v), 0);
		assert_rule(v, FUDA_RESULT_SIGNATURE_MISMATCH, "signature_mismatch");
		fuda_cert_free(&cert);
		fuda_trust_free(&trust);
	}
}

static void refuses_p384(void **state)
{
	static const struct {
		const char *algorithm;
		enum fuda_hash hash;
		enum cert_field field;
		const char *der, *rule;
	} cases[] = {
		/* parameters must be absent: RFC 5758 3.2 */
		{ "30{<1.2.840.10045.4.3.3>0500}", FUDA_SHA384, F_EXTRA, "",
		  "profile_signature_algorithm" },
		{ "30{<1.2.840.10045.4.3.2>}", FUDA_SHA256, F_EXTRA, "",
		  "profile_signature_algorithm" },
		{ "30{<1.2.840.10045.4.3.4>}", FUDA_SHA512, F_EXTRA, "",
		  "profile_signature_algorithm" },
		{ "30{<1.2.840.10045.4.1>}", FUDA_SHA1, F_EXTRA, "",
		  "profile_signature_algorithm" },
		/* what it says it is signed with must be what signed it */
		{ "30{<1.2.840.113549.1.1.12>0500}", FUDA_SHA384, F_EXTRA, "", "issuer_signature" },
		{ ALGORITHM_ECDSA, FUDA_SHA256, F_EXTRA, "", "issuer_signature" },
		/* r, s */
		{ ALGORITHM_ECDSA, FUDA_SHA384, F_SIGNATURE, "03{00 30{020100 020100}}",
		  "issuer_signature" },
		{ ALGORITHM_ECDSA, FUDA_SHA384, F_SIGNATURE, "03{00}", "issuer_signature" },
		{ ALGORITHM_ECDSA, FUDA_SHA384, F_SIGNATURE, "03{00$00}", "issuer_signature" },
	};
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_P384);
	struct fuda_trust *trust;

	(void)state;
	ca.hash = FUDA_SHA384;
	ca.field[F_ALGORITHM] = ALGORITHM_ECDSA;
	trust = trust_in(&ca, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cert_plan plan = plan_auth();

		plan.signer = KEY_P384;
		plan.hash = cases[i].hash;
		plan.field[F_ALGORITHM] = cases[i].algorithm;
		plan.field[cases[i].field] = cases[i].der;
		assert_string_equal(judge(trust, &plan, FUDA_USE_AUTH, TEST_NOW).rule,
				    cases[i].rule);
	}
	fuda_trust_free(&trust);
}

static void certificates_by_hash(void **state)
{
	static const struct {
		enum fuda_hash hash;
		const char *algorithm;
		const char *rule;
	} cases[] = {
		{ FUDA_SHA1, ALGORITHM_SHA1, "profile_signature_algorithm" },
		{ FUDA_SHA256, "30{<1.2.840.113549.1.1.11>}", "" }, /* no parameters */
		{ FUDA_SHA384, "30{<1.2.840.113549.1.1.12>0500}", "" },
		{ FUDA_SHA512, "30{<1.2.840.113549.1.1.13>0500}", "" },
	};
	struct fuda_trust *trust = usual_trust();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cert_plan plan = plan_auth();

		plan.hash = cases[i].hash;
		plan.field[F_ALGORITHM] = cases[i].algorithm;
		assert_string_equal(judge(trust, &plan, FUDA_USE_AUTH, TEST_NOW).rule,
				    cases[i].rule);
	}
	fuda_trust_free(&trust);
}

/* The world is known only of what a believed CA has signed. */
static void tells_the_world(void **state)
{
	struct cert_plan plan = plan_auth(), ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
	struct fuda_cert *ca_cert = cert_of(&ca);
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	char sha256[65];
	struct genuine_ca genuine = { "stand-in", FUDA_USE_AUTH, test_key_id(KEY_AUTH_CA), sha256 };
	struct fuda_trust *trust;

	(void)state;
	fuda_hex_encode(fuda_cert_facts(ca_cert)->sha256, 32, sha256);
	fuda_cert_free(&ca_cert);
	assert_int_equal(trust_new_with(ctx, &genuine, 1, &trust), 0);
	assert_int_equal(judge(trust, &plan, FUDA_USE_AUTH, TEST_NOW).world, FUDA_WORLD_UNKNOWN);
	cert_make(&ca, &der);
	assert_int_equal(fuda_trust_offer(trust, der.data, der.len), 0);
	assert_int_equal(judge(trust, &plan, FUDA_USE_AUTH, TEST_NOW).world, FUDA_WORLD_PRODUCTION);
	assert_int_equal(judge(trust, &ca, FUDA_USE_CA, TEST_NOW).world, FUDA_WORLD_PRODUCTION);
	/* expired is still of that world; forged is of none */
	assert_int_equal(judge(trust, &plan, FUDA_USE_AUTH, 2000000000).world,
			 FUDA_WORLD_PRODUCTION);
	plan.field[F_SIGNATURE] = "03{0001}";
	assert_int_equal(judge(trust, &plan, FUDA_USE_AUTH, TEST_NOW).world, FUDA_WORLD_UNKNOWN);
	fuda_trust_free(&trust);
}

/* A CA with the key identifier of the right one, in either order. */
static void shared_key_ids(void **state)
{
	char ski[128];
	struct cert_plan cas[3] = { plan_ca(FUDA_USE_AUTH, KEY_OTHER_CA),
				    plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA),
				    plan_ca(FUDA_USE_AUTH, KEY_OTHER_CA) };
	struct cert_plan plan = plan_auth();

	(void)state;
	snprintf(ski, sizeof(ski), "30{<2.5.29.14>04{04{%s}}}", test_key_id(KEY_AUTH_CA));
	cas[0].field[F_SKI] = cas[2].field[F_SKI] = ski;
	for (size_t i = 0; i <= 1; i++) {
		struct fuda_trust *trust = trust_in(&cas[i], 2);

		assert_rule(judge(trust, &plan, FUDA_USE_AUTH, TEST_NOW), FUDA_RESULT_OK, "");
		fuda_trust_free(&trust);
	}
}

/* ---- signatures ---- */

static struct fuda_digest digest_of(enum fuda_hash hash, const char *text)
{
	struct fuda_digest digest;

	assert_int_equal(fuda_digest_bytes(hash, text, strlen(text), &digest), 0);
	return digest;
}

/* The rule that a signature under the authentication certificate breaks. */
static const char *signature_rule(const struct fuda_signed *s)
{
	struct fuda_trust *trust = usual_trust();
	struct cert_plan plan = plan_auth();
	struct fuda_cert *cert = cert_of(&plan);
	struct fuda_verdict v = { 0 };

	assert_int_equal(fuda_verify(trust, cert, FUDA_USE_AUTH, TEST_NOW, s, &v), 0);
	assert_int_equal(v.result, v.rule[0] ? FUDA_RESULT_SIGNATURE_MISMATCH : FUDA_RESULT_OK);
	assert_int_equal(v.world, FUDA_WORLD_TEST);
	fuda_cert_free(&cert);
	fuda_trust_free(&trust);
	return v.rule;
}

/* How signatures are judged is in test-key.c; what is said of them is here. */
static void judges_signatures(void **state)
{
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
	struct fuda_signed s = { digest_of(FUDA_SHA256, "challenge"), FUDA_PKCS1 };

	(void)state;
	for (s.padding = FUDA_PKCS1; s.padding <= FUDA_PSS; s.padding++) {
		test_sign(KEY_HOLDER, s.padding, &s.digest, &signature);
		s.signature = signature.data;
		s.signature_len = signature.len;
		assert_string_equal(signature_rule(&s), "");
		s.signature_len--;
		assert_string_equal(signature_rule(&s), "signature_mismatch");
		s.signature_len = 0;
		assert_string_equal(signature_rule(&s), "signature_mismatch");
	}
	s = (struct fuda_signed){ digest_of(FUDA_SHA1, "challenge"), FUDA_PKCS1 };
	test_sign(KEY_HOLDER, FUDA_PKCS1, &s.digest, &signature);
	s.signature = signature.data;
	s.signature_len = signature.len;
	assert_string_equal(signature_rule(&s), "signature_algorithm");
	s.digest = digest_of(FUDA_SHA256, "challenge");
	assert_string_equal(signature_rule(&s), "signature_mismatch");
}

/* A good signature does not heal a bad certificate, whose rule comes first. */
static void certificate_first(void **state)
{
	struct fuda_trust *trust = usual_trust();
	struct cert_plan plan = plan_auth();
	struct fuda_cert *cert = cert_of(&plan);
	struct fuda_signed s = { digest_of(FUDA_SHA256, "x"), FUDA_PKCS1, (const uint8_t *)"", 0 };
	struct fuda_verdict v;

	(void)state;
	assert_int_equal(fuda_verify(trust, cert, FUDA_USE_AUTH, 1901286000, &s, &v), 0);
	assert_rule(v, FUDA_RESULT_CERTIFICATE_EXPIRED, "expired");
	assert_int_equal(fuda_verify(trust, cert, FUDA_USE_SIGN, TEST_NOW, &s, &v), 0);
	assert_rule(v, FUDA_RESULT_INVALID_CERTIFICATE, "profile_use");
	fuda_cert_free(&cert);
	/* nor does a certificate without a usable key ever reach the signature */
	plan.key = KEY_EC;
	cert = cert_of(&plan);
	assert_int_equal(fuda_verify(trust, cert, FUDA_USE_AUTH, TEST_NOW, &s, &v), 0);
	assert_rule(v, FUDA_RESULT_UNSUPPORTED_CERTIFICATE, "profile_key");
	fuda_cert_free(&cert);
	fuda_trust_free(&trust);
}

/* No changed byte goes unnoticed. */
static void every_byte_counts(void **state)
{
	struct fuda_trust *trust = usual_trust();
	struct cert_plan plan = plan_sign();
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	(void)state;
	cert_make(&plan, &der);
	for (size_t i = 0; i < der.len; i++) {
		for (unsigned flip = 0x01; flip <= 0x80; flip <<= 7) {
			struct fuda_cert *cert = NULL;
			struct fuda_verdict v;

			der.data[i] ^= (uint8_t)flip;
			if (fuda_cert_new(ctx, der.data, der.len, &cert) == 0) {
				assert_int_equal(fuda_verify(trust, cert, FUDA_USE_SIGN, TEST_NOW,
							     NULL, &v),
						 0);
				if (v.result == FUDA_RESULT_OK)
					fail_msg("byte %zu may be changed", i);
			}
			fuda_cert_free(&cert);
			der.data[i] ^= (uint8_t)flip;
		}
	}
	fuda_trust_free(&trust);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(fuda_result_name(FUDA_RESULT_OK), "ok");
	assert_string_equal(fuda_result_name(FUDA_RESULT_INVALID_CERTIFICATE), "invalid_"
									       "certificate");
	assert_string_equal(fuda_result_name(FUDA_RESULT_UNSUPPORTED_CERTIFICATE), "unsupported_"
										   "certificate");
	assert_string_equal(fuda_result_name(FUDA_RESULT_CERTIFICATE_EXPIRED), "certificate_"
									       "expired");
	assert_string_equal(fuda_result_name(FUDA_RESULT_CERTIFICATE_REVOKED), "certificate_"
									       "revoked");
	assert_string_equal(fuda_result_name(FUDA_RESULT_SIGNATURE_MISMATCH), "signature_mismatch");
	assert_string_equal(fuda_result_name(FUDA_RESULT_REVOCATION_UNKNOWN), "revocation_unknown");
	assert_string_equal(fuda_world_name(FUDA_WORLD_UNKNOWN), "unknown");
	assert_string_equal(fuda_world_name(FUDA_WORLD_PRODUCTION), "production");
	assert_string_equal(fuda_world_name(FUDA_WORLD_TEST), "test");
	assert_string_equal(fuda_revocation_name(FUDA_REVOCATION_NOT_CHECKED), "not_checked");
	assert_string_equal(fuda_revocation_name(FUDA_REVOCATION_GOOD), "good");
	assert_string_equal(fuda_revocation_name(FUDA_REVOCATION_REVOKED), "revoked");
	assert_string_equal(fuda_revocation_name(FUDA_REVOCATION_UNKNOWN), "unknown");
	assert_string_equal(fuda_rule_text("no_such_rule"), "");
	assert_non_null(strstr(fuda_rule_text("authority_unknown"), "--cv-trust"));
}

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd) < 0 ? -1 : fuda_context_new(&ctx);
}

static int teardown(void **state)
{
	(void)state;
	fuda_context_free(&ctx);
	return unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(keeps_time),
		cmocka_unit_test(insists_on_profile),
		cmocka_unit_test(tells_uses_apart),
		cmocka_unit_test(one_ca_for_both),
		cmocka_unit_test(compares_names_as_text),
		cmocka_unit_test(insists_on_issuer),
		cmocka_unit_test(insists_on_keys),
		cmocka_unit_test(mobile_credentials_are_others),
		cmocka_unit_test(p384),
		cmocka_unit_test(refuses_p384),
		cmocka_unit_test(certificates_by_hash),
		cmocka_unit_test(tells_the_world),
		cmocka_unit_test(shared_key_ids),
		cmocka_unit_test(judges_signatures),
		cmocka_unit_test(certificate_first),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
