/* SPDX-License-Identifier: Apache-2.0 */
/* The face application of the software card through the public API: card.md 2.6, 8.1, 12. */
#include <fuda/face.h>

#include "tests/session.h"

enum { AGE = 1, FACE = 2, NUMBER = 4 };

static struct fuda_face_records records;

static int read_face(struct session *s, unsigned what, enum fuda_pin with)
{
	const struct fuda_face_request q = {
		.age = what & AGE, .face = what & FACE, .my_number = what & NUMBER, .with = with, .pin = &s->entry
	};

	return fuda_face_read(s->card, &q, s->dl, &records);
}

static int setup(void **state)
{
	(void)state;
	records = FUDA_FACE_RECORDS_INIT;
	softcard_write("");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fuda_face_records_free(&records);
	return 0;
}

/* What was read is what was asked for, whole, and genuine. */
static void check_records(const struct session *s, unsigned what)
{
	struct fuda_face face;
	char birth[FUDA_DATE_SIZE];
	struct fuda_bytes png;
	struct fuda_verdict verdict;

	assert_int_equal(records.age.len != 0, (what & AGE) != 0);
	assert_int_equal(records.face.len != 0, (what & FACE) != 0);
	assert_int_equal(records.my_number.len != 0, (what & NUMBER) != 0);
	if (what & AGE) {
		session_expect(s, fuda_face_age(s->ctx, &records, birth), 0);
		assert_int_equal(strlen(birth), 10);
	}
	if (what & FACE) {
		session_expect(s, fuda_face_parts(s->ctx, &records, &face), 0);
		assert_true(face.photo.len > 1000 && face.name.len && face.address.len && face.security_code.len);
		assert_int_equal(strlen(face.expiry), 10);
	}
	if (what & NUMBER) {
		session_expect(s, fuda_face_my_number(s->ctx, &records, &png), 0);
		assert_memory_equal(png.p, "\x89PNG", 4);
	}
	session_expect(s, fuda_face_verify(s->trust, &records, &verdict), 0);
	assert_string_equal(verdict.rule, "");
	assert_int_equal(verdict.result, FUDA_RESULT_OK);
}

static const struct way {
	unsigned what;
	enum fuda_pin with;
	const char *secret;
} ways[] = {
	{ FACE, FUDA_PIN_B, SAMPLE_B },
	{ FACE, FUDA_PIN_A, SAMPLE_MY_NUMBER },
	{ NUMBER, FUDA_PIN_A, SAMPLE_MY_NUMBER },
	{ FACE | NUMBER, FUDA_PIN_A, SAMPLE_MY_NUMBER },
	{ AGE, FUDA_PIN_BIRTH, SAMPLE_BIRTH_KEY },
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
			session_expect(&s, read_face(&s, ways[w].what, ways[w].with), 0);
			check_records(&s, ways[w].what);
			assert_int_equal(vcard_usage(session_vcard(&s)).verifies, 1);
			/* nobody finds it verified: card.md 0.7 */
			assert_false(session_holds(&s, false));
			session_close(&s);
		}
	}
}

/* Twice in a session: what is known of extended length is used at once. */
static struct fuda_apdu_count count_second(const char *settings, const struct way *w)
{
	struct fuda_apdu_count before, after;
	struct session s;

	softcard_write(settings);
	session_open(&s, NULL, w->secret);
	session_expect(&s, read_face(&s, w->what, w->with), 0);
	before = fuda_card_apdus(s.card);
	session_expect(&s, read_face(&s, w->what, w->with), 0);
	after = fuda_card_apdus(s.card);
	session_close(&s);
	after.count -= before.count;
	after.sent -= before.sent;
	after.received -= before.received;
	return after;
}

/* Each way, with extended length and without. The face of the card, and one that fills 6 KB. */
static void stays_within_its_budget(void **state)
{
	/* headers of commands, status words, the secret, the challenge and its answer */
	enum { OVERHEAD = 9, SECRET = 14, CHALLENGE = 56 + 258, KB_6 = 6144 };
	struct saved_file f, as_made;
	struct fuda_apdu_count n;
	size_t logical;

	(void)state;
	session_need(&session_roomy);
	file_load(&f, "face-0002.bin");
	as_made = f;
	logical = 568 + file_object(&f);
	n = count_second("", &ways[0]);
	/* SELECT, certificate, counter, VERIFY, the face in two; the challenge */
	assert_int_equal(n.count, 6 + 1);
	assert_in_range(n.sent + n.received, logical, logical * 105 / 100 + n.count * OVERHEAD + SECRET + CHALLENGE);
	n = count_second("extended = no\n", &ways[0]);
	assert_int_equal(n.count, 6 + (file_object(&f) + 255) / 256 + 1);
	assert_in_range(n.sent + n.received, logical, logical * 105 / 100 + n.count * OVERHEAD + SECRET + CHALLENGE);
	f.bytes[2] = 0x82;
	f.bytes[3] = (KB_6 - 5) >> 8;
	f.bytes[4] = (KB_6 - 5) & 0xFF;
	file_write(f.path, f.bytes, KB_6);
	n = count_second("extended = no\n", &ways[0]);
	assert_int_equal(n.count, 30 + 1);
	n = count_second("", &ways[0]);
	assert_int_equal(n.count, 6 + 1);
	file_restore(&as_made);
	n = count_second("", &ways[4]);
	assert_int_equal(n.count, 5 + 1);
}

/* ---- secrets ---- */

static void refuses_wrong_secrets(void **state)
{
	static const struct {
		unsigned what;
		enum fuda_pin with;
		const char *secret;
		int tries;
	} rows[] = {
		{ FACE, FUDA_PIN_B, "02051520351471", 10 },
		{ FACE, FUDA_PIN_A, OTHER_MY_NUMBER, 10 },
		{ AGE, FUDA_PIN_BIRTH, "020516", 10 },
	};
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int left = rows[i].tries - 1; left >= 0; left--) {
			session_open(&s, NULL, rows[i].secret);
			s.entry.use_last_try = left == 0;
			session_expect(&s, read_face(&s, rows[i].what, rows[i].with),
				       left ? FUDA_EPINWRONG : FUDA_EPINBLOCKED);
			assert_int_equal(s.entry.tries_before, left + 1);
			assert_int_equal(s.entry.tries_after, left);
			assert_int_equal(records.certificate.len, 0);
			session_close(&s);
		}
		session_open(&s, NULL, rows[i].secret);
		session_expect(&s, read_face(&s, rows[i].what, rows[i].with), FUDA_EPINBLOCKED);
		assert_false(s.entry.sent);
		session_close(&s);
	}
	/* the text application's A and B have counters of their own: card.md 3.2 */
	session_open(&s, NULL, SAMPLE_B);
	assert_int_equal(fuda_pin_tries(s.card, FUDA_PIN_TEXT, s.dl, &s.entry.tries_after), 0);
	assert_int_equal(s.entry.tries_after, 3);
	session_close(&s);
}

/* A birth key whose counter has no limit answers the query with 6300 (card.md 3): no last try is
 * spent unasked, and it works when asked. */
static void takes_a_key_without_limit(void **state)
{
	struct session s;

	(void)state;
	softcard_write("birth-tries = 0\n");
	session_open(&s, NULL, SAMPLE_BIRTH_KEY);
	session_expect(&s, read_face(&s, AGE, FUDA_PIN_BIRTH), FUDA_ELASTTRY);
	assert_false(s.entry.sent);
	s.entry.use_last_try = true;
	session_expect(&s, read_face(&s, AGE, FUDA_PIN_BIRTH), 0);
	check_records(&s, AGE);
	session_close(&s);
}

/* ---- other tokens, other content ---- */

static void smartphones_do_not_have_it(void **state)
{
	static const char *const rows[] = { "kind = android\nlabel = JPKIAPGPSETOKEN\n",
					    "kind = iphone\nlabel = JPKIAPIOSTOKEN\n" };
	struct fuda_basic basic = { .municipality = "?" };
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		softcard_write(rows[i]);
		session_open(&s, NULL, SAMPLE_B);
		session_expect(&s, read_face(&s, FACE, FUDA_PIN_B), FUDA_ENOTFOUND);
		session_says(&s, "smartphone");
		assert_false(s.entry.sent);
		session_expect(&s, fuda_face_basic(s.card, s.dl, &basic), FUDA_ENOTFOUND);
		assert_string_equal(basic.municipality, "?");
		session_close(&s);
	}
}

static void reads_basic_data(void **state)
{
	struct fuda_basic basic;
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readings); i += stage_step()) {
		softcard_write(readings[i]);
		session_open(&s, NULL, SAMPLE_B);
		session_expect(&s, fuda_face_basic(s.card, s.dl, &basic), 0);
		assert_memory_equal(basic.identification, "\x06\x03\x0E\x01", 4);
		assert_int_equal(strlen(basic.municipality), 5);
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
		enum fuda_pin with;
		const char *secret;
		int error;
		const char *message;
	} rows[] = {
		{ "face cut off", "face-0002.bin", (const uint8_t *)"\xFF\x20\x82\x10\x00\xDF", 6, FACE, FUDA_PIN_B,
		  SAMPLE_B, FUDA_EFORMAT, "the card face" },
		{ "face all filler", "face-0002.bin", (const uint8_t *)"\xFF\xFF\xFF", 3, FACE, FUDA_PIN_B, SAMPLE_B,
		  FUDA_ENOTFOUND, "the card face" },
		{ "face of 64 KiB", "face-0002.bin", (const uint8_t *)"\xFF\x20\x82\xFF\xFF", 5, FACE, FUDA_PIN_B,
		  SAMPLE_B, FUDA_ETOOBIG, "the card face" },
		{ "face of 4 GiB", "face-0002.bin", (const uint8_t *)"\xFF\x20\x84\xFF\xFF\xFF\xFF", 7, FACE,
		  FUDA_PIN_B, SAMPLE_B, FUDA_ETOOBIG, "the card face" },
		{ "picture cut off", "face-0005.bin", (const uint8_t *)"\xFF\x40\x82\x02\xA0\xDF", 6, NUMBER,
		  FUDA_PIN_A, SAMPLE_MY_NUMBER, FUDA_EFORMAT, "the picture of the My Number" },
		{ "picture too long", "face-0005.bin", (const uint8_t *)"\xFF\x40\x82\x20\xA0\xDF", 6, NUMBER,
		  FUDA_PIN_A, SAMPLE_MY_NUMBER, FUDA_ETOOBIG, "the picture of the My Number" },
		{ "age cut off", "face-0001.bin", (const uint8_t *)"\xFF\x10\x82\x02\x1E\xDF", 6, AGE, FUDA_PIN_BIRTH,
		  SAMPLE_BIRTH_KEY, FUDA_EFORMAT, "the age record" },
		{ "no certificate", "face-0004.bin", (const uint8_t *)"\xFF\xFF\xFF\xFF", 4, FACE, FUDA_PIN_B,
		  SAMPLE_B, FUDA_ENOTFOUND, "the certificate" },
	};
	struct saved_file f;
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("%s\n", rows[i].what);
		file_load(&f, rows[i].file);
		file_write(f.path, rows[i].bytes, rows[i].len);
		session_open(&s, NULL, rows[i].secret);
		session_expect(&s, read_face(&s, rows[i].wanted, rows[i].with), rows[i].error);
		session_says(&s, rows[i].message);
		assert_int_equal(s.entry.sent, strcmp(rows[i].file, "face-0004.bin") != 0);
		session_close(&s);
		file_restore(&f);
	}
}

/* As large as a file can be, in one piece and in 128. */
static void takes_the_largest_face(void **state)
{
	static struct saved_file f, as_made;
	struct session s;

	(void)state;
	file_load(&f, "face-0002.bin");
	as_made = f;
	f.len = FUDA_FACE_MAX;
	memset(f.bytes, 0x55, f.len);
	memcpy(f.bytes, "\xFF\x20\x82\x7F\xFB", 5);
	file_write(f.path, f.bytes, f.len);
	for (int extended = 0; extended < 2; extended++) {
		softcard_write(extended ? "" : "extended = no\n");
		session_open(&s, NULL, SAMPLE_B);
		session_expect(&s, read_face(&s, FACE, FUDA_PIN_B), 0);
		assert_int_equal(records.face.len, FUDA_FACE_MAX);
		assert_memory_equal(records.face.data, f.bytes, f.len);
		session_close(&s);
	}
	file_restore(&as_made);
}

/* A card that has the records of another, but not its key. */
static void tells_a_copy(void **state)
{
	struct saved_file key, other;
	struct fuda_verdict verdict;
	struct session s;

	(void)state;
	file_load(&key, "face-001A.pem");
	file_load(&other, "text-0013.pem");
	file_write(key.path, other.bytes, other.len);
	session_open(&s, NULL, SAMPLE_B);
	session_expect(&s, read_face(&s, FACE, FUDA_PIN_B), 0);
	session_expect(&s, fuda_face_verify(s.trust, &records, &verdict), 0);
	assert_int_equal(verdict.result, FUDA_RESULT_SIGNATURE_MISMATCH);
	assert_string_equal(verdict.rule, "challenge_signature");
	session_close(&s);
	file_restore(&key);
}

/* Each challenge is a new one. */
static void asks_anew(void **state)
{
	uint8_t first[32];
	struct session s;

	(void)state;
	session_open(&s, NULL, SAMPLE_B);
	session_expect(&s, read_face(&s, FACE, FUDA_PIN_B), 0);
	memcpy(first, records.response.challenge, sizeof(first));
	session_expect(&s, read_face(&s, FACE, FUDA_PIN_B), 0);
	assert_memory_not_equal(first, records.response.challenge, sizeof(first));
	session_close(&s);
}

/* ---- the tap ---- */

/* Once for each opening, with all the tries there are, and not otherwise. */
static void taps_once(_unused_ void **state)
{
	static const struct {
		const char *settings, *birth;
		int least;
		bool use_last_try;
		int result;
		bool sent;
	} cases[] = {
		{ "", SAMPLE_BIRTH_KEY, 0, false, FUDA_EINVAL, false },
		{ "", SAMPLE_BIRTH_KEY, 11, false, FUDA_ELASTTRY, false },
		{ "", SAMPLE_BIRTH_KEY, 11, true, FUDA_ELASTTRY, false },
		{ "birth-tries = 0\n", SAMPLE_BIRTH_KEY, 10, false, FUDA_ELASTTRY, false },
		{ "birth-tries = 0\n", SAMPLE_BIRTH_KEY, 10, true, FUDA_ELASTTRY, false },
		{ "birth-tries = 1\n", SAMPLE_BIRTH_KEY, 1, true, FUDA_ELASTTRY, false },
		{ "", "02051", 10, false, FUDA_EPINFORM, false },
		{ "", "020516", 10, false, FUDA_EPINWRONG, true },
		{ "", SAMPLE_BIRTH_KEY, 10, false, 0, true },
	};
	const uint8_t challenge[32] = { 1, 2, 3 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX);
		struct session s;
		int r;

		softcard_write(cases[i].settings);
		session_open(&s, NULL, cases[i].birth);
		s.entry.tries_least = cases[i].least;
		s.entry.use_last_try = cases[i].use_last_try;
		r = fuda_face_tap(s.card, &s.entry, challenge, s.dl, &signature);
		if (r != cases[i].result || s.entry.sent != cases[i].sent)
			fail_msg("case %zu: %s", i, fuda_error_name(r));
		assert_int_equal(signature.len, r == 0 ? 256 : 0);
		if (cases[i].sent) { /* right or wrong, that was it */
			s.entry.sent = false;
			r = fuda_face_tap(s.card, &s.entry, challenge, s.dl, &signature);
			assert_int_equal(r, FUDA_EINVAL);
			assert_false(s.entry.sent);
		}
		session_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_in_every_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(stays_within_its_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_wrong_secrets, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_a_key_without_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(smartphones_do_not_have_it, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_basic_data, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_bad_files, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_the_largest_face, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_a_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(asks_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(taps_once, setup, teardown),
	};

	return stage_run(tests, softcard_setup, softcard_teardown);
}
