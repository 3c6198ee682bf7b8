/* SPDX-License-Identifier: Apache-2.0 */
/* "virtual:DIR": the software card of directory DIR, played in this process. */
#include "drivers/virtual.h"

#include <stdio.h>
#include <string.h>
#include "base/deadline.h"
#include "vcard/vcard.h"

#define WHY_SIZE 256

struct vcard *virtual_card(const struct reader *r)
{
	return r->priv;
}

static void take_atr(struct reader *r)
{
	size_t len;
	const uint8_t *atr = vcard_atr(r->priv, &len);

	r->atr_len = MIN(len, sizeof(r->atr));
	memcpy(r->atr, atr, r->atr_len);
}

/* The card's own lock keeps other readers away. */
static int virtual_open(struct reader *r, const char *rest, struct fuda_deadline *dl)
{
	char why[WHY_SIZE];
	struct vcard *v;
	int e = deadline_check(dl);

	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	if (!*rest)
		return ctx_fail(r->ctx, FUDA_ENOREADER,
				_("The name of a software card is virtual:DIR; the folder is "
				  "missing. Make one with: fuda-vcard make DIR"));
	e = vcard_load(rest, &v, why, sizeof(why));
	if (e == FUDA_ENOREADER)
		return ctx_fail(r->ctx, e,
				_("There is no software card (%s). Make one with: fuda-vcard make "
				  "%s"),
				why, rest);
	if (e == FUDA_EBUSY)
		return ctx_fail(r->ctx, e,
				_("The software card in %s is in use by another program. Wait for "
				  "it or end it."),
				rest);
	if (e < 0)
		return ctx_fail(r->ctx, e, _("The software card in %s cannot be played: %s."), rest,
				why);
	r->priv = v;
	vcard_power(v, true);
	take_atr(r);
	/* Each card directory is a reader of its own kind, as its options say. */
	if (strlen(rest) < sizeof(r->model) - sizeof("virtual "))
		snprintf(r->model, sizeof(r->model), "virtual %s", rest);
	r->max_command = vcard_max_command(v);
	r->max_response = vcard_max_response(v);
	return 0;
}

static void virtual_close(struct reader *r)
{
	struct vcard *v = r->priv;

	vcard_free(&v);
	r->priv = NULL;
}

/* Off takes effect at once. */
static int virtual_power(struct reader *r, enum power how, struct fuda_deadline *dl)
{
	/* a card is not left verified because the time is up */
	int e = how == POWER_OFF ? 0 : deadline_check(dl);

	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	if (how == POWER_RESET)
		vcard_reset(r->priv);
	else
		vcard_power(r->priv, false);
	if (how == POWER_ON)
		vcard_power(r->priv, true);
	if (how != POWER_OFF)
		take_atr(r);
	r->epoch++;
	return 0;
}

/* A card that never answers: there is nothing but the deadline. */
static int wait_in_vain(struct reader *r, struct fuda_deadline *dl)
{
	return ctx_fail_code(r->ctx, deadline_wait_fd(dl, -1, 0));
}

static int virtual_transmit(struct reader *r, const uint8_t *command, size_t len,
			    _unused_ unsigned flags, struct fuda_deadline *dl,
			    struct fuda_buf *ret_response)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(r->max_response);
	int e = deadline_check(dl);

	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	if (!vcard_powered(r->priv)) {
		vcard_power(r->priv, true);
		take_atr(r);
	}
	e = vcard_transmit(r->priv, command, len, &response);
	if (e == FUDA_EMUTE)
		return wait_in_vain(r, dl);
	if (e == FUDA_ETOOBIG)
		return ctx_fail(r->ctx, FUDA_ETRANSPORT,
				_("The response is longer than the reader can take."));
	if (e < 0)
		return ctx_fail_code(r->ctx, e);
	e = fuda_buf_append(ret_response, response.data, response.len);
	return e < 0 ? ctx_fail_code(r->ctx, e) : 0;
}

const struct driver driver_virtual = {
	.name = "virtual",
	.open = virtual_open,
	.close = virtual_close,
	.power = virtual_power,
	.transmit = virtual_transmit,
};
