/* SPDX-License-Identifier: Apache-2.0 */
/* The forms in which CBOR goes through files and terminals, and what it then is. */
#include <fuda/encode.h>
#include <fuda/mdoc.h>

#include "base/context.h"
#include "codec/base64.h"
#include "mdoc/cbor.h"
#include "mdoc/engagement.h"

/* ---- reading ---- */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_hex(const struct fuda_buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (!memchr("0123456789abcdefABCDEF", text->data[i], 22))
			return false;
	return true;
}

/* The text without its blanks. */
static int gather(const uint8_t *bytes, size_t len, struct fuda_buf *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < len; i++)
		if (!is_blank(bytes[i]))
			r = fuda_buf_append(ret, &bytes[i], 1);
	return r;
}

/* All that an mdoc is made of begins with an array, a map or a tag: above 7F, which no text has.
 * The first of these bits make the first letter of its base64url no hexadecimal digit. */
static int decode_text(const uint8_t *bytes, size_t len, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(4 * CBOR_MAX);
	int r = gather(bytes, len, &text);

	if (r < 0)
		return r;
	r = engagement_from_uri((const char *)text.data, text.len, ret);
	if (r != FUDA_EFORMAT)
		return r;
	if (!is_hex(&text))
		return base64_decode((const char *)text.data, text.len, ret);
	r = fuda_buf_append(&text, "", 1);
	return r < 0 ? r : fuda_hex_decode((const char *)text.data, ret);
}

int fuda_mdoc_decode(struct fuda_context *ctx, const uint8_t *bytes, size_t len,
		     struct fuda_buf *ret_cbor)
{
	_cleanup_buf_ struct fuda_buf cbor = FUDA_BUF_INIT(CBOR_MAX);
	enum cbor_fault fault = CBOR_TRUNCATED;
	struct cbor item;
	int r = FUDA_EFORMAT;

	if (len)
		r = *bytes > 0x7F ? fuda_buf_append(&cbor, bytes, len) :
				    decode_text(bytes, len, &cbor);
	if (r == FUDA_EFORMAT)
		return ctx_fail(ctx, r,
				_("It is neither CBOR nor its hexadecimal digits or base64url."));
	if (r < 0)
		return ctx_fail_code(ctx, r);
	if (cbor_read(cur_of(cbor.data, cbor.len), &item, &fault) < 0)
		return ctx_fail(ctx, FUDA_EFORMAT, _("It is no CBOR that is accepted: %s."),
				_(cbor_fault_text(fault)));
	r = fuda_buf_append(ret_cbor, cbor.data, cbor.len);
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}

/* ---- writing ---- */

static int encode_hex(const uint8_t *cbor, size_t len, struct fuda_buf *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < len; i++) {
		char digits[3];

		fuda_hex_encode(cbor + i, 1, digits);
		r = fuda_buf_append(ret, digits, 2);
	}
	return r;
}

int fuda_mdoc_encode(enum fuda_mdoc_form form, const uint8_t *cbor, size_t len,
		     struct fuda_buf *ret)
{
	size_t before = ret->len;
	int r;

	if (form == FUDA_MDOC_CBOR)
		return fuda_buf_append(ret, cbor, len);
	r = form == FUDA_MDOC_HEX ? encode_hex(cbor, len, ret) :
				    base64_encode(cbor, len, true, ret);
	if (r == 0)
		r = fuda_buf_append(ret, "\n", 1);
	if (r < 0)
		buf_cut(ret, before);
	return r;
}

/* ---- what it is ---- */

/* A member that tells. */
struct mark {
	const char *kind;
	const char *key; /* NULL: the number */
	int64_t number;
};

static bool has_mark(const struct cbor *item, const struct mark *mark)
{
	struct cbor value;

	return (mark->key ? cbor_get(item, mark->key, &value) :
			    cbor_get_int(item, mark->number, &value)) == 0;
}

static const char *kind_of(const struct cbor *item)
{
	static const struct mark marks[] = {
		{ "DeviceRequest", "docRequests", 0 },
		{ "IssuerSigned", "issuerAuth", 0 },
		{ "MobileSecurityObject", "valueDigests", 0 },
		{ "SessionEstablishment", "eReaderKey", 0 },
		{ "DeviceResponse", "version", 0 },
		{ "SessionData", "data", 0 },
		{ "SessionData", "status", 0 },
		{ "DeviceEngagement", NULL, 0 },
		{ "COSE_Key", NULL, 1 },
	};

	if (cbor_is(item, CBOR_ARRAY))
		return item->number == 3 ? "SessionTranscript" : "";
	for (size_t i = 0; cbor_is(item, CBOR_MAP) && i < ARRAY_SIZE(marks); i++)
		if (has_mark(item, &marks[i]))
			return marks[i].kind;
	return "";
}

const char *fuda_mdoc_kind(const uint8_t *cbor, size_t len)
{
	struct cbor item, inner;

	if (cbor_read(cur_of(cbor, len), &item, NULL) < 0)
		return "";
	return kind_of(cbor_embedded(&item, &inner) == 0 ? &inner : &item);
}
