/* SPDX-License-Identifier: Apache-2.0 */
/* VERIFY and CHANGE: card.md 0.1, 0.2, 3, 3.2 and 12. */
#include "vcard/internal.h"

#include <string.h>

/* The secret that P2 names. */
static uint16_t find_pin(struct vcard *v, const struct apdu *a, struct pin **ret_pin,
			 const struct pin_type **ret_type)
{
	struct ef_state *ef;
	uint16_t sw = vcard_reference(v, a->p2, &ef);
	bool locked;

	if (sw != 0x9000)
		return sw;
	locked = ef->type->kind == EF_LOCKED;
	if (ef->type->kind != EF_PIN && !locked)
		return 0x6981;
	*ret_pin = locked ? &v->locked : &v->conf.pin[ef->type->pin];
	*ret_type = locked ? NULL : &vcard_pins[ef->type->pin];
	return 0x9000;
}

static bool blocked(const struct pin *pin)
{
	return pin->tries && !pin->left;
}

/* 6300 where there is no counter: card.md 3 */
static uint16_t tries_left(const struct pin *pin)
{
	return (uint16_t)(pin->tries ? 0x63C0 | pin->left : 0x6300);
}

/* Never 9000, whether verified or not: card.md 0.1. */
static uint16_t query(const struct vcard *v, const struct apdu *a, const struct pin *pin)
{
	if (a->extended || (a->le && a->le != 256))
		return 0x6700;
	if (a->le && v->conf.opt.query_5_bytes)
		return (uint16_t)v->conf.opt.query_5_bytes;
	return blocked(pin) ? (uint16_t)v->conf.opt.blocked_query : tries_left(pin);
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
	const struct pin_type *type;
	struct pin *pin;
	unsigned before;
	uint16_t sw;

	if (a->p1 != 0x00)
		return 0x6A86;
	sw = find_pin(v, a, &pin, &type);
	if (sw != 0x9000)
		return sw;
	if (!a->lc)
		return query(v, a, pin);
	v->usage.verifies++;
	if (a->lc > PIN_MAX)
		return 0x6700;
	if (blocked(pin))
		return (uint16_t)v->conf.opt.blocked_verify;
	/* As cards do: the try is taken away before the comparison, so that nothing can save it. */
	before = pin->left;
	pin->verified = false;
	if (pin->tries)
		pin->left--;
	if (vcard_save(v) < 0) {
		pin->left = before;
		return 0x6581;
	}
	if (!matches(pin, a))
		return tries_left(pin);
	pin->left = pin->tries;
	if (vcard_save(v) < 0)
		return 0x6581;
	pin->verified = true;
	return 0x9000;
}

/* `00 24 01`, and JICSAP's CHANGE KEY `80 32 00`. That a secret refuses the other one's command,
 * and those that only the issuer sets refuse both, with 6982 is a guess: as the security condition
 * that card.md 12 gives for a change. */
uint16_t cmd_change(struct vcard *v, const struct apdu *a, _unused_ struct fuda_buf *ret_data)
{
	const struct pin_type *type;
	struct pin *pin;
	uint16_t sw;
	bool length;

	if (a->p1 != (a->ins == 0x24 ? 0x01 : 0x00))
		return 0x6A86;
	sw = find_pin(v, a, &pin, &type);
	if (sw != 0x9000)
		return sw;
	if (!pin->verified || type->change != a->ins)
		return 0x6982;
	if (!a->lc || a->lc > PIN_MAX)
		return 0x6700;
	if (v->conf.opt.change_check && !vcard_pin_legal(type, a->data, a->lc, &length))
		return length ? 0x6A80 : 0x6700;
	wipe(pin->bytes, sizeof(pin->bytes));
	memcpy(pin->bytes, a->data, a->lc);
	pin->len = a->lc;
	pin->changed = true;
	return vcard_save(v) < 0 ? 0x6581 : 0x9000;
}
