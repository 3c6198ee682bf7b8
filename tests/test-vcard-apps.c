/* SPDX-License-Identifier: Apache-2.0 */
/* The applications of the software card beside JPKI, by the tables of card.md 2.2 and 2.4 to 2.7,
 * and the commands that only they know: card.md 3. */
#include "tests/softfiles.h"

#include <fuda/encode.h>
#include <fuda/error.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/util.h"
#include "tests/cmocka.h"

static void selecting(void **state)
{
	static const char *const selects[] = { SELECT_FACE, SELECT_TEXT, SELECT_JUKI,
					       SELECT_COMMON };
	static const struct exchange parts[] = {
		{ "00A4040C09D39210003100010104", "9000" }, /* of three, the first */
		{ "00B0830000", "FA039000" },
		{ "00A4040C09D39210003100010101", "9000" }, /* of one */
		{ "00B2010C00", "0103AABBCC9000" },
		{ "00A4040C0AD3921000310001010103", "6A82" },
		{ "00A4040C0AD3921000310001010200", "6A82" },
		{ "00A4040C0BD392100031000101040800", "6A82" },
		{ "00A404000AD392100031000101040800", "6F0C840AD39210003100010104089000" },
		{ NULL },
	};
	static const char *const kinds[] = { NULL, "kind = android\n", "kind = iphone\n" };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct vcard *v = softfiles_on(kinds[k]);

		for (size_t i = 0; i < ARRAY_SIZE(selects); i++)
			expect(v, selects[i], k ? "6A82" : "9000"); /* phones: card.md 6 */
		softcard_free(&v);
	}
	softfiles_after(NULL, parts);
}

/* card.md 3.5, but for the one of JPKI */
static void synthetic_traces(void **state)
{
	static const struct exchange trace[] = {
		{ SELECT_TEXT, "9000" },
		{ "00A4020C020011", "9000" },
		{ "0020008004" "31313131", "9000" },
		{ "00A4020C020002", "9000" },
		{ "00B0000000", "<256>9000" },
		{ SELECT_FACE, "9000" },
		{ "00A4020C020012", "9000" },
		{ "002000800E" "3232323232323232323232323232", "9000" },
		{ "00A4020C020002", "9000" },
		{ "00B0000000", "FA029000" },
		{ SELECT_COMMON, "9000" },
		{ "00A4020C020001", "9000" },
		{ "00B2010400", "0103AABBCC9000" },
		{ NULL },
	};

	(void)state;
	softfiles_after(NULL, trace);
}

/* Every file there is, and no other. */
static void files(void **state)
{
	static const struct {
		const char *select;
		uint32_t there; /* by short id */
	} rows[] = {
#define BIT(n) (UINT32_C(1) << (n))
		{ SELECT_ISD, BIT(0x1E) },
		{ SELECT_FACE, BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(0x11) |
				       BIT(0x12) | BIT(0x13) | BIT(0x14) | BIT(0x15) |
				       BIT(0x1A) | BIT(0x1C) | BIT(0x1E) },
		{ SELECT_TEXT, BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) |
				       BIT(8) | BIT(0x10) | BIT(0x11) | BIT(0x12) | BIT(0x13) |
				       BIT(0x14) | BIT(0x15) | BIT(0x1C) | BIT(0x1E) },
		{ SELECT_JUKI, BIT(2) | BIT(0x1C) },
		{ SELECT_COMMON, BIT(1) | BIT(2) | BIT(0x19) | BIT(0x1C) | BIT(0x1E) },
	};
	struct vcard *v = softfiles_on(NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		expect(v, rows[i].select, "9000");
		for (unsigned fid = 0; fid < 0x20; fid++) {
			char command[32];

			snprintf(command, sizeof(command), "00A4020C02%04X", fid);
			expect(v, command, rows[i].there & BIT(fid) ? "9000" : "6A82");
		}
	}
	softcard_free(&v);
}

/* Who opens what: all secrets of an application against all of its files. */
static void conditions(void **state)
{
	static const struct {
		const char *select;
		const char *secrets[4];
		/* first byte of each file from 0001 on; which secrets open it, F: free */
		struct {
			const char *first, *by;
		} files[9];
	} rows[] = {
		{ SELECT_FACE,
		  { VERIFY_FACE_A, VERIFY_FACE_B, VERIFY_BIRTH },
		  { { "FA", "2" }, { "FA", "01" }, { "FA", "F" }, { "FA", "F" }, { "FA", "0" },
		    { "FF", "01" } } },
		{ SELECT_TEXT,
		  { VERIFY_TEXT_A, VERIFY_TEXT_B, VERIFY_TEXT },
		  { { "FF", "02" }, { "00", "12" }, { "7E", "012" }, { "7E", "F" }, { "7E", "F" },
		    { "A1", "012" }, { "7E", "012" }, { "FF", "012" } } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (char secret = '0'; secret <= '3'; secret++) {
			struct vcard *v = softfiles_on(NULL);

			expect(v, rows[i].select, "9000");
			if (secret < '3') /* the last time without any */
				expect(v, rows[i].secrets[secret - '0'], "9000");
			for (unsigned f = 0; rows[i].files[f].by; f++) {
				const char *by = rows[i].files[f].by;
				bool open = *by == 'F' || strchr(by, secret);
				char read[32], answer[16];

				snprintf(read, sizeof(read), "00B0%02X0001", 0x81 + f);
				snprintf(answer, sizeof(answer), "%s9000", rows[i].files[f].first);
				expect(v, read, open ? answer : "6982");
			}
			softcard_free(&v);
		}
}

static void what_is_no_file_to_read(void **state)
{
	static const struct exchange exchanges[] = {
		{ SELECT_FACE, "9000" },
		{ VERIFY_FACE_A, "9000" },
		{ "00B0930000", "6981" },
		{ "00B09A0000", "6981" },
		{ "00B09E0000", "6981" },
		{ "00B2011C00", "6981" }, /* transparent */
		{ "00B2019C00", "6981" },
		{ SELECT_TEXT, "9000" },
		{ "00B0810000", "6982" },
		{ "00B0920000", "6981" },
		{ VERIFY_TEXT, "9000" },
		{ "00B0810000", TEXT_0001 "9000" }, /* with its filler: card.md 2.7 */
		{ "00B0001100", "6B00" },
		{ "00B0930000", "6981" },
		{ SELECT_COMMON, "9000" },
		{ "00B0810000", "6981" }, /* records */
		{ "00B0990000", "6981" },
		{ "00B09C0000", "6981" },
		{ SELECT_JUKI, "9000" },
		{ "00B0820000", "6981" },
		{ NULL },
	};

	(void)state;
	softfiles_after(NULL, exchanges);
}

/* ---- records ---- */

static void records(void **state)
{
	static const struct exchange exchanges[] = {
		{ SELECT_COMMON, "9000" },
		{ "00B2010400", "6986" }, /* no current file */
		{ "00B2010C00", "0103AABBCC9000" },
		{ "00B2010400", "0103AABBCC9000" }, /* it became current */
		{ "00B2020400", "02FF0002DDEE9000" },
		{ "00B2030400", "03009000" },
		{ "00B2040400", "6A83" }, /* filler is no record */
		{ "00B2FF0400", "6A83" },
		{ "00B2000400", "6A83" },
		{ "00A4020C020002", "9000" },
		{ "00B2010400", "011000112233445566778899AABBCCDDEEFF9000" },
		{ "00B2020400", "6A83" }, /* the end is the end, too */
		{ "00B2010403", "0110009000" },
		{ "00B20104000000", "011000112233445566778899AABBCCDDEEFF9000" },
		{ "00B20104", "6700" },
		{ "00B201040155", "6700" },
		{ "00B2010500", "6A81" },
		{ "00B2011500", "6A81" },
		{ "00B2010000", "6A86" }, /* by identifier */
		{ "00B2010600", "6A86" },
		{ "00B2010700", "6A86" },
		{ "00B2011C00", "6A82" },
		{ "00B201CC00", "6981" },
		{ "00B201E400", "6981" },
		{ "00B201FC00", "6A86" }, /* short ids end at 30 */
		{ SELECT_JUKI, "9000" },
		{ "00B2010400", "6986" },
		{ "00B2011400", "011000112233445566778899AABBCCDDEEFF9000" },
		{ "00B2010C00", "6A82" },
		{ NULL },
	};
	static const struct exchange several[] = {
		{ SELECT_COMMON, "9000" },
		{ "00B2010D00", "0103AABBCC02FF0002DDEE03009000" },
		{ "00B2020500", "02FF0002DDEE03009000" },
		{ "00B2020507", "02FF0002DDEE039000" },
		{ "00B2040500", "6A83" },
		{ "00B2000500", "6A83" },
		{ NULL },
	};

	(void)state;
	softfiles_after(NULL, exchanges);
	softfiles_after("several-records = 9000\n", several);
}

static void does_not_load(const char *part_of_why)
{
	struct vcard *v = NULL;
	char why[256] = "";

	assert_int_equal(vcard_load(softcard_dir(), &v, why, sizeof(why)), FUDA_EFORMAT);
	if (!strstr(why, part_of_why))
		fail_msg("\"%s\" instead of \"%s\"", why, part_of_why);
}

static void bad_files(void **state)
{
	static const char *const bad[] = { "01", "0102AA", "01FF", "01FF00", "01FF0002AA",
					   "0101AA02", "0101AA0205" };
	static const char *const good[] = { "", "FF", "0100", "0100FF05", "FFFF" };
	static const char *const keys[] = { "text-0006.pem", "text-0013.pem", "face-001A.pem",
					    "common-0019.pem" };
	char path[128], why[64];
	struct vcard *v;

	(void)state;
	v = softfiles_on(NULL);
	softcard_free(&v);
	for (size_t i = 0; i < ARRAY_SIZE(bad) + ARRAY_SIZE(good); i++) {
		bool is_bad = i < ARRAY_SIZE(bad);
		struct fuda_buf b = FUDA_BUF_INIT(16);

		assert_int_equal(fuda_hex_decode(is_bad ? bad[i] : good[i - ARRAY_SIZE(bad)], &b), 0);
		softfiles_write("juki-0002.bin", b.data, b.len);
		fuda_buf_free(&b);
		if (is_bad) {
			does_not_load("juki-0002.bin: not records");
			continue;
		}
		v = softcard_load();
		softcard_free(&v);
	}
	softfiles_write("juki-0002.bin", "\x01\x00", 2);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(path, sizeof(path), "%s", softcard_path(keys[i]));
		assert_int_equal(rename(path, softcard_path("hidden")), 0);
		softfiles_write(keys[i], "-----BEGIN PRIVATE KEY-----\n", 28);
		snprintf(why, sizeof(why), "%s: not a private RSA key", keys[i]);
		does_not_load(why);
		assert_int_equal(rename(softcard_path("hidden"), path), 0);
	}
}

/* ---- data objects ---- */

static void data_objects(void **state)
{
	static const struct exchange exchanges[] = {
		{ "00CA004200", "00112233445566778899AABBCCDDEEFF9000" },
		{ "00CA004210", "00112233445566778899AABBCCDDEEFF9000" },
		{ "00CA00420F", "6700" },
		{ "00CA004500", "34359000" },
		{ "00CA006600", "73009000" },
		{ "00CA00F000", "31333232319000" },
		{ "00CA00F200", "32303335303231379000" },
		{ "00CA00F700", "F79000" },
		{ "00CA00F800", "F89000" },
		{ "00CA5F5100", "E000FF8131FE45149000" },
		{ "00CA7F2100", "6700" },
		{ "00CA7F21000000", "<600>9000" },
		{ "00CA0042", "6700" },
		{ "00CA00420155", "6700" },
		{ "00CA004300", "6A88" },
		{ "00CA420000", "6A88" },
		{ "00CA000000", "6A88" },
		{ "80CA004200", "6D00" },
		{ SELECT_COMMON, "9000" }, /* only while the ISD is current */
		{ "00CA004200", "6A88" },
		{ "00CA7F21000000", "6A88" },
		{ "00CA5F5100", "6A88" },
		{ "00A40000", "9000" },
		{ "00CA004200", "6A88" },
		{ SELECT_ISD, "9000" },
		{ "00CA00F000", "31333232319000" },
		{ NULL },
	};
	static const struct exchange in_application[] = {
		{ "00CA5F5100", "6A88" },
		{ "00CA00F000", "31333232319000" },
		{ SELECT_JPKI, "9000" },
		{ "00CA5F5100", "E000FF8131FE45149000" },
		{ "00CA00F000", "6A88" },
		{ SELECT_FACE, "9000" },
		{ "00CA5F5100", "E000FF8131FE45149000" },
		{ NULL },
	};
	static const struct exchange none[] = {
		{ "00CA004200", "6A88" }, { "00CA00F000", "6A88" },	{ "00CA5F5100", "6A88" },
		{ SELECT_JPKI, "9000" },  { "00CA5F5100", "6A88" }, { NULL },
	};

	(void)state;
	softfiles_after(NULL, exchanges);
	softfiles_after("contact-atr = application\n", in_application);
	softfiles_after("kind = android\n", none);
	softfiles_after("kind = iphone\ncontact-atr = application\n", none);
}

/* As on cards that lack one; an empty object is none. */
static void absent_object(void **state)
{
	char path[128];
	struct vcard *v;

	(void)state;
	snprintf(path, sizeof(path), "%s", softcard_path("isd-00F7.bin"));
	assert_int_equal(rename(path, softcard_path("hidden")), 0);
	for (int i = 0; i < 2; i++) {
		v = softfiles_on(NULL);
		expect(v, "00CA00F700", "6A88");
		expect(v, "00CA00F800", "F89000");
		softcard_free(&v);
		softfiles_write("isd-00F7.bin", "", 0);
	}
	assert_int_equal(rename(softcard_path("hidden"), path), 0);
}

/* ---- keys without PIN ---- */

/* That the answer to `command` is the signature of `message` (PKCS#1 v1.5, SHA-256) by a key. */
static void check_signature(struct vcard *v, const char *command, const char *message,
			    const char *key_file)
{
	struct fuda_buf m = FUDA_BUF_INIT(256), signature = fetch(v, command);
	EVP_PKEY *key = softfiles_key(key_file);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_int_equal(fuda_hex_decode(message, &m), 0);
	assert_int_equal(signature.len, 256);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestVerify(ctx, signature.data, 256, m.data, m.len), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	fuda_buf_free(&signature);
	fuda_buf_free(&m);
}

static void default_keys(void **state)
{
	static const struct exchange face[] = {
		{ "802A000020" HASH "00", "<256>9000" }, { "802A010020" HASH "00", "<256>9000" },
		{ "802A020020" HASH "00", "<256>9000" }, { "802A040020" HASH "00", "<256>9000" },
		{ "802A050020" HASH "00", "<256>9000" }, { "802A060020" HASH "00", "6A86" },
		{ "802A009320" HASH "00", "6981" },	 { "802A009720" HASH "00", "6A82" },
		{ "802A001A20" HASH "00", "6A86" },	 { "802A000000", "6700" },
		{ "802A02001F" "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E" "00", "6985" },
		{ "802A000020" HASH, "6700" },		 { NULL },
	};
	static const char *const none[] = { SELECT_JPKI, SELECT_JUKI, SELECT_COMMON, SELECT_ISD };
	struct vcard *v = softfiles_on(NULL);

	(void)state;
	expect(v, SELECT_FACE, "9000");
	expect_all(v, face);
	expect(v, "00A4020C020003", "9000");
	check_signature(v, "802A030020" HASH "00", HASH, "face-001A.pem");
	expect(v, "00B0000000", "FA039000"); /* the current file stays */
	check_signature(v, "802A039A20" HASH "00", HASH, "face-001A.pem");
	expect(v, SELECT_TEXT, "9000");
	check_signature(v, "802A030020" HASH "00", HASH, "text-0013.pem");
	check_signature(v, "802A0393" "01" "FF" "00", "FF", "text-0013.pem");
	expect(v, "802A009A20" HASH "00", "6A82");
	expect(v, "802A008620" HASH "00", "6981"); /* the session's key signs nothing */
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		expect(v, none[i], "9000");
		expect(v, "802A000020" HASH "00", "6A88");
	}
	expect(v, SELECT_COMMON, "9000");
	expect(v, "802A009920" HASH "00", "6981"); /* a key for something else */
	softcard_free(&v);
}

static void internal_authenticate(void **state)
{
	static const struct exchange refused[] = {
		{ "0088019901" "AA" "00", "6A86" }, { "0088009900", "6700" },
		{ "00880099", "6700" },		    { "0088009901" "AA", "6700" }, /* no Le */
		{ "0088009901" "AA" "80", "6700" }, { "0088000001" "AA" "00", "6A88" },
		{ "0088009C01" "AA" "00", "6981" }, { "0088009801" "AA" "00", "6A82" },
		{ "0088001901" "AA" "00", "6A86" }, { "8088009901" "AA" "00", "6D00" },
		{ NULL },
	};
	static const char *const elsewhere[] = { SELECT_ISD, SELECT_JPKI, SELECT_FACE, SELECT_TEXT,
						 SELECT_JUKI };
	char longest[14 + 2 * 256 + 4 + 1] = "00880099" "000100";
	struct vcard *v = softfiles_on(NULL);
	struct fuda_buf a, b;

	(void)state;
	expect(v, SELECT_COMMON, "9000");
	expect(v, "0088008001" "AA" "00", "6986");
	check_signature(v, "0088009920" HASH "00", HASH, "common-0019.pem");
	check_signature(v, "0088009901" "AA" "00", "AA", "common-0019.pem");
	check_signature(v, "0088008001" "AA" "00", "AA", "common-0019.pem"); /* current */
	a = fetch(v, "0088009920" HASH "00");
	b = fetch(v, "0088009920" HASH "00");
	assert_memory_equal(a.data, b.data, 256); /* deterministic */
	fuda_buf_free(&a);
	fuda_buf_free(&b);
	expect_all(v, refused);
	memset(longest + 14, '5', 2 * 256 + 4);
	memcpy(longest + 14 + 2 * 256, "0000", 4);
	expect(v, longest, "6700");
	memcpy(longest, "008800990000FF", 14);
	memcpy(longest + 14 + 2 * 255, "0000", 5);
	expect(v, longest, "<256>9000");
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		expect(v, elsewhere[i], "9000");
		expect(v, "0088009920" HASH "00", "6982");
	}
	softcard_free(&v);
	v = softfiles_on("internal-authenticate = 6985\n");
	expect(v, SELECT_TEXT, "9000");
	expect(v, "0088009920" HASH "00", "6985");
	expect(v, SELECT_COMMON, "9000");
	expect(v, "0088009920" HASH "00", "<256>9000");
	softcard_free(&v);
}

/* ---- what files the directory lacks, the card lacks ---- */

static void absent_files(void **state)
{
	static const struct {
		const char *name, *select;
		struct exchange exchange;
	} rows[] = {
		{ "face-0002.bin", SELECT_FACE, { "00A4020C020002", "6A82" } },
		{ "face-001A.pem", SELECT_FACE, { "802A000020" HASH "00", "6A88" } },
		{ "text-0013.pem", SELECT_TEXT, { "802A009320" HASH "00", "6A82" } },
		{ "text-0006.bin", SELECT_TEXT, { "00B0860000", "6A82" } },
		{ "common-0001.bin", SELECT_COMMON, { "00B2010C00", "6A82" } },
		{ "common-0019.pem", SELECT_COMMON, { "0088009901AA00", "6A82" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vcard *v;
		char path[128];

		snprintf(path, sizeof(path), "%s", softcard_path(rows[i].name));
		assert_int_equal(rename(path, softcard_path("hidden")), 0);
		v = softfiles_on(NULL);
		expect(v, rows[i].select, "9000");
		expect(v, rows[i].exchange.command, rows[i].exchange.answer);
		softcard_free(&v);
		assert_int_equal(rename(softcard_path("hidden"), path), 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(selecting),
		cmocka_unit_test(synthetic_traces),
		cmocka_unit_test(files),
		cmocka_unit_test(conditions),
		cmocka_unit_test(what_is_no_file_to_read),
		cmocka_unit_test(records),
		cmocka_unit_test(data_objects),
		cmocka_unit_test(absent_object),
		cmocka_unit_test(default_keys),
		cmocka_unit_test(internal_authenticate),
		cmocka_unit_test(absent_files),
		cmocka_unit_test(bad_files), /* last: it leaves some behind */
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softfiles_setup, softfiles_teardown);
}
