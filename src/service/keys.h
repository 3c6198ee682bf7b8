/* SPDX-License-Identifier: Apache-2.0 */
/* The service's secret keys. They live in the keystore, a file beside the database, each wrapped
 * (AES-256-KWP, RFC 5649) under the key-encryption key of a second file; the database holds what
 * they protect, and never a key. */
#ifndef SERVICE_KEYS_H
#define SERVICE_KEYS_H

#include <stddef.h>
#include <stdint.h>
#include <fuda/buf.h>
#include <fuda/context.h>
#include "service/id.h"

struct keys;

enum { BLIND_BYTES = 32, MAC_BYTES = 32, PPID_BYTES = 20, PPID_TEXT = 28, SEAL_OVERHEAD = 29 };

/* Makes `folder`/kek and `folder`/keystore, mode 0600, with the keys that every service has.
 * FUDA_EBUSY: one is there already. FUDA_EFILE. */
int keys_create(struct fuda_context *ctx, const char *folder);
/* Opens them. FUDA_EFILE; FUDA_EFORMAT; FUDA_EVERIFY: the key-encryption key is another one, or the
 * file was changed. Others than the owner may not read either file: FUDA_EACCESS. */
int keys_open(struct fuda_context *ctx, const char *folder, struct keys **ret);
void keys_free(struct keys **keys);
/* A random identification of the keystore as a whole, which the database remembers, so that nobody
 * serves it with other keys. */
void keys_identity(const struct keys *keys, uint8_t ret[ID_BYTES]);

/* All below may be called by several threads at once. */

/* HMAC-SHA-256 under the key for blind indexes, of `domain` (a short name, so that equal bytes of
 * different meaning differ) and the bytes. */
int keys_blind(struct keys *keys, const char *domain, const void *bytes, size_t len,
	       uint8_t ret[BLIND_BYTES]);
/* HMAC-SHA-256 under the key for challenges. */
int keys_mac(struct keys *keys, const void *bytes, size_t len, uint8_t ret[MAC_BYTES]);

/* A new random key for a sector, in the keystore for good when this returns: the file is written
 * anew, under a lock. `version` 1 and up. FUDA_EBUSY: it has one of that version. */
int keys_sector_new(struct fuda_context *ctx, struct keys *keys, const uint8_t sector[ID_BYTES],
		    int version);
/* HMAC-SHA-256(K_sector, "ppid-v1" || sector || subject), its first 20 bytes as base64url. A sector
 * that another process made is found: the file is read again when it is not known. FUDA_ENOTFOUND:
 * no such key. */
int keys_ppid(struct keys *keys, const uint8_t sector[ID_BYTES], int version,
	      const uint8_t subject[ID_BYTES], char ret[PPID_TEXT]);
/* AES-256-GCM under a key derived (HKDF-SHA-256) from the sector's for `purpose`: version byte,
 * nonce, ciphertext, tag. `bound` is authenticated with it. Opening: FUDA_EVERIFY. */
int keys_sector_seal(struct keys *keys, const uint8_t sector[ID_BYTES], int version,
		     const char *purpose, const uint8_t *bound, size_t bound_len, const void *bytes,
		     size_t len, struct fuda_buf *ret);
int keys_sector_open(struct keys *keys, const uint8_t sector[ID_BYTES], int version,
		     const char *purpose, const uint8_t *bound, size_t bound_len,
		     const uint8_t *sealed, size_t len, struct fuda_buf *ret);
/* HMAC-SHA-256 under a key likewise derived: for values that must be found again within a sector.
 */
int keys_sector_blind(struct keys *keys, const uint8_t sector[ID_BYTES], int version,
		      const char *purpose, const void *bytes, size_t len, uint8_t ret[BLIND_BYTES]);
/* The same for what belongs to no sector, under a key of the service. */
int keys_seal(struct keys *keys, const char *purpose, const uint8_t *bound, size_t bound_len,
	      const void *bytes, size_t len, struct fuda_buf *ret);
int keys_unseal(struct keys *keys, const char *purpose, const uint8_t *bound, size_t bound_len,
		const uint8_t *sealed, size_t len, struct fuda_buf *ret);

/* ES256 (RFC 7518 3.4, 64 bytes) with the key for audit checkpoints, and its public half as a DER
 * SubjectPublicKeyInfo; verification under such a one: FUDA_EVERIFY. */
int keys_sign(struct keys *keys, const void *bytes, size_t len, uint8_t ret[64]);
int keys_signer(struct keys *keys, struct fuda_buf *ret_spki);
int keys_check(const uint8_t *spki, size_t spki_len, const void *bytes, size_t len,
	       const uint8_t signature[64]);

#endif
