/* SPDX-License-Identifier: Apache-2.0 */
/* The records of the text application: card.md 2.7, verified by card.md 4. */
#include <fuda/text.h>

#include "base/context.h"
#include "record/cv.h"
#include "record/record.h"

/* EF 0001, whose filler is under the digest. */
static const struct record_form my_number_form = {
	.tag = 0xFF10,
	.name = N_("The My Number record (FF10)"),
	.size = FUDA_MY_NUMBER_SIZE - 1,
	.filler = true,
};

enum { OFFSETS, NAME, ADDRESS, BIRTH, SEX };
static const struct record_form attributes_form = {
	.tag = 0xFF20,
	.name = N_("The record of the four attributes (FF20)"),
	.objects = {
		[OFFSETS] = { 0xDF21, N_("the offset table (DF21)"), 8, 8 },
		[NAME] = { 0xDF22, N_("the name (DF22)"), 1, FUDA_NAME_SIZE - 1 },
		[ADDRESS] = { 0xDF23, N_("the address (DF23)"), 0, FUDA_ADDRESS_SIZE - 1 },
		[BIRTH] = { 0xDF24, N_("the birth date (DF24)"), RECORD_DATE, RECORD_DATE },
		[SEX] = { 0xDF25, N_("the sex (DF25)"), 1, 1 },
	},
	.offsets = true,
};

enum { MY_NUMBER_DIGEST, ATTRIBUTES_DIGEST, INTEGRITY_SIGNATURE };
static const struct record_form integrity_form = {
	.tag = 0xFF30,
	.name = N_("The integrity record (FF30)"),
	.objects = {
		[MY_NUMBER_DIGEST] = { 0xDF31, N_("the digest of the My Number (DF31)"),
				       RECORD_DIGEST, RECORD_DIGEST },
		[ATTRIBUTES_DIGEST] = { 0xDF32, N_("the digest of the attributes (DF32)"),
					RECORD_DIGEST, RECORD_DIGEST },
		[INTEGRITY_SIGNATURE] = { 0xDF33, N_("the signature (DF33)"), RECORD_SIGNATURE,
					  RECORD_SIGNATURE },
	},
};

enum { SIGNED_KEY, KEY_SIGNATURE };
static const struct record_form key_form = {
	.tag = 0xFF50,
	.name = N_("The record of the card's key (FF50)"),
	.objects = {
		[SIGNED_KEY] = { 0xDF51, N_("the public key (DF51)"), RECORD_KEY, RECORD_KEY },
		[KEY_SIGNATURE] = { 0xDF52, N_("the signature (DF52)"), RECORD_SIGNATURE,
				    RECORD_SIGNATURE },
	},
};

int fuda_text_my_number(struct fuda_context *ctx, const struct fuda_text_records *records,
			char ret_digits[FUDA_MY_NUMBER_SIZE])
{
	char digits[FUDA_MY_NUMBER_SIZE] = "";
	struct record record;
	int r = record_read(ctx, &my_number_form, &records->my_number, &record);

	if (r < 0)
		return r;
	r = cur_copy(&record.whole.value, digits, FUDA_MY_NUMBER_SIZE - 1);
	if (r == 0 && fuda_my_number_valid(digits))
		memcpy(ret_digits, digits, sizeof(digits));
	else
		r = ctx_fail(ctx, FUDA_EFORMAT,
			     _("What the My Number record (FF10) holds is not a My Number: the "
			       "digits and their check digit do not agree. Read the card again; if "
			       "it stays so, do not accept it."));
	wipe(digits, sizeof(digits));
	return r;
}

static int read_attributes(struct fuda_context *ctx, const struct record *record,
			   struct fuda_attributes *a)
{
	const struct record_form *form = &attributes_form;
	const struct tlv *object = record->object;

	if (record_text(object[NAME].value, a->name, sizeof(a->name)) < 0)
		return record_malformed(ctx, form, NAME);
	if (record_text(object[ADDRESS].value, a->address, sizeof(a->address)) < 0)
		return record_malformed(ctx, form, ADDRESS);
	if (record_date(object[BIRTH].value, a->birth_date) < 0)
		return record_malformed(ctx, form, BIRTH);
	if (record_sex(object[SEX].value, &a->sex) < 0)
		return record_malformed(ctx, form, SEX);
	return 0;
}

int fuda_text_attributes(struct fuda_context *ctx, const struct fuda_text_records *records,
			 struct fuda_attributes *ret)
{
	struct fuda_attributes attributes = { 0 };
	struct record record;
	int r = record_read(ctx, &attributes_form, &records->attributes, &record);

	if (r == 0)
		r = read_attributes(ctx, &record, &attributes);
	if (r == 0)
		*ret = attributes;
	wipe(&attributes, sizeof(attributes));
	return r;
}

/* ---- verification: card.md 4 ---- */

static int judge_digest(struct findings *f, struct cursor bytes, struct cursor digest)
{
	struct fuda_digest d;
	int r = fuda_digest_bytes(FUDA_SHA256, bytes.p, bytes.left, &d);

	if (r == 0 && (digest.left != d.len || !equal_ct(digest.p, d.bytes, d.len)))
		find_broken(f, RULE_RECORD_DIGEST);
	wipe(&d, sizeof(d)); /* there are few enough numbers to try them all */
	return r;
}

static int judge_integrity(struct fuda_context *ctx, const struct fuda_text_records *records,
			   const struct key *issuer, struct findings *f)
{
	const struct fuda_buf *file = &records->my_number;
	struct record integrity, record;
	int r = record_read(ctx, &integrity_form, &records->integrity, &integrity);

	if (r < 0)
		return r;
	r = find_signature(f, RULE_RECORD_SIGNATURE,
			   judge_bytes(issuer,
				       record_span(&integrity, MY_NUMBER_DIGEST, ATTRIBUTES_DIGEST),
				       integrity.object[INTEGRITY_SIGNATURE].value));
	if (r == 0 && file->len) {
		r = record_read(ctx, &my_number_form, file, &record);
		if (r == 0) /* of the file as it lies on the card, with its filler */
			r = judge_digest(f, cur_of(file->data, file->len),
					 integrity.object[MY_NUMBER_DIGEST].value);
	}
	if (r == 0 && records->attributes.len) {
		r = record_read(ctx, &attributes_form, &records->attributes, &record);
		if (r == 0) /* of what follows the offset table */
			r = judge_digest(f, record_span(&record, NAME, SEX),
					 integrity.object[ATTRIBUTES_DIGEST].value);
	}
	return r;
}

static int judge_key(struct fuda_context *ctx, const struct fuda_text_records *records,
		     const struct key *issuer, struct findings *f)
{
	_cleanup_(key_free) struct key *key = NULL;
	struct record record;
	int r = record_read(ctx, &key_form, &records->signed_key, &record);

	if (r < 0)
		return r;
	r = key_new_card(record.object[SIGNED_KEY].value, &key);
	if (r == FUDA_EFORMAT)
		return record_malformed(ctx, &key_form, SIGNED_KEY);
	if (r == 0)
		r = find_signature(f, RULE_RECORD_SIGNATURE,
				   judge_bytes(issuer, record_span(&record, SIGNED_KEY, SIGNED_KEY),
					       record.object[KEY_SIGNATURE].value));
	return r < 0 ? r : judge_response(f, key, &records->response);
}

int fuda_text_verify(const struct fuda_cv_trust *trust, const struct fuda_text_records *records,
		     struct fuda_verdict *ret)
{
	struct fuda_context *ctx = cv_trust_context(trust);
	_cleanup_(cv_free) struct cv cv = { 0 };
	struct findings f = { 0 };
	int r = cv_judge(trust, &records->certificate, 1, &f, &cv);

	if (r == 0)
		r = judge_integrity(ctx, records, cv.key, &f);
	if (r == 0)
		r = judge_key(ctx, records, cv.key, &f);
	if (r == 0)
		*ret = findings_verdict(&f);
	return r;
}
