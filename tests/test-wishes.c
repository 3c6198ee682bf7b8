/* SPDX-License-Identifier: Apache-2.0 */
/* Software cards of all sorts of persons, and those that cannot be made. */
#include <fuda/encode.h>
#include <fuda/error.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/cmocka.h"
#include "tests/content.h"
#include "tests/softcard.h"

static void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Makes a card of the person that `text` describes, to be looked at. */
static void make(const char *text, struct vcard_make what)
{
	const char *path = softcard_path("test-person");

	write_file(path, text, strlen(text));
	what.person = path;
	what.authority = what.kind ? NULL : softcard_dir();
	at = softcard_other(&what);
}

static bool conf_has(const char *line)
{
	struct file f = load("card.conf");

	return strstr((char *)f.bytes, line);
}

/* card.md 2.7, byte by byte, with the secrets of card.md 4 */
static void vector(void **state)
{
	static const char hex[] =
		"ff2065df2108000e002000590064df220fe9bb92e6a190e38080e5b9b9e4b99fdf2336e69db1e4baace983bde6"
		"b885e780ace5b882e8a6b3e5b883e5ad90e58d97efbc91efbc92efbc8defbc97efbc8defbc92efbc90efbc92df"
		"24083139383030323137df250131";
	struct fuda_buf want = FUDA_BUF_INIT(104);
	char text[500];
	struct file f;

	(void)state;
	assert_int_equal(fuda_hex_decode(hex, &want), 0);
	assert_int_equal(want.len, 104);
	snprintf(text, sizeof(text),
		 "# one of card.md\nname=%.15s\n\taddress = %.54s \nbirth_date = 1980-02-17\nsex = male\n"
		 "expiry = 2035-02-17\nsecurity_code = 2285\nmunicipality = 13221\n"
		 "serial = 400000012719843",
		 (char *)want.data + 17, (char *)want.data + 35);
	make(text, (struct vcard_make){ .record_file_step = VCARD_NO_FILLER });
	f = load("text-0002.bin");
	assert_int_equal(f.len, want.len);
	assert_memory_equal(f.bytes, want.data, want.len);
	assert_true(conf_has("\nsecret.text-b = 55021720352285\n"));
	assert_true(conf_has("\nsecret.face-b = 55021720352285\n"));
	assert_true(conf_has("\nsecret.birth = 550217\n"));
	f = load("common-0001.bin");
	assert_memory_equal(f.bytes + 2, "400000012719843" "13221" "20350217", 28);
	fuda_buf_free(&want);
}

/* The same authorities, but another municipality than the first card's. */
static void other_municipality(void **state)
{
	struct file f = load("text-0004.bin");
	struct object o = outer(&f, 0x7F21, 0);
	struct cv cv = cv_of(o.value, o.len);
	EVP_PKEY *first, *key = authority(cv.issuer);

	(void)state;
	is_hex(cv.subject, 16, "31333232313231" "0805" "303030" "00000000");
	assert_true(signs_bytes(key, &cv.signature, cv.body.value, cv.body.len));
	EVP_PKEY_free(key);
	at = softcard_dir();
	key = authority(cv.issuer);
	assert_true(signs_bytes(key, &cv.signature, cv.body.value, cv.body.len));
	first = municipality("text-0004.bin");
	assert_int_equal(EVP_PKEY_eq(first, cv.key), 0);
	EVP_PKEY_free(first);
	EVP_PKEY_free(key);
	EVP_PKEY_free(cv.key);
}

/* The same municipality too: its key, but other keys of the card. */
static void same_municipality(void **state)
{
	struct object taro[FACE_OBJECTS], hanako[FACE_OBJECTS];
	EVP_PKEY *first, *second;
	struct file a, b;

	(void)state;
	at = softcard_dir();
	first = municipality("face-0004.bin");
	a = load("face-001A.pem");
	at = softcard_other(NULL);
	second = municipality("face-0004.bin");
	b = load("face-001A.pem");
	assert_int_equal(EVP_PKEY_eq(first, second), 1);
	assert_false(a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0);
	check_text(OTHER_MY_NUMBER, OTHER_NAME, SAMPLE_ADDRESS, "19890108", "2", -1);
	assert_true(conf_has("\nsecret.text-a = " OTHER_MY_NUMBER "\n"));
	assert_true(conf_has("\nsecret.face-b = " OTHER_B "\n"));
	/* what is alike in both is drawn alike */
	b = load("face-0002.bin");
	face(&b, -1, hanako);
	at = softcard_dir();
	a = load("face-0002.bin");
	face(&a, -1, taro);
	for (int i = BIRTH; i < FACE_OBJECTS; i++)
		assert_int_equal(taro[i].len == hanako[i].len && !memcmp(taro[i].value, hanako[i].value, taro[i].len),
				 i == ADDRESS || i == PHOTO);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
}

/* Whether the certificate for signing has the text. */
static bool certified(const char *text)
{
	struct file f = load("jpki-0001.bin");

	return memmem(f.bytes, f.len, text, strlen(text));
}

/* A foreign resident without address: a Latin name of more than 127 bytes, the key as printed. */
static void foreign_resident(void **state)
{
	char name[200] = "SAMPLE TARO ";
	struct object part[FACE_OBJECTS];
	char text[400];
	struct file f;

	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(name, "ÅÉ");
	snprintf(text, sizeof(text), "name = %s\naddress =\nbirth_date = 1990-00-00\nbirth_key = 900000\n"
		 "sex = not_known\n", name);
	make(text, (struct vcard_make){ .record_file_step = VCARD_NO_FILLER, .photo_size = 1000 });
	check_text(SAMPLE_MY_NUMBER, name, "", "19900000", "0", 0);
	assert_true(conf_has("\nsecret.birth = 900000\n"));
	assert_true(conf_has("\nsecret.text-b = 90000020351470\n"));
	f = load("face-0002.bin");
	face(&f, 0, part);
	png(&part[NAME], 20 * 16, 5 * 16);
	assert_int_equal(part[ADDRESS].len, 0);
	assert_int_equal(load("text-0002.bin").bytes[2], 0x81);
	assert_int_equal(part[PHOTO].len, 1000);
	jp2(&part[PHOTO]);
	assert_true(face_signed(part));
	assert_true(certified(name));
	assert_true(certified("019900000"));
	assert_false(certified(SAMPLE_ADDRESS));
}

/* Rare characters, one with a variation selector; the longest of both; lengths of three bytes. */
static void rare_characters(void **state)
{
	char name[401] = "葛\U000E0100城　\U00020BB7野", address[801] = "", text[1400];
	struct object part[FACE_OBJECTS];
	char picture[160];
	uint8_t photo[700] = { 0, 0, 0, 12, 'j', 'P', ' ', ' ', '\r', '\n', 0x87, '\n' };
	struct file f;

	(void)state;
	for (int i = 6; i < 100; i++)
		strcat(name, "\U0002000B");
	for (int i = 0; i < 200; i++)
		strcat(address, i % 2 ? "\U0002A6B2" : "邊");
	snprintf(text, sizeof(text), "address=%s\nname=%s\nsex=not_applicable\nbirth_date=2019-05-01\n",
		 address, name);
	snprintf(picture, sizeof(picture), "%s", softcard_path("test-photo"));
	write_file(picture, photo, sizeof(photo));
	make(text, (struct vcard_make){ .record_file_step = 512, .photo = picture });
	check_text(SAMPLE_MY_NUMBER, name, address, "20190501", "9", -1);
	assert_int_equal(load("text-0002.bin").len, 1536);
	assert_true(conf_has("\nsecret.birth = 010501\n"));
	f = load("face-0002.bin");
	assert_int_equal(f.len % 512, 0);
	face(&f, -1, part);
	png(&part[ADDRESS], 20 * 16, 10 * 16);
	assert_int_equal(part[PHOTO].len, sizeof(photo));
	assert_memory_equal(part[PHOTO].value, photo, sizeof(photo));
	assert_true(face_signed(part));
	assert_true(certified(name));
	assert_true(certified(address));
	assert_true(certified("520190501"));
	assert_true(certified("\x0C\x01" "3")); /* neither 1 nor 2 */
}

static void phones(void **state)
{
	static const char *const absent[] = { "text-0001.bin",    "face-0002.bin", "common-0001.bin",
					      "juki-0002.bin",	  "isd-0042.bin",  "cv-keys.pem",
					      "cv-authority.pem", "text-0013.pem" };

	(void)state;
	make("name = 佐藤　一郎\n", (struct vcard_make){ .kind = "android" });
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		assert_false(there(absent[i]));
	assert_true(there("jpki-000A.bin"));
	assert_true(certified("佐藤　一郎"));
	assert_false(conf_has("secret.text"));
	assert_false(conf_has("secret.birth"));
	assert_true(conf_has("\nsecret.auth = 1234\n"));
}

/* A certificate ends by the fifth birthday, in years that have none the day before, and with the
 * card at the latest. */
static void ends(void **state)
{
	static const struct {
		const char *person, *not_after;
	} cases[] = {
		{ "birth_date = 1988-02-29\n", "0228145959Z" },
		{ "birth_date = 1988-00-00\nbirth_key = 880000\n", "0101145959Z" },
		{ "birth_date = 1990-12-31\n", "1231145959Z" },
		{ "expiry = 2011-03-04\n", "110304145959Z" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const ASN1_TIME *from, *to;
		const unsigned char *p;
		struct file f;
		int days, seconds;
		X509 *x;

		make(cases[i].person, (struct vcard_make){ .kind = "iphone" });
		f = load("jpki-0001.bin");
		p = f.bytes;
		x = d2i_X509(NULL, &p, (long)f.len);
		from = X509_get0_notBefore(x);
		to = X509_get0_notAfter(x);
		assert_string_equal((const char *)ASN1_STRING_get0_data(to) + ASN1_STRING_length(to) -
					    (int)strlen(cases[i].not_after),
				    cases[i].not_after);
		assert_int_equal(ASN1_TIME_diff(&days, &seconds, from, to), 1);
		assert_in_range(days, 199, 5 * 366);
		X509_free(x);
	}
}

static void secrets(void **state)
{
	static const char text[] = "secret.text-a = 111111111111\nsecret.common = 4321\nsecret.birth = 1\n";
	char path[160];

	(void)state;
	snprintf(path, sizeof(path), "%s", softcard_path("test-secrets"));
	write_file(path, text, strlen(text));
	make("", (struct vcard_make){ .secrets = path });
	assert_true(conf_has("\nsecret.text-a = 111111111111\n"));
	assert_true(conf_has("\nsecret.face-a = " SAMPLE_MY_NUMBER "\n"));
	assert_true(conf_has("\nsecret.face-b = " SAMPLE_B "\n"));
	assert_true(conf_has("\nsecret.common = 4321\n"));
	assert_true(conf_has("\nsecret.juki = 1234\n"));
	assert_true(conf_has("\nsecret.birth = 1\n")); /* also what no card would take */
}

/* ---- refusals ---- */

/* Nothing was made, and why is said. */
static void refused(struct vcard_make what, int code, const char *says)
{
	char dir[128], why[256] = "";
	int r;

	snprintf(dir, sizeof(dir), "%s-none", softcard_dir());
	r = vcard_make(dir, &what, why, sizeof(why));
	if (r != code || !strstr(why, says))
		fail_msg("%d, %s instead of %d, %s", r, why, code, says);
	assert_int_equal(access(dir, F_OK), -1);
}

static void bad_persons(void **state)
{
	static const char *const bad[] = {
		"my_number = 123456789019",		/* check digit */
		"my_number = 12345678901",		"my_number = 1234567890180",
		"my_number = 12345678901a",		"my_number =",
		"name =",				"name = \xE5\xB1",
		"name = \xC0\xAF",			"name = \xED\xA0\x80",
		"name = \xF4\x90\x80\x80",		"name = \xE0\x80\xAF",
		"name = \x80",				"name = a\tb",
		"name = a\x7F",				"name = a\xC2\x85",
		"name = \xFF",				"address = \xF8\x88\x80\x80\x80",
		"birth_date = 1990-02-29",		"birth_date = 1900-02-29",
		"birth_date = 1990-13-01",		"birth_date = 1990-04-31",
		"birth_date = 1990-00-01",		"birth_date = 19900515",
		"birth_date = 1990-5-15",		"birth_date = 1990/05/15",
		"birth_date = 0000-01-01",		"birth_date = 1990-05-1x",
		"birth_date = 1868-01-24",		"birth_date = 1990-05-00", /* no era, no key */
		"birth_key = 90051",			"birth_key = 9005155",
		"expiry = 2035-00-00",			"expiry = 2035-02-30",
		"expiry = tomorrow",			"sex = 1",
		"sex = Male",				"sex =",
		"security_code = 123",			"security_code = 12345",
		"security_code = 12a4",			"municipality = 1310",
		"municipality = 131016",		"serial = 1",
		"no such key = 1",			"name",
		"name = a\nname = b",			"= a",
		"name = a\n\nsex = x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *path = softcard_path("test-person");

		write_file(path, bad[i], strlen(bad[i]));
		refused((struct vcard_make){ .person = path }, FUDA_EFORMAT, "test-person");
	}
}

static void bad_texts(void **state)
{
	char text[1500] = "name = ", path[160];
	uint8_t zero[] = "name = a\0b";

	(void)state;
	snprintf(path, sizeof(path), "%s", softcard_path("test-person"));
	for (int i = 0; i < 101; i++)
		strcat(text, "一");
	write_file(path, text, strlen(text));
	refused((struct vcard_make){ .person = path }, FUDA_EFORMAT, "line 1: this value");
	memset(text, ' ', sizeof(text));
	write_file(path, text, sizeof(text));
	refused((struct vcard_make){ .person = path }, FUDA_EFORMAT, "line 1: too long");
	write_file(path, zero, sizeof(zero));
	refused((struct vcard_make){ .person = path }, FUDA_EFORMAT, "line 1: too long, or not text");
	refused((struct vcard_make){ .person = "/nonexistent" }, FUDA_EFILE, "/nonexistent");
}

static void bad_wishes(void **state)
{
	char authority_dir[160], keys[200], photo[160];

	(void)state;
	snprintf(authority_dir, sizeof(authority_dir), "%s", softcard_other(&(struct vcard_make){ .kind = "iphone" }));
	snprintf(keys, sizeof(keys), "%s/cv-keys.pem", authority_dir);
	snprintf(photo, sizeof(photo), "%s", softcard_path("card.conf"));
	refused((struct vcard_make){ .photo = photo }, FUDA_EINVAL, "JP2");
	refused((struct vcard_make){ .photo = "/nonexistent" }, FUDA_EFILE, "/nonexistent");
	refused((struct vcard_make){ .photo_size = 599 }, FUDA_EINVAL, "600 to 28000");
	refused((struct vcard_make){ .photo_size = 28001 }, FUDA_EINVAL, "600 to 28000");
	refused((struct vcard_make){ .record_file_step = 40000 }, FUDA_EINVAL, "32768");
	refused((struct vcard_make){ .authority = "/nonexistent" }, FUDA_EFILE, "cv-keys.pem");
	refused((struct vcard_make){ .authority = authority_dir }, FUDA_EFILE, "cv-keys.pem");
	write_file(keys, "Key-Id: 00\n", 11);
	refused((struct vcard_make){ .authority = authority_dir }, FUDA_EFORMAT, "cv-keys.pem");
}

/* The keys of the first card, with one thing wrong. */
static void bad_authorities(void **state)
{
	static const struct {
		const char *find, *put;
	} wrong[] = {
		{ "Key-Id: 3630303030323308", "Key-Id: 3630303030323408" },
		{ "Key-Id: 3630303030323308", "Key-Id: 36303030303233x8" },
		{ "Key-Id: 3630303030323308", "Key-ID: 3630303030323308" },
		{ "-----BEGIN PRIVATE KEY", "-----BEGIN PUBLIC  KEY" },
		{ "-----END PRIVATE KEY-----\nKey-Id: 36303030303333", NULL },
	};
	const char *dir = softcard_other(&(struct vcard_make){ .kind = "iphone" });
	char path[200], *text;

	(void)state;
	snprintf(path, sizeof(path), "%s/cv-keys.pem", dir);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct file f;

		at = softcard_dir();
		f = load("cv-keys.pem");
		text = strstr((char *)f.bytes, wrong[i].find);
		assert_non_null(text);
		if (wrong[i].put)
			memcpy(text, wrong[i].put, strlen(wrong[i].put));
		else
			f.len = (size_t)(text - (char *)f.bytes); /* cut off */
		write_file(path, f.bytes, f.len);
		refused((struct vcard_make){ .authority = dir }, FUDA_EFORMAT, "cv-keys.pem");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector),
		cmocka_unit_test(other_municipality),
		cmocka_unit_test(same_municipality),
		cmocka_unit_test(foreign_resident),
		cmocka_unit_test(rare_characters),
		cmocka_unit_test(phones),
		cmocka_unit_test(ends),
		cmocka_unit_test(secrets),
		cmocka_unit_test(bad_persons),
		cmocka_unit_test(bad_texts),
		cmocka_unit_test(bad_wishes),
		cmocka_unit_test(bad_authorities),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softcard_setup, softcard_teardown);
}
