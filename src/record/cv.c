/* SPDX-License-Identifier: Apache-2.0 */
/* CV certificates: card.md 2.8. */
#include "record/cv.h"

#include <fuda/encode.h>

#include "base/context.h"
#include "codec/tlv.h"

enum { TAG_CV = 0x7F21, TAG_BODY = 0x5F4E, TAG_SIGNATURE = 0x5F37, SIGNATURE_SIZE = 256 };

/* Where the parts of a key id stand: seven digits, 08 05, three digits, padding. */
enum { ID_NUMBER = 7, ID_MARK = 2, ID_VERSION = 3 };

static bool all_digits(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

void fuda_cv_id_text(const uint8_t id[FUDA_CV_ID], char ret_text[FUDA_CV_ID_TEXT])
{
	static const uint8_t mark[ID_MARK] = { 0x08, 0x05 };
	const uint8_t *version = id + ID_NUMBER + ID_MARK;

	if (!all_digits(id, ID_NUMBER) || memcmp(id + ID_NUMBER, mark, ID_MARK) != 0 ||
	    !all_digits(version, ID_VERSION)) {
		fuda_hex_encode(id, FUDA_CV_ID, ret_text);
		return;
	}
	memcpy(ret_text, id, ID_NUMBER);
	ret_text[ID_NUMBER] = '/';
	memcpy(ret_text + ID_NUMBER + 1, version, ID_VERSION);
	ret_text[ID_NUMBER + 1 + ID_VERSION] = '\0';
}

static int malformed(struct fuda_context *ctx, const char *part)
{
	return ctx_fail(ctx, FUDA_EFORMAT,
			_("The CV certificate (7F21) is malformed: %s. Read the card again; if it "
			  "stays so, do not accept it."),
			part);
}

/* Files of the card have the header, data objects do not: card.md 2.2. */
static int skip_header(struct cursor *c)
{
	struct cursor at = *c;
	struct tlv t;

	if (tlv_next_der(&at, &t) < 0)
		return FUDA_EFORMAT;
	if (t.tag == TAG_CV && at.left)
		return FUDA_EFORMAT;
	if (t.tag == TAG_CV)
		*c = t.value;
	return 0;
}

static int read_body(struct fuda_context *ctx, struct cursor body, struct cv *cv)
{
	int r;

	if (cur_copy(&body, cv->facts.issuer, FUDA_CV_ID) < 0 ||
	    cur_copy(&body, cv->facts.subject, FUDA_CV_ID) < 0)
		return malformed(ctx, _("the key ids (5F4E)"));
	r = key_new_card(body, &cv->key);
	if (r == FUDA_EFORMAT)
		return malformed(ctx, _("the public key (5F4E)"));
	if (r < 0)
		return ctx_fail_code(ctx, r);
	cv->facts.key_bits = key_bits(cv->key);
	return 0;
}

int cv_read(struct fuda_context *ctx, const struct fuda_buf *file, struct cv *ret_cv)
{
	struct cursor c = cur_of(file->data, file->len);
	struct tlv body, signature;
	struct cv cv = { 0 };
	int r;

	if (skip_header(&c) < 0)
		return malformed(ctx, _("not one whole object"));
	if (tlv_expect(&c, TAG_BODY, &body) < 0)
		return malformed(ctx, _("the content (5F4E)"));
	if (tlv_expect(&c, TAG_SIGNATURE, &signature) < 0 || signature.value.left != SIGNATURE_SIZE)
		return malformed(ctx, _("the signature (5F37)"));
	if (c.left)
		return malformed(ctx, _("bytes behind its end"));
	r = read_body(ctx, body.value, &cv);
	if (r < 0)
		return r;
	cv.signed_ = body.value;
	cv.signature = signature.value;
	*ret_cv = cv;
	return 0;
}

void cv_free(struct cv *cv)
{
	key_free(&cv->key);
}

int fuda_cv_facts(struct fuda_context *ctx, const struct fuda_buf *cv, struct fuda_cv_facts *ret)
{
	_cleanup_(cv_free) struct cv read = { 0 };
	int r = cv_read(ctx, cv, &read);

	if (r == 0)
		*ret = read.facts;
	return r;
}

/* Whose authorities are whose: card.md 2.8. */
static enum fuda_world world_of(const uint8_t id[FUDA_CV_ID])
{
	switch (id[0]) {
	case '5':
		return FUDA_WORLD_PRODUCTION;
	case '6':
		return FUDA_WORLD_TEST;
	default:
		return FUDA_WORLD_UNKNOWN;
	}
}

/* Judges a certificate as issued by the one before it, or by an authority if there is none. */
static int judge_link(const struct fuda_cv_trust *trust, const struct cv *issuer,
		      const struct cv *cv, struct findings *f)
{
	const struct key *key;

	if (!key_is_rsa_2048(cv->key))
		find_broken(f, RULE_CERTIFICATE_KEY);
	if (issuer && memcmp(issuer->facts.subject, cv->facts.issuer, FUDA_CV_ID) != 0)
		find_broken(f, RULE_AUTHORITY_SIGNATURE);
	key = issuer ? issuer->key : cv_trust_find(trust, cv->facts.issuer);
	if (!key) {
		find_broken(f, RULE_AUTHORITY_UNKNOWN);
		return 0;
	}
	return find_signature(f, RULE_AUTHORITY_SIGNATURE,
			      judge_bytes(key, cv->signed_, cv->signature));
}

int cv_judge(const struct fuda_cv_trust *trust, const struct fuda_buf *chain, size_t count,
	     struct findings *f, struct cv *ret_last)
{
	const unsigned authority = 1u << RULE_AUTHORITY_SIGNATURE | 1u << RULE_AUTHORITY_UNKNOWN;
	_cleanup_(cv_free) struct cv last = { 0 };
	enum fuda_world world = FUDA_WORLD_UNKNOWN;

	for (size_t i = 0; i < count; i++) {
		_cleanup_(cv_free) struct cv cv = { 0 }, before = last;
		int r;

		last = (struct cv){ 0 };
		r = cv_read(cv_trust_context(trust), &chain[i], &cv);
		if (r == 0)
			r = judge_link(trust, i ? &before : NULL, &cv, f);
		if (r < 0)
			return r;
		if (i == 0)
			world = world_of(cv.facts.issuer);
		last = cv;
		cv = (struct cv){ 0 };
	}
	if (!(f->broken & authority))
		f->world = world;
	*ret_last = last;
	last = (struct cv){ 0 };
	return 0;
}

int fuda_cv_verify(const struct fuda_cv_trust *trust, const struct fuda_buf *chain, size_t count,
		   struct fuda_verdict *ret)
{
	_cleanup_(cv_free) struct cv last = { 0 };
	struct findings f = { 0 };
	int r;

	if (!count)
		return ctx_fail_code(cv_trust_context(trust), FUDA_EINVAL);
	r = cv_judge(trust, chain, count, &f, &last);
	if (r == 0)
		*ret = findings_verdict(&f);
	return r;
}
