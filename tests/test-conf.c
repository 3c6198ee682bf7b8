/* SPDX-License-Identifier: Apache-2.0 */
/* card.conf and state: what they may say, and that the card then does it (card.md 12). */
#include "tests/softcard.h"

#include <fcntl.h>
#include <fuda/error.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tests/cmocka.h"

#define SIGN	    "802A0097015500"

static void options(void **state)
{
	static const struct {
		const char *settings;
		struct exchange exchanges[8];
	} rows[] = {
		{ "blocked-verify = 6983\n",
		  { { WRONG_AUTH, "63C2" },
		    { WRONG_AUTH, "63C1" },
		    { WRONG_AUTH, "63C0" },
		    { VERIFY_AUTH, "6983" },
		    { "00200098", "63C0" } } },
		{ "blocked-query = 6984\n",
		  { { WRONG_AUTH, "63C2" },
		    { WRONG_AUTH, "63C1" },
		    { WRONG_AUTH, "63C0" },
		    { "00200098", "6984" },
		    { VERIFY_AUTH, "6984" } } },
		{ "query-5-bytes = 6700\n", { { "0020009800", "6700" }, { "00200098", "63C3" } } },
		{ "past-end = 6282\n", { { "00B0880301", "6282" }, { "00B0000400", "6282" } } },
		{ "past-end = 9000\n",
		  { { "00B0880301", "9000" }, { "00B0880003", "8F8F009000" } } },
		{ "extended = no\n",
		  { { "00B08800000000", "6700" },
		    { "00B0880000", "8F8F009000" },
		    { "00200098"
		      "00"
		      "0004"
		      "30303030",
		      "6700" },
		    { "00200098", "63C3" } } },
		{ "internal-authenticate = 6985\n",
		  { { "0088009904"
		      "01020304"
		      "00",
		      "6985" } } },
		{ "max-read = 2\n", { { "00B0880000", "8F8F9000" }, { "00B0000200", "009000" } } },
		{ "label = JPKIAPIOSTOKEN\n",
		  { { "00B0860010", "4A504B494150494F53544F4B454E20209000" } } },
		{ "secret.auth = 98765\n",
		  { { "0020009805"
		      "3938373635",
		      "9000" } } },
		{ "# past-end = 6282\n\n \t\n", { { "00B0880301", "6B00" } } },
		{ "blocked-verify=6983 \t\n", { { "00200098", "63C3" } } },
		{ "no-sign-certificate = 6A82\n",
		  { { "00A4020C020001", "9000" } } }, /* it has one */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vcard *v = softcard_on(rows[i].settings);

		expect(v, SELECT_JPKI, "9000");
		expect_all(v, rows[i].exchanges);
		softcard_free(&v);
	}
}

static void responses_61(void **state)
{
	static const struct exchange exchanges[] = {
		{ SELECT_JPKI, "9000" },
		{ "00C0000000", "6985" }, /* nothing waits */
		{ VERIFY_AUTH, "9000" },
		{ SIGN, "6100" },
		{ "00C0000000", "<256>9000" },
		{ "00C0000000", "6985" },
		{ SIGN, "6100" },
		{ "00C0010000", "6A86" },
		{ "00C00000", "6700" },
		{ "00C0000010", "<16>61F0" },
		{ "00C00000F0", "<240>9000" },
		{ "802A00970155", "6100" }, /* Le is not needed */
		{ "00A4020C020008", "9000" },
		{ "00C0000000", "6985" }, /* another command gave it up */
		{ "00B0000000", "6103" },
		{ "00C0000003", "8F8F009000" },
		{ "00B0000000" "0000", "8F8F009000" }, /* extended */
		{ "00B0080000", "6B00" },
		{ NULL },
	};
	struct vcard *v = softcard_on("responses = 61xx\n");

	(void)state;
	expect_all(v, exchanges);
	softcard_free(&v);
}

static void responses_6c(void **state)
{
	static const struct exchange exchanges[] = {
		{ SELECT_JPKI, "9000" },
		{ "00B0880000", "6C03" },
		{ "00B0880003", "8F8F009000" },
		{ "00B0880002", "8F8F9000" },
		{ "00B08A0000", "<256>9000" },
		{ VERIFY_AUTH, "9000" },
		{ "802A0097015510", "6C00" },
		{ SIGN, "<256>9000" },
		{ "00C0000000", "6D00" },
		{ NULL },
	};
	struct vcard *v = softcard_on("responses = 6Cxx\n");

	(void)state;
	expect_all(v, exchanges);
	softcard_free(&v);
}

static void first_command(void **state)
{
	struct vcard *v = softcard_on("first-command = 6f00\n");

	(void)state;
	expect(v, SELECT_JPKI, "6F00");
	expect(v, "00B0880000", "6A82"); /* it was not carried out */
	expect(v, SELECT_JPKI, "9000");
	vcard_reset(v);
	expect(v, "00B0880000", "8F8F009000"); /* once, after power-up only */
	vcard_power(v, false);
	vcard_power(v, true);
	expect(v, "00A40000", "6F00");
	expect(v, SELECT_JPKI, "9000");
	softcard_free(&v);
}

static void mute(void **state)
{
	struct fuda_buf response = FUDA_BUF_INIT(300);
	static const uint8_t query[] = { 0x00, 0x20, 0x00, 0x98 };
	struct vcard *v = softcard_on("mute-at = 3\n");

	(void)state;
	expect(v, SELECT_JPKI, "9000");
	expect(v, WRONG_AUTH, "63C2");
	for (int i = 0; i < 2; i++)
		assert_int_equal(vcard_transmit(v, query, sizeof(query), &response), FUDA_EMUTE);
	assert_int_equal(response.len, 0);
	vcard_reset(v);
	assert_int_equal(vcard_transmit(v, query, sizeof(query), &response), FUDA_EMUTE);
	vcard_power(v, false);
	assert_int_equal(vcard_transmit(v, query, sizeof(query), &response), FUDA_ENOCARD);
	vcard_power(v, true);
	expect(v, SELECT_JPKI, "9000");
	expect(v, "00200098", "63C2");
	softcard_free(&v);
}

static void phones(void **state)
{
	static const struct exchange exchanges[] = {
		{ SELECT_JPKI, "9000" },
		{ "00B08A0001", "6982" }, /* card.md 6 */
		{ VERIFY_SIGN, "9000" },
		{ "00B08A0001", "6982" },
		{ VERIFY_AUTH, "9000" },
		{ "00B08A0001", "309000" },
		{ "00B0810001", "309000" },
		{ SIGN, "<256>9000" },
		{ "00A4020C020005", "6A82" }, /* the unknown files are the card's */
		{ "00A4020C020009", "6A82" },
		{ "00A4020C020016", "6A82" },
		{ "00A4040C0AD3921000310001010408", "6A82" },
		{ NULL },
	};
	static const char *const kinds[] = { "kind = android\n", "kind = iphone\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct vcard *v = softcard_on(kinds[i]);

		expect_all(v, exchanges);
		expect(v, "80FC0000", i ? "9000" : "6700");
		expect(v, "80FC0001", "6700");
		softcard_free(&v);
	}
}

/* A file that is not in the directory is not on the card. */
static void absent_files(void **state)
{
	static const struct {
		const char *name;
		struct exchange exchanges[4];
	} rows[] = {
		{ "jpki-0002.bin", { { "00B0820001", "6A82" }, { "00A4020C020002", "6A82" } } },
		{ "jpki-0008.bin", { { "00A4020C020008", "6A82" } } },
		{ "jpki-0017.pem", { { VERIFY_AUTH, "9000" }, { SIGN, "6A82" } } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vcard *v;
		char path[128];

		snprintf(path, sizeof(path), "%s", softcard_path(rows[i].name));
		assert_int_equal(rename(path, softcard_path("hidden")), 0);
		v = softcard_on(NULL);
		expect(v, SELECT_JPKI, "9000");
		expect_all(v, rows[i].exchanges);
		softcard_free(&v);
		assert_int_equal(rename(softcard_path("hidden"), path), 0);
	}
}

static void write_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(softcard_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* What EF 0001 is then is a guess, in two readings: card.md 12. */
static void no_sign_certificate(void **state)
{
	static const struct exchange filler[] = {
		{ SELECT_JPKI, "9000" },
		{ "0020009B", "63C5" },
		{ "00B0810000", "6982" },
		{ VERIFY_SIGN, "9000" },
		{ "00B0810000", "FFFFFFFF9000" },
		{ NULL },
	};
	static const struct exchange absent[] = {
		{ SELECT_JPKI, "9000" },
		{ "0020009B", "63C5" },
		{ VERIFY_SIGN, "9000" },
		{ "00B0810000", "6A82" },
		{ "00A4020C020001", "6A82" },
		{ NULL },
	};
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s", softcard_path("jpki-0001.bin"));
	assert_int_equal(rename(path, softcard_path("hidden")), 0);
	write_file("jpki-0001.bin", "\xFF\xFF\xFF\xFF", 4);
	expect_after(NULL, false, filler);
	expect_after("no-sign-certificate = 6A82\n", false, absent);
	assert_int_equal(rename(softcard_path("hidden"), path), 0);
}

static void does_not_load(int code, const char *part_of_why)
{
	struct vcard *v = NULL;
	char why[256] = "";

	assert_int_equal(vcard_load(softcard_dir(), &v, why, sizeof(why)), code);
	if (!strstr(why, part_of_why))
		fail_msg("\"%s\" instead of \"%s\"", why, part_of_why);
	assert_null(v);
}

static void bad_conf(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} rows[] = {
		{ "kind = desk\n", 1 },
		{ "\n\nkind\n", 3 },
		{ "kind = card\nkind = card\n", 2 },
		{ "= card\n", 1 },
		{ "colour = red\n", 1 },
		{ "Kind = card\n", 1 },
		{ "atr = 3B0\n", 1 },
		{ "atr = 3B\n", 1 },
		{ "atr =\n", 1 },
		{ "atr = 3B000102030405060708091011121314151617181920212223242526272829303132\n",
		  1 },
		{ "atr = XX\n", 1 },
		{ "label = 123456789012345678901234567890123\n", 1 },
		{ "secret.auth =\n", 1 },
		{ "secret.auth = 12345678901234567\n", 1 },
		{ "secret.puk = 1234\n", 1 },
		{ "birth-tries = 16\n", 1 },
		{ "birth-tries =\n", 1 },
		{ "contact-atr = desk\n", 1 },
		{ "several-records = 6A83\n", 1 },
		{ "tries.auth = 3\n", 1 },
		{ "changed.auth = 3132\n", 1 },
		{ "mute-at = -1\n", 1 },
		{ "mute-at = 1x\n", 1 },
		{ "mute-at = 1000000000\n", 1 },
		{ "mute-at = 18446744073709551617\n", 1 },
		{ "mute-at =\n", 1 },
		{ "max-read = 65537\n", 1 },
		{ "max-command = 260\n", 1 },
		{ "max-response = 65539\n", 1 },
		{ "past-end = 6A82\n", 1 },
		{ "past-end = 6B00 # why not\n", 1 },
		{ "past-end = 6B\x01"
		  "0\n",
		  1 },
		{ "past-end = 6B00\r\n", 1 },
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char where[32];

		softcard_write(NULL);
		write_file("card.conf", rows[i].text, strlen(rows[i].text));
		snprintf(where, sizeof(where), "card.conf, line %u:", rows[i].line);
		does_not_load(FUDA_EFORMAT, where);
	}
	memset(text, '#', sizeof(text));
	write_file("card.conf", text, sizeof(text));
	does_not_load(FUDA_EFORMAT, "line 1: too long");
	write_file("card.conf", "kind = card\n\0\n", 14);
	does_not_load(FUDA_EFORMAT, "line 2: too long, or not text");
	unlink(softcard_path("card.conf"));
	does_not_load(FUDA_EFILE, "card.conf");
}

static void bad_state(void **state)
{
	static const char *const rows[] = {
		"tries.auth = 4\n",
		"tries.sign = 6\n",
		"tries.auth = x\n",
		"tries.auth\n",
		"secret.auth = 1234\n",
		"changed.auth = 1\n",
		"changed.auth = \n",
		"past-end = 6B00\n",
		"tries.auth = 1\ntries.auth = 1\n",
		"changed.auth = 3132333435363738393031323334353637\n",
	};
	struct vcard *v;

	(void)state;
	softcard_write(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		write_file("state", rows[i], strlen(rows[i]));
		does_not_load(FUDA_EFORMAT, "state, line");
	}
	write_file("state", "tries.sign = 0\nchanged.auth = 37373737\n", 39);
	v = softcard_load();
	vcard_power(v, true);
	expect(v, SELECT_JPKI, "9000");
	expect(v, "0020009804" "37373737", "9000");
	expect(v, VERIFY_SIGN, "6984");
	softcard_free(&v);
}

static void bad_files(void **state)
{
	static const char *const too_big[] = { "jpki-0002.bin", "common-0001.bin", "isd-00F8.bin",
					       "face-001A.pem", "text-0006.pem" };
	static char big[32769];
	struct vcard *v = NULL;
	char why[256], saved[128];

	(void)state;
	softcard_write(NULL);
	snprintf(saved, sizeof(saved), "%s", softcard_path("jpki-0017.pem"));
	assert_int_equal(rename(saved, softcard_path("hidden")), 0);
	write_file("jpki-0017.pem", "-----BEGIN PRIVATE KEY-----\n", 28);
	does_not_load(FUDA_EFORMAT, "jpki-0017.pem: not a private RSA key");
	write_file("jpki-0017.pem", "", 0);
	does_not_load(FUDA_EFORMAT, "jpki-0017.pem: not a private RSA key");
	assert_int_equal(rename(softcard_path("hidden"), saved), 0);

	write_file("jpki-0005.bin", big, sizeof(big)); /* not a file of that kind: not looked at */
	v = softcard_load();
	softcard_free(&v);
	unlink(softcard_path("jpki-0005.bin"));
	for (size_t i = 0; i < sizeof(too_big) / sizeof(too_big[0]); i++) {
		snprintf(saved, sizeof(saved), "%s", softcard_path(too_big[i]));
		assert_int_equal(rename(saved, softcard_path("hidden")), 0);
		write_file(too_big[i], big, sizeof(big));
		does_not_load(FUDA_ETOOBIG, too_big[i]);
		assert_int_equal(rename(softcard_path("hidden"), saved), 0);
	}

	assert_int_equal(vcard_load(saved, &v, why, sizeof(why)), FUDA_ENOREADER);
	assert_int_equal(vcard_load("/nonexistent", &v, why, sizeof(why)), FUDA_ENOREADER);
}

static void one_reader_at_a_time(void **state)
{
	struct vcard *v;

	(void)state;
	softcard_write(NULL);
	v = softcard_load();
	does_not_load(FUDA_EBUSY, "another reader");
	softcard_free(&v);
	v = softcard_load();
	softcard_free(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(options),
		cmocka_unit_test(responses_61),
		cmocka_unit_test(responses_6c),
		cmocka_unit_test(first_command),
		cmocka_unit_test(mute),
		cmocka_unit_test(phones),
		cmocka_unit_test(absent_files),
		cmocka_unit_test(no_sign_certificate),
		cmocka_unit_test(bad_conf),
		cmocka_unit_test(bad_state),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(one_reader_at_a_time),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softcard_setup, softcard_teardown);
}
