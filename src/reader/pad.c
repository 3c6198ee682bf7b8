/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/pad.h"

#include "base/cursor.h"
#include "base/util.h"

enum { LENGTH = 4, MESSAGES_OWN = 0xFF };

/* ---- bytes ---- */

int pad_build_verify(const struct pad_entry *e, struct fuda_buf *ret)
{
	const uint8_t head[] = {
		e->timeout, e->timeout2, e->format, e->block, e->length_format,
		e->max, e->min, /* wPINMaxExtraDigit, little endian */
		e->validation, e->messages,
		(uint8_t)e->language, (uint8_t)(e->language >> 8), e->indices[0],
		e->prologue[0], e->prologue[1], e->prologue[2],
		(uint8_t)e->len, (uint8_t)(e->len >> 8), 0, 0
	};
	int r;

	if (e->len < PAD_COMMAND_MIN || e->len > PAD_COMMAND_MAX)
		return FUDA_EINVAL;
	r = buf_reserve(ret, sizeof(head) + e->len);
	if (r == 0)
		r = fuda_buf_append(ret, head, sizeof(head));
	return r < 0 ? r : fuda_buf_append(ret, e->command, e->len);
}

/* ulDataLength and what follows it. */
static int parse_command(struct cursor *c, struct pad_entry *e)
{
	uint32_t len;

	if (cur_le(c, LENGTH, &len) < 0)
		return FUDA_EFORMAT;
	e->len = c->left;
	if (e->len < PAD_COMMAND_MIN || e->len > PAD_COMMAND_MAX || e->len != len)
		return FUDA_EFORMAT;
	return cur_take(c, e->len, &e->command);
}

int pad_parse(bool modify, const uint8_t *structure, size_t len, struct pad_entry *ret)
{
	struct cursor c = cur_of(structure, len);
	struct pad_entry e = { .modify = modify };
	uint32_t language;

	if (cur_u8(&c, &e.timeout) < 0 || cur_u8(&c, &e.timeout2) < 0 ||
	    cur_u8(&c, &e.format) < 0 || cur_u8(&c, &e.block) < 0 ||
	    cur_u8(&c, &e.length_format) < 0)
		return FUDA_EFORMAT;
	if (modify && (cur_u8(&c, &e.old_offset) < 0 || cur_u8(&c, &e.new_offset) < 0))
		return FUDA_EFORMAT;
	if (cur_u8(&c, &e.max) < 0 || cur_u8(&c, &e.min) < 0)
		return FUDA_EFORMAT;
	if (modify && cur_u8(&c, &e.confirm) < 0)
		return FUDA_EFORMAT;
	if (cur_u8(&c, &e.validation) < 0 || cur_u8(&c, &e.messages) < 0 ||
	    cur_le(&c, 2, &language) < 0 ||
	    cur_copy(&c, e.indices, modify ? PAD_MESSAGES : 1) < 0 ||
	    cur_copy(&c, e.prologue, sizeof(e.prologue)) < 0 || parse_command(&c, &e) < 0)
		return FUDA_EFORMAT;
	if (e.min > e.max || (e.messages > PAD_MESSAGES && e.messages != MESSAGES_OWN))
		return FUDA_EFORMAT;
	e.language = (uint16_t)language;
	*ret = e;
	return 0;
}

/* ---- readers ---- */

/* What libccid knows, readers.md A1, and the descriptors of its list; none was met here. */
static const struct {
	uint16_t vendor, product;
} false_pads[] = {
	/* keyboards of HP, Chicony and Fujitsu: the computer sees what is typed */
	{ 0x03F0, 0x0036 },
	{ 0x03F0, 0x1024 },
	{ 0x04F2, 0x1469 },
	{ 0x0BF8, 0x1017 },
	/* no keys: OMNIKEY 3x21, 6121 and chips of theirs, Cherry XX44, Fujitsu D323, C3PO LTC31v2,
	 * Bit4id miniLector */
	{ 0x076B, 0x3031 },
	{ 0x076B, 0x3A21 },
	{ 0x076B, 0x6632 },
	{ 0x046A, 0x00A7 },
	{ 0x0BF8, 0x1024 },
	{ 0x0783, 0x0006 },
	{ 0x25DD, 0x3111 },
	/* nor have these, by what they are, though libccid believes them: ACR1251 with contacts,
	 * the reader of VMware */
	{ 0x072F, 0x221A },
	{ 0x0E0F, 0x0004 },
};

bool pad_is_false(uint16_t vendor, uint16_t product)
{
	for (size_t i = 0; i < ARRAY_SIZE(false_pads); i++)
		if (false_pads[i].vendor == vendor && false_pads[i].product == product)
			return true;
	return false;
}
