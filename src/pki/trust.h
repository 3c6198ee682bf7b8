/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of trust: which CAs are believed, and who issued what. */
#ifndef PKI_TRUST_H
#define PKI_TRUST_H

#include <fuda/pki.h>

/* A genuine CA of the JPKI. */
struct genuine_ca {
	const char *name;
	enum fuda_cert_use use; /* of the certificates that it issues */
	const char *ski;        /* hexadecimal, capitals */
	const char *sha256;     /* of its certificate; likewise */
};

/* As fuda_trust_new(), with other CAs for genuine; `genuine` must outlive the trust. */
int trust_new_with(struct fuda_context *ctx, const struct genuine_ca *genuine, size_t count,
		   struct fuda_trust **ret);

/* A CA that is believed. */
struct trust_ca {
	struct fuda_cert *cert;
	enum fuda_world world;
	enum fuda_cert_use use; /* of the certificates that it issues; unknown: it does not say */
};

/* CA number `i`, from 0 on; NULL past the last. */
const struct trust_ca *trust_ca_at(const struct fuda_trust *trust, size_t i);

struct issuer {
	const struct trust_ca *ca;
	int signature; /* what cert_signed_by() says: 0, FUDA_EVERIFY or FUDA_ENOTSUP */
};

/* Who issued `cert`: of the CAs that its key identifier names the one under whose key its signature
 * is right; if there is none, one under whose it is not. A believed CA certificate is its own
 * issuer. FUDA_ENOTFOUND if the key identifier names nobody who is believed; FUDA_ENOMEM,
 * FUDA_EFAILED. */
int trust_issuer(const struct fuda_trust *trust, const struct fuda_cert *cert, struct issuer *ret);

#endif
