/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody who judges chains of certificates. */
#ifndef TESTS_MDOC_STAND_H
#define TESTS_MDOC_STAND_H

#include <stdlib.h>
#include <string.h>

#include "mdoc/chain.h"
#include "tests/cmocka.h"
#include "tests/mdoc-certs.h"

static struct fuda_context *ctx;
static struct fuda_mdoc_trust *trust;
static struct fuda_mdoc_findings findings;
static struct chain_verdict verdict;
static struct chain_policy policy;

/* With the root and the CA of readers. */
static inline int stand_setup(void **state)
{
	struct cert_plan root = plan_mdoc(CERT_ROOT), ca = plan_mdoc(CERT_READER_CA);

	(void)state;
	if (fuda_context_new(&ctx) < 0 || fuda_mdoc_trust_new(ctx, &trust) < 0)
		return -1;
	believe_mdoc(trust, &root, false);
	believe_mdoc(trust, &ca, true);
	policy = (struct chain_policy){ .at = TEST_NOW };
	return 0;
}

static inline int stand_teardown(void **state)
{
	(void)state;
	chain_verdict_release(&verdict);
	fuda_mdoc_trust_free(&trust);
	fuda_context_free(&ctx);
	return 0;
}

/* Judges what these plans give, leaf first. */
static inline void judge_plans(enum chain_role role, const struct cert_plan *const *plans,
			       size_t count)
{
	struct fuda_buf ders[8];
	struct cursor chain[8];

	assert_true(count <= ARRAY_SIZE(chain));
	for (size_t i = 0; i < count; i++) {
		ders[i] = TEST_BUF;
		cert_make(plans[i], &ders[i]);
		chain[i] = cur_of(ders[i].data, ders[i].len);
	}
	chain_verdict_release(&verdict);
	memset(&findings, 0, sizeof(findings));
	assert_int_equal(chain_judge(trust, role, chain, count, &policy, &findings, &verdict), 0);
	for (size_t i = 0; i < count; i++)
		fuda_buf_free(&ders[i]);
}

static inline void judge_one(enum chain_role role, const struct cert_plan *plan)
{
	judge_plans(role, &plan, 1);
}

static inline void judge_ds(void)
{
	struct cert_plan ds = plan_mdoc(CERT_DS);

	judge_one(CHAIN_DS, &ds);
}

static inline void assert_good(void)
{
	if (findings.count)
		fail_msg("%s of %s (%s)", fuda_mdoc_rule_name(findings.found[0].rule),
			 findings.found[0].of, findings.found[0].detail);
}

/* That and nothing else was found. */
static inline void assert_found(enum fuda_mdoc_rule rule, const char *of)
{
	for (size_t i = 0; i < findings.count; i++)
		if (findings.found[i].rule != rule)
			fail_msg("%s of %s (%s) instead of %s",
				 fuda_mdoc_rule_name(findings.found[i].rule), findings.found[i].of,
				 findings.found[i].detail, fuda_mdoc_rule_name(rule));
	if (findings.count != 1)
		fail_msg("%zu times %s", findings.count, fuda_mdoc_rule_name(rule));
	assert_string_equal(findings.found[0].of, of);
}

static inline bool has_found(enum fuda_mdoc_rule rule, const char *of)
{
	for (size_t i = 0; i < findings.count; i++)
		if (findings.found[i].rule == rule && strcmp(findings.found[i].of, of) == 0)
			return true;
	return false;
}

#endif
