/* SPDX-License-Identifier: Apache-2.0 */
/* Chains that were judged, as far as neither the time nor a list has a say. Those that are good are
 * remembered: the same signers come again and again, and a signature costs more than all else. What
 * is wrong is judged each time, so that nobody who makes up certificates displaces good ones, and
 * no passing lack of memory stays for a verdict. */
#ifndef MDOC_JUDGED_H
#define MDOC_JUDGED_H

#include "mdoc/cert-profile.h"
#include "mdoc/chain.h"
#include "mdoc/cose.h"

enum {
	JUDGED_MAX = 64,
	/* from a leaf to a root: what came along, and two generations of links */
	PATH_MAX_STEPS = COSE_CHAIN_MAX + 4,
};

struct path_step {
	const struct fuda_cert *cert; /* of `came`, or an anchor's */
	enum cert_role role;
};

struct judged_chain {
	unsigned references; /* of the cache and of verdicts */
	enum chain_role role;
	uint8_t sha256[32];                     /* of all that came */
	uint64_t used;                          /* when it was wanted last */
	struct fuda_cert *came[COSE_CHAIN_MAX]; /* leaf first; NULL: it could not be read */
	struct cert_profile profile;            /* of the leaf */
	struct path_step path[PATH_MAX_STEPS];  /* from the leaf on */
	size_t steps;
	bool rooted; /* the last step is one that is believed */
	struct fuda_mdoc_findings findings;
};

struct judged_chain *judged_new(void); /* NULL: no memory */
/* Drops one reference. */
void judged_release(struct judged_chain **judged);

/* The least recently used one goes when there is no room. One reference is the cache's. */
struct judged_cache {
	struct judged_chain *entries[JUDGED_MAX];
	size_t count;
	uint64_t clock;
};
/* Adds a reference; NULL: it is not there. */
struct judged_chain *judged_find(struct judged_cache *cache, enum chain_role role,
				 const uint8_t sha256[32]);
void judged_keep(struct judged_cache *cache, struct judged_chain *judged);
void judged_forget(struct judged_cache *cache);

#endif
