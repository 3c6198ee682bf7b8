/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions between reader and phone: what carries them, and that nothing else passes. */
#include "mdoc/session.h"

#include <stdlib.h>
#include <string.h>

#include "mdoc/cose.h"
#include "mdoc/engagement.h"
#include "mdoc/key.h"
#include "tests/vectors.h"

#define BUF FUDA_BUF_INIT(65536)

static const struct cursor transcript = { (const uint8_t *)"\x83\xF6\xF6\xF6", 4 };
static const struct cursor other_transcript = { (const uint8_t *)"\x83\xF6\xF6\xF5", 4 };

static struct cursor text(const char *s)
{
	return cur_of((const uint8_t *)s, strlen(s));
}

/* Both sides of one session. */
struct sides {
	struct private_key *reader_key, *device_key;
	struct session reader, device;
};

static void begin(struct sides *s, enum curve curve, struct cursor device_transcript)
{
	assert_int_equal(private_new(curve, &s->reader_key), 0);
	assert_int_equal(private_new(curve, &s->device_key), 0);
	assert_int_equal(session_begin(SESSION_READER, s->reader_key, private_public(s->device_key),
				       transcript, &s->reader),
			 0);
	assert_int_equal(session_begin(SESSION_DEVICE, s->device_key, private_public(s->reader_key),
				       device_transcript, &s->device),
			 0);
}

static void end(struct sides *s)
{
	session_end(&s->reader);
	session_end(&s->device);
	private_free(&s->reader_key);
	private_free(&s->device_key);
}

static void every_curve(void **state)
{
	(void)state;
	for (int i = CURVE_P256; i <= CURVE_BRAINPOOL_P512; i++) {
		_cleanup_buf_ struct fuda_buf sealed = BUF, plain = BUF;
		struct sides s;

		begin(&s, (enum curve)i, transcript);
		for (unsigned n = 0; n < 3; n++) { /* there and back */
			fuda_buf_clear(&sealed);
			assert_int_equal(session_seal(&s.reader, text("asked"), &sealed), 0);
			assert_int_equal(session_open(&s.device, cur_of(sealed.data, sealed.len),
						      &plain),
					 0);
			fuda_buf_clear(&sealed);
			assert_int_equal(session_seal(&s.device, text("shown"), &sealed), 0);
			assert_int_equal(session_open(&s.reader, cur_of(sealed.data, sealed.len),
						      &plain),
					 0);
		}
		ASSERT_BUF(&plain, text("askedshownaskedshownaskedshown"));
		end(&s);
	}
}

static void no_session(void **state)
{
	struct private_key *a, *b;
	struct session s = { .live = false };
	uint8_t key[32] = { 0 }, untouched[32] = { 0 };

	(void)state;
	assert_int_equal(private_new(CURVE_P256, &a), 0);
	assert_int_equal(private_new(CURVE_P384, &b), 0);
	assert_int_equal(session_begin(SESSION_READER, a, private_public(b), transcript, &s),
			 FUDA_EINVAL);
	assert_int_equal(session_mac_key(a, private_public(b), transcript, key), FUDA_EINVAL);
	assert_false(s.live);
	assert_memory_equal(key, untouched, sizeof(key));
	private_free(&a);
	private_free(&b);
}

/* The keys depend on the transcript and on nothing that both could get wrong alike. */
static void bound_to_transcript(void **state)
{
	_cleanup_buf_ struct fuda_buf sealed = BUF, plain = BUF;
	struct sides s;

	(void)state;
	begin(&s, CURVE_P256, other_transcript);
	assert_int_equal(session_seal(&s.reader, text("asked"), &sealed), 0);
	assert_int_equal(session_open(&s.device, cur_of(sealed.data, sealed.len), &plain),
			 FUDA_EVERIFY);
	assert_int_equal(plain.len, 0);
	end(&s);
}

/* One's own message is not the other's answer. */
static void not_reflected(void **state)
{
	_cleanup_buf_ struct fuda_buf sealed = BUF, plain = BUF;
	struct sides s;

	(void)state;
	begin(&s, CURVE_P256, transcript);
	assert_memory_not_equal(s.reader.own_key, s.reader.peer_key, 32);
	assert_int_equal(session_seal(&s.reader, text("asked"), &sealed), 0);
	assert_int_equal(session_open(&s.reader, cur_of(sealed.data, sealed.len), &plain),
			 FUDA_EVERIFY);
	end(&s);
}

static bool is_wiped(const struct session *s)
{
	static const struct session nothing;

	return memcmp(s, &nothing, sizeof(nothing)) == 0;
}

/* Each byte of ciphertext and tag; pieces; more than there is; then all is over. */
static void tampering(void **state)
{
	enum { LEN = 5 + GCM_TAG };

	(void)state;
	for (size_t at = 0; at < 2 * LEN + 2; at++) {
		_cleanup_buf_ struct fuda_buf sealed = BUF, plain = BUF;
		struct sides s;

		begin(&s, CURVE_P256, transcript);
		assert_int_equal(session_seal(&s.reader, text("asked"), &sealed), 0);
		assert_int_equal(sealed.len, LEN);
		if (at < LEN)
			sealed.data[at] ^= 0x80;
		else if (at == 2 * LEN + 1)
			assert_int_equal(fuda_buf_append(&sealed, "", 1), 0);
		else if (at < 2 * LEN)
			sealed.len = at - LEN;
		assert_int_equal(session_open(&s.device, cur_of(sealed.data, sealed.len), &plain),
				 at == 2 * LEN ? 0 : FUDA_EVERIFY);
		if (at != 2 * LEN) {
			assert_int_equal(plain.len, 0);
			assert_true(is_wiped(&s.device));
			assert_int_equal(session_open(&s.device, cur_of(sealed.data, sealed.len),
						      &plain),
					 FUDA_EFAILED);
			assert_int_equal(session_seal(&s.device, text("x"), &plain), FUDA_EFAILED);
		}
		end(&s);
	}
}

/* A message is taken in its turn alone. */
static void order(void **state)
{
	_cleanup_buf_ struct fuda_buf first = BUF, second = BUF, plain = BUF;
	struct sides s;

	(void)state;
	begin(&s, CURVE_P256, transcript);
	assert_int_equal(session_seal(&s.reader, text("same"), &first), 0);
	assert_int_equal(session_seal(&s.reader, text("same"), &second), 0);
	assert_int_equal(first.len, second.len);
	assert_memory_not_equal(first.data, second.data, first.len);
	assert_int_equal(session_open(&s.device, cur_of(second.data, second.len), &plain),
			 FUDA_EVERIFY);
	end(&s);
}

/* A counter that would begin anew ends it: the same nonce twice would give the key away. */
static void counters(void **state)
{
	_cleanup_buf_ struct fuda_buf sealed = BUF, plain = BUF;
	struct sides s;

	(void)state;
	begin(&s, CURVE_P256, transcript);
	s.reader.own_count = s.device.peer_count = UINT32_MAX - 1;
	assert_int_equal(session_seal(&s.reader, text("last"), &sealed), 0);
	assert_int_equal(session_open(&s.device, cur_of(sealed.data, sealed.len), &plain), 0);
	assert_int_equal(session_seal(&s.reader, text("more"), &sealed), FUDA_EFAILED);
	assert_int_equal(session_open(&s.device, cur_of(sealed.data, sealed.len), &plain),
			 FUDA_EFAILED);
	ASSERT_BUF(&plain, text("last"));
	session_end(&s.reader);
	assert_true(is_wiped(&s.reader));
	end(&s);
}

/* A message that could not be made is counted: the other side would wait for it. */
static void not_sealed(void **state)
{
	struct fuda_buf small = FUDA_BUF_INIT(8), sealed = BUF;
	struct sides s = { 0 };

	(void)state;
	begin(&s, CURVE_P256, transcript);
	assert_int_equal(session_seal(&s.reader, text("asked"), &small), FUDA_ETOOBIG);
	assert_int_equal(small.len, 0);
	assert_false(s.reader.live);
	assert_int_equal(session_seal(&s.reader, text("asked"), &sealed), FUDA_EFAILED);
	assert_int_equal(sealed.len, 0);
	end(&s);
	fuda_buf_free(&small);
	fuda_buf_free(&sealed);
}

/* ---- what carries them ---- */

static void establishments(void **state)
{
	static const struct {
		const char *hex;
		int r;
	} cases[] = {
		{ "a26a655265616465724b6579d81841a06464617461420102", 0 },
		{ "a264646174614201026a655265616465724b6579d81841a0", 0 },
		{ "a36a655265616465724b6579d81841a06464617461420102617801", 0 },
		{ "a16a655265616465724b6579d81841a0", FUDA_EFORMAT },
		{ "a16464617461420102", FUDA_EFORMAT },
		{ "a26a655265616465724b657941a06464617461420102", FUDA_EFORMAT },
		{ "a26a655265616465724b6579a06464617461420102", FUDA_EFORMAT },
		{ "a26a655265616465724b6579d818406464617461420102", FUDA_EFORMAT },
		{ "a26a655265616465724b6579d81842a0006464617461420102", FUDA_EFORMAT },
		{ "a26a655265616465724b6579d81841a06464617461626161", FUDA_EFORMAT },
		{ "a26a655265616465724b6579d81841a06464617461f6", FUDA_EFORMAT },
		{ "a26a655265616465724b6579d81841a0646461746142010200", FUDA_EFORMAT },
		{ "80", FUDA_EFORMAT },
		{ "", FUDA_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		struct cursor key = { 0 }, data = { 0 };

		assert_int_equal(fuda_hex_decode(cases[i].hex, &bytes), 0);
		assert_int_equal(session_read_establishment(cur_of(bytes.data, bytes.len), &key,
							    &data),
				 cases[i].r);
		assert_int_equal(key.left, cases[i].r < 0 ? 0 : 1);
		assert_int_equal(data.left, cases[i].r < 0 ? 0 : 2);
		for (size_t len = 0; cases[i].r == 0 && len < bytes.len; len++)
			assert_int_equal(session_read_establishment(cur_of(bytes.data, len), &key,
								    &data),
					 FUDA_EFORMAT);
	}
}

static void data_messages(void **state)
{
	static const struct {
		const char *hex;
		int r;
		size_t len;
		uint64_t status;
	} cases[] = {
		{ "a16464617461420102", 0, 2, SESSION_NO_STATUS },
		{ "a1667374617475730a", 0, 0, SESSION_ENCRYPTION_ERROR },
		{ "a1667374617475730b", 0, 0, SESSION_CBOR_ERROR },
		{ "a16673746174757314", 0, 0, SESSION_TERMINATION },
		{ "a2646461746142010266737461747573181e", 0, 2, 30 },
		{ "a264646174614201026673746174757314", 0, 2, SESSION_TERMINATION },
		{ "a26464617461420102617801", 0, 2, SESSION_NO_STATUS },
		{ "a16673746174757300", 0, 0, 0 },
		{ "a264646174614201026673746174757300", 0, 2, 0 },
		{ "a1667374617475731a7ffffffe", 0, 0, 0x7ffffffe },
		{ "a1667374617475731a7fffffff", FUDA_EFORMAT, 0, 0 },
		{ "a0", FUDA_EFORMAT, 0, 0 },
		{ "a1617801", FUDA_EFORMAT, 0, 0 },
		{ "a1646461746140", FUDA_EFORMAT, 0, 0 },
		{ "a16464617461f6", FUDA_EFORMAT, 0, 0 },
		{ "a164646174616161", FUDA_EFORMAT, 0, 0 },
		{ "a16673746174757320", FUDA_EFORMAT, 0, 0 },
		{ "a166737461747573613a", FUDA_EFORMAT, 0, 0 },
		{ "a1667374617475731b0000000100000000", FUDA_EFORMAT, 0, 0 },
		{ "a26673746174757314667374617475730a", FUDA_EFORMAT, 0, 0 },
		{ "a1667374617475731400", FUDA_EFORMAT, 0, 0 },
		{ "f6", FUDA_EFORMAT, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		struct cursor data = { 0 };
		uint64_t status = 0;

		assert_int_equal(fuda_hex_decode(cases[i].hex, &bytes), 0);
		if (session_read_data(cur_of(bytes.data, bytes.len), &data, &status) != cases[i].r)
			fail_msg("%s", cases[i].hex);
		assert_int_equal(data.left, cases[i].len);
		assert_int_equal(status, cases[i].status);
		for (size_t len = 0; cases[i].r == 0 && len < bytes.len; len++)
			assert_int_equal(session_read_data(cur_of(bytes.data, len), &data, &status),
					 FUDA_EFORMAT);
	}
}

/* What is written is what is read. */
static void written(void **state)
{
	static const enum session_status statuses[] = { SESSION_NO_STATUS, SESSION_ENCRYPTION_ERROR,
							SESSION_CBOR_ERROR, SESSION_TERMINATION };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(statuses); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		struct cursor data = text(i % 2 ? "data" : ""), again;
		enum session_status status = statuses[i / 2];
		uint64_t number;
		bool none = !data.left && status == SESSION_NO_STATUS;

		assert_int_equal(session_put_data(data, status, &bytes), 0);
		assert_int_equal(session_read_data(cur_of(bytes.data, bytes.len), &again, &number),
				 none ? FUDA_EFORMAT : 0);
		if (none)
			continue;
		ASSERT_CUR(again, data);
		assert_int_equal(number, status);
	}
}

/* ---- a reader ---- */

/* Asks, and takes the phone's answer with that status; what that gives. */
static int taken(struct fuda_context *ctx, enum session_status status, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf engagement = BUF, asked = BUF, sealed = BUF, answer = BUF;
	struct fuda_mdoc_reader *reader;
	struct private_key *own;
	struct fuda_mdoc_span bound;
	struct session phone;
	int r;

	assert_int_equal(private_new(CURVE_P256, &own), 0);
	assert_int_equal(engagement_put(private_public(own), false, 0, 0, &engagement), 0);
	assert_int_equal(fuda_mdoc_reader_new(ctx,
					      (struct fuda_mdoc_span){ engagement.data,
								       engagement.len },
					      (struct fuda_mdoc_span){ 0 },
					      (struct fuda_mdoc_span){ 0 }, NULL, &reader),
			 0);
	assert_int_equal(fuda_mdoc_reader_ask(reader, (const uint8_t *)"?", 1, &asked), 0);
	bound = fuda_mdoc_reader_transcript(reader);
	assert_int_equal(session_begin(SESSION_DEVICE, own,
				       private_public(fuda_mdoc_reader_key(reader)->private),
				       cur_of(bound.bytes, bound.len), &phone),
			 0);
	assert_int_equal(session_seal(&phone, text("shown"), &sealed), 0);
	assert_int_equal(session_put_data(cur_of(sealed.data, sealed.len), status, &answer), 0);
	r = fuda_mdoc_reader_take(reader, answer.data, answer.len, ret);
	fuda_buf_clear(&asked);
	/* whatever it says, it is the last message */
	assert_int_equal(fuda_mdoc_reader_ask(reader, (const uint8_t *)"?", 1, &asked),
			 status == SESSION_NO_STATUS ? 0 : FUDA_EFAILED);
	fuda_mdoc_reader_free(&reader);
	session_end(&phone);
	private_free(&own);
	return r;
}

/* The phone chooses the curve: a key of the reader's own that is on another one is no mistake. */
static void other_curves(void **state)
{
	static const enum curve curves[] = { CURVE_P256, CURVE_P384, CURVE_BRAINPOOL_P256 };
	const struct fuda_mdoc_span none = { 0 };
	struct fuda_mdoc_key given;
	struct fuda_context *ctx;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	assert_int_equal(private_new(CURVE_P256, &given.private), 0);
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		_cleanup_buf_ struct fuda_buf bytes = BUF;
		struct fuda_mdoc_reader *reader = NULL;
		struct fuda_mdoc_span engagement;
		struct private_key *phone;

		assert_int_equal(private_new(curves[i], &phone), 0);
		assert_int_equal(engagement_put(private_public(phone), false, 0, 0, &bytes), 0);
		engagement = (struct fuda_mdoc_span){ bytes.data, bytes.len };
		assert_int_equal(fuda_mdoc_reader_new(ctx, engagement, none, none, NULL, &reader),
				 0);
		fuda_mdoc_reader_free(&reader);
		assert_int_equal(fuda_mdoc_reader_new(ctx, engagement, none, none, &given, &reader),
				 curves[i] == CURVE_P256 ? 0 : FUDA_ENOTSUP);
		assert_true(curves[i] == CURVE_P256 || strstr(fuda_context_message(ctx), "P-256"));
		fuda_mdoc_reader_free(&reader);
		private_free(&phone);
	}
	private_free(&given.private);
	fuda_context_free(&ctx);
}

/* 9.1.1.4, Table 20: data may come with the word that it is the last, not with that of an error. */
static void last_words(void **state)
{
	static const struct {
		enum session_status status;
		int r;
	} cases[] = {
		{ SESSION_NO_STATUS, 0 },
		{ SESSION_TERMINATION, 0 },
		{ (enum session_status)0, 0 },
		{ SESSION_ENCRYPTION_ERROR, FUDA_EFAILED },
		{ SESSION_CBOR_ERROR, FUDA_EFAILED },
	};
	struct fuda_context *ctx;

	(void)state;
	assert_int_equal(fuda_context_new(&ctx), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf response = BUF;

		assert_int_equal(taken(ctx, cases[i].status, &response), cases[i].r);
		ASSERT_BUF(&response, text(cases[i].r < 0 ? "" : "shown"));
	}
	fuda_context_free(&ctx);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_curve),
		cmocka_unit_test(no_session),
		cmocka_unit_test(bound_to_transcript),
		cmocka_unit_test(not_reflected),
		cmocka_unit_test(tampering),
		cmocka_unit_test(order),
		cmocka_unit_test(counters),
		cmocka_unit_test(not_sealed),
		cmocka_unit_test(establishments),
		cmocka_unit_test(data_messages),
		cmocka_unit_test(written),
		cmocka_unit_test(other_curves),
		cmocka_unit_test(last_words),
	};

	return RUN(tests);
}
