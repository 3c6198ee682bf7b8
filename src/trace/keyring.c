/* SPDX-License-Identifier: Apache-2.0 */
/* The key of the hashes that stand for what is not shown. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fuda/encode.h>
#include <fuda/hash.h>

#include "base/config.h"
#include "base/crypto.h"
#include "trace/record.h"

#define KEY_FILE "trace.key"

enum {
	KEY = 32,
	KEY_TEXT = 2 * KEY + 1, /* hexadecimal and a newline */
	ID = 4,
	OTHERS = 077, /* what others may do with a file */
};

struct trace_keyring {
	struct crypto_siphash *hash;
	uint8_t id[ID];
};

_Static_assert((int)TRACE_HASH == (int)SIPHASH_BYTES, "hashes of a trace are whole hashes");

/* ---- the key of the user ---- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* FUDA_ENOTFOUND: there is none, or no folder that this user may look into. */
static int read_key(struct fuda_context *ctx, const char *path, uint8_t ret_key[KEY])
{
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(KEY);
	char text[KEY_TEXT + 1] = "";
	struct stat st;
	ssize_t n;
	int e;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return FUDA_ENOTFOUND;
	if (fd < 0 || fstat(fd, &st) < 0)
		return ctx_fail(ctx, FUDA_EFILE, _("%s cannot be read: %s"), path, strerror(errno));
	if (st.st_uid != geteuid())
		return ctx_fail(ctx, FUDA_EFILE,
				_("The key %s belongs to another user. Move it away, and a new one "
				  "is made."),
				path);
	if (!S_ISREG(st.st_mode) || st.st_mode & OTHERS)
		return ctx_fail(ctx, FUDA_EFILE,
				_("The key %s may be known to others. Delete it, and a new one is "
				  "made; or, if nobody can have read it: chmod 600 %s"),
				path, path);
	n = read(fd, text, sizeof(text));
	e = FUDA_EFORMAT;
	if (n == KEY_TEXT && text[KEY_TEXT - 1] == '\n') {
		text[KEY_TEXT - 1] = 0;
		e = fuda_hex_decode(text, &key);
	}
	wipe(text, sizeof(text));
	if (e < 0 || key.len != KEY)
		return ctx_fail(ctx, FUDA_EFORMAT,
				_("%s is no key. Delete it, and a new one is made."), path);
	memcpy(ret_key, key.data, KEY);
	return 0;
}

/* Makes the key file, unless another process was faster. FUDA_EFILE, FUDA_ENOTFOUND: it cannot be
 * made. */
static int make_key(const char *path)
{
	uint8_t key[KEY];
	char text[KEY_TEXT + 1];
	int e = config_make_folder();

	if (e == 0)
		e = fuda_random(key, sizeof(key));
	if (e < 0)
		return e;
	fuda_hex_encode(key, sizeof(key), text);
	text[KEY_TEXT - 1] = '\n';
	e = config_write_private(path, text, KEY_TEXT, false);
	wipe(key, sizeof(key));
	wipe(text, sizeof(text));
	return e == FUDA_EBUSY ? 0 : e;
}

/* FUDA_ENOTFOUND: the user has none. */
static int find_key(struct fuda_context *ctx, uint8_t ret_key[KEY])
{
	char path[CONFIG_PATH_MAX];

	return config_path(KEY_FILE, path) == 0 ? read_key(ctx, path, ret_key) : FUDA_ENOTFOUND;
}

/* The user's key; one for this process alone where there is no place to keep it. */
static int find_or_make_key(struct fuda_context *ctx, uint8_t ret_key[KEY])
{
	char path[CONFIG_PATH_MAX];
	int e = find_key(ctx, ret_key);

	if (e == FUDA_ENOTFOUND && config_path(KEY_FILE, path) == 0 && make_key(path) == 0)
		e = read_key(ctx, path, ret_key);
	if (e != FUDA_ENOTFOUND)
		return e;
	ctx_log(ctx, FUDA_LOG_INFO, "no place for " KEY_FILE ": hashes are of this process alone");
	e = fuda_random(ret_key, KEY);
	return e < 0 ? ctx_fail_code(ctx, e) : 0;
}

/* ---- the keyring ---- */

static int keyring_of(struct fuda_context *ctx, int (*get)(struct fuda_context *, uint8_t *),
		      struct trace_keyring **ret)
{
	_cleanup_(trace_keyring_free) struct trace_keyring *k = calloc(1, sizeof(*k));
	struct fuda_digest digest = { 0 };
	uint8_t key[KEY];
	int e = k ? get(ctx, key) : ctx_fail_code(ctx, FUDA_ENOMEM);

	if (e < 0)
		return e;
	/* what names the key tells nothing about what hashes with it */
	e = fuda_digest_bytes(FUDA_SHA256, key, sizeof(key), &digest);
	if (e == 0)
		e = crypto_siphash_new(digest.bytes, &k->hash);
	memcpy(k->id, digest.bytes + SIPHASH_KEY, sizeof(k->id));
	wipe(key, sizeof(key));
	wipe(&digest, sizeof(digest));
	if (e < 0)
		return ctx_fail_code(ctx, e);
	*ret = k;
	k = NULL;
	return 0;
}

int trace_keyring_open(struct fuda_context *ctx, struct trace_keyring **ret)
{
	return keyring_of(ctx, find_or_make_key, ret);
}

int trace_keyring_find(struct fuda_context *ctx, struct trace_keyring **ret)
{
	return keyring_of(ctx, find_key, ret);
}

void trace_keyring_free(struct trace_keyring **k)
{
	if (!*k)
		return;
	crypto_siphash_free(&(*k)->hash);
	free(*k);
	*k = NULL;
}

const uint8_t *trace_keyring_id(const struct trace_keyring *k)
{
	return k->id;
}

int trace_hash(struct trace_keyring *k, const uint8_t *bytes, size_t len,
	       uint8_t ret_hash[TRACE_HASH])
{
	return crypto_siphash(k->hash, bytes, len, ret_hash);
}
