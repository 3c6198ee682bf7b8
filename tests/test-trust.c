/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "pki/cert.h"
#include "tests/certs.h"
#include "tests/cmocka.h"

static struct fuda_context *ctx;
static struct fuda_trust *trust;
static char path[] = "/tmp/test-trust-XXXXXX";

static void write_file(const void *bytes, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static int add_text(const char *text)
{
	write_file(text, strlen(text));
	return fuda_trust_add_file(trust, path);
}

static void put_pem(struct fuda_buf *text, const struct cert_plan *plan)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	cert_make(plan, &der);
	assert_int_equal(fuda_pem_encode("CERTIFICATE", der.data, der.len, text), 0);
}

/* Believes the CAs of these plans. */
static void add_plans(const struct cert_plan *plans, size_t count)
{
	_cleanup_buf_ struct fuda_buf text = TEST_BUF;

	for (size_t i = 0; i < count; i++)
		put_pem(&text, &plans[i]);
	write_file(text.data, text.len);
	if (fuda_trust_add_file(trust, path) < 0)
		fail_msg("%s", fuda_context_message(ctx));
}

static struct fuda_cert *cert_of(const struct cert_plan *plan)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct fuda_cert *cert = NULL;

	cert_make(plan, &der);
	assert_int_equal(fuda_cert_new(ctx, der.data, der.len, &cert), 0);
	return cert;
}

static void nobody_is_believed(void **state)
{
	struct cert_plan plan = plan_auth();
	struct fuda_cert *cert = cert_of(&plan);
	struct issuer issuer;

	(void)state;
	assert_false(fuda_trust_has_issuer(trust, cert));
	assert_false(fuda_trust_knows_issuer(cert));
	assert_int_equal(trust_issuer(trust, cert, &issuer), FUDA_ENOTFOUND);
	fuda_cert_free(&cert);
}

static void finds_issuers(void **state)
{
	struct cert_plan cas[] = { plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA),
				   plan_ca(FUDA_USE_SIGN, KEY_SIGN_CA) };
	struct cert_plan plans[] = { plan_auth(), plan_sign() };
	enum fuda_cert_use uses[] = { FUDA_USE_AUTH, FUDA_USE_SIGN };

	(void)state;
	add_plans(cas, ARRAY_SIZE(cas));
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		struct fuda_cert *cert = cert_of(&plans[i]);
		struct issuer issuer;

		assert_true(fuda_trust_has_issuer(trust, cert));
		assert_int_equal(trust_issuer(trust, cert, &issuer), 0);
		assert_int_equal(issuer.signature, 0);
		assert_int_equal(issuer.ca->use, uses[i]);
		assert_int_equal(issuer.ca->world, FUDA_WORLD_TEST);
		fuda_cert_free(&cert);
	}
}

/* card.md 0.9: three generations share one name. */
static void tells_generations_apart(void **state)
{
	struct cert_plan cas[] = { plan_ca(FUDA_USE_AUTH, KEY_OTHER_CA),
				   plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA) };
	enum test_key signers[] = { KEY_AUTH_CA, KEY_OTHER_CA };

	(void)state;
	cas[0].field[F_SERIAL] = "02021111";
	add_plans(cas, ARRAY_SIZE(cas));
	for (size_t i = 0; i < ARRAY_SIZE(signers); i++) {
		struct cert_plan plan = plan_auth();
		struct fuda_cert *cert;
		struct issuer issuer;

		plan.signer = signers[i];
		cert = cert_of(&plan);
		assert_int_equal(trust_issuer(trust, cert, &issuer), 0);
		assert_int_equal(issuer.signature, 0);
		assert_string_equal(fuda_cert_facts(issuer.ca->cert)->serial,
				    signers[i] == KEY_OTHER_CA ? "1111" : "C139AB");
		fuda_cert_free(&cert);
	}
}

/* Whichever comes first, the one whose key fits is found. */
static void tries_all_of_one_key_id(void **state)
{
	char ski[128];
	struct cert_plan cas[] = { plan_ca(FUDA_USE_AUTH, KEY_OTHER_CA),
				   plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA),
				   plan_ca(FUDA_USE_AUTH, KEY_SIGN_CA) };
	struct cert_plan plan = plan_auth();
	struct fuda_cert *cert = cert_of(&plan);
	struct issuer issuer;

	(void)state;
	snprintf(ski, sizeof(ski), "30{<2.5.29.14>04{04{%s}}}", test_key_id(KEY_AUTH_CA));
	cas[0].field[F_SKI] = cas[2].field[F_SKI] = ski;
	add_plans(&cas[0], 1);
	assert_int_equal(trust_issuer(trust, cert, &issuer), 0);
	assert_int_equal(issuer.signature, FUDA_EVERIFY);
	add_plans(&cas[1], 2);
	assert_int_equal(trust_issuer(trust, cert, &issuer), 0);
	assert_int_equal(issuer.signature, 0);
	fuda_cert_free(&cert);
}

static void reads_use_in_names(void **state)
{
	static const struct {
		const char *name;
		enum fuda_cert_use use;
	} cases[] = {
		{ "31{30{<2.5.4.11>0C{'JPKI for user authentication'}}}", FUDA_USE_AUTH },
		{ "31{30{<2.5.4.11>13{'JPKI for digital signature'}}}31{30{<2.5.4.3>0C{'x'}}}",
		  FUDA_USE_SIGN },
		{ "31{30{<2.5.4.3>0C{'x'}}}31{30{<2.5.4.11>13{'JPKI for digital signature'}}}",
		  FUDA_USE_SIGN },
		{ "31{30{<2.5.4.3>0C{'JPKI for digital signature'}}}", FUDA_USE_UNKNOWN },
		{ "31{30{<2.5.4.11>0C{'JPKI for digital signatures'}}}", FUDA_USE_UNKNOWN },
		{ "31{30{<2.5.4.3>0C{'x, OU=JPKI for digital signature'}}}", FUDA_USE_UNKNOWN },
		{ "31{30{<2.5.4.3>0C{'OU=JPKI for digital signature'}}}", FUDA_USE_UNKNOWN },
		{ "31{30{<2.5.4.3>0C{'Test CA'}}}", FUDA_USE_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA), plan = plan_auth();
		struct fuda_cert *cert = cert_of(&plan);
		struct issuer issuer;
		char name[256];

		snprintf(name, sizeof(name), "30{%s}", cases[i].name);
		ca.field[F_SUBJECT] = name;
		fuda_trust_free(&trust);
		assert_int_equal(fuda_trust_new(ctx, &trust), 0);
		add_plans(&ca, 1);
		assert_int_equal(trust_issuer(trust, cert, &issuer), 0);
		if (issuer.ca->use != cases[i].use)
			fail_msg("case %zu: use %d", i, issuer.ca->use);
		fuda_cert_free(&cert);
	}
}

/* The genuine CAs are not at hand here: others stand in for them. */
static void keeps_the_genuine(void **state)
{
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
	struct cert_plan false_ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA), plan = plan_auth();
	struct fuda_cert *cert = cert_of(&plan), *ca_cert = cert_of(&ca);
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	char sha256[65];
	struct genuine_ca genuine = { "stand-in", FUDA_USE_SIGN, test_key_id(KEY_AUTH_CA), sha256 };
	struct issuer issuer;

	(void)state;
	fuda_hex_encode(fuda_cert_facts(ca_cert)->sha256, 32, sha256);
	fuda_trust_free(&trust);
	assert_int_equal(trust_new_with(ctx, &genuine, 1, &trust), 0);
	/* same key, same key identifier, same name; another certificate */
	cert_make_with(false_ca, F_SERIAL, "020102", &der);
	assert_int_equal(fuda_trust_offer(trust, der.data, der.len), 0);
	assert_false(fuda_trust_has_issuer(trust, cert));

	cert_make(&ca, &der);
	assert_int_equal(fuda_trust_offer(trust, der.data, der.len), 0);
	assert_int_equal(fuda_trust_offer(trust, der.data, der.len), 0);
	assert_true(fuda_trust_has_issuer(trust, cert));
	assert_int_equal(trust_issuer(trust, cert, &issuer), 0);
	assert_int_equal(issuer.signature, 0);
	assert_int_equal(issuer.ca->world, FUDA_WORLD_PRODUCTION);
	assert_int_equal(issuer.ca->use, FUDA_USE_SIGN); /* the table's word, not the name's */
	/* the CA itself is believed */
	assert_int_equal(trust_issuer(trust, ca_cert, &issuer), 0);
	assert_int_equal(issuer.ca->world, FUDA_WORLD_PRODUCTION);
	fuda_cert_free(&ca_cert);
	fuda_cert_free(&cert);
}

/* Naming a genuine CA in a file does not make it a test CA. */
static void genuine_in_a_file(void **state)
{
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA), plan = plan_auth();
	struct fuda_cert *cert = cert_of(&plan), *ca_cert = cert_of(&ca);
	char sha256[65];
	struct genuine_ca genuine = { "stand-in", FUDA_USE_AUTH, test_key_id(KEY_AUTH_CA), sha256 };
	struct issuer issuer;

	(void)state;
	fuda_hex_encode(fuda_cert_facts(ca_cert)->sha256, 32, sha256);
	fuda_trust_free(&trust);
	assert_int_equal(trust_new_with(ctx, &genuine, 1, &trust), 0);
	add_plans(&ca, 1);
	assert_int_equal(trust_issuer(trust, cert, &issuer), 0);
	assert_int_equal(issuer.ca->world, FUDA_WORLD_PRODUCTION);
	fuda_cert_free(&ca_cert);
	fuda_cert_free(&cert);
}

static void ignores_strangers(void **state)
{
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA), plan = plan_auth();
	struct fuda_cert *cert = cert_of(&plan);
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	(void)state;
	cert_make(&ca, &der);
	assert_int_equal(fuda_trust_offer(trust, der.data, der.len), 0);
	assert_false(fuda_trust_has_issuer(trust, cert));
	assert_int_equal(fuda_trust_offer(trust, der.data, der.len - 1), FUDA_EFORMAT);
	assert_int_equal(fuda_trust_offer(trust, der.data, 0), FUDA_EFORMAT);
	fuda_cert_free(&cert);
}

/* The key identifiers of card.md 5.1, in certificates that only name them. */
static void knows_genuine_issuers(void **state)
{
	static const struct {
		const char *id;
		bool known;
	} cases[] = {
		{ "0D034CBB34D0714F45E45A1CAFD8FD143FAB54A7", true },
		{ "4DE017DE4B7F473DCD867A62D38B134ACE83558A", true },
		{ "D21EA55895617E93ADBF966B941AB4EDF653F08F", true },
		{ "9567951B5CA70D84A0FFF1D85A87F1AAB1340385", true },
		{ "8CD5586A891485E559379B7E29D410CFD28B3593", true },
		{ "1AC100F596A3BC8C4B3DF195E32699249E9E308A", true },
		{ "1AC100F596A3BC8C4B3DF195E32699249E9E308B", false },
		{ "1AC100F596A3BC8C4B3DF195E32699249E9E30", false },
		{ "1AC100F596A3BC8C4B3DF195E32699249E9E308A00", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cert_plan plan = plan_auth();
		struct fuda_cert *cert;
		char aki[128];

		snprintf(aki, sizeof(aki), "30{<2.5.29.35>04{30{80{%s}}}}", cases[i].id);
		plan.field[F_AKI] = aki;
		cert = cert_of(&plan);
		assert_int_equal(fuda_trust_knows_issuer(cert), cases[i].known);
		assert_false(fuda_trust_has_issuer(trust, cert));
		fuda_cert_free(&cert);
	}
}

/* No identifier must not mean the CA without one. */
static void needs_key_ids(void **state)
{
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA), plan = plan_auth();
	struct fuda_cert *cert;
	struct issuer issuer;
	_cleanup_buf_ struct fuda_buf text = TEST_BUF;

	(void)state;
	add_plans(&ca, 1);
	plan.field[F_AKI] = "";
	cert = cert_of(&plan);
	assert_false(fuda_trust_has_issuer(trust, cert));
	assert_false(fuda_trust_knows_issuer(cert));
	assert_int_equal(trust_issuer(trust, cert, &issuer), FUDA_ENOTFOUND);
	fuda_cert_free(&cert);
	ca.field[F_SKI] = "";
	put_pem(&text, &ca);
	write_file(text.data, text.len);
	assert_int_equal(fuda_trust_add_file(trust, path), FUDA_EFORMAT);
	assert_non_null(strstr(fuda_context_message(ctx), "key identifier"));
}

static void refuses_files(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{ "", FUDA_ENOTFOUND },
		{ "no certificate here\n", FUDA_ENOTFOUND },
		{ "-----BEGIN CERTIFICATE-----\n", FUDA_EFORMAT },
		{ "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", FUDA_EFORMAT },
		{ "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", FUDA_EFORMAT },
		{ "-----BEGIN CERTIFICATE-----\nM*A=\n-----END CERTIFICATE-----\n", FUDA_EFORMAT },
		{ "-----BEGIN CERTIFICATE-----\nMAA\n-----END CERTIFICATE-----\n", FUDA_EFORMAT },
		{ "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", FUDA_ENOTFOUND },
	};
	static char long_text[300 * 1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(add_text(cases[i].text), cases[i].r);
		assert_non_null(strstr(fuda_context_message(ctx), path));
	}
	memset(long_text, '\n', sizeof(long_text) - 1);
	assert_int_equal(add_text(long_text), FUDA_EFORMAT);
	assert_int_equal(fuda_trust_add_file(trust, "/nonexistent/ca.pem"), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), "/nonexistent/ca.pem"));
	assert_int_equal(fuda_trust_add_file(trust, "/tmp"), FUDA_EFILE);
}

/* A file is believed whole or not at all; what was believed before stays. */
static void all_or_nothing(void **state)
{
	struct cert_plan auth_ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
	struct cert_plan sign_ca = plan_ca(FUDA_USE_SIGN, KEY_SIGN_CA);
	struct cert_plan auth = plan_auth(), sign = plan_sign();
	struct fuda_cert *auth_cert = cert_of(&auth), *sign_cert = cert_of(&sign);
	static const char *const tails[] = {
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nMAA=\n",
	};

	(void)state;
	add_plans(&auth_ca, 1);
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		_cleanup_buf_ struct fuda_buf text = TEST_BUF;

		put_pem(&text, &sign_ca);
		assert_int_equal(fuda_buf_append(&text, tails[i], strlen(tails[i])), 0);
		write_file(text.data, text.len);
		assert_int_equal(fuda_trust_add_file(trust, path), FUDA_EFORMAT);
		assert_non_null(strstr(fuda_context_message(ctx), "ertificate 2 of"));
		assert_true(fuda_trust_has_issuer(trust, auth_cert));
		assert_false(fuda_trust_has_issuer(trust, sign_cert));
	}
	fuda_cert_free(&auth_cert);
	fuda_cert_free(&sign_cert);
}

/* Text between the blocks, as many tools write it; the same CA twice is one. */
static void takes_bundles(void **state)
{
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA), plan = plan_auth();
	struct fuda_cert *cert = cert_of(&plan);
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(256 * 1024);

	(void)state;
	assert_int_equal(fuda_buf_append(&text, "subject=x\r\n", 11), 0);
	for (int i = 0; i < 100; i++)
		put_pem(&text, &ca);
	write_file(text.data, text.len);
	assert_int_equal(fuda_trust_add_file(trust, path), 0);
	assert_true(fuda_trust_has_issuer(trust, cert));
	fuda_cert_free(&cert);
}

static void counts_cas(void **state)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(256 * 1024);

	(void)state;
	for (int i = 1; i <= 65; i++) {
		struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);
		char serial[32];

		snprintf(serial, sizeof(serial), "0201%02X", i);
		ca.field[F_SERIAL] = serial;
		put_pem(&text, &ca);
		if (i < 64)
			continue;
		write_file(text.data, text.len);
		assert_int_equal(fuda_trust_add_file(trust, path), i == 64 ? 0 : FUDA_ETOOBIG);
	}
}

static int setup(void **state)
{
	(void)state;
	return fuda_context_new(&ctx) < 0 || fuda_trust_new(ctx, &trust) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	fuda_trust_free(&trust);
	fuda_trust_free(&trust);
	fuda_context_free(&ctx);
	return 0;
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(nobody_is_believed),      TEST(finds_issuers),
		TEST(tells_generations_apart), TEST(tries_all_of_one_key_id),
		TEST(reads_use_in_names),      TEST(keeps_the_genuine),
		TEST(genuine_in_a_file),       TEST(ignores_strangers),
		TEST(knows_genuine_issuers),   TEST(needs_key_ids),
		TEST(refuses_files),           TEST(all_or_nothing),
		TEST(takes_bundles),           TEST(counts_cas),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, make_path, remove_path);
}
