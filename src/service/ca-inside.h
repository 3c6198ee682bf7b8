/* SPDX-License-Identifier: Apache-2.0 */
/* The authority for terminals from inside. */
#ifndef SERVICE_CA_INSIDE_H
#define SERVICE_CA_INSIDE_H

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/context.h"
#include "base/cursor.h"
#include "service/ca.h"

/* Longer certificates are refused before anything looks at them. */
enum { CA_CERT_MAX = 4096, CA_CLOCK = 3600 /* seconds that clocks may differ */ };

#define CA_TERMINAL_URN "urn:mykey:terminal:"

struct ca_seen;

struct ca {
	EVP_PKEY *key;
	X509 *cert;
	struct fuda_buf der;  /* of `cert` */
	struct fuda_buf name; /* its subject, in DER */
	char environment[CA_ENVIRONMENT];
	struct ca_seen *seen; /* certificates that were found to be ours (ca-identify.c) */
};

int ca_seen_new(struct ca_seen **ret);
void ca_seen_free(struct ca_seen **seen);

/* "production", "test": [a-z0-9-], not empty, with room for a NUL. */
bool ca_is_environment(const char *text, size_t len);

/* A request, taken apart; the cursors point into it. FUDA_EFORMAT, FUDA_ENOTSUP, FUDA_EVERIFY. */
struct ca_request {
	struct cursor info; /* what is signed */
	struct cursor spki;
	struct cursor point;
	struct cursor signature;
};
int ca_request_read(struct fuda_context *ctx, struct cursor c, struct ca_request *ret);
/* The key of a point on P-256, uncompressed. FUDA_EFORMAT if it lies elsewhere. */
int ca_key_of(struct cursor point, EVP_PKEY **ret);

/* ---- making certificates (ca-make.c) ---- */

/* A serial number of exactly CA_SERIAL bytes. */
int ca_serial(uint8_t ret[CA_SERIAL]);
int ca_set_serial(ASN1_INTEGER *ret, const uint8_t serial[CA_SERIAL]);
/* Makes it a certificate of version 3 with these. */
int ca_begin(X509 *x, const uint8_t serial[CA_SERIAL], const char *common_name, EVP_PKEY *key,
	     time_t not_before, time_t not_after);
/* Adds extension `nid`, in the notation of x509v3_config(5): fixed or checked text, as it is a
 * language. */
int ca_extend(X509 *x, X509 *issuer, int nid, const char *value);
/* Adds the environment. */
int ca_extend_environment(X509 *x, const char *environment);
/* The environment of a certificate of our own. FUDA_EFORMAT: none, or two. */
int ca_environment_of(const X509 *x, char ret[CA_ENVIRONMENT]);

/* Appends the private key as PEM (PKCS#8). */
int ca_key_pem(EVP_PKEY *key, struct fuda_buf *ret);
/* Appends what an i2d function of OpenSSL gave, and frees it. */
int ca_append(struct fuda_buf *ret, unsigned char *der, int len);

/* What the attribute for cleaning up calls. */
#define CA_FREE(type, name, function)          \
	static inline void name(type **object) \
	{                                      \
		function(*object);             \
	}
CA_FREE(X509, ca_free_x509, X509_free)
CA_FREE(EVP_PKEY, ca_free_pkey, EVP_PKEY_free)
CA_FREE(EVP_MD_CTX, ca_free_md, EVP_MD_CTX_free)
CA_FREE(X509_CRL, ca_free_crl, X509_CRL_free)
CA_FREE(X509_REVOKED, ca_free_revoked, X509_REVOKED_free)
CA_FREE(ASN1_TIME, ca_free_time, ASN1_TIME_free)
CA_FREE(ASN1_INTEGER, ca_free_integer, ASN1_INTEGER_free)
CA_FREE(ASN1_OBJECT, ca_free_object, ASN1_OBJECT_free)
CA_FREE(ASN1_OCTET_STRING, ca_free_octets, ASN1_OCTET_STRING_free)
CA_FREE(X509_EXTENSION, ca_free_extension, X509_EXTENSION_free)
CA_FREE(PKCS7, ca_free_pkcs7, PKCS7_free)
CA_FREE(PKCS8_PRIV_KEY_INFO, ca_free_pkcs8, PKCS8_PRIV_KEY_INFO_free)

/* What OpenSSL writes down of failures would be found there by others of this thread. */
static inline void ca_forget_errors(const int *mark)
{
	(void)mark;
	ERR_pop_to_mark();
}
#define CA_FORGET_ERRORS _cleanup_(ca_forget_errors) _unused_ const int mark = ERR_set_mark()

#endif
