/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists that are refused: a list that counts and should not is as bad as one that is
 * missed. */
#include "pki/crl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fuda/encode.h>
#include "tests/crl-stand.h"

/* From memory of exactly that size. A failure leaves no list and says why. */
static int try(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct crl *crl = NULL;
	int r;

	assert_non_null(exact);
	if (len)
		memcpy(exact, bytes, len);
	r = crl_load(ctx, trust, exact, len, &crl);
	free(exact);
	if (r == 0)
		crl_free(&crl);
	else
		assert_true(fuda_context_message(ctx)[0]);
	assert_null(crl);
	return r;
}

static int try_with(enum crl_field field, const char *notation)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	crl_make_with(plan_crl(), field, notation, &der);
	return try(der.data, der.len);
}

#define EXTENSION(oid, value)          "30{<" oid ">04{" value "}}"
#define CRITICAL_EXTENSION(oid, value) "30{<" oid ">0101FF04{" value "}}"
#define ENTRY_EXTENSION(extension)     "30{02{05}17{'261101000000Z'}30{" extension "}}"

static const struct {
	enum crl_field field;
	const char *notation;
	int error;
} cases[] = {
	/* the frame */
	{ L_VERSION, "", FUDA_EFORMAT },
	{ L_VERSION, "020100", FUDA_EFORMAT },
	{ L_VERSION, "020102", FUDA_EFORMAT },
	{ L_ALGORITHM, ALGORITHM_SHA1, FUDA_ENOTSUP },
	{ L_ALGORITHM, "30{<1.2.840.113549.1.1.10>30{}}", FUDA_ENOTSUP },
	{ L_ALGORITHM, "30{<1.2.840.10045.4.3.2>}", FUDA_ENOTSUP },
	{ L_ALGORITHM, "", FUDA_EFORMAT },
	{ L_OUTER_ALGORITHM, "30{<1.2.840.113549.1.1.12>0500}", FUDA_EFORMAT },
	{ L_OUTER_ALGORITHM, "30{<1.2.840.113549.1.1.11>}", FUDA_EFORMAT },
	{ L_ISSUER, "30{}", FUDA_EFORMAT },
	{ L_ISSUER, "", FUDA_EFORMAT },
	{ L_THIS, "", FUDA_EFORMAT },
	{ L_THIS, "17{'2611191800Z'}", FUDA_EFORMAT },
	{ L_THIS, "17{'261319180000Z'}", FUDA_EFORMAT },
	{ L_NEXT, "", FUDA_EFORMAT },
	{ L_NEXT, "17{'261119180000Z'}", FUDA_EFORMAT }, /* at once */
	{ L_NEXT, "17{'261118180000Z'}", FUDA_EFORMAT }, /* before */
	{ L_NEXT, "17{'261121180000+0900'}", FUDA_EFORMAT },
	{ L_BEHIND, "0500", FUDA_EFORMAT },
	{ L_SIGNATURE, "03{01$}", FUDA_EFORMAT },
	{ L_SIGNATURE, "03{00$}0500", FUDA_EFORMAT },
	{ L_SIGNATURE, "", FUDA_EFORMAT },
	/* who */
	{ L_ISSUER, "30{31{30{<2.5.4.6>13{'JP'}}}}", FUDA_ENOTFOUND },
	{ L_AKI, "30{<2.5.29.35>04{30{80{00112233445566778899AABBCCDDEEFF00112233}}}}",
	  FUDA_ENOTFOUND },
	{ L_AKI, "", FUDA_EFORMAT },
	{ L_AKI, "30{<2.5.29.35>04{30{}}}", FUDA_EFORMAT },
	{ L_AKI, "30{<2.5.29.35>04{30{80{}}}}", FUDA_EFORMAT },
	{ L_AKI,
	  "30{<2.5.29.35>04{30{80{000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
	  "20}}}}",
	  FUDA_EFORMAT },
	/* signatures that are none */
	{ L_SIGNATURE, "03{00}", FUDA_EVERIFY },
	{ L_SIGNATURE, "03{00$00}", FUDA_EVERIFY },
	/* extensions */
	{ L_EXTRA, EXTENSION("2.5.29.20", "020102"), FUDA_EFORMAT }, /* twice */
	{ L_EXTRA, "30{<1.2.3>04{0500}0500}", FUDA_EFORMAT },
	{ L_EXTRA, "30{<1.2.3>}", FUDA_EFORMAT },
	{ L_EXTRA, CRITICAL_EXTENSION("1.2.3", "0500"), FUDA_ENOTSUP },
	{ L_EXTRA, CRITICAL_EXTENSION("2.5.29.27", "020101"), FUDA_ENOTSUP },
	{ L_EXTRA, EXTENSION("2.5.29.27", "020101"), FUDA_ENOTSUP },
	{ L_EXTRA, CRL_POINT("8201FF"), FUDA_ENOTSUP },   /* CAs only */
	{ L_EXTRA, CRL_POINT("83020106"), FUDA_ENOTSUP }, /* some reasons only */
	{ L_EXTRA, CRL_POINT("8401FF"), FUDA_ENOTSUP },   /* of other issuers too */
	{ L_EXTRA, CRL_POINT("8501FF"), FUDA_ENOTSUP },
	{ L_EXTRA, CRL_POINT("8101FF8401FF"), FUDA_ENOTSUP },
	{ L_EXTRA, CRL_POINT("A0{A1{30{<2.5.4.3>0C{'x'}}}}"), FUDA_ENOTSUP },
	{ L_EXTRA, CRL_POINT("A0{A0{86{'http://example.jp/'}}}8401FF"), FUDA_ENOTSUP },
	{ L_EXTRA, CRL_POINT("A0{}"), FUDA_EFORMAT },
	{ L_EXTRA, CRL_POINT("A0{A0{}}"), FUDA_EFORMAT },
	{ L_EXTRA, CRL_POINT("A0{A0{86{'x'}}0500}"), FUDA_EFORMAT },
	{ L_EXTRA, CRL_POINT("810100"), FUDA_EFORMAT },
	{ L_EXTRA, "30{<2.5.29.28>0101FF04{30{}0500}}", FUDA_EFORMAT },
	/* entries */
	{ L_ENTRIES, "0500", FUDA_EFORMAT },
	{ L_ENTRIES, "30{}", FUDA_EFORMAT },
	{ L_ENTRIES, CRL_ENTRY(""), FUDA_EFORMAT },
	{ L_ENTRIES, CRL_ENTRY("00"), FUDA_EFORMAT },
	{ L_ENTRIES, CRL_ENTRY("80"), FUDA_EFORMAT },
	{ L_ENTRIES, CRL_ENTRY("FF05"), FUDA_EFORMAT },
	{ L_ENTRIES, CRL_ENTRY("0005"), FUDA_EFORMAT }, /* not minimal */
	{ L_ENTRIES, CRL_ENTRY("00FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"), FUDA_EFORMAT },
	{ L_ENTRIES, CRL_ENTRY("017FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"), FUDA_EFORMAT },
	{ L_ENTRIES, "30{02{05}}", FUDA_EFORMAT },
	{ L_ENTRIES, "30{02{05}17{'2611010000Z'}}", FUDA_EFORMAT },
	{ L_ENTRIES, "30{02{05}13{'261101000000Z'}}", FUDA_EFORMAT },
	{ L_ENTRIES, "30{02{05}17{'261101000000Z'}0500}", FUDA_EFORMAT },
	{ L_ENTRIES, "30{02{05}17{'261101000000Z'}30{}0500}", FUDA_EFORMAT },
	{ L_ENTRIES, "30{04{05}17{'261101000000Z'}}", FUDA_EFORMAT },
	{ L_ENTRIES, CRL_REASON("05", "07"), FUDA_ENOTSUP },
	{ L_ENTRIES, CRL_REASON("05", "08"), FUDA_ENOTSUP }, /* removeFromCRL */
	{ L_ENTRIES, CRL_REASON("05", "0B"), FUDA_ENOTSUP },
	{ L_ENTRIES, CRL_REASON("05", "FF"), FUDA_ENOTSUP },
	{ L_ENTRIES, ENTRY_EXTENSION("30{<2.5.29.21>04{020101}}"), FUDA_EFORMAT },
	{ L_ENTRIES, ENTRY_EXTENSION("30{<2.5.29.21>04{0A020001}}"), FUDA_EFORMAT },
	{ L_ENTRIES, ENTRY_EXTENSION("30{<2.5.29.21>04{0A00}}"), FUDA_EFORMAT },
	{ L_ENTRIES, ENTRY_EXTENSION("30{<2.5.29.21>04{0A01010500}}"), FUDA_EFORMAT },
	{ L_ENTRIES, ENTRY_EXTENSION("30{<2.5.29.21>04{0A0101}}30{<2.5.29.21>04{0A0101}}"),
	  FUDA_EFORMAT },
	{ L_ENTRIES, ENTRY_EXTENSION(CRITICAL_EXTENSION("1.2.3", "0500")), FUDA_ENOTSUP },
	/* another's certificate: certificateIssuer */
	{ L_ENTRIES, ENTRY_EXTENSION(CRITICAL_EXTENSION("2.5.29.29", "30{}")), FUDA_ENOTSUP },
	{ L_ENTRIES, ENTRY_EXTENSION("30{<1.2.3>}"), FUDA_EFORMAT },
	/* the last of several */
	{ L_ENTRIES, CRL_ENTRY("05") CRL_ENTRY("06") "30{02{07}}", FUDA_EFORMAT },
};

static void refuses_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = try_with(cases[i].field, cases[i].notation);

		if (r != cases[i].error)
			fail_msg("case %zu (%s): %s, not %s", i, cases[i].notation,
				 fuda_error_name(r), fuda_error_name(cases[i].error));
	}
	/* and it is not for another reason */
	assert_int_equal(try_with(L_EXTRA, ""), 0);
}

/* Every bit counts: of what is signed, of the signature, and of what is around them. */
static void refuses_changed_lists(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct crl_plan plan = plan_crl();

	(void)state;
	crl_make(&plan, &der);
	assert_int_equal(try(der.data, der.len), 0);
	for (size_t i = 0; i < der.len; i++) {
		der.data[i] ^= (uint8_t)(1 << i % 8);
		if (try(der.data, der.len) == 0)
			fail_msg("byte %zu", i);
		der.data[i] ^= (uint8_t)(1 << i % 8);
	}
}

static void refuses_parts(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct crl_plan plan = plan_crl();

	(void)state;
	crl_make(&plan, &der);
	for (size_t len = 0; len < der.len; len++)
		if (try(der.data, len) != FUDA_EFORMAT)
			fail_msg("%zu bytes", len);
	assert_int_equal(fuda_buf_append(&der, "", 1), 0);
	assert_int_equal(try(der.data, der.len), FUDA_EFORMAT);
}

static void refuses_what_is_no_list(void **state)
{
	static const char *const texts[] = {
		"hello",
		"-----BEGIN X509 CRL-----\n",
		"-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n",
		"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n",
		"-----BEGIN X509 CRL-----\n!!!!\n-----END X509 CRL-----\n",
	};
	static const uint8_t endless[] = { 0x30, 0x80, 0x30, 0x80, 0, 0, 0, 0 };
	static const uint8_t huge[] = { 0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x30 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(try((const uint8_t *)texts[i], strlen(texts[i])), FUDA_EFORMAT);
	assert_int_equal(try(endless, sizeof(endless)), FUDA_EFORMAT);
	assert_int_equal(try(huge, sizeof(huge)), FUDA_EFORMAT);
}

/* ---- who may issue one ---- */

/* The same list with a CA changed in `field` believed instead. */
static int with_ca(enum cert_field field, const char *notation, enum test_key key)
{
	_cleanup_(fuda_trust_free) struct fuda_trust *other = NULL;
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, key);
	struct crl_plan plan = plan_crl();
	struct crl *crl = NULL;
	int r;

	ca.field[field] = notation;
	assert_int_equal(fuda_trust_new(ctx, &other), 0);
	believe(other, &ca);
	crl_make(&plan, &der);
	r = crl_load(ctx, other, der.data, der.len, &crl);
	crl_free(&crl);
	return r;
}

static void refuses_other_issuers(void **state)
{
	char ski[128];

	(void)state;
	assert_int_equal(with_ca(F_SERIAL, "020107", KEY_AUTH_CA), 0);
	/* keyCertSign alone */
	assert_int_equal(with_ca(F_KU, "30{<2.5.29.15>0101FF04{03020204}}", KEY_AUTH_CA),
			 FUDA_ENOTFOUND);
	assert_int_equal(with_ca(F_KU, "", KEY_AUTH_CA), FUDA_ENOTFOUND);
	assert_int_equal(with_ca(F_BC, "", KEY_AUTH_CA), FUDA_ENOTFOUND);
	assert_int_equal(with_ca(F_SUBJECT, "30{31{30{<2.5.4.6>13{'JP'}}}}", KEY_AUTH_CA),
			 FUDA_ENOTFOUND);
	assert_int_equal(with_ca(F_SERIAL, "020107", KEY_OTHER_CA), FUDA_ENOTFOUND);
	/* another key under the same identifier and name */
	snprintf(ski, sizeof(ski), "30{<2.5.29.14>04{04{%s}}}", test_key_id(KEY_AUTH_CA));
	assert_int_equal(with_ca(F_SKI, ski, KEY_OTHER_CA), FUDA_EVERIFY);
	/* a key that is too small for a CA */
	assert_int_equal(with_ca(F_SKI, ski, KEY_SMALL), FUDA_ENOTFOUND);
}

/* Of two with one identifier and name, whichever comes first, the one that signed counts. */
static void takes_the_one_that_signed(void **state)
{
	char ski[128];

	(void)state;
	snprintf(ski, sizeof(ski), "30{<2.5.29.14>04{04{%s}}}", test_key_id(KEY_AUTH_CA));
	for (int first = 0; first < 2; first++) {
		_cleanup_(fuda_trust_free) struct fuda_trust *both = NULL;
		_cleanup_buf_ struct fuda_buf der = TEST_BUF;
		struct cert_plan cas[2] = { plan_ca(FUDA_USE_AUTH, KEY_OTHER_CA),
					    plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA) };
		struct crl_plan plan = plan_crl();
		struct crl *crl = NULL;

		cas[0].field[F_SKI] = ski;
		assert_int_equal(fuda_trust_new(ctx, &both), 0);
		believe(both, &cas[first]);
		believe(both, &cas[!first]);
		crl_make(&plan, &der);
		assert_int_equal(crl_load(ctx, both, der.data, der.len, &crl), 0);
		crl_free(&crl);
	}
}

/* Signed with another hash than it says, or by another. */
static void refuses_other_signatures(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct crl_plan plan = plan_crl();
	char aki[128];

	(void)state;
	plan.hash = FUDA_SHA512;
	crl_make(&plan, &der);
	assert_int_equal(try(der.data, der.len), FUDA_EVERIFY);
	plan = plan_crl();
	snprintf(aki, sizeof(aki), "30{<2.5.29.35>04{30{80{%s}}}}", test_key_id(KEY_AUTH_CA));
	plan.field[L_AKI] = aki;
	plan.signer = KEY_OTHER_CA;
	crl_make(&plan, &der);
	assert_int_equal(try(der.data, der.len), FUDA_EVERIFY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(refuses_changed_lists),
		cmocka_unit_test(refuses_parts),
		cmocka_unit_test(refuses_what_is_no_list),
		cmocka_unit_test(refuses_other_issuers),
		cmocka_unit_test(takes_the_one_that_signed),
		cmocka_unit_test(refuses_other_signatures),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, crl_setup, crl_teardown);
}
