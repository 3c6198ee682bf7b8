/* SPDX-License-Identifier: Apache-2.0 */
/* The authority itself: its key, its certificate, and where they are kept. */
#include "service/ca-inside.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fuda/encode.h>
#include "base/config.h"
#include "pki/file.h"
#include "service/keystore-file.h"

enum { CA_YEARS = 10, KEY_MAX = 512, TEXT_MAX = 16384 };
#define CA_LIFE ((time_t)CA_YEARS * 365 * 86400)

static const char key_label[] = "PRIVATE KEY", certificate_label[] = "CERTIFICATE";

bool ca_is_environment(const char *text, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	if (len == 0 || len >= CA_ENVIRONMENT)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!text[i] || !strchr(allowed, text[i]))
			return false;
	return true;
}

static int path_in(struct fuda_context *ctx, const char *folder, const char *name,
		   char ret[CONFIG_PATH_MAX])
{
	int n = snprintf(ret, CONFIG_PATH_MAX, "%s/%s", folder, name);

	if (n < 0 || n >= CONFIG_PATH_MAX)
		return ctx_fail(ctx, FUDA_EINVAL, _("The name of the folder is too long."));
	return 0;
}

int ca_append(struct fuda_buf *ret, unsigned char *der, int len)
{
	int r = len > 0 ? fuda_buf_append(ret, der, (size_t)len) : FUDA_EFAILED;

	OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
	return r;
}

/* ---- making it ---- */

/* The certificate of the authority, under its own key. */
static int make_certificate(EVP_PKEY *key, const char *environment, X509 *x)
{
	uint8_t serial[CA_SERIAL];
	char name[64];
	time_t now = time(NULL);
	int r = ca_serial(serial);

	snprintf(name, sizeof(name), "MyKey terminals (%s)", environment);
	if (r == 0)
		r = ca_begin(x, serial, name, key, now - CA_CLOCK, now + CA_LIFE);
	if (r < 0 || X509_set_issuer_name(x, X509_get_subject_name(x)) != 1)
		return FUDA_EFAILED;
	if (ca_extend(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") < 0 ||
	    ca_extend(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") < 0 ||
	    ca_extend(x, x, NID_subject_key_identifier, "hash") < 0 ||
	    ca_extend_environment(x, environment) < 0 || X509_sign(x, key, EVP_sha256()) <= 0)
		return FUDA_EFAILED;
	return 0;
}

/* Both as they are to stand in files. */
static int make(const char *environment, struct fuda_buf *ret_key, struct fuda_buf *ret_certificate)
{
	_cleanup_(ca_free_pkey) EVP_PKEY *key = EVP_EC_gen("P-256");
	_cleanup_(ca_free_x509) X509 *x = X509_new();
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(CA_CERT_MAX);
	unsigned char *bytes = NULL;
	int r = key && x ? make_certificate(key, environment, x) : FUDA_EFAILED;

	if (r == 0)
		r = ca_key_pem(key, ret_key);
	if (r == 0) {
		int len = i2d_X509(x, &bytes);

		r = ca_append(&der, bytes, len);
	}
	return r < 0 ? r : fuda_pem_encode(certificate_label, der.data, der.len, ret_certificate);
}

int ca_key_pem(EVP_PKEY *key, struct fuda_buf *ret)
{
	_cleanup_(ca_free_pkcs8) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(KEY_MAX);
	unsigned char *bytes = NULL;
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &bytes) : 0;
	int r = ca_append(&der, bytes, len);

	return r < 0 ? r : fuda_pem_encode(key_label, der.data, der.len, ret);
}

static int cannot_write(struct fuda_context *ctx, int code, const char *path)
{
	if (code == FUDA_EBUSY)
		return ctx_fail(ctx, code, _("%s is there already; it is not replaced."), path);
	return ctx_fail(ctx, code, _("Cannot write %s: %s."), path, strerror(errno));
}

/* The key first: without it the certificate is worth nothing, and of several who try at once one
 * gets its name. */
static int put(struct fuda_context *ctx, const char *folder, const struct fuda_buf *key,
	       const struct fuda_buf *certificate)
{
	char key_path[CONFIG_PATH_MAX], path[CONFIG_PATH_MAX];
	int r = path_in(ctx, folder, "ca.key", key_path);

	if (r == 0)
		r = path_in(ctx, folder, "ca.pem", path);
	if (r < 0)
		return r;
	r = keyfile_make(ctx, key_path, key);
	if (r < 0)
		return r;
	r = config_write_private(path, certificate->data, certificate->len, false);
	if (r < 0) {
		cannot_write(ctx, r, path);
		(void)unlink(key_path); /* just made, and nothing was signed with it */
		return r;
	}
	if (chmod(path, 0644) < 0) /* it is for everybody */
		return cannot_write(ctx, FUDA_EFILE, path);
	return 0;
}

int ca_create(struct fuda_context *ctx, const char *folder, const char *environment)
{
	_cleanup_buf_ struct fuda_buf key = FUDA_BUF_INIT(TEXT_MAX);
	_cleanup_buf_ struct fuda_buf certificate = FUDA_BUF_INIT(TEXT_MAX);
	CA_FORGET_ERRORS;
	int r;

	if (!ca_is_environment(environment, strlen(environment)))
		return ctx_fail(ctx, FUDA_EINVAL,
				_("An environment is named by at most %d small letters, digits "
				  "and hyphens."),
				CA_ENVIRONMENT - 1);
	r = make(environment, &key, &certificate);
	return r < 0 ? ctx_fail_code(ctx, r) : put(ctx, folder, &key, &certificate);
}

/* ---- opening it ---- */

static int damaged(struct fuda_context *ctx, const char *path)
{
	return ctx_fail(ctx, FUDA_EFORMAT,
			_("%s is damaged, or not of the terminals' authority; restore it from a "
			  "backup."),
			path);
}

/* The PEM block of a file. */
static int decode(struct fuda_context *ctx, const char *path, const char *label,
		  const struct fuda_buf *text, struct fuda_buf *ret_der)
{
	const char *p = (const char *)text->data;
	size_t left = text->len;
	int r = left ? fuda_pem_decode(label, &p, &left, ret_der) : FUDA_ENOTFOUND;

	if (r == FUDA_ENOMEM)
		return ctx_fail_code(ctx, r);
	return r < 0 ? damaged(ctx, path) : 0;
}

static bool is_p256(const EVP_PKEY *key)
{
	char group[32];

	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       strcmp(group, SN_X9_62_prime256v1) == 0;
}

static int read_key(struct fuda_context *ctx, const char *folder, struct ca *ca)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(TEXT_MAX), der = FUDA_BUF_INIT(KEY_MAX);
	char path[CONFIG_PATH_MAX];
	const unsigned char *p;
	struct stat st;
	int r = path_in(ctx, folder, "ca.key", path);

	if (r == 0)
		r = keyfile_read(ctx, path, &text, &st);
	if (r == 0)
		r = decode(ctx, path, key_label, &text, &der);
	if (r < 0)
		return r;
	p = der.data;
	ca->key = d2i_AutoPrivateKey(NULL, &p, (long)der.len);
	if (!ca->key || p != der.data + der.len || !is_p256(ca->key))
		return damaged(ctx, path);
	return 0;
}

/* Whether it is the certificate of this very key, and one of an authority. */
static bool is_ours(const struct ca *ca)
{
	return X509_check_private_key(ca->cert, ca->key) == 1 && X509_check_ca(ca->cert) == 1 &&
	       (X509_get_key_usage(ca->cert) & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) ==
		       (KU_KEY_CERT_SIGN | KU_CRL_SIGN) &&
	       X509_get0_subject_key_id(ca->cert) != NULL && X509_verify(ca->cert, ca->key) == 1;
}

static int read_certificate(struct fuda_context *ctx, const char *folder, struct ca *ca)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(TEXT_MAX);
	char path[CONFIG_PATH_MAX];
	const unsigned char *p;
	unsigned char *name = NULL;
	int r = path_in(ctx, folder, "ca.pem", path);

	if (r == 0)
		r = pki_read_file(ctx, path, &text);
	if (r == 0)
		r = decode(ctx, path, certificate_label, &text, &ca->der);
	if (r < 0)
		return r;
	p = ca->der.data;
	ca->cert = d2i_X509(NULL, &p, (long)ca->der.len);
	if (!ca->cert || p != ca->der.data + ca->der.len || !is_ours(ca) ||
	    ca_environment_of(ca->cert, ca->environment) < 0)
		return damaged(ctx, path);
	if (X509_cmp_current_time(X509_get0_notAfter(ca->cert)) < 0)
		return ctx_fail(ctx, FUDA_EVERIFY,
				_("The certificate in %s has expired: make a new authority."),
				path);
	r = i2d_X509_NAME(X509_get_subject_name(ca->cert), &name);
	r = ca_append(&ca->name, name, r);
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}

int ca_open(struct fuda_context *ctx, const char *folder, struct ca **ret)
{
	_cleanup_(ca_free) struct ca *ca = calloc(1, sizeof(*ca));
	CA_FORGET_ERRORS;
	int r;

	if (!ca || ca_seen_new(&ca->seen) < 0)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	ca->der = FUDA_BUF_INIT(CA_CERT_MAX);
	ca->name = FUDA_BUF_INIT(CA_CERT_MAX);
	r = read_key(ctx, folder, ca);
	if (r == 0)
		r = read_certificate(ctx, folder, ca);
	if (r < 0)
		return r;
	*ret = ca;
	ca = NULL;
	return 0;
}

void ca_free(struct ca **ca)
{
	if (!*ca)
		return;
	EVP_PKEY_free((*ca)->key);
	X509_free((*ca)->cert);
	fuda_buf_free(&(*ca)->der);
	fuda_buf_free(&(*ca)->name);
	ca_seen_free(&(*ca)->seen);
	free(*ca);
	*ca = NULL;
}

const uint8_t *ca_certificate(const struct ca *ca, size_t *ret_len)
{
	*ret_len = ca->der.len;
	return ca->der.data;
}

const char *ca_environment(const struct ca *ca)
{
	return ca->environment;
}
