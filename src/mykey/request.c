/* SPDX-License-Identifier: Apache-2.0 */
#include "mykey/request.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/context.h"
#include <fuda/encode.h>

/* What operators see of a request is its fingerprint: a name would be believed. */
static const char common_name[] = "terminal";

static void pkey_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void pkcs8_free(PKCS8_PRIV_KEY_INFO **info)
{
	PKCS8_PRIV_KEY_INFO_free(*info);
}

static void request_free(X509_REQ **request)
{
	X509_REQ_free(*request);
}

/* Of what OpenSSL allocated; the length is known to OpenSSL alone otherwise. */
struct allocated {
	unsigned char *bytes;
	int len;
};

static void allocated_free(struct allocated *a)
{
	OPENSSL_clear_free(a->bytes, a->len > 0 ? (size_t)a->len : 0);
}

static int write_key(EVP_PKEY *key, struct fuda_buf *ret)
{
	_cleanup_(pkcs8_free) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	_cleanup_(allocated_free) struct allocated der = { NULL, 0 };

	der.len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der.bytes) : -1;
	if (der.len <= 0)
		return FUDA_EFAILED;
	return fuda_pem_encode("PRIVATE KEY", der.bytes, (size_t)der.len, ret);
}

static int write_request(EVP_PKEY *key, struct fuda_buf *ret)
{
	_cleanup_(request_free) X509_REQ *request = X509_REQ_new();
	_cleanup_(allocated_free) struct allocated der = { NULL, 0 };
	X509_NAME *name = request ? X509_REQ_get_subject_name(request) : NULL;

	if (!name || X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
				       (const unsigned char *)common_name, -1, -1, 0) != 1 ||
	    X509_REQ_set_pubkey(request, key) != 1 ||
	    X509_REQ_sign(request, key, EVP_sha256()) <= 0)
		return FUDA_EFAILED;
	der.len = i2d_X509_REQ(request, &der.bytes);
	return der.len <= 0 ? FUDA_EFAILED : fuda_buf_append(ret, der.bytes, (size_t)der.len);
}

int request_make(struct fuda_context *ctx, struct fuda_buf *ret_key, struct fuda_buf *ret_request)
{
	_cleanup_(pkey_free) EVP_PKEY *key = EVP_EC_gen("P-256");
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(REQUEST_KEY_MAX);
	_cleanup_buf_ struct fuda_buf request = FUDA_BUF_INIT(REQUEST_MAX);
	int r = key ? write_key(key, &pem) : FUDA_EFAILED;

	if (r == 0)
		r = write_request(key, &request);
	if (r == 0)
		r = buf_reserve(ret_request, request.len);
	if (r == 0)
		r = fuda_buf_append(ret_key, pem.data, pem.len);
	if (r == 0)
		r = fuda_buf_append(ret_request, request.data, request.len);
	ERR_clear_error();
	return r < 0 ? ctx_fail(ctx, r, _("A key for this terminal cannot be made.")) : 0;
}

static int read_key(const struct fuda_buf *pem, EVP_PKEY **ret)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(REQUEST_KEY_MAX);
	const char *text = (const char *)pem->data;
	const unsigned char *p;
	size_t left = pem->len;
	char group[32] = "";

	if (fuda_pem_decode("PRIVATE KEY", &text, &left, &der) < 0)
		return FUDA_EFORMAT;
	p = der.data;
	*ret = d2i_AutoPrivateKey(NULL, &p, (long)der.len);
	if (!*ret || EVP_PKEY_get_group_name(*ret, group, sizeof(group), NULL) != 1 ||
	    strcmp(group, "prime256v1") != 0)
		return FUDA_EFORMAT;
	return 0;
}

int request_public_key(struct fuda_context *ctx, const struct fuda_buf *key,
		       struct fuda_buf *ret_info)
{
	_cleanup_(pkey_free) EVP_PKEY *pkey = NULL;
	_cleanup_(allocated_free) struct allocated der = { NULL, 0 };
	int r = read_key(key, &pkey);

	if (r == 0) {
		der.len = i2d_PUBKEY(pkey, &der.bytes);
		r = der.len <= 0 ? FUDA_EFORMAT :
				   fuda_buf_append(ret_info, der.bytes, (size_t)der.len);
	}
	ERR_clear_error();
	return r < 0 ? ctx_fail(ctx, r, _("The key of this terminal is no P-256 key.")) : 0;
}
