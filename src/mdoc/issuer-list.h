/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists of issuing authorities, read and held against ISO 18013-5 Table B.10 (mdoc.md
 * 2.2). */
#ifndef MDOC_ISSUER_LIST_H
#define MDOC_ISSUER_LIST_H

#include <fuda/mdoc.h>
#include "pki/cert.h"
#include "pki/crl-list.h"

/* Longer ones are refused: an authority has a handful of signers. */
#define ISSUER_LIST_MAX ((size_t)16 << 20)

struct issuer_list {
	struct fuda_buf der; /* the cursors point into it */
	struct cursor tbs, algorithm, signature, issuer;
	uint8_t aki[32];
	size_t aki_len; /* 0: it has none */
	time_t this_update;
	bool has_next;
	time_t next_update;
	struct crl_list entries;
	struct fuda_mdoc_findings findings; /* what it breaks of the profile */
};

/* Reads one in DER, which is copied. FUDA_EFORMAT; FUDA_ENOTSUP: a signature or an entry of a kind
 * that is not known; FUDA_ENOMEM, FUDA_EFAILED. */
int issuer_list_read(struct fuda_context *ctx, struct cursor der, struct issuer_list **ret);
void issuer_list_free(struct issuer_list **list);

/* Whether it is for `ca` to have made it: by key identifier, or by name if it has none, and if the
 * certificate lets it. */
bool issuer_list_names(const struct issuer_list *list, const struct fuda_cert *ca);
/* Judges its signature under the key of `ca`: as issuer_signature_judge(). */
int issuer_list_signed_by(const struct issuer_list *list, const struct fuda_cert *ca);

#endif
