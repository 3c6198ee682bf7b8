/* SPDX-License-Identifier: Apache-2.0 */
/* Issuing as programs do it: what is issued is presented and verified. */
#include <fuda/encode.h>
#include <stdio.h>

#include "mdoc/cose.h"
#include "mdoc/key.h"
#include "tests/mdoc-certs.h"
#include "tests/profile-stand.h"

static struct fuda_mdoc_attributes *hanako;
static struct fuda_mdoc_key *phone;
static struct fuda_mdoc_trust *trust;

static const uint8_t face[] = { 0xFF, 0x4F, 0xFF, 0x51, 0x00, 0x2F };

/* Writes a certificate as PEM. */
static void write_certificate(const char *name, const struct cert_plan *plan)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF, pem = TEST_BUF;

	cert_make(plan, &der);
	assert_int_equal(fuda_pem_encode("CERTIFICATE", der.data, der.len, &pem), 0);
	assert_int_equal(fuda_buf_append(&pem, "", 1), 0);
	scratch_write(name, (const char *)pem.data, 0600);
}

static void write_key(const char *name, enum test_key key)
{
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;

	test_private(key, &pem);
	assert_int_equal(fuda_buf_append(&pem, "", 1), 0);
	scratch_write(name, (const char *)pem.data, 0600);
}

static int setup(void **state)
{
	static const char *const attributes[][2] = {
		{ "name", "番号　花子" },       { "address", "東京都千代田区霞が関２丁目１番２号" },
		{ "birth_date", "2006-11-20" }, { "sex", "female" },
		{ "local_gov_code", "01100" },  { "individual_number", "123456789018" },
	};
	struct cert_plan root = plan_mdoc(CERT_ROOT), ds = plan_mdoc(CERT_DS);

	if (profile_setup(state) < 0 || fuda_mdoc_attributes_new(ctx, &hanako) < 0 ||
	    fuda_mdoc_key_new(ctx, &phone) < 0 || fuda_mdoc_trust_new(ctx, &trust) < 0 ||
	    fuda_mdoc_attributes_set_portrait(ctx, hanako, face, sizeof(face)) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		if (fuda_mdoc_attributes_set(ctx, hanako, attributes[i][0], attributes[i][1]) < 0)
			return -1;
	believe_mdoc(trust, &root, false);
	write_certificate("ds.pem", &ds);
	write_key("ds-key.pem", KEY_DS);
	return 0;
}

static int teardown(void **state)
{
	fuda_mdoc_attributes_free(&hanako);
	fuda_mdoc_key_free(&phone);
	fuda_mdoc_trust_free(&trust);
	return profile_teardown(state);
}

static struct fuda_mdoc_issuer *issuer_of(const char *certificate, const char *key, int code)
{
	const struct fuda_mdoc_signer signer = { .certificate = scratch_path(certificate),
						 .key = scratch_path(key) };
	struct fuda_mdoc_issuer *issuer = NULL;
	int e = fuda_mdoc_issuer_new(ctx, &signer, &issuer);

	if (e != code)
		fail_msg("%s, %s: %d, %s", certificate, key, e, fuda_context_message(ctx));
	assert_true(e == 0 ? issuer != NULL : issuer == NULL && *fuda_context_message(ctx));
	return issuer;
}

static struct fuda_mdoc_order order_of(const char *profile)
{
	return (struct fuda_mdoc_order){
		.profile = profile, .attributes = hanako, .key = phone, .at = TEST_NOW, .decoys = 3
	};
}

static struct fuda_mdoc_span span(const struct fuda_buf *b)
{
	return (struct fuda_mdoc_span){ b->data, b->len };
}

/* ---- what is issued ---- */

static const struct {
	const char *attribute, *value;
} wanted[] = {
	{ "name", "番号　花子" },       { "address", "東京都千代田区霞が関２丁目１番２号" },
	{ "birth_date", "2006-11-20" }, { "sex", "female" },
	{ "local_gov_code", "01100" },  { "individual_number", "123456789018" },
	{ "age_in_years", "20" },       { "age_over_20", "true" },
};

static void check_element(const struct fuda_mdoc_document *d, const struct fuda_mdoc_element *e)
{
	const struct fuda_mdoc_policy policy = { .at = TEST_NOW };
	_cleanup_buf_ struct fuda_buf value = TEST_BUF;
	bool known = false;

	assert_true(e->good);
	assert_int_equal(fuda_mdoc_element_text(shipped, d, e, &policy, &value), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (strcmp(wanted[i].attribute, e->attribute) != 0)
			continue;
		known = true;
		if (value.len != strlen(wanted[i].value) ||
		    memcmp(value.data, wanted[i].value, value.len) != 0)
			fail_msg("%s: %.*s", e->attribute, (int)value.len,
				 (const char *)value.data);
	}
	assert_true(known);
}

/* Without a finding, every attribute as it was given. */
static void verify(const struct fuda_buf *issued, const char *profile)
{
	_cleanup_buf_ struct fuda_buf transcript = TEST_BUF, request = TEST_BUF,
				      response = TEST_BUF;
	const struct fuda_mdoc_policy policy = { .at = TEST_NOW };
	const struct fuda_mdoc_held held = { .issuer_signed = span(issued), .key = phone };
	struct fuda_mdoc_wish wishes[ARRAY_SIZE(wanted)];
	struct fuda_mdoc_result *result = NULL;
	struct fuda_mdoc_session session;

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_int_equal(fuda_mdoc_wish_find(shipped, profile, wanted[i].attribute,
						     &wishes[i]),
				 0);
	assert_int_equal(fuda_mdoc_transcript_dcapi(ctx, "https://example.jp", "n",
						    (struct fuda_mdoc_span){ 0 }, &transcript),
			 0);
	assert_int_equal(fuda_mdoc_request(ctx, wishes, ARRAY_SIZE(wishes), NULL, span(&transcript),
					   &request),
			 0);
	if (fuda_mdoc_present(ctx, span(&request), &held, 1, span(&transcript), NULL, NULL,
			      &response) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	session = (struct fuda_mdoc_session){ .transcript = span(&transcript),
					      .request = span(&request) };
	assert_int_equal(fuda_mdoc_verify(ctx, trust, shipped, &policy, &session, response.data,
					  response.len, &result),
			 0);
	assert_int_equal(result->document_count, 1);
	for (size_t i = 0; i < result->documents[0].findings.count; i++)
		fail_msg("%s (%s)",
			 fuda_mdoc_rule_name(result->documents[0].findings.found[i].rule),
			 result->documents[0].findings.found[i].detail);
	assert_int_equal(result->result, FUDA_RESULT_OK);
	assert_int_equal(result->documents[0].element_count, ARRAY_SIZE(wanted));
	assert_int_equal(result->documents[0].valid_from, TEST_NOW);
	assert_int_equal(result->documents[0].valid_until, TEST_NOW + 30 * 86400);
	for (size_t i = 0; i < result->documents[0].element_count; i++)
		check_element(&result->documents[0], &result->documents[0].elements[i]);
	fuda_mdoc_result_free(&result);
}

static void what_is_issued_is_good(void **state)
{
	static const char *const profiles[] = { "deployed-2025", "tender-r6" };
	struct fuda_mdoc_issuer *issuer = issuer_of("ds.pem", "ds-key.pem", 0);

	(void)state;
	assert_int_equal(fuda_cert_facts(fuda_mdoc_issuer_certificate(issuer))->key_bits, 256);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(profiles); i++) {
		const struct fuda_mdoc_order order = order_of(profiles[i % 2]);
		_cleanup_buf_ struct fuda_buf issued = TEST_BUF;

		if (fuda_mdoc_issue(issuer, shipped, &order, &issued) < 0)
			fail_msg("%s", fuda_context_message(ctx));
		verify(&issued, profiles[i % 2]);
	}
	fuda_mdoc_issuer_free(&issuer);
	assert_null(issuer);
}

static void device_keys_have_several_forms(void **state)
{
	struct fuda_mdoc_issuer *issuer = issuer_of("ds.pem", "ds-key.pem", 0);
	_cleanup_buf_ struct fuda_buf cose = TEST_BUF, issued = TEST_BUF, none = TEST_BUF;
	struct cbor_out out = CBOR_OUT(&cose);
	struct fuda_mdoc_order order = order_of("tender-r6");
	const struct fuda_buf *bad[] = { &none, test_spki(KEY_HOLDER), &cose };

	(void)state;
	order.key = NULL;
	assert_int_equal(cose_key_put(&out, private_public(phone->private)), 0);
	order.device_key = span(&cose);
	assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &issued), 0);
	verify(&issued, "tender-r6");
	order.device_key = span(test_spki(KEY_EC));
	assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &none), 0);
	fuda_buf_clear(&none);
	cose.data[cose.len - 1] ^= 1; /* not on the curve */
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		order.device_key = span(bad[i]);
		assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &none), FUDA_EINVAL);
		assert_int_equal(none.len, 0);
	}
	fuda_mdoc_issuer_free(&issuer);
}

static void orders_that_cannot_be_are_refused(void **state)
{
	struct fuda_mdoc_issuer *issuer = issuer_of("ds.pem", "ds-key.pem", 0);
	const struct fuda_cert_facts *facts = fuda_cert_facts(fuda_mdoc_issuer_certificate(issuer));
	_cleanup_buf_ struct fuda_buf issued = TEST_BUF;
	struct fuda_mdoc_attributes *nobody;
	struct fuda_mdoc_order order;

	(void)state;
	order = order_of("tender-r7");
	assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &issued), FUDA_ENOTFOUND);
	order = order_of("tender-r6");
	order.days = 31;
	assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &issued), FUDA_EINVAL);
	order.days = 0;
	order.at = facts->not_before - 1;
	assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &issued), FUDA_EINVAL);
	order.at = facts->not_after;
	assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &issued), FUDA_EINVAL);
	assert_non_null(strstr(fuda_context_message(ctx), "expired"));
	order = order_of("tender-r6");
	order.decoys = 1000;
	assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &issued), FUDA_EINVAL);
	assert_int_equal(fuda_mdoc_attributes_new(ctx, &nobody), 0);
	order = order_of("tender-r6");
	order.attributes = nobody;
	assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &issued), FUDA_EINVAL);
	fuda_mdoc_attributes_free(&nobody);
	assert_int_equal(issued.len, 0);
	fuda_mdoc_issuer_free(&issuer);
}

/* ---- who may issue ---- */

static void only_a_document_signer_issues(void **state)
{
	static const char *const others[] = { "1.3.6.1.5.5.7.3.1", "1.0.18013.5.1.6", "2.999.1" };
	struct cert_plan plan = plan_mdoc(CERT_ROOT);
	struct fuda_mdoc_issuer *issuer;
	struct fuda_mdoc_signer signer;
	const char *const purposes[] = { "1.0.18013.5.1.2", "2.999.1", NULL };
	char notation[128];

	(void)state;
	write_certificate("root.pem", &plan);
	write_key("root-key.pem", KEY_IACA);
	issuer_of("root.pem", "root-key.pem", FUDA_EVERIFY);
	plan = plan_mdoc(CERT_DS);
	plan.field[F_EKU] = "";
	write_certificate("none.pem", &plan);
	issuer_of("none.pem", "ds-key.pem", FUDA_EVERIFY);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		snprintf(notation, sizeof(notation), PURPOSE("<%s>"), others[i]);
		plan.field[F_EKU] = notation;
		write_certificate("other.pem", &plan);
		issuer_of("other.pem", "ds-key.pem", FUDA_EVERIFY);
	}
	signer = (struct fuda_mdoc_signer){ scratch_path("other.pem"), scratch_path("ds-key.pem"),
					    .purposes = purposes };
	assert_int_equal(fuda_mdoc_issuer_new(ctx, &signer, &issuer), 0);
	fuda_mdoc_issuer_free(&issuer);
}

static void files_must_be_right(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct cert_plan plan = plan_mdoc(CERT_DS);
	struct fuda_mdoc_issuer *issuer;
	FILE *f;

	(void)state;
	write_key("other-key.pem", KEY_READER);
	issuer_of("ds.pem", "other-key.pem", FUDA_EVERIFY);
	issuer_of("ds.pem", "no such file", FUDA_EFILE);
	issuer_of("no such file", "ds-key.pem", FUDA_EFILE);
	issuer_of("ds.pem", "ds.pem", FUDA_EFORMAT);
	issuer_of("ds-key.pem", "ds-key.pem", FUDA_EVERIFY);
	scratch_write("empty", "", 0600);
	issuer_of("empty", "ds-key.pem", FUDA_EVERIFY);
	/* DER */
	cert_make(&plan, &der);
	f = fopen(scratch_path("ds.der"), "w");
	assert_non_null(f);
	assert_int_equal(fwrite(der.data, 1, der.len, f), der.len);
	assert_int_equal(fclose(f), 0);
	issuer = issuer_of("ds.der", "ds-key.pem", 0);
	fuda_mdoc_issuer_free(&issuer);
}

/* A key in a token is found by its URI, when everything else is known to be good; without the token
 * there is none. */
static void tokens_are_asked_for_by_uri(void **state)
{
	struct fuda_mdoc_signer signer = {
		.certificate = scratch_path("ds.pem"),
		.key = "pkcs11:object=ds",
		.module = "/nowhere/module.so",
	};
	_cleanup_buf_ struct fuda_buf issued = TEST_BUF;
	struct fuda_mdoc_issuer *issuer = NULL;
	struct fuda_mdoc_order order;
	int e;

	(void)state;
	assert_int_equal(fuda_mdoc_issuer_new(ctx, &signer, &issuer), 0);
	order = order_of("tender-r7");
	assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &issued), FUDA_ENOTFOUND);
	order = order_of("tender-r6");
	order.at = fuda_cert_facts(fuda_mdoc_issuer_certificate(issuer))->not_after;
	assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &issued), FUDA_EINVAL);
	order = order_of("tender-r6");
	order.key = NULL;
	assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &issued), FUDA_EINVAL);
	order = order_of("tender-r6");
	e = fuda_mdoc_issue(issuer, shipped, &order, &issued);
	assert_true(e == FUDA_EFILE || e == FUDA_ENOTSUP);
	assert_int_equal(fuda_mdoc_issue(issuer, shipped, &order, &issued), e);
	assert_non_null(strstr(fuda_context_message(ctx), "not tried again"));
	assert_int_equal(issued.len, 0);
	fuda_mdoc_issuer_free(&issuer);
	signer.key = "pkcs11:token=ds";
	assert_int_equal(fuda_mdoc_issuer_new(ctx, &signer, &issuer), FUDA_EINVAL);
	assert_null(issuer);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_issued_is_good),
		cmocka_unit_test(device_keys_have_several_forms),
		cmocka_unit_test(orders_that_cannot_be_are_refused),
		cmocka_unit_test(only_a_document_signer_issues),
		cmocka_unit_test(files_must_be_right),
		cmocka_unit_test(tokens_are_asked_for_by_uri),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
