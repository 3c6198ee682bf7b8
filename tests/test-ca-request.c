/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for certificates: those of other programs, and wrecked ones. */
#include <openssl/x509v3.h>

#include <fuda/hash.h>
#include "tests/authority.h"
#include "tests/certs.h"

/* From memory of exactly that size. */
static int check(const uint8_t *der, size_t len, struct csr *ret)
{
	uint8_t *exact = malloc(len ? len : 1);
	int r;

	assert_non_null(exact);
	if (len)
		memcpy(exact, der, len);
	r = csr_check(ctx, exact, len, ret);
	free(exact);
	if (r < 0)
		assert_true(fuda_context_message(ctx)[0]);
	return r;
}

static void assert_digest(const uint8_t bytes[32], const void *of, size_t len)
{
	struct fuda_digest digest;

	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, of, len, &digest), 0);
	assert_memory_equal(bytes, digest.bytes, 32);
}

static void takes_requests(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	unsigned char *spki = NULL;
	struct csr csr;
	int len;

	(void)state;
	make_request(key, EVP_sha256(), &der);
	assert_int_equal(check(der.data, der.len, &csr), 0);
	assert_digest(csr.hash, der.data, der.len);
	len = i2d_PUBKEY(key, &spki);
	assert_digest(csr.key, spki, (size_t)len);
	OPENSSL_free(spki);
	EVP_PKEY_free(key);
}

/* What the openssl command makes, with this behind "openssl req -new -outform DER". */
static void takes_those_of_openssl(void **state)
{
	static const struct {
		const char *key, *options;
		int error;
	} cases[] = {
		{ "ec -pkeyopt ec_paramgen_curve:P-256", "-subj /", 0 },
		{ "ec -pkeyopt ec_paramgen_curve:P-256", "-subj /C=JP/O=City/CN=counter-1", 0 },
		{ "ec -pkeyopt ec_paramgen_curve:P-256",
		  "-subj /CN=x -addext subjectAltName=DNS:a -addext keyUsage=digitalSignature", 0 },
		{ "ec -pkeyopt ec_paramgen_curve:P-256", "-subj /CN=x -utf8 -nameopt utf8", 0 },
		{ "ec -pkeyopt ec_paramgen_curve:P-256", "-subj /CN=x -sha384", FUDA_ENOTSUP },
		{ "ec -pkeyopt ec_paramgen_curve:P-256", "-subj /CN=x -sha512", FUDA_ENOTSUP },
		{ "ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
		  "-subj /CN=x", FUDA_ENOTSUP },
		{ "ec -pkeyopt ec_paramgen_curve:P-384", "-subj /CN=x -sha256", FUDA_ENOTSUP },
		{ "ec -pkeyopt ec_paramgen_curve:secp256k1", "-subj /CN=x", FUDA_ENOTSUP },
		{ "rsa:2048", "-subj /CN=x", FUDA_ENOTSUP },
		{ "ed25519", "-subj /CN=x", FUDA_ENOTSUP },
	};
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;

	(void)state;
	need_openssl();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char command[512];
		struct csr csr;
		int r;

		snprintf(command, sizeof(command),
			 "openssl req -new -outform DER -newkey %s -noenc -keyout r.key -out r.der "
			 "%s",
			 cases[i].key, cases[i].options);
		must_run(command);
		read_bytes("r.der", &der);
		r = check(der.data, der.len, &csr);
		if (r != cases[i].error)
			fail_msg("%s: %s (%s)", command, fuda_error_name(r),
				 fuda_context_message(ctx));
	}
}

/* Every bit is signed, signature, or around them; none of them may be another. */
static void refuses_changed_requests(void **state)
{
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct csr csr;

	(void)state;
	make_request(key, EVP_sha256(), &der);
	for (size_t i = 0; i < der.len; i++) {
		der.data[i] ^= (uint8_t)(1 << i % 8);
		if (check(der.data, der.len, &csr) == 0)
			fail_msg("byte %zu", i);
		der.data[i] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < der.len; len++)
		assert_int_equal(check(der.data, len, &csr), FUDA_EFORMAT);
	assert_int_equal(fuda_buf_append(&der, "", 1), 0);
	assert_int_equal(check(der.data, der.len, &csr), FUDA_EFORMAT);
	EVP_PKEY_free(key);
}

/* The parts of a request, in the notation of der_write(). */
enum part { R_VERSION, R_NAME, R_SPKI, R_ATTRIBUTES, R_BEHIND, R_ALGORITHM, R_PARTS };

#define EC_SPKI(curve, bits) "30{30{<1.2.840.10045.2.1><" curve ">}03{" bits "}}"
#define P256                 "1.2.840.10045.3.1.7"
#define SHA256_ALGORITHM     "30{<1.2.840.10045.4.3.2>}"

/* Makes one with one part changed, and a good signature. */
static int check_with(EVP_PKEY *key, enum part part, const char *notation)
{
	const char *parts[R_PARTS] = { "020100", "30{31{30{<2.5.4.3>0C{'x'}}}}",
				       NULL,     "A0{}",
				       "",       SHA256_ALGORITHM };
	_cleanup_buf_ struct fuda_buf body = TEST_BUF, info = TEST_BUF, request = TEST_BUF,
				      spki = TEST_BUF;
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char *der = NULL, bytes[256];
	size_t len = sizeof(bytes);
	struct csr csr;
	int n = i2d_PUBKEY(key, &der);

	assert_int_equal(fuda_buf_append(&spki, der, (size_t)n), 0);
	OPENSSL_free(der);
	parts[part] = notation;
	for (size_t i = R_VERSION; i <= R_BEHIND; i++)
		der_write(&body, i == R_SPKI && !parts[i] ? "$" : parts[i], &spki);
	der_write(&info, "30{$}", &body);
	assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(md, bytes, &len, info.data, info.len), 1);
	EVP_MD_CTX_free(md);
	assert_int_equal(fuda_buf_append(&signature, bytes, len), 0);
	fuda_buf_clear(&body);
	der_write(&body, parts[R_ALGORITHM]);
	der_write(&request, "30{$$03{00$}}", &info, &body, &signature);
	return check(request.data, request.len, &csr);
}

static void refuses_other_forms(void **state)
{
	static const struct {
		enum part part;
		const char *notation;
		int error;
	} cases[] = {
		{ R_VERSION, "", FUDA_EFORMAT },
		{ R_VERSION, "020101", FUDA_EFORMAT },
		{ R_VERSION, "02020000", FUDA_EFORMAT },
		{ R_NAME, "", FUDA_EFORMAT },
		{ R_NAME, "31{}", FUDA_EFORMAT },
		{ R_SPKI, "", FUDA_EFORMAT },
		{ R_SPKI, "30{}", FUDA_EFORMAT },
		{ R_SPKI, EC_SPKI(P256, "00"), FUDA_ENOTSUP },
		{ R_SPKI, EC_SPKI(P256, ""), FUDA_EFORMAT },
		/* no point of the curve, the point that is none, and a compressed one */
		{ R_SPKI,
		  EC_SPKI(P256, "0004"
				"0000000000000000000000000000000000000000000000000000000000000001"
				"0000000000000000000000000000000000000000000000000000000000000001"),
		  FUDA_EFORMAT },
		{ R_SPKI, EC_SPKI(P256, "0000"), FUDA_ENOTSUP },
		{ R_SPKI,
		  EC_SPKI(P256, "0003"
				"6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"),
		  FUDA_ENOTSUP },
		{ R_SPKI, "30{30{<1.2.840.10045.2.1>}03{00}}", FUDA_ENOTSUP },
		{ R_SPKI, "30{30{<1.2.840.10045.2.1>0500}03{00}}", FUDA_ENOTSUP },
		{ R_SPKI, "30{30{<1.2.840.113549.1.1.1>0500}03{00}}", FUDA_ENOTSUP },
		{ R_ATTRIBUTES, "", FUDA_EFORMAT },
		{ R_ATTRIBUTES, "31{}", FUDA_EFORMAT },
		{ R_ATTRIBUTES, "A0{0500}", FUDA_EFORMAT },
		{ R_ATTRIBUTES, "A0{30{<1.2.3>}}", FUDA_EFORMAT },
		{ R_ATTRIBUTES, "A0{30{<1.2.3>31{}0500}}", FUDA_EFORMAT },
		{ R_BEHIND, "0500", FUDA_EFORMAT },
		{ R_ALGORITHM, "", FUDA_EFORMAT },
		{ R_ALGORITHM, "30{}", FUDA_EFORMAT },
		{ R_ALGORITHM, "30{<1.2.840.10045.4.3.2>0500}", FUDA_ENOTSUP },
		{ R_ALGORITHM, "30{<1.2.840.10045.4.1>}", FUDA_ENOTSUP }, /* with SHA-1 */
		{ R_ALGORITHM, "30{<1.2.840.10045.4.3.2>}0500", FUDA_EFORMAT },
		/* nested deeper than anything is */
		{ R_ATTRIBUTES,
		  "A0{30{<1.2.3>31{30{30{30{30{30{30{30{30{30{30{30{30{30{30{}}}}}}}}}}}}}}}}}",
		  FUDA_EFORMAT },
	};
	EVP_PKEY *key = EVP_EC_gen("P-256");

	(void)state;
	assert_int_equal(check_with(key, R_BEHIND, ""), 0);
	assert_int_equal(check_with(key, R_ATTRIBUTES, "A0{30{<1.2.3>31{0500}}}"), 0);
	assert_int_equal(check_with(key, R_NAME, "30{}"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = check_with(key, cases[i].part, cases[i].notation);

		if (r != cases[i].error)
			fail_msg("case %zu (%s): %s", i, cases[i].notation, fuda_error_name(r));
	}
	EVP_PKEY_free(key);
}

/* Of a key that the sender does not have. */
static void refuses_foreign_keys(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	unsigned char *bytes = NULL;
	struct csr csr = { 0 };
	int len;

	(void)state;
	assert_int_equal(X509_REQ_set_pubkey(req, other), 1);
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	len = i2d_X509_REQ(req, &bytes);
	assert_int_equal(check(bytes, (size_t)len, &csr), FUDA_EVERIFY);
	assert_int_equal(csr.hash[0], 0);
	OPENSSL_free(bytes);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

/* As long as is allowed, and a byte more. */
static void refuses_long_requests(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char *notation = calloc(1, 2 * CA_CSR_MAX + 64);
	size_t good = 0;

	(void)state;
	for (size_t len = CA_CSR_MAX - 260; len < CA_CSR_MAX; len++) {
		int r;

		snprintf(notation, 64, "A0{30{<1.2.3>31{04{");
		memset(notation + strlen(notation), '0', 2 * len);
		snprintf(notation + strlen(notation), 8, "}}}}");
		r = check_with(key, R_ATTRIBUTES, notation);
		memset(notation, 0, 2 * CA_CSR_MAX + 64);
		assert_true(r == 0 || r == FUDA_EFORMAT);
		good += r == 0;
	}
	assert_true(good > 0 && good < 250);
	free(notation);
	EVP_PKEY_free(key);
}

/* What is no request at all. */
static void refuses_anything_else(void **state)
{
	static const char *const texts[] = { "hello", "-----BEGIN CERTIFICATE REQUEST-----\n" };
	static const uint8_t endless[] = { 0x30, 0x80, 0x30, 0x80, 0, 0, 0, 0 };
	_cleanup_buf_ struct fuda_buf der = TEST_BUF;
	struct ca *ca = authority("else", "test");
	struct csr csr;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(check((const uint8_t *)texts[i], strlen(texts[i]), &csr),
				 FUDA_EFORMAT);
	assert_int_equal(check(endless, sizeof(endless), &csr), FUDA_EFORMAT);
	issue(ca, time(NULL), 0, &der);
	assert_int_equal(check(der.data, der.len, &csr), FUDA_EFORMAT);
	ca_free(&ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_requests),
		cmocka_unit_test(takes_those_of_openssl),
		cmocka_unit_test(refuses_changed_requests),
		cmocka_unit_test(refuses_other_forms),
		cmocka_unit_test(refuses_foreign_keys),
		cmocka_unit_test(refuses_long_requests),
		cmocka_unit_test(refuses_anything_else),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, authority_setup, authority_teardown);
}
