/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate of a terminal, and the form in which EST brings it. */
#ifndef MYKEY_CERTIFICATE_H
#define MYKEY_CERTIFICATE_H

#include <stdbool.h>
#include <time.h>
#include <fuda/mykey.h>
#include "base/cursor.h"

enum { TERMINAL_ENVIRONMENT = 32 };

struct terminal_certificate {
	char id[FUDA_TERMINAL_ID];              /* of the SAN URI urn:mykey:terminal:<id> */
	char environment[TERMINAL_ENVIRONMENT]; /* "" if it does not say */
	time_t not_before, not_after;
	struct cursor key; /* the SubjectPublicKeyInfo, as it stands in the certificate */
};

/* Reads a certificate in DER, of which the result points into. FUDA_EFORMAT: it is none, or none of
 * a terminal. Who issued it is not looked at. */
int terminal_certificate_read(struct cursor der, struct terminal_certificate *ret);

/* The bytes of a UUID as text, in small letters. FUDA_EFORMAT. */
int terminal_id_read(const char *text, uint8_t ret[16]);

/* The certificates, one behind the other, of a certs-only SignedData (RFC 5652 5.1, RFC 7030 4.1.3)
 * in DER. FUDA_EFORMAT. */
int pkcs7_certificates(struct cursor der, struct cursor *ret);

#endif
