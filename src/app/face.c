/* SPDX-License-Identifier: Apache-2.0 */
/* The face application, card.md 2.6: reading. */
#include <fuda/face.h>

#include "app/app.h"
#include "card/pin.h"

const struct app app_face = { &aid_face };

enum { AGE = 1, FACE = 2, MY_NUMBER = 4 };

static const struct app_access access[] = {
	{ FUDA_PIN_A, FACE | MY_NUMBER },
	{ FUDA_PIN_B, FACE },
	{ FUDA_PIN_BIRTH, AGE },
};

static const struct app_file age = { { 0x0001, READ_OBJECT, 547, 1024 },
				     N_("the age record"),
				     N_("read the age record") };
static const struct app_file face = { { 0x0002, READ_OBJECT, 0, FUDA_FACE_MAX },
				      N_("the card face"),
				      N_("read the card face") };
static const struct app_file basic = { { 0x0003, READ_OBJECT, 320, 1024 },
				       N_("the basic data"),
				       N_("read the basic data") };
static const struct app_file certificate = { { 0x0004, READ_OBJECT, 568, FUDA_CV_MAX },
					     N_("the certificate of its records"),
					     N_("read the certificate of the records") };
static const struct app_file my_number = { { 0x0005, READ_OBJECT, 0, 4096 },
					   N_("the picture of the My Number"),
					   N_("read the picture of the My Number") };

void fuda_face_records_free(struct fuda_face_records *r)
{
	fuda_buf_free(&r->age);
	fuda_buf_free(&r->face);
	fuda_buf_free(&r->certificate);
	fuda_buf_free(&r->my_number);
	fuda_buf_free(&r->response.signature);
	wipe(r->response.challenge, sizeof(r->response.challenge));
}

static int check_request(struct fuda_card *c, const struct fuda_face_request *q)
{
	unsigned wanted = (q->age ? AGE : 0) | (q->face ? FACE : 0) |
			  (q->my_number ? MY_NUMBER : 0);
	int r = app_check_access(c->ctx, access, ARRAY_SIZE(access), wanted, q->with);

	return r < 0 ? r : pin_check_entry(c, q->with, q->pin);
}

/* What is behind the secret. */
static int read_records(struct fuda_card *c, const struct fuda_face_request *q,
			struct fuda_deadline *dl, struct fuda_face_records *ret)
{
	int r = 0;

	if (q->age)
		r = app_read(c, &age, dl, &ret->age);
	if (r == 0 && q->face)
		r = app_read(c, &face, dl, &ret->face);
	if (r == 0 && q->my_number)
		r = app_read(c, &my_number, dl, &ret->my_number);
	return r;
}

int fuda_face_read(struct fuda_card *c, const struct fuda_face_request *q, struct fuda_deadline *dl,
		   struct fuda_face_records *ret_records)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	_cleanup_(fuda_face_records_free) struct fuda_face_records records = FUDA_FACE_RECORDS_INIT;
	int r = check_request(c, q);

	if (r == 0)
		r = app_begin(c, &aid_face, dl);
	if (r < 0)
		return r;
	job = c;
	/* Free to read, it also shows before the secret whether extended length works. */
	r = app_read(c, &certificate, dl, &records.certificate);
	if (r == 0)
		r = pin_verify(c, q->with, &aid_face, q->pin, dl);
	if (r == 0)
		r = read_records(c, q, dl, &records);
	if (r == 0)
		r = app_challenge(c, q->challenge, dl, &records.response);
	if (r < 0)
		return r;
	fuda_face_records_free(ret_records);
	*ret_records = records;
	records = FUDA_FACE_RECORDS_INIT;
	return 0;
}

int fuda_face_tap(struct fuda_card *c, struct fuda_pin_entry *pin, const uint8_t challenge[32],
		  struct fuda_deadline *dl, struct fuda_buf *ret_signature)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX);
	struct fuda_response response = { .signature = signature };
	int r;

	ctx_step(c->ctx, _("have the card sign a challenge"));
	if (c->tapped)
		return ctx_fail(c->ctx, FUDA_EINVAL,
				_("This card was used without a PIN already: take it away first. "
				  "Nothing was sent."));
	if (pin->tries_least < 1)
		return ctx_fail_code(c->ctx, FUDA_EINVAL);
	r = pin_check_entry(c, FUDA_PIN_BIRTH, pin);
	if (r == 0)
		r = app_begin(c, &aid_face, dl);
	if (r < 0)
		return r;
	job = c;
	r = pin_verify(c, FUDA_PIN_BIRTH, &aid_face, pin, dl);
	c->tapped = pin->sent;
	if (r == 0)
		r = app_challenge(c, challenge, dl, &response);
	signature = response.signature;
	if (r == 0 && fuda_buf_append(ret_signature, signature.data, signature.len) < 0)
		r = ctx_fail_code(c->ctx, FUDA_ENOMEM);
	return r;
}

int fuda_face_basic(struct fuda_card *c, struct fuda_deadline *dl, struct fuda_basic *ret)
{
	return app_basic(c, &aid_face, &basic, 0xFF30, true, dl, ret);
}
