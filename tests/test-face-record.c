/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/face.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/tlv.h"
#include "tests/cmocka.h"
#include "tests/records.h"

static struct fuda_context *ctx;
static struct fuda_cv_trust *trust;
static struct fuda_face_records taro;
static char path[] = "/tmp/test-face-XXXXXX";

static struct test_card face_of(struct test_card card)
{
	card.issuer = ID_FACE_AUTHORITY;
	return card;
}

/* ---- what the records say ---- */

static void reads_parts(void **state)
{
	struct fuda_bytes png;
	struct fuda_face f;
	char birth[FUDA_DATE_SIZE];

	(void)state;
	assert_int_equal(fuda_face_parts(ctx, &taro, &f), 0);
	assert_string_equal(f.birth_date, "1980-02-17");
	assert_string_equal(f.expiry, "2035-02-17");
	assert_int_equal(f.sex, FUDA_SEX_MALE);
	assert_memory_equal(f.name.p, "\x89PNG", 4);
	assert_int_equal(f.name.len, 16);
	assert_int_equal(f.address.len, 19);
	assert_memory_equal(f.photo.p + 4, "jP  ", 4);
	assert_int_equal(f.photo.len, 300);
	assert_int_equal(f.security_code.len, 10);
	assert_int_equal(fuda_face_age(ctx, &taro, birth), 0);
	assert_string_equal(birth, "1980-02-17");
	assert_int_equal(fuda_face_my_number(ctx, &taro, &png), 0);
	assert_memory_equal(png.p, "\x89PNG", 4);
	assert_int_equal(png.len, 21);
	assert_int_equal(taro.age.len, 547); /* card.md 2.6 */
}

/* Empty images; photos of every size around those where lengths change their form, up to the end of
 * the file. */
static void sizes(void **state)
{
	static const size_t photos[] = { 0,   12,  127, 128,   129,   255,  256,
					 257, 767, 768, 15000, 30000, 31500 };
	struct test_card card = face_of(card_taro());

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(photos); i++) {
		struct fuda_face_records r = FUDA_FACE_RECORDS_INIT;
		struct record_plan plan = plan_face(&card);
		struct fuda_face f;

		fuda_buf_clear(&plan.value[4]);
		fuda_buf_clear(&plan.value[5]);
		fuda_buf_clear(&plan.value[9]);
		if (photos[i] == 0)
			fuda_buf_clear(&plan.value[6]);
		plan.value[6].len = MIN(plan.value[6].len, photos[i]);
		while (plan.value[6].len < photos[i])
			der_write(&plan.value[6], "2A");
		plan_make(&plan, &r.face);
		if (fuda_face_parts(ctx, &r, &f) < 0)
			fail_msg("%zu: %s", photos[i], fuda_context_message(ctx));
		assert_int_equal(f.photo.len, photos[i]);
		assert_int_equal(f.name.len + f.address.len + f.security_code.len, 0);
		plan_free(&plan);
		fuda_buf_free(&r.face);
	}
}

static const struct {
	size_t object;
	const char *notation, *says;
} malformed[] = {
	{ 0, "", "DF21" },
	{ 1, "", "DF22" },
	{ 2, "", "DF23" },
	{ 3, "", "DF24" },
	{ 4, "", "DF25" },
	{ 5, "", "DF26" },
	{ 6, "", "DF27" },
	{ 7, "", "DF28" },
	{ 8, "", "DF29" },
	{ 9, "", "DF2A" },
	{ 4, "DF25{$}DF25{$}", "DF26" },
	{ 4, "DF26{$}", "DF25" },
	{ 5, "DF25{$}", "DF26" },
	{ 8, "DF2A{}", "DF29" },
	{ 9, "DF2A{$}DF2B{}", "more objects" },
	{ 9, "DF2A{$}FFFF", "more objects" },
	/* lengths */
	{ 4, "DF25 00", "DF21" }, /* the objects stand elsewhere than it says */
	{ 4, "DF25 8100", "DF25" },
	{ 6, "DF27 83000003 AABBCC", "DF27" },
	{ 6, "DF27 80 0000", "DF27" },
	{ 6, "DF27 827FFF", "DF27" },
	{ 6, "DF27 84FFFFFFFF", "DF27" },
	{ 9, "DF2A 01", "DF2A" },
	/* offsets */
	{ 0, "DF21{}", "DF21" },
	{ 0, "DF21{$0000}", "DF21" },
	{ 0, "DF21{0018 0018 0018 0018 0018 0018 0018 0018 0018}", "DF21" },
	{ 0, "DF21{0000 0000 0000 0000 0000 0000 0000 0000 0000}", "DF21" },
	{ 0, "DF21{FFFF FFFF FFFF FFFF FFFF FFFF FFFF FFFF FFFF}", "DF21" },
	/* sizes */
	{ 1, "DF22{'1980021'}", "DF22" },
	{ 2, "DF23{}", "DF23" },
	{ 2, "DF23{'11'}", "DF23" },
	{ 3, "DF24{00$}", "DF24" },
	{ 3, "DF24{}", "DF24" },
	{ 7, "DF28{$00}", "DF28" },
	{ 7, "DF28{}", "DF28" },
	{ 8, "DF29{}", "DF29" },
	{ 8, "DF29{'203502170'}", "DF29" },
	/* content */
	{ 1, "DF22{'19801332'}", "DF22" },
	{ 2, "DF23{'7'}", "DF23" },
	{ 8, "DF29{'20350230'}", "DF29" },
	{ 8, "DF29{FFFFFFFFFFFFFFFF}", "DF29" },
	{ 4, "DF25{'GIF89a'}", "DF25" },
	{ 4, "DF25{89'PNG'}", "DF25" },
	{ 4, "DF25{89'PNG'0A0D0A1A}", "DF25" },
	{ 5, "DF26{FF}", "DF26" },
	{ 6, "DF27{FFD8FFE0}", "DF27" },                     /* JPEG */
	{ 6, "DF27{FF4FFF51 0000 0000 0000 0000}", "DF27" }, /* without its container */
	{ 6, "DF27{0000000C'jP  '0D0A87}", "DF27" },
	{ 9, "DF2A{0000000C'jP  '0D0A870A}", "DF2A" },
};

static void refuses_faces(void **state)
{
	struct test_card card = face_of(card_taro());

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		struct record_plan plan = plan_face(&card);
		struct fuda_face_records r = FUDA_FACE_RECORDS_INIT;
		struct fuda_face f = { .sex = FUDA_SEX_FEMALE };

		/* true offsets first, for those who change something else */
		plan_make(&plan, &r.face);
		plan.object[malformed[i].object] = malformed[i].notation;
		plan.table = strcmp(malformed[i].says, "DF21") != 0;
		plan_make(&plan, &r.face);
		assert_int_equal(fuda_face_parts(ctx, &r, &f), FUDA_EFORMAT);
		assert_int_equal(f.sex, FUDA_SEX_FEMALE);
		if (!strstr(fuda_context_message(ctx), malformed[i].says))
			fail_msg("case %zu: %s", i, fuda_context_message(ctx));
		plan_free(&plan);
		fuda_buf_free(&r.face);
	}
}

static void refuses_others(void **state)
{
	static const struct {
		size_t object;
		const char *age, *number, *says;
	} cases[] = {
		{ 0, "", "", "1" },
		{ 1, "", "", "2" },
		{ 2, "", "", "3" },
		{ 1, "DF12{$00}", "DF42{$00}", "2" },
		{ 1, "DF12{}", "DF42{}", "2" },
		{ 2, "DF13{$00}", "DF43{$00}", "3" },
		{ 2, "DF13{$}DF14{}", "DF43{$}DF44{}", "more objects" },
		{ 0, "DF11{'19800217'00}", "DF41{FFD8}", "1" },
		{ 0, "DF11{'1980ab17'}", "DF41{00}", "1" },
		{ 0, "DF12{'19800217'}", "DF42{}", "1" },
		{ 0, "DF11 8108 '19800217'", "DF41 8100", "1" },
	};
	struct test_card card = face_of(card_taro());

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct record_plan age = plan_age(&card), number = plan_number_image(&card);
		struct fuda_face_records r = FUDA_FACE_RECORDS_INIT;
		char birth[FUDA_DATE_SIZE] = "untouched", says[16];
		struct fuda_bytes png = { NULL, 0 };

		age.object[cases[i].object] = cases[i].age;
		number.object[cases[i].object] = cases[i].number;
		plan_make(&age, &r.age);
		plan_make(&number, &r.my_number);
		assert_int_equal(fuda_face_age(ctx, &r, birth), FUDA_EFORMAT);
		assert_string_equal(birth, "untouched");
		snprintf(says, sizeof(says), "%s%s", strlen(cases[i].says) > 1 ? "" : "DF1",
			 cases[i].says);
		assert_non_null(strstr(fuda_context_message(ctx), says));
		assert_int_equal(fuda_face_my_number(ctx, &r, &png), FUDA_EFORMAT);
		assert_null(png.p);
		snprintf(says, sizeof(says), "%s%s", strlen(cases[i].says) > 1 ? "" : "DF4",
			 cases[i].says);
		assert_non_null(strstr(fuda_context_message(ctx), says));
		plan_free(&age);
		plan_free(&number);
		fuda_face_records_free(&r);
	}
}

/* Not asked for, cut short, one for the other, with something behind. */
static void refuses_frames(void **state)
{
	struct fuda_face_records r = FUDA_FACE_RECORDS_INIT;
	char birth[FUDA_DATE_SIZE];
	struct fuda_bytes png;
	struct fuda_face f;

	(void)state;
	assert_int_equal(fuda_face_parts(ctx, &r, &f), FUDA_EINVAL);
	assert_int_equal(fuda_face_age(ctx, &r, birth), FUDA_EINVAL);
	assert_int_equal(fuda_face_my_number(ctx, &r, &png), FUDA_EINVAL);
	for (size_t len = 1; len < taro.face.len; len++) {
		assert_int_equal(fuda_buf_set(&r.face, taro.face.data, len), 0);
		assert_int_equal(fuda_face_parts(ctx, &r, &f), FUDA_EFORMAT);
	}
	assert_int_equal(fuda_buf_set(&r.face, taro.face.data, taro.face.len), 0);
	der_write(&r.face, "FF");
	assert_int_equal(fuda_face_parts(ctx, &r, &f), FUDA_EFORMAT);
	assert_int_equal(fuda_buf_set(&r.age, taro.my_number.data, taro.my_number.len), 0);
	assert_int_equal(fuda_face_age(ctx, &r, birth), FUDA_EFORMAT);
	assert_int_equal(fuda_buf_set(&r.my_number, taro.age.data, taro.age.len), 0);
	assert_int_equal(fuda_face_my_number(ctx, &r, &png), FUDA_EFORMAT);
	fuda_face_records_free(&r);
}

/* ---- whether they are genuine ---- */

/* The rule that is broken, "malformed" or "missing". */
static const char *judge(const struct fuda_face_records *records)
{
	struct fuda_verdict v = { .rule = "untouched" };
	int r = fuda_face_verify(trust, records, &v);

	if (r < 0) {
		assert_string_equal(v.rule, "untouched");
		assert_true(r == FUDA_EFORMAT || r == FUDA_EINVAL);
		return r == FUDA_EFORMAT ? "malformed" : "missing";
	}
	assert_int_equal(v.rule[0] == '\0', v.result == FUDA_RESULT_OK);
	return v.rule;
}

/* Whatever was asked for; but something must have been. */
static void accepts(void **state)
{
	struct fuda_verdict v;

	(void)state;
	assert_int_equal(fuda_face_verify(trust, &taro, &v), 0);
	assert_int_equal(v.result, FUDA_RESULT_OK);
	assert_int_equal(v.world, FUDA_WORLD_TEST);
	for (unsigned what = 0; what < 8; what++) {
		struct test_card card = face_of(card_taro());
		struct fuda_face_records r;

		face_make(&card, &r);
		if (!(what & 1))
			fuda_buf_clear(&r.age);
		if (!(what & 2))
			fuda_buf_clear(&r.face);
		if (!(what & 4))
			fuda_buf_clear(&r.my_number);
		assert_string_equal(judge(&r), what ? "" : "missing");
		if (what) {
			fuda_buf_clear(&r.response.signature);
			assert_string_equal(judge(&r), "challenge_signature");
			fuda_buf_clear(&r.certificate);
			assert_string_equal(judge(&r), "malformed");
		}
		fuda_face_records_free(&r);
	}
}

/* Where objects lie whose values nothing covers. */
static bool uncovered(const struct fuda_buf *face, size_t at)
{
	struct cursor c = cur_of(face->data, face->len);
	struct tlv t;

	assert_int_equal(tlv_expect(&c, 0xFF20, &t), 0);
	c = t.value;
	while (tlv_next_der(&c, &t) == 0)
		if ((t.tag == 0xDF29 || t.tag == 0xDF2A) && face->data + at >= t.value.p &&
		    face->data + at < t.value.p + t.value.left)
			return true;
	return false;
}

static void flip(struct fuda_buf *b, const char *what)
{
	static const uint8_t patterns[] = { 0x01, 0x80, 0xFF };

	for (size_t i = 0; i < b->len; i++) {
		bool free = b == &taro.face && uncovered(b, i);

		for (size_t p = 0; p < ARRAY_SIZE(patterns); p++) {
			b->data[i] ^= patterns[p];
			if ((judge(&taro)[0] == '\0') != free)
				fail_msg("byte %zu of %s %s be changed", i, what,
					 free ? "cannot" : "may");
			b->data[i] ^= patterns[p];
		}
	}
}

/* card.md 4: expiry and security code are not covered, all else is. */
static void every_byte_counts(void **state)
{
	(void)state;
	flip(&taro.face, "the face");
	flip(&taro.age, "the age record");
	flip(&taro.my_number, "the image of the My Number");
	flip(&taro.certificate, "the certificate");
	flip(&taro.response.signature, "the response");
	for (size_t i = 0; i < sizeof(taro.response.challenge); i++) {
		taro.response.challenge[i] ^= 0x10;
		assert_string_equal(judge(&taro), "challenge_signature");
		taro.response.challenge[i] ^= 0x10;
	}
	assert_string_equal(judge(&taro), "");
}

/* Each of the three digests is looked at, whatever becomes of the other two. */
static void three_digests(void **state)
{
	static const size_t objects[] = { 1, 2, 3, 4, 5, 6, 8, 9 };
	struct test_card card = face_of(card_taro());

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		struct record_plan plan = plan_face(&card);
		struct fuda_buf *value = &plan.value[objects[i]];
		struct fuda_face_records r;
		const char *rule = objects[i] >= 8 ? "" : "record_signature";

		face_make(&card, &r);
		value->data[value->len - 1] ^= 0x40; /* the modulus stays odd */
		plan_make(&plan, &r.face);
		if (objects[i] == 3) /* another key than in the other records, besides */
			fuda_buf_clear(&r.age), fuda_buf_clear(&r.my_number);
		assert_string_equal(judge(&r), rule);
		plan_sign_face(&card, &plan);
		plan_make(&plan, &r.face);
		assert_string_equal(judge(&r), objects[i] == 3 ? "challenge_signature" : "");
		plan_free(&plan);
		fuda_face_records_free(&r);
	}
}

/* A digest of all three pieces together, or another DigestInfo, is no signature of a face. */
static void one_digest_info(void **state)
{
	static const char *const infos[] = {
		"3031300D060960864801650304020105000420$",
		"3071300D060960864801650304020205000460$$$",
		"306F300B06096086480165030402010460$$$",
		"$$$",
	};
	struct test_card card = face_of(card_taro());
	_cleanup_buf_ struct fuda_buf digest = TEST_BUF;

	(void)state;
	while (digest.len < 32)
		der_write(&digest, "A5");
	for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
		_cleanup_buf_ struct fuda_buf info = TEST_BUF;
		struct record_plan plan = plan_face(&card);
		struct fuda_face_records r;

		face_make(&card, &r);
		der_write(&info, infos[i], &digest, &digest, &digest);
		test_sign_info(card.municipality, info.data, info.len, &plan.value[7]);
		plan_make(&plan, &r.face);
		assert_string_equal(judge(&r), "record_signature");
		plan_free(&plan);
		fuda_face_records_free(&r);
	}
}

enum { AGE = 1, FACE = 2, NUMBER = 4, RESPONSE = 8, ALL = 15 };

static void swap(struct fuda_buf *a, struct fuda_buf *b)
{
	struct fuda_buf c = *a;

	*a = *b;
	*b = c;
}

/* Every mixture of two cards of one municipality is seen: the records name the key. */
static void swapped_records(void **state)
{
	(void)state;
	for (unsigned what = 0; what <= ALL; what++) {
		struct test_card card = face_of(card_taro()), other = face_of(card_hanako());
		struct fuda_face_records a, b;
		const char *rule =
			(what & 7) == 0 || (what & 7) == 7 ? "challenge_signature" : "record_keys";

		face_make(&card, &a);
		face_make(&other, &b);
		if (what & AGE)
			swap(&a.age, &b.age);
		if (what & FACE)
			swap(&a.face, &b.face);
		if (what & NUMBER)
			swap(&a.my_number, &b.my_number);
		if (what & RESPONSE)
			swap(&a.response.signature, &b.response.signature);
		assert_string_equal(judge(&a), what == 0 || what == ALL ? "" : rule);
		fuda_face_records_free(&a);
		fuda_face_records_free(&b);
	}
}

/* All records of a card, on a card that does not have its key: card.md 4, anti-clone. */
static void cloned_face(void **state)
{
	struct test_card card = face_of(card_taro());
	struct fuda_face_records r;

	(void)state;
	face_make(&card, &r);
	respond(KEY_OTHER_CARD, &r.response);
	assert_string_equal(judge(&r), "challenge_signature");
	respond(KEY_CARD, &r.response);
	assert_string_equal(judge(&r), "");
	r.response.challenge[0] ^= 1; /* an old answer */
	assert_string_equal(judge(&r), "challenge_signature");
	fuda_face_records_free(&r);
	/* with a key of its own in the records, signed by itself */
	card.key = KEY_OTHER_CARD;
	card.municipality = KEY_OTHER_CARD;
	face_make(&card, &r);
	swap(&r.certificate, &taro.certificate);
	assert_string_equal(judge(&r), "record_signature");
	swap(&r.certificate, &taro.certificate);
	fuda_face_records_free(&r);
}

static int setup(void **state)
{
	_cleanup_buf_ struct fuda_buf pem = TEST_BUF;
	struct test_card card = face_of(card_taro());
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0 || close(fd) < 0 || fuda_context_new(&ctx) < 0 ||
	    fuda_cv_trust_new(ctx, &trust) < 0)
		return -1;
	put_authority(&pem, KEY_AUTHORITY, ID_FACE_AUTHORITY);
	write_file(path, &pem);
	face_make(&card, &taro);
	return fuda_cv_trust_add_file(trust, path);
}

static int teardown(void **state)
{
	(void)state;
	fuda_face_records_free(&taro);
	fuda_cv_trust_free(&trust);
	fuda_context_free(&ctx);
	return unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_parts),       cmocka_unit_test(sizes),
		cmocka_unit_test(refuses_faces),     cmocka_unit_test(refuses_others),
		cmocka_unit_test(refuses_frames),    cmocka_unit_test(accepts),
		cmocka_unit_test(every_byte_counts), cmocka_unit_test(three_digests),
		cmocka_unit_test(one_digest_info),   cmocka_unit_test(swapped_records),
		cmocka_unit_test(cloned_face),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
