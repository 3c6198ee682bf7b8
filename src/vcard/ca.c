/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard/ca.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <unistd.h>
#include "vcard/internal.h"

#define YEAR	     (365 * 86400L + 6 * 3600)
#define GENERATION_1 (6 * YEAR) /* age of the CAs when the card was issued */
#define GENERATION_2 (2 * YEAR)

int authorities_new(time_t issued, struct authorities *ret)
{
	const struct branch *const branches[CA_BRANCHES] = { &branch_auth, &branch_sign };
	struct authorities a = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < CA_BRANCHES; i++) {
		struct generations *g = &a.of[i];
		EVP_PKEY *old_key = EVP_RSA_gen(2048);

		g->issuer.key = EVP_RSA_gen(2048);
		if (old_key && g->issuer.key) {
			g->old = issue_ca(branches[i], old_key, issued - GENERATION_1);
			g->issuer.cert =
				issue_ca(branches[i], g->issuer.key, issued - GENERATION_2);
		}
		ok = g->old && g->issuer.cert;
		EVP_PKEY_free(old_key);
	}
	if (!ok) {
		authorities_free(&a);
		return FUDA_EFAILED;
	}
	*ret = a;
	return 0;
}

void authorities_free(struct authorities *a)
{
	for (size_t i = 0; i < CA_BRANCHES; i++) {
		X509_free(a->of[i].old);
		X509_free(a->of[i].issuer.cert);
		EVP_PKEY_free(a->of[i].issuer.key);
	}
	*a = (struct authorities){ 0 };
}

static int read_in(int dir, const char *name, struct fuda_buf *ret)
{
	return dir < 0 ? FUDA_EFILE : vfile_read(dir, name, ret);
}

static int parse(const struct fuda_buf *certificates, const struct fuda_buf *keys,
		 struct authorities *ret)
{
	BIO *certs = BIO_new_mem_buf(certificates->data, (int)certificates->len);
	BIO *privates = BIO_new_mem_buf(keys->data, (int)keys->len);
	bool ok = certs && privates;

	for (size_t i = 0; ok && i < CA_BRANCHES; i++) {
		struct generations *g = &ret->of[i];

		g->old = PEM_read_bio_X509(certs, NULL, NULL, NULL);
		g->issuer.cert = PEM_read_bio_X509(certs, NULL, NULL, NULL);
		g->issuer.key = PEM_read_bio_PrivateKey(privates, NULL, NULL, NULL);
		ok = g->old && g->issuer.cert && g->issuer.key &&
		     X509_check_private_key(g->issuer.cert, g->issuer.key) == 1;
	}
	BIO_free(certs);
	BIO_free(privates);
	return ok ? 0 : FUDA_EFORMAT;
}

int authorities_load(const char *card, struct authorities *ret, char *ret_why, size_t why_size)
{
	_cleanup_buf_ struct fuda_buf certificates = FUDA_BUF_INIT(CA_PEM_MAX);
	_cleanup_buf_ struct fuda_buf keys = FUDA_BUF_INIT(CA_PEM_MAX);
	struct authorities a = { 0 };
	int dir = open(card, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = read_in(dir, CA_FILE, &certificates);

	if (r == 0)
		r = read_in(dir, CA_KEYS_FILE, &keys);
	if (dir >= 0)
		close(dir);
	if (r < 0)
		return explain(ret_why, why_size, FUDA_EFILE,
			       "%s: cannot read " CA_FILE " and " CA_KEYS_FILE
			       " there; is it a card of fuda-vcard make?",
			       card);
	r = parse(&certificates, &keys, &a);
	if (r < 0) {
		authorities_free(&a);
		return explain(ret_why, why_size, r,
			       "%s: " CA_FILE " and " CA_KEYS_FILE " do not belong together", card);
	}
	*ret = a;
	return 0;
}

static int take_bio(BIO *bio, bool written, struct fuda_buf *ret)
{
	char *text = NULL;
	long len = bio ? BIO_get_mem_data(bio, &text) : 0;
	int r = written && len > 0 ? fuda_buf_append(ret, text, (size_t)len) : FUDA_EFAILED;

	BIO_free(bio);
	return r;
}

static bool write_key(BIO *bio, EVP_PKEY *key)
{
	return PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) > 0;
}

int authorities_write(const struct authorities *a, struct fuda_buf *ret_certificates,
		      struct fuda_buf *ret_keys)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < CA_BRANCHES; i++) {
		const struct generations *g = &a->of[i];
		BIO *certs = BIO_new(BIO_s_mem()), *keys = BIO_new(BIO_s_secmem());

		r = take_bio(certs,
			     certs && PEM_write_bio_X509(certs, g->old) > 0 &&
				     PEM_write_bio_X509(certs, g->issuer.cert) > 0,
			     ret_certificates);
		if (r < 0)
			BIO_free(keys);
		else
			r = take_bio(keys, keys && write_key(keys, g->issuer.key), ret_keys);
	}
	return r;
}
