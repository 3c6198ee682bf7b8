/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a service in a folder of each test's own. */
#ifndef TESTS_KEYS_STAND_H
#define TESTS_KEYS_STAND_H

#include "service/keys.h"
#include "tests/scratch.h"

static struct fuda_context *ctx;
static struct keys *keys;

static inline int keys_setup(void **state)
{
	if (fuda_context_new(&ctx) < 0 || scratch_setup(state) < 0)
		return -1;
	return keys_create(ctx, scratch) < 0 || keys_open(ctx, scratch, &keys) < 0 ? -1 : 0;
}

static inline int keys_teardown(void **state)
{
	keys_free(&keys);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

#endif
