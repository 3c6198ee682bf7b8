/* SPDX-License-Identifier: Apache-2.0 */
/* The two files with the service's keys, and what they hold in memory.
 *
 * `kek` is one line of 64 hexadecimal digits. `keystore` is text:
 *
 *	fuda-keystore 1 IDENTITY
 *	blind 1 WRAPPED
 *	challenge 1 WRAPPED
 *	seal 1 WRAPPED
 *	signer 1 WRAPPED
 *	sector-UUID VERSION WRAPPED      one for each key of a sector
 *	mac 1 MAC
 *
 * in hexadecimal digits; WRAPPED is AES-256-KWP under the key-encryption key, the MAC that of all
 *lines before it under a key derived from the same, so that no line can be taken away or change its
 *name. The file is never changed: a new one takes its name, under a lock of `kek`. */
#ifndef SERVICE_KEYSTORE_H
#define SERVICE_KEYSTORE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <fuda/context.h>
#include "base/crypto-keys.h"
#include "service/id.h"

struct sector_key {
	uint8_t sector[ID_BYTES];
	int version;
	uint8_t key[AES256_KEY];
};

/* All keys at one time. It is in memory that is locked and not dumped, where the system allows, and
 * does not change. */
struct keystore {
	size_t mapped;
	struct stat file; /* as it was when this was read */
	uint8_t identity[ID_BYTES];
	uint8_t kek[AES256_KEY];
	uint8_t blind[AES256_KEY], challenge[AES256_KEY], seal[AES256_KEY];
	uint8_t signer[EC_PRIVATE_MAX];
	size_t signer_len;
	size_t count;
	struct sector_key sectors[]; /* in order of sector and version */
};

enum { SECTOR_VERSION_MAX = 9999, SECTOR_KEYS_MAX = 10000 };

/* As keys_create() and keys_open(). */
int keystore_create(struct fuda_context *ctx, const char *folder);
int keystore_open(struct fuda_context *ctx, const char *folder, struct keystore **ret);
void keystore_free(struct keystore **ks);

/* Whether the file is another one now. */
bool keystore_changed(const char *folder, const struct keystore *ks);
/* Reads it again, with the key-encryption key of `ks`: FUDA_EVERIFY if it is another service's. */
int keystore_again(struct fuda_context *ctx, const char *folder, const struct keystore *ks,
		   struct keystore **ret);
/* Reads it again and writes it with a new key for a sector. FUDA_EBUSY: it has that one;
 * FUDA_ETIMEOUT: others keep it locked; FUDA_ETOOBIG. */
int keystore_add(struct fuda_context *ctx, const char *folder, const struct keystore *ks,
		 const uint8_t sector[ID_BYTES], int version, struct keystore **ret);

/* NULL: not there. */
const struct sector_key *keystore_sector(const struct keystore *ks, const uint8_t sector[ID_BYTES],
					 int version);

#endif
