/* SPDX-License-Identifier: Apache-2.0 */
/* Who signed a challenge: every word of the verdict, and what is known of the holder then. */
#include "service/verify.h"

#include <fuda/encode.h>
#include "tests/crls.h"
#include "tests/scratch.h"

static struct fuda_context *ctx;
static struct fuda_trust *trust;
static struct revocation *revocation; /* with plan_crl(): 05 is on it, 01A2B3C4 is too */
static struct fuda_digest digest;

/* What is judged: a good one, unless a test changes a part. */
struct attempt {
	struct cert_plan plan;
	enum test_key signer;
	enum fuda_padding padding;
	const struct fuda_digest *signed_; /* what really is */
	struct revocation *revocation;
	bool without_signature;
	time_t at;
	struct holder holder;
	const char *rule;
};

#define FREE_SERIAL "020401A2B3C5"

static struct attempt attempt(void)
{
	struct attempt a = {
		.plan = plan_auth(),
		.signer = KEY_HOLDER,
		.padding = FUDA_PKCS1,
		.signed_ = &digest,
		.revocation = revocation,
		.at = TEST_NOW,
	};

	a.plan.field[F_SERIAL] = FREE_SERIAL;
	return a;
}

static const char *judge_der(struct attempt *a, const struct fuda_buf *der)
{
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
	struct verdict verdict = { 0 };

	test_sign(a->signer, a->padding, a->signed_, &signature);
	memset(&a->holder, 0xEE, sizeof(a->holder));
	assert_int_equal(verify_holder(ctx, trust, a->revocation, der->data, der->len, &digest,
				       a->without_signature ? NULL : signature.data, signature.len,
				       a->at, &a->holder, &verdict),
			 0);
	a->rule = verdict.rule;
	assert_non_null(verdict.rule);
	return verdict.result;
}

static const char *judge(struct attempt *a)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	cert_make(&a->plan, &der);
	return judge_der(a, &der);
}

static void assert_untouched(const struct holder *holder)
{
	for (size_t i = 0; i < sizeof(*holder); i++)
		assert_int_equal(((const uint8_t *)holder)[i], 0xEE);
}

static void tells_who_it_is(void **state)
{
	struct attempt a = attempt();

	(void)state;
	assert_string_equal(judge(&a), "ok");
	assert_string_equal(a.rule, "");
	assert_string_equal(a.holder.kind, "card_auth");
	assert_int_equal(a.holder.serial_len, 4);
	assert_memory_equal(a.holder.serial, "\x01\xA2\xB3\xC5", 4);
	assert_int_equal(a.holder.world, FUDA_WORLD_TEST);
	/* the certificate alone: for the tap flow */
	a.without_signature = true;
	a.signed_ = &digest;
	assert_string_equal(judge(&a), "ok");
	assert_int_equal(a.holder.serial_len, 4);
}

/* By its definition in the header, from the parts. */
static void tells_the_issuer(void **state)
{
	_cleanup_buf_ struct fuda_buf text = TEST_BUF;
	struct attempt a = attempt();
	struct fuda_digest expected;
	char notation[1024];

	(void)state;
	assert_string_equal(judge(&a), "ok");
	snprintf(notation, sizeof(notation), "{%s}%s", test_key_id(KEY_AUTH_CA),
		 a.plan.field[F_ISSUER]);
	der_write(&text, notation);
	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, text.data, text.len, &expected), 0);
	assert_memory_equal(a.holder.issuer, expected.bytes, ISSUER_BYTES);
}

/* Another generation of the CA has the same name: equal numbers are not of the same holder. */
static void tells_generations_apart(void **state)
{
	_cleanup_(fuda_trust_free) struct fuda_trust *both = NULL;
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
	struct cert_plan next = plan_ca(FUDA_USE_AUTH, KEY_OTHER_CA);
	struct fuda_trust *before = trust;
	struct attempt a = attempt(), b = attempt();

	(void)state;
	assert_int_equal(fuda_trust_new(ctx, &both), 0);
	believe(both, &ca);
	believe(both, &next);
	trust = both;
	a.revocation = b.revocation = NULL;
	b.plan.signer = KEY_OTHER_CA;
	assert_string_equal(judge(&a), "ok");
	assert_string_equal(judge(&b), "ok");
	trust = before;
	assert_memory_equal(a.holder.serial, b.holder.serial, SERIAL_MAX);
	assert_memory_not_equal(a.holder.issuer, b.holder.issuer, ISSUER_BYTES);
}

/* ---- revocation ---- */

static void tells_the_revoked(void **state)
{
	struct attempt a = attempt();

	(void)state;
	a.plan.field[F_SERIAL] = "020401A2B3C4";
	assert_string_equal(judge(&a), "certificate_revoked");
	assert_string_equal(a.rule, "");
	assert_memory_equal(a.holder.serial, "\x01\xA2\xB3\xC4", 4);
	/* to who does not have its key it is not told */
	a.signer = KEY_OTHER_CA;
	assert_string_equal(judge(&a), "signature_mismatch");
	assert_untouched(&a.holder);
	a = attempt();
	a.plan.field[F_SERIAL] = "020401A2B3C4";
	a.revocation = NULL;
	assert_string_equal(judge(&a), "ok");
}

static void tells_when_nothing_is_known(void **state)
{
	struct revocation_config config = { NULL, 0 };
	struct revocation *none = NULL;
	struct attempt a = attempt();

	(void)state;
	a.at = TEST_NOW + 42 * 3600;
	assert_string_equal(judge(&a), "ok");
	a.at++;
	assert_string_equal(judge(&a), "revocation_info_stale");
	assert_string_equal(a.rule, "");
	assert_int_equal(a.holder.serial_len, 4); /* all else is good */
	assert_int_equal(revocation_new(ctx, &config, trust, &none), 0);
	a = attempt();
	a.revocation = none;
	assert_string_equal(judge(&a), "revocation_info_stale");
	revocation_free(&none);
}

/* ---- refusals ---- */

static void refuses_certificates(void **state)
{
	static const struct {
		enum cert_field field;
		const char *notation, *result, *rule;
	} cases[] = {
		{ F_VALIDITY, "30{17{'250401000000Z'}17{'261119235959Z'}}", "certificate_expired",
		  "expired" },
		{ F_VALIDITY, "30{17{'261120000001Z'}17{'300401145959Z'}}", "invalid_certificate",
		  "not_yet_valid" },
		{ F_AKI, "30{<2.5.29.35>04{30{80{00112233}}}}", "invalid_certificate",
		  "issuer_unknown" },
		{ F_AKI, "", "invalid_certificate", "issuer_unknown" },
		{ F_ISSUER, "30{31{30{<2.5.4.6>13{'JP'}}}}", "invalid_certificate", "issuer_name" },
		{ F_SIGNATURE, "03{0000}", "invalid_certificate", "issuer_signature" },
		{ F_KU, "30{<2.5.29.15>0101FF04{030206C0}}", "invalid_certificate", "issuer_use" },
		{ F_EKU, "", "invalid_certificate", "profile_extended_key_usage" },
		{ F_POLICY, "", "unsupported_certificate", "profile_policy" },
		{ F_EXTRA, "30{<1.2.3>0101FF04{0500}}", "unsupported_certificate",
		  "profile_critical_extension" },
		{ F_BC, "30{<2.5.29.19>04{30{0101FF}}}", "invalid_certificate",
		  "profile_basic_constraints" },
		/* malformed */
		{ F_VERSION, "", "invalid_certificate", "" },
		{ F_SERIAL, "020100", "invalid_certificate", "" },
		{ F_SERIAL, "02150101010101010101010101010101010101010101010101",
		  "invalid_certificate", "" },
		{ F_SERIAL, "0201FF", "invalid_certificate", "" },
		{ F_BEHIND, "0500", "invalid_certificate", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct attempt a = attempt();
		const char *result;

		a.plan.field[cases[i].field] = cases[i].notation;
		result = judge(&a);
		if (strcmp(result, cases[i].result) != 0 || strcmp(a.rule, cases[i].rule) != 0)
			fail_msg("case %zu: %s, %s", i, result, a.rule);
		assert_untouched(&a.holder);
	}
}

/* The certificate for signatures tells a person's name: it is not for this. */
static void refuses_other_kinds(void **state)
{
	struct attempt a = attempt();

	(void)state;
	a.plan = plan_sign();
	assert_string_equal(judge(&a), "invalid_certificate");
	a.plan = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
	a.signer = KEY_AUTH_CA;
	assert_string_equal(judge(&a), "invalid_certificate");
	/* keys that today's cards do not have, with a signature or without */
	a = attempt();
	a.plan.key = a.signer = KEY_SMALL;
	assert_string_equal(judge(&a), "unsupported_certificate");
	assert_string_equal(a.rule, "profile_key");
	a = attempt();
	a.plan.key = KEY_P384;
	for (int i = 0; i < 2; i++) {
		a.without_signature = i;
		assert_string_equal(judge(&a), "unsupported_certificate");
		assert_string_equal(a.rule, "profile_key");
		assert_untouched(&a.holder);
	}
	/* by a CA that nobody believes, though it says the right name */
	a = attempt();
	a.plan.signer = KEY_OTHER_CA;
	assert_string_equal(judge(&a), "invalid_certificate");
	assert_string_equal(a.rule, "issuer_unknown");
}

static void refuses_signatures(void **state)
{
	struct fuda_digest other;
	struct attempt a = attempt();

	(void)state;
	a.signer = KEY_OTHER_CA;
	assert_string_equal(judge(&a), "signature_mismatch");
	assert_string_equal(a.rule, "signature_mismatch");
	assert_untouched(&a.holder);
	a = attempt();
	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, "b", 1, &other), 0);
	a.signed_ = &other;
	assert_string_equal(judge(&a), "signature_mismatch");
	a = attempt();
	a.padding = FUDA_PSS;
	assert_string_equal(judge(&a), "signature_mismatch");
	a = attempt();
	a.signer = KEY_SMALL; /* shorter */
	assert_string_equal(judge(&a), "signature_mismatch");
	a = attempt();
	assert_int_equal(fuda_digest_bytes(FUDA_SHA512, "a", 1, &other), 0);
	a.signed_ = &other;
	assert_string_equal(judge(&a), "signature_mismatch");
}

/* It is the caller who hashes: of another hash nothing is judged at all. */
static void refuses_other_digests(void **state)
{
	static const uint8_t signature[256];
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct attempt a = attempt();
	struct fuda_digest other;
	struct verdict verdict = { 0 };

	(void)state;
	cert_make(&a.plan, &der);
	assert_int_equal(fuda_digest_bytes(FUDA_SHA512, "a", 1, &other), 0);
	assert_int_equal(verify_holder(ctx, trust, NULL, der.data, der.len, &other, signature, 256,
				       TEST_NOW, &a.holder, &verdict),
			 FUDA_EINVAL);
	assert_null(verdict.result);
}

/* Nothing of what is changed or cut off is good, and nothing of it is told. */
static void refuses_changed_certificates(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct attempt a = attempt();

	(void)state;
	cert_make(&a.plan, &der);
	a.without_signature = true;
	for (size_t i = 0; i < der.len; i += 3) {
		der.data[i] ^= (uint8_t)(1 << i % 8);
		if (strcmp(judge_der(&a, &der), "ok") == 0)
			fail_msg("byte %zu", i);
		assert_untouched(&a.holder);
		der.data[i] ^= (uint8_t)(1 << i % 8);
	}
	assert_string_equal(judge_der(&a, &der), "ok");
	for (size_t cut = 1; cut < der.len; cut += 7) {
		struct fuda_buf part = der;

		part.len -= cut;
		assert_string_equal(judge_der(&a, &part), "invalid_certificate");
	}
	assert_int_equal(fuda_buf_append(&der, "", 1), 0);
	assert_string_equal(judge_der(&a, &der), "invalid_certificate");
}

/* What is written down of a refusal does not tell whose certificate it was. */
static void keeps_silent(void **state)
{
	struct attempt a = attempt();
	const char *message;

	(void)state;
	a.plan.field[F_BEHIND] = "0500";
	assert_string_equal(judge(&a), "invalid_certificate");
	message = fuda_context_message(ctx);
	assert_true(message[0]);
	assert_null(strstr(message, "01A2B3C5"));
	assert_null(strstr(message, "0A1B2C3D"));
}

/* It begins long ago: what begins in the future of the real clock would not be taken. */
static int load_list(void)
{
	static const char *files[2];
	static char path[128];
	static struct revocation_config config = { files, 0 };
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct crl_plan plan = plan_crl();
	FILE *f;

	plan.field[L_THIS] = "17{'250501000000Z'}";
	crl_make(&plan, &der);
	snprintf(path, sizeof(path), "%s", scratch_path("list.crl"));
	files[0] = path;
	f = fopen(path, "wb");
	if (!f || fwrite(der.data, 1, der.len, f) != der.len || fclose(f) != 0 ||
	    revocation_new(ctx, &config, trust, &revocation) < 0)
		return -1;
	return revocation_refresh(ctx, revocation);
}

static int setup(void **state)
{
	struct cert_plan cas[] = { plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA),
				   plan_ca(FUDA_USE_SIGN, KEY_SIGN_CA) };

	if (scratch_setup(state) < 0 || fuda_context_new(&ctx) < 0 ||
	    fuda_trust_new(ctx, &trust) < 0)
		return -1;
	believe(trust, &cas[0]);
	believe(trust, &cas[1]);
	if (fuda_digest_bytes(FUDA_SHA256, "a", 1, &digest) < 0)
		return -1;
	return load_list();
}

static int teardown(void **state)
{
	revocation_free(&revocation);
	fuda_trust_free(&trust);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_who_it_is),
		cmocka_unit_test(tells_the_issuer),
		cmocka_unit_test(tells_generations_apart),
		cmocka_unit_test(tells_the_revoked),
		cmocka_unit_test(tells_when_nothing_is_known),
		cmocka_unit_test(refuses_certificates),
		cmocka_unit_test(refuses_other_kinds),
		cmocka_unit_test(refuses_signatures),
		cmocka_unit_test(refuses_other_digests),
		cmocka_unit_test(refuses_changed_certificates),
		cmocka_unit_test(keeps_silent),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
