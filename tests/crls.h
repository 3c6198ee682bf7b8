/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists for tests, true to RFC 5280 5 or spoilt on purpose; as tests/certs.h does it. */
#ifndef TESTS_CRLS_H
#define TESTS_CRLS_H

#include "tests/certs.h"

/* What a list consists of, each part in the notation of der_write(); "" leaves a part out. */
enum crl_field {
	L_VERSION,
	L_ALGORITHM,
	L_ISSUER,
	L_THIS,
	L_NEXT,
	L_ENTRIES, /* without the SEQUENCE around them; "": no SEQUENCE either */
	L_AKI,
	L_NUMBER,
	L_EXTRA,  /* behind the other extensions */
	L_BEHIND, /* behind the extensions, in the TBS */
	L_OUTER_ALGORITHM,
	L_SIGNATURE,
	CRL_FIELDS
};

struct crl_plan {
	const char *field[CRL_FIELDS]; /* NULL: made from the keys */
	/* Instead of L_ENTRIES: any number of bytes. */
	const struct fuda_buf *entries;
	enum test_key signer;
	enum fuda_hash hash; /* that is really signed */
};

#define CRL_ENTRY(serial) "30{02{" serial "}17{'261101000000Z'}}"
#define CRL_REASON(serial, reason) \
	"30{02{" serial "}17{'261101000000Z'}30{30{<2.5.29.21>04{0A01" reason "}}}}"
/* An issuing distribution point that has these fields. */
#define CRL_POINT(fields) "30{<2.5.29.28>0101FF04{30{" fields "}}}"

/* The list of the CA of holders' certificates for user authentication, around TEST_NOW, with the
 * numbers 01A2B3C4 (of plan_auth(); keyCompromise), 05, and 0080. */
struct crl_plan plan_crl(void);
/* Replaces the content of `ret_der`. */
void crl_make(const struct crl_plan *plan, struct fuda_buf *ret_der);
void crl_make_with(struct crl_plan plan, enum crl_field field, const char *notation,
		   struct fuda_buf *ret_der);

/* Appends one entry for `serial` below 2^31, without a reason. */
void crl_put_entry(struct fuda_buf *out, uint32_t serial);

/* Believes in a certificate of plan_ca(). */
void believe(struct fuda_trust *trust, const struct cert_plan *plan);

#endif
