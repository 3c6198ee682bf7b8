/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures, challenges and terminals of the software card: card.md 3 and 3.1. */
#include "tests/softcard.h"

#include <fuda/encode.h>
#include <fuda/error.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/cmocka.h"

static void refused_signatures(void **state)
{
	static const char *const bad_p1[] = { "802A069720" HASH "00", "802AFF9720" HASH "00",
					      "802A9E9A20" HASH "00", NULL };
	static const struct exchange closed[] = {
		{ "802A009720" HASH "00", "6982" },
		{ "802A009A20" HASH "00", "6982" },
		{ "802A009820" HASH "00", "6981" },
		{ "802A008A20" HASH "00", "6981" },
		{ "802A008720" HASH "00", "6A82" },
		{ "802A000020" HASH "00", "6A88" },
		{ "802A001720" HASH "00", "6A86" },
		{ "002A009720" HASH "00", "6D00" },
		{ VERIFY_AUTH, "9000" },
		{ "802A009700", "6700" },
		{ "802A009720" HASH, "6700" },	 /* no Le */
		{ "802A009720" HASH "80", "6700" }, /* less than a signature */
		{ "802A0297" "1F" "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E"
		  "00", "6985" },
		{ "802A049721" HASH "2000", "6985" },
		{ NULL },
	};

	(void)state;
	expect_each(NULL, "6A86", bad_p1);
	expect_after(NULL, true, closed);
}

/* `len` bytes of data in a signature command, as an extended APDU. */
static void sign_long(struct vcard *v, unsigned p1, size_t len, const char *answer)
{
	char *hex = malloc(2 * len + 32);
	int n = sprintf(hex, "802A%02X9700%04zX", p1, len);

	for (size_t i = 0; i < len; i++)
		n += sprintf(hex + n, "A5");
	sprintf(hex + n, "0000");
	expect(v, hex, answer);
	free(hex);
}

static void lengths_of_signatures(void **state)
{
	static const struct {
		const char *setting, *wrong;
	} readings[] = { { NULL, "6985" }, { "sign-length = 6700\n", "6700" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
		struct vcard *v = softcard_on(readings[i].setting);

		expect(v, SELECT_JPKI, "9000");
		expect(v, VERIFY_AUTH, "9000");
		sign_long(v, 0, 1, "<256>9000");
		sign_long(v, 0, 245, "<256>9000");
		sign_long(v, 0, 246, readings[i].wrong);
		for (unsigned p1 = 1; p1 <= 5; p1 += 2) {
			sign_long(v, p1, 255, "<256>9000");
			sign_long(v, p1, 256, readings[i].wrong);
		}
		for (unsigned p1 = 2; p1 <= 4; p1 += 2) {
			sign_long(v, p1, 32, "<256>9000");
			sign_long(v, p1, 31, readings[i].wrong);
			sign_long(v, p1, 33, readings[i].wrong);
		}
		softcard_free(&v);
	}
}

static EVP_PKEY *public_key(struct vcard *v, const char *read)
{
	struct fuda_buf der = fetch(v, read);
	const unsigned char *p = der.data;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);
	EVP_PKEY *key;

	assert_non_null(x);
	key = X509_get_pubkey(x);
	X509_free(x);
	fuda_buf_free(&der);
	return key;
}

/* The bytes that an RSA signature was made over, with the padding taken off; for PSS, whether it
 * verifies. */
static void check_signature(EVP_PKEY *key, unsigned p1, const struct fuda_buf *signature)
{
	static const char prefix[] = "3031300D060960864801650304020105000420";
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	struct fuda_buf want = FUDA_BUF_INIT(64), input = FUDA_BUF_INIT(64);
	unsigned char hash[32], got[256];
	size_t len = sizeof(got);

	assert_int_equal(fuda_hex_decode(HASH, &input), 0);
	memcpy(hash, input.data, 32);
	if (p1 % 2)
		SHA256(input.data, input.len, hash);
	if (p1 == 2 || p1 == 3)
		assert_int_equal(fuda_hex_decode(prefix, &want), 0);
	assert_int_equal(fuda_buf_append(&want, hash, 32), 0);
	if (p1 >= 4) {
		assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32), 1);
		assert_int_equal(EVP_PKEY_verify(ctx, signature->data, signature->len, hash, 32),
				 1);
	} else {
		assert_int_equal(EVP_PKEY_verify_recover_init(ctx), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
		assert_int_equal(EVP_PKEY_verify_recover(ctx, got, &len, signature->data,
							 signature->len), 1);
		assert_int_equal(len, want.len);
		assert_memory_equal(got, want.data, len);
	}
	EVP_PKEY_CTX_free(ctx);
	fuda_buf_free(&want);
	fuda_buf_free(&input);
}

static void schemes(void **state)
{
	struct vcard *v = softcard_on(NULL);
	EVP_PKEY *keys[2];

	(void)state;
	expect(v, SELECT_JPKI, "9000");
	expect(v, VERIFY_AUTH, "9000");
	expect(v, VERIFY_SIGN, "9000");
	keys[0] = public_key(v, "00B08A00000000");
	keys[1] = public_key(v, "00B08100000000");
	for (unsigned i = 0; i < 2; i++)
		for (unsigned p1 = 0; p1 <= 5; p1++) {
			struct fuda_buf signature;
			char command[128];

			snprintf(command, sizeof(command), "802A%02X%s20" HASH "00", p1,
				 i ? "9A" : "97");
			signature = fetch(v, command);
			check_signature(keys[i], p1, &signature);
			fuda_buf_free(&signature);
		}
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
	softcard_free(&v);
}

static void challenges(void **state)
{
	static const struct exchange exchanges[] = {
		{ "0084000001", "<1>9000" },
		{ "0084000000", "<256>9000" },
		{ "00840000", "6700" },
		{ "0084000001AA", "6700" },
		{ "0084000100", "6A86" },
		{ "0084010000", "6A86" },
		{ "00840000000008", "6985" },
		{ "00840000000000", "6985" },
		{ NULL },
	};
	struct fuda_buf a, b;
	struct vcard *v;

	(void)state;
	expect_after(NULL, false, exchanges);
	expect_after(NULL, true, exchanges);
	v = softcard_on(NULL);
	a = fetch(v, "0084000010");
	b = fetch(v, "0084000010");
	assert_memory_not_equal(a.data, b.data, 16);
	fuda_buf_free(&a);
	fuda_buf_free(&b);
	softcard_free(&v);
}

static void terminals(void **state)
{
	static const char *const bad[] = { "80A206C0", "80A205C1", "80A2FFC1", "80A20000", NULL };
	char first[7 * 2 + 307 * 2 + 1] = "80A206C1000133" "7F21820233" "5F4E820129";
	char second[7 * 2 + 261 * 2 + 1] = "80A200C1000105" "5F37820100";
	char zeros[7 * 2 + 256 * 2 + 1] = "80A200C1000100";
	struct vcard *v;

	(void)state;
	memset(first + strlen(first), '4', sizeof(first) - 1 - strlen(first));
	memset(second + strlen(second), '4', sizeof(second) - 1 - strlen(second));
	memset(zeros + strlen(zeros), '0', sizeof(zeros) - 1 - strlen(zeros));
	expect_each(NULL, "6A86", bad);
	v = softcard_on(NULL);
	expect(v, SELECT_JPKI, "9000");
	expect(v, first, "6986");
	expect(v, "00A4020C020017", "9000");
	expect(v, first, "6981");
	expect(v, "00A4020C020016", "9000");
	expect(v, zeros, "6700");
	expect(v, second, "6985");
	expect(v, first, "9000");
	expect(v, second, "6A80"); /* signed by nobody */
	expect(v, second, "6985");
	expect(v, first, "9000");
	expect(v, SELECT_JPKI, "9000");
	expect(v, "00A4020C020016", "9000");
	expect(v, second, "6985");
	first[14] = '6';
	expect(v, first, "6A80");
	softcard_free(&v);
}

/* What stands in the directory as a key for user authentication. */
static void put_key(EVP_PKEY *key, bool traditional)
{
	BIO *bio = BIO_new_file(softcard_path("jpki-0017.pem"), "w");

	assert_int_equal(traditional ? PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL) :
				       PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	BIO_free(bio);
}

/* Bytes that are marked as a private RSA key. */
static void put_bytes(const unsigned char *bytes, size_t len)
{
	PKCS8_PRIV_KEY_INFO *info = PKCS8_PRIV_KEY_INFO_new();
	BIO *bio = BIO_new_file(softcard_path("jpki-0017.pem"), "w");

	assert_int_equal(PKCS8_pkey_set0(info, OBJ_nid2obj(NID_rsaEncryption), 0, V_ASN1_NULL, NULL,
					 OPENSSL_memdup(bytes, len), (int)len), 1);
	assert_int_equal(PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info), 1);
	PKCS8_PRIV_KEY_INFO_free(info);
	BIO_free(bio);
}

static void no_key_of_a_card(void)
{
	struct vcard *v = NULL;
	char why[256] = "";

	assert_int_equal(vcard_load(softcard_dir(), &v, why, sizeof(why)), FUDA_EFORMAT);
	assert_non_null(strstr(why, "jpki-0017.pem: not a private RSA key of 2048 bits in PEM"));
	assert_null(v);
}

static const struct exchange signs[] = { { SELECT_JPKI, "9000" },
					 { VERIFY_AUTH, "9000" },
					 { "802A029720" HASH "00", "<256>9000" },
					 { "802A029720" HASH "00", "<256>9000" },
					 { NULL } };

/* A key is looked at when the card is loaded, and OpenSSL's own when it is used. */
static void keys_in_files(void **state)
{
	EVP_PKEY *const bad[] = { EVP_RSA_gen(1024), EVP_EC_gen("P-256") };
	EVP_PKEY *key = EVP_RSA_gen(2048);
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(key, &der);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		put_key(bad[i], false);
		no_key_of_a_card();
		EVP_PKEY_free(bad[i]);
	}
	for (int n = 0; n < len; n += n < 20 ? 1 : 7) {
		put_bytes(der, (size_t)n);
		no_key_of_a_card();
	}
	put_bytes((const unsigned char *)"\x30\x03\x02\x01\x00", 5);
	no_key_of_a_card();
	for (int traditional = 0; traditional < 2; traditional++) {
		put_key(key, traditional);
		expect_after(NULL, false, signs);
	}
	der[0] = 0x31; /* no sequence */
	put_bytes(der, (size_t)len);
	no_key_of_a_card();
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_signatures),
		cmocka_unit_test(lengths_of_signatures),
		cmocka_unit_test(schemes),
		cmocka_unit_test(challenges),
		cmocka_unit_test(terminals),
		cmocka_unit_test(keys_in_files), /* the last: leaves another key in the card */
	};

	return cmocka_run_group_tests_name(__FILE__, tests, softcard_setup, softcard_teardown);
}
