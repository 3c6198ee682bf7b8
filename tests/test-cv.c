/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/cv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "tests/cmocka.h"
#include "tests/records.h"

static struct fuda_context *ctx;
static char path[] = "/tmp/test-cv-XXXXXX";

static const char *id_text(const char *notation)
{
	static char text[FUDA_CV_ID_TEXT];
	_cleanup_buf_ struct fuda_buf id = TEST_BUF;

	der_write(&id, notation);
	assert_int_equal(id.len, FUDA_CV_ID);
	fuda_cv_id_text(id.data, text);
	return text;
}

static void ids(void **state)
{
	static const struct {
		const char *id, *text;
	} cases[] = {
		{ "'6000023' 0805 '001' 00000000", "6000023/001" },
		{ "'1322121' 0805 '000' 000000FF", "1322121/000" },
		{ "'600002x' 0805 '001' 00000000", "36303030303278080530303100000000" },
		{ "'6000023' 0806 '001' 00000000", "36303030303233080630303100000000" },
		{ "'6000023' 0905 '001' 00000000", "36303030303233090530303100000000" },
		{ "'6000023' 0805 '00' 1B 00000000", "3630303030323308053030"
						     "1B00000000" },
		{ "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" },
		{ "00000000000000000000000000000000", "00000000000000000000000000000000" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(id_text(cases[i].id), cases[i].text);
}

static void usual_cv(struct fuda_buf *ret)
{
	cv_make(KEY_AUTHORITY, ID_TEXT_AUTHORITY, KEY_MUNICIPALITY, ID_MUNICIPALITY, ret);
}

static void facts(void **state)
{
	_cleanup_buf_ struct fuda_buf cv = TEST_BUF;
	_cleanup_buf_ struct fuda_buf bare = TEST_BUF;
	char text[FUDA_CV_ID_TEXT];
	struct fuda_cv_facts f;

	(void)state;
	usual_cv(&cv);
	assert_int_equal(cv.len, 568); /* card.md 2.8 */
	assert_int_equal(fuda_buf_append(&bare, cv.data + 5, cv.len - 5), 0);
	for (int header = 0; header <= 1; header++) {
		memset(&f, 0, sizeof(f));
		assert_int_equal(fuda_cv_facts(ctx, header ? &cv : &bare, &f), 0);
		fuda_cv_id_text(f.issuer, text);
		assert_string_equal(text, "6000033/001");
		fuda_cv_id_text(f.subject, text);
		assert_string_equal(text, "1310100/000");
		assert_int_equal(f.key_bits, 2048);
	}
}

/* A CV certificate in pieces: $ are the key and the signature. */
static void refuses_malformed(void **state)
{
#define IDS "'6000033' 0805 '001' 00000000 '1310100' 0805 '000' 00000000"
	static const struct {
		const char *notation, *says;
	} cases[] = {
		{ "7F21{5F4E{" IDS "$}5F37{$}}", NULL },
		{ "5F4E{" IDS "$}5F37{$}", NULL },
		{ "", "whole object" },
		{ "7F21", "whole object" },
		{ "7F21{5F4E{" IDS "$}5F37{$}}FF", "whole object" },
		{ "7F21{5F4E{" IDS "$}5F37{$}}00", "whole object" },
		{ "5F4E{" IDS "$}5F37{$}00", "behind" },
		{ "7F21{5F4E{" IDS "$}5F37{$}5F20{}}", "behind" },
		{ "7F21{7F21{5F4E{" IDS "$}5F37{$}}}", "content" },
		{ "7F22{5F4E{" IDS "$}5F37{$}}", "content" },
		{ "7F21{5F4D{" IDS "$}5F37{$}}", "content" },
		{ "7F21{}", "content" },
		{ "7F21{5F4E{" IDS "$}}", "signature" },
		{ "7F21{5F4E{" IDS "$}5F37{}}", "signature" },
		{ "7F21{5F4E{" IDS "$}5F37{$00}}", "signature" },
		{ "7F21{5F4E{" IDS "$}5F38{$}}", "signature" },
		{ "7F21{5F4E{" IDS "$}5F4E{" IDS "$}}", "signature" },
		{ "7F21{5F4E{'6000033' 0805 '001'}5F37 820100$}", "key ids" },
		{ "7F21{5F4E{}5F37{$}}", "key ids" },
		{ "7F21{5F4E{" IDS "}5F37{$}}", "public key" },
		{ "7F21{5F4E{" IDS "$00}5F37{$}}", "public key" },
		{ "7F21{5F4E{" IDS "00$}5F37{$}}", "public key" },
		{ "7F21 830002 33 5F4E{" IDS "$}5F37{$}", "whole object" },
		{ "7F21 80 5F4E{" IDS "$}5F37{$} 0000", "whole object" },
		{ "7F21 84FFFFFFFF 5F4E", "whole object" },
	};
	_cleanup_buf_ struct fuda_buf key = TEST_BUF;
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;

	(void)state;
	test_card_key(KEY_MUNICIPALITY, &key);
	while (signature.len < 256)
		der_write(&signature, "A5");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf cv = TEST_BUF;
		struct fuda_cv_facts f = { .key_bits = 7 };
		bool has_key = strstr(cases[i].notation, "00000000$") != NULL;

		der_write(&cv, cases[i].notation, has_key ? &key : &signature, &signature,
			  &signature);
		if (fuda_cv_facts(ctx, &cv, &f) != (cases[i].says ? FUDA_EFORMAT : 0))
			fail_msg("case %zu", i);
		assert_int_equal(f.key_bits, cases[i].says ? 7 : 2048);
		if (cases[i].says && !strstr(fuda_context_message(ctx), cases[i].says))
			fail_msg("case %zu: %s", i, fuda_context_message(ctx));
	}
}

static void refuses_beginnings(void **state)
{
	_cleanup_buf_ struct fuda_buf cv = TEST_BUF;
	struct fuda_cv_facts f;

	(void)state;
	usual_cv(&cv);
	while (cv.len) {
		cv.len--;
		assert_int_equal(fuda_cv_facts(ctx, &cv, &f), FUDA_EFORMAT);
	}
}

/* ---- authority keys ---- */

static struct fuda_cv_trust *trust_in(const struct fuda_buf *text, int expect)
{
	struct fuda_cv_trust *trust = NULL;
	int r;

	write_file(path, text);
	assert_int_equal(fuda_cv_trust_new(ctx, &trust), 0);
	r = fuda_cv_trust_add_file(trust, path);
	if (r != expect)
		fail_msg("%s: %s", fuda_error_name(r), fuda_context_message(ctx));
	if (r < 0)
		assert_true(strlen(fuda_context_message(ctx)) > 20);
	return trust;
}

static struct fuda_cv_trust *usual_trust(void)
{
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;

	put_authority(&pem, KEY_OTHER_MUNICIPALITY, ID_FACE_AUTHORITY);
	put_authority(&pem, KEY_AUTHORITY, ID_TEXT_AUTHORITY);
	return trust_in(&pem, 0);
}

static struct fuda_verdict judge(const struct fuda_cv_trust *trust, const struct fuda_buf *chain,
				 size_t count)
{
	struct fuda_verdict v = { 0 };

	if (fuda_cv_verify(trust, chain, count, &v) < 0)
		fail_msg("%s", fuda_context_message(ctx));
	assert_int_equal(v.revocation, FUDA_REVOCATION_NOT_CHECKED);
	if (v.rule[0])
		assert_true(strlen(fuda_rule_text(v.rule)) > 20);
	return v;
}

static bool usual_is_believed(const struct fuda_cv_trust *trust)
{
	_cleanup_buf_ struct fuda_buf cv = TEST_BUF;

	usual_cv(&cv);
	return judge(trust, &cv, 1).result == FUDA_RESULT_OK;
}

#define HEX_ID "36303030303333080530303100000001"

/* How the line may be written. $ is the block. */
static void reads_files(void **state)
{
	static const struct {
		const char *notation;
		int r;
	} cases[] = {
		{ "'Key-Id: " HEX_ID "' 0A $", 0 },
		{ "'Key-Id:" HEX_ID "' 0D0A $", 0 },
		{ "'Key-Id: 3630303030333308053030310000000' '1' 0A 0A '# a comment' 0A $", 0 },
		{ "'Key-Id: 36303030 30333308 05303031 00000001' 0A $", 0 },
		{ "'words' 0A 'Key-Id: " HEX_ID "' 0A $ 'words'", 0 },
		{ "'Key-Id: " HEX_ID "' 0A $ 0A 'Key-Id: " HEX_ID "' 0A $",
		  0 }, /* the same again */
		{ "", FUDA_ENOTFOUND },
		{ "'words' 0A", FUDA_ENOTFOUND },
		{ "00000000", FUDA_ENOTFOUND },
		{ "$", FUDA_EFORMAT },
		{ "'Key-ID: " HEX_ID "' 0A $", FUDA_EFORMAT },
		{ "' Key-Id: " HEX_ID "' 0A $", FUDA_EFORMAT },
		{ "'Key-Id: " HEX_ID "' 0A", FUDA_EFORMAT },
		{ "'Key-Id: " HEX_ID "' 0A '-----BEGIN RSA PUBLIC KEY-----' 0A 'AAAA' 0A "
		  "'-----END RSA PUBLIC KEY-----' 0A $", FUDA_EFORMAT },
		{ "'Key-Id: " HEX_ID "'", FUDA_EFORMAT },
		{ "'Key-Id:' 0A $", FUDA_EFORMAT },
		{ "'Key-Id: 3630' 0A $", FUDA_EFORMAT },
		{ "'Key-Id: " HEX_ID "00' 0A $", FUDA_EFORMAT },
		{ "'Key-Id: " HEX_ID "0' 0A $", FUDA_EFORMAT },
		{ "'Key-Id: x6303030303333080530303100000001' 0A $", FUDA_EFORMAT },
		{ "'Key-Id: " HEX_ID HEX_ID HEX_ID HEX_ID HEX_ID "' 0A $", FUDA_EFORMAT },
		{ "'Key-Id: " HEX_ID "' 0A 'Key-Id: " HEX_ID "' 0A $", FUDA_EFORMAT },
		{ "'Key-Id: " HEX_ID "' 0A $ 0A $", FUDA_EFORMAT },
		{ "'Key-Id: " HEX_ID "' 0A $ 'Key-Id: " HEX_ID "' 0A", FUDA_EFORMAT },
		{ "'Key-Id: " HEX_ID "' 0A '-----BEGIN PUBLIC KEY-----' 0A", FUDA_EFORMAT },
		{ "'Key-Id: " HEX_ID "' 0A '-----BEGIN PUBLIC KEY-----' 0A '!' 0A "
		  "'-----END PUBLIC KEY-----'",
		  FUDA_EFORMAT },
		{ "'Key-Id: " HEX_ID "' 0A '-----BEGIN PUBLIC KEY-----' 0A 'AAAA' 0A "
		  "'-----END PUBLIC KEY-----'",
		  FUDA_EFORMAT },
	};
	_cleanup_buf_ struct fuda_buf block = TEST_BUF;

	(void)state;
	assert_int_equal(fuda_pem_encode("PUBLIC KEY", test_spki(KEY_AUTHORITY)->data,
					 test_spki(KEY_AUTHORITY)->len, &block),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf text = TEST_BUF;
		struct fuda_cv_trust *trust;

		der_write(&text, cases[i].notation, &block, &block);
		trust = trust_in(&text, cases[i].r);
		assert_int_equal(usual_is_believed(trust), cases[i].r == 0);
		fuda_cv_trust_free(&trust);
		assert_null(trust);
		fuda_cv_trust_free(&trust);
	}
}

static void refuses_keys(void **state)
{
	static const enum test_key others[] = { KEY_SMALL, KEY_EC, KEY_P384 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
		struct fuda_cv_trust *trust;

		put_authority(&pem, KEY_AUTHORITY, ID_TEXT_AUTHORITY);
		put_authority(&pem, others[i], ID_FACE_AUTHORITY);
		trust = trust_in(&pem, FUDA_EFORMAT);
		assert_non_null(strstr(fuda_context_message(ctx), "Key 2 of"));
		/* all of a file or nothing */
		assert_false(usual_is_believed(trust));
		fuda_cv_trust_free(&trust);
	}
}

/* Two keys of one name: in one file or in two. */
static void refuses_two_keys(void **state)
{
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
	struct fuda_cv_trust *trust = usual_trust();

	(void)state;
	put_authority(&pem, KEY_OTHER_CARD, ID_PRODUCTION);
	put_authority(&pem, KEY_OTHER_CARD, ID_TEXT_AUTHORITY);
	write_file(path, &pem);
	assert_int_equal(fuda_cv_trust_add_file(trust, path), FUDA_EFORMAT);
	assert_non_null(strstr(fuda_context_message(ctx), "Key-Id"));
	assert_true(usual_is_believed(trust));
	fuda_cv_trust_free(&trust);
	put_authority(&pem, KEY_AUTHORITY, ID_TEXT_AUTHORITY);
	trust = trust_in(&pem, FUDA_EFORMAT);
	fuda_cv_trust_free(&trust);
}

static void limits(void **state)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(1024 * 1024);
	struct fuda_cv_trust *trust;
	char id[64];

	(void)state;
	for (unsigned n = 0; n < 64; n++) {
		snprintf(id, sizeof(id), "'60000%02u' 0805 '001' 00000000", n);
		put_authority(&pem, KEY_OTHER_CARD, id);
	}
	trust = trust_in(&pem, 0);
	fuda_cv_trust_free(&trust);
	put_authority(&pem, KEY_AUTHORITY, ID_TEXT_AUTHORITY);
	trust = trust_in(&pem, FUDA_ETOOBIG);
	fuda_cv_trust_free(&trust);
	while (pem.len <= 256 * 1024)
		assert_int_equal(fuda_buf_append(&pem, "\n", 1), 0);
	trust = trust_in(&pem, FUDA_EFORMAT);
	assert_int_equal(fuda_cv_trust_add_file(trust, "/"), FUDA_EFILE);
	assert_int_equal(fuda_cv_trust_add_file(trust, "/dev/zero"), FUDA_EFILE);
	assert_int_equal(fuda_cv_trust_add_file(trust, "/nowhere/at.all"), FUDA_EFILE);
	fuda_cv_trust_free(&trust);
}

/* ---- chains ---- */

static void assert_verdict(struct fuda_verdict v, const char *rule, enum fuda_result result,
			   enum fuda_world world)
{
	assert_string_equal(v.rule, rule);
	assert_int_equal(v.result, result);
	assert_int_equal(v.world, world);
}

/* card.md 2.8: which world an authority is of, its key id says, once its signature is right. */
static void worlds(void **state)
{
	static const struct {
		const char *id;
		enum fuda_world world;
	} cases[] = {
		{ "'6000020' 0805 '001' 00000000", FUDA_WORLD_TEST },
		{ "'5000020' 0805 '001' 00000000", FUDA_WORLD_PRODUCTION },
		{ "'7000020' 0805 '001' 00000000", FUDA_WORLD_UNKNOWN },
		{ "00000000000000000000000000000000", FUDA_WORLD_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
		_cleanup_buf_ struct fuda_buf cv = TEST_BUF;
		struct fuda_cv_trust *trust, *nobody = NULL;

		put_authority(&pem, KEY_AUTHORITY, cases[i].id);
		trust = trust_in(&pem, 0);
		cv_make(KEY_AUTHORITY, cases[i].id, KEY_MUNICIPALITY, ID_MUNICIPALITY, &cv);
		assert_verdict(judge(trust, &cv, 1), "", FUDA_RESULT_OK, cases[i].world);
		cv.data[cv.len - 1] ^= 1;
		assert_verdict(judge(trust, &cv, 1), "authority_signature",
			       FUDA_RESULT_INVALID_CERTIFICATE, FUDA_WORLD_UNKNOWN);
		assert_int_equal(fuda_cv_trust_new(ctx, &nobody), 0);
		assert_verdict(judge(nobody, &cv, 1), "authority_unknown",
			       FUDA_RESULT_INVALID_CERTIFICATE, FUDA_WORLD_UNKNOWN);
		fuda_cv_trust_free(&trust);
		fuda_cv_trust_free(&nobody);
	}
}

/* The last byte of the padding may differ between authorities: all 16 bytes name one. */
static void whole_ids(void **state)
{
	static const char *const ids[] = {
		"'6000033' 0805 '001' 00000000",
		"'6000033' 0805 '002' 00000001",
		"'5000033' 0805 '001' 00000001",
	};
	struct fuda_cv_trust *trust = usual_trust();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		_cleanup_buf_ struct fuda_buf cv = TEST_BUF;

		cv_make(KEY_AUTHORITY, ids[i], KEY_MUNICIPALITY, ID_MUNICIPALITY, &cv);
		assert_string_equal(judge(trust, &cv, 1).rule, "authority_unknown");
	}
	fuda_cv_trust_free(&trust);
}

static void make_chain(struct fuda_buf chain[3])
{
	for (size_t i = 0; i < 3; i++)
		chain[i] = TEST_BUF;
	cv_make(KEY_AUTHORITY, ID_TEXT_AUTHORITY, KEY_OTHER_CARD, ID_PRODUCTION, &chain[0]);
	cv_make(KEY_OTHER_CARD, ID_PRODUCTION, KEY_MUNICIPALITY, ID_MUNICIPALITY, &chain[1]);
	cv_make(KEY_MUNICIPALITY, ID_MUNICIPALITY, KEY_CARD, ID_FACE_AUTHORITY, &chain[2]);
}

static void chains(void **state)
{
	struct fuda_cv_trust *trust = usual_trust();
	struct fuda_buf chain[3], swapped;
	struct fuda_verdict v = { .rule = "untouched" };

	(void)state;
	make_chain(chain);
	for (size_t count = 1; count <= 3; count++)
		assert_verdict(judge(trust, chain, count), "", FUDA_RESULT_OK, FUDA_WORLD_TEST);
	/* not from its beginning */
	assert_string_equal(judge(trust, chain + 1, 2).rule, "authority_unknown");
	/* a link left out, though its issuer's name is the same */
	swapped = chain[1];
	chain[1] = chain[2];
	assert_string_equal(judge(trust, chain, 2).rule, "authority_signature");
	chain[1] = swapped;
	/* the right key under another name, the right name with another key */
	cv_make(KEY_OTHER_CARD, ID_TEXT_AUTHORITY, KEY_MUNICIPALITY, ID_MUNICIPALITY, &chain[1]);
	assert_verdict(judge(trust, chain, 3), "authority_signature",
		       FUDA_RESULT_INVALID_CERTIFICATE, FUDA_WORLD_UNKNOWN);
	cv_make(KEY_AUTHORITY, ID_PRODUCTION, KEY_MUNICIPALITY, ID_MUNICIPALITY, &chain[1]);
	assert_string_equal(judge(trust, chain, 3).rule, "authority_signature");
	/* a name that differs in its last byte */
	cv_make(KEY_OTHER_CARD, "'5000033' 0805 '001' 00000001", KEY_MUNICIPALITY, ID_MUNICIPALITY, &chain[1]);
	assert_string_equal(judge(trust, chain, 2).rule, "authority_signature");
	/* none, and one that is malformed */
	assert_int_equal(fuda_cv_verify(trust, chain, 0, &v), FUDA_EINVAL);
	chain[2].len--;
	assert_int_equal(fuda_cv_verify(trust, chain, 3, &v), FUDA_EFORMAT);
	chain[2].len = 0;
	assert_int_equal(fuda_cv_verify(trust, chain, 3, &v), FUDA_EFORMAT);
	assert_string_equal(v.rule, "untouched");
	for (size_t i = 0; i < 3; i++)
		fuda_buf_free(&chain[i]);
	fuda_cv_trust_free(&trust);
}

/* Weak keys, wherever in the chain, and before all else. */
static void insists_on_key(void **state)
{
	struct fuda_cv_trust *trust = usual_trust(), *nobody = NULL;
	struct fuda_buf chain[3];
	struct fuda_cv_facts f;

	(void)state;
	make_chain(chain);
	cv_make(KEY_AUTHORITY, ID_TEXT_AUTHORITY, KEY_SMALL, ID_PRODUCTION, &chain[0]);
	assert_int_equal(fuda_cv_facts(ctx, &chain[0], &f), 0);
	assert_int_equal(f.key_bits, 1024);
	assert_verdict(judge(trust, chain, 1), "certificate_key",
		       FUDA_RESULT_UNSUPPORTED_CERTIFICATE, FUDA_WORLD_TEST);
	assert_string_equal(judge(trust, chain, 3).rule, "certificate_key");
	assert_int_equal(fuda_cv_trust_new(ctx, &nobody), 0);
	assert_string_equal(judge(nobody, chain, 1).rule, "certificate_key");
	for (size_t i = 0; i < 3; i++)
		fuda_buf_free(&chain[i]);
	fuda_cv_trust_free(&nobody);
	fuda_cv_trust_free(&trust);
}

static void every_byte_counts(void **state)
{
	static const uint8_t patterns[] = { 0x01, 0x02, 0x40, 0x80, 0xFF };
	struct fuda_cv_trust *trust = usual_trust();
	struct fuda_buf chain[3];

	(void)state;
	make_chain(chain);
	for (size_t n = 0; n < 3; n++) {
		for (size_t i = 0; i < chain[n].len * ARRAY_SIZE(patterns); i++) {
			uint8_t *byte = &chain[n].data[i / ARRAY_SIZE(patterns)];
			uint8_t pattern = patterns[i % ARRAY_SIZE(patterns)];
			struct fuda_verdict v;

			*byte ^= pattern;
			if (fuda_cv_verify(trust, chain, 3, &v) == 0 && v.result == FUDA_RESULT_OK)
				fail_msg("byte %zu of %zu", i / ARRAY_SIZE(patterns), n);
			*byte ^= pattern;
		}
		assert_string_equal(judge(trust, chain, 3).rule, "");
	}
	for (size_t i = 0; i < 3; i++)
		fuda_buf_free(&chain[i]);
	fuda_cv_trust_free(&trust);
}

/* A changed byte in the authority's key: refused, or nothing verifies under it. */
static void every_byte_of_the_key(void **state)
{
	_cleanup_buf_ struct fuda_buf spki = TEST_BUF;

	(void)state;
	der_write(&spki, "$", test_spki(KEY_AUTHORITY));
	for (size_t i = 0; i < spki.len; i++) {
		_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
		struct fuda_cv_trust *trust = NULL;
		int r;

		spki.data[i] ^= 2;
		der_write(&pem, "'Key-Id: " HEX_ID "' 0A");
		assert_int_equal(fuda_pem_encode("PUBLIC KEY", spki.data, spki.len, &pem), 0);
		write_file(path, &pem);
		assert_int_equal(fuda_cv_trust_new(ctx, &trust), 0);
		r = fuda_cv_trust_add_file(trust, path);
		assert_true(r == 0 || r == FUDA_EFORMAT);
		assert_false(usual_is_believed(trust));
		fuda_cv_trust_free(&trust);
		spki.data[i] ^= 2;
	}
}

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd) < 0 ? -1 : fuda_context_new(&ctx);
}

static int teardown(void **state)
{
	(void)state;
	fuda_context_free(&ctx);
	return unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),
		cmocka_unit_test(facts),
		cmocka_unit_test(refuses_malformed),
		cmocka_unit_test(refuses_beginnings),
		cmocka_unit_test(reads_files),
		cmocka_unit_test(refuses_keys),
		cmocka_unit_test(refuses_two_keys),
		cmocka_unit_test(limits),
		cmocka_unit_test(worlds),
		cmocka_unit_test(whole_ids),
		cmocka_unit_test(chains),
		cmocka_unit_test(insists_on_key),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(every_byte_of_the_key),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
