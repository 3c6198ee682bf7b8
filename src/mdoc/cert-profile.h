/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate must be for its place, whoever issued it: ISO 18013-5 Annex B, mdoc.md 2.1. */
#ifndef MDOC_CERT_PROFILE_H
#define MDOC_CERT_PROFILE_H

#include <fuda/mdoc.h>
#include "mdoc/cert-parts.h"
#include "pki/cert.h"

enum cert_role {
	CERT_ROOT,      /* of an issuing authority, "iaca": B.1 */
	CERT_LINK,      /* ... its successor's key, signed by the old one: B.2 */
	CERT_DS,        /* document signer: B.3 */
	CERT_READER,    /* B.1.7 */
	CERT_READER_CA, /* any CA under which readers are: Annex B does not say how it looks. It is
			 * a CA and says so, critically, may sign certificates, and has a key
			 * identifier to be found by. */
	CERT_ROLES
};
/* What findings call it: "iaca", "link", "ds", "reader", "reader_ca". Static. */
const char *cert_role_name(enum cert_role role);

/* What else is asked about a certificate. */
struct cert_profile {
	char purpose[DER_OID_MAX]; /* its only extended key usage; "" if it has none, or more */
	char country[3];           /* of its subject: two letters; "" if that is not in its form */
	unsigned path_length;      /* CAs that may stand below it: CERT_PATH_ANY without a limit */
};
enum { CERT_PATH_ANY = 255 };

/* Adds a finding for each rule that it breaks. `*ret_cert` is NULL if it cannot be read, in which
 * case there is a finding. What its purpose should be is the caller's to say. 0, FUDA_ENOMEM,
 * FUDA_EFAILED. */
int cert_profile_judge(struct fuda_context *ctx, enum cert_role role, struct cursor der,
		       struct fuda_mdoc_findings *findings, struct cert_profile *ret,
		       struct fuda_cert **ret_cert);

#endif
