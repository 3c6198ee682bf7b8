/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/cert.h"

#include <openssl/bio.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <fuda/encode.h>

#include "pki/der.h"
#include "tests/certs.h"
#include "tests/cmocka.h"

static struct fuda_context *ctx;

/* Parses from memory of exactly that size. */
static int parse(const uint8_t *der, size_t len, struct fuda_cert **ret)
{
	uint8_t *exact = malloc(len ? len : 1);
	int r;

	assert_non_null(exact);
	if (len)
		memcpy(exact, der, len);
	r = fuda_cert_new(ctx, exact, len, ret);
	free(exact);
	return r;
}

static struct fuda_cert *good(const struct cert_plan *plan)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct fuda_cert *cert = NULL;

	cert_make(plan, &der);
	if (parse(der.data, der.len, &cert) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	return cert;
}

static void assert_key_id(const uint8_t *id, size_t len, enum test_key key)
{
	char hex[2 * 32 + 1];

	assert_true(len <= 32);
	fuda_hex_encode(id, len, hex);
	assert_string_equal(hex, test_key_id(key));
}

static void auth_facts(void **state)
{
	struct cert_plan plan = plan_auth();
	struct fuda_cert *cert = good(&plan);
	const struct fuda_cert_facts *f = fuda_cert_facts(cert);

	(void)state;
	assert_int_equal(f->use, FUDA_USE_AUTH);
	assert_string_equal(f->serial, "01A2B3C4");
	assert_string_equal(f->subject, "C=JP, CN=0A1B2C3D4E5F6G7H8J9K0L1");
	assert_string_equal(f->issuer, "C=JP, O=JPKI-TEST, OU=JPKI for user authentication, "
				       "OU=Japan Agency for Local Authority Information Systems");
	assert_int_equal(f->not_before, 1743465600);
	assert_int_equal(f->not_after, 1901285999);
	assert_int_equal(f->key_bits, 2048);
	assert_string_equal(f->policy, "1.2.392.200149.8.5.1.3.30");
	assert_key_id(f->ski, f->ski_len, KEY_HOLDER);
	assert_key_id(f->aki, f->aki_len, KEY_AUTH_CA);
	assert_string_equal(f->name, "");
	assert_string_equal(f->address, "");
	assert_string_equal(f->birth, "");
	assert_string_equal(f->sex, "");
	fuda_cert_free(&cert);
	assert_null(cert);
	fuda_cert_free(&cert);
}

static void sign_facts(void **state)
{
	struct cert_plan plan = plan_sign();
	struct fuda_cert *cert = good(&plan);
	const struct fuda_cert_facts *f = fuda_cert_facts(cert);

	(void)state;
	assert_int_equal(f->use, FUDA_USE_SIGN);
	assert_string_equal(f->policy, "1.2.392.200149.8.5.1.0.20");
	assert_string_equal(f->name, "番号　花子");
	assert_string_equal(f->address, "東京都港区1-2-3");
	assert_string_equal(f->birth, "419800217");
	assert_string_equal(f->sex, "2");
	fuda_cert_free(&cert);
}

static void ca_facts(void **state)
{
	struct cert_plan plan = plan_ca(FUDA_USE_SIGN, KEY_SIGN_CA);
	struct fuda_cert *cert = good(&plan);
	const struct fuda_cert_facts *f = fuda_cert_facts(cert);

	(void)state;
	assert_int_equal(f->use, FUDA_USE_CA);
	assert_string_equal(f->serial, "C139AB");
	assert_string_equal(f->policy, "");
	assert_string_equal(f->subject, f->issuer);
	assert_int_equal(f->aki_len, 0);
	assert_key_id(f->ski, f->ski_len, KEY_SIGN_CA);
	fuda_cert_free(&cert);
}

/* It keeps a copy, and gives the same bytes back. */
static void keeps_der(void **state)
{
	struct cert_plan plan = plan_auth();
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct fuda_cert *cert;
	struct fuda_digest digest;
	const uint8_t *bytes;
	size_t len;

	(void)state;
	cert_make(&plan, &der);
	assert_int_equal(parse(der.data, der.len, &cert), 0);
	bytes = fuda_cert_der(cert, &len);
	assert_int_equal(len, der.len);
	assert_memory_equal(bytes, der.data, len);
	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, der.data, der.len, &digest), 0);
	assert_memory_equal(fuda_cert_facts(cert)->sha256, digest.bytes, 32);
	fuda_cert_free(&cert);
}

static void openssl_serial(const X509 *x, char *ret, size_t size)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *hex = BN_bn2hex(bn);

	snprintf(ret, size, "%s", hex);
	OPENSSL_free(hex);
	BN_free(bn);
}

static time_t openssl_time(const ASN1_TIME *t)
{
	struct tm tm;

	assert_int_equal(ASN1_TIME_to_tm(t, &tm), 1);
	return timegm(&tm);
}

/* What another implementation reads in the same bytes. */
static void agrees_with_openssl(void **state)
{
	struct cert_plan plans[] = { plan_auth(), plan_sign(),
				     plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA) };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		struct fuda_cert *cert = good(&plans[i]);
		const struct fuda_cert_facts *f = fuda_cert_facts(cert);
		size_t len;
		const uint8_t *der = fuda_cert_der(cert, &len);
		X509 *x = d2i_X509(NULL, &der, (long)len);
		BIO *bio = BIO_new(BIO_s_mem());
		char text[512] = "";

		assert_non_null(x);
		assert_non_null(bio);
		openssl_serial(x, text, sizeof(text));
		assert_string_equal(f->serial, text);
		X509_NAME_print_ex(bio, X509_get_subject_name(x), 0,
				   XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN |
					   ASN1_STRFLGS_UTF8_CONVERT);
		text[BIO_read(bio, text, sizeof(text) - 1)] = '\0';
		assert_string_equal(f->subject, text);
		assert_int_equal(f->not_before, openssl_time(X509_get0_notBefore(x)));
		assert_int_equal(f->not_after, openssl_time(X509_get0_notAfter(x)));
		assert_int_equal(f->key_bits, EVP_PKEY_get_bits(X509_get0_pubkey(x)));
		assert_int_equal(f->ski_len, ASN1_STRING_length(X509_get0_subject_key_id(x)));
		assert_memory_equal(f->ski, ASN1_STRING_get0_data(X509_get0_subject_key_id(x)),
				    f->ski_len);
		assert_int_equal(f->use == FUDA_USE_CA, X509_check_ca(x) == 1);
		BIO_free(bio);
		X509_free(x);
		fuda_cert_free(&cert);
	}
}

/* Certificates that are well-formed, and what they are for. */
static void uses(void **state)
{
	static const struct {
		bool sign;
		enum cert_field field;
		const char *der;
		enum fuda_cert_use use;
	} cases[] = {
		{ false, F_EKU, "30{<2.5.29.37>04{30{<1.3.6.1.5.5.7.3.4><1.3.6.1.5.5.7.3.2>}}}",
		  FUDA_USE_AUTH },
		{ false, F_EKU, "30{<2.5.29.37>04{30{<1.3.6.1.5.5.7.3.4>}}}", FUDA_USE_UNKNOWN },
		{ false, F_EKU, "", FUDA_USE_UNKNOWN },
		{ false, F_KU, "30{<2.5.29.15>0101FF04{03020780}}", FUDA_USE_AUTH },
		{ false, F_KU, "30{<2.5.29.15>04{03020780}}", FUDA_USE_AUTH },
		{ false, F_KU, "30{<2.5.29.15>04{03020080}}", FUDA_USE_AUTH },
		{ false, F_KU, "30{<2.5.29.15>04{030205A0}}", FUDA_USE_UNKNOWN },
		{ false, F_KU, "", FUDA_USE_UNKNOWN },
		{ false, F_POLICY, "", FUDA_USE_UNKNOWN },
		{ false, F_POLICY, "30{<2.5.29.32>04{30{30{<1.2.392.200149.8.5.10.3>}}}}",
		  FUDA_USE_UNKNOWN },
		{ false, F_POLICY, "30{<2.5.29.32>04{30{30{<1.2.392.200149.8.5.1>}}}}",
		  FUDA_USE_UNKNOWN },
		{ false, F_POLICY,
		  "30{<2.5.29.32>04{30{30{<2.5.29.32.0>}30{<1.2.392.200149.8.5.1.2.30>}}}}",
		  FUDA_USE_AUTH },
		{ true, F_POLICY, "30{<2.5.29.32>04{30{30{<1.2.392.200149.8.5.1.1.40>}}}}",
		  FUDA_USE_SIGN },
		{ true, F_KU, "30{<2.5.29.15>04{03020640}}", FUDA_USE_UNKNOWN },
		{ true, F_BC, "30{<2.5.29.19>04{30{}}}", FUDA_USE_SIGN },
		{ true, F_BC, "30{<2.5.29.19>04{30{010100}}}", FUDA_USE_SIGN },
		{ true, F_BC, "30{<2.5.29.19>01010004{30{}}}", FUDA_USE_SIGN },
		{ true, F_BC, "30{<2.5.29.19>04{30{0101FF}}}", FUDA_USE_UNKNOWN },
		{ true, F_BC, "30{<2.5.29.19>04{30{0101FF020100}}}", FUDA_USE_UNKNOWN },
		/* not of use, but no reason to refuse */
		{ true, F_VALIDITY, "30{18{'20250401000000Z'}18{'99991231235959Z'}}",
		  FUDA_USE_SIGN },
		{ true, F_SUBJECT, "30{}", FUDA_USE_SIGN },
		{ true, F_EXTRA, "30{<1.2.3.4>0101FF04{FF00}}", FUDA_USE_SIGN },
		{ true, F_SKI, "", FUDA_USE_SIGN },
		{ true, F_AKI, "", FUDA_USE_SIGN },
		{ true, F_AKI, "30{<2.5.29.35>04{30{A1{82{'x'}}820101}}}", FUDA_USE_SIGN },
		{ true, F_SAN, "30{<2.5.29.17>04{30{82{'a.example'}A0{<1.2.3>A0{30{}}}}}}",
		  FUDA_USE_SIGN },
		{ true, F_ALGORITHM, "30{<1.2.840.113549.1.1.10>30{A0{0500}}}", FUDA_USE_SIGN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cert_plan plan = cases[i].sign ? plan_sign() : plan_auth();
		struct fuda_cert *cert;

		plan.field[cases[i].field] = cases[i].der;
		cert = good(&plan);
		if (fuda_cert_facts(cert)->use != cases[i].use)
			fail_msg("case %zu: use %d", i, fuda_cert_facts(cert)->use);
		fuda_cert_free(&cert);
	}
}

static void keys(void **state)
{
	static const struct {
		enum test_key key;
		unsigned bits; /* as far as it is understood */
	} cases[] = { { KEY_HOLDER, 2048 }, { KEY_SMALL, 1024 }, { KEY_EC, 256 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cert_plan plan = plan_auth();
		struct fuda_cert *cert;

		plan.key = cases[i].key;
		cert = good(&plan);
		assert_int_equal(fuda_cert_facts(cert)->key_bits, cases[i].bits);
		assert_int_equal(fuda_cert_facts(cert)->use, FUDA_USE_AUTH);
		fuda_cert_free(&cert);
	}
}

/* Nothing in a name moves the cursor of a terminal or makes two names look alike. */
static void hostile_names(void **state)
{
	struct cert_plan plan = plan_sign();
	struct fuda_cert *cert;

	(void)state;
	plan.field[F_SUBJECT] = "30{31{30{<2.5.4.3>0C{'a'00'b'0A'C'1B'[2J'}}}"
				"31{30{<2.5.4.10>0C{'x, O=JPKI'}}}}";
	plan.field[F_SAN] = "30{<2.5.29.17>04{30{"
			    "A0{<1.2.392.200149.8.5.5.1>A0{0C{'a'0A'b\\c'}}}"
			    "A0{<1.2.392.200149.8.5.5.5>A0{0C{E280AE'x'00'y'}}}}}}";
	cert = good(&plan);
	assert_string_equal(fuda_cert_facts(cert)->subject,
			    "CN=a\\00b\\0AC\\1B[2J, O=x\\, O\\=JPKI");
	assert_string_equal(fuda_cert_facts(cert)->name, "a\\0Ab\\\\c");
	assert_string_equal(fuda_cert_facts(cert)->address, "\\E2\\80\\AEx\\00y");
	fuda_cert_free(&cert);
}

#define NAME_OF(oid, value) "30{<2.5.29.17>04{30{A0{<1.2.392.200149.8.5.5." oid ">A0{" value "}}}}}"

static const struct {
	enum cert_field field;
	const char *der;
	const char *part; /* that the message names */
} malformed[] = {
	{ F_VERSION, "", "version" },
	{ F_VERSION, "A0{020101}", "version" },
	{ F_VERSION, "A0{020103}", "version" },
	{ F_VERSION, "A0{02020002}", "version" },
	{ F_VERSION, "A0{020102020102}", "version" },
	{ F_VERSION, "020102", "version" },
	{ F_SERIAL, "020100", "serial number" },
	{ F_SERIAL, "0201FF", "serial number" },
	{ F_SERIAL, "0200", "serial number" },
	{ F_SERIAL, "02020001", "serial number" },
	{ F_SERIAL, "02{010101010101010101010101010101010101010101}", "serial number" },
	{ F_SERIAL, "02{00FF01010101010101010101010101010101010101}", "serial number" },
	{ F_SERIAL, "040101", "serial number" },
	{ F_ALGORITHM, "30{}", "signature algorithm" },
	{ F_ALGORITHM, "30{0500}", "signature algorithm" },
	{ F_ISSUER, "30{}", "issuer" },
	{ F_ISSUER, "30{31{}}", "issuer" },
	{ F_ISSUER, "30{31{30{<2.5.4.3>0C{C0AF}}}}", "issuer" },
	{ F_ISSUER, "30{31{30{<2.5.4.3>13{'a@b'}}}}", "issuer" },
	{ F_SUBJECT, "30{31{30{<2.5.4.3>0C{EDA080}}}}", "subject" },
	{ F_SUBJECT, "30{31{30{<2.5.4.3>1E{0041}}}}", "subject" },
	{ F_SUBJECT, "0C{'a'}", "subject" },
	{ F_VALIDITY, "30{17{'250401000000Z'}}", "validity" },
	{ F_VALIDITY, "30{17{'250401000000Z'}17{'300231145959Z'}}", "validity" },
	{ F_VALIDITY, "30{17{'250401000000Z'}17{'3004011459Z'}}", "validity" },
	{ F_VALIDITY, "30{17{'250401000000Z'}17{'300401145959+0900'}}", "validity" },
	{ F_VALIDITY, "30{17{'250401000000Z'}18{'20300401145959.0Z'}}", "validity" },
	{ F_VALIDITY, "30{17{'250401000000Z'}17{'300401145959Z'}0500}", "validity" },
	{ F_VALIDITY, "17{'250401000000Z'}17{'300401145959Z'}", "validity" },
	{ F_KEY, "30{30{<1.2.840.113549.1.1.1>0500}}", "public key" },
	{ F_KEY, "30{30{<1.2.840.113549.1.1.1>0500}03{00}}", "public key" },
	{ F_KEY, "30{30{<1.2.840.113549.1.1.1>0500}03{00 30{}}}", "public key" },
	{ F_KEY, "30{30{<1.2.840.113549.1.1.1>0500}03{00 30{020103020103}}}", "public key" },
	{ F_KEY, "0500", "public key" },
	{ F_BEHIND, "0500", "extensions" },
	{ F_BEHIND, "A3{30{30{<1.2.3>0400}}}", "extensions" },
	{ F_BEHIND, "81020001", "extensions" },
	{ F_EXTRA, "0500", "extensions" },
	{ F_EXTRA, "30{<1.2.3>}", "extensions" },
	{ F_EXTRA, "30{<1.2.3>01010104{}}", "extensions" },
	{ F_EXTRA, "30{<1.2.3>0101FF03{00}}", "extensions" },
	{ F_EXTRA, "30{<1.2.3>0101FF04{}0500}", "extensions" },
	{ F_EXTRA, "30{<1.2.3>04{}}30{<1.2.3>04{}}", "extensions" },
	{ F_EXTRA, "30{<2.5.29.14>04{040101}}", "extensions" }, /* a second one */
	{ F_EXTRA, "30{<2.5.29.31>04{0500}}", "extensions" },
	{ F_SKI, "30{<2.5.29.14>04{0400}}", "extensions" },
	{ F_SKI, "30{<2.5.29.14>04{0401010500}}", "extensions" },
	{ F_SKI, "30{<2.5.29.14>04{300401010101}}", "extensions" },
	{ F_SKI,
	  "30{<2.5.29.14>04{0421000102030405060708090001020304050607080900010203040506070809"
	  "010203}}",
	  "extensions" },
	{ F_AKI, "30{<2.5.29.35>04{040101}}", "extensions" },
	{ F_AKI, "30{<2.5.29.35>04{30{8000}}}", "extensions" },
	{ F_KU, "30{<2.5.29.15>04{0301}}", "extensions" },
	{ F_KU, "30{<2.5.29.15>04{03020781}}", "extensions" },
	{ F_KU, "30{<2.5.29.15>04{0306008000000000}}", "extensions" },
	{ F_KU, "30{<2.5.29.15>04{030207800500}}", "extensions" },
	{ F_EKU, "30{<2.5.29.37>04{30{}}}", "extensions" },
	{ F_EKU, "30{<2.5.29.37>04{30{0500}}}", "extensions" },
	{ F_POLICY, "30{<2.5.29.32>04{30{}}}", "extensions" },
	{ F_POLICY, "30{<2.5.29.32>04{30{<1.2.3>}}}", "extensions" },
	{ F_BC, "30{<2.5.29.19>04{0500}}", "extensions" },
	{ F_BC, "30{<2.5.29.19>04{30{010101}}}", "extensions" },
	{ F_BC, "30{<2.5.29.19>04{30{020100}}}", "extensions" },
	{ F_BC, "30{<2.5.29.19>04{30{0101FF0201FF}}}", "extensions" },
	{ F_BC, "30{<2.5.29.19>04{30{0101FF0201000500}}}", "extensions" },
	{ F_SAN, "30{<2.5.29.17>04{30{}}}", "extensions" },
	{ F_SAN, "30{<2.5.29.17>04{30{A0{<1.2.3>}}}}", "extensions" },
	{ F_SAN, "30{<2.5.29.17>04{30{A0{<1.2.3>A0{0500}0500}}}}", "extensions" },
	{ F_SAN, NAME_OF("1", "0C{C3}"), "extensions" },
	{ F_SAN, NAME_OF("1", "0C{'a'}0C{'b'}"), "extensions" },
	{ F_SAN, NAME_OF("1", "30{}"), "extensions" },
	{ F_SAN, NAME_OF("3", "0C{'12'}"), "extensions" },
	{ F_SAN, NAME_OF("3", "0C{'x'}"), "extensions" },
	{ F_SAN, NAME_OF("3", "0C{}"), "extensions" },
	{ F_SAN, NAME_OF("4", "0C{'41980021'}"), "extensions" },
	{ F_SAN, NAME_OF("4", "0C{'4198002170'}"), "extensions" },
	{ F_SAN, NAME_OF("4", "0C{'4198002-7'}"), "extensions" },
	{ F_SAN,
	  "30{<2.5.29.17>04{30{A0{<1.2.392.200149.8.5.5.1>A0{0C{'a'}}}"
	  "A0{<1.2.392.200149.8.5.5.1>A0{0C{'b'}}}}}}",
	  "extensions" },
	{ F_OUTER_ALGORITHM, "30{<1.2.840.113549.1.1.12>0500}", "two signature algorithms" },
	{ F_OUTER_ALGORITHM, "30{<1.2.840.113549.1.1.11>}", "two signature algorithms" },
	{ F_OUTER_ALGORITHM, "", "not a whole certificate" },
	{ F_SIGNATURE, "", "not a whole certificate" },
	{ F_SIGNATURE, "03020101", "not a whole certificate" },
	{ F_SIGNATURE, "040101", "not a whole certificate" },
	{ F_SIGNATURE, "030200010500", "not a whole certificate" },
	{ F_SUBJECT, "308031000000", "not a whole certificate" },
	{ F_SUBJECT, "30{1F0100}", "not a whole certificate" },
	{ F_EXTRA, "30{<1.2.3>0482000100}", "not a whole certificate" },
};

static void refuses_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		_cleanup_buf_ struct fuda_buf der = TEST_BUF;
		struct fuda_cert *cert = NULL;

		cert_make_with(plan_sign(), malformed[i].field, malformed[i].der, &der);
		if (parse(der.data, der.len, &cert) != FUDA_EFORMAT)
			fail_msg("case %zu is accepted: %s", i, malformed[i].der);
		assert_null(cert);
		if (!strstr(fuda_context_message(ctx), malformed[i].part))
			fail_msg("case %zu: %s", i, fuda_context_message(ctx));
	}
}

/* Every extension that is there twice. */
static void refuses_duplicates(void **state)
{
	struct cert_plan plan = plan_auth();

	(void)state;
	for (size_t f = F_KU; f < F_EXTRA; f++) {
		_cleanup_buf_ struct fuda_buf der = TEST_BUF;
		struct fuda_cert *cert;

		if (!plan.field[f][0])
			continue;
		cert_make_with(plan, F_EXTRA, plan.field[f], &der);
		assert_int_equal(parse(der.data, der.len, &cert), FUDA_EFORMAT);
	}
}

/* No extensions, an empty list of them, one too many. */
static void counts_extensions(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct cert_plan plan = plan_auth();
	char many[4096] = "";
	struct fuda_cert *cert = NULL;

	(void)state;
	for (size_t f = F_SKI; f <= F_EXTRA; f++)
		plan.field[f] = "";
	cert_make(&plan, &der);
	assert_int_equal(parse(der.data, der.len, &cert), FUDA_EFORMAT);
	cert_make_with(plan, F_BEHIND, "A3{30{}}", &der);
	assert_int_equal(parse(der.data, der.len, &cert), FUDA_EFORMAT);
	for (int n = 1; n <= 33; n++) {
		size_t used = strlen(many);

		snprintf(many + used, sizeof(many) - used, "30{<1.2.3.%d>0400}", n);
		cert_make_with(plan, F_EXTRA, many, &der);
		assert_int_equal(parse(der.data, der.len, &cert), n <= 32 ? 0 : FUDA_EFORMAT);
		fuda_cert_free(&cert);
	}
}

static void refuses_depth(void **state)
{
	_cleanup_buf_ struct fuda_buf nest = TEST_BUF;

	(void)state;
	for (int depth = 1; depth < 40; depth++) {
		_cleanup_buf_ struct fuda_buf der = TEST_BUF;
		_cleanup_buf_ struct fuda_buf inner = TEST_BUF;
		struct fuda_cert *cert = NULL;
		char hex[256], san[512];

		assert_int_equal(fuda_buf_append(&inner, nest.data, nest.len), 0);
		fuda_buf_clear(&nest);
		der_write(&nest, "30{$}", &inner);
		fuda_hex_encode(nest.data, nest.len, hex);
		snprintf(san, sizeof(san), "30{<2.5.29.17>04{30{A0{<1.2.3>A0{%s}}}}}", hex);
		cert_make_with(plan_sign(), F_SAN, san, &der);
		/* GeneralNames, OtherName and [0] stand around it */
		assert_int_equal(parse(der.data, der.len, &cert),
				 depth + 3 <= DER_DEPTH_MAX ? 0 : FUDA_EFORMAT);
		fuda_cert_free(&cert);
	}
}

/* Texts up to what the facts hold, then an error, never a shortened one. */
static void refuses_long_texts(void **state)
{
	static const struct {
		enum cert_field field;
		const char *head, *tail;
		size_t room; /* for the value */
	} cases[] = {
		{ F_SUBJECT, "30{31{30{<2.5.4.3>0C{'", "'}}}}", 511 - 3 },
		{ F_SAN, "30{<2.5.29.17>04{30{A0{<1.2.392.200149.8.5.5.1>A0{0C{'", "'}}}}}}", 511 },
		{ F_SAN, "30{<2.5.29.17>04{30{A0{<1.2.392.200149.8.5.5.5>A0{0C{'", "'}}}}}}",
		  1023 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int over = 0; over <= 1; over++) {
			_cleanup_buf_ struct fuda_buf der = TEST_BUF;
			struct fuda_cert *cert = NULL;
			char value[1100] = "", notation[1300];

			memset(value, 'a', cases[i].room + (size_t)over);
			snprintf(notation, sizeof(notation), "%s%s%s", cases[i].head, value,
				 cases[i].tail);
			cert_make_with(plan_sign(), cases[i].field, notation, &der);
			assert_int_equal(parse(der.data, der.len, &cert), over ? FUDA_EFORMAT : 0);
			fuda_cert_free(&cert);
		}
	}
}

static void refuses_wrong_size(void **state)
{
	struct cert_plan plan = plan_auth();
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	static const uint8_t zeros[20000];
	struct fuda_cert *cert = NULL;
	char extra[2 * CERT_MAX + 64];

	(void)state;
	assert_int_equal(fuda_cert_new(ctx, NULL, 0, &cert), FUDA_EFORMAT);
	assert_int_equal(fuda_cert_new(ctx, zeros, 1, &cert), FUDA_EFORMAT);
	cert_make(&plan, &der);
	assert_int_equal(fuda_buf_append(&der, "\xFF", 1), 0);
	assert_int_equal(parse(der.data, der.len, &cert), FUDA_EFORMAT);
	/* well-formed, but of a size that no card holds */
	memset(extra, '0', sizeof(extra));
	memcpy(extra, "30{<1.2.3>04{", 13);
	memcpy(extra + 13 + 2 * (CERT_MAX - 800), "}}", 3);
	cert_make_with(plan, F_EXTRA, extra, &der);
	assert_true(der.len > CERT_MAX);
	assert_int_equal(parse(der.data, der.len, &cert), FUDA_EFORMAT);
	memcpy(extra + 13 + 2 * (CERT_MAX - 2000), "}}", 3);
	cert_make_with(plan, F_EXTRA, extra, &der);
	assert_true(der.len < CERT_MAX);
	assert_int_equal(parse(der.data, der.len, &cert), 0);
	fuda_cert_free(&cert);
	assert_int_equal(parse(zeros, sizeof(zeros), &cert), FUDA_EFORMAT);
}

static void refuses_truncated(void **state)
{
	struct cert_plan plans[] = { plan_auth(), plan_sign() };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		_cleanup_buf_ struct fuda_buf der = TEST_BUF;

		cert_make(&plans[i], &der);
		for (size_t len = 0; len < der.len; len++) {
			struct fuda_cert *cert = NULL;

			assert_int_equal(parse(der.data, len, &cert), FUDA_EFORMAT);
			assert_null(cert);
		}
	}
}

static int setup(void **state)
{
	(void)state;
	return fuda_context_new(&ctx);
}

static int teardown(void **state)
{
	(void)state;
	fuda_context_free(&ctx);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(auth_facts),
		cmocka_unit_test(sign_facts),
		cmocka_unit_test(ca_facts),
		cmocka_unit_test(keeps_der),
		cmocka_unit_test(agrees_with_openssl),
		cmocka_unit_test(uses),
		cmocka_unit_test(keys),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(refuses_malformed),
		cmocka_unit_test(refuses_duplicates),
		cmocka_unit_test(counts_extensions),
		cmocka_unit_test(refuses_depth),
		cmocka_unit_test(refuses_long_texts),
		cmocka_unit_test(refuses_wrong_size),
		cmocka_unit_test(refuses_truncated),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
