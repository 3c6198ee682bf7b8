/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody who trusts the CA of the lists in crls.h. */
#ifndef TESTS_CRL_STAND_H
#define TESTS_CRL_STAND_H

#include "tests/cmocka.h"
#include "tests/crls.h"

static struct fuda_context *ctx;
static struct fuda_trust *trust;

static inline int crl_setup(void **state)
{
	struct cert_plan ca = plan_ca(FUDA_USE_AUTH, KEY_AUTH_CA);

	(void)state;
	if (fuda_context_new(&ctx) < 0 || fuda_trust_new(ctx, &trust) < 0)
		return -1;
	believe(trust, &ca);
	return 0;
}

static inline int crl_teardown(void **state)
{
	(void)state;
	fuda_trust_free(&trust);
	fuda_context_free(&ctx);
	return 0;
}

#endif
