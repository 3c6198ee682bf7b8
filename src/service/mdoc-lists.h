/* SPDX-License-Identifier: Apache-2.0 */
/* Who issues mobile credentials (mdoc_trust) and their revocation lists (mdoc_crl): what there is
 * to tell of them, and whether any phone could be taken. */
#ifndef SERVICE_MDOC_LISTS_H
#define SERVICE_MDOC_LISTS_H

#include <time.h>
#include <fuda/mdoc.h>

#include "service/config.h"

/* Seconds by which an issuer's clock may be ahead. */
enum { MDOC_CLOCK = 60, MDOC_LIST_WHY = 512 };

struct mdoc_list_state {
	const char *file;        /* the configuration's */
	bool loaded;             /* it is a list of one of mdoc_trust */
	bool flawed;             /* ... but clears nobody: it breaks its profile, or begins later */
	bool stale, half;        /* past its end; past half of its life */
	char why[MDOC_LIST_WHY]; /* it is not loaded or flawed; "" */
	char issuer[512];        /* if it is loaded, and so are these */
	time_t this_update, next_update;
	size_t count; /* of revoked certificates */
};
/* A certificate of mdoc_trust. */
struct mdoc_ca_state {
	bool root;       /* else it is a link, which counts for nothing by itself */
	const char *why; /* nothing counts that was issued under it; "": it does. Static. */
	char subject[512];
	time_t not_before, not_after;
};

struct trusted_list;
/* What there is to tell of one that was read; the rest of `*s` stays. */
void mdoc_list_tell(const struct trusted_list *trusted, int64_t grace, time_t at,
		    struct mdoc_list_state *s);
/* Reads list `i` as its file is now, whatever comes of it. FUDA_ENOTFOUND past the last one;
 * FUDA_ENOMEM; what is wrong with mdoc_trust, which the context tells. */
int mdoc_list_state(struct fuda_context *ctx, const struct config *config, size_t i, time_t at,
		    struct mdoc_list_state *ret);

/* Certificate `i` of them; FUDA_ENOTFOUND past the last one. */
int mdoc_ca_tell(const struct fuda_mdoc_trust *trust, size_t i, time_t at,
		 struct mdoc_ca_state *ret);
/* The code by which every phone is refused at `at`, whatever it shows: "mdoc_not_served" if no root
 * is in force and keeps to its profile, "mdoc_revocation_stale" if no list of one that does is in
 * force, though there must be (crl_required). NULL: some phone may be taken. */
const char *mdoc_refusal(const struct fuda_mdoc_trust *trust, const struct config *config,
			 time_t at);
/* Reads the certificates and the lists as their files are now, for the two above; lists that cannot
 * be used are left out. FUDA_ENOMEM; what is wrong with mdoc_trust, which the context tells. */
int mdoc_files_read(struct fuda_context *ctx, const struct config *config,
		    struct fuda_mdoc_trust **ret);

#endif
