/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists that are good: what they say, of whom, and how fast it is found. */
#include "pki/crl.h"

#include <openssl/x509.h>
#include <stdlib.h>

#include <fuda/encode.h>
#include "pki/cert.h"
#include "tests/crl-stand.h"

static struct crl *load(const struct crl_plan *plan)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(CRL_MAX);
	struct crl *crl = NULL;

	crl_make(plan, &der);
	if (crl_load(ctx, trust, der.data, der.len, &crl) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	return crl;
}

static struct fuda_cert *holder_with(enum cert_field field, const char *notation)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct fuda_cert *cert = NULL;

	cert_make_with(plan_auth(), field, notation, &der);
	if (fuda_cert_new(ctx, der.data, der.len, &cert) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	return cert;
}

static struct fuda_cert *holder_number(const char *serial)
{
	return holder_with(F_SERIAL, serial);
}

/* -2: it is not on the list. */
static int reason_of(const struct crl *crl, const char *serial)
{
	struct fuda_cert *cert = holder_number(serial);
	int reason = 99;
	bool listed;

	assert_true(crl_covers(crl, cert));
	listed = crl_lists(crl, cert, &reason);
	fuda_cert_free(&cert);
	if (!listed)
		assert_int_equal(reason, 99);
	return listed ? reason : -2;
}

static void tells_facts(void **state)
{
	struct crl_plan plan = plan_crl();
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct crl *crl = NULL;
	const struct crl_facts *f;
	struct fuda_digest digest;
	char hex[65];

	(void)state;
	crl_make(&plan, &der);
	assert_int_equal(crl_load(ctx, trust, der.data, der.len, &crl), 0);
	f = crl_facts(crl);
	assert_int_equal(f->this_update, TEST_NOW - 6 * 3600);
	assert_int_equal(f->next_update, TEST_NOW + 42 * 3600);
	assert_int_equal(f->count, 3);
	assert_string_equal(f->issuer, "C=JP, O=JPKI-TEST, OU=JPKI for user authentication, "
				       "OU=Japan Agency for Local Authority Information Systems");
	fuda_hex_encode(f->aki, f->aki_len, hex);
	assert_string_equal(hex, test_key_id(KEY_AUTH_CA));
	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, der.data, der.len, &digest), 0);
	assert_memory_equal(f->sha256, digest.bytes, 32);
	crl_free(&crl);
	assert_null(crl);
	crl_free(&crl);
}

static void finds_serials(void **state)
{
	static const struct {
		const char *serial;
		int reason;
	} cases[] = {
		{ "020401A2B3C4", 1 },
		{ "020105", -1 },
		{ "02020080", -1 },
		{ "020104", -2 },
		{ "020106", -2 },
		{ "020401A2B3C5", -2 },
		{ "020301A2B3", -2 },
		{ "02020500", -2 },
		{ "0203008000", -2 },
		/* the same last bytes, and more before them */
		{ "020501A2B3C405", -2 },
		{ "02050501A2B3C4", -2 },
		{ "02147F00000000000000000000000000000000000005", -2 },
	};
	struct crl_plan plan = plan_crl();
	struct crl *crl = load(&plan);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(reason_of(crl, cases[i].serial), cases[i].reason);
	crl_free(&crl);
}

/* The longest there is, the shortest, and reasons one by one. */
static void takes_all_forms(void **state)
{
	static const struct {
		const char *entries, *serial;
		int reason;
	} cases[] = {
		{ CRL_ENTRY("7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"),
		  "02147FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", -1 },
		{ CRL_ENTRY("01"), "020101", -1 },
		{ "30{02{05}18{'20500101000000Z'}}", "020105", -1 },
		{ CRL_REASON("05", "00"), "020105", 0 },
		{ CRL_REASON("05", "02"), "020105", 2 },
		{ CRL_REASON("05", "06"), "020105", 6 },
		{ CRL_REASON("05", "09"), "020105", 9 },
		{ CRL_REASON("05", "0A"), "020105", 10 },
		/* critical, and with a date */
		{ "30{02{05}17{'261101000000Z'}30{30{<2.5.29.21>0101FF04{0A0104}}"
		  "30{<2.5.29.24>04{18{'20261001000000Z'}}}}}",
		  "020105", 4 },
		/* unknown, and not critical */
		{ "30{02{05}17{'261101000000Z'}30{30{<1.2.3>04{0500}}}}", "020105", -1 },
		/* of two entries the first one counts, in whatever order they are kept */
		{ CRL_REASON("05", "01") CRL_REASON("05", "04"), "020105", 1 },
		{ CRL_ENTRY("09") CRL_REASON("05", "04") CRL_REASON("05", "01"), "020105", 4 },
		/* none at all, with and without the sequence */
		{ "", "020105", -2 },
	};
	struct crl_plan plan = plan_crl();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct crl *crl;

		plan.field[L_ENTRIES] = cases[i].entries;
		crl = load(&plan);
		if (reason_of(crl, cases[i].serial) != cases[i].reason)
			fail_msg("case %zu", i);
		crl_free(&crl);
	}
}

static void takes_the_empty_sequence(void **state)
{
	_cleanup_buf_ struct fuda_buf none = TEST_BUF;
	struct crl_plan plan = plan_crl();
	struct crl *crl;

	(void)state;
	plan.entries = &none;
	crl = load(&plan);
	assert_int_equal(crl_facts(crl)->count, 0);
	assert_int_equal(reason_of(crl, "020105"), -2);
	crl_free(&crl);
}

/* Every algorithm that certificates may have. */
static void takes_all_hashes(void **state)
{
	static const struct {
		const char *algorithm;
		enum fuda_hash hash;
	} cases[] = {
		{ ALGORITHM_SHA256, FUDA_SHA256 },
		{ "30{<1.2.840.113549.1.1.12>0500}", FUDA_SHA384 },
		{ "30{<1.2.840.113549.1.1.13>0500}", FUDA_SHA512 },
	};
	struct crl_plan plan = plan_crl();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct crl *crl;

		plan.field[L_ALGORITHM] = cases[i].algorithm;
		plan.hash = cases[i].hash;
		crl = load(&plan);
		assert_int_equal(reason_of(crl, "020105"), -1);
		crl_free(&crl);
	}
}

/* A CA as the next generation of cards is announced to have. */
static void takes_ecdsa(void **state)
{
	_cleanup_(fuda_trust_free) struct fuda_trust *other = NULL;
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_P384);
	struct crl_plan plan = plan_crl();
	struct crl *crl = NULL;

	(void)state;
	assert_int_equal(fuda_trust_new(ctx, &other), 0);
	ca.field[F_ALGORITHM] = "30{<1.2.840.10045.4.3.3>}";
	ca.hash = FUDA_SHA384;
	believe(other, &ca);
	plan.signer = KEY_P384;
	plan.field[L_ALGORITHM] = "30{<1.2.840.10045.4.3.3>}";
	plan.hash = FUDA_SHA384;
	crl_make(&plan, &der);
	assert_int_equal(crl_load(ctx, other, der.data, der.len, &crl), 0);
	crl_free(&crl);
}

static void takes_pem(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
	struct crl_plan plan = plan_crl();
	struct crl *crl = NULL;

	(void)state;
	crl_make(&plan, &der);
	assert_int_equal(fuda_buf_append(&pem, "what it is\n", 11), 0);
	assert_int_equal(fuda_pem_encode("X509 CRL", der.data, der.len, &pem), 0);
	assert_int_equal(crl_load(ctx, trust, pem.data, pem.len, &crl), 0);
	assert_int_equal(reason_of(crl, "020105"), -1);
	crl_free(&crl);
	/* two would make one of them be missed */
	assert_int_equal(fuda_pem_encode("X509 CRL", der.data, der.len, &pem), 0);
	assert_int_equal(crl_load(ctx, trust, pem.data, pem.len, &crl), FUDA_EFORMAT);
	fuda_buf_clear(&pem);
	assert_int_equal(fuda_pem_encode("CERTIFICATE", der.data, der.len, &pem), 0);
	assert_int_equal(crl_load(ctx, trust, pem.data, pem.len, &crl), FUDA_EFORMAT);
	assert_null(crl);
}

/* What another implementation reads in the same bytes. */
static void agrees_with_openssl(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct crl_plan plan = plan_crl();
	const unsigned char *p;
	X509_CRL *theirs;
	X509_PUBKEY *pub = NULL;
	EVP_PKEY *key;

	(void)state;
	crl_make(&plan, &der);
	p = der.data;
	theirs = d2i_X509_CRL(NULL, &p, (long)der.len);
	assert_non_null(theirs);
	assert_ptr_equal(p, der.data + der.len);
	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(theirs)), 3);
	p = test_spki(KEY_AUTH_CA)->data;
	pub = d2i_X509_PUBKEY(NULL, &p, (long)test_spki(KEY_AUTH_CA)->len);
	key = X509_PUBKEY_get(pub);
	assert_int_equal(X509_CRL_verify(theirs, key), 1);
	EVP_PKEY_free(key);
	X509_PUBKEY_free(pub);
	X509_CRL_free(theirs);
}

/* ---- whom it covers ---- */

static void covers_its_ca_only(void **state)
{
	static const struct {
		enum cert_field field;
		const char *notation;
	} others[] = {
		{ F_AKI, "30{<2.5.29.35>04{30{80{00112233445566778899AABBCCDDEEFF00112233}}}}" },
		{ F_AKI, "" },
		{ F_ISSUER, "30{31{30{<2.5.4.6>13{'JP'}}}31{30{<2.5.4.10>0C{'JPKI'}}}}" },
	};
	struct crl_plan plan = plan_crl();
	struct crl *crl = load(&plan);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct fuda_cert *cert = holder_with(others[i].field, others[i].notation);

		assert_false(crl_covers(crl, cert));
		fuda_cert_free(&cert);
	}
	crl_free(&crl);
}

#define PLACE(city) "A4{30{31{30{<2.5.4.6>13{'JP'}}}31{30{<2.5.4.3>0C{'" city " CRLDP'}}}}}"
#define AT(names)   "30{<2.5.29.31>04{30{30{A0{A0{" names "}}}}}}"

/* A list of one place is for those who name that place: card.md 5.2. */
static void covers_its_place_only(void **state)
{
	static const struct {
		const char *points; /* of the certificate */
		bool covered;
	} cases[] = {
		{ AT(PLACE("Minato-ku")), true },
		{ AT(PLACE("Chiyoda-ku")), false },
		{ AT(PLACE("Chiyoda-ku") PLACE("Minato-ku")), true },
		{ "30{<2.5.29.31>04{30{30{A0{A0{" PLACE("Chiyoda-ku") "}}}30{A0{A0{" PLACE(
			  "Minato-ku") "}}}}}}",
		  true },
		{ AT("86{'http://example.jp/a.crl'}"), false },
		{ "", false },
		/* for some reasons only, of another issuer, with a relative name */
		{ "30{<2.5.29.31>04{30{30{A0{A0{" PLACE("Minato-ku") "}}81{0106}}}}}", false },
		{ "30{<2.5.29.31>04{30{30{A0{A0{" PLACE("Minato-ku") "}}A2{" PLACE("x") "}}}}}",
		  false },
		{ "30{<2.5.29.31>04{30{30{A0{A1{30{<2.5.4.3>0C{'x'}}}}}}}}", false },
	};
	struct crl_plan plan = plan_crl();
	struct crl *crl;

	(void)state;
	plan.field[L_EXTRA] = CRL_POINT("A0{A0{" PLACE("Minato-ku") "}}");
	crl = load(&plan);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_cert *cert = holder_with(F_EXTRA, cases[i].points);

		if (crl_covers(crl, cert) != cases[i].covered)
			fail_msg("case %zu", i);
		fuda_cert_free(&cert);
	}
	crl_free(&crl);
	/* of all holders' certificates, wherever: as good as whole */
	plan.field[L_EXTRA] = CRL_POINT("8101FF");
	crl = load(&plan);
	assert_int_equal(reason_of(crl, "020105"), -1);
	crl_free(&crl);
}

/* ---- many ---- */

static uint32_t mixed(uint32_t n)
{
	return (n * 2654435761u & 0x3FFFFFFF) | 0x40000000;
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

/* Every one of many is found and no other, in order or not. */
static void finds_among_many(void **state)
{
	enum { MANY = 20000 };
	_cleanup_buf_ struct fuda_buf entries = FUDA_BUF_INIT(MANY * 32);
	uint32_t *serials = calloc(MANY, sizeof(*serials));
	struct fuda_cert *cert = holder_number("020105");
	struct crl_plan plan = plan_crl();

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		serials[i] = mixed(i);
	for (int sorted = 0; sorted < 2; sorted++) {
		size_t found = 0;
		struct crl *crl;
		int reason;

		fuda_buf_clear(&entries);
		for (uint32_t i = 0; i < MANY; i++)
			crl_put_entry(&entries, serials[i]);
		plan.entries = &entries;
		crl = load(&plan);
		assert_int_equal(crl_facts(crl)->count, MANY);
		qsort(serials, MANY, sizeof(*serials), by_value);
		for (uint32_t i = 0; i < 2 * MANY; i++) {
			uint32_t number = mixed(i);
			uint8_t bytes[4] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16),
					     (uint8_t)(number >> 8), (uint8_t)number };
			bool is_on = bsearch(&number, serials, MANY, sizeof(number), by_value);

			cert->serial = cur_of(bytes, sizeof(bytes));
			assert_int_equal(crl_lists(crl, cert, &reason), is_on);
			found += is_on;
		}
		assert_true(found >= MANY && found < 2 * MANY);
		crl_free(&crl);
	}
	fuda_cert_free(&cert);
	free(serials);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_facts),        cmocka_unit_test(finds_serials),
		cmocka_unit_test(takes_all_forms),    cmocka_unit_test(takes_the_empty_sequence),
		cmocka_unit_test(takes_all_hashes),   cmocka_unit_test(takes_ecdsa),
		cmocka_unit_test(takes_pem),          cmocka_unit_test(agrees_with_openssl),
		cmocka_unit_test(covers_its_ca_only), cmocka_unit_test(covers_its_place_only),
		cmocka_unit_test(finds_among_many),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, crl_setup, crl_teardown);
}
