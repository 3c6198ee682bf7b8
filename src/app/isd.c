/* SPDX-License-Identifier: Apache-2.0 */
/* The card's own data objects, which the GlobalPlatform issuer security domain gives: card.md 2.2.
 * It is no application that a person would look for. */
#include <fuda/common.h>

#include "app/app.h"

static const struct object {
	enum fuda_card_object tag;
	const char *what;
	bool large; /* takes extended length */
} objects[] = {
	{ FUDA_CARD_ISSUER, N_("the issuer's identification"), false },
	{ FUDA_CARD_NUMBER, N_("the card identification number"), false },
	{ FUDA_CARD_RECOGNITION, N_("the card recognition data"), false },
	{ FUDA_CARD_MUNICIPALITY, N_("the municipality"), false },
	{ FUDA_CARD_EXPIRY, N_("the card's expiry"), false },
	{ FUDA_CARD_CV_KEY, N_("the key id of the intermediate authority"), false },
	{ FUDA_CARD_CV_INTERMEDIATE, N_("the certificate of the intermediate authority"), true },
	{ FUDA_CARD_CV_LOWER, N_("the certificate by the intermediate authority"), true },
	{ FUDA_CARD_CONTACT_ATR, N_("the contact interface's answer to reset"), false },
};

static int no_extended(struct fuda_card *c, uint16_t sw)
{
	return ctx_fail_sw(c->ctx, FUDA_ENOTSUP, sw,
			   _("This needs extended length, which this reader and card do not do "
			     "together. Use another reader."));
}

/* GET DATA. Large objects are refused to a short command with 6700 (card.md 3), or with 6Cxx, which
 * cannot say how long they are. */
static int get_data(struct fuda_card *c, const struct object *o, struct fuda_deadline *dl,
		    struct fuda_buf *ret_data, uint16_t *ret_sw)
{
	struct apdu a = { 0x00, 0xCA, (uint8_t)(o->tag >> 8), (uint8_t)o->tag, NULL, 0, 256,
			  false };
	const struct apdu extended = { a.cla, a.ins, a.p1, a.p2, NULL, 0, 65536, true };
	bool at_once = o->large && c->extended == EXTENDED_WORKS;
	int r = card_command(c, at_once ? &extended : &a, dl, ret_data, ret_sw);

	if (r < 0 || at_once || (*ret_sw != 0x6700 && *ret_sw >> 8 != 0x6C))
		return r;
	if (c->extended == EXTENDED_FAILS || c->secret_sent)
		return no_extended(c, *ret_sw);
	fuda_buf_clear(ret_data);
	r = card_command(c, &extended, dl, ret_data, ret_sw);
	if (r == FUDA_ETRANSPORT && c->extended == EXTENDED_UNKNOWN) {
		r = card_extended_fails(c, r, dl);
		return r < 0 ? r : no_extended(c, 0);
	}
	if (r == 0 && *ret_sw == 0x9000 && ret_data->len > 256)
		card_extended_works(c);
	return r;
}

static int get_object(struct fuda_card *c, const struct object *o, const struct aid *aid,
		      struct fuda_deadline *dl, struct fuda_buf *ret_data)
{
	uint16_t sw;
	int r = card_select(c, aid, dl);

	if (r == 0)
		r = get_data(c, o, dl, ret_data, &sw);
	return r < 0 ? r : card_check_sw(c, sw);
}

int fuda_card_object(struct fuda_card *c, enum fuda_card_object which, struct fuda_deadline *dl,
		     struct fuda_buf *ret_data)
{
	_cleanup_job_ struct fuda_card *job = NULL;
	_cleanup_buf_ struct fuda_buf data = FUDA_BUF_INIT(FUDA_RESPONSE_MAX);
	struct app_file file = { .step = N_("read the card's own data") };
	size_t i = 0;
	int r;

	while (i < ARRAY_SIZE(objects) && objects[i].tag != which)
		i++;
	ctx_step(c->ctx, _(file.step));
	if (i == ARRAY_SIZE(objects))
		return ctx_fail_code(c->ctx, FUDA_EINVAL);
	file.what = objects[i].what;
	r = fuda_card_begin(c, dl);
	if (r < 0)
		return r;
	job = c;
	ctx_step(c->ctx, _(file.step));
	r = get_object(c, &objects[i], &aid_isd, dl, &data);
	/* which some cards give only while an application is selected: card.md 2.2 */
	if (r == FUDA_ENOTFOUND && which == FUDA_CARD_CONTACT_ATR)
		r = get_object(c, &objects[i], &aid_jpki, dl, &data);
	if (r < 0)
		return app_read_failed(c->ctx, &file, r);
	r = fuda_buf_append(ret_data, data.data, data.len);
	return r < 0 ? ctx_fail_code(c->ctx, r) : 0;
}
