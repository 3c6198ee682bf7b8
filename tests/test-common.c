/* SPDX-License-Identifier: Apache-2.0 */
/* The common and the resident register's application and the card's own data on the software card,
 * through the public API: card.md 2.2, 2.4, 2.5, 12. */
#include <fuda/common.h>
#include <openssl/pem.h>

#include "tests/session.h"

static int setup(void **state)
{
	(void)state;
	softcard_write("");
	return 0;
}

static bool digits(const char *text, size_t len)
{
	return strlen(text) == len && strspn(text, "0123456789") == len;
}

static void reads_in_every_reading(void **state)
{
	struct fuda_common common;
	uint8_t reference[FUDA_KEY_REFERENCE];
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readings); i += stage_step()) {
		struct saved_file f;

		print_message("%s", *readings[i] ? readings[i] : "as made\n");
		softcard_write(readings[i]);
		session_open(&s, NULL, "1234");
		session_expect(&s, fuda_common_read(s.card, s.dl, &common), 0);
		assert_true(digits(common.serial, 15));
		assert_true(digits(common.municipality, 5));
		assert_int_equal(strlen(common.expiry), 10);
		file_load(&f, "common-0001.bin");
		assert_memory_equal(common.serial, f.bytes + 2, 15);
		session_expect(&s, fuda_juki_read(s.card, s.dl, reference), 0);
		assert_memory_equal(reference, common.key_reference, sizeof(reference));
		assert_int_equal(vcard_usage(session_vcard(&s)).verifies, 0);
		assert_true(session_holds(&s, true));
		session_close(&s);
	}
	softcard_write("");
	session_open(&s, NULL, "1234");
	session_expect(&s, fuda_common_read(s.card, s.dl, &common), 0);
	assert_int_equal(fuda_card_apdus(s.card).count, 3);
	session_close(&s);
}

/* The public half is not on the card (card.md 2.4), but in the file of its key. */
static bool signed_by_card(const uint8_t *challenge, size_t len, const struct fuda_buf *signature)
{
	FILE *f = fopen(softcard_path("common-0019.pem"), "r");
	EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = key && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestVerify(ctx, signature->data, signature->len, challenge, len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	if (f)
		fclose(f);
	return good;
}

static void authenticates(void **state)
{
	static const size_t lengths[] = { 1, 32, 255 }, bad[] = { 0, 256, 1000 };
	static const char *const settings[] = { "", "responses = 61xx\n", "responses = 6Cxx\n",
						"first-command = 6F00\n" };
	uint8_t challenge[255];
	struct session s;

	(void)state;
	memset(challenge, 'x', sizeof(challenge));
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		softcard_write(settings[i]);
		session_open(&s, NULL, "1234");
		for (size_t k = 0; k < ARRAY_SIZE(lengths); k++) {
			struct fuda_buf signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX);

			session_expect(&s, fuda_common_authenticate(s.card, challenge, lengths[k], s.dl, &signature),
				       0);
			assert_int_equal(signature.len, 256);
			assert_true(signed_by_card(challenge, lengths[k], &signature));
			challenge[0] ^= 1;
			assert_false(signed_by_card(challenge, lengths[k], &signature));
			fuda_buf_free(&signature);
		}
		for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
			struct fuda_buf signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX);

			session_expect(&s, fuda_common_authenticate(s.card, challenge, bad[k], s.dl, &signature),
				       FUDA_EINVAL);
			assert_int_equal(signature.len, 0);
		}
		session_close(&s);
	}
}

/* ---- the card's own data ---- */

static const struct {
	enum fuda_card_object which;
	const char *file;
} objects[] = {
	{ FUDA_CARD_ISSUER, "isd-0042.bin" },	  { FUDA_CARD_NUMBER, "isd-0045.bin" },
	{ FUDA_CARD_RECOGNITION, "isd-0066.bin" }, { FUDA_CARD_MUNICIPALITY, "isd-00F0.bin" },
	{ FUDA_CARD_EXPIRY, "isd-00F2.bin" },	  { FUDA_CARD_CV_KEY, "isd-00F7.bin" },
	{ FUDA_CARD_CV_INTERMEDIATE, "isd-00F8.bin" }, { FUDA_CARD_CV_LOWER, "isd-7F21.bin" },
	{ FUDA_CARD_CONTACT_ATR, "isd-5F51.bin" },
};

static void reads_data_objects(void **state)
{
	static const char *const settings[] = { "", "contact-atr = application\n", "responses = 61xx\n",
						"responses = 6Cxx\n", "first-command = 6F00\n", "past-end = 9000\n" };
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		softcard_write(settings[i]);
		session_open(&s, NULL, "1234");
		for (size_t k = 0; k < ARRAY_SIZE(objects); k++) {
			struct fuda_buf data = FUDA_BUF_INIT(FUDA_CV_MAX);
			struct saved_file f;
			int r;

			print_message("%s %s", objects[k].file, settings[i]);
			file_load(&f, objects[k].file);
			r = fuda_card_object(s.card, objects[k].which, s.dl, &data);
			if (r == FUDA_ENOTSUP && f.len > 256 && !session_extended)
				continue;
			session_expect(&s, r, 0);
			assert_int_equal(data.len, f.len);
			assert_memory_equal(data.data, f.bytes, f.len);
			fuda_buf_free(&data);
		}
		session_close(&s);
	}
}

/* The chain from the root, as GET DATA gives it, and as files do. */
static void verifies_the_chain(void **state)
{
	struct fuda_buf chain[2] = { FUDA_BUF_INIT(FUDA_CV_MAX), FUDA_BUF_INIT(FUDA_CV_MAX) };
	struct fuda_verdict verdict;
	struct session s;

	(void)state;
	session_need(&session_extended);
	session_open(&s, NULL, "1234");
	session_expect(&s, fuda_card_object(s.card, FUDA_CARD_CV_INTERMEDIATE, s.dl, &chain[0]), 0);
	session_expect(&s, fuda_card_object(s.card, FUDA_CARD_CV_LOWER, s.dl, &chain[1]), 0);
	session_expect(&s, fuda_cv_verify(s.trust, chain, 2, &verdict), 0);
	assert_string_equal(verdict.rule, "");
	chain[1].data[chain[1].len - 1] ^= 1;
	session_expect(&s, fuda_cv_verify(s.trust, chain, 2, &verdict), 0);
	assert_string_equal(verdict.rule, "authority_signature");
	session_close(&s);
	fuda_buf_free(&chain[0]);
	fuda_buf_free(&chain[1]);
}

static void says_what_is_not_there(void **state)
{
	struct fuda_buf data = FUDA_BUF_INIT(FUDA_CV_MAX);
	struct saved_file f;
	struct session s;

	(void)state;
	file_load(&f, "isd-7F21.bin");
	unlink(f.path);
	session_open(&s, NULL, "1234");
	session_expect(&s, fuda_card_object(s.card, FUDA_CARD_CV_LOWER, s.dl, &data), FUDA_ENOTFOUND);
	session_says(&s, "certificate");
	session_expect(&s, fuda_card_object(s.card, (enum fuda_card_object)0x0043, s.dl, &data), FUDA_EINVAL);
	assert_int_equal(data.len, 0);
	session_close(&s);
	file_restore(&f);
	softcard_write("extended = no\n");
	session_open(&s, NULL, "1234");
	session_expect(&s, fuda_card_object(s.card, FUDA_CARD_MUNICIPALITY, s.dl, &data), 0);
	fuda_buf_clear(&data);
	assert_true(fuda_card_object(s.card, FUDA_CARD_CV_LOWER, s.dl, &data) < 0);
	assert_int_equal(data.len, 0);
	session_close(&s);
	fuda_buf_free(&data);
}

static void smartphones_have_none_of_it(void **state)
{
	static const char *const rows[] = { "kind = android\nlabel = JPKIAPGPSETOKEN\n",
					    "kind = iphone\nlabel = JPKIAPIOSTOKEN\n" };
	struct fuda_buf data = FUDA_BUF_INIT(FUDA_CV_MAX);
	struct fuda_common common = { .serial = "?" };
	uint8_t reference[FUDA_KEY_REFERENCE] = { 1 };
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		softcard_write(rows[i]);
		session_open(&s, NULL, "1234");
		session_expect(&s, fuda_common_read(s.card, s.dl, &common), FUDA_ENOTFOUND);
		session_says(&s, "smartphone");
		session_expect(&s, fuda_common_authenticate(s.card, reference, 1, s.dl, &data), FUDA_ENOTFOUND);
		session_expect(&s, fuda_juki_read(s.card, s.dl, reference), FUDA_ENOTFOUND);
		for (size_t k = 0; k < ARRAY_SIZE(objects); k++)
			session_expect(&s, fuda_card_object(s.card, objects[k].which, s.dl, &data), FUDA_ENOTFOUND);
		assert_string_equal(common.serial, "?");
		assert_int_equal(reference[0], 1);
		assert_int_equal(data.len, 0);
		session_close(&s);
	}
}

static void refuses_bad_records(void **state)
{
	static const struct {
		const char *what, *file, *bytes;
		size_t len;
		int error;
	} rows[] = {
		{ "short", "common-0001.bin", "\x01\x04" "1234", 6, FUDA_EFORMAT },
		{ "letters", "common-0001.bin", "\x01\x1C" "40000001A719843" "13221" "20350217", 30, FUDA_EFORMAT },
		{ "nothing", "common-0001.bin", "\xFF\xFF\xFF", 3, FUDA_ENOTFOUND },
		{ "another object", "common-0001.bin", "\x02\x1C" "400000001719843" "13221" "20350217", 30,
		  FUDA_EFORMAT },
		{ "reference short", "common-0002.bin", "\x02\x03" "590", 5, FUDA_EFORMAT },
		{ "reference long", "common-0002.bin", "\x02\x11" "5900025..001.....", 19, FUDA_EFORMAT },
	};
	struct session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fuda_common common = { .serial = "?" };
		struct saved_file f;

		print_message("%s\n", rows[i].what);
		file_load(&f, rows[i].file);
		file_write(f.path, rows[i].bytes, rows[i].len);
		session_open(&s, NULL, "1234");
		session_expect(&s, fuda_common_read(s.card, s.dl, &common), rows[i].error);
		session_says(&s, strstr(rows[i].file, "0001") ? "the card's number" : "the key reference");
		assert_string_equal(common.serial, "?");
		session_close(&s);
		file_restore(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reads_in_every_reading, setup),
		cmocka_unit_test_setup(authenticates, setup),
		cmocka_unit_test_setup(reads_data_objects, setup),
		cmocka_unit_test_setup(verifies_the_chain, setup),
		cmocka_unit_test_setup(says_what_is_not_there, setup),
		cmocka_unit_test_setup(smartphones_have_none_of_it, setup),
		cmocka_unit_test_setup(refuses_bad_records, setup),
	};

	return stage_run(tests, softcard_setup, softcard_teardown);
}
