/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/engagement.h"

#include <strings.h>

#include "base/util.h"
#include "codec/base64.h"
#include "mdoc/cose.h"
#include "mdoc/handover.h"

/* Keys of the maps: ISO 18013-5 8.2.1.1, 8.2.2.3. */
enum { KEY_VERSION = 0, KEY_SECURITY = 1, KEY_METHODS = 2 };
enum { NFC_MAX_COMMAND = 0, NFC_MAX_RESPONSE = 1 };
enum { CIPHER_SUITE = 1 };
static const char scheme[] = "mdoc:";

/* ---- reading ---- */

static int read_security(const struct cbor *item, struct engagement *ret)
{
	struct cursor c = item->content;
	struct cbor suite, key, inner;
	uint64_t number;

	if (!cbor_is(item, CBOR_ARRAY) || cbor_next(&c, &suite) < 0 || cbor_next(&c, &key) < 0 ||
	    cbor_uint(&suite, UINT32_MAX, &number) < 0 || cbor_embedded(&key, &inner) < 0)
		return FUDA_EFORMAT;
	if (number != CIPHER_SUITE)
		return FUDA_ENOTSUP;
	ret->device_key = inner.whole;
	return 0;
}

static int read_nfc_options(const struct cbor *options, struct retrieval_method *ret)
{
	struct cbor command, response;

	if (cbor_get_int(options, NFC_MAX_COMMAND, &command) < 0 ||
	    cbor_get_int(options, NFC_MAX_RESPONSE, &response) < 0 ||
	    cbor_uint(&command, 65535, &ret->max_command) < 0 ||
	    cbor_uint(&response, 65536, &ret->max_response) < 0 ||
	    ret->max_command < HANDOVER_COMMAND_MIN || ret->max_response < HANDOVER_RESPONSE_MIN)
		return FUDA_EFORMAT;
	return 0;
}

static int read_method(const struct cbor *item, struct retrieval_method *ret)
{
	struct cursor c = item->content;
	struct cbor type, version, options;

	*ret = (struct retrieval_method){ 0 };
	if (!cbor_is(item, CBOR_ARRAY) || cbor_next(&c, &type) < 0 || cbor_next(&c, &version) < 0 ||
	    cbor_uint(&type, UINT32_MAX, &ret->type) < 0 ||
	    cbor_uint(&version, UINT32_MAX, &ret->version) < 0 || cbor_next(&c, &options) < 0)
		return FUDA_EFORMAT;
	ret->options = options.whole;
	if (retrieval_is_nfc(ret))
		return read_nfc_options(&options, ret);
	return 0;
}

static int read_methods(const struct cbor *item, struct engagement *ret)
{
	struct cursor c = item->content;
	struct cbor one;

	if (!cbor_is(item, CBOR_ARRAY))
		return FUDA_EFORMAT;
	while (cbor_next(&c, &one) == 0)
		if (ret->method_count == ENGAGEMENT_METHODS_MAX ||
		    read_method(&one, &ret->methods[ret->method_count++]) < 0)
			return FUDA_EFORMAT;
	return 0;
}

int engagement_read(struct cursor bytes, struct engagement *ret)
{
	struct engagement engagement = { .bytes = bytes };
	struct cbor map, item;
	int r;

	if (bytes.left > ENGAGEMENT_MAX || cbor_read(bytes, &map, NULL) < 0 ||
	    cbor_get_int(&map, KEY_VERSION, &item) < 0 || !cbor_is(&item, CBOR_TEXT))
		return FUDA_EFORMAT;
	if (!cbor_is_version_1(&item))
		return FUDA_ENOTSUP;
	if (cbor_get_int(&map, KEY_SECURITY, &item) < 0)
		return FUDA_EFORMAT;
	r = read_security(&item, &engagement);
	if (r == 0 && cbor_get_int(&map, KEY_METHODS, &item) == 0)
		r = read_methods(&item, &engagement);
	if (r == 0)
		*ret = engagement;
	return r;
}

/* ---- making ---- */

int engagement_put(const struct key *key, bool nfc, uint16_t max_command, uint32_t max_response,
		   struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf cose_key = FUDA_BUF_INIT(ENGAGEMENT_MAX);
	struct cbor_out inner = CBOR_OUT(&cose_key), out = CBOR_OUT(ret);
	int r = cose_key_put(&inner, key);

	if (r < 0)
		return r;
	cbor_put_map(&out, nfc ? 3 : 2);
	cbor_put_uint(&out, KEY_VERSION);
	cbor_put_text(&out, "1.0");
	cbor_put_uint(&out, KEY_SECURITY);
	cbor_put_array(&out, 2);
	cbor_put_uint(&out, CIPHER_SUITE);
	cbor_put_embedded(&out, cur_of(cose_key.data, cose_key.len));
	if (!nfc)
		return out.failed;
	cbor_put_uint(&out, KEY_METHODS);
	cbor_put_array(&out, 1);
	cbor_put_array(&out, 3);
	cbor_put_uint(&out, RETRIEVAL_NFC);
	cbor_put_uint(&out, RETRIEVAL_VERSION);
	cbor_put_map(&out, 2);
	cbor_put_uint(&out, NFC_MAX_COMMAND);
	cbor_put_uint(&out, max_command);
	cbor_put_uint(&out, NFC_MAX_RESPONSE);
	cbor_put_uint(&out, max_response);
	return out.failed;
}

/* ---- QR codes ---- */

int engagement_uri(struct cursor bytes, struct fuda_buf *ret_text)
{
	int r = fuda_buf_append(ret_text, scheme, strlen(scheme));

	return r < 0 ? r : base64_encode(bytes.p, bytes.left, true, ret_text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int engagement_from_uri(const char *text, size_t len, struct fuda_buf *ret_bytes)
{
	const size_t head = strlen(scheme);

	while (len && is_blank(*text)) {
		text++;
		len--;
	}
	while (len && is_blank(text[len - 1]))
		len--;
	if (len <= head || strncasecmp(text, scheme, head) != 0)
		return FUDA_EFORMAT;
	return base64_decode(text + head, len - head, ret_bytes);
}
