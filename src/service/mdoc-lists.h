/* SPDX-License-Identifier: Apache-2.0 */
/* The revocation lists of who issues mobile credentials (mdoc_crl), for people. */
#ifndef SERVICE_MDOC_LISTS_H
#define SERVICE_MDOC_LISTS_H

#include <time.h>

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
struct trusted_list;
/* What there is to tell of one that was read; the rest of `*s` stays. */
void mdoc_list_tell(const struct trusted_list *trusted, int64_t grace, time_t at,
		    struct mdoc_list_state *s);
/* Reads list `i` as its file is now, whatever comes of it. FUDA_ENOTFOUND past the last one;
 * FUDA_ENOMEM; what is wrong with mdoc_trust, which the context tells. */
int mdoc_list_state(struct fuda_context *ctx, const struct config *config, size_t i, time_t at,
		    struct mdoc_list_state *ret);

#endif
