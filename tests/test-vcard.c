/* SPDX-License-Identifier: Apache-2.0 */
/* The software card, command by command: card.md 1.2, 2.1 to 2.3, 3 and 3.2. */
#include "tests/softcard.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/cmocka.h"

/* card.md 3.5 */
static void synthetic_trace(void **state)
{
	static const struct exchange trace[] = {
		{ "00A4040C0AD392F000260100000001", "9000" },
		{ "00A4020C020018", "9000" },
		{ "00200080", "63C3" },
		{ "002000800431323334", "9000" },
		{ "00A4020C020017", "9000" },
		{ "802A008033" DIGEST_INFO "00", "<256>9000" },
		{ "00A4020C02000A", "9000" },
		{ "00B0000000", "<256>9000" },
		{ "00B0010000", "<256>9000" },
		{ NULL },
	};

	(void)state;
	expect_after(NULL, false, trace);
}

static void isd_level(void **state)
{
	static const struct exchange exchanges[] = {
		{ "00A40000", "6A86" },
		{ "00A4000000", "6A86" },
		{ "00A40000023F00", "6A82" },
		{ "00A4000C023F00", "6A82" },
		{ "00A4000C033F0000", "6700" },
		{ "00B0000000", "6986" },
		{ "00A4020C020001", "6A82" },
		{ "00A4020C022F10", "6A82" },
		{ "00A4020C022F11", "6A82" },
		{ "00A4020C02001E", "9000" },
		{ "00B0000000", "6981" },
		{ "00CA004300", "6A88" },
		{ "00CA7F22000000", "6A88" },
		{ "00CA0042", "6700" },
		{ "00CA0042015A", "6700" },
		{ "0084000008", "<8>9000" },
		{ SELECT_JPKI, "9000" },
		{ "00A40000", "9000" },
		{ "00A4020C02000A", "9000" }, /* still in the application */
		{ "00A40000", "9000" },
		{ "00B0000001", "309000" }, /* and the file is still current */
		{ "00A40000023F00", "6A82" },
		{ "00CA004200", "6A88" },
		{ "00A4040C07A0000001510000", "9000" },
		{ "00A40000", "6A86" },
		{ "00A4020C02000A", "6A82" },
		{ NULL },
	};

	(void)state;
	expect_after(NULL, false, exchanges);
}

static void selecting_applications(void **state)
{
	static const struct exchange exchanges[] = {
		{ "00A4040C01D3", "9000" }, /* a part of the AID */
		{ "00A4020C020006", "9000" },
		{ "00A4040C09D392F0002601000000", "9000" },
		{ "00A4040C0AD392F000260100000002", "6A82" },
		{ "00A4040C0BD392F00026010000000100", "6A82" },
		{ "00A4040C0AD3921000310001010409", "6A82" },
		{ "00A4020C020006", "9000" }, /* a failure changes nothing */
		{ "00A404000AD392F00026010000000100", "6F0C840AD392F0002601000000019000" },
		{ "00A404000AD392F000260100000001", "9000" }, /* no Le, no template */
		{ "00A4040C0AD392F00026010000000100", "9000" },
		{ "00A404020AD392F000260100000001", "6A86" },
		{ "00A4080C02000A", "6A86" },
		{ "00A4010C02000A", "6A86" },
		{ NULL },
	};

	(void)state;
	expect_after(NULL, false, exchanges);
}

static void selecting_files(void **state)
{
	static const char *const there[] = {
		"0001", "0002", "0005", "0006", "0008", "0009", "000A", "000B", "0010",
		"0016", "0017", "0018", "0019", "001A", "001B", "001C", "001E",
	};
	static const struct exchange exchanges[] = {
		{ "00B0000001", "6986" },
		{ "00200080", "6986" },
		{ "802A008020" HASH "00", "6986" },
		{ "00A4020C020008", "9000" },
		{ SELECT_JPKI, "9000" },
		{ "00B0000001", "6986" }, /* no file is current in a new application */
		{ "00A4020C020008", "9000" },
		{ "00A4020C020007", "6A82" }, /* the current file stays */
		{ "00A4020C020108", "6A82" }, /* same short id */
		{ "00A4020C0100", "6700" },
		{ "00A4020C03000800", "6700" },
		{ "00A4020C", "6700" },
		{ "00A4020002000800", "6F0483020008" "9000" },
		{ "00B0000000", "8F8F009000" },
		{ NULL },
	};
	struct vcard *v;

	(void)state;
	expect_after(NULL, true, exchanges);
	v = softcard_on(NULL);
	expect(v, SELECT_JPKI, "9000");
	for (unsigned fid = 0; fid < 0x20; fid++) {
		char command[32], id[8];
		const char *answer = "6A82";

		snprintf(id, sizeof(id), "%04X", fid);
		snprintf(command, sizeof(command), "00A4020C02%s", id);
		for (size_t i = 0; i < ARRAY_SIZE(there); i++)
			if (strcmp(id, there[i]) == 0)
				answer = "9000";
		expect(v, command, answer);
	}
	softcard_free(&v);
}

static void reading(void **state)
{
	static const struct exchange exchanges[] = {
		{ "00B0860020", "4A504B49415049434354"
				"4F4B454E32"
				"2020202020202020202020202020202020"
				"9000" },
		{ "00B0000004", "4A504B499000" }, /* it became current */
		{ "00B0008C04", "303330319000" },
		{ "00B09E0001", "6981" },
		{ "00B0880000", "8F8F009000" },
		{ "00B0000103", "8F009000" }, /* fewer than asked for */
		{ "00B00003"
		  "01",
		  "6B00" },
		{ "00B00004"
		  "01",
		  "6B00" },
		{ "00B07FFF"
		  "01",
		  "6B00" },
		{ "00B08803"
		  "01",
		  "6B00" },
		{ "00B08AFF01", "<1>9000" },
		{ "00B0000000000000", "6700" }, /* not an APDU */
		{ "00B00000000000", "<1792>9000" },
		{ "00B08A00000000", "<1792>9000" },
		{ "00B0000000012C", "<300>9000" },
		{ "00B006F000", "<16>9000" },
		{ "00B0070000", "6B00" },
		{ "00B00000", "6700" },
		{ "00B000000155", "6700" },
		{ "00B0810001", "6982" }, /* sign certificate */
		{ "00B0890001", "6982" }, /* opened by nobody */
		{ "00B0970001", "6981" },
		{ "00B0980001", "6981" },
		{ "00B0850001", "6981" },
		{ "00B0960001", "6981" },
		{ "00B0830001", "6A82" },
		{ "00B0800001", "6A86" },
		{ "00B09F0001", "6A86" },
		{ "00B0C80001", "6A86" },
		{ "00B2010400", "6981" },
		{ "00B2014400", "6981" },
		{ "00B2011C00", "6A82" },
		{ "00B20104", "6700" },
		{ NULL },
	};

	(void)state;
	expect_after(NULL, true, exchanges);
}

static void protected_files(void **state)
{
	static const struct exchange exchanges[] = {
		{ VERIFY_AUTH, "9000" },
		{ "00B0810001", "6982" }, /* the other secret does not help */
		{ "00B0890001", "6982" },
		{ VERIFY_SIGN, "9000" },
		{ "00B0810001", "309000" },
		{ "00B0890001", "6982" },
		{ "802A009A20" HASH "00", "<256>9000" },
		{ "802A009720" HASH "00", "<256>9000" }, /* one does not close the other */
		{ WRONG_SIGN, "63C4" },
		{ "00B0810001", "6982" }, /* a failure closes */
		{ "802A009A20" HASH "00", "6982" },
		{ "802A009720" HASH "00", "<256>9000" },
		{ NULL },
	};

	(void)state;
	expect_after(NULL, true, exchanges);
}

static void verifying(void **state)
{
	static const struct exchange exchanges[] = {
		{ "00200098", "63C3" },
		{ "0020009800", "63C3" },
		{ "00200080", "63C3" }, /* it became current */
		{ WRONG_AUTH, "63C2" },
		{ "00200098", "63C2" },
		{ "002000980531323334" "35", "63C1" }, /* wrong but legal length */
		{ VERIFY_AUTH, "9000" },
		{ WRONG_AUTH, "63C2" },
		{ "0020009805" "3132333400", "63C1" }, /* nor is it padded */
		{ "0020009801" "31", "63C0" },
		{ "00200098", "63C0" },
		{ VERIFY_AUTH, "6984" }, /* the right one is too late */
		{ WRONG_AUTH, "6984" },
		{ "802A009720" HASH "00", "6982" },
		{ "0020009B", "63C5" },
		{ VERIFY_SIGN, "9000" },
		{ "0020009B", "63C5" }, /* never 9000 */
		{ WRONG_SIGN, "63C4" },
		{ WRONG_SIGN, "63C3" },
		{ VERIFY_SIGN, "9000" },
		{ "0020009B", "63C5" }, /* reset by success */
		{ NULL },
	};
	static const struct exchange costs_nothing[] = {
		{ "0020009811" "3132333431323334313233343132333431", "6700" },
		{ "00200098000000", "6700" },
		{ "0020009804313233", "6700" },
		{ "0020009804", "6700" },
		{ "0020019804" "30303030", "6A86" },
		{ "0020000004" "30303030", "6A86" },
		{ "0020001804" "30303030", "6A86" },
		{ "002000D804" "30303030", "6A86" },
		{ "0020009F04" "30303030", "6A86" },
		{ "0020008304" "30303030", "6A82" },
		{ "0020009704" "30303030", "6981" },
		{ "0020008A04" "30303030", "6981" },
		{ "0020009C04" "30303030", "6981" },
		{ "0120009804" "30303030", "6881" },
		{ "0C20009804" "30303030", "69FC" },
		{ "8020009804" "30303030", "6D00" },
		{ "00200098", "63C3" },
		{ "00200098" "00" "0004" "31323334", "9000" },
		{ "00200098" "04" "31323334" "00", "9000" },
		{ NULL },
	};

	(void)state;
	expect_after(NULL, true, exchanges);
	expect_after(NULL, true, costs_nothing);
}

static void changing(void **state)
{
	static const struct exchange exchanges[] = {
		{ "0024019804" "39393939", "6982" },
		{ VERIFY_AUTH, "9000" },
		{ "0024009804" "39393939", "6A86" },
		{ "0024010004" "39393939", "6A86" },
		{ "00240198", "6700" },
		{ "0024019811" "3939393939393939393939393939393939", "6700" },
		{ "0024019805" "3939393939", "6700" },
		{ "0024019803" "393939", "6700" },
		{ "0024019804" "3939393A", "6A80" },
		{ "0024019804" "41414141", "6A80" },
		{ "0024019706" "414141414141", "6981" },
		{ "00A4020C020018", "9000" },
		{ "0024018004" "39393939", "9000" },
		{ VERIFY_AUTH, "63C2" },
		{ "0024019804" "31323334", "6982" },
		{ "0020009804" "39393939", "9000" },
		{ VERIFY_SIGN, "9000" },
		{ "0024019B06" "616263616263", "6A80" }, /* lower case */
		{ "0024019B05" "4142434142", "6700" },
		{ "0024019B10" "41424341424331323331323341424331", "9000" },
		{ "0020009B10" "41424341424331323331323341424331", "9000" },
		{ VERIFY_SIGN, "63C4" },
		{ NULL },
	};
	static const struct exchange survives[] = {
		{ SELECT_JPKI, "9000" },
		{ "0020009B", "63C4" },
		{ "0020009804" "39393939", "9000" },
		{ "0020009B10" "41424341424331323331323341424331", "9000" },
		{ NULL },
	};
	static const struct exchange unchecked[] = {
		{ VERIFY_AUTH, "9000" },
		{ "0024019803" "20" "FF00", "9000" },
		{ "0024019800", "6700" },
		{ "0020009803" "20" "FF00", "9000" },
		{ NULL },
	};
	struct vcard *v;

	(void)state;
	expect_after(NULL, true, exchanges);
	v = softcard_load();
	vcard_power(v, true);
	expect_all(v, survives);
	softcard_free(&v);
	expect_after("change-check = no\n", true, unchecked);
	v = softcard_load();
	vcard_power(v, true);
	expect(v, SELECT_JPKI, "9000");
	expect(v, "0020009803" "20" "FF00", "9000");
	softcard_free(&v);
}

static void counters_are_on_disk(void **state)
{
	struct stat st;
	struct vcard *v = softcard_on(NULL);

	(void)state;
	expect(v, SELECT_JPKI, "9000");
	expect(v, VERIFY_AUTH, "9000");
	assert_int_equal(stat(softcard_path("state"), &st), 0); /* a right PIN counts down and up */
	for (int left = 2; left >= 0; left--) {
		const char *answer = (const char *[]){ "63C0", "63C1", "63C2" }[left];

		expect(v, WRONG_AUTH, answer);
		softcard_free(&v); /* without any farewell */
		v = softcard_load();
		vcard_power(v, true);
		expect(v, SELECT_JPKI, "9000");
		expect(v, "00200098", answer);
	}
	expect(v, VERIFY_AUTH, "6984");
	assert_int_equal(stat(softcard_path("state"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	softcard_free(&v);
}

/* A counter that cannot be written down is a failure of the card, and opens nothing. */
static void state_cannot_be_written(void **state)
{
	struct vcard *v = softcard_on(NULL);

	(void)state;
	expect(v, SELECT_JPKI, "9000");
	assert_int_equal(mkdir(softcard_path("state.new"), 0700), 0);
	expect(v, WRONG_AUTH, "6581");
	expect(v, VERIFY_AUTH, "6581");
	expect(v, "802A009720" HASH "00", "6982");
	rmdir(softcard_path("state.new"));
	expect(v, VERIFY_AUTH, "9000");
	softcard_free(&v);
}

#define SIGN "802A009720" HASH "00"

static void what_closes(void **state)
{
	struct vcard *v = softcard_on(NULL);

	(void)state;
	expect(v, SELECT_JPKI, "9000");
	expect(v, VERIFY_AUTH, "9000");
	vcard_reset(v);
	expect(v, SIGN, "<256>9000"); /* not a warm reset */
	expect(v, "00A4020C020006", "9000");
	expect(v, "00A40000", "9000");
	expect(v, "00A4040C0AD3921000310001010409", "6A82");
	expect(v, SIGN, "<256>9000"); /* nor selecting what is not there, or files */
	expect(v, SELECT_JPKI, "9000");
	expect(v, SIGN, "6982");
	expect(v, VERIFY_AUTH, "9000");
	expect(v, "00A4040C07A0000001510000", "9000");
	expect(v, SELECT_JPKI, "9000");
	expect(v, SIGN, "6982");
	expect(v, VERIFY_AUTH, "9000");
	vcard_power(v, true); /* it has power already */
	expect(v, SIGN, "<256>9000");
	vcard_power(v, false);
	vcard_reset(v); /* without power a cold one */
	expect(v, SIGN, "6A82"); /* no application */
	expect(v, SELECT_JPKI, "9000");
	expect(v, SIGN, "6982");
	softcard_free(&v);

	v = softcard_on("reselect = keep\n");
	expect(v, SELECT_JPKI, "9000");
	expect(v, VERIFY_AUTH, "9000");
	expect(v, SELECT_JPKI, "9000");
	expect(v, SIGN, "<256>9000");
	expect(v, "00A4040C07A0000001510000", "9000");
	expect(v, SELECT_JPKI, "9000");
	expect(v, SIGN, "6982");
	softcard_free(&v);
}

static void classes(void **state)
{
	static const struct exchange exchanges[] = {
		{ "00", "6700" },
		{ "00B0", "6700" },
		{ "00B000", "6700" },
		{ "00B000000000", "6700" },
		{ "00D60000", "6D00" },
		{ "00FF0000", "6D00" },
		{ "80B0000000", "6D00" },
		{ "20B0000000", "6E00" },
		{ "A0A4000000", "6E00" },
		{ "E0B0000000", "6E00" },
		{ "FFCA000000", "6E00" },
		{ "01B0000000", "6881" },
		{ "02B0000000", "6881" },
		{ "03A4040C0AD392F000260100000001", "6881" },
		{ "40B0000000", "6881" },
		{ "4FA4040C00", "6881" },
		{ "0070000001", "6881" },
		{ "08A4020C02000A", "6882" },
		{ "0CA4020C02000A", "6882" },
		{ "08B0000000", "69FC" },
		{ "0CB0000000", "69FC" },
		{ "0820008000", "69FC" },
		{ "80AE000000", "6982" },
		{ "8054009804" "31323334", "6982" },
		{ "80FC0000", "6700" },
		{ "0088009904" "31323334" "00", "6982" },
		{ "00C0000000", "6D00" },
		{ NULL },
	};

	(void)state;
	expect_after(NULL, false, exchanges);
	expect_after(NULL, true, exchanges);
}

static void chaining(void **state)
{
	static const struct exchange exchanges[] = {
		{ "1020009802" "3132", "9000" },
		{ "0020009802" "3334", "9000" },
		{ "10B0000000", "9000" },
		{ "00200098", "63C3" }, /* the chain was given up */
		{ "1020009802" "3132", "9000" },
		{ "00200098" "02" "3335", "63C2" },
		{ "1020009804" "31323334", "9000" },
		{ "00200098", "9000" }, /* the last piece may be empty */
		{ "1020009802" "3132", "9000" },
		{ "00A4020C020006", "9000" },
		{ "00200098" "02" "3334", "63C2" },
		{ VERIFY_AUTH, "9000" },
		{ "902A009710" "000102030405060708090A0B0C0D0E0F", "9000" },
		{ "802A009710" "101112131415161718191A1B1C1D1E1F" "00", "<256>9000" },
		{ "902A009B10" "000102030405060708090A0B0C0D0E0F", "9000" },
		{ "802A009710" "101112131415161718191A1B1C1D1E1F" "00", "<256>9000" },
		{ "10FF0000", "6D00" },
		{ "1120009802" "3132", "6881" },
		{ NULL },
	};
	static const struct exchange none[] = {
		{ "1020009802" "3132", "6884" },
		{ "0020009802" "3334", "63C2" },
		{ NULL },
	};

	(void)state;
	expect_after(NULL, true, exchanges);
	expect_after("chaining = no\n", true, none);
}

/* A chain may not be longer than one extended command. */
static void endless_chain(void **state)
{
	struct vcard *v = softcard_on(NULL);
	char piece[10 + 2 * 255 + 1] = "102A0097FF";

	(void)state;
	memset(piece + 10, '5', 2 * 255);
	piece[0] = '9';
	expect(v, SELECT_JPKI, "9000");
	for (int i = 0; i < 257; i++)
		expect(v, piece, "9000");
	expect(v, piece, "6700");
	expect(v, piece, "9000"); /* a new one begins */
	softcard_free(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(synthetic_trace),
		cmocka_unit_test(isd_level),
		cmocka_unit_test(selecting_applications),
		cmocka_unit_test(selecting_files),
		cmocka_unit_test(reading),
		cmocka_unit_test(protected_files),
		cmocka_unit_test(verifying),
		cmocka_unit_test(changing),
		cmocka_unit_test(counters_are_on_disk),
		cmocka_unit_test(state_cannot_be_written),
		cmocka_unit_test(what_closes),
		cmocka_unit_test(classes),
		cmocka_unit_test(chaining),
		cmocka_unit_test(endless_chain),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softcard_setup, softcard_teardown);
}
