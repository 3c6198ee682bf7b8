/* SPDX-License-Identifier: Apache-2.0 */
/* The text application, card.md 2.7: reading. */
#include <fuda/text.h>

#include "app/app.h"
#include "card/pin.h"
#include "card/sm.h"

const struct app app_text = { &aid_text };

enum { MY_NUMBER = 1, ATTRIBUTES = 2 };

static const struct app_access access[] = {
	{ FUDA_PIN_TEXT, MY_NUMBER | ATTRIBUTES },
	{ FUDA_PIN_A, MY_NUMBER },
	{ FUDA_PIN_B, ATTRIBUTES },
};

/* The filler of the My Number's file is signed with it: card.md 4. */
static const struct app_file my_number = { { 0x0001, READ_FILE, 17, 256 },
					   N_("the My Number"),
					   N_("read the My Number") };
/* Names and addresses differ, and there is filler behind them: this much holds most of them. */
static const struct app_file attributes = { { 0x0002, READ_OBJECT, 144, 8192 },
					    N_("the attributes"),
					    N_("read the attributes") };
static const struct app_file integrity = { { 0x0003, READ_OBJECT, 336, 1024 },
					   N_("the integrity record"),
					   N_("read the integrity record") };
static const struct app_file certificate = { { 0x0004, READ_OBJECT, 568, FUDA_CV_MAX },
					     N_("the certificate of its records"),
					     N_("read the certificate of the records") };
static const struct app_file basic = { { 0x0005, READ_OBJECT, 162, 1024 },
				       N_("the basic data"),
				       N_("read the basic data") };
static const struct app_file session_key = { { 0x0006, READ_OBJECT, 269, 1024 },
					     N_("the key for secure messaging"),
					     N_("begin secure messaging") };
static const struct app_file signed_key = { { 0x0007, READ_OBJECT, 536, 1024 },
					    N_("its signed key"),
					    N_("read the card's signed key") };

void fuda_text_records_free(struct fuda_text_records *r)
{
	fuda_buf_free(&r->my_number);
	fuda_buf_free(&r->attributes);
	fuda_buf_free(&r->integrity);
	fuda_buf_free(&r->certificate);
	fuda_buf_free(&r->signed_key);
	fuda_buf_free(&r->response.signature);
	wipe(r->response.challenge, sizeof(r->response.challenge));
}

static int check_request(struct fuda_card *c, const struct fuda_text_request *q)
{
	unsigned wanted = (q->my_number ? MY_NUMBER : 0) | (q->attributes ? ATTRIBUTES : 0);
	int r = app_check_access(c->ctx, access, ARRAY_SIZE(access), wanted, q->with);

	/* card.md 3.3 */
	if (r == 0 && q->secure_messaging && q->with != FUDA_PIN_TEXT)
		return ctx_fail(c->ctx, FUDA_EINVAL,
				_("Secure messaging is only for the %s; nothing was sent."),
				fuda_pin_title(FUDA_PIN_TEXT));
	return r < 0 ? r : pin_check_entry(c, q->with, q->pin);
}

/* Reads in the clear, or by secure messaging if there is a session. */
static int read(struct fuda_card *c, struct sm *sm, const struct app_file *f,
		struct fuda_deadline *dl, struct fuda_buf *ret_data)
{
	int r;

	if (!sm)
		return app_read(c, f, dl, ret_data);
	ctx_step(c->ctx, _(f->step));
	r = sm_read(c, sm, &f->ef, dl, ret_data);
	return r < 0 ? app_read_failed(c->ctx, f, r) : 0;
}

/* What is behind the secret. */
static int read_records(struct fuda_card *c, struct sm *sm, const struct fuda_text_request *q,
			struct fuda_deadline *dl, struct fuda_text_records *ret)
{
	int r = 0;

	if (q->my_number)
		r = read(c, sm, &my_number, dl, &ret->my_number);
	if (r == 0 && q->attributes)
		r = read(c, sm, &attributes, dl, &ret->attributes);
	if (r == 0)
		r = read(c, sm, &integrity, dl, &ret->integrity);
	if (r == 0)
		r = read(c, sm, &signed_key, dl, &ret->signed_key);
	return r;
}

static int read_securely(struct fuda_card *c, const struct fuda_text_request *q,
			 struct fuda_deadline *dl, struct fuda_text_records *ret)
{
	_cleanup_(sm_end) struct sm sm = { 0 };
	int r = sm_begin(c, &session_key.ef, dl, &sm);

	return r < 0 ? r : read_records(c, &sm, q, dl, ret);
}

int fuda_text_read(struct fuda_card *c, const struct fuda_text_request *q, struct fuda_deadline *dl,
		   struct fuda_text_records *ret_records)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	_cleanup_(fuda_text_records_free) struct fuda_text_records records = FUDA_TEXT_RECORDS_INIT;
	int r = check_request(c, q);

	if (r == 0)
		r = app_begin(c, &aid_text, dl);
	if (r < 0)
		return r;
	job = c;
	/* Free to read, it also shows before the secret whether extended length works. */
	r = app_read(c, &certificate, dl, &records.certificate);
	if (r == 0 && q->secure_messaging)
		r = sm_check(c);
	if (r == 0)
		r = pin_verify(c, q->with, &aid_text, q->pin, dl);
	if (r == 0)
		r = q->secure_messaging ? read_securely(c, q, dl, &records) :
					  read_records(c, NULL, q, dl, &records);
	if (r == 0)
		r = app_challenge(c, NULL, dl, &records.response);
	if (r < 0)
		return r;
	fuda_text_records_free(ret_records);
	*ret_records = records;
	records = FUDA_TEXT_RECORDS_INIT;
	return 0;
}

int fuda_text_basic(struct fuda_card *c, struct fuda_deadline *dl, struct fuda_basic *ret)
{
	return app_basic(c, &aid_text, &basic, 0xFF40, false, dl, ret);
}
