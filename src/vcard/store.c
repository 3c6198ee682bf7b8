/* SPDX-License-Identifier: Apache-2.0 */
/* The card directory: loading, locking, and writing what changes. */
#include "vcard/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/tlv.h"
#include "vcard/wallet.h"

#define LOCK_FILE "lock"
#define TEXT_MAX  65536

static bool is_key(enum ef_kind kind)
{
	return kind == EF_KEY || kind == EF_INTERNAL;
}

void vcard_file_name(const struct application *app, const struct ef *ef, char name[FILE_NAME_MAX])
{
	snprintf(name, FILE_NAME_MAX, "%s-%04X.%s", app->name, ef->fid,
		 is_key(ef->kind) ? "pem" : "bin");
}

void vcard_key_name(const struct application *app, const struct ef *ef, char name[FILE_NAME_MAX])
{
	snprintf(name, FILE_NAME_MAX, "%s-%04X.pem", app->name, ef->fid);
}

void vcard_object_name(uint16_t tag, char name[FILE_NAME_MAX])
{
	snprintf(name, FILE_NAME_MAX, "isd-%04X.bin", tag);
}

int vfile_read(int dir, const char *name, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf all = FUDA_BUF_INIT(ret->max);
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* never waits: a pipe */
	uint8_t block[4096];
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? FUDA_ENOTFOUND : FUDA_EFILE;
	do {
		n = read(fd, block, sizeof(block));
		if (n > 0)
			r = fuda_buf_append(&all, block, (size_t)n);
	} while (r == 0 && (n > 0 || (n < 0 && errno == EINTR)));
	close(fd);
	wipe(block, sizeof(block));
	if (r == 0 && n < 0)
		r = FUDA_EFILE;
	return r < 0 ? r : fuda_buf_set(ret, all.data, all.len);
}

int vfile_write(int dir, const char *name, unsigned mode, const void *bytes, size_t len)
{
	char fresh[FILE_NAME_MAX + 8];
	int fd, r;

	snprintf(fresh, sizeof(fresh), "%s.new", name);
	unlinkat(dir, fresh, 0); /* of a writer that was stopped */
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return FUDA_EFILE;
	r = file_write(fd, bytes, len);
	if (close(fd) < 0 || (r == 0 && renameat(dir, fresh, dir, name) < 0))
		r = FUDA_EFILE;
	if (r < 0)
		unlinkat(dir, fresh, 0);
	return r;
}

int vcard_save(struct vcard *v)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(TEXT_MAX);
	int r = vconf_print(&v->conf, SCOPE_STATE, &text);

	return r < 0 ? r : vfile_write(v->dir, STATE_FILE, 0600, text.data, text.len);
}

static int load_conf(struct vcard *v, char *ret_why, size_t why_size)
{
	static const struct {
		const char *name;
		enum scope scope;
		bool needed;
	} files[] = {
		{ CONF_FILE, SCOPE_CARD, true },
		{ STATE_FILE, SCOPE_STATE, false },
	};

	vconf_default(&v->conf);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(TEXT_MAX);
		int r = vfile_read(v->dir, files[i].name, &text);

		if (r == FUDA_ENOTFOUND && !files[i].needed)
			continue;
		if (r < 0)
			return explain(ret_why, why_size, r == FUDA_ENOTFOUND ? FUDA_EFILE : r,
				       "no readable %s in the directory; make a card with "
				       "fuda-vcard make",
				       files[i].name);
		r = vconf_parse(&v->conf, files[i].scope, files[i].name, &text, ret_why, why_size);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A private RSA key of 2048 bits: RFC 8017 A.1.2, in RFC 5208 5. */
static bool is_rsa_2048(const PKCS8_PRIV_KEY_INFO *info)
{
	enum { INTEGERS = 9, MODULUS = 1 };
	const ASN1_OBJECT *algorithm = NULL;
	const unsigned char *bytes = NULL;
	struct tlv sequence, integer;
	struct cursor c;
	int len = 0;

	if (PKCS8_pkey_get0(&algorithm, &bytes, &len, NULL, info) != 1 ||
	    OBJ_obj2nid(algorithm) != NID_rsaEncryption || len <= 0)
		return false;
	c = cur_of(bytes, (size_t)len);
	if (tlv_expect(&c, 0x30, &sequence) < 0 || c.left)
		return false;
	for (int i = 0; i < INTEGERS; i++) {
		if (tlv_expect(&sequence.value, 0x02, &integer) < 0)
			return false;
		/* 00 in front, or it would be negative */
		if (i == MODULUS &&
		    (integer.value.left != 257 || integer.value.p[0] || integer.value.p[1] < 0x80))
			return false;
	}
	return !sequence.value.left;
}

/* OpenSSL 3 takes longer to make a key of what stands in PEM than all else of loading a card does,
 * and few commands use one: until vcard_key() it is left as it stands there. */
static PKCS8_PRIV_KEY_INFO *parse_key(const struct fuda_buf *pem)
{
	static char no_password[] = ""; /* or OpenSSL asks for one on the terminal */
	BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
	PKCS8_PRIV_KEY_INFO *info =
		bio ? PEM_read_bio_PKCS8_PRIV_KEY_INFO(bio, NULL, NULL, no_password) : NULL;
	EVP_PKEY *key = NULL;

	if (!info && bio && BIO_reset(bio) == 1) /* another form: BEGIN RSA PRIVATE KEY */
		key = PEM_read_bio_PrivateKey(bio, NULL, NULL, no_password);
	if (key)
		info = EVP_PKEY2PKCS8(key);
	EVP_PKEY_free(key);
	BIO_free(bio);
	if (info && is_rsa_2048(info))
		return info;
	PKCS8_PRIV_KEY_INFO_free(info);
	return NULL;
}

EVP_PKEY *vcard_key(struct ef_state *ef)
{
	if (!ef->key && ef->key_info)
		ef->key = EVP_PKCS82PKEY(ef->key_info);
	return ef->key;
}

/* Reads a file of the card. 1, or 0 if the directory does not have it. */
static int load_file(const struct vcard *v, const char *name, struct fuda_buf *ret, char *ret_why,
		     size_t why_size)
{
	int r = vfile_read(v->dir, name, ret);

	if (r == 0)
		return 1;
	if (r == FUDA_ENOTFOUND)
		return 0;
	return explain(ret_why, why_size, r, "cannot read %s: %s", name, fuda_error_text(r));
}

/* Likewise, a private key. */
static int load_key(const struct vcard *v, const struct application *app, const struct ef *type,
		    PKCS8_PRIV_KEY_INFO **ret, char *ret_why, size_t why_size)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(EF_MAX);
	char name[FILE_NAME_MAX];
	int r;

	vcard_key_name(app, type, name);
	r = load_file(v, name, &pem, ret_why, why_size);
	if (r <= 0)
		return r;
	*ret = parse_key(&pem);
	if (*ret)
		return 1;
	return explain(ret_why, why_size, FUDA_EFORMAT,
		       "%s: not a private RSA key of 2048 bits in PEM", name);
}

/* What a file holds, and the key that belongs to it. */
static int load_content(const struct vcard *v, const struct application *app, const struct ef *type,
			struct ef_state *ret, char *ret_why, size_t why_size)
{
	char name[FILE_NAME_MAX];
	struct cursor records, record;
	int r, key = 0;

	vcard_file_name(app, type, name);
	r = load_file(v, name, &ret->content, ret_why, why_size);
	if (r > 0 && type->session)
		key = load_key(v, app, type, &ret->key_info, ret_why, why_size);
	if (key < 0)
		return key;
	if (r <= 0 || type->kind != EF_RECORDS)
		return r;
	records = cur_of(ret->content.data, ret->content.len);
	do
		r = vcard_record_next(&records, &record);
	while (r == 0);
	if (r == FUDA_ENOTFOUND)
		return 1;
	return explain(ret_why, why_size, r, "%s: not records one after the other", name);
}

/* What the directory does not hold, the token does not have. */
static int load_ef(const struct vcard *v, const struct application *app, const struct ef *type,
		   struct ef_state *ret, char *ret_why, size_t why_size)
{
	int r = 1;

	ret->content = FUDA_BUF_INIT(EF_MAX);
	if (!(type->tokens & v->conf.opt.kind) ||
	    (type->kind == EF_PIN && !v->conf.pin[type->pin].len))
		return 0;
	if (is_key(type->kind))
		r = load_key(v, app, type, &ret->key_info, ret_why, why_size);
	else if (type->kind == EF_BINARY || type->kind == EF_RECORDS)
		r = load_content(v, app, type, ret, ret_why, why_size);
	if (r > 0)
		ret->type = type;
	return r;
}

static bool all_ff(const struct fuda_buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->data[i] != 0xFF)
			return false;
	return true;
}

/* The options that reach into files: the label of the token information (card.md 2.3), and a sign
 * certificate that is not there (card.md 12). */
static void apply_options(struct vcard *v, struct app_state *jpki)
{
	struct ef_state *info = &jpki->ef[0x06], *sign = &jpki->ef[0x01];

	if (*v->conf.label && info->type && info->content.len >= LABEL_MAX) {
		memset(info->content.data, ' ', LABEL_MAX);
		memcpy(info->content.data, v->conf.label, strlen(v->conf.label));
	}
	if (v->conf.opt.no_sign_certificate && sign->type && all_ff(&sign->content))
		sign->type = NULL;
}

static int load_apps(struct vcard *v, char *ret_why, size_t why_size)
{
	for (size_t i = 0; i < vcard_apps_count; i++) {
		const struct application *type = &vcard_apps[i];
		struct app_state *app = &v->app[v->apps];

		if (!(type->tokens & v->conf.opt.kind))
			continue;
		v->apps++;
		app->type = type;
		for (const struct ef *ef = type->efs; ef < type->efs + type->count; ef++) {
			int r = load_ef(v, type, ef, &app->ef[ef->fid % SFIS], ret_why, why_size);

			if (r < 0)
				return r;
		}
		if (strcmp(type->name, "jpki") == 0)
			apply_options(v, app);
	}
	return 0;
}

/* card.md 2.2; phones are not known to have any. */
static int load_objects(struct vcard *v, char *ret_why, size_t why_size)
{
	for (size_t i = 0; i < vcard_objects_count; i++) {
		char name[FILE_NAME_MAX];
		int r = 0;

		v->object[i] = FUDA_BUF_INIT(EF_MAX);
		vcard_object_name(vcard_objects[i], name);
		if (v->conf.opt.kind == KIND_CARD)
			r = load_file(v, name, &v->object[i], ret_why, why_size);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_lock(struct vcard *v, char *ret_why, size_t why_size)
{
	v->lock = openat(v->dir, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (v->lock < 0)
		return explain(ret_why, why_size, FUDA_EFILE, "cannot write in the directory: %s",
			       strerror(errno));
	if (flock(v->lock, LOCK_EX | LOCK_NB) < 0)
		return explain(ret_why, why_size, FUDA_EBUSY, "the card is in another reader");
	return 0;
}

int vcard_load(const char *dir, struct vcard **ret, char *ret_why, size_t why_size)
{
	struct vcard *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return explain(ret_why, why_size, FUDA_ENOMEM, "out of memory");
	v->lock = -1;
	v->locked.tries = 1;
	v->chain = FUDA_BUF_INIT(CHAIN_MAX);
	v->pending = FUDA_BUF_INIT(APDU_RESPONSE_MAX);
	v->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->dir < 0)
		r = explain(ret_why, why_size, FUDA_ENOREADER, "%s: %s", dir, strerror(errno));
	else
		r = take_lock(v, ret_why, why_size);
	if (r == 0)
		r = load_conf(v, ret_why, why_size);
	if (r == 0)
		r = load_apps(v, ret_why, why_size);
	if (r == 0)
		r = load_objects(v, ret_why, why_size);
	if (r == 0 && v->conf.opt.kind == KIND_WALLET)
		r = wallet_load(v, ret_why, why_size);
	if (r < 0) {
		vcard_free(&v);
		return r;
	}
	*ret = v;
	return 0;
}

void vcard_free(struct vcard **card)
{
	struct vcard *v = *card;

	if (!v)
		return;
	wallet_free(&v->wallet);
	for (size_t i = 0; i < v->apps; i++)
		for (size_t j = 0; j < SFIS; j++) {
			EVP_PKEY_free(v->app[i].ef[j].key);
			PKCS8_PRIV_KEY_INFO_free(v->app[i].ef[j].key_info);
			fuda_buf_free(&v->app[i].ef[j].content);
		}
	for (size_t i = 0; i < vcard_objects_count; i++)
		fuda_buf_free(&v->object[i]);
	fuda_buf_free(&v->chain);
	fuda_buf_free(&v->pending);
	if (v->lock >= 0)
		close(v->lock);
	if (v->dir >= 0)
		close(v->dir);
	wipe(v, sizeof(*v));
	free(v);
	*card = NULL;
}
