/* SPDX-License-Identifier: Apache-2.0 */
/* Digests and random bytes. */
#ifndef FUDA_HASH_H
#define FUDA_HASH_H

#include <stddef.h>
#include <stdint.h>

enum fuda_hash { FUDA_SHA1, FUDA_SHA256, FUDA_SHA384, FUDA_SHA512 };

#define FUDA_DIGEST_MAX 64
/* Room for a signature; those of RSA-2048 have 256 bytes. */
#define FUDA_SIGNATURE_MAX 512

struct fuda_digest {
	enum fuda_hash hash;
	size_t len;
	uint8_t bytes[FUDA_DIGEST_MAX];
};

/* "sha256"; static. */
const char *fuda_hash_name(enum fuda_hash hash);
/* The hash called `name`, or FUDA_ENOTSUP. */
int fuda_hash_by_name(const char *name, enum fuda_hash *ret);

/* Digest of `len` bytes. FUDA_EFAILED if the cryptographic library fails. */
int fuda_digest_bytes(enum fuda_hash hash, const void *bytes, size_t len, struct fuda_digest *ret);
/* Digest of all that can be read from file descriptor `fd`, in constant memory. FUDA_EFILE;
 * FUDA_ECANCELLED if a signal interrupts the reading. */
int fuda_digest_fd(enum fuda_hash hash, int fd, struct fuda_digest *ret);

/* Fills `out` with bytes fit for keys and challenges. FUDA_EFAILED. */
int fuda_random(void *out, size_t len);

#endif
