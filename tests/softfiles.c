/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/softfiles.h"

#include <fuda/encode.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include "base/util.h"
#include "tests/cmocka.h"

#define TEXT_SIZE 2048
#define SESSION_KEY "text-0006"

static const char secrets[] = "secret.text = 1111\n"
			      "secret.text-a = 111111111111\n"
			      "secret.text-b = 11111111111111\n"
			      "secret.face-a = 222222222222\n"
			      "secret.face-b = 22222222222222\n"
			      "secret.birth = 222222\n"
			      "secret.juki = 3333\n"
			      "secret.common = 4444\n";

static const struct {
	const char *name, *hex;
} files[] = {
	{ "face-0001.bin", "FA01" },
	{ "face-0002.bin", "FA02" },
	{ "face-0003.bin", "FA03" },
	{ "face-0004.bin", "FA04" },
	{ "face-0005.bin", "FA05" },
	{ "face-0006.bin", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" },
	{ "text-0001.bin", TEXT_0001 },
	{ "text-0003.bin", "7E03" },
	{ "text-0004.bin", "7E04" },
	{ "text-0005.bin", "7E05" },
	{ "text-0007.bin", "7E07" },
	{ "text-0008.bin", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" },
	/* a record of one byte of length, one of three, an empty one, filler */
	{ "common-0001.bin", "0103AABBCC" "02FF0002DDEE" "0300" "FFFF" },
	{ "common-0002.bin", "0110" "00112233445566778899AABBCCDDEEFF" },
	{ "juki-0002.bin", "0110" "00112233445566778899AABBCCDDEEFF" },
	{ "isd-0042.bin", "00112233445566778899AABBCCDDEEFF" },
	{ "isd-0045.bin", "3435" },
	{ "isd-0066.bin", "7300" },
	{ "isd-00F0.bin", "3133323231" },
	{ "isd-00F2.bin", "3230333530323137" },
	{ "isd-00F7.bin", "F7" },
	{ "isd-00F8.bin", "F8" },
	{ "isd-5F51.bin", "E000FF8131FE4514" },
};

static const char *const keys[] = { "face-001A.pem", "text-0013.pem", "common-0019.pem",
				    SESSION_KEY ".pem" };

uint8_t softfiles_byte(size_t i)
{
	return (uint8_t)(i * 7 + i / 256);
}

void softfiles_write(const char *name, const void *bytes, size_t len)
{
	FILE *f = fopen(softcard_path(name), "w");

	assert_non_null(f);
	if (len)
		assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static int write_key(const char *name)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	FILE *f = fopen(softcard_path(name), "w");
	int ok = key && f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) > 0;

	EVP_PKEY_free(key);
	return f && fclose(f) == 0 && ok ? 0 : -1;
}

EVP_PKEY *softfiles_key(const char *name)
{
	FILE *f = fopen(softcard_path(name), "r");
	EVP_PKEY *key;

	assert_non_null(f);
	key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	assert_non_null(key);
	fclose(f);
	return key;
}

/* EF 0006 of the text application: card.md 2.7. */
static void write_session_key(void)
{
	uint8_t file[269] = { 0xA1, 0x82, 0x01, 0x09, 0x90, 0x03, 0x01,
			      0x00, 0x01, 0x91, 0x82, 0x01, 0x00 };
	EVP_PKEY *key = softfiles_key(SESSION_KEY ".pem");
	BIGNUM *n = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
	assert_int_equal(BN_bn2binpad(n, file + 13, 256), 256);
	softfiles_write(SESSION_KEY ".bin", file, sizeof(file));
	BN_free(n);
	EVP_PKEY_free(key);
}

int softfiles_setup(void **state)
{
	uint8_t bytes[SOFTFILES_LONG];

	if (softcard_setup(state) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (write_key(keys[i]) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct fuda_buf b = FUDA_BUF_INIT(64);

		if (fuda_hex_decode(files[i].hex, &b) < 0)
			return -1;
		softfiles_write(files[i].name, b.data, b.len);
		fuda_buf_free(&b);
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = softfiles_byte(i);
	softfiles_write("text-0002.bin", bytes, sizeof(bytes));
	softfiles_write("isd-7F21.bin", bytes, sizeof(bytes));
	write_session_key();
	return 0;
}

int softfiles_teardown(void **state)
{
	return softcard_teardown(state);
}

struct vcard *softfiles_on(const char *settings)
{
	char text[TEXT_SIZE];

	snprintf(text, sizeof(text), "%s%s", secrets, settings ? settings : "");
	return softcard_on(text);
}

void softfiles_after(const char *settings, const struct exchange *exchanges)
{
	struct vcard *v = softfiles_on(settings);

	expect_all(v, exchanges);
	softcard_free(&v);
}
