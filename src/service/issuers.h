/* SPDX-License-Identifier: Apache-2.0 */
/* Who issues mobile credentials, and their revocation lists: as their files are, read again when
 * those change. What can no longer be read stays as it was. */
#ifndef SERVICE_ISSUERS_H
#define SERVICE_ISSUERS_H

#include <fuda/mdoc.h>
#include "service/mdoc-lists.h"

struct issuers;

/* Reads the certificates of `mdoc_trust`, and no list yet; fails as fuda_mdoc_trust_add_file().
 * `config` must outlive it. */
int issuers_new(struct fuda_context *ctx, const struct config *config, struct issuers **ret);
void issuers_free(struct issuers **issuers);

/* Reads the files that have changed since, each list taking the place of the one before, unless it
 * is older or begins later. What fails leaves what is in force; the context tells which file and
 * why, all of them, each time until it is mended. Any thread; others wait for a list that is new.
 */
int issuers_refresh(struct fuda_context *ctx, struct issuers *issuers);

/* What is known of list `i` that is in force, whatever its file is now; FUDA_ENOTFOUND past the
 * last one. Any thread. */
int issuers_list(struct issuers *issuers, size_t i, time_t at, struct mdoc_list_state *ret);

/* mdoc_ca_tell() of those that are believed now. Any thread. */
int issuers_certificate(struct issuers *issuers, size_t i, time_t at, struct mdoc_ca_state *ret);

/* mdoc_refusal() likewise; of none, or NULL: NULL. Any thread. */
const char *issuers_refusal(struct issuers *issuers, time_t at);

/* fuda_mdoc_verify(), without profiles. Any thread. */
int issuers_verify(struct issuers *issuers, const struct fuda_mdoc_policy *policy,
		   const struct fuda_mdoc_session *session, const struct fuda_buf *response,
		   struct fuda_mdoc_result **ret);

#endif
