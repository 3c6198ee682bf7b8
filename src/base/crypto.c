/* SPDX-License-Identifier: Apache-2.0 */
/* The one door to cryptographic primitives. */
#include <fuda/hash.h>

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/util.h"

static const struct {
	const char *name;
	const EVP_MD *(*md)(void);
} hashes[] = {
	[FUDA_SHA1] = { "sha1", EVP_sha1 },
	[FUDA_SHA256] = { "sha256", EVP_sha256 },
	[FUDA_SHA384] = { "sha384", EVP_sha384 },
	[FUDA_SHA512] = { "sha512", EVP_sha512 },
};

const char *fuda_hash_name(enum fuda_hash hash)
{
	return hashes[hash].name;
}

int fuda_hash_by_name(const char *name, enum fuda_hash *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (strcasecmp(hashes[i].name, name) == 0) {
			*ret = (enum fuda_hash)i;
			return 0;
		}
	}
	return FUDA_ENOTSUP;
}

static int finish(EVP_MD_CTX *md, enum fuda_hash hash, struct fuda_digest *ret)
{
	struct fuda_digest d = { .hash = hash };
	unsigned len;

	if (EVP_DigestFinal_ex(md, d.bytes, &len) != 1)
		return FUDA_EFAILED;
	d.len = len;
	*ret = d;
	return 0;
}

static void md_free(EVP_MD_CTX **md)
{
	EVP_MD_CTX_free(*md);
}

int fuda_digest_bytes(enum fuda_hash hash, const void *bytes, size_t len, struct fuda_digest *ret)
{
	_cleanup_(md_free) EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (!md || EVP_DigestInit_ex(md, hashes[hash].md(), NULL) != 1 ||
	    EVP_DigestUpdate(md, bytes, len) != 1)
		return FUDA_EFAILED;
	return finish(md, hash, ret);
}

int fuda_digest_fd(enum fuda_hash hash, int fd, struct fuda_digest *ret)
{
	_cleanup_(md_free) EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t piece[65536];
	ssize_t n;

	if (!md || EVP_DigestInit_ex(md, hashes[hash].md(), NULL) != 1)
		return FUDA_EFAILED;
	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			return FUDA_ECANCELLED;
		if (n < 0)
			return FUDA_EFILE;
		if (EVP_DigestUpdate(md, piece, (size_t)n) != 1)
			return FUDA_EFAILED;
	}
	return finish(md, hash, ret);
}

int fuda_random(void *out, size_t len)
{
	/* RAND_bytes() does not survive that OpenSSL could not initialise itself. */
	if (OPENSSL_init_crypto(0, NULL) != 1)
		return FUDA_EFAILED;
	return RAND_bytes(out, (int)len) == 1 ? 0 : FUDA_EFAILED;
}
