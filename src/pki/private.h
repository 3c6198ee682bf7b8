/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys on curves: made, read from files, signing, agreeing. */
#ifndef PKI_PRIVATE_H
#define PKI_PRIVATE_H

#include "base/signer.h"
#include "pki/key.h"

struct private_key;

/* Bytes of the longest secret that two keys agree on: those of P-521. */
enum { AGREED_MAX = 66, PRIVATE_FILE_MAX = 16384 };

/* FUDA_ENOTSUP: OpenSSL has no such curve; FUDA_ENOMEM, FUDA_EFAILED. */
int private_new(enum curve curve, struct private_key **ret);
/* Of a curve by its scalar, big endian, as many bytes as a coordinate has (EC curves only): for
 * what others computed. FUDA_EFORMAT, ... */
int private_from_scalar(enum curve curve, const uint8_t *scalar, size_t len,
			struct private_key **ret);
/* From the first private key of a PEM file (PKCS#8 or SEC 1, not encrypted), or from PKCS#8 in DER.
 * FUDA_EFORMAT, also if its halves are not of one key; FUDA_ENOTSUP: encrypted, RSA, or a curve
 * that is not known here. */
int private_read(const uint8_t *bytes, size_t len, struct private_key **ret);
/* Appends it as PEM (PKCS#8). */
int private_write(const struct private_key *key, struct fuda_buf *ret_pem);
/* Wipes. */
void private_free(struct private_key **key);

/* Its public half; the private key's own. */
const struct key *private_public(const struct private_key *key);

/* As struct signer has it; `arg` is the key, which must outlive it. */
struct signer private_signer(struct private_key *key);

/* ECDH: the x coordinate of the common point, as long as a coordinate of the curve. FUDA_EINVAL:
 * the keys are of different curves, or of one that is for signatures alone; FUDA_EFAILED. The
 * secret is the caller's to wipe. */
int private_agree(const struct private_key *own, const struct key *peer,
		  uint8_t ret_secret[AGREED_MAX], size_t *ret_len);

#endif
