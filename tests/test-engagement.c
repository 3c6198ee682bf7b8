/* SPDX-License-Identifier: Apache-2.0 */
/* Device engagement: what is taken, what is refused, and its form in QR codes. */
#include <fuda/encode.h>
#include <fuda/mdoc.h>

#include "mdoc/engagement.h"
#include "tests/cmocka.h"

/* The key is looked at when it is used: here it is an empty map. */
#define KEY       "D81841A0"
#define SECURITY  "018201" KEY
#define V_1_0     "0063312E30"
#define NFC       "83 01 01 A2 00 19FFFF 01 1A00010000"
#define BLE       "83 02 01 A2 00F4 01F5"
#define OF(count) "A" #count V_1_0 SECURITY

static struct cursor decoded(struct fuda_buf *bytes, const char *hex)
{
	fuda_buf_clear(bytes);
	assert_int_equal(fuda_hex_decode(hex, bytes), 0);
	return cur_of(bytes->data, bytes->len);
}

static void reads(void **state)
{
	static const struct {
		const char *what, *hex;
		int error;
		size_t methods;
	} rows[] = {
		{ "no method", OF(2), 0, 0 },
		{ "of version 1.1", "A20063312E31" SECURITY, 0, 0 },
		{ "of version 1.10", "A20064312E3130" SECURITY, 0, 0 },
		{ "of version 2.0", "A20063322E30" SECURITY, FUDA_ENOTSUP, 0 },
		{ "of version 10", "A200623130" SECURITY, FUDA_ENOTSUP, 0 },
		{ "of version 1.", "A20062312E" SECURITY, FUDA_ENOTSUP, 0 },
		{ "of version 1.x", "A20063312E78" SECURITY, FUDA_ENOTSUP, 0 },
		{ "of version 1.0a", "A20064312E3061" SECURITY, FUDA_ENOTSUP, 0 },
		{ "of a version that is a number", "A20001" SECURITY, FUDA_EFORMAT, 0 },
		{ "of no version", "A1" SECURITY, FUDA_EFORMAT, 0 },
		{ "no security", "A1" V_1_0, FUDA_EFORMAT, 0 },
		{ "another cipher suite", "A2" V_1_0 "018202" KEY, FUDA_ENOTSUP, 0 },
		{ "a negative one", "A2" V_1_0 "018220" KEY, FUDA_EFORMAT, 0 },
		{ "no key", "A2" V_1_0 "018101", FUDA_EFORMAT, 0 },
		{ "a key that is not embedded", "A2" V_1_0 "018201A0", FUDA_EFORMAT, 0 },
		{ "a key that is not CBOR", "A2" V_1_0 "018201D81841FF", FUDA_EFORMAT, 0 },
		{ "NFC", OF(3) "0281" NFC, 0, 1 },
		{ "Bluetooth and NFC", OF(3) "0282" BLE NFC, 0, 2 },
		{ "a method not known", OF(3) "0281831863186400", 0, 1 },
		{ "NFC of another version", OF(3) "028183010200", 0, 1 },
		{ "NFC without options", OF(3) "0281820101", FUDA_EFORMAT, 0 },
		{ "NFC without a maximum", OF(3) "0281830101A10019FFFF", FUDA_EFORMAT, 0 },
		{ "a longer command", OF(3) "0281830101A2001A00010000011A00010000", FUDA_EFORMAT,
		  0 },
		{ "the shortest commands and responses", OF(3) "0281830101A20018FF01190100", 0, 1 },
		{ "shorter commands", OF(3) "0281830101A20018FE01190100", FUDA_EFORMAT, 0 },
		{ "shorter responses", OF(3) "0281830101A20018FF0118FF", FUDA_EFORMAT, 0 },
		{ "none", OF(3) "0281830101A200000100", FUDA_EFORMAT, 0 },
		{ "a longer response", OF(3) "0281830101A20019FFFF011A00010001", FUDA_EFORMAT, 0 },
		{ "methods that are a map", OF(3) "02A0", FUDA_EFORMAT, 0 },
		{ "a method that is a number", OF(3) "028101", FUDA_EFORMAT, 0 },
		{ "eight methods", OF(3) "0288" BLE BLE BLE BLE BLE BLE BLE BLE, 0, 8 },
		{ "nine", OF(3) "0289" BLE BLE BLE BLE BLE BLE BLE BLE BLE, FUDA_EFORMAT, 0 },
		{ "what is not known", OF(3) "0580", 0, 0 },
		{ "bytes behind it", OF(2) "00", FUDA_EFORMAT, 0 },
		{ "the same twice", "A3" V_1_0 V_1_0 SECURITY, FUDA_EFORMAT, 0 },
		{ "nothing", "", FUDA_EFORMAT, 0 },
	};
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(ENGAGEMENT_MAX);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct engagement e = { .method_count = 77 };

		print_message("%s\n", rows[i].what);
		assert_int_equal(engagement_read(decoded(&bytes, rows[i].hex), &e), rows[i].error);
		assert_int_equal(e.method_count, rows[i].error ? 77 : rows[i].methods);
	}
}

static void tells_limits(void **state)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(ENGAGEMENT_MAX);
	struct engagement e;

	(void)state;
	assert_int_equal(engagement_read(decoded(&bytes, OF(3) "0282" BLE NFC), &e), 0);
	assert_int_equal(e.device_key.left, 1);
	assert_int_equal(e.methods[0].type, RETRIEVAL_BLE);
	assert_int_equal(e.methods[0].max_command, 0);
	assert_int_equal(e.methods[1].type, RETRIEVAL_NFC);
	assert_int_equal(e.methods[1].max_command, 65535);
	assert_int_equal(e.methods[1].max_response, 65536);
}

/* One of a version that is not known here is none to go on with; a later one may be. */
static void offers_nfc(void **state)
{
#define OTHER "83 01 02 A2 00 1903E8 01 1903E9"
	static const struct {
		const char *what, *hex;
		int error;
	} rows[] = {
		{ "NFC", OF(3) "0281" NFC, 0 },
		{ "behind Bluetooth", OF(3) "0282" BLE NFC, 0 },
		{ "behind that of another version", OF(3) "0282" OTHER NFC, 0 },
		{ "before it", OF(3) "0282" NFC OTHER, 0 },
		{ "of another version alone", OF(3) "0281" OTHER, FUDA_ENOTSUP },
		{ "Bluetooth alone", OF(3) "0281" BLE, FUDA_ENOTSUP },
		{ "nothing", OF(2), FUDA_ENOTSUP },
	};
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(ENGAGEMENT_MAX);
	struct fuda_context *ctx;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cursor c = decoded(&bytes, rows[i].hex);
		size_t command = 77, response = 77;

		print_message("%s\n", rows[i].what);
		assert_int_equal(fuda_mdoc_engagement_nfc(ctx,
							  (struct fuda_mdoc_span){ c.p, c.left },
							  &command, &response),
				 rows[i].error);
		assert_int_equal(command, rows[i].error ? 77 : 65535);
		assert_int_equal(response, rows[i].error ? 77 : 65536);
	}
	fuda_context_free(&ctx);
}

static void reads_codes(void **state)
{
	static const struct {
		const char *text;
		int error;
	} rows[] = {
		{ "mdoc:ogBjMS4w", 0 },
		{ "MDOC:ogBjMS4w", 0 },
		{ " \t\r\nmdoc:ogBjMS4w\n", 0 },
		{ "mdoc:", FUDA_EFORMAT },
		{ "mdoc://ogBjMS4w", FUDA_EFORMAT },
		{ "ogBjMS4w", FUDA_EFORMAT },
		{ "mdoc:ogBj MS4w", FUDA_EFORMAT },
		{ "mdoc:ogBj*S4w", FUDA_EFORMAT },
		{ "mdl:ogBjMS4w", FUDA_EFORMAT },
		{ "  ", FUDA_EFORMAT },
		{ "", FUDA_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(ENGAGEMENT_MAX), text = bytes;

		print_message("\"%s\"\n", rows[i].text);
		assert_int_equal(engagement_from_uri(rows[i].text, strlen(rows[i].text), &bytes),
				 rows[i].error);
		if (rows[i].error)
			continue;
		assert_int_equal(engagement_uri(cur_of(bytes.data, bytes.len), &text), 0);
		assert_int_equal(text.len, strlen("mdoc:ogBjMS4w"));
		assert_memory_equal(text.data, "mdoc:ogBjMS4w", text.len);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(tells_limits),
		cmocka_unit_test(offers_nfc),
		cmocka_unit_test(reads_codes),
	};

	return RUN(tests);
}
