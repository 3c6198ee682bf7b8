/* SPDX-License-Identifier: Apache-2.0 */
/* What a holder of credentials shows of them. */
#include <stdlib.h>

#include "base/context.h"
#include "mdoc/key.h"
#include "mdoc/mso.h"
#include "mdoc/response.h"
#include "mdoc/session.h"

enum { HELD_MAX = 64 };

/* A credential with what presenting needs of it. */
struct ready {
	struct held held;
	uint8_t mac_key[HMAC_BYTES];
};

/* One presentation. */
struct showing {
	struct fuda_context *ctx;
	struct cursor transcript;
	fuda_mdoc_consent consent;
	void *arg;
	struct device_request request;
	struct ready ready[HELD_MAX];
	struct held held[HELD_MAX];
	size_t count;
};

static struct cursor cursor_of(struct fuda_mdoc_span span)
{
	return cur_of(span.bytes, span.len);
}

static struct fuda_mdoc_span span_of(struct cursor c)
{
	return (struct fuda_mdoc_span){ c.p, c.left };
}

static int malformed(struct showing *s)
{
	return ctx_fail(s->ctx, FUDA_EINVAL,
			_("The credential is no IssuerSigned of ISO 18013-5, or damaged."));
}

/* What its issuer signed; findings are for who verifies. */
static int read_mso(struct showing *s, struct cursor bytes, struct mso *ret)
{
	struct fuda_mdoc_findings findings = { 0 };
	struct issuer_signed issuer;
	struct cbor item;

	if (cbor_read(bytes, &item, NULL) < 0 || issuer_signed_read(&item, &issuer) < 0 ||
	    mso_read(issuer.auth.payload, true, &findings, ret) < 0)
		return malformed(s);
	return 0;
}

static int check_key(struct showing *s, const struct mso *mso, const struct private_key *key)
{
	_cleanup_(key_free) struct key *issued = NULL;
	int r = cose_key_read(&mso->device_key, &issued);

	if (r == FUDA_ENOMEM || r == FUDA_EFAILED)
		return ctx_fail_code(s->ctx, r);
	if (r < 0)
		return malformed(s);
	if (!key_equal(issued, private_public(key)))
		return ctx_fail(s->ctx, FUDA_EINVAL,
				_("The device key is not the one that the credential was issued "
				  "for."));
	return 0;
}

/* The reader's ephemeral key stands in the transcript of who meets face to face. */
static int make_mac_key(struct showing *s, const struct private_key *key, uint8_t ret[HMAC_BYTES])
{
	_cleanup_(key_free) struct key *reader = NULL;
	struct cbor array, part, item;
	struct cursor c;
	int r = FUDA_EFORMAT;

	if (cbor_read(s->transcript, &array, NULL) == 0) {
		c = array.content;
		if (cbor_next(&c, &part) == 0 && cbor_next(&c, &part) == 0 &&
		    cbor_embedded(&part, &item) == 0)
			r = cose_key_read(&item, &reader);
	}
	if (r == 0)
		r = session_mac_key(key, reader, s->transcript, ret);
	if (r == FUDA_ENOMEM || r == FUDA_EFAILED)
		return ctx_fail_code(s->ctx, r);
	return r < 0 ? ctx_fail(s->ctx, FUDA_EINVAL,
				_("There can be no MAC: the transcript has no key of a reader on "
				  "the "
				  "curve of the device key. Prove by a signature.")) :
		       0;
}

static int make_ready(struct showing *s, const struct fuda_mdoc_held *from, struct ready *ret)
{
	struct mso mso;
	int r = read_mso(s, cursor_of(from->issuer_signed), &mso);

	if (r == 0)
		r = check_key(s, &mso, from->key->private);
	if (r == 0 && from->by_mac)
		r = make_mac_key(s, from->key->private, ret->mac_key);
	if (r < 0)
		return r;
	ret->held = (struct held){
		.doctype = mso.doctype,
		.issuer_signed = cursor_of(from->issuer_signed),
		.device = private_signer(from->key->private),
		.mac_key = from->by_mac ? ret->mac_key : NULL,
	};
	return 0;
}

static bool ask_consent(void *arg, struct cursor doctype, struct cursor space, struct cursor name,
			bool retain)
{
	const struct showing *s = arg;

	return !s->consent ||
	       s->consent(s->arg, span_of(doctype), span_of(space), span_of(name), retain);
}

static int show(struct showing *s, struct fuda_mdoc_span request, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf response = FUDA_BUF_INIT(RESPONSE_MAX);
	int r = request_read(cursor_of(request), &s->request);

	if (r < 0)
		return ctx_fail(s->ctx, FUDA_EINVAL,
				_("The request is no DeviceRequest of version 1, or is too long."));
	for (size_t i = 0; i < s->count; i++)
		s->held[i] = s->ready[i].held;
	r = response_put(&s->request, s->held, s->count, s->transcript, ask_consent, s, &response);
	if (r == FUDA_EFORMAT)
		return malformed(s);
	if (r == 0)
		r = fuda_buf_append(ret, response.data, response.len);
	return r < 0 ? ctx_fail_code(s->ctx, r) : 0;
}

int fuda_mdoc_present(struct fuda_context *ctx, struct fuda_mdoc_span request,
		      const struct fuda_mdoc_held *held, size_t count,
		      struct fuda_mdoc_span transcript, fuda_mdoc_consent consent, void *arg,
		      struct fuda_buf *ret_response)
{
	struct showing *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	s->ctx = ctx;
	s->transcript = cursor_of(transcript);
	s->consent = consent;
	s->arg = arg;
	if (count > HELD_MAX)
		r = ctx_fail(ctx, FUDA_EINVAL, _("At most %d credentials are shown at once."),
			     HELD_MAX);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = make_ready(s, &held[i], &s->ready[s->count++]);
	if (r == 0)
		r = show(s, request, ret_response);
	wipe(s, sizeof(*s));
	free(s);
	return r;
}
