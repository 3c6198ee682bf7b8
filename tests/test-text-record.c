/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "tests/cmocka.h"
#include "tests/records.h"

static struct fuda_context *ctx;
static struct fuda_cv_trust *trust;
static struct fuda_text_records taro;
static char path[] = "/tmp/test-text-XXXXXX";

/* ---- what the records say ---- */

static void vector(void **state)
{
	/* card.md 2.7, byte by byte */
	static const char hex[] = "ff2065df2108000e002000590064df220fe9bb92e6a190e38080e5b9b9e4b99f"
				  "df2336e69db1e4baace983"
				  "bde6b885e780ace5b882e8a6b3e5b883e5ad90e58d97efbc91efbc92efbc8def"
				  "bc97efbc8defbc92efbc90"
				  "efbc92df24083139383030323137df250131";
	struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
	struct fuda_attributes a;

	(void)state;
	assert_int_equal(fuda_hex_decode(hex, &records.attributes), 0);
	assert_int_equal(records.attributes.len, 104);
	assert_int_equal(fuda_text_attributes(ctx, &records, &a), 0);
	assert_string_equal(a.name, "黒桐　幹也");
	assert_string_equal(a.address, "東京都清瀬市観布子南１２－７－２０２");
	assert_string_equal(a.birth_date, "1980-02-17");
	assert_int_equal(a.sex, FUDA_SEX_MALE);
	fuda_text_records_free(&records);
}

static void reads_attributes(void **state)
{
	static char long_name[1024 + 1], long_address[2048 + 1];
	const struct {
		const char *name, *address, *birth, *sex, *date;
		enum fuda_sex is;
	} cases[] = {
		{ "山田　太郎", "東京都", "19800217", "1", "1980-02-17", FUDA_SEX_MALE },
		{ "番号　花子", "", "00000000", "2", "0000-00-00", FUDA_SEX_FEMALE },
		{ "YAMADA TARO", "１", "19800000", "9", "1980-00-00", FUDA_SEX_NOT_APPLICABLE },
		/* outside the BMP, and an ideographic variation */
		{ "𠮷田　葛󠄀子", "葛󠄀城", "20000229", "0", "2000-02-29",
		  FUDA_SEX_NOT_KNOWN },
		{ long_name, long_address, "00000229", "3", "0000-02-29", FUDA_SEX_NOT_KNOWN },
	};

	(void)state;
	memset(long_name, 'a', sizeof(long_name) - 1);
	memset(long_address, 'b', sizeof(long_address) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct test_card card = card_taro();
		struct fuda_text_records records;
		struct fuda_attributes a;
		struct fuda_verdict verdict;

		card.name = cases[i].name;
		card.address = cases[i].address;
		card.birth = cases[i].birth;
		card.sex = cases[i].sex;
		text_make(&card, &records);
		if (fuda_text_attributes(ctx, &records, &a) < 0)
			fail_msg("case %zu: %s", i, fuda_context_message(ctx));
		assert_string_equal(a.name, cases[i].name);
		assert_string_equal(a.address, cases[i].address);
		assert_string_equal(a.birth_date, cases[i].date);
		assert_int_equal(a.sex, cases[i].is);
		assert_int_equal(fuda_text_verify(trust, &records, &verdict), 0);
		assert_string_equal(verdict.rule, "");
		fuda_text_records_free(&records);
	}
}

/* Lengths of every size around those where their form changes, and the offsets with it. */
static void lengths(void **state)
{
	char address[400];

	(void)state;
	for (size_t len = 60; len < 300; len++) {
		struct test_card card = card_taro();
		struct record_plan plan;
		struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
		struct fuda_attributes a;

		memset(address, 'x', len);
		address[len] = '\0';
		card.address = address;
		plan = plan_attributes(&card);
		plan_make(&plan, &records.attributes);
		assert_int_equal(fuda_text_attributes(ctx, &records, &a), 0);
		assert_int_equal(strlen(a.address), len);
		plan_free(&plan);
		fuda_text_records_free(&records);
	}
}

/* One object each, written otherwise. `says` is what the message names. */
static const struct {
	size_t object;
	const char *notation, *says;
} malformed[] = {
	/* order, once each, nothing else */
	{ 1, "", "DF22" },
	{ 2, "", "DF23" },
	{ 3, "", "DF24" },
	{ 4, "", "DF25" },
	{ 0, "", "DF21" },
	{ 1, "DF22{$}DF22{$}", "DF23" },
	{ 1, "DF23{$}", "DF22" },
	{ 2, "DF22{$}", "DF23" },
	{ 4, "DF25{$}DF26{31}", "more objects" },
	{ 4, "DF25{$}00", "more objects" },
	{ 4, "DF25{$}FF", "more objects" },
	{ 1, "9F22{$}", "DF22" },
	{ 1, "DF8122{$}", "DF22" },
	{ 1, "5F22{$}", "DF22" },
	/* lengths: not minimal, indefinite, past the end, over the next object */
	{ 4, "DF25 8101 31", "DF25" },
	{ 4, "DF25 820001 31", "DF25" },
	{ 4, "DF25 8400000001 31", "DF25" },
	{ 1, "DF22 80", "DF22" },
	{ 1, "DF22 7F", "DF22" },
	{ 1, "DF22 82FFFF", "DF22" },
	{ 1, "DF22 84FFFFFFFF", "DF22" },
	{ 1, "DF22 8500000000 01", "DF22" },
	{ 1, "DF22 05 E5B1B1", "DF23" },
	{ 4, "DF25 02 31", "DF25" },
	{ 4, "DF", "DF25" },
	{ 4, "DF25", "DF25" },
	/* offsets */
	{ 0, "DF21{}", "DF21" },
	{ 0, "DF21{000E0020}", "DF21" },
	{ 0, "DF21{000E 000E 000E 000E}", "DF21" },
	{ 0, "DF21{0000 0000 0000 0000}", "DF21" },
	{ 0, "DF21{FFFF FFFF FFFF FFFF}", "DF21" },
	{ 0, "DF21{$0000}", "DF21" },
	/* sizes */
	{ 1, "DF22{}", "DF22" },
	{ 3, "DF24{'1980021'}", "DF24" },
	{ 3, "DF24{'198002170'}", "DF24" },
	{ 3, "DF24{}", "DF24" },
	{ 4, "DF25{}", "DF25" },
	{ 4, "DF25{'11'}", "DF25" },
	/* dates */
	{ 3, "DF24{'1980021x'}", "DF24" },
	{ 3, "DF24{'19801301'}", "DF24" },
	{ 3, "DF24{'19800230'}", "DF24" },
	{ 3, "DF24{'19810229'}", "DF24" },
	{ 3, "DF24{'19800032'}", "DF24" },
	{ 3, "DF24{' 9800217'}", "DF24" },
	{ 3, "DF24{'-9800217'}", "DF24" },
	{ 3, "DF24{1980021700000000}", "DF24" },
	/* sex */
	{ 4, "DF25{'4'}", "DF25" },
	{ 4, "DF25{01}", "DF25" },
	{ 4, "DF25{'M'}", "DF25" },
	{ 4, "DF25{00}", "DF25" },
	/* UTF-8: RFC 3629 3, 4 */
	{ 1, "DF22{80}", "DF22" },
	{ 1, "DF22{'a'C0AF}", "DF22" },
	{ 1, "DF22{C1BF}", "DF22" },
	{ 1, "DF22{E080AF}", "DF22" },
	{ 1, "DF22{F08080AF}", "DF22" },
	{ 1, "DF22{EDA080}", "DF22" },
	{ 1, "DF22{EDBFBF}", "DF22" },
	{ 1, "DF22{F4908080}", "DF22" },
	{ 1, "DF22{F5808080}", "DF22" },
	{ 1, "DF22{FE}", "DF22" },
	{ 1, "DF22{E5B1}", "DF22" },
	{ 1, "DF22{E5B141}", "DF22" },
	{ 2, "DF23{E5B1B1E5}", "DF23" },
	/* control characters */
	{ 1, "DF22{'a'00'b'}", "DF22" },
	{ 1, "DF22{'a'1B'[2J'}", "DF22" },
	{ 1, "DF22{'a'0A}", "DF22" },
	{ 2, "DF23{7F}", "DF23" },
	{ 2, "DF23{C29B}", "DF23" },
	{ 2, "DF23{E280AE}", "DF23" },
	{ 2, "DF23{E280A8}", "DF23" },
};

/* No message and no result holds anything of the person. */
static void assert_refused(const struct fuda_text_records *records, const char *says)
{
	struct fuda_attributes a = { .name = "untouched" };

	assert_int_equal(fuda_text_attributes(ctx, records, &a), FUDA_EFORMAT);
	assert_string_equal(a.name, "untouched");
	if (!strstr(fuda_context_message(ctx), says))
		fail_msg("%s, not %s", fuda_context_message(ctx), says);
	assert_null(strstr(fuda_context_message(ctx), "山田"));
}

static void refuses_attributes(void **state)
{
	struct test_card card = card_taro();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		struct record_plan plan = plan_attributes(&card);
		struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;

		plan.object[malformed[i].object] = malformed[i].notation;
		plan_make(&plan, &records.attributes);
		assert_refused(&records, malformed[i].says);
		plan_free(&plan);
		fuda_text_records_free(&records);
	}
}

/* Each offset, one more and one less. */
static void refuses_offsets(void **state)
{
	struct fuda_text_records *r = &taro;
	struct fuda_attributes a;
	struct fuda_verdict v;

	(void)state;
	for (size_t at = 6; at < 14; at++) {
		for (int step = -1; step <= 1; step += 2) {
			uint8_t before = r->attributes.data[at];

			r->attributes.data[at] = (uint8_t)(before + step);
			assert_refused(r, "DF21");
			assert_int_equal(fuda_text_verify(trust, r, &v), FUDA_EFORMAT);
			r->attributes.data[at] = before;
		}
	}
	assert_int_equal(fuda_text_attributes(ctx, r, &a), 0);
}

static void refuses_frames(void **state)
{
	static const char *const bad[] = {
		"FF",
		"FF20",
		"FF2000",
		"FF2080 0000",
		"FF1000",
		"30 00",
		"FF20 8100",
		"FF20 82FFFF DF2108",
		"FF20 84FFFFFFFF",
		"FF2065",
	};
	static const char *const behind[] = { "00", "FF", "FFFF", "DF2100" };
	struct test_card card = card_taro();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;

		der_write(&records.attributes, bad[i]);
		assert_refused(&records, "FF20");
		fuda_text_records_free(&records);
	}
	for (size_t i = 0; i < ARRAY_SIZE(behind); i++) {
		struct record_plan plan = plan_attributes(&card);
		struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;

		plan.behind = behind[i];
		plan_make(&plan, &records.attributes);
		assert_refused(&records, "behind");
		plan_free(&plan);
		fuda_text_records_free(&records);
	}
	/* all beginnings of a good one */
	for (size_t len = taro.attributes.len; len-- > 1;) {
		struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;

		assert_int_equal(fuda_buf_append(&records.attributes, taro.attributes.data, len),
				 0);
		assert_refused(&records, "FF20");
		fuda_text_records_free(&records);
	}
}

/* Longer than there is room for: not cut short, refused. */
static void refuses_long_texts(void **state)
{
	static char text[2050];
	struct test_card card = card_taro();

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	for (int address = 0; address <= 1; address++) {
		struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
		struct record_plan plan;

		card.name = address ? "山田" : text + 1024;
		card.address = address ? text : "";
		plan = plan_attributes(&card);
		plan_make(&plan, &records.attributes);
		assert_refused(&records, address ? "DF23" : "DF22");
		plan_free(&plan);
		fuda_text_records_free(&records);
	}
}

static void my_number(void **state)
{
	static const struct {
		const char *notation;
		int r;
	} cases[] = {
		{ "FF10{'123456789018'}FFFF", 0 },
		{ "FF10{'123456789018'}0000", 0 },
		{ "FF10{'123456789018'}", 0 },
		{ "FF10{'123456789018'}FFFFFFFFFFFFFFFFFF", 0 },
		{ "FF10{'123456789018'}FF00", FUDA_EFORMAT },
		{ "FF10{'123456789018'}00FF", FUDA_EFORMAT },
		{ "FF10{'123456789018'}A5", FUDA_EFORMAT },
		{ "FF10{'123456789018'}FFFF0C", FUDA_EFORMAT },
		{ "FF10{'123456789019'}FFFF", FUDA_EFORMAT },
		{ "FF10{'12345678901'}FFFF", FUDA_EFORMAT },
		{ "FF10{'1234567890180'}FFFF", FUDA_EFORMAT },
		{ "FF10{'12345678901'00}FFFF", FUDA_EFORMAT },
		{ "FF10{'12345678901x'}FFFF", FUDA_EFORMAT },
		{ "FF10{FFFFFFFFFFFFFFFFFFFFFFFF}FFFF", FUDA_EFORMAT },
		{ "FF10{}FFFF", FUDA_EFORMAT },
		{ "FF10 810C '123456789018' FFFF", FUDA_EFORMAT },
		{ "FF20{'123456789018'}FFFF", FUDA_EFORMAT },
		{ "FF10 0D '123456789018'", FUDA_EFORMAT },
		{ "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", FUDA_EFORMAT },
		{ "0000000000000000000000000000000000", FUDA_EFORMAT },
		{ "", FUDA_EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
		char digits[FUDA_MY_NUMBER_SIZE] = "untouched";

		der_write(&records.my_number, cases[i].notation);
		if (fuda_text_my_number(ctx, &records, digits) != cases[i].r)
			fail_msg("%s: %s", cases[i].notation, fuda_context_message(ctx));
		assert_string_equal(digits, cases[i].r ? "untouched" : "123456789018");
		if (cases[i].r) {
			assert_non_null(strstr(fuda_context_message(ctx), "FF10"));
			assert_null(strstr(fuda_context_message(ctx), "12345678901"));
		}
		fuda_text_records_free(&records);
	}
}

/* ---- whether they are genuine ---- */

/* The rule that is broken, or "malformed". */
static const char *judge(const struct fuda_text_records *records)
{
	struct fuda_verdict v = { .rule = "untouched" };
	int r = fuda_text_verify(trust, records, &v);

	if (r == FUDA_EFORMAT || r == FUDA_EINVAL) {
		assert_string_equal(v.rule, "untouched");
		return r == FUDA_EFORMAT ? "malformed" : "missing";
	}
	assert_int_equal(r, 0);
	assert_int_equal(v.revocation, FUDA_REVOCATION_NOT_CHECKED);
	assert_int_equal(v.rule[0] == '\0', v.result == FUDA_RESULT_OK);
	return v.rule;
}

static void accepts(void **state)
{
	struct fuda_text_records r;
	struct test_card card = card_taro();
	struct fuda_verdict v;

	(void)state;
	assert_int_equal(fuda_text_verify(trust, &taro, &v), 0);
	assert_int_equal(v.result, FUDA_RESULT_OK);
	assert_int_equal(v.world, FUDA_WORLD_TEST);
	assert_string_equal(v.rule, "");
	/* what was not asked for is not missed */
	text_make(&card, &r);
	fuda_buf_clear(&r.attributes);
	assert_string_equal(judge(&r), "");
	fuda_buf_clear(&r.my_number);
	assert_string_equal(judge(&r), "");
	fuda_text_records_free(&r);
}

/* ... but what proves it must be there. */
static void needs_proof(void **state)
{
	static const struct {
		size_t offset;
		const char *rule;
	} cases[] = {
		{ offsetof(struct fuda_text_records, integrity), "missing" },
		{ offsetof(struct fuda_text_records, certificate), "malformed" },
		{ offsetof(struct fuda_text_records, signed_key), "missing" },
		{ offsetof(struct fuda_text_records, response.signature), "challenge_signature" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct test_card card = card_taro();
		struct fuda_text_records r;

		text_make(&card, &r);
		fuda_buf_clear((struct fuda_buf *)(void *)((char *)&r + cases[i].offset));
		assert_string_equal(judge(&r), cases[i].rule);
		fuda_text_records_free(&r);
	}
}

static void flip(uint8_t *bytes, size_t len, const char *what)
{
	static const uint8_t patterns[] = { 0x01, 0x80, 0xFF };

	for (size_t i = 0; i < len; i++) {
		for (size_t p = 0; p < ARRAY_SIZE(patterns); p++) {
			bytes[i] ^= patterns[p];
			if (!judge(&taro)[0])
				fail_msg("byte %zu of %s may be changed", i, what);
			bytes[i] ^= patterns[p];
		}
	}
}

/* card.md 4: nothing in this application is uncovered. */
static void every_byte_counts(void **state)
{
	(void)state;
	flip(taro.my_number.data, taro.my_number.len, "the My Number");
	flip(taro.attributes.data, taro.attributes.len, "the attributes");
	flip(taro.integrity.data, taro.integrity.len, "the integrity record");
	flip(taro.certificate.data, taro.certificate.len, "the certificate");
	flip(taro.signed_key.data, taro.signed_key.len, "the card's key");
	flip(taro.response.challenge, sizeof(taro.response.challenge), "the challenge");
	flip(taro.response.signature.data, taro.response.signature.len, "the response");
	assert_string_equal(judge(&taro), "");
}

/* Which rule says what: one place of each. */
static void names_the_rule(void **state)
{
	struct fuda_text_records *t = &taro;
	const struct {
		uint8_t *byte;
		const char *rule;
	} cases[] = {
		{ t->my_number.data + 16, "malformed" }, /* two kinds of filler */
		{ t->my_number.data + 3, "record_digest" },
		{ t->attributes.data + t->attributes.len - 1, "record_digest" },
		{ t->integrity.data + 10, "record_signature" },
		{ t->integrity.data + t->integrity.len - 1, "record_signature" },
		{ t->signed_key.data + t->signed_key.len - 1, "record_signature" },
		{ t->certificate.data + t->certificate.len - 1, "authority_signature" },
		{ t->certificate.data + 12, "authority_unknown" },   /* in the issuer */
		{ t->certificate.data + 30, "authority_signature" }, /* in the subject */
		{ t->response.challenge, "challenge_signature" },
		{ t->response.signature.data, "challenge_signature" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		*cases[i].byte ^= 2;
		if (strcmp(judge(t), cases[i].rule) != 0)
			fail_msg("case %zu: %s", i, judge(t));
		*cases[i].byte ^= 2;
	}
	/* other filler, of one kind, and more or less of it */
	t->my_number.data[15] = t->my_number.data[16] = 0x00;
	assert_string_equal(judge(t), "record_digest");
	t->my_number.data[15] = t->my_number.data[16] = 0xFF;
	t->my_number.len--;
	assert_string_equal(judge(t), "record_digest");
	t->my_number.len++;
	assert_int_equal(fuda_buf_append(&t->my_number, "\xFF", 1), 0);
	assert_string_equal(judge(t), "record_digest");
	t->my_number.len--;
	assert_string_equal(judge(t), "");
}

enum { MY_NUMBER = 1, ATTRIBUTES = 2, INTEGRITY = 4, KEY = 8, RESPONSE = 16, CERTIFICATE = 32 };

static void swap(struct fuda_buf *a, struct fuda_buf *b)
{
	struct fuda_buf c = *a;

	*a = *b;
	*b = c;
}

/* Taro's card with files of another one. */
static const char *judge_swapped(const struct test_card *other, unsigned what)
{
	struct test_card card = card_taro();
	struct fuda_text_records a, b;
	const char *rule;

	text_make(&card, &a);
	text_make(other, &b);
	if (what & MY_NUMBER)
		swap(&a.my_number, &b.my_number);
	if (what & ATTRIBUTES)
		swap(&a.attributes, &b.attributes);
	if (what & INTEGRITY)
		swap(&a.integrity, &b.integrity);
	if (what & KEY)
		swap(&a.signed_key, &b.signed_key);
	if (what & RESPONSE)
		swap(&a.response.signature, &b.response.signature);
	if (what & CERTIFICATE)
		swap(&a.certificate, &b.certificate);
	rule = judge(&a);
	fuda_text_records_free(&a);
	fuda_text_records_free(&b);
	return rule;
}

static void swapped_records(void **state)
{
	static const struct {
		unsigned what;
		const char *rule;
	} same[] = {
		{ MY_NUMBER, "record_digest" },
		{ ATTRIBUTES, "record_digest" },
		{ MY_NUMBER | ATTRIBUTES, "record_digest" },
		{ INTEGRITY, "record_digest" },
		{ INTEGRITY | MY_NUMBER, "record_digest" },
		{ INTEGRITY | ATTRIBUTES, "record_digest" },
		{ KEY, "challenge_signature" },
		{ RESPONSE, "challenge_signature" },
		{ CERTIFICATE, "" }, /* the same one */
		/* The one swap that cannot be seen: everything about another person who has a card
		 * of the same municipality, with one's own key. Nothing on the card ties these
		 * records to the key: card.md 2.7, 4. */
		{ MY_NUMBER | ATTRIBUTES | INTEGRITY, "" },
	};
	struct test_card hanako = card_hanako();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		assert_string_equal(judge_swapped(&hanako, same[i].what), same[i].rule);
	/* of another municipality even that is seen */
	hanako.municipality = KEY_OTHER_MUNICIPALITY;
	hanako.subject = "'1322121' 0805 '000' 00000000";
	for (unsigned what = 1; what < 2 * CERTIFICATE - 1; what++)
		assert_true(judge_swapped(&hanako, what)[0] != '\0');
}

/* Signatures that are right, by keys that have no right to them. */
static void wrong_signers(void **state)
{
	struct test_card card = card_taro();
	struct fuda_text_records r;

	(void)state;
	card.municipality = KEY_CARD; /* the card certifies itself, and no authority does */
	card.authority = KEY_CARD;
	text_make(&card, &r);
	assert_string_equal(judge(&r), "authority_signature");
	fuda_text_records_free(&r);
	/* an authority's own signature instead of a municipality's */
	card = card_taro();
	text_make(&card, &r);
	card.municipality = KEY_AUTHORITY;
	text_sign(&card, &r);
	cv_make(KEY_AUTHORITY, ID_TEXT_AUTHORITY, KEY_MUNICIPALITY, ID_MUNICIPALITY,
		&r.certificate);
	assert_string_equal(judge(&r), "record_signature");
	fuda_text_records_free(&r);
	/* that of the face application */
	card = card_taro();
	card.issuer = ID_FACE_AUTHORITY;
	text_make(&card, &r);
	assert_string_equal(judge(&r), "authority_unknown");
	fuda_text_records_free(&r);
}

static int setup(void **state)
{
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
	struct test_card card = card_taro();
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0 || close(fd) < 0 || fuda_context_new(&ctx) < 0 ||
	    fuda_cv_trust_new(ctx, &trust) < 0)
		return -1;
	put_authority(&pem, KEY_AUTHORITY, ID_TEXT_AUTHORITY);
	write_file(path, &pem);
	text_make(&card, &taro);
	return fuda_cv_trust_add_file(trust, path);
}

static int teardown(void **state)
{
	(void)state;
	fuda_text_records_free(&taro);
	fuda_cv_trust_free(&trust);
	fuda_context_free(&ctx);
	return unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector),
		cmocka_unit_test(reads_attributes),
		cmocka_unit_test(lengths),
		cmocka_unit_test(refuses_attributes),
		cmocka_unit_test(refuses_offsets),
		cmocka_unit_test(refuses_frames),
		cmocka_unit_test(refuses_long_texts),
		cmocka_unit_test(my_number),
		cmocka_unit_test(accepts),
		cmocka_unit_test(needs_proof),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(names_the_rule),
		cmocka_unit_test(swapped_records),
		cmocka_unit_test(wrong_signers),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
