/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard/cv.h"

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <fuda/encode.h>
#include "vcard/internal.h"

#define KEY_BITS  2048
#define MODULUS   (KEY_BITS / 8)
#define PEM_MAX   32768
#define DER_MAX   4096
#define LABEL_ID  "Key-Id: "
#define ID_DIGITS (2 * CV_ID)

/* The ids of the test world (card.md 2.8). That of the intermediate is not known, nor is the
 * padding: its last byte differs, as somebody may compare too little of it. */
static const struct {
	const char *seven, *three;
	uint8_t last;
} ids[] = {
	[CV_ROOT] = { "6000020", "001", 0x00 },
	[CV_FACE] = { "6000023", "001", 0x00 },
	[CV_TEXT] = { "6000033", "001", 0x01 },
	[CV_INTERMEDIATE] = { "6000021", "001", 0x00 },
};

void cv_key_id(const char *seven, const char *three, uint8_t last, uint8_t ret_id[CV_ID])
{
	memset(ret_id, 0, CV_ID);
	memcpy(ret_id, seven, 7);
	memcpy(ret_id + 7, "\x08\x05", 2);
	memcpy(ret_id + 9, three, 3);
	ret_id[CV_ID - 1] = last;
}

int cv_object(struct fuda_buf *b, uint16_t tag, const void *bytes, size_t len)
{
	uint8_t head[5];
	size_t n = 0;
	int r;

	if (len > 0xFFFF)
		return FUDA_ETOOBIG;
	if (tag > 0xFF)
		head[n++] = (uint8_t)(tag >> 8);
	head[n++] = (uint8_t)tag;
	if (len > 0x7F)
		head[n++] = len > 0xFF ? 0x82 : 0x81;
	if (len > 0xFF)
		head[n++] = (uint8_t)(len >> 8);
	head[n++] = (uint8_t)len;
	r = fuda_buf_append(b, head, n);
	return r < 0 ? r : fuda_buf_append(b, bytes, len);
}

int cv_public(EVP_PKEY *key, struct fuda_buf *ret_value)
{
	static const uint8_t exponent[] = { 0x01, 0x00, 0x01 }; /* that of EVP_RSA_gen() */
	uint8_t modulus[MODULUS];
	BIGNUM *n = NULL;
	int r = FUDA_EFAILED;

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) &&
	    BN_bn2binpad(n, modulus, sizeof(modulus)) == sizeof(modulus))
		r = cv_object(ret_value, 0x90, exponent, sizeof(exponent));
	BN_free(n);
	return r < 0 ? r : cv_object(ret_value, 0x91, modulus, sizeof(modulus));
}

int cv_sign_info(EVP_PKEY *key, const struct fuda_buf *info, uint8_t ret_signature[CV_SIGNATURE])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t signature[CV_SIGNATURE];
	size_t len = sizeof(signature);
	/* Without a digest OpenSSL pads the input verbatim. */
	bool ok = ctx && EVP_PKEY_sign_init(ctx) > 0 &&
		  EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
		  EVP_PKEY_sign(ctx, signature, &len, info->data, info->len) > 0 &&
		  len == sizeof(signature);

	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return FUDA_EFAILED;
	memcpy(ret_signature, signature, sizeof(signature));
	return 0;
}

int cv_sign(EVP_PKEY *key, const struct fuda_buf *bytes, uint8_t ret_signature[CV_SIGNATURE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[CV_SIGNATURE];
	size_t len = sizeof(signature);
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) > 0 &&
		  EVP_DigestSign(ctx, signature, &len, bytes->data, bytes->len) > 0 &&
		  len == sizeof(signature);

	EVP_MD_CTX_free(ctx);
	if (!ok)
		return FUDA_EFAILED;
	memcpy(ret_signature, signature, sizeof(signature));
	return 0;
}

int cv_certificate(const struct cv_key *issuer, const struct cv_key *subject,
		   struct fuda_buf *ret_content)
{
	_cleanup_buf_ struct fuda_buf body = FUDA_BUF_INIT(CV_MAX);
	uint8_t signature[CV_SIGNATURE];
	int r = fuda_buf_set(&body, issuer->id, CV_ID);

	if (r == 0)
		r = fuda_buf_append(&body, subject->id, CV_ID);
	if (r == 0)
		r = cv_public(subject->key, &body);
	if (r == 0)
		r = cv_sign(issuer->key, &body, signature);
	if (r == 0)
		r = cv_object(ret_content, 0x5F4E, body.data, body.len);
	return r < 0 ? r : cv_object(ret_content, 0x5F37, signature, sizeof(signature));
}

/* Appends "Key-Id: HEX" and the PEM block of one key. */
static int print_key(const struct cv_key *k, const char *label,
		     int (*encode)(const EVP_PKEY *key, unsigned char **ret_der),
		     struct fuda_buf *ret_pem)
{
	char digits[ID_DIGITS + 1], line[sizeof(LABEL_ID) + ID_DIGITS + 1];
	unsigned char *der = NULL;
	int len = encode(k->key, &der), r;

	fuda_hex_encode(k->id, CV_ID, digits);
	snprintf(line, sizeof(line), LABEL_ID "%s\n", digits);
	r = len > 0 ? fuda_buf_append(ret_pem, line, strlen(line)) : FUDA_EFAILED;
	if (r == 0)
		r = fuda_pem_encode(label, der, (size_t)len, ret_pem);
	if (len > 0)
		OPENSSL_clear_free(der, (size_t)len);
	return r;
}

int cv_print_public(const struct cv_hierarchy *h, struct fuda_buf *ret_pem)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < CV_AUTHORITIES; i++)
		r = print_key(&h->key[i], "PUBLIC KEY", i2d_PUBKEY, ret_pem);
	return r;
}

/* As PKCS#8, which "PRIVATE KEY" promises. */
static int encode_private(const EVP_PKEY *key, unsigned char **ret_der)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, ret_der) : -1;

	PKCS8_PRIV_KEY_INFO_free(info);
	return len;
}

int cv_print_private(const struct cv_hierarchy *h, struct fuda_buf *ret_pem)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < CV_ROLES; i++)
		r = print_key(&h->key[i], "PRIVATE KEY", encode_private, ret_pem);
	return r;
}

/* Takes the next key of a text that cv_print_private() wrote: its line, then its block. */
static int take_key(const char **text, size_t *left, struct cv_key *ret)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(DER_MAX), id = FUDA_BUF_INIT(CV_ID);
	const size_t head = strlen(LABEL_ID), line = head + ID_DIGITS;
	char digits[ID_DIGITS + 1] = "";
	const unsigned char *p;
	EVP_PKEY *key;

	while (*left && **text == '\n') {
		++*text;
		--*left;
	}
	if (*left < line || memcmp(*text, LABEL_ID, head) != 0)
		return FUDA_EFORMAT;
	memcpy(digits, *text + head, ID_DIGITS);
	*text += line;
	*left -= line;
	if (fuda_hex_decode(digits, &id) < 0 || id.len != CV_ID ||
	    fuda_pem_decode("PRIVATE KEY", text, left, &der) < 0)
		return FUDA_EFORMAT;
	p = der.data;
	key = d2i_AutoPrivateKey(NULL, &p, (long)der.len);
	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA ||
	    EVP_PKEY_get_bits(key) != KEY_BITS) {
		EVP_PKEY_free(key);
		return FUDA_EFORMAT;
	}
	memcpy(ret->id, id.data, CV_ID);
	ret->key = key;
	return 0;
}

/* Fills in the keys of another card that have the ids asked for. */
static int load(const char *authority, struct cv_hierarchy *h, char *ret_why, size_t why_size)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(PEM_MAX);
	int dir = open(authority, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = dir < 0 ? FUDA_EFILE : vfile_read(dir, CV_KEYS_FILE, &pem);
	const char *text = (const char *)pem.data;
	size_t left = pem.len;

	if (dir >= 0)
		close(dir);
	if (r < 0)
		return explain(ret_why, why_size, FUDA_EFILE,
			       "%s: cannot read " CV_KEYS_FILE " there; only a card of the kind "
			       "'card' can be an authority",
			       authority);
	for (size_t i = 0; r == 0 && i < CV_ROLES; i++) {
		struct cv_key k = { .key = NULL };

		r = take_key(&text, &left, &k);
		if (r == 0 && memcmp(k.id, h->key[i].id, CV_ID) == 0)
			h->key[i].key = k.key;
		else
			EVP_PKEY_free(k.key);
		if (r == 0 && i != CV_MUNICIPALITY && !h->key[i].key)
			r = FUDA_EFORMAT;
	}
	return r < 0 ? explain(ret_why, why_size, r,
			       "%s/" CV_KEYS_FILE ": not a file of "
			       "fuda-vcard make",
			       authority) :
		       0;
}

int cv_hierarchy_new(const char *municipality, const char *authority, struct cv_hierarchy *ret,
		     char *ret_why, size_t why_size)
{
	struct cv_hierarchy h = { 0 };
	char seven[8];
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		cv_key_id(ids[i].seven, ids[i].three, ids[i].last, h.key[i].id);
	snprintf(seven, sizeof(seven), "%.5s21", municipality);
	cv_key_id(seven, "000", 0, h.key[CV_MUNICIPALITY].id);
	if (authority)
		r = load(authority, &h, ret_why, why_size);
	for (size_t i = 0; r == 0 && i < CV_ROLES; i++) {
		if (!h.key[i].key)
			h.key[i].key = EVP_RSA_gen(KEY_BITS);
		if (!h.key[i].key)
			r = explain(ret_why, why_size, FUDA_EFAILED, "cannot make keys");
	}
	if (r < 0)
		cv_hierarchy_free(&h);
	else
		*ret = h;
	return r;
}

void cv_hierarchy_free(struct cv_hierarchy *h)
{
	for (size_t i = 0; i < CV_ROLES; i++) {
		EVP_PKEY_free(h->key[i].key);
		h->key[i].key = NULL;
	}
}
