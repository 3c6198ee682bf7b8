/* SPDX-License-Identifier: Apache-2.0 */
/* The common application, card.md 2.4. */
#include <fuda/common.h>

#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "codec/tlv.h"

const struct app app_common = { &aid_common };

enum {
	EF_CARD = 0x0001,
	TAG_CARD = 0x01,
	SERIAL = 15,
	MUNICIPALITY = 5,
	DATE = 8,
	CHALLENGE_MAX = 255,
};

static int parse_card(const struct fuda_buf *record, struct fuda_common *ret)
{
	struct cursor c = cur_of(record->data, record->len);
	char date[DATE + 1];
	struct tlv t;

	if (tlv_next_simple(&c, &t) < 0 || t.tag != TAG_CARD || c.left)
		return FUDA_EFORMAT;
	c = t.value;
	if (app_take_digits(&c, SERIAL, ret->serial) < 0 ||
	    app_take_digits(&c, MUNICIPALITY, ret->municipality) < 0 ||
	    app_take_digits(&c, DATE, date) < 0 || c.left)
		return FUDA_EFORMAT;
	snprintf(ret->expiry, sizeof(ret->expiry), "%.4s-%.2s-%.2s", date, date + 4, date + 6);
	return 0;
}

int fuda_common_read(struct fuda_card *c, struct fuda_deadline *dl, struct fuda_common *ret)
{
	static const struct app_file file = { .what = N_("the card's number"),
					      .step = N_("read the card's number") };
	_cleanup_job_ struct fuda_card *job = NULL;
	_cleanup_buf_ struct fuda_buf record = FUDA_BUF_INIT(256);
	struct fuda_common common;
	int r = app_begin(c, &aid_common, dl);

	if (r < 0)
		return r;
	job = c;
	ctx_step(c->ctx, _(file.step));
	r = card_read_record(c, EF_CARD, 1, dl, &record);
	if (r == 0 && parse_card(&record, &common) < 0)
		r = ctx_fail_code(c->ctx, FUDA_EFORMAT);
	if (r < 0)
		return app_read_failed(c->ctx, &file, r);
	r = app_key_reference(c, dl, common.key_reference);
	if (r < 0)
		return r;
	*ret = common;
	return 0;
}

int fuda_common_authenticate(struct fuda_card *c, const uint8_t *challenge, size_t len,
			     struct fuda_deadline *dl, struct fuda_buf *ret_signature)
{
	/* INTERNAL AUTHENTICATE with the key of EF 0019: card.md 3 */
	struct apdu a = { 0x00, 0x88, 0x00, 0x99, challenge, len, 256, false };
	_cleanup_job_ struct fuda_card *job = NULL;
	_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);
	uint16_t sw;
	int r;

	ctx_step(c->ctx, _("have the card sign a challenge"));
	if (len < 1 || len > CHALLENGE_MAX)
		return ctx_fail(c->ctx, FUDA_EINVAL,
				_("A challenge has 1 to %d bytes, not %zu."), CHALLENGE_MAX, len);
	r = app_begin(c, &aid_common, dl);
	if (r < 0)
		return r;
	job = c;
	ctx_step(c->ctx, _("have the card sign a challenge"));
	r = card_command(c, &a, dl, &signature, &sw);
	if (r == 0)
		r = card_check_sw(c, sw);
	if (r < 0)
		return r;
	return app_take_signature(c, token_kind(FUDA_TOKEN_CARD), &signature, ret_signature);
}
