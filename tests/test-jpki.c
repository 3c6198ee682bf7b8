/* SPDX-License-Identifier: Apache-2.0 */
/* The JPKI application, command by command; on the software card it is tested by test-job.c. */
#include <stdio.h>
#include <fuda/jpki.h>

#include "tests/mock.h"

#define SELECT_JPKI "00A4040C0AD392F000260100000001"
#define CERTIFICATE "30030101AA"
#define DIGEST_INFO "3031300D060960864801650304020105000420"
#define ZEROS_32    "0000000000000000000000000000000000000000000000000000000000000000"
#define SIGN_AUTH   "802A009733" DIGEST_INFO ZEROS_32 "00"
#define SIGN_SIGN   "802A009A33" DIGEST_INFO ZEROS_32 "00"

static char signature[2 * 256 + 5], short_signature[2 * 255 + 5], long_signature[2 * 257 + 5];

static void fill(char *text, size_t bytes)
{
	memset(text, '5', 2 * bytes);
	memcpy(text + 2 * bytes, "9000", 5);
}

struct row {
	const char *what;
	enum fuda_jpki_object key;
	bool want_certificate;
	struct exchange script[14];
	int error;
	unsigned verifies;
};

static void run(const struct row *row)
{
	_cleanup_buf_ struct fuda_buf sig = FUDA_BUF_INIT(512), cert = FUDA_BUF_INIT(4096);
	const struct fuda_digest digest = { FUDA_SHA256, 32, { 0 } };
	const char *pin = row->key == FUDA_JPKI_AUTH ? "1234" : "ABC123";
	struct fuda_secret *s;
	struct fuda_pin_entry entry;
	struct mock_card m;

	print_message("%s\n", row->what);
	assert_int_equal(fuda_secret_new(pin, strlen(pin), &s), 0);
	entry = FUDA_PIN_ENTRY(s);
	mock_open(&m, row->script);
	assert_int_equal(fuda_jpki_sign_digest(m.card, row->key, &digest, &entry, m.dl, &sig,
					       row->want_certificate ? &cert : NULL),
			 row->error);
	assert_int_equal(sig.len, row->error ? 0 : 256);
	assert_int_equal(cert.len, row->error || !row->want_certificate ? 0 : 5);
	assert_int_equal(m.mock.verifies, row->verifies);
	assert_int_equal(m.mock.power_offs, row->verifies);
	if (row->error)
		assert_string_not_equal(fuda_context_message(m.ctx), "");
	mock_close_card(&m);
	fuda_secret_free(&s);
}

static void signs(void **state)
{
	const struct row rows[] = {
		{ "authentication with certificate: the fast path", FUDA_JPKI_AUTH, true,
		  { { SELECT_JPKI, "9000" }, { "00B08A0000", CERTIFICATE "FFFF9000" }, { "00200098", "63C3" },
		    { "002000980431323334", "9000" }, { SIGN_AUTH, signature } }, 0, 1 },
		{ "authentication alone", FUDA_JPKI_AUTH, false,
		  { { SELECT_JPKI, "9000" }, { "00200098", "63C3" }, { "002000980431323334", "9000" },
		    { SIGN_AUTH, signature } }, 0, 1 },
		{ "smartphone: certificate behind the PIN, extended length probed before it", FUDA_JPKI_AUTH, true,
		  { { SELECT_JPKI, "9000" }, { "00B08A0000", "6982" }, { "00B08600000000", "4A509000" },
		    { "00200098", "63C3" }, { "002000980431323334", "9000" },
		    { "00B08A0000", CERTIFICATE "9000" }, { SIGN_AUTH, signature } }, 0, 1 },
		{ "signature: one VERIFY for certificate and signature", FUDA_JPKI_SIGN, true,
		  { { SELECT_JPKI, "9000" }, { "00B0880003", "8F8F009000" }, { "00B08600000000", "4A509000" },
		    { "0020009B", "63C5" }, { "0020009B06414243313233", "9000" },
		    { "00B0810000", CERTIFICATE "9000" }, { SIGN_SIGN, signature } }, 0, 1 },
		{ "no availability record: go on", FUDA_JPKI_SIGN, false,
		  { { SELECT_JPKI, "9000" }, { "00B0880003", "6A82" }, { "0020009B", "63C5" },
		    { "0020009B06414243313233", "9000" }, { SIGN_SIGN, signature } }, 0, 1 },
		{ "signature in two parts", FUDA_JPKI_AUTH, false,
		  { { SELECT_JPKI, "9000" }, { "00200098", "63C3" }, { "002000980431323334", "9000" },
		    { SIGN_AUTH, "6100" }, { "00C0000000", signature } }, 0, 1 },
		{ "key by selected file", FUDA_JPKI_AUTH, false,
		  { { SELECT_JPKI, "9000" }, { "00200098", "63C3" }, { "002000980431323334", "9000" },
		    { SIGN_AUTH, "6A86" }, { "00A4020C020017", "9000" },
		    { "802A008033" DIGEST_INFO ZEROS_32 "00", signature } }, 0, 1 },
	};

	(void)state;
	fill(signature, 256);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run(&rows[i]);
}

static void fails_without_harm(void **state)
{
	const struct row rows[] = {
		{ "not a My Number card", FUDA_JPKI_AUTH, true, { { SELECT_JPKI, "6A82" } }, FUDA_EWRONGCARD, 0 },
		{ "no signature certificate, said before a try is spent", FUDA_JPKI_SIGN, false,
		  { { SELECT_JPKI, "9000" }, { "00B0880003", "008F009000" } }, FUDA_ENOTFOUND, 0 },
		{ "no authentication certificate", FUDA_JPKI_AUTH, true,
		  { { SELECT_JPKI, "9000" }, { "00B08A0000", "6A82" } }, FUDA_ENOTFOUND, 0 },
		{ "signature certificate all filler", FUDA_JPKI_SIGN, true,
		  { { SELECT_JPKI, "9000" }, { "00B0880003", "8F8F009000" }, { "00B08600000000", "4A509000" },
		    { "0020009B", "63C5" }, { "0020009B06414243313233", "9000" },
		    { "00B0810000", "FFFFFFFF9000" } }, FUDA_ENOTFOUND, 1 },
		{ "signature too short", FUDA_JPKI_AUTH, false,
		  { { SELECT_JPKI, "9000" }, { "00200098", "63C3" }, { "002000980431323334", "9000" },
		    { SIGN_AUTH, short_signature } }, FUDA_EFORMAT, 1 },
		{ "signature too long", FUDA_JPKI_AUTH, false,
		  { { SELECT_JPKI, "9000" }, { "00200098", "63C3" }, { "002000980431323334", "9000" },
		    { SIGN_AUTH, long_signature } }, FUDA_EFORMAT, 1 },
		{ "signature empty", FUDA_JPKI_AUTH, false,
		  { { SELECT_JPKI, "9000" }, { "00200098", "63C3" }, { "002000980431323334", "9000" },
		    { SIGN_AUTH, "9000" } }, FUDA_EFORMAT, 1 },
		{ "reset between PIN and signature: not mended", FUDA_JPKI_AUTH, false,
		  { { SELECT_JPKI, "9000" }, { "00200098", "63C3" }, { "002000980431323334", "9000" },
		    { SIGN_AUTH, NULL, FUDA_ERESET, true } }, FUDA_ERESET, 1 },
		{ "removed between PIN and signature", FUDA_JPKI_AUTH, false,
		  { { SELECT_JPKI, "9000" }, { "00200098", "63C3" }, { "002000980431323334", "9000" },
		    { SIGN_AUTH, NULL, FUDA_EREMOVED } }, FUDA_EREMOVED, 1 },
		{ "a CA's certificate has no key", FUDA_JPKI_AUTH_CA, false, { { 0 } }, FUDA_EINVAL, 0 },
	};

	(void)state;
	fill(short_signature, 255);
	fill(long_signature, 257);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run(&rows[i]);
}

static void checks_inputs_before_the_card(void **state)
{
	static const uint8_t bytes[300];
	static const struct {
		enum fuda_jpki_scheme scheme;
		size_t len;
	} rows[] = {
		{ FUDA_JPKI_PADDED, 0 },	  { FUDA_JPKI_PADDED, 246 },
		{ FUDA_JPKI_MESSAGE_BARE, 0 },	  { FUDA_JPKI_MESSAGE_BARE, 256 },
		{ FUDA_JPKI_SHA256, 31 },	  { FUDA_JPKI_SHA256, 33 },
		{ FUDA_JPKI_MESSAGE_SHA256, 256 }, { FUDA_JPKI_PSS_SHA256, 20 },
		{ FUDA_JPKI_PSS_MESSAGE, 0 },
	};
	static const struct exchange none[] = { { 0 } };
	static const size_t lengths[] = { 0, 20, 31, 33, 64, 200 };
	const struct fuda_digest sha1 = { FUDA_SHA1, 20, { 0 } }, sha256 = { FUDA_SHA256, 32, { 0 } };
	struct fuda_buf small = FUDA_BUF_INIT(100);
	struct fuda_buf sig = FUDA_BUF_INIT(512);
	struct fuda_secret *s;
	struct fuda_pin_entry entry;
	struct mock_card m;

	(void)state;
	assert_int_equal(fuda_secret_new("1234", 4, &s), 0);
	entry = FUDA_PIN_ENTRY(s);
	mock_open(&m, none);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fuda_jpki_input in = { FUDA_JPKI_AUTH, rows[i].scheme, bytes, rows[i].len };

		assert_int_equal(fuda_jpki_sign(m.card, &in, &entry, m.dl, &sig, NULL), FUDA_EINVAL);
	}
	assert_int_equal(fuda_jpki_sign_digest(m.card, FUDA_JPKI_AUTH, &sha1, &entry, m.dl, &sig, NULL),
			 FUDA_ENOTSUP);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		const struct fuda_digest odd = { FUDA_SHA256, lengths[i], { 0 } };

		assert_int_equal(fuda_jpki_sign_digest(m.card, FUDA_JPKI_AUTH, &odd, &entry, m.dl, &sig, NULL),
				 FUDA_EINVAL);
	}
	/* buffers without room are refused before anything is sent */
	assert_int_equal(fuda_jpki_sign_digest(m.card, FUDA_JPKI_AUTH, &sha256, &entry, m.dl, &small, NULL),
			 FUDA_ETOOBIG);
	assert_string_not_equal(fuda_context_message(m.ctx), "");
	assert_int_equal(fuda_jpki_sign_digest(m.card, FUDA_JPKI_AUTH, &sha256, &entry, m.dl, &sig, &small),
			 FUDA_ETOOBIG);
	fuda_buf_free(&sig);
	mock_close_card(&m);
	fuda_secret_free(&s);
}

/* EF 0006 of card.md 2.3, field by field. */
static void parses_token_information(void **state)
{
	static const char layout[] =
		"JPKIAPICCTOKEN2                 "
		"00000000000000000000000000000001"
		"E16R01NJ        "
		"0000000020500003";
	static const char numbers[] = "0000040D" "00000001" "00000000" "00000001" "00000000"
				      "00000010" "00000006" "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";
	static const char tail[] = "0301" "9999999999999999";
	char hex[2 * 160 + 5];
	const struct exchange script[] = {
		{ SELECT_JPKI, "9000" }, { "00B08600A0", hex }, { 0 }
	};
	struct fuda_jpki_token token;
	struct mock_card m;

	(void)state;
	fuda_hex_encode((const uint8_t *)layout, 96, hex);
	memcpy(hex + 2 * 96, numbers, sizeof(numbers) - 1);
	fuda_hex_encode((const uint8_t *)tail, 20, hex + 2 * 140);
	memcpy(hex + 2 * 160, "9000", 5);
	mock_open(&m, script);
	assert_int_equal(fuda_jpki_token(m.card, m.dl, &token), 0);
	assert_int_equal(token.kind, FUDA_TOKEN_CARD);
	assert_string_equal(token.label, "JPKIAPICCTOKEN2");
	assert_string_equal(token.manufacturer, "00000000000000000000000000000001");
	assert_string_equal(token.model, "E16R01NJ");
	assert_string_equal(token.serial, "0000000020500003");
	assert_int_equal(token.flags, 0x40D);
	assert_int_equal(token.pin_max, 16);
	assert_int_equal(token.pin_min, 6);
	assert_string_equal(token.hardware_version, "03");
	assert_string_equal(token.firmware_version, "01");
	mock_close_card(&m);

	/* cut short at every byte, and with a control character */
	for (size_t len = 0; len < 160; len++) {
		char cut[2 * 160 + 5];
		const struct exchange bad[] = {
			{ SELECT_JPKI, "9000" },
			{ "00B08600A0", cut },
			{ "00B000..", "6B00" },
			{ 0 },
		};

		memcpy(cut, hex, 2 * len);
		memcpy(cut + 2 * len, "9000", 5);
		if (len >= 144) /* the time behind it is not read */
			continue;
		mock_open(&m, bad);
		assert_int_equal(fuda_jpki_token(m.card, m.dl, &token), FUDA_EFORMAT);
		m.mock.next = &bad[3];
		mock_close_card(&m);
	}
	memcpy(hex, "0A", 2);
	mock_open(&m, script);
	assert_int_equal(fuda_jpki_token(m.card, m.dl, &token), FUDA_EFORMAT);
	mock_close_card(&m);
}

static void knows_token_kinds(void **state)
{
	(void)state;
	assert_string_equal(fuda_token_kind_name(FUDA_TOKEN_ANDROID), "android");
	assert_string_equal(fuda_token_kind_name(FUDA_TOKEN_UNKNOWN), "unknown");
}

static void reads_availability(void **state)
{
	static const struct {
		const char *answer;
		enum fuda_presence sign, auth;
	} rows[] = {
		{ "8F8F009000", FUDA_PRESENT, FUDA_PRESENT },
		{ "008F009000", FUDA_ABSENT, FUDA_PRESENT },
		{ "8F00009000", FUDA_PRESENT, FUDA_ABSENT },
		{ "7755009000", FUDA_PRESENCE_UNKNOWN, FUDA_PRESENCE_UNKNOWN },
		{ "6A82", FUDA_PRESENCE_UNKNOWN, FUDA_PRESENCE_UNKNOWN },
		{ "6982", FUDA_PRESENCE_UNKNOWN, FUDA_PRESENCE_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct exchange script[] = {
			{ SELECT_JPKI, "9000" }, { "00B0880003", rows[i].answer }, { 0 }
		};
		struct fuda_jpki_availability a;
		struct mock_card m;

		mock_open(&m, script);
		assert_int_equal(fuda_jpki_availability(m.card, m.dl, &a), 0);
		assert_int_equal(a.sign, rows[i].sign);
		assert_int_equal(a.auth, rows[i].auth);
		mock_close_card(&m);
	}
}

static void reads_certificates(void **state)
{
	static const struct exchange free_one[] = {
		{ SELECT_JPKI, "9000" }, { "00B08B0000", CERTIFICATE "9000" }, { 0 }
	};
	static const struct exchange behind[] = {
		{ SELECT_JPKI, "9000" }, { "00B0810000", "6982" }, { 0 }
	};
	static const struct exchange with_pin[] = {
		{ SELECT_JPKI, "9000" }, { "00B0810000", "6982" }, { "00B0880003", "8F8F009000" },
		{ "00B08600000000", "4A9000" }, { "0020009B", "63C5" }, { "0020009B06414243313233", "9000" },
		{ "00B0810000", CERTIFICATE "9000" }, { 0 }
	};
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(100);
	struct fuda_secret *s;
	struct fuda_pin_entry entry;
	struct mock_card m;

	(void)state;
	mock_open(&m, free_one);
	assert_int_equal(fuda_jpki_certificate(m.card, FUDA_JPKI_AUTH_CA, NULL, m.dl, &der), 0);
	assert_int_equal(der.len, 5);
	mock_close_card(&m);
	mock_open(&m, behind);
	assert_int_equal(fuda_jpki_certificate(m.card, FUDA_JPKI_SIGN, NULL, m.dl, &der), FUDA_ESECURITY);
	assert_int_equal(m.mock.power_offs, 0);
	mock_close_card(&m);
	assert_int_equal(fuda_secret_new("abc123", 6, &s), 0);
	entry = FUDA_PIN_ENTRY(s);
	fuda_buf_clear(&der);
	mock_open(&m, with_pin);
	assert_int_equal(fuda_jpki_certificate(m.card, FUDA_JPKI_SIGN, &entry, m.dl, &der), 0);
	assert_int_equal(der.len, 5);
	assert_int_equal(m.mock.power_offs, 1);
	mock_close_card(&m);
	fuda_secret_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs),
		cmocka_unit_test(fails_without_harm),
		cmocka_unit_test(checks_inputs_before_the_card),
		cmocka_unit_test(parses_token_information),
		cmocka_unit_test(knows_token_kinds),
		cmocka_unit_test(reads_availability),
		cmocka_unit_test(reads_certificates),
	};

	return RUN(tests);
}
