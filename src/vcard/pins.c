/* SPDX-License-Identifier: Apache-2.0 */
/* VERIFY and CHANGE: card.md 0.1, 0.2, 3, 3.2 and 12. */
#include "vcard/internal.h"

#include <string.h>

/* The secret that P2 names. */
static uint16_t find_pin(struct vcard *v, const struct apdu *a, enum pin_id *ret)
{
	struct ef_state *ef;
	uint16_t sw = vcard_reference(v, a->p2, &ef);

	if (sw != 0x9000)
		return sw;
	if (ef->type->kind != EF_PIN)
		return 0x6981;
	*ret = ef->type->pin;
	return 0x9000;
}

/* Never 9000, whether verified or not: card.md 0.1. */
static uint16_t query(const struct vcard *v, const struct apdu *a, const struct pin *pin)
{
	if (a->extended || (a->le && a->le != 256))
		return 0x6700;
	if (a->le && v->conf.opt.query_5_bytes)
		return (uint16_t)v->conf.opt.query_5_bytes;
	if (!pin->left)
		return (uint16_t)v->conf.opt.blocked_query;
	return (uint16_t)(0x63C0 | pin->left);
}

/* Padded, so that the time does not tell the length. */
static bool matches(const struct pin *pin, const struct apdu *a)
{
	uint8_t given[PIN_MAX] = { 0 };
	int same;

	memcpy(given, a->data, a->lc);
	same = equal_ct(given, pin->bytes, sizeof(given)) & (a->lc == pin->len);
	wipe(given, sizeof(given));
	return same;
}

uint16_t cmd_verify(struct vcard *v, const struct apdu *a, _unused_ struct fuda_buf *ret_data)
{
	enum pin_id id;
	struct pin *pin;
	uint16_t sw;

	if (a->p1 != 0x00)
		return 0x6A86;
	sw = find_pin(v, a, &id);
	if (sw != 0x9000)
		return sw;
	pin = &v->conf.pin[id];
	if (!a->lc)
		return query(v, a, pin);
	v->usage.verifies++;
	if (a->lc > PIN_MAX)
		return 0x6700;
	if (!pin->left)
		return (uint16_t)v->conf.opt.blocked_verify;
	/* As cards do: the try is taken away before the comparison, so that nothing can save it. */
	pin->verified = false;
	pin->left--;
	if (vcard_save(v) < 0) {
		pin->left++;
		return 0x6581;
	}
	if (!matches(pin, a))
		return (uint16_t)(0x63C0 | pin->left);
	pin->left = vcard_pins[id].tries;
	if (vcard_save(v) < 0)
		return 0x6581;
	pin->verified = true;
	return 0x9000;
}

uint16_t cmd_change(struct vcard *v, const struct apdu *a, _unused_ struct fuda_buf *ret_data)
{
	struct pin *pin;
	enum pin_id id;
	uint16_t sw;
	bool length;

	if (a->p1 != 0x01)
		return 0x6A86;
	sw = find_pin(v, a, &id);
	if (sw != 0x9000)
		return sw;
	pin = &v->conf.pin[id];
	if (!pin->verified)
		return 0x6982;
	if (!a->lc || a->lc > PIN_MAX)
		return 0x6700;
	if (v->conf.opt.change_check && !vcard_pin_legal(&vcard_pins[id], a->data, a->lc, &length))
		return length ? 0x6A80 : 0x6700;
	wipe(pin->bytes, sizeof(pin->bytes));
	memcpy(pin->bytes, a->data, a->lc);
	pin->len = a->lc;
	pin->changed = true;
	return vcard_save(v) < 0 ? 0x6581 : 0x9000;
}
