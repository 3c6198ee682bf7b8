/* SPDX-License-Identifier: Apache-2.0 */
/* The records of the face application: card.md 2.6, verified by card.md 4. */
#include <fuda/face.h>

#include "base/context.h"
#include "record/cv.h"
#include "record/face.h"
#include "record/record.h"

enum { AGE_BIRTH, AGE_KEY, AGE_SIGNATURE };
static const struct record_form age_form = {
	.tag = 0xFF10,
	.name = N_("The age record (FF10)"),
	.objects = {
		[AGE_BIRTH] = { 0xDF11, N_("the birth date (DF11)"), RECORD_DATE, RECORD_DATE },
		[AGE_KEY] = { 0xDF12, N_("the public key (DF12)"), RECORD_KEY, RECORD_KEY },
		[AGE_SIGNATURE] = { 0xDF13, N_("the signature (DF13)"), RECORD_SIGNATURE,
				    RECORD_SIGNATURE },
	},
};

enum {
	OFFSETS,
	BIRTH,
	SEX,
	KEY,
	NAME,
	ADDRESS,
	PHOTO,
	SIGNATURE,
	EXPIRY,
	SECURITY_CODE,
};
static const struct record_form face_form = {
	.tag = 0xFF20,
	.name = N_("The record of the card's face (FF20)"),
	.objects = {
		[OFFSETS] = { 0xDF21, N_("the offset table (DF21)"), 18, 18 },
		[BIRTH] = { 0xDF22, N_("the birth date (DF22)"), RECORD_DATE, RECORD_DATE },
		[SEX] = { 0xDF23, N_("the sex (DF23)"), 1, 1 },
		[KEY] = { 0xDF24, N_("the public key (DF24)"), RECORD_KEY, RECORD_KEY },
		[NAME] = { 0xDF25, N_("the image of the name (DF25)"), 0, FUDA_FACE_MAX },
		[ADDRESS] = { 0xDF26, N_("the image of the address (DF26)"), 0, FUDA_FACE_MAX },
		[PHOTO] = { 0xDF27, N_("the photo (DF27)"), 0, FUDA_FACE_MAX },
		[SIGNATURE] = { 0xDF28, N_("the signature (DF28)"), RECORD_SIGNATURE,
				RECORD_SIGNATURE },
		[EXPIRY] = { 0xDF29, N_("the expiry (DF29)"), RECORD_DATE, RECORD_DATE },
		[SECURITY_CODE] = { 0xDF2A, N_("the image of the security code (DF2A)"), 0,
				    FUDA_FACE_MAX },
	},
	.offsets = true,
};

enum { NUMBER_IMAGE, NUMBER_KEY, NUMBER_SIGNATURE };
static const struct record_form number_form = {
	.tag = 0xFF40,
	.name = N_("The record of the My Number's image (FF40)"),
	.objects = {
		[NUMBER_IMAGE] = { 0xDF41, N_("the image (DF41)"), 0, FUDA_FACE_MAX },
		[NUMBER_KEY] = { 0xDF42, N_("the public key (DF42)"), RECORD_KEY, RECORD_KEY },
		[NUMBER_SIGNATURE] = { 0xDF43, N_("the signature (DF43)"), RECORD_SIGNATURE,
				       RECORD_SIGNATURE },
	},
};

static struct fuda_bytes bytes_of(const struct tlv *t)
{
	return (struct fuda_bytes){ t->value.p, t->value.left };
}

int fuda_face_parts(struct fuda_context *ctx, const struct fuda_face_records *records,
		    struct fuda_face *ret)
{
	static const struct {
		size_t object;
		bool (*is)(struct cursor value);
	} images[] = {
		{ NAME, record_is_png },
		{ ADDRESS, record_is_png },
		{ PHOTO, record_is_jp2 },
		{ SECURITY_CODE, record_is_png },
	};
	struct fuda_face face = { 0 };
	struct record record;
	int r = record_read(ctx, &face_form, &records->face, &record);

	if (r < 0)
		return r;
	if (record_date(record.object[BIRTH].value, face.birth_date) < 0)
		return record_malformed(ctx, &face_form, BIRTH);
	if (record_sex(record.object[SEX].value, &face.sex) < 0)
		return record_malformed(ctx, &face_form, SEX);
	if (record_date(record.object[EXPIRY].value, face.expiry) < 0)
		return record_malformed(ctx, &face_form, EXPIRY);
	for (size_t i = 0; i < ARRAY_SIZE(images); i++)
		if (!images[i].is(record.object[images[i].object].value))
			return record_malformed(ctx, &face_form, images[i].object);
	face.name = bytes_of(&record.object[NAME]);
	face.address = bytes_of(&record.object[ADDRESS]);
	face.photo = bytes_of(&record.object[PHOTO]);
	face.security_code = bytes_of(&record.object[SECURITY_CODE]);
	*ret = face;
	return 0;
}

int fuda_face_age(struct fuda_context *ctx, const struct fuda_face_records *records,
		  char ret_birth_date[FUDA_DATE_SIZE])
{
	struct record record;
	int r = record_read(ctx, &age_form, &records->age, &record);

	if (r == 0 && record_date(record.object[AGE_BIRTH].value, ret_birth_date) < 0)
		r = record_malformed(ctx, &age_form, AGE_BIRTH);
	return r;
}

int face_age_key(struct fuda_context *ctx, const struct fuda_face_records *records,
		 struct cursor *ret)
{
	struct record record;
	int r = record_read(ctx, &age_form, &records->age, &record);

	if (r == 0)
		*ret = record.object[AGE_KEY].value;
	return r;
}

int fuda_face_my_number(struct fuda_context *ctx, const struct fuda_face_records *records,
			struct fuda_bytes *ret_png)
{
	struct record record;
	int r = record_read(ctx, &number_form, &records->my_number, &record);

	if (r < 0)
		return r;
	if (!record_is_png(record.object[NUMBER_IMAGE].value))
		return record_malformed(ctx, &number_form, NUMBER_IMAGE);
	*ret_png = bytes_of(&record.object[NUMBER_IMAGE]);
	return 0;
}

/* ---- verification: card.md 4 ---- */

/* The signature stands behind the key and is over all before it. */
static int judge_plain(const struct record *record, size_t key, const struct key *issuer)
{
	return judge_bytes(issuer, record_span(record, 0, key), record->object[key + 1].value);
}

static int judge_age(const struct record *record, const struct key *issuer)
{
	return judge_plain(record, AGE_KEY, issuer);
}

static int judge_number(const struct record *record, const struct key *issuer)
{
	return judge_plain(record, NUMBER_KEY, issuer);
}

/* Three digests in one DigestInfo that names SHA-256. */
static int judge_face(const struct record *record, const struct key *issuer)
{
	enum { PREFIX = 19, DIGEST = 32 };
	static const struct {
		size_t first, last;
	} pieces[] = { { BIRTH, KEY }, { NAME, ADDRESS }, { PHOTO, PHOTO } };
	uint8_t info[PREFIX + ARRAY_SIZE(pieces) * DIGEST] = {
		0x30, 0x71, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x60,
	};
	struct cursor signature = record->object[SIGNATURE].value;

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct cursor bytes = record_span(record, pieces[i].first, pieces[i].last);
		struct fuda_digest digest;
		int r = fuda_digest_bytes(FUDA_SHA256, bytes.p, bytes.left, &digest);

		if (r < 0)
			return r;
		memcpy(info + PREFIX + i * DIGEST, digest.bytes, DIGEST);
	}
	return key_verify_info(issuer, info, sizeof(info), signature.p, signature.left);
}

/* What is read of the card, in no order. */
static const struct part {
	size_t offset; /* of its file */
	const struct record_form *form;
	size_t key;                                                          /* the object */
	int (*judge)(const struct record *record, const struct key *issuer); /* as key_verify() */
} parts[] = {
	{ offsetof(struct fuda_face_records, age), &age_form, AGE_KEY, judge_age },
	{ offsetof(struct fuda_face_records, face), &face_form, KEY, judge_face },
	{ offsetof(struct fuda_face_records, my_number), &number_form, NUMBER_KEY, judge_number },
};

/* Judges one record. The first key is kept in `*key`, the others must be the same. */
static int judge_part(struct fuda_context *ctx, const struct part *part,
		      const struct fuda_buf *file, const struct key *issuer, struct findings *f,
		      struct key **key)
{
	_cleanup_(key_free) struct key *named = NULL;
	struct record record;
	int r = record_read(ctx, part->form, file, &record);

	if (r < 0)
		return r;
	r = key_new_card(record.object[part->key].value, &named);
	if (r == FUDA_EFORMAT)
		return record_malformed(ctx, part->form, part->key);
	if (r == 0)
		r = find_signature(f, RULE_RECORD_SIGNATURE, part->judge(&record, issuer));
	if (r < 0)
		return r;
	if (!*key) {
		*key = named;
		named = NULL;
	} else if (!key_equal(*key, named)) {
		find_broken(f, RULE_RECORD_KEYS);
	}
	return 0;
}

static int judge_parts(struct fuda_context *ctx, const struct fuda_face_records *records,
		       const struct key *issuer, struct findings *f)
{
	_cleanup_(key_free) struct key *key = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct fuda_buf *file =
			(const void *)((const char *)records + parts[i].offset);
		int r = file->len ? judge_part(ctx, &parts[i], file, issuer, f, &key) : 0;

		if (r < 0)
			return r;
	}
	if (!key)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("No record of the card's face was read. Ask for one, with a "
				  "secret that opens it."));
	return judge_response(f, key, &records->response);
}

int fuda_face_verify(const struct fuda_cv_trust *trust, const struct fuda_face_records *records,
		     struct fuda_verdict *ret)
{
	_cleanup_(cv_free) struct cv cv = { 0 };
	struct findings f = { 0 };
	int r = cv_judge(trust, &records->certificate, 1, &f, &cv);

	if (r == 0)
		r = judge_parts(cv_trust_context(trust), records, cv.key, &f);
	if (r == 0)
		*ret = findings_verdict(&f);
	return r;
}
