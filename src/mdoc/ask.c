/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader asks for, and who it is. */
#include <stdlib.h>

#include "base/context.h"
#include "mdoc/chain.h"
#include "mdoc/finding.h"
#include "mdoc/key.h"
#include "mdoc/profile.h"
#include "mdoc/request.h"
#include "mdoc/transcript.h"

static struct cursor text_of(const char *text)
{
	return cur_of((const uint8_t *)text, strlen(text));
}

static struct cursor cursor_of(struct fuda_mdoc_span span)
{
	return cur_of(span.bytes, span.len);
}

/* What to ask for where no element has this very attribute. One called as in the standard answers
 * for other ages too: ISO 18013-5 7.2.5. NULL: it says nothing of this age. */
static const char *name_of_age(const struct element *e, const char *attribute)
{
	const char *age;

	if (e->kind != ATTRIBUTE_AGE_OVER || attribute_kind(attribute) != ATTRIBUTE_AGE_OVER ||
	    strcmp(attribute, "age_over_NN") == 0)
		return NULL;
	age = attribute + strlen("age_over_");
	if (element_is_family(e))
		return element_of_age(e, 10u * (unsigned)(age[0] - '0') + (unsigned)(age[1] - '0'));
	return strcmp(e->name, e->attribute) == 0 ? attribute : NULL;
}

int fuda_mdoc_wish_find(const struct fuda_mdoc_profiles *profiles, const char *name,
			const char *attribute, struct fuda_mdoc_wish *ret)
{
	const struct profile *profile = profiles_named(profiles, name);
	const struct element *found = NULL;
	const char *called = NULL;

	for (size_t i = 0; profile && i < profile->element_count; i++) {
		const struct element *e = &profile->elements[i];

		if (!element_is_family(e) && strcmp(e->attribute, attribute) == 0) {
			found = e;
			called = e->name;
			break;
		}
		if (!found && (called = name_of_age(e, attribute)))
			found = e;
	}
	if (!found)
		return FUDA_ENOTFOUND;
	*ret = (struct fuda_mdoc_wish){ profile->doctype, found->space, called, false };
	return 0;
}

bool fuda_mdoc_wish_says(const struct fuda_mdoc_profiles *profiles,
			 const struct fuda_mdoc_wish *wish, const char *attribute)
{
	struct cursor doctype = text_of(wish->doctype);

	for (const struct profile *p = profile_find(profiles, doctype, NULL); p;
	     p = profile_find(profiles, doctype, p)) {
		const struct element *e =
			profile_element(p, text_of(wish->space), text_of(wish->name));
		char says[ATTRIBUTE_NAME_MAX];

		if (!e)
			continue;
		element_attribute(e, text_of(wish->name), says);
		if (strcmp(says, attribute) == 0)
			return true;
	}
	return false;
}

/* ---- a request ---- */

/* The document of a wish, a new one if there is none of its kind yet. NULL: too many. */
static struct doc_request *document_for(struct device_request *request, struct cursor doctype)
{
	for (size_t i = 0; i < request->document_count; i++)
		if (cur_equal(request->documents[i].doctype, doctype))
			return &request->documents[i];
	if (request->document_count == REQUEST_DOCUMENTS_MAX)
		return NULL;
	request->documents[request->document_count].doctype = doctype;
	return &request->documents[request->document_count++];
}

static int add_wish(struct device_request *request, const struct fuda_mdoc_wish *wish)
{
	const struct wanted_element wanted = { text_of(wish->space), text_of(wish->name),
					       wish->retain };
	struct doc_request *d = document_for(request, text_of(wish->doctype));

	if (!d || d->element_count == REQUEST_ELEMENTS_MAX)
		return FUDA_EINVAL;
	for (size_t i = 0; i < d->element_count; i++)
		if (cur_equal(d->elements[i].space, wanted.space) &&
		    cur_equal(d->elements[i].name, wanted.name))
			return FUDA_EINVAL;
	d->elements[d->element_count++] = wanted;
	return 0;
}

/* A phone would take the signature for a forgery, and show nothing without saying why. */
static int check_identity(struct fuda_context *ctx, const struct fuda_mdoc_identity *who)
{
	_cleanup_(fuda_cert_free) struct fuda_cert *leaf = NULL;
	int r;

	if (!who || !who->chain_count)
		return 0;
	r = fuda_cert_new(ctx, who->chain[0].bytes, who->chain[0].len, &leaf);
	if (r == 0 && (!leaf->key || !key_equal(private_public(who->key->private), leaf->key)))
		r = ctx_fail(ctx, FUDA_EINVAL,
			     _("The key of who asks is not the one of the first certificate."));
	return r;
}

static int put_request(const struct device_request *request, const struct fuda_mdoc_identity *who,
		       struct cursor transcript, struct fuda_buf *ret)
{
	struct cursor chain[COSE_CHAIN_MAX];
	struct signer signer;
	struct reader_identity identity = { &signer, chain, who ? who->chain_count : 0 };

	if (!who)
		return request_put(request->documents, request->document_count, NULL, transcript,
				   ret);
	if (!who->chain_count || who->chain_count > COSE_CHAIN_MAX ||
	    transcript_check(transcript) < 0)
		return FUDA_EINVAL;
	for (size_t i = 0; i < who->chain_count; i++)
		chain[i] = cursor_of(who->chain[i]);
	signer = private_signer(who->key->private);
	return request_put(request->documents, request->document_count, &identity, transcript, ret);
}

int fuda_mdoc_request(struct fuda_context *ctx, const struct fuda_mdoc_wish *wishes, size_t count,
		      const struct fuda_mdoc_identity *who, struct fuda_mdoc_span transcript,
		      struct fuda_buf *ret_request)
{
	struct device_request *request;
	size_t before = ret_request->len;
	int r = check_identity(ctx, who);

	if (r < 0)
		return r;
	request = calloc(1, sizeof(*request));
	r = request ? 0 : FUDA_ENOMEM;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_wish(request, &wishes[i]);
	if (r == 0)
		r = put_request(request, who, cursor_of(transcript), ret_request);
	free(request);
	if (r < 0)
		buf_cut(ret_request, before);
	if (r == FUDA_EINVAL)
		return ctx_fail(ctx, r,
				_("Such a request cannot be made: it asks for nothing, for too "
				  "much, "
				  "or for the same twice; or what its signature is bound to is "
				  "missing."));
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}

/* ---- who asks ---- */

static int judge_signature(const struct doc_request *d, const struct key *key,
			   struct cursor transcript, struct fuda_mdoc_findings *ret)
{
	int r = request_verify(d, key, transcript);

	if (r == FUDA_EVERIFY)
		finding_add(ret, FUDA_MDOC_READER_SIGNATURE, "reader", "", 0);
	else if (r == FUDA_ENOTSUP)
		finding_add(ret, FUDA_MDOC_READER_ALGORITHM, "reader", "", 0);
	else
		return r;
	return 0;
}

static int judge_document(struct fuda_mdoc_trust *trust, const struct chain_policy *policy,
			  const struct doc_request *d, struct cursor transcript,
			  struct fuda_mdoc_findings *ret, char ret_reader[512])
{
	_cleanup_(chain_verdict_release) struct chain_verdict verdict = { 0 };
	int r;

	if (!d->signed_) {
		finding_add(ret, FUDA_MDOC_READER_UNKNOWN, "reader", "", 0);
		return 0;
	}
	r = chain_judge(trust, CHAIN_READER, d->auth.chain, d->auth.chain_count, policy, ret,
			&verdict);
	if (r < 0 || !verdict.leaf)
		return r;
	memcpy(ret_reader, verdict.leaf->facts.subject, 512);
	return judge_signature(d, verdict.leaf->key, transcript, ret);
}

int fuda_mdoc_request_verify(struct fuda_context *ctx, struct fuda_mdoc_trust *trust,
			     const struct fuda_mdoc_policy *how, struct fuda_mdoc_span bytes,
			     struct fuda_mdoc_span transcript, struct fuda_mdoc_findings *ret,
			     char ret_reader[512])
{
	const struct chain_policy policy = {
		.at = how->at,
		.skew = MIN(how->early, FUDA_MDOC_SKEW_MAX),
		.crl = how->crl,
		.crl_age = how->crl_age,
	};
	struct device_request *request = malloc(sizeof(*request));
	struct fuda_mdoc_findings findings = { 0 };
	char reader[512] = "";
	int r = request ? request_read(cursor_of(bytes), request) : FUDA_ENOMEM;

	if (r == 0 && transcript_check(cursor_of(transcript)) < 0)
		r = FUDA_EFORMAT;
	for (size_t i = 0; r == 0 && i < request->document_count; i++)
		r = judge_document(trust, &policy, &request->documents[i], cursor_of(transcript),
				   &findings, reader);
	free(request);
	if (r == FUDA_EFORMAT || r == FUDA_ETOOBIG)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("The request is no DeviceRequest of version 1, or the transcript "
				  "is no SessionTranscript."));
	if (r < 0)
		return ctx_fail_code(ctx, r);
	*ret = findings;
	memcpy(ret_reader, reader, sizeof(reader));
	return 0;
}

/* ---- over the network ---- */

/* `r`: of what was to be appended behind the first `before` bytes. */
static int transcript_made(struct fuda_context *ctx, int r, size_t before, struct fuda_buf *ret)
{
	if (r < 0)
		buf_cut(ret, before);
	if (r == FUDA_EFORMAT)
		return ctx_fail(ctx, FUDA_EINVAL,
				_("What the session transcript is made of is not UTF-8."));
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}

int fuda_mdoc_transcript_openid4vp(struct fuda_context *ctx, const char *client_id,
				   const char *nonce, struct fuda_mdoc_span thumbprint,
				   const char *response_uri, struct fuda_buf *ret)
{
	size_t before = ret->len;
	int r = transcript_openid4vp(client_id, nonce, cursor_of(thumbprint), response_uri, ret);

	return transcript_made(ctx, r, before, ret);
}

int fuda_mdoc_transcript_dcapi(struct fuda_context *ctx, const char *origin, const char *nonce,
			       struct fuda_mdoc_span thumbprint, struct fuda_buf *ret)
{
	size_t before = ret->len;
	int r = transcript_dcapi(origin, nonce, cursor_of(thumbprint), ret);

	return transcript_made(ctx, r, before, ret);
}
