/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/trust.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/context.h"
#include "mdoc/finding.h"
#include "mdoc/issuer-signature.h"
#include "pki/crl.h"
#include "pki/file.h"

enum { ANCHORS_MAX = 64, LISTS_MAX = 64 };

struct fuda_mdoc_trust {
	struct fuda_context *ctx;
	struct anchor *anchors[ANCHORS_MAX];
	size_t anchor_count;
	struct trusted_list lists[LISTS_MAX];
	size_t list_count;
	struct judged_cache judged;
};

int fuda_mdoc_trust_new(struct fuda_context *ctx, struct fuda_mdoc_trust **ret)
{
	struct fuda_mdoc_trust *trust = calloc(1, sizeof(*trust));

	if (!trust)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	trust->ctx = ctx;
	*ret = trust;
	return 0;
}

static void anchor_free(struct anchor **anchor)
{
	if (!*anchor)
		return;
	fuda_cert_free(&(*anchor)->cert);
	free(*anchor);
	*anchor = NULL;
}

/* Forgets the certificates that came after the first `count`. */
static void cut(struct fuda_mdoc_trust *trust, size_t count)
{
	while (trust->anchor_count > count)
		anchor_free(&trust->anchors[--trust->anchor_count]);
}

void fuda_mdoc_trust_free(struct fuda_mdoc_trust **trust)
{
	struct fuda_mdoc_trust *gone = *trust;

	if (!gone)
		return;
	judged_forget(&gone->judged);
	for (size_t i = 0; i < gone->list_count; i++)
		issuer_list_free(&gone->lists[i].list);
	cut(gone, 0);
	free(gone);
	*trust = NULL;
}

/* ---- certificates ---- */

bool key_id_fits(const struct fuda_cert *cert, const struct fuda_cert *issuer)
{
	const struct fuda_cert_facts *f = &cert->facts, *above = &issuer->facts;

	return f->aki_len == above->ski_len && memcmp(f->aki, above->ski, f->aki_len) == 0;
}

bool is_self_signed(const struct fuda_cert *cert)
{
	return cur_equal(cert->issuer, cert->subject) &&
	       (cert->facts.aki_len == 0 || key_id_fits(cert, cert));
}

static bool is_there(const struct fuda_mdoc_trust *trust, const struct anchor *anchor)
{
	for (size_t i = 0; i < trust->anchor_count; i++)
		if (trust->anchors[i]->role == anchor->role &&
		    memcmp(trust->anchors[i]->cert->facts.sha256, anchor->cert->facts.sha256, 32) ==
			    0)
			return true;
	return false;
}

/* What it breaks is kept for when it is used. */
static int judge(struct fuda_mdoc_trust *trust, struct anchor *anchor, bool self_signed)
{
	_cleanup_(fuda_cert_free) struct fuda_cert *again = NULL;
	const struct fuda_cert *cert = anchor->cert;
	int r = cert_profile_judge(trust->ctx, anchor->role, cur_of(cert->der, cert->len),
				   &anchor->findings, &anchor->profile, &again);

	if (r == 0 && self_signed)
		r = issuer_signature_judge(cert->key, cert->algorithm, cert->tbs, cert->signature);
	/* what is not supported breaks the profile already, by its algorithm or key */
	if (r == FUDA_EVERIFY || (r == FUDA_ENOTSUP && anchor->findings.count == 0))
		finding_add(&anchor->findings, FUDA_MDOC_ISSUER_SIGNATURE,
			    cert_role_name(anchor->role), "", 0);
	return r == FUDA_EVERIFY || r == FUDA_ENOTSUP ? 0 : r;
}

static int add(struct fuda_mdoc_trust *trust, bool readers, struct anchor **anchor)
{
	const struct fuda_cert *cert = (*anchor)->cert;
	const bool self_signed = is_self_signed(cert);
	int r;

	(*anchor)->role = readers ? CERT_READER_CA : self_signed ? CERT_ROOT : CERT_LINK;
	if (is_there(trust, *anchor))
		return 0;
	if (!cert->ca || !cert->facts.ski_len)
		return ctx_fail(trust->ctx, FUDA_EFORMAT,
				_("The certificate of \"%s\" is not that of a CA with a subject "
				  "key "
				  "identifier, by which it is found. Name roots and link "
				  "certificates only."),
				cert->facts.subject);
	if (trust->anchor_count == ANCHORS_MAX)
		return ctx_fail(trust->ctx, FUDA_ETOOBIG,
				_("More than %d CA certificates; name fewer."), ANCHORS_MAX);
	r = judge(trust, *anchor, self_signed);
	if (r < 0)
		return ctx_fail_code(trust->ctx, r);
	trust->anchors[trust->anchor_count++] = *anchor;
	*anchor = NULL;
	return 0;
}

struct adding {
	struct fuda_mdoc_trust *trust;
	bool readers;
};

static int add_der(void *arg, const uint8_t *der, size_t len)
{
	_cleanup_(anchor_free) struct anchor *anchor = calloc(1, sizeof(*anchor));
	const struct adding *adding = arg;
	int r;

	if (!anchor)
		return ctx_fail_code(adding->trust->ctx, FUDA_ENOMEM);
	r = fuda_cert_new(adding->trust->ctx, der, len, &anchor->cert);
	return r < 0 ? r : add(adding->trust, adding->readers, &anchor);
}

/* The last failure again, with the file in front. */
static int failed_in(struct fuda_context *ctx, int code, const char *path)
{
	char why[512];

	snprintf(why, sizeof(why), "%s", fuda_context_message(ctx));
	return ctx_fail(ctx, code, "%s: %s", path, why);
}

/* PEM, of any number, or the DER of one. */
static int add_any(struct adding *adding, const char *path, const struct fuda_buf *file)
{
	struct fuda_context *ctx = adding->trust->ctx;
	int r;

	if (file->len && *file->data == DER_SEQUENCE) {
		r = add_der(adding, file->data, file->len);
		return r < 0 ? failed_in(ctx, r, path) : 0;
	}
	r = pki_each_certificate(ctx, path, file, add_der, adding);
	return r == FUDA_ENOTFOUND ?
		       ctx_fail(ctx, r, _("%s holds no certificate; PEM or DER is expected."),
				path) :
		       r;
}

static int add_file(struct fuda_mdoc_trust *trust, const char *path, bool readers)
{
	_cleanup_buf_ struct fuda_buf file = FUDA_BUF_INIT(PKI_FILE_MAX);
	struct adding adding = { trust, readers };
	const size_t before = trust->anchor_count;
	int r = pki_read_file(trust->ctx, path, &file);

	if (r == 0)
		r = add_any(&adding, path, &file);
	if (r < 0)
		cut(trust, before); /* all of a file or nothing */
	else
		judged_forget(&trust->judged);
	return r;
}

int fuda_mdoc_trust_add_file(struct fuda_mdoc_trust *trust, const char *path)
{
	return add_file(trust, path, false);
}

int fuda_mdoc_trust_add_reader_file(struct fuda_mdoc_trust *trust, const char *path)
{
	return add_file(trust, path, true);
}

/* ---- revocation lists ---- */

/* Who signed it, of those that may have: two can bear one key identifier. Those whose name it is in
 * are looked at first. */
static int find_issuer(const struct fuda_mdoc_trust *trust, const struct issuer_list *list,
		       const struct anchor **ret)
{
	int found = FUDA_ENOTFOUND;

	for (size_t i = 0; i < 2 * trust->anchor_count; i++) {
		const struct anchor *anchor = trust->anchors[i % trust->anchor_count];
		bool named = cur_equal(list->issuer, anchor->cert->subject);
		int r;

		if (named != (i < trust->anchor_count) || !issuer_list_names(list, anchor->cert))
			continue;
		r = issuer_list_signed_by(list, anchor->cert);
		if (r == 0)
			*ret = anchor;
		if (r == 0 || (r != FUDA_EVERIFY && r != FUDA_ENOTSUP))
			return r;
		found = r;
	}
	return found;
}

static int cannot_use(const struct fuda_mdoc_trust *trust, int why)
{
	switch (why) {
	case FUDA_ENOTFOUND:
		return ctx_fail(trust->ctx, why,
				_("Nobody whose certificate was named has issued this revocation "
				  "list. Name its issuer's certificate too."));
	case FUDA_EVERIFY:
		return ctx_fail(trust->ctx, why,
				_("The issuer's signature on the revocation list is wrong: the "
				  "list "
				  "is forged or was changed. Get it anew."));
	case FUDA_ENOTSUP:
		return ctx_fail(trust->ctx, why,
				_("The revocation list is signed by an algorithm that is not "
				  "accepted: ECDSA with SHA-256, SHA-384 or SHA-512 is."));
	default:
		return ctx_fail_code(trust->ctx, why);
	}
}

static bool is_same_list(const struct issuer_list *a, const struct issuer_list *b)
{
	return cur_equal(cur_of(a->der.data, a->der.len), cur_of(b->der.data, b->der.len));
}

/* Newer lists take nobody's place: an authority may list its signers and its link certificates
 * apart (mdoc.md 2.2), and who is on any of its lists is revoked. */
static int put(struct fuda_mdoc_trust *trust, struct trusted_list *new,
	       const struct issuer_list **ret)
{
	for (size_t i = 0; i < trust->list_count; i++)
		if (is_same_list(trust->lists[i].list, new->list)) {
			*ret = trust->lists[i].list;
			return 0;
		}
	if (trust->list_count == LISTS_MAX)
		return ctx_fail(trust->ctx, FUDA_ETOOBIG,
				_("More than %d revocation lists; name fewer."), LISTS_MAX);
	trust->lists[trust->list_count++] = *new;
	*ret = new->list;
	new->list = NULL;
	return 0;
}

int trust_add_list(struct fuda_mdoc_trust *trust, const uint8_t *bytes, size_t len,
		   const struct issuer_list **ret)
{
	_cleanup_(fuda_buf_free_public) struct fuda_buf room = FUDA_BUF_INIT(ISSUER_LIST_MAX);
	struct trusted_list new = { 0 };
	struct cursor der;
	int r = crl_decode(trust->ctx, bytes, len, &room, &der);

	if (r == 0)
		r = issuer_list_read(trust->ctx, der, &new.list);
	if (r < 0)
		return r;
	r = find_issuer(trust, new.list, &new.by);
	r = r < 0 ? cannot_use(trust, r) : put(trust, &new, ret);
	issuer_list_free(&new.list);
	return r;
}

int trust_add_list_file(struct fuda_mdoc_trust *trust, const char *path,
			const struct issuer_list **ret)
{
	_cleanup_(fuda_buf_free_public) struct fuda_buf file = FUDA_BUF_INIT(ISSUER_LIST_MAX);
	int r = pki_read_file(trust->ctx, path, &file);

	if (r < 0)
		return r; /* which names it */
	r = trust_add_list(trust, file.data, file.len, ret);
	return r < 0 ? failed_in(trust->ctx, r, path) : 0;
}

int fuda_mdoc_trust_add_crl(struct fuda_mdoc_trust *trust, const uint8_t *bytes, size_t len)
{
	const struct issuer_list *list;

	return trust_add_list(trust, bytes, len, &list);
}

int fuda_mdoc_trust_add_crl_file(struct fuda_mdoc_trust *trust, const char *path)
{
	const struct issuer_list *list;

	return trust_add_list_file(trust, path, &list);
}

/* ---- for who judges ---- */

struct fuda_context *trust_context(const struct fuda_mdoc_trust *trust)
{
	return trust->ctx;
}

const struct anchor *trust_anchor_at(const struct fuda_mdoc_trust *trust, size_t i)
{
	return i < trust->anchor_count ? trust->anchors[i] : NULL;
}

const struct trusted_list *trust_list_at(const struct fuda_mdoc_trust *trust, size_t i)
{
	return i < trust->list_count ? &trust->lists[i] : NULL;
}

void trust_drop_list(struct fuda_mdoc_trust *trust, const struct issuer_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < trust->list_count; i++) {
		struct trusted_list *one = &trust->lists[i];

		if (one->list == list)
			issuer_list_free(&one->list);
		else
			trust->lists[kept++] = *one;
	}
	trust->list_count = kept;
}

struct judged_cache *trust_judged(struct fuda_mdoc_trust *trust)
{
	return &trust->judged;
}
