/* SPDX-License-Identifier: Apache-2.0 */
/* Whose certificate a terminal shows, and all those that are of nobody. */
#include <openssl/x509v3.h>
#include <pthread.h>

#include <fuda/encode.h>
#include <fuda/hash.h>
#include "service/ca-inside.h"
#include "tests/authority.h"

static struct ca *ca;
static time_t now;

/* From memory of exactly that size; "" if it is good. */
static const char *why_not_at(const uint8_t *der, size_t len, time_t at)
{
	struct terminal_identity identity = { .not_after = 7 };
	uint8_t *exact = malloc(len ? len : 1);
	const char *why = "";
	int r;

	assert_non_null(exact);
	if (len)
		memcpy(exact, der, len);
	r = ca_identify(ctx, ca, exact, len, at, &identity, &why);
	free(exact);
	if (r == 0) {
		assert_memory_equal(identity.id, terminal_id, ID_BYTES);
		return "";
	}
	assert_int_equal(r, FUDA_EVERIFY);
	assert_int_equal(identity.not_after, 7);
	return why;
}

static const char *why_not(const struct fuda_buf *der)
{
	return why_not_at(der->data, der->len, now);
}

static void knows_its_own(void **state)
{
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	_cleanup_buf_ struct fuda_buf csr = AUTHORITY_BUF;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct terminal_identity identity;
	const char *why = NULL;
	struct issued issued;
	struct csr request;

	(void)state;
	make_request(key, EVP_sha256(), &csr);
	assert_int_equal(csr_check(ctx, csr.data, csr.len, &request), 0);
	assert_int_equal(ca_issue(ctx, ca, csr.data, csr.len, terminal_id, now, 0, &issued, &der),
			 0);
	for (int again = 0; again < 2; again++) { /* from memory the second time */
		assert_int_equal(ca_identify(ctx, ca, der.data, der.len, now, &identity, &why), 0);
		assert_memory_equal(identity.id, terminal_id, ID_BYTES);
		assert_memory_equal(identity.serial, issued.serial, CA_SERIAL);
		assert_memory_equal(identity.key, request.key, 32);
		assert_int_equal(identity.not_before, issued.not_before);
		assert_int_equal(identity.not_after, issued.not_after);
	}
	assert_null(why);
	EVP_PKEY_free(key);
}

/* Whether it was asked before or not. */
static void knows_the_time(void **state)
{
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	struct issued issued = issue(ca, now, 600, &der);

	(void)state;
	for (int again = 0; again < 2; again++) {
		assert_string_equal(why_not_at(der.data, der.len, issued.not_after), "");
		assert_string_equal(why_not_at(der.data, der.len, issued.not_after + 1), "expired");
		assert_string_equal(why_not_at(der.data, der.len, issued.not_before), "");
		assert_string_equal(why_not_at(der.data, der.len, issued.not_before - 1), "not_yet_"
											  "valid");
	}
}

/* The object identifier stands in bytes there. */
static void knows_its_environment(void **state)
{
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	struct ca *production = authority("production", "production");
	struct ca *same = authority("same", "test");

	(void)state;
	issue(production, now, 0, &der);
	assert_string_equal(why_not(&der), "other_environment");
	issue(same, now, 0, &der);
	assert_string_equal(why_not(&der), "untrusted");
	ca_free(&production);
	ca_free(&same);
}

/* ---- certificates that look nearly right ---- */

/* What is made; NULL leaves an extension out. */
struct mint {
	EVP_PKEY *signer; /* NULL: the authority's */
	X509 *issuer;     /* whose name it bears; NULL: the authority's */
	const char *alt_name, *usage, *key_usage, *constraints, *extra_oid;
	const char *environments[2];
	const EVP_MD *md;
	int serial_len;
};

#define GOOD_NAME "URI:" CA_TERMINAL_URN TERMINAL_TEXT
static const struct mint good_mint = {
	.alt_name = GOOD_NAME,
	.usage = "clientAuth",
	.key_usage = "critical,digitalSignature",
	.constraints = "critical,CA:FALSE",
	.environments = { "test" },
	.serial_len = CA_SERIAL,
};

static void extend(X509 *x, int nid, const char *value)
{
	if (value)
		assert_int_equal(ca_extend(x, x, nid, value), 0);
}

/* An extension that nobody knows. */
static void extend_unknown(X509 *x, const char *oid)
{
	bool critical = strncmp(oid, "critical,", 9) == 0;
	ASN1_OBJECT *object = OBJ_txt2obj(critical ? oid + 9 : oid, 1);
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	assert_int_equal(ASN1_OCTET_STRING_set(octets, (const unsigned char *)"\x05", 2), 1);
	extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, octets);
	assert_int_equal(X509_add_ext(x, extension, -1), 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(octets);
	ASN1_OBJECT_free(object);
}

static void mint(const struct mint *plan, struct fuda_buf *ret_der)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	uint8_t serial[CA_SERIAL + 8] = { 0x41 };
	unsigned char *der = NULL;
	int len;

	assert_int_equal(ca_begin(x, serial, "x", key, now - 60, now + 60), 0);
	assert_int_equal(ASN1_STRING_set(X509_get_serialNumber(x), serial, plan->serial_len), 1);
	X509_set_issuer_name(x, X509_get_subject_name(plan->issuer ? plan->issuer : ca->cert));
	extend(x, NID_basic_constraints, plan->constraints);
	extend(x, NID_key_usage, plan->key_usage);
	extend(x, NID_ext_key_usage, plan->usage);
	extend(x, NID_subject_alt_name, plan->alt_name);
	for (size_t i = 0; i < ARRAY_SIZE(plan->environments); i++)
		if (plan->environments[i])
			assert_int_equal(ca_extend_environment(x, plan->environments[i]), 0);
	if (plan->extra_oid)
		extend_unknown(x, plan->extra_oid);
	assert_true(X509_sign(x, plan->signer ? plan->signer : ca->key,
			      plan->md ? plan->md : EVP_sha256()) > 0);
	fuda_buf_clear(ret_der);
	len = i2d_X509(x, &der);
	assert_int_equal(ca_append(ret_der, der, len), 0);
	X509_free(x);
	EVP_PKEY_free(key);
}

#define NOT_TERMINAL "not_a_terminal"

static void refuses_what_is_no_terminal(void **state)
{
	static const struct {
		size_t field; /* of struct mint */
		const char *value, *why;
	} cases[] = {
#define FIELD(name) offsetof(struct mint, name)
		{ FIELD(alt_name), GOOD_NAME, "" },
		{ FIELD(alt_name), NULL, NOT_TERMINAL },
		{ FIELD(alt_name), GOOD_NAME "," GOOD_NAME, NOT_TERMINAL },
		{ FIELD(alt_name), GOOD_NAME ",DNS:a", NOT_TERMINAL },
		{ FIELD(alt_name), "DNS:a," GOOD_NAME, NOT_TERMINAL },
		{ FIELD(alt_name), "DNS:" CA_TERMINAL_URN TERMINAL_TEXT, NOT_TERMINAL },
		{ FIELD(alt_name), "URI:urn:mykey:operator:" TERMINAL_TEXT, NOT_TERMINAL },
		{ FIELD(alt_name), "URI:" CA_TERMINAL_URN "01934B2A-5C00-7D1E-8F30-112233445566",
		  NOT_TERMINAL },
		{ FIELD(alt_name), "URI:" CA_TERMINAL_URN "01934b2a5c007d1e8f30112233445566",
		  NOT_TERMINAL },
		{ FIELD(alt_name), GOOD_NAME "0", NOT_TERMINAL },
		{ FIELD(alt_name), "URI:" CA_TERMINAL_URN, NOT_TERMINAL },
		{ FIELD(usage), NULL, NOT_TERMINAL },
		{ FIELD(usage), "serverAuth", NOT_TERMINAL },
		{ FIELD(usage), "serverAuth,clientAuth", "" },
		{ FIELD(key_usage), NULL, NOT_TERMINAL },
		{ FIELD(key_usage), "critical,keyAgreement", NOT_TERMINAL },
		{ FIELD(constraints), "critical,CA:TRUE", NOT_TERMINAL },
		{ FIELD(constraints), NULL, "" },
		{ FIELD(environments[0]), NULL, NOT_TERMINAL },
		{ FIELD(environments[0]), "production", "other_environment" },
		{ FIELD(environments[0]), "tes", "other_environment" },
		{ FIELD(environments[0]), "test-", "other_environment" },
		{ FIELD(environments[0]), "TEST", "untrusted" }, /* none at all */
		{ FIELD(environments[0]), "", "untrusted" },
		{ FIELD(environments[1]), "test", "untrusted" }, /* two */
		{ FIELD(environments[1]), "production", "untrusted" },
		{ FIELD(extra_oid), "1.2.3", "" },
		{ FIELD(extra_oid), "critical,1.2.3", NOT_TERMINAL },
#undef FIELD
	};
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mint plan = good_mint;

		memcpy((char *)&plan + cases[i].field, &cases[i].value, sizeof(cases[i].value));
		mint(&plan, &der);
		if (strcmp(why_not(&der), cases[i].why) != 0)
			fail_msg("case %zu (%s): \"%s\"", i, cases[i].value, why_not(&der));
	}
}

/* All right but for who signed it. */
static void refuses_other_signers(void **state)
{
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
	struct ca *twin = authority("twin", "test"); /* of the same name */
	EVP_PKEY *p384 = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048);
	struct mint plan = good_mint;

	(void)state;
	assert_int_equal(X509_NAME_cmp(X509_get_subject_name(twin->cert),
				       X509_get_subject_name(ca->cert)),
			 0);
	plan.signer = twin->key;
	mint(&plan, &der);
	assert_string_equal(why_not(&der), "untrusted");
	plan.signer = p384;
	mint(&plan, &der);
	assert_string_equal(why_not(&der), "untrusted");
	plan.signer = rsa;
	mint(&plan, &der);
	assert_string_equal(why_not(&der), "untrusted");
	/* by the authority, but under another name, with another hash or another kind of number */
	plan = good_mint;
	plan.issuer = X509_new();
	mint(&plan, &der);
	assert_string_equal(why_not(&der), "untrusted");
	assert_int_equal(ca_begin(plan.issuer, terminal_id, "MyKey terminals (tesu)", p384, now,
				  now),
			 0);
	mint(&plan, &der);
	assert_string_equal(why_not(&der), "untrusted");
	X509_free(plan.issuer);
	plan = good_mint;
	plan.md = EVP_sha384();
	mint(&plan, &der);
	assert_string_equal(why_not(&der), "untrusted");
	for (int len = 1; len < CA_SERIAL + 8; len++) {
		plan = good_mint;
		plan.serial_len = len;
		mint(&plan, &der);
		assert_string_equal(why_not(&der), len == CA_SERIAL ? "" : "untrusted");
	}
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
	ca_free(&twin);
}

static void refuses_the_others_of_this_authority(void **state)
{
	_cleanup_buf_ struct fuda_buf pem = AUTHORITY_BUF, key = AUTHORITY_BUF, der = AUTHORITY_BUF;
	const char *text;
	size_t left;
	const uint8_t *own;

	(void)state;
	assert_int_equal(ca_issue_server(ctx, ca, "localhost", 30, &pem, &key), 0);
	text = (const char *)pem.data;
	left = pem.len;
	assert_int_equal(fuda_pem_decode("CERTIFICATE", &text, &left, &der), 0);
	assert_string_equal(why_not(&der), NOT_TERMINAL);
	/* its own, which is self-signed */
	own = ca_certificate(ca, &left);
	assert_string_equal(why_not_at(own, left, now), NOT_TERMINAL);
}

/* Also when the good one was seen just before. */
static void refuses_changed_certificates(void **state)
{
	_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;

	(void)state;
	issue(ca, now, 0, &der);
	assert_string_equal(why_not(&der), "");
	for (size_t i = 0; i < der.len; i++) {
		const char *why;

		der.data[i] ^= (uint8_t)(1 << i % 8);
		why = why_not(&der);
		if (strcmp(why, "untrusted") != 0 && strcmp(why, "other_environment") != 0)
			fail_msg("byte %zu: \"%s\"", i, why);
		der.data[i] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < der.len; len++)
		assert_string_equal(why_not_at(der.data, len, now), "untrusted");
	assert_string_equal(why_not(&der), "");
	assert_int_equal(fuda_buf_append(&der, "", 1), 0);
	assert_string_equal(why_not(&der), "untrusted");
}

static void refuses_anything_else(void **state)
{
	static const char *const texts[] = { "", "hello", "-----BEGIN CERTIFICATE-----\n" };
	static const uint8_t endless[] = { 0x30, 0x80, 0x30, 0x80, 0, 0, 0, 0 };
	static uint8_t zeros[CA_CERT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_string_equal(why_not_at((const uint8_t *)texts[i], strlen(texts[i]), now),
				    "untrusted");
	assert_string_equal(why_not_at(endless, sizeof(endless), now), "untrusted");
	assert_string_equal(why_not_at(zeros, sizeof(zeros), now), "untrusted");
}

/* ---- many at once ---- */

enum { THREADS = 4, CERTIFICATES = 300, ROUNDS = 600 };

static struct fuda_buf many[CERTIFICATES];
static uint8_t many_serials[CERTIFICATES][CA_SERIAL];
static struct fuda_buf shared_csr;

/* Counts the wrong answers. */
static void *ask_for_many(void *arg)
{
	struct fuda_context *own = NULL;
	size_t wrong = fuda_context_new(&own) < 0;

	for (size_t i = 0; !wrong && i < ROUNDS; i++) {
		size_t n = (i * 7 + (uintptr_t)arg * 13) % CERTIFICATES;
		struct terminal_identity identity;
		const char *why;

		wrong += ca_identify(own, ca, many[n].data, many[n].len, now, &identity, &why) !=
				 0 ||
			 memcmp(identity.serial, many_serials[n], CA_SERIAL) != 0;
	}
	/* and makes some of his own */
	for (size_t i = 0; !wrong && i < ROUNDS / 10; i++) {
		_cleanup_buf_ struct fuda_buf der = AUTHORITY_BUF;
		struct terminal_identity identity;
		struct issued issued;
		const char *why;

		wrong += ca_issue(own, ca, shared_csr.data, shared_csr.len, terminal_id, now, 0,
				  &issued, &der) != 0 ||
			 ca_identify(own, ca, der.data, der.len, now, &identity, &why) != 0 ||
			 memcmp(identity.serial, issued.serial, CA_SERIAL) != 0;
	}
	fuda_context_free(&own);
	return (void *)(uintptr_t)wrong;
}

/* More than are remembered, by several threads: everyone gets the answer to his own question. */
static void answers_threads(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	pthread_t threads[THREADS];

	(void)state;
	shared_csr = AUTHORITY_BUF;
	make_request(key, EVP_sha256(), &shared_csr);
	for (size_t i = 0; i < CERTIFICATES; i++) {
		struct issued issued;

		many[i] = AUTHORITY_BUF;
		assert_int_equal(ca_issue(ctx, ca, shared_csr.data, shared_csr.len, terminal_id,
					  now, 0, &issued, &many[i]),
				 0);
		memcpy(many_serials[i], issued.serial, CA_SERIAL);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_for_many,
						(void *)(uintptr_t)i),
				 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *wrong;

		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	for (size_t i = 0; i < CERTIFICATES; i++)
		fuda_buf_free(&many[i]);
	fuda_buf_free(&shared_csr);
	EVP_PKEY_free(key);
}

static int setup(void **state)
{
	if (authority_setup(state) < 0)
		return -1;
	now = time(NULL);
	ca = authority("ca", "test");
	return 0;
}

static int teardown(void **state)
{
	ca_free(&ca);
	return authority_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_its_own),
		cmocka_unit_test(knows_the_time),
		cmocka_unit_test(knows_its_environment),
		cmocka_unit_test(refuses_what_is_no_terminal),
		cmocka_unit_test(refuses_other_signers),
		cmocka_unit_test(refuses_the_others_of_this_authority),
		cmocka_unit_test(refuses_changed_certificates),
		cmocka_unit_test(refuses_anything_else),
		cmocka_unit_test(answers_threads),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
