/* SPDX-License-Identifier: Apache-2.0 */
#include "service/keystore.h"

#include <errno.h>
#include <fcntl.h>
#include <fuda/encode.h>
#include <fuda/hash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/config.h"
#include "base/context.h"
#include "base/cursor.h"
#include "service/keystore-file.h"

enum {
	FORMAT = 1,
	WORD_MAX = 64,
	TEXT_MAX = 2 << 20,
	SECTOR_NAME = sizeof("sector-") - 1 + ID_TEXT,
	MAC_LINE = sizeof("mac 1 \n") - 1 + 2 * HMAC_BYTES,
};

/* The keys that every service has, besides the signer. */
static const struct {
	const char *name;
	size_t offset;
} own[] = {
	{ "blind", offsetof(struct keystore, blind) },
	{ "challenge", offsetof(struct keystore, challenge) },
	{ "seal", offsetof(struct keystore, seal) },
};

/* ---- in memory ---- */

/* Locked and out of core dumps. Either may be refused by the system's limits; it is wiped anyway.
 */
static int new_keystore(size_t count, struct keystore **ret)
{
	size_t size = sizeof(struct keystore) + count * sizeof(struct sector_key);
	struct keystore *ks =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (ks == MAP_FAILED)
		return FUDA_ENOMEM;
	(void)mlock(ks, size);
	(void)madvise(ks, size, MADV_DONTDUMP);
	ks->mapped = size;
	*ret = ks;
	return 0;
}

void keystore_free(struct keystore **ks)
{
	size_t size;

	if (!*ks)
		return;
	size = (*ks)->mapped;
	wipe(*ks, size);
	munmap(*ks, size);
	*ks = NULL;
}

static int compare(const void *a, const void *b)
{
	const struct sector_key *x = a, *y = b;
	int order = memcmp(x->sector, y->sector, sizeof(x->sector));

	return order ? order : (x->version > y->version) - (x->version < y->version);
}

const struct sector_key *keystore_sector(const struct keystore *ks, const uint8_t sector[ID_BYTES],
					 int version)
{
	struct sector_key wanted = { .version = version };

	memcpy(wanted.sector, sector, sizeof(wanted.sector));
	return bsearch(&wanted, ks->sectors, ks->count, sizeof(wanted), compare);
}

/* ---- as text ---- */

static int mac_of(const uint8_t *kek, const void *text, size_t len, uint8_t ret[HMAC_BYTES])
{
	static const char info[] = "fuda-keystore-mac-1";
	const struct piece all = PIECE(text, len);
	uint8_t key[AES256_KEY];
	int e = crypto_hkdf(PIECE(kek, AES256_KEY), PIECE(NULL, 0), PIECE(info, strlen(info)), key,
			    sizeof(key));

	if (e == 0)
		e = crypto_hmac(PIECE(key, sizeof(key)), &all, 1, ret);
	wipe(key, sizeof(key));
	return e;
}

static int put_line(struct fuda_buf *to, const char *name, int version, const uint8_t *bytes,
		    size_t len)
{
	char hex[2 * WORD_MAX * 4 + 1], line[WORD_MAX + sizeof(hex) + 16];
	int n;

	if (len > WORD_MAX * 4)
		return FUDA_ETOOBIG;
	fuda_hex_encode(bytes, len, hex);
	n = snprintf(line, sizeof(line), "%s %d %s\n", name, version, hex);
	return fuda_buf_append(to, line, (size_t)n);
}

static int put_wrapped(struct fuda_buf *to, const uint8_t *kek, const char *name, int version,
		       const uint8_t *key, size_t len)
{
	_cleanup_buf_ struct fuda_buf wrapped = FUDA_BUF_INIT(WORD_MAX * 4);
	int e = crypto_wrap(kek, PIECE(key, len), &wrapped);

	return e < 0 ? e : put_line(to, name, version, wrapped.data, wrapped.len);
}

static void sector_name(const uint8_t sector[ID_BYTES], char ret[SECTOR_NAME])
{
	char id[ID_TEXT];

	id_text(sector, id);
	snprintf(ret, SECTOR_NAME, "sector-%s", id);
}

static int print(const struct keystore *ks, struct fuda_buf *to)
{
	uint8_t mac[HMAC_BYTES];
	int e = put_line(to, "fuda-keystore", FORMAT, ks->identity, sizeof(ks->identity));

	for (size_t i = 0; e == 0 && i < ARRAY_SIZE(own); i++)
		e = put_wrapped(to, ks->kek, own[i].name, 1, (const uint8_t *)ks + own[i].offset,
				AES256_KEY);
	if (e == 0)
		e = put_wrapped(to, ks->kek, "signer", 1, ks->signer, ks->signer_len);
	for (size_t i = 0; e == 0 && i < ks->count; i++) {
		char name[SECTOR_NAME];

		sector_name(ks->sectors[i].sector, name);
		e = put_wrapped(to, ks->kek, name, ks->sectors[i].version, ks->sectors[i].key,
				AES256_KEY);
	}
	if (e == 0)
		e = mac_of(ks->kek, to->data, to->len, mac);
	return e < 0 ? e : put_line(to, "mac", 1, mac, sizeof(mac));
}

/* One line, taken apart. */
struct line {
	char name[WORD_MAX];
	int version;
	struct fuda_buf bytes;
};

static void line_free(struct line *l)
{
	fuda_buf_free(&l->bytes);
}

/* The characters up to `stop`, which is taken too. */
static int take_word(struct cursor *c, char stop, char *ret, size_t size)
{
	const uint8_t *end = c->left ? memchr(c->p, stop, c->left) : NULL, *word;
	size_t len = end ? (size_t)(end - c->p) : 0;

	if (!end || len == 0 || len >= size || cur_take(c, len, &word) < 0 || cur_skip(c, 1) < 0)
		return FUDA_EFORMAT;
	memcpy(ret, word, len);
	ret[len] = 0;
	return 0;
}

static int take_line(struct cursor *c, struct line *l)
{
	char version[8], hex[2 * WORD_MAX * 4 + 1], *end;
	long n;

	if (take_word(c, ' ', l->name, sizeof(l->name)) < 0 ||
	    take_word(c, ' ', version, sizeof(version)) < 0 ||
	    take_word(c, '\n', hex, sizeof(hex)) < 0)
		return FUDA_EFORMAT;
	n = strtol(version, &end, 10);
	if (*end || n < 1 || n > SECTOR_VERSION_MAX)
		return FUDA_EFORMAT;
	l->version = (int)n;
	fuda_buf_clear(&l->bytes);
	return fuda_hex_decode(hex, &l->bytes);
}

/* Unwraps the key of line `l`, which has `len` bytes. */
static int unwrap(const struct keystore *ks, const struct line *l, uint8_t *ret, size_t len)
{
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(WORD_MAX * 4);
	int e = crypto_unwrap(ks->kek, PIECE(l->bytes.data, l->bytes.len), &key);

	if (e == 0 && key.len != len)
		e = FUDA_EFORMAT;
	if (e == 0)
		memcpy(ret, key.data, len);
	return e;
}

static int take_signer(struct keystore *ks, const struct line *l)
{
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(EC_PRIVATE_MAX);
	int e = crypto_unwrap(ks->kek, PIECE(l->bytes.data, l->bytes.len), &key);

	if (e < 0)
		return e;
	memcpy(ks->signer, key.data, key.len);
	ks->signer_len = key.len;
	return 0;
}

static int take_sector(struct keystore *ks, const struct line *l)
{
	struct sector_key *key = &ks->sectors[ks->count];
	int e;

	if (strncmp(l->name, "sector-", 7) != 0 || id_parse(l->name + 7, key->sector) < 0)
		return FUDA_EFORMAT;
	key->version = l->version;
	e = unwrap(ks, l, key->key, sizeof(key->key));
	if (e == 0)
		ks->count++;
	return e;
}

/* The lines between the MACs are ours: they are in the order in which print() puts them. */
static int take_lines(struct keystore *ks, struct cursor c)
{
	_cleanup_(line_free) struct line l = { .bytes = FUDA_BUF_INIT(WORD_MAX * 4) };
	int e = take_line(&c, &l);

	if (e < 0)
		return e;
	if (strcmp(l.name, "fuda-keystore") != 0 || l.version != FORMAT ||
	    l.bytes.len != sizeof(ks->identity))
		return FUDA_EFORMAT;
	memcpy(ks->identity, l.bytes.data, sizeof(ks->identity));
	for (size_t i = 0; e == 0 && i < ARRAY_SIZE(own); i++) {
		e = take_line(&c, &l);
		if (e == 0 && strcmp(l.name, own[i].name) != 0)
			e = FUDA_EFORMAT;
		if (e == 0)
			e = unwrap(ks, &l, (uint8_t *)ks + own[i].offset, AES256_KEY);
	}
	if (e == 0)
		e = take_line(&c, &l);
	if (e == 0)
		e = strcmp(l.name, "signer") == 0 ? take_signer(ks, &l) : FUDA_EFORMAT;
	while (e == 0 && c.left) {
		e = take_line(&c, &l);
		if (e == 0)
			e = take_sector(ks, &l);
	}
	return e;
}

/* The last line, as it is and as it should be. */
static int check_mac(const uint8_t *kek, const struct fuda_buf *text)
{
	_cleanup_buf_ struct fuda_buf want = FUDA_BUF_INIT(MAC_LINE);
	static const char begin[] = "mac 1 ";
	const uint8_t *line;
	uint8_t mac[HMAC_BYTES];
	int e;

	if (text->len < MAC_LINE)
		return FUDA_EFORMAT;
	line = text->data + text->len - MAC_LINE;
	if (memcmp(line, begin, sizeof(begin) - 1) != 0 || line[MAC_LINE - 1] != '\n')
		return FUDA_EFORMAT;
	e = mac_of(kek, text->data, text->len - MAC_LINE, mac);
	if (e == 0)
		e = put_line(&want, "mac", 1, mac, sizeof(mac));
	if (e < 0)
		return e;
	return equal_ct(line, want.data, MAC_LINE) ? 0 : FUDA_EVERIFY;
}

static int parse(const uint8_t *kek, const struct fuda_buf *text, struct keystore **ret)
{
	_cleanup_(keystore_free) struct keystore *ks = NULL;
	size_t lines = 0;
	int e = check_mac(kek, text);

	for (size_t i = 0; i < text->len; i++)
		lines += text->data[i] == '\n';
	if (e == 0)
		e = new_keystore(lines, &ks);
	if (e < 0)
		return e;
	memcpy(ks->kek, kek, sizeof(ks->kek));
	e = take_lines(ks, cur_of(text->data, text->len - MAC_LINE));
	if (e < 0)
		return e;
	*ret = ks;
	ks = NULL;
	return 0;
}

/* ---- the files ---- */

static int path_of(struct fuda_context *ctx, const char *folder, const char *name,
		   char ret[CONFIG_PATH_MAX])
{
	int n = snprintf(ret, CONFIG_PATH_MAX, "%s/%s", folder, name);

	return n < 0 || n >= CONFIG_PATH_MAX ? ctx_fail_code(ctx, FUDA_ETOOBIG) : 0;
}

static int read_keystore(struct fuda_context *ctx, const char *folder, const uint8_t *kek,
			 struct keystore **ret)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(TEXT_MAX);
	struct keystore *ks = NULL;
	char path[CONFIG_PATH_MAX];
	struct stat st;
	int e = path_of(ctx, folder, "keystore", path);

	if (e == 0)
		e = keyfile_read(ctx, path, &text, &st);
	if (e < 0)
		return e;
	e = parse(kek, &text, &ks);
	if (e == FUDA_EVERIFY)
		return ctx_fail(ctx, e,
				_("%s does not belong to the key in %s/kek, or was changed. "
				  "Restore "
				  "both from the same backup."),
				path, folder);
	if (e == FUDA_EFORMAT)
		return ctx_fail(ctx, e, _("%s is no keystore. Restore it from a backup."), path);
	if (e < 0)
		return ctx_fail_code(ctx, e);
	ks->file = st;
	*ret = ks;
	return 0;
}

int keystore_open(struct fuda_context *ctx, const char *folder, struct keystore **ret)
{
	uint8_t kek[AES256_KEY];
	char path[CONFIG_PATH_MAX];
	int e = path_of(ctx, folder, "kek", path);

	if (e == 0)
		e = keyfile_kek(ctx, path, kek);
	if (e == 0)
		e = read_keystore(ctx, folder, kek, ret);
	wipe(kek, sizeof(kek));
	return e;
}

int keystore_again(struct fuda_context *ctx, const char *folder, const struct keystore *ks,
		   struct keystore **ret)
{
	return read_keystore(ctx, folder, ks->kek, ret);
}

bool keystore_changed(const char *folder, const struct keystore *ks)
{
	char path[CONFIG_PATH_MAX];
	const struct stat *was = &ks->file;
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/keystore", folder);

	if (n < 0 || (size_t)n >= sizeof(path) || lstat(path, &st) < 0)
		return true; /* reading it will say why */
	return st.st_dev != was->st_dev || st.st_ino != was->st_ino || st.st_size != was->st_size ||
	       st.st_mtim.tv_sec != was->st_mtim.tv_sec ||
	       st.st_mtim.tv_nsec != was->st_mtim.tv_nsec ||
	       st.st_ctim.tv_sec != was->st_ctim.tv_sec ||
	       st.st_ctim.tv_nsec != was->st_ctim.tv_nsec;
}

/* A copy with room for one more. */
static int copy_with(const struct keystore *ks, const uint8_t sector[ID_BYTES], int version,
		     struct keystore **ret)
{
	struct keystore *copy = NULL;
	struct sector_key *key;
	size_t size;
	int e = ks->count >= SECTOR_KEYS_MAX ? FUDA_ETOOBIG : new_keystore(ks->count + 1, &copy);

	if (e < 0)
		return e;
	size = copy->mapped;
	memcpy(copy, ks, sizeof(*ks) + ks->count * sizeof(ks->sectors[0]));
	copy->mapped = size;
	key = &copy->sectors[copy->count++];
	memcpy(key->sector, sector, sizeof(key->sector));
	key->version = version;
	e = fuda_random(key->key, sizeof(key->key));
	if (e < 0) {
		keystore_free(&copy);
		return e;
	}
	qsort(copy->sectors, copy->count, sizeof(*key), compare);
	*ret = copy;
	return 0;
}

/* With the lock held. */
static int add(struct fuda_context *ctx, const char *folder, const char *path,
	       const struct keystore *ks, const uint8_t sector[ID_BYTES], int version,
	       struct keystore **ret)
{
	_cleanup_(keystore_free) struct keystore *now = NULL, *fresh = NULL;
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(TEXT_MAX);
	int e = keystore_again(ctx, folder, ks, &now);

	if (e < 0)
		return e;
	if (keystore_sector(now, sector, version))
		return ctx_fail(ctx, FUDA_EBUSY, _("The sector has a key of version %d already."),
				version);
	e = copy_with(now, sector, version, &fresh);
	if (e == 0)
		e = print(fresh, &text);
	if (e < 0)
		return ctx_fail_code(ctx, e);
	e = keyfile_replace(ctx, path, &text, &now->file, &fresh->file);
	if (e < 0)
		return e;
	*ret = fresh;
	fresh = NULL;
	return 0;
}

int keystore_add(struct fuda_context *ctx, const char *folder, const struct keystore *ks,
		 const uint8_t sector[ID_BYTES], int version, struct keystore **ret)
{
	_cleanup_(keyfile_close) int lock = -1;
	char path[CONFIG_PATH_MAX], kek[CONFIG_PATH_MAX];
	int e = path_of(ctx, folder, "keystore", path);

	if (version < 1 || version > SECTOR_VERSION_MAX)
		return ctx_fail_code(ctx, FUDA_EINVAL);
	if (e == 0)
		e = path_of(ctx, folder, "kek", kek);
	if (e == 0)
		e = keyfile_lock(ctx, kek, &lock);
	return e < 0 ? e : add(ctx, folder, path, ks, sector, version, ret);
}

/* ---- a new one ---- */

static int fill(struct keystore *ks)
{
	_cleanup_buf_ struct fuda_buf signer = FUDA_BUF_INIT(EC_PRIVATE_MAX);
	int e = id_new(ks->identity);

	if (e == 0)
		e = fuda_random(ks->kek, sizeof(ks->kek));
	for (size_t i = 0; e == 0 && i < ARRAY_SIZE(own); i++)
		e = fuda_random((uint8_t *)ks + own[i].offset, AES256_KEY);
	if (e == 0)
		e = crypto_ec_new(&signer);
	if (e < 0)
		return e;
	memcpy(ks->signer, signer.data, signer.len);
	ks->signer_len = signer.len;
	return 0;
}

static int write_both(struct fuda_context *ctx, const char *kek_path, const char *path,
		      const struct keystore *ks)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(TEXT_MAX);
	_cleanup_buf_ struct fuda_buf kek = FUDA_BUF_INIT(2 * AES256_KEY + 1);
	char hex[2 * AES256_KEY + 1];
	int e = print(ks, &text);

	fuda_hex_encode(ks->kek, sizeof(ks->kek), hex);
	hex[sizeof(hex) - 1] = '\n';
	if (e == 0)
		e = fuda_buf_append(&kek, hex, sizeof(hex));
	wipe(hex, sizeof(hex));
	if (e < 0)
		return ctx_fail_code(ctx, e);
	e = keyfile_make(ctx, kek_path, &kek);
	if (e < 0)
		return e;
	e = keyfile_make(ctx, path, &text);
	if (e < 0)
		(void)unlink(kek_path); /* ours, which nothing needs */
	return e;
}

int keystore_create(struct fuda_context *ctx, const char *folder)
{
	_cleanup_(keystore_free) struct keystore *ks = NULL;
	char kek[CONFIG_PATH_MAX], path[CONFIG_PATH_MAX];
	struct stat st;
	int e = path_of(ctx, folder, "kek", kek);

	if (e == 0)
		e = path_of(ctx, folder, "keystore", path);
	if (e < 0)
		return e;
	if (lstat(path, &st) == 0)
		return keyfile_is_there(ctx, path);
	e = new_keystore(0, &ks);
	if (e == 0)
		e = fill(ks);
	return e < 0 ? ctx_fail_code(ctx, e) : write_both(ctx, kek, path, ks);
}
