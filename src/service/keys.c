/* SPDX-License-Identifier: Apache-2.0 */
#include "service/keys.h"

#include <fuda/hash.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/cursor.h"
#include "codec/base64.h"
#include "service/keystore.h"

_Static_assert((int)BLIND_BYTES == (int)HMAC_BYTES && (int)MAC_BYTES == (int)HMAC_BYTES,
	       "blind indexes and MACs are whole HMACs");
_Static_assert(SEAL_OVERHEAD == 1 + GCM_NONCE + GCM_TAG, "what sealing adds");

enum { SEAL_VERSION = 1, NAME_MAX_BYTES = 64 };

struct keys {
	char *folder;
	pthread_rwlock_t lock;
	struct keystore *store; /* read under the lock; another one takes its place */
};

/* A key on the stack, for as long as it takes. */
struct key {
	uint8_t bytes[AES256_KEY];
};
static void key_wipe(struct key *key)
{
	wipe(key, sizeof(*key));
}
#define _cleanup_key_ _cleanup_(key_wipe)

/* ---- opening ---- */

int keys_create(struct fuda_context *ctx, const char *folder)
{
	return keystore_create(ctx, folder);
}

int keys_open(struct fuda_context *ctx, const char *folder, struct keys **ret)
{
	_cleanup_(keystore_free) struct keystore *store = NULL;
	struct keys *keys;
	int e = keystore_open(ctx, folder, &store);

	if (e < 0)
		return e;
	keys = calloc(1, sizeof(*keys));
	if (keys)
		keys->folder = strdup(folder);
	if (!keys || !keys->folder || pthread_rwlock_init(&keys->lock, NULL) != 0) {
		if (keys)
			free(keys->folder);
		free(keys);
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	keys->store = store;
	store = NULL;
	*ret = keys;
	return 0;
}

void keys_free(struct keys **keys)
{
	if (!*keys)
		return;
	keystore_free(&(*keys)->store);
	pthread_rwlock_destroy(&(*keys)->lock);
	free((*keys)->folder);
	free(*keys);
	*keys = NULL;
}

void keys_identity(const struct keys *keys, uint8_t ret[ID_BYTES])
{
	struct keys *k = (struct keys *)(uintptr_t)keys;

	pthread_rwlock_rdlock(&k->lock);
	memcpy(ret, k->store->identity, ID_BYTES);
	pthread_rwlock_unlock(&k->lock);
}

/* ---- finding ---- */

/* One of the keys that every service has, at `offset` of the keystore. */
static void own_key(struct keys *keys, size_t offset, struct key *ret)
{
	pthread_rwlock_rdlock(&keys->lock);
	memcpy(ret->bytes, (const uint8_t *)keys->store + offset, sizeof(ret->bytes));
	pthread_rwlock_unlock(&keys->lock);
}

/* With the lock held. */
static int look(const struct keys *keys, const uint8_t *sector, int version, struct key *ret)
{
	const struct sector_key *found = keystore_sector(keys->store, sector, version);

	if (!found)
		return FUDA_ENOTFOUND;
	memcpy(ret->bytes, found->key, sizeof(ret->bytes));
	return 0;
}

/* Reads the file again if it is another one than before; with the lock held for writing. */
static int reload(struct keys *keys)
{
	_cleanup_(fuda_context_free) struct fuda_context *ctx =
		NULL; /* a request has nobody to tell */
	struct keystore *fresh;
	int e = 0;

	if (!keystore_changed(keys->folder, keys->store))
		return 0;
	e = fuda_context_new(&ctx);
	if (e == 0)
		e = keystore_again(ctx, keys->folder, keys->store, &fresh);
	if (e < 0)
		return e;
	keystore_free(&keys->store);
	keys->store = fresh;
	return 0;
}

static int sector_key(struct keys *keys, const uint8_t *sector, int version, struct key *ret)
{
	int e;

	pthread_rwlock_rdlock(&keys->lock);
	e = look(keys, sector, version, ret);
	pthread_rwlock_unlock(&keys->lock);
	if (e != FUDA_ENOTFOUND)
		return e;
	pthread_rwlock_wrlock(&keys->lock);
	e = reload(keys);
	if (e == 0)
		e = look(keys, sector, version, ret);
	pthread_rwlock_unlock(&keys->lock);
	return e;
}

int keys_sector_new(struct fuda_context *ctx, struct keys *keys, const uint8_t sector[ID_BYTES],
		    int version)
{
	struct keystore *fresh;
	int e;

	pthread_rwlock_wrlock(&keys->lock);
	e = keystore_add(ctx, keys->folder, keys->store, sector, version, &fresh);
	if (e == 0) {
		keystore_free(&keys->store);
		keys->store = fresh;
	}
	pthread_rwlock_unlock(&keys->lock);
	return e;
}

/* ---- MACs ---- */

/* HMAC under `key` of a name behind its length, and the bytes. */
static int named_mac(const struct key *key, const char *name, const void *bytes, size_t len,
		     uint8_t ret[HMAC_BYTES])
{
	const uint8_t name_len = (uint8_t)strnlen(name, NAME_MAX_BYTES + 1);
	const struct piece pieces[] = {
		PIECE(&name_len, 1),
		PIECE(name, name_len),
		PIECE(bytes, len),
	};

	if (name_len > NAME_MAX_BYTES)
		return FUDA_EINVAL;
	return crypto_hmac(PIECE(key->bytes, sizeof(key->bytes)), pieces, ARRAY_SIZE(pieces), ret);
}

int keys_blind(struct keys *keys, const char *domain, const void *bytes, size_t len,
	       uint8_t ret[BLIND_BYTES])
{
	_cleanup_key_ struct key key;

	own_key(keys, offsetof(struct keystore, blind), &key);
	return named_mac(&key, domain, bytes, len, ret);
}

int keys_mac(struct keys *keys, const void *bytes, size_t len, uint8_t ret[MAC_BYTES])
{
	const struct piece piece = PIECE(bytes, len);
	_cleanup_key_ struct key key;

	own_key(keys, offsetof(struct keystore, challenge), &key);
	return crypto_hmac(PIECE(key.bytes, sizeof(key.bytes)), &piece, 1, ret);
}

/* platform.md D4 */
int keys_ppid(struct keys *keys, const uint8_t sector[ID_BYTES], int version,
	      const uint8_t subject[ID_BYTES], char ret[PPID_TEXT])
{
	static const char label[] = "ppid-v1";
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(PPID_TEXT - 1);
	const struct piece pieces[] = {
		PIECE(label, strlen(label)),
		PIECE(sector, ID_BYTES),
		PIECE(subject, ID_BYTES),
	};
	_cleanup_key_ struct key key;
	uint8_t mac[HMAC_BYTES];
	int e = sector_key(keys, sector, version, &key);

	if (e == 0)
		e = crypto_hmac(PIECE(key.bytes, sizeof(key.bytes)), pieces, ARRAY_SIZE(pieces),
				mac);
	if (e == 0)
		e = base64_encode(mac, PPID_BYTES, true, &text);
	if (e < 0)
		return e;
	memcpy(ret, text.data, text.len);
	ret[text.len] = 0;
	return 0;
}

/* ---- keys derived for a purpose ---- */

/* `use` and `purpose` together name the key; nothing else does. */
static int derive(const struct key *from, const char *use, const char *purpose, struct key *ret)
{
	char info[2 * NAME_MAX_BYTES];
	size_t use_len = strlen(use) + 1, len = strnlen(purpose, NAME_MAX_BYTES + 1);

	if (len > NAME_MAX_BYTES || use_len + len > sizeof(info))
		return FUDA_EINVAL;
	memcpy(info, use, use_len);
	memcpy(info + use_len, purpose, len);
	return crypto_hkdf(PIECE(from->bytes, sizeof(from->bytes)), PIECE(NULL, 0),
			   PIECE(info, use_len + len), ret->bytes, sizeof(ret->bytes));
}

static int derive_sector(struct keys *keys, const uint8_t *sector, int version, const char *use,
			 const char *purpose, struct key *ret)
{
	_cleanup_key_ struct key key;
	int e = sector_key(keys, sector, version, &key);

	return e < 0 ? e : derive(&key, use, purpose, ret);
}

int keys_sector_blind(struct keys *keys, const uint8_t sector[ID_BYTES], int version,
		      const char *purpose, const void *bytes, size_t len, uint8_t ret[BLIND_BYTES])
{
	_cleanup_key_ struct key key;
	int e = derive_sector(keys, sector, version, "blind-v1", purpose, &key);

	return e < 0 ? e : named_mac(&key, purpose, bytes, len, ret);
}

static int seal(const struct key *key, struct piece bound, struct piece plain, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(SIZE_MAX / 2);
	uint8_t head[1 + GCM_NONCE] = { SEAL_VERSION };
	const struct piece all[] = { PIECE(head, 1), bound };
	int e = fuda_random(head + 1, GCM_NONCE);

	if (e == 0)
		e = fuda_buf_append(&out, head, sizeof(head));
	if (e == 0)
		e = crypto_gcm_seal(key->bytes, head + 1, all, ARRAY_SIZE(all), plain, &out);
	return e < 0 ? e : fuda_buf_append(ret, out.data, out.len);
}

static int unseal(const struct key *key, struct piece bound, struct piece sealed,
		  struct fuda_buf *ret)
{
	struct cursor c = cur_of(sealed.bytes, sealed.len);
	const struct piece all[] = { PIECE(sealed.bytes, 1), bound };
	const uint8_t *nonce;
	uint8_t version;

	if (cur_u8(&c, &version) < 0 || version != SEAL_VERSION ||
	    cur_take(&c, GCM_NONCE, &nonce) < 0)
		return FUDA_EVERIFY;
	return crypto_gcm_open(key->bytes, nonce, all, ARRAY_SIZE(all), PIECE(c.p, c.left), ret);
}

int keys_sector_seal(struct keys *keys, const uint8_t sector[ID_BYTES], int version,
		     const char *purpose, const uint8_t *bound, size_t bound_len, const void *bytes,
		     size_t len, struct fuda_buf *ret)
{
	_cleanup_key_ struct key key;
	int e = derive_sector(keys, sector, version, "seal-v1", purpose, &key);

	return e < 0 ? e : seal(&key, PIECE(bound, bound_len), PIECE(bytes, len), ret);
}

int keys_sector_open(struct keys *keys, const uint8_t sector[ID_BYTES], int version,
		     const char *purpose, const uint8_t *bound, size_t bound_len,
		     const uint8_t *sealed, size_t len, struct fuda_buf *ret)
{
	_cleanup_key_ struct key key;
	int e = derive_sector(keys, sector, version, "seal-v1", purpose, &key);

	return e < 0 ? e : unseal(&key, PIECE(bound, bound_len), PIECE(sealed, len), ret);
}

static int derive_own(struct keys *keys, const char *purpose, struct key *ret)
{
	_cleanup_key_ struct key key;

	own_key(keys, offsetof(struct keystore, seal), &key);
	return derive(&key, "seal-v1", purpose, ret);
}

int keys_seal(struct keys *keys, const char *purpose, const uint8_t *bound, size_t bound_len,
	      const void *bytes, size_t len, struct fuda_buf *ret)
{
	_cleanup_key_ struct key key;
	int e = derive_own(keys, purpose, &key);

	return e < 0 ? e : seal(&key, PIECE(bound, bound_len), PIECE(bytes, len), ret);
}

int keys_unseal(struct keys *keys, const char *purpose, const uint8_t *bound, size_t bound_len,
		const uint8_t *sealed, size_t len, struct fuda_buf *ret)
{
	_cleanup_key_ struct key key;
	int e = derive_own(keys, purpose, &key);

	return e < 0 ? e : unseal(&key, PIECE(bound, bound_len), PIECE(sealed, len), ret);
}

/* ---- signatures ---- */

int keys_sign(struct keys *keys, const void *bytes, size_t len, uint8_t ret[64])
{
	int e;

	pthread_rwlock_rdlock(&keys->lock);
	e = crypto_ec_sign(PIECE(keys->store->signer, keys->store->signer_len), PIECE(bytes, len),
			   ret);
	pthread_rwlock_unlock(&keys->lock);
	return e;
}

int keys_signer(struct keys *keys, struct fuda_buf *ret_spki)
{
	int e;

	pthread_rwlock_rdlock(&keys->lock);
	e = crypto_ec_public(PIECE(keys->store->signer, keys->store->signer_len), ret_spki);
	pthread_rwlock_unlock(&keys->lock);
	return e;
}

int keys_check(const uint8_t *spki, size_t spki_len, const void *bytes, size_t len,
	       const uint8_t signature[64])
{
	return crypto_ec_verify(PIECE(spki, spki_len), PIECE(bytes, len), signature);
}
