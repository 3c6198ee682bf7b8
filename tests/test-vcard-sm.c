/* SPDX-License-Identifier: Apache-2.0 */
/* Secure messaging of the software card: card.md 3.3. */
#include "tests/sm-client.h"

#include <fuda/encode.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tests/softfiles.h"
#include "tests/cmocka.h"

#define QUERY_TEXT "00200091"
#define ANY_VERIFY "0820009113" "861101" "000102030405060708090A0B0C0D0E0F"
#define ANY_READ   "08B08400" "000005" "9603000000" "0000"
#define ANY_SELECT "08A4020C13" "861101" "000102030405060708090A0B0C0D0E0F"

/* With the text application's PIN verified, and a session. */
static struct vcard *opened(const char *settings, struct sm_client *c)
{
	struct vcard *v = softfiles_on(settings);

	expect(v, SELECT_TEXT, "9000");
	expect(v, VERIFY_TEXT, "9000");
	sm_open(v, c, 0x00);
	return v;
}

/* Computed with the openssl command, step by step: key 000102...0F, the IV of counter 1 is
 * AES-ECB(00...01) = 7346139595C0B41E497BBDE365F42D0A, that of 2 49D68753999BA68CE3897A686081B09D.
 * The plaintexts are 31313131 80 00..., the 17 bytes of the file and 80 00..., 0003 80 00..., and
 * 16 bytes of FF with a block of padding. */
static void known_answers(void **state)
{
	static const struct exchange exchanges[] = {
		{ "0820009113" "861101" "9BA15864A7E5B562B97CA73BFF26BC73", "9000" },
		{ "08B08100" "000005" "9603000000" "0000",
		  "862101" "7AC0D5A1644C9CE50D0DD02C17E2C469605994A18C118D5185DB8F6F134FB939" "9000" },
		{ "08A4020C13" "861101" "1BDC658C7C5581FC4C1FFEB6CEAEDF18", "9000" },
		{ "08B08800" "000005" "9603000000" "0000",
		  "862101" "B82996E987E72A84244659AA6A93D6220C5EAE50DD09E9703E7989BD967C1D07" "9000" },
		{ NULL },
	};
	struct sm_client c;
	struct vcard *v = opened(NULL, &c);

	(void)state;
	expect_all(v, exchanges);
	softcard_free(&v);
}

static void commands_inside(void **state)
{
	struct sm_client c;
	struct vcard *v = opened(NULL, &c);

	(void)state;
	sm_send(v, &c, "08200094", "313131313131313131313131", "9000");
	sm_send(v, &c, "08A4020C", "0003", "9000");
	sm_read(v, &c, "08B00000", 0, "7E03");
	sm_read(v, &c, "08B00001", 1, "03");
	sm_read(v, &c, "08B08100", 0, TEXT_0001);
	sm_read(v, &c, "08B00002", 3, "0C3132");
	sm_read(v, &c, "08B00010", 255, "FF"); /* fewer than asked for */
	sm_send(v, &c, "08A4020C", "0011", "9000");
	sm_send(v, &c, "08200080", "31313131", "9000");
	sm_send(v, &c, "08200091", "", "63C3"); /* nothing in it: a query */
	sm_read(v, &c, "08B08400", 0, "7E04");
	/* refusals of the card itself count as well */
	sm_send(v, &c, "08A4020C", "0009", "6A82");
	sm_send(v, &c, "08A4020C", "000102", "6700");
	sm_send(v, &c, "08A40208", "0001", "6A86");
	sm_send(v, &c, "08200191", "31313131", "6A86");
	sm_send(v, &c, "08200093", "31313131", "6981");
	sm_send(v, &c, "08200091", "3131313131313131313131313131313131", "6700");
	sm_send(v, &c, "08200092", "31313131", "6984");
	sm_read_fails(v, &c, "08B081FF", 1, "6B00");
	sm_read_fails(v, &c, "08B09300", 1, "6981");
	sm_read_fails(v, &c, "08B08900", 1, "6A82");
	sm_read_fails(v, &c, "08B09F00", 1, "6A86");
	sm_read(v, &c, "08B08400", 0, "7E04");
	softcard_free(&v);
}

/* Each form of the length of the answer: padding fills up to the next block. */
static void lengths(void **state)
{
	static const unsigned sizes[] = { 1, 15, 16, 111, 112, 239, 240, 599, 600, 0 };
	struct sm_client c;
	struct vcard *v = opened(NULL, &c);
	char hex[2 * SOFTFILES_LONG + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned n = sizes[i] ? sizes[i] : SOFTFILES_LONG;

		for (size_t j = 0; j < n; j++)
			snprintf(hex + 2 * j, 3, "%02X", softfiles_byte(j));
		sm_read(v, &c, "08B08200", sizes[i], hex);
	}
	/* what an outer short Le, or none, cannot hold; the counter went on */
	expect(v, "08B08200" "05" "9603000000" "00", "6700");
	expect(v, "08B08100" "05" "9603000000", "6700");
	c.counter += 2;
	sm_read(v, &c, "08B08100", 0, TEXT_0001);
	softcard_free(&v);
}

/* Answers that have to be fetched, and those of a card that gives little at a time. */
static void in_parts(void **state)
{
	static const struct {
		const char *settings;
		struct exchange exchanges[4];
	} rows[] = {
		{ "responses = 61xx\n",
		  { { "08B08100" "05" "9603000000" "00", "6123" },
		    { "00C0000023", "<35>9000" } } },
		{ "max-read = 4\n", { { "08B08100" "05" "9603000000" "00", "<19>9000" } } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sm_client c;
		struct vcard *v = opened(rows[i].settings, &c);

		expect_all(v, rows[i].exchanges);
		c.counter++;
		sm_send(v, &c, "08A4020C", "0003", "9000");
		softcard_free(&v);
	}
}

/* Commands in clear pass by the session, and do not count. */
static void beside_plain_commands(void **state)
{
	struct sm_client c;
	struct vcard *v = opened(NULL, &c);

	(void)state;
	sm_read(v, &c, "08B08400", 0, "7E04");
	expect(v, "00B0850000", "7E059000");
	expect(v, QUERY_TEXT, "63C3");
	expect(v, "0084000008", "<8>9000");
	expect(v, "00A40000", "9000");
	expect(v, "00A4040C0AD3921000310001010409", "6A82");
	sm_read(v, &c, "08B08400", 0, "7E04");
	vcard_reset(v); /* PIN states survive that: card.md 0.7 */
	sm_read(v, &c, "08B08400", 0, "7E04");
	sm_open(v, &c, 0x40); /* a new one */
	sm_read(v, &c, "08B08400", 0, "7E04");
	softcard_free(&v);
}

static void what_ends_it(void **state)
{
	static const struct {
		const char *settings, *select;
	} rows[] = {
		{ NULL, SELECT_TEXT },	 { NULL, SELECT_FACE },	  { NULL, SELECT_ISD },
		{ NULL, "00A4040C01D3" }, { "reselect = keep\n", SELECT_TEXT },
	};
	struct sm_client c;
	struct vcard *v;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		v = opened(rows[i].settings, &c);
		sm_read(v, &c, "08B08400", 0, "7E04");
		expect(v, rows[i].select, "9000");
		expect(v, SELECT_TEXT, "9000");
		expect(v, ANY_READ, "69FC");
		expect(v, ANY_VERIFY, "69FC");
		expect(v, ANY_SELECT, "69FC");
		softcard_free(&v);
	}
	v = opened(NULL, &c);
	vcard_power(v, false);
	vcard_power(v, true);
	expect(v, SELECT_TEXT, "9000");
	expect(v, ANY_READ, "69FC");
	softcard_free(&v);
}

static void tries_as_in_clear(void **state)
{
	struct sm_client c;
	struct vcard *v = opened(NULL, &c);

	(void)state;
	sm_send(v, &c, "08200091", "30303030", "63C2");
	sm_read_fails(v, &c, "08B08100", 0, "6982"); /* a failure closes */
	expect(v, QUERY_TEXT, "63C2");
	sm_send(v, &c, "08200091", "3131313100", "63C1");
	sm_send(v, &c, "08200091", "31313131", "9000");
	sm_read(v, &c, "08B08100", 0, TEXT_0001);
	expect(v, QUERY_TEXT, "63C3");
	sm_send(v, &c, "08200091", "30303030", "63C2");
	expect(v, "002000910430303030", "63C1"); /* one counter for both ways */
	sm_send(v, &c, "08200091", "30303030", "63C0");
	sm_send(v, &c, "08200091", "31313131", "6984");
	sm_send(v, &c, "08200091", "31313131", "6984");
	sm_read(v, &c, "08B08400", 0, "7E04"); /* 6984 counted */
	assert_int_equal(vcard_usage(v).verifies, 9);
	softcard_free(&v);
	v = softcard_load();
	vcard_power(v, true);
	expect(v, SELECT_TEXT, "9000");
	expect(v, VERIFY_TEXT, "6984");
	softcard_free(&v);
}

static void who_may_open(void **state)
{
	static const struct {
		struct exchange before[3];
		const char *answer, *then;
	} rows[] = {
		{ { { NULL } }, "6982", "69FC" },
		/* opens the file with the key, but not this */
		{ { { VERIFY_TEXT_A, "9000" } }, "6982", "69FC" },
		{ { { VERIFY_TEXT_B, "9000" } }, "6982", "69FC" },
		{ { { VERIFY_TEXT, "9000" }, { "002000910430303030", "63C2" } }, "6982", "69FC" },
		{ { { VERIFY_TEXT, "9000" }, { SELECT_TEXT, "9000" } }, "6982", "69FC" },
		{ { { VERIFY_TEXT, "9000" } }, "9000", "<19>9000" },
		{ { { VERIFY_TEXT, "9000" }, { VERIFY_TEXT_A, "9000" } }, "9000", "<19>9000" },
	};
	uint8_t plain[36] = { 0xA0, 0x22, 0x80, 0x20 };
	EVP_PKEY *key = softfiles_key("text-0006.pem");
	char command[SM_HEX_MAX];

	(void)state;
	sm_set_key(key, plain, sizeof(plain), command);
	EVP_PKEY_free(key);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vcard *v = softfiles_on(NULL);

		expect(v, SELECT_TEXT, "9000");
		expect_all(v, rows[i].before);
		expect(v, command, rows[i].answer);
		expect(v, ANY_READ, rows[i].then);
		softcard_free(&v);
	}
}

/* What SET SESSION KEY does not take; each leaves the card without a session. */
static void bad_session_keys(void **state)
{
	static const struct {
		uint8_t head[4];
		size_t len;
	} rows[] = {
		{ { 0xA0, 0x22, 0x81, 0x20 }, 36 }, /* key forms of CCS */
		{ { 0xA1, 0x22, 0x80, 0x20 }, 36 }, { { 0xA0, 0x22, 0x80, 0x1F }, 36 },
		{ { 0xA0, 0x21, 0x80, 0x20 }, 36 }, { { 0xA0, 0x22, 0x80, 0x20 }, 35 },
		{ { 0xA0, 0x22, 0x80, 0x20 }, 37 }, { { 0xA0, 0x12, 0x80, 0x10 }, 20 },
		{ { 0xA0, 0x22, 0x80, 0x20 }, 4 },  { { 0 }, 0 },
	};
	EVP_PKEY *key = softfiles_key("text-0006.pem"), *other = softfiles_key("text-0013.pem");
	struct vcard *v = softfiles_on(NULL);
	uint8_t plain[64] = { 0 };
	char command[SM_HEX_MAX], last;

	(void)state;
	expect(v, SELECT_TEXT, "9000");
	expect(v, VERIFY_TEXT, "9000");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(plain, rows[i].head, 4);
		sm_set_key(key, plain, rows[i].len, command);
		expect(v, command, "6A80");
		expect(v, ANY_READ, "69FC");
	}
	memcpy(plain, rows[4].head, 4);
	do
		sm_set_key(other, plain, 36, command);
	while (command[14] > '7'); /* below any modulus of 2048 bits */
	expect(v, command, "6A80");
	sm_set_key(key, plain, 36, command);
	last = command[14 + 511];
	command[14 + 511] = last == '0' ? '1' : '0';
	expect(v, command, "6A80");
	command[14 + 511] = last;
	command[4] = '1';
	expect(v, command, "6A86");
	command[4] = '0';
	command[7] = '1';
	expect(v, command, "6A86");
	command[7] = '0';
	expect(v, command, "9000");
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	softcard_free(&v);
}

/* The modulus itself, and what is greater; lengths that no ciphertext has. */
static void no_ciphertext(void **state)
{
	char command[SM_HEX_MAX] = "80AE0000000100";
	EVP_PKEY *key = softfiles_key("text-0006.pem");
	struct vcard *v = softfiles_on(NULL);
	uint8_t modulus[256];
	BIGNUM *n = NULL;

	(void)state;
	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
	assert_int_equal(BN_bn2binpad(n, modulus, 256), 256);
	BN_free(n);
	EVP_PKEY_free(key);
	expect(v, SELECT_TEXT, "9000");
	expect(v, VERIFY_TEXT, "9000");
	fuda_hex_encode(modulus, 256, command + 14);
	expect(v, command, "6F00");
	modulus[255]--; /* below it, but no padding inside */
	fuda_hex_encode(modulus, 256, command + 14);
	expect(v, command, "6A80");
	memset(command + 14, 'F', 512);
	expect(v, command, "6F00");
	memset(command + 14, '0', 512);
	expect(v, command, "6A80");
	memcpy(command, "80AE00000000FF", 14);
	command[14 + 510] = 0;
	expect(v, command, "6700");
	expect(v, "80AE0000", "6700");
	expect(v, "80AE000000", "6700");
	expect(v, "80AE000001FF", "6700");
	expect(v, ANY_READ, "69FC");
	softcard_free(&v);
}

/* Readers without extended length send it in pieces, if the card takes them. */
static void chained_session_key(void **state)
{
	uint8_t plain[36] = { 0xA0, 0x22, 0x80, 0x20 };
	EVP_PKEY *key = softfiles_key("text-0006.pem");
	char command[SM_HEX_MAX], first[600], last[32];
	struct sm_client c = { .counter = 1 };
	struct vcard *v;

	(void)state;
	sm_set_key(key, plain, sizeof(plain), command);
	EVP_PKEY_free(key);
	snprintf(first, sizeof(first), "90AE0000FF%.510s", command + 14);
	snprintf(last, sizeof(last), "80AE000001%.2s", command + 14 + 510);
	v = softfiles_on("extended = no\n");
	expect(v, SELECT_TEXT, "9000");
	expect(v, VERIFY_TEXT, "9000");
	expect(v, command, "6700");
	expect(v, first, "9000");
	expect(v, last, "9000");
	sm_send(v, &c, "08A4020C", "0003", "9000");
	expect(v, "08B00000" "05" "9603000000" "00", "<19>9000");
	softcard_free(&v);
	v = softfiles_on("chaining = no\n");
	expect(v, SELECT_TEXT, "9000");
	expect(v, VERIFY_TEXT, "9000");
	expect(v, first, "6884");
	expect(v, last, "6700");
	softcard_free(&v);
}

/* Refused by class or command before the session sees it: it goes on. */
static void refused_classes(void **state)
{
	static const struct exchange exchanges[] = {
		{ "0C20009113" "861101" "000102030405060708090A0B0C0D0E0F", "6987" },
		{ "0CA4020C13" "861101" "000102030405060708090A0B0C0D0E0F", "6987" },
		{ "0CB08400" "000005" "9603000000" "0000", "6987" },
		{ "0CB0840000", "6987" },
		{ "04B0840000", "6882" },
		{ "0420009104" "31313131", "6882" },
		{ "0824019104" "31313131", "6882" },
		{ "0884000008", "6882" },
		{ "0888009901" "0000", "6882" },
		{ "08B2010400", "6882" },
		{ "08CA004200", "6882" },
		{ "08C0000000", "6882" },
		{ "08A4040C0AD3921000310001010408", "6882" },
		{ "08A40000", "6882" },
		{ "882A000001" "0000", "6882" },
		{ "8C2A000001" "0000", "6882" },
		{ "88AE000000", "6882" },
		{ "88B0840000", "6882" },
		{ "09B0840000", "6881" },
		{ "48B0840000", "6881" },
		{ "28B0840000", "6E00" },
		{ NULL },
	};
	struct sm_client c;
	struct vcard *v = opened(NULL, &c);

	(void)state;
	expect_all(v, exchanges);
	sm_read(v, &c, "08B08100", 0, TEXT_0001);
	expect(v, QUERY_TEXT, "63C3");
	softcard_free(&v);
}

static void elsewhere(void **state)
{
	static const struct {
		const char *select, *set_key;
	} rows[] = {
		{ SELECT_ISD, "6982" },	 { SELECT_JPKI, "6982" },   { SELECT_FACE, "66F1" },
		{ SELECT_JUKI, "6982" }, { SELECT_COMMON, "66F1" },
	};
	static const char *const settings[] = { "kind = android\n", "kind = iphone\n" };
	struct vcard *v = softfiles_on(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect(v, rows[i].select, "9000");
		expect(v, "80AE0000", rows[i].set_key);
		expect(v, ANY_SELECT, "6882");
		expect(v, ANY_READ, "69FC");
		expect(v, ANY_VERIFY, "69FC");
		expect(v, "0CA4020C0E00", "6700"); /* not an APDU */
		expect(v, "0CA4020C020001", "6882");
		expect(v, "0CB0840000", "69FC");
		expect(v, "0C20009104" "31313131", "69FC");
	}
	softcard_free(&v);
	for (size_t i = 0; i < 2; i++) {
		v = softfiles_on(settings[i]);
		expect(v, SELECT_TEXT, "6A82");
		expect(v, SELECT_JPKI, "9000");
		expect(v, "80AE0000", "6982");
		expect(v, ANY_READ, "69FC");
		softcard_free(&v);
	}
}

/* Objects that are not the one of the command: the session is lost, and no try with it. */
static void bad_objects(void **state)
{
	static const char *const commands[] = {
		/* for the counter 1, 9BA1... is 31313131 */
		"08200091",				/* none */
		"0820009104" "31313131",		/* in clear */
		"0820009105" "9603000000",
		"0820009113" "871101" "9BA15864A7E5B562B97CA73BFF26BC73",
		"0820009113" "861100" "9BA15864A7E5B562B97CA73BFF26BC73",
		"0820009113" "861102" "9BA15864A7E5B562B97CA73BFF26BC73",
		"0820009113" "861201" "9BA15864A7E5B562B97CA73BFF26BC73", /* too long */
		"0820009113" "861001" "9BA15864A7E5B562B97CA73BFF26BC73", /* too short */
		"0820009112" "861001" "9BA15864A7E5B562B97CA73BFF26BC",
		"0820009114" "861201" "9BA15864A7E5B562B97CA73BFF26BC7300",
		"0820009112" "8610" "9BA15864A7E5B562B97CA73BFF26BC73",
		"0820009103" "860101",
		"0820009102" "8600",
		"0820009101" "86",
		"0820009115" "861101" "9BA15864A7E5B562B97CA73BFF26BC73" "8E00",
		"0820009118" "861101" "9BA15864A7E5B562B97CA73BFF26BC73" "9603000000",
		"0820009113" "861101" "9BA15864A7E5B562B97CA73BFF26BC72", /* no padding inside */
		"0820009113" "861101" "7AC0D5A1644C9CE50D0DD02C17E2C469",
		"08A4020C02" "0003",
		"08A4020C05" "9603000300",
		"08B0840000",
		"08B08400",
		"08B0840003" "970100" "00",
		"08B0840013" "861101" "9BA15864A7E5B562B97CA73BFF26BC73" "00",
		"08B0840004" "96020000" "00",
		"08B0840006" "960400000000" "00",
		"08B0840005" "9603010000" "00",
		"08B0840005" "9604000000" "00",
		"08B0840006" "960300000000" "00",
		"08B084000A" "9603000000" "9603000000" "00",
		NULL,
	};

	(void)state;
	for (const char *const *command = commands; *command; command++) {
		struct sm_client c;
		struct vcard *v = opened(NULL, &c);

		expect(v, *command, "6988");
		expect(v, ANY_READ, "69FC");
		expect(v, ANY_VERIFY, "69FC");
		expect(v, ANY_SELECT, "69FC");
		expect(v, "0CB0840000", "6987");
		expect(v, QUERY_TEXT, "63C3");
		expect(v, "00B0810000", TEXT_0001 "9000"); /* the PIN is still verified */
		sm_open(v, &c, 0x80);
		sm_read(v, &c, "08B08400", 0, "7E04");
		softcard_free(&v);
	}
}

/* A side that miscounts. Le is not encrypted, so the card does not see it there. */
static void out_of_step(void **state)
{
	struct sm_client c;
	struct vcard *v;

	(void)state;
	for (unsigned counter = 0; counter < 4; counter++) {
		if (counter == 1)
			continue;
		v = opened(NULL, &c);
		c.counter = counter;
		sm_send(v, &c, "08200091", "31313131", "6988");
		expect(v, ANY_READ, "69FC");
		expect(v, QUERY_TEXT, "63C3");
		softcard_free(&v);
	}
	v = opened(NULL, &c);
	expect(v, ANY_READ, "<19>9000");
	expect(v, ANY_READ, "<19>9000");
	sm_send(v, &c, "08A4020C", "0003", "6988");
	softcard_free(&v);
}

/* Without the private key there is no such configuration on the card. */
static void no_key(void **state)
{
	char path[128];
	struct vcard *v;

	(void)state;
	snprintf(path, sizeof(path), "%s", softcard_path("text-0006.pem"));
	assert_int_equal(rename(path, softcard_path("hidden")), 0);
	v = softfiles_on(NULL);
	expect(v, SELECT_TEXT, "9000");
	expect(v, VERIFY_TEXT, "9000");
	expect(v, "80AE0000", "66F1");
	expect(v, "00B0860001", "A19000");
	expect(v, ANY_READ, "69FC");
	softcard_free(&v);
	assert_int_equal(rename(softcard_path("hidden"), path), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(commands_inside),
		cmocka_unit_test(lengths),
		cmocka_unit_test(in_parts),
		cmocka_unit_test(beside_plain_commands),
		cmocka_unit_test(what_ends_it),
		cmocka_unit_test(tries_as_in_clear),
		cmocka_unit_test(who_may_open),
		cmocka_unit_test(bad_session_keys),
		cmocka_unit_test(no_ciphertext),
		cmocka_unit_test(chained_session_key),
		cmocka_unit_test(refused_classes),
		cmocka_unit_test(elsewhere),
		cmocka_unit_test(bad_objects),
		cmocka_unit_test(out_of_step),
		cmocka_unit_test(no_key),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softfiles_setup, softfiles_teardown);
}
