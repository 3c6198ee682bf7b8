/* SPDX-License-Identifier: Apache-2.0 */
/* The faults that the software wallet can have: each is the one that it says, and no other. */
#include "tests/softwallet.h"

#include <string.h>
#include "tests/cmocka.h"

enum { TEXT_MAX = 4096 };

#define NUMBER SPACE_JP "/individual_number_unicode"

static const char *const several[] = { SPACE_JP "/full_name_unicode",
				       SPACE_JP "/birth_date_unicode", SPACE_JP "/portrait",
				       SPACE_GLOBAL "/age_over_20", NULL };

/* Those of responses that can be read. */
static void faults(void **state)
{
	static const struct {
		const char *setting;
		bool other_session, wrong_digest;
		size_t count;
	} cases[] = {
		{ "fault = none\n", false, false, 4 },
		{ "fault = session\n", true, false, 4 },
		{ "fault = session\nanswer-with = mac\n", true, false, 4 },
		{ "fault = digest\n", false, true, 4 },
		{ "fault = unrequested\n", false, false, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vcard *v = softwallet_on(cases[i].setting);
		static struct device_response response;
		struct fuda_buf bytes;
		struct cbor value;
		struct counter c;

		counter_negotiate(&c, v);
		bytes = counter_get(&c, several, &response);
		assert_int_equal(response.document_count, 1);
		assert_int_equal(counter_count(&response.documents[0]), cases[i].count);
		assert_int_equal(counter_shown(&response.documents[0], NUMBER, &value),
				 cases[i].count == 5);
		assert_int_equal(!counter_device_good(&c, &response.documents[0]),
				 cases[i].other_session);
		assert_int_equal(!counter_digests_good(&response.documents[0]),
				 cases[i].wrong_digest);
		fuda_buf_free(&bytes);
		counter_free(&c);
		softwallet_off(&v);
	}
}

/* Faults of which there is no response to look at. */
static void no_response(void **state)
{
	struct fuda_buf request = FUDA_BUF_INIT(TEXT_MAX), bytes;
	struct vcard *v = softwallet_on("fault = status\n");
	static struct device_response response;
	struct counter c;
	uint64_t status;

	(void)state;
	counter_negotiate(&c, v);
	bytes = counter_get(&c, several, &response);
	assert_int_equal(response.status, RESPONSE_GENERAL_ERROR);
	assert_int_equal(response.document_count, 0);
	fuda_buf_free(&bytes);
	counter_free(&c);
	softwallet_off(&v);

	v = softwallet_on("fault = termination\n");
	counter_negotiate(&c, v);
	counter_request(DOCTYPE, several, &request);
	bytes = counter_ask(&c, &request, &status);
	assert_int_equal(status, SESSION_TERMINATION);
	assert_int_equal(bytes.len, 0);
	counter_free(&c);
	softwallet_off(&v);
	fuda_buf_free(&request);
}

/* The answer is encrypted wrongly. */
static void wrong_cipher(void **state)
{
	struct fuda_buf request = FUDA_BUF_INIT(TEXT_MAX), plain;
	struct vcard *v = softwallet_on("fault = cipher\n");
	struct counter c;
	uint64_t status;

	(void)state;
	counter_negotiate(&c, v);
	c.unreadable = true;
	counter_request(DOCTYPE, several, &request);
	plain = counter_ask(&c, &request, &status);
	assert_int_equal(plain.len, 0);
	fuda_buf_free(&request);
	counter_free(&c);
	softwallet_off(&v);
}

/* Other documents than it has are not there, but with a fault. */
static void doctypes(void **state)
{
	static const char other[] = "org.iso.18013.5.1.mDL";

	(void)state;
	for (int fault = 0; fault < 2; fault++) {
		struct vcard *v = softwallet_on(fault ? "fault = any-doctype\n" : "");
		struct fuda_buf request = FUDA_BUF_INIT(TEXT_MAX), bytes;
		static struct device_response response;
		const char *why = NULL;
		struct counter c;
		uint64_t status;

		counter_negotiate(&c, v);
		counter_request(other, several, &request);
		bytes = counter_ask(&c, &request, &status);
		assert_int_equal(response_read(cur_of(bytes.data, bytes.len), &response, &why), 0);
		assert_int_equal(response.document_count, fault);
		if (fault)
			assert_memory_equal(response.documents[0].doctype.p, other, strlen(other));
		fuda_buf_free(&request);
		fuda_buf_free(&bytes);
		counter_free(&c);
		softwallet_off(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults),
		cmocka_unit_test(no_response),
		cmocka_unit_test(wrong_cipher),
		cmocka_unit_test(doctypes),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softwallet_setup, softwallet_teardown);
}
