/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures, challenges and the commands around terminals: card.md 3 and 3.1. */
#include "vcard/internal.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>
#include <fuda/hash.h>

#define HASH_LEN    32
#define MESSAGE_V15 0x03 /* the P1 whose form INTERNAL AUTHENTICATE has too: card.md 3 */

/* By P1, card.md 3.1. */
static const struct scheme {
	size_t min, max;  /* bytes of input */
	bool hashes;      /* the input is a message, not a hash */
	bool digest_info; /* the hash goes into a DigestInfo */
	int padding;
} schemes[] = {
	{ 1, 245, false, false, RSA_PKCS1_PADDING },
	{ 1, 255, true, false, RSA_PKCS1_PADDING },
	{ HASH_LEN, HASH_LEN, false, true, RSA_PKCS1_PADDING },
	{ 1, 255, true, true, RSA_PKCS1_PADDING },
	{ HASH_LEN, HASH_LEN, false, true, RSA_PKCS1_PSS_PADDING },
	{ 1, 255, true, true, RSA_PKCS1_PSS_PADDING },
};

static bool prepare(EVP_PKEY_CTX *ctx, const struct scheme *s)
{
	if (EVP_PKEY_sign_init(ctx) <= 0 || EVP_PKEY_CTX_set_rsa_padding(ctx, s->padding) <= 0)
		return false;
	/* Without a digest OpenSSL pads the input verbatim. */
	if (s->digest_info && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) <= 0)
		return false;
	return s->padding != RSA_PKCS1_PSS_PADDING ||
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, HASH_LEN) > 0;
}

static uint16_t sign_input(EVP_PKEY *key, const struct scheme *s, const uint8_t *input, size_t len,
			   struct fuda_buf *ret_data)
{
	uint8_t signature[RSA_MAX];
	size_t signature_len = sizeof(signature);
	EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	uint16_t sw = 0x6F00;

	if (ctx && prepare(ctx, s) &&
	    EVP_PKEY_sign(ctx, signature, &signature_len, input, len) > 0 &&
	    fuda_buf_append(ret_data, signature, signature_len) == 0)
		sw = 0x9000;
	EVP_PKEY_CTX_free(ctx);
	return sw;
}

/* A key IEF of the kind; P2 is as for vcard_reference(), or 00 for the key that the application has
 * of its own. */
static uint16_t find_key(struct vcard *v, uint8_t p2, enum ef_kind kind, struct ef_state **ret)
{
	struct ef_state *ef = &v->df->ef[v->df->type->default_key % SFIS];
	uint16_t sw = 0x9000;

	if (p2 != 0x00)
		sw = vcard_reference(v, p2, &ef);
	else if (!ef->type)
		sw = 0x6A88;
	if (sw != 0x9000)
		return sw;
	if (ef->type->kind != kind)
		return 0x6981;
	if (!vcard_opened(v, ef))
		return 0x6982;
	*ret = ef;
	return 0x9000;
}

static uint16_t sign(EVP_PKEY *key, const struct scheme *s, const struct apdu *a,
		     struct fuda_buf *ret_data)
{
	struct fuda_digest digest;

	if (!s->hashes)
		return sign_input(key, s, a->data, a->lc, ret_data);
	if (fuda_digest_bytes(FUDA_SHA256, a->data, a->lc, &digest) < 0)
		return 0x6F00;
	return sign_input(key, s, digest.bytes, digest.len, ret_data);
}

uint16_t cmd_sign(struct vcard *v, const struct apdu *a, struct fuda_buf *ret_data)
{
	const struct scheme *s;
	struct ef_state *ef;
	uint16_t sw;

	if (a->p1 >= ARRAY_SIZE(schemes))
		return 0x6A86;
	s = &schemes[a->p1];
	sw = find_key(v, a->p2, EF_KEY, &ef);
	if (sw != 0x9000)
		return sw;
	if (!a->lc)
		return 0x6700;
	if (a->lc < s->min || a->lc > s->max)
		return (uint16_t)v->conf.opt.sign_length;
	return sign(vcard_key(ef), s, a, ret_data);
}

uint16_t cmd_challenge(_unused_ struct vcard *v, const struct apdu *a, struct fuda_buf *ret_data)
{
	uint8_t challenge[256];

	if (a->p1 || a->p2)
		return 0x6A86;
	if (a->lc || !a->le)
		return 0x6700;
	if (a->extended)
		return 0x6985;
	if (fuda_random(challenge, a->le) < 0 || fuda_buf_append(ret_data, challenge, a->le) < 0)
		return 0x6F00;
	return 0x9000;
}

static bool authenticates(const struct application *app)
{
	for (size_t i = 0; i < app->count; i++)
		if (app->efs[i].kind == EF_INTERNAL)
			return true;
	return false;
}

/* Only the common application answers it: card.md 3. */
uint16_t cmd_internal_auth(struct vcard *v, const struct apdu *a, struct fuda_buf *ret_data)
{
	struct ef_state *ef;
	uint16_t sw;

	if (!authenticates(v->df->type))
		return (uint16_t)v->conf.opt.internal_auth;
	if (a->p1)
		return 0x6A86;
	sw = find_key(v, a->p2, EF_INTERNAL, &ef);
	if (sw != 0x9000)
		return sw;
	if (!a->lc || a->lc > schemes[MESSAGE_V15].max)
		return 0x6700;
	return sign(vcard_key(ef), &schemes[MESSAGE_V15], a, ret_data);
}

#define TERMINAL_CA 0x0016

/* The two halves of a terminal's certificate: card.md 3. No terminal CA has signed for this card,
 * so a signature of the right form is always a wrong one. */
uint16_t cmd_terminal(struct vcard *v, const struct apdu *a, _unused_ struct fuda_buf *ret_data)
{
	static const struct half {
		uint8_t p1;
		size_t len;
		uint8_t head[10];
		size_t head_len;
	} halves[] = {
		{ 0x06, 307, { 0x7F, 0x21, 0x82, 0x02, 0x33, 0x5F, 0x4E, 0x82, 0x01, 0x29 }, 10 },
		{ 0x00, 261, { 0x5F, 0x37, 0x82, 0x01, 0x00 }, 5 },
	};
	const struct half *h = &halves[a->p1 != 0x06];
	bool second = v->terminal_half;

	if (a->p2 != 0xC1 || a->p1 != h->p1)
		return 0x6A86;
	v->terminal_half = false;
	if (!v->ef)
		return 0x6986;
	if (v->ef->type->fid != TERMINAL_CA)
		return 0x6981;
	if (a->lc != h->len)
		return 0x6700;
	if (memcmp(a->data, h->head, h->head_len) != 0)
		return 0x6A80;
	if (h == &halves[0]) {
		v->terminal_half = true;
		return 0x9000;
	}
	return second ? 0x6A80 : 0x6985;
}
