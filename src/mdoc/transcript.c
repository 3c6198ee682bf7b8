/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/transcript.h"

#include <fuda/hash.h>

#include "base/util.h"
#include "mdoc/engagement.h"

int transcript_proximity(struct cursor engagement, struct cursor reader_key, struct cursor select,
			 struct cursor request, struct fuda_buf *ret)
{
	struct cbor_out out = CBOR_OUT(ret);

	cbor_put_array(&out, 3);
	cbor_put_embedded(&out, engagement);
	cbor_put_embedded(&out, reader_key);
	if (!select.left) {
		cbor_put_null(&out);
		return out.failed;
	}
	cbor_put_array(&out, 2);
	cbor_put_bytes(&out, select.p, select.left);
	if (request.left)
		cbor_put_bytes(&out, request.p, request.left);
	else
		cbor_put_null(&out);
	return out.failed;
}

static void put_optional(struct cbor_out *out, struct cursor bytes)
{
	if (bytes.left)
		cbor_put_bytes(out, bytes.p, bytes.left);
	else
		cbor_put_null(out);
}

/* [null, null, [name, SHA-256 of the handover's info]] */
static int put_online(const char *name, const struct cbor_out *info, struct fuda_buf *ret)
{
	struct cbor_out out = CBOR_OUT(ret);
	struct fuda_digest digest;
	int r = info->failed;

	if (r == 0)
		r = fuda_digest_bytes(FUDA_SHA256, info->to->data, info->to->len, &digest);
	if (r < 0)
		return r;
	cbor_put_array(&out, 3);
	cbor_put_null(&out);
	cbor_put_null(&out);
	cbor_put_array(&out, 2);
	cbor_put_text(&out, name);
	cbor_put_bytes(&out, digest.bytes, digest.len);
	return out.failed;
}

int transcript_openid4vp(const char *client_id, const char *nonce, struct cursor thumbprint,
			 const char *response_uri, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf info = FUDA_BUF_INIT(65536);
	struct cbor_out out = CBOR_OUT(&info);

	cbor_put_array(&out, 4);
	cbor_put_text(&out, client_id);
	cbor_put_text(&out, nonce);
	put_optional(&out, thumbprint);
	cbor_put_text(&out, response_uri);
	return put_online("OpenID4VPHandover", &out, ret);
}

int transcript_dcapi(const char *origin, const char *nonce, struct cursor thumbprint,
		     struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf info = FUDA_BUF_INIT(65536);
	struct cbor_out out = CBOR_OUT(&info);

	cbor_put_array(&out, 3);
	cbor_put_text(&out, origin);
	cbor_put_text(&out, nonce);
	put_optional(&out, thumbprint);
	return put_online("OpenID4VPDCAPIHandover", &out, ret);
}

/* null, or the NDEF messages: [Handover Select, Handover Request or null] (ISO 18013-5 9.1.5.1). */
static bool is_handover(const struct cbor *item)
{
	struct cursor c = item->content;
	struct cbor select, request;

	if (cbor_is_null(item))
		return true;
	return cbor_is(item, CBOR_ARRAY) && item->number == 2 && cbor_next(&c, &select) == 0 &&
	       cbor_next(&c, &request) == 0 && cbor_is(&select, CBOR_BYTES) &&
	       select.content.left &&
	       (cbor_is_null(&request) || (cbor_is(&request, CBOR_BYTES) && request.content.left));
}

int transcript_read(struct cursor bytes, struct cbor *ret_key)
{
	struct cbor transcript, item, engagement, handover;
	struct engagement read;

	if (cbor_read(bytes, &transcript, NULL) < 0 || !cbor_is(&transcript, CBOR_ARRAY) ||
	    transcript.number != 3 || cbor_next(&transcript.content, &item) < 0 ||
	    cbor_embedded(&item, &engagement) < 0 || engagement_read(engagement.whole, &read) < 0 ||
	    cbor_next(&transcript.content, &item) < 0 ||
	    cbor_next(&transcript.content, &handover) < 0 || !is_handover(&handover) ||
	    cbor_embedded(&item, ret_key) < 0)
		return FUDA_EFORMAT;
	return 0;
}

int transcript_check(struct cursor bytes)
{
	struct cbor item;

	return cbor_read(bytes, &item, NULL) == 0 && cbor_is(&item, CBOR_ARRAY) &&
			       item.number == 3 ?
		       0 :
		       FUDA_EFORMAT;
}
