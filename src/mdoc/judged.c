/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/judged.h"

#include <stdlib.h>

struct judged_chain *judged_new(void)
{
	struct judged_chain *judged = calloc(1, sizeof(*judged));

	if (judged)
		judged->references = 1;
	return judged;
}

void judged_release(struct judged_chain **judged)
{
	struct judged_chain *gone = *judged;

	*judged = NULL;
	if (!gone || --gone->references)
		return;
	for (size_t i = 0; i < COSE_CHAIN_MAX; i++)
		fuda_cert_free(&gone->came[i]);
	free(gone);
}

struct judged_chain *judged_find(struct judged_cache *cache, enum chain_role role,
				 const uint8_t sha256[32])
{
	for (size_t i = 0; i < cache->count; i++) {
		struct judged_chain *judged = cache->entries[i];

		if (judged->role != role || memcmp(judged->sha256, sha256, 32) != 0)
			continue;
		judged->used = ++cache->clock;
		judged->references++;
		return judged;
	}
	return NULL;
}

/* Where the next one goes: behind the others, or in the place of the oldest. */
static struct judged_chain **place(struct judged_cache *cache)
{
	struct judged_chain **oldest = &cache->entries[0];

	if (cache->count < JUDGED_MAX)
		return &cache->entries[cache->count++];
	for (size_t i = 1; i < cache->count; i++)
		if (cache->entries[i]->used < (*oldest)->used)
			oldest = &cache->entries[i];
	judged_release(oldest);
	return oldest;
}

void judged_keep(struct judged_cache *cache, struct judged_chain *judged)
{
	judged->used = ++cache->clock;
	judged->references++;
	*place(cache) = judged;
}

void judged_forget(struct judged_cache *cache)
{
	while (cache->count)
		judged_release(&cache->entries[--cache->count]);
}
