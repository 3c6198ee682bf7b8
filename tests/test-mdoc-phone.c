/* SPDX-License-Identifier: Apache-2.0 */
/* A whole presentation: the reader's side of engagement, data transfer and session against the
 * software wallet, which has no code in common with it. */
#include <fuda/card.h>
#include <fuda/mdoc.h>
#include <stdio.h>
#include <string.h>

#include "card/card.h"
#include "tests/cmocka.h"
#include "tests/softwallet.h"

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct fuda_card *card;
static struct fuda_mdoc_phone *phone;
static struct fuda_mdoc_reader *session;

static const struct fuda_mdoc_wish wishes[] = {
	{ DOCTYPE, SPACE_JP, "full_name_unicode", false },
	{ DOCTYPE, SPACE_JP, "portrait", false },
};

static void gives(int r, int expected)
{
	if (r != expected)
		fail_msg("%s: %s", fuda_error_name(r), fuda_context_message(ctx));
}

/* The wallet after `settings`, on the reader. */
static void lay_on(const char *settings)
{
	struct vcard *v = softwallet_on(settings);
	char name[160];

	softwallet_off(&v);
	snprintf(name, sizeof(name), "virtual:%s", softwallet_dir());
	assert_int_equal(fuda_context_new(&ctx), 0);
	assert_int_equal(fuda_deadline_new(20000, &dl), 0);
	gives(fuda_card_open(ctx, name, dl, &card), 0);
}

static void take_off(void)
{
	fuda_mdoc_reader_free(&session);
	fuda_mdoc_phone_free(&phone);
	fuda_card_free(&card);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
}

static void begin(void)
{
	const struct fuda_mdoc_handover *h;

	gives(fuda_mdoc_phone_engage(card, dl, &phone), 0);
	h = fuda_mdoc_phone_handover(phone);
	gives(fuda_mdoc_reader_new(ctx, h->engagement, h->select, h->request, NULL, &session), 0);
}

/* Asks and gets a response. */
static void ask(void)
{
	struct fuda_buf request = FUDA_BUF_INIT(65536), message = FUDA_BUF_INIT(65536);
	struct fuda_buf answer = FUDA_BUF_INIT(1 << 20), response = FUDA_BUF_INIT(1 << 20);

	gives(fuda_mdoc_request(ctx, wishes, ARRAY_SIZE(wishes), NULL,
				fuda_mdoc_reader_transcript(session), &request),
	      0);
	gives(fuda_mdoc_reader_ask(session, request.data, request.len, &message), 0);
	gives(fuda_mdoc_phone_exchange(phone, message.data, message.len, dl, &answer), 0);
	gives(fuda_mdoc_reader_take(session, answer.data, answer.len, &response), 0);
	assert_string_equal(fuda_mdoc_kind(response.data, response.len), "DeviceResponse");
	assert_non_null(memmem(response.data, response.len, "portrait", strlen("portrait")));
	fuda_buf_free(&request);
	fuda_buf_free(&message);
	fuda_buf_free(&answer);
	fuda_buf_free(&response);
}

static void end(void)
{
	struct fuda_buf message = FUDA_BUF_INIT(64);

	gives(fuda_mdoc_reader_end(session, &message), 0);
	gives(fuda_mdoc_phone_exchange(phone, message.data, message.len, dl, NULL), 0);
	fuda_buf_free(&message);
}

static void presents(void **state)
{
	static const struct {
		const char *settings;
		size_t max_command, max_response;
		bool negotiated;
	} rows[] = {
		{ "", 65535, 65536, true },
		{ "handover = static\n", 65535, 65536, false },
		{ "empty-reads = 7\n", 65535, 65536, true },
		{ "handover = static\nempty-reads = 3\n", 65535, 65536, false },
		{ "nfc-command = 255\nnfc-response = 256\n", 255, 256, true },
		{ "nfc-command = 300\nnfc-response = 1000\nhandover = static\n", 300, 1000, false },
		{ "wrong-61 = yes\nnfc-response = 256\n", 65535, 256, true },
		{ "max-command = 261\nmax-response = 258\n", 255, 256, true },
		{ "max-command = 261\n", 255, 256, false },
		{ "first-command = 6F00\n", 65535, 65536, true },
		{ "answer-with = mac\n", 65535, 65536, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("%s", *rows[i].settings ? rows[i].settings : "as made\n");
		lay_on(rows[i].settings);
		begin();
		assert_int_equal(fuda_mdoc_phone_handover(phone)->max_command, rows[i].max_command);
		assert_int_equal(fuda_mdoc_phone_handover(phone)->max_response,
				 rows[i].max_response);
		assert_int_equal(fuda_mdoc_phone_handover(phone)->carriers, FUDA_MDOC_NFC);
		ask();
		ask(); /* in the same session */
		end();
		take_off();
	}
}

/* One that is lost is engaged anew. */
static void begins_anew(void **state)
{
	static const uint8_t message[] = { 0xA0 };
	struct fuda_buf answer = FUDA_BUF_INIT(1024);

	(void)state;
	lay_on("");
	begin();
	assert_int_equal(fuda_card_power(card, FUDA_POWER_RESET, dl), 0);
	gives(fuda_mdoc_phone_exchange(phone, message, sizeof(message), dl, &answer),
	      FUDA_EREMOVED);
	fuda_mdoc_reader_free(&session);
	fuda_mdoc_phone_free(&phone);
	begin();
	ask();
	end();
	take_off();
	fuda_buf_free(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presents),
		cmocka_unit_test(begins_anew),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softwallet_setup, softwallet_teardown);
}
