/* SPDX-License-Identifier: Apache-2.0 */
/* NDEF messages of a handover (mdoc.md 1.4; NFC Forum NDEF 1.0, TNEP 1.0, CH 1.5). */
#include "vcard/wallet.h"

#include <string.h>

/* The first byte of a record. */
enum {
	RECORD_FIRST = 0x80,
	RECORD_LAST = 0x40,
	RECORD_CHUNK = 0x20,
	RECORD_SHORT = 0x10,
	RECORD_ID = 0x08,
	RECORD_FORM = 0x07,
};
enum { FORM_WELL_KNOWN = 1, FORM_EXTERNAL = 4 };

#define HANDOVER_VERSION 0x15 /* 1.5 */
#define SERVICE          "urn:nfc:sn:handover"
#define ID_DEVICE        "mdoc"
#define ID_READER        "mdocreader"
#define ID_NFC           "nfc"
#define TYPE_DEVICE      "iso.org:18013:deviceengagement"
#define TYPE_READER      "iso.org:18013:readerengagement"
#define TYPE_NFC         "iso.org:18013:nfc"

struct record {
	uint8_t head;
	struct cursor type, id, payload;
};

static struct cursor text(const char *s)
{
	return cur_of((const uint8_t *)s, strlen(s));
}

static bool is(struct cursor c, const char *s)
{
	return c.left == strlen(s) && memcmp(c.p, s, c.left) == 0;
}

/* ---- writing ---- */

static int put_record(const struct record *r, struct fuda_buf *ret)
{
	const uint32_t len = (uint32_t)r->payload.left;
	const bool brief = len <= UINT8_MAX;
	uint8_t head[7];
	size_t n = 0;
	int e;

	head[n++] = r->head | (brief ? RECORD_SHORT : 0) | (r->id.left ? RECORD_ID : 0);
	head[n++] = (uint8_t)r->type.left;
	for (int shift = brief ? 0 : 24; shift >= 0; shift -= 8)
		head[n++] = (uint8_t)(len >> shift);
	if (r->id.left)
		head[n++] = (uint8_t)r->id.left;
	e = fuda_buf_append(ret, head, n);
	if (e == 0)
		e = fuda_buf_append(ret, r->type.p, r->type.left);
	if (e == 0)
		e = fuda_buf_append(ret, r->id.p, r->id.left);
	return e < 0 ? e : fuda_buf_append(ret, r->payload.p, r->payload.left);
}

static int put_alone(const char *type, const void *payload, size_t len, struct fuda_buf *ret)
{
	const struct record r = {
		.head = RECORD_FIRST | RECORD_LAST | FORM_WELL_KNOWN,
		.type = text(type),
		.payload = cur_of(payload, len),
	};

	return put_record(&r, ret);
}

int wndef_put_service(struct fuda_buf *ret)
{
	/* version 1.0, length and name of the service; then mode 0, no waiting time, 15 extensions
	 * of it, messages of up to FFFF bytes */
	static const char payload[] = "\x10\x13" SERVICE "\x00\x00\x0F\xFF\xFF";

	return put_alone("Tp", payload, sizeof(payload) - 1, ret);
}

int wndef_put_status(struct fuda_buf *ret)
{
	static const uint8_t success = 0x00;

	return put_alone("Te", &success, 1, ret);
}

/* The handover select record itself: its version, and the carrier if there is one, which is active
 * and has the engagement as auxiliary data. Without a carrier it says that there is none in common
 * [K]. */
static int put_select_record(bool nfc, struct fuda_buf *ret)
{
	static const uint8_t version = HANDOVER_VERSION;
	static const char carrier[] = "\x01\x03" ID_NFC "\x01\x04" ID_DEVICE;
	_cleanup_buf_ struct fuda_buf payload = FUDA_BUF_INIT(NDEF_MESSAGE_MAX);
	int e = fuda_buf_append(&payload, &version, 1);

	if (e == 0 && nfc)
		e = put_alone("ac", carrier, sizeof(carrier) - 1, &payload);
	return e < 0 ? e :
		       put_record(
			       &(const struct record){
				       .head = RECORD_FIRST | FORM_WELL_KNOWN,
				       .type = text("Hs"),
				       .payload = cur_of(payload.data, payload.len),
			       },
			       ret);
}

/* Version, and behind length and type the longest command and response data field. */
static int put_carrier(unsigned max_command, unsigned max_response, struct fuda_buf *ret)
{
	const uint8_t payload[] = { 0x01,
				    0x03,
				    0x01,
				    (uint8_t)(max_command >> 8),
				    (uint8_t)max_command,
				    0x04,
				    0x02,
				    (uint8_t)(max_response >> 16),
				    (uint8_t)(max_response >> 8),
				    (uint8_t)max_response };

	return put_record(
		&(const struct record){
			.head = RECORD_LAST | FORM_EXTERNAL,
			.type = text(TYPE_NFC),
			.id = text(ID_NFC),
			.payload = cur_of(payload, sizeof(payload)),
		},
		ret);
}

int wndef_put_select(struct cursor engagement, bool nfc, unsigned max_command,
		     unsigned max_response, struct fuda_buf *ret)
{
	int e = put_select_record(nfc, ret);

	if (e == 0)
		e = put_record(
			&(const struct record){
				.head = FORM_EXTERNAL | (nfc ? 0 : RECORD_LAST),
				.type = text(TYPE_DEVICE),
				.id = text(ID_DEVICE),
				.payload = engagement,
			},
			ret);
	return e < 0 || !nfc ? e : put_carrier(max_command, max_response, ret);
}

/* ---- reading ---- */

/* Records in pieces are not for messages as short as these. */
static int next_record(struct cursor *c, struct record *ret)
{
	struct record r = { 0 };
	uint8_t type_len, id_len = 0;
	uint32_t len;

	if (cur_u8(c, &r.head) < 0 || r.head & RECORD_CHUNK || cur_u8(c, &type_len) < 0 ||
	    cur_uint(c, r.head & RECORD_SHORT ? 1 : 4, &len) < 0 ||
	    (r.head & RECORD_ID && cur_u8(c, &id_len) < 0) || cur_sub(c, type_len, &r.type) < 0 ||
	    cur_sub(c, id_len, &r.id) < 0 || cur_sub(c, len, &r.payload) < 0)
		return FUDA_EFORMAT;
	*ret = r;
	return 0;
}

static bool is_record(const struct record *r, uint8_t form, const char *type)
{
	return (r->head & RECORD_FORM) == form && is(r->type, type);
}

/* A message that is one record, of a well known type. */
static int read_alone(struct cursor message, const char *type, struct cursor *ret_payload)
{
	struct record r;

	if (next_record(&message, &r) < 0 || message.left || !(r.head & RECORD_FIRST) ||
	    !(r.head & RECORD_LAST) || !is_record(&r, FORM_WELL_KNOWN, type))
		return FUDA_EFORMAT;
	*ret_payload = r.payload;
	return 0;
}

bool wndef_selects_handover(struct cursor message)
{
	struct cursor payload, name;
	uint8_t len;

	return read_alone(message, "Ts", &payload) == 0 && cur_u8(&payload, &len) == 0 &&
	       cur_sub(&payload, len, &name) == 0 && !payload.left && is(name, SERVICE);
}

/* Whether one of the alternative carriers refers to the record with id "nfc". FUDA_EFORMAT. */
static int read_carriers(struct cursor records, bool *ret_nfc)
{
	bool nfc = false, last = !records.left;
	uint8_t power, len;

	for (bool first = true; records.left; first = false) {
		struct cursor reference;
		struct record r;

		if (last || next_record(&records, &r) < 0 || first != !!(r.head & RECORD_FIRST) ||
		    !is_record(&r, FORM_WELL_KNOWN, "ac") || cur_u8(&r.payload, &power) < 0 ||
		    cur_u8(&r.payload, &len) < 0 || cur_sub(&r.payload, len, &reference) < 0)
			return FUDA_EFORMAT;
		nfc |= is(reference, ID_NFC);
		last = r.head & RECORD_LAST;
	}
	*ret_nfc = nfc;
	return last ? 0 : FUDA_EFORMAT;
}

int wndef_read_request(struct cursor message, bool *ret_nfc)
{
	bool reader = false, offered, described = false;
	struct record r;
	uint8_t version;

	if (next_record(&message, &r) < 0 || !(r.head & RECORD_FIRST) ||
	    !is_record(&r, FORM_WELL_KNOWN, "Hr") || cur_u8(&r.payload, &version) < 0 ||
	    version >> 4 != HANDOVER_VERSION >> 4 || read_carriers(r.payload, &offered) < 0)
		return FUDA_EFORMAT;
	while (!(r.head & RECORD_LAST)) {
		if (next_record(&message, &r) < 0 || r.head & RECORD_FIRST)
			return FUDA_EFORMAT;
		reader |= is_record(&r, FORM_EXTERNAL, TYPE_READER) && is(r.id, ID_READER);
		described |= is_record(&r, FORM_EXTERNAL, TYPE_NFC) && is(r.id, ID_NFC);
	}
	if (message.left || !reader)
		return FUDA_EFORMAT;
	*ret_nfc = offered && described;
	return 0;
}
