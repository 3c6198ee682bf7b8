/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of the software card: a test CA hierarchy and what it issues. */
#ifndef VCARD_ISSUE_H
#define VCARD_ISSUE_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <time.h>
#include "vcard/person.h"

#define ISSUE_CN_MAX   64  /* ub-common-name: RFC 5280 A.1 */
#define ISSUE_TEXT_MAX 4096

/* What differs between the two certificates of a card. */
struct branch {
	const char *ou;		    /* of the CA and the CRL distribution point */
	const char *ou_ja;	    /* of the alternative names */
	const char *usage;	    /* X509V3 text */
	const char *extended_usage; /* or NULL */
	const char *policy;
	const char *ocsp;
	bool attributes; /* holds name, address, birth date and sex */
};
extern const struct branch branch_auth, branch_sign;

struct issuer {
	X509 *cert;
	EVP_PKEY *key;
};

/* A self-signed CA of `branch`, valid from `from` for ten years: card.md 5.1. NULL if OpenSSL
 * fails. The key is borrowed. */
X509 *issue_ca(const struct branch *branch, EVP_PKEY *key, time_t from);

/* The certificate of `holder`: card.md 5.2, 5.3. `cn_len` characters of opaque common name,
 * `padding` more characters in the CPS text. NULL if OpenSSL fails. */
X509 *issue_holder(const struct branch *branch, const struct issuer *ca, EVP_PKEY *key, time_t from,
		   time_t to, const struct person *holder, size_t cn_len, size_t padding);

#endif
