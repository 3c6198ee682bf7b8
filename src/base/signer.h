/* SPDX-License-Identifier: Apache-2.0 */
/* Who signs: a key in a file or in a token, and nothing about cards. */
#ifndef BASE_SIGNER_H
#define BASE_SIGNER_H

#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>
#include <fuda/hash.h>

enum signer_mode {
	SIGN_ECDSA, /* r and s, each as long as the order of the curve: `input` is the digest */
	SIGN_EDDSA, /* `input` is the message itself */
};

struct signer {
	/* Appends the signature of `len` bytes of `input`. FUDA_ENOTSUP: the key does not sign so;
	 * FUDA_EINVAL; FUDA_EFAILED; of a token FUDA_EREMOVED and its kin. Never asks for a PIN. */
	int (*sign)(void *arg, enum signer_mode mode, const uint8_t *input, size_t len,
		    struct fuda_buf *ret_signature);
	void *arg;
	enum signer_mode mode; /* of its key */
	enum fuda_hash hash;   /* that goes with it: SHA-256 with P-256, ... */
	int64_t cose;          /* its algorithm as COSE numbers it (RFC 9053 2): -7 for ES256 */
};

#endif
