/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/issuer-signature.h"

#include "base/util.h"
#include "pki/der.h"

static const struct algorithm {
	const char *oid;
	bool eddsa;
	enum fuda_hash hash;
	enum curve curve; /* of EdDSA */
} algorithms[] = {
	/* RFC 5758 3.2 */
	{ "1.2.840.10045.4.3.2", false, FUDA_SHA256, CURVE_NONE },
	{ "1.2.840.10045.4.3.3", false, FUDA_SHA384, CURVE_NONE },
	{ "1.2.840.10045.4.3.4", false, FUDA_SHA512, CURVE_NONE },
	/* RFC 8410 3 */
	{ "1.3.101.112", true, 0, CURVE_ED25519 },
	{ "1.3.101.113", true, 0, CURVE_ED448 },
};

/* None of them has parameters, not even NULL. */
static const struct algorithm *find(struct cursor c)
{
	struct cursor parameters;
	char oid[DER_OID_MAX];

	if (der_algorithm(&c, oid, &parameters) < 0 || parameters.left || c.left)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (strcmp(algorithms[i].oid, oid) == 0)
			return &algorithms[i];
	return NULL;
}

bool issuer_signature_known(struct cursor algorithm, bool eddsa)
{
	const struct algorithm *known = find(algorithm);

	return known && (eddsa || !known->eddsa);
}

/* Ecdsa-Sig-Value (RFC 3279 2.2.3) as r and s of `bytes` each. */
static int to_raw(struct cursor c, size_t bytes, uint8_t *ret)
{
	struct tlv sequence;

	if (tlv_expect(&c, DER_SEQUENCE, &sequence) < 0 || c.left)
		return FUDA_EVERIFY;
	memset(ret, 0, 2 * bytes);
	for (size_t i = 1; i <= 2; i++) {
		struct cursor number;
		size_t len;

		if (der_unsigned(&sequence.value, bytes + 1, &number) < 0 || number.left > bytes)
			return FUDA_EVERIFY;
		len = number.left;
		if (cur_copy(&number, ret + i * bytes - len, len) < 0)
			return FUDA_EVERIFY;
	}
	return sequence.value.left ? FUDA_EVERIFY : 0;
}

static int judge_ecdsa(const struct key *key, enum fuda_hash hash, struct cursor tbs,
		       struct cursor signature)
{
	const struct curve_facts *curve = curve_facts(key_curve(key));
	uint8_t raw[KEY_POINT_MAX];
	struct fuda_digest digest;
	int r;

	if (key_curve(key) == CURVE_NONE || curve->eddsa)
		return FUDA_EVERIFY;
	if (to_raw(signature, curve->bytes, raw) < 0)
		return FUDA_EVERIFY;
	r = fuda_digest_bytes(hash, tbs.p, tbs.left, &digest);
	return r < 0 ? r : key_verify_raw(key, &digest, raw, 2 * curve->bytes);
}

int issuer_signature_judge(const struct key *key, struct cursor algorithm, struct cursor tbs,
			   struct cursor signature)
{
	const struct algorithm *known = find(algorithm);

	if (!known || !key)
		return FUDA_ENOTSUP;
	if (!known->eddsa)
		return judge_ecdsa(key, known->hash, tbs, signature);
	if (key_curve(key) != known->curve)
		return FUDA_EVERIFY;
	return key_verify_message(key, tbs.p, tbs.left, signature.p, signature.left);
}
