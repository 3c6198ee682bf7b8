/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the phone has the key that the issuer signed: C14, ISO 18013-5 9.1.3. */
#include "base/util.h"
#include "mdoc/session.h"
#include "mdoc/verify.h"

/* What the issuer signed as the device key, and its thumbprint (RFC 9679). */
static int read_key(struct judging *j, struct key **ret)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(256);
	struct cbor_out out = CBOR_OUT(&bytes);
	struct fuda_digest digest;
	int r = cose_key_read(&j->mso.device_key, ret);

	if (r == FUDA_EFORMAT || r == FUDA_ENOTSUP) {
		judging_add_text(j, FUDA_MDOC_DEVICE_KEY, "");
		return 0;
	}
	if (r == 0)
		r = cose_key_put(&out, *ret);
	if (r == 0)
		r = fuda_digest_bytes(FUDA_SHA256, bytes.data, bytes.len, &digest);
	if (r < 0)
		return r;
	memcpy(j->ret->device_key, digest.bytes, sizeof(j->ret->device_key));
	j->ret->has_device_key = true;
	return 0;
}

static int judge_mac(struct judging *j, const struct key *key, struct cursor transcript,
		     const struct piece *bytes)
{
	uint8_t mac_key[HMAC_BYTES];
	int r;

	if (!j->session->reader) {
		judging_add_text(j, FUDA_MDOC_DEVICE_MAC_KEY, "");
		return 0;
	}
	r = session_mac_key(j->session->reader->private, key, transcript, mac_key);
	if (r == FUDA_EINVAL) { /* 9.1.3.5: both on one curve */
		judging_add_text(j, FUDA_MDOC_DEVICE_MAC, curve_facts(key_curve(key))->name);
		return 0;
	}
	if (r == 0)
		r = cose_mac0_verify(&j->document->device_auth, mac_key, bytes, 1);
	wipe(mac_key, sizeof(mac_key));
	if (r == FUDA_EVERIFY)
		judging_add_text(j, FUDA_MDOC_DEVICE_MAC, "");
	return r;
}

static int judge_signature(struct judging *j, const struct key *key, const struct piece *bytes)
{
	int r = cose_sign1_verify(&j->document->device_auth, key, bytes, 1);

	if (r == FUDA_EVERIFY)
		judging_add_text(j, FUDA_MDOC_DEVICE_SIGNATURE, "");
	return r;
}

static int judge_proof(struct judging *j, const struct key *key)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(2 * CBOR_MAX);
	const struct document *d = j->document;
	const struct cursor transcript =
		cur_of(j->session->transcript.bytes, j->session->transcript.len);
	int r;

	/* a payload of its own would be bound to nothing */
	if (!d->device_auth.detached) {
		judging_add_text(j, d->by_mac ? FUDA_MDOC_DEVICE_MAC : FUDA_MDOC_DEVICE_SIGNATURE,
				 "payload");
		return 0;
	}
	r = response_authentication(transcript, d->doctype, d->device_spaces.whole, &bytes);
	if (r == 0)
		r = d->by_mac ? judge_mac(j, key, transcript, &PIECE(bytes.data, bytes.len)) :
				judge_signature(j, key, &PIECE(bytes.data, bytes.len));
	if (r == FUDA_ENOTSUP)
		judging_add_text(j, FUDA_MDOC_DEVICE_ALGORITHM, "");
	return r == FUDA_ENOTSUP || r == FUDA_EVERIFY ? 0 : r;
}

int judge_device(struct judging *j)
{
	const struct document *d = j->document;
	_cleanup_(key_free) struct key *key = NULL;
	int r = j->has_mso ? read_key(j, &key) : 0;

	if (r < 0)
		return r;
	if (d->device_auths != 1)
		judging_add_text(j, FUDA_MDOC_DEVICE_AUTH_NUMBER, "");
	else if (!j->session->transcript.len)
		judging_add_text(j, FUDA_MDOC_DEVICE_UNBOUND, "");
	else if (key)
		r = judge_proof(j, key);
	j->ret->proof = d->device_auths != 1 ? "" : d->by_mac ? "mac" : "signature";
	return r;
}
