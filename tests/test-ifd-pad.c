/* SPDX-License-Identifier: Apache-2.0 */
/* Part 10 of PC/SC by IFDHControl(): PINs on the keys of a reader, over a driver that does as it is told. Linked with
 * --wrap=device_driver. */
#include "tests/ifd-fake.h"

#include <PCSC/reader.h>
#include <stdlib.h>
#include <string.h>

#include "reader/pad.h"

#define VERIFY_CODE fake_feature(FEATURE_VERIFY_PIN_DIRECT)
#define MODIFY_CODE fake_feature(FEATURE_MODIFY_PIN_DIRECT)

/* readers.md A5; 30 seconds */
static const UCHAR verify[] = { 0x1E, 0x1E, 0x82, 0x04, 0x00, 0x04, 0x04, 0x02, 0x01, 0x09, 0x04, 0x00, 0x00, 0x00,
				0x00, 0x09, 0x00, 0x00, 0x00,
				0x00, 0x20, 0x00, 0x98, 0x04, 0xFF, 0xFF, 0xFF, 0xFF };
static const UCHAR modify[] = { 0x1E, 0x1E, 0x82, 0x04, 0x00, 0x00, 0x04, 0x04, 0x04, 0x03, 0x02, 0x03, 0x09, 0x04,
				0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x0D, 0x00, 0x00, 0x00,
				0x00, 0x24, 0x00, 0x98, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };

static void open_pad(unsigned pad)
{
	fakes[0].pad = pad;
	fakes[0].display = 0x0210; /* two lines of 16 */
	fake_open(0, 0);
}

/* Sends exactly `len` bytes with room for exactly `room`; `*ret_sw` is the answer, 0 for none. */
static RESPONSECODE ask(DWORD code, const UCHAR *bytes, size_t len, size_t room, unsigned *ret_sw)
{
	UCHAR *sent = malloc(len ? len : 1), *answer = malloc(room ? room : 1);
	DWORD got = 99;
	RESPONSECODE r;

	assert_non_null(sent);
	assert_non_null(answer);
	if (len)
		memcpy(sent, bytes, len);
	r = IFDHControl(LUN(0), code, sent, len, answer, room, &got);
	*ret_sw = 0;
	if (r == IFD_SUCCESS) {
		assert_int_equal(got, 2);
		*ret_sw = (unsigned)answer[0] << 8 | answer[1];
	} else {
		assert_int_equal(got, 0);
	}
	free(sent);
	free(answer);
	return r;
}

/* ---- what there is ---- */

static void lists_what_there_is(void **state)
{
	static const struct {
		unsigned pad;
		UCHAR features[5];
	} rows[] = {
		{ 0, { FEATURE_GET_TLV_PROPERTIES } },
		{ READER_PAD_VERIFY,
		  { FEATURE_VERIFY_PIN_DIRECT, FEATURE_IFD_PIN_PROPERTIES, FEATURE_GET_TLV_PROPERTIES } },
		{ READER_PAD_MODIFY,
		  { FEATURE_MODIFY_PIN_DIRECT, FEATURE_IFD_PIN_PROPERTIES, FEATURE_GET_TLV_PROPERTIES } },
		{ READER_PAD_VERIFY | READER_PAD_MODIFY,
		  { FEATURE_VERIFY_PIN_DIRECT, FEATURE_MODIFY_PIN_DIRECT, FEATURE_IFD_PIN_PROPERTIES,
		    FEATURE_GET_TLV_PROPERTIES } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		UCHAR got[64];
		DWORD len = 99;
		size_t n;

		open_pad(rows[i].pad);
		assert_int_equal(IFDHControl(LUN(0), CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, got, sizeof(got), &len),
				 IFD_SUCCESS);
		for (n = 0; rows[i].features[n]; n++) {
			DWORD code = fake_feature(rows[i].features[n]);
			const UCHAR tlv[] = { rows[i].features[n], 4, (UCHAR)(code >> 24), (UCHAR)(code >> 16),
					      (UCHAR)(code >> 8), (UCHAR)code };

			assert_in_range(6 * (n + 1), 6, len);
			assert_memory_equal(got + 6 * n, tlv, sizeof(tlv));
		}
		assert_int_equal(len, 6 * n);
		assert_int_equal(IFDHCloseChannel(LUN(0)), IFD_SUCCESS);
	}
}

static void tells_of_the_pad(void **state)
{
	UCHAR got[64];
	DWORD len = 99;

	(void)state;
	open_pad(READER_PAD_VERIFY);
	assert_int_equal(IFDHControl(LUN(0), fake_feature(FEATURE_IFD_PIN_PROPERTIES), NULL, 0, got, sizeof(got), &len),
			 IFD_SUCCESS);
	assert_int_equal(len, 4);
	assert_memory_equal(got, "\x10\x02\x07\x00", 4); /* PIN_PROPERTIES_STRUCTURE, little endian */
	assert_int_equal(IFDHControl(LUN(0), fake_feature(FEATURE_GET_TLV_PROPERTIES), NULL, 0, got, sizeof(got), &len),
			 IFD_SUCCESS);
	assert_int_equal(len, 4 + 3 + 3 + 14);
	assert_memory_equal(got, "\x01\x02\x10\x02" "\x02\x01\x07" "\x03\x01\x00" "\x0A\x04", 12);
}

/* A reader without a pad, or with half a one, does not know the codes of the rest. */
static void has_no_pad(void **state)
{
	unsigned sw;

	(void)state;
	open_pad(0);
	fake_power(0);
	assert_int_equal(ask(VERIFY_CODE, verify, sizeof(verify), 2, &sw), IFD_ERROR_NOT_SUPPORTED);
	assert_int_equal(ask(MODIFY_CODE, modify, sizeof(modify), 2, &sw), IFD_ERROR_NOT_SUPPORTED);
	assert_int_equal(ask(fake_feature(FEATURE_IFD_PIN_PROPERTIES), NULL, 0, 4, &sw), IFD_ERROR_NOT_SUPPORTED);
	assert_int_equal(IFDHCloseChannel(LUN(0)), IFD_SUCCESS);
	open_pad(READER_PAD_MODIFY);
	fake_power(0);
	assert_int_equal(ask(VERIFY_CODE, verify, sizeof(verify), 2, &sw), IFD_ERROR_NOT_SUPPORTED);
	assert_int_equal(IFDHCloseChannel(LUN(0)), IFD_SUCCESS);
	open_pad(READER_PAD_VERIFY);
	fake_power(0);
	assert_int_equal(ask(MODIFY_CODE, modify, sizeof(modify), 2, &sw), IFD_ERROR_NOT_SUPPORTED);
	assert_int_equal(fakes[0].secures, 0);
}

/* ---- an entry ---- */

/* The status word is handed on, whoever gave it. */
static void hands_answers_over(void **state)
{
	static const uint16_t words[] = { 0x9000, 0x63C2, 0x6984, 0x6400, 0x6401, 0x6402, 0x6403, 0x6F00 };
	unsigned sw;

	(void)state;
	open_pad(READER_PAD_VERIFY | READER_PAD_MODIFY);
	fake_power(0);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		fakes[0].typed = words[i];
		fakes[0].secures = 0;
		assert_int_equal(ask(VERIFY_CODE, verify, sizeof(verify), 2, &sw), IFD_SUCCESS);
		assert_int_equal(sw, words[i]);
		assert_false(fakes[0].modify);
		assert_int_equal(fakes[0].asked_len, sizeof(verify));
		assert_int_equal(ask(MODIFY_CODE, modify, sizeof(modify), 300, &sw), IFD_SUCCESS);
		assert_int_equal(sw, words[i]);
		assert_true(fakes[0].modify);
		assert_int_equal(fakes[0].asked_len, sizeof(modify));
		assert_int_equal(fakes[0].secures, 2);
	}
	assert_int_equal(fakes[0].transmits, 0);
}

/* In one buffer, as programs do; for as long as they say. */
static void leaves_time(void **state)
{
	static const struct {
		UCHAR seconds;
		int least;
	} rows[] = { { 0, 60000 }, { 1, 60000 }, { 30, 60000 }, { 120, 125000 }, { 255, 260000 } };
	UCHAR both[sizeof(verify)];
	DWORD len;

	(void)state;
	open_pad(READER_PAD_VERIFY);
	fake_power(0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(both, verify, sizeof(both));
		both[0] = rows[i].seconds;
		assert_int_equal(IFDHControl(LUN(0), VERIFY_CODE, both, sizeof(both), both, sizeof(both), &len),
				 IFD_SUCCESS);
		assert_int_equal(len, 2);
		assert_in_range(fakes[0].patience, rows[i].least, 270000);
	}
}

/* Whatever goes wrong, nobody is asked again. */
static void fails_once(void **state)
{
	static const struct {
		int e;
		RESPONSECODE code;
	} errors[] = {
#define X(name, text, status, pkcs11, ifd) { FUDA_##name, ifd },
#include <fuda/err.def>
#undef X
	};
	unsigned sw;

	(void)state;
	open_pad(READER_PAD_VERIFY);
	fake_power(0);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fakes[0].secures = 0;
		fakes[0].secure_error = errors[i].e;
		assert_int_equal(ask(VERIFY_CODE, verify, sizeof(verify), 2, &sw), errors[i].code);
		assert_int_equal(fakes[0].secures, 1);
	}
}

/* ---- nobody is asked to type ---- */

static void refuses_nonsense(void **state)
{
	UCHAR bad[sizeof(modify) + 300];
	unsigned sw;

	(void)state;
	open_pad(READER_PAD_VERIFY | READER_PAD_MODIFY);
	fake_power(0);
	memset(bad, 0, sizeof(bad));
	memcpy(bad, verify, sizeof(verify));
	for (size_t n = 0; n < sizeof(bad); n++)
		if (n != sizeof(verify))
			assert_int_equal(ask(VERIFY_CODE, bad, n, 2, &sw), IFD_NOT_SUPPORTED);
	memcpy(bad, modify, sizeof(modify));
	for (size_t n = 0; n < sizeof(bad); n++)
		if (n != sizeof(modify))
			assert_int_equal(ask(MODIFY_CODE, bad, n, 2, &sw), IFD_NOT_SUPPORTED);
	/* the one for the other */
	assert_int_equal(ask(VERIFY_CODE, modify, sizeof(modify), 2, &sw), IFD_NOT_SUPPORTED);
	assert_int_equal(ask(MODIFY_CODE, verify, sizeof(verify), 2, &sw), IFD_NOT_SUPPORTED);
	/* a length, and nothing there */
	assert_int_equal(IFDHControl(LUN(0), VERIFY_CODE, NULL, sizeof(verify), bad, 2, &(DWORD){ 0 }),
			 IFD_NOT_SUPPORTED);
	assert_int_equal(fakes[0].secures, 0);
}

static void refuses_what_has_no_room(void **state)
{
	UCHAR structure[sizeof(verify)], answer[2];
	DWORD got = 99;
	unsigned sw;

	(void)state;
	memcpy(structure, verify, sizeof(verify));
	open_pad(READER_PAD_VERIFY);
	fake_power(0);
	for (size_t room = 0; room < 2; room++)
		assert_int_equal(ask(VERIFY_CODE, verify, sizeof(verify), room, &sw), IFD_ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(IFDHControl(LUN(0), VERIFY_CODE, structure, sizeof(structure), NULL, 100, &got),
			 IFD_ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(got, 0);
	assert_int_equal(IFDHControl(LUN(0), VERIFY_CODE, structure, sizeof(structure), answer, 2, NULL),
			 IFD_COMMUNICATION_ERROR);
	assert_int_equal(fakes[0].secures, 0);
}

static void refuses_without_power(void **state)
{
	unsigned sw;

	(void)state;
	open_pad(READER_PAD_VERIFY);
	assert_int_equal(ask(VERIFY_CODE, verify, sizeof(verify), 2, &sw), IFD_ICC_NOT_PRESENT); /* nobody has looked */
	assert_int_equal(IFDHICCPresence(LUN(0)), IFD_ICC_PRESENT);
	assert_int_equal(ask(VERIFY_CODE, verify, sizeof(verify), 2, &sw), IFD_COMMUNICATION_ERROR);
	fake_power(0);
	assert_int_equal(ask(VERIFY_CODE, verify, sizeof(verify), 2, &sw), IFD_SUCCESS);
	fakes[0].card = false;
	assert_int_equal(IFDHICCPresence(LUN(0)), IFD_ICC_NOT_PRESENT);
	assert_int_equal(ask(VERIFY_CODE, verify, sizeof(verify), 2, &sw), IFD_ICC_NOT_PRESENT);
	assert_int_equal(IFDHCloseChannel(LUN(0)), IFD_SUCCESS);
	assert_int_equal(ask(VERIFY_CODE, verify, sizeof(verify), 2, &sw), IFD_COMMUNICATION_ERROR);
	assert_int_equal(fakes[0].secures, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		T(lists_what_there_is),
		T(tells_of_the_pad),
		T(has_no_pad),
		T(hands_answers_over),
		T(leaves_time),
		T(fails_once),
		T(refuses_nonsense),
		T(refuses_what_has_no_room),
		T(refuses_without_power),
	};

	return RUN(tests);
}
