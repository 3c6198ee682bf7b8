/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the software wallet and its answers, over both handovers and a QR code: mdoc.md 1.2
 * to 1.4. */
#include "tests/softwallet.h"

#include <fuda/encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/cmocka.h"

enum { TEXT_MAX = 4096 };
#define STATUS(number) "A166737461747573" number

#define NAME     SPACE_JP "/full_name_unicode"
#define BIRTH    SPACE_JP "/birth_date_unicode"
#define PORTRAIT SPACE_JP "/portrait"
#define OVER_20  SPACE_GLOBAL "/age_over_20"

static const char *const name_only[] = { NAME, NULL };
static const char *const several[] = { NAME, BIRTH, PORTRAIT, OVER_20, NULL };

typedef void engage_fn(struct counter *c, struct vcard *v);

/* What was asked for is there, and no more; and it belongs to this session. */
static void check(struct counter *c, const struct device_response *response)
{
	const struct document *document = &response->documents[0];
	struct cbor value;

	assert_int_equal(response->status, RESPONSE_OK);
	assert_int_equal(response->document_count, 1);
	assert_int_equal(document->doctype.left, strlen(DOCTYPE));
	assert_memory_equal(document->doctype.p, DOCTYPE, strlen(DOCTYPE));
	assert_int_equal(counter_count(document), 4);
	assert_true(counter_shown(document, NAME, &value));
	assert_true(cbor_is_text(&value, SAMPLE_NAME));
	assert_true(counter_shown(document, BIRTH, &value));
	assert_true(cbor_is_text(&value, "1990年5月15日"));
	assert_true(counter_shown(document, PORTRAIT, &value));
	assert_int_equal(value.type, CBOR_BYTES);
	assert_true(counter_shown(document, OVER_20, &value));
	assert_true(cbor_is(&value, CBOR_SIMPLE) && value.number == CBOR_TRUE);
	assert_true(counter_digests_good(document));
	assert_true(counter_device_good(c, document));
}

static void tap(engage_fn *engage, const char *settings, bool by_mac)
{
	struct vcard *v = softwallet_on(settings);
	static struct device_response response;
	struct fuda_buf bytes;
	struct counter c;

	engage(&c, v);
	bytes = counter_get(&c, several, &response);
	check(&c, &response);
	assert_int_equal(response.documents[0].by_mac, by_mac);
	fuda_buf_free(&bytes);
	counter_free(&c);
	softwallet_off(&v);
}

static void taps(void **state)
{
	(void)state;
	tap(counter_negotiate, "", false);
	tap(counter_negotiate, "answer-with = mac\n", true);
	tap(counter_static, "handover = static\n", false);
	tap(counter_static, "handover = static\nanswer-with = mac\n", true);
}

static char *show_code(void)
{
	struct fuda_buf uri = FUDA_BUF_INIT(TEXT_MAX);
	char why[256] = "", *text;

	if (vcard_qr(softwallet_dir(), &uri, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	text = strndup((const char *)uri.data, uri.len);
	assert_non_null(text);
	fuda_buf_free(&uri);
	return text;
}

/* The code of a wallet that is played already; it is good once, and a newer one replaces it. */
static void code(void **state)
{
	struct vcard *v = softwallet_on("");
	static struct device_response response;
	char *old = show_code(), *uri = show_code();
	struct fuda_buf bytes;
	struct counter c;
	struct stat st;

	(void)state;
	assert_string_not_equal(old, uri);
	assert_int_equal(stat(softwallet_path("engagement.pem"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	counter_qr(&c, v, uri);
	bytes = counter_get(&c, several, &response);
	check(&c, &response);
	fuda_buf_free(&bytes);
	counter_free(&c);
	assert_int_equal(access(softwallet_path("engagement.pem"), F_OK), -1);
	expect(v, SELECT_MDOC, "6985");
	free(old);
	free(uri);
	softwallet_off(&v);
}

/* A card has no engagement; nor has a folder of nothing. */
static void no_code(void **state)
{
	static const struct {
		const char *conf;
		int code;
	} cases[] = {
		{ "kind = card\n", FUDA_EINVAL },
		{ "kind = telephone\n", FUDA_EFORMAT },
		{ NULL, FUDA_EFILE },
	};
	struct fuda_buf uri = FUDA_BUF_INIT(TEXT_MAX);
	char dir[] = "/tmp/fuda-test-XXXXXX", path[64], why[256];
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/card.conf", dir);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unlink(path);
		f = cases[i].conf ? fopen(path, "w") : NULL;
		if (f) {
			fputs(cases[i].conf, f);
			fclose(f);
		}
		*why = 0;
		assert_int_equal(vcard_qr(dir, &uri, why, sizeof(why)), cases[i].code);
		assert_true(*why);
	}
	unlink(path);
	rmdir(dir);
	assert_int_equal(vcard_qr(dir, &uri, why, sizeof(why)), FUDA_ENOREADER);
	assert_int_equal(uri.len, 0);
}

/* All sizes of pieces give the same; `answers`: in how many the response comes. */
static void pieces(void **state)
{
	static const struct {
		const char *settings;
		size_t piece;
		unsigned le;
		size_t least, most;
	} cases[] = {
		{ "", 0, 0, 20, 60 },
		{ "", 1, 256, 20, 60 },
		{ "", 4096, 65536, 1, 1 },
		{ "nfc-response = 1000\n", 0, 65536, 5, 20 },
		{ "", 0, 7, 800, 3000 },
		{ "wrong-61 = yes\n", 0, 37, 2, 2 },
		{ "wrong-61 = yes\n", 0, 65536, 2, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vcard *v = softwallet_on(cases[i].settings);
		static struct device_response response;
		struct fuda_buf bytes;
		struct counter c;

		counter_negotiate(&c, v);
		c.piece = cases[i].piece;
		c.le = cases[i].le;
		bytes = counter_get(&c, several, &response);
		check(&c, &response);
		assert_in_range(c.answers, cases[i].least, cases[i].most);
		fuda_buf_free(&bytes);
		counter_free(&c);
		softwallet_off(&v);
	}
}

static void consent(void **state)
{
	static const struct {
		const char *settings;
		size_t shown;
	} cases[] = {
		{ "consent = all\n", 4 },
		{ "consent = none\n", 0 },
		{ "consent = full_name_unicode,age_over_20\n", 2 },
		{ "consent = full_name, portrait\n", 1 },
		{ "consent = individual_number_unicode\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vcard *v = softwallet_on(cases[i].settings);
		static struct device_response response;
		size_t shown = 0;
		struct fuda_buf bytes;
		struct counter c;

		counter_negotiate(&c, v);
		bytes = counter_get(&c, several, &response);
		assert_int_equal(response.status, RESPONSE_OK);
		for (size_t d = 0; d < response.document_count; d++)
			shown += counter_count(&response.documents[d]);
		assert_int_equal(shown, cases[i].shown);
		fuda_buf_free(&bytes);
		counter_free(&c);
		softwallet_off(&v);
	}
}

/* A second request in one session, after which the reader ends it. */
static void again(void **state)
{
	static const char termination[] = STATUS("14");
	struct fuda_buf message = FUDA_BUF_INIT(TEXT_MAX), answer, bytes;
	struct vcard *v = softwallet_on("");
	static struct device_response response;
	struct counter c;

	(void)state;
	counter_negotiate(&c, v);
	for (int i = 0; i < 3; i++) {
		bytes = counter_get(&c, i == 1 ? name_only : several, &response);
		if (i != 1)
			check(&c, &response);
		else
			assert_int_equal(counter_count(&response.documents[0]), 1);
		fuda_buf_free(&bytes);
	}
	assert_int_equal(fuda_hex_decode(termination, &message), 0);
	answer = counter_transfer(&c, cur_of(message.data, message.len));
	assert_int_equal(answer.len, 0);
	fuda_buf_free(&answer);
	/* to the next message there is nothing but that it ended */
	answer = counter_transfer(&c, cur_of(message.data, message.len));
	assert_memory_equal(answer.data, message.data, message.len);
	fuda_buf_free(&answer);
	expect(v, SELECT_MDOC, "6985");
	fuda_buf_free(&message);
	counter_free(&c);
	softwallet_off(&v);
}

/* A message that ends the session with a status, and all that follows with 20. */
static void ended_by(struct counter *c, struct cursor message, const char *status)
{
	struct fuda_buf answer = counter_transfer(c, message);
	char hex[64];

	assert_in_range(answer.len, 1, 31);
	fuda_hex_encode(answer.data, answer.len, hex);
	assert_string_equal(hex, status);
	fuda_buf_free(&answer);
	answer = counter_transfer(c, message);
	fuda_hex_encode(answer.data, answer.len, hex);
	assert_string_equal(hex, STATUS("14"));
	fuda_buf_free(&answer);
}

/* What is no SessionEstablishment: mdoc.md 1.2. */
static void not_established(void **state)
{
	static const struct {
		const char *message, *status;
	} cases[] = {
		{ "00", STATUS("0B") },
		{ "A0", STATUS("0B") },
		{ "FF", STATUS("0B") },
		{ "A1646461746141AA", STATUS("0B") }, /* SessionData comes later */
		{ STATUS("14"), STATUS("0B") },
		{ "A26A655265616465724B6579D81841A0646461746141AA", STATUS("0A") }, /* no key */
		{ "A26A655265616465724B6579D8184100646461746141AA", STATUS("0A") },
		{ "A26A655265616465724B6579D81841FF646461746141AA", STATUS("0B") },
		{ "A26A655265616465724B657941A0646461746141AA", STATUS("0B") }, /* without tag */
		{ "A26A655265616465724B6579D81841A0646461746141AA00", STATUS("0B") },
		{ "A26A655265616465724B6579D81841A0646461746141", STATUS("0B") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_buf message = FUDA_BUF_INIT(TEXT_MAX);
		struct vcard *v = softwallet_on("");
		struct counter c;

		counter_negotiate(&c, v);
		expect(v, SELECT_MDOC, "9000");
		assert_int_equal(fuda_hex_decode(cases[i].message, &message), 0);
		ended_by(&c, cur_of(message.data, message.len), cases[i].status);
		fuda_buf_free(&message);
		counter_free(&c);
		softwallet_off(&v);
	}
}

/* Keys with which there is no session: on another curve, on none, of another session. */
static void wrong_keys(void **state)
{
	static const enum curve curves[] = { CURVE_P384, CURVE_ED25519, CURVE_P256, CURVE_P256 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		struct fuda_buf key = FUDA_BUF_INIT(TEXT_MAX), message = FUDA_BUF_INIT(TEXT_MAX);
		struct cbor_out out = CBOR_OUT(&key);
		struct private_key *other = NULL;
		struct vcard *v = softwallet_on("");
		uint8_t data[64] = { 0 };
		struct counter c;

		counter_negotiate(&c, v);
		expect(v, SELECT_MDOC, "9000");
		assert_int_equal(private_new(curves[i], &other), 0);
		assert_int_equal(cose_key_put(&out, private_public(other)), 0);
		if (i == 2)
			key.data[key.len - 1] ^= 1; /* off the curve */
		assert_int_equal(session_put_establishment(cur_of(key.data, key.len),
							   cur_of(data, sizeof(data)), &message),
				 0);
		ended_by(&c, cur_of(message.data, message.len), STATUS("0A"));
		private_free(&other);
		fuda_buf_free(&key);
		fuda_buf_free(&message);
		counter_free(&c);
		softwallet_off(&v);
	}
}

/* Once there is a session: messages that are not of it. */
static void not_of_session(void **state)
{
	static const struct {
		const char *message, *status;
	} cases[] = {
		{ "A1646461746158110000000000000000000000000000000000", STATUS("0A") },
		{ "A1646461746141AA", STATUS("0A") },
		{ "A0", STATUS("0B") },
		{ "00", STATUS("0B") },
		{ "", STATUS("0B") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_buf message = FUDA_BUF_INIT(TEXT_MAX), bytes;
		struct vcard *v = softwallet_on("");
		static struct device_response response;
		struct counter c;

		counter_negotiate(&c, v);
		bytes = counter_get(&c, name_only, &response);
		assert_int_equal(fuda_hex_decode(cases[i].message, &message), 0);
		ended_by(&c, cur_of(message.data, message.len), cases[i].status);
		fuda_buf_free(&bytes);
		fuda_buf_free(&message);
		counter_free(&c);
		softwallet_off(&v);
	}
}

/* Plain texts that are no requests are answered within the session, which goes on. */
static void not_requests(void **state)
{
	static const struct {
		const char *plain;
		uint64_t status;
	} cases[] = {
		{ "FF", RESPONSE_CBOR_ERROR },
		{ "A1", RESPONSE_CBOR_ERROR },
		{ "A000", RESPONSE_CBOR_ERROR },
		{ "A0", RESPONSE_CBOR_INVALID },
		{ "80", RESPONSE_CBOR_INVALID },
		{ "A16776657273696F6E63312E30", RESPONSE_CBOR_INVALID },
	};
	struct vcard *v = softwallet_on("");
	static struct device_response response;
	struct fuda_buf bytes;
	struct counter c;

	(void)state;
	counter_negotiate(&c, v);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_buf plain = FUDA_BUF_INIT(TEXT_MAX);
		const char *fault = NULL;
		uint64_t status;

		assert_int_equal(fuda_hex_decode(cases[i].plain, &plain), 0);
		bytes = counter_ask(&c, &plain, &status);
		assert_int_equal(status, SESSION_NO_STATUS);
		assert_int_equal(response_read(cur_of(bytes.data, bytes.len), &response, &fault),
				 0);
		assert_int_equal(response.status, cases[i].status);
		assert_int_equal(response.document_count, 0);
		fuda_buf_free(&bytes);
		fuda_buf_free(&plain);
	}
	bytes = counter_get(&c, several, &response);
	check(&c, &response);
	fuda_buf_free(&bytes);
	counter_free(&c);
	softwallet_off(&v);
}

#define AT_MDOC                     \
	{                           \
		SELECT_MDOC, "9000" \
	}

/* Commands of the data transfer that are not of its form. */
static void transfer(void **state)
{
	static const struct exchange commands[] = {
		AT_MDOC,
		{ "00C0000000", "6985" },
		{ "00C0010000", "6A86" },
		{ "00C00000", "6700" },
		{ "00C000000100", "6700" },
		{ "00C3000000", "6700" },
		{ "00C3010001AA00", "6A86" },
		{ "00B0000002", "6D00" },
		{ "20C3000001AA00", "6E00" },
		{ "10C0000000", "6884" },
		{ "10C3000001AA", "9000" },
		{ "00C0000000", "6985" }, /* another command ends the chain */
		{ "00C300000B"
		  "5309" STATUS("14") "00",
		  "5309" STATUS("0B") "9000" },
		{ NULL },
	};
	static const char *const objects[] = {
		"00C300000253"
		"0100", /* shorter than it says */
		"00C300000453"
		"01000000", /* longer */
		"00C300000354"
		"010000", /* another tag */
		"00C300000253"
		"8000", /* indefinite */
		"00C300000153"
		"00",
	};

	(void)state;
	for (size_t i = 0; i <= ARRAY_SIZE(objects); i++) {
		struct vcard *v = softwallet_on("");
		struct counter c;

		counter_negotiate(&c, v);
		if (i < ARRAY_SIZE(objects)) {
			expect(v, SELECT_MDOC, "9000");
			expect(v, objects[i], "6A80");
		} else {
			expect_all(v, commands);
		}
		expect(v, SELECT_MDOC, "6985"); /* the keys are gone */
		counter_free(&c);
		softwallet_off(&v);
	}
}

/* No more than was agreed on, and no message without end. */
static void too_long(void **state)
{
	struct vcard *v = softwallet_on("nfc-command = 300\n");
	uint8_t zeros[65535] = { 0 };
	struct fuda_buf none;
	struct counter c;
	uint16_t sw;

	(void)state;
	counter_negotiate(&c, v);
	expect(v, SELECT_MDOC, "9000");
	none = counter_command(v, 0x10, 0xC3, 0, cur_of(zeros, 300), 0, &sw);
	assert_int_equal(sw, 0x9000);
	fuda_buf_free(&none);
	none = counter_command(v, 0x10, 0xC3, 0, cur_of(zeros, 301), 0, &sw);
	assert_int_equal(sw, 0x6700);
	fuda_buf_free(&none);
	counter_free(&c);
	softwallet_off(&v);

	v = softwallet_on("");
	counter_negotiate(&c, v);
	expect(v, SELECT_MDOC, "9000");
	for (int i = 0; i < 3; i++) {
		none = counter_command(v, 0x10, 0xC3, 0, cur_of(zeros, sizeof(zeros)), 0, &sw);
		assert_int_equal(sw, i < 2 ? 0x9000 : 0x6700);
		fuda_buf_free(&none);
	}
	expect(v, SELECT_MDOC, "6985");
	counter_free(&c);
	softwallet_off(&v);
}

/* The field is lost, or the application is left, amid a session and amid an answer. */
static void interrupted(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct vcard *v = softwallet_on("");
		static struct device_response response;
		struct fuda_buf bytes;
		struct counter c;

		counter_negotiate(&c, v);
		c.le = 65536;
		bytes = counter_get(&c, name_only, &response);
		if (how == 0)
			vcard_reset(v);
		else if (how == 1)
			vcard_power(v, false);
		else
			expect(v, how == 2 ? SELECT_TAG : SELECT_MDOC, how == 2 ? "9000" : "6985");
		vcard_power(v, true);
		expect(v, SELECT_MDOC, "6985");
		expect(v, "00C0000000", how == 3 ? "6985" : "6D00");
		fuda_buf_free(&bytes);
		counter_free(&c);
		softwallet_off(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taps),
		cmocka_unit_test(code),
		cmocka_unit_test(no_code),
		cmocka_unit_test(pieces),
		cmocka_unit_test(consent),
		cmocka_unit_test(again),
		cmocka_unit_test(not_established),
		cmocka_unit_test(wrong_keys),
		cmocka_unit_test(not_of_session),
		cmocka_unit_test(not_requests),
		cmocka_unit_test(transfer),
		cmocka_unit_test(too_long),
		cmocka_unit_test(interrupted),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softwallet_setup, softwallet_teardown);
}
