/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1 and COSE_Mac0: RFC 9052 4.2, 6.2. */
#include "mdoc/cose.h"

#include "base/util.h"

/* Header parameters: RFC 9052 3.1, RFC 9360 2. */
enum { HEADER_ALGORITHM = 1, HEADER_CRITICAL = 2, HEADER_X5CHAIN = 33 };
enum { TAG_MAC0 = 17, TAG_SIGN1 = 18 };

/* ---- reading ---- */

static int read_chain(const struct cbor *item, struct cose *ret)
{
	struct cursor c = item->content;
	struct cbor one;

	if (cbor_bytes(item, &ret->chain[0]) == 0) {
		ret->chain_count = 1;
		return 0;
	}
	if (!cbor_is(item, CBOR_ARRAY) || item->number < 2) /* RFC 9360 2: one is no array */
		return FUDA_EFORMAT;
	while (cbor_next(&c, &one) == 0)
		if (ret->chain_count == COSE_CHAIN_MAX ||
		    cbor_bytes(&one, &ret->chain[ret->chain_count++]) < 0)
			return FUDA_EFORMAT;
	return 0;
}

/* What neither of both headers may say again: RFC 9052 3. */
static bool share_key(const struct cbor *a, const struct cbor *b)
{
	struct cursor in_a = a->content;
	struct cbor key, value, other;

	while (cbor_next(&in_a, &key) == 0 && cbor_next(&in_a, &value) == 0) {
		struct cursor in_b = b->content;

		while (cbor_next(&in_b, &other) == 0 && cbor_next(&in_b, &value) == 0)
			if (key.type == other.type && key.number == other.number &&
			    key.content.left == other.content.left &&
			    (!key.content.left ||
			     memcmp(key.content.p, other.content.p, key.content.left) == 0))
				return true;
	}
	return false;
}

/* The content of the protected header: a map, or nothing at all (RFC 9052 3). */
static int read_protected(struct cursor bytes, struct cbor *ret)
{
	*ret = (struct cbor){ .type = CBOR_MAP };
	if (!bytes.left)
		return 0;
	return cbor_read(bytes, ret, NULL) < 0 || ret->type != CBOR_MAP ? FUDA_EFORMAT : 0;
}

/* The algorithm must be under protection: ISO 18013-5 9.1.2.4, 9.1.3.5. x5chain stands unprotected
 * in the first edition and may be protected elsewhere (status lists of the second): either. */
static int read_headers(const struct cbor *protected, const struct cbor *unprotected,
			struct cose *ret)
{
	struct cbor item;

	if (unprotected->type != CBOR_MAP || share_key(protected, unprotected) ||
	    cbor_get_int(protected, HEADER_CRITICAL, &item) == 0 ||
	    cbor_get_int(unprotected, HEADER_CRITICAL, &item) == 0 ||
	    cbor_get_int(protected, HEADER_ALGORITHM, &item) < 0 ||
	    cbor_int(&item, &ret->algorithm) < 0)
		return FUDA_EFORMAT;
	if (cbor_get_int(unprotected, HEADER_X5CHAIN, &item) == 0 ||
	    cbor_get_int(protected, HEADER_X5CHAIN, &item) == 0)
		return read_chain(&item, ret);
	return 0;
}

static int read(const struct cbor *item, uint64_t tag, struct cose *ret)
{
	struct cbor array = *item, parts[4], protected;
	struct cose cose = { 0 };
	struct cursor c;

	if (cbor_is(item, CBOR_TAG) && cbor_tag(item, tag, &array) < 0)
		return FUDA_EFORMAT;
	if (!cbor_is(&array, CBOR_ARRAY) || array.number != ARRAY_SIZE(parts))
		return FUDA_EFORMAT;
	c = array.content;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (cbor_next(&c, &parts[i]) < 0)
			return FUDA_EFORMAT;
	cose.detached = cbor_is_null(&parts[2]);
	if (cbor_bytes(&parts[0], &cose.protected) < 0 ||
	    read_protected(cose.protected, &protected) < 0 ||
	    read_headers(&protected, &parts[1], &cose) < 0 ||
	    (!cose.detached && cbor_bytes(&parts[2], &cose.payload) < 0) ||
	    cbor_bytes(&parts[3], &cose.signature) < 0)
		return FUDA_EFORMAT;
	*ret = cose;
	return 0;
}

int cose_sign1_read(const struct cbor *item, struct cose *ret)
{
	return read(item, TAG_SIGN1, ret);
}

int cose_mac0_read(const struct cbor *item, struct cose *ret)
{
	return read(item, TAG_MAC0, ret);
}

/* ---- what is signed ---- */

static size_t total(const struct piece *pieces, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len += pieces[i].len;
	return len;
}

/* RFC 9052 4.4, 6.3: without external data. */
static int structure(const char *context, struct cursor protected, const struct piece *payload,
		     size_t count, struct fuda_buf *ret)
{
	struct cbor_out out = CBOR_OUT(ret);

	cbor_put_array(&out, 4);
	cbor_put_text(&out, context);
	cbor_put_bytes(&out, protected.p, protected.left);
	cbor_put_bytes(&out, NULL, 0);
	cbor_put_bytes_head(&out, total(payload, count));
	for (size_t i = 0; i < count; i++)
		cbor_put_raw(&out, cur_of(payload[i].bytes, payload[i].len));
	return out.failed;
}

int cose_sig_structure(struct cursor protected, const struct piece *payload, size_t count,
		       struct fuda_buf *ret)
{
	return structure("Signature1", protected, payload, count, ret);
}

int cose_mac_structure(struct cursor protected, const struct piece *payload, size_t count,
		       struct fuda_buf *ret)
{
	return structure("MAC0", protected, payload, count, ret);
}

/* ---- judging ---- */

bool cose_fits(int64_t algorithm, const struct key *key)
{
	enum curve curve = key_curve(key);

	return curve != CURVE_NONE && curve_facts(curve)->cose_algorithm == algorithm;
}

/* What is signed, with room for the heads. A payload of its own is no stand-in for what the caller
 * says was signed: it would be bound to nothing. */
static int to_be_judged(const struct cose *cose, bool mac, const struct piece *detached,
			size_t count, struct fuda_buf *ret)
{
	const struct piece own = PIECE(cose->payload.p, cose->payload.left);

	if (cose->detached != (detached != NULL))
		return FUDA_EVERIFY;
	if (!cose->detached) {
		detached = &own;
		count = 1;
	}
	return structure(mac ? "MAC0" : "Signature1", cose->protected, detached, count, ret);
}

int cose_sign1_verify(const struct cose *cose, const struct key *key, const struct piece *detached,
		      size_t count)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(2 * CBOR_MAX);
	struct fuda_digest digest;
	int r;

	if (!cose_fits(cose->algorithm, key))
		return FUDA_ENOTSUP;
	r = to_be_judged(cose, false, detached, count, &bytes);
	if (r < 0)
		return r;
	if (curve_facts(key_curve(key))->eddsa)
		return key_verify_message(key, bytes.data, bytes.len, cose->signature.p,
					  cose->signature.left);
	r = fuda_digest_bytes(curve_facts(key_curve(key))->hash, bytes.data, bytes.len, &digest);
	return r < 0 ? r : key_verify_raw(key, &digest, cose->signature.p, cose->signature.left);
}

int cose_mac0_verify(const struct cose *cose, const uint8_t key[HMAC_BYTES],
		     const struct piece *detached, size_t count)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(2 * CBOR_MAX);
	uint8_t mac[HMAC_BYTES];
	int r;

	if (cose->algorithm != COSE_HMAC_256)
		return FUDA_ENOTSUP;
	r = to_be_judged(cose, true, detached, count, &bytes);
	if (r == 0)
		r = crypto_hmac(PIECE(key, HMAC_BYTES), &PIECE(bytes.data, bytes.len), 1, mac);
	if (r < 0)
		return r;
	return cose->signature.left == HMAC_BYTES && equal_ct(cose->signature.p, mac, HMAC_BYTES) ?
		       0 :
		       FUDA_EVERIFY;
}

/* ---- making ---- */

/* {1: algorithm} */
static int protect(int64_t algorithm, struct fuda_buf *ret)
{
	struct cbor_out out = CBOR_OUT(ret);

	cbor_put_map(&out, 1);
	cbor_put_uint(&out, HEADER_ALGORITHM);
	cbor_put_int(&out, algorithm);
	return out.failed;
}

static void put_chain(struct cbor_out *out, const struct cursor *chain, size_t count)
{
	cbor_put_map(out, count ? 1 : 0);
	if (!count)
		return;
	cbor_put_uint(out, HEADER_X5CHAIN);
	if (count > 1)
		cbor_put_array(out, count);
	for (size_t i = 0; i < count; i++)
		cbor_put_bytes(out, chain[i].p, chain[i].left);
}

static int sign(const struct signer *signer, const struct fuda_buf *bytes, struct fuda_buf *ret)
{
	struct fuda_digest digest;
	int r;

	if (signer->mode == SIGN_EDDSA)
		return signer->sign(signer->arg, SIGN_EDDSA, bytes->data, bytes->len, ret);
	r = fuda_digest_bytes(signer->hash, bytes->data, bytes->len, &digest);
	return r < 0 ? r : signer->sign(signer->arg, SIGN_ECDSA, digest.bytes, digest.len, ret);
}

/* The frame of both: `made` is the signature or the tag of the MAC. */
static void put_parts(struct cbor_out *out, const struct fuda_buf *protected,
		      const struct cursor *chain, size_t chain_count, const struct piece *payload,
		      size_t count, const void *made, size_t made_len)
{
	cbor_put_array(out, 4);
	cbor_put_bytes(out, protected->data, protected->len);
	put_chain(out, chain, chain_count);
	if (payload)
		cbor_put_bytes_head(out, total(payload, count));
	else
		cbor_put_null(out);
	for (size_t i = 0; payload && i < count; i++)
		cbor_put_raw(out, cur_of(payload[i].bytes, payload[i].len));
	cbor_put_bytes(out, made, made_len);
}

int cose_sign1_put(struct cbor_out *out, const struct signer *signer, const struct cursor *chain,
		   size_t chain_count, const struct piece *payload, size_t count, bool detached)
{
	_cleanup_buf_ struct fuda_buf protected = FUDA_BUF_INIT(16);
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(2 * CBOR_MAX);
	_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(FUDA_SIGNATURE_MAX);
	int r = out->failed;

	if (r == 0)
		r = protect(signer->cose, &protected);
	if (r == 0)
		r = cose_sig_structure(cur_of(protected.data, protected.len), payload, count,
				       &bytes);
	if (r == 0)
		r = sign(signer, &bytes, &signature);
	if (r < 0)
		return out->failed = r;
	put_parts(out, &protected, chain, chain_count, detached ? NULL : payload, count,
		  signature.data, signature.len);
	return out->failed;
}

int cose_mac0_put(struct cbor_out *out, const uint8_t key[HMAC_BYTES], const struct piece *payload,
		  size_t count)
{
	_cleanup_buf_ struct fuda_buf protected = FUDA_BUF_INIT(16);
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(2 * CBOR_MAX);
	uint8_t mac[HMAC_BYTES];
	int r = out->failed;

	if (r == 0)
		r = protect(COSE_HMAC_256, &protected);
	if (r == 0)
		r = cose_mac_structure(cur_of(protected.data, protected.len), payload, count,
				       &bytes);
	if (r == 0)
		r = crypto_hmac(PIECE(key, HMAC_BYTES), &PIECE(bytes.data, bytes.len), 1, mac);
	if (r < 0)
		return out->failed = r;
	put_parts(out, &protected, NULL, 0, NULL, 0, mac, sizeof(mac));
	return out->failed;
}
