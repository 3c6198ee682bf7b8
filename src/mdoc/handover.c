/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/handover.h"

#include "base/util.h"
#include "mdoc/ndef.h"

#define SERVICE           "urn:nfc:sn:handover"
#define DEVICE_ENGAGEMENT "iso.org:18013:deviceengagement"
#define READER_ENGAGEMENT "iso.org:18013:readerengagement"
#define NFC               "iso.org:18013:nfc"

/* A version has its major number in the upper four bits; those of the same one understand each
 * other. */
enum {
	HANDOVER_VERSION = 0x15, /* Connection Handover 1.5 */
	TNEP_VERSION = 0x10,
	MAJOR = 0xF0,
	NFC_VERSION = 0x01, /* of the record of carrier NFC */
};
enum nfc_field { FIELD_MAX_COMMAND = 0x01, FIELD_MAX_RESPONSE = 0x02 };
enum { COMMAND_LIMIT = 65535, RESPONSE_LIMIT = 65536 };

static struct cursor bytes_of(const char *text)
{
	return cur_of((const uint8_t *)text, strlen(text));
}

static bool is_text(struct cursor c, const char *text)
{
	return c.left == strlen(text) && memcmp(c.p, text, c.left) == 0;
}

/* Takes a field with its length in the byte before it. */
static int take_field(struct cursor *c, struct cursor *ret)
{
	uint8_t len;

	return cur_u8(c, &len) < 0 ? FUDA_EFORMAT : cur_sub(c, len, ret);
}

/* ---- carriers ---- */

/* Fields of a length byte (of what follows it), a type byte and a number; those not known here are
 * let pass. [K]: of their form only this much is confirmed; the reader's own, in Annex D, has none.
 */
static int read_nfc(struct cursor c, struct handover *h)
{
	uint32_t command = HANDOVER_COMMAND_MIN, response = HANDOVER_RESPONSE_MIN, value;
	struct cursor field;
	uint8_t version, type;

	if (cur_u8(&c, &version) < 0)
		return FUDA_EFORMAT;
	if (version != NFC_VERSION)
		return FUDA_ENOTSUP;
	while (c.left) {
		if (take_field(&c, &field) < 0 || cur_u8(&field, &type) < 0)
			return FUDA_EFORMAT;
		if (type != FIELD_MAX_COMMAND && type != FIELD_MAX_RESPONSE)
			continue;
		if (!field.left || field.left > 4 || cur_uint(&field, field.left, &value) < 0)
			return FUDA_EFORMAT;
		*(type == FIELD_MAX_COMMAND ? &command : &response) = value;
	}
	if (command < HANDOVER_COMMAND_MIN || response < HANDOVER_RESPONSE_MIN)
		return FUDA_EFORMAT;
	h->max_command = MIN(command, (uint32_t)COMMAND_LIMIT);
	h->max_response = MIN(response, (uint32_t)RESPONSE_LIMIT);
	return 0;
}

static int add_carrier(const struct ndef_record *r, struct handover *h)
{
	static const struct {
		enum ndef_form form;
		const char *type;
		enum fuda_mdoc_carrier carrier;
	} known[] = {
		{ NDEF_EXTERNAL, NFC, FUDA_MDOC_NFC },
		{ NDEF_MEDIA, "application/vnd.bluetooth.le.oob", FUDA_MDOC_BLE },
		{ NDEF_MEDIA, "application/vnd.wfa.nan", FUDA_MDOC_WIFI },
	};
	enum fuda_mdoc_carrier carrier = FUDA_MDOC_OTHER;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (ndef_is(r, known[i].form, known[i].type))
			carrier = known[i].carrier;
	if (carrier == FUDA_MDOC_NFC && (h->carriers & FUDA_MDOC_NFC))
		return FUDA_EFORMAT; /* which one is meant? */
	h->carriers |= carrier;
	return carrier == FUDA_MDOC_NFC ? read_nfc(r->payload, h) : 0;
}

/* The one record that has this id. */
static const struct ndef_record *referred(const struct ndef *m, struct cursor id)
{
	const struct ndef_record *found = NULL;

	for (size_t i = 0; i < m->count; i++) {
		const struct ndef_record *r = &m->records[i];

		if (!r->id.left || !cur_equal(r->id, id))
			continue;
		if (found)
			return NULL;
		found = r;
	}
	return found;
}

/* An Alternative Carrier record: the carrier's power state, which says nothing that matters here,
 * and references to its record and to the auxiliary ones. */
static int read_alternative(const struct ndef *m, struct cursor c, struct handover *h)
{
	const struct ndef_record *carrier;
	struct cursor id;
	uint8_t auxiliaries;

	if (cur_skip(&c, 1) < 0 || take_field(&c, &id) < 0)
		return FUDA_EFORMAT;
	carrier = referred(m, id);
	if (!carrier || cur_u8(&c, &auxiliaries) < 0)
		return FUDA_EFORMAT;
	while (auxiliaries--)
		if (take_field(&c, &id) < 0 || !referred(m, id))
			return FUDA_EFORMAT;
	return c.left ? FUDA_EFORMAT : add_carrier(carrier, h);
}

/* ---- Handover Select ---- */

static int read_alternatives(const struct ndef *m, struct handover *h)
{
	struct cursor c = m->records[0].payload;
	struct ndef inner;
	uint8_t version;
	int r = 0;

	if (cur_u8(&c, &version) < 0)
		return FUDA_EFORMAT;
	if ((version & MAJOR) != (HANDOVER_VERSION & MAJOR))
		return FUDA_ENOTSUP;
	if (!c.left) /* nothing to select */
		return 0;
	if (ndef_read(c, &inner) < 0)
		return FUDA_EFORMAT;
	for (size_t i = 0; r == 0 && i < inner.count; i++) {
		if (ndef_is(&inner.records[i], NDEF_WELL_KNOWN, "err"))
			r = FUDA_ENOTSUP;
		else if (ndef_is(&inner.records[i], NDEF_WELL_KNOWN, "ac"))
			r = read_alternative(m, inner.records[i].payload, h);
	}
	return r;
}

static int find_engagement(const struct ndef *m, struct cursor *ret)
{
	const struct ndef_record *found = NULL;

	for (size_t i = 1; i < m->count; i++) {
		if (!ndef_is(&m->records[i], NDEF_EXTERNAL, DEVICE_ENGAGEMENT))
			continue;
		if (found)
			return FUDA_EFORMAT;
		found = &m->records[i];
	}
	if (!found)
		return FUDA_ENOTFOUND;
	if (!is_text(found->id, "mdoc") || !found->payload.left)
		return FUDA_EFORMAT;
	*ret = found->payload;
	return 0;
}

int handover_read_select(struct cursor message, struct handover *ret)
{
	struct handover h = { 0 };
	struct ndef m;
	int r;

	if (ndef_read(message, &m) < 0)
		return FUDA_EFORMAT;
	if (!ndef_is(&m.records[0], NDEF_WELL_KNOWN, "Hs"))
		return FUDA_ENOTFOUND;
	r = read_alternatives(&m, &h);
	if (r == 0)
		r = find_engagement(&m, &h.engagement);
	if (r == 0)
		*ret = h;
	return r;
}

/* ---- Handover Request ---- */

/* In as few bytes as the number takes. */
static size_t put_limit(uint8_t *to, enum nfc_field type, size_t limit)
{
	size_t bytes = limit > 0xFFFF ? 3 : limit > 0xFF ? 2 : 1, len = 0;

	to[len++] = (uint8_t)(1 + bytes);
	to[len++] = (uint8_t)type;
	while (bytes--)
		to[len++] = (uint8_t)(limit >> 8 * bytes);
	return len;
}

int handover_put_request(size_t max_command, size_t max_response, struct fuda_buf *ret)
{
	static const uint8_t alternative[] = { 0x01 /* active */, 3, 'n', 'f', 'c', 0 };
	static const uint8_t engagement[] = { 0xA1, 0x00, 0x63, '1', '.', '0' };
	uint8_t nfc[16] = { NFC_VERSION };
	size_t nfc_len = 1, before = ret->len;
	_cleanup_buf_ struct fuda_buf request = FUDA_BUF_INIT(64);
	const struct ndef_record inner = { NDEF_WELL_KNOWN, .type = bytes_of("ac"),
					   .payload = cur_of(alternative, sizeof(alternative)) };
	int r = fuda_buf_append(&request, (const uint8_t[]){ HANDOVER_VERSION }, 1);

	if (r == 0)
		r = ndef_put(NDEF_ALONE, &inner, &request);
	if (r < 0)
		return r;
	nfc_len += put_limit(nfc + nfc_len, FIELD_MAX_COMMAND, max_command);
	nfc_len += put_limit(nfc + nfc_len, FIELD_MAX_RESPONSE, max_response);
	const struct {
		enum ndef_place place;
		struct ndef_record record;
	} records[] = {
		{ NDEF_FIRST,
		  { NDEF_WELL_KNOWN, bytes_of("Hr"), { 0 }, cur_of(request.data, request.len) } },
		{ NDEF_MIDDLE,
		  { NDEF_EXTERNAL, bytes_of(READER_ENGAGEMENT), bytes_of("mdocreader"),
		    cur_of(engagement, sizeof(engagement)) } },
		{ NDEF_LAST,
		  { NDEF_EXTERNAL, bytes_of(NFC), bytes_of("nfc"), cur_of(nfc, nfc_len) } },
	};
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(records); i++)
		r = ndef_put(records[i].place, &records[i].record, ret);
	if (r < 0)
		buf_cut(ret, before);
	return r;
}

/* ---- TNEP ---- */

/* Milliseconds of 2^(WT_INT / 4 - 1), rounded up: TNEP 1.0 4.1.6. */
static int wait_of(uint8_t wt_int)
{
	static const uint32_t quarters[] = { 1000, 1190, 1415, 1682 }; /* 1000 * 2^(i / 4) */

	return (int)(((quarters[wt_int % 4] << wt_int / 4) + 1999) / 2000);
}

/* A Service Parameter record that is of the handover; otherwise FUDA_ENOTFOUND. */
static int read_parameters(struct cursor c, struct handover_service *ret)
{
	enum { WT_INT = 0x3F, N_WAIT = 0x0F };
	uint8_t version, wait, looks;
	struct cursor name;
	uint16_t max;

	/* between name and time: the mode of communication, of which there is one */
	if (cur_u8(&c, &version) < 0 || take_field(&c, &name) < 0 || cur_skip(&c, 1) < 0 ||
	    cur_u8(&c, &wait) < 0 || cur_u8(&c, &looks) < 0 || cur_u16(&c, &max) < 0 || c.left)
		return FUDA_EFORMAT;
	if (!is_text(name, SERVICE))
		return FUDA_ENOTFOUND;
	if ((version & MAJOR) != (TNEP_VERSION & MAJOR))
		return FUDA_ENOTSUP;
	*ret = (struct handover_service){ wait_of(wait & WT_INT), 1u + (looks & N_WAIT), max };
	return 0;
}

int handover_read_service(struct cursor message, struct handover_service *ret)
{
	struct ndef m;
	int r = FUDA_ENOTFOUND;

	if (ndef_read(message, &m) < 0)
		return FUDA_EFORMAT;
	for (size_t i = 0; r == FUDA_ENOTFOUND && i < m.count; i++)
		if (ndef_is(&m.records[i], NDEF_WELL_KNOWN, "Tp"))
			r = read_parameters(m.records[i].payload, ret);
	return r;
}

int handover_put_service_select(struct fuda_buf *ret)
{
	enum { LENGTH = sizeof(SERVICE) - 1 };
	uint8_t name[1 + LENGTH] = { LENGTH };
	const struct ndef_record r = { NDEF_WELL_KNOWN, .type = bytes_of("Ts"),
				       .payload = cur_of(name, sizeof(name)) };

	memcpy(name + 1, SERVICE, LENGTH);
	return ndef_put(NDEF_ALONE, &r, ret);
}

int handover_read_status(struct cursor message, uint8_t *ret)
{
	struct ndef m;
	struct cursor c;
	uint8_t status;

	if (ndef_read(message, &m) < 0)
		return FUDA_EFORMAT;
	if (!ndef_is(&m.records[0], NDEF_WELL_KNOWN, "Te"))
		return FUDA_ENOTFOUND;
	c = m.records[0].payload;
	if (cur_u8(&c, &status) < 0 || c.left)
		return FUDA_EFORMAT;
	*ret = status;
	return 0;
}
