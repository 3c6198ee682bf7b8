/* SPDX-License-Identifier: Apache-2.0 */
/* The software wallet before the library's own reader and judge: all is well with it, and each
 * fault breaks the rule that it should, and no other. */
#include "tests/softwallet.h"

#include <fuda/mdoc.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tests/cmocka.h"

enum { BIG = 1 << 19 };

#define MDL "org.iso.18013.5.1.mDL"

static const struct fuda_mdoc_wish wishes[] = {
	{ DOCTYPE, SPACE_JP, "full_name_unicode" },
	{ DOCTYPE, SPACE_JP, "birth_date_unicode" },
	{ DOCTYPE, SPACE_JP, "portrait" },
	{ DOCTYPE, SPACE_GLOBAL, "age_over_20" },
};
static const struct fuda_mdoc_wish all[] = {
	{ DOCTYPE, SPACE_JP, "full_name_unicode" },
	{ DOCTYPE, SPACE_JP, "birth_date_unicode" },
	{ DOCTYPE, SPACE_JP, "resident_address_unicode" },
	{ DOCTYPE, SPACE_JP, "sex_unicode" },
	{ DOCTYPE, SPACE_JP, "local_gov_code_unicode" },
	{ DOCTYPE, SPACE_JP, "individual_number_unicode" },
	{ DOCTYPE, SPACE_JP, "portrait" },
	{ DOCTYPE, SPACE_GLOBAL, "birth_date" },
	{ DOCTYPE, SPACE_GLOBAL, "sex" },
	{ DOCTYPE, SPACE_GLOBAL, "age_in_years" },
	{ DOCTYPE, SPACE_GLOBAL, "age_over_13" },
	{ DOCTYPE, SPACE_GLOBAL, "age_over_65" },
};
static const struct fuda_mdoc_wish licence[] = {
	{ MDL, SPACE_JP, "full_name_unicode" },
};

/* One tap: what is asked for, and what the list says. */
struct tap {
	const struct fuda_mdoc_wish *wishes;
	size_t count;
	const char *crl;
};

static struct fuda_context *ctx;
static struct fuda_mdoc_profiles *profiles;
static struct fuda_mdoc_trust *trust;

static struct fuda_mdoc_span span(const struct fuda_buf *b)
{
	return (struct fuda_mdoc_span){ b->data, b->len };
}

/* Asks and judges: the result points into the rest, which is freed by tap_free(). */
struct tapped {
	struct counter c;
	struct vcard *v;
	struct fuda_mdoc_reader *reader;
	struct fuda_buf request, response;
	struct fuda_mdoc_result *result;
};

static struct fuda_buf exchange(struct tapped *t)
{
	struct fuda_buf message = FUDA_BUF_INIT(BIG), answer, response = FUDA_BUF_INIT(BIG);

	expect(t->v, SELECT_MDOC, "9000");
	assert_int_equal(fuda_mdoc_reader_ask(t->reader, t->request.data, t->request.len, &message),
			 0);
	answer = counter_transfer(&t->c, cur_of(message.data, message.len));
	assert_int_equal(fuda_mdoc_reader_take(t->reader, answer.data, answer.len, &response), 0);
	fuda_buf_free(&message);
	fuda_buf_free(&answer);
	return response;
}

static void tap(struct tapped *t, const char *settings, const struct tap *how)
{
	const struct fuda_mdoc_policy policy = { .at = time(NULL), .crl = FUDA_MDOC_CRL_HARD };
	struct fuda_mdoc_session session;

	*t = (struct tapped){ .v = softwallet_on(settings), .request = FUDA_BUF_INIT(BIG) };
	fuda_mdoc_trust_free(&trust);
	assert_int_equal(fuda_mdoc_trust_new(ctx, &trust), 0);
	assert_int_equal(fuda_mdoc_trust_add_file(trust, softwallet_path("ca.pem")), 0);
	assert_int_equal(fuda_mdoc_trust_add_crl_file(trust, how->crl ? how->crl :
									softwallet_path("crl.pem")),
			 0);
	counter_negotiate(&t->c, t->v);
	assert_int_equal(fuda_mdoc_request(ctx, how->wishes, how->count, NULL,
					   (struct fuda_mdoc_span){ 0 }, &t->request),
			 0);
	assert_int_equal(fuda_mdoc_reader_new(ctx, span(&t->c.engagement), span(&t->c.select),
					      span(&t->c.request), NULL, &t->reader),
			 0);
	t->response = exchange(t);
	session = (struct fuda_mdoc_session){ .transcript = fuda_mdoc_reader_transcript(t->reader),
					      .reader = fuda_mdoc_reader_key(t->reader),
					      .request = span(&t->request) };
	assert_int_equal(fuda_mdoc_verify(ctx, trust, profiles, &policy, &session, t->response.data,
					  t->response.len, &t->result),
			 0);
}

static void tapped_free(struct tapped *t)
{
	fuda_mdoc_result_free(&t->result);
	fuda_mdoc_reader_free(&t->reader);
	fuda_buf_free(&t->request);
	fuda_buf_free(&t->response);
	counter_free(&t->c);
	softwallet_off(&t->v);
}

static void expect_rule(const struct fuda_mdoc_findings *findings, enum fuda_mdoc_rule rule)
{
	assert_int_equal(findings->count != 0, rule != FUDA_MDOC_NONE);
	for (size_t i = 0; i < findings->count; i++)
		if (findings->found[i].rule != rule)
			fail_msg("%s (%s) beside what is wrong",
				 fuda_mdoc_rule_name(findings->found[i].rule),
				 findings->found[i].detail);
}

/* Against the one document. */
static void expect_finding(const char *settings, const struct tap *how, enum fuda_mdoc_rule rule)
{
	struct tapped t;

	tap(&t, settings, how);
	expect_rule(&t.result->findings, FUDA_MDOC_NONE);
	assert_int_equal(t.result->document_count, 1);
	expect_rule(&t.result->documents[0].findings, rule);
	if (rule == FUDA_MDOC_NONE)
		assert_int_equal(t.result->result, FUDA_RESULT_OK);
	tapped_free(&t);
}

static const struct tap usual = { .wishes = wishes, .count = ARRAY_SIZE(wishes) };

/* Certificates, list, credential and proof break no rule at all, and the profiles know each
 * element. */
static void good(void **state)
{
	static const struct tap everything = { .wishes = all, .count = ARRAY_SIZE(all) };
	struct tapped t;

	(void)state;
	expect_finding("", &usual, FUDA_MDOC_NONE);
	expect_finding("answer-with = mac\n", &usual, FUDA_MDOC_NONE);
	tap(&t, "", &everything);
	expect_rule(&t.result->findings, FUDA_MDOC_NONE);
	expect_rule(&t.result->documents[0].findings, FUDA_MDOC_NONE);
	assert_int_equal(t.result->documents[0].revocation, FUDA_REVOCATION_GOOD);
	assert_int_equal(t.result->documents[0].element_count, ARRAY_SIZE(all));
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		assert_true(t.result->documents[0].elements[i].good);
		assert_true(*t.result->documents[0].elements[i].attribute);
	}
	tapped_free(&t);
}

static void faults(void **state)
{
	static const struct tap of_licence = { .wishes = licence, .count = ARRAY_SIZE(licence) };

	(void)state;
	expect_finding("fault = session\n", &usual, FUDA_MDOC_DEVICE_SIGNATURE);
	expect_finding("fault = session\nanswer-with = mac\n", &usual, FUDA_MDOC_DEVICE_MAC);
	expect_finding("fault = digest\n", &usual, FUDA_MDOC_DIGEST_MISMATCH);
	expect_finding("fault = unrequested\n", &usual, FUDA_MDOC_ELEMENT_NOT_REQUESTED);
	expect_finding("fault = any-doctype\n", &of_licence, FUDA_MDOC_DOCTYPE_DIFFERS);
}

/* Responses with no document in them. */
static void empty(void **state)
{
	struct tapped t;

	(void)state;
	tap(&t, "fault = status\n", &usual);
	assert_int_equal(t.result->document_count, 0);
	assert_true(t.result->findings.count &&
		    t.result->findings.found[0].rule == FUDA_MDOC_RESPONSE_STATUS);
	tapped_free(&t);
}

/* ---- who asks ---- */

/* A certificate in DER out of a file of a wallet. */
static struct fuda_buf certificate(const char *path)
{
	struct fuda_buf der = FUDA_BUF_INIT(BIG);
	unsigned char *bytes = NULL;
	FILE *f = fopen(path, "r");
	X509 *x;
	int len;

	assert_non_null(f);
	x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(x);
	len = i2d_X509(x, &bytes);
	assert_int_equal(fuda_buf_set(&der, bytes, (size_t)len), 0);
	OPENSSL_free(bytes);
	X509_free(x);
	return der;
}

/* How many elements a reader is shown that has certificate and key of these files in `dir`, and
 * signs what it asks for in this session, or in another one. */
static size_t shown_to(const char *settings, const char *dir, const char *cert,
		       const char *key_file, bool other)
{
	struct fuda_buf der = FUDA_BUF_INIT(BIG), elsewhere = FUDA_BUF_INIT(BIG);
	struct fuda_mdoc_key *key = NULL;
	struct fuda_mdoc_span chain, transcript;
	struct fuda_mdoc_identity who = { .chain = &chain, .chain_count = 1 };
	static struct device_response response;
	const char *fault = NULL;
	struct tapped t = { .v = softwallet_on(settings), .request = FUDA_BUF_INIT(BIG) };
	char path[160];
	size_t shown = 0;

	counter_negotiate(&t.c, t.v);
	assert_int_equal(fuda_mdoc_reader_new(ctx, span(&t.c.engagement), span(&t.c.select),
					      span(&t.c.request), NULL, &t.reader),
			 0);
	transcript = fuda_mdoc_reader_transcript(t.reader);
	if (other) {
		assert_int_equal(fuda_buf_set(&elsewhere, transcript.bytes, transcript.len), 0);
		elsewhere.data[elsewhere.len - 1] ^= 1;
		transcript = span(&elsewhere);
	}
	if (cert) {
		snprintf(path, sizeof(path), "%s/%s", dir, cert);
		der = certificate(path);
		chain = span(&der);
		snprintf(path, sizeof(path), "%s/%s", dir, key_file);
		assert_int_equal(fuda_mdoc_key_read(ctx, path, &key), 0);
		who.key = key;
	}
	assert_int_equal(fuda_mdoc_request(ctx, wishes, ARRAY_SIZE(wishes), cert ? &who : NULL,
					   transcript, &t.request),
			 0);
	t.response = exchange(&t);
	assert_int_equal(response_read(cur_of(t.response.data, t.response.len), &response, &fault),
			 0);
	assert_int_equal(response.status, RESPONSE_OK);
	for (size_t i = 0; i < response.document_count; i++)
		shown += counter_count(&response.documents[i]);
	fuda_mdoc_key_free(&key);
	fuda_buf_free(&der);
	fuda_buf_free(&elsewhere);
	tapped_free(&t);
	return shown;
}

/* A wallet that is told to look. */
static void readers(void **state)
{
	static const char known[] = "reader = known\n";
	const struct vcard_make what = { .kind = "wallet" };
	const char *own = softwallet_dir();
	char why[256] = "", dir[128];

	(void)state;
	assert_int_equal(shown_to("", own, NULL, NULL, false), 4);
	assert_int_equal(shown_to(known, own, NULL, NULL, false), 0);
	assert_int_equal(shown_to(known, own, "reader.pem", "reader-key.pem", false), 4);
	assert_int_equal(shown_to(known, own, "reader.pem", "reader-key.pem", true), 0);
	assert_int_equal(shown_to("", own, "reader.pem", "reader-key.pem", true), 4);
	/* certified by it, and for something else; or by others */
	assert_int_equal(shown_to(known, own, "reader-ca.pem", "reader-ca-key.pem", false), 0);
	assert_int_equal(shown_to(known, own, "ds.pem", "ds-key.pem", false), 0);
	snprintf(dir, sizeof(dir), "%s.other", own);
	assert_int_equal(vcard_make(dir, &what, why, sizeof(why)), 0);
	assert_int_equal(shown_to(known, dir, "reader.pem", "reader-key.pem", false), 0);
	softcard_remove(dir);
}

/* What ended, and what was revoked, is made so. */
static void ended(void **state)
{
	static char list[128];
	const char *const revoked[] = { softwallet_dir(), NULL };
	const struct tap on_list = { .wishes = wishes, .count = ARRAY_SIZE(wishes), .crl = list };
	struct fuda_buf pem = FUDA_BUF_INIT(BIG);
	struct vcard_make what = { .kind = "wallet", .authority = softwallet_dir() };
	const char *const stranger[] = { "/nonexistent", NULL };
	char why[256] = "", dir[128];
	FILE *f;

	(void)state;
	if (vcard_crl(softwallet_dir(), revoked, 7, &pem, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	snprintf(list, sizeof(list), "%s.list", softwallet_dir());
	f = fopen(list, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(pem.data, 1, pem.len, f), pem.len);
	fclose(f);
	expect_finding("", &on_list, FUDA_MDOC_CERTIFICATE_REVOKED);
	assert_int_equal(vcard_crl(softwallet_dir(), stranger, 7, &pem, why, sizeof(why)),
			 FUDA_EFILE);

	/* another signer of the same authority is not on it; another authority's cannot be */
	snprintf(dir, sizeof(dir), "%s.other", softwallet_dir());
	what.expired = true;
	assert_int_equal(vcard_make(dir, &what, why, sizeof(why)), 0);
	softwallet_use(dir);
	expect_finding("", &on_list, FUDA_MDOC_EXPIRED);
	softwallet_use(NULL);
	softcard_remove(dir);
	what = (struct vcard_make){ .kind = "wallet" };
	assert_int_equal(vcard_make(dir, &what, why, sizeof(why)), 0);
	assert_int_equal(vcard_crl(dir, revoked, 7, &pem, why, sizeof(why)), FUDA_EINVAL);
	softcard_remove(dir);
	remove(list);
	fuda_buf_free(&pem);
}

static int setup(void **state)
{
	if (fuda_context_new(&ctx) < 0 || fuda_mdoc_profiles_new(ctx, NULL, &profiles) < 0)
		return -1;
	return softwallet_setup(state);
}

static int teardown(void **state)
{
	fuda_mdoc_trust_free(&trust);
	fuda_mdoc_profiles_free(&profiles);
	fuda_context_free(&ctx);
	return softwallet_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),    cmocka_unit_test(faults), cmocka_unit_test(empty),
		cmocka_unit_test(readers), cmocka_unit_test(ended),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
