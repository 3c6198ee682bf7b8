/* SPDX-License-Identifier: Apache-2.0 */
/* COSE (RFC 9052) as ISO 18013-5 uses it: COSE_Sign1, COSE_Mac0, COSE_Key. */
#ifndef MDOC_COSE_H
#define MDOC_COSE_H

#include "base/crypto-keys.h"
#include "base/signer.h"
#include "mdoc/cbor.h"
#include "pki/key.h"
#include "pki/private.h"

/* Algorithms: RFC 9053 2, 3. */
enum { COSE_ES256 = -7, COSE_EDDSA = -8, COSE_ES384 = -35, COSE_ES512 = -36, COSE_HMAC_256 = 5 };
/* Certificates in one x5chain. */
enum { COSE_CHAIN_MAX = 4 };

/* A COSE_Sign1 or COSE_Mac0: array(4), with or without its tag (18, 17). Points into what was read.
 */
struct cose {
	struct cursor protected; /* the content of the byte string: what is signed */
	int64_t algorithm;
	bool detached; /* the payload is null */
	struct cursor payload;
	struct cursor signature;             /* r and s, or the tag of a MAC */
	struct cursor chain[COSE_CHAIN_MAX]; /* x5chain (RFC 9360), leaf first, in DER */
	size_t chain_count;                  /* 0: it has none */
};
/* FUDA_EFORMAT: no such array, headers that say a thing twice (protected and not), no algorithm,
 * `crit`, too many certificates. A header that is not known here is let pass. */
int cose_sign1_read(const struct cbor *item, struct cose *ret);
int cose_mac0_read(const struct cbor *item, struct cose *ret);

/* Whether `key` makes signatures by the algorithm: ES256 is for P-256 and brainpoolP256r1 alone
 * (ISO 18013-5 9.1.2.4), and so on. */
bool cose_fits(int64_t algorithm, const struct key *key);
/* Judges the signature over the payload: the pieces, or, if `detached` is NULL, the one that is in
 * it. 0; FUDA_EVERIFY, also if it has a payload and should not, or the reverse; FUDA_ENOTSUP:
 * cose_fits() says no; FUDA_ENOMEM, FUDA_EFAILED. */
int cose_sign1_verify(const struct cose *cose, const struct key *key, const struct piece *detached,
		      size_t count);
/* Judges a MAC by HMAC 256/256, of its full length; FUDA_ENOTSUP: another algorithm. */
int cose_mac0_verify(const struct cose *cose, const uint8_t key[HMAC_BYTES],
		     const struct piece *detached, size_t count);

/* Appends a COSE_Sign1 without its tag, with the certificates in its unprotected header. `payload`
 * stands in it, unless `detached`. Errors as signer->sign(), FUDA_ETOOBIG, FUDA_ENOMEM. */
int cose_sign1_put(struct cbor_out *out, const struct signer *signer, const struct cursor *chain,
		   size_t chain_count, const struct piece *payload, size_t count, bool detached);
/* Appends a COSE_Mac0 without its tag, its payload detached. */
int cose_mac0_put(struct cbor_out *out, const uint8_t key[HMAC_BYTES], const struct piece *payload,
		  size_t count);

/* Appends what is signed (RFC 9052 4.4) or authenticated (6.3): Sig_structure, MAC_structure. */
int cose_sig_structure(struct cursor protected, const struct piece *payload, size_t count,
		       struct fuda_buf *ret);
int cose_mac_structure(struct cursor protected, const struct piece *payload, size_t count,
		       struct fuda_buf *ret);

/* COSE_Key (RFC 9052 7, 9053 7): a public key on a curve of ISO 18013-5, y in full. A private part
 * (-4) is refused. FUDA_EFORMAT, also for a point that is not on the curve; FUDA_ENOTSUP: a type or
 * curve not known here; FUDA_ENOMEM, FUDA_EFAILED. */
int cose_key_read(const struct cbor *item, struct key **ret);
int cose_key_put(struct cbor_out *out, const struct key *key);

#endif
