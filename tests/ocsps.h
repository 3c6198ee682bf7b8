/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of OCSP responders for tests, true to RFC 6960 4.2 or spoilt on purpose; as tests/crls.h
 * does it. */
#ifndef TESTS_OCSPS_H
#define TESTS_OCSPS_H

#include "tests/certs.h"

/* What an answer consists of, each part in the notation of der_write(); "" leaves a part out. */
enum ocsp_field {
	A_STATUS,
	A_TYPE,      /* an OBJECT IDENTIFIER */
	A_VERSION,
	A_RESPONDER, /* NULL: its key */
	A_PRODUCED,
	A_ID,        /* CertID; NULL: of FREE_SERIAL and KEY_AUTH_CA */
	A_CERT_STATUS,
	A_THIS,
	A_NEXT,
	A_SINGLE,    /* singleExtensions, [1] and all */
	A_MORE,      /* behind the one SingleResponse */
	A_EXTENSIONS, /* without the [1] { SEQUENCE } around them */
	A_NONCE,     /* likewise; NULL: the question's, if there is one */
	A_ALGORITHM,
	A_SIGNATURE,
	A_BEHIND,    /* behind BasicOCSPResponse, in its OCTET STRING */
	A_END,       /* behind all */
	ANSWER_FIELDS
};

struct answer_plan {
	const char *field[ANSWER_FIELDS]; /* NULL: made from the rest */
	enum test_key signer;
	enum fuda_hash hash;                 /* that is really signed */
	const struct cert_plan *certificate; /* that comes with it; NULL: none */
	const struct fuda_buf *question;     /* DER; NULL: there is no nonce of one */
};

#define FREE_SERIAL "01A2B3C5"
#define STATUS_GOOD "8000"
#define STATUS_REVOKED "A1{18{'20261101000000Z'}}"
#define STATUS_UNKNOWN "8200"

/* "Good" for the certificate of plan_auth() with FREE_SERIAL, by its CA, an hour before TEST_NOW
 * for four hours. */
struct answer_plan plan_answer(void);
/* The certificate of a responder (KEY_OTHER_CARD) that the CA of plan_auth() issued. */
struct cert_plan plan_responder(void);
/* A CertID in the notation: SHA-1 of the name that plan_ca() has and of `key`. Static; the last
 * four stay valid. */
const char *answer_id(enum fuda_hash hash, enum fuda_cert_use ca, enum test_key key,
		      const char *serial);
/* Replaces the content of `ret_der`. */
void answer_make(const struct answer_plan *plan, struct fuda_buf *ret_der);

#endif
