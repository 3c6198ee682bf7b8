/* SPDX-License-Identifier: Apache-2.0 */
/* What `fuda-vcard make --kind wallet` makes: certificates and list by the profiles of mdoc.md 2.1
 * and 2.2, and the credential of mdoc.md 0.1 and 7. */
#include "tests/softwallet.h"

#include <fuda/encode.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "tests/cmocka.h"

#define DAY     86400
#define KU_CA   "03020106"
#define KU_SIGN "03020780"
#define BC_CA   "30060101FF020100"

static char folder[] = "/tmp/fuda-test-XXXXXX", person[64];

static const char *in(const char *dir, const char *name)
{
	static char path[2][160];
	static unsigned next;
	char *p = path[next++ % 2];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static X509 *certificate(const char *dir, const char *name)
{
	FILE *f = fopen(in(dir, name), "r");
	X509 *x;

	assert_non_null(f);
	x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(x);
	return x;
}

static EVP_PKEY *private(const char *dir, const char *name)
{
	FILE *f = fopen(in(dir, name), "r");
	struct stat st;
	EVP_PKEY *key;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(key);
	return key;
}

static const char *const no_more[] = { NULL };

static int make(const char *name, const char *const *settings, struct vcard_make what)
{
	char why[256] = "";
	int r;

	if (!what.kind)
		what.kind = "wallet";
	what.settings = settings;
	r = vcard_make(in(folder, name), &what, why, sizeof(why));
	assert_true(r == 0 || *why);
	return r;
}

/* ---- certificates ---- */

/* An extension's value in hexadecimal, "" if it is not there. */
static const char *extension(const X509 *x, int nid, bool *ret_critical)
{
	static char hex[2048];
	int at = X509_get_ext_by_NID(x, nid, -1);
	const ASN1_OCTET_STRING *value;

	*hex = 0;
	*ret_critical = false;
	if (at >= 0) {
		value = X509_EXTENSION_get_data(X509_get_ext(x, at));
		fuda_hex_encode(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value),
				hex);
		*ret_critical = X509_EXTENSION_get_critical(X509_get_ext(x, at));
	}
	return hex;
}

static void expect_extension(const X509 *x, int nid, const char *value)
{
	bool critical;

	assert_string_equal(extension(x, nid, &critical), value);
	assert_int_equal(critical, *value != 0);
}

static void expect_there(const X509 *x, int nid, bool there)
{
	bool critical;

	assert_int_equal(*extension(x, nid, &critical) != 0, there);
	assert_false(critical);
}

static long days_of(const X509 *x)
{
	int days, seconds;

	assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x),
					X509_get0_notAfter(x)),
			 1);
	return days + (seconds > 0);
}

static void certificates(void **state)
{
	static const struct {
		const char *cert, *key, *issuer, *curve;
		int signature;
		long days;
		const char *usage, *constraints, *extended;
		bool authority, point;
	} rows[] = {
		{ "ca.pem", "ca-key.pem", "ca.pem", "secp384r1", NID_ecdsa_with_SHA384, 5 * 365,
		  KU_CA, BC_CA, "", false, true },
		{ "ds.pem", "ds-key.pem", "ca.pem", "prime256v1", NID_ecdsa_with_SHA384, 90,
		  KU_SIGN, "", "3009060728818C5D050102", true, true },
		{ "reader-ca.pem", "reader-ca-key.pem", "reader-ca.pem", "prime256v1",
		  NID_ecdsa_with_SHA256, 5 * 365, KU_CA, BC_CA, "", false, true },
		{ "reader.pem", "reader-key.pem", "reader-ca.pem", "prime256v1",
		  NID_ecdsa_with_SHA256, 365, KU_SIGN, "", "3009060728818C5D050106", true, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		X509 *x = certificate(softwallet_dir(), rows[i].cert);
		X509 *issuer = certificate(softwallet_dir(), rows[i].issuer);
		EVP_PKEY *key = private(softwallet_dir(), rows[i].key);
		char curve[64], country[8];
		size_t len;

		assert_int_equal(X509_check_private_key(x, key), 1);
		assert_int_equal(EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len), 1);
		assert_string_equal(curve, rows[i].curve);
		assert_int_equal(X509_verify(x, X509_get0_pubkey(issuer)), 1);
		assert_int_equal(X509_get_signature_nid(x), rows[i].signature);
		assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(x),
					       X509_get_subject_name(issuer)),
				 0);
		assert_int_equal(X509_NAME_get_text_by_NID(X509_get_subject_name(x),
							   NID_countryName, country,
							   sizeof(country)),
				 2);
		assert_string_equal(country, "JP");
		assert_int_equal(X509_get_version(x), X509_VERSION_3);
		assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(x)), 16);
		assert_int_equal(days_of(x), rows[i].days);
		assert_true(X509_cmp_current_time(X509_get0_notBefore(x)) < 0);
		assert_true(X509_cmp_current_time(X509_get0_notAfter(x)) > 0);
		expect_extension(x, NID_key_usage, rows[i].usage);
		expect_extension(x, NID_basic_constraints, rows[i].constraints);
		expect_extension(x, NID_ext_key_usage, rows[i].extended);
		expect_there(x, NID_subject_key_identifier, true);
		expect_there(x, NID_authority_key_identifier, rows[i].authority);
		expect_there(x, NID_issuer_alt_name, true);
		expect_there(x, NID_crl_distribution_points, rows[i].point);
		EVP_PKEY_free(key);
		X509_free(issuer);
		X509_free(x);
	}
}

static void list(void **state)
{
	X509 *iaca = certificate(softwallet_dir(), "ca.pem");
	FILE *f = fopen(softwallet_path("crl.pem"), "r");
	X509_CRL *crl;
	int days, seconds;

	(void)state;
	assert_non_null(f);
	crl = PEM_read_X509_CRL(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(crl);
	assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(iaca)), 1);
	assert_int_equal(X509_CRL_get_version(crl), X509_CRL_VERSION_2);
	assert_null(X509_CRL_get_REVOKED(crl)); /* absent, and not empty */
	assert_int_equal(X509_CRL_get_ext_count(crl), 2);
	assert_true(X509_CRL_get_ext_by_NID(crl, NID_authority_key_identifier, -1) >= 0);
	assert_true(X509_CRL_get_ext_by_NID(crl, NID_crl_number, -1) >= 0);
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_CRL_get0_lastUpdate(crl),
					X509_CRL_get0_nextUpdate(crl)),
			 1);
	assert_in_range(days, 1, 90);
	X509_CRL_free(crl);
	X509_free(iaca);
}

/* ---- the credential ---- */

struct issued {
	struct fuda_buf bytes;
	struct issuer_signed issuer;
	struct cbor mso;
};

static void read_credential(const char *dir, struct issued *ret)
{
	struct cbor item, tagged;
	FILE *f = fopen(in(dir, "credential.cbor"), "rb");
	uint8_t bytes[65536];
	size_t n;

	assert_non_null(f);
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	ret->bytes = FUDA_BUF_INIT(sizeof(bytes));
	assert_int_equal(fuda_buf_set(&ret->bytes, bytes, n), 0);
	assert_int_equal(cbor_read(cur_of(ret->bytes.data, n), &item, NULL), 0);
	assert_int_equal(issuer_signed_read(&item, &ret->issuer), 0);
	assert_int_equal(cbor_read(ret->issuer.auth.payload, &tagged, NULL), 0);
	assert_int_equal(cbor_embedded(&tagged, &ret->mso), 0);
}

static bool element(const struct issued *i, const char *name, struct cbor *ret)
{
	const struct document document = { .issuer = i->issuer };

	return counter_shown(&document, name, ret);
}

static void expect_text(const struct issued *i, const char *name, const char *text)
{
	struct cbor value;

	assert_true(element(i, name, &value));
	assert_true(cbor_is_text(&value, text));
}

static void expect_whole(const struct issued *i, const char *name, const char *hex)
{
	struct cbor value;
	char got[128];

	assert_true(element(i, name, &value));
	assert_true(value.whole.left < sizeof(got) / 2);
	fuda_hex_encode(value.whole.p, value.whole.left, got);
	assert_string_equal(got, hex);
}

/* The elements of deployed-2025 and no others. */
static void elements(void **state)
{
	static const struct vcard_make what = { .person = person };
	static const struct {
		const char *name, *text;
	} texts[] = {
		{ SPACE_JP "/full_name_unicode", "番号　花子" },
		{ SPACE_JP "/resident_address_unicode", "東京都千代田区丸の内一丁目１番１号" },
		{ SPACE_JP "/birth_date_unicode", "1989年1月8日" },
		{ SPACE_JP "/sex_unicode", "女" },
		{ SPACE_JP "/local_gov_code_unicode", "01100" }, /* with its zero */
		{ SPACE_JP "/individual_number_unicode", OTHER_MY_NUMBER },
	};
	static const char *const ages[] = { "13", "15", "16", "18", "20" };
	struct document document;
	struct issued i;
	struct cbor value;
	uint64_t age;
	FILE *f = fopen(person, "w");

	(void)state;
	assert_non_null(f);
	fputs("name = 番号　花子\naddress = 東京都千代田区丸の内一丁目１番１号\nbirth_date = "
	      "1989-01-08\nsex = female\n"
	      "municipality = 01100\nmy_number = " OTHER_MY_NUMBER "\n",
	      f);
	fclose(f);
	assert_int_equal(make("hanako", no_more, what), 0);
	read_credential(in(folder, "hanako"), &i);
	for (size_t t = 0; t < ARRAY_SIZE(texts); t++)
		expect_text(&i, texts[t].name, texts[t].text);
	expect_whole(&i, SPACE_GLOBAL "/birth_date", "D903EC6A313938392D30312D3038");
	expect_whole(&i, SPACE_GLOBAL "/sex", "02");
	assert_true(element(&i, SPACE_GLOBAL "/age_in_years", &value));
	assert_int_equal(cbor_uint(&value, 200, &age), 0);
	assert_in_range(age, 36, 150);
	for (size_t t = 0; t < ARRAY_SIZE(ages); t++) {
		char name[64];

		snprintf(name, sizeof(name), SPACE_GLOBAL "/age_over_%s", ages[t]);
		expect_whole(&i, name, "F5");
	}
	assert_true(element(&i, SPACE_JP "/portrait", &value));
	assert_int_equal(value.type, CBOR_BYTES);
	assert_memory_equal(value.content.p, "\x00\x00\x00\x0C\x6A\x50\x20\x20\x0D\x0A\x87\x0A",
			    12);
	document = (struct document){ .issuer = i.issuer };
	assert_int_equal(counter_count(&document), 7 + 3 + 7);
	assert_true(counter_digests_good(&document));
	fuda_buf_free(&i.bytes);
	softcard_remove(in(folder, "hanako"));
}

/* How old one is: the day counts in Japan, and begins the year of age at its midnight. */
static void ages(void **state)
{
	static const struct {
		int years, days; /* of the birthday from today */
		uint64_t age;
	} cases[] = { { 20, 0, 20 }, { 20, 1, 19 }, { 20, -1, 20 }, { 13, 0, 13 }, { 66, 1, 65 } };
	static const struct vcard_make what = { .person = person };

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		time_t then = time(NULL) + 9 * 3600 + cases[c].days * DAY;
		struct cbor value;
		struct issued i;
		struct tm tm;
		uint64_t age;
		char over[64];
		FILE *f = fopen(person, "w");

		assert_non_null(f);
		gmtime_r(&then, &tm);
		if (tm.tm_mon == 1 && tm.tm_mday == 29)
			skip(); /* most years have no such day */
		fprintf(f, "birth_date = %04d-%02d-%02d\n", tm.tm_year + 1900 - cases[c].years,
			tm.tm_mon + 1, tm.tm_mday);
		fclose(f);
		assert_int_equal(make("aged", no_more, what), 0);
		read_credential(in(folder, "aged"), &i);
		assert_true(element(&i, SPACE_GLOBAL "/age_in_years", &value));
		assert_int_equal(cbor_uint(&value, 200, &age), 0);
		assert_int_equal(age, cases[c].age);
		snprintf(over, sizeof(over), SPACE_GLOBAL "/age_over_20");
		expect_whole(&i, over, age >= 20 ? "F5" : "F4");
		fuda_buf_free(&i.bytes);
		softcard_remove(in(folder, "aged"));
	}
}

/* What is not known is not there. */
static void unknown(void **state)
{
	static const struct vcard_make what = { .person = person };
	static const char *const absent[] = {
		SPACE_JP "/birth_date_unicode", SPACE_JP "/resident_address_unicode",
		SPACE_JP "/sex_unicode",        SPACE_GLOBAL "/birth_date",
		SPACE_GLOBAL "/age_in_years",   SPACE_GLOBAL "/age_over_20"
	};
	struct cbor value;
	struct issued i;
	FILE *f = fopen(person, "w");

	(void)state;
	assert_non_null(f);
	fputs("birth_date = 1955-00-00\nbirth_key = 300000\naddress =\nsex = not_known\n", f);
	fclose(f);
	assert_int_equal(make("unknown", no_more, what), 0);
	read_credential(in(folder, "unknown"), &i);
	for (size_t a = 0; a < ARRAY_SIZE(absent); a++)
		assert_false(element(&i, absent[a], &value));
	expect_whole(&i, SPACE_GLOBAL "/sex", "00");
	fuda_buf_free(&i.bytes);
	softcard_remove(in(folder, "unknown"));
}

static time_t tdate(const struct cbor *map, const char *key)
{
	struct cbor value, text;
	char date[32];
	struct tm tm = { 0 };

	assert_int_equal(cbor_get(map, key, &value), 0);
	assert_int_equal(cbor_tag(&value, 0, &text), 0);
	snprintf(date, sizeof(date), "%.*s", (int)text.content.left, (const char *)text.content.p);
	assert_non_null(strptime(date, "%Y-%m-%dT%H:%M:%SZ", &tm));
	return timegm(&tm);
}

/* Thirty days, from now on or gone; the signer is good in either case. */
static void validity(void **state)
{
	(void)state;
	for (int expired = 0; expired < 2; expired++) {
		const time_t now = time(NULL);
		struct issued i;
		struct cbor info;
		X509 *ds;

		assert_int_equal(make("valid", no_more, (struct vcard_make){ .expired = expired }),
				 0);
		read_credential(in(folder, "valid"), &i);
		assert_int_equal(cbor_get(&i.mso, "validityInfo", &info), 0);
		assert_int_equal(tdate(&info, "signed"), tdate(&info, "validFrom"));
		assert_int_equal(tdate(&info, "validUntil") - tdate(&info, "validFrom"), 30 * DAY);
		assert_in_range(tdate(&info, "signed") + expired * 40 * DAY, now, now + 60);
		ds = certificate(in(folder, "valid"), "ds.pem");
		assert_true(X509_cmp_current_time(X509_get0_notAfter(ds)) > 0);
		X509_free(ds);
		fuda_buf_free(&i.bytes);
		softcard_remove(in(folder, "valid"));
	}
}

/* ---- wishes ---- */

static bool same(const char *a, const char *b, const char *name)
{
	X509 *x = certificate(a, name), *y = certificate(b, name);
	bool equal = X509_cmp(x, y) == 0;

	X509_free(x);
	X509_free(y);
	return equal;
}

/* The same authorities and reader, and a signer of its own. */
static void authority(void **state)
{
	struct vcard_make what = { .authority = softwallet_dir() };
	X509 *iaca, *ds;
	char dir[128];

	(void)state;
	assert_int_equal(make("second", no_more, what), 0);
	snprintf(dir, sizeof(dir), "%s/second", folder);
	assert_true(same(softwallet_dir(), dir, "ca.pem"));
	assert_true(same(softwallet_dir(), dir, "reader-ca.pem"));
	assert_true(same(softwallet_dir(), dir, "reader.pem"));
	assert_false(same(softwallet_dir(), dir, "ds.pem"));
	iaca = certificate(softwallet_dir(), "ca.pem");
	ds = certificate(dir, "ds.pem");
	assert_int_equal(X509_verify(ds, X509_get0_pubkey(iaca)), 1);
	X509_free(iaca);
	X509_free(ds);
	unlink(in(dir, "reader-key.pem"));
	what.authority = dir;
	assert_int_equal(make("third", no_more, what), FUDA_EFORMAT);
	what.authority = "/nonexistent";
	assert_int_equal(make("third", no_more, what), FUDA_EFILE);
	assert_int_equal(access(in(folder, "third"), F_OK), -1);
	softcard_remove(dir);
}

static void refused(void **state)
{
	static const char *const settings[][2] = {
		{ "past-end=9000" },
		{ "label=x" },
		{ "handover=none" },
		{ "empty-reads=1001" },
		{ "nfc-command=254" },
		{ "nfc-command=65536" },
		{ "nfc-response=255" },
		{ "nfc-response=65537" },
		{ "wrong-61=maybe" },
		{ "answer-with=key" },
		{ "consent=" },
		{ "fault=all" },
		{ "reader=none" },
		{ "consent=nmae" },
		{ "consent=sex,full_name" },
		{ "consent=all,sex" },
		{ "consent=age_over_" },
		{ "consent=age_over_2" },
		{ "consent=age_over_200" },
		{ "kind=wallet" },
		{ "secret.auth=1234" },
	};
	static const char *const of_wallets[][2] = {
		{ "handover=static" }, { "empty-reads=1" }, { "nfc-command=255" },
		{ "consent=none" },    { "fault=digest" },
	};
	char consent[256] = "consent=";
	const char *const too_long[] = { consent, NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		assert_int_equal(make("none", settings[i], (struct vcard_make){ 0 }), FUDA_EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(of_wallets); i++)
		assert_int_equal(make("none", of_wallets[i],
				      (struct vcard_make){ .kind = "iphone" }),
				 FUDA_EINVAL);
	memset(consent + strlen(consent), 'a', 161);
	assert_int_equal(make("none", too_long, (struct vcard_make){ 0 }), FUDA_EINVAL);
	assert_int_equal(make("none", no_more, (struct vcard_make){ .photo = person }),
			 FUDA_EINVAL);
	assert_int_equal(make("none", no_more, (struct vcard_make){ .photo_size = 599 }),
			 FUDA_EINVAL);
	assert_int_equal(access(in(folder, "none"), F_OK), -1);
}

/* card.conf has what is about wallets, as it was wished for. */
static void settings(void **state)
{
	static const char *const wishes[] = { "handover=static",
					      "consent=portrait,sex, age_over_17", "fault=digest",
					      NULL };
	struct fuda_buf conf;
	char text[4096];
	FILE *f;
	size_t n;

	(void)state;
	assert_int_equal(make("set", wishes, (struct vcard_make){ 0 }), 0);
	f = fopen(in(folder, "set/card.conf"), "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	assert_non_null(strstr(text, "\nhandover = static\n"));
	assert_non_null(strstr(text, "\nconsent = portrait,sex, age_over_17\n"));
	assert_non_null(strstr(text, "\nfault = digest\n"));
	assert_non_null(strstr(text, "\nanswer-with = signature\n"));
	assert_null(strstr(text, "past-end"));
	assert_null(strstr(text, "secret"));
	softcard_remove(in(folder, "set"));
	conf = softwallet_file("card.conf");
	assert_non_null(memmem(conf.data, conf.len, "\nconsent = all\n", 15));
	fuda_buf_free(&conf);
}

/* Half a wallet is none. */
static void incomplete(void **state)
{
	static const struct {
		const char *file, *text; /* NULL: it is gone */
		int code;
	} cases[] = {
		{ "credential.cbor", NULL, FUDA_EFILE },
		{ "device-key.pem", NULL, FUDA_EFILE },
		{ "device-key.pem", "no key", FUDA_EFORMAT },
		{ "card.conf", NULL, FUDA_EFILE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vcard *v = NULL;
		char why[256] = "", dir[128];
		FILE *f;

		assert_int_equal(make("half", no_more, (struct vcard_make){ 0 }), 0);
		snprintf(dir, sizeof(dir), "%s/half", folder);
		unlink(in(dir, cases[i].file));
		f = cases[i].text ? fopen(in(dir, cases[i].file), "w") : NULL;
		if (f) {
			fputs(cases[i].text, f);
			fclose(f);
		}
		assert_int_equal(vcard_load(dir, &v, why, sizeof(why)), cases[i].code);
		assert_non_null(strstr(why, cases[i].file));
		softcard_remove(dir);
	}
}

static int setup(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(person, sizeof(person), "%s/person", folder);
	return softwallet_setup(state);
}

static int teardown(void **state)
{
	softcard_remove(folder);
	return softwallet_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates), cmocka_unit_test(list),
		cmocka_unit_test(elements),     cmocka_unit_test(ages),
		cmocka_unit_test(unknown),      cmocka_unit_test(validity),
		cmocka_unit_test(authority),    cmocka_unit_test(refused),
		cmocka_unit_test(settings),     cmocka_unit_test(incomplete),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
