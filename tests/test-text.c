/* SPDX-License-Identifier: Apache-2.0 */
/* The text application of the software card through the public API: card.md 2.7, 3.3, 8.1, 12. */
#include <fuda/app.h>
#include <fuda/text.h>

#include "tests/session.h"

enum { NUMBER = 1, ATTRIBUTES = 2, SECURE = 4 };

static struct fuda_text_records records;

static int read_text(struct session *s, unsigned what, enum fuda_pin with)
{
	const struct fuda_text_request q = { .my_number = what & NUMBER,
					     .attributes = what & ATTRIBUTES,
					     .secure_messaging = what & SECURE,
					     .with = with,
					     .pin = &s->entry };

	return fuda_text_read(s->card, &q, s->dl, &records);
}

static int setup(void **state)
{
	(void)state;
	records = FUDA_TEXT_RECORDS_INIT;
	softcard_write("");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fuda_text_records_free(&records);
	return 0;
}

/* What was read says what the card was made of, and is genuine. */
static void check_records(const struct session *s, unsigned what)
{
	char digits[FUDA_MY_NUMBER_SIZE];
	struct fuda_attributes a;
	struct fuda_verdict verdict;

	assert_int_equal(records.my_number.len, what & NUMBER ? 17 : 0);
	if (what & NUMBER) {
		session_expect(s, fuda_text_my_number(s->ctx, &records, digits), 0);
		assert_string_equal(digits, SAMPLE_MY_NUMBER);
	}
	assert_int_equal(records.attributes.len != 0, (what & ATTRIBUTES) != 0);
	if (what & ATTRIBUTES) {
		session_expect(s, fuda_text_attributes(s->ctx, &records, &a), 0);
		assert_string_equal(a.name, SAMPLE_NAME);
		assert_string_equal(a.address, SAMPLE_ADDRESS);
		assert_int_equal(strlen(a.birth_date), 10);
	}
	session_expect(s, fuda_text_verify(s->trust, &records, &verdict), 0);
	assert_string_equal(verdict.rule, "");
	assert_int_equal(verdict.result, FUDA_RESULT_OK);
}

static const struct way {
	unsigned what;
	enum fuda_pin with;
	const char *secret;
} ways[] = {
	{ NUMBER | ATTRIBUTES, FUDA_PIN_TEXT, "1234" }, { NUMBER, FUDA_PIN_TEXT, "1234" },
	{ ATTRIBUTES, FUDA_PIN_TEXT, "1234" },		{ NUMBER, FUDA_PIN_A, SAMPLE_MY_NUMBER },
	{ ATTRIBUTES, FUDA_PIN_B, SAMPLE_B },
};

static void reads_in_every_reading(void **state)
{
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readings); i += stage_step()) {
		for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
			print_message("%zu %s", w, *readings[i] ? readings[i] : "as made\n");
			softcard_write(readings[i]);
			session_open(&s, NULL, ways[w].secret);
			session_expect(&s, read_text(&s, ways[w].what, ways[w].with), 0);
			check_records(&s, ways[w].what);
			assert_true(s.entry.sent);
			assert_int_equal(vcard_usage(session_vcard(&s)).verifies, 1);
			/* nobody finds it verified: card.md 0.7 */
			assert_false(session_holds(&s, false));
			session_close(&s);
		}
	}
}

/* Twice in a session: what is known of extended length is used at once. */
static struct fuda_apdu_count count_second(const char *settings, unsigned what)
{
	struct fuda_apdu_count before, after;
	struct session s;

	softcard_write(settings);
	session_open(&s, NULL, "1234");
	session_expect(&s, read_text(&s, what, FUDA_PIN_TEXT), 0);
	before = fuda_card_apdus(s.card);
	session_expect(&s, read_text(&s, what, FUDA_PIN_TEXT), 0);
	check_records(&s, what);
	after = fuda_card_apdus(s.card);
	session_close(&s);
	after.count -= before.count;
	after.sent -= before.sent;
	after.received -= before.received;
	return after;
}

static void stays_within_its_budget(void **state)
{
	/* headers of commands, status words, the secret, the challenge and its answer */
	enum { SHORT_OVERHEAD = 7, CHALLENGE = 56 + 258 };
	struct saved_file attributes;
	struct fuda_apdu_count n;
	size_t logical;

	(void)state;
	session_need(&session_roomy);
	file_load(&attributes, "text-0002.bin");
	logical = 568 + file_object(&attributes) + 336 + 536;
	/* SELECT, certificate, counter, VERIFY, attributes, integrity; key, challenge */
	n = count_second("", ATTRIBUTES);
	assert_int_equal(n.count, 6 + 2);
	assert_in_range(n.sent + n.received, logical, logical * 105 / 100 + n.count * 9 + 14 + CHALLENGE);
	n = count_second("extended = no\n", ATTRIBUTES);
	assert_int_equal(n.count, 9 + 4);
	assert_in_range(n.sent + n.received, logical,
			logical * 105 / 100 + n.count * SHORT_OVERHEAD + 14 + CHALLENGE);
	n = count_second("", NUMBER);
	assert_int_equal(n.count, 6 + 2);
	n = count_second("", NUMBER | ATTRIBUTES);
	assert_int_equal(n.count, 7 + 2);
	n = count_second("", NUMBER | ATTRIBUTES | SECURE);
	/* key of the card, session key; each record selected and read */
	assert_int_equal(n.count, 4 + 2 + 4 * 2 + 1);
}

/* ---- secrets ---- */

static void counts_the_tries(void **state)
{
	struct session s;

	(void)state;
	for (int left = 2; left >= 0; left--) {
		session_open(&s, NULL, "0000");
		s.entry.use_last_try = left == 0;
		session_expect(&s, read_text(&s, NUMBER, FUDA_PIN_TEXT), left ? FUDA_EPINWRONG : FUDA_EPINBLOCKED);
		assert_int_equal(s.entry.tries_before, left + 1);
		assert_int_equal(s.entry.tries_after, left);
		assert_int_equal(records.certificate.len, 0);
		assert_false(session_holds(&s, false));
		session_close(&s);
		if (left != 1)
			continue;
		/* the last one is not spent unasked */
		session_open(&s, NULL, "1234");
		session_expect(&s, read_text(&s, NUMBER, FUDA_PIN_TEXT), FUDA_ELASTTRY);
		assert_false(s.entry.sent);
		session_close(&s);
	}
}

/* A blocked secret, however the card says it, hides nothing else: card.md 8.1. */
static void one_blocked_secret_is_one(void **state)
{
	static const char *const rows[] = {
		"blocked-query = 63C0\nblocked-verify = 6984\n",
		"blocked-query = 6984\nblocked-verify = 6984\n",
		"blocked-query = 63C0\nblocked-verify = 6983\n",
		"blocked-query = 6984\nblocked-verify = 6983\nquery-5-bytes = 6700\n",
	};
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		softcard_write(rows[i]);
		session_open(&s, NULL, "0000");
		s.entry.use_last_try = true;
		for (int left = 2; left > 0; left--)
			session_expect(&s, read_text(&s, NUMBER, FUDA_PIN_TEXT), FUDA_EPINWRONG);
		for (int again = 0; again < 2; again++)
			session_expect(&s, read_text(&s, NUMBER, FUDA_PIN_TEXT), FUDA_EPINBLOCKED);
		session_says(&s, "municipal office");
		assert_false(s.entry.sent);
		session_close(&s);
		session_open(&s, NULL, SAMPLE_B);
		session_expect(&s, read_text(&s, ATTRIBUTES, FUDA_PIN_B), 0);
		check_records(&s, ATTRIBUTES);
		session_close(&s);
	}
}

/* Each application has its own counters of A and B: card.md 3.2. */
static void spends_only_its_own_counter(void **state)
{
	struct fuda_pin_counter counters[FUDA_PIN_COUNTERS_MAX];
	struct session s;
	size_t count;

	(void)state;
	session_open(&s, NULL, "000000000000");
	session_expect(&s, read_text(&s, NUMBER, FUDA_PIN_A), FUDA_EPINWRONG);
	session_expect(&s, fuda_pin_counters(s.card, s.dl, counters, &count), 0);
	for (size_t i = 0; i < count; i++)
		if (counters[i].pin == FUDA_PIN_A || counters[i].pin == FUDA_PIN_B)
			assert_int_equal(counters[i].tries, counters[i].pin == FUDA_PIN_A &&
								    strcmp(counters[i].application, "text") == 0 ?
							    9 : 10);
	session_close(&s);
}

/* ---- other tokens, other content ---- */

static void smartphones_do_not_have_it(void **state)
{
	static const char *const rows[] = { "kind = android\nlabel = JPKIAPGPSETOKEN\n",
					    "kind = iphone\nlabel = JPKIAPIOSTOKEN\n" };
	const char *names[FUDA_APPLICATIONS_MAX];
	struct fuda_basic basic;
	struct session s;
	size_t count;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		softcard_write(rows[i]);
		session_open(&s, NULL, "1234");
		session_expect(&s, read_text(&s, NUMBER, FUDA_PIN_TEXT), FUDA_ENOTFOUND);
		session_says(&s, "smartphone");
		assert_false(s.entry.sent);
		session_expect(&s, fuda_text_basic(s.card, s.dl, &basic), FUDA_ENOTFOUND);
		session_expect(&s, fuda_applications(s.card, s.dl, names, &count), 0);
		assert_int_equal(count, 1);
		assert_string_equal(names[0], "jpki");
		session_close(&s);
	}
	softcard_write("");
	session_open(&s, NULL, "1234");
	session_expect(&s, fuda_applications(s.card, s.dl, names, &count), 0);
	assert_int_equal(count, 5); /* the ISD is none */
	session_close(&s);
}

static void reads_basic_data(void **state)
{
	struct fuda_basic basic;
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readings); i += stage_step()) {
		softcard_write(readings[i]);
		session_open(&s, NULL, "1234");
		session_expect(&s, fuda_text_basic(s.card, s.dl, &basic), 0);
		assert_memory_equal(basic.identification, "\x01\x03\x0E\x01", 4);
		assert_string_equal(basic.municipality, "");
		assert_false(s.entry.sent);
		assert_true(session_holds(&s, true));
		session_close(&s);
	}
}

static void refuses_bad_files(void **state)
{
	static const struct {
		const char *what, *file;
		const uint8_t *bytes;
		size_t len;
		unsigned wanted;
		int error;
		const char *message;
	} rows[] = {
		{ "attributes cut off", "text-0002.bin", (const uint8_t *)"\xFF\x20\x65\xDF\x21\x08", 6, ATTRIBUTES,
		  FUDA_EFORMAT, "the attributes" },
		{ "attributes all filler", "text-0002.bin", (const uint8_t *)"\xFF\xFF\xFF\xFF", 4, ATTRIBUTES,
		  FUDA_ENOTFOUND, "the attributes" },
		{ "attributes all zeros", "text-0002.bin", (const uint8_t *)"\0\0\0\0", 4, ATTRIBUTES, FUDA_ENOTFOUND,
		  "the attributes" },
		{ "attributes too long", "text-0002.bin", (const uint8_t *)"\xFF\x20\x82\x7F\xFF", 5, ATTRIBUTES,
		  FUDA_ETOOBIG, "the attributes" },
		{ "attributes without an end", "text-0002.bin", (const uint8_t *)"\xFF\x20\x80\x00\x00", 5, ATTRIBUTES,
		  FUDA_EFORMAT, "the attributes" },
		{ "integrity cut off", "text-0003.bin", (const uint8_t *)"\xFF\x30\x82\x01\x4B\x00", 6, NUMBER,
		  FUDA_EFORMAT, "the integrity record" },
		{ "signed key cut off", "text-0007.bin", (const uint8_t *)"\xFF\x50\x82\x02\x13\x00", 6, NUMBER,
		  FUDA_EFORMAT, "its signed key" },
		{ "certificate cut off", "text-0004.bin", (const uint8_t *)"\x7F\x21\x82\x02\x33\x00", 6, NUMBER,
		  FUDA_EFORMAT, "the certificate" },
		{ "certificate too long", "text-0004.bin", (const uint8_t *)"\x7F\x21\x82\x70\x33\x00", 6, NUMBER,
		  FUDA_ETOOBIG, "the certificate" },
	};
	struct saved_file f;
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned secure = 0; secure <= (session_extended ? SECURE : 0); secure += SECURE) {
			print_message("%s%s\n", rows[i].what, secure ? ", encrypted" : "");
			file_load(&f, rows[i].file);
			file_write(f.path, rows[i].bytes, rows[i].len);
			session_open(&s, NULL, "1234");
			session_expect(&s, read_text(&s, rows[i].wanted | secure, FUDA_PIN_TEXT), rows[i].error);
			session_says(&s, rows[i].message);
			/* what is free to read is judged before the secret is sent */
			assert_int_equal(s.entry.sent, strcmp(rows[i].file, "text-0004.bin") != 0);
			assert_int_equal(records.certificate.len, 0);
			session_close(&s);
			file_restore(&f);
		}
	}
}

/* Larger than usual, or larger than the short form of a length: read all the same. */
static void takes_other_sizes(void **state)
{
	static const size_t sizes[] = { 1, 127, 128, 255, 256, 257, 512, 3000, 8187 };
	static uint8_t big[9000];
	struct saved_file f;
	struct session s;

	(void)state;
	file_load(&f, "text-0002.bin");
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (size_t filler = 0; filler < 3; filler++) {
			size_t head = sizes[i] > 255 ? 5 : sizes[i] > 127 ? 4 : 3;

			memset(big, 'x', sizeof(big));
			memcpy(big, "\xFF\x20\x82", 3);
			big[3] = (uint8_t)(sizes[i] >> 8);
			big[head - 1] = (uint8_t)sizes[i];
			if (head == 4)
				big[2] = 0x81;
			memset(big + head + sizes[i], 0xFF, filler);
			file_write(f.path, big, head + sizes[i] + filler);
			softcard_write(filler == 1 ? "extended = no\n" : "");
			session_open(&s, NULL, "1234");
			session_expect(&s, read_text(&s, ATTRIBUTES, FUDA_PIN_TEXT), 0);
			assert_int_equal(records.attributes.len, head + sizes[i]);
			assert_memory_equal(records.attributes.data, big, head + sizes[i]);
			session_close(&s);
			session_open(&s, NULL, "1234");
			softcard_write("");
			session_close(&s);
		}
	}
	file_restore(&f);
}

/* A card that has the records of another, but not its key. */
static void tells_a_copy(void **state)
{
	struct saved_file key, other;
	struct fuda_verdict verdict;
	struct session s;

	(void)state;
	file_load(&key, "text-0013.pem");
	file_load(&other, "face-001A.pem");
	file_write(key.path, other.bytes, other.len);
	session_open(&s, NULL, "1234");
	session_expect(&s, read_text(&s, NUMBER | ATTRIBUTES, FUDA_PIN_TEXT), 0);
	session_expect(&s, fuda_text_verify(s.trust, &records, &verdict), 0);
	assert_int_equal(verdict.result, FUDA_RESULT_SIGNATURE_MISMATCH);
	assert_string_equal(verdict.rule, "challenge_signature");
	session_close(&s);
	/* one without any key does not answer, which is no better */
	unlink(key.path);
	session_open(&s, NULL, "1234");
	session_expect(&s, read_text(&s, NUMBER, FUDA_PIN_TEXT), FUDA_ESW);
	session_says(&s, "from a copy");
	session_close(&s);
	file_restore(&key);
}

/* ---- secure messaging ---- */

static bool number_seen, name_seen, secret_seen;

static void look_for_secrets(const uint8_t *command, size_t len, struct fuda_buf *response)
{
	const struct fuda_buf *r = response;

	number_seen |= r->len && memmem(r->data, r->len, SAMPLE_MY_NUMBER, 12);
	name_seen |= r->len && memmem(r->data, r->len, SAMPLE_NAME, strlen(SAMPLE_NAME));
	secret_seen |= memmem(command, len, "1234", 4) != NULL;
}

static void encrypts(void **state)
{
	struct session s;

	(void)state;
	for (unsigned secure = 0; secure <= (session_extended ? SECURE : 0); secure += SECURE) {
		number_seen = name_seen = secret_seen = false;
		session_open(&s, NULL, "1234");
		session_spy(&s, look_for_secrets);
		session_expect(&s, read_text(&s, NUMBER | ATTRIBUTES | secure, FUDA_PIN_TEXT), 0);
		check_records(&s, NUMBER | ATTRIBUTES);
		assert_int_equal(number_seen, !secure);
		assert_int_equal(name_seen, !secure);
		assert_true(secret_seen); /* as the documents say: card.md 3.3 */
		session_close(&s);
	}
}

static void encrypts_only_with_extended_length(void **state)
{
	static const struct {
		const char *settings;
		int error;
	} rows[] = {
		{ "extended = no\n", FUDA_ENOTSUP },
		{ "max-response = 258\nmax-command = 261\n", FUDA_ENOTSUP },
		{ "max-response = 258\n", FUDA_ENOTSUP },
		{ "max-command = 264\n", FUDA_ENOTSUP },
		{ "max-command = 265\n", 0 },
		{ "responses = 61xx\n", 0 },
		{ "past-end = 9000\n", 0 },
		{ "first-command = 6F00\n", 0 },
		{ "reselect = keep\n", 0 },
	};
	struct session s;

	(void)state;
	session_need(&session_extended);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("%s", rows[i].settings);
		softcard_write(rows[i].settings);
		session_open(&s, NULL, "1234");
		session_expect(&s, read_text(&s, NUMBER | ATTRIBUTES | SECURE, FUDA_PIN_TEXT), rows[i].error);
		assert_int_equal(s.entry.sent, rows[i].error == 0);
		if (rows[i].error)
			session_says(&s, "needs extended length");
		else
			check_records(&s, NUMBER | ATTRIBUTES);
		session_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_in_every_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(stays_within_its_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(counts_the_tries, setup, teardown),
		cmocka_unit_test_setup_teardown(one_blocked_secret_is_one, setup, teardown),
		cmocka_unit_test_setup_teardown(spends_only_its_own_counter, setup, teardown),
		cmocka_unit_test_setup_teardown(smartphones_do_not_have_it, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_basic_data, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_bad_files, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_other_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_a_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(encrypts, setup, teardown),
		cmocka_unit_test_setup_teardown(encrypts_only_with_extended_length, setup, teardown),
	};

	return stage_run(tests, softcard_setup, softcard_teardown);
}
