/* SPDX-License-Identifier: Apache-2.0 */
#include "service/verify.h"

#include <string.h>

#include "base/context.h"
#include "pki/cert.h"
#include "pki/trust.h"

static const char stale[] = "revocation_info_stale";

/* The CA by its key and its name: what two generations of one name issue may bear equal numbers. */
static int issuer_of(const uint8_t *key, size_t key_len, struct cursor name,
		     uint8_t ret[ISSUER_BYTES])
{
	uint8_t text[1 + ISSUER_KEY_MAX + CERT_MAX], *p = text;
	struct fuda_digest digest;

	*p++ = (uint8_t)key_len;
	memcpy(p, key, key_len);
	p += key_len;
	memcpy(p, name.p, name.left);
	p += name.left;
	if (fuda_digest_bytes(FUDA_SHA256, text, (size_t)(p - text), &digest) < 0)
		return FUDA_EFAILED;
	memcpy(ret, digest.bytes, ISSUER_BYTES);
	return 0;
}

/* A certificate that was found to be good. Those of phones are not known to differ from those of
 * cards (card.md 6): as long as they do not say what they are, they count as cards. */
static int describe(const struct fuda_cert *cert, enum fuda_world world, struct holder *ret)
{
	const struct fuda_cert_facts *f = &cert->facts;
	struct holder holder = { .kind = "card_auth", .world = world };
	struct cursor serial = cert->serial;

	holder.serial_len = serial.left;
	holder.issuer_key_len = f->aki_len;
	memcpy(holder.issuer_key, f->aki, f->aki_len);
	if (serial.left > sizeof(holder.serial) ||
	    cur_copy(&serial, holder.serial, serial.left) < 0 ||
	    issuer_of(f->aki, f->aki_len, cert->issuer, holder.issuer) < 0)
		return FUDA_EFAILED;
	*ret = holder;
	return 0;
}

/* The rules of <fuda/pki.h>, and that it is a key as today's cards have it: platform.md B2 (4). */
static int judge(const struct fuda_trust *trust, const struct fuda_cert *cert,
		 const struct fuda_signed *signed_, time_t at, struct fuda_verdict *ret)
{
	bool rsa = key_is_rsa_2048(cert->key);
	int r = fuda_verify(trust, cert, FUDA_USE_AUTH, at, rsa ? signed_ : NULL, ret);

	if (r == 0 && ret->result == FUDA_RESULT_OK && !rsa) {
		ret->result = FUDA_RESULT_UNSUPPORTED_CERTIFICATE;
		ret->rule = "profile_key";
	}
	return r;
}

/* What is known of it besides. */
static const char *ask(struct revocation *revocation, const struct fuda_cert *cert, time_t at)
{
	bool is_stale, is_denied;

	if (!revocation)
		return fuda_result_name(FUDA_RESULT_OK);
	switch (revocation_ask(revocation, cert, at, &is_stale, &is_denied)) {
	case FUDA_REVOCATION_GOOD:
		return fuda_result_name(FUDA_RESULT_OK);
	case FUDA_REVOCATION_REVOKED:
		return fuda_result_name(FUDA_RESULT_CERTIFICATE_REVOKED);
	default:
		return is_denied ? fuda_result_name(FUDA_RESULT_REVOCATION_UNKNOWN) : stale;
	}
}

int verify_holder(struct fuda_context *ctx, const struct fuda_trust *trust,
		  struct revocation *revocation, const uint8_t *der, size_t der_len,
		  const struct fuda_digest *digest, const uint8_t *signature, size_t signature_len,
		  time_t at, struct holder *ret_holder, struct verdict *ret)
{
	_cleanup_(fuda_cert_free) struct fuda_cert *cert = NULL;
	struct fuda_signed signed_ = { .padding = FUDA_PKCS1,
				       .signature = signature,
				       .signature_len = signature_len };
	struct fuda_verdict verdict = { .result = FUDA_RESULT_INVALID_CERTIFICATE, .rule = "" };
	int r;

	if (signature && digest->hash != FUDA_SHA256)
		return ctx_fail_code(ctx, FUDA_EINVAL);
	r = fuda_cert_new(ctx, der, der_len, &cert);
	if (r == FUDA_ENOMEM || r == FUDA_EFAILED)
		return r;
	if (signature)
		signed_.digest = *digest;
	if (r == 0)
		r = judge(trust, cert, signature ? &signed_ : NULL, at, &verdict);
	else
		r = 0; /* malformed, which is a verdict */
	if (r < 0)
		return ctx_fail_code(ctx, r);
	if (verdict.result == FUDA_RESULT_OK) {
		r = describe(cert, verdict.world, ret_holder);
		if (r < 0)
			return ctx_fail_code(ctx, r);
		ret->result = ask(revocation, cert, at);
	} else {
		ret->result = fuda_result_name(verdict.result);
	}
	ret->rule = verdict.rule;
	return 0;
}

int verify_issuer(const struct fuda_trust *trust, size_t i, struct card_issuer *ret)
{
	const struct trust_ca *ca;
	size_t n = 0;

	for (size_t at = 0; (ca = trust_ca_at(trust, at)); at++) {
		const struct fuda_cert_facts *f = &ca->cert->facts;
		struct card_issuer issuer = { .key_len = f->ski_len };

		if (ca->use == FUDA_USE_SIGN || n++ != i)
			continue;
		memcpy(issuer.key, f->ski, f->ski_len);
		if (issuer_of(f->ski, f->ski_len, ca->cert->subject, issuer.issuer) < 0)
			return FUDA_EFAILED;
		*ret = issuer;
		return 0;
	}
	return FUDA_ENOTFOUND;
}
