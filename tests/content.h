/* SPDX-License-Identifier: Apache-2.0 */
/* What a software card holds besides the JPKI, taken apart byte by byte as card.md 2.2, 2.4 to 2.8
 * and 4 have it: by a reader of its own, with no help from the middleware's or the card's. All of
 * these fail the test when something is not as it has to be. */
#ifndef TESTS_CONTENT_H
#define TESTS_CONTENT_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file {
	uint8_t bytes[40000]; /* with a NUL behind them */
	size_t len;
};

/* A BER-TLV object. */
struct object {
	unsigned tag;
	const uint8_t *whole, *value;
	size_t whole_len, len;
};

/* The directory of the card that is looked at. */
extern const char *at;

struct file load(const char *name);
bool there(const char *name);

/* The object with which a file begins; what stands behind it is filler, `rest` bytes of it unless
 * that is negative. */
struct object outer(const struct file *f, unsigned tag, long rest);
/* The objects inside, which have these tags (0 ends them), the shortest form of length, and leave
 * nothing over. */
void inside(const struct object *o, const unsigned *tags, struct object *ret);
#define TAGS(...) ((const unsigned[]){ __VA_ARGS__, 0 })
/* Nothing but filler from `p` on. */
void filler(const uint8_t *p, const uint8_t *end);

void is(const struct object *o, const char *text);
void is_hex(const uint8_t *bytes, size_t len, const char *hex);

/* Whether the signature is PKCS#1 v1.5 with SHA-256 over bytes. */
bool signs_bytes(EVP_PKEY *key, const struct object *signature, const void *bytes, size_t len);

/* A CV certificate without its header: its parts, and the subject's key, which the caller frees. */
struct cv {
	const uint8_t *issuer, *subject; /* key ids */
	struct object body, signature;
	EVP_PKEY *key;
};
struct cv cv_of(const uint8_t *bytes, size_t len);
/* The key with that id in cv-authority.pem. */
EVP_PKEY *authority(const uint8_t id[16]);
/* The municipality's key out of an application's certificate. */
EVP_PKEY *municipality(const char *name);
/* The public half of a private key file is `value`, and nobody else reads the file. */
void pairs(const char *name, const uint8_t *value, size_t len);

/* The records of the text application say this, with `rest` bytes of filler behind the attributes
 * unless that is negative, and their digests and signature are right. */
void check_text(const char *number, const char *name, const char *address, const char *birth,
		const char *sex, long rest);

/* The objects of the face record behind its table of offsets. */
enum { BIRTH, SEX, KEY, NAME, ADDRESS, PHOTO, SIGNATURE, EXPIRY, CODE, FACE_OBJECTS };
void face(const struct file *f, long rest, struct object ret[FACE_OBJECTS]);
/* Whether its signature is right: three digests in one DigestInfo. */
bool face_signed(const struct object part[FACE_OBJECTS]);
/* A PNG of this size, 1 bit greyscale. */
void png(const struct object *o, uint32_t width, uint32_t height);
/* A JP2 file of 240 by 300 grey pixels, whose boxes end where it does. */
void jp2(const struct object *o);

#endif
