/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate revocation lists (RFC 5280 5): verified once, then a sorted array that is searched.
 */
#ifndef PKI_CRL_H
#define PKI_CRL_H

#include <fuda/pki.h>
#include "base/cursor.h"

struct crl;

enum { CRL_SERIAL_MAX = 20 };
/* Lists of more bytes are refused. */
#define CRL_MAX ((size_t)256 << 20)

struct crl_facts {
	time_t this_update, next_update; /* next_update is there, or the list is refused */
	size_t count;                    /* of revoked certificates */
	uint8_t aki[32];                 /* key identifier of its issuer */
	size_t aki_len;
	char issuer[512];
	uint8_t sha256[32];
};

/* Takes the DER (or the only PEM block "X509 CRL") of a v2 list and verifies it under the key of
 * the CA of `trust` that issued it: by key identifier, name, and cRLSign in its key usage. A list
 * of differences (delta), one for CAs or some reasons only, one of other issuers' certificates and
 * critical extensions that are not understood are FUDA_ENOTSUP; FUDA_EFORMAT; FUDA_EVERIFY;
 * FUDA_ENOTFOUND: nobody who is believed issued it; FUDA_ENOMEM, FUDA_EFAILED. Takes a second or
 * two for a million entries, and 24 bytes each. The input is not kept. */
int crl_load(struct fuda_context *ctx, const struct fuda_trust *trust, const uint8_t *bytes,
	     size_t len, struct crl **ret);
void crl_free(struct crl **crl);

/* The DER of such a list: `bytes` themselves, or decoded into `room`, which is empty. FUDA_EFORMAT,
 * FUDA_ENOMEM. */
int crl_decode(struct fuda_context *ctx, const uint8_t *bytes, size_t len, struct fuda_buf *room,
	       struct cursor *ret_der);

const struct crl_facts *crl_facts(const struct crl *crl);

/* Whether the list is of the CA that issued `cert` (key identifier and name), and, if it is that of
 * one distribution point (JPKI: a municipality, card.md 5.2), whether `cert` names that point. */
bool crl_covers(const struct crl *crl, const struct fuda_cert *cert);
/* Whether the serial number of `cert` is on it, and why (RFC 5280 5.3.1; -1: not said). */
bool crl_lists(const struct crl *crl, const struct fuda_cert *cert, int *ret_reason);

#endif
