/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests, true to card.md 5 or spoilt on purpose. Keys are made when first asked
 * for; the functions abort where they cannot do what they are asked. */
#ifndef TESTS_CERTS_H
#define TESTS_CERTS_H

#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>
#include <fuda/pki.h>

/* The time of the tests: 2026-11-20 00:00:00Z. All plans are valid then. */
#define TEST_NOW ((time_t)1795132800)

#define TEST_BUF FUDA_BUF_INIT(65536)

/* Appends DER written so: hexadecimal bytes; {...} for a length and what it counts; 'text'; <1.2.3>
 * for a whole object identifier; $ for the bytes of the next argument, a const struct fuda_buf *.
 * Blanks do not count. */
void der_write(struct fuda_buf *out, const char *notation, ...);

enum test_key {
	KEY_AUTH_CA,
	KEY_SIGN_CA,
	KEY_OTHER_CA,
	KEY_HOLDER,
	KEY_SMALL, /* RSA-1024 */
	KEY_EC,    /* P-256 */
	KEY_P384,
	KEY_P521,
	KEY_BRAINPOOL, /* brainpoolP384r1 */
	KEY_ED25519,
	/* of mobile credentials: P-256 */
	KEY_IACA,
	KEY_IACA_NEXT,
	KEY_DS,
	KEY_READER_CA,
	KEY_READER,
	/* of the card's records */
	KEY_AUTHORITY,
	KEY_MUNICIPALITY,
	KEY_OTHER_MUNICIPALITY,
	KEY_CARD,
	KEY_OTHER_CARD,
	TEST_KEYS
};

/* The identifier of the key: hexadecimal, 20 bytes. Static. */
const char *test_key_id(enum test_key key);

/* Its SubjectPublicKeyInfo. Static. */
const struct fuda_buf *test_spki(enum test_key key);

/* Appends the private key as PEM (PKCS#8). */
void test_private(enum test_key key, struct fuda_buf *ret_pem);

/* An RSA key as the card's records have it: 90 exponent, 91 modulus. Replaces the content. */
void test_card_key(enum test_key key, struct fuda_buf *ret);

/* Signs as a holder would; keys other than RSA in their only way, whatever the padding. Not for
 * KEY_ED25519, which signs certificates alone. */
void test_sign(enum test_key key, enum fuda_padding padding, const struct fuda_digest *digest,
	       struct fuda_buf *ret_signature);
/* PKCS#1 v1.5 over `info` as it is. RSA only. */
void test_sign_info(enum test_key key, const uint8_t *info, size_t len,
		    struct fuda_buf *ret_signature);
/* The bare private key operation on `block`, as long as the modulus. RSA only. */
void test_raw(enum test_key key, const uint8_t *block, size_t len, struct fuda_buf *ret_signature);

/* What a certificate consists of, each part in the notation of der_write(); "" leaves a part out.
 */
enum cert_field {
	F_VERSION,
	F_SERIAL,
	F_ALGORITHM,
	F_ISSUER,
	F_VALIDITY,
	F_SUBJECT,
	F_KEY,
	F_SKI,
	F_AKI,
	F_KU,
	F_EKU,
	F_POLICY,
	F_BC,
	F_SAN,
	F_EXTRA,  /* behind the other extensions */
	F_BEHIND, /* behind the extensions, in the TBS */
	F_OUTER_ALGORITHM,
	F_SIGNATURE,
	CERT_FIELDS
};

struct cert_plan {
	const char *field[CERT_FIELDS]; /* NULL: made from the keys */
	enum test_key key, signer;
	enum fuda_hash hash; /* that is really signed */
};

/* The CA of either kind: O=JPKI-TEST, names as in card.md 5.1. */
struct cert_plan plan_ca(enum fuda_cert_use issues, enum test_key key);
/* A holder's certificate from the CA of that kind: card.md 5.2, 5.3. */
struct cert_plan plan_auth(void);
struct cert_plan plan_sign(void);

/* Replaces the content of `ret_der`. */
void cert_make(const struct cert_plan *plan, struct fuda_buf *ret_der);
/* The same with one field changed. */
void cert_make_with(struct cert_plan plan, enum cert_field field, const char *notation,
		    struct fuda_buf *ret_der);

#define ALGORITHM_SHA256 "30{<1.2.840.113549.1.1.11>0500}"
#define ALGORITHM_SHA1   "30{<1.2.840.113549.1.1.5>0500}"

#endif
