/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of mobile credentials for tests, true to ISO 18013-5 Annex B or spoilt on purpose:
 * as tests/certs.h does it. */
#ifndef TESTS_MDOC_CERTS_H
#define TESTS_MDOC_CERTS_H

#include "mdoc/cert-profile.h"
#include "tests/crls.h"

/* Their extensions that those of persons do not have stand in the places of others. */
#define F_CRL_POINTS F_POLICY
#define F_IAN        F_SAN /* issuer alternative name */

/* That of a role, valid at TEST_NOW: KEY_IACA signs for KEY_DS and for KEY_IACA_NEXT, its
 * successor; KEY_READER_CA for KEY_READER. */
struct cert_plan plan_mdoc(enum cert_role role);
/* The same under another issuer: of the same name, but another key. */
struct cert_plan plan_mdoc_under(enum cert_role role, enum test_key signer);
/* The root of the successor's key. */
struct cert_plan plan_next_root(void);

/* The list of KEY_IACA, around TEST_NOW, with the numbers 05 and 0080; and with that of the DS, or
 * of the link. */
struct crl_plan plan_iaca_crl(void);
#define DS_SERIAL     "5A10000000000000000000000000000000000003"
#define LINK_SERIAL   "5A10000000000000000000000000000000000002"
#define READER_SERIAL "5A10000000000000000000000000000000000004"

/* Believes in one of them; in a list of one who is believed. */
void believe_mdoc(struct fuda_mdoc_trust *trust, const struct cert_plan *plan, bool reader);
void believe_der(struct fuda_mdoc_trust *trust, struct cursor der, bool reader);
void believe_list(struct fuda_mdoc_trust *trust, const struct crl_plan *plan);

/* Extensions in the notation of der_write(); static. */
const char *mdoc_ski(enum test_key key);
const char *mdoc_aki(enum test_key key);

#define ECDSA_SHA256 "30{<1.2.840.10045.4.3.2>}"
#define ECDSA_SHA384 "30{<1.2.840.10045.4.3.3>}"
#define ECDSA_SHA512 "30{<1.2.840.10045.4.3.4>}"
#define ED25519      "30{<1.3.101.112>}"

#define PURPOSE(oids)        "30{<2.5.29.37>0101FF04{30{" oids "}}}"
#define KEY_USAGE(bits)      "30{<2.5.29.15>0101FF04{" bits "}}"
#define CONSTRAINTS(fields)  "30{<2.5.29.19>0101FF04{30{" fields "}}}"
#define CRL_POINTS_AT(point) "30{<2.5.29.31>04{30{" point "}}}"
#define CRL_URI              "30{A0{A0{86{'http://crl.example.jp/iaca.crl'}}}}"
#define ISSUER_ALT(names)    "30{<2.5.29.18>04{30{" names "}}}"

#define IACA_NAME                                                              \
	"30{31{30{<2.5.4.6>13{'JP'}}}31{30{<2.5.4.10>0C{E38386E382B9E38388}}}" \
	"31{30{<2.5.4.3>0C{'Test IACA'}}}}"
#define DS_NAME        "30{31{30{<2.5.4.6>13{'JP'}}}31{30{<2.5.4.3>0C{'Test DS'}}}}"
#define READER_CA_NAME "30{31{30{<2.5.4.3>0C{'Test reader CA'}}}}"
#define READER_NAME    "30{31{30{<2.5.4.6>13{'JP'}}}31{30{<2.5.4.3>0C{'Test reader'}}}}"

#endif
