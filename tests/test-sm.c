/* SPDX-License-Identifier: Apache-2.0 */
/* Secure messaging: what the card may get wrong, and the primitives that it is made of. */
#include <fuda/encode.h>
#include <fuda/text.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/crypto.h"
#include "card/pin.h"
#include "card/sm.h"
#include "tests/session.h"

enum { INS_KEY = 0xAE, INS_SELECT = 0xA4, INS_READ = 0xB0, CLA_SM = 0x08 };

static int setup(void **state)
{
	(void)state;
	softcard_write("");
	return 0;
}

static int read_all(struct session *s, struct fuda_text_records *records)
{
	const struct fuda_text_request q = { .my_number = true,
					     .attributes = true,
					     .secure_messaging = true,
					     .with = FUDA_PIN_TEXT,
					     .pin = &s->entry };

	return fuda_text_read(s->card, &q, s->dl, records);
}

/* ---- answers ---- */

static struct change {
	const char *what;
	uint8_t cla, ins;   /* of the command whose answer is changed */
	unsigned skip;	    /* so many of them before it */
	int at;		    /* byte that is changed, from the end if negative; data only */
	uint8_t by;	    /* XOR */
	const char *answer; /* or the whole answer, hexadecimal */
	int cut, grow;	    /* bytes of data taken off or put behind */
	int error;
	const char *message;
} change;

static unsigned skipped;

static void put_answer(struct fuda_buf *response, const uint8_t *data, size_t len)
{
	uint8_t copy[4096], sw[2];

	assert_true(len <= sizeof(copy) && response->len >= 2);
	memcpy(copy, data, len);
	memcpy(sw, response->data + response->len - 2, 2);
	assert_int_equal(fuda_buf_set(response, copy, len), 0);
	assert_int_equal(fuda_buf_append(response, sw, 2), 0);
}

static void change_answer(const uint8_t *command, size_t len, struct fuda_buf *response)
{
	size_t data = response->len - 2;

	(void)len;
	if (command[0] != change.cla || command[1] != change.ins || skipped++ != change.skip)
		return;
	if (change.answer) {
		fuda_buf_clear(response);
		assert_int_equal(fuda_hex_decode(change.answer, response), 0);
		return;
	}
	if (change.by)
		response->data[change.at < 0 ? (int)data + change.at : change.at] ^= change.by;
	if (change.cut)
		put_answer(response, response->data, data - (size_t)change.cut);
	if (change.grow)
		put_answer(response, response->data, data + (size_t)change.grow);
}

static void run(const struct change *c)
{
	struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
	struct session s;

	session_need(&session_extended);
	print_message("%s\n", c->what);
	change = *c;
	skipped = 0;
	session_open(&s, NULL, "1234");
	session_spy(&s, change_answer);
	session_expect(&s, read_all(&s, &records), c->error);
	assert_true(skipped > c->skip);
	if (c->error)
		assert_int_equal(records.my_number.len, 0);
	if (c->message)
		session_says(&s, c->message);
	assert_false(session_holds(&s, false));
	session_close(&s);
	fuda_text_records_free(&records);
}

/* The first record is the My Number: 86 21 01 and 32 bytes of ciphertext. */
static void refuses_bad_answers(void **state)
{
	static const struct change rows[] = {
		{ "no change", CLA_SM, INS_READ, 0, 0, 0, NULL, 0, 0, 0, NULL },
		{ "tag 87", CLA_SM, INS_READ, 0, 0, 0x01, NULL, 0, 0, FUDA_EFORMAT, "the My Number" },
		{ "indicator 00", CLA_SM, INS_READ, 0, 2, 0x01, NULL, 0, 0, FUDA_EFORMAT, "the My Number" },
		{ "length one more", CLA_SM, INS_READ, 0, 1, 0x03, NULL, 0, 0, FUDA_EFORMAT, "the My Number" },
		{ "length one less", CLA_SM, INS_READ, 0, 1, 0x01, NULL, 0, 0, FUDA_EFORMAT, "the My Number" },
		{ "cut", CLA_SM, INS_READ, 0, 0, 0, NULL, 1, 0, FUDA_EFORMAT, "the My Number" },
		{ "a block cut", CLA_SM, INS_READ, 0, 0, 0, NULL, 16, 0, FUDA_EFORMAT, "the My Number" },
		{ "more behind it", CLA_SM, INS_READ, 0, 0, 0, NULL, 0, 2, FUDA_EFORMAT, "the My Number" },
		{ "padding not zero", CLA_SM, INS_READ, 0, 18, 0x01, NULL, 0, 0, FUDA_EFORMAT, "the My Number" },
		{ "padding without 80", CLA_SM, INS_READ, 0, 4, 0x80, NULL, 0, 0, FUDA_EFORMAT, "the My Number" },
		{ "in the clear", CLA_SM, INS_READ, 0, 0, 0, "FF100C313233343536373839303138FFFF9000", 0, 0,
		  FUDA_EFORMAT, "the My Number" },
		{ "empty", CLA_SM, INS_READ, 0, 0, 0, "9000", 0, 0, FUDA_EFORMAT, "the My Number" },
		{ "empty object", CLA_SM, INS_READ, 0, 0, 0, "86009000", 0, 0, FUDA_EFORMAT, "the My Number" },
		{ "no ciphertext", CLA_SM, INS_READ, 0, 0, 0, "8601019000", 0, 0, FUDA_EFORMAT, "the My Number" },
		{ "attributes in the clear", CLA_SM, INS_READ, 1, 0, 0, "FF200355AA559000", 0, 0, FUDA_EFORMAT,
		  "the attributes" },
		{ "session refused", CLA_SM, INS_READ, 0, 0, 0, "6987", 0, 0, FUDA_ESW, NULL },
		{ "session lost", CLA_SM, INS_READ, 1, 0, 0, "6988", 0, 0, FUDA_ESW, NULL },
		{ "session gone", CLA_SM, INS_SELECT, 1, 0, 0, "69FC", 0, 0, FUDA_ESW, NULL },
		{ "no file", CLA_SM, INS_SELECT, 0, 0, 0, "6A82", 0, 0, FUDA_ENOTFOUND, "the My Number" },
		{ "not allowed", CLA_SM, INS_READ, 2, 0, 0, "6982", 0, 0, FUDA_ESECURITY, "the integrity record" },
		{ "no key by number A", 0x80, INS_KEY, 0, 0, 0, "6982", 0, 0, FUDA_ESECURITY, NULL },
		{ "no such command", 0x80, INS_KEY, 0, 0, 0, "6D00", 0, 0, FUDA_ESW, "Read without it" },
		{ "wrong key", 0x80, INS_KEY, 0, 0, 0, "6A80", 0, 0, FUDA_ESW, "Read without it" },
		{ "no configuration", 0x80, INS_KEY, 0, 0, 0, "66F1", 0, 0, FUDA_ESW, "Read without it" },
		{ "number too large", 0x80, INS_KEY, 0, 0, 0, "6F00", 0, 0, FUDA_ESW, "Read without it" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run(&rows[i]);
}

/* The key stands in the second READ BINARY in the clear: A1 82 0109 { 90 03 010001, 91 82 0100 modulus }. */
static void refuses_bad_keys(void **state)
{
	static const struct change rows[] = {
		{ "tag", 0x00, INS_READ, 1, 0, 0x01, NULL, 0, 0, FUDA_EFORMAT, "malformed" },
		{ "tag of the exponent", 0x00, INS_READ, 1, 4, 0x01, NULL, 0, 0, FUDA_EFORMAT, "malformed" },
		{ "exponent of 2 bytes", 0x00, INS_READ, 1, 5, 0x01, NULL, 0, 0, FUDA_EFORMAT, "malformed" },
		{ "an even exponent", 0x00, INS_READ, 1, 8, 0x01, NULL, 0, 0, FUDA_EFORMAT, "malformed" },
		{ "tag of the modulus", 0x00, INS_READ, 1, 9, 0x01, NULL, 0, 0, FUDA_EFORMAT, "malformed" },
		{ "modulus of 257 bytes", 0x00, INS_READ, 1, 12, 0x01, NULL, 0, 0, FUDA_EFORMAT, "malformed" },
		{ "a small modulus", 0x00, INS_READ, 1, 13, 0x80, NULL, 0, 0, FUDA_EFORMAT, "malformed" },
		{ "an even modulus", 0x00, INS_READ, 1, -1, 0x01, NULL, 0, 0, FUDA_EFORMAT, "malformed" },
		{ "no object", 0x00, INS_READ, 1, 0, 0, "A1009000", 0, 0, FUDA_EFORMAT, "malformed" },
		{ "another modulus", 0x00, INS_READ, 1, 100, 0x01, NULL, 0, 0, FUDA_ESW, "Read without it" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run(&rows[i]);
}

/* Nothing in it protects against changes on the way; the signatures of the records do. */
static void changes_show_in_the_signatures(void **state)
{
	struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
	struct fuda_verdict verdict;
	struct session s;

	(void)state;
	/* in the first digest of the integrity record */
	change = (struct change){ "", CLA_SM, INS_READ, 2, 25, 0x01, NULL, 0, 0, 0, NULL };
	skipped = 0;
	session_need(&session_extended);
	session_open(&s, NULL, "1234");
	session_spy(&s, change_answer);
	session_expect(&s, read_all(&s, &records), 0);
	session_expect(&s, fuda_text_verify(s.trust, &records, &verdict), 0);
	assert_int_equal(verdict.result, FUDA_RESULT_SIGNATURE_MISMATCH);
	assert_string_equal(verdict.rule, "record_signature");
	session_close(&s);
	fuda_text_records_free(&records);
}

/* ---- the session ---- */

static const struct ef key_file = { 0x0006, READ_OBJECT, 269, 1024 };
static const struct ef number_file = { 0x0001, READ_FILE, 17, 256 };
static const struct ef integrity_file = { 0x0003, READ_OBJECT, 336, 1024 };

static void begin(struct session *s, enum fuda_pin with, const char *secret)
{
	_cleanup_buf_ struct fuda_buf cv = FUDA_BUF_INIT(1024);
	const struct ef certificate = { 0x0004, READ_OBJECT, 568, 1024 };

	session_need(&session_extended);
	session_open(s, NULL, secret);
	assert_int_equal(fuda_card_begin(s->card, s->dl), 0);
	assert_int_equal(card_select(s->card, &aid_text, s->dl), 0);
	assert_int_equal(sm_check(s->card), FUDA_ENOTSUP); /* as long as nobody knows */
	assert_int_equal(card_read(s->card, &certificate, s->dl, &cv), 0);
	assert_int_equal(sm_check(s->card), 0);
	if (secret && *secret)
		session_expect(s, pin_verify(s->card, with, &aid_text, &s->entry, s->dl), 0);
}

/* Whether a card at number `at` may find by chance that the next command of ours, which is further on, ends in
 * padding: one key in 255 does that. The plaintext ends in 00; what the card sees of it differs as the vectors do. */
static bool may_look_padded(const struct sm *sm, uint32_t at)
{
	static const uint8_t zero[16];
	uint8_t ours[16] = { 0 }, cards[16] = { 0 }, last;

	ours[15] = (uint8_t)(sm->counter + 1);
	cards[15] = (uint8_t)at;
	assert_int_equal(crypto_aes_cbc(true, sm->key, zero, ours, 16, ours), 0);
	assert_int_equal(crypto_aes_cbc(true, sm->key, zero, cards, 16, cards), 0);
	last = ours[15] ^ cards[15];
	return last == 0x80 || last == 0x00;
}

static void reads_and_ends(void **state)
{
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(4096);
	struct sm sm = { 0 };
	struct session s;
	uint32_t at;

	(void)state;
	begin(&s, FUDA_PIN_TEXT, "1234");
	session_expect(&s, sm_begin(s.card, &key_file, s.dl, &sm), 0);
	assert_int_equal(sm.counter, 0);
	session_expect(&s, sm_read(s.card, &sm, &number_file, s.dl, &data), 0);
	assert_int_equal(data.len, 17);
	assert_int_equal(sm.counter, 2);
	/* what is sent in the clear does not count: card.md 3.3 */
	fuda_buf_clear(&data);
	session_expect(&s, card_read(s.card, &integrity_file, s.dl, &data), 0);
	fuda_buf_clear(&data);
	session_expect(&s, sm_read(s.card, &sm, &integrity_file, s.dl, &data), 0);
	assert_int_equal(data.len, 336);
	/* a refusal does */
	session_expect(&s, sm_read(s.card, &sm, &(struct ef){ 0x001D, READ_FILE, 0, 256 }, s.dl, &data),
		       FUDA_ENOTFOUND);
	assert_int_equal(sm.counter, 5);
	session_expect(&s, sm_read(s.card, &sm, &integrity_file, s.dl, &data), 0);
	/* too large for who asks */
	session_expect(&s, sm_read(s.card, &sm, &(struct ef){ 0x0003, READ_FILE, 0, 100 }, s.dl, &data), FUDA_ETOOBIG);
	session_expect(&s, sm_read(s.card, &sm, &(struct ef){ 0x0003, READ_OBJECT, 0, 100 }, s.dl, &data),
		       FUDA_ETOOBIG);
	/* out of step: the card ends it */
	at = sm.counter + 1;
	do {
		sm.counter++;
	} while (may_look_padded(&sm, at));
	session_expect(&s, sm_read(s.card, &sm, &number_file, s.dl, &data), FUDA_ESW);
	session_says(&s, "ended secure messaging");
	session_expect(&s, sm_read(s.card, &sm, &number_file, s.dl, &data), FUDA_ESW);
	/* and can begin another */
	session_expect(&s, sm_begin(s.card, &key_file, s.dl, &sm), 0);
	sm.key[0] ^= 1;
	session_expect(&s, sm_read(s.card, &sm, &number_file, s.dl, &data), FUDA_ESW);
	assert_int_equal(data.len, 672);
	sm_end(&sm);
	for (size_t i = 0; i < sizeof(sm); i++)
		assert_int_equal(((const uint8_t *)&sm)[i], 0);
	fuda_card_end(s.card);
	session_close(&s);
}

/* Each session has a key of its own. */
static void makes_new_keys(void **state)
{
	struct sm a = { 0 }, b = { 0 };
	struct session s;

	(void)state;
	begin(&s, FUDA_PIN_TEXT, "1234");
	session_expect(&s, sm_begin(s.card, &key_file, s.dl, &a), 0);
	session_expect(&s, sm_begin(s.card, &key_file, s.dl, &b), 0);
	assert_memory_not_equal(a.key, b.key, sizeof(a.key));
	fuda_card_end(s.card);
	session_close(&s);
}

/* The number A opens the key's file, but no session: card.md 3.3. */
static void needs_the_pin(void **state)
{
	struct sm sm = { .counter = 7 };
	struct session s;

	(void)state;
	begin(&s, FUDA_PIN_A, SAMPLE_MY_NUMBER);
	session_expect(&s, sm_begin(s.card, &key_file, s.dl, &sm), FUDA_ESECURITY);
	assert_int_equal(sm.counter, 7);
	fuda_card_end(s.card);
	session_close(&s);
	begin(&s, FUDA_PIN_TEXT, "");
	session_expect(&s, sm_begin(s.card, &key_file, s.dl, &sm), FUDA_ESECURITY);
	fuda_card_end(s.card);
	session_close(&s);
}

/* ---- primitives ---- */

/* NIST SP 800-38A F.2.1, the first two blocks. */
static void encrypts_by_the_book(void **state)
{
	static const struct {
		const char *key, *iv, *plain, *cipher;
	} v = { "2B7E151628AED2A6ABF7158809CF4F3C", "000102030405060708090A0B0C0D0E0F",
		"6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51",
		"7649ABAC8119B246CEE98E9B12E9197D5086CB9B507219EE95DB113A917678B2" };
	struct fuda_buf key = FUDA_BUF_INIT(16), iv = FUDA_BUF_INIT(16), plain = FUDA_BUF_INIT(32);
	uint8_t out[32];
	char hex[65];

	(void)state;
	assert_int_equal(fuda_hex_decode(v.key, &key), 0);
	assert_int_equal(fuda_hex_decode(v.iv, &iv), 0);
	assert_int_equal(fuda_hex_decode(v.plain, &plain), 0);
	assert_int_equal(crypto_aes_cbc(true, key.data, iv.data, plain.data, 32, out), 0);
	fuda_hex_encode(out, 32, hex);
	assert_string_equal(hex, v.cipher);
	assert_int_equal(crypto_aes_cbc(false, key.data, iv.data, out, 32, out), 0);
	assert_memory_equal(out, plain.data, 32);
	assert_int_equal(crypto_aes_cbc(true, key.data, iv.data, plain.data, 31, out), FUDA_EINVAL);
	fuda_buf_free(&key);
	fuda_buf_free(&iv);
	fuda_buf_free(&plain);
}

static void decrypt(EVP_PKEY *key, const struct fuda_buf *in, const uint8_t *expected, size_t expected_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t out[256];
	size_t len = sizeof(out);

	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()), 1);
	assert_int_equal(EVP_PKEY_decrypt(ctx, out, &len, in->data, in->len), 1);
	assert_int_equal(len, expected_len);
	assert_memory_equal(out, expected, len);
	EVP_PKEY_CTX_free(ctx);
}

static void encrypts_under_good_keys_only(void **state)
{
	static const uint8_t e[] = { 1, 0, 1 }, even[] = { 1, 0, 0 }, one[] = { 1 }, five[5] = { 1, 0, 0, 0, 1 };
	static const uint8_t message[256] = "message";
	struct fuda_buf out = FUDA_BUF_INIT(256), small = FUDA_BUF_INIT(255);
	EVP_PKEY *key = EVP_RSA_gen(2048);
	BIGNUM *n = NULL;
	uint8_t modulus[256];
	struct rsa_public k = { modulus, e, 256, 3 };

	(void)state;
	assert_int_equal(EVP_PKEY_get_bn_param(key, "n", &n), 1);
	assert_int_equal(BN_bn2binpad(n, modulus, 256), 256);
	assert_int_equal(crypto_rsa_oaep(&k, message, 36, &out), 0);
	decrypt(key, &out, message, 36);
	fuda_buf_clear(&out);
	assert_int_equal(crypto_rsa_oaep(&k, message, 190, &out), 0);
	decrypt(key, &out, message, 190);
	fuda_buf_clear(&out);
	assert_int_equal(crypto_rsa_oaep(&k, message, 191, &out), FUDA_EINVAL);
	assert_true(crypto_rsa_oaep(&k, message, 36, &small) < 0);
	k.exponent = even;
	assert_int_equal(crypto_rsa_oaep(&k, message, 36, &out), FUDA_EINVAL);
	k = (struct rsa_public){ modulus, one, 256, 1 };
	assert_int_equal(crypto_rsa_oaep(&k, message, 36, &out), FUDA_EINVAL);
	k = (struct rsa_public){ modulus, five, 256, 5 };
	assert_int_equal(crypto_rsa_oaep(&k, message, 36, &out), FUDA_EINVAL);
	k = (struct rsa_public){ modulus, e, 256, 0 };
	assert_int_equal(crypto_rsa_oaep(&k, message, 36, &out), FUDA_EINVAL);
	k = (struct rsa_public){ modulus, e, 255, 3 };
	assert_int_equal(crypto_rsa_oaep(&k, message, 36, &out), FUDA_EINVAL);
	k = (struct rsa_public){ modulus, e, 256, 3 };
	modulus[0] &= 0x7F;
	assert_int_equal(crypto_rsa_oaep(&k, message, 36, &out), FUDA_EINVAL);
	assert_int_equal(out.len, 0);
	BN_free(n);
	EVP_PKEY_free(key);
	fuda_buf_free(&out);
	fuda_buf_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(refuses_bad_answers, setup),
		cmocka_unit_test_setup(refuses_bad_keys, setup),
		cmocka_unit_test_setup(changes_show_in_the_signatures, setup),
		cmocka_unit_test_setup(reads_and_ends, setup),
		cmocka_unit_test_setup(makes_new_keys, setup),
		cmocka_unit_test_setup(needs_the_pin, setup),
		cmocka_unit_test(encrypts_by_the_book),
		cmocka_unit_test(encrypts_under_good_keys_only),
	};

	return stage_run(tests, softcard_setup, softcard_teardown);
}
