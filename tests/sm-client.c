/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sm-client.h"

#include <fuda/encode.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include "tests/softfiles.h"
#include "tests/cmocka.h"

#define BLOCK 16

/* The IV of a counter, and CBC under it: the same for both directions. */
static void crypt_cbc(const struct sm_client *c, int encrypt, uint8_t *bytes, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t iv[BLOCK] = { 0 }, out[1024];
	int n = 0;

	assert_in_range(len, BLOCK, sizeof(out));
	for (int i = 0; i < 8; i++)
		iv[8 + i] = (uint8_t)(c->counter >> (56 - 8 * i));
	assert_int_equal(EVP_CipherInit_ex(ctx, EVP_aes_128_ecb(), NULL, c->key, NULL, 1), 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	assert_int_equal(EVP_CipherUpdate(ctx, iv, &n, iv, BLOCK), 1);
	EVP_CIPHER_CTX_reset(ctx);
	assert_int_equal(EVP_CipherInit_ex(ctx, EVP_aes_128_cbc(), NULL, c->key, iv, encrypt), 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	assert_int_equal(EVP_CipherUpdate(ctx, out, &n, bytes, (int)len), 1);
	assert_int_equal(n, len);
	memcpy(bytes, out, len);
	EVP_CIPHER_CTX_free(ctx);
}

void sm_set_key(EVP_PKEY *key, const uint8_t *plain, size_t len, char ret_command[SM_HEX_MAX])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t out[256];
	size_t out_len = sizeof(out);

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, out, &out_len, plain, len), 1);
	EVP_PKEY_CTX_free(ctx);
	snprintf(ret_command, SM_HEX_MAX, "80AE0000" "000100");
	fuda_hex_encode(out, out_len, ret_command + strlen(ret_command));
}

void sm_open(struct vcard *v, struct sm_client *c, uint8_t first)
{
	uint8_t plain[36] = { 0xA0, 0x22, 0x80, 0x20 };
	EVP_PKEY *key = softfiles_key("text-0006.pem");
	char command[SM_HEX_MAX];

	for (int i = 0; i < 32; i++)
		plain[4 + i] = (uint8_t)(first + i);
	sm_set_key(key, plain, sizeof(plain), command);
	expect(v, command, "9000");
	memcpy(c->key, plain + 4, sizeof(c->key));
	c->counter = 1;
	EVP_PKEY_free(key);
}

void sm_object(const struct sm_client *c, const char *plain_hex, char ret_object[SM_HEX_MAX])
{
	struct fuda_buf b = FUDA_BUF_INIT(64);

	assert_int_equal(fuda_hex_decode(plain_hex, &b), 0);
	assert_int_equal(fuda_buf_append(&b, "\x80", 1), 0);
	while (b.len % BLOCK)
		assert_int_equal(fuda_buf_append(&b, "\x00", 1), 0);
	crypt_cbc(c, 1, b.data, b.len);
	snprintf(ret_object, SM_HEX_MAX, "86%02zX01", b.len + 1);
	fuda_hex_encode(b.data, b.len, ret_object + strlen(ret_object));
	fuda_buf_free(&b);
}

void sm_send(struct vcard *v, struct sm_client *c, const char *head, const char *plain_hex,
	     const char *sw)
{
	char object[SM_HEX_MAX], command[SM_HEX_MAX + 16];

	sm_object(c, plain_hex, object);
	snprintf(command, sizeof(command), "%s%02zX%s", head, strlen(object) / 2, object);
	expect(v, command, sw);
	c->counter++;
}

static void read_command(const char *head, unsigned le, char ret_command[64])
{
	snprintf(ret_command, 64, "%s" "000005" "960300%04X" "0000", head, le);
}

void sm_read(struct vcard *v, struct sm_client *c, const char *head, unsigned le,
	     const char *plain_hex)
{
	char command[64], hex[SM_HEX_MAX];
	struct fuda_buf answer;
	size_t skip, len;
	uint8_t *p;

	read_command(head, le, command);
	answer = fetch(v, command);
	p = answer.data;
	/* 86, length in one to three bytes, 01 */
	assert_in_range(answer.len, 3 + BLOCK, 1000);
	assert_int_equal(p[0], 0x86);
	skip = p[1] == 0x82 ? 4 : p[1] == 0x81 ? 3 : 2;
	len = p[1] == 0x82 ? (size_t)p[2] << 8 | p[3] : p[skip - 1];
	assert_true(skip == 2 ? len < 0x80 : skip == 3 ? len >= 0x80 : len > 0xFF);
	assert_int_equal(skip + len, answer.len);
	assert_int_equal(p[skip], 0x01);
	p += skip + 1;
	len--;
	assert_int_equal(len % BLOCK, 0);
	crypt_cbc(c, 0, p, len);
	for (skip = 0; p[len - 1] == 0x00; len--)
		skip++;
	assert_int_equal(p[len - 1], 0x80);
	assert_in_range(skip, 0, BLOCK - 1);
	fuda_hex_encode(p, len - 1, hex);
	assert_string_equal(hex, plain_hex);
	fuda_buf_free(&answer);
	c->counter++;
}

void sm_read_fails(struct vcard *v, struct sm_client *c, const char *head, unsigned le,
		   const char *sw)
{
	char command[64];

	read_command(head, le, command);
	expect(v, command, sw);
	c->counter++;
}
