/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/chain.h"

#include <fuda/hash.h>
#include <stdio.h>

#include "base/context.h"
#include "mdoc/finding.h"
#include "mdoc/issuer-signature.h"
#include "mdoc/judged.h"
#include "mdoc/revocation.h"
#include "mdoc/trust.h"

static const struct place {
	enum cert_role leaf;
	enum cert_role above; /* what may come along and stand between the leaf and a root */
	enum cert_role root;
	const char *purpose; /* mdoc.md 2.1 */
} places[] = {
	[CHAIN_DS] = { CERT_DS, CERT_LINK, CERT_ROOT, "1.0.18013.5.1.2" },
	[CHAIN_READER] = { CERT_READER, CERT_READER_CA, CERT_READER_CA, "1.0.18013.5.1.6" },
};

struct job {
	struct fuda_mdoc_trust *trust;
	const struct place *place;
	struct judged_chain *judged;
	bool used[COSE_CHAIN_MAX]; /* which of those that came are on the path */
};

static void add_about(struct fuda_mdoc_findings *findings, enum fuda_mdoc_rule rule,
		      const struct path_step *step, const char *detail)
{
	finding_add(findings, rule, cert_role_name(step->role), detail, strlen(detail));
}

/* ---- the path to a root ---- */

/* Who may have issued a certificate. */
struct candidate {
	struct path_step step;
	const struct anchor *anchor; /* or NULL: number `came` of those that came along */
	size_t came;
	bool named;    /* its name is that of the issuer, byte for byte */
	int signature; /* as issuer_signature_judge() */
};

/* By key identifier and name; by name alone if it has no such identifier, which the profile tells.
 */
static bool may_issue(const struct fuda_cert *cert, struct candidate *candidate)
{
	const struct fuda_cert *issuer = candidate->step.cert;

	candidate->named = cur_equal(cert->issuer, issuer->subject);
	return cert->facts.aki_len ? key_id_fits(cert, issuer) : candidate->named;
}

/* The right signature counts for more than the right name, and what was added for more than what
 * came along: they are looked at in that order, until one has both. */
enum { WORTH_MAX = 3 };
static unsigned worth(const struct candidate *candidate)
{
	return (candidate->signature == 0 ? 2u : 0u) + (candidate->named ? 1u : 0u);
}

static int try(const struct fuda_cert *cert, struct candidate *candidate, bool *found,
	       struct candidate *best)
{
	if ((*found && worth(best) == WORTH_MAX) || !may_issue(cert, candidate))
		return 0;
	candidate->signature = issuer_signature_judge(candidate->step.cert->key, cert->algorithm,
						      cert->tbs, cert->signature);
	if (candidate->signature < 0 && candidate->signature != FUDA_EVERIFY &&
	    candidate->signature != FUDA_ENOTSUP)
		return candidate->signature;
	if (!*found || worth(candidate) > worth(best))
		*best = *candidate;
	*found = true;
	return 0;
}

static bool is_on_path(const struct job *job, const struct fuda_cert *cert)
{
	for (size_t i = 0; i < job->judged->steps; i++)
		if (job->judged->path[i].cert == cert)
			return true;
	return false;
}

/* Those that were added for `role`. Links in both directions must not lead round in circles. */
static int try_anchors(const struct job *job, const struct fuda_cert *cert, enum cert_role role,
		       bool *found, struct candidate *best)
{
	const struct anchor *anchor;
	int r = 0;

	for (size_t i = 0; r == 0 && (anchor = trust_anchor_at(job->trust, i)); i++)
		if (anchor->role == role && !is_on_path(job, anchor->cert))
			r = try(cert,
				&(struct candidate){ .step = { anchor->cert, role },
						     .anchor = anchor },
				found, best);
	return r;
}

static int try_those_that_came(const struct job *job, const struct fuda_cert *cert, bool *found,
			       struct candidate *best)
{
	int r = 0;

	for (size_t i = 1; r == 0 && i < COSE_CHAIN_MAX; i++) {
		const struct fuda_cert *other = job->judged->came[i];

		/* what signs itself is no link to anybody */
		if (other && !job->used[i] && !is_self_signed(other))
			r = try(cert,
				&(struct candidate){ .step = { other, job->place->above },
						     .came = i },
				found, best);
	}
	return r;
}

/* FUDA_ENOTFOUND: nobody. */
static int find_issuer(const struct job *job, const struct fuda_cert *cert, struct candidate *ret)
{
	struct candidate best;
	bool found = false;
	int r = try_anchors(job, cert, job->place->root, &found, &best);

	if (r == 0 && job->place->above != job->place->root)
		r = try_anchors(job, cert, job->place->above, &found, &best);
	if (r == 0)
		r = try_those_that_came(job, cert, &found, &best);
	if (r == 0 && !found)
		return FUDA_ENOTFOUND;
	if (r == 0)
		*ret = best;
	return r;
}

/* What the profile says of it. That of what was added is known. */
static int judge_profile(struct job *job, const struct candidate *issuer,
			 struct cert_profile *ret_profile)
{
	_cleanup_(fuda_cert_free) struct fuda_cert *again = NULL;
	const struct fuda_cert *cert = issuer->step.cert;

	if (!issuer->anchor)
		return cert_profile_judge(trust_context(job->trust), issuer->step.role,
					  cur_of(cert->der, cert->len), &job->judged->findings,
					  ret_profile, &again);
	findings_join(&job->judged->findings, &issuer->anchor->findings);
	*ret_profile = issuer->anchor->profile;
	return 0;
}

/* CAs below it on the path, of which those that issued themselves do not count: RFC 5280 4.2.1.9.
 * For an issuing authority it is zero by its profile, and nothing but links stand below it. */
static bool path_length_fits(const struct judged_chain *judged, const struct cert_profile *profile)
{
	unsigned below = 0;

	for (size_t i = 1; i < judged->steps; i++)
		below += !cur_equal(judged->path[i].cert->issuer, judged->path[i].cert->subject);
	return profile->path_length == CERT_PATH_ANY || below <= profile->path_length;
}

/* Puts the issuer of the last step on the path, with what there is to say about the two. */
static int climb(struct job *job, const struct candidate *issuer)
{
	struct judged_chain *judged = job->judged;
	const struct path_step *below = &judged->path[judged->steps - 1];
	const struct fuda_cert *above = issuer->step.cert;
	struct cert_profile profile;
	int r;

	if (!issuer->named)
		add_about(&judged->findings, FUDA_MDOC_ISSUER_NAME, below,
			  below->cert->facts.issuer);
	if (issuer->signature == FUDA_EVERIFY)
		add_about(&judged->findings, FUDA_MDOC_ISSUER_SIGNATURE, below, "");
	r = judge_profile(job, issuer, &profile);
	if (r < 0)
		return r;
	/* what is not supported breaks a profile, the one's by its algorithm or the other's by its
	 * key; it must not pass in any case */
	if (issuer->signature < 0 && judged->findings.count == 0)
		add_about(&judged->findings, FUDA_MDOC_ISSUER_SIGNATURE, below, "");
	if (issuer->step.role == CERT_READER_CA && !path_length_fits(judged, &profile))
		add_about(&judged->findings, FUDA_MDOC_CERTIFICATE_PATH_LENGTH, &issuer->step, "");
	if (below->role == CERT_LINK && below->cert->facts.not_after > above->facts.not_after)
		add_about(&judged->findings, FUDA_MDOC_LINK_OUTLIVES_ROOT, below, "");
	if (!issuer->anchor)
		job->used[issuer->came] = true;
	judged->path[judged->steps++] = issuer->step;
	judged->rooted = issuer->anchor && issuer->step.role == job->place->root;
	return 0;
}

/* That it is nobody, or somebody of that name whose key is another. */
static void add_unknown(struct job *job, const struct path_step *last)
{
	enum fuda_mdoc_rule rule = FUDA_MDOC_ISSUER_UNKNOWN;
	const struct anchor *anchor;

	for (size_t i = 0; (anchor = trust_anchor_at(job->trust, i)); i++)
		if (anchor->role == job->place->root &&
		    cur_equal(anchor->cert->subject, last->cert->issuer))
			rule = FUDA_MDOC_ISSUER_KEY_UNKNOWN;
	add_about(&job->judged->findings, rule, last, last->cert->facts.issuer);
}

static int find_path(struct job *job)
{
	struct judged_chain *judged = job->judged;

	judged->path[0] = (struct path_step){ judged->came[0], job->place->leaf };
	judged->steps = 1;
	job->used[0] = true;
	while (!judged->rooted) {
		const struct path_step *last = &judged->path[judged->steps - 1];
		struct candidate issuer;
		int r = judged->steps < PATH_MAX_STEPS ? find_issuer(job, last->cert, &issuer) :
							 FUDA_ENOTFOUND;

		if (r == FUDA_ENOTFOUND) {
			add_unknown(job, last);
			return 0;
		}
		if (r == 0)
			r = climb(job, &issuer);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- what does not depend on the time ---- */

/* Whether both, or neither, name the same; the string types may differ. */
static bool attribute_agrees(const struct fuda_cert *a, const struct fuda_cert *b, const char *type,
			     bool both)
{
	struct tlv one, other;
	bool has_one = name_find(a->subject, type, &one) > 0;
	bool has_other = name_find(b->subject, type, &other) > 0;

	if (has_one && has_other)
		return cur_equal(one.value, other.value);
	return both || has_one == has_other;
}

/* C5. That there is a country is the profile's matter. */
static void compare_places(struct judged_chain *judged)
{
	const struct fuda_cert *ds = judged->path[0].cert, *iaca;

	if (judged->role != CHAIN_DS || judged->steps < 2)
		return;
	iaca = judged->path[1].cert;
	if (!attribute_agrees(ds, iaca, ATTRIBUTE_COUNTRY, true))
		add_about(&judged->findings, FUDA_MDOC_COUNTRY_DIFFERS, &judged->path[0],
			  ds->facts.subject);
	if (!attribute_agrees(ds, iaca, ATTRIBUTE_STATE, false))
		add_about(&judged->findings, FUDA_MDOC_STATE_DIFFERS, &judged->path[0],
			  ds->facts.subject);
}

/* Reads what stands behind the leaf. */
static int read_those_that_came(struct job *job, const struct cursor *chain, size_t count)
{
	struct fuda_context *ctx = trust_context(job->trust);
	struct judged_chain *judged = job->judged;

	for (size_t i = 1; i < count; i++) {
		bool kept = ctx_keep_error(ctx, true);
		int r = fuda_cert_new(ctx, chain[i].p, chain[i].left, &judged->came[i]);

		ctx_keep_error(ctx, kept);
		if (r == FUDA_EFORMAT)
			finding_add(&judged->findings, FUDA_MDOC_CERTIFICATE_MALFORMED,
				    cert_role_name(job->place->above), "", 0);
		else if (r < 0)
			return r;
	}
	return 0;
}

static void find_superfluous(struct job *job)
{
	for (size_t i = 1; i < COSE_CHAIN_MAX; i++) {
		const struct fuda_cert *cert = job->judged->came[i];

		if (cert && !job->used[i])
			finding_add(&job->judged->findings, FUDA_MDOC_CERTIFICATE_NOT_NEEDED,
				    cert_role_name(job->place->above), cert->facts.subject,
				    strlen(cert->facts.subject));
	}
}

static int judge(struct job *job, const struct cursor *chain, size_t count)
{
	struct judged_chain *judged = job->judged;
	int r = cert_profile_judge(trust_context(job->trust), job->place->leaf, chain[0],
				   &judged->findings, &judged->profile, &judged->came[0]);

	if (r == 0)
		r = read_those_that_came(job, chain, count);
	if (r < 0 || !judged->came[0])
		return r;
	r = find_path(job);
	if (r < 0)
		return r;
	find_superfluous(job);
	compare_places(judged);
	return 0;
}

/* What it is found by again: the digest of the leaf, or, if more came along, of all their digests.
 */
static int digest_of(const struct cursor *chain, size_t count, uint8_t ret[32])
{
	uint8_t digests[COSE_CHAIN_MAX][32];
	struct fuda_digest digest;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		r = fuda_digest_bytes(FUDA_SHA256, chain[i].p, chain[i].left, &digest);
		if (r == 0)
			memcpy(digests[i], digest.bytes, sizeof(digests[i]));
	}
	if (r == 0 && count > 1)
		r = fuda_digest_bytes(FUDA_SHA256, digests, count * sizeof(digests[0]), &digest);
	if (r == 0)
		memcpy(ret, digest.bytes, 32);
	return r;
}

static void judged_drop(struct judged_chain **judged)
{
	judged_release(judged);
}

/* From those that are remembered, or anew. */
static int find_judged(struct fuda_mdoc_trust *trust, enum chain_role role,
		       const struct cursor *chain, size_t count, struct judged_chain **ret)
{
	_cleanup_(judged_drop) struct judged_chain *judged = NULL;
	struct job job = { .trust = trust, .place = &places[role] };
	uint8_t sha256[32];
	int r = digest_of(chain, count, sha256);

	if (r < 0)
		return r;
	*ret = judged_find(trust_judged(trust), role, sha256);
	if (*ret)
		return 0;
	judged = judged_new();
	if (!judged)
		return FUDA_ENOMEM;
	judged->role = role;
	memcpy(judged->sha256, sha256, sizeof(sha256));
	job.judged = judged;
	r = judge(&job, chain, count);
	if (r < 0)
		return r;
	if (judged->findings.count == 0)
		judged_keep(trust_judged(trust), judged);
	*ret = judged;
	judged = NULL;
	return 0;
}

/* ---- what does ---- */

static bool is_wanted(const char *purpose, const char *const *wanted)
{
	for (size_t i = 0; wanted[i]; i++)
		if (strcmp(wanted[i], purpose) == 0)
			return true;
	return false;
}

static void judge_purpose(const struct judged_chain *judged, const struct chain_policy *policy,
			  struct fuda_mdoc_findings *findings)
{
	const char *const usual[] = { places[judged->role].purpose, NULL };
	const char *purpose = judged->profile.purpose;

	/* none, or several, is a finding already */
	if (*purpose && !is_wanted(purpose, policy->purposes ? policy->purposes : usual))
		add_about(findings, FUDA_MDOC_CERTIFICATE_PURPOSE, &judged->path[0], purpose);
}

/* "2026-11-20T00:00:00Z" */
static const char *time_text(time_t at, char ret[32])
{
	struct tm tm;

	if (!gmtime_r(&at, &tm) || strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		ret[0] = '\0';
	return ret;
}

/* Only the beginning has leeway, for clocks that differ: C20. */
static bool has_begun(const struct fuda_cert *cert, const struct chain_policy *policy)
{
	return cert->facts.not_before <= policy->at + (time_t)policy->skew;
}

/* A root may have been certified anew for the same key: any of its certificates will do. */
static bool is_renewed(const struct fuda_mdoc_trust *trust, const struct path_step *root,
		       const struct chain_policy *policy)
{
	const struct anchor *anchor;

	for (size_t i = 0; (anchor = trust_anchor_at(trust, i)); i++)
		if (anchor->role == root->role && !anchor->findings.count && root->cert->key &&
		    cur_equal(anchor->cert->subject, root->cert->subject) &&
		    key_equal(anchor->cert->key, root->cert->key) &&
		    has_begun(anchor->cert, policy) && anchor->cert->facts.not_after >= policy->at)
			return true;
	return false;
}

/* C4: all of them, now. */
static void judge_times(const struct fuda_mdoc_trust *trust, const struct judged_chain *judged,
			const struct chain_policy *policy, struct fuda_mdoc_findings *findings)
{
	for (size_t i = 0; i < judged->steps; i++) {
		const struct fuda_cert_facts *f = &judged->path[i].cert->facts;
		bool begun = has_begun(judged->path[i].cert, policy);
		char text[32];

		if (begun && f->not_after >= policy->at)
			continue;
		if (judged->rooted && i + 1 == judged->steps &&
		    is_renewed(trust, &judged->path[i], policy))
			continue;
		if (!begun)
			add_about(findings, FUDA_MDOC_CERTIFICATE_NOT_YET_VALID, &judged->path[i],
				  time_text(f->not_before, text));
		if (f->not_after < policy->at)
			add_about(findings, FUDA_MDOC_CERTIFICATE_EXPIRED, &judged->path[i],
				  time_text(f->not_after, text));
	}
}

static struct chain_verdict verdict_of(struct judged_chain *judged)
{
	const struct fuda_cert *leaf = judged->came[0];
	struct chain_verdict verdict = { .leaf = leaf, .judged = judged };

	if (leaf) {
		verdict.not_before = leaf->facts.not_before;
		verdict.not_after = leaf->facts.not_after;
		memcpy(verdict.country, judged->profile.country, sizeof(verdict.country));
	}
	if (judged->rooted)
		verdict.root = judged->path[judged->steps - 1].cert;
	return verdict;
}

int chain_judge(struct fuda_mdoc_trust *trust, enum chain_role role, const struct cursor *chain,
		size_t count, const struct chain_policy *policy,
		struct fuda_mdoc_findings *findings, struct chain_verdict *ret)
{
	const char *of = cert_role_name(places[role].leaf);
	struct judged_chain *judged;
	int r;

	if (count == 0) {
		finding_add(findings, FUDA_MDOC_CERTIFICATE_MISSING, of, "", 0);
		*ret = (struct chain_verdict){ .revocation = FUDA_REVOCATION_UNKNOWN };
		return 0;
	}
	if (count > COSE_CHAIN_MAX) { /* a longer one is not read */
		finding_add(findings, FUDA_MDOC_CERTIFICATE_NOT_NEEDED, of, "", 0);
		count = COSE_CHAIN_MAX;
	}
	r = find_judged(trust, role, chain, count, &judged);
	if (r < 0)
		return r;
	findings_join(findings, &judged->findings);
	*ret = verdict_of(judged);
	judge_purpose(judged, policy, findings);
	judge_times(trust, judged, policy, findings);
	ret->revocation = revocation_judge(trust, judged, policy, findings);
	return 0;
}

void chain_verdict_release(struct chain_verdict *verdict)
{
	judged_release(&verdict->judged);
	*verdict = (struct chain_verdict){ 0 };
}
