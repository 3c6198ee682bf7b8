/* SPDX-License-Identifier: Apache-2.0 */
/* The authority for terminals: certificates of 90 days for keys that terminals made, and their CRL.
 */
#ifndef SERVICE_CA_H
#define SERVICE_CA_H

#include <stdbool.h>
#include <time.h>
#include "service/id.h"
#include <fuda/buf.h>
#include <fuda/context.h>

struct ca;

enum {
	CA_TERMINAL_DAYS = 90,
	CA_SERIAL = 16,
	CA_CSR_MAX = 4096,
	CA_ENVIRONMENT = 32,
	CA_CRL_DAYS = 7
};
/* The extension that binds a certificate to an environment ("production", "test", ...): a
 * UTF8String. Under the arc for UUIDs (2.25), a random number of 63 bits: GnuTLS, which is what
 * terminals and service meet over, parses no certificate in which an arc has more than 64. */
#define CA_ENVIRONMENT_OID "2.25.884685717308007357"

/* Makes a P-256 key (`folder`/ca.key, mode 0600) and its self-signed certificate (`folder`/ca.pem)
 * of ten years, for `environment`. FUDA_EBUSY: there is one. */
int ca_create(struct fuda_context *ctx, const char *folder, const char *environment);
/* FUDA_EACCESS: others than its owner may read the key; FUDA_EVERIFY: it has expired; FUDA_EFILE,
 * FUDA_EFORMAT. */
int ca_open(struct fuda_context *ctx, const char *folder, struct ca **ret);
void ca_free(struct ca **ca);
/* Its certificate in DER. */
const uint8_t *ca_certificate(const struct ca *ca, size_t *ret_len);
const char *ca_environment(const struct ca *ca);

/* A PKCS#10 request (DER): P-256 key, self-signed with SHA-256, no longer than CA_CSR_MAX. Its name
 * and attributes are looked at for form only. FUDA_EFORMAT, FUDA_EVERIFY (its signature),
 * FUDA_ENOTSUP (another kind of key). */
struct csr {
	uint8_t hash[32]; /* SHA-256 of the request: what both sides show to people */
	uint8_t key[32];  /* SHA-256 of its SubjectPublicKeyInfo */
};
int csr_check(struct fuda_context *ctx, const uint8_t *der, size_t len, struct csr *ret);

/* A certificate for the key of a request: subject CN=`id` as text, subjectAltName URI
 * urn:mykey:terminal:<id>, the environment, clientAuth, digitalSignature, from an hour before `now`
 * for CA_TERMINAL_DAYS (or `seconds`, which are no more, if not 0: for tests and short lives), but
 * not past the authority's own end, under a random serial. Appended. As csr_check(), and
 * FUDA_EINVAL. Any thread. */
struct issued {
	uint8_t serial[CA_SERIAL];
	time_t not_before, not_after;
};
int ca_issue(struct fuda_context *ctx, struct ca *ca, const uint8_t *csr, size_t csr_len,
	     const uint8_t id[ID_BYTES], time_t now, int64_t seconds, struct issued *ret,
	     struct fuda_buf *ret_der);
/* A server certificate for one machine (built-in TLS): `names` are up to 16 DNS names (no
 * wildcards) and IP addresses with commas between and no blanks, of `days` (up to 3650), with a
 * fresh P-256 key, both appended as PEM. FUDA_EINVAL. */
int ca_issue_server(struct fuda_context *ctx, struct ca *ca, const char *names, int days,
		    struct fuda_buf *ret_certificate, struct fuda_buf *ret_key);

/* What a server's certificate is: the first one in a PEM text. FUDA_EFORMAT: there is none. */
enum { CA_NAMES_TEXT = 4096 };
struct ca_server {
	bool ours; /* this authority issued it, for a server */
	time_t not_before, not_after;
	char names[CA_NAMES_TEXT]; /* as ca_issue_server() takes them */
};
int ca_read_server(struct fuda_context *ctx, const struct ca *ca, const char *pem,
		   struct ca_server *ret);
/* A new certificate for the key of that one, with `names` (NULL: with the same), appended as PEM.
 * FUDA_EREFUSED: it is not ours; FUDA_EINVAL: as ca_issue_server(). */
int ca_renew_server(struct fuda_context *ctx, struct ca *ca, const char *pem, const char *names,
		    int days, struct fuda_buf *ret_certificate);

/* Its CRL: v2, number, in the order given, valid for CA_CRL_DAYS from `now`. */
struct revoked {
	uint8_t serial[CA_SERIAL];
	int64_t at; /* seconds since 1970 */
	int reason; /* RFC 5280 5.3.1; 0 leaves it out; 7 and 8 are FUDA_EINVAL */
};
int ca_crl(struct fuda_context *ctx, struct ca *ca, const struct revoked *revoked, size_t count,
	   int64_t number, time_t now, struct fuda_buf *ret_der);

/* The certs-only PKCS#7 (RFC 5652 degenerate SignedData) that EST answers with: `count`
 * certificates in DER. */
int ca_pkcs7(struct fuda_context *ctx, const struct fuda_buf *certificates, size_t count,
	     struct fuda_buf *ret_der);

/* Whose certificate this is: one of this CA, of this environment, for terminals, valid at `at`.
 * FUDA_EVERIFY: `*ret_why` is "untrusted" (what is no certificate, too), "expired",
 * "not_yet_valid", "other_environment" or "not_a_terminal"; static. "other_environment" is what the
 * certificate says, whoever signed it. Cheap for one that was seen before. Any thread. */
struct terminal_identity {
	uint8_t id[ID_BYTES];
	uint8_t serial[CA_SERIAL];
	uint8_t key[32];
	time_t not_before, not_after;
};
int ca_identify(struct fuda_context *ctx, const struct ca *ca, const uint8_t *der, size_t len,
		time_t at, struct terminal_identity *ret, const char **ret_why);

#endif
