/* SPDX-License-Identifier: Apache-2.0 */
/* The test hierarchy of CV certificates under which a software card's records are signed: card.md
 * 2.8. Also how anything is signed and how public keys are written on a card. */
#ifndef VCARD_CV_H
#define VCARD_CV_H

#include <openssl/evp.h>
#include <stdint.h>
#include <fuda/buf.h>

#define CV_ID	       16
#define CV_PUBLIC_SIZE 265 /* of a public key's value: card.md 2.6 */
#define CV_SIGNATURE   256
#define CV_MAX	       568 /* bytes of a certificate with its header */

#define CV_AUTHORITY_FILE "cv-authority.pem"
#define CV_KEYS_FILE	  "cv-keys.pem"

/* Whose keys there are; the first three are authorities, in which the user of a card has to
 * believe. */
enum cv_role { CV_ROOT, CV_FACE, CV_TEXT, CV_INTERMEDIATE, CV_MUNICIPALITY, CV_ROLES };
#define CV_AUTHORITIES (CV_TEXT + 1)

struct cv_key {
	uint8_t id[CV_ID];
	EVP_PKEY *key;
};

struct cv_hierarchy {
	struct cv_key key[CV_ROLES];
};

/* Key id of seven digits, `08 05`, three digits, and padding: card.md 2.8. */
void cv_key_id(const char *seven, const char *three, uint8_t last, uint8_t ret_id[CV_ID]);

/* The hierarchy for cards of `municipality` (five digits): that of the software card in directory
 * `authority`, but for the key of another municipality; or a new one if that is NULL. FUDA_EFILE,
 * FUDA_EFORMAT, FUDA_EFAILED; `ret_why` says what. */
int cv_hierarchy_new(const char *municipality, const char *authority, struct cv_hierarchy *ret,
		     char *ret_why, size_t why_size);
void cv_hierarchy_free(struct cv_hierarchy *h);

/* The text of CV_AUTHORITY_FILE: the public keys of the authorities; and of CV_KEYS_FILE: all
 * private keys. */
int cv_print_public(const struct cv_hierarchy *h, struct fuda_buf *ret_pem);
int cv_print_private(const struct cv_hierarchy *h, struct fuda_buf *ret_pem);

/* Appends what `7F21` holds: the certificate of `subject` by `issuer`. */
int cv_certificate(const struct cv_key *issuer, const struct cv_key *subject,
		   struct fuda_buf *ret_content);

/* Appends the 265 bytes that stand for a public key on the card. */
int cv_public(EVP_PKEY *key, struct fuda_buf *ret_value);

/* PKCS#1 v1.5: with SHA-256 over bytes, or over a ready DigestInfo. */
int cv_sign(EVP_PKEY *key, const struct fuda_buf *bytes, uint8_t ret_signature[CV_SIGNATURE]);
int cv_sign_info(EVP_PKEY *key, const struct fuda_buf *info, uint8_t ret_signature[CV_SIGNATURE]);

/* Appends a BER-TLV object with a tag of one or two bytes and the shortest length: card.md 2.6. */
int cv_object(struct fuda_buf *b, uint16_t tag, const void *bytes, size_t len);

#endif
