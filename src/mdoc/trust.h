/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of trust in issuing authorities and readers: who is believed, their lists, and what
 * was judged already. */
#ifndef MDOC_TRUST_H
#define MDOC_TRUST_H

#include "mdoc/cert-profile.h"
#include "mdoc/issuer-list.h"
#include "mdoc/judged.h"

/* A certificate that was added. A root or a CA of readers is believed; a link certificate counts as
 * far as its issuer is. */
struct anchor {
	enum cert_role role; /* CERT_ROOT, CERT_LINK or CERT_READER_CA */
	struct fuda_cert *cert;
	struct cert_profile profile;
	struct fuda_mdoc_findings findings; /* what it breaks, its own signature included */
};

/* Whether the certificate names the issuer by the latter's key identifier. */
bool key_id_fits(const struct fuda_cert *cert, const struct fuda_cert *issuer);
/* Whether it says that it is signed by its own key. */
bool is_self_signed(const struct fuda_cert *cert);

struct fuda_context *trust_context(const struct fuda_mdoc_trust *trust);
/* Number `i`, from 0 on; NULL past the last. They stay where they are. */
const struct anchor *trust_anchor_at(const struct fuda_mdoc_trust *trust, size_t i);

/* A list whose signature is right under the key of `by`. */
struct trusted_list {
	struct issuer_list *list;
	const struct anchor *by;
};
/* Likewise. */
const struct trusted_list *trust_list_at(const struct fuda_mdoc_trust *trust, size_t i);
/* As fuda_mdoc_trust_add_crl() and fuda_mdoc_trust_add_crl_file(). `*ret`: the list, which may have
 * been there already: it is not there twice. */
int trust_add_list(struct fuda_mdoc_trust *trust, const uint8_t *bytes, size_t len,
		   const struct issuer_list **ret);
int trust_add_list_file(struct fuda_mdoc_trust *trust, const char *path,
			const struct issuer_list **ret);
/* Forgets one, if it is there: another has come in its place. */
void trust_drop_list(struct fuda_mdoc_trust *trust, const struct issuer_list *list);

/* What was judged since a certificate was added last. */
struct judged_cache *trust_judged(struct fuda_mdoc_trust *trust);

#endif
