/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a certificate: what verification looks at. */
#ifndef PKI_CERT_H
#define PKI_CERT_H

#include <fuda/pki.h>
#include "base/cursor.h"
#include "pki/key.h"

/* Larger ones are refused. */
#define CERT_MAX 16384

/* Bits of KeyUsage, RFC 5280 4.2.1.3. */
enum {
	KU_DIGITAL_SIGNATURE = 1 << 0,
	KU_NON_REPUDIATION = 1 << 1,
	KU_KEY_CERT_SIGN = 1 << 5,
	KU_CRL_SIGN = 1 << 6,
};

struct signature_algorithm {
	const char *oid;
	enum fuda_hash hash;
	enum fuda_padding padding;
	bool null; /* its parameters may be NULL; absent they always may be */
};

struct fuda_cert {
	struct fuda_cert_facts facts;
	uint8_t *der;
	size_t len;
	/* these point into `der` */
	struct cursor tbs;       /* what is signed */
	struct cursor algorithm; /* of the signature, as it stands in the TBS */
	struct cursor signature;
	struct cursor serial;     /* without a sign byte */
	struct cursor issuer;     /* its Name */
	struct cursor subject;    /* likewise */
	struct cursor crl_points; /* DistributionPoints; empty if it has none */

	const struct signature_algorithm *signed_with; /* NULL if not accepted */
	struct key *key;                               /* NULL if of an unknown kind */
	uint32_t key_usage;
	bool ca;               /* basic constraints */
	bool client_auth;      /* extended key usage */
	bool jpki_policy;      /* has a policy of the JPKI */
	bool unknown_critical; /* has a critical extension that is not understood */
};

/* What `oid` signs with; NULL if that, or its parameters, are not accepted. Static. */
const struct signature_algorithm *signature_algorithm(const char *oid, struct cursor parameters);

/* Takes the Extensions of a certificate (cert-ext.c). FUDA_EFORMAT. */
int cert_extensions(struct fuda_cert *cert, struct cursor *c);

/* Judges the signature on `cert` under the key of `issuer`. As key_verify(). */
int cert_signed_by(const struct fuda_cert *cert, const struct fuda_cert *issuer);

#endif
