/* SPDX-License-Identifier: Apache-2.0 */
/* What vcard_make() makes: certificates as card.md 5.1 to 5.3 has them, and files as 2.3 has
 * them. */
#include "tests/softcard.h"

#include <fcntl.h>
#include <fuda/error.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "tests/cmocka.h"


enum { AUTH_1, AUTH_2, SIGN_1, SIGN_2, CAS };

static X509 *cas[CAS], *auth, *sign;

static X509 *read_certificate(struct vcard *v, const char *command, size_t *ret_size)
{
	struct fuda_buf file = fetch(v, command);
	const unsigned char *p = file.data;
	X509 *x = d2i_X509(NULL, &p, (long)file.len);

	assert_non_null(x);
	*ret_size = file.len;
	for (; p < file.data + file.len; p++)
		assert_int_equal(*p, 0xFF);
	fuda_buf_free(&file);
	return x;
}

static int setup(void **state)
{
	struct vcard *v;
	size_t size;
	FILE *f;

	unsetenv("FUDA_TEST_STOCK"); /* it is the making that is tested */
	if (softcard_setup(state) < 0)
		return -1;
	f = fopen(softcard_path("ca.pem"), "r");
	for (int i = 0; i < CAS; i++)
		cas[i] = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	v = softcard_on(NULL);
	expect(v, SELECT_JPKI, "9000");
	expect(v, VERIFY_SIGN, "9000");
	auth = read_certificate(v, "00B08A00000000", &size);
	sign = read_certificate(v, "00B08100000000", &size);
	softcard_free(&v);
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < CAS; i++)
		X509_free(cas[i]);
	X509_free(auth);
	X509_free(sign);
	return softcard_teardown(state);
}

static bool signed_by(X509 *x, X509 *ca)
{
	return X509_verify(x, X509_get0_pubkey(ca)) == 1;
}

static void two_generations(void **state)
{
	(void)state;
	for (int i = 0; i < CAS; i++)
		assert_true(signed_by(cas[i], cas[i]));
	for (int i = 0; i < CAS; i += 2) {
		X509 *holder = i == AUTH_1 ? auth : sign;

		/* one name, two keys, of which the second issues */
		assert_int_equal(X509_NAME_cmp(X509_get_subject_name(cas[i]),
					       X509_get_subject_name(cas[i + 1])), 0);
		assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(holder),
					       X509_get_subject_name(cas[i])), 0);
		assert_false(signed_by(holder, cas[i]));
		assert_true(signed_by(holder, cas[i + 1]));
		assert_int_equal(X509_check_issued(cas[i + 1], holder), X509_V_OK);
		assert_int_not_equal(X509_check_issued(cas[i], holder), X509_V_OK);
		assert_int_equal(ASN1_TIME_compare(X509_get0_notBefore(cas[i]),
						   X509_get0_notBefore(cas[i + 1])), -1);
	}
	assert_int_not_equal(X509_NAME_cmp(X509_get_subject_name(cas[AUTH_1]),
					   X509_get_subject_name(cas[SIGN_1])), 0);
}

/* OpenSSL's own path validation, strict. */
static void chain_verifies(void **state)
{
	X509_STORE *store = X509_STORE_new();

	(void)state;
	for (int i = 0; i < CAS; i++)
		assert_int_equal(X509_STORE_add_cert(store, cas[i]), 1);
	for (int i = 0; i < 2; i++) {
		X509_STORE_CTX *ctx = X509_STORE_CTX_new();

		assert_int_equal(X509_STORE_CTX_init(ctx, store, i ? sign : auth, NULL), 1);
		if (X509_verify_cert(ctx) != 1)
			fail_msg("%s",
				 X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
		X509_STORE_CTX_free(ctx);
	}
	X509_STORE_free(store);
}

static void ca_profile(void **state)
{
	(void)state;
	for (int i = 0; i < CAS; i++) {
		X509 *x = cas[i];
		int at = X509_get_ext_by_NID(x, NID_basic_constraints, -1);

		assert_int_equal(X509_get_version(x), X509_VERSION_3);
		assert_int_equal(X509_get_key_usage(x), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
		assert_true(X509_EXTENSION_get_critical(X509_get_ext(x, at)));
		assert_true(X509_get_extension_flags(x) & EXFLAG_CA);
		assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 2048);
		assert_int_equal(X509_get_signature_nid(x), NID_sha256WithRSAEncryption);
		assert_true(X509_get_ext_by_NID(x, NID_subject_alt_name, -1) >= 0);
		assert_true(X509_get_ext_by_NID(x, NID_crl_distribution_points, -1) >= 0);
		assert_true(X509_get_ext_by_NID(x, NID_subject_key_identifier, -1) >= 0);
	}
}

static void name_is(const X509_NAME *name, const char *text)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char got[600];
	int len;

	X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB & ~XN_FLAG_SPC_EQ);
	len = BIO_read(bio, got, sizeof(got) - 1);
	assert_true(len > 0);
	got[len] = 0;
	assert_string_equal(got, text);
	BIO_free(bio);
}

static void names_are(X509 *x, int nid, const char *text)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, nid, NULL, NULL);

	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	assert_int_equal(sk_GENERAL_NAME_value(names, 0)->type, GEN_DIRNAME);
	name_is(sk_GENERAL_NAME_value(names, 0)->d.directoryName, text);
	GENERAL_NAMES_free(names);
}

static void crl_point_is(X509 *x, const char *text)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
	DIST_POINT *point = sk_DIST_POINT_value(points, 0);

	assert_int_equal(sk_DIST_POINT_num(points), 1);
	assert_int_equal(point->distpoint->type, 0);
	name_is(sk_GENERAL_NAME_value(point->distpoint->name.fullname, 0)->d.directoryName, text);
	CRL_DIST_POINTS_free(points);
}

static void policy_is(X509 *x, const char *oid)
{
	int critical = 0;
	CERTIFICATEPOLICIES *policies =
		X509_get_ext_d2i(x, NID_certificate_policies, &critical, NULL);
	POLICYINFO *policy = sk_POLICYINFO_value(policies, 0);
	POLICYQUALINFO *qualifier = sk_POLICYQUALINFO_value(policy->qualifiers, 0);
	char got[64];

	assert_int_equal(critical, 1);
	assert_int_equal(sk_POLICYINFO_num(policies), 1);
	OBJ_obj2txt(got, sizeof(got), policy->policyid, 1);
	assert_string_equal(got, oid);
	assert_int_equal(OBJ_obj2nid(qualifier->pqualid), NID_id_qt_cps);
	assert_string_equal((const char *)ASN1_STRING_get0_data(qualifier->d.cpsuri),
			    "http://www.jpki.go.jp/cps.html");
	CERTIFICATEPOLICIES_free(policies);
}

/* Opaque, of fixed length, the country a PrintableString and the rest UTF8String. */
static void subject_is_opaque(X509 *x)
{
	X509_NAME *name = X509_get_subject_name(x);

	assert_int_equal(X509_NAME_entry_count(name), 2);
	assert_int_equal(OBJ_obj2nid(X509_NAME_ENTRY_get_object(X509_NAME_get_entry(name, 0))),
			 NID_countryName);
	assert_int_equal(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, 0))->type,
			 V_ASN1_PRINTABLESTRING);
	assert_int_equal(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, 1))->type,
			 V_ASN1_UTF8STRING);
	assert_int_equal(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, 1))->length, 23);
}

static void validity(X509 *x, bool expired)
{
	struct tm from, to;
	time_t now = time(NULL);

	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notBefore(x), &from), 1);
	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(x), &to), 1);
	assert_int_equal(to.tm_hour * 10000 + to.tm_min * 100 + to.tm_sec, 145959);
	assert_int_equal(X509_cmp_time(X509_get0_notBefore(x), &now), -1);
	assert_int_equal(X509_cmp_time(X509_get0_notAfter(x), &now), expired ? -1 : 1);
	assert_in_range(to.tm_year - from.tm_year, 4, 5);
}

static void authority_key(X509 *x, X509 *ca)
{
	AUTHORITY_KEYID *id = X509_get_ext_d2i(x, NID_authority_key_identifier, NULL, NULL);

	assert_int_equal(ASN1_OCTET_STRING_cmp(id->keyid, X509_get0_subject_key_id(ca)), 0);
	assert_int_equal(ASN1_INTEGER_cmp(id->serial, X509_get0_serialNumber(ca)), 0);
	assert_int_equal(sk_GENERAL_NAME_num(id->issuer), 1);
	AUTHORITY_KEYID_free(id);
}

static void auth_profile(void **state)
{
	(void)state;
	assert_int_equal(X509_get_key_usage(auth), KU_DIGITAL_SIGNATURE);
	assert_true(X509_EXTENSION_get_critical(
		X509_get_ext(auth, X509_get_ext_by_NID(auth, NID_key_usage, -1))));
	assert_int_equal(X509_get_extended_key_usage(auth), XKU_SSL_CLIENT);
	assert_int_equal(X509_get_ext_by_NID(auth, NID_subject_alt_name, -1), -1);
	assert_int_equal(X509_get_ext_by_NID(auth, NID_basic_constraints, -1), -1);
	policy_is(auth, "1.2.392.200149.8.5.1.3.30");
	subject_is_opaque(auth);
	validity(auth, false);
	authority_key(auth, cas[AUTH_2]);
	name_is(X509_get_issuer_name(auth),
		"C=JP, O=JPKI-TEST, OU=JPKI for user authentication, "
		"OU=Japan Agency for Local Authority Information Systems");
	names_are(auth, NID_issuer_alt_name,
		  "C=JP, O=公的個人認証サービス, OU=公的個人認証サービス利用者証明用, "
		  "OU=地方公共団体情報システム機構");
	crl_point_is(auth, "C=JP, O=JPKI-TEST, OU=JPKI for user authentication, "
			   "OU=CRL Distribution Points, OU=Tokyo-to, CN=Chiyoda-ku CRLDP");
	assert_int_equal(X509_get_ext_count(auth), 8);
}

static void sign_profile(void **state)
{
	static const struct {
		const char *oid, *text;
	} attributes[] = {
		{ "1.2.392.200149.8.5.5.1", "山田　太郎" },
		{ "1.2.392.200149.8.5.5.4", "419900515" },
		{ "1.2.392.200149.8.5.5.3", "1" },
		{ "1.2.392.200149.8.5.5.5", SAMPLE_ADDRESS },
		{ "1.2.392.200149.8.5.5.2", "00000" },
		{ "1.2.392.200149.8.5.5.6", "00000000000000000" },
	};
	GENERAL_NAMES *names = X509_get_ext_d2i(sign, NID_subject_alt_name, NULL, NULL);

	(void)state;
	assert_int_equal(X509_get_key_usage(sign), KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
	assert_int_equal(X509_get_ext_by_NID(sign, NID_ext_key_usage, -1), -1);
	policy_is(sign, "1.2.392.200149.8.5.1.0.20");
	subject_is_opaque(sign);
	validity(sign, false);
	authority_key(sign, cas[SIGN_2]);
	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(auth),
					      X509_get0_serialNumber(sign)), 0);
	assert_int_equal(sk_GENERAL_NAME_num(names), ARRAY_SIZE(attributes));
	for (int i = 0; i < (int)ARRAY_SIZE(attributes); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_TYPE *value = name->d.otherName->value;
		char oid[64];

		assert_int_equal(name->type, GEN_OTHERNAME);
		OBJ_obj2txt(oid, sizeof(oid), name->d.otherName->type_id, 1);
		assert_string_equal(oid, attributes[i].oid);
		assert_int_equal(value->type, V_ASN1_UTF8STRING);
		assert_int_equal(value->value.utf8string->length, strlen(attributes[i].text));
		assert_memory_equal(value->value.utf8string->data, attributes[i].text,
				    strlen(attributes[i].text));
	}
	GENERAL_NAMES_free(names);
}

static void token_information(void **state)
{
	struct vcard *v = softcard_on(NULL);
	struct fuda_buf info;
	static const uint8_t numbers[] = {
		0,    0,    4,    0x0D, 0,    0,    0,    1,    0,    0,    0,    0,    0,
		0,    0,    1,    0,    0,    0,    0,    0,    0,    0,    16,   0,    0,
		0,    6,    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
		0xFF, 0xFF, 0xFF, 0xFF, 0xFF, '0',  '3',  '0',  '1',  '9',  '9',  '9',  '9',
		'9',  '9',  '9',  '9',  '9',  '9',  '9',  '9',  '9',  '9',  '9',  '9',
	};

	(void)state;
	expect(v, SELECT_JPKI, "9000");
	info = fetch(v, "00B0860000");
	assert_int_equal(info.len, 160);
	assert_memory_equal(info.data, "JPKIAPICCTOKEN2                 ", 32);
	assert_memory_equal(info.data + 32, "00000000000000000000000000000001", 32);
	assert_memory_equal(info.data + 64, "E16R01NJ        ", 16);
	for (size_t i = 80; i < 96; i++)
		assert_in_range(info.data[i], '0', '9');
	assert_memory_equal(info.data + 96, numbers, sizeof(numbers));
	fuda_buf_free(&info);
	softcard_free(&v);
}

/* Makes another card beside the first, as `what` has it; returns it with power and its JPKI
 * selected. */
static struct vcard *make_other(const struct vcard_make *what, char dir[128])
{
	struct vcard *v = NULL;
	char why[256] = "";

	snprintf(dir, 128, "%s-other", softcard_dir());
	if (vcard_make(dir, what, why, sizeof(why)) < 0 ||
	    vcard_load(dir, &v, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	vcard_power(v, true);
	expect(v, SELECT_JPKI, "9000");
	return v;
}

static void exact_sizes(void **state)
{
	/* that of the benchmark; on both sides of a change in a length field; no filler */
	static const struct {
		unsigned der, file, want_file;
	} sizes[] = { { 1587, 2000, 2000 }, { 1583, 0, 1792 }, { 1600, VCARD_NO_FILLER, 1600 },
		      { 1680, 1800, 1800 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct vcard_make what = { .auth_certificate_size = sizes[i].der,
					   .certificate_file_size = sizes[i].file,
					   .authority = softcard_dir() /* takes half the time */ };
		char dir[128];
		struct vcard *v = make_other(&what, dir);
		size_t size;
		X509 *x = read_certificate(v, "00B08A00000000", &size);

		assert_int_equal(i2d_X509(x, NULL), sizes[i].der);
		assert_int_equal(size, sizes[i].want_file);
		X509_free(x);
		vcard_free(&v);
		softcard_remove(dir);
	}
}

static void no_sign_certificate(void **state)
{
	const struct vcard_make what = { .no_sign_certificate = true };
	struct fuda_buf file;
	char dir[128], path[160];
	struct vcard *v = make_other(&what, dir);

	(void)state;
	expect(v, "00B0880000", "008F009000");
	expect(v, "0020009B", "63C5");
	expect(v, "00B0810001", "6982");
	expect(v, VERIFY_DEFAULT_SIGN, "9000");
	file = fetch(v, "00B0810000");
	for (size_t i = 0; i < file.len; i++)
		assert_int_equal(file.data[i], 0xFF);
	fuda_buf_free(&file);
	expect(v, "802A009A015500", "6A82");
	vcard_free(&v);

	snprintf(path, sizeof(path), "%s/card.conf", dir);
	FILE *f = fopen(path, "w");
	fputs("secret.sign = ABC123\nno-sign-certificate = 6a82\n", f);
	fclose(f);
	assert_int_equal(vcard_load(dir, &v, path, sizeof(path)), 0);
	vcard_power(v, true);
	expect(v, SELECT_JPKI, "9000");
	expect(v, "00A4020C020001", "6A82");
	expect(v, "00200098", "6A82"); /* nor a PIN that card.conf does not name */
	vcard_free(&v);
	softcard_remove(dir);
}

static void expired_phone(void **state)
{
	static const char *const settings[] = { "label = SOMETHING ELSE", "past-end=6282", NULL };
	const struct vcard_make what = { .kind = "iphone", .expired = true, .settings = settings };
	char dir[128];
	struct vcard *v = make_other(&what, dir);
	size_t size;
	X509 *x;

	(void)state;
	expect(v, "00B0860010", "534F4D455448494E4720454C534520209000");
	expect(v, "00B08803" "01", "6282");
	expect(v, "0020009804" "31323334", "9000");
	x = read_certificate(v, "00B08A00000000", &size);
	validity(x, true);
	X509_free(x);
	vcard_free(&v);
	softcard_remove(dir);
}

static void modes(void **state)
{
	static const char *const secret[] = { "card.conf", "jpki-0017.pem", "jpki-001A.pem" };
	struct stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(secret); i++) {
		softcard_path(secret[i]);
		assert_int_equal(stat(softcard_path(secret[i]), &st), 0);
		/* softcard_write() replaces the text of card.conf, not its mode */
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	assert_int_equal(stat(softcard_dir(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void impossible(void **state)
{
	static const char *const bad[][2] = {
		{ "kind = iphone", NULL },  { "secret.auth = 1111", NULL },
		{ "tries.auth = 1", NULL }, { "past-end", NULL },
		{ "past-end = 1", NULL },   { "atr = 3", NULL },
	};
	static const struct vcard_make wishes[] = {
		{ .kind = "desk" },
		{ .kind = "card\nsecret.auth = 1" "\nkind = card" },
		{ .auth_certificate_size = 1000 },
		{ .auth_certificate_size = 30000 },
		{ .auth_certificate_size = 1587, .certificate_file_size = 1586 },
		{ .certificate_file_size = 32769 },
		{ .secrets = "/nonexistent" },
		{ .settings = bad[0] }, { .settings = bad[1] }, { .settings = bad[2] },
		{ .settings = bad[3] }, { .settings = bad[4] }, { .settings = bad[5] },
	};
	const struct vcard_make plain = { 0 };
	char dir[128], why[256], under[160];

	(void)state;
	snprintf(dir, sizeof(dir), "%s-none", softcard_dir());
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++) {
		why[0] = 0;
		assert_true(vcard_make(dir, &wishes[i], why, sizeof(why)) < 0);
		assert_true(why[0]);
		assert_int_equal(access(dir, F_OK), -1); /* nothing is left behind */
	}
	assert_int_equal(vcard_make(softcard_dir(), &plain, why, sizeof(why)), FUDA_EINVAL);
	assert_int_equal(access(softcard_path("card.conf"), F_OK), 0);
	snprintf(under, sizeof(under), "%s/a", dir);
	assert_int_equal(vcard_make(under, &plain, why, sizeof(why)), FUDA_EFILE);
	assert_int_equal(vcard_make(softcard_path("card.conf"), &plain, why, sizeof(why)),
			 FUDA_EFILE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes),
		cmocka_unit_test(two_generations),
		cmocka_unit_test(chain_verifies),
		cmocka_unit_test(ca_profile),
		cmocka_unit_test(auth_profile),
		cmocka_unit_test(sign_profile),
		cmocka_unit_test(token_information),
		cmocka_unit_test(exact_sizes),
		cmocka_unit_test(no_sign_certificate),
		cmocka_unit_test(expired_phone),
		cmocka_unit_test(impossible),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
