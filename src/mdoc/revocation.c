/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/revocation.h"

#include "mdoc/finding.h"

struct job {
	const struct fuda_mdoc_trust *trust;
	const struct chain_policy *policy;
	struct fuda_mdoc_findings *findings;
};

static void add(struct job *job, enum fuda_mdoc_rule rule, const char *of, const char *detail)
{
	finding_add(job->findings, rule, of, detail, strlen(detail));
}

/* FUDA_MDOC_NONE: it counts now. */
static enum fuda_mdoc_rule freshness(const struct issuer_list *list,
				     const struct chain_policy *policy)
{
	if (list->this_update > policy->at + (time_t)policy->skew)
		return FUDA_MDOC_CRL_NOT_YET_VALID;
	return policy->at > list->next_update + (time_t)policy->crl_age ? FUDA_MDOC_CRL_EXPIRED :
									  FUDA_MDOC_NONE;
}

/* Why it clears nobody; FUDA_MDOC_NONE: it does. One that breaks its profile does not, however soft
 * the policy is: it may not be the whole list. */
static enum fuda_mdoc_rule why_not(const struct trusted_list *trusted,
				   const struct fuda_cert *issuer,
				   const struct chain_policy *policy)
{
	const struct issuer_list *list = trusted->list;

	if (list->findings.count)
		return list->findings.found[0].rule;
	if (!cur_equal(list->issuer, issuer->subject))
		return FUDA_MDOC_CRL_ISSUER;
	return freshness(list, policy);
}

/* List number `*i` or the next one that `issuer` has signed. */
static const struct trusted_list *next_of(const struct job *job, const struct fuda_cert *issuer,
					  size_t *i)
{
	const struct trusted_list *trusted;

	while ((trusted = trust_list_at(job->trust, (*i)++)))
		if (issuer->key && key_equal(trusted->by->cert->key, issuer->key))
			return trusted;
	return NULL;
}

static bool is_revoked(struct job *job, const struct path_step *step,
		       const struct fuda_cert *issuer)
{
	const struct trusted_list *trusted;
	size_t i = 0;

	while ((trusted = next_of(job, issuer, &i)))
		if (crl_list_find(&trusted->list->entries, step->cert->serial)) {
			add(job, FUDA_MDOC_CERTIFICATE_REVOKED, cert_role_name(step->role),
			    step->cert->facts.serial);
			return true;
		}
	return false;
}

/* Which refuses only if that is wanted. */
static void tell_unknown(struct job *job, const struct path_step *step,
			 const struct fuda_cert *issuer, enum fuda_mdoc_rule why,
			 const struct trusted_list *last)
{
	if (job->policy->crl != FUDA_MDOC_CRL_HARD)
		add(job, FUDA_MDOC_REVOCATION_NOT_KNOWN, cert_role_name(step->role),
		    fuda_mdoc_rule_name(why));
	else if (last && last->list->findings.count)
		findings_join(job->findings, &last->list->findings);
	else
		add(job, why, "crl", issuer->facts.subject);
}

static enum fuda_revocation look_up(struct job *job, const struct path_step *step,
				    const struct fuda_cert *issuer)
{
	enum fuda_mdoc_rule why = FUDA_MDOC_CRL_MISSING;
	const struct trusted_list *trusted, *last = NULL;
	size_t i = 0;

	if (is_revoked(job, step, issuer))
		return FUDA_REVOCATION_REVOKED;
	while ((trusted = next_of(job, issuer, &i))) {
		why = why_not(trusted, issuer, job->policy);
		if (why == FUDA_MDOC_NONE)
			return FUDA_REVOCATION_GOOD;
		last = trusted;
	}
	tell_unknown(job, step, issuer, why, last);
	return FUDA_REVOCATION_UNKNOWN;
}

/* Nobody vouches for a root that is believed, but it may give itself up. */
static enum fuda_revocation look_up_root(struct job *job, const struct path_step *root)
{
	return is_revoked(job, root, root->cert) ? FUDA_REVOCATION_REVOKED : FUDA_REVOCATION_GOOD;
}

static enum fuda_revocation worse(enum fuda_revocation a, enum fuda_revocation b)
{
	if (a == FUDA_REVOCATION_REVOKED || b == FUDA_REVOCATION_REVOKED)
		return FUDA_REVOCATION_REVOKED;
	return a == FUDA_REVOCATION_GOOD ? b : a;
}

enum fuda_revocation revocation_judge(const struct fuda_mdoc_trust *trust,
				      const struct judged_chain *chain,
				      const struct chain_policy *policy,
				      struct fuda_mdoc_findings *findings)
{
	struct job job = { .trust = trust, .policy = policy, .findings = findings };
	enum fuda_revocation result = FUDA_REVOCATION_GOOD;

	if (policy->crl == FUDA_MDOC_CRL_OFF)
		return FUDA_REVOCATION_NOT_CHECKED;
	for (size_t i = 0; i + 1 < chain->steps; i++)
		result = worse(result, look_up(&job, &chain->path[i], chain->path[i + 1].cert));
	if (!chain->rooted)
		return worse(result, FUDA_REVOCATION_UNKNOWN);
	return worse(result, look_up_root(&job, &chain->path[chain->steps - 1]));
}

void revocation_judge_lists(const struct fuda_mdoc_trust *trust, const struct chain_policy *policy,
			    struct fuda_mdoc_findings *findings)
{
	struct job job = { .trust = trust, .policy = policy, .findings = findings };
	const struct trusted_list *trusted, *last = NULL;

	if (policy->crl != FUDA_MDOC_CRL_HARD)
		return;
	/* in whose name one is counts when it is known whose certificate is looked up */
	for (size_t i = 0; (trusted = trust_list_at(trust, i)); i++) {
		if (!trusted->list->findings.count &&
		    freshness(trusted->list, policy) == FUDA_MDOC_NONE)
			return;
		last = trusted;
	}
	if (!last)
		add(&job, FUDA_MDOC_CRL_MISSING, "crl", "");
	else if (last->list->findings.count)
		findings_join(findings, &last->list->findings);
	else
		add(&job, freshness(last->list, policy), "crl", last->by->cert->facts.subject);
}
