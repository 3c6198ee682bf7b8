/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudonyms of sectors: platform.md D4 and A14. */
#include "service/keys.h"

#include <fuda/encode.h>
#include <fuda/error.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "tests/keys-stand.h"

enum { SUBJECTS = 1000 };

static const uint8_t library[ID_BYTES] = "library's id...", bus[ID_BYTES] = "the bus's id...";

/* ---- by hand ---- */

/* The third word of the line that begins with `name` and `version`, as bytes. */
static struct fuda_buf stored(const char *file, const char *name)
{
	struct fuda_buf bytes = FUDA_BUF_INIT(4096);
	const char *text = scratch_read(file), *at = strstr(text, name), *end;
	char *hex;

	assert_non_null(at);
	at += strlen(name);
	end = strchr(at, '\n');
	hex = strndup(at, (size_t)(end - at));
	assert_int_equal(fuda_hex_decode(hex, &bytes), 0);
	free(hex);
	return bytes;
}

/* A sector's key, unwrapped with OpenSSL alone. */
static void key_by_hand(const char *name, uint8_t ret[32])
{
	struct fuda_buf kek = stored("kek", ""), wrapped = stored("keystore", name);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t out[64];
	int n;

	assert_int_equal(kek.len, 32);
	assert_int_equal(EVP_DecryptInit_ex2(c, cipher, kek.data, NULL, NULL), 1);
	assert_int_equal(EVP_DecryptUpdate(c, out, &n, wrapped.data, (int)wrapped.len), 1);
	assert_int_equal(n, 32);
	memcpy(ret, out, 32);
	EVP_CIPHER_CTX_free(c);
	EVP_CIPHER_free(cipher);
	fuda_buf_free(&kek);
	fuda_buf_free(&wrapped);
}

static void ppid_by_hand(const uint8_t key[32], const uint8_t sector[ID_BYTES], const uint8_t subject[ID_BYTES],
			 char ret[PPID_TEXT])
{
	uint8_t message[7 + 16 + 16] = "ppid-v1", mac[32];
	unsigned len;
	char text[64];

	memcpy(message + 7, sector, 16);
	memcpy(message + 23, subject, 16);
	assert_non_null(HMAC(EVP_sha256(), key, 32, message, sizeof(message), mac, &len));
	assert_int_equal(EVP_EncodeBlock((unsigned char *)text, mac, 20), 28);
	for (char *p = text; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	assert_int_equal(text[27], '=');
	text[27] = 0;
	memcpy(ret, text, PPID_TEXT);
}

static void new_sectors(void)
{
	assert_int_equal(keys_sector_new(ctx, keys, library, 1), 0);
	assert_int_equal(keys_sector_new(ctx, keys, bus, 1), 0);
}

static void subject_no(int i, uint8_t ret[ID_BYTES])
{
	memset(ret, 0, ID_BYTES);
	memcpy(ret, &i, sizeof(i));
}

#define LIBRARY_LINE "sector-6c696272-6172-7927-7320-69642e2e2e00 1 "
#define BUS_LINE     "sector-74686520-6275-7327-7320-69642e2e2e00 1 "

/* With the keys, both are computed from one subject. */
static void as_specified(void **state)
{
	uint8_t key[2][32];

	(void)state;
	new_sectors();
	key_by_hand(LIBRARY_LINE, key[0]);
	key_by_hand(BUS_LINE, key[1]);
	assert_memory_not_equal(key[0], key[1], 32);
	for (int i = 0; i < 50; i++) {
		char ppid[PPID_TEXT], hand[PPID_TEXT];
		uint8_t subject[ID_BYTES];

		subject_no(i, subject);
		for (int s = 0; s < 2; s++) {
			assert_int_equal(keys_ppid(keys, s ? bus : library, 1, subject, ppid), 0);
			assert_int_equal(strlen(ppid), 27);
			ppid_by_hand(key[s], s ? bus : library, subject, hand);
			assert_string_equal(ppid, hand);
		}
	}
}

static void the_same_again(void **state)
{
	char first[PPID_TEXT], again[PPID_TEXT];
	struct keys *other;

	(void)state;
	new_sectors();
	assert_int_equal(keys_ppid(keys, library, 1, bus, first), 0);
	assert_int_equal(keys_ppid(keys, library, 1, bus, again), 0);
	assert_string_equal(first, again);
	assert_int_equal(keys_open(ctx, scratch, &other), 0);
	assert_int_equal(keys_ppid(other, library, 1, bus, again), 0);
	assert_string_equal(first, again);
	keys_free(&other);
}

/* ---- without the keys ---- */

static void decode(const char *ppid, uint8_t ret[21])
{
	char text[32];

	snprintf(text, sizeof(text), "%s=", ppid);
	for (char *p = text; *p; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
	assert_int_equal(EVP_DecodeBlock(ret, (unsigned char *)text, 28), 21);
}

static int bits(unsigned byte)
{
	return __builtin_popcount(byte);
}

/* Nothing of one is in the other: over many subjects, each pair of bits is equal as often as not, and
 * for each subject half of all are. Bounds are 6 standard deviations and more. */
static void unlinkable(void **state)
{
	static uint8_t one[SUBJECTS][21], two[SUBJECTS][21];
	int worst = 0;

	(void)state;
	new_sectors();
	for (int i = 0; i < SUBJECTS; i++) {
		uint8_t subject[ID_BYTES];
		char ppid[PPID_TEXT];
		int differ = 0;

		subject_no(i, subject);
		assert_int_equal(keys_ppid(keys, library, 1, subject, ppid), 0);
		decode(ppid, one[i]);
		assert_int_equal(keys_ppid(keys, bus, 1, subject, ppid), 0);
		decode(ppid, two[i]);
		for (int j = 0; j < 20; j++)
			differ += bits(one[i][j] ^ two[i][j]);
		assert_in_range(differ, 80 - 42, 80 + 42);
	}
	for (int a = 0; a < 160; a++) {
		for (int b = 0; b < 160; b++) {
			int equal = 0;

			for (int i = 0; i < SUBJECTS; i++)
				equal += (one[i][a / 8] >> a % 8 & 1) == (two[i][b / 8] >> b % 8 & 1);
			worst = MAX(worst, abs(equal - SUBJECTS / 2));
		}
	}
	assert_in_range(worst, 20, 110); /* 16 is one standard deviation; of 25,600 pairs the worst */
	/* nor is any of one sector one of the other, or twice there */
	for (int i = 0; i < SUBJECTS; i++)
		for (int j = 0; j < SUBJECTS; j++) {
			assert_memory_not_equal(one[i], two[j], 20);
			if (i != j)
				assert_memory_not_equal(one[i], one[j], 20);
		}
}

/* The order of subjects, and what they have in common, is not to be seen. */
static void subjects_that_are_near(void **state)
{
	uint8_t subject[ID_BYTES] = { 0 }, first[21], next[21];
	char ppid[PPID_TEXT];

	(void)state;
	new_sectors();
	assert_int_equal(keys_ppid(keys, library, 1, subject, ppid), 0);
	decode(ppid, first);
	for (int i = 0; i < 128; i++) {
		int differ = 0;

		subject[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(keys_ppid(keys, library, 1, subject, ppid), 0);
		subject[i / 8] ^= (uint8_t)(1 << i % 8);
		decode(ppid, next);
		for (int j = 0; j < 20; j++)
			differ += bits(first[j] ^ next[j]);
		assert_in_range(differ, 80 - 42, 80 + 42);
	}
}

/* The service itself cannot say them of a sector whose key it has not. */
static void without_the_key(void **state)
{
	char ppid[PPID_TEXT] = "before";
	uint8_t near[ID_BYTES];

	(void)state;
	assert_int_equal(keys_ppid(keys, library, 1, bus, ppid), FUDA_ENOTFOUND);
	assert_int_equal(keys_sector_new(ctx, keys, library, 1), 0);
	assert_int_equal(keys_ppid(keys, bus, 1, bus, ppid), FUDA_ENOTFOUND);
	assert_int_equal(keys_ppid(keys, library, 2, bus, ppid), FUDA_ENOTFOUND);
	assert_int_equal(keys_ppid(keys, library, 0, bus, ppid), FUDA_ENOTFOUND);
	assert_int_equal(keys_ppid(keys, library, -1, bus, ppid), FUDA_ENOTFOUND);
	memcpy(near, library, sizeof(near));
	near[15] ^= 1;
	assert_int_equal(keys_ppid(keys, near, 1, bus, ppid), FUDA_ENOTFOUND);
	assert_string_equal(ppid, "before");
	assert_int_equal(keys_ppid(keys, library, 1, bus, ppid), 0);
}

/* Equal ids of sector and subject in two services, or two versions of one key: other pseudonyms. */
static void other_keys(void **state)
{
	char mine[PPID_TEXT], theirs[PPID_TEXT], second[PPID_TEXT], folder[128];
	struct keys *others;

	(void)state;
	new_sectors();
	assert_int_equal(keys_ppid(keys, library, 1, bus, mine), 0);
	snprintf(folder, sizeof(folder), "%s/other", scratch);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(keys_create(ctx, folder), 0);
	assert_int_equal(keys_open(ctx, folder, &others), 0);
	assert_int_equal(keys_sector_new(ctx, others, library, 1), 0);
	assert_int_equal(keys_ppid(others, library, 1, bus, theirs), 0);
	assert_string_not_equal(mine, theirs);
	keys_free(&others);
	assert_int_equal(keys_sector_new(ctx, keys, library, 2), 0);
	assert_int_equal(keys_ppid(keys, library, 2, bus, second), 0);
	assert_string_not_equal(mine, second);
	assert_int_equal(keys_ppid(keys, library, 1, bus, second), 0);
	assert_string_equal(mine, second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(as_specified, keys_setup, keys_teardown),
		cmocka_unit_test_setup_teardown(the_same_again, keys_setup, keys_teardown),
		cmocka_unit_test_setup_teardown(unlinkable, keys_setup, keys_teardown),
		cmocka_unit_test_setup_teardown(subjects_that_are_near, keys_setup, keys_teardown),
		cmocka_unit_test_setup_teardown(without_the_key, keys_setup, keys_teardown),
		cmocka_unit_test_setup_teardown(other_keys, keys_setup, keys_teardown),
	};

	return RUN(tests);
}
