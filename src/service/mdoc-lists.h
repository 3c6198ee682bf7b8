/* SPDX-License-Identifier: Apache-2.0 */
/* The revocation lists of who issues mobile credentials (mdoc_crl), for people: they are read anew
 * for each phone, and one that cannot be used is there as good as none. */
#ifndef SERVICE_MDOC_LISTS_H
#define SERVICE_MDOC_LISTS_H

#include <time.h>

#include "service/config.h"

enum { MDOC_LIST_WHY = 512 };

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
/* Reads list `i`, whatever comes of it. FUDA_ENOTFOUND past the last one; FUDA_ENOMEM; what is
 * wrong with mdoc_trust, which the context tells. */
int mdoc_list_state(struct fuda_context *ctx, const struct config *config, size_t i, time_t at,
		    struct mdoc_list_state *ret);

#endif
