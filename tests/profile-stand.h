/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody who knows the profiles of the library, and makes others. */
#ifndef TESTS_PROFILE_STAND_H
#define TESTS_PROFILE_STAND_H

#include <string.h>

#include "mdoc/profile.h"
#include "tests/scratch.h"

#define JAPAN  "org.iso.23220.1.jp"
#define GLOBAL "org.iso.23220.1"
#define MNC    JAPAN ".mnc"
#define HEAD   "fuda-mdoc-profile 1\nprofile p\ndoctype d\nnamespace s\n"

static struct fuda_context *ctx;
static struct fuda_mdoc_profiles *shipped;

static inline struct cursor text(const char *t)
{
	return cur_of((const uint8_t *)t, strlen(t));
}

static inline int profile_setup(void **state)
{
	if (scratch_setup(state) < 0 || fuda_context_new(&ctx) < 0)
		return -1;
	return fuda_mdoc_profiles_new(ctx, NULL, &shipped);
}

static inline int profile_teardown(void **state)
{
	fuda_mdoc_profiles_free(&shipped);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

/* A set with this one profile; NULL: it is refused. */
static inline struct fuda_mdoc_profiles *parse(const char *profile)
{
	struct fuda_mdoc_profiles *all = NULL;
	const char *const name = "one.profile";
	int e;

	scratch_write(name, profile, 0600);
	e = fuda_mdoc_profiles_new(ctx, scratch, &all);
	assert_int_equal(e, all ? 0 : FUDA_EFORMAT);
	assert_int_equal(unlink(scratch_path(name)), 0);
	return all;
}

#endif
