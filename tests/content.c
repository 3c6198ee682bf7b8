/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/content.h"

#include <fuda/encode.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/cmocka.h"

const char *at;

struct file load(const char *name)
{
	struct file file;
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", at, name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("no %s", path);
	file.len = fread(file.bytes, 1, sizeof(file.bytes), f);
	fclose(f);
	assert_in_range(file.len, 1, sizeof(file.bytes) - 1);
	file.bytes[file.len] = 0;
	return file;
}

bool there(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", at, name);
	return access(path, F_OK) == 0;
}

/* Takes the object at *p, which must have the tag and the shortest form of its length. */
static struct object take(const uint8_t **p, const uint8_t *end, unsigned tag)
{
	struct object o = { .whole = *p };
	size_t head = tag > 0xFF ? 2 : 1, more = 0;

	assert_true((size_t)(end - *p) > head + 4 || end - *p > (long)head);
	for (size_t i = 0; i < head; i++)
		o.tag = o.tag << 8 | (*p)[i];
	assert_int_equal(o.tag, tag);
	o.len = (*p)[head++];
	if (o.len > 0x7F) {
		more = o.len - 0x80;
		assert_in_range(more, 1, 2);
		o.len = 0;
		for (size_t i = 0; i < more; i++)
			o.len = o.len << 8 | (*p)[head++];
		assert_true(o.len >= (more == 1 ? 0x80 : 0x100));
	}
	assert_true(o.len <= (size_t)(end - *p) - head);
	o.value = *p + head;
	o.whole_len = head + o.len;
	*p += o.whole_len;
	return o;
}

void filler(const uint8_t *p, const uint8_t *end)
{
	for (; p < end; p++)
		assert_int_equal(*p, 0xFF);
}

struct object outer(const struct file *f, unsigned tag, long rest)
{
	const uint8_t *p = f->bytes, *end = p + f->len;
	struct object o = take(&p, end, tag);

	filler(p, end);
	if (rest >= 0)
		assert_int_equal(end - p, rest);
	return o;
}

void inside(const struct object *o, const unsigned *tags, struct object *ret)
{
	const uint8_t *p = o->value, *end = p + o->len;

	for (; *tags; tags++)
		*ret++ = take(&p, end, *tags);
	assert_ptr_equal(p, end);
}

void is(const struct object *o, const char *text)
{
	assert_int_equal(o->len, strlen(text));
	assert_memory_equal(o->value, text, o->len);
}

void is_hex(const uint8_t *bytes, size_t len, const char *hex)
{
	char got[1200];

	assert_true(len < 500);
	fuda_hex_encode(bytes, len, got);
	assert_string_equal(got, hex);
}

/* ---- signatures ---- */

/* A public key as the card has it: 90 exponent, 91 modulus. */
static EVP_PKEY *key_of(const uint8_t *value, size_t len)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *n, *e = BN_new();
	OSSL_PARAM *params;
	EVP_PKEY *key = NULL;

	assert_int_equal(len, 265);
	assert_memory_equal(value, "\x90\x03\x01\x00\x01\x91\x82\x01\x00", 9);
	assert_true(value[9] & 0x80); /* 2048 bits */
	n = BN_bin2bn(value + 9, 256, NULL);
	BN_set_word(e, 65537);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
	params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_fromdata_init(ctx);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return key;
}

/* Whether what was padded is exactly `info`. */
static bool signs(EVP_PKEY *key, const struct object *signature, const uint8_t *info, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t got[256];
	size_t got_len = sizeof(got);
	bool ok;

	assert_int_equal(signature->len, 256);
	EVP_PKEY_verify_recover_init(ctx);
	EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING);
	ok = EVP_PKEY_verify_recover(ctx, got, &got_len, signature->value, 256) == 1 &&
	     got_len == len && memcmp(got, info, len) == 0;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* PKCS#1 v1.5 with SHA-256 over bytes: RFC 8017 9.2. */
bool signs_bytes(EVP_PKEY *key, const struct object *signature, const void *bytes, size_t len)
{
	uint8_t info[51] = "\x30\x31\x30\x0D\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";

	SHA256(bytes, len, info + 19);
	return signs(key, signature, info, sizeof(info));
}

struct cv cv_of(const uint8_t *bytes, size_t len)
{
	const struct object content = { .value = bytes, .len = len };
	struct object o[2];
	struct cv cv;

	assert_int_equal(len, 563);
	inside(&content, TAGS(0x5F4E, 0x5F37), o);
	assert_int_equal(o[0].len, 297);
	cv = (struct cv){ o[0].value, o[0].value + 16, o[0], o[1], NULL };
	cv.key = key_of(o[0].value + 32, o[0].len - 32);
	return cv;
}

EVP_PKEY *authority(const uint8_t id[16])
{
	struct file f = load("cv-authority.pem");
	char line[100] = "Key-Id: ", *found;
	EVP_PKEY *key;
	BIO *bio;

	fuda_hex_encode(id, 16, line + 8);
	strcat(line, "\n-----BEGIN PUBLIC KEY-----\n");
	found = strstr((char *)f.bytes, line);
	assert_non_null(found);
	bio = BIO_new_mem_buf(found, -1);
	key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(key);
	return key;
}

void pairs(const char *name, const uint8_t *value, size_t len)
{
	struct file f = load(name);
	BIO *bio = BIO_new_mem_buf(f.bytes, (int)f.len);
	EVP_PKEY *private = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL), *public = key_of(value, len);
	struct stat st;
	char path[160];

	assert_int_equal(EVP_PKEY_eq(private, public), 1);
	snprintf(path, sizeof(path), "%s/%s", at, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	EVP_PKEY_free(private);
	EVP_PKEY_free(public);
	BIO_free(bio);
}

EVP_PKEY *municipality(const char *name)
{
	struct file f = load(name);
	struct object o = outer(&f, 0x7F21, 0);

	return cv_of(o.value, o.len).key;
}

/* ---- text: card.md 2.7 ---- */

/* The attributes' objects: name, address, birth date, sex. */
static void attributes(const struct file *f, long rest, struct object ret[4])
{
	struct object o = outer(f, 0xFF20, rest), all[5];

	inside(&o, TAGS(0xDF21, 0xDF22, 0xDF23, 0xDF24, 0xDF25), all);
	assert_int_equal(all[0].len, 8);
	for (int i = 0; i < 4; i++) {
		ret[i] = all[i + 1];
		assert_ptr_equal(ret[i].whole, f->bytes + (all[0].value[2 * i] << 8) + all[0].value[2 * i + 1]);
	}
	assert_int_equal(ret[2].len, 8);
	assert_int_equal(ret[3].len, 1);
}

void check_text(const char *number, const char *name, const char *address, const char *birth,
		const char *sex, long rest)
{
	struct file number_file = load("text-0001.bin"), attributes_file = load("text-0002.bin");
	struct file integrity_file = load("text-0003.bin");
	struct object o = outer(&number_file, 0xFF10, 2), part[4], seal[3];
	EVP_PKEY *key = municipality("text-0004.bin");
	uint8_t digest[32];

	is(&o, number);
	attributes(&attributes_file, rest, part);
	is(&part[0], name);
	is(&part[1], address);
	is(&part[2], birth);
	is(&part[3], sex);

	o = outer(&integrity_file, 0xFF30, 0);
	assert_int_equal(integrity_file.len, 336);
	inside(&o, TAGS(0xDF31, 0xDF32, 0xDF33), seal);
	SHA256(number_file.bytes, 17, digest);
	assert_int_equal(seal[0].len, 32);
	assert_memory_equal(seal[0].value, digest, 32);
	SHA256(part[0].whole, (size_t)(part[3].value + 1 - part[0].whole), digest);
	assert_int_equal(seal[1].len, 32);
	assert_memory_equal(seal[1].value, digest, 32);
	assert_true(signs_bytes(key, &seal[2], seal[0].whole, seal[0].whole_len + seal[1].whole_len));
	EVP_PKEY_free(key);
}

/* ---- face: card.md 2.6 ---- */

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A PNG of this size, 1 bit greyscale: PNG specification 11.2.2. */
void png(const struct object *o, uint32_t width, uint32_t height)
{
	assert_true(o->len > 45);
	assert_memory_equal(o->value, "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR", 16);
	assert_int_equal(u32(o->value + 16), width);
	assert_int_equal(u32(o->value + 20), height);
	is_hex(o->value + 24, 5, "0100000000");
	assert_memory_equal(o->value + o->len - 12, "\0\0\0\0IEND\xAE\x42\x60\x82", 12);
}

/* A JP2 file whose boxes end where it does: one greyscale component of 8 bits. */
void jp2(const struct object *o)
{
	const uint8_t *p = o->value, *end = p + o->len;
	char names[64] = "";

	while (p < end) {
		assert_true(end - p >= 8 && u32(p) >= 8 && u32(p) <= (uint32_t)(end - p));
		strncat(names, (const char *)p + 4, 4);
		if (memcmp(p + 4, "jp2h", 4) == 0) {
			assert_memory_equal(p + 8 + 4, "ihdr", 4);
			assert_int_equal(u32(p + 16), 300);
			assert_int_equal(u32(p + 20), 240);
			is_hex(p + 24, 3, "000107");
		}
		p += u32(p);
	}
	if (strcmp(names, "jP  ftypjp2hjp2c") != 0)
		assert_string_equal(names, "jP  ftypjp2hjp2cfree");
}

void face(const struct file *f, long rest, struct object ret[FACE_OBJECTS])
{
	struct object o = outer(f, 0xFF20, rest), all[FACE_OBJECTS + 1];

	inside(&o, TAGS(0xDF21, 0xDF22, 0xDF23, 0xDF24, 0xDF25, 0xDF26, 0xDF27, 0xDF28, 0xDF29, 0xDF2A),
	       all);
	assert_int_equal(all[0].len, 18);
	for (int i = 0; i < FACE_OBJECTS; i++) {
		ret[i] = all[i + 1];
		assert_ptr_equal(ret[i].whole, f->bytes + (all[0].value[2 * i] << 8) + all[0].value[2 * i + 1]);
	}
}

/* Three digests in one DigestInfo: card.md 4. */
bool face_signed(const struct object part[FACE_OBJECTS])
{
	uint8_t info[115] = "\x30\x71\x30\x0D\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x60";
	EVP_PKEY *key = municipality("face-0004.bin");
	bool ok;

	SHA256(part[BIRTH].whole, (size_t)(part[NAME].whole - part[BIRTH].whole), info + 19);
	SHA256(part[NAME].whole, (size_t)(part[PHOTO].whole - part[NAME].whole), info + 51);
	SHA256(part[PHOTO].whole, part[PHOTO].whole_len, info + 83);
	ok = signs(key, &part[SIGNATURE], info, sizeof(info));
	EVP_PKEY_free(key);
	return ok;
}
