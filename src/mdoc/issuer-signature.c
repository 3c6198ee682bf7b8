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

int issuer_signature_judge(const struct key *key, struct cursor algorithm, struct cursor tbs,
			   struct cursor signature)
{
	const struct algorithm *known = find(algorithm);
	struct fuda_digest digest;
	int r;

	if (!known || !key)
		return FUDA_ENOTSUP;
	if (known->eddsa)
		return key_curve(key) == known->curve ?
			       key_verify_message(key, tbs.p, tbs.left, signature.p,
						  signature.left) :
			       FUDA_EVERIFY;
	r = fuda_digest_bytes(known->hash, tbs.p, tbs.left, &digest);
	return r < 0 ? r : key_verify_ecdsa(key, &digest, signature.p, signature.left);
}
