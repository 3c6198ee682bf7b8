/* SPDX-License-Identifier: Apache-2.0 */
/* Issuing as programs see it: a Document Signer of files or a token, orders, credentials. */
#include <fuda/encode.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/secret.h"
#include "mdoc/cert-profile.h"
#include "mdoc/cose.h"
#include "mdoc/key.h"
#include "mdoc/profile.h"
#include "pki/file.h"
#include "pki/token.h"

#define PURPOSE_MDL_DS "1.0.18013.5.1.2" /* ISO 18013-5 B.3; Japan's is not public: mdoc.md 2.1 */

struct fuda_mdoc_issuer {
	struct fuda_context *ctx;
	struct fuda_cert *certificate;
	struct private_key *file; /* the key, either of both */
	struct token_key *token;
	/* What opens the token, until it was tried: before there is something to sign, no PIN is
	 * spent. */
	char *uri, *module;
	struct fuda_secret *pin;
	int token_failed;
	struct document_signer ds;
	struct issuer *maker;
	struct element_set set; /* of the order at hand */
};

/* ---- the Document Signer ---- */

/* The first certificate of PEM, or DER. */
static int read_der(struct fuda_context *ctx, const char *path, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(PKI_FILE_MAX);
	const char *at;
	size_t left;
	int e = pki_read_file(ctx, path, &text);

	if (e < 0)
		return e;
	at = text.len ? (const char *)text.data : "";
	left = text.len;
	e = fuda_pem_decode("CERTIFICATE", &at, &left, ret);
	if (e == FUDA_ENOTFOUND)
		e = fuda_buf_append(ret, text.data, text.len);
	if (e == FUDA_EFORMAT || e == FUDA_ETOOBIG)
		return ctx_fail(ctx, FUDA_EFORMAT, _("%s: there is no certificate in it."), path);
	return e < 0 ? ctx_fail_code(ctx, e) : 0;
}

static bool has_purpose(const char *purpose, const char *const *wanted)
{
	static const char *const usual[] = { PURPOSE_MDL_DS, NULL };

	for (wanted = wanted ? wanted : usual; *wanted; wanted++)
		if (strcmp(*wanted, purpose) == 0)
			return true;
	return false;
}

/* What a verifier would refuse shall not issue: the certificate must be one of a Document Signer.
 */
static int judge_certificate(struct fuda_mdoc_issuer *issuer, const struct fuda_mdoc_signer *from,
			     struct cursor der)
{
	struct fuda_mdoc_findings findings = { 0 };
	struct cert_profile profile;
	int e = cert_profile_judge(issuer->ctx, CERT_DS, der, &findings, &profile,
				   &issuer->certificate);

	if (e < 0)
		return ctx_fail_code(issuer->ctx, e);
	if (issuer->certificate && issuer->certificate->ca)
		return ctx_fail(issuer->ctx, FUDA_EVERIFY,
				_("%s is the certificate of a CA, as a root has, and cannot be "
				  "that "
				  "of a Document Signer: name the one that the CA issued to it."),
				from->certificate);
	if (findings.count)
		return ctx_fail(issuer->ctx, FUDA_EVERIFY,
				_("%s cannot be the certificate of a Document Signer: %s"),
				from->certificate, fuda_mdoc_rule_text(findings.found[0].rule));
	if (!has_purpose(profile.purpose, from->purposes))
		return ctx_fail(issuer->ctx, FUDA_EVERIFY,
				_("%s cannot be the certificate of a Document Signer: its extended "
				  "key usage is another."),
				from->certificate);
	return 0;
}

static int open_file(struct fuda_mdoc_issuer *issuer, const struct fuda_mdoc_signer *from)
{
	_cleanup_(fuda_mdoc_key_free) struct fuda_mdoc_key *key = NULL;
	int e = fuda_mdoc_key_read(issuer->ctx, from->key, &key);

	if (e < 0)
		return e;
	if (!key_equal(private_public(key->private), issuer->certificate->key))
		return ctx_fail(issuer->ctx, FUDA_EVERIFY,
				_("%s is not the key of the certificate %s."), from->key,
				from->certificate);
	issuer->file = key->private;
	key->private = NULL;
	issuer->ds.signer = private_signer(issuer->file);
	return 0;
}

static int keep_text(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? FUDA_ENOMEM : 0;
}

/* Keeps what names the key in the token, which is opened for the first signature. */
static int keep_token(struct fuda_mdoc_issuer *issuer, const struct fuda_mdoc_signer *from)
{
	struct token_uri uri;
	int e = token_uri_parse(issuer->ctx, from->key, &uri);

	if (e < 0)
		return e;
	e = keep_text(from->key, &issuer->uri);
	if (e == 0)
		e = keep_text(from->module, &issuer->module);
	if (e == 0 && from->pin)
		e = fuda_secret_new(from->pin->bytes, from->pin->len, &issuer->pin);
	return e < 0 ? ctx_fail_code(issuer->ctx, e) : 0;
}

/* Once: a wrong PIN counts, and would be as wrong for the next credential. */
static int open_token(struct fuda_mdoc_issuer *issuer)
{
	int e;

	if (issuer->token_failed)
		return ctx_fail(issuer->ctx, issuer->token_failed,
				_("The token could not be opened before, and is not tried again."));
	if (!issuer->uri || issuer->token)
		return 0;
	e = token_open(issuer->ctx, issuer->module, issuer->uri, issuer->pin,
		       issuer->certificate->key, &issuer->token);
	fuda_secret_free(&issuer->pin);
	if (e == 0)
		issuer->ds.signer = token_signer(issuer->token);
	else
		issuer->token_failed = e;
	return e;
}

static int open_signer(struct fuda_mdoc_issuer *issuer, const struct fuda_mdoc_signer *from)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(CERT_MAX);
	const struct fuda_cert *cert;
	int e = read_der(issuer->ctx, from->certificate, &der);

	if (e == 0)
		e = judge_certificate(issuer, from, cur_of(der.data, der.len));
	if (e < 0)
		return e;
	cert = issuer->certificate;
	issuer->ds.certificate = cur_of(cert->der, cert->len);
	issuer->ds.not_before = cert->facts.not_before;
	issuer->ds.not_after = cert->facts.not_after;
	e = token_is_uri(from->key) ? keep_token(issuer, from) : open_file(issuer, from);
	if (e < 0)
		return e;
	e = issuer_new(&issuer->ds, &issuer->maker);
	return e < 0 ? ctx_fail_code(issuer->ctx, e) : 0;
}

int fuda_mdoc_issuer_new(struct fuda_context *ctx, const struct fuda_mdoc_signer *signer,
			 struct fuda_mdoc_issuer **ret)
{
	_cleanup_(fuda_mdoc_issuer_free) struct fuda_mdoc_issuer *issuer =
		calloc(1, sizeof(*issuer));
	int e;

	if (!issuer)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	issuer->ctx = ctx;
	e = open_signer(issuer, signer);
	if (e < 0)
		return e;
	*ret = issuer;
	issuer = NULL;
	return 0;
}

void fuda_mdoc_issuer_free(struct fuda_mdoc_issuer **issuer)
{
	if (!*issuer)
		return;
	element_set_free(&(*issuer)->set);
	issuer_free(&(*issuer)->maker);
	private_free(&(*issuer)->file);
	token_close(&(*issuer)->token);
	free((*issuer)->uri);
	free((*issuer)->module);
	fuda_secret_free(&(*issuer)->pin);
	fuda_cert_free(&(*issuer)->certificate);
	free(*issuer);
	*issuer = NULL;
}

const struct fuda_cert *fuda_mdoc_issuer_certificate(const struct fuda_mdoc_issuer *issuer)
{
	return issuer->certificate;
}

/* ---- orders ---- */

/* A SubjectPublicKeyInfo in DER, or a COSE_Key. */
static int read_device_key(struct cursor bytes, struct key **ret)
{
	struct cursor at = bytes;
	struct cbor item;
	int e;

	if (cbor_read(bytes, &item, NULL) == 0)
		return cose_key_read(&item, ret);
	e = key_new(&at, ret);
	if (e < 0)
		return e;
	if (at.left || key_curve(*ret) == CURVE_NONE) {
		key_free(ret);
		return FUDA_ENOTSUP;
	}
	return 0;
}

static int take_device_key(struct fuda_mdoc_issuer *issuer, const struct fuda_mdoc_order *order,
			   struct key **ret_own, const struct key **ret)
{
	int e;

	if (order->key) {
		*ret = private_public(order->key->private);
		return 0;
	}
	e = read_device_key(cur_of(order->device_key.bytes, order->device_key.len), ret_own);
	if (e == FUDA_EFORMAT || e == FUDA_ENOTSUP)
		return ctx_fail(issuer->ctx, FUDA_EINVAL,
				_("The device key is no public key on a curve of ISO 18013-5: a "
				  "SubjectPublicKeyInfo in DER, or a COSE_Key."));
	if (e < 0)
		return ctx_fail_code(issuer->ctx, e);
	*ret = *ret_own;
	return 0;
}

static int check_times(struct fuda_mdoc_issuer *issuer, const struct fuda_mdoc_order *order)
{
	if (order->days > ISSUE_DAYS_MAX)
		return ctx_fail(issuer->ctx, FUDA_EINVAL,
				_("A credential lives for %d days at most."), ISSUE_DAYS_MAX);
	if (order->at < issuer->ds.not_before)
		return ctx_fail(issuer->ctx, FUDA_EINVAL,
				_("The certificate of the Document Signer is not valid yet."));
	if (order->at >= issuer->ds.not_after)
		return ctx_fail(issuer->ctx, FUDA_EINVAL,
				_("The certificate of the Document Signer has expired: issue with "
				  "its successor."));
	return 0;
}

static int find_profile(struct fuda_mdoc_issuer *issuer, const struct fuda_mdoc_profiles *profiles,
			const char *name, const struct profile **ret)
{
	*ret = profiles_named(profiles, name);
	return *ret ? 0 :
		      ctx_fail(issuer->ctx, FUDA_ENOTFOUND, _("There is no profile \"%s\"."), name);
}

int fuda_mdoc_issue(struct fuda_mdoc_issuer *issuer, const struct fuda_mdoc_profiles *profiles,
		    const struct fuda_mdoc_order *order, struct fuda_buf *ret_issuer_signed)
{
	_cleanup_(key_free) struct key *own = NULL;
	const struct profile *profile = NULL;
	struct credential what;
	const struct key *key = NULL;
	int e = find_profile(issuer, profiles, order->profile, &profile);

	if (e == 0)
		e = check_times(issuer, order);
	if (e == 0)
		e = take_device_key(issuer, order, &own, &key);
	if (e == 0)
		e = profile_elements(issuer->ctx, profile, order->attributes, order->at,
				     &issuer->set);
	if (e == 0)
		e = open_token(issuer);
	if (e < 0)
		return e;
	what = (struct credential){
		.doctype = profile->doctype,
		.elements = issuer->set.elements,
		.element_count = issuer->set.count,
		.device_key = key,
		.at = order->at,
		.days = order->days ? order->days : ISSUE_DAYS_MAX,
		.decoys = order->decoys,
	};
	e = issuer_issue(issuer->maker, &what, ret_issuer_signed);
	return e < 0 ? ctx_fail_code(issuer->ctx, e) : 0;
}
