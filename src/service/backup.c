/* SPDX-License-Identifier: Apache-2.0 */
#include "service/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>
#include <unistd.h>

#include "base/context.h"
#include "base/file.h"

static void free_bio(BIO **bio)
{
	BIO_free_all(*bio);
}

static void free_cms(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
}

static void free_x509(X509 **x)
{
	X509_free(*x);
}

static void free_pkey(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static int cannot(struct fuda_context *ctx, const char *path, int code)
{
	ERR_clear_error();
	return ctx_fail(ctx, code, _("%s cannot be read or written: %s."), path, strerror(errno));
}

/* For reading, or a new one for its owner alone. */
static int open_file(struct fuda_context *ctx, const char *path, bool make, BIO **ret)
{
	int fd = make ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) :
			open(path, O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, make ? "wb" : "rb");

	if (!f) {
		int code = make && errno == EEXIST ? FUDA_EEXISTS : FUDA_EFILE;

		if (fd >= 0)
			close(fd);
		return cannot(ctx, path, code);
	}
	*ret = BIO_new_fp(f, BIO_CLOSE);
	if (!*ret) {
		fclose(f);
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	}
	return 0;
}

/* A database is its service's, whoever restores it. */
static bool give(BIO *bio, const char *path)
{
	FILE *f = NULL;

	return BIO_get_fp(bio, &f) == 1 && file_give_as_folder(fileno(f), path) == 0;
}

/* All of it is on the disk. */
static bool settle(BIO *bio)
{
	FILE *f = NULL;

	return BIO_get_fp(bio, &f) == 1 && fflush(f) == 0 && fsync(fileno(f)) == 0;
}

/* ---- sealing ---- */

/* RSA by OAEP: PKCS#1 v1.5 for keys is what RFC 8017 keeps for old programs. */
static int add_recipient(CMS_ContentInfo *cms, X509 *certificate)
{
	CMS_RecipientInfo *ri = CMS_add1_recipient_cert(cms, certificate, CMS_KEY_PARAM);
	EVP_PKEY_CTX *key;

	if (!ri)
		return FUDA_EFORMAT;
	if (CMS_RecipientInfo_type(ri) != CMS_RECIPINFO_TRANS)
		return 0;
	key = CMS_RecipientInfo_get0_pkey_ctx(ri);
	return key && EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_OAEP_PADDING) == 1 &&
			       EVP_PKEY_CTX_set_rsa_oaep_md(key, EVP_sha256()) == 1 ?
		       0 :
		       FUDA_EFAILED;
}

static int add_recipient_file(struct fuda_context *ctx, CMS_ContentInfo *cms, const char *path)
{
	_cleanup_(free_bio) BIO *in = NULL;
	_cleanup_(free_x509) X509 *certificate = NULL;
	int r = open_file(ctx, path, false, &in);

	if (r < 0)
		return r;
	certificate = PEM_read_bio_X509(in, NULL, NULL, NULL);
	r = certificate ? add_recipient(cms, certificate) : FUDA_EFORMAT;
	ERR_clear_error();
	if (r == FUDA_EFORMAT)
		return ctx_fail(ctx, r,
				_("%s has no certificate in PEM with a key that can be encrypted "
				  "for."),
				path);
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}

static int seal(struct fuda_context *ctx, CMS_ContentInfo *cms, const char *from, const char *to)
{
	_cleanup_(free_bio) BIO *in = NULL;
	_cleanup_(free_bio) BIO *out = NULL;
	int r = open_file(ctx, from, false, &in);

	if (r == 0)
		r = open_file(ctx, to, true, &out);
	if (r < 0)
		return r;
	if (i2d_CMS_bio_stream(out, cms, in, CMS_STREAM | CMS_BINARY) == 1 && settle(out))
		return 0;
	(void)unlink(to);
	return cannot(ctx, to, FUDA_EFILE);
}

int backup_seal(struct fuda_context *ctx, const char *from, const char *const *recipients,
		size_t count, const char *to)
{
	_cleanup_(free_cms) CMS_ContentInfo *cms = NULL;
	int r = 0;

	if (count < 1 || count > BACKUP_RECIPIENTS)
		return ctx_fail_code(ctx, FUDA_EINVAL);
	cms = CMS_AuthEnvelopedData_create(EVP_aes_256_gcm());
	if (!cms)
		return ctx_fail_code(ctx, FUDA_EFAILED);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_recipient_file(ctx, cms, recipients[i]);
	return r < 0 ? r : seal(ctx, cms, from, to);
}

/* ---- opening ---- */

/* A library asks nobody for a password. */
static int no_password(char *buf _unused_, int size _unused_, int rwflag _unused_,
		       void *arg _unused_)
{
	return -1;
}

static int read_key(struct fuda_context *ctx, const char *path, EVP_PKEY **ret)
{
	_cleanup_(free_bio) BIO *in = NULL;
	int r = open_file(ctx, path, false, &in);

	if (r < 0)
		return r;
	*ret = PEM_read_bio_PrivateKey(in, NULL, no_password, NULL);
	ERR_clear_error();
	return *ret ? 0 : ctx_fail(ctx, FUDA_EFORMAT, _("%s has no private key in PEM."), path);
}

static int read_sealed(struct fuda_context *ctx, const char *path, CMS_ContentInfo **ret)
{
	_cleanup_(free_bio) BIO *in = NULL;
	int r = open_file(ctx, path, false, &in);

	if (r < 0)
		return r;
	*ret = d2i_CMS_bio(in, NULL);
	ERR_clear_error();
	if (*ret && OBJ_obj2nid(CMS_get0_type(*ret)) == NID_id_smime_ct_authEnvelopedData)
		return 0;
	return ctx_fail(ctx, FUDA_EFORMAT, _("%s is no backup."), path);
}

int backup_open(struct fuda_context *ctx, const char *from, const char *key, const char *to)
{
	_cleanup_(free_cms) CMS_ContentInfo *cms = NULL;
	_cleanup_(free_pkey) EVP_PKEY *pkey = NULL;
	_cleanup_(free_bio) BIO *out = NULL;
	int r = read_key(ctx, key, &pkey);

	if (r == 0)
		r = read_sealed(ctx, from, &cms);
	if (r == 0)
		r = open_file(ctx, to, true, &out);
	if (r < 0)
		return r;
	if (CMS_decrypt(cms, pkey, NULL, NULL, out, CMS_BINARY) != 1) {
		ERR_clear_error();
		(void)unlink(to); /* what came before the tag was judged is nothing to go by */
		return ctx_fail(ctx, FUDA_EVERIFY,
				_("The backup is not for this key, or it was changed."));
	}
	if (give(out, to) && settle(out))
		return 0;
	(void)unlink(to);
	return cannot(ctx, to, FUDA_EFILE);
}
