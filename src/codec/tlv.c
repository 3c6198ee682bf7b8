/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/tlv.h"

#include <stdbool.h>

enum { TAG_MORE = 0x1F, TAG_BYTES_MAX = 3, LENGTH_BYTES_MAX = 4 };

/* Tag bytes, X.690 8.1.2. `minimal`: no leading zero digit, no long form where the short one would
 * do. */
static int take_tag(struct cursor *c, bool minimal, uint32_t *ret)
{
	uint8_t b;
	uint32_t tag;

	if (cur_u8(c, &b) < 0)
		return FUDA_EFORMAT;
	tag = b;
	if ((b & TAG_MORE) == TAG_MORE) {
		int n = 1;

		do {
			if (++n > TAG_BYTES_MAX || cur_u8(c, &b) < 0)
				return FUDA_EFORMAT;
			if (minimal && n == 2 && (b == 0x80 || b < TAG_MORE))
				return FUDA_EFORMAT;
			tag = tag << 8 | b;
		} while (b & 0x80);
	}
	*ret = tag;
	return 0;
}

/* Length bytes, X.690 8.1.3 without the indefinite form. */
static int take_length(struct cursor *c, bool minimal, size_t *ret)
{
	uint8_t b;
	uint32_t n;
	size_t bytes;

	if (cur_u8(c, &b) < 0)
		return FUDA_EFORMAT;
	if (b < 0x80) {
		*ret = b;
		return 0;
	}
	bytes = b & 0x7F;
	if (bytes == 0 || bytes > LENGTH_BYTES_MAX || cur_uint(c, bytes, &n) < 0)
		return FUDA_EFORMAT;
	if (minimal && (n < 0x80 || (bytes > 1 && n >> 8 * (bytes - 1) == 0)))
		return FUDA_EFORMAT;
	*ret = n;
	return 0;
}

static int next(struct cursor *c, bool minimal_tag, bool minimal_length, struct tlv *ret)
{
	struct cursor at = *c;
	struct tlv t;
	size_t len;

	if (take_tag(&at, minimal_tag, &t.tag) < 0 ||
	    take_length(&at, minimal_length, &len) < 0 || cur_sub(&at, len, &t.value) < 0)
		return FUDA_EFORMAT;
	t.whole = cur_of(c->p, c->left - at.left);
	*c = at;
	*ret = t;
	return 0;
}

int tlv_next(struct cursor *c, struct tlv *ret)
{
	return next(c, false, false, ret);
}

int tlv_next_der(struct cursor *c, struct tlv *ret)
{
	return next(c, true, true, ret);
}

int tlv_expect(struct cursor *c, uint32_t tag, struct tlv *ret)
{
	struct cursor at = *c;
	struct tlv t;

	if (next(&at, false, true, &t) < 0 || t.tag != tag)
		return FUDA_EFORMAT;
	*c = at;
	*ret = t;
	return 0;
}

int tlv_next_simple(struct cursor *c, struct tlv *ret)
{
	struct cursor at = *c;
	struct tlv t;
	uint8_t tag, small;
	uint16_t len;

	if (cur_u8(&at, &tag) < 0 || tag == 0x00 || tag == 0xFF || cur_u8(&at, &small) < 0)
		return FUDA_EFORMAT;
	len = small;
	if (small == 0xFF && cur_u16(&at, &len) < 0)
		return FUDA_EFORMAT;
	if (cur_sub(&at, len, &t.value) < 0)
		return FUDA_EFORMAT;
	t.tag = tag;
	t.whole = cur_of(c->p, c->left - at.left);
	*c = at;
	*ret = t;
	return 0;
}

int tlv_total(const uint8_t *start, size_t len, size_t *ret_total)
{
	struct cursor c = cur_of(start, len);
	uint32_t tag;
	size_t value;

	if (take_tag(&c, false, &tag) < 0 || take_length(&c, false, &value) < 0)
		return FUDA_EFORMAT;
	*ret_total = len - c.left + value;
	return 0;
}
