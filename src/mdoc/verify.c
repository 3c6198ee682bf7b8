/* SPDX-License-Identifier: Apache-2.0 */
/* A response, judged by the checks of mdoc.md 2.3 (ISO 18013-5 9.3.1, 9.3.3). */
#include "mdoc/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>

#include "base/context.h"
#include "mdoc/finding.h"
#include "mdoc/revocation.h"
#include "mdoc/transcript.h"

enum { DAY = 86400 };
/* 2026-11-01: a clock that is behind what this was written on is wrong. */
enum { CLOCK_MIN = 1793491200 };

void judging_add(struct judging *j, enum fuda_mdoc_rule rule, struct cursor detail)
{
	finding_add(&j->ret->findings, rule, "", (const char *)detail.p, detail.left);
}

void judging_add_text(struct judging *j, enum fuda_mdoc_rule rule, const char *detail)
{
	finding_add(&j->ret->findings, rule, "", detail, strlen(detail));
}

/* ---- how bad ---- */

/* From bad to harmless. What there was no room to keep may have been anything. */
static enum fuda_result worst(const struct fuda_mdoc_findings *findings, enum fuda_result so_far)
{
	static const unsigned weights[] = {
		[FUDA_RESULT_OK] = 0,
		[FUDA_RESULT_REVOCATION_UNKNOWN] = 1,
		[FUDA_RESULT_CERTIFICATE_EXPIRED] = 2,
		[FUDA_RESULT_UNSUPPORTED_CERTIFICATE] = 3,
		[FUDA_RESULT_INVALID_CERTIFICATE] = 4,
		[FUDA_RESULT_CERTIFICATE_REVOKED] = 5,
		[FUDA_RESULT_SIGNATURE_MISMATCH] = 6,
	};
	enum fuda_result result = so_far;

	if (findings->missed && weights[result] < weights[FUDA_RESULT_INVALID_CERTIFICATE])
		result = FUDA_RESULT_INVALID_CERTIFICATE;
	for (size_t i = 0; i < findings->count; i++) {
		enum fuda_result one = fuda_mdoc_rule_result(findings->found[i].rule);

		if (weights[one] > weights[result])
			result = one;
	}
	return result;
}

/* ---- the issuer's part ---- */

/* C2 to C6. */
static int judge_chain(struct judging *j)
{
	const struct fuda_mdoc_policy *p = j->policy;
	const struct cose *auth = &j->document->issuer.auth;
	const struct chain_policy policy = {
		.at = p->at,
		.skew = MIN(p->early, FUDA_MDOC_SKEW_MAX),
		.crl = p->crl,
		.crl_age = p->crl_age,
		.purposes = p->purposes,
	};
	int r = chain_judge(j->trust, CHAIN_DS, auth->chain, auth->chain_count, &policy,
			    &j->ret->findings, &j->chain);

	if (r < 0)
		return r;
	j->ret->revocation = j->chain.revocation;
	if (j->chain.leaf)
		memcpy(j->ret->signer, j->chain.leaf->facts.subject, sizeof(j->ret->signer));
	if (j->chain.root)
		memcpy(j->ret->issuer, j->chain.root->facts.subject, sizeof(j->ret->issuer));
	return 0;
}

/* C7: over the bytes as they came. */
static int judge_signature(struct judging *j)
{
	int r = j->chain.leaf ?
			cose_sign1_verify(&j->document->issuer.auth, j->chain.leaf->key, NULL, 0) :
			0;

	if (r == FUDA_ENOTSUP)
		judging_add_text(j, FUDA_MDOC_MSO_ALGORITHM, "");
	else if (r == FUDA_EVERIFY)
		judging_add_text(j, FUDA_MDOC_MSO_SIGNATURE, "");
	else
		return r;
	return 0;
}

/* C10, C11, C12, C20. */
static void judge_times(struct judging *j)
{
	const struct fuda_mdoc_policy *p = j->policy;
	const struct mso *mso = &j->mso;
	int64_t at = p->at, days = p->max_days ? p->max_days : FUDA_MDOC_DAYS;

	if (!mso->has_times)
		return;
	j->ret->signed_at = (time_t)mso->signed_at;
	j->ret->valid_from = (time_t)mso->from;
	j->ret->valid_until = (time_t)mso->until;
	if (mso->from > at + MIN(p->early, FUDA_MDOC_SKEW_MAX))
		judging_add_text(j, FUDA_MDOC_NOT_YET_VALID, "");
	if (mso->until < at - (int64_t)MIN(p->late, FUDA_MDOC_SKEW_MAX))
		judging_add_text(j, FUDA_MDOC_EXPIRED, "");
	if (j->chain.leaf &&
	    (mso->signed_at < j->chain.not_before || mso->signed_at > j->chain.not_after))
		judging_add_text(j, FUDA_MDOC_SIGNED_OUTSIDE, "");
	if (mso->until - mso->from > days * DAY)
		judging_add_text(j, FUDA_MDOC_LIFE_TOO_LONG, "");
}

/* What asked for number `nth` of its kind, from 0 on; NULL: nothing. */
static const struct doc_request *asked_for(const struct device_request *request,
					   struct cursor doctype, size_t nth)
{
	for (size_t i = 0; request && i < request->document_count; i++)
		if (cur_equal(request->documents[i].doctype, doctype) && nth-- == 0)
			return &request->documents[i];
	return NULL;
}

/* How many of the first `count` documents are of that kind. */
static size_t shown_of(const struct device_response *response, size_t count, struct cursor doctype)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += cur_equal(response->documents[i].doctype, doctype);
	return n;
}

/* C9. Who is asked for one document shows one. */
static void judge_doctype(struct judging *j)
{
	const struct cursor doctype = j->document->doctype;

	if (j->has_mso && !cur_equal(j->mso.doctype, doctype))
		judging_add(j, FUDA_MDOC_DOCTYPE_DIFFERS, j->mso.doctype);
	if (j->request && !j->asked)
		judging_add(j, FUDA_MDOC_DOCTYPE_NOT_REQUESTED, doctype);
}

/* C19: its list is of an edition that is not out yet. */
static void judge_status(struct judging *j)
{
	if (!j->has_mso || !j->mso.has_status || j->policy->crl == FUDA_MDOC_CRL_OFF)
		return;
	if (j->policy->crl == FUDA_MDOC_CRL_HARD)
		judging_add_text(j, FUDA_MDOC_STATUS_NOT_CHECKED, "");
	if (j->ret->revocation == FUDA_REVOCATION_GOOD)
		j->ret->revocation = FUDA_REVOCATION_UNKNOWN;
}

static int judge_document(struct judging *j)
{
	int r = judge_chain(j);

	j->ret->doctype =
		(struct fuda_mdoc_span){ j->document->doctype.p, j->document->doctype.left };
	if (r == 0)
		r = judge_signature(j);
	if (r < 0)
		return r;
	j->has_mso = mso_read(j->document->issuer.auth.payload, j->policy->allow_times,
			      &j->ret->findings, &j->mso) == 0;
	judge_doctype(j);
	if (j->has_mso)
		judge_times(j);
	judge_status(j);
	r = judge_elements(j);
	if (r == 0)
		r = judge_device(j);
	j->ret->result = worst(&j->ret->findings, FUDA_RESULT_OK);
	return r;
}

/* ---- the response ---- */

/* C18. */
static void judge_clock(const struct fuda_mdoc_policy *policy, struct fuda_mdoc_findings *findings)
{
	struct timex state = { 0 };

	if (policy->clock &&
	    (policy->at < CLOCK_MIN || adjtimex(&state) == TIME_ERROR || state.status & STA_UNSYNC))
		finding_add(findings, FUDA_MDOC_CLOCK, "", "", 0);
}

/* Everything that one verification needs, in one piece: requests and responses have maxima. */
struct work {
	struct device_request request;
	struct device_response response;
};

void fuda_mdoc_policy_judge(const struct fuda_mdoc_trust *trust,
			    const struct fuda_mdoc_policy *policy, struct fuda_mdoc_findings *ret)
{
	const struct chain_policy lists = {
		.at = policy->at,
		.skew = MIN(policy->early, FUDA_MDOC_SKEW_MAX),
		.crl = policy->crl,
		.crl_age = policy->crl_age,
	};

	*ret = (struct fuda_mdoc_findings){ 0 };
	judge_clock(policy, ret);
	revocation_judge_lists(trust, &lists, ret);
}

static int judge_documents(const struct judging *common, const struct work *work,
			   struct fuda_mdoc_result *ret)
{
	int r = 0;

	ret->documents = calloc(work->response.document_count, sizeof(*ret->documents));
	if (!ret->documents)
		return FUDA_ENOMEM;
	for (size_t i = 0; r == 0 && i < work->response.document_count; i++) {
		struct judging j = *common;

		j.document = &work->response.documents[i];
		j.asked = asked_for(j.request, j.document->doctype,
				    shown_of(&work->response, i, j.document->doctype));
		j.ret = &ret->documents[ret->document_count++];
		j.ret->proof = "";
		r = judge_document(&j);
		chain_verdict_release(&j.chain);
		ret->result = worst(&j.ret->findings, ret->result);
	}
	return r;
}

static void find_not_shown(const struct device_request *request,
			   const struct device_response *response,
			   struct fuda_mdoc_findings *findings)
{
	for (size_t i = 0; request && i < request->document_count; i++) {
		const struct cursor doctype = request->documents[i].doctype;
		const size_t shown = shown_of(response, response->document_count, doctype);

		if (asked_for(request, doctype, shown) == &request->documents[i])
			finding_add(findings, FUDA_MDOC_DOCUMENT_NOT_SHOWN, "",
				    (const char *)doctype.p, doctype.left);
	}
}

/* C1. */
static int judge_response(const struct judging *common, struct cursor bytes, struct work *work,
			  struct fuda_mdoc_result *ret)
{
	struct device_response *response = &work->response;
	const char *fault;
	char status[24];
	int r = 0;

	judge_clock(common->policy, &ret->findings);
	if (response_read(bytes, response, &fault) < 0) {
		finding_add(&ret->findings, FUDA_MDOC_RESPONSE_MALFORMED, "", fault, strlen(fault));
	} else if (response->status != RESPONSE_OK) {
		snprintf(status, sizeof(status), "%llu", (unsigned long long)response->status);
		finding_add(&ret->findings, FUDA_MDOC_RESPONSE_STATUS, "", status, strlen(status));
	} else if (!response->document_count) {
		finding_add(&ret->findings, FUDA_MDOC_RESPONSE_EMPTY, "", "", 0);
	} else {
		find_not_shown(common->request, response, &ret->findings);
		r = judge_documents(common, work, ret);
	}
	/* of a response that is refused as a whole no document counts */
	for (size_t i = 0; i < ret->document_count; i++)
		ret->documents[i].result = worst(&ret->findings, ret->documents[i].result);
	ret->result = worst(&ret->findings, ret->result);
	return r;
}

static int read_session(struct fuda_context *ctx, const struct fuda_mdoc_session *session,
			struct work *work)
{
	if (session->transcript.len &&
	    transcript_check(cur_of(session->transcript.bytes, session->transcript.len)) < 0)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("The session transcript is no CBOR array of three: it is to be "
				  "SessionTranscript itself, without a tag around it."));
	if (session->request.len &&
	    request_read(cur_of(session->request.bytes, session->request.len), &work->request) < 0)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("The request is no DeviceRequest of version 1, or is too long."));
	return 0;
}

int fuda_mdoc_verify(struct fuda_context *ctx, struct fuda_mdoc_trust *trust,
		     const struct fuda_mdoc_profiles *profiles,
		     const struct fuda_mdoc_policy *policy, const struct fuda_mdoc_session *session,
		     const uint8_t *response, size_t len, struct fuda_mdoc_result **ret)
{
	_cleanup_(fuda_mdoc_result_free) struct fuda_mdoc_result *result =
		calloc(1, sizeof(*result));
	struct work *work = malloc(sizeof(*work));
	struct judging common = {
		.trust = trust,
		.profiles = profiles,
		.policy = policy,
		.session = session,
	};
	int r = result && work ? 0 : ctx_fail_code(ctx, FUDA_ENOMEM);

	if (r == 0)
		r = read_session(ctx, session, work);
	if (r == 0) {
		common.request = session->request.len ? &work->request : NULL;
		r = judge_response(&common, cur_of(response, len), work, result);
		if (r < 0)
			ctx_fail_code(ctx, r);
	}
	free(work);
	if (r < 0)
		return r;
	*ret = result;
	result = NULL;
	return 0;
}

static void document_free(struct fuda_mdoc_document *d)
{
	free(d->elements);
	free(d->withheld);
}

void fuda_mdoc_result_free(struct fuda_mdoc_result **result)
{
	if (!*result)
		return;
	for (size_t i = 0; (*result)->documents && i < (*result)->document_count; i++)
		document_free(&(*result)->documents[i]);
	free((*result)->documents);
	free(*result);
	*result = NULL;
}
