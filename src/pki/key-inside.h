/* SPDX-License-Identifier: Apache-2.0 */
/* What keys, public and private, are inside. */
#ifndef PKI_KEY_INSIDE_H
#define PKI_KEY_INSIDE_H

#include <openssl/evp.h>
#include "pki/key.h"

struct key {
	EVP_PKEY *pkey;
	enum curve curve;
	uint8_t point[KEY_POINT_MAX]; /* as key_new_point() takes it; none of RSA */
	size_t point_len;
};

struct curve_inside {
	struct curve_facts facts;
	const char *group; /* OpenSSL's word for it */
	const char *oid;   /* of the curve, or of the algorithm for EdDSA: RFC 5480, 5639, 8410 */
};
extern const struct curve_inside curves[CURVES];

/* Takes `*pkey`, nulled on success. */
int key_wrap(EVP_PKEY **pkey, enum curve curve, struct key **ret);
/* The public half of `pkey`, whatever else it has; FUDA_ENOTSUP: of no curve known here. */
int key_of_pkey(EVP_PKEY *pkey, struct key **ret);
/* Makes an EVP_PKEY of a point. FUDA_EFORMAT: not on the curve; of EdDSA, where OpenSSL looks at
 * that when it verifies, not in canonical form or of small order. */
int curve_load(enum curve curve, const uint8_t *point, size_t len, EVP_PKEY **ret);

/* r and s, each of `bytes`, as an Ecdsa-Sig-Value (RFC 5480 A), and back. */
enum { ECDSA_DER_MAX = 3 + 2 * (3 + 66) };
size_t ecdsa_to_der(const uint8_t *raw, size_t bytes, uint8_t ret[ECDSA_DER_MAX]);
/* FUDA_EFORMAT: not one of numbers above zero, of at most so many bytes. */
int ecdsa_from_der(struct cursor der, size_t bytes, uint8_t *ret_raw);

#endif
