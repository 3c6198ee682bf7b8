/* SPDX-License-Identifier: Apache-2.0 */
/* Secure messaging of the text application: card.md 3.3. It hides what passes and protects
 * nothing else: there is no check of integrity in it. */
#include "vcard/internal.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>
#include "codec/tlv.h"

#define SM_AUTHENTICATED 0x04 /* of the class, beside SM_CLASS */
#define PROPRIETARY	 0x80
#define BLOCK		 16
#define PADDED		 0x01 /* before a ciphertext: ISO 7816-4 padding inside */
#define SEED_LEN	 32
#define TAG_CIPHERTEXT	 0x86
#define TAG_LE		 0x96
#define WHOLE_FILE	 65536
#define ANY		 (-1)

/* The commands that can be wrapped, and the one object that each has for data. */
static const struct form {
	uint8_t ins;
	int p1;
	uint8_t tag;
} forms[] = {
	{ 0x20, ANY, TAG_CIPHERTEXT },
	{ 0xA4, 0x02, TAG_CIPHERTEXT },
	{ 0xB0, ANY, TAG_LE },
};

static const struct form *find_form(const struct apdu *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (forms[i].ins == a->ins && (forms[i].p1 == ANY || forms[i].p1 == a->p1))
			return &forms[i];
	return NULL;
}

void vcard_sm_end(struct vcard *v)
{
	wipe(&v->session, sizeof(v->session));
}

uint16_t vcard_sm_check(const struct vcard *v, const struct apdu *a)
{
	if (v->df->type->session != 0x9000)
		return a->ins == 0xB0 || a->ins == 0x20 ? 0x69FC : 0x6882;
	if (!find_form(a) || a->cla & PROPRIETARY || !(a->cla & SM_CLASS))
		return 0x6882;
	if (a->cla & SM_AUTHENTICATED)
		return 0x6987;
	return v->session.open ? 0x9000 : 0x69FC;
}

/* In place; `iv` is NULL for ECB. */
static bool aes(const EVP_CIPHER *cipher, bool encrypt, const uint8_t *key, const uint8_t *iv,
		uint8_t *bytes, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int done = 0, rest = 0;
	bool ok = ctx && EVP_CipherInit_ex(ctx, cipher, NULL, key, iv, encrypt) > 0 &&
		  EVP_CIPHER_CTX_set_padding(ctx, 0) > 0 &&
		  EVP_CipherUpdate(ctx, bytes, &done, bytes, (int)len) > 0 &&
		  EVP_CipherFinal_ex(ctx, bytes + done, &rest) > 0;

	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

/* In place, under the IV that belongs to the counter, for a command as for its response. */
static bool session_crypt(const struct sm_session *s, bool encrypt, uint8_t *bytes, size_t len)
{
	uint8_t iv[BLOCK] = { 0 };

	for (size_t i = 0; i < sizeof(s->counter); i++)
		iv[BLOCK - 1 - i] = (uint8_t)(s->counter >> 8 * i);
	return aes(EVP_aes_128_ecb(), true, s->key, NULL, iv, BLOCK) &&
	       aes(EVP_aes_128_cbc(), encrypt, s->key, iv, bytes, len);
}

/* The length without `80 00...`; FUDA_EFORMAT if that is not what the last block ends in. */
static int unpad(const struct fuda_buf *padded, size_t *ret_len)
{
	size_t len = padded->len;

	while (len && padded->data[len - 1] == 0x00)
		len--;
	if (!len || padded->data[len - 1] != 0x80 || padded->len - len >= BLOCK)
		return FUDA_EFORMAT;
	*ret_len = len - 1;
	return 0;
}

/* The plaintext of a ciphertext object: `ret->data` and the length. */
static int take_ciphertext(const struct sm_session *s, struct cursor value, struct fuda_buf *ret,
			   size_t *ret_len)
{
	uint8_t indicator;

	if (cur_u8(&value, &indicator) < 0 || indicator != PADDED || !value.left ||
	    value.left % BLOCK || fuda_buf_set(ret, value.p, value.left) < 0 ||
	    !session_crypt(s, false, ret->data, ret->len))
		return FUDA_EFORMAT;
	return unpad(ret, ret_len);
}

/* `00 Le Le`, where none is all. */
static int take_le(struct cursor value, size_t *ret_le)
{
	uint8_t zero;
	uint16_t le;

	if (cur_u8(&value, &zero) < 0 || zero || cur_u16(&value, &le) < 0 || value.left)
		return FUDA_EFORMAT;
	*ret_le = le ? le : WHOLE_FILE;
	return 0;
}

/* The command inside `a`; its data stays in `ret_plain`. */
static int unwrap(const struct sm_session *s, const struct apdu *a, struct fuda_buf *ret_plain,
		  struct apdu *ret)
{
	struct cursor c = cur_of(a->data, a->lc);
	struct apdu inner = { .ins = a->ins, .p1 = a->p1, .p2 = a->p2, .le = a->le };
	uint8_t tag = find_form(a)->tag;
	struct tlv t;
	int r;

	if (tlv_next(&c, &t) < 0 || c.left || t.tag != tag)
		return FUDA_EFORMAT;
	if (tag == TAG_LE)
		r = take_le(t.value, &inner.le);
	else
		r = take_ciphertext(s, t.value, ret_plain, &inner.lc);
	inner.data = ret_plain->data;
	if (r == 0)
		*ret = inner;
	return r;
}

/* Appends tag and length (DER) of an object with a ciphertext. */
static int append_head(size_t len, struct fuda_buf *ret)
{
	const uint8_t head[] = { TAG_CIPHERTEXT, 0x82, (uint8_t)(len >> 8), (uint8_t)len };

	if (fuda_buf_append(ret, head, 1) < 0 ||
	    (len > 0xFF && fuda_buf_append(ret, head + 1, 2) < 0) ||
	    (len > 0x7F && len <= 0xFF && fuda_buf_append(ret, (const uint8_t[]){ 0x81 }, 1) < 0))
		return FUDA_ENOMEM;
	return fuda_buf_append(ret, head + 3, 1);
}

/* Always padded, if by a whole block. */
static int wrap(const struct sm_session *s, struct fuda_buf *plain, struct fuda_buf *ret_data)
{
	static const uint8_t padding[BLOCK] = { 0x80 }, padded[] = { PADDED };

	if (fuda_buf_append(plain, padding, BLOCK - plain->len % BLOCK) < 0 ||
	    !session_crypt(s, true, plain->data, plain->len) ||
	    append_head(sizeof(padded) + plain->len, ret_data) < 0 ||
	    fuda_buf_append(ret_data, padded, sizeof(padded)) < 0)
		return FUDA_ENOMEM;
	return fuda_buf_append(ret_data, plain->data, plain->len);
}

uint16_t vcard_sm_run(struct vcard *v, const struct apdu *a, command_fn *run,
		      struct fuda_buf *ret_data)
{
	_cleanup_buf_ struct fuda_buf plain = FUDA_BUF_INIT(APDU_COMMAND_MAX);
	_cleanup_buf_ struct fuda_buf answer = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	struct apdu inner;
	uint16_t sw;

	if (unwrap(&v->session, a, &plain, &inner) < 0) {
		vcard_sm_end(v);
		return 0x6988;
	}
	sw = run(v, &inner, &answer);
	if (answer.len && wrap(&v->session, &answer, ret_data) < 0)
		return 0x6F00;
	v->session.counter++;
	return sw;
}

/* Whether a ciphertext is a number that RSA can have made: less than the modulus. */
static bool below_modulus(EVP_PKEY *key, const uint8_t *bytes, size_t len)
{
	BIGNUM *modulus = NULL, *number = BN_bin2bn(bytes, (int)len, NULL);
	bool below = number && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) > 0 &&
		     BN_cmp(number, modulus) < 0;

	BN_free(modulus);
	BN_free(number);
	return below;
}

/* RSA-OAEP with SHA-256 for both of its hashes, and no label. */
static bool decrypt(EVP_PKEY *key, const struct apdu *a, uint8_t *ret, size_t *ret_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool ok = ctx && EVP_PKEY_decrypt_init(ctx) > 0 &&
		  EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
		  EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) > 0 &&
		  EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) > 0 &&
		  EVP_PKEY_decrypt(ctx, ret, ret_len, a->data, a->lc) > 0;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static EVP_PKEY *session_key_pair(struct app_state *app)
{
	for (size_t i = 0; i < SFIS; i++)
		if (app->ef[i].type && app->ef[i].type->session)
			return vcard_key(&app->ef[i]);
	return NULL;
}

uint16_t cmd_session_key(struct vcard *v, const struct apdu *a, _unused_ struct fuda_buf *ret_data)
{
	static const uint8_t head[] = { 0xA0, 0x22, 0x80, SEED_LEN };
	uint16_t sw = v->df->type->session;
	EVP_PKEY *key = session_key_pair(v->df);
	uint8_t plain[RSA_MAX];
	size_t len = sizeof(plain);

	if (sw != 0x9000)
		return sw;
	if (a->p1 || a->p2)
		return 0x6A86;
	if (!key)
		return 0x66F1;
	/* the number A opens the file with the key, but not this */
	if (!v->conf.pin[PIN_TEXT].verified)
		return 0x6982;
	if (a->lc != (size_t)EVP_PKEY_get_size(key))
		return 0x6700;
	if (!below_modulus(key, a->data, a->lc))
		return 0x6F00;
	sw = 0x6A80;
	if (decrypt(key, a, plain, &len) && len == sizeof(head) + SEED_LEN &&
	    memcmp(plain, head, sizeof(head)) == 0) {
		v->session = (struct sm_session){ .open = true, .counter = 1 };
		memcpy(v->session.key, plain + sizeof(head), sizeof(v->session.key));
		sw = 0x9000;
	}
	wipe(plain, sizeof(plain));
	return sw;
}
