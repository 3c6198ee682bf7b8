/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/apdu.h"

#include "base/cursor.h"
#include "base/util.h"

enum { SHORT_LC_MAX = 255, SHORT_LE_MAX = 256, EXT_LC_MAX = 65535, EXT_LE_MAX = 65536 };

int apdu_build(const struct apdu *a, struct fuda_buf *ret_command)
{
	size_t lc_max = a->extended ? EXT_LC_MAX : SHORT_LC_MAX;
	size_t le_max = a->extended ? EXT_LE_MAX : SHORT_LE_MAX;
	/* the longest length fields: 00 hi lo, and hi lo (00 hi lo without Lc) */
	uint8_t head[7] = { a->cla, a->ins, a->p1, a->p2 }, tail[3];
	size_t head_len = 4, tail_len = 0;

	if (a->lc > lc_max || a->le > le_max)
		return FUDA_EINVAL;
	if (a->extended && (a->lc || a->le))
		*(a->lc ? &head[head_len++] : &tail[tail_len++]) = 0;
	if (a->lc && a->extended)
		head[head_len++] = (uint8_t)(a->lc >> 8);
	if (a->lc)
		head[head_len++] = (uint8_t)a->lc;
	if (a->le && a->extended)
		tail[tail_len++] = (uint8_t)(a->le >> 8);
	if (a->le)
		tail[tail_len++] = (uint8_t)a->le; /* the maximum is written as zeros */
	if (head_len + a->lc + tail_len > ret_command->max - ret_command->len)
		return FUDA_ETOOBIG;
	if (fuda_buf_append(ret_command, head, head_len) < 0 ||
	    fuda_buf_append(ret_command, a->data, a->lc) < 0 ||
	    fuda_buf_append(ret_command, tail, tail_len) < 0)
		return FUDA_ENOMEM;
	return 0;
}

/* Case 2E, 3E or 4E: what follows the zero byte after the header. */
static int parse_extended(struct cursor c, struct apdu *a)
{
	uint16_t n;

	a->extended = true;
	if (cur_u16(&c, &n) < 0)
		return FUDA_EFORMAT;
	if (c.left == 0) {
		a->le = n ? n : EXT_LE_MAX;
		return 0;
	}
	if (n == 0)
		return FUDA_EFORMAT;
	a->lc = n;
	if (cur_take(&c, a->lc, &a->data) < 0)
		return FUDA_EFORMAT;
	if (c.left == 0)
		return 0;
	if (cur_u16(&c, &n) < 0 || c.left)
		return FUDA_EFORMAT;
	a->le = n ? n : EXT_LE_MAX;
	return 0;
}

/* What follows the header. */
static int parse_body(struct cursor c, struct apdu *a)
{
	uint8_t n;

	if (c.left == 0)
		return 0;
	if (cur_u8(&c, &n) < 0)
		return FUDA_EFORMAT;
	if (c.left == 0) {
		a->le = n ? n : SHORT_LE_MAX;
		return 0;
	}
	if (n == 0)
		return parse_extended(c, a);
	a->lc = n;
	if (cur_take(&c, a->lc, &a->data) < 0)
		return FUDA_EFORMAT;
	if (c.left == 0)
		return 0;
	if (cur_u8(&c, &n) < 0 || c.left)
		return FUDA_EFORMAT;
	a->le = n ? n : SHORT_LE_MAX;
	return 0;
}

int apdu_parse(const uint8_t *command, size_t len, struct apdu *ret)
{
	struct cursor c = cur_of(command, len);
	struct apdu a = { 0 };

	if (cur_u8(&c, &a.cla) < 0 || cur_u8(&c, &a.ins) < 0 || cur_u8(&c, &a.p1) < 0 ||
	    cur_u8(&c, &a.p2) < 0 || parse_body(c, &a) < 0)
		return FUDA_EFORMAT;
	*ret = a;
	return 0;
}

int apdu_take_sw(struct fuda_buf *response, uint16_t *ret_sw)
{
	const uint8_t *end;

	if (response->len < 2)
		return FUDA_EFORMAT;
	end = response->data + response->len;
	*ret_sw = (uint16_t)(end[-2] << 8 | end[-1]);
	response->len -= 2;
	return 0;
}

/* Commands that touch secrets, or may hide one that does. A command matches if (CLA & mask) == cla
 * and INS is equal. */
static const struct {
	uint8_t cla_mask, cla, ins;
} pin_commands[] = {
	{ 0x00, 0x00, 0x20 }, /* VERIFY */
	{ 0x00, 0x00, 0x21 },
	{ 0x00, 0x00, 0x24 }, /* CHANGE REFERENCE DATA */
	{ 0x00, 0x00, 0x25 },
	{ 0x00, 0x00, 0x26 }, /* DISABLE VERIFICATION REQUIREMENT */
	{ 0x00, 0x00, 0x27 },
	{ 0x00, 0x00, 0x28 }, /* ENABLE VERIFICATION REQUIREMENT */
	{ 0x00, 0x00, 0x29 },
	{ 0x00, 0x00, 0x2C }, /* RESET RETRY COUNTER */
	{ 0x00, 0x00, 0x2D },
	{ 0x80, 0x80, 0x32 }, /* JICSAP CHANGE KEY, card.md 3 */
	{ 0x80, 0x80, 0x54 }, /* JICSAP UNLOCK KEY */
	{ 0x00, 0x00, 0xC2 }, /* ENVELOPE carries another command */
	{ 0x00, 0x00, 0xC3 },
};

bool apdu_is_pin_command(const uint8_t *command, size_t len)
{
	if (len < 2)
		return false;
	/* Class FF addresses the reader, which may pass on what it is given (PC/SC part 3: FF C2,
	 * FF 00); reading its data (FF CA) cannot. */
	if (command[0] == 0xFF)
		return command[1] != 0xCA;
	for (size_t i = 0; i < ARRAY_SIZE(pin_commands); i++)
		if ((command[0] & pin_commands[i].cla_mask) == pin_commands[i].cla &&
		    command[1] == pin_commands[i].ins)
			return true;
	return false;
}
