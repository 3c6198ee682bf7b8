/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/encode.h>

#include "base/util.h"

#define PNG "89'PNG'0D0A1A0A"
#define JP2 "0000000C'jP  '0D0A870A"

static void insist(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "records: %s\n", what);
	abort();
}

struct test_card card_taro(void)
{
	return (struct test_card){
		.my_number = "123456789018",
		.name = "山田　太郎",
		.address = "東京都千代田区霞が関２－１－２",
		.birth = "19800217",
		.sex = "1",
		.authority = KEY_AUTHORITY,
		.municipality = KEY_MUNICIPALITY,
		.key = KEY_CARD,
		.issuer = ID_TEXT_AUTHORITY,
		.subject = ID_MUNICIPALITY,
	};
}

struct test_card card_hanako(void)
{
	struct test_card card = card_taro();

	card.my_number = "876543210989";
	card.name = "番号　花子";
	card.address = "東京都千代田区丸の内１－１－１";
	card.birth = "19890107";
	card.sex = "2";
	card.key = KEY_OTHER_CARD;
	return card;
}

/* ---- one record ---- */

void plan_free(struct record_plan *plan)
{
	for (size_t i = 0; i < PLAN_OBJECTS; i++)
		fuda_buf_free(&plan->value[i]);
}

void plan_set(struct record_plan *plan, size_t object, const char *notation)
{
	plan->value[object].max = 65536;
	fuda_buf_clear(&plan->value[object]);
	der_write(&plan->value[object], notation);
}

static void set_text(struct record_plan *plan, size_t object, const char *text)
{
	plan->value[object].max = 65536;
	insist(fuda_buf_set(&plan->value[object], text, strlen(text)) == 0, "text");
}

static void put_objects(const struct record_plan *plan, size_t first, size_t last,
			struct fuda_buf *out)
{
	for (size_t i = first; i <= last && plan->object[i];
	     i++) /* twice, for who writes it twice */
		der_write(out, plan->object[i], &plan->value[i], &plan->value[i]);
}

static void put_offset(struct fuda_buf *out, size_t offset)
{
	uint8_t bytes[2] = { (uint8_t)(offset >> 8), (uint8_t)offset };

	insist(offset <= 0xFFFF && fuda_buf_append(out, bytes, 2) == 0, "offset");
}

/* The table itself is as long as it says, and stands first. */
static void make_table(struct record_plan *plan)
{
	_cleanup_buf_ struct fuda_buf objects = TEST_BUF;
	size_t count = 0, at;

	while (plan->object[count + 1])
		count++;
	put_objects(plan, 1, count, &objects);
	at = 3 + 2 * count; /* DF21 and its length */
	at += objects.len + at > 0xFF ? 5 : objects.len + at > 0x7F ? 4 : 3;
	plan->value[0].max = 65536;
	fuda_buf_clear(&plan->value[0]);
	for (size_t i = 1; i <= count; i++) {
		put_offset(&plan->value[0], at);
		fuda_buf_clear(&objects);
		put_objects(plan, i, i, &objects);
		at += objects.len;
	}
}

void plan_make(struct record_plan *plan, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf objects = TEST_BUF;

	if (plan->table)
		make_table(plan);
	put_objects(plan, 0, PLAN_OBJECTS, &objects);
	fuda_buf_clear(ret);
	der_write(ret, plan->tag);
	der_write(ret, "{$}", &objects);
	if (plan->behind)
		der_write(ret, plan->behind);
}

static void sign_bytes(enum test_key key, const struct fuda_buf *bytes, struct fuda_buf *ret)
{
	struct fuda_digest digest;

	insist(fuda_digest_bytes(FUDA_SHA256, bytes->data, bytes->len, &digest) == 0, "digest");
	ret->max = 65536;
	test_sign(key, FUDA_PKCS1, &digest, ret);
}

/* The last object is the signature of all before it. */
static void sign_plain(struct record_plan *plan, size_t last, enum test_key key)
{
	_cleanup_buf_ struct fuda_buf bytes = TEST_BUF;

	put_objects(plan, 0, last - 1, &bytes);
	sign_bytes(key, &bytes, &plan->value[last]);
}

struct record_plan plan_attributes(const struct test_card *card)
{
	struct record_plan plan = { "FF20",
				    { "DF21{$}", "DF22{$}", "DF23{$}", "DF24{$}", "DF25{$}" },
				    .table = true };

	set_text(&plan, 1, card->name);
	set_text(&plan, 2, card->address);
	set_text(&plan, 3, card->birth);
	set_text(&plan, 4, card->sex);
	return plan;
}

struct record_plan plan_face(const struct test_card *card)
{
	struct record_plan plan = {
		"FF20",
		{ "DF21{$}", "DF22{$}", "DF23{$}", "DF24{$}", "DF25{$}", "DF26{$}", "DF27{$}",
		  "DF28{$}", "DF29{$}", "DF2A{$}" },
		.table = true,
	};

	set_text(&plan, 1, card->birth);
	set_text(&plan, 2, card->sex);
	plan.value[3] = TEST_BUF;
	test_card_key(card->key, &plan.value[3]);
	plan_set(&plan, 4, PNG "0000000D'IHDR'");
	plan_set(&plan, 5, PNG "0000000D'IHDR'AABBCC");
	plan_set(&plan, 6, JP2);
	while (plan.value[6].len < 300)
		der_write(&plan.value[6], "FF4F FF51 0000");
	set_text(&plan, 8, "20350217");
	plan_set(&plan, 9, PNG "2285");
	plan_sign_face(card, &plan);
	return plan;
}

struct record_plan plan_age(const struct test_card *card)
{
	struct record_plan plan = { .tag = "FF10", .object = { "DF11{$}", "DF12{$}", "DF13{$}" } };

	set_text(&plan, 0, card->birth);
	plan.value[1] = TEST_BUF;
	test_card_key(card->key, &plan.value[1]);
	plan_sign_face(card, &plan);
	return plan;
}

struct record_plan plan_number_image(const struct test_card *card)
{
	struct record_plan plan = { .tag = "FF40", .object = { "DF41{$}", "DF42{$}", "DF43{$}" } };

	plan_set(&plan, 0, PNG);
	der_write(&plan.value[0], "0000000D'IHDR'0102030405");
	plan.value[1] = TEST_BUF;
	test_card_key(card->key, &plan.value[1]);
	plan_sign_face(card, &plan);
	return plan;
}

void plan_sign_face(const struct test_card *card, struct record_plan *plan)
{
	static const size_t parts[][2] = { { 1, 3 }, { 4, 5 }, { 6, 6 } };
	_cleanup_buf_ struct fuda_buf info = TEST_BUF;

	if (!plan->table) {
		sign_plain(plan, 2, card->municipality);
		return;
	}
	der_write(&info, "3071 300D 0609608648016503040201 0500 0460");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_buf_ struct fuda_buf bytes = TEST_BUF;
		struct fuda_digest digest;

		put_objects(plan, parts[i][0], parts[i][1], &bytes);
		insist(fuda_digest_bytes(FUDA_SHA256, bytes.data, bytes.len, &digest) == 0, "diges"
											    "t");
		insist(fuda_buf_append(&info, digest.bytes, 32) == 0, "digests");
	}
	plan->value[7].max = 65536;
	test_sign_info(card->municipality, info.data, info.len, &plan->value[7]);
}

/* ---- a card ---- */

void cv_make(enum test_key issuer, const char *issuer_id, enum test_key key, const char *subject_id,
	     struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf body = TEST_BUF;
	_cleanup_buf_ struct fuda_buf numbers = TEST_BUF;
	_cleanup_buf_ struct fuda_buf signature = TEST_BUF;

	der_write(&body, issuer_id);
	der_write(&body, subject_id);
	test_card_key(key, &numbers);
	der_write(&body, "$", &numbers);
	sign_bytes(issuer, &body, &signature);
	fuda_buf_clear(ret);
	der_write(ret, "7F21{5F4E{$}5F37{$}}", &body, &signature);
}

void respond(enum test_key key, struct fuda_response *response)
{
	_cleanup_buf_ struct fuda_buf challenge = TEST_BUF;

	insist(fuda_buf_append(&challenge, response->challenge, sizeof(response->challenge)) == 0,
	       "challenge");
	sign_bytes(key, &challenge, &response->signature);
	response->signature.max = FUDA_SIGNATURE_MAX;
}

static void put_digest(const struct fuda_buf *bytes, struct fuda_buf *out)
{
	struct fuda_digest digest;

	insist(fuda_digest_bytes(FUDA_SHA256, bytes->data, bytes->len, &digest) == 0, "digest");
	insist(fuda_buf_append(out, digest.bytes, 32) == 0, "digest");
}

void text_sign(const struct test_card *card, struct fuda_text_records *records)
{
	struct record_plan attributes = plan_attributes(card);
	struct record_plan integrity = { .tag = "FF30",
					 .object = { "DF31{$}", "DF32{$}", "DF33{$}" } };
	_cleanup_buf_ struct fuda_buf objects = TEST_BUF;

	put_objects(&attributes, 1, 4, &objects);
	integrity.value[0] = integrity.value[1] = TEST_BUF;
	put_digest(&records->my_number, &integrity.value[0]);
	put_digest(&objects, &integrity.value[1]);
	sign_plain(&integrity, 2, card->municipality);
	plan_make(&integrity, &records->integrity);
	cv_make(card->authority, card->issuer, card->municipality, card->subject,
		&records->certificate);
	plan_free(&attributes);
	plan_free(&integrity);
}

void text_make(const struct test_card *card, struct fuda_text_records *ret)
{
	struct record_plan attributes = plan_attributes(card);
	struct record_plan key = { .tag = "FF50", .object = { "DF51{$}", "DF52{$}" } };
	_cleanup_buf_ struct fuda_buf digits = TEST_BUF;

	*ret = FUDA_TEXT_RECORDS_INIT;
	insist(fuda_buf_append(&digits, card->my_number, strlen(card->my_number)) == 0, "digits");
	der_write(&ret->my_number, "FF10{$}FFFF", &digits);
	plan_make(&attributes, &ret->attributes);
	text_sign(card, ret);
	key.value[0] = TEST_BUF;
	test_card_key(card->key, &key.value[0]);
	sign_plain(&key, 1, card->municipality);
	plan_make(&key, &ret->signed_key);
	memset(ret->response.challenge, 0x5C, sizeof(ret->response.challenge));
	respond(card->key, &ret->response);
	plan_free(&attributes);
	plan_free(&key);
}

void face_make(const struct test_card *card, struct fuda_face_records *ret)
{
	struct record_plan age = plan_age(card), face = plan_face(card);
	struct record_plan number = plan_number_image(card);

	*ret = FUDA_FACE_RECORDS_INIT;
	plan_make(&age, &ret->age);
	plan_make(&face, &ret->face);
	plan_make(&number, &ret->my_number);
	cv_make(card->authority, card->issuer, card->municipality, card->subject,
		&ret->certificate);
	memset(ret->response.challenge, 0xC5, sizeof(ret->response.challenge));
	respond(card->key, &ret->response);
	plan_free(&age);
	plan_free(&face);
	plan_free(&number);
}

/* ---- authorities ---- */

void put_authority(struct fuda_buf *pem, enum test_key key, const char *id)
{
	_cleanup_buf_ struct fuda_buf bytes = TEST_BUF;
	char hex[FUDA_CV_ID_TEXT], line[64];

	der_write(&bytes, id);
	insist(bytes.len == FUDA_CV_ID, "key id");
	fuda_hex_encode(bytes.data, bytes.len, hex);
	snprintf(line, sizeof(line), "Key-Id: %s\n", hex);
	insist(fuda_buf_append(pem, line, strlen(line)) == 0, "line");
	insist(fuda_pem_encode("PUBLIC KEY", test_spki(key)->data, test_spki(key)->len, pem) == 0,
	       "PEM");
}

void write_file(const char *path, const struct fuda_buf *text)
{
	FILE *f = fopen(path, "wb");

	insist(f != NULL, path);
	insist(!text->len || fwrite(text->data, 1, text->len, f) == text->len, path);
	insist(fclose(f) == 0, path);
}
