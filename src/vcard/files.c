/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT, READ and GET DATA: card.md 1.2, 2.2 and 3. */
#include "vcard/internal.h"

#include <string.h>

#define CONTACT_ATR 0x5F51

static struct ef_state *find_ef(struct app_state *df, uint16_t fid)
{
	struct ef_state *ef = &df->ef[fid % SFIS];

	return ef->type && ef->type->fid == fid ? ef : NULL;
}

uint16_t vcard_reference(struct vcard *v, uint8_t p, struct ef_state **ret)
{
	unsigned sfi = p & 0x1F;
	struct ef_state *ef = v->ef;

	/* Short ids are 1 to 30: ISO 7816-4 7.3.1.2 */
	if ((p & 0xE0) != 0x80 || sfi == 31)
		return 0x6A86;
	if (sfi) {
		ef = &v->df->ef[sfi];
		if (!ef->type)
			return 0x6A82;
		v->ef = ef;
	}
	if (!ef)
		return 0x6986;
	*ret = ef;
	return 0x9000;
}

bool vcard_opened(const struct vcard *v, const struct ef_state *ef)
{
	uint32_t use = v->conf.opt.kind & KIND_PHONE ? ef->type->use_phone : ef->type->use;

	for (unsigned i = 0; i < PINS; i++)
		if (use & BY(i) && v->conf.pin[i].verified)
			return true;
	return use == FREE;
}

/* What is inside the FCI is not known (card.md 11.3); this much ISO 7816-4 asks for. */
static uint16_t answer_fci(const struct apdu *a, uint8_t tag, const uint8_t *name, size_t len,
			   struct fuda_buf *ret_data)
{
	const uint8_t head[] = { 0x6F, (uint8_t)(len + 2), tag, (uint8_t)len };

	if (a->p2 != 0x00 || !a->le)
		return 0x9000;
	if (fuda_buf_append(ret_data, head, sizeof(head)) < 0 ||
	    fuda_buf_append(ret_data, name, len) < 0)
		return 0x6F00;
	return 0x9000;
}

/* A part of an AID is enough: card.md 0.8. */
static uint16_t select_app(struct vcard *v, const struct apdu *a, struct fuda_buf *ret_data)
{
	for (size_t i = 0; i < v->apps; i++) {
		const struct application *type = v->app[i].type;

		if (a->lc > type->aid_len || (a->lc && memcmp(type->aid, a->data, a->lc) != 0))
			continue;
		vcard_select(v, &v->app[i]);
		return answer_fci(a, 0x84, type->aid, type->aid_len, ret_data);
	}
	return 0x6A82;
}

/* A failure leaves the current file: card.md 12. */
static uint16_t select_ef(struct vcard *v, const struct apdu *a, struct fuda_buf *ret_data)
{
	struct ef_state *ef;

	if (a->lc != 2)
		return 0x6700;
	ef = find_ef(v->df, (uint16_t)(a->data[0] << 8 | a->data[1]));
	if (!ef)
		return 0x6A82;
	v->ef = ef;
	return answer_fci(a, 0x83, a->data, 2, ret_data);
}

/* There is no MF: refused at the ISD, and nothing happens in an application (card.md 2.1). */
static uint16_t select_mf(const struct vcard *v, const struct apdu *a)
{
	if (a->lc == 2)
		return 0x6A82;
	if (a->lc)
		return 0x6700;
	return v->df == &v->app[0] ? 0x6A86 : 0x9000;
}

uint16_t cmd_select(struct vcard *v, const struct apdu *a, struct fuda_buf *ret_data)
{
	if (a->p2 != 0x00 && a->p2 != 0x0C)
		return 0x6A86;
	switch (a->p1) {
	case 0x00:
		return select_mf(v, a);
	case 0x02:
		return select_ef(v, a, ret_data);
	case 0x04:
		return select_app(v, a, ret_data);
	default:
		return 0x6A86;
	}
}

static uint16_t read_at(struct vcard *v, const struct ef_state *ef, size_t offset, size_t le,
			struct fuda_buf *ret_data)
{
	const struct fuda_buf *content = &ef->content;
	size_t len;

	if (ef->type->kind != EF_BINARY)
		return 0x6981;
	if (!vcard_opened(v, ef))
		return 0x6982;
	if (offset >= content->len)
		return (uint16_t)v->conf.opt.past_end;
	len = MIN(le, content->len - offset);
	if (v->conf.opt.max_read)
		len = MIN(len, v->conf.opt.max_read);
	return fuda_buf_append(ret_data, content->data + offset, len) < 0 ? 0x6F00 : 0x9000;
}

uint16_t cmd_read_binary(struct vcard *v, const struct apdu *a, struct fuda_buf *ret_data)
{
	struct ef_state *ef = v->ef;
	size_t offset = (size_t)a->p1 << 8 | a->p2;
	uint16_t sw;

	if (a->lc || !a->le)
		return 0x6700;
	if (a->p1 & 0x80) {
		if (!(a->p1 & 0x1F))
			return 0x6A86;
		sw = vcard_reference(v, a->p1, &ef);
		if (sw != 0x9000)
			return sw;
		offset = a->p2;
	}
	if (!ef)
		return 0x6986;
	return read_at(v, ef, offset, a->le, ret_data);
}

/* JICSAP simple-TLV: a byte of tag, and a length of one byte, or of two behind FF (card.md 2.4). */
int vcard_record_next(struct cursor *c, struct cursor *ret)
{
	struct cursor at = *c;
	uint16_t len;
	uint8_t tag, first;

	if (cur_u8(&at, &tag) < 0 || tag == 0xFF)
		return FUDA_ENOTFOUND;
	if (cur_u8(&at, &first) < 0 || (len = first, first == 0xFF && cur_u16(&at, &len) < 0) ||
	    cur_skip(&at, len) < 0)
		return FUDA_EFORMAT;
	return cur_sub(c, c->left - at.left, ret);
}

/* How many records from number P1 on P2 asks for; number 0 would be a current one, and there are
 * none. */
static uint16_t records_wanted(const struct vcard *v, const struct apdu *a, unsigned *ret_last)
{
	switch (a->p2 & 0x07) {
	case 0x04:
		*ret_last = a->p1;
		return 0x9000;
	case 0x05:
		*ret_last = UINT8_MAX;
		return (uint16_t)v->conf.opt.several_records;
	default:
		return 0x6A86;
	}
}

uint16_t cmd_read_record(struct vcard *v, const struct apdu *a, struct fuda_buf *ret_data)
{
	struct cursor left, record;
	struct ef_state *ef;
	unsigned last;
	uint16_t sw;

	if (a->lc || !a->le)
		return 0x6700;
	sw = records_wanted(v, a, &last);
	if (sw == 0x9000)
		sw = vcard_reference(v, 0x80 | a->p2 >> 3, &ef);
	if (sw != 0x9000)
		return sw;
	if (ef->type->kind != EF_RECORDS)
		return 0x6981;
	if (!vcard_opened(v, ef))
		return 0x6982;
	left = cur_of(ef->content.data, ef->content.len);
	for (unsigned n = 1; n <= last && vcard_record_next(&left, &record) == 0; n++) {
		size_t len = MIN(record.left, a->le - ret_data->len);

		if (a->p1 && n >= a->p1 && fuda_buf_append(ret_data, record.p, len) < 0)
			return 0x6F00;
	}
	return ret_data->len ? 0x9000 : 0x6A83;
}

/* Data objects are those of the ISD, and there only while it is current (card.md 2.2); the one
 * exception is an option. Lengths that do not fit a short Le are refused by who sends the data. */
uint16_t cmd_get_data(struct vcard *v, const struct apdu *a, struct fuda_buf *ret_data)
{
	uint16_t tag = (uint16_t)(a->p1 << 8 | a->p2);
	bool inside = v->df != &v->app[0], wanted = false;
	size_t i = 0;

	if (a->lc || !a->le)
		return 0x6700;
	if (tag == CONTACT_ATR)
		wanted = v->conf.opt.contact_atr == OBJECT_OF_APPLICATION;
	while (i < vcard_objects_count && vcard_objects[i] != tag)
		i++;
	if (i == vcard_objects_count || inside != wanted || !v->object[i].len)
		return 0x6A88;
	return fuda_buf_append(ret_data, v->object[i].data, v->object[i].len) < 0 ? 0x6F00 : 0x9000;
}
