/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/ndef.h"

#include "base/util.h"

/* The first byte of a record, beside the marks of its place (enum ndef_place). */
enum { CHUNKED = 0x20, SHORT = 0x10, HAS_ID = 0x08, FORM = 0x07 };
enum { FIELD_MAX = 255 /* bytes of a type, of an id, and of a short payload */ };

/* ---- reading ---- */

/* What a form says of the fields. */
static bool is_plausible(const struct ndef_record *r)
{
	switch (r->form) {
	case NDEF_EMPTY:
		return !r->type.left && !r->id.left && !r->payload.left;
	case NDEF_UNKNOWN:
		return !r->type.left;
	default:
		return r->type.left;
	}
}

static int next_record(struct cursor *c, uint8_t *ret_head, struct ndef_record *ret)
{
	struct ndef_record r;
	uint32_t payload_len;
	uint8_t head, type_len, id_len = 0;

	/* a chunk ends with TNF 6 */
	if (cur_u8(c, &head) < 0 || (head & CHUNKED) || (head & FORM) > NDEF_UNKNOWN)
		return FUDA_EFORMAT;
	r.form = (enum ndef_form)(head & FORM);
	if (cur_u8(c, &type_len) < 0 || cur_uint(c, head & SHORT ? 1 : 4, &payload_len) < 0)
		return FUDA_EFORMAT;
	if ((head & HAS_ID) && cur_u8(c, &id_len) < 0)
		return FUDA_EFORMAT;
	if (cur_sub(c, type_len, &r.type) < 0 || cur_sub(c, id_len, &r.id) < 0 ||
	    cur_sub(c, payload_len, &r.payload) < 0 || !is_plausible(&r))
		return FUDA_EFORMAT;
	*ret_head = head;
	*ret = r;
	return 0;
}

int ndef_read(struct cursor message, struct ndef *ret)
{
	struct ndef m = { .count = 0 };
	uint8_t head;

	do {
		if (m.count == NDEF_RECORDS_MAX ||
		    next_record(&message, &head, &m.records[m.count]) < 0 ||
		    !(head & NDEF_FIRST) != (m.count > 0) ||
		    !(head & NDEF_LAST) != (message.left > 0))
			return FUDA_EFORMAT;
		m.count++;
	} while (message.left);
	*ret = m;
	return 0;
}

bool ndef_is(const struct ndef_record *record, enum ndef_form form, const char *type)
{
	return record->form == form && record->type.left == strlen(type) &&
	       memcmp(record->type.p, type, record->type.left) == 0;
}

/* ---- writing ---- */

int ndef_put(enum ndef_place place, const struct ndef_record *r, struct fuda_buf *ret)
{
	const bool is_short = r->payload.left <= FIELD_MAX;
	uint8_t head[7]; /* without the id's length, which stands behind the payload's */
	size_t len = 0, before = ret->len;
	const uint8_t id_len = (uint8_t)r->id.left;
	int e;

	if (r->type.left > FIELD_MAX || r->id.left > FIELD_MAX || r->payload.left > UINT32_MAX)
		return FUDA_ETOOBIG;
	head[len++] = (uint8_t)((unsigned)place | (is_short ? SHORT : 0u) |
				(r->id.left ? HAS_ID : 0u) | (unsigned)r->form);
	head[len++] = (uint8_t)r->type.left;
	for (int shift = is_short ? 0 : 24; shift >= 0; shift -= 8)
		head[len++] = (uint8_t)(r->payload.left >> shift);
	e = fuda_buf_append(ret, head, len);
	if (e == 0 && r->id.left)
		e = fuda_buf_append(ret, &id_len, 1);
	if (e == 0)
		e = fuda_buf_append(ret, r->type.p, r->type.left);
	if (e == 0)
		e = fuda_buf_append(ret, r->id.p, r->id.left);
	if (e == 0)
		e = fuda_buf_append(ret, r->payload.p, r->payload.left);
	if (e < 0)
		buf_cut(ret, before);
	return e;
}
