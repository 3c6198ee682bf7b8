/* SPDX-License-Identifier: Apache-2.0 */
/* The JPKI application of all kinds of software tokens through the public API: card.md 2.3, 3.1, 6, and
 * what today's tools get wrong (8.1), in every reading of card.md 12. */
#include <fuda/jpki.h>
#include <fuda/pki.h>

#include "tests/session.h"

static const struct kind {
	const char *settings;
	enum fuda_token_kind kind;
	bool behind_pin; /* the authentication certificate */
} kinds[] = {
	{ "", FUDA_TOKEN_CARD, false },
	{ "kind = android\nlabel = JPKIAPGPSETOKEN\n", FUDA_TOKEN_ANDROID, true },
	{ "kind = iphone\nlabel = JPKIAPIOSTOKEN\n", FUDA_TOKEN_IPHONE, true },
};

static const struct key {
	enum fuda_jpki_object key;
	enum fuda_pin pin;
	const char *secret, *wrong;
	int tries;
} keys[] = {
	{ FUDA_JPKI_AUTH, FUDA_PIN_AUTH, "1234", "0000", 3 },
	{ FUDA_JPKI_SIGN, FUDA_PIN_SIGN, SAMPLE_SIGN, SAMPLE_SIGN_WRONG, 5 },
};

static struct fuda_buf signature, certificate;

static int setup(void **state)
{
	(void)state;
	signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX);
	certificate = FUDA_BUF_INIT(FUDA_CERTIFICATE_MAX);
	softcard_write("");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fuda_buf_free(&signature);
	fuda_buf_free(&certificate);
	return 0;
}

static void put_settings(const char *first, const char *second)
{
	char text[512];

	snprintf(text, sizeof(text), "%s%s", first, second);
	softcard_write(text);
}

static const struct fuda_digest digest = { FUDA_SHA256, 32, { 1, 2, 3 } };

static int sign(struct session *s, const struct key *k)
{
	fuda_buf_clear(&signature);
	fuda_buf_clear(&certificate);
	return fuda_jpki_sign_digest(s->card, k->key, &digest, &s->entry, s->dl, &signature, &certificate);
}

/* The signature is the one of the key in the certificate. */
static void check_signature(const struct session *s)
{
	const struct fuda_signed what = { digest, FUDA_PKCS1, signature.data, signature.len };
	struct fuda_cert *cert = NULL;
	struct fuda_verdict verdict;

	assert_int_equal(signature.len, 256);
	session_expect(s, fuda_cert_new(s->ctx, certificate.data, certificate.len, &cert), 0);
	session_expect(s, fuda_verify(NULL, cert, FUDA_USE_UNKNOWN, time(NULL), &what, &verdict), 0);
	assert_string_equal(verdict.rule, "");
	fuda_cert_free(&cert);
}

static void signs_in_every_reading(void **state)
{
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readings); i += stage_step()) {
		for (size_t n = 0; n < ARRAY_SIZE(kinds) * ARRAY_SIZE(keys); n++) {
			const struct key *k = &keys[n % ARRAY_SIZE(keys)];

			print_message("%zu %s", n, *readings[i] ? readings[i] : "as made\n");
			put_settings(kinds[n / ARRAY_SIZE(keys)].settings, readings[i]);
			session_open(&s, NULL, k->secret);
			session_expect(&s, sign(&s, k), 0);
			check_signature(&s);
			assert_int_equal(vcard_usage(session_vcard(&s)).verifies, 1);
			assert_false(session_holds(&s, false));
			session_close(&s);
		}
	}
}

/* What is known of a token saves the command that would fail. */
static void makes_use_of_what_it_knows(void **state)
{
	struct fuda_jpki_token token;
	unsigned long before;
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		unsigned long counts[2];

		for (int told = 0; told < 2; told++) {
			softcard_write(kinds[i].settings);
			session_open(&s, NULL, "1234");
			if (told) {
				session_expect(&s, fuda_jpki_token(s.card, s.dl, &token), 0);
				assert_int_equal(token.kind, kinds[i].kind);
			}
			before = fuda_card_apdus(s.card).count;
			session_expect(&s, sign(&s, &keys[0]), 0);
			check_signature(&s);
			counts[told] = fuda_card_apdus(s.card).count - before;
			session_close(&s);
		}
		assert_int_equal(counts[1], counts[0] - (kinds[i].behind_pin ? 1 : 0));
		if (!kinds[i].behind_pin && session_roomy)
			assert_int_equal(counts[0], 6);
	}
}

/* ---- certificates ---- */

static void reads_certificates(void **state)
{
	static const enum fuda_jpki_object all[] = { FUDA_JPKI_AUTH, FUDA_JPKI_SIGN, FUDA_JPKI_AUTH_CA,
						     FUDA_JPKI_SIGN_CA };
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		softcard_write(kinds[i].settings);
		for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
			bool closed = all[k] == FUDA_JPKI_SIGN || (all[k] == FUDA_JPKI_AUTH && kinds[i].behind_pin);

			session_open(&s, NULL, all[k] == FUDA_JPKI_SIGN ? SAMPLE_SIGN_SMALL : "1234");
			fuda_buf_clear(&certificate);
			session_expect(&s, fuda_jpki_certificate(s.card, all[k], NULL, s.dl, &certificate),
				       closed ? FUDA_ESECURITY : 0);
			assert_int_equal(certificate.len != 0, !closed);
			fuda_buf_clear(&certificate);
			session_expect(&s, fuda_jpki_certificate(s.card, all[k], &s.entry, s.dl, &certificate), 0);
			assert_int_equal(s.entry.sent, closed);
			assert_true(certificate.len > 500);
			session_close(&s);
		}
	}
}

/* No signature certificate, in every form that this may take: said before a try is spent where the card
 * tells, and never a panic. */
static void misses_a_certificate(void **state)
{
	static const struct {
		const char *settings;
		const char *available; /* NULL: no such file */
		bool removed, sent;
	} rows[] = {
		{ "", "\x00\x8F\x00", false, false },
		{ "no-sign-certificate = 6A82\n", "\x00\x8F\x00", false, false },
		{ "", NULL, false, true },
		{ "no-sign-certificate = 6A82\n", NULL, false, true },
		{ "", "\x8F\x8F\x00", true, true },
	};
	struct saved_file ef, available;
	uint8_t filler[1792];
	struct session s;

	(void)state;
	memset(filler, 0xFF, sizeof(filler));
	file_load(&ef, "jpki-0001.bin");
	file_load(&available, "jpki-0008.bin");
	for (size_t n = 0; n < ARRAY_SIZE(kinds) * ARRAY_SIZE(rows); n++) {
		size_t i = n % ARRAY_SIZE(rows);

		put_settings(kinds[n / ARRAY_SIZE(rows)].settings, rows[i].settings);
		file_write(ef.path, filler, sizeof(filler));
		if (rows[i].removed)
			unlink(ef.path);
		unlink(available.path);
		if (rows[i].available)
			file_write(available.path, rows[i].available, 3);
		session_open(&s, NULL, SAMPLE_SIGN);
		session_expect(&s, sign(&s, &keys[1]), FUDA_ENOTFOUND);
		assert_int_equal(s.entry.sent, rows[i].sent);
		assert_int_equal(signature.len + certificate.len, 0);
		session_close(&s);
		/* the other key is not touched by it */
		session_open(&s, NULL, "1234");
		session_expect(&s, sign(&s, &keys[0]), 0);
		check_signature(&s);
		session_close(&s);
		file_restore(&ef);
		file_restore(&available);
	}
}

/* ---- secrets ---- */

static void a_blocked_secret_is_one(void **state)
{
	static const char *const rows[] = { "", "blocked-query = 6984\n", "blocked-verify = 6983\n",
					    "blocked-query = 6984\nblocked-verify = 6983\nquery-5-bytes = 6700\n" };
	struct session s;

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(kinds) * ARRAY_SIZE(rows) * ARRAY_SIZE(keys); n++) {
		const struct key *k = &keys[n % ARRAY_SIZE(keys)];

		put_settings(kinds[n / ARRAY_SIZE(keys) / ARRAY_SIZE(rows)].settings,
			     rows[n / ARRAY_SIZE(keys) % ARRAY_SIZE(rows)]);
		session_open(&s, NULL, k->wrong);
		s.entry.use_last_try = true;
		for (int left = k->tries - 1; left >= 0; left--) {
			session_expect(&s, sign(&s, k), left ? FUDA_EPINWRONG : FUDA_EPINBLOCKED);
			assert_int_equal(s.entry.tries_after, left);
		}
		session_expect(&s, sign(&s, k), FUDA_EPINBLOCKED);
		assert_false(s.entry.sent);
		session_close(&s);
		/* the other key, and its certificate */
		k = &keys[(n + 1) % ARRAY_SIZE(keys)];
		session_open(&s, NULL, k->secret);
		session_expect(&s, sign(&s, k), 0);
		check_signature(&s);
		session_close(&s);
	}
}

/* Small letters are folded; what cannot be right is not sent. */
static void sends_what_can_be_right(void **state)
{
	static const struct {
		size_t key;
		const char *secret;
		int error;
	} rows[] = {
		{ 1, SAMPLE_SIGN_SMALL, 0 },	       { 1, SAMPLE_SIGN_MIXED, 0 },
		{ 1, "ABC12", FUDA_EPINFORM }, { 1, "ABC12345678901234", FUDA_EPINFORM },
		{ 1, "ABC-12", FUDA_EPINFORM }, { 0, "123", FUDA_EPINFORM },
		{ 0, "12345", FUDA_EPINFORM }, { 0, "12a4", FUDA_EPINFORM },
	};
	struct session s;

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(kinds) * ARRAY_SIZE(rows); n++) {
		size_t i = n % ARRAY_SIZE(rows);

		softcard_write(kinds[n / ARRAY_SIZE(rows)].settings);
		session_open(&s, NULL, rows[i].secret);
		session_expect(&s, sign(&s, &keys[rows[i].key]), rows[i].error);
		assert_int_equal(s.entry.sent, rows[i].error == 0);
		if (rows[i].error)
			assert_int_equal(fuda_card_apdus(s.card).count, 0);
		session_close(&s);
	}
}

/* card.md 3.1: every scheme that the card has. */
static void signs_in_every_scheme(void **state)
{
	static const struct {
		enum fuda_jpki_scheme scheme;
		size_t len;
	} rows[] = {
		{ FUDA_JPKI_PADDED, 1 },	   { FUDA_JPKI_PADDED, 245 },	     { FUDA_JPKI_MESSAGE_BARE, 255 },
		{ FUDA_JPKI_SHA256, 32 },	   { FUDA_JPKI_MESSAGE_SHA256, 255 }, { FUDA_JPKI_PSS_SHA256, 32 },
		{ FUDA_JPKI_PSS_MESSAGE, 255 },
	};
	static const uint8_t bytes[255] = { 1 };
	struct session s;

	(void)state;
	session_open(&s, NULL, "1234");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct fuda_jpki_input in = { FUDA_JPKI_AUTH, rows[i].scheme, bytes, rows[i].len };

		fuda_buf_clear(&signature);
		session_expect(&s, fuda_jpki_sign(s.card, &in, &s.entry, s.dl, &signature, NULL), 0);
		assert_int_equal(signature.len, 256);
	}
	session_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(signs_in_every_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(makes_use_of_what_it_knows, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_certificates, setup, teardown),
		cmocka_unit_test_setup_teardown(misses_a_certificate, setup, teardown),
		cmocka_unit_test_setup_teardown(a_blocked_secret_is_one, setup, teardown),
		cmocka_unit_test_setup_teardown(sends_what_can_be_right, setup, teardown),
		cmocka_unit_test_setup_teardown(signs_in_every_scheme, setup, teardown),
	};

	return stage_run(tests, softcard_setup, softcard_teardown);
}
