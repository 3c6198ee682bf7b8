/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to and from a phone that was engaged: how they are cut, what is tolerated of wallets, what
 * is refused, and that nothing is ever sent twice. */
#include <fuda/mdoc.h>

#include "card/envelope.h"
#include "mdoc/cbor.h"
#include "tests/mock.h"

_Static_assert((int)ENVELOPE_MAX == (int)CBOR_MAX, "what can be read can be received");

/* What a wallet does wrong, or in its own way. */
enum manner {
	AS_IT_SHOULD,
	WRONG_LEFT,	/* 6125 whatever is left */
	ZERO_LEFT,	/* 6100 */
	ALL_AT_ONCE,	/* and more than was asked for: 61 before, 9000 with all of it */
	STILL_MORE,	/* 61XX with the last byte */
	ONE_BYTE,	/* at a time */
	NOTHING_FIRST,	/* 61XX and no data to ENVELOPE */
	LONG_LENGTH,	/* 84 00 .. in the object */
	NO_ANSWER,	/* 9000 alone */
	ANSWERS_EMPTY,	/* an object of no bytes */
	/* refused: */
	ENDLESS,	/* 61XX and never any data */
	ENDS_EARLY,
	TOO_MUCH,	/* a byte behind the object */
	OTHER_TAG,
	BAD_LENGTH,	/* 53 80 */
	BAD_LENGTH_LATE, /* 53 85 .., the tag alone in the first response */
	TAG_ALONE,	/* 53 and 9000 */
	CLAIMS_TOO_MUCH, /* an object of 2 MB */
	REFUSES,	/* the last ENVELOPE */
	REFUSES_PIECE,	/* the others */
	REFUSES_REST,	/* GET RESPONSE */
	NO_STATUS,
};

struct wallet {
	enum manner manner;
	size_t max_command, max_response;
	struct fuda_buf request, answer; /* the object as it came, and the one to be given */
	size_t given;
	unsigned commands, selects, longest;
	unsigned fail_at; /* this command, from 1 */
	int error;
	unsigned reset_at; /* before this one, another program reset the phone */
	bool unsent;	   /* and it is said, as the driver has to */
};

static struct fuda_context *ctx;
static struct fuda_deadline *dl;
static struct fuda_card *card;
static struct fuda_mdoc_phone *phone;

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + i / 256);
}

/* ---- the wallet ---- */

static void put_header(struct fuda_buf *to, size_t len, unsigned least)
{
	uint8_t header[6] = { 0x53 };
	size_t n = 1, bytes = MAX(len > 0xFFFF ? 3u : len > 0xFF ? 2u : len > 0x7F ? 1u : 0u, least);

	if (bytes)
		header[n++] = (uint8_t)(0x80 + bytes);
	for (size_t i = MAX(bytes, (size_t)1); i-- > 0;)
		header[n++] = (uint8_t)(len >> 8 * i);
	assert_int_equal(fuda_buf_append(to, header, n), 0);
}

static void set_answer(struct wallet *w, size_t len)
{
	static const struct {
		enum manner manner;
		const char *bytes;
		size_t len;
	} instead[] = {
		{ NO_ANSWER, "", 0 },
		{ ANSWERS_EMPTY, "\x53\x00", 2 },
		{ BAD_LENGTH, "\x53\x80\x01\x02\x03\x04", 6 },
		{ BAD_LENGTH_LATE, "\x53\x85\x01\x02\x03\x04\x05\x06", 8 },
		{ TAG_ALONE, "\x53", 1 },
		{ OTHER_TAG, "\x54\x01x", 3 },
		{ CLAIMS_TOO_MUCH, "\x53\x83\x20\x00\x00x", 6 },
	};

	w->given = 0;
	fuda_buf_clear(&w->answer);
	for (size_t i = 0; i < ARRAY_SIZE(instead); i++) {
		if (instead[i].manner != w->manner)
			continue;
		assert_int_equal(fuda_buf_append(&w->answer, instead[i].bytes, instead[i].len), 0);
		return;
	}
	put_header(&w->answer, len, w->manner == LONG_LENGTH ? 4 : 0);
	for (size_t i = 0; i < len; i++) {
		uint8_t b = pattern(i);

		assert_int_equal(fuda_buf_append(&w->answer, &b, 1), 0);
	}
	if (w->manner == TOO_MUCH)
		assert_int_equal(fuda_buf_append(&w->answer, "x", 1), 0);
	if (w->manner == ENDS_EARLY)
		w->answer.len--;
}

static uint16_t left_sw(const struct wallet *w, size_t left)
{
	if (w->manner == STILL_MORE && !left)
		return 0x6120;
	if (!left)
		return 0x9000;
	if (w->manner == WRONG_LEFT || w->manner == ALL_AT_ONCE)
		return 0x6125;
	return w->manner == ZERO_LEFT || left > 255 ? 0x6100 : (uint16_t)(0x6100 | left);
}

static uint16_t give(struct wallet *w, size_t le, bool first, struct fuda_buf *ret)
{
	size_t left = w->answer.len - w->given, n = MIN(left, le);

	if (w->manner == ENDLESS)
		return 0x6110;
	if (w->manner == ONE_BYTE || w->manner == BAD_LENGTH_LATE)
		n = MIN(left, (size_t)1);
	if (w->manner == NOTHING_FIRST && first)
		n = 0;
	if (w->manner == ALL_AT_ONCE && !first)
		n = left;
	if (n)
		assert_int_equal(fuda_buf_append(ret, w->answer.data + w->given, n), 0);
	w->given += n;
	return left_sw(w, left - n);
}

static uint16_t take_envelope(struct wallet *w, const struct apdu *a, struct fuda_buf *ret)
{
	struct cursor c;
	uint8_t first;

	assert_true(a->lc && a->lc <= w->max_command);
	assert_int_equal(a->p1 << 8 | a->p2, 0);
	w->longest = MAX(w->longest, (unsigned)a->lc);
	assert_int_equal(fuda_buf_append(&w->request, a->data, a->lc), 0);
	if (a->cla == 0x10) {
		assert_int_equal(a->le, 0);
		assert_int_equal(a->lc, w->max_command); /* full, but for the last */
		return w->manner == REFUSES_PIECE ? 0x6883 : 0x9000;
	}
	assert_int_equal(a->cla, 0x00);
	assert_int_equal(a->le, w->max_response);
	c = cur_of(w->request.data, w->request.len);
	assert_int_equal(cur_u8(&c, &first), 0);
	assert_int_equal(first, 0x53);
	return w->manner == REFUSES ? 0x6985 : give(w, a->le, true, ret);
}

static uint16_t handle(struct wallet *w, const struct apdu *a, struct fuda_buf *ret)
{
	switch (a->ins) {
	case 0xA4:
		w->selects++;
		assert_int_equal(a->p1 << 8 | a->p2, 0x0400);
		assert_int_equal(a->le, 256);
		assert_int_equal(a->lc, 7);
		assert_memory_equal(a->data, "\xA0\x00\x00\x02\x48\x04\x00", 7);
		return 0x9000;
	case 0xC3:
		return take_envelope(w, a, ret);
	case 0xC0:
		assert_int_equal(a->lc, 0);
		assert_int_equal(a->le, w->max_response);
		return w->manner == REFUSES_REST ? 0x6A88 : give(w, a->le, false, ret);
	default:
		fail_msg("INS %02X", a->ins);
		return 0;
	}
}

static int wallet_transmit(struct reader *r, const uint8_t *command, size_t len, unsigned flags,
			   struct fuda_deadline *deadline, struct fuda_buf *ret_response)
{
	struct wallet *w = r->priv;
	uint8_t sw_bytes[2];
	struct apdu a;
	uint16_t sw;

	(void)deadline;
	if (++w->commands == w->fail_at)
		return ctx_fail_code(r->ctx, w->error);
	assert_true(!w->fail_at || w->commands < w->fail_at);
	if (w->commands == w->reset_at) {
		r->epoch++;
		if (w->unsent)
			return ctx_fail_code(r->ctx, FUDA_ERESET);
	}
	assert_int_equal(apdu_parse(command, len, &a), 0);
	assert_int_equal(!(flags & TRANSMIT_ONCE), a.ins == 0xA4);
	sw = handle(w, &a, ret_response);
	sw_bytes[0] = (uint8_t)(sw >> 8);
	sw_bytes[1] = (uint8_t)sw;
	return fuda_buf_append(ret_response, sw_bytes, w->manner == NO_STATUS && a.ins == 0xC3 ? 1 : 2);
}

static void wallet_close(struct reader *r)
{
	(void)r;
}

static const struct driver wallet_driver = {
	.name = "wallet",
	.close = wallet_close,
	.transmit = wallet_transmit,
};

/* ---- the stand ---- */

struct limits {
	size_t command, response;
};
static const struct limits shortest = { 255, 256 };

static void lay_on(struct wallet *w, enum manner manner, struct limits limits)
{
	struct reader *r = calloc(1, sizeof(*r));

	*w = (struct wallet){ .manner = manner, .max_command = limits.command, .max_response = limits.response,
			      .request = FUDA_BUF_INIT(ENVELOPE_MAX + 8), .answer = FUDA_BUF_INIT(ENVELOPE_MAX + 8) };
	assert_non_null(r);
	assert_int_equal(fuda_context_new(&ctx), 0);
	assert_int_equal(fuda_deadline_new(20000, &dl), 0);
	*r = (struct reader){ .ctx = ctx, .driver = &wallet_driver, .priv = w, .name = strdup("wallet:"),
			      .max_command = APDU_COMMAND_MAX, .max_response = APDU_RESPONSE_MAX };
	assert_int_equal(card_wrap(ctx, &r, &card), 0);
	card->extended = limits.response > 256 || limits.command > 255 ? EXTENDED_WORKS : EXTENDED_UNKNOWN;
	assert_int_equal(fuda_mdoc_phone_engaged(card, limits.command, limits.response, dl, &phone), 0);
	assert_int_equal(fuda_mdoc_phone_handover(phone)->max_command, limits.command);
	assert_int_equal(fuda_mdoc_phone_handover(phone)->max_response, limits.response);
}

static void take_off(struct wallet *w)
{
	fuda_mdoc_phone_free(&phone);
	fuda_card_free(&card);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	fuda_buf_free(&w->request);
	fuda_buf_free(&w->answer);
}

/* Sends `len` bytes of the pattern, and compares what the wallet got of them. */
static int send(struct wallet *w, size_t len, struct fuda_buf *ret_answer)
{
	uint8_t *message = malloc(len + 1);
	struct fuda_buf expected = FUDA_BUF_INIT(ENVELOPE_MAX + 8);
	int r;

	assert_non_null(message);
	for (size_t i = 0; i < len; i++)
		message[i] = pattern(i);
	fuda_buf_clear(&w->request);
	w->longest = 0;
	r = fuda_mdoc_phone_exchange(phone, message, len, dl, ret_answer);
	if (r == 0) {
		put_header(&expected, len, 0);
		assert_int_equal(fuda_buf_append(&expected, message, len), 0);
		assert_int_equal(w->request.len, expected.len);
		assert_memory_equal(w->request.data, expected.data, expected.len);
	} else {
		assert_string_not_equal(fuda_context_message(ctx), "");
	}
	fuda_buf_free(&expected);
	free(message);
	return r;
}

static void assert_answer(const struct fuda_buf *answer, size_t len)
{
	assert_int_equal(answer->len, len);
	for (size_t i = 0; i < len; i++)
		if (answer->data[i] != pattern(i))
			fail_msg("byte %zu of %zu", i, len);
}

/* ---- tests ---- */

/* Sizes around every form of length and every border of a piece, each way. */
static void cuts_messages(void **state)
{
	static const struct limits limits[] = {
		{ 255, 256 }, { 255, 65536 }, { 256, 257 }, { 4096, 2048 }, { 65535, 65536 },
	};
	static const size_t sizes[] = { 1,   126,  127,  128,   252,	253,   254,	     255, 256,
					257, 3587, 65530, 65531, 65535, 65536, ENVELOPE_MAX };
	struct fuda_buf answer = FUDA_BUF_INIT(ENVELOPE_MAX);
	struct wallet w;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(limits); k++) {
		lay_on(&w, AS_IT_SHOULD, limits[k]);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			fuda_buf_clear(&answer);
			set_answer(&w, sizes[i]);
			if (send(&w, sizes[i], &answer) < 0)
				fail_msg("%zu bytes: %s", sizes[i], fuda_context_message(ctx));
			assert_answer(&answer, sizes[i]);
		}
		assert_int_equal(w.selects, 1); /* for all of them */
		take_off(&w);
	}
	fuda_buf_free(&answer);
}

/* As few commands as the limits allow. */
static void takes_few_commands(void **state)
{
	struct fuda_buf answer = FUDA_BUF_INIT(ENVELOPE_MAX);
	struct wallet w;

	(void)state;
	lay_on(&w, AS_IT_SHOULD, (struct limits){ 65535, 65536 });
	set_answer(&w, 3587);
	assert_int_equal(send(&w, 834, &answer), 0);
	assert_int_equal(w.commands, 2); /* SELECT, ENVELOPE */
	take_off(&w);
	lay_on(&w, AS_IT_SHOULD, shortest);
	set_answer(&w, 3587);
	fuda_buf_clear(&answer);
	assert_int_equal(send(&w, 834, &answer), 0);
	assert_int_equal(w.commands, 1 + 4 + 14); /* 838 bytes by 255; 3591 by 256 */
	take_off(&w);
	fuda_buf_free(&answer);
}

static void tolerates(void **state)
{
	static const struct {
		const char *what;
		enum manner manner;
		size_t given; /* of 1000 */
	} rows[] = {
		{ "a wrong number of bytes left", WRONG_LEFT, 1000 },
		{ "6100", ZERO_LEFT, 1000 },
		{ "more bytes than asked for", ALL_AT_ONCE, 1000 },
		{ "more announced than there is", STILL_MORE, 1000 },
		{ "a byte at a time", ONE_BYTE, 1000 },
		{ "nothing before GET RESPONSE", NOTHING_FIRST, 1000 },
		{ "a length of four bytes", LONG_LENGTH, 1000 },
		{ "no answer", NO_ANSWER, 0 },
		{ "an empty one", ANSWERS_EMPTY, 0 },
	};
	struct fuda_buf answer = FUDA_BUF_INIT(ENVELOPE_MAX);
	struct wallet w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int extended = 0; extended <= 1; extended++) {
			print_message("%s\n", rows[i].what);
			lay_on(&w, rows[i].manner, extended ? (struct limits){ 300, 300 } : shortest);
			for (int again = 0; again <= 1; again++) {
				fuda_buf_clear(&answer);
				set_answer(&w, 1000);
				if (send(&w, 500, &answer) < 0)
					fail_msg("%s", fuda_context_message(ctx));
				assert_answer(&answer, rows[i].given);
			}
			/* and to who does not want it */
			set_answer(&w, 1000);
			assert_int_equal(send(&w, 500, NULL), 0);
			take_off(&w);
		}
	}
	fuda_buf_free(&answer);
}

static void refuses(void **state)
{
	static const struct {
		const char *what;
		enum manner manner;
		int error;
		const char *message;
	} rows[] = {
		{ "endless 61XX", ENDLESS, FUDA_EFORMAT, "announces data" },
		{ "fewer bytes than the object says", ENDS_EARLY, FUDA_EFORMAT, "1003 bytes where it says 1004" },
		{ "more bytes than the object says", TOO_MUCH, FUDA_EFORMAT, "1005 bytes where it says 1004" },
		{ "another object", OTHER_TAG, FUDA_EFORMAT, "not a message" },
		{ "an indefinite length", BAD_LENGTH, FUDA_EFORMAT, "malformed" },
		{ "a length of five bytes, in pieces", BAD_LENGTH_LATE, FUDA_EFORMAT, "malformed" },
		{ "a tag and nothing else", TAG_ALONE, FUDA_EFORMAT, "" },
		{ "an object of 2 MB", CLAIMS_TOO_MUCH, FUDA_ETOOBIG, "2097157 bytes" },
		{ "a refusal", REFUSES, FUDA_ESW, "6985" },
		{ "a refusal of a piece", REFUSES_PIECE, FUDA_ESW, "6883" },
		{ "a refusal of the rest", REFUSES_REST, FUDA_ENOTFOUND, "6A88" },
		{ "an answer without status word", NO_STATUS, FUDA_EFORMAT, "status word" },
	};
	struct fuda_buf answer = FUDA_BUF_INIT(ENVELOPE_MAX);
	struct wallet w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned sent;

		print_message("%s\n", rows[i].what);
		lay_on(&w, rows[i].manner, shortest);
		set_answer(&w, 1000);
		assert_int_equal(send(&w, 500, &answer), rows[i].error);
		if (!strstr(fuda_context_message(ctx), rows[i].message))
			fail_msg("message without \"%s\": %s", rows[i].message, fuda_context_message(ctx));
		assert_int_equal(answer.len, 0);
		/* it is over */
		sent = w.commands;
		assert_int_equal(send(&w, 500, &answer), rows[i].error);
		assert_non_null(strstr(fuda_context_message(ctx), "over"));
		assert_int_equal(w.commands, sent);
		take_off(&w);
	}
	fuda_buf_free(&answer);
}

/* Lost at whichever command: nothing follows it. */
static void never_resends(void **state)
{
	static const int errors[] = { FUDA_EREMOVED, FUDA_ENOCARD, FUDA_EMUTE, FUDA_ETRANSPORT, FUDA_ERESET,
				      FUDA_ETIMEOUT, FUDA_ECANCELLED, FUDA_EREADERGONE };
	struct fuda_buf answer = FUDA_BUF_INIT(ENVELOPE_MAX);
	struct wallet w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		int expected = errors[i] == FUDA_ETIMEOUT || errors[i] == FUDA_ECANCELLED ||
					       errors[i] == FUDA_EREADERGONE ? errors[i] : FUDA_EREMOVED;

		/* SELECT, two pieces, two more fetched */
		for (unsigned at = 1; at <= 5; at++) {
			if (at == 1 && errors[i] == FUDA_ERESET)
				continue; /* nothing was lost, and it is selected again */
			lay_on(&w, AS_IT_SHOULD, shortest);
			set_answer(&w, 600);
			w.fail_at = at;
			w.error = errors[i];
			assert_int_equal(send(&w, 300, &answer), expected);
			assert_int_equal(w.commands, at);
			if (expected == FUDA_EREMOVED)
				assert_non_null(strstr(fuda_context_message(ctx), "held to the reader again"));
			assert_int_equal(send(&w, 300, &answer), expected);
			assert_int_equal(w.commands, at);
			assert_int_equal(answer.len, 0);
			take_off(&w);
		}
	}
}

/* What reset the phone between two messages, or before the first, has ended the session. */
static void notices_resets(void **state)
{
	struct fuda_buf answer = FUDA_BUF_INIT(ENVELOPE_MAX);
	struct wallet w;

	(void)state;
	for (unsigned messages = 0; messages <= 1; messages++) {
		lay_on(&w, AS_IT_SHOULD, shortest);
		set_answer(&w, 100);
		if (messages)
			assert_int_equal(send(&w, 100, &answer), 0);
		card->reader->epoch++;
		assert_int_equal(send(&w, 100, &answer), FUDA_EREMOVED);
		assert_int_equal(w.commands, 2 * messages);
		take_off(&w);
	}
	fuda_buf_free(&answer);
}

/* ... and so has what did so in the middle of one. */
static void notices_resets_within(void **state)
{
	static const struct {
		unsigned reset_at;
		bool unsent;
		unsigned commands; /* SELECT is sent again; nothing else is, and nothing follows it */
	} rows[] = { { 1, true, 2 }, { 1, false, 1 }, { 2, true, 2 }, { 2, false, 2 }, { 3, false, 3 }, { 4, true, 4 },
		     { 4, false, 4 } };
	struct fuda_buf answer = FUDA_BUF_INIT(ENVELOPE_MAX);
	struct wallet w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		lay_on(&w, AS_IT_SHOULD, shortest);
		set_answer(&w, 600);
		w.reset_at = rows[i].reset_at;
		w.unsent = rows[i].unsent;
		assert_int_equal(send(&w, 300, &answer), FUDA_EREMOVED);
		assert_int_equal(w.commands, rows[i].commands);
		assert_int_equal(answer.len, 0);
		take_off(&w);
	}
}

/* What was not sent can be done better. */
static void checks_messages(void **state)
{
	static const uint8_t byte = 1;
	struct fuda_buf answer = FUDA_BUF_INIT(ENVELOPE_MAX), small = FUDA_BUF_INIT(99);
	struct wallet w;

	(void)state;
	lay_on(&w, AS_IT_SHOULD, shortest);
	set_answer(&w, 100);
	assert_int_equal(fuda_mdoc_phone_exchange(phone, &byte, 0, dl, &answer), FUDA_EINVAL);
	assert_int_equal(fuda_mdoc_phone_exchange(phone, &byte, ENVELOPE_MAX + 1, dl, &answer), FUDA_EINVAL);
	assert_int_equal(w.commands, 0);
	assert_int_equal(send(&w, 1, &answer), 0);
	set_answer(&w, 100);
	assert_int_equal(send(&w, 1, &small), FUDA_ETOOBIG);
	assert_int_equal(small.len, 0);
	take_off(&w);
	fuda_buf_free(&answer);
}

/* ENVELOPE is for the mdoc application alone, and for nobody outside. */
static void keeps_envelope(void **state)
{
	static const uint8_t command[] = { 0x00, 0xC3, 0x00, 0x00, 0x02, 0x53, 0x00, 0x00 };
	struct fuda_buf answer = FUDA_BUF_INIT(ENVELOPE_MAX);
	const struct envelope_limits limits = { 255, 256 };
	const struct apdu a = { 0x00, 0xC3, 0x00, 0x00, command, 2, 0, false };
	struct wallet w;
	uint16_t sw;

	(void)state;
	lay_on(&w, AS_IT_SHOULD, shortest);
	assert_int_equal(card_envelope(card, limits, cur_of(command, 1), dl, &answer), FUDA_EPINCOMMAND);
	card->application = &aid_jpki;
	assert_int_equal(card_envelope(card, limits, cur_of(command, 1), dl, &answer), FUDA_EPINCOMMAND);
	assert_int_equal(card_command(card, &a, dl, &answer, &sw), FUDA_EPINCOMMAND);
	assert_int_equal(fuda_card_transmit(card, command, sizeof(command), dl, &answer), FUDA_EPINCOMMAND);
	assert_int_equal(w.commands, 0);
	take_off(&w);
}

/* Limits of the reader, and extended length where it is known to work, whatever the phone says. */
static void keeps_to_reader(void **state)
{
	static const struct {
		enum extended extended;
		size_t max_command, max_response, said_command, said_response, command, response;
	} rows[] = {
		{ EXTENDED_WORKS, APDU_COMMAND_MAX, APDU_RESPONSE_MAX, 65535, 65536, 65535, 65536 },
		{ EXTENDED_WORKS, APDU_COMMAND_MAX, APDU_RESPONSE_MAX, 1000, 2000, 1000, 2000 },
		{ EXTENDED_WORKS, APDU_COMMAND_MAX, APDU_RESPONSE_MAX, 0, 0, 255, 256 },
		{ EXTENDED_WORKS, 1009, 2002, 65535, 65536, 1000, 2000 },
		{ EXTENDED_WORKS, 262, 258, 65535, 65536, 255, 256 },
		{ EXTENDED_WORKS, 261, APDU_RESPONSE_MAX, 65535, 65536, 255, 256 },
		{ EXTENDED_UNKNOWN, APDU_COMMAND_MAX, APDU_RESPONSE_MAX, 65535, 65536, 255, 256 },
		{ EXTENDED_FAILS, APDU_COMMAND_MAX, APDU_RESPONSE_MAX, 65535, 65536, 255, 256 },
	};
	struct wallet w;

	(void)state;
	lay_on(&w, AS_IT_SHOULD, shortest);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct envelope_limits said = { rows[i].said_command, rows[i].said_response }, kept;

		card->extended = rows[i].extended;
		card->reader->max_command = rows[i].max_command;
		card->reader->max_response = rows[i].max_response;
		kept = envelope_limit(card, said);
		assert_int_equal(kept.command, rows[i].command);
		assert_int_equal(kept.response, rows[i].response);
	}
	take_off(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_messages),   cmocka_unit_test(takes_few_commands),
		cmocka_unit_test(tolerates),	   cmocka_unit_test(refuses),
		cmocka_unit_test(never_resends),   cmocka_unit_test(notices_resets),
		cmocka_unit_test(checks_messages), cmocka_unit_test(keeps_envelope),
		cmocka_unit_test(keeps_to_reader), cmocka_unit_test(notices_resets_within),
	};

	return RUN(tests);
}
